/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON, one value after the other: see json_writer.h. */
#include "audit/report/json_writer.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include "audit/report/json_escape.h"

#define LINE_DEPTH 2

static void new_line(struct json_writer *json)
{
    if (json->compact)
        return;
    fputc('\n', json->file);
    for (unsigned i = 0; i < json->depth; i++)
        fputs("  ", json->file);
}

static bool write_string(const struct json_writer *json, const uint8_t *bytes, size_t length);

/* The comma, the line break and the key before a value. */
static void begin_value(struct json_writer *json, const char *key)
{
    if (json->has_element)
        fputc(',', json->file);
    if (json->depth > 0 && json->depth <= LINE_DEPTH)
        new_line(json);
    else if (json->has_element && !json->compact)
        fputc(' ', json->file);
    json->has_element = true;
    if (key != NULL) {
        write_string(json, (const uint8_t *)key, strlen(key));
        fputs(json->compact ? ":" : ": ", json->file);
    }
}

static void open_bracket(struct json_writer *json, const char *key, char bracket)
{
    begin_value(json, key);
    fputc(bracket, json->file);
    json->depth++;
    json->has_element = false;
}

static void close_bracket(struct json_writer *json, char bracket)
{
    bool empty = !json->has_element;
    json->depth--;
    if (!empty && json->depth < LINE_DEPTH)
        new_line(json);
    fputc(bracket, json->file);
    json->has_element = true;
    if (json->depth == 0 && !json->compact)
        fputc('\n', json->file);
}

void json_object_begin(struct json_writer *json, const char *key)
{
    open_bracket(json, key, '{');
}

void json_object_end(struct json_writer *json)
{
    close_bracket(json, '}');
}

void json_array_begin(struct json_writer *json, const char *key)
{
    open_bracket(json, key, '[');
}

void json_array_end(struct json_writer *json)
{
    close_bracket(json, ']');
}

void json_unsigned(struct json_writer *json, const char *key, uint64_t value)
{
    begin_value(json, key);
    fprintf(json->file, "%" PRIu64, value);
}

void json_signed(struct json_writer *json, const char *key, int64_t value)
{
    begin_value(json, key);
    fprintf(json->file, "%" PRId64, value);
}

void json_bool(struct json_writer *json, const char *key, bool value)
{
    begin_value(json, key);
    fputs(value ? "true" : "false", json->file);
}

void json_null(struct json_writer *json, const char *key)
{
    begin_value(json, key);
    fputs("null", json->file);
}

/* Inside a JSON string, `<` can only stand for itself. */
static void write_escaped(const struct json_writer *json, const char *text, const char *end)
{
    const char *angle;
    while (json->in_html && (angle = memchr(text, '<', (size_t)(end - text))) != NULL) {
        fwrite(text, 1, (size_t)(angle - text), json->file);
        fputs("\\u003c", json->file);
        text = angle + 1;
    }
    fwrite(text, 1, (size_t)(end - text), json->file);
}

static bool write_string(const struct json_writer *json, const uint8_t *bytes, size_t length)
{
    char few[512];
    char *text = length <= sizeof few / JSON_ESCAPE_MAX ? few : g_malloc(length * JSON_ESCAPE_MAX);
    bool clean;
    const char *end = json_escape(text, bytes, length, &clean);
    fputc('"', json->file);
    write_escaped(json, text, end);
    fputc('"', json->file);
    if (text != few)
        g_free(text);
    return clean;
}

void json_text(struct json_writer *json, const char *key, const char *text)
{
    begin_value(json, key);
    write_string(json, (const uint8_t *)text, strlen(text));
}

bool json_bytes(struct json_writer *json, const char *key, const uint8_t *bytes, size_t length)
{
    begin_value(json, key);
    return write_string(json, bytes, length);
}

void json_hex(struct json_writer *json, const char *key, const uint8_t *bytes, size_t length)
{
    begin_value(json, key);
    fputc('"', json->file);
    for (size_t i = 0; i < length; i++)
        fprintf(json->file, "%02x", bytes[i]);
    fputc('"', json->file);
}
