/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes JSON (RFC 8259) as it goes, so that a report of any length costs no memory. What comes out
 * is valid UTF-8 whatever goes in.
 *
 * Every call that writes a value takes its key; inside arrays the key is NULL. The outer two levels
 * are broken into lines, so that each element of a list stands on a line of its own.
 */
#ifndef MQTTSCOPE_AUDIT_REPORT_JSON_WRITER_H
#define MQTTSCOPE_AUDIT_REPORT_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Starts all zero but for `file`. */
struct json_writer {
    FILE *file;
    bool compact; /* no blanks and no line breaks at all */
    bool in_html; /* it stands in a <script>, which no string of it may end: `<` is escaped */
    unsigned depth;
    bool has_element; /* of the object or array that is open */
};

void json_object_begin(struct json_writer *json, const char *key);
void json_object_end(struct json_writer *json);
void json_array_begin(struct json_writer *json, const char *key);
void json_array_end(struct json_writer *json);

void json_unsigned(struct json_writer *json, const char *key, uint64_t value);
void json_signed(struct json_writer *json, const char *key, int64_t value);
void json_bool(struct json_writer *json, const char *key, bool value);
void json_null(struct json_writer *json, const char *key);

/* A string that ends with a NUL. */
void json_text(struct json_writer *json, const char *key, const char *text);

/* Bytes as a string: each byte that is not part of well-formed UTF-8 becomes U+FFFD. Returns
 * whether there was none. */
bool json_bytes(struct json_writer *json, const char *key, const uint8_t *bytes, size_t length);

/* Bytes as hexadecimal digits. */
void json_hex(struct json_writer *json, const char *key, const uint8_t *bytes, size_t length);

#endif
