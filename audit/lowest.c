/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A heap that is made when it is needed first: see lowest.h. */
#include "audit/lowest.h"

void audit_lowest_init(struct audit_lowest *lowest, guint limit,
                       int (*order)(const void *a, const void *b))
{
    *lowest = (struct audit_lowest){.rows = g_ptr_array_new(), .limit = limit, .order = order};
}

void audit_lowest_clear(struct audit_lowest *lowest)
{
    g_ptr_array_free(lowest->rows, TRUE);
    lowest->rows = NULL;
}

/* Lets the row at `at` sink below those that are higher. */
static void sink(struct audit_lowest *lowest, guint at)
{
    gpointer *rows = lowest->rows->pdata, row = rows[at];
    for (;;) {
        guint child = 2 * at + 1;
        if (child >= lowest->rows->len)
            break;
        if (child + 1 < lowest->rows->len && lowest->order(rows[child + 1], rows[child]) > 0)
            child++;
        if (lowest->order(rows[child], row) <= 0)
            break;
        rows[at] = rows[child];
        at = child;
    }
    rows[at] = row;
}

static const void *highest(struct audit_lowest *lowest)
{
    if (!lowest->is_heap)
        for (guint at = lowest->rows->len / 2; at-- > 0;)
            sink(lowest, at);
    lowest->is_heap = true;
    return lowest->rows->pdata[0];
}

bool audit_lowest_admits(struct audit_lowest *lowest, const void *row)
{
    return lowest->rows->len < lowest->limit || lowest->order(row, highest(lowest)) < 0;
}

void *audit_lowest_add(struct audit_lowest *lowest, void *row)
{
    if (lowest->rows->len < lowest->limit) {
        g_ptr_array_add(lowest->rows, row);
        lowest->is_heap = false;
        return NULL;
    }
    if (!audit_lowest_admits(lowest, row))
        return row;
    void *out = lowest->rows->pdata[0];
    lowest->rows->pdata[0] = row;
    sink(lowest, 0);
    return out;
}

static gint compare(gconstpointer a, gconstpointer b, gpointer order)
{
    int (*const *by)(const void *, const void *) = order;
    return (*by)(*(const void *const *)a, *(const void *const *)b);
}

void audit_lowest_sort(struct audit_lowest *lowest, int (*order)(const void *a, const void *b))
{
    g_ptr_array_sort_with_data(lowest->rows, compare, &order);
    lowest->is_heap = false;
}
