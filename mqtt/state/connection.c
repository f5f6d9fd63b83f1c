/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One step a control packet: roles, order, silence, then what the packet itself means (agreement.c,
 * handshake.c); and how the connection ends.
 */
#include "mqtt/state/connection.h"

#include <stdlib.h>
#include <string.h>

#include "mqtt/state/inflight.h"
#include "mqtt/state/observe.h"

#define SECOND INT64_C(1000000000)

/* ---- Life ---- */

struct mqtt_connection *mqtt_connection_new(struct mqtt_sessions *sessions,
                                            const struct mqtt_connection_start *start)
{
    struct mqtt_connection *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->sessions = sessions;
    c->server_key = start->server_key;
    c->start_seen = start->start_seen;
    c->client = start->client & 1;
    c->client_known = start->start_seen; /* who sends the SYN is the client */
    c->first = (struct mqtt_leg){start->time, start->frame, 0};
    /* What holds until CONNECT and CONNACK say otherwise: 5.0, 3.1.2.11 and 3.2.2.3. */
    c->request_problem_information = true;
    c->maximum_qos = 2;
    c->retain_available = true;
    c->wildcard_available = true;
    c->subscription_identifier_available = true;
    c->shared_available = true;
    for (unsigned side = 0; side < 2; side++)
        c->sides[side].receive_maximum = UINT16_MAX;
    return c;
}

void mqtt_connection_free(struct mqtt_connection *c)
{
    if (c == NULL)
        return;
    if (c->session != NULL && c->session->connection == c)
        c->session->connection = NULL;
    for (unsigned side = 0; side < 2; side++) {
        struct mqtt_side_state *state = &c->sides[side];
        inflight_free(&state->inflight);
        for (uint32_t i = 0; i < state->alias_count; i++)
            free((void *)(uintptr_t)state->aliases[i].topic.data);
        free(state->aliases);
    }
    free((void *)(uintptr_t)c->client_identifier.data);
    free((void *)(uintptr_t)c->authentication_method.data);
    free(c);
}

void mqtt_connection_set_server_key(struct mqtt_connection *c, uint64_t server_key)
{
    c->server_key = server_key;
}

/* ---- Version ---- */

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
static void infer_version(struct mqtt_connection *c, const uint8_t *data, size_t captured,
                          size_t reported)
{
    const unsigned type = data[0] >> 4;
    switch (mqtt_readable_versions(data, captured, reported)) {
    case MQTT_READS_AS_3_1_1: c->version = MQTT_VERSION_3_1_1; break;
    case MQTT_READS_AS_5_0: c->version = MQTT_VERSION_5_0; break;
    case MQTT_READS_AS_3_1_1 | MQTT_READS_AS_5_0:
        if (c->version == MQTT_VERSION_UNKNOWN && tells_version(type))
            c->version = MQTT_VERSION_5_0;
        break;
    default: break;
    }
    c->version_inferred = c->version != MQTT_VERSION_UNKNOWN;
}

struct mqtt_context mqtt_connection_context(struct mqtt_connection *c, uint8_t side,
                                            const uint8_t *data, size_t captured, size_t reported)
{
    const bool told = c->version != MQTT_VERSION_UNKNOWN && !c->version_inferred;
    if (!told && captured != 0 && data[0] >> 4 != MQTT_CONNECT)
        infer_version(c, data, captured, reported);
    return (struct mqtt_context){(enum mqtt_version)c->version, mqtt_connection_sender(c, side)};
}

/* ---- Findings ---- */

static struct mqtt_finding *next_finding(struct mqtt_step *step)
{
    if (step->finding_count == MQTT_STEP_FINDINGS_MAX) {
        step->findings_dropped++;
        return NULL;
    }
    return &step->findings[step->finding_count++];
}

void raise_finding(struct observation *o, enum mqtt_rule rule, enum mqtt_field field,
                   uint64_t value0, uint64_t value1)
{
    struct mqtt_finding *finding = next_finding(o->step);
    if (finding == NULL)
        return;
    *finding = (struct mqtt_finding){
        .rule = (uint16_t)rule,
        .version = (uint8_t)o->version,
        .sender = (uint8_t)o->sender,
        .packet_type = o->packet->type,
        .side = o->place->side,
        .field = (uint16_t)field,
        .time = o->place->time,
        .frame = o->place->frame,
        .values = {value0, value1},
    };
}

static void packet_findings(struct observation *o)
{
    const struct mqtt_packet *packet = o->packet;
    /* Read as 3.1.1 for want of better: what looks wrong may be right in 5.0. */
    if (packet->version == MQTT_VERSION_UNKNOWN && packet->type != MQTT_CONNECT)
        return;
    for (uint32_t i = 0; i < packet->finding_count; i++) {
        const struct mqtt_packet_finding *p = &packet->findings[i];
        raise_finding(o, (enum mqtt_rule)p->rule, (enum mqtt_field)p->field, p->values[0],
                      p->values[1]);
        struct mqtt_finding *finding = &o->step->findings[o->step->finding_count - 1];
        finding->offset = p->offset;
        finding->length = p->length;
        finding->version = packet->version;
    }
    o->step->findings_dropped += packet->findings_dropped;
}

static size_t append(char *text, size_t size, size_t at, const char *piece, size_t length)
{
    for (size_t i = 0; i < length; i++, at++) {
        if (at + 1 < size)
            text[at] = piece[i];
    }
    return at;
}

static size_t append_number(char *text, size_t size, size_t at, uint64_t number, bool hexadecimal)
{
    char digits[24];
    size_t start = sizeof digits;
    const unsigned base = hexadecimal ? 16 : 10;
    do {
        digits[--start] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0 || (hexadecimal && sizeof digits - start < 2));
    if (hexadecimal) {
        digits[--start] = 'x';
        digits[--start] = '0';
    }
    return append(text, size, at, digits + start, sizeof digits - start);
}

size_t mqtt_finding_detail(const struct mqtt_finding *finding, char *text, size_t size)
{
    const char *p = mqtt_rule_info((enum mqtt_rule)finding->rule)->detail;
    size_t at = 0;
    while (*p != '\0') {
        const bool value = p[0] == '{' && (p[1] == '0' || p[1] == '1');
        if (!value) {
            at = append(text, size, at, p++, 1);
            continue;
        }
        const bool hexadecimal = p[2] == 'x';
        at = append_number(text, size, at, finding->values[p[1] - '0'], hexadecimal);
        p += hexadecimal ? 4 : 3;
    }
    if (size != 0)
        text[at < size ? at : size - 1] = '\0';
    return at;
}

/* ---- Roles and order ---- */

/* Table 2.1: which packets flow in one direction only. DISCONNECT and AUTH depend on the version.
 */
static enum mqtt_sender only_sender(unsigned type)
{
    switch (type) {
    case MQTT_CONNECT:
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
    case MQTT_PINGREQ: return MQTT_SENDER_CLIENT;
    case MQTT_CONNACK:
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
    case MQTT_PINGRESP: return MQTT_SENDER_SERVER;
    default: return MQTT_SENDER_UNKNOWN;
    }
}

static void learn_roles(struct mqtt_connection *c, uint8_t side, unsigned type,
                        enum mqtt_outcome outcome)
{
    const enum mqtt_sender sender = only_sender(type);
    if (c->client_known || sender == MQTT_SENDER_UNKNOWN || outcome == MQTT_MALFORMED)
        return;
    c->client_known = true;
    c->client = sender == MQTT_SENDER_CLIENT ? side : (uint8_t)(1 - side);
}

/* False if the other side alone may send this: then it means nothing. */
static bool check_direction(struct observation *o)
{
    const enum mqtt_sender only = only_sender(o->packet->type);
    if (only == MQTT_SENDER_UNKNOWN || o->sender == MQTT_SENDER_UNKNOWN || only == o->sender)
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
    if (o->sender == MQTT_SENDER_CLIENT && type != MQTT_CONNECT)
        raise_finding(o, MQTT_RULE_FIRST_PACKET_NOT_CONNECT, MQTT_FIELD_PACKET_TYPE, type, 0);
    /* A server's DISCONNECT has a rule of its own in 5.0. */
    if (o->sender == MQTT_SENDER_SERVER && type != MQTT_CONNACK &&
        (before_5_0(o) || (type != MQTT_AUTH && type != MQTT_DISCONNECT)))
        raise_finding(o, MQTT_RULE_FIRST_SERVER_PACKET_NOT_CONNACK, MQTT_FIELD_PACKET_TYPE, type,
                      0);
}

static void check_last(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    if (o->from->disconnect.frame != 0)
        raise_finding(o, MQTT_RULE_PACKET_AFTER_DISCONNECT, MQTT_FIELD_PACKET_TYPE,
                      o->from->disconnect.frame, 0);
    if (c->refused && o->sender == MQTT_SENDER_SERVER && o->packet->type != MQTT_CONNACK)
        raise_finding(o, MQTT_RULE_PACKET_AFTER_REFUSAL, MQTT_FIELD_PACKET_TYPE, c->connack.frame,
                      0);
}

/* ---- Keep alive (3.1.2.10) ---- */

static bool silent_beyond(const struct mqtt_connection *c, int64_t silence, unsigned halves)
{
    const int64_t half = (int64_t)c->keep_alive.effective * SECOND / 2;
    return half != 0 && silence > half * halves;
}

/* A packet that took several segments may have begun long before it was complete, and silence ends
 * where a packet begins. */
#define ONE_SEGMENT 1200u

/* What a server may take to notice, and its FIN to get here: nanoseconds. */
#define EXPIRY_SLACK SECOND

/* Of the late packets of a connection only the first is a finding; the counts have them all. */
static void observe_silence(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    const struct mqtt_leg *last = &c->sides[c->client].last;
    if (last->frame == 0)
        return;
    const int64_t silence = o->place->time - last->time;
    o->step->since_client = silence;
    if (o->sender != MQTT_SENDER_CLIENT)
        return;
    if (silence > c->keep_alive.longest_silence) {
        c->keep_alive.longest_silence = silence;
        c->keep_alive.longest_silence_frame = o->place->frame;
    }
    if (silence <= 0 || o->packet->length > ONE_SEGMENT || c->closed ||
        o->to->disconnect.frame != 0)
        return;
    if (silent_beyond(c, silence - EXPIRY_SLACK, 3)) {
        c->keep_alive.expired++;
        raise_finding(o, MQTT_RULE_KEEP_ALIVE_EXPIRED, MQTT_FIELDS, milliseconds(silence),
                      c->keep_alive.effective);
    } else if (silent_beyond(c, silence, 2)) {
        if (c->keep_alive.late++ == 0)
            raise_finding(o, MQTT_RULE_KEEP_ALIVE_LATE, MQTT_FIELDS, milliseconds(silence),
                          c->keep_alive.effective);
    }
}

/* ---- The step ---- */

static void begin_step(struct mqtt_step *step)
{
    step->client_identifier = (struct mqtt_slice){NULL, 0};
    step->topic = (struct mqtt_slice){NULL, 0};
    step->topic_from_alias = false;
    step->resend = false;
    step->first = (struct mqtt_leg){0};
    step->request = (struct mqtt_leg){0};
    step->since_request = 0;
    step->has_handshake = false;
    step->since_client = -1;
    step->in_flight = 0;
    step->finding_count = 0;
    step->findings_dropped = 0;
}

/* The snap length cut the packet before its packet identifier: a handshake begins or goes on that
 * can't be followed. As with a gap, nothing about it is held against anybody. */
static void check_cut(struct observation *o, enum mqtt_outcome outcome)
{
    const unsigned type = o->packet->type;
    const bool plain = type == MQTT_PUBLISH && (o->packet->flags & 0x06) == 0;
    const bool none = type == MQTT_CONNECT || type == MQTT_CONNACK || type >= MQTT_PINGREQ;
    if (outcome == MQTT_TRUNCATED && !o->packet->has_packet_identifier && !plain && !none)
        o->from->gap = true;
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
    case MQTT_PUBACK: observe_puback(o); break;
    case MQTT_PUBREC: observe_pubrec(o); break;
    case MQTT_PUBREL: observe_pubrel(o); break;
    case MQTT_PUBCOMP: observe_pubcomp(o); break;
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

static bool has_error(const struct mqtt_step *step)
{
    for (uint32_t i = 0; i < step->finding_count; i++) {
        if (mqtt_rule_info((enum mqtt_rule)step->findings[i].rule)->severity == MQTT_ERROR)
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
    if (o->step->finding_count != 0 && has_error(o->step))
        from->last_error = from->last;
}

void mqtt_connection_step(struct mqtt_connection *c, const struct mqtt_place *place,
                          enum mqtt_outcome outcome, const struct mqtt_packet *packet,
                          struct mqtt_step *step)
{
    const uint8_t side = place->side & 1;
    begin_step(step);
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
    check_first(&o);
    check_last(&o);
    /* What a malformed packet meant to say is not taken at its word; the capture's own cuts are,
     * and the version that the findings go by. */
    if (outcome == MQTT_MALFORMED && packet->type == MQTT_CONNECT &&
        c->version == MQTT_VERSION_UNKNOWN)
        c->version = packet->version;
    check_cut(&o, outcome);
    if (check_direction(&o)) {
        check_limits(&o);
        if (outcome == MQTT_OK || outcome == MQTT_TRUNCATED)
            dispatch(&o);
        else
            observe_malformed(&o);
    }
    count_packet(&o);
    step->client_identifier = c->client_identifier;
}

void mqtt_connection_gap(struct mqtt_connection *c, uint8_t side, uint64_t bytes)
{
    struct mqtt_side_state *state = &c->sides[side & 1];
    (void)bytes;
    state->gap = true;
    state->gaps++;
    state->last.frame = 0; /* the silence since then is not known */
}

/* ---- The end ---- */

/* Reason codes of a 5.0 server's DISCONNECT that blame the client for what it sent. */
static bool blames_protocol(uint8_t reason)
{
    switch (reason) {
    case 0x81: /* Malformed Packet */
    case 0x82: /* Protocol Error */
    case 0x93: /* Receive Maximum exceeded */
    case 0x94: /* Topic Alias invalid */
    case 0x95: /* Packet too large */
    case 0x99: /* Payload format invalid */
    case 0x9A: /* Retain not supported */
    case 0x9B: /* QoS not supported */
    case 0x9E: /* Shared Subscriptions not supported */
    case 0xA1: /* Subscription Identifiers not supported */
    case 0xA2: /* Wildcard Subscriptions not supported */ return true;
    default: return false;
    }
}

static enum mqtt_end_cause server_disconnect_cause(uint8_t reason)
{
    if (reason == 0x8D)
        return MQTT_END_KEEP_ALIVE;
    if (reason == 0x8E)
        return MQTT_END_TAKEN_OVER;
    return blames_protocol(reason) ? MQTT_END_PROTOCOL_ERROR : MQTT_END_SERVER_DISCONNECT;
}

/* One side ended the transport without a word: why? */
static enum mqtt_end_cause silent_end_cause(const struct mqtt_connection *c,
                                            const struct mqtt_place *place, enum mqtt_close how)
{
    const bool by_client = place->side == c->client;
    const struct mqtt_side_state *other = &c->sides[1 - (place->side & 1)];
    const struct mqtt_leg *client_last = &c->sides[c->client].last;
    if (!by_client && client_last->frame != 0 &&
        silent_beyond(c, place->time - client_last->time, 3))
        return MQTT_END_KEEP_ALIVE;
    if (other->last_error.frame != 0 && other->last_error.frame == other->last.frame)
        return MQTT_END_PROTOCOL_ERROR;
    if (how == MQTT_CLOSE_RST)
        return by_client ? MQTT_END_CLIENT_RESET : MQTT_END_SERVER_RESET;
    return by_client ? MQTT_END_CLIENT_CLOSED : MQTT_END_SERVER_CLOSED;
}

static enum mqtt_end_cause end_cause(const struct mqtt_connection *c,
                                     const struct mqtt_place *place, enum mqtt_close how)
{
    const struct mqtt_side_state *client = &c->sides[c->client];
    const struct mqtt_side_state *server = &c->sides[1 - c->client];
    const bool server_first =
        server->disconnect.frame != 0 &&
        (client->disconnect.frame == 0 || server->disconnect.frame < client->disconnect.frame);
    if (c->refused)
        return MQTT_END_REFUSED;
    if (server_first)
        return server_disconnect_cause(server->disconnect_reason);
    if (client->disconnect.frame != 0)
        return MQTT_END_CLIENT_DISCONNECT;
    if (c->taken_over && how != MQTT_CLOSE_CAPTURE_END)
        return MQTT_END_TAKEN_OVER;
    switch (how) {
    case MQTT_CLOSE_FIN:
    case MQTT_CLOSE_RST: return silent_end_cause(c, place, how);
    case MQTT_CLOSE_REUSED: return MQTT_END_REPLACED;
    case MQTT_CLOSE_TIMED_OUT: return MQTT_END_TIMED_OUT;
    default: return MQTT_END_OPEN;
    }
}

const char *mqtt_end_cause_name(unsigned cause)
{
    static const char *const names[MQTT_END_CAUSES] = {
        "open",         "client-disconnect", "server-disconnect", "refused",       "keep-alive",
        "taken-over",   "protocol-error",    "client-closed",     "server-closed", "client-reset",
        "server-reset", "replaced",          "timed-out",
    };
    return names[cause < MQTT_END_CAUSES ? cause : MQTT_END_OPEN];
}

/* An END finding names the packet that it is about, not the frame that ends the connection. */
static void end_finding(struct mqtt_connection *c, struct mqtt_step *step, enum mqtt_rule rule,
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

static void ping_findings(struct mqtt_connection *c, int64_t time, enum mqtt_close how,
                          struct mqtt_step *step)
{
    for (uint32_t i = 0; i < c->ping.waiting_count; i++) {
        const int64_t waited = time - c->ping.waiting[i].time;
        if (waited < (how == MQTT_CLOSE_CAPTURE_END ? MQTT_OPEN_GRACE : MQTT_CLOSE_GRACE))
            continue;
        end_finding(c, step, MQTT_RULE_PINGREQ_UNANSWERED, c->client, MQTT_PINGREQ,
                    &c->ping.waiting[i], milliseconds(waited), 0);
    }
}

static void connect_findings(struct mqtt_connection *c, const struct mqtt_place *place,
                             enum mqtt_close how, struct mqtt_step *step)
{
    const int64_t since_connect = place->time - c->connect.time;
    const int64_t since_refusal = place->time - c->connack.time;
    if (c->connect.frame != 0 && !c->connect_cut && c->connack.frame == 0 &&
        how != MQTT_CLOSE_CAPTURE_END && since_connect >= MQTT_CLOSE_GRACE &&
        c->sides[c->client].last_error.frame < c->connect.frame)
        end_finding(c, step, MQTT_RULE_CONNECT_UNANSWERED, c->client, MQTT_CONNECT, &c->connect,
                    milliseconds(since_connect), 0);
    const bool server_closed = how != MQTT_CLOSE_CAPTURE_END && place->side != c->client;
    if (c->refused && !server_closed && since_refusal > 2 * SECOND)
        end_finding(c, step, MQTT_RULE_NOT_CLOSED_AFTER_REFUSAL, (uint8_t)(1 - c->client),
                    MQTT_CONNACK, &c->connack, c->connack.frame, milliseconds(since_refusal));
}

void mqtt_connection_close(struct mqtt_connection *c, const struct mqtt_place *place,
                           enum mqtt_close how, struct mqtt_step *step)
{
    begin_step(step);
    step->version = c->version;
    step->sender = (uint8_t)mqtt_connection_sender(c, place->side & 1);
    step->client_identifier = c->client_identifier;
    if (c->closed)
        return;
    c->closed = true;
    c->end_cause = (uint8_t)end_cause(c, place, how);
    c->end = place_leg(place);

    const struct mqtt_side_state *client = &c->sides[c->client];
    const int64_t silence = client->last.frame != 0 ? place->time - client->last.time : 0;
    if (connection_known(c)) {
        connect_findings(c, place, how, step);
        ping_findings(c, place->time, how, step);
    }
    if (c->end_cause == MQTT_END_KEEP_ALIVE && c->sides[1 - c->client].disconnect.frame == 0)
        end_finding(c, step, MQTT_RULE_KEEP_ALIVE_CLOSED, c->client, 0, &client->last,
                    milliseconds(silence), c->keep_alive.effective);
    if (c->accepted && !client->gap &&
        (c->end_cause == MQTT_END_CLIENT_CLOSED || c->end_cause == MQTT_END_CLIENT_RESET))
        end_finding(c, step, MQTT_RULE_CLOSED_WITHOUT_DISCONNECT, c->client, 0, &client->last,
                    milliseconds(silence), 0);
    /* A connection that is open when the capture ends has not left its session. */
    if (how != MQTT_CLOSE_CAPTURE_END)
        leave_session(c);
}
