/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See inflight.h. Linear probing; removal shifts the entries behind back, so there are no tombs. */
#include "mqtt/inflight.h"

#include <stdlib.h>
#include <string.h>

#include "mqtt/session.h"

#define FIRST_CAPACITY 8u

static uint32_t home(const struct mqtt_inflight *table, uint16_t identifier)
{
    return identifier & (table->capacity - 1);
}

static uint32_t after(const struct mqtt_inflight *table, uint32_t slot)
{
    return (slot + 1) & (table->capacity - 1);
}

struct mqtt_handshake *inflight_find(const struct mqtt_inflight *table, uint16_t identifier)
{
    if (table->count == 0)
        return NULL;
    for (uint32_t slot = home(table, identifier);; slot = after(table, slot)) {
        struct mqtt_handshake *entry = &table->slots[slot];
        if (entry->kind == MQTT_HANDSHAKE_NONE)
            return NULL;
        if (entry->packet_identifier == identifier)
            return entry;
    }
}

static struct mqtt_handshake *free_slot(const struct mqtt_inflight *table, uint16_t identifier)
{
    uint32_t slot = home(table, identifier);
    while (table->slots[slot].kind != MQTT_HANDSHAKE_NONE)
        slot = after(table, slot);
    return &table->slots[slot];
}

/* Keeps at least half of the slots free, so that probing ends soon. */
static bool grow(struct mqtt_inflight *table)
{
    if (table->capacity != 0 && table->count < table->capacity / 2)
        return true;
    struct mqtt_inflight larger = {NULL, table->capacity * 2, table->count};
    if (larger.capacity == 0)
        larger.capacity = FIRST_CAPACITY;
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (larger.slots == NULL)
        return table->count + 1 < table->capacity;
    for (uint32_t i = 0; i < table->capacity; i++) {
        const struct mqtt_handshake *entry = &table->slots[i];
        if (entry->kind != MQTT_HANDSHAKE_NONE)
            *free_slot(&larger, entry->packet_identifier) = *entry;
    }
    free(table->slots);
    *table = larger;
    return true;
}

struct mqtt_handshake *inflight_add(struct mqtt_inflight *table, uint16_t identifier,
                                    enum mqtt_handshake_kind kind)
{
    if (!grow(table))
        return NULL;
    struct mqtt_handshake *entry = free_slot(table, identifier);
    memset(entry, 0, sizeof *entry);
    entry->packet_identifier = identifier;
    entry->kind = (uint8_t)kind;
    table->count++;
    return entry;
}

void inflight_remove(struct mqtt_inflight *table, struct mqtt_handshake *entry)
{
    free(entry->requested_qos);
    entry->requested_qos = NULL;
    entry->kind = MQTT_HANDSHAKE_NONE;
    table->count--;
    uint32_t hole = (uint32_t)(entry - table->slots);
    for (uint32_t slot = after(table, hole); table->slots[slot].kind != MQTT_HANDSHAKE_NONE;
         slot = after(table, slot)) {
        /* An entry may move into the hole if the hole is on its way from its home. */
        const uint32_t mask = table->capacity - 1;
        const uint32_t way = (slot - home(table, table->slots[slot].packet_identifier)) & mask;
        if (way < ((slot - hole) & mask))
            continue;
        table->slots[hole] = table->slots[slot];
        table->slots[slot].kind = MQTT_HANDSHAKE_NONE;
        table->slots[slot].requested_qos = NULL;
        hole = slot;
    }
}

void inflight_free(struct mqtt_inflight *table)
{
    for (uint32_t i = 0; i < table->capacity; i++) {
        if (table->slots[i].kind != MQTT_HANDSHAKE_NONE)
            free(table->slots[i].requested_qos);
    }
    free(table->slots);
    *table = (struct mqtt_inflight){0};
}

void inflight_filter(struct mqtt_inflight *table,
                     bool (*wanted)(const struct mqtt_handshake *handshake))
{
    struct mqtt_inflight kept = {0};
    for (uint32_t i = 0; i < table->capacity; i++) {
        struct mqtt_handshake *entry = &table->slots[i];
        if (entry->kind == MQTT_HANDSHAKE_NONE || !wanted(entry))
            continue;
        struct mqtt_handshake *copy =
            inflight_add(&kept, entry->packet_identifier, (enum mqtt_handshake_kind)entry->kind);
        if (copy == NULL)
            continue;
        *copy = *entry;
        entry->requested_qos = NULL; /* it has moved */
    }
    inflight_free(table);
    *table = kept;
}

void inflight_move(struct mqtt_inflight *to, struct mqtt_inflight *from)
{
    *to = *from;
    *from = (struct mqtt_inflight){0};
}

const struct mqtt_handshake *mqtt_inflight_next(const struct mqtt_inflight *inflight,
                                                uint32_t *cursor)
{
    while (*cursor < inflight->capacity) {
        const struct mqtt_handshake *entry = &inflight->slots[(*cursor)++];
        if (entry->kind != MQTT_HANDSHAKE_NONE)
            return entry;
    }
    return NULL;
}
