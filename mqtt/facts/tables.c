/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expands the .def files into the look-ups of tables.h. */
#include "mqtt/facts/tables.h"

#include <string.h>

static const struct mqtt_value values_packet_type[] = {
    {0, "reserved"},
#define MQTT_PACKET(type, number, ...) {number, #type},
#include "mqtt/facts/packets.def"
    {0, NULL},
};

static const struct mqtt_packet_info packets[MQTT_PACKET_TYPES] = {
#define MQTT_PACKET(type, number, flags, sender) [number] = {flags, MQTT_SENDER_##sender},
#include "mqtt/facts/packets.def"
};

const struct mqtt_packet_info *mqtt_packet_info(unsigned type)
{
    return &packets[type < MQTT_PACKET_TYPES ? type : MQTT_RESERVED];
}

static const struct mqtt_value values_qos[] = {
    {0, "At most once"}, {1, "At least once"}, {2, "Exactly once"}, {3, "Reserved"}, {0, NULL},
};

static const struct mqtt_value values_protocol_level[] = {
    {3, "MQTT 3.1"},
    {4, "MQTT 3.1.1"},
    {5, "MQTT 5.0"},
    {0x83, "MQTT 3.1, bridge"},
    {0x84, "MQTT 3.1.1, bridge"},
    {0, NULL},
};

static const struct mqtt_value values_payload_format[] = {
    {0, "Unspecified bytes"},
    {1, "UTF-8 text"},
    {0, NULL},
};

static const struct mqtt_value values_retain_handling[] = {
    {0, "Send on subscribe"},
    {1, "Send on subscribe if the subscription is new"},
    {2, "Do not send on subscribe"},
    {3, "Reserved"},
    {0, NULL},
};

static const struct mqtt_value values_property_identifier[] = {
#define MQTT_PROPERTY(id, number, name, ...) {number, name},
#include "mqtt/facts/properties.def"
#undef MQTT_PROPERTY
    {0, NULL},
};

static const struct mqtt_value values_return_code[] = {
#define MQTT_RETURN_CODE(code, name) {code, name},
#include "mqtt/facts/reasons.def"
    {0, NULL},
};

static const struct mqtt_value values_granted_qos[] = {
#define MQTT_GRANTED(code, name) {code, name},
#include "mqtt/facts/reasons.def"
    {0, NULL},
};

struct reason {
    uint8_t code;
    bool by_client;
    bool by_server;
    uint16_t packets;
    const char *name;
};

static const struct reason reasons[] = {
#define MQTT_REASON(id, name, packets, by_client, by_server)                                       \
    {MQTT_REASON_##id, by_client, by_server, packets, name},
#include "mqtt/facts/reasons.def"
};

/* A value table of one packet's reason codes can't be a subset of `reasons` at compile time: the
 * rows for other packets get a number that no byte can have. */
#define NOT_HERE 0x100u

#define ROW(TYPE, code, name, packets) {((packets)&MQTT_IN(TYPE)) != 0 ? (code) : NOT_HERE, name},

static const struct mqtt_value values_connack_reason[] = {
#define MQTT_REASON(id, name, packets, c, s) ROW(CONNACK, MQTT_REASON_##id, name, packets)
#include "mqtt/facts/reasons.def"
    {0, NULL},
};
static const struct mqtt_value values_puback_reason[] = {
#define MQTT_REASON(id, name, packets, c, s) ROW(PUBACK, MQTT_REASON_##id, name, packets)
#include "mqtt/facts/reasons.def"
    {0, NULL},
};
static const struct mqtt_value values_pubrec_reason[] = {
#define MQTT_REASON(id, name, packets, c, s) ROW(PUBREC, MQTT_REASON_##id, name, packets)
#include "mqtt/facts/reasons.def"
    {0, NULL},
};
static const struct mqtt_value values_pubrel_reason[] = {
#define MQTT_REASON(id, name, packets, c, s) ROW(PUBREL, MQTT_REASON_##id, name, packets)
#include "mqtt/facts/reasons.def"
    {0, NULL},
};
static const struct mqtt_value values_pubcomp_reason[] = {
#define MQTT_REASON(id, name, packets, c, s) ROW(PUBCOMP, MQTT_REASON_##id, name, packets)
#include "mqtt/facts/reasons.def"
    {0, NULL},
};
static const struct mqtt_value values_suback_reason[] = {
#define MQTT_REASON(id, name, packets, c, s) ROW(SUBACK, MQTT_REASON_##id, name, packets)
#include "mqtt/facts/reasons.def"
    {0, NULL},
};
static const struct mqtt_value values_unsuback_reason[] = {
#define MQTT_REASON(id, name, packets, c, s) ROW(UNSUBACK, MQTT_REASON_##id, name, packets)
#include "mqtt/facts/reasons.def"
    {0, NULL},
};
static const struct mqtt_value values_disconnect_reason[] = {
#define MQTT_REASON(id, name, packets, c, s) ROW(DISCONNECT, MQTT_REASON_##id, name, packets)
#include "mqtt/facts/reasons.def"
    {0, NULL},
};
static const struct mqtt_value values_auth_reason[] = {
#define MQTT_REASON(id, name, packets, c, s) ROW(AUTH, MQTT_REASON_##id, name, packets)
#include "mqtt/facts/reasons.def"
    {0, NULL},
};

#define values_none NULL
#define KIND_NONE MQTT_KIND_NONE, false
#define KIND_UINT8 MQTT_KIND_UINT8, false
#define KIND_UINT16 MQTT_KIND_UINT16, false
#define KIND_UINT32 MQTT_KIND_UINT32, false
#define KIND_VARIABLE32 MQTT_KIND_UINT32, true
#define KIND_VARIABLE64 MQTT_KIND_UINT64, true
#define KIND_BOOLEAN MQTT_KIND_BOOLEAN, false
#define KIND_STRING MQTT_KIND_STRING, false
#define KIND_UINT_STRING MQTT_KIND_UINT_STRING, false
#define KIND_BYTES MQTT_KIND_BYTES, false

/* Two steps, so that KIND_x is expanded into its two values before the row is filled. */
#define FIELD_ROW(...) FIELD_ROW_EXPANDED(__VA_ARGS__)
#define FIELD_ROW_EXPANDED(id, name, abbreviation, kind, variable, display, mask, values, help)    \
    {id, name, abbreviation, kind, display, mask, variable, values, help},

#define PROPERTY_DISPLAY_UINT8 MQTT_DISPLAY_DECIMAL
#define PROPERTY_DISPLAY_UINT16 MQTT_DISPLAY_DECIMAL
#define PROPERTY_DISPLAY_UINT32 MQTT_DISPLAY_DECIMAL
#define PROPERTY_DISPLAY_VARIABLE32 MQTT_DISPLAY_DECIMAL
#define PROPERTY_DISPLAY_STRING MQTT_DISPLAY_NONE
#define PROPERTY_DISPLAY_UINT_STRING MQTT_DISPLAY_NONE
#define PROPERTY_DISPLAY_BYTES MQTT_DISPLAY_NONE
#define PROPERTY_DISPLAY_NONE MQTT_DISPLAY_NONE

static const struct mqtt_field_info fields[MQTT_FIELDS] = {
#define MQTT_FIELD(id, name, abbreviation, kind, display, mask, values, help)                      \
    FIELD_ROW(#id, name, abbreviation, KIND_##kind, MQTT_DISPLAY_##display, mask, values_##values, \
              help)
#include "mqtt/facts/fields.def"
#undef MQTT_FIELD
#define MQTT_PROPERTY(id, number, name, member, type, packets, repeatable, minimum, maximum,       \
                      range_rule, text_rule, abbreviation, kind, values, help)                     \
    FIELD_ROW("PROPERTY_" #id, name, abbreviation, KIND_##kind, PROPERTY_DISPLAY_##kind, 0,        \
              values_##values, help)
#include "mqtt/facts/properties.def"
#undef MQTT_PROPERTY
};

const struct mqtt_field_info *mqtt_field_info(enum mqtt_field field)
{
    return &fields[field];
}

static const struct mqtt_property_info properties[MQTT_PROPERTIES] = {
#define MQTT_PROPERTY(id, number, name, member, type, packets, repeatable, minimum, maximum,       \
                      range_rule, text_rule, ...)                                                  \
    {number,                                                                                       \
     name,                                                                                         \
     MQTT_TYPE_##type,                                                                             \
     packets,                                                                                      \
     repeatable,                                                                                   \
     minimum,                                                                                      \
     maximum,                                                                                      \
     MQTT_RULE_##range_rule,                                                                       \
     MQTT_RULE_##text_rule},
#include "mqtt/facts/properties.def"
#undef MQTT_PROPERTY
};

const struct mqtt_property_info *mqtt_property_info(enum mqtt_property property)
{
    return &properties[property];
}

/* One more than the property, so that 0 means none. */
static const uint8_t property_by_number[128] = {
#define MQTT_PROPERTY(id, number, ...) [number] = MQTT_PROPERTY_##id + 1,
#include "mqtt/facts/properties.def"
#undef MQTT_PROPERTY
};

enum mqtt_property mqtt_property_by_number(uint32_t number)
{
    if (number >= sizeof property_by_number || property_by_number[number] == 0)
        return MQTT_PROPERTIES;
    return (enum mqtt_property)(property_by_number[number] - 1);
}

const char *mqtt_packet_type_name(unsigned type)
{
    return type < MQTT_PACKET_TYPES ? values_packet_type[type].name : values_packet_type[0].name;
}

const char *mqtt_version_name(unsigned version)
{
    switch (version) {
    case MQTT_VERSION_3_1: return "3.1";
    case MQTT_VERSION_3_1_1: return "3.1.1";
    case MQTT_VERSION_5_0: return "5.0";
    default: return "unknown";
    }
}

static const char *value_name(const struct mqtt_value *values, uint32_t value)
{
    for (; values->name != NULL; values++) {
        if (values->value == value)
            return values->name;
    }
    return NULL;
}

static const struct reason *find_reason(unsigned type, uint8_t code)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].code == code && (reasons[i].packets >> type & 1u) != 0)
            return &reasons[i];
    }
    return NULL;
}

const char *mqtt_reason_name(enum mqtt_version version, enum mqtt_packet_type type, uint8_t code)
{
    if (version != MQTT_VERSION_5_0) {
        if (type == MQTT_CONNACK)
            return value_name(values_return_code, code);
        return type == MQTT_SUBACK ? value_name(values_granted_qos, code) : NULL;
    }
    const struct reason *reason = find_reason(type, code);
    return reason != NULL ? reason->name : NULL;
}

bool mqtt_reason_allowed(enum mqtt_packet_type type, uint8_t code, enum mqtt_sender sender)
{
    const struct reason *reason = find_reason(type, code);
    if (reason == NULL)
        return false;
    return sender == MQTT_SENDER_UNKNOWN ||
           (sender == MQTT_SENDER_CLIENT ? reason->by_client : reason->by_server);
}

/* at_end, analyzer_alone */
#define WHEN_NOW false, false
#define WHEN_ALONE false, true
#define WHEN_END true, true

static const struct mqtt_rule_info rules[MQTT_RULES] = {
#define MQTT_RULE(id, text, severity, scope, when, statements_3_1_1, statements_5_0, title,        \
                  detail, explanation)                                                             \
    {text,  MQTT_##severity, MQTT_SCOPE_##scope, WHEN_##when, statements_3_1_1, statements_5_0,    \
     title, detail,          explanation},
#include "mqtt/facts/rules.def"
#undef MQTT_RULE
};

const struct mqtt_rule_info *mqtt_rule_info(enum mqtt_rule rule)
{
    return &rules[rule];
}

enum mqtt_rule mqtt_rule_by_id(const char *id)
{
    for (unsigned i = 0; i < MQTT_RULES; i++) {
        if (strcmp(rules[i].id, id) == 0)
            return (enum mqtt_rule)i;
    }
    return MQTT_RULE_NONE;
}

const char *mqtt_severity_name(unsigned severity)
{
    static const char *const names[] = {"note", "warning", "error"};
    return names[severity <= MQTT_ERROR ? severity : MQTT_ERROR];
}

const char *mqtt_scope_name(unsigned scope)
{
    static const char *const names[] = {"packet", "connection", "session"};
    return names[scope <= MQTT_SCOPE_SESSION ? scope : MQTT_SCOPE_SESSION];
}

/* Whether the statement of `length` bytes, with its suffix, applies to what `sender` sent. */
static bool statement_applies(const char *suffix, enum mqtt_sender sender)
{
    if (suffix[0] != '/' || sender == MQTT_SENDER_UNKNOWN)
        return true;
    return suffix[1] == (sender == MQTT_SENDER_CLIENT ? 'c' : 's');
}

static const char *rule_statements(enum mqtt_rule rule, enum mqtt_version version)
{
    if (version == MQTT_VERSION_5_0)
        return rules[rule].statements_5_0;
    return version == MQTT_VERSION_3_1 ? "" : rules[rule].statements_3_1_1;
}

bool mqtt_statement_next(enum mqtt_rule rule, enum mqtt_version version, enum mqtt_sender sender,
                         const char **cursor, const char **statement, size_t *length)
{
    const char *at = *cursor != NULL ? *cursor : rule_statements(rule, version);
    while (*at != '\0') {
        const char *start = at;
        size_t id = strcspn(start, " /");
        at = start + strcspn(start, " ");
        bool applies = statement_applies(start + id, sender);
        at += strspn(at, " ");
        if (applies) {
            *statement = start;
            *length = id;
            *cursor = at;
            return true;
        }
    }
    *cursor = at;
    return false;
}
