/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of TLS's handshake, as far as it takes to know the keys (RFC
 * 8446, 4; RFC 5246, 7.4). Private to tls/.
 */
#ifndef MQTTSCOPE_TLS_HANDSHAKE_H
#define MQTTSCOPE_TLS_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "mqtt/wire/memory.h"
#include "tls/ciphers.h"
#include "tls/secrets.h"

enum tls_message_type {
    TLS_CLIENT_HELLO = 1,
    TLS_SERVER_HELLO = 2,
    TLS_END_OF_EARLY_DATA = 5,
    TLS_ENCRYPTED_EXTENSIONS = 8,
    TLS_FINISHED = 20,
    TLS_KEY_UPDATE = 24,
};

enum {
    TLS_MESSAGE_HEADER = 4,
    TLS_MESSAGE_KEPT = 4096, /* of a message; a ClientHello may be longer, but not
                                what is looked at */
    TLS_SUITES_KEPT = 64,
};

/* `kept` of its `length` bytes, without the header. */
struct tls_message {
    uint8_t type;
    uint32_t length, kept;
    const uint8_t *bytes;
};

/* Cuts the messages of a side out of its records: several in one, one in
 * several. */
struct tls_messages {
    uint8_t header[TLS_MESSAGE_HEADER];
    uint32_t filled;  /* of header and body */
    bool awaits_data; /* set by the caller: the handshake's records can't be decrypted */
    uint8_t *body;    /* TLS_MESSAGE_KEPT bytes, as long as a message has not come whole */
};

typedef void (*tls_message_function)(void *context, const struct tls_message *message);

/* False without memory. */
bool tls_messages_push(struct tls_messages *messages, struct mqtt_memory *memory,
                       const uint8_t *bytes, uint32_t length, tls_message_function take,
                       void *context);

void tls_messages_clear(struct tls_messages *messages, struct mqtt_memory *memory);

/* What both sides said in the clear. */
struct tls_hellos {
    bool client_seen, server_seen;
    bool offers_1_3, is_1_3;
    bool version_unknown; /* neither 1.2 nor 1.3 */
    bool early_data;      /* the client sends some */
    bool encrypt_then_mac;
    uint16_t cipher;
    uint16_t suites[TLS_SUITES_KEPT]; /* that the client offers */
    uint32_t suite_count;
    uint8_t client_random[TLS_RANDOM_SIZE];
    uint8_t server_random[TLS_RANDOM_SIZE];
};

/* False if the message is none. A HelloRetryRequest (RFC 8446, 4.1.4) sets
 * nothing: what comes next is another ClientHello with the same random. */
bool tls_client_hello(struct tls_hellos *hellos, const struct tls_message *message);
bool tls_server_hello(struct tls_hellos *hellos, const struct tls_message *message);

bool tls_hello_offers(const struct tls_hellos *hellos, const struct tls_cipher *cipher);

/* Of EncryptedExtensions: the server has taken the early data. */
bool tls_takes_early_data(const struct tls_message *message);

#endif
