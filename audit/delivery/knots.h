/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hash table of things that carry their own place in it: chains, first in first out, so that of
 * equal keys the oldest is found first. Private to audit/delivery/.
 */
#ifndef MQTTSCOPE_AUDIT_DELIVERY_KNOTS_H
#define MQTTSCOPE_AUDIT_DELIVERY_KNOTS_H

#include <stddef.h>
#include <stdint.h>

/* The first member of what a table holds. */
struct knot {
    struct knot *next;
    uint64_t hash;
};

struct chain {
    struct knot *first, *last;
};

/* All zero is an empty table. */
struct knots {
    struct chain *chains;
    size_t size; /* a power of two, or 0 */
    size_t count;
};

/* The first one with this hash, and the next after one; NULL if there is none. */
static inline struct knot *knots_next(const struct knot *knot, uint64_t hash)
{
    while (knot != NULL && knot->hash != hash)
        knot = knot->next;
    return (struct knot *)(uintptr_t)knot;
}

static inline struct knot *knots_find(const struct knots *knots, uint64_t hash)
{
    return knots->size == 0 ? NULL
                            : knots_next(knots->chains[hash & (knots->size - 1)].first, hash);
}

/* Behind all others with this hash. */
void knots_add(struct knots *knots, struct knot *knot, uint64_t hash);

/* It is in there. Costs the length of a chain. */
void knots_remove(struct knots *knots, struct knot *knot);

/* What is in there stays with the caller. */
void knots_clear(struct knots *knots);

#endif
