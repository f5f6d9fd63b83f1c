/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key schedules; see ciphers.h. */
#include "tls/ciphers.h"

#include <string.h>

enum {
    RANDOM = 32,
    MASTER = 48,
    FIXED_NONCE = 4,
    KEY_BLOCK_MAX = 2 * (TLS_HASH_MAX + TLS_KEY_MAX + TLS_NONCE_SIZE)
};

/* RFC 5246, 5: P_hash(secret, label + seed), with the label in the seed. */
static void prf(gnutls_mac_algorithm_t hash, const uint8_t *secret, const uint8_t *seed,
                size_t seed_length, uint8_t *out, size_t length)
{
    const size_t size = gnutls_hmac_get_len(hash);
    uint8_t a[TLS_HASH_MAX + 128], block[TLS_HASH_MAX];
    size_t a_length = seed_length;

    memcpy(a, seed, seed_length);
    while (length > 0) {
        uint8_t next[TLS_HASH_MAX];
        gnutls_hmac_fast(hash, secret, MASTER, a, a_length, next); /* A(i) */
        memcpy(a, next, size);
        memcpy(a + size, seed, seed_length);
        gnutls_hmac_fast(hash, secret, MASTER, a, size + seed_length, block);
        a_length = size;
        const size_t part = length < size ? length : size;
        memcpy(out, block, part);
        out += part;
        length -= part;
    }
}

/* The key block is | MAC keys | keys | nonces |, of the client and then of the
 * server each (6.3).
 */
void tls_keys_1_2(struct tls_keys *keys, const struct tls_cipher *cipher, const uint8_t *master,
                  const uint8_t *client_random, const uint8_t *server_random, unsigned side)
{
    static const char label[] = "key expansion";
    uint8_t seed[sizeof label - 1 + 2 * RANDOM], block[KEY_BLOCK_MAX];
    const size_t mac = cipher->kind == TLS_CBC ? gnutls_hmac_get_len(cipher->mac) : 0;
    const size_t key = cipher->key_length;
    const size_t nonce = cipher->kind == TLS_CBC    ? 0
                         : cipher->kind == TLS_AEAD ? FIXED_NONCE
                                                    : TLS_NONCE_SIZE;

    memcpy(seed, label, sizeof label - 1);
    memcpy(seed + sizeof label - 1, server_random, RANDOM);
    memcpy(seed + sizeof label - 1 + RANDOM, client_random, RANDOM);
    prf(cipher->hash, master, seed, sizeof seed, block, 2 * (mac + key + nonce));
    tls_keys_clear(keys);
    keys->cipher = cipher;
    memcpy(keys->mac, block + side * mac, mac);
    memcpy(keys->key, block + 2 * mac + side * key, key);
    memcpy(keys->nonce, block + 2 * (mac + key) + side * nonce, nonce);
}

/* RFC 8446, 7.1: HKDF-Expand-Label with an empty context. */
static void expand(gnutls_mac_algorithm_t hash, const uint8_t *secret, const char *label,
                   uint8_t *out, size_t length)
{
    static const char prefix[] = "tls13 ";
    uint8_t info[64];
    const size_t label_length = strlen(label);
    size_t at = 0;

    info[at++] = 0;
    info[at++] = (uint8_t)length;
    info[at++] = (uint8_t)(sizeof prefix - 1 + label_length);
    memcpy(info + at, prefix, sizeof prefix - 1);
    at += sizeof prefix - 1;
    memcpy(info + at, label, label_length);
    at += label_length;
    info[at++] = 0;
    uint8_t from[TLS_HASH_MAX];
    memcpy(from, secret, sizeof from);
    const gnutls_datum_t key = {from, (unsigned)gnutls_hmac_get_len(hash)};
    const gnutls_datum_t about = {info, (unsigned)at};
    gnutls_hkdf_expand(hash, &key, &about, out, length);
}

void tls_keys_1_3(struct tls_keys *keys, const struct tls_cipher *cipher, const uint8_t *secret)
{
    uint8_t kept[TLS_HASH_MAX] = {0};

    memcpy(kept, secret, gnutls_hmac_get_len(cipher->hash));
    tls_keys_clear(keys);
    keys->cipher = cipher;
    memcpy(keys->secret, kept, sizeof kept);
    expand(cipher->hash, kept, "key", keys->key, cipher->key_length);
    expand(cipher->hash, kept, "iv", keys->nonce, TLS_NONCE_SIZE);
}

void tls_keys_update(struct tls_keys *keys)
{
    const struct tls_cipher *cipher = keys->cipher;
    uint8_t next[TLS_HASH_MAX] = {0};

    expand(cipher->hash, keys->secret, "traffic upd", next, gnutls_hmac_get_len(cipher->hash));
    tls_keys_1_3(keys, cipher, next);
}
