/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first N of any number of rows, whatever the order they come in: the N lowest. So parts of a
 * capture can be counted apart, and put together in any order and grouping: a row that is among the
 * lowest of all is among the lowest of every part that has it.
 */
#ifndef MQTTSCOPE_AUDIT_LOWEST_H
#define MQTTSCOPE_AUDIT_LOWEST_H

#include <glib.h>
#include <stdbool.h>

struct audit_lowest {
    GPtrArray *rows; /* in no order, or as a heap with the highest first */
    guint limit;     /* at least 1 */
    int (*order)(const void *a, const void *b); /* like strcmp(); 0 for no two different rows */
    bool is_heap;
};

/* The rows stay with the caller: nothing is freed but the array itself. */
void audit_lowest_init(struct audit_lowest *lowest, guint limit,
                       int (*order)(const void *a, const void *b));
void audit_lowest_clear(struct audit_lowest *lowest);

/* Whether audit_lowest_add() would keep this row. */
bool audit_lowest_admits(struct audit_lowest *lowest, const void *row);

/* Adds a row. Returns the one that there is no room for, which may be `row` itself, or NULL. Takes
 * O(log N), and O(1) for a row that is not kept. */
void *audit_lowest_add(struct audit_lowest *lowest, void *row);

/* Brings the rows into an order, this one or another. More can be added afterwards. */
void audit_lowest_sort(struct audit_lowest *lowest, int (*order)(const void *a, const void *b));

#endif
