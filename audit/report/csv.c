/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields, lines and files: see csv.h. */
#include "audit/report/csv.h"

#include <string.h>

#include "audit/report/escape.h"
#include "audit/report/lines.h"
#include "audit/report/tables.h"

struct csv {
    struct tables *tables;
    struct lines lines[TABLES];
    GString *text; /* room for what is escaped */
    unsigned at;   /* the column that comes next */
};

/* ---- Fields ---- */

/* Whether a spreadsheet could take it for a formula, blanks in front of it or not. The last four
 * are the same signs in the width of East Asian characters, which some take for them. */
static bool is_formula(const uint8_t *bytes, size_t length)
{
    static const char *const signs[] = {"=",  "+", "-",      "@",      "\t",     "\r",
                                        "\n", "'", "\uff1d", "\uff0b", "\uff0d", "\uff20"};
    while (length > 0 && *bytes == ' ') {
        bytes++;
        length--;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(signs); i++)
        if (length >= strlen(signs[i]) && memcmp(bytes, signs[i], strlen(signs[i])) == 0)
            return true;
    return false;
}

static bool needs_quotes(const uint8_t *bytes, size_t length)
{
    if (length == 0 || bytes[0] == ' ' || bytes[length - 1] == ' ')
        return true; /* nothing at all is null */
    for (size_t i = 0; i < length; i++)
        if (bytes[i] == ',' || bytes[i] == '"' || bytes[i] == '\r' || bytes[i] == '\n')
            return true;
    return false;
}

static void put_text(struct lines *lines, const uint8_t *bytes, size_t length)
{
    const bool quotes = needs_quotes(bytes, length);
    lines_room(lines, 2 * length + 3);
    if (quotes)
        *lines->at++ = '"';
    if (is_formula(bytes, length))
        *lines->at++ = '\'';
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '"')
            *lines->at++ = '"';
        *lines->at++ = (char)bytes[i];
    }
    if (quotes)
        *lines->at++ = '"';
}

/* RFC 3339, without the quotation marks that JSON wants. */
static void put_time(struct lines *lines, int64_t time)
{
    char *begin = lines->at;
    lines_time(lines, time);
    const size_t length = (size_t)(lines->at - begin) - 2;
    memmove(begin, begin + 1, length);
    lines->at = begin + length;
}

static void put_number(struct lines *lines, unsigned type, int64_t number)
{
    lines_room(lines, LINES_TIME + LINES_NUMBER);
    if (type == TABLE_TIME) {
        put_time(lines, number);
    } else if (type == TABLE_BOOL) {
        lines_text(lines, number != 0 ? "true" : "false");
    } else {
        if (number < 0)
            *lines->at++ = '-';
        lines_number(lines, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
    }
}

static void put_value(void *user, enum table_id id, const struct table_value *value)
{
    struct csv *csv = user;
    struct lines *lines = &csv->lines[id];
    const struct table *table = tables_info(csv->tables, id);
    const unsigned type = g_array_index(table->columns, struct table_column, csv->at).type;
    lines_room(lines, 1);
    if (csv->at++ > 0)
        *lines->at++ = ',';
    if (value->is == TABLE_IS_NUMBER) {
        put_number(lines, type, value->number);
    } else if (value->is == TABLE_IS_TEXT && type == TABLE_STRING) {
        g_string_truncate(csv->text, 0);
        escape_append(csv->text, value->bytes, value->length);
        put_text(lines, (const uint8_t *)csv->text->str, csv->text->len);
    } else if (value->is == TABLE_IS_TEXT) {
        put_text(lines, value->bytes, value->length);
    }
}

/* ---- Lines ---- */

static void end_line(struct lines *lines)
{
    lines_room(lines, 1);
    *lines->at++ = '\r';
    lines_end(lines);
}

static void put_row(void *user, enum table_id id)
{
    struct csv *csv = user;
    csv->at = 0;
    end_line(&csv->lines[id]);
}

static void put_names(struct lines *lines, const struct table *table)
{
    for (unsigned i = 0; i < table->columns->len; i++) {
        const char *name = g_array_index(table->columns, struct table_column, i).name;
        lines_room(lines, strlen(name) + 1);
        if (i > 0)
            *lines->at++ = ',';
        lines_text(lines, name);
    }
    end_line(lines);
}

/* ---- Files ---- */

const char *csv_file_name(unsigned i)
{
    static const char *const names[] = {
#define TABLE_OF_ROWS(name, ...) #name ".csv",
#define TABLE_OF_EVENTS(name, ...) #name ".csv",
#include "audit/report/tables.def"
    };
    return i < TABLES ? names[i] : NULL;
}

struct csv *csv_new(FILE *const *files)
{
    struct csv *csv = g_new0(struct csv, 1);
    const struct table_sink sink = {.value = put_value, .row = put_row, .user = csv};
    csv->tables = tables_new(&sink);
    csv->text = g_string_new(NULL);
    for (unsigned id = 0; id < TABLES; id++) {
        lines_init(&csv->lines[id], files[id], false);
        put_names(&csv->lines[id], tables_info(csv->tables, (enum table_id)id));
    }
    return csv;
}

void csv_event(struct csv *csv, const struct audit_event *event)
{
    tables_event(csv->tables, event);
}

void csv_finish(struct csv *csv, const struct audit_report *report)
{
    if (report != NULL)
        tables_report(csv->tables, report);
    for (unsigned id = 0; id < TABLES; id++)
        lines_clear(&csv->lines[id]);
    g_string_free(csv->text, TRUE);
    tables_free(csv->tables);
    g_free(csv);
}
