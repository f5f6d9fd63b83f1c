/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Columns of text, as wide as their contents. */
#ifndef MQTTSCOPE_AUDIT_REPORT_TABLE_H
#define MQTTSCOPE_AUDIT_REPORT_TABLE_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

struct table_column {
    const char *title; /* NULL in all columns: the table has no line of titles */
    bool right;        /* flush right: numbers */
    bool flexible;     /* cut where the table would be too wide; of several, the widest first */
    bool wraps;        /* the last column alone: sentences, which go on in further lines */
    unsigned drop;     /* then left out, the largest first; 0: never */
};

struct table;

struct table *table_new(const struct table_column *columns, unsigned count);
void table_free(struct table *table);

/* The next cell, from left to right and from top to bottom; printable text, which is copied. */
void table_add(struct table *table, const char *text);

/* The same with printf()'s arguments. */
void table_addf(struct table *table, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Writes the titles, between `title_on` and `title_off`, and the rows, indented by `indent`, within
 * `width` columns of the terminal if that is possible. Columns that hold nothing but empty cells
 * and dashes ("-") are left out. */
void table_write(struct table *table, FILE *file, unsigned indent, unsigned width,
                 const char *title_on, const char *title_off);

#endif
