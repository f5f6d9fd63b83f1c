/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share. A target is one function; libFuzzer calls it with bytes of its own
 * making, replay.c with files. */
#ifndef MQTTSCOPE_TESTS_FUZZ_FUZZ_H
#define MQTTSCOPE_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Moves a time that a capture claims: it may claim any, so two bytes lead forwards, backwards, to
 * any power of two, and to both ends of the type. None is passed: those who read captures stay at
 * the end, too. */
static inline int64_t fuzz_time(int64_t time, uint8_t how, uint8_t amount)
{
    const uint64_t step = (uint64_t)amount << (how & 63);
    const uint64_t above = (uint64_t)INT64_MAX - (uint64_t)time;
    const uint64_t below = (uint64_t)time - (uint64_t)INT64_MIN;
    switch (how >> 6) {
    case 0: return step > above ? INT64_MAX : (int64_t)((uint64_t)time + step);
    case 1: return step > below ? INT64_MIN : (int64_t)((uint64_t)time - step);
    case 2: return (int64_t)step;
    default: return amount & 1 ? INT64_MIN + (amount >> 1) : INT64_MAX - (amount >> 1);
    }
}

/* The same by a small step. */
static inline int64_t fuzz_later(int64_t time, int64_t step)
{
    if (step >= 0)
        return time > INT64_MAX - step ? INT64_MAX : time + step;
    return time < INT64_MIN - step ? INT64_MIN : time + step;
}

#endif
