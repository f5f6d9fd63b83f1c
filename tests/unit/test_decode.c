/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mqtt/wire/decode.h: what is read from control packets of each type and version, the four
 * outcomes, and the spans. The rules have a test of their own: test_statements.c.
 */
#include "suite.h"

#include "notation.h"
#include "vectors.h"
#include "views.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- Views as text ---- */

struct text {
    char text[1024];
    size_t length;
};

static __attribute__((format(printf, 2, 3))) void put(struct text *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length =
        vsnprintf(out->text + out->length, sizeof(out->text) - out->length, format, arguments);
    va_end(arguments);
    out->length += (size_t)length;
    ck_assert_uint_lt(out->length, sizeof(out->text));
}

static void put_slice(struct text *out, struct mqtt_slice slice)
{
    put(out, "'");
    for (uint32_t i = 0; i < slice.length; i++)
        put(out, isprint(slice.data[i]) ? "%c" : "\\%02X", slice.data[i]);
    put(out, "'");
}

static void put_named(struct text *out, const char *name, struct mqtt_slice slice)
{
    put(out, " %s=", name);
    put_slice(out, slice);
}

/* The number of an integer property as the struct's member has it. */
static uint32_t member_number(const struct mqtt_properties *properties, enum mqtt_property property)
{
#define NUMBER_BYTE(member) properties->member
#define NUMBER_TWO_BYTE(member) properties->member
#define NUMBER_FOUR_BYTE(member) properties->member
#define NUMBER_VARIABLE(member) properties->member
#define NUMBER_STRING(member) 0
#define NUMBER_BINARY(member) 0
#define NUMBER_PAIR(member) 0
    switch (property) {
#define MQTT_PROPERTY(id, number, name, member, type, ...)                                         \
    case MQTT_PROPERTY_##id:                                                                       \
        return NUMBER_##type(member);
#include "mqtt/facts/properties.def"
#undef MQTT_PROPERTY
    default: return 0;
    }
}

static struct mqtt_slice member_text(const struct mqtt_properties *properties,
                                     enum mqtt_property property)
{
    const struct mqtt_slice none = {NULL, 0};
#define TEXT_BYTE(member) none
#define TEXT_TWO_BYTE(member) none
#define TEXT_FOUR_BYTE(member) none
#define TEXT_VARIABLE(member) none
#define TEXT_STRING(member) properties->member
#define TEXT_BINARY(member) properties->member
#define TEXT_PAIR(member) none
    switch (property) {
#define MQTT_PROPERTY(id, number, name, member, type, ...)                                         \
    case MQTT_PROPERTY_##id:                                                                       \
        return TEXT_##type(member);
#include "mqtt/facts/properties.def"
#undef MQTT_PROPERTY
    default: return none;
    }
}

static void put_property(struct text *out, const struct mqtt_property_value *value)
{
    const struct mqtt_property_info *info = mqtt_property_info(value->property);
    put(out, " %02X=", info->number);
    switch (info->type) {
    case MQTT_TYPE_STRING:
    case MQTT_TYPE_BINARY: put_slice(out, value->text); break;
    case MQTT_TYPE_PAIR:
        put_slice(out, value->text);
        put(out, ":");
        put_slice(out, value->value);
        break;
    default: put(out, "%u", value->number); break;
    }
}

/* Writes the block as the iterator walks it; the struct's members have the first of each. */
static void put_properties(struct text *out, const struct mqtt_properties *properties)
{
    struct mqtt_slice block = properties->block;
    struct mqtt_property_value value;
    uint32_t seen = 0;
    uint32_t pairs = 0;
    uint32_t identifiers = 0;
    if (properties->present == 0)
        return;
    while (mqtt_property_next(&block, &value)) {
        put_property(out, &value);
        pairs += value.property == MQTT_PROPERTY_USER_PROPERTY;
        identifiers += value.property == MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER;
        if ((seen >> value.property & 1) == 0 && value.property != MQTT_PROPERTY_USER_PROPERTY) {
            ck_assert_uint_eq(member_number(properties, value.property), value.number);
            ck_assert(same_slice(member_text(properties, value.property), value.text));
        }
        seen |= 1u << value.property;
    }
    ck_assert_uint_eq(block.length, 0);
    ck_assert_uint_eq(properties->present, seen);
    ck_assert_uint_eq(properties->user_properties, pairs);
    ck_assert_uint_eq(properties->subscription_identifiers, identifiers);
}

static void put_connect(struct text *out, const struct mqtt_packet *packet)
{
    const struct mqtt_connect *connect = &packet->connect;
    put(out, " ");
    put_slice(out, connect->protocol_name);
    put(out, " %u%s%s keep=%u", connect->protocol_level, connect->bridge ? " bridge" : "",
        connect->clean_start ? " clean" : "", connect->keep_alive);
    put_properties(out, &packet->properties);
    put_named(out, "id", connect->client_identifier);
    if (connect->has_will) {
        put(out, " will=%u%s,", connect->will_qos, connect->will_retain ? "r" : "");
        put_slice(out, connect->will_topic);
        put(out, ",");
        put_slice(out, connect->will_payload);
        put_properties(out, &connect->will_properties);
    }
    if (connect->has_user_name)
        put_named(out, "user", connect->user_name);
    if (connect->has_password)
        put_named(out, "password", connect->password);
}

static void put_publish(struct text *out, const struct mqtt_packet *packet)
{
    const struct mqtt_publish *publish = &packet->publish;
    put(out, "%s qos=%u%s", publish->dup ? " dup" : "", publish->qos,
        publish->retain ? " retain" : "");
    put_named(out, "topic", publish->topic_name);
    if (packet->has_packet_identifier)
        put(out, " id=%u", packet->packet_identifier);
    put_properties(out, &packet->properties);
    put_named(out, "payload", publish->payload);
    ck_assert_uint_eq(publish->payload_length, publish->payload.length);
    ck_assert_uint_eq(publish->payload_offset + publish->payload_length, packet->length);
}

static void put_filters(struct text *out, const struct mqtt_packet *packet)
{
    struct mqtt_slice list = packet->subscribe.list;
    struct mqtt_filter filter;
    uint32_t count = 0;
    while (mqtt_filter_next(&list, (enum mqtt_packet_type)packet->type, &filter)) {
        put(out, " ");
        put_slice(out, filter.filter);
        if (packet->type == MQTT_SUBSCRIBE)
            put(out, ":%u", filter.options);
        count++;
    }
    ck_assert_uint_eq(count, packet->subscribe.count);
    ck_assert_uint_eq(list.length, 0);
}

static void put_codes(struct text *out, const struct mqtt_reason_codes *codes)
{
    for (uint32_t i = 0; i < codes->codes.length; i++)
        put(out, "%s%02X", i == 0 ? " codes=" : ",", codes->codes.data[i]);
}

static void describe(const struct mqtt_packet *packet, struct text *out)
{
    out->length = 0;
    put(out, "%s %s", mqtt_packet_type_name(packet->type), mqtt_version_name(packet->version));
    if (packet->type == MQTT_CONNECT) {
        put_connect(out, packet);
        return;
    }
    if (packet->type == MQTT_PUBLISH) {
        put_publish(out, packet);
        return;
    }
    if (packet->type == MQTT_CONNACK && packet->connack.session_present)
        put(out, " session");
    if (packet->has_packet_identifier)
        put(out, " id=%u", packet->packet_identifier);
    if (packet->has_reason_code)
        put(out, " code=%u", packet->reason_code);
    put_properties(out, &packet->properties);
    if (packet->type == MQTT_SUBSCRIBE || packet->type == MQTT_UNSUBSCRIBE)
        put_filters(out, packet);
    if (packet->type == MQTT_SUBACK || packet->type == MQTT_UNSUBACK)
        put_codes(out, &packet->suback);
}

/* ---- Each vector, whole and cut ---- */

static struct mqtt_context context_of(const struct vector *vector)
{
    return (struct mqtt_context){vector->version, vector->sender};
}

static const char *first_finding(const struct mqtt_packet *packet)
{
    return packet->finding_count == 0
               ? "none"
               : mqtt_rule_info((enum mqtt_rule)packet->findings[0].rule)->id;
}

START_TEST(vectors_are_read)
{
    const struct mqtt_context context = context_of(&vectors[_i]);
    struct bytes bytes = notation(vectors[_i].text);
    uint8_t *data = bytes_exact(bytes.data, bytes.length);
    struct mqtt_packet packet;
    struct text text;
    ck_assert_int_eq(mqtt_decode(data, bytes.length, bytes.length, &context, &packet), MQTT_OK);
    ck_assert_msg(packet.finding_count == 0, "%s: %s", vectors[_i].text, first_finding(&packet));
    ck_assert_uint_eq(packet.length, bytes.length);
    ck_assert_uint_eq(packet.captured, bytes.length);
    ck_assert_uint_eq(packet.header_length + packet.remaining_length, packet.length);
    ck_assert_uint_eq(packet.flags, data[0] & 0x0fu);
    ck_assert_uint_eq(packet.malformed_rule, MQTT_RULE_NONE);
    describe(&packet, &text);
    ck_assert_str_eq(text.text, vectors[_i].view);
    free(data);
    free(bytes.data);
}
END_TEST

START_TEST(vectors_have_all_their_spans)
{
    const struct mqtt_context context = context_of(&vectors[_i]);
    struct bytes bytes = notation(vectors[_i].text);
    const char *wrong = wrong_decoding(bytes.data, bytes.length, bytes.length, &context);
    ck_assert_msg(wrong == NULL, "%s: %s", vectors[_i].text, wrong);
    free(bytes.data);
}
END_TEST

/* The stream has brought a part: nothing is said about it. */
START_TEST(prefixes_need_more)
{
    const struct mqtt_context context = context_of(&vectors[_i]);
    struct bytes bytes = notation(vectors[_i].text);
    struct mqtt_packet whole;
    mqtt_decode(bytes.data, bytes.length, bytes.length, &context, &whole);
    for (size_t length = 0; length < bytes.length; length++) {
        uint8_t *data = bytes_exact(bytes.data, length);
        struct mqtt_packet packet;
        ck_assert_int_eq(mqtt_decode(data, length, length, &context, &packet), MQTT_NEED_MORE);
        ck_assert_int_eq(mqtt_decode(data, length, bytes.length - 1, &context, &packet),
                         length != 0 && length < whole.header_length && length < bytes.length - 1
                             ? MQTT_TRUNCATED
                             : MQTT_NEED_MORE);
        free(data);
    }
    free(bytes.data);
}
END_TEST

/* The capture has cut it: what is there is read, and nothing behind it. */
START_TEST(cuts_are_truncated)
{
    const struct mqtt_context context = context_of(&vectors[_i]);
    struct bytes bytes = notation(vectors[_i].text);
    struct mqtt_packet whole;
    mqtt_decode(bytes.data, bytes.length, bytes.length, &context, &whole);
    for (size_t length = 1; length < bytes.length; length++) {
        uint8_t *data = bytes_exact(bytes.data, length);
        struct mqtt_packet packet;
        ck_assert_int_eq(mqtt_decode(data, length, bytes.length, &context, &packet),
                         MQTT_TRUNCATED);
        ck_assert_msg(packet.finding_count == 0, "%s, %zu bytes: %s", vectors[_i].text, length,
                      first_finding(&packet));
        ck_assert_uint_eq(packet.captured, length);
        ck_assert_uint_eq(packet.length, length < whole.header_length ? 0 : whole.length);
        if (packet.has_packet_identifier)
            ck_assert_uint_eq(packet.packet_identifier, whole.packet_identifier);
        if (packet.has_reason_code)
            ck_assert_uint_eq(packet.reason_code, whole.reason_code);
        ck_assert_uint_eq(packet.properties.present & ~whole.properties.present, 0);
        const char *wrong = wrong_decoding(data, length, bytes.length, &context);
        ck_assert_msg(wrong == NULL, "%s, %zu bytes: %s", vectors[_i].text, length, wrong);
        free(data);
    }
    free(bytes.data);
}
END_TEST

/* What follows in the buffer belongs to the next packet. */
START_TEST(bytes_behind_are_not_looked_at)
{
    const struct mqtt_context context = context_of(&vectors[_i]);
    struct bytes bytes = notation(vectors[_i].text);
    const size_t length = bytes.length;
    struct mqtt_packet alone, followed;
    bytes_u8(&bytes, 0xff);
    ck_assert_int_eq(mqtt_decode(bytes.data, length, length, &context, &alone), MQTT_OK);
    ck_assert_int_eq(mqtt_decode(bytes.data, length + 1, length + 1, &context, &followed), MQTT_OK);
    ck_assert_ptr_null(different_views(&alone, &followed, true));
    free(bytes.data);
}
END_TEST

/* A trace that is too small is filled to its end, and says how large it has to be. */
START_TEST(small_traces_say_what_they_need)
{
    const struct mqtt_context context = context_of(&vectors[_i]);
    struct bytes bytes = notation(vectors[_i].text);
    struct mqtt_span all[512], some[512];
    struct mqtt_trace full = {.spans = all, .capacity = 512};
    struct mqtt_packet whole, packet;
    mqtt_decode_traced(bytes.data, bytes.length, bytes.length, &context, &whole, &full);
    ck_assert_uint_eq(full.needed, full.count);
    for (uint32_t capacity = 0; capacity <= full.count; capacity++) {
        struct mqtt_trace trace = {.spans = some, .capacity = capacity};
        mqtt_decode_traced(bytes.data, bytes.length, bytes.length, &context, &packet, &trace);
        ck_assert_uint_eq(trace.count, capacity);
        ck_assert_uint_eq(trace.needed, full.needed);
        ck_assert_ptr_null(different_views(&whole, &packet, true));
        for (uint32_t i = 0; i < capacity; i++)
            ck_assert_uint_eq(some[i].field, all[i].field);
    }
    free(bytes.data);
}
END_TEST

/* ---- Spans, one packet of each shape read by hand ---- */

struct expected_span {
    enum mqtt_field field;
    uint8_t depth;
    uint32_t offset, length, value;
};

#define S(field, depth, offset, length, value)                                                     \
    {                                                                                              \
        MQTT_FIELD_##field, depth, offset, length, value                                           \
    }

static const struct span_row {
    enum mqtt_version version;
    const char *text;
    struct expected_span spans[32];
} span_rows[] = {
    {V311,
     "10 ~ ['MQTT'] 84 C6 003C ['id'] ['w'] ['b'] ['u'] ['p']",
     {S(HEADER_FLAGS, 1, 0, 1, 0x10),
      S(PACKET_TYPE, 2, 0, 1, 1),
      S(RESERVED_FLAGS, 2, 0, 1, 0),
      S(REMAINING_LENGTH, 1, 1, 1, 26),
      S(PROTOCOL_NAME_LENGTH, 1, 2, 2, 4),
      S(PROTOCOL_NAME, 1, 4, 4, 0),
      S(PROTOCOL_LEVEL, 1, 8, 1, 0x84),
      S(PROTOCOL_LEVEL_BRIDGE, 2, 8, 1, 1),
      S(CONNECT_FLAGS, 1, 9, 1, 0xc6),
      S(USER_NAME_FLAG, 2, 9, 1, 1),
      S(PASSWORD_FLAG, 2, 9, 1, 1),
      S(WILL_RETAIN, 2, 9, 1, 0),
      S(WILL_QOS, 2, 9, 1, 0),
      S(WILL_FLAG, 2, 9, 1, 1),
      S(CLEAN_START, 2, 9, 1, 1),
      S(CONNECT_RESERVED, 2, 9, 1, 0),
      S(KEEP_ALIVE, 1, 10, 2, 60),
      S(CLIENT_IDENTIFIER_LENGTH, 1, 12, 2, 2),
      S(CLIENT_IDENTIFIER, 1, 14, 2, 0),
      S(WILL_TOPIC_LENGTH, 1, 16, 2, 1),
      S(WILL_TOPIC, 1, 18, 1, 0),
      S(WILL_PAYLOAD_LENGTH, 1, 19, 2, 1),
      S(WILL_PAYLOAD, 1, 21, 1, 0),
      S(USER_NAME_LENGTH, 1, 22, 2, 1),
      S(USER_NAME, 1, 24, 1, 0),
      S(PASSWORD_LENGTH, 1, 25, 2, 1),
      S(PASSWORD, 1, 27, 1, 0)}},
    {V50,
     "3B ~ ['a'] 0007 <23 0102 26 ['k'] ['v']> 'xy'",
     {S(HEADER_FLAGS, 1, 0, 1, 0x3b),
      S(PACKET_TYPE, 2, 0, 1, 3),
      S(DUP, 2, 0, 1, 1),
      S(QOS, 2, 0, 1, 1),
      S(RETAIN, 2, 0, 1, 1),
      S(REMAINING_LENGTH, 1, 1, 1, 18),
      S(TOPIC_LENGTH, 1, 2, 2, 1),
      S(TOPIC_NAME, 1, 4, 1, 0),
      S(PACKET_IDENTIFIER, 1, 5, 2, 7),
      S(PROPERTIES, 1, 7, 11, 0),
      S(PROPERTY_LENGTH, 2, 7, 1, 10),
      S(PROPERTY, 2, 8, 3, 0),
      S(PROPERTY_IDENTIFIER, 3, 8, 1, 0x23),
      S(PROPERTY_TOPIC_ALIAS, 3, 9, 2, 0x0102),
      S(PROPERTY, 2, 11, 7, 0),
      S(PROPERTY_IDENTIFIER, 3, 11, 1, 0x26),
      S(PROPERTY_USER_PROPERTY, 3, 12, 6, 0),
      S(PROPERTY_KEY_LENGTH, 4, 12, 2, 1),
      S(PROPERTY_KEY, 4, 14, 1, 0),
      S(PROPERTY_VALUE_LENGTH, 4, 15, 2, 1),
      S(PROPERTY_VALUE, 4, 17, 1, 0),
      S(PAYLOAD, 1, 18, 2, 0)}},
    {V311,
     "82 ~ 0001 ['a'] 02",
     {S(HEADER_FLAGS, 1, 0, 1, 0x82), S(PACKET_TYPE, 2, 0, 1, 8), S(RESERVED_FLAGS, 2, 0, 1, 2),
      S(REMAINING_LENGTH, 1, 1, 1, 6), S(PACKET_IDENTIFIER, 1, 2, 2, 1),
      S(FILTER_LENGTH, 1, 4, 2, 1), S(TOPIC_FILTER, 1, 6, 1, 0), S(REQUESTED_QOS, 1, 7, 1, 2)}},
    {V50,
     "82 ~ 0001 <0B 81 01> ['a'] 2E",
     {S(HEADER_FLAGS, 1, 0, 1, 0x82), S(PACKET_TYPE, 2, 0, 1, 8), S(RESERVED_FLAGS, 2, 0, 1, 2),
      S(REMAINING_LENGTH, 1, 1, 1, 10), S(PACKET_IDENTIFIER, 1, 2, 2, 1), S(PROPERTIES, 1, 4, 4, 0),
      S(PROPERTY_LENGTH, 2, 4, 1, 3), S(PROPERTY, 2, 5, 3, 0),
      S(PROPERTY_IDENTIFIER, 3, 5, 1, 0x0b), S(PROPERTY_SUBSCRIPTION_IDENTIFIER, 3, 6, 2, 129),
      S(FILTER_LENGTH, 1, 8, 2, 1), S(TOPIC_FILTER, 1, 10, 1, 0),
      S(SUBSCRIPTION_OPTIONS, 1, 11, 1, 0x2e), S(SUBSCRIPTION_RESERVED, 2, 11, 1, 0),
      S(RETAIN_HANDLING, 2, 11, 1, 2), S(RETAIN_AS_PUBLISHED, 2, 11, 1, 1),
      S(NO_LOCAL, 2, 11, 1, 1), S(MAXIMUM_QOS, 2, 11, 1, 2)}},
    {V50,
     "20 ~ 01 00 <1F ['ok']>",
     {S(HEADER_FLAGS, 1, 0, 1, 0x20), S(PACKET_TYPE, 2, 0, 1, 2), S(RESERVED_FLAGS, 2, 0, 1, 0),
      S(REMAINING_LENGTH, 1, 1, 1, 8), S(CONNACK_FLAGS, 1, 2, 1, 1),
      S(CONNACK_RESERVED, 2, 2, 1, 0), S(SESSION_PRESENT, 2, 2, 1, 1),
      S(CONNACK_REASON, 1, 3, 1, 0), S(PROPERTIES, 1, 4, 6, 0), S(PROPERTY_LENGTH, 2, 4, 1, 5),
      S(PROPERTY, 2, 5, 5, 0), S(PROPERTY_IDENTIFIER, 3, 5, 1, 0x1f),
      S(PROPERTY_TEXT_LENGTH, 3, 6, 2, 2), S(PROPERTY_REASON_STRING, 3, 8, 2, 0)}},
    {V311,
     "20 02 00 05",
     {S(HEADER_FLAGS, 1, 0, 1, 0x20), S(PACKET_TYPE, 2, 0, 1, 2), S(RESERVED_FLAGS, 2, 0, 1, 0),
      S(REMAINING_LENGTH, 1, 1, 1, 2), S(CONNACK_FLAGS, 1, 2, 1, 0),
      S(CONNACK_RESERVED, 2, 2, 1, 0), S(SESSION_PRESENT, 2, 2, 1, 0), S(RETURN_CODE, 1, 3, 1, 5)}},
    {MQTT_VERSION_3_1,
     "20 02 01 05",
     {S(HEADER_FLAGS, 1, 0, 1, 0x20), S(PACKET_TYPE, 2, 0, 1, 2), S(RESERVED_FLAGS, 2, 0, 1, 0),
      S(REMAINING_LENGTH, 1, 1, 1, 2), S(CONNACK_UNUSED, 1, 2, 1, 1), S(RETURN_CODE, 1, 3, 1, 5)}},
    {V311,
     "90 04 0001 02 80",
     {S(HEADER_FLAGS, 1, 0, 1, 0x90), S(PACKET_TYPE, 2, 0, 1, 9), S(RESERVED_FLAGS, 2, 0, 1, 0),
      S(REMAINING_LENGTH, 1, 1, 1, 4), S(PACKET_IDENTIFIER, 1, 2, 2, 1), S(GRANTED_QOS, 1, 4, 1, 2),
      S(GRANTED_QOS, 1, 5, 1, 0x80)}},
    /* 3.1's SUBSCRIBE and PUBREL have the flags of PUBLISH. */
    {MQTT_VERSION_3_1,
     "8A ~ 0001 ['a'] 02",
     {S(HEADER_FLAGS, 1, 0, 1, 0x8a), S(PACKET_TYPE, 2, 0, 1, 8), S(DUP, 2, 0, 1, 1),
      S(QOS, 2, 0, 1, 1), S(RETAIN_RESERVED, 2, 0, 1, 0), S(REMAINING_LENGTH, 1, 1, 1, 6),
      S(PACKET_IDENTIFIER, 1, 2, 2, 1), S(FILTER_LENGTH, 1, 4, 2, 1), S(TOPIC_FILTER, 1, 6, 1, 0),
      S(REQUESTED_QOS, 1, 7, 1, 2)}},
    {MQTT_VERSION_3_1,
     "63 02 0001",
     {S(HEADER_FLAGS, 1, 0, 1, 0x63), S(PACKET_TYPE, 2, 0, 1, 6), S(DUP, 2, 0, 1, 0),
      S(QOS, 2, 0, 1, 1), S(RETAIN_RESERVED, 2, 0, 1, 1), S(REMAINING_LENGTH, 1, 1, 1, 2),
      S(PACKET_IDENTIFIER, 1, 2, 2, 1)}},
    {MQTT_VERSION_3_1,
     "40 02 0001",
     {S(HEADER_FLAGS, 1, 0, 1, 0x40), S(PACKET_TYPE, 2, 0, 1, 4), S(RESERVED_FLAGS, 2, 0, 1, 0),
      S(REMAINING_LENGTH, 1, 1, 1, 2), S(PACKET_IDENTIFIER, 1, 2, 2, 1)}},
/* Behind a level that nobody knows: what reads in a known version, or the part that all have. */
#define UNKNOWN_LEVEL(length, flags)                                                               \
    S(HEADER_FLAGS, 1, 0, 1, 0x10), S(PACKET_TYPE, 2, 0, 1, 1), S(RESERVED_FLAGS, 2, 0, 1, 0),     \
        S(REMAINING_LENGTH, 1, 1, 1, length), S(PROTOCOL_NAME_LENGTH, 1, 2, 2, 4),                 \
        S(PROTOCOL_NAME, 1, 4, 4, 0), S(PROTOCOL_LEVEL, 1, 8, 1, 9),                               \
        S(CONNECT_FLAGS, 1, 9, 1, flags), S(USER_NAME_FLAG, 2, 9, 1, 0),                           \
        S(PASSWORD_FLAG, 2, 9, 1, 0), S(WILL_RETAIN, 2, 9, 1, 0), S(WILL_QOS, 2, 9, 1, 0),         \
        S(WILL_FLAG, 2, 9, 1, 0), S(CLEAN_START, 2, 9, 1, 1), S(CONNECT_RESERVED, 2, 9, 1, 0),     \
        S(KEEP_ALIVE, 1, 10, 2, 60)
    {V311,
     "10 ~ ['MQTT'] 09 02 003C ['ab']",
     {UNKNOWN_LEVEL(14, 2), S(CLIENT_IDENTIFIER_LENGTH, 1, 12, 2, 2),
      S(CLIENT_IDENTIFIER, 1, 14, 2, 0)}},
    {V311,
     "10 ~ ['MQTT'] 09 02 003C <> ['ab']",
     {UNKNOWN_LEVEL(15, 2), S(PROPERTIES, 1, 12, 1, 0), S(PROPERTY_LENGTH, 2, 12, 1, 0),
      S(CLIENT_IDENTIFIER_LENGTH, 1, 13, 2, 2), S(CLIENT_IDENTIFIER, 1, 15, 2, 0)}},
    {V311, "10 ~ ['MQTT'] 09 02 003C FFFFFF", {UNKNOWN_LEVEL(13, 2), S(UNDECODED, 1, 12, 3, 0)}},
#undef UNKNOWN_LEVEL
    /* What can't be read is shown all the same. */
    {V311,
     "C0 02 0102",
     {S(HEADER_FLAGS, 1, 0, 1, 0xc0), S(PACKET_TYPE, 2, 0, 1, 12), S(RESERVED_FLAGS, 2, 0, 1, 0),
      S(REMAINING_LENGTH, 1, 1, 1, 2), S(TRAILING, 1, 2, 2, 0)}},
    {V311,
     "30 04 0003 'ab'",
     {S(HEADER_FLAGS, 1, 0, 1, 0x30), S(PACKET_TYPE, 2, 0, 1, 3), S(DUP, 2, 0, 1, 0),
      S(QOS, 2, 0, 1, 0), S(RETAIN, 2, 0, 1, 0), S(REMAINING_LENGTH, 1, 1, 1, 4),
      S(TOPIC_LENGTH, 1, 2, 2, 3), S(UNDECODED, 1, 4, 2, 0)}},
};

START_TEST(spans_are_where_the_fields_are)
{
    const struct span_row *row = &span_rows[_i];
    const struct mqtt_context context = {row->version, MQTT_SENDER_UNKNOWN};
    struct bytes bytes = notation(row->text);
    struct mqtt_span spans[64];
    struct mqtt_trace trace = {.spans = spans, .capacity = 64};
    struct mqtt_packet packet;
    mqtt_decode_traced(bytes.data, bytes.length, bytes.length, &context, &packet, &trace);
    uint32_t i = 0;
    for (; i < 32 && row->spans[i].depth != 0; i++) {
        const struct expected_span *want = &row->spans[i];
        ck_assert_msg(i < trace.count && spans[i].field == want->field &&
                          spans[i].depth == want->depth && spans[i].offset == want->offset &&
                          spans[i].length == want->length && spans[i].value == want->value,
                      "%s: span %u, %s: field %s depth %u offset %u length %u value %u", row->text,
                      i, mqtt_field_info(want->field)->id,
                      mqtt_field_info((enum mqtt_field)spans[i].field)->id, spans[i].depth,
                      spans[i].offset, spans[i].length, spans[i].value);
    }
    ck_assert_uint_eq(trace.count, i);
    free(bytes.data);
}
END_TEST

/* ---- The fixed header ---- */

static const struct header_row {
    const char *text;
    enum mqtt_outcome outcome;
    uint32_t header_length, length;
} header_rows[] = {
    {"", MQTT_NEED_MORE, 0, 0},
    {"30", MQTT_NEED_MORE, 0, 0},
    {"30 80", MQTT_NEED_MORE, 0, 0},
    {"30 80 80", MQTT_NEED_MORE, 0, 0},
    {"30 FF FF FF", MQTT_NEED_MORE, 0, 0},
    /* 3.1.1, table 2.4: the first and the last value of each size */
    {"30 00", MQTT_OK, 2, 2},
    {"30 7F", MQTT_OK, 2, 129},
    {"30 80 01", MQTT_OK, 3, 131},
    {"30 FF 7F", MQTT_OK, 3, 16386},
    {"30 80 80 01", MQTT_OK, 4, 16388},
    {"30 FF FF 7F", MQTT_OK, 4, 2097155},
    {"30 80 80 80 01", MQTT_OK, 5, 2097157},
    {"30 FF FF FF 7F", MQTT_OK, 5, 268435460},
    {"30 C1 02", MQTT_OK, 3, 324}, /* 321, the specification's example */
    {"30 80 00", MQTT_OK, 3, 3},   /* not minimal: read all the same */
    {"30 FF FF FF FF", MQTT_MALFORMED, 0, 0},
    {"30 80 80 80 80 00", MQTT_MALFORMED, 0, 0},
};

START_TEST(fixed_headers)
{
    const struct header_row *row = &header_rows[_i];
    struct bytes bytes = notation(row->text);
    uint8_t *data = bytes_exact(bytes.data, bytes.length);
    uint32_t header_length, length;
    ck_assert_int_eq(mqtt_fixed_header(data, bytes.length, &header_length, &length), row->outcome);
    if (row->outcome == MQTT_OK) {
        ck_assert_uint_eq(header_length, row->header_length);
        ck_assert_uint_eq(length, row->length);
    }
    free(data);
    free(bytes.data);
}
END_TEST

/* ---- Malformed: which rule, and where ---- */

static const struct malformed_row {
    enum mqtt_version version;
    const char *text;
    enum mqtt_rule rule;
    uint32_t offset;
} malformed_rows[] = {
    {V311, "30 FF FF FF FF 7F", MQTT_RULE_REMAINING_LENGTH_MALFORMED, 1},
    {V311, "00 00", MQTT_RULE_PACKET_TYPE_RESERVED, 0},
    {V311, "F0 00", MQTT_RULE_PACKET_TYPE_RESERVED, 0},
    {V311, "30 00", MQTT_RULE_FIELD_MISSING, 2},
    {V311, "30 04 0003 'ab'", MQTT_RULE_FIELD_MISSING, 4},
    {V311, "32 04 ['a'] 00", MQTT_RULE_FIELD_MISSING, 5},
    {V311, "20 00", MQTT_RULE_FIELD_MISSING, 2},
    {V311, "20 01 00", MQTT_RULE_FIELD_MISSING, 3},
    {V311, "40 00", MQTT_RULE_FIELD_MISSING, 2},
    {V311, "82 01 00", MQTT_RULE_FIELD_MISSING, 2},
    {V311, "82 05 0001 ['a']", MQTT_RULE_FIELD_MISSING, 7},
    {V311, "82 07 0001 ['a'] 00 00", MQTT_RULE_FIELD_MISSING, 8},
    {V311, "A2 04 0001 0001", MQTT_RULE_FIELD_MISSING, 6},
    {V311, "90 01 00", MQTT_RULE_FIELD_MISSING, 2},
    {V311, "10 00", MQTT_RULE_FIELD_MISSING, 2},
    {V311, "10 06 ['MQTT']", MQTT_RULE_FIELD_MISSING, 8},
    {V311, "10 07 ['MQTT'] 04", MQTT_RULE_FIELD_MISSING, 9},
    {V311, "10 08 ['MQTT'] 04 02", MQTT_RULE_FIELD_MISSING, 10},
    {V311, "10 0A ['MQTT'] 04 02 003C", MQTT_RULE_CLIENT_IDENTIFIER_MISSING, 12},
    {V311, "10 0D ['MQTT'] 04 02 003C 0002 'i'", MQTT_RULE_CLIENT_IDENTIFIER_MISSING, 14},
    {V311, "10 ~ ['MQTT'] 04 06 003C []", MQTT_RULE_WILL_FIELDS_MISSING, 14},
    {V311, "10 ~ ['MQTT'] 04 06 003C [] ['w']", MQTT_RULE_WILL_FIELDS_MISSING, 17},
    {V311, "10 ~ ['MQTT'] 04 82 003C []", MQTT_RULE_USER_NAME_MISSING, 14},
    {V311, "10 ~ ['MQTT'] 04 C2 003C [] []", MQTT_RULE_PASSWORD_MISSING, 16},
    {V50, "30 03 ['a']", MQTT_RULE_PROPERTY_LENGTH_MISSING, 5},
    {V50, "30 04 ['a'] 01", MQTT_RULE_PROPERTY_LENGTH_OVERRUN, 6},
    {V50, "30 ~ ['a'] FF FF FF FF", MQTT_RULE_VARIABLE_BYTE_INTEGER_TOO_LONG, 5},
    {V50, "30 ~ ['a'] <7F 00>", MQTT_RULE_PROPERTY_UNKNOWN, 6},
    {V50, "30 ~ ['a'] <01>", MQTT_RULE_FIELD_MISSING, 7},
    {V50, "30 ~ ['a'] <02 000000> 'x'", MQTT_RULE_FIELD_MISSING, 7},
    {V50, "30 ~ ['a'] <23 00> 'x'", MQTT_RULE_FIELD_MISSING, 7},
    {V50, "30 ~ ['a'] <0B 80> 'x'", MQTT_RULE_FIELD_MISSING, 7},
    {V50, "30 ~ ['a'] <0B FF FF FF FF 01>", MQTT_RULE_VARIABLE_BYTE_INTEGER_TOO_LONG, 7},
    {V50, "30 ~ ['a'] <03 0004 'abc'> 'x'", MQTT_RULE_FIELD_MISSING, 9},
    {V50, "30 ~ ['a'] <26 ['k']> 'x'", MQTT_RULE_FIELD_MISSING, 10},
    {V50, "30 ~ ['a'] <26 ['k'] 0001> 'x'", MQTT_RULE_FIELD_MISSING, 12},
    {V50, "10 ~ ['MQTT'] 05 02 003C", MQTT_RULE_PROPERTY_LENGTH_MISSING, 12},
    {V50, "10 ~ ['MQTT'] 05 06 003C <> []", MQTT_RULE_WILL_FIELDS_MISSING, 15},
    {V50, "10 ~ ['MQTT'] 05 06 003C <> [] <>", MQTT_RULE_WILL_FIELDS_MISSING, 16},
    {V50, "40 01 00", MQTT_RULE_FIELD_MISSING, 2},
    {V50, "F0 01 18", MQTT_RULE_PROPERTY_LENGTH_MISSING, 3},
    {V50, "B0 02 0001", MQTT_RULE_PROPERTY_LENGTH_MISSING, 4},
};

START_TEST(malformed_packets)
{
    const struct malformed_row *row = &malformed_rows[_i];
    const struct mqtt_context context = {row->version, MQTT_SENDER_UNKNOWN};
    struct bytes bytes = notation(row->text);
    uint8_t *data = bytes_exact(bytes.data, bytes.length);
    struct mqtt_packet packet;
    ck_assert_int_eq(mqtt_decode(data, bytes.length, bytes.length, &context, &packet),
                     MQTT_MALFORMED);
    ck_assert_msg(packet.malformed_rule == row->rule, "%s: %s", row->text, first_finding(&packet));
    ck_assert_msg(packet.malformed_offset == row->offset, "%s: offset %u", row->text,
                  packet.malformed_offset);
    ck_assert_uint_eq(packet.findings[packet.finding_count - 1].rule, row->rule);
    /* The next packet can be found, unless the length itself is broken. */
    ck_assert_uint_eq(packet.length,
                      row->rule == MQTT_RULE_REMAINING_LENGTH_MALFORMED ? 0 : bytes.length);
    const char *wrong = wrong_decoding(data, bytes.length, bytes.length, &context);
    ck_assert_msg(wrong == NULL, "%s: %s", row->text, wrong);
    free(data);
    free(bytes.data);
}
END_TEST

/* A level that nobody knows: what follows is shown, but not held against the sender, and says
 * nothing of who connects. */
START_TEST(unknown_protocol_level)
{
    const struct mqtt_context context = {V311, CLIENT};
    struct bytes bytes = notation("10 ~ ['MQTT'] 09 FF FFFF FFFF");
    struct mqtt_packet packet;
    ck_assert_int_eq(mqtt_decode(bytes.data, bytes.length, bytes.length, &context, &packet),
                     MQTT_OK);
    ck_assert_uint_eq(packet.version, MQTT_VERSION_UNKNOWN);
    ck_assert_uint_eq(packet.connect.protocol_level, 9);
    ck_assert_uint_eq(packet.finding_count, 1);
    ck_assert_int_eq(packet.findings[0].rule, MQTT_RULE_PROTOCOL_LEVEL_UNKNOWN);
    ck_assert_uint_eq(packet.connect.keep_alive, 0);
    for (size_t length = 1; length <= bytes.length; length++) {
        const char *wrong = wrong_decoding(bytes.data, length, bytes.length, &context);
        ck_assert_msg(wrong == NULL, "%zu bytes: %s", length, wrong);
        ck_assert_int_eq(mqtt_decode(bytes.data, length, bytes.length, &context, &packet),
                         length < bytes.length ? MQTT_TRUNCATED : MQTT_OK);
    }
    free(bytes.data);
}
END_TEST

START_TEST(findings_are_bounded)
{
    const struct mqtt_context context = {V311, CLIENT};
    struct bytes bytes = notation("82 80 01 0001");
    struct mqtt_packet packet;
    while (bytes.length < 131)
        bytes_add(&bytes, "\0\1#\3", 4); /* QoS 3 */
    bytes.length = 131;                  /* the last filter is cut short */
    mqtt_decode(bytes.data, bytes.length, bytes.length, &context, &packet);
    ck_assert_uint_eq(packet.finding_count, MQTT_PACKET_FINDINGS_MAX);
    ck_assert_uint_gt(packet.findings_dropped, 0);
    ck_assert_int_eq(packet.findings[0].rule, MQTT_RULE_SUBSCRIPTION_QOS_3);
    ck_assert_int_eq(packet.findings[MQTT_PACKET_FINDINGS_MAX - 1].rule, packet.malformed_rule);
    free(bytes.data);
}
END_TEST

/* ---- Every property, in every place: 5.0, table 2-4 and section 2.2.2.2 ---- */

#define IN(type) (1u << MQTT_##type)
#define IN_WILL 1u
#define IN_ACKS (IN(PUBACK) | IN(PUBREC) | IN(PUBREL) | IN(PUBCOMP) | IN(SUBACK) | IN(UNSUBACK))
#define IN_ALL                                                                                     \
    (IN_WILL | IN(CONNECT) | IN(CONNACK) | IN(PUBLISH) | IN_ACKS | IN(SUBSCRIBE) |                 \
     IN(UNSUBSCRIBE) | IN(DISCONNECT) | IN(AUTH))

static const struct property_row {
    uint8_t number;
    const char *name;
    const char *value;   /* a legal one */
    const char *illegal; /* a value outside the range; NULL if all are legal */
    unsigned places;
} property_rows[] = {
    {0x01, "Payload Format Indicator", "01", "02", IN(PUBLISH) | IN_WILL},
    {0x02, "Message Expiry Interval", "00000000", NULL, IN(PUBLISH) | IN_WILL},
    {0x03, "Content Type", "['text/plain']", NULL, IN(PUBLISH) | IN_WILL},
    {0x08, "Response Topic", "['r/1']", NULL, IN(PUBLISH) | IN_WILL},
    {0x09, "Correlation Data", "[00FF]", NULL, IN(PUBLISH) | IN_WILL},
    {0x0b, "Subscription Identifier", "FFFFFF7F", "00", IN(PUBLISH) | IN(SUBSCRIBE)},
    {0x11, "Session Expiry Interval", "FFFFFFFF", NULL, IN(CONNECT) | IN(CONNACK) | IN(DISCONNECT)},
    {0x12, "Assigned Client Identifier", "['auto']", NULL, IN(CONNACK)},
    {0x13, "Server Keep Alive", "0000", NULL, IN(CONNACK)},
    {0x15, "Authentication Method", "['m']", NULL, IN(CONNECT) | IN(CONNACK) | IN(AUTH)},
    {0x16, "Authentication Data", "[80]", NULL, IN(CONNECT) | IN(CONNACK) | IN(AUTH)},
    {0x17, "Request Problem Information", "00", "02", IN(CONNECT)},
    {0x18, "Will Delay Interval", "0000000A", NULL, IN_WILL},
    {0x19, "Request Response Information", "01", "FF", IN(CONNECT)},
    {0x1a, "Response Information", "['r']", NULL, IN(CONNACK)},
    {0x1c, "Server Reference", "['host:1883']", NULL, IN(CONNACK) | IN(DISCONNECT)},
    {0x1f, "Reason String", "['why']", NULL, IN(CONNACK) | IN_ACKS | IN(DISCONNECT) | IN(AUTH)},
    {0x21, "Receive Maximum", "0001", "0000", IN(CONNECT) | IN(CONNACK)},
    {0x22, "Topic Alias Maximum", "0000", NULL, IN(CONNECT) | IN(CONNACK)},
    {0x23, "Topic Alias", "FFFF", "0000", IN(PUBLISH)},
    {0x24, "Maximum QoS", "00", "02", IN(CONNACK)},
    {0x25, "Retain Available", "00", "02", IN(CONNACK)},
    {0x26, "User Property", "['name'] ['value']", NULL, IN_ALL},
    {0x27, "Maximum Packet Size", "00000001", "00000000", IN(CONNECT) | IN(CONNACK)},
    {0x28, "Wildcard Subscription Available", "01", "02", IN(CONNACK)},
    {0x29, "Subscription Identifier Available", "01", "02", IN(CONNACK)},
    {0x2a, "Shared Subscription Available", "01", "02", IN(CONNACK)},
};

/* What stands around the properties; the server sends CONNACK, the acks and DISCONNECT. */
static const struct place {
    unsigned bit;
    const char *before, *behind;
} places[] = {
    {IN(CONNECT), "10 ~ ['MQTT'] 05 02 003C <", "> ['id']"},
    {IN_WILL, "10 ~ ['MQTT'] 05 06 003C <> ['id'] <", "> ['w'] ['x']"},
    {IN(CONNACK), "20 ~ 00 00 <", ">"},
    {IN(PUBLISH), "30 ~ ['a'] <", "> 'x'"},
    {IN(PUBACK), "40 ~ 0001 00 <", ">"},
    {IN(PUBREC), "50 ~ 0001 00 <", ">"},
    {IN(PUBREL), "62 ~ 0001 00 <", ">"},
    {IN(PUBCOMP), "70 ~ 0001 00 <", ">"},
    {IN(SUBSCRIBE), "82 ~ 0001 <", "> ['a'] 00"},
    {IN(SUBACK), "90 ~ 0001 <", "> 00"},
    {IN(UNSUBSCRIBE), "A2 ~ 0001 <", "> ['a']"},
    {IN(UNSUBACK), "B0 ~ 0001 <", "> 00"},
    {IN(DISCONNECT), "E0 ~ 00 <", ">"},
    {IN(AUTH), "F0 ~ 18 <", ">"},
};
#define PLACES (sizeof(places) / sizeof(places[0]))

static enum mqtt_outcome decode_text(const char *text, struct mqtt_packet *packet,
                                     struct bytes *bytes)
{
    const struct mqtt_context context = {V50, MQTT_SENDER_UNKNOWN};
    *bytes = notation(text);
    const char *wrong = wrong_decoding(bytes->data, bytes->length, bytes->length, &context);
    ck_assert_msg(wrong == NULL, "%s: %s", text, wrong);
    return mqtt_decode(bytes->data, bytes->length, bytes->length, &context, packet);
}

static bool has_finding(const struct mqtt_packet *packet, enum mqtt_rule rule)
{
    for (uint32_t i = 0; i < packet->finding_count; i++)
        if (packet->findings[i].rule == rule)
            return true;
    return false;
}

static void check_property_at(const struct property_row *row, const struct place *place,
                              const char *value, unsigned times)
{
    const enum mqtt_property property = mqtt_property_by_number(row->number);
    struct mqtt_packet packet;
    struct bytes bytes;
    char text[256];
    /* AUTH always names its method, and Authentication Data never stands without it. */
    bool method = row->number != 0x15 && ((place->bit & IN(AUTH)) != 0 || row->number == 0x16);
    char one[64];
    snprintf(one, sizeof(one), "%02X %s", row->number, value);
    snprintf(text, sizeof(text), "%s %s %s %s %s", place->before, method ? "15 ['m']" : "", one,
             times == 2 ? one : "", place->behind);
    ck_assert_int_eq(decode_text(text, &packet, &bytes), MQTT_OK);
    const struct mqtt_properties *properties =
        place->bit == IN_WILL ? &packet.connect.will_properties : &packet.properties;
    ck_assert_msg(mqtt_has_property(properties, property), "%s", text);

    const bool allowed = (row->places & place->bit) != 0;
    const bool repeatable =
        row->number == 0x26 || (row->number == 0x0b && place->bit == IN(PUBLISH));
    ck_assert_msg(has_finding(&packet, MQTT_RULE_PROPERTY_NOT_ALLOWED) == !allowed, "%s: %s", text,
                  first_finding(&packet));
    ck_assert_msg(has_finding(&packet, MQTT_RULE_PROPERTY_REPEATED) ==
                      (allowed && !repeatable && times == 2),
                  "%s: %s", text, first_finding(&packet));
    const enum mqtt_rule range_rule =
        row->number == 0x23 ? MQTT_RULE_TOPIC_ALIAS_ZERO : MQTT_RULE_PROPERTY_OUT_OF_RANGE;
    ck_assert_msg(has_finding(&packet, range_rule) == (value == row->illegal), "%s: %s", text,
                  first_finding(&packet));
    if (allowed && times == 1 && value == row->value && !(method && (place->bit & IN_WILL) != 0))
        ck_assert_msg(packet.finding_count == 0, "%s: %s", text, first_finding(&packet));
    free(bytes.data);
}

START_TEST(every_property_in_every_packet)
{
    const struct property_row *row = &property_rows[_i];
    const enum mqtt_property property = mqtt_property_by_number(row->number);
    ck_assert_int_ne(property, MQTT_PROPERTIES);
    ck_assert_str_eq(mqtt_property_info(property)->name, row->name);
    for (size_t i = 0; i < PLACES; i++) {
        check_property_at(row, &places[i], row->value, 1);
        check_property_at(row, &places[i], row->value, 2);
        if (row->illegal != NULL)
            check_property_at(row, &places[i], row->illegal, 1);
    }
}
END_TEST

START_TEST(there_are_no_other_properties)
{
    ck_assert_uint_eq(sizeof(property_rows) / sizeof(property_rows[0]), MQTT_PROPERTIES);
    for (unsigned number = 0; number < 128; number++) {
        struct mqtt_packet packet;
        struct bytes bytes;
        char text[64];
        bool known = false;
        for (size_t i = 0; i < MQTT_PROPERTIES; i++)
            known = known || property_rows[i].number == number;
        snprintf(text, sizeof(text), "30 ~ ['a'] <%02X> 'x'", number);
        ck_assert_int_eq(decode_text(text, &packet, &bytes), MQTT_MALFORMED);
        ck_assert_int_eq(packet.malformed_rule,
                         known ? MQTT_RULE_FIELD_MISSING : MQTT_RULE_PROPERTY_UNKNOWN);
        free(bytes.data);
    }
}
END_TEST

/* ---- Every reason code: 5.0, the tables of each packet ---- */

static const struct reason_row {
    const char *before, *behind; /* what stands around the code */
    enum mqtt_version version;
    enum mqtt_sender sender;
    enum mqtt_rule rule;
    const char *codes; /* those that are defined */
} reason_rows[] = {
    {"20 02 00", "", V311, SERVER, MQTT_RULE_CONNACK_REASON_UNKNOWN, "000102030405"},
    {"20 ~ 00", "<>", V50, SERVER, MQTT_RULE_CONNACK_REASON_UNKNOWN,
     "0080818283848586878889 8A8C909597999A9B9C9D9F"},
    {"40 03 0001", "", V50, CLIENT, MQTT_RULE_PUBACK_REASON_UNKNOWN, "001080838790919799"},
    {"50 03 0001", "", V50, SERVER, MQTT_RULE_PUBREC_REASON_UNKNOWN, "001080838790919799"},
    {"62 03 0001", "", V50, CLIENT, MQTT_RULE_PUBREL_REASON_UNKNOWN, "0092"},
    {"70 03 0001", "", V50, CLIENT, MQTT_RULE_PUBCOMP_REASON_UNKNOWN, "0092"},
    {"90 03 0001", "", V311, SERVER, MQTT_RULE_SUBACK_CODE_UNKNOWN, "00010280"},
    {"90 04 0001 00", "", V50, SERVER, MQTT_RULE_SUBACK_CODE_UNKNOWN, "0001028083878F91979EA1A2"},
    {"B0 04 0001 00", "", V50, SERVER, MQTT_RULE_UNSUBACK_CODE_UNKNOWN, "0011808387 8F91"},
    {"E0 01", "", V50, CLIENT, MQTT_RULE_DISCONNECT_REASON_UNKNOWN, "0004808182839093949596979899"},
    /* 0x8C: table 2-6 has it in DISCONNECT, table 3-10 has not */
    {"E0 01", "", V50, SERVER, MQTT_RULE_DISCONNECT_REASON_UNKNOWN,
     "00808182838789 8B8C8D8E8F909394959697989A9B9C9D9E9FA0A1A299"},
    {"F0 ~", "<15 ['m']>", V50, CLIENT, MQTT_RULE_AUTH_REASON_UNKNOWN, "1819"},
    {"F0 ~", "<15 ['m']>", V50, SERVER, MQTT_RULE_AUTH_REASON_UNKNOWN, "0018"},
    {"F0 ~", "<15 ['m']>", V50, MQTT_SENDER_UNKNOWN, MQTT_RULE_AUTH_REASON_UNKNOWN, "001819"},
};

START_TEST(every_reason_code)
{
    const struct reason_row *row = &reason_rows[_i];
    const struct mqtt_context context = {row->version, row->sender};
    bool defined[256] = {false};
    struct bytes codes = notation(row->codes);
    for (size_t i = 0; i < codes.length; i++)
        defined[codes.data[i]] = true;
    for (unsigned code = 0; code < 256; code++) {
        char text[64];
        struct mqtt_packet packet;
        snprintf(text, sizeof(text), "%s %02X %s", row->before, code, row->behind);
        struct bytes bytes = notation(text);
        ck_assert_int_eq(mqtt_decode(bytes.data, bytes.length, bytes.length, &context, &packet),
                         MQTT_OK);
        ck_assert_msg(packet.finding_count == (defined[code] ? 0 : 1), "%s: %s", text,
                      first_finding(&packet));
        if (!defined[code])
            ck_assert_int_eq(packet.findings[0].rule, row->rule);
        free(bytes.data);
    }
    free(codes.data);
}
END_TEST

/* ---- Subscription options, bit by bit: 5.0, figure 3-9; 3.1.1, figure 3.13 ---- */

START_TEST(every_subscription_option)
{
    for (unsigned options = 0; options < 256; options++) {
        for (unsigned i = 0; i < 2; i++) {
            const bool v5 = i == 1;
            const struct mqtt_context context = {v5 ? V50 : V311, CLIENT};
            char text[64];
            struct mqtt_packet packet;
            snprintf(text, sizeof(text), "82 ~ 0001 %s ['a'] %02X", v5 ? "<>" : "", options);
            struct bytes bytes = notation(text);
            mqtt_decode(bytes.data, bytes.length, bytes.length, &context, &packet);
            ck_assert(has_finding(&packet, MQTT_RULE_SUBSCRIPTION_QOS_3) == ((options & 3) == 3));
            ck_assert(has_finding(&packet, MQTT_RULE_SUBSCRIPTION_OPTIONS_RESERVED) ==
                      (options >> (v5 ? 6 : 2) != 0));
            ck_assert(has_finding(&packet, MQTT_RULE_RETAIN_HANDLING_3) ==
                      (v5 && (options >> 4 & 3) == 3));
            free(bytes.data);
        }
    }
}
END_TEST

/* ---- Lists that are cut or broken ---- */

START_TEST(iterators_stop_at_a_cut)
{
    struct bytes filters = notation("['ab'] 01 ['c'] 02");
    struct bytes block = notation("01 01 26 ['k'] ['v'] 0B 80 01");
    struct mqtt_filter filter;
    struct mqtt_property_value value;
    for (uint32_t length = 0; length <= filters.length; length++) {
        uint8_t *data = bytes_exact(filters.data, length);
        struct mqtt_slice list = {data, length};
        unsigned count = 0;
        while (mqtt_filter_next(&list, MQTT_SUBSCRIBE, &filter))
            count++;
        ck_assert_uint_eq(count, length < 5 ? 0 : length < 9 ? 1 : 2);
        free(data);
    }
    for (uint32_t length = 0; length <= block.length; length++) {
        uint8_t *data = bytes_exact(block.data, length);
        struct mqtt_slice list = {data, length};
        unsigned count = 0;
        while (mqtt_property_next(&list, &value))
            count++;
        ck_assert_uint_eq(count, length < 2 ? 0 : length < 9 ? 1 : length < 12 ? 2 : 3);
        free(data);
    }
    struct mqtt_slice unknown = {(const uint8_t *)"\x7f\x01", 2};
    ck_assert(!mqtt_property_next(&unknown, &value));
    ck_assert_uint_eq(unknown.length, 2);
    free(filters.data);
    free(block.data);
}
END_TEST

/* ---- Which version? ---- */

static const struct infer_row {
    const char *text;
    enum mqtt_version version;
} infer_rows[] = {
    {"C0 00", MQTT_VERSION_UNKNOWN},
    {"40 02 0001", MQTT_VERSION_UNKNOWN},
    {"40 03 0001 10", V50},
    {"40 04 0001 00 00", V50},
    {"20 02 00 00", V311},
    {"20 03 00 00 00", V50},
    {"82 ~ 0001 ['a'] 00", V311},
    {"82 ~ 0001 <> ['a'] 00", V50},
    {"90 03 0001 80", V311},
    {"90 03 0001 00", MQTT_VERSION_UNKNOWN}, /* as 5.0: no properties and no codes */
    {"90 04 0001 00 00", MQTT_VERSION_UNKNOWN},
    {"90 04 0001 00 87", V50},
    {"B0 02 0001", V311},
    {"B0 04 0001 00 00", V50},
    {"A2 ~ 0001 ['a']", V311},
    {"A2 ~ 0001 <> ['a']", V50},
    {"E0 02 00 00", V50},
    {"F0 ~ 18 <15 ['m']>", V50},
    {"30 ~ ['a'] 'hello'", V311},
    {"30 ~ ['a'] <> 'hello'", MQTT_VERSION_UNKNOWN},
    /* What is discouraged only says nothing against a version. */
    {"30 ~ ['a'] <26 ['k'] ['v' 09]> 'hello'", MQTT_VERSION_UNKNOWN},
    {"82 ~ 0001 <> ['a' 09] 00", V50},
    {"30 ~ [] <23 0001> 'hello'", V50},
    {"10 ~ ['MQTT'] 04 02 003C ['id']", MQTT_VERSION_UNKNOWN},
    {"00 00", MQTT_VERSION_UNKNOWN},
};

START_TEST(versions_are_inferred)
{
    const struct infer_row *row = &infer_rows[_i];
    struct bytes bytes = notation(row->text);
    const enum mqtt_version version = mqtt_infer_version(bytes.data, bytes.length, bytes.length);
    ck_assert_msg(version == row->version, "%s: %s", row->text, mqtt_version_name(version));
    free(bytes.data);
}
END_TEST

/* The quick look at a topic name sees each byte that breaks a rule, wherever it stands. */
START_TEST(every_byte_of_a_topic_name)
{
    for (unsigned length = 1; length <= 17; length++) {
        for (unsigned at = 0; at < length; at++) {
            for (unsigned byte = 0; byte < 0x80; byte++) {
                uint8_t bytes[21] = {0x30, (uint8_t)(length + 2), 0, (uint8_t)length};
                const struct mqtt_context context = {V311, MQTT_SENDER_CLIENT};
                struct mqtt_packet packet;
                memset(bytes + 4, 'x', length);
                bytes[4 + at] = (uint8_t)byte;
                mqtt_decode(bytes, length + 4, length + 4, &context, &packet);
                const bool plain = byte >= 0x20 && byte < 0x7f && byte != '+' && byte != '#';
                ck_assert_msg(packet.finding_count == !plain, "%02X at %u of %u: %u findings", byte,
                              at, length, packet.finding_count);
                ck_assert(plain || packet.findings[0].offset == 4 + at);
            }
        }
    }
}
END_TEST

SUITE("decode", TABLE(vectors_are_read, vectors), TABLE(vectors_have_all_their_spans, vectors),
      TABLE(prefixes_need_more, vectors), TABLE(cuts_are_truncated, vectors),
      TABLE(bytes_behind_are_not_looked_at, vectors),
      TABLE(small_traces_say_what_they_need, vectors),
      TABLE(spans_are_where_the_fields_are, span_rows), TABLE(fixed_headers, header_rows),
      TABLE(malformed_packets, malformed_rows), TEST(unknown_protocol_level),
      TEST(findings_are_bounded), TABLE(every_property_in_every_packet, property_rows),
      TEST(there_are_no_other_properties), TEST(every_byte_of_a_topic_name),
      TABLE(every_reason_code, reason_rows), TEST(every_subscription_option),
      TEST(iterators_stop_at_a_cut), TABLE(versions_are_inferred, infer_rows))
