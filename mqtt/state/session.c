/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry of sessions: a chained hash table by server and client identifier, keyed by a seed.
 */
#include "mqtt/state/session.h"

#include <stdlib.h>
#include <string.h>

#include "mqtt/facts/time.h"
#include "mqtt/state/claim.h"
#include "mqtt/state/inflight.h"
#include "mqtt/state/jump.h"
#include "mqtt/state/name.h"
#include "mqtt/wire/hash.h"

#define DEFAULT_LIMIT 1000000u
#define FIRST_BUCKETS 64u

/* ---- The registry ---- */

static bool give_way(void *owner);

struct mqtt_sessions *mqtt_sessions_new(const struct mqtt_sessions_options *options)
{
    struct mqtt_sessions *sessions = calloc(1, sizeof *sessions);
    if (sessions == NULL)
        return NULL;
    sessions->options = *options;
    if (options->limit == 0)
        sessions->options.limit = DEFAULT_LIMIT;
    sessions->bucket_count = FIRST_BUCKETS;
    sessions->buckets = calloc(FIRST_BUCKETS, sizeof *sessions->buckets);
    sessions->names = names_new(options->memory, options->seed);
    if (sessions->buckets == NULL || sessions->names == NULL) {
        names_free(sessions->names);
        free(sessions->buckets);
        free(sessions);
        return NULL;
    }
    if (options->memory != NULL) {
        options->memory->reclaim = give_way;
        options->memory->owner = sessions;
    }
    return sessions;
}

static void session_free(struct mqtt_sessions *sessions, struct mqtt_session *session)
{
    struct mqtt_memory *memory = sessions->options.memory;
    inflight_clear(&session->inflight[0]);
    inflight_clear(&session->inflight[1]);
    name_drop(sessions->names, session->name);
    mqtt_memory_free(memory, session, sizeof *session);
}

void mqtt_sessions_free(struct mqtt_sessions *sessions)
{
    if (sessions == NULL)
        return;
    for (struct mqtt_session *s = sessions->oldest, *newer; s != NULL; s = newer) {
        newer = s->newer;
        session_free(sessions, s);
    }
    if (sessions->options.memory != NULL)
        sessions->options.memory->reclaim = NULL;
    names_free(sessions->names);
    free(sessions->buckets);
    free(sessions);
}

struct mqtt_session *mqtt_sessions_next(const struct mqtt_sessions *sessions,
                                        const struct mqtt_session *cursor)
{
    return cursor != NULL ? cursor->newer : sessions->oldest;
}

/* ---- Look-up ---- */

static uint64_t session_hash(uint64_t seed, const struct mqtt_endpoint *server,
                             struct mqtt_slice id)
{
    const uint8_t rest[3] = {(uint8_t)(server->port >> 8), (uint8_t)server->port, server->family};
    uint64_t hash = mqtt_keyed_hash(seed, server->address, sizeof server->address);
    hash = mqtt_keyed_hash(seed ^ hash, rest, sizeof rest);
    return mqtt_keyed_hash(seed ^ hash, id.data, id.length);
}

static struct mqtt_session **bucket(const struct mqtt_sessions *sessions, uint64_t hash)
{
    return &sessions->buckets[hash & (sessions->bucket_count - 1)];
}

/* Doubles the buckets; without memory the chains just grow longer. */
static void more_buckets(struct mqtt_sessions *sessions)
{
    struct mqtt_sessions larger = *sessions;
    larger.bucket_count *= 2;
    larger.buckets = calloc(larger.bucket_count, sizeof *larger.buckets);
    if (larger.buckets == NULL)
        return;
    for (struct mqtt_session *s = sessions->oldest; s != NULL; s = s->newer) {
        struct mqtt_session **place = bucket(&larger, s->hash);
        s->next = *place;
        *place = s;
    }
    free(sessions->buckets);
    sessions->buckets = larger.buckets;
    sessions->bucket_count = larger.bucket_count;
}

static struct mqtt_session *find(const struct mqtt_sessions *sessions, uint64_t hash,
                                 const struct mqtt_endpoint *server, struct mqtt_slice id)
{
    struct mqtt_session *s = *bucket(sessions, hash);
    while (s != NULL && (s->hash != hash || !mqtt_endpoint_equal(&s->server, server) ||
                         s->client_identifier.length != id.length ||
                         memcmp(s->client_identifier.data, id.data, id.length) != 0))
        s = s->next;
    return s;
}

/* ---- Sessions come and go ---- */

static void idle_remove(struct mqtt_sessions *sessions, struct mqtt_session *session)
{
    if (!session->idle)
        return;
    session->idle = false;
    if (sessions->hand == session)
        sessions->hand = session->idle_newer;
    *(session->idle_older != NULL ? &session->idle_older->idle_newer : &sessions->idle_oldest) =
        session->idle_newer;
    *(session->idle_newer != NULL ? &session->idle_newer->idle_older : &sessions->idle_newest) =
        session->idle_older;
}

static void idle_append(struct mqtt_sessions *sessions, struct mqtt_session *session)
{
    session->idle = true;
    session->idle_older = sessions->idle_newest;
    session->idle_newer = NULL;
    *(sessions->idle_newest != NULL ? &sessions->idle_newest->idle_newer : &sessions->idle_oldest) =
        session;
    sessions->idle_newest = session;
}

static void forget(struct mqtt_sessions *sessions, struct mqtt_session *session)
{
    struct mqtt_session **link = bucket(sessions, session->hash);
    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
    *(session->older != NULL ? &session->older->newer : &sessions->oldest) = session->newer;
    *(session->newer != NULL ? &session->newer->older : &sessions->newest) = session->older;
    idle_remove(sessions, session);
    sessions->count--;
    session_free(sessions, session);
}

/* The session that was offline the longest gives way. What rests on it goes along: when its client
 * comes back, it is one whose history is not known. */
static bool give_way(void *owner)
{
    struct mqtt_sessions *sessions = owner;
    if (sessions->idle_oldest == NULL)
        return false;
    sessions->forgotten++;
    forget(sessions, sessions->idle_oldest);
    return true;
}

static struct mqtt_session *allocate(struct mqtt_sessions *sessions, struct mqtt_slice id)
{
    struct mqtt_memory *memory = sessions->options.memory;
    struct mqtt_session *session = mqtt_memory_new(memory, MQTT_MEMORY_SESSIONS, sizeof *session);
    if (session == NULL)
        return NULL;
    session->name = name_take(sessions->names, id);
    if (session->name == NULL) {
        mqtt_memory_free(memory, session, sizeof *session);
        return NULL;
    }
    session->registry = sessions;
    session->client_identifier = session->name->text;
    session->left = session->named = MQTT_NO_TIME;
    session->inflight[0].memory = session->inflight[1].memory = memory;
    return session;
}

/* The same client identifier at two endpoints, of which nobody said whether they are one broker. */
static void note_shared(struct mqtt_sessions *sessions, const struct mqtt_session *session,
                        uint64_t frame)
{
    const struct mqtt_name *name = session->name;
    if (session->declared || session->uses != 0 || name->connects == 0)
        return;
    if (sessions->shared++ != 0)
        return;
    sessions->sharing[0] = name->first;
    sessions->sharing[1] = session->server;
    sessions->sharing_frame = frame;
}

/* A CONNECT uses the session's client identifier. */
static void use_name(struct mqtt_session *session)
{
    struct mqtt_name *name = session->name;
    if (session->declared)
        return;
    if (name->connects++ == 0)
        name->first = session->server;
    session->uses++;
}

static struct mqtt_session *add(struct mqtt_sessions *sessions, uint64_t hash,
                                const struct mqtt_endpoint *server, bool declared,
                                struct mqtt_slice id)
{
    if (sessions->count >= sessions->options.limit && !give_way(sessions))
        return NULL;
    struct mqtt_session *session = allocate(sessions, id);
    if (session == NULL)
        return NULL;
    if (sessions->count >= sessions->bucket_count)
        more_buckets(sessions);
    session->id = sessions->seen++;
    session->hash = hash;
    session->server = *server;
    session->declared = declared;
    sessions->count++;
    session->older = sessions->newest;
    *(sessions->newest != NULL ? &sessions->newest->newer : &sessions->oldest) = session;
    sessions->newest = session;
    struct mqtt_session **place = bucket(sessions, hash);
    session->next = *place;
    *place = session;
    return session;
}

/* ---- Claims ---- */

/* Connections so far that may have been this client's, although nobody can tell. */
static uint64_t session_strangers(const struct mqtt_session *session)
{
    const uint64_t elsewhere = session->declared ? 0 : session->name->connects - session->uses;
    return session->registry->strangers + session->missed + elsewhere;
}

struct mqtt_claim *claim_session(struct mqtt_connection *c)
{
    struct mqtt_sessions *sessions = c->sessions;
    const struct mqtt_endpoint *end = &c->endpoints[1 - c->client];
    const struct mqtt_endpoint *broker = mqtt_broker_of(&sessions->options.brokers, end);
    const struct mqtt_endpoint *server = broker != NULL ? broker : end;
    const uint64_t hash = session_hash(sessions->options.seed, server, c->client_identifier);
    struct mqtt_claim *claim = mqtt_memory_new(c->memory, MQTT_MEMORY_SESSIONS, sizeof *claim);
    struct mqtt_session *session = find(sessions, hash, server, c->client_identifier);
    if (claim != NULL && session == NULL)
        session = add(sessions, hash, server, broker != NULL, c->client_identifier);
    if (claim == NULL || session == NULL) {
        if (session != NULL) {
            session->missed++;
            contest(session);
        }
        sessions->strangers++;
        mqtt_memory_free(c->memory, claim, sizeof *claim);
        sessions->refused++;
        return NULL;
    }
    idle_remove(sessions, session);
    note_shared(sessions, session, c->first.frame);
    use_name(session);
    *claim = (struct mqtt_claim){.older = session->claims,
                                 .session = session,
                                 .connection = c,
                                 .state = MQTT_CLAIM_NAMED,
                                 .connections = session->connections,
                                 .strangers = session_strangers(session)};
    if (session->claims != NULL)
        session->claims->newer = claim;
    session->claims = claim;
    session->unanswered++;
    c->claim = claim;
    return claim;
}

void settle_claim(struct mqtt_claim *claim, enum mqtt_claim_state state)
{
    if (claim->state == MQTT_CLAIM_NAMED)
        claim->session->unanswered--;
    claim->state = (uint8_t)state;
}

void contest(struct mqtt_session *session)
{
    if (session->holder == NULL)
        return;
    session->holder->state = MQTT_CLAIM_CONTESTED;
    session->contestants++;
}

void release_claim(struct mqtt_connection *c)
{
    struct mqtt_claim *claim = c->claim;
    if (claim == NULL)
        return;
    struct mqtt_session *session = claim->session;
    settle_claim(claim, MQTT_CLAIM_LEFT);
    *(claim->newer != NULL ? &claim->newer->older : &session->claims) = claim->older;
    if (claim->older != NULL)
        claim->older->newer = claim->newer;
    if (session->holder == claim)
        session->holder = NULL;
    mqtt_memory_free(c->memory, claim, sizeof *claim);
    c->claim = NULL;
    if (session->claims == NULL)
        idle_append(c->sessions, session);
}

struct mqtt_session *mqtt_connection_session(const struct mqtt_connection *c)
{
    return c->claim != NULL ? c->claim->session : NULL;
}

bool mqtt_connection_taken_over(const struct mqtt_connection *c)
{
    return c->claim != NULL &&
           (c->claim->state == MQTT_CLAIM_CONTESTED || c->claim->state == MQTT_CLAIM_TAKEN_OVER);
}

void note_stranger(struct mqtt_connection *c)
{
    if (c->sessions == NULL || !c->start_seen || c->connect.frame != 0 || c->stranger)
        return;
    c->stranger = true;
    c->sessions->strangers++;
}

bool name_used_elsewhere(const struct mqtt_session *session)
{
    return !session->declared && session->name->connects != session->uses;
}

bool claim_undisturbed(const struct mqtt_claim *claim)
{
    return claim->strangers == session_strangers(claim->session);
}

bool session_undisturbed(const struct mqtt_session *session)
{
    return session->strangers == session_strangers(session);
}

bool session_history_known(const struct mqtt_session *session)
{
    return session->known && session_undisturbed(session);
}

/* ---- What is over ---- */

bool transport_over(const struct mqtt_connection *c)
{
    const struct mqtt_sessions *sessions = c->sessions;
    return c->closed || c->over != MQTT_NO_TIME ||
           (sessions != NULL && sessions->options.transport_ended != NULL &&
            sessions->options.transport_ended(c, sessions->options.user));
}

bool connection_over(const struct mqtt_connection *c)
{
    return c->sides[0].disconnect.frame != 0 || c->sides[1].disconnect.frame != 0 ||
           transport_over(c);
}

/* ---- What time does to them ---- */

bool session_surely_gone(const struct mqtt_session *session, int64_t now)
{
    if (!session->kept)
        return true;
    if (session->expiry == UINT32_MAX || session->offline_slack == INT64_MAX)
        return false;
    const int64_t offline = steady_elapsed(session->registry, now, session->offline_since);
    return mqtt_elapsed(offline, session->offline_slack) > mqtt_time(session->expiry, 0);
}

void sweep_sessions(struct mqtt_sessions *sessions, int64_t now)
{
    struct mqtt_session *session = sessions->hand != NULL ? sessions->hand : sessions->idle_oldest;
    if (session == NULL)
        return;
    if (session_surely_gone(session, now)) {
        /* It may come back all the same, if it was the clock that jumped. */
        session->stale |= session->inflight[0].count + session->inflight[1].count != 0;
        inflight_clear(&session->inflight[0]);
        inflight_clear(&session->inflight[1]);
    }
    sessions->hand = session->idle_newer;
}
