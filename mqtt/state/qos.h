/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PUBLISH and its acknowledgements: qos.def put to work. Private to mqtt/state/. */
#ifndef MQTT_QOS_H
#define MQTT_QOS_H

#include "mqtt/state/observation.h"

/* PUBLISH, PUBACK, PUBREC, PUBREL or PUBCOMP, whole as far as the identifier goes. */
void observe_publish(struct observation *o);
void observe_acknowledgement(struct observation *o);

/* True if nothing that `side` began on an earlier connection can come again. In a resumed session
 * it can: an acknowledgement that the capture shows may still have been lost with the connection,
 * and what it acknowledged is then rightly sent again. Before 5.0 the client sends again whatever
 * Session Present says (3.1.1: 4.4.0-1; 5.0: 3.2.2-5). */
bool session_fresh(const struct mqtt_connection *c, unsigned side);

#endif
