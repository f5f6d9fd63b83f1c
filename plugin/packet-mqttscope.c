/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dissector's ways in: TCP, TLS, WebSocket, and TCP on unknown ports.
 */
#include "plugin/packet-mqttscope.h"

#include "plugin/cut.h"
#include "plugin/payload.h"
#include "plugin/register.h"
#include "plugin/tree.h"
#include "plugin/websocket.h"

#define PORT_MQTT 1883
#define PORT_MQTT_TLS 8883

static dissector_handle_t tcp_handle;
static dissector_handle_t tls_handle;
static dissector_handle_t websocket_handle;
static dissector_handle_t builtin_handle;

/* ---- Sequence numbers, on the first pass ---- */

static bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static struct mqttscope_direction *direction_of(const struct mqttscope_call *call)
{
    return &call->conversation->sides[call->side];
}

/* `bytes` of this direction will never come. Inside a packet whose end is known, sync is kept. */
static void gap(struct mqttscope_call *call, uint32_t bytes)
{
    struct mqttscope_direction *direction = direction_of(call);

    mqttscope_conversation_gap(call->conversation, call->pinfo, call->side);
    direction->gap = true;
    if (bytes <= direction->known)
        direction->known -= bytes;
    else
        mqttscope_search_begin(direction);
}

/* The first data of a side: it may not be the first that the side sent. */
static void begin_direction(struct mqttscope_call *call, uint32_t sequence)
{
    const struct mqttscope_conversation *conversation = call->conversation;
    struct mqttscope_direction *direction = direction_of(call);

    direction->begun = true;
    direction->position = sequence;
    if (!conversation->connection->start_seen)
        mqttscope_search_begin(direction);
    else if (conversation->tcp != NULL)
        direction->position -= mqttscope_tcp_from_start(conversation->tcp, TCP_SENDER, sequence);
}

/* Compares what came with what was expected. False if it is old: it came out of order, or twice. */
static bool follow_sequence(struct mqttscope_call *call, uint32_t sequence)
{
    struct mqttscope_direction *direction = direction_of(call);

    if (!direction->begun)
        begin_direction(call, sequence);
    if (before(sequence, direction->position))
        return false;
    if (sequence != direction->position) {
        gap(call, sequence - direction->position);
        direction->waiting = false;
    }
    if (before(direction->seen, sequence + call->reported) || direction->seen == 0)
        direction->seen = sequence + call->reported;
    return true;
}

/* The other side has got bytes that did not come here: the capture lacks them, or they stand before
 * or behind such ones and TCP waits for those. What they may have held is not to be held against
 * anybody. */
static void follow_acknowledgement(struct mqttscope_call *call,
                                   const struct mqttscope_segment *segment)
{
    struct mqttscope_conversation *conversation = call->conversation;
    struct mqttscope_direction *other = &conversation->sides[1 - call->side];
    uint32_t missing;

    if (!segment->acknowledges || conversation->tcp == NULL)
        return;
    if (other->begun)
        missing =
            before(other->seen, segment->acknowledged) ? segment->acknowledged - other->seen : 0;
    else
        missing =
            conversation->connection->start_seen
                ? mqttscope_tcp_from_start(conversation->tcp, TCP_RECEIVER, segment->acknowledged)
                : 0;
    if (missing > 1 ||
        (missing == 1 && !mqttscope_tcp_side_ended(conversation->tcp, TCP_RECEIVER))) {
        mqttscope_conversation_gap(conversation, call->pinfo, 1 - call->side);
        other->seen = segment->acknowledged;
    }
}

/* ---- TCP and TLS ---- */

static bool hands_back(void)
{
    return mqttscope_preferences.hand_back && builtin_handle != NULL;
}

/* Asks the transport to come again when there is more. */
static void wait_for_more(const struct mqttscope_call *call, const struct mqttscope_rest *rest)
{
    call->pinfo->desegment_offset = (int)rest->offset;
    call->pinfo->desegment_len = rest->needed != 0 ? rest->needed : DESEGMENT_ONE_MORE_SEGMENT;
    if (!call->first_pass)
        return;
    direction_of(call)->waiting = true;
    direction_of(call)->known =
        rest->needed != 0 ? call->reported - rest->offset + rest->needed : 0;
}

static int dissect_buffer(struct mqttscope_call *call, const struct mqttscope_segment *segment)
{
    if (call->first_pass && direction_of(call)->waiting) {
        /* The packet begins again, with what was missing. */
        direction_of(call)->waiting = false;
        direction_of(call)->known = 0;
    }
    const struct mqttscope_rest rest = mqttscope_cut(call, 0);
    if (call->first_pass && segment != NULL)
        direction_of(call)->position = segment->sequence + rest.offset;
    if (rest.offset < call->reported)
        wait_for_more(call, &rest);
    return (int)call->captured;
}

/* A probe that keeps the TCP connection alive carries one old byte; that is nothing to talk of. */
static int dissect_stale(const struct mqttscope_call *call)
{
    if (call->reported > 1)
        mqttscope_draw_bytes(call->tree, call->pinfo, call->tvb, 0, call->reported, MADE_STALE,
                             REMARK_OUT_OF_ORDER);
    return (int)call->captured;
}

/* Decided on the first pass, remembered later. */
static bool is_stale(struct mqttscope_call *call, const struct mqttscope_segment *segment)
{
    if (!call->first_pass)
        return mqttscope_recall(call, RECORD_STALE, 0) != NULL;
    if (segment == NULL)
        return false;
    follow_acknowledgement(call, segment);
    if (follow_sequence(call, segment->sequence))
        return false;
    mqttscope_record(call, RECORD_STALE, 0);
    return true;
}

static int dissect_stream(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree,
                          const struct mqttscope_segment *segment)
{
    struct mqttscope_call call;

    if (pinfo->flags.in_error_pkt)
        return 0; /* a copy in an ICMP message: nobody sent it again */
    mqttscope_call_begin(&call, tvb, pinfo, tree);
    if (segment != NULL)
        call.place = (struct mqttscope_place){.start = segment->sequence};
    if (call.first_pass && call.conversation == NULL)
        return 0; /* no memory */
    call.can_wait = pinfo->can_desegment != 0;
    return is_stale(&call, segment) ? dissect_stale(&call) : dissect_buffer(&call, segment);
}

static int dissect_mqtt_tcp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (hands_back())
        return call_dissector_with_data(builtin_handle, tvb, pinfo, tree, data);
    struct mqttscope_segment segment;
    return dissect_stream(tvb, pinfo, tree,
                          mqttscope_tcp_segment(data, &segment) ? &segment : NULL);
}

/* TLS delivers every byte once and in order, or none. */
static int dissect_mqtt_tls(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (hands_back())
        return call_dissector_with_data(builtin_handle, tvb, pinfo, tree, data);
    return dissect_stream(tvb, pinfo, tree, NULL);
}

static int dissect_mqtt_websocket(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (hands_back())
        return call_dissector_with_data(builtin_handle, tvb, pinfo, tree, data);
    return mqttscope_dissect_websocket(tvb, pinfo, tree);
}

/* ---- TCP on any port ---- */

/* A CONNECT that some client would send: a whole one has to be well-formed, the beginning of one
 * well-formed so far, with a protocol level that is known. */
static bool is_connect(const uint8_t *data, uint32_t captured)
{
    const struct mqtt_context context = {MQTT_VERSION_UNKNOWN, MQTT_SENDER_UNKNOWN};
    uint32_t header_length;
    uint32_t length;
    struct mqtt_packet packet;

    if (mqtt_begins_connect(data, captured) != MQTT_OK ||
        mqtt_fixed_header(data, captured, &header_length, &length) != MQTT_OK)
        return false;
    return mqtt_decode(data, MIN(captured, length), length, &context, &packet) != MQTT_MALFORMED &&
           packet.flags == 0 && packet.version != MQTT_VERSION_UNKNOWN;
}

static ws_boolean dissect_mqtt_heuristic(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree,
                                         void *data)
{
    const uint32_t captured = tvb_captured_length(tvb);

    if (captured == 0 || hands_back() || !is_connect(tvb_get_ptr(tvb, 0, (int)captured), captured))
        return FALSE;
    conversation_set_dissector(find_or_create_conversation(pinfo), tcp_handle);
    dissect_mqtt_tcp(tvb, pinfo, tree, data);
    return TRUE;
}

/* ---- Registration ---- */

void proto_register_mqttscope(void)
{
    proto_mqttscope = proto_register_protocol("MQTT Audit", "MQTTScope", "mqttscope");
    mqttscope_register_fields();
    tcp_handle = register_dissector("mqttscope", dissect_mqtt_tcp, proto_mqttscope);
    tls_handle = register_dissector("mqttscope.tls", dissect_mqtt_tls, proto_mqttscope);
    websocket_handle =
        register_dissector("mqttscope.websocket", dissect_mqtt_websocket, proto_mqttscope);
    register_cleanup_routine(mqttscope_conversation_cleanup);
}

void proto_reg_handoff_mqttscope(void)
{
    builtin_handle = find_dissector("mqtt");
    mqttscope_builtin_protocol = proto_get_id_by_filter_name("mqtt");
    mqttscope_payload_handoff();
    dissector_add_uint_with_preference("tcp.port", PORT_MQTT, tcp_handle);
    ssl_dissector_add(PORT_MQTT_TLS, tls_handle);
    dissector_add_string("tls.alpn", "mqtt", tls_handle);
    dissector_add_string("ws.protocol", "mqtt", websocket_handle);
    dissector_add_string("ws.protocol", "mqttv3.1", websocket_handle);
    heur_dissector_add("tcp", dissect_mqtt_heuristic, "MQTT on any port", "mqttscope_tcp",
                       proto_mqttscope, HEURISTIC_ENABLE);
}
