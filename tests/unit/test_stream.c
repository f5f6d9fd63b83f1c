/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mqtt/wire/stream.h: what comes out does not depend on how the bytes were cut, and what the
 * capture lacks costs no more than it has to. */
#include "suite.h"

#include "bytes.h"
#include "mqtt/wire/stream.h"

static const enum mqtt_version versions[] = {MQTT_VERSION_3_1_1, MQTT_VERSION_5_0};

/* ---- Making control packets ---- */

static void add_publish(struct bytes *out, enum mqtt_version version, unsigned qos,
                        const char *topic, size_t payload_length, uint64_t *seed)
{
    const bool has_properties = version == MQTT_VERSION_5_0;
    uint32_t length = (uint32_t)(2 + strlen(topic) + (qos != 0 ? 2 : 0) + (has_properties ? 6 : 0) +
                                 payload_length);
    bytes_u8(out, 0x30 | qos << 1);
    bytes_variable(out, length);
    bytes_text(out, topic);
    if (qos != 0)
        bytes_u16(out, 1 + random_below(seed, 65535));
    if (has_properties) {
        const uint8_t message_expiry[] = {5, 0x02, 0, 0, 0, 60};
        bytes_add(out, message_expiry, sizeof(message_expiry));
    }
    for (size_t i = 0; i < payload_length; i++)
        bytes_u8(out, random_next(seed));
}

static void add_short(struct bytes *out, enum mqtt_version version, unsigned type, uint64_t *seed)
{
    bytes_u8(out, type << 4 | (type == MQTT_PUBREL ? 2 : 0));
    if (type == MQTT_PINGREQ || type == MQTT_PINGRESP) {
        bytes_u8(out, 0);
        return;
    }
    bool long_form = version == MQTT_VERSION_5_0 && random_below(seed, 2) == 0;
    bytes_u8(out, long_form ? 4 : 2);
    bytes_u16(out, 1 + random_below(seed, 65535));
    if (long_form)
        bytes_u16(out, 0);
}

static void add_subscribe(struct bytes *out, enum mqtt_version version, uint64_t *seed)
{
    bool has_properties = version == MQTT_VERSION_5_0;
    bytes_u8(out, 0x82);
    bytes_variable(out, has_properties ? 13 : 12);
    bytes_u16(out, 1 + random_below(seed, 65535));
    if (has_properties)
        bytes_u8(out, 0);
    bytes_text(out, "rooms/+");
    bytes_u8(out, random_below(seed, 3));
}

/* What went in: where each packet starts. */
struct traffic {
    enum mqtt_version version;
    struct bytes bytes;
    size_t starts[512]; /* one more than there are packets */
    size_t count;
};

static void add_random(struct traffic *traffic, uint64_t *seed)
{
    static const unsigned types[] = {MQTT_PUBACK, MQTT_PUBREC, MQTT_PUBREL, MQTT_PUBCOMP,
                                     MQTT_PINGREQ};
    static const size_t sizes[] = {1, 20, 100, 1000, 5000};
    unsigned what = random_below(seed, 10);
    if (what == 0)
        add_subscribe(&traffic->bytes, traffic->version, seed);
    else if (what < 5)
        add_short(&traffic->bytes, traffic->version, types[random_below(seed, 5)], seed);
    else
        add_publish(&traffic->bytes, traffic->version, random_below(seed, 3),
                    "rooms/12/temperature", random_below(seed, (uint32_t)sizes[what - 5]), seed);
}

/* `large`: also packets around MQTT_STREAM_HOLD. */
static void make_traffic(struct traffic *traffic, enum mqtt_version version, size_t count,
                         bool large, uint64_t seed)
{
    *traffic = (struct traffic){.version = version, .count = count};
    for (size_t i = 0; i < count; i++) {
        traffic->starts[i] = traffic->bytes.length;
        if (large && i % 16 == 7)
            add_publish(&traffic->bytes, version, 1, "firmware",
                        MQTT_STREAM_HOLD - 25 + random_below(&seed, 20), &seed);
        else if (large && i == 12)
            add_publish(&traffic->bytes, version, 2, "firmware", 3 * MQTT_STREAM_HOLD, &seed);
        else
            add_random(traffic, &seed);
    }
    traffic->starts[count] = traffic->bytes.length;
}

/* ---- Driving a stream ---- */

/* libcheck notes each assertion that passes, in a file: too slow for what runs a million times. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("line %d: %s", __LINE__, #condition);                                     \
    } while (0)

struct session {
    struct mqtt_stream stream;
    struct mqtt_context context;
    struct mqtt_context truth; /* what a payload is found by */
    uint64_t pushed;           /* captured bytes */
    uint64_t gaps;
    uint64_t packets_length;
    uint64_t missing; /* inside packets */
    uint64_t broken;
    struct mqtt_pdu pdus[512]; /* .data is not valid any more */
    uint64_t hashes[512];      /* of the bytes at .data */
    size_t count;
};

static void open_session(struct session *session, bool synced, enum mqtt_version version)
{
    memset(session, 0, sizeof(*session));
    session->context = (struct mqtt_context){version, MQTT_SENDER_UNKNOWN};
    session->truth = session->context;
    mqtt_stream_init(&session->stream, synced, NULL);
}

static void close_session(struct session *session)
{
    mqtt_stream_free(&session->stream);
}

/* A payload that is held is hashed here, as the stream hashes one that is not. */
static void complete_hash(const struct mqtt_context *context, struct mqtt_pdu *pdu)
{
    struct mqtt_packet packet;
    if (pdu->has_payload_hash || pdu->data[0] >> 4 != MQTT_PUBLISH)
        return;
    enum mqtt_outcome outcome =
        mqtt_decode(pdu->data, pdu->captured, pdu->length, context, &packet);
    if (outcome == MQTT_OK || packet.publish.payload_offset != 0)
        pdu->payload_hash =
            mqtt_hash(MQTT_HASH_START, packet.publish.payload.data, packet.publish.payload.length);
}

static void take_packet(struct session *session, struct mqtt_pdu *pdu)
{
    EXPECT((uint64_t)pdu->captured + pdu->missing + pdu->not_held == pdu->length);
    EXPECT(pdu->captured >= 2);
    session->packets_length += pdu->length;
    session->missing += pdu->missing;
    if (session->count == 512)
        return;
    complete_hash(&session->truth, pdu);
    session->hashes[session->count] = mqtt_hash(MQTT_HASH_START, pdu->data, pdu->captured);
    pdu->data = NULL;
    session->pdus[session->count++] = *pdu;
}

/* Takes events until the stream wants more. Their number is bounded by the bytes. */
static void drain(struct session *session, size_t bytes)
{
    size_t events = 0;
    for (;;) {
        struct mqtt_pdu pdu;
        uint64_t position = session->stream.position;
        uint64_t skipped = session->stream.skipped;
        enum mqtt_stream_event event = mqtt_stream_next(&session->stream, &session->context, &pdu);
        EXPECT(session->stream.held_capacity <= MQTT_STREAM_HOLD);
        if (event == MQTT_STREAM_NEED_MORE)
            break;
        EXPECT(++events <= bytes + 8 + MQTT_STREAM_SEARCH);
        EXPECT(pdu.stream_offset >= position);
        EXPECT(pdu.stream_offset + pdu.length == session->stream.position);
        if (event == MQTT_STREAM_PACKET)
            take_packet(session, &pdu);
        if (event == MQTT_STREAM_SKIPPED)
            EXPECT(session->stream.skipped == skipped + pdu.length);
        if (event == MQTT_STREAM_BROKEN) {
            struct mqtt_packet packet;
            EXPECT(pdu.captured == 5);
            EXPECT(mqtt_decode(pdu.data, pdu.captured, pdu.length, &session->context, &packet) ==
                   MQTT_MALFORMED);
            EXPECT(packet.malformed_rule == MQTT_RULE_REMAINING_LENGTH_MALFORMED);
            session->broken++;
        }
    }
    /* Every byte is accounted for. */
    EXPECT(session->stream.position + mqtt_stream_left(&session->stream) ==
           session->pushed + session->gaps);
}

static void push_cut(struct session *session, const uint8_t *data, size_t captured, size_t reported)
{
    uint8_t *chunk = bytes_exact(data, captured);
    session->pushed += captured;
    session->gaps += reported - captured;
    mqtt_stream_push(&session->stream, chunk, captured, reported);
    drain(session, captured);
    free(chunk);
}

static void push(struct session *session, const uint8_t *data, size_t length)
{
    push_cut(session, data, length, length);
}

static void gap(struct session *session, uint64_t bytes)
{
    session->gaps += bytes;
    mqtt_stream_gap(&session->stream, bytes);
    drain(session, 0);
}

/* The packets from number `first` on came out whole, and nothing else. */
static void assert_packets(const struct session *session, const struct traffic *traffic,
                           size_t first)
{
    EXPECT(session->count == traffic->count - first);
    for (size_t i = 0; i < session->count; i++) {
        const struct mqtt_pdu *pdu = &session->pdus[i];
        const uint8_t *data = traffic->bytes.data + traffic->starts[first + i];
        size_t length = traffic->starts[first + i + 1] - traffic->starts[first + i];
        struct mqtt_pdu whole = {.data = data, .captured = (uint32_t)length, .length = pdu->length};
        complete_hash(&session->truth, &whole);
        EXPECT(pdu->length == length);
        EXPECT(pdu->missing == 0);
        EXPECT(pdu->captured >= (length < MQTT_STREAM_HOLD ? length : MQTT_STREAM_HOLD));
        EXPECT(session->hashes[i] == mqtt_hash(MQTT_HASH_START, data, pdu->captured));
        EXPECT(pdu->payload_hash == whole.payload_hash);
        EXPECT(pdu->has_payload_hash == (pdu->not_held != 0));
    }
}

static void assert_in_sync_throughout(const struct session *session, const struct traffic *traffic)
{
    assert_packets(session, traffic, 0);
    for (size_t i = 0; i < session->count; i++)
        EXPECT(session->pdus[i].stream_offset == traffic->starts[i]);
    EXPECT(session->stream.searches == 0);
    EXPECT(session->stream.skipped == 0);
    EXPECT(mqtt_stream_left(&session->stream) == 0);
}

/* ---- Chunking ---- */

static const uint32_t chunk_sizes[] = {2, 3, 7, 60, 700, 1460, 9000, 70000, 600000};

START_TEST(any_chunking_gives_the_same_packets)
{
    for (size_t v = 0; v < 2; v++) {
        struct traffic traffic;
        make_traffic(&traffic, versions[v], 100, chunk_sizes[_i] >= 1000, 1 + (uint64_t)_i);
        for (uint64_t seed = 1; seed <= 3; seed++) {
            uint64_t random = seed;
            struct session session;
            open_session(&session, true, versions[v]);
            for (size_t at = 0; at < traffic.bytes.length;) {
                size_t length = 1 + random_below(&random, chunk_sizes[_i]);
                if (length > traffic.bytes.length - at)
                    length = traffic.bytes.length - at;
                push(&session, traffic.bytes.data + at, length);
                at += length;
            }
            assert_in_sync_throughout(&session, &traffic);
            close_session(&session);
        }
        free(traffic.bytes.data);
    }
}
END_TEST

START_TEST(one_byte_at_a_time)
{
    struct traffic traffic;
    struct session session;
    make_traffic(&traffic, versions[_i], 150, false, 99);
    open_session(&session, true, versions[_i]);
    for (size_t at = 0; at < traffic.bytes.length; at++)
        push(&session, traffic.bytes.data + at, 1);
    assert_in_sync_throughout(&session, &traffic);
    close_session(&session);
    free(traffic.bytes.data);
}
END_TEST

START_TEST(all_in_one_chunk)
{
    struct traffic traffic;
    struct session session;
    make_traffic(&traffic, versions[_i], 60, true, 7);
    open_session(&session, true, versions[_i]);
    push(&session, traffic.bytes.data, traffic.bytes.length);
    assert_in_sync_throughout(&session, &traffic);
    for (size_t i = 0; i < session.count; i++)
        ck_assert_uint_eq(session.pdus[i].captured, session.pdus[i].length);
    ck_assert_ptr_null(session.stream.held);
    close_session(&session);
    free(traffic.bytes.data);
}
END_TEST

START_TEST(empty_chunks_change_nothing)
{
    struct traffic traffic;
    struct session session;
    make_traffic(&traffic, versions[_i], 30, false, 5);
    open_session(&session, true, versions[_i]);
    push(&session, NULL, 0);
    for (size_t at = 0; at < traffic.bytes.length; at++) {
        push(&session, traffic.bytes.data + at, 1);
        push(&session, NULL, 0);
        gap(&session, 0);
    }
    assert_in_sync_throughout(&session, &traffic);
    close_session(&session);
    free(traffic.bytes.data);
}
END_TEST

/* What is whole in a chunk is not copied. */
START_TEST(whole_packets_are_handed_out_where_they_lie)
{
    static const uint8_t chunk[] = {0xc0, 0x00, 0x40, 0x02, 0x00, 0x01, 0xc0};
    const struct mqtt_context context = {MQTT_VERSION_3_1_1, MQTT_SENDER_UNKNOWN};
    struct mqtt_stream stream;
    struct mqtt_pdu pdu;
    mqtt_stream_init(&stream, true, NULL);
    mqtt_stream_push(&stream, chunk, sizeof(chunk), sizeof(chunk));
    ck_assert_int_eq(mqtt_stream_next(&stream, &context, &pdu), MQTT_STREAM_PACKET);
    ck_assert_ptr_eq(pdu.data, chunk);
    ck_assert_int_eq(mqtt_stream_next(&stream, &context, &pdu), MQTT_STREAM_PACKET);
    ck_assert_ptr_eq(pdu.data, chunk + 2);
    ck_assert_uint_eq(pdu.stream_offset, 2);
    ck_assert_ptr_null(stream.held);
    ck_assert_int_eq(mqtt_stream_next(&stream, &context, &pdu), MQTT_STREAM_NEED_MORE);
    ck_assert_uint_eq(mqtt_stream_left(&stream), 1);
    mqtt_stream_push(&stream, chunk + 1, 5, 5);
    ck_assert_int_eq(mqtt_stream_next(&stream, &context, &pdu), MQTT_STREAM_PACKET);
    ck_assert_ptr_ne(pdu.data, chunk);
    ck_assert_uint_eq(pdu.length, 2);
    ck_assert_int_eq(mqtt_stream_next(&stream, &context, &pdu), MQTT_STREAM_PACKET);
    ck_assert_ptr_eq(pdu.data, chunk + 2);
    ck_assert_uint_eq(mqtt_stream_left(&stream), 0);
    mqtt_stream_free(&stream);
}
END_TEST

/* One to four bytes of Remaining Length (the payload makes the rest), split at each place. */
static const uint32_t payload_lengths[] = {10, 300, 20000, 2200000};

START_TEST(remaining_length_split_anywhere)
{
    uint64_t seed = 3;
    struct bytes bytes = {0};
    add_publish(&bytes, MQTT_VERSION_3_1_1, 0, "t", payload_lengths[_i], &seed);
    ck_assert_uint_eq(bytes.length, 1 + (size_t)_i + 1 + 3 + payload_lengths[_i]);
    bytes_u16(&bytes, 0xc000);
    for (size_t first = 1; first < 8; first++) {
        for (size_t second = 1; second < 8; second++) {
            struct session session;
            open_session(&session, true, MQTT_VERSION_3_1_1);
            push(&session, bytes.data, first);
            push(&session, bytes.data + first, second);
            push(&session, bytes.data + first + second, bytes.length - first - second);
            ck_assert_uint_eq(session.count, 2);
            ck_assert_uint_eq(session.pdus[0].length, bytes.length - 2);
            ck_assert_uint_eq(session.pdus[1].length, 2);
            ck_assert_uint_eq(session.stream.searches, 0);
            close_session(&session);
        }
    }
    free(bytes.data);
}
END_TEST

START_TEST(buffers_are_given_back_between_packets)
{
    uint64_t seed = 4;
    struct bytes bytes = {0};
    struct session session;
    add_publish(&bytes, MQTT_VERSION_5_0, 1, "firmware", 200000, &seed);
    bytes_u16(&bytes, 0xd000);
    open_session(&session, true, MQTT_VERSION_5_0);
    push(&session, bytes.data, 100000);
    ck_assert_uint_ge(session.stream.held_capacity, 100000);
    push(&session, bytes.data + 100000, bytes.length - 100000);
    ck_assert_uint_eq(session.count, 2);
    ck_assert_uint_le(session.stream.held_capacity, 4096);
    close_session(&session);
    free(bytes.data);
}
END_TEST

/* ---- What the capture lacks ---- */

/* PUBLISH "t", 3.1.1, `payload` bytes of payload; header and topic take 5 bytes. */
static struct bytes small_publish(uint32_t payload)
{
    struct bytes bytes = {0};
    uint64_t seed = 11;
    add_publish(&bytes, MQTT_VERSION_3_1_1, 0, "t", payload, &seed);
    return bytes;
}

static const uint8_t ping[] = {0xc0, 0x00};

START_TEST(snap_length_keeps_sync_inside_a_packet)
{
    struct bytes publish = small_publish(100);
    for (size_t cut = 2; cut < publish.length; cut++) {
        struct session session;
        open_session(&session, true, MQTT_VERSION_3_1_1);
        push_cut(&session, publish.data, cut, publish.length);
        push(&session, ping, 2);
        ck_assert_uint_eq(session.count, 2);
        ck_assert_uint_eq(session.pdus[0].captured, cut);
        ck_assert_uint_eq(session.pdus[0].missing, publish.length - cut);
        ck_assert_uint_eq(session.pdus[0].not_held, 0);
        ck_assert_uint_eq(session.pdus[1].stream_offset, publish.length);
        ck_assert_ptr_null(session.stream.held);
        ck_assert_uint_eq(session.stream.searches, 0);
        close_session(&session);
    }
    free(publish.data);
}
END_TEST

/* Each segment of a long packet is cut: only its first bytes are of use. */
START_TEST(snap_length_in_each_segment)
{
    struct bytes publish = small_publish(5000);
    struct session session;
    open_session(&session, true, MQTT_VERSION_3_1_1);
    for (size_t at = 0; at < publish.length; at += 1000) {
        size_t reported = publish.length - at < 1000 ? publish.length - at : 1000;
        push_cut(&session, publish.data + at, reported < 60 ? reported : 60, reported);
    }
    ck_assert_uint_eq(session.count, 1);
    ck_assert_uint_eq(session.pdus[0].captured, 60);
    ck_assert_uint_eq(session.pdus[0].not_held, 4 * 60 + publish.length - 5000);
    ck_assert(session.pdus[0].has_payload_hash);
    uint64_t hash = mqtt_hash(MQTT_HASH_START, publish.data + 6, 54);
    for (size_t at = 1000; at < 5000; at += 1000)
        hash = mqtt_hash(hash, publish.data + at, 60);
    hash = mqtt_hash(hash, publish.data + 5000, publish.length - 5000);
    ck_assert_uint_eq(session.pdus[0].payload_hash, hash);
    push(&session, ping, 2);
    ck_assert_uint_eq(session.count, 2);
    ck_assert_uint_eq(session.stream.searches, 0);
    close_session(&session);
    free(publish.data);
}
END_TEST

/* The cut hides the rest of one packet and all of the next: where that ends, nobody knows. */
START_TEST(snap_length_across_a_packets_end)
{
    struct bytes publish = small_publish(100);
    struct session session;
    open_session(&session, true, MQTT_VERSION_3_1_1);
    push_cut(&session, publish.data, 50, publish.length + 30);
    ck_assert_uint_eq(session.count, 1);
    ck_assert_uint_eq(session.pdus[0].missing, publish.length - 50);
    ck_assert_int_eq(session.stream.state, MQTT_STREAM_SEARCHING);
    ck_assert_uint_eq(session.stream.searches, 1);
    ck_assert_uint_eq(session.stream.position, publish.length + 30);
    push(&session, ping, 2);
    ck_assert_int_eq(session.stream.state, MQTT_STREAM_SYNCED);
    ck_assert_uint_eq(session.count, 2);
    ck_assert_uint_eq(session.pdus[1].stream_offset, publish.length + 30);
    ck_assert_uint_eq(session.stream.skipped, 0);
    close_session(&session);
    free(publish.data);
}
END_TEST

START_TEST(snap_length_in_a_header)
{
    struct bytes publish = small_publish(300);
    for (size_t cut = 1; cut <= 2; cut++) {
        struct session session;
        open_session(&session, true, MQTT_VERSION_3_1_1);
        push_cut(&session, publish.data, cut, publish.length);
        ck_assert_uint_eq(session.count, 0);
        ck_assert_int_eq(session.stream.state, MQTT_STREAM_SEARCHING);
        ck_assert_uint_eq(session.stream.skipped, cut);
        push(&session, publish.data, publish.length);
        ck_assert_uint_eq(session.count, 1);
        ck_assert_uint_eq(session.pdus[0].stream_offset, publish.length);
        close_session(&session);
    }
    free(publish.data);
}
END_TEST

START_TEST(gap_inside_a_payload_keeps_sync)
{
    struct bytes publish = small_publish(1000);
    struct session session;
    open_session(&session, true, MQTT_VERSION_3_1_1);
    push(&session, publish.data, 100);
    gap(&session, 500);
    ck_assert_uint_eq(session.count, 0);
    push(&session, publish.data + 600, publish.length - 600);
    push(&session, ping, 2);
    ck_assert_uint_eq(session.count, 2);
    ck_assert_uint_eq(session.pdus[0].captured, 100);
    ck_assert_uint_eq(session.pdus[0].missing, 500);
    ck_assert_uint_eq(session.pdus[0].not_held, publish.length - 600);
    uint64_t hash = mqtt_hash(MQTT_HASH_START, publish.data + 6, 94);
    ck_assert_uint_eq(session.pdus[0].payload_hash,
                      mqtt_hash(hash, publish.data + 600, publish.length - 600));
    ck_assert_uint_eq(session.pdus[1].stream_offset, publish.length);
    ck_assert_uint_eq(session.stream.searches, 0);
    close_session(&session);
    free(publish.data);
}
END_TEST

/* The topic name is gone: where the payload began can't be told, so there is no hash. */
START_TEST(gap_before_the_payload)
{
    struct bytes publish = small_publish(1000);
    struct session session;
    open_session(&session, true, MQTT_VERSION_3_1_1);
    push(&session, publish.data, 4);
    gap(&session, 10);
    push(&session, publish.data + 14, publish.length - 14);
    ck_assert_uint_eq(session.count, 1);
    ck_assert_uint_eq(session.pdus[0].captured, 4);
    ck_assert_uint_eq(session.pdus[0].not_held, publish.length - 14);
    ck_assert(!session.pdus[0].has_payload_hash);
    close_session(&session);
    free(publish.data);
}
END_TEST

START_TEST(gap_up_to_a_packets_end_keeps_sync)
{
    struct bytes publish = small_publish(1000);
    struct session session;
    open_session(&session, true, MQTT_VERSION_3_1_1);
    push(&session, publish.data, 100);
    gap(&session, publish.length - 100);
    ck_assert_uint_eq(session.count, 1);
    ck_assert_uint_eq(session.pdus[0].missing, publish.length - 100);
    ck_assert_int_eq(session.stream.state, MQTT_STREAM_SYNCED);
    push(&session, ping, 2);
    ck_assert_uint_eq(session.count, 2);
    ck_assert_uint_eq(session.stream.searches, 0);
    close_session(&session);
    free(publish.data);
}
END_TEST

START_TEST(gap_across_a_packets_end)
{
    struct bytes publish = small_publish(1000);
    struct session session;
    open_session(&session, true, MQTT_VERSION_3_1_1);
    push(&session, publish.data, 100);
    gap(&session, publish.length - 100 + 1);
    ck_assert_uint_eq(session.count, 1);
    ck_assert_uint_eq(session.pdus[0].missing, publish.length - 100);
    ck_assert_int_eq(session.stream.state, MQTT_STREAM_SEARCHING);
    /* the rest of a packet whose first byte is lost, then a whole one */
    push(&session, ping + 1, 1);
    push(&session, publish.data, publish.length);
    ck_assert_uint_eq(session.count, 2);
    ck_assert_uint_eq(session.stream.skipped, 1);
    ck_assert_uint_eq(session.stream.searches, 1);
    close_session(&session);
    free(publish.data);
}
END_TEST

START_TEST(gap_in_a_header)
{
    struct bytes publish = small_publish(300);
    struct session session;
    open_session(&session, true, MQTT_VERSION_3_1_1);
    push(&session, publish.data, 2); /* the Remaining Length takes two bytes */
    gap(&session, 1);
    ck_assert_uint_eq(session.count, 0);
    ck_assert_uint_eq(session.stream.skipped, 2);
    ck_assert_int_eq(session.stream.state, MQTT_STREAM_SEARCHING);
    push(&session, publish.data + 3, publish.length - 3);
    push(&session, publish.data, publish.length);
    ck_assert_uint_eq(session.count, 1);
    ck_assert_uint_eq(session.pdus[0].stream_offset, publish.length);
    ck_assert_uint_eq(session.stream.skipped, publish.length - 1);
    close_session(&session);
    free(publish.data);
}
END_TEST

START_TEST(gap_between_packets)
{
    struct session session;
    open_session(&session, true, MQTT_VERSION_3_1_1);
    push(&session, ping, 2);
    gap(&session, UINT64_C(5000000000));
    ck_assert_int_eq(session.stream.state, MQTT_STREAM_SEARCHING);
    push(&session, ping, 2);
    ck_assert_uint_eq(session.count, 2);
    ck_assert_uint_eq(session.pdus[1].stream_offset, UINT64_C(5000000002));
    ck_assert_uint_eq(session.stream.searches, 1);
    close_session(&session);
}
END_TEST

START_TEST(gap_in_mid_search)
{
    struct bytes publish = small_publish(300);
    struct session session;
    open_session(&session, false, MQTT_VERSION_3_1_1);
    push(&session, publish.data, 100); /* may be a packet: is kept */
    ck_assert_uint_eq(mqtt_stream_left(&session.stream), 100);
    gap(&session, 10);
    ck_assert_uint_eq(mqtt_stream_left(&session.stream), 0);
    ck_assert_uint_eq(session.stream.skipped, 100);
    push(&session, publish.data, publish.length);
    ck_assert_uint_eq(session.count, 1);
    close_session(&session);
    free(publish.data);
}
END_TEST

/* ---- 256 MB ---- */

#define HUGE_LENGTH 268435455u /* the largest Remaining Length */

static uint64_t push_huge(size_t chunk_length)
{
    static const uint8_t header[] = {0x30, 0xff, 0xff, 0xff, 0x7f, 0x00, 0x01, 't'};
    uint8_t *chunk = malloc(chunk_length);
    struct session session;
    size_t left = HUGE_LENGTH - 3;
    ck_assert_ptr_nonnull(chunk);
    open_session(&session, true, MQTT_VERSION_3_1_1);
    push(&session, header, sizeof(header));
    memset(chunk, 0x5a, chunk_length);
    while (left > 0) {
        size_t length = left < chunk_length ? left : chunk_length;
        session.pushed += length;
        mqtt_stream_push(&session.stream, chunk, length, length);
        drain(&session, length);
        left -= length;
    }
    free(chunk);
    ck_assert_uint_eq(session.count, 1);
    ck_assert_uint_eq(session.pdus[0].length, HUGE_LENGTH + 5);
    ck_assert_uint_eq(session.pdus[0].captured, MQTT_STREAM_HOLD);
    ck_assert_uint_eq(session.pdus[0].not_held, HUGE_LENGTH + 5 - MQTT_STREAM_HOLD);
    ck_assert(session.pdus[0].has_payload_hash);
    push(&session, ping, 2);
    ck_assert_uint_eq(session.count, 2);
    ck_assert_uint_eq(session.stream.searches, 0);
    close_session(&session);
    return session.pdus[0].payload_hash;
}

START_TEST(a_256_mb_payload_is_counted_and_hashed)
{
    uint8_t block[4096];
    uint64_t hash = MQTT_HASH_START;
    memset(block, 0x5a, sizeof(block));
    for (size_t left = HUGE_LENGTH - 3; left > 0;) {
        size_t length = left < sizeof(block) ? left : sizeof(block);
        hash = mqtt_hash(hash, block, length);
        left -= length;
    }
    ck_assert_uint_eq(push_huge(65536), hash);
    ck_assert_uint_eq(push_huge(10007), hash);
}
END_TEST

/* Published test values of FNV-1a, 64 bits. */
START_TEST(hash_is_fnv_1a)
{
    ck_assert_uint_eq(mqtt_hash(MQTT_HASH_START, NULL, 0), MQTT_HASH_START);
    ck_assert_uint_eq(mqtt_hash(MQTT_HASH_START, (const uint8_t *)"a", 1),
                      UINT64_C(0xaf63dc4c8601ec8c));
    ck_assert_uint_eq(mqtt_hash(MQTT_HASH_START, (const uint8_t *)"foobar", 6),
                      UINT64_C(0x85944171f73967e8));
    uint64_t hash = mqtt_hash(MQTT_HASH_START, (const uint8_t *)"foo", 3);
    ck_assert_uint_eq(mqtt_hash(hash, (const uint8_t *)"bar", 3), UINT64_C(0x85944171f73967e8));
}
END_TEST

/* ---- Starting in mid-connection ---- */

static const struct start_row {
    const char *what;
    enum mqtt_version version;
    enum mqtt_sender sender;
    size_t length;
    uint8_t bytes[40];
    size_t start;
} start_rows[] = {
    {"nothing", MQTT_VERSION_3_1_1, 0, 0, {0}, 0},
    {"one packet, all there is", MQTT_VERSION_3_1_1, 0, 2, {0xc0, 0}, 0},
    {"from the side that may send it", MQTT_VERSION_3_1_1, MQTT_SENDER_CLIENT, 2, {0xc0, 0}, 0},
    {"from the side that may not", MQTT_VERSION_3_1_1, MQTT_SENDER_SERVER, 2, {0xc0, 0}, 2},
    {"two bytes at the end prove little", MQTT_VERSION_3_1_1, 0, 5, {1, 2, 3, 0xc0, 0}, 5},
    {"nor does an acknowledgement", MQTT_VERSION_3_1_1, 0, 7, {1, 2, 3, 0x40, 2, 0, 9}, 7},
    {"two of them do", MQTT_VERSION_3_1_1, 0, 9, {1, 0x40, 2, 0, 9, 0x40, 2, 0, 8}, 1},
    {"a PUBLISH does", MQTT_VERSION_3_1_1, 0, 9, {1, 0x30, 6, 0, 3, 'a', '/', 'b', 'c'}, 1},
    {"two packets and the beginning of a third",
     MQTT_VERSION_3_1_1,
     0,
     9,
     {1, 0x40, 2, 0, 9, 0xc0, 0, 0x30, 9},
     1},
    {"two packets and its first byte", MQTT_VERSION_3_1_1, 0, 6, {1, 0xc0, 0, 0xd0, 0, 0x40}, 1},
    {"two packets and rubbish", MQTT_VERSION_3_1_1, 0, 8, {1, 0x40, 2, 0, 9, 0xc0, 0, 0x00}, 8},
    {"one packet and the beginning of a second",
     MQTT_VERSION_3_1_1,
     0,
     6,
     {0x40, 2, 0, 9, 0x30, 9},
     6},
    {"a packet with a finding does not count", MQTT_VERSION_3_1_1, 0, 2, {0xc1, 0}, 2},
    {"reserved type", MQTT_VERSION_3_1_1, 0, 2, {0, 0}, 2},
    {"AUTH before 5.0", MQTT_VERSION_3_1_1, 0, 2, {0xf0, 0}, 2},
    {"PUBACK of 5.0 in 3.1.1", MQTT_VERSION_3_1_1, 0, 6, {0x40, 4, 0, 9, 0, 0}, 6},
    {"PUBACK of 5.0", MQTT_VERSION_5_0, 0, 6, {0x40, 4, 0, 9, 0, 0}, 0},
    {"PUBACK of 5.0, version unknown", MQTT_VERSION_UNKNOWN, 0, 6, {0x40, 4, 0, 9, 0, 0}, 0},
    {"SUBACK of 3.1.1, version unknown", MQTT_VERSION_UNKNOWN, 0, 5, {0x90, 3, 0, 9, 0x80}, 0},
    {"SUBACK of 3.1.1 in 5.0", MQTT_VERSION_5_0, 0, 5, {0x90, 3, 0, 9, 0x80}, 5},
    {"five-byte length",
     MQTT_VERSION_3_1_1,
     0,
     8,
     {0x30, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xc0, 0},
     8},
};

START_TEST(find_start)
{
    const struct start_row *row = &start_rows[_i];
    const struct mqtt_context context = {row->version, row->sender};
    uint8_t *bytes = bytes_exact(row->bytes, row->length);
    ck_assert_msg(mqtt_stream_find_start(bytes, row->length, &context) == row->start, "%s: %zu",
                  row->what, mqtt_stream_find_start(bytes, row->length, &context));
    free(bytes);
}
END_TEST

/* A packet a segment, the capture begins at any byte of the first one: all others come out. */
static void start_inside_first_packet(const struct traffic *traffic, enum mqtt_version known,
                                      size_t offset)
{
    struct session session;
    open_session(&session, false, known);
    session.truth.version = traffic->version;
    ck_assert_uint_eq(session.stream.searches, 1);
    push(&session, traffic->bytes.data + offset, traffic->starts[1] - offset);
    for (size_t i = 1; i < traffic->count; i++)
        push(&session, traffic->bytes.data + traffic->starts[i],
             traffic->starts[i + 1] - traffic->starts[i]);
    assert_packets(&session, traffic, offset == 0 ? 0 : 1);
    ck_assert_uint_eq(session.stream.skipped, offset == 0 ? 0 : traffic->starts[1] - offset);
    close_session(&session);
}

START_TEST(start_in_mid_packet)
{
    for (size_t v = 0; v < 2; v++) {
        struct traffic traffic = {.version = versions[v], .count = 12};
        uint64_t seed = 20 + (uint64_t)_i;
        for (size_t i = 0; i < traffic.count; i++) {
            traffic.starts[i] = traffic.bytes.length;
            add_publish(&traffic.bytes, versions[v], (unsigned)i % 3, "rooms/1", 40 + 10 * i,
                        &seed);
        }
        traffic.starts[traffic.count] = traffic.bytes.length;
        for (size_t offset = 0; offset < traffic.starts[1]; offset++) {
            start_inside_first_packet(&traffic, versions[v], offset);
            if (versions[v] == MQTT_VERSION_3_1_1)
                start_inside_first_packet(&traffic, MQTT_VERSION_UNKNOWN, offset);
        }
        free(traffic.bytes.data);
    }
}
END_TEST

/* Full segments, whose ends say nothing: sync is found, and what comes out from then on is what
 * went in. */
START_TEST(start_in_mid_stream)
{
    for (size_t v = 0; v < 2; v++) {
        struct traffic traffic;
        make_traffic(&traffic, versions[v], 400, false, 31);
        for (size_t from = 1; from < 3000; from += 251) {
            struct session session;
            open_session(&session, false, _i == 0 ? versions[v] : MQTT_VERSION_UNKNOWN);
            session.truth.version = versions[v];
            for (size_t at = from; at < traffic.bytes.length; at += 1460) {
                size_t left = traffic.bytes.length - at;
                push(&session, traffic.bytes.data + at, left < 1460 ? left : 1460);
            }
            ck_assert_uint_ge(session.count, 300);
            ck_assert_uint_eq(session.stream.searches, 1);
            ck_assert_uint_le(session.stream.skipped, MQTT_STREAM_SEARCH);
            assert_packets(&session, &traffic, traffic.count - session.count);
            close_session(&session);
        }
        free(traffic.bytes.data);
    }
}
END_TEST

/* A transfer that fills the search's window many times over does not slow down or grow. */
START_TEST(start_inside_a_long_payload)
{
    struct bytes publish = small_publish(3000000);
    struct session session;
    open_session(&session, false, MQTT_VERSION_UNKNOWN);
    for (size_t at = 1000; at < publish.length; at += 1460) {
        size_t left = publish.length - at;
        push(&session, publish.data + at, left < 1460 ? left : 1460);
        ck_assert_uint_le(mqtt_stream_left(&session.stream), MQTT_STREAM_SEARCH);
    }
    ck_assert_uint_eq(session.count, 0);
    push(&session, ping, 2);
    ck_assert_uint_eq(session.count, 1);
    ck_assert_uint_eq(session.stream.skipped, publish.length - 1000);
    close_session(&session);
    free(publish.data);
}
END_TEST

/* Something that looks like the beginning of a long packet fills the search's window: only that is
 * given up, not the packet that begins behind it. */
START_TEST(window_gives_up_the_oldest_place)
{
    static const uint8_t long_one[] = {0x30, 0xff, 0xff, 0x7f, 0x00, 0x01, 'a'};
    struct bytes bytes = {0};
    struct session session;
    bytes_add(&bytes, long_one, sizeof(long_one));
    for (unsigned i = 0; i < 9000; i++)
        bytes_u8(&bytes, 0);
    const size_t start = bytes.length;
    for (unsigned i = 0; i < 3; i++) {
        bytes_u8(&bytes, 0x30);
        bytes_variable(&bytes, 3 + 6000);
        bytes_text(&bytes, "t");
        for (unsigned j = 0; j < 6000; j++)
            bytes_u8(&bytes, 0);
    }
    open_session(&session, false, MQTT_VERSION_3_1_1);
    for (size_t at = 0; at < bytes.length; at += 1000)
        push(&session, bytes.data + at, bytes.length - at < 1000 ? bytes.length - at : 1000);
    ck_assert_uint_eq(session.count, 3);
    ck_assert_uint_eq(session.pdus[0].stream_offset, start);
    ck_assert_uint_eq(session.stream.skipped, start);
    close_session(&session);
    free(bytes.data);
}
END_TEST

/* ---- Broken and hostile ---- */

START_TEST(five_byte_remaining_length)
{
    static const uint8_t broken[] = {0xc0, 0x00, 0x30, 0x80, 0x80, 0x80, 0x80};
    struct bytes publish = small_publish(50);
    for (size_t first = 1; first <= sizeof(broken); first++) {
        struct session session;
        open_session(&session, true, MQTT_VERSION_3_1_1);
        push(&session, broken, first);
        push(&session, broken + first, sizeof(broken) - first);
        ck_assert_uint_eq(session.count, 1);
        ck_assert_uint_eq(session.broken, 1);
        ck_assert_uint_eq(session.stream.skipped, 0);
        ck_assert_uint_eq(session.stream.position, sizeof(broken));
        ck_assert_int_eq(session.stream.state, MQTT_STREAM_SEARCHING);
        push(&session, publish.data, publish.length);
        ck_assert_uint_eq(session.count, 2);
        ck_assert_int_eq(session.stream.state, MQTT_STREAM_SYNCED);
        close_session(&session);
    }
    free(publish.data);
}
END_TEST

/* Sync is found among bytes that are held, is lost again there, and found again there. */
START_TEST(broken_among_held_bytes)
{
    static const uint8_t bytes[] = {0x30, 0x06, 0x00, 0x03, 'a',  '/',  'b',  'x',  0x40, 0x02,
                                    0x00, 0x01, 0x40, 0x02, 0x00, 0x02, 0x30, 0xff, 0xff, 0xff,
                                    0xff, 0x01, 0x40, 0x02, 0x00, 0x03, 0x40, 0x02, 0x00, 0x04};
    struct session session;
    open_session(&session, false, MQTT_VERSION_3_1_1);
    push(&session, bytes, 6);
    ck_assert_uint_eq(session.count, 0);
    push(&session, bytes + 6, sizeof(bytes) - 6);
    ck_assert_uint_eq(session.count, 5);
    ck_assert_uint_eq(session.broken, 1);
    ck_assert_uint_eq(session.stream.skipped, 1);
    ck_assert_uint_eq(session.stream.searches, 2);
    close_session(&session);
}
END_TEST

/* Bytes of which many packets are made, bytes that look like long ones, and any bytes. */
static const struct alphabet {
    uint32_t length;
    uint8_t bytes[12];
} alphabets[] = {
    {0, {0}},
    {2, {0xc0, 0x00}},
    {3, {0xc0, 0x00, 0xd0}},
    {6, {0x30, 0x00, 0x01, 0x02, 0x61, 0x7f}},
    {5, {0x30, 0x80, 0xff, 0x7f, 0x00}},
    {7, {0x40, 0x02, 0x00, 0x01, 0x62, 0x90, 0x03}},
    {12, {0x10, 0x20, 0x30, 0x82, 0xa2, 0xe0, 0xf0, 0x00, 0x01, 0x02, 0x04, 0x05}},
};

START_TEST(hostile_bytes_are_bounded)
{
    const struct alphabet *alphabet = &alphabets[_i];
    for (uint64_t seed = 1; seed <= 30; seed++) {
        uint64_t random = seed * 7919;
        struct session session;
        open_session(&session, seed % 2 == 0, (enum mqtt_version)(seed % 6));
        uint32_t longest = seed % 3 == 0 ? 1 : seed % 3 == 1 ? 50 : 3000;
        for (size_t total = 0; total < 60000;) {
            uint8_t chunk[3000];
            size_t length = 1 + random_below(&random, longest);
            for (size_t i = 0; i < length; i++)
                chunk[i] = alphabet->length == 0
                               ? (uint8_t)random_next(&random)
                               : alphabet->bytes[random_below(&random, alphabet->length)];
            unsigned what = random_below(&random, 200);
            push_cut(&session, chunk, length, length + (what == 0 ? random_below(&random, 99) : 0));
            if (what == 1)
                gap(&session, random_below(&random, 1000));
            total += length;
        }
        ck_assert_uint_eq(session.packets_length + session.stream.skipped + 5 * session.broken,
                          session.stream.position - (session.gaps - session.missing) +
                              session.stream.packet_missing);
        close_session(&session);
    }
}
END_TEST

SUITE("stream", TABLE(any_chunking_gives_the_same_packets, chunk_sizes),
      TABLE(one_byte_at_a_time, versions), TABLE(all_in_one_chunk, versions),
      TABLE(empty_chunks_change_nothing, versions),
      TEST(whole_packets_are_handed_out_where_they_lie),
      TABLE(remaining_length_split_anywhere, payload_lengths),
      TEST(buffers_are_given_back_between_packets), TEST(snap_length_keeps_sync_inside_a_packet),
      TEST(snap_length_in_each_segment), TEST(snap_length_across_a_packets_end),
      TEST(snap_length_in_a_header), TEST(gap_inside_a_payload_keeps_sync),
      TEST(gap_before_the_payload), TEST(gap_up_to_a_packets_end_keeps_sync),
      TEST(gap_across_a_packets_end), TEST(gap_in_a_header), TEST(gap_between_packets),
      TEST(gap_in_mid_search), TEST(a_256_mb_payload_is_counted_and_hashed), TEST(hash_is_fnv_1a),
      TABLE(find_start, start_rows), TABLE(start_in_mid_packet, versions),
      TABLE(start_in_mid_stream, versions), TEST(start_inside_a_long_payload),
      TEST(window_gives_up_the_oldest_place), TEST(five_byte_remaining_length),
      TEST(broken_among_held_bytes), TABLE(hostile_bytes_are_bounded, alphabets))
