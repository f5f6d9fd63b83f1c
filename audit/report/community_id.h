/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Community ID, version 1, seed 0: the name of a flow that Suricata, Zeek and others compute alike
 * (https://github.com/corelight/community-id-spec).
 */
#ifndef MQTTSCOPE_AUDIT_REPORT_COMMUNITY_ID_H
#define MQTTSCOPE_AUDIT_REPORT_COMMUNITY_ID_H

#include <stdbool.h>

#include "mqtt/state/connection.h"

/* "1:", and SHA-1 in base64. */
#define COMMUNITY_ID_SIZE 31

/* Writes the id of a TCP connection, the same for both orders of its ends. False, and "", if these
 * are no IPv4 or IPv6 addresses. */
bool community_id(char text[static COMMUNITY_ID_SIZE], const struct mqtt_endpoint *one,
                  const struct mqtt_endpoint *other);

#endif
