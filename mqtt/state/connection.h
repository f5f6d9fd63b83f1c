/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One network connection as a passive observer sees it: which side is the client, what was agreed,
 * which handshakes are in flight, what was violated.
 *
 * A caller cuts the bytes of each direction into control packets (stream.h, or Wireshark's own
 * reassembly) and gives them over in the order of their completion:
 *
 *     outcome = mqtt_connection_packet(connection, &place, &bytes, &packet, &step);
 *
 * Nothing here depends on anything but these arguments: the same calls give the same results.
 *
 * A side is one end of the TCP connection, 0 or 1, as the caller numbers them. Packet identifiers,
 * topic aliases and quotas belong to the side that sends.
 */
#ifndef MQTT_CONNECTION_H
#define MQTT_CONNECTION_H

#include "mqtt/state/broker.h"
#include "mqtt/state/finding.h"
#include "mqtt/state/handshake.h"
#include "mqtt/wire/decode.h"

struct mqtt_claim;
struct mqtt_sessions;

/* Where a control packet stands. */
struct mqtt_place {
    int64_t time;          /* nanoseconds since 1970-01-01 UTC */
    uint64_t frame;        /* the frame that completes the packet, from 1 */
    uint64_t token;        /* the caller's own; comes back in links and handshakes */
    uint8_t side;          /* 0 or 1: who sent it */
    int64_t began;         /* when its first byte was captured, nanoseconds; 0: with its last one */
    uint64_t position;     /* bytes of its direction up to its end; 0: not known */
    uint64_t acknowledged; /* bytes of the other direction that its sender had acknowledged to TCP
                              when it sent; UINT64_MAX: not known. Compared with positions that are
                              known */
    uint64_t
        text_frame; /* WebSocket: the frame with the first text message of its sender; 0: none */
};

/* The bytes of one control packet. */
struct mqtt_bytes {
    const uint8_t *data;
    size_t captured; /* bytes at data */
    size_t reported; /* bytes of the stream that they stand for: see mqtt_decode() */
};

/* The sub-protocols that matter to MQTT over WebSocket. */
enum mqtt_subprotocol {
    MQTT_SUBPROTOCOL_NONE,
    MQTT_SUBPROTOCOL_MQTT,
    MQTT_SUBPROTOCOL_MQTTV31, /* "mqttv3.1", which clients of 3.1 ask for by custom */
    MQTT_SUBPROTOCOL_OTHER,
};

/* How a WebSocket was opened (RFC 6455, section 4), as far as the capture shows it whole. */
struct mqtt_upgrade {
    struct mqtt_leg request; /* the client's; frame 0: not known */
    bool offers_mqtt;
    bool offers_mqttv31;
    struct mqtt_leg response; /* the server's; frame 0: not known */
    uint8_t selected;         /* enum mqtt_subprotocol */
};

/* Findings of one step beyond this are counted, not kept. */
#define MQTT_STEP_FINDINGS_MAX 24

/* What a CONNACK does to the session of the client identifier. */
enum mqtt_session_event {
    MQTT_SESSION_UNTOUCHED, /* nothing: not a CONNACK, a refusal, or the client is not known */
    MQTT_SESSION_BEGAN,     /* a new one begins; what was stored before is gone */
    MQTT_SESSION_RESUMED,   /* the stored one goes on */
    MQTT_SESSION_UNCLEAR,   /* 3.1 does not say which of the two */
};

/* QoS 1 and 2 handshakes that the end of a connection left unfinished in its session, those of one
 * beginner. The numbers stay at 65535. */
struct mqtt_waiting {
    uint16_t publish; /* PUBLISH without PUBACK or PUBREC */
    uint16_t release; /* QoS 2 from PUBREC on, without PUBCOMP */
};

/* What was before a CONNACK that accepts the client, as far as the capture tells. */
enum mqtt_session_past {
    MQTT_PAST_UNKNOWN,
    MQTT_PAST_FIRST,   /* nothing: it is the first connection of this client in the capture */
    MQTT_PAST_LIVE,    /* another connection, which this one takes the session from */
    MQTT_PAST_KEPT,    /* the client was offline, and the server has kept its session */
    MQTT_PAST_ENDED,   /* the session ended with its last connection */
    MQTT_PAST_CLEARED, /* the server had to keep it, but the client asks for a clean start */
    MQTT_PAST_EXPIRED, /* 5.0: the client was offline for longer than the expiry, and it is gone */
    MQTT_PAST_LOST,    /* the server had to keep it, and has nothing */
    MQTT_PASTS,
};

/* How a connection came to its session, with a CONNACK that accepts. */
struct mqtt_entry {
    uint8_t past;     /* enum mqtt_session_past */
    bool was_offline; /* the client was, after a connection whose end is known */
    bool counted;     /* what the last connection left unfinished is known: `waiting` */
    bool followed;    /* ... and this connection goes on with it: see struct mqtt_handshake.owed */
    int64_t offline;  /* nanoseconds from the end of the last connection (DISCONNECT, or its
                         transport's end) to CONNECT; MQTT_NO_TIME: not known */
    uint32_t expiry;  /* seconds, as the last connection left it; UINT32_MAX: for ever */
    struct mqtt_waiting waiting[2]; /* [0] begun by the client, [1] by the server */
};

/* What one control packet meant. Slices live until the next step or close of the connection; a
 * topic name that the packet itself carries lives as long as the packet's bytes. */
struct mqtt_step {
    uint8_t version;                     /* enum mqtt_version it was judged by */
    uint8_t sender;                      /* enum mqtt_sender */
    struct mqtt_slice client_identifier; /* of the connection, as far as known by now */
    struct mqtt_slice topic; /* PUBLISH: name, or what its alias stands for; may be empty */
    bool topic_from_alias;
    bool alias_lost; /* PUBLISH: what sets its alias may be among what the capture lacks, or found
                        no memory: `topic` is empty, and nobody is to blame */
    bool resend;     /* PUBLISH or PUBREL that was sent before: `first` is where */
    struct mqtt_leg first;
    struct mqtt_leg request; /* what this packet answers; frame 0: nothing, or not seen */
    int64_t since_request;   /* nanoseconds; valid if request.frame is not 0 */
    bool has_handshake;      /* this packet ends a handshake: `handshake` is the whole of it */
    struct mqtt_handshake handshake; /* its list is empty here: see `filters` */
    struct mqtt_slice filters; /* SUBACK, UNSUBACK: the topic filters of the packet that it answers,
                                  for mqtt_filter_next(); empty if the capture lacks some */
    uint8_t session;     /* enum mqtt_session_event: what became of the session with this CONNACK */
    uint64_t taken_over; /* the frame in which the connection began that this one takes the session
                            from, with this CONNACK; 0: none */
    struct mqtt_entry entry; /* valid if `session` is not UNTOUCHED */
    int64_t since_connect;   /* CONNECT: nanoseconds since this client's last one, accepted or not;
                                MQTT_NO_TIME: there was none */
    int64_t since_client;    /* nanoseconds since the client's last packet, or MQTT_NO_TIME: none */
    uint32_t doubts[2]; /* by side: how often something of it was lost to the capture so far, this
                           packet's own bytes included */
    uint32_t in_flight; /* unacknowledged PUBLISH packets of the sender, this one included */
    uint32_t finding_count;
    uint32_t findings_dropped;
    struct mqtt_finding findings[MQTT_STEP_FINDINGS_MAX];
};

/* How the transport ended. */
enum mqtt_close {
    MQTT_CLOSE_CAPTURE_END, /* it did not: the capture did */
    MQTT_CLOSE_FIN,         /* `side` sent FIN first */
    MQTT_CLOSE_RST,         /* `side` sent RST */
    MQTT_CLOSE_REUSED,      /* a new connection took the same addresses and ports */
    MQTT_CLOSE_TIMED_OUT,   /* TCP gave up */
};

enum mqtt_end_cause {
    MQTT_END_OPEN,              /* still open when the capture ended */
    MQTT_END_CLIENT_DISCONNECT, /* the client's DISCONNECT */
    MQTT_END_SERVER_DISCONNECT, /* the server's DISCONNECT, 5.0 */
    MQTT_END_REFUSED,           /* CONNACK with an error */
    MQTT_END_KEEP_ALIVE,        /* silence of 1.5 times the keep alive, then the server's end */
    MQTT_END_TAKEN_OVER,        /* another connection with the same client identifier */
    MQTT_END_PROTOCOL_ERROR,    /* closed right after a violation by the other side */
    MQTT_END_CLIENT_CLOSED,     /* FIN by the client without DISCONNECT */
    MQTT_END_SERVER_CLOSED,     /* FIN by the server without a reason that can be seen */
    MQTT_END_CLIENT_RESET,
    MQTT_END_SERVER_RESET,
    MQTT_END_REPLACED, /* the same addresses and ports were used again */
    MQTT_END_TIMED_OUT,
    MQTT_END_CAUSES,
};

/* "client-disconnect", ...: stable words for reports. */
const char *mqtt_end_cause_name(unsigned cause);

/* An acknowledgement that is still to come although its handshake is over, or never was: for a
 * PUBLISH or PUBREL that was sent twice, or for an identifier that nobody knows. Its sender does
 * right (4.3.2, 4.3.3); what it answers may have been wrong. */
struct mqtt_owed {
    uint16_t packet_identifier;
    uint8_t type;       /* enum mqtt_packet_type: PUBACK, PUBREC, PUBREL or PUBCOMP */
    struct mqtt_leg by; /* the packet that it will answer */
};

/* So many of a side are remembered at the most. */
#define MQTT_OWED_MAX 256

/* A handshake that ended a short time ago: a sender that did not get the acknowledgement yet may
 * still send again (3.1 and 3.1.1). */
struct mqtt_settled {
    uint64_t clock; /* when */
    int64_t time;
    uint64_t frame;    /* of its first packet */
    uint64_t released; /* of its PUBREL; 0: it had none */
    uint16_t packet_identifier;
    uint8_t kind; /* enum mqtt_handshake_kind */
    bool failed;  /* refused */
};

/* The last of them are remembered. */
#define MQTT_SETTLED_MAX 16

/* What a sender's topic alias stands for. */
struct mqtt_alias {
    uint16_t alias;
    struct mqtt_slice topic; /* owned */
};

/* A moment from which on a direction's packets are all known again, after some were lost to the
 * capture: see doubt.h. */
struct mqtt_doubt {
    bool open;      /* nothing came from this side since: more may be lost */
    uint64_t clock; /* the connection's, at the last loss; 0: none */
    int64_t time;
    uint64_t frame;
};

/* A violation that ends the connection, if its receiver does as it has to. */
struct mqtt_violation {
    uint64_t clock; /* the connection's, when it came */
    uint64_t frame; /* 0: there was none */
    uint16_t rule;  /* enum mqtt_rule that the receiver breaks with going on */
    bool told;      /* it did, and that was said */
};

/* Of the PUBLISH packets that a side has sent again since the session was resumed, the one whose
 * first send came last. */
struct mqtt_resent {
    uint32_t ordinal; /* its handshake's; 0: none */
    uint8_t kind;     /* enum mqtt_handshake_kind */
    uint64_t topic;   /* hash of its name; 0: not known */
};

/* What is known of one side; index 0 or 1 as the caller numbers the sides. */
struct mqtt_side_state {
    uint64_t packets;
    uint64_t bytes; /* of control packets */
    uint64_t packets_by_type[MQTT_PACKET_TYPES];
    struct mqtt_inflight inflight;  /* handshakes that this side began */
    struct mqtt_inflight discarded; /* what was in flight in the session that a clean start ended */
    uint32_t beyond;      /* the most of these that was told of, since they were last within the
      receiver's      maximum; 0: none */
    uint32_t outstanding; /* its QoS 1 and 2 PUBLISH packets of this era without final ack */
    uint16_t lowest_used, highest_used; /* packet identifiers of its PUBLISH packets on this
                                           connection; 0: none */
    uint32_t begun;   /* its QoS 1 and 2 PUBLISH packets in this session, each message once */
    uint32_t waiting; /* handshakes of the session that may still be sent again, until as many new
                         PUBLISH packets have come */
    struct mqtt_leg fresh; /* the first of these; frame 0: none */
    struct mqtt_resent resent;
    uint64_t next_order;
    uint64_t acked_order[2]; /* highest .order acknowledged: PUBACK, PUBREC */
    uint64_t next_received;
    uint64_t released_order;
    struct mqtt_owed *owed; /* oldest first */
    uint32_t owed_count;
    uint32_t owed_capacity;
    bool owed_lost; /* one found no room: what pays it can't be told from others any more */
    struct mqtt_settled settled[MQTT_SETTLED_MAX]; /* a ring */
    uint32_t settled_next;
    struct mqtt_alias *aliases; /* of this sender, by ascending alias */
    uint32_t alias_count;
    uint32_t alias_capacity;
    uint32_t alias_bytes; /* of names and entries */
    bool alias_refused;   /* one found no room: later ones can't be told from unknown ones */
    bool gap; /* bytes of this direction are missing in the capture, whenever that was */
    struct mqtt_doubt doubt;
    uint32_t doubts; /* how often doubt was cast on it so far */
    uint8_t *proven; /* MQTT_PROVEN_BYTES with a bit for each identifier that this side has used and
                        finished with since the doubt, in plain sight; NULL: none */
    /* What this side, as receiver, lets the other one do; the defaults of 5.0 until said. */
    uint16_t receive_maximum;
    uint16_t topic_alias_maximum;
    uint32_t maximum_packet_size; /* 0: no limit */
    struct mqtt_leg disconnect;   /* its DISCONNECT; frame 0: none */
    uint64_t disconnect_position; /* as in struct mqtt_place */
    int64_t
        slowest_answer; /* nanoseconds: the longest that it let a request wait on this connection */
    int64_t unread_since; /* see mqtt_connection_unread() */
    uint8_t disconnect_reason;
    uint8_t fault_reason; /* 5.0: the reason code for its first error; 0: none is prescribed */
    bool faults;          /* it has made more than one */
    bool text_told;       /* that it sends text messages */
    struct mqtt_leg last; /* its last control packet */
    struct mqtt_leg last_error;      /* the last ERROR finding against what it sent */
    struct mqtt_violation violation; /* the first of these that it sent */
};

#define MQTT_PROVEN_BYTES (65536 / 8)

/* Bytes that a side's aliases may hold on to. */
#define MQTT_ALIAS_BYTES (256u * 1024u)

/* Unanswered PINGREQ packets that are remembered one by one; more are counted. */
#define MQTT_PINGS_MAX 16

struct mqtt_ping {
    uint64_t clock; /* the connection's, when it was sent */
    struct mqtt_leg leg;
};

/* Whose AUTH packet the exchange awaits (5.0: 4.12). */
enum mqtt_authentication {
    MQTT_AUTHENTICATION_NONE,
    MQTT_AUTHENTICATION_SERVER, /* the server's, or the CONNACK */
    MQTT_AUTHENTICATION_CLIENT,
    MQTT_AUTHENTICATION_UNCLEAR, /* one side did not wait: what answers which can't be told */
};

/* Read-only for callers. Everything stays valid until mqtt_connection_free(). */
struct mqtt_connection {
    void *user; /* the caller's own */
    struct mqtt_sessions *sessions;
    struct mqtt_memory *memory;
    struct mqtt_claim *claim; /* on its session; NULL until CONNECT was seen, and where there is no
                                 room for the session: see session.h */
    bool unclaimed; /* there was no memory for that: another connection may take over unseen */
    struct mqtt_endpoint endpoints[2]; /* by side */
    uint64_t clock;                    /* counts the steps from 1: what came before what */
    uint32_t era; /* counts from 1 how often counting began anew: see doubt.h */
    bool watched; /* somebody did something after which the other side has to close, or was silent
                     for too long, or has sent DISCONNECT: see check_closing() */
    bool start_seen; /* the capture shows the TCP connection's start */
    bool client_known;
    uint8_t client;        /* side of the client; a guess until client_known */
    uint8_t senders[2];    /* enum mqtt_sender, by side: what these two say */
    uint8_t version;       /* enum mqtt_version; UNKNOWN until something told */
    bool version_inferred; /* told by packets other than CONNECT */
    bool bridge;
    bool stranger; /* the CONNECT is not in the capture, although the connection's beginning is */
    bool
        connect_cut; /* the capture lacks the end of CONNECT: what is wrong with it, may be there */
    bool session_settled;   /* it is known what of the session is known: see doubt.h */
    uint64_t session_doubt; /* the clock up to which the session's handshakes are not all known; 0:
                               they are */
    struct mqtt_slice client_identifier; /* owned; as sent, or as assigned by the server */
    bool client_identifier_assigned;
    bool strings_lost; /* there was no memory for what CONNECT or CONNACK named */
    bool clean_start;
    bool has_will;
    uint8_t will_qos;
    bool will_retain;
    bool accepted; /* CONNACK with success */
    bool refused;
    bool session_present;
    uint8_t connack_reason;
    uint32_t session_expiry;   /* seconds, as agreed; 5.0 */
    uint32_t requested_expiry; /* seconds, as CONNECT has it; 5.0 */
    bool expiry_in_doubt; /* the capture lacks the part of the CONNACK that may say otherwise */
    bool pipelines;       /* the client sends packets before it has its CONNACK */
    bool shares;          /* the client may have a shared subscription */
    bool stateless;       /* Session Present is set although the client has nothing stored (5.0) */
    uint64_t takes_over;  /* frame in which the connection began that this one replaces; 0: none */
    bool request_problem_information;
    bool request_response_information;
    struct mqtt_slice authentication_method; /* owned; length 0 and data NULL: none */
    uint8_t authentication;                  /* enum mqtt_authentication: whose AUTH is awaited */
    bool takeover_told; /* that the server serves on here although another connection took over */
    bool others_disconnect_told; /* that one side goes on after the other's DISCONNECT */
    uint64_t user_name;          /* stands for the user name of CONNECT; 0: there was none */
    uint8_t maximum_qos;
    bool retain_available, wildcard_available, subscription_identifier_available, shared_available;
    struct mqtt_leg connect, connack, first;
    uint64_t connack_position;   /* as in struct mqtt_place */
    struct mqtt_upgrade upgrade; /* WebSocket */
    struct {
        uint16_t requested; /* seconds, from CONNECT */
        uint16_t effective; /* seconds: Server Keep Alive where CONNACK has one */
        bool known;         /* CONNECT was seen */
        bool in_doubt; /* the capture lacks the part of the CONNACK that may say otherwise (5.0) */
        int64_t last_silence;           /* nanoseconds between the client's last two packets */
        int64_t longest_silence;        /* nanoseconds between two packets of the client */
        uint64_t longest_silence_frame; /* the packet that ended it */
        uint64_t late;                  /* silences above 1.0x, up to 1.5x */
        uint64_t expired;               /* silences above 1.5x */
        int64_t served;        /* when the server first sent something in a silence above 1.5x */
        uint64_t served_after; /* the client's last packet before it; 0: that did not happen */
        int64_t broken;        /* the last silence above 1.5x, nanoseconds */
        struct mqtt_leg broken_by; /* what ended it; frame 0: none, or the server was seen to go on
                                      after it */
    } keep_alive;
    struct {
        uint64_t sent;
        uint64_t answered;
        struct mqtt_ping waiting[MQTT_PINGS_MAX]; /* oldest first */
        uint32_t waiting_count;
        uint64_t waiting_dropped;
        uint32_t displaced; /* answers since the doubt that went to requests of before it, which may
                               have been meant for later ones */
        bool proven;        /* one that was sent long after the doubt was answered in plain sight */
    } ping;
    struct mqtt_side_state sides[2];
    int64_t over; /* when the transport was seen to end; MQTT_NO_TIME: not yet */
    bool closed;
    uint8_t end_cause; /* enum mqtt_end_cause, set by mqtt_connection_close() */
    struct mqtt_leg end;
    struct mqtt_slice answered; /* the list of the step in progress; owned */
};

struct mqtt_connection_start {
    int64_t time;
    uint64_t frame;
    void *user;                 /* stays in the connection */
    struct mqtt_memory *memory; /* shared by all connections, outlives them; NULL: no limit */
    struct mqtt_endpoint endpoints[2]; /* by side */
    bool start_seen;                   /* a SYN was captured */
    uint8_t client; /* guess: the side that sent the SYN, or that does not own the known port */
    struct mqtt_upgrade upgrade; /* WebSocket; zero for other transports */
    uint8_t version; /* enum mqtt_version that a connection without a SYN is taken for until its
                        packets tell better; UNKNOWN: they alone tell */
};

/* Makes a connection. `sessions` is shared by all connections of one capture and outlives them; it
 * may be NULL (nothing is known across connections then). NULL if there is no memory. */
struct mqtt_connection *mqtt_connection_new(struct mqtt_sessions *sessions,
                                            const struct mqtt_connection_start *start);

void mqtt_connection_free(struct mqtt_connection *connection);

/* Decodes a control packet and takes in what it means. Returns mqtt_decode()'s outcome; with
 * MQTT_NEED_MORE nothing was taken in. `trace` is filled as by mqtt_decode_traced(), or NULL.
 *
 * Where CONNECT was not seen, the version is inferred from the bytes. A packet that reads cleanly
 * in the version that is taken for the connection's confirms it, and costs nothing more; one that
 * does not, but in the other, overrules it, whatever came before. CONNECT overrules all. */
enum mqtt_outcome mqtt_connection_packet(struct mqtt_connection *connection,
                                         const struct mqtt_place *place,
                                         const struct mqtt_bytes *bytes, struct mqtt_trace *trace,
                                         struct mqtt_packet *packet, struct mqtt_step *step);

/* Takes in one control packet that is decoded already (outcome OK, TRUNCATED or MALFORMED). `step`
 * is filled whole: findings of the packet itself come first, then those of the connection. */
void mqtt_connection_step(struct mqtt_connection *connection, const struct mqtt_place *place,
                          enum mqtt_outcome outcome, const struct mqtt_packet *packet,
                          struct mqtt_step *step);

/* Bytes of place->side are missing in the capture, up to this place: what they may have held is not
 * held against anybody. See doubt.h. */
void mqtt_connection_gap(struct mqtt_connection *connection, const struct mqtt_place *place);

/* The transport is seen to end: its first FIN, or RST. What was under way may still come before
 * mqtt_connection_close(). From then on the client is offline, and who takes its session takes it
 * from nobody. */
void mqtt_connection_over(struct mqtt_connection *connection, int64_t time);

/* What `side` sent at `time`, or later, has surely not reached the other side: TCP sent it again,
 * and it was never acknowledged. To be called before the close; nobody is blamed for not answering
 * it. INT64_MAX: nothing is known to be lost. */
void mqtt_connection_unread(struct mqtt_connection *connection, uint8_t side, int64_t time);

/* The transport ended, or the capture did (how == MQTT_CLOSE_CAPTURE_END). place->side is who ended
 * it, place->frame 0 if no frame shows it, place->began when the client began a packet that did not
 * come to its end; 0: there is none. Sets end_cause and end; `step` gets the END findings
 * that fit into it. Handshakes that the session keeps move there, so walk them with
 * mqtt_connection_next_open() first. A second close does nothing. */
void mqtt_connection_close(struct mqtt_connection *connection, const struct mqtt_place *place,
                           enum mqtt_close how, struct mqtt_step *step);

/* Walks the handshakes that `side` began and that are in flight, in no particular order. Start with
 * *cursor == 0. NULL at the end. */
const struct mqtt_handshake *mqtt_connection_next_open(const struct mqtt_connection *connection,
                                                       uint8_t side, uint32_t *cursor);

/* An open handshake younger than this when the capture ends is no finding: nanoseconds. */
#define MQTT_OPEN_GRACE INT64_C(5000000000)

/* The same where a connection ends: its answer may have been under way. */
#define MQTT_CLOSE_GRACE INT64_C(200000000)

/* The END finding for a handshake that is open when the transport ends at `time` in the way `how`:
 * fills *finding and returns true, or false if none is due: bytes are missing in the capture, the
 * session outlives the connection and may still finish it (see mqtt_session_open_finding()), or the
 * capture ended before MQTT_OPEN_GRACE had passed. Of one that an earlier connection began, it says
 * that it was not sent again. To be asked before mqtt_connection_close(). */
bool mqtt_handshake_open_finding(const struct mqtt_connection *connection,
                                 const struct mqtt_handshake *handshake, int64_t time,
                                 enum mqtt_close how, struct mqtt_finding *finding);

/* Whether the session has gone on from this connection already, and taken this handshake along. */
bool mqtt_handshake_handed_on(const struct mqtt_connection *connection,
                              const struct mqtt_handshake *handshake);

/* Whether another connection has taken the session from this one, or is about to: its CONNECT was
 * seen, and no refusal. */
bool mqtt_connection_taken_over(const struct mqtt_connection *connection);

/* Until when a connection had its session, and what it left unfinished there. */
struct mqtt_departure {
    int64_t time; /* of DISCONNECT, the transport's end, or the CONNACK of the connection that took
                     over; MQTT_NO_TIME: not known */
    bool kept;    /* the server has to keep the session */
    bool counted; /* `waiting` is known */
    struct mqtt_waiting waiting[2]; /* of a session that is kept: [0] begun by the client, [1] by
                                       the server */
};

/* Of a connection that has its session still: what it would leave now. False if it never had one.
 */
bool mqtt_connection_departure(const struct mqtt_connection *connection,
                               struct mqtt_departure *departure);

/* Who sends from that side (0 or 1): UNKNOWN until something has shown it. */
static inline enum mqtt_sender mqtt_connection_sender(const struct mqtt_connection *connection,
                                                      uint8_t side)
{
    return (enum mqtt_sender)connection->senders[side];
}

#endif
