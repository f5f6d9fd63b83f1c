/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One small function a kind of link header, and a table that says which link type has which.
 * Numbers come from https://www.tcpdump.org/linktypes.html and the IEEE 802 ethertype register.
 */
#define _DEFAULT_SOURCE /* pcap.h uses u_char and the like */

#include "analyzer/input/link.h"

#include <pcap/pcap.h>
#include <stddef.h>

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,         /* 802.1Q */
    ETHERTYPE_SERVICE_VLAN = 0x88a8, /* 802.1ad */
    ETHERTYPE_OLD_VLAN = 0x9100,     /* QinQ before 802.1ad */
};

enum {
    VLAN_TAG_SIZE = 4,
    ETHERNET_HEADER_SIZE = 14,
    LINUX_COOKED_HEADER_SIZE = 16,
    LINUX_COOKED_V2_HEADER_SIZE = 20,
    LOOPBACK_HEADER_SIZE = 4,
};

/* Behind an ethertype stands IP, or a VLAN tag and the next ethertype:
 *
 *     | priority, VLAN identifier (2) | ethertype (2) | …
 *
 * Each tag consumes bytes, so any number of them comes to an end. */
static enum link_result ethertype(uint16_t type, struct slice payload, struct slice *network)
{
    while (type == ETHERTYPE_VLAN || type == ETHERTYPE_SERVICE_VLAN || type == ETHERTYPE_OLD_VLAN) {
        if (payload.captured < VLAN_TAG_SIZE)
            return LINK_TRUNCATED;
        type = read_u16(payload.data + 2);
        payload = slice_skip(payload, VLAN_TAG_SIZE);
    }
    if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
        return LINK_OTHER;
    *network = payload;
    return LINK_IP;
}

/* | destination (6) | source (6) | ethertype, or a length below 0x600 (2) | … */
static enum link_result ethernet(struct slice frame, struct slice *network)
{
    if (frame.captured < ETHERNET_HEADER_SIZE)
        return LINK_TRUNCATED;
    return ethertype(read_u16(frame.data + 12), slice_skip(frame, ETHERNET_HEADER_SIZE), network);
}

/* | packet type (2) | ARPHRD (2) | address length (2) | address (8) | ethertype (2) | … */
static enum link_result linux_cooked(struct slice frame, struct slice *network)
{
    if (frame.captured < LINUX_COOKED_HEADER_SIZE)
        return LINK_TRUNCATED;
    return ethertype(read_u16(frame.data + 14), slice_skip(frame, LINUX_COOKED_HEADER_SIZE),
                     network);
}

/* | ethertype (2) | zero (2) | interface (4) | ARPHRD (2) | packet type (1) | address length (1) |
 * address (8) | … */
static enum link_result linux_cooked_v2(struct slice frame, struct slice *network)
{
    if (frame.captured < LINUX_COOKED_V2_HEADER_SIZE)
        return LINK_TRUNCATED;
    return ethertype(read_u16(frame.data), slice_skip(frame, LINUX_COOKED_V2_HEADER_SIZE), network);
}

/* | address family of the capturing system (4) | …
 * In the byte order of that system, big-endian on OpenBSD (DLT_LOOP); families are small numbers,
 * which tells the orders apart. AF_INET is 2 everywhere, AF_INET6 differs. */
static enum link_result loopback(struct slice frame, struct slice *network)
{
    if (frame.captured < LOOPBACK_HEADER_SIZE)
        return LINK_TRUNCATED;
    uint32_t family = read_u32(frame.data);
    if (family > UINT16_MAX)
        family = (uint32_t)frame.data[1] << 8 | frame.data[0];
    switch (family) {
    case 2:  /* AF_INET */
    case 10: /* AF_INET6: Linux */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* macOS */ *network = slice_skip(frame, LOOPBACK_HEADER_SIZE); return LINK_IP;
    default: return LINK_OTHER;
    }
}

static enum link_result raw_ip(struct slice frame, struct slice *network)
{
    *network = frame;
    return LINK_IP;
}

struct link_type {
    int type;
    enum link_result (*decode)(struct slice frame, struct slice *network);
};

static const struct link_type link_types[] = {
    {DLT_EN10MB, ethernet},
    {DLT_LINUX_SLL, linux_cooked},
    {DLT_LINUX_SLL2, linux_cooked_v2},
    {DLT_NULL, loopback},
    {DLT_LOOP, loopback},
    {DLT_RAW, raw_ip},
    {DLT_IPV4, raw_ip},
    {DLT_IPV6, raw_ip},
};

static const struct link_type *find(int link_type)
{
    for (size_t i = 0; i < sizeof link_types / sizeof link_types[0]; i++)
        if (link_types[i].type == link_type)
            return &link_types[i];
    return NULL;
}

bool link_supported(int link_type)
{
    return find(link_type) != NULL;
}

enum link_result link_decode(int link_type, struct slice frame, struct slice *network)
{
    const struct link_type *type = find(link_type);
    return type != NULL ? type->decode(frame, network) : LINK_OTHER;
}
