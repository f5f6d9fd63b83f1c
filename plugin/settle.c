/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where control packets begin and end, and what they mean; see settle.h.
 *
 * In sync the bytes themselves tell where packets end. The search for a start is
 * mqtt/wire/stream.h's, so that the same bytes give the same packets here and outside of Wireshark.
 */
#include "plugin/settle.h"

#include "mqtt/wire/preamble.h"

bool mqttscope_settling_begin(struct mqttscope_settling *settling, packet_info *pinfo,
                              conversation_t *base, enum mqttscope_carrier carrier,
                              struct mqttscope_frame *frame, const struct mqttscope_bytes *bytes)
{
    settling->pinfo = pinfo;
    settling->frame = frame;
    settling->bytes = *bytes;
    settling->carrier = carrier;
    settling->acknowledged = UINT64_MAX;
    settling->conversation = mqttscope_conversation_get(pinfo, base, &settling->side);
    return settling->conversation != NULL && !mqttscope_is_foreign(settling->conversation, carrier);
}

static struct mqttscope_record *add_record(const struct mqttscope_settling *settling,
                                           enum mqttscope_record_kind kind, uint32_t offset,
                                           uint32_t length)
{
    struct mqttscope_record *record =
        mqttscope_record_add(settling->frame, kind, &settling->bytes, offset);

    record->length = length;
    return record;
}

/* The control packet of `length` bytes at `offset`, of which the capture may lack some. */
static void take_packet(const struct mqttscope_settling *settling, uint32_t offset, uint32_t length)
{
    const struct mqtt_bytes bytes = {settling->bytes.data + offset,
                                     MIN(settling->bytes.captured - offset, length), length};
    struct mqttscope_direction *direction = mqttscope_direction_of(settling);
    struct mqttscope_record *record = add_record(settling, RECORD_PACKET, offset, length);
    struct mqtt_place place = mqttscope_place(settling->pinfo, settling->side);

    settling->conversation->is_mqtt = true;
    place.token = (uint64_t)(uintptr_t)record;
    place.began = direction->packet_began;
    direction->packet_began = 0;
    if (settling->acknowledged != UINT64_MAX) {
        place.position = settling->position + offset + length;
        place.acknowledged = settling->acknowledged;
    }
    mqttscope_conversation_packet(settling->conversation, &place, &bytes, record);
    record->after_gap = direction->lost;
    direction->lost = false;
}

static uint32_t pass_over(const struct mqttscope_settling *settling, uint32_t offset,
                          uint32_t length, enum mqttscope_record_kind kind)
{
    add_record(settling, kind, offset, length);
    return offset + length;
}

/* ---- Out of sync ---- */

static struct mqtt_context search_context(const struct mqttscope_settling *settling)
{
    const struct mqtt_connection *connection = settling->conversation->connection;

    return (struct mqtt_context){
        (enum mqtt_version)connection->version,
        mqtt_connection_sender(connection, (uint8_t)settling->side),
    };
}

/* Gives the search what it has not seen yet: it holds the bytes at `offset` that it asked to see
 * again. Returns the offset of the first packet, or of what may yet become one. */
static uint32_t search(const struct mqttscope_settling *settling, uint32_t offset)
{
    const struct mqttscope_bytes *bytes = &settling->bytes;
    struct mqttscope_direction *direction = mqttscope_direction_of(settling);
    struct mqtt_stream *stream = &direction->search;
    const struct mqtt_context context = search_context(settling);
    const uint32_t held = (uint32_t)mqtt_stream_left(stream);
    const uint32_t from = MIN(offset + held, bytes->captured);
    enum mqtt_stream_event event;
    struct mqtt_pdu pdu;

    if (!settling->conversation->is_mqtt && settling->carrier == CARRIER_TCP &&
        mqtt_resembles_websocket(bytes->data + from, bytes->captured - from)) {
        settling->conversation->foreign |= (uint8_t)(1u << CARRIER_TCP);
        return offset;
    }
    mqtt_stream_push(stream, bytes->data + from, bytes->captured - from, bytes->reported - from);
    do {
        event = mqtt_stream_next(stream, &context, &pdu);
        if (event == MQTT_STREAM_SKIPPED)
            offset = pass_over(settling, offset, pdu.length, RECORD_SKIP);
    } while (event == MQTT_STREAM_SKIPPED && stream->state == MQTT_STREAM_SEARCHING);
    if (stream->state == MQTT_STREAM_SYNCED) {
        mqtt_stream_free(stream);
        direction->searching = false;
    }
    return offset;
}

/* Searches on, and says whether it has to wait for more. */
static bool search_and_wait(const struct mqttscope_settling *settling, struct mqttscope_rest *rest)
{
    const struct mqttscope_bytes *bytes = &settling->bytes;

    rest->offset = search(settling, rest->offset);
    if (!mqttscope_direction_of(settling)->searching || rest->offset == bytes->reported)
        return false;
    if (bytes->can_wait)
        return true;
    mqttscope_search_begin(mqttscope_direction_of(settling));
    rest->offset = pass_over(settling, rest->offset, bytes->reported - rest->offset, RECORD_SKIP);
    return false;
}

/* ---- In sync ---- */

/* A Remaining Length that does not end: its packet is these bytes, and sync is lost behind them. */
static uint32_t take_broken(const struct mqttscope_settling *settling, uint32_t offset)
{
    take_packet(settling, offset, 5);
    mqttscope_search_begin(mqttscope_direction_of(settling));
    return offset + 5;
}

/* The snap length or the end of what can be waited for cuts the packet: what is there is decoded,
 * and the rest is passed over when it comes. */
static uint32_t take_cut(const struct mqttscope_settling *settling, uint32_t offset,
                         uint32_t length)
{
    take_packet(settling, offset, length);
    mqttscope_direction_of(settling)->known = length - (settling->bytes.reported - offset);
    return settling->bytes.reported;
}

/* Not even the Remaining Length is there: whole packets may be among what was cut off. */
static uint32_t take_stump(const struct mqttscope_settling *settling, uint32_t offset)
{
    mqttscope_conversation_gap(settling->conversation, settling->pinfo, settling->side);
    mqttscope_search_begin(mqttscope_direction_of(settling));
    return pass_over(settling, offset, settling->bytes.reported - offset, RECORD_SKIP);
}

/* ---- At a connection's start ---- */

/* So many bytes of a header that the snap length cuts are enough to know it by. */
#define PROXY_KNOWN 6u

/* The header that a proxy puts in front of what the client sends. True if more of it is to come. */
static bool take_proxy_and_wait(const struct mqttscope_settling *settling,
                                struct mqttscope_rest *rest)
{
    const struct mqttscope_bytes *bytes = &settling->bytes;
    const uint32_t reported = bytes->reported - rest->offset;
    struct mqtt_proxy_header header;
    const enum mqtt_outcome outcome =
        mqtt_proxy_header(bytes->data + rest->offset, bytes->captured - rest->offset, &header);
    const bool cut = bytes->captured < bytes->reported;

    if (outcome != MQTT_MALFORMED && bytes->can_wait && !cut &&
        (outcome == MQTT_NEED_MORE || header.length > reported)) {
        rest->needed = header.length > reported ? header.length - reported : 0;
        return true;
    }
    settling->conversation->proxy_looked = true;
    if (outcome == MQTT_MALFORMED)
        return false;
    if (header.length == 0) {
        /* The snap length cuts what tells where it ends. */
        if (bytes->captured - rest->offset >= PROXY_KNOWN)
            rest->offset = take_stump(settling, rest->offset);
        return false;
    }
    const uint32_t length = MIN(header.length, reported);
    mqttscope_direction_of(settling)->known = header.length - length;
    rest->offset = pass_over(settling, rest->offset, length, RECORD_PROXY);
    return false;
}

/* Whether a PROXY header may stand here: in front of all that the client sends. */
static bool may_be_proxied(const struct mqttscope_settling *settling)
{
    const struct mqttscope_conversation *conversation = settling->conversation;

    return settling->carrier == CARRIER_TCP && !conversation->proxy_looked &&
           conversation->tcp != NULL && conversation->connection->start_seen &&
           settling->side == conversation->connection->client;
}

/* Whether these are the first bytes of a side, of a conversation that may not be ours. */
static bool is_judged(const struct mqttscope_settling *settling)
{
    return !settling->conversation->is_mqtt && settling->carrier != CARRIER_WEBSOCKET &&
           !mqttscope_direction_of(settling)->searched;
}

/* The first `length` bytes of a side are all of its first packet, or as good. */
static bool is_foreign(const struct mqttscope_settling *settling, uint32_t offset, uint32_t length)
{
    return !mqtt_may_come_first(settling->bytes.data + offset,
                                MIN(settling->bytes.captured - offset, length), length);
}

/* The same by the name of a protocol alone, whose first packet may never be there whole. */
static bool has_foreign_name(const struct mqttscope_settling *settling, uint32_t offset)
{
    enum mqtt_foreign which;

    return offset < settling->bytes.captured &&
           mqtt_begins_foreign(settling->bytes.data + offset, settling->bytes.captured - offset,
                               &which) == MQTT_OK;
}

/* The fixed header at an offset, and what it says together with what is there. */
struct header {
    enum mqtt_outcome outcome; /* mqtt_fixed_header()'s */
    uint32_t length;           /* of the packet; valid if OK */
    bool waits;                /* more is to come before anything is done */
};

/* Whether what begins there shows that none of this is MQTT. */
static bool shows_foreign(const struct mqttscope_settling *settling, uint32_t offset,
                          const struct header *header)
{
    if (!is_judged(settling))
        return false;
    if (has_foreign_name(settling, offset))
        return true;
    switch (header->outcome) {
    case MQTT_OK: return !header->waits && is_foreign(settling, offset, header->length);
    case MQTT_MALFORMED: return is_foreign(settling, offset, 5);
    default: return false;
    }
}

/* The next packet; says whether it has to wait for more of it. */
static bool cut_and_wait(const struct mqttscope_settling *settling, struct mqttscope_rest *rest)
{
    const struct mqttscope_bytes *bytes = &settling->bytes;
    const uint32_t offset = rest->offset;
    const uint32_t from = MIN(offset, bytes->captured);
    const uint32_t captured = bytes->captured - from;
    const uint32_t reported = bytes->reported - offset;
    uint32_t header_length;
    struct header header = {0};

    header.outcome =
        mqtt_fixed_header(bytes->data + from, captured, &header_length, &header.length);
    header.waits = bytes->can_wait && captured == reported &&
                   (header.outcome == MQTT_NEED_MORE ||
                    (header.outcome == MQTT_OK && header.length > reported));
    if (shows_foreign(settling, from, &header)) {
        settling->conversation->foreign |= (uint8_t)(1u << settling->carrier);
    } else if (header.waits) {
        rest->needed = header.outcome == MQTT_OK ? header.length - reported : 0;
    } else if (header.outcome == MQTT_MALFORMED) {
        rest->offset = take_broken(settling, offset);
    } else if (header.outcome == MQTT_OK && header.length <= reported) {
        take_packet(settling, offset, header.length);
        rest->offset = offset + header.length;
    } else {
        rest->offset = header.outcome == MQTT_OK ? take_cut(settling, offset, header.length)
                                                 : take_stump(settling, offset);
    }
    return header.waits;
}

/* Bytes that belong to a packet which was drawn earlier, as far as it was there. */
static void continue_packet(const struct mqttscope_settling *settling, struct mqttscope_rest *rest)
{
    struct mqttscope_direction *direction = mqttscope_direction_of(settling);
    const uint32_t length = MIN(direction->known, settling->bytes.reported - rest->offset);

    direction->known -= length;
    rest->offset = pass_over(settling, rest->offset, length, RECORD_CONTINUED);
}

struct mqttscope_rest mqttscope_settle(const struct mqttscope_settling *settling)
{
    const struct mqttscope_direction *direction = mqttscope_direction_of(settling);
    struct mqttscope_rest rest = {0};
    bool wait = false;

    while (!wait && !mqttscope_is_foreign(settling->conversation, settling->carrier) &&
           rest.offset < settling->bytes.reported) {
        if (direction->known != 0)
            continue_packet(settling, &rest);
        else if (!direction->searching && is_judged(settling) && may_be_proxied(settling))
            wait = take_proxy_and_wait(settling, &rest);
        else if (direction->searching)
            wait = search_and_wait(settling, &rest);
        else
            wait = cut_and_wait(settling, &rest);
    }
    return rest;
}
