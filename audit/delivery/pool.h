/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Things of one size that come and go with every message. They lie next to each other, each at the
 * beginning of a cache line: what a delivery looks at was last looked at when its message came, and
 * each line of it has to be fetched again. Private to audit/delivery/.
 */
#ifndef MQTTSCOPE_AUDIT_DELIVERY_POOL_H
#define MQTTSCOPE_AUDIT_DELIVERY_POOL_H

#include <stddef.h>

/* All zero is an empty pool. */
struct pool {
    struct pool_item *free;    /* the one that was given back last is taken first */
    struct pool_block *blocks; /* what they are cut from; goes with the pool */
};

/* One of `size` bytes, the same at each call; what it holds is left over from another. */
void *pool_take(struct pool *pool, size_t size);
void pool_give(struct pool *pool, void *item);

/* All that was taken is gone. */
void pool_clear(struct pool *pool);

#endif
