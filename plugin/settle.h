/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first pass: bytes of one direction are cut into control packets, each is decoded and stepped,
 * and records say what came of it.
 *
 * All of it is done before anything is drawn. Drawing calls other dissectors, for payloads, and
 * Wireshark may end it anywhere by an exception, which is a longjmp; neither may cost state.
 */
#ifndef MQTTSCOPE_PLUGIN_SETTLE_H
#define MQTTSCOPE_PLUGIN_SETTLE_H

#include "plugin/conversation.h"
#include "plugin/records.h"

struct mqttscope_settling {
    packet_info *pinfo;
    struct mqttscope_frame *frame;
    struct mqttscope_bytes bytes;
    struct mqttscope_conversation *conversation;
    enum mqttscope_carrier carrier;
    unsigned side;     /* who sent the bytes */
    uint64_t position; /* bytes of this direction before these; valid if the next one is known */
    uint64_t acknowledged; /* bytes of the other direction that the sender has acknowledged;
                              UINT64_MAX: not known */
};

/* Bytes of this conversation. False if there is no memory to follow it, or what this carrier hands
 * over is known not to be MQTT. */
bool mqttscope_settling_begin(struct mqttscope_settling *settling, packet_info *pinfo,
                              conversation_t *base, enum mqttscope_carrier carrier,
                              struct mqttscope_frame *frame, const struct mqttscope_bytes *bytes);

/* Whose bytes these are. */
static inline struct mqttscope_direction *
mqttscope_direction_of(const struct mqttscope_settling *settling)
{
    return &settling->conversation->sides[settling->side];
}

/* What is left when no further control packet can be cut. */
struct mqttscope_rest {
    uint32_t offset; /* where it begins; the reported length if nothing is left */
    uint32_t needed; /* bytes missing for the packet that begins there; 0: not known */
};

/* Cuts and steps all that is there. Stops where it turns out that none of it is MQTT: the
 * conversation says so then, and nothing is left to wait for. */
struct mqttscope_rest mqttscope_settle(const struct mqttscope_settling *settling);

#endif
