/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pages of docs/ that describe the JSON report and the events, from the tables in audit/.
 * Private to docs/. */
#ifndef MQTTSCOPE_DOCS_GENERATE_REPORT_H
#define MQTTSCOPE_DOCS_GENERATE_REPORT_H

#include "audit/report/json_writer.h"
#include "audit/report/rows.h"

/* docs/report.md */
void report_keys(void);

/* docs/report.schema.json */
void report_schema(void);

/* A row of the report in another schema; keys in `without` (NULL behind the last one) are left out,
 * at any depth. */
struct report_part {
    enum audit_row_kind row;
    const char *const *without; /* NULL: none */
};

/* Parts of that, for other schemas: the definitions that some rows need; a row's keys; and those
 * that stand beside a string from the wire. */
void report_definitions(struct json_writer *json, const struct report_part *parts, unsigned count);
void report_row_required(struct json_writer *json, enum audit_row_kind row,
                         const char *const *without);
void report_row_properties(struct json_writer *json, enum audit_row_kind row,
                           const char *const *without);
void report_further_keys(struct json_writer *json, const char *key);

/* docs/events.md */
void events_page(void);

/* docs/tables.md */
void tables_page(void);

/* docs/events.schema.json */
void events_schema(void);

#endif
