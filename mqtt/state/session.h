/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session: a client identifier at one server, across network connections (3.1.1: 3.1.2.4, 4.1;
 * 5.0: 3.1.2.11.2, 4.1). Keeps the handshakes that a later connection resumes.
 *
 * Connections know of each other through their session alone: each that names it has a claim on it,
 * the session says what became of the claim, and no connection changes another.
 */
#ifndef MQTT_SESSION_H
#define MQTT_SESSION_H

#include "mqtt/state/connection.h"

/* What became of a connection's claim on its session. */
enum mqtt_claim_state {
    MQTT_CLAIM_NAMED,      /* its CONNECT named the session; there was no answer yet */
    MQTT_CLAIM_HELD,       /* the server accepted it: the session goes on there */
    MQTT_CLAIM_CONTESTED,  /* the same, but there is another CONNECT that names the session */
    MQTT_CLAIM_TAKEN_OVER, /* ... and was accepted */
    MQTT_CLAIM_DISPLACED,  /* another CONNECT came, and this connection may have been over: its end
                              may be among what the capture lacks */
    MQTT_CLAIM_LEFT,       /* the connection ended, or was over when the next CONNECT came */
    MQTT_CLAIM_REFUSED,    /* the server did not accept it */
};

/* The connection that has surely taken the session from a claim's. */
struct mqtt_successor {
    struct mqtt_leg connect, connack; /* connack.frame 0: there is none */
};

struct mqtt_claim {
    struct mqtt_claim *newer, *older; /* of the session */
    struct mqtt_session *session;
    const struct mqtt_connection *connection;
    uint8_t state;                   /* enum mqtt_claim_state */
    bool session_was_known;          /* before this connection's CONNECT */
    uint64_t connections;            /* the session's, at that time */
    uint64_t strangers;              /* the session's, at that time */
    struct mqtt_successor successor; /* frame 0 of its CONNACK: none */
    bool departed;                   /* it was the session's holder, and is it no more */
    struct mqtt_departure departure; /* valid if so */
};

struct mqtt_name;

struct mqtt_session {
    const struct mqtt_sessions *registry;
    struct mqtt_session *next;                    /* in the registry's bucket */
    struct mqtt_session *older, *newer;           /* in the order of first sight */
    struct mqtt_session *idle_older, *idle_newer; /* among those that no connection claims */
    bool idle;
    uint64_t hash;
    struct mqtt_endpoint server; /* stands for its broker: see broker.h */
    bool declared;               /* its broker was: no other endpoint is meant */
    void *user;                  /* the caller's own */
    uint64_t id;                 /* counts from 0 in the order of first sight */
    struct mqtt_name *name;
    uint64_t uses;                       /* CONNECTs here that used the name */
    struct mqtt_slice client_identifier; /* the name's text; as sent in CONNECT, or assigned */
    struct mqtt_claim *claims;           /* newest first; owned */
    struct mqtt_claim *holder;           /* HELD or CONTESTED; NULL while offline */
    uint32_t unanswered;                 /* claims that are NAMED */
    uint32_t contestants;                /* CONNECTs that may displace the holder: the unanswered
                                            ones, and those of which the answer will not be seen */
    struct mqtt_leg connect;             /* the last CONNECT */
    int64_t offline_since;   /* nanoseconds: the last control packet of the last connection */
    int64_t offline_slack;   /* the server may have noticed so much later; INT64_MAX: any time */
    int64_t left;            /* when its last connection was over; MQTT_NO_TIME: not known */
    int64_t unread_since[2]; /* of that connection, as in mqtt_connection_unread(): [0] the client's
                                packets, [1] the server's */
    int64_t named;           /* time of the last CONNECT, accepted or not; MQTT_NO_TIME: none */
    struct mqtt_waiting waiting[2]; /* what that connection left unfinished, if `counted`: [0] begun
                                       by the client, [1] by the server */
    uint64_t connections;
    uint64_t resumed;    /* connections that went on with stored state */
    uint64_t taken_over; /* connections that another one ended */
    bool kept;           /* the server has to keep its state after the last connection */
    uint8_t version;     /* enum mqtt_version of the last connection */
    bool counted;        /* `waiting` is known */
    bool agreed;         /* that connection was seen as a whole: `kept` and `expiry` are certain */
    bool known;          /* its handshakes are known from a clean start on */
    uint64_t missed;     /* connections that named it and that there was no memory to follow */
    bool stale;          /* its handshakes are not what the last connection left any more */
    uint64_t strangers;  /* connections that may have been this client's, when the last one that
                            was accepted sent its CONNECT */
    bool shares;         /* the client may have a shared subscription */
    uint32_t begun[2];   /* messages of QoS 1 and 2 so far: by the client, by the server */
    uint32_t expiry;     /* seconds after the end of the connection; UINT32_MAX: for ever */
    struct mqtt_inflight
        inflight[2]; /* while offline: [0] begun by the client, [1] by the server */
};

/* Asked when a new CONNECT finds a live connection of its session: has that transport been seen to
 * end? A caller that learns of ends late can set this; without it a connection lives until
 * mqtt_connection_close(). */
typedef bool (*mqtt_transport_ended)(const struct mqtt_connection *connection, void *user);

struct mqtt_sessions_options {
    struct mqtt_memory *memory; /* NULL: no limit. Its `reclaim` is set: sessions that no connection
                                   claims give way, those that are offline the longest first */
    uint64_t
        seed; /* keys the hash table; strangers choose client identifiers, so choose it at random */
    uint64_t limit;               /* most sessions that are remembered at a time; 0: 1,000,000 */
    struct mqtt_brokers brokers;  /* what it points to lives as long as the registry */
    int64_t keep_alive_tolerance; /* nanoseconds by which clients may exceed keep alives */
    mqtt_transport_ended transport_ended; /* may be NULL */
    void *user;                           /* handed to it */
};

/* A moment at which the capture's clock went ahead by itself: see jump.h. */
struct mqtt_jump {
    int64_t from, to;
};

/* The last of them are remembered. */
#define MQTT_JUMPS_MAX 4

/* All sessions of one capture. */
struct mqtt_sessions {
    struct mqtt_sessions_options options;
    struct mqtt_session **buckets;
    size_t bucket_count;
    uint64_t count;
    uint64_t seen;      /* all that ever were */
    uint64_t refused;   /* connections whose session found no room: it is not followed */
    uint64_t forgotten; /* sessions that gave way to others */
    uint64_t strangers; /* connections that began in the capture and whose CONNECT is not there, or
                           that there was no memory for: they may have been any client's */
    struct mqtt_names *names; /* owned */
    bool any_time;
    int64_t last_time; /* of anything, if any_time */
    uint64_t jump_count;
    struct mqtt_jump jumps[MQTT_JUMPS_MAX]; /* a ring */
    uint64_t shared; /* sessions whose client identifier has another one at an endpoint that may be
                        the same broker's: see broker.h */
    struct mqtt_endpoint sharing[2]; /* where that was seen first, and in which frame; valid if
                                        `shared` is not 0 */
    uint64_t sharing_frame;
    struct mqtt_session *oldest, *newest;           /* of all */
    struct mqtt_session *idle_oldest, *idle_newest; /* of those that no connection claims */
    struct mqtt_session *hand;                      /* of these: the next to be looked at; NULL: the
                                                       oldest */
};

/* NULL if there is no memory. `options` are copied. */
struct mqtt_sessions *mqtt_sessions_new(const struct mqtt_sessions_options *options);

/* Connections that still point into the registry have to be freed before. NULL is allowed. */
void mqtt_sessions_free(struct mqtt_sessions *sessions);

/* Walks all sessions in the order of first sight. Start with NULL; NULL at the end. */
struct mqtt_session *mqtt_sessions_next(const struct mqtt_sessions *sessions,
                                        const struct mqtt_session *cursor);

/* The session that a connection claims, whatever became of the claim; NULL if none. Lives as long
 * as the connection. */
struct mqtt_session *mqtt_connection_session(const struct mqtt_connection *connection);

/* The client did not come back until the capture ended at `time`, and its session has expired
 * (5.0). False where that is not certain. */
bool mqtt_session_expired(const struct mqtt_session *session, int64_t time);

/* The END finding for a handshake that waits in a session whose client did not come back until the
 * capture ended at `time`. False if none is due. `by_client`: the client began it. */
bool mqtt_session_open_finding(const struct mqtt_session *session,
                               const struct mqtt_handshake *handshake, bool by_client, int64_t time,
                               struct mqtt_finding *finding);

#endif
