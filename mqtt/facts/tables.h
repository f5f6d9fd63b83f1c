/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Look-ups over the .def tables of this folder. All strings are
 * static and never NULL unless said.
 */
#ifndef MQTT_TABLES_H
#define MQTT_TABLES_H

#include <stddef.h>

#include "mqtt/facts/terms.h"

/* A number and what it means; a table ends with name == NULL. */
struct mqtt_value {
    uint32_t value;
    const char *name;
};

/* How a field's bytes are to be read. */
enum mqtt_field_kind {
    MQTT_KIND_NONE, /* a subtree, or a mark without a value */
    MQTT_KIND_UINT8,
    MQTT_KIND_UINT16,
    MQTT_KIND_UINT32,      /* span lengths of 1 to 4 bytes; variable byte integers too */
    MQTT_KIND_UINT64,      /* variable byte integers that the built-in dissector has as 64 bits */
    MQTT_KIND_BOOLEAN,     /* with a mask inside one byte */
    MQTT_KIND_STRING,      /* UTF-8 text */
    MQTT_KIND_UINT_STRING, /* two-byte length and UTF-8 text as one field */
    MQTT_KIND_BYTES,
};

enum mqtt_field_display { MQTT_DISPLAY_NONE, MQTT_DISPLAY_DECIMAL, MQTT_DISPLAY_HEX };

struct mqtt_field_info {
    const char *id;           /* the row's name in fields.def */
    const char *name;         /* for people */
    const char *abbreviation; /* for display filters; several rows may share one (same kind) */
    uint8_t kind;             /* enum mqtt_field_kind */
    uint8_t display;          /* enum mqtt_field_display */
    uint8_t mask;             /* bit fields: which bits of the byte; else 0 */
    bool variable;            /* a variable byte integer */
    const struct mqtt_value *values; /* NULL if the number has no names */
    const char *help;
};

/* `field` below MQTT_FIELDS. */
const struct mqtt_field_info *mqtt_field_info(enum mqtt_field field);

enum mqtt_property_type {
    MQTT_TYPE_BYTE,
    MQTT_TYPE_TWO_BYTE,
    MQTT_TYPE_FOUR_BYTE,
    MQTT_TYPE_VARIABLE,
    MQTT_TYPE_STRING,
    MQTT_TYPE_BINARY,
    MQTT_TYPE_PAIR,
};

/* Bits of mqtt_property_info.packets and mqtt_reason rows: 1 << enum mqtt_packet_type; bit 0, which
 * no packet type uses, stands for the will properties of CONNECT. */
#define MQTT_IN(type) (1u << MQTT_##type)
#define MQTT_IN_WILL 1u

struct mqtt_property_info {
    uint8_t number; /* identifier on the wire: 5.0, table 2-4 */
    const char *name;
    uint8_t type;        /* enum mqtt_property_type */
    uint16_t packets;    /* where it may stand */
    uint16_t repeatable; /* where it may stand more than once */
    uint32_t minimum;
    uint32_t maximum;
    uint16_t range_rule; /* rule broken by a value outside */
    uint16_t text_rule;  /* rule broken by a string that is not well-formed */
};

/* `property` below MQTT_PROPERTIES. */
const struct mqtt_property_info *mqtt_property_info(enum mqtt_property property);

/* The property with this number on the wire; MQTT_PROPERTIES if there is none. */
enum mqtt_property mqtt_property_by_number(uint32_t number);

struct mqtt_packet_info {
    uint16_t
        flags; /* the values that the low four bits of the first byte may have: a bit for each */
    uint8_t sender; /* enum mqtt_sender: who alone may send it; UNKNOWN: either side */
};

/* Of a type that is not defined, no value of the flags is right. */
const struct mqtt_packet_info *mqtt_packet_info(unsigned type);

/* "CONNECT", ... "AUTH"; "reserved" for 0. */
const char *mqtt_packet_type_name(unsigned type);

/* "3.1", "3.1.1", "5.0"; "unknown" otherwise. */
const char *mqtt_version_name(unsigned version);

/* Name of a reason code (5.0) or return code (3.1, 3.1.1) in packets of `type`; NULL if the
 * specification does not define it there. */
const char *mqtt_reason_name(enum mqtt_version version, enum mqtt_packet_type type, uint8_t code);

/* Whether the specification lets `sender` use this reason code in a packet of `type` (5.0). */
bool mqtt_reason_allowed(enum mqtt_packet_type type, uint8_t code, enum mqtt_sender sender);

enum mqtt_severity { MQTT_NOTE, MQTT_WARNING, MQTT_ERROR };

/* What has to be seen to tell: one packet, one connection, several connections. */
enum mqtt_scope {
    MQTT_SCOPE_PACKET,
    MQTT_SCOPE_CONNECTION,
    MQTT_SCOPE_SESSION,
    MQTT_SCOPE_NOTHING, /* of statements alone, see statements.h: they ask nothing of the wire */
};

struct mqtt_rule_info {
    const char *id; /* "publish-qos-3" */
    uint8_t severity;
    uint8_t scope;
    bool at_end;         /* known only when the connection or the capture ends */
    bool analyzer_alone; /* Wireshark's plugin can't know it: it has no end to wait for, or is
                            not told what it takes */
    const char *statements_3_1_1; /* see mqtt_statement_next() */
    const char *statements_5_0;
    const char *title;       /* what is wrong, in one line */
    const char *detail;      /* what happened here; its places for values: see rules.def */
    const char *explanation; /* what it means, the usual causes, what to look at next */
};

/* `rule` below MQTT_RULES. */
const struct mqtt_rule_info *mqtt_rule_info(enum mqtt_rule rule);

/* The rule with this id; MQTT_RULE_NONE if there is none. */
enum mqtt_rule mqtt_rule_by_id(const char *id);

/* Who broke the rule where it names a packet of `sender`: UNKNOWN if nobody knows who sent that.
 * See blames.def. */
enum mqtt_sender mqtt_rule_blames(enum mqtt_rule rule, enum mqtt_sender sender);

/* The rule that a receiver breaks if it goes on after this violation in a packet of `type`, where
 * it has to close the connection; MQTT_RULE_NONE if it need not, or nothing says so. See
 * closes.def.
 */
enum mqtt_rule mqtt_closes(enum mqtt_rule violation, enum mqtt_packet_type type,
                           enum mqtt_version version);

/* The reason code of 5.0 that names this violation in a DISCONNECT; 0 if none is prescribed. */
uint8_t mqtt_prescribed_reason(enum mqtt_rule violation);

/* Whether a DISCONNECT with this reason code blames the other side for one of these. */
bool mqtt_reason_is_prescribed(uint8_t code);

/* "note", "warning", "error". */
const char *mqtt_severity_name(unsigned severity);

/* "packet", "connection", "session", "nothing". */
const char *mqtt_scope_name(unsigned scope);

/* Where a rule was broken, as far as the statements depend on it: see rules.def. What is zero, or
 * MQTT_FIELDS, is not known. */
struct mqtt_circumstances {
    uint8_t version;     /* enum mqtt_version */
    uint8_t sender;      /* enum mqtt_sender of the packet that the finding names */
    uint8_t packet_type; /* enum mqtt_packet_type of that packet */
    uint8_t qos;         /* of that packet: a PUBLISH with QoS 1 or 2 */
    uint8_t awaits; /* enum mqtt_packet_type: what the exchange awaits that is in flight with the
                       packet's identifier; of AUTH: AUTH when it re-authenticates, else CONNACK */
    uint16_t field; /* enum mqtt_field: what of the packet is concerned; the whole property block
                       stands for each of its properties */
};

/* Walks the statements ("MQTT-3.3.1-2", ...) that `rule` stands for in `version` when `sender`
 * broke it. Start with *cursor == NULL; each call that returns true sets *statement and *length
 * (the text is not terminated). 3.1 numbers no statements: nothing is returned. Unknown version:
 * 3.1.1's, as the packets are read. Unknown sender: everything that may apply. */
bool mqtt_statement_next(enum mqtt_rule rule, enum mqtt_version version, enum mqtt_sender sender,
                         const char **cursor, const char **statement, size_t *length);

/* The same, and tells more closely what applies. What is not known: everything that may apply. */
bool mqtt_statement_next_in(enum mqtt_rule rule, const struct mqtt_circumstances *in,
                            const char **cursor, const char **statement, size_t *length);

/* Whether a statement that one of these two has set applies in other circumstances (of the same
 * rule and version). */
bool mqtt_statement_applies(const char *statement, const struct mqtt_circumstances *in);

#endif
