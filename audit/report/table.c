/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Columns of text: see table.h. */
#include "audit/report/table.h"

#include "audit/report/escape.h"

#include <stdarg.h>

#define GAP 2
#define LEAST_WIDTH 12 /* of a flexible column */

struct table {
    const struct table_column *columns;
    unsigned count;
    GPtrArray *cells;
    unsigned *widths; /* of the widest cell, the title not counted; 0: all are empty */
};

struct table *table_new(const struct table_column *columns, unsigned count)
{
    struct table *table = g_new0(struct table, 1);
    table->columns = columns;
    table->count = count;
    table->cells = g_ptr_array_new_with_free_func(g_free);
    table->widths = g_new0(unsigned, count);
    return table;
}

void table_free(struct table *table)
{
    g_ptr_array_free(table->cells, TRUE);
    g_free(table->widths);
    g_free(table);
}

static void take(struct table *table, char *text)
{
    unsigned column = table->cells->len % table->count;
    unsigned width = escape_width(text);
    table->widths[column] = MAX(table->widths[column], width);
    g_ptr_array_add(table->cells, text);
}

void table_add(struct table *table, const char *text)
{
    take(table, g_strdup(text));
}

void table_addf(struct table *table, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    take(table, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

static unsigned title_width(const struct table *table, unsigned column)
{
    const char *title = table->columns[column].title;
    return title != NULL ? escape_width(title) : 0;
}

static unsigned column_width(const struct table *table, unsigned column)
{
    return MAX(table->widths[column], title_width(table, column));
}

/* Cuts the flexible column, if there is one, so that a row fits. */
static void fit(struct table *table, unsigned indent, unsigned width)
{
    unsigned total = indent, flexible = table->count;
    for (unsigned i = 0; i < table->count; i++) {
        if (table->widths[i] == 0)
            continue;
        total += column_width(table, i) + (total > indent ? GAP : 0);
        if (table->columns[i].flexible)
            flexible = i;
    }
    if (flexible == table->count || total <= width)
        return;
    unsigned excess = total - width, now = column_width(table, flexible);
    unsigned room = now > excess + LEAST_WIDTH ? now - excess : LEAST_WIDTH;
    table->widths[flexible] = MIN(table->widths[flexible], room);
    for (unsigned i = flexible; i < table->cells->len; i += table->count)
        escape_cut(g_ptr_array_index(table->cells, i), room);
}

static void write_row(const struct table *table, FILE *file, unsigned indent,
                      const char *(*cell)(const struct table *table, unsigned row, unsigned column),
                      unsigned row)
{
    unsigned pending = indent; /* blanks that are due before the next text */
    for (unsigned i = 0; i < table->count; i++) {
        if (table->widths[i] == 0)
            continue;
        const char *text = cell(table, row, i);
        unsigned blanks = column_width(table, i) - escape_width(text);
        bool right = table->columns[i].right;
        pending += right ? blanks : 0;
        if (*text != '\0') {
            fprintf(file, "%*s%s", (int)pending, "", text);
            pending = 0;
        }
        pending += GAP + (right ? 0 : blanks);
    }
}

static const char *title_cell(const struct table *table, unsigned row, unsigned column)
{
    (void)row;
    return table->columns[column].title;
}

static const char *body_cell(const struct table *table, unsigned row, unsigned column)
{
    return (const char *)g_ptr_array_index(table->cells, row * table->count + column);
}

void table_write(struct table *table, FILE *file, unsigned indent, unsigned width,
                 const char *title_on, const char *title_off)
{
    fit(table, indent, width);
    if (table->columns[0].title != NULL) {
        fputs(title_on, file);
        write_row(table, file, indent, title_cell, 0);
        fputs(title_off, file);
        fputc('\n', file);
    }
    for (unsigned row = 0; row < table->cells->len / table->count; row++) {
        write_row(table, file, indent, body_cell, row);
        fputc('\n', file);
    }
}
