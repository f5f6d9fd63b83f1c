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
