/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PUBLISH and its acknowledgements (3.1.1 and 5.0: 4.3, 4.4, 4.6): qos.def says what a packet does
 * to a handshake, and here it is done.
 *
 * A handshake stands in the table of the side that began it. PUBLISH and PUBREL are the beginner's,
 * the other three its receiver's.
 */
#include "mqtt/state/qos.h"

#include <string.h>

#include "mqtt/state/aliases.h"
#include "mqtt/state/claim.h"
#include "mqtt/state/doubt.h"
#include "mqtt/state/exchange.h"
#include "mqtt/state/inflight.h"
#include "mqtt/state/redelivery.h"
#include "mqtt/wire/hash.h"

enum state {
    NONE,
    OTHER,
    QOS_1_PUBLISHED,
    QOS_2_PUBLISHED,
    QOS_2_RECEIVED,
    QOS_2_RELEASED,
    QOS_1_RESUMED,
    QOS_2_RESUMED,
    QOS_2_RESUMED_RECEIVED,
    QOS_2_RESUMED_RELEASED,
    STATES,
};

enum packet { FIRST, AGAIN, PUBACK, PUBREC, PUBREC_ERROR, PUBREL, PUBCOMP, PACKETS };

enum next { SAME, NEW, ADOPTED, SENT_AGAIN, RECEIVED, RELEASED, DONE };

enum { NO_LEG = MQTT_LEGS };

/* What qos.def writes as NOTHING and NONE. */
enum { MQTT_NOTHING = MQTT_RESERVED };

struct transition {
    uint8_t next;      /* enum next */
    uint8_t owed;      /* enum mqtt_packet_type */
    uint16_t rules[2]; /* enum mqtt_rule: before 5.0, and in 5.0 */
    uint8_t about;     /* leg */
};

static const struct transition transitions[STATES][PACKETS] = {
#define QOS(state, packet, next, owed, rule_3_1_1, rule_5_0, about)                                \
    [state][packet] = {next, MQTT_##owed, {MQTT_RULE_##rule_3_1_1, MQTT_RULE_##rule_5_0}, about},
#include "mqtt/state/qos.def"
};

/* One packet on its way through the table. */
struct passage {
    struct observation *o;
    struct mqtt_side_state *beginner;
    struct mqtt_handshake *handshake; /* NULL: the identifier stands for nothing */
    enum mqtt_handshake_kind kind;    /* that this packet belongs to */
    enum packet packet;
    enum state state;
    const struct transition *transition;
};

static inline enum state state_of(const struct mqtt_handshake *handshake,
                                  enum mqtt_handshake_kind kind)
{
    if (handshake == NULL)
        return NONE;
    if (handshake->kind != kind)
        return OTHER;
    if (kind == MQTT_HANDSHAKE_QOS_1)
        return handshake->resumed ? QOS_1_RESUMED : QOS_1_PUBLISHED;
    switch (handshake->stage) {
    case 1: return handshake->resumed ? QOS_2_RESUMED : QOS_2_PUBLISHED;
    case 2: return handshake->resumed ? QOS_2_RESUMED_RECEIVED : QOS_2_RECEIVED;
    default: return handshake->resumed ? QOS_2_RESUMED_RELEASED : QOS_2_RELEASED;
    }
}

static inline void begin_passage(struct passage *p, struct observation *o,
                                 struct mqtt_side_state *beginner, enum mqtt_handshake_kind kind,
                                 enum packet packet)
{
    p->o = o;
    p->beginner = beginner;
    p->kind = kind;
    p->packet = packet;
    p->handshake = inflight_find(&beginner->inflight, o->packet->packet_identifier);
    p->state = state_of(p->handshake, kind);
    p->transition = &transitions[p->state][packet];
}

/* The capture shows enough to judge the packet. */
static bool is_known(const struct passage *p)
{
    const struct mqtt_connection *c = p->o->connection;
    if (p->handshake != NULL)
        return handshake_known(c, p->handshake);
    return identifier_known(c, (unsigned)(p->beginner - c->sides), p->o->packet->packet_identifier,
                            p->kind);
}

bool session_fresh(const struct mqtt_connection *c, unsigned side)
{
    const bool nothing_stored =
        c->accepted && c->version != MQTT_VERSION_3_1 && !c->session_present;
    const bool binds = side != c->client || c->version == MQTT_VERSION_5_0;
    return c->clean_start || (nothing_stored && binds);
}

/* ---- Findings ---- */

static void resend_finding(struct observation *o, uint64_t first_frame)
{
    identifier_finding(
        o, is_5_0(o) ? MQTT_RULE_RESENT_WHILE_CONNECTED : MQTT_RULE_RESENT_ON_TIMEOUT, first_frame);
}

/* Packet Identifier not found: the acknowledgement says so itself. */
static bool disowns(const struct passage *p)
{
    return p->state <= OTHER && reason_of(p->o->packet) == MQTT_REASON_PACKET_IDENTIFIER_NOT_FOUND;
}

/* The frame that the row's finding names; of an adopted exchange, the first that was seen. */
static uint64_t frame_about(const struct passage *p)
{
    unsigned leg = p->transition->about;
    if (leg >= NO_LEG)
        return 0;
    while (leg + 1 < MQTT_LEGS && p->handshake->legs[leg].frame == 0)
        leg++;
    return p->handshake->legs[leg].frame;
}

static bool judge_by(const struct passage *p, enum mqtt_rule rule)
{
    struct observation *o = p->o;
    if (pays(o))
        return true;
    if (is_known(p) && !disowns(p))
        exchange_finding(o, rule, p->handshake, frame_about(p));
    return false;
}

/* Raises what the row says, where the capture shows enough and no debt explains it. Returns whether
 * the packet paid one. */
static inline bool judge(struct passage *p)
{
    const enum mqtt_rule rule = (enum mqtt_rule)p->transition->rules[is_5_0(p->o)];
    return rule != MQTT_RULE_NONE && judge_by(p, rule);
}

/* Clients acknowledge in the order of arrival (4.6.0-2 to -4). `seen` is the highest order that was
 * acknowledged so far. */
static void check_order(const struct passage *p, enum mqtt_rule rule, uint64_t order,
                        uint64_t *seen)
{
    /* Soon after a doubt, an acknowledgement may be for a lost PUBLISH with the same identifier. */
    if (order != 0 && order < *seen && p->o->sender == MQTT_SENDER_CLIENT && is_known(p) &&
        long_after_doubt(p->o->connection, p->handshake->began, p->handshake->legs[0].time))
        identifier_finding(p->o, rule, 0);
    if (order > *seen)
        *seen = order;
}

/* ---- PUBLISH ---- */

/* So many packets beyond the limit are told of one by one; then each time that there are twice as
 * many. Some servers have hundreds in flight, on each of their connections. */
#define BEYOND_EACH 8u

/* PUBLISH packets that this side has sent on this connection and that are not settled yet. One that
 * stays beyond the limit is told of when it goes further, and not with each packet. */
static void count_against_quota(struct observation *o, struct mqtt_handshake *handshake)
{
    const struct mqtt_connection *c = o->connection;
    const uint32_t limit = o->to->receive_maximum;
    handshake->counted = c->era;
    const uint32_t outstanding = ++o->from->outstanding;
    if (outstanding <= limit)
        return;
    const bool quota_known =
        is_5_0(o) && (o->sender == MQTT_SENDER_CLIENT ? knows_connack(o) : c->connect.frame != 0);
    const bool further = outstanding > o->from->beyond &&
                         (outstanding - limit <= BEYOND_EACH || outstanding >= 2 * o->from->beyond);
    if (!quota_known || !seen_since(c, c->clock) || !further)
        return;
    o->from->beyond = outstanding;
    raise_finding(o, MQTT_RULE_RECEIVE_MAXIMUM_EXCEEDED, MQTT_FIELD_PACKET_IDENTIFIER, outstanding,
                  limit);
}

static void mark_resend(struct observation *o, struct mqtt_handshake *handshake,
                        const struct mqtt_leg *first)
{
    o->step->resend = true;
    o->step->first = *first;
    if (handshake->resends != UINT16_MAX)
        handshake->resends++;
}

/* What stands at `data` (NULL if `length` is 0) as a number; of more than eight bytes the first
 * eight. Bytes may be in it twice: the lengths are compared as well. Copies of a fixed size are no
 * calls. */
static inline uint64_t word_of(const uint8_t *data, size_t length)
{
    uint64_t word = 0;
    uint32_t halves[2];
    if (length >= sizeof word) {
        memcpy(&word, data, sizeof word);
    } else if (length >= sizeof halves[0]) {
        memcpy(&halves[0], data, sizeof halves[0]);
        memcpy(&halves[1], data + length - sizeof halves[1], sizeof halves[1]);
        word = (uint64_t)halves[0] << 32 | halves[1];
    } else if (length != 0) {
        word = (uint64_t)data[0] << 16 | (uint64_t)data[length / 2] << 8 | data[length - 1];
    }
    return word;
}

/* The last up to eight bytes. */
static inline uint64_t tail_of(struct mqtt_slice slice)
{
    if (slice.length <= sizeof(uint64_t))
        return word_of(slice.data, slice.length);
    return word_of(slice.data + slice.length - sizeof(uint64_t), sizeof(uint64_t));
}

/* Topic and payload, as far as they tell two messages under one identifier apart: lengths, how the
 * payload begins, how both end. It is made of every PUBLISH that is acknowledged and compared
 * hardly ever, so it costs little; it is compared with others of the same session alone, and needs
 * no seed. 0 where the capture lacks some of it. */
static uint64_t fingerprint(const struct observation *o)
{
    const struct mqtt_publish *publish = &o->packet->publish;
    const struct mqtt_slice payload = publish->payload, topic = o->step->topic;
    if (payload.length != publish->payload_length || topic.length == 0)
        return 0;
    const uint64_t lengths = (uint64_t)payload.length << 32 | topic.length;
    const uint64_t first = word_of(payload.data, payload.length);
    const uint64_t second = payload.length > 16 ? word_of(payload.data + 8, 8) : 0;
    const uint64_t tail = tail_of(payload);
    const uint64_t ends = tail_of(topic) ^ (tail << 32 | tail >> 32);
    return (mqtt_hash_mix(first ^ lengths * UINT64_C(0x9e3779b97f4a7c15),
                          ends ^ second ^ UINT64_C(0xc2b2ae3d27d4eb4f)) |
            1);
}

static bool is_same_message(const struct mqtt_handshake *handshake, uint64_t mark)
{
    return handshake->fingerprint != 0 && handshake->fingerprint == mark;
}

static bool is_another_message(const struct mqtt_handshake *handshake, uint64_t mark)
{
    return handshake->fingerprint != 0 && mark != 0 && handshake->fingerprint != mark;
}

/* Senders count their identifiers up: what lies between those that were used on this connection may
 * have been used, and its acknowledgement may not have come there when it was sent again. */
static bool was_used(const struct observation *o)
{
    const uint16_t identifier = o->packet->packet_identifier;
    return identifier >= o->from->lowest_used && identifier <= o->from->highest_used;
}

static void note_used(struct mqtt_side_state *from, uint16_t identifier)
{
    if (from->lowest_used == 0 || identifier < from->lowest_used)
        from->lowest_used = identifier;
    if (identifier > from->highest_used)
        from->highest_used = identifier;
}

/* There may have been a connection of this client that nobody can tell: then that one may have sent
 * what is not known here. */
static bool has_stranger(const struct mqtt_connection *c)
{
    return c->sessions != NULL && (c->sessions->strangers != 0 ||
                                   (c->claim != NULL && name_used_elsewhere(c->claim->session)));
}

/* What is remembered of the message, to know it again. */
static void describe(const struct observation *o, struct mqtt_handshake *handshake, uint64_t mark)
{
    const uint32_t name = o->step->topic_from_alias ? o->step->topic.length : 0;
    handshake->fingerprint = mark;
    handshake->size = o->step->topic.length != 0 ? o->packet->length + name : UINT32_MAX;
    handshake->expires = has_property(o, MQTT_PROPERTY_MESSAGE_EXPIRY_INTERVAL);
    if (o->packet->publish.dup)
        return; /* nobody knows when it was sent first: its acknowledgement may have got lost */
    if (o->from->begun != UINT32_MAX)
        o->from->begun++;
    handshake->ordinal = o->from->begun;
}

/* Never sent before in this session; but it may have been in the one before it. */
static void judge_first_dup(struct observation *o, enum mqtt_handshake_kind kind)
{
    const struct mqtt_handshake *before =
        inflight_find(&o->from->discarded, o->packet->packet_identifier);
    const uint64_t mark = fingerprint(o);
    if (before != NULL && !is_another_message(before, mark)) {
        identifier_finding(o, MQTT_RULE_RESENT_AFTER_CLEAN_START, before->legs[0].frame);
        return;
    }
    if (has_stranger(o->connection))
        return; /* it may have sent it */
    const struct mqtt_handshake *same = same_message(o, kind, mark);
    if (same != NULL)
        identifier_finding(o, MQTT_RULE_RESENT_UNDER_NEW_IDENTIFIER, same->legs[0].frame);
    else
        raise_finding(o, MQTT_RULE_DUP_ON_FIRST_SEND, MQTT_FIELD_DUP, o->packet->packet_identifier,
                      0);
}

/* DUP, although nothing with this identifier is in flight: sent again before the acknowledgement
 * that the capture has already seen came there, or never sent before. */
static void judge_lone_dup(struct passage *p)
{
    struct observation *o = p->o;
    const struct mqtt_settled *last = last_settled(o, p->kind);
    const struct mqtt_settled *settled = just_settled(o, p->kind);
    if (!is_known(p))
        return;
    /* Less than that, and the two may have crossed. */
    if (last != NULL && last->failed && mqtt_elapsed(o->place->time, last->time) > MQTT_CLOSE_GRACE)
        identifier_finding(o, MQTT_RULE_RESENT_AFTER_ERROR, last->frame);
    else if (settled != NULL)
        resend_finding(o, settled->frame);
    else if (!session_fresh(o->connection, o->place->side) || was_used(o))
        return; /* it may be a second send, and late */
    else
        judge_first_dup(o, p->kind);
}

/* The sender says that it sends again what its identifier stands for, and it is something else. */
static void judge_other_message(const struct passage *p)
{
    if (is_known(p))
        identifier_finding(p->o, MQTT_RULE_RESENT_AS_ANOTHER, p->handshake->legs[0].frame);
}

static void publish_new(struct passage *p)
{
    struct observation *o = p->o;
    const struct mqtt_connection *c = o->connection;
    /* Clock 1 is the connection's beginning. */
    const bool may_repeat_lost = p->packet == AGAIN && !is_known(p) && lost_since(c, 1);
    const uint64_t mark = fingerprint(o);
    if (p->state == NONE && p->packet == AGAIN)
        judge_lone_dup(p);
    else if (p->state > OTHER && p->packet == AGAIN)
        judge_other_message(p);
    else if (p->state == QOS_2_RELEASED && is_same_message(p->handshake, mark))
        judge_by(p, MQTT_RULE_PUBLISH_AFTER_PUBREL); /* sent again, although without DUP */
    else if (p->transition->next == SENT_AGAIN)
        judge_by(p, MQTT_RULE_PACKET_IDENTIFIER_IN_USE);
    else
        judge(p);
    note_used(o->from, o->packet->packet_identifier);
    if (o->from->waiting != 0)
        note_new_message(o, p->kind, mark, p->packet == FIRST);
    struct mqtt_handshake *handshake = begin_handshake(o, p->kind);
    if (handshake == NULL)
        return;
    describe(o, handshake, mark);
    if (may_repeat_lost)
        handshake->began = 0; /* and so it did not begin in plain sight */
    handshake->order = handshake->replaces ? 0 : ++o->from->next_order;
    count_against_quota(o, handshake);
}

/* Sent again after the session was resumed, as 4.4.0-1 wants it. A PUBREC that got lost with the
 * connection comes again. */
static void publish_redelivered(struct passage *p)
{
    struct observation *o = p->o;
    struct mqtt_handshake *handshake = p->handshake;
    judge(p);
    check_resend_order(o, handshake);
    mark_resend(o, handshake, &handshake->legs[0]);
    handshake->again = place_leg(o->place);
    handshake->resumed = false;
    handshake->stage = 1;
    handshake->order = ++o->from->next_order;
    count_against_quota(o, handshake);
}

/* Sent again, with DUP, on the connection that carried it the first time. */
static void publish_again(struct passage *p)
{
    struct observation *o = p->o;
    struct mqtt_handshake *handshake = p->handshake;
    /* Less than that, and the two may have crossed. */
    if (p->state == QOS_2_RECEIVED && is_known(p) &&
        mqtt_elapsed(o->place->time, handshake->legs[1].time) > MQTT_CLOSE_GRACE)
        identifier_finding(o, MQTT_RULE_PUBLISH_AFTER_PUBREC, handshake->legs[1].frame);
    judge(p);
    owe(o, o->to, (enum mqtt_packet_type)p->transition->owed);
    mark_resend(o, handshake, &handshake->legs[0]);
}

/* A PUBLISH with the identifier of a handshake that was resumed: it has to be the same message.
 * Where what happened before is a matter of doubt, DUP alone says so. */
static bool is_redelivery(const struct passage *p)
{
    if (p->packet == AGAIN && !is_known(p))
        return true;
    return is_known(p) && !is_another_message(p->handshake, fingerprint(p->o));
}

void observe_publish(struct observation *o)
{
    const struct mqtt_publish *publish = &o->packet->publish;
    observe_topic(o);
    if (!o->packet->has_packet_identifier || publish->qos == 0 || publish->qos == 3)
        return;
    struct passage p;
    begin_passage(&p, o, o->from, publish->qos == 1 ? MQTT_HANDSHAKE_QOS_1 : MQTT_HANDSHAKE_QOS_2,
                  publish->dup ? AGAIN : FIRST);
    switch ((enum next)p.transition->next) {
    case SENT_AGAIN:
        if (is_redelivery(&p))
            publish_redelivered(&p);
        else
            publish_new(&p);
        break;
    case SAME:
        if (is_another_message(p.handshake, fingerprint(o)))
            publish_new(&p);
        else
            publish_again(&p);
        break;
    default: publish_new(&p); break;
    }
    o->step->in_flight = o->from->outstanding;
}

/* ---- PUBACK, PUBREC, PUBREL, PUBCOMP ---- */

static enum packet packet_of(const struct mqtt_packet *packet)
{
    switch (packet->type) {
    case MQTT_PUBACK: return PUBACK;
    case MQTT_PUBREL: return PUBREL;
    case MQTT_PUBCOMP: return PUBCOMP;
    default: return reason_of(packet) >= MQTT_REASON_FAILURE ? PUBREC_ERROR : PUBREC;
    }
}

/* What an acknowledgement on this connection answers: the first send may be of an earlier one. */
static const struct mqtt_leg *last_send(const struct mqtt_handshake *handshake, unsigned leg)
{
    return handshake->again.frame != 0 ? &handshake->again : &handshake->legs[leg];
}

static void link_to_handshake(const struct passage *p)
{
    if (p->state <= OTHER)
        return;
    switch (p->packet) {
    case PUBREL:
        if (p->transition->next == RELEASED && p->state != QOS_2_RESUMED_RELEASED)
            link_request(p->o, &p->handshake->legs[1]);
        break;
    case PUBCOMP: link_request(p->o, last_send(p->handshake, 2)); break;
    default: link_request(p->o, last_send(p->handshake, 0)); break;
    }
}

static void check_orders(const struct passage *p)
{
    struct mqtt_side_state *beginner = p->beginner;
    if (p->packet == PUBACK && p->transition->next == DONE)
        check_order(p, MQTT_RULE_PUBACK_OUT_OF_ORDER, p->handshake->order,
                    &beginner->acked_order[0]);
    else if ((p->packet == PUBREC || p->packet == PUBREC_ERROR) && p->transition->next != SAME &&
             p->state > OTHER)
        check_order(p, MQTT_RULE_PUBREC_OUT_OF_ORDER, p->handshake->order,
                    &beginner->acked_order[1]);
    else if (p->packet == PUBREL && p->handshake != NULL && p->handshake->stage == 2 &&
             p->transition->next == RELEASED)
        check_order(p, MQTT_RULE_PUBREL_OUT_OF_ORDER, p->handshake->order_received,
                    &beginner->released_order);
}

static enum mqtt_field reason_field(const struct observation *o)
{
    switch (o->packet->type) {
    case MQTT_PUBACK: return MQTT_FIELD_PUBACK_REASON;
    case MQTT_PUBREC: return MQTT_FIELD_PUBREC_REASON;
    case MQTT_PUBREL: return MQTT_FIELD_PUBREL_REASON;
    default: return MQTT_FIELD_PUBCOMP_REASON;
    }
}

/* A reason code that says something by itself. */
static void check_reason(const struct passage *p)
{
    struct observation *o = p->o;
    const uint8_t reason = reason_of(o->packet);
    const bool second_half = p->packet == PUBREL || p->packet == PUBCOMP;
    /* In recovery it is no error: the other side had finished (5.0: 3.6.2.1, 3.7.2.1). */
    const bool recovers = p->handshake != NULL &&
                          (p->handshake->again.frame != 0 || p->handshake->legs[0].frame == 0);
    if (second_half && reason == MQTT_REASON_PACKET_IDENTIFIER_NOT_FOUND && !recovers &&
        is_known(p))
        raise_finding(o, MQTT_RULE_PACKET_IDENTIFIER_NOT_FOUND, reason_field(o),
                      o->packet->packet_identifier, 0);
    else if (!second_half && p->transition->next == DONE && reason >= MQTT_REASON_FAILURE)
        raise_finding(o, MQTT_RULE_PUBLISH_REFUSED, reason_field(o), reason, 0);
}

static void keep_reason(const struct passage *p)
{
    p->handshake->reason_code = reason_of(p->o->packet);
    p->handshake->failed = p->handshake->reason_code >= MQTT_REASON_FAILURE;
}

static void finish(struct passage *p)
{
    keep_reason(p);
    finish_handshake(p->o, p->beginner, p->handshake, p->packet == PUBCOMP ? 3 : 1);
}

static void receive(struct passage *p)
{
    struct mqtt_handshake *handshake = p->handshake;
    keep_reason(p);
    handshake->stage = 2;
    handshake->again = (struct mqtt_leg){0};
    handshake->legs[1] = place_leg(p->o->place);
    handshake->order_received = handshake->replaces ? 0 : ++p->beginner->next_received;
}

static void release(struct passage *p)
{
    struct mqtt_handshake *handshake = p->handshake;
    handshake->resumed = false;
    if (p->state == QOS_2_RESUMED_RELEASED) {
        mark_resend(p->o, handshake, &handshake->legs[2]);
        handshake->again = place_leg(p->o->place);
        return;
    }
    handshake->stage = 3;
    handshake->again = (struct mqtt_leg){0};
    handshake->legs[2] = place_leg(p->o->place);
}

/* A PUBREL whose PUBLISH the capture does not show still gets its PUBCOMP: the session's earlier
 * connection was not captured, or ended before its PUBCOMP arrived. */
static bool may_be_resumed(const struct passage *p)
{
    return !is_known(p) || !session_fresh(p->o->connection, p->o->place->side) ||
           just_settled(p->o, MQTT_HANDSHAKE_QOS_2) != NULL;
}

static void adopt(struct passage *p)
{
    struct observation *o = p->o;
    const bool known = is_known(p);
    struct mqtt_handshake *handshake = begin_handshake(o, MQTT_HANDSHAKE_QOS_2);
    if (handshake == NULL)
        return;
    if (!known && lost_since(o->connection, 1))
        handshake->began = 0; /* nor in plain sight */
    handshake->stage = 3;
    handshake->legs[0] = (struct mqtt_leg){0};
    handshake->legs[2] = place_leg(o->place);
}

/* The exchange is over, and its PUBREL comes once more: it is answered once more, but makes no
 * other exchange. */
static void release_again(struct passage *p, const struct mqtt_settled *settled)
{
    struct observation *o = p->o;
    if (is_known(p) && settled->failed)
        identifier_finding(o, MQTT_RULE_PUBREL_AFTER_ERROR, settled->frame);
    else if (is_known(p) && settled->released != 0)
        resend_finding(o, settled->released);
    o->step->resend = settled->released != 0;
    o->step->first.frame = settled->released;
    owe(o, o->to, MQTT_PUBCOMP);
}

/* Nothing changes, but for what is owed in answer. */
static void stay(struct passage *p)
{
    struct observation *o = p->o;
    if (p->packet == PUBREL && p->state == QOS_2_RELEASED)
        mark_resend(o, p->handshake, &p->handshake->legs[2]);
    if (p->transition->owed != MQTT_NOTHING)
        owe(o, o->to, (enum mqtt_packet_type)p->transition->owed);
}

/* A PUBACK ends a QoS 2 exchange, too, wrong as it is: its receiver is done with the message, and
 * its sender can't go on with it. */
static bool ends_wrongly(const struct passage *p)
{
    return p->state == OTHER && p->packet == PUBACK && p->handshake->kind == MQTT_HANDSHAKE_QOS_2 &&
           p->handshake->stage == 1;
}

static void end_wrongly(struct passage *p)
{
    finish_handshake(p->o, p->beginner, p->handshake, 1);
    p->o->step->handshake.failed = true; /* it was no QoS 2 */
}

void observe_acknowledgement(struct observation *o)
{
    const enum packet packet = packet_of(o->packet);
    struct passage p;
    begin_passage(&p, o, packet == PUBREL ? o->from : o->to,
                  packet == PUBACK ? MQTT_HANDSHAKE_QOS_1 : MQTT_HANDSHAKE_QOS_2, packet);
    const bool ends = p.transition->next == DONE;
    if (packet == PUBREL)
        check_reason(&p);
    if (p.transition->next == ADOPTED && may_be_resumed(&p)) {
        const struct mqtt_settled *settled = just_settled(o, MQTT_HANDSHAKE_QOS_2);
        if (settled != NULL)
            release_again(&p, settled);
        else
            adopt(&p);
        return;
    }
    const bool paid = judge(&p);
    if (!(paid && ends)) { /* else it answers something of old */
        link_to_handshake(&p);
        check_orders(&p);
    }
    if (packet != PUBREL)
        check_reason(&p);
    if (p.transition->next == RECEIVED)
        receive(&p);
    else if (p.transition->next == RELEASED)
        release(&p);
    else if (!paid && ends_wrongly(&p))
        end_wrongly(&p);
    else if (!ends)
        stay(&p);
    else if (!paid)
        finish(&p);
}
