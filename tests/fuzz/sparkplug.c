/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit of Sparkplug on events as no recorder would make them: whatever payloads hold, tables
 * keep to their bounds, and a finding names a rule of Sparkplug.
 *
 * The input is a list: a byte for the event and its flow, one for the topic, one for flags, two of
 * length, and the payload. Of a topic that is none, the payload begins with its name.
 */
#include "audit/sparkplug/sparkplug.h"
#include "audit/sparkplug/assertions.h"
#include "bytes.h"
#include "fuzz.h"

#include <string.h>

#define FLOWS 4u

enum { NODES_MAX = 3, DEVICES_MAX = 4, ALIASES_MAX = 16 };

enum what { PUBLISHES, IS_TOLD, CONNECTS, CLOSES, LOSES, WAITS, OFFLINE, LACKS_TOPIC };

struct world {
    struct sparkplug *sparkplug;
    struct audit_flow flows[FLOWS];
    void *states[FLOWS][AUDIT_SINKS];
    struct audit_event event;
    uint64_t found;
};

static void finds(void *user, const struct audit_flow *flow, const struct mqtt_finding *finding)
{
    struct world *world = user;
    REQUIRE(flow >= world->flows && flow < world->flows + FLOWS);
    REQUIRE(finding->rule < MQTT_RULES);
    REQUIRE(sparkplug_assertions((enum mqtt_rule)finding->rule) != NULL);
    world->found++;
}

static struct mqtt_slice topic_of(uint8_t number, struct mqtt_slice *payload)
{
    static const char *const topics[] = {
        "spBv1.0/g/NBIRTH/n",   "spBv1.0/g/NDEATH/n",
        "spBv1.0/g/NDATA/n",    "spBv1.0/g/NCMD/n",
        "spBv1.0/g/DBIRTH/n/d", "spBv1.0/g/DDEATH/n/d",
        "spBv1.0/g/DDATA/n/d",  "spBv1.0/g/DCMD/n/d",
        "spBv1.0/g/DBIRTH/n/e", "spBv1.0/g/DDATA/n/e",
        "spBv1.0/g/NBIRTH/m",   "spBv1.0/g/NDEATH/m",
        "spBv1.0/STATE/h",      "spBv1.0/",
    };
    const size_t count = sizeof topics / sizeof *topics;
    if (number % 16 < count) {
        const char *topic = topics[number % 16];
        return (struct mqtt_slice){(const uint8_t *)topic, (uint32_t)strlen(topic)};
    }
    const uint32_t length = payload->length / 2;
    const struct mqtt_slice topic = {payload->data, length};
    *payload = (struct mqtt_slice){payload->data + length, payload->length - length};
    return topic;
}

static void fill(struct audit_event *event, const uint8_t *control, struct mqtt_slice topic,
                 struct mqtt_slice payload)
{
    const bool cut = (control[2] & 0x10) != 0;
    if (event->kind == AUDIT_EVENT_IDENTIFIED)
        event->identified = (struct audit_identity){
            .connect = true,
            .cut = cut,
            .bridge = (control[2] & 0x20) != 0,
            .has_will = (control[2] & 0x40) == 0,
            .will_qos = control[2] & 3,
            .will_retain = (control[2] & 4) != 0,
            .will_topic = topic,
            .will_payload = payload,
        };
    else
        event->message = (struct audit_message){
            .topic = topic,
            .payload = payload,
            .payload_length = payload.length + cut,
            .qos = control[2] & 3,
            .retain = (control[2] & 4) != 0,
            .resend = (control[2] & 0x20) != 0,
        };
}

static void happen(struct world *world, const uint8_t *control, struct mqtt_slice payload)
{
    struct audit_event *event = &world->event;
    struct audit_facts facts = {.end_cause = (uint8_t)(control[1] % MQTT_END_CAUSES)};
    struct audit_flow *flow = &world->flows[control[0] % FLOWS];
    const struct audit_sink *sink = sparkplug_sink(world->sparkplug);
    event->frame++;
    event->flow = flow;
    event->kind = (control[0] >> 2) % 8 == IS_TOLD    ? AUDIT_EVENT_DELIVERED
                  : (control[0] >> 2) % 8 == CONNECTS ? AUDIT_EVENT_IDENTIFIED
                                                      : AUDIT_EVENT_PUBLISHED;
    switch ((enum what)((control[0] >> 2) % 8)) {
    case LOSES: flow->gaps[0]++; return;
    case WAITS: event->time = fuzz_time(event->time, control[1], control[2]); return;
    case OFFLINE: event->kind = AUDIT_EVENT_SESSION_OFFLINE; break;
    case CLOSES:
        event->kind = AUDIT_EVENT_CLOSED;
        event->closed = (struct audit_closing){.facts = &facts};
        break;
    case LACKS_TOPIC: fill(event, control, (struct mqtt_slice){0}, payload); break;
    default: {
        const struct mqtt_slice topic = topic_of(control[1], &payload);
        fill(event, control, topic, payload);
    }
    }
    sink->event(sink->user, event);
}

static void close_all(struct world *world)
{
    struct audit_facts facts = {0};
    const struct audit_sink *sink = sparkplug_sink(world->sparkplug);
    for (unsigned i = 0; i < FLOWS; i++) {
        world->event.kind = AUDIT_EVENT_CLOSED;
        world->event.flow = &world->flows[i];
        world->event.closed = (struct audit_closing){.facts = &facts};
        sink->event(sink->user, &world->event);
        REQUIRE(world->states[i][sink->slot] == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {0};
    const struct sparkplug_options options = {.found = finds,
                                              .user = &world,
                                              .max_nodes = NODES_MAX,
                                              .max_devices = DEVICES_MAX,
                                              .max_aliases = ALIASES_MAX};
    world.sparkplug = sparkplug_new(&options);
    for (unsigned i = 0; i < FLOWS; i++)
        world.flows[i].state = world.states[i];
    while (size >= 5) {
        const size_t length = MIN((size_t)data[3] << 8 | data[4], size - 5);
        uint8_t *exact = bytes_exact(data + 5, length);
        happen(&world, data, (struct mqtt_slice){exact, (uint32_t)length});
        free(exact);
        data += 5 + length;
        size -= 5 + length;
    }
    close_all(&world);
    const GPtrArray *nodes = sparkplug_nodes(world.sparkplug);
    REQUIRE(nodes->len <= NODES_MAX);
    for (unsigned i = 0; i < nodes->len; i++) {
        const struct audit_sparkplug_node *node = g_ptr_array_index(nodes, i);
        REQUIRE(node->rebirths < node->births || node->births == 0);
        REQUIRE(node->devices <= DEVICES_MAX);
    }
    sparkplug_free(world.sparkplug);
    return 0;
}
