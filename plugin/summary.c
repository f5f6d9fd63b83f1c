/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line a control packet; see summary.h. */
#include "plugin/summary.h"

#include "mqtt/facts/tables.h"
#include "plugin/payload.h"

/* Topic filters and reason codes beyond these are counted. */
#define LISTED_MAX 4

/* So many bytes of a payload that is text stand in the tree's line. */
#define PREVIEW_MAX 40u

struct line {
    wmem_allocator_t *pool;
    wmem_strbuf_t *text; /* the details */
    const struct mqtt_packet *packet;
    struct mqttscope_summary *summary;
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

static const char *escaped(wmem_allocator_t *pool, const char *text)
{
    return FORMAT_TEXT(pool, (const uint8_t *)text, strlen(text));
}

static const char *code_name(const struct line *line, uint8_t code)
{
    const struct mqtt_packet *packet = line->packet;
    const char *name = mqtt_reason_name((enum mqtt_version)packet->version,
                                        (enum mqtt_packet_type)packet->type, code);

    return name != NULL ? name : wmem_strdup_printf(line->pool, "code 0x%02x", code);
}

static void add_code(struct line *line, uint8_t code)
{
    wmem_strbuf_append_printf(line->text, ", %s", code_name(line, code));
}

static void add_connect(struct line *line)
{
    const struct mqtt_connect *connect = &line->packet->connect;

    /* It is about the client more than about anything else. */
    if (line->summary->client != NULL)
        wmem_strbuf_append_printf(line->text, ", client %s", line->summary->client);
    line->summary->client = NULL;
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
    const struct mqtt_slice name = publish->topic_name;

    if (record->extra != NULL && record->extra->topic != NULL)
        line->summary->subject = escaped(line->pool, record->extra->topic);
    else if (name.length != 0)
        line->summary->subject = FORMAT_TEXT(line->pool, name.data, name.length);
    wmem_strbuf_append_printf(line->text, ", QoS %u", publish->qos);
    if (publish->dup)
        wmem_strbuf_append(line->text, ", DUP");
    if (publish->retain)
        wmem_strbuf_append(line->text, ", RETAIN");
}

static void add_filters(struct line *line, const struct mqtt_filters *filters)
{
    const bool subscribe = line->packet->type == MQTT_SUBSCRIBE;
    wmem_strbuf_t *text = wmem_strbuf_new(line->pool, "");
    struct mqtt_slice list = filters->list;
    struct mqtt_filter filter;
    uint32_t count = 0;

    while (count < LISTED_MAX &&
           mqtt_filter_next(&list, (enum mqtt_packet_type)line->packet->type, &filter)) {
        if (count != 0)
            wmem_strbuf_append(text, ", ");
        wmem_strbuf_append(text, FORMAT_TEXT(line->pool, filter.filter.data, filter.filter.length));
        if (subscribe)
            wmem_strbuf_append_printf(text, " (QoS %u)", filter.options & 3u);
        count++;
    }
    if (filters->count > count)
        wmem_strbuf_append_printf(text, " and %u more", filters->count - count);
    if (count != 0)
        line->summary->subject = wmem_strbuf_get_str(text);
}

/* Each beside the topic filter that it is about. */
static void add_codes_of_filters(struct line *line, struct mqtt_slice codes,
                                 const struct mqttscope_filters *filters)
{
    const uint32_t listed = MIN(MIN(codes.length, filters->count), LISTED_MAX);
    wmem_strbuf_t *text = wmem_strbuf_new(line->pool, "");

    for (uint32_t i = 0; i < listed; i++)
        wmem_strbuf_append_printf(text, "%s%s: %s", i == 0 ? "" : ", ",
                                  escaped(line->pool, filters->texts[i]),
                                  code_name(line, codes.data[i]));
    if (codes.length > listed)
        wmem_strbuf_append_printf(text, " and %u more", codes.length - listed);
    line->summary->subject = wmem_strbuf_get_str(text);
}

static void add_codes(struct line *line, struct mqtt_slice codes,
                      const struct mqttscope_record *record)
{
    if (record->extra != NULL && record->extra->filters != NULL && codes.length != 0) {
        add_codes_of_filters(line, codes, record->extra->filters);
        return;
    }
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
    case MQTT_SUBACK: add_codes(line, packet->suback.codes, record); break;
    case MQTT_UNSUBACK: add_codes(line, packet->unsuback.codes, record); break;
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

void mqttscope_summarize(struct mqttscope_summary *summary, wmem_allocator_t *pool,
                         enum mqtt_outcome outcome, const struct mqtt_packet *packet,
                         const struct mqttscope_record *record)
{
    struct line line = {pool, wmem_strbuf_new(pool, ""), packet, summary};
    const char *client = record->client->identifier;

    *summary = (struct mqttscope_summary){
        .type = mqtt_packet_type_name(packet->type),
        .client = client != NULL ? escaped(pool, client) : NULL,
    };
    if (outcome == MQTT_OK || (outcome == MQTT_TRUNCATED && begins_with_topic(packet))) {
        add_details(&line, record);
        summary->has_identifier = packet->has_packet_identifier;
        summary->identifier = packet->packet_identifier;
    }
    if (outcome == MQTT_MALFORMED)
        wmem_strbuf_append(line.text, ", malformed");
    else if (outcome == MQTT_TRUNCATED)
        wmem_strbuf_append(line.text, ", not captured as a whole");
    summary->details = wmem_strbuf_get_str(line.text);
}

/* ---- Rules ---- */

static void count_finding(struct mqttscope_broken *broken, uint16_t rule)
{
    for (unsigned i = 0; i < broken->named; i++) {
        if (broken->rules[i] == rule) {
            broken->counts[i]++;
            return;
        }
    }
    if (broken->named == MQTTSCOPE_RULES_NAMED) {
        broken->others++;
        return;
    }
    broken->rules[broken->named] = rule;
    broken->counts[broken->named++] = 1;
}

void mqttscope_broken_add(struct mqttscope_broken *broken,
                          const struct mqttscope_findings *findings)
{
    if (findings == NULL)
        return;
    for (uint32_t i = 0; i < findings->count; i++)
        count_finding(broken, findings->list[i].rule);
    broken->others += findings->dropped;
}

void mqttscope_broken_append(const struct mqttscope_broken *broken, wmem_strbuf_t *text)
{
    if (broken->named == 0 && broken->others == 0)
        return;
    for (unsigned i = 0; i < broken->named; i++) {
        wmem_strbuf_append_printf(text, "%s%s", i == 0 ? " [" : ", ",
                                  mqtt_rule_info((enum mqtt_rule)broken->rules[i])->id);
        if (broken->counts[i] > 1)
            wmem_strbuf_append_printf(text, " " MQTTSCOPE_TIMES "%u", broken->counts[i]);
    }
    if (broken->others != 0)
        wmem_strbuf_append_printf(text, "%s%u more", broken->named == 0 ? " [" : ", ",
                                  broken->others);
    wmem_strbuf_append_c(text, ']');
}

/* ---- The tree's line ---- */

/* The payload's length, and how it begins if it is text. */
static void append_payload(wmem_allocator_t *pool, wmem_strbuf_t *text, struct mqtt_slice payload)
{
    uint32_t length = MIN(payload.length, PREVIEW_MAX);

    wmem_strbuf_append_printf(text, ", %u byte%s", payload.length,
                              plurality(payload.length, "", "s"));
    if (!mqttscope_is_text(payload.data, payload.length))
        return;
    while (length < payload.length && length > 0 && (payload.data[length] & 0xc0) == 0x80)
        length--; /* a character stays whole */
    wmem_strbuf_append_printf(text, ": %s%s", FORMAT_TEXT(pool, payload.data, length),
                              length < payload.length ? MQTTSCOPE_ELLIPSIS : "");
}

const char *mqttscope_packet_line(wmem_allocator_t *pool, enum mqtt_outcome outcome,
                                  const struct mqtt_packet *packet,
                                  const struct mqttscope_record *record)
{
    struct mqttscope_summary summary;
    struct mqttscope_broken broken = {0};

    mqttscope_summarize(&summary, pool, outcome, packet, record);
    wmem_strbuf_t *text = wmem_strbuf_new(pool, summary.type);
    if (summary.subject != NULL)
        wmem_strbuf_append_printf(text, " %s", summary.subject);
    wmem_strbuf_append(text, summary.details);
    if (summary.has_identifier)
        wmem_strbuf_append_printf(text, ", id %u", summary.identifier);
    if (packet->type == MQTT_PUBLISH && outcome == MQTT_OK)
        append_payload(pool, text, packet->publish.payload);
    mqttscope_broken_add(&broken, record->findings);
    mqttscope_broken_append(&broken, text);
    return wmem_strbuf_get_str(text);
}
