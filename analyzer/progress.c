/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line that says how far the reading is: see progress.h. */
#include "analyzer/progress.h"

#include "audit/report/escape.h"
#include "audit/report/format.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FIRST_US 1000000
#define INTERVAL_US 200000
#define NAME_WIDTH 40

void progress_begin(struct progress *progress, const char *name, bool wanted)
{
    *progress = (struct progress){0};
    if (!wanted || isatty(STDERR_FILENO) == 0)
        return;
    progress->name = escape_text(strcmp(name, "-") == 0 ? "standard input" : name);
    escape_cut(progress->name, NAME_WIDTH);
    progress->begun = g_get_monotonic_time();
    progress->due = progress->begun + FIRST_US;
}

/* "600 packets/s", or of a file "31.2 MB/s, 12 s left". */
static void put_rate(const struct progress *progress, uint64_t offset, uint64_t size,
                     uint64_t packets)
{
    char rate[FORMAT_SIZE], left[FORMAT_SIZE];
    const double seconds =
        (double)(g_get_monotonic_time() - progress->begun) / (double)G_TIME_SPAN_SECOND;
    if (size == 0) {
        fprintf(stderr, ", %s packets/s",
                format_count(rate, (uint64_t)((double)packets / seconds)));
        return;
    }
    if (offset == 0)
        return;
    const double a_second = (double)offset / seconds;
    fprintf(stderr, ", %s/s, %s left", format_bytes(rate, (uint64_t)a_second),
            format_duration(left, (int64_t)((double)(size - offset) / a_second) *
                                      G_GINT64_CONSTANT(1000000000)));
}

void progress_tick(struct progress *progress, const struct source *source, uint64_t packets)
{
    if (progress->name == NULL || g_get_monotonic_time() < progress->due)
        return;
    progress->due = g_get_monotonic_time() + INTERVAL_US;
    progress->written = true;

    char count[FORMAT_SIZE];
    uint64_t offset, size;
    source_progress(source, &offset, &size);
    fprintf(stderr, "\r%s: ", progress->name);
    if (size > 0)
        fprintf(stderr, "%3.0f %%, ", 100.0 * (double)MIN(offset, size) / (double)size);
    fprintf(stderr, "%s packets", format_count(count, packets));
    put_rate(progress, MIN(offset, size), size, packets);
    fputs("\033[K", stderr);
    fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->written)
        fputs("\r\033[K", stderr);
    g_free(progress->name);
    progress->name = NULL;
}
