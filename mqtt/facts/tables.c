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
#define MQTT_RETURN_CODE(id, code, name) {MQTT_RETURN_##id, name},
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

/* What is not listed has zeros, which is no rule that a receiver could break. */
struct closes {
    uint16_t in_connect, in_3_1_1, in_5_0;
};

enum blame { SENDER, OTHER, CLIENT, SERVER };

static const uint8_t blames[MQTT_RULES] = {
#define MQTT_BLAMES(rule, who) [MQTT_RULE_##rule] = who,
#include "mqtt/facts/blames.def"
};

enum mqtt_sender mqtt_rule_blames(enum mqtt_rule rule, enum mqtt_sender sender)
{
    switch ((enum blame)blames[rule]) {
    case CLIENT: return MQTT_SENDER_CLIENT;
    case SERVER: return MQTT_SENDER_SERVER;
    case OTHER:
        return sender == MQTT_SENDER_CLIENT   ? MQTT_SENDER_SERVER
               : sender == MQTT_SENDER_SERVER ? MQTT_SENDER_CLIENT
                                              : MQTT_SENDER_UNKNOWN;
    default: return sender;
    }
}

static const struct closes closes[MQTT_RULES] = {
#define MQTT_CLOSES(violation, in_connect, in_3_1_1, in_5_0)                                       \
    [MQTT_RULE_##violation] = {MQTT_RULE_##in_connect, MQTT_RULE_##in_3_1_1, MQTT_RULE_##in_5_0},
#include "mqtt/facts/closes.def"
};

enum mqtt_rule mqtt_closes(enum mqtt_rule violation, enum mqtt_packet_type type,
                           enum mqtt_version version)
{
    const struct closes *row = &closes[violation];
    uint16_t rule = 0;
    if (version == MQTT_VERSION_3_1)
        return MQTT_RULE_NONE;
    if (type == MQTT_CONNECT)
        rule = row->in_connect;
    else if (version == MQTT_VERSION_5_0 || version == MQTT_VERSION_3_1_1)
        rule = version == MQTT_VERSION_5_0 ? row->in_5_0 : row->in_3_1_1;
    else if (row->in_3_1_1 == row->in_5_0)
        rule = row->in_5_0;
    return rule != 0 ? (enum mqtt_rule)rule : MQTT_RULE_NONE;
}

static const uint8_t prescribed_reasons[MQTT_RULES] = {
#define MQTT_PRESCRIBES(violation, reason) [MQTT_RULE_##violation] = MQTT_REASON_##reason,
#include "mqtt/facts/closes.def"
};

uint8_t mqtt_prescribed_reason(enum mqtt_rule violation)
{
    return prescribed_reasons[violation];
}

bool mqtt_reason_is_prescribed(uint8_t code)
{
    for (unsigned rule = 0; code != 0 && rule < MQTT_RULES; rule++)
        if (prescribed_reasons[rule] == code)
            return true;
    return false;
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
    static const char *const names[] = {"packet", "connection", "session", "nothing"};
    return names[scope <= MQTT_SCOPE_NOTHING ? scope : MQTT_SCOPE_NOTHING];
}

/* ---- Statements ---- */

/* What the words behind a statement are about. */
enum kind { KIND_SENDER, KIND_PACKET, KIND_QOS, KIND_AWAITS, KIND_FIELD, KINDS };

static const struct word {
    const char *text;
    uint8_t kind; /* enum kind */
    uint16_t value;
} words[] = {
    {"c", KIND_SENDER, MQTT_SENDER_CLIENT},
    {"s", KIND_SENDER, MQTT_SENDER_SERVER},
    {"QOS_1", KIND_QOS, 1},
    {"QOS_2", KIND_QOS, 2},
#define MQTT_PACKET(type, number, ...)                                                             \
    {#type, KIND_PACKET, number}, {"AWAITS_" #type, KIND_AWAITS, number},
#include "mqtt/facts/packets.def"
    {"REASON_STRING", KIND_FIELD, MQTT_FIELD_PROPERTY_REASON_STRING},
    {"USER_PROPERTY", KIND_FIELD, MQTT_FIELD_PROPERTY_USER_PROPERTY},
    {"PAYLOAD_FORMAT", KIND_FIELD, MQTT_FIELD_PROPERTY_PAYLOAD_FORMAT_INDICATOR},
    {"CONTENT_TYPE", KIND_FIELD, MQTT_FIELD_PROPERTY_CONTENT_TYPE},
    {"RESPONSE_TOPIC", KIND_FIELD, MQTT_FIELD_PROPERTY_RESPONSE_TOPIC},
    {"CORRELATION_DATA", KIND_FIELD, MQTT_FIELD_PROPERTY_CORRELATION_DATA},
};

static const struct word *find_word(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp(words[i].text, text, length) == 0 && words[i].text[length] == '\0')
            return &words[i];
    }
    return NULL;
}

/* Whether the circumstances are what the word says, or not known. */
static bool word_holds(const struct word *word, const struct mqtt_circumstances *in)
{
    switch (word->kind) {
    case KIND_SENDER: return in->sender == MQTT_SENDER_UNKNOWN || in->sender == word->value;
    case KIND_PACKET: return in->packet_type == 0 || in->packet_type == word->value;
    case KIND_QOS: return in->qos == 0 || in->qos == word->value;
    case KIND_AWAITS: return in->awaits == 0 || in->awaits == word->value;
    default:
        return in->field == MQTT_FIELDS || in->field == MQTT_FIELD_PROPERTIES ||
               in->field == word->value;
    }
}

bool mqtt_statement_applies(const char *statement, const struct mqtt_circumstances *in)
{
    bool named[KINDS] = {false};
    bool holds[KINDS] = {false};
    const char *at = statement + strcspn(statement, " /");
    while (*at == '/') {
        const char *text = ++at;
        at += strcspn(at, " /");
        const struct word *word = find_word(text, (size_t)(at - text));
        if (word == NULL)
            return false;
        named[word->kind] = true;
        holds[word->kind] = holds[word->kind] || word_holds(word, in);
    }
    for (unsigned kind = 0; kind < KINDS; kind++) {
        if (named[kind] && !holds[kind])
            return false;
    }
    return true;
}

static const char *rule_statements(enum mqtt_rule rule, unsigned version)
{
    if (version == MQTT_VERSION_5_0)
        return rules[rule].statements_5_0;
    return version == MQTT_VERSION_3_1 ? "" : rules[rule].statements_3_1_1;
}

bool mqtt_statement_next_in(enum mqtt_rule rule, const struct mqtt_circumstances *in,
                            const char **cursor, const char **statement, size_t *length)
{
    const char *at = *cursor != NULL ? *cursor : rule_statements(rule, in->version);
    while (*at != '\0') {
        const char *start = at;
        at += strcspn(at, " ");
        at += strspn(at, " ");
        if (!mqtt_statement_applies(start, in))
            continue;
        *statement = start;
        *length = strcspn(start, " /");
        *cursor = at;
        return true;
    }
    *cursor = at;
    return false;
}

bool mqtt_statement_next(enum mqtt_rule rule, enum mqtt_version version, enum mqtt_sender sender,
                         const char **cursor, const char **statement, size_t *length)
{
    const struct mqtt_circumstances in = {
        .version = (uint8_t)version, .sender = (uint8_t)sender, .field = MQTT_FIELDS};
    return mqtt_statement_next_in(rule, &in, cursor, statement, length);
}
