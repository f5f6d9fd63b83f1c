/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/histogram: percentiles against the sorted samples themselves, and merging. */
#include "suite.h"

#include "audit/histogram.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

#define SAMPLES 5000

/* How samples are spread: the n-th one of a kind. */
static uint64_t constant(unsigned n)
{
    (void)n;
    return 777;
}

static uint64_t ascending(unsigned n)
{
    return n;
}

static uint64_t doubling(unsigned n)
{
    return UINT64_C(1) << n % 40;
}

/* Many octaves, no order: xorshift, cut to a length that depends on n. */
static uint64_t scattered(unsigned n)
{
    uint64_t x = n * UINT64_C(0x9e3779b97f4a7c15) + 1;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x >> (24 + n % 38);
}

static const struct {
    uint64_t (*sample)(unsigned n);
    unsigned count;
} spreads[] = {
    {constant, 1},   {constant, 100},  {ascending, 1},       {ascending, 2},
    {ascending, 10}, {ascending, 101}, {ascending, SAMPLES}, {doubling, 40},
    {doubling, 400}, {scattered, 99},  {scattered, SAMPLES},
};

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

START_TEST(percentiles_are_close)
{
    static uint64_t sorted[SAMPLES];
    struct audit_histogram histogram = {0};
    unsigned count = spreads[_i].count;
    for (unsigned n = 0; n < count; n++) {
        sorted[n] = spreads[_i].sample(n);
        audit_histogram_add(&histogram, sorted[n]);
    }
    qsort(sorted, count, sizeof sorted[0], compare);

    for (unsigned percent = 1; percent <= 100; percent++) {
        uint64_t exact = sorted[(count * percent + 99) / 100 - 1];
        uint64_t got = audit_histogram_percentile(&histogram, percent);
        uint64_t error = got > exact ? got - exact : exact - got;
        ck_assert_msg(error * 64 <= exact, "p%u of %u: %" PRIu64 " for %" PRIu64, percent, count,
                      got, exact);
    }
    ck_assert_uint_eq(audit_histogram_percentile(&histogram, 100), sorted[count - 1]);
    audit_histogram_clear(&histogram);
}
END_TEST

START_TEST(small_values_are_exact)
{
    for (uint64_t value = 0; value < 64; value++) {
        struct audit_histogram histogram = {0};
        audit_histogram_add(&histogram, 0);
        audit_histogram_add(&histogram, value);
        audit_histogram_add(&histogram, 1000000);
        ck_assert_uint_eq(audit_histogram_percentile(&histogram, 50), value);
        audit_histogram_clear(&histogram);
    }
}
END_TEST

START_TEST(empty_has_no_latency)
{
    struct audit_histogram histogram = {0};
    struct audit_latency latency = audit_histogram_latency(&histogram);
    ck_assert_uint_eq(latency.count, 0);
    ck_assert_uint_eq(latency.p50, 0);
    ck_assert_uint_eq(latency.max, 0);
}
END_TEST

START_TEST(the_largest_value_is_kept)
{
    struct audit_histogram histogram = {0};
    audit_histogram_add(&histogram, UINT64_MAX);
    audit_histogram_add(&histogram, UINT64_C(1) << 40);
    audit_histogram_add(&histogram, 5);
    struct audit_latency latency = audit_histogram_latency(&histogram);
    ck_assert_uint_eq(latency.count, 3);
    ck_assert_uint_eq(latency.max, UINT64_MAX);
    ck_assert_uint_ge(latency.p50, (UINT64_C(1) << 40) - (UINT64_C(1) << 34));
    audit_histogram_clear(&histogram);
}
END_TEST

static void assert_same(const struct audit_histogram *a, const struct audit_histogram *b)
{
    ck_assert_uint_eq(a->count, b->count);
    ck_assert_uint_eq(a->minimum, b->minimum);
    ck_assert_uint_eq(a->maximum, b->maximum);
    for (unsigned i = 0; i < AUDIT_HISTOGRAM_OCTAVES; i++) {
        ck_assert_int_eq(a->octaves[i] == NULL, b->octaves[i] == NULL);
        if (a->octaves[i] != NULL)
            ck_assert_mem_eq(a->octaves[i], b->octaves[i],
                             AUDIT_HISTOGRAM_BUCKETS * sizeof a->octaves[i][0]);
    }
}

/* Cut the samples into three parts anywhere and put them together in either grouping. */
static const unsigned cuts[][2] = {{0, 0}, {0, 1}, {1, 1}, {700, 4000}, {SAMPLES, SAMPLES}};

START_TEST(merging_is_adding)
{
    unsigned first = cuts[_i][0], second = cuts[_i][1];
    struct audit_histogram whole = {0}, parts[3] = {{0}}, left = {0}, right = {0};
    for (unsigned n = 0; n < SAMPLES; n++) {
        audit_histogram_add(&whole, scattered(n));
        audit_histogram_add(&parts[(n >= first) + (n >= second)], scattered(n));
    }

    /* (a + b) + c and a + (b + c) */
    for (unsigned i = 0; i < 3; i++)
        audit_histogram_merge(&left, &parts[i]);
    audit_histogram_merge(&parts[1], &parts[2]);
    audit_histogram_merge(&right, &parts[1]);
    audit_histogram_merge(&right, &parts[0]);
    assert_same(&left, &whole);
    assert_same(&right, &whole);

    for (unsigned i = 0; i < 3; i++)
        audit_histogram_clear(&parts[i]);
    audit_histogram_clear(&whole);
    audit_histogram_clear(&left);
    audit_histogram_clear(&right);
}
END_TEST

START_TEST(packed_is_the_same)
{
    struct audit_histogram histogram = {0}, again = {0}, twice = {0}, sum = {0};
    for (unsigned n = 0; n < spreads[_i].count; n++)
        audit_histogram_add(&histogram, spreads[_i].sample(n));
    struct audit_packed_histogram *packed = audit_histogram_pack(&histogram);
    audit_histogram_merge_packed(&again, packed);
    assert_same(&again, &histogram);
    audit_histogram_merge_packed(&twice, packed);
    audit_histogram_merge_packed(&twice, packed);
    audit_histogram_merge(&sum, &histogram);
    audit_histogram_merge(&sum, &histogram);
    assert_same(&twice, &sum);
    g_free(packed);
    audit_histogram_clear(&histogram);
    audit_histogram_clear(&again);
    audit_histogram_clear(&twice);
    audit_histogram_clear(&sum);
}
END_TEST

START_TEST(packed_is_small)
{
    struct audit_histogram histogram = {0};
    ck_assert_ptr_null(audit_histogram_pack(&histogram));
    audit_histogram_merge_packed(&histogram, NULL);
    ck_assert_uint_eq(histogram.count, 0);
    for (unsigned n = 0; n < 3; n++)
        audit_histogram_add(&histogram, 1000 * (uint64_t)n);
    struct audit_packed_histogram *few = audit_histogram_pack(&histogram);
    ck_assert_uint_le(audit_packed_histogram_size(few), 16);
    for (unsigned n = 0; n < SAMPLES; n++)
        audit_histogram_add(&histogram, 200 + n % 1000);
    struct audit_packed_histogram *many = audit_histogram_pack(&histogram);
    ck_assert_uint_le(audit_packed_histogram_size(many), 256); /* 75 buckets */
    g_free(few);
    g_free(many);
    audit_histogram_clear(&histogram);
}
END_TEST

START_TEST(packed_holds_the_largest_counts)
{
    struct audit_histogram histogram = {0}, again = {0};
    audit_histogram_add(&histogram, UINT64_MAX);
    audit_histogram_add(&histogram, 0);
    histogram.octaves[0][0] = UINT64_MAX - 1;
    struct audit_packed_histogram *packed = audit_histogram_pack(&histogram);
    audit_histogram_merge_packed(&again, packed);
    assert_same(&again, &histogram);
    g_free(packed);
    audit_histogram_clear(&histogram);
    audit_histogram_clear(&again);
}
END_TEST

START_TEST(round_trips_are_close)
{
    static uint64_t sorted[SAMPLES];
    struct audit_round_trips trips = {0};
    struct audit_histogram histogram = {0};
    unsigned count = spreads[_i].count;
    ck_assert_ptr_null(audit_round_trips_pack(&trips));
    for (unsigned n = 0; n < count; n++) {
        sorted[n] = spreads[_i].sample(n) % 100000000;
        audit_round_trips_add(&trips, sorted[n]);
    }
    qsort(sorted, count, sizeof sorted[0], compare);
    struct audit_packed_histogram *packed = audit_round_trips_pack(&trips);
    audit_histogram_merge_packed(&histogram, packed);
    g_free(packed);
    ck_assert_uint_eq(histogram.count, count);
    ck_assert_uint_eq(histogram.minimum, sorted[0]);
    ck_assert_uint_eq(histogram.maximum, sorted[count - 1]);
    const uint64_t exact = sorted[(count * 50 + 99) / 100 - 1];
    const uint64_t found = audit_histogram_percentile(&histogram, 50);
    ck_assert_uint_le(found > exact ? found - exact : exact - found, exact / 7);
    audit_histogram_clear(&histogram);
}
END_TEST

START_TEST(counted_between)
{
    struct audit_histogram histogram = {0};
    for (uint64_t value = 1; value <= 1000; value++)
        audit_histogram_add(&histogram, value * 100);
    ck_assert_uint_eq(audit_histogram_between(&histogram, 0, UINT64_MAX), 1000);
    ck_assert_uint_eq(audit_histogram_between(&histogram, 200000, UINT64_MAX), 0);
    const uint64_t half = audit_histogram_between(&histogram, 0, 50000);
    ck_assert_uint_ge(half, 500 - 16);
    ck_assert_uint_le(half, 500 + 16);
    audit_histogram_clear(&histogram);
}
END_TEST

START_TEST(the_longest_round_trip_is_kept)
{
    struct audit_round_trips trips = {0};
    struct audit_histogram histogram = {0};
    audit_round_trips_add(&trips, UINT64_MAX);
    audit_round_trips_add(&trips, 0);
    struct audit_packed_histogram *packed = audit_round_trips_pack(&trips);
    audit_histogram_merge_packed(&histogram, packed);
    g_free(packed);
    ck_assert_uint_eq(histogram.minimum, 0);
    ck_assert_uint_eq(histogram.maximum, UINT64_MAX);
    ck_assert_uint_eq(audit_histogram_below(&histogram, 1), 1);
    audit_histogram_clear(&histogram);
}
END_TEST

START_TEST(octaves_add_up)
{
    struct audit_histogram histogram = {0};
    unsigned count = spreads[_i].count;
    uint64_t sum = 0;
    for (unsigned n = 0; n < count; n++)
        audit_histogram_add(&histogram, spreads[_i].sample(n));
    for (unsigned i = 0; i < AUDIT_HISTOGRAM_OCTAVES; i++) {
        uint64_t below = 0;
        for (unsigned n = 0; n < count; n++)
            below += spreads[_i].sample(n) < audit_histogram_octave_end(i);
        sum += audit_histogram_octave(&histogram, i);
        if (i + 1 < AUDIT_HISTOGRAM_OCTAVES) {
            ck_assert_uint_eq(sum, below);
            ck_assert_uint_eq(audit_histogram_below(&histogram, audit_histogram_octave_end(i)),
                              below);
        }
    }
    ck_assert_uint_eq(sum, count);
    audit_histogram_clear(&histogram);
}
END_TEST

/* What is asked of a packed one needs no unpacking. */
START_TEST(packed_knows_its_highest)
{
    struct audit_histogram histogram = {0};
    audit_histogram_add(&histogram, 700);
    audit_histogram_add(&histogram, 100000);
    struct audit_packed_histogram *packed = audit_histogram_pack(&histogram);
    ck_assert(audit_packed_histogram_reaches(packed, 100000));
    ck_assert(!audit_packed_histogram_reaches(packed, 100001));
    ck_assert(!audit_packed_histogram_reaches(NULL, 0));
    g_free(packed);
    audit_histogram_clear(&histogram);
}
END_TEST

SUITE("histogram", TEST(counted_between), TABLE(percentiles_are_close, spreads),
      TEST(small_values_are_exact), TEST(empty_has_no_latency), TEST(the_largest_value_is_kept),
      TABLE(merging_is_adding, cuts), TABLE(packed_is_the_same, spreads), TEST(packed_is_small),
      TEST(packed_holds_the_largest_counts), TABLE(round_trips_are_close, spreads),
      TEST(the_longest_round_trip_is_kept), TABLE(octaves_add_up, spreads),
      TEST(packed_knows_its_highest))
