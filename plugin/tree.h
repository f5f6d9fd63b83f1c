/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Draws control packets, and what is none, into the protocol tree. */
#ifndef MQTTSCOPE_PLUGIN_TREE_H
#define MQTTSCOPE_PLUGIN_TREE_H

#include "mqtt/wire/decode.h"
#include "plugin/records.h"
#include "plugin/register.h"

struct mqttscope_drawing {
    packet_info *pinfo;
    proto_tree *tree; /* the frame's; NULL: only expert items are wanted */
    tvbuff_t *tvb;
    uint32_t offset; /* of the packet in tvb */
    enum mqtt_outcome outcome;
    const struct mqtt_packet *packet;
    const struct mqtt_trace *trace; /* valid if details are wanted */
    const struct mqttscope_record *record;
};

/* Whether fields below the protocol line are seen, or asked for by a filter. If not, decoding needs
 * no trace. */
bool mqttscope_wants_details(proto_tree *tree);

/* The same for any protocol. */
bool mqttscope_wants_fields_of(int protocol, proto_tree *tree);

/* Draws the packet; returns its subtree (NULL without one). */
proto_tree *mqttscope_draw_packet(const struct mqttscope_drawing *drawing);

/* Draws `length` bytes that are not decoded as `field`; `remark` REMARKS: none. Returns the item's
 * subtree. */
proto_tree *mqttscope_draw_bytes(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb,
                                 uint32_t offset, uint32_t length, enum made_field field,
                                 enum remark remark);

/* Draws a header of the PROXY protocol. Returns a line about it, of the packet's scope. */
const char *mqttscope_draw_proxy(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb,
                                 uint32_t offset, uint32_t length);

#endif
