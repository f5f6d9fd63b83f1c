/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deliveries, which are followed across connections: what they come to is told like all else. */
#include "audit/recorder_private.h"

#include <string.h>

static bool is_wanted(const struct audit_recorder *recorder, struct mqtt_slice client_identifier)
{
    const struct mqtt_slice only = recorder->only_client;
    return only.length == 0 || (only.length == client_identifier.length &&
                                memcmp(only.data, client_identifier.data, only.length) == 0);
}

static void take_finding(void *user, const struct audit_delivery_finding *finding)
{
    struct audit_recorder *recorder = user;
    if (!recorder->rules[finding->what.rule] || !is_wanted(recorder, finding->client_identifier))
        return;
    struct audit_found found = {
        .what = finding->what,
        .open = finding->link != NULL ? audit_delivery_owner(finding->link) : NULL,
        .client_identifier = finding->client_identifier,
        .stream = finding->stream,
        .topic = finding->topic,
    };
    audit_endpoint_text(&found.server, &finding->server);
    audit_keep_found(recorder, &found);
}

static void take_row(void *user, const struct audit_delivery_row *row)
{
    struct audit_recorder *recorder = user;
    if (!is_wanted(recorder, row->client_identifier) || !audit_wants_topic(recorder, row->topic))
        return;
    struct audit_event event;
    event.kind = AUDIT_EVENT_DELIVERIES;
    event.flow = NULL;
    event.side = 0;
    event.deliveries = *row;
    audit_tell(recorder, &event);
}

static void take_limit(void *user, enum audit_limit_kind kind, uint64_t count)
{
    audit_limit(user, kind, count, 0);
}

static void take_shared(void *user, const struct mqtt_endpoint ends[2], uint64_t count,
                        uint64_t frame)
{
    audit_limit_brokers(user, AUDIT_LIMIT_SHARED_MESSAGES, count, ends, frame);
}

void audit_follow_deliveries(struct audit_recorder *recorder,
                             const struct audit_recorder_options *options)
{
    if (!options->deliveries)
        return;
    const struct audit_delivery_options following = {
        .brokers = options->brokers,
        .seed = (uint64_t)g_random_int() << 32 | g_random_int(),
        .memory = options->delivery_memory,
        .found = take_finding,
        .counted = take_row,
        .limit = take_limit,
        .shared = take_shared,
        .user = recorder,
    };
    recorder->deliveries = audit_deliveries_new(&following);
}
