/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log-linear buckets: see histogram.h. */
#include "audit/histogram.h"

#include <glib.h>
#include <string.h>

#define OCTAVE_BITS 5
#define LARGEST ((UINT64_C(1) << 40) - 1)

G_STATIC_ASSERT(AUDIT_HISTOGRAM_BUCKETS == 1 << OCTAVE_BITS);
G_STATIC_ASSERT(AUDIT_HISTOGRAM_OCTAVES == 40 - OCTAVE_BITS + 1);

/* Octave 0 has the values below 32, one a bucket. Octave n > 0 has those with 5 + n significant
 * bits: the topmost of them is always set, the next five choose the bucket. */
static unsigned octave_of(uint64_t value)
{
    if (value < AUDIT_HISTOGRAM_BUCKETS)
        return 0;
    return 64u - (unsigned)__builtin_clzll(value) - OCTAVE_BITS;
}

static unsigned bucket_of(uint64_t value, unsigned octave)
{
    unsigned shift = octave == 0 ? 0 : octave - 1;
    return (unsigned)(value >> shift) & (AUDIT_HISTOGRAM_BUCKETS - 1);
}

/* The middle of a bucket, which is at most 1/64 away from everything in it. */
static uint64_t middle_of(unsigned octave, unsigned bucket)
{
    if (octave == 0)
        return bucket;
    unsigned shift = octave - 1;
    uint64_t lowest = (uint64_t)(AUDIT_HISTOGRAM_BUCKETS + bucket) << shift;
    return lowest + ((UINT64_C(1) << shift) - 1) / 2;
}

void audit_histogram_clear(struct audit_histogram *histogram)
{
    for (unsigned i = 0; i < AUDIT_HISTOGRAM_OCTAVES; i++)
        g_free(histogram->octaves[i]);
    *histogram = (struct audit_histogram){0};
}

static void widen(struct audit_histogram *histogram, uint64_t minimum, uint64_t maximum)
{
    if (histogram->count == 0 || minimum < histogram->minimum)
        histogram->minimum = minimum;
    if (maximum > histogram->maximum)
        histogram->maximum = maximum;
}

static uint64_t *octave_at(struct audit_histogram *histogram, unsigned octave)
{
    if (histogram->octaves[octave] == NULL)
        histogram->octaves[octave] = g_new0(uint64_t, AUDIT_HISTOGRAM_BUCKETS);
    return histogram->octaves[octave];
}

void audit_histogram_add(struct audit_histogram *histogram, uint64_t microseconds)
{
    widen(histogram, microseconds, microseconds);
    histogram->count++;

    uint64_t value = MIN(microseconds, LARGEST);
    unsigned octave = octave_of(value);
    octave_at(histogram, octave)[bucket_of(value, octave)]++;
}

void audit_histogram_merge(struct audit_histogram *into, const struct audit_histogram *from)
{
    if (from->count == 0)
        return;
    widen(into, from->minimum, from->maximum);
    into->count += from->count;
    for (unsigned i = 0; i < AUDIT_HISTOGRAM_OCTAVES; i++) {
        if (from->octaves[i] == NULL)
            continue;
        uint64_t *buckets = octave_at(into, i);
        for (unsigned j = 0; j < AUDIT_HISTOGRAM_BUCKETS; j++)
            buckets[j] += from->octaves[i][j];
    }
}

uint64_t audit_histogram_percentile(const struct audit_histogram *histogram, unsigned percent)
{
    if (histogram->count == 0)
        return 0;
    /* The rank, counted from 1: ceil(count * percent / 100) without overflow. */
    uint64_t rank =
        histogram->count / 100 * percent + (histogram->count % 100 * percent + 99) / 100;
    if (rank >= histogram->count)
        return histogram->maximum;

    uint64_t below = 0;
    for (unsigned i = 0; i < AUDIT_HISTOGRAM_OCTAVES; i++) {
        if (histogram->octaves[i] == NULL)
            continue;
        for (unsigned j = 0; j < AUDIT_HISTOGRAM_BUCKETS; j++) {
            below += histogram->octaves[i][j];
            if (below >= rank)
                return CLAMP(middle_of(i, j), histogram->minimum, histogram->maximum);
        }
    }
    return histogram->maximum;
}

uint64_t audit_histogram_octave(const struct audit_histogram *histogram, unsigned octave)
{
    uint64_t sum = 0;
    for (unsigned i = 0; histogram->octaves[octave] != NULL && i < AUDIT_HISTOGRAM_BUCKETS; i++)
        sum += histogram->octaves[octave][i];
    return sum;
}

uint64_t audit_histogram_octave_end(unsigned octave)
{
    return UINT64_C(1) << (octave + OCTAVE_BITS);
}

uint64_t audit_histogram_below(const struct audit_histogram *histogram, uint64_t microseconds)
{
    const uint64_t value = MIN(microseconds, LARGEST);
    const unsigned octave = octave_of(value);
    uint64_t sum = 0;
    for (unsigned i = 0; i < octave; i++)
        sum += audit_histogram_octave(histogram, i);
    for (unsigned i = 0; histogram->octaves[octave] != NULL && i < bucket_of(value, octave); i++)
        sum += histogram->octaves[octave][i];
    return sum;
}

uint64_t audit_histogram_between(const struct audit_histogram *histogram, uint64_t least,
                                 uint64_t most)
{
    uint64_t count = 0;
    for (unsigned octave = 0; octave < AUDIT_HISTOGRAM_OCTAVES; octave++) {
        const uint64_t *buckets = histogram->octaves[octave];
        for (unsigned i = 0; buckets != NULL && i < AUDIT_HISTOGRAM_BUCKETS; i++) {
            const uint64_t value = middle_of(octave, i);
            count += value >= least && value <= most ? buckets[i] : 0;
        }
    }
    return count;
}

uint64_t audit_histogram_sum(const struct audit_histogram *histogram)
{
    uint64_t sum = 0, of_bucket;
    for (unsigned octave = 0; octave < AUDIT_HISTOGRAM_OCTAVES; octave++) {
        const uint64_t *buckets = histogram->octaves[octave];
        for (unsigned i = 0; buckets != NULL && i < AUDIT_HISTOGRAM_BUCKETS; i++)
            if (__builtin_mul_overflow(middle_of(octave, i), buckets[i], &of_bucket) ||
                __builtin_add_overflow(sum, of_bucket, &sum))
                return UINT64_MAX;
    }
    return sum;
}

struct audit_latency audit_histogram_latency(const struct audit_histogram *histogram)
{
    return (struct audit_latency){
        .count = histogram->count,
        .p50 = audit_histogram_percentile(histogram, 50),
        .p95 = audit_histogram_percentile(histogram, 95),
        .p99 = audit_histogram_percentile(histogram, 99),
        .max = histogram->maximum,
    };
}

/* ---- At rest ---- */

/* Numbers as LEB128 (seven bits a byte, the lowest first, bit 7 where more follow): count, minimum,
 * how much more the maximum is; then for each bucket with samples, by value, how many buckets lie
 * between it and the one before, and its count. */
struct audit_packed_histogram {
    uint32_t length;
    uint8_t bytes[];
};

/* Most bytes that a number takes, and that a bucket does: a gap of at most 1151, and a count. */
#define PACKED_NUMBER_MAX 10
#define PACKED_BUCKET_MAX (2 + PACKED_NUMBER_MAX)

static uint8_t *put_number(uint8_t *at, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        *at++ = (uint8_t)(number | 0x80);
    *at++ = (uint8_t)number;
    return at;
}

static const uint8_t *get_number(const uint8_t *at, uint64_t *number)
{
    unsigned shift = 0;
    *number = 0;
    do {
        *number |= (uint64_t)(*at & 0x7f) << shift;
        shift += 7;
    } while ((*at++ & 0x80) != 0);
    return at;
}

static uint8_t *pack_octave(uint8_t *at, const uint64_t *buckets, unsigned first, unsigned *next)
{
    for (unsigned i = 0; i < AUDIT_HISTOGRAM_BUCKETS; i++) {
        if (buckets[i] == 0)
            continue;
        at = put_number(at, first + i - *next);
        at = put_number(at, buckets[i]);
        *next = first + i + 1;
    }
    return at;
}

struct audit_packed_histogram *audit_histogram_pack(const struct audit_histogram *histogram)
{
    uint8_t bytes[3 * PACKED_NUMBER_MAX +
                  AUDIT_HISTOGRAM_OCTAVES * AUDIT_HISTOGRAM_BUCKETS * PACKED_BUCKET_MAX];
    uint8_t *end = bytes;
    unsigned next = 0;
    if (histogram->count == 0)
        return NULL;
    end = put_number(end, histogram->count);
    end = put_number(end, histogram->minimum);
    end = put_number(end, histogram->maximum - histogram->minimum);
    for (unsigned i = 0; i < AUDIT_HISTOGRAM_OCTAVES; i++)
        if (histogram->octaves[i] != NULL)
            end = pack_octave(end, histogram->octaves[i], i * AUDIT_HISTOGRAM_BUCKETS, &next);

    size_t length = (size_t)(end - bytes);
    struct audit_packed_histogram *packed = g_malloc(sizeof *packed + length);
    packed->length = (uint32_t)length;
    memcpy(packed->bytes, bytes, length);
    return packed;
}

void audit_histogram_merge_packed(struct audit_histogram *into,
                                  const struct audit_packed_histogram *from)
{
    if (from == NULL)
        return;
    const uint8_t *at = from->bytes, *end = at + from->length;
    uint64_t all, minimum, range, gap, count;
    at = get_number(at, &all);
    at = get_number(at, &minimum);
    at = get_number(at, &range);
    widen(into, minimum, minimum + range);
    into->count += all;
    for (unsigned bucket = 0; at < end; bucket++) {
        at = get_number(at, &gap);
        at = get_number(at, &count);
        bucket += (unsigned)gap;
        octave_at(into, bucket / AUDIT_HISTOGRAM_BUCKETS)[bucket % AUDIT_HISTOGRAM_BUCKETS] +=
            count;
    }
}

bool audit_packed_histogram_reaches(const struct audit_packed_histogram *packed,
                                    uint64_t microseconds)
{
    uint64_t count, minimum, range;
    if (packed == NULL)
        return false;
    get_number(get_number(get_number(packed->bytes, &count), &minimum), &range);
    return minimum + range >= microseconds;
}

size_t audit_packed_histogram_size(const struct audit_packed_histogram *packed)
{
    return packed == NULL ? 0 : sizeof *packed + packed->length;
}

/* ---- Round trips ---- */

#define TRIP_BITS 2
#define LONGEST_TRIP ((UINT64_C(1) << 27) - 1)

G_STATIC_ASSERT(AUDIT_ROUND_TRIP_BUCKETS == (27 - TRIP_BITS + 1) << TRIP_BITS);

void audit_round_trips_add(struct audit_round_trips *trips, uint64_t microseconds)
{
    const uint64_t value = MIN(microseconds, LONGEST_TRIP);
    const unsigned shift =
        value >> TRIP_BITS == 0 ? 0 : 63u - TRIP_BITS - (unsigned)__builtin_clzll(value);
    /* The topmost bit of what is left stands for the octave. */
    uint32_t *bucket = &trips->buckets[(shift << TRIP_BITS) + (value >> shift)];
    if (trips->count == 0 || microseconds < trips->minimum)
        trips->minimum = microseconds;
    trips->maximum = MAX(trips->maximum, microseconds);
    trips->count++;
    if (*bucket < UINT32_MAX)
        ++*bucket;
}

struct audit_packed_histogram *audit_round_trips_pack(const struct audit_round_trips *trips)
{
    struct audit_histogram wide = {0};
    for (unsigned i = 0; i < AUDIT_ROUND_TRIP_BUCKETS; i++) {
        const unsigned shift = i < 2u << TRIP_BITS ? 0 : (i >> TRIP_BITS) - 1;
        const uint64_t lowest = (uint64_t)(i - (shift << TRIP_BITS)) << shift;
        const uint64_t middle = lowest + ((UINT64_C(1) << shift) - 1) / 2;
        const unsigned octave = octave_of(middle);
        if (trips->buckets[i] > 0)
            octave_at(&wide, octave)[bucket_of(middle, octave)] += trips->buckets[i];
    }
    if (trips->count > 0)
        widen(&wide, trips->minimum, trips->maximum);
    wide.count = trips->count;
    struct audit_packed_histogram *packed = audit_histogram_pack(&wide);
    audit_histogram_clear(&wide);
    return packed;
}
