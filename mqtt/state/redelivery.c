/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See redelivery.h. */
#include "mqtt/state/redelivery.h"

#include "mqtt/state/claim.h"
#include "mqtt/state/doubt.h"
#include "mqtt/wire/hash.h"

/* Slots of a table that are looked at. Whoever has more in flight than that is judged less closely.
 */
#define LOOK_AT 64u

/* So long a side that does nothing else may take before it sends again: some do so by a timer. */
#define IDLE_GRACE (10 * MQTT_SECOND)

/* What a resend may have more bytes than the first send: it has no topic alias any more, but
 * another property, or a longer length. */
#define SIZE_SLACK 16u

/* All that was in flight in the session was seen to begin, and the server said that it goes on,
 * which 3.1 does not tell. */
static bool is_awaited(const struct mqtt_connection *c, const struct mqtt_handshake *handshake)
{
    return handshake->resumed && c->version != MQTT_VERSION_3_1 && handshake_known(c, handshake);
}

/* ---- At a PUBLISH ---- */

/* The table's slot `i`, if it holds a handshake of this kind, and message, under another
 * identifier. */
static struct mqtt_handshake *same_at(const struct observation *o, uint32_t i,
                                      enum mqtt_handshake_kind kind, uint64_t fingerprint)
{
    struct mqtt_handshake *slot = &o->from->inflight.slots[i];
    const bool same = slot->kind == kind && slot->fingerprint == fingerprint && fingerprint != 0 &&
                      slot->packet_identifier != o->packet->packet_identifier;
    return same ? slot : NULL;
}

const struct mqtt_handshake *same_message(const struct observation *o,
                                          enum mqtt_handshake_kind kind, uint64_t fingerprint)
{
    for (uint32_t i = 0; i < o->from->inflight.capacity && i < LOOK_AT; i++) {
        const struct mqtt_handshake *same = same_at(o, i, kind, fingerprint);
        if (same != NULL)
            return same;
    }
    return NULL;
}

/* Each new message stands for one of those that wait at the most: equal ones may be meant. */
static void mark_echoed(const struct observation *o, enum mqtt_handshake_kind kind,
                        uint64_t fingerprint)
{
    for (uint32_t i = 0; i < o->from->inflight.capacity && i < LOOK_AT; i++) {
        struct mqtt_handshake *same = same_at(o, i, kind, fingerprint);
        if (same != NULL && same->resumed && !same->echoed) {
            same->echoed = true;
            return;
        }
    }
}

void note_new_message(struct observation *o, enum mqtt_handshake_kind kind, uint64_t fingerprint,
                      bool first)
{
    struct mqtt_side_state *from = o->from;
    /* A client that has not read the CONNACK does not know that the session goes on. */
    if (o->sender == MQTT_SENDER_CLIENT && !knows_connack(o))
        return;
    from->waiting--;
    if (first && from->fresh.frame == 0)
        from->fresh = place_leg(o->place);
    mark_echoed(o, kind, fingerprint);
}

static uint64_t topic_hash(const struct observation *o)
{
    const struct mqtt_sessions *sessions = o->connection->sessions;
    const struct mqtt_slice topic = o->step->topic;
    if (topic.length == 0 || sessions == NULL)
        return 0;
    return mqtt_keyed_hash(sessions->options.seed, topic.data, topic.length) | 1;
}

/* A client sends all again in the order of the first sends; a server keeps the order of each topic
 * by itself (4.6.0-6; 5.0: 4.6.0-5, -6), and not where subscribers share their messages. */
void check_resend_order(struct observation *o, const struct mqtt_handshake *handshake)
{
    struct mqtt_connection *c = o->connection;
    struct mqtt_resent *last = &o->from->resent;
    if (handshake->ordinal == 0 || !is_awaited(c, handshake))
        return;
    const uint64_t topic = topic_hash(o);
    if (handshake->ordinal >= last->ordinal)
        *last = (struct mqtt_resent){handshake->ordinal, handshake->kind, topic};
    else if (o->sender == MQTT_SENDER_CLIENT)
        identifier_finding(o, MQTT_RULE_RESENT_OUT_OF_ORDER, handshake->legs[0].frame);
    else if (o->sender == MQTT_SENDER_SERVER && topic != 0 && topic == last->topic &&
             handshake->kind == last->kind && !c->shares)
        identifier_finding(o, MQTT_RULE_RESENT_OUT_OF_TOPIC_ORDER, handshake->legs[0].frame);
}

/* ---- At the end ---- */

/* Its sender may not, or need not, send the PUBLISH again. A PUBREL is always due. */
static bool may_be_kept_back(const struct mqtt_connection *c,
                             const struct mqtt_handshake *handshake)
{
    const bool by_client = handshake->side == c->client;
    const bool qos_1 = handshake->kind == MQTT_HANDSHAKE_QOS_1;
    const uint32_t maximum = c->sides[1 - handshake->side].maximum_packet_size;
    if (handshake->stage > 2)
        return false;
    /* Too large for its receiver (5.0: 3.1.2-24, -25; 3.2.2-15), by what was agreed this time. */
    if (maximum != 0 && (handshake->size > maximum || maximum - handshake->size < SIZE_SLACK))
        return true;
    /* Of QoS 2 alone the text says that expiry does not end it (5.0: 4.3.3-7). */
    if (qos_1 && handshake->expires)
        return true;
    if (by_client)
        return c->maximum_qos < (qos_1 ? 1 : 2) || !c->retain_available; /* 3.2.2-11, -14 */
    /* It may go to another subscriber of the share instead (5.0: 4.8.2). */
    return qos_1 && c->shares;
}

/* The last packet of the side, while the other one had not ended the connection. */
static int64_t last_word(const struct mqtt_connection *c, unsigned side)
{
    const struct mqtt_leg *last = &c->sides[side].last;
    const struct mqtt_leg *end = &c->sides[1 - side].disconnect;
    return end->frame != 0 && end->time < last->time ? end->time : last->time;
}

/* From when on nothing that it had sent kept the side from sending again. */
static int64_t free_since(const struct mqtt_connection *c, unsigned side)
{
    const struct mqtt_side_state *state = &c->sides[side];
    int64_t since = c->connack.time;
    for (unsigned i = 0; i < MQTT_SETTLED_MAX; i++) {
        if (state->settled[i].clock != 0 && state->settled[i].time > since)
            since = state->settled[i].time;
    }
    return since;
}

/* What a side that leaves by itself must have had time for: several times what a packet and its
 * answer need to get past, as the transport's beginning shows. */
static int64_t leaving_grace(const struct mqtt_connection *c)
{
    const int64_t trip = mqtt_elapsed(c->connect.time, c->first.time);
    if (!c->start_seen)
        return IDLE_GRACE;
    if (trip > IDLE_GRACE / 3)
        return IDLE_GRACE;
    return trip > MQTT_CLOSE_GRACE / 3 ? trip * 3 : MQTT_CLOSE_GRACE;
}

/* The side ended the connection by itself: not since the other one did, nor because of an error. */
static bool has_left(const struct mqtt_connection *c, unsigned side)
{
    const struct mqtt_side_state *state = &c->sides[side];
    const struct mqtt_leg *other = &c->sides[1 - side].disconnect;
    return state->disconnect.frame != 0 && state->disconnect_reason < MQTT_REASON_FAILURE &&
           (other->frame == 0 || other->time >= state->disconnect.time);
}

/* The side used the connection, and could have sent again what waits. */
static bool went_on(const struct mqtt_connection *c, unsigned side)
{
    const struct mqtt_side_state *state = &c->sides[side];
    const bool left = has_left(c, side);
    const int64_t last = last_word(c, side);
    if (state->fresh.frame != 0 &&
        (left || mqtt_elapsed(last, state->fresh.time) >= MQTT_OPEN_GRACE))
        return true;
    /* What is not acknowledged yet may use up what the receiver takes at a time. */
    return state->outstanding == 0 &&
           mqtt_elapsed(last, free_since(c, side)) >= (left ? leaving_grace(c) : IDLE_GRACE);
}

/* A PUBREL may be all that was seen of it. */
static uint64_t first_frame(const struct mqtt_handshake *handshake)
{
    const uint64_t publish = handshake->legs[0].frame;
    return publish != 0 ? publish : handshake->legs[2].frame;
}

bool not_resent_finding(const struct mqtt_connection *c, const struct mqtt_handshake *handshake,
                        struct mqtt_finding *finding)
{
    const bool by_client = handshake->side == c->client;
    /* Where the duty begins: the client's CONNECT, the server's CONNACK. */
    const struct mqtt_leg *duty = by_client ? &c->connect : &c->connack;
    if (!is_awaited(c, handshake) || c->claim == NULL || c->claim->session->stale ||
        !claim_undisturbed(c->claim) || may_be_kept_back(c, handshake) ||
        !went_on(c, handshake->side))
        return false;
    *finding = (struct mqtt_finding){
        .rule = handshake->echoed ? MQTT_RULE_NEW_IN_PLACE_OF_RESEND : MQTT_RULE_NOT_RESENT,
        .version = c->version,
        .sender = (uint8_t)mqtt_connection_sender(c, handshake->side),
        .packet_type = by_client ? MQTT_CONNECT : MQTT_CONNACK,
        .side = handshake->side,
        .field = MQTT_FIELDS,
        .time = duty->time,
        .frame = duty->frame,
        .values = {handshake->packet_identifier, first_frame(handshake)},
    };
    return true;
}
