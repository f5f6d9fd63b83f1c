/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where control packets begin and end in what the transport hands over; see cut.h.
 *
 * In sync the bytes themselves tell, on every pass. What they don't tell (where a search found a
 * start, what belongs to a packet cut by the snap length) is decided on the first pass and read
 * from its records later. The search is mqtt/wire/stream.h's, so that the same bytes give the same
 * packets here and outside of Wireshark.
 */
#include "plugin/cut.h"

#include "plugin/payload.h"
#include "plugin/summary.h"
#include "plugin/tree.h"

#define FIRST_SPANS 64

void mqttscope_call_begin(struct mqttscope_call *call, tvbuff_t *tvb, packet_info *pinfo,
                          proto_tree *tree)
{
    *call = (struct mqttscope_call){
        .pinfo = pinfo,
        .tree = tree,
        .tvb = tvb,
        .captured = tvb_captured_length(tvb),
        .reported = tvb_reported_length(tvb),
        .frame = mqttscope_frame_get(pinfo),
        .first_pass = !PINFO_FD_VISITED(pinfo),
        .details = mqttscope_wants_details(tree),
    };
    call->data = call->captured != 0 ? tvb_get_ptr(tvb, 0, (int)call->captured) : NULL;
    call->place.buffer = call->reported;
    if (call->first_pass)
        call->conversation = mqttscope_conversation_get(pinfo, &call->side);
}

struct mqttscope_record *mqttscope_record(struct mqttscope_call *call,
                                          enum mqttscope_record_kind kind, uint32_t offset)
{
    return mqttscope_record_add(call->frame, kind, call->place.buffer, call->place.start + offset);
}

struct mqttscope_record *mqttscope_recall(struct mqttscope_call *call,
                                          enum mqttscope_record_kind kind, uint32_t offset)
{
    return mqttscope_record_take(call->frame, kind, call->place.buffer, call->place.start + offset);
}

static struct mqttscope_direction *direction_of(const struct mqttscope_call *call)
{
    return &call->conversation->sides[call->side];
}

/* ---- One control packet ---- */

static enum mqtt_outcome decode(const struct mqttscope_call *call, uint32_t offset, uint32_t length,
                                const struct mqtt_context *context, struct mqtt_packet *packet)
{
    const uint8_t *data = call->data + offset;
    const uint32_t captured = MIN(call->captured - offset, length);
    struct mqtt_trace *trace = &call->frame->trace;

    if (!call->details)
        return mqtt_decode(data, captured, length, context, packet);
    if (trace->capacity == 0) {
        trace->capacity = FIRST_SPANS;
        trace->spans = wmem_alloc_array(call->pinfo->pool, struct mqtt_span, trace->capacity);
    }
    const enum mqtt_outcome outcome =
        mqtt_decode_traced(data, captured, length, context, packet, trace);
    if (trace->needed <= trace->capacity)
        return outcome;
    trace->capacity = trace->needed;
    trace->spans = wmem_alloc_array(call->pinfo->pool, struct mqtt_span, trace->capacity);
    return mqtt_decode_traced(data, captured, length, context, packet, trace);
}

static void write_columns(struct mqttscope_call *call, enum mqtt_outcome outcome,
                          const struct mqtt_packet *packet, const struct mqttscope_record *record)
{
    column_info *columns = call->pinfo->cinfo;

    if (!col_get_writable(columns, COL_INFO))
        return;
    mqttscope_say(call, mqttscope_summary(call->pinfo->pool, outcome, packet, record));
}

void mqttscope_say(struct mqttscope_call *call, const char *text)
{
    column_info *columns = call->pinfo->cinfo;

    if (!call->frame->info_begun)
        col_set_str(columns, COL_PROTOCOL, "MQTT");
    /* Clears what other layers said since; a fence keeps what we said. */
    col_clear(columns, COL_INFO);
    if (call->frame->info_begun)
        col_append_str(columns, COL_INFO, " | ");
    call->frame->info_begun = true;
    col_append_str(columns, COL_INFO, text);
    col_set_fence(columns, COL_INFO);
}

static void draw(struct mqttscope_call *call, uint32_t offset, enum mqtt_outcome outcome,
                 const struct mqtt_packet *packet, const struct mqttscope_record *record)
{
    const struct mqttscope_drawing drawing = {
        .pinfo = call->pinfo,
        .tree = call->tree,
        .tvb = call->tvb,
        .offset = offset,
        .outcome = outcome,
        .packet = packet,
        .trace = &call->frame->trace,
        .record = record,
    };

    write_columns(call, outcome, packet, record);
    mqttscope_draw_packet(&drawing);
    mqttscope_dissect_payload(&drawing);
}

static const struct mqttscope_record *first_sight(struct mqttscope_call *call, uint32_t offset,
                                                  uint32_t length, struct mqtt_packet *packet,
                                                  enum mqtt_outcome *outcome)
{
    const struct mqtt_bytes bytes = {call->data + offset, MIN(call->captured - offset, length),
                                     length};
    struct mqttscope_record *record = mqttscope_record(call, RECORD_PACKET, offset);

    *outcome = mqttscope_conversation_packet(call->conversation, call->pinfo, call->side, &bytes,
                                             packet, record);
    if (call->details) {
        const struct mqtt_context context = {(enum mqtt_version)record->version,
                                             (enum mqtt_sender)record->sender};
        *outcome = decode(call, offset, length, &context, packet);
    }
    record->gap = direction_of(call)->gap;
    direction_of(call)->gap = false;
    return record;
}

/* The control packet of `length` bytes at `offset`, of which the capture may lack some. */
static void take_packet(struct mqttscope_call *call, uint32_t offset, uint32_t length)
{
    const struct mqttscope_record *record;
    struct mqtt_packet packet;
    enum mqtt_outcome outcome;

    if (call->first_pass) {
        record = first_sight(call, offset, length, &packet, &outcome);
    } else {
        record = mqttscope_recall(call, RECORD_PACKET, offset);
        const struct mqtt_context context = {
            record != NULL ? (enum mqtt_version)record->version : MQTT_VERSION_UNKNOWN,
            record != NULL ? (enum mqtt_sender)record->sender : MQTT_SENDER_UNKNOWN,
        };
        outcome = decode(call, offset, length, &context, &packet);
    }
    draw(call, offset, outcome, &packet, record);
}

/* ---- Bytes that are no packet ---- */

static void draw_record(struct mqttscope_call *call, uint32_t offset,
                        const struct mqttscope_record *record)
{
    const enum made_field field = record->kind == RECORD_SKIP ? MADE_SKIPPED : MADE_CONTINUED;

    mqttscope_say(call, proto_registrar_get_nth((guint)hf_made[field])->name);
    if (call->tree != NULL)
        mqttscope_draw_bytes(call->tree, call->pinfo, call->tvb, offset, record->length, field,
                             REMARKS);
}

static uint32_t pass_over(struct mqttscope_call *call, uint32_t offset, uint32_t length,
                          enum mqttscope_record_kind kind)
{
    struct mqttscope_record *record = mqttscope_record(call, kind, offset);

    record->length = length;
    draw_record(call, offset, record);
    return offset + length;
}

/* ---- Out of sync, on the first pass ---- */

static struct mqtt_context search_context(const struct mqttscope_call *call)
{
    const struct mqtt_connection *connection = call->conversation->connection;

    return (struct mqtt_context){
        (enum mqtt_version)connection->version,
        mqtt_connection_sender(connection, (uint8_t)call->side),
    };
}

/* Gives the search what it has not seen yet: it holds the bytes at `offset` that it asked to see
 * again. Returns the offset of the first packet, or of what may yet become one. */
static uint32_t search(struct mqttscope_call *call, uint32_t offset)
{
    struct mqttscope_direction *direction = direction_of(call);
    struct mqtt_stream *stream = &direction->search;
    const struct mqtt_context context = search_context(call);
    const uint32_t held = (uint32_t)mqtt_stream_left(stream);
    const uint32_t from = MIN(offset + held, call->captured);
    enum mqtt_stream_event event;
    struct mqtt_pdu pdu;

    mqtt_stream_push(stream, call->data + from, call->captured - from, call->reported - from);
    do {
        event = mqtt_stream_next(stream, &context, &pdu);
        if (event == MQTT_STREAM_SKIPPED)
            offset = pass_over(call, offset, pdu.length, RECORD_SKIP);
    } while (event == MQTT_STREAM_SKIPPED && stream->state == MQTT_STREAM_SEARCHING);
    if (stream->state == MQTT_STREAM_SYNCED) {
        mqtt_stream_free(stream);
        direction->searching = false;
    }
    return offset;
}

/* ---- In sync ---- */

/* A Remaining Length that does not end: its packet is these bytes, and sync is lost behind them. */
static uint32_t take_broken(struct mqttscope_call *call, uint32_t offset)
{
    take_packet(call, offset, 5);
    if (call->first_pass)
        mqttscope_search_begin(direction_of(call));
    return offset + 5;
}

/* The snap length or the end of what can be waited for cuts the packet: what is there is decoded,
 * and the rest is passed over when it comes. */
static uint32_t take_cut(struct mqttscope_call *call, uint32_t offset, uint32_t length)
{
    take_packet(call, offset, length);
    if (call->first_pass)
        direction_of(call)->known = length - (call->reported - offset);
    return call->reported;
}

/* Not even the Remaining Length is there. */
static uint32_t take_stump(struct mqttscope_call *call, uint32_t offset)
{
    if (!call->first_pass)
        return call->reported;
    /* Whole packets may be among what was cut off. */
    mqttscope_conversation_gap(call->conversation, call->pinfo, call->side);
    mqttscope_search_begin(direction_of(call));
    return pass_over(call, offset, call->reported - offset, RECORD_SKIP);
}

/* One step of cutting in sync: returns the next offset, or `offset` with rest->needed set if it has
 * to wait. */
static bool cut_one(struct mqttscope_call *call, struct mqttscope_rest *rest)
{
    const uint32_t offset = rest->offset;
    const uint32_t captured = call->captured > offset ? call->captured - offset : 0;
    const uint32_t reported = call->reported - offset;
    uint32_t header_length;
    uint32_t length = 0;
    const enum mqtt_outcome outcome =
        mqtt_fixed_header(call->data + offset, captured, &header_length, &length);

    if (outcome == MQTT_MALFORMED) {
        rest->offset = take_broken(call, offset);
    } else if (outcome == MQTT_OK && length <= reported) {
        take_packet(call, offset, length);
        rest->offset = offset + length;
    } else if (call->can_wait && captured == reported) {
        rest->needed = outcome == MQTT_OK ? length - reported : 0;
        return false;
    } else {
        rest->offset =
            outcome == MQTT_OK ? take_cut(call, offset, length) : take_stump(call, offset);
    }
    return true;
}

/* What the first pass decided at this place, if the bytes alone don't tell. */
static bool recall(struct mqttscope_call *call, struct mqttscope_rest *rest, bool *wait)
{
    static const enum mqttscope_record_kind kinds[] = {RECORD_SKIP, RECORD_CONTINUED, RECORD_WAIT};
    const struct mqttscope_record *record = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds) && record == NULL; i++)
        record = mqttscope_recall(call, kinds[i], rest->offset);
    *wait = record != NULL && record->kind == RECORD_WAIT;
    if (record != NULL && !*wait) {
        draw_record(call, rest->offset, record);
        rest->offset += record->length;
    }
    return record != NULL;
}

/* The first pass's decision, where the bytes alone don't tell. */
static bool decide(struct mqttscope_call *call, struct mqttscope_rest *rest, bool *wait)
{
    struct mqttscope_direction *direction = direction_of(call);
    const uint32_t left = call->reported - rest->offset;

    *wait = false;
    if (direction->known != 0) {
        const uint32_t length = MIN(direction->known, left);
        direction->known -= length;
        rest->offset = pass_over(call, rest->offset, length, RECORD_CONTINUED);
        return true;
    }
    if (!direction->searching)
        return false;
    rest->offset = search(call, rest->offset);
    if (!direction->searching || rest->offset == call->reported)
        return true;
    *wait = call->can_wait;
    if (*wait) {
        mqttscope_record(call, RECORD_WAIT, rest->offset);
    } else {
        mqttscope_search_begin(direction);
        rest->offset = pass_over(call, rest->offset, call->reported - rest->offset, RECORD_SKIP);
    }
    return true;
}

struct mqttscope_rest mqttscope_cut(struct mqttscope_call *call, uint32_t offset)
{
    struct mqttscope_rest rest = {.offset = offset};

    while (rest.offset < call->reported) {
        bool wait;
        const bool settled =
            call->first_pass ? decide(call, &rest, &wait) : recall(call, &rest, &wait);
        if (wait || (!settled && !cut_one(call, &rest)))
            break;
    }
    return rest;
}
