/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sparkplug B (3.0), audited over the stream of events: what edge nodes publish, in which order,
 * and what their wills say.
 *
 *     sparkplug = sparkplug_new(&options);
 *     audit_recorder_attach(recorder, sparkplug_sink(sparkplug));
 *     ...                                      all events
 *     nodes = sparkplug_nodes(sparkplug);
 *
 * It works from what clients publish; a connection that never has to do with a topic below spBv1.0/
 * costs a comparison a PUBLISH. A client that publishes for several nodes, or is a bridge, passes
 * on what others have sent: it is not judged.
 *
 * What the capture lost is held against nobody: after a hole in what the client sent, or a payload
 * that is not whole, too large or compressed, sequence numbers, births and aliases are learnt anew.
 */
#ifndef MQTTSCOPE_AUDIT_SPARKPLUG_H
#define MQTTSCOPE_AUDIT_SPARKPLUG_H

#include "audit/event.h"
#include "audit/model.h"

struct sparkplug;

struct sparkplug_options {
    /* Told of each finding, from inside the sink's event(): `flow` is the event's, and *finding is
     * valid during the call. */
    void (*found)(void *user, const struct audit_flow *flow, const struct mqtt_finding *finding);
    void *user;
    /* At a time; 0 stands for the number behind. */
    uint32_t max_nodes;   /* 10,000, over all of the capture */
    uint32_t max_devices; /* 100,000, of all connections */
    uint32_t max_aliases; /* 1,000,000, of all connections */
};

struct sparkplug *sparkplug_new(const struct sparkplug_options *options);

/* NULL is allowed. */
void sparkplug_free(struct sparkplug *sparkplug);

/* To be attached to a recorder; belongs to the object. */
struct audit_sink *sparkplug_sink(struct sparkplug *sparkplug);

/* The nodes so far, struct audit_sparkplug_node, in the order of the capture; live as long as the
 * object. */
const GPtrArray *sparkplug_nodes(const struct sparkplug *sparkplug);

/* How many nodes, devices and aliases found no room. */
uint64_t sparkplug_left_out(const struct sparkplug *sparkplug);

#endif
