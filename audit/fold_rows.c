/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of the report while it is being made: which are listed, what becomes of the others. */
#include "audit/fold_private.h"

#include "audit/diagnosis/diagnoses.h"

#include <string.h>

/* The report shows rows as they are; here they are made and freed. */
static void free_string(const struct audit_string *string)
{
    g_free((gpointer)(uintptr_t)string);
}

/* ---- Findings ---- */

void audit_party_release(struct audit_party *party)
{
    if (--party->references > 0)
        return;
    free_string(party->client_identifier);
    g_free(party->server);
    g_free(party);
}

static void finding_free(struct audit_finding *finding)
{
    if (finding == NULL)
        return;
    audit_party_release(finding->party);
    free_string(finding->topic);
    g_free(finding);
}

void audit_fold_list_finding(struct audit_fold *fold, struct audit_finding *finding)
{
    finding_free(audit_lowest_add(&fold->findings, finding));
}

/* ---- Connections ---- */

void audit_connection_free(struct audit_connection *connection)
{
    for (unsigned side = 0; side < 2; side++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++) {
            if (connection->handshakes[side][kind] != NULL)
                audit_handshakes_clear(connection->handshakes[side][kind], kind);
            g_free(connection->handshakes[side][kind]);
        }
    g_free(connection->round_trips[0]);
    g_free(connection->round_trips[1]);
    g_free(connection->broker);
    connection->party->connection = NULL;
    audit_party_release(connection->party);
    g_free(connection);
}

const struct audit_endpoint *audit_connection_broker(const struct audit_connection *connection)
{
    return connection->broker != NULL ? connection->broker
                                      : &connection->endpoints[1 - connection->facts.client];
}

void audit_fold_list_connection(struct audit_fold *fold, struct audit_connection *connection)
{
    connection->party->connection = connection;
    struct audit_connection *out = audit_lowest_add(&fold->connections, connection);
    if (out != NULL)
        audit_connection_free(out);
}

static void free_histogram(struct audit_histogram *histogram)
{
    if (histogram != NULL)
        audit_histogram_clear(histogram);
    g_free(histogram);
}

static void merge_histogram(struct audit_histogram **into, const struct audit_histogram *from)
{
    if (from == NULL)
        return;
    if (*into == NULL)
        *into = g_new0(struct audit_histogram, 1);
    audit_histogram_merge(*into, from);
}

void audit_handshakes_clear(struct audit_handshakes *handshakes, unsigned kind)
{
    for (unsigned i = 0; handshakes->parts != NULL && i < audit_handshake_parts(kind); i++) {
        free_histogram(handshakes->parts[i].wires);
        free_histogram(handshakes->parts[i].receivers);
    }
    g_free(handshakes->parts);
    free_histogram(handshakes->times);
    g_free(handshakes->packed);
    handshakes->parts = NULL;
    handshakes->times = NULL;
    handshakes->packed = NULL;
}

void audit_parts_add(struct audit_parts *into, const struct audit_parts *from)
{
    into->split += from->split;
    into->unsplit += from->unsplit;
    into->wire += from->wire;
    into->receiver += from->receiver;
    into->longest_wire = MAX(into->longest_wire, from->longest_wire);
    into->longest_receiver = MAX(into->longest_receiver, from->longest_receiver);
    merge_histogram(&into->wires, from->wires);
    merge_histogram(&into->receivers, from->receivers);
}

void audit_handshakes_add(struct audit_handshakes *into, const struct audit_handshakes *from,
                          unsigned kind)
{
    struct audit_handshake_counts *sum = &into->count;
    sum->started += from->count.started;
    sum->resumed += from->count.resumed;
    sum->completed += from->count.completed;
    sum->refused += from->count.refused;
    sum->incomplete += from->count.incomplete;
    sum->open += from->count.open;
    sum->unknown += from->count.unknown;
    sum->retransmitted += from->count.retransmitted;
    for (unsigned i = 0; i < MQTT_LEGS; i++)
        sum->stage[i] += from->count.stage[i];
    if (from->parts != NULL && into->parts == NULL)
        into->parts = g_new0(struct audit_parts, audit_handshake_parts(kind));
    for (unsigned i = 0; from->parts != NULL && i < audit_handshake_parts(kind); i++)
        audit_parts_add(&into->parts[i], &from->parts[i]);
    if (from->times == NULL && from->packed == NULL)
        return;
    merge_histogram(&into->times, from->times);
    if (into->times == NULL)
        into->times = g_new0(struct audit_histogram, 1);
    audit_histogram_merge_packed(into->times, from->packed);
}

void audit_histograms_merge(struct audit_histograms *into, const struct audit_histograms *from)
{
    for (unsigned i = 0; i < MQTT_END_CAUSES; i++)
        audit_histogram_merge(&into->idle[i], &from->idle[i]);
    audit_histogram_merge(&into->lifetimes, &from->lifetimes);
    audit_histogram_merge(&into->intervals, &from->intervals);
    audit_histogram_merge(&into->silences, &from->silences);
    for (unsigned i = 0; i < AUDIT_ROLES; i++)
        audit_histogram_merge(&into->round_trips[i], &from->round_trips[i]);
}

void audit_histograms_clear(struct audit_histograms *histograms)
{
    for (unsigned i = 0; i < MQTT_END_CAUSES; i++)
        audit_histogram_clear(&histograms->idle[i]);
    audit_histogram_clear(&histograms->lifetimes);
    audit_histogram_clear(&histograms->intervals);
    audit_histogram_clear(&histograms->silences);
    for (unsigned i = 0; i < AUDIT_ROLES; i++)
        audit_histogram_clear(&histograms->round_trips[i]);
}

/* ---- Topics ---- */

static void topic_free(struct audit_topic *topic)
{
    free_string(topic->name);
    g_free(topic);
}

void audit_topic_add(struct audit_topic *into, const struct audit_topic *from)
{
    into->published += from->published;
    into->by_bridges += from->by_bridges;
    into->delivered += from->delivered;
    into->retained += from->retained;
    into->published_bytes += from->published_bytes;
    into->delivered_bytes += from->delivered_bytes;
    for (unsigned i = 0; i < G_N_ELEMENTS(into->qos); i++)
        into->qos[i] += from->qos[i];
}

/* Where a topic that was seen lately stands: a cheap hash of its end, where names differ most. */
static struct audit_topic **recent_slot(struct audit_fold *fold, struct mqtt_slice name)
{
    const uint8_t *end = name.data + name.length;
    uint64_t last = 0, other = 0;
    if (name.length >= sizeof last) {
        memcpy(&last, end - sizeof last, sizeof last);
        memcpy(&other, name.length >= 2 * sizeof last ? end - 2 * sizeof last : name.data,
               sizeof other);
    } else {
        memcpy(&last, name.data, name.length);
    }
    const uint64_t mixed =
        (last + name.length) * UINT64_C(0x9e3779b97f4a7c15) ^ other * UINT64_C(0xc2b2ae3d27d4eb4f);
    return &fold->recent[(mixed ^ mixed >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> 54];
}

G_STATIC_ASSERT(RECENT_TOPICS == 1 << (64 - 54));

static bool is_name(const struct audit_topic *topic, struct mqtt_slice name)
{
    return topic != NULL && topic->name->length == name.length &&
           topic->name->whole == name.length &&
           memcmp(topic->name->bytes, name.data, name.length) == 0;
}

/* The row goes away. A name that was cut is never recent. */
static void forget_topic(struct audit_fold *fold, const struct audit_topic *topic)
{
    struct audit_topic **recent =
        recent_slot(fold, (struct mqtt_slice){topic->name->bytes, topic->name->length});
    if (*recent == topic)
        *recent = NULL;
    g_hash_table_remove(fold->topic_table, topic->name);
}

/* Lists a topic that is not listed yet; frees the one that has no room. */
static void list_topic(struct audit_fold *fold, struct audit_topic *topic)
{
    struct audit_topic *out = audit_lowest_add(&fold->topics, topic);
    if (out != topic)
        g_hash_table_insert(fold->topic_table, (gpointer)(uintptr_t)topic->name, topic);
    if (out == NULL)
        return;
    audit_topic_add(&fold->left_out, out);
    if (out != topic)
        forget_topic(fold, out);
    topic_free(out);
}

static struct audit_topic *find_topic(struct audit_fold *fold, struct mqtt_slice name)
{
    const struct audit_string view = audit_string_view(name);
    struct audit_topic *topic = g_hash_table_lookup(fold->topic_table, &view);
    if (topic != NULL)
        return topic;
    const struct audit_topic like = {.rank = audit_rank(name)};
    if (!audit_lowest_admits(&fold->topics, &like))
        return NULL;
    topic = g_new0(struct audit_topic, 1);
    topic->name = audit_string_copy(&view);
    topic->rank = like.rank;
    list_topic(fold, topic);
    return topic;
}

struct audit_topic *audit_fold_topic(struct audit_fold *fold, struct mqtt_slice name)
{
    struct audit_topic **recent = recent_slot(fold, name);
    if (is_name(*recent, name))
        return *recent;
    struct audit_topic *topic = find_topic(fold, name);
    if (topic != NULL && topic->name->whole == topic->name->length)
        *recent = topic;
    return topic;
}

void audit_fold_add_topic(struct audit_fold *fold, struct audit_topic *topic)
{
    struct audit_topic *known = g_hash_table_lookup(fold->topic_table, topic->name);
    if (known == NULL) {
        list_topic(fold, topic);
        return;
    }
    audit_topic_add(known, topic);
    topic_free(topic);
}

/* ---- The end ---- */

static void free_all(struct audit_fold *fold)
{
    const struct audit_report *report = &fold->report;
    for (unsigned i = 0; i < report->findings->len; i++)
        finding_free(g_ptr_array_index(report->findings, i));
    for (unsigned i = 0; i < report->connections->len; i++)
        audit_connection_free(g_ptr_array_index(report->connections, i));
    for (unsigned i = 0; i < report->sessions->len; i++)
        audit_session_free(g_ptr_array_index(report->sessions, i));
    for (unsigned i = 0; i < report->topics->len; i++)
        topic_free(g_ptr_array_index(report->topics, i));
}

void audit_fold_free(struct audit_fold *fold)
{
    if (fold == NULL)
        return;
    struct audit_report *report = &fold->report;
    if (fold->closed != NULL)
        audit_party_release(fold->closed);
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            audit_handshakes_clear(&report->totals.handshakes[role][kind], kind);
    audit_histograms_clear(&report->totals.histograms);
    g_hash_table_destroy(fold->topic_table);
    g_hash_table_destroy(fold->session_table);
    audit_fold_deliveries_free(fold);
    free_all(fold);
    audit_lowest_clear(&fold->connections);
    audit_lowest_clear(&fold->sessions);
    audit_lowest_clear(&fold->findings);
    audit_lowest_clear(&fold->topics);
    for (unsigned i = 0; i < AUDIT_LIMITS; i++)
        g_free(report->capture.limits[i].hint);
    g_array_free(report->capture.files, TRUE);
    audit_diagnoses_clear(report);
    g_ptr_array_free(report->diagnoses, TRUE);
    g_free(fold->diagnoses);
    g_free(fold);
}
