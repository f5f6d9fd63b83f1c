/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions as strangers would have them: chosen client identifiers, more of them than there is room
 * for, and more in flight than there is memory for. */
#include "mqtt/state/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt/facts/tables.h"
#include "mqtt/facts/time.h"
#include "suite.h"

struct world {
    struct mqtt_memory memory;
    struct mqtt_sessions *sessions;
    int64_t time;
    uint64_t frame;
    uint64_t findings; /* all but takeovers and their like: warnings and errors */
    struct mqtt_packet packet;
    struct mqtt_step step;
};

static void begin(struct world *world, uint64_t memory_limit, uint64_t session_limit)
{
    *world = (struct world){.memory = {.limit = memory_limit}, .time = MQTT_SECOND};
    const struct mqtt_sessions_options options = {
        .memory = &world->memory, .seed = 0x1234567, .limit = session_limit};
    world->sessions = mqtt_sessions_new(&options);
}

static void end(struct world *world)
{
    mqtt_sessions_free(world->sessions);
    ck_assert_uint_eq(world->memory.used, 0);
}

static void send_bytes(struct world *world, struct mqtt_connection *c, uint8_t side,
                       const uint8_t *data, size_t length)
{
    const struct mqtt_place place = {
        .time = world->time += 1000, .frame = ++world->frame, .side = side};
    const struct mqtt_bytes bytes = {data, length, length};
    ck_assert_int_eq(mqtt_connection_packet(c, &place, &bytes, NULL, &world->packet, &world->step),
                     MQTT_OK);
    for (uint32_t i = 0; i < world->step.finding_count; i++)
        world->findings +=
            mqtt_rule_info((enum mqtt_rule)world->step.findings[i].rule)->severity != MQTT_NOTE;
}

/* A connection of 3.1.1 without a clean session, accepted; NULL without memory. */
static struct mqtt_connection *connect_as(struct world *world, const char *client, uint16_t port)
{
    const struct mqtt_connection_start start = {
        .time = world->time,
        .frame = ++world->frame,
        .memory = &world->memory,
        .endpoints = {{.family = 4, .port = 40000}, {.family = 4, .port = port}},
        .start_seen = true,
    };
    uint8_t connect[128] = {0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 0, 0, 0, 0, 0};
    const size_t length = strlen(client);
    struct mqtt_connection *c = mqtt_connection_new(world->sessions, &start);
    if (c == NULL)
        return NULL;
    connect[1] = (uint8_t)(12 + length);
    connect[13] = (uint8_t)length;
    memcpy(connect + 14, client, length);
    send_bytes(world, c, 0, connect, 14 + length);
    send_bytes(world, c, 1, (const uint8_t[]){0x20, 2, 0, 0}, 4);
    return c;
}

static void close_connection(struct world *world, struct mqtt_connection *c)
{
    const struct mqtt_place place = {.time = world->time, .frame = ++world->frame};
    send_bytes(world, c, 0, (const uint8_t[]){0xe0, 0}, 2);
    mqtt_connection_close(c, &place, MQTT_CLOSE_FIN, &world->step);
    mqtt_connection_free(c);
}

static void publish(struct world *world, struct mqtt_connection *c, unsigned identifier)
{
    const uint8_t packet[] = {0x32, 5, 0, 1, 't', (uint8_t)(identifier >> 8), (uint8_t)identifier};
    send_bytes(world, c, 0, packet, sizeof packet);
}

/* What an attacker could compute who knows how keys are hashed, but for the seed: names that meet
 * in the lower bits of FNV-1a, a hash without one. */
static void next_chosen(char *name, size_t size, uint64_t *number)
{
    uint64_t hash;
    do {
        snprintf(name, size, "c%llx", (unsigned long long)(*number)++);
        hash = UINT64_C(0xcbf29ce484222325);
        for (const char *p = name; *p != '\0'; p++)
            hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
    } while (((hash ^ hash >> 32) & 0xfff) != 0);
}

START_TEST(chosen_names_spread)
{
    struct world world;
    uint64_t number = 0;
    unsigned longest = 0;
    begin(&world, 0, 0);
    for (unsigned i = 0; i < 500; i++) {
        char name[32];
        next_chosen(name, sizeof name, &number);
        close_connection(&world, connect_as(&world, name, 1883));
    }
    ck_assert_uint_eq(world.sessions->count, 500);
    for (size_t i = 0; i < world.sessions->bucket_count; i++) {
        unsigned length = 0;
        for (const struct mqtt_session *s = world.sessions->buckets[i]; s != NULL; s = s->next)
            length++;
        if (length > longest)
            longest = length;
    }
    ck_assert_uint_lt(longest, 20);
    end(&world);
}
END_TEST

START_TEST(a_server_is_its_endpoint)
{
    struct world world;
    begin(&world, 0, 0);
    struct mqtt_connection *a = connect_as(&world, "a", 1883);
    struct mqtt_connection *b = connect_as(&world, "a", 1884);
    struct mqtt_connection *c = connect_as(&world, "a", 1883);
    ck_assert_uint_eq(world.sessions->count, 2);
    ck_assert(mqtt_connection_taken_over(a));
    ck_assert(!mqtt_connection_taken_over(b));
    ck_assert_ptr_eq(mqtt_connection_session(a), mqtt_connection_session(c));
    mqtt_connection_free(a);
    mqtt_connection_free(b);
    mqtt_connection_free(c);
    end(&world);
}
END_TEST

/* Those that were offline the longest; never one that a connection still claims. */
START_TEST(sessions_give_way)
{
    struct world world;
    begin(&world, 0, 3);
    struct mqtt_connection *live = connect_as(&world, "live", 1883);
    close_connection(&world, connect_as(&world, "one", 1883));
    close_connection(&world, connect_as(&world, "two", 1883));
    close_connection(&world, connect_as(&world, "one", 1883));
    close_connection(&world, connect_as(&world, "three", 1883));
    ck_assert_uint_eq(world.sessions->count, 3);
    ck_assert_uint_eq(world.sessions->forgotten, 1);
    const char *const left[] = {"live", "one", "three"};
    const struct mqtt_session *s = NULL;
    for (unsigned i = 0; i < 3; i++) {
        s = mqtt_sessions_next(world.sessions, s);
        ck_assert_ptr_nonnull(s);
        ck_assert_mem_eq(s->client_identifier.data, left[i], s->client_identifier.length);
    }
    ck_assert_ptr_null(mqtt_sessions_next(world.sessions, s));
    mqtt_connection_free(live);
    end(&world);
}
END_TEST

/* 40 connections with 65,535 PUBLISH in flight each would take some 600 MB. Under the limit, what
 * has no room is counted, and nothing that rests on it is held against anybody. */
START_TEST(in_flight_has_a_limit)
{
    struct world world;
    struct mqtt_connection *connections[40];
    uint64_t most = 0;
    begin(&world, 32u << 20, 0);
    for (unsigned i = 0; i < 40; i++) {
        char name[8];
        snprintf(name, sizeof name, "c%u", i);
        connections[i] = connect_as(&world, name, 1883);
        ck_assert_ptr_nonnull(connections[i]);
    }
    for (unsigned i = 0; i < 40; i++) {
        for (unsigned identifier = 1; identifier <= 65535; identifier++)
            publish(&world, connections[i], identifier);
        most = world.memory.used > most ? world.memory.used : most;
    }
    ck_assert_uint_le(most, world.memory.limit);
    ck_assert_uint_gt(most, world.memory.limit / 4);
    ck_assert_uint_ne(world.memory.refused[MQTT_MEMORY_IN_FLIGHT], 0);
    for (unsigned i = 0; i < 40; i++)
        for (unsigned identifier = 65535; identifier >= 65000; identifier--)
            send_bytes(&world, connections[i], 1,
                       (const uint8_t[]){0x40, 2, (uint8_t)(identifier >> 8), (uint8_t)identifier},
                       4);
    ck_assert_uint_eq(world.findings, 0);
    for (unsigned i = 0; i < 40; i++)
        mqtt_connection_free(connections[i]);
    end(&world);
}
END_TEST

/* Sessions offline, with a table each, give way to those that are alive. */
START_TEST(offline_tables_give_way)
{
    struct world world;
    begin(&world, 1u << 20, 0);
    for (unsigned i = 0; i < 2000; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%u", i);
        struct mqtt_connection *c = connect_as(&world, name, 1883);
        ck_assert_ptr_nonnull(c);
        for (unsigned identifier = 1; identifier <= 20; identifier++)
            publish(&world, c, identifier);
        close_connection(&world, c);
    }
    ck_assert_uint_eq(world.memory.refused[MQTT_MEMORY_IN_FLIGHT], 0);
    ck_assert_uint_gt(world.sessions->forgotten, 1000);
    ck_assert_uint_gt(world.sessions->count, 10);
    /* One that was forgotten comes back: what it has in flight is not known. */
    struct mqtt_connection *c = connect_as(&world, "c0", 1883);
    send_bytes(&world, c, 1, (const uint8_t[]){0x40, 2, 0, 1}, 4);
    ck_assert_uint_eq(world.findings, 1); /* Session Present 0 says that nothing was stored */
    mqtt_connection_free(c);
    end(&world);
}
END_TEST

/* A session that surely is gone gives its table back, without anybody asking for room. */
START_TEST(what_is_gone_is_given_back)
{
    static const uint8_t connect[] = {0x10, 19, 0,  4, 'M', 'Q', 'T', 'T', 5, 0,  0,
                                      0,    5,  17, 0, 0,   0,   10,  0,   1, 'x'};
    struct world world;
    begin(&world, 0, 0);
    const struct mqtt_connection_start start = {
        .time = world.time, .frame = 1, .memory = &world.memory, .start_seen = true};
    struct mqtt_connection *c = mqtt_connection_new(world.sessions, &start);
    send_bytes(&world, c, 0, connect, sizeof connect);
    send_bytes(&world, c, 1, (const uint8_t[]){0x20, 3, 0, 0, 0}, 5);
    for (uint8_t identifier = 1; identifier <= 100; identifier++)
        send_bytes(&world, c, 0, (const uint8_t[]){0x32, 6, 0, 1, 't', 0, identifier, 0}, 8);
    close_connection(&world, c);
    const uint64_t before = world.memory.used;
    const struct mqtt_session *session = mqtt_sessions_next(world.sessions, NULL);
    ck_assert_uint_eq(session->inflight[0].count, 100);
    world.time += 5 * MQTT_SECOND;
    close_connection(&world, connect_as(&world, "other", 1883));
    ck_assert_uint_eq(session->inflight[0].count, 100); /* it may still come back */
    world.time += 60 * MQTT_SECOND;
    close_connection(&world, connect_as(&world, "other", 1883));
    close_connection(&world, connect_as(&world, "another", 1883));
    ck_assert_uint_eq(session->inflight[0].capacity, 0);
    ck_assert_uint_lt(world.memory.used, before);
    end(&world);
}
END_TEST

/* A PUBLISH that reads in 3.1.1 as well as in 5.0, and one that reads in 3.1.1 alone. */
static const uint8_t reads_in_both[] = {0x30, 5, 0, 1, 't', 0, '1'};
static const uint8_t reads_in_3_1_1[] = {0x30, 5, 0, 1, 't', 9, '1'};

static struct mqtt_connection *connection_told(struct world *world, bool start_seen,
                                               enum mqtt_version version)
{
    const struct mqtt_connection_start start = {.time = world->time,
                                                .frame = ++world->frame,
                                                .memory = &world->memory,
                                                .start_seen = start_seen,
                                                .version = (uint8_t)version};
    return mqtt_connection_new(world->sessions, &start);
}

START_TEST(a_version_that_is_told_holds_until_packets_prove_better)
{
    static const struct {
        bool start_seen;
        enum mqtt_version told, both, alone;
    } rows[] = {
        {false, MQTT_VERSION_UNKNOWN, MQTT_VERSION_5_0, MQTT_VERSION_3_1_1},
        {false, MQTT_VERSION_5_0, MQTT_VERSION_5_0, MQTT_VERSION_3_1_1},
        {false, MQTT_VERSION_3_1_1, MQTT_VERSION_3_1_1, MQTT_VERSION_3_1_1},
        {false, MQTT_VERSION_3_1, MQTT_VERSION_3_1, MQTT_VERSION_3_1},
        {true, MQTT_VERSION_3_1, MQTT_VERSION_5_0, MQTT_VERSION_3_1_1}, /* its CONNECT will tell */
    };
    struct world world;
    begin(&world, 0, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mqtt_connection *c = connection_told(&world, rows[i].start_seen, rows[i].told);
        send_bytes(&world, c, 0, reads_in_both, sizeof reads_in_both);
        ck_assert_uint_eq(c->version, rows[i].both);
        send_bytes(&world, c, 0, reads_in_3_1_1, sizeof reads_in_3_1_1);
        ck_assert_uint_eq(c->version, rows[i].alone);
        mqtt_connection_free(c);
    }
    end(&world);
}
END_TEST

/* Findings on a client with a keep alive of 10 s that is silent for so many. */
static uint32_t findings_after(int64_t tolerance, unsigned seconds)
{
    const struct mqtt_sessions_options options = {.keep_alive_tolerance = tolerance};
    struct world world;
    begin(&world, 0, 0);
    mqtt_sessions_free(world.sessions);
    world.sessions = mqtt_sessions_new(&options);
    struct mqtt_connection *c = connection_told(&world, true, MQTT_VERSION_UNKNOWN);
    static const uint8_t connect[] = {0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 10, 0, 1, 'a'};
    send_bytes(&world, c, 0, connect, sizeof connect);
    send_bytes(&world, c, 1, (const uint8_t[]){0x20, 2, 0, 0}, 4);
    world.time += seconds * MQTT_SECOND;
    send_bytes(&world, c, 0, (const uint8_t[]){0xc0, 0}, 2);
    const uint32_t count = world.step.finding_count;
    mqtt_connection_free(c);
    end(&world);
    return count;
}

START_TEST(keep_alives_have_a_tolerance)
{
    ck_assert_uint_eq(findings_after(0, 9), 0);
    ck_assert_uint_eq(findings_after(0, 11), 1);
    ck_assert_uint_eq(findings_after(2 * MQTT_SECOND, 11), 0);
    ck_assert_uint_eq(findings_after(2 * MQTT_SECOND, 13), 1);
    ck_assert_uint_eq(findings_after(20 * MQTT_SECOND, 25), 0);
    ck_assert_uint_eq(findings_after(20 * MQTT_SECOND, 40), 1);
}
END_TEST

SUITE("session", TEST(a_version_that_is_told_holds_until_packets_prove_better),
      TEST(keep_alives_have_a_tolerance), TEST(chosen_names_spread), TEST(a_server_is_its_endpoint),
      TEST(sessions_give_way), TEST(in_flight_has_a_limit), TEST(offline_tables_give_way),
      TEST(what_is_gone_is_given_back))
