/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prometheus' text format: see metrics.h. Names are metrics.def's; units are base units. */
#include "audit/report/metrics.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include "audit/diagnosis/diagnoses.h"
#include "audit/histogram.h"
#include "audit/report/format.h"
#include "mqtt/facts/time.h"

enum outcome { COMPLETED, REFUSED, GIVEN_UP, OUTCOMES };

#define VERSIONS (MQTT_VERSION_5_0 + 1)
#define SESSION_EVENTS (AUDIT_EVENT_SESSION_EXPIRED - AUDIT_EVENT_SESSION_BEGAN + 1)

struct metrics {
    uint64_t files, unreadable, packets, bytes;
    bool any;
    int64_t last; /* time of the last event; valid if `any` */
    uint64_t limits[AUDIT_LIMITS];
    uint64_t opened, closed;
    uint64_t ends[MQTT_END_CAUSES][VERSIONS];
    struct audit_histogram lifetimes;
    uint64_t control[AUDIT_ROLES][MQTT_PACKET_TYPES];
    uint64_t control_bytes[AUDIT_ROLES];
    uint64_t sessions[SESSION_EVENTS];
    uint64_t messages[AUDIT_ROLES][3]; /* by QoS */
    uint64_t payload[AUDIT_ROLES];
    uint64_t resends[AUDIT_ROLES];
    uint64_t handshakes[MQTT_HANDSHAKE_KINDS][AUDIT_ROLES][OUTCOMES];
    struct audit_histogram durations[MQTT_HANDSHAKE_KINDS][AUDIT_ROLES];
    struct audit_delivery_counts deliveries;
    struct audit_histogram latencies;
    uint64_t findings[MQTT_RULES];
};

static const char *const roles[AUDIT_ROLES] = {"client", "server"};
static const char *const kinds[MQTT_HANDSHAKE_KINDS] = {
    "none", "qos-1", "qos-2", "subscribe", "unsubscribe", "ping", "connect"};

struct metrics *metrics_new(void)
{
    return g_new0(struct metrics, 1);
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
        for (unsigned role = 0; role < AUDIT_ROLES; role++)
            audit_histogram_clear(&metrics->durations[kind][role]);
    audit_histogram_clear(&metrics->lifetimes);
    audit_histogram_clear(&metrics->latencies);
    g_free(metrics);
}

/* ---- Counting ---- */

static enum audit_role role_of(const struct audit_flow *flow, unsigned side)
{
    return side == flow->client ? AUDIT_CLIENT : AUDIT_SERVER;
}

/* Where the clock stepped back there is no duration. */
static void add_duration(struct audit_histogram *histogram, int64_t nanoseconds)
{
    if (nanoseconds >= 0)
        audit_histogram_add(histogram, (uint64_t)nanoseconds / 1000);
}

static void count_closed(struct metrics *metrics, const struct audit_event *event)
{
    const struct audit_facts *facts = event->closed.facts;
    metrics->closed++;
    metrics->ends[facts->end_cause][MIN(facts->version, VERSIONS - 1)]++;
    add_duration(&metrics->lifetimes, mqtt_elapsed(facts->end_time, event->flow->start_time));
    for (unsigned side = 0; side < 2; side++) {
        const enum audit_role role = side == facts->client ? AUDIT_CLIENT : AUDIT_SERVER;
        metrics->control_bytes[role] += facts->bytes[side];
        for (unsigned type = 0; type < MQTT_PACKET_TYPES; type++)
            metrics->control[role][type] += facts->packets[side][type];
    }
}

static void count_message(struct metrics *metrics, const struct audit_event *event)
{
    const struct audit_message *message = &event->message;
    const enum audit_role role = event->kind == AUDIT_EVENT_PUBLISHED ? AUDIT_CLIENT : AUDIT_SERVER;
    if (message->resend) {
        metrics->resends[role]++;
        return;
    }
    metrics->messages[role][MIN(message->qos, 2)]++;
    metrics->payload[role] += message->payload_length;
}

static void count_handshake(struct metrics *metrics, const struct audit_event *event)
{
    const struct mqtt_handshake *handshake = event->handshake.handshake;
    const enum audit_role role = role_of(event->flow, handshake->side);
    const enum outcome outcome = event->kind == AUDIT_EVENT_HANDSHAKE_GIVEN_UP ? GIVEN_UP
                                 : handshake->failed                           ? REFUSED
                                                                               : COMPLETED;
    metrics->handshakes[handshake->kind][role][outcome]++;
    if (outcome == COMPLETED && event->handshake.measured)
        add_duration(&metrics->durations[handshake->kind][role], event->handshake.took);
}

static void count_deliveries(struct metrics *metrics, const struct audit_delivery_row *row)
{
    struct audit_delivery_counts *all = &metrics->deliveries;
    const struct audit_delivery_counts *more = &row->counts;
    all->delivered += more->delivered;
    all->late += more->late;
    all->lost += more->lost;
    all->dropped_qos_0 += more->dropped_qos_0;
    all->twice += more->twice;
    all->unknown += more->unknown;
    all->retained += more->retained;
    for (unsigned excuse = 0; excuse < AUDIT_EXCUSES; excuse++)
        all->excused[excuse] += more->excused[excuse];
    if (row->times != NULL)
        audit_histogram_merge(&metrics->latencies, row->times);
}

static void count_file_end(struct metrics *metrics, const struct audit_file_end *end)
{
    metrics->packets += end->packets;
    metrics->bytes += end->bytes;
    metrics->unreadable += end->problem != NULL;
}

void metrics_event(struct metrics *metrics, const struct audit_event *event)
{
    if (event->frame != 0) {
        metrics->any = true;
        metrics->last = event->time;
    }
    switch (event->kind) {
    case AUDIT_EVENT_FILE_BEGIN: metrics->files++; break;
    case AUDIT_EVENT_FILE_END: count_file_end(metrics, &event->file_end); break;
    case AUDIT_EVENT_LIMIT: metrics->limits[event->limit.kind] += event->limit.count; break;
    case AUDIT_EVENT_OPENED: metrics->opened++; break;
    case AUDIT_EVENT_CLOSED: count_closed(metrics, event); break;
    case AUDIT_EVENT_SESSION_BEGAN:
    case AUDIT_EVENT_SESSION_RESUMED:
    case AUDIT_EVENT_SESSION_TAKEN_OVER:
    case AUDIT_EVENT_SESSION_ENDED:
    case AUDIT_EVENT_SESSION_OFFLINE:
    case AUDIT_EVENT_SESSION_EXPIRED:
        metrics->sessions[event->kind - AUDIT_EVENT_SESSION_BEGAN]++;
        break;
    case AUDIT_EVENT_PUBLISHED:
    case AUDIT_EVENT_DELIVERED: count_message(metrics, event); break;
    case AUDIT_EVENT_DELIVERIES: count_deliveries(metrics, &event->deliveries); break;
    case AUDIT_EVENT_HANDSHAKE_DONE:
    case AUDIT_EVENT_HANDSHAKE_GIVEN_UP:
    case AUDIT_EVENT_PING: count_handshake(metrics, event); break;
    case AUDIT_EVENT_FINDING: metrics->findings[event->finding.what->rule]++; break;
    case AUDIT_EVENT_IDENTIFIED:
    case AUDIT_EVENT_SUBSCRIBED:
    case AUDIT_EVENT_UNSUBSCRIBED:
    case AUDIT_EVENT_DIAGNOSIS:
    case AUDIT_EVENTS: break;
    }
}

/* ---- Writing ---- */

enum metric {
#define METRIC(id, ...) METRIC_##id,
#include "audit/report/metrics.def"
    METRICS,
};

static const struct family {
    const char *name, *type, *help;
} families[METRICS] = {
#define METRIC(id, name, type, help) {name, #type, help},
#include "audit/report/metrics.def"
};

static void begin(FILE *file, enum metric metric)
{
    const struct family *family = &families[metric];
    fprintf(file, "# HELP mqttscope_%s %s\n# TYPE mqttscope_%s %s\n", family->name, family->help,
            family->name, family->type);
}

/* A sample, and printf()'s arguments for what stands between the braces. */
static void sample(FILE *file, enum metric metric, uint64_t value, const char *labels, ...)
    G_GNUC_PRINTF(4, 5);

static void sample(FILE *file, enum metric metric, uint64_t value, const char *labels, ...)
{
    va_list arguments;
    fprintf(file, "mqttscope_%s{", families[metric].name);
    va_start(arguments, labels);
    vfprintf(file, labels, arguments);
    va_end(arguments);
    fprintf(file, "} %" PRIu64 "\n", value);
}

static void single(FILE *file, enum metric metric, uint64_t value)
{
    begin(file, metric);
    fprintf(file, "mqttscope_%s %" PRIu64 "\n", families[metric].name, value);
}

/* A value in seconds, exactly. */
static void put_microseconds(FILE *file, uint64_t microseconds)
{
    fprintf(file, " %" PRIu64 ".%06u\n", microseconds / 1000000,
            (unsigned)(microseconds % 1000000));
}

/* Upper ends of buckets, from 100 microseconds to an hour and more. */
static const struct bound {
    const char *seconds;
    uint64_t microseconds;
} bounds[] = {
    {"0.0001", 100},
    {"0.00025", 250},
    {"0.0005", 500},
    {"0.001", 1000},
    {"0.0025", 2500},
    {"0.005", 5000},
    {"0.01", 10000},
    {"0.025", 25000},
    {"0.05", 50000},
    {"0.1", 100000},
    {"0.25", 250000},
    {"0.5", 500000},
    {"1", 1000000},
    {"2.5", 2500000},
    {"5", 5000000},
    {"10", 10000000},
    {"30", 30000000},
    {"60", 60000000},
    {"300", 300000000},
    {"900", 900000000},
    {"3600", 3600000000u},
    {"21600", UINT64_C(21600000000)},
    {"86400", UINT64_C(86400000000)},
};

/* Buckets, sum and count. The buckets are known to within 1/64, and so is the sum. */
static void put_histogram(FILE *file, enum metric metric, const struct audit_histogram *histogram,
                          const char *labels)
{
    const char *name = families[metric].name;
    const char *comma = *labels != '\0' ? "," : "";
    for (unsigned i = 0; i < G_N_ELEMENTS(bounds); i++)
        fprintf(file, "mqttscope_%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, labels, comma,
                bounds[i].seconds, audit_histogram_between(histogram, 0, bounds[i].microseconds));
    fprintf(file, "mqttscope_%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma,
            histogram->count);
    const char *open = *labels != '\0' ? "{" : "", *close = *labels != '\0' ? "}" : "";
    fprintf(file, "mqttscope_%s_sum%s%s%s", name, open, labels, close);
    put_microseconds(file, audit_histogram_sum(histogram));
    fprintf(file, "mqttscope_%s_count%s%s%s %" PRIu64 "\n", name, open, labels, close,
            histogram->count);
}

static void write_capture(const struct metrics *metrics, FILE *file)
{
    begin(file, METRIC_BUILD);
    sample(file, METRIC_BUILD, 1, "version=\"%s\"", MQTTSCOPE_VERSION);
    single(file, METRIC_FILES, metrics->files);
    single(file, METRIC_UNREADABLE, metrics->unreadable);
    single(file, METRIC_PACKETS, metrics->packets);
    single(file, METRIC_BYTES, metrics->bytes);
    if (metrics->any && metrics->last >= 0) {
        begin(file, METRIC_TIME);
        fprintf(file, "mqttscope_%s", families[METRIC_TIME].name);
        put_microseconds(file, (uint64_t)metrics->last / 1000);
    }
    begin(file, METRIC_LIMITS);
    for (unsigned kind = 0; kind < AUDIT_LIMITS; kind++)
        sample(file, METRIC_LIMITS, metrics->limits[kind], "kind=\"%s\"",
               audit_limit_info((enum audit_limit_kind)kind)->kind);
}

static void write_connections(const struct metrics *metrics, FILE *file)
{
    single(file, METRIC_OPENED, metrics->opened);
    single(file, METRIC_OPEN, metrics->opened - metrics->closed);
    begin(file, METRIC_ENDS);
    for (unsigned cause = 0; cause < MQTT_END_CAUSES; cause++)
        for (unsigned version = 0; version < VERSIONS; version++)
            if (metrics->ends[cause][version] > 0)
                sample(file, METRIC_ENDS, metrics->ends[cause][version],
                       "cause=\"%s\",version=\"%s\"", mqtt_end_cause_name(cause),
                       mqtt_version_name(version));
    begin(file, METRIC_LIFETIMES);
    put_histogram(file, METRIC_LIFETIMES, &metrics->lifetimes, "");
    begin(file, METRIC_CONTROL);
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        for (unsigned type = 1; type < MQTT_PACKET_TYPES; type++)
            if (metrics->control[role][type] > 0)
                sample(file, METRIC_CONTROL, metrics->control[role][type],
                       "sender=\"%s\",type=\"%s\"", roles[role], mqtt_packet_type_name(type));
    begin(file, METRIC_CONTROL_BYTES);
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        sample(file, METRIC_CONTROL_BYTES, metrics->control_bytes[role], "sender=\"%s\"",
               roles[role]);
    begin(file, METRIC_SESSIONS);
    for (unsigned i = 0; i < SESSION_EVENTS; i++)
        sample(file, METRIC_SESSIONS, metrics->sessions[i], "event=\"%s\"",
               audit_event_info((enum audit_event_kind)(AUDIT_EVENT_SESSION_BEGAN + i))->name +
                   strlen("session-"));
}

static void write_messages(const struct metrics *metrics, FILE *file)
{
    begin(file, METRIC_MESSAGES);
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        for (unsigned qos = 0; qos < 3; qos++)
            sample(file, METRIC_MESSAGES, metrics->messages[role][qos], "sender=\"%s\",qos=\"%u\"",
                   roles[role], qos);
    begin(file, METRIC_PAYLOAD);
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        sample(file, METRIC_PAYLOAD, metrics->payload[role], "sender=\"%s\"", roles[role]);
    begin(file, METRIC_RESENDS);
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        sample(file, METRIC_RESENDS, metrics->resends[role], "sender=\"%s\"", roles[role]);
}

static void write_handshakes(const struct metrics *metrics, FILE *file)
{
    static const char *const outcomes[OUTCOMES] = {"completed", "refused", "given-up"};
    begin(file, METRIC_HANDSHAKES);
    for (unsigned kind = 1; kind < MQTT_HANDSHAKE_KINDS; kind++)
        for (unsigned role = 0; role < AUDIT_ROLES; role++)
            for (unsigned outcome = 0; outcome < OUTCOMES; outcome++)
                if (metrics->handshakes[kind][role][outcome] > 0)
                    sample(file, METRIC_HANDSHAKES, metrics->handshakes[kind][role][outcome],
                           "kind=\"%s\",begun_by=\"%s\",outcome=\"%s\"", kinds[kind], roles[role],
                           outcomes[outcome]);
    begin(file, METRIC_DURATIONS);
    for (unsigned kind = 1; kind < MQTT_HANDSHAKE_KINDS; kind++)
        for (unsigned role = 0; role < AUDIT_ROLES; role++) {
            char labels[64];
            g_snprintf(labels, sizeof labels, "kind=\"%s\",begun_by=\"%s\"", kinds[kind],
                       roles[role]);
            if (metrics->durations[kind][role].count > 0)
                put_histogram(file, METRIC_DURATIONS, &metrics->durations[kind][role], labels);
        }
}

static void write_deliveries(const struct metrics *metrics, FILE *file)
{
    const struct audit_delivery_counts *counts = &metrics->deliveries;
    const struct {
        const char *word;
        uint64_t count;
    } outcomes[] = {
        {"delivered", counts->delivered}, {"late", counts->late},
        {"lost", counts->lost},           {"dropped-qos-0", counts->dropped_qos_0},
        {"twice", counts->twice},         {"unknown", counts->unknown},
        {"retained", counts->retained},
    };
    begin(file, METRIC_DELIVERIES);
    for (unsigned i = 0; i < G_N_ELEMENTS(outcomes); i++)
        sample(file, METRIC_DELIVERIES, outcomes[i].count, "outcome=\"%s\"", outcomes[i].word);
    begin(file, METRIC_EXCUSED);
    for (unsigned excuse = 0; excuse < AUDIT_EXCUSES; excuse++)
        sample(file, METRIC_EXCUSED, counts->excused[excuse], "reason=\"%s\"",
               audit_excuse_name(excuse));
    begin(file, METRIC_LATENCIES);
    put_histogram(file, METRIC_LATENCIES, &metrics->latencies, "");
}

static void write_findings(const struct metrics *metrics, FILE *file)
{
    begin(file, METRIC_FINDINGS);
    for (unsigned rule = 0; rule < MQTT_RULES; rule++) {
        const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)rule);
        sample(file, METRIC_FINDINGS, metrics->findings[rule], "rule=\"%s\",severity=\"%s\"",
               info->id, mqtt_severity_name(info->severity));
    }
}

/* One diagnosis may be of another severity than its row, where it is not sure. */
static void write_diagnoses(const struct audit_report *report, FILE *file)
{
    uint64_t counts[AUDIT_DIAGNOSES][MQTT_ERROR + 1] = {{0}};
    for (unsigned i = 0; i < report->diagnoses->len; i++) {
        const struct audit_diagnosis *diagnosis = audit_report_diagnosis(report, i);
        counts[diagnosis->id][diagnosis->severity]++;
    }
    begin(file, METRIC_DIAGNOSES);
    for (unsigned id = 0; id < AUDIT_DIAGNOSES; id++)
        for (unsigned severity = 0; severity <= MQTT_ERROR; severity++) {
            const struct audit_diagnosis_info *info = audit_diagnosis_info(id);
            if (counts[id][severity] > 0 || severity == info->severity)
                sample(file, METRIC_DIAGNOSES, counts[id][severity],
                       "diagnosis=\"%s\",severity=\"%s\"", info->id, mqtt_severity_name(severity));
        }
}

void metrics_write(const struct metrics *metrics, const struct audit_report *report, FILE *file)
{
    write_capture(metrics, file);
    write_connections(metrics, file);
    write_messages(metrics, file);
    write_handshakes(metrics, file);
    write_deliveries(metrics, file);
    write_findings(metrics, file);
    if (report != NULL)
        write_diagnoses(report, file);
}
