/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One direction's bytes, cut into control packets.
 *
 *     mqtt_stream_push(&stream, data, captured, reported);
 *     while ((event = mqtt_stream_next(&stream, &context, &pdu)) != MQTT_STREAM_NEED_MORE) ...
 *
 * A control packet that lies whole in one chunk is handed out where it lies. What straddles chunks
 * is copied once, up to MQTT_STREAM_HOLD bytes a packet; the rest of a larger packet's payload is
 * counted and hashed as it goes by. Memory: at most MQTT_STREAM_HOLD bytes a direction, and none
 * to speak of between packets.
 *
 * Where the chunks are cut does not matter as long as sync is kept. The search for sync does look
 * at it: senders tend to end a segment where a control packet ends.
 */
#ifndef MQTT_STREAM_H
#define MQTT_STREAM_H

#include "mqtt/wire/decode.h"
#include "mqtt/wire/memory.h"

/* Enough for every header: a PUBLISH has at most 65,535 bytes of topic name, and property blocks
 * beyond the rest are cut like payloads are. */
#define MQTT_STREAM_HOLD (256u * 1024u)

/* The search for a packet's start keeps at most this many bytes, and this many places in them where
 * a packet may start but has not come whole; it drops the oldest. */
#define MQTT_STREAM_SEARCH (16u * 1024u)
#define MQTT_STREAM_STARTS 16u

enum mqtt_stream_event {
    MQTT_STREAM_NEED_MORE, /* push the next chunk */
    MQTT_STREAM_PACKET,    /* pdu is one control packet */
    MQTT_STREAM_SKIPPED,   /* pdu.length captured bytes could not be told apart: out of sync. May
                              come several times in a row */
    MQTT_STREAM_BROKEN,    /* a Remaining Length of more than four bytes: pdu has the 5 bytes up to
                              there, to be decoded for its finding; the search begins behind them */
};

/* For PACKET, length == captured + missing + not_held. */
struct mqtt_pdu {
    const uint8_t *data;    /* the packet's first bytes; valid until the next push, gap, next or
                               free. NULL for SKIPPED */
    uint32_t captured;      /* bytes at data */
    uint32_t length;        /* of the whole packet, as sent; for SKIPPED: bytes skipped */
    uint32_t missing;       /* bytes inside it that the capture lacks (gap or snap length) */
    uint32_t not_held;      /* bytes behind `captured` that went by without being held */
    uint64_t stream_offset; /* of its first byte: all bytes of this direction count */
    bool has_payload_hash;  /* PUBLISH alone, and only where not_held is not 0 */
    uint64_t payload_hash;  /* mqtt_hash() of the payload's bytes that were captured, in order */
};

enum mqtt_stream_state {
    MQTT_STREAM_SYNCED,    /* at a packet's start, or inside a packet of known length */
    MQTT_STREAM_SEARCHING, /* no packet's start is known */
};

/* For callers: state, position, skipped and searches; the rest is stream.c's own. */
struct mqtt_stream {
    uint8_t state;     /* enum mqtt_stream_state */
    uint64_t position; /* bytes of this direction handed out, skipped, or missing between packets */
    uint64_t skipped;  /* captured bytes that could not be told apart */
    uint64_t searches; /* how often sync was looked for, the start in mid-connection included */

    const uint8_t *chunk; /* what was pushed and not consumed */
    size_t chunk_length;
    uint64_t chunk_missing; /* not captured, behind the chunk */

    struct mqtt_memory *memory;
    uint8_t *held;      /* bytes of earlier chunks; owned */
    uint32_t held_from; /* where those begin that are not handed out yet */
    uint32_t held_length;
    uint32_t held_capacity;

    /* The packet in progress. */
    uint32_t packet_length; /* 0: not known yet */
    uint32_t packet_seen;   /* bytes of it that went by, captured or not */
    uint32_t packet_missing;
    bool hashing;
    uint64_t hash;

    /* The search: offsets into what is held, ascending; the first one is 0. */
    uint32_t start_count;
    uint32_t starts[MQTT_STREAM_STARTS];
};

/* `synced` is true if the first byte pushed is the first byte of a control packet: the transport's
 * start was captured. What is held is charged to `memory`, which outlives the stream; NULL: no
 * limit. */
void mqtt_stream_init(struct mqtt_stream *stream, bool synced, struct mqtt_memory *memory);
void mqtt_stream_free(struct mqtt_stream *stream);

/* Gives the next bytes. `data` must stay valid until MQTT_STREAM_NEED_MORE comes back, which has to
 * come before the next push. reported >= captured: the rest was cut by the snap length, and is
 * treated like a gap behind the bytes that are there. */
void mqtt_stream_push(struct mqtt_stream *stream, const uint8_t *data, size_t captured,
                      size_t reported);

/* The capture lacks the next `bytes` bytes. Inside a packet whose end is known, and not beyond it,
 * sync is kept; else it is searched for. Call only when MQTT_STREAM_NEED_MORE was the last answer;
 * call mqtt_stream_next() afterwards: the gap may have completed a packet. */
void mqtt_stream_gap(struct mqtt_stream *stream, uint64_t bytes);

/* The next control packet. `context` says how packets of this direction are decoded as far as
 * known; it decides what counts as plausible in a search, and where a large PUBLISH's payload
 * begins. With an unknown version a search takes 3.1.1 and 5.0. Where there is no memory, bytes
 * are not held: captured is smaller then, and a packet whose header was cut is skipped. */
enum mqtt_stream_event mqtt_stream_next(struct mqtt_stream *stream,
                                        const struct mqtt_context *context, struct mqtt_pdu *pdu);

/* The stream is over: bytes of a packet that never completed, or that the search still kept; 0 if
 * none. */
uint64_t mqtt_stream_left(const struct mqtt_stream *stream);

/* Looks for the first packet's start in bytes that begin anywhere, such as the first segment of a
 * capture that starts in mid-connection. Returns its offset, or `length` if there is none.
 * A place counts as a start if from there on control packets that break no MUST, and that
 * the sender may send, follow each other exactly to the end of the bytes, or if at least two
 * such packets follow and what is behind them begins like a packet. Two bytes alone (PINGREQ, for
 * one) count only if they are all there is: too much ends like that by chance. */
size_t mqtt_stream_find_start(const uint8_t *data, size_t length,
                              const struct mqtt_context *context);

/* FNV-1a over bytes, to be continued: start with MQTT_HASH_START. */
#define MQTT_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t mqtt_hash(uint64_t hash, const uint8_t *data, size_t length);

#endif
