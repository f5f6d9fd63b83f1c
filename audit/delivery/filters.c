/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Topic filters in a tree of levels, so that all that match a topic name are found in one walk
 * (4.7). A filter with more than FILTER_DEPTH levels hangs at its last node, and is compared.
 */
#include "audit/delivery/world.h"

#include <string.h>

#include "mqtt/wire/hash.h"
#include "mqtt/wire/topic.h"

/* Nodes that are looked at for one topic name: more, and it is not followed. Whoever subscribes to
 * all combinations of + and names makes every topic visit all of them. */
#define MAX_VISITS 2048u

uint64_t deliveries_hash(uint64_t seed, struct mqtt_slice slice)
{
    return mqtt_keyed_hash(seed, slice.data, slice.length);
}

/* ---- Levels ---- */

/* Takes the first level off; false when nothing is left. *more is false behind the last one. */
static bool next_level(struct mqtt_slice *rest, bool *more, struct mqtt_slice *level)
{
    if (!*more)
        return false;
    const uint8_t *slash = rest->length == 0 ? NULL : memchr(rest->data, '/', rest->length);
    const uint32_t length = slash != NULL ? (uint32_t)(slash - rest->data) : rest->length;
    *level = (struct mqtt_slice){rest->data, length};
    *more = slash != NULL;
    const uint32_t taken = length + (slash != NULL);
    rest->data += taken;
    rest->length -= taken;
    return true;
}

static bool level_is(struct mqtt_slice level, uint8_t wildcard)
{
    return level.length == 1 && level.data[0] == wildcard;
}

static uint64_t node_hash(const struct audit_deliveries *d, const struct node *parent,
                          uint32_t broker, struct mqtt_slice level)
{
    const uint64_t key = parent != NULL ? (uint64_t)(uintptr_t)parent : broker;
    return hash_of(d, key, level);
}

static struct node *find_node(const struct audit_deliveries *d, const struct node *parent,
                              uint32_t broker, struct mqtt_slice level, uint64_t hash)
{
    for (struct knot *at = knots_find(&d->nodes, hash); at != NULL;
         at = knots_next(at->next, hash)) {
        struct node *node = (struct node *)at;
        if (node->parent == parent && node->broker == broker && node->length == level.length &&
            (level.length == 0 || memcmp(node->level, level.data, level.length) == 0))
            return node;
    }
    return NULL;
}

static struct node *make_node(struct audit_deliveries *d, struct node *parent, uint32_t broker,
                              struct mqtt_slice level)
{
    const uint64_t hash = node_hash(d, parent, broker, level);
    struct node *node = find_node(d, parent, broker, level, hash);
    if (node != NULL)
        return node;
    node = g_malloc0(sizeof *node + level.length);
    node->parent = parent;
    node->broker = broker;
    node->length = level.length;
    if (level.length != 0)
        memcpy(node->level, level.data, level.length);
    knots_add(&d->nodes, &node->knot, hash);
    if (parent != NULL) {
        parent->uses++;
        if (level_is(level, '+'))
            parent->plus = node;
    }
    d->used += sizeof *node + level.length;
    return node;
}

/* Frees the node, and those above it, as far as nothing needs them. */
static void drop_node(struct audit_deliveries *d, struct node *node)
{
    while (node != NULL && node->uses == 0) {
        struct node *parent = node->parent;
        knots_remove(&d->nodes, &node->knot);
        if (parent != NULL) {
            parent->uses--;
            if (parent->plus == node)
                parent->plus = NULL;
        }
        d->used -= sizeof *node + node->length;
        g_free(node);
        node = parent;
    }
}

static struct subscription **list_of(struct subscription *subscription)
{
    struct node *node = subscription->node;
    if (subscription->deep)
        return &node->deep;
    return subscription->multi_level ? &node->below : &node->exact;
}

void filters_add(struct audit_deliveries *d, struct subscription *subscription)
{
    const uint32_t broker = subscription->client->broker->number;
    /* The root of all, so that # has where to hang. */
    struct node *node = make_node(d, NULL, broker, (struct mqtt_slice){NULL, 0});
    struct mqtt_slice rest = subscription->filter, level;
    bool more = true;
    for (unsigned depth = 0; next_level(&rest, &more, &level); depth++) {
        if (!more && level_is(level, '#')) {
            subscription->multi_level = true;
            break;
        }
        if (depth == FILTER_DEPTH) {
            subscription->deep = true;
            break;
        }
        node = make_node(d, node, broker, level);
    }
    node->uses++;
    subscription->node = node;
    struct subscription **list = list_of(subscription);
    subscription->node_next = *list;
    subscription->node_at = list;
    if (*list != NULL)
        (*list)->node_at = &subscription->node_next;
    *list = subscription;
}

void filters_remove(struct audit_deliveries *d, struct subscription *subscription)
{
    struct node *node = subscription->node;
    *subscription->node_at = subscription->node_next;
    if (subscription->node_next != NULL)
        subscription->node_next->node_at = subscription->node_at;
    node->uses--;
    subscription->node = NULL;
    drop_node(d, node);
}

/* ---- The walk ---- */

struct walk {
    struct audit_deliveries *d;
    struct mqtt_slice topic;
    bool (*each)(void *user, struct subscription *subscription);
    void *user;
    uint32_t visits;
    bool whole; /* not cut short */
};

static void take(struct walk *walk, struct subscription *first)
{
    for (struct subscription *at = first; at != NULL && walk->whole; at = at->node_next)
        walk->whole = walk->each(walk->user, at);
}

static void take_deep(struct walk *walk, struct subscription *first)
{
    for (struct subscription *at = first; at != NULL && walk->whole; at = at->node_next) {
        if (++walk->visits > MAX_VISITS)
            walk->whole = false;
        else if (mqtt_topic_matches(at->filter, walk->topic))
            walk->whole = walk->each(walk->user, at);
    }
}

/* `node` stands for the levels before `rest`. At most FILTER_DEPTH + 1 deep. */
static void visit(struct walk *walk, const struct node *node, struct mqtt_slice rest, bool more,
                  bool first)
{
    const bool dollar = first && is_dollar(walk->topic); /* no wildcard stands for $ (4.7.2-1) */
    struct mqtt_slice level;
    if (++walk->visits > MAX_VISITS)
        walk->whole = false;
    if (!walk->whole)
        return;
    if (!dollar)
        take(walk, node->below);
    take_deep(walk, node->deep);
    if (!next_level(&rest, &more, &level)) {
        take(walk, node->exact);
        return;
    }
    const struct node *below = find_node(walk->d, node, node->broker, level,
                                         node_hash(walk->d, node, node->broker, level));
    /* A level that is called + is the filter's wildcard, met below. */
    if (below != NULL && below != node->plus)
        visit(walk, below, rest, more, false);
    if (node->plus != NULL && !dollar)
        visit(walk, node->plus, rest, more, false);
}

bool filters_match(struct audit_deliveries *d, const struct broker *broker, struct mqtt_slice topic,
                   bool (*each)(void *user, struct subscription *subscription), void *user)
{
    const struct mqtt_slice none = {NULL, 0};
    struct walk walk = {.d = d, .topic = topic, .each = each, .user = user, .whole = true};
    const struct node *root =
        find_node(d, NULL, broker->number, none, node_hash(d, NULL, broker->number, none));
    if (root != NULL)
        visit(&walk, root, topic, true, true);
    return walk.whole;
}
