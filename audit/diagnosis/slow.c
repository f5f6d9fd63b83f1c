/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is slow: TCP acknowledges a request when it arrives, MQTT when its receiver is done with it.
 * What lies before the one is the network's time, what lies between the two the receiver's. */
#include "audit/diagnosis/private.h"

#include "audit/histogram.h"

/* What the requests of one kind by one side of a client's connections went through. */
struct requests {
    unsigned kind;
    struct audit_parts sum;       /* its histograms are not used */
    struct audit_histogram times; /* of whole handshakes */
};

/* CONNECT is no measure: it waits for whoever checks the credentials. */
static const unsigned kinds[] = {MQTT_HANDSHAKE_QOS_1, MQTT_HANDSHAKE_QOS_2,
                                 MQTT_HANDSHAKE_SUBSCRIBE, MQTT_HANDSHAKE_UNSUBSCRIBE,
                                 MQTT_HANDSHAKE_PING};

static unsigned side_of(const struct audit_connection *connection, enum audit_role role)
{
    return role == AUDIT_CLIENT ? connection->facts.client : 1u - connection->facts.client;
}

static const struct audit_handshakes *handshakes_of(const struct audit_connection *connection,
                                                    enum audit_role role, unsigned kind)
{
    return connection->handshakes[side_of(connection, role)][kind];
}

/* Two parts of QoS 2, each of which is a request of the same side. */
static void add_parts(struct audit_parts *sum, const struct audit_parts *parts, unsigned count)
{
    for (unsigned i = 0; parts != NULL && i < count; i++) {
        sum->split += parts[i].split;
        sum->unsplit += parts[i].unsplit;
        sum->wire += parts[i].wire;
        sum->receiver += parts[i].receiver;
        sum->longest_receiver = MAX(sum->longest_receiver, parts[i].longest_receiver);
    }
}

static void add_times(struct audit_histogram *times, const struct audit_session *session,
                      enum audit_role role, unsigned kind)
{
    const struct audit_connection *connection = session->first;
    for (; connection != NULL; connection = connection->next_of_session) {
        const struct audit_handshakes *handshakes = handshakes_of(connection, role, kind);
        if (handshakes != NULL)
            audit_histogram_merge_packed(times, handshakes->packed);
    }
}

static void sum_up(struct requests *requests, const struct audit_session *session,
                   enum audit_role role, unsigned kind)
{
    const struct audit_connection *connection = session->first;
    *requests = (struct requests){.kind = kind};
    for (; connection != NULL; connection = connection->next_of_session) {
        const struct audit_handshakes *handshakes = handshakes_of(connection, role, kind);
        if (handshakes != NULL)
            add_parts(&requests->sum, handshakes->parts, kind == MQTT_HANDSHAKE_QOS_2 ? 2 : 1);
    }
}

/* ---- The receiver ---- */

static bool is_measured(const struct audit_parts *sum)
{
    return sum->split + sum->unsplit >= SLOW_SAMPLES;
}

/* The longest one is left out: a single stall is another matter. */
static uint64_t mean_of_receiver(const struct audit_parts *sum)
{
    return (sum->receiver - sum->longest_receiver) / (sum->split - 1);
}

static bool receiver_holds_it(const struct audit_parts *sum)
{
    if (sum->split < SLOW_SAMPLES || sum->split < sum->unsplit)
        return false; /* those that are answered at once are not split */
    const uint64_t mean = mean_of_receiver(sum), wire = sum->wire / sum->split;
    return mean >= SLOW_RECEIVER && mean >= (mean + wire) / 100 * SLOW_PERCENT;
}

static bool median_is(const struct audit_session *session, enum audit_role role, unsigned kind,
                      uint64_t least)
{
    struct audit_histogram times = {0};
    add_times(&times, session, role, kind);
    const bool is = times.count > 0 && audit_histogram_percentile(&times, 50) >= least;
    audit_histogram_clear(&times);
    return is;
}

/* Whether the receiver of what `role` requests is slow; the kind of request that shows it best is
 * left in `worst`. */
static bool looks_slow(struct requests *worst, bool *measured, const struct audit_session *session,
                       enum audit_role role)
{
    bool slow = false;
    *measured = false;
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        struct requests requests;
        sum_up(&requests, session, role, kinds[i]);
        if (!is_measured(&requests.sum))
            continue;
        *measured = true;
        if (!receiver_holds_it(&requests.sum) ||
            (slow && mean_of_receiver(&requests.sum) <= mean_of_receiver(&worst->sum)) ||
            !median_is(session, role, kinds[i], SLOW_RECEIVER))
            continue;
        *worst = requests;
        slow = true;
    }
    return slow;
}

/* At one server. */
struct compared {
    unsigned measured; /* clients */
    unsigned slow;
};

static struct compared *compared_of(GHashTable *servers, const struct audit_endpoint *server)
{
    char key[FORMAT_SIZE];
    struct compared *compared = g_hash_table_lookup(servers, format_endpoint(key, server));
    if (compared == NULL) {
        compared = g_new0(struct compared, 1);
        g_hash_table_insert(servers, g_strdup(key), compared);
    }
    return compared;
}

static void tell_receiver(struct audit_diagnosis *diagnosis, const struct audit_session *session,
                          const struct requests *requests, const char *receiver)
{
    const struct audit_connection *first = session->first;
    const struct audit_parts *sum = &requests->sum;
    char held[FORMAT_SIZE], way[FORMAT_SIZE];
    char *name = client_words(session->client_identifier);
    diagnosis_client(diagnosis, session->client_identifier);
    diagnosis_server(diagnosis, &session->server);
    diagnosis_evidence(diagnosis, first->start_frame, first->stream, first->start_time,
                       "%s of %s: %u requests wait for %s in the %s, and take %s to get there",
                       mqtt_handshake_kind_name(requests->kind), name, (unsigned)sum->split,
                       format_microseconds(held, sum->receiver / sum->split), receiver,
                       format_microseconds(way, sum->wire / sum->split));
    g_free(name);
}

static GHashTable *compare(const struct audit_report *report, enum audit_role role)
{
    GHashTable *servers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (unsigned i = 0; i < report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(report, i);
        struct requests worst;
        bool measured;
        const bool slow = looks_slow(&worst, &measured, session, role);
        if (!measured)
            continue;
        struct compared *compared = compared_of(servers, &session->server);
        compared->measured++;
        compared->slow += slow;
    }
    return servers;
}

/* A server that is slow is so for most of its clients: else it is something about these. */
void diagnose_slow_broker(struct diagnosing *diagnosing)
{
    const struct audit_report *report = diagnosing->report;
    GHashTable *servers = compare(report, AUDIT_CLIENT);
    for (unsigned i = 0; i < report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(report, i);
        struct requests worst;
        bool measured;
        if (!looks_slow(&worst, &measured, session, AUDIT_CLIENT))
            continue;
        const struct compared *compared = compared_of(servers, &session->server);
        if (compared->slow * 2 < compared->measured)
            continue;
        char key[FORMAT_SIZE];
        struct audit_diagnosis *diagnosis = diagnosis_of(
            diagnosing, format_endpoint(key, &session->server), compared->slow >= PATTERN_LEAST);
        tell_receiver(diagnosis, session, &worst, "server");
        diagnosis_title(diagnosis,
                        "The server takes long to answer, and not the network: %u of %u clients",
                        compared->slow, compared->measured);
    }
    g_hash_table_destroy(servers);
}

void diagnose_slow_client(struct diagnosing *diagnosing)
{
    const struct audit_report *report = diagnosing->report;
    GHashTable *servers = compare(report, AUDIT_SERVER);
    for (unsigned i = 0; i < report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(report, i);
        struct requests worst;
        bool measured;
        char held[FORMAT_SIZE];
        if (!looks_slow(&worst, &measured, session, AUDIT_SERVER))
            continue;
        /* Where all of them are slow, they may have what acknowledges for them in common. */
        const struct compared *compared = compared_of(servers, &session->server);
        struct audit_diagnosis *diagnosis =
            diagnosis_add(diagnosing, compared->slow < compared->measured);
        char *name = client_words(session->client_identifier);
        tell_receiver(diagnosis, session, &worst, "client");
        diagnosis_title(diagnosis, "%s takes %s to acknowledge what it has received", name,
                        format_microseconds(held, worst.sum.receiver / worst.sum.split));
        g_free(name);
    }
    g_hash_table_destroy(servers);
}

/* ---- The network ---- */

/* Most networks are never so slow: that is found out without a histogram. */
static bool reaches(const struct audit_session *session, enum audit_role role, uint64_t trip)
{
    const struct audit_connection *connection = session->first;
    for (; connection != NULL; connection = connection->next_of_session)
        if (audit_packed_histogram_reaches(connection->round_trips[side_of(connection, role)],
                                           trip))
            return true;
    return false;
}

static void add_round_trips(struct audit_histogram *trips, const struct audit_session *session,
                            enum audit_role role)
{
    const struct audit_connection *connection = session->first;
    for (; connection != NULL; connection = connection->next_of_session)
        audit_histogram_merge_packed(trips, connection->round_trips[side_of(connection, role)]);
}

/* The handshakes that `role` began last as long as the round trips that they need; the kind that
 * shows it is left in `worst`. */
static bool trips_hold_it(struct requests *worst, const struct audit_session *session,
                          enum audit_role role, uint64_t trip)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const uint64_t trips = kinds[i] == MQTT_HANDSHAKE_QOS_2 ? 2 : 1;
        struct audit_histogram times = {0};
        add_times(&times, session, role, kinds[i]);
        const uint64_t median = audit_histogram_percentile(&times, 50);
        const bool enough = times.count >= SLOW_SAMPLES;
        audit_histogram_clear(&times);
        if (!enough || trips * trip < median / 100 * SLOW_PERCENT)
            continue;
        *worst = (struct requests){.kind = kinds[i], .sum.wire = median};
        return true;
    }
    return false;
}

/* A QoS 2 handshake that the other side began has one of these round trips in it, too: from PUBREC
 * to PUBREL. */
static bool trip_holds_qos_2(struct requests *worst, const struct audit_session *session,
                             enum audit_role role, uint64_t trip)
{
    struct audit_histogram times = {0};
    add_times(&times, session, role == AUDIT_CLIENT ? AUDIT_SERVER : AUDIT_CLIENT,
              MQTT_HANDSHAKE_QOS_2);
    const uint64_t median = audit_histogram_percentile(&times, 50);
    const bool held = times.count >= SLOW_SAMPLES && trip >= median / 100 * SLOW_PERCENT;
    audit_histogram_clear(&times);
    if (held)
        *worst = (struct requests){.kind = MQTT_HANDSHAKE_QOS_2, .sum.wire = median};
    return held;
}

static void look_at_way(struct diagnosing *diagnosing, const struct audit_session *session,
                        enum audit_role role)
{
    struct audit_histogram trips = {0};
    struct requests worst;
    char key[FORMAT_SIZE], half[FORMAT_SIZE], fastest[FORMAT_SIZE], took[FORMAT_SIZE];
    if (!reaches(session, role, SLOW_TRIP))
        return;
    add_round_trips(&trips, session, role);
    const uint64_t trip = audit_histogram_percentile(&trips, 50);
    if (trips.count >= SLOW_SAMPLES && trip >= SLOW_TRIP &&
        (trips_hold_it(&worst, session, role, trip) ||
         trip_holds_qos_2(&worst, session, role, trip))) {
        const struct audit_connection *first = session->first;
        struct audit_diagnosis *diagnosis =
            diagnosis_of(diagnosing, format_endpoint(key, &session->server), true);
        char *name = client_words(session->client_identifier);
        diagnosis_client(diagnosis, session->client_identifier);
        diagnosis_server(diagnosis, &session->server);
        diagnosis_evidence(
            diagnosis, first->start_frame, first->stream, first->start_time,
            "%s: half of %u round trips of TCP between the capture and the %s take %s or more, "
            "the fastest %s; half of its %s handshakes take %s or more",
            name, (unsigned)trips.count, role == AUDIT_CLIENT ? "server" : "client",
            format_microseconds(half, trip), format_microseconds(fastest, trips.minimum),
            mqtt_handshake_kind_name(worst.kind), format_microseconds(took, worst.sum.wire));
        /* A queue, or a receiver that is busy, lets some through at once. */
        diagnosis->sure &= trips.minimum >= SLOW_TRIP / 2;
        g_free(name);
    }
    audit_histogram_clear(&trips);
}

void diagnose_slow_network(struct diagnosing *diagnosing)
{
    const struct audit_report *report = diagnosing->report;
    for (unsigned i = 0; i < report->sessions->len; i++)
        for (unsigned role = 0; role < AUDIT_ROLES; role++)
            look_at_way(diagnosing, audit_report_session(report, i), (enum audit_role)role);
    for (unsigned i = 0; i < diagnosing->found->len; i++) {
        struct audit_diagnosis *diagnosis = g_ptr_array_index(diagnosing->found, i);
        if (diagnosis->clients->len == 1) {
            char *name = client_words(g_ptr_array_index(diagnosis->clients, 0));
            diagnosis_title(diagnosis, "The network takes most of the time of %s", name);
            g_free(name);
        } else {
            diagnosis_title(diagnosis, "The network takes most of the time of %u clients",
                            diagnosis->clients->len);
        }
    }
}
