/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection of MQTT: see channel.h. */
#include "transport/channel.h"

#include "mqtt/state/session.h"

#include <string.h>

/* Whether the bytes of MQTT are those of TCP. Where they are not, the handshake of what carries
 * them was seen, or nothing of it could be read; and they have other positions. */
static bool is_plain(const struct channel *channel)
{
    return channel->websocket == NULL && !channel->sealed;
}

/* Whether the capture has the first byte that MQTT sent here. */
static bool start_seen(const struct channel *channel)
{
    return !is_plain(channel) || channel->flow->initiator != TCP_SIDE_UNKNOWN;
}

/* The same for one side: who opened the connection is told where to begin by either SYN, the other
 * one by its own alone. */
bool channel_side_start_seen(const struct channel *channel, unsigned side)
{
    const struct tcp_flow *flow = channel->flow;
    return !is_plain(channel) || flow->initiator == (int)side || flow->side[side].syn_seen;
}

static struct mqtt_endpoint endpoint(const struct tcp_flow *flow, unsigned side)
{
    struct mqtt_endpoint end = {.port = flow->side[side].port, .family = flow->ip_version};
    memcpy(end.address, flow->side[side].address.bytes, sizeof end.address);
    return end;
}

/* ---- What TCP acknowledges ---- */

static void await_next(struct channel *channel, unsigned side)
{
    struct tcp_side *of = &channel->flow->side[side];
    of->awaited = awaited_next(&channel->awaited[side], &of->awaits);
}

/* What was delivered behind a hole, or acknowledged before it was captured, has no time of its own.
 */
static void await_answer(struct channel *channel, const struct mqtt_place *place,
                         enum awaited_kind kind)
{
    const struct tcp_side *of = &channel->flow->side[place->side];
    if (of->acknowledges == UINT64_MAX || of->late)
        return;
    awaited_request(&channel->awaited[place->side], kind, place->frame, place->time,
                    (uint32_t)(of->bytes + of->gap_bytes));
    await_next(channel, place->side);
}

/* The request that is timed is answered. Of what was sent again nobody knows which of the packets
 * that is. */
static void take_answer(struct channel *channel, const struct mqtt_place *place,
                        enum awaited_kind kind, const struct mqtt_step *step)
{
    const unsigned side = 1u - place->side;
    struct awaited *awaited = &channel->awaited[side];
    awaited_answered(awaited, kind, place->began != 0 ? place->began : INT64_MAX,
                     channel->flow->side[place->side].acknowledges != UINT64_MAX);
    if (step->has_handshake) {
        const int64_t time = awaited_take(awaited, kind);
        if (step->handshake.resends == 0)
            audit_connection_acknowledged(channel->audit, kind == AWAITED_RELEASE, time);
    }
    await_next(channel, side);
}

/* PUBREC answered the PUBLISH, and now the handshake is over. */
static void take_release(struct channel *channel, const struct mqtt_place *place,
                         const struct mqtt_step *step)
{
    struct awaited *awaited = &channel->awaited[1 - place->side];
    if (!step->has_handshake || !awaited_is(awaited, AWAITED_QOS_2, step->handshake.legs[0].frame))
        return;
    const int64_t time = awaited_take(awaited, AWAITED_QOS_2);
    if (step->handshake.resends == 0)
        audit_connection_acknowledged(channel->audit, false, time);
}

static inline void note_request(struct channel *channel, const struct mqtt_place *place,
                                enum awaited_kind kind, const struct mqtt_step *step)
{
    if (awaited_free(&channel->awaited[place->side], kind, place->time) && !step->resend)
        await_answer(channel, place, kind);
}

static inline void note_answer(struct channel *channel, const struct mqtt_place *place,
                               enum awaited_kind kind, const struct mqtt_step *step)
{
    if (awaited_is(&channel->awaited[1 - place->side], kind, step->request.frame))
        take_answer(channel, place, kind, step);
}

static inline void note_acknowledgements(struct channel *channel, const struct mqtt_place *place,
                                         const struct mqtt_packet *packet,
                                         const struct mqtt_step *step)
{
    switch (packet->type) {
    case MQTT_PUBLISH:
        if (packet->publish.qos > 0)
            note_request(channel, place, packet->publish.qos == 1 ? AWAITED_QOS_1 : AWAITED_QOS_2,
                         step);
        break;
    case MQTT_PUBREL: note_request(channel, place, AWAITED_RELEASE, step); break;
    case MQTT_CONNECT:
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
    case MQTT_PINGREQ: note_request(channel, place, AWAITED_OTHER, step); break;
    case MQTT_PUBACK: note_answer(channel, place, AWAITED_QOS_1, step); break;
    case MQTT_PUBREC: note_answer(channel, place, AWAITED_QOS_2, step); break;
    case MQTT_PUBCOMP:
        note_answer(channel, place, AWAITED_RELEASE, step);
        take_release(channel, place, step);
        break;
    default: note_answer(channel, place, AWAITED_OTHER, step); break;
    }
}

void channel_acknowledged(struct channel *channel, uint8_t side, const struct tcp_moment *now,
                          uint32_t position, int64_t round_trip)
{
    awaited_acknowledged(&channel->awaited[side], position, now->time_ns);
    await_next(channel, side);
    if (round_trip >= 0 && channel->audit != NULL)
        audit_connection_round_trip(channel->audit, side, round_trip);
}

/* Bytes of MQTT that this side sent are not in the capture. */
static void tell_gap(struct channel *channel, uint8_t side, const struct tcp_moment *now)
{
    for (unsigned i = 0; i < 2; i++) {
        awaited_forget(&channel->awaited[i]);
        await_next(channel, i);
    }
    const struct mqtt_place place = {.time = now->time_ns, .frame = now->frame, .side = side};
    mqtt_connection_gap(channel->connection, &place);
}

/* It is MQTT: the audit hears of it. */
static void tell_opened(struct feed *feed, struct channel *channel)
{
    const struct mqtt_connection *connection = channel->connection;
    const struct audit_opening opening = {
        .stream = channel->flow->stream,
        .carrier = channel->websocket != NULL ? "websocket"
                   : channel->sealed          ? channel->carrier
                                              : "tcp",
        .endpoints = {connection->endpoints[0], connection->endpoints[1]},
        .client = connection->client,
        .start_seen = connection->start_seen,
        .real_client = channel->proxy.client,
        .time = channel->opened.time_ns,
        .frame = channel->opened.frame,
        .connection = connection,
    };
    channel->audit = audit_connection_opened(feed->audit, &opening);
    audit_limit(feed->audit, AUDIT_LIMIT_OUT_OF_SYNC, channel->skips, channel->skipped);
}

bool channel_open(struct feed *feed, struct channel *channel, uint8_t client, bool certain,
                  const struct tcp_moment *now)
{
    struct tcp_flow *flow = channel->flow;
    const struct mqtt_connection_start start = {
        .time = now->time_ns,
        .frame = now->frame,
        .user = channel,
        .memory = &feed->memory,
        .endpoints = {endpoint(flow, 0), endpoint(flow, 1)},
        .start_seen = start_seen(channel),
        .client = client,
        .upgrade = channel->upgrade,
    };
    channel->connection = mqtt_connection_new(feed->sessions, &start);
    if (channel->connection == NULL)
        return false;

    channel->opened = *now;
    if (certain)
        tell_opened(feed, channel);
    for (uint8_t side = 0; side < 2; side++) {
        const bool from_start = start.start_seen && channel_side_start_seen(channel, side);
        channel->from_start[side] = from_start;
        mqtt_stream_init(&channel->streams[side], from_start, &feed->memory);
        /* Nobody sends data before the other side's SYN: its direction is not in the capture, or
         * was not from its first byte on. */
        if (flow->side[side].segments == 0 || from_start != start.start_seen)
            tell_gap(channel, side, now);
    }
    return true;
}

/* The first control packet of all. One that a search has found is one; else the bytes at the very
 * start of a side were taken for one, whatever they are. */
static bool is_packet(const struct channel *channel, uint8_t side, const struct mqtt_pdu *pdu)
{
    return !channel->from_start[side] || pdu->stream_offset != 0 ||
           mqtt_may_come_first(pdu->data, pdu->captured, pdu->length);
}

/* Bytes of the side's direction of TCP up to `offset` of what carries MQTT; 0: not known. */
static uint64_t position(const struct channel *channel, uint8_t side, uint64_t offset)
{
    if (!is_plain(channel))
        return 0;
    return side == channel->probe_side ? offset + channel->proxy.length : offset;
}

/* Decodes one control packet and takes in what it means. */
static inline void take_packet(struct feed *feed, struct channel *channel, uint8_t side,
                               const struct tcp_moment *now, const struct mqtt_pdu *pdu)
{
    struct mqtt_connection *connection = channel->connection;
    struct mqtt_packet *packet = &feed->packet;
    const struct mqtt_place place = {
        .time = now->time_ns,
        .frame = now->frame,
        .token = channel->flow->stream,
        .side = side,
        .began = channel->begun[side] ? channel->begun_time[side] : 0,
        .position = position(channel, side, pdu->stream_offset + pdu->length),
        .acknowledged = is_plain(channel) ? channel->flow->side[side].acknowledges : UINT64_MAX,
        .text_frame = channel->text_frame[side],
    };
    const struct mqtt_bytes bytes = {pdu->data, pdu->captured, pdu->length};
    const uint64_t shut = channel->flow->side[0].zero_window + channel->flow->side[1].zero_window;
    channel->begun[side] = false;
    if (channel->audit == NULL)
        tell_opened(feed, channel);
    if (shut != channel->shut) {
        channel->shut = shut;
        audit_connection_shut(feed->audit, channel->audit, now->time_ns);
    }
    mqtt_connection_packet(connection, &place, &bytes, NULL, packet, &feed->step);
    note_acknowledgements(channel, &place, packet, &feed->step);
    audit_connection_step(feed->audit, channel->audit, &place, packet, &feed->step);
    channel->any_packet = true;
}

/* Bytes in which no control packet begins. One search may skip several times. */
static void count_skipped(struct feed *feed, struct channel *channel, uint8_t side, uint64_t length)
{
    const bool first = channel->searches[side] != channel->streams[side].searches;
    channel->searches[side] = channel->streams[side].searches;
    if (channel->audit != NULL) {
        audit_limit(feed->audit, AUDIT_LIMIT_OUT_OF_SYNC, first, length);
        return;
    }
    channel->skips += first;
    channel->skipped += length;
}

/* Takes the control packets that a side's bytes complete. */
static void take_packets(struct feed *feed, struct channel *channel, uint8_t side,
                         const struct tcp_moment *now)
{
    struct mqtt_stream *stream = &channel->streams[side];
    struct mqtt_connection *connection = channel->connection;
    struct mqtt_pdu pdu;
    while (!channel->no_mqtt) {
        const struct mqtt_context context = {
            .version = (enum mqtt_version)connection->version,
            .sender = mqtt_connection_sender(connection, side),
        };
        switch (mqtt_stream_next(stream, &context, &pdu)) {
        case MQTT_STREAM_NEED_MORE:
            if (!channel->begun[side] && mqtt_stream_left(stream) != 0) {
                channel->begun[side] = true;
                channel->begun_time[side] = now->time_ns;
            }
            return;
        case MQTT_STREAM_SKIPPED: count_skipped(feed, channel, side, pdu.length); break;
        case MQTT_STREAM_BROKEN:
        case MQTT_STREAM_PACKET:
            channel->no_mqtt = channel->audit == NULL && !is_packet(channel, side, &pdu);
            if (!channel->no_mqtt)
                take_packet(feed, channel, side, now, &pdu);
            break;
        }
    }
}

void channel_push(struct feed *feed, struct channel *channel, uint8_t side,
                  const struct tcp_moment *now, struct slice bytes)
{
    struct mqtt_stream *stream = &channel->streams[side];
    const uint64_t searches = stream->searches;
    const bool kept = stream->state == MQTT_STREAM_SEARCHING && mqtt_stream_left(stream) != 0;
    mqtt_stream_push(stream, bytes.data, bytes.captured, bytes.reported);
    take_packets(feed, channel, side, now);
    /* Whole packets may be among what was cut off; and what the search had kept came earlier than
     * it was found: answers to it may have been seen already. */
    if (stream->searches != searches || (kept && stream->state != MQTT_STREAM_SEARCHING))
        tell_gap(channel, side, now);
}

void channel_doubt(struct channel *channel, uint8_t side, const struct tcp_moment *now)
{
    tell_gap(channel, side, now);
}

void channel_gap(struct feed *feed, struct channel *channel, uint8_t side,
                 const struct tcp_moment *now, uint64_t count)
{
    mqtt_stream_gap(&channel->streams[side], count);
    tell_gap(channel, side, now);
    take_packets(feed, channel, side, now);
    tell_gap(channel, side, now); /* a packet that ends with the gap began before it */
}

static enum mqtt_close close_of(enum tcp_end how)
{
    switch (how) {
    case TCP_END_FIN: return MQTT_CLOSE_FIN;
    case TCP_END_RST: return MQTT_CLOSE_RST;
    case TCP_END_REUSED: return MQTT_CLOSE_REUSED;
    default: return MQTT_CLOSE_CAPTURE_END;
    }
}

static void tell_transport(const struct channel *channel)
{
    for (uint8_t side = 0; side < 2; side++) {
        const struct tcp_side *of = &channel->flow->side[side];
        const struct audit_transport transport = {
            .segments = of->segments,
            .retransmitted = of->retransmitted,
            .retransmitted_bytes = of->retransmitted_bytes,
            .timeouts = of->timeouts,
            .fast_retransmissions = of->fast_retransmissions,
            .duplicate_acknowledgements = of->duplicate_acknowledgements,
            .longest_run = of->longest_run,
            .longest_run_ns = of->longest_run_ns,
            .last_run = of->last_run,
            .last_run_ns = of->last_run_ns,
            .out_of_order = of->out_of_order,
            .zero_window = of->zero_window,
            .zero_window_spans = of->zero_window_spans,
            .zero_window_ns = of->zero_window_ns,
            .longest_zero_window_ns = of->longest_zero_window_ns,
            .gaps = of->gaps,
            .gap_bytes = of->gap_bytes,
        };
        audit_connection_transport(channel->audit, side, &transport);
    }
}

void channel_abandon(struct channel *channel)
{
    for (unsigned side = 0; side < 2; side++)
        mqtt_stream_free(&channel->streams[side]);
    mqtt_connection_free(channel->connection);
    channel->connection = NULL;
}

void channel_close(struct feed *feed, struct channel *channel, const struct tcp_moment *now,
                   enum tcp_end how)
{
    enum mqtt_close close = close_of(channel->ended ? channel->how : how);
    struct mqtt_place place = {
        .time = now->time_ns,
        .frame = now->frame,
        .token = channel->flow->stream,
        .side = channel->ended_by,
    };
    const uint8_t client = channel->connection->client;
    if (channel->begun[client])
        place.began = channel->begun_time[client];
    if (channel->ended) {
        place.time = channel->when.time_ns;
        place.frame = channel->when.frame;
    } else if (close == MQTT_CLOSE_CAPTURE_END) {
        /* It was silent for as long as the capture went on. */
        place.time = feed->now.time_ns;
        place.frame = 0;
    }
    for (unsigned side = 0; side < 2; side++) {
        uint64_t left = mqtt_stream_left(&channel->streams[side]);
        if (left > 0)
            audit_limit(feed->audit, AUDIT_LIMIT_UNFINISHED_PACKET, 1, left);
        mqtt_stream_free(&channel->streams[side]);
    }
    tell_transport(channel);
    for (uint8_t side = 0; side < 2; side++)
        mqtt_connection_unread(channel->connection, side, channel->flow->side[side].unread_since);
    audit_connection_closed(feed->audit, channel->audit, channel->connection, &place, close,
                            &feed->step);
    mqtt_connection_free(channel->connection);
}
