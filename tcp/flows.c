/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A chained hash table over flows that are allocated in slabs.
 *
 * The table is open to flooding by whoever sends packets, so the hash is keyed: each endpoint is
 * hashed by a multilinear function with secret 64-bit keys (strongly universal: M. N. Wegman and J.
 * L. Carter, 1981; D. Lemire and O. Kaser, 2014), mixed, and the two are added, which makes both
 * directions meet.
 */
#define _DEFAULT_SOURCE /* getentropy() */

#include "tcp/flows.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_BUCKETS 1024u
#define SLAB_FLOWS 64

struct flow_slab {
    struct flow_slab *next;
    struct flow flows[SLAB_FLOWS];
};

/* Bijective on 64 bits (S. Vigna's splitmix64): makes keys of a seed, and mixes a sum. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

bool flows_init(struct flows *flows, uint64_t seed, struct mqtt_memory *memory)
{
    memset(flows, 0, sizeof *flows);
    flows->memory = memory;
    if (seed == 0 && getentropy(&seed, sizeof seed) != 0)
        seed = (uint64_t)(uintptr_t)flows; /* better than a constant */
    for (size_t i = 0; i < sizeof flows->keys / sizeof flows->keys[0]; i++)
        flows->keys[i] = mix(seed += 0x9e3779b97f4a7c15u);
    flows->buckets = calloc(FIRST_BUCKETS, sizeof(struct flow *));
    flows->bucket_mask = FIRST_BUCKETS - 1;
    return flows->buckets != NULL;
}

void flows_clear(struct flows *flows)
{
    for (int state = 0; state < FLOW_STATES; state++)
        for (struct flow *flow = flows->lists[state].head; flow != NULL; flow = flow->next) {
            hold_clear(&flow->half[0].hold, flows->memory);
            hold_clear(&flow->half[1].hold, flows->memory);
        }
    while (flows->slabs != NULL) {
        struct flow_slab *next = flows->slabs->next;
        mqtt_memory_free(flows->memory, flows->slabs, sizeof *flows->slabs);
        flows->slabs = next;
    }
    free(flows->buckets);
}

static uint64_t word(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint64_t endpoint_hash(const uint64_t *keys, uint8_t version, const uint8_t *address,
                              uint16_t port)
{
    uint64_t sum = keys[0] + keys[1] * ((uint64_t)version << 16 | port) + keys[2] * word(address);
    if (version == 6)
        sum += keys[3] * word(address + 4) + keys[4] * word(address + 8) +
               keys[5] * word(address + 12);
    return mix(sum);
}

uint64_t flows_hash(const struct flows *flows, const struct ip_packet *packet, uint16_t source_port,
                    uint16_t destination_port)
{
    return flows->keys[1] * packet->tunnel +
           endpoint_hash(flows->keys, packet->version, packet->source.bytes, source_port) +
           endpoint_hash(flows->keys, packet->version, packet->destination.bytes, destination_port);
}

static bool is_side(const struct tcp_side *side, const struct ip_address *address, uint16_t port)
{
    return side->port == port && memcmp(&side->address, address, sizeof *address) == 0;
}

struct flow *flows_find(const struct flows *flows, uint64_t hash, const struct ip_packet *packet,
                        uint16_t source_port, uint16_t destination_port, unsigned *side)
{
    for (struct flow *flow = flows->buckets[hash & flows->bucket_mask]; flow != NULL;
         flow = flow->chain) {
        if (flow->hash != hash || flow->face.ip_version != packet->version ||
            flow->face.tunnel != packet->tunnel)
            continue;
        for (*side = 0; *side < 2; ++*side)
            if (is_side(&flow->face.side[*side], &packet->source, source_port) &&
                is_side(&flow->face.side[!*side], &packet->destination, destination_port))
                return flow;
    }
    return NULL;
}

/* Doubles the buckets; without memory the chains just grow longer. */
static void grow(struct flows *flows)
{
    uint32_t mask = flows->bucket_mask << 1 | 1;
    struct flow **buckets = calloc((size_t)mask + 1, sizeof(struct flow *));
    if (buckets == NULL)
        return;
    for (uint32_t i = 0; i <= flows->bucket_mask; i++)
        for (struct flow *flow = flows->buckets[i], *next; flow != NULL; flow = next) {
            next = flow->chain;
            flow->chain = buckets[flow->hash & mask];
            buckets[flow->hash & mask] = flow;
        }
    free(flows->buckets);
    flows->buckets = buckets;
    flows->bucket_mask = mask;
}

static bool add_slab(struct flows *flows)
{
    struct flow_slab *slab =
        mqtt_memory_resize(flows->memory, MQTT_MEMORY_CONNECTIONS, NULL, 0, sizeof *slab);
    if (slab == NULL)
        return false;
    slab->next = flows->slabs;
    flows->slabs = slab;
    for (int i = SLAB_FLOWS - 1; i >= 0; i--) {
        slab->flows[i].chain = flows->unused;
        flows->unused = &slab->flows[i];
    }
    return true;
}

static void list_append(struct flow_list *list, struct flow *flow)
{
    flow->previous = list->tail;
    flow->next = NULL;
    *(list->tail != NULL ? &list->tail->next : &list->head) = flow;
    list->tail = flow;
    list->count++;
    flow->queued_frame = flow->face.last.frame;
}

static void list_remove(struct flow_list *list, struct flow *flow)
{
    *(flow->previous != NULL ? &flow->previous->next : &list->head) = flow->next;
    *(flow->next != NULL ? &flow->next->previous : &list->tail) = flow->previous;
    list->count--;
}

struct flow *flows_add(struct flows *flows, uint64_t hash)
{
    if (flows->unused == NULL && !add_slab(flows))
        return NULL;
    if (flows->count > flows->bucket_mask)
        grow(flows);
    struct flow *flow = flows->unused;
    flows->unused = flow->chain;
    memset(flow, 0, sizeof *flow);
    flow->hash = hash;
    flow->chain = flows->buckets[hash & flows->bucket_mask];
    flows->buckets[hash & flows->bucket_mask] = flow;
    flows->count++;
    list_append(&flows->lists[FLOW_SILENT], flow);
    return flow;
}

void flows_move(struct flows *flows, struct flow *flow, enum flow_state state)
{
    list_remove(&flows->lists[flow->state], flow);
    flow->state = state;
    list_append(&flows->lists[state], flow);
}

void flows_remove(struct flows *flows, struct flow *flow)
{
    hold_clear(&flow->half[0].hold, flows->memory);
    hold_clear(&flow->half[1].hold, flows->memory);
    struct flow **link = &flows->buckets[flow->hash & flows->bucket_mask];
    while (*link != flow)
        link = &(*link)->chain;
    *link = flow->chain;
    list_remove(&flows->lists[flow->state], flow);
    flows->count--;
    flow->chain = flows->unused;
    flows->unused = flow;
}

struct flow *flows_quietest(struct flows *flows, enum flow_state state)
{
    struct flow_list *list = &flows->lists[state];
    for (uint32_t left = list->count; left > 0; left--) {
        struct flow *flow = list->head;
        if (flow->queued_frame == flow->face.last.frame)
            return flow;
        flows_move(flows, flow, state);
    }
    return list->head;
}
