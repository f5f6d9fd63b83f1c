/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line an event: see ndjson.h. What is the same for all events of a connection is written once,
 * when the connection is opened, and copied from then on.
 */
#include "audit/report/ndjson.h"

#include <glib.h>

#include "audit/diagnosis/diagnoses.h"
#include "audit/model.h"
#include "audit/report/community_id.h"
#include "audit/report/format.h"
#include "audit/report/json.h"
#include "audit/report/lines.h"
#include "audit/strings.h"
#include "mqtt/facts/time.h"

#define NAME_SIZE 64

/* Room for the pieces of any event that have a fixed length. */
#define EVENT_ROOM 2048

struct ndjson {
    struct lines lines;
    struct lines scratch; /* where the pieces of connections are made; has no file */
    unsigned slot;
    uint64_t frame; /* of the last line; 0: none */
    int64_t time;
    uint32_t ordinal; /* of the next one */
    struct {
        char text[NAME_SIZE]; /* ","event_type":"published","frame":" */
        size_t length;
    } names[AUDIT_EVENTS];
};

/* What stands behind frame and ordinal in all lines of a connection, by sending side: from
 * tcp_stream to the client identifier. */
struct piece {
    char *text[2];
    size_t length[2];
    uint8_t version;
};

struct ndjson *ndjson_new(FILE *file, unsigned slot, bool at_once)
{
    struct ndjson *ndjson = g_new0(struct ndjson, 1);
    lines_init(&ndjson->lines, file, at_once);
    lines_init(&ndjson->scratch, NULL, false);
    ndjson->slot = slot;
    for (unsigned kind = 0; kind < AUDIT_EVENTS; kind++) {
        g_snprintf(ndjson->names[kind].text, NAME_SIZE, ",\"event_type\":\"%s\",\"frame\":",
                   audit_event_info((enum audit_event_kind)kind)->name);
        ndjson->names[kind].length = strlen(ndjson->names[kind].text);
    }
    return ndjson;
}

void ndjson_free(struct ndjson *ndjson)
{
    lines_clear(&ndjson->lines);
    g_free(ndjson->scratch.buffer);
    g_free(ndjson);
}

/* ---- Pieces ---- */

static void put_flag(struct lines *lines, const char *key, bool value)
{
    lines_text(lines, key);
    if (value)
        LINES_PUT(lines, "true");
    else
        LINES_PUT(lines, "false");
}

static void put_count(struct lines *lines, const char *key, uint64_t number)
{
    lines_text(lines, key);
    lines_number(lines, number);
}

/* A word of ours, which needs no escape; null if it is NULL. */
static void put_word(struct lines *lines, const char *key, const char *word)
{
    lines_text(lines, key);
    if (word == NULL) {
        LINES_PUT(lines, "null");
        return;
    }
    *lines->at++ = '"';
    lines_text(lines, word);
    *lines->at++ = '"';
}

static void put_frame(struct lines *lines, const char *key, uint64_t frame)
{
    lines_text(lines, key);
    if (frame == 0)
        LINES_PUT(lines, "null");
    else
        lines_number(lines, frame);
}

static void put_time(struct lines *lines, const char *key, int64_t time_ns)
{
    lines_text(lines, key);
    lines_time(lines, time_ns);
}

static void put_name(struct lines *lines, const char *key, const char *name)
{
    *lines->at++ = ',';
    lines_string(lines, key, (struct mqtt_slice){(const uint8_t *)name, (uint32_t)strlen(name)});
}

/* ---- Connections ---- */

static void put_endpoint(struct lines *lines, const char *address_key, const char *port_key,
                         const struct audit_endpoint *endpoint)
{
    put_word(lines, address_key, endpoint->address);
    put_count(lines, port_key, endpoint->port);
}

static void put_real_client(struct lines *lines, const struct audit_endpoint *client)
{
    if (client->address[0] == '\0')
        return;
    LINES_PUT(lines, ",\"real_client\":{");
    put_endpoint(lines, "\"address\":", ",\"port\":", client);
    *lines->at++ = '}';
}

static void make_piece(struct lines *lines, const struct audit_flow *flow, unsigned side,
                       const char *community)
{
    lines->at = lines->buffer;
    lines_room(lines, EVENT_ROOM);
    LINES_PUT(lines, ",\"tcp_stream\":");
    if (flow->stream < 0)
        LINES_PUT(lines, "null");
    else
        lines_number(lines, (uint64_t)flow->stream);
    put_endpoint(lines, ",\"src_ip\":", ",\"src_port\":", &flow->endpoints[side]);
    put_endpoint(lines, ",\"dest_ip\":", ",\"dest_port\":", &flow->endpoints[1 - side]);
    LINES_PUT(lines, ",\"proto\":\"TCP\"");
    if (community[0] != '\0')
        put_word(lines, ",\"community_id\":", community);
    put_count(lines, ",\"mqtt\":{\"connection\":", flow->number);
    put_word(lines, ",\"version\":", mqtt_version_name(flow->version));
    if (flow->client_identifier.length > 0) {
        *lines->at++ = ',';
        lines_string(lines, "client_id", flow->client_identifier);
    }
}

static void piece_clear(struct piece *piece)
{
    g_free(piece->text[0]);
    g_free(piece->text[1]);
}

/* Makes the pieces anew: the connection was opened, or more is known of it. */
static void piece_fill(struct ndjson *ndjson, struct piece *piece, const struct audit_flow *flow)
{
    char community[COMMUNITY_ID_SIZE];
    community_id(community, &flow->ends[0], &flow->ends[1]);
    piece_clear(piece);
    for (unsigned side = 0; side < 2; side++) {
        struct lines *scratch = &ndjson->scratch;
        make_piece(scratch, flow, side, community);
        piece->length[side] = (size_t)(scratch->at - scratch->buffer);
        piece->text[side] = g_memdup2(scratch->buffer, piece->length[side]);
    }
    piece->version = flow->version;
}

static const struct piece *piece_of(struct ndjson *ndjson, const struct audit_event *event)
{
    struct piece *piece = event->flow->state[ndjson->slot];
    if (G_UNLIKELY(piece == NULL)) {
        piece = g_new0(struct piece, 1);
        event->flow->state[ndjson->slot] = piece;
        piece_fill(ndjson, piece, event->flow);
    } else if (G_UNLIKELY(event->kind == AUDIT_EVENT_IDENTIFIED ||
                          piece->version != event->flow->version)) {
        piece_fill(ndjson, piece, event->flow);
    }
    return piece;
}

/* ---- What happened ---- */

/* Microseconds, or null. */
static void put_latency(struct lines *lines, const struct audit_match *match)
{
    LINES_PUT(lines, ",\"latency_us\":");
    if (match->late || match->took < 0)
        LINES_PUT(lines, "null");
    else
        lines_number(lines, mqtt_microseconds(match->took));
}

static void put_publication(struct lines *lines, const struct audit_match *match)
{
    put_count(lines, ",\"publication\":{\"frame\":", match->frame);
    put_latency(lines, match);
    put_flag(lines, ",\"late\":", match->late);
    *lines->at++ = '}';
}

static void put_message(struct lines *lines, const struct audit_message *message)
{
    *lines->at++ = ',';
    lines_string(lines, "topic", message->topic);
    lines_room(lines, EVENT_ROOM);
    LINES_PUT(lines, ",\"qos\":");
    *lines->at++ = (char)('0' + message->qos);
    put_flag(lines, ",\"retain\":", message->retain);
    put_flag(lines, ",\"dup\":", message->dup);
    if (message->qos > 0)
        put_count(lines, ",\"packet_identifier\":", message->packet_identifier);
    put_count(lines, ",\"payload_length\":", message->payload_length);
    if (message->topic_from_alias)
        LINES_PUT(lines, ",\"topic_from_alias\":true");
    if (message->resend)
        put_frame(lines, ",\"resend_of\":", message->first_frame);
    if (message->match.known)
        put_publication(lines, &message->match);
}

/* NULL: there is no such leg. */
static const char *leg_word(unsigned kind, unsigned leg)
{
    const unsigned type = mqtt_handshake_leg_type(kind, leg);
    return type != 0 ? mqtt_packet_type_name(type) : NULL;
}

/* The packets that were seen of it. */
static void put_legs(struct lines *lines, const struct mqtt_handshake *handshake)
{
    bool any = false;
    LINES_PUT(lines, ",\"legs\":[");
    for (unsigned leg = 0; leg < handshake->stage && leg < MQTT_LEGS; leg++) {
        const struct mqtt_leg *seen = &handshake->legs[leg];
        if (seen->frame == 0)
            continue;
        if (any)
            *lines->at++ = ',';
        any = true;
        put_word(lines, "{\"packet\":", leg_word(handshake->kind, leg));
        put_count(lines, ",\"frame\":", seen->frame);
        put_time(lines, ",\"time\":", seen->time);
        *lines->at++ = '}';
    }
    *lines->at++ = ']';
}

static const char *direction_word(const struct audit_flow *flow, unsigned side)
{
    return side == flow->client ? "client_to_server" : "server_to_client";
}

static void put_took(struct lines *lines, const char *key, const struct audit_handshake_event *what)
{
    lines_text(lines, key);
    if (what->measured && what->took >= 0)
        lines_number(lines, (uint64_t)what->took / 1000);
    else
        LINES_PUT(lines, "null");
}

static void put_handshake(struct lines *lines, const struct audit_event *event)
{
    const struct mqtt_handshake *handshake = event->handshake.handshake;
    put_word(lines, ",\"handshake\":", format_handshake(handshake->kind));
    put_word(lines, ",\"direction\":", direction_word(event->flow, handshake->side));
    if (handshake->kind != MQTT_HANDSHAKE_CONNECT && handshake->kind != MQTT_HANDSHAKE_PING)
        put_count(lines, ",\"packet_identifier\":", handshake->packet_identifier);
    if (handshake->resends > 0)
        put_count(lines, ",\"resends\":", handshake->resends);
    if (handshake->resumed)
        LINES_PUT(lines, ",\"resumed\":true");
    if (event->kind == AUDIT_EVENT_HANDSHAKE_DONE) {
        put_flag(lines, ",\"refused\":", handshake->failed);
        put_count(lines, ",\"reason_code\":", handshake->reason_code);
        put_took(lines, ",\"took_us\":", &event->handshake);
    } else {
        put_word(lines, ",\"awaits\":", leg_word(handshake->kind, handshake->stage));
    }
    put_legs(lines, handshake);
}

static void put_ping(struct lines *lines, const struct audit_event *event)
{
    put_count(lines, ",\"request_frame\":", event->handshake.handshake->legs[0].frame);
    put_took(lines, ",\"rtt_us\":", &event->handshake);
}

static void put_identity(struct lines *lines, const struct audit_identity *identity)
{
    put_flag(lines, ",\"assigned\":", identity->assigned);
    if (!identity->connect)
        return;
    put_flag(lines, ",\"clean_start\":", identity->clean_start);
    put_count(lines, ",\"keep_alive\":", identity->keep_alive_s);
    if (!identity->has_will) {
        LINES_PUT(lines, ",\"will\":null");
        return;
    }
    LINES_PUT(lines, ",\"will\":{");
    lines_string(lines, "topic", identity->will_topic);
    lines_room(lines, EVENT_ROOM);
    put_count(lines, ",\"qos\":", identity->will_qos);
    put_flag(lines, ",\"retain\":", identity->will_retain);
    put_count(lines, ",\"payload_length\":", identity->will_payload.length);
    *lines->at++ = '}';
}

/* Microseconds, or null. */
static void put_offline(struct lines *lines, const struct audit_session_event *session)
{
    LINES_PUT(lines, ",\"offline_us\":");
    if (session->offline != MQTT_NO_TIME)
        lines_number(lines, mqtt_microseconds(session->offline));
    else
        LINES_PUT(lines, "null");
}

static void put_waiting(struct lines *lines, const struct audit_session_event *session)
{
    if (!session->counted) {
        LINES_PUT(lines, ",\"waiting\":null");
        return;
    }
    put_count(lines,
              ",\"waiting\":{\"client_to_server\":{\"publish\":", session->waiting[0].publish);
    put_count(lines, ",\"pubrel\":", session->waiting[0].release);
    put_count(lines, "},\"server_to_client\":{\"publish\":", session->waiting[1].publish);
    put_count(lines, ",\"pubrel\":", session->waiting[1].release);
    LINES_PUT(lines, "}}");
}

/* What was before, how long the client was away, and what waits. */
static void put_presence(struct lines *lines, const struct audit_event *event)
{
    const struct audit_session_event *session = &event->session;
    const bool comes =
        event->kind == AUDIT_EVENT_SESSION_BEGAN || event->kind == AUDIT_EVENT_SESSION_RESUMED;
    if (comes)
        put_word(lines, ",\"after\":", audit_past_name(session->past));
    if (comes || event->kind == AUDIT_EVENT_SESSION_EXPIRED)
        put_offline(lines, session);
    if (!comes && session->has_expiry)
        put_count(lines, ",\"expiry\":", session->expiry_s);
    put_waiting(lines, session);
}

static void put_session(struct lines *lines, const struct audit_event *event)
{
    const struct audit_session_event *session = &event->session;
    put_flag(lines, ",\"clean_start\":", session->clean_start);
    if (event->kind == AUDIT_EVENT_SESSION_TAKEN_OVER)
        put_count(lines, ",\"replaced_frame\":", session->replaced_frame);
    else if (event->kind != AUDIT_EVENT_SESSION_ENDED)
        put_presence(lines, event);
    if (event->kind == AUDIT_EVENT_SESSION_BEGAN && session->unclear)
        LINES_PUT(lines, ",\"unclear\":true");
}

static void put_filter(struct lines *lines, const struct mqtt_filter *filter, uint8_t version,
                       bool options)
{
    *lines->at++ = '{';
    lines_string(lines, "filter", filter->filter);
    lines_room(lines, EVENT_ROOM);
    if (options)
        put_count(lines, ",\"qos\":", filter->options & 3u);
    if (options && version == MQTT_VERSION_5_0) {
        put_flag(lines, ",\"no_local\":", (filter->options & 0x04) != 0);
        put_flag(lines, ",\"retain_as_published\":", (filter->options & 0x08) != 0);
        put_count(lines, ",\"retain_handling\":", filter->options >> 4 & 3u);
    }
    *lines->at++ = '}';
}

static void put_subscription(struct lines *lines, const struct audit_event *event)
{
    const struct audit_subscription *what = &event->subscription;
    const bool subscribed = event->kind == AUDIT_EVENT_SUBSCRIBED;
    struct mqtt_slice list = what->filters;
    struct mqtt_filter filter;
    put_count(lines, ",\"packet_identifier\":", what->packet_identifier);
    put_frame(lines, ",\"request_frame\":", what->request.frame);
    LINES_PUT(lines, ",\"filters\":[");
    for (bool first = true;
         mqtt_filter_next(&list, subscribed ? MQTT_SUBSCRIBE : MQTT_UNSUBSCRIBE, &filter);
         first = false) {
        if (!first)
            *lines->at++ = ',';
        put_filter(lines, &filter, what->version, subscribed);
        lines_room(lines, EVENT_ROOM);
    }
    LINES_PUT(lines, "],\"reason_codes\":[");
    lines_room(lines, EVENT_ROOM + 4 * (size_t)what->codes.length);
    for (uint32_t i = 0; i < what->codes.length; i++) {
        if (i > 0)
            *lines->at++ = ',';
        lines_number(lines, what->codes.data[i]);
    }
    *lines->at++ = ']';
}

/* ---- Findings ---- */

static void put_statements(struct lines *lines, const struct mqtt_finding *what)
{
    const char *cursor = NULL, *statement;
    size_t length;
    bool any = false;
    LINES_PUT(lines, ",\"statements\":[");
    while (mqtt_finding_statement_next(what, &cursor, &statement, &length)) {
        lines_room(lines, EVENT_ROOM + length);
        if (any)
            *lines->at++ = ',';
        any = true;
        *lines->at++ = '"';
        lines_put(lines, statement, length);
        *lines->at++ = '"';
    }
    *lines->at++ = ']';
}

static const char *finding_direction(const struct mqtt_finding *what)
{
    if (what->sender == MQTT_SENDER_UNKNOWN)
        return NULL;
    return what->sender == MQTT_SENDER_CLIENT ? "client_to_server" : "server_to_client";
}

static void put_finding(struct lines *lines, const struct audit_event *event)
{
    const struct mqtt_finding *what = event->finding.what;
    const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)what->rule);
    GString *text = g_string_new(NULL);
    format_detail(text, NULL, what);
    put_word(lines, ",\"rule\":", info->id);
    put_word(lines, ",\"severity\":", mqtt_severity_name(info->severity));
    put_frame(lines, ",\"frame\":", what->frame);
    put_time(lines, ",\"time\":", what->time);
    put_word(lines, ",\"direction\":", finding_direction(what));
    put_word(lines, ",\"blames\":", format_role(mqtt_finding_blames(what)));
    if (event->finding.topic.length > 0) {
        *lines->at++ = ',';
        lines_string(lines, "topic", event->finding.topic);
        lines_room(lines, EVENT_ROOM);
    }
    put_word(lines, ",\"packet_type\":",
             what->packet_type != MQTT_RESERVED ? mqtt_packet_type_name(what->packet_type) : NULL);
    put_word(lines, ",\"field\":",
             what->field < MQTT_FIELDS ? mqtt_field_info((enum mqtt_field)what->field)->abbreviation
                                       : NULL);
    put_statements(lines, what);
    put_name(lines, "title", info->title);
    put_name(lines, "text", text->str);
    g_string_free(text, TRUE);
}

/* What waits in a session has no connection to name it. */
static void put_whose(struct lines *lines, uint8_t version, struct mqtt_slice client,
                      const struct audit_endpoint *server)
{
    put_word(lines, ",\"mqtt\":{\"version\":", mqtt_version_name(version));
    *lines->at++ = ',';
    lines_string(lines, "client_id", client);
    lines_room(lines, EVENT_ROOM);
    put_word(lines, ",\"server\":{\"address\":", server->address);
    put_count(lines, ",\"port\":", server->port);
    *lines->at++ = '}';
}

static void put_session_finding(struct lines *lines, const struct audit_event *event)
{
    const struct audit_finding_event *finding = &event->finding;
    put_whose(lines, finding->what->version, finding->client_identifier, finding->server);
    put_finding(lines, event);
}

static void put_expired_session(struct lines *lines, const struct audit_event *event)
{
    const struct audit_session_event *session = &event->session;
    put_whose(lines, session->version, session->client_identifier, session->server);
    put_presence(lines, event);
}

/* ---- The end of a connection ---- */

/* The report's row of the connection: columns of audit/columns.def, but for what other events say.
 */
static void put_closed(struct lines *lines, const struct audit_event *event)
{
    static const char *const without[] = {"id",         "tcp_stream", "version",  "client_id",
                                          "latency_us", "rtt_us",     "findings", NULL};
    const struct audit_flow *flow = event->flow;
    struct audit_handshakes handshakes[2][MQTT_HANDSHAKE_KINDS] = {0};
    struct audit_connection row = {
        .stream = flow->stream,
        .carrier = flow->carrier,
        .endpoints = {flow->endpoints[0], flow->endpoints[1]},
        .start_time = flow->start_time,
        .start_frame = flow->start_frame,
        .facts = *event->closed.facts,
    };
    for (unsigned side = 0; side < 2; side++)
        if (event->closed.round_trips[side] != NULL)
            row.round_trips[side] = audit_round_trips_pack(event->closed.round_trips[side]);
    for (unsigned side = 0; side < 2; side++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            if (event->closed.handshakes[side][kind] != NULL) {
                handshakes[side][kind].count = *event->closed.handshakes[side][kind];
                row.handshakes[side][kind] = &handshakes[side][kind];
            }
    struct json_writer json = {
        .file = lines->file, .compact = true, .depth = 2, .has_element = true};
    lines_flush(lines);
    report_json_row(&json, NULL, AUDIT_ROW_connection, &row, without);
    g_free(row.round_trips[0]);
    g_free(row.round_trips[1]);
}

/* ---- Deliveries ---- */

/* The report's row, but for the latencies, which do not add up as numbers. */
static void put_deliveries(struct lines *lines, const struct audit_delivery_row *what)
{
    static const char *const without[] = {"latency_us", NULL};
    const struct audit_string topic = audit_string_view(what->topic);
    const struct audit_string client = audit_string_view(what->client_identifier);
    const struct audit_delivery row = {
        .topic = &topic,
        .client_identifier = client.length > 0 ? &client : NULL,
        .broker = *what->server,
        .group = what->group,
        .publishers = what->publishers,
        .counts = what->counts,
    };
    struct json_writer json = {.file = lines->file, .compact = true, .depth = 2};
    LINES_PUT(lines, ",\"mqtt\":{");
    lines_flush(lines);
    report_json_row(&json, NULL, AUDIT_ROW_delivery, &row, without);
}

/* ---- The capture ---- */

static void put_file_end(struct lines *lines, const struct audit_file_end *end)
{
    put_count(lines, ",\"mqtt\":{\"packets\":", end->packets);
    put_count(lines, ",\"bytes\":", end->bytes);
    if (end->packets > 0) {
        put_time(lines, ",\"first_time\":", end->first);
        put_time(lines, ",\"last_time\":", end->last);
    }
    if (end->problem != NULL)
        put_name(lines, "problem", end->problem);
}

/* What is about no connection, from "mqtt" on. */
static void put_other(struct lines *lines, const struct audit_event *event)
{
    switch (event->kind) {
    case AUDIT_EVENT_FILE_BEGIN:
        put_count(lines, ",\"mqtt\":{\"first_frame\":", event->file_begin.first_frame);
        put_name(lines, "file", event->file_begin.name);
        break;
    case AUDIT_EVENT_FILE_END: put_file_end(lines, &event->file_end); break;
    case AUDIT_EVENT_LIMIT:
        put_word(lines, ",\"mqtt\":{\"limit\":", audit_limit_info(event->limit.kind)->kind);
        put_count(lines, ",\"count\":", event->limit.count);
        put_count(lines, ",\"bytes\":", event->limit.bytes);
        if (event->limit.hint != NULL)
            put_name(lines, "hint", event->limit.hint);
        if (event->limit.frame != 0) {
            put_count(lines, ",\"tcp_stream\":", (uint64_t)event->limit.stream);
            put_count(lines, ",\"frame\":", event->limit.frame);
        }
        break;
    case AUDIT_EVENT_SESSION_EXPIRED: put_expired_session(lines, event); break;
    case AUDIT_EVENT_DELIVERIES: put_deliveries(lines, &event->deliveries); break;
    default: put_session_finding(lines, event); break;
    }
}

/* What is about a connection, behind its piece. */
static void put_happened(struct lines *lines, const struct audit_event *event)
{
    switch (event->kind) {
    case AUDIT_EVENT_PUBLISHED:
    case AUDIT_EVENT_DELIVERED: put_message(lines, &event->message); break;
    case AUDIT_EVENT_HANDSHAKE_DONE:
    case AUDIT_EVENT_HANDSHAKE_GIVEN_UP: put_handshake(lines, event); break;
    case AUDIT_EVENT_PING: put_ping(lines, event); break;
    case AUDIT_EVENT_OPENED:
        put_word(lines, ",\"transport\":", event->flow->carrier);
        put_flag(lines, ",\"start_seen\":", event->flow->start_seen);
        put_real_client(lines, &event->flow->real_client);
        break;
    case AUDIT_EVENT_IDENTIFIED: put_identity(lines, &event->identified); break;
    case AUDIT_EVENT_SUBSCRIBED:
    case AUDIT_EVENT_UNSUBSCRIBED: put_subscription(lines, event); break;
    case AUDIT_EVENT_SESSION_BEGAN:
    case AUDIT_EVENT_SESSION_RESUMED:
    case AUDIT_EVENT_SESSION_TAKEN_OVER:
    case AUDIT_EVENT_SESSION_ENDED:
    case AUDIT_EVENT_SESSION_OFFLINE:
    case AUDIT_EVENT_SESSION_EXPIRED: put_session(lines, event); break;
    case AUDIT_EVENT_FINDING: put_finding(lines, event); break;
    case AUDIT_EVENT_CLOSED: put_closed(lines, event); break;
    default: break;
    }
}

/* What every line begins with. */
static void put_beginning(struct ndjson *ndjson, enum audit_event_kind kind)
{
    struct lines *lines = &ndjson->lines;
    LINES_PUT(lines, "{\"timestamp\":");
    if (ndjson->frame != 0)
        lines_time(lines, ndjson->time);
    else
        LINES_PUT(lines, "null");
    lines_put(lines, ndjson->names[kind].text, ndjson->names[kind].length);
    put_frame(lines, "", ndjson->frame);
    put_count(lines, ",\"ordinal\":", ndjson->ordinal++);
}

void ndjson_diagnoses(struct ndjson *ndjson, const struct audit_report *report)
{
    struct lines *lines = &ndjson->lines;
    for (unsigned i = 0; i < report->diagnoses->len; i++) {
        struct json_writer json = {.file = lines->file, .compact = true, .depth = 2};
        lines_room(lines, EVENT_ROOM);
        put_beginning(ndjson, AUDIT_EVENT_DIAGNOSIS);
        LINES_PUT(lines, ",\"mqtt\":{");
        lines_flush(lines);
        report_json_row(&json, NULL, AUDIT_ROW_diagnosis, audit_report_diagnosis(report, i), NULL);
        lines_room(lines, EVENT_ROOM);
        LINES_PUT(lines, "}}");
        lines_end(lines);
    }
}

void ndjson_event(struct ndjson *ndjson, const struct audit_event *event)
{
    struct lines *lines = &ndjson->lines;
    const struct piece *piece = event->flow != NULL ? piece_of(ndjson, event) : NULL;
    const unsigned side = event->side & 1u;
    lines_room(lines, EVENT_ROOM + (piece != NULL ? piece->length[side] : 0));
    ndjson->frame = event->frame;
    ndjson->time = event->time;
    ndjson->ordinal = event->ordinal;
    put_beginning(ndjson, event->kind);
    if (piece != NULL) {
        lines_put(lines, piece->text[side], piece->length[side]);
        put_happened(lines, event);
    } else {
        put_other(lines, event);
    }
    lines_room(lines, EVENT_ROOM);
    LINES_PUT(lines, "}}");
    lines_end(lines);
    if (event->kind == AUDIT_EVENT_CLOSED) {
        piece_clear(event->flow->state[ndjson->slot]);
        g_free(event->flow->state[ndjson->slot]);
        event->flow->state[ndjson->slot] = NULL;
    }
}
