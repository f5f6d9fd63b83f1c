/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See assertions.h. */
#include "audit/sparkplug/assertions.h"

#include <stddef.h>

const char *sparkplug_assertions(enum mqtt_rule rule)
{
    switch (rule) {
#define SPARKPLUG_ASSERTIONS(id, list)                                                             \
    case MQTT_RULE_SPARKPLUG_##id:                                                                 \
        return list;
#include "audit/sparkplug/assertions.def"
#undef SPARKPLUG_ASSERTIONS
    default: return NULL;
    }
}
