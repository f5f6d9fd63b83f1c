/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Latencies, counted in buckets whose width grows with the value, so that percentiles of any number
 * of samples cost a bounded amount of memory. Two histograms add up to the one that both samples
 * together would have made.
 *
 * A value is known to within 1/64 of itself (1.6 %); below 64 microseconds, and at both ends of the
 * range seen, it is exact.
 */
#ifndef MQTTSCOPE_AUDIT_HISTOGRAM_H
#define MQTTSCOPE_AUDIT_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each power of two of microseconds is an octave of 32 buckets; the first octave holds 0 to 31.
 * Values from 2^40 us (12 days) on count as 2^40 - 1 us, but for the maximum. */
#define AUDIT_HISTOGRAM_BUCKETS 32
#define AUDIT_HISTOGRAM_OCTAVES 36

struct audit_histogram {
    uint64_t count;
    uint64_t minimum; /* valid if count is not 0 */
    uint64_t maximum;
    uint64_t *octaves[AUDIT_HISTOGRAM_OCTAVES]; /* NULL where there are no samples; owned */
};

/* What a report says of a histogram, in microseconds. All zero if count is 0. */
struct audit_latency {
    uint64_t count;
    uint64_t p50, p95, p99, max;
};

/* An empty histogram is one that is all zero; this frees what it holds and makes it so again. */
void audit_histogram_clear(struct audit_histogram *histogram);

void audit_histogram_add(struct audit_histogram *histogram, uint64_t microseconds);

/* Adds the samples of `from`, which stays as it is. */
void audit_histogram_merge(struct audit_histogram *into, const struct audit_histogram *from);

/* The smallest value that at least `percent` (1 to 100) of 100 samples don't exceed, to the
 * precision above; 0 if there are none. */
uint64_t audit_histogram_percentile(const struct audit_histogram *histogram, unsigned percent);

/* How many samples lie between two values, both included, to the precision above. */
uint64_t audit_histogram_between(const struct audit_histogram *histogram, uint64_t least,
                                 uint64_t most);

/* All samples added up, to the precision above; stays at the end of its type. */
uint64_t audit_histogram_sum(const struct audit_histogram *histogram);

struct audit_latency audit_histogram_latency(const struct audit_histogram *histogram);

/* How many samples are in an octave; those in it are below audit_histogram_octave_end(). */
uint64_t audit_histogram_octave(const struct audit_histogram *histogram, unsigned octave);
uint64_t audit_histogram_octave_end(unsigned octave);

/* How many samples are below this value, to the precision above. */
uint64_t audit_histogram_below(const struct audit_histogram *histogram, uint64_t microseconds);

/* A histogram at rest, in one block for g_free(): two or three bytes a bucket that has samples, so
 * that a hundred thousand connections can keep theirs. */
struct audit_packed_histogram;

/* The same samples; NULL if there are none. The histogram stays as it is. */
struct audit_packed_histogram *audit_histogram_pack(const struct audit_histogram *histogram);

/* Adds the samples of `from`, which stays as it is; NULL has none. */
void audit_histogram_merge_packed(struct audit_histogram *into,
                                  const struct audit_packed_histogram *from);

/* Samples of a connection that is open, of which there may be a hundred thousand: four buckets an
 * octave, so that a value is known to within 1/8 of itself; but for minimum and maximum. Values
 * from 2^27 us (two minutes) on count as that. */
#define AUDIT_ROUND_TRIP_BUCKETS 104

struct audit_round_trips {
    uint64_t count;
    uint64_t minimum; /* valid if count is not 0 */
    uint64_t maximum;
    uint32_t buckets[AUDIT_ROUND_TRIP_BUCKETS];
};

void audit_round_trips_add(struct audit_round_trips *trips, uint64_t microseconds);

/* The same samples at rest; NULL if there are none. */
struct audit_packed_histogram *audit_round_trips_pack(const struct audit_round_trips *trips);

/* Whether a sample is as high as that; NULL has none. */
bool audit_packed_histogram_reaches(const struct audit_packed_histogram *packed,
                                    uint64_t microseconds);

/* How many bytes the block takes. */
size_t audit_packed_histogram_size(const struct audit_packed_histogram *packed);

#endif
