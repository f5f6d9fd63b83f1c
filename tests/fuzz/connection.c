/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes of both sides of up to four connections to one server, through stream, decoder, connection
 * and session: the results are in bounds, and the same each time.
 *
 * The input is a list of actions: a byte that says what, on which connection and side, a length of
 * two bytes, and so many bytes (for PUSH and CUT; else the length is a number, or how time moves).
 */
#include <ctype.h>

#include "bytes.h"
#include "fuzz.h"
#include "mqtt/facts/tables.h"
#include "mqtt/state/session.h"
#include "mqtt/wire/stream.h"

#define CONNECTIONS 4u

/* What a byte says from its fourth bit on: all but JUMP modulo 6. */
enum action { PUSH = 0, CUT = 1, GAP = 2, WAIT = 3, CLOSE = 4, RESET = 5, JUMP = 31 };

struct channel {
    struct mqtt_connection *connection;
    struct mqtt_stream streams[2];
};

struct world {
    struct mqtt_sessions *sessions;
    struct channel channels[CONNECTIONS];
    int64_t time;
    uint64_t frame;
    uint64_t digest; /* of all that was found */
    struct mqtt_packet packet;
    struct mqtt_step step;
};

static void note(struct world *world, uint64_t value)
{
    world->digest = mqtt_hash(world->digest, (const uint8_t *)&value, sizeof(value));
}

static void check_finding(struct world *world, const struct mqtt_finding *finding)
{
    char detail[512];
    REQUIRE(finding->rule < MQTT_RULES);
    REQUIRE(finding->version == 0 || (finding->version >= 3 && finding->version <= 5));
    REQUIRE(finding->packet_type < MQTT_PACKET_TYPES);
    REQUIRE(finding->field <= MQTT_FIELDS);
    REQUIRE(mqtt_finding_detail(finding, detail, sizeof(detail)) < sizeof(detail));
    for (const char *c = detail; *c != '\0'; c++)
        REQUIRE(isprint((unsigned char)*c));
    note(world, finding->rule);
    note(world, finding->frame);
    note(world, finding->values[0]);
    note(world, finding->values[1]);
}

static void check_step(struct world *world)
{
    const struct mqtt_step *step = &world->step;
    REQUIRE(step->finding_count <= MQTT_STEP_FINDINGS_MAX);
    for (uint32_t i = 0; i < step->finding_count; i++)
        check_finding(world, &step->findings[i]);
    note(world, step->findings_dropped);
    note(world, step->in_flight);
    note(world, step->request.frame);
    note(world, mqtt_hash(MQTT_HASH_START, step->topic.data, step->topic.length));
    note(world,
         mqtt_hash(MQTT_HASH_START, step->client_identifier.data, step->client_identifier.length));
    if (step->has_handshake) {
        REQUIRE(step->handshake.kind < MQTT_HANDSHAKE_KINDS);
        REQUIRE(step->handshake.stage >= 1 && step->handshake.stage <= MQTT_LEGS);
    }
}

static void check_connection(const struct mqtt_connection *connection)
{
    REQUIRE(connection->ping.waiting_count <= MQTT_PINGS_MAX);
    REQUIRE(connection->end_cause < MQTT_END_CAUSES);
    for (unsigned side = 0; side < 2; side++) {
        const struct mqtt_side_state *state = &connection->sides[side];
        REQUIRE(state->inflight.count <= 65535);
        REQUIRE(state->inflight.count <= state->inflight.capacity);
        REQUIRE(state->alias_bytes <= MQTT_ALIAS_BYTES);
    }
}

static struct channel *open_channel(struct world *world, unsigned number, unsigned side)
{
    struct channel *channel = &world->channels[number];
    if (channel->connection != NULL)
        return channel;
    const struct mqtt_connection_start start = {
        .time = world->time,
        .frame = world->frame,
        .start_seen = world->frame % 8 != 0,
        .client = (uint8_t)side,
    };
    channel->connection = mqtt_connection_new(world->sessions, &start);
    REQUIRE(channel->connection != NULL);
    mqtt_stream_init(&channel->streams[0], start.start_seen, NULL);
    mqtt_stream_init(&channel->streams[1], start.start_seen, NULL);
    return channel;
}

static void take_packet(struct world *world, struct channel *channel, uint8_t side,
                        const struct mqtt_pdu *pdu)
{
    struct mqtt_connection *connection = channel->connection;
    const struct mqtt_place place = {
        .time = world->time, .frame = world->frame, .token = world->frame, .side = side};
    const struct mqtt_bytes bytes = {pdu->data, pdu->captured, pdu->length};
    if (mqtt_connection_packet(connection, &place, &bytes, NULL, &world->packet, &world->step) ==
        MQTT_NEED_MORE)
        return;
    check_step(world);
    check_connection(connection);
}

static void drain(struct world *world, struct channel *channel, uint8_t side)
{
    struct mqtt_stream *stream = &channel->streams[side];
    struct mqtt_pdu pdu;
    for (;;) {
        const struct mqtt_context context = {(enum mqtt_version)channel->connection->version,
                                             mqtt_connection_sender(channel->connection, side)};
        switch (mqtt_stream_next(stream, &context, &pdu)) {
        case MQTT_STREAM_NEED_MORE: return;
        case MQTT_STREAM_SKIPPED: note(world, pdu.length); break;
        default: take_packet(world, channel, side, &pdu); break;
        }
    }
}

static void check_open(struct world *world, struct mqtt_connection *connection, enum mqtt_close how)
{
    for (uint8_t side = 0; side < 2; side++) {
        const struct mqtt_handshake *handshake;
        struct mqtt_finding finding;
        uint32_t cursor = 0;
        uint32_t count = 0;
        while ((handshake = mqtt_connection_next_open(connection, side, &cursor)) != NULL) {
            count++;
            if (mqtt_handshake_open_finding(connection, handshake, world->time, how, &finding))
                check_finding(world, &finding);
        }
        REQUIRE(count == connection->sides[side].inflight.count);
    }
}

static void close_channel(struct world *world, unsigned number, uint8_t side, enum mqtt_close how)
{
    struct channel *channel = &world->channels[number];
    const struct mqtt_place place = {.time = world->time, .frame = world->frame, .side = side};
    if (channel->connection == NULL)
        return;
    check_open(world, channel->connection, how);
    mqtt_connection_close(channel->connection, &place, how, &world->step);
    check_step(world);
    check_connection(channel->connection);
    note(world, channel->connection->end_cause);
    mqtt_connection_free(channel->connection);
    mqtt_stream_free(&channel->streams[0]);
    mqtt_stream_free(&channel->streams[1]);
    channel->connection = NULL;
}

static void push(struct world *world, struct channel *channel, uint8_t side, const uint8_t *data,
                 size_t length, size_t missing)
{
    uint8_t *chunk = bytes_exact(data, length);
    mqtt_stream_push(&channel->streams[side], chunk, length, length + missing);
    drain(world, channel, side);
    free(chunk);
}

/* Returns how many bytes of `data` were used. */
static size_t act(struct world *world, uint8_t what, size_t number, const uint8_t *data,
                  size_t left)
{
    const unsigned connection = what >> 1 & 3;
    const uint8_t side = what & 1;
    const size_t length = number < left ? number : left;
    struct channel *channel = NULL;
    world->frame++;
    if (what >> 3 == JUMP) {
        world->time = fuzz_time(world->time, (uint8_t)(number >> 8), (uint8_t)number);
        return 0;
    }
    world->time = fuzz_later(world->time, 1000000);
    if ((what >> 3) % 6 < WAIT)
        channel = open_channel(world, connection, side);
    switch ((what >> 3) % 6) {
    case PUSH: push(world, channel, side, data, length, 0); return length;
    case CUT: push(world, channel, side, data, length, number % 64); return length;
    case GAP: {
        const struct mqtt_place place = {.time = world->time, .frame = world->frame, .side = side};
        mqtt_stream_gap(&channel->streams[side], number);
        mqtt_connection_gap(channel->connection, &place);
        drain(world, channel, side);
        return 0;
    }
    case WAIT:
        world->time = fuzz_later(world->time, (int64_t)(int16_t)number * 1000000000);
        return 0;
    case CLOSE: close_channel(world, connection, side, MQTT_CLOSE_FIN); return 0;
    default: close_channel(world, connection, side, (enum mqtt_close)(number % 5)); return 0;
    }
}

static void check_sessions(struct world *world)
{
    struct mqtt_session *session = NULL;
    while ((session = mqtt_sessions_next(world->sessions, session)) != NULL) {
        for (unsigned side = 0; side < 2; side++) {
            const struct mqtt_handshake *handshake;
            struct mqtt_finding finding;
            uint32_t cursor = 0;
            while ((handshake = mqtt_inflight_next(&session->inflight[side], &cursor)) != NULL)
                if (mqtt_session_open_finding(session, handshake, side == 0, world->time, &finding))
                    check_finding(world, &finding);
        }
    }
}

static uint64_t run(const uint8_t *data, size_t size)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    world.sessions = mqtt_sessions_new(&(struct mqtt_sessions_options){.limit = 3});
    REQUIRE(world.sessions != NULL);
    world.time = INT64_C(1700000000000000000);
    world.digest = MQTT_HASH_START;
    for (size_t at = 0; size - at >= 3;) {
        const uint8_t what = data[at];
        const size_t number = (size_t)data[at + 1] << 8 | data[at + 2];
        at += 3;
        at += act(&world, what, number, data + at, size - at);
    }
    for (unsigned i = 0; i < CONNECTIONS; i++)
        close_channel(&world, i, 0, MQTT_CLOSE_CAPTURE_END);
    check_sessions(&world);
    REQUIRE(world.sessions->count <= 3 + CONNECTIONS);
    mqtt_sessions_free(world.sessions);
    return world.digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint64_t first = run(data, size);
    REQUIRE(run(data, size) == first);
    return 0;
}
