/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the recorder share. Private to audit/. */
#ifndef MQTTSCOPE_AUDIT_RECORDER_PRIVATE_H
#define MQTTSCOPE_AUDIT_RECORDER_PRIVATE_H

#include "audit/delivery/delivery.h"
#include "audit/recorder.h"

#include <glib.h>

#include "mqtt/wire/topic.h"

struct audit_recorder {
    struct audit_sink sinks[AUDIT_SINKS];
    unsigned sink_count;
    uint64_t frame; /* of the events that are being told */
    int64_t time;
    uint32_t ordinal; /* of the next one */
    uint64_t flows;
    const char *file; /* to be told of with the next event; NULL: it was */
    uint64_t file_first_frame;
    uint64_t files;
    struct audit_limit_event limits[AUDIT_LIMITS]; /* not told yet */
    bool limit_told[AUDIT_LIMITS];                 /* of this file */
    uint64_t held;                                 /* findings in all open->held */
    GArray *found; /* struct audit_found: what sinks found with the event that is being told; NULL:
                      nothing ever */
    bool telling_found;
    uint64_t found_left_out;              /* had no room there */
    uint64_t found_gone;                  /* counts those that were told without a flow */
    const struct audit_flow *closing;     /* CLOSED is being told of it; NULL: of none */
    struct audit_endpoint closing_server; /* then: of its broker */
    bool rules[MQTT_RULES];
    struct mqtt_slice only_client;       /* owned; length 0: all */
    struct mqtt_slice topic_filter;      /* owned; length 0: all */
    struct audit_deliveries *deliveries; /* NULL: they are not followed */
    uint64_t span_frame; /* first of the span that is told of; UINT64_MAX: it has not begun */
    int64_t span_time;   /* of that frame, when it has begun */
};

/* What was found, and is told behind the next event: see audit_recorder_find(). */
struct audit_found {
    struct mqtt_finding what;
    struct audit_open *open;             /* NULL: it is about a client that is gone */
    struct mqtt_slice client_identifier; /* then: owned */
    struct audit_endpoint server;
    int64_t stream;          /* then: of its last connection; -1: not known */
    uint64_t closed;         /* see struct audit_finding_event */
    struct mqtt_slice topic; /* owned; length 0: it is about none */
};

/* Keeps it until then. The slices are copied. */
void audit_keep_found(struct audit_recorder *recorder, const struct audit_found *found);

/* A connection that is not closed yet. */
struct audit_open {
    struct audit_flow flow;
    void *state[AUDIT_SINKS];
    bool told;       /* the sinks know of it */
    bool in_span;    /* ... those that hear of the span alone, too */
    bool identified; /* the client identifier was looked at */
    bool connected;  /* CONNECT was seen */
    bool clean_start;
    bool bridge;  /* CONNECT says it */
    bool wanted;  /* as far as known: of the client that was asked for */
    GArray *held; /* struct mqtt_finding: what was found before it was wanted; NULL: none */
    struct audit_delivery_link *link; /* NULL: its messages are not followed */
    bool away;                        /* that its client went offline was told */
    uint64_t finding_order;
    struct audit_stay stay;
    struct audit_watch watch;
    struct audit_handshake_counts *handshakes[2][MQTT_HANDSHAKE_KINDS]; /* NULL: none; owned */
    struct audit_transport transport[2];
    struct audit_round_trips *round_trips[2]; /* NULL: none; owned */
    struct audit_acknowledged acknowledged;   /* of the handshake that is about to end */
};

/* The capture has come to this frame. Earlier ones, and 0, change nothing. */
static inline void audit_advance(struct audit_recorder *recorder, uint64_t frame, int64_t time)
{
    if (frame <= recorder->frame)
        return;
    recorder->frame = frame;
    recorder->time = time;
    recorder->ordinal = 0;
}

/* Whether what is about this topic is told; length 0: about none, or it is not known. */
static inline bool audit_wants_topic(const struct audit_recorder *recorder, struct mqtt_slice topic)
{
    return recorder->topic_filter.length == 0 ||
           (topic.length > 0 && mqtt_topic_matches(recorder->topic_filter, topic));
}

static inline bool audit_wants_finding(const struct audit_recorder *recorder, unsigned rule,
                                       struct mqtt_slice topic)
{
    return recorder->rules[rule] && audit_wants_topic(recorder, topic);
}

/* Tells of what sinks found with an event, and with what is told of that. */
void audit_tell_found(struct audit_recorder *recorder);

/* Tells an event, which is filled in, to the sinks that hear of it where there is a span. */
void audit_tell_span(struct audit_recorder *recorder, struct audit_event *event);

/* A file is told of with what it brings first: that has a time. */
void audit_tell_file(struct audit_recorder *recorder);

/* Tells all sinks; fills the event's frame, time and ordinal. */
static inline void audit_tell(struct audit_recorder *recorder, struct audit_event *event)
{
    if (G_UNLIKELY(recorder->file != NULL))
        audit_tell_file(recorder);
    event->frame = recorder->frame;
    event->time = recorder->time;
    event->ordinal = recorder->ordinal++;
    if (G_UNLIKELY(recorder->span_frame != 0))
        audit_tell_span(recorder, event);
    else
        for (unsigned i = 0; i < recorder->sink_count; i++)
            recorder->sinks[i].event(recorder->sinks[i].user, event);
    if (G_UNLIKELY(recorder->found != NULL && recorder->found->len > 0))
        audit_tell_found(recorder);
}

static inline void audit_flush_found(struct audit_recorder *recorder)
{
    if (G_UNLIKELY(recorder->found != NULL && recorder->found->len > 0))
        audit_tell_found(recorder);
}

/* Deliveries, if they are followed: recorder_delivery.c. */
void audit_follow_deliveries(struct audit_recorder *recorder,
                             const struct audit_recorder_options *options);

/* What a side did so far with handshakes of a kind; made if there was nothing. */
struct audit_handshake_counts *audit_open_handshakes(struct audit_open *open, unsigned side,
                                                     unsigned kind);

/* Counts where a handshake that is met at its end began, if that was not counted as it happened:
 * true if it began and ran on this connection, so that the time between tells something. */
bool audit_count_beginning(const struct audit_open *open, struct audit_handshake_counts *counts,
                           const struct mqtt_handshake *handshake);

/* What a CONNACK does to the session. */
void audit_tell_session(struct audit_recorder *recorder, struct audit_open *open, uint8_t side,
                        const struct mqtt_step *step);

/* The client goes offline with this connection, which has left its session, or is about to: told
 * once. `side`: who ended it. */
void audit_tell_away(struct audit_recorder *recorder, struct audit_open *open,
                     const struct mqtt_connection *connection, uint8_t side);

/* A handshake that the session had kept for this connection is finished, or open at its end. */
void audit_count_carried(struct audit_open *open, const struct mqtt_handshake *handshake,
                         bool finished);

/* Sums up what the connection was to its session, once it is closed. */
void audit_sum_stay(struct audit_open *open, const struct mqtt_connection *connection,
                    enum mqtt_close how);

/* The same about messages on a topic. */
void audit_tell_topic_finding(struct audit_recorder *recorder, struct audit_open *open,
                              const struct mqtt_finding *finding, struct mqtt_slice topic);

/* Tells of a finding of the connection, if it is of a rule and a client that are wanted; and of
 * those of a step. */
void audit_tell_finding(struct audit_recorder *recorder, struct audit_open *open,
                        const struct mqtt_finding *finding);
void audit_tell_findings(struct audit_recorder *recorder, struct audit_open *open,
                         const struct mqtt_step *step);

#endif
