/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wills: named by CONNECT, cancelled by DISCONNECT, published by the server when the connection
 * ends without one (3.1.2.5; 5.0: also 3.1.3.2.2, the delay).
 *
 * A server may end a connection in its mind before the capture shows it. So a will that comes while
 * its connection seems to live is taken for published there and then, and owed to nobody.
 */
#include "audit/delivery/world.h"

/* Wills that are over and remembered: what comes in spite of that is known by them. */
#define MAX_PAST 4096u

/* Wills that wait for their delay: each packet looks through them. */
#define MAX_WAITING 1024u

/* A connection's end, as the server sees it and as the capture does, are so far apart at the most.
 */
#define SLACK MQTT_SECOND

static struct mqtt_slice copy_of(struct mqtt_slice slice)
{
    return (struct mqtt_slice){slice.length != 0 ? g_memdup2(slice.data, slice.length) : NULL,
                               slice.length};
}

void will_named(struct audit_deliveries *d, struct audit_delivery_link *link,
                const struct mqtt_place *place, const struct mqtt_packet *packet)
{
    const struct mqtt_connect *connect = &packet->connect;
    const struct mqtt_properties *properties = &connect->will_properties;
    if (!connect->has_will || link->will != NULL || packet->captured != packet->length ||
        connect->will_topic.length == 0 || link->broker == NULL)
        return;
    struct topic *topic = topic_of(d, link->broker, connect->will_topic, true);
    if (topic == NULL)
        return;
    struct will *will = g_new0(struct will, 1);
    will->topic = topic;
    will->broker = link->broker;
    will->stream = link->stream;
    will->identifier = copy_of(connect->client_identifier);
    will->owner = link->client != NULL ? link->client->number : 0;
    will->fingerprint = fingerprint_of(d, connect->will_payload);
    will->payload_length = connect->will_payload.length;
    will->qos = connect->will_qos;
    will->retain = connect->will_retain;
    will->properties = properties_of(d, properties);
    will->block = copy_of(properties->block);
    will->version = packet->version;
    if (mqtt_has_property(properties, MQTT_PROPERTY_WILL_DELAY_INTERVAL))
        will->delay_s = properties->will_delay_interval;
    will->expires = mqtt_has_property(properties, MQTT_PROPERTY_MESSAGE_EXPIRY_INTERVAL);
    if (will->expires)
        will->expiry_s = properties->message_expiry_interval;
    will->connect = (struct mqtt_leg){.time = place->time, .frame = place->frame};
    topic->uses++;
    d->used += sizeof *will + will->identifier.length + will->block.length;
    link->will = will;
}

static void list(struct will *will)
{
    struct topic *topic = will->topic;
    will->next = topic->wills;
    will->at = &topic->wills;
    if (will->next != NULL)
        will->next->at = &will->next;
    topic->wills = will;
    will->listed = true;
}

static void will_free(struct audit_deliveries *d, struct will *will)
{
    if (will->listed) {
        *will->at = will->next;
        if (will->next != NULL)
            will->next->at = will->at;
    }
    if (will->publication != NULL)
        will->publication->cargo->will = NULL;
    will->topic->uses--;
    d->used -= sizeof *will + will->identifier.length + will->block.length;
    g_free((gpointer)(uintptr_t)will->identifier.data);
    g_free((gpointer)(uintptr_t)will->block.data);
    g_free(will);
}

/* It is over, and remembered for a while. */
static void retire(struct audit_deliveries *d, struct will *will)
{
    if (d->last_past != NULL)
        d->last_past->newer = will;
    else
        d->past = will;
    d->last_past = will;
    d->past_count++;
    while (d->past_count > MAX_PAST || d->used > d->options.memory) {
        struct will *oldest = d->past;
        if (oldest == will)
            break;
        d->past = oldest->newer;
        d->past_count--;
        will_free(d, oldest);
    }
}

/* ---- It is published ---- */

/* `doubtful`: when exactly, nobody knows, and so nobody is owed it. */
static struct publication *publish(struct audit_deliveries *d, struct will *will, bool doubtful)
{
    struct publication *publication = publication_add(d, will->topic, will->fingerprint);
    publication->frame = will->end.frame != 0 ? will->end.frame : will->connect.frame;
    publication->qos = will->qos;
    publication->retain = will->retain;
    publication->payload_length = will->payload_length;
    publication->size = will->payload_length + will->topic->name.length + 16;
    publication->expires = will->expires;
    struct cargo *cargo = publication_cargo(d, publication);
    cargo->will = will;
    cargo->properties = will->properties;
    cargo->block = copy_of(will->block);
    cargo->expiry_s = will->expiry_s;
    d->used += cargo->block.length;
    publication->doubtful = doubtful;
    will->publication = publication;
    will->state = WILL_PUBLISHED;
    if (will->retain)
        retained_published(d, publication);
    publication_expect(d, publication);
    publication_accepted(d, publication);
    if (doubtful)
        will->topic->kept_doubt = d->time;
    return publication;
}

void will_unpublished(struct audit_deliveries *d, struct will *will)
{
    (void)d;
    will->publication = NULL;
}

/* When it has to be published, at the latest: the session's end cuts the delay short. */
static int64_t due_time(const struct will *will)
{
    const uint32_t delay =
        will->has_session_expiry ? MIN(will->delay_s, will->session_expiry_s) : will->delay_s;
    int64_t due;
    return __builtin_add_overflow(will->end.time, (int64_t)delay * MQTT_SECOND, &due) ? INT64_MAX
                                                                                      : due;
}

static void unlink_waiting(struct audit_deliveries *d, struct will *will)
{
    struct will **at = &d->wills;
    while (*at != will)
        at = &(*at)->next_due;
    *at = will->next_due;
    d->waiting_wills--;
}

void wills_due(struct audit_deliveries *d, bool all)
{
    struct will **at = &d->wills;
    while (*at != NULL) {
        struct will *will = *at;
        if (!all && due_time(will) > d->time) {
            at = &will->next_due;
            continue;
        }
        *at = will->next_due;
        d->waiting_wills--;
        if (!all)
            publish(d, will, false);
        retire(d, will);
    }
}

/* ---- What becomes of it ---- */

/* The client comes back: what waits for its delay is cancelled, or, where its session ended, is to
 * be published at once. */
static void come_back(struct audit_deliveries *d, const struct audit_delivery_link *link,
                      const struct mqtt_place *place, bool resumed)
{
    struct will *next;
    for (struct will *will = d->wills; will != NULL; will = next) {
        next = will->next_due;
        if (will->owner != link->client->number || will == link->will)
            continue;
        unlink_waiting(d, will);
        if (resumed) {
            will->state = WILL_CANCELLED;
            will->returned = (struct mqtt_leg){.time = place->time, .frame = place->frame};
        } else {
            publish(d, will, true);
        }
        retire(d, will);
    }
}

void will_returning(struct audit_deliveries *d, const struct audit_delivery_link *link)
{
    for (struct will *will = link->client != NULL ? d->wills : NULL; will != NULL;
         will = will->next_due)
        will->returning |= will->owner == link->client->number;
}

void will_accepted(struct audit_deliveries *d, struct audit_delivery_link *link,
                   const struct mqtt_place *place, bool resumed)
{
    if (link->client != NULL)
        come_back(d, link, place, resumed);
    if (link->will != NULL && !link->will->listed) {
        link->will->owner = link->client != NULL ? link->client->number : 0;
        link->will->state = WILL_ARMED;
        list(link->will);
    }
}

void will_cancelled(struct audit_deliveries *d, struct audit_delivery_link *link,
                    const struct mqtt_place *place)
{
    struct will *will = link->will;
    (void)d;
    if (will == NULL || !will->listed || will->state != WILL_ARMED)
        return;
    will->state = WILL_CANCELLED;
    will->end = (struct mqtt_leg){.time = place->time, .frame = place->frame};
}

void will_over(struct audit_deliveries *d, struct audit_delivery_link *link,
               const struct mqtt_place *place)
{
    struct will *will = link->will;
    if (will == NULL || !will->listed || will->end.frame != 0)
        return;
    will->end = (struct mqtt_leg){.time = place->time, .frame = place->frame};
    if (will->state != WILL_ARMED)
        return;
    will->state = WILL_ENDED;
    const struct mqtt_connection *c = link->connection;
    will->has_session_expiry = c->version == MQTT_VERSION_5_0 && !c->expiry_in_doubt;
    will->session_expiry_s = c->session_expiry;
    if (will->delay_s == 0 || (will->has_session_expiry && will->session_expiry_s == 0) ||
        d->waiting_wills == MAX_WAITING) {
        publish(d, will, link->doubts[c->client] != 0);
        return;
    }
    link->will = NULL;
    will->next_due = d->wills;
    d->wills = will;
    d->waiting_wills++;
}

void will_closed(struct audit_deliveries *d, struct audit_delivery_link *link)
{
    struct will *will = link->will;
    link->will = NULL;
    if (will == NULL)
        return;
    if (will->listed)
        retire(d, will);
    else
        will_free(d, will); /* its client was never accepted */
}

void wills_free(struct audit_deliveries *d)
{
    wills_due(d, true);
    while (d->past != NULL) {
        struct will *next = d->past->newer;
        will_free(d, d->past);
        d->past = next;
    }
}

/* ---- It comes ---- */

static void raise_for_owner(const struct delivery *of, const struct will *will, enum mqtt_rule rule,
                            uint64_t second)
{
    const struct mqtt_finding finding = delivery_finding(of, rule, will->connect.frame, second);
    hold_for_owner(of->d, will, &finding, of->topic->name);
}

/* A will that has no right to come. */
static void check_untimely(const struct delivery *of, const struct will *will)
{
    const int64_t now = of->place->time;
    if (of->repeated || of->packet->publish.retain || will->topic->blind)
        return;
    if (will->state == WILL_CANCELLED && will->returned.frame != 0)
        raise_for_owner(of, will, MQTT_RULE_WILL_DESPITE_RECONNECT, will->returned.frame);
    else if (will->state == WILL_CANCELLED)
        raise_for_owner(of, will, MQTT_RULE_WILL_AFTER_DISCONNECT, will->end.frame);
    else if (will->state == WILL_ENDED && !will->returning &&
             mqtt_elapsed(due_time(will), now) > SLACK)
        raise_for_owner(of, will, MQTT_RULE_WILL_BEFORE_DELAY, will->end.frame);
}

static struct will *find_will(const struct delivery *of, unsigned *count)
{
    struct will *found = NULL;
    *count = 0;
    for (struct will *at = of->topic->wills; at != NULL; at = at->next) {
        if (at->fingerprint != of->fingerprint)
            continue;
        ++*count;
        /* One that may come rather than one that may not. */
        if (found == NULL || (at->state == WILL_ARMED && found->state != WILL_ARMED))
            found = at;
    }
    return found;
}

bool will_delivered(struct delivery *of, struct audit_match *match)
{
    unsigned count;
    struct will *will = find_will(of, &count);
    const bool published = publication_find(of->d, of->topic, of->fingerprint, NULL) != NULL;
    if (will == NULL || (published && will->state != WILL_ARMED))
        return false;
    if (will->state == WILL_ENDED && mqtt_elapsed(due_time(will), of->place->time) <= SLACK) {
        unlink_waiting(of->d, will);
        retire(of->d, will);
    } else if (will->state != WILL_ARMED) {
        if (count == 1)
            check_untimely(of, will);
        return true;
    }
    if (published)
        return true; /* it may be the will, or another message like it */
    publish(of->d, will, true);
    struct row *row = row_of(of->d, of->topic, of->client, false);
    struct expectation *e;
    if (row != NULL && expectations_like(of->d, row, of->fingerprint, &e, 1) == 1)
        serve(of, e, match);
    return true;
}

void will_lost(struct audit_deliveries *d, const struct publication *publication,
               const struct mqtt_finding *finding)
{
    struct will *will = will_of(publication);
    if (will->told || publication->forwards != 0)
        return; /* it was published, and did not come here */
    will->told = true;
    hold_for_owner(d, will, finding, will->topic->name);
}
