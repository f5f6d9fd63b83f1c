/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --from and --to: the span of time that a report is about. */
#ifndef MQTTSCOPE_ANALYZER_SPAN_H
#define MQTTSCOPE_ANALYZER_SPAN_H

#include <stdbool.h>
#include <stdint.h>

enum moment_kind {
    MOMENT_NONE,   /* it was not given */
    MOMENT_TIME,   /* nanoseconds since 1970-01-01T00:00:00Z */
    MOMENT_OFFSET, /* nanoseconds since the first packet of the capture */
};

struct moment {
    enum moment_kind kind;
    int64_t ns;
};

struct span {
    struct moment from, to; /* both belong to it */
};

/* Reads a time of RFC 3339, or an offset: "90", "1.5s", "1m30s", "500ms". False if it is neither,
 * or more than 64 bits of nanoseconds hold. */
bool moment_parse(const char *text, struct moment *moment);

/* When it is, in a capture that begins at `first`; saturates. Not for MOMENT_NONE. */
int64_t moment_time(const struct moment *moment, int64_t first);

/* Whether the end is before the beginning, as far as that can be said without the capture. */
bool span_is_empty(const struct span *span);

#endif
