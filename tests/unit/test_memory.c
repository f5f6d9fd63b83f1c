/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory under a limit: what fits, what is refused, and what is given up first. */
#include "mqtt/wire/memory.h"

#include "suite.h"

START_TEST(counts_what_is_in_use)
{
    struct mqtt_memory memory = {.limit = 134};
    char *block = mqtt_memory_new(&memory, MQTT_MEMORY_HELD, 60);
    ck_assert_ptr_nonnull(block);
    ck_assert_int_eq(block[59], 0);
    ck_assert_uint_eq(memory.used, 60);
    block = mqtt_memory_resize(&memory, MQTT_MEMORY_HELD, block, 60, 100);
    ck_assert_ptr_nonnull(block);
    block = mqtt_memory_resize(&memory, MQTT_MEMORY_HELD, block, 100, 10);
    ck_assert_uint_eq(memory.used, 10);
    mqtt_memory_free(&memory, block, 10);
    mqtt_memory_free(&memory, NULL, 7);
    ck_assert_uint_eq(memory.used, 0);
    ck_assert_uint_eq(memory.refused[MQTT_MEMORY_HELD], 0);
}
END_TEST

START_TEST(refuses_beyond_the_limit)
{
    struct mqtt_memory memory = {.limit = 133}; /* three quarters: 100 */
    char *block = mqtt_memory_new(&memory, MQTT_MEMORY_ALIASES, 60);
    ck_assert_ptr_null(mqtt_memory_new(&memory, MQTT_MEMORY_ALIASES, 41));
    ck_assert_ptr_null(mqtt_memory_resize(&memory, MQTT_MEMORY_OWED, block, 60, 101));
    ck_assert_ptr_null(mqtt_memory_new(&memory, MQTT_MEMORY_ALIASES, SIZE_MAX / 4));
    ck_assert_uint_eq(memory.refused[MQTT_MEMORY_ALIASES], 2);
    ck_assert_uint_eq(memory.refused[MQTT_MEMORY_OWED], 1);
    ck_assert_uint_eq(memory.used, 60);
    mqtt_memory_free(&memory, block, 60);
}
END_TEST

START_TEST(connections_have_the_last_quarter)
{
    struct mqtt_memory memory = {.limit = 400};
    void *held = mqtt_memory_new(&memory, MQTT_MEMORY_HELD, 300);
    ck_assert_ptr_nonnull(held);
    ck_assert_ptr_null(mqtt_memory_new(&memory, MQTT_MEMORY_HELD, 1));
    void *connection = mqtt_memory_new(&memory, MQTT_MEMORY_CONNECTIONS, 100);
    ck_assert_ptr_nonnull(connection);
    ck_assert_ptr_null(mqtt_memory_new(&memory, MQTT_MEMORY_CONNECTIONS, 1));
    mqtt_memory_free(&memory, connection, 100);
    mqtt_memory_free(&memory, held, 300);
}
END_TEST

struct cellar {
    struct mqtt_memory *memory;
    void *bottles[3];
    unsigned count;
};

static bool give_one_up(void *owner)
{
    struct cellar *cellar = owner;
    if (cellar->count == 0)
        return false;
    mqtt_memory_free(cellar->memory, cellar->bottles[--cellar->count], 30);
    return true;
}

START_TEST(gives_up_what_matters_less)
{
    struct mqtt_memory memory = {.limit = 133, .reclaim = give_one_up};
    struct cellar cellar = {.memory = &memory};
    memory.owner = &cellar;
    for (unsigned i = 0; i < 3; i++)
        cellar.bottles[cellar.count++] = mqtt_memory_new(&memory, MQTT_MEMORY_SESSIONS, 30);
    ck_assert_ptr_null(mqtt_memory_new(&memory, MQTT_MEMORY_HELD, 101));
    ck_assert_uint_eq(cellar.count, 3); /* in vain, so for nothing */
    void *block = mqtt_memory_new(&memory, MQTT_MEMORY_HELD, 50);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq(cellar.count, 1);
    ck_assert_ptr_null(mqtt_memory_new(&memory, MQTT_MEMORY_HELD, 60));
    ck_assert_uint_eq(cellar.count, 0);
    ck_assert_uint_eq(memory.used, 50);
    mqtt_memory_free(&memory, block, 50);
}
END_TEST

START_TEST(without_a_limit)
{
    void *block = mqtt_memory_new(NULL, MQTT_MEMORY_HELD, 10);
    ck_assert_ptr_nonnull(block);
    block = mqtt_memory_resize(NULL, MQTT_MEMORY_HELD, block, 10, 20);
    ck_assert_ptr_nonnull(block);
    mqtt_memory_free(NULL, block, 20);
}
END_TEST

SUITE("memory", TEST(counts_what_is_in_use), TEST(refuses_beyond_the_limit),
      TEST(connections_have_the_last_quarter), TEST(gives_up_what_matters_less),
      TEST(without_a_limit))
