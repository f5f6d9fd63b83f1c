/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Property blocks: 5.0 section 2.2.2. Part of decode.c; a file of its own because it is a grammar
 * of its own.
 *
 *      1..4 bytes       1 byte (a variable byte integer that has never needed more)
 *     +---------------+------------+-------+------------+-------+----
 *     | Property      | identifier | value | identifier | value | ...
 *     | Length        |            |       |            |       |
 *     +---------------+------------+-------+------------+-------+----
 *
 * Private to mqtt/wire/.
 */
#ifndef MQTT_DECODE_PROPERTIES_H
#define MQTT_DECODE_PROPERTIES_H

#include "mqtt/wire/decoder.h"
#include "mqtt/wire/topic.h"

/* Where a finding about a property stands: from its identifier to the cursor. */
struct property_site {
    enum mqtt_property property;
    enum mqtt_field field;
    uint32_t start;
};

MQTT_NOINLINE void property_finding(struct decoder *d, enum mqtt_rule rule,
                                    const struct property_site *site, uint32_t value0,
                                    uint32_t value1)
{
    finding(d, rule, site->field, site->start, d->cursor.at - site->start, value0, value1);
}

MQTT_INLINE bool property_number(struct decoder *d, const struct property_site *site,
                                 unsigned depth, uint32_t *number)
{
    const struct mqtt_property_info *info = mqtt_property_info(site->property);
    uint8_t one;
    uint16_t two;
    bool there;
    switch (info->type) {
    case MQTT_TYPE_BYTE:
        there = byte(d, site->field, depth, &one);
        *number = there ? one : 0;
        break;
    case MQTT_TYPE_TWO_BYTE:
        there = two_bytes(d, MQTT_RULE_FIELD_MISSING, site->field, depth, &two);
        *number = there ? two : 0;
        break;
    case MQTT_TYPE_FOUR_BYTE: there = four_bytes(d, site->field, depth, number); break;
    default: there = variable(d, MQTT_RULE_FIELD_MISSING, site->field, depth, number); break;
    }
    if (there && (*number < info->minimum || *number > info->maximum))
        property_finding(d, (enum mqtt_rule)info->range_rule, site, *number, info->number);
    return there;
}

/* The one string property that is a topic name. */
static void check_response_topic(struct decoder *d, const struct property_site *site,
                                 struct mqtt_slice topic)
{
    if (topic.length == 0)
        property_finding(d, MQTT_RULE_TOPIC_EMPTY, site, 0, 0);
    const size_t wildcard = mqtt_topic_wildcard(topic);
    if (wildcard != topic.length)
        property_finding(d, MQTT_RULE_RESPONSE_TOPIC_WILDCARD, site, (uint32_t)wildcard, 0);
}

MQTT_INLINE bool property_text(struct decoder *d, const struct property_site *site, unsigned depth,
                               struct mqtt_slice *slice)
{
    const struct mqtt_property_info *info = mqtt_property_info(site->property);
    if (info->type == MQTT_TYPE_BINARY)
        return binary(d, MQTT_RULE_FIELD_MISSING, MQTT_FIELD_PROPERTY_TEXT_LENGTH, site->field,
                      depth, slice);
    if (!text(d, MQTT_RULE_FIELD_MISSING, (enum mqtt_rule)info->text_rule, MQTT_RULE_STRING_NUL,
              MQTT_FIELD_PROPERTY_TEXT_LENGTH, site->field, depth, slice))
        return false;
    if (site->property == MQTT_PROPERTY_RESPONSE_TOPIC)
        check_response_topic(d, site, *slice);
    return true;
}

MQTT_INLINE bool property_pair(struct decoder *d, const struct property_site *site, unsigned depth)
{
    struct mqtt_slice key, value;
    const uint32_t pair = open_span(d, site->field, depth);
    const bool there =
        text(d, MQTT_RULE_FIELD_MISSING, MQTT_RULE_USER_PROPERTY_NOT_UTF8, MQTT_RULE_STRING_NUL,
             MQTT_FIELD_PROPERTY_KEY_LENGTH, MQTT_FIELD_PROPERTY_KEY, depth + 1, &key) &&
        text(d, MQTT_RULE_FIELD_MISSING, MQTT_RULE_USER_PROPERTY_NOT_UTF8, MQTT_RULE_STRING_NUL,
             MQTT_FIELD_PROPERTY_VALUE_LENGTH, MQTT_FIELD_PROPERTY_VALUE, depth + 1, &value);
    close_span(d, pair, d->cursor.at);
    return there;
}

#define STORE_BYTE(member) properties->member = (uint8_t)number
#define STORE_TWO_BYTE(member) properties->member = (uint16_t)number
#define STORE_FOUR_BYTE(member) properties->member = number
#define STORE_VARIABLE(member) properties->member = number
#define STORE_STRING(member) properties->member = slice
#define STORE_BINARY(member) properties->member = slice
#define STORE_PAIR(member) (void)0

MQTT_INLINE void store_property(struct mqtt_properties *properties, enum mqtt_property property,
                                uint32_t number, struct mqtt_slice slice)
{
    switch (property) {
#define MQTT_PROPERTY(id, n, name, member, type, ...)                                              \
    case MQTT_PROPERTY_##id:                                                                       \
        STORE_##type(member);                                                                      \
        break;
#include "mqtt/facts/properties.def"
#undef MQTT_PROPERTY
    case MQTT_PROPERTIES: break;
    }
}

/* Whether the property may stand here, and so often. `site_bit` is the packet's bit in the
 * table, or MQTT_IN_WILL. */
MQTT_INLINE void check_property_site(struct decoder *d, const struct mqtt_properties *properties,
                                     const struct property_site *site, uint32_t site_bit)
{
    const struct mqtt_property_info *info = mqtt_property_info(site->property);
    if ((info->packets & site_bit) == 0)
        property_finding(d, MQTT_RULE_PROPERTY_NOT_ALLOWED, site, info->number, 0);
    else if (mqtt_has_property(properties, site->property) && (info->repeatable & site_bit) == 0)
        property_finding(d, MQTT_RULE_PROPERTY_REPEATED, site, info->number, 0);
}

MQTT_INLINE bool property_value(struct decoder *d, const struct property_site *site, unsigned depth,
                                uint32_t *number, struct mqtt_slice *slice)
{
    *number = 0;
    *slice = (struct mqtt_slice){NULL, 0};
    switch (mqtt_property_info(site->property)->type) {
    case MQTT_TYPE_STRING:
    case MQTT_TYPE_BINARY: return property_text(d, site, depth, slice);
    case MQTT_TYPE_PAIR: return property_pair(d, site, depth);
    default: return property_number(d, site, depth, number);
    }
}

/* An identifier without a row: nobody knows where the next property begins. */
static bool unknown_property(struct decoder *d, uint32_t start, uint32_t number)
{
    struct cursor *c = &d->cursor;
    const uint32_t end = c->end < c->captured ? c->end : c->captured;
    span(d, MQTT_FIELD_UNKNOWN_PROPERTY, 2, start, end - start, 0);
    c->at = end;
    return malformed(d, MQTT_RULE_PROPERTY_UNKNOWN, MQTT_FIELD_UNKNOWN_PROPERTY, start, number, 0);
}

MQTT_INLINE bool one_property(struct decoder *d, struct mqtt_properties *properties,
                              uint32_t site_bit)
{
    struct property_site site = {.start = d->cursor.at};
    uint32_t number, value;
    struct mqtt_slice slice;
    if (!cursor_variable(&d->cursor, &number))
        return failed(d, MQTT_RULE_FIELD_MISSING, MQTT_FIELD_PROPERTY_IDENTIFIER);
    site.property = mqtt_property_by_number(number);
    if (site.property == MQTT_PROPERTIES)
        return unknown_property(d, site.start, number);
    site.field = (enum mqtt_field)(MQTT_FIELD_PROPERTY_PAYLOAD_FORMAT_INDICATOR + site.property);

    const uint32_t subtree = span(d, MQTT_FIELD_PROPERTY, 2, site.start, 0, 0);
    span(d, MQTT_FIELD_PROPERTY_IDENTIFIER, 3, site.start, d->cursor.at - site.start, number);
    check_minimal(d, MQTT_FIELD_PROPERTY_IDENTIFIER, site.start, number);
    const bool there = property_value(d, &site, 3, &value, &slice);
    close_span(d, subtree, d->cursor.at);
    if (!there)
        return false;

    check_property_site(d, properties, &site, site_bit);
    if (!mqtt_has_property(properties, site.property))
        store_property(properties, site.property, value, slice);
    properties->present |= 1u << site.property;
    properties->user_properties += site.property == MQTT_PROPERTY_USER_PROPERTY;
    properties->subscription_identifiers += site.property == MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER;
    return true;
}

/* A whole block, with its length. `missing` is broken if the packet ends before it. Not inlined
 * into each packet type: it is large, and most packets of a busy connection have no properties. */
MQTT_NOINLINE bool property_block(struct decoder *d, enum mqtt_rule missing, enum mqtt_field field,
                                  uint32_t site_bit, struct mqtt_properties *properties)
{
    struct cursor *c = &d->cursor;
    uint32_t length;
    properties->present = 0;
    properties->user_properties = 0;
    properties->subscription_identifiers = 0;
    properties->block = (struct mqtt_slice){NULL, 0};
    const uint32_t subtree = open_span(d, field, 1);
    if (!variable(d, missing, MQTT_FIELD_PROPERTY_LENGTH, 2, &length)) {
        /* A block without its length is no subtree. */
        if (d->trace != NULL)
            d->trace->needed--;
        if (subtree != NO_SPAN)
            d->trace->count = subtree;
        return false;
    }
    if (length > cursor_left(c)) {
        close_span(d, subtree, c->at);
        return malformed(d, MQTT_RULE_PROPERTY_LENGTH_OVERRUN, MQTT_FIELD_PROPERTY_LENGTH, c->at,
                         length, cursor_left(c));
    }
    const uint32_t packet_end = c->end;
    const uint32_t there = c->captured - c->at;
    properties->block = (struct mqtt_slice){c->data + c->at, length < there ? length : there};
    c->end = c->at + length;
    bool fine = true;
    while (fine && c->at != c->end)
        fine = one_property(d, properties, site_bit);
    close_span(d, subtree, c->at);
    c->end = packet_end;
    return fine;
}

#endif
