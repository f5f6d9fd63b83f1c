/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One device that reconnects again and again, and many that do so together. */
#include "audit/diagnosis/private.h"

/* Ends that say that something is wrong. A takeover is told of elsewhere; a box in between too. */
static bool is_wrong_end(unsigned cause)
{
    switch (cause) {
    case MQTT_END_OPEN:
    case MQTT_END_CLIENT_DISCONNECT:
    case MQTT_END_TAKEN_OVER: return false;
    default: return true;
    }
}

/* The end that most connections of a session have, of those that are wrong. */
static unsigned usual_end(const struct audit_session *session, unsigned *count)
{
    unsigned counts[MQTT_END_CAUSES] = {0}, most = 0;
    const struct audit_connection *connection = session->first;
    for (; connection != NULL; connection = connection->next_of_session)
        counts[connection->facts.end_cause] += is_wrong_end(connection->facts.end_cause);
    for (unsigned cause = 1; cause < MQTT_END_CAUSES; cause++)
        if (counts[cause] > counts[most])
            most = cause;
    *count = counts[most];
    return most;
}

static void tell_end(struct audit_diagnosis *diagnosis, const struct audit_connection *connection)
{
    const struct audit_facts *facts = &connection->facts;
    char lasted[FORMAT_SIZE];
    const char *reason =
        mqtt_reason_name((enum mqtt_version)facts->version, MQTT_CONNACK, facts->connack_reason);
    if (facts->end_cause == MQTT_END_REFUSED)
        diagnosis_evidence(diagnosis, connection->start_frame, connection->stream,
                           connection->start_time, "refused with 0x%02x%s%s%s",
                           facts->connack_reason, reason != NULL ? " (" : "",
                           reason != NULL ? reason : "", reason != NULL ? ")" : "");
    else
        diagnosis_evidence(diagnosis, connection->start_frame, connection->stream,
                           connection->start_time, "after %s %s",
                           format_duration(lasted, age_of(connection)),
                           end_words(facts->end_cause));
}

/* The loop of a client: its ends of one kind. */
struct loop {
    const struct audit_session *session;
    unsigned cause, count;
    int64_t first, last; /* when those began */
};

/* Between two of them. */
static int64_t period_of(const struct loop *loop)
{
    return mqtt_elapsed(loop->last, loop->first) / MAX(1, (int64_t)loop->count - 1);
}

/* Most connections of the client end alike, and often. */
static bool is_loop(const struct audit_session *session, struct loop *loop)
{
    const struct audit_connection *connection = session->first;
    *loop = (struct loop){.session = session, .first = INT64_MAX, .last = INT64_MIN};
    if (session->connections < LOOP_CONNECTIONS)
        return false;
    loop->cause = usual_end(session, &loop->count);
    if (loop->count < LOOP_ENDS || loop->count < session->connections / 2)
        return false;
    for (; connection != NULL; connection = connection->next_of_session)
        if (connection->facts.end_cause == loop->cause) {
            loop->first = MIN(loop->first, connection->start_time);
            loop->last = MAX(loop->last, connection->start_time);
        }
    return period_of(loop) <= LOOP_PERIOD;
}

static void tell_loop(struct diagnosing *diagnosing, const struct loop *loop)
{
    struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, true);
    const struct audit_connection *connection = loop->session->first;
    char *name = client_words(loop->session->client_identifier);
    char period[FORMAT_SIZE];
    diagnosis_client(diagnosis, loop->session->client_identifier);
    diagnosis_server(diagnosis, &loop->session->server);
    for (; connection != NULL; connection = connection->next_of_session)
        if (connection->facts.end_cause == loop->cause)
            tell_end(diagnosis, connection);
    diagnosis_title(diagnosis, "%s reconnects every %s: %u of %u connections %s", name,
                    format_duration(period, period_of(loop)), loop->count,
                    (unsigned)loop->session->connections, end_of_many(loop->cause));
    g_free(name);
}

/* Many clients in the same loop have one cause: it is told once, with a line a client. */
static void tell_loop_of_many(struct diagnosing *diagnosing, const char *key,
                              const struct loop *loop)
{
    struct audit_diagnosis *diagnosis = diagnosis_of(diagnosing, key, true);
    char *name = client_words(loop->session->client_identifier);
    char period[FORMAT_SIZE];
    diagnosis_client(diagnosis, loop->session->client_identifier);
    diagnosis_server(diagnosis, &loop->session->server);
    diagnosis_evidence(diagnosis, loop->session->first->start_frame, loop->session->first->stream,
                       loop->first, "%s every %s, %u of %u connections", name,
                       format_duration(period, period_of(loop)), loop->count,
                       (unsigned)loop->session->connections);
    diagnosis_spans(diagnosis, loop->last);
    diagnosis_title(diagnosis, "%u clients reconnect again and again: their connections %s",
                    (unsigned)diagnosis->count, end_of_many(loop->cause));
    g_free(name);
}

static char *loop_key(const struct loop *loop)
{
    char server[FORMAT_SIZE];
    return g_strdup_printf("%u %s", loop->cause, format_endpoint(server, &loop->session->server));
}

void diagnose_reconnect_loop(struct diagnosing *diagnosing)
{
    const GPtrArray *sessions = diagnosing->report->sessions;
    GHashTable *alike = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GArray *loops = g_array_new(FALSE, FALSE, sizeof(struct loop));
    for (unsigned i = 0; i < sessions->len; i++) {
        struct loop loop;
        if (!is_loop(g_ptr_array_index(sessions, i), &loop))
            continue;
        char *key = loop_key(&loop);
        const unsigned count = GPOINTER_TO_UINT(g_hash_table_lookup(alike, key));
        g_hash_table_insert(alike, key, GUINT_TO_POINTER(count + 1));
        g_array_append_val(loops, loop);
    }
    for (unsigned i = 0; i < loops->len; i++) {
        const struct loop *loop = &g_array_index(loops, struct loop, i);
        char *key = loop_key(loop);
        if (GPOINTER_TO_UINT(g_hash_table_lookup(alike, key)) > LOOPS_APART)
            tell_loop_of_many(diagnosing, key, loop);
        else
            tell_loop(diagnosing, loop);
        g_free(key);
    }
    g_array_free(loops, TRUE);
    g_hash_table_destroy(alike);
}
