/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hands each event to the parts of html_private.h. */
#include "audit/report/html_events.h"

#include "audit/report/html_private.h"

struct html_events {
    unsigned slot;
    struct html_activity activity;
    struct html_ladders *ladders;
    struct html_samples *samples;
};

/* What is kept of a connection that is open. */
struct flow {
    struct html_rungs *rungs;
    uint32_t in_flight[2];
};

struct html_events *html_events_new(unsigned slot)
{
    struct html_events *events = g_new0(struct html_events, 1);
    events->slot = slot;
    events->ladders = html_ladders_new();
    events->samples = html_samples_new();
    return events;
}

void html_events_free(struct html_events *events)
{
    html_ladders_free(events->ladders);
    html_samples_free(events->samples);
    g_free(events);
}

void html_events_take(struct html_events *events, const struct audit_event *event)
{
    uint32_t nothing[2] = {0, 0};
    struct flow *flow = NULL;
    if (event->flow != NULL) {
        void **state = &event->flow->state[events->slot];
        if (*state == NULL)
            *state = g_new0(struct flow, 1);
        flow = *state;
        html_samples_take(events->samples, event);
    }
    html_activity_take(&events->activity, event, flow != NULL ? flow->in_flight : nothing);
    html_ladders_take(events->ladders, event, flow != NULL ? &flow->rungs : NULL);
    if (flow != NULL && event->kind == AUDIT_EVENT_CLOSED) {
        event->flow->state[events->slot] = NULL;
        g_free(flow);
    }
}

void html_events_write(const struct html_events *events, struct columnar_words *words, int64_t base,
                       struct json_writer *json)
{
    const struct html_data data = {json, words, base};
    html_activity_write(&events->activity, &data);
    html_ladders_write(events->ladders, &data);
    html_samples_write(events->samples, &data);
}
