/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the program tells of itself: help, version, rules, diagnoses, explanations. */
#ifndef MQTTSCOPE_ANALYZER_INFORM_H
#define MQTTSCOPE_ANALYZER_INFORM_H

#include "analyzer/options.h"

/* Prints what options->action asks for, which is not a report, on standard output. False after one
 * line on standard error. */
bool inform(const struct options *options, const struct report_text_options *how);

#endif
