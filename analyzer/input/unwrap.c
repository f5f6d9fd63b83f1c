/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk through the headers of a frame; see unwrap.h. */
#include "analyzer/input/unwrap.h"

#include <stdbool.h>
#include <stdlib.h>

#include "analyzer/input/fragments.h"
#include "analyzer/input/ip.h"
#include "analyzer/input/layer.h"

enum { PROTOCOL_TCP = 6 };

struct unwrap {
    unwrap_function found;
    void *user;
    struct fragments *fragments;
};

/* One frame on its way through. */
struct walk {
    struct unwrap *unwrap;
    int64_t time_ns;
    unsigned depth;
    struct slice after; /* packets beside the one that is looked at */
    uint32_t after_tunnel;
};

struct unwrap *unwrap_new(unwrap_function found, void *user)
{
    struct unwrap *unwrap = calloc(1, sizeof *unwrap);

    if (unwrap == NULL)
        return NULL;
    unwrap->found = found;
    unwrap->user = user;
    unwrap->fragments = fragments_new();
    if (unwrap->fragments == NULL) {
        free(unwrap);
        return NULL;
    }
    return unwrap;
}

void unwrap_free(struct unwrap *unwrap)
{
    if (unwrap == NULL)
        return;
    fragments_free(unwrap->fragments);
    free(unwrap);
}

void unwrap_missing(const struct unwrap *unwrap, uint64_t *pieces, uint64_t *bytes)
{
    fragments_missing(unwrap->fragments, pieces, bytes);
}

static enum unwrap_result of_ip(enum ip_result result)
{
    return result == IP_TRUNCATED ? UNWRAP_CUT : UNWRAP_BROKEN;
}

/* An IP header. UNWRAP_TCP: *packet is a TCP segment's; UNWRAP_OTHER with *goes_on: *layer is what
 * it carries. */
static enum unwrap_result pass_ip(const struct walk *walk, struct layer *layer,
                                  struct ip_packet *packet, bool *goes_on)
{
    struct ip_piece piece;

    *goes_on = false;
    packet->tunnel = layer->tunnel;
    enum ip_result result = ip_decode(layer->bytes, packet, &piece);
    if (result == IP_FRAGMENT) {
        if (!fragments_add(walk->unwrap->fragments, walk->time_ns, &piece, packet))
            return UNWRAP_OTHER;
        result = ip_pass_extensions(packet);
    }
    if (result != IP_OK)
        return of_ip(result);
    if (packet->protocol == PROTOCOL_TCP)
        return UNWRAP_TCP;
    layer->kind = LAYER_IP_PROTOCOL;
    layer->number = packet->protocol;
    layer->bytes = packet->payload;
    *goes_on = true;
    return UNWRAP_OTHER;
}

static enum unwrap_result pass(struct walk *walk, struct layer *layer, struct ip_packet *packet,
                               bool *goes_on)
{
    if (layer->kind == LAYER_IP)
        return pass_ip(walk, layer, packet, goes_on);
    layer->after = (struct slice){0};
    const enum layer_result result = layer_open(layer);
    *goes_on = result == LAYER_OPENED;
    switch (result) {
    case LAYER_OPENED:
        if (layer->after.reported != 0) {
            walk->after = layer->after;
            walk->after_tunnel = layer->tunnel;
        }
        return UNWRAP_OTHER;
    case LAYER_CUT: return UNWRAP_CUT;
    case LAYER_BROKEN: return UNWRAP_BROKEN;
    case LAYER_ENCRYPTED: return UNWRAP_ENCRYPTED;
    case LAYER_OTHER: break;
    }
    return UNWRAP_OTHER;
}

static void follow(struct walk *walk, struct layer layer)
{
    enum unwrap_result result = UNWRAP_OTHER;
    struct ip_packet packet = {0};
    bool goes_on = true;

    while (goes_on) {
        if (walk->depth++ == UNWRAP_DEPTH_MAX) {
            result = UNWRAP_DEEP;
            break;
        }
        result = pass(walk, &layer, &packet, &goes_on);
    }
    walk->unwrap->found(walk->unwrap->user, result, &packet);
}

void unwrap_frame(struct unwrap *unwrap, int link_type, int64_t time_ns, struct slice frame)
{
    struct walk walk = {.unwrap = unwrap, .time_ns = time_ns};

    if (!layer_knows_link(link_type)) {
        unwrap->found(unwrap->user, UNWRAP_UNKNOWN_LINK, NULL);
        return;
    }
    follow(&walk,
           (struct layer){.kind = LAYER_LINK, .number = (unsigned)link_type, .bytes = frame});
    while (walk.after.reported != 0) {
        const struct layer rest = {
            .kind = LAYER_MSDUS, .bytes = walk.after, .tunnel = walk.after_tunnel};
        walk.after = (struct slice){0};
        walk.depth = 0;
        follow(&walk, rest);
    }
}
