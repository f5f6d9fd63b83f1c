/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes a page of docs/ to stdout, from the tables that the programs themselves use. A test
 * compares the output with the committed files; scripts/docs writes them anew.
 */
#include <stdio.h>
#include <string.h>

#include "docs/generate_report.h"
#include "mqtt/facts/tables.h"

static void statements(const char *list)
{
    if (*list == '\0') {
        printf("-");
        return;
    }
    for (const char *p = list; *p != '\0'; p++) {
        if (*p == ' ')
            printf(", ");
        else if (*p == '/')
            printf("%s", *++p == 'c' ? " (client)" : " (server)");
        else
            putchar(*p);
    }
}

static void rules_of(enum mqtt_scope scope)
{
    for (unsigned rule = 0; rule < MQTT_RULES; rule++) {
        const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)rule);
        if (info->scope != scope)
            continue;
        printf("### %s\n\n**%s.** %s%s\n\n- 3.1.1: ", info->id, info->title,
               mqtt_severity_name(info->severity),
               info->at_end           ? "; known only when the connection or the capture ends"
               : info->analyzer_alone ? "; the analyzer's alone, for Wireshark does not tell the "
                                        "plugin what it takes"
                                      : "");
        statements(info->statements_3_1_1);
        printf("\n- 5.0: ");
        statements(info->statements_5_0);
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
        "or something that failed; *note*: worth knowing. \"(client)\" and \"(server)\" say whose\n"
        "packet the statement is about. 3.1 numbers no statements. `mqttscope --explain RULE`\n"
        "shows the same text; in Wireshark, `mqttscope.rule == \"RULE\"` finds the packets, but "
        "for\n"
        "rules that are known only at the end: the report names their frames.\n\n");
    printf("## What one control packet shows\n\n");
    rules_of(MQTT_SCOPE_PACKET);
    printf("## What one connection shows\n\n");
    rules_of(MQTT_SCOPE_CONNECTION);
    printf("## What several connections show\n\n");
    rules_of(MQTT_SCOPE_SESSION);
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
        {"rules", rules},          {"fields", fields},      {"report", report_page},
        {"schema", report_schema}, {"events", events_page}, {"events-schema", events_schema},
    };
    for (size_t i = 0; argc == 2 && i < sizeof pages / sizeof pages[0]; i++)
        if (strcmp(argv[1], pages[i].name) == 0) {
            pages[i].write();
            return fflush(stdout) == 0 ? 0 : 2;
        }
    fprintf(stderr, "usage: generate-docs rules|fields|report|schema|events|events-schema\n");
    return 2;
}
