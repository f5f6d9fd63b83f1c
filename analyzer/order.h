/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several files as one capture: in the order of time, whatever order they were named in. A shell
 * sorts the files of a ring buffer by name, which is their order until a number gains a digit. */
#ifndef MQTTSCOPE_ANALYZER_ORDER_H
#define MQTTSCOPE_ANALYZER_ORDER_H

#include <glib.h>

/* Sorts the paths (char *) by the time of the first packet of each; files of the same time, or
 * whose first packet cannot be read, stay as they were named, behind the file before them. With "-"
 * or a pipe among the paths nothing changes: those can be read once only. */
void order_by_time(GPtrArray *paths);

#endif
