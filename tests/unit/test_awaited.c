/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests that wait for TCP's acknowledgement, and for MQTT's. */
#include "suite.h"

#include "transport/awaited.h"

#define KIND AWAITED_QOS_1

static struct awaited one(uint64_t frame, int64_t time, uint32_t position)
{
    struct awaited awaited = {0};
    ck_assert(awaited_free(&awaited, KIND, time));
    awaited_request(&awaited, KIND, frame, time, position);
    return awaited;
}

START_TEST(acknowledged_by_itself)
{
    struct awaited awaited = one(7, 100, 10);
    uint32_t position = 0;
    ck_assert(awaited_next(&awaited, &position));
    ck_assert_uint_eq(position, 10);
    awaited_acknowledged(&awaited, 9, 110); /* not all of it */
    ck_assert(awaited_next(&awaited, &position));
    awaited_acknowledged(&awaited, 10, 120);
    ck_assert(!awaited_next(&awaited, &position));
    awaited_acknowledged(&awaited, 20, 130); /* once is enough */
    ck_assert(awaited_is(&awaited, KIND, 7));
    ck_assert(!awaited_is(&awaited, KIND, 8));
    awaited_answered(&awaited, KIND, INT64_MAX, true);
    ck_assert_int_eq(awaited_take(&awaited, KIND), 120);
    ck_assert(!awaited_is(&awaited, KIND, 7));
}
END_TEST

/* The answer was the first to acknowledge it, came in pieces of which the first did, or out of
 * order: then nobody knows. */
START_TEST(acknowledged_by_its_answer)
{
    struct awaited with = one(7, 100, 10);
    awaited_answered(&with, KIND, INT64_MAX, true);
    awaited_acknowledged(&with, 10, 140);
    ck_assert_int_eq(awaited_take(&with, KIND), MQTT_NO_TIME);

    struct awaited pieces = one(7, 100, 10);
    awaited_acknowledged(&pieces, 10, 120);
    awaited_answered(&pieces, KIND, 120, true);
    ck_assert_int_eq(awaited_take(&pieces, KIND), MQTT_NO_TIME);

    struct awaited before = one(7, 100, 10); /* twin: it came before all pieces */
    awaited_acknowledged(&before, 10, 119);
    awaited_answered(&before, KIND, 120, true);
    ck_assert_int_eq(awaited_take(&before, KIND), 119);

    struct awaited held = one(7, 100, 10);
    awaited_acknowledged(&held, 10, 120);
    awaited_answered(&held, KIND, INT64_MAX, false);
    ck_assert_int_eq(awaited_take(&held, KIND), MQTT_NO_TIME);
}
END_TEST

START_TEST(positions_wrap)
{
    struct awaited awaited = one(7, 100, 5); /* behind 2^32 */
    uint32_t position;
    awaited_request(&awaited, AWAITED_OTHER, 6, 99, UINT32_MAX - 5);
    ck_assert(awaited_next(&awaited, &position));
    ck_assert_uint_eq(position, UINT32_MAX - 5);
    awaited_acknowledged(&awaited, UINT32_MAX, 110);
    ck_assert(awaited_next(&awaited, &position));
    ck_assert_uint_eq(position, 5);
    awaited_acknowledged(&awaited, 5, 120);
    ck_assert(!awaited_next(&awaited, &position));
    ck_assert_int_eq(awaited_take(&awaited, AWAITED_OTHER), 110);
    ck_assert_int_eq(awaited_take(&awaited, KIND), 120);
}
END_TEST

START_TEST(one_at_a_time)
{
    struct awaited awaited = one(7, 100, 10);
    for (unsigned i = 0; i < AWAITED_PASSED; i++)
        ck_assert(!awaited_free(&awaited, KIND, 200));
    ck_assert(awaited_free(&awaited, KIND, 200)); /* it was never answered */
    ck_assert(awaited_free(&awaited, AWAITED_QOS_2, 200));
    awaited_forget(&awaited);
    ck_assert(awaited_free(&awaited, KIND, 200));
    ck_assert(!awaited_is(&awaited, KIND, 7));
}
END_TEST

START_TEST(the_first_ones_and_then_ten_a_second)
{
    struct awaited awaited = {0};
    for (unsigned i = 0; i < AWAITED_DENSE; i++) {
        ck_assert(awaited_free(&awaited, KIND, i));
        awaited_request(&awaited, KIND, i + 1, i, i);
        awaited_take(&awaited, KIND);
    }
    const int64_t last = AWAITED_DENSE - 1;
    ck_assert(!awaited_free(&awaited, KIND, last));
    ck_assert(!awaited_free(&awaited, KIND, last + AWAITED_SPACING - 1));
    ck_assert(awaited_free(&awaited, KIND, last + AWAITED_SPACING));
    ck_assert(awaited_free(&awaited, KIND, INT64_MIN));
    ck_assert(awaited_free(&awaited, AWAITED_RELEASE, last));
}
END_TEST

SUITE("awaited", TEST(acknowledged_by_itself), TEST(acknowledged_by_its_answer),
      TEST(positions_wrap), TEST(one_at_a_time), TEST(the_first_ones_and_then_ten_a_second))
