/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tcp/ and transport/websocket do without memory: under a limit, and when allocation n fails,
 * for every n. The scene has flows of all kinds: many that are silent, some that are out of order,
 * and WebSockets whose upgrade comes in pieces. What is different then from a machine with enough
 * of it has to be counted, and nothing may be left behind.
 *
 * The linker gives every call of malloc(), calloc() and realloc() here to the __wrap_ functions.
 */
#include "tcp/tcp.h"

#include <string.h>

#include "mqtt/wire/memory.h"
#include "suite.h"
#include "transport/websocket.h"

/* ---- Allocations that fail ---- */

static struct {
    bool armed;
    bool from_then_on; /* not only one */
    uint64_t count;    /* since it was armed */
    uint64_t failing;  /* which one, from 1; 0: none */
} heap;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

static bool fails(void)
{
    if (!heap.armed)
        return false;
    heap.count++;
    return heap.from_then_on ? heap.failing != 0 && heap.count >= heap.failing
                             : heap.count == heap.failing;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

/* ---- The scene ---- */

enum { HEADER_SIZE = 20, SILENT_FLOWS = 1100, PORT_WEBSOCKET = 8080, PORT_MQTT = 1883 };

struct world {
    struct mqtt_memory *memory;
    struct tcp *tcp;
    struct tcp_moment now;
    uint64_t opened, closed;
    uint64_t bytes[2];     /* of TCP and of MQTT in WebSockets, each a sum over place and value */
    uint64_t no_websocket; /* WebSockets that could not be made */
    uint64_t highest;      /* use of memory */
    bool made;             /* there was memory for the table of flows */
};

static void on_opened(void *context, struct tcp_flow *flow, const struct tcp_moment *now)
{
    (void)flow, (void)now;
    ((struct world *)context)->opened++;
}

static void on_websocket_data(void *context, unsigned side, struct slice bytes)
{
    struct world *world = context;
    for (uint32_t i = 0; i < bytes.captured; i++)
        world->bytes[1] = world->bytes[1] * 31 + bytes.data[i] + side;
}

static void on_websocket_gap(void *context, unsigned side, uint64_t count)
{
    struct world *world = context;
    world->bytes[1] = world->bytes[1] * 37 + count + side;
}

static void on_websocket_lost(void *context, unsigned side)
{
    on_websocket_gap(context, side, 1000);
}

static void on_websocket_event(void *context, unsigned side, enum websocket_event event,
                               uint64_t value)
{
    on_websocket_gap(context, side, event + value);
}

static void on_data(void *context, struct tcp_flow *flow, unsigned side,
                    const struct tcp_moment *now, struct slice bytes)
{
    struct world *world = context;
    const struct websocket_sink sink = {world, on_websocket_data, on_websocket_gap,
                                        on_websocket_lost, on_websocket_event};
    (void)now;
    world->bytes[0] += bytes.captured > 0 ? bytes.data[0] * flow->side[side].bytes : 0;
    if (flow->side[0].port != PORT_WEBSOCKET && flow->side[1].port != PORT_WEBSOCKET)
        return;
    if (flow->user == NULL)
        flow->user = websocket_new(side, world->memory);
    world->no_websocket += flow->user == NULL;
    if (flow->user == NULL || !websocket_push(flow->user, side, bytes, &sink))
        tcp_ignore(world->tcp, flow);
}

static void on_gap(void *context, struct tcp_flow *flow, unsigned side,
                   const struct tcp_moment *now, uint64_t count)
{
    struct world *world = context;
    const struct websocket_sink sink = {world, on_websocket_data, on_websocket_gap,
                                        on_websocket_lost, on_websocket_event};
    (void)now;
    world->bytes[0] += count * 41;
    if (flow->user != NULL)
        websocket_gap(flow->user, side, count, &sink);
}

static void on_ended(void *context, struct tcp_flow *flow, unsigned side,
                     const struct tcp_moment *now, enum tcp_end end)
{
    (void)context, (void)flow, (void)side, (void)now, (void)end;
}

static void on_closed(void *context, struct tcp_flow *flow, const struct tcp_moment *now,
                      enum tcp_end how)
{
    (void)now, (void)how;
    ((struct world *)context)->closed++;
    websocket_free(flow->user);
}

static const struct tcp_handler handler = {on_opened, on_data, on_gap, on_ended, on_closed, NULL};

static void put(uint8_t *bytes, uint32_t value, int size)
{
    for (int i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

/* A segment of one of many clients (side 0), or of the server to it. */
static void send_segment(struct world *world, uint16_t client, uint16_t port, unsigned side,
                         uint8_t flags, uint32_t sequence, const char *payload, uint32_t length)
{
    uint8_t bytes[HEADER_SIZE + 256] = {0};
    struct ip_packet ip = {.version = 4, .protocol = 6};
    put(bytes + 2 * side, client, 2);
    put(bytes + 2 * !side, port, 2);
    put(bytes + 4, sequence, 4);
    bytes[12] = 5 << 4;
    bytes[13] = flags;
    put(bytes + 14, 1000, 2);
    memcpy(bytes + HEADER_SIZE, payload, length);
    ip.source.bytes[3] = (uint8_t)side;
    ip.destination.bytes[3] = (uint8_t)!side;
    ip.payload = (struct slice){bytes, HEADER_SIZE + length, HEADER_SIZE + length};
    world->now.frame++;
    world->now.time_ns += 1000000;
    tcp_packet(world->tcp, &world->now, &ip);
    if (world->memory != NULL && world->memory->used > world->highest)
        world->highest = world->memory->used;
}

static void send_text(struct world *world, uint16_t client, uint16_t port, unsigned side,
                      uint32_t sequence, const char *text)
{
    send_segment(world, client, port, side, 0x10, sequence, text, (uint32_t)strlen(text));
}

/* Three of every four segments are early. */
static void out_of_order(struct world *world, uint16_t client)
{
    static const uint32_t order[] = {3, 1, 2, 0, 7, 5, 6, 4, 9, 10, 11};
    send_segment(world, client, PORT_MQTT, 0, 0x02, 99, "", 0);
    send_segment(world, client, PORT_MQTT, 1, 0x12, 499, "", 0);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        send_text(world, client, PORT_MQTT, 0, 100 + 10 * order[i], "0123456789");
}

static void upgrade(struct world *world, uint16_t client)
{
    static const char frame[] = "\x82\x85\1\2\3\4hello";
    const uint16_t port = PORT_WEBSOCKET;
    send_segment(world, client, port, 0, 0x02, 99, "", 0);
    send_segment(world, client, port, 1, 0x12, 499, "", 0);
    send_text(world, client, port, 0, 100, "GET /mqtt HTTP/1.1\r\nUpgrade: web");
    send_text(world, client, port, 0, 132, "socket\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n");
    send_text(world, client, port, 1, 500, "HTTP/1.1 101 Switching\r\nSec-WebSo");
    send_text(world, client, port, 1, 533, "cket-Protocol: mqtt\r\n\r\n");
    send_segment(world, client, port, 0, 0x10, 172 + 11, frame, 11);
    send_segment(world, client, port, 0, 0x10, 172, frame, 11);
}

static void play(struct world *world)
{
    const struct tcp_options options = {.seed = 1, .memory = world->memory};
    world->tcp = tcp_new(&options, &handler, world);
    world->made = world->tcp != NULL;
    if (!world->made)
        return;
    for (uint16_t client = 1; client <= 4; client++) {
        out_of_order(world, client);
        upgrade(world, 100 + client);
    }
    for (uint16_t client = 0; client < SILENT_FLOWS; client++)
        send_segment(world, 1000 + client, PORT_MQTT, 0, 0x02, 1, "", 0);
    send_text(world, 5, PORT_WEBSOCKET, 0, 1, "GET / ");
    tcp_finish(world->tcp);
}

/* What says that something was left out. */
static uint64_t told(const struct world *world)
{
    if (!world->made)
        return 1;
    const struct tcp_counters *counters = tcp_counters(world->tcp);
    uint64_t sum =
        counters->no_memory + counters->hold_full + counters->evicted + world->no_websocket;
    for (unsigned kind = 0; world->memory != NULL && kind < MQTT_MEMORY_KINDS; kind++)
        sum += world->memory->refused[kind];
    return sum;
}

static bool same(const struct world *a, const struct world *b)
{
    return a->made == b->made && a->opened == b->opened && a->closed == b->closed &&
           memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* Plays the scene; with memory, all of it is given back. */
static void run(struct world *world, struct mqtt_memory *memory)
{
    *world = (struct world){.memory = memory};
    heap.count = 0;
    heap.armed = true;
    play(world);
    heap.armed = false;
}

static void check_end(struct world *world)
{
    ck_assert_uint_eq(world->opened, world->closed);
    tcp_free(world->tcp);
    if (world->memory != NULL)
        ck_assert_uint_eq(world->memory->used, 0);
}

static const struct {
    bool from_then_on;
    bool counted; /* by struct mqtt_memory */
} ways[] = {{false, false}, {false, true}, {true, false}, {true, true}};

START_TEST(any_allocation_may_fail)
{
    struct mqtt_memory memory = {0};
    struct world whole, world;
    heap.failing = 0;
    heap.from_then_on = ways[_i].from_then_on;
    run(&whole, &memory);
    const uint64_t allocations = heap.count;
    ck_assert_uint_eq(told(&whole), 0);
    ck_assert_uint_gt(whole.bytes[1], 0);
    ck_assert_uint_gt(allocations, 60);
    check_end(&whole);
    for (heap.failing = 1; heap.failing <= allocations; heap.failing++) {
        memory = (struct mqtt_memory){0};
        run(&world, ways[_i].counted ? &memory : NULL);
        if (ways[_i].counted && told(&world) == 0)
            ck_assert_msg(same(&world, &whole), "allocation %u", (unsigned)heap.failing);
        if (!world.made)
            ck_assert_uint_le(heap.failing, 2);
        check_end(&world);
    }
}
END_TEST

static const uint64_t limits[] = {1, 1000, 20000, 30000, 60000, 100000, 200000, 400000};

START_TEST(a_limit_bounds_all)
{
    struct mqtt_memory memory = {0};
    struct world whole, world;
    heap.failing = 0;
    run(&whole, &memory);
    /* The last quarter is not for all. */
    const uint64_t enough = whole.highest + whole.highest / 3 + 1;
    ck_assert_uint_gt(whole.highest, limits[_i]);
    check_end(&whole);

    memory = (struct mqtt_memory){.limit = limits[_i]};
    run(&world, &memory);
    ck_assert_uint_le(world.highest, limits[_i]);
    ck_assert_uint_gt(told(&world), 0);
    if (world.opened == 0)
        ck_assert_uint_eq(tcp_counters(world.tcp)->no_memory, world.now.frame);
    check_end(&world);

    memory = (struct mqtt_memory){.limit = enough};
    run(&world, &memory);
    ck_assert(same(&world, &whole));
    ck_assert_uint_eq(told(&world), 0);
    check_end(&world);
}
END_TEST

/* Where a table of a few flows is all the memory there is, new ones take the place of old ones. */
START_TEST(new_flows_take_the_place_of_old_ones)
{
    struct mqtt_memory memory = {.limit = 100000};
    struct world world;
    heap.failing = 0;
    run(&world, &memory);
    const struct tcp_counters *counters = tcp_counters(world.tcp);
    ck_assert_uint_eq(counters->no_memory, 0);
    ck_assert_uint_eq(counters->flows, world.opened);
    ck_assert_uint_gt(counters->evicted, SILENT_FLOWS / 2);
    ck_assert_uint_gt(memory.refused[MQTT_MEMORY_CONNECTIONS], 0);
    check_end(&world);
}
END_TEST

SUITE("input_memory", TABLE(any_allocation_may_fail, ways), TABLE(a_limit_bounds_all, limits),
      TEST(new_flows_take_the_place_of_old_ones))
