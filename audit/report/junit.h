/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report as JUnit's XML, which servers of continuous integration read: each rule and each
 * diagnosis is a test. */
#ifndef MQTTSCOPE_AUDIT_REPORT_JUNIT_H
#define MQTTSCOPE_AUDIT_REPORT_JUNIT_H

#include "audit/model.h"

#include <stdio.h>

/* Writes a test suite for the files, one for the diagnoses and one for the rules of each scope. A
 * rule with findings fails if its severity (enum mqtt_severity) is `fails_from` or worse; what is
 * less than that is told in its output. Errors are ferror()'s. */
void report_junit(const struct audit_report *report, unsigned fails_from, FILE *file);

#endif
