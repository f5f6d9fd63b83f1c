/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cuts a buffer of one direction into control packets and has each decoded, stepped and drawn. */
#ifndef MQTTSCOPE_PLUGIN_CUT_H
#define MQTTSCOPE_PLUGIN_CUT_H

#include "plugin/conversation.h"

/* One call of the dissector. */
struct mqttscope_call {
    packet_info *pinfo;
    proto_tree *tree;
    tvbuff_t *tvb;
    const uint8_t *data; /* the captured bytes of tvb */
    uint32_t captured;
    uint32_t reported;
    struct mqttscope_frame *frame;
    bool first_pass;
    bool details;  /* spans are wanted */
    bool can_wait; /* bytes that are not enough may be given back to the caller */
    unsigned side;
    struct mqttscope_conversation *conversation; /* first pass only */
};

/* Fills `call` for this buffer. */
void mqttscope_call_begin(struct mqttscope_call *call, tvbuff_t *tvb, packet_info *pinfo,
                          proto_tree *tree);

/* What is left when no further control packet can be cut from the buffer. */
struct mqttscope_rest {
    uint32_t offset; /* where it begins; the buffer's reported length if nothing is left */
    uint32_t needed; /* bytes missing for the packet that begins there; 0: not known */
};

/* Cuts from `offset` on. */
struct mqttscope_rest mqttscope_cut(struct mqttscope_call *call, uint32_t offset);

#endif
