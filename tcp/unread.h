/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of a direction its receiver has surely not got: bytes that TCP sent again and that were not
 * acknowledged to the end. A capture beside a broken link shows what was sent, not what arrived.
 * Private to tcp/.
 */
#ifndef MQTTSCOPE_ANALYZER_INPUT_UNREAD_H
#define MQTTSCOPE_ANALYZER_INPUT_UNREAD_H

#include <stdbool.h>
#include <stdint.h>

/* All zero is a direction of which nothing was sent. Sequence numbers are compared as TCP does. */
struct unread {
    bool open;       /* something is not acknowledged yet: */
    bool marked;     /* a place in it is remembered, and when that was sent */
    bool again;      /* some of it was sent again: */
    uint32_t first;  /* where that begins */
    uint32_t mark;   /* the place */
    int64_t since;   /* nobody knows when each byte was sent; what is open, not before this */
    int64_t mark_at; /* when the marked place was sent */
};

/* Bytes from `sequence` on were sent for the first time. */
static inline void unread_sent(struct unread *unread, uint32_t sequence, int64_t time)
{
    if (!unread->open) {
        *unread = (struct unread){.open = true, .since = time};
    } else if (!unread->marked) {
        unread->marked = true;
        unread->mark = sequence;
        unread->mark_at = time;
    }
}

/* Bytes from `sequence` on were sent again. */
static inline void unread_sent_again(struct unread *unread, uint32_t sequence)
{
    if (unread->open && (!unread->again || (int32_t)(sequence - unread->first) < 0)) {
        unread->again = true;
        unread->first = sequence;
    }
}

/* The other side acknowledged what stands before `acknowledged`; `next` is what will be sent next.
 */
static inline void unread_acknowledged(struct unread *unread, uint32_t acknowledged, uint32_t next)
{
    if ((int32_t)(acknowledged - next) >= 0) {
        unread->open = false;
        return;
    }
    if (unread->marked && (int32_t)(acknowledged - unread->mark) >= 0) {
        unread->since = unread->mark_at;
        unread->marked = false;
    }
    if (unread->again && (int32_t)(acknowledged - unread->first) > 0)
        unread->again = false;
}

/* What was sent at this time, or later, was not read; INT64_MAX: nothing is known of that. */
static inline int64_t unread_since(const struct unread *unread)
{
    return unread->open && unread->again ? unread->since : INT64_MAX;
}

#endif
