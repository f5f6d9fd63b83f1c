/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a connection shows that no event tells, and that causes are looked for in
 * (audit/diagnosis/): its last packets, its silences, how long requests waited. Compact, a row a
 * connection, and made of nothing but its own packets.
 *
 * Sides are 0 and 1. Strings stand as audit_rank() of them, the same everywhere; 0: there is none,
 * or it is not known. Gaps in the capture are not looked at here.
 */
#ifndef MQTTSCOPE_AUDIT_SIGNS_H
#define MQTTSCOPE_AUDIT_SIGNS_H

#include "mqtt/state/connection.h"

/* A control packet, to be told from others and found again. */
struct audit_mark {
    uint64_t frame; /* 0: there was none */
    int64_t time;
    uint64_t topic;       /* of a PUBLISH */
    uint64_t fingerprint; /* of its payload: the length, the beginning and the end */
    uint32_t size;        /* bytes, as sent */
    uint16_t packet_identifier;
    uint8_t type;        /* enum mqtt_packet_type */
    uint8_t reason_code; /* 0 where it has none */
};

/* Something that lasted. */
struct audit_span {
    uint64_t frame; /* that began it; 0: there was none */
    int64_t since, until;
    uint32_t count;
};

/* Retained messages that are told apart: the first ones of a connection. */
#define AUDIT_KEPT 4

struct audit_kept {
    uint64_t frame; /* 0: none */
    uint64_t topic, fingerprint;
};

struct audit_signs {
    struct audit_mark last[2];
    struct audit_mark pending; /* a delivery of QoS 1 or 2 that is not acknowledged: the first one
                                  since there was no such */
    uint64_t user_name, password, will_topic; /* of CONNECT */
    bool will_retain;
    /* What the client published on the topic of its will, by RETAIN: how often, and where first. */
    uint32_t births[2];
    uint64_t birth_frames[2];
    struct audit_span waited;     /* the longest time that the server sent nothing while a request
                                     waited, and then answered */
    struct audit_span unanswered; /* the client's request that waits at the end, up to that */
    int64_t server_silence;    /* the longest between two packets of the server, or its last one and
                                  the end; nanoseconds */
    struct audit_span unheard; /* the server's packets since the client's last one */
    int64_t survived;     /* the longest silence of both that both sides survived; nanoseconds */
    int64_t tail_silence; /* the longest one behind which only one side sent; nanoseconds */
    struct audit_span stalled; /* the longest time that `count` deliveries of QoS 1 or 2 were in
                                  flight, and none was acknowledged */
    uint32_t stalled_alive;    /* other packets of the client in that time */
    int64_t stalled_last;      /* when the last of these deliveries was sent */
    uint32_t most_in_flight;   /* deliveries */
    int64_t at_most;           /* for how long they were as many, nanoseconds */
    uint16_t receive_maximum;  /* as CONNECT has it; 0: it has none */
    struct audit_span burst;   /* the largest number of retained messages behind a SUBSCRIBE */
    uint32_t floods;           /* SUBSCRIBE packets that brought AUDIT_FLOOD of them or more */
    struct audit_kept kept[AUDIT_KEPT];
    uint32_t pings;    /* PINGREQ */
    uint32_t needless; /* of these, those that came within half a keep alive of another packet */
    uint32_t largest_passed[2];    /* bytes of the largest packet that the other side sent something
                                      after */
    struct audit_span repeated[2]; /* the same PUBLISH by this side, so many in a row */
    uint64_t repeated_topic[2];
};

/* So many retained messages at a time are a flood: more than anybody looks at. */
#define AUDIT_FLOOD 100u

#define AUDIT_WATCH_TOPIC 128u
#define AUDIT_WATCH_HEAD 64u
#define AUDIT_WATCH_TAIL 32u

/* A PUBLISH, as far as two of them are compared. */
struct audit_watched_publish {
    uint32_t topic_length; /* 0: it is not known, or too long to be kept */
    uint32_t payload_length, kept_length;
    uint8_t topic[AUDIT_WATCH_TOPIC];
    uint8_t payload[AUDIT_WATCH_HEAD + AUDIT_WATCH_TAIL];
};

/* The signs of a connection that goes on. All zero at its beginning. */
struct audit_watch {
    struct audit_signs signs;
    struct audit_watched_publish publish[2]; /* the last one of each side */
    uint32_t run[2];                         /* as many of them were the same */
    struct audit_place {
        uint64_t frame;
        int64_t time;
    } run_first[2];
    uint64_t frame; /* of the last packet of either side; 0: none */
    int64_t time;
    uint8_t tail_side;
    uint8_t pending_side; /* who sent what is pending */
    bool pending_named;   /* its topic and fingerprint are known */
    int64_t tail_silence;
    uint64_t waits_frame; /* a request waits; 0: none does */
    int64_t waits_since;
    uint32_t in_flight; /* deliveries of QoS 1 and 2 */
    uint64_t unacknowledged_frame;
    int64_t unacknowledged_since;
    uint32_t alive;
    int64_t delivered_time; /* the last delivery of QoS 1 or 2 */
    uint64_t subscribe_frame;
    struct audit_span burst;
    uint32_t pending_size[2];
    uint16_t keep_alive_s; /* as CONNECT has it */
    uint64_t spoke_frame;  /* the client's last packet that is no PINGREQ */
    int64_t spoke;
};

/* Takes in a packet. `client`: side of the client, as far as known. */
void audit_watch_packet(struct audit_watch *watch, const struct mqtt_place *place,
                        const struct mqtt_packet *packet, const struct mqtt_step *step,
                        uint8_t client);

/* The connection is over, or the capture is, at `time`. */
void audit_watch_end(struct audit_watch *watch, uint8_t client, int64_t time);

#endif
