/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grammar: a function a control packet, in the order of the specification. Section numbers are
 * those of 3.1.1 and 5.0, which agree in chapter 3.
 */
#include "mqtt/wire/decode.h"

#include "mqtt/wire/decode_properties.h"
#include "mqtt/wire/decoder.h"
#include "mqtt/wire/topic.h"

/* A set of properties, or of packet types, is a word of bits. */
_Static_assert(MQTT_PROPERTIES <= 32, "a set of properties has no room for all");
_Static_assert(MQTT_PACKET_TYPES <= 16, "a set of packet types has no room for all");

/* Clearing the CONNECT clears the whole union. */
#define IS_CLEARED(member)                                                                         \
    _Static_assert(sizeof(((struct mqtt_packet *)NULL)->member) <= sizeof(struct mqtt_connect),    \
                   #member " is larger than what is cleared")
IS_CLEARED(connack);
IS_CLEARED(publish);
IS_CLEARED(subscribe);
IS_CLEARED(suback);

#define IS_5_0(d) ((d)->version == MQTT_VERSION_5_0)

/* ---- What several packets share ---- */

MQTT_INLINE bool packet_identifier(struct decoder *d)
{
    uint16_t *identifier = &d->packet->packet_identifier;
    if (!two_bytes(d, MQTT_RULE_FIELD_MISSING, MQTT_FIELD_PACKET_IDENTIFIER, 1, identifier))
        return false;
    d->packet->has_packet_identifier = true;
    return true;
}

/* The identifier of a packet that begins a handshake (2.3.1 in 3.1.1, 2.2.1 in 5.0). */
MQTT_INLINE bool new_packet_identifier(struct decoder *d)
{
    if (!packet_identifier(d))
        return false;
    if (d->packet->packet_identifier == 0)
        finding(d, MQTT_RULE_PACKET_IDENTIFIER_ZERO, MQTT_FIELD_PACKET_IDENTIFIER, d->cursor.at - 2,
                2, 0, 0);
    return true;
}

/* The properties of the packet itself; before 5.0 there are none. */
MQTT_INLINE bool packet_properties(struct decoder *d)
{
    if (!IS_5_0(d))
        return true;
    return property_block(d, MQTT_RULE_PROPERTY_LENGTH_MISSING, MQTT_FIELD_PROPERTIES,
                          1u << d->packet->type, &d->packet->properties);
}

MQTT_INLINE bool reason_code(struct decoder *d, enum mqtt_field field, enum mqtt_rule unknown)
{
    uint8_t *code = &d->packet->reason_code;
    if (!byte(d, field, 1, code))
        return false;
    d->packet->has_reason_code = true;
    if (*code != 0 &&
        !mqtt_reason_allowed((enum mqtt_packet_type)d->packet->type, *code, d->sender))
        finding(d, unknown, field, d->cursor.at - 1, 1, *code, 0);
    return true;
}

static void check_topic_name(struct decoder *d, enum mqtt_rule wildcard_rule, enum mqtt_field field,
                             struct mqtt_slice topic)
{
    const uint32_t start = (uint32_t)(topic.data - d->cursor.data);
    const size_t wildcard = mqtt_topic_wildcard(topic);
    if (wildcard != topic.length)
        finding(d, wildcard_rule, field, start + (uint32_t)wildcard, 1, (uint32_t)wildcard, 0);
}

/* ---- 3.1 CONNECT ---- */

/* The two protocol names as they stand in CONNECT, with their lengths. */
static const uint8_t name_3_1[] = {0, 6, 'M', 'Q', 'I', 's', 'd', 'p'};
static const uint8_t name_later[] = {0, 4, 'M', 'Q', 'T', 'T'};

/* Protocol name and level together say the version (3.1.2.1, 3.1.2.2). Brokers mark their bridges
 * with bit 7 of the level; the specification does not know it. False if the level is none that is
 * known: the layout of the rest isn't either. */
MQTT_INLINE bool protocol_version(struct decoder *d, struct mqtt_connect *connect)
{
    uint8_t level;
    if (!binary(d, MQTT_RULE_FIELD_MISSING, MQTT_FIELD_PROTOCOL_NAME_LENGTH,
                MQTT_FIELD_PROTOCOL_NAME, 1, &connect->protocol_name) ||
        !byte(d, MQTT_FIELD_PROTOCOL_LEVEL, 1, &level))
        return false;
    const struct mqtt_slice name = connect->protocol_name;
    connect->bridge = level == 0x83 || level == 0x84;
    connect->protocol_level = connect->bridge ? level & 0x7f : level;
    if (connect->bridge)
        bits(d, MQTT_FIELD_PROTOCOL_LEVEL_BRIDGE, 2, level);
    const bool old = connect->protocol_level == 3;
    const bool right = old ? name.length == 6 && memcmp(name.data, name_3_1 + 2, 6) == 0
                           : name.length == 4 && memcmp(name.data, name_later + 2, 4) == 0;
    if (!right)
        finding(d, MQTT_RULE_PROTOCOL_NAME_WRONG, MQTT_FIELD_PROTOCOL_NAME,
                (uint32_t)(name.data - d->cursor.data), name.length, name.length, 0);
    if (connect->protocol_level < 3 || connect->protocol_level > 5) {
        finding(d, MQTT_RULE_PROTOCOL_LEVEL_UNKNOWN, MQTT_FIELD_PROTOCOL_LEVEL, d->cursor.at - 1, 1,
                level, 0);
        return false;
    }
    d->version = (enum mqtt_version)connect->protocol_level;
    return true;
}

/* 3.1.2.3 to 3.1.2.9 */
static void check_connect_flags(struct decoder *d, const struct mqtt_connect *connect)
{
    const uint32_t at = d->cursor.at - 1;
    /* 3.1 leaves bit 0 unused. */
    if ((connect->flags & 1) != 0 && d->version != MQTT_VERSION_3_1)
        finding(d, MQTT_RULE_CONNECT_RESERVED_FLAG, MQTT_FIELD_CONNECT_RESERVED, at, 1,
                connect->flags, 0);
    if (connect->has_will && connect->will_qos == 3)
        finding(d, MQTT_RULE_WILL_QOS_3, MQTT_FIELD_WILL_QOS, at, 1, connect->will_qos, 0);
    /* 3.1 disregards the two without a will. */
    const bool will_bits_bind = d->version != MQTT_VERSION_3_1 && !connect->has_will;
    if (will_bits_bind && connect->will_qos != 0)
        finding(d, MQTT_RULE_WILL_QOS_WITHOUT_WILL, MQTT_FIELD_WILL_QOS, at, 1, connect->will_qos,
                0);
    if (will_bits_bind && connect->will_retain)
        finding(d, MQTT_RULE_WILL_RETAIN_WITHOUT_WILL, MQTT_FIELD_WILL_RETAIN, at, 1, 1, 0);
    if (!IS_5_0(d) && connect->has_password && !connect->has_user_name)
        finding(d, MQTT_RULE_PASSWORD_WITHOUT_USER_NAME, MQTT_FIELD_PASSWORD_FLAG, at, 1,
                connect->flags, 0);
}

MQTT_INLINE bool connect_flags(struct decoder *d, struct mqtt_connect *connect)
{
    uint8_t flags;
    if (!byte(d, MQTT_FIELD_CONNECT_FLAGS, 1, &flags))
        return false;
    connect->flags = flags;
    connect->has_user_name = (flags & 0x80) != 0;
    connect->has_password = (flags & 0x40) != 0;
    connect->will_retain = (flags & 0x20) != 0;
    connect->will_qos = flags >> 3 & 3;
    connect->has_will = (flags & 0x04) != 0;
    connect->clean_start = (flags & 0x02) != 0;
    bits(d, MQTT_FIELD_USER_NAME_FLAG, 2, flags);
    bits(d, MQTT_FIELD_PASSWORD_FLAG, 2, flags);
    bits(d, MQTT_FIELD_WILL_RETAIN, 2, flags);
    bits(d, MQTT_FIELD_WILL_QOS, 2, flags);
    bits(d, MQTT_FIELD_WILL_FLAG, 2, flags);
    bits(d, MQTT_FIELD_CLEAN_START, 2, flags);
    bits(d, MQTT_FIELD_CONNECT_RESERVED, 2, flags);
    check_connect_flags(d, connect);
    return true;
}

static uint32_t count_characters(struct mqtt_slice text)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < text.length; i++)
        count += (text.data[i] & 0xc0) != 0x80; /* not a continuation byte of UTF-8 */
    return count;
}

/* 3.1.3.1; 3.1 allows 1 to 23 characters. */
MQTT_INLINE bool client_identifier(struct decoder *d, struct mqtt_connect *connect)
{
    struct mqtt_slice *id = &connect->client_identifier;
    if (!text(d, MQTT_RULE_CLIENT_IDENTIFIER_MISSING, MQTT_RULE_CLIENT_IDENTIFIER_NOT_UTF8,
              MQTT_RULE_STRING_NUL, MQTT_FIELD_CLIENT_IDENTIFIER_LENGTH,
              MQTT_FIELD_CLIENT_IDENTIFIER, 1, id))
        return false;
    const uint32_t start = d->cursor.at - id->length;
    const uint32_t characters = count_characters(*id);
    if (d->version == MQTT_VERSION_3_1 && (characters == 0 || characters > 23))
        finding(d, MQTT_RULE_CLIENT_IDENTIFIER_LENGTH, MQTT_FIELD_CLIENT_IDENTIFIER, start,
                id->length, characters, 0);
    if (d->version == MQTT_VERSION_3_1_1 && id->length == 0 && !connect->clean_start)
        finding(d, MQTT_RULE_CLIENT_IDENTIFIER_EMPTY, MQTT_FIELD_CLIENT_IDENTIFIER, start, 0, 0, 0);
    return true;
}

/* 3.1.3.2 to 3.1.3.4 (3.1.1: 3.1.3.2, 3.1.3.3) */
MQTT_INLINE bool will(struct decoder *d, struct mqtt_connect *connect)
{
    if (IS_5_0(d) && !property_block(d, MQTT_RULE_WILL_FIELDS_MISSING, MQTT_FIELD_WILL_PROPERTIES,
                                     MQTT_IN_WILL, &connect->will_properties))
        return false;
    if (!text(d, MQTT_RULE_WILL_FIELDS_MISSING, MQTT_RULE_WILL_TOPIC_NOT_UTF8, MQTT_RULE_TOPIC_NUL,
              MQTT_FIELD_WILL_TOPIC_LENGTH, MQTT_FIELD_WILL_TOPIC, 1, &connect->will_topic))
        return false;
    if (connect->will_topic.length == 0)
        finding(d, MQTT_RULE_TOPIC_EMPTY, MQTT_FIELD_WILL_TOPIC, d->cursor.at, 0, 0, 0);
    check_topic_name(d, MQTT_RULE_WILL_TOPIC_WILDCARD, MQTT_FIELD_WILL_TOPIC, connect->will_topic);
    return binary(d, MQTT_RULE_WILL_FIELDS_MISSING, MQTT_FIELD_WILL_PAYLOAD_LENGTH,
                  MQTT_FIELD_WILL_PAYLOAD, 1, &connect->will_payload);
}

MQTT_INLINE bool credentials(struct decoder *d, struct mqtt_connect *connect)
{
    /* 3.1 lets the Remaining Length overrule these two flags. */
    const bool flags_bind = d->version != MQTT_VERSION_3_1;
    if (connect->has_user_name && (flags_bind || cursor_left(&d->cursor) != 0) &&
        !text(d, MQTT_RULE_USER_NAME_MISSING, MQTT_RULE_USER_NAME_NOT_UTF8, MQTT_RULE_STRING_NUL,
              MQTT_FIELD_USER_NAME_LENGTH, MQTT_FIELD_USER_NAME, 1, &connect->user_name))
        return false;
    return !connect->has_password || (!flags_bind && cursor_left(&d->cursor) == 0) ||
           binary(d, MQTT_RULE_PASSWORD_MISSING, MQTT_FIELD_PASSWORD_LENGTH, MQTT_FIELD_PASSWORD, 1,
                  &connect->password);
}

/* Bytes behind the last announced field: a field whose flag is clear, or rubbish. */
static enum mqtt_rule connect_trailing_rule(const struct mqtt_connect *connect)
{
    if (!connect->has_user_name)
        return MQTT_RULE_USER_NAME_UNEXPECTED;
    return connect->has_password ? MQTT_RULE_TRAILING_BYTES : MQTT_RULE_PASSWORD_UNEXPECTED;
}

/* Authentication Data needs its method (5.0: 3.1.2.11.10, 3.2.2.3.18, 3.15.2.2.3). */
static void check_authentication(struct decoder *d)
{
    const struct mqtt_properties *properties = &d->packet->properties;
    if (mqtt_has_property(properties, MQTT_PROPERTY_AUTHENTICATION_DATA) &&
        !mqtt_has_property(properties, MQTT_PROPERTY_AUTHENTICATION_METHOD))
        finding(d, MQTT_RULE_AUTHENTICATION_DATA_ALONE, MQTT_FIELD_PROPERTY_AUTHENTICATION_DATA,
                d->packet->header_length, 0, 0, 0);
}

/* All that follows the protocol level. */
MQTT_INLINE bool connect_body(struct decoder *d, struct mqtt_connect *connect)
{
    if (!connect_flags(d, connect) ||
        !two_bytes(d, MQTT_RULE_FIELD_MISSING, MQTT_FIELD_KEEP_ALIVE, 1, &connect->keep_alive) ||
        !packet_properties(d) || !client_identifier(d, connect))
        return false;
    check_authentication(d);
    return (!connect->has_will || will(d, connect)) && credentials(d, connect);
}

/* Whether the rest of a CONNECT is one of this version from end to end. */
static bool rest_reads_as(const struct decoder *d, enum mqtt_version version)
{
    struct mqtt_packet packet = *d->packet;
    struct decoder attempt = *d;
    attempt.packet = &packet;
    attempt.trace = NULL;
    attempt.version = version;
    packet.finding_count = 0;
    return connect_body(&attempt, &packet.connect) && cursor_left(&attempt.cursor) == 0 &&
           packet.finding_count == 0;
}

/* A level from another world: what follows is shown in the version that it reads in. In neither,
 * the flags and the keep alive still stand where they stand in all versions. The packet itself says
 * nothing of it: whose it is, and what it asks for, nobody can know. */
MQTT_NOINLINE void unknown_level(struct decoder *d)
{
    struct mqtt_packet packet = *d->packet;
    struct decoder guess = *d;
    guess.packet = &packet;
    if (rest_reads_as(d, MQTT_VERSION_5_0))
        guess.version = MQTT_VERSION_5_0;
    else if (rest_reads_as(d, MQTT_VERSION_3_1_1))
        guess.version = MQTT_VERSION_3_1_1;
    else
        guess.version = MQTT_VERSION_UNKNOWN;
    if (guess.version != MQTT_VERSION_UNKNOWN)
        connect_body(&guess, &packet.connect);
    else if (connect_flags(&guess, &packet.connect))
        two_bytes(&guess, MQTT_RULE_FIELD_MISSING, MQTT_FIELD_KEEP_ALIVE, 1,
                  &packet.connect.keep_alive);
    d->cursor = guess.cursor;
    d->cursor.failure = CURSOR_FINE;
    if (d->cursor.at < d->cursor.captured)
        span(d, MQTT_FIELD_UNDECODED, 1, d->cursor.at, d->cursor.captured - d->cursor.at, 0);
    if (d->cursor.captured < d->cursor.end)
        d->outcome = MQTT_TRUNCATED;
    d->cursor.at = d->cursor.captured;
}

MQTT_INLINE bool decode_connect(struct decoder *d)
{
    struct mqtt_connect *connect = &d->packet->connect;
    *connect = (struct mqtt_connect){0};
    const bool known = protocol_version(d, connect);
    d->packet->version = known ? (uint8_t)d->version : MQTT_VERSION_UNKNOWN;
    if (!known) {
        if (d->outcome == MQTT_OK)
            unknown_level(d);
        return false;
    }
    return connect_body(d, connect);
}

/* ---- 3.2 CONNACK ---- */

/* A server that doesn't speak the client's version refuses it in the form of its own: with return
 * code 1 before 5.0 (3.1.1: 3.1.2-2), with Unsupported Protocol Version in 5.0 (3.1.2-2). */
MQTT_INLINE enum mqtt_version version_of_refusal(const struct decoder *d)
{
    const struct mqtt_packet *packet = d->packet;
    if (packet->captured < 4 || packet->remaining_length > 127)
        return d->version;
    const uint8_t code = d->cursor.data[3];
    if (IS_5_0(d) && packet->remaining_length == 2 && code == 1)
        return MQTT_VERSION_3_1_1;
    if (!IS_5_0(d) && packet->remaining_length > 2 &&
        code == MQTT_REASON_UNSUPPORTED_PROTOCOL_VERSION)
        return MQTT_VERSION_5_0;
    return d->version;
}

MQTT_INLINE bool decode_connack(struct decoder *d)
{
    struct mqtt_packet *packet = d->packet;
    struct mqtt_connack *connack = &packet->connack;
    *connack = (struct mqtt_connack){0};
    const enum mqtt_version version = version_of_refusal(d);
    if (version != d->version) {
        d->version = version;
        packet->version = (uint8_t)version;
    }
    /* In 3.1 the byte has no meaning. */
    const bool has_flags = d->version != MQTT_VERSION_3_1;
    if (!byte(d, has_flags ? MQTT_FIELD_CONNACK_FLAGS : MQTT_FIELD_CONNACK_UNUSED, 1,
              &connack->flags))
        return false;
    connack->session_present = has_flags && (connack->flags & 1) != 0;
    if (has_flags) {
        bits(d, MQTT_FIELD_CONNACK_RESERVED, 2, connack->flags);
        bits(d, MQTT_FIELD_SESSION_PRESENT, 2, connack->flags);
    }
    if ((connack->flags & 0xfe) != 0 && has_flags)
        finding(d, MQTT_RULE_CONNACK_FLAGS_RESERVED, MQTT_FIELD_CONNACK_RESERVED, d->cursor.at - 1,
                1, connack->flags, 0);
    const enum mqtt_field field = IS_5_0(d) ? MQTT_FIELD_CONNACK_REASON : MQTT_FIELD_RETURN_CODE;
    if (!byte(d, field, 1, &packet->reason_code))
        return false;
    packet->has_reason_code = true;
    if (packet->reason_code != 0 &&
        mqtt_reason_name(d->version, MQTT_CONNACK, packet->reason_code) == NULL)
        finding(d, MQTT_RULE_CONNACK_REASON_UNKNOWN, field, d->cursor.at - 1, 1,
                packet->reason_code, 0);
    if (packet->reason_code != 0 && connack->session_present)
        finding(d, MQTT_RULE_CONNACK_REFUSED_SESSION_PRESENT, MQTT_FIELD_SESSION_PRESENT,
                d->cursor.at - 2, 1, packet->reason_code, 0);
    if (!packet_properties(d))
        return false;
    check_authentication(d);
    return true;
}

/* ---- 3.3 PUBLISH ---- */

static void check_publish(struct decoder *d, const struct mqtt_publish *publish)
{
    if (publish->qos == 3)
        finding(d, MQTT_RULE_PUBLISH_QOS_3, MQTT_FIELD_QOS, 0, 1, 3, 0);
    if (publish->qos == 0 && publish->dup)
        finding(d, MQTT_RULE_PUBLISH_DUP_QOS_0, MQTT_FIELD_DUP, 0, 1, 1, 0);
}

/* What only the properties can tell. */
static void check_publish_properties(struct decoder *d, const struct mqtt_publish *publish)
{
    const struct mqtt_properties *properties = &d->packet->properties;
    if (publish->topic_name.length == 0 &&
        !mqtt_has_property(properties, MQTT_PROPERTY_TOPIC_ALIAS))
        finding(d, MQTT_RULE_TOPIC_EMPTY, MQTT_FIELD_TOPIC_NAME, d->packet->header_length, 2, 0, 0);
    if (d->sender == MQTT_SENDER_CLIENT &&
        mqtt_has_property(properties, MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER))
        finding(d, MQTT_RULE_SUBSCRIPTION_IDENTIFIER_FROM_CLIENT,
                MQTT_FIELD_PROPERTY_SUBSCRIPTION_IDENTIFIER,
                (uint32_t)(properties->block.data - d->cursor.data), properties->block.length,
                properties->subscription_identifier, 0);
}

/* 5.0: 3.3.2.3.2. Only a payload that is there as a whole can be judged. */
static void check_payload_format(struct decoder *d, const struct mqtt_publish *publish)
{
    const struct mqtt_properties *properties = &d->packet->properties;
    if (!mqtt_has_property(properties, MQTT_PROPERTY_PAYLOAD_FORMAT_INDICATOR) ||
        properties->payload_format_indicator != 1 ||
        publish->payload.length != publish->payload_length)
        return;
    const uint32_t bad = (uint32_t)mqtt_utf8_check(publish->payload.data, publish->payload.length);
    if (bad != publish->payload.length)
        finding(d, MQTT_RULE_PAYLOAD_NOT_UTF8, MQTT_FIELD_PAYLOAD, publish->payload_offset + bad, 1,
                bad, 0);
}

MQTT_INLINE bool decode_publish(struct decoder *d)
{
    struct mqtt_packet *packet = d->packet;
    struct mqtt_publish *publish = &packet->publish;
    struct cursor *c = &d->cursor;
    publish->dup = (packet->flags & 0x08) != 0;
    publish->qos = packet->flags >> 1 & 3;
    publish->retain = (packet->flags & 0x01) != 0;
    publish->payload = (struct mqtt_slice){NULL, 0};
    publish->payload_offset = 0;
    publish->payload_length = 0;
    check_publish(d, publish);
    if (!text(d, MQTT_RULE_FIELD_MISSING, MQTT_RULE_TOPIC_NAME_NOT_UTF8, MQTT_RULE_TOPIC_NUL,
              MQTT_FIELD_TOPIC_LENGTH, MQTT_FIELD_TOPIC_NAME, 1, &publish->topic_name))
        return false;
    if (!plain_text(publish->topic_name))
        check_topic_name(d, MQTT_RULE_TOPIC_NAME_WILDCARD, MQTT_FIELD_TOPIC_NAME,
                         publish->topic_name);
    if (publish->topic_name.length == 0 && !IS_5_0(d))
        finding(d, MQTT_RULE_TOPIC_EMPTY, MQTT_FIELD_TOPIC_NAME, c->at - 2, 2, 0, 0);
    if (publish->qos != 0 && !new_packet_identifier(d))
        return false;
    if (!packet_properties(d))
        return false;
    if (IS_5_0(d))
        check_publish_properties(d, publish);

    publish->payload_offset = c->at;
    publish->payload_length = cursor_left(c);
    const bool whole = cursor_slice(c, publish->payload_length, &publish->payload);
    if (publish->payload.length != 0)
        span(d, MQTT_FIELD_PAYLOAD, 1, publish->payload_offset, publish->payload.length, 0);
    if (IS_5_0(d))
        check_payload_format(d, publish);
    return whole || failed(d, MQTT_RULE_FIELD_MISSING, MQTT_FIELD_PAYLOAD);
}

/* ---- 3.4 to 3.7: PUBACK, PUBREC, PUBREL, PUBCOMP ---- */

/* In 5.0 the reason code may be left out if it is 0, the properties if there are none. */
MQTT_INLINE bool decode_acknowledgement(struct decoder *d, enum mqtt_field field,
                                        enum mqtt_rule unknown)
{
    if (!packet_identifier(d))
        return false;
    if (!IS_5_0(d))
        return true;
    d->packet->has_reason_code = d->packet->remaining_length == 2;
    if (d->packet->remaining_length == 2)
        return true;
    if (!reason_code(d, field, unknown))
        return false;
    return d->packet->remaining_length == 3 || packet_properties(d);
}

/* ---- 3.8 SUBSCRIBE, 3.10 UNSUBSCRIBE ---- */

static void check_filter(struct decoder *d, struct mqtt_slice filter)
{
    size_t offset = 0;
    const enum mqtt_rule rule = mqtt_filter_check(filter, IS_5_0(d), &offset);
    if (rule != MQTT_RULE_NONE)
        finding(d, rule, MQTT_FIELD_TOPIC_FILTER,
                (uint32_t)(filter.data - d->cursor.data) + (uint32_t)offset,
                offset < filter.length ? 1 : 0, (uint32_t)offset, 0);
}

/* 3.8.3.1 in 5.0: bits 7-6 reserved, 5-4 Retain Handling, 3 Retain As Published, 2 No Local,
 * 1-0 Maximum QoS. Before 5.0, bits 7-2 are reserved. */
static void check_options(struct decoder *d, struct mqtt_slice filter, uint8_t options)
{
    const uint32_t at = d->cursor.at - 1;
    const uint8_t reserved = IS_5_0(d) ? 0xc0 : 0xfc;
    const enum mqtt_field field =
        IS_5_0(d) ? MQTT_FIELD_SUBSCRIPTION_OPTIONS : MQTT_FIELD_REQUESTED_QOS;
    if ((options & reserved) != 0)
        finding(d, MQTT_RULE_SUBSCRIPTION_OPTIONS_RESERVED, field, at, 1, options, 0);
    if ((options & 3) == 3)
        finding(d, MQTT_RULE_SUBSCRIPTION_QOS_3, field, at, 1, options, 0);
    if (IS_5_0(d) && (options & 0x30) == 0x30)
        finding(d, MQTT_RULE_RETAIN_HANDLING_3, MQTT_FIELD_RETAIN_HANDLING, at, 1, options, 0);
    if (IS_5_0(d) && (options & 0x04) != 0 && mqtt_filter_is_shared(filter))
        finding(d, MQTT_RULE_NO_LOCAL_SHARED, MQTT_FIELD_NO_LOCAL, at, 1, options, 0);
}

MQTT_INLINE bool subscription_options(struct decoder *d, struct mqtt_slice filter)
{
    uint8_t options;
    if (!byte(d, IS_5_0(d) ? MQTT_FIELD_SUBSCRIPTION_OPTIONS : MQTT_FIELD_REQUESTED_QOS, 1,
              &options))
        return false;
    if (IS_5_0(d)) {
        bits(d, MQTT_FIELD_SUBSCRIPTION_RESERVED, 2, options);
        bits(d, MQTT_FIELD_RETAIN_HANDLING, 2, options);
        bits(d, MQTT_FIELD_RETAIN_AS_PUBLISHED, 2, options);
        bits(d, MQTT_FIELD_NO_LOCAL, 2, options);
        bits(d, MQTT_FIELD_MAXIMUM_QOS, 2, options);
    }
    check_options(d, filter, options);
    return true;
}

MQTT_INLINE bool decode_filters(struct decoder *d, struct mqtt_filters *filters,
                                enum mqtt_rule not_utf8, enum mqtt_rule empty, bool with_options)
{
    struct cursor *c = &d->cursor;
    struct mqtt_slice filter;
    *filters = (struct mqtt_filters){0};
    if (!new_packet_identifier(d) || !packet_properties(d))
        return false;
    if (cursor_left(c) == 0)
        finding(d, empty, MQTT_FIELD_TOPIC_FILTER, c->at, 0, 0, 0);
    filters->list.data = c->data + c->at;
    while (cursor_left(c) != 0) {
        if (!text(d, MQTT_RULE_FIELD_MISSING, not_utf8, MQTT_RULE_TOPIC_NUL,
                  MQTT_FIELD_FILTER_LENGTH, MQTT_FIELD_TOPIC_FILTER, 1, &filter))
            return false;
        check_filter(d, filter);
        if (with_options && !subscription_options(d, filter))
            return false;
        filters->count++;
        filters->list.length = (uint32_t)(c->data + c->at - filters->list.data);
    }
    return true;
}

/* ---- 3.9 SUBACK, 3.11 UNSUBACK ---- */

MQTT_INLINE bool decode_codes(struct decoder *d, struct mqtt_reason_codes *result,
                              enum mqtt_field field, enum mqtt_rule unknown)
{
    struct cursor *c = &d->cursor;
    uint8_t code;
    result->codes = (struct mqtt_slice){NULL, 0};
    if (!packet_identifier(d) || !packet_properties(d))
        return false;
    if (d->packet->type == MQTT_UNSUBACK && !IS_5_0(d))
        return true; /* 3.1.1's UNSUBACK has no payload: 3.11.3 */
    result->codes.data = c->data + c->at;
    while (cursor_left(c) != 0) {
        if (!byte(d, field, 1, &code))
            return false;
        result->codes.length++;
        const enum mqtt_version version = IS_5_0(d) ? MQTT_VERSION_5_0 : MQTT_VERSION_3_1_1;
        if (mqtt_reason_name(version, (enum mqtt_packet_type)d->packet->type, code) == NULL)
            finding(d, unknown, field, c->at - 1, 1, code, 0);
    }
    return true;
}

/* ---- 3.12 PINGREQ, 3.13 PINGRESP: the fixed header is all ---- */

/* ---- 3.14 DISCONNECT ---- */

MQTT_INLINE bool decode_disconnect(struct decoder *d)
{
    struct mqtt_packet *packet = d->packet;
    if (!IS_5_0(d))
        return true;
    packet->has_reason_code = packet->remaining_length == 0;
    if (packet->remaining_length == 0)
        return true;
    if (!reason_code(d, MQTT_FIELD_DISCONNECT_REASON, MQTT_RULE_DISCONNECT_REASON_UNKNOWN))
        return false;
    if (packet->remaining_length == 1)
        return true;
    if (!packet_properties(d))
        return false;
    if (d->sender == MQTT_SENDER_SERVER &&
        mqtt_has_property(&packet->properties, MQTT_PROPERTY_SESSION_EXPIRY_INTERVAL))
        finding(d, MQTT_RULE_DISCONNECT_EXPIRY_FROM_SERVER,
                MQTT_FIELD_PROPERTY_SESSION_EXPIRY_INTERVAL,
                (uint32_t)(packet->properties.block.data - d->cursor.data),
                packet->properties.block.length, packet->properties.session_expiry_interval, 0);
    return true;
}

/* ---- 3.15 AUTH ---- */

MQTT_INLINE bool decode_auth(struct decoder *d)
{
    struct mqtt_packet *packet = d->packet;
    const bool implied = packet->remaining_length == 0;
    packet->has_reason_code = implied;
    if (!implied && !reason_code(d, MQTT_FIELD_AUTH_REASON, MQTT_RULE_AUTH_REASON_UNKNOWN))
        return false;
    /* 0x00 ends the exchange: only the server can say so (3.15.2.1). */
    if (packet->reason_code == 0 && d->sender == MQTT_SENDER_CLIENT)
        finding(d, MQTT_RULE_AUTH_REASON_UNKNOWN, MQTT_FIELD_AUTH_REASON, packet->header_length,
                implied ? 0 : 1, 0, 0);
    if (implied)
        return true;
    if (!packet_properties(d))
        return false;
    if (!mqtt_has_property(&packet->properties, MQTT_PROPERTY_AUTHENTICATION_METHOD))
        finding(d, MQTT_RULE_AUTH_METHOD_MISSING, MQTT_FIELD_PROPERTIES, packet->header_length, 0,
                0, 0);
    return true;
}

/* ---- 2.2 (5.0: 2.1) Fixed header ----
 *
 *     bit      7   6   5   4     3   2   1   0
 *     byte 1 | packet type    | flags          |
 *     byte 2 | Remaining Length, 1 to 4 bytes  |
 */

struct prescribed_flags {
    uint8_t flags;
    uint16_t rule;
};

static const struct prescribed_flags prescribed[MQTT_PACKET_TYPES] = {
    [MQTT_CONNECT] = {0, MQTT_RULE_FIXED_HEADER_FLAGS},
    [MQTT_CONNACK] = {0, MQTT_RULE_FIXED_HEADER_FLAGS},
    [MQTT_PUBACK] = {0, MQTT_RULE_FIXED_HEADER_FLAGS},
    [MQTT_PUBREC] = {0, MQTT_RULE_FIXED_HEADER_FLAGS},
    [MQTT_PUBREL] = {2, MQTT_RULE_PUBREL_FLAGS},
    [MQTT_PUBCOMP] = {0, MQTT_RULE_FIXED_HEADER_FLAGS},
    [MQTT_SUBSCRIBE] = {2, MQTT_RULE_SUBSCRIBE_FLAGS},
    [MQTT_SUBACK] = {0, MQTT_RULE_FIXED_HEADER_FLAGS},
    [MQTT_UNSUBSCRIBE] = {2, MQTT_RULE_UNSUBSCRIBE_FLAGS},
    [MQTT_UNSUBACK] = {0, MQTT_RULE_FIXED_HEADER_FLAGS},
    [MQTT_PINGREQ] = {0, MQTT_RULE_FIXED_HEADER_FLAGS},
    [MQTT_PINGRESP] = {0, MQTT_RULE_FIXED_HEADER_FLAGS},
    [MQTT_DISCONNECT] = {0, MQTT_RULE_DISCONNECT_FLAGS},
    [MQTT_AUTH] = {0, MQTT_RULE_AUTH_FLAGS},
};

/* 3.1 ignores the flags where they have no meaning, and lets PUBREL, SUBSCRIBE and UNSUBSCRIBE
 * carry DUP besides their QoS of 1 (its section 2.1). */
MQTT_INLINE void check_flags(struct decoder *d)
{
    const struct mqtt_packet *packet = d->packet;
    if (packet->type == MQTT_PUBLISH || packet->type == MQTT_RESERVED)
        return;
    const struct prescribed_flags *want = &prescribed[packet->type];
    if (packet->flags == want->flags)
        return;
    if (d->version == MQTT_VERSION_3_1 &&
        (want->flags == 0 || (packet->flags & 0x07) == want->flags))
        return;
    finding(d, (enum mqtt_rule)want->rule, MQTT_FIELD_RESERVED_FLAGS, 0, 1, packet->flags,
            want->flags);
}

enum mqtt_outcome mqtt_fixed_header(const uint8_t *data, size_t available, uint32_t *header_length,
                                    uint32_t *length)
{
    const uint32_t there = available < 5 ? (uint32_t)available : 5;
    struct cursor c = {.data = data, .at = 1, .end = there, .captured = there};
    uint32_t remaining;
    if (available < 2)
        return MQTT_NEED_MORE;
    if (!cursor_variable(&c, &remaining))
        return c.failure == CURSOR_TOO_LONG ? MQTT_MALFORMED : MQTT_NEED_MORE;
    *header_length = c.at;
    *length = c.at + remaining;
    return MQTT_OK;
}

static enum mqtt_outcome begins_with(const uint8_t *data, size_t available, const uint8_t *name,
                                     size_t length)
{
    if (memcmp(data, name, available < length ? available : length) != 0)
        return MQTT_MALFORMED;
    return available < length ? MQTT_NEED_MORE : MQTT_OK;
}

enum mqtt_outcome mqtt_begins_connect(const uint8_t *data, size_t available)
{
    uint32_t header_length, length;
    if (available == 0)
        return MQTT_NEED_MORE;
    if (data[0] >> 4 != MQTT_CONNECT)
        return MQTT_MALFORMED;
    const enum mqtt_outcome header = mqtt_fixed_header(data, available, &header_length, &length);
    if (header != MQTT_OK)
        return header;
    data += header_length;
    available -= header_length;
    const enum mqtt_outcome later = begins_with(data, available, name_later, sizeof name_later);
    return later != MQTT_MALFORMED ? later
                                   : begins_with(data, available, name_3_1, sizeof name_3_1);
}

/* Fixed header and limits of the cursor. MQTT_OK: the packet's own fields come next. */
MQTT_INLINE enum mqtt_outcome fixed_header(struct decoder *d, const uint8_t *data, size_t captured,
                                           size_t reported)
{
    struct mqtt_packet *packet = d->packet;
    uint32_t header_length, length;
    const enum mqtt_outcome outcome = mqtt_fixed_header(data, captured, &header_length, &length);
    if (outcome == MQTT_NEED_MORE)
        return captured < reported && captured != 0 ? MQTT_TRUNCATED : MQTT_NEED_MORE;
    if (outcome == MQTT_OK && length > reported)
        return MQTT_NEED_MORE;
    const bool broken = outcome == MQTT_MALFORMED;
    packet->header_length = broken ? 5 : (uint8_t)header_length;
    packet->length = broken ? 0 : length;
    packet->remaining_length = broken ? 0 : length - header_length;
    packet->captured = broken ? 5 : captured < length ? (uint32_t)captured : length;
    d->cursor = (struct cursor){.data = data,
                                .at = packet->header_length,
                                .end = broken ? 5 : length,
                                .captured = packet->captured};
    return outcome;
}

MQTT_INLINE void fixed_header_spans(struct decoder *d, bool broken)
{
    struct mqtt_packet *packet = d->packet;
    if (d->trace == NULL)
        return;
    const uint32_t at = d->cursor.at;
    d->cursor.at = 1;
    span(d, MQTT_FIELD_HEADER_FLAGS, 1, 0, 1, (uint32_t)(packet->type << 4 | packet->flags));
    span(d, MQTT_FIELD_PACKET_TYPE, 2, 0, 1, packet->type);
    if (packet->type == MQTT_PUBLISH) {
        bits(d, MQTT_FIELD_DUP, 2, packet->flags);
        bits(d, MQTT_FIELD_QOS, 2, packet->flags);
        bits(d, MQTT_FIELD_RETAIN, 2, packet->flags);
    } else if (d->version == MQTT_VERSION_3_1 && prescribed[packet->type].flags != 0) {
        /* 3.1 gives them the flags of PUBLISH: its section 2.1. */
        bits(d, MQTT_FIELD_DUP, 2, packet->flags);
        bits(d, MQTT_FIELD_QOS, 2, packet->flags);
        bits(d, MQTT_FIELD_RETAIN_RESERVED, 2, packet->flags);
    } else {
        bits(d, MQTT_FIELD_RESERVED_FLAGS, 2, packet->flags);
    }
    d->cursor.at = at;
    span(d, broken ? MQTT_FIELD_UNDECODED : MQTT_FIELD_REMAINING_LENGTH, 1, 1, at - 1,
         packet->remaining_length);
}

MQTT_INLINE bool packet_body(struct decoder *d)
{
    struct mqtt_packet *packet = d->packet;
    switch (packet->type) {
    case MQTT_CONNECT: return decode_connect(d);
    case MQTT_CONNACK: return decode_connack(d);
    case MQTT_PUBLISH: return decode_publish(d);
    case MQTT_PUBACK:
        return decode_acknowledgement(d, MQTT_FIELD_PUBACK_REASON, MQTT_RULE_PUBACK_REASON_UNKNOWN);
    case MQTT_PUBREC:
        return decode_acknowledgement(d, MQTT_FIELD_PUBREC_REASON, MQTT_RULE_PUBREC_REASON_UNKNOWN);
    case MQTT_PUBREL:
        return decode_acknowledgement(d, MQTT_FIELD_PUBREL_REASON, MQTT_RULE_PUBREL_REASON_UNKNOWN);
    case MQTT_PUBCOMP:
        return decode_acknowledgement(d, MQTT_FIELD_PUBCOMP_REASON,
                                      MQTT_RULE_PUBCOMP_REASON_UNKNOWN);
    case MQTT_SUBSCRIBE:
        return decode_filters(d, &packet->subscribe, MQTT_RULE_SUBSCRIBE_FILTER_NOT_UTF8,
                              MQTT_RULE_SUBSCRIBE_EMPTY, true);
    case MQTT_SUBACK:
        return decode_codes(d, &packet->suback,
                            IS_5_0(d) ? MQTT_FIELD_SUBACK_REASON : MQTT_FIELD_GRANTED_QOS,
                            MQTT_RULE_SUBACK_CODE_UNKNOWN);
    case MQTT_UNSUBSCRIBE:
        return decode_filters(d, &packet->unsubscribe, MQTT_RULE_UNSUBSCRIBE_FILTER_NOT_UTF8,
                              MQTT_RULE_UNSUBSCRIBE_EMPTY, false);
    case MQTT_UNSUBACK:
        return decode_codes(d, &packet->unsuback, MQTT_FIELD_UNSUBACK_REASON,
                            MQTT_RULE_UNSUBACK_CODE_UNKNOWN);
    case MQTT_DISCONNECT: return decode_disconnect(d);
    case MQTT_AUTH:
        if (IS_5_0(d))
            return decode_auth(d);
        break;
    case MQTT_PINGREQ:
    case MQTT_PINGRESP: return true;
    default: break;
    }
    return malformed(d, MQTT_RULE_PACKET_TYPE_RESERVED, MQTT_FIELD_PACKET_TYPE, 0, packet->type, 0);
}

/* All fields were read and bytes are left inside the Remaining Length. */
static void trailing(struct decoder *d)
{
    const struct cursor *c = &d->cursor;
    const uint32_t left = cursor_left(c);
    if (left == 0)
        return;
    const enum mqtt_rule rule = d->packet->type == MQTT_CONNECT
                                    ? connect_trailing_rule(&d->packet->connect)
                                    : MQTT_RULE_TRAILING_BYTES;
    const uint32_t there = c->captured - c->at < left ? c->captured - c->at : left;
    finding(d, rule, MQTT_FIELD_TRAILING, c->at, there, left, 0);
    span(d, MQTT_FIELD_TRAILING, 1, c->at, there, 0);
    if (there < left)
        d->outcome = MQTT_TRUNCATED;
}

/* What a failed field left over is shown as bytes. */
MQTT_INLINE void undecoded(struct decoder *d)
{
    const struct cursor *c = &d->cursor;
    if (d->trace != NULL && c->at < c->captured && d->outcome != MQTT_OK) {
        uint32_t start = c->at;
        /* a slice that the capture cut has been shown already */
        if (d->trace->count != 0) {
            const struct mqtt_span *last = &d->trace->spans[d->trace->count - 1];
            if (last->offset + last->length > start)
                start = last->offset + last->length;
        }
        if (start < c->captured)
            span(d, MQTT_FIELD_UNDECODED, 1, start, c->captured - start, 0);
    }
}

MQTT_INLINE enum mqtt_outcome decode(const uint8_t *data, size_t captured, size_t reported,
                                     const struct mqtt_context *context, struct mqtt_packet *packet,
                                     struct mqtt_trace *trace)
{
    struct decoder d = {.packet = packet,
                        .trace = trace,
                        .version = context->version,
                        .sender = context->sender,
                        .outcome = MQTT_OK};
    packet->finding_count = 0;
    packet->findings_dropped = 0;
    packet->malformed_rule = MQTT_RULE_NONE;
    packet->malformed_offset = 0;
    packet->has_packet_identifier = false;
    packet->has_reason_code = false;
    packet->packet_identifier = 0;
    packet->reason_code = 0;
    packet->properties.present = 0;
    packet->properties.user_properties = 0;
    packet->properties.subscription_identifiers = 0;
    packet->version = (uint8_t)context->version;
    if (captured == 0)
        return MQTT_NEED_MORE;
    packet->type = data[0] >> 4;
    packet->flags = data[0] & 0x0f;

    const enum mqtt_outcome header = fixed_header(&d, data, captured, reported);
    if (header == MQTT_NEED_MORE)
        return MQTT_NEED_MORE;
    if (header != MQTT_OK) /* no body to read: the largest member clears the union */
        packet->connect = (struct mqtt_connect){0};
    if (header == MQTT_TRUNCATED) { /* cut inside the fixed header itself */
        packet->header_length = (uint8_t)captured;
        packet->length = 0;
        packet->remaining_length = 0;
        packet->captured = (uint32_t)captured;
        if (captured > 0)
            span(&d, MQTT_FIELD_UNDECODED, 1, 0, (uint32_t)captured, 0);
        return MQTT_TRUNCATED;
    }
    fixed_header_spans(&d, header == MQTT_MALFORMED);
    if (header == MQTT_MALFORMED) {
        if (packet->type == MQTT_RESERVED || (packet->type == MQTT_AUTH && !IS_5_0(&d)))
            finding(&d, MQTT_RULE_PACKET_TYPE_RESERVED, MQTT_FIELD_PACKET_TYPE, 0, 1, packet->type,
                    0);
        malformed(&d, MQTT_RULE_REMAINING_LENGTH_MALFORMED, MQTT_FIELD_REMAINING_LENGTH, 1, 0, 0);
        return MQTT_MALFORMED;
    }
    check_minimal(&d, MQTT_FIELD_REMAINING_LENGTH, 1, packet->remaining_length);
    const bool whole = packet_body(&d);
    check_flags(&d);
    if (whole)
        trailing(&d);
    else
        undecoded(&d);
    return d.outcome;
}

enum mqtt_outcome mqtt_decode(const uint8_t *data, size_t captured, size_t reported,
                              const struct mqtt_context *context, struct mqtt_packet *packet)
{
    return decode(data, captured, reported, context, packet, NULL);
}

enum mqtt_outcome mqtt_decode_traced(const uint8_t *data, size_t captured, size_t reported,
                                     const struct mqtt_context *context, struct mqtt_packet *packet,
                                     struct mqtt_trace *trace)
{
    trace->count = 0;
    trace->needed = 0;
    return decode(data, captured, reported, context, packet, trace);
}

/* ---- Walking what a packet repeats ---- */

static struct cursor list_cursor(const struct mqtt_slice *list)
{
    return (struct cursor){.data = list->data, .end = list->length, .captured = list->length};
}

static void list_advance(struct mqtt_slice *list, const struct cursor *c)
{
    list->data += c->at;
    list->length -= c->at;
}

static bool read_text(struct cursor *c, struct mqtt_slice *slice)
{
    uint16_t length;
    return cursor_u16(c, &length) && cursor_slice(c, length, slice);
}

bool mqtt_filter_next(struct mqtt_slice *list, enum mqtt_packet_type type,
                      struct mqtt_filter *filter)
{
    struct cursor c = list_cursor(list);
    filter->options = 0;
    if (!read_text(&c, &filter->filter) ||
        (type == MQTT_SUBSCRIBE && !cursor_u8(&c, &filter->options)))
        return false;
    list_advance(list, &c);
    return true;
}

bool mqtt_property_next(struct mqtt_slice *block, struct mqtt_property_value *value)
{
    struct cursor c = list_cursor(block);
    uint32_t number;
    uint8_t one;
    uint16_t two;
    bool there;
    *value = (struct mqtt_property_value){.property = MQTT_PROPERTIES};
    if (!cursor_variable(&c, &number))
        return false;
    value->property = mqtt_property_by_number(number);
    if (value->property == MQTT_PROPERTIES)
        return false;
    switch (mqtt_property_info(value->property)->type) {
    case MQTT_TYPE_BYTE:
        there = cursor_u8(&c, &one);
        value->number = there ? one : 0;
        break;
    case MQTT_TYPE_TWO_BYTE:
        there = cursor_u16(&c, &two);
        value->number = there ? two : 0;
        break;
    case MQTT_TYPE_FOUR_BYTE: there = cursor_u32(&c, &value->number); break;
    case MQTT_TYPE_VARIABLE: there = cursor_variable(&c, &value->number); break;
    case MQTT_TYPE_PAIR: there = read_text(&c, &value->text) && read_text(&c, &value->value); break;
    default: there = read_text(&c, &value->text); break;
    }
    if (there)
        list_advance(block, &c);
    return there;
}

/* ---- Which version is it? ---- */

bool mqtt_reads_wrong(const struct mqtt_packet *packet)
{
    for (uint32_t i = 0; i < packet->finding_count; i++) {
        const unsigned rule = packet->findings[i].rule;
        if (rule != MQTT_RULE_STRING_CONTROL_CHARACTER && rule != MQTT_RULE_STRING_NON_CHARACTER)
            return true;
    }
    return packet->findings_dropped != 0;
}

bool mqtt_reads_cleanly(enum mqtt_outcome outcome, const struct mqtt_packet *packet)
{
    /* Of what the snap length cut, a topic name at least has to be there. */
    const bool enough =
        outcome == MQTT_OK || (outcome == MQTT_TRUNCATED && packet->type == MQTT_PUBLISH &&
                               packet->publish.topic_name.data != NULL);
    return enough && !mqtt_reads_wrong(packet);
}

static bool reads_cleanly(const uint8_t *data, size_t captured, size_t reported,
                          enum mqtt_version version)
{
    const struct mqtt_context context = {version, MQTT_SENDER_UNKNOWN};
    struct mqtt_packet packet;
    const enum mqtt_outcome outcome = mqtt_decode(data, captured, reported, &context, &packet);
    /* The CONNACK of a server that does not know 5.0 is read as 3.1.1, whatever was asked for. */
    return mqtt_reads_cleanly(outcome, &packet) &&
           (packet.type == MQTT_CONNECT || packet.version == version);
}

unsigned mqtt_readable_versions(const uint8_t *data, size_t captured, size_t reported)
{
    return (reads_cleanly(data, captured, reported, MQTT_VERSION_3_1_1) ? MQTT_READS_AS_3_1_1 : 0) |
           (reads_cleanly(data, captured, reported, MQTT_VERSION_5_0) ? MQTT_READS_AS_5_0 : 0);
}

enum mqtt_version mqtt_infer_version(const uint8_t *data, size_t captured, size_t reported)
{
    switch (mqtt_readable_versions(data, captured, reported)) {
    case MQTT_READS_AS_3_1_1: return MQTT_VERSION_3_1_1;
    case MQTT_READS_AS_5_0: return MQTT_VERSION_5_0;
    default: return MQTT_VERSION_UNKNOWN;
    }
}
