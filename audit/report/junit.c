/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JUnit's XML: see junit.h. */
#include "audit/report/junit.h"

#include <inttypes.h>
#include <string.h>

#include "audit/diagnosis/diagnoses.h"
#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "audit/report/sentences.h"

#define SHOWN 20 /* findings of a rule */

struct junit {
    FILE *file;
    const struct audit_report *report;
    unsigned fails_from;
    GString *cases; /* of the suite that is open */
    unsigned tests, failures, errors;
    unsigned all_tests, all_failures, all_errors;
    GString *suites;
    GPtrArray *by_rule[MQTT_RULES]; /* the first of their findings; NULL: none */
};

/* Printable text in XML. */
static void append(GString *xml, const char *text)
{
    for (; *text != '\0'; text++)
        switch (*text) {
        case '&': g_string_append(xml, "&amp;"); break;
        case '<': g_string_append(xml, "&lt;"); break;
        case '>': g_string_append(xml, "&gt;"); break;
        case '"': g_string_append(xml, "&quot;"); break;
        default: g_string_append_c(xml, *text); break;
        }
}

static void attribute(GString *xml, const char *name, const char *text)
{
    g_string_append_printf(xml, " %s=\"", name);
    append(xml, text);
    g_string_append_c(xml, '"');
}

/* ---- Suites and tests ---- */

static void end_suite(struct junit *junit, const char *name)
{
    if (junit->tests > 0)
        g_string_append_printf(
            junit->suites,
            "  <testsuite name=\"mqttscope.%s\" tests=\"%u\" failures=\"%u\" errors=\"%u\" "
            "skipped=\"0\" time=\"0\">\n%s  </testsuite>\n",
            name, junit->tests, junit->failures, junit->errors, junit->cases->str);
    junit->all_tests += junit->tests;
    junit->all_failures += junit->failures;
    junit->all_errors += junit->errors;
    junit->tests = junit->failures = junit->errors = 0;
    g_string_truncate(junit->cases, 0);
}

/* One test; `body` NULL: it passes. */
static void put_case(struct junit *junit, const char *suite, const char *name, const char *element,
                     const char *type, const char *message, const GString *body)
{
    GString *xml = junit->cases;
    g_string_append_printf(xml, "    <testcase classname=\"mqttscope.%s\"", suite);
    attribute(xml, "name", name);
    g_string_append(xml, " time=\"0\"");
    junit->tests++;
    if (body == NULL) {
        g_string_append(xml, "/>\n");
        return;
    }
    g_string_append_printf(xml, ">\n      <%s", element);
    if (message != NULL) {
        attribute(xml, "type", type);
        attribute(xml, "message", message);
    }
    g_string_append_c(xml, '>');
    append(xml, body->str);
    g_string_append_printf(xml, "</%s>\n    </testcase>\n", element);
}

/* One that found something, which fails it or not. */
static void put_found(struct junit *junit, const char *suite, const char *name, unsigned severity,
                      const char *message, const GString *body)
{
    const bool fails = severity >= junit->fails_from;
    junit->failures += fails;
    put_case(junit, suite, name, fails ? "failure" : "system-out", mqtt_severity_name(severity),
             fails ? message : NULL, body);
}

/* ---- What is tested ---- */

static void put_files(struct junit *junit)
{
    for (unsigned i = 0; i < junit->report->capture.files->len; i++) {
        const struct audit_file *file = audit_report_file(junit->report, i);
        char *name = escape_text(strcmp(file->name, "-") == 0 ? "standard input" : file->name);
        GString *body = NULL;
        if (file->problem != NULL) {
            char *problem = escape_text(file->problem);
            body = g_string_new(problem);
            g_free(problem);
            junit->errors++;
        }
        put_case(junit, "capture", name, "error", "capture", "not read to its end", body);
        if (body != NULL)
            g_string_free(body, TRUE);
        g_free(name);
    }
    end_suite(junit, "capture");
}

static void append_diagnosis(GString *body, const struct audit_report *report,
                             const struct audit_diagnosis *diagnosis)
{
    const struct audit_diagnosis_info *info = audit_diagnosis_info(diagnosis->id);
    g_string_append_printf(body, "%s\n", diagnosis->title);
    for (unsigned i = 0; i < diagnosis->evidence->len; i++) {
        const struct audit_evidence *evidence =
            &g_array_index(diagnosis->evidence, struct audit_evidence, i);
        uint64_t number;
        if (audit_locate(report, evidence->frame, &number) != NULL)
            g_string_append_printf(body, "  frame %" PRIu64 ":", number);
        g_string_append_printf(body, "  %s\n", evidence->text);
    }
    g_string_append_printf(body, "What to do: %s\n", info->advice);
}

static void put_diagnoses(struct junit *junit)
{
    for (unsigned id = 0; id < AUDIT_DIAGNOSES; id++) {
        GString *body = g_string_new(NULL);
        unsigned worst = 0;
        for (unsigned i = 0; i < junit->report->diagnoses->len; i++) {
            const struct audit_diagnosis *diagnosis = audit_report_diagnosis(junit->report, i);
            if (diagnosis->id != id)
                continue;
            worst = MAX(worst, diagnosis->severity);
            append_diagnosis(body, junit->report, diagnosis);
        }
        const struct audit_diagnosis_info *info = audit_diagnosis_info(id);
        if (body->len > 0)
            put_found(junit, "diagnosis", info->id, worst, info->title, body);
        else
            put_case(junit, "diagnosis", info->id, NULL, NULL, NULL, NULL);
        g_string_free(body, TRUE);
    }
    end_suite(junit, "diagnosis");
}

static void append_finding(GString *body, const struct audit_report *report,
                           const struct audit_finding *finding)
{
    uint64_t number;
    const struct audit_file *file = audit_locate(report, finding->what.frame, &number);
    if (file != NULL) {
        char *name = escape_text(strcmp(file->name, "-") == 0 ? "standard input" : file->name);
        g_string_append_printf(body, "%s frame %" PRIu64 ": ", name, number);
        g_free(name);
    }
    sentence_of_finding(body, report, finding);
    g_string_append_c(body, '\n');
}

static void put_rule(struct junit *junit, enum mqtt_rule rule)
{
    const struct mqtt_rule_info *info = mqtt_rule_info(rule);
    const char *suite = mqtt_scope_name(info->scope);
    const uint64_t count = junit->report->totals.findings_by_rule[rule];
    const GPtrArray *findings = junit->by_rule[rule];
    if (count == 0) {
        put_case(junit, suite, info->id, NULL, NULL, NULL, NULL);
        return;
    }
    GString *body = g_string_new(NULL);
    const unsigned shown = findings != NULL ? findings->len : 0;
    for (unsigned i = 0; i < shown; i++)
        append_finding(body, junit->report, g_ptr_array_index(findings, i));
    if (count > shown)
        g_string_append_printf(body, "and %" PRIu64 " more\n", count - shown);
    char *message = g_strdup_printf("%s (%" PRIu64 " times)", info->title, count);
    put_found(junit, suite, info->id, info->severity, count > 1 ? message : info->title, body);
    g_free(message);
    g_string_free(body, TRUE);
}

static void put_rules(struct junit *junit, enum mqtt_scope scope)
{
    for (unsigned rule = 0; rule < MQTT_RULES; rule++)
        if (mqtt_rule_info((enum mqtt_rule)rule)->scope == scope)
            put_rule(junit, (enum mqtt_rule)rule);
    end_suite(junit, mqtt_scope_name(scope));
}

static void share_out(struct junit *junit)
{
    for (unsigned i = 0; i < junit->report->findings->len; i++) {
        struct audit_finding *finding = g_ptr_array_index(junit->report->findings, i);
        GPtrArray **of = &junit->by_rule[finding->what.rule];
        if (*of == NULL)
            *of = g_ptr_array_new();
        if ((*of)->len < SHOWN)
            g_ptr_array_add(*of, finding);
    }
}

void report_junit(const struct audit_report *report, unsigned fails_from, FILE *file)
{
    struct junit junit = {
        .file = file,
        .report = report,
        .fails_from = fails_from,
        .cases = g_string_new(NULL),
        .suites = g_string_new(NULL),
    };
    share_out(&junit);
    put_files(&junit);
    put_diagnoses(&junit);
    put_rules(&junit, MQTT_SCOPE_PACKET);
    put_rules(&junit, MQTT_SCOPE_CONNECTION);
    put_rules(&junit, MQTT_SCOPE_SESSION);
    fprintf(file,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuites name=\"mqttscope\" tests=\"%u\" failures=\"%u\" errors=\"%u\" "
            "time=\"0\">\n%s</testsuites>\n",
            junit.all_tests, junit.all_failures, junit.all_errors, junit.suites->str);
    for (unsigned rule = 0; rule < MQTT_RULES; rule++)
        if (junit.by_rule[rule] != NULL)
            g_ptr_array_free(junit.by_rule[rule], TRUE);
    g_string_free(junit.cases, TRUE);
    g_string_free(junit.suites, TRUE);
}
