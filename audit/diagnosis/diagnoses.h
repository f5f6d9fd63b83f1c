/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From findings to causes: what a finished report adds up to. A row of audit/diagnoses.def each,
 * and a function each that looks at the model alone, so that it depends on nothing but the capture:
 * not on the order in which connections were closed or reports merged.
 *
 * A diagnosis that is wrong costs more than one that is missing: every number that decides stands
 * in audit/diagnosis/thresholds.h, with its reason.
 */
#ifndef MQTTSCOPE_AUDIT_DIAGNOSIS_DIAGNOSES_H
#define MQTTSCOPE_AUDIT_DIAGNOSIS_DIAGNOSES_H

#include "audit/model.h"

enum audit_diagnosis_id {
#define AUDIT_DIAGNOSIS(id, ...) AUDIT_DIAGNOSIS_##id,
#include "audit/diagnoses.def"
#undef AUDIT_DIAGNOSIS
    AUDIT_DIAGNOSES,
};

struct audit_diagnosis_info {
    const char *id; /* stable word */
    uint8_t severity;
    const char *title;
    const char *needs;
    const char *explanation;
    const char *alternatives; /* "" if there are none */
    const char *advice;
};

const struct audit_diagnosis_info *audit_diagnosis_info(unsigned id);

/* AUDIT_DIAGNOSES if there is none with that word. */
enum audit_diagnosis_id audit_diagnosis_by_id(const char *id);

/* What --fail-on and writers go by. */
static inline const struct audit_diagnosis *
audit_report_diagnosis(const struct audit_report *report, unsigned i)
{
    return (const struct audit_diagnosis *)g_ptr_array_index(report->diagnoses, i);
}

/* Fills report->diagnoses and what is counted of them, the worst first, from all else in the
 * report, which is finished. `wanted`: which are looked for, AUDIT_DIAGNOSES of them; NULL: all. */
void audit_diagnose(struct audit_report *report, const bool *wanted);

/* Takes all of them out again. */
void audit_diagnoses_clear(struct audit_report *report);

#endif
