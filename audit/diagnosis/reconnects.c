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

static void tell_ends(struct audit_diagnosis *diagnosis, const struct audit_session *session,
                      unsigned cause)
{
    const struct audit_connection *connection = session->first;
    for (; connection != NULL; connection = connection->next_of_session) {
        const struct audit_facts *facts = &connection->facts;
        char lasted[FORMAT_SIZE];
        if (facts->end_cause != cause)
            continue;
        format_duration(lasted, mqtt_elapsed(facts->end_time, connection->start_time));
        if (cause == MQTT_END_REFUSED)
            diagnosis_evidence(diagnosis, connection->start_frame, connection->stream,
                               connection->start_time, "refused with 0x%02x (%s)",
                               facts->connack_reason,
                               mqtt_reason_name((enum mqtt_version)facts->version, MQTT_CONNACK,
                                                facts->connack_reason));
        else
            diagnosis_evidence(diagnosis, connection->start_frame, connection->stream,
                               connection->start_time, "after %s %s", lasted, end_words(cause));
    }
}

/* Between two CONNECT packets of those that ended so. */
static int64_t period_of(const struct audit_diagnosis *diagnosis)
{
    return mqtt_elapsed(diagnosis->until, diagnosis->since) / MAX(1, (int64_t)diagnosis->count - 1);
}

void diagnose_reconnect_loop(struct diagnosing *diagnosing)
{
    for (unsigned i = 0; i < diagnosing->report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(diagnosing->report, i);
        unsigned count;
        if (session->connections < LOOP_CONNECTIONS)
            continue;
        const unsigned cause = usual_end(session, &count);
        if (count < LOOP_ENDS)
            continue;
        struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, true);
        char *name = client_words(session->client_identifier);
        char period[FORMAT_SIZE];
        diagnosis_client(diagnosis, session->client_identifier);
        diagnosis_server(diagnosis, &session->server);
        tell_ends(diagnosis, session, cause);
        if (period_of(diagnosis) > LOOP_PERIOD) {
            diagnosis_drop(diagnosing);
        } else {
            diagnosis_title(diagnosis, "%s reconnects every %s: %u of %u connections %s", name,
                            format_duration(period, period_of(diagnosis)), count,
                            (unsigned)session->connections, end_of_many(cause));
        }
        g_free(name);
    }
}
