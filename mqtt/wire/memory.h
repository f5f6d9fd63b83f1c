/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory that traffic can make grow, under one limit. Whoever sends packets decides how many
 * handshakes are in flight, how many clients there are and how long their names: each of these has
 * a natural bound, but their sum would have none.
 *
 * Policy for lack of memory, the limit's or the machine's: an allocation returns NULL, the caller
 * goes on without what it wanted to remember, and what it can't know from then on it does not
 * judge. The refusal is counted a kind, and becomes a limit in the report.
 *
 * Every function takes NULL for `memory`: then there is no limit and nothing is counted.
 */
#ifndef MQTT_MEMORY_H
#define MQTT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What memory is wanted for. */
enum mqtt_memory_kind {
    MQTT_MEMORY_CONNECTIONS, /* connections, and the strings they keep */
    MQTT_MEMORY_IN_FLIGHT,   /* QoS handshakes */
    MQTT_MEMORY_SUBSCRIBE, /* topic filters of SUBSCRIBE and UNSUBSCRIBE that await their answer */
    MQTT_MEMORY_ALIASES,   /* topic names that aliases stand for */
    MQTT_MEMORY_OWED,      /* acknowledgements outside of a handshake */
    MQTT_MEMORY_SESSIONS,  /* sessions, and the handshakes that wait in them */
    MQTT_MEMORY_HELD,      /* bytes of control packets that have not come whole */
    MQTT_MEMORY_KINDS,
};

struct mqtt_memory {
    uint64_t limit; /* bytes in use at the most; 0: no limit. The last quarter is for CONNECTIONS
                       alone: one of them must not keep all others out of the report */
    uint64_t used;
    uint64_t refused[MQTT_MEMORY_KINDS]; /* allocations that found no room */

    /* Like realloc(), but that `size` is never 0; NULL: realloc() itself. For tests. */
    void *(*reallocate)(void *user, void *block, size_t size);
    void *user;

    /* Asked for memory that matters less when the limit is reached: frees something and returns
     * true, or false if there is nothing left. NULL: there never is. */
    bool (*reclaim)(void *owner);
    void *owner;
};

/* `block` with room for `size` (not 0) instead of `old_size` bytes; `block` NULL and `old_size` 0
 * for a new one. NULL if there is no room: then the old block stays as it is. */
void *mqtt_memory_resize(struct mqtt_memory *memory, enum mqtt_memory_kind kind, void *block,
                         size_t old_size, size_t size);

/* A new block of zeros, or NULL. */
void *mqtt_memory_new(struct mqtt_memory *memory, enum mqtt_memory_kind kind, size_t size);

/* Frees a block of `size` bytes. NULL is allowed, with any size. */
void mqtt_memory_free(struct mqtt_memory *memory, void *block, size_t size);

#endif
