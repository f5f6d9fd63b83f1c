/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IP fragments put together (RFC 791, section 3.2; RFC 8200, section 4.5), within bounds: so many
 * packets at a time, each for so long. What came first counts where fragments overlap.
 */
#ifndef MQTTSCOPE_ANALYZER_FRAGMENTS_H
#define MQTTSCOPE_ANALYZER_FRAGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/input/ip.h"

/* Packets that may be incomplete at a time; the oldest gives way. RFC 8200 gives a packet a minute.
 */
#define FRAGMENTS_PACKETS_MAX 256
#define FRAGMENTS_LIFETIME_S 60

struct fragments;

/* NULL without memory. */
struct fragments *fragments_new(void);

/* Adds a piece, which is the payload of `packet`, as ip_decode() fills both. True if it completes
 * its packet: *packet is the whole then, its payload valid until the next call. */
bool fragments_add(struct fragments *fragments, int64_t time_ns, const struct ip_piece *piece,
                   struct ip_packet *packet);

/* Pieces that were given up so far, and those that wait; and the bytes in both. */
void fragments_missing(const struct fragments *fragments, uint64_t *pieces, uint64_t *bytes);

/* NULL is allowed. */
void fragments_free(struct fragments *fragments);

#endif
