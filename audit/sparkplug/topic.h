/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Topic names of Sparkplug B: spBv1.0/GROUP/TYPE/NODE[/DEVICE], and spBv1.0/STATE/HOST. */
#ifndef MQTTSCOPE_AUDIT_SPARKPLUG_TOPIC_H
#define MQTTSCOPE_AUDIT_SPARKPLUG_TOPIC_H

#include <stdbool.h>
#include <string.h>

#include "mqtt/wire/packet.h"

enum sparkplug_type {
    SPARKPLUG_NBIRTH,
    SPARKPLUG_NDEATH,
    SPARKPLUG_NDATA,
    SPARKPLUG_NCMD,
    SPARKPLUG_DBIRTH, /* from here on with a device */
    SPARKPLUG_DDEATH,
    SPARKPLUG_DDATA,
    SPARKPLUG_DCMD,
    SPARKPLUG_STATE,
};

struct sparkplug_topic {
    enum sparkplug_type type;
    struct mqtt_slice group;
    struct mqtt_slice node; /* STATE: the host */
    struct mqtt_slice device;
};

#define SPARKPLUG_NAMESPACE "spBv1.0/"

/* Whether a topic name is Sparkplug's at all. */
static inline bool sparkplug_is(struct mqtt_slice topic)
{
    const size_t length = sizeof SPARKPLUG_NAMESPACE - 1;
    return topic.length > length && memcmp(topic.data, SPARKPLUG_NAMESPACE, length) == 0;
}

/* Takes such a name apart; the parts point into it. False if it is none of the forms above. */
bool sparkplug_topic_parse(struct mqtt_slice name, struct sparkplug_topic *topic);

#endif
