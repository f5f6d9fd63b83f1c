/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters for Prometheus, in its text format (0.0.4). They are a fold over events of their own, so
 * that they can be written at any time while a capture goes on. No label is of a client's making.
 */
#ifndef MQTTSCOPE_AUDIT_REPORT_METRICS_H
#define MQTTSCOPE_AUDIT_REPORT_METRICS_H

#include "audit/event.h"
#include "audit/model.h"

#include <stdio.h>

struct metrics;

struct metrics *metrics_new(void);

void metrics_event(struct metrics *metrics, const struct audit_event *event);

/* Writes all of them as they stand; with a `report`, which is known at the end alone, its diagnoses
 * as well. Errors are ferror()'s. */
void metrics_write(const struct metrics *metrics, const struct audit_report *report, FILE *file);

/* NULL is allowed. */
void metrics_free(struct metrics *metrics);

#endif
