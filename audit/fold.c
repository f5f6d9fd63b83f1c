/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From events to the report: see fold.h. */
#include "audit/fold_private.h"

#include "audit/diagnosis/diagnoses.h"

#include <string.h>

#include "mqtt/facts/time.h"

/* The row of a connection, from OPENED to CLOSED. */
static struct audit_connection *record_of(const struct audit_fold *fold,
                                          const struct audit_event *event)
{
    return event->flow->state[fold->sink.slot];
}

static void fold_opened(struct audit_fold *fold, const struct audit_event *event)
{
    const struct audit_flow *flow = event->flow;
    struct audit_connection *record = g_new0(struct audit_connection, 1);
    record->number = flow->number;
    record->stream = flow->stream;
    record->carrier = flow->carrier;
    memcpy(record->endpoints, flow->endpoints, sizeof record->endpoints);
    record->real_client = flow->real_client;
    record->start_time = flow->start_time;
    record->start_frame = flow->start_frame;
    record->party = g_new0(struct audit_party, 1);
    record->party->references = 1;
    record->party->stream = flow->stream;
    flow->state[fold->sink.slot] = record;
}

/* ---- PUBLISH ---- */

static void count_message(struct audit_topic *topic, const struct audit_event *event)
{
    const struct audit_message *message = &event->message;
    if (event->kind == AUDIT_EVENT_PUBLISHED) {
        topic->published++;
        topic->by_bridges += message->by_bridge;
        topic->published_bytes += message->payload_length;
    } else {
        topic->delivered++;
        topic->delivered_bytes += message->payload_length;
        topic->retained += message->retain;
    }
    topic->qos[message->qos]++;
}

static void fold_message(struct audit_fold *fold, const struct audit_event *event)
{
    if (event->message.resend)
        return;
    if (event->message.topic.length == 0) {
        count_message(&fold->unnamed, event);
        return;
    }
    if (event->message.match.known && event->kind == AUDIT_EVENT_DELIVERED)
        audit_fold_match(fold, event);
    struct audit_topic *topic = audit_fold_topic(fold, event->message.topic);
    count_message(topic != NULL ? topic : &fold->left_out, event);
}

/* ---- Handshakes ---- */

static struct audit_handshakes *handshakes_of(struct audit_connection *record, unsigned side,
                                              unsigned kind)
{
    struct audit_handshakes **slot = &record->handshakes[side][kind];
    if (*slot == NULL)
        *slot = g_new0(struct audit_handshakes, 1);
    return *slot;
}

static void add_sample(struct audit_histogram **histogram, uint64_t microseconds)
{
    if (*histogram == NULL)
        *histogram = g_new0(struct audit_histogram, 1);
    audit_histogram_add(*histogram, microseconds);
}

/* Legs `first` and the one behind it are a request and its answer. Records keep sums; all of it is
 * in the totals. */
static void fold_part(struct audit_parts *parts, struct audit_parts *total,
                      const struct mqtt_leg *first, int64_t acknowledged)
{
    const int64_t wire = mqtt_elapsed(acknowledged, first[0].time);
    const int64_t receiver = mqtt_elapsed(first[1].time, acknowledged);
    if (acknowledged == MQTT_NO_TIME || wire < 0 || receiver < 0) {
        parts->unsplit++;
        return;
    }
    const struct audit_parts sample = {
        .split = 1,
        .wire = mqtt_microseconds(wire),
        .receiver = mqtt_microseconds(receiver),
        .longest_wire = mqtt_microseconds(wire),
        .longest_receiver = mqtt_microseconds(receiver),
    };
    audit_parts_add(parts, &sample);
    add_sample(&total->wires, sample.wire);
    add_sample(&total->receivers, sample.receiver);
}

static void fold_parts(struct audit_fold *fold, struct audit_handshakes *handshakes,
                       const struct audit_event *event)
{
    const struct mqtt_handshake *handshake = event->handshake.handshake;
    const struct audit_acknowledged *acknowledged = event->handshake.acknowledged;
    struct audit_handshakes *total =
        &fold->report.totals
             .handshakes[handshake->side == event->flow->client ? AUDIT_CLIENT : AUDIT_SERVER]
                        [handshake->kind];
    const unsigned count = audit_handshake_parts(handshake->kind);
    if (handshakes->parts == NULL)
        handshakes->parts = g_new0(struct audit_parts, count);
    if (total->parts == NULL)
        total->parts = g_new0(struct audit_parts, count);
    for (unsigned i = 0; i < count; i++)
        if (acknowledged->timed[i])
            fold_part(&handshakes->parts[i], &total->parts[i], &handshake->legs[2 * i],
                      acknowledged->time[i]);
}

static void fold_handshake(struct audit_fold *fold, const struct audit_event *event)
{
    const struct audit_handshake_event *what = &event->handshake;
    const struct mqtt_handshake *handshake = what->handshake;
    /* The time that a client was away is no latency, and a clock that steps back shows none. */
    if (!what->measured || handshake->failed || what->took < 0)
        return;
    struct audit_handshakes *handshakes =
        handshakes_of(record_of(fold, event), handshake->side, handshake->kind);
    add_sample(&handshakes->times, mqtt_microseconds(what->took));
    if (what->acknowledged != NULL)
        fold_parts(fold, handshakes, event);
}

/* ---- Findings ---- */

static const struct audit_string *copy_of(struct mqtt_slice slice)
{
    const struct audit_string view = audit_string_view(slice);
    return slice.length > 0 ? audit_string_copy(&view) : NULL;
}

/* What waits in a session has no connection yet. */
static struct audit_party *session_party(const struct audit_finding_event *finding)
{
    struct audit_party *party = g_new0(struct audit_party, 1);
    party->stream = party->told_stream = finding->stream;
    party->client_identifier = copy_of(finding->client_identifier);
    party->server = g_memdup2(finding->server, sizeof *party->server);
    return party;
}

/* That of the connection that was closed just now, if it is about that. The finding counts there if
 * the connection is listed. */
static struct audit_party *gone_party(const struct audit_fold *fold,
                                      const struct audit_finding_event *finding)
{
    if (finding->closed == 0 || finding->closed != fold->closed_number)
        return session_party(finding);
    struct audit_connection *connection =
        (struct audit_connection *)(uintptr_t)fold->closed->connection;
    if (connection != NULL)
        connection->own_findings[mqtt_rule_info((enum mqtt_rule)finding->what->rule)->severity]++;
    return fold->closed;
}

/* Findings about it may follow. */
static void remember_closed(struct audit_fold *fold, const struct audit_event *event,
                            struct audit_party *party)
{
    if (fold->closed != NULL)
        audit_party_release(fold->closed);
    fold->closed = party;
    fold->closed->references++;
    fold->closed_number = event->flow->number;
}

static void fold_finding(struct audit_fold *fold, const struct audit_event *event)
{
    const struct mqtt_finding *what = event->finding.what;
    const unsigned severity = mqtt_rule_info((enum mqtt_rule)what->rule)->severity;
    struct audit_finding finding = {.what = *what, .order = event->finding.order};
    fold->report.totals.findings[severity]++;
    fold->report.totals.findings_by_rule[what->rule]++;
    if (event->flow != NULL) {
        finding.party = record_of(fold, event)->party;
        record_of(fold, event)->own_findings[severity]++;
        if (!audit_lowest_admits(&fold->findings, &finding))
            return;
    } else {
        finding.party = gone_party(fold, &event->finding);
    }
    finding.party->references++;
    finding.topic = copy_of(event->finding.topic);
    audit_fold_list_finding(fold, g_memdup2(&finding, sizeof finding));
}

/* ---- The end of a connection ---- */

static void add_totals(struct audit_totals *totals, const struct audit_connection *record)
{
    const struct audit_facts *facts = &record->facts;
    totals->connections++;
    if (facts->version <= MQTT_VERSION_5_0)
        totals->by_version[facts->version]++;
    totals->by_end_cause[facts->end_cause]++;
    for (unsigned side = 0; side < 2; side++) {
        enum audit_role role = audit_role(record, side);
        totals->bytes[role] += facts->bytes[side];
        for (unsigned type = 0; type < MQTT_PACKET_TYPES; type++)
            totals->packets[role][type] += facts->packets[side][type];
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            if (record->handshakes[side][kind] != NULL)
                audit_handshakes_add(&totals->handshakes[role][kind],
                                     record->handshakes[side][kind], kind);
    }
}

static void add_duration(struct audit_histogram *histogram, int64_t nanoseconds)
{
    if (nanoseconds >= 0)
        audit_histogram_add(histogram, mqtt_microseconds(nanoseconds));
}

static void add_histograms(struct audit_histograms *all, struct audit_connection *record,
                           const struct audit_closing *closed)
{
    const struct audit_facts *facts = &record->facts;
    add_duration(&all->idle[facts->end_cause], facts->idle_at_end);
    add_duration(&all->lifetimes, mqtt_elapsed(facts->end_time, record->start_time));
    add_duration(&all->intervals, closed->stay->since_connect);
    if (facts->idle_at_end != MQTT_NO_TIME)
        add_duration(&all->silences, facts->keep_alive.max_idle_ns);
    for (unsigned side = 0; side < 2; side++) {
        if (closed->round_trips[side] == NULL)
            continue;
        record->round_trips[side] = audit_round_trips_pack(closed->round_trips[side]);
        audit_histogram_merge_packed(&all->round_trips[audit_role(record, side)],
                                     record->round_trips[side]);
    }
}

/* Copies the counts, and makes the times small. */
static void close_handshakes(struct audit_connection *record, const struct audit_closing *closed)
{
    for (unsigned side = 0; side < 2; side++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            if (closed->handshakes[side][kind] != NULL)
                handshakes_of(record, side, kind)->count = *closed->handshakes[side][kind];
}

static void pack_times(struct audit_connection *record)
{
    for (unsigned side = 0; side < 2; side++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++) {
            struct audit_handshakes *handshakes = record->handshakes[side][kind];
            if (handshakes == NULL || handshakes->times == NULL)
                continue;
            handshakes->packed = audit_histogram_pack(handshakes->times);
            audit_histogram_clear(handshakes->times);
            g_free(handshakes->times);
            handshakes->times = NULL;
        }
}

static void fold_closed(struct audit_fold *fold, const struct audit_event *event)
{
    struct audit_connection *record = record_of(fold, event);
    record->facts = *event->closed.facts;
    record->signs = *event->closed.signs;
    if (event->flow->client_identifier.length > 0) {
        const struct audit_string name = audit_string_view(event->flow->client_identifier);
        record->client_identifier = audit_string_copy(&name);
        record->party->client_identifier = record->client_identifier;
    }
    const struct audit_endpoint *broker = event->closed.broker;
    if (!audit_endpoint_equal(broker, audit_connection_broker(record)))
        record->broker = g_memdup2(broker, sizeof *broker);
    close_handshakes(record, &event->closed);
    add_totals(&fold->report.totals, record);
    add_histograms(&fold->report.totals.histograms, record, &event->closed);
    audit_fold_stay(fold, record, event);
    pack_times(record);
    remember_closed(fold, event, record->party);
    audit_fold_list_connection(fold, record);
    event->flow->state[fold->sink.slot] = NULL;
}

/* ---- The capture ---- */

static void fold_file_begin(struct audit_fold *fold, const struct audit_file_begin *begin)
{
    struct audit_file file = {
        .name = g_strdup(begin->name), .first_frame = begin->first_frame, .index = begin->index};
    g_array_append_val(fold->report.capture.files, file);
}

static void fold_file_end(struct audit_fold *fold, const struct audit_file_end *end)
{
    struct audit_capture *capture = &fold->report.capture;
    struct audit_file *file =
        &g_array_index(capture->files, struct audit_file, capture->files->len - 1);
    file->packets = end->packets;
    file->problem = g_strdup(end->problem);
    capture->packets += end->packets;
    capture->bytes += end->bytes;
    if (end->packets > 0)
        audit_fold_times(fold, end->first, end->last);
}

/* Of several hints the first of the capture stays, and so does the first example. */
static void add_hint(struct audit_limit *into, const struct audit_limit *more)
{
    if (more->hint == NULL || (into->hint != NULL && into->hint_frame <= more->hint_frame))
        return;
    g_free(into->hint);
    into->hint = g_strdup(more->hint);
    into->hint_frame = more->hint_frame;
}

void audit_add_limit(struct audit_limit *into, const struct audit_limit *more)
{
    into->count += more->count;
    into->bytes += more->bytes;
    add_hint(into, more);
    if (more->frame == 0 || (into->frame != 0 && into->frame <= more->frame))
        return;
    into->frame = more->frame;
    into->stream = more->stream;
}

static void fold_limit(struct audit_fold *fold, const struct audit_limit_event *limit)
{
    const struct audit_limit more = {
        .count = limit->count,
        .bytes = limit->bytes,
        .stream = limit->stream,
        .frame = limit->frame,
        .hint = (char *)(uintptr_t)limit->hint, /* copied */
        .hint_frame = limit->hint_frame,
    };
    audit_add_limit(&fold->report.capture.limits[limit->kind], &more);
}

static void fold_event(void *user, const struct audit_event *event)
{
    struct audit_fold *fold = user;
    switch (event->kind) {
    case AUDIT_EVENT_PUBLISHED:
    case AUDIT_EVENT_DELIVERED: fold_message(fold, event); break;
    case AUDIT_EVENT_DELIVERIES: audit_fold_deliveries(fold, &event->deliveries); break;
    case AUDIT_EVENT_HANDSHAKE_DONE:
    case AUDIT_EVENT_PING: fold_handshake(fold, event); break;
    case AUDIT_EVENT_OPENED: fold_opened(fold, event); break;
    case AUDIT_EVENT_CLOSED: fold_closed(fold, event); break;
    case AUDIT_EVENT_FINDING: fold_finding(fold, event); break;
    case AUDIT_EVENT_SESSION_EXPIRED: audit_fold_expired(fold, event); break;
    case AUDIT_EVENT_LIMIT: fold_limit(fold, &event->limit); break;
    case AUDIT_EVENT_FILE_BEGIN: fold_file_begin(fold, &event->file_begin); break;
    case AUDIT_EVENT_FILE_END: fold_file_end(fold, &event->file_end); break;
    default: break; /* the report has them from CLOSED */
    }
}

/* ---- The fold itself ---- */

static guint session_hash(gconstpointer key)
{
    const struct audit_session *session = key;
    const char *address = session->server.address;
    uint64_t hash =
        audit_hash_more(session->client_identifier->hash,
                        (struct mqtt_slice){(const uint8_t *)address, (uint32_t)strlen(address)});
    const uint8_t port[2] = {(uint8_t)(session->server.port >> 8), (uint8_t)session->server.port};
    return (guint)audit_hash_more(hash, (struct mqtt_slice){port, sizeof port});
}

static gboolean session_equal(gconstpointer a, gconstpointer b)
{
    const struct audit_session *x = a, *y = b;
    return audit_string_equal(x->client_identifier, y->client_identifier) &&
           audit_endpoint_equal(&x->server, &y->server);
}

static void file_clear(gpointer element)
{
    struct audit_file *file = element;
    g_free(file->name);
    g_free(file->problem);
}

/* Which are listed, where there are too many: a hash decides; a tie is one in 2^64. */
static int session_rank(const void *a, const void *b)
{
    const struct audit_session *x = a, *y = b;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static int topic_rank(const void *a, const void *b)
{
    const struct audit_topic *x = a, *y = b;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

struct audit_fold *audit_fold_new(const struct audit_fold_options *options)
{
    const struct audit_fold_options none = {0};
    if (options == NULL)
        options = &none;
    struct audit_fold *fold = g_new0(struct audit_fold, 1);
    struct audit_report *report = &fold->report;
    audit_lowest_init(&fold->connections, or_default(options->max_connections, 100000),
                      audit_connection_order);
    audit_lowest_init(&fold->sessions, or_default(options->max_sessions, 100000), session_rank);
    audit_lowest_init(&fold->findings, or_default(options->max_findings, 100000),
                      audit_finding_order);
    audit_lowest_init(&fold->topics, or_default(options->max_topics, 10000), topic_rank);
    fold->session_table = g_hash_table_new(session_hash, session_equal);
    fold->topic_table = g_hash_table_new(audit_string_hash, audit_string_equal);
    audit_fold_deliveries_init(fold, options);
    fold->sink = (struct audit_sink){.event = fold_event, .user = fold};

    report->one_client = options->one_client;
    report->capture.from = report->capture.to = MQTT_NO_TIME;
    report->capture.files = g_array_new(FALSE, TRUE, sizeof(struct audit_file));
    g_array_set_clear_func(report->capture.files, file_clear);
    report->connections = fold->connections.rows;
    report->sessions = fold->sessions.rows;
    report->findings = fold->findings.rows;
    report->topics = fold->topics.rows;
    report->diagnoses = g_ptr_array_new();
    if (options->diagnoses != NULL)
        fold->diagnoses =
            g_memdup2(options->diagnoses, AUDIT_DIAGNOSES * sizeof *options->diagnoses);
    report->deliveries = fold->deliveries.rows;
    report->slowest = fold->slowest.rows;
    return fold;
}

void audit_fold_sparkplug(struct audit_fold *fold, const GPtrArray *nodes)
{
    fold->report.sparkplug = nodes;
}

void audit_fold_span(struct audit_fold *fold, int64_t from, int64_t to)
{
    fold->report.capture.from = from;
    fold->report.capture.to = to;
}

struct audit_sink *audit_fold_sink(struct audit_fold *fold)
{
    return &fold->sink;
}
