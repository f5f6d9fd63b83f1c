/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sparkplug B: its messages with the names of their metrics, also where aliases stand for these. */
#ifndef MQTTSCOPE_PLUGIN_SPARKPLUG_H
#define MQTTSCOPE_PLUGIN_SPARKPLUG_H

#include "plugin/tree.h"

/* A payload that is there as a whole, and what it belongs to. */
struct mqttscope_sparkplug {
    const struct mqttscope_drawing *drawing;
    proto_tree *packet_tree; /* of the control packet; NULL: none */
    struct mqtt_slice topic; /* the topic name, UTF-8 */
    struct mqtt_slice payload;
    tvbuff_t *tvb; /* the payload */
};

/* Of a topic of Sparkplug's: learns what a birth says, on the first pass, and draws the message. */
void mqttscope_sparkplug_dissect(const struct mqttscope_sparkplug *message);

/* The names of data types, by number. */
extern const value_string mqttscope_sparkplug_datatypes[];

#endif
