/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sorted list. Nearly all segments that arrive early follow the one before, so they are put at
 * the end without a search; the caller's bound on the number of segments bounds the search of the
 * others.
 */
#include "tcp/hold.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* How far the byte behind this piece is from `origin`. */
static uint32_t end_of(const struct held *held, uint32_t origin)
{
    return held->sequence - origin + held->reported;
}

/* Links a copy in where `link` points. */
static bool insert(struct hold *hold, struct mqtt_memory *memory, struct held **link,
                   uint32_t sequence, struct slice payload)
{
    struct held *held =
        mqtt_memory_resize(memory, MQTT_MEMORY_HELD, NULL, 0, sizeof *held + payload.captured);
    if (held == NULL)
        return false;
    held->sequence = sequence;
    held->captured = payload.captured;
    held->reported = payload.reported;
    if (payload.captured > 0)
        memcpy(held->bytes, payload.data, payload.captured);
    held->next = *link;
    *link = held;
    if (held->next == NULL)
        hold->last = held;
    hold->segments++;
    hold->bytes += payload.captured + (uint32_t)sizeof *held;
    return true;
}

enum hold_result hold_add(struct hold *hold, struct mqtt_memory *memory, uint32_t origin,
                          uint32_t sequence, struct slice payload)
{
    enum hold_result result = HOLD_KNOWN;
    uint32_t at = sequence - origin;
    struct held **link = &hold->first;
    if (hold->last != NULL && at >= end_of(hold->last, origin))
        link = &hold->last->next;

    while (payload.reported > 0) {
        while (*link != NULL && end_of(*link, origin) <= at)
            link = &(*link)->next;
        uint32_t start = *link != NULL ? (*link)->sequence - origin : UINT32_MAX;
        if (at < start) {
            uint32_t room = start - at;
            struct slice piece = slice_limit(payload, room);
            if (!insert(hold, memory, link, origin + at, piece))
                return HOLD_NO_MEMORY;
            result = HOLD_NEW;
            at += piece.reported;
            payload = slice_skip(payload, piece.reported);
        } else {
            uint32_t known = end_of(*link, origin) - at;
            payload = slice_skip(payload, known);
            at += known;
        }
    }
    return result;
}

struct held *hold_take(struct hold *hold)
{
    struct held *held = hold->first;
    if (held == NULL)
        return NULL;
    hold->first = held->next;
    if (hold->first == NULL)
        hold->last = NULL;
    hold->segments--;
    hold->bytes -= held->captured + (uint32_t)sizeof *held;
    return held;
}

void held_free(struct held *held, struct mqtt_memory *memory)
{
    mqtt_memory_free(memory, held, sizeof *held + held->captured);
}

void hold_clear(struct hold *hold, struct mqtt_memory *memory)
{
    for (struct held *held; (held = hold_take(hold)) != NULL;)
        held_free(held, memory);
}
