/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What did not come: lost, or excused; and what waits for the end to be said. */
#include "audit/delivery/world.h"

/* In a row of which nothing ever came so many are no loss, but a subscription that is not served:
 * an access list, as a rule. */
#define NEVER 3u

/* ---- Excuses ---- */

void excuse(struct audit_deliveries *d, struct expectation *e, unsigned why)
{
    struct audit_delivery_counts *counts = &e->row->counts;
    judge_copies(d, e);
    if (e->owed && e->suspended) {
        judge_suspended(d, e);
        return;
    }
    if (e->owed) {
        if (why == AUDIT_EXCUSES)
            counts->pending++;
        else if (e->qos == 0 && !e->queued && why != AUDIT_EXCUSE_HOLE)
            counts->dropped_qos_0++;
        else
            counts->excused[why]++;
    }
    expectation_free(d, e);
}

bool still_subscribed(struct audit_deliveries *d, const struct expectation *e)
{
    struct topic *topic = e->row->topic;
    bool sure = false;
    topic_match(d, topic);
    const struct match *match = topic_match_of(topic, e->row->client);
    if (match == NULL)
        return false;
    for (uint32_t i = match->from; i < match->from + match->count; i++) {
        const struct subscription *each = topic->subscriptions[i];
        if (each->state != SUBSCRIPTION_SURE || each->unsure ||
            each->since >= e->publication->number)
            continue;
        sure = true;
    }
    return sure;
}

static bool has_expired(const struct audit_deliveries *d, const struct expectation *e)
{
    const struct publication *publication = e->publication;
    return publication->expires && mqtt_elapsed(d->time, publication->time) / MQTT_SECOND >=
                                       (int64_t)publication->cargo->expiry_s;
}

/* A message like it came once more than what it was matched with. */
static bool came_otherwise(const struct expectation *e)
{
    const struct likeness *likeness = row_likeness(e->row, e->publication->fingerprint, false);
    return likeness != NULL && likeness->surplus > 0;
}

static bool has_match(const struct topic *topic, const struct client *client)
{
    const struct match *match = topic_match_of(topic, client);
    return match != NULL && match->sure + match->maybe != 0;
}

/* A member out of sight would get its share: of so many, one that nobody got is lost. */
#define SHARED_SERVED 20u

/* All clients of the group were online all the time, and could take it. */
static bool all_there(struct audit_deliveries *d, const struct expectation *e)
{
    struct client *group = e->row->client;
    struct topic *topic = e->row->topic;
    const int64_t since = e->publication->time;
    group->shared_missed++;
    if (group->shared_missed * SHARED_SERVED > group->shared_served || group->broker->partial ||
        !is_only(d, e->publication))
        return false; /* another member may have got it, out of sight */
    topic_match(d, topic);
    if (group->left != MQTT_NO_TIME && group->left >= since)
        return false;
    for (const struct subscription *at = group->subscriptions; at != NULL; at = at->next) {
        const struct client *member = at->member;
        if (at->state != SUBSCRIPTION_SURE || at->unsure || member->link == NULL ||
            member->entered.time >= since || at->first.time >= since ||
            (member->hole != MQTT_NO_TIME && member->hole >= since) ||
            (member->blocked != MQTT_NO_TIME && member->blocked >= since) ||
            member->group_count != 1 || has_match(topic, member) ||
            client_is_small(member, e->publication))
            return false;
    }
    return group->subscriptions != NULL;
}

/* Why nothing is said of it; AUDIT_EXCUSES: nothing explains it. */
static unsigned excuse_of(struct audit_deliveries *d, const struct expectation *e)
{
    const struct publication *publication = e->publication;
    const struct client *client = e->row->client;
    if (publication->state == PUBLICATION_REFUSED)
        return AUDIT_EXCUSE_REFUSED;
    if (publication->state == PUBLICATION_OPEN)
        return AUDIT_EXCUSE_UNANSWERED;
    if (client->anonymous && client->session_frame == 0)
        return AUDIT_EXCUSE_MIDDLE;
    if (client->group && !all_there(d, e))
        return AUDIT_EXCUSE_SHARED;
    if (client->hole != MQTT_NO_TIME && client->hole >= publication->time)
        return AUDIT_EXCUSE_HOLE;
    if (!still_subscribed(d, e))
        return AUDIT_EXCUSE_UNSUBSCRIBED;
    if (e->large || (!client->group && client_is_small(client, publication)))
        return AUDIT_EXCUSE_TOO_LARGE;
    if (has_expired(d, e))
        return AUDIT_EXCUSE_EXPIRED;
    if (client->shut != MQTT_NO_TIME && client->shut >= publication->time)
        return AUDIT_EXCUSE_QUEUED; /* a server that can send nothing drops what it has no room for
                                     */
    /* What a later one has overtaken waits no more: only a queue that is full would drop it. */
    if (overtaken_in(e) != 0 && !e->crowded && !client->broker->reorders)
        return came_otherwise(e) ? AUDIT_EXCUSE_LIKENESS : AUDIT_EXCUSES;
    if (e->blocked || (client->blocked != MQTT_NO_TIME && client->blocked >= publication->time))
        return AUDIT_EXCUSE_QUEUED;
    if (e->queued && client->was_queued >= QUEUE_LIMIT)
        return AUDIT_EXCUSE_QUEUE_LIMIT;
    if (came_otherwise(e))
        return AUDIT_EXCUSE_LIKENESS;
    return AUDIT_EXCUSES;
}

/* ---- Lost ---- */

/* What came in its place: on the same topic, after it was published, and nobody published it.
 * Long after that, it may have been somebody's after all. */
static void note_replacement(struct audit_deliveries *d, struct expectation *e, bool soon)
{
    struct row *row = e->row;
    for (unsigned i = 0; i < STRANGERS; i++) {
        struct served *served = &row->strangers[i];
        if (served->frame == 0 || served->used || served->time < e->publication->time ||
            (!soon && served->payload_length != e->publication->payload_length))
            continue;
        served->used = true;
        struct notes *notes = expectation_notes(d, e);
        notes->other = served->frame;
        notes->other_time = served->time;
        notes->other_qos = served->qos;
        if (!soon || e->publication->payload_length < TRIVIAL)
            return;
        row->client->broker->unseen -= row->client->broker->unseen > 0;
        row->topic->unseen -= row->topic->unseen > 0;
        return;
    }
}

static void say_lost(struct audit_deliveries *d, struct expectation *e)
{
    struct row *row = e->row;
    const struct publication *publication = e->publication;
    const struct client *client = row->client;
    if (client->group && client->subscriptions != NULL)
        client = client->subscriptions->member;
    struct mqtt_finding finding = {
        .version = client->version,
        .sender = MQTT_SENDER_CLIENT,
        .packet_type = MQTT_PUBLISH,
        .side = client->server_side,
        .qos = publication->qos,
        .field = MQTT_FIELDS,
        .time = publication->time,
        .frame = publication->frame,
        .values = {publication->frame, client->entered.frame},
    };
    if ((e->notes == NULL || e->notes->other == 0) && flagged_in(e) == 0 &&
        will_of(publication) == NULL)
        note_replacement(d, e, false);
    const struct notes *notes = e->notes;
    if (flagged_in(e) != 0) {
        row->counts.delivered++;
        finding.rule = MQTT_RULE_RETAIN_SET_ON_LIVE;
        finding.sender = MQTT_SENDER_SERVER;
        finding.frame = notes->flagged;
        finding.time = notes->flagged_time;
        finding.values[1] = notes->flagged_asked;
    } else if (will_of(publication) != NULL) {
        const struct will *will = will_of(publication);
        row->counts.lost++;
        finding.rule = MQTT_RULE_WILL_NOT_PUBLISHED;
        finding.packet_type = MQTT_CONNECT;
        finding.qos = 0;
        finding.frame = will->connect.frame;
        finding.values[0] = will->connect.frame;
        finding.values[1] = will->end.frame;
        will_lost(d, publication, &finding);
        return;
    } else if (notes != NULL && notes->other != 0) {
        row->counts.lost++;
        finding.rule = MQTT_RULE_DELIVERED_PAYLOAD_ALTERED;
        finding.sender = MQTT_SENDER_SERVER;
        finding.frame = notes->other;
        finding.time = notes->other_time;
        finding.qos = notes->other_qos;
    } else {
        row->counts.lost++;
        finding.rule = e->queued ? MQTT_RULE_QUEUED_DELIVERY_LOST : MQTT_RULE_DELIVERY_LOST;
    }
    if (flagged_in(e) != 0)
        hold(d, HELD_OTHER, client, row->topic, &finding, publication->number, publication->time,
             publication->payload_length, publication->alike);
    else
        hold(d, HELD_LOST, client, row->topic, &finding, publication->number, publication->time,
             publication->payload_length, publication->alike);
}

/* Nothing explains it: but where nothing of the row ever came, more of them tell what it is. */
static void lose(struct audit_deliveries *d, struct expectation *e)
{
    const unsigned why = excuse_of(d, e);
    if (flagged_in(e) == 0 && (e->qos == 0 || why != AUDIT_EXCUSES)) {
        excuse(d, e, why != AUDIT_EXCUSES ? why : (unsigned)AUDIT_EXCUSE_FORGOTTEN);
        return;
    }
    if (flagged_in(e) == 0 && (e->row->forwarded == 0 ||
                               !topic_forwards(e->row->topic, e->publication->publisher_number))) {
        e->suspended = true;
        e->row->suspended++;
        expectation_list(e, LIST_NONE);
        return;
    }
    say_lost(d, e);
    expectation_free(d, e);
}

/* It is said already that the subscription was never served. */
static bool is_told(struct audit_deliveries *d, const struct expectation *e)
{
    const struct match *match;
    topic_match(d, e->row->topic);
    match = topic_match_of(e->row->topic, e->row->client);
    for (uint32_t i = 0; match != NULL && i < match->count; i++)
        if (e->row->topic->subscriptions[match->from + i]->told)
            return true;
    return false;
}

void judge_suspended(struct audit_deliveries *d, struct expectation *e)
{
    struct row *row = e->row;
    /* Several of a publisher of which nothing is ever passed on: before 5.0 a server may
     * acknowledge what it does not allow (3.3.5-2). */
    const bool forwards =
        row->forwarded != 0 && topic_forwards(row->topic, e->publication->publisher_number);
    if ((!forwards && row->suspended >= NEVER) || is_told(d, e))
        row->counts.excused[AUDIT_EXCUSE_NEVER_SERVED]++;
    else
        say_lost(d, e);
    expectation_free(d, e);
}

/* It had acknowledged all that it was sent, and could be sent more: of a group, all members. */
static bool was_idle(const struct client *client, int64_t since)
{
    if (!client->group)
        return client->idle != MQTT_NO_TIME && client->idle >= since;
    for (const struct subscription *at = client->subscriptions; at != NULL; at = at->next)
        if (at->member->idle == MQTT_NO_TIME || at->member->idle < since)
            return false;
    return client->subscriptions != NULL;
}

/* Served with newer messages for a whole window, and not with this. */
static bool window_passed(const struct audit_deliveries *d, const struct client *client,
                          const struct expectation *e)
{
    const struct publication *publication = e->publication;
    const int64_t from = MAX(publication->accepted_time, client->entered.time);
    return was_idle(client, from) && mqtt_elapsed(d->time, from) >= WINDOW &&
           client->newest > publication->number && client->newest_time != MQTT_NO_TIME &&
           client->newest_time >= from && mqtt_elapsed(client->newest_time, from) >= WINDOW;
}

/* Of messages that are alike, another one may be what overtook it: time will tell, if there is any.
 */
static bool is_certain(const struct expectation *e)
{
    return e->notes->overtaken_surely && row_likeness(e->row, e->fingerprint, false) == NULL;
}

void judge_doomed(struct audit_deliveries *d, struct client *client, bool all)
{
    struct expectation *next;
    for (struct expectation *e = client->doomed; e != NULL; e = next) {
        const bool passed = mqtt_elapsed(d->time, e->notes->overtaken_time) >= WINDOW;
        next = e->client_next;
        if (!passed && !all)
            return; /* the others were overtaken later */
        if (passed || is_certain(e))
            lose(d, e);
    }
}

void judge_client(struct audit_deliveries *d, struct client *client)
{
    judge_doomed(d, client, false);
    while (client->extra != NULL &&
           mqtt_elapsed(d->time, client->extra->notes->first_time) >= WINDOW)
        excuse(d, client->extra, AUDIT_EXCUSE_FORGOTTEN);
    struct expectation *next, *e = client->first;
    for (unsigned i = 0; i < LOOKED_AT && e != NULL; e = next, i++) {
        next = e->client_next;
        if (e->publication->state == PUBLICATION_OPEN)
            continue; /* its publisher may take its time (QoS 2: until PUBREL) */
        if (!window_passed(d, client, e))
            break;
        lose(d, e);
    }
}

void overtake(const struct delivery *of, struct row *row, const struct publication *publication)
{
    struct expectation *next, *e = row->first;
    for (unsigned i = 0; i < LOOKED_AT && e != NULL && e->publication->number < publication->number;
         e = next, i++) {
        next = e->row_next;
        if (!e->owed || overtaken_in(e) != 0 ||
            e->publication->publisher_number != publication->publisher_number ||
            e->publication->qos != publication->qos || e->qos != of->packet->publish.qos ||
            e->publication->state != PUBLICATION_ACCEPTED)
            continue; /* with another QoS than the one that it will be sent with, it has its own
                         queue */
        struct notes *notes = expectation_notes(of->d, e);
        notes->overtaken = of->place->frame;
        notes->overtaken_time = of->place->time;
        notes->overtaken_link = of->link->number;
        notes->overtaken_surely = of->certain;
        note_replacement(of->d, e, true);
        expectation_list(e, LIST_DOOMED);
    }
}

/* ---- Never served ---- */

static bool is_never_served(const struct audit_deliveries *d, const struct subscription *each)
{
    const struct client *client = each->client;
    if (each->told || each->served != 0 || each->matched < NEVER || each->unsure ||
        each->member != NULL || each->state == SUBSCRIPTION_ASKED || is_dollar(each->filter) ||
        (client->anonymous && client->session_frame == 0))
        return false;
    if (client->hole != MQTT_NO_TIME && client->hole >= each->granted.time)
        return false;
    if (client->blocked != MQTT_NO_TIME && client->blocked >= each->granted.time)
        return false;
    /* It does not acknowledge what it gets: nothing else is sent. */
    if (client->link != NULL && client_is_waiting(client) &&
        (client->idle == MQTT_NO_TIME || client->idle < each->third))
        return false;
    const bool gone = each->state != SUBSCRIPTION_SURE;
    return mqtt_elapsed(gone ? each->gone.time : d->time, each->third) >= WINDOW ||
           (!gone && client->served != MQTT_NO_TIME &&
            mqtt_elapsed(client->served, each->third) > GRACE);
}

void judge_subscriptions(struct audit_deliveries *d, struct client *client)
{
    for (struct subscription *at = client->subscriptions; at != NULL; at = at->next) {
        if (!is_never_served(d, at))
            continue;
        const struct mqtt_finding finding = {
            .rule = MQTT_RULE_SUBSCRIPTION_NEVER_SERVED,
            .version = client->version,
            .sender = MQTT_SENDER_SERVER,
            .packet_type = MQTT_SUBACK,
            .side = client->server_side,
            .field = MQTT_FIELDS,
            .time = at->first.time,
            .frame = at->first.frame,
            .values = {at->first.frame, at->matched},
        };
        at->told = true;
        tell_finding(d, client, at->filter, &finding);
    }
}

/* ---- The end ---- */

void give_up_client(struct audit_deliveries *d, struct client *client, unsigned why)
{
    judge_doomed(d, client, true);
    for (struct row *row = client->rows; row != NULL; row = row->next)
        while (row->first != NULL) {
            const uint64_t before = row->counts.excused[AUDIT_EXCUSE_OFFLINE];
            excuse(d, row->first, why);
            row->counts.gone += row->counts.excused[AUDIT_EXCUSE_OFFLINE] - before;
        }
}

/* The capture ended first, as a rule. */
static void end_expectation(struct audit_deliveries *d, struct expectation *e)
{
    if (flagged_in(e) != 0 && e->owed) {
        lose(d, e);
        return;
    }
    unsigned why = e->owed ? excuse_of(d, e) : (unsigned)AUDIT_EXCUSES;
    if (why == AUDIT_EXCUSES && e->row->client->link == NULL && !e->row->client->group)
        why = AUDIT_EXCUSE_OFFLINE;
    if (why == AUDIT_EXCUSES && e->qos == 0 &&
        mqtt_elapsed(d->time, e->publication->time) >= WINDOW)
        why = AUDIT_EXCUSE_FORGOTTEN; /* at most once */
    excuse(d, e, why);
}

void end_client(struct audit_deliveries *d, struct client *client)
{
    judge_subscriptions(d, client);
    judge_client(d, client);
    judge_doomed(d, client, true);
    for (struct row *row = client->rows; row != NULL; row = row->next)
        while (row->first != NULL)
            end_expectation(d, row->first);
}

void judge_at_end(struct audit_deliveries *d)
{
    for (struct client *client = d->all_clients; client != NULL; client = client->next)
        end_client(d, client);
    tell_held(d);
}
