/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/report/: escaping, numbers for people, tables, and the JSON writer. */
#include "suite.h"

#include "audit/report/community_id.h"
#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "audit/report/json_escape.h"
#include "audit/report/json_writer.h"
#include "audit/report/lines.h"
#include "audit/report/table.h"

#include <stdio.h>
#include <string.h>

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static const struct {
    const uint8_t *bytes;
    size_t length;
    const char *terminal;
    const char *json;
} texts[] = {
    {BYTES(""), "", "\"\""},
    {BYTES("plant/line-1"), "plant/line-1", "\"plant/line-1\""},
    {BYTES("a\\b\"c/"), "a\\\\b\"c/", "\"a\\\\b\\\"c/\""},
    {BYTES("\n\r\t\0\x1b[31m\x7f"), "\\n\\r\\t\\x00\\x1b[31m\\x7f",
     "\"\\u000a\\u000d\\u0009\\u0000\\u001b[31m\\u007f\""},
    {BYTES("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
    {BYTES("\xe4\xbd\xa0\xf0\x9f\x98\x80"), "\xe4\xbd\xa0\xf0\x9f\x98\x80",
     "\"\xe4\xbd\xa0\xf0\x9f\x98\x80\""},
    /* C1 controls: CSI, NEL */
    {BYTES("\xc2\x9b\xc2\x85"), "\\u{9b}\\u{85}", "\"\\u009b\\u0085\""},
    /* right-to-left override and its end, zero-width space, line separator, no-break space */
    {BYTES("\xe2\x80\xae\xe2\x80\xac\xe2\x80\x8b\xe2\x80\xa8\xc2\xa0"),
     "\\u{202e}\\u{202c}\\u{200b}\\u{2028}\\u{a0}",
     "\"\xe2\x80\xae\xe2\x80\xac\xe2\x80\x8b\\u2028\xc2\xa0\""},
    /* what shows as nothing: grapheme joiner, Hangul filler, variation selector, Braille blank, the
     * last of the tags; and their neighbours that do show */
    {BYTES("\xcd\x8f\xe3\x85\xa4\xef\xb8\x8f\xe2\xa0\x80\xf3\xa0\x87\xaf"),
     "\\u{34f}\\u{3164}\\u{fe0f}\\u{2800}\\u{e01ef}",
     "\"\xcd\x8f\xe3\x85\xa4\xef\xb8\x8f\xe2\xa0\x80\xf3\xa0\x87\xaf\""},
    {BYTES("\xe3\x85\xa3\xe2\xa0\x81"), "\xe3\x85\xa3\xe2\xa0\x81", "\"\xe3\x85\xa3\xe2\xa0\x81\""},
    /* not UTF-8: stray bytes, overlong, a surrogate, cut short */
    {BYTES("\xff"), "\\xff", "\"\\ufffd\""},
    {BYTES("a\x80z"), "a\\x80z", "\"a\\ufffdz\""},
    {BYTES("\xc0\xaf"), "\\xc0\\xaf", "\"\\ufffd\\ufffd\""},
    {BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80", "\"\\ufffd\\ufffd\\ufffd\""},
    {BYTES("ok\xe2\x82"), "ok\\xe2\\x82", "\"ok\\ufffd\\ufffd\""},
    {BYTES("\xc2"), "\\xc2", "\"\\ufffd\""},
};

START_TEST(escaped_for_terminals)
{
    GString *text = g_string_new(NULL);
    escape_append(text, texts[_i].bytes, texts[_i].length);
    ck_assert_str_eq(text->str, texts[_i].terminal);
    g_string_free(text, TRUE);
}
END_TEST

START_TEST(escaped_for_json)
{
    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    struct json_writer json = {.file = file};
    bool clean = json_bytes(&json, NULL, texts[_i].bytes, texts[_i].length);
    fclose(file);
    ck_assert_str_eq(text, texts[_i].json);
    ck_assert_int_eq(clean, strstr(texts[_i].json, "\\ufffd") == NULL);
    free(text);
}
END_TEST

static const struct {
    const char *text;
    unsigned width;
    const char *cut;
    unsigned cut_width;
} widths[] = {
    {"abcdef", 6, "abcdef", 6},
    {"abcdefg", 6, "abc...", 6},
    {"abcdefg", 4, "a...", 4},
    /* two columns a character */
    {"\xe4\xbd\xa0\xe4\xbd\xa0\xe4\xbd\xa0", 6, "\xe4\xbd\xa0\xe4\xbd\xa0\xe4\xbd\xa0", 6},
    {"\xe4\xbd\xa0\xe4\xbd\xa0\xe4\xbd\xa0z", 6, "\xe4\xbd\xa0...", 5},
    /* a combining accent takes none */
    {"e\xcc\x81zzz", 4, "e\xcc\x81zzz", 4},
    {"e\xcc\x81zzzz", 4, "e\xcc\x81...", 4},
};

START_TEST(cut_to_a_width)
{
    char text[32];
    g_strlcpy(text, widths[_i].text, sizeof text);
    escape_cut(text, widths[_i].width);
    ck_assert_str_eq(text, widths[_i].cut);
    ck_assert_uint_eq(escape_width(text), widths[_i].cut_width);
}
END_TEST

static const struct {
    int64_t nanoseconds;
    const char *text;
} durations[] = {
    {0, "0 us"},
    {999, "0 us"},
    {1000, "1 us"},
    {999999, "999 us"},
    {1000000, "1.00 ms"},
    {9999999, "9.99 ms"},
    {10000000, "10.0 ms"},
    {99999999, "99.9 ms"},
    {100000000, "100 ms"},
    {999999999, "999 ms"},
    {1000000000, "1.00 s"},
    {5096000000, "5.09 s"},
    {59999999999, "59.9 s"},
    {60000000000, "1 min 00 s"},
    {3599000000000, "59 min 59 s"},
    {3600000000000, "1 h 00 min"},
    {86400000000000, "1 d 00 h"},
    {INT64_MAX, "106751 d 23 h"},
    {-1500000000, "-1.50 s"},
    {INT64_MIN, "-106751 d 23 h"},
};

START_TEST(durations_are_readable)
{
    char text[FORMAT_SIZE];
    ck_assert_str_eq(format_duration(text, durations[_i].nanoseconds), durations[_i].text);
}
END_TEST

static const struct {
    int64_t nanoseconds;
    const char *text;
} times[] = {
    {0, "1970-01-01T00:00:00.000000000Z"},
    {1, "1970-01-01T00:00:00.000000001Z"},
    {-1, "1969-12-31T23:59:59.999999999Z"},
    {INT64_C(951782400123456789), "2000-02-29T00:00:00.123456789Z"},
    {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
    {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
};

START_TEST(times_are_rfc_3339)
{
    char text[FORMAT_SIZE];
    ck_assert_str_eq(format_time(text, times[_i].nanoseconds), times[_i].text);
}
END_TEST

/* The fast way to write a time, against the slow one: all of the table, and days of every kind. */
START_TEST(lines_have_the_same_times)
{
    char slow[FORMAT_SIZE], *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    struct lines lines;
    GString *expected = g_string_new(NULL);
    lines_init(&lines, file, false);
    for (unsigned i = 0; i < sizeof times / sizeof times[0]; i++) {
        lines_room(&lines, LINES_TIME);
        lines_time(&lines, times[i].nanoseconds);
        g_string_append_printf(expected, "\"%s\"", times[i].text);
    }
    for (int64_t day = -106000; day < 106000; day += 13) {
        const int64_t time = day * INT64_C(86400000000000) + day * INT64_C(7654321);
        lines_room(&lines, LINES_TIME);
        lines_time(&lines, time);
        g_string_append_printf(expected, "\"%s\"", format_time(slow, time));
    }
    lines_clear(&lines);
    fclose(file);
    ck_assert_str_eq(text, expected->str);
    g_string_free(expected, TRUE);
    free(text);
}
END_TEST

START_TEST(lines_have_numbers)
{
    static const uint64_t numbers[] = {0, 9, 10, 99, 100, 101, 999, 1000, 12345, UINT64_MAX};
    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    struct lines lines;
    lines_init(&lines, file, false);
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        lines_room(&lines, LINES_NUMBER + 1);
        lines_number(&lines, numbers[i]);
        LINES_PUT(&lines, " ");
    }
    lines_clear(&lines);
    fclose(file);
    ck_assert_str_eq(text, "0 9 10 99 100 101 999 1000 12345 18446744073709551615 ");
    free(text);
}
END_TEST

/* Any line is whole, however long: the buffer grows. */
START_TEST(lines_of_any_length)
{
    static uint8_t bytes[512];
    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    struct lines lines;
    memset(bytes, 0x01, sizeof bytes);
    lines_init(&lines, file, false);
    for (unsigned i = 0; i < 1000; i++)
        lines_string(&lines, "key", (struct mqtt_slice){bytes, sizeof bytes});
    lines_end(&lines);
    lines_clear(&lines);
    fclose(file);
    ck_assert_uint_eq(length, 1000 * (strlen("\"key\":\"\"") + 6 * sizeof bytes) + 1);
    free(text);
}
END_TEST

/* Escaped by eight bytes at a time and by one: every byte at every place. */
START_TEST(escaped_the_same_anywhere)
{
    for (unsigned byte = 0; byte < 256; byte++)
        for (unsigned at = 0; at < 20; at++) {
            uint8_t bytes[20];
            char whole[20 * JSON_ESCAPE_MAX], alone[JSON_ESCAPE_MAX], expected[sizeof whole];
            bool clean, alone_clean;
            memset(bytes, 'x', sizeof bytes);
            bytes[at] = (uint8_t)byte;
            const size_t length = (size_t)(json_escape(whole, bytes, sizeof bytes, &clean) - whole);
            const size_t one = (size_t)(json_escape(alone, &bytes[at], 1, &alone_clean) - alone);
            memset(expected, 'x', sizeof expected);
            memcpy(expected + at, alone, one);
            ck_assert_uint_eq(length, 19 + one);
            ck_assert_mem_eq(whole, expected, length);
            ck_assert_int_eq(clean, alone_clean);
            ck_assert_int_eq(clean, byte < 0x80);
        }
}
END_TEST

/* The first is the vector of the specification; all were computed by another program. */
static const struct {
    struct mqtt_endpoint ends[2];
    const char *id;
} communities[] = {
    {{{{128, 232, 110, 120}, 34855, 4}, {{66, 35, 250, 204}, 80, 4}},
     "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {{{{127, 0, 0, 1}, 40000, 4}, {{127, 0, 0, 1}, 1883, 4}}, "1:uGQRdAUlVwn40KDO71YoRh8Ui+c="},
    {{{{0x20, 1, 0x0d, 0xb8, [15] = 1}, 40000, 6}, {{0x20, 1, 0x0d, 0xb8, [15] = 2}, 1883, 6}},
     "1:HGm1+ffD5nyIXamJocE28Q//p3E="},
    {{{{1}, 1, 4}, {{2}, 2, 6}}, ""},
    {{{{1}, 1, 9}, {{2}, 2, 9}}, ""},
};

START_TEST(community_ids_are_known)
{
    const struct mqtt_endpoint *ends = communities[_i].ends;
    char text[COMMUNITY_ID_SIZE];
    ck_assert_int_eq(community_id(text, &ends[0], &ends[1]), communities[_i].id[0] != '\0');
    ck_assert_str_eq(text, communities[_i].id);
    community_id(text, &ends[1], &ends[0]);
    ck_assert_str_eq(text, communities[_i].id);
}
END_TEST

START_TEST(numbers_are_readable)
{
    char text[FORMAT_SIZE];
    ck_assert_str_eq(format_count(text, 0), "0");
    ck_assert_str_eq(format_count(text, 999), "999");
    ck_assert_str_eq(format_count(text, 1000), "1,000");
    ck_assert_str_eq(format_count(text, UINT64_MAX), "18,446,744,073,709,551,615");
    ck_assert_str_eq(format_bytes(text, 999), "999 B");
    ck_assert_str_eq(format_bytes(text, 1000), "1.0 kB");
    ck_assert_str_eq(format_bytes(text, 999999), "999.9 kB");
    ck_assert_str_eq(format_bytes(text, 1000000), "1.0 MB");
    ck_assert_str_eq(format_bytes(text, UINT64_MAX), "18.4 EB");
    ck_assert_str_eq(format_microseconds(text, UINT64_MAX), "106751 d 23 h");
    const struct audit_endpoint v4 = {"192.0.2.1", 1883}, v6 = {"2001:db8::1", 8883};
    ck_assert_str_eq(format_endpoint(text, &v4), "192.0.2.1:1883");
    ck_assert_str_eq(format_endpoint(text, &v6), "[2001:db8::1]:8883");
}
END_TEST

static char *table_of(unsigned width)
{
    static const struct table_column columns[] = {
        {.title = "n", .right = true}, {.title = "name", .flexible = true}, {.title = "none"},
        {.title = "extra", .drop = 1}, {.title = "more", .drop = 2},
    };
    static const char *const cells[] = {
        "7", "a name that is longer than its column", "-", "x", "y", "123", "short", "", "xxx", "",
    };
    struct table *table = table_new(columns, 5);
    for (unsigned i = 0; i < 10; i++)
        table_add(table, cells[i]);
    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    table_write(table, file, 2, width, "", "");
    fclose(file);
    table_free(table);
    return text;
}

static const struct {
    unsigned width;
    const char *text;
} tables[] = {
    {100, "    n  name                                   extra  more\n"
          "    7  a name that is longer than its column  x      y\n"
          "  123  short                                  xxx\n"},
    {46, "    n  name                        extra  more\n"
         "    7  a name that is longer t...  x      y\n"
         "  123  short                       xxx\n"},
    {38, "    n  name                  extra\n"
         "    7  a name that is lo...  x\n"
         "  123  short                 xxx\n"},
    {10, "    n  name\n"
         "    7  a name that is lo...\n"
         "  123  short\n"},
};

START_TEST(tables_fit)
{
    char *text = table_of(tables[_i].width);
    ck_assert_str_eq(text, tables[_i].text);
    free(text);
}
END_TEST

/* Two flexible columns: the wider one gives way first, and neither becomes too narrow. */
static const struct {
    unsigned width;
    const char *text;
} shared[] = {
    {80, "  client             topic\n"
         "  twelve-chars       plant/north/line-1/temperature/celsius\n"
         "  seventeen-charact  x\n"},
    {44, "  client             topic\n"
         "  twelve-chars       plant/north/line-1/t...\n"
         "  seventeen-charact  x\n"},
    {34, "  client           topic\n"
         "  twelve-chars     plant/north/...\n"
         "  seventeen-ch...  x\n"},
    {10, "  client          topic\n"
         "  twelve-chars    plant/north...\n"
         "  seventeen-c...  x\n"},
};

START_TEST(tables_share_what_there_is)
{
    static const struct table_column columns[] = {{.title = "client", .flexible = true},
                                                  {.title = "topic", .flexible = true}};
    static const char *const cells[] = {"twelve-chars", "plant/north/line-1/temperature/celsius",
                                        "seventeen-charact", "x"};
    struct table *table = table_new(columns, 2);
    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    for (unsigned i = 0; i < 4; i++)
        table_add(table, cells[i]);
    table_write(table, file, 2, shared[_i].width, "", "");
    fclose(file);
    table_free(table);
    ck_assert_str_eq(text, shared[_i].text);
    free(text);
}
END_TEST

START_TEST(json_is_nested)
{
    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    struct json_writer json = {.file = file};
    json_object_begin(&json, NULL);
    json_unsigned(&json, "largest", UINT64_MAX);
    json_signed(&json, "least", INT64_MIN);
    json_array_begin(&json, "empty");
    json_array_end(&json);
    json_array_begin(&json, "list");
    json_object_begin(&json, NULL);
    json_bool(&json, "yes", true);
    json_null(&json, "nothing");
    json_object_begin(&json, "deep");
    json_text(&json, "text", "t");
    json_hex(&json, "hex", (const uint8_t *)"\x00\xff", 2);
    json_object_end(&json);
    json_object_end(&json);
    json_unsigned(&json, NULL, 2);
    json_array_end(&json);
    json_object_end(&json);
    fclose(file);
    ck_assert_str_eq(text, "{\n"
                           "  \"largest\": 18446744073709551615,\n"
                           "  \"least\": -9223372036854775808,\n"
                           "  \"empty\": [],\n"
                           "  \"list\": [\n"
                           "    {\"yes\": true, \"nothing\": null, "
                           "\"deep\": {\"text\": \"t\", \"hex\": \"00ff\"}},\n"
                           "    2\n"
                           "  ]\n"
                           "}\n");
    free(text);
}
END_TEST

SUITE("report", TABLE(escaped_for_terminals, texts), TABLE(escaped_for_json, texts),
      TABLE(cut_to_a_width, widths), TABLE(durations_are_readable, durations),
      TABLE(times_are_rfc_3339, times), TEST(numbers_are_readable), TABLE(tables_fit, tables),
      TABLE(tables_share_what_there_is, shared), TEST(lines_have_the_same_times),
      TEST(lines_have_numbers), TEST(lines_of_any_length), TEST(escaped_the_same_anywhere),
      TABLE(community_ids_are_known, communities), TEST(json_is_nested))
