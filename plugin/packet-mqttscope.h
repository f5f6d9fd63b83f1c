/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dissector's two registration steps, called by Wireshark in this order. */
#ifndef MQTTSCOPE_PLUGIN_PACKET_H
#define MQTTSCOPE_PLUGIN_PACKET_H

void proto_register_mqttscope(void);
void proto_reg_handoff_mqttscope(void);

#endif
