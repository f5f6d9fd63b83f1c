/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transport/recognize: what first bytes say, and that fewer of them never say something else. */
#include "transport/recognize.h"

#include "suite.h"

#define STARTS(what, text)                                                                         \
    {                                                                                              \
        (what), MQTT_FOREIGN_NONE, (const uint8_t *)(text), sizeof(text) - 1                       \
    }
#define NAMES(what, which, text)                                                                   \
    {                                                                                              \
        (what), MQTT_FOREIGN_##which, (const uint8_t *)(text), sizeof(text) - 1                    \
    }

static const struct {
    enum recognized what;
    enum mqtt_foreign which;
    const uint8_t *bytes;
    size_t length;
} starts[] = {
    STARTS(RECOGNIZED_MQTT, "\x10\x0d\0\4MQTT\4\2\0\x3c\0\1a"),
    STARTS(RECOGNIZED_MQTT, "\x10\x0f\0\6MQIsdp\3\2\0\x3c\0\1a"),
    STARTS(RECOGNIZED_MQTT, "\x1f\x0d\0\4MQTT\4\2\0\x3c\0\1a"), /* wrong flags */
    STARTS(RECOGNIZED_MQTT, "\x10\x80\x01\0\4MQTT\5"),
    STARTS(RECOGNIZED_MQTT, "\x10\x80\x80\x80\x01\0\6MQIsdp\3"),
    STARTS(RECOGNIZED_NOTHING, "\x10\x80\x80\x80\x80\x01\0\4MQTT"), /* five bytes of length */
    STARTS(RECOGNIZED_NOTHING, "\x10\x0d\0\4mqtt\4\2\0\x3c\0\1a"),
    STARTS(RECOGNIZED_NOTHING, "\x10\x0d\0\5MQTTX\4\2"),
    STARTS(RECOGNIZED_NOTHING, "\x10\0"), /* nothing is to come that would make it one */
    STARTS(RECOGNIZED_NOTHING, "\x10\5\0\4MQT"),
    STARTS(RECOGNIZED_NOTHING, "\x20\2\0\0"), /* CONNACK: nobody starts with it */
    NAMES(RECOGNIZED_GET, HTTP, "GET /mqtt HTTP/1.1\r\n"),
    NAMES(RECOGNIZED_FOREIGN, HTTP, "POST / HTTP/1.1\r\n"),
    NAMES(RECOGNIZED_FOREIGN, HTTP, "CONNECT broker:1883 HTTP/1.1\r\n"),
    NAMES(RECOGNIZED_FOREIGN, HTTP, "HTTP/1.1 400 Bad Request\r\n"),
    NAMES(RECOGNIZED_FOREIGN, HTTP, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    NAMES(RECOGNIZED_TLS, TLS, "\x16\3\1\2\0\1\0\1\xfc\3\3"), /* ClientHello */
    NAMES(RECOGNIZED_TLS, TLS, "\x17\3\3\0\x20"),             /* data of a connection under way */
    NAMES(RECOGNIZED_FOREIGN, SSH, "SSH-2.0-OpenSSH_9.2"),
    NAMES(RECOGNIZED_FOREIGN, AMQP, "AMQP\0\0\11\1"),
    NAMES(RECOGNIZED_FOREIGN, REDIS, "*2\r\n$4\r\nLLEN\r\n$6\r\nmylist\r\n"),
    NAMES(RECOGNIZED_FOREIGN, REDIS, "PING\r\n"),
    NAMES(RECOGNIZED_FOREIGN, NATS, "INFO {\"server_id\":\"x\"}\r\n"),
    NAMES(RECOGNIZED_FOREIGN, NATS, "CONNECT {\"verbose\":false}\r\n"),
    NAMES(RECOGNIZED_FOREIGN, STOMP, "CONNECT\naccept-version:1.2\n\n"),
    NAMES(RECOGNIZED_FOREIGN, MAIL, "220 mail.example.org ESMTP\r\n"),
    NAMES(RECOGNIZED_FOREIGN, MAIL, "EHLO client\r\n"),
    STARTS(RECOGNIZED_NOTHING, "*OK no digit"),
    STARTS(RECOGNIZED_NOTHING, "PROXY TCP4 192.0.2.1 192.0.2.2 1 1883\r\n"),
    STARTS(RECOGNIZED_NOTHING, "\x16\4\1"),
    STARTS(RECOGNIZED_NOTHING, "\x18\3\3"),
    STARTS(RECOGNIZED_NOTHING, "hello, world"),
    STARTS(RECOGNIZED_NOTHING, "\0\0\0\0"),
};

START_TEST(starts_are_recognized)
{
    enum mqtt_foreign which;
    ck_assert_int_eq(recognize(starts[_i].bytes, starts[_i].length, &which), starts[_i].what);
    ck_assert_int_eq(which, starts[_i].which);
}
END_TEST

START_TEST(fewer_bytes_say_maybe)
{
    for (size_t length = 0; length <= starts[_i].length; length++) {
        enum mqtt_foreign which;
        enum recognized answer = recognize(starts[_i].bytes, length, &which);
        ck_assert(answer == RECOGNIZED_MAYBE || answer == starts[_i].what);
        if (length >= RECOGNIZE_BYTES)
            ck_assert_int_ne(answer, RECOGNIZED_MAYBE);
    }
}
END_TEST

/* Whatever comes, so many bytes are enough. */
START_TEST(enough_bytes_settle_it)
{
    uint8_t bytes[RECOGNIZE_BYTES];
    uint64_t state = 1;
    for (unsigned round = 0; round < 200000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
            /* Mostly bytes that occur in what is looked for. */
            static const uint8_t likely[] = "\x10\x80\x01\0\4\6MQTIsdpGET \x16\3\1";
            uint8_t random = (uint8_t)(state >> 40);
            bytes[i] = random < 200 ? likely[random % (sizeof likely - 1)] : random;
        }
        enum mqtt_foreign which;
        ck_assert_int_ne(recognize(bytes, sizeof bytes, &which), RECOGNIZED_MAYBE);
    }
}
END_TEST

SUITE("recognize", TABLE(starts_are_recognized, starts), TABLE(fewer_bytes_say_maybe, starts),
      TEST(enough_bytes_settle_it))
