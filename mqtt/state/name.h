/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Client identifiers, wherever they are used. A session is a client identifier at one broker; where
 * nobody said which endpoints are one broker, a CONNECT at one may have changed the session that is
 * known from another. Private to mqtt/state/.
 */
#ifndef MQTT_NAME_H
#define MQTT_NAME_H

#include "mqtt/state/broker.h"
#include "mqtt/wire/memory.h"
#include "mqtt/wire/packet.h"

/* Shared by its sessions, and gone with the last of them. */
struct mqtt_name {
    struct mqtt_name *next; /* in its bucket */
    uint64_t hash;
    struct mqtt_slice text;     /* owned */
    uint64_t sessions;          /* that have it */
    uint64_t connects;          /* CONNECTs that used it where nobody said whose endpoint it is */
    struct mqtt_endpoint first; /* of the first of them; valid if there is one */
};

/* All of them: a chained hash table. */
struct mqtt_names {
    struct mqtt_memory *memory;
    uint64_t seed;
    struct mqtt_name **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
};

/* `memory` may be NULL: no limit. NULL without memory. */
struct mqtt_names *names_new(struct mqtt_memory *memory, uint64_t seed);

/* All names must have been dropped. NULL is allowed. */
void names_free(struct mqtt_names *names);

/* The name with this text, which is made if there is none, for one session more. NULL without
 * memory. */
struct mqtt_name *name_take(struct mqtt_names *names, struct mqtt_slice text);

/* For one session less. */
void name_drop(struct mqtt_names *names, struct mqtt_name *name);

#endif
