/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is done about each normative statement, from mqtt/facts/statements.def and the rules that
 * cite them. */
#include "docs/generate_conformance.h"

#include <stdio.h>

#include "mqtt/facts/statements.h"

#define SCOPES (MQTT_SCOPE_NOTHING + 1)
#define WHYS (MQTT_WHY_UNSEEN + 1)

static const char *const scope_words[SCOPES] = {"one packet", "one connection",
                                                "several connections", "nothing on the wire"};

/* ---- Totals ---- */

static unsigned count(enum mqtt_version version, unsigned scope, unsigned why)
{
    const struct mqtt_statement *row;
    unsigned rows = 0;
    for (unsigned i = 0; (row = mqtt_statement(i)) != NULL; i++)
        rows += row->version == version && (scope == SCOPES || row->scope == scope) &&
                (why == WHYS || row->why == why);
    return rows;
}

static void totals(enum mqtt_version version)
{
    printf("| Shown by | Rules | Pending | Unseen | In all |\n|---|--:|--:|--:|--:|\n");
    for (unsigned scope = 0; scope <= SCOPES; scope++) {
        printf("| %s |", scope < SCOPES ? scope_words[scope] : "**in all**");
        for (unsigned why = 0; why <= WHYS; why++)
            printf(" %u |", count(version, scope, why));
        putchar('\n');
    }
    putchar('\n');
}

/* ---- Rows ---- */

static void cell(const char *text)
{
    for (; *text != '\0'; text++)
        printf(*text == '|' ? "\\|" : "%c", *text);
}

/* A heading's anchor has no dots. */
static void link_to_rule(enum mqtt_rule rule)
{
    const char *id = mqtt_rule_info(rule)->id;
    printf("[%s](rules.md#", id);
    for (; *id != '\0'; id++)
        if (*id != '.')
            putchar(*id);
    putchar(')');
}

static void rules(const struct mqtt_statement *row)
{
    unsigned cursor = 0;
    enum mqtt_rule rule;
    for (unsigned i = 0; (rule = mqtt_statement_rule(row, &cursor)) != MQTT_RULE_NONE; i++) {
        printf("%s", i > 0 ? ", " : "");
        link_to_rule(rule);
    }
}

static void judged(const struct mqtt_statement *row)
{
    switch (row->why) {
    case MQTT_WHY_RULES: rules(row); break;
    case MQTT_WHY_PENDING: printf("*pending*"); break;
    default:
        printf("unseen: ");
        cell(row->reason);
        break;
    }
}

static void statements(enum mqtt_version version)
{
    const struct mqtt_statement *row;
    printf("| Statement | What it says | Shown by | Judged by |\n|---|---|---|---|\n");
    for (unsigned i = 0; (row = mqtt_statement(i)) != NULL; i++) {
        if (row->version != version)
            continue;
        printf("| %s | ", row->id);
        cell(row->says);
        printf(" | %s | ", scope_words[row->scope]);
        judged(row);
        printf(" |\n");
    }
    putchar('\n');
}

void conformance_page(void)
{
    static const enum mqtt_version versions[] = {MQTT_VERSION_3_1_1, MQTT_VERSION_5_0};
    printf(
        "# Conformance\n\n"
        "<!-- Generated from mqtt/facts/statements.def and mqtt/facts/rules.def by scripts/docs. "
        "Change it\nthere. -->\n\n"
        "Every normative statement of MQTT 3.1.1 and 5.0, with the rules that find it broken. One "
        "that\nhas none says why:\n\n"
        "- *pending*: a capture can show that it was broken, and no rule says so yet.\n"
        "- *unseen*: no capture can show that it was broken, for the reason given.\n\n"
        "What the statements say is put in our own words; the specifications' are what counts. "
        "MQTT 3.1 numbers\n"
        "none. A rule may be about several statements; a finding names those that were "
        "broken.\n\n");
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        printf("## MQTT %s\n\n", mqtt_version_name(versions[i]));
        totals(versions[i]);
        statements(versions[i]);
    }
}
