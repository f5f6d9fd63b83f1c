/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which assertions of the Sparkplug specification a rule stands for. */
#ifndef MQTTSCOPE_AUDIT_SPARKPLUG_ASSERTIONS_H
#define MQTTSCOPE_AUDIT_SPARKPLUG_ASSERTIONS_H

#include "mqtt/facts/tables.h"

/* Their ids, separated by blanks; NULL: the rule is not about Sparkplug. */
const char *sparkplug_assertions(enum mqtt_rule rule);

#endif
