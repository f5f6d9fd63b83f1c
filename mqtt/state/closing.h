/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has to end the connection, and does not (3.1.1: 3.1.4, 3.14.4, 4.8; 5.0: 3.1.4, 3.14.4,
 * 4.13).
 *
 * That a side goes on is known from what it answers: an answer to something shows that it has read
 * all that stood before that on the same stream. What was under way already answers nothing that
 * came later.
 *
 * Private to mqtt/state/.
 */
#ifndef MQTT_CLOSING_H
#define MQTT_CLOSING_H

#include "mqtt/state/observation.h"
#include "mqtt/state/session.h"

/* The packet has findings: remembers the first violation of its sender that ends the connection. */
void note_violation(struct observation *o);

/* The packet comes from a side that had to close. To be asked when all is known of it. */
void check_closing(struct observation *o);

/* The session goes from the claim's connection to this one, which was accepted just now. */
void note_successor(struct mqtt_claim *claim, const struct mqtt_connection *c);

/* The END findings: who did not close, or not as prescribed. Arguments as those of
 * mqtt_connection_close(). */
void closing_findings(struct mqtt_connection *c, const struct mqtt_place *place,
                      enum mqtt_close how, struct mqtt_step *step);

#endif
