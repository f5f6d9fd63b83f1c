/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report as a page: one file that asks nobody for anything. The page itself is made from web/
 * (scripts/web) and kept as audit/report/page.html; what is written here is the data in it, a JSON
 * object in a <script>, so that no string of a stranger ever stands in the page's markup.
 */
#ifndef MQTTSCOPE_AUDIT_REPORT_HTML_H
#define MQTTSCOPE_AUDIT_REPORT_HTML_H

#include <stdio.h>

#include "audit/event.h"
#include "audit/model.h"

struct html;

/* `slot`: of the writer's own pointer in flow->state. */
struct html *html_new(FILE *file, unsigned slot);

void html_event(struct html *html, const struct audit_event *event);

/* Writes the page. */
void html_report(struct html *html, const struct audit_report *report);

/* Connections must have been closed. */
void html_free(struct html *html);

#endif
