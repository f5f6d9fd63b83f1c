/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Brings a report into its order, which depends on the capture alone, and not on the order in which
 * connections were closed or reports merged. */
#include "audit/diagnosis/diagnoses.h"
#include "audit/fold_private.h"

static int three_way(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int audit_connection_order(const void *a, const void *b)
{
    const struct audit_connection *x = a, *y = b;
    int order = three_way(x->start_frame, y->start_frame);
    return order != 0 ? order : (x->stream > y->stream) - (x->stream < y->stream);
}

/* The stream of a session's finding is found out later; its `order` is behind all others. */
int audit_finding_order(const void *a, const void *b)
{
    const struct audit_finding *x = a, *y = b;
    int order = three_way(x->what.frame, y->what.frame);
    if (order == 0 && x->party->server == NULL && y->party->server == NULL)
        order = (x->party->stream > y->party->stream) - (x->party->stream < y->party->stream);
    return order != 0 ? order : three_way(x->order, y->order);
}

int audit_session_order(const void *a, const void *b)
{
    const struct audit_session *x = a, *y = b;
    int order = three_way(x->order, y->order);
    if (order == 0)
        order = audit_string_order(x->client_identifier, y->client_identifier);
    return order != 0 ? order : three_way(x->rank, y->rank);
}

int audit_topic_order(const void *a, const void *b)
{
    const struct audit_topic *x = a, *y = b;
    int order = three_way(y->published + y->delivered, x->published + x->delivered);
    if (order == 0)
        order = audit_string_order(x->name, y->name);
    return order != 0 ? order : three_way(x->rank, y->rank);
}

static gint file_order(gconstpointer a, gconstpointer b)
{
    const struct audit_file *x = a, *y = b;
    int order = three_way(x->first_frame, y->first_frame);
    if (order == 0)
        order = three_way(x->index, y->index);
    return order != 0 ? order : g_strcmp0(x->name, y->name);
}

/* ---- Who belongs to whom ---- */

/* Numbers the connections and links those of a session. */
static void link_connections(struct audit_fold *fold)
{
    struct audit_report *report = &fold->report;
    for (unsigned i = 0; i < report->sessions->len; i++)
        ((struct audit_session *)g_ptr_array_index(report->sessions, i))->first = NULL;

    /* Backwards, so that each link leads to the next one. */
    for (unsigned i = report->connections->len; i-- > 0;) {
        struct audit_connection *connection = g_ptr_array_index(report->connections, i);
        struct audit_session *session = NULL;
        if (connection->client_identifier != NULL)
            session = audit_fold_session(fold, connection->client_identifier,
                                         audit_connection_broker(connection));
        connection->id = i + 1;
        connection->session = session;
        connection->next_of_session = NULL;
        if (session != NULL) {
            connection->next_of_session = session->first;
            session->first = connection;
        }
        for (unsigned severity = 0; severity < G_N_ELEMENTS(connection->findings); severity++)
            connection->findings[severity] = connection->own_findings[severity];
    }
}

/* Of a session's connections, which begin in the order of the capture, and its findings, whose
 * frames are in that order too: goes on from `connection` to the last one that began before
 * `frame`. */
static const struct audit_connection *connection_at(const struct audit_connection *connection,
                                                    uint64_t frame)
{
    while (connection->next_of_session != NULL && connection->next_of_session->start_frame <= frame)
        connection = connection->next_of_session;
    return connection;
}

/* What waits in a session is a finding of the connection that its packet was on. */
static void place_findings(struct audit_fold *fold)
{
    GHashTable *reached = g_hash_table_new(NULL, NULL); /* session -> its connection, so far */
    for (unsigned i = 0; i < fold->report.findings->len; i++) {
        struct audit_finding *finding = g_ptr_array_index(fold->report.findings, i);
        struct audit_party *party = finding->party;
        if (party->server == NULL)
            continue;
        struct audit_session *session =
            party->client_identifier != NULL
                ? audit_fold_session(fold, party->client_identifier, party->server)
                : NULL;
        const struct audit_connection *from =
            session != NULL ? g_hash_table_lookup(reached, session) : NULL;
        if (from == NULL && session != NULL)
            from = session->first;
        party->connection = NULL;
        party->stream = party->told_stream;
        if (from == NULL || from->start_frame > finding->what.frame)
            continue;
        from = connection_at(from, finding->what.frame);
        g_hash_table_insert(reached, session, (gpointer)(uintptr_t)from);
        party->connection = from;
        party->stream = from->stream;
        ((struct audit_connection *)(uintptr_t)from)
            ->findings[mqtt_rule_info((enum mqtt_rule)finding->what.rule)->severity]++;
    }
    g_hash_table_destroy(reached);
}

/* ---- What is added up ---- */

static void finish_topics(struct audit_fold *fold)
{
    struct audit_report *report = &fold->report;
    report->other_topics = fold->unnamed;
    audit_topic_add(&report->other_topics, &fold->left_out);
    report->totals.publishes = report->other_topics;
    for (unsigned i = 0; i < report->topics->len; i++)
        audit_topic_add(&report->totals.publishes, audit_report_topic(report, i));
}

/* What the bounds left out. */
static void finish_limits(struct audit_fold *fold)
{
    struct audit_report *report = &fold->report;
    struct audit_limit *limits = report->capture.limits;
    const uint64_t *findings = report->totals.findings;
    limits[AUDIT_LIMIT_CONNECTIONS].count = report->totals.connections - report->connections->len;
    limits[AUDIT_LIMIT_SESSIONS].count = fold->sessions_left_out;
    limits[AUDIT_LIMIT_FINDINGS].count =
        findings[0] + findings[1] + findings[2] - report->findings->len;
    limits[AUDIT_LIMIT_TOPICS].count = fold->left_out.published + fold->left_out.delivered;
    limits[AUDIT_LIMIT_DIAGNOSES].count = report->diagnoses_left_out;
    uint64_t listed = 0;
    for (unsigned i = 0; i < report->deliveries->len; i++)
        listed += audit_delivery_messages(&audit_report_delivery(report, i)->counts);
    limits[AUDIT_LIMIT_DELIVERIES].count =
        audit_delivery_messages(&report->totals.deliveries) - listed;
}

const struct audit_report *audit_fold_finish(struct audit_fold *fold)
{
    struct audit_report *report = &fold->report;
    g_array_sort(report->capture.files, file_order);
    audit_lowest_sort(&fold->connections, audit_connection_order);
    audit_lowest_sort(&fold->sessions, audit_session_order);
    audit_lowest_sort(&fold->findings, audit_finding_order);
    audit_lowest_sort(&fold->topics, audit_topic_order);
    link_connections(fold);
    place_findings(fold);
    finish_topics(fold);
    audit_fold_finish_deliveries(fold);

    report->totals.clients = report->sessions->len;
    report->totals.sessions = 0;
    for (unsigned i = 0; i < report->sessions->len; i++)
        report->totals.sessions += audit_report_session(report, i)->accepted > 0;
    audit_diagnose(report, fold->diagnoses);
    finish_limits(fold);
    return report;
}
