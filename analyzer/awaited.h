/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the TCP of a receiver acknowledged the requests that one side sent, before MQTT answered
 * them: what lies before that is the way (and back), what lies behind it is the receiver's doing.
 *
 * The requests of one frame stand and fall together. The last AWAITED_MAX frames with requests are
 * remembered: of those from before nothing is known. Private to analyzer/.
 */
#ifndef MQTTSCOPE_ANALYZER_AWAITED_H
#define MQTTSCOPE_ANALYZER_AWAITED_H

#include "mqtt/state/connection.h"

#define AWAITED_MAX 32u

struct awaited_frame {
    uint32_t frame;       /* modulo 2^32 */
    uint32_t position;    /* bytes of TCP up to its end, modulo 2^32 */
    int64_t acknowledged; /* when; MQTT_NO_TIME: not yet */
};

/* All zero: nothing is awaited. */
struct awaited {
    struct awaited_frame frames[AWAITED_MAX]; /* a ring */
    uint32_t begun;                           /* frames so far: [begun - 1] is the last one */
    uint32_t reached;                         /* those before [reached] are acknowledged */
};

/* Forgets all: bytes are missing. */
static inline void awaited_clear(struct awaited *awaited)
{
    awaited->begun = awaited->reached = 0;
}

/* Whether an acknowledgement of something is awaited: of `*position`. */
static inline bool awaited_next(const struct awaited *awaited, uint32_t *position)
{
    *position = awaited->frames[awaited->reached % AWAITED_MAX].position;
    return awaited->reached != awaited->begun;
}

/* A request was sent in `frame`; up to it, `position` bytes were. */
void awaited_request(struct awaited *awaited, uint64_t frame, uint32_t position);

/* TCP has acknowledged `position` bytes, at `time`. */
void awaited_acknowledged(struct awaited *awaited, uint32_t position, int64_t time);

/* MQTT answers a request of `frame`, in bytes of which the first came at `began`; `plain`: they
 * came in order, in one segment with what they acknowledge. Where TCP has not acknowledged the
 * request before that, it never did so by itself. */
void awaited_answered(struct awaited *awaited, uint64_t frame, int64_t began, bool plain);

/* When TCP acknowledged the requests of `frame` by itself; MQTT_NO_TIME: it did not, or that is not
 * known. */
int64_t awaited_time(const struct awaited *awaited, uint64_t frame);

#endif
