/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cipher suites as TLS numbers them, and a record decrypted with one. Every
 * cipher and hash is GnuTLS's; the key schedules of TLS 1.2 (RFC 5246) and 1.3
 * (RFC 8446) are in keys.c. Private to tls/. */
#ifndef MQTTSCOPE_TLS_CIPHERS_H
#define MQTTSCOPE_TLS_CIPHERS_H

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    TLS_HASH_MAX = 48,
    TLS_KEY_MAX = 32,
    TLS_NONCE_SIZE = 12,
    TLS_RECORD_HEADER = 5,
    TLS_RECORD_MAX = (1 << 14) + 2048, /* RFC 5246, 6.2.3; 1.3 has less */
};

enum tls_cipher_kind { TLS_AEAD_13, TLS_AEAD, TLS_AEAD_XOR, TLS_CBC };

struct tls_cipher {
    uint16_t number;
    const char *name;
    enum tls_cipher_kind kind;
    gnutls_cipher_algorithm_t cipher;
    uint32_t key_length;
    gnutls_mac_algorithm_t mac; /* of CBC */
    gnutls_mac_algorithm_t hash;
};

/* NULL: a suite that can't be decrypted. */
const struct tls_cipher *tls_cipher(uint16_t number);

/* What decrypts the records of one side, one after the other. */
struct tls_keys {
    const struct tls_cipher *cipher; /* NULL: there are none */
    uint64_t sequence;               /* of the next record */
    uint8_t key[TLS_KEY_MAX];
    uint8_t nonce[TLS_NONCE_SIZE];
    uint8_t mac[TLS_HASH_MAX];
    uint8_t secret[TLS_HASH_MAX]; /* of TLS 1.3: what the next ones are made of */
    bool encrypt_then_mac;        /* RFC 7366 */
    gnutls_aead_cipher_hd_t aead; /* made when first used */
    gnutls_cipher_hd_t cbc;
};

/* Of TLS 1.2: the keys of a side (0: client's) from the master secret of 48
 * bytes and both randoms.
 */
void tls_keys_1_2(struct tls_keys *keys, const struct tls_cipher *cipher, const uint8_t *master,
                  const uint8_t *client_random, const uint8_t *server_random, unsigned side);

/* Of TLS 1.3, from a traffic secret, which has the length of the suite's hash.
 */
void tls_keys_1_3(struct tls_keys *keys, const struct tls_cipher *cipher, const uint8_t *secret);

/* After a KeyUpdate (RFC 8446, 7.2). */
void tls_keys_update(struct tls_keys *keys);

/* Decrypts a record: its header and `length` bytes behind it. Returns how many
 * bytes of text are in `text`, which has room for TLS_RECORD_MAX, or -1 where
 * the keys do not fit it; `sequence` counts on only where they did. *type is
 * the record's type, which TLS 1.3 encrypts too. */
int tls_keys_open(struct tls_keys *keys, const uint8_t *header, const uint8_t *record,
                  uint32_t length, uint8_t *text, uint8_t *type);

/* How many bytes of text a record of so many encrypted bytes has at the most.
 */
uint32_t tls_keys_text_length(const struct tls_keys *keys, uint32_t length);

/* Frees what was made for decrypting, and forgets the keys. */
void tls_keys_clear(struct tls_keys *keys);

#endif
