/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deliveries: which publication became which delivery, publisher to broker to subscriber, across
 * connections; and what of it breaks the specification.
 *
 *     audit_deliveries_new
 *       audit_delivery_opened                        once a connection
 *         audit_delivery_step                        after each mqtt_connection_step()
 *       audit_delivery_over                          when the transport is seen to end
 *       audit_delivery_closed                        before mqtt_connection_close()
 *     audit_deliveries_end                           nothing follows
 *
 * It sees what both sides of a broker showed, and no more: a publisher may be connected where the
 * capture does not look. So one rule stands above all others: where the capture leaves room for an
 * innocent explanation, it is counted, its reason is named, and nothing is said.
 *
 * A publication is expected at a session if it has a sure, matching subscription: granted by a
 * SUBACK in a frame before. A delivery goes to the earliest publication on its topic with its
 * payload that the session was not served with yet, in the order of its publisher. n equal
 * publications owe n deliveries.
 *
 * Memory has a bound (see struct audit_delivery_options); what gives way to it is counted, and
 * nothing is said of what it touches.
 */
#ifndef MQTTSCOPE_AUDIT_DELIVERY_H
#define MQTTSCOPE_AUDIT_DELIVERY_H

#include "audit/event.h"
#include "audit/histogram.h"

struct audit_deliveries;
struct audit_delivery_link; /* one connection */

/* A finding about a delivery. All of it is valid during the call. */
struct audit_delivery_finding {
    struct mqtt_finding what;
    struct audit_delivery_link *link;    /* whose connection it is; NULL: it is closed */
    struct mqtt_slice client_identifier; /* of the subscriber, or of the will's owner */
    struct mqtt_endpoint server;         /* stands for the broker */
    int64_t stream;                      /* of the last connection; -1: not known */
    struct mqtt_slice topic;
};

struct audit_delivery_options {
    const struct mqtt_brokers *brokers; /* which endpoints are one broker; lives as long; may be
                                           NULL */
    uint64_t seed;                      /* strangers choose topics and payloads: at random */
    uint64_t memory;                    /* bytes at the most; 0 stands for 128 MB */
    uint32_t publications;              /* that are remembered at a time; 0 stands for 65,536 */
    void (*found)(void *user, const struct audit_delivery_finding *finding);
    void (*counted)(void *user, const struct audit_delivery_row *row);
    void (*limit)(void *user, enum audit_limit_kind kind, uint64_t count);
    /* At the end, where the listeners at two ports of one address look like one broker: so many
     * deliveries by the one are of what was published at the other, first in that frame. */
    void (*shared)(void *user, const struct mqtt_endpoint ends[2], uint64_t count, uint64_t frame);
    void *user;
};

/* `options` are copied. */
struct audit_deliveries *audit_deliveries_new(const struct audit_delivery_options *options);

/* NULL is allowed. Links must have been closed. */
void audit_deliveries_free(struct audit_deliveries *deliveries);

/* `owner` is the caller's own, for audit_delivery_owner(); `stream` is Wireshark's tcp.stream, or
 * -1. Both the connection and the owner live until the link is closed. */
struct audit_delivery_link *audit_delivery_opened(struct audit_deliveries *deliveries, void *owner,
                                                  const struct mqtt_connection *connection,
                                                  int64_t stream);
void *audit_delivery_owner(const struct audit_delivery_link *link);

/* Takes in what a step showed. For a PUBLISH, `match` says what it was; its `known` is false for
 * all other packets. */
void audit_delivery_step(struct audit_deliveries *deliveries, struct audit_delivery_link *link,
                         const struct mqtt_place *place, const struct mqtt_packet *packet,
                         const struct mqtt_step *step, struct audit_match *match);

/* The client takes nothing in for now: what is for it waits, or is dropped. */
void audit_delivery_shut(struct audit_delivery_link *link, int64_t time);

/* The transport is seen to end; what was under way may still come. */
void audit_delivery_over(struct audit_deliveries *deliveries, struct audit_delivery_link *link,
                         const struct mqtt_place *place);

/* The connection ends, or the capture does. `link` is gone afterwards. */
void audit_delivery_closed(struct audit_deliveries *deliveries, struct audit_delivery_link *link,
                           const struct mqtt_place *place, enum mqtt_close how);

/* Counts anew: of what came before, only what is due by now is counted, as due. */
void audit_deliveries_count_anew(struct audit_deliveries *deliveries);

/* The capture ended at `time`: judges what was held back, and hands over all rows. */
void audit_deliveries_end(struct audit_deliveries *deliveries, int64_t time);

#endif
