/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the value of a Sparkplug B metric means: the field that it stands in, and its data type. */
#ifndef MQTTSCOPE_PLUGIN_SPARKPLUG_VALUE_H
#define MQTTSCOPE_PLUGIN_SPARKPLUG_VALUE_H

#include "plugin/compat.h"
#include "plugin/sparkplug_wire.h"

/* Milliseconds since 1970 as a time; false if that is beyond the year 9999. */
bool sparkplug_time(uint64_t milliseconds, nstime_t *time);

/* The value as text, in `pool`. `datatype` 0: it is not known. */
const char *sparkplug_value_text(wmem_allocator_t *pool, const struct sparkplug_field *value,
                                 uint32_t datatype);

/* The value as a number; false if it is none. */
bool sparkplug_value_number(const struct sparkplug_field *value, uint32_t datatype, double *number);

#endif
