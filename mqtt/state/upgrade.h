/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MQTT over WebSocket (section 6): the sub-protocol, and the kind of frames. Private to
 * mqtt/state/. */
#ifndef MQTT_UPGRADE_H
#define MQTT_UPGRADE_H

#include "mqtt/state/observation.h"

/* Judges the first CONNECT, which tells the version, by the upgrade that came before it; and any
 * packet by the kind of frames that its sender uses. Transports other than WebSocket pass. */
void observe_upgrade(struct observation *o, enum mqtt_outcome outcome);

#endif
