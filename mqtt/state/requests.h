/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SUBSCRIBE, UNSUBSCRIBE, PINGREQ and their answers. Private to mqtt/state/. */
#ifndef MQTT_REQUESTS_H
#define MQTT_REQUESTS_H

#include "mqtt/state/observation.h"

void observe_subscribe(struct observation *o);
void observe_suback(struct observation *o);
void observe_unsubscribe(struct observation *o);
void observe_unsuback(struct observation *o);
void observe_pingreq(struct observation *o);
void observe_pingresp(struct observation *o);

/* A packet whose structure breaks off behind its identifier. */
void observe_malformed(struct observation *o);

/* The server's DISCONNECT says that it does not support a QoS (0x9B). */
void observe_qos_refusal(struct observation *o);

#endif
