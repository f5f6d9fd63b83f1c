/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the first pass worked out, kept for every drawing of a frame.
 *
 * Wireshark dissects each frame once in the order of the capture, and then again whenever a frame
 * is shown, in any order. State moves on the first pass alone, before anything is drawn; it leaves
 * one record a control packet, and one a decision about bytes that are none. Drawing, on that pass
 * and on later ones, reads nothing but these. Records live as long as the capture file is open.
 */
#ifndef MQTTSCOPE_PLUGIN_RECORDS_H
#define MQTTSCOPE_PLUGIN_RECORDS_H

#include "mqtt/state/connection.h"
#include "plugin/compat.h"

/* Bytes of one direction as a transport hands them over, and what their records are found by on
 * every pass. Wireshark's TCP may hand over the same packet inside of other bytes later, but its
 * sequence number stays. Without one, the length has to do, and the order within the frame. */
struct mqttscope_bytes {
    const uint8_t *data; /* what was captured of them; never NULL */
    uint32_t captured;
    uint32_t reported;
    uint32_t buffer; /* length, or 0: sequence numbers tell */
    uint32_t start;  /* sequence number of the first byte, or 0 */
    bool can_wait;   /* those that are not enough may be given back to the transport */
};

struct mqttscope_conversation;

/* What packets of a connection have in common; made anew whenever it changes. */
struct mqttscope_client {
    const struct mqttscope_conversation *owner;
    const char *identifier; /* UTF-8; NULL while it is not known */
    uint16_t keep_alive;    /* effective, seconds */
    bool keep_alive_known;
};

/* The topic filters that a SUBACK or UNSUBACK is about, in their order. */
struct mqttscope_filters {
    uint32_t count; /* further ones are not kept */
    const char *texts[];
};

/* What only some packets have: those that answer, come again, end a handshake or use an alias. */
struct mqttscope_extra {
    union {
        const char *topic;                       /* PUBLISH: what its alias stands for; else NULL */
        const struct mqttscope_filters *filters; /* SUBACK, UNSUBACK; NULL: not known */
    };
    uint32_t response_to; /* frames; 0: none */
    uint32_t first_sent_in;
    int64_t rtt;            /* nanoseconds; valid if response_to is not 0 */
    int64_t handshake_time; /* nanoseconds; MQTT_NO_TIME: this ends none */
};

struct mqttscope_findings {
    uint32_t count;
    uint32_t dropped; /* more that are not kept */
    struct mqtt_finding list[];
};

enum mqttscope_record_kind {
    RECORD_PACKET,    /* a control packet begins here */
    RECORD_SKIP,      /* bytes whose place in a packet is not known */
    RECORD_CONTINUED, /* bytes of a packet that was drawn earlier */
    RECORD_STALE,     /* these bytes came out of order or twice */
    RECORD_WAIT,     /* what begins here is not complete: `length` more bytes are needed, 0: some */
    RECORD_FRAGMENT, /* WebSocket: part of a packet that frame `response_in` completes */
    RECORD_PROXY,    /* a header of the PROXY protocol, in front of MQTT */
    RECORD_JOINED,   /* WebSocket: the bytes are decoded as the end of `joined` */
};

/* There is one a control packet: its size is what the plugin adds to Wireshark's own memory. */
struct mqttscope_record {
    struct mqttscope_record *next; /* in the frame */
    const struct mqttscope_client *client;
    struct mqttscope_extra *extra;
    union {
        struct mqttscope_findings *findings; /* PACKET; NULL: none */
        const uint8_t *joined;               /* JOINED: `length` bytes */
        struct mqttscope_record *earlier;    /* FRAGMENT, first pass: of the same packet */
    };
    int64_t since_client; /* nanoseconds; MQTT_NO_TIME: it is the first */
    uint32_t buffer;      /* the bytes it was made for: see struct mqttscope_bytes */
    uint32_t position;
    uint32_t length; /* PACKET: as sent, some may lack */
    uint32_t in_flight;
    uint32_t response_in; /* frame that answers, or completes a FRAGMENT; 0: none so far */
    uint8_t kind;         /* enum mqttscope_record_kind */
    uint8_t version;
    uint8_t sender : 4;
    uint8_t type : 4;        /* PACKET: enum mqtt_packet_type */
    bool unanswered : 1;     /* it had to be answered and was not: known at the end */
    bool after_gap : 1;      /* bytes before this are missing */
    bool version_untold : 1; /* neither a CONNECT nor a preference tells it */
};

struct mqttscope_info;
struct mqttscope_tapped;

/* The records of a frame, and where a dissection of it stands. Lives as long as the dissection. */
struct mqttscope_frame {
    struct mqttscope_record **first;
    struct mqttscope_record *last;   /* the last one added, on the first pass */
    struct mqttscope_record *at;     /* the last one taken; NULL: none yet */
    struct mqttscope_info *info;     /* what the Info column says of it; NULL: nothing yet */
    struct mqttscope_tapped *tapped; /* the last one that listeners are told of; NULL: none yet */
    struct mqtt_trace trace;         /* room for spans */
    uint32_t unpacked;               /* bytes that its payloads have grown to */
};

/* This dissection's view of the frame's records. */
struct mqttscope_frame *mqttscope_frame_get(packet_info *pinfo);

/* The first record of a frame, NULL if it has none. */
struct mqttscope_record *mqttscope_records_of(uint32_t frame);

/* First pass: adds a record of `kind` for what lies `offset` into the bytes. */
struct mqttscope_record *mqttscope_record_add(struct mqttscope_frame *frame,
                                              enum mqttscope_record_kind kind,
                                              const struct mqttscope_bytes *bytes, uint32_t offset);

/* The bytes of a JOINED record. */
static inline void mqttscope_bytes_joined(struct mqttscope_bytes *bytes,
                                          const struct mqttscope_record *record)
{
    bytes->data = record->joined;
    bytes->captured = bytes->reported = bytes->buffer = record->length;
}

/* A set of kinds. */
#define RECORD_IN(kind) (1u << (kind))

/* The next record for this place, of one of `kinds`; NULL if none was made. The same calls of the
 * dissector find the same records, in whatever order frames are drawn. */
struct mqttscope_record *mqttscope_record_take(struct mqttscope_frame *frame, unsigned kinds,
                                               const struct mqttscope_bytes *bytes,
                                               uint32_t offset);

/* The record's extra, made if it has none. */
struct mqttscope_extra *mqttscope_record_extra(struct mqttscope_record *record);

/* Forgets all; Wireshark frees the memory with the capture file. */
void mqttscope_records_cleanup(void);

#endif
