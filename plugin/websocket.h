/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MQTT inside WebSocket frames. */
#ifndef MQTTSCOPE_PLUGIN_WEBSOCKET_H
#define MQTTSCOPE_PLUGIN_WEBSOCKET_H

#include "plugin/compat.h"

/* Dissects the payload of one WebSocket data frame. A control packet may begin and end anywhere in
 * it (3.1.1: MQTT-6.0.0-2, 5.0: MQTT-6.0.0-2), so what a frame leaves over waits for the next one.
 */
int mqttscope_dissect_websocket(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree);

#endif
