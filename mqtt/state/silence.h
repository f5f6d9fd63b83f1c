/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's silence. Private to mqtt/state/. */
#ifndef MQTT_SILENCE_H
#define MQTT_SILENCE_H

#include "mqtt/state/observation.h"

/* Measures the time since the client's last packet, at each packet of either side. */
void observe_silence(struct observation *o);

/* Whether a silence (nanoseconds) is longer than so many halves of the keep alive: 2 for the keep
 * alive itself, 3 for what a server has to allow (3.1.2-24; 5.0: 3.1.2-22). */
bool silent_beyond(const struct mqtt_connection *c, int64_t silence, unsigned halves);

/* The client has sent its CONNECT, and nothing but AUTH has come back: while it waits it need not
 * speak. */
bool awaits_connack(const struct mqtt_connection *c);

#endif
