/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See broker.h. */
#include "mqtt/state/broker.h"

/* The row for this port of the endpoint's address; NULL: none. */
static const struct mqtt_broker_endpoint *
row_of(const struct mqtt_brokers *brokers, const struct mqtt_endpoint *endpoint, uint16_t port)
{
    struct mqtt_endpoint wanted = *endpoint;
    wanted.port = port;
    for (size_t i = 0; i < brokers->count; i++)
        if (mqtt_endpoint_equal(&brokers->endpoints[i].endpoint, &wanted))
            return &brokers->endpoints[i];
    return NULL;
}

const struct mqtt_endpoint *mqtt_broker_of(const struct mqtt_brokers *brokers,
                                           const struct mqtt_endpoint *endpoint)
{
    const struct mqtt_broker_endpoint *row = row_of(brokers, endpoint, endpoint->port);
    if (row == NULL)
        row = row_of(brokers, endpoint, 0);
    if (row == NULL)
        return NULL;
    for (size_t i = 0; i < brokers->count; i++)
        if (brokers->endpoints[i].broker == row->broker)
            return &brokers->endpoints[i].endpoint;
    return NULL;
}
