/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Columns of text: see table.h. */
#include "audit/report/table.h"

#include "audit/report/escape.h"

#include <stdarg.h>

#define GAP 2

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
    if (table->columns[column].most != 0)
        escape_cut(text, table->columns[column].most);
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

static void write_row(const struct table *table, FILE *file, unsigned indent,
                      const char *(*cell)(const struct table *table, unsigned row, unsigned column),
                      unsigned row)
{
    unsigned pending = indent; /* blanks that are due before the next text */
    for (unsigned i = 0; i < table->count; i++) {
        if (table->widths[i] == 0)
            continue;
        const char *text = cell(table, row, i);
        unsigned width = MAX(table->widths[i], title_width(table, i));
        unsigned blanks = width - escape_width(text);
        bool right = table->columns[i].right;
        fprintf(file, "%*s%s", (int)(pending + (right ? blanks : 0)), "", text);
        pending = GAP + (right ? 0 : blanks);
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

void table_write(const struct table *table, FILE *file, unsigned indent, const char *title_on,
                 const char *title_off)
{
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
