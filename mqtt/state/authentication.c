/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See authentication.h. */
#include "mqtt/state/authentication.h"

#include <string.h>

#include "mqtt/state/doubt.h"

static bool same(struct mqtt_slice a, struct mqtt_slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* ---- The method ---- */

/* While connecting (4.12.0-5), or while authenticating anew (4.12.1-1). */
static void other_method(struct observation *o, enum mqtt_field field)
{
    const struct mqtt_connection *c = o->connection;
    struct mqtt_finding *finding =
        raise_finding(o, MQTT_RULE_AUTH_METHOD_CHANGED, field, c->connect.frame, 0);
    if (finding != NULL)
        finding->awaits = c->connack.frame == 0 ? MQTT_CONNACK : MQTT_AUTH;
}

/* AUTH and CONNACK name the method of CONNECT (4.12.0-5 to 4.12.0-7). */
void check_method(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    const bool named = has_property(o, MQTT_PROPERTY_AUTHENTICATION_METHOD);
    const bool needed = o->packet->type == MQTT_CONNACK && o->packet->has_reason_code &&
                        o->packet->reason_code == 0 && o->packet->captured == o->packet->length &&
                        c->authentication_method.length != 0;
    if (c->connect.frame == 0 || c->strings_lost ||
        (o->packet->type != MQTT_AUTH && !named && !needed))
        return;
    if (c->authentication_method.length == 0)
        raise_finding(o, MQTT_RULE_AUTH_WITHOUT_METHOD, MQTT_FIELDS, c->connect.frame, 0);
    else if (needed && !named)
        other_method(o, MQTT_FIELDS);
    else if (named && !same(o->packet->properties.authentication_method, c->authentication_method))
        other_method(o, MQTT_FIELD_PROPERTY_AUTHENTICATION_METHOD);
}

/* ---- Whose turn it is ---- */

/* What comes next in the exchange (4.12): the server asks with 0x18 as often as it likes, the
 * client answers each with 0x18; the client alone begins anew, with 0x19, and the server ends that
 * with 0x00. False if nobody waits for this AUTH. */
static bool take_turn(struct mqtt_connection *c, bool by_client, uint8_t reason)
{
    const uint8_t turn = c->authentication;
    if (turn == MQTT_AUTHENTICATION_UNCLEAR)
        return true;
    if (by_client && reason == MQTT_REASON_RE_AUTHENTICATE) {
        c->authentication = turn == MQTT_AUTHENTICATION_NONE ? MQTT_AUTHENTICATION_SERVER
                                                             : MQTT_AUTHENTICATION_UNCLEAR;
        return true;
    }
    if (!by_client && turn == MQTT_AUTHENTICATION_CLIENT) { /* it does not wait for the answer */
        c->authentication = MQTT_AUTHENTICATION_UNCLEAR;
        return true;
    }
    if (turn != (by_client ? MQTT_AUTHENTICATION_CLIENT : MQTT_AUTHENTICATION_SERVER))
        return false;
    if (by_client)
        c->authentication = MQTT_AUTHENTICATION_SERVER;
    else
        c->authentication = reason == MQTT_REASON_CONTINUE_AUTHENTICATION
                                ? MQTT_AUTHENTICATION_CLIENT
                                : MQTT_AUTHENTICATION_NONE;
    return true;
}

static void check_turn(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    const uint8_t reason = o->packet->reason_code;
    /* An AUTH of the other side that could not be read may have been the one that it answers. */
    if (!o->packet->has_reason_code || o->sender == MQTT_SENDER_UNKNOWN || !connection_whole(c) ||
        c->authentication_method.length == 0 || o->to->last_error.frame != 0 ||
        o->from->last_error.frame != 0)
        return;
    if (!take_turn(c, o->sender == MQTT_SENDER_CLIENT, reason) &&
        (c->connack.frame != 0 || reason == MQTT_REASON_CONTINUE_AUTHENTICATION))
        raise_finding(o, MQTT_RULE_AUTH_UNASKED, MQTT_FIELD_AUTH_REASON, reason, 0);
}

void observe_auth(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    if (connection_whole(c) && c->connack.frame == 0 && o->packet->has_reason_code &&
        o->packet->reason_code != MQTT_REASON_CONTINUE_AUTHENTICATION)
        raise_finding(o, MQTT_RULE_AUTH_REASON_UNEXPECTED, MQTT_FIELD_AUTH_REASON,
                      o->packet->reason_code, 0);
    /* Re-authentication is the client's own idea; else AUTH answers CONNECT or AUTH (4.12). */
    const bool begins =
        o->packet->has_reason_code && o->packet->reason_code == MQTT_REASON_RE_AUTHENTICATE;
    const bool awaited = c->connack.frame == 0 || o->to->packets_by_type[MQTT_AUTH] != 0;
    if (!begins && awaited && c->connect.frame != 0)
        link_request(o, &o->to->last);
    check_turn(o);
}
