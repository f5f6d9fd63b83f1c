/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interned strings: see strings.h. */
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

static uint64_t load(const uint8_t *bytes, size_t count)
{
    uint64_t word = 0;
    memcpy(&word, bytes, count);
    return word;
}

uint64_t audit_hash(struct mqtt_slice slice)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t seed = random_seed(), hash = seed ^ slice.length;
    uint32_t at = 0;
    for (; at + 8 <= slice.length; at += 8)
        hash = mix(hash ^ load(slice.data + at, 8), seed ^ odd);
    if (at < slice.length)
        hash = mix(hash ^ load(slice.data + at, slice.length - at), seed ^ odd);
    return mix(hash ^ odd, seed);
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

GHashTable *audit_strings_new(void)
{
    return g_hash_table_new_full(audit_string_hash, audit_string_equal, g_free, NULL);
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

const struct audit_string *audit_strings_get(GHashTable *set, const struct audit_string *view)
{
    struct audit_string *known = g_hash_table_lookup(set, view);
    if (known == NULL) {
        known = audit_string_copy(view);
        g_hash_table_add(set, known);
    }
    return known;
}
