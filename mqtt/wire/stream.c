/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control packets out of chunks.
 *
 * In sync, a packet passes through three stages: its fixed header tells the length (begin), its
 * bytes are held or go by (absorb), it is handed out. Out of sync, bytes are held while a packet
 * may start among them (search). Bytes come from what is held first, then from the chunk, then
 * come those that the capture lacks.
 */
#include "mqtt/wire/stream.h"

#include <string.h>

#include "mqtt/facts/tables.h"

/* A buffer larger than this is not kept between packets: there may be many idle connections. */
#define KEPT_CAPACITY 4096u
#define FIRST_CAPACITY 512u

/* Fewer bytes of packets than this prove nothing by ending where the chunk ends: in random bytes,
 * one chunk in ten thousand ends with something like an acknowledgement. */
#define WEAK_EVIDENCE 8u

static uint32_t smaller(uint64_t a, uint32_t b)
{
    return a < b ? (uint32_t)a : b;
}

uint64_t mqtt_hash(uint64_t hash, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* ---- Is this a packet's start? ---- */

enum verdict { NO, MAYBE, YES };

/* A search throws most places away by their first byte alone. */
static bool may_begin(uint8_t byte, enum mqtt_sender sender)
{
    const struct mqtt_packet_info *info = mqtt_packet_info(byte >> 4);
    return (info->flags >> (byte & 0x0f) & 1u) != 0 &&
           (info->sender == MQTT_SENDER_UNKNOWN || sender == MQTT_SENDER_UNKNOWN ||
            info->sender == sender);
}

/* A search looks at so many bytes of a packet at the most. Its length then has to lead to the next
 * one, which says more than its payload, and nobody can make every byte cost a whole chunk. */
#define EXAMINED 512u

/* YES: a whole control packet that breaks no MUST, *step bytes long. MAYBE: the beginning of one.
 */
static enum verdict judge_packet(const uint8_t *data, size_t length,
                                 const struct mqtt_context *context, size_t *step)
{
    uint32_t header_length;
    uint32_t packet_length;
    struct mqtt_packet packet;
    if (!may_begin(data[0], context->sender))
        return NO;
    enum mqtt_outcome outcome = mqtt_fixed_header(data, length, &header_length, &packet_length);
    if (outcome != MQTT_OK)
        return outcome == MQTT_NEED_MORE ? MAYBE : NO;
    const size_t captured = smaller(length, packet_length);
    outcome = mqtt_decode(data, smaller(captured, EXAMINED), packet_length, context, &packet);
    if (outcome == MQTT_MALFORMED || mqtt_reads_wrong(&packet))
        return NO;
    *step = packet_length;
    return captured == packet_length ? YES : MAYBE;
}

/* `segment` says that a chunk begins at data[0]. */
static enum verdict judge_in_version(const uint8_t *data, size_t length, bool segment,
                                     const struct mqtt_context *context)
{
    size_t at = 0;
    for (unsigned packets = 0; at < length; packets++) {
        size_t step = 0;
        enum verdict verdict = judge_packet(data + at, length - at, context, &step);
        if (packets == 2)
            return verdict == NO ? NO : YES;
        if (verdict != YES)
            return verdict;
        at += step;
    }
    return segment || at >= WEAK_EVIDENCE ? YES : MAYBE;
}

/* `length` is not 0. */
static enum verdict judge(const uint8_t *data, size_t length, bool segment,
                          const struct mqtt_context *context)
{
    if (!may_begin(data[0], context->sender))
        return NO;
    if (context->version != MQTT_VERSION_UNKNOWN)
        return judge_in_version(data, length, segment, context);
    struct mqtt_context guess = {MQTT_VERSION_3_1_1, context->sender};
    enum verdict before_5_0 = judge_in_version(data, length, segment, &guess);
    if (before_5_0 == YES)
        return YES;
    guess.version = MQTT_VERSION_5_0;
    enum verdict as_5_0 = judge_in_version(data, length, segment, &guess);
    return as_5_0 > before_5_0 ? as_5_0 : before_5_0;
}

size_t mqtt_stream_find_start(const uint8_t *data, size_t length,
                              const struct mqtt_context *context)
{
    size_t at = 0;
    while (at < length && judge(data + at, length - at, at == 0, context) != YES)
        at++;
    return at;
}

/* ---- What is held ---- */

static uint32_t held_left(const struct mqtt_stream *stream)
{
    return stream->held_length - stream->held_from;
}

static const uint8_t *held_bytes(const struct mqtt_stream *stream)
{
    return stream->held == NULL ? NULL : stream->held + stream->held_from;
}

/* Forgets what was handed out. */
static void tidy(struct mqtt_stream *stream)
{
    if (stream->held_from < stream->held_length)
        return;
    stream->held_from = stream->held_length = 0;
    if (stream->held_capacity > KEPT_CAPACITY) {
        mqtt_memory_free(stream->memory, stream->held, stream->held_capacity);
        stream->held = NULL;
        stream->held_capacity = 0;
    }
}

/* Makes room for `length` bytes, which is at most MQTT_STREAM_HOLD. */
static bool reserve(struct mqtt_stream *stream, uint32_t length)
{
    if (stream->held_from != 0) {
        memmove(stream->held, held_bytes(stream), held_left(stream));
        stream->held_length -= stream->held_from;
        stream->held_from = 0;
    }
    uint32_t capacity = stream->held_capacity != 0 ? stream->held_capacity : FIRST_CAPACITY;
    while (capacity < length)
        capacity *= 2;
    if (capacity == stream->held_capacity)
        return true;
    uint8_t *held = mqtt_memory_resize(stream->memory, MQTT_MEMORY_HELD, stream->held,
                                       stream->held_capacity, capacity);
    if (held == NULL)
        return false;
    stream->held = held;
    stream->held_capacity = capacity;
    return true;
}

static void consume(struct mqtt_stream *stream, size_t count)
{
    stream->chunk += count;
    stream->chunk_length -= count;
}

/* Moves `count` bytes from the chunk to what is held. */
static bool hold(struct mqtt_stream *stream, uint32_t count)
{
    if (count == 0)
        return true;
    if (!reserve(stream, held_left(stream) + count))
        return false;
    memcpy(stream->held + stream->held_length, stream->chunk, count);
    stream->held_length += count;
    consume(stream, count);
    return true;
}

/* ---- In sync ---- */

/* The way almost every packet goes: it ends in the chunk that it begins in. */
static bool take_whole(struct mqtt_stream *stream, struct mqtt_pdu *pdu)
{
    uint32_t header_length;
    uint32_t length;
    if (mqtt_fixed_header(stream->chunk, stream->chunk_length, &header_length, &length) != MQTT_OK)
        return false;
    uint32_t captured = smaller(stream->chunk_length, length);
    uint32_t missing = length - captured;
    if (missing > stream->chunk_missing)
        return false;
    *pdu = (struct mqtt_pdu){.data = stream->chunk,
                             .captured = captured,
                             .length = length,
                             .missing = missing,
                             .stream_offset = stream->position};
    consume(stream, captured);
    stream->chunk_missing -= missing;
    stream->position += length;
    return true;
}

/* `count` captured bytes are passed over; they are already taken off from where they stood. */
static enum mqtt_stream_event skip(struct mqtt_stream *stream, uint32_t count, struct mqtt_pdu *pdu)
{
    if (count == 0)
        return MQTT_STREAM_NEED_MORE;
    *pdu = (struct mqtt_pdu){.length = count, .stream_offset = stream->position};
    stream->position += count;
    stream->skipped += count;
    return MQTT_STREAM_SKIPPED;
}

static enum mqtt_stream_event skip_held(struct mqtt_stream *stream, uint32_t count,
                                        struct mqtt_pdu *pdu)
{
    stream->held_from += count;
    return skip(stream, count, pdu);
}

static void begin_search(struct mqtt_stream *stream)
{
    stream->state = MQTT_STREAM_SEARCHING;
    stream->start_count = 0;
    stream->searches++;
}

static enum mqtt_stream_event break_off(struct mqtt_stream *stream, struct mqtt_pdu *pdu)
{
    const uint32_t length = 5;
    *pdu = (struct mqtt_pdu){.data = held_bytes(stream),
                             .captured = length,
                             .length = length,
                             .stream_offset = stream->position};
    stream->held_from += length;
    stream->position += length;
    begin_search(stream);
    return MQTT_STREAM_BROKEN;
}

/* Holds the fixed header until it tells the packet's length. NEED_MORE with packet_length set:
 * it is known. */
static enum mqtt_stream_event begin(struct mqtt_stream *stream, struct mqtt_pdu *pdu)
{
    uint32_t header_length;
    uint32_t length;
    for (;;) {
        switch (mqtt_fixed_header(held_bytes(stream), held_left(stream), &header_length, &length)) {
        case MQTT_OK:
            stream->packet_length = length;
            stream->packet_seen = smaller(held_left(stream), length);
            return MQTT_STREAM_NEED_MORE;
        case MQTT_MALFORMED: return break_off(stream, pdu);
        default: break;
        }
        if (stream->chunk_length == 0 && stream->chunk_missing == 0)
            return MQTT_STREAM_NEED_MORE;
        if (stream->chunk_length == 0 || !hold(stream, 1)) {
            begin_search(stream);
            return skip_held(stream, held_left(stream), pdu);
        }
    }
}

/* The first bytes that are not held go by: from here on the payload is hashed, if it has begun. */
static void begin_hash(struct mqtt_stream *stream, const struct mqtt_context *context)
{
    struct mqtt_packet packet;
    const uint8_t *data = held_bytes(stream);
    uint32_t length = held_left(stream);
    if (data[0] >> 4 != MQTT_PUBLISH)
        return;
    enum mqtt_outcome outcome = mqtt_decode(data, length, stream->packet_length, context, &packet);
    uint32_t offset = packet.publish.payload_offset;
    if (outcome == MQTT_MALFORMED || offset == 0 || offset > length)
        return;
    stream->hashing = true;
    stream->hash = mqtt_hash(MQTT_HASH_START, data + offset, length - offset);
}

/* Takes `count` bytes of the packet in progress from the chunk. Only an unbroken beginning of the
 * packet is held: nothing any more once something is missing or went by. */
static void absorb(struct mqtt_stream *stream, const struct mqtt_context *context, uint32_t count)
{
    bool unbroken = held_left(stream) == stream->packet_seen;
    uint32_t room = unbroken ? MQTT_STREAM_HOLD - held_left(stream) : 0;
    uint32_t kept = smaller(count, room);
    if (!hold(stream, kept))
        kept = 0;
    stream->packet_seen += kept;
    if (kept == count)
        return;
    if (held_left(stream) + stream->packet_missing == stream->packet_seen)
        begin_hash(stream, context);
    if (stream->hashing)
        stream->hash = mqtt_hash(stream->hash, stream->chunk, count - kept);
    consume(stream, count - kept);
    stream->packet_seen += count - kept;
}

static enum mqtt_stream_event hand_out(struct mqtt_stream *stream, struct mqtt_pdu *pdu)
{
    uint32_t length = stream->packet_length;
    uint32_t captured = smaller(held_left(stream), length);
    *pdu = (struct mqtt_pdu){.data = held_bytes(stream),
                             .captured = captured,
                             .length = length,
                             .missing = stream->packet_missing,
                             .not_held = length - captured - stream->packet_missing,
                             .stream_offset = stream->position,
                             .has_payload_hash = stream->hashing,
                             .payload_hash = stream->hash};
    stream->held_from += captured;
    stream->position += length;
    stream->packet_length = stream->packet_seen = stream->packet_missing = 0;
    stream->hashing = false;
    stream->hash = 0;
    return MQTT_STREAM_PACKET;
}

/* A packet that does not lie whole in one chunk. */
static enum mqtt_stream_event assemble(struct mqtt_stream *stream,
                                       const struct mqtt_context *context, struct mqtt_pdu *pdu)
{
    if (stream->packet_length == 0) {
        if (held_left(stream) == 0 && take_whole(stream, pdu))
            return MQTT_STREAM_PACKET;
        enum mqtt_stream_event event = begin(stream, pdu);
        if (stream->packet_length == 0)
            return event;
    }
    absorb(stream, context,
           smaller(stream->chunk_length, stream->packet_length - stream->packet_seen));
    uint32_t missing = smaller(stream->chunk_missing, stream->packet_length - stream->packet_seen);
    stream->chunk_missing -= missing;
    stream->packet_missing += missing;
    stream->packet_seen += missing;
    if (stream->packet_seen < stream->packet_length)
        return MQTT_STREAM_NEED_MORE;
    return hand_out(stream, pdu);
}

/* ---- Out of sync ---- */

static void drop_start(struct mqtt_stream *stream)
{
    stream->start_count--;
    memmove(stream->starts, stream->starts + 1, stream->start_count * sizeof(stream->starts[0]));
}

static void add_start(struct mqtt_stream *stream, uint32_t at)
{
    if (stream->start_count == MQTT_STREAM_STARTS)
        drop_start(stream);
    stream->starts[stream->start_count++] = at;
}

/* Judges the places that were left open, then those from `from` on, where the newest chunk begins.
 * Returns the first start, or `length`; then the places that may yet turn out to be one are kept.
 */
static size_t look(struct mqtt_stream *stream, const struct mqtt_context *context,
                   const uint8_t *data, size_t length, size_t from)
{
    uint32_t count = stream->start_count;
    stream->start_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = stream->starts[i];
        enum verdict verdict = judge(data + at, length - at, false, context);
        if (verdict == YES)
            return at;
        if (verdict == MAYBE)
            stream->starts[stream->start_count++] = at;
    }
    for (size_t at = from; at < length; at++) {
        enum verdict verdict = judge(data + at, length - at, at == from, context);
        if (verdict == YES)
            return at;
        if (verdict == MAYBE && length - at <= MQTT_STREAM_SEARCH)
            add_start(stream, (uint32_t)at);
    }
    return length;
}

/* What is held begins at the first open place, or is empty. Returns how many bytes that drops. */
static uint32_t rebase(struct mqtt_stream *stream, size_t length)
{
    uint32_t base = stream->start_count != 0 ? stream->starts[0] : (uint32_t)length;
    for (uint32_t i = 0; i < stream->start_count; i++)
        stream->starts[i] -= base;
    return base;
}

/* Nothing is held: the search can stay in the chunk, and so can what follows if it succeeds. */
static enum mqtt_stream_event search_chunk(struct mqtt_stream *stream,
                                           const struct mqtt_context *context, struct mqtt_pdu *pdu)
{
    size_t length = smaller(stream->chunk_length, UINT32_MAX);
    size_t start = look(stream, context, stream->chunk, length, 0);
    if (start < length) {
        stream->state = MQTT_STREAM_SYNCED;
        consume(stream, start);
        return skip(stream, (uint32_t)start, pdu);
    }
    uint32_t dropped = rebase(stream, length);
    consume(stream, dropped);
    uint32_t rest = (uint32_t)length - dropped;
    if (!hold(stream, rest)) {
        stream->start_count = 0;
        consume(stream, rest);
        dropped += rest;
    }
    return skip(stream, dropped, pdu);
}

/* Looks through what is held, from `from` on and where places are open. */
static enum mqtt_stream_event search_held(struct mqtt_stream *stream,
                                          const struct mqtt_context *context, uint32_t from,
                                          struct mqtt_pdu *pdu)
{
    uint32_t length = held_left(stream);
    size_t start = look(stream, context, held_bytes(stream), length, from);
    if (start < length) {
        stream->state = MQTT_STREAM_SYNCED;
        return skip_held(stream, (uint32_t)start, pdu);
    }
    return skip_held(stream, rebase(stream, length), pdu);
}

/* The chunk is searched together with what is held: a packet may have begun there. */
static enum mqtt_stream_event search_on(struct mqtt_stream *stream,
                                        const struct mqtt_context *context, struct mqtt_pdu *pdu)
{
    uint32_t from = held_left(stream);
    if (stream->chunk_length <= MQTT_STREAM_SEARCH - from &&
        hold(stream, (uint32_t)stream->chunk_length))
        return search_held(stream, context, from, pdu);
    drop_start(stream);
    return skip_held(stream, rebase(stream, from), pdu);
}

static enum mqtt_stream_event search(struct mqtt_stream *stream, const struct mqtt_context *context,
                                     struct mqtt_pdu *pdu)
{
    /* Sync was lost again among bytes that are still held. */
    if (held_left(stream) != 0 && stream->start_count == 0)
        return search_held(stream, context, 0, pdu);
    if (stream->chunk_length != 0)
        return held_left(stream) == 0 ? search_chunk(stream, context, pdu)
                                      : search_on(stream, context, pdu);
    if (stream->chunk_missing == 0)
        return MQTT_STREAM_NEED_MORE;
    /* What is held can't go on behind a gap. */
    if (held_left(stream) != 0) {
        stream->start_count = 0;
        return skip_held(stream, held_left(stream), pdu);
    }
    stream->position += stream->chunk_missing;
    stream->chunk_missing = 0;
    return MQTT_STREAM_NEED_MORE;
}

/* ---- The public face ---- */

void mqtt_stream_init(struct mqtt_stream *stream, bool synced, struct mqtt_memory *memory)
{
    *stream = (struct mqtt_stream){.state = MQTT_STREAM_SYNCED, .memory = memory};
    if (!synced)
        begin_search(stream);
}

void mqtt_stream_free(struct mqtt_stream *stream)
{
    mqtt_memory_free(stream->memory, stream->held, stream->held_capacity);
    *stream = (struct mqtt_stream){.state = MQTT_STREAM_SYNCED, .memory = stream->memory};
}

void mqtt_stream_push(struct mqtt_stream *stream, const uint8_t *data, size_t captured,
                      size_t reported)
{
    stream->chunk = data;
    stream->chunk_length = captured;
    stream->chunk_missing = reported > captured ? reported - captured : 0;
}

void mqtt_stream_gap(struct mqtt_stream *stream, uint64_t bytes)
{
    stream->chunk = NULL;
    stream->chunk_length = 0;
    stream->chunk_missing = bytes;
}

static enum mqtt_stream_event next_slowly(struct mqtt_stream *stream,
                                          const struct mqtt_context *context, struct mqtt_pdu *pdu)
{
    enum mqtt_stream_event event;
    uint8_t state;
    tidy(stream);
    /* Losing or finding sync is no event by itself: what is left goes to the other state. */
    do {
        state = stream->state;
        event = state == MQTT_STREAM_SYNCED ? assemble(stream, context, pdu)
                                            : search(stream, context, pdu);
    } while (event == MQTT_STREAM_NEED_MORE &&
             (stream->state != state || stream->chunk_length != 0 || stream->chunk_missing != 0));
    return event;
}

enum mqtt_stream_event mqtt_stream_next(struct mqtt_stream *stream,
                                        const struct mqtt_context *context, struct mqtt_pdu *pdu)
{
    if (stream->state == MQTT_STREAM_SYNCED && stream->held_length == 0 &&
        stream->packet_length == 0 && take_whole(stream, pdu))
        return MQTT_STREAM_PACKET;
    return next_slowly(stream, context, pdu);
}

uint64_t mqtt_stream_left(const struct mqtt_stream *stream)
{
    return stream->packet_length != 0 ? stream->packet_seen : held_left(stream);
}
