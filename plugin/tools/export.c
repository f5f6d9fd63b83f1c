/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Export Objects > MQTT, --export-objects mqtt,DIR: each payload a file, named by its topic. */
#include "plugin/payload.h"
#include "plugin/register.h"
#include "plugin/tools/tools.h"

/* Of a topic so many bytes go into the name: the frame and an ending follow. */
#define TOPIC_MAX 150u

/* A topic is whatever its publisher likes; no file system is to read anything into it. Levels are
 * parted by "_", and a dot stands only behind a letter or digit. */
static void append_safe(wmem_strbuf_t *name, const char *topic)
{
    for (uint32_t i = 0; i < TOPIC_MAX && topic[i] != '\0'; i++) {
        const char c = topic[i];
        const bool safe =
            g_ascii_isalnum(c) || c == '-' || (c == '.' && i != 0 && g_ascii_isalnum(topic[i - 1]));
        wmem_strbuf_append_c(name, safe ? c : '_');
    }
}

static const char *ending_of(const struct mqtt_publish *publish)
{
    const struct mqtt_slice payload = publish->payload;

    if (!mqttscope_is_text(payload.data, payload.length))
        return "bin";
    return payload.data[0] == '{' || payload.data[0] == '[' ? "json" : "txt";
}

static const char *name_of(wmem_allocator_t *pool, const packet_info *pinfo,
                           const struct mqttscope_told *seen)
{
    wmem_strbuf_t *name = wmem_strbuf_new(pool, "");

    append_safe(name, seen->topic != NULL ? seen->topic : "unknown");
    wmem_strbuf_append_printf(name, "_%u", pinfo->num);
    if (seen->ordinal != 0)
        wmem_strbuf_append_printf(name, "-%u", seen->ordinal + 1);
    wmem_strbuf_append_printf(name, ".%s", ending_of(&seen->packet->publish));
    return wmem_strbuf_get_str(name);
}

static const char *content_type_of(wmem_allocator_t *pool, const struct mqtt_packet *packet)
{
    const struct mqtt_properties *properties = &packet->properties;

    if (!mqtt_has_property(properties, MQTT_PROPERTY_CONTENT_TYPE))
        return "";
    return FORMAT_TEXT(pool, properties->content_type.data, properties->content_type.length);
}

static void add_payload(void *user, packet_info *pinfo, const struct mqttscope_told *seen)
{
    export_object_list_t *list = user;

    if (seen->outcome != MQTT_OK || seen->packet->type != MQTT_PUBLISH ||
        seen->packet->publish.payload.length == 0)
        return;
    const struct mqtt_slice payload = seen->packet->publish.payload;
    export_object_entry_t *entry = g_new0(export_object_entry_t, 1);
    entry->pkt_num = pinfo->num;
    entry->hostname = g_strdup(seen->client != NULL ? seen->client : "");
    entry->content_type = g_strdup(content_type_of(pinfo->pool, seen->packet));
    entry->filename = g_strdup(name_of(pinfo->pool, pinfo, seen));
    entry->payload_len = payload.length;
    entry->payload_data = g_memdup2(payload.data, payload.length);
    list->add_entry(list->gui_data, entry);
}

static tap_packet_status add_frame(void *user, packet_info *pinfo, epan_dissect_t *dissection,
                                   const void *data, tap_flags_t flags)
{
    (void)dissection;
    (void)flags;
    mqttscope_for_each(data, pinfo, add_payload, user);
    return TAP_PACKET_REDRAW;
}

/* Under the name that users know, unless Wireshark's own dissector has taken it. */
int mqttscope_export_register(void)
{
    const bool theirs = mqttscope_builtin_protocol != -1 && get_eo_by_name("mqtt") == NULL;

    return register_export_object(theirs ? mqttscope_builtin_protocol : proto_mqttscope, add_frame,
                                  NULL);
}
