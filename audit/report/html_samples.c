/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of many handshakes the slowest, and who published what: see html_private.h. */
#include "audit/report/html_private.h"

#include <string.h>

#include "audit/lowest.h"
#include "audit/report/escape.h"
#include "audit/strings.h"

#define SLOWEST 60u      /* of a kind and a direction */
#define UNFINISHED 300u  /* of all kinds, the first */
#define PUBLISHERS 8192u /* pairs of a client and a topic */

struct sample {
    uint64_t took; /* nanoseconds; of those that are not finished, 0 */
    uint64_t frame;
    uint32_t ordinal;
    uint64_t connection;
    int64_t stream;
    struct audit_string *client; /* NULL: not known; owned */
    struct mqtt_leg legs[MQTT_LEGS];
    int64_t wire; /* nanoseconds from the first packet to its acknowledgement by TCP; MQTT_NO_TIME:
                     not known */
    uint16_t packet_identifier;
    uint16_t resends;
    uint8_t kind, stage, reason_code;
    bool by_server, failed, finished;
};

struct publisher {
    struct audit_string *client, *topic; /* owned */
    uint64_t count, bytes;
};

struct html_samples {
    struct audit_lowest slowest[AUDIT_ROLES][MQTT_HANDSHAKE_KINDS]; /* struct sample */
    struct audit_lowest unfinished;
    uint64_t handshakes, given_up;
    GHashTable *publishers; /* struct publisher, its own key */
    uint64_t left_out;      /* publications */
};

/* ---- Handshakes ---- */

static int by_place(const struct sample *a, const struct sample *b)
{
    if (a->frame != b->frame)
        return a->frame < b->frame ? -1 : 1;
    return a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

static int slowest_first(const void *a, const void *b)
{
    const struct sample *one = a, *other = b;
    if (one->took != other->took)
        return one->took > other->took ? -1 : 1;
    return by_place(one, other);
}

static int earliest_first(const void *a, const void *b)
{
    return by_place(a, b);
}

static void free_sample(struct sample *sample)
{
    if (sample != NULL)
        g_free(sample->client);
    g_free(sample);
}

static struct audit_string *copy_of(struct mqtt_slice slice)
{
    const struct audit_string view = audit_string_view(slice);
    return audit_string_copy(&view);
}

static int64_t wire_of(const struct audit_handshake_event *event)
{
    const struct audit_acknowledged *acknowledged = event->acknowledged;
    if (acknowledged == NULL || !acknowledged->timed[0] || acknowledged->time[0] == MQTT_NO_TIME)
        return MQTT_NO_TIME;
    return mqtt_elapsed(acknowledged->time[0], event->handshake->legs[0].time);
}

static void add_handshake(struct html_samples *samples, const struct audit_event *event)
{
    const struct mqtt_handshake *handshake = event->handshake.handshake;
    const bool finished = event->kind != AUDIT_EVENT_HANDSHAKE_GIVEN_UP;
    const bool by_server = handshake->side != event->flow->client;
    samples->handshakes++;
    samples->given_up += finished ? 0 : 1;
    if (finished && (!event->handshake.measured || event->handshake.took < 0))
        return;
    struct audit_lowest *into =
        finished ? &samples->slowest[by_server][handshake->kind] : &samples->unfinished;
    struct sample sample = {
        .took = finished ? (uint64_t)event->handshake.took : 0,
        .frame = event->frame,
        .ordinal = event->ordinal,
        .connection = event->flow->number,
        .stream = event->flow->stream,
        .wire = wire_of(&event->handshake),
        .packet_identifier = handshake->packet_identifier,
        .resends = handshake->resends,
        .kind = handshake->kind,
        .stage = handshake->stage,
        .reason_code = handshake->reason_code,
        .by_server = by_server,
        .failed = handshake->failed,
        .finished = finished,
    };
    if (!audit_lowest_admits(into, &sample))
        return;
    memcpy(sample.legs, handshake->legs, sizeof sample.legs);
    if (event->flow->client_identifier.length > 0)
        sample.client = copy_of(event->flow->client_identifier);
    free_sample(audit_lowest_add(into, g_memdup2(&sample, sizeof sample)));
}

/* ---- Publishers ---- */

static guint publisher_hash(gconstpointer key)
{
    const struct publisher *publisher = key;
    return audit_string_hash(publisher->client) * 31 + audit_string_hash(publisher->topic);
}

static gboolean publisher_equal(gconstpointer a, gconstpointer b)
{
    const struct publisher *one = a, *other = b;
    return audit_string_equal(one->client, other->client) &&
           audit_string_equal(one->topic, other->topic);
}

static void free_publisher(gpointer publisher)
{
    g_free(((struct publisher *)publisher)->client);
    g_free(((struct publisher *)publisher)->topic);
    g_free(publisher);
}

static void add_publication(struct html_samples *samples, const struct audit_event *event)
{
    struct audit_string client = audit_string_view(event->flow->client_identifier);
    struct audit_string topic = audit_string_view(event->message.topic);
    const struct publisher key = {.client = &client, .topic = &topic};
    struct publisher *publisher = g_hash_table_lookup(samples->publishers, &key);
    if (event->message.resend)
        return;
    if (publisher == NULL && g_hash_table_size(samples->publishers) >= PUBLISHERS) {
        samples->left_out++;
        return;
    }
    if (publisher == NULL) {
        publisher = g_new0(struct publisher, 1);
        publisher->client = audit_string_copy(&client);
        publisher->topic = audit_string_copy(&topic);
        g_hash_table_add(samples->publishers, publisher);
    }
    publisher->count++;
    publisher->bytes += event->message.payload_length;
}

/* ---- All ---- */

struct html_samples *html_samples_new(void)
{
    struct html_samples *samples = g_new0(struct html_samples, 1);
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            audit_lowest_init(&samples->slowest[role][kind], SLOWEST, slowest_first);
    audit_lowest_init(&samples->unfinished, UNFINISHED, earliest_first);
    samples->publishers =
        g_hash_table_new_full(publisher_hash, publisher_equal, free_publisher, NULL);
    return samples;
}

static void clear_lowest(struct audit_lowest *lowest)
{
    for (guint i = 0; i < lowest->rows->len; i++)
        free_sample(g_ptr_array_index(lowest->rows, i));
    audit_lowest_clear(lowest);
}

void html_samples_free(struct html_samples *samples)
{
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            clear_lowest(&samples->slowest[role][kind]);
    clear_lowest(&samples->unfinished);
    g_hash_table_destroy(samples->publishers);
    g_free(samples);
}

void html_samples_take(struct html_samples *samples, const struct audit_event *event)
{
    if (event->kind == AUDIT_EVENT_PUBLISHED)
        add_publication(samples, event);
    else if (event->kind == AUDIT_EVENT_HANDSHAKE_DONE || event->kind == AUDIT_EVENT_PING ||
             event->kind == AUDIT_EVENT_HANDSHAKE_GIVEN_UP)
        add_handshake(samples, event);
}

/* ---- Writing ---- */

static void write_string(const struct html_data *data, const char *key,
                         const struct audit_string *string)
{
    if (string == NULL || string->length == 0) {
        json_null(data->json, key);
        return;
    }
    char *text = escape_string(string);
    json_unsigned(data->json, key, columnar_word(data->words, text));
    g_free(text);
}

static void write_legs(const struct sample *sample, const struct html_data *data)
{
    json_array_begin(data->json, "legs");
    for (unsigned leg = 0; leg < sample->stage && leg < MQTT_LEGS; leg++) {
        if (sample->legs[leg].frame == 0)
            continue;
        json_array_begin(data->json, NULL);
        json_unsigned(data->json, NULL,
                      columnar_word(data->words, mqtt_packet_type_name(
                                                     mqtt_handshake_leg_type(sample->kind, leg))));
        json_unsigned(data->json, NULL, sample->legs[leg].frame);
        json_signed(data->json, NULL, html_time(data, sample->legs[leg].time));
        json_array_end(data->json);
    }
    json_array_end(data->json);
}

static void write_sample(const struct sample *sample, const struct html_data *data)
{
    struct json_writer *json = data->json;
    json_object_begin(json, NULL);
    json_text(json, "what", mqtt_handshake_kind_name(sample->kind));
    json_bool(json, "by_server", sample->by_server);
    write_string(data, "client", sample->client);
    json_unsigned(json, "connection", sample->connection);
    json_signed(json, "stream", sample->stream);
    json_unsigned(json, "id", sample->packet_identifier);
    if (sample->resends > 0)
        json_unsigned(json, "resends", sample->resends);
    if (sample->finished) {
        json_unsigned(json, "took", sample->took / 1000);
        json_unsigned(json, "reason", sample->reason_code);
    } else if (mqtt_handshake_leg_type(sample->kind, sample->stage) != 0) {
        json_text(json, "awaits",
                  mqtt_packet_type_name(mqtt_handshake_leg_type(sample->kind, sample->stage)));
    }
    if (sample->failed)
        json_bool(json, "failed", true);
    if (sample->wire != MQTT_NO_TIME)
        json_signed(json, "wire", sample->wire / 1000);
    write_legs(sample, data);
    json_object_end(json);
}

static void write_lowest(const struct audit_lowest *lowest, const struct html_data *data)
{
    struct audit_lowest sorted = *lowest;
    audit_lowest_sort(&sorted, lowest->order);
    for (guint i = 0; i < sorted.rows->len; i++)
        write_sample(g_ptr_array_index(sorted.rows, i), data);
}

static gint by_names(gconstpointer a, gconstpointer b)
{
    const struct publisher *one = *(const struct publisher *const *)a;
    const struct publisher *other = *(const struct publisher *const *)b;
    const int order = audit_string_order(one->topic, other->topic);
    return order != 0 ? order : audit_string_order(one->client, other->client);
}

static void write_publishers(const struct html_samples *samples, const struct html_data *data)
{
    GPtrArray *sorted = g_ptr_array_new();
    GHashTableIter iter;
    gpointer publisher;
    g_hash_table_iter_init(&iter, samples->publishers);
    while (g_hash_table_iter_next(&iter, &publisher, NULL))
        g_ptr_array_add(sorted, publisher);
    g_ptr_array_sort(sorted, by_names);
    json_array_begin(data->json, "publishers");
    for (guint i = 0; i < sorted->len; i++) {
        const struct publisher *row = g_ptr_array_index(sorted, i);
        json_object_begin(data->json, NULL);
        write_string(data, "client", row->client);
        write_string(data, "topic", row->topic);
        json_unsigned(data->json, "count", row->count);
        json_unsigned(data->json, "bytes", row->bytes);
        json_object_end(data->json);
    }
    json_array_end(data->json);
    json_unsigned(data->json, "publishers_left_out", samples->left_out);
    g_ptr_array_free(sorted, TRUE);
}

void html_samples_write(const struct html_samples *samples, const struct html_data *data)
{
    json_unsigned(data->json, "handshakes_seen", samples->handshakes);
    json_unsigned(data->json, "handshakes_unfinished", samples->given_up);
    json_unsigned(data->json, "handshakes_a_kind", SLOWEST);
    json_array_begin(data->json, "handshakes");
    write_lowest(&samples->unfinished, data);
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            write_lowest(&samples->slowest[role][kind], data);
    json_array_end(data->json);
    write_publishers(samples, data);
}
