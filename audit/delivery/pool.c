/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Things of one size that come and go with every message: see pool.h. */
#include "audit/delivery/pool.h"

#include <glib.h>
#include <stdint.h>

#define CACHE_LINE 64u
#define ITEMS 64u /* that a block holds */

struct pool_item {
    struct pool_item *next;
};

struct pool_block {
    struct pool_block *next;
};

static void add_block(struct pool *pool, size_t size)
{
    const size_t stride = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    struct pool_block *block = g_malloc(sizeof *block + CACHE_LINE + ITEMS * stride);
    block->next = pool->blocks;
    pool->blocks = block;
    char *first = (char *)(block + 1);
    first += CACHE_LINE - (uintptr_t)first % CACHE_LINE;
    for (size_t i = ITEMS; i-- > 0;)
        pool_give(pool, first + i * stride);
}

void *pool_take(struct pool *pool, size_t size)
{
    if (pool->free == NULL)
        add_block(pool, size);
    struct pool_item *item = pool->free;
    pool->free = item->next;
    return item;
}

void pool_give(struct pool *pool, void *item)
{
    struct pool_item *given = item;
    given->next = pool->free;
    pool->free = given;
}

void pool_clear(struct pool *pool)
{
    while (pool->blocks != NULL) {
        struct pool_block *next = pool->blocks->next;
        g_free(pool->blocks);
        pool->blocks = next;
    }
    *pool = (struct pool){0};
}
