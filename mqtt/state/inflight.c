/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See inflight.h. */
#include "mqtt/state/inflight.h"

#include <stdlib.h>
#include <string.h>

#include "mqtt/state/session.h"

#define FIRST_CAPACITY 8u
#define KEPT_CAPACITY 256u

static uint32_t *bucket(const struct mqtt_inflight *table, uint16_t identifier)
{
    return &table->heads[identifier & (table->capacity - 1)];
}

struct mqtt_handshake *inflight_find(const struct mqtt_inflight *table, uint16_t identifier)
{
    if (table->count == 0)
        return NULL;
    uint32_t at = *bucket(table, identifier);
    while (at != 0 && table->slots[at - 1].packet_identifier != identifier)
        at = table->slots[at - 1].next;
    return at != 0 ? &table->slots[at - 1] : NULL;
}

static void link_slot(struct mqtt_inflight *table, uint32_t index)
{
    struct mqtt_handshake *entry = &table->slots[index];
    uint32_t *head = bucket(table, entry->packet_identifier);
    entry->next = *head;
    *head = index + 1;
}

/* Doubles the slots. All are taken: that is when it is called. */
static bool grow(struct mqtt_inflight *table)
{
    const uint32_t old = table->capacity;
    const uint32_t capacity = old != 0 ? old * 2 : FIRST_CAPACITY;
    uint32_t *heads = calloc(capacity, sizeof *heads);
    struct mqtt_handshake *slots = realloc(table->slots, capacity * sizeof *slots);
    if (slots != NULL)
        table->slots = slots; /* the old ones are gone, even if the heads fail */
    if (slots == NULL || heads == NULL) {
        free(heads);
        return false;
    }
    free(table->heads);
    table->heads = heads;
    table->capacity = capacity;
    memset(slots + old, 0, (capacity - old) * sizeof *slots);
    for (uint32_t i = 0; i < old; i++)
        link_slot(table, i);
    for (uint32_t i = old; i < capacity; i++)
        slots[i].next = i + 1 < capacity ? i + 2 : 0;
    table->free = old + 1;
    return true;
}

struct mqtt_handshake *inflight_add(struct mqtt_inflight *table, uint16_t identifier,
                                    enum mqtt_handshake_kind kind)
{
    if (table->free == 0 && !grow(table))
        return NULL;
    const uint32_t index = table->free - 1;
    struct mqtt_handshake *entry = &table->slots[index];
    table->free = entry->next;
    table->count++;
    memset(entry, 0, sizeof *entry);
    entry->packet_identifier = identifier;
    entry->kind = (uint8_t)kind;
    link_slot(table, index);
    return entry;
}

void inflight_remove(struct mqtt_inflight *table, struct mqtt_handshake *entry)
{
    const uint32_t index = (uint32_t)(entry - table->slots);
    uint32_t *link = bucket(table, entry->packet_identifier);
    while (*link != index + 1)
        link = &table->slots[*link - 1].next;
    *link = entry->next;
    free(entry->requested_qos);
    entry->requested_qos = NULL;
    entry->kind = MQTT_HANDSHAKE_NONE;
    entry->next = table->free;
    table->free = index + 1;
    table->count--;
    if (table->count == 0 && table->capacity > KEPT_CAPACITY)
        inflight_free(table); /* a burst is over */
}

void inflight_free(struct mqtt_inflight *table)
{
    for (uint32_t i = 0; i < table->capacity; i++)
        free(table->slots[i].requested_qos); /* NULL in free slots */
    free(table->slots);
    free(table->heads);
    *table = (struct mqtt_inflight){0};
}

void inflight_filter(struct mqtt_inflight *table,
                     bool (*wanted)(const struct mqtt_handshake *handshake))
{
    for (uint32_t i = 0; i < table->capacity && table->count != 0; i++) {
        struct mqtt_handshake *entry = &table->slots[i];
        if (entry->kind != MQTT_HANDSHAKE_NONE && !wanted(entry))
            inflight_remove(table, entry);
    }
}

bool inflight_copy(struct mqtt_inflight *table, const struct mqtt_handshake *entry)
{
    struct mqtt_handshake *copy =
        inflight_add(table, entry->packet_identifier, (enum mqtt_handshake_kind)entry->kind);
    if (copy == NULL)
        return false;
    const uint32_t next = copy->next;
    *copy = *entry;
    copy->next = next;
    copy->requested_qos = NULL;
    return true;
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
