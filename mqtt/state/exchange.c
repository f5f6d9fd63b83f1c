/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See exchange.h. */
#include "mqtt/state/exchange.h"

#include <string.h>

#include "mqtt/state/doubt.h"
#include "mqtt/state/inflight.h"

/* ---- Acknowledgements outside of a handshake ---- */

static bool more_owed(const struct observation *o, struct mqtt_side_state *who)
{
    const uint32_t capacity = who->owed_capacity != 0 ? who->owed_capacity * 2 : 8;
    struct mqtt_owed *larger = NULL;
    if (capacity <= MQTT_OWED_MAX)
        larger = mqtt_memory_resize(o->connection->memory, MQTT_MEMORY_OWED, who->owed,
                                    who->owed_capacity * sizeof *larger, capacity * sizeof *larger);
    else if (o->connection->memory != NULL)
        o->connection->memory->refused[MQTT_MEMORY_OWED]++;
    if (larger == NULL)
        return false;
    who->owed = larger;
    who->owed_capacity = capacity;
    return true;
}

static void forget_owed(struct mqtt_side_state *who, uint32_t at)
{
    who->owed_count--;
    memmove(who->owed + at, who->owed + at + 1, (who->owed_count - at) * sizeof who->owed[0]);
}

void owe(struct observation *o, struct mqtt_side_state *who, enum mqtt_packet_type type)
{
    if (who->owed_count == who->owed_capacity && !more_owed(o, who)) {
        who->owed_lost = true;
        if (who->owed_count == 0)
            return;
        forget_owed(who, 0);
    }
    who->owed[who->owed_count++] =
        (struct mqtt_owed){o->packet->packet_identifier, (uint8_t)type, place_leg(o->place)};
}

bool pays(struct observation *o)
{
    struct mqtt_side_state *from = o->from;
    for (uint32_t i = 0; i < from->owed_count; i++) {
        if (from->owed[i].type == o->packet->type &&
            from->owed[i].packet_identifier == o->packet->packet_identifier) {
            link_request(o, &from->owed[i].by);
            forget_owed(from, i);
            return true;
        }
    }
    return from->owed_lost; /* it may be one that there was no room for */
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

/* ---- Handshakes ---- */

/* Takes the handshake out of its sender's quota, if it still stands there. */
static void uncount(const struct mqtt_connection *c, struct mqtt_side_state *beginner,
                    const struct mqtt_handshake *handshake)
{
    const struct mqtt_side_state *receiver = &c->sides[1 - (beginner - c->sides)];
    if (handshake->counted != c->era || beginner->outstanding == 0)
        return;
    if (--beginner->outstanding <= receiver->receive_maximum)
        beginner->beyond = 0;
}

struct mqtt_handshake *begin_handshake(struct observation *o, enum mqtt_handshake_kind kind)
{
    struct mqtt_connection *c = o->connection;
    const uint16_t identifier = o->packet->packet_identifier;
    struct mqtt_handshake *old = inflight_find(&o->from->inflight, identifier);
    const bool replaces = old != NULL;
    if (replaces) {
        uncount(c, o->from, old);
        if (!old->resumed)
            owe_next(o, old);
        inflight_remove(&o->from->inflight, old);
    }
    struct mqtt_handshake *handshake = inflight_add(&o->from->inflight, identifier, kind);
    if (handshake == NULL) {
        doubt_side(c, o->place->side, o->place->time, o->place->frame);
        return NULL;
    }
    handshake->side = o->place->side;
    handshake->replaces = replaces;
    handshake->stage = 1;
    handshake->began = c->clock;
    handshake->legs[0] = place_leg(o->place);
    return handshake;
}

/* The list lives on until the next step: the step hands it out. */
static void keep_answered(struct mqtt_connection *c, struct mqtt_handshake *handshake)
{
    mqtt_memory_free(c->memory, (void *)(uintptr_t)c->answered.data, c->answered.length);
    c->answered = handshake->list;
    handshake->list = (struct mqtt_slice){NULL, 0};
}

void finish_handshake(struct observation *o, struct mqtt_side_state *beginner,
                      struct mqtt_handshake *handshake, unsigned last_leg)
{
    struct mqtt_connection *c = o->connection;
    handshake->legs[last_leg] = place_leg(o->place);
    handshake->stage = (uint8_t)(last_leg + 1);
    uncount(c, beginner, handshake);
    if (handshake->list.length != 0) {
        keep_answered(c, handshake);
        o->step->filters = c->answered;
    }
    o->step->handshake = *handshake;
    o->step->has_handshake = true;
    prove_identifier(c, (unsigned)(beginner - c->sides), handshake);
    beginner->settled[beginner->settled_next++ % MQTT_SETTLED_MAX] = (struct mqtt_settled){
        .clock = c->clock,
        .time = o->place->time,
        .frame = handshake->legs[0].frame,
        .released = handshake->kind == MQTT_HANDSHAKE_QOS_2 ? handshake->legs[2].frame : 0,
        .packet_identifier = handshake->packet_identifier,
        .kind = handshake->kind,
        .failed = handshake->failed,
    };
    inflight_remove(&beginner->inflight, handshake);
}

const struct mqtt_settled *last_settled(const struct observation *o, enum mqtt_handshake_kind kind)
{
    const struct mqtt_settled *last = NULL;
    for (unsigned i = 0; i < MQTT_SETTLED_MAX; i++) {
        const struct mqtt_settled *settled = &o->from->settled[i];
        if (settled->kind == kind && settled->packet_identifier == o->packet->packet_identifier &&
            (last == NULL || settled->clock > last->clock))
            last = settled;
    }
    return last;
}

const struct mqtt_settled *just_settled(const struct observation *o, enum mqtt_handshake_kind kind)
{
    const struct mqtt_settled *last = last_settled(o, kind);
    const bool just = last != NULL && mqtt_elapsed(o->place->time, last->time) < MQTT_OPEN_GRACE;
    return just ? last : NULL;
}

void exchange_finding(struct observation *o, enum mqtt_rule rule,
                      const struct mqtt_handshake *handshake, uint64_t frame)
{
    struct mqtt_finding *finding =
        raise_finding(o, rule, MQTT_FIELD_PACKET_IDENTIFIER, o->packet->packet_identifier, frame);
    if (finding != NULL && handshake != NULL)
        finding->awaits = (uint8_t)mqtt_handshake_leg_type(handshake->kind, handshake->stage);
}

void check_identifier_free(struct observation *o)
{
    /* 3.1 lets SUBSCRIBE and UNSUBSCRIBE be sent again, with DUP. */
    if (o->version == MQTT_VERSION_3_1 && o->packet->type != MQTT_PUBLISH &&
        (o->packet->flags & 0x08) != 0)
        return;
    const struct mqtt_handshake *old =
        inflight_find(&o->from->inflight, o->packet->packet_identifier);
    if (old != NULL && handshake_known(o->connection, old))
        exchange_finding(o, MQTT_RULE_PACKET_IDENTIFIER_IN_USE, old, old->legs[0].frame);
}
