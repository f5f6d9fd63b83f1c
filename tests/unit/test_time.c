/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times at the ends of their type: nothing overflows, and the order stays. */
#include "mqtt/facts/time.h"

#include "suite.h"

static const struct {
    const char *name;
    int64_t later, earlier, elapsed;
} differences[] = {
    {"forwards", 5, 3, 2},
    {"backwards", 3, 5, -2},
    {"across 1970", 4, -4, 8},
    {"from end to end", INT64_MAX, INT64_MIN, INT64_MAX},
    {"back from end to end", INT64_MIN, INT64_MAX, INT64_MIN},
    {"the largest that fits", INT64_MAX - 1, -1, INT64_MAX},
    {"one more", INT64_MAX, -1, INT64_MAX},
    {"the smallest that fits", INT64_MIN + 1, 1, INT64_MIN},
    {"one less", INT64_MIN, 1, INT64_MIN},
    {"to the first moment", 0, INT64_MIN, INT64_MAX},
    {"from the first moment", INT64_MIN, 0, INT64_MIN},
    {"the same end", INT64_MIN, INT64_MIN, 0},
};

START_TEST(elapsed)
{
    ck_assert_int_eq(mqtt_elapsed(differences[_i].later, differences[_i].earlier),
                     differences[_i].elapsed);
}
END_TEST

START_TEST(a_time_from_its_parts)
{
    ck_assert_int_eq(mqtt_time(2, 3), 2000000003);
    ck_assert_int_eq(mqtt_time(-2, 3), -1999999997);
    ck_assert_int_eq(mqtt_time(INT64_MAX, 0), INT64_MAX);
    ck_assert_int_eq(mqtt_time(INT64_MIN, 0), INT64_MIN);
    ck_assert_int_eq(mqtt_time(INT64_MAX / MQTT_SECOND, 999999999), INT64_MAX);
    ck_assert_int_eq(mqtt_time(INT64_MIN / MQTT_SECOND, -999999999), INT64_MIN);
    ck_assert_int_eq(mqtt_time(0, INT64_MIN), INT64_MIN);
    ck_assert_int_eq(mqtt_time(1, INT64_MAX), INT64_MAX);
}
END_TEST

START_TEST(shorter_units)
{
    ck_assert_uint_eq(mqtt_milliseconds(1999999), 1);
    ck_assert_uint_eq(mqtt_milliseconds(-1), 0);
    ck_assert_uint_eq(mqtt_milliseconds(INT64_MIN), 0);
    ck_assert_uint_eq(mqtt_microseconds(INT64_MAX), UINT64_C(9223372036854775));
}
END_TEST

SUITE("time", TABLE(elapsed, differences), TEST(a_time_from_its_parts), TEST(shorter_units))
