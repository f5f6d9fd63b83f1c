/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which endpoints are one broker. Client identifiers and sessions are a broker's, and a broker may
 * have several listeners and addresses (TCP and WebSocket, IPv4 and IPv6). A capture does not say
 * so; whoever reads it can.
 */
#ifndef MQTT_BROKER_H
#define MQTT_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One end of a connection on the network. Bytes that the address does not need are zero. */
struct mqtt_endpoint {
    uint8_t address[16];
    uint16_t port;
    uint8_t family; /* 4, 6, or a number of the caller's own for another kind of address */
};

static inline bool mqtt_endpoint_equal(const struct mqtt_endpoint *a, const struct mqtt_endpoint *b)
{
    bool same = a->port == b->port && a->family == b->family;
    for (unsigned i = 0; same && i < sizeof a->address; i++)
        same = a->address[i] == b->address[i];
    return same;
}

/* One endpoint of a broker that was declared. */
struct mqtt_broker_endpoint {
    struct mqtt_endpoint endpoint; /* port 0: all ports of the address that no other row names */
    uint32_t broker;               /* the same number for all endpoints of one broker */
};

/* All that were declared, in the order of declaration. A short list: it is searched from end to
 * end, once a CONNECT. */
struct mqtt_brokers {
    const struct mqtt_broker_endpoint *endpoints;
    size_t count;
};

/* The endpoint that stands for the broker behind `endpoint`: the one of its broker that was
 * declared first; or NULL if it was not declared, and stands for itself. */
const struct mqtt_endpoint *mqtt_broker_of(const struct mqtt_brokers *brokers,
                                           const struct mqtt_endpoint *endpoint);

#endif
