/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection while it is open. */
#include "audit/private.h"

#include <string.h>

struct audit_open *audit_connection_opened(struct audit *audit, const struct audit_opening *opening)
{
    struct audit_connection *record = g_new0(struct audit_connection, 1);
    record->stream = opening->stream;
    record->carrier = opening->carrier;
    memcpy(record->endpoints, opening->endpoints, sizeof record->endpoints);
    record->client = opening->client;
    record->start_time = opening->time;
    record->start_frame = opening->frame;

    struct audit_open *open = g_new0(struct audit_open, 1);
    open->record = record;
    open->start_seen = opening->start_seen;
    open->wanted = audit->only_client.length == 0;
    return open;
}

static bool same_bytes(struct mqtt_slice a, struct mqtt_slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static void identify(struct audit *audit, struct audit_open *open, struct mqtt_slice identifier)
{
    open->identified = true;
    struct audit_string view = audit_string_view(identifier);
    open->client = audit_client_get(audit, &view);
    if (audit->only_client.length > 0)
        open->wanted = same_bytes(identifier, audit->only_client);
}

struct audit_handshakes *audit_open_handshakes(struct audit_open *open, unsigned side,
                                               unsigned kind)
{
    struct audit_handshakes **slot = &open->record->handshakes[side][kind];
    if (*slot == NULL)
        *slot = g_new0(struct audit_handshakes, 1);
    return *slot;
}

static bool is_name(const struct audit_topic *topic, struct mqtt_slice name)
{
    return topic != NULL && topic->name->length == name.length &&
           topic->name->whole == name.length &&
           memcmp(topic->name->bytes, name.data, name.length) == 0;
}

static void count_publish(struct audit_topic *topic, bool from_client,
                          const struct mqtt_publish *publish)
{
    if (from_client) {
        topic->published++;
        topic->published_bytes += publish->payload_length;
    } else {
        topic->delivered++;
        topic->delivered_bytes += publish->payload_length;
        topic->retained += publish->retain;
    }
    topic->qos[publish->qos]++;
}

static void step_publish(struct audit *audit, struct audit_open *open, unsigned side,
                         const struct mqtt_packet *packet, const struct mqtt_step *step)
{
    const struct mqtt_publish *publish = &packet->publish;
    const struct mqtt_slice name = step->topic;
    bool from_client = side == open->record->client;
    count_publish(&audit->report.totals.publishes, from_client, publish);

    if (name.length == 0) {
        /* An alias that was never set, or no topic at all, is a finding and no limit. */
        if (mqtt_has_property(&packet->properties, MQTT_PROPERTY_TOPIC_ALIAS) &&
            step->finding_count == 0)
            audit_limit(audit, AUDIT_LIMIT_TOPIC_UNKNOWN, 1, 0);
        count_publish(&audit->report.other_topics, from_client, publish);
        return;
    }
    struct audit_topic *topic = open->last_topic[side];
    if (!is_name(topic, name)) {
        struct audit_string view = audit_string_view(name);
        topic = audit_topic_get(audit, &view);
        if (topic == NULL) {
            audit_limit(audit, AUDIT_LIMIT_TOPICS, 1, 0);
            count_publish(&audit->report.other_topics, from_client, publish);
            return;
        }
        open->last_topic[side] = topic;
    }
    count_publish(topic, from_client, publish);
}

/* Which kind of handshake a packet begins, or goes on with if it was sent before. */
static enum mqtt_handshake_kind begins(const struct mqtt_packet *packet)
{
    switch (packet->type) {
    case MQTT_CONNECT: return MQTT_HANDSHAKE_CONNECT;
    case MQTT_PUBLISH:
        if (packet->publish.qos == 1)
            return MQTT_HANDSHAKE_QOS_1;
        return packet->publish.qos == 2 ? MQTT_HANDSHAKE_QOS_2 : MQTT_HANDSHAKE_NONE;
    case MQTT_PUBREL: return MQTT_HANDSHAKE_QOS_2;
    case MQTT_SUBSCRIBE: return MQTT_HANDSHAKE_SUBSCRIBE;
    case MQTT_UNSUBSCRIBE: return MQTT_HANDSHAKE_UNSUBSCRIBE;
    case MQTT_PINGREQ: return MQTT_HANDSHAKE_PING;
    default: return MQTT_HANDSHAKE_NONE;
    }
}

static void step_begin(struct audit_open *open, unsigned side, const struct mqtt_packet *packet,
                       const struct mqtt_step *step)
{
    enum mqtt_handshake_kind kind = begins(packet);
    if (kind == MQTT_HANDSHAKE_NONE)
        return;
    if (step->resend)
        audit_open_handshakes(open, side, kind)->retransmitted++;
    else if (packet->type != MQTT_PUBREL)
        audit_open_handshakes(open, side, kind)->started++;
}

bool audit_count_beginning(const struct audit_open *open, struct audit_handshakes *entry,
                           const struct mqtt_handshake *handshake)
{
    uint64_t began = handshake->legs[0].frame;
    if (handshake->resumed || (began != 0 && began < open->record->start_frame)) {
        entry->resumed++;
        return false;
    }
    entry->started += began == 0; /* its first packet is not in the capture */
    return began != 0;
}

static void step_end(struct audit_open *open, const struct mqtt_handshake *handshake, int64_t time)
{
    struct audit_handshakes *entry = audit_open_handshakes(open, handshake->side, handshake->kind);
    bool measured = audit_count_beginning(open, entry, handshake);
    if (handshake->failed) {
        entry->refused++;
        return;
    }
    entry->completed++;
    /* The time that a client was away is no latency, and a clock that steps back shows none. */
    int64_t took = time - handshake->legs[0].time;
    if (!measured || took < 0)
        return;
    if (entry->times == NULL)
        entry->times = g_new0(struct audit_histogram, 1);
    audit_histogram_add(entry->times, (uint64_t)took / 1000);
}

void audit_keep_finding(struct audit *audit, struct audit_open *open,
                        const struct mqtt_finding *finding)
{
    if (!audit->rules[finding->rule])
        return;
    if (audit->findings_kept >= audit->bounds.findings) {
        if (open->wanted) {
            unsigned severity = mqtt_rule_info(finding->rule)->severity;
            open->record->findings[severity]++;
            audit->report.totals.findings[severity]++;
            audit->report.totals.findings_by_rule[finding->rule]++;
            audit_limit(audit, AUDIT_LIMIT_FINDINGS, 1, 0);
        }
        return;
    }
    struct audit_finding kept = {
        .what = *finding,
        .stream = open->record->stream,
        .order = open->finding_order++,
    };
    if (open->findings == NULL)
        open->findings = g_array_new(FALSE, FALSE, sizeof kept);
    g_array_append_val(open->findings, kept);
    audit->findings_kept++;
}

void audit_keep_findings(struct audit *audit, struct audit_open *open, const struct mqtt_step *step)
{
    for (uint32_t i = 0; i < step->finding_count; i++)
        audit_keep_finding(audit, open, &step->findings[i]);
    if (step->findings_dropped > 0 && open->wanted)
        audit_limit(audit, AUDIT_LIMIT_STEP_FINDINGS, step->findings_dropped, 0);
}

void audit_connection_step(struct audit *audit, struct audit_open *open,
                           const struct mqtt_place *place, const struct mqtt_packet *packet,
                           const struct mqtt_step *step)
{
    unsigned side = place->side;
    if (step->sender != MQTT_SENDER_UNKNOWN)
        open->record->client = (uint8_t)(step->sender == MQTT_SENDER_CLIENT ? side : 1 - side);
    if (!open->identified && step->client_identifier.length > 0)
        identify(audit, open, step->client_identifier);

    if (packet->malformed_rule == MQTT_RULE_NONE) {
        if (packet->type == MQTT_PUBLISH && packet->publish.qos < 3 && !step->resend &&
            open->wanted)
            step_publish(audit, open, side, packet, step);
        step_begin(open, side, packet, step);
    }
    if (step->has_handshake)
        step_end(open, &step->handshake, place->time);
    if (step->finding_count > 0)
        audit_keep_findings(audit, open, step);
}
