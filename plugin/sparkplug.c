/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sparkplug B in the tree; see sparkplug.h. */
#include "plugin/sparkplug.h"

#include "plugin/payload.h"
#include "plugin/sparkplug_births.h"
#include "plugin/sparkplug_value.h"
#include "plugin/sparkplug_wire.h"

/* More metrics of one payload are not drawn: nobody reads as many. */
#define METRICS_MAX 10000u

/* A message that is being drawn. */
struct painting {
    packet_info *pinfo;
    tvbuff_t *tvb;
    const uint8_t *start; /* of the tvb's bytes */
    struct sparkplug_births births;
};

/* ---- Items ---- */

static int place_of(const struct painting *painting, const struct sparkplug_field *field)
{
    return (int)(field->start - painting->start);
}

static void draw_text(const struct painting *painting, proto_tree *tree, enum made_field made,
                      const struct sparkplug_field *field)
{
    if (field->number != 0)
        proto_tree_add_item(tree, hf_made[made], painting->tvb,
                            (int)(field->bytes.data - painting->start), (int)field->bytes.length,
                            ENC_UTF_8);
}

static void draw_number(const struct painting *painting, proto_tree *tree, enum made_field made,
                        const struct sparkplug_field *field)
{
    if (field->number != 0)
        proto_tree_add_uint64(tree, hf_made[made], painting->tvb, place_of(painting, field),
                              (int)field->length, field->value);
}

static void draw_flag(const struct painting *painting, proto_tree *tree, enum made_field made,
                      const struct sparkplug_field *field)
{
    if (field->number != 0)
        proto_tree_add_boolean(tree, hf_made[made], painting->tvb, place_of(painting, field),
                               (int)field->length, field->value != 0);
}

static void draw_time(const struct painting *painting, proto_tree *tree, enum made_field made,
                      const struct sparkplug_field *field)
{
    nstime_t time = NSTIME_INIT_ZERO;

    if (field->number == 0)
        return;
    if (sparkplug_time(field->value, &time))
        proto_tree_add_time(tree, hf_made[made], painting->tvb, place_of(painting, field),
                            (int)field->length, &time);
    else
        proto_tree_add_time_format_value(tree, hf_made[made], painting->tvb,
                                         place_of(painting, field), (int)field->length, &time,
                                         "%" PRIu64 " ms, which is no date", field->value);
}

/* ---- A metric ---- */

static void draw_name(const struct painting *painting, proto_tree *tree,
                      const struct sparkplug_metric *metric, const struct sparkplug_name *known)
{
    const struct sparkplug_field *alias = &metric->fields[METRIC_ALIAS];

    draw_text(painting, tree, MADE_SPARKPLUG_NAME, &metric->fields[METRIC_NAME]);
    draw_number(painting, tree, MADE_SPARKPLUG_ALIAS, alias);
    if (known != NULL && !sparkplug_has(metric, METRIC_NAME))
        proto_item_set_generated(proto_tree_add_string(tree, hf_made[MADE_SPARKPLUG_NAME],
                                                       painting->tvb, place_of(painting, alias),
                                                       (int)alias->length, known->name));
}

static void draw_datatype(const struct painting *painting, proto_tree *tree,
                          const struct sparkplug_metric *metric, uint32_t datatype)
{
    const struct sparkplug_field *field = &metric->fields[METRIC_DATATYPE];

    if (datatype == 0 && field->number == 0)
        return;
    proto_item *item = proto_tree_add_uint(tree, hf_made[MADE_SPARKPLUG_DATATYPE], painting->tvb,
                                           field->number != 0 ? place_of(painting, field) : 0,
                                           (int)field->length, datatype);
    if (field->number == 0)
        proto_item_set_generated(item);
}

static const char *draw_value(const struct painting *painting, proto_tree *tree,
                              const struct sparkplug_metric *metric, uint32_t datatype)
{
    const struct sparkplug_field *value = metric->value;
    const struct sparkplug_field *null = &metric->fields[METRIC_IS_NULL];
    double number;

    if (null->number != 0 && null->value != 0)
        return "null";
    if (value == NULL)
        return NULL;
    const char *text = sparkplug_value_text(painting->pinfo->pool, value, datatype);
    proto_tree_add_string(tree, hf_made[MADE_SPARKPLUG_VALUE], painting->tvb,
                          place_of(painting, value), (int)value->length, text);
    if (sparkplug_value_number(value, datatype, &number))
        proto_item_set_hidden(proto_tree_add_double(tree, hf_made[MADE_SPARKPLUG_NUMBER],
                                                    painting->tvb, place_of(painting, value),
                                                    (int)value->length, number));
    return text;
}

/* "Metric: arm/speed = 21.5" */
static void describe(const struct painting *painting, proto_item *item,
                     const struct sparkplug_metric *metric, const struct sparkplug_name *known,
                     const char *value)
{
    wmem_allocator_t *pool = painting->pinfo->pool;
    const struct mqtt_slice name = metric->fields[METRIC_NAME].bytes;

    if (sparkplug_has(metric, METRIC_NAME))
        proto_item_append_text(item, ": %s", FORMAT_TEXT(pool, name.data, name.length));
    else if (known != NULL)
        proto_item_append_text(item, ": %s", FORMAT_TEXT(pool, known->name, strlen(known->name)));
    else if (sparkplug_has(metric, METRIC_ALIAS))
        proto_item_append_text(item, ": alias %" PRIu64, metric->fields[METRIC_ALIAS].value);
    if (value != NULL)
        proto_item_append_text(item, " = %s", FORMAT_TEXT(pool, value, strlen(value)));
    if (metric->is_broken)
        proto_item_append_text(item, " (the rest can't be read)");
}

static void draw_metric(const struct painting *painting, proto_tree *tree,
                        const struct sparkplug_field *field)
{
    struct sparkplug_metric metric;
    const struct sparkplug_name *known = NULL;

    sparkplug_metric_read(field->bytes, &metric);
    const struct sparkplug_field *fields = metric.fields;
    if (sparkplug_has(&metric, METRIC_ALIAS))
        known = sparkplug_births_name(&painting->births, fields[METRIC_ALIAS].value);
    const uint32_t datatype = sparkplug_has(&metric, METRIC_DATATYPE)
                                  ? (uint32_t)fields[METRIC_DATATYPE].value
                              : known != NULL ? known->datatype
                                              : 0;
    proto_item *item = proto_tree_add_item(tree, hf_made[MADE_SPARKPLUG_METRIC], painting->tvb,
                                           place_of(painting, field), (int)field->length, ENC_NA);
    proto_tree *metric_tree = proto_item_add_subtree(item, ett_mqttscope[SUBTREE_FIELD]);
    draw_name(painting, metric_tree, &metric, known);
    draw_time(painting, metric_tree, MADE_SPARKPLUG_METRIC_TIMESTAMP, &fields[METRIC_TIMESTAMP]);
    draw_datatype(painting, metric_tree, &metric, datatype);
    draw_flag(painting, metric_tree, MADE_SPARKPLUG_IS_HISTORICAL, &fields[METRIC_IS_HISTORICAL]);
    draw_flag(painting, metric_tree, MADE_SPARKPLUG_IS_TRANSIENT, &fields[METRIC_IS_TRANSIENT]);
    draw_flag(painting, metric_tree, MADE_SPARKPLUG_IS_NULL, &fields[METRIC_IS_NULL]);
    draw_text(painting, metric_tree, MADE_SPARKPLUG_METADATA, &fields[METRIC_METADATA]);
    draw_text(painting, metric_tree, MADE_SPARKPLUG_PROPERTIES, &fields[METRIC_PROPERTIES]);
    describe(painting, item, &metric, known, draw_value(painting, metric_tree, &metric, datatype));
}

/* ---- A payload ---- */

static void draw_field(const struct painting *painting, proto_tree *tree,
                       const struct sparkplug_field *field)
{
    switch (field->number) {
    case PAYLOAD_TIMESTAMP: draw_time(painting, tree, MADE_SPARKPLUG_TIMESTAMP, field); break;
    case PAYLOAD_METRIC: draw_metric(painting, tree, field); break;
    case PAYLOAD_SEQ: draw_number(painting, tree, MADE_SPARKPLUG_SEQ, field); break;
    case PAYLOAD_UUID: draw_text(painting, tree, MADE_SPARKPLUG_UUID, field); break;
    case PAYLOAD_BODY: draw_text(painting, tree, MADE_SPARKPLUG_BODY, field); break;
    default: break;
    }
}

static void draw_fields(const struct painting *painting, proto_tree *tree, proto_item *item,
                        struct mqtt_slice payload)
{
    struct sparkplug_field field;
    uint32_t metrics = 0;

    while (sparkplug_field_next(&payload, &field)) {
        if (field.number == PAYLOAD_METRIC && ++metrics > METRICS_MAX)
            continue;
        draw_field(painting, tree, &field);
        if (field.number == PAYLOAD_SEQ)
            proto_item_append_text(item, ", seq %" PRIu64, field.value);
    }
    proto_item_append_text(item, ", %u metric%s", metrics, plurality(metrics, "", "s"));
    if (payload.length != 0)
        proto_item_append_text(item, ", then %u bytes that can't be read", payload.length);
    if (metrics > METRICS_MAX)
        expert_add_info_format(painting->pinfo, item, &ei_remark[REMARK_TOO_LONG],
                               "%u more metrics are not drawn", metrics - METRICS_MAX);
}

static const char *const types[] = {
    [SPARKPLUG_NBIRTH] = "NBIRTH", [SPARKPLUG_NDEATH] = "NDEATH", [SPARKPLUG_NDATA] = "NDATA",
    [SPARKPLUG_NCMD] = "NCMD",     [SPARKPLUG_DBIRTH] = "DBIRTH", [SPARKPLUG_DDEATH] = "DDEATH",
    [SPARKPLUG_DDATA] = "DDATA",   [SPARKPLUG_DCMD] = "DCMD",
};

static void draw_level(const struct painting *painting, proto_tree *tree, proto_item *item,
                       enum made_field made, struct mqtt_slice level)
{
    wmem_allocator_t *pool = painting->pinfo->pool;

    if (level.length == 0)
        return;
    proto_item_set_generated(
        proto_tree_add_string(tree, hf_made[made], painting->tvb, 0, 0,
                              (const char *)get_utf_8_string(pool, level.data, (int)level.length)));
    proto_item_append_text(item, "%s%s", made == MADE_SPARKPLUG_GROUP ? " " : "/",
                           FORMAT_TEXT(pool, level.data, level.length));
}

static void draw(const struct painting *painting, proto_tree *packet_tree,
                 const struct sparkplug_topic *topic, struct mqtt_slice payload)
{
    proto_item *item = proto_tree_add_item(packet_tree, hf_made[MADE_SPARKPLUG], painting->tvb, 0,
                                           (int)payload.length, ENC_NA);
    proto_tree *tree = proto_item_add_subtree(item, ett_mqttscope[SUBTREE_SPARKPLUG]);

    proto_item_append_text(item, ", %s", types[topic->type]);
    proto_item_set_generated(proto_tree_add_string(tree, hf_made[MADE_SPARKPLUG_TYPE],
                                                   painting->tvb, 0, 0, types[topic->type]));
    draw_level(painting, tree, item, MADE_SPARKPLUG_GROUP, topic->group);
    draw_level(painting, tree, item, MADE_SPARKPLUG_NODE, topic->node);
    draw_level(painting, tree, item, MADE_SPARKPLUG_DEVICE, topic->device);
    draw_fields(painting, tree, item, payload);
}

/* ---- The whole ---- */

static struct sparkplug_place place(const struct mqttscope_drawing *drawing)
{
    struct sparkplug_place place = {drawing->pinfo->num, 0};
    const struct mqttscope_frame *frame = mqttscope_frame_get(drawing->pinfo);

    for (const struct mqttscope_record *record = frame->first != NULL ? *frame->first : NULL;
         record != NULL && record != drawing->record; record = record->next)
        place.number++;
    return place;
}

static bool is_birth(const struct sparkplug_topic *topic)
{
    return topic->type == SPARKPLUG_NBIRTH || topic->type == SPARKPLUG_DBIRTH;
}

/* A payload may hold another one, compressed (section 6.4.29); that one is shown in its place. */
static void unpack(struct mqttscope_sparkplug *message)
{
    static const char word[] = "SPBV1.0_COMPRESSED";
    struct mqtt_slice rest = message->payload;
    struct mqtt_slice body = {NULL, 0};
    struct sparkplug_field field;
    bool is_packed = false;

    while (sparkplug_field_next(&rest, &field)) {
        if (field.number == PAYLOAD_UUID)
            is_packed = field.bytes.length == sizeof(word) - 1 &&
                        memcmp(field.bytes.data, word, sizeof(word) - 1) == 0;
        else if (field.number == PAYLOAD_BODY)
            body = field.bytes;
    }
    if (!is_packed || body.length == 0 || !mqttscope_preferences.payload_unpack)
        return;
    tvbuff_t *tvb =
        mqttscope_payload_unpack(message->drawing, message->packet_tree, PACKING_ZLIB, &body);
    if (tvb != NULL) {
        message->tvb = tvb;
        message->payload = body;
    }
}

void mqttscope_sparkplug_dissect(const struct mqttscope_sparkplug *whole)
{
    struct mqttscope_sparkplug copy = *whole, *message = &copy;
    packet_info *pinfo = message->drawing->pinfo;
    const bool from_server = message->drawing->record->sender == MQTT_SENDER_SERVER;
    struct sparkplug_topic topic;

    if (!sparkplug_is(message->topic) || !sparkplug_topic_parse(message->topic, &topic) ||
        topic.type == SPARKPLUG_STATE)
        return;
    const struct sparkplug_origin origin = {
        .pool = pinfo->pool,
        .server = from_server ? &pinfo->src : &pinfo->dst,
        .from_server = from_server,
        .topic = &topic,
    };
    const bool learns = is_birth(&topic) && !PINFO_FD_VISITED(pinfo);
    const bool draws = message->packet_tree != NULL &&
                       mqttscope_wants_fields_of(proto_mqttscope, message->packet_tree);
    if (!learns && !draws)
        return;
    unpack(message);
    const struct sparkplug_place here = place(message->drawing);
    if (learns)
        sparkplug_births_learn(&origin, message->payload, here);
    if (draws) {
        const struct painting painting = {
            .pinfo = pinfo,
            .tvb = message->tvb,
            .start = message->payload.data,
            .births = is_birth(&topic) ? (struct sparkplug_births){NULL, NULL}
                                       : sparkplug_births_at(&origin, here),
        };
        draw(&painting, message->packet_tree, &topic, message->payload);
    }
}
