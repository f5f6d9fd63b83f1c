/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection watched packet by packet: see signs.h. Nothing is allocated, and a string is hashed
 * only where it is kept. */
#include "audit/signs.h"

#include <string.h>

#include "audit/strings.h"
#include "mqtt/facts/time.h"

static uint64_t rank_of(struct mqtt_slice slice)
{
    return slice.length > 0 ? audit_rank(slice) : 0;
}

/* ---- PUBLISH packets that are compared ---- */

/* What is kept of a payload: how much of its beginning, and of its end behind that. */
static uint32_t head_of(struct mqtt_slice payload)
{
    return MIN(payload.length, AUDIT_WATCH_HEAD);
}

static uint32_t tail_of(struct mqtt_slice payload)
{
    return MIN(payload.length - head_of(payload), AUDIT_WATCH_TAIL);
}

static void keep_publish(struct audit_watched_publish *kept, struct mqtt_slice topic,
                         const struct mqtt_publish *publish)
{
    const struct mqtt_slice payload = publish->payload;
    const uint32_t head = head_of(payload), tail = tail_of(payload);
    kept->topic_length = topic.length <= AUDIT_WATCH_TOPIC ? topic.length : 0;
    if (kept->topic_length > 0)
        memcpy(kept->topic, topic.data, kept->topic_length);
    if (head > 0)
        memcpy(kept->payload, payload.data, head);
    if (tail > 0)
        memcpy(kept->payload + head, payload.data + payload.length - tail, tail);
    kept->kept_length = head + tail;
    kept->payload_length = publish->payload_length;
}

/* Lengths differ as a rule, or the topic does: the rest is seldom compared. */
static bool is_same_publish(const struct audit_watched_publish *kept, struct mqtt_slice topic,
                            const struct mqtt_publish *publish)
{
    const struct mqtt_slice payload = publish->payload;
    const uint32_t head = head_of(payload), tail = tail_of(payload);
    return kept->topic_length == topic.length && topic.length > 0 &&
           kept->payload_length == publish->payload_length && kept->kept_length == head + tail &&
           memcmp(kept->topic, topic.data, topic.length) == 0 &&
           (head == 0 || memcmp(kept->payload, payload.data, head) == 0) &&
           (tail == 0 ||
            memcmp(kept->payload + head, payload.data + payload.length - tail, tail) == 0);
}

static uint64_t topic_rank(const struct audit_watched_publish *watched)
{
    return rank_of((struct mqtt_slice){watched->topic, watched->topic_length});
}

static uint64_t payload_rank(const struct audit_watched_publish *watched)
{
    const uint32_t length = watched->payload_length;
    const uint8_t bytes[4] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16),
                              (uint8_t)(length >> 8), (uint8_t)length};
    return audit_rank_more(audit_rank((struct mqtt_slice){bytes, sizeof bytes}),
                           (struct mqtt_slice){watched->payload, watched->kept_length});
}

/* Ends a run of equal packets, if it is the longest so far. */
static void end_run(struct audit_watch *watch, unsigned side)
{
    struct audit_span *repeated = &watch->signs.repeated[side];
    if (watch->run[side] < 2 || watch->run[side] <= repeated->count)
        return;
    *repeated = (struct audit_span){.frame = watch->run_first[side].frame,
                                    .since = watch->run_first[side].time,
                                    .until = watch->signs.last[side].time,
                                    .count = watch->run[side]};
    watch->signs.repeated_topic[side] = topic_rank(&watch->publish[side]);
}

/* The delivery that is not acknowledged is the last PUBLISH of the server still: most are
 * acknowledged before there is another, and nobody asks what they were. */
static void name_pending(struct audit_watch *watch)
{
    struct audit_mark *pending = &watch->signs.pending;
    if (pending->frame == 0 || watch->pending_named)
        return;
    pending->topic = topic_rank(&watch->publish[watch->pending_side]);
    pending->fingerprint = payload_rank(&watch->publish[watch->pending_side]);
    watch->pending_named = true;
}

static void watch_publish(struct audit_watch *watch, const struct mqtt_place *place,
                          const struct mqtt_packet *packet, const struct mqtt_step *step)
{
    const unsigned side = place->side;
    if (is_same_publish(&watch->publish[side], step->topic, &packet->publish)) {
        watch->run[side] += !step->resend;
        return;
    }
    if (watch->run[side] > 1)
        end_run(watch, side);
    watch->run[side] = 1;
    watch->run_first[side].frame = place->frame;
    watch->run_first[side].time = place->time;
    if (side == watch->pending_side)
        name_pending(watch);
    keep_publish(&watch->publish[side], step->topic, &packet->publish);
}

/* ---- Silence ---- */

static void watch_silence(struct audit_watch *watch, const struct mqtt_place *place)
{
    struct audit_signs *signs = &watch->signs;
    const int64_t silence = watch->frame != 0 ? mqtt_elapsed(place->time, watch->time) : 0;
    if (place->side != watch->tail_side) {
        signs->survived = MAX(signs->survived, watch->tail_silence);
        watch->tail_side = place->side;
        watch->tail_silence = 0;
    }
    if (silence > watch->tail_silence)
        watch->tail_silence = silence;
    watch->frame = place->frame;
    watch->time = place->time;
}

static void watch_sizes(struct audit_watch *watch, unsigned side, uint32_t size, uint8_t type)
{
    if (type == MQTT_DISCONNECT)
        return; /* says that it got it, not that it took it */
    uint32_t *pending = &watch->pending_size[1 - side];
    uint32_t *passed = &watch->signs.largest_passed[1 - side];
    if (*pending > *passed)
        *passed = *pending;
    *pending = 0;
    if (size > watch->pending_size[side])
        watch->pending_size[side] = size;
}

/* Requests that the server answers. */
static bool waits(const struct mqtt_packet *packet)
{
    switch (packet->type) {
    case MQTT_CONNECT:
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
    case MQTT_PUBREL:
    case MQTT_PINGREQ: return true;
    case MQTT_PUBLISH: return packet->publish.qos > 0;
    default: return false;
    }
}

/* ---- The client ---- */

static void watch_connect(struct audit_watch *watch, const struct mqtt_packet *packet)
{
    const struct mqtt_connect *connect = &packet->connect;
    struct audit_signs *signs = &watch->signs;
    watch->keep_alive_s = connect->keep_alive;
    if (mqtt_has_property(&packet->properties, MQTT_PROPERTY_RECEIVE_MAXIMUM))
        signs->receive_maximum = packet->properties.receive_maximum;
    signs->user_name = rank_of(connect->user_name);
    signs->password = rank_of(connect->password);
    signs->will_topic = connect->has_will ? rank_of(connect->will_topic) : 0;
    signs->will_retain = connect->will_retain;
}

static void watch_birth(struct audit_watch *watch, const struct mqtt_place *place,
                        const struct mqtt_packet *packet)
{
    struct audit_signs *signs = &watch->signs;
    const unsigned retain = packet->publish.retain;
    if (signs->will_topic == 0 || topic_rank(&watch->publish[place->side]) != signs->will_topic)
        return;
    if (signs->births[retain]++ == 0)
        signs->birth_frames[retain] = place->frame;
}

static void watch_ping(struct audit_watch *watch, int64_t time)
{
    const int64_t since = mqtt_elapsed(time, watch->spoke);
    watch->signs.pings++;
    watch->signs.needless +=
        watch->spoke_frame != 0 && since >= 0 && since < watch->keep_alive_s * MQTT_SECOND / 2;
}

/* Deliveries wait no more, or fewer of them do. */
static void end_stall(struct audit_watch *watch, int64_t time)
{
    struct audit_signs *signs = &watch->signs;
    const int64_t lasted = mqtt_elapsed(time, watch->unacknowledged_since);
    if (watch->in_flight == 0)
        return;
    if (watch->in_flight == signs->most_in_flight && lasted > 0)
        signs->at_most += MIN(lasted, INT64_MAX - signs->at_most);
    if (lasted > mqtt_elapsed(signs->stalled.until, signs->stalled.since)) {
        signs->stalled = (struct audit_span){.frame = watch->unacknowledged_frame,
                                             .since = watch->unacknowledged_since,
                                             .until = time,
                                             .count = watch->in_flight};
        signs->stalled_alive = watch->alive;
        signs->stalled_last = watch->delivered_time;
    }
    watch->unacknowledged_since = time;
    watch->alive = 0;
}

static bool acknowledges(const struct mqtt_packet *packet)
{
    return packet->type == MQTT_PUBACK || packet->type == MQTT_PUBCOMP ||
           (packet->type == MQTT_PUBREC && packet->reason_code >= 0x80);
}

static void watch_client(struct audit_watch *watch, const struct mqtt_place *place,
                         const struct mqtt_packet *packet)
{
    struct audit_signs *signs = &watch->signs;
    signs->unheard = (struct audit_span){0};
    if ((packet->type == MQTT_PUBACK || packet->type == MQTT_PUBREC) &&
        packet->packet_identifier == signs->pending.packet_identifier)
        signs->pending.frame = 0;
    if (waits(packet) && watch->waits_frame == 0) {
        watch->waits_frame = place->frame;
        watch->waits_since = place->time;
    }
    if (acknowledges(packet) && watch->in_flight > 0) {
        end_stall(watch, place->time);
        watch->in_flight--;
        watch->unacknowledged_frame = place->frame;
    } else {
        watch->alive++;
    }
    if (packet->type == MQTT_PINGREQ)
        watch_ping(watch, place->time);
    if (packet->type == MQTT_PUBLISH)
        watch_birth(watch, place, packet);
    if (packet->type == MQTT_SUBSCRIBE) {
        watch->subscribe_frame = place->frame;
        watch->burst = (struct audit_span){0};
    }
    if (packet->type != MQTT_PINGREQ) {
        watch->spoke_frame = place->frame;
        watch->spoke = place->time;
    }
}

/* ---- The server ---- */

static void watch_kept(struct audit_watch *watch, const struct mqtt_place *place)
{
    struct audit_signs *signs = &watch->signs;
    struct audit_span *burst = &watch->burst;
    if (burst->count++ == 0) {
        burst->frame = watch->subscribe_frame;
        burst->since = place->time;
    }
    burst->until = place->time;
    if (burst->count > signs->burst.count)
        signs->burst = *burst;
    signs->floods += burst->count == AUDIT_FLOOD;
    for (unsigned i = 0; i < AUDIT_KEPT; i++)
        if (signs->kept[i].frame == 0) {
            const struct audit_watched_publish *publish = &watch->publish[place->side];
            signs->kept[i] =
                (struct audit_kept){place->frame, topic_rank(publish), payload_rank(publish)};
            break;
        }
}

static void watch_delivery(struct audit_watch *watch, const struct mqtt_place *place,
                           const struct mqtt_packet *packet, const struct mqtt_step *step)
{
    struct audit_signs *signs = &watch->signs;
    if (packet->publish.retain && watch->subscribe_frame != 0)
        watch_kept(watch, place);
    if (packet->publish.qos == 0)
        return;
    if (signs->pending.frame == 0) {
        signs->pending = (struct audit_mark){
            .frame = place->frame,
            .time = place->time,
            .size = packet->length,
            .packet_identifier = packet->packet_identifier,
            .type = MQTT_PUBLISH,
        };
        watch->pending_side = place->side;
        watch->pending_named = false;
    }
    if (step->resend)
        return;
    if (watch->in_flight == 0) {
        watch->unacknowledged_since = place->time;
        watch->unacknowledged_frame = place->frame;
        watch->alive = 0;
    }
    watch->in_flight++;
    watch->delivered_time = place->time;
    if (watch->in_flight > signs->most_in_flight) {
        signs->most_in_flight = watch->in_flight;
        signs->at_most = 0;
    }
}

static void watch_server(struct audit_watch *watch, const struct mqtt_place *place,
                         const struct mqtt_packet *packet, const struct mqtt_step *step)
{
    struct audit_signs *signs = &watch->signs;
    const struct audit_mark *before = &signs->last[place->side];
    if (watch->waits_frame != 0) {
        const int64_t waited = mqtt_elapsed(place->time, watch->waits_since);
        if (waited > mqtt_elapsed(signs->waited.until, signs->waited.since))
            signs->waited = (struct audit_span){
                .frame = watch->waits_frame, .since = watch->waits_since, .until = place->time};
        watch->waits_frame = 0;
    }
    const int64_t silence = before->frame != 0 ? mqtt_elapsed(place->time, before->time) : 0;
    if (silence > signs->server_silence)
        signs->server_silence = silence;
    if (signs->unheard.count++ == 0) {
        signs->unheard.frame = place->frame;
        signs->unheard.since = place->time;
    }
    signs->unheard.until = place->time;
    if (packet->type == MQTT_PUBLISH)
        watch_delivery(watch, place, packet, step);
}

void audit_watch_packet(struct audit_watch *watch, const struct mqtt_place *place,
                        const struct mqtt_packet *packet, const struct mqtt_step *step,
                        uint8_t client)
{
    struct audit_signs *signs = &watch->signs;
    const bool readable = packet->malformed_rule == MQTT_RULE_NONE;
    watch_silence(watch, place);
    watch_sizes(watch, place->side, packet->length, packet->type);
    if (readable && packet->type == MQTT_PUBLISH)
        watch_publish(watch, place, packet, step);
    if (readable && packet->type == MQTT_CONNECT)
        watch_connect(watch, packet);
    if (readable && place->side == client)
        watch_client(watch, place, packet);
    else if (readable)
        watch_server(watch, place, packet, step);
    /* Topic and fingerprint are those of the last one of all, at the end. */
    struct audit_mark *last = &signs->last[place->side];
    last->frame = place->frame;
    last->time = place->time;
    last->size = packet->length;
    last->packet_identifier = packet->has_packet_identifier ? packet->packet_identifier : 0;
    last->type = packet->type;
    last->reason_code = packet->has_reason_code ? packet->reason_code : MQTT_REASON_SUCCESS;
}

void audit_watch_end(struct audit_watch *watch, uint8_t client, int64_t time)
{
    struct audit_signs *signs = &watch->signs;
    const struct audit_mark *server = &signs->last[1 - client];
    end_stall(watch, time);
    name_pending(watch);
    if (server->frame != 0)
        signs->server_silence = MAX(signs->server_silence, mqtt_elapsed(time, server->time));
    signs->tail_silence = watch->tail_silence;
    if (watch->waits_frame != 0)
        signs->unanswered = (struct audit_span){
            .frame = watch->waits_frame, .since = watch->waits_since, .until = time};
    for (unsigned side = 0; side < 2; side++) {
        struct audit_mark *last = &signs->last[side];
        end_run(watch, side);
        if (last->type != MQTT_PUBLISH || last->frame == 0)
            continue;
        last->topic = topic_rank(&watch->publish[side]);
        last->fingerprint = payload_rank(&watch->publish[side]);
    }
}
