/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QoS that a delivery comes with, and what one copy for several subscriptions has to have. */
#include "audit/delivery/world.h"

/* ---- QoS (3.8.4-6; 5.0: 3.8.4-8, 4.8.2-3) ---- */

/* The highest QoS that any subscription that matches may have granted since it is in force; and
 * where. */
static uint8_t highest_granted(const struct delivery *of, uint64_t *frame)
{
    uint8_t highest = 0;
    *frame = 0;
    for (uint32_t i = 0; i < of->matched->count; i++) {
        const struct subscription *each = of->topic->subscriptions[of->matched->from + i];
        if (each->state == SUBSCRIPTION_GONE && each->gone.frame == 0)
            continue; /* of one that is gone, something may have waited */
        if (*frame == 0 || each->qos_most > highest)
            *frame = each->granted.frame;
        highest = MAX(highest, each->qos_most);
    }
    return highest;
}

void check_above_granted(const struct delivery *of)
{
    const struct match *matched = of->matched;
    uint64_t frame;
    if (!is_whole(of->client) || matched == NULL || matched->sure == 0 || matched->maybe != 0 ||
        of->topic->unfollowed || of->client->group_count != 0 || of->repeated)
        return;
    const uint8_t highest = highest_granted(of, &frame);
    if (of->packet->publish.qos > highest)
        delivery_raise(of, MQTT_RULE_DELIVERED_ABOVE_GRANTED, highest, frame);
}

/* A member of a group, served for the group: its own granted QoS counts. */
void check_shared_granted(const struct delivery *of, const struct client *group)
{
    if (!is_whole(of->client) || of->repeated || of->client->group_count != 1 ||
        of->matched != NULL)
        return; /* it may be for another one, or have waited since that was there */
    for (const struct subscription *at = group->subscriptions; at != NULL; at = at->next)
        if (at->member == of->client && at->state == SUBSCRIPTION_SURE && !at->unsure &&
            of->packet->publish.qos > at->qos_most)
            delivery_raise(of, MQTT_RULE_SHARED_ABOVE_GRANTED, at->qos_most, at->granted.frame);
}

void check_qos(const struct delivery *of, const struct expectation *e)
{
    const struct publication *publication = e->publication;
    const uint8_t qos = of->packet->publish.qos;
    uint64_t frame;
    if (!of->only || !delivery_is_stable(of, publication->number))
        return;
    if (qos > publication->qos && qos <= highest_granted(of, &frame))
        delivery_hold(of, MQTT_RULE_DELIVERED_QOS_RAISED, publication->frame, publication->qos,
                      HELD_OTHER, publication->number, publication->time);
    else if (qos < e->qos_low)
        delivery_hold(of, MQTT_RULE_DELIVERED_QOS_LOWERED, publication->frame, e->qos_low,
                      HELD_OTHER, publication->number, publication->time);
}

/* A Subscription Identifier that has to be in the copy if it is the only one. */
static void note_lacking(const struct delivery *of, struct expectation *e)
{
    if (of->packet->version != MQTT_VERSION_5_0)
        return;
    for (uint32_t i = 0; i < of->matched->count; i++) {
        const struct subscription *each = of->topic->subscriptions[of->matched->from + i];
        /* What it would get with QoS 0 may have been dropped; No Local asks for none of its own. */
        if ((each->no_local && e->publication->publisher_number == of->client->number) ||
            each->state != SUBSCRIPTION_SURE || each->identifier == 0 ||
            MIN(each->qos, e->publication->qos) == 0 || carries_identifier(of, each->identifier))
            continue;
        e->notes->lacking = each->identifier;
        e->notes->lacking_frame = each->asked.frame;
    }
}

/* Of one copy for several subscriptions: whether it is the only one, the end tells. */
void note_low(const struct delivery *of, struct expectation *e)
{
    const uint8_t qos = of->packet->publish.qos;
    const struct mqtt_connection *c = of->link->connection;
    if (!of->only || !delivery_is_stable(of, e->publication->number))
        return;
    /* While it has others to acknowledge, a better copy waits, and may be dropped. */
    if (qos == 0 && c->sides[of->place->side].outstanding != 0)
        return;
    struct notes *notes = expectation_notes(of->d, e);
    notes->best = MAX(notes->best, qos);
    if (notes->first_frame != 0)
        return;
    notes->first_frame = of->place->frame;
    notes->first_qos = qos;
    notes->version = of->packet->version;
    note_lacking(of, e);
}

/* ---- One copy for several subscriptions (3.3.5-1; 5.0: 3.3.4-2, -4) ---- */

static bool no_more_copies(const struct audit_deliveries *d, const struct expectation *e)
{
    const struct publication *publication = e->publication;
    for (unsigned i = 0; i < STREAMS; i++) {
        const struct stream *stream = &e->row->streams[i];
        if (stream->publisher == publication->publisher_number && stream->qos == publication->qos &&
            stream->number > publication->number)
            return true;
    }
    return mqtt_elapsed(d->time, e->notes->first_time) >= WINDOW;
}

void judge_copies(struct audit_deliveries *d, const struct expectation *e)
{
    const struct notes *notes = e->notes;
    if (notes == NULL || notes->first_frame == 0)
        return;
    const struct client *client = e->row->client;
    if (e->large || client->group || e->copies_served != 1 || !no_more_copies(d, e) ||
        (client->hole != MQTT_NO_TIME && client->hole >= e->publication->time) ||
        (client->blocked != MQTT_NO_TIME && client->blocked >= e->publication->time) ||
        client->idle == MQTT_NO_TIME || client->idle < e->publication->time ||
        client->entries != e->entries)
        return; /* the better copy waited, or may have */
    struct mqtt_finding finding = {
        .rule = MQTT_RULE_OVERLAPPING_QOS_LOWERED,
        .version = notes->version,
        .sender = MQTT_SENDER_SERVER,
        .packet_type = MQTT_PUBLISH,
        .qos = notes->first_qos,
        .field = MQTT_FIELDS,
        .time = notes->first_time,
        .frame = notes->first_frame,
        .values = {e->publication->frame, e->qos},
    };
    if (notes->best < e->qos)
        tell_finding(d, client, e->row->topic->name, &finding);
    if (notes->lacking == 0)
        return;
    finding.rule = MQTT_RULE_SUBSCRIPTION_IDENTIFIERS_INCOMPLETE;
    finding.values[0] = notes->lacking;
    finding.values[1] = notes->lacking_frame;
    tell_finding(d, client, e->row->topic->name, &finding);
}
