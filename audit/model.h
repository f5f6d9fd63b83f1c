/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report as data: what the events of a capture add up to. fold.h makes it, report/ writes it;
 * neither knows of the other.
 *
 * Times are nanoseconds since 1970-01-01 UTC, durations say their unit. Frames count from 1 over
 * all files of a report, as if they were one: see audit_locate().
 */
#ifndef MQTTSCOPE_AUDIT_MODEL_H
#define MQTTSCOPE_AUDIT_MODEL_H

#include <glib.h>

#include "audit/histogram.h"
#include "audit/signs.h"
#include "audit/terms.h"

/* A string from the wire: any bytes. Long ones are cut. */
#define AUDIT_STRING_MAX 512u

struct audit_string {
    const uint8_t *bytes;
    uint32_t length; /* bytes here */
    uint32_t whole;  /* bytes on the wire: more than `length` if it was cut */
    uint64_t hash;   /* of the whole; differs from run to run */
};

struct audit_limit {
    uint64_t count;
    uint64_t bytes;      /* missing; 0 where bytes don't apply */
    int64_t stream;      /* valid if `frame` is not 0: of the first of them */
    uint64_t frame;      /* the lowest one that shows one of them; 0: they are no connections */
    char *hint;          /* the option to give; NULL: none; owned */
    uint64_t hint_frame; /* that showed it first; valid if there is a hint */
};

struct audit_file {
    char *name;
    uint64_t first_frame; /* its frame 1, counted over all files */
    uint64_t index;       /* among the files that were read together, from 0 */
    uint64_t packets;
    char *problem; /* why it could not be read to its end; NULL if it could */
};

struct audit_capture {
    GArray *files; /* struct audit_file, in the order of their frames */
    uint64_t packets;
    uint64_t bytes; /* as on the wire */
    bool has_times;
    int64_t first_time, last_time; /* valid if has_times */
    int64_t from, to; /* the span that is reported; MQTT_NO_TIME: from the start, to the end */
    struct audit_limit limits[AUDIT_LIMITS];
};

/* Where the time from a request to its answer went, of those handshakes whose time is known.
 * Microseconds; a sum of whole ones. */
struct audit_parts {
    uint64_t split;    /* TCP had acknowledged the request before it was answered: */
    uint64_t unsplit;  /* the others: only the sum is known */
    uint64_t wire;     /* ... from the request to that */
    uint64_t receiver; /* ... from that to the answer */
    uint64_t longest_wire, longest_receiver;
    struct audit_histogram *wires, *receivers; /* of totals; NULL: none; owned */
};

/* The handshakes of one kind that one side began, and how long they took. */
struct audit_handshakes {
    struct audit_handshake_counts count;
    /* Of those that began on this connection and were completed; the one or the other, NULL: none;
     * owned. */
    struct audit_histogram *times;
    struct audit_packed_histogram *packed; /* of a connection that is closed */
    /* [0] of the first packet and its answer; [1] of QoS 2, PUBREL and PUBCOMP. NULL: none; owned
     */
    struct audit_parts *parts;
};

struct audit_session;

/* One network connection; sides are 0 and 1. */
struct audit_connection {
    uint64_t id;         /* from 1 in the order of the capture; set when the report is finished */
    uint64_t number;     /* that events know it by; those of one recorder differ */
    int64_t stream;      /* Wireshark's tcp.stream; -1: none */
    const char *carrier; /* "tcp", "tls", "websocket": what carries the control packets; static */
    struct audit_endpoint endpoints[2];
    struct audit_endpoint *broker;     /* stands for the server's; NULL: its endpoint does; owned */
    struct audit_endpoint real_client; /* behind a proxy, as that says; empty: not known */
    const struct audit_string *client_identifier; /* NULL: not known, or empty */
    int64_t start_time;
    uint64_t start_frame; /* of its first bytes of MQTT; 0: none */
    struct audit_facts facts;
    struct audit_signs signs;
    struct audit_handshakes *handshakes[2][MQTT_HANDSHAKE_KINDS]; /* NULL: none; owned */
    uint64_t findings[3];                                         /* by enum mqtt_severity */
    const struct audit_session *session;
    const struct audit_connection *next_of_session; /* in the order of the capture */
    struct audit_party *party;                      /* what its findings name it by */
    uint64_t own_findings[3]; /* of `findings`, those that do not come from its session */
    struct audit_packed_histogram *round_trips[2]; /* of TCP, by sender; NULL: none; owned */
};

/* QoS 1 and 2 handshakes, those of one beginner, that the ends of a session's connections left
 * unfinished: publish + release = carried.resumed + dropped + those that wait when the capture
 * ends. */
struct audit_owed {
    uint32_t publish; /* PUBLISH without PUBACK or PUBREC */
    uint32_t release; /* QoS 2 from PUBREC on, without PUBCOMP */
    uint32_t dropped; /* the session was gone, or given up by its client, before it was resumed */
    struct audit_carried carried;
};

/* Addresses of a client that are told apart. */
#define AUDIT_ADDRESSES 8

/* What takes more than one connection of a session, as a rule. All of it adds up. Sums of times
 * stay at the end of their type. */
struct audit_session_life {
    uint32_t past[MQTT_PASTS]; /* connections by what was before them, but for the first */
    uint32_t unclear;          /* 3.1: accepted, and whether it was resumed can't be told */
    uint32_t expired_at_end;   /* its client has not come back: 0 or 1 */
    uint32_t end_causes[MQTT_END_CAUSES];
    uint32_t offline_spans;   /* that ended with a connection */
    uint32_t offline_unknown; /* of these, as long as nobody knows */
    uint32_t intervals;       /* between two CONNECTs */
    uint32_t counted;         /* ends that left a session for which it is known what waited */
    uint32_t uncounted;       /* those for which it is not */
    int64_t offline, longest_offline;    /* nanoseconds */
    int64_t interval, shortest_interval; /* nanoseconds; INT64_MAX: none */
    struct audit_owed owed[AUDIT_ROLES]; /* by who began them */
    uint32_t addresses[AUDIT_ADDRESSES]; /* the lowest of their hashes, ascending; 0: none */
};

/* A connection of a session, for what is said of the last one. */
struct audit_last {
    uint64_t entered_frame; /* of the CONNACK that accepts it; 0: there was none */
    uint64_t start_frame;
    int64_t stream;
    int64_t end_time;
    struct mqtt_endpoint client;
    uint32_t expiry_s;
    uint16_t keep_alive_s;
    uint8_t version;   /* enum mqtt_version */
    uint8_t end_cause; /* enum mqtt_end_cause */
    bool connect_seen, clean_start, has_will;
    bool keep_alive_known, expiry_known;
    bool departed; /* it has left the session: how is known */
    bool kept;     /* ... which the server has to keep */
    bool counted;  /* ... and what waits there is known */
};

/* A client identifier at one server. */
struct audit_session {
    const struct audit_string *client_identifier;
    struct audit_endpoint server;         /* stands for its broker */
    const struct audit_connection *first; /* of the listed ones; they are linked */
    uint64_t connections;
    uint64_t accepted;      /* connections that the server accepted, or whose answer is not here */
    uint64_t resumed;       /* accepted with Session Present */
    uint64_t taken_over;    /* connections that ended because another one took the identifier */
    uint64_t order;         /* the frame that it was first seen in */
    uint64_t rank;          /* audit_rank() of client identifier and server */
    int64_t first_time;     /* of that frame */
    int64_t online;         /* nanoseconds, of the connections below */
    uint32_t measured;      /* connections of which it is known how long they were online */
    uint32_t began;         /* accepted, with nothing stored */
    struct audit_last last; /* the last one that was accepted; if none was, the last one */
    struct audit_session_life *life; /* NULL: there is one connection, and nothing in here that
                                        `last` does not say; owned */
};

/* Whose finding it is: of a connection, listed or not, or of a session. */
struct audit_party {
    unsigned references;
    int64_t stream;                               /* -1: not known */
    const struct audit_string *client_identifier; /* NULL: not known, or empty; owned */
    const struct audit_connection *connection;    /* NULL: not listed */
    struct audit_endpoint *server;                /* of a session; NULL: of a connection; owned */
    int64_t told_stream; /* of a session: where no connection of it is listed; -1: not known */
};

struct audit_finding {
    struct mqtt_finding what;
    uint64_t order; /* of findings of the same frame */
    struct audit_party *party;
    const struct audit_string *topic; /* of a delivery; NULL: it is about none; owned */
};

/* PUBLISH packets of one topic, what was sent again left out. */
struct audit_topic {
    const struct audit_string *name; /* NULL: all that could not be listed */
    uint64_t rank;                   /* audit_rank() of the name */
    uint64_t published;              /* by clients */
    uint64_t by_bridges;             /* of those */
    uint64_t delivered;              /* by servers */
    uint64_t retained;               /* of those delivered: kept messages */
    uint64_t published_bytes;        /* of payload */
    uint64_t delivered_bytes;
    uint64_t qos[3]; /* published and delivered */
};

/* An edge node of Sparkplug at one server. */
struct audit_sparkplug_node {
    const struct audit_string *group, *node;
    struct audit_endpoint server;
    uint64_t births;   /* NBIRTH, rebirths included */
    uint64_t rebirths; /* of these, those without a death before, on the same connection */
    uint64_t deaths;   /* NDEATH, and connections whose end made the server publish it */
    uint64_t seq_gaps;
    uint32_t devices; /* the most that were alive, or dead, at a time */
};

/* How connections differ: microseconds. Where the clock was set back there is no sample. */
struct audit_histograms {
    struct audit_histogram idle[MQTT_END_CAUSES]; /* for how long the client had sent nothing when
                                                     the connection ended, by why it did */
    struct audit_histogram lifetimes;             /* from the first bytes to the end */
    struct audit_histogram intervals; /* between a client's CONNECT and the one before it */
    struct audit_histogram silences;  /* the client's longest, of each connection */
    struct audit_histogram round_trips[AUDIT_ROLES]; /* of TCP, by sender */
};

/* What shows a diagnosis: a frame, or something that none shows. */
struct audit_evidence {
    uint64_t frame; /* 0: none */
    int64_t stream; /* Wireshark's tcp.stream; -1: none */
    int64_t time;
    char *text; /* printable; owned */
};

/* What is the matter, as far as the rest of the report tells: audit/diagnosis/. Strings and
 * endpoints belong to the rows that it is about. */
struct audit_diagnosis {
    uint16_t id; /* enum audit_diagnosis_id */
    uint8_t severity;
    bool sure;            /* nothing else that is known of explains it */
    char *title;          /* a line for people; printable; owned */
    GPtrArray *clients;   /* const struct audit_string * */
    GPtrArray *servers;   /* const struct audit_endpoint * */
    GArray *evidence;     /* struct audit_evidence, the first of them */
    uint64_t count;       /* how often it happened */
    int64_t since, until; /* of all that shows it */
};

/* What became of the messages of one topic that one session, or the clients of a shared
 * subscription, are to get. */
struct audit_delivery {
    const struct audit_string *topic;             /* owned */
    const struct audit_string *client_identifier; /* NULL: not known, or empty; owned */
    struct audit_endpoint broker;                 /* stands for it */
    bool group; /* of a shared subscription, whose $share/NAME/FILTER is the client identifier */
    uint32_t publishers; /* distinct ones; stays at 255 */
    uint64_t rank;       /* audit_rank() of all that names it */
    struct audit_delivery_counts counts;
    struct audit_packed_histogram *times; /* latencies; NULL: none; owned */
    struct audit_latency latency;         /* the same; set when the report is finished */
};

/* A message that took long from its publisher to a subscriber. */
#define AUDIT_SLOWEST 20

struct audit_slow_delivery {
    int64_t took;                                 /* nanoseconds */
    uint64_t frame;                               /* of the delivery */
    uint32_t ordinal;                             /* of its event */
    uint64_t published;                           /* frame of the publication */
    struct audit_string topic, client_identifier; /* length 0: not known */
    uint8_t bytes[2][AUDIT_STRING_MAX];           /* of these */
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
    uint64_t diagnoses[3]; /* by enum mqtt_severity */
    struct audit_histograms histograms;
    struct audit_topic publishes;            /* all topics together; name is NULL */
    struct audit_delivery_counts deliveries; /* all of them, listed or not */
    struct audit_histogram delivery_times;   /* microseconds */
};

struct audit_report {
    bool one_client; /* the others were left out */
    struct audit_capture capture;
    struct audit_totals totals;
    GPtrArray *connections; /* struct audit_connection, in the order of the capture */
    GPtrArray *sessions;    /* struct audit_session, in the order of the capture */
    GPtrArray *findings;    /* struct audit_finding, in the order of their frames */
    GPtrArray *topics;      /* struct audit_topic, the busiest first */
    GPtrArray *diagnoses;   /* struct audit_diagnosis, the worst first */
    uint64_t diagnoses_left_out;
    struct audit_topic other_topics;
    const GPtrArray *sparkplug; /* struct audit_sparkplug_node, in the order of the capture; NULL:
                                   nobody looked */
    GPtrArray *deliveries;      /* struct audit_delivery, the worst first */
    GPtrArray *slowest; /* struct audit_slow_delivery, the slowest first; AUDIT_SLOWEST at most */
};

static inline const struct audit_sparkplug_node *
audit_report_sparkplug(const struct audit_report *report, unsigned i)
{
    return (const struct audit_sparkplug_node *)g_ptr_array_index(report->sparkplug, i);
}

/* What is known of a session when the capture ends. */
enum audit_session_state {
    AUDIT_SESSION_UNKNOWN,
    AUDIT_SESSION_ONLINE,
    AUDIT_SESSION_OFFLINE, /* the server keeps it */
    AUDIT_SESSION_ENDED,   /* with its last connection */
    AUDIT_SESSION_EXPIRED,
    AUDIT_SESSION_REFUSED, /* the client was never accepted */
    AUDIT_SESSION_STATES,
};

enum audit_session_state audit_session_state(const struct audit_session *session);

/* "online", ...; NULL for UNKNOWN. */
const char *audit_session_state_name(enum audit_session_state state);

/* Reconnects an hour, from the first connection to the end of the capture, rounded; UINT64_MAX
 * where no time is between them. */
uint64_t audit_session_rate(const struct audit_report *report, const struct audit_session *session);

static inline enum audit_role audit_role(const struct audit_connection *connection, unsigned side)
{
    return side == connection->facts.client ? AUDIT_CLIENT : AUDIT_SERVER;
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
    return (const struct audit_finding *)g_ptr_array_index(report->findings, i);
}

static inline const struct audit_topic *audit_report_topic(const struct audit_report *report,
                                                           unsigned i)
{
    return (const struct audit_topic *)g_ptr_array_index(report->topics, i);
}

static inline const struct audit_delivery *audit_report_delivery(const struct audit_report *report,
                                                                 unsigned i)
{
    return (const struct audit_delivery *)g_ptr_array_index(report->deliveries, i);
}

static inline const struct audit_slow_delivery *
audit_report_slow_delivery(const struct audit_report *report, unsigned i)
{
    return (const struct audit_slow_delivery *)g_ptr_array_index(report->slowest, i);
}

static inline const struct audit_file *audit_report_file(const struct audit_report *report,
                                                         unsigned i)
{
    return &g_array_index(report->capture.files, struct audit_file, i);
}

/* How long these handshakes took; all zero if there are none. */
struct audit_latency audit_handshakes_latency(const struct audit_handshakes *handshakes);

/* How many messages these are: all that were due, and all that came without that. */
uint64_t audit_delivery_messages(const struct audit_delivery_counts *counts);

/* Of those that were due, how many have an excuse. */
uint64_t audit_delivery_excused(const struct audit_delivery_counts *counts);

/* Which file of the report holds a frame, and its number there, which is Wireshark's frame.number
 * when that file is opened. NULL if there is none. */
const struct audit_file *audit_locate(const struct audit_report *report, uint64_t frame,
                                      uint64_t *number);

#endif
