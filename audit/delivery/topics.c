/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Topics, the sessions that match them, and what becomes of the messages of one at the other. */
#include "audit/delivery/world.h"

#include <string.h>

/* Subscriptions that match one topic: more, and it is not followed. */
#define MAX_MATCHES 16384u

/* So many topics in a row that are matched in vain, with the same subscriptions, and new ones are
 * not even tried. */
#define MAX_CUT 16u

/* Topics that are remembered although nothing of theirs is under way. */
#define MAX_TOPICS 50000u

/* ---- Rows ---- */

static uint64_t row_hash(const struct audit_deliveries *d, const struct topic *topic,
                         const struct client *client)
{
    const uint64_t mixed = (uint64_t)(uintptr_t)topic * UINT64_C(0x9e3779b97f4a7c15) ^
                           client->number * UINT64_C(0xc2b2ae3d27d4eb4f) ^ d->options.seed;
    return mixed ^ mixed >> 29;
}

struct row *row_of(struct audit_deliveries *d, struct topic *topic, struct client *client,
                   bool make)
{
    const uint64_t hash = row_hash(d, topic, client);
    for (struct knot *at = knots_find(&d->rows, hash); at != NULL;
         at = knots_next(at->next, hash)) {
        struct row *row = (struct row *)at;
        if (row->topic == topic && row->client == client)
            return row;
    }
    if (!make || d->used > d->options.memory)
        return NULL;
    struct row *row = g_new0(struct row, 1);
    row->topic = topic;
    row->client = client;
    row->retained_time = row->last_time = MQTT_NO_TIME;
    knots_add(&d->rows, &row->knot, hash);
    row->next = client->rows;
    if (row->next != NULL)
        row->next->previous = row;
    client->rows = row;
    row->topic_next = topic->rows;
    if (row->topic_next != NULL)
        row->topic_next->topic_previous = row;
    topic->rows = row;
    d->used += sizeof *row;
    return row;
}

struct likeness *row_likeness(struct row *row, uint64_t fingerprint, bool make)
{
    for (unsigned i = 0; i < LIKENESSES; i++)
        if (row->likenesses[i].used && row->likenesses[i].fingerprint == fingerprint)
            return &row->likenesses[i];
    if (!make)
        return NULL;
    struct likeness *likeness = &row->likenesses[row->likeness_next++ % LIKENESSES];
    *likeness = (struct likeness){.fingerprint = fingerprint, .used = true};
    return likeness;
}

void row_flush_times(struct row *row)
{
    if (row->recent_count != 0 && row->times == NULL)
        row->times = g_new0(struct audit_histogram, 1);
    for (uint32_t i = 0; i < row->recent_count; i++)
        audit_histogram_add(row->times, row->recent[i]);
    row->recent_count = 0;
}

void row_add_time(struct row *row, uint64_t microseconds)
{
    if (row->recent_count == RECENT_TIMES || microseconds > UINT32_MAX)
        row_flush_times(row);
    if (microseconds <= UINT32_MAX) {
        row->recent[row->recent_count++] = (uint32_t)microseconds;
        return;
    }
    if (row->times == NULL)
        row->times = g_new0(struct audit_histogram, 1);
    audit_histogram_add(row->times, microseconds);
}

void row_count_anew(struct row *row)
{
    const struct audit_delivery_counts *counts = &row->counts;
    uint64_t settled = counts->delivered + counts->lost + counts->dropped_qos_0 + counts->pending;
    for (unsigned i = 0; i < AUDIT_EXCUSES; i++)
        settled += counts->excused[i];
    const uint64_t due = counts->expected - MIN(settled, counts->expected);
    row->counts = (struct audit_delivery_counts){.expected = due};
    row->recent_count = 0;
    if (row->times != NULL) {
        audit_histogram_clear(row->times);
        g_clear_pointer(&row->times, g_free);
    }
}

/* What was counted, to whoever adds it up. */
static void hand_over(struct audit_deliveries *d, const struct row *row)
{
    const struct client *client = row->client;
    struct audit_endpoint server;
    if (row->counts.expected == 0 && row->counts.unknown == 0 && row->counts.twice == 0 &&
        row->counts.retained == 0 && row->counts.delivered == 0)
        return;
    audit_endpoint_text(&server, &client->broker->endpoint);
    const struct audit_delivery_row told = {
        .topic = row->topic->name,
        .client_identifier = client->identifier,
        .group = client->group,
        .server = &server,
        .publishers = row->publisher_count,
        .counts = row->counts,
        .times = row->times,
    };
    d->options.counted(d->options.user, &told);
}

void row_free(struct audit_deliveries *d, struct row *row)
{
    while (row->first != NULL)
        excuse(d, row->first, AUDIT_EXCUSE_FORGOTTEN);
    row_flush_times(row);
    hand_over(d, row);
    knots_remove(&d->rows, &row->knot);
    if (row->previous != NULL)
        row->previous->next = row->next;
    else
        row->client->rows = row->next;
    if (row->next != NULL)
        row->next->previous = row->previous;
    if (row->topic_previous != NULL)
        row->topic_previous->topic_next = row->topic_next;
    else
        row->topic->rows = row->topic_next;
    if (row->topic_next != NULL)
        row->topic_next->topic_previous = row->topic_previous;
    row->topic->generation = 0; /* its matches point here */
    if (row->times != NULL) {
        audit_histogram_clear(row->times);
        g_free(row->times);
    }
    d->used -= sizeof *row;
    g_free(row);
}

/* ---- Topics ---- */

static void unlink_topic(struct audit_deliveries *d, struct topic *topic)
{
    if (topic->older != NULL)
        topic->older->newer = topic->newer;
    else
        d->oldest_topic = topic->newer;
    if (topic->newer != NULL)
        topic->newer->older = topic->older;
    else
        d->newest_topic = topic->older;
}

static void append_topic(struct audit_deliveries *d, struct topic *topic)
{
    topic->newer = NULL;
    topic->older = d->newest_topic;
    if (topic->older != NULL)
        topic->older->newer = topic;
    else
        d->oldest_topic = topic;
    d->newest_topic = topic;
}

static void topic_free(struct audit_deliveries *d, struct topic *topic)
{
    while (topic->rows != NULL)
        row_free(d, topic->rows);
    if (topic->kept_count != 0)
        topic->broker->kept--;
    unlink_topic(d, topic);
    knots_remove(&d->topics, &topic->knot);
    d->used -= sizeof *topic + topic->name.length + topic->match_capacity * sizeof *topic->matches +
               topic->subscription_capacity * sizeof(struct subscription *);
    g_free(topic->matches);
    g_free(topic->subscriptions);
    g_free(topic);
}

/* Forgets topics of which nothing is under way, those that were not used for the longest first; a
 * few at a time. */
static void make_room(struct audit_deliveries *d)
{
    struct topic *at = d->oldest_topic;
    for (unsigned looked = 0; at != NULL && looked < 16; looked++) {
        struct topic *topic = at;
        at = at->newer;
        if (topic->uses == 0) {
            topic_free(d, topic);
        } else {
            unlink_topic(d, topic);
            append_topic(d, topic);
        }
    }
}

struct topic *topic_of(struct audit_deliveries *d, struct broker *broker, struct mqtt_slice name,
                       bool make)
{
    const uint64_t hash = hash_of(d, broker->number, name);
    for (struct knot *at = knots_find(&d->topics, hash); at != NULL;
         at = knots_next(at->next, hash)) {
        struct topic *topic = (struct topic *)at;
        if (topic->broker == broker && topic->name.length == name.length &&
            memcmp(topic->name.data, name.data, name.length) == 0) {
            if (topic->newer != NULL && d->topics.count > MAX_TOPICS / 2) {
                unlink_topic(d, topic);
                append_topic(d, topic);
            }
            return topic;
        }
    }
    if (!make)
        return NULL;
    if (d->topics.count >= MAX_TOPICS || d->used > d->options.memory)
        make_room(d);
    if (d->topics.count >= 2 * MAX_TOPICS || d->used > d->options.memory)
        return NULL;
    struct topic *topic = g_malloc0(sizeof *topic + name.length);
    memcpy(topic + 1, name.data, name.length);
    topic->name = (struct mqtt_slice){(const uint8_t *)(topic + 1), name.length};
    topic->broker = broker;
    topic->kept_doubt = MQTT_NO_TIME;
    knots_add(&d->topics, &topic->knot, hash);
    append_topic(d, topic);
    d->used += sizeof *topic + name.length;
    return topic;
}

void topics_free(struct audit_deliveries *d)
{
    while (d->oldest_topic != NULL)
        topic_free(d, d->oldest_topic);
}

/* ---- Who matches ---- */

static bool gather(void *user, struct subscription *subscription)
{
    struct topic *topic = user;
    if (topic->subscription_count == MAX_MATCHES)
        return false;
    if (topic->subscription_count == topic->subscription_capacity) {
        topic->subscription_capacity =
            topic->subscription_capacity == 0 ? 2 : 2 * topic->subscription_capacity;
        topic->subscriptions =
            g_renew(struct subscription *, topic->subscriptions, topic->subscription_capacity);
    }
    topic->subscriptions[topic->subscription_count++] = subscription;
    return true;
}

static int by_client(const void *a, const void *b)
{
    const struct subscription *x = *(struct subscription *const *)a,
                              *y = *(struct subscription *const *)b;
    const uint64_t m = x->client->number, n = y->client->number;
    if (m != n)
        return (m > n) - (m < n);
    return (x->asked.frame > y->asked.frame) - (x->asked.frame < y->asked.frame);
}

static void add_to_match(struct match *match, const struct subscription *subscription)
{
    switch (subscription->state) {
    case SUBSCRIPTION_GONE: return;
    case SUBSCRIPTION_SURE:
        if (!subscription->unsure) {
            if (match->sure != UINT8_MAX)
                match->sure++;
            match->qos = MAX(match->qos, subscription->qos);
            match->qos_low = MIN(match->qos_low, subscription->qos);
            match->qos_high = MAX(match->qos_high, subscription->qos);
            match->local |= subscription->no_local;
            return;
        }
        break;
    default: break;
    }
    if (match->maybe != UINT8_MAX)
        match->maybe++;
    match->qos_low = 0;
    match->qos_high = 2;
    match->local |= subscription->no_local || (subscription->asked_options & 4) != 0;
}

static struct match *next_match(struct topic *topic)
{
    if (topic->match_count == topic->match_capacity) {
        topic->match_capacity = topic->match_capacity == 0 ? 1 : 2 * topic->match_capacity;
        topic->matches = g_renew(struct match, topic->matches, topic->match_capacity);
    }
    return &topic->matches[topic->match_count++];
}

void topic_match(struct audit_deliveries *d, struct topic *topic)
{
    if (topic->generation == topic->broker->generation)
        return;
    const uint32_t matches = topic->match_capacity, subscriptions = topic->subscription_capacity;
    topic->generation = topic->broker->generation;
    topic->match_count = topic->subscription_count = 0;
    struct broker *broker = topic->broker;
    if (broker->cut_generation != broker->generation) {
        broker->cut_generation = broker->generation;
        broker->cut = 0;
    }
    topic->unfollowed =
        broker->cut == MAX_CUT || !filters_match(d, broker, topic->name, gather, topic);
    broker->cut += topic->unfollowed && broker->cut < MAX_CUT;
    if (topic->unfollowed)
        topic->subscription_count = 0;
    if (topic->subscription_count > 1)
        qsort(topic->subscriptions, topic->subscription_count, sizeof(struct subscription *),
              by_client);
    struct match *match = NULL;
    for (uint32_t i = 0; i < topic->subscription_count; i++) {
        struct client *client = topic->subscriptions[i]->client;
        if (match == NULL || match->client != client) {
            match = next_match(topic);
            *match = (struct match){.client = client, .from = i, .qos_low = 2};
        }
        match->count++;
        add_to_match(match, topic->subscriptions[i]);
    }
    for (uint32_t i = 0; i < topic->match_count; i++) {
        struct match *each = &topic->matches[i];
        each->row = row_of(d, topic, each->client, each->sure + each->maybe > 0);
    }
    d->used += (topic->match_capacity - matches) * sizeof *topic->matches +
               (topic->subscription_capacity - subscriptions) * sizeof(struct subscription *);
}

/* They are in the order of their clients' numbers. */
const struct match *topic_match_of(const struct topic *topic, const struct client *client)
{
    uint32_t low = 0, high = topic->match_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (topic->matches[middle].client->number < client->number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < topic->match_count && topic->matches[low].client == client ? &topic->matches[low]
                                                                            : NULL;
}
