/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/lowest: the N lowest of any number of rows, in whatever order they come. */
#include "suite.h"

#include "audit/lowest.h"

static int by_value(const void *a, const void *b)
{
    const unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x > y) - (x < y);
}

static int downwards(const void *a, const void *b)
{
    return by_value(b, a);
}

#define ROWS 500u

/* The numbers below ROWS, each once, in one of many orders: the factors have none in common with
 * it. */
static const unsigned factors[] = {1, 3, 7, 77, 123, 251, 499};

START_TEST(keeps_the_lowest)
{
    static unsigned rows[ROWS];
    for (guint limit = 1; limit <= ROWS + 1; limit += 1 + limit / 3) {
        struct audit_lowest lowest;
        unsigned out = 0;
        audit_lowest_init(&lowest, limit, by_value);
        for (unsigned i = 0; i < ROWS; i++) {
            rows[i] = i * factors[_i] % ROWS;
            const bool admitted = audit_lowest_admits(&lowest, &rows[i]);
            const void *rest = audit_lowest_add(&lowest, &rows[i]);
            ck_assert_int_eq(admitted, rest != &rows[i]);
            out += rest != NULL;
            if (i % 97 == 0) /* in the middle of it */
                audit_lowest_sort(&lowest, i % 2 == 0 ? by_value : downwards);
        }
        audit_lowest_sort(&lowest, by_value);
        ck_assert_uint_eq(lowest.rows->len, MIN(limit, ROWS));
        ck_assert_uint_eq(out, ROWS - lowest.rows->len);
        for (unsigned i = 0; i < lowest.rows->len; i++)
            ck_assert_uint_eq(*(const unsigned *)g_ptr_array_index(lowest.rows, i), i);
        audit_lowest_clear(&lowest);
    }
}
END_TEST

SUITE("lowest", TABLE(keeps_the_lowest, factors))
