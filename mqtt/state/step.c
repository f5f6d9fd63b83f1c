/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One step a control packet: version, roles, order, silence, then what the packet itself means
 * (agreement.c, qos.c, requests.c). Nothing else in this folder knows of it.
 */
#include <string.h>

#include "mqtt/state/agreement.h"
#include "mqtt/state/authentication.h"
#include "mqtt/state/claim.h"
#include "mqtt/state/closing.h"
#include "mqtt/state/doubt.h"
#include "mqtt/state/observation.h"
#include "mqtt/state/qos.h"
#include "mqtt/state/requests.h"
#include "mqtt/state/resume.h"
#include "mqtt/state/silence.h"
#include "mqtt/state/upgrade.h"

/* What the packet shows by itself, and what the connection can add to it, fit into a step. */
_Static_assert(MQTT_STEP_FINDINGS_MAX > MQTT_PACKET_FINDINGS_MAX,
               "a packet's own findings would drop those of the connection");

/* ---- Which version is it? ---- */

/* Packets whose bytes differ between 3.1.1 and 5.0 wherever both can read them. PUBACK and the like
 * look the same in their short form and say nothing. */
static bool tells_version(unsigned type)
{
    return type == MQTT_PUBLISH || type == MQTT_SUBSCRIBE || type == MQTT_SUBACK ||
           type == MQTT_UNSUBSCRIBE || type == MQTT_CONNACK;
}

/* A packet that reads cleanly in one version alone settles it. One that reads in both as well is
 * taken for 5.0, if nothing better is known: bytes that happen to form a property block are
 * unlikely. */
static void infer_version(struct mqtt_connection *c, const struct mqtt_bytes *bytes)
{
    switch (mqtt_readable_versions(bytes->data, bytes->captured, bytes->reported)) {
    case MQTT_READS_AS_3_1_1: c->version = MQTT_VERSION_3_1_1; break;
    case MQTT_READS_AS_5_0: c->version = MQTT_VERSION_5_0; break;
    case MQTT_READS_AS_3_1_1 | MQTT_READS_AS_5_0:
        if (c->version == MQTT_VERSION_UNKNOWN && tells_version(bytes->data[0] >> 4))
            c->version = MQTT_VERSION_5_0;
        break;
    default: break;
    }
    c->version_inferred = c->version != MQTT_VERSION_UNKNOWN;
}

static enum mqtt_outcome decode(const struct mqtt_connection *c, uint8_t side,
                                const struct mqtt_bytes *bytes, struct mqtt_trace *trace,
                                struct mqtt_packet *packet)
{
    const struct mqtt_context context = {(enum mqtt_version)c->version,
                                         mqtt_connection_sender(c, side)};
    return trace == NULL
               ? mqtt_decode(bytes->data, bytes->captured, bytes->reported, &context, packet)
               : mqtt_decode_traced(bytes->data, bytes->captured, bytes->reported, &context, packet,
                                    trace);
}

/* Whether the packet may say that the version is another one than it was just read in. */
static bool questions_version(const struct mqtt_connection *c, enum mqtt_outcome outcome,
                              const struct mqtt_packet *packet)
{
    if (c->version == MQTT_VERSION_UNKNOWN)
        return outcome != MQTT_NEED_MORE && packet->type != MQTT_CONNECT;
    return c->version_inferred && outcome != MQTT_NEED_MORE && packet->type != MQTT_CONNECT &&
           (!mqtt_reads_cleanly(outcome, packet) || packet->version != c->version);
}

enum mqtt_outcome mqtt_connection_packet(struct mqtt_connection *c, const struct mqtt_place *place,
                                         const struct mqtt_bytes *bytes, struct mqtt_trace *trace,
                                         struct mqtt_packet *packet, struct mqtt_step *step)
{
    const uint8_t before = c->version;
    enum mqtt_outcome outcome = decode(c, place->side & 1, bytes, trace, packet);
    if (questions_version(c, outcome, packet)) {
        infer_version(c, bytes);
        if (c->version != before)
            outcome = decode(c, place->side & 1, bytes, trace, packet);
    }
    if (outcome != MQTT_NEED_MORE)
        mqtt_connection_step(c, place, outcome, packet, step);
    return outcome;
}

/* ---- Roles and order ---- */

static void learn_roles(struct mqtt_connection *c, uint8_t side, unsigned type,
                        enum mqtt_outcome outcome)
{
    if (c->client_known || outcome == MQTT_MALFORMED)
        return;
    const unsigned sender = mqtt_packet_info(type)->sender;
    if (sender == MQTT_SENDER_UNKNOWN)
        return;
    set_client(c, sender == MQTT_SENDER_CLIENT ? side : (uint8_t)(1 - side));
}

/* DISCONNECT and AUTH depend on the version. False if the other side alone may send this: then it
 * means nothing. */
static bool check_direction(struct observation *o)
{
    const unsigned only = mqtt_packet_info(o->packet->type)->sender;
    if (only == MQTT_SENDER_UNKNOWN || o->sender == MQTT_SENDER_UNKNOWN ||
        only == (unsigned)o->sender)
        return true;
    raise_finding(o, MQTT_RULE_PACKET_FROM_WRONG_SIDE, MQTT_FIELD_PACKET_TYPE, o->packet->type, 0);
    return false;
}

static bool before_5_0(const struct observation *o)
{
    return o->version == MQTT_VERSION_3_1 || o->version == MQTT_VERSION_3_1_1;
}

static void check_first(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    const unsigned type = o->packet->type;
    if (!c->start_seen || o->from->packets != 0 || o->from->gap)
        return;
    /* What a server had got of the client when it sent: TCP tells. */
    if (o->sender == MQTT_SENDER_SERVER && type == MQTT_CONNACK && o->place->acknowledged == 0 &&
        o->to->packets == 0 && !o->to->gap)
        raise_finding(o, MQTT_RULE_CONNACK_BEFORE_CONNECT, MQTT_FIELDS, reason_of(o->packet), 0);
    if (o->sender == MQTT_SENDER_CLIENT && type != MQTT_CONNECT)
        raise_finding(o, MQTT_RULE_FIRST_PACKET_NOT_CONNECT, MQTT_FIELD_PACKET_TYPE, type, 0);
    /* A server's DISCONNECT has a rule of its own in 5.0. */
    if (o->sender == MQTT_SENDER_SERVER && type != MQTT_CONNACK &&
        (before_5_0(o) || (type != MQTT_AUTH && type != MQTT_DISCONNECT)))
        raise_finding(o, MQTT_RULE_FIRST_SERVER_PACKET_NOT_CONNACK, MQTT_FIELD_PACKET_TYPE, type,
                      0);
}

/* A client that has nothing of the session that the server goes on with closes (5.0: 3.2.2-4). */
static void check_stateless(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    if (o->sender != MQTT_SENDER_CLIENT || o->packet->type == MQTT_DISCONNECT || !knows_connack(o))
        return;
    c->stateless = false; /* once is enough */
    raise_finding(o, MQTT_RULE_SESSION_UNKNOWN_TO_CLIENT, MQTT_FIELD_PACKET_TYPE, c->connack.frame,
                  0);
}

static void check_last(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    if (c->stateless)
        check_stateless(o);
    if (o->from->disconnect.frame != 0)
        raise_finding(o, MQTT_RULE_PACKET_AFTER_DISCONNECT, MQTT_FIELD_PACKET_TYPE,
                      o->from->disconnect.frame, 0);
    if (c->refused && o->sender == MQTT_SENDER_SERVER && o->packet->type != MQTT_CONNACK)
        raise_finding(o, MQTT_RULE_PACKET_AFTER_REFUSAL, MQTT_FIELD_PACKET_TYPE, c->connack.frame,
                      0);
}

static void packet_findings(struct observation *o)
{
    const struct mqtt_packet *packet = o->packet;
    /* Read as 3.1.1 for want of better: what looks wrong may be right in 5.0. */
    if (packet->version == MQTT_VERSION_UNKNOWN && packet->type != MQTT_CONNECT)
        return;
    for (uint32_t i = 0; i < packet->finding_count; i++) {
        const struct mqtt_packet_finding *p = &packet->findings[i];
        struct mqtt_finding *finding = raise_finding(
            o, (enum mqtt_rule)p->rule, (enum mqtt_field)p->field, p->values[0], p->values[1]);
        if (finding == NULL)
            continue;
        finding->offset = p->offset;
        finding->length = p->length;
        finding->version = packet->version;
    }
    o->step->findings_dropped += packet->findings_dropped;
}

/* ---- The step ---- */

/* The snap length cut the packet before its packet identifier: a handshake begins or goes on that
 * can't be followed. As with a gap, nothing about it is held against anybody. */
static void check_cut(struct observation *o)
{
    const unsigned type = o->packet->type;
    const bool plain = type == MQTT_PUBLISH && (o->packet->flags & 0x06) == 0;
    /* Cut before its payload, a PUBLISH may have set an alias. */
    if (type == MQTT_PUBLISH && !before_5_0(o) && o->packet->publish.payload_offset == 0)
        o->from->alias_refused = true;
    const bool none = type == MQTT_CONNECT || type == MQTT_CONNACK || type >= MQTT_PINGREQ;
    if (o->packet->has_packet_identifier || plain || none)
        return;
    o->from->gap = true;
    doubt_side(o->connection, o->place->side, o->place->time, o->place->frame);
}

static bool acknowledges(unsigned type)
{
    return (type >= MQTT_PUBACK && type <= MQTT_PUBCOMP) || type == MQTT_SUBACK ||
           type == MQTT_UNSUBACK;
}

static void dispatch(struct observation *o)
{
    if (acknowledges(o->packet->type) && !o->packet->has_packet_identifier)
        return; /* cut by the snap length: nobody knows what it acknowledges */
    switch (o->packet->type) {
    case MQTT_CONNECT: observe_connect(o); break;
    case MQTT_CONNACK: observe_connack(o); break;
    case MQTT_PUBLISH: observe_publish(o); break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        note_latecomer(o->connection);
        observe_acknowledgement(o);
        break;
    case MQTT_SUBSCRIBE: observe_subscribe(o); break;
    case MQTT_SUBACK: observe_suback(o); break;
    case MQTT_UNSUBSCRIBE: observe_unsubscribe(o); break;
    case MQTT_UNSUBACK: observe_unsuback(o); break;
    case MQTT_PINGREQ: observe_pingreq(o); break;
    case MQTT_PINGRESP: observe_pingresp(o); break;
    case MQTT_DISCONNECT: observe_disconnect(o); break;
    case MQTT_AUTH: observe_auth(o); break;
    default: break;
    }
}

/* Whether the step blames that side: not all that a packet brings to light is about its sender. */
static bool has_error(const struct mqtt_step *step, uint8_t side)
{
    for (uint32_t i = 0; i < step->finding_count; i++) {
        if (step->findings[i].side == side &&
            mqtt_rule_info((enum mqtt_rule)step->findings[i].rule)->severity == MQTT_ERROR)
            return true;
    }
    return false;
}

static void count_packet(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    struct mqtt_side_state *from = o->from;
    if (o->sender == MQTT_SENDER_CLIENT && c->connect.frame != 0 && c->connack.frame == 0 &&
        o->packet->type != MQTT_CONNECT && o->packet->type != MQTT_AUTH)
        c->pipelines = true;
    from->packets++;
    from->bytes += o->packet->length;
    from->packets_by_type[o->packet->type]++;
    from->last = place_leg(o->place);
    if (o->step->finding_count != 0 && has_error(o->step, o->place->side)) {
        note_violation(o);
        from->last_error = from->last;
    }
}

void mqtt_connection_step(struct mqtt_connection *c, const struct mqtt_place *place,
                          enum mqtt_outcome outcome, const struct mqtt_packet *packet,
                          struct mqtt_step *step)
{
    const uint8_t side = place->side & 1;
    begin_step(step);
    c->clock++;
    note_time(c, place->time);
    side_seen(c, side, place->time);
    learn_roles(c, side, packet->type, outcome);
    struct observation o = {
        .connection = c,
        .place = place,
        .packet = packet,
        .step = step,
        .from = &c->sides[side],
        .to = &c->sides[1 - side],
        .sender = mqtt_connection_sender(c, side),
        .version = packet->type == MQTT_CONNECT && c->version == MQTT_VERSION_UNKNOWN
                       ? (enum mqtt_version)packet->version
                       : (enum mqtt_version)c->version,
    };
    step->version = (uint8_t)o.version;
    step->sender = (uint8_t)o.sender;
    packet_findings(&o);
    observe_silence(&o);
    if (place->text_frame != 0 || packet->type == MQTT_CONNECT)
        observe_upgrade(&o, outcome);
    check_first(&o);
    check_last(&o);
    /* What a malformed packet meant to say is not taken at its word; the capture's own cuts are,
     * and the version that the findings go by. */
    if (outcome == MQTT_MALFORMED && packet->type == MQTT_CONNECT &&
        c->version == MQTT_VERSION_UNKNOWN)
        c->version = packet->version;
    if (outcome == MQTT_TRUNCATED)
        check_cut(&o);
    if (check_direction(&o)) {
        check_limits(&o);
        if (outcome == MQTT_OK || outcome == MQTT_TRUNCATED)
            dispatch(&o);
        else
            observe_malformed(&o);
    }
    check_closing(&o);
    count_packet(&o);
    step->client_identifier = c->client_identifier;
    step->doubts[0] = c->sides[0].doubts;
    step->doubts[1] = c->sides[1].doubts;
}

void mqtt_connection_gap(struct mqtt_connection *c, const struct mqtt_place *place)
{
    const unsigned side = place->side & 1;
    c->sides[side].gap = true;
    c->sides[side].last.frame = 0; /* the silence since then is not known */
    if (side == c->client)
        note_stranger(c);
    doubt_side_until_seen(c, side, place->time, place->frame);
}
