/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS 1.2 (RFC 5246) and 1.3 (RFC 8446) as a listener sees it who has the
 * secrets: ordered bytes of a connection in, what they carry out. Follows the
 * handshake to know which keys are whose and from when on: resumption, early
 * data, key updates and renegotiation included. Nothing is verified but that
 * each record fits its key.
 *
 *     tls = tls_new(secrets, &memory);
 *     tls_push(tls, side, bytes, &sink);       for each piece of either
 * direction, in their order tls_gap(tls, side, count, &sink);        where the
 * capture lacks bytes tls_free(tls);
 */
#ifndef MQTTSCOPE_TLS_TLS_H
#define MQTTSCOPE_TLS_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "mqtt/wire/memory.h"
#include "tcp/slice.h"
#include "tls/secrets.h"

struct tls; /* one connection */

/* Why a connection can't be read, or not to its end. */
enum tls_trouble {
    TLS_NO_TROUBLE,
    TLS_NOT_TLS,      /* its bytes are no records */
    TLS_NO_SECRET,    /* there is none for it */
    TLS_NO_HELLO,     /* its beginning is not in the capture, so nobody knows which
                         are its secrets */
    TLS_NO_CIPHER,    /* a cipher suite, or a version, that is not known here */
    TLS_WRONG_SECRET, /* a record does not fit its key, and no hole explains it */
    TLS_LOST,         /* nor did one that fits come behind a hole */
    TLS_NO_MEMORY,
};

struct tls_sink {
    void *context;
    /* What a side said: `length` bytes, valid during the call. */
    void (*text)(void *context, unsigned side, const uint8_t *bytes, uint32_t length);
    /* What a side said can't be read: about as many bytes; UINT32_MAX: nobody
     * knows. */
    void (*hole)(void *context, unsigned side, uint32_t count);
};

/* Looks secrets up during its life, and charges `memory`, which may be NULL.
 * `client` is the side that opened the connection. NULL without memory. */
struct tls *tls_new(const struct tls_secrets *secrets, unsigned client, struct mqtt_memory *memory);

/* Takes bytes of a side (0 or 1). TLS_NO_TROUBLE, or why nothing more will come
 * of either side: further calls change nothing then. */
enum tls_trouble tls_push(struct tls *tls, unsigned side, struct slice bytes,
                          const struct tls_sink *sink);

/* The next `count` bytes of a side are not in the capture. */
enum tls_trouble tls_gap(struct tls *tls, unsigned side, uint64_t count,
                         const struct tls_sink *sink);

/* NULL is allowed. */
void tls_free(struct tls *tls);

#endif
