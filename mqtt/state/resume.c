/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a connection enters its session and leaves it (3.1.1: 3.1.2.4, 3.1.4, 4.1; 5.0: 3.1.2.4,
 * 3.1.2.11.2, 3.1.4, 4.1).
 *
 * CONNECT only says which session is meant, and whom a takeover would concern; nothing changes
 * hands before the server has accepted. A refused CONNECT leaves everything as it was.
 */
#include "mqtt/state/resume.h"

#include "mqtt/state/claim.h"
#include "mqtt/state/closing.h"
#include "mqtt/state/departure.h"
#include "mqtt/state/doubt.h"
#include "mqtt/state/inflight.h"

bool session_persists(const struct mqtt_connection *c)
{
    return c->accepted &&
           (c->version == MQTT_VERSION_5_0 ? c->session_expiry != 0 : !c->clean_start);
}

/* The client's table first, as the session keeps them. */
static const struct mqtt_inflight *table_of(const struct mqtt_connection *c, unsigned i)
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
        return 2 * MQTT_SECOND;
    return c->keep_alive.effective != 0
               ? c->keep_alive.effective * 3 / 2 * MQTT_SECOND + 10 * MQTT_SECOND
               : INT64_MAX;
}

/* The session keeps copies: what comes late on the old connection is still an answer there. */
static bool keep_copies(struct mqtt_inflight *kept, const struct mqtt_inflight *table)
{
    uint32_t cursor = 0;
    const struct mqtt_handshake *entry;
    bool whole = true;
    while ((entry = mqtt_inflight_next(table, &cursor)) != NULL) {
        if (is_publish(entry) && !inflight_copy(kept, entry))
            whole = false;
    }
    return whole;
}

static struct mqtt_departure departure_of(const struct mqtt_connection *c)
{
    struct mqtt_departure departure = {.time = time_over(c), .kept = session_persists(c)};
    departure.counted = count_waiting(c, departure.waiting) && !c->expiry_in_doubt;
    if (!departure.kept)
        departure.waiting[0] = departure.waiting[1] = (struct mqtt_waiting){0};
    return departure;
}

/* The holder goes at `time`, or when it was over (MQTT_NO_TIME): what it leaves, and whether that
 * is all. */
static void depart(struct mqtt_claim *holder, int64_t time, bool copied)
{
    struct mqtt_session *session = holder->session;
    struct mqtt_departure *departure = &holder->departure;
    *departure = departure_of(holder->connection);
    if (time != MQTT_NO_TIME)
        departure->time = time;
    departure->counted &= copied;
    holder->departed = true;
    session->left = departure->time;
    session->counted = departure->counted;
    session->waiting[0] = departure->waiting[0];
    session->waiting[1] = departure->waiting[1];
    mark_owed(session);
}

/* The session goes on without its holder, as that left it: LEFT, DISPLACED or TAKEN_OVER, the last
 * at `time`. */
static void let_go(struct mqtt_session *session, enum mqtt_claim_state state, int64_t time)
{
    bool copied = true;
    struct mqtt_claim *holder = session->holder;
    const struct mqtt_connection *c = holder->connection;
    session->offline_since = last_packet(c);
    session->offline_slack = slack(c);
    session->kept = session_persists(c);
    session->agreed = connection_whole(c) && !c->expiry_in_doubt;
    session->known = history_whole(c) && !c->expiry_in_doubt;
    session->stale = false;
    session->version = c->version;
    session->shares = c->shares;
    session->expiry = c->version == MQTT_VERSION_5_0 ? c->session_expiry : UINT32_MAX;
    for (unsigned i = 0; i < 2; i++) {
        session->begun[i] = c->sides[i == 0 ? c->client : 1 - c->client].begun;
        session->unread_since[i] = c->sides[i == 0 ? c->client : 1 - c->client].unread_since;
        inflight_clear(&session->inflight[i]);
        /* Also of a session that ends here: what comes again after all can be told by them. */
        if (!keep_copies(&session->inflight[i], table_of(c, i))) {
            session->known = copied = false;
            c->sessions->strangers++;
        }
    }
    depart(holder, time, copied);
    settle_claim(holder, holder->state == MQTT_CLAIM_CONTESTED ? MQTT_CLAIM_TAKEN_OVER : state);
    session->holder = NULL;
    session->contestants = 0;
}

bool mqtt_connection_departure(const struct mqtt_connection *c, struct mqtt_departure *departure)
{
    const struct mqtt_claim *claim = c->claim;
    if (claim == NULL || (!claim->departed && claim->session->holder != claim))
        return false;
    *departure = claim->departed ? claim->departure : departure_of(c);
    return true;
}

void leave_session(struct mqtt_connection *c)
{
    struct mqtt_claim *claim = c->claim;
    if (claim == NULL)
        return;
    if (claim->session->holder == claim)
        let_go(claim->session, MQTT_CLAIM_LEFT, MQTT_NO_TIME);
    else if (claim->state == MQTT_CLAIM_NAMED)
        settle_claim(claim, MQTT_CLAIM_LEFT);
}

void note_latecomer(const struct mqtt_connection *c)
{
    if (c->claim != NULL && c->claim->state == MQTT_CLAIM_LEFT)
        c->claim->session->stale = true;
}

/* ---- CONNECT ---- */

/* What becomes of the connection that holds the session when another one names it. */
static void confront(struct mqtt_connection *c, struct mqtt_session *session)
{
    const struct mqtt_connection *holder = session->holder->connection;
    if (connection_over(holder)) {
        let_go(session, MQTT_CLAIM_LEFT, MQTT_NO_TIME);
    } else if (holder->sides[0].gap || holder->sides[1].gap) {
        let_go(session, MQTT_CLAIM_DISPLACED, MQTT_NO_TIME);
    } else {
        contest(session); /* unless the server refuses */
        c->takes_over = holder->first.frame;
    }
}

/* Whether the session's state is known at all is settled by the answer; until then, and if the
 * answer is never seen, it is not. */
void name_session(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    if (c->sessions == NULL)
        return;
    if (c->client_identifier.length == 0) {
        c->unclaimed = c->strings_lost;
        c->sessions->strangers += c->strings_lost;
        return;
    }
    const bool claimed = claim_session(c) != NULL;
    sweep_sessions(c->sessions, o->place->time);
    if (!claimed) {
        c->unclaimed = true;
        return;
    }
    struct mqtt_session *session = c->claim->session;
    note_connect(o);
    if (session->holder != NULL)
        confront(c, session);
    c->claim->session_was_known = session_history_known(session);
    session->known = false;
}

void session_refused(struct mqtt_connection *c)
{
    struct mqtt_claim *claim = c->claim;
    if (claim == NULL)
        return;
    struct mqtt_session *session = claim->session;
    if (claim->connections == session->connections) /* as it was, then */
        session->known = claim->session_was_known;
    if (c->clean_start)
        session->stale = true; /* its client has forgotten what it had in flight */
    settle_claim(claim, MQTT_CLAIM_REFUSED);
    if (session->holder != NULL && session->contestants != 0 && --session->contestants == 0)
        session->holder->state = MQTT_CLAIM_HELD;
}

/* ---- CONNACK ---- */

static void mark_resumed(struct mqtt_inflight *inflight, uint8_t side)
{
    for (uint32_t i = 0; i < inflight->capacity; i++) {
        struct mqtt_handshake *handshake = &inflight->slots[i];
        handshake->resumed = true;
        handshake->echoed = false;
        handshake->began = 1; /* before all that this connection may have lost */
        handshake->counted = 0;
        handshake->order = 0; /* these two count on one connection */
        handshake->order_received = 0;
        handshake->side = side;
    }
}

static uint32_t add_up(uint32_t a, uint32_t b)
{
    return a < UINT32_MAX - b ? a + b : UINT32_MAX;
}

/* What the side has sent before CONNACK comes behind what it had sent in the session, which has
 * `begun` so many messages; but for what was sent again. */
static void go_on_counting(struct mqtt_side_state *state, const struct mqtt_inflight *stored,
                           uint32_t begun)
{
    for (uint32_t i = 0; i < state->inflight.capacity; i++) {
        struct mqtt_handshake *live = &state->inflight.slots[i];
        if (!is_publish(live))
            continue;
        const struct mqtt_handshake *old = inflight_find(stored, live->packet_identifier);
        if (old != NULL)
            live->ordinal = old->ordinal;
        else if (live->ordinal != 0)
            live->ordinal = add_up(live->ordinal, begun);
    }
    state->begun = add_up(state->begun, begun);
}

/* Goes on with the session's handshakes. What was sent before CONNACK has entries of its own, which
 * stay; of the session's, those with the same identifier are what was sent again. False without
 * memory for all of them. */
static bool resume(struct mqtt_connection *c, unsigned i)
{
    const uint8_t side = i == 0 ? c->client : (uint8_t)(1 - c->client);
    struct mqtt_inflight *live = &c->sides[side].inflight;
    struct mqtt_inflight *stored = &c->claim->session->inflight[i];
    mark_resumed(stored, side);
    go_on_counting(&c->sides[side], stored, c->claim->session->begun[i]);
    c->sides[side].waiting = stored->count;
    if (live->count == 0) {
        inflight_clear(live);
        inflight_move(live, stored);
        return true;
    }
    bool whole = true;
    uint32_t cursor = 0;
    const struct mqtt_handshake *entry;
    while ((entry = mqtt_inflight_next(stored, &cursor)) != NULL) {
        struct mqtt_handshake *again = inflight_find(live, entry->packet_identifier);
        if (again != NULL)
            note_sent_again(again, entry);
        else if (!inflight_copy(live, entry))
            whole = false;
    }
    inflight_clear(stored);
    return whole;
}

/* The state that the last connection left behind must still be there. A clock that was set back
 * says nothing. */
static bool surely_kept(const struct mqtt_session *session, int64_t now)
{
    const int64_t offline = mqtt_elapsed(now, session->offline_since);
    return session->kept && (session->expiry == UINT32_MAX ||
                             (offline >= 0 && offline < mqtt_time(session->expiry, 0)));
}

/* Session Present against what the last connection left behind (3.2.2-2, 3.2.2-3). Only an earlier
 * connection that the capture shows as a whole says what there should be. */
static void check_session_present(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    const struct mqtt_session *session = c->claim->session;
    const bool five = c->version == MQTT_VERSION_5_0;
    if (!c->claim->session_was_known || c->clean_start || c->client_identifier_assigned)
        return;
    /* Taken over in 5.0, one that ends with its connection may be gone on with, or end before. */
    const bool may_go_on = c->takes_over != 0 && (five || session->version == MQTT_VERSION_5_0);
    if (c->session_present && session_surely_gone(session, o->place->time) && !may_go_on) {
        raise_finding(o, MQTT_RULE_SESSION_PRESENT_WITHOUT_STATE, MQTT_FIELD_SESSION_PRESENT,
                      session->connect.frame, 0);
        c->stateless = five; /* the client has none either */
    }
    if (!c->session_present && surely_kept(session, o->place->time))
        raise_finding(o, MQTT_RULE_SESSION_LOST, MQTT_FIELD_SESSION_PRESENT, session->connect.frame,
                      0);
}

static void check_takeover(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    if (c->takes_over == 0)
        return;
    c->claim->session->taken_over++;
    o->step->taken_over = c->takes_over;
    raise_finding(o,
                  c->client_identifier_assigned ? MQTT_RULE_ASSIGNED_IDENTIFIER_IN_USE
                                                : MQTT_RULE_CLIENT_TAKEN_OVER,
                  MQTT_FIELDS, c->takes_over, 0);
}

/* Claims that are looked at. */
#define LOOK_AT 16u

/* A CONNECT that the server will not take up any more: its connection has been over for some time.
 */
static bool is_abandoned(const struct mqtt_claim *claim, int64_t now)
{
    return claim->state == MQTT_CLAIM_NAMED && connection_over(claim->connection) &&
           mqtt_elapsed(now, last_packet(claim->connection)) > MQTT_OPEN_GRACE;
}

/* How many CONNECTs still wait for an answer. Strangers can make any number of claims: those that
 * are not looked at may wait. */
static uint32_t still_waiting(const struct mqtt_session *session, int64_t now)
{
    uint32_t waiting = session->unanswered, looked_at = 0;
    for (const struct mqtt_claim *claim = session->claims;
         claim != NULL && waiting != 0 && looked_at < LOOK_AT; claim = claim->older, looked_at++)
        waiting -= is_abandoned(claim, now);
    return waiting;
}

/* Takes over what the session has, and says whether that is all. */
static bool enter(struct mqtt_connection *c, bool nothing_stored, struct mqtt_entry *entry)
{
    struct mqtt_session *session = c->claim->session;
    bool known = true;
    c->shares |= !nothing_stored && session->shares;
    if (nothing_stored) {
        inflight_move(&c->sides[c->client].discarded, &session->inflight[0]);
        inflight_move(&c->sides[1 - c->client].discarded, &session->inflight[1]);
    } else {
        known = c->claim->session_was_known && c->takes_over == 0 && !session->stale;
        if (!session->kept) {
            inflight_clear(&session->inflight[0]);
            inflight_clear(&session->inflight[1]);
        }
        const bool whole[2] = {resume(c, 0), resume(c, 1)};
        entry->followed =
            entry->counted && session->kept && !session->stale && whole[0] && whole[1];
        known = whole[0] && whole[1] && known;
    }
    settle_claim(c->claim, MQTT_CLAIM_HELD);
    session->contestants = still_waiting(session, c->connack.time);
    if (session->contestants != 0)
        c->claim->state = MQTT_CLAIM_CONTESTED;
    session->strangers = c->claim->strangers;
    session->holder = c->claim;
    session->connections++;
    session->resumed += c->session_present;
    session->connect = c->connect;
    return known;
}

/* Answers may cross: the connection that held the session at CONNECT need not be the one that does
 * at CONNACK, and what was known of the session then need not be true of it now. Returns whether
 * another one was accepted in between: then it is as likely that one that took over. */
static bool displace_holder(struct mqtt_connection *c)
{
    struct mqtt_claim *claim = c->claim;
    struct mqtt_session *session = claim->session;
    const bool crossed = claim->connections != session->connections;
    if (session->holder != NULL) {
        const struct mqtt_connection *holder = session->holder->connection;
        c->takes_over = holder->first.frame;
        note_successor(session->holder, c);
        /* Whether there is a session can be told; what is in flight in it can't. */
        claim->session_was_known = nothing_lost(holder) && !holder->expiry_in_doubt;
        let_go(session, MQTT_CLAIM_TAKEN_OVER, c->connack.time);
    }
    if (crossed || session->unanswered > 1 || !session_undisturbed(session))
        claim->session_was_known = false;
    return crossed;
}

void enter_session(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    /* 3.1 has no Session Present: what the server has can't be told. */
    const bool tells = c->version != MQTT_VERSION_3_1;
    const bool nothing_stored = c->clean_start || (tells && !c->session_present);
    bool known = nothing_stored;
    if (c->connect.frame != 0)
        o->step->session = nothing_stored ? MQTT_SESSION_BEGAN
                           : tells        ? MQTT_SESSION_RESUMED
                                          : MQTT_SESSION_UNCLEAR;
    o->step->entry = (struct mqtt_entry){.past = MQTT_PAST_UNKNOWN, .offline = MQTT_NO_TIME};
    if (c->claim != NULL) {
        const bool crossed = displace_holder(c);
        check_takeover(o);
        if (tells)
            check_session_present(o);
        note_entry(o, crossed, surely_kept(c->claim->session, o->place->time));
        known = enter(c, nothing_stored, &o->step->entry);
        if (crossed)
            contest(c->claim->session);
    }
    if (!known)
        doubt_session(c);
    c->session_settled = true;
}
