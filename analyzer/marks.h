/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Captures that are written from what a report says: --annotate and --extract. */
#ifndef MQTTSCOPE_ANALYZER_MARKS_H
#define MQTTSCOPE_ANALYZER_MARKS_H

#include <glib.h>

#include "audit/model.h"

/* Writes the files of a report to `path`, as one pcapng file, with a comment for each finding and
 * each piece of evidence on its frame, and one on the whole. False after one line on standard
 * error. */
bool marks_annotate(const struct audit_report *report, const char *path);

/* The same of the frames of one client's connections alone. `streams` (int64_t) has the tcp.stream
 * of each frame, from frame 1 on; -1: none. */
bool marks_extract(const struct audit_report *report, const char *client, const GArray *streams,
                   const char *path);

#endif
