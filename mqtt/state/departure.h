/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a connection leaves unfinished in its session, and what the next one finds there: facts for
 * a report. No rule rests on them, and they blame nobody. Private to mqtt/state/.
 */
#ifndef MQTT_DEPARTURE_H
#define MQTT_DEPARTURE_H

#include "mqtt/state/claim.h"
#include "mqtt/state/observation.h"

/* When the connection was over, as far as it is: the earliest of a DISCONNECT and the transport's
 * end; MQTT_NO_TIME: neither was seen. */
int64_t time_over(const struct mqtt_connection *c);

/* Counts what is unfinished on the connection: [0] begun by the client, [1] by the server. False,
 * and nothing, if the capture lacks some of the connection: what looks unfinished may be done. */
bool count_waiting(const struct mqtt_connection *c, struct mqtt_waiting waiting[2]);

/* The session holds what its last connection left: it is owed, or it is not known what is. */
void mark_owed(struct mqtt_session *session);

/* A handshake of the session is on the new connection already, sent again before CONNACK. */
void note_sent_again(struct mqtt_handshake *again, const struct mqtt_handshake *stored);

/* CONNECT: how long after the last one of this client. */
void note_connect(struct observation *o);

/* CONNACK, when the session is still as its last connection left it: fills the step's entry, but
 * for what becomes of the handshakes. `crossed`: another one was accepted since CONNECT; `kept`:
 * the server must have the state that it was left. */
void note_entry(struct observation *o, bool crossed, bool kept);

#endif
