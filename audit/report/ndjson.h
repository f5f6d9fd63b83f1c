/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every event as one object a line; docs/events.schema.json says what each key means. */
#ifndef MQTTSCOPE_AUDIT_REPORT_NDJSON_H
#define MQTTSCOPE_AUDIT_REPORT_NDJSON_H

#include <stdio.h>

#include "audit/event.h"
#include "audit/model.h"

struct ndjson;

/* `slot`: of the writer's own pointer in flow->state. `at_once`: each line is flushed. */
struct ndjson *ndjson_new(FILE *file, unsigned slot, bool at_once);

void ndjson_event(struct ndjson *ndjson, const struct audit_event *event);

/* Nothing happens any more: writes what it adds up to. */
void ndjson_diagnoses(struct ndjson *ndjson, const struct audit_report *report);

/* Writes what is left. */
void ndjson_free(struct ndjson *ndjson);

#endif
