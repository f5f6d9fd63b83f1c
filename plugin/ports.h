/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which TCP and TLS ports lead to this dissector: those of its own preferences, and all that the
 * preferences of Wireshark's own dissector name. Where this protocol is disabled they lead to
 * Wireshark's own again.
 */
#ifndef MQTTSCOPE_PLUGIN_PORTS_H
#define MQTTSCOPE_PLUGIN_PORTS_H

#include "plugin/compat.h"

/* Registers the port preferences: called once, from the protocol's registration. */
void mqttscope_ports_register(module_t *module);

/* Takes the ports for these handles. `builtin` is Wireshark's own dissector, or NULL. Called once,
 * when all dissectors are registered; from then on changes are seen whenever a capture is opened or
 * dissected anew. */
void mqttscope_ports_handoff(dissector_handle_t tcp, dissector_handle_t tls,
                             dissector_handle_t builtin);

#endif
