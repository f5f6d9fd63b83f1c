/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire/preamble: headers of the PROXY protocol, from the examples and rules of its specification
 * (HAProxy's proxy-protocol.txt, 2.1 and 2.2), and what may come first on a connection.
 */
#include "mqtt/wire/preamble.h"

#include <string.h>

#include "bytes.h"
#include "suite.h"

/* ---- The PROXY protocol ---- */

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define LINE_OF_107                                                                                \
    "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "                                       \
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"

#define V4(a, b, c, d)                                                                             \
    {                                                                                              \
        a, b, c, d                                                                                 \
    }
#define HEADER(text, length, family, address, port)                                                \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1, MQTT_OK, length, family, address, port          \
    }
#define NOBODY(text, length)                                                                       \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1, MQTT_OK, length, 0, {0}, 0                      \
    }
#define NONE(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1, MQTT_MALFORMED, 0, 0, {0}, 0                    \
    }

static const struct {
    const uint8_t *bytes;
    size_t size;
    enum mqtt_outcome outcome;
    uint32_t length;
    uint8_t family;      /* 0: no client is named */
    uint8_t address[17]; /* and the end of the string */
    uint16_t port;
} headers[] = {
    HEADER("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", 56, 4,
           V4(255, 255, 255, 255), 65535),
    HEADER("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n", 47, 4,
           V4(192, 168, 0, 1), 56324),
    HEADER("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", 32, 4, V4(0, 0, 0, 0), 0),
    HEADER("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
           104, 6, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 65535),
    HEADER("PROXY TCP6 2001:db8::9 ::1 7 8\r\n", 32, 6,
           "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 7),
    HEADER("PROXY TCP6 :: 1:: 7 8\r\n", 23, 6, {0}, 7),
    HEADER("PROXY TCP6 ::1 1:2:3:4:5:6:7:8 7 8\r\n", 36, 6, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01",
           7),
    HEADER("PROXY TCP6 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 7 8\r\n", 48, 6,
           "\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\0", 7),
    HEADER("PROXY TCP6 ::ffff:192.0.2.1 ::1 7 8\r\n", 37, 6,
           "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 7),
    HEADER("PROXY TCP6 AbCd::eF ::1 7 8\r\n", 29, 6, "\xab\xcd\0\0\0\0\0\0\0\0\0\0\0\0\0\xef", 7),
    NOBODY("PROXY UNKNOWN\r\n", 15),
    NOBODY("PROXY UNKNOWN anything at all\r\n", 31),
    NOBODY(LINE_OF_107, 107),
    NONE("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\n"
         "no carriage return, and 107 bytes are over by the end of this rather long line, at last"),
    NONE("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\rX"),
    NONE("PROXY TCP4 192.168.0.256 192.168.0.11 56324 443\r\n"),
    NONE("PROXY TCP4 192.168.0 192.168.0.11 56324 443\r\n"),
    NONE("PROXY TCP4 192.168.0.01 192.168.0.11 56324 443\r\n"),
    NONE("PROXY TCP4 192.168.0.1 192.168.0.11 65536 443\r\n"),
    NONE("PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n"),
    NONE("PROXY TCP4 192.168.0.1 192.168.0.11 99999999999999999999 443\r\n"),
    NONE("PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n"),
    NONE("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 \r\n"),
    NONE("PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n"),
    NONE("PROXY TCP4 ::1 ::2 56324 443\r\n"),
    NONE("PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n"),
    NONE("PROXY TCP6 1:2:3:4:5:6:7 ::1 7 8\r\n"),
    NONE("PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 7 8\r\n"),
    NONE("PROXY TCP6 1::2::3 ::1 7 8\r\n"),
    NONE("PROXY TCP6 ::: ::1 7 8\r\n"),
    NONE("PROXY TCP6 1:2:3:4:5:6:7:8:: ::1 7 8\r\n"),
    NONE("PROXY TCP6 12345::1 ::1 7 8\r\n"),
    NONE("PROXY TCP6 1: ::1 7 8\r\n"),
    NONE("PROXY TCP6 1:2:3:4:5:6:7:192.0.2.1 ::1 7 8\r\n"),
    NONE("PROXY UNKNOWNS\r\n"),
    NONE("PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n"),
    NONE("PROXY \r\n"),
    NONE("PROXY\r\n"),
    NONE("proxy UNKNOWN\r\n"),
    HEADER(SIGNATURE "\x21\x11\0\x0c\xcb\0\x71\x09\xc0\0\2\1\xdc\4\7\x5b\x10\x0d", 28, 4,
           V4(203, 0, 113, 9), 56324),
    HEADER(SIGNATURE "\x21\x12\0\x0c\xcb\0\x71\x09\xc0\0\2\1\xdc\4\7\x5b", 28, 4, /* datagrams */
           V4(203, 0, 113, 9), 56324),
    HEADER(SIGNATURE "\x21\x11\xff\xff\xcb\0\x71\x09\xc0\0\2\1\xdc\4\7\x5b", 65551, 4,
           V4(203, 0, 113, 9), 56324), /* with 65,523 bytes more */
    HEADER(SIGNATURE "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"
                     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\7\7\x5b",
           52, 6, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 7),
    NOBODY(SIGNATURE "\x20\x00\0\0", 16), /* LOCAL */
    NOBODY(SIGNATURE "\x20\x11\0\x0c\xcb\0\x71\x09\xc0\0\2\1\xdc\4\7\x5b", 28),
    NOBODY(SIGNATURE "\x20\x11\0\x02", 18),
    NOBODY(SIGNATURE "\x21\x00\0\5hello", 21), /* AF_UNSPEC */
    NOBODY(SIGNATURE "\x21\x31\0\xd8", 232),   /* AF_UNIX */
    NONE(SIGNATURE "\x11\x11\0\x0c"),          /* version 1 */
    NONE(SIGNATURE "\x22\x11\0\x0c"),          /* no command */
    NONE(SIGNATURE "\x21\x41\0\x0c"),          /* no family */
    NONE(SIGNATURE "\x21\x13\0\x0c"),          /* no transport */
    NONE(SIGNATURE "\x21\x11\0\x0b"),          /* too short for two addresses */
    NONE(SIGNATURE "\x21\x21\0\x23"),
    NONE(SIGNATURE "\x21\x31\0\xd7"),
    NONE("\r\n\r\n\0\r\nQUIT\r"),
    NONE("\x10\x0d\0\4MQTT\4\2\0\x3c\0\1c"),
    NONE("\0"),
};

/* In memory of its exact size, so that a sanitizer sees a read behind it. */
static enum mqtt_outcome read_exactly(const uint8_t *bytes, size_t size,
                                      struct mqtt_proxy_header *header)
{
    uint8_t *copy = bytes_exact(bytes, size);
    const enum mqtt_outcome outcome = mqtt_proxy_header(copy, size, header);
    free(copy);
    return outcome;
}

START_TEST(headers_are_read)
{
    struct mqtt_proxy_header header;
    ck_assert_int_eq(read_exactly(headers[_i].bytes, headers[_i].size, &header),
                     headers[_i].outcome);
    if (headers[_i].outcome != MQTT_OK)
        return;
    ck_assert_uint_eq(header.length, headers[_i].length);
    ck_assert_int_eq(header.has_client, headers[_i].family != 0);
    ck_assert_uint_eq(header.family, headers[_i].family);
    ck_assert_uint_eq(header.port, headers[_i].port);
    ck_assert_mem_eq(header.address, headers[_i].address, 16);
}
END_TEST

/* Fewer bytes say "more" until it is settled, and then the same whatever follows. */
START_TEST(fewer_bytes_do_not_contradict)
{
    struct mqtt_proxy_header header;
    for (size_t size = 0; size <= headers[_i].size; size++) {
        const enum mqtt_outcome outcome = read_exactly(headers[_i].bytes, size, &header);
        if (outcome != MQTT_NEED_MORE) {
            ck_assert_int_eq(outcome, headers[_i].outcome);
            ck_assert(outcome != MQTT_OK || header.length == headers[_i].length);
        }
        if (size >= MQTT_PROXY_BYTES)
            ck_assert_int_ne(outcome, MQTT_NEED_MORE);
    }
}
END_TEST

/* ---- What comes first ---- */

#define FIRST(text) FIRST_CUT(text, sizeof(text) - 1)
#define FIRST_CUT(text, length)                                                                    \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1, length                                          \
    }

struct first {
    const uint8_t *bytes;
    size_t captured;
    uint32_t length;
};

static const struct first meant_as_mqtt[] = {
    FIRST("\x10\x0d\0\4MQTT\4\2\0\x3c\0\1c"),
    FIRST("\x12\x0d\0\4MQTT\4\2\0\x3c\0\1c"),   /* flags */
    FIRST("\x10\x0d\0\4MQTT\x63\2\0\x3c\0\1c"), /* level */
    FIRST("\x10\x0d\0\4mqtt\4\2\0\x3c\0\1c"),   /* name */
    FIRST("\x10\x09\0\0\4\2\0\x3c\0\1c"),       /* without one */
    FIRST("\x10\x0d\4\0MQTT\4\2\0\x3c\0\1c"),   /* its length the wrong way round */
    FIRST("\x10\x05\0\4MQT"),                   /* cut by its Remaining Length */
    FIRST("\x10\0"),                            /* nothing in it */
    FIRST("\x10\xff\xff\xff\xff"),              /* a Remaining Length without end */
    FIRST_CUT("\x10\x40", 66),                  /* cut by the snap length */
    FIRST_CUT("\x10\x80", 300),
    FIRST("\x20\2\0\0"),
    FIRST("\x20\2\xff\0"),
    FIRST("\x20\4\0\0\1\x55"), /* a property that is none */
    FIRST_CUT("\x20\2", 4),
    FIRST("\xc0\0"),
    FIRST("\xe0\0"),
    FIRST("\x30\4\0\1tx"),
    FIRST("\x82\6\0\1\0\1a\0"),
    FIRST("\x82\7\0\1\0\0\1a\0"), /* 5.0 */
    FIRST_CUT("\x30\x20\0\1tx", 34),
};

static const struct first foreign[] = {
    FIRST("\0\0"),
    FIRST("\xff\xff\xff\xff\xff"),
    FIRST("\x50\x01\x52"),
    FIRST("\xc1\0"),            /* flags */
    FIRST("\x82\2\0\1"),        /* no filter */
    FIRST("\x30\3\0\2t"),       /* a topic name beyond its end */
    FIRST("\x16\x03\x01"),      /* TLS */
    FIRST("\x12\x05\0\4abc"),   /* flags, and no name that resembles one */
    FIRST("\x10\x05\x20\4abc"), /* a name of 8,196 bytes */
    FIRST("\x10\x81\x92\xff\x80"),
    FIRST_CUT("\x60\x40", 66),
    FIRST("GET / HTTP/1.1\r\n"),
};

static bool may_come_first(const struct first *first)
{
    uint8_t *copy = bytes_exact(first->bytes, first->captured);
    const bool may = mqtt_may_come_first(copy, first->captured, first->length);
    free(copy);
    return may;
}

START_TEST(a_broken_client_is_one)
{
    ck_assert(may_come_first(&meant_as_mqtt[_i]));
}
END_TEST

START_TEST(others_are_not)
{
    ck_assert(!may_come_first(&foreign[_i]));
}
END_TEST

/* ---- WebSocket without its beginning ---- */

static const struct first websockets[] = {
    FIRST("\x82\2\xd0\0"), FIRST("\x82\x82\1\2\3\4\xc1\2"), /* PINGREQ under a mask */
    FIRST("\x82\x0c\x20\2\0\0\x30\4\0\1tx\xd0\0"),          /* three packets */
    FIRST("\x82\x7e\0\2\xd0\0"),                            /* a length in two bytes */
};

static const struct first not_websockets[] = {
    FIRST("\x82\x09\x40\2\0\4abcd\0"), /* SUBSCRIBE, of an identifier that looks like PUBACK */
    FIRST("\x82\6\xc0\0\0\1a\0"),      /* and one that looks like PINGREQ */
    FIRST("\x82\2\xd0\0\xd0"),         /* more than a frame */
    FIRST("\x82\2\xd0"),               /* less */
    FIRST("\x81\2\xd0\0"),             /* text */
    FIRST("\x82\2hi"),
    FIRST("\x82\0"),
    FIRST("\x82\x7f\0\0\0\0\0\0\0\2\xd0\0"),
    FIRST("\x82"),
    FIRST("\xd0\0"),
};

static bool resembles_websocket(const struct first *first)
{
    uint8_t *copy = bytes_exact(first->bytes, first->captured);
    const bool resembles = mqtt_resembles_websocket(copy, first->captured);
    free(copy);
    return resembles;
}

START_TEST(frames_are_seen)
{
    ck_assert(resembles_websocket(&websockets[_i]));
}
END_TEST

START_TEST(packets_are_no_frames)
{
    ck_assert(!resembles_websocket(&not_websockets[_i]));
}
END_TEST

SUITE("preamble", TABLE(headers_are_read, headers), TABLE(fewer_bytes_do_not_contradict, headers),
      TABLE(a_broken_client_is_one, meant_as_mqtt), TABLE(others_are_not, foreign),
      TABLE(frames_are_seen, websockets), TABLE(packets_are_no_frames, not_websockets))
