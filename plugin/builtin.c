/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preferences and remarks of Wireshark's own dissector; see builtin.h. */
#include "plugin/builtin.h"

#include <epan/prefs-int.h>

static struct {
    pref_t *default_version;
    pref_t *show_as_text;
    int unknown_version; /* fields; -1: there is none */
    int illegal_length;
    int unknown_alias;
    int decoded_as;
} builtin;

void mqttscope_builtin_handoff(void)
{
    module_t *module = prefs_find_module("mqtt");

    builtin.default_version =
        module != NULL ? prefs_find_preference(module, "default_version") : NULL;
    builtin.show_as_text =
        module != NULL ? prefs_find_preference(module, "show_msg_as_text") : NULL;
    builtin.unknown_version = proto_registrar_get_id_byname("mqtt.unknown_version");
    builtin.illegal_length = proto_registrar_get_id_byname("mqtt.illegal_topic_length");
    builtin.decoded_as = proto_registrar_get_id_byname("mqtt.msg_decoded_as");
    builtin.unknown_alias = proto_registrar_get_id_byname("mqtt.unknown_topic_alias");
}

/* It has the protocol level as its number, 0 if none is chosen. */
enum mqtt_version mqttscope_builtin_version(void)
{
    const int level = builtin.default_version != NULL
                          ? prefs_get_enum_value(builtin.default_version, pref_current)
                          : 0;

    return level >= MQTT_VERSION_3_1 && level <= MQTT_VERSION_5_0 ? (enum mqtt_version)level
                                                                  : MQTT_VERSION_UNKNOWN;
}

bool mqttscope_builtin_shows_text(void)
{
    return builtin.show_as_text != NULL && prefs_get_bool_value(builtin.show_as_text, pref_current);
}

void mqttscope_draw_builtin_decoded_as(proto_tree *tree, tvbuff_t *tvb, uint32_t offset,
                                       const char *dissector)
{
    if (tree != NULL && builtin.decoded_as > 0)
        proto_item_set_generated(
            proto_tree_add_string(tree, builtin.decoded_as, tvb, (int)offset, -1, dissector));
}

/* ---- Remarks ---- */

static void remark_on(const struct painter *painter, int field)
{
    const struct mqttscope_drawing *drawing = painter->drawing;

    proto_item_set_hidden(proto_tree_add_item(painter->levels[0].tree, field, drawing->tvb,
                                              (int)drawing->offset, 0, ENC_NA));
}

/* A topic of no bytes where nothing stands for it. */
static bool has_empty_topic(const struct painter *painter)
{
    const struct mqtt_trace *trace = painter->drawing->trace;
    const bool has_alias =
        mqtt_has_property(&painter->drawing->packet->properties, MQTT_PROPERTY_TOPIC_ALIAS);

    for (uint32_t i = 0; i < trace->count; i++) {
        const struct mqtt_span *span = &trace->spans[i];
        if (span->value == 0 && (span->field == MQTT_FIELD_FILTER_LENGTH ||
                                 span->field == MQTT_FIELD_WILL_TOPIC_LENGTH ||
                                 (span->field == MQTT_FIELD_TOPIC_LENGTH && !has_alias)))
            return true;
    }
    return false;
}

static bool has_unknown_alias(const struct painter *painter)
{
    const struct mqttscope_drawing *drawing = painter->drawing;
    const struct mqttscope_extra *extra = drawing->record->extra;

    return drawing->packet->type == MQTT_PUBLISH && drawing->outcome != MQTT_MALFORMED &&
           drawing->packet->publish.topic_name.length == 0 &&
           mqtt_has_property(&drawing->packet->properties, MQTT_PROPERTY_TOPIC_ALIAS) &&
           (extra == NULL || extra->topic == NULL);
}

void mqttscope_draw_builtin_remarks(const struct painter *painter)
{
    if (mqttscope_asks_for(builtin.unknown_version) && painter->drawing->record->version_untold &&
        painter->drawing->packet->type != MQTT_CONNECT)
        remark_on(painter, builtin.unknown_version);
    if (mqttscope_asks_for(builtin.illegal_length) && has_empty_topic(painter))
        remark_on(painter, builtin.illegal_length);
    if (mqttscope_asks_for(builtin.unknown_alias) && has_unknown_alias(painter))
        remark_on(painter, builtin.unknown_alias);
}
