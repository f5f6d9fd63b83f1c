/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash table of things that carry their own place in it: see knots.h. */
#include "audit/delivery/knots.h"

#include <glib.h>

#define SMALLEST 64u

static void append(struct chain *chain, struct knot *knot)
{
    knot->next = NULL;
    if (chain->last != NULL)
        chain->last->next = knot;
    else
        chain->first = knot;
    chain->last = knot;
}

static void grow(struct knots *knots)
{
    const size_t size = knots->size == 0 ? SMALLEST : 2 * knots->size;
    struct chain *chains = g_new0(struct chain, size);
    for (size_t i = 0; i < knots->size; i++) {
        struct knot *knot = knots->chains[i].first;
        while (knot != NULL) {
            struct knot *next = knot->next;
            append(&chains[knot->hash & (size - 1)], knot);
            knot = next;
        }
    }
    g_free(knots->chains);
    knots->chains = chains;
    knots->size = size;
}

void knots_add(struct knots *knots, struct knot *knot, uint64_t hash)
{
    if (knots->count >= knots->size)
        grow(knots);
    knot->hash = hash;
    append(&knots->chains[hash & (knots->size - 1)], knot);
    knots->count++;
}

void knots_remove(struct knots *knots, struct knot *knot)
{
    struct chain *chain = &knots->chains[knot->hash & (knots->size - 1)];
    struct knot *before = NULL;
    for (struct knot *at = chain->first; at != knot; at = at->next)
        before = at;
    if (before != NULL)
        before->next = knot->next;
    else
        chain->first = knot->next;
    if (chain->last == knot)
        chain->last = before;
    knots->count--;
}

void knots_clear(struct knots *knots)
{
    g_free(knots->chains);
    *knots = (struct knots){0};
}
