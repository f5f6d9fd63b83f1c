/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where reports go: standard output, or a file that appears under its name when it is whole. */
#ifndef MQTTSCOPE_ANALYZER_OUTPUT_H
#define MQTTSCOPE_ANALYZER_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct output {
    FILE *file;
    const char *path; /* "-": standard output */
    char *target;     /* what it is a link to in the end; NULL: written in place */
    char *temporary;  /* its name until it is whole; NULL: written in place */
    int error;        /* why writing failed: an errno; 0: it did not, so far */
};

/* Opens `path`, which stays with the caller. A file that is there keeps its rights when it is
 * replaced, and one that must not be written to is not. False after one line on standard error. */
bool output_open(struct output *output, const char *path);

/* Whether somebody waits at the other end: a pipe, a socket or a terminal. */
bool output_is_live(const struct output *output);

/* Whether writing has failed; to be asked right after writing, so that the reason is known. */
bool output_failed(struct output *output);

/* Writes what is left, and gives the file its name. False after one line on standard error; a file
 * that could not be finished is removed, and one that stood there before stays. */
bool output_close(struct output *output);

/* Removes all files that are not whole yet. May be called from a signal handler that ends the
 * program. */
void output_unlink_all(void);

/* Closes it as if nothing had been written: a file that stood there before stays. */
void output_discard(struct output *output);

#endif
