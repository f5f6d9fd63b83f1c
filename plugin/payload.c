/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is inside a PUBLISH or a will: what its Content Type says, what another dissector
 * recognises, JSON or text; see payload.h. */
#include "plugin/payload.h"

#include "mqtt/wire/utf8.h"
#include "plugin/builtin.h"
#include "plugin/layers.h"
#include "plugin/payload_table.h"
#include "plugin/sparkplug.h"

static heur_dissector_list_t by_topic;
static dissector_table_t media_types;
static dissector_handle_t json;
static int json_protocol;

void mqttscope_payload_handoff(void)
{
    /* Wireshark's own MQTT dissector keeps the list; Sparkplug B registers there. */
    by_topic = find_heur_dissector_list("mqtt.topic");
    media_types = find_dissector_table("media_type");
    json = find_dissector("json");
    mqttscope_payload_table_handoff();
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

/* ---- What the payload belongs to ---- */

/* The payload of a PUBLISH, or that of a will, which its server publishes one day. */
struct message {
    const struct mqttscope_drawing *drawing;
    proto_tree *packet_tree; /* of the control packet; NULL without one */
    struct mqtt_slice payload;
    const struct mqtt_properties *properties;
    struct mqtt_slice topic_name;
    uint32_t offset; /* of the payload in the drawing's bytes */
};

static bool find_message(const struct mqttscope_drawing *drawing, struct message *message)
{
    const struct mqtt_packet *packet = drawing->packet;

    if (drawing->outcome != MQTT_OK)
        return false;
    message->drawing = drawing;
    if (packet->type == MQTT_PUBLISH) {
        message->payload = packet->publish.payload;
        message->properties = &packet->properties;
        message->topic_name = packet->publish.topic_name;
    } else if (packet->type == MQTT_CONNECT && packet->connect.has_will) {
        message->payload = packet->connect.will_payload;
        message->properties = &packet->connect.will_properties;
        message->topic_name = packet->connect.will_topic;
    } else {
        return false;
    }
    if (message->payload.length == 0)
        return false;
    message->offset = (uint32_t)(message->payload.data - tvb_get_ptr(drawing->tvb, 0, 1));
    return true;
}

static char *topic_of(const struct message *message)
{
    const struct mqttscope_drawing *drawing = message->drawing;

    if (drawing->record->extra != NULL && drawing->record->extra->topic != NULL)
        return wmem_strdup(drawing->pinfo->pool, drawing->record->extra->topic);
    return (char *)get_utf_8_string(drawing->pinfo->pool, message->topic_name.data,
                                    (int)message->topic_name.length);
}

/* ---- Compression ---- */

tvbuff_t *mqttscope_payload_unpack(const struct mqttscope_drawing *drawing, proto_tree *packet_tree,
                                   enum mqttscope_packing packing, struct mqtt_slice *payload)
{
    struct mqttscope_frame *frame = mqttscope_frame_get(drawing->pinfo);
    const char *problem;
    size_t length;

    uint8_t *data = mqttscope_unpack(
        packing, payload->data, payload->length,
        MIN(MQTTSCOPE_UNPACKED_MAX, MQTTSCOPE_UNPACKED_FRAME_MAX - frame->unpacked), &length,
        &problem);
    if (data == NULL) {
        expert_add_info_format(drawing->pinfo, packet_tree, &ei_remark[REMARK_PACKED],
                               "The payload is not unpacked: %s", problem);
        return NULL;
    }
    frame->unpacked += (uint32_t)length;
    tvbuff_t *tvb = tvb_new_child_real_data(drawing->tvb, data, (guint)length, (gint)length);
    tvb_set_free_cb(tvb, g_free);
    add_new_data_source(drawing->pinfo, tvb, "Unpacked payload");
    *payload = (struct mqtt_slice){data, (uint32_t)length};
    return tvb;
}

/* The payload as it was before it was compressed; the payload itself where it is not. NULL: it
 * can't be unpacked. */
static tvbuff_t *unpack(struct message *message, enum mqttscope_packing packing, tvbuff_t *payload)
{
    if (packing == PACKING_AUTOMATIC)
        packing = mqttscope_packing_of(message->payload.data, message->payload.length);
    if (packing == PACKING_NONE || !mqttscope_preferences.payload_unpack)
        return payload;
    return mqttscope_payload_unpack(message->drawing, message->packet_tree, packing,
                                    &message->payload);
}

static void draw_unpacked(const struct message *message, tvbuff_t *payload)
{
    if (message->packet_tree == NULL)
        return;
    proto_tree_add_item(message->packet_tree, hf_made[MADE_UNPACKED], payload, 0, -1, ENC_NA);
    mqttscope_draw_text(message->packet_tree, hf_made[MADE_UNPACKED_TEXT], payload, 0,
                        message->payload.length);
}

/* ---- Who dissects it ---- */

static const char *name_of(dissector_handle_t handle)
{
    return proto_get_protocol_short_name(
        find_protocol_by_id(dissector_handle_get_protocol_index(handle)));
}

static void draw_decoded_as(const struct message *message, dissector_handle_t handle,
                            const char *reason)
{
    if (message->packet_tree != NULL)
        proto_item_set_generated(proto_tree_add_string_format_value(
            message->packet_tree, hf_made[MADE_DECODED_AS], message->drawing->tvb,
            (int)message->offset, -1, name_of(handle), "%s (%s)", name_of(handle), reason));
}

/* The user has said so: bytes that this dissector does not take are shown as such. */
static bool try_wish(const struct message *message, const struct mqttscope_wish *wish,
                     tvbuff_t *payload)
{
    const struct mqttscope_drawing *drawing = message->drawing;

    if (wish->handle == NULL)
        return false;
    draw_decoded_as(message, wish->handle, "by a table of topics");
    mqttscope_draw_builtin_decoded_as(message->packet_tree, drawing->tvb, message->offset,
                                      wish->name);
    call_dissector(wish->handle, payload, drawing->pinfo, drawing->tree);
    return true;
}

/* The media type without its parameters, in small letters: "Text/Plain; charset=utf-8" is
 * "text/plain" in Wireshark's table. */
static char *media_type_of(wmem_allocator_t *pool, struct mqtt_slice content_type)
{
    char *text = (char *)get_utf_8_string(pool, content_type.data, (int)content_type.length);

    text[strcspn(text, ";")] = '\0';
    for (char *at = text; *at != '\0'; at++)
        *at = g_ascii_tolower(*at);
    return g_strstrip(text);
}

/* What Wireshark has for a media type; else for the syntax that its suffix names (RFC 6838, section
 * 4.2.8): "application/vnd.oma.lwm2m+json" is JSON. */
static dissector_handle_t dissector_of_media_type(wmem_allocator_t *pool, const char *media_type)
{
    dissector_handle_t handle = dissector_get_string_handle(media_types, media_type);
    const char *suffix = strrchr(media_type, '+');

    if (handle == NULL && suffix != NULL)
        handle = dissector_get_string_handle(
            media_types, wmem_strconcat(pool, "application/", suffix + 1, NULL));
    return handle;
}

static bool try_content_type(const struct message *message, tvbuff_t *payload)
{
    packet_info *pinfo = message->drawing->pinfo;

    if (!mqttscope_preferences.payload_content_type || media_types == NULL ||
        !mqtt_has_property(message->properties, MQTT_PROPERTY_CONTENT_TYPE))
        return false;
    const char *media_type = media_type_of(pinfo->pool, message->properties->content_type);
    dissector_handle_t handle = dissector_of_media_type(pinfo->pool, media_type);
    if (handle == NULL)
        return false;
    draw_decoded_as(message, handle, "by its Content Type");
    pinfo->match_string = media_type; /* dissectors show it */
    return call_dissector_only(handle, payload, pinfo, message->drawing->tree, NULL) != 0;
}

static bool try_topic(const struct message *message, tvbuff_t *payload)
{
    const struct mqttscope_drawing *drawing = message->drawing;
    heur_dtbl_entry_t *entry;

    return mqttscope_preferences.payload_heuristics && by_topic != NULL &&
           dissector_try_heuristic(by_topic, payload, drawing->pinfo, drawing->tree, &entry,
                                   topic_of(message));
}

static void try_json(const struct message *message, tvbuff_t *payload)
{
    const struct mqttscope_drawing *drawing = message->drawing;

    if (mqttscope_preferences.payload_json && json != NULL &&
        mqttscope_wants_fields_of(json_protocol, drawing->tree) &&
        looks_like_json(message->payload))
        call_dissector_only(json, payload, drawing->pinfo, drawing->tree, NULL);
}

bool mqttscope_payload_is_wanted(unsigned packet_type)
{
    return packet_type == MQTT_PUBLISH || packet_type == MQTT_CONNECT;
}

/* What the user says comes before what the sender says, then what the topic suggests, and at last
 * what it looks like. */
static void hand_on(struct message *message, tvbuff_t *payload)
{
    struct mqttscope_wish wish = {.packing = PACKING_AUTOMATIC};
    const char *topic = topic_of(message);

    mqttscope_payload_wish(message->drawing->pinfo->pool, topic, &wish);
    tvbuff_t *inside = unpack(message, wish.packing, payload);
    if (inside == NULL)
        return;
    if (inside != payload)
        draw_unpacked(message, inside);
    payload = inside;
    if (mqttscope_preferences.payload_sparkplug)
        mqttscope_sparkplug_dissect(&(struct mqttscope_sparkplug){
            .drawing = message->drawing,
            .packet_tree = message->packet_tree,
            .topic = {(const uint8_t *)topic, (uint32_t)strlen(topic)},
            .payload = message->payload,
            .tvb = payload,
        });
    if (!try_wish(message, &wish, payload) && !try_content_type(message, payload) &&
        !try_topic(message, payload))
        try_json(message, payload);
}

/* A payload that makes its dissector give up must not take the control packets behind it along, not
 * even where it is the dissector that is wrong. The line of its packet stays as it is. */
static void hand_on_safely(struct message *message, tvbuff_t *payload)
{
    packet_info *pinfo = message->drawing->pinfo;
    const gboolean writable = col_get_writable(pinfo->cinfo, -1);
    struct mqttscope_layers layers;

    mqttscope_layers_save(&layers, pinfo);
    col_set_writable(pinfo->cinfo, -1, FALSE);
    TRY
    {
        hand_on(message, payload);
    }
    CATCH_BOUNDS_AND_DISSECTOR_ERRORS
    {
        show_exception(payload, pinfo, message->drawing->tree, EXCEPT_CODE, GET_MESSAGE);
    }
    FINALLY
    {
        col_set_writable(pinfo->cinfo, -1, writable);
        mqttscope_layers_restore(&layers, pinfo);
    }
    ENDTRY;
}

void mqttscope_dissect_payload(const struct mqttscope_drawing *drawing, proto_tree *packet_tree)
{
    struct message message = {.packet_tree = packet_tree};

    if (find_message(drawing, &message))
        hand_on_safely(&message, tvb_new_subset_length(drawing->tvb, (int)message.offset,
                                                       (int)message.payload.length));
}
