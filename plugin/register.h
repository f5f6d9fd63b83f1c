/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the plugin has registered with Wireshark: fields, expert items, subtrees, preferences. */
#ifndef MQTTSCOPE_PLUGIN_REGISTER_H
#define MQTTSCOPE_PLUGIN_REGISTER_H

#include "mqtt/facts/tables.h"
#include "plugin/compat.h"

enum made_field {
#define MADE(id, ...) MADE_##id,
#include "plugin/made.def"
#undef MADE
    MADE_FIELDS,
};

/* Remarks on the capture, as opposed to findings on what was sent. */
enum remark {
    REMARK_CUT,          /* the snap length cut the packet short */
    REMARK_GAP,          /* bytes before this are not in the capture */
    REMARK_OUT_OF_ORDER, /* a segment came late, and Wireshark was not told to put it in order */
    REMARK_DROPPED,      /* more findings than are kept */
    REMARK_TOO_LONG,     /* more fields than are drawn */
    REMARK_PACKED,       /* a payload that can't be unpacked */
    REMARKS,
};

enum subtree {
    SUBTREE_PACKET,
    SUBTREE_FIELD,
    SUBTREE_STATE,
    SUBTREE_SPARKPLUG,
    SUBTREE_AUDIT, /* what was worked out about a packet */
    SUBTREES,
};

struct mqttscope_preferences {
    ws_boolean hand_back;    /* Wireshark's own dissector gets what we would take */
    ws_boolean payload_json; /* JSON in payloads gets a tree of its own */
    ws_boolean payload_heuristics;
    ws_boolean payload_sparkplug;
    ws_boolean payload_unpack;
    ws_boolean payload_content_type; /* MQTT 5: what the sender says that it is */
};

extern int proto_mqttscope;
extern int mqttscope_builtin_protocol; /* Wireshark's own "mqtt"; -1 if it has none */
extern int hf_wire[MQTT_FIELDS];
extern int hf_made[MADE_FIELDS];
extern expert_field ei_rule[MQTT_RULES];
extern expert_field ei_remark[REMARKS];
extern int ett_mqttscope[SUBTREES];
extern struct mqttscope_preferences mqttscope_preferences;

/* Fields whose number counts seconds. */
bool mqttscope_is_in_seconds(unsigned field);

/* Registers all of the above: called once, from the protocol's registration. */
void mqttscope_register_fields(void);

#endif
