/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From spans and records to items of the protocol tree; see tree.h. */
#include "plugin/tree.h"

#include "plugin/payload.h"
#include "plugin/summary.h"

#define NANOSECONDS 1000000000

/* Spans are at most this deep: packet, block, property, value, part of the value. */
#define DEPTH_MAX 8

#define FIRST_PROPERTY_FIELD MQTT_FIELD_PROPERTY_PAYLOAD_FORMAT_INDICATOR

/* The line of items from the packet down to the span that is being drawn. */
struct level {
    proto_tree *tree;
    proto_item *item;
    uint16_t field;
};

struct painter {
    const struct mqttscope_drawing *drawing;
    struct level levels[DEPTH_MAX];
    proto_item **items; /* by span; NULL unless findings have to be attached */
    bool visible;
};

bool mqttscope_wants_fields_of(int protocol, proto_tree *tree)
{
    return tree != NULL && (PTREE_DATA(tree)->visible ||
                            proto_registrar_get_nth((guint)protocol)->ref_type != HF_REF_TYPE_NONE);
}

bool mqttscope_wants_details(proto_tree *tree)
{
    return mqttscope_wants_fields_of(proto_mqttscope, tree);
}

/* Whether an item of this field is seen, or looked at by a filter. All others are left out: what
 * Wireshark itself does with them is cheap, but there are many. */
static bool wants_field(const struct painter *painter, int field)
{
    return painter->visible ||
           proto_registrar_get_nth((guint)field)->ref_type == HF_REF_TYPE_DIRECT;
}

/* ---- One item a span ---- */

static const char *name_of(const struct mqtt_field_info *info, uint32_t number)
{
    for (const struct mqtt_value *v = info->values; v != NULL && v->name != NULL; v++)
        if (v->value == number)
            return v->name;
    return NULL;
}

static bool is_property(unsigned field)
{
    return field >= FIRST_PROPERTY_FIELD && field < MQTT_FIELDS;
}

/* A field that 5.0 calls by another name. */
static int field_id(const struct painter *painter, unsigned field)
{
    if (field == MQTT_FIELD_CLEAN_START && painter->drawing->packet->version < MQTT_VERSION_5_0)
        return hf_made[MADE_CLEAN_SESSION];
    return hf_wire[field];
}

static proto_item *draw_span(const struct painter *painter, proto_tree *tree,
                             const struct mqtt_span *span)
{
    const struct mqtt_field_info *info = mqtt_field_info((enum mqtt_field)span->field);
    tvbuff_t *tvb = painter->drawing->tvb;
    const int hf = field_id(painter, span->field);
    const int start = (int)(painter->drawing->offset + span->offset);
    const int length = (int)span->length;

    if (!wants_field(painter, hf))
        return NULL;
    /* Bit fields show where they stand in their byte, which add_item alone does. Other numbers come
     * from the span: those of variable length can't be read by Wireshark. */
    switch (info->kind) {
    case MQTT_KIND_UINT8:
    case MQTT_KIND_UINT16:
    case MQTT_KIND_UINT32:
        if (info->mask != 0)
            break;
        return proto_tree_add_uint(tree, hf, tvb, start, length, span->value);
    case MQTT_KIND_UINT64: return proto_tree_add_uint64(tree, hf, tvb, start, length, span->value);
    case MQTT_KIND_STRING: return proto_tree_add_item(tree, hf, tvb, start, length, ENC_UTF_8);
    case MQTT_KIND_UINT_STRING: /* its length is a span of its own */
        return proto_tree_add_string(tree, hf, tvb, start, length,
                                     (const char *)tvb_get_string_enc(painter->drawing->pinfo->pool,
                                                                      tvb, start, length,
                                                                      ENC_UTF_8));
    default: break;
    }
    return proto_tree_add_item(tree, hf, tvb, start, length, ENC_BIG_ENDIAN);
}

static void hide(proto_item *item)
{
    proto_item_set_hidden(item);
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
        if (wants_field(painter, hf_made[MADE_PROP_NUMBER]))
            hide(proto_tree_add_uint(tree, hf_made[MADE_PROP_NUMBER], tvb, start, (int)span->length,
                                     span->value));
        break;
    case MQTT_KIND_STRING:
    case MQTT_KIND_BYTES:
        if (wants_field(painter, hf_made[MADE_PROP_STRING]))
            hide(proto_tree_add_item(tree, hf_made[MADE_PROP_STRING], tvb, start, (int)span->length,
                                     ENC_UTF_8));
        break;
    default: break;
    }
}

static void draw_payload_text(const struct painter *painter, proto_tree *tree,
                              const struct mqtt_span *span, int field)
{
    const struct mqttscope_drawing *drawing = painter->drawing;

    if (wants_field(painter, field))
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
        if (is_property(span->field))
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
static void describe_bits(proto_item *parent, const struct mqtt_span *span)
{
    const struct mqtt_field_info *info = mqtt_field_info((enum mqtt_field)span->field);

    if (span->field == MQTT_FIELD_PACKET_TYPE)
        proto_item_append_text(parent, ", %s", mqtt_packet_type_name(span->value));
    else if (span->value == 0 || span->field == MQTT_FIELD_RESERVED_FLAGS)
        return;
    else if (info->kind == MQTT_KIND_BOOLEAN)
        append_flag(parent, info->name);
    else
        proto_item_append_text(parent, ", %s %u", info->name, span->value);
}

static const char *text_of(const struct painter *painter, const struct mqtt_span *span)
{
    const struct mqttscope_drawing *drawing = painter->drawing;
    const int start = (int)(drawing->offset + span->offset);

    if (mqtt_field_info((enum mqtt_field)span->field)->kind == MQTT_KIND_BYTES)
        return tvb_bytes_to_str(drawing->pinfo->pool, drawing->tvb, start, (int)span->length);
    return (const char *)tvb_format_text(drawing->pinfo->pool, drawing->tvb, start,
                                         (int)span->length);
}

static void describe_property_number(proto_item *parent, const struct mqtt_span *span)
{
    const struct mqtt_field_info *info = mqtt_field_info((enum mqtt_field)span->field);
    const char *name = name_of(info, span->value);

    proto_item_set_text(parent, "%s: %u", info->name, span->value);
    if (name != NULL)
        proto_item_append_text(parent, " (%s)", name);
    else if (span->field == MQTT_FIELD_PROPERTY_SESSION_EXPIRY_INTERVAL &&
             span->value == UINT32_MAX)
        proto_item_append_text(parent, " (for ever)");
    else if (mqttscope_is_in_seconds(span->field))
        proto_item_append_text(parent, " s");
}

/* A property is read without opening it: "Session Expiry Interval: 30 s". */
static void describe_property(const struct painter *painter, proto_item *parent,
                              const struct mqtt_span *span)
{
    const struct mqtt_field_info *info = mqtt_field_info((enum mqtt_field)span->field);

    switch (info->kind) {
    case MQTT_KIND_UINT8:
    case MQTT_KIND_UINT16:
    case MQTT_KIND_UINT32: describe_property_number(parent, span); break;
    case MQTT_KIND_NONE: proto_item_set_text(parent, "%s", info->name); break;
    default: proto_item_set_text(parent, "%s: %s", info->name, text_of(painter, span)); break;
    }
}

static void describe_in_parent(const struct painter *painter, const struct mqtt_span *span)
{
    const struct level *parent = &painter->levels[span->depth - 1];

    if (span->depth < 2)
        return;
    if (mqtt_field_info((enum mqtt_field)span->field)->mask != 0)
        describe_bits(parent->item, span);
    else if (parent->field == MQTT_FIELD_PROPERTY && is_property(span->field))
        describe_property(painter, parent->item, span);
    else if (span->field == MQTT_FIELD_PROPERTY_KEY)
        proto_item_append_text(painter->levels[span->depth - 2].item, ": %s",
                               text_of(painter, span));
    else if (span->field == MQTT_FIELD_PROPERTY_VALUE)
        proto_item_append_text(painter->levels[span->depth - 2].item, " = %s",
                               text_of(painter, span));
}

static void draw_spans(struct painter *painter)
{
    const struct mqttscope_drawing *drawing = painter->drawing;
    const struct mqtt_trace *trace = drawing->trace;

    for (uint32_t i = 0; i < trace->count; i++) {
        const struct mqtt_span *span = &trace->spans[i];
        if (span->depth == 0 || span->depth >= DEPTH_MAX)
            continue;
        proto_tree *tree = painter->levels[span->depth - 1].tree;
        proto_item *item = draw_span(painter, tree, span);
        draw_other_names(painter, tree, span);
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

/* ---- What was worked out ---- */

static proto_item *add_generated_text(const struct painter *painter, proto_tree *tree,
                                      enum made_field field, const char *text)
{
    if (!wants_field(painter, hf_made[field]))
        return NULL;
    proto_item *item =
        proto_tree_add_string(tree, hf_made[field], painter->drawing->tvb, 0, 0, text);
    proto_item_set_generated(item);
    return item;
}

static void add_generated_number(const struct painter *painter, enum made_field field,
                                 uint32_t number)
{
    if (wants_field(painter, hf_made[field]))
        proto_item_set_generated(proto_tree_add_uint(painter->levels[0].tree, hf_made[field],
                                                     painter->drawing->tvb, 0, 0, number));
}

static void add_generated_time(const struct painter *painter, enum made_field field,
                               int64_t nanoseconds)
{
    const nstime_t time = {(time_t)(nanoseconds / NANOSECONDS), (int)(nanoseconds % NANOSECONDS)};

    if (wants_field(painter, hf_made[field]))
        proto_item_set_generated(proto_tree_add_time(painter->levels[0].tree, hf_made[field],
                                                     painter->drawing->tvb, 0, 0, &time));
}

static void draw_extra(const struct painter *painter, const struct mqttscope_extra *extra)
{
    if (extra->first_sent_in != 0)
        add_generated_number(painter, MADE_FIRST_SENT_IN, extra->first_sent_in);
    if (extra->response_to != 0) {
        add_generated_number(painter, MADE_RESPONSE_TO, extra->response_to);
        add_generated_time(painter, MADE_RTT, extra->rtt);
    }
    if (extra->handshake_time >= 0)
        add_generated_time(painter, MADE_HANDSHAKE_TIME, extra->handshake_time);
}

/* The filter "mqtt.topic" finds what an alias stands for, too. */
static void draw_alias(const struct painter *painter, const char *topic)
{
    const int field = hf_wire[MQTT_FIELD_TOPIC_NAME];
    proto_tree *tree = painter->levels[0].tree;

    add_generated_text(painter, tree, MADE_TOPIC, topic);
    if (!wants_field(painter, field))
        return;
    proto_item *item = proto_tree_add_string(tree, field, painter->drawing->tvb, 0, 0, topic);
    proto_item_set_generated(item);
    hide(item);
}

/* The topic that counts: on every PUBLISH, and seen where an alias stands for it. */
static void draw_topic(const struct painter *painter)
{
    const struct mqttscope_drawing *drawing = painter->drawing;
    const struct mqttscope_extra *extra = drawing->record->extra;
    const struct mqtt_slice name = drawing->packet->publish.topic_name;

    if (drawing->packet->type != MQTT_PUBLISH || drawing->outcome == MQTT_MALFORMED)
        return;
    if (extra != NULL && extra->topic != NULL)
        draw_alias(painter, extra->topic);
    else if (name.length != 0 && wants_field(painter, hf_made[MADE_TOPIC]))
        hide(add_generated_text(
            painter, painter->levels[0].tree, MADE_TOPIC,
            (const char *)get_utf_8_string(drawing->pinfo->pool, name.data, (int)name.length)));
}

static void draw_state(const struct painter *painter)
{
    const struct mqttscope_record *record = painter->drawing->record;
    const struct mqtt_packet *packet = painter->drawing->packet;
    proto_tree *tree = painter->levels[0].tree;

    if (record->client->identifier != NULL)
        add_generated_text(painter, tree, MADE_CLIENT, record->client->identifier);
    if (record->sender != MQTT_SENDER_UNKNOWN)
        add_generated_text(painter, tree, MADE_SENDER,
                           record->sender == MQTT_SENDER_CLIENT ? "client" : "server");
    add_generated_text(painter, tree, MADE_VERSION, mqtt_version_name(packet->version));
    draw_topic(painter);
    if (record->extra != NULL)
        draw_extra(painter, record->extra);
    if (record->response_in != 0)
        add_generated_number(painter, MADE_RESPONSE_IN, record->response_in);
    if (packet->type == MQTT_PUBLISH && record->in_flight != 0)
        add_generated_number(painter, MADE_IN_FLIGHT, record->in_flight);
    if (record->client->keep_alive_known)
        add_generated_number(painter, MADE_KEEP_ALIVE, record->client->keep_alive);
    if (record->since_client >= 0)
        add_generated_time(painter, MADE_SINCE_CLIENT, record->since_client);
}

/* ---- Findings ---- */

static const char *statements_of(wmem_allocator_t *pool, const struct mqtt_finding *finding)
{
    wmem_strbuf_t *text = wmem_strbuf_new(pool, "");
    const char *cursor = NULL;
    const char *statement;
    size_t length;

    while (mqtt_statement_next((enum mqtt_rule)finding->rule, (enum mqtt_version)finding->version,
                               (enum mqtt_sender)finding->sender, &cursor, &statement, &length)) {
        if (wmem_strbuf_get_len(text) != 0)
            wmem_strbuf_append_c(text, ' ');
        wmem_strbuf_append_len(text, statement, length);
    }
    return wmem_strbuf_get_str(text);
}

/* The innermost item over the place that the finding names, else the packet's. */
static proto_item *item_of(const struct painter *painter, const struct mqtt_finding *finding)
{
    const struct mqtt_trace *trace = painter->drawing->trace;
    proto_item *best = painter->levels[0].item;
    uint32_t best_length = UINT32_MAX;

    if (painter->items == NULL || finding->field >= MQTT_FIELDS)
        return best;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct mqtt_span *span = &trace->spans[i];
        const bool covers =
            span->offset <= finding->offset && finding->offset - span->offset <= span->length;
        if (covers && span->field == finding->field && painter->items[i] != NULL)
            return painter->items[i];
        if (covers && finding->offset - span->offset < span->length && span->length < best_length &&
            painter->items[i] != NULL) {
            best = painter->items[i];
            best_length = span->length;
        }
    }
    return best;
}

/* A line of the tree holds some 200 characters: a sentence a line. */
static void draw_explanation(const struct painter *painter, proto_tree *tree, const char *text)
{
    while (*text != '\0') {
        const char *end = strstr(text, ". ");
        const size_t length = end != NULL ? (size_t)(end + 1 - text) : strlen(text);
        add_generated_text(painter, tree, MADE_EXPLANATION,
                           wmem_strndup(painter->drawing->pinfo->pool, text, length));
        text += length;
        while (*text == ' ')
            text++;
    }
}

static void draw_finding(const struct painter *painter, const struct mqtt_finding *finding)
{
    const struct mqttscope_drawing *drawing = painter->drawing;
    const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)finding->rule);
    const char *statements = statements_of(drawing->pinfo->pool, finding);
    char detail[256];

    mqtt_finding_detail(finding, detail, sizeof(detail));
    expert_add_info_format(drawing->pinfo, item_of(painter, finding), &ei_rule[finding->rule],
                           statements[0] != '\0' ? "%s: %s [%s]" : "%s: %s", info->title, detail,
                           statements);
    if (painter->levels[0].tree == NULL)
        return;
    proto_item *item = proto_tree_add_string(painter->levels[0].tree, hf_made[MADE_RULE],
                                             drawing->tvb, 0, 0, info->id);
    proto_item_set_generated(item);
    proto_tree *tree = proto_item_add_subtree(item, ett_mqttscope[SUBTREE_STATE]);
    add_generated_text(painter, tree, MADE_SEVERITY, mqtt_severity_name(info->severity));
    item = add_generated_text(painter, tree, MADE_STATEMENT, statements);
    if (statements[0] == '\0')
        proto_item_append_text(item, "none that is numbered");
    draw_explanation(painter, tree, info->explanation);
}

static void draw_findings(const struct painter *painter)
{
    const struct mqttscope_drawing *drawing = painter->drawing;
    const struct mqttscope_record *record = drawing->record;
    const struct mqttscope_findings *findings = record->findings;

    if (findings != NULL) {
        for (uint32_t i = 0; i < findings->count; i++)
            draw_finding(painter, &findings->list[i]);
        if (findings->dropped != 0)
            expert_add_info_format(drawing->pinfo, painter->levels[0].item,
                                   &ei_remark[REMARK_DROPPED], "%u more findings are not shown",
                                   findings->dropped);
    }
    if (record->gap)
        expert_add_info(drawing->pinfo, painter->levels[0].item, &ei_remark[REMARK_GAP]);
}

/* ---- The whole ---- */

static uint32_t shown_length(const struct mqttscope_drawing *drawing)
{
    const uint32_t there = tvb_captured_length(drawing->tvb) - drawing->offset;

    return MIN(drawing->packet->captured, there);
}

/* The protocol's line carries the name of Wireshark's own dissector, so that the filter "mqtt" and
 * scripts that read the layer "mqtt" of JSON and PDML find what they always found. */
static proto_item *add_protocol(proto_tree *tree, tvbuff_t *tvb, int start, int length)
{
    const int shown = mqttscope_builtin_protocol > 0 ? mqttscope_builtin_protocol : proto_mqttscope;
    proto_item *item = proto_tree_add_item(tree, shown, tvb, start, length, ENC_NA);

    if (shown != proto_mqttscope && mqttscope_wants_details(tree))
        hide(proto_tree_add_item(proto_item_add_subtree(item, ett_mqttscope[SUBTREE_PACKET]),
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
                            mqttscope_summary(drawing->pinfo->pool, drawing->outcome,
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
        if (record != NULL && record->findings != NULL)
            painter.items =
                wmem_alloc0_array(drawing->pinfo->pool, proto_item *, drawing->trace->count + 1);
        draw_spans(&painter);
    }
    if (record != NULL)
        draw_findings(&painter);
    draw_cut(&painter);
    if (record != NULL && mqttscope_wants_details(drawing->tree))
        draw_state(&painter);
    return painter.levels[0].tree;
}

proto_tree *mqttscope_draw_bytes(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb,
                                 uint32_t offset, uint32_t length, enum made_field field,
                                 enum remark remark)
{
    const uint32_t there = MIN(length, tvb_captured_length(tvb) - offset);
    proto_item *item = add_protocol(tree, tvb, (int)offset, (int)there);
    proto_tree *packet_tree = proto_item_add_subtree(item, ett_mqttscope[SUBTREE_PACKET]);

    if (tree != NULL) {
        proto_item_set_text(item, "MQ Telemetry Transport, %s (%u byte%s)",
                            proto_registrar_get_nth((guint)hf_made[field])->name, length,
                            plurality(length, "", "s"));
        proto_tree_add_item(packet_tree, hf_made[field], tvb, (int)offset, (int)there, ENC_NA);
    }
    if (remark != REMARKS)
        expert_add_info(pinfo, item, &ei_remark[remark]);
    return packet_tree;
}
