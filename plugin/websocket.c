/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MQTT inside WebSocket frames; see websocket.h.
 *
 * The WebSocket dissector hands over one frame's payload and can't be asked for more. So the first
 * pass holds what a frame leaves over, joins it with what follows once a whole packet is there, and
 * keeps the joined bytes for later passes.
 */
#include "plugin/websocket.h"

#include "plugin/call.h"
#include "plugin/settle.h"

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
static void hold(const struct mqttscope_settling *settling, uint32_t offset)
{
    const struct mqttscope_bytes *bytes = &settling->bytes;
    struct mqttscope_direction *direction = mqttscope_direction_of(settling);

    if (direction->held == NULL)
        direction->held = g_byte_array_new();
    if (direction->packet_began == 0)
        direction->packet_began = mqttscope_place(settling->pinfo, settling->side).time;
    g_byte_array_append(direction->held, bytes->data + offset, bytes->captured - offset);
}

/* The bytes from `offset` on belong to a packet that a later frame completes. */
static void add_fragment(const struct mqttscope_settling *settling, uint32_t offset)
{
    struct mqttscope_direction *direction = mqttscope_direction_of(settling);
    struct mqttscope_record *record =
        mqttscope_record_add(settling->frame, RECORD_FRAGMENT, &settling->bytes, offset);

    record->length = settling->bytes.reported - offset;
    record->earlier = direction->fragments;
    direction->fragments = record;
}

static void complete_fragments(const struct mqttscope_settling *settling)
{
    struct mqttscope_direction *direction = mqttscope_direction_of(settling);
    struct mqttscope_record *record = direction->fragments;

    while (record != NULL) {
        struct mqttscope_record *earlier = record->earlier;
        record->response_in = settling->pinfo->num;
        record->earlier = NULL;
        record = earlier;
    }
    direction->fragments = NULL;
}

/* Joins what was held with this frame, if together they are a whole packet: goes on with that.
 * False if they aren't. */
static bool join(struct mqttscope_settling *settling)
{
    GByteArray *held = mqttscope_direction_of(settling)->held;

    hold(settling, 0);
    if (!is_enough(held)) {
        add_fragment(settling, 0);
        return false;
    }
    struct mqttscope_record *record =
        mqttscope_record_add(settling->frame, RECORD_JOINED, &settling->bytes, 0);
    record->length = held->len;
    record->joined = wmem_memdup(wmem_file_scope(), held->data, held->len);
    g_byte_array_set_size(held, 0);
    complete_fragments(settling);
    mqttscope_bytes_joined(&settling->bytes, record);
    return true;
}

/* The snap length cut the frame: what is held can't be joined with what comes behind the hole. */
static void lose_rest(const struct mqttscope_settling *settling)
{
    struct mqttscope_direction *direction = mqttscope_direction_of(settling);

    mqttscope_conversation_gap(settling->conversation, settling->pinfo, settling->side);
    mqttscope_search_begin(direction);
    direction->fragments = NULL;
    if (direction->held != NULL)
        g_byte_array_set_size(direction->held, 0);
}

static void settle(struct mqttscope_settling *settling)
{
    const GByteArray *held = mqttscope_direction_of(settling)->held;

    if (!settling->bytes.can_wait)
        lose_rest(settling);
    if (held != NULL && held->len != 0 && !join(settling))
        return;
    const struct mqttscope_rest rest = mqttscope_settle(settling);
    if (rest.offset == settling->bytes.reported)
        return;
    hold(settling, rest.offset);
    add_fragment(settling, rest.offset);
}

/* Draws the joined bytes in place of the frame's own, which end them. */
static void draw_joined(struct mqttscope_call *call, const struct mqttscope_record *record)
{
    tvbuff_t *tvb =
        tvb_new_child_real_data(call->tvb, record->joined, record->length, (int)record->length);

    add_new_data_source(call->pinfo, tvb, "Joined WebSocket frames");
    call->tvb = tvb;
    mqttscope_bytes_joined(&call->bytes, record);
}

int mqttscope_dissect_websocket(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree)
{
    struct mqttscope_settling settling;
    struct mqttscope_call call;

    mqttscope_call_begin(&call, tvb, pinfo, tree, CARRIER_WEBSOCKET);
    call.bytes.can_wait = call.bytes.captured == call.bytes.reported;
    if (call.first_pass) {
        if (!mqttscope_settling_begin(&settling, pinfo, find_or_create_conversation(pinfo),
                                      CARRIER_WEBSOCKET, call.frame, &call.bytes))
            return 0;
        settle(&settling);
    }
    const struct mqttscope_record *joined =
        mqttscope_record_take(call.frame, RECORD_IN(RECORD_JOINED), &call.bytes, 0);
    if (joined != NULL)
        draw_joined(&call, joined);
    return mqttscope_call_draw(&call) ? (int)tvb_captured_length(tvb) : 0;
}
