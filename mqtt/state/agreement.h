/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CONNECT, CONNACK, DISCONNECT, and what they agree on. Private to mqtt/state/. */
#ifndef MQTT_AGREEMENT_H
#define MQTT_AGREEMENT_H

#include "mqtt/state/observation.h"

void observe_connect(struct observation *o);
void observe_connack(struct observation *o);
void observe_disconnect(struct observation *o);

/* Whether any packet keeps to what was agreed. */
void check_limits(struct observation *o);

#endif
