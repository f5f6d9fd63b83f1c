/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the ends of many connections have in common: the silence or the age before them, the packet,
 * its size. */
#include "audit/diagnosis/private.h"

/* ---- Numbers that come again and again ---- */

/* A connection and the number that is compared. */
struct sample {
    const struct audit_connection *connection;
    int64_t value;
};

static gint sample_order(gconstpointer a, gconstpointer b)
{
    const struct sample *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->connection->id < y->connection->id ? -1 : x->connection->id > y->connection->id;
}

static gint capture_order(gconstpointer a, gconstpointer b)
{
    const struct sample *x = a, *y = b;
    return x->connection->id < y->connection->id ? -1 : x->connection->id > y->connection->id;
}

/* Of samples in their order: how many from `from` on are constant. */
static unsigned constant_from(const GArray *samples, unsigned from, unsigned until)
{
    struct spread spread = {0};
    for (; until < samples->len; until++) {
        struct spread wider = spread;
        spread_add(&wider, g_array_index(samples, struct sample, from).value);
        spread_add(&wider, g_array_index(samples, struct sample, until).value);
        if (!spread_is_constant(&wider))
            break;
        spread = wider;
    }
    return until - from;
}

/* Keeps the largest group of samples that are constant, in the order of the capture. */
static void keep_constant(GArray *samples)
{
    unsigned best = 0, most = 0, until = 0;
    g_array_sort(samples, sample_order);
    for (unsigned from = 0; from < samples->len; from++) {
        const unsigned count = constant_from(samples, from, MAX(until, from));
        until = from + count;
        if (count > most) {
            most = count;
            best = from;
        }
    }
    g_array_set_size(samples, best + most);
    if (best > 0)
        g_array_remove_range(samples, 0, best);
    g_array_sort(samples, capture_order);
}

static const struct sample *sample_at(const GArray *samples, unsigned i)
{
    return &g_array_index(samples, struct sample, i);
}

/* Collects, for each server apart, the samples that `take` gives, and hands them to `tell`. */
typedef bool (*take_function)(const struct audit_connection *connection, int64_t *value);
typedef void (*tell_function)(struct diagnosing *diagnosing, GArray *samples);

static void samples_free(gpointer samples)
{
    g_array_free(samples, TRUE);
}

static void for_each_server(struct diagnosing *diagnosing, take_function take, tell_function tell)
{
    const GPtrArray *connections = diagnosing->report->connections;
    GHashTable *servers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, samples_free);
    for (unsigned i = 0; i < connections->len; i++) {
        struct sample sample = {g_ptr_array_index(connections, i), 0};
        char key[FORMAT_SIZE];
        if (!take(sample.connection, &sample.value))
            continue;
        GArray *samples =
            g_hash_table_lookup(servers, format_endpoint(key, broker_of(sample.connection)));
        if (samples == NULL) {
            samples = g_array_new(FALSE, FALSE, sizeof sample);
            g_hash_table_insert(servers, g_strdup(key), samples);
        }
        g_array_append_val(samples, sample);
    }
    GHashTableIter iterator;
    gpointer samples;
    g_hash_table_iter_init(&iterator, servers); /* those found are sorted later */
    while (g_hash_table_iter_next(&iterator, NULL, &samples))
        tell(diagnosing, samples);
    g_hash_table_destroy(servers);
}

static unsigned clients_among(const GArray *samples)
{
    GHashTable *clients = g_hash_table_new(NULL, NULL);
    for (unsigned i = 0; i < samples->len; i++)
        g_hash_table_add(clients, (gpointer)(uintptr_t)sample_at(samples, i)->connection->session);
    const unsigned count = g_hash_table_size(clients);
    g_hash_table_destroy(clients);
    return count;
}

static struct spread spread_of(const GArray *samples)
{
    struct spread spread = {0};
    for (unsigned i = 0; i < samples->len; i++)
        spread_add(&spread, sample_at(samples, i)->value);
    return spread;
}

/* ---- Silence ---- */

static int64_t idle_of(const struct audit_connection *connection)
{
    return mqtt_elapsed(connection->facts.end_time, last_mark(connection)->time);
}

/* Ends that came out of silence, too early for the keep alive. */
static bool take_idle(const struct audit_connection *connection, int64_t *idle)
{
    const uint16_t keep_alive = connection->facts.keep_alive.effective_s;
    *idle = idle_of(connection);
    return is_whole(connection) && connection->facts.accepted && ended_by(connection) < 2 &&
           connection->facts.end_cause != MQTT_END_SERVER_DISCONNECT && *idle >= IDLE_LEAST &&
           (keep_alive == 0 || *idle < keep_alive * MQTT_SECOND / 10 * 9);
}

static bool lived_through(const struct audit_session *session, int64_t idle)
{
    const struct audit_connection *connection = session != NULL ? session->first : NULL;
    for (; connection != NULL; connection = connection->next_of_session)
        if (connection->signs.survived - idle > idle / 100 * CONSTANT_PERCENT)
            return true;
    return false;
}

/* The same clients were silent for longer than that, and lived. Each is looked at once. */
static bool survived_longer(const GArray *samples, int64_t idle)
{
    GHashTable *seen = g_hash_table_new(NULL, NULL);
    bool survived = false;
    for (unsigned i = 0; i < samples->len && !survived; i++) {
        const struct audit_session *session = sample_at(samples, i)->connection->session;
        if (g_hash_table_add(seen, (gpointer)(uintptr_t)session))
            survived = lived_through(session, idle);
    }
    g_hash_table_destroy(seen);
    return survived;
}

static bool ages_are_constant(const GArray *samples)
{
    struct spread ages = {0};
    for (unsigned i = 0; i < samples->len; i++)
        spread_add(&ages, age_of(sample_at(samples, i)->connection));
    return spread_is_constant(&ages);
}

/* A program that waits for so long and goes looks the same, where the age is the same too. */
static bool clients_left(const GArray *samples)
{
    for (unsigned i = 0; i < samples->len; i++)
        if (sample_at(samples, i)->connection->facts.end_cause != MQTT_END_CLIENT_CLOSED)
            return false;
    return true;
}

static void tell_idle(struct diagnosing *diagnosing, GArray *samples)
{
    const unsigned all = samples->len;
    keep_constant(samples);
    const struct spread idle = spread_of(samples);
    const bool same_age = samples->len > 0 && ages_are_constant(samples);
    if (samples->len < IDLE_ENDS || samples->len < all * MOST_PERCENT / 100 ||
        (same_age && (clients_left(samples) || idle.least < IDLE_BLIND_LEAST)) ||
        survived_longer(samples, idle.most))
        return;
    struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, !same_age);
    for (unsigned i = 0; i < samples->len; i++) {
        const struct audit_connection *connection = sample_at(samples, i)->connection;
        char silent[FORMAT_SIZE];
        diagnosis_about(diagnosis, connection);
        diagnosis_evidence(diagnosis, connection->facts.end_frame, connection->stream,
                           connection->facts.end_time, "after %s of silence %s (keep alive %u s)",
                           format_duration(silent, sample_at(samples, i)->value),
                           end_words(connection->facts.end_cause),
                           connection->facts.keep_alive.effective_s);
    }
    char silent[FORMAT_SIZE];
    diagnosis_title(diagnosis,
                    "Something between clients and server cuts connections that are idle for %s: "
                    "%u times; a keep alive of %u s would hold them",
                    format_duration(silent, idle.least), samples->len,
                    (unsigned)(idle.least / MQTT_SECOND / 2));
}

void diagnose_middlebox_idle(struct diagnosing *diagnosing)
{
    for_each_server(diagnosing, take_idle, tell_idle);
    diagnose_forgetful_box(diagnosing);
}

/* ---- Age ---- */

static bool take_age(const struct audit_connection *connection, int64_t *age)
{
    const unsigned server = 1u - connection->facts.client;
    *age = age_of(connection);
    return connection->facts.accepted && connection->session != NULL &&
           ended_by(connection) == server && *age >= AGE_LEAST && idle_of(connection) < *age / 2;
}

static void tell_age(struct diagnosing *diagnosing, GArray *samples)
{
    const unsigned all = samples->len;
    struct spread ends = {0};
    keep_constant(samples);
    for (unsigned i = 0; i < samples->len; i++)
        spread_add(&ends, sample_at(samples, i)->connection->facts.end_time);
    if (samples->len < AGE_ENDS || samples->len < all * MOST_PERCENT / 100 ||
        clients_among(samples) < PATTERN_LEAST || mqtt_elapsed(ends.most, ends.least) < AGE_APART)
        return;
    struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, true);
    char age[FORMAT_SIZE];
    for (unsigned i = 0; i < samples->len; i++) {
        const struct audit_connection *connection = sample_at(samples, i)->connection;
        diagnosis_about(diagnosis, connection);
        diagnosis_evidence(diagnosis, connection->facts.end_frame, connection->stream,
                           connection->facts.end_time, "%s at an age of %s",
                           end_words(connection->facts.end_cause),
                           format_duration(age, sample_at(samples, i)->value));
    }
    diagnosis_title(diagnosis, "The server ends connections when they are %s old: %u of %u clients",
                    format_duration(age, spread_of(samples).least), samples->len,
                    diagnosis->clients->len);
}

void diagnose_token_lifetime(struct diagnosing *diagnosing)
{
    for_each_server(diagnosing, take_age, tell_age);
}

/* ---- The last packet ---- */

/* What its receiver did last says no more than that it got the packet. */
static bool is_answer_to(const struct audit_mark *answer, const struct audit_mark *packet)
{
    if (answer->type == MQTT_DISCONNECT)
        return true;
    return (answer->type == MQTT_PUBACK || answer->type == MQTT_PUBREC) &&
           packet->packet_identifier != 0 && answer->packet_identifier == packet->packet_identifier;
}

/* The PUBLISH that `by` ended the connection after; NULL: it was not so. */
static const struct audit_mark *killer_before(const struct audit_connection *connection,
                                              unsigned by)
{
    if (by > 1 || !is_whole(connection))
        return NULL;
    const struct audit_mark *killer = &connection->signs.last[1 - by];
    const struct audit_mark *other = &connection->signs.last[by];
    const int64_t until = mqtt_elapsed(connection->facts.end_time, killer->time);
    if (killer->frame == 0 || killer->type != MQTT_PUBLISH || until < 0 || until > KILLED_WITHIN)
        return NULL;
    return other->frame < killer->frame || is_answer_to(other, killer) ? killer : NULL;
}

/* ... that its receiver ended it after, without saying why. */
static const struct audit_mark *killer_of(const struct audit_connection *connection)
{
    return killer_before(connection, ended_by(connection));
}

/* Who would not take what was sent: a server may also say so (5.0: 3.14.2.1, Packet too large). */
static unsigned refused_by(const struct audit_connection *connection)
{
    const unsigned server = 1u - connection->facts.client;
    const struct audit_mark *last = &connection->signs.last[server];
    return last->type == MQTT_DISCONNECT && last->reason_code == MQTT_REASON_PACKET_TOO_LARGE
               ? server
               : ended_by(connection);
}

/* The PUBLISH that was too large, it may be. */
static const struct audit_mark *refused_of(const struct audit_connection *connection)
{
    return killer_before(connection, refused_by(connection));
}

/* The message that its client may have died of: what the server sent behind it came later. */
static const struct audit_mark *unanswered_of(const struct audit_connection *connection)
{
    const struct audit_mark *pending = &connection->signs.pending;
    const int64_t until = mqtt_elapsed(connection->facts.end_time, pending->time);
    return ended_by(connection) == connection->facts.client && is_whole(connection) &&
                   pending->frame != 0 && until >= 0 && until <= KILLED_WITHIN
               ? pending
               : NULL;
}

static bool same_message(const struct audit_mark *a, const struct audit_mark *b)
{
    return a->topic != 0 && a->topic == b->topic && a->fingerprint == b->fingerprint;
}

/* The packet that ended this connection, if it has that message. */
static const struct audit_mark *killed_it(const struct audit_connection *connection,
                                          const struct audit_mark *killer)
{
    const struct audit_mark *last = killer_of(connection);
    const struct audit_mark *pending = unanswered_of(connection);
    if (last != NULL && same_message(last, killer))
        return last;
    return pending != NULL && same_message(pending, killer) ? pending : NULL;
}

/* How many connections of a session this message ended, from its first one on. */
static unsigned killed_by(const struct audit_connection *connection,
                          const struct audit_mark *killer)
{
    unsigned count = 0;
    for (; connection != NULL; connection = connection->next_of_session) {
        count += killed_it(connection, killer) != NULL;
    }
    return count;
}

/* Its ends of which it is known what came last: a message that is published again and again is, by
 * chance, the last one before some of many. */
static unsigned ends_of(const struct audit_session *session)
{
    unsigned count = 0;
    for (const struct audit_connection *connection = session->first; connection != NULL;
         connection = connection->next_of_session)
        count += ended_by(connection) <= 1 && is_whole(connection);
    return count;
}

static void tell_poison(struct diagnosing *diagnosing, const struct audit_session *session,
                        const struct audit_mark *killer)
{
    const struct audit_topic *topic = topic_by_rank(diagnosing, killer->topic);
    char *on = topic != NULL ? client_words(topic->name) : g_strdup("a topic that is not listed");
    char *name = client_words(session->client_identifier);
    struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, true);
    diagnosis_client(diagnosis, session->client_identifier);
    diagnosis_server(diagnosis, &session->server);
    const struct audit_connection *connection = session->first;
    for (; connection != NULL; connection = connection->next_of_session) {
        const struct audit_mark *other = killed_it(connection, killer);
        char after[FORMAT_SIZE];
        if (other == NULL)
            continue;
        diagnosis_evidence(
            diagnosis, other->frame, connection->stream, other->time,
            "PUBLISH on %s (identifier %u, %u bytes); %s after it %s", on, other->packet_identifier,
            other->size,
            format_duration(after, mqtt_elapsed(connection->facts.end_time, other->time)),
            end_words(connection->facts.end_cause));
    }
    diagnosis_title(diagnosis,
                    "One message on %s ends the connection of %s again and again: %u times", on,
                    name, (unsigned)diagnosis->count);
    g_free(on);
    g_free(name);
}

void diagnose_poison_message(struct diagnosing *diagnosing)
{
    for (unsigned i = 0; i < diagnosing->report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(diagnosing->report, i);
        const struct audit_connection *connection = session->first;
        unsigned looked = 0;
        for (; connection != NULL && looked < KILLERS_MAX;
             connection = connection->next_of_session) {
            const struct audit_mark *killers[] = {killer_of(connection), unanswered_of(connection)};
            bool told = false;
            for (unsigned j = 0; j < G_N_ELEMENTS(killers) && !told; j++) {
                if (killers[j] == NULL)
                    continue;
                looked++;
                const unsigned killed = killed_by(connection, killers[j]);
                told = killed >= PATTERN_LEAST && killed >= ends_of(session) / 2;
                if (told)
                    tell_poison(diagnosing, session, killers[j]);
            }
            if (told)
                break;
        }
    }
}

/* ---- Sizes ---- */

static bool take_size(const struct audit_connection *connection, int64_t *size)
{
    const struct audit_mark *killer = refused_of(connection);
    *size = killer != NULL ? killer->size : 0;
    return killer != NULL && killer->size >= OVERSIZE_LEAST;
}

/* The largest packet to the same receivers that passed: `to` is an enum audit_role. */
static uint32_t largest_passed(const struct audit_report *report,
                               const struct audit_endpoint *server, unsigned to)
{
    uint32_t largest = 0;
    for (unsigned i = 0; i < report->connections->len; i++) {
        const struct audit_connection *connection = audit_report_connection(report, i);
        const unsigned receiver =
            to == AUDIT_CLIENT ? connection->facts.client : 1u - connection->facts.client;
        if (audit_endpoint_equal(broker_of(connection), server))
            largest = MAX(largest, connection->signs.largest_passed[1 - receiver]);
    }
    return largest;
}

/* All by one message: that is another diagnosis. */
static bool is_one_message(const GArray *samples)
{
    const struct audit_mark *first = refused_of(sample_at(samples, 0)->connection);
    for (unsigned i = 1; i < samples->len; i++)
        if (!same_message(refused_of(sample_at(samples, i)->connection), first))
            return false;
    return true;
}

static void tell_size(struct diagnosing *diagnosing, GArray *samples)
{
    const struct audit_connection *first = sample_at(samples, 0)->connection;
    const unsigned to = audit_role(first, refused_by(first));
    for (unsigned i = samples->len; i-- > 0;)
        if (audit_role(sample_at(samples, i)->connection,
                       refused_by(sample_at(samples, i)->connection)) != to)
            return; /* both ways: no limit of one side */
    const struct spread sizes = spread_of(samples);
    if (samples->len < PATTERN_LEAST)
        return;
    const uint32_t passed = largest_passed(diagnosing->report, broker_of(first), to);
    if (passed == 0 || passed >= sizes.least || is_one_message(samples))
        return;
    struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, true);
    for (unsigned i = 0; i < samples->len; i++) {
        const struct audit_connection *connection = sample_at(samples, i)->connection;
        const struct audit_mark *killer = refused_of(connection);
        diagnosis_about(diagnosis, connection);
        diagnosis_evidence(diagnosis, killer->frame, connection->stream, killer->time,
                           "%s after a packet of %u bytes", end_words(connection->facts.end_cause),
                           killer->size);
    }
    diagnosis_title(diagnosis,
                    "The %s ends connections after packets of %u bytes and more: %u times; the "
                    "largest that passed has %u bytes",
                    to == AUDIT_CLIENT ? "client" : "server", (unsigned)sizes.least, samples->len,
                    passed);
}

void diagnose_oversize(struct diagnosing *diagnosing)
{
    for_each_server(diagnosing, take_size, tell_size);
}
