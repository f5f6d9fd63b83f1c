/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pages of docs/ that describe the JSON report, from audit/columns.def. Private to docs/. */
#ifndef MQTTSCOPE_DOCS_GENERATE_REPORT_H
#define MQTTSCOPE_DOCS_GENERATE_REPORT_H

/* docs/report.md */
void report_page(void);

/* docs/report.schema.json */
void report_schema(void);

#endif
