/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request and what answers it: the QoS 1 and 2 exchanges of PUBLISH (4.3), SUBSCRIBE,
 * UNSUBSCRIBE, PING and CONNECT with their replies; and the table of those in flight.
 */
#ifndef MQTT_HANDSHAKE_H
#define MQTT_HANDSHAKE_H

#include "mqtt/wire/memory.h"
#include "mqtt/wire/packet.h"

/* What a handshake is about, and which packet it awaits. */
enum mqtt_handshake_kind {
    MQTT_HANDSHAKE_NONE = 0,
    MQTT_HANDSHAKE_QOS_1,
    MQTT_HANDSHAKE_QOS_2,
    MQTT_HANDSHAKE_SUBSCRIBE,
    MQTT_HANDSHAKE_UNSUBSCRIBE,
    MQTT_HANDSHAKE_PING,
    MQTT_HANDSHAKE_CONNECT,
    MQTT_HANDSHAKE_KINDS,
};

/* "QoS 1", "QoS 2", "SUBSCRIBE", "UNSUBSCRIBE", "PING", "CONNECT"; "none". */
const char *mqtt_handshake_kind_name(unsigned kind);

/* Legs of a handshake. A request and its response are legs 0 and 1; QoS 2 is PUBLISH, PUBREC,
 * PUBREL, PUBCOMP (4.3.3, figure 4.3). */
#define MQTT_LEGS 4

/* The type of control packet that is leg 0 to 3 of such a handshake, by enum mqtt_packet_type; 0 if
 * it has no such leg. A handshake of which n legs are done awaits leg n. */
unsigned mqtt_handshake_leg_type(unsigned kind, unsigned leg);

/* One packet of it, as far as others refer to it. */
struct mqtt_leg {
    int64_t time;   /* nanoseconds since 1970-01-01 UTC */
    uint64_t frame; /* 0: this leg was not seen */
    uint64_t token; /* the caller's own: see struct mqtt_place */
};

#define MQTT_FILTERS_UNKNOWN UINT32_MAX

struct mqtt_handshake {
    uint8_t kind;     /* enum mqtt_handshake_kind */
    uint8_t stage;    /* how many legs are done, 1 to 4: with QoS 2, 1 awaits PUBREC, 2 PUBREL, 3
                         PUBCOMP */
    uint8_t side;     /* who sent leg 0 */
    bool resumed;     /* begun on an earlier connection, not sent again yet */
    bool replaces;    /* its identifier stood for another one that was still open: whose
                         acknowledgement comes first is not known */
    bool expires : 1; /* PUBLISH: it has a Message Expiry Interval */
    bool echoed : 1;  /* while `resumed`: a PUBLISH with another identifier, but of the same QoS and
                         fingerprint, was sent instead */
    uint16_t packet_identifier;
    uint16_t resends;    /* further sends of leg 0 or of PUBREL; stays at 65535 */
    uint8_t reason_code; /* of the last acknowledgement; 0 before */
    bool failed;         /* ended by a reason code of 0x80 or above */
    uint32_t filters;    /* SUBSCRIBE, UNSUBSCRIBE: how many topic filters; MQTT_FILTERS_UNKNOWN if
                            the capture lacks some of them */
    uint32_t next;       /* private to the table */
    bool owed;           /* it was unfinished when the session's last connection ended: see struct
                            mqtt_waiting */
    uint32_t size;       /* PUBLISH: bytes of the packet, with its topic's name in full;
                            UINT32_MAX: not known */
    uint64_t began;      /* the connection's clock when it began there; see doubt.h */
    uint32_t counted;    /* the connection's era in which it was counted against the receiver's
                            Receive Maximum; 0: it was not */
    uint32_t ordinal;    /* PUBLISH: counts those that the side has begun in the session, from 1;
                            0: not known; stays at UINT32_MAX */
    uint64_t order;      /* counts the side's PUBLISH packets: to compare with acknowledgements */
    uint64_t order_received; /* QoS 2: counts the PUBREC packets */
    uint64_t fingerprint;    /* PUBLISH: of topic and payload; 0: not known */
    struct mqtt_slice list;  /* SUBSCRIBE, UNSUBSCRIBE: the topic filters, for mqtt_filter_next();
                                owned by the table */
    struct mqtt_leg again; /* the last leg, sent again on a later connection; frame 0: it was not */
    struct mqtt_leg legs[MQTT_LEGS];
};

/* Handshakes in flight of one sending side, by packet identifier. At most 65,535 entries, since
 * that is how many identifiers there are. All zero, but for `memory`, is an empty table. */
struct mqtt_inflight {
    struct mqtt_memory *memory;
    struct mqtt_handshake *slots; /* those of kind NONE are free */
    uint32_t *heads;              /* per bucket; 1 + index into slots, 0: none */
    uint32_t capacity;            /* slots, and buckets: a power of two, or 0 */
    uint32_t count;
    uint32_t free; /* the first free slot, like heads */
};

/* The next handshake in `inflight`, in no particular order. Start with *cursor == 0; NULL at the
 * end. */
const struct mqtt_handshake *mqtt_inflight_next(const struct mqtt_inflight *inflight,
                                                uint32_t *cursor);

#endif
