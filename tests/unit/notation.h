/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control packets written down so that people can check them against the specification:
 *
 *     "10 ~ ['MQTT'] 04 02 003C ['id']"       a CONNECT of 3.1.1
 *
 *     0A1B      bytes in hexadecimal
 *     'text'    bytes as characters
 *     ~         Remaining Length: of all that follows, in as few bytes as it takes
 *     [ ... ]   a two-byte length and so many bytes: strings and binary data
 *     < ... >   a variable byte integer and so many bytes: property blocks
 */
#ifndef MQTTSCOPE_TESTS_UNIT_NOTATION_H
#define MQTTSCOPE_TESTS_UNIT_NOTATION_H

#include "bytes.h"

#include <ctype.h>
#include <stdio.h>

static inline unsigned notation_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    fprintf(stderr, "notation: unexpected '%c'\n", c);
    abort();
}

/* Reads up to `end`, which closes what is being read; '\0' closes all. Returns what is behind it.
 */
static inline const char *notation_read(const char *text, char end, struct bytes *out)
{
    while (*text != end) {
        const char c = *text++;
        if (c == ' ')
            continue;
        if (c == '\'') {
            for (; *text != '\''; text++)
                bytes_u8(out, (uint8_t)*text);
            text++;
        } else if (c == '[' || c == '<' || c == '~') {
            struct bytes inner = {0};
            text = notation_read(text, c == '[' ? ']' : c == '<' ? '>' : '\0', &inner);
            if (c == '[')
                bytes_u16(out, (unsigned)inner.length);
            else
                bytes_variable(out, (uint32_t)inner.length);
            bytes_add(out, inner.data, inner.length);
            free(inner.data);
            if (c == '~')
                return text;
        } else {
            bytes_u8(out, notation_digit(c) << 4 | notation_digit(*text));
            text++;
        }
    }
    return end == '\0' ? text : text + 1;
}

/* The caller frees .data. */
static inline struct bytes notation(const char *text)
{
    struct bytes out = {0};
    notation_read(text, '\0', &out);
    return out;
}

#endif
