/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dissector's ways in: TCP, TLS, WebSocket, and TCP on unknown ports.
 */
#include "plugin/packet-mqttscope.h"

#include "mqtt/wire/preamble.h"
#include "plugin/builtin.h"
#include "plugin/call.h"
#include "plugin/ending.h"
#include "plugin/payload.h"
#include "plugin/ports.h"
#include "plugin/preferences.h"
#include "plugin/register.h"
#include "plugin/settle.h"
#include "plugin/tapped.h"
#include "plugin/tools/report.h"
#include "plugin/tools/tools.h"
#include "plugin/websocket.h"

static dissector_handle_t tcp_handle;
static dissector_handle_t tls_handle;
static dissector_handle_t websocket_handle;
static dissector_handle_t builtin_handle;

/* ---- Sequence numbers, on the first pass ---- */

static bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* `bytes` of this direction will never come. Inside a packet whose end is known, sync is kept. */
static void lose(const struct mqttscope_settling *settling, uint32_t bytes)
{
    struct mqttscope_direction *direction = mqttscope_direction_of(settling);

    mqttscope_conversation_gap(settling->conversation, settling->pinfo, settling->side);
    direction->lost = true;
    if (bytes <= direction->known)
        direction->known -= bytes;
    else
        mqttscope_search_begin(direction);
}

/* The first data of a side: it may not be the first that the side sent. */
static void begin_direction(const struct mqttscope_settling *settling, uint32_t sequence)
{
    const struct mqttscope_conversation *conversation = settling->conversation;
    struct mqttscope_direction *direction = mqttscope_direction_of(settling);

    const bool answers = conversation->tcp != NULL &&
                         mqttscope_tcp_server_port(conversation->tcp) == settling->pinfo->srcport;

    direction->begun = true;
    direction->position = sequence;
    if (!conversation->connection->start_seen)
        mqttscope_search_begin(direction);
    else if (answers && !mqttscope_tcp_answer_seen(conversation->tcp))
        lose(settling, UINT32_MAX); /* it may be any byte of its direction */
    else if (conversation->tcp != NULL)
        direction->position -= mqttscope_tcp_from_start(conversation->tcp, TCP_SENDER, sequence);
}

/* Compares what came with what was expected. False if it is old: it came out of order, or twice. */
static bool follow_sequence(const struct mqttscope_settling *settling, uint32_t sequence)
{
    const uint32_t end = sequence + settling->bytes.reported;
    struct mqttscope_direction *direction = mqttscope_direction_of(settling);

    if (!direction->begun)
        begin_direction(settling, sequence);
    if (before(sequence, direction->position))
        return false;
    if (sequence != direction->position) {
        lose(settling, sequence - direction->position);
        direction->waiting = false;
    }
    if (before(direction->seen, end) || direction->seen == 0)
        direction->seen = end;
    return true;
}

/* The other side has got bytes that did not come here: the capture lacks them, or they stand before
 * or behind such ones and TCP waits for those. What they may have held is not to be held against
 * anybody. */
static void follow_acknowledgement(const struct mqttscope_settling *settling,
                                   const struct mqttscope_segment *segment)
{
    struct mqttscope_conversation *conversation = settling->conversation;
    struct mqttscope_direction *other = &conversation->sides[1 - settling->side];
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
        mqttscope_conversation_gap(conversation, settling->pinfo, 1 - settling->side);
        other->seen = segment->acknowledged;
        other->outrun = true;
        other->outrun_to = segment->acknowledged;
    }
}

/* First pass: what waits for more is asked for by the drawing, as on every pass. */
static void settle_rest(struct mqttscope_settling *settling, const struct mqttscope_rest *rest)
{
    struct mqttscope_direction *direction = mqttscope_direction_of(settling);
    const uint32_t left = settling->bytes.reported - rest->offset;

    direction->waiting = left != 0;
    if (!direction->waiting) {
        direction->packet_began = 0;
        return;
    }
    if (direction->packet_began == 0)
        direction->packet_began = mqttscope_place(settling->pinfo, settling->side).time;
    direction->known = rest->needed != 0 ? left + rest->needed : 0;
    mqttscope_record_add(settling->frame, RECORD_WAIT, &settling->bytes, rest->offset)->length =
        rest->needed;
}

static void settle_stream(struct mqttscope_settling *settling,
                          const struct mqttscope_segment *segment)
{
    struct mqttscope_direction *direction = mqttscope_direction_of(settling);

    if (direction->waiting)
        direction->known = 0; /* the packet begins again, with what was missing */
    const struct mqttscope_rest rest = mqttscope_settle(settling);
    if (mqttscope_is_foreign(settling->conversation, settling->carrier)) {
        direction->waiting = false;
        direction->known = 0;
        direction->packet_began = 0;
        return;
    }
    if (segment != NULL)
        direction->position = segment->sequence + rest.offset;
    settle_rest(settling, &rest);
}

/* What these bytes are among those of their direction, and what their sender had got by then. */
static void measure(struct mqttscope_settling *settling, const struct mqttscope_segment *segment)
{
    const struct tcp_analysis *tcp = settling->conversation->tcp;

    if (tcp == NULL || !segment->acknowledges || !mqttscope_tcp_start_seen(tcp))
        return;
    settling->position = mqttscope_tcp_from_start(tcp, TCP_SENDER, segment->sequence);
    settling->acknowledged = mqttscope_tcp_from_start(tcp, TCP_RECEIVER, segment->acknowledged);
}

/* Bytes that were acknowledged before they came may have been answered already. */
static void doubt_outrun(const struct mqttscope_settling *settling,
                         const struct mqttscope_segment *segment)
{
    struct mqttscope_direction *direction = mqttscope_direction_of(settling);

    if (!direction->outrun)
        return;
    if (before(segment->sequence, direction->outrun_to))
        mqttscope_conversation_gap(settling->conversation, settling->pinfo, settling->side);
    direction->outrun = before(segment->sequence + settling->bytes.reported, direction->outrun_to);
}

/* The first pass. False if there is no memory, or nothing of this is MQTT. */
static bool settle(const struct mqttscope_call *call, conversation_t *base,
                   enum mqttscope_carrier carrier, const struct mqttscope_segment *segment)
{
    struct mqttscope_settling settling;

    if (!mqttscope_settling_begin(&settling, call->pinfo, base, carrier, call->frame, &call->bytes))
        return false;
    if (segment != NULL) {
        measure(&settling, segment);
        follow_acknowledgement(&settling, segment);
        if (!follow_sequence(&settling, segment->sequence)) {
            mqttscope_record_add(call->frame, RECORD_STALE, &call->bytes, 0)->length =
                call->bytes.reported;
            return true;
        }
    }
    settle_stream(&settling, segment);
    if (segment != NULL)
        doubt_outrun(&settling, segment);
    return !mqttscope_is_foreign(settling.conversation, carrier);
}

/* ---- TCP and TLS ---- */

/* Whoever disables MQTT means all of it: the line of a control packet offers that. */
static bool is_disabled(void)
{
    return mqttscope_builtin_protocol > 0 &&
           !proto_is_protocol_enabled(find_protocol_by_id(mqttscope_builtin_protocol));
}

static bool hands_back(void)
{
    return mqttscope_preferences.hand_back && builtin_handle != NULL;
}

/* A copy in an ICMP message: nobody sent it again. */
static bool is_copy(const packet_info *pinfo)
{
    return pinfo->flags.in_error_pkt;
}

static bool is_ours(const packet_info *pinfo)
{
    return !is_disabled() && !hands_back() && !is_copy(pinfo);
}

static int dissect_stream(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, conversation_t *base,
                          enum mqttscope_carrier carrier, const struct mqttscope_segment *segment)
{
    struct mqttscope_call call;

    mqttscope_call_begin(&call, tvb, pinfo, tree, carrier);
    if (segment != NULL) {
        call.bytes.buffer = 0;
        call.bytes.start = segment->sequence;
    }
    call.bytes.can_wait = pinfo->can_desegment != 0;
    const struct mqttscope_conversation *known = mqttscope_conversation_known(base);
    if (call.first_pass ? !settle(&call, base, carrier, segment)
                        : known == NULL || mqttscope_is_foreign(known, carrier))
        return 0;
    if (!mqttscope_call_draw(&call))
        return 0;
    if (call.waits) {
        pinfo->desegment_offset = (int)call.offset;
        pinfo->desegment_len = call.needed != 0 ? call.needed : DESEGMENT_ONE_MORE_SEGMENT;
    }
    return (int)call.bytes.captured;
}

static int dissect_mqtt_tcp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (hands_back())
        return call_dissector_with_data(builtin_handle, tvb, pinfo, tree, data);
    if (!is_ours(pinfo))
        return 0;
    conversation_t *base = find_or_create_conversation(pinfo);
    struct mqttscope_segment segment;
    const bool is_segment =
        mqttscope_tcp_segment(mqttscope_tcp_connection(pinfo, base), data, &segment);
    return dissect_stream(tvb, pinfo, tree, base, CARRIER_TCP, is_segment ? &segment : NULL);
}

/* TLS delivers every byte once and in order, or none. */
static int dissect_mqtt_tls(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (hands_back())
        return call_dissector_with_data(builtin_handle, tvb, pinfo, tree, data);
    if (!is_ours(pinfo))
        return 0;
    return dissect_stream(tvb, pinfo, tree, find_or_create_conversation(pinfo), CARRIER_TLS, NULL);
}

static int dissect_mqtt_websocket(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (hands_back())
        return call_dissector_with_data(builtin_handle, tvb, pinfo, tree, data);
    return is_ours(pinfo) ? mqttscope_dissect_websocket(tvb, pinfo, tree) : 0;
}

static bool begins_connect(tvbuff_t *tvb)
{
    const uint32_t captured = tvb_captured_length(tvb);

    return captured != 0 &&
           mqtt_begins_connect(tvb_get_ptr(tvb, 0, (int)captured), captured) == MQTT_OK;
}

/* A WebSocket without a sub-protocol that Wireshark knows: a CONNECT shows that it is MQTT. */
static ws_boolean dissect_websocket_heuristic(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree,
                                              void *data)
{
    (void)data;
    if (!mqttscope_looks_everywhere() || !is_ours(pinfo))
        return FALSE;
    const struct mqttscope_conversation *known =
        mqttscope_conversation_known(find_or_create_conversation(pinfo));
    if ((known == NULL || !known->is_mqtt) && !begins_connect(tvb))
        return FALSE;
    return mqttscope_dissect_websocket(tvb, pinfo, tree) != 0;
}

/* ---- TCP on any port ---- */

/* A CONNECT that some client would send: a whole one has to be well-formed, the beginning of one
 * well-formed so far, with a protocol level that is known. A proxy's header may stand before it. */
static bool is_connect(const uint8_t *data, uint32_t captured)
{
    const struct mqtt_context context = {MQTT_VERSION_UNKNOWN, MQTT_SENDER_UNKNOWN};
    uint32_t header_length;
    uint32_t length;
    struct mqtt_packet packet;
    struct mqtt_proxy_header proxy;

    if (mqtt_proxy_header(data, captured, &proxy) == MQTT_OK && proxy.length < captured) {
        data += proxy.length;
        captured -= proxy.length;
    }

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

    if (captured == 0 || !mqttscope_looks_everywhere() || !is_ours(pinfo) ||
        !is_connect(tvb_get_ptr(tvb, 0, (int)captured), captured))
        return FALSE;
    conversation_set_dissector(find_or_create_conversation(pinfo), tcp_handle);
    dissect_mqtt_tcp(tvb, pinfo, tree, data);
    return TRUE;
}

/* ---- Registration ---- */

void proto_register_mqttscope(void)
{
    proto_mqttscope = proto_register_protocol("MQTT Audit", "MQTTScope", "mqttscope");
    mqttscope_builtin_protocol = proto_get_id_by_filter_name("mqtt");
    mqttscope_register_fields();
    tcp_handle = register_dissector("mqttscope", dissect_mqtt_tcp, proto_mqttscope);
    tls_handle = register_dissector("mqttscope.tls", dissect_mqtt_tls, proto_mqttscope);
    websocket_handle =
        register_dissector("mqttscope.websocket", dissect_mqtt_websocket, proto_mqttscope);
    mqttscope_tap_register();
    mqttscope_report_register();
    register_cleanup_routine(mqttscope_conversation_cleanup);
    mqttscope_ending_register();
    mqttscope_tools_register();
}

void proto_reg_handoff_mqttscope(void)
{
    builtin_handle = find_dissector("mqtt");
    mqttscope_builtin_handoff();
    mqttscope_payload_handoff();
    mqttscope_ports_handoff(tcp_handle, tls_handle, builtin_handle);
    dissector_add_string("tls.alpn", "mqtt", tls_handle);
    dissector_add_string("ws.protocol", "mqtt", websocket_handle);
    dissector_add_string("ws.protocol", "mqttv3.1", websocket_handle);
    heur_dissector_add("ws", dissect_websocket_heuristic, "MQTT over WebSocket", "mqttscope_ws",
                       proto_mqttscope, HEURISTIC_ENABLE);
    heur_dissector_add("tcp", dissect_mqtt_heuristic, "MQTT on any port", "mqttscope_tcp",
                       proto_mqttscope, HEURISTIC_ENABLE);
}
