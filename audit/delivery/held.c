/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings of deliveries, at once or held back: until the end tells whether a publisher may be out
 * of sight. */
#include "audit/delivery/world.h"

#include <string.h>

/* Findings that are held back until the end, at a time. */
#define MAX_HELD 10000u

static const struct mqtt_endpoint *server_of(const struct client *client)
{
    return &client->broker->endpoint;
}

void tell_finding(struct audit_deliveries *d, const struct client *client, struct mqtt_slice topic,
                  const struct mqtt_finding *finding)
{
    /* Of a group, one of those that share it stands for all. */
    if (client->group && client->subscriptions != NULL)
        client = client->subscriptions->member;
    const struct audit_delivery_finding told = {
        .what = *finding,
        .link = client->link,
        .client_identifier = client->identifier,
        .server = *server_of(client),
        .stream = client->stream,
        .topic = topic,
    };
    d->options.found(d->options.user, &told);
}

static struct mqtt_slice copy_of(struct mqtt_slice slice)
{
    return (struct mqtt_slice){slice.length != 0 ? g_memdup2(slice.data, slice.length) : NULL,
                               slice.length};
}

static void hold_finding(struct audit_deliveries *d, struct held *held)
{
    if (d->held->len >= MAX_HELD) {
        d->options.limit(d->options.user, AUDIT_LIMIT_FINDINGS_HELD, 1);
        return;
    }
    struct audit_delivery_finding *finding = &held->finding;
    finding->client_identifier = copy_of(finding->client_identifier);
    finding->topic = copy_of(finding->topic);
    finding->server = held->broker->endpoint;
    if (held->topic != NULL)
        held->topic->uses++;
    g_array_append_val(d->held, *held);
}

void hold(struct audit_deliveries *d, enum held_kind kind, const struct client *client,
          struct topic *topic, const struct mqtt_finding *finding, uint64_t number, int64_t since,
          uint32_t payload_length, bool alike)
{
    struct held held = {
        .finding = {.what = *finding,
                    .client_identifier = client->identifier,
                    .stream = client->stream,
                    .topic = topic->name},
        .broker = client->broker,
        .topic = topic,
        .since = since,
        .alike = alike,
        .hasty =
            kind == HELD_LOST && (mqtt_elapsed(d->time, since) < WINDOW ||
                                  (client->blocked != MQTT_NO_TIME && client->blocked >= since)),
        .client = client->number,
        .number = number,
        .distinctive = payload_length >= DISTINCTIVE,
        .trivial = payload_length < TRIVIAL,
        .kind = (uint8_t)kind,
    };
    hold_finding(d, &held);
}

void hold_for_owner(struct audit_deliveries *d, const struct will *will,
                    const struct mqtt_finding *finding, struct mqtt_slice topic)
{
    struct held held = {
        .finding = {.what = *finding,
                    .client_identifier = will->identifier,
                    .stream = will->stream,
                    .topic = topic},
        .broker = will->broker,
        .client = will->owner,
        .number = UINT64_MAX,
        .kind = HELD_OTHER,
    };
    hold_finding(d, &held);
}

/* Another session got the same publication twice: its publisher may have a twin out of sight. */
static bool others_too(const struct audit_deliveries *d, const struct held *held)
{
    for (guint i = 0; i < d->held->len; i++) {
        const struct held *other = &g_array_index(d->held, struct held, i);
        if (other->kind == held->kind && other->number == held->number &&
            other->client != held->client)
            return true;
        if (i == 4096)
            return true;
    }
    return false;
}

/* A second copy may be of a second publication, by somebody out of sight. */
static bool may_be_unseen(const struct audit_deliveries *d, const struct held *held)
{
    /* A hole in what its publishers sent, then or later: it was noticed when the next one came. */
    if (held->kind == HELD_TWICE && !held->distinctive && held->broker->hole != MQTT_NO_TIME &&
        held->broker->hole >= held->since)
        return true;
    if (held->hasty && held->broker->reorders)
        return true;
    /* Who publishes out of sight, elsewhere, hardly sends this very payload to this topic. */
    const bool distinctive =
        held->distinctive || (held->kind != HELD_STRICT && !held->alike && !held->trivial &&
                              held->topic != NULL && held->topic->unseen == 0);
    if (held->kind == HELD_LOST)
        return !distinctive && held->broker->unseen != 0;
    if (held->broker->unseen == 0)
        return held->alike && held->kind == HELD_TWICE && others_too(d, held) &&
               held->finding.what.qos < 2;
    return !distinctive || others_too(d, held);
}

/* Rows add up, and that one may be handed over already. */
static void count_twice(struct audit_deliveries *d, const struct audit_delivery_finding *finding)
{
    struct audit_endpoint server;
    audit_endpoint_text(&server, &finding->server);
    const struct audit_delivery_row row = {
        .topic = finding->topic,
        .client_identifier = finding->client_identifier,
        .server = &server,
        .counts = {.twice = 1},
    };
    d->options.counted(d->options.user, &row);
}

void tell_held(struct audit_deliveries *d)
{
    for (guint i = 0; i < d->held->len; i++) {
        const struct held *held = &g_array_index(d->held, struct held, i);
        if (held->dropped || may_be_unseen(d, held))
            continue;
        d->options.found(d->options.user, &held->finding);
        if (held->kind == HELD_TWICE)
            count_twice(d, &held->finding);
    }
    for (guint i = 0; i < d->held->len; i++) {
        const struct held *held = &g_array_index(d->held, struct held, i);
        g_free((gpointer)(uintptr_t)held->finding.client_identifier.data);
        g_free((gpointer)(uintptr_t)held->finding.topic.data);
        if (held->topic != NULL)
            held->topic->uses--;
    }
    g_array_set_size(d->held, 0);
}
