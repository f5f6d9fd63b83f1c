/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How connections claim sessions, and sessions are kept: the registry's side of session.h. Private
 * to mqtt/state/. */
#ifndef MQTT_CLAIM_H
#define MQTT_CLAIM_H

#include "mqtt/state/session.h"

/* Gives the connection a claim (NAMED) on the session of its client identifier (not empty) at the
 * server of its other side. The session is made if there was none. NULL if there is no room:
 * counted in `refused`. */
struct mqtt_claim *claim_session(struct mqtt_connection *c);

/* The server's answer is there, or will not come. */
void settle_claim(struct mqtt_claim *claim, enum mqtt_claim_state state);

/* Another connection may take the session from its holder, if it has one. */
void contest(struct mqtt_session *session);

/* The connection goes: its claim does, too. A session that nobody claims may give way to others. */
void release_claim(struct mqtt_connection *c);

/* The connection's CONNECT is not in the capture, although its beginning is: if so, that is
 * counted. */
void note_stranger(struct mqtt_connection *c);

/* The connection's transport was seen to end: FIN or RST, or what the registry's transport_ended
 * says. */
bool transport_over(const struct mqtt_connection *c);

/* The same, or one side has ended the connection with DISCONNECT. */
bool connection_over(const struct mqtt_connection *c);

/* The session's client identifier was used at another endpoint as well, which may be the same
 * broker's. */
bool name_used_elsewhere(const struct mqtt_session *session);

/* No connection was missed that may have named the session since this one did; or since the last
 * one that was accepted did. */
bool claim_undisturbed(const struct mqtt_claim *claim);
bool session_undisturbed(const struct mqtt_session *session);

/* All that happened to the session while it was offline, and before, is in the capture. */
bool session_history_known(const struct mqtt_session *session);

/* The server can't have the session's state any more at `now`. */
bool session_surely_gone(const struct mqtt_session *session, int64_t now);

/* Looks at one session that no connection claims, another each time, and gives its handshakes back
 * if it is surely gone at `now`. To be called now and then. */
void sweep_sessions(struct mqtt_sessions *sessions, int64_t now);

#endif
