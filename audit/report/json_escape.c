/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Eight bytes at a time while nothing is in the way: see json_escape.h. */
#include "audit/report/json_escape.h"

#include <string.h>

#include "mqtt/wire/utf8.h"

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Not 0 if one of eight bytes is 0. */
static uint64_t has_zero(uint64_t word)
{
    return (word - EACH(0x01)) & ~word & EACH(0x80);
}

/* Whether all of eight bytes are ASCII that stands for itself. */
static bool plain(uint64_t word)
{
    const uint64_t below_space = (word - EACH(0x20)) & ~word & EACH(0x80);
    const uint64_t others =
        has_zero(word ^ EACH('"')) | has_zero(word ^ EACH('\\')) | has_zero(word ^ EACH(0x7f));
    return (below_space | others | (word & EACH(0x80))) == 0;
}

static bool stands_for_itself(uint8_t byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\' && byte < 0x7f;
}

/* How many bytes from the first on are plain ASCII; copies them. */
static size_t copy_plain(char *out, const uint8_t *bytes, size_t length)
{
    size_t at = 0;
    uint64_t word;
    for (; length - at >= sizeof word; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        if (!plain(word))
            break;
        memcpy(out + at, &word, sizeof word);
    }
    for (; at < length && stands_for_itself(bytes[at]); at++)
        out[at] = (char)bytes[at];
    return at;
}

static char *put_code(char *out, unsigned code)
{
    static const char digits[] = "0123456789abcdef";
    *out++ = '\\';
    *out++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4)
        *out++ = digits[code >> shift & 0xf];
    return out;
}

/* Well-formed UTF-8. */
static char *escape_good(char *out, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const uint8_t byte = bytes[i];
        if (byte == '"' || byte == '\\') {
            *out++ = '\\';
            *out++ = (char)byte;
        } else if (byte < 0x20 || byte == 0x7f) {
            out = put_code(out, byte);
        } else if (byte == 0xc2 && bytes[i + 1] < 0xa0) { /* two bytes are U+0080 to U+00BF */
            out = put_code(out, bytes[++i]);
        } else if (byte == 0xe2 && bytes[i + 1] == 0x80 && (bytes[i + 2] & 0xfe) == 0xa8) {
            out =
                put_code(out, 0x2000u | (bytes[i + 2] & 0x3fu)); /* some take these for line ends */
            i += 2;
        } else {
            *out++ = (char)byte;
        }
    }
    return out;
}

char *json_escape(char *out, const uint8_t *bytes, size_t length, bool *clean)
{
    *clean = true;
    if (length == 0)
        return out; /* of nothing there may be no address */
    const size_t ascii = copy_plain(out, bytes, length);
    out += ascii;
    bytes += ascii;
    length -= ascii;
    while (length > 0) {
        size_t good = mqtt_utf8_check(bytes, length);
        out = escape_good(out, bytes, good);
        if (good < length) {
            out = put_code(out, 0xfffd);
            *clean = false;
            good++;
        }
        bytes += good;
        length -= good;
    }
    return out;
}
