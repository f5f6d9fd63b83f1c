/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Well-formed UTF-8: Unicode table 3-7, which is RFC 3629's syntax as byte ranges. */
#include "mqtt/wire/utf8.h"

#include <stdbool.h>
#include <string.h>

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The second byte alone decides about overlong forms, surrogates and U+10FFFF. */
static bool second_fits(uint8_t lead, uint8_t second)
{
    switch (lead) {
    case 0xe0: return second >= 0xa0 && second <= 0xbf;
    case 0xed: return second >= 0x80 && second <= 0x9f;
    case 0xf0: return second >= 0x90 && second <= 0xbf;
    case 0xf4: return second >= 0x80 && second <= 0x8f;
    default: return is_continuation(second);
    }
}

static size_t sequence_length(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/* Length of the well-formed sequence at data[0]; 0 if there is none. */
static size_t well_formed(const uint8_t *data, size_t length)
{
    size_t need = sequence_length(data[0]);
    if (need <= 1)
        return need;
    if (length < need || !second_fits(data[0], data[1]))
        return 0;
    for (size_t i = 2; i < need; i++)
        if (!is_continuation(data[i]))
            return 0;
    return need;
}

/* Most text is ASCII: eight bytes at a time. */
static size_t skip_ascii(const uint8_t *data, size_t from, size_t length)
{
    while (length - from >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, data + from, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
        from += sizeof(word);
    }
    while (from < length && data[from] < 0x80)
        from++;
    return from;
}

size_t mqtt_utf8_check(const uint8_t *data, size_t length)
{
    size_t offset = 0;
    while ((offset = skip_ascii(data, offset, length)) < length) {
        size_t step = well_formed(data + offset, length - offset);
        if (step == 0)
            break;
        offset += step;
    }
    return offset;
}

/* The code point of a well-formed sequence of `length` bytes. */
static uint32_t code_point(const uint8_t *data, size_t length)
{
    static const uint8_t lead_bits[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point = data[0] & lead_bits[length];
    for (size_t i = 1; i < length; i++)
        point = point << 6 | (data[i] & 0x3f);
    return point;
}

static bool is_discouraged(uint32_t point, enum mqtt_discouraged kind)
{
    if (kind == MQTT_CONTROL_CHARACTER)
        return (point >= 0x01 && point <= 0x1f) || (point >= 0x7f && point <= 0x9f);
    return (point >= 0xfdd0 && point <= 0xfdef) || (point & 0xfffe) == 0xfffe;
}

size_t mqtt_utf8_discouraged(const uint8_t *data, size_t length, enum mqtt_discouraged kind,
                             uint32_t *point)
{
    size_t offset = 0;
    while (offset < length) {
        const size_t step = sequence_length(data[offset]);
        *point = code_point(data + offset, step);
        if (is_discouraged(*point, kind))
            break;
        offset += step;
    }
    return offset;
}
