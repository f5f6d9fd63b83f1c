/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pings that are missing, pings that nobody needs, and answers of TCP that never come. */
#include "audit/diagnosis/private.h"

/* ---- The ping timer that is set back by what comes ---- */

static bool is_starved(const struct audit_connection *connection)
{
    const struct audit_span *unheard = &connection->signs.unheard;
    return connection->facts.end_cause == MQTT_END_KEEP_ALIVE && is_whole(connection) &&
           unheard->count >= STARVED_PACKETS &&
           mqtt_elapsed(unheard->until, unheard->since) >=
               connection->facts.keep_alive.effective_s * MQTT_SECOND / 2;
}

void diagnose_keep_alive_starved(struct diagnosing *diagnosing)
{
    for (unsigned i = 0; i < diagnosing->report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(diagnosing->report, i);
        const struct audit_connection *connection = session->first;
        struct audit_diagnosis *diagnosis = NULL;
        for (; connection != NULL; connection = connection->next_of_session) {
            const struct audit_span *unheard = &connection->signs.unheard;
            if (!is_starved(connection))
                continue;
            if (diagnosis == NULL)
                diagnosis = diagnosis_add(diagnosing, false);
            diagnosis_about(diagnosis, connection);
            diagnosis_evidence(
                diagnosis, unheard->frame, connection->stream, unheard->since,
                "%u packets of the server after the last one of the client, then the "
                "keep alive of %u s runs out",
                unheard->count, connection->facts.keep_alive.effective_s);
        }
        if (diagnosis == NULL)
            continue;
        char *name = client_words(session->client_identifier);
        diagnosis_title(diagnosis,
                        "%s forgets to ping while it receives: %u connections ended by the keep "
                        "alive while the server was sending",
                        name, (unsigned)diagnosis->count);
        g_free(name);
    }
    diagnosis_keep_patterns(diagnosing, PATTERN_LEAST);
}

/* ---- Pings that traffic made needless ---- */

void diagnose_ping_waste(struct diagnosing *diagnosing)
{
    for (unsigned i = 0; i < diagnosing->report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(diagnosing->report, i);
        const struct audit_connection *connection = session->first;
        uint64_t pings = 0, needless = 0, packets = 0;
        for (; connection != NULL; connection = connection->next_of_session) {
            const uint8_t client = connection->facts.client;
            for (unsigned type = 0; type < MQTT_PACKET_TYPES; type++)
                packets += connection->facts.packets[client][type];
            pings += connection->signs.pings;
            needless += connection->signs.needless;
        }
        if (needless < NEEDLESS_LEAST || needless < pings / 2 || needless < packets / 10)
            continue;
        struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, true);
        char *name = client_words(session->client_identifier);
        for (connection = session->first; connection != NULL;
             connection = connection->next_of_session) {
            if (connection->signs.needless == 0)
                continue;
            diagnosis_about(diagnosis, connection);
            diagnosis_evidence(
                diagnosis, connection->start_frame, connection->stream, connection->start_time,
                "%u of %u pings within half the keep alive of %u s", connection->signs.needless,
                connection->signs.pings, connection->facts.keep_alive.effective_s);
        }
        diagnosis_title(diagnosis, "%s pings %u times although it had just sent something else",
                        name, (unsigned)needless);
        g_free(name);
    }
}

/* ---- Half-open ---- */

/* A side sends again what nobody acknowledges, and the other is not heard of any more: as much of
 * it as the transport's counts tell. */
static bool is_half_open(const struct audit_connection *connection, unsigned *side)
{
    const struct audit_mark *last = connection->signs.last;
    *side = last[0].frame > last[1].frame ? 0 : 1;
    const struct audit_transport *sender = &connection->facts.transport[*side];
    return is_whole(connection) && sender->retransmitted >= HALF_OPEN_RETRIES &&
           connection->signs.unanswered.frame != 0 && *side == connection->facts.client &&
           mqtt_elapsed(connection->signs.unanswered.until, last[*side].time) >= HALF_OPEN_SILENCE;
}

void diagnose_half_open(struct diagnosing *diagnosing)
{
    const GPtrArray *connections = diagnosing->report->connections;
    for (unsigned i = 0; i < connections->len; i++) {
        const struct audit_connection *connection = g_ptr_array_index(connections, i);
        unsigned side;
        char silent[FORMAT_SIZE];
        if (!is_half_open(connection, &side))
            continue;
        struct audit_diagnosis *diagnosis = diagnosis_of_server(diagnosing, connection, true);
        diagnosis_client(diagnosis, connection->client_identifier);
        diagnosis_evidence(
            diagnosis, connection->signs.last[side].frame, connection->stream,
            connection->signs.last[side].time, "%u segments sent again, %s without an answer",
            (unsigned)connection->facts.transport[side].retransmitted,
            format_duration(silent, mqtt_elapsed(connection->signs.unanswered.until,
                                                 connection->signs.last[side].time)));
    }
    diagnosis_keep_patterns(diagnosing, PATTERN_LEAST);
    for (unsigned i = 0; i < diagnosing->found->len; i++) {
        struct audit_diagnosis *diagnosis = g_ptr_array_index(diagnosing->found, i);
        diagnosis_title(diagnosis,
                        "Clients send, and nobody acknowledges it any more: %u connections",
                        (unsigned)diagnosis->count);
    }
}
