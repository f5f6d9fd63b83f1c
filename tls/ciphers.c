/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records decrypted; see ciphers.h. */
#include "tls/ciphers.h"

#include <stddef.h>
#include <string.h>

enum {
    EXPLICIT_NONCE = 8,
    CBC_BLOCK = 16,
    AUTHENTICATED = 13, /* sequence, type, version, length: what a MAC of TLS 1.2
                           is over, too */
};

static const struct tls_cipher ciphers[] = {
#define TLS_CIPHER(number, name, kind, cipher, key_length, mac, hash)                              \
    {number,           name, TLS_##kind, GNUTLS_CIPHER_##cipher, key_length, GNUTLS_MAC_##mac,     \
     GNUTLS_MAC_##hash},
#include "tls/ciphers.def"
#undef TLS_CIPHER
};

const struct tls_cipher *tls_cipher(uint16_t number)
{
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++)
        if (ciphers[i].number == number)
            return &ciphers[i];
    return NULL;
}

void tls_keys_clear(struct tls_keys *keys)
{
    if (keys->aead != NULL)
        gnutls_aead_cipher_deinit(keys->aead);
    if (keys->cbc != NULL)
        gnutls_cipher_deinit(keys->cbc);
    gnutls_memset(keys, 0, sizeof *keys);
}

static uint32_t tag_length(const struct tls_keys *keys)
{
    return gnutls_cipher_get_tag_size(keys->cipher->cipher);
}

static void put_u64(uint8_t *bytes, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
}

static void authenticate(uint8_t data[static AUTHENTICATED], const struct tls_keys *keys,
                         const uint8_t *header, uint32_t length)
{
    put_u64(data, keys->sequence);
    memcpy(data + 8, header, 3);
    data[11] = (uint8_t)(length >> 8);
    data[12] = (uint8_t)length;
}

/* ---- Ciphers with authentication ---- */

static bool make_aead(struct tls_keys *keys)
{
    const gnutls_datum_t key = {keys->key, keys->cipher->key_length};

    return keys->aead != NULL ||
           gnutls_aead_cipher_init(&keys->aead, keys->cipher->cipher, &key) == 0;
}

/* RFC 8446, 5.3: the sequence number is added to the nonce without carry. */
static void mix_nonce(uint8_t nonce[static TLS_NONCE_SIZE], const struct tls_keys *keys)
{
    put_u64(nonce + TLS_NONCE_SIZE - 8, keys->sequence);
    memset(nonce, 0, TLS_NONCE_SIZE - 8);
    for (unsigned i = 0; i < TLS_NONCE_SIZE; i++)
        nonce[i] ^= keys->nonce[i];
}

static int open_aead(struct tls_keys *keys, const uint8_t *header, const uint8_t *record,
                     uint32_t length, uint8_t *text)
{
    const bool is_1_3 = keys->cipher->kind == TLS_AEAD_13;
    const uint32_t explicit = keys->cipher->kind == TLS_AEAD ? EXPLICIT_NONCE : 0;
    const uint32_t tag = tag_length(keys);
    uint8_t nonce[TLS_NONCE_SIZE], data[AUTHENTICATED];
    size_t size = TLS_RECORD_MAX;

    if (length < explicit + tag || !make_aead(keys))
        return -1;
    if (explicit != 0) {
        memcpy(nonce, keys->nonce, TLS_NONCE_SIZE - EXPLICIT_NONCE);
        memcpy(nonce + TLS_NONCE_SIZE - EXPLICIT_NONCE, record, EXPLICIT_NONCE);
    } else {
        mix_nonce(nonce, keys);
    }
    authenticate(data, keys, header, length - explicit - tag);
    const int status =
        gnutls_aead_cipher_decrypt(keys->aead, nonce, sizeof nonce, is_1_3 ? header : data,
                                   is_1_3 ? (size_t)TLS_RECORD_HEADER : (size_t)AUTHENTICATED, tag,
                                   record + explicit, length - explicit, text, &size);
    return status == 0 ? (int)size : -1;
}

/* RFC 8446, 5.2: the text ends with its type and any number of zeros. */
static int strip_1_3(const uint8_t *text, int length, uint8_t *type)
{
    while (length > 0 && text[length - 1] == 0)
        length--;
    if (length == 0)
        return -1;
    *type = text[length - 1];
    return length - 1;
}

/* ---- CBC with a MAC of its own (RFC 5246, 6.2.3.2; RFC 7366) ---- */

static bool make_cbc(struct tls_keys *keys)
{
    static uint8_t zeros[CBC_BLOCK];
    const gnutls_datum_t key = {keys->key, keys->cipher->key_length};
    const gnutls_datum_t nonce = {zeros, sizeof zeros};

    return keys->cbc != NULL ||
           gnutls_cipher_init(&keys->cbc, keys->cipher->cipher, &key, &nonce) == 0;
}

static bool mac_fits(const struct tls_keys *keys, const uint8_t *header, const uint8_t *bytes,
                     uint32_t length, const uint8_t *mac)
{
    const gnutls_mac_algorithm_t algorithm = keys->cipher->mac;
    uint8_t data[AUTHENTICATED], expected[TLS_HASH_MAX];
    gnutls_hmac_hd_t hmac;

    authenticate(data, keys, header, length);
    if (gnutls_hmac_init(&hmac, algorithm, keys->mac, gnutls_hmac_get_len(algorithm)) != 0)
        return false;
    gnutls_hmac(hmac, data, sizeof data);
    gnutls_hmac(hmac, bytes, length);
    gnutls_hmac_deinit(hmac, expected);
    return memcmp(expected, mac, gnutls_hmac_get_len(algorithm)) == 0;
}

/* The text without its padding, or -1. */
static int strip_padding(const uint8_t *text, uint32_t length)
{
    const uint32_t padding = length != 0 ? text[length - 1] + 1U : 1U;

    if (padding > length)
        return -1;
    for (uint32_t i = 1; i <= padding; i++)
        if (text[length - i] != padding - 1)
            return -1;
    return (int)(length - padding);
}

static int open_cbc(struct tls_keys *keys, const uint8_t *header, const uint8_t *record,
                    uint32_t length, uint8_t *text)
{
    const uint32_t mac = gnutls_hmac_get_len(keys->cipher->mac);
    uint8_t nonce[CBC_BLOCK];

    if (keys->encrypt_then_mac) {
        if (length < mac || !mac_fits(keys, header, record, length - mac, record + length - mac))
            return -1;
        length -= mac;
    }
    if (length < 2 * CBC_BLOCK || length % CBC_BLOCK != 0 || !make_cbc(keys))
        return -1;
    memcpy(nonce, record, CBC_BLOCK);
    gnutls_cipher_set_iv(keys->cbc, nonce, sizeof nonce);
    if (gnutls_cipher_decrypt2(keys->cbc, record + CBC_BLOCK, length - CBC_BLOCK, text,
                               TLS_RECORD_MAX) != 0)
        return -1;
    const int stripped = strip_padding(text, length - CBC_BLOCK);
    if (stripped < 0 || keys->encrypt_then_mac)
        return stripped;
    if ((uint32_t)stripped < mac)
        return -1;
    const uint32_t size = (uint32_t)stripped - mac;
    return mac_fits(keys, header, text, size, text + size) ? (int)size : -1;
}

/* ---- Both ---- */

int tls_keys_open(struct tls_keys *keys, const uint8_t *header, const uint8_t *record,
                  uint32_t length, uint8_t *text, uint8_t *type)
{
    if (length > TLS_RECORD_MAX)
        return -1;
    int size = keys->cipher->kind == TLS_CBC ? open_cbc(keys, header, record, length, text)
                                             : open_aead(keys, header, record, length, text);
    *type = header[0];
    if (size >= 0 && keys->cipher->kind == TLS_AEAD_13)
        size = strip_1_3(text, size, type);
    if (size >= 0)
        keys->sequence++;
    return size;
}

uint32_t tls_keys_text_length(const struct tls_keys *keys, uint32_t length)
{
    uint32_t more;

    switch (keys->cipher->kind) {
    case TLS_AEAD_13: more = tag_length(keys) + 1; break;
    case TLS_AEAD: more = tag_length(keys) + EXPLICIT_NONCE; break;
    case TLS_AEAD_XOR: more = tag_length(keys); break;
    default: more = CBC_BLOCK + gnutls_hmac_get_len(keys->cipher->mac) + 1; break;
    }
    return length > more ? length - more : 0;
}
