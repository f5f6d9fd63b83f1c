/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings and diagnoses in one sentence each, for formats that show them one by one. */
#ifndef MQTTSCOPE_AUDIT_REPORT_SENTENCES_H
#define MQTTSCOPE_AUDIT_REPORT_SENTENCES_H

#include "audit/model.h"

/* Appends "DUP set on the first send of a PUBLISH: packet identifier 7 (by client sensor-1)":
 * printable text. */
void sentence_of_finding(GString *text, const struct audit_report *report,
                         const struct audit_finding *finding);

/* Appends who a finding is about: the client identifier, or else the client's endpoint; nothing
 * where neither is known. Printable. */
void sentence_client(GString *text, const struct audit_finding *finding);

/* Appends the capture's verdict: "fleet.pcapng: 8 clients, ...: 1 error, 2 notes", and a line for
 * each diagnosis. Printable but for the line feeds between. */
void sentence_verdict(GString *text, const struct audit_report *report);

#endif
