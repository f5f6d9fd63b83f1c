/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection of MQTT, from its first byte to its end: the bytes that a TCP flow or a WebSocket
 * carries go in, control packets go to the protocol library, and what they mean goes to the audit.
 * Private to transport/.
 */
#ifndef MQTTSCOPE_TRANSPORT_CHANNEL_H
#define MQTTSCOPE_TRANSPORT_CHANNEL_H

#include "audit/recorder.h"
#include "mqtt/wire/stream.h"
#include "tcp/tcp.h"
#include "transport/awaited.h"
#include "transport/recognize.h"

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

/* A header of the PROXY protocol in front of what a flow carries. */
struct channel_proxy {
    bool looked;                 /* it was there, or it will not come */
    uint32_t length;             /* of it; 0: there was none */
    uint32_t left;               /* of these, so many bytes are to be passed over yet */
    struct mqtt_endpoint client; /* whom it names; family 0: nobody */
};

/* A TCP flow that may carry MQTT. */
struct channel {
    struct tcp_flow *flow;
    bool expected;        /* on a port of MQTT */
    bool sealed;          /* its bytes are encrypted: somebody else gives what they carry */
    const char *carrier;  /* then: what control packets lie in; static */
    struct tls *tls;      /* then: what decrypts it; NULL: somebody else does */
    uint64_t first_frame; /* with its first bytes */
    uint8_t probe_side;   /* who spoke first */
    uint8_t probe_length;
    uint8_t probe[MQTT_PROXY_BYTES]; /* its first bytes, until they say enough */
    int64_t probe_time;              /* when they came */
    struct channel_proxy proxy;
    struct websocket *websocket; /* NULL: control packets lie in TCP itself */
    struct mqtt_upgrade upgrade; /* valid if `websocket` is not NULL */
    uint64_t text_frame[2];      /* the first text message of a side; 0: none */

    /* NULL until the flow is taken for MQTT */
    struct mqtt_connection *connection;
    /* NULL until it is known that it is: nobody hears of the connection before */
    struct audit_open *audit;
    bool no_mqtt;             /* it is not */
    bool from_start[2];       /* the capture has what this side sent first */
    struct tcp_moment opened; /* with its first bytes of MQTT */
    uint8_t first_length[2];  /* while it is not known: what each side said first */
    uint8_t first[2][MQTT_FOREIGN_BYTES];
    uint64_t
        skips; /* while it is not known: searches for a control packet, bytes left out in them */
    uint64_t skipped;
    struct mqtt_stream streams[2];
    struct awaited awaited[2]; /* what this side sent */
    bool begun[2];             /* a packet of this side has begun and is not complete */
    int64_t begun_time[2];     /* when it did */
    uint64_t searches[2];      /* of those, which were counted as a limit */
    uint64_t shut;             /* segments with a window of zero that were told of */
    bool any_packet;
    uint64_t doubted[2]; /* how often bytes of this side were acknowledged that the capture did not
                            show: so much of it is said already */

    bool ended;             /* a FIN or RST was seen: the first of them */
    enum tcp_end how;       /* which */
    uint8_t ended_by;       /* whose */
    struct tcp_moment when; /* when */
};

/* The flow may carry MQTT: makes its connection, whose client is probably side `client`. False
 * without memory. All that follows needs a connection.
 *
 * Nothing is told of it until it is `certain`, or the first control packet is there and may be one.
 * Where that is none, `no_mqtt` is set, and the channel is to be abandoned. */
bool channel_open(struct feed *feed, struct channel *channel, uint8_t client, bool certain,
                  const struct tcp_moment *now);

/* Whether the capture has the first byte that this side sent. */
bool channel_side_start_seen(const struct channel *channel, unsigned side);

/* The next bytes of MQTT that `side` sent. */
void channel_push(struct feed *feed, struct channel *channel, uint8_t side,
                  const struct tcp_moment *now, struct slice bytes);

/* The side's next `count` bytes of MQTT are not in the capture. */
void channel_gap(struct feed *feed, struct channel *channel, uint8_t side,
                 const struct tcp_moment *now, uint64_t count);

/* The other side's TCP has acknowledged `position` bytes of the flow's side: see struct
 * tcp_handler.
 */
void channel_acknowledged(struct channel *channel, uint8_t side, const struct tcp_moment *now,
                          uint32_t position, int64_t round_trip);

/* Bytes of MQTT of this side were acknowledged that the capture does not show, or not yet. */
void channel_doubt(struct channel *channel, uint8_t side, const struct tcp_moment *now);

/* It was not MQTT: frees what belongs to the connection, of which nobody has heard. */
void channel_abandon(struct channel *channel);

/* The flow is over, and was MQTT: closes the connection and frees what belongs to it. */
void channel_close(struct feed *feed, struct channel *channel, const struct tcp_moment *now,
                   enum tcp_end how);

#endif
