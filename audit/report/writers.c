/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of formats: see writers.h. */
#include "audit/report/writers.h"

#include <glib.h>

#include "audit/report/csv.h"
#include "audit/report/html.h"
#include "audit/report/json.h"
#include "audit/report/junit.h"
#include "audit/report/metrics.h"
#include "audit/report/ndjson.h"
#include "audit/report/sarif.h"
#include "audit/report/sqlite.h"

/* A writer that waits for the report. */
struct waiting {
    FILE *file;
    struct report_text_options text;
    unsigned fails_from;
};

static void *open_waiting(FILE *file, const struct report_options *options)
{
    struct waiting *writer = g_new(struct waiting, 1);
    *writer =
        (struct waiting){.file = file, .text = options->text, .fails_from = options->fails_from};
    return writer;
}

static void finish_text(void *user, const struct audit_report *report)
{
    struct waiting *writer = user;
    if (report != NULL)
        report_text(report, &writer->text, writer->file);
    g_free(writer);
}

static void finish_json(void *user, const struct audit_report *report)
{
    struct waiting *writer = user;
    if (report != NULL)
        report_json(report, writer->file);
    g_free(writer);
}

static void finish_sarif(void *user, const struct audit_report *report)
{
    struct waiting *writer = user;
    if (report != NULL)
        report_sarif(report, writer->file);
    g_free(writer);
}

static void finish_junit(void *user, const struct audit_report *report)
{
    struct waiting *writer = user;
    if (report != NULL)
        report_junit(report, writer->fails_from, writer->file);
    g_free(writer);
}

/* Counters, and where they go in the end. */
struct counting {
    FILE *file;
    struct metrics *metrics;
};

static void *open_metrics(FILE *file, const struct report_options *options)
{
    struct counting *writer = g_new(struct counting, 1);
    (void)options;
    *writer = (struct counting){.file = file, .metrics = metrics_new()};
    return writer;
}

static void event_metrics(void *user, const struct audit_event *event)
{
    const struct counting *writer = user;
    metrics_event(writer->metrics, event);
}

static void refresh_metrics(void *user, FILE *file)
{
    const struct counting *writer = user;
    metrics_write(writer->metrics, NULL, file);
}

static void finish_metrics(void *user, const struct audit_report *report)
{
    struct counting *writer = user;
    if (report != NULL)
        metrics_write(writer->metrics, report, writer->file);
    metrics_free(writer->metrics);
    g_free(writer);
}

static void *open_ndjson(FILE *file, const struct report_options *options)
{
    return ndjson_new(file, options->slot, options->at_once);
}

static void event_ndjson(void *user, const struct audit_event *event)
{
    ndjson_event(user, event);
}

static void finish_ndjson(void *user, const struct audit_report *report)
{
    if (report != NULL)
        ndjson_diagnoses(user, report);
    ndjson_free(user);
}

static void *open_sqlite(FILE *file, const struct report_options *options)
{
    return sqlite_new(options->path, file, options->error);
}

static void event_sqlite(void *user, const struct audit_event *event)
{
    sqlite_event(user, event);
}

static void finish_sqlite(void *user, const struct audit_report *report)
{
    sqlite_finish(user, report);
}

static void *open_csv(FILE *file, const struct report_options *options)
{
    (void)file;
    return csv_new(options->files);
}

static void event_csv(void *user, const struct audit_event *event)
{
    csv_event(user, event);
}

static void finish_csv(void *user, const struct audit_report *report)
{
    csv_finish(user, report);
}

static void *open_html(FILE *file, const struct report_options *options)
{
    return html_new(file, options->slot);
}

static void event_html(void *user, const struct audit_event *event)
{
    html_event(user, event);
}

static void finish_html(void *user, const struct audit_report *report)
{
    if (report != NULL)
        html_report(user, report);
    html_free(user);
}

const struct report_format report_formats[REPORT_FORMATS] = {
    [REPORT_TEXT] = {.open = open_waiting, .finish = finish_text},
    [REPORT_JSON] =
        {
            .option = "json",
            .help = "the report as JSON",
            .manual = "Write the report as JSON; <docs/report.md> describes it.",
            .open = open_waiting,
            .finish = finish_json,
        },
    [REPORT_NDJSON] =
        {
            .option = "ndjson",
            .help = "every event, a line of JSON each, as it happens",
            .manual =
                "Write every event as one JSON object a line, in the order of the capture: "
                "connections opened, identified and closed, sessions, subscriptions, messages, "
                "what "
                "became of them, handshakes, pings, findings, limits, and at the end the "
                "diagnoses. "
                "Where <FILE> is a pipe or a terminal, each line is written when it happens, also "
                "while capturing; when its reader leaves, the reading ends.",
            .open = open_ndjson,
            .event = event_ndjson,
            .finish = finish_ndjson,
        },
    [REPORT_SQLITE] =
        {
            .option = "sqlite",
            .help = "a SQLite database: handshakes, messages, findings",
            .manual =
                "Write a SQLite database: connections, sessions, findings, diagnoses, topics and "
                "what became of their messages as tables, and, row by row, each handshake with all "
                "its packets, each ping, each message published and delivered, each subscription. "
                "<docs/sqlite.md> has questions and their answers, <docs/tables.md> all columns.",
            .open = open_sqlite,
            .event = event_sqlite,
            .finish = finish_sqlite,
        },
    [REPORT_CSV] =
        {
            .option = "csv",
            .help = "the same tables as CSV, in the folder FILE",
            .manual =
                "Write the same tables as comma-separated values (RFC 4180) into the folder "
                "<FILE>, "
                "which is made if it is not there, a file each. A field that a spreadsheet could "
                "take for a formula, or that begins with an apostrophe, gets an apostrophe in "
                "front.",
            .file_name = csv_file_name,
            .open = open_csv,
            .event = event_csv,
            .finish = finish_csv,
        },
    [REPORT_HTML] =
        {
            .option = "html",
            .help = "a page for a browser, which needs no network",
            .manual =
                "Write the report as a page for a browser: verdict, diagnoses, findings with the "
                "control packets around them, a timeline of clients, charts, deliveries, topics, "
                "and tables that can be searched and sorted. It is one file, needs no network, and "
                "asks nobody for anything. Of very large captures it holds the first 100,000 "
                "findings and the first 20,000 connections and sessions, and says so.",
            .open = open_html,
            .event = event_html,
            .finish = finish_html,
        },
    [REPORT_SARIF] =
        {
            .option = "sarif",
            .help = "findings and diagnoses for code hosts, editors",
            .manual =
                "Write findings and diagnoses as SARIF 2.1.0, which code hosts and editors show. "
                "`ruleId` is the id of the rule or diagnosis. A result's fingerprint is made of "
                "that, the client, and how many such results came before, so that it is the same "
                "in the next capture of the same trouble.",
            .open = open_waiting,
            .finish = finish_sarif,
        },
    [REPORT_JUNIT] =
        {
            .option = "junit",
            .help = "a test result for each rule, for CI",
            .manual =
                "Write JUnit's XML: each rule and each diagnosis is a test, and so is the reading "
                "of "
                "each file. One that was found fails if it is what `--fail-on` asks for, without "
                "which errors and warnings fail; the others' findings are in the output of their "
                "test.",
            .open = open_waiting,
            .finish = finish_junit,
        },
    [REPORT_METRICS] =
        {
            .option = "metrics",
            .help = "counters for Prometheus; refreshed while live",
            .manual =
                "Write counters and histograms in the text format of Prometheus, for the textfile "
                "collector of its node exporter, say. All begin with `mqttscope_`; no label has "
                "client identifiers or topics in it. While an interface or a pipe is read, <FILE> "
                "is replaced by a new one every five seconds; it is always whole.",
            .open = open_metrics,
            .event = event_metrics,
            .refresh = refresh_metrics,
            .finish = finish_metrics,
        },
};
