/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report for people: the verdict, then what is wrong, then what happened. */
#ifndef MQTTSCOPE_AUDIT_REPORT_TEXT_H
#define MQTTSCOPE_AUDIT_REPORT_TEXT_H

#include "audit/model.h"

#include <stdio.h>

enum report_detail {
    REPORT_QUIET,   /* verdict and findings */
    REPORT_NORMAL,  /* and the first rows of everything else */
    REPORT_VERBOSE, /* and all rows */
};

struct report_text_options {
    enum report_detail detail;
    bool color;     /* ANSI colours */
    unsigned width; /* columns of the terminal; 0: it is none, 100 are used */
};

/* Writes the report as printable UTF-8 without controls other than line feeds (and colours, if
 * asked for). Whether all of it could be written, ferror() tells. */
void report_text(const struct audit_report *report, const struct report_text_options *options,
                 FILE *file);

/* Writes what there is to say about one rule: its clauses, what it means, usual causes. */
void report_explain(enum mqtt_rule rule, const struct report_text_options *options, FILE *file);

/* The same about a diagnosis, by its number: see audit/diagnosis/diagnoses.h. */
void report_explain_diagnosis(unsigned id, const struct report_text_options *options, FILE *file);

/* The same about the reason that a delivery is not missed for: an enum audit_excuse. */
void report_explain_excuse(unsigned excuse, const struct report_text_options *options, FILE *file);

#endif
