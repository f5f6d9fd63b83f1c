/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of diagnoses, and their order: see diagnoses.h. */
#include "audit/diagnosis/private.h"

#include <string.h>

static const struct audit_diagnosis_info infos[AUDIT_DIAGNOSES] = {
#define AUDIT_DIAGNOSIS(id, word, severity, title, needs, explanation, alternatives, advice)       \
    [AUDIT_DIAGNOSIS_##                                                                            \
        id] = {word, MQTT_##severity, title, needs, explanation, alternatives, advice},
#include "audit/diagnoses.def"
#undef AUDIT_DIAGNOSIS
};

static void (*const functions[AUDIT_DIAGNOSES])(struct diagnosing *) = {
#define AUDIT_DIAGNOSIS(id, ...) [AUDIT_DIAGNOSIS_##id] = diagnose_##id,
#include "audit/diagnoses.def"
#undef AUDIT_DIAGNOSIS
};

const struct audit_diagnosis_info *audit_diagnosis_info(unsigned id)
{
    return &infos[id];
}

enum audit_diagnosis_id audit_diagnosis_by_id(const char *id)
{
    unsigned i = 0;
    while (i < AUDIT_DIAGNOSES && strcmp(infos[i].id, id) != 0)
        i++;
    return (enum audit_diagnosis_id)i;
}

void audit_diagnoses_clear(struct audit_report *report)
{
    for (unsigned i = 0; i < report->diagnoses->len; i++)
        audit_diagnosis_free(g_ptr_array_index(report->diagnoses, i));
    g_ptr_array_set_size(report->diagnoses, 0);
    memset(report->totals.diagnoses, 0, sizeof report->totals.diagnoses);
    report->diagnoses_left_out = 0;
}

static int three_way(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Of one kind: the most certain first, then the one that happened most often. */
static gint diagnosis_order(gconstpointer a, gconstpointer b)
{
    const struct audit_diagnosis *x = *(const struct audit_diagnosis *const *)a;
    const struct audit_diagnosis *y = *(const struct audit_diagnosis *const *)b;
    int order = y->severity - x->severity;
    if (order == 0)
        order = (int)y->sure - (int)x->sure;
    if (order == 0)
        order = x->id - y->id;
    if (order == 0)
        order = three_way(y->count, x->count);
    if (order == 0)
        order = (x->since > y->since) - (x->since < y->since);
    return order != 0 ? order : strcmp(x->title, y->title);
}

/* Moves those that were found into the report, as many as are listed. */
static void take(struct audit_report *report, struct diagnosing *diagnosing)
{
    GPtrArray *found = diagnosing->found;
    for (unsigned i = 0; i < found->len; i++) {
        struct audit_diagnosis *diagnosis = g_ptr_array_index(found, i);
        if (!diagnosis->sure) /* what may be something else fails nobody's run */
            diagnosis->severity = MIN(diagnosis->severity, MQTT_WARNING);
    }
    g_ptr_array_sort(found, diagnosis_order);
    for (unsigned i = 0; i < found->len; i++) {
        struct audit_diagnosis *diagnosis = g_ptr_array_index(found, i);
        report->totals.diagnoses[diagnosis->severity]++;
        if (i < LISTED_MAX) {
            g_ptr_array_add(report->diagnoses, diagnosis);
        } else {
            report->diagnoses_left_out++;
            audit_diagnosis_free(diagnosis);
        }
    }
    g_ptr_array_set_size(found, 0);
    g_clear_pointer(&diagnosing->of_key, g_hash_table_destroy);
}

void audit_diagnose(struct audit_report *report, const bool *wanted)
{
    struct diagnosing diagnosing = {.report = report, .found = g_ptr_array_new()};
    audit_diagnoses_clear(report);
    for (unsigned id = 0; id < AUDIT_DIAGNOSES; id++) {
        if (wanted != NULL && !wanted[id])
            continue;
        diagnosing.id = id;
        functions[id](&diagnosing);
        take(report, &diagnosing);
    }
    g_clear_pointer(&diagnosing.topics, g_hash_table_destroy);
    g_ptr_array_free(diagnosing.found, TRUE);
    g_ptr_array_sort(report->diagnoses, diagnosis_order);
}
