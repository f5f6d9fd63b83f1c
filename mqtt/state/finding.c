/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A finding's detail in words. */
#include "mqtt/state/finding.h"

#include "mqtt/facts/tables.h"

static size_t append(char *text, size_t size, size_t at, const char *piece, size_t length)
{
    for (size_t i = 0; i < length; i++, at++) {
        if (at + 1 < size)
            text[at] = piece[i];
    }
    return at;
}

/* How a detail wants a value: {0}, {0x} or {0u}. */
static size_t append_value(char *text, size_t size, size_t at, uint64_t value, char how)
{
    char digits[24];
    size_t start = sizeof digits;
    const unsigned base = how == '}' ? 10 : 16;
    const size_t least = how == 'u' ? 4 : how == 'x' ? 2 : 1;
    do {
        digits[--start] = (how == 'u' ? "0123456789ABCDEF" : "0123456789abcdef")[value % base];
        value /= base;
    } while (value != 0 || sizeof digits - start < least);
    if (how == 'x') {
        digits[--start] = 'x';
        digits[--start] = '0';
    }
    return append(text, size, at, digits + start, sizeof digits - start);
}

size_t mqtt_finding_detail(const struct mqtt_finding *finding, char *text, size_t size)
{
    const char *p = mqtt_rule_info((enum mqtt_rule)finding->rule)->detail;
    size_t at = 0;
    while (*p != '\0') {
        const bool value = p[0] == '{' && (p[1] == '0' || p[1] == '1');
        if (!value) {
            at = append(text, size, at, p++, 1);
            continue;
        }
        at = append_value(text, size, at, finding->values[p[1] - '0'], p[2]);
        p += p[2] == '}' ? 3 : 4;
    }
    if (size != 0)
        text[at < size ? at : size - 1] = '\0';
    return at;
}

static struct mqtt_circumstances circumstances(const struct mqtt_finding *finding)
{
    return (struct mqtt_circumstances){
        .version = finding->version,
        .sender = finding->sender,
        .packet_type = finding->packet_type,
        .qos = finding->qos,
        .awaits = finding->awaits,
        .field = finding->field,
    };
}

bool mqtt_finding_statement_next(const struct mqtt_finding *finding, const char **cursor,
                                 const char **statement, size_t *length)
{
    const struct mqtt_circumstances in = circumstances(finding);
    return mqtt_statement_next_in((enum mqtt_rule)finding->rule, &in, cursor, statement, length);
}

bool mqtt_finding_breaks(const struct mqtt_finding *finding, const char *statement)
{
    const struct mqtt_circumstances in = circumstances(finding);
    return mqtt_statement_applies(statement, &in);
}

enum mqtt_sender mqtt_finding_blames(const struct mqtt_finding *finding)
{
    const enum mqtt_rule rule = (enum mqtt_rule)finding->rule;
    const char *cursor = NULL, *statement;
    size_t length;
    if (mqtt_rule_info(rule)->severity != MQTT_ERROR &&
        !mqtt_finding_statement_next(finding, &cursor, &statement, &length))
        return MQTT_SENDER_UNKNOWN;
    return mqtt_rule_blames(rule, (enum mqtt_sender)finding->sender);
}
