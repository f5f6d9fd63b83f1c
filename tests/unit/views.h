/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What holds for every decoded packet, whatever its bytes: both decoders see the same, and the
 * spans account for each byte. Unit tests and fuzz targets share it. Functions return NULL, or
 * what is wrong.
 */
#ifndef MQTTSCOPE_TESTS_UNIT_VIEWS_H
#define MQTTSCOPE_TESTS_UNIT_VIEWS_H

#include "mqtt/facts/tables.h"
#include "mqtt/wire/decode.h"

#include <stdlib.h>
#include <string.h>

static inline bool same_slice(struct mqtt_slice a, struct mqtt_slice b)
{
    return a.data == b.data && a.length == b.length;
}

static inline bool same_properties(const struct mqtt_properties *a, const struct mqtt_properties *b)
{
    if (a->present != b->present || a->user_properties != b->user_properties ||
        a->subscription_identifiers != b->subscription_identifiers)
        return false;
#define SAME_BYTE(member) (a->member == b->member)
#define SAME_TWO_BYTE(member) (a->member == b->member)
#define SAME_FOUR_BYTE(member) (a->member == b->member)
#define SAME_VARIABLE(member) (a->member == b->member)
#define SAME_STRING(member) same_slice(a->member, b->member)
#define SAME_BINARY(member) same_slice(a->member, b->member)
#define SAME_PAIR(member) true
#define MQTT_PROPERTY(id, number, name, member, type, ...)                                         \
    if (mqtt_has_property(a, MQTT_PROPERTY_##id) && !SAME_##type(member))                          \
        return false;
#include "mqtt/facts/properties.def"
#undef MQTT_PROPERTY
    return a->present == 0 || same_slice(a->block, b->block);
}

static inline bool same_connect(const struct mqtt_connect *a, const struct mqtt_connect *b)
{
    return same_slice(a->protocol_name, b->protocol_name) &&
           a->protocol_level == b->protocol_level && a->bridge == b->bridge &&
           a->flags == b->flags && a->clean_start == b->clean_start && a->has_will == b->has_will &&
           a->will_qos == b->will_qos && a->will_retain == b->will_retain &&
           a->has_user_name == b->has_user_name && a->has_password == b->has_password &&
           a->keep_alive == b->keep_alive &&
           same_slice(a->client_identifier, b->client_identifier) &&
           same_properties(&a->will_properties, &b->will_properties) &&
           same_slice(a->will_topic, b->will_topic) &&
           same_slice(a->will_payload, b->will_payload) && same_slice(a->user_name, b->user_name) &&
           same_slice(a->password, b->password);
}

static inline bool same_publish(const struct mqtt_publish *a, const struct mqtt_publish *b)
{
    return a->dup == b->dup && a->qos == b->qos && a->retain == b->retain &&
           same_slice(a->topic_name, b->topic_name) && same_slice(a->payload, b->payload) &&
           a->payload_offset == b->payload_offset && a->payload_length == b->payload_length;
}

static inline bool same_body(const struct mqtt_packet *a, const struct mqtt_packet *b)
{
    switch (a->type) {
    case MQTT_CONNECT: return same_connect(&a->connect, &b->connect);
    case MQTT_CONNACK:
        return a->connack.flags == b->connack.flags &&
               a->connack.session_present == b->connack.session_present;
    case MQTT_PUBLISH: return same_publish(&a->publish, &b->publish);
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
        return a->subscribe.count == b->subscribe.count &&
               same_slice(a->subscribe.list, b->subscribe.list);
    case MQTT_SUBACK:
    case MQTT_UNSUBACK: return same_slice(a->suback.codes, b->suback.codes);
    default: return true;
    }
}

static inline bool same_findings(const struct mqtt_packet *a, const struct mqtt_packet *b)
{
    if (a->finding_count != b->finding_count || a->findings_dropped != b->findings_dropped)
        return false;
    for (uint32_t i = 0; i < a->finding_count; i++) {
        const struct mqtt_packet_finding *f = &a->findings[i];
        const struct mqtt_packet_finding *g = &b->findings[i];
        if (f->rule != g->rule || f->field != g->field || f->offset != g->offset ||
            f->length != g->length || f->values[0] != g->values[0] || f->values[1] != g->values[1])
            return false;
    }
    return true;
}

/* `header` false: the fixed header was cut or broken, and the packet's own fields do not count. */
static inline const char *different_views(const struct mqtt_packet *a, const struct mqtt_packet *b,
                                          bool header)
{
    if (a->type != b->type || a->flags != b->flags || a->version != b->version ||
        a->header_length != b->header_length || a->remaining_length != b->remaining_length ||
        a->length != b->length || a->captured != b->captured)
        return "the fixed headers differ";
    if (a->has_packet_identifier != b->has_packet_identifier ||
        a->packet_identifier != b->packet_identifier || a->has_reason_code != b->has_reason_code ||
        a->reason_code != b->reason_code)
        return "packet identifiers or reason codes differ";
    if (a->malformed_rule != b->malformed_rule || a->malformed_offset != b->malformed_offset ||
        !same_findings(a, b))
        return "the findings differ";
    if (!same_properties(&a->properties, &b->properties))
        return "the properties differ";
    return header && !same_body(a, b) ? "the packets' own fields differ" : NULL;
}

static inline bool is_leaf(const struct mqtt_trace *trace, uint32_t i)
{
    return i + 1 == trace->count || trace->spans[i + 1].depth <= trace->spans[i].depth;
}

/* What the field's number is according to the bytes themselves. */
static inline uint32_t number_at(const struct mqtt_span *span, const struct mqtt_field_info *info,
                                 const uint8_t *data)
{
    uint32_t number = 0;
    /* One byte in Wireshark's own dissector, whose type the field keeps; 5.0, 2.2.2.2 */
    const bool variable = info->variable || span->field == MQTT_FIELD_PROPERTY_IDENTIFIER;
    for (uint32_t i = 0; i < span->length; i++) {
        const uint8_t byte = data[span->offset + i];
        number = variable ? number | (uint32_t)(byte & 0x7f) << 7 * i : number << 8 | byte;
    }
    if (info->mask == 0)
        return number;
    number &= info->mask;
    for (uint8_t mask = info->mask; (mask & 1) == 0; mask >>= 1)
        number >>= 1;
    return number;
}

static inline const char *wrong_span(const struct mqtt_trace *trace, uint32_t i,
                                     const uint8_t *data, uint32_t captured)
{
    const struct mqtt_span *span = &trace->spans[i];
    if (span->field >= MQTT_FIELDS)
        return "a span without a field";
    if (span->offset > captured || span->length > captured - span->offset)
        return "a span reaches past what was captured";
    if (span->depth == 0 || span->depth > (i == 0 ? 1 : trace->spans[i - 1].depth + 1))
        return "a span without a parent";
    for (uint32_t j = i; j-- > 0;) {
        const struct mqtt_span *other = &trace->spans[j];
        const bool parent = other->depth < span->depth;
        if (parent && (span->offset < other->offset ||
                       span->offset + span->length > other->offset + other->length))
            return "a span lies outside its parent";
        const bool shared = mqtt_field_info((enum mqtt_field)span->field)->mask != 0 ||
                            span->field == MQTT_FIELD_PACKET_TYPE;
        if (other->depth == span->depth && !shared && span->offset < other->offset + other->length)
            return "spans of one depth overlap, or are out of order";
        if (other->depth <= span->depth)
            break;
    }
    const struct mqtt_field_info *info = mqtt_field_info((enum mqtt_field)span->field);
    const bool number = info->kind >= MQTT_KIND_UINT8 && info->kind <= MQTT_KIND_BOOLEAN;
    if (number && span->value != number_at(span, info, data))
        return "a span's value is not what the bytes say";
    return NULL;
}

/* Spans lie inside their parents and in order, and leaves cover each captured byte. */
static inline const char *wrong_spans(const struct mqtt_trace *trace, const uint8_t *data,
                                      uint32_t captured)
{
    const char *wrong = NULL;
    uint8_t *covered = calloc(1, captured + 1u);
    if (covered == NULL)
        abort();
    for (uint32_t i = 0; i < trace->count && wrong == NULL; i++) {
        const struct mqtt_span *span = &trace->spans[i];
        wrong = wrong_span(trace, i, data, captured);
        if (wrong == NULL && is_leaf(trace, i))
            memset(covered + span->offset, 1, span->length);
    }
    if (wrong == NULL && memchr(covered, 0, captured) != NULL)
        wrong = "a byte that no leaf covers";
    free(covered);
    return wrong;
}

/* A view refers to the packet's bytes alone. */
static inline bool inside(struct mqtt_slice slice, const uint8_t *data, uint32_t captured)
{
    return slice.length == 0 || (slice.data >= data && slice.length <= captured &&
                                 (size_t)(slice.data - data) <= captured - slice.length);
}

static inline const char *wrong_slices(const struct mqtt_packet *packet, const uint8_t *data)
{
    const uint32_t captured = packet->captured;
    bool fine = packet->properties.present == 0 || inside(packet->properties.block, data, captured);
    switch (packet->type) {
    case MQTT_CONNECT:
        fine = fine && inside(packet->connect.client_identifier, data, captured) &&
               inside(packet->connect.will_topic, data, captured) &&
               inside(packet->connect.will_payload, data, captured) &&
               inside(packet->connect.user_name, data, captured) &&
               inside(packet->connect.password, data, captured);
        break;
    case MQTT_PUBLISH:
        fine = fine && inside(packet->publish.topic_name, data, captured) &&
               inside(packet->publish.payload, data, captured);
        break;
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE: fine = fine && inside(packet->subscribe.list, data, captured); break;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK: fine = fine && inside(packet->suback.codes, data, captured); break;
    default: break;
    }
    for (uint32_t i = 0; i < packet->finding_count; i++)
        fine = fine && packet->findings[i].rule < MQTT_RULES &&
               packet->findings[i].field < MQTT_FIELDS && packet->findings[i].offset <= captured &&
               packet->findings[i].length <= captured - packet->findings[i].offset;
    return fine ? NULL : "a slice or finding outside the packet";
}

#define VIEW_SPANS 65536u

/* Decodes both ways and holds the results against each other and against the bytes. */
static inline const char *wrong_decoding(const uint8_t *data, size_t captured, size_t reported,
                                         const struct mqtt_context *context)
{
    static struct mqtt_span spans[VIEW_SPANS];
    struct mqtt_trace trace = {.spans = spans, .capacity = VIEW_SPANS};
    struct mqtt_packet packet, traced;
    /* what one of them leaves as it was would show */
    memset(&packet, 0x55, sizeof(packet));
    memset(&traced, 0xaa, sizeof(traced));
    const enum mqtt_outcome outcome = mqtt_decode(data, captured, reported, context, &packet);
    if (mqtt_decode_traced(data, captured, reported, context, &traced, &trace) != outcome)
        return "the outcomes differ";
    if (outcome == MQTT_NEED_MORE)
        return trace.count == 0 ? NULL : "spans of a packet that is not there";
    if (outcome == MQTT_MALFORMED && packet.malformed_rule == MQTT_RULE_NONE)
        return "malformed without a rule";
    if (outcome == MQTT_OK && packet.captured != packet.length)
        return "OK although bytes are missing";
    if (trace.needed != trace.count)
        return trace.needed > VIEW_SPANS ? NULL : "spans were lost";
    const bool header = packet.length != 0;
    const char *wrong = different_views(&packet, &traced, header);
    if (wrong == NULL)
        wrong = wrong_spans(&trace, data, packet.captured);
    if (wrong == NULL && header)
        wrong = wrong_slices(&packet, data);
    return wrong;
}

#endif
