/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that would be written over: an input by an output, or one output by another. */
#ifndef MQTTSCOPE_ANALYZER_CLASH_H
#define MQTTSCOPE_ANALYZER_CLASH_H

#include <glib.h>
#include <stdbool.h>

/* Whether two paths, of which the files may not be there yet, are the same file, by whatever names
 * and links. "-" is standard output, and the same as itself; devices are never the same. */
bool clash_same(const char *a, const char *b);

/* The first of `inputs` (const char *; "-" is standard input) that `output` leads to; NULL: none.
 */
const char *clash_input(const GPtrArray *inputs, const char *output);

#endif
