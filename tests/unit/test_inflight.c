/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of handshakes in flight against the plainest model of it: an array of all identifiers.
 */
#include "mqtt/state/inflight.h"

#include <stdlib.h>

#include "suite.h"

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Finds exactly what the model holds, and walks each entry once. One assertion for all: libcheck
 * writes each to a file. */
static void compare(const struct mqtt_inflight *table, const uint32_t *model)
{
    uint32_t in_model = 0, wrong = 0, walked = 0, cursor = 0;
    const struct mqtt_handshake *entry;
    for (uint32_t id = 0; id < 65536; id++) {
        const struct mqtt_handshake *found = inflight_find(table, (uint16_t)id);
        in_model += model[id] != 0;
        wrong += (found != NULL ? found->order : 0) != model[id];
    }
    while ((entry = mqtt_inflight_next(table, &cursor)) != NULL) {
        wrong += model[entry->packet_identifier] == 0;
        walked++;
    }
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(walked, in_model);
    ck_assert_uint_eq(table->count, in_model);
}

/* Identifiers that count up, as senders do; that stand far apart; and that share their low bits. */
static const uint32_t strides[] = {1, 257, 4096};

START_TEST(agrees_with_the_model)
{
    static uint32_t model[65536];
    struct mqtt_inflight table = {0};
    uint32_t random = 7, order = 0;
    for (uint32_t i = 0; i < 65536; i++)
        model[i] = 0;
    for (unsigned step = 0; step < 20000; step++) {
        const uint16_t id = (uint16_t)(next_random(&random) % 300 * strides[_i]);
        struct mqtt_handshake *entry = inflight_find(&table, id);
        if (entry != NULL) {
            inflight_remove(&table, entry);
            model[id] = 0;
        } else {
            entry = inflight_add(&table, id, MQTT_HANDSHAKE_QOS_1);
            entry->order = model[id] = ++order;
            entry->list = (struct mqtt_slice){malloc(1), 1};
        }
        if (step % 1000 == 0)
            compare(&table, model);
    }
    compare(&table, model);
    inflight_clear(&table);
    ck_assert_uint_eq(table.count, 0);
}
END_TEST

START_TEST(takes_every_identifier)
{
    struct mqtt_inflight table = {0};
    uint32_t refused = 0;
    for (uint32_t id = 0; id < 65536; id++)
        refused += inflight_add(&table, (uint16_t)id, MQTT_HANDSHAKE_QOS_2) == NULL;
    ck_assert_uint_eq(refused, 0);
    ck_assert_uint_eq(table.count, 65536);
    ck_assert_uint_eq(table.capacity, 65536);
    for (uint32_t id = 0; id < 65536; id++)
        inflight_remove(&table, inflight_find(&table, (uint16_t)id));
    ck_assert_uint_eq(table.count, 0);
    inflight_clear(&table);
}
END_TEST

/* A copy has no list of its own; and what a table holds is given back to the memory that it came
 * from. */
START_TEST(copy_and_move)
{
    struct mqtt_memory memory = {.limit = 1 << 20};
    struct mqtt_inflight table = {.memory = &memory}, other = {.memory = &memory};
    for (uint16_t id = 1; id <= 100; id++) {
        struct mqtt_handshake *entry = inflight_add(&table, id, MQTT_HANDSHAKE_SUBSCRIBE);
        entry->order = id;
        entry->list = (struct mqtt_slice){mqtt_memory_new(&memory, MQTT_MEMORY_SUBSCRIBE, 7), 7};
    }
    ck_assert(inflight_copy(&other, inflight_find(&table, 99)));
    ck_assert_uint_eq(inflight_find(&other, 99)->order, 99);
    ck_assert_ptr_null(inflight_find(&other, 99)->list.data);
    inflight_clear(&other);
    inflight_move(&other, &table);
    ck_assert_uint_eq(table.count, 0);
    ck_assert_uint_eq(inflight_find(&other, 99)->order, 99);
    inflight_clear(&table);
    inflight_clear(&other);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

/* A table that the limit stops stays as it was. */
START_TEST(stops_at_the_limit)
{
    struct mqtt_memory memory = {.limit = 20000};
    struct mqtt_inflight table = {.memory = &memory};
    uint16_t id = 0;
    while (inflight_add(&table, id, MQTT_HANDSHAKE_QOS_1) != NULL)
        id++;
    ck_assert_uint_gt(id, 30);
    ck_assert_uint_eq(table.count, id);
    ck_assert_uint_le(memory.used, memory.limit);
    ck_assert_uint_eq(memory.refused[MQTT_MEMORY_IN_FLIGHT], 1);
    for (uint16_t i = 0; i < id; i++)
        ck_assert_ptr_nonnull(inflight_find(&table, i));
    inflight_clear(&table);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

/* Every leg has a type, and legs are in a row; what is no handshake has none. */
START_TEST(legs_have_types)
{
    for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++) {
        const unsigned legs = kind == MQTT_HANDSHAKE_NONE    ? 0
                              : kind == MQTT_HANDSHAKE_QOS_2 ? 4
                                                             : 2;
        for (unsigned leg = 0; leg < MQTT_LEGS + 1; leg++)
            ck_assert_int_eq(mqtt_handshake_leg_type(kind, leg) != 0, leg < legs);
    }
    ck_assert_uint_eq(mqtt_handshake_leg_type(MQTT_HANDSHAKE_QOS_2, 2), MQTT_PUBREL);
    ck_assert_uint_eq(mqtt_handshake_leg_type(MQTT_HANDSHAKE_PING, 1), MQTT_PINGRESP);
    ck_assert_uint_eq(mqtt_handshake_leg_type(MQTT_HANDSHAKE_KINDS, 0), 0);
}
END_TEST

SUITE("inflight", TABLE(agrees_with_the_model, strides), TEST(takes_every_identifier),
      TEST(copy_and_move), TEST(stops_at_the_limit), TEST(legs_have_types))
