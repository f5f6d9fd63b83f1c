/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one side of a TCP flow sent ahead of a hole: copies of the payload, in order and without
 * overlap. All functions of a hold take the same memory. Private to tcp/.
 */
#ifndef MQTTSCOPE_TCP_HOLD_H
#define MQTTSCOPE_TCP_HOLD_H

#include <stdint.h>

#include "mqtt/wire/memory.h"
#include "tcp/slice.h"

/* Payload that was copied. */
struct held {
    struct held *next;
    uint32_t sequence; /* of the first byte */
    uint32_t captured;
    uint32_t reported;
    uint8_t bytes[];
};

struct hold {
    struct held *first; /* ascending, all of them after `next` of the side */
    struct held *last;
    uint32_t segments;
    uint32_t bytes; /* memory: captured bytes and their headers */
};

enum hold_result {
    HOLD_NEW,       /* some of the bytes were not held yet */
    HOLD_KNOWN,     /* all of them were */
    HOLD_NO_MEMORY, /* what could be held of them is */
};

/* Copies what is not yet held of a segment that starts at `sequence`. `origin` is a sequence number
 * not after that of any held byte, from which the others are counted (they wrap): what is held and
 * the segment end less than 2^32 - 1 behind it. Bytes held already win. */
enum hold_result hold_add(struct hold *hold, struct mqtt_memory *memory, uint32_t origin,
                          uint32_t sequence, struct slice payload);

/* Takes the first piece out; the caller frees it. NULL where nothing is held. */
struct held *hold_take(struct hold *hold);

void held_free(struct held *held, struct mqtt_memory *memory);

void hold_clear(struct hold *hold, struct mqtt_memory *memory);

#endif
