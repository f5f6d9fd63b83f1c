/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QoS handshakes and requests with their answers (3.1.1 and 5.0: 4.3, 4.4, 4.6, 3.8 to 3.13).
 *
 *     QoS 1   sender  PUBLISH ------------> receiver        stage 1: awaits PUBACK
 *                     <------------- PUBACK                 done
 *
 *     QoS 2   sender  PUBLISH ------------> receiver        stage 1: awaits PUBREC
 *                     <------------- PUBREC                 stage 2: awaits PUBREL
 *                     PUBREL ------------->                 stage 3: awaits PUBCOMP
 *                     <------------ PUBCOMP                 done
 *
 * A handshake stands in the table of the side that began it. `o->from` sends the packet at hand, so
 * PUBLISH and PUBREL look into from's table, the other three into to's.
 */
#include <stdlib.h>
#include <string.h>

#include "mqtt/state/inflight.h"
#include "mqtt/state/observe.h"
#include "mqtt/wire/topic.h"

const char *mqtt_handshake_kind_name(unsigned kind)
{
    static const char *const names[MQTT_HANDSHAKE_KINDS] = {
        "none", "QoS 1", "QoS 2", "SUBSCRIBE", "UNSUBSCRIBE", "PING", "CONNECT"};
    return names[kind < MQTT_HANDSHAKE_KINDS ? kind : MQTT_HANDSHAKE_NONE];
}

const struct mqtt_leg *handshake_last_leg(const struct mqtt_handshake *handshake)
{
    const unsigned stage = handshake->stage;
    return &handshake->legs[stage == 0 ? 0 : stage > MQTT_LEGS ? MQTT_LEGS - 1 : stage - 1];
}

void link_request(struct observation *o, const struct mqtt_leg *request)
{
    if (request->frame == 0)
        return;
    o->step->request = *request;
    o->step->since_request = o->place->time - request->time;
}

/* What an acknowledgement on this connection answers: the first send may be of an earlier one. */
static const struct mqtt_leg *last_send(const struct mqtt_handshake *handshake, unsigned leg)
{
    return handshake->again.frame != 0 ? &handshake->again : &handshake->legs[leg];
}

/* The handshake ends with this packet: hands it out and forgets it. */
static void finish(struct observation *o, struct mqtt_side_state *beginner,
                   struct mqtt_handshake *handshake, unsigned last_leg)
{
    handshake->legs[last_leg] = place_leg(o->place);
    handshake->stage = (uint8_t)(last_leg + 1);
    if (handshake->counted && beginner->outstanding != 0)
        beginner->outstanding--;
    o->step->handshake = *handshake;
    o->step->handshake.requested_qos = NULL;
    o->step->has_handshake = true;
    beginner->settled[beginner->settled_next++ % MQTT_SETTLED_MAX] = (struct mqtt_settled){
        o->place->time, handshake->legs[0].frame, handshake->packet_identifier, handshake->kind};
    inflight_remove(&beginner->inflight, handshake);
}

/* from's handshake with this identifier, if it ended so short a time ago that its sender may not
 * know yet. */
static const struct mqtt_settled *just_settled(const struct observation *o,
                                               enum mqtt_handshake_kind kind)
{
    for (unsigned i = 0; i < MQTT_SETTLED_MAX; i++) {
        const struct mqtt_settled *settled = &o->from->settled[i];
        if (settled->kind == kind && settled->packet_identifier == o->packet->packet_identifier &&
            o->place->time - settled->time < MQTT_OPEN_GRACE)
            return settled;
    }
    return NULL;
}

/* ---- Acknowledgements outside of a handshake ---- */

/* `who` will acknowledge this packet by one of `type` once more than its handshake awaits. */
static void owe(struct observation *o, struct mqtt_side_state *who, enum mqtt_packet_type type)
{
    if (who->owed_count == MQTT_OWED_MAX) {
        who->owed_dropped++;
        who->owed_count--;
        memmove(who->owed, who->owed + 1, who->owed_count * sizeof who->owed[0]);
    }
    who->owed[who->owed_count++] = (struct mqtt_owed){o->packet->packet_identifier, (uint8_t)type};
}

/* Whether this acknowledgement is one that its sender owed; then it does no longer. */
static bool pays(struct observation *o)
{
    struct mqtt_side_state *from = o->from;
    for (uint32_t i = 0; i < from->owed_count; i++) {
        if (from->owed[i].type != o->packet->type ||
            from->owed[i].packet_identifier != o->packet->packet_identifier)
            continue;
        from->owed_count--;
        memmove(from->owed + i, from->owed + i + 1, (from->owed_count - i) * sizeof from->owed[0]);
        return true;
    }
    return false;
}

/* What the receiver of this handshake has yet to send. */
static void owe_next(struct observation *o, const struct mqtt_handshake *handshake)
{
    if (handshake->kind == MQTT_HANDSHAKE_SUBSCRIBE)
        owe(o, o->to, MQTT_SUBACK);
    else if (handshake->kind == MQTT_HANDSHAKE_UNSUBSCRIBE)
        owe(o, o->to, MQTT_UNSUBACK);
    else if (handshake->kind == MQTT_HANDSHAKE_QOS_1)
        owe(o, o->to, MQTT_PUBACK);
    else if (handshake->kind == MQTT_HANDSHAKE_QOS_2 && handshake->stage != 2)
        owe(o, o->to, handshake->stage == 1 ? MQTT_PUBREC : MQTT_PUBCOMP);
}

/* Takes a new entry into from's table, in place of what stood there. NULL: no memory. */
static struct mqtt_handshake *begin(struct observation *o, enum mqtt_handshake_kind kind)
{
    const uint16_t identifier = o->packet->packet_identifier;
    struct mqtt_handshake *old = inflight_find(&o->from->inflight, identifier);
    if (old != NULL) {
        if (old->counted && o->from->outstanding != 0)
            o->from->outstanding--;
        if (!old->resumed)
            owe_next(o, old);
        inflight_remove(&o->from->inflight, old);
    }
    struct mqtt_handshake *handshake = inflight_add(&o->from->inflight, identifier, kind);
    if (handshake == NULL) {
        o->connection->inflight_refused++;
        return NULL;
    }
    handshake->side = o->place->side;
    handshake->stage = 1;
    handshake->legs[0] = place_leg(o->place);
    return handshake;
}

static void identifier_finding(struct observation *o, enum mqtt_rule rule, uint64_t frame)
{
    raise_finding(o, rule, MQTT_FIELD_PACKET_IDENTIFIER, o->packet->packet_identifier, frame);
}

/* An identifier that stands for something else still (2.3.1-2, -4; 5.0: 2.2.1-3, -4). */
static void check_identifier_free(struct observation *o)
{
    /* 3.1 lets SUBSCRIBE and UNSUBSCRIBE be sent again, with DUP. */
    if (o->version == MQTT_VERSION_3_1 && o->packet->type != MQTT_PUBLISH &&
        (o->packet->flags & 0x08) != 0)
        return;
    const struct mqtt_handshake *old =
        inflight_find(&o->from->inflight, o->packet->packet_identifier);
    if (old != NULL && history_known(o->connection))
        identifier_finding(o, MQTT_RULE_PACKET_IDENTIFIER_IN_USE, old->legs[0].frame);
}

/* ---- PUBLISH ---- */

/* PUBLISH packets that this side has sent on this connection and that are not settled yet. */
static void count_against_quota(struct observation *o, struct mqtt_handshake *handshake)
{
    const struct mqtt_connection *c = o->connection;
    if (handshake->counted)
        return;
    handshake->counted = true;
    o->from->outstanding++;
    const bool quota_known =
        is_5_0(o) && (o->sender == MQTT_SENDER_CLIENT ? knows_connack(o) : c->connect.frame != 0);
    if (quota_known && connection_known(c) && o->from->outstanding > o->to->receive_maximum)
        raise_finding(o, MQTT_RULE_RECEIVE_MAXIMUM_EXCEEDED, MQTT_FIELD_PACKET_IDENTIFIER,
                      o->from->outstanding, o->to->receive_maximum);
}

static void mark_resend(struct observation *o, struct mqtt_handshake *handshake,
                        const struct mqtt_leg *first)
{
    o->step->resend = true;
    o->step->first = *first;
    if (handshake->resends != UINT16_MAX)
        handshake->resends++;
}

/* Sent again after the session was resumed, as 4.4.0-1 wants it. */
static void redelivered(struct observation *o, struct mqtt_handshake *handshake)
{
    if (handshake->stage == 3 && history_known(o->connection))
        identifier_finding(o, MQTT_RULE_PUBLISH_AFTER_PUBREL, handshake->legs[2].frame);
    else if (!o->packet->publish.dup && history_known(o->connection))
        identifier_finding(o, MQTT_RULE_REDELIVERY_WITHOUT_DUP, handshake->legs[0].frame);
    mark_resend(o, handshake, &handshake->legs[0]);
    handshake->again = place_leg(o->place);
    handshake->resumed = false;
    handshake->stage = 1; /* a PUBREC that got lost with the connection comes again */
    handshake->order = ++o->from->next_order;
    count_against_quota(o, handshake);
}

/* Sent again while the connection lives. */
static void resend_finding(struct observation *o, uint64_t first_frame)
{
    if (!history_known(o->connection))
        return;
    identifier_finding(
        o, is_5_0(o) ? MQTT_RULE_RESENT_WHILE_CONNECTED : MQTT_RULE_RESENT_ON_TIMEOUT, first_frame);
}

/* Sent again, with DUP, on the connection that carried it the first time. */
static void resent(struct observation *o, struct mqtt_handshake *handshake)
{
    const int64_t since_pubrec = o->place->time - handshake->legs[1].time;
    if (handshake->stage == 3 && history_known(o->connection))
        identifier_finding(o, MQTT_RULE_PUBLISH_AFTER_PUBREL, handshake->legs[2].frame);
    /* Less than that, and the two may have crossed. */
    else if (handshake->stage == 2 && since_pubrec > MQTT_CLOSE_GRACE)
        identifier_finding(o, MQTT_RULE_PUBLISH_AFTER_PUBREC, handshake->legs[1].frame);
    if (handshake->stage != 3)
        resend_finding(o, handshake->legs[0].frame);
    owe(o, o->to, handshake->kind == MQTT_HANDSHAKE_QOS_1 ? MQTT_PUBACK : MQTT_PUBREC);
    mark_resend(o, handshake, &handshake->legs[0]);
}

static void first_send(struct observation *o, enum mqtt_handshake_kind kind)
{
    const struct mqtt_connection *c = o->connection;
    check_identifier_free(o);
    const bool new_here = inflight_find(&o->from->inflight, o->packet->packet_identifier) == NULL;
    const struct mqtt_settled *settled = just_settled(o, kind);
    if (o->packet->publish.dup && new_here && settled != NULL) {
        resend_finding(o, settled->frame);
    } else if (o->packet->publish.dup && new_here && history_known(c) &&
               session_fresh(c, o->place->side)) {
        raise_finding(o, MQTT_RULE_DUP_ON_FIRST_SEND, MQTT_FIELD_DUP, o->packet->packet_identifier,
                      0);
    }
    struct mqtt_handshake *handshake = begin(o, kind);
    if (handshake == NULL)
        return;
    handshake->order = ++o->from->next_order;
    count_against_quota(o, handshake);
}

/* Where the alias stands in from's table, or would stand. */
static uint32_t alias_index(const struct mqtt_side_state *from, uint16_t alias)
{
    uint32_t low = 0, high = from->alias_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (from->aliases[middle].alias < alias)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Makes room for one alias more. False if the bound is reached, or without memory. */
static bool alias_room(struct mqtt_side_state *from, uint32_t bytes)
{
    if (from->alias_bytes + bytes > MQTT_ALIAS_BYTES)
        return false;
    if (from->alias_count < from->alias_capacity)
        return true;
    const uint32_t capacity = from->alias_capacity != 0 ? from->alias_capacity * 2 : 8;
    struct mqtt_alias *larger = realloc(from->aliases, capacity * sizeof *larger);
    if (larger == NULL)
        return false;
    from->aliases = larger;
    from->alias_capacity = capacity;
    return true;
}

static struct mqtt_alias *add_alias(struct mqtt_side_state *from, uint32_t at, uint16_t alias,
                                    uint32_t length)
{
    if (!alias_room(from, (uint32_t)sizeof *from->aliases + length))
        return NULL;
    struct mqtt_alias *slot = &from->aliases[at];
    memmove(slot + 1, slot, (from->alias_count - at) * sizeof *slot);
    *slot = (struct mqtt_alias){.alias = alias};
    from->alias_count++;
    from->alias_bytes += (uint32_t)sizeof *slot;
    return slot;
}

/* Topic names that stand for an alias of this sender (5.0: 3.3.2.3.4). */
static void remember_alias(struct observation *o, uint16_t alias, struct mqtt_slice topic)
{
    struct mqtt_side_state *from = o->from;
    const uint32_t at = alias_index(from, alias);
    const bool there = at < from->alias_count && from->aliases[at].alias == alias;
    struct mqtt_alias *slot = there ? &from->aliases[at] : add_alias(from, at, alias, topic.length);
    if (slot == NULL) {
        o->connection->aliases_refused++;
        return;
    }
    if (slot->topic.length == topic.length &&
        memcmp(slot->topic.data, topic.data, topic.length) == 0)
        return;
    uint8_t *copy = NULL;
    if (from->alias_bytes - slot->topic.length + topic.length <= MQTT_ALIAS_BYTES)
        copy = malloc(topic.length);
    from->alias_bytes -= slot->topic.length;
    free((void *)(uintptr_t)slot->topic.data);
    slot->topic = (struct mqtt_slice){NULL, 0};
    if (copy == NULL) {
        o->connection->aliases_refused++;
        return;
    }
    memcpy(copy, topic.data, topic.length);
    slot->topic = (struct mqtt_slice){copy, topic.length};
    from->alias_bytes += topic.length;
}

static void resolve_alias(struct observation *o, uint16_t alias)
{
    const struct mqtt_side_state *from = o->from;
    const uint32_t at = alias_index(from, alias);
    if (at < from->alias_count && from->aliases[at].alias == alias &&
        from->aliases[at].topic.length != 0) {
        o->step->topic = from->aliases[at].topic;
        o->step->topic_from_alias = true;
    } else if (o->connection->connect.frame != 0 && !from->gap &&
               o->connection->aliases_refused == 0) {
        raise_finding(o, MQTT_RULE_TOPIC_ALIAS_UNKNOWN, MQTT_FIELD_PROPERTY_TOPIC_ALIAS, alias, 0);
    }
}

static void observe_topic(struct observation *o)
{
    const struct mqtt_properties *properties = &o->packet->properties;
    const struct mqtt_slice topic = o->packet->publish.topic_name;
    o->step->topic = topic;
    if (!mqtt_has_property(properties, MQTT_PROPERTY_TOPIC_ALIAS) || properties->topic_alias == 0)
        return;
    if (topic.length != 0)
        remember_alias(o, properties->topic_alias, topic);
    else
        resolve_alias(o, properties->topic_alias);
}

void observe_publish(struct observation *o)
{
    const struct mqtt_publish *publish = &o->packet->publish;
    observe_topic(o);
    if (!o->packet->has_packet_identifier || publish->qos == 0 || publish->qos == 3)
        return;
    struct mqtt_handshake *old = inflight_find(&o->from->inflight, o->packet->packet_identifier);
    const enum mqtt_handshake_kind kind =
        publish->qos == 1 ? MQTT_HANDSHAKE_QOS_1 : MQTT_HANDSHAKE_QOS_2;
    const bool same_kind = old != NULL && old->kind == kind;
    if (same_kind && old->resumed && (publish->dup || history_known(o->connection)))
        redelivered(o, old);
    else if (same_kind && !old->resumed && publish->dup)
        resent(o, old);
    else
        first_send(o, kind);
    o->step->in_flight = o->from->outstanding;
}

/* ---- PUBACK, PUBREC, PUBREL, PUBCOMP ---- */

/* The handshake of the other side that this acknowledgement belongs to; NULL, and a finding where
 * the capture shows all, if there is none of this kind. PUBREC and PUBREL are answered all the
 * same. */
static struct mqtt_handshake *acknowledged(struct observation *o, struct mqtt_side_state *beginner,
                                           enum mqtt_handshake_kind kind)
{
    struct mqtt_handshake *handshake =
        inflight_find(&beginner->inflight, o->packet->packet_identifier);
    if (handshake != NULL && handshake->kind == kind)
        return handshake;
    const bool owed = pays(o);
    if (o->packet->type == MQTT_PUBREC)
        owe(o, o->to, MQTT_PUBREL);
    else if (o->packet->type == MQTT_PUBREL)
        owe(o, o->to, MQTT_PUBCOMP);
    /* Packet Identifier not found: its sender says so itself. */
    const bool disowned = o->packet->has_reason_code && o->packet->reason_code == 0x92;
    if (!owed && !disowned && o->from->owed_dropped == 0 && history_known(o->connection)) {
        if (handshake == NULL)
            identifier_finding(o, MQTT_RULE_ACKNOWLEDGEMENT_UNKNOWN, 0);
        else
            identifier_finding(o, MQTT_RULE_ACKNOWLEDGEMENT_WRONG, handshake->legs[0].frame);
    }
    return NULL;
}

/* Clients acknowledge in the order of arrival (4.6.0-2 to -4). `seen` is the highest order that was
 * acknowledged so far. */
static void check_order(struct observation *o, enum mqtt_rule rule, uint32_t order, uint32_t *seen)
{
    if (order != 0 && order < *seen && o->sender == MQTT_SENDER_CLIENT &&
        history_known(o->connection))
        identifier_finding(o, rule, 0);
    if (order > *seen)
        *seen = order;
}

static bool failure(const struct observation *o, struct mqtt_handshake *handshake)
{
    handshake->reason_code = o->packet->has_reason_code ? o->packet->reason_code : 0;
    handshake->failed = handshake->reason_code >= 0x80;
    return handshake->failed;
}

void observe_puback(struct observation *o)
{
    struct mqtt_handshake *handshake = acknowledged(o, o->to, MQTT_HANDSHAKE_QOS_1);
    if (handshake == NULL)
        return;
    link_request(o, last_send(handshake, 0));
    check_order(o, MQTT_RULE_PUBACK_OUT_OF_ORDER, handshake->order, &o->to->acked_order[0]);
    if (failure(o, handshake))
        raise_finding(o, MQTT_RULE_PUBLISH_REFUSED, MQTT_FIELD_PUBACK_REASON,
                      o->packet->reason_code, 0);
    finish(o, o->to, handshake, 1);
}

void observe_pubrec(struct observation *o)
{
    struct mqtt_handshake *handshake = acknowledged(o, o->to, MQTT_HANDSHAKE_QOS_2);
    if (handshake == NULL)
        return;
    link_request(o, last_send(handshake, 0));
    if (handshake->stage != 1) {
        /* A PUBLISH that was sent again is answered again. */
        if (!pays(o) && !handshake->resumed && o->from->owed_dropped == 0 &&
            history_known(o->connection))
            identifier_finding(o, MQTT_RULE_QOS_2_OUT_OF_STEP, handshake->legs[0].frame);
        if (handshake->stage == 3)
            owe(o, o->to, MQTT_PUBREL);
        return;
    }
    check_order(o, MQTT_RULE_PUBREC_OUT_OF_ORDER, handshake->order, &o->to->acked_order[1]);
    if (failure(o, handshake)) {
        raise_finding(o, MQTT_RULE_PUBLISH_REFUSED, MQTT_FIELD_PUBREC_REASON,
                      o->packet->reason_code, 0);
        finish(o, o->to, handshake, 1);
        return;
    }
    handshake->stage = 2;
    handshake->again = (struct mqtt_leg){0};
    handshake->legs[1] = place_leg(o->place);
    handshake->order_received = ++o->to->next_received;
}

/* A PUBREL whose PUBLISH the capture does not show still gets its PUBCOMP: the session's earlier
 * connection was not captured, or ended before its PUBCOMP arrived. */
static bool may_be_resumed(const struct observation *o)
{
    return !history_known(o->connection) || !session_fresh(o->connection, o->place->side) ||
           just_settled(o, MQTT_HANDSHAKE_QOS_2) != NULL;
}

static void adopt_pubrel(struct observation *o)
{
    struct mqtt_handshake *handshake = begin(o, MQTT_HANDSHAKE_QOS_2);
    if (handshake == NULL)
        return;
    handshake->stage = 3;
    handshake->legs[0] = (struct mqtt_leg){0};
    handshake->legs[2] = place_leg(o->place);
}

/* A PUBREC that came again wants it; so does a session that was resumed. Behind a gap it may belong
 * to a later handshake. */
static void pubrel_again(struct observation *o, struct mqtt_handshake *handshake)
{
    mark_resend(o, handshake, &handshake->legs[2]);
    if (!handshake->resumed) {
        if (!pays(o) && connection_known(o->connection))
            resend_finding(o, handshake->legs[2].frame);
        owe(o, o->to, MQTT_PUBCOMP);
    } else {
        handshake->again = place_leg(o->place);
    }
    handshake->resumed = false;
}

static void check_found(struct observation *o, enum mqtt_field field)
{
    if (o->packet->has_reason_code && o->packet->reason_code == 0x92)
        raise_finding(o, MQTT_RULE_PACKET_IDENTIFIER_NOT_FOUND, field, o->packet->packet_identifier,
                      0);
}

void observe_pubrel(struct observation *o)
{
    const bool in_flight = inflight_find(&o->from->inflight, o->packet->packet_identifier) != NULL;
    check_found(o, MQTT_FIELD_PUBREL_REASON);
    if (!in_flight && may_be_resumed(o)) {
        const struct mqtt_settled *settled = just_settled(o, MQTT_HANDSHAKE_QOS_2);
        if (settled != NULL)
            resend_finding(o, settled->frame);
        adopt_pubrel(o);
        return;
    }
    struct mqtt_handshake *handshake = acknowledged(o, o->from, MQTT_HANDSHAKE_QOS_2);
    if (handshake == NULL)
        return;
    if (handshake->stage == 3) {
        pubrel_again(o, handshake);
        return;
    }
    if (handshake->stage == 1 && !handshake->resumed && history_known(o->connection))
        identifier_finding(o, MQTT_RULE_QOS_2_OUT_OF_STEP, handshake->legs[0].frame);
    if (handshake->stage == 2)
        check_order(o, MQTT_RULE_PUBREL_OUT_OF_ORDER, handshake->order_received,
                    &o->from->released_order);
    link_request(o, &handshake->legs[1]);
    handshake->resumed = false;
    handshake->stage = 3;
    handshake->again = (struct mqtt_leg){0};
    handshake->legs[2] = place_leg(o->place);
}

void observe_pubcomp(struct observation *o)
{
    struct mqtt_handshake *handshake = acknowledged(o, o->to, MQTT_HANDSHAKE_QOS_2);
    check_found(o, MQTT_FIELD_PUBCOMP_REASON);
    if (handshake == NULL || (handshake->stage != 3 && pays(o)))
        return;
    if (handshake->stage != 3 && history_known(o->connection))
        identifier_finding(o, MQTT_RULE_QOS_2_OUT_OF_STEP, handshake->legs[0].frame);
    link_request(o, last_send(handshake, 2));
    failure(o, handshake);
    finish(o, o->to, handshake, 3);
}

/* ---- SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK ---- */

/* What the server said it can't do (5.0: 3.2.2.3.11 to 3.2.2.3.13). */
static void check_available(struct observation *o, struct mqtt_slice filter)
{
    const struct mqtt_connection *c = o->connection;
    if (!is_5_0(o) || !knows_connack(o))
        return;
    if (mqtt_filter_is_shared(filter) && !c->shared_available)
        raise_finding(o, MQTT_RULE_SHARED_NOT_AVAILABLE, MQTT_FIELD_TOPIC_FILTER, c->connack.frame,
                      0);
    if (mqtt_topic_wildcard(filter) != filter.length && !c->wildcard_available)
        raise_finding(o, MQTT_RULE_WILDCARD_NOT_AVAILABLE, MQTT_FIELD_TOPIC_FILTER,
                      c->connack.frame, 0);
}

/* Keeps the requested QoS of each topic filter, to compare with the granted one. */
static void keep_requested(struct observation *o, struct mqtt_handshake *handshake)
{
    struct mqtt_slice list = o->packet->subscribe.list;
    struct mqtt_filter filter;
    handshake->requested_qos = malloc(handshake->filters != 0 ? handshake->filters : 1);
    for (uint32_t i = 0; i < handshake->filters; i++) {
        if (!mqtt_filter_next(&list, MQTT_SUBSCRIBE, &filter))
            break;
        check_available(o, filter.filter);
        if (handshake->requested_qos != NULL)
            handshake->requested_qos[i] = filter.options & 3;
    }
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
    struct mqtt_handshake *handshake = begin(o, MQTT_HANDSHAKE_SUBSCRIBE);
    if (handshake == NULL)
        return;
    if (o->packet->captured != o->packet->length) {
        handshake->filters = MQTT_FILTERS_UNKNOWN;
        return;
    }
    handshake->filters = o->packet->subscribe.count;
    keep_requested(o, handshake);
}

void observe_unsubscribe(struct observation *o)
{
    if (!o->packet->has_packet_identifier)
        return;
    check_identifier_free(o);
    struct mqtt_handshake *handshake = begin(o, MQTT_HANDSHAKE_UNSUBSCRIBE);
    if (handshake != NULL)
        handshake->filters = o->packet->captured == o->packet->length ? o->packet->unsubscribe.count
                                                                      : MQTT_FILTERS_UNKNOWN;
}

static void check_granted(struct observation *o, const struct mqtt_handshake *handshake)
{
    const struct mqtt_slice codes = o->packet->suback.codes;
    for (uint32_t i = 0; i < codes.length; i++) {
        const uint8_t code = codes.data[i];
        if (code >= 0x80)
            raise_finding(o, MQTT_RULE_SUBSCRIBE_REFUSED,
                          is_5_0(o) ? MQTT_FIELD_SUBACK_REASON : MQTT_FIELD_GRANTED_QOS, code,
                          i + 1);
        else if (handshake->requested_qos != NULL && i < handshake->filters && code <= 2 &&
                 code > handshake->requested_qos[i])
            raise_finding(o, MQTT_RULE_SUBACK_ABOVE_REQUESTED,
                          is_5_0(o) ? MQTT_FIELD_SUBACK_REASON : MQTT_FIELD_GRANTED_QOS, code,
                          handshake->requested_qos[i]);
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
    if (!pays(o) && o->from->owed_dropped == 0 && connection_known(o->connection))
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
    link_request(o, &handshake->legs[0]);
    if (miscounted(o, handshake, codes))
        raise_finding(o, MQTT_RULE_SUBACK_COUNT, MQTT_FIELDS, codes, handshake->filters);
    check_granted(o, handshake);
    finish(o, o->to, handshake, 1);
}

void observe_unsuback(struct observation *o)
{
    struct mqtt_handshake *handshake =
        answered(o, MQTT_HANDSHAKE_UNSUBSCRIBE, MQTT_RULE_UNSUBACK_UNKNOWN);
    if (handshake == NULL)
        return;
    const uint32_t codes = o->packet->unsuback.codes.length;
    link_request(o, &handshake->legs[0]);
    if (is_5_0(o) && miscounted(o, handshake, codes))
        raise_finding(o, MQTT_RULE_UNSUBACK_COUNT, MQTT_FIELDS, codes, handshake->filters);
    finish(o, o->to, handshake, 1);
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
    c->ping.waiting[c->ping.waiting_count++] = place_leg(o->place);
}

void observe_pingresp(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    struct mqtt_step *step = o->step;
    if (c->ping.waiting_count == 0) {
        if (c->ping.waiting_dropped != 0) {
            c->ping.waiting_dropped--;
            c->ping.answered++;
        } else if (connection_known(c)) {
            raise_finding(o, MQTT_RULE_PINGRESP_UNASKED, MQTT_FIELDS, 0, 0);
        }
        return;
    }
    c->ping.answered++;
    link_request(o, &c->ping.waiting[0]);
    step->handshake = (struct mqtt_handshake){.kind = MQTT_HANDSHAKE_PING,
                                              .stage = 2,
                                              .side = (uint8_t)(1 - o->place->side),
                                              .legs = {c->ping.waiting[0], place_leg(o->place)}};
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

void open_finding(const struct mqtt_handshake *handshake, bool by_client, int64_t time,
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
        .values = {handshake->packet_identifier, milliseconds(time - last->time)},
    };
}

/* Whoever breaks a rule must reckon with a close instead of an answer (3.1.1: 4.8.0-1; 5.0:
 * 4.13.1-1): to the packet that breaks it, and to what had just gone before. */
static bool owed_nothing(const struct mqtt_connection *connection,
                         const struct mqtt_handshake *handshake)
{
    const struct mqtt_leg *last = handshake_last_leg(handshake);
    const uint8_t sender = handshake->stage != 2 ? handshake->side : (uint8_t)(1 - handshake->side);
    const struct mqtt_leg *error = &connection->sides[sender].last_error;
    return error->frame >= last->frame && error->time - last->time < MQTT_OPEN_GRACE;
}

bool mqtt_handshake_open_finding(const struct mqtt_connection *connection,
                                 const struct mqtt_handshake *handshake, int64_t time,
                                 enum mqtt_close how, struct mqtt_finding *finding)
{
    const bool session_goes_on = is_publish(handshake) && session_persists(connection);
    const bool ended = how != MQTT_CLOSE_CAPTURE_END;
    if (!connection_known(connection) || handshake->resumed || (session_goes_on && ended))
        return false;
    if (ended && owed_nothing(connection, handshake))
        return false;
    const int64_t grace = ended ? MQTT_CLOSE_GRACE : MQTT_OPEN_GRACE;
    if (time - handshake_last_leg(handshake)->time < grace)
        return false;
    open_finding(handshake, handshake->side == connection->client, time, finding);
    finding->version = connection->version;
    return true;
}

const struct mqtt_handshake *mqtt_connection_next_open(const struct mqtt_connection *connection,
                                                       uint8_t side, uint32_t *cursor)
{
    return mqtt_inflight_next(&connection->sides[side].inflight, cursor);
}
