/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Spans: where each field of a control packet stands, in the order of the wire. A protocol tree is
 * drawn from them without parsing anything again.
 */
#ifndef MQTT_TRACE_H
#define MQTT_TRACE_H

#include <stdint.h>

/* `offset` counts from the packet's first byte. A span is the child of the nearest earlier span
 * with a smaller depth. Spans of depth d that follow each other don't overlap, except bit fields,
 * which share the bytes of their parent. `length` counts captured bytes. `value` is the number that
 * the field holds (bit fields: after mask and shift; variable byte integers: decoded), 0 for
 * strings, bytes and subtrees. */
struct mqtt_span {
    uint16_t field; /* enum mqtt_field */
    uint8_t depth;
    uint32_t offset;
    uint32_t length;
    uint32_t value;
};

/* The caller gives `spans` and `capacity`; decoding fills the first `count` of them. `needed` says
 * how many the packet has: if it is larger than `capacity`, enlarge and decode again. */
struct mqtt_trace {
    struct mqtt_span *spans;
    uint32_t capacity;
    uint32_t count;
    uint32_t needed;
};

#endif
