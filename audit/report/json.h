/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report for programs: docs/report.schema.json says what each key means. */
#ifndef MQTTSCOPE_AUDIT_REPORT_JSON_H
#define MQTTSCOPE_AUDIT_REPORT_JSON_H

#include <stdio.h>

#include "audit/report/json_writer.h"
#include "audit/report/rows.h"

/* Writes the whole report, one JSON object. Whether all of it could be written, ferror() tells. */
void report_json(const struct audit_report *report, FILE *file);

/* Writes the columns of a row into the object that is open, but for those whose key is in `without`
 * (NULL behind the last one), at any depth. `report` NULL: frames are counted over all files. */
void report_json_row(struct json_writer *json, const struct audit_report *report,
                     enum audit_row_kind kind, const void *row, const char *const *without);

/* Writes one column of a row as a value without a key, outside of any object; `text` is room. What
 * is OPTIONAL and not there writes nothing. */
void report_json_column(struct json_writer *json, const struct audit_report *report,
                        const struct audit_column *column, const void *row, GString *text);

#endif
