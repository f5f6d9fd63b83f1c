/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS read by a listener: what real sessions of GnuTLS say, in pieces of any size, with every kind
 * of cipher suite, resumed, with early data and new keys, and with bytes missing. */
#include "tls/tls.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"
#include "tls/ciphers.h"

enum { CLIENT, SERVER, WIRE_MAX = 1 << 18, EVENTS_MAX = 4096, SAID_MAX = 1 << 17 };

/* ---- A conversation, and what was on the wire ---- */

struct wire {
    uint8_t bytes[WIRE_MAX];
    size_t length;
    struct {
        unsigned side;
        size_t begin, end;
    } events[EVENTS_MAX];
    size_t count;
    size_t read[2]; /* events that a side has seen */
    size_t offset[2];
};

struct peer {
    struct wire *wire;
    unsigned side;
};

static struct wire wire;
static char key_log[8192];
static struct peer peers[2] = {{&wire, CLIENT}, {&wire, SERVER}};
static gnutls_session_t sessions[2];
static gnutls_certificate_credentials_t credentials[2];
static gnutls_psk_client_credentials_t psk_client;
static gnutls_psk_server_credentials_t psk_server;
static uint8_t said[2][SAID_MAX]; /* what each side has sent */
static size_t said_length[2];

static ssize_t push(gnutls_transport_ptr_t pointer, const void *data, size_t length)
{
    const struct peer *peer = pointer;
    struct wire *w = peer->wire;
    ck_assert(w->length + length <= WIRE_MAX && w->count < EVENTS_MAX);
    memcpy(w->bytes + w->length, data, length);
    w->events[w->count].side = peer->side;
    w->events[w->count].begin = w->length;
    w->length += length;
    w->events[w->count++].end = w->length;
    return (ssize_t)length;
}

static ssize_t pull(gnutls_transport_ptr_t pointer, void *data, size_t length)
{
    const struct peer *peer = pointer;
    struct wire *w = peer->wire;
    size_t *event = &w->read[peer->side];
    while (*event < w->count && w->events[*event].side == peer->side)
        ++*event;
    if (*event == w->count) {
        gnutls_transport_set_errno(sessions[peer->side], 11 /* EAGAIN */);
        return -1;
    }
    size_t *offset = &w->offset[peer->side];
    const size_t left = w->events[*event].end - w->events[*event].begin - *offset;
    const size_t count = length < left ? length : left;
    memcpy(data, w->bytes + w->events[*event].begin + *offset, count);
    *offset += count;
    if (count == left) {
        ++*event;
        *offset = 0;
    }
    return (ssize_t)count;
}

static int pull_timeout(gnutls_transport_ptr_t pointer, unsigned ms)
{
    (void)pointer;
    (void)ms;
    return 1;
}

static int keep_secret(gnutls_session_t session, const char *label, const gnutls_datum_t *secret)
{
    gnutls_datum_t client, server;
    size_t at = strlen(key_log);
    gnutls_session_get_random(session, &client, &server);
    at += (size_t)snprintf(key_log + at, sizeof key_log - at, "%s ", label);
    for (unsigned i = 0; i < client.size; i++)
        at += (size_t)snprintf(key_log + at, sizeof key_log - at, "%02x", client.data[i]);
    at += (size_t)snprintf(key_log + at, sizeof key_log - at, " ");
    for (unsigned i = 0; i < secret->size; i++)
        at += (size_t)snprintf(key_log + at, sizeof key_log - at, "%02x", secret->data[i]);
    snprintf(key_log + at, sizeof key_log - at, "\n");
    return 0;
}

static void make_certificate(void)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    const uint8_t serial = 1;
    gnutls_x509_privkey_init(&key);
    ck_assert_int_eq(gnutls_x509_privkey_generate(
                         key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, &serial, 1);
    gnutls_x509_crt_set_activation_time(certificate, 0);
    gnutls_x509_crt_set_expiration_time(certificate, 4000000000);
    gnutls_x509_crt_set_dn(certificate, "CN=broker", NULL);
    gnutls_x509_crt_set_key(certificate, key);
    ck_assert_int_eq(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0), 0);
    for (unsigned side = 0; side < 2; side++)
        gnutls_certificate_allocate_credentials(&credentials[side]);
    ck_assert_int_eq(gnutls_certificate_set_x509_key(credentials[SERVER], &certificate, 1, key), 0);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
}

static int give_key(gnutls_session_t session, const char *name, gnutls_datum_t *key)
{
    enum { SIZE = 16 };
    (void)session;
    (void)name;
    key->data = gnutls_malloc(SIZE);
    key->size = SIZE;
    memset(key->data, 7, SIZE);
    return 0;
}

static void make_psk(void)
{
    gnutls_datum_t key;
    give_key(NULL, NULL, &key);
    gnutls_psk_allocate_client_credentials(&psk_client);
    gnutls_psk_allocate_server_credentials(&psk_server);
    ck_assert_int_eq(
        gnutls_psk_set_client_credentials(psk_client, "device", &key, GNUTLS_PSK_KEY_RAW), 0);
    gnutls_psk_set_server_credentials_function(psk_server, give_key);
    gnutls_free(key.data);
}

static void begin_session(const char *priority, unsigned flags)
{
    if (credentials[CLIENT] == NULL) {
        make_certificate();
        make_psk();
    }
    memset(&wire, 0, sizeof wire);
    memset(said_length, 0, sizeof said_length);
    key_log[0] = '\0';
    for (unsigned side = 0; side < 2; side++) {
        gnutls_init(&sessions[side],
                    (side == CLIENT ? GNUTLS_CLIENT : GNUTLS_SERVER) | GNUTLS_NONBLOCK | flags);
        ck_assert_msg(gnutls_priority_set_direct(sessions[side], priority, NULL) == 0, "%s",
                      priority);
        gnutls_credentials_set(sessions[side], GNUTLS_CRD_CERTIFICATE, credentials[side]);
        if (side == CLIENT)
            gnutls_credentials_set(sessions[side], GNUTLS_CRD_PSK, psk_client);
        else
            gnutls_credentials_set(sessions[side], GNUTLS_CRD_PSK, psk_server);
        gnutls_transport_set_ptr(sessions[side], &peers[side]);
        gnutls_transport_set_push_function(sessions[side], push);
        gnutls_transport_set_pull_function(sessions[side], pull);
        gnutls_transport_set_pull_timeout_function(sessions[side], pull_timeout);
        gnutls_session_set_keylog_function(sessions[side], keep_secret);
    }
}

static void shake_hands(void)
{
    int status[2] = {GNUTLS_E_AGAIN, GNUTLS_E_AGAIN};
    for (int i = 0; i < 100 && (status[0] != 0 || status[1] != 0); i++)
        for (unsigned side = 0; side < 2; side++)
            if (status[side] != 0) {
                status[side] = gnutls_handshake(sessions[side]);
                ck_assert_msg(status[side] == 0 || !gnutls_error_is_fatal(status[side]), "%s",
                              gnutls_strerror(status[side]));
            }
    ck_assert(status[0] == 0 && status[1] == 0);
}

static void say(unsigned side, const void *bytes, size_t length)
{
    static uint8_t heard[1 << 15];
    size_t got = 0;
    ck_assert(said_length[side] + length <= SAID_MAX);
    memcpy(said[side] + said_length[side], bytes, length);
    said_length[side] += length;
    ck_assert_int_eq(gnutls_record_send(sessions[side], bytes, length), (ssize_t)length);
    while (got < length) {
        const ssize_t part = gnutls_record_recv(sessions[1 - side], heard, sizeof heard);
        ck_assert(part > 0 || part == GNUTLS_E_AGAIN || part == GNUTLS_E_INTERRUPTED);
        got += part > 0 ? (size_t)part : 0;
    }
}

static void talk(void)
{
    static const uint8_t zeros[8000];
    say(CLIENT, "\x10\x0d\0\4MQTT\5\2\0\x3c\0\0\0", 15);
    say(SERVER, "\x20\3\0\0\0", 5);
    for (unsigned i = 0; i < 20; i++) {
        say(CLIENT, "\xc0\0", 2);
        say(SERVER, "\xd0\0", 2);
    }
    say(CLIENT, zeros, sizeof zeros);
    say(SERVER, zeros, 3);
}

static void end_session(void)
{
    for (unsigned side = 0; side < 2; side++)
        gnutls_bye(sessions[side], GNUTLS_SHUT_WR);
    for (unsigned side = 0; side < 2; side++)
        gnutls_deinit(sessions[side]);
}

/* ---- The listener ---- */

struct heard {
    uint8_t text[2][SAID_MAX];
    size_t length[2];
    unsigned holes[2];
    uint32_t hole;
};

static struct heard heard;

static void hear_text(void *context, unsigned side, const uint8_t *bytes, uint32_t length)
{
    (void)context;
    ck_assert(heard.length[side] + length <= SAID_MAX);
    memcpy(heard.text[side] + heard.length[side], bytes, length);
    heard.length[side] += length;
}

static void hear_hole(void *context, unsigned side, uint32_t count)
{
    (void)context;
    heard.holes[side]++;
    heard.hole = count;
}

static const struct tls_sink sink = {NULL, hear_text, hear_hole};

static struct tls_secrets *secrets_of(const char *text)
{
    struct tls_secrets *secrets = tls_secrets_new();
    size_t broken = 0;
    tls_secrets_add(secrets, text, strlen(text), &broken);
    ck_assert_uint_eq(broken, 0);
    return secrets;
}

static enum tls_trouble push_piece(struct tls *tls, unsigned side, const uint8_t *bytes,
                                   size_t length)
{
    uint8_t *exact = malloc(length + 1); /* a sanitizer sees what reads behind it */
    ck_assert_ptr_nonnull(exact);
    memcpy(exact + 1, bytes, length);
    const struct slice slice = {exact + 1, (uint32_t)length, (uint32_t)length};
    const enum tls_trouble trouble = tls_push(tls, side, slice, &sink);
    free(exact);
    return trouble;
}

/* All that was on the wire, in pieces of this size. */
static enum tls_trouble listen(const struct tls_secrets *secrets, size_t piece)
{
    enum tls_trouble trouble = TLS_NO_TROUBLE;
    struct tls *tls = tls_new(secrets, CLIENT, NULL);
    memset(&heard, 0, sizeof heard);
    for (size_t i = 0; i < wire.count; i++)
        for (size_t at = wire.events[i].begin; at < wire.events[i].end; at += piece) {
            const size_t left = wire.events[i].end - at;
            trouble =
                push_piece(tls, wire.events[i].side, wire.bytes + at, left < piece ? left : piece);
        }
    tls_free(tls);
    return trouble;
}

static void check_all_heard(const char *what)
{
    for (unsigned side = 0; side < 2; side++) {
        ck_assert_msg(heard.length[side] == said_length[side] &&
                          memcmp(heard.text[side], said[side], said_length[side]) == 0,
                      "%s: side %u: %zu of %zu", what, side, heard.length[side], said_length[side]);
        ck_assert_uint_eq(heard.holes[side], 0);
    }
}

#define TLS_1_2(suite) "NONE:+VERS-TLS1.2:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:" suite
#define TLS_1_3(suite) "NONE:+VERS-TLS1.3:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+ECDHE-ECDSA:+AEAD:" suite

static const char *const suites[] = {
    TLS_1_3("+AES-128-GCM"),
    TLS_1_3("+AES-256-GCM"),
    TLS_1_3("+CHACHA20-POLY1305"),
    TLS_1_3("+AES-128-CCM"),
    TLS_1_3("+AES-128-CCM-8"),
    TLS_1_2("+ECDHE-ECDSA:+AEAD:+AES-128-GCM"),
    TLS_1_2("+ECDHE-ECDSA:+AEAD:+AES-256-GCM"),
    TLS_1_2("+ECDHE-ECDSA:+AEAD:+CHACHA20-POLY1305"),
    TLS_1_2("+ECDHE-ECDSA:+AEAD:+AES-128-CCM"),
    TLS_1_2("+ECDHE-ECDSA:+AEAD:+AES-256-CCM-8"),
    TLS_1_2("+ECDHE-ECDSA:+SHA1:+AES-128-CBC"),
    TLS_1_2("+ECDHE-ECDSA:+SHA1:+AES-256-CBC:%NO_ETM"),
    TLS_1_2("+ECDHE-ECDSA:+SHA256:+AES-128-CBC"),
    TLS_1_2("+ECDHE-ECDSA:+SHA384:+AES-256-CBC:%NO_ETM"),
    TLS_1_2("+PSK:+AEAD:+AES-128-GCM"),
    TLS_1_2("+PSK:+AEAD:+AES-128-CCM-8"),
    TLS_1_2("+PSK:+SHA256:+AES-128-CBC"),
    TLS_1_2("+ECDHE-PSK:+AEAD:+CHACHA20-POLY1305"),
    TLS_1_2("+PSK:+AEAD:+AES-256-GCM:%NO_EXTENSIONS"),
};

START_TEST(reads_every_suite)
{
    static const size_t pieces[] = {1, 7, 1460, 65535};
    begin_session(suites[_i], 0);
    shake_hands();
    talk();
    end_session();
    struct tls_secrets *secrets = secrets_of(key_log);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        ck_assert_msg(listen(secrets, pieces[i]) == TLS_NO_TROUBLE, "%s", suites[_i]);
        check_all_heard(suites[_i]);
    }
    tls_secrets_free(secrets);
}
END_TEST

START_TEST(follows_new_keys)
{
    begin_session(suites[0], 0);
    shake_hands();
    say(CLIENT, "one", 3);
    ck_assert_int_eq(gnutls_session_key_update(sessions[CLIENT], GNUTLS_KU_PEER), 0);
    say(CLIENT, "two", 3);
    say(SERVER, "three", 5);
    ck_assert_int_eq(gnutls_session_key_update(sessions[SERVER], 0), 0);
    say(SERVER, "four", 4);
    end_session();
    struct tls_secrets *secrets = secrets_of(key_log);
    ck_assert_int_eq(listen(secrets, 1460), TLS_NO_TROUBLE);
    check_all_heard("new keys");
    tls_secrets_free(secrets);
}
END_TEST

/* TLS 1.2 has another handshake instead, inside of the first one's keys; also where the client
 * would have had 1.3. */
START_TEST(follows_a_renegotiation)
{
    static const char both[] =
        "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+ECDHE-ECDSA:"
        "+AEAD:+AES-128-GCM";
    uint8_t nothing[16];
    begin_session(TLS_1_2("+ECDHE-ECDSA:+AEAD:+AES-128-GCM"), 0);
    gnutls_priority_set_direct(sessions[CLIENT], both, NULL);
    shake_hands();
    say(CLIENT, "one", 3);
    ck_assert_int_eq(gnutls_handshake(sessions[CLIENT]), GNUTLS_E_AGAIN);
    ck_assert_int_eq(gnutls_record_recv(sessions[SERVER], nothing, sizeof nothing),
                     GNUTLS_E_REHANDSHAKE);
    shake_hands();
    say(CLIENT, "two", 3);
    say(SERVER, "three", 5);
    end_session();
    struct tls_secrets *secrets = secrets_of(key_log);
    ck_assert_int_eq(listen(secrets, 1460), TLS_NO_TROUBLE);
    check_all_heard("another handshake");
    tls_secrets_free(secrets);
}
END_TEST

/* A server that wants another group answers the first ClientHello with a HelloRetryRequest. */
START_TEST(follows_a_retry)
{
    begin_session(suites[1], 0);
    gnutls_priority_set_direct(
        sessions[SERVER],
        "NONE:+VERS-TLS1.3:+SIGN-ALL:+GROUP-SECP521R1:+COMP-NULL:+ECDHE-ECDSA:"
        "+AEAD:+AES-256-GCM",
        NULL);
    shake_hands();
    talk();
    end_session();
    struct tls_secrets *secrets = secrets_of(key_log);
    ck_assert_int_eq(listen(secrets, 1460), TLS_NO_TROUBLE);
    check_all_heard("retry");
    tls_secrets_free(secrets);
}
END_TEST

/* Every ticket is new. */
static int remember(void *user, time_t expires, const gnutls_datum_t *key,
                    const gnutls_datum_t *data)
{
    (void)user;
    (void)expires;
    (void)key;
    (void)data;
    return 0;
}

/* Resumed, and with data before the handshake is over. */
static void resume(bool early, bool taken)
{
    gnutls_datum_t ticket_key, state;
    gnutls_anti_replay_t anti_replay;
    gnutls_session_ticket_key_generate(&ticket_key);
    gnutls_anti_replay_init(&anti_replay);
    gnutls_anti_replay_set_add_function(anti_replay, remember);
    gnutls_anti_replay_set_ptr(anti_replay, &wire);
    begin_session(suites[0], early ? GNUTLS_ENABLE_EARLY_DATA : 0);
    gnutls_session_ticket_enable_server(sessions[SERVER], &ticket_key);
    gnutls_anti_replay_enable(sessions[SERVER], anti_replay);
    gnutls_record_set_max_early_data_size(sessions[SERVER], 1000);
    shake_hands();
    say(SERVER, "ticket comes before", 19);
    ck_assert_int_eq(gnutls_session_get_data2(sessions[CLIENT], &state), 0);
    end_session();
    begin_session(suites[0], early ? GNUTLS_ENABLE_EARLY_DATA : 0);
    if (early && !taken) {
        gnutls_deinit(sessions[SERVER]);
        gnutls_init(&sessions[SERVER], GNUTLS_SERVER | GNUTLS_NONBLOCK);
        gnutls_priority_set_direct(sessions[SERVER], suites[0], NULL);
        gnutls_credentials_set(sessions[SERVER], GNUTLS_CRD_CERTIFICATE, credentials[SERVER]);
        gnutls_transport_set_ptr(sessions[SERVER], &peers[SERVER]);
        gnutls_transport_set_push_function(sessions[SERVER], push);
        gnutls_transport_set_pull_function(sessions[SERVER], pull);
        gnutls_transport_set_pull_timeout_function(sessions[SERVER], pull_timeout);
        gnutls_session_set_keylog_function(sessions[SERVER], keep_secret);
    }
    gnutls_session_ticket_enable_server(sessions[SERVER], &ticket_key);
    gnutls_anti_replay_enable(sessions[SERVER], anti_replay);
    gnutls_record_set_max_early_data_size(sessions[SERVER], 1000);
    gnutls_session_set_data(sessions[CLIENT], state.data, state.size);
    if (early) {
        ck_assert_int_eq(gnutls_record_send_early_data(sessions[CLIENT], "early", 5), 0);
        if (taken) {
            memcpy(said[CLIENT], "early", 5);
            said_length[CLIENT] = 5;
        }
    }
    shake_hands();
    ck_assert(gnutls_session_is_resumed(sessions[CLIENT]));
    if (early)
        ck_assert(((gnutls_session_get_flags(sessions[SERVER]) & GNUTLS_SFLAGS_EARLY_DATA) != 0) ==
                  taken);
    say(CLIENT, "late", 4);
    say(SERVER, "answer", 6);
    end_session();
    gnutls_anti_replay_deinit(anti_replay);
    gnutls_free(ticket_key.data);
    gnutls_free(state.data);
    struct tls_secrets *secrets = secrets_of(key_log);
    ck_assert_int_eq(listen(secrets, 1460), TLS_NO_TROUBLE);
    check_all_heard(early ? "early data" : "resumed");
    tls_secrets_free(secrets);
}

START_TEST(reads_resumed_sessions)
{
    resume(false, false);
}
END_TEST

START_TEST(reads_early_data)
{
    resume(true, true);
}
END_TEST

/* Nobody has taken it, and the client says it again. */
START_TEST(leaves_refused_early_data_out)
{
    resume(true, false);
}
END_TEST

/* ---- What is missing ---- */

START_TEST(needs_the_secret)
{
    struct tls_secrets *none = tls_secrets_new();
    for (unsigned i = 0; i < 6; i += 5) { /* 1.3 and 1.2 */
        begin_session(suites[i], 0);
        shake_hands();
        talk();
        end_session();
        ck_assert_int_eq(listen(none, 1460), TLS_NO_SECRET);
        ck_assert_uint_eq(heard.length[0] + heard.length[1], 0);
    }
    tls_secrets_free(none);
}
END_TEST

/* eCapture and others may log the secrets of the data alone. */
START_TEST(does_without_the_handshake)
{
    char wanted[sizeof key_log] = "";
    begin_session(suites[0], 0);
    shake_hands();
    talk();
    end_session();
    for (char *line = strtok(key_log, "\n"); line != NULL; line = strtok(NULL, "\n"))
        if (strstr(line, "HANDSHAKE") == NULL) {
            strcat(wanted, line);
            strcat(wanted, "\n");
        }
    struct tls_secrets *secrets = secrets_of(wanted);
    ck_assert_int_eq(listen(secrets, 1460), TLS_NO_TROUBLE);
    check_all_heard("without the handshake");
    tls_secrets_free(secrets);
}
END_TEST

START_TEST(knows_a_wrong_secret)
{
    begin_session(suites[_i], 0);
    shake_hands();
    talk();
    end_session();
    for (char *at = key_log; (at = strchr(at, '\n')) != NULL; at++)
        at[-1] = at[-1] == '0' ? '1' : '0';
    struct tls_secrets *secrets = secrets_of(key_log);
    ck_assert_int_eq(listen(secrets, 1460), TLS_WRONG_SECRET);
    ck_assert_uint_eq(heard.length[0] + heard.length[1], 0);
    tls_secrets_free(secrets);
}
END_TEST

/* Any event of the client that carries data is left out, as a hole, or cut by a snap length: what
 * comes behind it is read again. */
START_TEST(goes_on_behind_holes)
{
    begin_session(suites[_i], 0);
    shake_hands();
    const size_t begin = wire.count;
    for (unsigned i = 0; i < 6; i++)
        say(CLIENT, "\xc0\0", 2);
    end_session();
    struct tls_secrets *secrets = secrets_of(key_log);
    for (size_t lost = begin; lost < begin + 4; lost++)
        for (size_t kept = 0; kept < 15; kept += kept == 0 ? 6 : 8) {
            struct tls *tls = tls_new(secrets, CLIENT, NULL);
            memset(&heard, 0, sizeof heard);
            for (size_t i = 0; i < wire.count; i++) {
                const size_t length = wire.events[i].end - wire.events[i].begin;
                const struct slice slice = {wire.bytes + wire.events[i].begin,
                                            (uint32_t)(i == lost ? kept : length),
                                            (uint32_t)length};
                if (i == lost && kept == 0)
                    tls_gap(tls, CLIENT, length, &sink);
                else
                    tls_push(tls, wire.events[i].side, slice, &sink);
            }
            ck_assert_msg(heard.length[CLIENT] == 10, "%zu", heard.length[CLIENT]);
            ck_assert_uint_eq(heard.holes[CLIENT], 1);
            tls_free(tls);
        }
    tls_secrets_free(secrets);
}
END_TEST

START_TEST(needs_the_beginning)
{
    begin_session(suites[0], 0);
    shake_hands();
    talk();
    end_session();
    struct tls_secrets *secrets = secrets_of(key_log);
    struct tls *tls = tls_new(secrets, CLIENT, NULL);
    const size_t last = wire.count - 4;
    ck_assert_int_eq(push_piece(tls, wire.events[last].side, wire.bytes + wire.events[last].begin,
                                wire.events[last].end - wire.events[last].begin),
                     TLS_NO_HELLO);
    tls_free(tls);
    tls = tls_new(secrets, CLIENT, NULL);
    ck_assert_int_eq(push_piece(tls, CLIENT, (const uint8_t *)"GET / HTTP/1.1", 14), TLS_NOT_TLS);
    tls_free(tls);
    tls_secrets_free(secrets);
}
END_TEST

/* Any bytes of the handshake may be others. */
START_TEST(survives_noise)
{
    static struct wire original;
    uint32_t random = 88172645u;
    begin_session(suites[_i], 0);
    shake_hands();
    talk();
    end_session();
    original = wire;
    struct tls_secrets *secrets = secrets_of(key_log);
    for (int round = 0; round < 300; round++) {
        memcpy(wire.bytes, original.bytes, original.length);
        for (int changes = 0; changes < 4; changes++) {
            random ^= random << 13, random ^= random >> 17, random ^= random << 5;
            wire.bytes[random % (changes < 3 ? 700 : original.length)] = (uint8_t)(random >> 16);
        }
        listen(secrets, 1 + random % 3000);
        for (unsigned side = 0; side < 2; side++)
            ck_assert_uint_le(heard.length[side], said_length[side]);
    }
    tls_secrets_free(secrets);
}
END_TEST

/* ---- Key logs ---- */

#define RANDOM "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SECRET_32 "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define SECRET_48 SECRET_32 "ffeeddccbbaa99887766554433221100"

static const struct {
    const char *text;
    size_t taken, broken;
} logs[] = {
    {"", 0, 0},
    {"# a comment\n\n", 0, 0},
    {"CLIENT_RANDOM " RANDOM " " SECRET_48 "\n", 1, 0},
    {"CLIENT_RANDOM " RANDOM " " SECRET_48, 1, 0},
    {"CLIENT_RANDOM " RANDOM " " SECRET_48 "\r\n", 1, 0},
    {"  CLIENT_RANDOM\t" RANDOM "  " SECRET_48 " \n", 1, 0},
    {"CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET_32 "\nSERVER_TRAFFIC_SECRET_0 " RANDOM
     " " SECRET_48,
     2, 0},
    {"EXPORTER_SECRET " RANDOM " " SECRET_32 "\n", 0, 0},
    {"CLIENT_RANDOM " RANDOM " " SECRET_32 "\n", 0, 1},
    {"CLIENT_RANDOM " RANDOM "\n", 0, 1},
    {"CLIENT_RANDOM 0011 " SECRET_48 "\n", 0, 1},
    {"CLIENT_RANDOM " RANDOM " " SECRET_48 "00\n", 0, 1},
    {"CLIENT_RANDOM " RANDOM " " SECRET_48 " more\n", 0, 1},
    {"CLIENT_RANDOM " RANDOM " xy" SECRET_32 "ffeeddccbbaa998877665544332211\n", 0, 1},
    {"-----BEGIN PRIVATE KEY-----\n", 0, 1},
};

START_TEST(reads_key_logs)
{
    struct tls_secrets *secrets = tls_secrets_new();
    size_t broken = 0;
    const size_t taken = tls_secrets_add(secrets, logs[_i].text, strlen(logs[_i].text), &broken);
    ck_assert_msg(taken == logs[_i].taken, "%s", logs[_i].text);
    ck_assert_msg(broken == logs[_i].broken, "%s", logs[_i].text);
    tls_secrets_free(secrets);
}
END_TEST

START_TEST(keeps_many_secrets)
{
    struct tls_secrets *secrets = tls_secrets_new();
    char line[256];
    size_t broken = 0, length;
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(line, sizeof line, "CLIENT_TRAFFIC_SECRET_0 %032x%032x %064x\n", i, i, i);
        ck_assert_uint_eq(tls_secrets_add(secrets, line, strlen(line), &broken), 1);
    }
    for (uint32_t i = 0; i < 10000; i++) {
        uint8_t random[TLS_RANDOM_SIZE] = {0};
        random[14] = random[30] = (uint8_t)(i >> 8);
        random[15] = random[31] = (uint8_t)i;
        const uint8_t *secret = tls_secrets_find(secrets, random, TLS_CLIENT_TRAFFIC, &length);
        ck_assert(secret != NULL && length == 32 && secret[31] == (uint8_t)i);
        ck_assert(tls_secrets_find(secrets, random, TLS_SERVER_TRAFFIC, &length) == NULL);
    }
    tls_secrets_free(secrets);
}
END_TEST

static const int noisy[] = {0, 5};

SUITE("tls", TABLE(reads_every_suite, suites), TEST(follows_new_keys), TEST(follows_a_retry),
      TEST(follows_a_renegotiation), TEST(reads_resumed_sessions), TEST(reads_early_data),
      TEST(leaves_refused_early_data_out), TEST(needs_the_secret), TEST(does_without_the_handshake),
      TABLE(knows_a_wrong_secret, noisy), TABLE(goes_on_behind_holes, suites),
      TEST(needs_the_beginning), TABLE(survives_noise, suites), TABLE(reads_key_logs, logs),
      TEST(keeps_many_secrets))
