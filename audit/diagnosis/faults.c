/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagnoses that are a number of findings of one kind. */
#include "audit/diagnosis/private.h"

/* The diagnosis among those found that is about this server; NULL: none yet. */
static struct audit_diagnosis *of_server(const struct diagnosing *diagnosing,
                                         const struct audit_endpoint *server)
{
    for (unsigned i = 0; i < diagnosing->found->len; i++) {
        struct audit_diagnosis *diagnosis = g_ptr_array_index(diagnosing->found, i);
        if (audit_endpoint_equal(g_ptr_array_index(diagnosis->servers, 0), server))
            return diagnosis;
    }
    return NULL;
}

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
        struct audit_diagnosis *diagnosis = of_server(diagnosing, broker_of(connection));
        if (diagnosis == NULL)
            diagnosis = diagnosis_add(diagnosing, true);
        GString *detail = g_string_new(NULL);
        diagnosis_about(diagnosis, connection);
        format_detail(detail, report, &finding->what);
        diagnosis_evidence(diagnosis, finding->what.frame, finding->party->stream,
                           finding->what.time, "%s", detail->str);
        g_string_free(detail, TRUE);
    }
    diagnosis_keep_patterns(diagnosing, PATTERN_LEAST);
}
