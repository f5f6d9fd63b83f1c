/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of tables.h as files of comma-separated values (RFC 4180), a file each, with a line
 * of names.
 *
 * Spreadsheets run what begins like a formula. A field that does, or that begins with an
 * apostrophe, gets an apostrophe in front: to be taken away by who wants the text as it was.
 * Text from the wire is printable: what is not is escaped, as in the text report (escape.h).
 */
#ifndef MQTTSCOPE_AUDIT_REPORT_CSV_H
#define MQTTSCOPE_AUDIT_REPORT_CSV_H

#include <stdio.h>

#include "audit/event.h"
#include "audit/model.h"

struct csv;

/* The name of the i-th file; NULL behind the last one. */
const char *csv_file_name(unsigned i);

/* Begins to write to these files, as many as there are names. Never NULL. */
struct csv *csv_new(FILE *const *files);

void csv_event(struct csv *csv, const struct audit_event *event);

/* Writes what is left, and frees it; the files stay open. `report` NULL: there is nothing to
 * report. */
void csv_finish(struct csv *csv, const struct audit_report *report);

#endif
