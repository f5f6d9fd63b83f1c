/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows that events make, column by column as tables.def has them. */
#include <string.h>

#include "audit/report/format.h"
#include "audit/report/tables_private.h"
#include "mqtt/facts/time.h"
#include "mqtt/wire/decode.h"

static void put_word(const struct table_sink *sink, enum table_id id, const char *word)
{
    table_put_text(sink, id, (const uint8_t *)word, word != NULL ? strlen(word) : 0, true);
}

/* As much of a string from the wire as the report keeps of it; none if it is empty. */
static void put_string(const struct table_sink *sink, enum table_id id, struct mqtt_slice string)
{
    table_put_text(sink, id, string.length > 0 ? string.data : NULL,
                   MIN(string.length, AUDIT_STRING_MAX), true);
}

static void put_number(const struct table_sink *sink, enum table_id id, uint64_t number)
{
    table_put_number(sink, id, (int64_t)MIN(number, INT64_MAX));
}

static void put_number_if(const struct table_sink *sink, enum table_id id, bool there,
                          uint64_t number)
{
    if (there)
        put_number(sink, id, number);
    else
        table_put_null(sink, id);
}

static void put_place(const struct table_sink *sink, enum table_id id, uint64_t frame, int64_t time)
{
    put_number_if(sink, id, frame != 0, frame);
    if (frame != 0)
        table_put_number(sink, id, time);
    else
        table_put_null(sink, id);
}

static void put_took(const struct table_sink *sink, enum table_id id,
                     const struct audit_handshake_event *what)
{
    put_number_if(sink, id, what->measured && what->took >= 0, mqtt_microseconds(what->took));
}

static const char *handshake_outcome(const struct audit_event *event)
{
    if (event->kind == AUDIT_EVENT_HANDSHAKE_GIVEN_UP)
        return "given-up";
    return event->handshake.handshake->failed ? "refused" : "done";
}

static void put_legs(const struct table_sink *sink, enum table_id id,
                     const struct mqtt_handshake *handshake)
{
    for (unsigned leg = 0; leg < MQTT_LEGS; leg++) {
        const bool done = leg < handshake->stage;
        put_place(sink, id, done ? handshake->legs[leg].frame : 0, handshake->legs[leg].time);
    }
}

static void put_handshake(const struct table_sink *sink, const struct audit_event *event)
{
    const enum table_id id = TABLE_handshakes;
    const struct mqtt_handshake *handshake = event->handshake.handshake;
    const bool given_up = event->kind == AUDIT_EVENT_HANDSHAKE_GIVEN_UP;
    put_number(sink, id, event->flow->number);
    put_word(sink, id, format_handshake(handshake->kind));
    put_word(sink, id,
             audit_word(AUDIT_UNIT_DIRECTION,
                        handshake->side == event->flow->client ? AUDIT_CLIENT : AUDIT_SERVER));
    put_word(sink, id, handshake_outcome(event));
    put_number_if(sink, id, handshake->kind != MQTT_HANDSHAKE_CONNECT,
                  handshake->packet_identifier);
    put_number_if(sink, id, !given_up, handshake->reason_code);
    if (given_up)
        table_put_null(sink, id);
    else
        put_took(sink, id, &event->handshake);
    put_number(sink, id, handshake->resends);
    put_number(sink, id, handshake->resumed);
    const unsigned awaits =
        given_up ? mqtt_handshake_leg_type(handshake->kind, handshake->stage) : 0;
    put_word(sink, id, awaits != 0 ? mqtt_packet_type_name(awaits) : NULL);
    put_place(sink, id, event->frame, event->time);
    put_legs(sink, id, handshake);
    sink->row(sink->user, id);
}

static void put_ping(const struct table_sink *sink, const struct audit_event *event)
{
    const enum table_id id = TABLE_pings;
    const struct mqtt_leg *request = &event->handshake.handshake->legs[0];
    put_number(sink, id, event->flow->number);
    put_place(sink, id, request->frame, request->time);
    put_place(sink, id, event->frame, event->time);
    put_took(sink, id, &event->handshake);
    sink->row(sink->user, id);
}

static void put_match(const struct table_sink *sink, const struct audit_match *match)
{
    const enum table_id id = TABLE_deliveries;
    put_number_if(sink, id, match->known, match->frame);
    put_number_if(sink, id, match->known && !match->late && match->took >= 0,
                  mqtt_microseconds(match->took));
    put_number_if(sink, id, match->known, match->late);
}

static void put_message(const struct table_sink *sink, const struct audit_event *event)
{
    const enum table_id id =
        event->kind == AUDIT_EVENT_DELIVERED ? TABLE_deliveries : TABLE_publications;
    const struct audit_message *message = &event->message;
    put_number(sink, id, event->flow->number);
    put_place(sink, id, event->frame, event->time);
    put_string(sink, id, message->topic);
    put_number(sink, id, message->qos);
    put_number(sink, id, message->retain);
    put_number(sink, id, message->dup);
    put_number_if(sink, id, message->qos > 0, message->packet_identifier);
    put_number(sink, id, message->payload_length);
    put_number(sink, id, message->topic_from_alias);
    put_number_if(sink, id, message->resend, message->first_frame);
    if (id == TABLE_deliveries)
        put_match(sink, &message->match);
    sink->row(sink->user, id);
}

/* One topic filter, the i-th of its packet. */
static void put_filter(const struct table_sink *sink, const struct audit_event *event,
                       const struct mqtt_filter *filter, uint32_t i)
{
    const enum table_id id = TABLE_subscriptions;
    const struct audit_subscription *what = &event->subscription;
    const bool subscribed = event->kind == AUDIT_EVENT_SUBSCRIBED;
    const bool has_options = subscribed && what->version == MQTT_VERSION_5_0;
    put_number(sink, id, event->flow->number);
    put_word(sink, id, subscribed ? "subscribe" : "unsubscribe");
    put_string(sink, id, filter->filter);
    put_number_if(sink, id, subscribed, filter->options & 3u);
    put_number_if(sink, id, has_options, filter->options >> 2 & 1u);
    put_number_if(sink, id, has_options, filter->options >> 3 & 1u);
    put_number_if(sink, id, has_options, filter->options >> 4 & 3u);
    put_number_if(sink, id, i < what->codes.length,
                  i < what->codes.length ? what->codes.data[i] : 0);
    put_number(sink, id, what->packet_identifier);
    put_number_if(sink, id, what->request.frame != 0, what->request.frame);
    put_place(sink, id, event->frame, event->time);
    sink->row(sink->user, id);
}

static void put_subscription(const struct table_sink *sink, const struct audit_event *event)
{
    const bool subscribed = event->kind == AUDIT_EVENT_SUBSCRIBED;
    struct mqtt_slice list = event->subscription.filters;
    struct mqtt_filter filter;
    for (uint32_t i = 0;
         mqtt_filter_next(&list, subscribed ? MQTT_SUBSCRIBE : MQTT_UNSUBSCRIBE, &filter); i++)
        put_filter(sink, event, &filter, i);
}

void tables_put_event(const struct table_sink *sink, const struct audit_event *event)
{
    switch (event->kind) {
    case AUDIT_EVENT_HANDSHAKE_DONE:
    case AUDIT_EVENT_HANDSHAKE_GIVEN_UP: put_handshake(sink, event); break;
    case AUDIT_EVENT_PING: put_ping(sink, event); break;
    case AUDIT_EVENT_PUBLISHED:
    case AUDIT_EVENT_DELIVERED: put_message(sink, event); break;
    case AUDIT_EVENT_SUBSCRIBED:
    case AUDIT_EVENT_UNSUBSCRIBED: put_subscription(sink, event); break;
    default: break; /* the report says it */
    }
}
