/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a page shows that the report does not hold, gathered from the events as they come: how busy
 * it was over time, the control packets around findings, the slowest handshakes, who published
 * what. All of it has bounds, and says what they leave out. Private to audit/report/.
 */
#ifndef MQTTSCOPE_AUDIT_REPORT_HTML_EVENTS_H
#define MQTTSCOPE_AUDIT_REPORT_HTML_EVENTS_H

#include "audit/event.h"
#include "audit/report/columnar.h"

struct html_events;

/* `slot`: of the pointer in flow->state that this may use. */
struct html_events *html_events_new(unsigned slot);

void html_events_take(struct html_events *events, const struct audit_event *event);

/* Writes further keys into the object that is open; times in microseconds from `base` on. */
void html_events_write(const struct html_events *events, struct columnar_words *words, int64_t base,
                       struct json_writer *json);

void html_events_free(struct html_events *events);

#endif
