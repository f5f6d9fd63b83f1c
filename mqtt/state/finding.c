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

static size_t append_number(char *text, size_t size, size_t at, uint64_t number, bool hexadecimal)
{
    char digits[24];
    size_t start = sizeof digits;
    const unsigned base = hexadecimal ? 16 : 10;
    do {
        digits[--start] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0 || (hexadecimal && sizeof digits - start < 2));
    if (hexadecimal) {
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
        const bool hexadecimal = p[2] == 'x';
        at = append_number(text, size, at, finding->values[p[1] - '0'], hexadecimal);
        p += hexadecimal ? 4 : 3;
    }
    if (size != 0)
        text[at < size ? at : size - 1] = '\0';
    return at;
}
