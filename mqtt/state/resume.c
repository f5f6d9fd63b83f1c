/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a connection enters its session and leaves it (3.1.1: 3.1.2.4, 3.1.4, 4.1; 5.0: 3.1.2.4,
 * 3.1.2.11.2, 3.1.4, 4.1).
 *
 * CONNECT only says which session is meant, and whom a takeover would concern; nothing changes
 * hands before the server has accepted. A refused CONNECT leaves everything as it was.
 */
#include "mqtt/state/inflight.h"
#include "mqtt/state/observe.h"

#define SECOND INT64_C(1000000000)

bool session_persists(const struct mqtt_connection *c)
{
    if (c->session == NULL || !c->accepted)
        return false;
    return c->version == MQTT_VERSION_5_0 ? c->session_expiry != 0 : !c->clean_start;
}

/* The client's table first, as the session keeps them. */
static struct mqtt_inflight *table_of(struct mqtt_connection *c, unsigned i)
{
    return &c->sides[i == 0 ? c->client : 1 - c->client].inflight;
}

static int64_t last_packet(const struct mqtt_connection *c)
{
    const int64_t a = c->sides[0].last.time, b = c->sides[1].last.time;
    return a > b ? a : b;
}

/* The server's clock for the session starts when it sees the connection end: at a DISCONNECT, or as
 * late as its keep alive lets it. Whether a FIN was captured must not matter: not every observer
 * sees it. */
static int64_t slack(const struct mqtt_connection *c)
{
    const bool said = c->sides[0].disconnect.frame != 0 || c->sides[1].disconnect.frame != 0;
    if (said)
        return 2 * SECOND;
    return c->keep_alive.effective != 0 ? c->keep_alive.effective * 3 / 2 * SECOND + 10 * SECOND
                                        : INT64_MAX;
}

void leave_session(struct mqtt_connection *c)
{
    struct mqtt_session *session = c->session;
    if (session == NULL || session->connection != c)
        return;
    session->connection = NULL;
    session->offline_since = last_packet(c);
    session->offline_slack = slack(c);
    session->kept = session_persists(c);
    session->known = history_known(c);
    session->version = c->version;
    session->expiry = c->version == MQTT_VERSION_5_0 ? c->session_expiry : UINT32_MAX;
    for (unsigned i = 0; i < 2; i++) {
        inflight_free(&session->inflight[i]);
        if (!session->kept)
            continue;
        inflight_filter(table_of(c, i), is_publish);
        inflight_move(&session->inflight[i], table_of(c, i));
    }
}

/* ---- CONNECT ---- */

static bool is_over(const struct mqtt_connection *c)
{
    const struct mqtt_sessions *sessions = c->sessions;
    return c->sides[0].disconnect.frame != 0 || c->sides[1].disconnect.frame != 0 ||
           c->sides[0].gap || c->sides[1].gap || /* its end may be what is missing */
           (sessions->transport_ended != NULL && sessions->transport_ended(c, sessions->user));
}

/* Whether the session's state is known at all is settled by the answer; until then, and if the
 * answer is never seen, it is not. */
void name_session(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    if (c->sessions == NULL || c->client_identifier.length == 0)
        return;
    c->session = mqtt_sessions_get(c->sessions, c->server_key, c->client_identifier);
    if (c->session == NULL)
        return;
    struct mqtt_connection *old = c->session->connection;
    if (old != NULL && is_over(old)) {
        leave_session(old);
    } else if (old != NULL) {
        old->taken_over = true; /* unless the server refuses */
        c->takes_over = old->first.frame;
    }
    c->session_was_known = c->session->known;
    c->session->known = false;
}

void session_refused(struct mqtt_connection *c)
{
    struct mqtt_session *session = c->session;
    if (session == NULL)
        return;
    session->known = c->session_was_known;
    if (session->connection != NULL && c->takes_over == session->connection->first.frame)
        session->connection->taken_over = false;
}

/* ---- CONNACK ---- */

static void mark_resumed(struct mqtt_inflight *inflight, uint8_t side)
{
    for (uint32_t i = 0; i < inflight->capacity; i++) {
        struct mqtt_handshake *handshake = &inflight->slots[i];
        handshake->resumed = true;
        handshake->counted = false;
        handshake->order = 0; /* these two count on one connection */
        handshake->order_received = 0;
        handshake->side = side;
    }
}

/* Goes on with the session's handshakes. What was sent before CONNACK has entries of its own, which
 * stay; of the session's, those with the same identifier are what was sent again. */
static void resume(struct mqtt_connection *c, unsigned i)
{
    struct mqtt_inflight *live = table_of(c, i);
    struct mqtt_inflight *stored = &c->session->inflight[i];
    const uint8_t side = i == 0 ? c->client : (uint8_t)(1 - c->client);
    if (live->count == 0) {
        inflight_free(live);
        inflight_move(live, stored);
        mark_resumed(live, side);
        return;
    }
    mark_resumed(stored, side);
    uint32_t cursor = 0;
    const struct mqtt_handshake *entry;
    while ((entry = mqtt_inflight_next(stored, &cursor)) != NULL) {
        if (inflight_find(live, entry->packet_identifier) == NULL && !inflight_copy(live, entry))
            c->inflight_refused++;
    }
    inflight_free(stored);
}

/* Whether the state that the last connection left behind must still be there, or can't be. */
static bool surely_kept(const struct mqtt_session *session, int64_t now)
{
    return session->kept && (session->expiry == UINT32_MAX ||
                             now - session->offline_since < (int64_t)session->expiry * SECOND);
}

bool session_surely_gone(const struct mqtt_session *session, int64_t now)
{
    if (!session->kept)
        return true;
    return session->expiry != UINT32_MAX && session->offline_slack != INT64_MAX &&
           now - session->offline_since - session->offline_slack >
               (int64_t)session->expiry * SECOND;
}

/* Session Present against what the last connection left behind (3.2.2-2, 3.2.2-3). Only an earlier
 * connection that the capture shows as a whole says what there should be. */
static void check_session_present(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    const struct mqtt_session *session = c->session;
    if (!c->session_was_known || c->clean_start || c->takes_over != 0)
        return;
    if (c->session_present && session_surely_gone(session, o->place->time))
        raise_finding(o, MQTT_RULE_SESSION_PRESENT_WITHOUT_STATE, MQTT_FIELD_SESSION_PRESENT,
                      session->connect.frame, 0);
    if (!c->session_present && surely_kept(session, o->place->time))
        raise_finding(o, MQTT_RULE_SESSION_LOST, MQTT_FIELD_SESSION_PRESENT, session->connect.frame,
                      0);
}

void enter_session(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    struct mqtt_session *session = c->session;
    /* 3.1 has no Session Present: what the server has can't be told. */
    const bool tells = c->version != MQTT_VERSION_3_1;
    const bool nothing_stored = c->clean_start || (tells && !c->session_present);
    c->session_known = nothing_stored;
    if (session == NULL || c->connect.frame == 0)
        return;
    if (c->takes_over != 0) {
        session->taken_over++;
        raise_finding(o, MQTT_RULE_CLIENT_TAKEN_OVER, MQTT_FIELDS, c->takes_over, 0);
    }
    if (session->connection != NULL && session->connection != c)
        leave_session(session->connection);
    if (tells)
        check_session_present(o);
    if (nothing_stored) {
        inflight_free(&session->inflight[0]);
        inflight_free(&session->inflight[1]);
    } else {
        c->session_known = c->session_was_known && c->takes_over == 0;
        resume(c, 0);
        resume(c, 1);
    }
    session->connection = c;
    session->connections++;
    session->resumed += c->session_present;
    session->connect = c->connect;
}
