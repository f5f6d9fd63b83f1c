/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions: how connections come to them and leave them, and what is left in them at the end. */
#include "audit/recorder_private.h"

#include <string.h>

#include "mqtt/facts/time.h"
#include "mqtt/state/session.h"

/* ---- A client comes ---- */

/* What the last connection left: the session goes on with it, or not all of it is known. */
static void begin_carried(struct audit_stay *stay)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct mqtt_waiting *waiting = &stay->entry.waiting[i];
        struct audit_carried *carried = &stay->carried[i];
        carried->resumed = (uint32_t)waiting->publish + waiting->release;
        if (!stay->entry.followed)
            carried->unknown = carried->resumed;
    }
}

static void tell_event(struct audit_recorder *recorder, const struct audit_open *open, uint8_t side,
                       enum audit_event_kind kind, const struct audit_session_event *what)
{
    struct audit_event event;
    event.kind = kind;
    event.flow = &open->flow;
    event.side = side;
    event.session = *what;
    audit_tell(recorder, &event);
}

void audit_tell_session(struct audit_recorder *recorder, struct audit_open *open, uint8_t side,
                        const struct mqtt_step *step)
{
    const struct mqtt_entry *entry = &step->entry;
    if (step->session == MQTT_SESSION_UNTOUCHED)
        return;
    open->stay.session = step->session;
    open->stay.entry = *entry;
    if (step->session != MQTT_SESSION_BEGAN && entry->counted)
        begin_carried(&open->stay);
    struct audit_session_event what = {
        .clean_start = open->clean_start,
        .past = entry->past,
        .offline = entry->offline,
        .counted = entry->counted,
        .waiting = {entry->waiting[0], entry->waiting[1]},
    };
    if (step->taken_over != 0) {
        what.replaced_frame = step->taken_over;
        tell_event(recorder, open, side, AUDIT_EVENT_SESSION_TAKEN_OVER, &what);
        what.replaced_frame = 0;
    }
    if (entry->past == MQTT_PAST_EXPIRED) {
        what.has_expiry = true;
        what.expiry_s = entry->expiry;
        tell_event(recorder, open, side, AUDIT_EVENT_SESSION_EXPIRED, &what);
    }
    what.unclear = step->session == MQTT_SESSION_UNCLEAR;
    tell_event(recorder, open, side,
               step->session == MQTT_SESSION_RESUMED ? AUDIT_EVENT_SESSION_RESUMED
                                                     : AUDIT_EVENT_SESSION_BEGAN,
               &what);
}

/* ---- What it finds ---- */

void audit_count_carried(struct audit_open *open, const struct mqtt_handshake *handshake,
                         bool finished)
{
    struct audit_carried *carried =
        &open->stay.carried[handshake->side == open->flow.client ? 0 : 1];
    const bool resent = !handshake->resumed;
    carried->resent += resent;
    carried->finished += finished;
    carried->met += resent || finished;
}

/* ---- It goes ---- */

void audit_tell_away(struct audit_recorder *recorder, struct audit_open *open,
                     const struct mqtt_connection *connection, uint8_t side)
{
    struct mqtt_departure departure;
    if (open->away || !open->wanted || !connection->accepted ||
        mqtt_connection_taken_over(connection) ||
        !mqtt_connection_departure(connection, &departure))
        return;
    open->away = true;
    const struct audit_session_event what = {
        .clean_start = connection->clean_start,
        .has_expiry = connection->version == MQTT_VERSION_5_0 && !connection->expiry_in_doubt,
        .expiry_s = connection->session_expiry,
        .offline = MQTT_NO_TIME,
        .counted = departure.counted,
        .waiting = {departure.waiting[0], departure.waiting[1]},
    };
    tell_event(recorder, open, side,
               departure.kept ? AUDIT_EVENT_SESSION_OFFLINE : AUDIT_EVENT_SESSION_ENDED, &what);
}

void audit_connection_over(struct audit_recorder *recorder, struct audit_open *open,
                           struct mqtt_connection *connection, const struct mqtt_place *place)
{
    const struct mqtt_claim *claim = connection->claim;
    audit_advance(recorder, place->frame, place->time);
    mqtt_connection_over(connection, place->time);
    if (open == NULL)
        return; /* nobody has heard of it yet */
    open->flow.gaps[0] = connection->sides[0].doubts;
    open->flow.gaps[1] = connection->sides[1].doubts;
    if (open->link != NULL)
        audit_delivery_over(recorder->deliveries, open->link, place);
    if (claim != NULL && claim->session->holder == claim)
        audit_tell_away(recorder, open, connection, place->side);
}

static int64_t online_of(const struct mqtt_connection *connection, const struct audit_stay *stay)
{
    const int64_t end = stay->has_departure ? stay->departure.time : connection->end.time;
    if (!connection->accepted || connection->connect.frame == 0 || end == MQTT_NO_TIME)
        return MQTT_NO_TIME;
    const int64_t online = mqtt_elapsed(end, connection->connect.time);
    return online >= 0 ? online : MQTT_NO_TIME;
}

/* Those that were met neither again nor at their end: silent, unless they may have been missed, or
 * may come yet. */
static void sum_carried(struct audit_carried *carried, bool lacking)
{
    const uint32_t told = carried->unknown + carried->met;
    if (carried->resumed <= told)
        return;
    *(lacking ? &carried->unknown : &carried->silent) += carried->resumed - told;
}

void audit_sum_stay(struct audit_open *open, const struct mqtt_connection *connection,
                    enum mqtt_close how)
{
    struct audit_stay *stay = &open->stay;
    const bool lacking =
        connection->sides[0].gap || connection->sides[1].gap || how == MQTT_CLOSE_CAPTURE_END;
    const struct mqtt_claim *claim = connection->claim;
    struct mqtt_departure departure;
    if (mqtt_connection_departure(connection, &departure)) {
        stay->kept = departure.kept;
        stay->has_departure = claim->departed && !connection->expiry_in_doubt;
        stay->departure = departure;
    }
    stay->keep_alive_known = connection->keep_alive.known && !connection->keep_alive.in_doubt;
    stay->expiry_known = connection->connect.frame != 0 &&
                         connection->version == MQTT_VERSION_5_0 && !connection->expiry_in_doubt;
    if (connection->accepted)
        stay->entered_frame = connection->connack.frame;
    stay->online = online_of(connection, stay);
    sum_carried(&stay->carried[0], lacking);
    sum_carried(&stay->carried[1], lacking);
}

/* ---- What waits in sessions ---- */

/* Behind all findings of a connection. */
#define SESSION_ORDER (UINT64_C(1) << 63)

/* One that waits to be told. */
struct waiting {
    struct mqtt_finding what;
    const struct mqtt_session *session;
    uint64_t order;
};

static gint waiting_order(gconstpointer a, gconstpointer b)
{
    const struct waiting *x = a, *y = b;
    if (x->what.frame != y->what.frame)
        return x->what.frame < y->what.frame ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void gather(const struct audit_recorder *recorder, const struct mqtt_session *session,
                   int64_t time, GArray *list)
{
    struct waiting waiting = {.session = session, .order = SESSION_ORDER};
    for (unsigned i = 0; i < 2; i++) {
        uint32_t cursor = 0;
        const struct mqtt_handshake *handshake;
        while ((handshake = mqtt_inflight_next(&session->inflight[i], &cursor)) != NULL)
            if (mqtt_session_open_finding(session, handshake, i == 0, time, &waiting.what) &&
                audit_wants_finding(recorder, waiting.what.rule, (struct mqtt_slice){NULL, 0})) {
                g_array_append_val(list, waiting);
                waiting.order++;
            }
    }
}

static bool session_wanted(const struct audit_recorder *recorder,
                           const struct mqtt_session *session)
{
    const struct mqtt_slice only = recorder->only_client, name = session->client_identifier;
    return only.length == 0 ||
           (only.length == name.length && memcmp(only.data, name.data, name.length) == 0);
}

static void tell_waiting(struct audit_recorder *recorder, const struct waiting *waiting)
{
    struct audit_endpoint server;
    struct audit_event event;
    audit_endpoint_text(&server, &waiting->session->server);
    event.kind = AUDIT_EVENT_FINDING;
    event.flow = NULL;
    event.side = waiting->what.side;
    event.finding = (struct audit_finding_event){
        .what = &waiting->what,
        .order = waiting->order,
        .client_identifier = waiting->session->client_identifier,
        .server = &server,
        .stream = -1,
    };
    audit_tell(recorder, &event);
}

/* Of a client that did not come back. */
static void tell_expired(struct audit_recorder *recorder, const struct mqtt_session *session,
                         int64_t time)
{
    struct audit_endpoint server;
    struct audit_event event;
    const int64_t offline =
        session->left != MQTT_NO_TIME ? mqtt_elapsed(time, session->left) : MQTT_NO_TIME;
    audit_endpoint_text(&server, &session->server);
    event.kind = AUDIT_EVENT_SESSION_EXPIRED;
    event.flow = NULL;
    event.side = 0;
    event.session = (struct audit_session_event){
        .has_expiry = true,
        .expiry_s = session->expiry,
        .offline = offline >= 0 ? offline : MQTT_NO_TIME,
        .counted = session->counted,
        .waiting = {session->waiting[0], session->waiting[1]},
        .version = session->version,
        .client_identifier = session->client_identifier,
        .server = &server,
    };
    audit_tell(recorder, &event);
}

void audit_sessions_ended(struct audit_recorder *recorder, const struct mqtt_sessions *sessions,
                          int64_t time)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct waiting));
    for (const struct mqtt_session *session = mqtt_sessions_next(sessions, NULL); session != NULL;
         session = mqtt_sessions_next(sessions, session)) {
        if (!session_wanted(recorder, session))
            continue;
        if (mqtt_session_expired(session, time))
            tell_expired(recorder, session, time);
        gather(recorder, session, time, list);
    }
    g_array_sort(list, waiting_order);
    for (unsigned i = 0; i < list->len; i++)
        tell_waiting(recorder, &g_array_index(list, struct waiting, i));
    g_array_free(list, TRUE);
}
