/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One call of the dissector: bytes of one direction, drawn as the records of the first pass say.
 *
 * The same on every pass; on the first one the bytes are settled before (settle.h).
 */
#ifndef MQTTSCOPE_PLUGIN_CALL_H
#define MQTTSCOPE_PLUGIN_CALL_H

#include "plugin/conversation.h"
#include "plugin/records.h"

struct mqttscope_call {
    packet_info *pinfo;
    proto_tree *tree;
    tvbuff_t *tvb;
    struct mqttscope_frame *frame;
    struct mqttscope_bytes bytes;
    enum mqttscope_carrier carrier;
    bool first_pass;
    bool details;    /* spans are wanted */
    bool quiet;      /* drawing was given up: the rest is walked over */
    uint32_t offset; /* where drawing stands */
    bool waits;      /* what begins there is not complete: more has to be asked for */
    uint32_t needed; /* so many bytes; 0: not known */
};

/* Fills `call` for these bytes, which this carrier hands over. */
void mqttscope_call_begin(struct mqttscope_call *call, tvbuff_t *tvb, packet_info *pinfo,
                          proto_tree *tree, enum mqttscope_carrier carrier);

/* Draws what the records say of the bytes, up to those that wait for more. An exception ends the
 * drawing and is shown, but does not leave this: the transport goes on. False if the first pass did
 * not see the bytes (Wireshark found out later whose they are): they are as foreign now as then. */
bool mqttscope_call_draw(struct mqttscope_call *call);

#endif
