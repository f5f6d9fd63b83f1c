/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of secrets by kind and client random; see secrets.h. */
#include "tls/secrets.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    uint8_t random[TLS_RANDOM_SIZE];
    uint8_t secret[TLS_SECRET_MAX];
    uint8_t length; /* 0: not used */
    uint8_t kind;
};

/* Open addressing; `mask` + 1 places, a power of two, at most half of them
 * used. */
struct tls_secrets {
    struct entry *entries;
    size_t mask, count;
    uint64_t seed[TLS_RANDOM_SIZE / 8]; /* secrets may come with the capture, of whoever made it */
};

static const char *const labels[TLS_SECRET_KINDS] = {
    [TLS_MASTER] = "CLIENT_RANDOM",
    [TLS_CLIENT_EARLY] = "CLIENT_EARLY_TRAFFIC_SECRET",
    [TLS_CLIENT_HANDSHAKE] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    [TLS_SERVER_HANDSHAKE] = "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    [TLS_CLIENT_TRAFFIC] = "CLIENT_TRAFFIC_SECRET_0",
    [TLS_SERVER_TRAFFIC] = "SERVER_TRAFFIC_SECRET_0",
};

struct tls_secrets *tls_secrets_new(void)
{
    enum { FIRST = 64 };
    struct tls_secrets *secrets = calloc(1, sizeof *secrets);

    if (secrets == NULL)
        return NULL;
    secrets->entries = calloc(FIRST, sizeof *secrets->entries);
    secrets->mask = FIRST - 1;
    if (secrets->entries == NULL ||
        gnutls_rnd(GNUTLS_RND_NONCE, secrets->seed, sizeof secrets->seed) != 0) {
        free(secrets->entries);
        free(secrets);
        return NULL;
    }
    return secrets;
}

void tls_secrets_free(struct tls_secrets *secrets)
{
    if (secrets == NULL)
        return;
    gnutls_memset(secrets->entries, 0, (secrets->mask + 1) * sizeof *secrets->entries);
    free(secrets->entries);
    free(secrets);
}

static size_t place(const struct tls_secrets *secrets, const uint8_t *random, unsigned kind)
{
    uint64_t words[TLS_RANDOM_SIZE / 8], sum = kind * UINT64_C(0x9e3779b97f4a7c15);

    memcpy(words, random, sizeof words);
    for (size_t i = 0; i < TLS_RANDOM_SIZE / 8; i++)
        sum += (uint64_t)((unsigned __int128)(words[i] ^ secrets->seed[i]) *
                              (secrets->seed[(i + 1) % (TLS_RANDOM_SIZE / 8)] | 1) >>
                          32);
    return (size_t)(sum ^ sum >> 32);
}

static struct entry *find(const struct tls_secrets *secrets, const uint8_t *random, unsigned kind)
{
    size_t at = place(secrets, random, kind) & secrets->mask;

    while (secrets->entries[at].length != 0 &&
           (secrets->entries[at].kind != kind ||
            memcmp(secrets->entries[at].random, random, TLS_RANDOM_SIZE) != 0))
        at = (at + 1) & secrets->mask;
    return &secrets->entries[at];
}

static bool grow(struct tls_secrets *secrets)
{
    struct tls_secrets larger = *secrets;

    larger.mask = 2 * secrets->mask + 1;
    larger.entries = calloc(larger.mask + 1, sizeof *larger.entries);
    if (larger.entries == NULL)
        return false;
    for (size_t i = 0; i <= secrets->mask; i++) {
        const struct entry *entry = &secrets->entries[i];
        if (entry->length != 0)
            *find(&larger, entry->random, entry->kind) = *entry;
    }
    gnutls_memset(secrets->entries, 0, (secrets->mask + 1) * sizeof *secrets->entries);
    free(secrets->entries);
    *secrets = larger;
    return true;
}

/* ---- Lines ---- */

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Bytes that a word has in hexadecimal; 0: it is none, or has more than there
 * is room for. */
static size_t unhex(const char *word, size_t length, uint8_t *bytes, size_t room)
{
    if (length % 2 != 0 || length / 2 > room)
        return 0;
    for (size_t i = 0; i < length; i += 2) {
        const int high = digit(word[i]), low = digit(word[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    return length / 2;
}

static size_t word_length(const char *text, const char *end)
{
    const char *at = text;

    while (at < end && *at != ' ' && *at != '\t')
        at++;
    return (size_t)(at - text);
}

static const char *skip_spaces(const char *text, const char *end)
{
    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    return text;
}

/* What labels are made of; a file of something else has other words. */
static bool is_label(const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((word[i] < 'A' || word[i] > 'Z') && (word[i] < '0' || word[i] > '9') && word[i] != '_')
            return false;
    return true;
}

enum line { LINE_TAKEN, LINE_OF_NO_USE, LINE_BROKEN };

static enum line take_line(struct tls_secrets *secrets, const char *line, const char *end)
{
    struct entry entry = {0};
    unsigned kind = 0;

    while (end > line && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
        end--;
    line = skip_spaces(line, end);
    if (line == end || *line == '#')
        return LINE_OF_NO_USE;
    const size_t label = word_length(line, end);
    const char *random = skip_spaces(line + label, end);
    const size_t random_length = word_length(random, end);
    const char *secret = skip_spaces(random + random_length, end);
    const size_t secret_length = word_length(secret, end);
    if (secret_length == 0 || secret + secret_length != end)
        return LINE_BROKEN;
    while (kind < TLS_SECRET_KINDS &&
           (strlen(labels[kind]) != label || memcmp(labels[kind], line, label) != 0))
        kind++;
    if (kind == TLS_SECRET_KINDS)
        return is_label(line, label) ? LINE_OF_NO_USE : LINE_BROKEN;
    entry.kind = (uint8_t)kind;
    entry.length = (uint8_t)unhex(secret, secret_length, entry.secret, sizeof entry.secret);
    if (unhex(random, random_length, entry.random, sizeof entry.random) != TLS_RANDOM_SIZE ||
        entry.length == 0 || (kind == TLS_MASTER && entry.length != TLS_SECRET_MAX))
        return LINE_BROKEN;
    if (secrets->count >= TLS_SECRETS_MAX ||
        (2 * (secrets->count + 1) > secrets->mask && !grow(secrets)))
        return LINE_OF_NO_USE;
    struct entry *known = find(secrets, entry.random, kind);
    secrets->count += known->length == 0;
    *known = entry;
    return LINE_TAKEN;
}

size_t tls_secrets_add(struct tls_secrets *secrets, const char *text, size_t length, size_t *broken)
{
    const char *const all = text + length;
    size_t taken = 0;

    while (text < all) {
        const char *end = memchr(text, '\n', (size_t)(all - text));
        if (end == NULL)
            end = all;
        const enum line what = take_line(secrets, text, end);
        taken += what == LINE_TAKEN;
        *broken += what == LINE_BROKEN;
        text = end < all ? end + 1 : all;
    }
    return taken;
}

const uint8_t *tls_secrets_find(const struct tls_secrets *secrets,
                                const uint8_t random[TLS_RANDOM_SIZE], enum tls_secret_kind kind,
                                size_t *length)
{
    const struct entry *entry = find(secrets, random, kind);

    *length = entry->length;
    return entry->length != 0 ? entry->secret : NULL;
}
