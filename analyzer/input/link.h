/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The link layer: from a captured frame to the IP packet in it.
 */
#ifndef MQTTSCOPE_ANALYZER_LINK_H
#define MQTTSCOPE_ANALYZER_LINK_H

#include <stdbool.h>

#include "tcp/slice.h"

enum link_result {
    LINK_IP,    /* *network starts at an IP header; its first nibble says which version */
    LINK_OTHER, /* something else than IP: ARP, LLDP, an 802.3 length, an unknown ethertype, … */
    LINK_TRUNCATED, /* the capture ends before the link header does: nobody can say what it was */
};

/* Whether frames of this link type (a DLT_ value of libpcap) can be read. */
bool link_supported(int link_type);

/* Finds the network layer of `frame`. `network` is written with LINK_IP only, and may end with
 * padding of the link layer, which the IP layer cuts off. An unsupported link type is LINK_OTHER.
 */
enum link_result link_decode(int link_type, struct slice frame, struct slice *network);

#endif
