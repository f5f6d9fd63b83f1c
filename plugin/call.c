/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the records of a frame to its control packets in the tree and the columns; see call.h. */
#include "plugin/call.h"

#include "plugin/ending.h"
#include "plugin/info.h"
#include "plugin/layers.h"
#include "plugin/payload.h"
#include "plugin/tapped.h"
#include "plugin/tree.h"

/* Room for spans: at first, and at most. A packet of 256 MB can have as many fields as bytes. */
enum { SPANS_FIRST = 64, SPANS_MAX = 1 << 18 };

/* All that a place in the bytes may have been recorded as. */
#define DRAWN                                                                                      \
    (RECORD_IN(RECORD_PACKET) | RECORD_IN(RECORD_SKIP) | RECORD_IN(RECORD_CONTINUED) |             \
     RECORD_IN(RECORD_STALE) | RECORD_IN(RECORD_WAIT) | RECORD_IN(RECORD_FRAGMENT) |               \
     RECORD_IN(RECORD_PROXY))

static const uint8_t nothing[1];

void mqttscope_call_begin(struct mqttscope_call *call, tvbuff_t *tvb, packet_info *pinfo,
                          proto_tree *tree, enum mqttscope_carrier carrier)
{
    const uint32_t captured = tvb_captured_length(tvb);

    *call = (struct mqttscope_call){
        .pinfo = pinfo,
        .tree = tree,
        .tvb = tvb,
        .frame = mqttscope_frame_get(pinfo),
        .bytes =
            {
                .data = captured != 0 ? tvb_get_ptr(tvb, 0, (int)captured) : nothing,
                .captured = captured,
                .reported = tvb_reported_length(tvb),
                .buffer = tvb_reported_length(tvb),
            },
        .carrier = carrier,
        .first_pass = !PINFO_FD_VISITED(pinfo),
        .details = mqttscope_wants_details(tree),
    };
    if (!call->first_pass)
        mqttscope_ending_look();
}

/* ---- Columns ---- */

static bool wants_columns(const struct mqttscope_call *call)
{
    return col_get_writable(call->pinfo->cinfo, COL_INFO);
}

/* What is no control packet. */
static void say(const struct mqttscope_call *call, const char *text)
{
    const struct mqttscope_summary summary = {.type = text, .details = ""};

    if (wants_columns(call))
        mqttscope_info_add(call->frame, call->pinfo, &summary, NULL);
}

/* ---- One control packet ---- */

static void make_room(struct mqtt_trace *trace, wmem_allocator_t *pool, uint32_t spans)
{
    trace->capacity = MIN(spans, SPANS_MAX);
    trace->spans = wmem_alloc_array(pool, struct mqtt_span, trace->capacity);
}

static enum mqtt_outcome decode(struct mqttscope_call *call, uint32_t offset, uint32_t length,
                                const struct mqtt_context *context, struct mqtt_packet *packet)
{
    const uint8_t *data = call->bytes.data + offset;
    const uint32_t captured = MIN(call->bytes.captured - offset, length);
    struct mqtt_trace *trace = &call->frame->trace;

    if (!call->details)
        return mqtt_decode(data, captured, length, context, packet);
    if (trace->capacity == 0)
        make_room(trace, call->pinfo->pool, SPANS_FIRST);
    const enum mqtt_outcome outcome =
        mqtt_decode_traced(data, captured, length, context, packet, trace);
    if (trace->needed <= trace->capacity || trace->capacity == SPANS_MAX)
        return outcome;
    make_room(trace, call->pinfo->pool, trace->needed);
    return mqtt_decode_traced(data, captured, length, context, packet, trace);
}

/* Without a tree, what expert items tell is still told to who listens to them. */
static bool is_drawn(const struct mqttscope_call *call, uint32_t offset,
                     const struct mqttscope_record *record)
{
    return call->tree != NULL || wants_columns(call) || record->findings != NULL ||
           record->after_gap || call->bytes.captured - offset < record->length ||
           mqttscope_payload_is_wanted(call->bytes.data[offset] >> 4);
}

static void draw_packet(struct mqttscope_call *call, uint32_t offset,
                        const struct mqttscope_record *record)
{
    const struct mqtt_context context = {(enum mqtt_version)record->version,
                                         (enum mqtt_sender)record->sender};
    struct mqttscope_summary summary;
    struct mqtt_packet packet;

    if (!is_drawn(call, offset, record))
        return;
    const struct mqttscope_drawing drawing = {
        .pinfo = call->pinfo,
        .tree = call->tree,
        .tvb = call->tvb,
        .offset = offset,
        .outcome = decode(call, offset, record->length, &context, &packet),
        .packet = &packet,
        .trace = &call->frame->trace,
        .record = record,
    };
    if (wants_columns(call)) {
        mqttscope_summarize(&summary, call->pinfo->pool, drawing.outcome, &packet, record);
        mqttscope_info_add(call->frame, call->pinfo, &summary, record->findings);
    }
    mqttscope_dissect_payload(&drawing, mqttscope_draw_packet(&drawing));
}

/* ---- Bytes that are no packet ---- */

static void draw_bytes(struct mqttscope_call *call, uint32_t offset,
                       const struct mqttscope_record *record, enum made_field field)
{
    say(call, proto_registrar_get_nth((guint)hf_made[field])->name);
    if (call->tree == NULL)
        return;
    proto_tree *tree = mqttscope_draw_bytes(call->tree, call->pinfo, call->tvb, offset,
                                            record->length, field, REMARKS);
    if (record->response_in != 0)
        proto_item_set_generated(proto_tree_add_uint(tree, hf_made[MADE_REASSEMBLED_IN], call->tvb,
                                                     0, 0, record->response_in));
}

/* A probe that keeps the TCP connection alive carries one old byte; that is nothing to talk of. */
static void draw_stale(const struct mqttscope_call *call, const struct mqttscope_record *record)
{
    if (record->length > 1)
        mqttscope_draw_bytes(call->tree, call->pinfo, call->tvb, 0, record->length, MADE_STALE,
                             REMARK_OUT_OF_ORDER);
}

static void draw_proxy(struct mqttscope_call *call, uint32_t offset,
                       const struct mqttscope_record *record)
{
    const char *summary =
        mqttscope_draw_proxy(call->tree, call->pinfo, call->tvb, offset, record->length);

    say(call, summary);
}

static void draw_record(struct mqttscope_call *call, uint32_t offset,
                        const struct mqttscope_record *record)
{
    switch (record->kind) {
    case RECORD_PACKET: draw_packet(call, offset, record); break;
    case RECORD_STALE: draw_stale(call, record); break;
    case RECORD_PROXY: draw_proxy(call, offset, record); break;
    case RECORD_SKIP: draw_bytes(call, offset, record, MADE_SKIPPED); break;
    case RECORD_CONTINUED: draw_bytes(call, offset, record, MADE_CONTINUED); break;
    default: draw_bytes(call, offset, record, MADE_FRAGMENT); break;
    }
}

/* ---- The whole ---- */

/* The offset moves before anything is drawn: drawing may not come back. */
static void draw_all(struct mqttscope_call *call)
{
    const uint32_t reported = call->bytes.reported;
    const struct mqttscope_record *record;

    while (call->offset < reported &&
           (record = mqttscope_record_take(call->frame, DRAWN, &call->bytes, call->offset)) !=
               NULL) {
        const uint32_t offset = call->offset;
        if (record->kind == RECORD_WAIT) {
            call->waits = true;
            call->needed = record->length;
            return;
        }
        call->offset += MIN(record->length, reported - offset);
        if (record->kind == RECORD_PACKET)
            mqttscope_tap_packet(call->pinfo, call->frame, &call->bytes, offset, record,
                                 call->carrier);
        if (!call->quiet)
            draw_record(call, offset, record);
    }
}

bool mqttscope_call_draw(struct mqttscope_call *call)
{
    const bool renamed = mqttscope_layers_rename_own(call->pinfo);

    TRY
    {
        draw_all(call);
    }
    CATCH_BOUNDS_AND_DISSECTOR_ERRORS
    {
        call->quiet = true;
        show_exception(call->tvb, call->pinfo, call->tree, EXCEPT_CODE, GET_MESSAGE);
    }
    ENDTRY;
    if (call->quiet)
        draw_all(call);
    if (wants_columns(call))
        mqttscope_info_write(call->frame, call->pinfo);
    if (call->first_pass)
        call->frame->at = call->frame->last;
    const bool accepted = call->waits || call->offset != 0;
    if (renamed && !accepted)
        mqttscope_layers_own_again(call->pinfo);
    return accepted;
}
