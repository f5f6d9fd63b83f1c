/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry of sessions: a chained hash table by server and client identifier. */
#include "mqtt/state/session.h"

#include <stdlib.h>
#include <string.h>

#include "mqtt/state/inflight.h"
#include "mqtt/state/observe.h"
#include "mqtt/wire/stream.h"

#define DEFAULT_LIMIT 1000000u
#define FIRST_BUCKETS 64u

struct mqtt_sessions *mqtt_sessions_new(uint64_t limit)
{
    struct mqtt_sessions *sessions = calloc(1, sizeof *sessions);
    if (sessions == NULL)
        return NULL;
    sessions->limit = limit != 0 ? limit : DEFAULT_LIMIT;
    sessions->bucket_count = FIRST_BUCKETS;
    sessions->buckets = calloc(FIRST_BUCKETS, sizeof *sessions->buckets);
    if (sessions->buckets == NULL) {
        free(sessions);
        return NULL;
    }
    return sessions;
}

static void session_free(struct mqtt_session *session)
{
    inflight_free(&session->inflight[0]);
    inflight_free(&session->inflight[1]);
    free((void *)(uintptr_t)session->client_identifier.data);
    free(session);
}

void mqtt_sessions_free(struct mqtt_sessions *sessions)
{
    if (sessions == NULL)
        return;
    for (size_t i = 0; i < sessions->bucket_count; i++) {
        struct mqtt_session *next;
        for (struct mqtt_session *s = sessions->buckets[i]; s != NULL; s = next) {
            next = s->next;
            session_free(s);
        }
    }
    free(sessions->buckets);
    free(sessions);
}

void mqtt_sessions_set_transport_ended(struct mqtt_sessions *sessions, mqtt_transport_ended ended,
                                       void *user)
{
    sessions->transport_ended = ended;
    sessions->user = user;
}

static uint64_t session_hash(uint64_t server_key, struct mqtt_slice id)
{
    return mqtt_hash(MQTT_HASH_START ^ server_key * UINT64_C(0x9e3779b97f4a7c15), id.data,
                     id.length);
}

static struct mqtt_session **bucket(const struct mqtt_sessions *sessions, uint64_t hash)
{
    return &sessions->buckets[(hash ^ hash >> 32) & (sessions->bucket_count - 1)];
}

/* Doubles the buckets; without memory the chains just grow longer. */
static void more_buckets(struct mqtt_sessions *sessions)
{
    struct mqtt_sessions larger = *sessions;
    larger.bucket_count *= 2;
    larger.buckets = calloc(larger.bucket_count, sizeof *larger.buckets);
    if (larger.buckets == NULL)
        return;
    for (size_t i = 0; i < sessions->bucket_count; i++) {
        struct mqtt_session *next;
        for (struct mqtt_session *s = sessions->buckets[i]; s != NULL; s = next) {
            next = s->next;
            struct mqtt_session **place = bucket(&larger, s->hash);
            s->next = *place;
            *place = s;
        }
    }
    free(sessions->buckets);
    sessions->buckets = larger.buckets;
    sessions->bucket_count = larger.bucket_count;
}

static struct mqtt_session *session_new(uint64_t hash, uint64_t server_key, struct mqtt_slice id)
{
    struct mqtt_session *session = calloc(1, sizeof *session);
    uint8_t *copy = malloc(id.length);
    if (session == NULL || copy == NULL) {
        free(session);
        free(copy);
        return NULL;
    }
    memcpy(copy, id.data, id.length);
    session->hash = hash;
    session->server_key = server_key;
    session->client_identifier = (struct mqtt_slice){copy, id.length};
    return session;
}

struct mqtt_session *mqtt_sessions_get(struct mqtt_sessions *sessions, uint64_t server_key,
                                       struct mqtt_slice client_identifier)
{
    const uint64_t hash = session_hash(server_key, client_identifier);
    for (struct mqtt_session *s = *bucket(sessions, hash); s != NULL; s = s->next) {
        if (s->hash == hash && s->server_key == server_key &&
            s->client_identifier.length == client_identifier.length &&
            memcmp(s->client_identifier.data, client_identifier.data, client_identifier.length) ==
                0)
            return s;
    }
    const uint64_t bytes = sizeof(struct mqtt_session) + client_identifier.length;
    const bool room =
        sessions->count < sessions->limit && sessions->bytes + bytes <= MQTT_SESSION_BYTES;
    struct mqtt_session *session = room ? session_new(hash, server_key, client_identifier) : NULL;
    if (session == NULL) {
        sessions->refused++;
        return NULL;
    }
    if (sessions->count >= sessions->bucket_count)
        more_buckets(sessions);
    session->id = sessions->count++;
    sessions->bytes += bytes;
    struct mqtt_session **place = bucket(sessions, hash);
    session->next = *place;
    *place = session;
    return session;
}

struct mqtt_session *mqtt_sessions_next(const struct mqtt_sessions *sessions,
                                        const struct mqtt_session *cursor)
{
    size_t i = 0;
    if (cursor != NULL) {
        if (cursor->next != NULL)
            return cursor->next;
        i = (size_t)(bucket(sessions, cursor->hash) - sessions->buckets) + 1;
    }
    for (; i < sessions->bucket_count; i++) {
        if (sessions->buckets[i] != NULL)
            return sessions->buckets[i];
    }
    return NULL;
}

bool mqtt_session_open_finding(const struct mqtt_session *session,
                               const struct mqtt_handshake *handshake, bool by_client, int64_t time,
                               struct mqtt_finding *finding)
{
    if (!session->known || session->connection != NULL)
        return false;
    const struct mqtt_leg *last = handshake_last_leg(handshake);
    if (time - last->time < MQTT_OPEN_GRACE || session_surely_gone(session, time))
        return false;
    open_finding(handshake, by_client, time, finding);
    finding->version = session->version;
    return true;
}
