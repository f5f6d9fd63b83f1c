/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/diagnosis/ on models made by hand: for each diagnosis a scene that shows it, and lawful
 * twins that differ in the one thing that matters, of which nothing is said. */
#include "suite.h"

#include <string.h>

#include "audit/diagnosis/diagnoses.h"
#include "audit/strings.h"

#define START INT64_C(1700000000000000000)
#define SECONDS(n) ((int64_t)((n)*1e9))

/* ---- A model ---- */

struct scene {
    struct audit_report report;
    uint64_t frame; /* of the next connection */
};

static void scene_begin(struct scene *scene)
{
    *scene = (struct scene){.frame = 1};
    scene->report.connections = g_ptr_array_new_with_free_func(g_free);
    scene->report.sessions = g_ptr_array_new();
    scene->report.findings = g_ptr_array_new();
    scene->report.topics = g_ptr_array_new();
    scene->report.diagnoses = g_ptr_array_new();
    scene->report.deliveries = g_ptr_array_new();
    scene->report.capture.files = g_array_new(FALSE, TRUE, sizeof(struct audit_file));
    scene->report.capture.has_times = true;
    scene->report.capture.first_time = START;
}

static const struct audit_string *name(const char *text)
{
    const struct audit_string view =
        audit_string_view((struct mqtt_slice){(const uint8_t *)text, (uint32_t)strlen(text)});
    return audit_string_copy(&view);
}

static struct audit_session *session_of(struct scene *scene, const char *client)
{
    for (unsigned i = 0; i < scene->report.sessions->len; i++) {
        struct audit_session *session = g_ptr_array_index(scene->report.sessions, i);
        if (strlen(client) == session->client_identifier->length &&
            memcmp(client, session->client_identifier->bytes, strlen(client)) == 0)
            return session;
    }
    struct audit_session *session = g_new0(struct audit_session, 1);
    session->client_identifier = name(client);
    session->server = (struct audit_endpoint){"192.0.2.100", 1883};
    g_ptr_array_add(scene->report.sessions, session);
    return session;
}

/* A connection that was accepted, from `at` on for `lasted` seconds, whose packets were CONNECT and
 * CONNACK. They are to be added in the order of time. */
static struct audit_connection *connect_at(struct scene *scene, const char *client, double at,
                                           double lasted, enum mqtt_end_cause cause)
{
    struct audit_session *session = session_of(scene, client);
    struct audit_connection *connection = g_new0(struct audit_connection, 1);
    connection->id = scene->report.connections->len + 1;
    connection->stream = scene->report.connections->len;
    connection->endpoints[0] = (struct audit_endpoint){"192.0.2.1", 40000};
    connection->endpoints[1] = session->server;
    connection->client_identifier = session->client_identifier;
    connection->session = session;
    connection->start_time = START + SECONDS(at);
    connection->start_frame = scene->frame++;
    connection->facts.version = MQTT_VERSION_3_1_1;
    connection->facts.connect_seen = true;
    connection->facts.accepted = cause != MQTT_END_REFUSED;
    connection->facts.refused = cause == MQTT_END_REFUSED;
    connection->facts.taken_over = cause == MQTT_END_TAKEN_OVER;
    connection->facts.end_cause = (uint8_t)cause;
    connection->facts.end_time = START + SECONDS(at + lasted);
    connection->facts.keep_alive.known = true;
    connection->facts.keep_alive.requested_s = connection->facts.keep_alive.effective_s = 600;
    for (unsigned side = 0; side < 2; side++)
        connection->signs.last[side] =
            (struct audit_mark){.frame = scene->frame++,
                                .time = connection->start_time,
                                .type = side == 0 ? MQTT_CONNECT : MQTT_CONNACK};
    const struct audit_connection **link = &session->first;
    while (*link != NULL)
        link = &((struct audit_connection *)(uintptr_t)*link)->next_of_session;
    *link = connection;
    session->connections++;
    session->accepted += connection->facts.accepted;
    session->taken_over += connection->facts.taken_over;
    scene->report.totals.connections++;
    g_ptr_array_add(scene->report.connections, connection);
    return connection;
}

/* The last packet that a side sent, `before` the end. */
static void last_packet(struct scene *scene, struct audit_connection *connection, unsigned side,
                        double before, struct audit_mark mark)
{
    mark.frame = scene->frame++;
    mark.time = connection->facts.end_time - SECONDS(before);
    connection->signs.last[side] = mark;
}

static struct audit_topic *topic(struct scene *scene, const char *text, uint64_t published)
{
    struct audit_topic *row = g_new0(struct audit_topic, 1);
    row->name = name(text);
    row->rank = audit_rank((struct mqtt_slice){row->name->bytes, row->name->length});
    row->published = published;
    g_ptr_array_add(scene->report.topics, row);
    return row;
}

static void finding(struct scene *scene, struct audit_connection *connection, enum mqtt_rule rule)
{
    struct audit_finding *row = g_new0(struct audit_finding, 1);
    row->what.rule = (uint16_t)rule;
    row->what.frame = scene->frame++;
    row->what.time = connection->start_time;
    row->what.field = MQTT_FIELDS;
    row->party = g_new0(struct audit_party, 1);
    row->party->stream = connection->stream;
    row->party->client_identifier = connection->client_identifier;
    row->party->connection = connection;
    g_ptr_array_add(scene->report.findings, row);
}

/* What became of the messages on a topic for a client. */
static struct audit_delivery_counts *delivery(struct scene *scene, const char *client,
                                              const char *on)
{
    struct audit_delivery *row = g_new0(struct audit_delivery, 1);
    row->topic = name(on);
    row->client_identifier = session_of(scene, client)->client_identifier;
    row->broker = session_of(scene, client)->server;
    g_ptr_array_add(scene->report.deliveries, row);
    return &row->counts;
}

/* `count` samples, each `step` microseconds longer than the one before. */
static struct audit_packed_histogram *samples(unsigned count, uint64_t first, uint64_t step)
{
    struct audit_histogram times = {0};
    for (unsigned i = 0; i < count; i++)
        audit_histogram_add(&times, first + i * step);
    struct audit_packed_histogram *packed = audit_histogram_pack(&times);
    audit_histogram_clear(&times);
    return packed;
}

/* Handshakes of a side: so many, of which TCP split `split` into two parts of microseconds. */
static struct audit_handshakes *handshakes(struct audit_connection *connection, unsigned side,
                                           unsigned kind, unsigned count, unsigned split,
                                           uint64_t wire, uint64_t receiver)
{
    struct audit_handshakes *row = g_new0(struct audit_handshakes, 1);
    row->count.completed = count;
    row->packed = samples(count, wire + receiver, 1);
    row->parts = g_new0(struct audit_parts, kind == MQTT_HANDSHAKE_QOS_2 ? 2 : 1);
    row->parts->split = split;
    row->parts->unsplit = count - split;
    row->parts->wire = split * wire;
    row->parts->receiver = split * receiver;
    row->parts->longest_wire = wire;
    row->parts->longest_receiver = receiver;
    connection->handshakes[side][kind] = row;
    return row;
}

static const char *numbered(char text[static 32], const char *stem, unsigned number)
{
    g_snprintf(text, 32, "%s-%u", stem, number);
    return text;
}

static void scene_end(struct scene *scene)
{
    struct audit_report *report = &scene->report;
    audit_diagnoses_clear(report);
    for (unsigned i = 0; i < report->sessions->len; i++) {
        struct audit_session *session = g_ptr_array_index(report->sessions, i);
        g_free((gpointer)(uintptr_t)session->client_identifier);
        g_free(session->life);
        g_free(session);
    }
    for (unsigned i = 0; i < report->connections->len; i++) {
        struct audit_connection *connection = g_ptr_array_index(report->connections, i);
        for (unsigned slot = 0; slot < 2 * MQTT_HANDSHAKE_KINDS; slot++) {
            struct audit_handshakes *row = connection->handshakes[slot % 2][slot / 2];
            if (row == NULL)
                continue;
            g_free(row->packed);
            g_free(row->parts);
            g_free(row);
        }
        g_free(connection->round_trips[0]);
        g_free(connection->round_trips[1]);
    }
    for (unsigned i = 0; i < report->deliveries->len; i++) {
        struct audit_delivery *row = g_ptr_array_index(report->deliveries, i);
        g_free((gpointer)(uintptr_t)row->topic);
        g_free(row);
    }
    g_ptr_array_free(report->deliveries, TRUE);
    for (unsigned i = 0; i < report->findings->len; i++) {
        struct audit_finding *row = g_ptr_array_index(report->findings, i);
        g_free(row->party);
        g_free(row);
    }
    for (unsigned i = 0; i < report->topics->len; i++) {
        struct audit_topic *row = g_ptr_array_index(report->topics, i);
        g_free((gpointer)(uintptr_t)row->name);
        g_free(row);
    }
    g_ptr_array_free(report->connections, TRUE);
    g_ptr_array_free(report->sessions, TRUE);
    g_ptr_array_free(report->findings, TRUE);
    g_ptr_array_free(report->topics, TRUE);
    g_ptr_array_free(report->diagnoses, TRUE);
    g_array_free(report->capture.files, TRUE);
}

/* ---- The scenes: `twin` 0 shows it, others don't ---- */

static void two_devices(struct scene *scene, unsigned twin)
{
    for (unsigned i = 0; i < 5; i++) {
        struct audit_connection *connection =
            connect_at(scene, "twin", i * 30, 30, i < 4 ? MQTT_END_TAKEN_OVER : MQTT_END_OPEN);
        if (twin == 0)
            connection->endpoints[0].address[8] = (char)('1' + i % 2);
        if (twin == 1) /* it roams, and never comes back to an address */
            connection->endpoints[0].address[8] = (char)('1' + i);
        if (twin == 3) /* one address, and new settings each time */
            connection->facts.keep_alive.requested_s = (uint16_t)(60 + i);
        if (twin == 2) { /* nothing tells them apart, and no rhythm */
            connection->start_time += SECONDS(i * i * i);
            connection->facts.end_time += SECONDS(i * i * i);
        }
    }
}

/* One address, and two keep alives. */
static void two_devices_behind_one(struct scene *scene, unsigned twin)
{
    for (unsigned i = 0; i < 5; i++)
        connect_at(scene, "twin", i * i * 100, 2 * i + 1,
                   i < 4 ? MQTT_END_TAKEN_OVER : MQTT_END_OPEN)
            ->facts.keep_alive.requested_s =
            twin == 1 ? (i == 2 ? 30 : 60) : (i % 2 == 0 ? 60 : 30);
}

static void two_devices_blind(struct scene *scene, unsigned twin)
{
    const unsigned takeovers = twin == 0 ? 4 : 3;
    for (unsigned i = 0; i <= takeovers; i++)
        connect_at(scene, "twin", i * 2.0 * (twin == 2 ? 200 : 1), 2,
                   i < takeovers ? MQTT_END_TAKEN_OVER : MQTT_END_OPEN);
}

/* Many in a row, in no rhythm: a device that comes back for itself does not so often. */
static void two_devices_many(struct scene *scene, unsigned twin)
{
    const unsigned takeovers = twin == 1 ? 9 : 10;
    double at = 0;
    for (unsigned i = 0; i <= takeovers; i++) {
        const double lasts = i == 5 && twin == 2 ? 100 : i % 3 == 0 ? 2 : 9 + i;
        struct audit_connection *connection = connect_at(
            scene, "twin", at, lasts, i < takeovers ? MQTT_END_TAKEN_OVER : MQTT_END_OPEN);
        if (twin == 3 && i == 5) { /* this time it was gone: the server sent to nobody */
            last_packet(scene, connection, 1, 20, (struct audit_mark){.type = MQTT_PUBLISH});
            connection->facts.transport[1].last_run = 6;
            connection->facts.transport[1].last_run_ns = SECONDS(12);
        }
        at += lasts;
    }
}

/* Three devices, one after the other. */
static void three_devices(struct scene *scene, unsigned twin)
{
    for (unsigned i = 0; i < 7; i++) {
        struct audit_connection *connection =
            connect_at(scene, "twin", i * (twin == 1 ? 30 : 5), 5,
                       i < 6 ? MQTT_END_TAKEN_OVER : MQTT_END_OPEN);
        connection->endpoints[0].address[8] = (char)('1' + (twin == 2 ? i : i % 3));
    }
}

static void stale(struct scene *scene, unsigned twin)
{
    static const double at[] = {0, 100, 900, 1300};
    for (unsigned i = 0; i < 4; i++) {
        struct audit_connection *connection =
            connect_at(scene, "mobile", at[i], i < 3 ? at[i + 1] - at[i] : 10,
                       i < 3 ? MQTT_END_TAKEN_OVER : MQTT_END_OPEN);
        if (twin == 1) /* it was not silent */
            last_packet(scene, connection, 0, 0.1, (struct audit_mark){.type = MQTT_PINGREQ});
        if (twin == 2 && i == 2) /* twice */
            connection->facts.taken_over = false;
    }
}

static void loop(struct scene *scene, unsigned twin)
{
    for (unsigned i = 0; i < 6; i++)
        connect_at(scene, "sensor", i * (twin == 2 ? 3600 : 90), 5,
                   twin == 1            ? MQTT_END_CLIENT_DISCONNECT
                   : twin == 3 && i > 2 ? MQTT_END_CLIENT_DISCONNECT
                                        : MQTT_END_SERVER_CLOSED);
}

static void storm(struct scene *scene, unsigned twin)
{
    char text[32];
    for (unsigned burst = 0; burst < (twin == 1 ? 3 : 4); burst++)
        for (unsigned i = 0; i < (twin == 2 ? 9 : 12); i++)
            connect_at(scene, numbered(text, "device", twin == 3 ? 100 * burst + i : i),
                       burst * 30 + i * (twin == 4 ? 2.5 : 0.05), 20, MQTT_END_SERVER_CLOSED);
}

static void guess(struct scene *scene, unsigned twin)
{
    char text[32];
    for (unsigned i = 0; i < (twin == 1 ? 9 : 12); i++) {
        struct audit_connection *connection =
            connect_at(scene, numbered(text, "try", i), i, 0.1, MQTT_END_REFUSED);
        connection->facts.connack_reason = twin == 3 ? 3 : 5;
        connection->signs.user_name = 7;
        connection->signs.password = twin == 2 ? 9 : i + 1; /* 2: the same again and again */
    }
    connect_at(scene, "try-in", 20, 5, MQTT_END_OPEN)->signs.password = 99;
}

static void token(struct scene *scene, unsigned twin)
{
    char text[32];
    for (unsigned i = 0; i < 5; i++) {
        const double at = twin == 3 ? 0 : i * 40; /* 3: a restart */
        struct audit_connection *connection =
            connect_at(scene, numbered(text, "device", twin == 2 ? i % 2 : i), at,
                       twin == 1 ? 100 + 20 * i : 300 + i, MQTT_END_SERVER_CLOSED);
        last_packet(scene, connection, 0, i, (struct audit_mark){.type = MQTT_PINGREQ});
    }
}

static void idle(struct scene *scene, unsigned twin)
{
    char text[32];
    for (unsigned i = 0; i < (twin == 1 ? 3 : 5); i++) {
        struct audit_connection *connection = connect_at(scene, numbered(text, "meter", i), i * 400,
                                                         100 + 50 * i, MQTT_END_CLIENT_RESET);
        last_packet(scene, connection, 1, twin == 2 ? 40 + 8 * i : 60 + 0.1 * i,
                    (struct audit_mark){.type = MQTT_PINGRESP});
        if (twin == 3) /* the keep alive is as long */
            connection->facts.keep_alive.effective_s = 60;
        if (twin == 4) /* it was silent for longer, and lived */
            connection->signs.survived = SECONDS(70);
        if (twin == 5)
            connection->facts.end_cause = MQTT_END_CLIENT_DISCONNECT;
    }
}

static void starved(struct scene *scene, unsigned twin)
{
    for (unsigned i = 0; i < 3; i++) {
        struct audit_connection *connection =
            connect_at(scene, "listener", i * 100, 30, MQTT_END_KEEP_ALIVE);
        connection->facts.keep_alive.effective_s = 20;
        connection->signs.unheard = (struct audit_span){.frame = scene->frame++,
                                                        .since = connection->start_time,
                                                        .until = connection->facts.end_time - 1,
                                                        .count = 12};
        if (twin == 1) /* the server had nothing to say */
            connection->signs.unheard.count = 1;
        if (twin == 2 && i == 2)
            connection->facts.end_cause = MQTT_END_CLIENT_DISCONNECT;
        if (twin == 3) /* it was gone */
            connection->facts.transport[1].last_run = 4;
    }
}

/* The same, where the server's TCP had to send something again, or the window was closed. */
static void starved_perhaps(struct scene *scene, unsigned twin)
{
    starved(scene, twin);
    struct audit_connection *connection = g_ptr_array_index(scene->report.connections, 0);
    connection->facts.transport[1].retransmitted = 2;
}

static void half_open(struct scene *scene, unsigned twin)
{
    for (unsigned i = 0; i < (twin == 5 ? 2 : 3); i++) {
        struct audit_connection *connection = connect_at(
            scene, "cut", i * 100, 60, twin == 4 ? MQTT_END_SERVER_RESET : MQTT_END_OPEN);
        struct audit_transport *sender = &connection->facts.transport[0];
        last_packet(scene, connection, 0, 20, (struct audit_mark){.type = MQTT_PUBLISH});
        sender->longest_run = 6;
        sender->last_run = twin == 1 ? 1 : twin == 2 ? 0 : 6; /* 2: it was acknowledged, late */
        sender->last_run_ns = SECONDS(12);
        if (twin == 3) /* the other side goes on */
            last_packet(scene, connection, 1, 1, (struct audit_mark){.type = MQTT_PUBLISH});
    }
}

/* The server sends to nobody; or to somebody who reads nothing, and says so. */
static void half_open_server(struct scene *scene, unsigned twin)
{
    for (unsigned i = 0; i < 3; i++) {
        struct audit_connection *connection = connect_at(scene, "gone", i * 100, 60, MQTT_END_OPEN);
        last_packet(scene, connection, 1, 20, (struct audit_mark){.type = MQTT_PUBLISH});
        connection->facts.transport[1].last_run = 6;
        connection->facts.transport[1].last_run_ns = SECONDS(twin == 1 ? 0.1 : 12);
        connection->facts.transport[0].zero_window = twin == 2 ? 3 : 0;
    }
}

static void pings(struct scene *scene, unsigned twin)
{
    struct audit_connection *connection = connect_at(scene, "eager", 0, 600, MQTT_END_OPEN);
    connection->signs.pings = 40;
    connection->signs.needless = twin == 1 ? 3 : 30;
    connection->facts.packets[0][MQTT_PINGREQ] = 40;
    connection->facts.packets[0][MQTT_PUBLISH] = twin == 2 ? 10000 : 60;
}

static void poison(struct scene *scene, unsigned twin)
{
    topic(scene, "plant/firmware", 1);
    const uint64_t rank = audit_rank((struct mqtt_slice){(const uint8_t *)"plant/firmware", 14});
    for (unsigned i = 0; i < (twin == 1 ? 2 : 3); i++) {
        struct audit_connection *connection = connect_at(
            scene, "valve", i * 10, 2, twin == 2 ? MQTT_END_SERVER_CLOSED : MQTT_END_CLIENT_RESET);
        last_packet(scene, connection, 1, 0.01,
                    (struct audit_mark){.type = MQTT_PUBLISH,
                                        .topic = rank,
                                        .fingerprint = twin == 3 ? i + 1 : 5,
                                        .packet_identifier = 1,
                                        .size = 90});
        if (twin == 4) /* it goes on after the message */
            last_packet(scene, connection, 0, 0,
                        (struct audit_mark){.type = MQTT_PUBLISH, .topic = 1});
    }
    for (unsigned i = 0; twin == 5 && i < 9; i++) /* of many ends, some are behind it by chance */
        last_packet(scene, connect_at(scene, "valve", 100 + i * 10, 2, MQTT_END_CLIENT_RESET), 1,
                    0.01, (struct audit_mark){.type = MQTT_PUBLISH, .topic = 7, .fingerprint = i});
}

/* A queue stands behind the message: what came last is another one each time. */
static void poison_of_queue(struct scene *scene, unsigned twin)
{
    topic(scene, "plant/firmware", 1);
    const uint64_t rank = audit_rank((struct mqtt_slice){(const uint8_t *)"plant/firmware", 14});
    for (unsigned i = 0; i < 3; i++) {
        struct audit_connection *connection =
            connect_at(scene, "valve", i * 20, 10, MQTT_END_CLIENT_RESET);
        last_packet(
            scene, connection, 1, 0.01,
            (struct audit_mark){
                .type = MQTT_PUBLISH, .topic = 7, .fingerprint = i + 1, .packet_identifier = 2});
        connection->signs.pending =
            (struct audit_mark){.frame = twin == 1 ? 0 : scene->frame++, /* 1: acknowledged */
                                .time = connection->facts.end_time - SECONDS(twin == 3 ? 6 : 2),
                                .topic = rank,
                                .fingerprint = twin == 2 ? i + 1 : 5,
                                .packet_identifier = 1,
                                .size = 90,
                                .type = MQTT_PUBLISH};
        if (twin == 4)
            connection->facts.end_cause = MQTT_END_SERVER_CLOSED;
    }
}

static void oversize(struct scene *scene, unsigned twin)
{
    static const uint32_t sizes[] = {70000, 66000, 90000};
    char text[32];
    connect_at(scene, "small", 0, 100, MQTT_END_OPEN)->signs.largest_passed[0] =
        twin == 1 ? 80000 : 60000;
    for (unsigned i = 0; i < (twin == 2 ? 2 : 3); i++) {
        struct audit_connection *connection =
            connect_at(scene, numbered(text, "large", i), 10 + i * 10, 2, MQTT_END_SERVER_RESET);
        last_packet(scene, connection, 0, 0.01,
                    (struct audit_mark){.type = MQTT_PUBLISH,
                                        .topic = 3,
                                        .fingerprint = twin == 3 ? 1 : i + 1,
                                        .size = sizes[i]});
    }
}

/* The server says what it does not take. */
static void oversize_said(struct scene *scene, unsigned twin)
{
    oversize(scene, 0);
    for (unsigned i = 1; i < scene->report.connections->len; i++) {
        struct audit_connection *connection = g_ptr_array_index(scene->report.connections, i);
        connection->facts.end_cause = MQTT_END_PROTOCOL_ERROR;
        last_packet(scene, connection, 1, 0,
                    (struct audit_mark){.type = MQTT_DISCONNECT,
                                        .reason_code = twin == 1 ? MQTT_REASON_TOPIC_ALIAS_INVALID
                                                                 : MQTT_REASON_PACKET_TOO_LARGE});
    }
}

static void wrong_code(struct scene *scene, unsigned twin)
{
    struct audit_connection *connection =
        connect_at(scene, "any", 0, 1, MQTT_END_SERVER_DISCONNECT);
    for (unsigned i = 0; i < (twin == 1 ? 2 : 3); i++)
        finding(scene, connection,
                twin == 2 ? MQTT_RULE_CONNECT_REFUSED : MQTT_RULE_REASON_CODE_NOT_PRESCRIBED);
}

static void stall(struct scene *scene, unsigned twin)
{
    char text[32];
    for (unsigned i = 0; i < 4; i++) {
        struct audit_connection *connection =
            connect_at(scene, numbered(text, "waiting", i), i * 0.1, 60, MQTT_END_OPEN);
        const int64_t until = START + SECONDS(20) + SECONDS(twin == 1 ? i * 3 : i * 0.1);
        connection->signs.server_silence = SECONDS(6);
        connection->facts.transport[0].retransmitted = twin == 4 ? 3 : 0; /* 4: the network */
        if (i < (twin == 2 ? 2 : 3))
            connection->signs.waited = (struct audit_span){
                .frame = scene->frame++, .since = until - SECONDS(4), .until = until};
        else if (twin == 3) /* this one was served meanwhile */
            connection->signs.server_silence = SECONDS(0.5);
        if (twin == 5) /* it always takes so long, or nearly */
            handshakes(connection, 0, MQTT_HANDSHAKE_QOS_1, 10, 0, 1400000, 0);
    }
}

static void plateau(struct scene *scene, unsigned twin)
{
    struct audit_connection *connection = connect_at(scene, "small-writes", 0, 60, MQTT_END_OPEN);
    struct audit_histogram times = {0};
    for (unsigned i = 0; i < 100; i++)
        audit_histogram_add(&times, twin == 1    ? 20000 + 500 * i /* it is the network */
                                    : i % 2 == 0 ? 300 + i
                                                 : 40100 + 20 * i);
    struct audit_handshakes *row = handshakes(connection, 0, MQTT_HANDSHAKE_QOS_1, 100, 0, 0, 0);
    g_free(row->packed);
    row->packed = audit_histogram_pack(&times);
    audit_histogram_clear(&times);
    if (twin == 2) /* TCP is never so slow: a timer of the application */
        connection->round_trips[0] = samples(100, 100, 10);
}

/* TCP shows the timer. */
static void plateau_of_tcp(struct scene *scene, unsigned twin)
{
    plateau(scene, twin);
    struct audit_connection *connection = g_ptr_array_index(scene->report.connections, 0);
    connection->round_trips[1] = samples(50, 40000, 50);
}

/* Every handshake waits for it, and TCP shows that the network does not. */
static void plateau_always(struct scene *scene, unsigned twin)
{
    struct audit_connection *connection = connect_at(scene, "small-writes", 0, 60, MQTT_END_OPEN);
    struct audit_handshakes *row = handshakes(connection, 0, MQTT_HANDSHAKE_QOS_1, 100, 0, 0, 0);
    g_free(row->packed);
    row->packed = samples(100, 40100, 20);
    if (twin == 1) /* nothing is known of the network */
        return;
    connection->round_trips[0] = samples(50, 300, 20);
    connection->round_trips[1] = samples(51, twin == 2 ? 40000 : 300, 800); /* 2: none is faster */
}

static void consumer(struct scene *scene, unsigned twin)
{
    struct audit_connection *connection =
        connect_at(scene, "slow", 0, twin == 4 ? 5 : 60, MQTT_END_OPEN);
    struct audit_transport *transport = connection->facts.transport;
    connection->facts.packets[1][MQTT_PUBLISH] = 500;
    transport->zero_window = 5;
    transport->zero_window_spans = 2;
    transport->zero_window_ns = SECONDS(twin == 1 || twin == 4 ? 0.9 : twin == 3 ? 5 : 20);
    if (twin == 2)
        connection->facts.packets[1][MQTT_PUBLISH] = 2;
}

static void consumer_at_limit(struct scene *scene, unsigned twin)
{
    struct audit_connection *connection = connect_at(scene, "slow", 0, 60, MQTT_END_OPEN);
    connection->facts.packets[1][MQTT_PUBLISH] = 500;
    connection->signs.most_in_flight = twin == 1 ? 3 : 20;
    connection->signs.at_most = SECONDS(twin == 2 ? 5 : 50);
}

static void stalled(struct scene *scene, unsigned twin)
{
    struct audit_connection *connection = connect_at(scene, "stuck", 0, 60, MQTT_END_OPEN);
    connection->signs.stalled = (struct audit_span){.frame = scene->frame++,
                                                    .since = START + SECONDS(10),
                                                    .until = START + SECONDS(twin == 1 ? 15 : 50),
                                                    .count = twin == 2 ? 3 : 20};
    connection->signs.stalled_last = START + SECONDS(twin == 4 ? 42 : 12); /* 4: more still comes */
    connection->signs.stalled_alive = twin == 3 ? 0 : 4;                   /* 3: it is gone */
}

/* A Receive Maximum that is reached says itself that nothing else gets through. */
static void stalled_at_limit(struct scene *scene, unsigned twin)
{
    stalled(scene, 4);
    struct audit_connection *connection = g_ptr_array_index(scene->report.connections, 0);
    connection->signs.receive_maximum = twin == 1 ? 30 : 20;
}

static void qos_2(struct scene *scene, unsigned twin)
{
    struct audit_connection *connection = connect_at(scene, "half-way", 0, 60, MQTT_END_OPEN);
    for (unsigned i = 0; i < 3; i++)
        finding(scene, connection,
                twin == 1 && i == 2 ? MQTT_RULE_QOS_2_UNFINISHED_PUBCOMP
                                    : MQTT_RULE_QOS_2_UNFINISHED_PUBREL);
}

static void acl(struct scene *scene, unsigned twin)
{
    finding(scene, connect_at(scene, "reader", 0, 60, MQTT_END_OPEN),
            twin == 0 ? MQTT_RULE_SUBSCRIPTION_NEVER_SERVED : MQTT_RULE_SUBSCRIBE_UNANSWERED);
}

/* A wildcard is served, but for one topic, which somebody else gets. */
static void acl_of_topic(struct scene *scene, unsigned twin)
{
    connect_at(scene, "reader", 0, 60, MQTT_END_OPEN);
    connect_at(scene, "other", 0, 60, MQTT_END_OPEN);
    delivery(scene, "other", "plant/secret")->delivered = 5;
    delivery(scene, "reader", "plant/open")->delivered = 5;
    struct audit_delivery_counts *counts = delivery(scene, "reader", "plant/secret");
    counts->excused[twin == 3 ? AUDIT_EXCUSE_OFFLINE : AUDIT_EXCUSE_NEVER_SERVED] =
        twin == 1 ? 2 : 5;
    counts->delivered = twin == 2;
}

/* The session ended before more could be said of each message than of the subscription. */
static void acl_of_all(struct scene *scene, unsigned twin)
{
    struct audit_connection *connection = connect_at(scene, "reader", 0, 60, MQTT_END_OPEN);
    connect_at(scene, "other", 0, 60, MQTT_END_OPEN);
    if (twin == 0)
        finding(scene, connection, MQTT_RULE_SUBSCRIPTION_NEVER_SERVED);
    delivery(scene, "other", "plant/secret")->delivered = 5;
    delivery(scene, "reader", "plant/secret")->excused[AUDIT_EXCUSE_CONNECTION_END] = 5;
}

/* Nobody gets it: perhaps its publisher may not send it. */
static void acl_of_publisher(struct scene *scene, unsigned twin)
{
    connect_at(scene, "reader", 0, 60, MQTT_END_OPEN);
    delivery(scene, "reader", "plant/new")
        ->excused[twin == 1 ? AUDIT_EXCUSE_REFUSED : AUDIT_EXCUSE_NEVER_SERVED] = 5;
}

static struct audit_session_life *away(struct scene *scene, enum mqtt_session_past past)
{
    connect_at(scene, "away", 0, 10, MQTT_END_CLIENT_CLOSED);
    connect_at(scene, "away", 100, 10, MQTT_END_OPEN);
    struct audit_session *session = session_of(scene, "away");
    session->life = g_new0(struct audit_session_life, 1);
    session->life->past[past] = 1;
    return session->life;
}

static void queue(struct scene *scene, unsigned twin)
{
    struct audit_session_life *life = away(scene, twin == 2 ? MQTT_PAST_KEPT : MQTT_PAST_EXPIRED);
    life->owed[AUDIT_SERVER].dropped = twin == 1 ? 1 : 4;
}

/* Messages whose handshakes never began. */
static void queue_unbegun(struct scene *scene, unsigned twin)
{
    away(scene, twin == 1 ? MQTT_PAST_KEPT : MQTT_PAST_CLEARED);
    struct audit_delivery_counts *counts = delivery(scene, "away", "orders");
    counts->late = 2;
    counts->excused[twin == 3 ? AUDIT_EXCUSE_CAPTURE_END : AUDIT_EXCUSE_OFFLINE] =
        twin == 2 ? 2 : 6;
    struct audit_delivery *row = g_ptr_array_index(scene->report.deliveries, 0);
    if (twin == 4) /* at another server */
        row->broker.port = 8883;
    if (twin == 5) { /* it is away again, and they still wait */
        session_of(scene, "away")->last.entered_frame = 1;
        session_of(scene, "away")->last.end_cause = MQTT_END_CLIENT_CLOSED;
        session_of(scene, "away")->last.departed = true;
        session_of(scene, "away")->last.kept = true;
    }
    delivery(scene, "somebody", "orders")->excused[AUDIT_EXCUSE_OFFLINE] = 6;
}

/* A session of it ended before it came back; it is away again. */
static void queue_gone(struct scene *scene, unsigned twin)
{
    queue_unbegun(scene, 5);
    struct audit_delivery *row = g_ptr_array_index(scene->report.deliveries, 0);
    row->counts.gone = twin == 1 ? 2 : 6;
}

/* The session lived, and more waited than servers keep. */
static void queue_full(struct scene *scene, unsigned twin)
{
    away(scene, MQTT_PAST_KEPT);
    delivery(scene, "away", "orders")->excused[AUDIT_EXCUSE_QUEUE_LIMIT] = twin == 1 ? 2 : 50;
}

/* ---- Who is slow ---- */

static void slow_broker(struct scene *scene, unsigned twin)
{
    char text[32];
    for (unsigned i = 0; i < 5; i++) {
        struct audit_connection *connection =
            connect_at(scene, numbered(text, "device", i), i, 60, MQTT_END_OPEN);
        const bool slow = twin != 1 && (twin != 3 || i == 0); /* a LAN; one of five */
        struct audit_handshakes *row =
            handshakes(connection, 0, MQTT_HANDSHAKE_QOS_1, 40, twin == 2 ? 10 : 30,
                       twin == 4 ? 200000 : 2000, slow ? 400000 : 2000);
        if (twin == 5 || twin == 6) { /* one stall of a minute; three of 20 s */
            row->parts->receiver = 60000000;
            row->parts->longest_receiver = twin == 5 ? 60000000 : 20000000;
        }
        if (twin == 6) {
            g_free(row->packed);
            row->packed = samples(40, 2000, 1);
        }
        if (twin == 7) /* most were answered before TCP was to say a word */
            row->parts->unsplit = 40;
        if (twin == 8) { /* too few */
            row->parts->split = 15;
            row->parts->unsplit = 10;
        }
        if (twin == 9) /* whatever the handshakes wait for, it is not the server */
            row->parts->receiver = 30 * 60000;
    }
}

static void slow_client(struct scene *scene, unsigned twin)
{
    char text[32];
    for (unsigned i = 0; i < 4; i++) {
        struct audit_connection *connection =
            connect_at(scene, numbered(text, "worker", i), i, 60, MQTT_END_OPEN);
        if (i == 2) /* answers at once, so that TCP splits nothing */
            handshakes(connection, 1, MQTT_HANDSHAKE_QOS_1, 40, 0, 1000, 0);
        else if (i > 0)
            handshakes(connection, 1, MQTT_HANDSHAKE_QOS_1, 40, 40, 1000, 60000);
        else
            handshakes(connection, 1, twin == 3 ? MQTT_HANDSHAKE_CONNECT : MQTT_HANDSHAKE_QOS_2, 40,
                       40, twin == 2 ? 300000 : 1000, twin == 1 ? 60000 : 350000);
    }
}

static void slow_network(struct scene *scene, unsigned twin)
{
    struct audit_connection *connection = connect_at(scene, "far", 0, 60, MQTT_END_OPEN);
    const uint64_t trip = twin == 1 ? 200000 : 600000; /* 1: a delayed acknowledgement */
    connection->round_trips[0] = samples(twin == 2 ? 10 : 30, trip, 100);
    handshakes(connection, 0, MQTT_HANDSHAKE_QOS_1, 30, 0, trip,
               twin == 3 ? 4 * trip : 0); /* 3: most of it is the receiver */
}

/* It publishes with QoS 2: the network is between the server's PUBREC and its PUBREL. */
static void slow_network_of_qos_2(struct scene *scene, unsigned twin)
{
    struct audit_connection *connection = connect_at(scene, "far", 0, 60, MQTT_END_OPEN);
    connection->round_trips[1] = samples(30, 600000, 100);
    handshakes(connection, 0, twin == 2 ? MQTT_HANDSHAKE_QOS_1 : MQTT_HANDSHAKE_QOS_2, 30, 0,
               700000, twin == 1 ? 3000000 : 0); /* 1: most of it is the receiver */
}

/* Some come through at once: it may be a queue, or a receiver. */
static void slow_network_perhaps(struct scene *scene, unsigned twin)
{
    struct audit_connection *connection = connect_at(scene, "far", 0, 60, MQTT_END_OPEN);
    connection->round_trips[0] = samples(30, 1000, twin == 1 ? 10000 : twin == 2 ? 20000 : 50000);
    handshakes(connection, 0, MQTT_HANDSHAKE_QOS_1, 30, 0, twin == 2 ? 350000 : 700000, 0);
}

/* Silences of 60 s and more are forgotten without a word. */
static void forgetful(struct scene *scene, unsigned twin)
{
    char text[32];
    for (unsigned i = 0; i < (twin == 1 ? 3 : 5); i++) {
        struct audit_connection *connection = connect_at(
            scene, numbered(text, "meter", i), twin == 2 ? 0 : i * 400, 300, MQTT_END_OPEN);
        last_packet(scene, connection, 0, 20, (struct audit_mark){.type = MQTT_PINGREQ});
        connection->facts.transport[0].last_run = twin == 3 ? 0 : 6;
        connection->facts.transport[0].last_run_ns = SECONDS(12);
        connection->signs.survived = SECONDS(twin == 4 && i == 1 ? 59 : 20 + i);
        if (twin == 5 && i > 1) /* nobody knows whether shorter ones do no harm */
            connection->signs.survived = 0;
        connection->signs.tail_silence = SECONDS(60 + 7 * i);
    }
}

static void flood(struct scene *scene, unsigned twin)
{
    for (unsigned i = 0; i < (twin == 1 ? 2 : 3); i++) {
        struct audit_connection *connection =
            connect_at(scene, "dashboard", i * 100, 50, MQTT_END_CLIENT_DISCONNECT);
        connection->signs.burst = (struct audit_span){.frame = scene->frame++,
                                                      .since = START,
                                                      .until = START + 1,
                                                      .count = twin == 2 ? 30 : 300};
        connection->signs.floods = twin != 2;
    }
}

static void cut_off(struct scene *scene, unsigned twin)
{
    char text[32];
    for (unsigned i = 0; i < 4; i++) {
        struct audit_connection *connection =
            connect_at(scene, numbered(text, "reader", i), i * 10, 50, MQTT_END_OPEN);
        const uint32_t count = i == 3 ? (twin == 1 ? 100 : 160) : 100;
        connection->signs.burst = (struct audit_span){.frame = scene->frame++,
                                                      .since = START,
                                                      .until = START + 1,
                                                      .count = twin == 2 ? count - i : count};
    }
}

static void commands(struct scene *scene, unsigned twin)
{
    const struct audit_topic *row = topic(scene, twin == 1 ? "door/1/state" : "door/1/cmd", 1);
    for (unsigned i = 0; i < (twin == 2 ? 2 : 3); i++)
        connect_at(scene, "door-1", i * 100, 50, MQTT_END_CLIENT_DISCONNECT)->signs.kept[0] =
            (struct audit_kept){scene->frame++, row->rank, twin == 3 ? i + 1 : 5};
}

static void will(struct scene *scene, unsigned twin)
{
    char text[32];
    for (unsigned i = 0; i < (twin == 1 ? 2 : 3); i++) {
        struct audit_signs *signs =
            &connect_at(scene, numbered(text, "device", i), i * 10, 50, MQTT_END_OPEN)->signs;
        signs->will_topic = i + 1;
        signs->will_retain = true;
        signs->births[twin == 2] = 1;
        signs->birth_frames[twin == 2] = scene->frame++;
    }
}

static void circle(struct scene *scene, unsigned twin)
{
    struct audit_topic *row = topic(scene, "a/b", twin == 1 ? 120 : 81);
    char text[32];
    row->by_bridges = 80; /* the others are a client's */
    for (unsigned i = 0; i < 2; i++) {
        struct audit_connection *connection =
            connect_at(scene, numbered(text, "bridge", i), 0, 60, MQTT_END_OPEN);
        connection->facts.bridge = twin != 2;
        connection->signs.repeated[1] = (struct audit_span){
            .frame = scene->frame++, .since = START, .until = START + SECONDS(3), .count = 40};
        connection->signs.repeated_topic[1] = row->rank;
    }
}

static void quality(struct scene *scene, unsigned twin)
{
    connect_at(scene, "any", 0, 60, MQTT_END_OPEN);
    scene->report.totals.bytes[0] = 100000;
    scene->report.capture.limits[AUDIT_LIMIT_GAP].count = 1;
    scene->report.capture.limits[AUDIT_LIMIT_GAP].bytes = twin == 1 ? 100 : 5000;
}

/* A mirror port. */
static void mirror(struct scene *scene, unsigned twin)
{
    struct audit_connection *connection = connect_at(scene, "any", 0, 60, MQTT_END_OPEN);
    connection->facts.transport[0].segments = 500;
    connection->facts.transport[0].retransmitted = twin == 1 ? 20 : 250;
}

#define SCENE(id, build, twins, sure)                                                              \
    {                                                                                              \
        AUDIT_DIAGNOSIS_##id, build, twins, sure                                                   \
    }

static const struct {
    enum audit_diagnosis_id id;
    void (*build)(struct scene *scene, unsigned twin);
    unsigned twins;
    bool sure;
} scenes[] = {
    SCENE(two_devices_one_id, two_devices, 3, true),
    SCENE(two_devices_one_id, two_devices_behind_one, 1, false),
    SCENE(two_devices_one_id, two_devices_blind, 2, false),
    SCENE(two_devices_one_id, two_devices_many, 3, false),
    SCENE(two_devices_one_id, three_devices, 2, true),
    SCENE(own_stale_session, stale, 2, true),
    SCENE(reconnect_loop, loop, 3, true),
    SCENE(reconnect_storm, storm, 4, true),
    SCENE(brute_force, guess, 3, true),
    SCENE(token_lifetime, token, 3, true),
    SCENE(middlebox_idle, idle, 5, true),
    SCENE(middlebox_idle, forgetful, 5, true),
    SCENE(keep_alive_starved, starved, 3, true),
    SCENE(keep_alive_starved, starved_perhaps, 3, false),
    SCENE(half_open, half_open, 5, true),
    SCENE(half_open, half_open_server, 2, true),
    SCENE(ping_waste, pings, 2, true),
    SCENE(poison_message, poison, 5, true),
    SCENE(poison_message, poison_of_queue, 4, true),
    SCENE(oversize, oversize, 3, true),
    SCENE(oversize, oversize_said, 1, true),
    SCENE(wrong_reason_code, wrong_code, 2, true),
    SCENE(broker_stall, stall, 5, true),
    SCENE(slow_broker, slow_broker, 9, true),
    SCENE(slow_network, slow_network, 3, true),
    SCENE(slow_network, slow_network_of_qos_2, 2, true),
    SCENE(slow_network, slow_network_perhaps, 2, false),
    SCENE(slow_client, slow_client, 3, true),
    SCENE(nagle_delayed_ack, plateau, 2, false),
    SCENE(nagle_delayed_ack, plateau_of_tcp, 1, true),
    SCENE(nagle_delayed_ack, plateau_always, 2, false),
    SCENE(slow_consumer, consumer, 4, true),
    SCENE(slow_consumer, consumer_at_limit, 2, true),
    SCENE(in_flight_stalled, stalled, 4, false),
    SCENE(in_flight_stalled, stalled_at_limit, 1, true),
    SCENE(qos_2_stuck, qos_2, 1, true),
    SCENE(silent_acl, acl, 1, false),
    SCENE(silent_acl, acl_of_topic, 3, true),
    SCENE(silent_acl, acl_of_all, 1, true),
    SCENE(silent_acl, acl_of_publisher, 1, false),
    SCENE(offline_queue, queue, 2, true),
    SCENE(offline_queue, queue_unbegun, 5, true),
    SCENE(offline_queue, queue_gone, 1, true),
    SCENE(offline_queue, queue_full, 1, false),
    SCENE(retained_flood, flood, 2, true),
    SCENE(retained_cut_off, cut_off, 2, false),
    SCENE(retained_commands, commands, 3, false),
    SCENE(will_not_cleared, will, 2, true),
    SCENE(bridge_loop, circle, 2, true),
    SCENE(capture_quality, quality, 1, true),
    SCENE(capture_quality, mirror, 1, true),
};

/* How often the scene's diagnosis is said. */
static unsigned said(struct scene *scene, unsigned row, unsigned twin)
{
    bool wanted[AUDIT_DIAGNOSES] = {false};
    wanted[scenes[row].id] = true;
    scene_begin(scene);
    scenes[row].build(scene, twin);
    scene->report.capture.last_time = START + SECONDS(3600);
    audit_diagnose(&scene->report, wanted);
    return scene->report.diagnoses->len;
}

START_TEST(scene_shows_it)
{
    struct scene scene;
    ck_assert_uint_eq(said(&scene, (unsigned)_i, 0), 1);
    const struct audit_diagnosis *diagnosis = audit_report_diagnosis(&scene.report, 0);
    ck_assert_uint_eq(diagnosis->id, scenes[_i].id);
    ck_assert_int_eq(diagnosis->sure, scenes[_i].sure);
    if (!scenes[_i].sure)
        ck_assert_uint_le(diagnosis->severity, MQTT_WARNING);
    ck_assert_uint_ge(diagnosis->count, 1);
    ck_assert_uint_ge(diagnosis->evidence->len, 1);
    ck_assert_int_le(diagnosis->since, diagnosis->until);
    ck_assert_uint_eq(scene.report.totals.diagnoses[diagnosis->severity], 1);
    ck_assert(g_utf8_validate(diagnosis->title, -1, NULL));
    if (scenes[_i].id != AUDIT_DIAGNOSIS_capture_quality)
        ck_assert_uint_eq(diagnosis->servers->len, 1);
    scene_end(&scene);
}
END_TEST

START_TEST(twins_do_not)
{
    struct scene scene;
    for (unsigned twin = 1; twin <= scenes[_i].twins; twin++) {
        ck_assert_msg(said(&scene, (unsigned)_i, twin) == 0, "twin %u", twin);
        scene_end(&scene);
    }
}
END_TEST

/* What is said does not rest on what was said before, and a second time gives the same. */
START_TEST(again_is_the_same)
{
    struct scene scene;
    said(&scene, (unsigned)_i, 0);
    char *title = g_strdup(audit_report_diagnosis(&scene.report, 0)->title);
    audit_diagnose(&scene.report, NULL);
    bool found = false;
    for (unsigned i = 0; i < scene.report.diagnoses->len; i++)
        found |= strcmp(audit_report_diagnosis(&scene.report, i)->title, title) == 0;
    ck_assert(found);
    g_free(title);
    scene_end(&scene);
}
END_TEST

/* What a capture lacks is no sign: a gap takes the diagnoses of that connection back. */
START_TEST(gaps_are_no_signs)
{
    struct scene scene;
    bool wanted[AUDIT_DIAGNOSES] = {[AUDIT_DIAGNOSIS_middlebox_idle] = true};
    scene_begin(&scene);
    idle(&scene, 0);
    for (unsigned i = 0; i < scene.report.connections->len; i++)
        ((struct audit_connection *)g_ptr_array_index(scene.report.connections, i))
            ->facts.transport[1]
            .gaps = 1;
    audit_diagnose(&scene.report, wanted);
    ck_assert_uint_eq(scene.report.diagnoses->len, 0);
    scene_end(&scene);
}
END_TEST

/* The worst first; those of one kind beyond what is listed are counted. */
START_TEST(bounded_and_in_order)
{
    struct scene scene;
    char text[32];
    bool wanted[AUDIT_DIAGNOSES] = {[AUDIT_DIAGNOSIS_two_devices_one_id] = true};
    scene_begin(&scene);
    for (unsigned device = 0; device < 150; device++)
        for (unsigned i = 0; i < 5; i++)
            connect_at(&scene, numbered(text, "twin", device), device * 1000.0 + i * 2, 2,
                       i < 4 ? MQTT_END_TAKEN_OVER : MQTT_END_OPEN);
    audit_diagnose(&scene.report, wanted);
    ck_assert_uint_eq(scene.report.diagnoses->len, 100);
    ck_assert_uint_eq(scene.report.diagnoses_left_out, 50);
    ck_assert_uint_eq(scene.report.totals.diagnoses[MQTT_WARNING], 150);
    for (unsigned i = 1; i < scene.report.diagnoses->len; i++)
        ck_assert_int_le(audit_report_diagnosis(&scene.report, i - 1)->since,
                         audit_report_diagnosis(&scene.report, i)->since);
    scene_end(&scene);
}
END_TEST

/* Many clients in one loop are one diagnosis. */
START_TEST(loops_of_many_are_one)
{
    struct scene scene;
    char text[32];
    bool wanted[AUDIT_DIAGNOSES] = {[AUDIT_DIAGNOSIS_reconnect_loop] = true};
    scene_begin(&scene);
    for (unsigned device = 0; device < 9; device++)
        for (unsigned i = 0; i < 6; i++)
            connect_at(&scene, numbered(text, "loop", device), device * 1000.0 + i * 90, 5,
                       MQTT_END_SERVER_CLOSED);
    audit_diagnose(&scene.report, wanted);
    ck_assert_uint_eq(scene.report.diagnoses->len, 1);
    ck_assert_uint_eq(audit_report_diagnosis(&scene.report, 0)->count, 9);
    ck_assert_uint_eq(audit_report_diagnosis(&scene.report, 0)->clients->len, 9);
    scene_end(&scene);
}
END_TEST

START_TEST(known_by_their_words)
{
    for (unsigned id = 0; id < AUDIT_DIAGNOSES; id++) {
        const struct audit_diagnosis_info *info = audit_diagnosis_info(id);
        ck_assert_uint_eq(audit_diagnosis_by_id(info->id), id);
        ck_assert_uint_eq(mqtt_rule_by_id(info->id), MQTT_RULE_NONE);
        ck_assert(info->title[0] != '\0' && info->advice[0] != '\0');
    }
    ck_assert_uint_eq(audit_diagnosis_by_id("nothing"), AUDIT_DIAGNOSES);
}
END_TEST

SUITE("diagnoses", TABLE(scene_shows_it, scenes), TABLE(twins_do_not, scenes),
      TABLE(again_is_the_same, scenes), TEST(gaps_are_no_signs), TEST(bounded_and_in_order),
      TEST(loops_of_many_are_one), TEST(known_by_their_words))
