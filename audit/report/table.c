/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Columns of text: see table.h. */
#include "audit/report/table.h"

#include "audit/report/escape.h"

#include <stdarg.h>
#include <string.h>

/* A column of sentences may be as narrow as this before names are cut, and after. */
#define USUAL_WRAP 30u
#define LEAST_WRAP 16u

#define GAP 2
#define LEAST_WIDTH 20  /* of a flexible column */
#define LEAST_SHARED 14 /* of one of several */

struct table {
    const struct table_column *columns;
    unsigned count;
    GPtrArray *cells;
    unsigned *widths; /* of the widest cell, the title not counted; 0: the column is left out */
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
    unsigned width = strcmp(text, "-") != 0 ? escape_width(text) : 0;
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

static unsigned total_width(const struct table *table, unsigned indent)
{
    unsigned total = 0;
    for (unsigned i = 0; i < table->count; i++)
        if (table->widths[i] > 0)
            total += column_width(table, i) + (total > 0 ? GAP : 0);
    return indent + total;
}

static bool is_flexible(const struct table *table, unsigned column)
{
    return table->columns[column].flexible && table->widths[column] > 0;
}

/* How narrow a flexible column may become. */
static unsigned least_width(const struct table *table)
{
    unsigned flexible = 0;
    for (unsigned i = 0; i < table->count; i++)
        flexible += is_flexible(table, i);
    return flexible > 1 ? LEAST_SHARED : LEAST_WIDTH;
}

/* The widest flexible column that is wider than the least; the count of columns: there is none. */
static unsigned widest(const struct table *table, const unsigned *widths, unsigned least)
{
    unsigned found = table->count;
    for (unsigned i = 0; i < table->count; i++)
        if (is_flexible(table, i) && widths[i] > least &&
            (found == table->count || widths[i] > widths[found]))
            found = i;
    return found;
}

/* Cuts the flexible columns, if there are any, so that a row fits. */
static void cut(struct table *table, unsigned excess)
{
    const unsigned least = least_width(table);
    unsigned *widths = g_new(unsigned, table->count);
    for (unsigned i = 0; i < table->count; i++)
        widths[i] = column_width(table, i);
    for (unsigned i; excess > 0 && (i = widest(table, widths, least)) < table->count; excess--)
        widths[i]--;
    for (unsigned i = 0; i < table->cells->len; i++) {
        const unsigned column = i % table->count;
        if (widths[column] >= table->widths[column])
            continue;
        escape_cut(g_ptr_array_index(table->cells, i), widths[column]);
    }
    for (unsigned i = 0; i < table->count; i++)
        table->widths[i] = MIN(table->widths[i], widths[i]);
    g_free(widths);
}

/* Makes the column that wraps narrower by as much as needed, but not narrower than
 * `least`. */
static void narrow(struct table *table, unsigned indent, unsigned width, unsigned least)
{
    const unsigned last = table->count - 1, total = total_width(table, indent);
    if (table->columns[last].wraps && total > width && table->widths[last] > least)
        table->widths[last] -= MIN(total - width, table->widths[last] - least);
}

/* Leaves the next column out; false if none is left that may be. */
static bool drop(struct table *table)
{
    unsigned next = table->count;
    for (unsigned i = 0; i < table->count; i++)
        if (table->widths[i] > 0 && table->columns[i].drop > 0 &&
            (next == table->count || table->columns[i].drop > table->columns[next].drop))
            next = i;
    if (next == table->count)
        return false;
    table->widths[next] = 0;
    return true;
}

static void fit(struct table *table, unsigned indent, unsigned width)
{
    narrow(table, indent, width, USUAL_WRAP);
    unsigned total = total_width(table, indent);
    if (total > width)
        cut(table, total - width);
    narrow(table, indent, width, LEAST_WRAP);
    while (total_width(table, indent) > width && drop(table))
        ;
}

/* Words of `text` in lines of a width, those behind the first one below it, where it begins. */
static void write_wrapped(const char *text, FILE *file, unsigned begins, unsigned width)
{
    char **words = g_strsplit(text, " ", -1);
    unsigned column = 0;
    for (char **word = words; *word != NULL; word++) {
        const unsigned length = escape_width(*word);
        if (column > 0 && column + 1 + length > width) {
            fprintf(file, "\n%*s", (int)begins, "");
            column = 0;
        }
        fprintf(file, "%s%s", column > 0 ? " " : "", *word);
        column += length + (column > 0 ? 1 : 0);
    }
    g_strfreev(words);
}

static void write_row(const struct table *table, FILE *file, unsigned indent,
                      const char *(*cell)(const struct table *table, unsigned row, unsigned column),
                      unsigned row)
{
    unsigned pending = indent; /* blanks that are due before the next text */
    unsigned begins = indent;
    for (unsigned i = 0; i < table->count; i++) {
        if (table->widths[i] == 0)
            continue;
        const char *text = cell(table, row, i);
        if (table->columns[i].wraps) {
            fprintf(file, "%*s", *text != '\0' ? (int)pending : 0, "");
            write_wrapped(text, file, begins, column_width(table, i));
            return;
        }
        begins += column_width(table, i) + GAP;
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
