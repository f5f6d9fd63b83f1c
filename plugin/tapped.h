/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tap "mqttscope": the control packets of a frame, on every pass, for whoever listens. It is
 * queued once a frame, behind TCP's own.
 */
#ifndef MQTTSCOPE_PLUGIN_TAPPED_H
#define MQTTSCOPE_PLUGIN_TAPPED_H

#include "plugin/conversation.h"

#define MQTTSCOPE_TAP "mqttscope"

/* A control packet, in the order of the frame; what it points to lives as long as the frame is
 * dissected. */
struct mqttscope_tapped {
    const struct mqttscope_tapped *next; /* known when the listeners are called */
    const struct mqttscope_record *record;
    enum mqttscope_carrier carrier;
    const uint8_t *data;
    uint32_t captured; /* bytes at `data` */
    uint32_t length;   /* as sent */
    const address *source;
    const address *destination;
    uint16_t source_port;
    uint16_t destination_port;
};

/* Registers the tap: called once, from the protocol's registration. */
void mqttscope_tap_register(void);

/* The next control packet of this frame, which begins `offset` into the bytes. Costs nothing while
 * nobody listens. */
void mqttscope_tap_packet(packet_info *pinfo, struct mqttscope_frame *frame,
                          const struct mqttscope_bytes *bytes, uint32_t offset,
                          const struct mqttscope_record *record, enum mqttscope_carrier carrier);

#endif
