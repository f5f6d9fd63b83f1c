/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a connection: what it leaves unfinished, and all that was counted. */
#include "audit/recorder_private.h"

#include <string.h>

#include "mqtt/facts/time.h"
#include "mqtt/state/session.h"

void audit_connection_transport(struct audit_open *open, uint8_t side,
                                const struct audit_transport *transport)
{
    open->transport[side] = *transport;
}

/* ---- What is unfinished ---- */

static void count_unfinished(struct audit_handshake_counts *counts, uint64_t count, unsigned stage,
                             bool gap, enum mqtt_close how)
{
    if (gap) {
        counts->unknown += count;
        return;
    }
    if (how == MQTT_CLOSE_CAPTURE_END)
        counts->open += count;
    else
        counts->incomplete += count;
    if (stage < MQTT_LEGS)
        counts->stage[stage] += count;
}

/* What began and has no end yet: CONNECT and PINGREQ, which have no packet identifier and are not
 * among the handshakes in flight; what a new connection of the same session has taken over already;
 * and what lost its packet identifier to another one. */
static void count_rest(struct audit_open *open, unsigned side, bool gap, enum mqtt_close how)
{
    for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++) {
        struct audit_handshake_counts *counts = open->handshakes[side][kind];
        if (counts == NULL)
            continue;
        uint64_t begun = counts->started + counts->resumed;
        uint64_t ended = counts->completed + counts->refused + counts->incomplete + counts->open +
                         counts->unknown;
        bool simple = kind == MQTT_HANDSHAKE_CONNECT || kind == MQTT_HANDSHAKE_PING;
        if (begun > ended)
            count_unfinished(counts, begun - ended, simple ? 1 : MQTT_LEGS, gap, how);
    }
}

/* Answers to more PINGREQ packets than a connection remembers are no handshakes: they have no time.
 */
static void count_pings(struct audit_open *open, const struct mqtt_connection *connection)
{
    struct audit_handshake_counts *counts =
        open->handshakes[connection->client][MQTT_HANDSHAKE_PING];
    if (counts != NULL && connection->ping.answered > counts->completed)
        counts->completed = connection->ping.answered;
}

static void tell_given_up(struct audit_recorder *recorder, const struct audit_open *open,
                          const struct mqtt_handshake *handshake)
{
    struct audit_event event;
    event.kind = AUDIT_EVENT_HANDSHAKE_GIVEN_UP;
    event.flow = &open->flow;
    event.side = handshake->side;
    event.handshake = (struct audit_handshake_event){.handshake = handshake};
    audit_tell(recorder, &event);
}

/* What is in flight when the end comes, before the session takes it over. */
static void take_unfinished(struct audit_recorder *recorder, struct audit_open *open,
                            const struct mqtt_connection *connection, int64_t time,
                            enum mqtt_close how)
{
    bool gap = connection->sides[0].gap || connection->sides[1].gap;
    for (uint8_t side = 0; side < 2; side++) {
        uint32_t cursor = 0;
        const struct mqtt_handshake *handshake;
        struct mqtt_finding finding;
        while ((handshake = mqtt_connection_next_open(connection, side, &cursor)) != NULL) {
            struct audit_handshake_counts *counts =
                audit_open_handshakes(open, side, handshake->kind);
            audit_count_beginning(open, counts, handshake);
            if (handshake->owed)
                audit_count_carried(open, handshake, false);
            const bool handed_on = mqtt_handshake_handed_on(connection, handshake);
            count_unfinished(counts, 1, handed_on ? MQTT_LEGS : handshake->stage, gap, how);
            if (open->wanted)
                tell_given_up(recorder, open, handshake);
            if (mqtt_handshake_open_finding(connection, handshake, time, how, &finding))
                audit_tell_finding(recorder, open, &finding);
        }
        if (side == connection->client)
            count_pings(open, connection);
        count_rest(open, side, gap, how);
    }
}

/* ---- What was counted ---- */

static uint32_t saturate(uint64_t value)
{
    return (uint32_t)MIN(value, UINT32_MAX);
}

/* A client that falls silent for good is idle until the end. */
static void count_last_silence(struct audit_facts *facts, const struct mqtt_connection *connection)
{
    const struct mqtt_leg *last = &connection->sides[connection->client].last;
    int64_t silence = mqtt_elapsed(connection->end.time, last->time);
    if (last->frame != 0 && silence > facts->keep_alive.max_idle_ns) {
        facts->keep_alive.max_idle_ns = silence;
        facts->keep_alive.max_idle_frame = connection->end.frame;
    }
}

/* For how long the client had sent nothing. A DISCONNECT ends what was before it. */
static int64_t idle_at_end(const struct mqtt_connection *connection)
{
    const struct mqtt_side_state *client = &connection->sides[connection->client];
    if (client->last.frame == 0)
        return MQTT_NO_TIME;
    if (client->disconnect.frame != 0 && client->disconnect.frame == client->last.frame)
        return connection->keep_alive.last_silence;
    return mqtt_elapsed(connection->end.time, client->last.time);
}

static void fill_facts(struct audit_facts *facts, const struct audit_open *open,
                       const struct mqtt_connection *connection)
{
    *facts = (struct audit_facts){
        .client = connection->client,
        .client_known = connection->client_known,
        .version = connection->version,
        .version_inferred = connection->version_inferred,
        .bridge = connection->bridge,
        .client_identifier_assigned = connection->client_identifier_assigned,
        .connect_seen = connection->connect.frame != 0,
        .clean_start = connection->clean_start,
        .session_present = connection->session_present,
        .accepted = connection->accepted,
        .refused = connection->refused,
        .taken_over = mqtt_connection_taken_over(connection),
        .connack_reason = connection->connack_reason,
        .has_will = connection->has_will,
        .end_cause = connection->end_cause,
        .session_expiry_s = connection->session_expiry,
        .idle_at_end = idle_at_end(connection),
        .end_time = connection->end.time,
        .end_frame = connection->end.frame,
        .keep_alive =
            {
                .known = connection->keep_alive.known,
                .requested_s = connection->keep_alive.requested,
                .effective_s = connection->keep_alive.effective,
                .max_idle_ns = connection->keep_alive.longest_silence,
                .max_idle_frame = connection->keep_alive.longest_silence_frame,
                .late = connection->keep_alive.late,
                .expired = connection->keep_alive.expired,
            },
        .transport = {open->transport[0], open->transport[1]},
    };
    count_last_silence(facts, connection);
    for (unsigned side = 0; side < 2; side++) {
        facts->bytes[side] = connection->sides[side].bytes;
        for (unsigned type = 0; type < MQTT_PACKET_TYPES; type++)
            facts->packets[side][type] = saturate(connection->sides[side].packets_by_type[type]);
    }
}

static void tell_limits(struct audit_recorder *recorder, const struct audit_open *open,
                        const struct mqtt_connection *connection)
{
    const struct audit_transport *transport = open->transport;
    if (!open->flow.start_seen && connection->connect.frame == 0)
        audit_limit(recorder, AUDIT_LIMIT_MID_CONNECTION, 1, 0);
    if (connection->version_inferred)
        audit_limit(recorder, AUDIT_LIMIT_VERSION_INFERRED, 1, 0);
    if (connection->version == MQTT_VERSION_UNKNOWN)
        audit_limit(recorder, AUDIT_LIMIT_VERSION_UNKNOWN, 1, 0);
    if ((transport[0].segments == 0) != (transport[1].segments == 0))
        audit_limit(recorder, AUDIT_LIMIT_ONE_DIRECTION, 1, 0);
    audit_limit(recorder, AUDIT_LIMIT_GAP, transport[0].gaps + transport[1].gaps,
                transport[0].gap_bytes + transport[1].gap_bytes);
}

static void tell_closed(struct audit_recorder *recorder, struct audit_open *open,
                        const struct mqtt_connection *connection, uint8_t side, enum mqtt_close how)
{
    const struct mqtt_session *session = mqtt_connection_session(connection);
    struct audit_endpoint broker = open->flow.endpoints[1 - connection->client];
    struct audit_facts facts;
    struct audit_event event;
    if (session != NULL)
        audit_endpoint_text(&broker, &session->server);
    fill_facts(&facts, open, connection);
    audit_watch_end(&open->watch, connection->client, connection->end.time);
    open->flow.client = connection->client;
    open->flow.version = connection->version;
    tell_limits(recorder, open, connection);
    event.kind = AUDIT_EVENT_CLOSED;
    event.flow = &open->flow;
    event.side = side;
    event.closed.facts = &facts;
    event.closed.broker = &broker;
    event.closed.stay = &open->stay;
    event.closed.signs = &open->watch.signs;
    event.closed.how = how;
    for (unsigned i = 0; i < 2; i++)
        event.closed.round_trips[i] = open->round_trips[i];
    for (unsigned i = 0; i < 2; i++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            event.closed.handshakes[i][kind] = open->handshakes[i][kind];
    recorder->closing = &open->flow;
    recorder->closing_server = broker;
    audit_tell(recorder, &event);
    recorder->closing = NULL;
}

static void open_free(struct audit_recorder *recorder, struct audit_open *open)
{
    for (unsigned side = 0; side < 2; side++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            g_free(open->handshakes[side][kind]);
    g_free(open->round_trips[0]);
    g_free(open->round_trips[1]);
    if (open->held != NULL) {
        recorder->held -= open->held->len;
        g_array_free(open->held, TRUE);
    }
    g_free((gpointer)(uintptr_t)open->flow.client_identifier.data);
    g_free(open);
}

void audit_connection_closed(struct audit_recorder *recorder, struct audit_open *open,
                             struct mqtt_connection *connection, const struct mqtt_place *place,
                             enum mqtt_close how, struct mqtt_step *step)
{
    audit_advance(recorder, place->frame, place->time);
    open->flow.gaps[0] = connection->sides[0].doubts;
    open->flow.gaps[1] = connection->sides[1].doubts;
    take_unfinished(recorder, open, connection, place->time, how);
    if (open->link != NULL)
        audit_delivery_closed(recorder->deliveries, open->link, place, how);
    open->link = NULL;
    audit_flush_found(recorder);
    const struct mqtt_claim *claim = connection->claim;
    const bool leaves =
        how != MQTT_CLOSE_CAPTURE_END && claim != NULL && claim->session->holder == claim;
    mqtt_connection_close(connection, place, how, step);
    audit_tell_findings(recorder, open, step);
    if (leaves)
        audit_tell_away(recorder, open, connection, place->side);
    audit_sum_stay(open, connection, how);
    if (open->wanted)
        tell_closed(recorder, open, connection, place->side, how);
    open_free(recorder, open);
}
