/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bounds-checked reads: the only code that touches the bytes of a control packet.
 *
 * A cursor has two limits. Up to `captured` there are bytes to read; up to `end` the packet (or the
 * block inside it) says that there are. A read that would cross `end` finds the packet malformed;
 * one that stays inside `end` but crosses `captured` finds it cut by the capture. The first failure
 * is kept, with how many bytes were needed and how many were left. Private to mqtt/wire/.
 */
#ifndef MQTT_CURSOR_H
#define MQTT_CURSOR_H

#include "mqtt/facts/compiler.h"
#include "mqtt/wire/packet.h"

enum cursor_failure { CURSOR_FINE, CURSOR_OVERRUN, CURSOR_CUT, CURSOR_TOO_LONG };

struct cursor {
    const uint8_t *data;
    uint32_t at;
    uint32_t end;
    uint32_t captured;
    enum cursor_failure failure;
    uint32_t needed; /* by the read that failed */
    uint32_t left;   /* up to `end`, for the read that failed */
};

MQTT_INLINE uint32_t cursor_left(const struct cursor *c)
{
    return c->end - c->at;
}

/* True if `length` bytes can be read here. */
MQTT_INLINE bool cursor_has(struct cursor *c, uint32_t length)
{
    if (length <= c->end - c->at && length <= c->captured - c->at)
        return true;
    c->failure = length > c->end - c->at ? CURSOR_OVERRUN : CURSOR_CUT;
    c->needed = length;
    c->left = c->end - c->at;
    return false;
}

MQTT_INLINE bool cursor_u8(struct cursor *c, uint8_t *value)
{
    if (!cursor_has(c, 1))
        return false;
    *value = c->data[c->at++];
    return true;
}

MQTT_INLINE bool cursor_u16(struct cursor *c, uint16_t *value)
{
    if (!cursor_has(c, 2))
        return false;
    *value = (uint16_t)(c->data[c->at] << 8 | c->data[c->at + 1]);
    c->at += 2;
    return true;
}

MQTT_INLINE bool cursor_u32(struct cursor *c, uint32_t *value)
{
    if (!cursor_has(c, 4))
        return false;
    const uint8_t *p = c->data + c->at;
    *value = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    c->at += 4;
    return true;
}

/* Variable byte integer: seven bits a byte, lowest first, at most four bytes (3.1.1: 2.2.3; 5.0:
 * 1.5.5). Fails with CURSOR_TOO_LONG if the fourth byte wants a fifth. */
MQTT_INLINE bool cursor_variable(struct cursor *c, uint32_t *value)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t byte;
        if (!cursor_u8(c, &byte)) {
            c->at -= i;
            return false;
        }
        sum |= (uint32_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            *value = sum;
            return true;
        }
    }
    c->at -= 4;
    c->failure = CURSOR_TOO_LONG;
    c->needed = 4;
    c->left = c->end - c->at;
    return false;
}

/* Takes `length` bytes. When the capture cut them, false, but *slice has those that are there. */
MQTT_INLINE bool cursor_slice(struct cursor *c, uint32_t length, struct mqtt_slice *slice)
{
    slice->data = c->data + c->at;
    slice->length = 0;
    if (!cursor_has(c, length)) {
        if (c->failure == CURSOR_CUT)
            slice->length = c->captured - c->at;
        return false;
    }
    slice->length = length;
    c->at += length;
    return true;
}

#endif
