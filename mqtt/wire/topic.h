/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Topic names and topic filters: 3.1.1 section 4.7, 5.0 sections 4.7 and 4.8.2. */
#ifndef MQTT_TOPIC_H
#define MQTT_TOPIC_H

#include "mqtt/wire/packet.h"

/* Offset of the first wildcard (+ or #), or the length if there is none. */
size_t mqtt_topic_wildcard(struct mqtt_slice topic);

/* Checks a topic filter's wildcards and, with `shared`, the form of $share/NAME/FILTER (5.0).
 * Returns MQTT_RULE_NONE, or the rule that is broken; *offset is the byte concerned. An empty
 * filter breaks MQTT_RULE_TOPIC_EMPTY. */
enum mqtt_rule mqtt_filter_check(struct mqtt_slice filter, bool shared, size_t *offset);

/* True if it starts with "$share/": a shared subscription in 5.0. */
bool mqtt_filter_is_shared(struct mqtt_slice filter);

/* Whether a topic name matches a topic filter. A filter that starts with a wildcard does not match
 * names that start with $ (4.7.2-1). Shared subscriptions: give the part behind the share name. */
bool mqtt_topic_matches(struct mqtt_slice filter, struct mqtt_slice topic_name);

#endif
