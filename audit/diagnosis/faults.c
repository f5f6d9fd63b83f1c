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
