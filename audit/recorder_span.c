/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A report on a part of the capture: which events are in it, and who hears of them. */
#include "audit/recorder_private.h"

#include "mqtt/facts/time.h"

void audit_span_begins(struct audit_recorder *recorder, uint64_t frame, int64_t time)
{
    recorder->span_frame = frame;
    recorder->span_time = time;
    if (recorder->deliveries != NULL)
        audit_deliveries_count_anew(recorder->deliveries);
}

/* Of a client that did not come back, the capture's end tells; it counts if it left in the span. */
static bool left_in_span(const struct audit_recorder *recorder, const struct audit_event *event)
{
    return event->session.offline != MQTT_NO_TIME &&
           mqtt_elapsed(event->time, recorder->span_time) >= event->session.offline;
}

static bool is_in_span(const struct audit_recorder *recorder, const struct audit_event *event)
{
    switch (event->kind) {
    case AUDIT_EVENT_FILE_BEGIN:
    case AUDIT_EVENT_FILE_END:
    case AUDIT_EVENT_LIMIT: return true;
    case AUDIT_EVENT_FINDING: return event->finding.what->frame >= recorder->span_frame;
    case AUDIT_EVENT_CLOSED: return event->closed.facts->end_frame >= recorder->span_frame;
    case AUDIT_EVENT_SESSION_EXPIRED:
        return event->frame >= recorder->span_frame &&
               (event->flow != NULL || left_in_span(recorder, event));
    default: return event->frame >= recorder->span_frame;
    }
}

static void tell_those(const struct audit_recorder *recorder, bool from_start,
                       const struct audit_event *event)
{
    for (unsigned i = 0; i < recorder->sink_count; i++)
        if (recorder->sinks[i].from_start == from_start)
            recorder->sinks[i].event(recorder->sinks[i].user, event);
}

/* The others may hear of a connection for the first time, and later than it was opened. */
static void tell_entered(struct audit_recorder *recorder, struct audit_event *event)
{
    struct audit_open *open = (struct audit_open *)(uintptr_t)event->flow;
    struct audit_event opened = *event;
    if (open->in_span)
        return;
    open->in_span = true;
    if (event->kind == AUDIT_EVENT_OPENED)
        return;
    opened.kind = AUDIT_EVENT_OPENED;
    opened.side = open->flow.client;
    tell_those(recorder, false, &opened);
    event->ordinal = recorder->ordinal++;
}

void audit_tell_span(struct audit_recorder *recorder, struct audit_event *event)
{
    const struct audit_open *open = (const struct audit_open *)event->flow;
    const bool goes = event->kind == AUDIT_EVENT_CLOSED && open->in_span;
    tell_those(recorder, true, event);
    if (!goes && !is_in_span(recorder, event))
        return;
    if (event->flow != NULL)
        tell_entered(recorder, event);
    tell_those(recorder, false, event);
}
