/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sinks find: it waits until all of them know of the event that they found it with. */
#include "audit/recorder_private.h"

/* Findings that wait, beyond which they are counted alone. */
#define MAX_FOUND 100000u

/* Of one frame: behind those of connections, before those that wait in sessions. */
#define GONE_ORDER (UINT64_C(1) << 62)

static struct mqtt_slice copy_of(struct mqtt_slice slice)
{
    return (struct mqtt_slice){slice.length != 0 ? g_memdup2(slice.data, slice.length) : NULL,
                               slice.length};
}

void audit_keep_found(struct audit_recorder *recorder, const struct audit_found *found)
{
    if (recorder->found == NULL)
        recorder->found = g_array_new(FALSE, FALSE, sizeof *found);
    if (recorder->found->len >= MAX_FOUND) {
        recorder->found_left_out++;
        return;
    }
    struct audit_found kept = *found;
    kept.client_identifier = copy_of(found->client_identifier);
    kept.topic = copy_of(found->topic);
    g_array_append_val(recorder->found, kept);
}

void audit_recorder_find(struct audit_recorder *recorder, const struct audit_flow *flow,
                         const struct mqtt_finding *finding)
{
    if (flow == recorder->closing) {
        audit_keep_found(recorder, &(struct audit_found){
                                       .what = *finding,
                                       .client_identifier = flow->client_identifier,
                                       .server = recorder->closing_server,
                                       .stream = flow->stream,
                                       .closed = flow->number,
                                   });
        return;
    }
    _Static_assert(offsetof(struct audit_open, flow) == 0, "a flow is where its connection is");
    struct audit_open *open = (struct audit_open *)(uintptr_t)flow;
    audit_keep_found(recorder, &(struct audit_found){.what = *finding, .open = open});
}

void audit_recorder_find_gone(struct audit_recorder *recorder, struct mqtt_slice client_identifier,
                              const struct audit_endpoint *server,
                              const struct mqtt_finding *finding)
{
    audit_keep_found(recorder, &(struct audit_found){
                                   .what = *finding,
                                   .client_identifier = client_identifier,
                                   .server = *server,
                                   .stream = -1,
                               });
}

/* The client was heard of, so it is wanted. */
static void tell_gone(struct audit_recorder *recorder, const struct audit_found *found)
{
    if (!audit_wants_finding(recorder, found->what.rule, found->topic))
        return;
    struct audit_event event;
    event.kind = AUDIT_EVENT_FINDING;
    event.flow = NULL;
    event.side = found->what.side;
    event.finding = (struct audit_finding_event){
        .what = &found->what,
        .order = GONE_ORDER + recorder->found_gone++,
        .client_identifier = found->client_identifier,
        .server = &found->server,
        .stream = found->stream,
        .closed = found->closed,
        .topic = found->topic,
    };
    audit_tell(recorder, &event);
}

void audit_tell_found(struct audit_recorder *recorder)
{
    if (recorder->telling_found)
        return; /* the loop below comes to it */
    recorder->telling_found = true;
    for (unsigned i = 0; i < recorder->found->len; i++) {
        /* The list may grow and move while one is told. */
        const struct audit_found found = g_array_index(recorder->found, struct audit_found, i);
        if (found.open != NULL)
            audit_tell_topic_finding(recorder, found.open, &found.what, found.topic);
        else
            tell_gone(recorder, &found);
        g_free((gpointer)(uintptr_t)found.client_identifier.data);
        g_free((gpointer)(uintptr_t)found.topic.data);
    }
    g_array_set_size(recorder->found, 0);
    recorder->telling_found = false;
    const uint64_t left_out = recorder->found_left_out;
    recorder->found_left_out = 0;
    audit_limit(recorder, AUDIT_LIMIT_STEP_FINDINGS, left_out, 0);
}
