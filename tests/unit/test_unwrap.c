/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames on their way to TCP: fragments in any order, what is missing of them, and noise. */
#define _DEFAULT_SOURCE

#include "analyzer/input/unwrap.h"

#include <pcap/pcap.h>
#include <string.h>

#include "analyzer/input/fragments.h"
#include "mqtt/facts/time.h"
#include "suite.h"

enum { PAYLOAD = 40, TCP = 6, UDP = 17 };

/* What came out: the last result, how many TCP packets, and the last one's payload. */
struct heard {
    enum unwrap_result result;
    unsigned calls, packets;
    uint32_t captured, reported, tunnel;
    uint8_t payload[PAYLOAD];
};

static void hear(void *user, enum unwrap_result result, const struct ip_packet *packet)
{
    struct heard *heard = user;
    heard->result = result;
    heard->calls++;
    if (result != UNWRAP_TCP)
        return;
    ck_assert_uint_le(packet->payload.captured, packet->payload.reported);
    heard->packets++;
    heard->captured = packet->payload.captured;
    heard->reported = packet->payload.reported;
    heard->tunnel = packet->tunnel;
    if (heard->captured <= PAYLOAD && heard->captured != 0)
        memcpy(heard->payload, packet->payload.data, heard->captured);
}

static uint8_t content[PAYLOAD];

static void make_content(void)
{
    for (uint8_t i = 0; i < PAYLOAD; i++)
        content[i] = i;
}

struct piece {
    uint32_t offset, length;
    bool last;
    uint8_t protocol;
    uint16_t identification;
};

static void put_u16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static void send_captured(struct unwrap *unwrap, const struct piece *piece, int64_t time,
                          uint32_t captured)
{
    uint8_t frame[20 + PAYLOAD] = {0x45, 0, 0,   0, 0, 0, 0,   0, 64, 0,
                                   0,    0, 192, 0, 2, 1, 192, 0, 2,  2};
    put_u16(frame + 2, 20 + piece->length);
    put_u16(frame + 4, piece->identification);
    put_u16(frame + 6, piece->offset / 8 | (piece->last ? 0 : 0x2000));
    frame[9] = piece->protocol;
    memcpy(frame + 20, content + piece->offset, piece->length);
    unwrap_frame(unwrap, DLT_RAW, time, (struct slice){frame, 20 + captured, 20 + piece->length});
}

static void send_piece(struct unwrap *unwrap, const struct piece *piece, int64_t time)
{
    send_captured(unwrap, piece, time, piece->length);
}

#define FIRST                                                                                      \
    {                                                                                              \
        0, 16, false, TCP, 7                                                                       \
    }
#define SECOND                                                                                     \
    {                                                                                              \
        16, 16, false, TCP, 7                                                                      \
    }
#define LAST                                                                                       \
    {                                                                                              \
        32, 8, true, TCP, 7                                                                        \
    }

static const struct {
    const char *name;
    struct piece pieces[5];
    unsigned count;
    bool whole;
    uint64_t missing; /* pieces */
} orders[] = {
    {"in order", {FIRST, SECOND, LAST}, 3, true, 0},
    {"backwards", {LAST, SECOND, FIRST}, 3, true, 0},
    {"twice", {FIRST, FIRST, SECOND, LAST}, 4, true, 0},
    {"overlapping", {FIRST, {8, 24, false, TCP, 7}, LAST}, 3, true, 0},
    {"the middle is missing", {FIRST, LAST}, 2, false, 2},
    {"the first is missing", {SECOND, LAST}, 2, false, 2},
    {"the last is missing", {FIRST, SECOND}, 2, false, 2},
    {"another packet's", {FIRST, {16, 16, false, TCP, 8}, LAST}, 3, false, 3},
    {"another protocol's", {FIRST, {16, 16, false, UDP, 7}, LAST}, 3, false, 2},
    {"beyond the end", {{32, 8, true, TCP, 7}, {24, 16, false, TCP, 7}, FIRST}, 3, false, 3},
    {"two ends", {LAST, {16, 16, true, TCP, 7}, FIRST}, 3, false, 3},
    {"no multiple of eight", {{0, 15, false, TCP, 7}}, 1, false, 1},
    {"only UDP, which matters to nobody", {{0, 16, false, UDP, 7}}, 1, false, 0},
};

START_TEST(puts_fragments_together)
{
    struct heard heard = {0};
    struct unwrap *unwrap = unwrap_new(hear, &heard);
    uint64_t pieces, bytes;
    make_content();
    for (unsigned i = 0; i < orders[_i].count; i++)
        send_piece(unwrap, &orders[_i].pieces[i], i);
    ck_assert_msg(heard.packets == orders[_i].whole, "%s: %u", orders[_i].name, heard.packets);
    if (orders[_i].whole) {
        ck_assert_uint_eq(heard.reported, PAYLOAD);
        ck_assert_mem_eq(heard.payload, content, PAYLOAD);
    }
    unwrap_missing(unwrap, &pieces, &bytes);
    ck_assert_msg(pieces == orders[_i].missing, "%s: %u", orders[_i].name, (unsigned)pieces);
    unwrap_free(unwrap);
}
END_TEST

/* What the snap length cut off of a piece is missing from there on, however much came behind it. */
START_TEST(knows_what_was_not_captured)
{
    static const struct piece pieces[] = {FIRST, SECOND, LAST};
    struct heard heard = {0};
    struct unwrap *unwrap = unwrap_new(hear, &heard);
    make_content();
    send_piece(unwrap, &pieces[0], 0);
    send_captured(unwrap, &pieces[1], 0, 5);
    send_piece(unwrap, &pieces[2], 0);
    ck_assert_uint_eq(heard.packets, 1);
    ck_assert_uint_eq(heard.captured, 21);
    ck_assert_uint_eq(heard.reported, PAYLOAD);
    unwrap_free(unwrap);
}
END_TEST

/* Identifications come round again: what waited for longer than a packet lives is not meant. */
START_TEST(forgets_old_fragments)
{
    static const struct piece pieces[] = {FIRST, SECOND, LAST};
    for (int64_t late = 0; late < 2; late++) {
        struct heard heard = {0};
        struct unwrap *unwrap = unwrap_new(hear, &heard);
        send_piece(unwrap, &pieces[0], 0);
        send_piece(unwrap, &pieces[1], 0);
        send_piece(unwrap, &pieces[2], FRAGMENTS_LIFETIME_S * MQTT_SECOND + late);
        ck_assert_uint_eq(heard.packets, late == 0);
        unwrap_free(unwrap);
    }
}
END_TEST

START_TEST(keeps_the_newest)
{
    struct heard heard = {0};
    struct unwrap *unwrap = unwrap_new(hear, &heard);
    uint64_t pieces, bytes;
    for (uint16_t i = 0; i <= FRAGMENTS_PACKETS_MAX; i++)
        send_piece(unwrap, &(struct piece){0, 16, false, TCP, i}, 0);
    unwrap_missing(unwrap, &pieces, &bytes);
    ck_assert_uint_eq(pieces, FRAGMENTS_PACKETS_MAX + 1);
    ck_assert_uint_eq(bytes, 16 * (FRAGMENTS_PACKETS_MAX + 1));
    send_piece(unwrap, &(struct piece){16, 8, true, TCP, 1}, 0);
    ck_assert_uint_eq(heard.packets, 1);
    send_piece(unwrap, &(struct piece){16, 8, true, TCP, 0}, 0); /* the oldest gave way */
    ck_assert_uint_eq(heard.packets, 1);
    unwrap_free(unwrap);
}
END_TEST

/* RFC 8200: the Fragment header says what comes first in the whole, which may be another header. */
START_TEST(puts_ipv6_fragments_together)
{
    uint8_t frame[40 + 8 + 16] = {0x60, 0, 0, 0, 0, 24, 44, 64};
    struct heard heard = {0};
    struct unwrap *unwrap = unwrap_new(hear, &heard);
    memcpy(frame + 40, "\x3c\0\0\1\0\0\0\7\6\0\1\4\0\0\0\0abcdefgh",
           24); /* destination options, TCP */
    unwrap_frame(unwrap, DLT_RAW, 0, (struct slice){frame, sizeof frame, sizeof frame});
    ck_assert_uint_eq(heard.packets, 0);
    memcpy(frame + 40, "\x3c\0\0\x10\0\0\0\7ijklmnopqrstuvwx", 24);
    unwrap_frame(unwrap, DLT_RAW, 0, (struct slice){frame, sizeof frame, sizeof frame});
    ck_assert_uint_eq(heard.packets, 1);
    ck_assert_uint_eq(heard.reported, 24);
    ck_assert_mem_eq(heard.payload, "abcdefghijklmnopqrstuvwx", 24);
    unwrap_free(unwrap);
}
END_TEST

/* IP in IP in IP ...: comes to an end, and is said to. */
START_TEST(nests_to_a_bound)
{
    uint8_t frame[20 * UNWRAP_DEPTH_MAX] = {0};
    struct heard heard = {0};
    struct unwrap *unwrap = unwrap_new(hear, &heard);
    for (uint32_t at = 0; at < sizeof frame; at += 20) {
        frame[at] = 0x45;
        put_u16(frame + at + 2, (uint32_t)sizeof frame - at);
        frame[at + 9] = at + 20 < sizeof frame ? 4 : TCP;
    }
    unwrap_frame(unwrap, DLT_RAW, 0, (struct slice){frame, sizeof frame, sizeof frame});
    ck_assert_int_eq(heard.result, UNWRAP_DEEP);
    const uint32_t most = 20 * (UNWRAP_DEPTH_MAX / 2 + 1);
    const uint8_t *inner = frame + sizeof frame - most + 20;
    unwrap_frame(unwrap, DLT_RAW, 0, (struct slice){inner, most - 20, most - 20});
    ck_assert_int_eq(heard.result, UNWRAP_TCP);
    unwrap_free(unwrap);
}
END_TEST

START_TEST(survives_noise)
{
    static const int links[] = {
        DLT_EN10MB,     DLT_RAW,  DLT_PPP,  DLT_IEEE802_11, DLT_IEEE802_11_RADIO,
        DLT_LINUX_SLL2, DLT_MPLS, DLT_NULL, DLT_PPP_ETHER,  227};
    static const uint8_t protocols[] = {4, 6, 17, 41, 44, 47, 51, 137};
    static const uint16_t ports[] = {2152, 4789, 4790, 6081};
    static const uint16_t types[] = {0x0800, 0x86dd, 0x8100, 0x8847,
                                     0x8864, 0x88be, 0x22eb, 0x6558};
    uint32_t random = 2463534242u;
    struct heard heard = {0};
    struct unwrap *unwrap = unwrap_new(hear, &heard);
    for (int round = 0; round < 100000; round++) {
        uint8_t bytes[160];
        for (size_t i = 0; i < sizeof bytes; i++) {
            random ^= random << 13, random ^= random >> 17, random ^= random << 5;
            bytes[i] = (uint8_t)(random >> 8 & 1 ? random : (random & 0x3f));
        }
        /* Numbers that lead on, wherever they may stand. */
        for (size_t i = 0; i + 30 < sizeof bytes; i += 1 + random % 24) {
            random ^= random << 13, random ^= random >> 17, random ^= random << 5;
            bytes[i] = random & 1 ? 0x45 : 0x60;
            bytes[i + (random & 1 ? 9 : 6)] = protocols[random >> 8 & 7];
            put_u16(bytes + i + 22, ports[random >> 16 & 3]);
            put_u16(bytes + i + 12, types[random >> 20 & 7]);
        }
        const uint32_t captured = random % (uint32_t)sizeof bytes;
        uint8_t *exact = malloc(captured + 1);
        ck_assert_ptr_nonnull(exact);
        memcpy(exact + 1, bytes, captured);
        unwrap_frame(unwrap, links[round % 10], round,
                     (struct slice){exact + 1, captured, captured + random % 3});
        free(exact);
    }
    ck_assert_uint_ge(heard.calls, 100000);
    ck_assert_uint_ge(heard.packets, 100);
    unwrap_free(unwrap);
}
END_TEST

SUITE("unwrap", TABLE(puts_fragments_together, orders), TEST(knows_what_was_not_captured),
      TEST(forgets_old_fragments), TEST(keeps_the_newest), TEST(puts_ipv6_fragments_together),
      TEST(nests_to_a_bound), TEST(survives_noise))
