/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes a page of docs/ to stdout, from the tables that the programs themselves use. A test
 * compares the output with the committed files; scripts/docs writes them anew.
 */
#include <stdio.h>
#include <string.h>

#include "audit/diagnosis/diagnoses.h"
#include "audit/sparkplug/assertions.h"
#include "docs/generate_conformance.h"
#include "docs/generate_options.h"
#include "docs/generate_report.h"
#include "mqtt/facts/tables.h"

/* One word behind a statement: when it applies. */
static void circumstance(const char *word, size_t length)
{
    if (length == 1)
        printf("%s", *word == 'c' ? "client" : "server");
    for (size_t i = 0; length > 1 && i < length; i++)
        putchar(word[i] == '_' ? ' ' : word[i]);
}

static void statements(const char *list)
{
    if (*list == '\0')
        printf("-");
    while (*list != '\0') {
        const size_t id = strcspn(list, " /");
        printf("%.*s", (int)id, list);
        list += id;
        for (bool first = true; *list == '/'; first = false) {
            const size_t length = strcspn(++list, " /");
            printf(first ? " (" : ", ");
            circumstance(list, length);
            list += length;
            if (*list != '/')
                putchar(')');
        }
        if (*list == ' ')
            printf(", ");
        list += strspn(list, " ");
    }
}

/* Of rules about Sparkplug; ids have no blanks in them. */
static void assertions(const char *list)
{
    printf("- Sparkplug 3.0:");
    for (; *list != '\0'; list += strspn(list, " ")) {
        const size_t length = strcspn(list, " ");
        printf(" `%.*s`", (int)length, list);
        list += length;
    }
}

static void rules_of(enum mqtt_scope scope)
{
    for (unsigned rule = 0; rule < MQTT_RULES; rule++) {
        const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)rule);
        if (info->scope != scope)
            continue;
        printf("### %s\n\n**%s.** %s%s\n\n", info->id, info->title,
               mqtt_severity_name(info->severity),
               info->at_end           ? "; known only when the connection or the capture ends"
               : info->analyzer_alone ? "; the analyzer's alone, for Wireshark does not tell the "
                                        "plugin what it takes"
                                      : "");
        const char *sparkplug = sparkplug_assertions((enum mqtt_rule)rule);
        if (sparkplug != NULL) {
            assertions(sparkplug);
        } else {
            printf("- 3.1.1: ");
            statements(info->statements_3_1_1);
            printf("\n- 5.0: ");
            statements(info->statements_5_0);
        }
        printf("\n\n%s\n\n", info->explanation);
    }
}

static void rules(void)
{
    printf(
        "# Rules\n\n"
        "<!-- Generated from mqtt/facts/rules.def by scripts/docs. Change it there. -->\n\n"
        "Every finding of mqttscope, with its severity and the numbered statements of the\n"
        "specifications that it stands for. *error*: a MUST is broken; *warning*: likely a fault,\n"
        "or something that failed; *note*: worth knowing. Words in brackets say when a finding "
        "breaks\n"
        "a statement: \"client\" and \"server\", who sent the packet that it names; \"PUBACK\", "
        "which\n"
        "packet that is; \"AWAITS PUBACK\", what the exchange in flight awaits that has the same\n"
        "identifier; \"REASON STRING\", which property of it is concerned. 3.1 numbers no "
        "statements;\n"
        "[conformance.md](conformance.md) goes through those of 3.1.1 and 5.0. `mqttscope "
        "--explain\n"
        "RULE` shows the same text; in Wireshark, `mqttscope.rule == \"RULE\"` finds the packets, "
        "but\n"
        "for rules that are known only at the end: the report names their frames.\n\n");
    printf("## What one control packet shows\n\n");
    rules_of(MQTT_SCOPE_PACKET);
    printf("## What one connection shows\n\n");
    rules_of(MQTT_SCOPE_CONNECTION);
    printf("## What several connections show\n\n");
    rules_of(MQTT_SCOPE_SESSION);
}

static void diagnoses(void)
{
    printf("# Diagnoses\n\n"
           "<!-- Generated from audit/diagnoses.def by scripts/docs. Change it there. -->\n\n"
           "A finding says which promise broke in which frame. A diagnosis is what findings, "
           "connections and times\n"
           "of a client, a server or the whole capture add up to: with its evidence, whether "
           "it is sure, what else it\n"
           "could be, and what to look at or change next. They stand first in the report, and "
           "in `diagnoses` of\n"
           "the [JSON report](report.md#diagnosis). `mqttscope --explain ID` shows the same "
           "text, and `--fail-on`\n"
           "counts a diagnosis by its severity: *error*, something does not work; *warning*, it "
           "works badly, or\n"
           "will fail; *note*, worth knowing; one that is not sure is a warning at the most. One "
           "that is said wrongly costs more than one that "
           "is missing: what\n"
           "each needs is on the careful side. With `--only`, those are looked for that are named, "
           "from the findings\n"
           "that are.\n\n");
    for (unsigned id = 0; id < AUDIT_DIAGNOSES; id++) {
        const struct audit_diagnosis_info *info = audit_diagnosis_info(id);
        printf("## %s\n\n**%s.** %s\n\n%s\n\n- Said of: %s.\n", info->id, info->title,
               mqtt_severity_name(info->severity), info->explanation, info->needs);
        if (info->alternatives[0] != '\0')
            printf("- Or else: %s\n", info->alternatives);
        printf("- What to do: %s\n%s", info->advice, id + 1 < AUDIT_DIAGNOSES ? "\n" : "");
    }
}

static const char *kind(const struct mqtt_field_info *info)
{
    static const char *const names[] = {"label",         "8-bit number",  "16-bit number",
                                        "32-bit number", "64-bit number", "flag",
                                        "text",          "text",          "bytes"};
    return info->variable ? "variable byte integer" : names[info->kind];
}

static void fields(void)
{
    printf("# Fields\n\n"
           "<!-- Generated from mqtt/facts/fields.def and mqtt/facts/properties.def by "
           "scripts/docs. Change it\n"
           "there. -->\n\n"
           "Every field of the wire, by the name that display filters use. Where Wireshark's own "
           "MQTT\n"
           "dissector has the field, the name and the type are the same.\n\n"
           "| Filter | Field | Kind | What it is |\n|---|---|---|---|\n");
    for (unsigned field = 0; field < MQTT_FIELDS; field++) {
        const struct mqtt_field_info *info = mqtt_field_info((enum mqtt_field)field);
        printf("| `%s` | %s | %s | %s |\n", info->abbreviation, info->name, kind(info), info->help);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*write)(void);
    } pages[] = {
        {"rules", rules},          {"diagnoses", diagnoses},  {"conformance", conformance_page},
        {"fields", fields},        {"report", report_keys},   {"schema", report_schema},
        {"events", events_page},   {"tables", tables_page},   {"events-schema", events_schema},
        {"manual", manual_page},   {"bash", bash_completion}, {"zsh", zsh_completion},
        {"fish", fish_completion},
    };
    for (size_t i = 0; argc == 2 && i < sizeof pages / sizeof pages[0]; i++)
        if (strcmp(argv[1], pages[i].name) == 0) {
            pages[i].write();
            return fflush(stdout) == 0 ? 0 : 2;
        }
    fprintf(stderr, "usage: generate-docs ");
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        fprintf(stderr, "%s%s", i > 0 ? "|" : "", pages[i].name);
    fprintf(stderr, "\n");
    return 2;
}
