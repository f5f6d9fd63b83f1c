/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the JSON report holds, for people and for validators: see generate_report.h. */
#include "docs/generate_report.h"

#include <stdio.h>
#include <string.h>

/* ---- The page ---- */

static const char *kind_words(const struct audit_column *column)
{
    static const char *const words[] = {
        [AUDIT_COUNT] = "number",
        [AUDIT_ID] = "number",
        [AUDIT_BOOL] = "true or false",
        [AUDIT_FRAME] = "frame",
        [AUDIT_STREAM] = "number",
        [AUDIT_WORD] = "word",
        [AUDIT_TEXT] = "text",
        [AUDIT_NAME] = "text",
        [AUDIT_STRING] = "string from the wire",
        [AUDIT_TIME] = "time",
    };
    return words[column->kind];
}

static void print_kind(const struct audit_column *column)
{
    const char *unit = audit_unit_name((enum audit_unit)column->unit);
    if (column->shape == AUDIT_LIST)
        printf("list of ");
    if (column->shape == AUDIT_MAP)
        printf("map to ");
    if (column->kind == AUDIT_ROW) {
        const char *name = audit_row_info((enum audit_row_kind)column->nested).name;
        printf("[%s](#%s)", name, name);
    } else {
        printf("%s", kind_words(column));
    }
    if (unit != NULL)
        printf(", %s", unit);
    if (column->presence == AUDIT_NULLABLE)
        printf(", or null");
    if (column->presence == AUDIT_OPTIONAL)
        printf("; may be left out");
}

static void print_columns(enum audit_row_kind kind)
{
    const struct audit_row_info info = audit_row_info(kind);
    for (unsigned i = 0; i < info.count; i++) {
        const struct audit_column *column = &info.columns[i];
        if (column->shape == AUDIT_INLINE) {
            print_columns((enum audit_row_kind)column->nested);
            continue;
        }
        printf("| `%s` | ", column->key);
        print_kind(column);
        printf(" | %s |\n", column->help);
    }
}

/* Whether some column is an object of this kind; others only lend their columns. */
static bool stands_alone(unsigned kind)
{
    if (kind == AUDIT_ROW_report)
        return true;
    for (unsigned i = 1; i < AUDIT_ROW_KINDS; i++) {
        const struct audit_row_info info = audit_row_info((enum audit_row_kind)i);
        for (unsigned j = 0; j < info.count; j++)
            if (info.columns[j].nested == kind && info.columns[j].shape != AUDIT_INLINE)
                return true;
    }
    return false;
}

void report_keys(void)
{
    printf("# The report\n\n"
           "<!-- Generated from audit/columns.def by scripts/docs. Change it there. -->\n\n"
           "Every key of the JSON report (`mqttscope --json`), with its kind, its unit and what it "
           "means.\n"
           "`report.schema.json` says the same to a validator. Readers ignore keys that they don't "
           "know: keys may\n"
           "be added within one version of the schema.\n\n"
           "- **time**: RFC 3339 in UTC with nanoseconds. Durations are integers; the key or this "
           "page says the unit.\n"
           "- **frame**: counted from 1 over all files of the report; null: no frame shows it.\n"
           "- **string from the wire**: bytes that are no UTF-8 stand as U+FFFD, and `KEY_hex` "
           "beside `KEY` then\n"
           "  holds all bytes. Strings above 512 bytes are cut, and `KEY_length` holds their "
           "length.\n"
           "- **word**: of a fixed set, which the schema lists.\n");
    for (unsigned kind = AUDIT_ROW_KINDS; --kind > AUDIT_ROW_none;) {
        const struct audit_row_info info = audit_row_info((enum audit_row_kind)kind);
        if (!stands_alone(kind))
            continue;
        printf("\n## %s\n\n%s\n\n| Key | Kind | What it is |\n|---|---|---|\n", info.name,
               info.help);
        print_columns((enum audit_row_kind)kind);
    }
    printf(
        "\n## excused\n\nWhy a delivery that was due may not have come, and nobody is blamed for "
        "it.\n\n| Word | What it means |\n|---|---|\n");
    for (unsigned i = 0; i < AUDIT_EXCUSES; i++)
        printf("| `%s` | %s |\n", audit_excuse_name(i), audit_excuse_help(i));
}

/* ---- The schema ---- */

static const char *const vocabularies[AUDIT_UNITS] = {
    [AUDIT_UNIT_VERSION] = "version",          [AUDIT_UNIT_SEVERITY] = "severity",
    [AUDIT_UNIT_PACKET_TYPE] = "packet_type",  [AUDIT_UNIT_END_CAUSE] = "end_cause",
    [AUDIT_UNIT_DIRECTION] = "word_direction", [AUDIT_UNIT_ROLE] = "word_role",
    [AUDIT_UNIT_TRANSPORT] = "word_transport", [AUDIT_UNIT_SESSION_STATE] = "session_state",
    [AUDIT_UNIT_LIMIT] = "word_limit",         [AUDIT_UNIT_RULE] = "rule_id",
    [AUDIT_UNIT_DIAGNOSIS] = "diagnosis_id",   [AUDIT_UNIT_EXCUSE] = "excuse_word",
};

static void reference(struct json_writer *json, const char *name)
{
    char text[64];
    snprintf(text, sizeof text, "#/$defs/%s", name);
    json_text(json, "$ref", text);
}

/* The type of an integer from `least` on, or null. */
static void integer(struct json_writer *json, bool nullable, uint64_t least)
{
    if (nullable) {
        json_array_begin(json, "type");
        json_text(json, NULL, "integer");
        json_text(json, NULL, "null");
        json_array_end(json);
    } else {
        json_text(json, "type", "integer");
    }
    json_unsigned(json, "minimum", least);
}

static void word(struct json_writer *json, enum audit_unit unit)
{
    if (unit == AUDIT_UNIT_SCHEMA)
        json_text(json, "const", AUDIT_REPORT_SCHEMA);
    else if (vocabularies[unit] != NULL)
        reference(json, vocabularies[unit]);
    else
        json_text(json, "type", "string");
    if (unit == AUDIT_UNIT_STATEMENT)
        json_text(json, "pattern", "^MQTT-[0-9.]+-[0-9]+$");
}

/* The keywords of a value that is there. */
static void value(struct json_writer *json, const struct audit_column *column)
{
    switch ((enum audit_column_kind)column->kind) {
    case AUDIT_COUNT:
        integer(json, false, 0);
        if (column->unit == AUDIT_UNIT_PORT)
            json_unsigned(json, "maximum", UINT16_MAX);
        break;
    case AUDIT_ID:
    case AUDIT_FRAME: integer(json, false, 1); break;
    case AUDIT_STREAM: integer(json, false, 0); break;
    case AUDIT_BOOL: json_text(json, "type", "boolean"); break;
    case AUDIT_WORD:
    case AUDIT_TEXT: word(json, (enum audit_unit)column->unit); break;
    case AUDIT_NAME:
    case AUDIT_STRING: json_text(json, "type", "string"); break;
    case AUDIT_TIME: reference(json, "time"); break;
    case AUDIT_ROW:
        reference(json, audit_row_info((enum audit_row_kind)column->nested).name);
        break;
    }
}

static bool is_integer(const struct audit_column *column)
{
    return column->kind == AUDIT_COUNT || column->kind == AUDIT_ID || column->kind == AUDIT_FRAME ||
           column->kind == AUDIT_STREAM;
}

static void one(struct json_writer *json, const struct audit_column *column)
{
    if (column->presence != AUDIT_NULLABLE) {
        value(json, column);
    } else if (is_integer(column)) {
        integer(json, true, column->kind == AUDIT_ID || column->kind == AUDIT_FRAME ? 1 : 0);
    } else {
        json_array_begin(json, "oneOf");
        json_object_begin(json, NULL);
        json_text(json, "type", "null");
        json_object_end(json);
        json_object_begin(json, NULL);
        value(json, column);
        json_object_end(json);
        json_array_end(json);
    }
}

static void list(struct json_writer *json, const struct audit_column *column)
{
    json_text(json, "type", "array");
    json_object_begin(json, "items");
    value(json, column);
    json_object_end(json);
}

static void map(struct json_writer *json, const struct audit_column *column)
{
    json_text(json, "type", "object");
    json_object_begin(json, "propertyNames");
    reference(json, vocabularies[column->unit]);
    json_object_end(json);
    json_object_begin(json, "additionalProperties");
    value(json, column);
    json_object_end(json);
}

/* The keys that stand beside a string from the wire if it needs them. */
void report_further_keys(struct json_writer *json, const char *key)
{
    static const char *const suffixes[][2] = {{"hex", "hex"}, {"length", "count"}};
    for (unsigned i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%s", key, suffixes[i][0]);
        json_object_begin(json, name);
        reference(json, suffixes[i][1]);
        json_object_end(json);
    }
}

static bool left_out(const struct audit_column *column, const char *const *without)
{
    for (; without != NULL && *without != NULL; without++)
        if (strcmp(*without, column->key) == 0)
            return true;
    return false;
}

static void property(struct json_writer *json, const struct audit_column *column)
{
    json_object_begin(json, column->key);
    json_text(json, "description", column->help);
    switch ((enum audit_shape)column->shape) {
    case AUDIT_LIST: list(json, column); break;
    case AUDIT_MAP: map(json, column); break;
    default: one(json, column); break;
    }
    json_object_end(json);
    if (column->kind == AUDIT_STRING)
        report_further_keys(json, column->key);
}

void report_row_properties(struct json_writer *json, enum audit_row_kind row,
                           const char *const *without)
{
    const struct audit_row_info info = audit_row_info(row);
    for (unsigned i = 0; i < info.count; i++) {
        const struct audit_column *column = &info.columns[i];
        if (column->shape == AUDIT_INLINE)
            report_row_properties(json, (enum audit_row_kind)column->nested, without);
        else if (!left_out(column, without))
            property(json, column);
    }
}

void report_row_required(struct json_writer *json, enum audit_row_kind row,
                         const char *const *without)
{
    const struct audit_row_info info = audit_row_info(row);
    for (unsigned i = 0; i < info.count; i++) {
        const struct audit_column *column = &info.columns[i];
        if (column->shape == AUDIT_INLINE)
            report_row_required(json, (enum audit_row_kind)column->nested, without);
        else if (column->presence != AUDIT_OPTIONAL && !left_out(column, without))
            json_text(json, NULL, column->key);
    }
}

static void object(struct json_writer *json, enum audit_row_kind kind, const char *const *without)
{
    json_text(json, "type", "object");
    json_array_begin(json, "required");
    report_row_required(json, kind, without);
    json_array_end(json);
    json_object_begin(json, "properties");
    report_row_properties(json, kind, without);
    json_object_end(json);
}

static void words(struct json_writer *json, enum audit_unit vocabulary)
{
    const char *text;
    json_object_begin(json, vocabularies[vocabulary]);
    if (vocabulary == AUDIT_UNIT_RULE ||
        vocabulary == AUDIT_UNIT_DIAGNOSIS) { /* more come with every version */
        json_text(json, "type", "string");
        json_text(json, "pattern", "^[a-z0-9][a-z0-9.-]*$");
    } else {
        json_array_begin(json, "enum");
        for (unsigned i = 0; (text = audit_word(vocabulary, i)) != NULL; i++)
            json_text(json, NULL, text);
        json_array_end(json);
    }
    json_object_end(json);
}

static void pattern(struct json_writer *json, const char *name, const char *text)
{
    json_object_begin(json, name);
    json_text(json, "type", "string");
    json_text(json, "pattern", text);
    json_object_end(json);
}

/* Marks the kinds of objects that stand in a row, at any depth. */
static void reach(const struct report_part *reached[AUDIT_ROW_KINDS], enum audit_row_kind row,
                  const struct report_part *part)
{
    const struct audit_row_info info = audit_row_info(row);
    for (unsigned i = 0; i < info.count; i++) {
        const struct audit_column *column = &info.columns[i];
        if (column->kind != AUDIT_ROW || left_out(column, part->without))
            continue;
        if (column->shape != AUDIT_INLINE && reached[column->nested] == NULL)
            reached[column->nested] = part;
        reach(reached, (enum audit_row_kind)column->nested, part);
    }
}

void report_definitions(struct json_writer *json, const struct report_part *parts, unsigned count)
{
    const struct report_part *reached[AUDIT_ROW_KINDS] = {NULL};
    for (unsigned i = 0; i < count; i++)
        reach(reached, parts[i].row, &parts[i]);
    json_object_begin(json, "count");
    integer(json, false, 0);
    json_object_end(json);
    pattern(json, "hex", "^([0-9a-f]{2})*$");
    pattern(json, "time", "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z$");
    for (unsigned unit = AUDIT_UNIT_VOCABULARIES; unit < AUDIT_UNIT_SCHEMA; unit++)
        words(json, (enum audit_unit)unit);
    for (unsigned kind = AUDIT_ROW_none + 1; kind < AUDIT_ROW_KINDS; kind++) {
        const struct audit_row_info info = audit_row_info((enum audit_row_kind)kind);
        if (reached[kind] == NULL)
            continue;
        json_object_begin(json, info.name);
        json_text(json, "description", info.help);
        object(json, (enum audit_row_kind)kind, reached[kind]->without);
        json_object_end(json);
    }
}

void report_schema(void)
{
    struct json_writer json = {.file = stdout};
    json_object_begin(&json, NULL);
    json_text(&json, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_text(&json, "title", "mqttscope report");
    json_text(
        &json, "description",
        "What mqttscope --json writes; report.md says the same to people. Readers ignore keys "
        "that they don't know; keys may be added within one version of the schema.");
    object(&json, AUDIT_ROW_report, NULL);
    json_object_begin(&json, "$defs");
    static const struct report_part whole = {AUDIT_ROW_report, NULL};
    report_definitions(&json, &whole, 1);
    json_object_end(&json);
    json_object_end(&json);
}
