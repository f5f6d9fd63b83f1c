/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files that draw one control packet: tree.c its bytes, state.c what was worked out.
 */
#ifndef MQTTSCOPE_PLUGIN_PAINTER_H
#define MQTTSCOPE_PLUGIN_PAINTER_H

#include "plugin/tree.h"

/* Spans are at most this deep: packet, block, property, value, part of the value. */
#define DEPTH_MAX 8

/* The line of items from the packet down to the span that is being drawn. */
struct level {
    proto_tree *tree;
    proto_item *item;
    uint16_t field;
};

static inline bool mqttscope_is_property(unsigned field)
{
    return field >= MQTT_FIELD_PROPERTY_PAYLOAD_FORMAT_INDICATOR && field < MQTT_FIELDS;
}

struct painter {
    const struct mqttscope_drawing *drawing;
    struct level levels[DEPTH_MAX];
    proto_tree *audit;      /* where what was worked out belongs; NULL without a tree */
    proto_item *audit_item; /* its line; NULL: it is not seen */
    uint32_t codes;         /* SUBACK, UNSUBACK: how many of its codes are drawn */
    proto_item **items;     /* by span; NULL unless findings have to be attached */
    bool visible;
};

/* Whether a filter or a column looks at this field. 4.4 has another level above DIRECT, for fields
 * that are printed. */
static inline bool mqttscope_asks_for(int field)
{
    return field > 0 && proto_registrar_get_nth((guint)field)->ref_type >= HF_REF_TYPE_DIRECT;
}

/* Whether an item of this field is seen, or looked at. All others are left out: what Wireshark
 * itself does with them is cheap, but there are many. */
static inline bool mqttscope_wants_field(const struct painter *painter, int field)
{
    return painter->visible || mqttscope_asks_for(field);
}

/* Opens the subtree of what was worked out, behind the packet's fields. */
void mqttscope_draw_audit(struct painter *painter);

/* Says which topic filter a code of SUBACK or UNSUBACK is about, the next one with each call. */
void mqttscope_draw_filter(struct painter *painter, proto_tree *tree, proto_item *code);

/* What connection and session say of the packet, below its fields. */
void mqttscope_draw_state(const struct painter *painter);

/* Its findings: expert items where they concern a field, and what the rule says. Works without a
 * tree: then the expert items alone are made. */
void mqttscope_draw_findings(const struct painter *painter);

#endif
