/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the first pass worked out, kept for every later drawing of a frame.
 *
 * Wireshark dissects each frame once in the order of the capture, and then again whenever a frame
 * is shown, in any order. State moves on the first pass alone; it leaves one record a control
 * packet (and one a decision about cutting that the bytes themselves don't tell), and later passes
 * read nothing but those. Records live as long as the capture file is open.
 */
#ifndef MQTTSCOPE_PLUGIN_CONVERSATION_H
#define MQTTSCOPE_PLUGIN_CONVERSATION_H

#include "mqtt/state/connection.h"
#include "mqtt/wire/stream.h"
#include "plugin/compat.h"
#include "plugin/tcp_view.h"

/* What packets of a connection have in common; made anew whenever it changes. */
struct mqttscope_client {
    const char *identifier; /* UTF-8; NULL while it is not known */
    uint16_t keep_alive;    /* effective, seconds */
    bool keep_alive_known;
};

/* What only some packets have: those that answer, come again, end a handshake or use an alias. */
struct mqttscope_extra {
    const char *topic;    /* PUBLISH: what its alias stands for; else NULL */
    uint32_t response_to; /* frames; 0: none */
    uint32_t first_sent_in;
    int64_t rtt;            /* nanoseconds; valid if response_to is not 0 */
    int64_t handshake_time; /* nanoseconds; -1: this ends none */
};

struct mqttscope_findings {
    uint32_t count;
    uint32_t dropped;
    struct mqtt_finding list[];
};

enum mqttscope_record_kind {
    RECORD_PACKET,    /* a control packet begins here */
    RECORD_SKIP,      /* `length` bytes whose place in a packet is not known */
    RECORD_CONTINUED, /* `length` bytes of a packet that was drawn earlier */
    RECORD_STALE,     /* the rest came out of order or twice */
    RECORD_WAIT,      /* more bytes are needed to tell */
    RECORD_JOINED,    /* WebSocket: the bytes are decoded as the end of `joined` */
    RECORD_FRAGMENT,  /* WebSocket: part of a packet that frame `response_in` completes */
};

/* There is one a control packet: its size is what the plugin adds to Wireshark's own memory. */
struct mqttscope_record {
    struct mqttscope_record *next; /* in the frame */
    const struct mqttscope_client *client;
    struct mqttscope_extra *extra;
    union {
        const struct mqttscope_findings *findings; /* PACKET; NULL: none */
        const uint8_t *joined;                     /* JOINED: `length` bytes */
        struct mqttscope_record *earlier;          /* FRAGMENT, first pass: of the same packet */
    };
    int64_t since_client; /* nanoseconds; -1: it is the first */
    uint32_t buffer;      /* the place it was made for: see struct mqttscope_place */
    uint32_t position;
    union {
        uint32_t in_flight; /* PACKET */
        uint32_t length;    /* all others */
    };
    uint32_t response_in; /* frame that answers, or completes a FRAGMENT; 0: none so far */
    uint8_t kind;         /* enum mqttscope_record_kind */
    uint8_t version;
    uint8_t sender;
    bool gap; /* bytes before this are missing */
};

/* One direction of a conversation, as the first pass sees it. */
struct mqttscope_direction {
    address address; /* of the sender */
    uint16_t port;
    bool begun;        /* data was seen */
    bool searching;    /* no packet's start is known: `search` is in use */
    bool waiting;      /* the packet at `position` is not complete: more was asked for */
    bool gap;          /* bytes are missing; told with the next packet */
    uint32_t seen;     /* TCP: sequence number behind the last byte that came */
    uint32_t position; /* TCP: of the first byte not dealt with */
    uint32_t known;    /* from there on, so many bytes belong to a packet that has begun; while not
                          waiting, it has been drawn already, as far as it was there */
    struct mqtt_stream search;
    GByteArray *held;                   /* WebSocket: a packet begun in earlier frames; or NULL */
    struct mqttscope_record *fragments; /* WebSocket: their records, newest first */
};

struct mqttscope_conversation {
    struct mqttscope_conversation *next; /* all of the capture */
    struct mqtt_connection *connection;
    const struct tcp_analysis *tcp; /* NULL where the transport is none */
    const struct mqttscope_client *client;
    struct mqttscope_direction sides[2];
};

/* The records of a frame, and where a dissection of it stands. Lives as long as the dissection. */
struct mqttscope_frame {
    struct mqttscope_record **first;
    struct mqttscope_record *at; /* the last one used; NULL: none yet */
    bool info_begun;             /* the Info column holds something of ours */
    struct mqtt_trace trace;     /* room for spans */
};

/* This dissection's view of the frame's records. */
struct mqttscope_frame *mqttscope_frame_get(packet_info *pinfo);

/* First pass: adds a record of `kind`. */
struct mqttscope_record *mqttscope_record_add(struct mqttscope_frame *frame,
                                              enum mqttscope_record_kind kind, uint32_t buffer,
                                              uint32_t position);

/* The record of `kind` made for this place on the first pass, NULL if none was: the same dissector
 * calls find the same records, in whatever order frames are drawn. */
struct mqttscope_record *mqttscope_record_take(struct mqttscope_frame *frame,
                                               enum mqttscope_record_kind kind, uint32_t buffer,
                                               uint32_t position);

/* First pass: sync is lost, the search for a packet's start begins. */
void mqttscope_search_begin(struct mqttscope_direction *direction);

/* First pass: the conversation of this frame, made if it is new; *side says who sent the frame.
 * NULL without memory. */
struct mqttscope_conversation *mqttscope_conversation_get(packet_info *pinfo, unsigned *side);

/* First pass: decodes a packet, takes it in and fills its record. */
enum mqtt_outcome mqttscope_conversation_packet(struct mqttscope_conversation *conversation,
                                                packet_info *pinfo, unsigned side,
                                                const struct mqtt_bytes *bytes,
                                                struct mqtt_packet *packet,
                                                struct mqttscope_record *record);

/* First pass: the capture lacks bytes of this side, up to this frame. */
void mqttscope_conversation_gap(struct mqttscope_conversation *conversation,
                                const packet_info *pinfo, unsigned side);

/* Frees the state of a capture; Wireshark calls it when the file is closed. */
void mqttscope_conversation_cleanup(void);

#endif
