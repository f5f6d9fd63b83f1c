/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Link layers: where each puts the IP header, and what is too short or something else. */
#define _DEFAULT_SOURCE

#include "analyzer/input/link.h"

#include <pcap/pcap.h>
#include <string.h>

#include "suite.h"

#define MACS "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01"
#define SLL_UP_TO_PROTOCOL "\x00\x00\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00"
#define SLL2_BEHIND_PROTOCOL                                                                       \
    "\x00\x00\x00\x00\x00\x02\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00"
#define BYTES(text) text, sizeof(text) - 1

static const struct frame {
    const char *name;
    int link_type;
    const char *bytes;
    size_t length;
    enum link_result result;
    uint32_t header; /* bytes before the network layer */
} frames[] = {
    {"ethernet, IPv4", DLT_EN10MB, BYTES(MACS "\x08\x00@"), LINK_IP, 14},
    {"ethernet, IPv6", DLT_EN10MB, BYTES(MACS "\x86\xdd@"), LINK_IP, 14},
    {"ethernet, ARP", DLT_EN10MB, BYTES(MACS "\x08\x06@"), LINK_OTHER, 0},
    {"ethernet, 802.3 length", DLT_EN10MB, BYTES(MACS "\x00\x26@"), LINK_OTHER, 0},
    {"ethernet, no payload", DLT_EN10MB, BYTES(MACS "\x08\x00"), LINK_IP, 14},
    {"ethernet, cut", DLT_EN10MB, BYTES(MACS "\x08"), LINK_TRUNCATED, 0},
    {"ethernet, nothing", DLT_EN10MB, BYTES(""), LINK_TRUNCATED, 0},
    {"one tag", DLT_EN10MB, BYTES(MACS "\x81\x00\x00\x05\x08\x00@"), LINK_IP, 18},
    {"two tags", DLT_EN10MB, BYTES(MACS "\x88\xa8\x00\x05\x81\x00\x00\x06\x86\xdd@"), LINK_IP, 22},
    {"three tags", DLT_EN10MB,
     BYTES(MACS "\x91\x00\x00\x05\x91\x00\x00\x06\x81\x00\x00\x07\x08\x00@"), LINK_IP, 26},
    {"tagged ARP", DLT_EN10MB, BYTES(MACS "\x81\x00\x00\x05\x08\x06@"), LINK_OTHER, 0},
    {"cut in a tag", DLT_EN10MB, BYTES(MACS "\x81\x00\x00\x05\x08"), LINK_TRUNCATED, 0},
    {"cooked", DLT_LINUX_SLL, BYTES(SLL_UP_TO_PROTOCOL "\x08\x00@"), LINK_IP, 16},
    {"cooked, tagged", DLT_LINUX_SLL, BYTES(SLL_UP_TO_PROTOCOL "\x81\x00\x00\x01\x86\xdd@"),
     LINK_IP, 20},
    {"cooked, cut", DLT_LINUX_SLL, BYTES(SLL_UP_TO_PROTOCOL "\x08"), LINK_TRUNCATED, 0},
    {"cooked v2", DLT_LINUX_SLL2, BYTES("\x08\x00" SLL2_BEHIND_PROTOCOL "@"), LINK_IP, 20},
    {"cooked v2, IPv6", DLT_LINUX_SLL2, BYTES("\x86\xdd" SLL2_BEHIND_PROTOCOL "@"), LINK_IP, 20},
    {"cooked v2, ARP", DLT_LINUX_SLL2, BYTES("\x08\x06" SLL2_BEHIND_PROTOCOL "@"), LINK_OTHER, 0},
    {"cooked v2, cut", DLT_LINUX_SLL2, BYTES("\x08\x00\x00"), LINK_TRUNCATED, 0},
    {"null, little-endian IPv4", DLT_NULL, BYTES("\x02\0\0\0@"), LINK_IP, 4},
    {"null, big-endian IPv4", DLT_NULL, BYTES("\0\0\0\x02@"), LINK_IP, 4},
    {"null, Linux IPv6", DLT_NULL, BYTES("\x0a\0\0\0@"), LINK_IP, 4},
    {"null, NetBSD IPv6", DLT_NULL, BYTES("\x18\0\0\0@"), LINK_IP, 4},
    {"null, FreeBSD IPv6", DLT_NULL, BYTES("\0\0\0\x1c@"), LINK_IP, 4},
    {"null, macOS IPv6", DLT_NULL, BYTES("\x1e\0\0\0@"), LINK_IP, 4},
    {"null, AppleTalk", DLT_NULL, BYTES("\x10\0\0\0@"), LINK_OTHER, 0},
    {"null, cut", DLT_NULL, BYTES("\x02\0\0"), LINK_TRUNCATED, 0},
    {"loop", DLT_LOOP, BYTES("\0\0\0\x02@"), LINK_IP, 4},
    {"raw", DLT_RAW, BYTES("@"), LINK_IP, 0},
    {"raw, nothing", DLT_RAW, BYTES(""), LINK_IP, 0},
    {"raw IPv4", DLT_IPV4, BYTES("@"), LINK_IP, 0},
    {"raw IPv6", DLT_IPV6, BYTES("@"), LINK_IP, 0},
    {"802.11", DLT_IEEE802_11, BYTES("@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"), LINK_OTHER, 0},
};

START_TEST(finds_the_network_layer)
{
    const struct frame *f = &frames[_i];
    /* Two more bytes were on the wire than were captured. */
    uint32_t captured = (uint32_t)f->length;
    struct slice frame = {(const uint8_t *)f->bytes, captured, captured + 2};
    struct slice network;
    enum link_result result = link_decode(f->link_type, frame, &network);
    ck_assert_msg(result == f->result, "%s: %d", f->name, result);
    if (result != LINK_IP)
        return;
    ck_assert_msg(network.data == frame.data + f->header, "%s", f->name);
    ck_assert_uint_eq(network.captured, captured - f->header);
    ck_assert_uint_eq(network.reported, captured + 2 - f->header);
}
END_TEST

START_TEST(knows_its_link_types)
{
    ck_assert(link_supported(DLT_EN10MB));
    ck_assert(link_supported(DLT_LINUX_SLL2));
    ck_assert(!link_supported(DLT_IEEE802_11));
    ck_assert(!link_supported(-1));
}
END_TEST

SUITE("link", TABLE(finds_the_network_layer, frames), TEST(knows_its_link_types))
