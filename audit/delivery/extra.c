/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server's PUBLISH that no expectation takes: not asked for, once more, or from nowhere. */
#include "audit/delivery/world.h"

#include <string.h>

#include "mqtt/wire/topic.h"

/* ---- Nothing matches ---- */

/* A subscription of the client that would match but for the $. */
static bool matches_but_for_dollar(const struct delivery *of)
{
    const struct mqtt_slice topic = of->topic->name;
    bool found = false;
    uint8_t *name = g_memdup2(topic.data, topic.length);
    name[0] = 'x';
    unsigned looked = 0;
    for (const struct subscription *at = of->client->subscriptions; at != NULL && !found;
         at = at->next) {
        const bool wild =
            at->filter.length > 0 && (at->filter.data[0] == '+' || at->filter.data[0] == '#');
        found = wild && at->state != SUBSCRIPTION_GONE &&
                mqtt_topic_matches(at->filter, (struct mqtt_slice){name, topic.length});
        if (++looked == 1000)
            break;
    }
    g_free(name);
    return found;
}

/* One that an UNSUBACK ended, and that matches. */
static const struct subscription *gone_of(const struct delivery *of)
{
    const struct subscription *last = NULL;
    for (uint32_t i = 0; of->matched != NULL && i < of->matched->count; i++) {
        const struct subscription *each = of->topic->subscriptions[of->matched->from + i];
        if (each->state == SUBSCRIPTION_GONE && each->gone.frame != 0 &&
            (last == NULL || each->gone.frame > last->gone.frame))
            last = each;
    }
    return last;
}

static bool matches_group(const struct delivery *of)
{
    for (uint32_t i = 0; i < of->client->group_count; i++)
        if (topic_match_of(of->topic, of->client->groups[i]) != NULL)
            return true;
    return false;
}

/* 3.10.4-2: what was published after the UNSUBACK, and comes when nothing can be under way. */
static void check_after_unsubscribe(const struct delivery *of, const struct subscription *gone)
{
    const struct publication *last = NULL, *at = NULL;
    for (unsigned i = 0; i < LOOKED_AT; i++) {
        at = publication_find(of->d, of->topic, of->fingerprint, at);
        if (at == NULL)
            break;
        last = at;
    }
    if (last == NULL || !is_only(of->d, last) || last->number <= gone->gone_after ||
        mqtt_elapsed(of->place->time, gone->gone.time) <= GRACE)
        return;
    delivery_raise(of, MQTT_RULE_DELIVERED_AFTER_UNSUBSCRIBE, gone->gone.frame, last->frame);
}

/* 3.3.2-3, 4.7.2-1. True if nothing that the client has asked for matches. */
bool check_subscribed(const struct delivery *of)
{
    const struct client *client = of->client;
    if (of->topic->unfollowed ||
        (of->matched != NULL && (of->matched->sure != 0 || of->matched->maybe != 0)) ||
        matches_group(of))
        return false;
    /* One that never subscribed is none of those that the statement speaks of: the server may serve
     * it by arrangement. */
    if (!is_whole(client) || of->repeated || !client->subscribes)
        return true;
    const struct subscription *gone = gone_of(of);
    if (gone != NULL)
        check_after_unsubscribe(of, gone);
    else if (is_dollar(of->topic->name) && matches_but_for_dollar(of))
        delivery_raise(of, MQTT_RULE_DOLLAR_TOPIC_TO_WILDCARD, client->subscription_count,
                       client->session_frame);
    else
        delivery_raise(of, MQTT_RULE_DELIVERED_WITHOUT_SUBSCRIPTION, client->subscription_count,
                       client->session_frame);
    return true;
}

/* ---- Once more, or from nowhere ---- */

static enum mqtt_rule twice_rule(uint8_t qos)
{
    return qos == 2   ? MQTT_RULE_DELIVERED_TWICE_QOS_2
           : qos == 1 ? MQTT_RULE_DELIVERED_TWICE_QOS_1
                      : MQTT_RULE_DELIVERED_TWICE_QOS_0;
}

/* Whether the client's own messages are none for all of its subscriptions (5.0: 3.8.3-3). */
static const struct subscription *no_local_of(const struct delivery *of)
{
    const struct subscription *last = NULL;
    for (uint32_t i = 0; i < of->matched->count; i++) {
        const struct subscription *each = of->topic->subscriptions[of->matched->from + i];
        if (each->state == SUBSCRIPTION_SURE && !each->no_local)
            return NULL;
        if (each->state == SUBSCRIPTION_SURE)
            last = each;
    }
    return last;
}

/* One that was published before the client subscribed may be released after that (QoS 2). */
static const struct publication *oldest_like(const struct delivery *of)
{
    return publication_find(of->d, of->topic, of->fingerprint, NULL);
}

/* A publication like this was served already: does anything explain another one? */
static void check_twice(const struct delivery *of, struct row *row, struct publication *publication)
{
    const struct client *client = of->client;
    const struct broker *broker = client->broker;
    const struct served *before = row_remembered(row, publication->number);
    if (before == NULL || before->link != of->link->number || of->repeated ||
        row_times_remembered(row, publication->number) <
            (of->matched != NULL ? of->matched->sure : 1))
        return;
    /* What many send may be sent by one more, out of sight: unless it comes at once, or was sent
     * again. */
    if (publication->resends == 0 &&
        (publication->alike || publication->payload_length < TRIVIAL) &&
        mqtt_elapsed(of->place->time, before->time) > GRACE)
        return;
    struct likeness *likeness = row_likeness(row, publication->fingerprint, false);
    if (likeness != NULL && likeness->deficit > 0) {
        likeness->deficit--; /* this may be one that was given up */
        return;
    }
    if (publication->resends > 0 && publication->qos == 1) {
        publication->resends--; /* each may be passed on (4.3.2) */
        return;
    }
    if (publication->doubtful || of->topic->blind || !delivery_is_stable(of, publication->number) ||
        (publication->alike &&
         (of->matched->sure > 1 || !delivery_is_stable(of, oldest_like(of)->number) ||
          client->entered.frame != client->session_frame)))
        return; /* of several that are alike, one may have waited for the client */
    if (client->hole != MQTT_NO_TIME && client->hole >= publication->time)
        return;
    if (broker->hole != MQTT_NO_TIME &&
        (mqtt_elapsed(of->place->time, broker->hole) < HOLE_TIME ||
         (client->left != MQTT_NO_TIME && broker->hole >= client->left)))
        return; /* it may be a publication that the capture lacks, or that waited since then */
    const struct will *will = will_of(publication);
    if (will != NULL) {
        const struct mqtt_finding finding =
            delivery_finding(of, MQTT_RULE_WILL_TWICE, will->connect.frame, before->frame);
        hold_for_owner(of->d, will, &finding, of->topic->name);
        return;
    }
    delivery_hold(of, twice_rule(of->packet->publish.qos), publication->frame, before->frame,
                  HELD_TWICE, publication->number, publication->time);
}

/* A payload that several publishers may well send: what two sessions got once too often is one that
 * the capture lacks. NULL: it is no such payload. */
static struct surplus *surplus_of(const struct delivery *of, const struct publication *like,
                                  bool at_once, bool *elsewhere)
{
    struct topic *topic = of->topic;
    const struct surplus surplus = {.fingerprint = of->fingerprint,
                                    .client = of->client->number,
                                    .time = of->place->time,
                                    .at_once = at_once};
    *elsewhere = false;
    if (like->payload_length >= DISTINCTIVE && !like->alike)
        return NULL;
    for (unsigned i = 0; i < SURPLUSES; i++) {
        const struct surplus *other = &topic->surplus[i];
        if (other->client == 0 || other->client == surplus.client ||
            other->fingerprint != surplus.fingerprint ||
            mqtt_elapsed(surplus.time, other->time) > WINDOW || (at_once && other->at_once))
            continue; /* a server that passes it on twice does so at once, to all of them */
        *elsewhere = true;
        if (other->held != 0)
            g_array_index(of->d->held, struct held, other->held - 1).dropped = true;
    }
    struct surplus *mine = &topic->surplus[topic->surplus_next++ % SURPLUSES];
    *mine = surplus;
    return mine;
}

/* It is what was stored before the client asked, without the flag that says so (3.3.1-8). */
static void check_without_flag(const struct delivery *of, const struct publication *publication)
{
    const struct kept *kept = &of->topic->kept[0];
    const struct subscription *asked = NULL;
    if (of->topic->kept_count == 0 || kept->number != publication->number || !kept->accepted ||
        of->repeated || will_of(publication) != NULL || !is_whole(of->client) ||
        of->matched == NULL || of->matched->maybe != 0 || !is_only(of->d, publication))
        return;
    for (uint32_t i = 0; i < of->matched->count; i++) {
        const struct subscription *each = of->topic->subscriptions[of->matched->from + i];
        if (each->state == SUBSCRIPTION_GONE || each->asked_after < publication->number ||
            mqtt_elapsed(each->asked.time, kept->accepted_time) <= GRACE)
            return; /* it is older, or as old, and may have it from then (QoS 2: from PUBREL) */
        asked = each;
    }
    if (asked != NULL)
        delivery_hold(of, MQTT_RULE_RETAINED_WITHOUT_FLAG, publication->frame, asked->asked.frame,
                      HELD_STRICT, publication->number, publication->time);
}

/* A message of a group that another member got already (5.0: 4.8.2). */
static bool check_groups(const struct delivery *of, const struct publication *publication)
{
    for (uint32_t i = 0; i < of->client->group_count; i++) {
        struct client *group = of->client->groups[i];
        struct row *row = row_of(of->d, of->topic, group, false);
        const struct served *before = row != NULL ? row_remembered(row, publication->number) : NULL;
        if (before == NULL)
            continue;
        if (before->link == of->link->number || before->unsure || of->repeated ||
            !is_whole(of->client) || !is_only(of->d, publication) || publication->resends > 0 ||
            publication->doubtful)
            return true;
        const bool left = group->left != MQTT_NO_TIME && group->left >= before->time;
        const enum mqtt_rule rule = before->rejected           ? MQTT_RULE_SHARED_AFTER_REJECTION
                                    : before->qos == 2 && left ? MQTT_RULE_SHARED_QOS_2_TO_ANOTHER
                                                               : MQTT_RULE_SHARED_TO_TWO;
        /* A client that left without its PUBACK may be replaced by another one. */
        if (rule != MQTT_RULE_SHARED_TO_TWO || !left)
            delivery_hold(of, rule, publication->frame, before->frame, HELD_STRICT,
                          publication->number, publication->time);
        return true;
    }
    return false;
}

/* It was published at another port of the server just now: both may be listeners of one broker. */
static void note_shared(const struct delivery *of)
{
    struct audit_deliveries *d = of->d;
    const struct broker *mine = of->client->broker;
    if (of->packet->publish.payload_length < DISTINCTIVE)
        return;
    for (struct broker *other = d->brokers; other != NULL; other = other->next) {
        struct mqtt_endpoint end = other->endpoint;
        end.port = mine->endpoint.port;
        if (other == mine || !mqtt_endpoint_equal(&end, &mine->endpoint))
            continue;
        const struct topic *topic = topic_of(d, other, of->topic->name, false);
        const struct publication *publication =
            topic != NULL ? publication_find(d, topic, of->fingerprint, NULL) : NULL;
        if (publication == NULL || mqtt_elapsed(of->place->time, publication->time) > WINDOW)
            continue;
        if (d->shared++ == 0) {
            d->sharing[0] = mine->endpoint;
            d->sharing[1] = other->endpoint;
            d->sharing_frame = of->place->frame;
        }
        return;
    }
}

/* Somebody publishes where the capture does not look. */
static void note_unseen(const struct delivery *of)
{
    of->client->broker->unseen++;
    of->topic->unseen++;
    if (of->d->brokers->next != NULL)
        note_shared(of);
}

/* No expectation takes it. */
void take_extra(const struct delivery *of, struct row *row)
{
    struct publication *last = NULL, *at = NULL;
    struct publication *served = NULL;
    for (unsigned i = 0; i < LOOKED_AT; i++) {
        at = publication_find(of->d, of->topic, of->fingerprint, at);
        if (at == NULL)
            break;
        last = at;
        if (row != NULL && row_remembered(row, at->number) != NULL)
            served = at;
    }
    if (last == NULL) {
        if (row != NULL) {
            row->counts.unknown++;
            row_remember_stranger(row, of);
        }
        if (!is_dollar(of->topic->name) && !of->topic->blind && !of->repeated)
            note_unseen(of);
        of->topic->kept_doubt = of->place->time;
        return;
    }
    if (row != NULL)
        note_surplus(of, row);
    if (check_groups(of, last))
        return;
    bool elsewhere;
    const struct served *before = served != NULL ? row_remembered(row, served->number) : NULL;
    const bool at_once = before != NULL && mqtt_elapsed(of->place->time, before->time) <= GRACE;
    struct surplus *surplus = surplus_of(of, last, at_once, &elsewhere);
    const guint held = of->d->held->len;
    const struct subscription *no_local =
        last->publisher_number == of->client->number && of->matched != NULL &&
                delivery_is_stable(of, last->number) && is_only(of->d, last) && !of->repeated
            ? no_local_of(of)
            : NULL;
    if (no_local != NULL)
        delivery_hold(of, MQTT_RULE_NO_LOCAL_IGNORED, last->frame, no_local->asked.frame,
                      HELD_OTHER, last->number, last->time);
    else if (served != NULL && !elsewhere) {
        check_twice(of, row, served);
        if (surplus != NULL && of->d->held->len > held)
            surplus->held = of->d->held->len;
    } else if (served == NULL)
        check_without_flag(of, last);
}
