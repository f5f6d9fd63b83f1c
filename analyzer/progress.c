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
    progress->due = g_get_monotonic_time() + FIRST_US;
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
    fprintf(stderr, "%s packets\033[K", format_count(count, packets));
    fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->written)
        fputs("\r\033[K", stderr);
    g_free(progress->name);
    progress->name = NULL;
}
