/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv4 and IPv6: addresses, protocol and the exact payload; padding, fragments, extension headers,
 * lengths that lie. */
#include "analyzer/input/ip.h"

#include <stdbool.h>
#include <string.h>

#include "suite.h"

#define BYTES(text) text, sizeof(text) - 1

/* Headers in pieces: what stands before and behind the fields that the tests vary. */
#define V4(first, total, fragment, protocol)                                                       \
    first "\x00" total "\x12\x34" fragment "\x40" protocol                                         \
          "\x00\x00\xc0\x00\x02\x01\xc6\x33\x64\x02"
#define V6(length, next)                                                                           \
    "\x60\x00\x00\x00" length next "\x40"                                                          \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"                                                   \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
#define FOUR_TIMES(text) text text text text
#define SKIP "\x3c\x00\x01\x04\0\0\0\0" /* destination options, followed by destination options */

static const struct packet {
    const char *name;
    const char *bytes;
    size_t length;
    uint32_t not_captured;
    enum ip_result result;
    uint8_t protocol;
    const char *payload; /* as captured */
    uint32_t payload_reported;
} packets[] = {
    {"IPv4", BYTES(V4("\x45", "\x00\x17", "\x40\x00", "\x06") "abc"), 0, IP_OK, 6, "abc", 3},
    {"IPv4, UDP", BYTES(V4("\x45", "\x00\x17", "\0\0", "\x11") "abc"), 0, IP_OK, 17, "abc", 3},
    {"IPv4, options", BYTES(V4("\x46", "\x00\x1b", "\0\0", "\x06") "\1\1\1\1abc"), 0, IP_OK, 6,
     "abc", 3},
    {"IPv4, padded", BYTES(V4("\x45", "\x00\x15", "\0\0", "\x06") "a\0\0\0\0\0"), 0, IP_OK, 6, "a",
     1},
    {"IPv4, padding only", BYTES(V4("\x45", "\x00\x14", "\0\0", "\x06") "\0\0"), 0, IP_OK, 6, "",
     0},
    {"IPv4, length zero", BYTES(V4("\x45", "\0\0", "\0\0", "\x06") "abc"), 2, IP_OK, 6, "abc", 5},
    {"IPv4, snapped", BYTES(V4("\x45", "\x00\x1a", "\0\0", "\x06") "ab"), 4, IP_OK, 6, "ab", 6},
    {"IPv4, snapped, padded", BYTES(V4("\x45", "\x00\x18", "\0\0", "\x06") "ab"), 9, IP_OK, 6, "ab",
     4},
    {"IPv4, snapped in options", BYTES(V4("\x46", "\x00\x1b", "\0\0", "\x06") "\1"), 6, IP_OK, 6,
     "", 3},
    {"IPv4, claims too much", BYTES(V4("\x45", "\xff\xff", "\0\0", "\x06") "ab"), 0, IP_OK, 6, "ab",
     2},
    {"IPv4, first fragment", BYTES(V4("\x45", "\x00\x15", "\x20\x00", "\x06") "a"), 0, IP_FRAGMENT,
     6, "a", 1},
    {"IPv4, last fragment", BYTES(V4("\x45", "\x00\x15", "\x00\x10", "\x06") "a"), 0, IP_FRAGMENT,
     6, "a", 1},
    {"IPv4, do not fragment", BYTES(V4("\x45", "\x00\x15", "\x40\x00", "\x06") "a"), 0, IP_OK, 6,
     "a", 1},
    {"IPv4, header below 20", BYTES(V4("\x44", "\x00\x15", "\0\0", "\x06") "a"), 0, IP_MALFORMED, 0,
     "", 0},
    {"IPv4, total below header", BYTES(V4("\x46", "\x00\x14", "\0\0", "\x06") "abcd"), 0,
     IP_MALFORMED, 0, "", 0},
    {"IPv4, header above frame", BYTES(V4("\x4f", "\x00\x80", "\0\0", "\x06") "abcd"), 0,
     IP_MALFORMED, 0, "", 0},
    {"IPv4, too short", BYTES("\x45\x00\x00\x14"), 0, IP_MALFORMED, 0, "", 0},
    {"IPv4, cut", BYTES("\x45\x00\x00\x14"), 16, IP_TRUNCATED, 0, "", 0},
    {"IPv6", BYTES(V6("\x00\x03", "\x06") "abc"), 0, IP_OK, 6, "abc", 3},
    {"IPv6, padded", BYTES(V6("\x00\x01", "\x06") "a\0\0"), 0, IP_OK, 6, "a", 1},
    {"IPv6, length zero", BYTES(V6("\0\0", "\x06") "abc"), 1, IP_OK, 6, "abc", 4},
    {"IPv6, snapped", BYTES(V6("\x00\x05", "\x06") "ab"), 3, IP_OK, 6, "ab", 5},
    {"IPv6, hop-by-hop", BYTES(V6("\x00\x09", "\0") "\x06\0\5\2\0\0\1\0a"), 0, IP_OK, 6, "a", 1},
    {"IPv6, routing of 16 bytes",
     BYTES(V6("\x00\x11", "\x2b") "\x06\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0a"), 0, IP_OK, 6, "a", 1},
    {"IPv6, two headers", BYTES(V6("\x00\x11", "\x3c") SKIP "\x06\0\1\4\0\0\0\0a"), 0, IP_OK, 6,
     "a", 1},
    {"IPv6, authentication", BYTES(V6("\x00\x0d", "\x33") "\x06\1\0\0\0\0\0\1\0\0\0\1a"), 0, IP_OK,
     6, "a", 1},
    {"IPv6, atomic fragment", BYTES(V6("\x00\x09", "\x2c") "\x06\0\0\0\0\0\0\1a"), 0, IP_OK, 6, "a",
     1},
    {"IPv6, first fragment", BYTES(V6("\x00\x09", "\x2c") "\x06\0\0\1\0\0\0\1a"), 0, IP_FRAGMENT, 6,
     "a", 1},
    {"IPv6, later fragment", BYTES(V6("\x00\x09", "\x2c") "\x06\0\0\x08\0\0\0\1a"), 0, IP_FRAGMENT,
     6, "a", 1},
    {"IPv6, no next header", BYTES(V6("\x00\x01", "\x3b") "a"), 0, IP_OK, 59, "a", 1},
    {"IPv6, encrypted", BYTES(V6("\x00\x01", "\x32") "a"), 0, IP_OK, 50, "a", 1},
    {"IPv6, extension cut", BYTES(V6("\x00\x09", "\0") "\x06\0\5"), 6, IP_TRUNCATED, 0, "", 0},
    {"IPv6, extension too short", BYTES(V6("\x00\x03", "\0") "\x06\0\5"), 0, IP_MALFORMED, 0, "",
     0},
    {"IPv6, extension beyond the end", BYTES(V6("\x00\x08", "\0") "\x06\7\5\2\0\0\1\0"), 0,
     IP_MALFORMED, 0, "", 0},
    {"IPv6, no end of extensions",
     BYTES(V6("\0\0", "\x3c") FOUR_TIMES(FOUR_TIMES(SKIP)) SKIP SKIP SKIP), 0, IP_MALFORMED, 0, "",
     0},
    {"IPv6, too short", BYTES("\x60\0\0\0"), 0, IP_MALFORMED, 0, "", 0},
    {"IPv6, cut", BYTES("\x60\0\0\0"), 40, IP_TRUNCATED, 0, "", 0},
    {"version 5", BYTES("\x55\0\0\0"), 0, IP_MALFORMED, 0, "", 0},
    {"nothing", BYTES(""), 0, IP_MALFORMED, 0, "", 0},
    {"nothing captured", BYTES(""), 20, IP_TRUNCATED, 0, "", 0},
};

static struct slice wire(const struct packet *p)
{
    uint32_t captured = (uint32_t)p->length;
    return (struct slice){(const uint8_t *)p->bytes, captured, captured + p->not_captured};
}

START_TEST(decodes)
{
    const struct packet *p = &packets[_i];
    struct ip_packet packet;
    struct ip_piece piece;
    enum ip_result result = ip_decode(wire(p), &packet, &piece);
    ck_assert_msg(result == p->result, "%s: %d", p->name, result);
    if (result != IP_OK && result != IP_FRAGMENT)
        return;
    ck_assert_msg(packet.protocol == p->protocol, "%s: protocol %d", p->name, packet.protocol);
    ck_assert_msg(packet.payload.captured == strlen(p->payload) &&
                      memcmp(packet.payload.data, p->payload, packet.payload.captured) == 0,
                  "%s: payload of %u", p->name, packet.payload.captured);
    ck_assert_msg(packet.payload.reported == p->payload_reported, "%s: reported %u", p->name,
                  packet.payload.reported);
    char text[IP_ADDRESS_TEXT_SIZE];
    bool v4 = packet.version == 4;
    ck_assert_str_eq(ip_address_text(packet.version, &packet.source, text),
                     v4 ? "192.0.2.1" : "2001:db8::1");
    ck_assert_str_eq(ip_address_text(packet.version, &packet.destination, text),
                     v4 ? "198.51.100.2" : "2001:db8::2");
}
END_TEST

/* Every shorter capture of the same packet is truncated or has less payload; never anything else.
 * Each is copied to memory of its exact size, so that a sanitizer sees a read behind it. */
START_TEST(any_snap_length)
{
    const struct packet *p = &packets[_i];
    struct slice all = wire(p);
    struct ip_packet whole, cut;
    struct ip_piece piece;
    enum ip_result expected = ip_decode(all, &whole, &piece);
    if (expected != IP_OK)
        return;
    for (uint32_t captured = 0; captured < all.captured; captured++) {
        uint8_t *copy = malloc(captured + 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy + 1, all.data, captured);
        enum ip_result result =
            ip_decode((struct slice){copy + 1, captured, all.reported}, &cut, &piece);
        ck_assert_msg(result == IP_OK || result == IP_TRUNCATED, "%s: %u of %u: %d", p->name,
                      captured, all.captured, result);
        if (result == IP_OK) {
            ck_assert_uint_eq(cut.payload.reported, whole.payload.reported);
            ck_assert_uint_eq(cut.protocol, whole.protocol);
            ck_assert_uint_le(cut.payload.captured, whole.payload.captured);
        }
        free(copy);
    }
}
END_TEST

START_TEST(survives_noise)
{
    uint32_t random = 2463534242u;
    for (int round = 0; round < 100000; round++) {
        uint8_t bytes[96];
        for (size_t i = 0; i < sizeof bytes; i++) {
            random ^= random << 13, random ^= random >> 17, random ^= random << 5;
            /* Small numbers often, so that headers chain and lengths fit. */
            bytes[i] = (uint8_t)(random >> 8 & 1 ? random : (random & 0x3f));
        }
        bytes[0] = (uint8_t)((round & 1 ? 0x40 : 0x60) | (bytes[0] & 0x0f));
        static const uint8_t next[] = {0, 43, 44, 51, 60, 135, 6};
        bytes[6] = round & 1 ? bytes[6] : next[random % sizeof next];
        uint32_t captured = random % (uint32_t)sizeof bytes;
        struct slice network = {bytes, captured, captured + random % 3};
        struct ip_packet packet;
        struct ip_piece piece;
        enum ip_result result = ip_decode(network, &packet, &piece);
        if (result != IP_OK && result != IP_FRAGMENT)
            continue;
        ck_assert(packet.payload.data >= bytes);
        ck_assert(packet.payload.data + packet.payload.captured <= bytes + captured);
        ck_assert_uint_le(packet.payload.captured, packet.payload.reported);
    }
}
END_TEST

SUITE("ip", TABLE(decodes, packets), TABLE(any_snap_length, packets), TEST(survives_noise))
