/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sessions of the report while it is being made: what connections add to them. */
#include "audit/fold_private.h"

#include <string.h>

#include "mqtt/facts/time.h"

void audit_session_free(struct audit_session *session)
{
    g_free((gpointer)(uintptr_t)session->client_identifier);
    g_free(session->life);
    g_free(session);
}

/* ---- What adds up ---- */

/* Of durations, none of which is negative. */
static int64_t sum(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static void add_carried(struct audit_carried *into, const struct audit_carried *from)
{
    into->resumed += from->resumed;
    into->resent += from->resent;
    into->finished += from->finished;
    into->met += from->met;
    into->silent += from->silent;
    into->unknown += from->unknown;
}

/* The lowest of both that differ. */
static void add_address(uint32_t addresses[AUDIT_ADDRESSES], uint32_t address)
{
    for (unsigned i = 0; i < AUDIT_ADDRESSES && address != 0; i++) {
        if (addresses[i] == address)
            return;
        if (addresses[i] == 0 || address < addresses[i]) {
            const uint32_t higher = addresses[i];
            addresses[i] = address;
            address = higher;
        }
    }
}

static uint32_t address_hash(const struct mqtt_endpoint *client)
{
    const uint64_t rank = audit_rank((struct mqtt_slice){client->address, sizeof client->address});
    const uint32_t hash = (uint32_t)(rank ^ rank >> 32) ^ client->family;
    return hash != 0 ? hash : 1;
}

/* What a connection alone is for its session. */
static void add_connection(struct audit_session_life *life, const struct audit_last *connection)
{
    life->end_causes[connection->end_cause]++;
    life->counted += connection->departed && connection->kept && connection->counted;
    life->uncounted += connection->departed && connection->kept && !connection->counted;
    add_address(life->addresses, address_hash(&connection->client));
}

static void add_life(struct audit_session_life *into, const struct audit_session_life *from)
{
    for (unsigned i = 0; i < MQTT_PASTS; i++)
        into->past[i] += from->past[i];
    into->unclear += from->unclear;
    into->expired_at_end += from->expired_at_end;
    for (unsigned i = 0; i < MQTT_END_CAUSES; i++)
        into->end_causes[i] += from->end_causes[i];
    into->offline_spans += from->offline_spans;
    into->offline_unknown += from->offline_unknown;
    into->intervals += from->intervals;
    into->counted += from->counted;
    into->uncounted += from->uncounted;
    into->offline = sum(into->offline, from->offline);
    into->longest_offline = MAX(into->longest_offline, from->longest_offline);
    into->interval = sum(into->interval, from->interval);
    into->shortest_interval = MIN(into->shortest_interval, from->shortest_interval);
    for (unsigned role = 0; role < AUDIT_ROLES; role++) {
        into->owed[role].publish += from->owed[role].publish;
        into->owed[role].release += from->owed[role].release;
        into->owed[role].dropped += from->owed[role].dropped;
        add_carried(&into->owed[role].carried, &from->owed[role].carried);
    }
    for (unsigned i = 0; i < AUDIT_ADDRESSES; i++)
        add_address(into->addresses, from->addresses[i]);
}

/* Makes room for more than one connection. */
static struct audit_session_life *life_of(struct audit_session *session)
{
    if (session->life == NULL) {
        session->life = g_new0(struct audit_session_life, 1);
        session->life->shortest_interval = INT64_MAX;
        add_connection(session->life, &session->last);
    }
    return session->life;
}

static bool is_later(const struct audit_last *a, const struct audit_last *b)
{
    if (a->entered_frame != b->entered_frame)
        return a->entered_frame > b->entered_frame;
    return a->start_frame != b->start_frame ? a->start_frame > b->start_frame
                                            : a->stream > b->stream;
}

static void session_add(struct audit_session *into, const struct audit_session *from)
{
    if (from->life != NULL)
        add_life(life_of(into), from->life);
    else
        add_connection(life_of(into), &from->last);
    into->connections += from->connections;
    into->accepted += from->accepted;
    into->resumed += from->resumed;
    into->taken_over += from->taken_over;
    into->began += from->began;
    into->measured += from->measured;
    into->online = sum(into->online, from->online);
    if (from->order < into->order) {
        into->order = from->order;
        into->first_time = from->first_time;
    }
    if (is_later(&from->last, &into->last))
        into->last = from->last;
}

/* ---- Which are listed ---- */

static uint64_t session_rank(const struct audit_session *session)
{
    const struct audit_string *name = session->client_identifier;
    const char *address = session->server.address;
    const uint8_t port[2] = {(uint8_t)(session->server.port >> 8), (uint8_t)session->server.port};
    uint64_t rank = audit_rank((struct mqtt_slice){name->bytes, name->length});
    rank = audit_rank_more(
        rank, (struct mqtt_slice){(const uint8_t *)address, (uint32_t)strlen(address)});
    return audit_rank_more(rank, (struct mqtt_slice){port, sizeof port});
}

/* Lists a session that is not listed yet, and that there is room for. */
static void list_session(struct audit_fold *fold, const struct audit_session *session)
{
    struct audit_session *row = g_memdup2(session, sizeof *session);
    row->client_identifier = audit_string_copy(session->client_identifier);
    row->life = g_memdup2(session->life, sizeof *session->life);
    struct audit_session *out = audit_lowest_add(&fold->sessions, row);
    g_hash_table_add(fold->session_table, row);
    if (out == NULL)
        return;
    fold->sessions_left_out += out->connections;
    g_hash_table_remove(fold->session_table, out);
    audit_session_free(out);
}

void audit_fold_add_session(struct audit_fold *fold, const struct audit_session *session)
{
    struct audit_session *known = g_hash_table_lookup(fold->session_table, session);
    if (known != NULL) {
        session_add(known, session);
        return;
    }
    struct audit_session ranked = *session;
    ranked.rank = session_rank(session);
    if (audit_lowest_admits(&fold->sessions, &ranked))
        list_session(fold, &ranked);
    else
        fold->sessions_left_out += session->connections;
}

struct audit_session *audit_fold_session(struct audit_fold *fold, const struct audit_string *client,
                                         const struct audit_endpoint *server)
{
    const struct audit_session like = {.client_identifier = client, .server = *server};
    return g_hash_table_lookup(fold->session_table, &like);
}

/* ---- What connections add ---- */

static struct audit_last last_of(const struct audit_connection *record,
                                 const struct audit_event *event)
{
    const struct audit_facts *facts = &record->facts;
    const struct audit_stay *stay = event->closed.stay;
    return (struct audit_last){
        .entered_frame = stay->entered_frame,
        .start_frame = record->start_frame,
        .stream = record->stream,
        .end_time = facts->end_time,
        .client = event->flow->ends[facts->client],
        .expiry_s = facts->session_expiry_s,
        .keep_alive_s = facts->keep_alive.effective_s,
        .version = facts->version,
        .end_cause = facts->end_cause,
        .connect_seen = facts->connect_seen,
        .clean_start = facts->clean_start,
        .has_will = facts->has_will,
        .keep_alive_known = stay->keep_alive_known,
        .expiry_known = stay->expiry_known,
        .departed = stay->has_departure,
        .kept = stay->kept,
        .counted = stay->departure.counted,
    };
}

/* How it came to its session. */
static void take_entry(struct audit_session_life *life, const struct audit_stay *stay)
{
    const struct mqtt_entry *entry = &stay->entry;
    if (stay->session == MQTT_SESSION_UNTOUCHED)
        return;
    life->unclear += stay->session == MQTT_SESSION_UNCLEAR;
    if (entry->past != MQTT_PAST_FIRST)
        life->past[entry->past]++;
    if (entry->was_offline) {
        life->offline_spans++;
        if (entry->offline == MQTT_NO_TIME)
            life->offline_unknown++;
        else
            life->offline = life->longest_offline = entry->offline;
    }
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        if (stay->session == MQTT_SESSION_BEGAN && entry->counted)
            life->owed[role].dropped =
                (uint32_t)entry->waiting[role].publish + entry->waiting[role].release;
}

/* All that one connection adds; false if that is what `last` says and no more. */
static bool take_stay(struct audit_session_life *life, const struct audit_stay *stay)
{
    static const struct audit_session_life nothing = {.shortest_interval = INT64_MAX};
    memcpy(life, &nothing, sizeof nothing);
    take_entry(life, stay);
    if (stay->since_connect >= 0) {
        life->intervals = 1;
        life->interval = life->shortest_interval = stay->since_connect;
    }
    for (unsigned role = 0; role < AUDIT_ROLES; role++) {
        life->owed[role].carried = stay->carried[role];
        if (!stay->has_departure || !stay->departure.counted)
            continue;
        life->owed[role].publish = stay->departure.waiting[role].publish;
        life->owed[role].release = stay->departure.waiting[role].release;
    }
    return memcmp(life, &nothing, sizeof nothing) != 0;
}

void audit_fold_stay(struct audit_fold *fold, const struct audit_connection *record,
                     const struct audit_event *event)
{
    const struct audit_facts *facts = &record->facts;
    const struct audit_stay *stay = event->closed.stay;
    struct audit_session_life life;
    if (record->client_identifier == NULL)
        return;
    struct audit_session session = {
        .client_identifier = record->client_identifier,
        .server = *audit_connection_broker(record),
        .connections = 1,
        .accepted = !facts->refused,
        .resumed = facts->accepted && facts->session_present,
        .taken_over = facts->taken_over,
        .order = record->start_frame,
        .first_time = record->start_time,
        .online = MAX(stay->online, 0),
        .measured = stay->online != MQTT_NO_TIME,
        .began = stay->session == MQTT_SESSION_BEGAN,
        .last = last_of(record, event),
    };
    if (take_stay(&life, stay)) {
        session.life = &life;
        add_connection(&life, &session.last);
    }
    audit_fold_add_session(fold, &session);
}

void audit_fold_expired(struct audit_fold *fold, const struct audit_event *event)
{
    const struct audit_session_event *what = &event->session;
    if (event->flow != NULL)
        return; /* its CLOSED says so */
    struct audit_session_life life = {.expired_at_end = 1, .shortest_interval = INT64_MAX};
    const struct audit_string name = audit_string_view(what->client_identifier);
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        if (what->counted)
            life.owed[role].dropped =
                (uint32_t)what->waiting[role].publish + what->waiting[role].release;
    const struct audit_session session = {
        .client_identifier = &name, .server = *what->server, .order = UINT64_MAX, .life = &life};
    audit_fold_add_session(fold, &session);
}
