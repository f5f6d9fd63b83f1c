/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages that do not reach a subscriber: it may not read them, or was away for too long. */
#include "audit/diagnosis/private.h"

#include "audit/strings.h"

/* ---- Subscriptions that are not served ---- */

/* Topics that a server delivers to somebody. */
static GHashTable *served_topics(const struct audit_report *report)
{
    GHashTable *served = g_hash_table_new(audit_string_hash, audit_string_equal);
    for (unsigned i = 0; i < report->deliveries->len; i++) {
        const struct audit_delivery *row = audit_report_delivery(report, i);
        if (row->counts.delivered > 0 && row->topic != NULL)
            g_hash_table_insert(served, (gpointer)(uintptr_t)row->topic, (gpointer)(uintptr_t)row);
    }
    return served;
}

static bool others_get_it(GHashTable *served, const struct audit_delivery *row)
{
    const struct audit_delivery *other = g_hash_table_lookup(served, row->topic);
    return other != NULL && audit_endpoint_equal(&other->broker, &row->broker);
}

static struct audit_diagnosis *unserved_of(struct diagnosing *diagnosing,
                                           const struct audit_string *client)
{
    char key[FORMAT_SIZE];
    struct audit_diagnosis *diagnosis = diagnosis_of(diagnosing, client_key(key, client), false);
    diagnosis_client(diagnosis, client);
    return diagnosis;
}

/* A finding each: it says itself that three publications matched. */
static void look_at_filters(struct diagnosing *diagnosing)
{
    const struct audit_report *report = diagnosing->report;
    for (unsigned i = 0; i < report->findings->len; i++) {
        const struct audit_finding *finding = audit_report_finding(report, i);
        if (finding->what.rule != MQTT_RULE_SUBSCRIPTION_NEVER_SERVED)
            continue;
        struct audit_diagnosis *diagnosis =
            unserved_of(diagnosing, finding->party->client_identifier);
        GString *detail = g_string_new(NULL);
        char *filter = finding->topic != NULL ? client_words(finding->topic) : g_strdup("a filter");
        if (finding->party->connection != NULL)
            diagnosis_server(diagnosis, broker_of(finding->party->connection));
        format_detail(detail, report, &finding->what);
        diagnosis_evidence(diagnosis, finding->what.frame, finding->party->stream,
                           finding->what.time, "%s: %s", filter, detail->str);
        g_string_free(detail, TRUE);
        g_free(filter);
    }
}

/* How many messages of a row never came, though its client was there: where a finding says it of
 * the whole subscription, the end may have come before it was said of each. */
static uint64_t unserved(struct diagnosing *diagnosing, const struct audit_delivery *row)
{
    const uint64_t *excused = row->counts.excused;
    char key[FORMAT_SIZE];
    const bool told =
        diagnosing->of_key != NULL &&
        g_hash_table_contains(diagnosing->of_key, client_key(key, row->client_identifier));
    if (row->counts.delivered > 0)
        return 0;
    return excused[AUDIT_EXCUSE_NEVER_SERVED] +
           (told ? excused[AUDIT_EXCUSE_CONNECTION_END] + excused[AUDIT_EXCUSE_CAPTURE_END] : 0);
}

/* Topics of which nothing came. What one subscriber gets and another one does not, is no matter of
 * the publisher. */
static void look_at_topics(struct diagnosing *diagnosing, GHashTable *served)
{
    const struct audit_report *report = diagnosing->report;
    for (unsigned i = 0; i < report->deliveries->len; i++) {
        const struct audit_delivery *row = audit_report_delivery(report, i);
        const uint64_t never = row->group ? 0 : unserved(diagnosing, row);
        const bool others = row->topic != NULL && others_get_it(served, row);
        if (row->topic == NULL || never < PATTERN_LEAST)
            continue;
        struct audit_diagnosis *diagnosis = unserved_of(diagnosing, row->client_identifier);
        char *on = client_words(row->topic);
        diagnosis_server(diagnosis, &row->broker);
        diagnosis->sure |= others;
        diagnosis_evidence(diagnosis, 0, -1, report->capture.first_time,
                           "%u messages on %s, of which none came%s", (unsigned)never, on,
                           others ? ": others get them"
                                  : ", and nobody else got them either: their publisher may not "
                                    "be allowed to publish them");
        g_free(on);
    }
}

void diagnose_silent_acl(struct diagnosing *diagnosing)
{
    GHashTable *served = served_topics(diagnosing->report);
    look_at_filters(diagnosing);
    look_at_topics(diagnosing, served);
    g_hash_table_destroy(served);
    for (unsigned i = 0; i < diagnosing->found->len; i++) {
        struct audit_diagnosis *diagnosis = g_ptr_array_index(diagnosing->found, i);
        char *name = client_words(
            diagnosis->clients->len > 0 ? g_ptr_array_index(diagnosis->clients, 0) : NULL);
        const bool whole = /* of a filter, which is told first, in a frame */
            g_array_index(diagnosis->evidence, struct audit_evidence, 0).frame != 0;
        diagnosis_title(diagnosis, "%s subscribes, is told that it may, and gets nothing%s%s", name,
                        whole ? "" : " of some topics", diagnosis->sure ? ", while others do" : "");
        g_free(name);
    }
}

/* ---- Queues ---- */

/* Why what waited for a client is gone; NULL: it is not known. */
static const char *why_dropped(const struct audit_session_life *life)
{
    if (life->past[MQTT_PAST_LOST] > 0)
        return "the server had lost its session";
    if (life->past[MQTT_PAST_EXPIRED] > 0 || life->expired_at_end > 0)
        return "its session had expired";
    return life->past[MQTT_PAST_CLEARED] > 0 ? "it asked for a clean start" : NULL;
}

static void rows_free(gpointer rows)
{
    g_ptr_array_free(rows, TRUE);
}

/* The rows of each client identifier, at all servers. */
static GHashTable *rows_by_client(const struct audit_report *report)
{
    GHashTable *clients =
        g_hash_table_new_full(audit_string_hash, audit_string_equal, NULL, rows_free);
    for (unsigned i = 0; i < report->deliveries->len; i++) {
        const struct audit_delivery *row = audit_report_delivery(report, i);
        if (row->group || row->client_identifier == NULL || row->topic == NULL)
            continue;
        GPtrArray *rows = g_hash_table_lookup(clients, row->client_identifier);
        if (rows == NULL) {
            rows = g_ptr_array_new();
            g_hash_table_insert(clients, (gpointer)(uintptr_t)row->client_identifier, rows);
        }
        g_ptr_array_add(rows, (gpointer)(uintptr_t)row);
    }
    return clients;
}

/* Row `i` of those of a client, if it is of this session; NULL: it is of another server. */
static const struct audit_delivery *row_of(const GPtrArray *rows, unsigned i,
                                           const struct audit_session *session)
{
    const struct audit_delivery *row = g_ptr_array_index(rows, i);
    return audit_endpoint_equal(&row->broker, &session->server) ? row : NULL;
}

/* Messages for a session. */
struct missing {
    uint64_t begun; /* their handshakes stopped */
    uint64_t never; /* they never came, and the session went */
    uint64_t full;  /* a hundred waited already */
};

/* What waits for a client that may still come back is not missing. */
static struct missing missing_of(const GPtrArray *rows, const struct audit_session *session)
{
    const bool ended = why_dropped(session->life) != NULL;
    const bool away = audit_session_state(session) == AUDIT_SESSION_OFFLINE;
    struct missing missing = {.begun = ended ? session->life->owed[AUDIT_SERVER].dropped : 0};
    for (unsigned i = 0; rows != NULL && i < rows->len; i++) {
        const struct audit_delivery *row = row_of(rows, i, session);
        if (row == NULL)
            continue;
        missing.full += row->counts.excused[AUDIT_EXCUSE_QUEUE_LIMIT];
        if (ended)
            missing.never += away ? row->counts.gone : row->counts.excused[AUDIT_EXCUSE_OFFLINE];
    }
    return missing;
}

static void add_number(GString *text, uint64_t number, const char *what)
{
    if (number > 0)
        g_string_append_printf(text, "%s%" G_GUINT64_FORMAT " %s", text->len > 0 ? ", " : "",
                               number, what);
}

static void tell_topics(struct audit_diagnosis *diagnosis, const GPtrArray *rows,
                        const struct audit_session *session)
{
    for (unsigned i = 0; rows != NULL && i < rows->len; i++) {
        const struct audit_delivery *row = row_of(rows, i, session);
        if (row == NULL)
            continue;
        const struct audit_delivery_counts *counts = &row->counts;
        const uint64_t gone = (audit_session_state(session) == AUDIT_SESSION_OFFLINE
                                   ? counts->gone
                                   : counts->excused[AUDIT_EXCUSE_OFFLINE]) +
                              counts->excused[AUDIT_EXCUSE_QUEUE_LIMIT];
        if (gone == 0 && counts->dropped_qos_0 == 0)
            continue;
        char *on = client_words(row->topic);
        GString *missing = g_string_new(NULL);
        add_number(missing, gone, "of those that waited never came");
        add_number(missing, counts->late, "came late");
        add_number(missing, counts->dropped_qos_0, "with QoS 0 did not come");
        diagnosis_evidence(diagnosis, 0, -1, session->first_time, "%s: %s", on, missing->str);
        g_string_free(missing, TRUE);
        g_free(on);
    }
}

static void tell_history(struct audit_diagnosis *diagnosis, const struct audit_session *session)
{
    const struct audit_connection *connection = session->first;
    for (; connection != NULL; connection = connection->next_of_session)
        diagnosis_evidence(diagnosis, connection->start_frame, connection->stream,
                           connection->start_time, "connects with clean %s %d, Session Present %d",
                           connection->facts.version == MQTT_VERSION_5_0 ? "start" : "session",
                           connection->facts.clean_start, connection->facts.session_present);
}

static void look_at_queue(struct diagnosing *diagnosing, const GPtrArray *rows,
                          const struct audit_session *session)
{
    const struct audit_session_life *life = session->life;
    const struct missing missing = missing_of(rows, session);
    const uint64_t gone = missing.begun + missing.never;
    char away[FORMAT_SIZE];
    if (gone + missing.full < PATTERN_LEAST)
        return;
    struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, gone >= PATTERN_LEAST);
    char *name = client_words(session->client_identifier);
    diagnosis_client(diagnosis, session->client_identifier);
    diagnosis_server(diagnosis, &session->server);
    tell_history(diagnosis, session);
    tell_topics(diagnosis, rows, session);
    diagnosis->count = gone + missing.full;
    diagnosis_title(diagnosis,
                    "%u messages for %s were dropped while it was offline (up to %s): %s",
                    (unsigned)diagnosis->count, name, format_duration(away, life->longest_offline),
                    gone > 0 ? why_dropped(life) : "more waited than a server may keep");
    g_free(name);
}

void diagnose_offline_queue(struct diagnosing *diagnosing)
{
    const struct audit_report *report = diagnosing->report;
    GHashTable *clients = rows_by_client(report);
    for (unsigned i = 0; i < report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(report, i);
        if (session->life != NULL)
            look_at_queue(diagnosing, g_hash_table_lookup(clients, session->client_identifier),
                          session);
    }
    g_hash_table_destroy(clients);
}
