/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one direction shows of the way to its receiver: how long a round trip takes, what had to be
 * sent again and why, and for how long its sender took nothing in. One segment at a time is timed
 * (RFC 6298, section 3), so that it costs little and gives a sample a round trip. Private to
 * tcp/.
 */
#ifndef MQTTSCOPE_ANALYZER_INPUT_PATH_H
#define MQTTSCOPE_ANALYZER_INPUT_PATH_H

#include "mqtt/facts/time.h"
#include "tcp/tcp.h"

/* So many acknowledgements that say nothing new make a sender send again at once (RFC 5681, section
 * 3.2). */
#define PATH_DUPLICATES 3

/* No sender waits for less than this before it sends again because nothing came (Linux; RFC 6298
 * has a second). */
#define PATH_TIMEOUT (200 * MQTT_SECOND / 1000)

/* No more than ten segments a second are timed. */
#define PATH_SPACING (100 * MQTT_SECOND / 1000)

/* All zero is a direction of which nothing was seen. */
struct path {
    int64_t timed_at;   /* when the timed segment was sent */
    int64_t sent_at;    /* when bytes were sent last, again or not */
    int64_t run_began;  /* the first time of the run */
    int64_t shut_at;    /* since when the window is zero; valid if `shut` */
    uint32_t timed_end; /* sequence number behind the timed segment; valid if `timed` */
    uint32_t run_first; /* sequence number of what is sent again and again; valid if `run` > 0 */
    uint32_t run;       /* how often so far */
    uint32_t window;    /* that this side advertised last */
    uint8_t duplicates; /* acknowledgements in a row that the other side repeated; stays at 255 */
    bool timed;
    bool shut;
};

/* Whether a segment that is sent at `time` may be timed. A clock that was set back is far away,
 * too. */
static inline bool path_free(const struct path *path, int64_t time)
{
    return (uint64_t)time - (uint64_t)path->timed_at >= (uint64_t)PATH_SPACING && !path->timed;
}

/* It is timed: sent for the first time as far as can be seen, up to `end`. */
static inline void path_time(struct path *path, uint32_t end, int64_t time)
{
    path->timed = true;
    path->timed_end = end;
    path->timed_at = time;
}

/* The other side acknowledged something new. Returns whether a segment is timed. */
static inline bool path_news(struct path *path)
{
    path->run = 0;
    path->duplicates = 0;
    return path->timed;
}

/* It did so up to `acknowledged`. Returns how long the round trip
 * took, nanoseconds; negative: that is not known. */
static inline int64_t path_acknowledged(struct path *path, uint32_t acknowledged, int64_t time)
{
    if (!path->timed || (int32_t)(acknowledged - path->timed_end) < 0)
        return -1;
    path->timed = false;
    return mqtt_elapsed(time, path->timed_at);
}

/* Something was sent again, or is missing. Which of two copies is acknowledged nobody knows (Karn's
 * rule, RFC 6298): what is timed gives no sample. */
static inline void path_untimed(struct path *path)
{
    path->timed = false;
}

/* Bytes from `sequence` on, which nobody has acknowledged, were sent again; `shut`: their receiver
 * had said that it takes nothing in, and was asked whether it does again. */
void path_sent_again(struct path *path, struct tcp_side *side, uint32_t sequence, int64_t time,
                     bool shut);

/* The flow is over: tells what nobody has acknowledged. */
void path_closed(const struct path *path, struct tcp_side *side);

/* What a side says of its window, in each segment but an RST. */
void path_shut(struct path *path, struct tcp_side *side, int64_t time);
void path_opened(struct path *path, struct tcp_side *side, int64_t time);

static inline void path_window(struct path *path, struct tcp_side *side, uint32_t window,
                               int64_t time)
{
    if (__builtin_expect(window != 0 && !path->shut, true))
        return;
    if (window == 0)
        path_shut(path, side, time);
    else
        path_opened(path, side, time);
}

#endif
