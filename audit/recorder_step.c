/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection while it is open. */
#include "audit/recorder_private.h"

#include <string.h>

#include "mqtt/facts/time.h"

/* Findings that wait for a client identifier, of all connections. */
#define MAX_HELD 100000u

static void tell_opened(struct audit_recorder *recorder, struct audit_open *open)
{
    struct audit_event event;
    event.kind = AUDIT_EVENT_OPENED;
    event.flow = &open->flow;
    event.side = open->flow.client;
    open->flow.number = ++recorder->flows;
    open->told = true;
    audit_tell(recorder, &event);
}

struct audit_open *audit_connection_opened(struct audit_recorder *recorder,
                                           const struct audit_opening *opening)
{
    struct audit_open *open = g_new0(struct audit_open, 1);
    open->flow = (struct audit_flow){
        .stream = opening->stream,
        .carrier = opening->carrier,
        .ends = {opening->endpoints[0], opening->endpoints[1]},
        .start_time = opening->time,
        .start_frame = opening->frame,
        .start_seen = opening->start_seen,
        .client = opening->client,
        .state = open->state,
    };
    open->stay.entry.offline = open->stay.since_connect = open->stay.online = MQTT_NO_TIME;
    for (unsigned side = 0; side < 2; side++)
        audit_endpoint_text(&open->flow.endpoints[side], &opening->endpoints[side]);
    if (opening->real_client.family != 0)
        audit_endpoint_text(&open->flow.real_client, &opening->real_client);
    open->wanted = recorder->only_client.length == 0;
    audit_advance(recorder, opening->frame, opening->time);
    if (open->wanted)
        tell_opened(recorder, open);
    if (recorder->deliveries != NULL && opening->connection != NULL)
        open->link =
            audit_delivery_opened(recorder->deliveries, open, opening->connection, opening->stream);
    return open;
}

void audit_connection_acknowledged(struct audit_open *open, bool release, int64_t time)
{
    open->acknowledged.timed[release] = true;
    open->acknowledged.time[release] = time;
}

void audit_connection_round_trip(struct audit_open *open, uint8_t side, int64_t nanoseconds)
{
    if (open->round_trips[side] == NULL)
        open->round_trips[side] = g_new0(struct audit_round_trips, 1);
    audit_round_trips_add(open->round_trips[side], mqtt_microseconds(nanoseconds));
}

void audit_connection_shut(struct audit_recorder *recorder, struct audit_open *open, int64_t time)
{
    if (recorder->deliveries != NULL && open->link != NULL)
        audit_delivery_shut(open->link, time);
}

struct audit_handshake_counts *audit_open_handshakes(struct audit_open *open, unsigned side,
                                                     unsigned kind)
{
    struct audit_handshake_counts **slot = &open->handshakes[side][kind];
    if (*slot == NULL)
        *slot = g_new0(struct audit_handshake_counts, 1);
    return *slot;
}

/* ---- Findings ---- */

static void tell_finding(struct audit_recorder *recorder, struct audit_open *open,
                         const struct mqtt_finding *finding, struct mqtt_slice topic)
{
    struct audit_event event;
    event.kind = AUDIT_EVENT_FINDING;
    event.flow = &open->flow;
    event.side = finding->side;
    event.finding = (struct audit_finding_event){
        .what = finding,
        .order = open->finding_order++,
        .stream = open->flow.stream,
        .topic = topic,
    };
    audit_tell(recorder, &event);
}

/* One client alone was asked for, and whose connection this is is not known yet. */
static void hold_finding(struct audit_recorder *recorder, struct audit_open *open,
                         const struct mqtt_finding *finding)
{
    if (open->identified)
        return; /* another client's */
    if (recorder->held >= MAX_HELD) {
        audit_limit(recorder, AUDIT_LIMIT_FINDINGS_HELD, 1, 0);
        return;
    }
    if (open->held == NULL)
        open->held = g_array_new(FALSE, FALSE, sizeof *finding);
    g_array_append_vals(open->held, finding, 1);
    recorder->held++;
}

void audit_tell_topic_finding(struct audit_recorder *recorder, struct audit_open *open,
                              const struct mqtt_finding *finding, struct mqtt_slice topic)
{
    if (!audit_wants_finding(recorder, finding->rule, topic))
        return;
    if (open->wanted)
        tell_finding(recorder, open, finding, topic);
    else
        hold_finding(recorder, open, finding);
}

void audit_tell_finding(struct audit_recorder *recorder, struct audit_open *open,
                        const struct mqtt_finding *finding)
{
    audit_tell_topic_finding(recorder, open, finding, (struct mqtt_slice){NULL, 0});
}

void audit_tell_findings(struct audit_recorder *recorder, struct audit_open *open,
                         const struct mqtt_step *step)
{
    for (uint32_t i = 0; i < step->finding_count; i++)
        audit_tell_finding(recorder, open, &step->findings[i]);
    if (step->findings_dropped > 0 && open->wanted)
        audit_limit(recorder, AUDIT_LIMIT_STEP_FINDINGS, step->findings_dropped, 0);
}

/* ---- Who it is ---- */

static void fill_identity(struct audit_identity *identity, const struct mqtt_packet *packet)
{
    const struct mqtt_connect *connect = &packet->connect;
    if (packet->type != MQTT_CONNECT) {
        *identity = (struct audit_identity){.assigned = true};
        return;
    }
    *identity = (struct audit_identity){
        .connect = true,
        .cut = packet->captured < packet->length,
        .bridge = connect->bridge,
        .clean_start = connect->clean_start,
        .keep_alive_s = connect->keep_alive,
        .has_will = connect->has_will,
        .properties = &packet->properties,
        .user_name = connect->user_name,
    };
    if (connect->has_will) {
        identity->will_qos = connect->will_qos;
        identity->will_retain = connect->will_retain;
        identity->will_topic = connect->will_topic;
        identity->will_payload = connect->will_payload;
        identity->will_properties = &connect->will_properties;
    }
}

static void tell_identity(struct audit_recorder *recorder, const struct audit_open *open,
                          uint8_t side, const struct mqtt_packet *packet)
{
    struct audit_event event;
    event.kind = AUDIT_EVENT_IDENTIFIED;
    event.flow = &open->flow;
    event.side = side;
    fill_identity(&event.identified, packet);
    audit_tell(recorder, &event);
}

static bool same_bytes(struct mqtt_slice a, struct mqtt_slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* One client alone was asked for, and it is this one, or another. */
static void select_client(struct audit_recorder *recorder, struct audit_open *open)
{
    GArray *held = open->held;
    open->held = NULL;
    open->wanted = same_bytes(open->flow.client_identifier, recorder->only_client);
    if (open->wanted)
        tell_opened(recorder, open);
    for (unsigned i = 0; held != NULL && open->wanted && i < held->len; i++)
        tell_finding(recorder, open, &g_array_index(held, struct mqtt_finding, i),
                     (struct mqtt_slice){NULL, 0});
    if (held != NULL) {
        recorder->held -= held->len;
        g_array_free(held, TRUE);
    }
}

static void identify(struct audit_recorder *recorder, struct audit_open *open,
                     struct mqtt_slice identifier)
{
    open->identified = true;
    open->flow.client_identifier =
        (struct mqtt_slice){g_memdup2(identifier.data, identifier.length), identifier.length};
    if (recorder->only_client.length > 0)
        select_client(recorder, open);
}

/* CONNECT, or what tells the client identifier. */
static void learn_names(struct audit_recorder *recorder, struct audit_open *open, uint8_t side,
                        const struct mqtt_packet *packet, const struct mqtt_step *step)
{
    const bool connects = packet->type == MQTT_CONNECT &&
                          packet->malformed_rule == MQTT_RULE_NONE && !open->connected;
    const bool named = !open->identified && step->client_identifier.length > 0;
    if (connects) {
        open->connected = true;
        open->clean_start = packet->connect.clean_start;
        open->bridge = packet->connect.bridge;
    }
    if (named)
        identify(recorder, open, step->client_identifier);
    if (step->since_connect != MQTT_NO_TIME)
        open->stay.since_connect = step->since_connect;
    if (open->wanted && (connects || named))
        tell_identity(recorder, open, side, packet);
}

/* ---- What its packets mean ---- */

static void tell_message(struct audit_recorder *recorder, const struct audit_open *open,
                         uint8_t side, const struct mqtt_packet *packet,
                         const struct mqtt_step *step, const struct audit_match *match)
{
    const struct mqtt_publish *publish = &packet->publish;
    struct audit_event event;
    event.kind = side == open->flow.client ? AUDIT_EVENT_PUBLISHED : AUDIT_EVENT_DELIVERED;
    event.flow = &open->flow;
    event.side = side;
    event.message.topic = step->topic;
    event.message.payload = publish->payload;
    event.message.payload_length = publish->payload_length;
    event.message.packet_identifier = packet->packet_identifier;
    event.message.qos = publish->qos;
    event.message.retain = publish->retain;
    event.message.dup = publish->dup;
    event.message.topic_from_alias = step->topic_from_alias;
    event.message.by_bridge = open->bridge;
    event.message.resend = step->resend;
    event.message.first_frame = step->first.frame;
    event.message.properties = &packet->properties;
    event.message.match = *match;
    if (audit_wants_topic(recorder, step->topic))
        audit_tell(recorder, &event);
    if (step->alias_lost && !step->resend)
        audit_limit(recorder, AUDIT_LIMIT_TOPIC_UNKNOWN, 1, 0);
}

bool audit_count_beginning(const struct audit_open *open, struct audit_handshake_counts *counts,
                           const struct mqtt_handshake *handshake)
{
    uint64_t began = handshake->legs[0].frame;
    if (handshake->resumed || (began != 0 && began < open->flow.start_frame)) {
        counts->resumed++;
        return false;
    }
    counts->started += began == 0; /* its first packet is not in the capture */
    return began != 0;
}

static void tell_handshake(struct audit_recorder *recorder, struct audit_open *open,
                           const struct mqtt_place *place, const struct mqtt_handshake *handshake)
{
    struct audit_handshake_counts *counts =
        audit_open_handshakes(open, handshake->side, handshake->kind);
    bool measured = audit_count_beginning(open, counts, handshake);
    if (handshake->owed)
        audit_count_carried(open, handshake, true);
    if (handshake->failed)
        counts->refused++;
    else
        counts->completed++;
    if (!open->wanted)
        return;
    struct audit_event event;
    event.kind =
        handshake->kind == MQTT_HANDSHAKE_PING ? AUDIT_EVENT_PING : AUDIT_EVENT_HANDSHAKE_DONE;
    event.flow = &open->flow;
    event.side = place->side;
    event.handshake.handshake = handshake;
    event.handshake.measured = measured;
    event.handshake.took = mqtt_elapsed(place->time, handshake->legs[0].time);
    const bool timed = open->acknowledged.timed[0] || open->acknowledged.timed[1];
    event.handshake.acknowledged = timed ? &open->acknowledged : NULL;
    audit_tell(recorder, &event);
    open->acknowledged.timed[0] = open->acknowledged.timed[1] = false;
}

/* ---- Subscriptions ---- */

static void tell_subscription(struct audit_recorder *recorder, const struct audit_open *open,
                              uint8_t side, const struct mqtt_packet *packet,
                              const struct mqtt_step *step)
{
    struct audit_event event;
    event.kind = packet->type == MQTT_SUBACK ? AUDIT_EVENT_SUBSCRIBED : AUDIT_EVENT_UNSUBSCRIBED;
    event.flow = &open->flow;
    event.side = side;
    event.subscription = (struct audit_subscription){
        .packet_identifier = packet->packet_identifier,
        .version = step->version,
        .filters = step->filters,
        .request = step->request,
        .properties = &packet->properties,
    };
    if (packet->type == MQTT_SUBACK)
        event.subscription.codes = packet->suback.codes;
    else if (step->version == MQTT_VERSION_5_0)
        event.subscription.codes = packet->unsuback.codes;
    audit_tell(recorder, &event);
}

/* A packet that begins a handshake of this kind, or was sent before. */
static void count_begin(struct audit_open *open, unsigned side, unsigned kind, bool resend)
{
    struct audit_handshake_counts *counts = audit_open_handshakes(open, side, kind);
    if (resend)
        counts->retransmitted++;
    else
        counts->started++;
}

static void take_publish(struct audit_recorder *recorder, struct audit_open *open, uint8_t side,
                         const struct mqtt_packet *packet, const struct mqtt_step *step,
                         const struct audit_match *match)
{
    const uint8_t qos = packet->publish.qos;
    if (qos == 3)
        return;
    if (open->wanted)
        tell_message(recorder, open, side, packet, step, match);
    if (qos > 0)
        count_begin(open, side, qos == 1 ? MQTT_HANDSHAKE_QOS_1 : MQTT_HANDSHAKE_QOS_2,
                    step->resend);
}

/* What a packet that is well-formed means. */
static void take_packet(struct audit_recorder *recorder, struct audit_open *open, uint8_t side,
                        const struct mqtt_packet *packet, const struct mqtt_step *step,
                        const struct audit_match *match)
{
    switch (packet->type) {
    case MQTT_PUBLISH: take_publish(recorder, open, side, packet, step, match); break;
    case MQTT_PUBREL:
        if (step->resend)
            count_begin(open, side, MQTT_HANDSHAKE_QOS_2, true);
        break;
    case MQTT_PINGREQ: count_begin(open, side, MQTT_HANDSHAKE_PING, step->resend); break;
    case MQTT_CONNECT: count_begin(open, side, MQTT_HANDSHAKE_CONNECT, step->resend); break;
    case MQTT_SUBSCRIBE: count_begin(open, side, MQTT_HANDSHAKE_SUBSCRIBE, step->resend); break;
    case MQTT_UNSUBSCRIBE: count_begin(open, side, MQTT_HANDSHAKE_UNSUBSCRIBE, step->resend); break;
    case MQTT_CONNACK:
        if (open->wanted)
            audit_tell_session(recorder, open, side, step);
        break;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        if (open->wanted && step->has_handshake)
            tell_subscription(recorder, open, side, packet, step);
        break;
    default: break;
    }
}

void audit_connection_step(struct audit_recorder *recorder, struct audit_open *open,
                           const struct mqtt_place *place, const struct mqtt_packet *packet,
                           const struct mqtt_step *step)
{
    const uint8_t side = place->side;
    audit_advance(recorder, place->frame, place->time);
    if (step->sender != MQTT_SENDER_UNKNOWN)
        open->flow.client = (uint8_t)(step->sender == MQTT_SENDER_CLIENT ? side : 1 - side);
    open->flow.version = step->version;
    open->flow.gaps[0] = step->doubts[0];
    open->flow.gaps[1] = step->doubts[1];
    if (packet->type == MQTT_CONNECT || (!open->identified && step->client_identifier.length > 0))
        learn_names(recorder, open, side, packet, step);
    struct audit_match match = {0};
    if (open->link != NULL)
        audit_delivery_step(recorder->deliveries, open->link, place, packet, step, &match);
    audit_watch_packet(&open->watch, place, packet, step, open->flow.client);
    if (packet->malformed_rule == MQTT_RULE_NONE)
        take_packet(recorder, open, side, packet, step, &match);
    if (step->has_handshake)
        tell_handshake(recorder, open, place, &step->handshake);
    if (step->finding_count > 0)
        audit_tell_findings(recorder, open, step);
    audit_flush_found(recorder);
}
