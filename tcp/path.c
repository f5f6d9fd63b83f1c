/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way to a receiver: see path.h. What is here is rare. */
#include "tcp/path.h"

void path_sent_again(struct path *path, struct tcp_side *side, uint32_t sequence, int64_t time,
                     bool shut)
{
    const int64_t pause = mqtt_elapsed(time, path->sent_at);
    if (path->duplicates >= PATH_DUPLICATES)
        side->fast_retransmissions++;
    else if (pause >= PATH_TIMEOUT && !shut)
        side->timeouts++;
    path->sent_at = time;
    if (path->run == 0 || path->run_first != sequence) {
        path->run = 0;
        path->run_first = sequence;
        path->run_began = time;
    }
    path->run++;
    if (path->run <= side->longest_run)
        return;
    const int64_t took = mqtt_elapsed(time, path->run_began);
    side->longest_run = path->run;
    side->longest_run_ns = took > 0 ? took : 0;
}

void path_closed(const struct path *path, struct tcp_side *side)
{
    const int64_t took = path->run > 0 ? mqtt_elapsed(path->sent_at, path->run_began) : 0;
    side->last_run = path->run;
    side->last_run_ns = took > 0 ? took : 0;
}

void path_shut(struct path *path, struct tcp_side *side, int64_t time)
{
    side->zero_window++;
    if (path->shut)
        return;
    path->shut = true;
    path->shut_at = time;
    side->zero_window_spans++;
}

void path_opened(struct path *path, struct tcp_side *side, int64_t time)
{
    const int64_t took = mqtt_elapsed(time, path->shut_at);
    path->shut = false;
    if (took <= 0)
        return; /* the clock stepped back */
    if (__builtin_add_overflow(side->zero_window_ns, took, &side->zero_window_ns))
        side->zero_window_ns = INT64_MAX;
    if (took > side->longest_zero_window_ns)
        side->longest_zero_window_ns = took;
}
