/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See inflight.h. */
#include "mqtt/state/inflight.h"

#include <string.h>

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

static void *resize(const struct mqtt_inflight *table, void *block, size_t old, size_t size)
{
    return mqtt_memory_resize(table->memory, MQTT_MEMORY_IN_FLIGHT, block, old, size);
}

static void release(const struct mqtt_inflight *table, void *block, size_t size)
{
    mqtt_memory_free(table->memory, block, size);
}

/* Doubles the slots. All are taken: that is when it is called. */
static bool grow(struct mqtt_inflight *table)
{
    const size_t old = table->capacity;
    const size_t capacity = old != 0 ? old * 2 : FIRST_CAPACITY;
    uint32_t *heads = resize(table, NULL, 0, capacity * sizeof *heads);
    struct mqtt_handshake *slots = NULL;
    if (heads != NULL)
        slots = resize(table, table->slots, old * sizeof *slots, capacity * sizeof *slots);
    if (slots == NULL) {
        release(table, heads, capacity * sizeof *heads);
        return false;
    }
    release(table, table->heads, old * sizeof *heads);
    memset(heads, 0, capacity * sizeof *heads);
    memset(slots + old, 0, (capacity - old) * sizeof *slots);
    table->heads = heads;
    table->slots = slots;
    table->capacity = (uint32_t)capacity;
    for (uint32_t i = 0; i < old; i++)
        link_slot(table, i);
    for (uint32_t i = (uint32_t)old; i < capacity; i++)
        slots[i].next = i + 1 < capacity ? i + 2 : 0;
    table->free = (uint32_t)old + 1;
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

static void release_list(const struct mqtt_inflight *table, struct mqtt_handshake *entry)
{
    release(table, (void *)(uintptr_t)entry->list.data, entry->list.length);
    entry->list = (struct mqtt_slice){NULL, 0};
}

void inflight_remove(struct mqtt_inflight *table, struct mqtt_handshake *entry)
{
    const uint32_t index = (uint32_t)(entry - table->slots);
    uint32_t *link = bucket(table, entry->packet_identifier);
    while (*link != index + 1)
        link = &table->slots[*link - 1].next;
    *link = entry->next;
    release_list(table, entry);
    entry->kind = MQTT_HANDSHAKE_NONE;
    entry->next = table->free;
    table->free = index + 1;
    table->count--;
    if (table->count == 0 && table->capacity > KEPT_CAPACITY)
        inflight_clear(table); /* a burst is over */
}

void inflight_clear(struct mqtt_inflight *table)
{
    for (uint32_t i = 0; i < table->capacity; i++)
        release_list(table, &table->slots[i]); /* empty in free slots */
    release(table, table->slots, table->capacity * sizeof *table->slots);
    release(table, table->heads, table->capacity * sizeof *table->heads);
    *table = (struct mqtt_inflight){.memory = table->memory};
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
    copy->list = (struct mqtt_slice){NULL, 0};
    return true;
}

void inflight_move(struct mqtt_inflight *to, struct mqtt_inflight *from)
{
    *to = *from;
    *from = (struct mqtt_inflight){.memory = from->memory};
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

const struct mqtt_leg *handshake_last_leg(const struct mqtt_handshake *handshake)
{
    const unsigned stage = handshake->stage;
    if (handshake->again.frame != 0)
        return &handshake->again;
    return &handshake->legs[stage == 0 ? 0 : stage > MQTT_LEGS ? MQTT_LEGS - 1 : stage - 1];
}

const char *mqtt_handshake_kind_name(unsigned kind)
{
    static const char *const names[MQTT_HANDSHAKE_KINDS] = {
        "none", "QoS 1", "QoS 2", "SUBSCRIBE", "UNSUBSCRIBE", "PING", "CONNECT"};
    return names[kind < MQTT_HANDSHAKE_KINDS ? kind : MQTT_HANDSHAKE_NONE];
}

unsigned mqtt_handshake_leg_type(unsigned kind, unsigned leg)
{
    static const uint8_t types[MQTT_HANDSHAKE_KINDS][MQTT_LEGS] = {
        [MQTT_HANDSHAKE_QOS_1] = {MQTT_PUBLISH, MQTT_PUBACK},
        [MQTT_HANDSHAKE_QOS_2] = {MQTT_PUBLISH, MQTT_PUBREC, MQTT_PUBREL, MQTT_PUBCOMP},
        [MQTT_HANDSHAKE_SUBSCRIBE] = {MQTT_SUBSCRIBE, MQTT_SUBACK},
        [MQTT_HANDSHAKE_UNSUBSCRIBE] = {MQTT_UNSUBSCRIBE, MQTT_UNSUBACK},
        [MQTT_HANDSHAKE_PING] = {MQTT_PINGREQ, MQTT_PINGRESP},
        [MQTT_HANDSHAKE_CONNECT] = {MQTT_CONNECT, MQTT_CONNACK},
    };
    return kind < MQTT_HANDSHAKE_KINDS && leg < MQTT_LEGS ? types[kind][leg] : 0;
}
