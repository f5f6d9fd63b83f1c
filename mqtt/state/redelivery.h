/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a resumed session still has to send again (3.1.1 and 5.0: 4.4.0-1): whether it comes, in
 * which order (4.6.0-1), and whether something else comes in its place. Private to mqtt/state/.
 *
 * No clause says how soon a PUBLISH or PUBREL has to come again. That it did not come is said when
 * the connection or the capture ends, and only where its sender went on: with messages of its own,
 * or idle for long, or until it ended the connection itself. What it may keep back is not missed.
 */
#ifndef MQTT_REDELIVERY_H
#define MQTT_REDELIVERY_H

#include "mqtt/state/observation.h"

/* The PUBLISH begins a handshake of `kind` with this fingerprint (0: not known) while others wait
 * to be sent again, as long as from->waiting is not 0. `first`: it does not say that it was sent
 * before.
 */
void note_new_message(struct observation *o, enum mqtt_handshake_kind kind, uint64_t fingerprint,
                      bool first);

/* The handshake's PUBLISH is sent again on the connection that resumes its session: is it its turn?
 * To be called while it is marked as resumed. */
void check_resend_order(struct observation *o, const struct mqtt_handshake *handshake);

/* A handshake that the side has in flight, and that begins with the same message under another
 * identifier; NULL if there is none among the first that are looked at. */
const struct mqtt_handshake *same_message(const struct observation *o,
                                          enum mqtt_handshake_kind kind, uint64_t fingerprint);

/* The END finding for a handshake that is still marked as resumed when the connection or the
 * capture ends. False if none is due. */
bool not_resent_finding(const struct mqtt_connection *c, const struct mqtt_handshake *handshake,
                        struct mqtt_finding *finding);

#endif
