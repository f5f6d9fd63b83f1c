/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON report: a walk over the rows of audit/columns.def. */
#include "audit/report/json.h"

#include <string.h>

#include "audit/report/format.h"

/* A walk over rows. */
struct walk {
    struct json_writer *json;
    const struct audit_report *report;
    GString *text;              /* room for text that is made */
    const char *const *without; /* keys */
};

/* A string from the wire, and in further keys what the JSON string can't say: KEY_hex holds the
 * bytes if they are no UTF-8, KEY_length the true length if the report keeps only the beginning. */
static void write_string(struct json_writer *json, const char *key,
                         const struct audit_string *string)
{
    char further[FORMAT_SIZE];
    if (!json_bytes(json, key, string->bytes, string->length)) {
        g_snprintf(further, sizeof further, "%s_hex", key);
        json_hex(json, further, string->bytes, string->length);
    }
    if (string->whole > string->length) {
        g_snprintf(further, sizeof further, "%s_length", key);
        json_unsigned(json, further, string->whole);
    }
}

static void write_row(const struct walk *walk, enum audit_row_kind kind, const void *row);

static void write_value(const struct walk *walk, const char *key, const struct audit_column *column,
                        const struct audit_value *value)
{
    struct json_writer *json = walk->json;
    char time[FORMAT_SIZE];
    switch ((enum audit_column_kind)column->kind) {
    case AUDIT_COUNT:
    case AUDIT_ID:
    case AUDIT_FRAME: json_unsigned(json, key, value->number); break;
    case AUDIT_STREAM: json_signed(json, key, value->integer); break;
    case AUDIT_BOOL: json_bool(json, key, value->number != 0); break;
    case AUDIT_WORD:
    case AUDIT_TEXT: json_text(json, key, value->word); break;
    case AUDIT_NAME:
        json_bytes(json, key, (const uint8_t *)value->word, strlen(value->word));
        break;
    case AUDIT_STRING: write_string(json, key, value->string); break;
    case AUDIT_TIME: json_text(json, key, format_time(time, value->integer)); break;
    case AUDIT_ROW:
        json_object_begin(json, key);
        write_row(walk, (enum audit_row_kind)column->nested, value->row);
        json_object_end(json);
        break;
    }
}

static void write_list(const struct walk *walk, const struct audit_column *column, const void *row,
                       struct audit_value *value)
{
    json_array_begin(walk->json, column->key);
    while (column->get(value, row))
        write_value(walk, NULL, column, value);
    json_array_end(walk->json);
}

static void write_map(const struct walk *walk, const struct audit_column *column, const void *row,
                      struct audit_value *value)
{
    bool more = column->get(value, row);
    if (!more && column->presence == AUDIT_OPTIONAL)
        return;
    json_object_begin(walk->json, column->key);
    for (; more; more = column->get(value, row))
        write_value(walk, value->key, column, value);
    json_object_end(walk->json);
}

static void write_one(const struct walk *walk, const struct audit_column *column, const void *row,
                      struct audit_value *value)
{
    if (column->get(value, row))
        write_value(walk, column->key, column, value);
    else if (column->presence != AUDIT_OPTIONAL)
        json_null(walk->json, column->key);
}

static void write_column(const struct walk *walk, const struct audit_column *column,
                         const void *row)
{
    struct audit_value value;
    value.report = walk->report;
    value.text = walk->text;
    value.next = 0;
    value.cursor = NULL;
    switch ((enum audit_shape)column->shape) {
    case AUDIT_ONE: write_one(walk, column, row, &value); break;
    case AUDIT_LIST: write_list(walk, column, row, &value); break;
    case AUDIT_MAP: write_map(walk, column, row, &value); break;
    case AUDIT_INLINE:
        column->get(&value, row);
        write_row(walk, (enum audit_row_kind)column->nested, value.row);
        break;
    }
}

static bool left_out(const struct walk *walk, const char *key)
{
    for (const char *const *other = walk->without; other != NULL && *other != NULL; other++)
        if (strcmp(key, *other) == 0)
            return true;
    return false;
}

static void write_row(const struct walk *walk, enum audit_row_kind kind, const void *row)
{
    const struct audit_row_info info = audit_row_info(kind);
    for (unsigned i = 0; i < info.count; i++)
        if (!left_out(walk, info.columns[i].key))
            write_column(walk, &info.columns[i], row);
}

void report_json_row(struct json_writer *json, const struct audit_report *report,
                     enum audit_row_kind kind, const void *row, const char *const *without)
{
    const struct walk walk = {
        .json = json, .report = report, .text = g_string_new(NULL), .without = without};
    write_row(&walk, kind, row);
    g_string_free(walk.text, TRUE);
}

void report_json_column(struct json_writer *json, const struct audit_report *report,
                        const struct audit_column *column, const void *row, GString *text)
{
    const struct walk walk = {.json = json, .report = report, .text = text};
    struct audit_column bare = *column;
    bare.key = NULL;
    write_column(&walk, &bare, row);
}

void report_json(const struct audit_report *report, FILE *file)
{
    struct json_writer json = {.file = file};
    const struct walk walk = {.json = &json, .report = report, .text = g_string_new(NULL)};
    json_object_begin(&json, NULL);
    write_row(&walk, AUDIT_ROW_report, report);
    json_object_end(&json);
    g_string_free(walk.text, TRUE);
}
