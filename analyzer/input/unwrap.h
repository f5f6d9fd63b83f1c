/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a captured frame to the TCP segments in it: through the link layer, tunnels in tunnels, and
 * IP fragments.
 */
#ifndef MQTTSCOPE_ANALYZER_UNWRAP_H
#define MQTTSCOPE_ANALYZER_UNWRAP_H

#include <stdint.h>

#include "tcp/packet.h"

/* Headers of a frame: a frame of more leads nowhere that anybody would want to go. */
#define UNWRAP_DEPTH_MAX 48

enum unwrap_result {
    UNWRAP_TCP,       /* a packet whose payload is a TCP segment */
    UNWRAP_OTHER,     /* something that leads to no TCP, or a fragment that waits for others */
    UNWRAP_CUT,       /* the capture ends before the headers do */
    UNWRAP_BROKEN,    /* headers that cannot be */
    UNWRAP_ENCRYPTED, /* encrypted by the link layer */
    UNWRAP_DEEP,      /* more headers than UNWRAP_DEPTH_MAX */
    UNWRAP_UNKNOWN_LINK,
};

/* Hears what became of a frame, several times where it has several packets in it. `packet` is valid
 * during the call, with UNWRAP_TCP only. */
typedef void (*unwrap_function)(void *user, enum unwrap_result result,
                                const struct ip_packet *packet);

struct unwrap;

/* NULL without memory. */
struct unwrap *unwrap_new(unwrap_function found, void *user);

/* Unwraps a frame of a link type (a DLT_ value of libpcap), captured at `time_ns`. */
void unwrap_frame(struct unwrap *unwrap, int link_type, int64_t time_ns, struct slice frame);

/* IP fragments that never became a packet, and those that still wait; and the bytes in them. */
void unwrap_missing(const struct unwrap *unwrap, uint64_t *pieces, uint64_t *bytes);

/* NULL is allowed. */
void unwrap_free(struct unwrap *unwrap);

#endif
