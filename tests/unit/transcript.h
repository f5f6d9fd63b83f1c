/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two-way transcripts: a test of the connection is a text that says who sent what when, and what
 * the observer has to say about it. A line each:
 *
 *     connection [NAME] [mid]       begins a connection; with `mid` its start was not captured
 *                                   of any packet: began=-SECONDS (its first byte came so much
 *                                   earlier), unread (its sender has acknowledged nothing of the
 *                                   other side)
 *                                   offers=NAME,... selects=NAME: a WebSocket's sub-protocols
 *                                   of CONNECT and the like: text (in a WebSocket text frame)
 *     use NAME                      goes on with an earlier one
 *     C TYPE ...  S TYPE ...        the client, the server sends a control packet (see build())
 *     +SECONDS                      time passes; +-SECONDS: the clock is set back
 *     gap C | gap S                 bytes of that direction are missing
 *     close C fin | close S rst ... the transport ends; `end` is the end of the capture
 *     ! RULE                        the last line raises this finding; what is not listed may not
 * come ? WORD [VALUE]                the last line has this result: see expect()
 *
 * Packets of one connection have the version of its CONNECT. {HEX} holds properties, without their
 * length.
 */
#ifndef MQTTSCOPE_TESTS_UNIT_TRANSCRIPT_H
#define MQTTSCOPE_TESTS_UNIT_TRANSCRIPT_H

#include "mqtt/facts/terms.h"

/* Runs one transcript; fails the test at the first line that does not hold. */
void transcript(const char *text);

/* When a transcript begins, unless it is told. */
#define TRANSCRIPT_START INT64_C(1700000000000000000)

/* A run under hard conditions: nothing has to hold, but that all memory is given back. */
struct transcript_run {
    int64_t start;              /* nanoseconds since 1970 */
    uint64_t failing;           /* the allocation that fails, from 1; 0: none */
    uint64_t allocations;       /* how many there were */
    unsigned found[MQTT_RULES]; /* how often each rule was raised */
};

void transcript_run(const char *text, struct transcript_run *run);

#endif
