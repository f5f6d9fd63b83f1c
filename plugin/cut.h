/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cuts a buffer of one direction into control packets and has each decoded, stepped and drawn. */
#ifndef MQTTSCOPE_PLUGIN_CUT_H
#define MQTTSCOPE_PLUGIN_CUT_H

#include "plugin/conversation.h"

/* What a buffer is told by on every pass. Wireshark's TCP may hand over the same packet inside of
 * another buffer later, but its sequence number stays. Without one, the buffer's length has to do,
 * and the order within the frame. */
struct mqttscope_place {
    uint32_t buffer; /* length, or 0: sequence numbers tell */
    uint32_t start;  /* sequence number of the buffer's first byte, or 0 */
};

/* One call of the dissector. */
struct mqttscope_call {
    packet_info *pinfo;
    proto_tree *tree;
    tvbuff_t *tvb;
    const uint8_t *data; /* the captured bytes of tvb */
    uint32_t captured;
    uint32_t reported;
    struct mqttscope_frame *frame;
    struct mqttscope_place place;
    bool first_pass;
    bool details;  /* spans are wanted */
    bool can_wait; /* bytes that are not enough may be given back to the caller */
    unsigned side;
    struct mqttscope_conversation *conversation; /* first pass only */
};

/* Fills `call` for this buffer. */
void mqttscope_call_begin(struct mqttscope_call *call, tvbuff_t *tvb, packet_info *pinfo,
                          proto_tree *tree);

/* Adds `text` to what the Info column says of the frame. */
void mqttscope_say(struct mqttscope_call *call, const char *text);

/* First pass: adds a record for what lies at `offset`. */
struct mqttscope_record *mqttscope_record(struct mqttscope_call *call,
                                          enum mqttscope_record_kind kind, uint32_t offset);

/* Later: that record, or NULL. */
struct mqttscope_record *mqttscope_recall(struct mqttscope_call *call,
                                          enum mqttscope_record_kind kind, uint32_t offset);

/* What is left when no further control packet can be cut from the buffer. */
struct mqttscope_rest {
    uint32_t offset; /* where it begins; the buffer's reported length if nothing is left */
    uint32_t needed; /* bytes missing for the packet that begins there; 0: not known */
};

/* Cuts from `offset` on. */
struct mqttscope_rest mqttscope_cut(struct mqttscope_call *call, uint32_t offset);

#endif
