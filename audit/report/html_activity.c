/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts over time whose parts double in length: see html_private.h. */
#include "audit/report/html_private.h"

#include <string.h>

#define SHORTEST UINT64_C(1000000) /* a millisecond */

static void join_pairs(struct html_activity *activity)
{
    for (unsigned i = 0; i < HTML_PARTS / 2; i++) {
        const struct html_part a = activity->parts[2 * i], b = activity->parts[2 * i + 1];
        struct html_part *part = &activity->parts[i];
        *part = (struct html_part){
            .published = a.published + b.published,
            .delivered = a.delivered + b.delivered,
            .connects = a.connects + b.connects,
            .ends = a.ends + b.ends,
            .in_flight = {MAX(a.in_flight[0], b.in_flight[0]), MAX(a.in_flight[1], b.in_flight[1])},
            .open = MAX(a.open, b.open),
        };
        for (unsigned severity = 0; severity < 3; severity++)
            part->findings[severity] = a.findings[severity] + b.findings[severity];
    }
    memset(&activity->parts[HTML_PARTS / 2], 0, sizeof activity->parts / 2);
    activity->current /= 2;
    activity->length *= 2;
}

static void note_levels(struct html_activity *activity, unsigned i)
{
    struct html_part *part = &activity->parts[i];
    for (unsigned side = 0; side < 2; side++)
        part->in_flight[side] = MAX(part->in_flight[side], activity->in_flight[side]);
    part->open = MAX(part->open, activity->open);
}

/* Which part a time is in; what comes before the first one is counted there. */
static unsigned part_of(struct html_activity *activity, int64_t time)
{
    if (!activity->begun) {
        activity->begun = true;
        activity->since = time;
        activity->length = SHORTEST;
    }
    const int64_t passed = MAX(mqtt_elapsed(time, activity->since), 0);
    while ((uint64_t)passed / activity->length >= HTML_PARTS)
        join_pairs(activity);
    return (unsigned)((uint64_t)passed / activity->length);
}

/* What was open before stays open in between. */
static struct html_part *enter_part(struct html_activity *activity, int64_t time)
{
    const unsigned i = part_of(activity, time);
    for (; activity->current < i; activity->current++)
        note_levels(activity, activity->current + 1);
    return &activity->parts[i];
}

static void level_falls(uint32_t *level, uint32_t by)
{
    *level -= MIN(*level, by);
}

/* QoS 1 and 2: something is in flight from a PUBLISH to the end of its handshake. */
static void message(struct html_activity *activity, const struct audit_event *event,
                    unsigned beginner, uint32_t in_flight[2])
{
    if (event->message.qos == 0 || event->message.resend)
        return;
    in_flight[beginner]++;
    activity->in_flight[beginner]++;
}

static void handshake_over(struct html_activity *activity, const struct audit_event *event,
                           uint32_t in_flight[2])
{
    const struct mqtt_handshake *handshake = event->handshake.handshake;
    const unsigned beginner = handshake->side != event->flow->client;
    if ((handshake->kind != MQTT_HANDSHAKE_QOS_1 && handshake->kind != MQTT_HANDSHAKE_QOS_2) ||
        in_flight[beginner] == 0)
        return;
    in_flight[beginner]--;
    level_falls(&activity->in_flight[beginner], 1);
}

void html_activity_take(struct html_activity *activity, const struct audit_event *event,
                        uint32_t in_flight[2])
{
    if (event->frame == 0)
        return;
    const bool about_past = event->kind == AUDIT_EVENT_FINDING && event->finding.what->frame != 0;
    struct html_part *part =
        enter_part(activity, about_past ? event->finding.what->time : event->time);
    switch (event->kind) {
    case AUDIT_EVENT_OPENED: activity->open++; break;
    case AUDIT_EVENT_IDENTIFIED: part->connects += event->identified.connect ? 1 : 0; break;
    case AUDIT_EVENT_PUBLISHED:
        part->published++;
        message(activity, event, 0, in_flight);
        break;
    case AUDIT_EVENT_DELIVERED:
        part->delivered++;
        message(activity, event, 1, in_flight);
        break;
    case AUDIT_EVENT_HANDSHAKE_DONE:
    case AUDIT_EVENT_HANDSHAKE_GIVEN_UP: handshake_over(activity, event, in_flight); break;
    case AUDIT_EVENT_FINDING: {
        const struct mqtt_rule_info *rule =
            mqtt_rule_info((enum mqtt_rule)event->finding.what->rule);
        part->findings[rule->severity]++;
        break;
    }
    case AUDIT_EVENT_CLOSED:
        part->ends++;
        level_falls(&activity->open, 1);
        for (unsigned side = 0; side < 2; side++)
            level_falls(&activity->in_flight[side], in_flight[side]);
        break;
    default: return;
    }
    note_levels(activity, activity->current);
}

void html_activity_write(const struct html_activity *activity, const struct html_data *data)
{
    static const struct {
        const char *key;
        size_t offset;
    } series[] = {
        {"published", G_STRUCT_OFFSET(struct html_part, published)},
        {"delivered", G_STRUCT_OFFSET(struct html_part, delivered)},
        {"connects", G_STRUCT_OFFSET(struct html_part, connects)},
        {"ends", G_STRUCT_OFFSET(struct html_part, ends)},
        {"notes", G_STRUCT_OFFSET(struct html_part, findings[MQTT_NOTE])},
        {"warnings", G_STRUCT_OFFSET(struct html_part, findings[MQTT_WARNING])},
        {"errors", G_STRUCT_OFFSET(struct html_part, findings[MQTT_ERROR])},
        {"in_flight_clients", G_STRUCT_OFFSET(struct html_part, in_flight[0])},
        {"in_flight_servers", G_STRUCT_OFFSET(struct html_part, in_flight[1])},
        {"open", G_STRUCT_OFFSET(struct html_part, open)},
    };
    json_object_begin(data->json, "activity");
    json_signed(data->json, "since", html_time(data, activity->since));
    json_unsigned(data->json, "length", activity->length / 1000);
    for (unsigned i = 0; i < G_N_ELEMENTS(series); i++) {
        json_array_begin(data->json, series[i].key);
        for (unsigned at = 0; activity->begun && at <= activity->current; at++) {
            const char *part = (const char *)&activity->parts[at];
            uint32_t value;
            memcpy(&value, part + series[i].offset, sizeof value);
            json_unsigned(data->json, NULL, value);
        }
        json_array_end(data->json);
    }
    json_object_end(data->json);
}
