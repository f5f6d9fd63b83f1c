/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See observation.h. */
#include "mqtt/state/observation.h"

/* Longer than that nothing stays under way: nanoseconds. */
#define PIPELINE_TIME (5 * MQTT_SECOND)

void begin_step(struct mqtt_step *step)
{
    step->client_identifier = (struct mqtt_slice){NULL, 0};
    step->topic = (struct mqtt_slice){NULL, 0};
    step->topic_from_alias = false;
    step->alias_lost = false;
    step->resend = false;
    step->first = (struct mqtt_leg){0};
    step->request = (struct mqtt_leg){0};
    step->since_request = 0;
    step->has_handshake = false;
    step->filters = (struct mqtt_slice){NULL, 0};
    step->session = MQTT_SESSION_UNTOUCHED;
    step->taken_over = 0;
    step->since_connect = MQTT_NO_TIME;
    step->since_client = MQTT_NO_TIME;
    step->in_flight = 0;
    step->finding_count = 0;
    step->findings_dropped = 0;
}

struct mqtt_finding *next_finding(struct mqtt_step *step)
{
    if (step->finding_count == MQTT_STEP_FINDINGS_MAX) {
        step->findings_dropped++;
        return NULL;
    }
    return &step->findings[step->finding_count++];
}

/* Which exchange a PUBLISH begins; 0 where it begins none. */
static uint8_t exchange_qos(const struct mqtt_packet *packet)
{
    const bool begins = packet->type == MQTT_PUBLISH && packet->publish.qos != 3;
    return begins ? packet->publish.qos : 0;
}

struct mqtt_finding *raise_finding(struct observation *o, enum mqtt_rule rule,
                                   enum mqtt_field field, uint64_t value0, uint64_t value1)
{
    struct mqtt_finding *finding = next_finding(o->step);
    if (finding == NULL)
        return NULL;
    *finding = (struct mqtt_finding){
        .rule = (uint16_t)rule,
        .version = (uint8_t)o->version,
        .sender = (uint8_t)o->sender,
        .packet_type = o->packet->type,
        .side = o->place->side,
        .qos = exchange_qos(o->packet),
        .field = (uint16_t)field,
        .time = o->place->time,
        .frame = o->place->frame,
        .values = {value0, value1},
    };
    return finding;
}

/* It names the packet that it is about, not the frame that ends the connection. */
void end_finding(const struct mqtt_connection *c, struct mqtt_step *step, enum mqtt_rule rule,
                 uint8_t side, unsigned type, const struct mqtt_leg *about, uint64_t value0,
                 uint64_t value1)
{
    struct mqtt_finding *finding = next_finding(step);
    if (finding == NULL)
        return;
    *finding = (struct mqtt_finding){
        .rule = (uint16_t)rule,
        .version = c->version,
        .sender = (uint8_t)mqtt_connection_sender(c, side),
        .packet_type = (uint8_t)type,
        .side = side,
        .field = MQTT_FIELDS,
        .time = about->time,
        .frame = about->frame,
        .values = {value0, value1},
    };
}

void identifier_finding(struct observation *o, enum mqtt_rule rule, uint64_t frame)
{
    raise_finding(o, rule, MQTT_FIELD_PACKET_IDENTIFIER, o->packet->packet_identifier, frame);
}

void link_request(struct observation *o, const struct mqtt_leg *request)
{
    if (request->frame == 0)
        return;
    o->step->request = *request;
    o->step->since_request = mqtt_elapsed(o->place->time, request->time);
    if (o->step->since_request > o->from->slowest_answer)
        o->from->slowest_answer = o->step->since_request;
}

bool knows_connack(const struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    if (o->place->acknowledged < c->connack_position)
        return false;
    return c->accepted &&
           !(c->pipelines && mqtt_elapsed(o->place->time, c->connack.time) < PIPELINE_TIME);
}
