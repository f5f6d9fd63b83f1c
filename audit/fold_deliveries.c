/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of messages, by topic and subscriber, and which took the longest. */
#include "audit/fold_private.h"

#include <string.h>

#include "mqtt/facts/time.h"

static void free_string(const struct audit_string *string)
{
    g_free((gpointer)(uintptr_t)string);
}

static int three_way(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* ---- Counts ---- */

static void add_counts(struct audit_delivery_counts *into, const struct audit_delivery_counts *from)
{
    into->expected += from->expected;
    into->delivered += from->delivered;
    into->late += from->late;
    into->lost += from->lost;
    into->dropped_qos_0 += from->dropped_qos_0;
    into->gone += from->gone;
    into->pending += from->pending;
    into->twice += from->twice;
    into->unknown += from->unknown;
    into->retained += from->retained;
    for (unsigned i = 0; i < AUDIT_EXCUSES; i++)
        into->excused[i] += from->excused[i];
}

/* Latencies are small at rest, and are added to seldom: when a topic is forgotten, when reports
 * merge. */
static void add_times(struct audit_delivery *into, const struct audit_histogram *times,
                      const struct audit_packed_histogram *packed)
{
    if (times == NULL && packed == NULL)
        return;
    struct audit_histogram sum = {0};
    audit_histogram_merge_packed(&sum, into->times);
    audit_histogram_merge_packed(&sum, packed);
    if (times != NULL)
        audit_histogram_merge(&sum, times);
    g_free(into->times);
    into->times = audit_histogram_pack(&sum);
    audit_histogram_clear(&sum);
}

/* ---- Rows ---- */

static void delivery_free(struct audit_delivery *delivery)
{
    free_string(delivery->topic);
    free_string(delivery->client_identifier);
    g_free(delivery->times);
    g_free(delivery);
}

static struct mqtt_slice address_of(const struct audit_endpoint *endpoint)
{
    return (struct mqtt_slice){(const uint8_t *)endpoint->address,
                               (uint32_t)strlen(endpoint->address)};
}

static guint delivery_hash(gconstpointer key)
{
    const struct audit_delivery *row = key;
    const uint64_t client = row->client_identifier != NULL ? row->client_identifier->hash : 0;
    const uint8_t rest[] = {(uint8_t)(row->broker.port >> 8), (uint8_t)row->broker.port,
                            row->group};
    return (guint)audit_hash_more(
        audit_hash_more(row->topic->hash ^ (client << 1 | client >> 63), address_of(&row->broker)),
        (struct mqtt_slice){rest, sizeof rest});
}

static gboolean same_client(const struct audit_delivery *x, const struct audit_delivery *y)
{
    if (x->client_identifier == NULL || y->client_identifier == NULL)
        return x->client_identifier == y->client_identifier;
    return audit_string_equal(x->client_identifier, y->client_identifier);
}

static gboolean delivery_equal(gconstpointer a, gconstpointer b)
{
    const struct audit_delivery *x = a, *y = b;
    return audit_string_equal(x->topic, y->topic) && same_client(x, y) && x->group == y->group &&
           audit_endpoint_equal(&x->broker, &y->broker);
}

/* Of all that names a row; lengths tell where one name ends. */
static uint64_t delivery_rank_of(const struct audit_delivery_row *row)
{
    const uint8_t rest[] = {(uint8_t)(row->server->port >> 8), (uint8_t)row->server->port,
                            row->group};
    uint64_t rank = audit_rank_more(audit_rank(row->topic), row->client_identifier);
    rank = audit_rank_more(rank, address_of(row->server));
    return audit_rank_more(rank, (struct mqtt_slice){rest, sizeof rest});
}

static int delivery_rank(const void *a, const void *b)
{
    const struct audit_delivery *x = a, *y = b;
    return three_way(x->rank, y->rank);
}

/* Lists a row that is not listed yet; frees the one that has no room. */
static void list_delivery(struct audit_fold *fold, struct audit_delivery *delivery)
{
    struct audit_delivery *out = audit_lowest_add(&fold->deliveries, delivery);
    if (out != delivery)
        g_hash_table_add(fold->delivery_table, delivery);
    if (out == NULL)
        return;
    if (out != delivery)
        g_hash_table_remove(fold->delivery_table, out);
    delivery_free(out);
}

static struct audit_delivery *new_delivery(const struct audit_delivery *view)
{
    struct audit_delivery *delivery = g_memdup2(view, sizeof *view);
    delivery->topic = audit_string_copy(view->topic);
    if (view->client_identifier != NULL)
        delivery->client_identifier = audit_string_copy(view->client_identifier);
    return delivery;
}

void audit_fold_deliveries(struct audit_fold *fold, const struct audit_delivery_row *row)
{
    struct audit_totals *totals = &fold->report.totals;
    add_counts(&totals->deliveries, &row->counts);
    if (row->times != NULL)
        audit_histogram_merge(&totals->delivery_times, row->times);

    const struct audit_string topic = audit_string_view(row->topic);
    const struct audit_string client = audit_string_view(row->client_identifier);
    const struct audit_delivery view = {
        .topic = &topic,
        .client_identifier = client.length > 0 ? &client : NULL,
        .broker = *row->server,
        .group = row->group,
        .rank = delivery_rank_of(row),
    };
    struct audit_delivery *delivery = g_hash_table_lookup(fold->delivery_table, &view);
    if (delivery == NULL) {
        if (!audit_lowest_admits(&fold->deliveries, &view))
            return;
        delivery = new_delivery(&view);
        list_delivery(fold, delivery);
    }
    add_counts(&delivery->counts, &row->counts);
    add_times(delivery, row->times, NULL);
    delivery->publishers = MAX(delivery->publishers, row->publishers);
}

/* Adds a row of another fold to the one with its names, or lists it; frees it, or keeps it. */
static void take_delivery(struct audit_fold *fold, struct audit_delivery *delivery)
{
    struct audit_delivery *known = g_hash_table_lookup(fold->delivery_table, delivery);
    if (known == NULL) {
        list_delivery(fold, delivery);
        return;
    }
    add_counts(&known->counts, &delivery->counts);
    add_times(known, NULL, delivery->times);
    known->publishers = MAX(known->publishers, delivery->publishers);
    delivery_free(delivery);
}

/* ---- The slowest ---- */

/* The slowest is the lowest; of two that took as long, the earlier one. */
static int slow_order(const void *a, const void *b)
{
    const struct audit_slow_delivery *x = a, *y = b;
    if (x->took != y->took)
        return x->took > y->took ? -1 : 1;
    return x->frame != y->frame ? three_way(x->frame, y->frame) : three_way(x->ordinal, y->ordinal);
}

static void keep_name(struct audit_string *name, uint8_t bytes[static AUDIT_STRING_MAX],
                      struct mqtt_slice slice)
{
    *name = audit_string_view(slice);
    if (name->length > 0)
        memcpy(bytes, slice.data, name->length);
    name->bytes = bytes;
}

/* What has no room is room for the next one. */
static void list_slow(struct audit_fold *fold, struct audit_slow_delivery *slow)
{
    fold->spare = audit_lowest_add(&fold->slowest, slow);
    if (fold->spare != NULL) /* they are full, and a heap */
        fold->slow_from =
            ((const struct audit_slow_delivery *)g_ptr_array_index(fold->slowest.rows, 0))->took;
}

void audit_fold_match(struct audit_fold *fold, const struct audit_event *event)
{
    const struct audit_message *message = &event->message;
    if (message->match.took < fold->slow_from || message->match.late)
        return;
    if (fold->spare == NULL)
        fold->spare = g_new(struct audit_slow_delivery, 1);
    struct audit_slow_delivery *slow = fold->spare;
    slow->took = message->match.took;
    slow->frame = event->frame;
    slow->ordinal = event->ordinal;
    slow->published = message->match.frame;
    if (!audit_lowest_admits(&fold->slowest, slow))
        return;
    keep_name(&slow->topic, slow->bytes[0], message->topic);
    keep_name(&slow->client_identifier, slow->bytes[1], event->flow->client_identifier);
    list_slow(fold, slow);
}

/* ---- All of them ---- */

void audit_fold_deliveries_init(struct audit_fold *fold, const struct audit_fold_options *options)
{
    const uint32_t most = options->max_deliveries != 0 ? options->max_deliveries : 10000;
    audit_lowest_init(&fold->deliveries, most, delivery_rank);
    audit_lowest_init(&fold->slowest, AUDIT_SLOWEST, slow_order);
    fold->delivery_table = g_hash_table_new(delivery_hash, delivery_equal);
}

void audit_fold_merge_deliveries(struct audit_fold *into, struct audit_fold *from)
{
    struct audit_totals *totals = &into->report.totals;
    add_counts(&totals->deliveries, &from->report.totals.deliveries);
    audit_histogram_merge(&totals->delivery_times, &from->report.totals.delivery_times);
    g_hash_table_remove_all(from->delivery_table);
    for (unsigned i = 0; i < from->deliveries.rows->len; i++)
        take_delivery(into, g_ptr_array_index(from->deliveries.rows, i));
    for (unsigned i = 0; i < from->slowest.rows->len; i++) {
        g_free(into->spare);
        list_slow(into, g_ptr_array_index(from->slowest.rows, i));
    }
    g_ptr_array_set_size(from->deliveries.rows, 0);
    g_ptr_array_set_size(from->slowest.rows, 0);
}

/* What breaks a promise first, then what was lost without, then what took long. */
static int delivery_order(const void *a, const void *b)
{
    const struct audit_delivery *x = a, *y = b;
    const uint64_t pairs[][2] = {
        {y->counts.lost, x->counts.lost},
        {y->counts.twice, x->counts.twice},
        {y->counts.dropped_qos_0, x->counts.dropped_qos_0},
        {y->latency.p95, x->latency.p95},
        {y->latency.max, x->latency.max},
        {y->counts.expected, x->counts.expected},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++)
        if (pairs[i][0] != pairs[i][1])
            return three_way(pairs[i][0], pairs[i][1]);
    const int order = audit_string_order(x->topic, y->topic);
    return order != 0 ? order : three_way(x->rank, y->rank);
}

void audit_fold_finish_deliveries(struct audit_fold *fold)
{
    for (unsigned i = 0; i < fold->deliveries.rows->len; i++) {
        struct audit_delivery *delivery = g_ptr_array_index(fold->deliveries.rows, i);
        struct audit_histogram times = {0};
        audit_histogram_merge_packed(&times, delivery->times);
        delivery->latency = audit_histogram_latency(&times);
        audit_histogram_clear(&times);
    }
    audit_lowest_sort(&fold->deliveries, delivery_order);
    audit_lowest_sort(&fold->slowest, slow_order);
}

void audit_fold_deliveries_free(struct audit_fold *fold)
{
    g_hash_table_destroy(fold->delivery_table);
    for (unsigned i = 0; i < fold->deliveries.rows->len; i++)
        delivery_free(g_ptr_array_index(fold->deliveries.rows, i));
    for (unsigned i = 0; i < fold->slowest.rows->len; i++)
        g_free(g_ptr_array_index(fold->slowest.rows, i));
    audit_lowest_clear(&fold->deliveries);
    audit_lowest_clear(&fold->slowest);
    audit_histogram_clear(&fold->report.totals.delivery_times);
    g_free(fold->spare);
}
