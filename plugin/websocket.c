/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MQTT inside WebSocket frames; see websocket.h.
 *
 * The WebSocket dissector hands over one frame's payload and can't be asked for more. So the first
 * pass holds what a frame leaves over, joins it with what follows once a whole packet is there, and
 * keeps the joined bytes for later passes.
 */
#include "plugin/websocket.h"

#include "plugin/cut.h"
#include "plugin/tree.h"

static void draw_fragment(struct mqttscope_call *call, uint32_t offset,
                          const struct mqttscope_record *record)
{
    mqttscope_say(call, proto_registrar_get_nth((guint)hf_made[MADE_FRAGMENT])->name);
    if (call->tree == NULL)
        return;
    proto_tree *tree = mqttscope_draw_bytes(call->tree, call->pinfo, call->tvb, offset,
                                            record->length, MADE_FRAGMENT, REMARKS);
    if (record->response_in == 0)
        return;
    proto_item_set_generated(proto_tree_add_uint(tree, hf_made[MADE_REASSEMBLED_IN], call->tvb, 0,
                                                 0, record->response_in));
}

/* Whether the held bytes are at least one whole packet, or can't become one. */
static bool is_enough(const GByteArray *held)
{
    uint32_t header_length;
    uint32_t length;

    switch (mqtt_fixed_header(held->data, held->len, &header_length, &length)) {
    case MQTT_OK: return held->len >= length;
    case MQTT_NEED_MORE: return false;
    default: return true;
    }
}

/* Keeps what was left over. */
static void hold(struct mqttscope_call *call, uint32_t offset)
{
    struct mqttscope_direction *direction = &call->conversation->sides[call->side];

    if (direction->held == NULL)
        direction->held = g_byte_array_new();
    g_byte_array_append(direction->held, call->data + offset, call->captured - offset);
}

/* The bytes from `offset` on belong to a packet that a later frame completes. */
static void add_fragment(struct mqttscope_call *call, uint32_t offset)
{
    struct mqttscope_direction *direction = &call->conversation->sides[call->side];
    struct mqttscope_record *record = mqttscope_record(call, RECORD_FRAGMENT, offset);

    record->length = call->reported - offset;
    record->earlier = direction->fragments;
    direction->fragments = record;
    draw_fragment(call, offset, record);
}

static bool recall_fragment(struct mqttscope_call *call, uint32_t offset)
{
    const struct mqttscope_record *record = mqttscope_recall(call, RECORD_FRAGMENT, offset);

    if (record == NULL)
        return false;
    draw_fragment(call, offset, record);
    return true;
}

static void complete_fragments(struct mqttscope_call *call)
{
    struct mqttscope_direction *direction = &call->conversation->sides[call->side];
    struct mqttscope_record *record = direction->fragments;

    while (record != NULL) {
        struct mqttscope_record *earlier = record->earlier;
        record->response_in = call->pinfo->num;
        record->earlier = NULL;
        record = earlier;
    }
    direction->fragments = NULL;
}

/* Decodes `joined` in place of the frame's own bytes, which end it. */
static void dissect_joined(struct mqttscope_call *call, const struct mqttscope_record *record)
{
    tvbuff_t *tvb =
        tvb_new_child_real_data(call->tvb, record->joined, record->length, (int)record->length);

    add_new_data_source(call->pinfo, tvb, "Joined WebSocket frames");
    call->tvb = tvb;
    call->data = record->joined;
    call->captured = call->reported = call->place.buffer = record->length;
}

/* First pass: what was held, and this frame, if together they are a whole packet. False if they
 * aren't. */
static bool join(struct mqttscope_call *call)
{
    struct mqttscope_direction *direction = &call->conversation->sides[call->side];
    GByteArray *held = direction->held;

    hold(call, 0);
    if (!is_enough(held)) {
        add_fragment(call, 0);
        return false;
    }
    struct mqttscope_record *record = mqttscope_record(call, RECORD_JOINED, 0);
    record->length = held->len;
    record->joined = wmem_memdup(wmem_file_scope(), held->data, held->len);
    g_byte_array_set_size(held, 0);
    complete_fragments(call);
    dissect_joined(call, record);
    return true;
}

/* The snap length cut the frame: what is held can't be joined with what comes behind the hole. */
static void lose_rest(struct mqttscope_call *call)
{
    struct mqttscope_direction *direction = &call->conversation->sides[call->side];

    mqttscope_conversation_gap(call->conversation, call->pinfo, call->side);
    mqttscope_search_begin(direction);
    direction->fragments = NULL;
    if (direction->held != NULL)
        g_byte_array_set_size(direction->held, 0);
}

static void first_pass(struct mqttscope_call *call)
{
    const GByteArray *held = call->conversation->sides[call->side].held;

    if (!call->can_wait)
        lose_rest(call);
    if (held != NULL && held->len != 0 && !join(call))
        return;
    const struct mqttscope_rest rest = mqttscope_cut(call, 0);
    if (rest.offset == call->reported)
        return;
    hold(call, rest.offset);
    add_fragment(call, rest.offset);
}

static void later_pass(struct mqttscope_call *call)
{
    const struct mqttscope_record *joined = mqttscope_recall(call, RECORD_JOINED, 0);

    if (joined != NULL)
        dissect_joined(call, joined);
    if (recall_fragment(call, 0))
        return;
    const struct mqttscope_rest rest = mqttscope_cut(call, 0);
    if (rest.offset != call->reported)
        recall_fragment(call, rest.offset);
}

int mqttscope_dissect_websocket(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree)
{
    struct mqttscope_call call;

    mqttscope_call_begin(&call, tvb, pinfo, tree);
    call.can_wait = call.captured == call.reported;
    if (!call.first_pass)
        later_pass(&call);
    else if (call.conversation != NULL)
        first_pass(&call);
    return (int)tvb_captured_length(tvb);
}
