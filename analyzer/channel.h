/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection of MQTT, from its first byte to its end: the bytes that a TCP flow or a WebSocket
 * carries go in, control packets go to the protocol library, and what they mean goes to the audit.
 * Private to analyzer/.
 */
#ifndef MQTTSCOPE_ANALYZER_CHANNEL_H
#define MQTTSCOPE_ANALYZER_CHANNEL_H

#include "analyzer/input/recognize.h"
#include "analyzer/input/tcp.h"
#include "audit/recorder.h"
#include "mqtt/wire/stream.h"

struct websocket;

/* What the channels of a capture share. */
struct feed {
    struct audit_recorder *audit;
    struct mqtt_sessions *sessions;
    struct mqtt_memory memory; /* of all connections */
    struct tcp_moment now;     /* the packet being read */
    struct mqtt_packet packet; /* room for one step */
    struct mqtt_step step;
};

/* A TCP flow that may carry MQTT. */
struct channel {
    struct tcp_flow *flow;
    bool expected;      /* on a port of MQTT */
    uint8_t probe_side; /* who spoke first */
    uint8_t probe_length;
    uint8_t probe[RECOGNIZE_BYTES]; /* its first bytes, until they say enough */
    struct websocket *websocket;    /* NULL: control packets lie in TCP itself */

    struct mqtt_connection *connection; /* NULL until the flow is known to carry MQTT */
    struct audit_open *audit;
    struct mqtt_stream streams[2];
    bool begun[2];         /* a packet of this side has begun and is not complete */
    int64_t begun_time[2]; /* when it did */
    uint64_t searches[2];  /* of those, which were counted as a limit */
    bool any_packet;
    uint64_t doubted[2]; /* how often bytes of this side were acknowledged that the capture did not
                            show: so much of it is said already */

    bool ended;             /* a FIN or RST was seen: the first of them */
    enum tcp_end how;       /* which */
    uint8_t ended_by;       /* whose */
    struct tcp_moment when; /* when */
};

/* The flow carries MQTT: makes its connection, whose client is probably side `client`. False
 * without memory. All that follows needs a connection. */
bool channel_open(struct feed *feed, struct channel *channel, uint8_t client,
                  const struct tcp_moment *now);

/* The next bytes of MQTT that `side` sent. */
void channel_push(struct feed *feed, struct channel *channel, uint8_t side,
                  const struct tcp_moment *now, struct slice bytes);

/* The side's next `count` bytes of MQTT are not in the capture. */
void channel_gap(struct feed *feed, struct channel *channel, uint8_t side,
                 const struct tcp_moment *now, uint64_t count);

/* Bytes of MQTT of this side were acknowledged that the capture does not show, or not yet. */
void channel_doubt(struct channel *channel, uint8_t side, const struct tcp_moment *now);

/* The flow is over: closes the connection and frees what belongs to it. */
void channel_close(struct feed *feed, struct channel *channel, const struct tcp_moment *now,
                   enum tcp_end how);

#endif
