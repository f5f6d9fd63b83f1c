/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Extended authentication (5.0: 3.15, 4.12). Private to mqtt/state/. */
#ifndef MQTT_AUTHENTICATION_H
#define MQTT_AUTHENTICATION_H

#include "mqtt/state/observation.h"

void observe_auth(struct observation *o);

/* Whether an AUTH or CONNACK names CONNECT's method (4.12.0-5 to 4.12.0-7). */
void check_method(struct observation *o);

#endif
