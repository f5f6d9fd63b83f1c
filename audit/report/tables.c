/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Columns and rows out of tables.def and columns.def: see tables.h. */
#include <stdlib.h>
#include <string.h>

#include "audit/report/json.h"
#include "audit/report/tables_private.h"

/* Where the rows of a table stand in the report. */
struct source {
    enum audit_row_kind row;
    const char *path, *parent, *without; /* as tables.def has them; path NULL: events make them */
};

static const struct source sources[TABLES] = {
#define TABLE_OF_ROWS(name, row, path, parent, without, help)                                      \
    [TABLE_##name] = {AUDIT_ROW_##row, path, parent, without},
#define TABLE_OF_EVENTS(name, help) [TABLE_##name] = {.row = AUDIT_ROW_none},
#include "audit/report/tables.def"
};

struct tables {
    struct table_sink sink;
    struct table tables[TABLES];
    GStringChunk *names;
    /* Room for values that are made. */
    GString *text;
    FILE *json;
    char *json_bytes;
    size_t json_length;
    const struct audit_report *report; /* that is being told */
};

/* ---- Columns ---- */

static bool is_word_of(const char *list, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = list; *at != '\0'; at += strspn(at, " ")) {
        const size_t own = strcspn(at, " ");
        if (own == length && strncmp(at, word, length) == 0)
            return true;
        at += own;
    }
    return false;
}

/* Which columns of a row of the report have no column in any table: lists of objects. */
static bool has_none(const struct audit_column *column)
{
    return column->shape == AUDIT_LIST && column->kind == AUDIT_ROW;
}

static bool is_json(const struct audit_column *column)
{
    return column->shape == AUDIT_LIST || column->shape == AUDIT_MAP;
}

/* Those that hold the columns of another row. */
static bool is_nested(const struct audit_column *column)
{
    return column->kind == AUDIT_ROW && !is_json(column);
}

static enum table_type type_of(const struct audit_column *column)
{
    if (is_json(column))
        return TABLE_JSON;
    switch ((enum audit_column_kind)column->kind) {
    case AUDIT_BOOL: return TABLE_BOOL;
    case AUDIT_WORD:
    case AUDIT_TEXT: return TABLE_TEXT;
    case AUDIT_NAME:
    case AUDIT_STRING: return TABLE_STRING;
    case AUDIT_TIME: return TABLE_TIME;
    default: return TABLE_INTEGER;
    }
}

/* Keys of JSON need not keep clear of SQL's keywords (end, from, to, group); names of columns do.
 */
static const char *name_of(struct tables *tables, const char *prefix,
                           const struct audit_column *column)
{
    const char *suffix = "";
    if (strcmp(column->key, "group") == 0 || strcmp(column->key, "node") == 0)
        suffix = "_id";
    else if (type_of(column) == TABLE_TIME && !g_str_has_suffix(column->key, "time"))
        suffix = "_time";
    char *name = g_strconcat(prefix, column->key, suffix, NULL);
    const char *kept = g_string_chunk_insert_const(tables->names, name);
    g_free(name);
    return kept;
}

static void add_column(struct table *table, const char *name, enum table_type type, bool key,
                       const char *references, const char *help)
{
    const struct table_column column = {name, (uint8_t)type, key, references, help};
    g_array_append_val(table->columns, column);
}

/* The columns of a row of the report. */
static void add_row(struct tables *tables, enum table_id id, enum audit_row_kind kind,
                    const char *prefix)
{
    const struct audit_row_info info = audit_row_info(kind);
    for (unsigned i = 0; i < info.count; i++) {
        const struct audit_column *column = &info.columns[i];
        if (is_word_of(sources[id].without, column->key) || has_none(column))
            continue;
        if (is_nested(column)) {
            char *longer = column->shape == AUDIT_INLINE
                               ? g_strdup(prefix)
                               : g_strconcat(prefix, column->key, "_", NULL);
            add_row(tables, id, (enum audit_row_kind)column->nested, longer);
            g_free(longer);
            continue;
        }
        const bool names_connection = column->unit == AUDIT_UNIT_CONNECTION;
        add_column(&tables->tables[id], name_of(tables, prefix, column), type_of(column),
                   names_connection && id == TABLE_connections,
                   names_connection && id != TABLE_connections ? "connections(id)" : NULL,
                   column->help);
    }
}

/* Whether the rows are counted in a column of their own. */
static bool is_numbered(enum table_id id)
{
    const struct source *source = &sources[id];
    return source->path != NULL && source->path[0] != '\0' && source->parent[0] == '\0' &&
           id != TABLE_connections;
}

static void add_parent(struct tables *tables, enum table_id id, const char *parent)
{
    const char *name = strchr(parent, ' ') + 1;
    char *references = g_strdup_printf("%.*s(number)", (int)(name - 1 - parent), parent);
    add_column(&tables->tables[id], name, TABLE_INTEGER, false,
               g_string_chunk_insert_const(tables->names, references), "Whose it is.");
    g_free(references);
}

static void add_columns(struct tables *tables, enum table_id id)
{
    const struct source *source = &sources[id];
    if (source->path == NULL)
        return; /* tables.def has them */
    if (source->parent[0] != '\0')
        add_parent(tables, id, source->parent);
    if (is_numbered(id))
        add_column(&tables->tables[id], "number", TABLE_INTEGER, true, NULL, "Counts the rows.");
    if (source->row != AUDIT_ROW_none)
        add_row(tables, id, source->row, "");
    else
        add_column(&tables->tables[id], "connection", TABLE_INTEGER, false, "connections(id)",
                   "Which.");
}

static void add_event_columns(struct tables *tables)
{
#define TABLE_COLUMN(table, key, type, references, help)                                           \
    add_column(&tables->tables[TABLE_##table], #key, TABLE_##type, false,                          \
               references[0] != '\0' ? references : NULL, help);
#include "audit/report/tables.def"
}

struct tables *tables_new(const struct table_sink *sink)
{
    static const struct {
        const char *name, *help;
    } names[TABLES] = {
#define TABLE_OF_ROWS(name, row, path, parent, without, help) [TABLE_##name] = {#name, help},
#define TABLE_OF_EVENTS(name, help) [TABLE_##name] = {#name, help},
#include "audit/report/tables.def"
    };
    struct tables *tables = g_new0(struct tables, 1);
    tables->sink = *sink;
    tables->names = g_string_chunk_new(4096);
    tables->text = g_string_new(NULL);
    tables->json = open_memstream(&tables->json_bytes, &tables->json_length);
    for (unsigned id = 0; id < TABLES; id++) {
        tables->tables[id] = (struct table){names[id].name, names[id].help,
                                            g_array_new(FALSE, FALSE, sizeof(struct table_column))};
        add_columns(tables, (enum table_id)id);
    }
    add_event_columns(tables);
    return tables;
}

void tables_free(struct tables *tables)
{
    for (unsigned id = 0; id < TABLES; id++)
        g_array_free(tables->tables[id].columns, TRUE);
    g_string_chunk_free(tables->names);
    g_string_free(tables->text, TRUE);
    if (tables->json != NULL)
        fclose(tables->json);
    free(tables->json_bytes);
    g_free(tables);
}

const struct table *tables_info(const struct tables *tables, enum table_id table)
{
    return &tables->tables[table];
}

/* ---- Rows ---- */

/* The report counts the connections that it lists, events those that they tell of. */
static int64_t number_of(const struct tables *tables, uint64_t id)
{
    const GPtrArray *connections = tables->report->connections;
    if (id == 0 || id > connections->len)
        return (int64_t)id;
    return (int64_t)audit_report_connection(tables->report, (unsigned)id - 1)->number;
}

static void put_scalar(const struct tables *tables, enum table_id id,
                       const struct audit_column *column, const struct audit_value *value)
{
    const struct table_sink *sink = &tables->sink;
    switch ((enum audit_column_kind)column->kind) {
    case AUDIT_COUNT:
    case AUDIT_FRAME:
    case AUDIT_BOOL: table_put_number(sink, id, (int64_t)MIN(value->number, INT64_MAX)); break;
    case AUDIT_ID:
        table_put_number(sink, id,
                         column->unit == AUDIT_UNIT_CONNECTION
                             ? number_of(tables, value->number)
                             : (int64_t)MIN(value->number, INT64_MAX));
        break;
    case AUDIT_STREAM:
    case AUDIT_TIME: table_put_number(sink, id, value->integer); break;
    case AUDIT_WORD:
    case AUDIT_TEXT:
    case AUDIT_NAME:
        table_put_text(sink, id, (const uint8_t *)value->word, strlen(value->word), false);
        break;
    case AUDIT_STRING:
        table_put_text(sink, id, value->string->bytes, value->string->length, false);
        break;
    case AUDIT_ROW: break; /* has columns of its own */
    }
}

static void put_json(struct tables *tables, enum table_id id, const struct audit_column *column,
                     const void *row)
{
    struct json_writer json = {.file = tables->json, .compact = true};
    if (tables->json == NULL || row == NULL) {
        table_put_null(&tables->sink, id);
        return;
    }
    rewind(tables->json);
    report_json_column(&json, tables->report, column, row, tables->text);
    fflush(tables->json);
    if (!json.has_element || tables->json_length == 0)
        table_put_null(&tables->sink, id);
    else
        table_put_text(&tables->sink, id, (const uint8_t *)tables->json_bytes, tables->json_length,
                       false);
}

static struct audit_value empty_value(const struct tables *tables)
{
    struct audit_value value;
    value.report = tables->report;
    value.text = tables->text;
    value.next = 0;
    value.cursor = NULL;
    return value;
}

/* The fields of a row of the report; `row` NULL: all of them are null. */
static void put_row(struct tables *tables, enum table_id id, enum audit_row_kind kind,
                    const void *row)
{
    const struct audit_row_info info = audit_row_info(kind);
    for (unsigned i = 0; i < info.count; i++) {
        const struct audit_column *column = &info.columns[i];
        if (is_word_of(sources[id].without, column->key) || has_none(column))
            continue;
        if (is_json(column)) {
            put_json(tables, id, column, row);
            continue;
        }
        struct audit_value value = empty_value(tables);
        const bool there = row != NULL && column->get(&value, row);
        if (is_nested(column))
            put_row(tables, id, (enum audit_row_kind)column->nested, there ? value.row : NULL);
        else if (there)
            put_scalar(tables, id, column, &value);
        else
            table_put_null(&tables->sink, id);
    }
}

/* A row of a table, which `value` leads to. */
static void tell_row(struct tables *tables, enum table_id id, const struct audit_column *column,
                     const struct audit_value *value, int64_t parent, int64_t number)
{
    if (sources[id].parent[0] != '\0')
        table_put_number(&tables->sink, id, parent);
    if (is_numbered(id))
        table_put_number(&tables->sink, id, number);
    if (column->kind == AUDIT_ROW)
        put_row(tables, id, (enum audit_row_kind)column->nested, value->row);
    else
        put_scalar(tables, id, column, value);
    tables->sink.row(tables->sink.user, id);
}

static const struct audit_column *find_column(enum audit_row_kind kind, const char *key,
                                              size_t length)
{
    const struct audit_row_info info = audit_row_info(kind);
    for (unsigned i = 0; i < info.count; i++)
        if (strlen(info.columns[i].key) == length && strncmp(info.columns[i].key, key, length) == 0)
            return &info.columns[i];
    return NULL;
}

/* Follows a path down from a row to the rows of a table. */
static void follow(struct tables *tables, enum table_id id, enum audit_row_kind kind,
                   const void *row, const char *path, int64_t parent)
{
    const size_t length = strcspn(path, ".");
    const struct audit_column *column = find_column(kind, path, length);
    const char *rest = path[length] == '.' ? path + length + 1 : NULL;
    struct audit_value value = empty_value(tables);
    g_assert(column != NULL);
    for (int64_t number = 1; column->get(&value, row); number++) {
        if (rest == NULL)
            tell_row(tables, id, column, &value, parent, number);
        else
            follow(tables, id, (enum audit_row_kind)column->nested, value.row, rest, number);
        if (column->shape != AUDIT_LIST)
            break;
    }
}

void tables_report(struct tables *tables, const struct audit_report *report)
{
    tables->report = report;
    for (unsigned i = 0; i < TABLES; i++) {
        const enum table_id id = (enum table_id)i;
        const char *path = sources[id].path;
        if (path == NULL)
            continue;
        if (path[0] != '\0') {
            follow(tables, id, AUDIT_ROW_report, report, path, 0);
            continue;
        }
        put_row(tables, id, sources[id].row, report);
        tables->sink.row(tables->sink.user, id);
    }
}

void tables_event(struct tables *tables, const struct audit_event *event)
{
    tables_put_event(&tables->sink, event);
}
