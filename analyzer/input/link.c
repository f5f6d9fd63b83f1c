/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Link headers, and what ethertypes and PPP protocol numbers announce. Numbers come from
 * https://www.tcpdump.org/linktypes.html, the IEEE 802 ethertype register and RFC 1661.
 */
#define _DEFAULT_SOURCE /* pcap.h uses u_char and the like */

#include "analyzer/input/layer_headers.h"

#include <pcap/pcap.h>
#include <string.h>

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,         /* 802.1Q */
    ETHERTYPE_SERVICE_VLAN = 0x88a8, /* 802.1ad */
    ETHERTYPE_OLD_VLAN = 0x9100,     /* QinQ before 802.1ad */
    ETHERTYPE_MPLS = 0x8847,
    ETHERTYPE_MPLS_UPSTREAM = 0x8848,
    ETHERTYPE_PPPOE = 0x8864, /* its session stage */
    ETHERTYPE_PPP = 0x880b,
    ETHERTYPE_BRIDGED = 0x6558,  /* Ethernet, inside GRE and GENEVE */
    ETHERTYPE_BACKBONE = 0x88e7, /* 802.1ah */
    ETHERTYPE_MIN = 0x0600,      /* below it, the number is a length (802.3) */
    COOKED_ETHERNET = 0x0001,    /* Linux's own numbers: 802.3 without LLC, */
    COOKED_LLC = 0x0004,         /* and with it */
};

enum {
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
    PPP_MPLS = 0x0281,
    PPP_FRAMED = 0xff03, /* address and control of HDLC, which may be left out */
};

/* ---- What ethertypes announce ---- */

enum layer_result link_ip(struct layer *layer)
{
    return layer_next(layer, 0, LAYER_IP, 0);
}

/* | priority, VLAN identifier (2) | ethertype (2) | ... */
static enum layer_result vlan(struct layer *layer)
{
    enum { TAG = 4 };

    if (layer->bytes.captured < TAG)
        return layer_short(layer, TAG);
    return layer_next(layer, TAG, LAYER_ETHERTYPE, read_u16(layer->bytes.data + 2));
}

/* RFC 3032: | label (20 bits), class (3), bottom of stack (1), time to live (8) | ..., once or
 * more. Nothing says what is under the stack: IP has its version there, and a pseudowire a word
 * that begins with zero bits (RFC 4385). */
enum layer_result link_mpls(struct layer *layer)
{
    enum { ENTRY = 4, CONTROL_WORD = 4 };

    if (layer->bytes.captured < ENTRY)
        return layer_short(layer, ENTRY);
    if ((layer->bytes.data[2] & 1) == 0)
        return layer_next(layer, ENTRY, LAYER_ETHERTYPE, ETHERTYPE_MPLS);
    if (layer->bytes.captured == ENTRY)
        return layer_short(layer, ENTRY + 1);
    switch (layer->bytes.data[ENTRY] >> 4) {
    case 4:
    case 6: return layer_next(layer, ENTRY, LAYER_IP, 0);
    case 0: return layer_next(layer, ENTRY + CONTROL_WORD, LAYER_LINK, DLT_EN10MB);
    default: return LAYER_OTHER;
    }
}

/* RFC 2516: | version, type (1) | code (1) | session (2) | length (2) | PPP protocol | ... */
static enum layer_result pppoe(struct layer *layer)
{
    enum { HEADER = 6, DATA = 0 };

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    if (layer->bytes.data[1] != DATA)
        return LAYER_OTHER;
    const uint32_t length = read_u16(layer->bytes.data + 4);
    layer->bytes = slice_limit(layer->bytes, HEADER + length);
    return layer_next(layer, HEADER, LAYER_LINK, DLT_PPP);
}

static enum layer_result ppp_bridged(struct layer *layer)
{
    return layer_next(layer, 0, LAYER_LINK, DLT_PPP);
}

/* IEEE 802.1ah: | flags, service identifier (4) | an Ethernet frame */
static enum layer_result backbone(struct layer *layer)
{
    enum { TAG = 4 };

    if (layer->bytes.captured < TAG)
        return layer_short(layer, TAG);
    return layer_next(layer, TAG, LAYER_LINK, DLT_EN10MB);
}

static const struct layer_header ethertypes[] = {
    {ETHERTYPE_IPV4, link_ip},
    {ETHERTYPE_IPV6, link_ip},
    {ETHERTYPE_VLAN, vlan},
    {ETHERTYPE_SERVICE_VLAN, vlan},
    {ETHERTYPE_OLD_VLAN, vlan},
    {ETHERTYPE_MPLS, link_mpls},
    {ETHERTYPE_MPLS_UPSTREAM, link_mpls},
    {ETHERTYPE_PPPOE, pppoe},
    {ETHERTYPE_PPP, ppp_bridged},
    {ETHERTYPE_BRIDGED, link_ethernet},
    {ETHERTYPE_BACKBONE, backbone},
};

layer_function link_ethertype(unsigned ethertype)
{
    const layer_function open = LAYER_FIND(ethertypes, ethertype);

    return open != NULL ? open : tunnel_ethertype(ethertype);
}

/* IEEE 802.2 with SNAP (RFC 1042): | AA AA 03 | organisation (3), zero for ethertypes | (2) | ...
 */
enum layer_result link_llc(struct layer *layer)
{
    static const uint8_t ethertypes_follow[] = {0xaa, 0xaa, 0x03, 0, 0, 0};
    static const uint8_t tunnelled[] = {0xaa, 0xaa, 0x03, 0, 0, 0xf8}; /* 802.1H */
    enum { HEADER = 8 };

    if (layer->bytes.captured < HEADER)
        return layer->bytes.reported < HEADER ? LAYER_OTHER : LAYER_CUT;
    if (memcmp(layer->bytes.data, ethertypes_follow, sizeof ethertypes_follow) != 0 &&
        memcmp(layer->bytes.data, tunnelled, sizeof tunnelled) != 0)
        return LAYER_OTHER;
    return layer_next(layer, HEADER, LAYER_ETHERTYPE, read_u16(layer->bytes.data + 6));
}

/* ---- What PPP announces ---- */

static const struct layer_header ppp_protocols[] = {
    {PPP_IPV4, link_ip},
    {PPP_IPV6, link_ip},
    {PPP_MPLS, link_mpls},
};

layer_function link_ppp(unsigned protocol)
{
    return LAYER_FIND(ppp_protocols, protocol);
}

/* ---- Link types ---- */

/* | destination (6) | source (6) | ethertype, or a length (2) | ... */
enum layer_result link_ethernet(struct layer *layer)
{
    enum { HEADER = 14 };

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    const uint16_t type = read_u16(layer->bytes.data + 12);
    return layer_next(layer, HEADER, type < ETHERTYPE_MIN ? LAYER_LLC : LAYER_ETHERTYPE, type);
}

static enum layer_result cooked_protocol(struct layer *layer, uint32_t header, uint16_t protocol)
{
    if (protocol == COOKED_LLC)
        return layer_next(layer, header, LAYER_LLC, 0);
    return protocol == COOKED_ETHERNET ? layer_next(layer, header, LAYER_LINK, DLT_EN10MB)
                                       : layer_next(layer, header, LAYER_ETHERTYPE, protocol);
}

/* | packet type (2) | ARPHRD (2) | address length (2) | address (8) | protocol (2) | ... */
static enum layer_result cooked(struct layer *layer)
{
    enum { HEADER = 16 };

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    return cooked_protocol(layer, HEADER, read_u16(layer->bytes.data + 14));
}

/* | protocol (2) | zero (2) | interface (4) | ARPHRD (2) | packet type (1) | address length (1) |
 * address (8) | ... */
static enum layer_result cooked_v2(struct layer *layer)
{
    enum { HEADER = 20 };

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    return cooked_protocol(layer, HEADER, read_u16(layer->bytes.data));
}

/* | address family of the capturing system (4) | ...
 * In the byte order of that system, big-endian on OpenBSD (DLT_LOOP); families are small numbers,
 * which tells the orders apart. AF_INET is 2 everywhere, AF_INET6 differs. */
static enum layer_result loopback(struct layer *layer)
{
    enum { HEADER = 4 };

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    uint32_t family = read_u32(layer->bytes.data);
    if (family > UINT16_MAX)
        family = (uint32_t)layer->bytes.data[1] << 8 | layer->bytes.data[0];
    switch (family) {
    case 2:  /* AF_INET */
    case 10: /* AF_INET6: Linux */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* macOS */ return layer_next(layer, HEADER, LAYER_IP, 0);
    default: return LAYER_OTHER;
    }
}

/* | address and control (2), or not | protocol (2, or 1 if its first byte is odd) | ... */
static enum layer_result ppp(struct layer *layer)
{
    if (layer->bytes.captured < 1)
        return layer_short(layer, 1);
    if (layer->bytes.data[0] & 1 && layer->bytes.data[0] != PPP_FRAMED >> 8)
        return layer_next(layer, 1, LAYER_PPP, layer->bytes.data[0]);
    if (layer->bytes.captured < 2)
        return layer_short(layer, 2);
    const uint16_t protocol = read_u16(layer->bytes.data);
    return protocol == PPP_FRAMED ? layer_next(layer, 2, LAYER_LINK, DLT_PPP)
                                  : layer_next(layer, 2, LAYER_PPP, protocol);
}

/* Cisco's HDLC: | address (1) | control (1) | ethertype (2) | ...; PPP over serial lines begins
 * with its own address. */
static enum layer_result hdlc(struct layer *layer)
{
    enum { HEADER = 4 };

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    if (read_u16(layer->bytes.data) == PPP_FRAMED)
        return layer_next(layer, 0, LAYER_LINK, DLT_PPP);
    return layer_next(layer, HEADER, LAYER_ETHERTYPE, read_u16(layer->bytes.data + 2));
}

static const struct layer_header link_types[] = {
    {DLT_EN10MB, link_ethernet},
    {DLT_LINUX_SLL, cooked},
    {DLT_LINUX_SLL2, cooked_v2},
    {DLT_RAW, link_ip},
    {DLT_IPV4, link_ip},
    {DLT_IPV6, link_ip},
    {DLT_NULL, loopback},
    {DLT_LOOP, loopback},
    {DLT_PPP, ppp},
    {DLT_PPP_SERIAL, hdlc},
    {DLT_C_HDLC, hdlc},
    {DLT_PPP_ETHER, pppoe},
    {DLT_MPLS, link_mpls},
    {DLT_IEEE802_11, wlan_frame},
    {DLT_IEEE802_11_RADIO, wlan_radiotap},
};

layer_function link_header(unsigned link_type)
{
    return LAYER_FIND(link_types, link_type);
}
