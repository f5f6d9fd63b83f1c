/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a sender's topic aliases stand for (5.0: 3.3.2.3.4). */
#include "mqtt/state/aliases.h"

#include <string.h>

/* Where the alias stands in from's table, or would stand. */
static uint32_t alias_index(const struct mqtt_side_state *from, uint16_t alias)
{
    uint32_t low = 0, high = from->alias_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (from->aliases[middle].alias < alias)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void *resize(const struct observation *o, void *block, size_t old, size_t size)
{
    return mqtt_memory_resize(o->connection->memory, MQTT_MEMORY_ALIASES, block, old, size);
}

/* Whether a side may hold so many bytes more; counted like other memory that is not to be had,
 * once. */
static bool within_bound(const struct observation *o, uint32_t more)
{
    struct mqtt_memory *memory = o->connection->memory;
    if (o->from->alias_bytes + more <= MQTT_ALIAS_BYTES)
        return true;
    if (memory != NULL && !o->from->alias_refused)
        memory->refused[MQTT_MEMORY_ALIASES]++;
    return false;
}

/* Makes room for one alias more. False if the bound is reached, or without memory. */
static bool alias_room(struct observation *o, uint32_t bytes)
{
    struct mqtt_side_state *from = o->from;
    if (!within_bound(o, bytes))
        return false;
    if (from->alias_count < from->alias_capacity)
        return true;
    const uint32_t capacity = from->alias_capacity != 0 ? from->alias_capacity * 2 : 8;
    struct mqtt_alias *larger =
        resize(o, from->aliases, from->alias_capacity * sizeof *larger, capacity * sizeof *larger);
    if (larger == NULL)
        return false;
    from->aliases = larger;
    from->alias_capacity = capacity;
    return true;
}

static struct mqtt_alias *add_alias(struct observation *o, uint32_t at, uint16_t alias,
                                    uint32_t length)
{
    struct mqtt_side_state *from = o->from;
    if (!alias_room(o, (uint32_t)sizeof *from->aliases + length))
        return NULL;
    struct mqtt_alias *slot = &from->aliases[at];
    memmove(slot + 1, slot, (from->alias_count - at) * sizeof *slot);
    *slot = (struct mqtt_alias){.alias = alias};
    from->alias_count++;
    from->alias_bytes += (uint32_t)sizeof *slot;
    return slot;
}

/* Topic names that stand for an alias of this sender (5.0: 3.3.2.3.4). */
static void remember_alias(struct observation *o, uint16_t alias, struct mqtt_slice topic)
{
    struct mqtt_side_state *from = o->from;
    const uint32_t at = alias_index(from, alias);
    const bool there = at < from->alias_count && from->aliases[at].alias == alias;
    struct mqtt_alias *slot = there ? &from->aliases[at] : add_alias(o, at, alias, topic.length);
    if (slot == NULL) {
        from->alias_refused = true;
        return;
    }
    if (slot->topic.length == topic.length &&
        memcmp(slot->topic.data, topic.data, topic.length) == 0)
        return;
    from->alias_bytes -= slot->topic.length;
    mqtt_memory_free(o->connection->memory, (void *)(uintptr_t)slot->topic.data,
                     slot->topic.length);
    slot->topic = (struct mqtt_slice){NULL, 0};
    uint8_t *copy = NULL;
    if (within_bound(o, topic.length))
        copy = resize(o, NULL, 0, topic.length);
    if (copy == NULL) {
        from->alias_refused = true;
        return;
    }
    memcpy(copy, topic.data, topic.length);
    slot->topic = (struct mqtt_slice){copy, topic.length};
    from->alias_bytes += topic.length;
}

static void resolve_alias(struct observation *o, uint16_t alias)
{
    const struct mqtt_side_state *from = o->from;
    const uint32_t at = alias_index(from, alias);
    if (at < from->alias_count && from->aliases[at].alias == alias &&
        from->aliases[at].topic.length != 0) {
        o->step->topic = from->aliases[at].topic;
        o->step->topic_from_alias = true;
    } else if (o->connection->connect.frame != 0 && !from->gap && !from->alias_refused) {
        raise_finding(o, MQTT_RULE_TOPIC_ALIAS_UNKNOWN, MQTT_FIELD_PROPERTY_TOPIC_ALIAS, alias, 0);
    } else {
        o->step->alias_lost = true;
    }
}

void observe_topic(struct observation *o)
{
    const struct mqtt_properties *properties = &o->packet->properties;
    const struct mqtt_slice topic = o->packet->publish.topic_name;
    o->step->topic = topic;
    if (!has_property(o, MQTT_PROPERTY_TOPIC_ALIAS) || properties->topic_alias == 0)
        return;
    if (topic.length != 0)
        remember_alias(o, properties->topic_alias, topic);
    else
        resolve_alias(o, properties->topic_alias);
}

void aliases_free(struct mqtt_memory *memory, struct mqtt_side_state *state)
{
    for (uint32_t i = 0; i < state->alias_count; i++)
        mqtt_memory_free(memory, (void *)(uintptr_t)state->aliases[i].topic.data,
                         state->aliases[i].topic.length);
    mqtt_memory_free(memory, state->aliases, state->alias_capacity * sizeof *state->aliases);
}
