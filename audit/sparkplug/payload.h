/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Payloads of Sparkplug B: protobuf, as payload.proto has it, from strangers. */
#ifndef MQTTSCOPE_AUDIT_SPARKPLUG_PAYLOAD_H
#define MQTTSCOPE_AUDIT_SPARKPLUG_PAYLOAD_H

#include <stdbool.h>

#include "mqtt/wire/packet.h"
#include <payload.pb-c.h> /* made of payload.proto */

/* Memory that reading one payload may take. Metrics are larger in memory than on the wire: a
 * payload of 256 KiB with metrics as devices have them takes a part of this. */
#define SPARKPLUG_MEMORY_MAX ((size_t)16 * 1024 * 1024)

enum sparkplug_reading {
    SPARKPLUG_READ,
    SPARKPLUG_MALFORMED,
    SPARKPLUG_UNREAD, /* it is compressed, or takes too much memory: nothing is said of it */
};

/* Reads a payload that is there as a whole. With READ, *payload is to be freed. */
enum sparkplug_reading sparkplug_payload_read(struct mqtt_slice bytes,
                                              Sparkplug__Payload **payload);
void sparkplug_payload_free(Sparkplug__Payload *payload);

/* The first metric of this name; NULL: there is none. */
const Sparkplug__Metric *sparkplug_metric(const Sparkplug__Payload *payload, const char *name);

/* The value of a metric that is a whole number; false: it has none. */
bool sparkplug_number(const Sparkplug__Metric *metric, uint64_t *value);

#endif
