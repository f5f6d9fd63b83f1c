/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two-way transcripts: a test of the connection is a text that says who sent what when, and what
 * the observer has to say about it. A line each:
 *
 *     brokers PORT,... ...          first: each word is a broker, with listeners at these ports
 *     connection [NAME] [mid]       begins a connection; with `mid` its start was not captured
 *                                   behind its name port=N: of the server; offers=NAME,...
 *                                   selects=NAME: a WebSocket's sub-protocols
 *     use NAME                      goes on with an earlier one
 *     C TYPE ...  S TYPE ...        the client, the server sends a control packet (see build());
 *                                   of any packet: began=-SECONDS (its first byte came so much
 *                                   earlier), unread (its sender has acknowledged nothing of the
 *                                   other side), read (all of it), text (in a WebSocket text frame)
 *     C RAW [v5] {HEX}              the same, as bytes
 *     +SECONDS                      time passes; +-SECONDS: the clock is set back
 *     gap C | gap S                 bytes of that direction are missing
 *     unread C                      what the client sends from now on does not get there
 *     over C                        the transport is seen to end, and is closed later
 *     fin                           a FIN was seen, and something may still come
 *     close C fin | close S rst ... the transport ends; also reused (its addresses and ports serve
 *                                   another connection) and timed-out
 *     end                           the end of the capture; of both: began=-SECONDS (a packet of
 *                                   the client had begun to come)
 *     ! RULE                        the last line raises this finding, and no other
 *     ? WORD [VALUE]                the last line has this result: see expect()
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

/* Somebody who hears all of a transcript, and closes its connections: what is open at its end, when
 * the capture ends. `number` counts the connections from 0. Findings need not be listed. */
struct mqtt_connection;
struct mqtt_connection_start;
struct mqtt_packet;
struct mqtt_place;
struct mqtt_sessions;
struct mqtt_step;

struct transcript_ear {
    void *user;
    void (*opened)(void *user, unsigned number, const struct mqtt_connection_start *start,
                   const struct mqtt_connection *connection);
    void (*packet)(void *user, unsigned number, const struct mqtt_place *place,
                   const struct mqtt_packet *packet, const struct mqtt_step *step);
    void (*over)(void *user, unsigned number, struct mqtt_connection *connection,
                 const struct mqtt_place *place);
    void (*close)(void *user, unsigned number, struct mqtt_connection *connection,
                  const struct mqtt_place *place, int how, struct mqtt_step *step);
    void (*end)(void *user, const struct mqtt_sessions *sessions, int64_t time);
};

/* `run` may be NULL. */
void transcript_heard(const char *text, const struct transcript_ear *ear,
                      struct transcript_run *run);

#endif
