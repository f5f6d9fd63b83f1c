/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tunnels over IP. Where a tunnel numbers its networks, the number becomes part of who talks to
 * whom: two networks may have the same addresses. Not of GTP-U, whose identifiers are of one
 * direction each, nor of ERSPAN, whose sessions are of whoever mirrors.
 */
#define _DEFAULT_SOURCE /* pcap.h uses u_char and the like */

#include "analyzer/input/layer_headers.h"

#include <pcap/pcap.h>

enum {
    PROTOCOL_IP_IN_IP = 4,
    PROTOCOL_UDP = 17,
    PROTOCOL_IPV6 = 41,
    PROTOCOL_GRE = 47,
    PROTOCOL_AUTHENTICATION = 51,
    PROTOCOL_ETHERNET = 143,
    PROTOCOL_MPLS = 137,
    PORT_GTP_U = 2152,
    PORT_VXLAN = 4789,
    PORT_VXLAN_GPE = 4790,
    PORT_GENEVE = 6081,
    PORT_VXLAN_LINUX = 8472, /* before there was a port for it */
    ETHERTYPE_ERSPAN = 0x88be,
    ETHERTYPE_ERSPAN_3 = 0x22eb,
    ETHERTYPE_PPP = 0x880b,
    NUMBER_SEQUENCE_SEEN = 1U << 31, /* beside ERSPAN's ethertype: GRE has a sequence number */
};

/* Never 0, which stands for no tunnel. Kinds keep equal numbers of different tunnels apart. */
static void enter(struct layer *layer, uint32_t kind, uint32_t number)
{
    uint32_t mixed = layer->tunnel * UINT32_C(0x9e3779b1) + number * UINT32_C(0x85ebca6b) + kind;

    mixed ^= mixed >> 15;
    layer->tunnel = mixed != 0 ? mixed : 1;
}

/* ---- Over IP ---- */

/* RFC 4302: | next header (1) | length in 4 bytes, less 2 (1) | ... */
static enum layer_result authentication(struct layer *layer)
{
    if (layer->bytes.captured < 2)
        return layer_short(layer, 2);
    return layer_next(layer, (layer->bytes.data[1] + 2U) * 4, LAYER_IP_PROTOCOL,
                      layer->bytes.data[0]);
}

/* RFC 2784, 2890 and, in version 1, 2637:
 * | flags, version (2) | ethertype (2) | checksum (4) | key (4) | sequence (4) | acknowledges (4)
 * |, each of the last four if its flag is set. */
static enum layer_result gre(struct layer *layer)
{
    enum {
        HEADER = 4,
        CHECKSUM = 0x8000,
        ROUTING = 0x4000, /* RFC 1701, long gone */
        KEY = 0x2000,
        SEQUENCE = 0x1000,
        ACKNOWLEDGES = 0x0080,
        VERSION = 0x0007,
        VERSION_PPTP = 1,
    };
    uint32_t length = HEADER;

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    const uint16_t flags = read_u16(layer->bytes.data);
    const uint16_t type = read_u16(layer->bytes.data + 2);
    if (flags & ROUTING || (flags & VERSION) > VERSION_PPTP)
        return LAYER_OTHER;
    if (flags & CHECKSUM)
        length += 4;
    if (flags & KEY) {
        if (layer->bytes.captured < length + 4)
            return layer_short(layer, length + 4);
        if ((flags & VERSION) == 0) /* of PPTP: a length and a call of one direction */
            enter(layer, PROTOCOL_GRE, read_u32(layer->bytes.data + length));
        length += 4;
    }
    if (flags & SEQUENCE)
        length += 4;
    if ((flags & VERSION) == VERSION_PPTP && flags & ACKNOWLEDGES)
        length += 4;
    const unsigned numbered =
        flags & SEQUENCE && type == ETHERTYPE_ERSPAN ? NUMBER_SEQUENCE_SEEN : 0;
    return layer_next(layer, length, LAYER_ETHERTYPE, type | numbered);
}

/* | source port (2) | destination port (2) | length (2) | checksum (2) | ...
 * The port that a tunnel listens at tells what it is; from there both ends send to it. */
static enum layer_result udp(struct layer *layer)
{
    enum { HEADER = 8 };

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    const uint32_t length = read_u16(layer->bytes.data + 4);
    const uint16_t port = read_u16(layer->bytes.data + 2);
    if (length >= HEADER)
        layer->bytes = slice_limit(layer->bytes, length);
    return layer_next(layer, HEADER, LAYER_UDP, port);
}

static const struct layer_header protocols[] = {
    {PROTOCOL_UDP, udp},
    {PROTOCOL_IP_IN_IP, link_ip},
    {PROTOCOL_IPV6, link_ip},
    {PROTOCOL_GRE, gre},
    {PROTOCOL_AUTHENTICATION, authentication},
    {PROTOCOL_ETHERNET, link_ethernet},
    {PROTOCOL_MPLS, link_mpls},
};

layer_function tunnel_protocol(unsigned protocol)
{
    return LAYER_FIND(protocols, protocol);
}

/* ---- Over GRE: what a switch mirrors ---- */

/* The second version has GRE's sequence number, and 8 bytes before the Ethernet frame. */
static enum layer_result erspan_2(struct layer *layer)
{
    enum { HEADER = 8 };

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    return layer_next(layer, HEADER, LAYER_LINK, DLT_EN10MB);
}

/* | ... (10) | ..., frame type (5 bits of 16), ..., a subheader follows (the last bit) (2) | */
static enum layer_result erspan_3(struct layer *layer)
{
    enum { HEADER = 12, SUBHEADER = 8, FRAME_TYPE = 0x7c, FRAME_IP = 2 << 2 };

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    const uint32_t length = HEADER + (layer->bytes.data[HEADER - 1] & 1 ? SUBHEADER : 0);
    if ((layer->bytes.data[HEADER - 2] & FRAME_TYPE) == FRAME_IP)
        return layer_next(layer, length, LAYER_IP, 0);
    return layer_next(layer, length, LAYER_LINK, DLT_EN10MB);
}

static const struct layer_header ethertypes[] = {
    {ETHERTYPE_ERSPAN | NUMBER_SEQUENCE_SEEN, erspan_2},
    {ETHERTYPE_ERSPAN, link_ethernet},
    {ETHERTYPE_ERSPAN_3, erspan_3},
};

layer_function tunnel_ethertype(unsigned ethertype)
{
    return LAYER_FIND(ethertypes, ethertype);
}

/* ---- Over UDP ---- */

/* RFC 7348: | flags (1) | (3) | network identifier (3) | (1) | an Ethernet frame */
static enum layer_result vxlan(struct layer *layer)
{
    enum { HEADER = 8, IDENTIFIER_VALID = 0x08 };

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    if ((layer->bytes.data[0] & IDENTIFIER_VALID) == 0)
        return LAYER_OTHER;
    enter(layer, PORT_VXLAN, read_u32(layer->bytes.data + 4) >> 8);
    return layer_next(layer, HEADER, LAYER_LINK, DLT_EN10MB);
}

/* draft-ietf-nvo3-vxlan-gpe: as VXLAN, with the next protocol in the fourth byte. */
static enum layer_result vxlan_gpe(struct layer *layer)
{
    enum { HEADER = 8, NEXT_IS_TOLD = 0x04, IPV4 = 1, IPV6 = 2, ETHERNET = 3 };

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    const bool told = layer->bytes.data[0] & NEXT_IS_TOLD;
    const uint8_t protocol = layer->bytes.data[3];
    enter(layer, PORT_VXLAN, read_u32(layer->bytes.data + 4) >> 8);
    if (!told || protocol == ETHERNET)
        return layer_next(layer, HEADER, LAYER_LINK, DLT_EN10MB);
    return protocol == IPV4 || protocol == IPV6 ? layer_next(layer, HEADER, LAYER_IP, 0)
                                                : LAYER_OTHER;
}

/* RFC 8926: | version (2 bits), options in 4 bytes (6) | (1) | ethertype (2) | network identifier
 * (3) | (1) | options | ... */
static enum layer_result geneve(struct layer *layer)
{
    enum { HEADER = 8, OPTIONS = 0x3f };

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    if (layer->bytes.data[0] >> 6 != 0)
        return LAYER_OTHER;
    enter(layer, PORT_GENEVE, read_u32(layer->bytes.data + 4) >> 8);
    return layer_next(layer, HEADER + (layer->bytes.data[0] & OPTIONS) * 4U, LAYER_ETHERTYPE,
                      read_u16(layer->bytes.data + 2));
}

/* 3GPP TS 29.281, 5.1 and 5.2.1: | flags (1) | type (1) | length (2) | tunnel endpoint (4) |, and
 * with any of three flags | sequence (2) | (1) | next extension (1) |; an extension begins with its
 * length in 4 bytes and ends with the type of the next. */
static enum layer_result gtp_u(struct layer *layer)
{
    enum {
        HEADER = 8,
        OPTIONAL = 4,
        VERSION_AND_KIND = 0xf0,
        VERSION_1_GTP = 0x30,
        EXTENSION = 0x04,
        ANY_OPTION = 0x07,
        G_PDU = 255,
    };
    uint32_t length = HEADER;

    if (layer->bytes.captured < HEADER)
        return layer_short(layer, HEADER);
    const uint8_t flags = layer->bytes.data[0];
    if ((flags & VERSION_AND_KIND) != VERSION_1_GTP || layer->bytes.data[1] != G_PDU)
        return LAYER_OTHER;
    if (flags & ANY_OPTION) {
        length += OPTIONAL;
        if (layer->bytes.captured < length)
            return layer_short(layer, length);
        uint8_t next = flags & EXTENSION ? layer->bytes.data[length - 1] : 0;
        while (next != 0) {
            if (layer->bytes.captured <= length)
                return layer_short(layer, length + 1);
            const uint32_t extension = layer->bytes.data[length] * 4U;
            if (extension == 0)
                return LAYER_BROKEN;
            length += extension;
            if (layer->bytes.captured < length)
                return layer_short(layer, length);
            next = layer->bytes.data[length - 1];
        }
    }
    /* What it carries it does not say: also Ethernet, or what is no packet at all. */
    if (layer->bytes.captured > length) {
        const unsigned version = layer->bytes.data[length] >> 4;
        if (version != 4 && version != 6)
            return LAYER_OTHER;
    }
    return layer_next(layer, length, LAYER_IP, 0);
}

static const struct layer_header ports[] = {
    {PORT_VXLAN, vxlan},       {PORT_GENEVE, geneve},       {PORT_GTP_U, gtp_u},
    {PORT_VXLAN_LINUX, vxlan}, {PORT_VXLAN_GPE, vxlan_gpe},
};

layer_function tunnel_udp(unsigned port)
{
    return LAYER_FIND(ports, port);
}
