/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session: a client identifier at one server, across network connections (3.1.1: 3.1.2.4, 4.1;
 * 5.0: 3.1.2.11.2, 4.1). Keeps the handshakes that a later connection resumes.
 */
#ifndef MQTT_SESSION_H
#define MQTT_SESSION_H

#include "mqtt/state/connection.h"

struct mqtt_session {
    struct mqtt_session *next; /* in the registry's bucket */
    uint64_t hash;
    uint64_t server_key;
    uint64_t token;                      /* the caller's own */
    uint64_t id;                         /* counts from 0 in the order of first sight */
    struct mqtt_slice client_identifier; /* owned; as sent in CONNECT, or assigned */
    struct mqtt_connection *connection;  /* the live one; NULL while offline */
    struct mqtt_leg connect;             /* the last CONNECT */
    int64_t offline_since; /* nanoseconds: the last control packet of the last connection */
    int64_t offline_slack; /* the server may have noticed so much later; INT64_MAX: any time */
    uint64_t connections;
    uint64_t resumed;    /* connections that went on with stored state */
    uint64_t taken_over; /* connections that another one ended */
    bool kept;           /* the server has to keep its state after the last connection */
    uint8_t version;     /* enum mqtt_version of the last connection */
    bool known;          /* its handshakes are known from a clean start on */
    uint32_t expiry;     /* seconds after the end of the connection; UINT32_MAX: for ever */
    struct mqtt_inflight
        inflight[2]; /* while offline: [0] begun by the client, [1] by the server */
};

/* Asked when a new CONNECT finds a live connection of its session: has that transport been seen to
 * end? A caller that learns of ends late can set this; without it a connection lives until
 * mqtt_connection_close(). */
typedef bool (*mqtt_transport_ended)(const struct mqtt_connection *connection, void *user);

/* Bytes that the registry takes at the most, but for handshakes. */
#define MQTT_SESSION_BYTES (256u * 1024u * 1024u)

/* All sessions of one capture. */
struct mqtt_sessions {
    struct mqtt_session **buckets;
    size_t bucket_count;
    uint64_t count;
    uint64_t bytes;   /* of all sessions' own memory */
    uint64_t limit;   /* most sessions that are remembered */
    uint64_t refused; /* sessions beyond that: they are not followed across connections */
    mqtt_transport_ended transport_ended;
    void *user;
};

/* `limit` 0 means the default of 1,000,000 sessions. NULL if there is no memory. */
struct mqtt_sessions *mqtt_sessions_new(uint64_t limit);

/* Connections that still point into the registry have to be freed before. */
void mqtt_sessions_free(struct mqtt_sessions *sessions);

/* The session of this client identifier (not empty) at this server; made if there was none. NULL if
 * the limit is reached or there is no memory (counted in `refused`). Lives as long as the registry.
 */
struct mqtt_session *mqtt_sessions_get(struct mqtt_sessions *sessions, uint64_t server_key,
                                       struct mqtt_slice client_identifier);

/* Walks all sessions in no particular order. Start with *cursor == NULL; NULL at the end. */
struct mqtt_session *mqtt_sessions_next(const struct mqtt_sessions *sessions,
                                        const struct mqtt_session *cursor);

/* `ended` may be NULL; `user` is handed to it. */
void mqtt_sessions_set_transport_ended(struct mqtt_sessions *sessions, mqtt_transport_ended ended,
                                       void *user);

/* The next handshake in `inflight`, in no particular order. Start with *cursor == 0; NULL at the
 * end. */
const struct mqtt_handshake *mqtt_inflight_next(const struct mqtt_inflight *inflight,
                                                uint32_t *cursor);

/* The END finding for a handshake that waits in a session whose client did not come back until the
 * capture ended at `time`. False if none is due. `by_client`: the client began it. */
bool mqtt_session_open_finding(const struct mqtt_session *session,
                               const struct mqtt_handshake *handshake, bool by_client, int64_t time,
                               struct mqtt_finding *finding);

#endif
