/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 and IPv6, from the network layer of a frame to the payload of the packet.
 *
 * A length field may only shorten what the frame holds (Ethernet pads short frames). One that
 * claims more than the frame had on the wire is not believed.
 */
#define _DEFAULT_SOURCE /* inet_ntop() */

#include "analyzer/input/ip.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

enum {
    IPV4_HEADER_SIZE = 20,
    IPV4_MORE_FRAGMENTS = 0x2000,
    IPV4_FRAGMENT_OFFSET = 0x1fff,
    IPV6_HEADER_SIZE = 40,
    IPV6_FRAGMENT_HEADER_SIZE = 8,
    IPV6_MORE_FRAGMENTS = 0x0001,
    IPV6_FRAGMENT_OFFSET = 0xfff8,
};

/* RFC 8200 has at most seven, each once; more than this is an attack on whoever walks them. */
#define IPV6_MAX_EXTENSION_HEADERS 16

enum {
    NEXT_HOP_BY_HOP = 0,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_AUTHENTICATION = 51,
    NEXT_DESTINATION_OPTIONS = 60,
    NEXT_MOBILITY = 135,
};

/* Too few bytes for a header: the capture's fault, or the packet's? */
static enum ip_result too_short(struct slice bytes)
{
    return bytes.captured < bytes.reported ? IP_TRUNCATED : IP_MALFORMED;
}

/* RFC 791, section 3.1:
 *
 *     | version, header length (1) | (1) | total length (2) | (2) | flags, fragment offset (2) |
 *     | (1) | protocol (1) | (2) | source (4) | destination (4) | options | payload
 */
static enum ip_result ipv4(struct slice network, struct ip_packet *packet, struct ip_piece *piece)
{
    if (network.captured < IPV4_HEADER_SIZE)
        return too_short(network);
    const uint8_t *header = network.data;
    uint32_t header_length = (header[0] & 0x0fu) * 4;
    uint32_t total_length = read_u16(header + 2);
    if (total_length == 0)
        total_length = network.reported;
    if (header_length < IPV4_HEADER_SIZE || total_length < header_length ||
        network.reported < header_length)
        return IP_MALFORMED;

    packet->version = 4;
    packet->protocol = header[9];
    memset(&packet->source, 0, sizeof packet->source);
    memset(&packet->destination, 0, sizeof packet->destination);
    memcpy(packet->source.bytes, header + 12, 4);
    memcpy(packet->destination.bytes, header + 16, 4);
    packet->payload = slice_skip(slice_limit(network, total_length), header_length);
    const uint16_t fragment = read_u16(header + 6);
    if ((fragment & (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET)) == 0)
        return IP_OK;
    piece->identification = read_u16(header + 4);
    piece->offset = (fragment & IPV4_FRAGMENT_OFFSET) * 8U;
    piece->more = (fragment & IPV4_MORE_FRAGMENTS) != 0;
    return IP_FRAGMENT;
}

/* The length of an extension header that starts with | next header (1) | length (1) |, or 0 where
 * the header is none of those. */
static uint32_t extension_length(uint8_t type, uint8_t length)
{
    switch (type) {
    case NEXT_HOP_BY_HOP:
    case NEXT_ROUTING:
    case NEXT_DESTINATION_OPTIONS:
    case NEXT_MOBILITY:
        return (length + 1u) * 8; /* RFC 8200, section 4: in units of 8 octets, without the first */
    case NEXT_AUTHENTICATION: return (length + 2u) * 4; /* RFC 4302, section 2.2 */
    case NEXT_FRAGMENT: return IPV6_FRAGMENT_HEADER_SIZE;
    default: return 0;
    }
}

/* Walks the extension headers that `payload` starts with. */
static enum ip_result ipv6_extensions(struct ip_packet *packet, struct ip_piece *piece)
{
    enum ip_result result = IP_OK;
    for (int count = 0; count <= IPV6_MAX_EXTENSION_HEADERS; count++) {
        struct slice rest = packet->payload;
        if (extension_length(packet->protocol, 0) == 0)
            return result;
        if (rest.captured < IPV6_FRAGMENT_HEADER_SIZE) /* no extension header is shorter */
            return too_short(rest);
        uint32_t length = extension_length(packet->protocol, rest.data[1]);
        if (length > rest.reported)
            return IP_MALFORMED;
        /* The first piece of a packet shows the headers behind this one, later ones do not. */
        if (packet->protocol == NEXT_FRAGMENT &&
            read_u16(rest.data + 2) & (IPV6_FRAGMENT_OFFSET | IPV6_MORE_FRAGMENTS)) {
            packet->protocol = rest.data[0];
            packet->payload = slice_skip(rest, length);
            piece->identification = read_u32(rest.data + 4);
            piece->offset = read_u16(rest.data + 2) & IPV6_FRAGMENT_OFFSET;
            piece->more = (read_u16(rest.data + 2) & IPV6_MORE_FRAGMENTS) != 0;
            return IP_FRAGMENT;
        }
        packet->protocol = rest.data[0];
        packet->payload = slice_skip(rest, length);
    }
    return IP_MALFORMED;
}

/* RFC 8200, section 3:
 *
 *     | version, class, flow label (4) | payload length (2) | next header (1) | hop limit (1) |
 *     | source (16) | destination (16) | extension headers | payload
 */
static enum ip_result ipv6(struct slice network, struct ip_packet *packet, struct ip_piece *piece)
{
    if (network.captured < IPV6_HEADER_SIZE)
        return too_short(network);
    const uint8_t *header = network.data;
    uint32_t payload_length = read_u16(header + 4);
    packet->version = 6;
    packet->protocol = header[6];
    memcpy(packet->source.bytes, header + 8, 16);
    memcpy(packet->destination.bytes, header + 24, 16);
    packet->payload = slice_skip(network, IPV6_HEADER_SIZE);
    if (payload_length != 0)
        packet->payload = slice_limit(packet->payload, payload_length);
    return ipv6_extensions(packet, piece);
}

enum ip_result ip_decode(struct slice network, struct ip_packet *packet, struct ip_piece *piece)
{
    if (network.captured == 0)
        return too_short(network);
    switch (network.data[0] >> 4) {
    case 4: return ipv4(network, packet, piece);
    case 6: return ipv6(network, packet, piece);
    default: return IP_MALFORMED;
    }
}

enum ip_result ip_pass_extensions(struct ip_packet *packet)
{
    struct ip_piece piece;

    if (packet->version != 6)
        return IP_OK;
    /* Fragments of fragments are not put together: RFC 8200 has one Fragment header at the most. */
    const enum ip_result result = ipv6_extensions(packet, &piece);
    return result == IP_FRAGMENT ? IP_MALFORMED : result;
}

const char *ip_address_text(uint8_t version, const struct ip_address *address,
                            char text[static IP_ADDRESS_TEXT_SIZE])
{
    if (inet_ntop(version == 4 ? AF_INET : AF_INET6, address->bytes, text, IP_ADDRESS_TEXT_SIZE) ==
        NULL)
        text[0] = '\0'; /* cannot be: both families and the size are right */
    return text;
}
