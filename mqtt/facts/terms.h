/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The specification's terms as numbers: versions, control packet types, senders; and a number for
 * each row of the tables. */
#ifndef MQTT_TERMS_H
#define MQTT_TERMS_H

#include <stdbool.h>
#include <stdint.h>

/* Protocol level as CONNECT carries it, without the bridge bit. 3.1 has level 3 and the name
 * "MQIsdp", 3.1.1 has level 4 and 5.0 has level 5, both with the name "MQTT". */
enum mqtt_version {
    MQTT_VERSION_UNKNOWN = 0,
    MQTT_VERSION_3_1 = 3,
    MQTT_VERSION_3_1_1 = 4,
    MQTT_VERSION_5_0 = 5,
};

enum mqtt_packet_type {
    MQTT_RESERVED = 0,
#define MQTT_PACKET(type, number, ...) MQTT_##type = (number),
#include "mqtt/facts/packets.def"
    MQTT_PACKET_TYPES = 16,
};

/* Who sent a control packet; UNKNOWN until something in the connection has shown it. */
enum mqtt_sender { MQTT_SENDER_UNKNOWN = 0, MQTT_SENDER_CLIENT = 1, MQTT_SENDER_SERVER = 2 };

/* Reason codes: 5.0, table 2-6. From 0x80 on they say that something failed. */
enum mqtt_reason {
#define MQTT_REASON_CODE(id, code) MQTT_REASON_##id = (code),
#include "mqtt/facts/reasons.def"
};

/* Return codes of CONNACK before that: 3.1.1, table 3.1. */
enum mqtt_return {
#define MQTT_RETURN_CODE(id, code, name) MQTT_RETURN_##id = (code),
#include "mqtt/facts/reasons.def"
};

#define MQTT_REASON_FAILURE 0x80

enum mqtt_rule {
#define MQTT_RULE(id, ...) MQTT_RULE_##id,
#include "mqtt/facts/rules.def"
#undef MQTT_RULE
    MQTT_RULES,
    MQTT_RULE_NONE = MQTT_RULES,
};

enum mqtt_property {
#define MQTT_PROPERTY(id, ...) MQTT_PROPERTY_##id,
#include "mqtt/facts/properties.def"
#undef MQTT_PROPERTY
    MQTT_PROPERTIES,
};

/* Wire fields: fields.def, then one field a property. */
enum mqtt_field {
#define MQTT_FIELD(id, ...) MQTT_FIELD_##id,
#include "mqtt/facts/fields.def"
#undef MQTT_FIELD
#define MQTT_PROPERTY(id, ...) MQTT_FIELD_PROPERTY_##id,
#include "mqtt/facts/properties.def"
#undef MQTT_PROPERTY
    MQTT_FIELDS,
};

#endif
