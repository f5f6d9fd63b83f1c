/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See closing.h. */
#include "mqtt/state/closing.h"

#include "mqtt/state/claim.h"
#include "mqtt/state/doubt.h"
#include "mqtt/state/jump.h"
#include "mqtt/state/silence.h"

/* Nothing of this connection is missing, from its beginning on. */
static bool all_seen(const struct mqtt_connection *c)
{
    return c->start_seen && !lost_since(c, 1);
}

/* ---- After a violation ---- */

/* No sentence says that another Payload Format Indicator than 0 and 1 is an error (3.3.2.3.2). */
static bool is_payload_format(const struct mqtt_finding *finding)
{
    return finding->rule == MQTT_RULE_PROPERTY_OUT_OF_RANGE && finding->values[1] == 0x01;
}

/* What the packet is to be blamed for, if that is one thing. */
static void note_fault(struct observation *o)
{
    unsigned errors = 0;
    o->from->faults = o->from->last_error.frame != 0;
    o->from->fault_reason = 0;
    for (uint32_t i = 0; i < o->step->finding_count; i++) {
        const enum mqtt_rule rule = (enum mqtt_rule)o->step->findings[i].rule;
        if (mqtt_rule_info(rule)->severity != MQTT_ERROR)
            continue;
        errors++;
        o->from->fault_reason = mqtt_prescribed_reason(rule);
    }
    if (errors > 1)
        o->from->faults = true;
}

void note_violation(struct observation *o)
{
    struct mqtt_violation *violation = &o->from->violation;
    note_fault(o);
    o->connection->watched = true;
    if (violation->frame != 0 || o->sender == MQTT_SENDER_UNKNOWN)
        return;
    /* What the connection adds stands last: that it is a second CONNECT counts more than its form.
     */
    for (uint32_t i = o->step->finding_count; i-- != 0;) {
        const struct mqtt_finding *finding = &o->step->findings[i];
        const enum mqtt_rule rule = mqtt_closes((enum mqtt_rule)finding->rule,
                                                (enum mqtt_packet_type)o->packet->type, o->version);
        if (rule == MQTT_RULE_NONE || is_payload_format(finding))
            continue;
        *violation = (struct mqtt_violation){
            .clock = o->connection->clock, .frame = o->place->frame, .rule = (uint16_t)rule};
        return;
    }
}

/* Whether the packet, which ends a handshake, takes the request for a good one. */
static bool grants(const struct mqtt_packet *packet)
{
    const bool lists = packet->type == MQTT_SUBACK || packet->type == MQTT_UNSUBACK;
    const struct mqtt_slice codes =
        packet->type == MQTT_SUBACK ? packet->suback.codes : packet->unsuback.codes;
    if (!lists || codes.length == 0)
        return !packet->has_reason_code || packet->reason_code < MQTT_REASON_FAILURE;
    for (uint32_t i = 0; i < codes.length; i++)
        if (codes.data[i] < MQTT_REASON_FAILURE)
            return true;
    return false;
}

/* The packet answers the violation itself, or something that stood behind it. */
static bool has_passed_over(const struct observation *o, const struct mqtt_violation *violation)
{
    const struct mqtt_handshake *handshake = &o->step->handshake;
    if (!o->step->has_handshake || handshake->side == o->place->side || handshake->replaces)
        return false;
    if (handshake->kind == MQTT_HANDSHAKE_CONNECT)
        return !handshake->failed && handshake->legs[0].frame > violation->frame;
    return handshake->began > violation->clock ||
           (handshake->began == violation->clock && grants(o->packet));
}

/* CONNACK 0 answers a CONNECT that may be too broken to be taken for one. */
static bool accepts(const struct observation *o)
{
    return o->packet->type == MQTT_CONNACK && o->sender == MQTT_SENDER_SERVER &&
           o->packet->has_reason_code && o->packet->reason_code == MQTT_REASON_SUCCESS;
}

static bool in_connect(const struct mqtt_violation *violation)
{
    switch (violation->rule) {
    case MQTT_RULE_INVALID_CONNECT_ACCEPTED:
    case MQTT_RULE_EMPTY_IDENTIFIER_ACCEPTED:
    case MQTT_RULE_PROTOCOL_NAME_ACCEPTED:
    case MQTT_RULE_PROTOCOL_LEVEL_ACCEPTED: return true;
    default: return false;
    }
}

/* A server that does not support the level says so with return code 1 (3.1.1: 3.1.2-2); in 5.0 it
 * may say nothing. */
static void check_level_refused(struct observation *o, const struct mqtt_violation *violation)
{
    const uint8_t code = o->packet->reason_code;
    if (violation->rule == MQTT_RULE_PROTOCOL_LEVEL_ACCEPTED && o->packet->type == MQTT_CONNACK &&
        o->packet->has_reason_code && code != MQTT_REASON_SUCCESS && !is_5_0(o) &&
        code != MQTT_RETURN_PROTOCOL_VERSION && all_seen(o->connection))
        raise_finding(o, MQTT_RULE_PROTOCOL_LEVEL_OTHER_CODE, MQTT_FIELD_RETURN_CODE, code,
                      violation->frame);
}

static void check_receiver(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    struct mqtt_violation *violation = &o->to->violation;
    if (violation->told || o->from->disconnect.frame != 0)
        return;
    check_level_refused(o, violation);
    const bool goes_on = in_connect(violation)
                             ? all_seen(c) && accepts(o)
                             : connection_whole(c) && has_passed_over(o, violation);
    if (!goes_on)
        return;
    violation->told = true;
    raise_finding(o, (enum mqtt_rule)violation->rule, MQTT_FIELDS, violation->frame, 0);
}

static bool is_general(uint8_t reason)
{
    return reason == MQTT_REASON_MALFORMED_PACKET || reason == MQTT_REASON_PROTOCOL_ERROR;
}

/* A DISCONNECT that blames the other side: for what it did? */
static void check_reason(struct observation *o)
{
    const struct mqtt_side_state *to = o->to;
    const uint8_t reason = reason_of(o->packet), prescribed = to->fault_reason;
    if (!is_5_0(o) || prescribed == 0 || to->faults || reason == prescribed ||
        to->last_error.frame != to->last.frame || !connection_whole(o->connection) ||
        !mqtt_reason_is_prescribed(reason) || (is_general(reason) && is_general(prescribed)))
        return;
    raise_finding(o, MQTT_RULE_REASON_CODE_NOT_PRESCRIBED, MQTT_FIELD_DISCONNECT_REASON, reason,
                  prescribed);
}

/* ---- After a takeover ---- */

/* Packets of two connections may pass the observer in another order than they were sent: which of
 * two that connect at once is the earlier one can't be told. Servers that serve several parties
 * tell their client identifiers apart by the user name. */
void note_successor(struct mqtt_claim *claim, const struct mqtt_connection *c)
{
    const struct mqtt_connection *holder = claim->connection;
    if (holder->connect_cut || c->connect_cut || c->client_identifier_assigned ||
        c->connect.frame == 0 || holder->user_name != c->user_name ||
        mqtt_elapsed(c->connect.time, holder->connack.time) < MQTT_SECOND)
        return;
    claim->successor = (struct mqtt_successor){c->connect, c->connack};
}

/* NULL if no other connection has surely taken the session from this one. */
static const struct mqtt_successor *successor(const struct mqtt_connection *c)
{
    const struct mqtt_claim *claim = c->claim;
    const bool known = claim != NULL && claim->state == MQTT_CLAIM_TAKEN_OVER &&
                       claim->successor.connack.frame != 0 && all_seen(c);
    return known ? &claim->successor : NULL;
}

static void check_takeover(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    const struct mqtt_successor *other = successor(c);
    if (other == NULL || c->takeover_told ||
        mqtt_elapsed(o->step->request.time, other->connack.time) < MQTT_SECOND)
        return;
    c->takeover_told = true;
    raise_finding(o, MQTT_RULE_TAKEOVER_NOT_CLOSED, MQTT_FIELDS, other->connack.frame, 0);
}

/* 5.0: 3.1.4-3. The server closed: because of the takeover, as far as can be seen. */
static void takeover_finding(struct mqtt_connection *c, const struct mqtt_place *place,
                             struct mqtt_step *step)
{
    const uint8_t server = (uint8_t)(1 - c->client);
    const struct mqtt_side_state *client = &c->sides[c->client];
    const struct mqtt_successor *other = successor(c);
    if (other == NULL || c->version != MQTT_VERSION_5_0 || place->side != server ||
        client->disconnect.frame != 0 || c->sides[server].disconnect.frame != 0 ||
        client->violation.frame != 0 || client->last_error.frame != 0)
        return;
    const int64_t silence = steady_elapsed(c->sessions, place->time, client->last.time);
    if (mqtt_elapsed(place->time, other->connect.time) <= 0 || silent_beyond(c, silence, 2))
        return;
    end_finding(c, step, MQTT_RULE_TAKEOVER_WITHOUT_DISCONNECT, server, 0, &c->sides[server].last,
                other->connect.frame, 0);
}

/* ---- After DISCONNECT ---- */

/* Later than this nothing comes that was under way already. */
static void check_others_disconnect(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    const int64_t since =
        steady_elapsed(o->connection->sessions, o->place->time, o->to->disconnect.time);
    if (c->others_disconnect_told || o->from->disconnect.frame != 0 || since < MQTT_OPEN_GRACE ||
        !all_seen(c) || o->to->disconnect_position == 0 || o->place->acknowledged == UINT64_MAX ||
        o->place->acknowledged < o->to->disconnect_position)
        return;
    c->others_disconnect_told = true;
    raise_finding(o, MQTT_RULE_AFTER_OTHERS_DISCONNECT, MQTT_FIELDS, o->to->disconnect.frame,
                  mqtt_milliseconds(since));
}

/* The side that has to close: the first that sent DISCONNECT; 2 if there is none. */
static unsigned who_disconnected(const struct mqtt_connection *c)
{
    unsigned who = 2;
    for (unsigned side = 0; side < 2; side++) {
        const struct mqtt_leg *disconnect = &c->sides[side].disconnect;
        const bool may = side == c->client || c->version == MQTT_VERSION_5_0;
        if (disconnect->frame != 0 && may &&
            (who == 2 || disconnect->frame < c->sides[who].disconnect.frame))
            who = side;
    }
    return who;
}

static void disconnect_finding(struct mqtt_connection *c, const struct mqtt_place *place,
                               struct mqtt_step *step)
{
    const unsigned who = who_disconnected(c);
    if (who == 2)
        return;
    const struct mqtt_side_state *state = &c->sides[who];
    const int64_t since = steady_elapsed(c->sessions, place->time, state->disconnect.time);
    if (since < MQTT_OPEN_GRACE)
        return;
    const bool error =
        c->version == MQTT_VERSION_5_0 && state->disconnect_reason >= MQTT_REASON_FAILURE;
    end_finding(c, step,
                error ? MQTT_RULE_NOT_CLOSED_AFTER_ERROR : MQTT_RULE_NOT_CLOSED_AFTER_DISCONNECT,
                (uint8_t)who, MQTT_DISCONNECT, &state->disconnect, state->disconnect.frame,
                mqtt_milliseconds(since));
}

/* ---- In silence ---- */

static void silence_finding(struct mqtt_connection *c, const struct mqtt_place *place,
                            enum mqtt_close how, struct mqtt_step *step)
{
    const uint8_t server = (uint8_t)(1 - c->client);
    const struct mqtt_side_state *client = &c->sides[c->client];
    const struct mqtt_leg *last = &c->sides[server].last;
    const bool by_client =
        (how == MQTT_CLOSE_FIN || how == MQTT_CLOSE_RST) && place->side == c->client;
    const bool open = c->start_seen && (how == MQTT_CLOSE_CAPTURE_END || by_client);
    /* One side's DISCONNECT ends all duties; what began to come is no silence. */
    if (client->disconnect.frame != 0 || c->sides[server].disconnect.frame != 0 ||
        place->began != 0)
        return;
    if (served_in_silence(c, place->time, open))
        end_finding(c, step, MQTT_RULE_KEEP_ALIVE_NOT_ENFORCED, server, 0, last,
                    mqtt_milliseconds(mqtt_elapsed(last->time, client->last.time)),
                    c->keep_alive.effective);
}

/* ---- All of it ---- */

static void check_watched(struct observation *o)
{
    if (o->connection->keep_alive.broken_by.frame != 0)
        check_kept(o);
    if (o->to->violation.frame != 0)
        check_receiver(o);
    if (o->to->fault_reason != 0 && o->packet->type == MQTT_DISCONNECT)
        check_reason(o);
    if (o->to->disconnect.frame != 0)
        check_others_disconnect(o);
}

void check_closing(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    if (c->watched)
        check_watched(o);
    if (o->sender == MQTT_SENDER_SERVER && o->step->has_handshake && c->claim != NULL &&
        c->claim->state == MQTT_CLAIM_TAKEN_OVER)
        check_takeover(o);
}

void closing_findings(struct mqtt_connection *c, const struct mqtt_place *place,
                      enum mqtt_close how, struct mqtt_step *step)
{
    silence_finding(c, place, how, step);
    if (how == MQTT_CLOSE_FIN)
        takeover_finding(c, place, step);
    if (how == MQTT_CLOSE_CAPTURE_END && all_seen(c))
        disconnect_finding(c, place, step);
}
