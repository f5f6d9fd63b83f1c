/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where reports go: standard output, or a file that appears under its name when it is whole. */
#ifndef MQTTSCOPE_ANALYZER_OUTPUT_H
#define MQTTSCOPE_ANALYZER_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct output {
    FILE *file;
    const char *path; /* "-": standard output */
    char *temporary;  /* its name until it is whole; NULL: written in place */
};

/* Opens `path`, which stays with the caller. False after one line on standard error. */
bool output_open(struct output *output, const char *path);

/* Writes what is left, and gives the file its name. False after one line on standard error; a file
 * that could not be finished is removed, and one that stood there before stays. */
bool output_close(struct output *output);

#endif
