/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MQTT over WebSocket as transcripts of what comes out: the upgrade, frames of every shape, and
 * what the capture lacks. Each script is pushed whole and a byte at a time; both must say the same.
 */
#include "transport/websocket.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"

enum { CLIENT = 1, SERVER = 0, TRANSCRIPT_SIZE = 4096, MAX_STEPS = 12 };

#define REQUEST                                                                                    \
    "GET /mqtt HTTP/1.1\r\nHost: broker\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"          \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: chat, mqtt\r\n\r\n"
#define RESPONSE                                                                                   \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Protocol: mqtt\r\n"
#define DEFLATE "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"

/* What a mask of 1, 2, 3, 4 makes of text is tedious by hand: masks of zeros and one of spaces,
 * which exchanges small and capital letters. */
#define NO_MASK "\0\0\0\0"
#define SPACES "    "

struct run {
    char transcript[TRANSCRIPT_SIZE];
    size_t length;
    unsigned in_data; /* 1 + the side whose data the last line is */
};

__attribute__((format(printf, 2, 3))) static void say(struct run *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(run->transcript + run->length, sizeof run->transcript - run->length,
                           format, arguments);
    va_end(arguments);
    run->length += (size_t)length;
    ck_assert_uint_lt(run->length, sizeof run->transcript);
}

/* Data in pieces is written as one line, for how it is cut does not matter. */
static void end_line(struct run *run)
{
    if (run->in_data)
        say(run, "\n");
    run->in_data = 0;
}

static char name_of(unsigned side)
{
    return side == CLIENT ? 'C' : 'S';
}

static void on_data(void *context, unsigned side, struct slice bytes)
{
    struct run *run = context;
    ck_assert_uint_gt(bytes.reported, 0);
    if (run->in_data != side + 1) {
        end_line(run);
        say(run, "%c ", name_of(side));
    }
    run->in_data = side + 1;
    say(run, "%.*s", (int)bytes.captured, (const char *)bytes.data);
    for (uint32_t i = bytes.captured; i < bytes.reported; i++)
        say(run, "~");
}

static void on_gap(void *context, unsigned side, uint64_t count)
{
    end_line(context);
    say(context, "%c gap %" PRIu64 "\n", name_of(side), count);
}

static void on_lost(void *context, unsigned side)
{
    end_line(context);
    say(context, "%c out of sync\n", name_of(side));
}

static void on_event(void *context, unsigned side, enum websocket_event event, uint64_t value)
{
    static const char *const names[] = {
        [WEBSOCKET_REQUEST] = "request",     [WEBSOCKET_ACCEPTED] = "accepted",
        [WEBSOCKET_REFUSED] = "refused",     [WEBSOCKET_NOT_MQTT] = "not mqtt",
        [WEBSOCKET_PING] = "ping",           [WEBSOCKET_PONG] = "pong",
        [WEBSOCKET_CLOSE] = "close",         [WEBSOCKET_TEXT] = "text",
        [WEBSOCKET_COMPRESSED] = "deflated", [WEBSOCKET_MASKING] = "masking",
        [WEBSOCKET_MALFORMED] = "malformed", [WEBSOCKET_LOST] = "lost",
        [WEBSOCKET_FOUND] = "found",
    };
    end_line(context);
    say(context, "%c %s %" PRIu64 "\n", name_of(side), names[event], value);
}

static struct websocket_sink sink_of(struct run *run)
{
    return (struct websocket_sink){run, on_data, on_gap, on_lost, on_event};
}

/* A segment; without text, a gap. */
struct step {
    unsigned side;
    const char *text;
    uint32_t length;
    uint32_t missing;
};

#define C(text)                                                                                    \
    {                                                                                              \
        CLIENT, text, sizeof(text) - 1, 0                                                          \
    }
#define S(text)                                                                                    \
    {                                                                                              \
        SERVER, text, sizeof(text) - 1, 0                                                          \
    }
#define CUT(side, text, missing)                                                                   \
    {                                                                                              \
        side, text, sizeof(text) - 1, missing                                                      \
    }
#define GAP(side, count)                                                                           \
    {                                                                                              \
        side, NULL, 0, count                                                                       \
    }

#define OPEN C(REQUEST), S(RESPONSE "\r\n")
#define OPENED "C request 1\nS accepted 1\n"

static const struct scenario {
    const char *name;
    struct step steps[MAX_STEPS];
    const char *transcript;
} scenarios[] = {
    {"both ways",
     {OPEN, C("\x82\x83" NO_MASK "abc"), S("\x82\x02xy"), C("\x82\x81" SPACES "D")},
     OPENED "C abc\nS xy\nC d\n"},
    {"frames behind the heads",
     {C(REQUEST "\x82\x81" NO_MASK "a"), S(RESPONSE "\r\n\x82\x01x")},
     "C request 1\nC a\nS accepted 1\nS x\n"},
    {"two frames a segment",
     {OPEN, C("\x82\x81" SPACES "A\x82\x82" SPACES "BC")},
     OPENED "C abc\n"},
    {"one frame over segments",
     {OPEN, C("\x82\x86" SPACES "AB"), C("CD"), C("EF")},
     OPENED "C abcdef\n"},
    {"mask in phase",
     {OPEN,
      C("\x82\x86\1\2\3\4"
        "``"),
      C("``dd")},
     OPENED "C abcdef\n"},
    {"fragmented message",
     {OPEN, S("\x02\x02"
              "ab"
              "\x00\x01"
              "c"
              "\x80\x01"
              "d"
              "\x82\x01"
              "e")},
     OPENED "S abcde\n"},
    {"ping between fragments",
     {OPEN, S("\x02\x01"
              "a"
              "\x89\x03"
              "hey"
              "\x80\x01"
              "b")},
     OPENED "S a\nS ping 3\nS b\n"},
    {"ping and pong", {OPEN, S("\x89\x00"), C("\x8a\x80" NO_MASK)}, OPENED "S ping 0\nC pong 0\n"},
    {"close",
     {OPEN,
      C("\x88\x85" SPACES "#\xc8"
        "BYE"),
      S("\x88\x02\x03\xea"), S("\x88\x00")},
     OPENED "C close 1000\nS close 1002\nS close 1005\n"},
    {"length of 16 bits",
     {OPEN, S("\x82\x7e\x00\x7e"
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x82\x01z")},
     OPENED "S aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaz\n"},
    {"length of 64 bits",
     {OPEN, S("\x82\x7f\0\0\0\0\0\1\0\0"
              "a")},
     OPENED "S a\n"},
    {"empty frame",
     {OPEN, S("\x82\x00\x82\x01"
              "a")},
     OPENED "S a\n"},
    {"text", {OPEN, C("\x81\x82" SPACES "AB"), S("\x82\x01x")}, OPENED "C text 0\nC ab\nS x\n"},
    {"no mask from the client",
     {OPEN, C("\x82\x01"
              "a")},
     OPENED "C masking 0\nC a\n"},
    {"a mask from the server", {OPEN, S("\x82\x81" SPACES "A")}, OPENED "S masking 0\nS a\n"},
    {"continuation of nothing",
     {OPEN, S("\x80\x01"
              "a")},
     OPENED "S malformed 0\nS a\n"},
    {"a message inside another",
     {OPEN, S("\x02\x01"
              "a"
              "\x82\x01"
              "b")},
     OPENED "S a\nS malformed 0\nS b\n"},
    {"a reserved opcode",
     {OPEN, S("\x83\x01"
              "a")},
     OPENED "S malformed 0\nS lost 0\nS out of sync\n"},
    {"reserved bits",
     {OPEN, S("\xa2\x01"
              "a")},
     OPENED "S malformed 0\nS lost 0\nS out of sync\n"},
    {"compressed without agreement",
     {OPEN, S("\xc2\x01"
              "a")},
     OPENED "S malformed 0\nS lost 0\nS out of sync\n"},
    {"a long ping",
     {OPEN, S("\x89\x7e\x00\x7e")},
     OPENED "S malformed 0\nS lost 0\nS out of sync\n"},
    {"a fragmented ping",
     {OPEN, S("\x09\x01"
              "a")},
     OPENED "S malformed 0\nS lost 0\nS out of sync\n"},
    {"a length in too many bytes",
     {OPEN, S("\x82\x7e\x00\x01"
              "a")},
     OPENED "S malformed 0\nS lost 0\nS out of sync\n"},
    {"the old subprotocol",
     {C("GET / HTTP/1.1\r\nSec-WebSocket-Protocol:mqttv3.1\r\n\r\n"),
      S("HTTP/1.1 101 \r\n\r\n\x82\x01x")},
     "C request 1\nS accepted 2\nS x\n"},
    {"another subprotocol",
     {C("GET / HTTP/1.1\r\nSec-WebSocket-Protocol: xmqtt, mqtts\r\n\r\n"), S("HTTP")},
     "C not mqtt 0\n"},
    {"plain HTTP", {C("GET /index.html HTTP/1.1\r\nHost: mqtt\r\n\r\n")}, "C not mqtt 0\n"},
    {"the server chose another",
     {C(REQUEST), S("HTTP/1.1 101 \r\nSec-WebSocket-Protocol: chat\r\n\r\n")},
     "C request 1\nS accepted 3\n"},
    {"the server chose both by halves", /* a header of each kind is lawful */
     {C("GET / HTTP/1.1\r\nSec-WebSocket-Protocol: mqttv3.1\r\nsec-websocket-protocol: "
        "mqtt\r\n\r\n"),
      S("HTTP/1.1 101 \r\nSEC-WEBSOCKET-PROTOCOL:  MQTTv3.1 \r\n\r\n")},
     "C request 1\nS accepted 1\n"},
    {"no subprotocol at all",
     {C("GET / HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n"),
      S("HTTP/1.1 101 \r\nUpgrade: websocket\r\n\r\n"), C("\x82\x81" SPACES "A"), S("\x82\x01x")},
     "C request 2\nS accepted 2\nC a\nS x\n"},
    {"an upgrade to something else",
     {C("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")},
     "C not mqtt 0\n"},
    {"refused",
     {C(REQUEST), S("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!\n")},
     "C request 1\nS refused 403\n"},
    {"refused, asked again",
     {C(REQUEST), S("HTTP/1.1 401 Unauthorized\r\n\r\n"), OPEN, S("\x82\x01x")},
     "C request 1\nS refused 401\n" OPENED "S x\n"},
    {"compressed",
     {C(REQUEST), S(RESPONSE DEFLATE "\r\n"),
      C("\xc2\x83" SPACES "ABC"
        "\x82\x81" SPACES "D"),
      S("\x42\x01"
        "a"
        "\x80\x01"
        "b"
        "\x82\x01"
        "c")},
     OPENED "C deflated 3\nC out of sync\nC d\nS deflated 1\nS out of sync\nS deflated 1\nS c\n"},
};

/* What the capture lacks; how it is cut matters here. */
static const struct scenario imperfect[] = {
    {"cut in a payload",
     {OPEN, CUT(CLIENT, "\x82\x85" SPACES "AB", 3), C("\x82\x81" SPACES "F")},
     OPENED "C ab~~~f\n"},
    {"cut over two frames",
     {OPEN,
      CUT(SERVER,
          "\x82\x02"
          "ab"
          "\x82",
          3),
      S("\x82\x01x")},
     OPENED "S ab\nS lost 0\nS out of sync\nS found 3\nS x\n"},
    {"cut heads",
     {CUT(CLIENT, "GET /mqtt HTTP/1.1\r\nHost: br", 99), CUT(SERVER, "HTTP/1.1 101 Swi", 80),
      C("\x82\x81" SPACES "A"), S("\x82\x01x")},
     "C request 0\nS accepted 0\nC a\nS x\n"},
    {"gap in a payload",
     {OPEN, C("\x82\x86" SPACES "A"), GAP(CLIENT, 3), C("EF\x82\x81" SPACES "G")},
     OPENED "C a\nC gap 3\nC efg\n"},
    {"gap to the end of a frame",
     {OPEN, C("\x82\x84" SPACES "A"), GAP(CLIENT, 3), C("\x82\x81" SPACES "G")},
     OPENED "C a\nC gap 3\nC g\n"},
    {"gap over the end of a frame",
     {OPEN,
      S("\x82\x04"
        "a"),
      GAP(SERVER, 5), S("bc"),
      S("\x82\x01"
        "d")},
     OPENED "S a\nS gap 3\nS lost 0\nS out of sync\nS found 4\nS d\n"},
    {"found by two frames",
     {OPEN, GAP(SERVER, 9), S("\x82\x7f"),
      S("\x82\x01"
        "d"
        "\x82\x05"
        "ef"),
      S("ghi")},
     OPENED "S lost 0\nS out of sync\nS found 11\nS defghi\n"},
    {"found in the middle of a message",
     {OPEN, GAP(SERVER, 9),
      S("\x00\x01"
        "d"),
      S("\x80\x01"
        "e"),
      S("\x82\x01"
        "f")},
     OPENED "S lost 0\nS out of sync\nS found 9\nS def\n"},
    {"not found by a wrong mask",
     {OPEN, GAP(CLIENT, 9),
      C("\x82\x01"
        "d"),
      C("\x82\x81" SPACES "E")},
     OPENED "C lost 0\nC out of sync\nC found 12\nC e\n"},
    {"the response is missing",
     {C(REQUEST), GAP(SERVER, 129), S("\x82\x01x"), C("\x82\x81" SPACES "A")},
     "C request 1\nS lost 0\nS out of sync\nS found 129\nS x\nC a\n"},
    {"gap in a skipped message",
     {C(REQUEST), S(RESPONSE DEFLATE "\r\n"),
      S("\xc2\x03"
        "a"),
      GAP(SERVER, 2),
      S("\x82\x01"
        "c")},
     OPENED "S deflated 3\nS out of sync\nS c\n"},
    {"a close cut", {OPEN, CUT(SERVER, "\x88\x02", 2)}, OPENED "S close 0\n"},
};

static void play(const struct scenario *s, uint32_t at_a_time)
{
    struct run run = {.length = 0};
    struct websocket_sink sink = sink_of(&run);
    struct websocket *websocket = websocket_new(CLIENT, NULL);
    ck_assert_ptr_nonnull(websocket);
    for (size_t i = 0; i < MAX_STEPS && (s->steps[i].text != NULL || s->steps[i].missing); i++) {
        const struct step *step = &s->steps[i];
        if (step->text == NULL) {
            websocket_gap(websocket, step->side, step->missing, &sink);
            continue;
        }
        for (uint32_t at = 0; at < step->length; at += at_a_time) {
            uint32_t count = step->length - at < at_a_time ? step->length - at : at_a_time;
            uint32_t missing = at + count == step->length ? step->missing : 0;
            /* Memory of its exact size, so that a sanitizer sees a read behind it. */
            uint8_t *copy = malloc(count);
            ck_assert_ptr_nonnull(copy);
            memcpy(copy, step->text + at, count);
            websocket_push(websocket, step->side, (struct slice){copy, count, count + missing},
                           &sink);
            free(copy);
        }
    }
    size_t length = strlen(s->transcript);
    if (length > 0 && s->transcript[length - 1] == '\n')
        end_line(&run);
    ck_assert_msg(strcmp(run.transcript, s->transcript) == 0,
                  "%s, %u at a time:\n%swhere this was expected:\n%s", s->name, at_a_time,
                  run.transcript, s->transcript);
    websocket_free(websocket);
}

START_TEST(transcripts)
{
    play(&scenarios[_i], UINT32_MAX / 2);
    play(&scenarios[_i], 1);
    play(&scenarios[_i], 3);
}
END_TEST

START_TEST(imperfect_captures)
{
    play(&imperfect[_i], UINT32_MAX / 2);
}
END_TEST

START_TEST(knows_its_start)
{
    static const char request[] = "GET / HTTP/1.1";
    const uint8_t *bytes = (const uint8_t *)request;
    ck_assert(websocket_may_start((struct slice){bytes, 14, 14}));
    ck_assert(websocket_may_start((struct slice){bytes, 2, 14}));
    ck_assert(!websocket_may_start((struct slice){bytes, 0, 14}));
    ck_assert(!websocket_may_start((struct slice){bytes + 1, 13, 13}));
    ck_assert(!websocket_may_start((struct slice){(const uint8_t *)"\x10\x0c\0\4MQTT", 8, 8}));
}
END_TEST

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static const uint32_t seeds[] = {3,      17,      291,      4051,      60013,
                                 700001, 9000011, 12345678, 222222227, 3141592653};

/* What went in, and how far it has come out. */
struct check {
    uint8_t sent[20000];
    uint32_t position;
};

static void check_data(void *context, unsigned side, struct slice bytes)
{
    struct check *check = context;
    ck_assert_uint_eq(side, CLIENT);
    ck_assert_uint_le(check->position + bytes.reported, sizeof check->sent);
    ck_assert_mem_eq(check->sent + check->position, bytes.data, bytes.captured);
    check->position += bytes.reported;
}

static void check_gap(void *context, unsigned side, uint64_t count)
{
    (void)side;
    ((struct check *)context)->position += (uint32_t)count;
}

static void check_lost(void *context, unsigned side)
{
    (void)context, (void)side;
    ck_abort_msg("lost");
}

static void check_event(void *context, unsigned side, enum websocket_event event, uint64_t value)
{
    (void)context, (void)side, (void)value;
    ck_assert(event == WEBSOCKET_REQUEST || event == WEBSOCKET_PING);
}

/* Appends a frame; returns its size. */
static size_t put_frame(uint8_t *out, uint8_t first, const uint8_t *payload, uint32_t length,
                        uint32_t mask)
{
    size_t size = 0;
    out[size++] = first;
    if (length < 126) {
        out[size++] = (uint8_t)(0x80 | length);
    } else {
        out[size++] = 0xfe;
        out[size++] = (uint8_t)(length >> 8);
        out[size++] = (uint8_t)length;
    }
    uint8_t key[4];
    memcpy(key, &mask, sizeof key);
    memcpy(out + size, key, sizeof key);
    size += sizeof key;
    for (uint32_t i = 0; i < length; i++)
        out[size++] = payload[i] ^ key[i % 4];
    return size;
}

/* Any cutting into messages, frames and segments, with payload bytes missing here and there, gives
 * the same stream. */
START_TEST(any_cutting_gives_the_same_stream)
{
    static struct check check;
    static uint8_t wire[100000];
    static bool payload_at[sizeof wire];
    uint32_t random = seeds[_i];
    memset(&check, 0, sizeof check);
    memset(payload_at, 0, sizeof payload_at);
    for (size_t i = 0; i < sizeof check.sent; i++)
        check.sent[i] = (uint8_t)next_random(&random);
    size_t size = sizeof REQUEST - 1;
    memcpy(wire, REQUEST, size);
    bool in_message = false;
    for (uint32_t at = 0; at < sizeof check.sent;) {
        uint32_t length = next_random(&random) % (next_random(&random) % 8 ? 200 : 12000);
        if (length > sizeof check.sent - at)
            length = (uint32_t)sizeof check.sent - at;
        bool final = next_random(&random) % 2;
        uint8_t first = (uint8_t)((final ? 0x80 : 0) | (in_message ? 0 : 2));
        size += put_frame(wire + size, first, check.sent + at, length, next_random(&random));
        memset(payload_at + size - length, true, length);
        in_message = !final;
        at += length;
        if (next_random(&random) % 8 == 0)
            size += put_frame(wire + size, 0x89, wire, next_random(&random) % 126, 5);
    }
    const struct websocket_sink sink = {&check, check_data, check_gap, check_lost, check_event};
    struct websocket *websocket = websocket_new(CLIENT, NULL);
    for (size_t at = 0; at < size;) {
        uint32_t count = 1 + next_random(&random) % 1500;
        if (count > size - at)
            count = (uint32_t)(size - at);
        uint32_t captured = count;
        while (_i % 2 && captured > 0 && payload_at[at + captured - 1] && next_random(&random) % 64)
            captured--;
        if (captured > 0 || next_random(&random) % 2)
            websocket_push(websocket, CLIENT, (struct slice){wire + at, captured, count}, &sink);
        else
            websocket_gap(websocket, CLIENT, count, &sink);
        at += count;
    }
    ck_assert_uint_eq(check.position, sizeof check.sent);
    websocket_free(websocket);
}
END_TEST

static void count_data(void *context, unsigned side, struct slice bytes)
{
    (void)side;
    uint8_t last = 0;
    for (uint32_t i = 0; i < bytes.captured; i++)
        last ^= bytes.data[i];
    *(uint64_t *)context += bytes.reported + (last & 0);
}

static void count_gap(void *context, unsigned side, uint64_t count)
{
    (void)side;
    *(uint64_t *)context += count;
}

static void count_lost(void *context, unsigned side)
{
    (void)context, (void)side;
}

static void count_event(void *context, unsigned side, enum websocket_event event, uint64_t value)
{
    (void)context, (void)side, (void)event, (void)value;
}

START_TEST(survives_noise)
{
    uint32_t random = seeds[_i];
    uint64_t out = 0;
    const struct websocket_sink sink = {&out, count_data, count_gap, count_lost, count_event};
    for (int round = 0; round < 500; round++) {
        struct websocket *websocket = websocket_new(CLIENT, NULL);
        static const char heads[2][512] = {RESPONSE DEFLATE "\r\n", REQUEST};
        for (int step = 0; step < 30; step++) {
            unsigned side = next_random(&random) % 2;
            uint8_t bytes[512];
            memcpy(bytes, heads[side], sizeof bytes);
            uint32_t captured =
                step < 2 ? (uint32_t)strlen(heads[side]) : next_random(&random) % 40;
            for (uint32_t i = 0; step >= 2 && i < captured; i++)
                bytes[i] = (uint8_t)(next_random(&random) % 3 ? next_random(&random)
                                                              : 0x80 | next_random(&random) % 12);
            if (next_random(&random) % 4 == 0)
                bytes[next_random(&random) % (captured + 1)] ^= (uint8_t)next_random(&random);
            uint32_t missing = next_random(&random) % 6 ? 0 : next_random(&random) % 50;
            uint8_t *copy = malloc(captured + 1);
            ck_assert_ptr_nonnull(copy);
            memcpy(copy + 1, bytes, captured);
            websocket_push(websocket, side, (struct slice){copy + 1, captured, captured + missing},
                           &sink);
            free(copy);
            if (next_random(&random) % 10 == 0)
                websocket_gap(websocket, side, next_random(&random) >> next_random(&random) % 32,
                              &sink);
        }
        websocket_free(websocket);
    }
    ck_assert_uint_gt(out, 0);
}
END_TEST

START_TEST(bounds_the_head)
{
    struct run run = {.length = 0};
    struct websocket_sink sink = sink_of(&run);
    struct websocket *websocket = websocket_new(CLIENT, NULL);
    static uint8_t head[1000] = "GET /";
    memset(head + 5, 'x', sizeof head - 5);
    int pushes = 0;
    while (websocket_push(websocket, CLIENT, (struct slice){head, sizeof head, sizeof head}, &sink))
        ck_assert_int_lt(++pushes, 20);
    ck_assert_str_eq(run.transcript, "C not mqtt 0\n");
    websocket_free(websocket);
}
END_TEST

SUITE("websocket", TABLE(transcripts, scenarios), TABLE(imperfect_captures, imperfect),
      TEST(knows_its_start), TABLE(any_cutting_gives_the_same_stream, seeds),
      TABLE(survives_noise, seeds), TEST(bounds_the_head))
