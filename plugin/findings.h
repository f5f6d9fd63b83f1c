/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The findings of control packets, kept for every drawing; bounded a capture. */
#ifndef MQTTSCOPE_PLUGIN_FINDINGS_H
#define MQTTSCOPE_PLUGIN_FINDINGS_H

#include "plugin/records.h"

/* Keeps what a step found wrong with the record's packet, but for rules that the user muted. */
void mqttscope_findings_keep(struct mqttscope_record *record, const struct mqtt_step *step);

/* The same for one finding more, which the end brought. */
void mqttscope_findings_add(struct mqttscope_record *record, const struct mqtt_finding *finding);

/* Forgets how many there are. */
void mqttscope_findings_cleanup(void);

#endif
