/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A buffer, and how numbers, times and strings get into it: see lines.h. */
#include "audit/report/lines.h"

#include <glib.h>

#include "audit/model.h"
#include "audit/report/json_escape.h"

#define BUFFER_SIZE 131072u

/* More than a line takes as a rule, so that few lines make the buffer grow. */
#define BUFFER_SPARE 16384u

#define SECOND INT64_C(1000000000)
#define DAY INT64_C(86400)

void lines_init(struct lines *lines, FILE *file, bool at_once)
{
    *lines = (struct lines){.file = file, .capacity = BUFFER_SIZE, .at_once = at_once};
    lines->buffer = g_malloc(lines->capacity);
    lines->at = lines->buffer;
    lines->second = INT64_MIN; /* no time in nanoseconds has it */
}

void lines_flush(struct lines *lines)
{
    fwrite(lines->buffer, 1, (size_t)(lines->at - lines->buffer), lines->file);
    lines->at = lines->buffer;
}

void lines_clear(struct lines *lines)
{
    lines_flush(lines);
    g_free(lines->buffer);
    lines->buffer = NULL;
}

void lines_grow(struct lines *lines, size_t more)
{
    const size_t used = (size_t)(lines->at - lines->buffer);
    lines->capacity = MAX(lines->capacity * 2, used + more);
    lines->buffer = g_realloc(lines->buffer, lines->capacity);
    lines->at = lines->buffer + used;
}

void lines_end(struct lines *lines)
{
    lines_room(lines, 1);
    *lines->at++ = '\n';
    if (lines->at_once) {
        lines_flush(lines);
        fflush(lines->file);
    } else if ((size_t)(lines->at - lines->buffer) > BUFFER_SIZE - BUFFER_SPARE) {
        lines_flush(lines);
    }
}

void lines_text(struct lines *lines, const char *text)
{
    lines_put(lines, text, strlen(text));
}

/* ---- Numbers ---- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
                            "34353637383940414243444546474849505152535455565758596061626364656667"
                            "6869707172737475767778798081828384858687888990919293949596979899";

void lines_number(struct lines *lines, uint64_t number)
{
    char digits[LINES_NUMBER];
    unsigned at = sizeof digits;
    while (number >= 100) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * (number % 100), 2);
        number /= 100;
    }
    if (number >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * number, 2);
    } else {
        digits[--at] = (char)('0' + number);
    }
    lines_put(lines, digits + at, sizeof digits - at);
}

/* ---- Times ---- */

/* Exactly `count` digits, which is even. */
static void fixed(char *out, uint32_t number, unsigned count)
{
    for (unsigned at = count; at > 0; number /= 100) {
        at -= 2;
        memcpy(out + at, pairs + 2 * (size_t)(number % 100), 2);
    }
}

/* The day of a number of days since 1970-01-01, in the Gregorian calendar. Years are counted from
 * March on, so that the day that is there every four years is their last. */
static void write_date(char date[static 20], int64_t days, uint32_t seconds)
{
    const int64_t from_0000 = days + 719468; /* 0000-03-01 */
    const int64_t era = (from_0000 >= 0 ? from_0000 : from_0000 - 146096) / 146097;
    const uint32_t of_era = (uint32_t)(from_0000 - era * 146097);
    const uint32_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const uint32_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const uint32_t shifted = (5 * of_year + 2) / 153; /* 0 is March */
    const uint32_t day = of_year - (153 * shifted + 2) / 5 + 1;
    const uint32_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    const uint32_t year = (uint32_t)(era * 400) + year_of_era + (month <= 2);
    memcpy(date, "0000-00-00T00:00:00.", 20);
    fixed(date, year, 4);
    fixed(date + 5, month, 2);
    fixed(date + 8, day, 2);
    fixed(date + 11, seconds / 3600, 2);
    fixed(date + 14, seconds / 60 % 60, 2);
    fixed(date + 17, seconds % 60, 2);
}

void lines_time(struct lines *lines, int64_t time_ns)
{
    int64_t second = time_ns / SECOND;
    int64_t rest = time_ns % SECOND;
    if (rest < 0) {
        second--;
        rest += SECOND;
    }
    if (second != lines->second) {
        int64_t days = second / DAY;
        int64_t of_day = second % DAY;
        if (of_day < 0) {
            days--;
            of_day += DAY;
        }
        write_date(lines->date, days, (uint32_t)of_day);
        lines->second = second;
    }
    char *at = lines->at;
    *at++ = '"';
    memcpy(at, lines->date, sizeof lines->date);
    at += sizeof lines->date;
    *at++ = (char)('0' + rest / 100000000);
    fixed(at, (uint32_t)(rest % 100000000), 8);
    memcpy(at + 8, "Z\"", 2);
    lines->at = at + 10;
}

/* ---- Strings ---- */

static void put_key(struct lines *lines, const char *key, const char *suffix)
{
    *lines->at++ = '"';
    lines_text(lines, key);
    lines_text(lines, suffix);
}

static void put_hex(struct lines *lines, struct mqtt_slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (uint32_t i = 0; i < bytes.length; i++) {
        *lines->at++ = digits[bytes.data[i] >> 4];
        *lines->at++ = digits[bytes.data[i] & 0xf];
    }
}

void lines_string(struct lines *lines, const char *key, struct mqtt_slice bytes)
{
    const uint32_t whole = bytes.length;
    bool clean;
    bytes.length = MIN(bytes.length, AUDIT_STRING_MAX);
    lines_room(lines, 3 * (strlen(key) + 16) + (JSON_ESCAPE_MAX + 2) * (size_t)bytes.length);
    put_key(lines, key, "\":\"");
    lines->at = json_escape(lines->at, bytes.data, bytes.length, &clean);
    *lines->at++ = '"';
    if (!clean) {
        *lines->at++ = ',';
        put_key(lines, key, "_hex\":\"");
        put_hex(lines, bytes);
        *lines->at++ = '"';
    }
    if (whole > bytes.length) {
        *lines->at++ = ',';
        put_key(lines, key, "_length\":");
        lines_number(lines, whole);
    }
}
