/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash for tables that strangers fill: who does not know the seed can't choose keys that collide.
 */
#ifndef MQTT_HASH_H
#define MQTT_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The two halves of a product, folded: each bit of the result depends on all bits of both. */
static inline uint64_t mqtt_hash_mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    const wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* `seed` is secret, and the same for all keys of a table. */
static inline uint64_t mqtt_keyed_hash(uint64_t seed, const uint8_t *data, size_t length)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = mqtt_hash_mix(seed ^ length, odd);
    for (size_t at = 0; at < length; at += 8) {
        uint64_t word = 0;
        memcpy(&word, data + at, length - at < 8 ? length - at : 8);
        hash = mqtt_hash_mix(hash ^ word, seed ^ odd);
    }
    return mqtt_hash_mix(hash ^ odd, seed | 1);
}

#endif
