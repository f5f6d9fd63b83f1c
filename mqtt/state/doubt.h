/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the capture shows well enough to blame somebody for.
 *
 * Bytes that the capture lacks (a lost segment, what a snap length cut, what found no memory) may
 * have held anything. They cast doubt on their direction, until its next packet is seen, and:
 *
 *   - what began after it, on the same connection, was seen as a whole: it is judged;
 *   - what was in flight at that moment is followed, and not judged: its next packet may be among
 * what was lost;
 *   - an acknowledgement of what nobody began, or a DUP on what nobody sent, may answer or repeat
 * what was lost. That is judged again, identifier by identifier, when a handshake with that
 * identifier has begun more than MQTT_DOUBT_TIME after the moment, and ended in plain sight: then
 * whatever the lost bytes left owing for it has come long ago.
 *
 * The history of a session can be in doubt as well: it was resumed, and began before the capture,
 * or on a connection of which the capture lacks something. That concerns its QoS handshakes alone.
 *
 * With each doubt, and again when its side is seen, an era begins: counts of what is in flight, and
 * comparisons with what was, begin anew.
 *
 * Moments are told by the connection's clock, which counts steps: times may step backwards.
 * Private to mqtt/state/.
 */
#ifndef MQTT_DOUBT_H
#define MQTT_DOUBT_H

#include "mqtt/state/connection.h"

/* One minute: no lawful answer to a lost packet takes longer, with a live connection. */
#define MQTT_DOUBT_TIME (60 * MQTT_SECOND)

/* Bytes of `side` are lost, or not remembered, up to here. */
void doubt_side(struct mqtt_connection *c, unsigned side, int64_t time, uint64_t frame);

/* The same; and as long as nothing comes from that side, more may be lost. */
void doubt_side_until_seen(struct mqtt_connection *c, unsigned side, int64_t time, uint64_t frame);

/* A packet of `side` has come. */
void side_seen(struct mqtt_connection *c, unsigned side, int64_t time);

/* What is known of the session's handshakes so far is not all. */
void doubt_session(struct mqtt_connection *c);

/* True if nothing of the connection was lost, from its CONNECT on, and it is its session's: for
 * what is about its beginning, and what every connection has once. */
bool connection_whole(const struct mqtt_connection *c);

/* The same, but another connection may have taken its session, or be about to. */
bool nothing_lost(const struct mqtt_connection *c);

/* True if nothing was lost, it is its session's, and the history of its session's handshakes is
 * known. */
bool history_whole(const struct mqtt_connection *c);

/* True if packets since that moment of the connection's clock may be lost. */
bool lost_since(const struct mqtt_connection *c, uint64_t clock);

/* True if all packets since that moment of the connection's clock were seen, and the connection is
 * its session's. */
bool seen_since(const struct mqtt_connection *c, uint64_t clock);

/* True if the handshake began in plain sight: what it awaits, and what stands in its way, is known.
 */
bool handshake_known(const struct mqtt_connection *c, const struct mqtt_handshake *handshake);

/* True if it is known whether this identifier of `side` is in use by a handshake of `kind`. */
bool identifier_known(const struct mqtt_connection *c, unsigned side, uint16_t identifier,
                      enum mqtt_handshake_kind kind);

/* A handshake of `side` has ended: its identifier may be known from now on. */
void prove_identifier(struct mqtt_connection *c, unsigned side,
                      const struct mqtt_handshake *handshake);

/* True if `clock` and `time` are of a moment that lies so long after the last loss that nothing of
 * what was lost can be owed any more. */
bool long_after_doubt(const struct mqtt_connection *c, uint64_t clock, int64_t time);

static inline bool is_publish(const struct mqtt_handshake *handshake)
{
    return handshake->kind == MQTT_HANDSHAKE_QOS_1 || handshake->kind == MQTT_HANDSHAKE_QOS_2;
}

#endif
