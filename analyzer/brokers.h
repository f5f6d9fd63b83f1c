/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --broker: which endpoints are one broker. */
#ifndef MQTTSCOPE_ANALYZER_BROKERS_H
#define MQTTSCOPE_ANALYZER_BROKERS_H

#include <glib.h>

#include "mqtt/state/broker.h"

/* Adds the endpoints of one broker to `endpoints` (of struct mqtt_broker_endpoint): "ADDR[:PORT]",
 * or "[ADDR]:PORT" for IPv6, separated by commas; without a port, all ports of the address. Returns
 * NULL, or what is wrong with the text: a new string. */
char *brokers_parse(GArray *endpoints, const char *text);

#endif
