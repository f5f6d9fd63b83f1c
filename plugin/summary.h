/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line a control packet: for the Info column and the protocol line of the tree. */
#ifndef MQTTSCOPE_PLUGIN_SUMMARY_H
#define MQTTSCOPE_PLUGIN_SUMMARY_H

#include "mqtt/wire/decode.h"
#include "plugin/records.h"

/* "PUBLISH, client thermo-1, topic plant/1/temperature, QoS 1, id 7". What the
 * capture holds is escaped. The text lives in `pool`. */
const char *mqttscope_summary(wmem_allocator_t *pool, enum mqtt_outcome outcome,
                              const struct mqtt_packet *packet,
                              const struct mqttscope_record *record);

#endif
