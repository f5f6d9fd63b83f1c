/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report for programs: docs/report.schema.json says what each key means. */
#ifndef MQTTSCOPE_AUDIT_REPORT_JSON_H
#define MQTTSCOPE_AUDIT_REPORT_JSON_H

#include "audit/model.h"

#include <stdio.h>

/* Writes the whole report, one JSON object. Whether all of it could be written, ferror() tells. */
void report_json(const struct audit_report *report, FILE *file);

#endif
