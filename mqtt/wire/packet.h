/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoded view of one MQTT control packet.
 *
 * A view owns nothing: every slice points into the bytes that were given to mqtt_decode() and lives
 * as long as they do. What a packet may repeat (topic filters, user properties, reason codes) is
 * not copied either; it is walked with the iterators in decode.h.
 */
#ifndef MQTT_PACKET_H
#define MQTT_PACKET_H

#include "mqtt/facts/terms.h"
#include <stddef.h>

/* Bytes inside the decoded buffer. `length` counts what was captured: in a TRUNCATED packet it may
 * be less than the wire said. */
struct mqtt_slice {
    const uint8_t *data;
    uint32_t length;
};

/* A violation that one control packet shows by itself. */
struct mqtt_packet_finding {
    uint16_t rule;      /* enum mqtt_rule */
    uint16_t field;     /* enum mqtt_field that it concerns */
    uint32_t offset;    /* of the bytes concerned, from the packet's first byte */
    uint32_t length;    /* of the bytes concerned; may be 0 (something is missing here) */
    uint32_t values[2]; /* for the {0} and {1} of the rule's detail */
};

/* More findings than this in one packet are counted, not kept. */
#define MQTT_PACKET_FINDINGS_MAX 16

/* Properties of one property block. A member is valid if its bit stands in `present`; where a
 * property came more than once, the member holds its first value. */
struct mqtt_properties {
    uint32_t present;                  /* 1u << enum mqtt_property */
    uint32_t user_properties;          /* how many user properties the block has */
    uint32_t subscription_identifiers; /* how many subscription identifiers the block has */
    struct mqtt_slice block;           /* the block without its length: for mqtt_property_next() */
#define MQTT_MEMBER_BYTE(member) uint8_t member;
#define MQTT_MEMBER_TWO_BYTE(member) uint16_t member;
#define MQTT_MEMBER_FOUR_BYTE(member) uint32_t member;
#define MQTT_MEMBER_VARIABLE(member) uint32_t member;
#define MQTT_MEMBER_STRING(member) struct mqtt_slice member;
#define MQTT_MEMBER_BINARY(member) struct mqtt_slice member;
#define MQTT_MEMBER_PAIR(member)
#define MQTT_PROPERTY(id, number, name, member, type, ...) MQTT_MEMBER_##type(member)
#include "mqtt/facts/properties.def"
#undef MQTT_PROPERTY
};

static inline bool mqtt_has_property(const struct mqtt_properties *properties,
                                     enum mqtt_property property)
{
    return (properties->present >> property & 1u) != 0;
}

struct mqtt_connect {
    struct mqtt_slice protocol_name;
    uint8_t protocol_level; /* without the bridge bit */
    bool bridge;            /* bit 7 of the protocol level: a private extension of brokers */
    uint8_t flags;
    bool clean_start; /* Clean Session in 3.1 and 3.1.1 */
    bool has_will;
    uint8_t will_qos;
    bool will_retain;
    bool has_user_name;
    bool has_password;
    uint16_t keep_alive; /* seconds; 0 turns the mechanism off */
    struct mqtt_slice client_identifier;
    struct mqtt_properties will_properties;
    struct mqtt_slice will_topic;
    struct mqtt_slice will_payload;
    struct mqtt_slice user_name;
    struct mqtt_slice password;
};

struct mqtt_connack {
    uint8_t flags;
    bool session_present;
};

struct mqtt_publish {
    bool dup;
    uint8_t qos;
    bool retain;
    struct mqtt_slice topic_name;
    struct mqtt_slice payload; /* what was captured of it */
    uint32_t payload_offset;   /* from the packet's first byte */
    uint32_t payload_length;   /* as sent */
};

/* SUBSCRIBE and UNSUBSCRIBE. */
struct mqtt_filters {
    uint32_t count;
    struct mqtt_slice list; /* for mqtt_filter_next() */
};

/* SUBACK and, in 5.0, UNSUBACK: a reason code a topic filter, in the order of the filters. */
struct mqtt_reason_codes {
    struct mqtt_slice codes;
};

struct mqtt_packet {
    uint8_t type;          /* enum mqtt_packet_type */
    uint8_t flags;         /* low four bits of the first byte */
    uint8_t version;       /* enum mqtt_version that it was decoded under */
    uint8_t header_length; /* fixed header: 2 to 5 bytes */
    uint32_t remaining_length;
    uint32_t length;   /* whole control packet in bytes, as sent */
    uint32_t captured; /* how many of these were there to decode */
    bool has_packet_identifier;
    bool has_reason_code; /* CONNACK, PUBACK to PUBCOMP, DISCONNECT, AUTH (explicit or implied) */
    uint16_t packet_identifier;
    uint8_t reason_code;     /* CONNACK's return code in 3.1 and 3.1.1 */
    uint16_t malformed_rule; /* enum mqtt_rule; MQTT_RULE_NONE unless the outcome is MALFORMED */
    uint32_t malformed_offset;
    struct mqtt_properties properties; /* .present is 0 in 3.1 and 3.1.1 */
    union {
        struct mqtt_connect connect;
        struct mqtt_connack connack;
        struct mqtt_publish publish;
        struct mqtt_filters subscribe;
        struct mqtt_filters unsubscribe;
        struct mqtt_reason_codes suback;
        struct mqtt_reason_codes unsuback;
    };
    uint32_t finding_count; /* kept in findings[] */
    uint32_t findings_dropped;
    struct mqtt_packet_finding findings[MQTT_PACKET_FINDINGS_MAX];
};

#endif
