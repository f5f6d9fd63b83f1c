/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report as SARIF 2.1.0 (OASIS), which code hosts and editors show. */
#ifndef MQTTSCOPE_AUDIT_REPORT_SARIF_H
#define MQTTSCOPE_AUDIT_REPORT_SARIF_H

#include "audit/model.h"

#include <stdio.h>

/* Writes a run with a result for each finding and diagnosis. Their fingerprints are made of the
 * rule, the client and how many such results came before, never of frames or times, so that two
 * captures of the same trouble have the same ones. Errors are ferror()'s. */
void report_sarif(const struct audit_report *report, FILE *file);

#endif
