/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From spans and records to items of the protocol tree; see tree.h. */
#include "plugin/tree.h"

#include "plugin/builtin.h"
#include "plugin/painter.h"
#include "plugin/payload.h"
#include "plugin/summary.h"

bool mqttscope_wants_fields_of(int protocol, proto_tree *tree)
{
    return tree != NULL && (PTREE_DATA(tree)->visible ||
                            proto_registrar_get_nth((guint)protocol)->ref_type != HF_REF_TYPE_NONE);
}

bool mqttscope_wants_details(proto_tree *tree)
{
    return mqttscope_wants_fields_of(proto_mqttscope, tree) ||
           (mqttscope_builtin_protocol > 0 &&
            mqttscope_wants_fields_of(mqttscope_builtin_protocol, tree));
}

/* ---- One item a span ---- */

static const char *name_of(const struct mqtt_field_info *info, uint32_t number)
{
    for (const struct mqtt_value *v = info->values; v != NULL && v->name != NULL; v++)
        if (v->value == number)
            return v->name;
    return NULL;
}

/* A field that 5.0 calls by another name. */
static int field_id(const struct painter *painter, unsigned field)
{
    if (field == MQTT_FIELD_CLEAN_START && painter->drawing->packet->version < MQTT_VERSION_5_0)
        return hf_made[MADE_CLEAN_SESSION];
    return hf_wire[field];
}

static proto_item *draw_number(proto_tree *tree, int hf, tvbuff_t *tvb,
                               const struct mqtt_span *span, int start)
{
    proto_item *item = proto_tree_add_uint(tree, hf, tvb, start, (int)span->length, span->value);

    if (span->field == MQTT_FIELD_PROPERTY_SESSION_EXPIRY_INTERVAL && span->value == UINT32_MAX)
        proto_item_append_text(item, " (for ever)");
    return item;
}

static proto_item *draw_span(const struct painter *painter, proto_tree *tree,
                             const struct mqtt_span *span)
{
    const struct mqtt_field_info *info = mqtt_field_info((enum mqtt_field)span->field);
    tvbuff_t *tvb = painter->drawing->tvb;
    const int hf = field_id(painter, span->field);
    const int start = (int)(painter->drawing->offset + span->offset);
    const int length = (int)span->length;

    if (!mqttscope_wants_field(painter, hf))
        return NULL;
    /* Bit fields show where they stand in their byte, which add_item alone does. Other numbers come
     * from the span: those of variable length can't be read by Wireshark. */
    switch (info->kind) {
    case MQTT_KIND_UINT8:
    case MQTT_KIND_UINT16:
    case MQTT_KIND_UINT32:
        if (info->mask != 0)
            break;
        return draw_number(tree, hf, tvb, span, start);
    case MQTT_KIND_UINT64: return proto_tree_add_uint64(tree, hf, tvb, start, length, span->value);
    case MQTT_KIND_STRING: return proto_tree_add_item(tree, hf, tvb, start, length, ENC_UTF_8);
    case MQTT_KIND_UINT_STRING: /* the two bytes before it are its length, a span of its own */
        return proto_tree_add_string(tree, hf, tvb, start - 2, length + 2,
                                     (const char *)tvb_get_string_enc(painter->drawing->pinfo->pool,
                                                                      tvb, start, length,
                                                                      ENC_UTF_8));
    default: break;
    }
    return proto_tree_add_item(tree, hf, tvb, start, length, ENC_BIG_ENDIAN);
}

/* Wireshark's own dissector has most properties under one of two names. */
static void draw_general_property(const struct painter *painter, proto_tree *tree,
                                  const struct mqtt_span *span)
{
    tvbuff_t *tvb = painter->drawing->tvb;
    const int start = (int)(painter->drawing->offset + span->offset);

    switch (mqtt_field_info((enum mqtt_field)span->field)->kind) {
    case MQTT_KIND_UINT8:
    case MQTT_KIND_UINT16:
    case MQTT_KIND_UINT32:
        if (mqttscope_wants_field(painter, hf_made[MADE_PROP_NUMBER]))
            proto_item_set_hidden(proto_tree_add_uint(tree, hf_made[MADE_PROP_NUMBER], tvb, start,
                                                      (int)span->length, span->value));
        break;
    case MQTT_KIND_STRING:
    case MQTT_KIND_BYTES:
        if (mqttscope_wants_field(painter, hf_made[MADE_PROP_STRING]))
            proto_item_set_hidden(proto_tree_add_item(tree, hf_made[MADE_PROP_STRING], tvb, start,
                                                      (int)span->length, ENC_UTF_8));
        break;
    default: break;
    }
}

static bool is_payload(unsigned field)
{
    return field == MQTT_FIELD_PAYLOAD || field == MQTT_FIELD_WILL_PAYLOAD;
}

/* Where the preference of Wireshark's own dissector asks for text, it stands in place of the bytes,
 * whatever they are; else beside them, where they are text. */
static void draw_payload_text(const struct painter *painter, proto_tree *tree,
                              const struct mqtt_span *span, int field)
{
    const struct mqttscope_drawing *drawing = painter->drawing;

    if (!mqttscope_wants_field(painter, field))
        return;
    if (mqttscope_builtin_shows_text())
        proto_tree_add_item(tree, field, drawing->tvb, (int)(drawing->offset + span->offset),
                            (int)span->length, ENC_UTF_8);
    else
        mqttscope_draw_text(tree, field, drawing->tvb, drawing->offset + span->offset,
                            span->length);
}

/* Further items for the same bytes. */
static void draw_other_names(const struct painter *painter, proto_tree *tree,
                             const struct mqtt_span *span)
{
    switch (span->field) {
    case MQTT_FIELD_PAYLOAD:
        draw_payload_text(painter, tree, span, hf_made[MADE_PAYLOAD_TEXT]);
        break;
    case MQTT_FIELD_WILL_PAYLOAD:
        draw_payload_text(painter, tree, span, hf_made[MADE_WILL_TEXT]);
        break;
    case MQTT_FIELD_PROPERTY_MAXIMUM_QOS:
    case MQTT_FIELD_PROPERTY_TOPIC_ALIAS: break; /* these have names of their own there too */
    default:
        if (mqttscope_is_property(span->field))
            draw_general_property(painter, tree, span);
    }
}

/* ---- What the line above says of its parts ---- */

/* "User Name Flag" is "User Name" where it is set. */
static void append_flag(proto_item *parent, const char *name)
{
    size_t length = strlen(name);

    if (length > 5 && g_ascii_strcasecmp(name + length - 5, " flag") == 0)
        length -= 5;
    proto_item_append_text(parent, ", %.*s", (int)length, name);
}

/* A byte of bit fields lists those that are set. */
static void describe_bits(const struct painter *painter, proto_item *parent,
                          const struct mqtt_span *span)
{
    const struct mqtt_field_info *info = mqtt_field_info((enum mqtt_field)span->field);
    const char *name = proto_registrar_get_nth((guint)field_id(painter, span->field))->name;

    if (span->field == MQTT_FIELD_PACKET_TYPE)
        proto_item_append_text(parent, ", %s", mqtt_packet_type_name(span->value));
    else if (span->value == 0 || span->field == MQTT_FIELD_RESERVED_FLAGS)
        return;
    else if (info->kind == MQTT_KIND_BOOLEAN)
        append_flag(parent, name);
    else
        proto_item_append_text(parent, ", %s %u", name, span->value);
}

static const char *text_of(const struct mqttscope_drawing *drawing, const struct mqtt_span *span)
{
    return (const char *)tvb_format_text(drawing->pinfo->pool, drawing->tvb,
                                         (int)(drawing->offset + span->offset), (int)span->length);
}

/* The line above the properties names them. Before the first, their length stands. */
static void name_property(proto_item *properties, const struct mqtt_span *span)
{
    const char *name = name_of(mqtt_field_info(MQTT_FIELD_PROPERTY_IDENTIFIER), span->value);
    const bool first = span[-2].field == MQTT_FIELD_PROPERTY_LENGTH;

    if (name != NULL)
        proto_item_append_text(properties, "%s%s", first ? ": " : ", ", name);
}

static void describe_in_parent(const struct painter *painter, const struct mqtt_span *span)
{
    const struct level *parent = &painter->levels[span->depth - 1];

    if (span->depth < 2)
        return;
    if (mqtt_field_info((enum mqtt_field)span->field)->mask != 0)
        describe_bits(painter, parent->item, span);
    else if (span->field == MQTT_FIELD_PROPERTY_IDENTIFIER)
        name_property(parent->item, span);
    else if (span->field == MQTT_FIELD_PROPERTY_KEY)
        proto_item_append_text(parent->item, " %s", text_of(painter->drawing, span));
    else if (span->field == MQTT_FIELD_PROPERTY_VALUE)
        proto_item_append_text(parent->item, " = %s", text_of(painter->drawing, span));
}

/* Properties follow each other in one tree, as in Wireshark's own dissector: scripts take them from
 * there. So what holds the parts of one together is no line of its own. */
static bool holds_parts(unsigned field)
{
    return field == MQTT_FIELD_PROPERTY || field == MQTT_FIELD_PROPERTY_USER_PROPERTY;
}

static void draw_holder(struct painter *painter, const struct mqtt_span *span)
{
    const struct mqttscope_drawing *drawing = painter->drawing;
    const struct level *parent = &painter->levels[span->depth - 1];
    const int field = hf_wire[span->field];

    if (mqttscope_asks_for(field))
        proto_item_set_hidden(proto_tree_add_item(parent->tree, field, drawing->tvb,
                                                  (int)(drawing->offset + span->offset),
                                                  (int)span->length, ENC_NA));
    painter->levels[span->depth] = *parent;
}

/* A length that the item of the next span has in it. */
static bool is_length_within(const struct mqtt_trace *trace, uint32_t number)
{
    return trace->spans[number].field == MQTT_FIELD_PROPERTY_TEXT_LENGTH &&
           number + 1 < trace->count &&
           mqtt_field_info((enum mqtt_field)trace->spans[number + 1].field)->kind ==
               MQTT_KIND_UINT_STRING;
}

static bool answers_filter(unsigned field)
{
    return field == MQTT_FIELD_GRANTED_QOS || field == MQTT_FIELD_SUBACK_REASON ||
           field == MQTT_FIELD_UNSUBACK_REASON;
}

static void draw_spans(struct painter *painter)
{
    const struct mqttscope_drawing *drawing = painter->drawing;
    const struct mqtt_trace *trace = drawing->trace;

    for (uint32_t i = 0; i < trace->count; i++) {
        const struct mqtt_span *span = &trace->spans[i];
        if (span->depth == 0 || span->depth >= DEPTH_MAX || is_length_within(trace, i))
            continue;
        if (holds_parts(span->field)) {
            draw_holder(painter, span);
            continue;
        }
        proto_tree *tree = painter->levels[span->depth - 1].tree;
        proto_item *item = draw_span(painter, tree, span);
        draw_other_names(painter, tree, span);
        if (answers_filter(span->field))
            mqttscope_draw_filter(painter, tree, item);
        if (item != NULL && is_payload(span->field) && mqttscope_builtin_shows_text())
            proto_item_set_hidden(item);
        if (painter->items != NULL)
            painter->items[i] = item;
        if (painter->visible)
            describe_in_parent(painter, span);
        if (i + 1 < trace->count && trace->spans[i + 1].depth > span->depth)
            painter->levels[span->depth] = (struct level){
                item != NULL ? proto_item_add_subtree(item, ett_mqttscope[SUBTREE_FIELD]) : tree,
                item, span->field};
    }
}

/* An empty payload, which clears what is retained, has no span: `mqtt.msg == ""` finds it. */
static void draw_empty_payload(const struct painter *painter)
{
    const struct mqttscope_drawing *drawing = painter->drawing;
    const struct mqtt_publish *publish = &drawing->packet->publish;
    const int field = hf_wire[MQTT_FIELD_PAYLOAD];

    if (drawing->packet->type == MQTT_PUBLISH && drawing->outcome == MQTT_OK &&
        publish->payload_length == 0 && mqttscope_wants_field(painter, field))
        proto_tree_add_item(painter->levels[0].tree, field, drawing->tvb,
                            (int)(drawing->offset + publish->payload_offset), 0, ENC_NA);
}

/* ---- The whole ---- */

static uint32_t shown_length(const struct mqttscope_drawing *drawing)
{
    const uint32_t there = tvb_captured_length(drawing->tvb) - drawing->offset;

    return MIN(drawing->packet->captured, there);
}

/* The protocol's line carries the name of Wireshark's own dissector, so that the filter "mqtt" and
 * scripts that read the layer "mqtt" of JSON and PDML find what they always found. Ours is there
 * where a filter asks for it. */
static proto_item *add_protocol(proto_tree *tree, tvbuff_t *tvb, int start, int length)
{
    const int shown = mqttscope_builtin_protocol > 0 ? mqttscope_builtin_protocol : proto_mqttscope;
    proto_item *item = proto_tree_add_item(tree, shown, tvb, start, length, ENC_NA);

    if (shown != proto_mqttscope && mqttscope_asks_for(proto_mqttscope))
        proto_item_set_hidden(
            proto_tree_add_item(proto_item_add_subtree(item, ett_mqttscope[SUBTREE_PACKET]),
                                proto_mqttscope, tvb, start, length, ENC_NA));
    return item;
}

static void draw_head(struct painter *painter)
{
    const struct mqttscope_drawing *drawing = painter->drawing;
    proto_item *item =
        add_protocol(drawing->tree, drawing->tvb, (int)drawing->offset, (int)shown_length(drawing));

    painter->levels[0] = (struct level){proto_item_add_subtree(item, ett_mqttscope[SUBTREE_PACKET]),
                                        item, MQTT_FIELDS};
    if (painter->visible)
        proto_item_set_text(item, "MQ Telemetry Transport, %s",
                            mqttscope_packet_line(drawing->pinfo->pool, drawing->outcome,
                                                  drawing->packet, drawing->record));
}

static void draw_cut(const struct painter *painter)
{
    const struct mqttscope_drawing *drawing = painter->drawing;
    const struct mqtt_packet *packet = drawing->packet;

    if (drawing->outcome != MQTT_TRUNCATED)
        return;
    expert_add_info_format(drawing->pinfo, painter->levels[0].item, &ei_remark[REMARK_CUT],
                           "%u of the control packet's %u bytes are here", packet->captured,
                           packet->length);
}

static void draw_too_long(const struct painter *painter)
{
    const struct mqtt_trace *trace = painter->drawing->trace;

    if (trace->needed > trace->count)
        expert_add_info_format(painter->drawing->pinfo, painter->levels[0].item,
                               &ei_remark[REMARK_TOO_LONG], "%u more fields are not drawn",
                               trace->needed - trace->count);
}

proto_tree *mqttscope_draw_packet(const struct mqttscope_drawing *drawing)
{
    struct painter painter = {
        .drawing = drawing,
        .visible = drawing->tree != NULL && PTREE_DATA(drawing->tree)->visible,
    };
    const struct mqttscope_record *record = drawing->record;

    if (drawing->tree != NULL)
        draw_head(&painter);
    if (mqttscope_wants_details(drawing->tree)) {
        if (record->findings != NULL)
            painter.items =
                wmem_alloc0_array(drawing->pinfo->pool, proto_item *, drawing->trace->count + 1);
        draw_spans(&painter);
        draw_empty_payload(&painter);
        draw_too_long(&painter);
        mqttscope_draw_builtin_remarks(&painter);
    }
    mqttscope_draw_audit(&painter);
    mqttscope_draw_findings(&painter);
    draw_cut(&painter);
    if (mqttscope_wants_details(drawing->tree))
        mqttscope_draw_state(&painter);
    return painter.levels[0].tree;
}

proto_tree *mqttscope_draw_bytes(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb,
                                 uint32_t offset, uint32_t length, enum made_field field,
                                 enum remark remark)
{
    const uint32_t captured = tvb_captured_length(tvb);
    const uint32_t start = MIN(offset, captured);
    const uint32_t there = MIN(length, captured - start);
    proto_item *item = add_protocol(tree, tvb, (int)start, (int)there);
    proto_tree *packet_tree = proto_item_add_subtree(item, ett_mqttscope[SUBTREE_PACKET]);

    if (tree != NULL) {
        proto_item_set_text(item, "MQ Telemetry Transport, %s (%u byte%s)",
                            proto_registrar_get_nth((guint)hf_made[field])->name, length,
                            plurality(length, "", "s"));
        proto_tree_add_item(packet_tree, hf_made[field], tvb, (int)start, (int)there, ENC_NA);
    }
    if (remark != REMARKS)
        expert_add_info(pinfo, item, &ei_remark[remark]);
    return packet_tree;
}
