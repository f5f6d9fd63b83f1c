/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network layer: IPv4 (RFC 791) and IPv6 (RFC 8200) with its extension headers.
 */
#ifndef MQTTSCOPE_ANALYZER_IP_H
#define MQTTSCOPE_ANALYZER_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp/packet.h"

enum ip_result {
    IP_OK,
    IP_FRAGMENT,  /* a piece of a larger packet: *packet is filled, `payload` is the piece, and
                   *piece  says which one */
    IP_TRUNCATED, /* the capture ends before the headers do */
    IP_MALFORMED, /* lengths or versions that cannot be, or no end of extension headers */
};

/* Which piece of a packet a fragment is. */
struct ip_piece {
    uint32_t identification; /* the same for all pieces of a packet */
    uint32_t offset;         /* bytes of the packet's payload before this piece */
    bool more;               /* it is not the last one */
};

/* Decodes one packet. `packet` is wholly written with IP_OK and IP_FRAGMENT only, but for `tunnel`,
 * which is left as it is; its payload points into the bytes of `network`. `piece` is written with
 * IP_FRAGMENT only. An IPv4 Total Length or IPv6 Payload Length of zero, which captures of
 * offloaded segments hold, means "to the end of the frame". */
enum ip_result ip_decode(struct slice network, struct ip_packet *packet, struct ip_piece *piece);

/* Of a packet that was put together from fragments: passes the extension headers that its payload
 * begins with, if it is IPv6. IP_OK, or what is wrong with them. */
enum ip_result ip_pass_extensions(struct ip_packet *packet);

/* The longest text of an address, with its end. */
#define IP_ADDRESS_TEXT_SIZE 46

/* Writes an address as Wireshark does (192.0.2.1, 2001:db8::1). Returns `text`. */
const char *ip_address_text(uint8_t version, const struct ip_address *address,
                            char text[static IP_ADDRESS_TEXT_SIZE]);

#endif
