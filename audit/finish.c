/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Brings a report into its order, which depends on the capture alone, and not on the order in which
 * connections were closed or reports merged. */
#include "audit/private.h"

#include <string.h>

static int three_way(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static gint connection_order(gconstpointer a, gconstpointer b)
{
    const struct audit_connection *x = *(const struct audit_connection *const *)a;
    const struct audit_connection *y = *(const struct audit_connection *const *)b;
    int order = three_way(x->start_frame, y->start_frame);
    return order != 0 ? order : (x->stream > y->stream) - (x->stream < y->stream);
}

static gint finding_order(gconstpointer a, gconstpointer b)
{
    const struct audit_finding *x = a, *y = b;
    int order = three_way(x->what.frame, y->what.frame);
    if (order == 0)
        order = (x->stream > y->stream) - (x->stream < y->stream);
    return order != 0 ? order : three_way(x->order, y->order);
}

static int string_order(const struct audit_string *a, const struct audit_string *b)
{
    uint32_t common = MIN(a->length, b->length);
    int order = common > 0 ? memcmp(a->bytes, b->bytes, common) : 0;
    return order != 0 ? order : three_way(a->whole, b->whole);
}

static gint session_order(gconstpointer a, gconstpointer b)
{
    const struct audit_session *x = *(const struct audit_session *const *)a;
    const struct audit_session *y = *(const struct audit_session *const *)b;
    int order = three_way(x->order, y->order);
    return order != 0 ? order : string_order(x->client_identifier, y->client_identifier);
}

static gint topic_order(gconstpointer a, gconstpointer b)
{
    const struct audit_topic *x = *(const struct audit_topic *const *)a;
    const struct audit_topic *y = *(const struct audit_topic *const *)b;
    int order = three_way(y->published + y->delivered, x->published + x->delivered);
    return order != 0 ? order : string_order(x->name, y->name);
}

/* Numbers the connections and links those of a session. */
static void link_connections(struct audit_report *report)
{
    for (unsigned i = 0; i < report->sessions->len; i++)
        ((struct audit_session *)g_ptr_array_index(report->sessions, i))->first = NULL;

    /* Backwards, so that each link leads to the next one. */
    for (unsigned i = report->connections->len; i-- > 0;) {
        struct audit_connection *connection = g_ptr_array_index(report->connections, i);
        connection->id = i + 1;
        connection->next_of_session = NULL;
        if (connection->session != NULL) {
            struct audit_session *session = (struct audit_session *)(uintptr_t)connection->session;
            connection->next_of_session = session->first;
            session->first = connection;
        }
    }
}

const struct audit_report *audit_finish(struct audit *audit)
{
    struct audit_report *report = &audit->report;
    g_ptr_array_sort(report->connections, connection_order);
    g_ptr_array_sort(report->sessions, session_order);
    g_ptr_array_sort(report->topics, topic_order);
    g_array_sort(report->findings, finding_order);
    link_connections(report);

    report->totals.clients = report->sessions->len;
    report->totals.sessions = 0;
    for (unsigned i = 0; i < report->sessions->len; i++)
        report->totals.sessions += audit_report_session(report, i)->accepted > 0;
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            audit_handshakes_measure(&report->totals.handshakes[role][kind]);
    return report;
}
