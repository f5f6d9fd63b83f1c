/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mqtt/wire/utf8.h: the edges of Unicode table 3-7, at every distance from an eight-byte word. */
#include "suite.h"

#include "mqtt/wire/utf8.h"

#include <stdbool.h>
#include <string.h>

struct vector {
    const char *what;
    const char *bytes;
    size_t length;
    size_t good; /* offset of the first bad byte; `length` if there is none */
};

#define GOOD(what, text)                                                                           \
    {                                                                                              \
        what, text, sizeof(text) - 1, sizeof(text) - 1                                             \
    }
#define BAD(what, text, at)                                                                        \
    {                                                                                              \
        what, text, sizeof(text) - 1, at                                                           \
    }

static const struct vector vectors[] = {
    GOOD("empty", ""),
    GOOD("ASCII", "sensors/1/temperature"),
    GOOD("NUL is well-formed", "a\0b"),
    GOOD("DEL, the last of one byte", "\x7f"),
    GOOD("U+0080, the first of two bytes", "\xc2\x80"),
    GOOD("U+07FF, the last of two bytes", "\xdf\xbf"),
    GOOD("U+0800, the first of three bytes", "\xe0\xa0\x80"),
    GOOD("U+D7FF, before the surrogates", "\xed\x9f\xbf"),
    GOOD("U+E000, after the surrogates", "\xee\x80\x80"),
    GOOD("U+FEFF is no exception (1.5.3-3, 1.5.4-3)", "\xef\xbb\xbf"),
    GOOD("U+FFFF, the last of three bytes", "\xef\xbf\xbf"),
    GOOD("U+10000, the first of four bytes", "\xf0\x90\x80\x80"),
    GOOD("U+2A6D4, the specification's example", "A\xf0\xaa\x9b\x94"),
    GOOD("U+10FFFF, the last of all", "\xf4\x8f\xbf\xbf"),
    GOOD("mixed", "gr\xc3\xbc\xc3\x9f/\xe2\x82\xac/\xf0\x9f\x8c\xa1/ok"),
    BAD("lone continuation", "ab\x80", 2),
    BAD("overlong / in two bytes", "\xc0\xaf", 0),
    BAD("overlong DEL", "\xc1\xbf", 0),
    BAD("overlong NUL, as Java writes it", "a\xc0\x80", 1),
    BAD("overlong in three bytes", "\xe0\x9f\xbf", 0),
    BAD("overlong in four bytes", "\xf0\x8f\xbf\xbf", 0),
    BAD("first surrogate, U+D800", "\xed\xa0\x80", 0),
    BAD("last surrogate, U+DFFF", "\xed\xbf\xbf", 0),
    BAD("surrogate pair (CESU-8)", "\xed\xa0\xbd\xed\xb8\x80", 0),
    BAD("U+110000", "\xf4\x90\x80\x80", 0),
    BAD("F5 starts nothing", "\xf5\x80\x80\x80", 0),
    BAD("FF", "abc\xff", 3),
    BAD("five bytes", "\xf8\x88\x80\x80\x80", 0),
    BAD("cut after one of two", "abc\xc3", 3),
    BAD("cut after one of three", "abc\xe2", 3),
    BAD("cut after two of three", "abc\xe2\x82", 3),
    BAD("cut after three of four", "\xf0\x9f\x8c", 0),
    BAD("third byte is ASCII", "\xe2\x82z", 0),
    BAD("fourth byte is a lead", "\xf0\x9f\x8c\xc3", 0),
    BAD("second byte of two is a lead", "\xc3\xc3", 0),
    BAD("Latin-1", "M\xfcnchen", 1),
    BAD("good before bad", "\xc3\xa4\xe2\x82\xac\x80", 5),
};

START_TEST(vector)
{
    const struct vector *v = &vectors[_i];
    ck_assert_msg(mqtt_utf8_check((const uint8_t *)v->bytes, v->length) == v->good, "%s", v->what);
}
END_TEST

/* The same with ASCII before and behind, in a buffer of exactly this size, so that a read past the
 * end shows under AddressSanitizer. */
START_TEST(vector_at_every_distance)
{
    const struct vector *v = &vectors[_i];
    bool good = v->good == v->length;
    for (size_t before = 0; before < 20; before++) {
        for (size_t behind = 0; behind < 10; behind++) {
            size_t length = before + v->length + behind;
            uint8_t *bytes = malloc(length + (length == 0));
            ck_assert_ptr_nonnull(bytes);
            memset(bytes, 'x', length);
            memcpy(bytes + before, v->bytes, v->length);
            ck_assert_msg(mqtt_utf8_check(bytes, length) == (good ? length : before + v->good),
                          "%s, %zu before, %zu behind", v->what, before, behind);
            free(bytes);
        }
    }
}
END_TEST

/* A code point written by the definition (RFC 3629, section 3); returns its length. */
static size_t encode(uint32_t point, uint8_t bytes[static 4])
{
    size_t length;
    if (point < 0x80) {
        bytes[0] = (uint8_t)point;
        length = 1;
    } else if (point < 0x800) {
        bytes[0] = (uint8_t)(0xc0 | point >> 6);
        length = 2;
    } else if (point < 0x10000) {
        bytes[0] = (uint8_t)(0xe0 | point >> 12);
        length = 3;
    } else {
        bytes[0] = (uint8_t)(0xf0 | point >> 18);
        length = 4;
    }
    for (size_t i = 1; i < length; i++)
        bytes[i] = (uint8_t)(0x80 | (point >> 6 * (length - 1 - i) & 0x3f));
    return length;
}

/* Every one is taken or refused. */
START_TEST(every_code_point)
{
    for (uint32_t point = 0; point <= 0x1fffff; point++) {
        uint8_t bytes[4];
        const size_t length = encode(point, bytes);
        bool valid = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
        if (mqtt_utf8_check(bytes, length) != (valid ? length : 0))
            ck_abort_msg("U+%04X", (unsigned)point);
    }
}
END_TEST

/* All pairs and all triples with a lead byte: as many are well-formed as table 3-7 says. */
START_TEST(how_many_are_well_formed)
{
    size_t two = 0;
    size_t three = 0;
    for (unsigned a = 0x80; a < 0x100; a++) {
        for (unsigned b = 0; b < 0x100; b++) {
            const uint8_t pair[2] = {(uint8_t)a, (uint8_t)b};
            two += mqtt_utf8_check(pair, 2) == 2;
            for (unsigned c = 0x80; c < 0x100; c++) {
                const uint8_t triple[3] = {(uint8_t)a, (uint8_t)b, (uint8_t)c};
                three += mqtt_utf8_check(triple, 3) == 3;
            }
        }
    }
    ck_assert_uint_eq(two, 0x800 - 0x80);
    ck_assert_uint_eq(three, 0x10000 - 0x800 - 0x800);
}
END_TEST

/* Between other characters of two to four bytes, and alone: where it stands and which it is. */
START_TEST(what_is_discouraged)
{
    for (uint32_t point = 0; point <= 0x10ffff; point++) {
        const bool control = point != 0 && (point < 0x20 || (point >= 0x7f && point <= 0x9f));
        const bool none = (point >= 0xfdd0 && point <= 0xfdef) || (point & 0xffff) >= 0xfffe;
        uint8_t bytes[16] = "\xc2\xa0\xe2\x82\xac\xf0\x9f\x8c\xa1";
        uint32_t found = 0;
        if (point >= 0xd800 && point <= 0xdfff)
            continue;
        const size_t length = 9 + encode(point, bytes + 9);
        if (mqtt_utf8_discouraged(bytes, length, MQTT_CONTROL_CHARACTER, &found) !=
                (control ? 9 : length) ||
            mqtt_utf8_discouraged(bytes, length, MQTT_NON_CHARACTER, &found) !=
                (none ? 9 : length) ||
            (none && found != point))
            ck_abort_msg("U+%04X", (unsigned)point);
    }
}
END_TEST

START_TEST(nothing_in_an_empty_string)
{
    uint32_t found;
    ck_assert_uint_eq(mqtt_utf8_discouraged((const uint8_t *)"", 0, MQTT_NON_CHARACTER, &found), 0);
}
END_TEST

SUITE("utf8", TABLE(vector, vectors), TABLE(vector_at_every_distance, vectors),
      TEST(every_code_point), TEST(what_is_discouraged), TEST(nothing_in_an_empty_string),
      TEST(how_many_are_well_formed))
