/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files with header functions share: link.c, wlan.c, tunnel.c. Private to analyzer/input/.
 */
#ifndef MQTTSCOPE_ANALYZER_LAYER_HEADERS_H
#define MQTTSCOPE_ANALYZER_LAYER_HEADERS_H

#include <stddef.h>

#include "analyzer/input/layer.h"

typedef enum layer_result (*layer_function)(struct layer *layer);

/* A table has the usual first: it is searched from there, for each packet. */
struct layer_header {
    unsigned number;
    layer_function open;
};

#define LAYER_FIND(table, number) layer_find(table, sizeof(table) / sizeof(table)[0], number)

static inline layer_function layer_find(const struct layer_header *table, size_t count,
                                        unsigned number)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].number == number)
            return table[i].open;
    return NULL;
}

/* Goes on `length` bytes further, with what is announced there. */
static inline enum layer_result layer_next(struct layer *layer, uint32_t length,
                                           enum layer_kind kind, unsigned number)
{
    layer->bytes = slice_skip(layer->bytes, length);
    layer->kind = kind;
    layer->number = number;
    return LAYER_OPENED;
}

/* Fewer bytes than a header has: does the capture lack them, or the packet? */
static inline enum layer_result layer_short(const struct layer *layer, uint32_t length)
{
    return layer->bytes.reported < length ? LAYER_BROKEN : LAYER_CUT;
}

layer_function link_header(unsigned link_type);      /* link.c, wlan.c */
layer_function link_ethertype(unsigned ethertype);   /* link.c */
layer_function link_ppp(unsigned protocol);          /* link.c */
layer_function tunnel_protocol(unsigned protocol);   /* tunnel.c: of IP */
layer_function tunnel_udp(unsigned port);            /* tunnel.c */
layer_function tunnel_ethertype(unsigned ethertype); /* tunnel.c: ERSPAN, in GRE alone */

enum layer_result link_ip(struct layer *layer);       /* what follows is IP, */
enum layer_result link_ethernet(struct layer *layer); /* an Ethernet header, */
enum layer_result link_llc(struct layer *layer);
enum layer_result link_mpls(struct layer *layer);
enum layer_result wlan_frame(struct layer *layer);
enum layer_result wlan_radiotap(struct layer *layer);
enum layer_result wlan_msdus(struct layer *layer);

#endif
