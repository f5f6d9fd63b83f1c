/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report as data: what the connections of a capture add up to. audit.h makes it, report/ writes
 * it; neither knows of the other.
 *
 * Times are nanoseconds since 1970-01-01 UTC, durations say their unit. Frames count from 1 over
 * all files of a report, as if they were one: see audit_locate().
 */
#ifndef MQTTSCOPE_AUDIT_MODEL_H
#define MQTTSCOPE_AUDIT_MODEL_H

#include "audit/histogram.h"
#include "mqtt/facts/tables.h"
#include "mqtt/state/connection.h"

#include <glib.h>

/* A string from the wire: any bytes. Long ones are cut. */
#define AUDIT_STRING_MAX 512u

struct audit_string {
    const uint8_t *bytes;
    uint32_t length; /* bytes here */
    uint32_t whole;  /* bytes on the wire: more than `length` if it was cut */
    uint64_t hash;   /* of the whole; differs from run to run */
};

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

struct audit_limit {
    uint64_t count;
    uint64_t bytes; /* missing; 0 where bytes don't apply */
};

struct audit_file {
    char *name;
    uint64_t first_frame; /* its frame 1, counted over all files */
    uint64_t packets;
    char *problem; /* why it could not be read to its end; NULL if it could */
};

struct audit_capture {
    GArray *files; /* struct audit_file */
    uint64_t packets;
    uint64_t bytes; /* as on the wire */
    bool has_times;
    int64_t first_time, last_time; /* valid if has_times */
    struct audit_limit limits[AUDIT_LIMITS];
};

/* An address and port as text, such as "192.0.2.1" and 1883. */
#define AUDIT_ADDRESS_SIZE 46

struct audit_endpoint {
    char address[AUDIT_ADDRESS_SIZE];
    uint16_t port;
};

/* What a side is, as far as the capture tells: where nothing does, a guess. */
enum audit_role { AUDIT_CLIENT, AUDIT_SERVER, AUDIT_ROLES };

/* How the handshakes of one kind fared that one side began:
 *
 *     started + resumed = completed + refused + incomplete + open + unknown
 */
struct audit_handshakes {
    uint64_t started; /* on this connection */
    uint64_t resumed; /* taken over from an earlier connection of the session */
    uint64_t completed;
    uint64_t refused;              /* ended by a reason code of 0x80 or above */
    uint64_t incomplete;           /* the connection ended first */
    uint64_t open;                 /* the capture ended first */
    uint64_t unknown;              /* the rest may be among the bytes that the capture lacks */
    uint64_t retransmitted;        /* further sends of PUBLISH or PUBREL */
    uint64_t stage[MQTT_LEGS];     /* of those incomplete or open: how many got this far; QoS 2: [1]
                                      awaits PUBREC, [2] PUBREL, [3] PUBCOMP */
    struct audit_histogram *times; /* of those that began on this connection and were completed;
                                      NULL: none, or the connection is closed; owned */
    struct audit_latency latency;  /* of `times`, filled when the connection is closed */
};

/* What the transport went through on behalf of one side. */
struct audit_transport {
    uint64_t segments;
    uint64_t retransmitted; /* of these: brought nothing new */
    uint64_t out_of_order;
    uint64_t zero_window;
    uint64_t gaps;
    uint64_t gap_bytes;
};

struct audit_session;

/* One network connection. Sides are 0 and 1; `client` says which is the client's. */
struct audit_connection {
    uint64_t id;         /* from 1 in the order of the capture; set by audit_finish() */
    int64_t stream;      /* Wireshark's tcp.stream; -1: none */
    const char *carrier; /* "tcp", "websocket": what carries the control packets; static */
    struct audit_endpoint endpoints[2];
    uint8_t client;
    bool client_known;
    uint8_t version; /* enum mqtt_version */
    bool version_inferred;
    bool bridge;
    const struct audit_string *client_identifier; /* NULL: not known, or empty */
    bool client_identifier_assigned;
    bool connect_seen;
    bool clean_start;
    bool session_present;
    bool accepted;
    bool refused;
    bool taken_over;
    uint8_t connack_reason;
    bool has_will;
    uint32_t session_expiry_s;
    int64_t start_time, end_time;
    uint64_t start_frame, end_frame; /* of the first control packet, and of the end; 0: none */
    uint8_t end_cause;               /* enum mqtt_end_cause */
    uint32_t packets[2][MQTT_PACKET_TYPES]; /* control packets by sending side and type */
    uint64_t bytes[2];                      /* in control packets */
    struct {
        bool known; /* CONNECT was seen */
        uint16_t requested_s, effective_s;
        int64_t max_idle_ns; /* between two packets of the client, or the last one and the end */
        uint64_t max_idle_frame; /* what ended it; 0: no frame shows it */
        uint64_t late, expired;
    } keep_alive;
    struct audit_handshakes *handshakes[2][MQTT_HANDSHAKE_KINDS]; /* NULL: none; owned */
    struct audit_transport transport[2];
    uint64_t findings[3]; /* by enum mqtt_severity */
    const struct audit_session *session;
    const struct audit_connection *next_of_session; /* in the order of the capture */
};

/* A client identifier at one server. */
struct audit_session {
    const struct audit_string *client_identifier;
    struct audit_endpoint server;
    const struct audit_connection *first; /* of the listed ones; they are linked */
    uint64_t connections;
    uint64_t accepted;   /* connections that the server accepted, or whose answer is not here */
    uint64_t resumed;    /* accepted with Session Present */
    uint64_t taken_over; /* connections that ended because another one took the identifier */
    uint64_t order;      /* the frame that it was first seen in */
};

struct audit_finding {
    struct mqtt_finding what;
    int64_t stream;
    uint64_t order; /* of findings of the same frame */
    const struct audit_string *client_identifier;
    const struct audit_connection *connection; /* NULL: not listed */
};

/* PUBLISH packets of one topic, what was sent again left out. */
struct audit_topic {
    const struct audit_string *name; /* NULL: all that could not be listed */
    uint64_t published;              /* by clients */
    uint64_t delivered;              /* by servers */
    uint64_t retained;               /* of those delivered: kept messages */
    uint64_t published_bytes;        /* of payload */
    uint64_t delivered_bytes;
    uint64_t qos[3]; /* published and delivered */
};

struct audit_totals {
    uint64_t connections;
    uint64_t by_version[MQTT_VERSION_5_0 + 1];
    uint64_t by_end_cause[MQTT_END_CAUSES];
    uint64_t clients;                                 /* distinct client identifiers */
    uint64_t sessions;                                /* of those, accepted by a server */
    uint64_t packets[AUDIT_ROLES][MQTT_PACKET_TYPES]; /* by sender and type */
    uint64_t bytes[AUDIT_ROLES];                      /* in control packets, by sender */
    struct audit_handshakes handshakes[AUDIT_ROLES][MQTT_HANDSHAKE_KINDS]; /* by who began them */
    uint64_t findings[3]; /* by enum mqtt_severity */
    uint64_t findings_by_rule[MQTT_RULES];
    struct audit_topic publishes; /* all topics together; name is NULL */
};

struct audit_report {
    bool one_client; /* the others were left out */
    struct audit_capture capture;
    struct audit_totals totals;
    GPtrArray *connections; /* struct audit_connection, in the order of the capture */
    GPtrArray *sessions;    /* struct audit_session, in the order of the capture */
    GArray *findings;       /* struct audit_finding, in the order of their frames */
    GPtrArray *topics;      /* struct audit_topic, the busiest first */
    struct audit_topic other_topics;
};

static inline enum audit_role audit_role(const struct audit_connection *connection, unsigned side)
{
    return side == connection->client ? AUDIT_CLIENT : AUDIT_SERVER;
}

static inline const struct audit_connection *
audit_report_connection(const struct audit_report *report, unsigned i)
{
    return (const struct audit_connection *)g_ptr_array_index(report->connections, i);
}

static inline const struct audit_session *audit_report_session(const struct audit_report *report,
                                                               unsigned i)
{
    return (const struct audit_session *)g_ptr_array_index(report->sessions, i);
}

static inline const struct audit_finding *audit_report_finding(const struct audit_report *report,
                                                               unsigned i)
{
    return &g_array_index(report->findings, struct audit_finding, i);
}

static inline const struct audit_topic *audit_report_topic(const struct audit_report *report,
                                                           unsigned i)
{
    return (const struct audit_topic *)g_ptr_array_index(report->topics, i);
}

static inline const struct audit_file *audit_report_file(const struct audit_report *report,
                                                         unsigned i)
{
    return &g_array_index(report->capture.files, struct audit_file, i);
}

/* Which file of the report holds a frame, and its number there, which is Wireshark's frame.number
 * when that file is opened. NULL if there is none. */
const struct audit_file *audit_locate(const struct audit_report *report, uint64_t frame,
                                      uint64_t *number);

#endif
