/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of the client and their answers: SUBSCRIBE, UNSUBSCRIBE, PINGREQ (3.8 to 3.13). */
#include "mqtt/state/requests.h"

#include <string.h>

#include "mqtt/state/doubt.h"
#include "mqtt/state/exchange.h"
#include "mqtt/state/inflight.h"
#include "mqtt/wire/decode.h"
#include "mqtt/wire/topic.h"

/* ---- SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK ---- */

/* What the server said it can't do (5.0: 3.2.2.3.11 to 3.2.2.3.13). */
static void check_available(struct observation *o, struct mqtt_slice filter)
{
    struct mqtt_connection *c = o->connection;
    const bool shared = mqtt_filter_is_shared(filter);
    c->shares |= shared; /* some servers share before 5.0, too */
    if (!is_5_0(o) || !knows_connack(o))
        return;
    if (shared && !c->shared_available)
        raise_finding(o, MQTT_RULE_SHARED_NOT_AVAILABLE, MQTT_FIELD_TOPIC_FILTER, c->connack.frame,
                      0);
    if (mqtt_topic_wildcard(filter) != filter.length && !c->wildcard_available)
        raise_finding(o, MQTT_RULE_WILDCARD_NOT_AVAILABLE, MQTT_FIELD_TOPIC_FILTER,
                      c->connack.frame, 0);
}

static void check_all_available(struct observation *o)
{
    struct mqtt_slice list = o->packet->subscribe.list;
    struct mqtt_filter filter;
    while (mqtt_filter_next(&list, MQTT_SUBSCRIBE, &filter))
        check_available(o, filter.filter);
}

/* Keeps the topic filters until the answer comes: a code for each. Without memory they are not
 * known, as if the capture lacked them. */
static void keep_filters(struct observation *o, struct mqtt_handshake *handshake,
                         const struct mqtt_filters *filters)
{
    const struct mqtt_slice list = filters->list;
    handshake->filters = MQTT_FILTERS_UNKNOWN;
    if (o->packet->captured != o->packet->length)
        return;
    handshake->filters = filters->count;
    if (list.length == 0)
        return;
    uint8_t *copy =
        mqtt_memory_resize(o->connection->memory, MQTT_MEMORY_SUBSCRIBE, NULL, 0, list.length);
    if (copy == NULL)
        return;
    memcpy(copy, list.data, list.length);
    handshake->list = (struct mqtt_slice){copy, list.length};
}

void observe_subscribe(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    if (!o->packet->has_packet_identifier)
        return;
    if (is_5_0(o) && knows_connack(o) && !c->subscription_identifier_available &&
        mqtt_has_property(&o->packet->properties, MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER))
        raise_finding(o, MQTT_RULE_SUBSCRIPTION_IDENTIFIER_NOT_AVAILABLE,
                      MQTT_FIELD_PROPERTY_SUBSCRIPTION_IDENTIFIER, c->connack.frame, 0);
    check_identifier_free(o);
    if (o->packet->captured == o->packet->length)
        check_all_available(o);
    else
        o->connection->shares = true;
    struct mqtt_handshake *handshake = begin_handshake(o, MQTT_HANDSHAKE_SUBSCRIBE);
    if (handshake != NULL)
        keep_filters(o, handshake, &o->packet->subscribe);
}

void observe_unsubscribe(struct observation *o)
{
    if (!o->packet->has_packet_identifier)
        return;
    check_identifier_free(o);
    struct mqtt_handshake *handshake = begin_handshake(o, MQTT_HANDSHAKE_UNSUBSCRIBE);
    if (handshake != NULL)
        keep_filters(o, handshake, &o->packet->unsubscribe);
}

/* A Maximum QoS is none for SUBSCRIBE (5.0: 3.2.2-10). */
static void check_qos_refused(struct observation *o, unsigned qos)
{
    const struct mqtt_connection *c = o->connection;
    if (is_5_0(o) && qos != 3 && c->accepted && qos > c->maximum_qos)
        raise_finding(o, MQTT_RULE_SUBSCRIBE_QOS_REFUSED, MQTT_FIELDS, qos, c->maximum_qos);
}

/* The highest QoS that a SUBSCRIBE asks for; 0 if its topic filters are not known. */
static unsigned highest_qos(const struct mqtt_handshake *handshake)
{
    struct mqtt_slice list = handshake->list;
    struct mqtt_filter filter;
    unsigned highest = 0;
    while (mqtt_filter_next(&list, MQTT_SUBSCRIBE, &filter)) {
        const unsigned qos = filter.options & 3;
        if (qos != 3 && qos > highest)
            highest = qos;
    }
    return highest;
}

void observe_qos_refusal(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    const struct mqtt_handshake *handshake;
    unsigned highest = 0;
    uint32_t cursor = 0;
    if (!connection_whole(c) || o->to->packets_by_type[MQTT_PUBLISH] != 0)
        return;
    while ((handshake = mqtt_inflight_next(&o->to->inflight, &cursor)) != NULL)
        if (handshake->kind == MQTT_HANDSHAKE_SUBSCRIBE && highest_qos(handshake) > highest)
            highest = highest_qos(handshake);
    check_qos_refused(o, highest);
}

/* `known`: this is surely the request that the codes are about. */
static void check_granted(struct observation *o, const struct mqtt_handshake *handshake, bool known)
{
    const struct mqtt_slice codes = o->packet->suback.codes;
    const enum mqtt_field field = is_5_0(o) ? MQTT_FIELD_SUBACK_REASON : MQTT_FIELD_GRANTED_QOS;
    struct mqtt_slice list = handshake->list;
    for (uint32_t i = 0; i < codes.length; i++) {
        const uint8_t code = codes.data[i];
        struct mqtt_filter filter;
        const bool asked = mqtt_filter_next(&list, MQTT_SUBSCRIBE, &filter);
        if (code >= MQTT_REASON_FAILURE)
            raise_finding(o, MQTT_RULE_SUBSCRIBE_REFUSED, field, code, i + 1);
        if (code == MQTT_REASON_QOS_NOT_SUPPORTED && known && asked)
            check_qos_refused(o, filter.options & 3);
        else if (known && asked && code <= MQTT_REASON_GRANTED_QOS_2 && code > (filter.options & 3))
            raise_finding(o, MQTT_RULE_SUBACK_ABOVE_REQUESTED, field, code, filter.options & 3);
    }
}

/* The request that this answers; NULL, and a finding where the capture shows all. */
static struct mqtt_handshake *answered(struct observation *o, enum mqtt_handshake_kind kind,
                                       enum mqtt_rule unknown)
{
    struct mqtt_handshake *handshake =
        inflight_find(&o->to->inflight, o->packet->packet_identifier);
    if (handshake != NULL && handshake->kind == kind)
        return handshake;
    const unsigned beginner = 1u - o->place->side;
    if (!pays(o) && identifier_known(o->connection, beginner, o->packet->packet_identifier, kind))
        identifier_finding(o, unknown, 0);
    return NULL;
}

/* Whether so many codes are not one a topic filter, as far as both packets were captured. */
static bool miscounted(const struct observation *o, const struct mqtt_handshake *handshake,
                       uint32_t codes)
{
    return handshake->filters != MQTT_FILTERS_UNKNOWN && codes != handshake->filters &&
           o->packet->captured == o->packet->length;
}

void observe_suback(struct observation *o)
{
    struct mqtt_handshake *handshake =
        answered(o, MQTT_HANDSHAKE_SUBSCRIBE, MQTT_RULE_SUBACK_UNKNOWN);
    if (handshake == NULL)
        return;
    const uint32_t codes = o->packet->suback.codes.length;
    const bool known = handshake_known(o->connection, handshake);
    link_request(o, &handshake->legs[0]);
    if (known && miscounted(o, handshake, codes))
        raise_finding(o, MQTT_RULE_SUBACK_COUNT, MQTT_FIELDS, codes, handshake->filters);
    check_granted(o, handshake, known);
    finish_handshake(o, o->to, handshake, 1);
}

void observe_unsuback(struct observation *o)
{
    struct mqtt_handshake *handshake =
        answered(o, MQTT_HANDSHAKE_UNSUBSCRIBE, MQTT_RULE_UNSUBACK_UNKNOWN);
    if (handshake == NULL)
        return;
    const uint32_t codes = o->packet->unsuback.codes.length;
    link_request(o, &handshake->legs[0]);
    if (is_5_0(o) && handshake_known(o->connection, handshake) && miscounted(o, handshake, codes))
        raise_finding(o, MQTT_RULE_UNSUBACK_COUNT, MQTT_FIELDS, codes, handshake->filters);
    finish_handshake(o, o->to, handshake, 1);
}

/* ---- PINGREQ, PINGRESP: they have no identifier; answers come in the order of the requests ----
 */

void observe_pingreq(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    c->ping.sent++;
    if (c->ping.waiting_count == MQTT_PINGS_MAX) {
        c->ping.waiting_dropped++;
        return;
    }
    c->ping.waiting[c->ping.waiting_count++] = (struct mqtt_ping){c->clock, place_leg(o->place)};
}

/* Nothing that is remembered awaits it. */
static void lone_pingresp(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    if (c->ping.waiting_dropped != 0) {
        c->ping.waiting_dropped--;
        c->ping.answered++;
    } else if (connection_whole(c) || (c->ping.proven && seen_since(c, c->clock))) {
        raise_finding(o, MQTT_RULE_PINGRESP_UNASKED, MQTT_FIELDS, 0, 0);
    }
}

void observe_pingresp(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    struct mqtt_step *step = o->step;
    if (c->ping.waiting_count == 0) {
        lone_pingresp(o);
        return;
    }
    const struct mqtt_ping ping = c->ping.waiting[0];
    c->ping.answered++;
    if (lost_since(c, ping.clock))
        c->ping.displaced++;
    c->ping.proven = long_after_doubt(c, ping.clock, ping.leg.time);
    link_request(o, &ping.leg);
    step->handshake = (struct mqtt_handshake){.kind = MQTT_HANDSHAKE_PING,
                                              .stage = 2,
                                              .side = (uint8_t)(1 - o->place->side),
                                              .began = ping.clock,
                                              .legs = {ping.leg, place_leg(o->place)}};
    step->has_handshake = true;
    c->ping.waiting_count--;
    memmove(c->ping.waiting, c->ping.waiting + 1,
            c->ping.waiting_count * sizeof c->ping.waiting[0]);
}

/* ---- Packets that break off ---- */

/* Its receiver may not see what is wrong with it, and acknowledge it. */
void observe_malformed(struct observation *o)
{
    if (!o->packet->has_packet_identifier)
        return;
    switch (o->packet->type) {
    case MQTT_PUBLISH: {
        const unsigned qos = o->packet->flags >> 1 & 3;
        owe(o, o->to, qos == 1 ? MQTT_PUBACK : MQTT_PUBREC);
        break;
    }
    case MQTT_SUBSCRIBE: owe(o, o->to, MQTT_SUBACK); break;
    case MQTT_UNSUBSCRIBE: owe(o, o->to, MQTT_UNSUBACK); break;
    default: break;
    }
}
