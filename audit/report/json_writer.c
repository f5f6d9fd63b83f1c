/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON, one value after the other: see json_writer.h. */
#include "audit/report/json_writer.h"

#include "mqtt/wire/utf8.h"

#include <inttypes.h>
#include <string.h>

#define LINE_DEPTH 2

static void new_line(struct json_writer *json)
{
    fputc('\n', json->file);
    for (unsigned i = 0; i < json->depth; i++)
        fputs("  ", json->file);
}

static bool write_string(FILE *file, const uint8_t *bytes, size_t length);

/* The comma, the line break and the key before a value. */
static void begin_value(struct json_writer *json, const char *key)
{
    if (json->has_element)
        fputc(',', json->file);
    if (json->depth > 0 && json->depth <= LINE_DEPTH)
        new_line(json);
    else if (json->has_element)
        fputc(' ', json->file);
    json->has_element = true;
    if (key != NULL) {
        write_string(json->file, (const uint8_t *)key, strlen(key));
        fputs(": ", json->file);
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
    if (json->depth == 0)
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

/* Controls (C0, DEL and C1, which a terminal would act on) and the two characters that JSON itself
 * needs are escaped; the rest of well-formed text stands for itself. */
static bool stands_for_itself(uint8_t byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f && byte != 0xc2;
}

static void write_good(FILE *file, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        size_t run = i;
        while (run < length && stands_for_itself(bytes[run]))
            run++;
        if (run > i)
            fwrite(bytes + i, 1, run - i, file);
        if ((i = run) == length)
            return;
        uint8_t byte = bytes[i];
        if (byte == '"' || byte == '\\')
            fprintf(file, "\\%c", byte);
        else if (byte != 0xc2)
            fprintf(file, "\\u%04x", byte);
        else if (bytes[++i] < 0xa0) /* two bytes are U+0080 to U+00BF */
            fprintf(file, "\\u%04x", bytes[i]);
        else
            fprintf(file, "\xc2%c", bytes[i]);
    }
}

static bool write_string(FILE *file, const uint8_t *bytes, size_t length)
{
    bool clean = true;
    fputc('"', file);
    while (length > 0) {
        size_t good = mqtt_utf8_check(bytes, length);
        write_good(file, bytes, good);
        if (good < length) {
            fputs("\\ufffd", file);
            clean = false;
            good++;
        }
        bytes += good;
        length -= good;
    }
    fputc('"', file);
    return clean;
}

void json_text(struct json_writer *json, const char *key, const char *text)
{
    begin_value(json, key);
    write_string(json->file, (const uint8_t *)text, strlen(text));
}

bool json_bytes(struct json_writer *json, const char *key, const uint8_t *bytes, size_t length)
{
    begin_value(json, key);
    return write_string(json->file, bytes, length);
}

void json_hex(struct json_writer *json, const char *key, const uint8_t *bytes, size_t length)
{
    begin_value(json, key);
    fputc('"', json->file);
    for (size_t i = 0; i < length; i++)
        fprintf(json->file, "%02x", bytes[i]);
    fputc('"', json->file);
}
