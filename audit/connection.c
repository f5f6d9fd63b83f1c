/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection, from its first control packet to its record in the report. */
#include "audit/private.h"

#include <string.h>

struct audit_open {
    struct audit_connection *record;
    bool start_seen;
    bool identified;                   /* the client identifier was looked at */
    bool wanted;                       /* as far as known: of the client that was asked for */
    const struct audit_string *client; /* the record's client identifier */
    struct audit_topic *last_topic[2]; /* by sending side: most publish to one topic */
    GArray *findings;                  /* struct audit_finding; NULL: none */
    uint64_t finding_order;
};

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

static struct audit_handshakes *handshakes(struct audit_open *open, unsigned side, unsigned kind)
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
        handshakes(open, side, kind)->retransmitted++;
    else if (packet->type != MQTT_PUBREL)
        handshakes(open, side, kind)->started++;
}

/* Counts where a handshake that is met at its end began, if that was not counted as it happened:
 * true if it began and ran on this connection, so that the time between tells something. */
static bool count_beginning(const struct audit_open *open, struct audit_handshakes *entry,
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
    struct audit_handshakes *entry = handshakes(open, handshake->side, handshake->kind);
    bool measured = count_beginning(open, entry, handshake);
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

static void keep_finding(struct audit *audit, struct audit_open *open,
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

static void step_findings(struct audit *audit, struct audit_open *open,
                          const struct mqtt_step *step)
{
    for (uint32_t i = 0; i < step->finding_count; i++)
        keep_finding(audit, open, &step->findings[i]);
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
        step_findings(audit, open, step);
}

void audit_connection_transport(struct audit_open *open, uint8_t side,
                                const struct audit_transport *transport)
{
    open->record->transport[side] = *transport;
}

static void count_unfinished(struct audit_handshakes *entry, uint64_t count, unsigned stage,
                             bool gap, enum mqtt_close how)
{
    if (gap) {
        entry->unknown += count;
        return;
    }
    if (how == MQTT_CLOSE_CAPTURE_END)
        entry->open += count;
    else
        entry->incomplete += count;
    if (stage < MQTT_LEGS)
        entry->stage[stage] += count;
}

/* What began and has no end yet: CONNECT and PINGREQ, which have no packet identifier and are not
 * among the handshakes in flight; what a new connection of the same session has taken over already;
 * and what lost its packet identifier to another one. */
static void count_rest(struct audit_open *open, unsigned side, bool gap, enum mqtt_close how)
{
    for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++) {
        struct audit_handshakes *entry = open->record->handshakes[side][kind];
        if (entry == NULL)
            continue;
        uint64_t begun = entry->started + entry->resumed;
        uint64_t ended =
            entry->completed + entry->refused + entry->incomplete + entry->open + entry->unknown;
        bool simple = kind == MQTT_HANDSHAKE_CONNECT || kind == MQTT_HANDSHAKE_PING;
        if (begun > ended)
            count_unfinished(entry, begun - ended, simple ? 1 : MQTT_LEGS, gap, how);
    }
}

/* Answers to more PINGREQ packets than a connection remembers are no handshakes: they have no time.
 */
static void count_pings(struct audit_open *open, const struct mqtt_connection *connection)
{
    struct audit_handshakes *entry =
        open->record->handshakes[connection->client][MQTT_HANDSHAKE_PING];
    if (entry != NULL && connection->ping.answered > entry->completed)
        entry->completed = connection->ping.answered;
}

/* What is in flight when the end comes, before the session takes it over. */
static void take_unfinished(struct audit *audit, struct audit_open *open,
                            const struct mqtt_connection *connection, int64_t time,
                            enum mqtt_close how)
{
    bool gap = connection->sides[0].gap || connection->sides[1].gap;
    for (uint8_t side = 0; side < 2; side++) {
        uint32_t cursor = 0;
        const struct mqtt_handshake *handshake;
        struct mqtt_finding finding;
        while ((handshake = mqtt_connection_next_open(connection, side, &cursor)) != NULL) {
            struct audit_handshakes *entry = handshakes(open, side, handshake->kind);
            count_beginning(open, entry, handshake);
            count_unfinished(entry, 1, handshake->stage, gap, how);
            if (mqtt_handshake_open_finding(connection, handshake, time, how, &finding))
                keep_finding(audit, open, &finding);
        }
        if (side == connection->client)
            count_pings(open, connection);
        count_rest(open, side, gap, how);
    }
}

static uint32_t saturate(uint64_t value)
{
    return (uint32_t)MIN(value, UINT32_MAX);
}

/* A client that falls silent for good is idle until the end. */
static void count_last_silence(struct audit_connection *record,
                               const struct mqtt_connection *connection)
{
    const struct mqtt_leg *last = &connection->sides[connection->client].last;
    int64_t silence = connection->end.time - last->time;
    if (last->frame != 0 && silence > record->keep_alive.max_idle_ns) {
        record->keep_alive.max_idle_ns = silence;
        record->keep_alive.max_idle_frame = connection->end.frame;
    }
}

/* Copies what the connection knows of itself. */
static void fill_record(struct audit_open *open, const struct mqtt_connection *connection)
{
    struct audit_connection *record = open->record;
    record->client = connection->client;
    record->client_known = connection->client_known;
    record->version = connection->version;
    record->version_inferred = connection->version_inferred;
    record->bridge = connection->bridge;
    record->client_identifier = open->client;
    record->client_identifier_assigned = connection->client_identifier_assigned;
    record->connect_seen = connection->connect.frame != 0;
    record->clean_start = connection->clean_start;
    record->session_present = connection->session_present;
    record->accepted = connection->accepted;
    record->refused = connection->refused;
    record->taken_over = connection->taken_over;
    record->connack_reason = connection->connack_reason;
    record->has_will = connection->has_will;
    record->session_expiry_s = connection->session_expiry;
    record->end_time = connection->end.time;
    record->end_frame = connection->end.frame;
    record->end_cause = connection->end_cause;
    record->keep_alive.known = connection->keep_alive.known;
    record->keep_alive.requested_s = connection->keep_alive.requested;
    record->keep_alive.effective_s = connection->keep_alive.effective;
    record->keep_alive.max_idle_ns = connection->keep_alive.longest_silence;
    record->keep_alive.max_idle_frame = connection->keep_alive.longest_silence_frame;
    record->keep_alive.late = connection->keep_alive.late;
    record->keep_alive.expired = connection->keep_alive.expired;
    count_last_silence(record, connection);
    for (unsigned side = 0; side < 2; side++) {
        record->bytes[side] = connection->sides[side].bytes;
        for (unsigned type = 0; type < MQTT_PACKET_TYPES; type++)
            record->packets[side][type] = saturate(connection->sides[side].packets_by_type[type]);
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            if (record->handshakes[side][kind] != NULL)
                audit_handshakes_measure(record->handshakes[side][kind]);
    }
}

static void add_limits(struct audit *audit, const struct audit_open *open,
                       const struct mqtt_connection *connection)
{
    const struct audit_transport *transport = open->record->transport;
    if (!open->start_seen && connection->connect.frame == 0)
        audit_limit(audit, AUDIT_LIMIT_MID_CONNECTION, 1, 0);
    if (connection->version_inferred)
        audit_limit(audit, AUDIT_LIMIT_VERSION_INFERRED, 1, 0);
    if (connection->version == MQTT_VERSION_UNKNOWN)
        audit_limit(audit, AUDIT_LIMIT_VERSION_UNKNOWN, 1, 0);
    if ((transport[0].segments == 0) != (transport[1].segments == 0))
        audit_limit(audit, AUDIT_LIMIT_ONE_DIRECTION, 1, 0);
    audit_limit(audit, AUDIT_LIMIT_GAP, transport[0].gaps + transport[1].gaps,
                transport[0].gap_bytes + transport[1].gap_bytes);
    audit_limit(audit, AUDIT_LIMIT_MEMORY,
                connection->inflight_refused + connection->aliases_refused, 0);
}

void audit_handshakes_measure(struct audit_handshakes *handshakes)
{
    if (handshakes->times != NULL)
        handshakes->latency = audit_histogram_latency(handshakes->times);
}

void audit_handshakes_clear(struct audit_handshakes *handshakes)
{
    if (handshakes->times != NULL)
        audit_histogram_clear(handshakes->times);
    g_free(handshakes->times);
    handshakes->times = NULL;
}

void audit_handshakes_add(struct audit_handshakes *into, const struct audit_handshakes *from)
{
    into->started += from->started;
    into->resumed += from->resumed;
    into->completed += from->completed;
    into->refused += from->refused;
    into->incomplete += from->incomplete;
    into->open += from->open;
    into->unknown += from->unknown;
    into->retransmitted += from->retransmitted;
    for (unsigned i = 0; i < MQTT_LEGS; i++)
        into->stage[i] += from->stage[i];
    if (from->times == NULL)
        return;
    if (into->times == NULL)
        into->times = g_new0(struct audit_histogram, 1);
    audit_histogram_merge(into->times, from->times);
}

static void add_totals(struct audit_totals *totals, const struct audit_connection *record)
{
    totals->connections++;
    if (record->version <= MQTT_VERSION_5_0)
        totals->by_version[record->version]++;
    totals->by_end_cause[record->end_cause]++;
    for (unsigned side = 0; side < 2; side++) {
        enum audit_role role = audit_role(record, side);
        totals->bytes[role] += record->bytes[side];
        for (unsigned type = 0; type < MQTT_PACKET_TYPES; type++)
            totals->packets[role][type] += record->packets[side][type];
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            if (record->handshakes[side][kind] != NULL)
                audit_handshakes_add(&totals->handshakes[role][kind],
                                     record->handshakes[side][kind]);
    }
}

static void add_to_session(struct audit *audit, struct audit_connection *record,
                           const struct mqtt_session *of)
{
    if (record->client_identifier == NULL)
        return;
    const struct audit_session like = {
        .client_identifier = record->client_identifier,
        .server = record->endpoints[1 - record->client],
    };
    struct audit_session *session = audit_session_get(audit, &like);
    if (session == NULL) {
        audit_limit(audit, AUDIT_LIMIT_SESSIONS, 1, 0);
        return;
    }
    session->connections++;
    session->accepted += !record->refused;
    session->resumed += record->accepted && record->session_present;
    session->taken_over += record->taken_over;
    session->order = MIN(session->order, record->start_frame);
    record->session = session;
    if (of != NULL)
        g_hash_table_insert(audit->sessions_of, (gpointer)(uintptr_t)of, session);
}

/* Puts the findings into the report; `listed` is the record if it is in the report, else NULL. */
static void add_findings(struct audit *audit, struct audit_open *open,
                         const struct audit_connection *listed)
{
    struct audit_totals *totals = &audit->report.totals;
    for (unsigned i = 0; open->findings != NULL && i < open->findings->len; i++) {
        struct audit_finding *finding = &g_array_index(open->findings, struct audit_finding, i);
        unsigned severity = mqtt_rule_info(finding->what.rule)->severity;
        finding->client_identifier = open->client;
        finding->connection = listed;
        open->record->findings[severity]++;
        totals->findings[severity]++;
        totals->findings_by_rule[finding->what.rule]++;
        g_array_append_vals(audit->report.findings, finding, 1);
    }
}

static void drop_histograms(struct audit_connection *record)
{
    for (unsigned side = 0; side < 2; side++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            if (record->handshakes[side][kind] != NULL)
                audit_handshakes_clear(record->handshakes[side][kind]);
}

static void add_connection(struct audit *audit, struct audit_open *open,
                           const struct mqtt_connection *connection)
{
    struct audit_connection *record = open->record;
    fill_record(open, connection);
    add_limits(audit, open, connection);
    add_totals(&audit->report.totals, record);
    add_to_session(audit, record, connection->session);

    bool listed = audit->report.connections->len < audit->bounds.connections;
    add_findings(audit, open, listed ? record : NULL);
    drop_histograms(record);
    if (listed) {
        g_ptr_array_add(audit->report.connections, record);
    } else {
        audit_limit(audit, AUDIT_LIMIT_CONNECTIONS, 1, 0);
        audit_connection_free(record);
    }
}

void audit_connection_closed(struct audit *audit, struct audit_open *open,
                             struct mqtt_connection *connection, const struct mqtt_place *place,
                             enum mqtt_close how, struct mqtt_step *step)
{
    take_unfinished(audit, open, connection, place->time, how);
    mqtt_connection_close(connection, place, how, step);
    step_findings(audit, open, step);

    if (open->wanted) {
        add_connection(audit, open, connection);
    } else {
        audit->findings_kept -= open->findings != NULL ? open->findings->len : 0;
        audit_connection_free(open->record);
    }
    if (open->findings != NULL)
        g_array_free(open->findings, TRUE);
    g_free(open);
}
