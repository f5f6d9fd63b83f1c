/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hashes and copies of strings: see strings.h. */
#include "audit/strings.h"

#include <string.h>

static uint64_t random_seed(void)
{
    static gsize seed;
    if (g_once_init_enter(&seed))
        g_once_init_leave(&seed, ((gsize)g_random_int() << 16 << 16 | g_random_int()) | 1);
    return seed;
}

/* The two halves of a product, folded: each bit of the result depends on all bits of both. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The same on every machine: what is the lowest of parts has to be the lowest of all. */
static uint64_t load(const uint8_t *bytes, size_t count)
{
    uint64_t word = 0;
    memcpy(&word, bytes, count);
    return GUINT64_FROM_LE(word);
}

static uint64_t hash_with(uint64_t seed, uint64_t hash, struct mqtt_slice slice)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = 0;
    hash ^= slice.length;
    for (; at + 8 <= slice.length; at += 8)
        hash = mix(hash ^ load(slice.data + at, 8), seed ^ odd);
    if (at < slice.length)
        hash = mix(hash ^ load(slice.data + at, slice.length - at), seed ^ odd);
    return mix(hash ^ odd, seed);
}

uint64_t audit_hash_more(uint64_t hash, struct mqtt_slice slice)
{
    return hash_with(random_seed(), hash, slice);
}

uint64_t audit_hash(struct mqtt_slice slice)
{
    return audit_hash_more(random_seed(), slice);
}

#define RANK_SEED UINT64_C(0x2545f4914f6cdd1d)

uint64_t audit_rank_more(uint64_t rank, struct mqtt_slice slice)
{
    return hash_with(RANK_SEED, rank, slice);
}

uint64_t audit_rank(struct mqtt_slice slice)
{
    return audit_rank_more(RANK_SEED, slice);
}

struct audit_string audit_string_view(struct mqtt_slice slice)
{
    return (struct audit_string){
        .bytes = slice.data,
        .length = MIN(slice.length, AUDIT_STRING_MAX),
        .whole = slice.length,
        .hash = audit_hash(slice),
    };
}

guint audit_string_hash(gconstpointer string)
{
    return (guint)((const struct audit_string *)string)->hash;
}

gboolean audit_string_equal(gconstpointer a, gconstpointer b)
{
    const struct audit_string *x = a, *y = b;
    return x->hash == y->hash && x->whole == y->whole && x->length == y->length &&
           (x->length == 0 || memcmp(x->bytes, y->bytes, x->length) == 0);
}

struct audit_string *audit_string_copy(const struct audit_string *view)
{
    struct audit_string *copy = g_malloc(sizeof *copy + view->length);
    *copy = *view;
    copy->bytes = (const uint8_t *)(copy + 1);
    if (view->length > 0)
        memcpy(copy + 1, view->bytes, view->length);
    return copy;
}

int audit_string_order(const struct audit_string *a, const struct audit_string *b)
{
    uint32_t common = MIN(a->length, b->length);
    int order = common > 0 ? memcmp(a->bytes, b->bytes, common) : 0;
    return order != 0 ? order : (a->whole > b->whole) - (a->whole < b->whole);
}
