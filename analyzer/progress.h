/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far the reading is, on one line of standard error that goes away at the end. */
#ifndef MQTTSCOPE_ANALYZER_PROGRESS_H
#define MQTTSCOPE_ANALYZER_PROGRESS_H

#include "analyzer/input/source.h"

struct progress {
    char *name;    /* printable; NULL: nothing is shown */
    int64_t begun; /* monotonic microseconds */
    int64_t due;   /* when the line is written next; monotonic microseconds */
    bool written;
};

/* Shows nothing at all unless `wanted`, and nothing in the first second. */
void progress_begin(struct progress *progress, const char *name, bool wanted);

/* To be called now and then. */
void progress_tick(struct progress *progress, const struct source *source, uint64_t packets);

/* Takes the line away. */
void progress_end(struct progress *progress);

#endif
