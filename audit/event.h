/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happened, said once: everything that is told about a capture (the report, lines of JSON,
 * later deliveries and statistics) hangs off this one stream. recorder.h makes it.
 *
 * Events come in the order of the capture: `frame` never falls, and `ordinal` counts those of one
 * frame from 0. An event, and all that it points to, is valid during the call; nothing is allocated
 * for the events that every packet makes.
 *
 * Of one connection come OPENED, IDENTIFIED (twice where the server assigns the client identifier),
 * what happened, and CLOSED. What was left
 * out of a capture comes as LIMIT, what is wrong with a connection as FINDING. DIAGNOSIS is what
 * writers make of the report at the end: no sink hears of it.
 */
#ifndef MQTTSCOPE_AUDIT_EVENT_H
#define MQTTSCOPE_AUDIT_EVENT_H

#include "audit/histogram.h"
#include "audit/signs.h"
#include "audit/terms.h"

enum audit_event_kind {
#define AUDIT_EVENT(id, ...) AUDIT_EVENT_##id,
#include "audit/events.def"
#undef AUDIT_EVENT
    AUDIT_EVENTS,
};

struct audit_event_info {
    const char *name; /* stable word */
    const char *help;
};

const struct audit_event_info *audit_event_info(enum audit_event_kind kind);

/* How many sinks can be told of the events of one recorder. */
#define AUDIT_SINKS 10

/* The connection of an event: one object from OPENED to CLOSED. */
struct audit_flow {
    uint64_t number;                    /* from 1, in the order in which they were opened */
    int64_t stream;                     /* Wireshark's tcp.stream; -1: none */
    const char *carrier;                /* "tcp", "tls", "websocket"; static */
    struct mqtt_endpoint ends[2];       /* by side */
    struct audit_endpoint endpoints[2]; /* the same as text */
    struct audit_endpoint real_client;  /* behind a proxy, as that says; empty: not known */
    int64_t start_time;                 /* of the first bytes of MQTT */
    uint64_t start_frame;
    bool start_seen;                     /* the transport's start is in the capture */
    uint8_t client;                      /* side of the client; a guess until its packets tell */
    uint8_t version;                     /* enum mqtt_version, as far as known by now */
    struct mqtt_slice client_identifier; /* length 0 until it is known */
    /* By side: how often the capture lost something of it so far, what the packet of the event
     * lacks included. Who counts or compares packets begins anew where it has grown. */
    uint32_t gaps[2];
    void **state; /* a pointer for each sink, at its slot: its own, NULL at OPENED */
};

/* IDENTIFIED: what CONNECT says, or as much of it as is known when the server assigns the client
 * identifier. The names are in the flow. */
struct audit_identity {
    bool assigned;    /* by the server */
    bool connect;     /* the rest is known: this is the CONNECT */
    bool cut;         /* ... as far as the capture has it: its end is missing */
    bool bridge;      /* it says that it is a server's bridge */
    bool clean_start; /* Clean Session before 5.0 */
    uint16_t keep_alive_s;
    bool has_will;
    uint8_t will_qos;
    bool will_retain;
    struct mqtt_slice will_topic;
    struct mqtt_slice will_payload;                /* as far as captured */
    const struct mqtt_properties *will_properties; /* NULL: no will */
    const struct mqtt_properties *properties;      /* of CONNECT; NULL: not known */
    struct mqtt_slice user_name;
};

/* SESSION_BEGAN, _RESUMED, _TAKEN_OVER, _ENDED, _OFFLINE, _EXPIRED; the client identifier is the
 * flow's, if there is one. */
struct audit_session_event {
    uint64_t replaced_frame; /* TAKEN_OVER: where the connection began that lost the session */
    bool clean_start;        /* Clean Session before 5.0 */
    bool unclear;            /* BEGAN: 3.1 does not say whether it was not resumed */
    bool has_expiry;         /* ENDED, OFFLINE, EXPIRED: it is 5.0 */
    uint32_t expiry_s;       /* then, as agreed */
    uint8_t past;            /* BEGAN, RESUMED: enum mqtt_session_past */
    int64_t offline; /* BEGAN, RESUMED, EXPIRED: nanoseconds for which the client was offline;
                        MQTT_NO_TIME: not known, or it was not */
    bool counted;    /* BEGAN, RESUMED, OFFLINE, EXPIRED: `waiting` is known */
    struct mqtt_waiting waiting[2]; /* what the last connection left: [0] begun by the client */
    /* EXPIRED, of a client that did not come back, which has no flow. */
    uint8_t version; /* enum mqtt_version */
    struct mqtt_slice client_identifier;
    const struct audit_endpoint *server;
};

/* SUBSCRIBED, UNSUBSCRIBED: the request and its answer, once that came. */
struct audit_subscription {
    uint16_t packet_identifier;
    uint8_t version;           /* enum mqtt_version that both are read by */
    struct mqtt_slice filters; /* for mqtt_filter_next(); length 0: not known */
    struct mqtt_slice codes;   /* a reason code a filter; UNSUBACK before 5.0 has none */
    struct mqtt_leg request;
    const struct mqtt_properties *properties; /* of the answer */
};

/* PUBLISHED by a client, DELIVERED by a server. */
struct audit_message {
    struct mqtt_slice topic;   /* what an alias stands for included; length 0: not known */
    struct mqtt_slice payload; /* as far as captured */
    uint32_t payload_length;   /* as sent */
    uint16_t packet_identifier;
    uint8_t qos;
    bool retain;
    bool dup;
    bool topic_from_alias;
    bool by_bridge;       /* PUBLISHED */
    bool resend;          /* it was sent before: in frame `first_frame` */
    uint64_t first_frame; /* valid if `resend` */
    const struct mqtt_properties *properties;
    struct audit_match match; /* DELIVERED */
};

/* DELIVERIES: so many more of one topic and one session. */
struct audit_histogram;
struct audit_delivery_row {
    struct mqtt_slice topic;
    struct mqtt_slice client_identifier; /* length 0: not known */
    const struct audit_endpoint *server; /* stands for the broker */
    bool group; /* the clients of a shared subscription, whose $share/NAME/FILTER stands for the
                   client identifier */
    uint32_t publishers; /* distinct ones; stays at 255 */
    struct audit_delivery_counts counts;
    const struct audit_histogram *times; /* latencies, microseconds; NULL: none */
};

/* When TCP acknowledged [0] the first packet and [1] the PUBREL of a handshake, where it was timed.
 */
struct audit_acknowledged {
    bool timed[2];
    int64_t time[2]; /* MQTT_NO_TIME: not before the answer, or with it */
};

/* HANDSHAKE_DONE, HANDSHAKE_GIVEN_UP, PING. */
struct audit_handshake_event {
    const struct mqtt_handshake *handshake; /* all legs; of PING two */
    bool measured; /* it began and ended here: `took` tells how long it took; not of GIVEN_UP */
    int64_t took;  /* nanoseconds; negative where the clock stepped back */
    const struct audit_acknowledged *acknowledged; /* NULL: none of its packets was timed */
};

/* FINDING. */
struct audit_finding_event {
    const struct mqtt_finding *what; /* its frame may be an earlier one than the event's */
    uint64_t order; /* of findings of one frame: those of a connection, then those of a session */
    /* Where the event has no flow: what waits in a session whose client did not come back. */
    struct mqtt_slice client_identifier;
    const struct audit_endpoint *server;
    int64_t stream;          /* then: of its last connection; -1: not known */
    struct mqtt_slice topic; /* of a delivery; length 0: it is about none */
    uint64_t closed; /* then: number of the connection that it is about, whose CLOSED has just been
                        told; 0: of none */
};

/* What a connection was to its session. Of two, [0] is about what the client began. */
struct audit_stay {
    uint64_t entered_frame;  /* of the CONNACK that accepts; 0: none is in the capture */
    uint8_t session;         /* enum mqtt_session_event */
    struct mqtt_entry entry; /* valid if `session` is not UNTOUCHED */
    int64_t since_connect;   /* nanoseconds since the client's last CONNECT; MQTT_NO_TIME: none */
    int64_t online; /* nanoseconds from CONNECT on; MQTT_NO_TIME: not known, or not accepted */
    bool keep_alive_known; /* as agreed */
    bool expiry_known;     /* as agreed, 5.0 */
    bool kept;             /* the server had to keep the session behind it, as far as known */
    bool has_departure;    /* it left its session */
    struct mqtt_departure departure; /* valid if so */
    struct audit_carried carried[2];
};

/* CLOSED: all that was counted on the connection. */
struct audit_closing {
    const struct audit_facts *facts;
    const struct audit_endpoint *broker; /* stands for the server's broker */
    const struct audit_stay *stay;
    const struct audit_round_trips *round_trips[2]; /* of TCP, by sender; NULL: none was seen */
    const struct audit_signs *signs;
    /* By the side that began them and kind; NULL: none. */
    const struct audit_handshake_counts *handshakes[2][MQTT_HANDSHAKE_KINDS];
    enum mqtt_close how;
};

struct audit_file_begin {
    const char *name;
    uint64_t first_frame; /* its frame 1, counted over all files */
    uint64_t index;       /* counts the files from 0 */
};

struct audit_file_end {
    uint64_t packets;
    uint64_t bytes;      /* as on the wire */
    int64_t first, last; /* the earliest and the latest time; valid if there are packets */
    const char *problem; /* why it could not be read to its end; NULL if it could */
};

/* LIMIT: so many more than were said before. */
struct audit_limit_event {
    enum audit_limit_kind kind;
    uint64_t count;
    uint64_t bytes;      /* missing; 0 where bytes don't apply */
    int64_t stream;      /* valid if `frame` is not 0: Wireshark's tcp.stream of one of them */
    uint64_t frame;      /* which that one begins in; 0: they are no connections */
    const char *hint;    /* the option to give; NULL: none */
    uint64_t hint_frame; /* that showed it first; valid if there is a hint */
};

struct audit_event {
    enum audit_event_kind kind;
    uint32_t ordinal;
    uint64_t frame; /* that shows it; 0: it came before any */
    int64_t time;   /* of this frame; valid if `frame` is not 0 */
    uint8_t side;   /* who sent the packet that shows it; of no meaning where no packet does */
    const struct audit_flow *flow; /* NULL: it is about no connection */
    union {
        struct audit_file_begin file_begin;
        struct audit_file_end file_end;
        struct audit_limit_event limit;
        struct audit_identity identified;
        struct audit_session_event session;
        struct audit_subscription subscription;
        struct audit_message message;
        struct audit_handshake_event handshake;
        struct audit_finding_event finding;
        struct audit_delivery_row deliveries;
        struct audit_closing closed;
    };
};

/* Who is told. */
struct audit_sink {
    void (*event)(void *user, const struct audit_event *event);
    void *user;
    bool from_start; /* hears of what comes before the span of the report, too: see recorder.h */
    unsigned slot;   /* of its own pointer in flow->state; set when it is attached */
};

#endif
