/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two audits of different connections become one. */
#include "audit/private.h"

static void merge_capture(struct audit *into, struct audit_capture *from)
{
    struct audit_capture *capture = &into->report.capture;
    for (unsigned i = 0; i < from->files->len; i++) {
        struct audit_file *file = &g_array_index(from->files, struct audit_file, i);
        g_array_append_vals(capture->files, file, 1);
        *file = (struct audit_file){0}; /* its strings have moved */
    }
    capture->packets += from->packets;
    capture->bytes += from->bytes;
    if (from->has_times)
        audit_capture_times(into, from->first_time, from->last_time);
    for (unsigned i = 0; i < AUDIT_LIMITS; i++)
        audit_limit(into, (enum audit_limit_kind)i, from->limits[i].count, from->limits[i].bytes);
}

void audit_topic_add(struct audit_topic *into, const struct audit_topic *from)
{
    into->published += from->published;
    into->delivered += from->delivered;
    into->retained += from->retained;
    into->published_bytes += from->published_bytes;
    into->delivered_bytes += from->delivered_bytes;
    for (unsigned i = 0; i < G_N_ELEMENTS(into->qos); i++)
        into->qos[i] += from->qos[i];
}

static void merge_totals(struct audit_totals *into, const struct audit_totals *from)
{
    into->connections += from->connections;
    for (unsigned i = 0; i < G_N_ELEMENTS(into->by_version); i++)
        into->by_version[i] += from->by_version[i];
    for (unsigned i = 0; i < MQTT_END_CAUSES; i++)
        into->by_end_cause[i] += from->by_end_cause[i];
    for (unsigned role = 0; role < AUDIT_ROLES; role++) {
        into->bytes[role] += from->bytes[role];
        for (unsigned type = 0; type < MQTT_PACKET_TYPES; type++)
            into->packets[role][type] += from->packets[role][type];
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            audit_handshakes_add(&into->handshakes[role][kind], &from->handshakes[role][kind]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(into->findings); i++)
        into->findings[i] += from->findings[i];
    for (unsigned i = 0; i < MQTT_RULES; i++)
        into->findings_by_rule[i] += from->findings_by_rule[i];
    audit_topic_add(&into->publishes, &from->publishes);
}

static void merge_topics(struct audit *into, const struct audit_report *from)
{
    for (unsigned i = 0; i < from->topics->len; i++) {
        const struct audit_topic *topic = audit_report_topic(from, i);
        struct audit_topic *known = audit_topic_get(into, topic->name);
        if (known == NULL) {
            audit_limit(into, AUDIT_LIMIT_TOPICS, topic->published + topic->delivered, 0);
            known = &into->report.other_topics;
        }
        audit_topic_add(known, topic);
    }
    audit_topic_add(&into->report.other_topics, &from->other_topics);
}

/* Finds for every session of `from` the one in `into`. Its `first` is of no use any more, and
 * carries the answer. */
static void merge_sessions(struct audit *into, const struct audit_report *from, GHashTable *moved)
{
    for (unsigned i = 0; i < from->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(from, i);
        struct audit_session like = *session;
        like.client_identifier = audit_client_get(into, session->client_identifier);
        struct audit_session *known =
            like.client_identifier != NULL ? audit_session_get(into, &like) : NULL;
        if (known == NULL) {
            audit_limit(into, AUDIT_LIMIT_SESSIONS, session->connections, 0);
            continue;
        }
        known->connections += session->connections;
        known->accepted += session->accepted;
        known->resumed += session->resumed;
        known->taken_over += session->taken_over;
        known->order = MIN(known->order, session->order);
        g_hash_table_insert(moved, (gpointer)(uintptr_t)session, known);
    }
}

static const struct audit_string *move_string(struct audit *into, const struct audit_string *string)
{
    return string != NULL ? audit_client_get(into, string) : NULL;
}

static void merge_connections(struct audit *into, struct audit_report *from, GHashTable *moved)
{
    GPtrArray *list = into->report.connections;
    for (unsigned i = 0; i < from->connections->len; i++) {
        struct audit_connection *connection = g_ptr_array_index(from->connections, i);
        if (list->len >= into->bounds.connections) {
            audit_limit(into, AUDIT_LIMIT_CONNECTIONS, 1, 0);
            g_hash_table_add(moved, connection);
            continue;
        }
        connection->client_identifier = move_string(into, connection->client_identifier);
        connection->session =
            connection->session != NULL ? g_hash_table_lookup(moved, connection->session) : NULL;
        g_ptr_array_add(list, connection);
        from->connections->pdata[i] = NULL;
    }
}

static void merge_findings(struct audit *into, const struct audit_report *from, GHashTable *moved)
{
    for (unsigned i = 0; i < from->findings->len; i++) {
        if (into->findings_kept >= into->bounds.findings) {
            audit_limit(into, AUDIT_LIMIT_FINDINGS, from->findings->len - i, 0);
            return;
        }
        struct audit_finding finding = *audit_report_finding(from, i);
        finding.client_identifier = move_string(into, finding.client_identifier);
        /* A connection that found no room stays behind, and `moved` knows it. */
        if (finding.connection != NULL && g_hash_table_contains(moved, finding.connection))
            finding.connection = NULL;
        g_array_append_val(into->report.findings, finding);
        into->findings_kept++;
    }
}

void audit_merge(struct audit *into, struct audit *from)
{
    struct audit_report *report = &from->report;
    /* Sessions of `from` -> those of `into`; and connections that are left out. */
    GHashTable *moved = g_hash_table_new(NULL, NULL);
    merge_capture(into, &report->capture);
    merge_totals(&into->report.totals, &report->totals);
    merge_topics(into, report);
    merge_sessions(into, report, moved);
    merge_connections(into, report, moved);
    merge_findings(into, report, moved);
    g_hash_table_destroy(moved);

    g_ptr_array_set_free_func(report->connections, NULL);
    for (unsigned i = 0; i < report->connections->len; i++)
        if (g_ptr_array_index(report->connections, i) != NULL)
            audit_connection_free(g_ptr_array_index(report->connections, i));
    audit_free(from);
}
