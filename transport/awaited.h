/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the TCP of a receiver acknowledged a request, before MQTT answered it: what lies before that
 * is the way (and back), what lies behind it is the receiver's doing.
 *
 * One request of a kind is timed at a time, as TCP times its segments: those that pass it meanwhile
 * are not, and behind the first AWAITED_DENSE no more than ten a second are. It costs next to
 * nothing, and gives all requests of whoever waits for each answer, and a sample of those who
 * don't. Private to transport/.
 */
#ifndef MQTTSCOPE_TRANSPORT_AWAITED_H
#define MQTTSCOPE_TRANSPORT_AWAITED_H

#include "mqtt/facts/time.h"
#include "mqtt/state/connection.h"

enum awaited_kind {
    AWAITED_OTHER, /* CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ */
    AWAITED_QOS_1,
    AWAITED_QOS_2, /* PUBREC, and then the end of the handshake */
    AWAITED_RELEASE,
    AWAITED_KINDS,
};

#define AWAITED_DENSE 100u
#define AWAITED_SPACING (100 * MQTT_SECOND / 1000)

/* A request that so many others have passed will never be answered. */
#define AWAITED_PASSED 4096u

struct awaited_request {
    uint64_t frame;       /* 0: none */
    int64_t sent;         /* when; stays when it is over */
    int64_t acknowledged; /* when; MQTT_NO_TIME: not yet; INT64_MAX: not before its answer */
    uint32_t position;    /* bytes of TCP up to its end, modulo 2^32 */
    uint32_t passed;      /* so many others were sent since */
    uint32_t timed;       /* so many were timed, this one included */
};

/* The requests of one side. All zero: nothing is awaited. */
struct awaited {
    struct awaited_request requests[AWAITED_KINDS];
};

/* Whether a request that is sent at `time` may be timed. Counts it if not. */
static inline bool awaited_free(struct awaited *awaited, enum awaited_kind kind, int64_t time)
{
    struct awaited_request *request = &awaited->requests[kind];
    if (request->frame != 0)
        return ++request->passed > AWAITED_PASSED;
    /* A clock that was set back is far away, too. */
    return request->timed < AWAITED_DENSE ||
           (uint64_t)time - (uint64_t)request->sent >= (uint64_t)AWAITED_SPACING;
}

/* Whether it is a request of this frame that is timed. */
static inline bool awaited_is(const struct awaited *awaited, enum awaited_kind kind, uint64_t frame)
{
    return awaited->requests[kind].frame == frame && frame != 0;
}

/* A request was sent in `frame`, at `time`: up to it, `position` bytes were. */
void awaited_request(struct awaited *awaited, enum awaited_kind kind, uint64_t frame, int64_t time,
                     uint32_t position);

/* Bytes are missing: nobody knows what becomes of those that are timed. */
void awaited_forget(struct awaited *awaited);

/* Whether an acknowledgement of something is awaited: of `*position`, and perhaps more. */
bool awaited_next(const struct awaited *awaited, uint32_t *position);

/* TCP has acknowledged `position` bytes, at `time`. */
void awaited_acknowledged(struct awaited *awaited, uint32_t position, int64_t time);

/* MQTT answers the request, in several segments of which the first came at `began` (INT64_MAX: in
 * one); `plain`: in order, in the segment that says what its sender has acknowledged. Where TCP has
 * not acknowledged the request before that, it never did so by itself. */
void awaited_answered(struct awaited *awaited, enum awaited_kind kind, int64_t began, bool plain);

/* The handshake is over: when TCP acknowledged the request by itself; MQTT_NO_TIME: it did not. The
 * next one may be timed. */
int64_t awaited_take(struct awaited *awaited, enum awaited_kind kind);

#endif
