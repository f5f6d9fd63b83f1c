/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is inside a PUBLISH, or a will. */
#ifndef MQTTSCOPE_PLUGIN_PAYLOAD_H
#define MQTTSCOPE_PLUGIN_PAYLOAD_H

#include "plugin/tree.h"
#include "plugin/unpack.h"

/* Finds the dissectors that payloads go to: called once, after all are registered. */
void mqttscope_payload_handoff(void);

/* Whether these bytes are printable UTF-8, and at least one. */
bool mqttscope_is_text(const uint8_t *data, size_t length);

/* Adds `field` over these bytes if they are printable UTF-8. */
void mqttscope_draw_text(proto_tree *tree, int field, tvbuff_t *tvb, uint32_t offset,
                         uint32_t length);

/* Whether payloads of such a packet are offered to other dissectors on every pass, with a tree and
 * without: those may keep something, and taps may count them. */
bool mqttscope_payload_is_wanted(unsigned packet_type);

/* What is in a compressed payload, as bytes of their own that the frame has besides; *payload
 * becomes these. NULL: it can't be unpacked, and a remark at `packet_tree` says why. */
tvbuff_t *mqttscope_payload_unpack(const struct mqttscope_drawing *drawing, proto_tree *packet_tree,
                                   enum mqttscope_packing packing, struct mqtt_slice *payload);

/* Offers the payload of a whole PUBLISH, or of the will in a whole CONNECT, to the dissector that
 * its Content Type names, to those that know its topic, or to that of its form. `packet_tree` is
 * what mqttscope_draw_packet() returned. */
void mqttscope_dissect_payload(const struct mqttscope_drawing *drawing, proto_tree *packet_tree);

#endif
