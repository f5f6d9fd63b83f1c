/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of formats: see writers.h. */
#include "audit/report/writers.h"

#include <glib.h>

#include "audit/report/json.h"

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

const struct report_format report_formats[REPORT_FORMATS] = {
    [REPORT_TEXT] = {.open = open_waiting, .finish = finish_text},
    [REPORT_JSON] =
        {
            .option = "json",
            .help = "write the report as JSON to FILE",
            .open = open_waiting,
            .finish = finish_json,
        },
};
