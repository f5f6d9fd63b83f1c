/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line a control packet; see summary.h. */
#include "plugin/summary.h"

#include "mqtt/facts/tables.h"

/* Topic filters and reason codes beyond these are counted. */
#define LISTED_MAX 4

struct line {
    wmem_allocator_t *pool;
    wmem_strbuf_t *text;
    const struct mqtt_packet *packet;
};

static void add_bytes(struct line *line, const char *label, const uint8_t *data, size_t length)
{
    wmem_strbuf_append(line->text, label);
    wmem_strbuf_append(line->text, FORMAT_TEXT(line->pool, data, length));
}

static void add_slice(struct line *line, const char *label, struct mqtt_slice slice)
{
    if (slice.length != 0)
        add_bytes(line, label, slice.data, slice.length);
}

static void add_identifier(struct line *line)
{
    if (line->packet->has_packet_identifier)
        wmem_strbuf_append_printf(line->text, ", id %u", line->packet->packet_identifier);
}

static void add_code(struct line *line, uint8_t code)
{
    const struct mqtt_packet *packet = line->packet;
    const char *name = mqtt_reason_name((enum mqtt_version)packet->version,
                                        (enum mqtt_packet_type)packet->type, code);

    if (name != NULL)
        wmem_strbuf_append_printf(line->text, ", %s", name);
    else
        wmem_strbuf_append_printf(line->text, ", code 0x%02x", code);
}

static void add_connect(struct line *line)
{
    const struct mqtt_connect *connect = &line->packet->connect;

    if (line->packet->version == MQTT_VERSION_UNKNOWN) { /* what follows may mean anything */
        wmem_strbuf_append_printf(line->text, ", protocol level %u", connect->protocol_level);
        return;
    }
    wmem_strbuf_append_printf(line->text, ", MQTT %s", mqtt_version_name(line->packet->version));
    if (connect->bridge)
        wmem_strbuf_append(line->text, ", bridge");
    wmem_strbuf_append_printf(line->text, ", keep alive %u s", connect->keep_alive);
    if (connect->clean_start)
        wmem_strbuf_append(line->text, line->packet->version == MQTT_VERSION_5_0
                                           ? ", clean start"
                                           : ", clean session");
    if (connect->has_will)
        add_slice(line, ", will ", connect->will_topic);
}

static void add_publish(struct line *line, const struct mqttscope_record *record)
{
    const struct mqtt_publish *publish = &line->packet->publish;

    if (record->extra != NULL && record->extra->topic != NULL)
        add_bytes(line, ", topic ", (const uint8_t *)record->extra->topic,
                  strlen(record->extra->topic));
    else
        add_slice(line, ", topic ", publish->topic_name);
    wmem_strbuf_append_printf(line->text, ", QoS %u", publish->qos);
    if (publish->dup)
        wmem_strbuf_append(line->text, ", DUP");
    if (publish->retain)
        wmem_strbuf_append(line->text, ", RETAIN");
    add_identifier(line);
}

static void add_filters(struct line *line, const struct mqtt_filters *filters)
{
    const bool subscribe = line->packet->type == MQTT_SUBSCRIBE;
    struct mqtt_slice list = filters->list;
    struct mqtt_filter filter;
    uint32_t count = 0;

    add_identifier(line);
    while (count < LISTED_MAX &&
           mqtt_filter_next(&list, (enum mqtt_packet_type)line->packet->type, &filter)) {
        add_slice(line, count == 0 ? ", filter " : ", ", filter.filter);
        if (subscribe)
            wmem_strbuf_append_printf(line->text, " (QoS %u)", filter.options & 3u);
        count++;
    }
    if (filters->count > count)
        wmem_strbuf_append_printf(line->text, " and %u more", filters->count - count);
}

static void add_codes(struct line *line, struct mqtt_slice codes)
{
    add_identifier(line);
    for (uint32_t i = 0; i < codes.length && i < LISTED_MAX; i++)
        add_code(line, codes.data[i]);
    if (codes.length > LISTED_MAX)
        wmem_strbuf_append_printf(line->text, " and %u more", codes.length - LISTED_MAX);
}

static void add_connack(struct line *line)
{
    add_code(line, line->packet->reason_code);
    if (line->packet->connack.session_present)
        wmem_strbuf_append(line->text, ", session present");
}

/* PUBACK to PUBCOMP, DISCONNECT, AUTH: success goes without saying. */
static void add_reason(struct line *line)
{
    add_identifier(line);
    if (line->packet->has_reason_code &&
        (line->packet->reason_code != 0 || line->packet->type == MQTT_AUTH))
        add_code(line, line->packet->reason_code);
}

static void add_details(struct line *line, const struct mqttscope_record *record)
{
    const struct mqtt_packet *packet = line->packet;

    switch (packet->type) {
    case MQTT_CONNECT: add_connect(line); break;
    case MQTT_CONNACK: add_connack(line); break;
    case MQTT_PUBLISH: add_publish(line, record); break;
    case MQTT_SUBSCRIBE: add_filters(line, &packet->subscribe); break;
    case MQTT_UNSUBSCRIBE: add_filters(line, &packet->unsubscribe); break;
    case MQTT_SUBACK: add_codes(line, packet->suback.codes); break;
    case MQTT_UNSUBACK: add_codes(line, packet->unsuback.codes); break;
    default: add_reason(line); break;
    }
}

/* Packets of which the first few bytes say most. In others, what the capture cut off would look as
 * if it had been empty. */
static bool begins_with_topic(const struct mqtt_packet *packet)
{
    switch (packet->type) {
    case MQTT_PUBLISH:
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE: return true;
    default: return false;
    }
}

const char *mqttscope_summary(wmem_allocator_t *pool, enum mqtt_outcome outcome,
                              const struct mqtt_packet *packet,
                              const struct mqttscope_record *record)
{
    struct line line = {pool, wmem_strbuf_new(pool, mqtt_packet_type_name(packet->type)), packet};

    if (record->client->identifier != NULL)
        add_bytes(&line, ", client ", (const uint8_t *)record->client->identifier,
                  strlen(record->client->identifier));
    if (outcome == MQTT_OK || (outcome == MQTT_TRUNCATED && begins_with_topic(packet)))
        add_details(&line, record);
    if (outcome == MQTT_MALFORMED)
        wmem_strbuf_append(line.text, ", malformed");
    else if (outcome == MQTT_TRUNCATED)
        wmem_strbuf_append(line.text, ", not captured as a whole");
    return wmem_strbuf_get_str(line.text);
}
