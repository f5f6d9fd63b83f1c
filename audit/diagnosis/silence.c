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

/* The server's TCP would send again what the client's does not acknowledge, and the window would
 * close over what the client does not read. */
static bool reads_on(const struct audit_connection *connection)
{
    const struct audit_facts *facts = &connection->facts;
    const struct audit_span *unheard = &connection->signs.unheard;
    return facts->transport[1 - facts->client].retransmitted == 0 &&
           facts->transport[facts->client].zero_window == 0 &&
           mqtt_elapsed(unheard->until, unheard->since) >= ACKNOWLEDGED_WITHIN;
}

/* What the server sent was never acknowledged: it is the network that was gone. */
static bool is_cut_off(const struct audit_connection *connection)
{
    const struct audit_facts *facts = &connection->facts;
    return facts->transport[1 - facts->client].last_run >= HALF_OPEN_RETRIES;
}

void diagnose_keep_alive_starved(struct diagnosing *diagnosing)
{
    for (unsigned i = 0; i < diagnosing->report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(diagnosing->report, i);
        const struct audit_connection *connection = session->first;
        struct audit_diagnosis *diagnosis = NULL;
        for (; connection != NULL; connection = connection->next_of_session) {
            const struct audit_span *unheard = &connection->signs.unheard;
            if (!is_starved(connection) || is_cut_off(connection))
                continue;
            if (diagnosis == NULL)
                diagnosis = diagnosis_add(diagnosing, true);
            diagnosis->sure &= reads_on(connection);
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

unsigned talks_to_nobody(const struct audit_connection *connection)
{
    for (unsigned side = 0; side < 2; side++) {
        const struct audit_transport *sender = &connection->facts.transport[side];
        const int64_t silence =
            mqtt_elapsed(connection->facts.end_time, connection->signs.last[1 - side].time);
        if (sender->last_run >= HALF_OPEN_RETRIES && sender->last_run_ns >= HALF_OPEN_SILENCE &&
            silence >= sender->last_run_ns && ended_by(connection) != 1 - side &&
            connection->facts.transport[1 - side].zero_window == 0)
            return side;
    }
    return 2;
}

void diagnose_half_open(struct diagnosing *diagnosing)
{
    const GPtrArray *connections = diagnosing->report->connections;
    for (unsigned i = 0; i < connections->len; i++) {
        const struct audit_connection *connection = g_ptr_array_index(connections, i);
        const unsigned side = talks_to_nobody(connection);
        char lasted[FORMAT_SIZE];
        if (side > 1 || !is_whole(connection))
            continue;
        struct audit_diagnosis *diagnosis = diagnosis_of_server(diagnosing, connection, true);
        const struct audit_transport *sender = &connection->facts.transport[side];
        diagnosis_client(diagnosis, connection->client_identifier);
        diagnosis_evidence(diagnosis, connection->signs.last[side].frame, connection->stream,
                           connection->signs.last[side].time,
                           "the %s sends the same %u times again, for %s, without an answer",
                           side == connection->facts.client ? "client" : "server", sender->last_run,
                           format_duration(lasted, sender->last_run_ns));
    }
    diagnosis_keep_patterns(diagnosing, PATTERN_LEAST);
    for (unsigned i = 0; i < diagnosing->found->len; i++) {
        struct audit_diagnosis *diagnosis = g_ptr_array_index(diagnosing->found, i);
        diagnosis_title(diagnosis,
                        "Somebody sends, and nobody acknowledges it any more: %u connections",
                        (unsigned)diagnosis->count);
    }
}

/* ---- Boxes that forget ---- */

/* What comes behind a silence is answered as long as the silence is short enough; what comes behind
 * a longer one gets nowhere. */
struct forgetting {
    uint32_t lost, survivors;
    int64_t least;       /* of the silences behind which nothing was answered */
    int64_t survived;    /* the longest one behind which something was */
    int64_t first, last; /* when it was sent that was not answered */
};

static bool is_forgotten(const struct audit_connection *connection)
{
    return is_whole(connection) && connection->facts.accepted && talks_to_nobody(connection) < 2 &&
           connection->signs.tail_silence >= IDLE_LEAST;
}

static void add_forgetting(struct forgetting *forgetting, const struct audit_connection *connection)
{
    const struct audit_signs *signs = &connection->signs;
    if (signs->survived > 0) {
        forgetting->survivors++;
        forgetting->survived = MAX(forgetting->survived, signs->survived);
    }
    if (!is_forgotten(connection))
        return;
    const int64_t time = signs->last[talks_to_nobody(connection)].time;
    const bool is_first = forgetting->lost++ == 0;
    forgetting->least =
        is_first ? signs->tail_silence : MIN(forgetting->least, signs->tail_silence);
    forgetting->first = is_first ? time : MIN(forgetting->first, time);
    forgetting->last = is_first ? time : MAX(forgetting->last, time);
}

static GHashTable *forgettings(const struct audit_report *report)
{
    GHashTable *servers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (unsigned i = 0; i < report->connections->len; i++) {
        const struct audit_connection *connection = audit_report_connection(report, i);
        char key[FORMAT_SIZE];
        struct forgetting *forgetting =
            g_hash_table_lookup(servers, format_endpoint(key, broker_of(connection)));
        if (forgetting == NULL) {
            forgetting = g_new0(struct forgetting, 1);
            g_hash_table_insert(servers, g_strdup(key), forgetting);
        }
        add_forgetting(forgetting, connection);
    }
    return servers;
}

/* A cut of the network does not ask how long it was silent before, and hits all at once. */
static bool forgets(const struct forgetting *forgetting)
{
    return forgetting->lost >= IDLE_ENDS && forgetting->survivors >= IDLE_ENDS &&
           forgetting->least - forgetting->survived > forgetting->least / 100 * FORGETS_PERCENT &&
           mqtt_elapsed(forgetting->last, forgetting->first) >= AGE_APART;
}

void diagnose_forgetful_box(struct diagnosing *diagnosing)
{
    const struct audit_report *report = diagnosing->report;
    GHashTable *servers = forgettings(report);
    for (unsigned i = 0; i < report->connections->len; i++) {
        const struct audit_connection *connection = audit_report_connection(report, i);
        char key[FORMAT_SIZE], silent[FORMAT_SIZE], survived[FORMAT_SIZE];
        const struct forgetting *forgetting =
            g_hash_table_lookup(servers, format_endpoint(key, broker_of(connection)));
        if (!is_forgotten(connection) || !forgets(forgetting))
            continue;
        struct audit_diagnosis *diagnosis = diagnosis_of_server(diagnosing, connection, true);
        const unsigned side = talks_to_nobody(connection);
        diagnosis_client(diagnosis, connection->client_identifier);
        diagnosis_evidence(diagnosis, connection->signs.last[side].frame, connection->stream,
                           connection->signs.last[side].time,
                           "after %s of silence nothing gets through any more",
                           format_duration(silent, connection->signs.tail_silence));
        diagnosis_title(diagnosis,
                        "Something between clients and server forgets connections that are idle "
                        "for %s: %u times; %s of silence did no harm",
                        format_duration(silent, forgetting->least), (unsigned)diagnosis->count,
                        format_duration(survived, forgetting->survived));
    }
    g_hash_table_destroy(servers);
}
