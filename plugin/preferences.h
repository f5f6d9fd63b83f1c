/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What users may want of the analysis itself. Ports are ports.h's, payloads register.h's. */
#ifndef MQTTSCOPE_PLUGIN_PREFERENCES_H
#define MQTTSCOPE_PLUGIN_PREFERENCES_H

#include "mqtt/facts/tables.h"
#include "plugin/compat.h"

/* Registers them: called once, from the protocol's registration. */
void mqttscope_preferences_register(module_t *module);

/* Takes in what has changed; for prefs_register_protocol(). */
void mqttscope_preferences_apply(void);

/* Whether MQTT is looked for on ports that are not known. */
bool mqttscope_looks_everywhere(void);

/* What a connection is read in whose CONNECT is not in the capture, until its packets prove
 * otherwise. MQTT_VERSION_UNKNOWN: they alone tell. */
enum mqtt_version mqttscope_default_version(void);

/* Nanoseconds by which a client may exceed its keep alive. */
int64_t mqttscope_keep_alive_tolerance(void);

/* Findings of this rule are not shown. */
bool mqttscope_is_muted(unsigned rule);

#endif
