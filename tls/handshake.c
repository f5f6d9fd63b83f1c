/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the handshake; see handshake.h. */
#include "tls/handshake.h"

#include <string.h>

enum {
    VERSION_1_2 = 0x0303,
    VERSION_1_3 = 0x0304,
    EXTENSION_ENCRYPT_THEN_MAC = 22,
    EXTENSION_EARLY_DATA = 42,
    EXTENSION_SUPPORTED_VERSIONS = 43,
};

/* RFC 8446, 4.1.3: the random of a ServerHello that asks for another
 * ClientHello. */
static const uint8_t retry_random[TLS_RANDOM_SIZE] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

/* ---- Cutting ---- */

static uint32_t body_length(const struct tls_messages *messages)
{
    return (uint32_t)messages->header[1] << 16 | (uint32_t)messages->header[2] << 8 |
           messages->header[3];
}

/* Copies what is wanted of the bytes up to `end`, and passes over the rest. */
static uint32_t take_part(struct tls_messages *messages, const uint8_t *bytes, uint32_t length,
                          uint32_t end)
{
    const uint32_t at = messages->filled;
    const uint32_t part = end - at < length ? end - at : length;

    if (at < TLS_MESSAGE_HEADER) {
        memcpy(messages->header + at, bytes, part);
    } else if (at - TLS_MESSAGE_HEADER < TLS_MESSAGE_KEPT) {
        const uint32_t room = TLS_MESSAGE_KEPT - (at - TLS_MESSAGE_HEADER);
        memcpy(messages->body + at - TLS_MESSAGE_HEADER, bytes, part < room ? part : room);
    }
    messages->filled += part;
    return part;
}

void tls_messages_clear(struct tls_messages *messages, struct mqtt_memory *memory)
{
    mqtt_memory_free(memory, messages->body, TLS_MESSAGE_KEPT);
    messages->body = NULL;
    messages->filled = 0;
}

static bool make_body(struct tls_messages *messages, struct mqtt_memory *memory)
{
    if (messages->body == NULL)
        messages->body = mqtt_memory_new(memory, MQTT_MEMORY_HELD, TLS_MESSAGE_KEPT);
    return messages->body != NULL;
}

bool tls_messages_push(struct tls_messages *messages, struct mqtt_memory *memory,
                       const uint8_t *bytes, uint32_t length, tls_message_function take,
                       void *context)
{
    while (length > 0 || messages->filled == TLS_MESSAGE_HEADER) {
        const bool in_header = messages->filled < TLS_MESSAGE_HEADER;
        if (!in_header && !make_body(messages, memory))
            return false;
        const uint32_t end =
            in_header ? TLS_MESSAGE_HEADER : TLS_MESSAGE_HEADER + body_length(messages);
        const uint32_t part = take_part(messages, bytes, length, end);
        bytes += part;
        length -= part;
        if (in_header)
            continue;
        if (messages->filled < end)
            return true;
        const uint32_t whole = end - TLS_MESSAGE_HEADER;
        const struct tls_message message = {
            .type = messages->header[0],
            .length = whole,
            .kept = whole < TLS_MESSAGE_KEPT ? whole : TLS_MESSAGE_KEPT,
            .bytes = messages->body,
        };
        messages->filled = 0;
        take(context, &message);
        tls_messages_clear(messages, memory);
    }
    return true;
}

/* ---- Reading ---- */

/* What is left of a message; `broken` once more was asked for than there is. */
struct reader {
    const uint8_t *at;
    uint32_t left;
    bool broken;
};

static const uint8_t *take_bytes(struct reader *reader, uint32_t count)
{
    static const uint8_t zeros[TLS_RANDOM_SIZE];
    const uint8_t *bytes = reader->at;

    if (reader->broken || count > reader->left) {
        reader->broken = true;
        reader->left = 0;
        return zeros; /* never read beyond its size: only vectors, left empty, are
                         longer */
    }
    reader->at += count;
    reader->left -= count;
    return bytes;
}

static uint32_t take_number(struct reader *reader, unsigned size)
{
    const uint8_t *bytes = take_bytes(reader, size);
    uint32_t number = 0;

    for (unsigned i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* A vector with its length before it, in `size` bytes. */
static struct reader take_vector(struct reader *reader, unsigned size)
{
    const uint32_t length = take_number(reader, size);
    const uint8_t *bytes = take_bytes(reader, length);

    return (struct reader){bytes, reader->broken ? 0 : length, reader->broken};
}

static struct reader reader_of(const struct tls_message *message)
{
    return (struct reader){message->bytes, message->kept, false};
}

/* The next extension of a list; false at its end. */
static bool take_extension(struct reader *extensions, uint32_t *type, struct reader *body)
{
    if (extensions->left == 0)
        return false;
    *type = take_number(extensions, 2);
    *body = take_vector(extensions, 2);
    return !extensions->broken;
}

/* ---- Hellos ---- */

static bool offers_version(struct reader versions, uint32_t version)
{
    struct reader list = take_vector(&versions, 1);

    while (list.left >= 2)
        if (take_number(&list, 2) == version)
            return true;
    return false;
}

static void take_suites(struct tls_hellos *hellos, struct reader suites)
{
    hellos->suite_count = 0;
    while (suites.left >= 2 && hellos->suite_count < TLS_SUITES_KEPT)
        hellos->suites[hellos->suite_count++] = (uint16_t)take_number(&suites, 2);
}

/* | version (2) | random (32) | session | suites | compressions | extensions |
 */
bool tls_client_hello(struct tls_hellos *hellos, const struct tls_message *message)
{
    struct reader reader = reader_of(message);
    uint32_t type;
    struct reader body;

    *hellos = (struct tls_hellos){.client_seen = true};
    take_number(&reader, 2);
    memcpy(hellos->client_random, take_bytes(&reader, TLS_RANDOM_SIZE), TLS_RANDOM_SIZE);
    take_vector(&reader, 1);
    take_suites(hellos, take_vector(&reader, 2));
    take_vector(&reader, 1);
    if (reader.broken)
        return false;
    if (reader.left == 0)
        return true;
    /* The list may go on behind what is kept of the message. */
    const uint32_t length = take_number(&reader, 2);
    struct reader extensions = {reader.at, reader.left < length ? reader.left : length,
                                reader.broken};
    while (take_extension(&extensions, &type, &body)) {
        if (type == EXTENSION_SUPPORTED_VERSIONS)
            hellos->offers_1_3 = offers_version(body, VERSION_1_3);
        else if (type == EXTENSION_EARLY_DATA)
            hellos->early_data = true;
    }
    return true;
}

/* | version (2) | random (32) | session | suite (2) | compression (1) |
 * extensions | */
bool tls_server_hello(struct tls_hellos *hellos, const struct tls_message *message)
{
    struct reader reader = reader_of(message);
    uint32_t type;
    struct reader body;

    uint32_t version = take_number(&reader, 2);
    const uint8_t *random = take_bytes(&reader, TLS_RANDOM_SIZE);
    take_vector(&reader, 1);
    const uint16_t cipher = (uint16_t)take_number(&reader, 2);
    const uint32_t compression = take_number(&reader, 1);
    if (reader.broken)
        return false;
    if (memcmp(random, retry_random, sizeof retry_random) == 0) {
        hellos->server_seen = false;
        hellos->early_data = false;
        return true;
    }
    struct reader extensions = reader.left != 0 ? take_vector(&reader, 2) : (struct reader){0};
    hellos->encrypt_then_mac = false;
    while (take_extension(&extensions, &type, &body)) {
        if (type == EXTENSION_SUPPORTED_VERSIONS)
            version = take_number(&body, 2);
        else if (type == EXTENSION_ENCRYPT_THEN_MAC)
            hellos->encrypt_then_mac = true;
    }
    hellos->server_seen = true;
    hellos->is_1_3 = version == VERSION_1_3;
    hellos->version_unknown =
        (version != VERSION_1_2 && version != VERSION_1_3) || compression != 0;
    hellos->cipher = cipher;
    memcpy(hellos->server_random, random, TLS_RANDOM_SIZE);
    return true;
}

bool tls_hello_offers(const struct tls_hellos *hellos, const struct tls_cipher *cipher)
{
    for (uint32_t i = 0; i < hellos->suite_count; i++)
        if (hellos->suites[i] == cipher->number)
            return true;
    return false;
}

bool tls_takes_early_data(const struct tls_message *message)
{
    struct reader reader = reader_of(message);
    struct reader extensions = take_vector(&reader, 2);
    struct reader body;
    uint32_t type;

    while (take_extension(&extensions, &type, &body))
        if (type == EXTENSION_EARLY_DATA)
            return true;
    return false;
}
