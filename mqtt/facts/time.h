/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arithmetic on the times of a capture: nanoseconds since 1970-01-01 UTC, and nanoseconds between
 * two of them. A capture may claim any time at all, so nothing that is made of times may overflow:
 * every result stays at the end of the type instead.
 */
#ifndef MQTT_TIME_H
#define MQTT_TIME_H

#include <stdint.h>

#define MQTT_SECOND INT64_C(1000000000)

/* Stands where there is no time, or none between two: the end that no real clock reaches. (-1 is a
 * duration: clocks are set back.) */
#define MQTT_NO_TIME INT64_MIN

/* later - earlier; negative where `later` is the earlier one. Also for two durations. */
static inline int64_t mqtt_elapsed(int64_t later, int64_t earlier)
{
    const int64_t elapsed = (int64_t)((uint64_t)later - (uint64_t)earlier);
    /* Of two signs, and then the result has not that of the first: it is beyond what fits. */
    if (((later ^ earlier) & (later ^ elapsed)) < 0)
        return later < 0 ? INT64_MIN : INT64_MAX;
    return elapsed;
}

/* A time from whole seconds and nanoseconds (any, and of any sign). */
static inline int64_t mqtt_time(int64_t seconds, int64_t nanoseconds)
{
    if (seconds > INT64_MAX / MQTT_SECOND)
        return INT64_MAX;
    if (seconds < INT64_MIN / MQTT_SECOND)
        return INT64_MIN;
    const int64_t time = seconds * MQTT_SECOND;
    if (nanoseconds > 0 && time > INT64_MAX - nanoseconds)
        return INT64_MAX;
    if (nanoseconds < 0 && time < INT64_MIN - nanoseconds)
        return INT64_MIN;
    return time + nanoseconds;
}

/* Whole milliseconds of a duration; 0 if it is negative. */
static inline uint64_t mqtt_milliseconds(int64_t nanoseconds)
{
    return nanoseconds > 0 ? (uint64_t)nanoseconds / 1000000 : 0;
}

/* Whole microseconds of a duration; 0 if it is negative. */
static inline uint64_t mqtt_microseconds(int64_t nanoseconds)
{
    return nanoseconds > 0 ? (uint64_t)nanoseconds / 1000 : 0;
}

#endif
