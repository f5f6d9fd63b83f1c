/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QoS exchanges and requests have in common: how a handshake begins and ends in the table of
 * the side that sent its first packet, and acknowledgements outside of any. Private to mqtt/state/.
 */
#ifndef MQTT_EXCHANGE_H
#define MQTT_EXCHANGE_H

#include "mqtt/state/observation.h"

/* Takes a new entry into from's table, in place of what stood there: if something did, `replaces`
 * is set. NULL: no memory, and doubt. */
struct mqtt_handshake *begin_handshake(struct observation *o, enum mqtt_handshake_kind kind);

/* The handshake ends with this packet, its leg `last_leg`: hands it out and forgets it. Its topic
 * filters go to step->filters. */
void finish_handshake(struct observation *o, struct mqtt_side_state *beginner,
                      struct mqtt_handshake *handshake, unsigned last_leg);

/* The last handshake of from's with this kind and identifier that ended on this connection, if it
 * is among the last that are remembered; else NULL. */
const struct mqtt_settled *last_settled(const struct observation *o, enum mqtt_handshake_kind kind);

/* from's handshake of this kind and identifier, if it ended so short a time ago that its sender may
 * not know yet, if so. NULL: there is none. */
const struct mqtt_settled *just_settled(const struct observation *o, enum mqtt_handshake_kind kind);

/* `who` will send a packet of `type` for this identifier outside of a handshake. */
void owe(struct observation *o, struct mqtt_side_state *who, enum mqtt_packet_type type);

/* Whether this packet is one that its sender owed; then it does no longer, and the step says what
 * it answers. */
bool pays(struct observation *o);

/* Raises a finding that names the packet's identifier and `frame`; the identifier stands for
 * `handshake`, which may be NULL, and still awaits a packet. */
void exchange_finding(struct observation *o, enum mqtt_rule rule,
                      const struct mqtt_handshake *handshake, uint64_t frame);

/* An identifier that stands for something else still (2.3.1-2, -4; 5.0: 2.2.1-3, -4). */
void check_identifier_free(struct observation *o);

#endif
