/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this dissector owes to Wireshark's own: its preferences, which the menu on the line of a
 * control packet offers, count here too, and so do the names of its remarks, which filters ask for.
 */
#ifndef MQTTSCOPE_PLUGIN_BUILTIN_H
#define MQTTSCOPE_PLUGIN_BUILTIN_H

#include "plugin/painter.h"

/* Looks the built-in's preferences and fields up: called once, when all are registered. */
void mqttscope_builtin_handoff(void);

/* Its preference "Default Version": that of connections without a CONNECT. MQTT_VERSION_UNKNOWN:
 * none is set. */
enum mqtt_version mqttscope_builtin_version(void);

/* Its preference "Show Message as text". */
bool mqttscope_builtin_shows_text(void);

/* Adds its field "Message decoded as", over the payload at `offset`; nothing without a tree. */
void mqttscope_draw_builtin_decoded_as(proto_tree *tree, tvbuff_t *tvb, uint32_t offset,
                                       const char *dissector);

/* Adds its remarks on this packet, hidden, where a filter or a column asks for them: findings and
 * the tree say the same in other words. */
void mqttscope_draw_builtin_remarks(const struct painter *painter);

#endif
