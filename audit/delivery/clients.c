/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Brokers, their sessions, and the subscriptions of a session: when each is sure (3.8, 3.10). */
#include "audit/delivery/world.h"

#include <string.h>

#include "mqtt/wire/decode.h"
#include "mqtt/wire/topic.h"

/* Subscriptions of one session that are followed. */
#define MAX_SUBSCRIPTIONS 100000u

/* Clients that share one subscription: they are looked through one by one. */
#define MAX_MEMBERS 1000u

struct broker *delivery_broker(struct audit_deliveries *d, const struct mqtt_endpoint *server)
{
    const struct mqtt_endpoint *declared =
        d->options.brokers != NULL ? mqtt_broker_of(d->options.brokers, server) : NULL;
    const struct mqtt_endpoint *endpoint = declared != NULL ? declared : server;
    uint32_t count = 0;
    for (struct broker *at = d->brokers; at != NULL; at = at->next, count++)
        if (mqtt_endpoint_equal(&at->endpoint, endpoint))
            return at;
    struct broker *broker = g_new0(struct broker, 1);
    broker->endpoint = *endpoint;
    broker->number = count + 1;
    broker->generation = 1;
    broker->hole = MQTT_NO_TIME;
    broker->next = d->brokers;
    d->brokers = broker;
    return broker;
}

/* ---- Sessions ---- */

/* NULL if there is no room. */
static struct client *client_new(struct audit_deliveries *d, struct broker *broker)
{
    if (d->used > d->options.memory) {
        d->options.limit(d->options.user, AUDIT_LIMIT_DELIVERY_SUBSCRIPTIONS, 1);
        return NULL;
    }
    struct client *client = g_new0(struct client, 1);
    client->broker = broker;
    client->number = ++d->client_numbers;
    client->left = client->hole = client->asked_hole = client->blocked = client->shut =
        MQTT_NO_TIME;
    client->newest_time = client->served = client->idle = MQTT_NO_TIME;
    client->next = d->all_clients;
    if (client->next != NULL)
        client->next->previous = client;
    d->all_clients = client;
    d->used += sizeof *client;
    return client;
}

static struct client *client_named(struct audit_deliveries *d, struct broker *broker, uint64_t key,
                                   bool group, struct mqtt_slice identifier)
{
    const uint64_t hash = hash_of(d, key ^ (uint64_t)broker->number << 48 ^ group, identifier);
    for (struct knot *at = knots_find(&d->clients, hash); at != NULL;
         at = knots_next(at->next, hash)) {
        struct client *client = (struct client *)at;
        if (client->broker == broker && client->key == key && client->group == group &&
            client->identifier.length == identifier.length &&
            memcmp(client->identifier.data, identifier.data, identifier.length) == 0)
            return client;
    }
    struct client *client = client_new(d, broker);
    if (client == NULL)
        return NULL;
    client->key = key;
    client->group = group;
    client->identifier =
        (struct mqtt_slice){g_memdup2(identifier.data, identifier.length), identifier.length};
    knots_add(&d->clients, &client->knot, hash);
    d->used += identifier.length;
    return client;
}

struct client *client_of(struct audit_deliveries *d, struct broker *broker, uint64_t key,
                         struct mqtt_slice identifier)
{
    return client_named(d, broker, key, false, identifier);
}

struct client *client_anonymous(struct audit_deliveries *d, struct broker *broker)
{
    struct client *client = client_new(d, broker);
    if (client != NULL)
        client->anonymous = true;
    return client;
}

/* ---- Subscriptions ---- */

static struct subscription *find(const struct audit_deliveries *d, const struct client *client,
                                 struct mqtt_slice filter)
{
    const uint64_t hash = hash_of(d, (uint64_t)(uintptr_t)client, filter);
    for (struct knot *at = knots_find(&d->subscriptions, hash); at != NULL;
         at = knots_next(at->next, hash)) {
        struct subscription *subscription = (struct subscription *)at;
        if (subscription->client == client && subscription->filter.length == filter.length &&
            memcmp(subscription->filter.data, filter.data, filter.length) == 0)
            return subscription;
    }
    return NULL;
}

static struct subscription *add(struct audit_deliveries *d, struct client *client,
                                struct mqtt_slice filter)
{
    if (client->subscription_count >= MAX_SUBSCRIPTIONS || d->used > d->options.memory) {
        d->options.limit(d->options.user, AUDIT_LIMIT_DELIVERY_SUBSCRIPTIONS, 1);
        client->whole = false;
        return NULL;
    }
    struct subscription *subscription = g_new0(struct subscription, 1);
    subscription->client = client;
    subscription->filter =
        (struct mqtt_slice){g_memdup2(filter.data, filter.length), filter.length};
    subscription->state = SUBSCRIPTION_GONE;
    knots_add(&d->subscriptions, &subscription->knot,
              hash_of(d, (uint64_t)(uintptr_t)client, filter));
    subscription->next = client->subscriptions;
    client->subscriptions = subscription;
    client->subscription_count++;
    filters_add(d, subscription);
    d->used += sizeof *subscription + filter.length;
    return subscription;
}

static void remove_subscription(struct audit_deliveries *d, struct subscription *subscription)
{
    subscription->client->subscription_count--;
    filters_remove(d, subscription);
    knots_remove(&d->subscriptions, &subscription->knot);
    d->used -= sizeof *subscription + subscription->filter.length;
    g_free((gpointer)(uintptr_t)subscription->filter.data);
    g_free(subscription);
}

/* Those of `client`'s table that `member` (NULL: the client itself) has asked for. */
static void remove_all(struct audit_deliveries *d, struct client *client,
                       const struct client *member, uint64_t keep_since)
{
    struct subscription **at = &client->subscriptions;
    while (*at != NULL) {
        struct subscription *subscription = *at;
        const bool kept = keep_since != 0 && subscription->state == SUBSCRIPTION_ASKED &&
                          subscription->asked.frame >= keep_since;
        if (subscription->member != member || kept) {
            at = &subscription->next;
            continue;
        }
        *at = subscription->next;
        remove_subscription(d, subscription);
    }
}

void client_reset(struct audit_deliveries *d, struct client *client, uint64_t keep_since)
{
    remove_all(d, client, NULL, keep_since);
    for (uint32_t i = 0; i < client->group_count; i++)
        remove_all(d, client->groups[i], client, keep_since);
    if (keep_since == 0)
        client->group_count = 0;
    client->vendor = false;
    client->broker->generation++;
}

void client_free(struct audit_deliveries *d, struct client *client)
{
    client_reset(d, client, 0);
    while (client->rows != NULL)
        row_free(d, client->rows);
    if (!client->anonymous)
        knots_remove(&d->clients, &client->knot);
    retained_forget(d, client);
    publications_disown(client);
    d->used -= client->open_size * sizeof *client->open;
    if (client->previous != NULL)
        client->previous->next = client->next;
    else
        d->all_clients = client->next;
    if (client->next != NULL)
        client->next->previous = client->previous;
    d->used -= sizeof *client + client->identifier.length;
    g_free(client->open);
    g_free((gpointer)(uintptr_t)client->identifier.data);
    g_free(client);
}

/* Filters to which servers give a meaning of their own: $queue/, $exclusive/ and the like; $share/
 * before 5.0. */
static bool is_vendors(struct mqtt_slice filter, uint8_t version)
{
    if (filter.length == 0 || filter.data[0] != '$')
        return false;
    if (mqtt_filter_is_shared(filter))
        return version != MQTT_VERSION_5_0;
    return filter.length < 4 || memcmp(filter.data, "$SYS", 4) != 0;
}

static void join(struct client *client, struct client *group)
{
    for (uint32_t i = 0; i < client->group_count; i++)
        if (client->groups[i] == group)
            return;
    if (client->group_count == G_N_ELEMENTS(client->groups)) {
        client->whole = false; /* in more groups than are followed */
        return;
    }
    client->groups[client->group_count++] = group;
}

/* Whose subscription a topic filter is: the client's, or that of the group that shares it. Sets
 * *filter to what is matched. */
static struct client *holder_of(struct audit_deliveries *d, struct client *client, uint8_t version,
                                struct mqtt_slice *filter)
{
    if (version != MQTT_VERSION_5_0 || !mqtt_filter_is_shared(*filter))
        return client;
    struct client *group = client_named(d, client->broker, 0, true, *filter);
    if (group == NULL)
        return client;
    join(client, group);
    const uint8_t *name = filter->data + strlen("$share/");
    const uint8_t *end = filter->data + filter->length;
    const uint8_t *slash = memchr(name, '/', (size_t)(end - name));
    if (slash != NULL)
        *filter = (struct mqtt_slice){slash + 1, (uint32_t)(end - slash - 1)};
    return group;
}

static struct subscription *subscription_of(struct audit_deliveries *d, struct client *client,
                                            uint8_t version, struct mqtt_slice filter, bool make)
{
    size_t offset;
    if (is_vendors(filter, version))
        client->vendor = true;
    if (mqtt_filter_check(filter, version == MQTT_VERSION_5_0, &offset) != MQTT_RULE_NONE)
        return NULL;
    struct client *holder = holder_of(d, client, version, &filter);
    if (holder != client) {
        /* Each member has a row of its own in the group: told apart by who asked. */
        struct subscription *mine = holder->subscriptions;
        while (mine != NULL && mine->member != client)
            mine = mine->next;
        if (mine == NULL && make && holder->subscription_count >= MAX_MEMBERS) {
            client->whole = false;
            return NULL;
        }
        if (mine == NULL && make && (mine = add(d, holder, filter)) != NULL)
            mine->member = client;
        return mine;
    }
    struct subscription *subscription = find(d, holder, filter);
    return subscription == NULL && make ? add(d, holder, filter) : subscription;
}

/* ---- SUBSCRIBE and SUBACK ---- */

static void ask(struct audit_deliveries *d, struct subscription *subscription,
                const struct mqtt_place *place, const struct mqtt_packet *packet, uint8_t options)
{
    const bool again = subscription->state == SUBSCRIPTION_ASKED &&
                       subscription->asked.frame == place->frame; /* twice in one packet */
    if (!again) {
        subscription->was_sure = subscription->state == SUBSCRIPTION_SURE && !subscription->unsure;
        subscription->renewed =
            subscription->state == SUBSCRIPTION_SURE || subscription->state == SUBSCRIPTION_ASKED;
        subscription->before = subscription->asked;
        subscription->times = 0;
    }
    subscription->varied =
        again && (subscription->varied || subscription->asked_options != options);
    if (subscription->times != UINT8_MAX)
        subscription->times++;
    subscription->state = SUBSCRIPTION_ASKED;
    subscription->asked = (struct mqtt_leg){.time = place->time, .frame = place->frame};
    subscription->asked_after = d->publication_numbers;
    subscription->asked_options = options;
    subscription->asked_identifier =
        mqtt_has_property(&packet->properties, MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER)
            ? packet->properties.subscription_identifier
            : 0;
}

void client_subscribe(struct audit_deliveries *d, struct client *client,
                      const struct mqtt_place *place, const struct mqtt_packet *packet)
{
    struct mqtt_slice list = packet->subscribe.list;
    struct mqtt_filter filter;
    client->subscribes = true;
    if (packet->captured != packet->length)
        client->whole = false;
    client->broker->generation++;
    while (mqtt_filter_next(&list, MQTT_SUBSCRIBE, &filter)) {
        struct subscription *subscription =
            subscription_of(d, client, packet->version, filter.filter, true);
        if (subscription != NULL)
            ask(d, subscription, place, packet, filter.options);
    }
}

static void grant(struct audit_deliveries *d, struct subscription *subscription,
                  const struct mqtt_place *place, uint8_t code, bool is_5_0)
{
    const bool again = subscription->was_sure;
    subscription->unsure = false;
    subscription->state = SUBSCRIPTION_SURE;
    subscription->qos_most = MAX(subscription->qos_most, code); /* something may wait since then */
    subscription->qos = code;
    subscription->granted = (struct mqtt_leg){.time = place->time, .frame = place->frame};
    if (!again) {
        subscription->first = subscription->granted;
        subscription->since = d->publication_numbers;
        subscription->matched = subscription->served = 0;
    }
    if (!is_5_0)
        return;
    subscription->mixed =
        again && (subscription->no_local != (bool)(subscription->asked_options & 4) ||
                  subscription->retain_as_published != (bool)(subscription->asked_options & 8) ||
                  subscription->identifier != subscription->asked_identifier);
    subscription->mixed_until = subscription->mixed ? d->publication_numbers : 0;
    subscription->no_local = (subscription->asked_options & 4) != 0;
    subscription->retain_as_published = (subscription->asked_options & 8) != 0;
    subscription->retain_handling = (subscription->asked_options >> 4) & 3;
    subscription->identifier = subscription->asked_identifier;
}

/* Whether a refusal leaves an older subscription alone, no statement says. */
static void refuse(struct subscription *subscription, const struct mqtt_place *place)
{
    if (subscription->was_sure) {
        subscription->state = SUBSCRIPTION_SURE;
        subscription->unsure = true;
        return;
    }
    subscription->state = SUBSCRIPTION_GONE;
    subscription->gone = (struct mqtt_leg){.time = place->time};
}

void client_suback(struct audit_deliveries *d, struct client *client,
                   const struct mqtt_place *place, const struct mqtt_packet *packet,
                   const struct mqtt_step *step)
{
    struct mqtt_slice list = step->filters;
    const struct mqtt_slice codes = packet->suback.codes;
    struct mqtt_filter filter;
    client->broker->generation++;
    for (uint32_t i = 0; mqtt_filter_next(&list, MQTT_SUBSCRIBE, &filter); i++) {
        struct subscription *subscription =
            subscription_of(d, client, step->version, filter.filter, false);
        /* One that was asked for again since is settled by that one's answer. */
        if (subscription == NULL || i >= codes.length ||
            subscription->asked.frame != step->request.frame ||
            (subscription->state != SUBSCRIPTION_ASKED &&
             subscription->granted.frame != place->frame))
            continue;
        if (codes.data[i] <= 2) {
            grant(d, subscription, place, codes.data[i], step->version == MQTT_VERSION_5_0);
            retained_asked(d, client, subscription);
        } else {
            refuse(subscription, place);
        }
    }
}

/* ---- UNSUBSCRIBE and UNSUBACK ---- */

void client_unsubscribe(struct audit_deliveries *d, struct client *client,
                        const struct mqtt_place *place, const struct mqtt_packet *packet)
{
    struct mqtt_slice list = packet->unsubscribe.list;
    struct mqtt_filter filter;
    client->broker->generation++;
    while (mqtt_filter_next(&list, MQTT_UNSUBSCRIBE, &filter)) {
        struct subscription *subscription =
            subscription_of(d, client, packet->version, filter.filter, false);
        if (subscription == NULL || subscription->state == SUBSCRIPTION_GONE)
            continue;
        subscription->state = SUBSCRIPTION_LEAVING;
        subscription->gone = (struct mqtt_leg){.time = place->time, .frame = place->frame};
        subscription->client->unsubscribed = d->publication_numbers;
    }
}

void client_unsuback(struct audit_deliveries *d, struct client *client,
                     const struct mqtt_place *place, const struct mqtt_packet *packet,
                     const struct mqtt_step *step)
{
    struct mqtt_slice list = step->filters;
    const bool is_5_0 = step->version == MQTT_VERSION_5_0;
    const struct mqtt_slice codes = is_5_0 ? packet->unsuback.codes : (struct mqtt_slice){NULL, 0};
    struct mqtt_filter filter;
    client->broker->generation++;
    for (uint32_t i = 0; mqtt_filter_next(&list, MQTT_UNSUBSCRIBE, &filter); i++) {
        struct subscription *subscription =
            subscription_of(d, client, step->version, filter.filter, false);
        if (subscription == NULL || subscription->state != SUBSCRIPTION_LEAVING ||
            subscription->gone.frame != step->request.frame)
            continue;
        if (is_5_0 && i < codes.length && codes.data[i] >= 0x80) {
            subscription->state = SUBSCRIPTION_SURE;
            subscription->unsure = true;
            continue;
        }
        subscription->state = SUBSCRIPTION_GONE;
        subscription->gone = (struct mqtt_leg){.time = place->time, .frame = place->frame};
        subscription->gone_after = d->publication_numbers;
    }
}

void client_unsure(struct client *client)
{
    client->whole = false;
    client->broker->generation++;
    for (struct subscription *at = client->subscriptions; at != NULL; at = at->next)
        at->unsure = true;
    for (uint32_t i = 0; i < client->group_count; i++)
        for (struct subscription *at = client->groups[i]->subscriptions; at != NULL; at = at->next)
            if (at->member == client)
                at->unsure = true;
}
