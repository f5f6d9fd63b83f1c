/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of tables.h as a SQLite database: docs/sqlite.md says what is in them. */
#ifndef MQTTSCOPE_AUDIT_REPORT_SQLITE_H
#define MQTTSCOPE_AUDIT_REPORT_SQLITE_H

#include <stdio.h>

#include "audit/event.h"
#include "audit/model.h"

struct sqlite;

/* Writes to the empty file `path`, which nobody else writes to; NULL: to a file of its own, whose
 * bytes go to `file` in the end. `*error` becomes an errno once writing has failed; what is told
 * from then on is lost. Both live until sqlite_finish(). Never NULL. */
struct sqlite *sqlite_new(const char *path, FILE *file, int *error);

void sqlite_event(struct sqlite *sqlite, const struct audit_event *event);

/* Writes what is left, and frees it. `report` NULL: there is nothing to report, and what was
 * written does not matter. */
void sqlite_finish(struct sqlite *sqlite, const struct audit_report *report);

/* The i-th statement that makes indexes and views; NULL behind the last one. */
const char *sqlite_schema(unsigned i);

#endif
