/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deliveries that do not get through: receivers that are slow, stop, or wait for TCP; handshakes
 * that stop half-way. */
#include "audit/diagnosis/private.h"

/* ---- In flight ---- */

/* So many were in flight that it was a limit: the client's, or one that servers have. */
static bool is_limit(const struct audit_signs *signs, uint32_t in_flight)
{
    return in_flight == signs->receive_maximum || in_flight >= WINDOW_LEAST;
}

/* The server does not go on, for much longer than from one delivery to the next: it was no limit,
 * if there was nothing more to send. A Receive Maximum that is reached says it itself. */
static bool has_stopped(const struct audit_signs *signs)
{
    const struct audit_span *stalled = &signs->stalled;
    const int64_t rest = mqtt_elapsed(stalled->until, signs->stalled_last);
    const int64_t before = mqtt_elapsed(signs->stalled_last, stalled->since);
    return stalled->count == signs->receive_maximum ||
           (rest >= STALLED_LEAST && rest >= 3 * (before / MAX(1, (int64_t)stalled->count - 1)));
}

static bool is_stalled(const struct audit_connection *connection)
{
    const struct audit_signs *signs = &connection->signs;
    return is_whole(connection) && is_limit(signs, signs->stalled.count) &&
           mqtt_elapsed(signs->stalled.until, signs->stalled.since) >= STALLED_LEAST &&
           signs->stalled_alive >= STALLED_ALIVE && has_stopped(signs);
}

void diagnose_in_flight_stalled(struct diagnosing *diagnosing)
{
    const GPtrArray *connections = diagnosing->report->connections;
    for (unsigned i = 0; i < connections->len; i++) {
        const struct audit_connection *connection = g_ptr_array_index(connections, i);
        const struct audit_signs *signs = &connection->signs;
        const struct audit_span *stalled = &signs->stalled;
        char lasted[FORMAT_SIZE];
        if (!is_stalled(connection))
            continue;
        struct audit_diagnosis *diagnosis =
            diagnosis_add(diagnosing, stalled->count == signs->receive_maximum);
        char *name = client_words(connection->client_identifier);
        format_duration(lasted, mqtt_elapsed(stalled->until, stalled->since));
        diagnosis_about(diagnosis, connection);
        diagnosis_evidence(
            diagnosis, stalled->frame, connection->stream, stalled->since,
            "%u deliveries in flight and no acknowledgement for %s, while the client "
            "sends %u other packets",
            stalled->count, lasted, signs->stalled_alive);
        diagnosis_spans(diagnosis, stalled->until);
        diagnosis_title(diagnosis,
                        "%s does not acknowledge any more: %u deliveries in flight for %s, and "
                        "nothing else gets through",
                        name, stalled->count, lasted);
        g_free(name);
    }
}

/* Acknowledgements come, but the limit is what decides how fast. */
static bool is_at_limit(const struct audit_connection *connection)
{
    const struct audit_signs *signs = &connection->signs;
    const int64_t age = age_of(connection);
    return age >= CONSUMER_AGE && is_limit(signs, signs->most_in_flight) &&
           signs->at_most >= age / 2;
}

/* Its TCP window was closed, for how long in sum. */
static bool is_shut(const struct audit_connection *connection)
{
    const int64_t shut = connection->facts.transport[connection->facts.client].zero_window_ns;
    return shut >= CONSUMER_SHUT && shut >= age_of(connection) / 100 * CONSUMER_SHUT_PERCENT;
}

void diagnose_slow_consumer(struct diagnosing *diagnosing)
{
    const GPtrArray *connections = diagnosing->report->connections;
    for (unsigned i = 0; i < connections->len; i++) {
        const struct audit_connection *connection = g_ptr_array_index(connections, i);
        const struct audit_facts *facts = &connection->facts;
        const struct audit_transport *transport = &facts->transport[facts->client];
        const bool shut = is_shut(connection), at_limit = is_at_limit(connection);
        char lasted[FORMAT_SIZE];
        if (!is_whole(connection) || is_stalled(connection) ||
            facts->packets[1 - facts->client][MQTT_PUBLISH] < CONSUMER_DELIVERIES ||
            (!shut && !at_limit))
            continue;
        struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, true);
        char *name = client_words(connection->client_identifier);
        diagnosis_about(diagnosis, connection);
        if (shut)
            diagnosis_evidence(diagnosis, connection->start_frame, connection->stream,
                               connection->start_time, "its TCP window is closed for %s, %u times",
                               format_duration(lasted, transport->zero_window_ns),
                               (unsigned)transport->zero_window_spans);
        if (at_limit)
            diagnosis_evidence(diagnosis, connection->start_frame, connection->stream,
                               connection->start_time, "%u deliveries are in flight for %s",
                               connection->signs.most_in_flight,
                               format_duration(lasted, connection->signs.at_most));
        diagnosis_title(diagnosis, "%s does not keep up with what is delivered to it", name);
        g_free(name);
    }
}

/* ---- Plateaus ---- */

/* How many of a hundred handshakes took so long: microseconds, both ends included. */
static unsigned share_between(const struct audit_histogram *times, uint64_t least, uint64_t most)
{
    return (unsigned)(audit_histogram_between(times, least, most) * 100 / times->count);
}

/* A plateau stands alone: little is near it, and the network is faster. */
static bool has_plateau(const struct audit_histogram *times, uint64_t least, uint64_t most)
{
    const unsigned near =
        share_between(times, least / 2, 2 * most) - share_between(times, least, most);
    return share_between(times, least, most) >= PLATEAU_PERCENT && near <= PLATEAU_NEAR_PERCENT;
}

/* The network is faster: some handshakes are, or a round trip of TCP in either direction. */
static bool is_fast(const struct audit_connection *connection, uint64_t most)
{
    bool fast = true;
    for (unsigned side = 0; side < 2; side++) {
        struct audit_histogram trips = {0};
        audit_histogram_merge_packed(&trips, connection->round_trips[side]);
        fast = fast && trips.count > 0 && trips.minimum <= most;
        audit_histogram_clear(&trips);
    }
    return fast;
}

/* What TCP shows of the timer: a delayed acknowledgement is a round trip that takes as long. */
enum tie { TIE_UNKNOWN, TIE_SHOWN, TIE_REFUTED };

static enum tie tie_of(const struct audit_connection *connection, uint64_t least, uint64_t most)
{
    struct audit_histogram trips = {0};
    enum tie tie = TIE_UNKNOWN;
    for (unsigned side = 0; side < 2; side++) {
        audit_histogram_merge_packed(&trips, connection->round_trips[side]);
        if (trips.count >= PLATEAU_LEAST && tie != TIE_SHOWN)
            tie = share_between(&trips, least, most) >= PLATEAU_NEAR_PERCENT ? TIE_SHOWN
                                                                             : TIE_REFUTED;
        audit_histogram_clear(&trips);
    }
    return tie;
}

static void look_for_plateau(struct diagnosing *diagnosing,
                             const struct audit_connection *connection, unsigned side,
                             unsigned kind)
{
    const struct audit_handshakes *handshakes = connection->handshakes[side][kind];
    struct audit_histogram times = {0};
    if (handshakes == NULL || handshakes->count.completed < PLATEAU_LEAST)
        return;
    audit_histogram_merge_packed(&times, handshakes->packed);
    const bool enough = times.count >= PLATEAU_LEAST;
    const bool linux_time = enough && has_plateau(&times, DELAYED_ACK_LINUX);
    const bool found = linux_time || (enough && has_plateau(&times, DELAYED_ACK_OTHER));
    const enum tie tie = !found       ? TIE_REFUTED
                         : linux_time ? tie_of(connection, DELAYED_TRIP_LINUX)
                                      : tie_of(connection, DELAYED_TRIP_OTHER);
    const bool varies =
        found && share_between(&times, 0, linux_time ? 10000 : 50000) >= PLATEAU_FAST_PERCENT;
    if (tie != TIE_REFUTED && (varies || is_fast(connection, linux_time ? 10000 : 50000))) {
        char key[FORMAT_SIZE];
        g_snprintf(key, sizeof key, "%" G_GUINT64_FORMAT, connection->id);
        struct audit_diagnosis *diagnosis =
            diagnosis_of(diagnosing, key, tie == TIE_SHOWN && varies);
        char *name = client_words(connection->client_identifier);
        diagnosis_about(diagnosis, connection);
        diagnosis_evidence(diagnosis, connection->start_frame, connection->stream,
                           connection->start_time, "%s by the %s: %u of 100 take about %u ms",
                           mqtt_handshake_kind_name(kind),
                           side == connection->facts.client ? "client" : "server",
                           linux_time ? share_between(&times, DELAYED_ACK_LINUX)
                                      : share_between(&times, DELAYED_ACK_OTHER),
                           linux_time ? 40u : 200u);
        diagnosis_title(diagnosis,
                        "Handshakes of %s wait for TCP: a delayed acknowledgement of %u ms", name,
                        linux_time ? 40u : 200u);
        g_free(name);
    }
    audit_histogram_clear(&times);
}

void diagnose_nagle_delayed_ack(struct diagnosing *diagnosing)
{
    const GPtrArray *connections = diagnosing->report->connections;
    for (unsigned i = 0; i < connections->len; i++) {
        const struct audit_connection *connection = g_ptr_array_index(connections, i);
        for (unsigned side = 0; side < 2 && is_whole(connection); side++)
            for (unsigned kind = MQTT_HANDSHAKE_QOS_1; kind <= MQTT_HANDSHAKE_PING; kind++)
                look_for_plateau(diagnosing, connection, side, kind);
    }
}
