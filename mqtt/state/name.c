/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See name.h. */
#include "mqtt/state/name.h"

#include <stdlib.h>
#include <string.h>

#include "mqtt/wire/hash.h"

#define FIRST_BUCKETS 64u

static struct mqtt_name **bucket(const struct mqtt_names *names, uint64_t hash)
{
    return &names->buckets[hash & (names->bucket_count - 1)];
}

/* Doubles the buckets; without memory the chains just grow longer. */
static void more_buckets(struct mqtt_names *names)
{
    struct mqtt_names larger = *names;
    larger.bucket_count *= 2;
    larger.buckets = calloc(larger.bucket_count, sizeof(struct mqtt_name *));
    if (larger.buckets == NULL)
        return;
    for (size_t i = 0; i < names->bucket_count; i++) {
        for (struct mqtt_name *name = names->buckets[i], *next; name != NULL; name = next) {
            struct mqtt_name **place = bucket(&larger, name->hash);
            next = name->next;
            name->next = *place;
            *place = name;
        }
    }
    free(names->buckets);
    *names = larger;
}

struct mqtt_names *names_new(struct mqtt_memory *memory, uint64_t seed)
{
    struct mqtt_names *names = calloc(1, sizeof *names);
    struct mqtt_name **buckets = calloc(FIRST_BUCKETS, sizeof(struct mqtt_name *));
    if (names == NULL || buckets == NULL) {
        free(names);
        free(buckets);
        return NULL;
    }
    *names = (struct mqtt_names){memory, seed, buckets, FIRST_BUCKETS, 0};
    return names;
}

void names_free(struct mqtt_names *names)
{
    if (names == NULL)
        return;
    free(names->buckets);
    free(names);
}

static struct mqtt_name *make(struct mqtt_names *names, uint64_t hash, struct mqtt_slice text)
{
    struct mqtt_memory *memory = names->memory;
    struct mqtt_name *name = mqtt_memory_new(memory, MQTT_MEMORY_SESSIONS, sizeof *name);
    uint8_t *copy = mqtt_memory_new(memory, MQTT_MEMORY_SESSIONS, text.length);
    if (name == NULL || copy == NULL) {
        mqtt_memory_free(memory, name, sizeof *name);
        mqtt_memory_free(memory, copy, text.length);
        return NULL;
    }
    memcpy(copy, text.data, text.length);
    *name = (struct mqtt_name){.hash = hash, .text = {copy, text.length}};
    return name;
}

static struct mqtt_name *find(const struct mqtt_names *names, uint64_t hash, struct mqtt_slice text)
{
    struct mqtt_name *name = *bucket(names, hash);
    while (name != NULL && (name->hash != hash || name->text.length != text.length ||
                            memcmp(name->text.data, text.data, text.length) != 0))
        name = name->next;
    return name;
}

struct mqtt_name *name_take(struct mqtt_names *names, struct mqtt_slice text)
{
    const uint64_t hash = mqtt_keyed_hash(names->seed, text.data, text.length);
    struct mqtt_name *name = find(names, hash, text);
    if (name == NULL) {
        name = make(names, hash, text); /* which may make others give way */
        if (name == NULL)
            return NULL;
        if (names->count >= names->bucket_count)
            more_buckets(names);
        struct mqtt_name **place = bucket(names, hash);
        name->next = *place;
        *place = name;
        names->count++;
    }
    name->sessions++;
    return name;
}

void name_drop(struct mqtt_names *names, struct mqtt_name *name)
{
    if (--name->sessions != 0)
        return;
    struct mqtt_name **link = bucket(names, name->hash);
    while (*link != name)
        link = &(*link)->next;
    *link = name->next;
    names->count--;
    mqtt_memory_free(names->memory, (void *)(uintptr_t)name->text.data, name->text.length);
    mqtt_memory_free(names->memory, name, sizeof *name);
}
