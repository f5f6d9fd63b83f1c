/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the connection share: one step in progress, and how findings are raised.
 * Private to mqtt/.
 */
#ifndef MQTT_OBSERVE_H
#define MQTT_OBSERVE_H

#include "mqtt/facts/tables.h"
#include "mqtt/state/connection.h"
#include "mqtt/state/session.h"

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

/* Raises a finding of the connection against this packet. */
void raise_finding(struct observation *o, enum mqtt_rule rule, enum mqtt_field field,
                   uint64_t value0, uint64_t value1);

static inline struct mqtt_leg place_leg(const struct mqtt_place *place)
{
    return (struct mqtt_leg){place->time, place->frame, place->token};
}

/* True if every handshake that can be in flight is known: only then do acknowledgements, packet
 * identifiers and DUP say something about the two ends, and not about the capture. */
static inline bool history_known(const struct mqtt_connection *c)
{
    return c->connect.frame != 0 && c->session_known && !c->taken_over && !c->sides[0].gap &&
           !c->sides[1].gap && c->inflight_refused == 0;
}

/* True if nothing that `side` began on an earlier connection can come again. In a resumed session
 * it can: an acknowledgement that the capture shows may still have been lost with the connection,
 * and what it acknowledged is then rightly sent again. Before 5.0 the client sends again whatever
 * Session Present says (3.1.1: 4.4.0-1; 5.0: 3.2.2-5). */
static inline bool session_fresh(const struct mqtt_connection *c, unsigned side)
{
    const bool nothing_stored =
        c->accepted && c->version != MQTT_VERSION_3_1 && !c->session_present;
    const bool binds = side != c->client || c->version == MQTT_VERSION_5_0;
    return c->clean_start || (nothing_stored && binds);
}

/* Like history_known(), for what lives no longer than the connection. */
static inline bool connection_known(const struct mqtt_connection *c)
{
    return c->connect.frame != 0 && !c->taken_over && !c->sides[0].gap && !c->sides[1].gap &&
           c->inflight_refused == 0;
}

static inline bool is_5_0(const struct observation *o)
{
    return o->version == MQTT_VERSION_5_0;
}

/* Says in the step which packet this one answers. */
void link_request(struct observation *o, const struct mqtt_leg *request);

/* The last packet seen of a handshake. */
const struct mqtt_leg *handshake_last_leg(const struct mqtt_handshake *handshake);

/* Fills the END finding of an open handshake, but for its version. */
void open_finding(const struct mqtt_handshake *handshake, bool by_client, int64_t time,
                  struct mqtt_finding *finding);

/* handshake.c: PUBLISH, its acknowledgements, SUBSCRIBE, UNSUBSCRIBE, PINGREQ and their answers. */
void observe_publish(struct observation *o);
void observe_puback(struct observation *o);
void observe_pubrec(struct observation *o);
void observe_pubrel(struct observation *o);
void observe_pubcomp(struct observation *o);
void observe_subscribe(struct observation *o);
void observe_suback(struct observation *o);
void observe_unsubscribe(struct observation *o);
void observe_unsuback(struct observation *o);
void observe_pingreq(struct observation *o);
void observe_pingresp(struct observation *o);

/* agreement.c: CONNECT, CONNACK, AUTH, DISCONNECT, and what they agree on. */
void observe_connect(struct observation *o);
void observe_connack(struct observation *o);
void observe_auth(struct observation *o);
void observe_disconnect(struct observation *o);
void check_limits(struct observation *o);

void observe_malformed(struct observation *o);
bool knows_connack(const struct observation *o);

/* resume.c: name_session() at CONNECT (and where CONNACK assigns an identifier), then
 * enter_session() or session_refused() at CONNACK. leave_session() takes the connection out of its
 * session; handshakes stay with the session if it outlives the connection. */
void name_session(struct observation *o);
void enter_session(struct observation *o);
void session_refused(struct mqtt_connection *connection);
void leave_session(struct mqtt_connection *connection);

/* Whether the session outlives the connection as things stand. */
bool session_persists(const struct mqtt_connection *connection);

/* Whether the server can't have the session's state any more at `now`. */
bool session_surely_gone(const struct mqtt_session *session, int64_t now);

static inline bool is_publish(const struct mqtt_handshake *handshake)
{
    return handshake->kind == MQTT_HANDSHAKE_QOS_1 || handshake->kind == MQTT_HANDSHAKE_QOS_2;
}

static inline uint64_t milliseconds(int64_t nanoseconds)
{
    return nanoseconds > 0 ? (uint64_t)(nanoseconds / 1000000) : 0;
}

#endif
