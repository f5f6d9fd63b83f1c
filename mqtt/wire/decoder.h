/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the grammar in decode.c is written with: spans, findings, and the data types of 3.1.1
 * section 1.5 (5.0: 1.5).
 *
 * Everything here is inlined into mqtt_decode() with trace == NULL and into mqtt_decode_traced()
 * with a trace, so that one grammar has two costs. Functions return false where decoding has to
 * stop; the decoder's outcome then says why. Private to mqtt/wire/.
 */
#ifndef MQTT_DECODER_H
#define MQTT_DECODER_H

#include <string.h>

#include "mqtt/facts/tables.h"
#include "mqtt/wire/cursor.h"
#include "mqtt/wire/decode.h"
#include "mqtt/wire/utf8.h"

struct decoder {
    struct cursor cursor;
    struct mqtt_packet *packet;
    struct mqtt_trace *trace; /* NULL: no spans are wanted */
    enum mqtt_version version;
    enum mqtt_sender sender;
    enum mqtt_outcome outcome;
};

#define NO_SPAN UINT32_MAX

/* Adds a span; returns its index, or NO_SPAN. */
MQTT_INLINE uint32_t span(struct decoder *d, enum mqtt_field field, unsigned depth, uint32_t offset,
                          uint32_t length, uint32_t value)
{
    struct mqtt_trace *trace = d->trace;
    if (trace == NULL)
        return NO_SPAN;
    trace->needed++;
    if (trace->count == trace->capacity)
        return NO_SPAN;
    trace->spans[trace->count] =
        (struct mqtt_span){(uint16_t)field, (uint8_t)depth, offset, length, value};
    return trace->count++;
}

/* Opens a subtree at the cursor; its length is known at close_span(). */
MQTT_INLINE uint32_t open_span(struct decoder *d, enum mqtt_field field, unsigned depth)
{
    return span(d, field, depth, d->cursor.at, 0, 0);
}

MQTT_INLINE void close_span(struct decoder *d, uint32_t index, uint32_t end)
{
    if (index != NO_SPAN)
        d->trace->spans[index].length = end - d->trace->spans[index].offset;
}

/* Bit fields of the byte just read: one span a field, all over that byte. */
MQTT_INLINE void bits(struct decoder *d, enum mqtt_field field, unsigned depth, uint8_t byte)
{
    if (d->trace == NULL)
        return;
    const uint8_t mask = mqtt_field_info(field)->mask;
    unsigned shift = 0;
    while ((mask >> shift & 1) == 0)
        shift++;
    span(d, field, depth, d->cursor.at - 1, 1, (uint32_t)(byte & mask) >> shift);
}

/* Not inlined: findings are rare, and the two specialisations share it. It gets the packet alone,
 * so that the compiler sees that the decoder's own state stays as it is. */
MQTT_NOINLINE void add_finding(struct mqtt_packet *packet, enum mqtt_rule rule,
                               enum mqtt_field field, uint32_t offset, uint32_t length,
                               uint32_t value0, uint32_t value1)
{
    if (packet->finding_count == MQTT_PACKET_FINDINGS_MAX) {
        packet->findings_dropped++;
        return;
    }
    packet->findings[packet->finding_count++] = (struct mqtt_packet_finding){
        (uint16_t)rule, (uint16_t)field, offset, length, {value0, value1}};
}

MQTT_INLINE void finding(struct decoder *d, enum mqtt_rule rule, enum mqtt_field field,
                         uint32_t offset, uint32_t length, uint32_t value0, uint32_t value1)
{
    add_finding(d->packet, rule, field, offset, length, value0, value1);
}

/* The structure ends here: whatever follows can't be read. Returns false for the caller to return.
 */
MQTT_INLINE bool malformed(struct decoder *d, enum mqtt_rule rule, enum mqtt_field field,
                           uint32_t offset, uint32_t value0, uint32_t value1)
{
    struct mqtt_packet *packet = d->packet;
    /* The finding that explains the outcome is never the one that is dropped. */
    if (packet->finding_count == MQTT_PACKET_FINDINGS_MAX) {
        packet->finding_count--;
        packet->findings_dropped++;
    }
    finding(d, rule, field, offset, 0, value0, value1);
    packet->malformed_rule = (uint16_t)rule;
    packet->malformed_offset = offset;
    d->outcome = MQTT_MALFORMED;
    return false;
}

/* A read failed: because the capture cut the packet, or because the packet is too short, which
 * breaks `rule`. Returns false for the caller to return. */
MQTT_INLINE bool failed(struct decoder *d, enum mqtt_rule rule, enum mqtt_field field)
{
    const struct cursor *c = &d->cursor;
    if (c->failure == CURSOR_CUT) {
        d->outcome = MQTT_TRUNCATED;
        return false;
    }
    return malformed(
        d, c->failure == CURSOR_TOO_LONG ? MQTT_RULE_VARIABLE_BYTE_INTEGER_TOO_LONG : rule, field,
        c->at, c->needed, c->left);
}

MQTT_INLINE bool byte(struct decoder *d, enum mqtt_field field, unsigned depth, uint8_t *value)
{
    if (!cursor_u8(&d->cursor, value))
        return failed(d, MQTT_RULE_FIELD_MISSING, field);
    span(d, field, depth, d->cursor.at - 1, 1, *value);
    return true;
}

MQTT_INLINE bool two_bytes(struct decoder *d, enum mqtt_rule rule, enum mqtt_field field,
                           unsigned depth, uint16_t *value)
{
    if (!cursor_u16(&d->cursor, value))
        return failed(d, rule, field);
    span(d, field, depth, d->cursor.at - 2, 2, *value);
    return true;
}

MQTT_INLINE bool four_bytes(struct decoder *d, enum mqtt_field field, unsigned depth,
                            uint32_t *value)
{
    if (!cursor_u32(&d->cursor, value))
        return failed(d, MQTT_RULE_FIELD_MISSING, field);
    span(d, field, depth, d->cursor.at - 4, 4, *value);
    return true;
}

/* How many bytes the shortest encoding takes. */
MQTT_INLINE uint32_t variable_size(uint32_t value)
{
    return value < 1u << 7 ? 1 : value < 1u << 14 ? 2 : value < 1u << 21 ? 3 : 4;
}

MQTT_INLINE void check_minimal(struct decoder *d, enum mqtt_field field, uint32_t start,
                               uint32_t value)
{
    const uint32_t size = d->cursor.at - start;
    if (size != variable_size(value))
        finding(d, MQTT_RULE_VARIABLE_BYTE_INTEGER_NOT_MINIMAL, field, start, size, value, size);
}

MQTT_INLINE bool variable(struct decoder *d, enum mqtt_rule rule, enum mqtt_field field,
                          unsigned depth, uint32_t *value)
{
    const uint32_t start = d->cursor.at;
    if (!cursor_variable(&d->cursor, value))
        return failed(d, rule, field);
    span(d, field, depth, start, d->cursor.at - start, *value);
    check_minimal(d, field, start, *value);
    return true;
}

/* A two-byte length and so many bytes (1.5.6 in 5.0). `slice` has no data if they are not all
 * there. */
MQTT_INLINE bool binary(struct decoder *d, enum mqtt_rule missing, enum mqtt_field length_field,
                        enum mqtt_field field, unsigned depth, struct mqtt_slice *slice)
{
    uint16_t length;
    *slice = (struct mqtt_slice){NULL, 0};
    if (!two_bytes(d, missing, length_field, depth, &length))
        return false;
    const uint32_t start = d->cursor.at;
    const bool whole = cursor_slice(&d->cursor, length, slice);
    if (slice->length != 0 || whole)
        span(d, field, depth, start, slice->length, 0);
    if (whole)
        return true;
    *slice = (struct mqtt_slice){NULL, 0}; /* half of a name is another name */
    return failed(d, missing, field);
}

/* True if each of the eight bytes is printable ASCII, and neither + nor #. Bit 7 of a byte is set
 * in one of the five terms if it is not: bytes below the highest bit carry nothing into each other
 * unless one of them is such a byte itself. */
MQTT_INLINE bool plain_word(const uint8_t *data)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word;
    memcpy(&word, data, sizeof word);
    const uint64_t above_7e = word | (word + ones);
    const uint64_t below_20 = word - ones * 0x20;
    const uint64_t wildcard = ((word ^ ones * '+') - ones) | ((word ^ ones * '#') - ones);
    return ((above_7e | below_20 | wildcard) & ones << 7) == 0;
}

/* True if nothing in the text could break a rule: nearly all topics are like that, so that this one
 * look replaces a search for bad UTF-8, for NUL, for control characters and for each wildcard. */
MQTT_INLINE bool plain_text(struct mqtt_slice text)
{
    uint8_t padded[8] = {'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a'};
    uint32_t at = 0;
    for (; text.length - at >= 8; at += 8) {
        if (!plain_word(text.data + at))
            return false;
    }
    for (uint32_t i = 0; at + i < text.length; i++)
        padded[i] = text.data[at + i];
    return plain_word(padded);
}

/* What 3.1.1 and 5.0 discourage, the first of each kind; 3.1 says nothing of it. */
static void check_characters(struct decoder *d, enum mqtt_field field, struct mqtt_slice text)
{
    static const uint16_t rules[MQTT_DISCOURAGED] = {
        [MQTT_CONTROL_CHARACTER] = MQTT_RULE_STRING_CONTROL_CHARACTER,
        [MQTT_NON_CHARACTER] = MQTT_RULE_STRING_NON_CHARACTER,
    };
    const uint32_t start = (uint32_t)(text.data - d->cursor.data);
    for (unsigned kind = 0; kind < MQTT_DISCOURAGED && d->version != MQTT_VERSION_3_1; kind++) {
        uint32_t point;
        const uint32_t at = (uint32_t)mqtt_utf8_discouraged(text.data, text.length,
                                                            (enum mqtt_discouraged)kind, &point);
        if (at == text.length)
            continue;
        /* Leaves room for what is forbidden. */
        if (d->packet->finding_count < MQTT_PACKET_FINDINGS_MAX / 2)
            finding(d, (enum mqtt_rule)rules[kind], field, start + at, 1, point, at);
        else
            d->packet->findings_dropped++;
    }
}

static void check_text(struct decoder *d, enum mqtt_rule not_utf8, enum mqtt_rule nul,
                       enum mqtt_field field, struct mqtt_slice text)
{
    const uint32_t start = (uint32_t)(text.data - d->cursor.data);
    const uint32_t bad = (uint32_t)mqtt_utf8_check(text.data, text.length);
    if (bad != text.length)
        finding(d, not_utf8, field, start + bad, 1, bad, 0);
    else
        check_characters(d, field, text);
    const uint8_t *zero = text.length != 0 ? memchr(text.data, 0, text.length) : NULL;
    if (zero != NULL) {
        const uint32_t at = (uint32_t)(zero - text.data);
        finding(d, nul, field, start + at, 1, at, 0);
    }
}

/* A UTF-8 encoded string: 3.1.1 section 1.5.3, 5.0 section 1.5.4. */
MQTT_INLINE bool text(struct decoder *d, enum mqtt_rule missing, enum mqtt_rule not_utf8,
                      enum mqtt_rule nul, enum mqtt_field length_field, enum mqtt_field field,
                      unsigned depth, struct mqtt_slice *slice)
{
    if (!binary(d, missing, length_field, field, depth, slice))
        return false;
    if (!plain_text(*slice))
        check_text(d, not_utf8, nul, field, *slice);
    return true;
}

#endif
