/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CONNECT, CONNACK and DISCONNECT: who is there, what the two ends agree on, which session
 * goes on, and whether later packets keep to it (3.1, 3.2, 3.14, 3.15, 4.12).
 */
#include "mqtt/state/agreement.h"

#include <string.h>

#include "mqtt/state/authentication.h"
#include "mqtt/state/claim.h"
#include "mqtt/state/doubt.h"
#include "mqtt/state/jump.h"
#include "mqtt/state/requests.h"
#include "mqtt/state/resume.h"
#include "mqtt/state/silence.h"
#include "mqtt/wire/hash.h"

/* Replaces an owned slice by a copy; without memory it is empty, and that is remembered. */
static void keep(struct mqtt_connection *c, struct mqtt_slice *owned, struct mqtt_slice value)
{
    uint8_t *copy = NULL;
    if (value.length != 0)
        copy = mqtt_memory_resize(c->memory, MQTT_MEMORY_CONNECTIONS, NULL, 0, value.length);
    if (copy != NULL)
        memcpy(copy, value.data, value.length);
    else if (value.length != 0)
        c->strings_lost = true;
    mqtt_memory_free(c->memory, (void *)(uintptr_t)owned->data, owned->length);
    *owned = (struct mqtt_slice){copy, copy != NULL ? value.length : 0};
}

/* ---- CONNECT ---- */

/* What the sender of CONNECT or CONNACK takes as a receiver. */
static void read_receiver_limits(struct observation *o)
{
    const struct mqtt_properties *p = &o->packet->properties;
    if (has_property(o, MQTT_PROPERTY_RECEIVE_MAXIMUM) && p->receive_maximum != 0)
        o->from->receive_maximum = p->receive_maximum;
    if (has_property(o, MQTT_PROPERTY_TOPIC_ALIAS_MAXIMUM))
        o->from->topic_alias_maximum = p->topic_alias_maximum;
    if (has_property(o, MQTT_PROPERTY_MAXIMUM_PACKET_SIZE))
        o->from->maximum_packet_size = p->maximum_packet_size;
}

static void read_connect_properties(struct observation *o)
{
    const struct mqtt_properties *p = &o->packet->properties;
    struct mqtt_connection *c = o->connection;
    read_receiver_limits(o);
    if (has_property(o, MQTT_PROPERTY_SESSION_EXPIRY_INTERVAL))
        c->session_expiry = c->requested_expiry = p->session_expiry_interval;
    if (has_property(o, MQTT_PROPERTY_REQUEST_PROBLEM_INFORMATION))
        c->request_problem_information = p->request_problem_information != 0;
    if (has_property(o, MQTT_PROPERTY_REQUEST_RESPONSE_INFORMATION))
        c->request_response_information = p->request_response_information != 0;
    if (has_property(o, MQTT_PROPERTY_AUTHENTICATION_METHOD))
        keep(c, &c->authentication_method, p->authentication_method);
    if (c->authentication_method.length != 0)
        c->authentication = MQTT_AUTHENTICATION_SERVER;
}

void observe_connect(struct observation *o)
{
    const struct mqtt_connect *connect = &o->packet->connect;
    struct mqtt_connection *c = o->connection;
    if (c->connect.frame != 0) {
        raise_finding(o, MQTT_RULE_SECOND_CONNECT, MQTT_FIELDS, c->connect.frame, 0);
        return;
    }
    /* Cut before the end of the client identifier, it tells neither who connects nor what was
     * agreed: no more than if it were not in the capture. */
    c->connect_cut = o->packet->captured != o->packet->length;
    const bool cut = c->connect_cut && connect->client_identifier.data == NULL;
    if (cut)
        note_stranger(c);
    else
        c->connect = place_leg(o->place);
    if (o->packet->version == MQTT_VERSION_UNKNOWN)
        return; /* a level that nobody knows: the rest was not read */
    c->version = o->packet->version;
    c->version_inferred = false;
    o->version = (enum mqtt_version)c->version;
    o->step->version = c->version;
    if (cut)
        return;
    c->bridge = connect->bridge;
    c->clean_start = connect->clean_start;
    c->session_settled = connect->clean_start;
    c->has_will = connect->has_will;
    c->will_qos = connect->will_qos;
    c->will_retain = connect->will_retain;
    c->keep_alive.known = true;
    c->keep_alive.requested = connect->keep_alive;
    c->keep_alive.effective = connect->keep_alive;
    if (connect->has_user_name)
        c->user_name = mqtt_keyed_hash(1, connect->user_name.data, connect->user_name.length) | 1;
    keep(c, &c->client_identifier, connect->client_identifier);
    if (is_5_0(o))
        read_connect_properties(o);
    name_session(o);
}

/* ---- CONNACK ---- */

static void read_connack_properties(struct observation *o)
{
    const struct mqtt_properties *p = &o->packet->properties;
    struct mqtt_connection *c = o->connection;
    read_receiver_limits(o);
    /* Cut before it, the one limit that is strict until it is said is not known. */
    if (!has_property(o, MQTT_PROPERTY_TOPIC_ALIAS_MAXIMUM) &&
        o->packet->captured != o->packet->length)
        o->from->topic_alias_maximum = UINT16_MAX;
    if (has_property(o, MQTT_PROPERTY_MAXIMUM_QOS))
        c->maximum_qos = p->maximum_qos;
    if (has_property(o, MQTT_PROPERTY_RETAIN_AVAILABLE))
        c->retain_available = p->retain_available != 0;
    if (has_property(o, MQTT_PROPERTY_WILDCARD_SUBSCRIPTION_AVAILABLE))
        c->wildcard_available = p->wildcard_subscription_available != 0;
    if (has_property(o, MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER_AVAILABLE))
        c->subscription_identifier_available = p->subscription_identifier_available != 0;
    if (has_property(o, MQTT_PROPERTY_SHARED_SUBSCRIPTION_AVAILABLE))
        c->shared_available = p->shared_subscription_available != 0;
    if (has_property(o, MQTT_PROPERTY_SESSION_EXPIRY_INTERVAL))
        c->session_expiry = p->session_expiry_interval;
    if (has_property(o, MQTT_PROPERTY_SERVER_KEEP_ALIVE))
        c->keep_alive.effective = p->server_keep_alive;
    const bool cut = o->packet->captured != o->packet->length;
    c->keep_alive.in_doubt = cut && !has_property(o, MQTT_PROPERTY_SERVER_KEEP_ALIVE);
    c->expiry_in_doubt = cut && !has_property(o, MQTT_PROPERTY_SESSION_EXPIRY_INTERVAL);
}

/* The client left its identifier to the server (3.1.3-6, 3.1.3-7, 3.2.2-16). */
static void assigned_identifier(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    /* Of a CONNECT with a level that nobody knows, nothing was read. */
    if (!c->keep_alive.known || c->client_identifier.length != 0 || c->strings_lost)
        return;
    if (!has_property(o, MQTT_PROPERTY_ASSIGNED_CLIENT_IDENTIFIER)) {
        if (o->packet->captured == o->packet->length)
            raise_finding(o, MQTT_RULE_CLIENT_IDENTIFIER_NOT_ASSIGNED, MQTT_FIELDS,
                          c->connect.frame, 0);
        return;
    }
    keep(c, &c->client_identifier, o->packet->properties.assigned_client_identifier);
    c->client_identifier_assigned = true;
    name_session(o);
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
    } else if (o->version == MQTT_VERSION_UNKNOWN) {
        o->from->topic_alias_maximum = UINT16_MAX; /* it may turn out to be 5.0: not read, then */
    }
    if (c->connect.frame == 0)
        return;
    if (c->session_present && c->clean_start) {
        raise_finding(o, MQTT_RULE_SESSION_PRESENT_CLEAN, MQTT_FIELD_SESSION_PRESENT,
                      c->connect.frame, 0);
        c->stateless = is_5_0(o);
    }
    enter_session(o);
}

/* What every server has to allow: 1 to 23 digits and letters (3.1.3-5). */
static bool is_plain(struct mqtt_slice identifier)
{
    for (uint32_t i = 0; i < identifier.length; i++) {
        const uint8_t c = identifier.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return false;
    }
    return identifier.length != 0 && identifier.length <= 23;
}

static void check_refused_identifier(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    const uint8_t code = is_5_0(o) ? (uint8_t)MQTT_REASON_CLIENT_IDENTIFIER_NOT_VALID
                                   : (uint8_t)MQTT_RETURN_IDENTIFIER_REJECTED;
    if (o->version != MQTT_VERSION_3_1 && c->connack_reason == code && connection_whole(c) &&
        !c->connect_cut && o->to->last_error.frame == 0 && is_plain(c->client_identifier))
        raise_finding(o, MQTT_RULE_CLIENT_IDENTIFIER_REFUSED,
                      is_5_0(o) ? MQTT_FIELD_CONNACK_REASON : MQTT_FIELD_RETURN_CODE,
                      c->client_identifier.length, code);
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
    c->connack_position = o->place->position;
    c->authentication = c->authentication == MQTT_AUTHENTICATION_CLIENT
                            ? MQTT_AUTHENTICATION_UNCLEAR
                            : MQTT_AUTHENTICATION_NONE;
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
    if (is_5_0(o) && has_property(o, MQTT_PROPERTY_RESPONSE_INFORMATION) && c->connect.frame != 0 &&
        !c->request_response_information)
        raise_finding(o, MQTT_RULE_RESPONSE_INFORMATION_UNASKED,
                      MQTT_FIELD_PROPERTY_RESPONSE_INFORMATION, c->connect.frame, 0);
    if (c->connack_reason == 0) {
        accepted(o);
        return;
    }
    c->refused = true;
    session_refused(c);
    check_refused_identifier(o);
    raise_finding(o, MQTT_RULE_CONNECT_REFUSED,
                  is_5_0(o) ? MQTT_FIELD_CONNACK_REASON : MQTT_FIELD_RETURN_CODE, c->connack_reason,
                  0);
}

/* ---- DISCONNECT ---- */

static int64_t client_silence(const struct observation *o)
{
    const struct mqtt_leg *last = &o->connection->sides[o->connection->client].last;
    return last->frame != 0 ? mqtt_elapsed(o->place->time, last->time) : 0;
}

/* The capture's clock jumped since the client's last packet: by the server's it may have been
 * silent or not. */
static bool jumped_since(const struct observation *o)
{
    const struct mqtt_leg *last = &o->connection->sides[o->connection->client].last;
    return steady_elapsed(o->connection->sessions, o->place->time, last->time) !=
           mqtt_elapsed(o->place->time, last->time);
}

/* The server says that the client was silent for too long: was it? Nothing is said where the
 * client's last packet is not known, or the keep alive. */
static void check_timeout(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    int64_t silence = client_silence(o);
    /* It may have been under way when the client broke its silence. */
    if (silence <= ANSWER_TIME && c->keep_alive.last_silence > silence)
        silence = c->keep_alive.last_silence;
    if (!c->keep_alive.known || c->keep_alive.in_doubt || c->sides[c->client].last.frame == 0 ||
        jumped_since(o))
        return;
    const bool true_enough = silent_beyond(c, silence, 2);
    raise_finding(
        o, true_enough ? MQTT_RULE_KEEP_ALIVE_TIMEOUT : MQTT_RULE_KEEP_ALIVE_TIMEOUT_EARLY,
        MQTT_FIELD_DISCONNECT_REASON, mqtt_milliseconds(silence), c->keep_alive.effective);
    if (true_enough)
        check_server_keep_alive(o, silence);
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
    if (c->connect.frame != 0 && connection_whole(c) && !c->accepted)
        raise_finding(o, MQTT_RULE_SERVER_DISCONNECT_BEFORE_CONNACK, MQTT_FIELD_DISCONNECT_REASON,
                      o->packet->reason_code, 0);
    if (o->packet->reason_code == MQTT_REASON_KEEP_ALIVE_TIMEOUT)
        check_timeout(o);
    if (o->packet->reason_code == MQTT_REASON_QOS_NOT_SUPPORTED)
        observe_qos_refusal(o);
}

static void client_disconnect(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    if (!is_5_0(o) || !has_property(o, MQTT_PROPERTY_SESSION_EXPIRY_INTERVAL))
        return;
    const uint32_t expiry = o->packet->properties.session_expiry_interval;
    if (c->connect.frame != 0 && c->requested_expiry == 0 && expiry != 0)
        raise_finding(o, MQTT_RULE_DISCONNECT_EXPIRY_RAISED,
                      MQTT_FIELD_PROPERTY_SESSION_EXPIRY_INTERVAL, expiry, 0);
    else
        c->session_expiry = expiry;
}

/* Topic Alias invalid, although all of them were as the sender of this had allowed (3.3.2-10,
 * 3.3.2-12). What the other side sent before it could know the maximum is not counted on. */
static void check_alias_refused(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    const struct mqtt_side_state *other = o->to;
    if (!is_5_0(o) || !connection_whole(c) || !c->accepted || c->pipelines ||
        other->last_error.frame != 0 || other->alias_count == 0 || other->alias_refused)
        return;
    const uint16_t highest = other->aliases[other->alias_count - 1].alias;
    if (highest <= o->from->topic_alias_maximum)
        raise_finding(o, MQTT_RULE_TOPIC_ALIAS_REFUSED, MQTT_FIELD_DISCONNECT_REASON, highest,
                      o->from->topic_alias_maximum);
}

void observe_disconnect(struct observation *o)
{
    if (o->sender == MQTT_SENDER_SERVER)
        server_disconnect(o);
    else if (o->sender == MQTT_SENDER_CLIENT)
        client_disconnect(o);
    if (o->from->disconnect.frame == 0) {
        o->from->disconnect = place_leg(o->place);
        o->connection->watched = true;
        o->from->disconnect_position = o->place->position;
        o->from->disconnect_reason = reason_of(o->packet);
    }
    const uint8_t reason = reason_of(o->packet);
    if (reason == MQTT_REASON_TOPIC_ALIAS_INVALID)
        check_alias_refused(o);
    if (reason >= MQTT_REASON_FAILURE && reason != MQTT_REASON_KEEP_ALIVE_TIMEOUT &&
        reason != MQTT_REASON_SESSION_TAKEN_OVER) /* these have rules of their own */
        raise_finding(o, MQTT_RULE_DISCONNECTED_WITH_ERROR, MQTT_FIELD_DISCONNECT_REASON, reason,
                      0);
}

/* ---- What every packet has to keep to ---- */

static void check_publish_limits(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    const struct mqtt_publish *publish = &o->packet->publish;
    const bool from_client = o->sender == MQTT_SENDER_CLIENT;
    if (from_client && knows_connack(o) && publish->qos != 3 && publish->qos > c->maximum_qos)
        raise_finding(o, MQTT_RULE_MAXIMUM_QOS_EXCEEDED, MQTT_FIELD_QOS, publish->qos,
                      c->maximum_qos);
    if (from_client && knows_connack(o) && publish->retain && !c->retain_available)
        raise_finding(o, MQTT_RULE_RETAIN_NOT_AVAILABLE, MQTT_FIELD_RETAIN, c->connack.frame, 0);
    const bool maximum_known = from_client ? knows_connack(o) : c->connect.frame != 0;
    if (!has_property(o, MQTT_PROPERTY_TOPIC_ALIAS) || !maximum_known)
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
    const bool explains = has_property(o, MQTT_PROPERTY_REASON_STRING) ||
                          has_property(o, MQTT_PROPERTY_USER_PROPERTY);
    if (o->connection->request_problem_information || !explains ||
        o->sender != MQTT_SENDER_SERVER || type == MQTT_CONNACK || type == MQTT_PUBLISH ||
        type == MQTT_DISCONNECT)
        return;
    raise_finding(o, MQTT_RULE_PROBLEM_INFORMATION_UNWANTED, MQTT_FIELD_PROPERTIES,
                  o->connection->connect.frame, 0);
}

/* Bytes of the packet's reason string, of its user properties. */
static uint32_t size_of_property(const struct mqtt_packet *packet, enum mqtt_property property)
{
    struct mqtt_slice block = packet->properties.block;
    struct mqtt_property_value value;
    uint32_t size = 0;
    for (uint32_t left = block.length; mqtt_property_next(&block, &value); left = block.length)
        size += value.property == property ? left - block.length : 0;
    return size;
}

/* What makes the packet too large: a property that its sender has to leave out then (3.2.2-19,
 * 3.2.2-20, 3.4.2-2, ...), both of these, or neither. */
static enum mqtt_field oversize_field(const struct observation *o, uint32_t maximum)
{
    const struct mqtt_packet *packet = o->packet;
    const bool listed = packet->type != MQTT_CONNECT && packet->type != MQTT_PUBLISH &&
                        packet->captured == packet->length;
    const uint32_t reason = listed ? size_of_property(packet, MQTT_PROPERTY_REASON_STRING) : 0;
    const uint32_t user = listed ? size_of_property(packet, MQTT_PROPERTY_USER_PROPERTY) : 0;
    const uint32_t bare = packet->length - reason - user;
    if (bare > maximum)
        return MQTT_FIELD_REMAINING_LENGTH;
    /* With the other one, or by itself. */
    const bool by_reason = packet->length - reason <= maximum || bare + reason > maximum;
    const bool by_user = packet->length - user <= maximum || bare + user > maximum;
    if (by_reason && by_user)
        return MQTT_FIELD_PROPERTIES;
    return by_reason ? MQTT_FIELD_PROPERTY_REASON_STRING : MQTT_FIELD_PROPERTY_USER_PROPERTY;
}

void check_limits(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    const uint8_t type = o->packet->type;
    if (!is_5_0(o) || o->sender == MQTT_SENDER_UNKNOWN)
        return;
    const uint32_t maximum = o->to->maximum_packet_size;
    const bool known = o->sender == MQTT_SENDER_SERVER || knows_connack(o);
    if (known && maximum != 0 && o->packet->length > maximum)
        raise_finding(o, MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED, oversize_field(o, maximum),
                      o->packet->length, maximum);
    check_problem_information(o);
    if (type == MQTT_PUBLISH)
        check_publish_limits(o);
    if (type == MQTT_AUTH || type == MQTT_CONNACK)
        check_method(o);
    if (c->authentication_method.length != 0 && c->connack.frame == 0 && connection_whole(c) &&
        o->sender == MQTT_SENDER_CLIENT && type != MQTT_AUTH && type != MQTT_DISCONNECT &&
        type != MQTT_CONNECT)
        raise_finding(o, MQTT_RULE_PACKET_DURING_AUTH, MQTT_FIELDS, type, 0);
}
