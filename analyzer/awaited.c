/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What TCP acknowledged before MQTT did: see awaited.h. */
#include "analyzer/awaited.h"

#include "mqtt/facts/time.h"

/* The acknowledgement came with the answer. */
#define NEVER INT64_MAX

void awaited_request(struct awaited *awaited, uint64_t frame, uint32_t position)
{
    struct awaited_frame *last = &awaited->frames[(awaited->begun - 1) % AWAITED_MAX];
    if (awaited->begun != awaited->reached && last->frame == (uint32_t)frame) {
        last->position = position;
        return;
    }
    if (awaited->begun - awaited->reached == AWAITED_MAX)
        awaited->reached++; /* the oldest gives way */
    awaited->frames[awaited->begun % AWAITED_MAX] =
        (struct awaited_frame){(uint32_t)frame, position, MQTT_NO_TIME};
    awaited->begun++;
}

void awaited_acknowledged(struct awaited *awaited, uint32_t position, int64_t time)
{
    for (; awaited->reached != awaited->begun; awaited->reached++) {
        struct awaited_frame *next = &awaited->frames[awaited->reached % AWAITED_MAX];
        if ((int32_t)(position - next->position) < 0)
            return;
        if (next->acknowledged == MQTT_NO_TIME)
            next->acknowledged = time;
    }
}

/* Frames come in ascending order. */
static struct awaited_frame *find(const struct awaited *awaited, uint64_t frame)
{
    uint32_t count = awaited->begun < AWAITED_MAX ? awaited->begun : AWAITED_MAX;
    uint32_t first = awaited->begun - count;
    while (count > 0) {
        const uint32_t half = count / 2;
        const struct awaited_frame *at = &awaited->frames[(first + half) % AWAITED_MAX];
        const int32_t behind = (int32_t)((uint32_t)frame - at->frame);
        if (behind == 0)
            return (struct awaited_frame *)(uintptr_t)at;
        first = behind > 0 ? first + half + 1 : first;
        count = behind > 0 ? count - half - 1 : half;
    }
    return NULL;
}

void awaited_answered(struct awaited *awaited, uint64_t frame, int64_t began, bool plain)
{
    struct awaited_frame *request = find(awaited, frame);
    if (request == NULL)
        return;
    if (request->acknowledged == MQTT_NO_TIME || !plain || request->acknowledged > began)
        request->acknowledged = NEVER;
}

int64_t awaited_time(const struct awaited *awaited, uint64_t frame)
{
    const struct awaited_frame *request = find(awaited, frame);
    return request == NULL || request->acknowledged == NEVER ? MQTT_NO_TIME : request->acknowledged;
}
