/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What TCP acknowledged before MQTT did: see awaited.h. */
#include "transport/awaited.h"

/* The acknowledgement came with the answer. */
#define NEVER INT64_MAX

void awaited_request(struct awaited *awaited, enum awaited_kind kind, uint64_t frame, int64_t time,
                     uint32_t position)
{
    struct awaited_request *request = &awaited->requests[kind];
    request->frame = frame;
    request->sent = time;
    request->acknowledged = MQTT_NO_TIME;
    request->position = position;
    request->passed = 0;
    if (request->timed < AWAITED_DENSE)
        request->timed++;
}

void awaited_forget(struct awaited *awaited)
{
    for (unsigned kind = 0; kind < AWAITED_KINDS; kind++)
        awaited->requests[kind].frame = 0;
}

static bool is_open(const struct awaited_request *request)
{
    return request->frame != 0 && request->acknowledged == MQTT_NO_TIME;
}

bool awaited_next(const struct awaited *awaited, uint32_t *position)
{
    bool any = false;
    for (unsigned kind = 0; kind < AWAITED_KINDS; kind++) {
        const struct awaited_request *request = &awaited->requests[kind];
        if (!is_open(request) || (any && (int32_t)(*position - request->position) <= 0))
            continue;
        *position = request->position;
        any = true;
    }
    return any;
}

void awaited_acknowledged(struct awaited *awaited, uint32_t position, int64_t time)
{
    for (unsigned kind = 0; kind < AWAITED_KINDS; kind++) {
        struct awaited_request *request = &awaited->requests[kind];
        if (is_open(request) && (int32_t)(position - request->position) >= 0)
            request->acknowledged = time;
    }
}

void awaited_answered(struct awaited *awaited, enum awaited_kind kind, int64_t began, bool plain)
{
    struct awaited_request *request = &awaited->requests[kind];
    if (request->acknowledged == MQTT_NO_TIME || !plain || request->acknowledged >= began)
        request->acknowledged = NEVER;
}

int64_t awaited_take(struct awaited *awaited, enum awaited_kind kind)
{
    struct awaited_request *request = &awaited->requests[kind];
    request->frame = 0;
    return request->acknowledged == NEVER ? MQTT_NO_TIME : request->acknowledged;
}
