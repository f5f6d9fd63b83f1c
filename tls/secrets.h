/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Secrets that TLS connections can be decrypted with, as browsers, OpenSSL,
 * GnuTLS, NSS and eCapture log them (draft-ietf-tls-keylogfile,
 * "SSLKEYLOGFILE"): a line each of a label, the client's random of that
 * connection, and the secret.
 */
#ifndef MQTTSCOPE_TLS_SECRETS_H
#define MQTTSCOPE_TLS_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_RANDOM_SIZE 32
#define TLS_SECRET_MAX 48

/* More are not kept: 200 bytes each. */
#define TLS_SECRETS_MAX 2000000

enum tls_secret_kind {
    TLS_MASTER,           /* CLIENT_RANDOM: the master secret of TLS 1.2 */
    TLS_CLIENT_EARLY,     /* CLIENT_EARLY_TRAFFIC_SECRET */
    TLS_CLIENT_HANDSHAKE, /* CLIENT_HANDSHAKE_TRAFFIC_SECRET */
    TLS_SERVER_HANDSHAKE, /* SERVER_HANDSHAKE_TRAFFIC_SECRET */
    TLS_CLIENT_TRAFFIC,   /* CLIENT_TRAFFIC_SECRET_0 */
    TLS_SERVER_TRAFFIC,   /* SERVER_TRAFFIC_SECRET_0 */
    TLS_SECRET_KINDS,
};

struct tls_secrets;

/* NULL without memory. */
struct tls_secrets *tls_secrets_new(void);

/* Takes in the lines of a key log. Empty lines, comments, and labels that are
 * of no use here are passed over. Returns how many secrets were taken; *broken
 * is raised by the lines that make no sense. */
size_t tls_secrets_add(struct tls_secrets *secrets, const char *text, size_t length,
                       size_t *broken);

/* The secret of this kind for the connection with this client random, or NULL;
 * *length is its size.
 */
const uint8_t *tls_secrets_find(const struct tls_secrets *secrets,
                                const uint8_t random[TLS_RANDOM_SIZE], enum tls_secret_kind kind,
                                size_t *length);

/* NULL is allowed. What is freed is overwritten before. */
void tls_secrets_free(struct tls_secrets *secrets);

#endif
