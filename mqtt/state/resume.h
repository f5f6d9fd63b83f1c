/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a connection enters its session and leaves it. Private to mqtt/state/. */
#ifndef MQTT_RESUME_H
#define MQTT_RESUME_H

#include "mqtt/state/observation.h"

/* At CONNECT, and where CONNACK assigns an identifier: says which session is meant. */
void name_session(struct observation *o);

/* Then, at CONNACK, one of these. */
void enter_session(struct observation *o);
void session_refused(struct mqtt_connection *c);

/* Takes the connection out of its session; its QoS handshakes go to the session if that outlives
 * it. */
void leave_session(struct mqtt_connection *c);

/* A packet of a QoS handshake has come. If the connection has left its session before, the next one
 * may or may not go on with what this packet changes. */
void note_latecomer(const struct mqtt_connection *c);

/* Whether the session outlives the connection as things stand: the server has to keep it. */
bool session_persists(const struct mqtt_connection *c);

#endif
