/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the judgements share: one step in progress, and how a finding is raised against its packet.
 * Private to mqtt/state/.
 */
#ifndef MQTT_OBSERVATION_H
#define MQTT_OBSERVATION_H

#include "mqtt/facts/tables.h"
#include "mqtt/facts/time.h"
#include "mqtt/state/connection.h"

/* One step: everything that a function about one control packet needs. */
struct observation {
    struct mqtt_connection *connection;
    const struct mqtt_place *place;
    const struct mqtt_packet *packet;
    struct mqtt_step *step;
    struct mqtt_side_state *from; /* the packet's sender */
    struct mqtt_side_state *to;
    enum mqtt_sender sender;
    enum mqtt_version version;
};

/* Raises a finding of the connection against this packet. NULL if the step has no room for it. */
struct mqtt_finding *raise_finding(struct observation *o, enum mqtt_rule rule,
                                   enum mqtt_field field, uint64_t value0, uint64_t value1);

/* Raises one that names the packet's identifier first, and `frame`. */
void identifier_finding(struct observation *o, enum mqtt_rule rule, uint64_t frame);

/* Empties a step, but for what is valid only together with something that it sets. */
void begin_step(struct mqtt_step *step);

/* The next free finding of a step; counted as dropped, and NULL, if there is none. */
struct mqtt_finding *next_finding(struct mqtt_step *step);

static inline struct mqtt_leg place_leg(const struct mqtt_place *place)
{
    return (struct mqtt_leg){place->time, place->frame, place->token};
}

/* It is known now which side is the client. */
static inline void set_client(struct mqtt_connection *c, uint8_t side)
{
    c->client_known = true;
    c->client = side;
    c->senders[side] = MQTT_SENDER_CLIENT;
    c->senders[1 - side] = MQTT_SENDER_SERVER;
}

static inline bool is_5_0(const struct observation *o)
{
    return o->version == MQTT_VERSION_5_0;
}

static inline bool has_property(const struct observation *o, enum mqtt_property property)
{
    return mqtt_has_property(&o->packet->properties, property);
}

/* The packet's reason code; success where it has none (5.0: 3.4.2.1 and the like). */
static inline uint8_t reason_of(const struct mqtt_packet *packet)
{
    return packet->has_reason_code ? packet->reason_code : MQTT_REASON_SUCCESS;
}

/* An END finding: about a packet that was seen before, of `side`. `type`: enum mqtt_packet_type; 0
 * if it is about none. */
void end_finding(const struct mqtt_connection *c, struct mqtt_step *step, enum mqtt_rule rule,
                 uint8_t side, unsigned type, const struct mqtt_leg *about, uint64_t value0,
                 uint64_t value1);

/* Says in the step which packet this one answers. */
void link_request(struct observation *o, const struct mqtt_leg *request);

/* Whether the client can have read the CONNACK. What its TCP has not acknowledged it has not. One
 * that sends without waiting for it may have more under way that passes the observer behind the
 * CONNACK (5.0: 3.1.4, non-normative). */
bool knows_connack(const struct observation *o);

#endif
