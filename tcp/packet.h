/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet of the network layer, as far as TCP needs to know it: whoever reads captures makes them.
 */
#ifndef MQTTSCOPE_TCP_PACKET_H
#define MQTTSCOPE_TCP_PACKET_H

#include <stdint.h>

#include "tcp/slice.h"

struct ip_address {
    uint8_t
        bytes[16]; /* IPv6: all of them; IPv4: the first four, the rest zero; in network order */
};

struct ip_packet {
    uint8_t version;  /* 4 or 6 */
    uint8_t protocol; /* of the payload, behind any IPv6 extension headers: 6 is TCP */
    uint32_t tunnel;  /* of the network that a tunnel carries; 0: none. The same addresses are
                         somebody else in another one */
    struct ip_address source;
    struct ip_address destination;
    struct slice payload; /* without padding of the link layer; captured < reported where the
                             capture cut it */
};

#endif
