/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a connection ends, and what it leaves open. */
#include "mqtt/facts/time.h"
#include "mqtt/state/claim.h"
#include "mqtt/state/closing.h"
#include "mqtt/state/doubt.h"
#include "mqtt/state/inflight.h"
#include "mqtt/state/jump.h"
#include "mqtt/state/observation.h"
#include "mqtt/state/redelivery.h"
#include "mqtt/state/resume.h"
#include "mqtt/state/silence.h"

/* ---- Why ---- */

/* Reason codes of a 5.0 server's DISCONNECT that blame the client for what it sent. */
static bool blames_protocol(uint8_t reason)
{
    switch (reason) {
    case MQTT_REASON_MALFORMED_PACKET:
    case MQTT_REASON_PROTOCOL_ERROR:
    case MQTT_REASON_RECEIVE_MAXIMUM_EXCEEDED:
    case MQTT_REASON_TOPIC_ALIAS_INVALID:
    case MQTT_REASON_PACKET_TOO_LARGE:
    case MQTT_REASON_PAYLOAD_FORMAT_INVALID:
    case MQTT_REASON_RETAIN_NOT_SUPPORTED:
    case MQTT_REASON_QOS_NOT_SUPPORTED:
    case MQTT_REASON_SHARED_SUBSCRIPTIONS_NOT_SUPPORTED:
    case MQTT_REASON_SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED:
    case MQTT_REASON_WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED: return true;
    default: return false;
    }
}

static enum mqtt_end_cause server_disconnect_cause(uint8_t reason)
{
    if (reason == MQTT_REASON_KEEP_ALIVE_TIMEOUT)
        return MQTT_END_KEEP_ALIVE;
    if (reason == MQTT_REASON_SESSION_TAKEN_OVER)
        return MQTT_END_TAKEN_OVER;
    return blames_protocol(reason) ? MQTT_END_PROTOCOL_ERROR : MQTT_END_SERVER_DISCONNECT;
}

/* One side ended the transport without a word: why? */
static enum mqtt_end_cause silent_end_cause(const struct mqtt_connection *c,
                                            const struct mqtt_place *place, enum mqtt_close how)
{
    const bool by_client = place->side == c->client;
    const struct mqtt_side_state *other = &c->sides[1 - (place->side & 1)];
    const struct mqtt_leg *client_last = &c->sides[c->client].last;
    if (!by_client && client_last->frame != 0 && !awaits_connack(c) &&
        silent_beyond(c, steady_elapsed(c->sessions, place->time, client_last->time), 3))
        return MQTT_END_KEEP_ALIVE;
    if (other->last_error.frame != 0 && other->last_error.frame == other->last.frame)
        return MQTT_END_PROTOCOL_ERROR;
    if (how == MQTT_CLOSE_RST)
        return by_client ? MQTT_END_CLIENT_RESET : MQTT_END_SERVER_RESET;
    return by_client ? MQTT_END_CLIENT_CLOSED : MQTT_END_SERVER_CLOSED;
}

static enum mqtt_end_cause end_cause(const struct mqtt_connection *c,
                                     const struct mqtt_place *place, enum mqtt_close how)
{
    const struct mqtt_side_state *client = &c->sides[c->client];
    const struct mqtt_side_state *server = &c->sides[1 - c->client];
    const bool server_first =
        server->disconnect.frame != 0 &&
        (client->disconnect.frame == 0 || server->disconnect.frame < client->disconnect.frame);
    if (c->refused)
        return MQTT_END_REFUSED;
    if (server_first)
        return server_disconnect_cause(server->disconnect_reason);
    if (client->disconnect.frame != 0)
        return MQTT_END_CLIENT_DISCONNECT;
    if (mqtt_connection_taken_over(c) && how != MQTT_CLOSE_CAPTURE_END)
        return MQTT_END_TAKEN_OVER;
    switch (how) {
    case MQTT_CLOSE_FIN:
    case MQTT_CLOSE_RST: return silent_end_cause(c, place, how);
    case MQTT_CLOSE_REUSED: return MQTT_END_REPLACED;
    case MQTT_CLOSE_TIMED_OUT: return MQTT_END_TIMED_OUT;
    default: return MQTT_END_OPEN;
    }
}

const char *mqtt_end_cause_name(unsigned cause)
{
    static const char *const names[MQTT_END_CAUSES] = {
        "open",         "client-disconnect", "server-disconnect", "refused",       "keep-alive",
        "taken-over",   "protocol-error",    "client-closed",     "server-closed", "client-reset",
        "server-reset", "replaced",          "timed-out",
    };
    return names[cause < MQTT_END_CAUSES ? cause : MQTT_END_OPEN];
}

/* When the time for answers was over: a DISCONNECT of either side ends all duties. Its sender may
 * send nothing more, and need not wait; the other one has nobody to answer (3.14.4). */
static int64_t duties_end(const struct mqtt_connection *c, int64_t time)
{
    for (unsigned side = 0; side < 2; side++) {
        const struct mqtt_leg *disconnect = &c->sides[side].disconnect;
        if (disconnect->frame != 0 && disconnect->time < time)
            time = disconnect->time;
    }
    return time;
}

/* How long an answer of `side` may be under way before it counts as missing: longer where the
 * capture ends, for then it may come yet; else ten times what that side has needed on this
 * connection, but not less than MQTT_CLOSE_GRACE. */
static int64_t grace_of(const struct mqtt_connection *c, unsigned side, enum mqtt_close how)
{
    const int64_t slowest = c->sides[side].slowest_answer;
    if (how == MQTT_CLOSE_CAPTURE_END || slowest > MQTT_OPEN_GRACE / 10)
        return MQTT_OPEN_GRACE;
    return slowest > MQTT_CLOSE_GRACE / 10 ? slowest * 10 : MQTT_CLOSE_GRACE;
}

/* A connection that could not be followed may have been the one that takes this one's session, and
 * the server owes nothing any more. */
static bool may_be_taken_over(const struct mqtt_connection *c, enum mqtt_close how)
{
    return how != MQTT_CLOSE_CAPTURE_END && c->claim != NULL && !claim_undisturbed(c->claim);
}

/* Whoever breaks a rule must reckon with a close instead of an answer (3.1.1: 4.8.0-1; 5.0:
 * 4.13.1-1): to the packet that breaks it, to what had just gone before, and, if the other side has
 * not gone on behind it, to all that came later. */
static bool owed_nothing(const struct mqtt_connection *connection, unsigned sender,
                         const struct mqtt_leg *last)
{
    const struct mqtt_side_state *from = &connection->sides[sender];
    const bool ends = from->violation.frame != 0 && !from->violation.told;
    if (ends && from->violation.frame <= last->frame)
        return true;
    return from->last_error.frame >= last->frame &&
           mqtt_elapsed(from->last_error.time, last->time) < MQTT_OPEN_GRACE;
}

/* What `side` sent has not reached the one that would have to answer it. */
static bool got_lost(const struct mqtt_connection *c, unsigned side, const struct mqtt_leg *leg)
{
    return leg->time >= c->sides[side].unread_since;
}

static void ping_findings(struct mqtt_connection *c, int64_t time, enum mqtt_close how,
                          struct mqtt_step *step)
{
    const int64_t grace = grace_of(c, 1 - c->client, how);
    uint32_t displaced = c->ping.displaced;
    time = duties_end(c, time);
    for (uint32_t i = 0; i < c->ping.waiting_count; i++) {
        const struct mqtt_ping *ping = &c->ping.waiting[i];
        const int64_t waited = steady_elapsed(c->sessions, time, ping->leg.time);
        if (waited < grace || !seen_since(c, ping->clock) || got_lost(c, c->client, &ping->leg) ||
            (how != MQTT_CLOSE_CAPTURE_END && owed_nothing(c, c->client, &ping->leg)))
            continue;
        if (displaced != 0)
            displaced--;
        else
            end_finding(c, step, MQTT_RULE_PINGREQ_UNANSWERED, c->client, MQTT_PINGREQ, &ping->leg,
                        mqtt_milliseconds(waited), 0);
    }
}

static void connect_findings(struct mqtt_connection *c, const struct mqtt_place *place,
                             enum mqtt_close how, struct mqtt_step *step)
{
    const int64_t since_connect = steady_elapsed(c->sessions, place->time, c->connect.time);
    const int64_t since_refusal = steady_elapsed(c->sessions, place->time, c->connack.time);
    if (c->connect.frame != 0 && !c->connect_cut && c->connack.frame == 0 &&
        how != MQTT_CLOSE_CAPTURE_END && since_connect >= MQTT_CLOSE_GRACE &&
        c->sides[c->client].last_error.frame < c->connect.frame)
        end_finding(c, step, MQTT_RULE_CONNECT_UNANSWERED, c->client, MQTT_CONNECT, &c->connect,
                    mqtt_milliseconds(since_connect), 0);
    const bool server_closed = how != MQTT_CLOSE_CAPTURE_END && place->side != c->client;
    if (c->refused && !server_closed && since_refusal > 2 * MQTT_SECOND)
        end_finding(c, step, MQTT_RULE_NOT_CLOSED_AFTER_REFUSAL, (uint8_t)(1 - c->client),
                    MQTT_CONNACK, &c->connack, c->connack.frame, mqtt_milliseconds(since_refusal));
}

void mqtt_connection_over(struct mqtt_connection *c, int64_t time)
{
    if (c->over == MQTT_NO_TIME)
        c->over = time;
}

void mqtt_connection_close(struct mqtt_connection *c, const struct mqtt_place *place,
                           enum mqtt_close how, struct mqtt_step *step)
{
    begin_step(step);
    step->version = c->version;
    step->sender = (uint8_t)mqtt_connection_sender(c, place->side & 1);
    step->client_identifier = c->client_identifier;
    if (c->closed)
        return;
    note_time(c, place->time);
    c->closed = true;
    c->end_cause = (uint8_t)end_cause(c, place, how);
    c->end = place_leg(place);

    const struct mqtt_side_state *client = &c->sides[c->client];
    const int64_t silence =
        client->last.frame != 0 ? steady_elapsed(c->sessions, place->time, client->last.time) : 0;
    if (c->sides[c->client].packets != 0)
        note_stranger(c);
    if (connection_whole(c))
        connect_findings(c, place, how, step);
    if (!may_be_taken_over(c, how))
        ping_findings(c, place->time, how, step);
    if (c->end_cause == MQTT_END_KEEP_ALIVE && c->sides[1 - c->client].disconnect.frame == 0)
        end_finding(c, step, MQTT_RULE_KEEP_ALIVE_CLOSED, c->client, 0, &client->last,
                    mqtt_milliseconds(silence), c->keep_alive.effective);
    /* Behind a gap its DISCONNECT may be what is missing; `last` is set again by what came later.
     */
    if (c->accepted && !(client->gap && client->last.frame == 0) &&
        (c->end_cause == MQTT_END_CLIENT_CLOSED || c->end_cause == MQTT_END_CLIENT_RESET))
        end_finding(c, step, MQTT_RULE_CLOSED_WITHOUT_DISCONNECT, c->client, 0, &client->last,
                    mqtt_milliseconds(silence), 0);
    closing_findings(c, place, how, step);
    /* A connection that is open when the capture ends has not left its session. */
    if (how != MQTT_CLOSE_CAPTURE_END)
        leave_session(c);
}

/* ---- What is left open ---- */

static enum mqtt_rule open_rule(const struct mqtt_handshake *handshake)
{
    switch (handshake->kind) {
    case MQTT_HANDSHAKE_SUBSCRIBE: return MQTT_RULE_SUBSCRIBE_UNANSWERED;
    case MQTT_HANDSHAKE_UNSUBSCRIBE: return MQTT_RULE_UNSUBSCRIBE_UNANSWERED;
    case MQTT_HANDSHAKE_QOS_1: return MQTT_RULE_QOS_1_UNFINISHED;
    default: break;
    }
    return handshake->stage == 1   ? MQTT_RULE_QOS_2_UNFINISHED_PUBREC
           : handshake->stage == 2 ? MQTT_RULE_QOS_2_UNFINISHED_PUBREL
                                   : MQTT_RULE_QOS_2_UNFINISHED_PUBCOMP;
}

/* The packet that got no answer; its name is in the finding. */
static enum mqtt_packet_type open_packet(const struct mqtt_handshake *handshake)
{
    switch (handshake->kind) {
    case MQTT_HANDSHAKE_SUBSCRIBE: return MQTT_SUBSCRIBE;
    case MQTT_HANDSHAKE_UNSUBSCRIBE: return MQTT_UNSUBSCRIBE;
    default: break;
    }
    return handshake->stage == 1 ? MQTT_PUBLISH : handshake->stage == 2 ? MQTT_PUBREC : MQTT_PUBREL;
}

static void open_finding(const struct mqtt_handshake *handshake, bool by_client, int64_t time,
                         struct mqtt_finding *finding)
{
    const struct mqtt_leg *last = handshake_last_leg(handshake);
    /* The last packet is the beginner's, but for a PUBREC. */
    const bool sent_by_beginner = handshake->stage != 2;
    *finding = (struct mqtt_finding){
        .rule = (uint16_t)open_rule(handshake),
        .sender = sent_by_beginner == by_client ? MQTT_SENDER_CLIENT : MQTT_SENDER_SERVER,
        .packet_type = (uint8_t)open_packet(handshake),
        .side = sent_by_beginner ? handshake->side : (uint8_t)(1 - handshake->side),
        .field = MQTT_FIELDS,
        .time = last->time,
        .frame = last->frame,
        .values = {handshake->packet_identifier, mqtt_milliseconds(mqtt_elapsed(time, last->time))},
    };
}

/* Who sent the last packet of it: the beginner, but for a PUBREC. */
static uint8_t last_sender(const struct mqtt_handshake *handshake)
{
    return handshake->stage != 2 ? handshake->side : (uint8_t)(1 - handshake->side);
}

/* The session may still finish the handshake: it outlives the connection, or may, where the capture
 * lacks the CONNACK that says so. */
static bool may_persist(const struct mqtt_connection *c)
{
    const bool unanswered = c->connack.frame == 0 && !connection_whole(c);
    return session_persists(c) ||
           (unanswered && (c->version == MQTT_VERSION_5_0 || !c->clean_start));
}

bool mqtt_handshake_handed_on(const struct mqtt_connection *c,
                              const struct mqtt_handshake *handshake)
{
    return is_publish(handshake) && session_persists(c) && c->claim != NULL &&
           (c->claim->state == MQTT_CLAIM_LEFT || c->claim->state == MQTT_CLAIM_DISPLACED ||
            c->claim->state == MQTT_CLAIM_TAKEN_OVER);
}

bool mqtt_handshake_open_finding(const struct mqtt_connection *connection,
                                 const struct mqtt_handshake *handshake, int64_t time,
                                 enum mqtt_close how, struct mqtt_finding *finding)
{
    const bool session_goes_on = is_publish(handshake) && may_persist(connection);
    const bool ended = how != MQTT_CLOSE_CAPTURE_END;
    if (handshake->resumed)
        return not_resent_finding(connection, handshake, finding);
    if (!seen_since(connection, handshake->began) || (session_goes_on && ended) ||
        got_lost(connection, last_sender(handshake), handshake_last_leg(handshake)) ||
        mqtt_handshake_handed_on(connection, handshake))
        return false;
    if (ended && (owed_nothing(connection, last_sender(handshake), handshake_last_leg(handshake)) ||
                  may_be_taken_over(connection, how)))
        return false;
    const uint8_t answering = (uint8_t)(1 - last_sender(handshake));
    time = duties_end(connection, time);
    if (steady_elapsed(connection->sessions, time, handshake_last_leg(handshake)->time) <
        grace_of(connection, answering, how))
        return false;
    open_finding(handshake, handshake->side == connection->client, time, finding);
    finding->version = connection->version;
    return true;
}

bool mqtt_session_expired(const struct mqtt_session *session, int64_t time)
{
    return session->holder == NULL && session->connections != 0 && session->kept &&
           session->agreed && session_undisturbed(session) && session_surely_gone(session, time);
}

bool mqtt_session_open_finding(const struct mqtt_session *session,
                               const struct mqtt_handshake *handshake, bool by_client, int64_t time,
                               struct mqtt_finding *finding)
{
    if (!session_history_known(session) || session->stale || session->holder != NULL)
        return false;
    const struct mqtt_leg *last = handshake_last_leg(handshake);
    if (steady_elapsed(session->registry, time, last->time) < MQTT_OPEN_GRACE ||
        session_surely_gone(session, time))
        return false;
    open_finding(handshake, by_client, time, finding);
    finding->version = session->version;
    /* Nobody was late while the client was there, or it was not sent again then: it is only not
     * over yet. */
    const int64_t left = session->left != MQTT_NO_TIME ? session->left : session->offline_since;
    const bool sent_by_client = finding->sender == MQTT_SENDER_CLIENT;
    if (handshake->resumed ||
        steady_elapsed(session->registry, left, last->time) < MQTT_OPEN_GRACE ||
        last->time >= session->unread_since[sent_by_client ? 0 : 1])
        finding->rule = MQTT_RULE_WAITS_IN_SESSION;
    return true;
}
