/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the stream of events (event.h) from what the protocol library shows.
 *
 *     audit_recorder_new, audit_recorder_attach      the sinks, before anything else
 *       audit_file_begin ... audit_file_end          once a file
 *       audit_connection_opened                      once a connection
 *         audit_connection_step                      after each mqtt_connection_step()
 *         audit_connection_acknowledged, _round_trip what TCP tells meanwhile
 *       audit_connection_over                        when the transport is seen to end, if it is
 *                                                    closed later than that
 *       audit_connection_closed                      instead of mqtt_connection_close()
 *       audit_limit                                  whenever something is missing
 *     audit_span_begins                              where a report on a part of it begins
 *     audit_sessions_ended                           once a registry of sessions
 *     audit_recorder_end                             nothing follows
 *
 * Memory depends on what is open. It needs neither libpcap nor Wireshark: whoever steps connections
 * can feed it.
 */
#ifndef MQTTSCOPE_AUDIT_RECORDER_H
#define MQTTSCOPE_AUDIT_RECORDER_H

#include "audit/event.h"

struct audit_recorder;
struct audit_open; /* one connection that is not closed yet */

struct audit_recorder_options {
    const bool *rules; /* MQTT_RULES of them: which findings there are at all; NULL: all */
    struct mqtt_slice client_identifier; /* tell of this client alone; length 0: of all */
    struct mqtt_slice topic_filter;      /* tell of messages, deliveries and findings on topics that
                                            match it alone; length 0: of all, and of what is about
                                            no topic */
    bool deliveries;                     /* match what servers deliver with what clients publish */
    const struct mqtt_brokers *brokers;  /* then: which endpoints are one broker; NULL: none were
                                            declared. Lives as long as the recorder */
    uint64_t delivery_memory;            /* bytes; 0 stands for 128 MB */
    bool span;                           /* tell of what comes from audit_span_begins() on */
};

/* `options` may be NULL; what it points to is copied, unless it says otherwise. */
struct audit_recorder *audit_recorder_new(const struct audit_recorder_options *options);

/* Connections must have been closed. NULL is allowed. */
void audit_recorder_free(struct audit_recorder *recorder);

/* Tells `sink` of everything from now on; sets its slot. Its user lives as long as the recorder. At
 * most AUDIT_SINKS, and before the first connection. */
void audit_recorder_attach(struct audit_recorder *recorder, struct audit_sink *sink);

/* With `span` among the options: the span begins with this frame. What came before was followed, so
 * that what is said of the span is true; told are
 *
 * - events from this frame on, and of them findings that name a frame from there on;
 * - of a connection that was open by then, OPENED together with its first event in the span, or
 *   with CLOSED; IDENTIFIED only where that is in the span; CLOSED with all that was counted on the
 *   connection. Of one that ended before, nothing;
 * - of deliveries, those that are due when the span begins, and what comes later;
 * - files and limits, always.
 *
 * Sinks with `from_start` hear of everything as it comes. */
void audit_span_begins(struct audit_recorder *recorder, uint64_t frame, int64_t time);

/* A file (or interface) is about to be read; `frames_before` frames came before it. `name` lives
 * until audit_file_end(). */
void audit_file_begin(struct audit_recorder *recorder, const char *name, uint64_t frames_before);

/* It was read. */
void audit_file_end(struct audit_recorder *recorder, const struct audit_file_end *result);

/* `count` more of this kind, and `bytes` with them. The first is told at once, more when the file
 * ends: they may be one a packet. */
void audit_limit(struct audit_recorder *recorder, enum audit_limit_kind kind, uint64_t count,
                 uint64_t bytes);

/* The same, and the option to give, of which `frame` showed first that it is needed. To be called
 * once a kind. */
void audit_limit_hint(struct audit_recorder *recorder, enum audit_limit_kind kind, uint64_t count,
                      const char *hint, uint64_t frame);

/* The same, where the option is the --broker that makes one broker of two listeners. */
void audit_limit_brokers(struct audit_recorder *recorder, enum audit_limit_kind kind,
                         uint64_t count, const struct mqtt_endpoint ends[2], uint64_t frame);

/* One more of this kind, which is a TCP connection: its stream, and a frame that shows it. The
 * first of them stands for all as an example. */
void audit_limit_connection(struct audit_recorder *recorder, enum audit_limit_kind kind,
                            int64_t stream, uint64_t frame);

struct audit_opening {
    int64_t stream;                    /* Wireshark's tcp.stream; -1: none */
    const char *carrier;               /* "tcp", "tls", "websocket"; static */
    struct mqtt_endpoint endpoints[2]; /* by side; as the connection has them */
    uint8_t client;                    /* side of the client; a guess will do */
    struct mqtt_endpoint real_client;  /* behind a proxy, as that says; family 0: not known */
    bool start_seen;                   /* the transport's start is in the capture */
    int64_t time;                      /* of its first bytes of MQTT */
    uint64_t frame;
    const struct mqtt_connection *connection; /* lives until audit_connection_closed(); NULL: its
                                                 messages are not followed */
};

struct audit_open *audit_connection_opened(struct audit_recorder *recorder,
                                           const struct audit_opening *opening);

/* For a sink, from inside its event(): a finding of its own about a connection that is open, told
 * of right after the event that is being told, before anything else happens; by all sinks, and in
 * the order in which such findings came. Left out where its rule is not wanted. `*finding` is
 * copied. With CLOSED, the connection of the event is gone: the finding is told of the client, as
 * below, and says which connection that was. */
void audit_recorder_find(struct audit_recorder *recorder, const struct audit_flow *flow,
                         const struct mqtt_finding *finding);

/* The same about a client whose connection is closed: the finding has no flow. All is copied. */
void audit_recorder_find_gone(struct audit_recorder *recorder, struct mqtt_slice client_identifier,
                              const struct audit_endpoint *server,
                              const struct mqtt_finding *finding);

/* Takes in what a step showed. Allocates nothing as a rule, and formats nothing. */
void audit_connection_step(struct audit_recorder *recorder, struct audit_open *open,
                           const struct mqtt_place *place, const struct mqtt_packet *packet,
                           const struct mqtt_step *step);

/* The next step ends a handshake whose first packet (`release`: whose PUBREL) was timed: when TCP
 * had acknowledged it before it was answered; MQTT_NO_TIME: not by itself. */
void audit_connection_acknowledged(struct audit_open *open, bool release, int64_t time);

/* TCP shows how long a round trip took from a segment of `side` to its acknowledgement. */
void audit_connection_round_trip(struct audit_open *open, uint8_t side, int64_t nanoseconds);

/* The receive window of one side went to zero since the last step, or stayed there: what the other
 * side has for it waits. */
void audit_connection_shut(struct audit_recorder *recorder, struct audit_open *open, int64_t time);

/* What the transport layer counted for a side so far; to be called before the connection is closed,
 * if there is anything to say. */
void audit_connection_transport(struct audit_open *open, uint8_t side,
                                const struct audit_transport *transport);

/* Calls mqtt_connection_over(): the transport is seen to end, and the client is offline. */
void audit_connection_over(struct audit_recorder *recorder, struct audit_open *open,
                           struct mqtt_connection *connection, const struct mqtt_place *place);

/* Calls mqtt_connection_close() with these arguments, and tells all about the connection. `open` is
 * gone afterwards; `connection` is not. `step` holds what the closing found. */
void audit_connection_closed(struct audit_recorder *recorder, struct audit_open *open,
                             struct mqtt_connection *connection, const struct mqtt_place *place,
                             enum mqtt_close how, struct mqtt_step *step);

struct mqtt_sessions;

/* The capture ended at `time`, and all connections are closed: tells which sessions of clients that
 * did not come back have expired, and what still waits in the others. */
void audit_sessions_ended(struct audit_recorder *recorder, const struct mqtt_sessions *sessions,
                          int64_t time);

/* Tells what was held back, the deliveries among it. */
void audit_recorder_end(struct audit_recorder *recorder);

#endif
