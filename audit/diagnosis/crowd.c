/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What many connections of one server do at the same moment. */
#include "audit/diagnosis/private.h"

#include "audit/histogram.h"

#include <string.h>

static int compare_servers(const struct audit_connection *a, const struct audit_connection *b)
{
    const struct audit_endpoint *x = broker_of(a), *y = broker_of(b);
    const int order = strcmp(x->address, y->address);
    return order != 0 ? order : (x->port > y->port) - (x->port < y->port);
}

static const struct audit_connection *at(const GPtrArray *connections, unsigned i)
{
    return (const struct audit_connection *)g_ptr_array_index(connections, i);
}

static bool same_server(const GPtrArray *connections, unsigned i, unsigned j)
{
    return compare_servers(at(connections, i), at(connections, j)) == 0;
}

/* ---- Storms ---- */

static gint by_start(gconstpointer a, gconstpointer b)
{
    const struct audit_connection *x = *(const struct audit_connection *const *)a;
    const struct audit_connection *y = *(const struct audit_connection *const *)b;
    int order = compare_servers(x, y);
    if (order == 0)
        order = (x->start_time > y->start_time) - (x->start_time < y->start_time);
    return order != 0 ? order : (x->id > y->id) - (x->id < y->id);
}

/* Connections that begin together, of clients that had been connected before. */
struct burst {
    unsigned first, end;
    GHashTable *clients; /* of those; const struct audit_session */
};

/* From `first` on, those that begin within STORM_WIDTH of it, at the same server. */
static struct burst burst_from(const GPtrArray *connections, unsigned first)
{
    struct burst burst = {first, first, g_hash_table_new(NULL, NULL)};
    for (; burst.end < connections->len && same_server(connections, first, burst.end);
         burst.end++) {
        const struct audit_connection *connection = at(connections, burst.end);
        if (mqtt_elapsed(connection->start_time, at(connections, first)->start_time) > STORM_WIDTH)
            break;
        if (connection->session != NULL && connection != connection->session->first)
            g_hash_table_add(burst.clients, (gpointer)(uintptr_t)connection->session);
    }
    return burst;
}

/* Most clients of the one are among those of the other. */
static bool come_again(const struct burst *burst, const struct burst *before)
{
    unsigned common = 0;
    GHashTableIter iterator;
    gpointer client;
    g_hash_table_iter_init(&iterator, burst->clients);
    while (g_hash_table_iter_next(&iterator, &client, NULL))
        common += g_hash_table_contains(before->clients, client) != FALSE;
    return common >= g_hash_table_size(burst->clients) / 2;
}

static void tell_burst(struct audit_diagnosis *diagnosis, const GPtrArray *connections,
                       const struct burst *burst)
{
    const struct audit_connection *first = at(connections, burst->first);
    const int64_t width =
        mqtt_elapsed(at(connections, burst->end - 1)->start_time, first->start_time);
    char lasted[FORMAT_SIZE], since[FORMAT_SIZE] = "";
    for (unsigned i = burst->first; i < burst->end; i++)
        diagnosis_client(diagnosis, at(connections, i)->client_identifier);
    if (diagnosis->count > 0)
        format_duration(since, mqtt_elapsed(first->start_time, diagnosis->until));
    diagnosis_evidence(diagnosis, first->start_frame, first->stream, first->start_time,
                       "%u clients connect again within %s%s%s", g_hash_table_size(burst->clients),
                       format_duration(lasted, width), diagnosis->count > 0 ? ", after " : "",
                       since);
}

/* Looks through the connections of one server, from `from` to `end`. */
static void look_for_storm(struct diagnosing *diagnosing, const GPtrArray *connections,
                           unsigned from, unsigned end)
{
    GArray *bursts = g_array_new(FALSE, FALSE, sizeof(struct burst));
    unsigned again = 0;
    for (unsigned first = from; first < end;) {
        struct burst burst = burst_from(connections, first);
        first = burst.end;
        if (g_hash_table_size(burst.clients) < STORM_CLIENTS) {
            g_hash_table_destroy(burst.clients);
            continue;
        }
        if (bursts->len > 0)
            again += come_again(&burst, &g_array_index(bursts, struct burst, bursts->len - 1));
        g_array_append_val(bursts, burst);
    }
    if (bursts->len >= PATTERN_LEAST && again >= PATTERN_LEAST - 1) {
        struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, true);
        diagnosis_server(diagnosis, broker_of(at(connections, from)));
        for (unsigned i = 0; i < bursts->len; i++)
            tell_burst(diagnosis, connections, &g_array_index(bursts, struct burst, i));
        diagnosis_title(diagnosis, "%u devices reconnect at the same moments: %u times",
                        diagnosis->clients->len, bursts->len);
    }
    for (unsigned i = 0; i < bursts->len; i++)
        g_hash_table_destroy(g_array_index(bursts, struct burst, i).clients);
    g_array_free(bursts, TRUE);
}

void diagnose_reconnect_storm(struct diagnosing *diagnosing)
{
    const GPtrArray *all = diagnosing->report->connections;
    GPtrArray *connections = g_ptr_array_new();
    for (unsigned i = 0; i < all->len; i++)
        if (at(all, i)->facts.connect_seen)
            g_ptr_array_add(connections, g_ptr_array_index(all, i));
    g_ptr_array_sort(connections, by_start);
    for (unsigned from = 0, end; from < connections->len; from = end) {
        end = from + 1;
        while (end < connections->len && same_server(connections, from, end))
            end++;
        look_for_storm(diagnosing, connections, from, end);
    }
    g_ptr_array_free(connections, TRUE);
}

/* ---- Standstill ---- */

static gint by_answer(gconstpointer a, gconstpointer b)
{
    const struct audit_connection *x = *(const struct audit_connection *const *)a;
    const struct audit_connection *y = *(const struct audit_connection *const *)b;
    const int64_t p = x->signs.waited.until, q = y->signs.waited.until;
    int order = compare_servers(x, y);
    if (order == 0)
        order = (p > q) - (p < q);
    return order != 0 ? order : (x->id > y->id) - (x->id < y->id);
}

static bool waited_long(const struct audit_connection *connection)
{
    const struct audit_span *waited = &connection->signs.waited;
    return waited->frame != 0 && is_whole(connection) &&
           mqtt_elapsed(waited->until, waited->since) >= STALL_LEAST;
}

/* The server was seen to send to somebody in that time. A connection whose longest silence is
 * shorter than the time, and that was there all the time, shows it. */
static bool somebody_was_served(const GPtrArray *all, const struct audit_connection *like,
                                int64_t since, int64_t until)
{
    for (unsigned i = 0; i < all->len; i++) {
        const struct audit_connection *connection = at(all, i);
        if (compare_servers(connection, like) == 0 && connection->start_time < since &&
            connection->facts.end_time > until &&
            connection->signs.server_silence < mqtt_elapsed(until, since))
            return true;
    }
    return false;
}

/* Requests that were sent again had not arrived: it is the network that stood still. */
static bool were_lost(const GPtrArray *waiting, unsigned from, unsigned end)
{
    unsigned lost = 0;
    for (unsigned i = from; i < end; i++) {
        const struct audit_facts *facts = &at(waiting, i)->facts;
        lost += facts->transport[facts->client].retransmitted > 0;
    }
    return lost >= (end - from) / 2;
}

/* Half of the requests of a connection take so long: a server that is always slow does not stand
 * still. */
static int64_t usual_wait(const struct audit_connection *connection)
{
    struct audit_histogram times = {0};
    for (unsigned kind = MQTT_HANDSHAKE_QOS_1; kind <= MQTT_HANDSHAKE_PING; kind++)
        if (connection->handshakes[connection->facts.client][kind] != NULL)
            audit_histogram_merge_packed(
                &times, connection->handshakes[connection->facts.client][kind]->packed);
    const int64_t usual =
        times.count >= STALL_SAMPLES ? (int64_t)audit_histogram_percentile(&times, 50) * 1000 : 0;
    audit_histogram_clear(&times);
    return usual;
}

static bool is_usual(const GPtrArray *waiting, unsigned from, unsigned end)
{
    unsigned unusual = 0;
    for (unsigned i = from; i < end; i++) {
        const struct audit_span *waited = &at(waiting, i)->signs.waited;
        unusual += mqtt_elapsed(waited->until, waited->since) >= 3 * usual_wait(at(waiting, i));
    }
    return unusual < PATTERN_LEAST;
}

static void tell_stall(struct diagnosing *diagnosing, const GPtrArray *waiting, unsigned from,
                       unsigned end, int64_t since)
{
    struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, true);
    const struct audit_connection *first = at(waiting, from);
    char lasted[FORMAT_SIZE];
    for (unsigned i = from; i < end; i++) {
        const struct audit_connection *connection = at(waiting, i);
        const struct audit_span *waited = &connection->signs.waited;
        char *name = client_words(connection->client_identifier);
        diagnosis_about(diagnosis, connection);
        diagnosis_evidence(diagnosis, waited->frame, connection->stream, waited->since,
                           "a request of %s waits for %s", name,
                           format_duration(lasted, mqtt_elapsed(waited->until, waited->since)));
        diagnosis_spans(diagnosis, waited->until);
        g_free(name);
    }
    diagnosis_title(diagnosis, "The server stood still for %s: requests on %u connections waited",
                    format_duration(lasted, mqtt_elapsed(first->signs.waited.until, since)),
                    end - from);
}

/* The end of those that are answered within STALL_WIDTH after `from`; `since` when all of them
 * waited. */
static unsigned answered_with(const GPtrArray *waiting, unsigned from, int64_t *since)
{
    unsigned end = from;
    const int64_t answered = at(waiting, from)->signs.waited.until;
    *since = INT64_MIN;
    for (; end < waiting->len && same_server(waiting, from, end); end++) {
        const struct audit_span *waited = &at(waiting, end)->signs.waited;
        if (mqtt_elapsed(waited->until, answered) > STALL_WIDTH)
            break;
        *since = MAX(*since, waited->since);
    }
    return end;
}

void diagnose_broker_stall(struct diagnosing *diagnosing)
{
    const GPtrArray *all = diagnosing->report->connections;
    GPtrArray *waiting = g_ptr_array_new();
    unsigned looked = 0;
    for (unsigned i = 0; i < all->len; i++)
        if (waited_long(at(all, i)))
            g_ptr_array_add(waiting, g_ptr_array_index(all, i));
    g_ptr_array_sort(waiting, by_answer);
    for (unsigned from = 0, end; from < waiting->len && looked < STALLS_MAX; from = end) {
        int64_t since;
        end = answered_with(waiting, from, &since);
        const struct audit_connection *first = at(waiting, from);
        const int64_t until = first->signs.waited.until;
        if (end - from < PATTERN_LEAST || mqtt_elapsed(until, since) < STALL_LEAST) {
            end = from + 1;
            continue;
        }
        looked++;
        if (!is_usual(waiting, from, end) && !were_lost(waiting, from, end) &&
            !somebody_was_served(all, first, since, until))
            tell_stall(diagnosing, waiting, from, end, since);
    }
    g_ptr_array_free(waiting, TRUE);
}
