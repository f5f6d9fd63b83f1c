/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CONNECT, CONNACK, AUTH and DISCONNECT: who is there, what the two ends agree on, which session
 * goes on, and whether later packets keep to it (3.1, 3.2, 3.14, 3.15, 4.12).
 */
#include <stdlib.h>
#include <string.h>

#include "mqtt/inflight.h"
#include "mqtt/observe.h"

static bool has(const struct observation *o, enum mqtt_property property)
{
    return mqtt_has_property(&o->packet->properties, property);
}

/* Replaces an owned slice by a copy; leaves it empty without memory. */
static void keep(struct mqtt_slice *owned, struct mqtt_slice value)
{
    uint8_t *copy = value.length != 0 ? malloc(value.length) : NULL;
    if (copy != NULL)
        memcpy(copy, value.data, value.length);
    free((void *)(uintptr_t)owned->data);
    *owned = (struct mqtt_slice){copy, copy != NULL ? value.length : 0};
}

static bool same(struct mqtt_slice a, struct mqtt_slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* ---- Sessions ---- */

bool session_persists(const struct mqtt_connection *c)
{
    if (c->session == NULL || !c->accepted)
        return false;
    return c->version == MQTT_VERSION_5_0 ? c->session_expiry != 0 : !c->clean_start;
}

static bool is_publish(const struct mqtt_handshake *handshake)
{
    return handshake->kind == MQTT_HANDSHAKE_QOS_1 || handshake->kind == MQTT_HANDSHAKE_QOS_2;
}

static bool is_resumed(const struct mqtt_handshake *handshake)
{
    return handshake->resumed;
}

void leave_session(struct mqtt_connection *c, int64_t time)
{
    struct mqtt_session *session = c->session;
    if (session == NULL || session->connection != c)
        return;
    session->connection = NULL;
    session->offline_since = time;
    /* A refused CONNECT changes nothing; what it took over goes back. */
    if (c->accepted) {
        session->kept = session_persists(c);
        session->known = connection_known(c) && c->session_known;
        session->version = c->version;
        session->expiry = c->version == MQTT_VERSION_5_0 ? c->session_expiry : UINT32_MAX;
    }
    if (!c->accepted && c->clean_start)
        return;
    for (unsigned i = 0; i < 2; i++) {
        struct mqtt_inflight *live = &c->sides[i == 0 ? c->client : 1 - c->client].inflight;
        inflight_free(&session->inflight[i]);
        if (!c->accepted || session->kept) {
            inflight_filter(live, c->accepted ? is_publish : is_resumed);
            inflight_move(&session->inflight[i], live);
        }
    }
}

/* The client identifier is connected already (3.1.1: 3.1.4-2; 5.0: 3.1.4-3). */
static void take_over(struct observation *o, struct mqtt_session *session)
{
    struct mqtt_connection *old = session->connection;
    const struct mqtt_sessions *sessions = o->connection->sessions;
    const bool leaving = old->sides[0].disconnect.frame != 0 || old->sides[1].disconnect.frame != 0;
    const bool ended =
        leaving || old->refused ||
        (sessions->transport_ended != NULL && sessions->transport_ended(old, sessions->user));
    leave_session(old, o->place->time);
    if (ended)
        return;
    old->taken_over = true;
    session->taken_over++;
    raise_finding(o, MQTT_RULE_CLIENT_TAKEN_OVER, MQTT_FIELD_CLIENT_IDENTIFIER, old->first.frame,
                  0);
}

static void mark_resumed(struct mqtt_inflight *inflight)
{
    for (uint32_t i = 0; i < inflight->capacity; i++) {
        inflight->slots[i].resumed = true;
        inflight->slots[i].counted = false;
    }
}

/* Goes on with what the session holds; CONNACK may still say that the server has nothing. */
static void resume(struct mqtt_connection *c, struct mqtt_session *session)
{
    for (unsigned i = 0; i < 2; i++) {
        struct mqtt_inflight *live = &c->sides[i == 0 ? c->client : 1 - c->client].inflight;
        inflight_free(live);
        inflight_move(live, &session->inflight[i]);
        mark_resumed(live);
        for (uint32_t slot = 0; slot < live->capacity; slot++)
            live->slots[slot].side = i == 0 ? c->client : (uint8_t)(1 - c->client);
    }
}

static void enter_session(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    if (c->sessions == NULL || c->client_identifier.length == 0)
        return;
    struct mqtt_session *session =
        mqtt_sessions_get(c->sessions, c->server_key, c->client_identifier);
    if (session == NULL)
        return;
    if (session->connection != NULL && session->connection != c)
        take_over(o, session);
    c->session = session;
    session->connection = c;
    session->connections++;
    if (c->clean_start)
        return;
    c->session_known = session->connections > 1 && session->known;
    resume(c, session);
}

static bool is_new(const struct mqtt_handshake *handshake)
{
    return !handshake->resumed;
}

static void forget_resumed(struct mqtt_connection *c)
{
    inflight_filter(&c->sides[0].inflight, is_new);
    inflight_filter(&c->sides[1].inflight, is_new);
    if (c->session != NULL) {
        inflight_free(&c->session->inflight[0]);
        inflight_free(&c->session->inflight[1]);
    }
}

/* Whether the last connection's session should still be there: nanoseconds against seconds. */
static bool session_expired(const struct mqtt_session *session, int64_t now)
{
    return session->expiry != UINT32_MAX &&
           now - session->offline_since > (int64_t)session->expiry * 1000000000;
}

/* An expiry so close to the silence between the connections that the server's clock decides. */
static bool expiry_is_close(const struct mqtt_session *session, int64_t now)
{
    const int64_t left = (int64_t)session->expiry * 1000000000 - (now - session->offline_since);
    return session->expiry != UINT32_MAX && left > -2000000000 && left < 2000000000;
}

/* Session Present against what the last connection left behind (3.2.2-2, 3.2.2-3). Only an earlier
 * connection that the capture shows as a whole says what there should be. */
static void check_session_present(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    struct mqtt_session *session = c->session;
    const bool seen_before = session != NULL && session->connections > 1 && session->known;
    if (session != NULL && c->session_present)
        session->resumed++;
    if (!seen_before || c->clean_start || session->connect.frame == 0 ||
        expiry_is_close(session, o->place->time))
        return;
    const bool expected = session->kept && !session_expired(session, o->place->time);
    if (c->session_present && !expected)
        raise_finding(o, MQTT_RULE_SESSION_PRESENT_WITHOUT_STATE, MQTT_FIELD_SESSION_PRESENT,
                      session->connect.frame, 0);
    if (!c->session_present && expected)
        raise_finding(o, MQTT_RULE_SESSION_LOST, MQTT_FIELD_SESSION_PRESENT, session->connect.frame,
                      0);
}

/* ---- CONNECT ---- */

static void read_connect_properties(struct observation *o)
{
    const struct mqtt_properties *p = &o->packet->properties;
    struct mqtt_connection *c = o->connection;
    if (has(o, MQTT_PROPERTY_RECEIVE_MAXIMUM) && p->receive_maximum != 0)
        o->from->receive_maximum = p->receive_maximum;
    if (has(o, MQTT_PROPERTY_TOPIC_ALIAS_MAXIMUM))
        o->from->topic_alias_maximum = p->topic_alias_maximum;
    if (has(o, MQTT_PROPERTY_MAXIMUM_PACKET_SIZE))
        o->from->maximum_packet_size = p->maximum_packet_size;
    if (has(o, MQTT_PROPERTY_SESSION_EXPIRY_INTERVAL))
        c->session_expiry = p->session_expiry_interval;
    if (has(o, MQTT_PROPERTY_REQUEST_PROBLEM_INFORMATION))
        c->request_problem_information = p->request_problem_information != 0;
    if (has(o, MQTT_PROPERTY_REQUEST_RESPONSE_INFORMATION))
        c->request_response_information = p->request_response_information != 0;
    if (has(o, MQTT_PROPERTY_AUTHENTICATION_METHOD))
        keep(&c->authentication_method, p->authentication_method);
}

void observe_connect(struct observation *o)
{
    const struct mqtt_connect *connect = &o->packet->connect;
    struct mqtt_connection *c = o->connection;
    if (c->connect.frame != 0) {
        raise_finding(o, MQTT_RULE_SECOND_CONNECT, MQTT_FIELDS, c->connect.frame, 0);
        return;
    }
    c->connect = place_leg(o->place);
    if (o->packet->version == MQTT_VERSION_UNKNOWN)
        return; /* a level that nobody knows: the rest was not read */
    c->version = o->packet->version;
    c->version_inferred = false;
    o->version = (enum mqtt_version)c->version;
    o->step->version = c->version;
    c->bridge = connect->bridge;
    c->clean_start = connect->clean_start;
    c->session_known = connect->clean_start;
    c->has_will = connect->has_will;
    c->will_qos = connect->will_qos;
    c->will_retain = connect->will_retain;
    c->keep_alive.known = true;
    c->keep_alive.requested = connect->keep_alive;
    c->keep_alive.effective = connect->keep_alive;
    keep(&c->client_identifier, connect->client_identifier);
    if (is_5_0(o))
        read_connect_properties(o);
    enter_session(o);
}

/* ---- CONNACK ---- */

static void read_connack_properties(struct observation *o)
{
    const struct mqtt_properties *p = &o->packet->properties;
    struct mqtt_connection *c = o->connection;
    if (has(o, MQTT_PROPERTY_RECEIVE_MAXIMUM) && p->receive_maximum != 0)
        o->from->receive_maximum = p->receive_maximum;
    if (has(o, MQTT_PROPERTY_TOPIC_ALIAS_MAXIMUM))
        o->from->topic_alias_maximum = p->topic_alias_maximum;
    if (has(o, MQTT_PROPERTY_MAXIMUM_PACKET_SIZE))
        o->from->maximum_packet_size = p->maximum_packet_size;
    if (has(o, MQTT_PROPERTY_MAXIMUM_QOS))
        c->maximum_qos = p->maximum_qos;
    if (has(o, MQTT_PROPERTY_RETAIN_AVAILABLE))
        c->retain_available = p->retain_available != 0;
    if (has(o, MQTT_PROPERTY_WILDCARD_SUBSCRIPTION_AVAILABLE))
        c->wildcard_available = p->wildcard_subscription_available != 0;
    if (has(o, MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER_AVAILABLE))
        c->subscription_identifier_available = p->subscription_identifier_available != 0;
    if (has(o, MQTT_PROPERTY_SHARED_SUBSCRIPTION_AVAILABLE))
        c->shared_available = p->shared_subscription_available != 0;
    if (has(o, MQTT_PROPERTY_SESSION_EXPIRY_INTERVAL))
        c->session_expiry = p->session_expiry_interval;
    if (has(o, MQTT_PROPERTY_SERVER_KEEP_ALIVE))
        c->keep_alive.effective = p->server_keep_alive;
}

/* The client left its identifier to the server (3.1.3-6, 3.1.3-7, 3.2.2-16). */
static void assigned_identifier(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    if (c->connect.frame == 0 || c->client_identifier.length != 0)
        return;
    if (!has(o, MQTT_PROPERTY_ASSIGNED_CLIENT_IDENTIFIER)) {
        raise_finding(o, MQTT_RULE_CLIENT_IDENTIFIER_NOT_ASSIGNED, MQTT_FIELDS, c->connect.frame,
                      0);
        return;
    }
    keep(&c->client_identifier, o->packet->properties.assigned_client_identifier);
    c->client_identifier_assigned = true;
    enter_session(o);
}

/* What a 5.0 server may not accept, and what it may not send unasked. */
static void check_connack_promises(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    if (c->connect.frame == 0)
        return;
    if (c->has_will && c->will_qos != 3 && c->will_qos > c->maximum_qos)
        raise_finding(o, MQTT_RULE_WILL_QOS_UNSUPPORTED, MQTT_FIELD_PROPERTY_MAXIMUM_QOS,
                      c->will_qos, c->maximum_qos);
    if (c->has_will && c->will_retain && !c->retain_available)
        raise_finding(o, MQTT_RULE_WILL_RETAIN_UNSUPPORTED, MQTT_FIELD_PROPERTY_RETAIN_AVAILABLE,
                      c->connect.frame, 0);
}

static void accepted(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    c->accepted = true;
    if (is_5_0(o)) {
        read_connack_properties(o);
        check_connack_promises(o);
        assigned_identifier(o);
    }
    if (c->connect.frame == 0)
        return;
    if (c->session_present && c->clean_start)
        raise_finding(o, MQTT_RULE_SESSION_PRESENT_CLEAN, MQTT_FIELD_SESSION_PRESENT,
                      c->connect.frame, 0);
    /* 3.1 has no Session Present: what the server has can't be told. */
    if (o->version != MQTT_VERSION_3_1)
        check_session_present(o);
    const bool nothing_stored = o->version != MQTT_VERSION_3_1 && !c->session_present;
    if (c->clean_start || nothing_stored) {
        forget_resumed(c);
        c->session_known = true;
    }
    if (c->session != NULL)
        c->session->connect = c->connect;
}

void observe_connack(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    if (c->connack.frame != 0) {
        raise_finding(o, MQTT_RULE_SECOND_CONNACK, MQTT_FIELDS, c->connack.frame, 0);
        return;
    }
    if (!o->packet->has_reason_code)
        return;
    c->connack = place_leg(o->place);
    c->connack_reason = o->packet->reason_code;
    c->session_present = o->packet->connack.session_present;
    link_request(o, &c->connect);
    if (c->connect.frame != 0) {
        o->step->has_handshake = true;
        o->step->handshake = (struct mqtt_handshake){.kind = MQTT_HANDSHAKE_CONNECT,
                                                     .stage = 2,
                                                     .side = (uint8_t)(1 - o->place->side),
                                                     .reason_code = c->connack_reason,
                                                     .failed = c->connack_reason != 0,
                                                     .legs = {c->connect, c->connack}};
    }
    if (is_5_0(o) && has(o, MQTT_PROPERTY_RESPONSE_INFORMATION) && c->connect.frame != 0 &&
        !c->request_response_information)
        raise_finding(o, MQTT_RULE_RESPONSE_INFORMATION_UNASKED,
                      MQTT_FIELD_PROPERTY_RESPONSE_INFORMATION, c->connect.frame, 0);
    if (c->connack_reason == 0) {
        accepted(o);
        return;
    }
    c->refused = true;
    raise_finding(o, MQTT_RULE_CONNECT_REFUSED,
                  is_5_0(o) ? MQTT_FIELD_CONNACK_REASON : MQTT_FIELD_RETURN_CODE, c->connack_reason,
                  0);
}

/* ---- AUTH (5.0: 4.12) ---- */

/* AUTH and CONNACK name the method of CONNECT (4.12.0-5 to 4.12.0-7). */
static void check_method(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    const bool named = has(o, MQTT_PROPERTY_AUTHENTICATION_METHOD);
    if (c->connect.frame == 0 || (o->packet->type != MQTT_AUTH && !named))
        return;
    if (c->authentication_method.length == 0)
        raise_finding(o, MQTT_RULE_AUTH_WITHOUT_METHOD, MQTT_FIELDS, c->connect.frame, 0);
    else if (named && !same(o->packet->properties.authentication_method, c->authentication_method))
        raise_finding(o, MQTT_RULE_AUTH_METHOD_CHANGED, MQTT_FIELD_PROPERTY_AUTHENTICATION_METHOD,
                      c->connect.frame, 0);
}

void observe_auth(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    if (c->connect.frame != 0 && c->connack.frame == 0 && o->packet->has_reason_code &&
        o->packet->reason_code != 0x18)
        raise_finding(o, MQTT_RULE_AUTH_REASON_UNEXPECTED, MQTT_FIELD_AUTH_REASON,
                      o->packet->reason_code, 0);
    if (o->to->last.frame != 0 && c->connect.frame != 0)
        link_request(o, &o->to->last);
}

/* ---- DISCONNECT ---- */

static int64_t client_silence(const struct observation *o)
{
    const struct mqtt_leg *last = &o->connection->sides[o->connection->client].last;
    return last->frame != 0 ? o->place->time - last->time : 0;
}

static void server_disconnect(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    if (!is_5_0(o)) {
        if (o->version != MQTT_VERSION_UNKNOWN)
            raise_finding(o, MQTT_RULE_SERVER_DISCONNECT_BEFORE_5_0, MQTT_FIELDS, MQTT_DISCONNECT,
                          0);
        return;
    }
    if (c->connect.frame != 0 && connection_known(c) && !c->accepted)
        raise_finding(o, MQTT_RULE_SERVER_DISCONNECT_BEFORE_CONNACK, MQTT_FIELD_DISCONNECT_REASON,
                      o->packet->reason_code, 0);
    if (o->packet->reason_code == 0x8D) {
        const int64_t silence = client_silence(o);
        raise_finding(o, MQTT_RULE_KEEP_ALIVE_TIMEOUT, MQTT_FIELD_DISCONNECT_REASON,
                      silence > 0 ? (uint64_t)silence / 1000000 : 0, c->keep_alive.effective);
    }
}

static void client_disconnect(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    if (!is_5_0(o) || !has(o, MQTT_PROPERTY_SESSION_EXPIRY_INTERVAL))
        return;
    const uint32_t expiry = o->packet->properties.session_expiry_interval;
    if (c->connect.frame != 0 && c->session_expiry == 0 && expiry != 0)
        raise_finding(o, MQTT_RULE_DISCONNECT_EXPIRY_RAISED,
                      MQTT_FIELD_PROPERTY_SESSION_EXPIRY_INTERVAL, expiry, 0);
    else
        c->session_expiry = expiry;
}

void observe_disconnect(struct observation *o)
{
    if (o->sender == MQTT_SENDER_SERVER)
        server_disconnect(o);
    else if (o->sender == MQTT_SENDER_CLIENT)
        client_disconnect(o);
    if (o->from->disconnect.frame == 0) {
        o->from->disconnect = place_leg(o->place);
        o->from->disconnect_reason = o->packet->has_reason_code ? o->packet->reason_code : 0;
    }
    /* 0x8D and 0x8E have rules of their own. */
    const uint8_t reason = o->packet->has_reason_code ? o->packet->reason_code : 0;
    if (reason >= 0x80 && reason != 0x8D && reason != 0x8E)
        raise_finding(o, MQTT_RULE_DISCONNECTED_WITH_ERROR, MQTT_FIELD_DISCONNECT_REASON, reason,
                      0);
}

/* ---- What every packet has to keep to ---- */

static void check_publish_limits(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    const struct mqtt_publish *publish = &o->packet->publish;
    const bool from_client = o->sender == MQTT_SENDER_CLIENT;
    if (from_client && c->accepted && publish->qos != 3 && publish->qos > c->maximum_qos)
        raise_finding(o, MQTT_RULE_MAXIMUM_QOS_EXCEEDED, MQTT_FIELD_QOS, publish->qos,
                      c->maximum_qos);
    if (from_client && c->accepted && publish->retain && !c->retain_available)
        raise_finding(o, MQTT_RULE_RETAIN_NOT_AVAILABLE, MQTT_FIELD_RETAIN, c->connack.frame, 0);
    const bool maximum_known = from_client ? c->accepted : c->connect.frame != 0;
    if (!has(o, MQTT_PROPERTY_TOPIC_ALIAS) || !maximum_known)
        return;
    const uint16_t alias = o->packet->properties.topic_alias;
    const uint16_t maximum = o->to->topic_alias_maximum;
    if (alias > maximum)
        raise_finding(o,
                      maximum == 0 ? MQTT_RULE_TOPIC_ALIAS_NOT_PERMITTED
                                   : MQTT_RULE_TOPIC_ALIAS_ABOVE_MAXIMUM,
                      MQTT_FIELD_PROPERTY_TOPIC_ALIAS, alias, maximum);
}

/* 3.1.2-29 */
static void check_problem_information(struct observation *o)
{
    const uint8_t type = o->packet->type;
    const bool explains =
        has(o, MQTT_PROPERTY_REASON_STRING) || has(o, MQTT_PROPERTY_USER_PROPERTY);
    if (o->connection->request_problem_information || !explains ||
        o->sender != MQTT_SENDER_SERVER || type == MQTT_CONNACK || type == MQTT_PUBLISH ||
        type == MQTT_DISCONNECT)
        return;
    raise_finding(o, MQTT_RULE_PROBLEM_INFORMATION_UNWANTED, MQTT_FIELD_PROPERTIES,
                  o->connection->connect.frame, 0);
}

void check_limits(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    const uint8_t type = o->packet->type;
    if (!is_5_0(o) || o->sender == MQTT_SENDER_UNKNOWN)
        return;
    const uint32_t maximum = o->to->maximum_packet_size;
    if (maximum != 0 && o->packet->length > maximum)
        raise_finding(o, MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED, MQTT_FIELD_REMAINING_LENGTH,
                      o->packet->length, maximum);
    check_problem_information(o);
    if (type == MQTT_PUBLISH)
        check_publish_limits(o);
    if (type == MQTT_AUTH || type == MQTT_CONNACK)
        check_method(o);
    if (c->authentication_method.length != 0 && c->connack.frame == 0 &&
        o->sender == MQTT_SENDER_CLIENT && type != MQTT_AUTH && type != MQTT_DISCONNECT &&
        type != MQTT_CONNECT)
        raise_finding(o, MQTT_RULE_PACKET_DURING_AUTH, MQTT_FIELDS, type, 0);
}
