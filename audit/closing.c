/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a connection: what it leaves unfinished, its record, and what it adds to the report.
 */
#include "audit/private.h"

#include "mqtt/state/session.h"

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
            struct audit_handshakes *entry = audit_open_handshakes(open, side, handshake->kind);
            audit_count_beginning(open, entry, handshake);
            const bool handed_on = mqtt_handshake_handed_on(connection, handshake);
            count_unfinished(entry, 1, handed_on ? MQTT_LEGS : handshake->stage, gap, how);
            if (mqtt_handshake_open_finding(connection, handshake, time, how, &finding))
                audit_keep_finding(audit, open, &finding);
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
    record->taken_over = mqtt_connection_taken_over(connection);
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
    add_to_session(audit, record, mqtt_connection_session(connection));

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
    audit_keep_findings(audit, open, step);

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
