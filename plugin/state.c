/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was worked out about a control packet: links, times, findings; see painter.h. */
#include "plugin/painter.h"

#include "mqtt/facts/time.h"

static proto_item *add_generated_text(const struct painter *painter, proto_tree *tree,
                                      enum made_field field, const char *text)
{
    if (!mqttscope_wants_field(painter, hf_made[field]))
        return NULL;
    proto_item *item =
        proto_tree_add_string(tree, hf_made[field], painter->drawing->tvb, 0, 0, text);
    proto_item_set_generated(item);
    return item;
}

static proto_item *add_generated_number(const struct painter *painter, enum made_field field,
                                        uint32_t number)
{
    if (!mqttscope_wants_field(painter, hf_made[field]))
        return NULL;
    proto_item *item =
        proto_tree_add_uint(painter->audit, hf_made[field], painter->drawing->tvb, 0, 0, number);
    proto_item_set_generated(item);
    return item;
}

static proto_item *add_generated_time(const struct painter *painter, enum made_field field,
                                      int64_t nanoseconds)
{
    const nstime_t time = {(time_t)(nanoseconds / MQTT_SECOND), (int)(nanoseconds % MQTT_SECOND)};

    if (!mqttscope_wants_field(painter, hf_made[field]))
        return NULL;
    proto_item *item =
        proto_tree_add_time(painter->audit, hf_made[field], painter->drawing->tvb, 0, 0, &time);
    proto_item_set_generated(item);
    return item;
}

/* What filters and columns find, and the reader is told elsewhere already, or does not need here.
 */
static void hide_unless(bool seen, proto_item *item)
{
    if (!seen && item != NULL)
        proto_item_set_hidden(item);
}

static void draw_extra(const struct painter *painter, const struct mqttscope_extra *extra)
{
    if (extra->first_sent_in != 0)
        add_generated_number(painter, MADE_FIRST_SENT_IN, extra->first_sent_in);
    if (extra->response_to != 0) {
        add_generated_number(painter, MADE_RESPONSE_TO, extra->response_to);
        add_generated_time(painter, MADE_RTT, extra->rtt);
    }
    if (extra->handshake_time != MQTT_NO_TIME)
        add_generated_time(painter, MADE_HANDSHAKE_TIME, extra->handshake_time);
}

/* The filter "mqtt.topic" finds what an alias stands for, too. */
static void draw_alias(const struct painter *painter, const char *topic)
{
    const int field = hf_wire[MQTT_FIELD_TOPIC_NAME];
    proto_tree *tree = painter->audit;

    add_generated_text(painter, tree, MADE_TOPIC, topic);
    if (!mqttscope_wants_field(painter, field))
        return;
    proto_item *item = proto_tree_add_string(tree, field, painter->drawing->tvb, 0, 0, topic);
    proto_item_set_generated(item);
    proto_item_set_hidden(item);
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
    else if (name.length != 0 && mqttscope_wants_field(painter, hf_made[MADE_TOPIC]))
        proto_item_set_hidden(add_generated_text(
            painter, painter->audit, MADE_TOPIC,
            (const char *)get_utf_8_string(drawing->pinfo->pool, name.data, (int)name.length)));
}

/* In packets that set or keep it; elsewhere it is the same as there. */
static bool is_about_keep_alive(const struct mqtt_packet *packet)
{
    switch (packet->type) {
    case MQTT_CONNECT:
    case MQTT_CONNACK:
    case MQTT_PINGREQ:
    case MQTT_PINGRESP: return true;
    default: return false;
    }
}

static void draw_sides(const struct painter *painter)
{
    const struct mqttscope_record *record = painter->drawing->record;
    const bool from_client = record->sender == MQTT_SENDER_CLIENT;

    if (record->client->identifier != NULL)
        add_generated_text(painter, painter->audit, MADE_CLIENT, record->client->identifier);
    if (record->sender != MQTT_SENDER_UNKNOWN)
        hide_unless(false, add_generated_text(painter, painter->audit, MADE_SENDER,
                                              from_client ? "client" : "server"));
    hide_unless(record->version_untold,
                add_generated_text(painter, painter->audit, MADE_VERSION,
                                   mqtt_version_name(painter->drawing->packet->version)));
}

static void draw_silence(const struct painter *painter)
{
    const struct mqttscope_record *record = painter->drawing->record;

    if (record->client->keep_alive_known)
        hide_unless(is_about_keep_alive(painter->drawing->packet),
                    add_generated_number(painter, MADE_KEEP_ALIVE, record->client->keep_alive));
    if (record->since_client != MQTT_NO_TIME)
        hide_unless(record->sender == MQTT_SENDER_CLIENT,
                    add_generated_time(painter, MADE_SINCE_CLIENT, record->since_client));
}

void mqttscope_draw_state(const struct painter *painter)
{
    const struct mqttscope_record *record = painter->drawing->record;

    draw_sides(painter);
    draw_topic(painter);
    if (record->extra != NULL)
        draw_extra(painter, record->extra);
    if (record->response_in != 0)
        add_generated_number(painter, MADE_RESPONSE_IN, record->response_in);
    if (record->unanswered && mqttscope_wants_field(painter, hf_made[MADE_UNANSWERED]))
        proto_item_set_generated(proto_tree_add_item(painter->audit, hf_made[MADE_UNANSWERED],
                                                     painter->drawing->tvb,
                                                     (int)painter->drawing->offset, 0, ENC_NA));
    if (painter->drawing->packet->type == MQTT_PUBLISH && record->in_flight != 0)
        add_generated_number(painter, MADE_IN_FLIGHT, record->in_flight);
    draw_silence(painter);
}

/* ---- The line above all of it ---- */

static void describe_links(const struct mqttscope_record *record, wmem_strbuf_t *text)
{
    const struct mqttscope_extra *extra = record->extra;

    if (extra != NULL && extra->response_to != 0)
        wmem_strbuf_append_printf(text, ", answers frame %u after %.3f ms", extra->response_to,
                                  (double)extra->rtt / 1e6);
    if (extra != NULL && extra->first_sent_in != 0)
        wmem_strbuf_append_printf(text, ", first sent in frame %u", extra->first_sent_in);
    if (record->response_in != 0)
        wmem_strbuf_append_printf(text, ", answered in frame %u", record->response_in);
    if (record->unanswered)
        wmem_strbuf_append(text, ", never answered");
}

static const char *describe(const struct painter *painter)
{
    static const char *const senders[] = {
        [MQTT_SENDER_UNKNOWN] = "sent by nobody knows which side",
        [MQTT_SENDER_CLIENT] = "sent by the client",
        [MQTT_SENDER_SERVER] = "sent by the server",
    };
    const struct mqttscope_record *record = painter->drawing->record;
    wmem_strbuf_t *text = wmem_strbuf_new(painter->drawing->pinfo->pool, "MQTT Audit: ");

    wmem_strbuf_append(text, senders[record->sender]);
    describe_links(record, text);
    return wmem_strbuf_get_str(text);
}

void mqttscope_draw_audit(struct painter *painter)
{
    const struct mqttscope_drawing *drawing = painter->drawing;

    painter->audit = painter->levels[0].tree;
    if (painter->audit == NULL || !mqttscope_wants_field(painter, hf_made[MADE_AUDIT]))
        return;
    painter->audit_item = proto_tree_add_item(painter->audit, hf_made[MADE_AUDIT], drawing->tvb,
                                              (int)drawing->offset, 0, ENC_NA);
    proto_item_set_generated(painter->audit_item);
    painter->audit = proto_item_add_subtree(painter->audit_item, ett_mqttscope[SUBTREE_AUDIT]);
    if (painter->visible)
        proto_item_set_text(painter->audit_item, "%s", describe(painter));
}

void mqttscope_draw_filter(struct painter *painter, proto_tree *tree, proto_item *code)
{
    const struct mqttscope_extra *extra = painter->drawing->record->extra;
    const uint32_t number = painter->codes++;

    if (extra == NULL || extra->filters == NULL || number >= extra->filters->count)
        return;
    const char *text = extra->filters->texts[number];
    if (painter->visible && code != NULL)
        proto_item_append_text(
            code, ", topic filter %s",
            FORMAT_TEXT(painter->drawing->pinfo->pool, (const uint8_t *)text, strlen(text)));
    hide_unless(false, add_generated_text(painter, tree, MADE_TOPIC_FILTER, text));
}

/* ---- Findings ---- */

static const char *statements_of(wmem_allocator_t *pool, const struct mqtt_finding *finding)
{
    wmem_strbuf_t *text = wmem_strbuf_new(pool, "");
    const char *cursor = NULL;
    const char *statement;
    size_t length;

    while (mqtt_finding_statement_next(finding, &cursor, &statement, &length)) {
        if (wmem_strbuf_get_len(text) != 0)
            wmem_strbuf_append_c(text, ' ');
        wmem_strbuf_append_len(text, statement, length);
    }
    return wmem_strbuf_get_str(text);
}

/* Whether the span is at the place of the finding. One about a property stands where the property's
 * identifier does. */
static bool is_about(const struct mqtt_finding *finding, const struct mqtt_span *span)
{
    if (span->offset > finding->offset)
        return span->offset - finding->offset <= finding->length;
    const uint32_t within = finding->offset - span->offset;
    /* Right behind a property the next one begins. */
    const bool may_touch =
        !mqttscope_is_property(finding->field) && (span->length == 0 || finding->length == 0);
    return within < span->length || (may_touch && within == span->length);
}

/* The item of the field that the finding is about: the one at its place, or the only one that there
 * is. NULL if there is no such item. */
static proto_item *item_of_field(const struct painter *painter, const struct mqtt_finding *finding)
{
    const struct mqtt_trace *trace = painter->drawing->trace;
    proto_item *found = NULL;
    unsigned count = 0;

    for (uint32_t i = 0; i < trace->count; i++) {
        if (trace->spans[i].field != finding->field || painter->items[i] == NULL)
            continue;
        if (is_about(finding, &trace->spans[i]))
            return painter->items[i];
        found = painter->items[i];
        count++;
    }
    return count == 1 ? found : NULL;
}

/* Else the innermost item over the place that the finding names, else the packet's. */
static proto_item *item_of(const struct painter *painter, const struct mqtt_finding *finding)
{
    const struct mqtt_trace *trace = painter->drawing->trace;
    proto_item *best = painter->levels[0].item;
    uint32_t best_length = UINT32_MAX;

    if (painter->items == NULL || finding->field >= MQTT_FIELDS)
        return best;
    proto_item *own = item_of_field(painter, finding);
    if (own != NULL)
        return own;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct mqtt_span *span = &trace->spans[i];
        if (span->offset <= finding->offset && finding->offset - span->offset < span->length &&
            span->length < best_length && painter->items[i] != NULL) {
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
    if (painter->audit == NULL)
        return;
    proto_item *item =
        proto_tree_add_string(painter->audit, hf_made[MADE_RULE], drawing->tvb, 0, 0, info->id);
    proto_item_set_generated(item);
    proto_tree *tree = proto_item_add_subtree(item, ett_mqttscope[SUBTREE_STATE]);
    add_generated_text(painter, tree, MADE_SEVERITY, mqtt_severity_name(info->severity));
    item = add_generated_text(painter, tree, MADE_STATEMENT, statements);
    if (statements[0] == '\0')
        proto_item_append_text(item, "none that is numbered");
    draw_explanation(painter, tree, info->explanation);
}

void mqttscope_draw_findings(const struct painter *painter)
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
    if (record->after_gap)
        expert_add_info(drawing->pinfo, painter->levels[0].item, &ei_remark[REMARK_GAP]);
}
