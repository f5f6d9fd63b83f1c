/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adds up what happened on the connections of a capture: the model of model.h.
 *
 *     audit_new
 *       audit_file_begin ... audit_file_end            once a file
 *       audit_connection_opened                        once a connection
 *         audit_connection_step                        after each mqtt_connection_step()
 *       audit_connection_closed                        instead of mqtt_connection_close()
 *       audit_limit                                    whenever something is missing
 *     audit_finish                                     the report
 *
 * What a connection adds is kept with the connection until it is closed, and then put into the
 * report; so the same connections in any order, or shared among several audits that are merged,
 * make the same report.
 *
 * Memory depends on what is open, and on the bounds of struct audit_options; never on the length of
 * the capture. What a bound leaves out is a limit in the report.
 */
#ifndef MQTTSCOPE_AUDIT_AUDIT_H
#define MQTTSCOPE_AUDIT_AUDIT_H

#include "audit/model.h"

struct audit;      /* one report in the making */
struct audit_open; /* one connection that is not closed yet */

struct audit_options {
    const bool *rules; /* MQTT_RULES of them: which findings count at all; NULL: all do */
    struct mqtt_slice client_identifier; /* report on this client alone; length 0: on all */
    uint32_t max_connections;            /* listed; 0 stands for 100,000 */
    uint32_t max_sessions;               /* 100,000 */
    uint32_t max_findings;               /* 100,000; the counts a rule stay exact */
    uint32_t max_topics;                 /* 10,000 */
};

/* `options` may be NULL; what it points to is copied. */
struct audit *audit_new(const struct audit_options *options);

/* Frees the report too. Connections must have been closed. NULL is allowed. */
void audit_free(struct audit *audit);

/* A file (or interface) is about to be read; `frames_before` frames came before it. */
void audit_file_begin(struct audit *audit, const char *name, uint64_t frames_before);

/* It was read: `packets` of it, `bytes` on the wire. `problem` says why not to its end, or is NULL.
 */
void audit_file_end(struct audit *audit, uint64_t packets, uint64_t bytes, const char *problem);

/* The capture reaches from `first` to `last`, in nanoseconds; to be called once a file that has
 * packets. */
void audit_capture_times(struct audit *audit, int64_t first, int64_t last);

/* `count` more of this kind, and `bytes` with them. */
void audit_limit(struct audit *audit, enum audit_limit_kind kind, uint64_t count, uint64_t bytes);

struct audit_opening {
    int64_t stream;                     /* Wireshark's tcp.stream; -1: none */
    const char *carrier;                /* "tcp", "websocket"; static */
    struct audit_endpoint endpoints[2]; /* by side */
    uint8_t client;                     /* side of the client; a guess will do */
    bool start_seen;                    /* the transport's start is in the capture */
    int64_t time;                       /* of its first packet in the capture */
    uint64_t frame;
};

struct audit_open *audit_connection_opened(struct audit *audit,
                                           const struct audit_opening *opening);

/* Takes in what a step showed. Allocates nothing as a rule, and formats nothing. */
void audit_connection_step(struct audit *audit, struct audit_open *open,
                           const struct mqtt_place *place, const struct mqtt_packet *packet,
                           const struct mqtt_step *step);

/* What the transport layer counted for a side so far; to be called before the connection is closed,
 * if there is anything to say. */
void audit_connection_transport(struct audit_open *open, uint8_t side,
                                const struct audit_transport *transport);

/* Calls mqtt_connection_close() with these arguments, and puts the connection into the report.
 * `open` is gone afterwards; `connection` is not. `step` holds what the closing found. */
void audit_connection_closed(struct audit *audit, struct audit_open *open,
                             struct mqtt_connection *connection, const struct mqtt_place *place,
                             enum mqtt_close how, struct mqtt_step *step);

/* The capture ended at `time`, and all connections are closed: takes in what still waits in the
 * sessions of clients that did not come back. To be called once for each registry, before the
 * audit is merged into another. */
void audit_sessions_ended(struct audit *audit, const struct mqtt_sessions *sessions, int64_t time);

/* Moves all that `from` holds into `into`, and frees `from`. Both must have the same options, no
 * open connection, and no connection in common. */
void audit_merge(struct audit *into, struct audit *from);

/* Brings everything into its order. The report lives as long as the audit; after another connection
 * was closed, or another audit merged into this one, call it again. */
const struct audit_report *audit_finish(struct audit *audit);

#endif
