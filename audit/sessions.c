/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is left in sessions when the capture ends. */
#include "audit/private.h"

#include "mqtt/state/session.h"

/* The connections of a session that are listed, in the order of the capture. */
static GPtrArray *connections_of(const struct audit_session *session)
{
    GPtrArray *list = g_ptr_array_new();
    for (const struct audit_connection *connection = session->first; connection != NULL;
         connection = connection->next_of_session)
        g_ptr_array_add(list, (gpointer)(uintptr_t)connection);
    return list;
}

/* The last one that began before `frame` did; NULL if there is none. */
static struct audit_connection *connection_at(const GPtrArray *list, uint64_t frame)
{
    unsigned low = 0, high = list->len;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const struct audit_connection *connection = g_ptr_array_index(list, middle);
        if (connection->start_frame <= frame)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? g_ptr_array_index(list, low - 1) : NULL;
}

static void add_finding(struct audit *audit, const struct audit_session *session,
                        struct audit_connection *connection, const struct mqtt_finding *what)
{
    if (!audit->rules[what->rule])
        return;
    unsigned severity = mqtt_rule_info((enum mqtt_rule)what->rule)->severity;
    audit->report.totals.findings[severity]++;
    audit->report.totals.findings_by_rule[what->rule]++;
    if (connection != NULL)
        connection->findings[severity]++;
    if (audit->findings_kept >= audit->bounds.findings) {
        audit_limit(audit, AUDIT_LIMIT_FINDINGS, 1, 0);
        return;
    }
    struct audit_finding finding = {
        .what = *what,
        .stream = connection != NULL ? connection->stream : -1,
        .order = UINT64_MAX, /* behind what the connection itself found there */
        .client_identifier = session->client_identifier,
        .connection = connection,
    };
    g_array_append_val(audit->report.findings, finding);
    audit->findings_kept++;
}

void audit_sessions_ended(struct audit *audit, const struct mqtt_sessions *sessions, int64_t time)
{
    audit_finish(audit); /* links the connections of each session */
    for (const struct mqtt_session *session = mqtt_sessions_next(sessions, NULL); session != NULL;
         session = mqtt_sessions_next(sessions, session)) {
        const struct audit_session *known = g_hash_table_lookup(audit->sessions_of, session);
        if (known == NULL || session->inflight[0].count + session->inflight[1].count == 0)
            continue;
        GPtrArray *connections = connections_of(known);
        for (unsigned i = 0; i < 2; i++) {
            uint32_t cursor = 0;
            const struct mqtt_handshake *handshake;
            struct mqtt_finding finding;
            while ((handshake = mqtt_inflight_next(&session->inflight[i], &cursor)) != NULL)
                if (mqtt_session_open_finding(session, handshake, i == 0, time, &finding))
                    add_finding(audit, known, connection_at(connections, finding.frame), &finding);
        }
        g_ptr_array_free(connections, TRUE);
    }
    g_hash_table_remove_all(audit->sessions_of);
}
