/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which table has a header; see layer.h. */
#include "analyzer/input/layer.h"

#include "analyzer/input/layer_headers.h"

static layer_function find(const struct layer *layer)
{
    switch (layer->kind) {
    case LAYER_LINK: return link_header(layer->number);
    case LAYER_ETHERTYPE: return link_ethertype(layer->number);
    case LAYER_PPP: return link_ppp(layer->number);
    case LAYER_LLC: return link_llc;
    case LAYER_MSDUS: return wlan_msdus;
    case LAYER_IP: break;
    case LAYER_IP_PROTOCOL: return tunnel_protocol(layer->number);
    case LAYER_UDP: return tunnel_udp(layer->number);
    }
    return NULL;
}

bool layer_knows_link(int link_type)
{
    return link_type >= 0 && link_header((unsigned)link_type) != NULL;
}

enum layer_result layer_open(struct layer *layer)
{
    const layer_function open = find(layer);

    return open != NULL ? open(layer) : LAYER_OTHER;
}
