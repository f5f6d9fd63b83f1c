/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Retained messages (3.3.1.3; 5.0: also 3.8.3.1): what is stored for a topic, as far as the capture
 * tells, and whether that comes when a client subscribes.
 */
#include "audit/delivery/world.h"

#include "mqtt/wire/topic.h"

/* Topics that are looked through for what a topic filter with wildcards asks for. */
#define MAX_KEPT 1000u

/* What a SUBACK owes. */
struct owed_retained {
    uint64_t client;
    struct client *owner; /* valid while `entries` are the client's */
    uint64_t entries;
    struct topic *topic;
    uint64_t number; /* of the publication */
    uint64_t frame, asked;
    int64_t asked_time, due;
    uint16_t rule;
    bool will;
};

/* ---- What is stored ---- */

void retained_published(struct audit_deliveries *d, struct publication *publication)
{
    struct topic *topic = publication->topic;
    (void)d;
    if (topic->kept_count == 0)
        topic->broker->kept++;
    for (uint32_t i = MIN(topic->kept_count, KEPT - 1); i > 0; i--)
        topic->kept[i] = topic->kept[i - 1];
    topic->kept_count = MIN(topic->kept_count + 1, KEPT);
    topic->kept[0] = (struct kept){
        .number = publication->number,
        .publisher = publication->publisher_number,
        .frame = publication->frame,
        .time = publication->time,
        .accepted_time = INT64_MAX,
        .fingerprint = publication->fingerprint,
        .payload_length = publication->payload_length,
        .expiry_s = publication->expires ? publication->cargo->expiry_s : 0,
        .qos = publication->qos,
        .expires = publication->expires,
        .will = will_of(publication) != NULL,
        .size = publication->size,
    };
}

void retained_accepted(struct audit_deliveries *d, struct publication *publication)
{
    struct topic *topic = publication->topic;
    for (uint32_t i = 0; i < topic->kept_count; i++)
        if (topic->kept[i].number == publication->number) {
            topic->kept[i].accepted = true;
            topic->kept[i].accepted_time = d->time;
            topic->kept[i].accepted_after = d->publication_numbers;
        }
}

void retained_forwarded(const struct publication *publication)
{
    struct topic *topic = publication->topic;
    for (uint32_t i = 0; i < topic->kept_count; i++)
        topic->kept[i].forwarded |= topic->kept[i].number == publication->number;
}

void retained_refused(struct audit_deliveries *d, struct publication *publication)
{
    publication->topic->kept_doubt = d->time;
}

/* Nothing that the capture lacks can have replaced what is stored since then. */
static bool is_certain(const struct topic *topic, int64_t since)
{
    const struct broker *broker = topic->broker;
    return (topic->kept_doubt == MQTT_NO_TIME || topic->kept_doubt < since) &&
           (broker->hole == MQTT_NO_TIME || broker->hole < since) && !topic->blind;
}

/* Which of two was stored last is known: the older one was before the newer one came. With QoS 2 a
 * server may wait for PUBREL (4.3.3). Nothing orders what two publishers send at once (4.6). At
 * QoS 0 it refuses without a word what it does not allow. */
static bool is_replaced(const struct kept *older, const struct kept *newer)
{
    if (!older->accepted || older->accepted_time > newer->time)
        return false;
    return newer->publisher == older->publisher ||
           ((newer->qos > 0 || newer->forwarded) &&
            mqtt_elapsed(newer->time, older->accepted_time) > GRACE);
}

/* ---- It comes ---- */

/* The subscriptions that match, of those that are in force or may be. */
struct asked {
    const struct subscription *last; /* asked for last; NULL: none */
    uint32_t count;
    uint32_t times;    /* that these were asked for */
    bool as_published; /* one of them may pass RETAIN on as it came */
    bool sure;         /* all of them are */
    bool quiet;        /* nothing can be under way because of an earlier SUBSCRIBE */
    bool calm;         /* nor have waited in a queue since then */
    uint8_t handling;  /* of all: 3: not the same */
    bool renewed;      /* all of them */
};

static struct asked asked_of(const struct delivery *of)
{
    struct asked asked = {
        .sure = true, .quiet = true, .calm = true, .renewed = true, .handling = 3};
    for (uint32_t i = 0; of->matched != NULL && i < of->matched->count; i++) {
        const struct subscription *each = of->topic->subscriptions[of->matched->from + i];
        if (each->state == SUBSCRIPTION_GONE) {
            asked.quiet &= mqtt_elapsed(of->place->time, each->gone.time) > WINDOW;
            continue;
        }
        /* Just after other options were asked for, what comes may be by the old ones. */
        const bool mixed =
            each->mixed && mqtt_elapsed(of->place->time, each->granted.time) < WINDOW;
        /* Many servers send what is stored before they send the SUBACK. */
        const bool sure = each->state == SUBSCRIPTION_ASKED
                              ? !each->was_sure && !each->unsure
                              : each->state == SUBSCRIPTION_SURE && !each->unsure && !mixed;
        const uint8_t handling = sure && each->state == SUBSCRIPTION_SURE
                                     ? each->retain_handling
                                     : (uint8_t)(each->asked_options >> 4 & 3);
        asked.handling =
            !each->varied && (asked.count == 0 || asked.handling == handling) ? handling : 3;
        asked.as_published |= each->retain_as_published || !sure || (each->asked_options & 8) != 0;
        asked.sure &= sure;
        asked.renewed &= each->renewed;
        asked.quiet &= each->before.frame == 0 ||
                       mqtt_elapsed(each->asked.time, each->before.time) > 5 * GRACE;
        asked.calm &=
            each->before.frame == 0 || mqtt_elapsed(each->asked.time, each->before.time) > WINDOW;
        asked.count++;
        asked.times += each->times;
        if (asked.last == NULL || each->asked.frame >= asked.last->asked.frame)
            asked.last = each;
    }
    return asked;
}

static void check_handling(const struct delivery *of, const struct asked *asked)
{
    if (of->packet->version != MQTT_VERSION_5_0 || asked->as_published || !asked->sure)
        return;
    if (asked->handling == 2)
        delivery_raise(of, MQTT_RULE_RETAINED_UNWANTED, asked->last->asked.frame, 0);
    else if (asked->handling == 1 && asked->renewed && asked->count == 1 &&
             asked->last->before.frame != 0)
        delivery_raise(of, MQTT_RULE_RETAINED_TO_EXISTING, asked->last->asked.frame,
                       asked->last->before.frame);
}

/* The client's last SUBSCRIBE was answered with more copies than it has topic filters that match.
 */
static void check_copies(const struct delivery *of, struct row *row, const struct asked *asked)
{
    if (row->retained_asked != asked->last->asked.frame) {
        row->retained_asked = asked->last->asked.frame;
        row->retained_copies = 0;
        row->retained_print = of->fingerprint;
    }
    if (row->retained_copies++ == asked->times && asked->sure && !asked->as_published &&
        row->retained_print == of->fingerprint && is_certain(of->topic, asked->last->asked.time) &&
        asked->count == 1 && asked->calm)
        delivery_raise(of, MQTT_RULE_RETAINED_TWICE, asked->last->asked.frame, row->retained_frame);
    row->retained_frame = of->place->frame;
}

/* Which message it is: one that was replaced before the client asked? */
static void check_stored(const struct delivery *of, const struct asked *asked)
{
    const struct topic *topic = of->topic;
    const struct subscription *last = asked->last;
    uint32_t i = 0;
    while (i < topic->kept_count && topic->kept[i].fingerprint != of->fingerprint)
        i++;
    if (i == topic->kept_count || i == 0)
        return;
    const struct kept *kept = &topic->kept[i], *newer = &topic->kept[i - 1];
    /* What many send may have been stored again by one out of sight. */
    const struct publication *like = publication_find(of->d, topic, of->fingerprint, NULL);
    if (like != NULL && like->alike && like->payload_length < DISTINCTIVE)
        return;
    if (!newer->accepted || !is_replaced(kept, newer) ||
        newer->accepted_after > last->asked_after ||
        mqtt_elapsed(last->asked.time, newer->accepted_time) <= GRACE || newer->will ||
        kept->will || !is_certain(topic, kept->time) || asked->as_published || !asked->sure)
        return;
    delivery_hold(of,
                  topic->kept[0].payload_length == 0 ? MQTT_RULE_RETAINED_AFTER_CLEAR
                                                     : MQTT_RULE_RETAINED_STALE,
                  kept->frame, newer->frame, HELD_STRICT, kept->number, kept->time);
}

static bool is_stored(const struct topic *topic, uint64_t fingerprint)
{
    for (uint32_t i = 0; i < topic->kept_count; i++)
        if (topic->kept[i].fingerprint == fingerprint)
            return true;
    return false;
}

/* A publication or a will without RETAIN that comes as a retained message. */
static void check_ordinary(const struct delivery *of, const struct asked *asked)
{
    const struct publication *publication =
        publication_find(of->d, of->topic, of->fingerprint, NULL);
    if (publication == NULL || publication->retain || is_stored(of->topic, of->fingerprint) ||
        !is_only(of->d, publication) || asked->as_published || !asked->sure ||
        publication->number > asked->last->asked_after || publication->doubtful)
        return;
    const struct will *will = will_of(publication);
    if (will == NULL) {
        delivery_hold(of, MQTT_RULE_RETAINED_ORDINARY, publication->frame, asked->last->asked.frame,
                      HELD_STRICT, publication->number, publication->time);
        return;
    }
    const struct mqtt_finding finding = delivery_finding(
        of, MQTT_RULE_WILL_RETAINED_UNASKED, will->connect.frame, asked->last->asked.frame);
    hold_for_owner(of->d, will, &finding, of->topic->name);
}

/* One like it is stored that is not this publication. */
static bool is_stored_besides(const struct topic *topic, const struct publication *publication)
{
    for (uint32_t i = 0; i < topic->kept_count; i++)
        if (topic->kept[i].fingerprint == publication->fingerprint &&
            topic->kept[i].number != publication->number)
            return true;
    return false;
}

/* It was published after the client had subscribed, and comes as if it were old. What was stored in
 * the meantime may come besides. */
static bool note_flagged(const struct delivery *of, struct row *row, const struct asked *asked)
{
    struct expectation *found[16];
    const unsigned count =
        expectations_like(of->d, row, of->fingerprint, found, G_N_ELEMENTS(found));
    for (unsigned i = 0; i < count; i++) {
        struct expectation *e = found[i];
        if (!e->owed || flagged_in(e) != 0 || !delivery_is_stable(of, e->publication->number) ||
            is_stored_besides(of->topic, e->publication))
            continue;
        struct notes *notes = expectation_notes(of->d, e);
        notes->flagged = of->place->frame;
        notes->flagged_time = of->place->time;
        notes->flagged_asked = asked->last->asked.frame;
        return true;
    }
    return false;
}

/* With QoS 1 and 2 it may have been sent because of an earlier SUBSCRIBE, and waited. */
static bool may_have_waited(const struct delivery *of, const struct asked *asked)
{
    const struct client *client = of->client;
    if (mqtt_elapsed(of->place->time, asked->last->asked.time) > 5 * GRACE)
        return true;
    return client->entered.frame != client->session_frame ||
           (of->packet->publish.qos > 0 && client->blocked != MQTT_NO_TIME);
}

bool retained_delivered(const struct delivery *of)
{
    const struct asked asked = asked_of(of);
    struct row *row = row_of(of->d, of->topic, of->client, false);
    if (asked.count == 0 && of->client->group_count != 0)
        return true; /* no message is stored for those who share; whose it is, nobody knows */
    if (asked.count == 0 || row == NULL || of->client->link == NULL ||
        of->client->link->connection->bridge)
        return false; /* a bridge gets RETAIN as it came */
    struct expectation *e;
    if ((asked.as_published || !is_whole(of->client)) &&
        expectations_like(of->d, row, of->fingerprint, &e, 1) == 1)
        return false;
    row->counts.retained++;
    row->retained_time = of->place->time;
    if (!is_whole(of->client) || of->repeated || of->topic->unfollowed ||
        of->client->group_count != 0 || note_flagged(of, row, &asked) ||
        may_have_waited(of, &asked) || !asked.quiet)
        return true;
    if (of->packet->publish.payload_length == 0 && !asked.as_published) {
        delivery_raise(of, MQTT_RULE_RETAINED_EMPTY, asked.last->asked.frame, 0);
        return true;
    }
    check_handling(of, &asked);
    check_copies(of, row, &asked);
    check_stored(of, &asked);
    check_ordinary(of, &asked);
    return true;
}

/* ---- It does not come ---- */

static bool is_due(const struct client *client, const struct topic *topic)
{
    const struct kept *kept = &topic->kept[0];
    const struct mqtt_connection *c = client->link->connection;
    const uint32_t maximum = c->sides[c->client].maximum_packet_size;
    return topic->kept_count != 0 && kept->accepted && kept->qos > 0 && kept->payload_length != 0 &&
           !kept->expires && is_certain(topic, kept->time) &&
           (topic->kept_count == 1 || is_replaced(&topic->kept[1], kept)) &&
           (maximum == 0 || kept->size + 64u <= maximum);
}

static void owe(struct audit_deliveries *d, struct client *client,
                const struct subscription *subscription, struct topic *topic)
{
    const struct kept *kept = &topic->kept[0];
    if (!is_due(client, topic) || subscription->qos == 0)
        return;
    struct owed_retained *owed = g_new(struct owed_retained, 1);
    *owed = (struct owed_retained){
        .client = client->number,
        .owner = client,
        .entries = client->entries,
        .topic = topic,
        .number = kept->number,
        .frame = kept->frame,
        .asked = subscription->asked.frame,
        .asked_time = subscription->asked.time,
        .due = d->time,
        .rule = kept->will                           ? MQTT_RULE_WILL_NOT_RETAINED
                : subscription->renewed              ? MQTT_RULE_RETAINED_MISSING_AGAIN
                : subscription->retain_handling == 1 ? MQTT_RULE_RETAINED_MISSING_NEW
                                                     : MQTT_RULE_RETAINED_MISSING,
        .will = kept->will,
    };
    topic->uses++;
    client->retained++;
    g_queue_push_tail(d->retained, owed);
}

void retained_asked(struct audit_deliveries *d, struct client *client,
                    struct subscription *subscription)
{
    const bool renewed = subscription->renewed;
    if (client->link == NULL || subscription->member != NULL ||
        subscription->state != SUBSCRIPTION_SURE || !is_whole(client) ||
        subscription->retain_handling == 2 || (subscription->retain_handling == 1 && renewed) ||
        client->broker->kept == 0 || g_queue_get_length(d->retained) > MAX_KEPT)
        return;
    if (mqtt_topic_wildcard(subscription->filter) == subscription->filter.length) {
        struct topic *topic = topic_of(d, client->broker, subscription->filter, false);
        if (topic != NULL)
            owe(d, client, subscription, topic);
        return;
    }
    if (client->broker->kept > MAX_KEPT || d->topics.count > MAX_KEPT)
        return;
    for (struct topic *topic = d->oldest_topic; topic != NULL; topic = topic->newer)
        if (topic->broker == client->broker && topic->kept_count != 0 &&
            mqtt_topic_matches(subscription->filter, topic->name))
            owe(d, client, subscription, topic);
}

/* When either side was heard of last. */
static int64_t last_time(const struct audit_delivery_link *link)
{
    const struct mqtt_connection *c = link->connection;
    return MAX(c->sides[0].last.time, c->sides[1].last.time);
}

/* The client was there all the time, nothing stood in the way, and it did not come. */
static bool is_missing(const struct audit_deliveries *d, const struct owed_retained *owed)
{
    const struct client *client = owed->owner;
    const struct row *row =
        row_of((struct audit_deliveries *)(uintptr_t)d, owed->topic, owed->owner, false);
    if (client->link == NULL || client->entries != owed->entries ||
        owed->topic->kept[0].number != owed->number || !is_certain(owed->topic, owed->asked_time) ||
        (client->hole != MQTT_NO_TIME && client->hole >= owed->asked_time) ||
        (client->blocked != MQTT_NO_TIME && client->blocked >= owed->asked_time) ||
        last_time(client->link) <= owed->asked_time)
        return false;
    return row == NULL ||
           (row->retained_time < owed->asked_time && row->last_time < owed->asked_time);
}

/* The will may be forgotten but for its publication. */
static void tell_for_owner(struct audit_deliveries *d, const struct owed_retained *owed,
                           const struct mqtt_finding *finding)
{
    for (const struct publication *at =
             publication_find(d, owed->topic, owed->topic->kept[0].fingerprint, NULL);
         at != NULL; at = publication_find(d, owed->topic, at->fingerprint, at))
        if (at->number == owed->number && will_of(at) != NULL) {
            struct mqtt_finding named = *finding;
            named.values[0] = will_of(at)->connect.frame;
            hold_for_owner(d, will_of(at), &named, owed->topic->name);
            return;
        }
}

static void say_missing(struct audit_deliveries *d, const struct owed_retained *owed)
{
    const struct client *client = owed->owner;
    const struct mqtt_finding finding = {
        .rule = owed->rule,
        .version = client->version,
        .sender = MQTT_SENDER_CLIENT,
        .packet_type = MQTT_SUBSCRIBE,
        .side = (uint8_t)(1 - client->server_side),
        .field = MQTT_FIELDS,
        .time = owed->asked_time,
        .frame = owed->asked,
        .values = {owed->frame, owed->asked},
    };
    if (owed->will) {
        tell_for_owner(d, owed, &finding);
        return;
    }
    tell_finding(d, client, owed->topic->name, &finding);
}

static void settle(struct audit_deliveries *d, struct owed_retained *owed, bool judge)
{
    if (owed->owner != NULL) {
        if (judge && is_missing(d, owed))
            say_missing(d, owed);
        owed->owner->retained--;
    }
    owed->topic->uses--;
    g_free(owed);
}

void retained_due(struct audit_deliveries *d)
{
    struct owed_retained *owed;
    while ((owed = g_queue_peek_head(d->retained)) != NULL &&
           mqtt_elapsed(d->time, owed->due) >= WINDOW) {
        g_queue_pop_head(d->retained);
        settle(d, owed, true);
    }
}

void retained_forget(struct audit_deliveries *d, const struct client *client)
{
    for (GList *at = client->retained > 0 ? d->retained->head : NULL; at != NULL; at = at->next) {
        struct owed_retained *owed = at->data;
        if (owed->owner == client)
            owed->owner = NULL;
    }
}

void retained_free(struct audit_deliveries *d)
{
    struct owed_retained *owed;
    while ((owed = g_queue_pop_head(d->retained)) != NULL)
        settle(d, owed, false);
}
