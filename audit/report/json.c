/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON report, a function a kind of object. docs/report.schema.json is the contract. */
#include "audit/report/json.h"

#include "audit/report/format.h"
#include "audit/report/json_writer.h"

#include <string.h>

static void write_time(struct json_writer *json, const char *key, int64_t time_ns)
{
    char text[FORMAT_SIZE];
    json_text(json, key, format_time(text, time_ns));
}

/* A frame that may be none. */
static void write_frame(struct json_writer *json, const char *key, uint64_t frame)
{
    if (frame == 0)
        json_null(json, key);
    else
        json_unsigned(json, key, frame);
}

/* A string from the wire, and in further keys what the JSON string can't say: KEY_hex holds the
 * bytes if they are no UTF-8, KEY_length the true length if the report keeps only the beginning. */
static void write_string(struct json_writer *json, const char *key,
                         const struct audit_string *string)
{
    char further[FORMAT_SIZE];
    if (string == NULL) {
        json_null(json, key);
        return;
    }
    if (!json_bytes(json, key, string->bytes, string->length)) {
        g_snprintf(further, sizeof further, "%s_hex", key);
        json_hex(json, further, string->bytes, string->length);
    }
    if (string->whole > string->length) {
        g_snprintf(further, sizeof further, "%s_length", key);
        json_unsigned(json, further, string->whole);
    }
}

static void write_endpoint(struct json_writer *json, const char *key,
                           const struct audit_endpoint *endpoint)
{
    json_object_begin(json, key);
    json_text(json, "address", endpoint->address);
    json_unsigned(json, "port", endpoint->port);
    json_object_end(json);
}

static void write_latency(struct json_writer *json, const char *key,
                          const struct audit_latency *latency)
{
    if (latency->count == 0) {
        json_null(json, key);
        return;
    }
    json_object_begin(json, key);
    json_unsigned(json, "count", latency->count);
    json_unsigned(json, "p50", latency->p50);
    json_unsigned(json, "p95", latency->p95);
    json_unsigned(json, "p99", latency->p99);
    json_unsigned(json, "max", latency->max);
    json_object_end(json);
}

static void write_capture(struct json_writer *json, const struct audit_capture *capture)
{
    json_object_begin(json, "capture");
    json_array_begin(json, "files");
    for (unsigned i = 0; i < capture->files->len; i++) {
        const struct audit_file *file = &g_array_index(capture->files, struct audit_file, i);
        json_object_begin(json, NULL);
        json_bytes(json, "name", (const uint8_t *)file->name, strlen(file->name));
        json_unsigned(json, "packets", file->packets);
        json_unsigned(json, "first_frame", file->first_frame);
        if (file->problem != NULL)
            json_bytes(json, "problem", (const uint8_t *)file->problem, strlen(file->problem));
        json_object_end(json);
    }
    json_array_end(json);
    json_unsigned(json, "packets", capture->packets);
    json_unsigned(json, "bytes", capture->bytes);
    if (capture->has_times) {
        write_time(json, "first_time", capture->first_time);
        write_time(json, "last_time", capture->last_time);
    } else {
        json_null(json, "first_time");
        json_null(json, "last_time");
    }
    json_array_begin(json, "limits");
    for (unsigned i = 0; i < AUDIT_LIMITS; i++) {
        const struct audit_limit_info *info = audit_limit_info((enum audit_limit_kind)i);
        if (capture->limits[i].count == 0)
            continue;
        json_object_begin(json, NULL);
        json_text(json, "kind", info->kind);
        json_unsigned(json, "count", capture->limits[i].count);
        if (capture->limits[i].bytes != 0)
            json_unsigned(json, "bytes", capture->limits[i].bytes);
        json_text(json, "counted", info->counted);
        json_text(json, "consequence", info->consequence);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

/* What a handshake of QoS 1 or 2 that is not done awaits, by its stage. */
static void write_awaiting(struct json_writer *json, const struct audit_handshakes *handshakes,
                           unsigned kind)
{
    static const char *const awaited[][MQTT_LEGS] = {
        [MQTT_HANDSHAKE_QOS_1] = {NULL, "PUBACK", NULL, NULL},
        [MQTT_HANDSHAKE_QOS_2] = {NULL, "PUBREC", "PUBREL", "PUBCOMP"},
    };
    if (kind != MQTT_HANDSHAKE_QOS_1 && kind != MQTT_HANDSHAKE_QOS_2)
        return;
    json_object_begin(json, "awaiting");
    for (unsigned stage = 1; stage < MQTT_LEGS; stage++)
        if (awaited[kind][stage] != NULL)
            json_unsigned(json, awaited[kind][stage], handshakes->count.stage[stage]);
    json_object_end(json);
}

static void write_handshakes(struct json_writer *json, const char *key, unsigned kind,
                             const struct audit_handshakes *handshakes)
{
    static const struct audit_handshakes none;
    if (handshakes == NULL)
        handshakes = &none;
    json_object_begin(json, key);
    json_unsigned(json, "started", handshakes->count.started);
    json_unsigned(json, "resumed", handshakes->count.resumed);
    json_unsigned(json, "completed", handshakes->count.completed);
    json_unsigned(json, "refused", handshakes->count.refused);
    json_unsigned(json, "incomplete", handshakes->count.incomplete);
    json_unsigned(json, "open", handshakes->count.open);
    json_unsigned(json, "unknown", handshakes->count.unknown);
    json_unsigned(json, "retransmitted", handshakes->count.retransmitted);
    write_awaiting(json, handshakes, kind);
    const struct audit_latency latency = audit_handshakes_latency(handshakes);
    write_latency(json, "latency_us", &latency);
    json_object_end(json);
}

/* Of all kinds of handshakes, what one role began: `of[kind]`, NULL for none. */
static void write_directions(struct json_writer *json,
                             const struct audit_handshakes *of[AUDIT_ROLES][MQTT_HANDSHAKE_KINDS])
{
    static const char *const directions[AUDIT_ROLES] = {"client_to_server", "server_to_client"};
    for (unsigned role = 0; role < AUDIT_ROLES; role++) {
        json_object_begin(json, directions[role]);
        write_handshakes(json, "1", MQTT_HANDSHAKE_QOS_1, of[role][MQTT_HANDSHAKE_QOS_1]);
        write_handshakes(json, "2", MQTT_HANDSHAKE_QOS_2, of[role][MQTT_HANDSHAKE_QOS_2]);
        json_object_end(json);
    }
}

/* CONNECT, SUBSCRIBE, UNSUBSCRIBE: what clients alone begin. */
static void write_requests(struct json_writer *json,
                           const struct audit_handshakes *of[MQTT_HANDSHAKE_KINDS])
{
    write_handshakes(json, "connect", MQTT_HANDSHAKE_CONNECT, of[MQTT_HANDSHAKE_CONNECT]);
    write_handshakes(json, "subscribe", MQTT_HANDSHAKE_SUBSCRIBE, of[MQTT_HANDSHAKE_SUBSCRIBE]);
    write_handshakes(json, "unsubscribe", MQTT_HANDSHAKE_UNSUBSCRIBE,
                     of[MQTT_HANDSHAKE_UNSUBSCRIBE]);
}

/* {"client": n, "server": n} for a type; false and nothing if neither sent any. */
static void write_type_counts(struct json_writer *json, unsigned type, uint64_t client,
                              uint64_t server)
{
    if (client == 0 && server == 0)
        return;
    json_object_begin(json, mqtt_packet_type_name(type));
    json_unsigned(json, "client", client);
    json_unsigned(json, "server", server);
    json_object_end(json);
}

static void write_severities(struct json_writer *json, const char *key, const uint64_t counts[3])
{
    json_object_begin(json, key);
    json_unsigned(json, "error", counts[MQTT_ERROR]);
    json_unsigned(json, "warning", counts[MQTT_WARNING]);
    json_unsigned(json, "note", counts[MQTT_NOTE]);
    json_object_end(json);
}

static void write_totals(struct json_writer *json, const struct audit_totals *totals)
{
    json_object_begin(json, "totals");
    json_unsigned(json, "connections", totals->connections);
    json_unsigned(json, "sessions", totals->sessions);
    json_unsigned(json, "clients", totals->clients);

    json_object_begin(json, "versions");
    for (unsigned i = 0; i < G_N_ELEMENTS(totals->by_version); i++)
        if (totals->by_version[i] != 0)
            json_unsigned(json, mqtt_version_name(i), totals->by_version[i]);
    json_object_end(json);

    json_object_begin(json, "end_causes");
    for (unsigned i = 0; i < MQTT_END_CAUSES; i++)
        if (totals->by_end_cause[i] != 0)
            json_unsigned(json, mqtt_end_cause_name(i), totals->by_end_cause[i]);
    json_object_end(json);

    json_object_begin(json, "control_packets");
    for (unsigned type = 0; type < MQTT_PACKET_TYPES; type++)
        write_type_counts(json, type, totals->packets[AUDIT_CLIENT][type],
                          totals->packets[AUDIT_SERVER][type]);
    json_object_end(json);

    json_object_begin(json, "bytes");
    json_unsigned(json, "client", totals->bytes[AUDIT_CLIENT]);
    json_unsigned(json, "server", totals->bytes[AUDIT_SERVER]);
    json_object_end(json);

    const struct audit_handshakes *of[AUDIT_ROLES][MQTT_HANDSHAKE_KINDS];
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            of[role][kind] = &totals->handshakes[role][kind];
    json_object_begin(json, "handshakes");
    write_directions(json, of);
    write_requests(json, of[AUDIT_CLIENT]);
    write_handshakes(json, "ping", MQTT_HANDSHAKE_PING, of[AUDIT_CLIENT][MQTT_HANDSHAKE_PING]);
    json_object_end(json);

    write_severities(json, "findings", totals->findings);
    json_object_end(json);
}

static void write_rules(struct json_writer *json, const struct audit_totals *totals)
{
    json_array_begin(json, "rules");
    for (unsigned rule = 0; rule < MQTT_RULES; rule++) {
        const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)rule);
        if (totals->findings_by_rule[rule] == 0)
            continue;
        /* The plugin can't wait for the end: those rules' findings have filters of their own. */
        char *filter = info->at_end ? NULL : g_strdup_printf("mqttscope.rule == \"%s\"", info->id);
        json_object_begin(json, NULL);
        json_text(json, "rule", info->id);
        json_text(json, "severity", mqtt_severity_name(info->severity));
        json_unsigned(json, "count", totals->findings_by_rule[rule]);
        json_text(json, "title", info->title);
        if (filter != NULL)
            json_text(json, "display_filter", filter);
        else
            json_null(json, "display_filter");
        json_object_end(json);
        g_free(filter);
    }
    json_array_end(json);
}

static void write_keep_alive(struct json_writer *json, const struct audit_connection *connection)
{
    if (!connection->facts.keep_alive.known) {
        json_null(json, "keep_alive");
        return;
    }
    uint64_t idle = (uint64_t)MAX(connection->facts.keep_alive.max_idle_ns, 0);
    json_object_begin(json, "keep_alive");
    json_unsigned(json, "requested", connection->facts.keep_alive.requested_s);
    json_unsigned(json, "effective", connection->facts.keep_alive.effective_s);
    json_unsigned(json, "max_idle", idle / 1000000000);
    json_unsigned(json, "max_idle_us", idle / 1000);
    write_frame(json, "max_idle_frame", connection->facts.keep_alive.max_idle_frame);
    json_unsigned(json, "late", connection->facts.keep_alive.late);
    json_unsigned(json, "expired", connection->facts.keep_alive.expired);
    json_object_end(json);
}

static void write_ping(struct json_writer *json, const struct audit_handshakes *pings)
{
    json_object_begin(json, "ping");
    json_unsigned(json, "sent", pings != NULL ? pings->count.started : 0);
    json_unsigned(json, "answered", pings != NULL ? pings->count.completed : 0);
    const struct audit_latency latency =
        pings != NULL ? audit_handshakes_latency(pings) : (struct audit_latency){0};
    write_latency(json, "rtt_us", &latency);
    json_object_end(json);
}

static void write_transport(struct json_writer *json, const char *key,
                            const struct audit_transport *transport)
{
    json_object_begin(json, key);
    json_unsigned(json, "segments", transport->segments);
    json_unsigned(json, "retransmitted", transport->retransmitted);
    json_unsigned(json, "out_of_order", transport->out_of_order);
    json_unsigned(json, "zero_window", transport->zero_window);
    json_unsigned(json, "gaps", transport->gaps);
    json_unsigned(json, "gap_bytes", transport->gap_bytes);
    json_object_end(json);
}

static void write_stream(struct json_writer *json, int64_t stream)
{
    if (stream < 0)
        json_null(json, "tcp_stream");
    else
        json_signed(json, "tcp_stream", stream);
}

static void write_connection(struct json_writer *json, const struct audit_connection *connection)
{
    unsigned client = connection->facts.client, server = 1u - client;
    const struct audit_handshakes *of[AUDIT_ROLES][MQTT_HANDSHAKE_KINDS];
    for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++) {
        of[AUDIT_CLIENT][kind] = connection->handshakes[client][kind];
        of[AUDIT_SERVER][kind] = connection->handshakes[server][kind];
    }
    json_object_begin(json, NULL);
    json_unsigned(json, "id", connection->id);
    write_stream(json, connection->stream);
    write_endpoint(json, "client", &connection->endpoints[client]);
    write_endpoint(json, "server", &connection->endpoints[server]);
    json_text(json, "transport", connection->carrier);
    json_text(json, "version", mqtt_version_name(connection->facts.version));
    json_bool(json, "version_inferred", connection->facts.version_inferred);
    write_string(json, "client_id", connection->client_identifier);
    json_bool(json, "client_id_assigned", connection->facts.client_identifier_assigned);
    if (connection->facts.connect_seen)
        json_bool(json, "clean_start", connection->facts.clean_start);
    else
        json_null(json, "clean_start");
    json_bool(json, "session_present", connection->facts.session_present);
    if (connection->facts.accepted || connection->facts.refused)
        json_unsigned(json, "connack_reason", connection->facts.connack_reason);
    else
        json_null(json, "connack_reason");
    json_bool(json, "will", connection->facts.has_will);
    write_keep_alive(json, connection);
    write_ping(json, of[AUDIT_CLIENT][MQTT_HANDSHAKE_PING]);
    write_time(json, "start", connection->start_time);
    write_time(json, "end", connection->facts.end_time);
    write_frame(json, "start_frame", connection->start_frame);
    write_frame(json, "end_frame", connection->facts.end_frame);
    json_text(json, "end_cause", mqtt_end_cause_name(connection->facts.end_cause));
    json_object_begin(json, "control_packets");
    for (unsigned type = 0; type < MQTT_PACKET_TYPES; type++)
        write_type_counts(json, type, connection->facts.packets[client][type],
                          connection->facts.packets[server][type]);
    json_object_end(json);
    json_object_begin(json, "bytes");
    json_unsigned(json, "client", connection->facts.bytes[client]);
    json_unsigned(json, "server", connection->facts.bytes[server]);
    json_object_end(json);
    json_object_begin(json, "qos");
    write_directions(json, of);
    json_object_end(json);
    write_requests(json, of[AUDIT_CLIENT]);
    json_object_begin(json, "tcp");
    write_transport(json, "client", &connection->facts.transport[client]);
    write_transport(json, "server", &connection->facts.transport[server]);
    json_object_end(json);
    write_severities(json, "findings", connection->findings);
    json_object_end(json);
}

static void write_session(struct json_writer *json, const struct audit_session *session)
{
    json_object_begin(json, NULL);
    write_string(json, "client_id", session->client_identifier);
    write_endpoint(json, "server", &session->server);
    json_array_begin(json, "connections");
    for (const struct audit_connection *connection = session->first; connection != NULL;
         connection = connection->next_of_session)
        json_unsigned(json, NULL, connection->id);
    json_array_end(json);
    json_unsigned(json, "connection_count", session->connections);
    json_unsigned(json, "accepted", session->accepted);
    json_unsigned(json, "resumed", session->resumed);
    json_unsigned(json, "taken_over", session->taken_over);
    json_object_end(json);
}

static void write_statements(struct json_writer *json, const struct mqtt_finding *what)
{
    const char *cursor = NULL, *statement;
    size_t length;
    json_array_begin(json, "statements");
    while (mqtt_statement_next((enum mqtt_rule)what->rule, (enum mqtt_version)what->version,
                               (enum mqtt_sender)what->sender, &cursor, &statement, &length))
        json_bytes(json, NULL, (const uint8_t *)statement, length);
    json_array_end(json);
}

static void write_finding(struct json_writer *json, const struct audit_report *report,
                          const struct audit_finding *finding)
{
    const struct mqtt_finding *what = &finding->what;
    const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)what->rule);
    GString *detail = g_string_new(NULL), *filter = g_string_new(NULL);
    format_detail(detail, report, finding);
    format_filter(filter, report, finding);

    json_object_begin(json, NULL);
    json_text(json, "rule", info->id);
    json_text(json, "severity", mqtt_severity_name(info->severity));
    write_time(json, "time", what->time);
    write_frame(json, "frame", what->frame);
    uint64_t number;
    const struct audit_file *file = audit_locate(report, what->frame, &number);
    if (file != NULL && report->capture.files->len > 1) {
        json_bytes(json, "file", (const uint8_t *)file->name, strlen(file->name));
        json_unsigned(json, "file_frame", number);
    }
    write_stream(json, finding->party->stream);
    if (finding->party->connection != NULL)
        json_unsigned(json, "connection", finding->party->connection->id);
    else
        json_null(json, "connection");
    if (what->sender == MQTT_SENDER_UNKNOWN)
        json_null(json, "direction");
    else
        json_text(json, "direction",
                  what->sender == MQTT_SENDER_CLIENT ? "client_to_server" : "server_to_client");
    write_string(json, "client_id", finding->party->client_identifier);
    if (what->packet_type == MQTT_RESERVED)
        json_null(json, "packet_type");
    else
        json_text(json, "packet_type", mqtt_packet_type_name(what->packet_type));
    if (what->field < MQTT_FIELDS)
        json_text(json, "field", mqtt_field_info((enum mqtt_field)what->field)->abbreviation);
    else
        json_null(json, "field");
    json_text(json, "version", mqtt_version_name(what->version));
    write_statements(json, what);
    json_text(json, "title", info->title);
    json_text(json, "text", detail->str);
    json_text(json, "display_filter", filter->str);
    json_object_end(json);
    g_string_free(filter, TRUE);
    g_string_free(detail, TRUE);
}

static void write_publishes(struct json_writer *json, const struct audit_topic *topic)
{
    json_unsigned(json, "published", topic->published);
    json_unsigned(json, "delivered", topic->delivered);
    json_unsigned(json, "retained", topic->retained);
    json_unsigned(json, "bytes", topic->published_bytes + topic->delivered_bytes);
    json_unsigned(json, "published_bytes", topic->published_bytes);
    json_unsigned(json, "delivered_bytes", topic->delivered_bytes);
    json_array_begin(json, "qos");
    for (unsigned i = 0; i < G_N_ELEMENTS(topic->qos); i++)
        json_unsigned(json, NULL, topic->qos[i]);
    json_array_end(json);
}

static void write_topic(struct json_writer *json, const struct audit_topic *topic)
{
    json_object_begin(json, NULL);
    write_string(json, "topic", topic->name);
    write_publishes(json, topic);
    json_object_end(json);
}

void report_json(const struct audit_report *report, FILE *file)
{
    struct json_writer json = {.file = file};
    json_object_begin(&json, NULL);
    json_text(&json, "schema", "mqttscope-report/1");
    json_text(&json, "generator", "mqttscope " MQTTSCOPE_VERSION);
    write_capture(&json, &report->capture);
    write_totals(&json, &report->totals);
    write_rules(&json, &report->totals);

    json_array_begin(&json, "connections");
    for (unsigned i = 0; i < report->connections->len; i++)
        write_connection(&json, audit_report_connection(report, i));
    json_array_end(&json);

    json_array_begin(&json, "sessions");
    for (unsigned i = 0; i < report->sessions->len; i++)
        if (audit_report_session(report, i)->accepted > 0)
            write_session(&json, audit_report_session(report, i));
    json_array_end(&json);

    json_array_begin(&json, "findings");
    for (unsigned i = 0; i < report->findings->len; i++)
        write_finding(&json, report, audit_report_finding(report, i));
    json_array_end(&json);

    json_array_begin(&json, "topics");
    for (unsigned i = 0; i < report->topics->len; i++)
        write_topic(&json, audit_report_topic(report, i));
    json_array_end(&json);

    json_object_begin(&json, "other_topics");
    write_publishes(&json, &report->other_topics);
    json_object_end(&json);
    json_object_begin(&json, "deliveries");
    write_publishes(&json, &report->totals.publishes);
    json_object_end(&json);
    json_object_end(&json);
}
