/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tools of Wireshark's menus, each of them in tshark as -z or --export-objects too. They listen
 * to the tap "mqttscope" (tapped.h), so on every pass, and cost nothing while nobody asks for them.
 * Private to plugin/.
 */
#ifndef MQTTSCOPE_PLUGIN_TOOLS_TOOLS_H
#define MQTTSCOPE_PLUGIN_TOOLS_TOOLS_H

#include "mqtt/facts/tables.h"
#include "mqtt/wire/decode.h"
#include "plugin/compat.h"
#include "plugin/tapped.h"

/* Registers the tools that listen to the tap: called once, from the protocol's registration. */
void mqttscope_tools_register(void);

/* The tools, each called once by the function above. */
void mqttscope_trees_register(void);          /* -z mqttscope_packets,tree and its family */
void mqttscope_response_times_register(void); /* -z mqttscope,srt */
void mqttscope_flow_register(void);           /* -z flow,mqttscope,standard */
void mqttscope_follow_register(void);         /* -z follow,mqttscope,... */
void mqttscope_client_filter_register(void);  /* menu Conversation Filter */

/* --export-objects mqtt,DIR. Returns the number of its tap, which brings what "mqttscope" does. */
int mqttscope_export_register(void);

/* -z credentials, whose tap has this number: tells its listeners of a CONNECT. */
void mqttscope_credentials_packet(int tap, packet_info *pinfo,
                                  const struct mqttscope_tapped *tapped);

/* A control packet, decoded as it was on the first pass. Valid during the call. */
struct mqttscope_told {
    const struct mqttscope_tapped *tapped;
    const struct mqttscope_record *record;
    const struct mqtt_packet *packet; /* its members are valid as the outcome says */
    enum mqtt_outcome outcome;
    uint32_t ordinal;   /* which control packet of the frame it is, from 0 on */
    const char *topic;  /* PUBLISH: resolved, escaped; NULL: none, or not known */
    const char *client; /* client identifier, escaped; NULL: not known */
};

/* Calls `tell` for each control packet that the tap brings as `data`. */
void mqttscope_for_each(const void *data, packet_info *pinfo,
                        void (*tell)(void *user, packet_info *pinfo,
                                     const struct mqttscope_told *seen),
                        void *user);

#endif
