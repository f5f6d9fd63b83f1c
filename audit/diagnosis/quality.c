/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the capture lacks, as far as it makes the report say less. */
#include "audit/diagnosis/private.h"

static void tell_limit(struct diagnosing *diagnosing, enum audit_limit_kind kind)
{
    const struct audit_limit *limit = &diagnosing->report->capture.limits[kind];
    const struct audit_limit_info *info = audit_limit_info(kind);
    char number[FORMAT_SIZE];
    diagnosis_evidence(diagnosis_of(diagnosing, "", true), limit->frame,
                       limit->frame != 0 ? limit->stream : -1,
                       diagnosing->report->capture.first_time, "%s %s: %s",
                       format_count(number, limit->count), info->counted, info->consequence);
}

/* Any of these takes something from the report. */
static void look_at_limits(struct diagnosing *diagnosing)
{
    static const enum audit_limit_kind kinds[] = {
        AUDIT_LIMIT_DROPPED,         AUDIT_LIMIT_SNAP_LENGTH, AUDIT_LIMIT_ONE_DIRECTION,
        AUDIT_LIMIT_CLOCK_BACKWARDS, AUDIT_LIMIT_CUT_HEADER,  AUDIT_LIMIT_IP_FRAGMENTS,
        AUDIT_LIMIT_TRUNCATED_FILE};
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (diagnosing->report->capture.limits[kinds[i]].count > 0)
            tell_limit(diagnosing, kinds[i]);
}

/* One lost segment is no matter; many are. */
static void look_at_gaps(struct diagnosing *diagnosing)
{
    const struct audit_report *report = diagnosing->report;
    const uint64_t missing = report->capture.limits[AUDIT_LIMIT_GAP].bytes;
    const uint64_t seen = report->totals.bytes[AUDIT_CLIENT] + report->totals.bytes[AUDIT_SERVER];
    if (missing > 0 && missing >= seen / 100)
        tell_limit(diagnosing, AUDIT_LIMIT_GAP);
}

/* A mirror port that sends what comes in and what goes out brings each packet twice. */
static void look_for_mirror(struct diagnosing *diagnosing)
{
    const struct audit_report *report = diagnosing->report;
    uint64_t segments = 0, again = 0;
    for (unsigned i = 0; i < report->connections->len; i++)
        for (unsigned side = 0; side < 2; side++) {
            const struct audit_transport *transport =
                &audit_report_connection(report, i)->facts.transport[side];
            segments += transport->segments;
            again += transport->retransmitted;
        }
    if (segments >= MIRROR_SEGMENTS && again >= segments * MIRROR_PERCENT / 100)
        diagnosis_evidence(diagnosis_of(diagnosing, "", true), 0, -1, report->capture.first_time,
                           "%u of %u segments stand twice in it: a mirror of both directions",
                           (unsigned)again, (unsigned)segments);
}

void diagnose_capture_quality(struct diagnosing *diagnosing)
{
    const struct audit_capture *capture = &diagnosing->report->capture;
    if (!capture->has_times || diagnosing->report->totals.connections == 0)
        return;
    look_at_limits(diagnosing);
    look_at_gaps(diagnosing);
    look_for_mirror(diagnosing);
    for (unsigned i = 0; i < diagnosing->found->len; i++)
        diagnosis_spans(g_ptr_array_index(diagnosing->found, i), capture->last_time);
}
