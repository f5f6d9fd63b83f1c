/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One header after the other, from a captured frame to an IP packet, and from what an IP packet
 * carries to the next one inside a tunnel: link layers, VLAN tags, MPLS, PPPoE, PPP, GRE, ERSPAN,
 * VXLAN, GENEVE, GTP-U, IP in IP. A header is a row of a table and a small function; unwrap.h walks
 * them.
 */
#ifndef MQTTSCOPE_ANALYZER_LAYER_H
#define MQTTSCOPE_ANALYZER_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp/slice.h"

/* What the bytes of a layer begin with, together with a number of that kind. */
enum layer_kind {
    LAYER_LINK,        /* a link header: DLT_ value of libpcap */
    LAYER_ETHERTYPE,   /* what an ethertype announced */
    LAYER_PPP,         /* what a PPP protocol number announced */
    LAYER_LLC,         /* an LLC header (IEEE 802.2); no number */
    LAYER_MSDUS,       /* the subframes of an A-MSDU (IEEE 802.11); no number */
    LAYER_IP,          /* an IP header, whose first four bits are the version; no number */
    LAYER_IP_PROTOCOL, /* what an IP header announced */
    LAYER_UDP,         /* what is sent to a UDP port */
};

struct layer {
    enum layer_kind kind;
    unsigned number;
    struct slice bytes;
    uint32_t tunnel;    /* of the tunnels passed so far that number their networks; 0: none did */
    struct slice after; /* set by the layer that holds several packets: the rest of those, which is
                         * LAYER_MSDUS; empty: there is no rest */
};

enum layer_result {
    LAYER_OPENED,    /* *layer is what was inside */
    LAYER_OTHER,     /* nothing that leads to IP: ARP, LLDP, an unknown ethertype, ... */
    LAYER_CUT,       /* the capture ends before the header does */
    LAYER_BROKEN,    /* lengths that cannot be */
    LAYER_ENCRYPTED, /* what is inside is encrypted by the link */
};

/* Whether frames of this link type (a DLT_ value) can be read. */
bool layer_knows_link(int link_type);

/* Passes one header. Not for LAYER_IP, which ip.h reads. An unknown number is LAYER_OTHER; *layer
 * is undefined then, as after everything but LAYER_OPENED. */
enum layer_result layer_open(struct layer *layer);

#endif
