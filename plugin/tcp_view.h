/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this dissector takes from Wireshark's TCP dissector, whose structures are no interface: they
 * change from version to version. tcp_view.c alone reads them.
 *
 * Sides are told from the frame that is being dissected: its sender, and the other one.
 */
#ifndef MQTTSCOPE_PLUGIN_TCP_VIEW_H
#define MQTTSCOPE_PLUGIN_TCP_VIEW_H

#include "plugin/compat.h"

/* A TCP connection, as Wireshark's dissector follows it. */
struct tcp_analysis;

enum mqttscope_tcp_side { TCP_SENDER, TCP_RECEIVER };

/* The bytes that TCP hands over. Numbers are the same on every pass. */
struct mqttscope_segment {
    uint32_t sequence; /* of the first byte */
    bool acknowledges; /* the next member is valid */
    uint32_t acknowledged;
};

/* The connection that this frame belongs to, NULL if it is not TCP. */
const struct tcp_analysis *mqttscope_tcp_connection(packet_info *pinfo, conversation_t *base);

/* Reads what a dissector on top of TCP gets as `data`. False where it got nothing: the transport is
 * not TCP itself. */
bool mqttscope_tcp_segment(const struct tcp_analysis *tcp, const void *data,
                           struct mqttscope_segment *segment);

/* The capture shows its SYN. True for NULL: other transports are seen from their start. */
bool mqttscope_tcp_start_seen(const struct tcp_analysis *tcp);

/* The capture shows the SYN/ACK: without it nobody knows where the bytes of who sends that begin.
 */
bool mqttscope_tcp_answer_seen(const struct tcp_analysis *tcp);

/* The capture shows a FIN or RST. */
bool mqttscope_tcp_ended(const struct tcp_analysis *tcp);

/* Who sent that FIN? True if it was this side. */
bool mqttscope_tcp_side_ended(const struct tcp_analysis *tcp, enum mqttscope_tcp_side side);

/* Which of the connection's two flows, 0 or 1, that side sends. */
unsigned mqttscope_tcp_flow(const struct tcp_analysis *tcp, enum mqttscope_tcp_side side);

/* How a connection ended. */
struct mqttscope_tcp_end {
    bool reset;     /* by RST, else by FIN */
    unsigned flow;  /* who ended it, as mqttscope_tcp_flow() numbers them */
    uint32_t frame; /* 0: not known */
    nstime_t time;
};

/* Fills *end when all frames were seen once. False: the capture does not show the end. */
bool mqttscope_tcp_end(const struct tcp_analysis *tcp, struct mqttscope_tcp_end *end);

/* When its last frame came that was seen so far. */
nstime_t mqttscope_tcp_last(const struct tcp_analysis *tcp);

/* Port of the side that got the SYN; 0: not known. */
uint16_t mqttscope_tcp_server_port(const struct tcp_analysis *tcp);

/* Whether any segment of this side is in the capture, so far. */
bool mqttscope_tcp_side_seen(const struct tcp_analysis *tcp, enum mqttscope_tcp_side side);

/* How far `sequence` of this side is from the first byte behind its SYN. */
uint32_t mqttscope_tcp_from_start(const struct tcp_analysis *tcp, enum mqttscope_tcp_side side,
                                  uint32_t sequence);

/* A segment as TCP's tap for those who follow a stream has it: on every pass, in the order of the
 * capture, whether any dissector looks at its payload or not. */
#define MQTTSCOPE_TCP_TAP "tcp_follow"

struct mqttscope_tapped_segment {
    const address *source;
    const address *destination;
    uint16_t source_port;
    uint16_t destination_port;
    uint32_t stream; /* tcp.stream */
    uint32_t sequence;
    uint32_t acknowledgement;
    uint32_t window;
    uint8_t flags;     /* the last eight */
    tvbuff_t *payload; /* what was captured of it */
    uint32_t length;   /* of it, on the wire */
};

/* Reads what that tap brings; what it points to lives as long as the frame is dissected. */
void mqttscope_tcp_tapped(const void *data, struct mqttscope_tapped_segment *segment);

/* Wireshark's conversation of such a segment in this frame; NULL if it has none. */
conversation_t *mqttscope_tcp_tapped_conversation(const packet_info *pinfo,
                                                  const struct mqttscope_tapped_segment *segment);

/* Wireshark's number of the connection (tcp.stream) that this frame belongs to. False if it is not
 * TCP. */
bool mqttscope_tcp_stream(packet_info *pinfo, uint32_t *stream);

/* So many connections the capture has, so far. */
uint32_t mqttscope_tcp_streams(void);

#endif
