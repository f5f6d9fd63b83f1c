/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a message carries, published against delivered: payload, properties, identifiers (3.3.2). */
#include "audit/delivery/world.h"

#include <string.h>

#include "mqtt/wire/decode.h"
#include "mqtt/wire/hash.h"

/* Times of waiting are known to so many seconds: servers count whole ones, and from when, nobody
 * says. */
#define SLACK_S 2

uint64_t fingerprint_of(const struct audit_deliveries *d, struct mqtt_slice payload)
{
    return mqtt_keyed_hash(d->options.seed, payload.data, payload.length);
}

/* Those that a server passes on unaltered (3.3.2-4, -15 to -18, -20). */
static bool is_passed_on(enum mqtt_property property)
{
    return property == MQTT_PROPERTY_PAYLOAD_FORMAT_INDICATOR ||
           property == MQTT_PROPERTY_CONTENT_TYPE || property == MQTT_PROPERTY_RESPONSE_TOPIC ||
           property == MQTT_PROPERTY_CORRELATION_DATA || property == MQTT_PROPERTY_USER_PROPERTY;
}

static enum mqtt_field field_of(enum mqtt_property property)
{
    switch (property) {
    case MQTT_PROPERTY_PAYLOAD_FORMAT_INDICATOR:
        return MQTT_FIELD_PROPERTY_PAYLOAD_FORMAT_INDICATOR;
    case MQTT_PROPERTY_CONTENT_TYPE: return MQTT_FIELD_PROPERTY_CONTENT_TYPE;
    case MQTT_PROPERTY_RESPONSE_TOPIC: return MQTT_FIELD_PROPERTY_RESPONSE_TOPIC;
    case MQTT_PROPERTY_CORRELATION_DATA: return MQTT_FIELD_PROPERTY_CORRELATION_DATA;
    default: return MQTT_FIELD_PROPERTY_USER_PROPERTY;
    }
}

uint64_t properties_of(const struct audit_deliveries *d, const struct mqtt_properties *properties)
{
    struct mqtt_slice block = properties->block;
    struct mqtt_property_value value;
    uint64_t sum = 0, users = 0;
    if (properties->present == 0)
        return 0;
    while (mqtt_property_next(&block, &value)) {
        if (!is_passed_on(value.property))
            continue;
        const uint64_t text = hash_of(d, (uint64_t)value.property, value.text);
        if (value.property == MQTT_PROPERTY_USER_PROPERTY)
            users = mqtt_hash_mix(users ^ text, hash_of(d, 1, value.value) | 1);
        else
            sum += mqtt_hash_mix(text ^ value.number, d->options.seed | 1);
    }
    return sum ^ users;
}

static bool same(struct mqtt_slice a, struct mqtt_slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static bool same_value(const struct mqtt_property_value *a, const struct mqtt_property_value *b)
{
    return a->property == b->property && a->number == b->number && same(a->text, b->text) &&
           (a->property != MQTT_PROPERTY_USER_PROPERTY || same(a->value, b->value));
}

/* Whether the block has it, from *block on, which is left behind it. */
static bool has_from(struct mqtt_slice *block, const struct mqtt_property_value *wanted)
{
    struct mqtt_property_value value;
    while (mqtt_property_next(block, &value))
        if (same_value(&value, wanted))
            return true;
    return false;
}

/* The first property of `from` that `in` does not have; false if there is none. Sets *reordered
 * where all user properties are there, but not in that order. A server may add some. */
static bool find_missing(struct mqtt_slice from, struct mqtt_slice in,
                         struct mqtt_property_value *missing, bool *reordered)
{
    struct mqtt_slice users = in;
    *reordered = false;
    while (mqtt_property_next(&from, missing)) {
        struct mqtt_slice all = in;
        if (!is_passed_on(missing->property))
            continue;
        if (!has_from(&all, missing))
            return true;
        if (missing->property == MQTT_PROPERTY_USER_PROPERTY && !*reordered)
            *reordered = !has_from(&users, missing);
    }
    return false;
}

static void check_properties(const struct delivery *of, const struct publication *publication)
{
    const struct mqtt_slice block = of->packet->properties.block;
    const struct cargo *cargo = publication->cargo;
    struct mqtt_property_value missing;
    bool reordered;
    if (cargo == NULL || cargo->block.length == 0 ||
        cargo->properties == properties_of(of->d, &of->packet->properties))
        return;
    if (find_missing(cargo->block, block, &missing, &reordered)) {
        struct mqtt_finding finding =
            delivery_finding(of, MQTT_RULE_DELIVERED_PROPERTY_ALTERED, publication->frame, 0);
        finding.field = (uint16_t)field_of(missing.property);
        hold(of->d, HELD_OTHER, of->client, of->topic, &finding, publication->number,
             publication->time, of->packet->publish.payload_length, publication->alike);
    } else if (reordered && cargo->will != NULL) {
        const struct mqtt_finding finding = delivery_finding(
            of, MQTT_RULE_WILL_USER_PROPERTIES_REORDERED, cargo->will->connect.frame, 0);
        hold_for_owner(of->d, cargo->will, &finding, of->topic->name);
    } else if (reordered) {
        delivery_hold(of, MQTT_RULE_USER_PROPERTIES_REORDERED, publication->frame, 0, HELD_OTHER,
                      publication->number, publication->time);
    }
}

/* 3.3.2-5, -6: what is left is what was received less the time of waiting. */
static void check_expiry(const struct delivery *of, const struct publication *publication)
{
    if (!publication->expires)
        return;
    const struct mqtt_properties *properties = &of->packet->properties;
    const int64_t waited = mqtt_elapsed(of->place->time, publication->time) / MQTT_SECOND;
    const bool has = mqtt_has_property(properties, MQTT_PROPERTY_MESSAGE_EXPIRY_INTERVAL);
    const int64_t left = has ? (int64_t)properties->message_expiry_interval : 0;
    const int64_t due = (int64_t)publication->cargo->expiry_s - waited;
    if (waited < 0)
        return;
    if (due < -SLACK_S)
        delivery_hold(of, MQTT_RULE_DELIVERED_AFTER_EXPIRY, publication->frame, (uint64_t)waited,
                      HELD_OTHER, publication->number, publication->time);
    else if (of->packet->version == MQTT_VERSION_5_0 &&
             ((!has && due > SLACK_S) || left > due + SLACK_S - 1 || (has && left < due - SLACK_S)))
        delivery_hold(of, MQTT_RULE_EXPIRY_NOT_REDUCED, publication->frame, (uint64_t)left,
                      HELD_OTHER, publication->number, publication->time);
}

void check_contents(const struct delivery *of, const struct publication *publication)
{
    if (of->packet->version == MQTT_VERSION_5_0)
        check_properties(of, publication);
    check_expiry(of, publication);
}

/* ---- Subscription Identifiers (3.3.4-3 to -5) ---- */

bool carries_identifier(const struct delivery *of, uint32_t identifier)
{
    struct mqtt_slice block = of->packet->properties.block;
    struct mqtt_property_value value;
    while (mqtt_property_next(&block, &value))
        if (value.property == MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER && value.number == identifier)
            return true;
    return false;
}

static bool is_subscriptions(const struct delivery *of, uint32_t identifier)
{
    for (uint32_t i = 0; i < of->matched->count; i++) {
        const struct subscription *each = of->topic->subscriptions[of->matched->from + i];
        if (each->state == SUBSCRIPTION_SURE && each->identifier == identifier)
            return true;
    }
    return false;
}

/* An identifier that no matching subscription has; 0: there is none. */
static uint32_t stray_identifier(const struct delivery *of)
{
    struct mqtt_slice block = of->packet->properties.block;
    struct mqtt_property_value value;
    while (mqtt_property_next(&block, &value))
        if (value.property == MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER && value.number != 0 &&
            !is_subscriptions(of, value.number))
            return value.number;
    return 0;
}

void check_identifiers(const struct delivery *of, const struct publication *publication)
{
    const uint32_t count = of->packet->properties.subscription_identifiers;
    const uint32_t stray = count > 0 ? stray_identifier(of) : 0;
    const struct subscription *lacking = NULL;
    bool all = true;
    if (stray != 0) {
        delivery_raise(of, MQTT_RULE_SUBSCRIPTION_IDENTIFIER_WRONG, stray, 0);
        return;
    }
    for (uint32_t i = 0; i < of->matched->count; i++) {
        const struct subscription *each = of->topic->subscriptions[of->matched->from + i];
        if (each->state != SUBSCRIPTION_SURE ||
            (each->no_local && publication->publisher_number == of->client->number))
            continue;
        all &= each->identifier != 0;
        if (each->identifier != 0 && !carries_identifier(of, each->identifier))
            lacking = each;
    }
    /* A copy of one subscription carries one, or none if that one has none. */
    if (lacking != NULL && count > 1)
        delivery_raise(of, MQTT_RULE_SUBSCRIPTION_IDENTIFIERS_INCOMPLETE, lacking->identifier,
                       lacking->asked.frame);
    else if (lacking != NULL && count == 0 && all)
        delivery_raise(of, MQTT_RULE_SUBSCRIPTION_IDENTIFIER_NOT_SENT, lacking->identifier,
                       lacking->asked.frame);
}
