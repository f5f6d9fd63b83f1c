/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See memory.h. */
#include "mqtt/wire/memory.h"

#include <stdlib.h>
#include <string.h>

/* What one connection can fill by itself leaves the last quarter to what every connection needs. */
static uint64_t limit_of(const struct mqtt_memory *memory, enum mqtt_memory_kind kind)
{
    return kind == MQTT_MEMORY_CONNECTIONS ? memory->limit : memory->limit - memory->limit / 4;
}

/* Whether `more` bytes fit under the limit, after all was given up that can be. Nothing is given up
 * for what would not fit into an empty house. */
static bool make_room(struct mqtt_memory *memory, enum mqtt_memory_kind kind, size_t more)
{
    const uint64_t limit = limit_of(memory, kind);
    if (memory->limit == 0)
        return true;
    if (more > limit)
        return false;
    while (memory->used > limit - more) {
        if (memory->reclaim == NULL || !memory->reclaim(memory->owner))
            return false;
    }
    return true;
}

static void *reallocate(const struct mqtt_memory *memory, void *block, size_t size)
{
    if (memory != NULL && memory->reallocate != NULL)
        return memory->reallocate(memory->user, block, size);
    return realloc(block, size);
}

void *mqtt_memory_resize(struct mqtt_memory *memory, enum mqtt_memory_kind kind, void *block,
                         size_t old_size, size_t size)
{
    const bool room =
        memory == NULL || size <= old_size || make_room(memory, kind, size - old_size);
    void *resized = room ? reallocate(memory, block, size) : NULL;
    if (memory == NULL)
        return resized;
    if (resized == NULL)
        memory->refused[kind]++;
    else
        memory->used = memory->used - old_size + size;
    return resized;
}

void *mqtt_memory_new(struct mqtt_memory *memory, enum mqtt_memory_kind kind, size_t size)
{
    void *block = mqtt_memory_resize(memory, kind, NULL, 0, size);
    if (block != NULL)
        memset(block, 0, size);
    return block;
}

void mqtt_memory_free(struct mqtt_memory *memory, void *block, size_t size)
{
    if (block == NULL)
        return;
    if (memory != NULL)
        memory->used -= size;
    free(block);
}
