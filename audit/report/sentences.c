/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sentences.h. */
#include "audit/report/sentences.h"

#include <stdlib.h>
#include <string.h>

#include "audit/diagnosis/diagnoses.h"
#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "audit/report/text.h"

void sentence_client(GString *text, const struct audit_finding *finding)
{
    const struct audit_party *party = finding->party;
    char endpoint[FORMAT_SIZE];
    if (party->client_identifier != NULL) {
        char *name = escape_string(party->client_identifier);
        g_string_append(text, name);
        g_free(name);
    } else if (party->connection != NULL) {
        const struct audit_connection *connection = party->connection;
        g_string_append(
            text, format_endpoint(endpoint, &connection->endpoints[connection->facts.client]));
    }
}

void sentence_of_finding(GString *text, const struct audit_report *report,
                         const struct audit_finding *finding)
{
    const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)finding->what.rule);
    const char *blamed = format_role(mqtt_finding_blames(&finding->what));
    GString *who = g_string_new(NULL);
    g_string_append_printf(text, "%s: ", info->title);
    format_detail(text, report, &finding->what);
    sentence_client(who, finding);
    if (blamed != NULL)
        g_string_append_printf(text, " (by the %s%s%s)", blamed, who->len > 0 ? "; client " : "",
                               who->str);
    else if (who->len > 0)
        g_string_append_printf(text, " (client %s)", who->str);
    g_string_free(who, TRUE);
}

/* The verdict of the text report, in one line. */
static void append_first_lines(GString *text, const struct audit_report *report)
{
    const struct report_text_options options = {.detail = REPORT_QUIET, .width = 10000};
    char *whole = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&whole, &length);
    if (file == NULL)
        return;
    report_text(report, &options, file);
    fclose(file);
    /* What did not fit goes on in lines that are indented. */
    for (const char *at = whole; *at != '\0'; at++) {
        const bool goes_on = *at == '\n' && at[1] == ' ';
        if (*at == '\n' && !goes_on)
            break;
        g_string_append_c(text, goes_on ? ' ' : *at);
        while (goes_on && at[1] == ' ')
            at++;
    }
    free(whole);
}

void sentence_verdict(GString *text, const struct audit_report *report)
{
    append_first_lines(text, report);
    for (unsigned i = 0; i < report->diagnoses->len; i++) {
        const struct audit_diagnosis *diagnosis = audit_report_diagnosis(report, i);
        g_string_append_printf(text, "\n%s %s: %s", mqtt_severity_name(diagnosis->severity),
                               audit_diagnosis_info(diagnosis->id)->id, diagnosis->title);
    }
}
