/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of formats: see writers.h. */
#include "audit/report/writers.h"

#include <glib.h>

#include "audit/report/csv.h"
#include "audit/report/html.h"
#include "audit/report/json.h"
#include "audit/report/ndjson.h"
#include "audit/report/sqlite.h"

/* A writer that waits for the report. */
struct waiting {
    FILE *file;
    struct report_text_options text;
};

static void *open_waiting(FILE *file, const struct report_options *options)
{
    struct waiting *writer = g_new(struct waiting, 1);
    *writer = (struct waiting){.file = file, .text = options->text};
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
            .help = "write the report as JSON to FILE",
            .open = open_waiting,
            .finish = finish_json,
        },
    [REPORT_NDJSON] =
        {
            .option = "ndjson",
            .help = "write every event as a line of JSON to FILE, at once where FILE is a\n"
                    "pipe or a terminal",
            .open = open_ndjson,
            .event = event_ndjson,
            .finish = finish_ndjson,
        },
    [REPORT_SQLITE] =
        {
            .option = "sqlite",
            .help = "write a SQLite database to FILE: each handshake, message, connection,\n"
                    "finding and more as rows of tables",
            .open = open_sqlite,
            .event = event_sqlite,
            .finish = finish_sqlite,
        },
    [REPORT_CSV] =
        {
            .option = "csv",
            .help = "write the same tables as comma-separated values: files in the folder\n"
                    "FILE, which is made if it is not there",
            .file_name = csv_file_name,
            .open = open_csv,
            .event = event_csv,
            .finish = finish_csv,
        },
    [REPORT_HTML] =
        {
            .option = "html",
            .help = "write the report as a page for a browser to FILE: it needs no network",
            .open = open_html,
            .event = event_html,
            .finish = finish_html,
        },
};
