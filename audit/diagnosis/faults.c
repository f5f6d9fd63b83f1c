/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagnoses that are a number of findings of one kind. */
#include "audit/diagnosis/private.h"

static bool names_wrong_code(unsigned rule)
{
    return rule == MQTT_RULE_REASON_CODE_NOT_PRESCRIBED ||
           rule == MQTT_RULE_PROTOCOL_LEVEL_OTHER_CODE;
}

/* One a server: the clients' answers to it are told of with it. */
void diagnose_wrong_reason_code(struct diagnosing *diagnosing)
{
    const struct audit_report *report = diagnosing->report;
    for (unsigned i = 0; i < report->findings->len; i++) {
        const struct audit_finding *finding = audit_report_finding(report, i);
        const struct audit_connection *connection = finding->party->connection;
        if (!names_wrong_code(finding->what.rule) || connection == NULL)
            continue;
        struct audit_diagnosis *diagnosis = diagnosis_of_server(diagnosing, connection, true);
        GString *detail = g_string_new(NULL);
        diagnosis_about(diagnosis, connection);
        format_detail(detail, report, &finding->what);
        diagnosis_evidence(diagnosis, finding->what.frame, finding->party->stream,
                           finding->what.time, "%s", detail->str);
        g_string_free(detail, TRUE);
    }
    diagnosis_keep_patterns(diagnosing, PATTERN_LEAST);
}

/* ---- QoS 2 ---- */

static bool is_stage(unsigned rule)
{
    return rule == MQTT_RULE_QOS_2_UNFINISHED_PUBREC || rule == MQTT_RULE_QOS_2_UNFINISHED_PUBREL ||
           rule == MQTT_RULE_QOS_2_UNFINISHED_PUBCOMP;
}

static const struct audit_string *name_of(const struct audit_finding *finding)
{
    return finding->party->client_identifier;
}

/* QoS 2 handshakes of a session that went well. */
static uint64_t completed_of(const struct audit_session *session)
{
    const struct audit_connection *connection = session != NULL ? session->first : NULL;
    uint64_t completed = 0;
    for (; connection != NULL; connection = connection->next_of_session)
        for (unsigned side = 0; side < 2; side++)
            if (connection->handshakes[side][MQTT_HANDSHAKE_QOS_2] != NULL)
                completed += connection->handshakes[side][MQTT_HANDSHAKE_QOS_2]->count.completed;
    return completed;
}

void diagnose_qos_2_stuck(struct diagnosing *diagnosing)
{
    const struct audit_report *report = diagnosing->report;
    GHashTable *sessions = g_hash_table_new(NULL, NULL); /* of each that is found */
    for (unsigned i = 0; i < report->findings->len; i++) {
        const struct audit_finding *finding = audit_report_finding(report, i);
        const struct audit_connection *connection = finding->party->connection;
        if (!is_stage(finding->what.rule) || connection == NULL || connection->session == NULL)
            continue;
        const struct mqtt_rule_info *rule = mqtt_rule_info((enum mqtt_rule)finding->what.rule);
        char server[FORMAT_SIZE], client[FORMAT_SIZE];
        char *name = client_words(name_of(finding));
        char *key =
            g_strdup_printf("%s %s %s", rule->id, format_endpoint(server, broker_of(connection)),
                            client_key(client, name_of(finding)));
        struct audit_diagnosis *diagnosis = diagnosis_of(diagnosing, key, true);
        GString *detail = g_string_new(NULL);
        format_detail(detail, report, &finding->what);
        diagnosis_about(diagnosis, connection);
        diagnosis_evidence(diagnosis, finding->what.frame, finding->party->stream,
                           finding->what.time, "%s", detail->str);
        g_hash_table_insert(sessions, diagnosis, (gpointer)(uintptr_t)connection->session);
        diagnosis_title(diagnosis, "QoS 2 of %s stops at the same stage, %u times: %s", name,
                        (unsigned)diagnosis->count, rule->title);
        g_string_free(detail, TRUE);
        g_free(key);
        g_free(name);
    }
    diagnosis_keep_patterns(diagnosing, PATTERN_LEAST);
    for (unsigned i = 0; i < diagnosing->found->len; i++) {
        struct audit_diagnosis *diagnosis = g_ptr_array_index(diagnosing->found, i);
        diagnosis->sure =
            diagnosis->count >= completed_of(g_hash_table_lookup(sessions, diagnosis));
    }
    g_hash_table_destroy(sessions);
}

/* ---- Subscriptions and queues ---- */

/* A finding each: it says itself that three publications matched. */
void diagnose_silent_acl(struct diagnosing *diagnosing)
{
    const struct audit_report *report = diagnosing->report;
    for (unsigned i = 0; i < report->findings->len; i++) {
        const struct audit_finding *finding = audit_report_finding(report, i);
        if (finding->what.rule != MQTT_RULE_SUBSCRIPTION_NEVER_SERVED)
            continue;
        char key[FORMAT_SIZE];
        char *name = client_words(name_of(finding));
        struct audit_diagnosis *diagnosis =
            diagnosis_of(diagnosing, client_key(key, name_of(finding)), false);
        GString *detail = g_string_new(NULL);
        format_detail(detail, report, &finding->what);
        diagnosis_client(diagnosis, name_of(finding));
        if (finding->party->connection != NULL)
            diagnosis_server(diagnosis, broker_of(finding->party->connection));
        diagnosis_evidence(diagnosis, finding->what.frame, finding->party->stream,
                           finding->what.time, "%s", detail->str);
        diagnosis_title(diagnosis,
                        "%s subscribes, is told that it may, and gets nothing: %u topic filters",
                        name, (unsigned)diagnosis->count);
        g_string_free(detail, TRUE);
        g_free(name);
    }
}

/* Why what waited for a client is gone; NULL: it is not known. */
static const char *why_dropped(const struct audit_session_life *life)
{
    if (life->past[MQTT_PAST_LOST] > 0)
        return "the server had lost its session";
    if (life->past[MQTT_PAST_EXPIRED] > 0 || life->expired_at_end > 0)
        return "its session had expired";
    return life->past[MQTT_PAST_CLEARED] > 0 ? "it asked for a clean start" : NULL;
}

void diagnose_offline_queue(struct diagnosing *diagnosing)
{
    for (unsigned i = 0; i < diagnosing->report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(diagnosing->report, i);
        const struct audit_session_life *life = session->life;
        if (life == NULL || life->owed[AUDIT_SERVER].dropped < PATTERN_LEAST ||
            why_dropped(life) == NULL)
            continue;
        struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, true);
        const struct audit_connection *connection = session->first;
        char *name = client_words(session->client_identifier);
        char away[FORMAT_SIZE];
        diagnosis_client(diagnosis, session->client_identifier);
        diagnosis_server(diagnosis, &session->server);
        for (; connection != NULL; connection = connection->next_of_session)
            diagnosis_evidence(diagnosis, connection->start_frame, connection->stream,
                               connection->start_time,
                               "connects with clean %s %d, Session Present %d",
                               connection->facts.version == MQTT_VERSION_5_0 ? "start" : "session",
                               connection->facts.clean_start, connection->facts.session_present);
        diagnosis->count = life->owed[AUDIT_SERVER].dropped;
        diagnosis_title(diagnosis,
                        "%u messages for %s were dropped while it was offline (up to %s): %s",
                        life->owed[AUDIT_SERVER].dropped, name,
                        format_duration(away, life->longest_offline), why_dropped(life));
        g_free(name);
    }
}
