/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is inside a PUBLISH: text, JSON, or what another dissector recognises; see payload.h. */
#include "plugin/payload.h"

#include "mqtt/wire/utf8.h"
#include "plugin/layers.h"

static heur_dissector_list_t by_topic;
static dissector_handle_t json;
static int json_protocol;

void mqttscope_payload_handoff(void)
{
    /* Wireshark's own MQTT dissector keeps the list; Sparkplug B registers there. */
    by_topic = find_heur_dissector_list("mqtt.topic");
    json = find_dissector("json");
    json_protocol = proto_get_id_by_filter_name("json");
}

bool mqttscope_is_text(const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((data[i] < 0x20 && data[i] != '\t' && data[i] != '\n' && data[i] != '\r') ||
            data[i] == 0x7f)
            return false;
    }
    return length != 0 && mqtt_utf8_check(data, length) == length;
}

void mqttscope_draw_text(proto_tree *tree, int field, tvbuff_t *tvb, uint32_t offset,
                         uint32_t length)
{
    const uint8_t *data = length != 0 ? tvb_get_ptr(tvb, (int)offset, (int)length) : NULL;

    if (mqttscope_is_text(data, length))
        proto_tree_add_item(tree, field, tvb, (int)offset, (int)length, ENC_UTF_8);
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* An object or an array from end to end. */
static bool looks_like_json(struct mqtt_slice payload)
{
    const uint8_t *first = payload.data;
    const uint8_t *last = payload.data + payload.length;

    while (first < last && is_space(*first))
        first++;
    while (first < last && is_space(last[-1]))
        last--;
    if (last - first < 2)
        return false;
    return (*first == '{' && last[-1] == '}') || (*first == '[' && last[-1] == ']');
}

static char *topic_of(const struct mqttscope_drawing *drawing)
{
    const struct mqtt_slice topic = drawing->packet->publish.topic_name;

    if (drawing->record->extra != NULL && drawing->record->extra->topic != NULL)
        return wmem_strdup(drawing->pinfo->pool, drawing->record->extra->topic);
    return (char *)get_utf_8_string(drawing->pinfo->pool, topic.data, (int)topic.length);
}

static bool try_topic(const struct mqttscope_drawing *drawing, tvbuff_t *payload)
{
    heur_dtbl_entry_t *entry;

    return dissector_try_heuristic(by_topic, payload, drawing->pinfo, drawing->tree, &entry,
                                   topic_of(drawing));
}

bool mqttscope_payload_is_wanted(unsigned packet_type)
{
    return packet_type == MQTT_PUBLISH && mqttscope_preferences.payload_heuristics &&
           by_topic != NULL;
}

static void hand_on(const struct mqttscope_drawing *drawing, tvbuff_t *payload)
{
    packet_info *pinfo = drawing->pinfo;
    proto_tree *tree = drawing->tree;

    if (mqttscope_payload_is_wanted(MQTT_PUBLISH) && try_topic(drawing, payload))
        return;
    if (mqttscope_preferences.payload_json && json != NULL &&
        mqttscope_wants_fields_of(json_protocol, tree) &&
        looks_like_json(drawing->packet->publish.payload))
        call_dissector_only(json, payload, pinfo, tree, NULL);
}

/* A payload that makes its dissector give up must not take the control packets behind it along, not
 * even where it is the dissector that is wrong. The line of a PUBLISH stays as it is. */
static void hand_on_safely(const struct mqttscope_drawing *drawing, tvbuff_t *payload)
{
    packet_info *pinfo = drawing->pinfo;
    const gboolean writable = col_get_writable(pinfo->cinfo, -1);
    struct mqttscope_layers layers;

    mqttscope_layers_save(&layers, pinfo);
    col_set_writable(pinfo->cinfo, -1, FALSE);
    TRY
    {
        hand_on(drawing, payload);
    }
    CATCH_BOUNDS_AND_DISSECTOR_ERRORS
    {
        show_exception(payload, pinfo, drawing->tree, EXCEPT_CODE, GET_MESSAGE);
    }
    FINALLY
    {
        col_set_writable(pinfo->cinfo, -1, writable);
        mqttscope_layers_restore(&layers, pinfo);
    }
    ENDTRY;
}

void mqttscope_dissect_payload(const struct mqttscope_drawing *drawing)
{
    const struct mqtt_publish *publish = &drawing->packet->publish;

    if (drawing->packet->type != MQTT_PUBLISH || drawing->outcome != MQTT_OK ||
        publish->payload.length == 0)
        return;
    hand_on_safely(drawing, tvb_new_subset_length(drawing->tvb,
                                                  (int)(drawing->offset + publish->payload_offset),
                                                  (int)publish->payload.length));
}
