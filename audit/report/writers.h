/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The formats that a report, or the events of a capture, can be written in: a row each, so that
 * whoever opens files knows none of them.
 */
#ifndef MQTTSCOPE_AUDIT_REPORT_WRITERS_H
#define MQTTSCOPE_AUDIT_REPORT_WRITERS_H

#include "audit/event.h"
#include "audit/report/text.h"

/* What writers go by. */
struct report_options {
    struct report_text_options text;
    unsigned slot;       /* of the writer's pointer in flow->state: see event.h */
    bool at_once;        /* somebody waits for it: lines are flushed as they are written */
    unsigned fails_from; /* enum mqtt_severity: what is as bad as that fails a test */
    /* For writers that can't do with a FILE: */
    const char *path;   /* of the empty file that `file` is; NULL: it has none of its own */
    int *error;         /* becomes an errno when writing has failed; lives until finish() */
    FILE *const *files; /* all of them, in the order of file_name(); valid during open() */
};

struct report_format {
    const char *option; /* of the command line, without its dashes; NULL: it has none */
    const char *help;   /* a line for --help, of at most 49 characters */
    const char *manual; /* sentences for the manual page, marked up as analyzer/options.def says */

    /* The name of the i-th file in a folder; NULL behind the last one. NULL: it is one file. */
    const char *(*file_name)(unsigned i);
    /* Begins to write to `file`, which stays open until finish(). What is wrong with it, ferror()
     * tells at any time. */
    void *(*open)(FILE *file, const struct report_options *options);
    /* Hears of everything that happens; NULL: the report says it all. */
    void (*event)(void *writer, const struct audit_event *event);
    /* Writes all anew, as it stands before the end, to another file; NULL: it can't. Its file is
     * replaced by that now and then while a capture goes on. */
    void (*refresh)(void *writer, FILE *file);
    /* Writes what is left, and frees the writer. `report` is NULL if there is nothing to report. */
    void (*finish)(void *writer, const struct audit_report *report);
};

enum report_format_id {
    REPORT_TEXT,
    REPORT_JSON,
    REPORT_NDJSON,
    REPORT_SQLITE,
    REPORT_CSV,
    REPORT_HTML,
    REPORT_SARIF,
    REPORT_JUNIT,
    REPORT_METRICS,
    REPORT_FORMATS
};

extern const struct report_format report_formats[REPORT_FORMATS];

#endif
