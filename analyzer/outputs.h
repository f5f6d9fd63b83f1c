/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that one run writes: any number of files, each in a format of audit/report/writers.h. */
#ifndef MQTTSCOPE_ANALYZER_OUTPUTS_H
#define MQTTSCOPE_ANALYZER_OUTPUTS_H

#include "audit/recorder.h"
#include "audit/report/writers.h"

struct outputs;

/* What is asked for. */
struct output_request {
    enum report_format_id format;
    const char *path; /* "-": standard output */
};

struct outputs_options {
    const struct output_request *requests;
    unsigned count;
    struct report_text_options text;
    bool stdout_taken;          /* by somebody else */
    unsigned fails_from;        /* enum mqtt_severity: what is as bad as that fails a test */
    void (*failed)(void *user); /* called when an output that events go to can't be written any
                                   more; NULL: not wanted */
    void *user;
};

/* Most requests that can be made at a time of formats that hear of events. */
#define OUTPUTS_LIVE_MAX (AUDIT_SINKS - 3)

/* Opens what events go to, and attaches it to the recorder; the others are opened at the end. The
 * text report goes to standard output unless a request takes that. NULL after one line on standard
 * error. */
struct outputs *outputs_new(const struct outputs_options *options, struct audit_recorder *recorder);

/* Writes those anew that can be written before the end, as they stand. */
void outputs_refresh(struct outputs *outputs);

/* Writes everything, and frees `outputs`. `report` NULL: there is nothing to report, and files stay
 * as they were. False after one line on standard error for each that could not be written. */
bool outputs_finish(struct outputs *outputs, const struct audit_report *report);

#endif
