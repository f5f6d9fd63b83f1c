/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One direction's bytes, cut in two ways, give the same packets as long as sync is kept; with gaps
 * and searches, every byte is accounted for and memory stays bounded.
 *
 * Byte 0: version (low three bits) and sender; byte 1: how the bytes are cut.
 */
#include "mqtt/wire/stream.h"
#include "bytes.h"
#include "fuzz.h"

struct run {
    struct mqtt_stream stream;
    const struct mqtt_context *context;
    const uint8_t *data; /* all of the direction, where nothing is missing; else NULL */
    uint64_t given;      /* bytes pushed or missing */
    uint64_t packets;
    uint64_t hash; /* of offsets and lengths */
    bool broken;
};

static void begin(struct run *run, bool synced, const struct mqtt_context *context,
                  const uint8_t *data)
{
    *run = (struct run){.context = context, .data = data, .hash = MQTT_HASH_START};
    mqtt_stream_init(&run->stream, synced, NULL);
}

static void take_packet(struct run *run, const struct mqtt_pdu *pdu)
{
    REQUIRE((uint64_t)pdu->captured + pdu->missing + pdu->not_held == pdu->length);
    if (run->broken)
        return;
    const uint64_t place[2] = {pdu->stream_offset, pdu->length};
    run->hash = mqtt_hash(run->hash, (const uint8_t *)place, sizeof(place));
    run->packets++;
    if (run->data != NULL) {
        REQUIRE(pdu->captured == pdu->length);
        REQUIRE(memcmp(pdu->data, run->data + pdu->stream_offset, pdu->length) == 0);
    }
}

static void drain(struct run *run, size_t length)
{
    enum mqtt_stream_event event;
    struct mqtt_pdu pdu;
    size_t events = 0;
    while ((event = mqtt_stream_next(&run->stream, run->context, &pdu)) != MQTT_STREAM_NEED_MORE) {
        REQUIRE(++events <= length + MQTT_STREAM_SEARCH + 8);
        REQUIRE(pdu.stream_offset + pdu.length == run->stream.position);
        if (event == MQTT_STREAM_PACKET)
            take_packet(run, &pdu);
        if (event == MQTT_STREAM_BROKEN)
            run->broken = true;
    }
    REQUIRE(run->stream.held_capacity <= MQTT_STREAM_HOLD);
    REQUIRE(run->stream.position + mqtt_stream_left(&run->stream) == run->given);
}

/* `missing` bytes are cut off behind these. */
static void push(struct run *run, const uint8_t *data, size_t length, size_t missing)
{
    uint8_t *chunk = bytes_exact(data, length);
    run->given += length + missing;
    mqtt_stream_push(&run->stream, chunk, length, length + missing);
    drain(run, length);
    free(chunk);
}

static void gap(struct run *run, size_t missing)
{
    run->given += missing;
    mqtt_stream_gap(&run->stream, missing);
    drain(run, 0);
}

static size_t chunk_length(uint64_t *seed, size_t left)
{
    static const uint32_t limits[] = {1, 3, 20, 300};
    const size_t length = 1 + random_below(seed, limits[random_below(seed, 4)]);
    return length < left ? length : left;
}

static void any_chunking_is_the_same(const struct mqtt_context *context, const uint8_t *data,
                                     size_t size, uint64_t seed)
{
    struct run whole, cut;
    begin(&whole, true, context, data);
    push(&whole, data, size, 0);
    begin(&cut, true, context, data);
    for (size_t at = 0; at < size;) {
        const size_t length = chunk_length(&seed, size - at);
        push(&cut, data + at, length, 0);
        at += length;
    }
    REQUIRE(whole.broken == cut.broken);
    REQUIRE(whole.packets == cut.packets);
    REQUIRE(whole.hash == cut.hash);
    REQUIRE(whole.broken || mqtt_stream_left(&whole.stream) == mqtt_stream_left(&cut.stream));
    mqtt_stream_free(&whole.stream);
    mqtt_stream_free(&cut.stream);
}

static void losses_are_bounded(const struct mqtt_context *context, const uint8_t *data, size_t size,
                               uint64_t seed)
{
    struct run run;
    begin(&run, seed % 2 == 0, context, NULL);
    for (size_t at = 0; at < size;) {
        const size_t length = chunk_length(&seed, size - at);
        const unsigned what = random_below(&seed, 20);
        push(&run, data + at, length, what == 0 ? random_below(&seed, 40) : 0);
        if (what == 1)
            gap(&run, random_below(&seed, 40));
        at += length;
    }
    mqtt_stream_free(&run.stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct mqtt_context context = {(enum mqtt_version)((data[0] & 7) % 6),
                                         (enum mqtt_sender)((data[0] >> 3) % 3)};
    const uint64_t seed = data[1] + 1u;
    any_chunking_is_the_same(&context, data + 2, size - 2, seed);
    losses_are_bounded(&context, data + 2, size - 2, seed);
    const size_t start = mqtt_stream_find_start(data + 2, size - 2, &context);
    REQUIRE(start <= size - 2);
    return 0;
}
