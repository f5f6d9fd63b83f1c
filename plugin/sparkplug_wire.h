/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Payloads of Sparkplug B as fields with their places: protobuf, in the messages of Sparkplug 3.0,
 * section 6.4. The audit reads them with protobuf-c, which does not tell where a field stands.
 */
#ifndef MQTTSCOPE_PLUGIN_SPARKPLUG_WIRE_H
#define MQTTSCOPE_PLUGIN_SPARKPLUG_WIRE_H

#include <stdbool.h>

#include "mqtt/wire/packet.h"

/* Numbers of fields. */
enum sparkplug_payload_field {
    PAYLOAD_TIMESTAMP = 1,
    PAYLOAD_METRIC,
    PAYLOAD_SEQ,
    PAYLOAD_UUID,
    PAYLOAD_BODY,
};

enum sparkplug_metric_field {
    METRIC_NAME = 1,
    METRIC_ALIAS,
    METRIC_TIMESTAMP,
    METRIC_DATATYPE,
    METRIC_IS_HISTORICAL,
    METRIC_IS_TRANSIENT,
    METRIC_IS_NULL,
    METRIC_METADATA,
    METRIC_PROPERTIES,
    METRIC_INT_VALUE, /* from here on one of them */
    METRIC_LONG_VALUE,
    METRIC_FLOAT_VALUE,
    METRIC_DOUBLE_VALUE,
    METRIC_BOOLEAN_VALUE,
    METRIC_STRING_VALUE,
    METRIC_BYTES_VALUE,
    METRIC_DATASET_VALUE,
    METRIC_TEMPLATE_VALUE,
    METRIC_EXTENSION_VALUE,
    METRIC_FIELDS,
};

/* A field, wherever it stands. */
struct sparkplug_field {
    uint32_t number;         /* 0: none */
    uint64_t value;          /* of numbers: as it stands, whatever they mean */
    struct mqtt_slice bytes; /* of strings and messages: what is in them; else the number's bytes */
    const uint8_t *start;    /* its first byte */
    uint32_t length;         /* of the whole field */
};

/* Reads the field at the beginning of *rest and moves *rest behind it. False at the end, and where
 * it can't be read, which leaves something in *rest. */
bool sparkplug_field_next(struct mqtt_slice *rest, struct sparkplug_field *field);

/* A metric by the numbers of its fields, those of a kind that does not belong there left out; of a
 * field that comes again the last one counts. */
struct sparkplug_metric {
    struct sparkplug_field fields[METRIC_FIELDS];
    const struct sparkplug_field *value; /* one of them, or NULL */
    bool is_broken;                      /* it ends where no field ends */
};

void sparkplug_metric_read(struct mqtt_slice bytes, struct sparkplug_metric *metric);

static inline bool sparkplug_has(const struct sparkplug_metric *metric, unsigned number)
{
    return metric->fields[number].number != 0;
}

#endif
