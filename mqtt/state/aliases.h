/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a sender's topic aliases stand for. Private to mqtt/state/. */
#ifndef MQTT_ALIASES_H
#define MQTT_ALIASES_H

#include "mqtt/state/observation.h"

/* Fills step->topic of a PUBLISH: its own name, or what its alias stands for; and remembers the
 * name that an alias gets. */
void observe_topic(struct observation *o);

/* Frees what the side holds. */
void aliases_free(struct mqtt_memory *memory, struct mqtt_side_state *state);

#endif
