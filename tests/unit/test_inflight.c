/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of handshakes in flight against the plainest model of it: an array of all identifiers.
 */
#include "mqtt/state/inflight.h"

#include <stdlib.h>

#include "mqtt/state/session.h"
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
            entry->requested_qos = malloc(1);
        }
        if (step % 1000 == 0)
            compare(&table, model);
    }
    compare(&table, model);
    inflight_free(&table);
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
    inflight_free(&table);
}
END_TEST

static bool is_odd(const struct mqtt_handshake *handshake)
{
    return handshake->packet_identifier % 2 == 1;
}

START_TEST(filter_and_move)
{
    struct mqtt_inflight table = {0}, other = {0};
    for (uint16_t id = 1; id <= 100; id++)
        inflight_add(&table, id, MQTT_HANDSHAKE_SUBSCRIBE)->requested_qos = malloc(1);
    inflight_filter(&table, is_odd);
    ck_assert_uint_eq(table.count, 50);
    ck_assert_ptr_null(inflight_find(&table, 2));
    ck_assert_ptr_nonnull(inflight_find(&table, 99));
    inflight_move(&other, &table);
    ck_assert_uint_eq(table.count, 0);
    ck_assert_ptr_nonnull(inflight_find(&other, 99));
    inflight_free(&table);
    inflight_free(&other);
}
END_TEST

SUITE("inflight", TABLE(agrees_with_the_model, strides), TEST(takes_every_identifier),
      TEST(filter_and_move))
