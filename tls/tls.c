/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of a connection, cut, decrypted and followed; see tls.h. */
#include "tls/tls.h"

#include <string.h>

#include "tls/ciphers.h"
#include "tls/handshake.h"

enum {
    TYPE_CHANGE_CIPHER_SPEC = 20,
    TYPE_ALERT = 21,
    TYPE_HANDSHAKE = 22,
    TYPE_DATA = 23,
    TYPE_HEARTBEAT = 24,
    MAJOR_VERSION = 3,
    RECORD_MIN = 22,      /* no record of application data takes less */
    SEQUENCES_MAX = 4096, /* tried behind a hole */
    EARLY_MAX = 1 << 16,  /* of early data, kept until the server takes or refuses it */
};

/* One direction. */
struct direction {
    uint32_t filled; /* of a record that has not come whole, its header included */
    uint32_t skip;   /* bytes of a record that the capture cut, and that are not
                        looked at */
    bool encrypted;  /* what comes is encrypted, with `keys` where there are any */
    bool searching;  /* behind a hole: where the next record begins has to be found
                      */
    uint64_t lost;   /* bytes in the holes since the last record that was read */
    struct tls_keys keys;
    struct tls_messages messages;
    uint8_t header[TLS_RECORD_HEADER];
    uint8_t *body;      /* of that record, where some of it has come */
    uint32_t body_room; /* bytes */
};

struct tls {
    const struct tls_secrets *secrets;
    struct mqtt_memory *memory;
    unsigned client;
    enum tls_trouble trouble;
    struct tls_hellos hellos;
    const struct tls_cipher *cipher;
    uint8_t *early; /* EARLY_MAX bytes */
    uint32_t early_length;
    bool early_open; /* the client sends early data */
    struct direction sides[2];
};

/* A piece on its way through. */
struct passage {
    struct tls *tls;
    unsigned side;
    const struct tls_sink *sink;
};

struct tls *tls_new(const struct tls_secrets *secrets, unsigned client, struct mqtt_memory *memory)
{
    struct tls *tls = mqtt_memory_new(memory, MQTT_MEMORY_CONNECTIONS, sizeof *tls);

    if (tls == NULL)
        return NULL;
    tls->secrets = secrets;
    tls->memory = memory;
    tls->client = client;
    return tls;
}

static void forget_body(struct tls *tls, struct direction *direction)
{
    mqtt_memory_free(tls->memory, direction->body, direction->body_room);
    direction->body = NULL;
    direction->body_room = 0;
    direction->filled = 0;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    for (unsigned side = 0; side < 2; side++) {
        tls_keys_clear(&tls->sides[side].keys);
        tls_messages_clear(&tls->sides[side].messages, tls->memory);
        forget_body(tls, &tls->sides[side]);
    }
    mqtt_memory_free(tls->memory, tls->early, tls->early != NULL ? EARLY_MAX : 0);
    mqtt_memory_free(tls->memory, tls, sizeof *tls);
}

static struct direction *direction_of(const struct passage *passage)
{
    return &passage->tls->sides[passage->side];
}

static bool is_client(const struct passage *passage)
{
    return passage->side == passage->tls->client;
}

static void fail(struct tls *tls, enum tls_trouble trouble)
{
    if (tls->trouble == TLS_NO_TROUBLE)
        tls->trouble = trouble;
}

/* ---- Keys ---- */

static const uint8_t *secret_of(const struct tls *tls, enum tls_secret_kind kind)
{
    size_t length;
    const uint8_t *secret =
        tls_secrets_find(tls->secrets, tls->hellos.client_random, kind, &length);

    if (secret == NULL || kind == TLS_MASTER)
        return secret;
    return length == gnutls_hmac_get_len(tls->cipher->hash) ? secret : NULL;
}

/* The keys of a side from a secret of TLS 1.3; without one, what comes can't be
 * read. */
static void take_secret(struct tls *tls, unsigned side, enum tls_secret_kind kind)
{
    struct direction *direction = &tls->sides[side];
    const uint8_t *secret = secret_of(tls, kind);

    direction->encrypted = true;
    tls_keys_clear(&direction->keys);
    if (secret != NULL)
        tls_keys_1_3(&direction->keys, tls->cipher, secret);
}

/* Some tools log the secrets of the data alone. The handshake's records fit
 * none of them then. */
static void take_handshake_secret(struct tls *tls, unsigned side)
{
    const bool client = side == tls->client;

    take_secret(tls, side, client ? TLS_CLIENT_HANDSHAKE : TLS_SERVER_HANDSHAKE);
    if (tls->sides[side].keys.cipher == NULL)
        take_secret(tls, side, client ? TLS_CLIENT_TRAFFIC : TLS_SERVER_TRAFFIC);
    tls->sides[side].messages.awaits_data =
        secret_of(tls, client ? TLS_CLIENT_HANDSHAKE : TLS_SERVER_HANDSHAKE) == NULL;
    if (tls->sides[side].keys.cipher == NULL)
        fail(tls, TLS_NO_SECRET);
}

/* Early data is encrypted before the server has said with which suite: with
 * that of the session which is resumed, whose hash is as long as the secret. */
static bool take_early_secret(struct tls *tls)
{
    static const uint16_t candidates[] = {0x1301, 0x1302, 0x1303};
    size_t length;
    const uint8_t *secret =
        tls_secrets_find(tls->secrets, tls->hellos.client_random, TLS_CLIENT_EARLY, &length);

    for (size_t i = 0; secret != NULL && i < sizeof candidates / sizeof candidates[0]; i++) {
        const struct tls_cipher *cipher = tls_cipher(candidates[i]);
        if (gnutls_hmac_get_len(cipher->hash) == length && tls_hello_offers(&tls->hellos, cipher)) {
            tls_keys_1_3(&tls->sides[tls->client].keys, cipher, secret);
            return true;
        }
    }
    return false;
}

/* TLS 1.2: from here on this side encrypts. */
static void change_cipher(const struct passage *passage)
{
    struct tls *tls = passage->tls;
    struct direction *direction = direction_of(passage);

    if (tls->hellos.is_1_3 || (!tls->hellos.server_seen && tls->hellos.offers_1_3))
        return; /* means nothing there (RFC 8446, D.4) */
    direction->encrypted = true;
    const uint8_t *master = tls->cipher != NULL ? secret_of(tls, TLS_MASTER) : NULL;
    if (master == NULL) {
        fail(tls, tls->cipher == NULL ? TLS_NO_CIPHER : TLS_NO_SECRET);
        return;
    }
    tls_keys_1_2(&direction->keys, tls->cipher, master, tls->hellos.client_random,
                 tls->hellos.server_random, is_client(passage) ? 0 : 1);
    direction->keys.encrypt_then_mac = tls->hellos.encrypt_then_mac;
}

/* ---- Handshake ---- */

static void give_early(const struct passage *passage)
{
    struct tls *tls = passage->tls;

    if (tls->early_length != 0)
        passage->sink->text(passage->sink->context, tls->client, tls->early, tls->early_length);
    tls->early_length = 0;
}

static void take_server_hello(const struct passage *passage)
{
    struct tls *tls = passage->tls;

    tls->cipher = tls_cipher(tls->hellos.cipher);
    if (tls->cipher == NULL || (tls->cipher->kind == TLS_AEAD_13) != tls->hellos.is_1_3 ||
        tls->hellos.version_unknown) {
        tls->cipher = NULL;
        fail(tls, TLS_NO_CIPHER);
    } else if (tls->hellos.is_1_3) {
        take_handshake_secret(tls, 1 - tls->client);
        if (!tls->early_open)
            take_handshake_secret(tls, tls->client);
    }
}

static void take_client_hello(const struct passage *passage)
{
    struct tls *tls = passage->tls;

    if (tls->hellos.early_data && take_early_secret(tls)) {
        tls->early_open = true;
        direction_of(passage)->encrypted = true;
    }
}

/* A message of the handshake is there as a whole, or as much of it as anybody
 * looks at. */
static void take_message(void *context, const struct tls_message *message)
{
    const struct passage *passage = context;
    struct tls *tls = passage->tls;
    struct direction *direction = direction_of(passage);

    switch (message->type) {
    case TLS_CLIENT_HELLO:
        if (tls_client_hello(&tls->hellos, message))
            take_client_hello(passage);
        else
            fail(tls, TLS_NOT_TLS);
        break;
    case TLS_SERVER_HELLO:
        if (!tls->hellos.client_seen)
            fail(tls, TLS_NO_HELLO);
        else if (!tls_server_hello(&tls->hellos, message))
            fail(tls, TLS_NOT_TLS);
        else if (tls->hellos.server_seen)
            take_server_hello(passage);
        break;
    case TLS_ENCRYPTED_EXTENSIONS:
        if (tls->early_open && tls_takes_early_data(message))
            give_early(passage);
        else if (tls->early_open) { /* refused: the client says it all again */
            tls->early_open = false;
            tls->early_length = 0;
            take_handshake_secret(tls, tls->client);
        }
        break;
    case TLS_END_OF_EARLY_DATA:
        give_early(passage);
        tls->early_open = false;
        take_handshake_secret(tls, tls->client);
        break;
    case TLS_FINISHED:
        if (tls->hellos.is_1_3)
            take_secret(tls, passage->side,
                        is_client(passage) ? TLS_CLIENT_TRAFFIC : TLS_SERVER_TRAFFIC);
        if (direction->keys.cipher == NULL)
            fail(tls, TLS_NO_SECRET);
        break;
    case TLS_KEY_UPDATE:
        if (tls->hellos.is_1_3 && direction->keys.cipher != NULL)
            tls_keys_update(&direction->keys);
        break;
    default: break;
    }
}

/* ---- Records ---- */

static void take_data(const struct passage *passage, const uint8_t *bytes, uint32_t length)
{
    struct tls *tls = passage->tls;
    const bool early = tls->early_open && is_client(passage);

    if (!early) {
        if (length != 0)
            passage->sink->text(passage->sink->context, passage->side, bytes, length);
        return;
    }
    if (tls->early == NULL)
        tls->early = mqtt_memory_new(tls->memory, MQTT_MEMORY_HELD, EARLY_MAX);
    if (tls->early == NULL || length > EARLY_MAX - tls->early_length) {
        fail(tls, TLS_NO_MEMORY);
        return;
    }
    memcpy(tls->early + tls->early_length, bytes, length);
    tls->early_length += length;
}

static void take_text(const struct passage *passage, uint8_t type, const uint8_t *bytes,
                      uint32_t length)
{
    struct direction *direction = direction_of(passage);
    struct passage context = *passage;

    switch (type) {
    case TYPE_HANDSHAKE:
        if (!tls_messages_push(&direction->messages, passage->tls->memory, bytes, length,
                               take_message, &context))
            fail(passage->tls, TLS_NO_MEMORY);
        break;
    case TYPE_CHANGE_CIPHER_SPEC: change_cipher(passage); break;
    case TYPE_DATA:
        if (direction->encrypted)
            take_data(passage, bytes, length);
        else
            fail(passage->tls, TLS_NO_HELLO);
        break;
    default: break;
    }
}

/* Behind a hole the record may be any of the next ones. */
static int open_behind_hole(struct direction *direction, const uint8_t *body, uint32_t length,
                            uint8_t *text, uint8_t *type)
{
    const uint64_t first = direction->keys.sequence;
    const uint64_t most = direction->lost / RECORD_MIN + 2;

    for (uint64_t i = 0; i < most && i < SEQUENCES_MAX; i++) {
        direction->keys.sequence = first + i;
        const int size =
            tls_keys_open(&direction->keys, direction->header, body, length, text, type);
        if (size >= 0)
            return size;
    }
    direction->keys.sequence = first;
    return -1;
}

static void take_encrypted(const struct passage *passage, const uint8_t *body, uint32_t length)
{
    struct tls *tls = passage->tls;
    struct direction *direction = direction_of(passage);
    uint8_t type = direction->header[0];
    uint8_t text[TLS_RECORD_MAX];

    /* Of TLS 1.3 it stands in the clear and says nothing (RFC 8446, D.4), also behind early data.
     */
    if (type == TYPE_CHANGE_CIPHER_SPEC && (tls->hellos.is_1_3 || !tls->hellos.server_seen))
        return;
    if (direction->keys.cipher == NULL) {
        fail(tls, TLS_NO_SECRET);
        return;
    }
    const int size = open_behind_hole(direction, body, length, text, &type);
    if (size < 0 && direction->messages.awaits_data)
        return; /* of the handshake, for which there is no key */
    if (size < 0 && tls->early_open && is_client(passage))
        return;
    if (size < 0) {
        if (direction->lost == 0)
            fail(tls, TLS_WRONG_SECRET);
        return;
    }
    direction->messages.awaits_data = false;
    direction->lost = 0;
    take_text(passage, type, text, (uint32_t)size);
}

static uint32_t record_length(const uint8_t *header)
{
    return read_u16(header + 3);
}

/* A header that a record could begin with. */
static bool is_header(const uint8_t *header)
{
    return header[0] >= TYPE_CHANGE_CIPHER_SPEC && header[0] <= TYPE_HEARTBEAT &&
           header[1] == MAJOR_VERSION && header[2] <= 4 &&
           record_length(header) <= TLS_RECORD_MAX && record_length(header) != 0;
}

static void take_record(const struct passage *passage, const uint8_t *body, uint32_t length)
{
    struct direction *direction = direction_of(passage);

    if (direction->encrypted)
        take_encrypted(passage, body, length);
    else
        take_text(passage, direction->header[0], body, length);
    forget_body(passage->tls, direction);
}

/* ---- Bytes ---- */

/* A hole begins: what is there of a record is of no use. */
static void begin_hole(const struct passage *passage, uint64_t count)
{
    struct tls *tls = passage->tls;
    struct direction *direction = direction_of(passage);

    if (!direction->encrypted || direction->keys.cipher == NULL ||
        direction->messages.awaits_data) {
        fail(tls, direction->encrypted ? TLS_LOST : TLS_NO_HELLO);
        return;
    }
    direction->lost += direction->filled + count;
    forget_body(tls, direction);
    direction->searching = true;
    passage->sink->hole(passage->sink->context, passage->side, UINT32_MAX);
}

/* A record whose end the snap length cut: what follows is in step all the same.
 */
static void pass_over(const struct passage *passage, uint32_t missing)
{
    struct direction *direction = direction_of(passage);
    const uint32_t length = record_length(direction->header);

    if (!direction->encrypted || direction->keys.cipher == NULL ||
        direction->messages.awaits_data) {
        fail(passage->tls, direction->encrypted ? TLS_LOST : TLS_NO_HELLO);
        return;
    }
    direction->keys.sequence++;
    direction->skip = missing;
    forget_body(passage->tls, direction);
    const uint32_t text = tls_keys_text_length(&direction->keys, length);
    if (direction->header[0] == TYPE_DATA && text != 0)
        passage->sink->hole(passage->sink->context, passage->side, text);
}

/* Where the next record may begin, at `bytes` or further on. Records mostly
 * begin where segments do. */
static struct slice search(struct slice bytes)
{
    while (bytes.captured >= TLS_RECORD_HEADER && !is_header(bytes.data))
        bytes = slice_skip(bytes, 1);
    return bytes;
}

/* As many bytes as are wanted of those that were captured. */
static struct slice collect(struct direction *direction, struct slice bytes, uint8_t *to,
                            uint32_t wanted)
{
    const uint32_t count = wanted < bytes.captured ? wanted : bytes.captured;

    if (count != 0)
        memcpy(to, bytes.data, count);
    direction->filled += count;
    return slice_skip(bytes, count);
}

/* The header is there. A record that is wholly in these bytes is read where it lies. */
static struct slice collect_body(const struct passage *passage, struct slice bytes)
{
    struct tls *tls = passage->tls;
    struct direction *direction = direction_of(passage);
    const uint32_t length = record_length(direction->header);
    const uint32_t at = direction->filled - TLS_RECORD_HEADER;

    if (at == 0 && bytes.captured >= length) {
        take_record(passage, bytes.data, length);
        return slice_skip(bytes, length);
    }
    if (direction->body == NULL && bytes.captured != 0) {
        direction->body = mqtt_memory_new(tls->memory, MQTT_MEMORY_HELD, length);
        if (direction->body == NULL) {
            fail(tls, TLS_NO_MEMORY);
            return (struct slice){0};
        }
        direction->body_room = length;
    }
    if (bytes.captured != 0)
        bytes = collect(direction, bytes, direction->body + at, length - at);
    if (direction->filled == TLS_RECORD_HEADER + length)
        take_record(passage, direction->body, length);
    else if (bytes.reported != 0) /* the rest was not captured */
        pass_over(passage, TLS_RECORD_HEADER + length - direction->filled);
    return bytes;
}

/* One step; false if these bytes are used up. */
static bool step(const struct passage *passage, struct slice *bytes)
{
    struct direction *direction = direction_of(passage);

    if (direction->skip != 0) {
        const uint32_t count =
            direction->skip < bytes->reported ? direction->skip : bytes->reported;
        *bytes = slice_skip(*bytes, count);
        direction->skip -= count;
        return bytes->reported != 0;
    }
    if (direction->searching) {
        *bytes = search(*bytes);
        if (bytes->captured < TLS_RECORD_HEADER) {
            direction->lost += bytes->reported;
            return false;
        }
        direction->searching = false;
    }
    if (direction->filled < TLS_RECORD_HEADER) {
        *bytes = collect(direction, *bytes, direction->header + direction->filled,
                         TLS_RECORD_HEADER - direction->filled);
        if (direction->filled == TLS_RECORD_HEADER && !is_header(direction->header)) {
            fail(passage->tls, direction->encrypted ? TLS_LOST : TLS_NOT_TLS);
            return false;
        }
    }
    if (direction->filled >= TLS_RECORD_HEADER) {
        *bytes = collect_body(passage, *bytes);
    } else if (bytes->reported != 0) { /* not even a header was captured */
        begin_hole(passage, bytes->reported);
        return false;
    }
    return bytes->reported != 0;
}

enum tls_trouble tls_push(struct tls *tls, unsigned side, struct slice bytes,
                          const struct tls_sink *sink)
{
    const struct passage passage = {tls, side, sink};

    while (tls->trouble == TLS_NO_TROUBLE && bytes.reported != 0 && step(&passage, &bytes))
        ;
    return tls->trouble;
}

enum tls_trouble tls_gap(struct tls *tls, unsigned side, uint64_t count,
                         const struct tls_sink *sink)
{
    const struct passage passage = {tls, side, sink};
    struct direction *direction = &tls->sides[side];

    if (tls->trouble != TLS_NO_TROUBLE)
        return tls->trouble;
    if (count <= direction->skip)
        direction->skip -= (uint32_t)count;
    else
        begin_hole(&passage, count - direction->skip);
    return tls->trouble;
}
