/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Publications, oldest first, and who is to get each: kept until all of it is settled, and behind
 * that as long as there is room, because a second copy may come.
 */
#include "audit/delivery/world.h"

#include <string.h>

/* Expectations that are remembered at a time, of all publications. */
#define MAX_EXPECTATIONS 262144u

/* Publications that are remembered although nobody is to get them any more: a second copy, as a
 * rule, comes soon. */
#define MAX_RECENT 2048u

/* ---- Expectations ---- */

/* So many are looked at from each end of a row. */
#define LOOKED_AT 64u

unsigned expectations_like(const struct audit_deliveries *d, const struct row *row,
                           uint64_t fingerprint, struct expectation **found, unsigned most)
{
    unsigned count = 0, looked = 0;
    struct expectation *at = row->first;
    for (; at != NULL && looked < LOOKED_AT && count < most; at = at->row_next, looked++)
        if (at->fingerprint == fingerprint)
            found[count++] = at;
    if (at == NULL || count == most)
        return count;
    /* Messages of QoS 0 go by those that wait. */
    const unsigned rest = MIN(row->count - looked, LOOKED_AT);
    at = row->last;
    for (unsigned i = 0; i < rest && count < most; i++, at = at->row_previous)
        if (at->fingerprint == fingerprint)
            found[count++] = at;
    if (count == 0 && row->count > 2 * LOOKED_AT)
        row->client->hole = d->time; /* it may be one of those between */
    return count;
}

static struct expectation **list_ends(struct expectation *expectation, enum expectation_list list,
                                      struct expectation ***last)
{
    struct client *client = expectation->row->client;
    switch (list) {
    case LIST_DOOMED: *last = &client->doomed_last; return &client->doomed;
    case LIST_EXTRA: *last = &client->extra_last; return &client->extra;
    default: *last = &client->last; return &client->first;
    }
}

void expectation_list(struct expectation *e, enum expectation_list list)
{
    struct expectation **first, **last;
    struct client *client = e->row->client;
    client->owed -= e->list == LIST_CLIENT;
    client->owed += list == LIST_CLIENT;
    if (e->list != LIST_NONE) {
        first = list_ends(e, (enum expectation_list)e->list, &last);
        if (e->client_previous != NULL)
            e->client_previous->client_next = e->client_next;
        else
            *first = e->client_next;
        if (e->client_next != NULL)
            e->client_next->client_previous = e->client_previous;
        else
            *last = e->client_previous;
    }
    e->list = (uint8_t)list;
    if (list == LIST_NONE)
        return;
    first = list_ends(e, list, &last);
    e->client_next = NULL;
    e->client_previous = *last;
    if (*last != NULL)
        (*last)->client_next = e;
    else
        *first = e;
    *last = e;
}

static void join_row(struct expectation *e)
{
    struct row *row = e->row;
    e->row_previous = row->last;
    if (row->last != NULL)
        row->last->row_next = e;
    else
        row->first = e;
    row->last = e;
    row->count++;
}

static void leave_row(struct expectation *e)
{
    struct row *row = e->row;
    if (e->row_previous != NULL)
        e->row_previous->row_next = e->row_next;
    else
        row->first = e->row_next;
    if (e->row_next != NULL)
        e->row_next->row_previous = e->row_previous;
    else
        row->last = e->row_previous;
    row->count--;
}

static void leave_publication(struct expectation *e)
{
    if (e->pub_previous != NULL)
        e->pub_previous->pub_next = e->pub_next;
    else
        e->publication->expectations = e->pub_next;
    if (e->pub_next != NULL)
        e->pub_next->pub_previous = e->pub_previous;
}

void expectation_free(struct audit_deliveries *d, struct expectation *e)
{
    if (!e->served)
        row_likeness(e->row, e->fingerprint, true)->deficit++;
    expectation_list(e, LIST_NONE);
    leave_row(e);
    leave_publication(e);
    d->expectation_count--;
    d->used -= sizeof *e;
    if (e->notes != NULL) {
        d->used -= sizeof *e->notes;
        g_free(e->notes);
    }
    pool_give(&d->expectation_pool, e);
}

struct notes *expectation_notes(struct audit_deliveries *d, struct expectation *e)
{
    if (e->notes == NULL) {
        e->notes = g_new0(struct notes, 1);
        d->used += sizeof *e->notes;
    }
    return e->notes;
}

static struct expectation *expectation_new(struct audit_deliveries *d, struct row *row,
                                           struct publication *publication)
{
    struct expectation *e = pool_take(&d->expectation_pool, sizeof *e);
    *e = (struct expectation){
        .row = row, .publication = publication, .fingerprint = publication->fingerprint};
    e->pub_next = publication->expectations;
    if (e->pub_next != NULL)
        e->pub_next->pub_previous = e;
    publication->expectations = e;
    join_row(e);
    d->expectation_count++;
    d->used += sizeof *e;
    return e;
}

/* ---- Who is to get it ---- */

/* What a match owes to one publication. */
struct due {
    unsigned sure, maybe;
    uint8_t qos, low, high;
};

/* Some of a client's subscriptions do not count for its own publications (No Local), or were
 * renewed with other options a moment ago. */
static struct due due_of(const struct topic *topic, const struct match *match,
                         const struct publication *publication)
{
    struct due due = {match->sure, match->maybe, match->qos, match->qos_low, match->qos_high};
    if (!match->local)
        return due;
    if (match->client->number != publication->publisher_number && !match->client->group)
        return due;
    due = (struct due){.low = 2};
    for (uint32_t i = match->from; i < match->from + match->count; i++) {
        const struct subscription *each = topic->subscriptions[i];
        if (each->state == SUBSCRIPTION_GONE)
            continue;
        if (each->state != SUBSCRIPTION_SURE || each->unsure || each->mixed) {
            due.maybe++;
            due.low = 0;
            due.high = 2;
        } else if (!each->no_local || match->client->group) {
            due.sure++;
            due.qos = MAX(due.qos, each->qos);
            due.low = MIN(due.low, each->qos);
            due.high = MAX(due.high, each->qos);
        }
    }
    return due;
}

bool client_is_full(const struct client *client)
{
    if (client->link == NULL)
        return false;
    const struct mqtt_connection *c = client->link->connection;
    const struct mqtt_side_state *server = &c->sides[1 - c->client];
    const uint32_t maximum = c->sides[c->client].receive_maximum;
    const uint32_t limit =
        c->version == MQTT_VERSION_5_0 ? MIN(maximum, INFERRED_WINDOW) : INFERRED_WINDOW;
    return server->outstanding >= limit;
}

/* Whether it may be more than the client takes; a server adds properties of its own. */
bool client_is_waiting(const struct client *client)
{
    const struct mqtt_connection *c = client->link->connection;
    return c->sides[1 - c->client].outstanding > 0;
}

bool client_is_small(const struct client *client, const struct publication *publication)
{
    if (client->link == NULL)
        return false;
    const struct mqtt_connection *c = client->link->connection;
    const uint32_t maximum = c->sides[c->client].maximum_packet_size;
    return maximum != 0 && publication->size + 64u > maximum;
}

/* A bridge does not get back what it brought, whatever its version says of that. */
static bool is_bridges_own(const struct client *client, const struct publication *publication)
{
    return client->number == publication->publisher_number && client->link != NULL &&
           client->link->connection->bridge;
}

static void expect_at(struct audit_deliveries *d, const struct topic *topic,
                      const struct match *match, struct publication *publication)
{
    struct client *client = match->client;
    const struct due due = due_of(topic, match, publication);
    if (match->row == NULL || due.sure + due.maybe == 0)
        return;
    if (d->expectation_count >= MAX_EXPECTATIONS) {
        d->options.limit(d->options.user, AUDIT_LIMIT_DELIVERY_PUBLICATIONS, 1);
        return;
    }
    struct expectation *e = expectation_new(d, match->row, publication);
    e->owed = due.sure > 0 && !publication->doubtful && !is_bridges_own(client, publication);
    e->copies = client->group ? 1 : (uint8_t)MIN(due.sure + due.maybe, UINT8_MAX);
    e->qos = MIN(due.qos, publication->qos);
    e->qos_low = MIN(due.low, publication->qos);
    e->qos_high = MIN(due.high, publication->qos);
    e->entries = client->entries;
    e->queued = !client->group && client->link == NULL;
    if (e->queued && e->qos == 0)
        e->owed = false; /* few servers keep those */
    if (is_dollar(topic->name))
        e->owed = false; /* a server may keep them for itself (4.7.2) */
    if (!e->owed)
        return;
    match->row->counts.expected++;
    e->blocked = client_is_full(client);
    e->crowded = client->owed >= QUEUE_LIMIT;
    e->large = client_is_small(client, publication);
    client->queued += e->queued && e->qos > 0;
    if (e->qos > 0)
        expectation_list(e, LIST_CLIENT);
}

/* The row has seen another publisher of its topic. */
static void note_publisher(struct row *row, uint64_t number)
{
    for (uint32_t i = 0; i < MIN(row->publisher_count, G_N_ELEMENTS(row->publishers)); i++)
        if (row->publishers[i] == number)
            return;
    if (row->publisher_count < G_N_ELEMENTS(row->publishers))
        row->publishers[row->publisher_count++] = number;
}

void publication_expect(struct audit_deliveries *d, struct publication *publication)
{
    struct topic *topic = publication->topic;
    topic_match(d, topic);
    if (topic->unfollowed)
        d->options.limit(d->options.user, AUDIT_LIMIT_DELIVERY_TOPICS, 1);
    for (uint32_t i = 0; i < topic->match_count; i++) {
        expect_at(d, topic, &topic->matches[i], publication);
        if (topic->matches[i].row != NULL)
            note_publisher(topic->matches[i].row, publication->publisher_number);
    }
}

/* ---- Publications ---- */

static uint64_t publication_hash(const struct topic *topic, uint64_t fingerprint)
{
    const uint64_t mixed = (uint64_t)(uintptr_t)topic * UINT64_C(0xc2b2ae3d27d4eb4f) ^ fingerprint;
    return mixed ^ mixed >> 30;
}

struct publication *publication_find(const struct audit_deliveries *d, const struct topic *topic,
                                     uint64_t fingerprint, const struct publication *after)
{
    const uint64_t hash = publication_hash(topic, fingerprint);
    struct knot *at =
        after == NULL ? knots_find(&d->publications, hash) : knots_next(after->knot.next, hash);
    for (; at != NULL; at = knots_next(at->next, hash)) {
        struct publication *publication = (struct publication *)at;
        if (publication->topic == topic && publication->fingerprint == fingerprint)
            return publication;
    }
    return NULL;
}

static struct publication *take_oldest(struct publications *list)
{
    struct publication *oldest = list->oldest;
    list->oldest = oldest->newer;
    if (list->oldest == NULL)
        list->newest = NULL;
    list->count--;
    return oldest;
}

static void append(struct publications *list, struct publication *publication)
{
    publication->newer = NULL;
    if (list->newest != NULL)
        list->newest->newer = publication;
    else
        list->oldest = publication;
    list->newest = publication;
    list->count++;
}

struct publication *publication_add(struct audit_deliveries *d, struct topic *topic,
                                    uint64_t fingerprint)
{
    struct publication *publication = pool_take(&d->publication_pool, sizeof *publication);
    *publication = (struct publication){
        .topic = topic,
        .number = ++d->publication_numbers,
        .frame = d->frame,
        .time = d->time,
        .accepted_time = MQTT_NO_TIME,
        .fingerprint = fingerprint,
    };
    topic->uses++;
    append(&d->recent, publication);
    struct publication *like = publication_find(d, topic, fingerprint, NULL);
    if (like != NULL)
        like->alike = publication->alike = true;
    knots_add(&d->publications, &publication->knot, publication_hash(topic, fingerprint));
    d->used += sizeof *publication;
    return publication;
}

struct cargo *publication_cargo(struct audit_deliveries *d, struct publication *publication)
{
    if (publication->cargo == NULL) {
        publication->cargo = g_new0(struct cargo, 1);
        d->used += sizeof *publication->cargo;
    }
    return publication->cargo;
}

static void cargo_free(struct audit_deliveries *d, struct cargo *cargo)
{
    if (cargo == NULL)
        return;
    if (cargo->will != NULL)
        will_unpublished(d, cargo->will);
    d->used -= sizeof *cargo + cargo->block.length;
    g_free((gpointer)(uintptr_t)cargo->block.data);
    g_free(cargo);
}

/* ---- Those that await PUBACK or PUBREC, by packet identifier ---- */

static struct publication **open_chain(const struct client *publisher, uint16_t identifier)
{
    return &publisher->open[identifier & (publisher->open_size - 1)];
}

static void open_grow(struct audit_deliveries *d, struct client *publisher)
{
    struct publication **before = publisher->open;
    const uint32_t size = publisher->open_size;
    publisher->open_size = size == 0 ? 4 : 2 * size;
    publisher->open = g_new0(struct publication *, publisher->open_size);
    d->used += (publisher->open_size - size) * sizeof *publisher->open;
    for (uint32_t i = 0; i < size; i++) {
        struct publication *next;
        for (struct publication *at = before[i]; at != NULL; at = next) {
            next = at->next_open;
            struct publication **chain = open_chain(publisher, at->packet_identifier);
            at->next_open = *chain;
            *chain = at;
        }
    }
    g_free(before);
}

static void open_remove(struct client *publisher, struct publication *publication)
{
    struct publication **at = open_chain(publisher, publication->packet_identifier);
    while (*at != publication)
        at = &(*at)->next_open;
    *at = publication->next_open;
    publication->open_listed = false;
    publication->publisher = NULL;
    publisher->open_count--;
}

void publication_opened(struct audit_deliveries *d, struct client *publisher,
                        struct publication *publication)
{
    struct publication *before = publication_open(publisher, publication->packet_identifier);
    if (before != NULL)
        open_remove(publisher, before); /* its answer will not be told from the new one's */
    if (publisher->open_count >= publisher->open_size && publisher->open_size <= UINT16_MAX)
        open_grow(d, publisher);
    struct publication **chain = open_chain(publisher, publication->packet_identifier);
    publication->next_open = *chain;
    *chain = publication;
    publication->publisher = publisher;
    publication->open_listed = true;
    publisher->open_count++;
}

struct publication *publication_open(const struct client *publisher, uint16_t identifier)
{
    if (publisher->open_size == 0)
        return NULL;
    struct publication *at = *open_chain(publisher, identifier);
    while (at != NULL && at->packet_identifier != identifier)
        at = at->next_open;
    return at;
}

/* A publication that was accepted counts for each subscription that was sure of it. */
static void count_matched(struct audit_deliveries *d, struct publication *publication)
{
    struct topic *topic = publication->topic;
    topic_match(d, topic);
    for (uint32_t i = 0; i < topic->subscription_count; i++) {
        struct subscription *each = topic->subscriptions[i];
        if (each->state != SUBSCRIPTION_SURE || each->unsure || each->served != 0 ||
            each->since >= publication->number || each->member != NULL ||
            each->client->link == NULL || is_bridges_own(each->client, publication) ||
            (each->no_local && each->client->number == publication->publisher_number))
            continue;
        if (++each->matched == 3)
            each->third = d->time;
    }
}

void publication_accepted(struct audit_deliveries *d, struct publication *publication)
{
    publication->state = PUBLICATION_ACCEPTED;
    publication->accepted_time = d->time;
    if (publication->retain)
        retained_accepted(d, publication);
    if (publication->expectations != NULL)
        count_matched(d, publication);
}

static void publication_refused(struct audit_deliveries *d, struct publication *publication)
{
    publication->state = PUBLICATION_REFUSED;
    if (publication->retain)
        retained_refused(d, publication);
}

void publication_answered(struct audit_deliveries *d, struct client *publisher, uint16_t identifier,
                          uint8_t reason_code)
{
    struct publication *publication = publication_open(publisher, identifier);
    if (publication == NULL)
        return;
    if (reason_code < 0x80 && publication->qos == 2)
        return; /* a server may wait for PUBREL (4.3.3) */
    open_remove(publisher, publication);
    if (reason_code < 0x80)
        publication_accepted(d, publication);
    else
        publication_refused(d, publication);
}

void publication_released(struct audit_deliveries *d, struct client *publisher, uint16_t identifier)
{
    struct publication *publication = publication_open(publisher, identifier);
    if (publication == NULL || publication->qos != 2)
        return;
    open_remove(publisher, publication);
    publication_accepted(d, publication);
}

/* ---- Forgetting ---- */

static void forget(struct audit_deliveries *d, struct publication *publication)
{
    while (publication->expectations != NULL) {
        if (publication->expectations->owed)
            d->options.limit(d->options.user, AUDIT_LIMIT_DELIVERY_PUBLICATIONS, 1);
        excuse(d, publication->expectations, AUDIT_EXCUSE_FORGOTTEN);
    }
    if (publication->open_listed)
        open_remove(publication->publisher, publication);
    cargo_free(d, publication->cargo);
    knots_remove(&d->publications, &publication->knot);
    publication->topic->uses--;
    d->used -= sizeof *publication;
    pool_give(&d->publication_pool, publication);
}

static bool is_old(const struct audit_deliveries *d, const struct publications *list)
{
    return mqtt_elapsed(d->time, list->oldest->time) > MAX_AGE || d->used > d->options.memory;
}

void publications_age(struct audit_deliveries *d)
{
    struct publications *recent = &d->recent, *waiting = &d->waiting;
    while (recent->oldest != NULL && (recent->count > MAX_RECENT || is_old(d, recent))) {
        struct publication *oldest = take_oldest(recent);
        if (oldest->expectations == NULL || waiting->count >= d->options.publications)
            forget(d, oldest);
        else
            append(waiting, oldest);
    }
    while (waiting->oldest != NULL && (waiting->oldest->expectations == NULL || is_old(d, waiting)))
        forget(d, take_oldest(waiting));
}

void publications_disown(struct client *publisher)
{
    for (uint32_t i = 0; i < publisher->open_size; i++)
        for (struct publication *at = publisher->open[i]; at != NULL; at = at->next_open) {
            at->open_listed = false;
            at->publisher = NULL;
        }
}

void publications_free(struct audit_deliveries *d)
{
    while (d->recent.oldest != NULL)
        forget(d, take_oldest(&d->recent));
    while (d->waiting.oldest != NULL)
        forget(d, take_oldest(&d->waiting));
    pool_clear(&d->publication_pool);
    pool_clear(&d->expectation_pool);
}
