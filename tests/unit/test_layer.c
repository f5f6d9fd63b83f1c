/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Headers of link layers and tunnels: where each puts the IP header, and what is too short,
 * encrypted or something else. */
#define _DEFAULT_SOURCE

#include "analyzer/input/layer.h"

#include <pcap/pcap.h>
#include <string.h>

#include "suite.h"

#define MACS "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01"
#define SLL_UP_TO_PROTOCOL "\x00\x00\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00"
#define SLL2_BEHIND_PROTOCOL                                                                       \
    "\x00\x00\x00\x00\x00\x02\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00"
/* Behind frame control, and before an ethertype. */
#define WLAN "\0\0" MACS "\2\0\0\0\0\2\0\0"
#define SNAP "\xaa\xaa\x03\0\0\0\x08\x00"
#define BYTES(text) text, sizeof(text) - 1

static const struct frame {
    const char *name;
    int link_type;
    const char *bytes;
    size_t length;
    enum layer_result result;
    uint32_t header; /* bytes before the network layer */
} frames[] = {
    {"ethernet, IPv4", DLT_EN10MB, BYTES(MACS "\x08\x00@"), LAYER_OPENED, 14},
    {"ethernet, IPv6", DLT_EN10MB, BYTES(MACS "\x86\xdd@"), LAYER_OPENED, 14},
    {"ethernet, ARP", DLT_EN10MB, BYTES(MACS "\x08\x06@"), LAYER_OTHER, 0},
    {"ethernet, 802.3 length", DLT_EN10MB, BYTES(MACS "\x00\x26@@@@@@@@"), LAYER_OTHER, 0},
    {"ethernet, no payload", DLT_EN10MB, BYTES(MACS "\x08\x00"), LAYER_OPENED, 14},
    {"ethernet, cut", DLT_EN10MB, BYTES(MACS "\x08"), LAYER_CUT, 0},
    {"ethernet, nothing", DLT_EN10MB, BYTES(""), LAYER_CUT, 0},
    {"one tag", DLT_EN10MB, BYTES(MACS "\x81\x00\x00\x05\x08\x00@"), LAYER_OPENED, 18},
    {"two tags", DLT_EN10MB, BYTES(MACS "\x88\xa8\x00\x05\x81\x00\x00\x06\x86\xdd@"), LAYER_OPENED,
     22},
    {"three tags", DLT_EN10MB,
     BYTES(MACS "\x91\x00\x00\x05\x91\x00\x00\x06\x81\x00\x00\x07\x08\x00@"), LAYER_OPENED, 26},
    {"tagged ARP", DLT_EN10MB, BYTES(MACS "\x81\x00\x00\x05\x08\x06@"), LAYER_OTHER, 0},
    {"cut in a tag", DLT_EN10MB, BYTES(MACS "\x81\x00\x00\x05\x08"), LAYER_CUT, 0},
    {"cooked", DLT_LINUX_SLL, BYTES(SLL_UP_TO_PROTOCOL "\x08\x00@"), LAYER_OPENED, 16},
    {"cooked, tagged", DLT_LINUX_SLL, BYTES(SLL_UP_TO_PROTOCOL "\x81\x00\x00\x01\x86\xdd@"),
     LAYER_OPENED, 20},
    {"cooked, cut", DLT_LINUX_SLL, BYTES(SLL_UP_TO_PROTOCOL "\x08"), LAYER_CUT, 0},
    {"cooked v2", DLT_LINUX_SLL2, BYTES("\x08\x00" SLL2_BEHIND_PROTOCOL "@"), LAYER_OPENED, 20},
    {"cooked v2, IPv6", DLT_LINUX_SLL2, BYTES("\x86\xdd" SLL2_BEHIND_PROTOCOL "@"), LAYER_OPENED,
     20},
    {"cooked v2, ARP", DLT_LINUX_SLL2, BYTES("\x08\x06" SLL2_BEHIND_PROTOCOL "@"), LAYER_OTHER, 0},
    {"cooked v2, cut", DLT_LINUX_SLL2, BYTES("\x08\x00\x00"), LAYER_CUT, 0},
    {"null, little-endian IPv4", DLT_NULL, BYTES("\x02\0\0\0@"), LAYER_OPENED, 4},
    {"null, big-endian IPv4", DLT_NULL, BYTES("\0\0\0\x02@"), LAYER_OPENED, 4},
    {"null, Linux IPv6", DLT_NULL, BYTES("\x0a\0\0\0@"), LAYER_OPENED, 4},
    {"null, NetBSD IPv6", DLT_NULL, BYTES("\x18\0\0\0@"), LAYER_OPENED, 4},
    {"null, FreeBSD IPv6", DLT_NULL, BYTES("\0\0\0\x1c@"), LAYER_OPENED, 4},
    {"null, macOS IPv6", DLT_NULL, BYTES("\x1e\0\0\0@"), LAYER_OPENED, 4},
    {"null, AppleTalk", DLT_NULL, BYTES("\x10\0\0\0@"), LAYER_OTHER, 0},
    {"null, cut", DLT_NULL, BYTES("\x02\0\0"), LAYER_CUT, 0},
    {"loop", DLT_LOOP, BYTES("\0\0\0\x02@"), LAYER_OPENED, 4},
    {"raw", DLT_RAW, BYTES("@"), LAYER_OPENED, 0},
    {"raw, nothing", DLT_RAW, BYTES(""), LAYER_OPENED, 0},
    {"raw IPv4", DLT_IPV4, BYTES("@"), LAYER_OPENED, 0},
    {"raw IPv6", DLT_IPV6, BYTES("@"), LAYER_OPENED, 0},
    {"802.3, SNAP", DLT_EN10MB, BYTES(MACS "\x00\x26\xaa\xaa\x03\0\0\0\x08\x00@"), LAYER_OPENED,
     22},
    {"802.3, spanning tree", DLT_EN10MB, BYTES(MACS "\x00\x26\x42\x42\x03\0\0\0\0\0"), LAYER_OTHER,
     0},
    {"802.3, cut", DLT_EN10MB, BYTES(MACS "\x00\x26\xaa\xaa\x03\0\0\0\x08"), LAYER_CUT, 0},
    {"cooked, LLC", DLT_LINUX_SLL, BYTES(SLL_UP_TO_PROTOCOL "\0\x04\xaa\xaa\x03\0\0\0\x86\xdd@"),
     LAYER_OPENED, 24},
    {"MPLS", DLT_EN10MB, BYTES(MACS "\x88\x47\0\1\1\x40\x45"), LAYER_OPENED, 18},
    {"MPLS, two labels", DLT_EN10MB, BYTES(MACS "\x88\x47\0\1\0\x40\0\2\1\x40\x60"), LAYER_OPENED,
     22},
    {"MPLS, pseudowire", DLT_EN10MB, BYTES(MACS "\x88\x47\0\1\1\x40\0\0\0\0" MACS "\x08\x00@"),
     LAYER_OPENED, 36},
    {"MPLS, something", DLT_EN10MB, BYTES(MACS "\x88\x47\0\1\1\x40\x10"), LAYER_OTHER, 0},
    {"MPLS, without a bottom", DLT_EN10MB, BYTES(MACS "\x88\x47\0\1\0\x40"), LAYER_CUT, 0},
    {"PPPoE", DLT_EN10MB, BYTES(MACS "\x88\x64\x11\0\0\1\0\5\0\x21@"), LAYER_OPENED, 22},
    {"PPPoE, IPv6", DLT_EN10MB, BYTES(MACS "\x88\x64\x11\0\0\1\0\5\0\x57@"), LAYER_OPENED, 22},
    {"PPPoE, LCP", DLT_EN10MB, BYTES(MACS "\x88\x64\x11\0\0\1\0\5\xc0\x21@"), LAYER_OTHER, 0},
    {"PPPoE, discovery", DLT_EN10MB, BYTES(MACS "\x88\x64\x11\x09\0\0\0\4\1\1\0\0"), LAYER_OTHER,
     0},
    {"backbone", DLT_EN10MB, BYTES(MACS "\x88\xe7\0\0\0\1" MACS "\x08\x00@"), LAYER_OPENED, 32},
    {"PPP", DLT_PPP, BYTES("\0\x21@"), LAYER_OPENED, 2},
    {"PPP, short", DLT_PPP, BYTES("\x21@"), LAYER_OPENED, 1},
    {"PPP, framed", DLT_PPP, BYTES("\xff\x03\0\x57@"), LAYER_OPENED, 4},
    {"PPP, serial", DLT_PPP_SERIAL, BYTES("\xff\x03\0\x21@"), LAYER_OPENED, 4},
    {"PPP, cut", DLT_PPP, BYTES("\0"), LAYER_CUT, 0},
    {"HDLC", DLT_C_HDLC, BYTES("\x0f\0\x08\x00@"), LAYER_OPENED, 4},
    {"802.11", DLT_IEEE802_11, BYTES("\x08\1" WLAN SNAP "@"), LAYER_OPENED, 32},
    {"802.11, four addresses", DLT_IEEE802_11, BYTES("\x08\3" WLAN "abcdef" SNAP "@"), LAYER_OPENED,
     38},
    {"802.11, QoS", DLT_IEEE802_11, BYTES("\x88\2" WLAN "\0\0" SNAP "@"), LAYER_OPENED, 34},
    {"802.11, QoS and HT", DLT_IEEE802_11, BYTES("\x88\x82" WLAN "\0\0\0\0\0\0" SNAP "@"),
     LAYER_OPENED, 38},
    {"802.11, encrypted", DLT_IEEE802_11, BYTES("\x08\x41" WLAN SNAP "@"), LAYER_ENCRYPTED, 0},
    {"802.11, no data", DLT_IEEE802_11, BYTES("\x48\1" WLAN), LAYER_OTHER, 0},
    {"802.11, beacon", DLT_IEEE802_11, BYTES("\x80\0" WLAN), LAYER_OTHER, 0},
    {"802.11, a piece", DLT_IEEE802_11, BYTES("\x08\5" WLAN SNAP "@"), LAYER_OTHER, 0},
    {"802.11, cut", DLT_IEEE802_11, BYTES("\x08\1" WLAN "\xaa\xaa"), LAYER_CUT, 0},
    {"radiotap", DLT_IEEE802_11_RADIO, BYTES("\0\0\x08\0\0\0\0\0\x08\1" WLAN SNAP "@"),
     LAYER_OPENED, 40},
    {"radiotap, padded", DLT_IEEE802_11_RADIO,
     BYTES("\0\0\x09\0\2\0\0\0\x20\x88\2" WLAN "\0\0pp" SNAP "@"), LAYER_OPENED, 45},
    {"radiotap, time and padded", DLT_IEEE802_11_RADIO,
     BYTES("\0\0\x19\0\3\0\0\x80\0\0\0\0\0\0\0\0abcdefgh\x20\x88\2" WLAN "\0\0pp" SNAP "@"),
     LAYER_OPENED, 61},
    {"radiotap, endless bits", DLT_IEEE802_11_RADIO,
     BYTES("\0\0\x0c\0\2\0\0\x80\2\0\0\x80\x08\1" WLAN SNAP "@"), LAYER_OPENED, 44},
    {"radiotap, too long", DLT_IEEE802_11_RADIO, BYTES("\0\0\xff\0\0\0\0\0"), LAYER_BROKEN, 0},
    {"radiotap, too short", DLT_IEEE802_11_RADIO, BYTES("\0\0\7\0\0\0\0\0"), LAYER_BROKEN, 0},
    {"radiotap, cut", DLT_IEEE802_11_RADIO, BYTES("\0\0\x09\0\0\0\0\0"), LAYER_CUT, 0},
    {"CAN", 227, BYTES("@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"), LAYER_OTHER, 0},
};

START_TEST(finds_the_network_layer)
{
    const struct frame *f = &frames[_i];
    /* More bytes were on the wire than were captured. */
    uint32_t captured = (uint32_t)f->length;
    struct slice frame = {(const uint8_t *)f->bytes, captured, captured + 40};
    struct layer layer = {.kind = LAYER_LINK, .number = (unsigned)f->link_type, .bytes = frame};
    enum layer_result result = LAYER_OPENED;
    while (result == LAYER_OPENED && layer.kind != LAYER_IP)
        result = layer_open(&layer);
    ck_assert_msg(result == f->result, "%s: %d", f->name, result);
    if (result != LAYER_OPENED)
        return;
    ck_assert_msg(layer.bytes.data == frame.data + f->header, "%s: %td", f->name,
                  layer.bytes.data - frame.data);
    ck_assert_uint_eq(layer.bytes.captured, captured - f->header);
    ck_assert_uint_eq(layer.tunnel, 0);
}
END_TEST

START_TEST(knows_its_link_types)
{
    ck_assert(layer_knows_link(DLT_EN10MB));
    ck_assert(layer_knows_link(DLT_LINUX_SLL2));
    ck_assert(layer_knows_link(DLT_IEEE802_11));
    ck_assert(!layer_knows_link(227));
    ck_assert(!layer_knows_link(-1));
}
END_TEST

/* ---- Tunnels ---- */

#define VXLAN "\x12\xb5\x12\xb5\0\0\0\0"
#define VXLAN_OF(network) "\x08\0\0\0" network "\0"
#define ETHERNET MACS "\x08\x00"

static const struct tunnel {
    const char *name;
    unsigned protocol; /* of IP */
    const char *bytes;
    size_t length;
    enum layer_result result;
    uint32_t header;
    bool numbered;
} tunnels[] = {
    {"IP in IP", 4, BYTES("@"), LAYER_OPENED, 0, false},
    {"IPv6 in IP", 41, BYTES("@"), LAYER_OPENED, 0, false},
    {"ethernet in IP", 143, BYTES(ETHERNET "@"), LAYER_OPENED, 14, false},
    {"authentication", 51, BYTES("\4\4aaaaaaaaaaaaaaaaaaaaaa@"), LAYER_OPENED, 24, false},
    {"ICMP", 1, BYTES("@@@@@@@@@@@@@@@@@@@@@"), LAYER_OTHER, 0, false},
    {"GRE", 47, BYTES("\0\0\x08\x00@"), LAYER_OPENED, 4, false},
    {"GRE, all fields", 47, BYTES("\xb0\0\x86\xddsumskey.seq.@"), LAYER_OPENED, 16, true},
    {"GRE, cut in its key", 47, BYTES("\x20\0\x08\x00ke"), LAYER_CUT, 0, false},
    {"GRE, routing", 47, BYTES("\x40\0\x08\x00@@@@@@@@"), LAYER_OTHER, 0, false},
    {"GRE of PPTP", 47, BYTES("\x30\x81\x88\x0bkey.seq.ack.\xff\3\0\x21@"), LAYER_OPENED, 20,
     false},
    {"GRE, bridged", 47, BYTES("\0\0\x65\x58" ETHERNET "@"), LAYER_OPENED, 18, false},
    {"ERSPAN", 47, BYTES("\0\0\x88\xbe" ETHERNET "@"), LAYER_OPENED, 18, false},
    {"ERSPAN 2", 47, BYTES("\x10\0\x88\xbeseq.\x10\0\0\0\0\0\0\0" ETHERNET "@"), LAYER_OPENED, 30,
     false},
    {"ERSPAN 3", 47, BYTES("\x10\0\x22\xebseq.\x20\0\0\0\0\0\0\0\0\0\0\0" ETHERNET "@"),
     LAYER_OPENED, 34, false},
    {"ERSPAN 3, subheader", 47,
     BYTES("\x10\0\x22\xebseq.\x20\0\0\0\0\0\0\0\0\0\0\1subhead." ETHERNET "@"), LAYER_OPENED, 42,
     false},
    {"ERSPAN 3 of IP", 47, BYTES("\x10\0\x22\xebseq.\x20\0\0\0\0\0\0\0\0\0\x08\0@"), LAYER_OPENED,
     20, false},
    {"VXLAN", 17, BYTES(VXLAN VXLAN_OF("\0\0\7") ETHERNET "@"), LAYER_OPENED, 30, true},
    {"VXLAN of Linux", 17, BYTES("\1\1\x21\x18\0\0\0\0" VXLAN_OF("\0\0\7") ETHERNET "@"),
     LAYER_OPENED, 30, true},
    {"VXLAN without an identifier", 17, BYTES(VXLAN "\0\0\0\0\0\0\7\0" ETHERNET "@"), LAYER_OTHER,
     0, false},
    {"VXLAN, cut", 17, BYTES(VXLAN "\x08\0\0\0\0\0"), LAYER_CUT, 0, false},
    {"VXLAN-GPE of IP", 17, BYTES("\1\1\x12\xb6\0\0\0\0\x0c\0\0\1\0\0\7\0@"), LAYER_OPENED, 16,
     true},
    {"GENEVE", 17, BYTES("\1\1\x17\xc1\0\0\0\0\0\0\x65\x58\0\0\7\0" ETHERNET "@"), LAYER_OPENED, 30,
     true},
    {"GENEVE with options", 17, BYTES("\1\1\x17\xc1\0\0\0\0\2\0\x08\x00\0\0\7\0options.@"),
     LAYER_OPENED, 24, true},
    {"GTP-U", 17, BYTES("\1\1\x08\x68\0\0\0\0\x30\xff\0\1\0\0\0\7\x45"), LAYER_OPENED, 16, false},
    {"GTP-U, sequence", 17, BYTES("\1\1\x08\x68\0\0\0\0\x32\xff\0\1\0\0\0\7\0\0\0\0\x60"),
     LAYER_OPENED, 20, false},
    {"GTP-U, extension", 17,
     BYTES("\1\1\x08\x68\0\0\0\0\x34\xff\0\1\0\0\0\7\0\0\0\x85\1\0\0\0\x45"), LAYER_OPENED, 24,
     false},
    {"GTP-U, an extension of nothing", 17,
     BYTES("\1\1\x08\x68\0\0\0\0\x34\xff\0\1\0\0\0\7\0\0\0\x85\0\0\0\0"), LAYER_BROKEN, 0, false},
    {"GTP-U, cut in extensions", 17,
     BYTES("\1\1\x08\x68\0\0\0\0\x34\xff\0\1\0\0\0\7\0\0\0\x85\2\0\0\0"), LAYER_CUT, 0, false},
    {"GTP-U, ethernet", 17, BYTES("\1\1\x08\x68\0\0\0\0\x30\xff\0\1\0\0\0\7\x02"), LAYER_OTHER, 0,
     false},
    {"GTP-U, echo", 17, BYTES("\1\1\x08\x68\0\0\0\0\x32\1\0\1\0\0\0\0\0\0\0\0"), LAYER_OTHER, 0,
     false},
    {"DNS", 17, BYTES("\1\1\0\x35\0\0\0\0@@@@@@@@@@@@@@@@@@"), LAYER_OTHER, 0, false},
    {"UDP, cut", 17, BYTES("\1\1\x12\xb5\0\0"), LAYER_CUT, 0, false},
};

START_TEST(passes_tunnels)
{
    const struct tunnel *t = &tunnels[_i];
    uint32_t captured = (uint32_t)t->length;
    struct slice bytes = {(const uint8_t *)t->bytes, captured, captured + 20};
    struct layer layer = {.kind = LAYER_IP_PROTOCOL, .number = t->protocol, .bytes = bytes};
    enum layer_result result = LAYER_OPENED;
    while (result == LAYER_OPENED && layer.kind != LAYER_IP)
        result = layer_open(&layer);
    ck_assert_msg(result == t->result, "%s: %d", t->name, result);
    if (result != LAYER_OPENED)
        return;
    ck_assert_msg(layer.bytes.data == bytes.data + t->header, "%s: %td", t->name,
                  layer.bytes.data - bytes.data);
    ck_assert_msg((layer.tunnel != 0) == t->numbered, "%s: %u", t->name, layer.tunnel);
}
END_TEST

static uint32_t tunnel_of(const void *bytes, size_t length)
{
    struct layer layer = {.kind = LAYER_IP_PROTOCOL,
                          .number = 17,
                          .bytes = {bytes, (uint32_t)length, (uint32_t)length}};
    while (layer.kind != LAYER_IP)
        ck_assert_int_eq(layer_open(&layer), LAYER_OPENED);
    return layer.tunnel;
}

/* The same addresses in two networks are two hosts; both directions of one network are one. */
START_TEST(tells_networks_apart)
{
    const uint32_t seven = tunnel_of(BYTES(VXLAN VXLAN_OF("\0\0\7") ETHERNET "@"));
    ck_assert_uint_eq(tunnel_of(BYTES("\xff\xff\x12\xb5\0\0\0\0" VXLAN_OF("\0\0\7") ETHERNET "@")),
                      seven);
    ck_assert_uint_ne(tunnel_of(BYTES(VXLAN VXLAN_OF("\0\0\x08") ETHERNET "@")), seven);
    ck_assert_uint_ne(tunnel_of(BYTES("\1\1\x17\xc1\0\0\0\0\0\0\x65\x58\0\0\7\0" ETHERNET "@")),
                      seven);
}
END_TEST

/* Several packets in one frame of 802.11, each padded to four bytes but the last. */
START_TEST(finds_all_of_an_aggregate)
{
    static const char bytes[] = MACS "\0\x0d" SNAP "first\0" MACS "\0\x0e" SNAP "second";
    struct layer layer = {.kind = LAYER_MSDUS,
                          .bytes = {(const uint8_t *)bytes, sizeof bytes - 1, sizeof bytes - 1}};
    const char *expected[] = {"first", "second"};
    for (unsigned i = 0; i < 2; i++) {
        while (layer.kind != LAYER_IP)
            ck_assert_int_eq(layer_open(&layer), LAYER_OPENED);
        ck_assert_uint_eq(layer.bytes.reported, strlen(expected[i]));
        ck_assert_mem_eq(layer.bytes.data, expected[i], strlen(expected[i]));
        layer = (struct layer){.kind = LAYER_MSDUS, .bytes = layer.after};
    }
    ck_assert_uint_eq(layer.bytes.reported, 0);
}
END_TEST

SUITE("layer", TABLE(finds_the_network_layer, frames), TEST(knows_its_link_types),
      TABLE(passes_tunnels, tunnels), TEST(tells_networks_apart), TEST(finds_all_of_an_aggregate))
