/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expands statements.def. A file of its own: neither the plugin nor the analyzer carries it. */
#include "mqtt/facts/statements.h"

#include <string.h>

#define WHY_RULES MQTT_WHY_RULES, NULL
#define WHY_PENDING MQTT_WHY_PENDING, NULL
#define WHY_UNSEEN(reason) MQTT_WHY_UNSEEN, reason

/* Two steps, so that WHY_x is expanded into its two values before the row is filled. */
#define ROW(...) ROW_EXPANDED(__VA_ARGS__)
#define ROW_EXPANDED(version, id, scope, says, why, reason) {version, scope, why, id, says, reason},

static const struct mqtt_statement statements[] = {
#define MQTT_STATEMENT(version, id, scope, says, why)                                              \
    ROW(MQTT_VERSION_##version, id, MQTT_SCOPE_##scope, says, WHY_##why)
#include "mqtt/facts/statements.def"
};

const struct mqtt_statement *mqtt_statement(unsigned index)
{
    return index < sizeof statements / sizeof *statements ? &statements[index] : NULL;
}

static bool cites(enum mqtt_rule rule, const struct mqtt_statement *statement)
{
    const enum mqtt_version version = (enum mqtt_version)statement->version;
    const char *cursor = NULL;
    const char *id;
    size_t length;
    while (mqtt_statement_next(rule, version, MQTT_SENDER_UNKNOWN, &cursor, &id, &length)) {
        if (strlen(statement->id) == length && memcmp(statement->id, id, length) == 0)
            return true;
    }
    return false;
}

enum mqtt_rule mqtt_statement_rule(const struct mqtt_statement *statement, unsigned *cursor)
{
    while (*cursor < MQTT_RULES) {
        const enum mqtt_rule rule = (enum mqtt_rule)(*cursor)++;
        if (cites(rule, statement))
            return rule;
    }
    return MQTT_RULE_NONE;
}
