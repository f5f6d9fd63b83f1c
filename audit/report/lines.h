/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of JSON, millions of them: pieces go into a buffer of our own, and from there to the file.
 * Whoever puts pieces asks for the room that they take first: lines_room().
 */
#ifndef MQTTSCOPE_AUDIT_REPORT_LINES_H
#define MQTTSCOPE_AUDIT_REPORT_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mqtt/wire/packet.h"

struct lines {
    FILE *file;
    char *buffer;
    char *at; /* where the next piece goes */
    size_t capacity;
    bool at_once;   /* each line is flushed */
    int64_t second; /* whose date is cached */
    char date[20];  /* "2024-05-01T12:00:00." */
};

/* Most bytes that these take. */
#define LINES_NUMBER 20
#define LINES_TIME 30

void lines_init(struct lines *lines, FILE *file, bool at_once);

/* Writes what is left; the file stays open. */
void lines_clear(struct lines *lines);

/* Writes what is in the buffer. */
void lines_flush(struct lines *lines);

/* Makes room for `more` bytes behind what is there. */
void lines_grow(struct lines *lines, size_t more);

static inline void lines_room(struct lines *lines, size_t more)
{
    if ((size_t)(lines->buffer + lines->capacity - lines->at) < more)
        lines_grow(lines, more);
}

/* The line is whole. */
void lines_end(struct lines *lines);

static inline void lines_put(struct lines *lines, const char *text, size_t length)
{
    memcpy(lines->at, text, length);
    lines->at += length;
}

/* A string literal. */
#define LINES_PUT(lines, text) lines_put((lines), (text), sizeof(text) - 1)

void lines_text(struct lines *lines, const char *text);

/* A number in decimal. */
void lines_number(struct lines *lines, uint64_t number);

/* A time, in quotation marks: RFC 3339 in UTC with nanoseconds. */
void lines_time(struct lines *lines, int64_t time_ns);

/* Bytes from the wire under a key, as in the report: "KEY":"..." and, where they are needed,
 * "KEY_hex" and "KEY_length". Makes room itself. */
void lines_string(struct lines *lines, const char *key, struct mqtt_slice bytes);

#endif
