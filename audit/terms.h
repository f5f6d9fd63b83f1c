/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words that events (event.h) and the report (model.h) share.
 *
 * Times are nanoseconds since 1970-01-01 UTC, durations say their unit. Frames count from 1 over
 * all files that are read as one.
 */
#ifndef MQTTSCOPE_AUDIT_TERMS_H
#define MQTTSCOPE_AUDIT_TERMS_H

#include "mqtt/facts/tables.h"
#include "mqtt/state/connection.h"

/* What a capture can lack, or what had to be left out: limits.def. */
enum audit_limit_kind {
#define AUDIT_LIMIT(id, ...) AUDIT_LIMIT_##id,
#include "audit/limits.def"
#undef AUDIT_LIMIT
    AUDIT_LIMITS,
};

struct audit_limit_info {
    const char *kind;        /* stable word */
    const char *counted;     /* what `count` counts, in the plural */
    const char *consequence; /* what follows from it */
};

const struct audit_limit_info *audit_limit_info(enum audit_limit_kind kind);

/* What was before a connection, in a word: "first", "taken-over", "offline", "ended", "cleared",
 * "expired", "lost" by enum mqtt_session_past; NULL where it is not known. */
const char *audit_past_name(unsigned past);

/* An address and port as text, such as "192.0.2.1" and 1883. */
#define AUDIT_ADDRESS_SIZE 46

struct audit_endpoint {
    char address[AUDIT_ADDRESS_SIZE];
    uint16_t port;
};

bool audit_endpoint_equal(const struct audit_endpoint *a, const struct audit_endpoint *b);

/* Writes an end of a connection as text; the same end as the same text. */
void audit_endpoint_text(struct audit_endpoint *text, const struct mqtt_endpoint *endpoint);

/* What a side is, as far as the capture tells: where nothing does, a guess. */
enum audit_role { AUDIT_CLIENT, AUDIT_SERVER, AUDIT_ROLES };

/* How the handshakes of one kind fared that one side began:
 *
 *     started + resumed = completed + refused + incomplete + open + unknown
 */
struct audit_handshake_counts {
    uint64_t started; /* on this connection */
    uint64_t resumed; /* taken over from an earlier connection of the session */
    uint64_t completed;
    uint64_t refused;    /* ended by a reason code of 0x80 or above, or by the PUBACK of a QoS 2 */
    uint64_t incomplete; /* the connection ended first */
    uint64_t open;       /* the capture ended first */
    uint64_t unknown;    /* the rest may be among the bytes that the capture lacks */
    uint64_t retransmitted;    /* further sends of PUBLISH or PUBREL */
    uint64_t stage[MQTT_LEGS]; /* of those incomplete or open: how many got this far; QoS 2: [1]
                                  awaits PUBREC, [2] PUBREL, [3] PUBCOMP */
};

/* What became of handshakes that a session kept for its client, those of one beginner, on the
 * connection that went on with them: resumed = met + silent + unknown. */
struct audit_carried {
    uint32_t resumed;
    uint32_t resent;
    uint32_t finished;
    uint32_t met; /* one or the other, or both */
    uint32_t silent;
    uint32_t unknown; /* the capture lacks what would tell, or ended before */
};

/* What the transport went through on behalf of one side. */
struct audit_transport {
    uint64_t segments;
    uint64_t retransmitted; /* of these: brought nothing new */
    uint64_t retransmitted_bytes;
    uint64_t timeouts;             /* of those: after 200 ms or more of silence */
    uint64_t fast_retransmissions; /* of those: after three duplicate acknowledgements */
    uint64_t duplicate_acknowledgements;
    uint32_t longest_run;   /* how often the same bytes were sent again before anything new was
                               acknowledged */
    int64_t longest_run_ns; /* from the first of these times to the last */
    uint32_t last_run;      /* the same of what is not acknowledged at the end; 0: all is */
    int64_t last_run_ns;
    uint64_t out_of_order;
    uint64_t zero_window;       /* segments */
    uint64_t zero_window_spans; /* times that the window went to zero */
    int64_t zero_window_ns;     /* for how long in sum */
    int64_t longest_zero_window_ns;
    uint64_t gaps;
    uint64_t gap_bytes;
};

/* Why nothing is said of a delivery that did not come: excuses.def. */
enum audit_excuse {
#define AUDIT_EXCUSE(id, ...) AUDIT_EXCUSE_##id,
#include "audit/excuses.def"
#undef AUDIT_EXCUSE
    AUDIT_EXCUSES,
};

/* "queued", ...; NULL from AUDIT_EXCUSES on. */
const char *audit_excuse_name(unsigned excuse);
const char *audit_excuse_help(unsigned excuse);

/* AUDIT_EXCUSES if there is none of this name. */
enum audit_excuse audit_excuse_by_name(const char *name);

/* What became of the messages of one topic that one session is to get:
 *
 *     expected = delivered + lost + dropped_qos_0 + pending + all excused
 */
struct audit_delivery_counts {
    uint64_t expected;      /* publications, or with overlapping subscriptions one copy of each */
    uint64_t delivered;     /* of those */
    uint64_t late;          /* of those delivered: on a later connection of the session */
    uint64_t lost;          /* never came, although QoS 1 or 2 promises it */
    uint64_t dropped_qos_0; /* never came, which at most once allows */
    uint64_t pending;       /* may still come */
    uint64_t twice;         /* came once more, with nothing that explains it */
    uint64_t unknown;       /* came, and their publication is not in the capture */
    uint64_t retained;      /* kept messages, which nobody published just now */
    uint64_t excused[AUDIT_EXCUSES];
    uint64_t gone; /* of those offline: their session ended before the client came back */
};

/* What a delivery was matched with. */
struct audit_match {
    bool known;     /* its publication is in the capture */
    bool late;      /* it had to wait for the client's return: `took` is no latency */
    uint64_t frame; /* of the publication */
    int64_t took;   /* nanoseconds */
};

/* What is known of a connection when it ends, but for its handshakes and its names. Sides are 0 and
 * 1; `client` says which is the client's. */
struct audit_facts {
    uint8_t client;
    bool client_known;
    uint8_t version; /* enum mqtt_version */
    bool version_inferred;
    bool bridge;
    bool client_identifier_assigned;
    bool connect_seen;
    bool clean_start;
    bool session_present;
    bool accepted;
    bool refused;
    bool taken_over;
    uint8_t connack_reason;
    bool has_will;
    uint8_t end_cause; /* enum mqtt_end_cause */
    uint32_t session_expiry_s;
    int64_t idle_at_end; /* nanoseconds for which the client had sent nothing when it ended, its
                            DISCONNECT left out; MQTT_NO_TIME: it never sent */
    int64_t end_time;
    uint64_t end_frame;                     /* 0: none shows the end */
    uint32_t packets[2][MQTT_PACKET_TYPES]; /* control packets by sending side and type */
    uint64_t bytes[2];                      /* in control packets */
    struct {
        bool known; /* CONNECT was seen */
        uint16_t requested_s, effective_s;
        int64_t max_idle_ns; /* between two packets of the client, or the last one and the end */
        uint64_t max_idle_frame; /* what ended it; 0: no frame shows it */
        uint64_t late, expired;
    } keep_alive;
    struct audit_transport transport[2];
};

#endif
