/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one file that knows Wireshark's TCP dissector from inside; see tcp_view.h. */
#include "plugin/tcp_view.h"

#include <epan/dissectors/packet-tcp.h>

/* As tcp.completeness has them. */
enum {
    COMPLETENESS_SYN = 0x01,
    COMPLETENESS_SYN_ACK = 0x02,
    COMPLETENESS_FIN = 0x10,
    COMPLETENESS_RST = 0x20,
};

const struct tcp_analysis *mqttscope_tcp_connection(packet_info *pinfo, conversation_t *base)
{
    return pinfo->ptype == PT_TCP ? get_tcp_conversation_data(base, pinfo) : NULL;
}

/* TCP's dissector points these at the sides of the frame that it has in hand; before its first,
 * they are NULL. */
static const tcp_flow_t *flow_of(const struct tcp_analysis *tcp, enum mqttscope_tcp_side side)
{
    return side == TCP_SENDER ? tcp->fwd : tcp->rev;
}

/* TCP counts from each side's first number, if the user did not turn that off, and may learn better
 * which it was while the capture goes on: what it called 1 has another number then. Together with
 * the first number it is the same again. */
static uint32_t absolute(const tcp_flow_t *flow, uint32_t number)
{
    return flow != NULL ? number + flow->base_seq : number;
}

bool mqttscope_tcp_segment(const struct tcp_analysis *tcp, const void *data,
                           struct mqttscope_segment *segment)
{
    const struct tcpinfo *info = data;

    if (tcp == NULL || info == NULL)
        return false;
    segment->sequence = absolute(tcp->fwd, info->seq);
    segment->acknowledges = (info->flags & TH_ACK) != 0;
    segment->acknowledged = absolute(tcp->rev, info->lastackseq);
    return true;
}

static bool has_seen(const struct tcp_analysis *tcp, unsigned what)
{
    return (tcp->conversation_completeness & what) != 0;
}

bool mqttscope_tcp_start_seen(const struct tcp_analysis *tcp)
{
    return tcp == NULL || has_seen(tcp, COMPLETENESS_SYN | COMPLETENESS_SYN_ACK);
}

bool mqttscope_tcp_answer_seen(const struct tcp_analysis *tcp)
{
    return tcp == NULL || has_seen(tcp, COMPLETENESS_SYN_ACK);
}

bool mqttscope_tcp_ended(const struct tcp_analysis *tcp)
{
    return has_seen(tcp, COMPLETENESS_FIN | COMPLETENESS_RST);
}

uint16_t mqttscope_tcp_server_port(const struct tcp_analysis *tcp)
{
    return tcp->server_port;
}

bool mqttscope_tcp_side_ended(const struct tcp_analysis *tcp, enum mqttscope_tcp_side side)
{
    const tcp_flow_t *flow = flow_of(tcp, side);

    return flow != NULL && flow->fin != 0;
}

/* The analysis of sequence numbers can be turned off: then nothing speaks against it. */
bool mqttscope_tcp_side_seen(const struct tcp_analysis *tcp, enum mqttscope_tcp_side side)
{
    const tcp_flow_t *flow = flow_of(tcp, side);

    return flow == NULL || flow->tcp_analyze_seq_info == NULL ||
           flow->tcp_analyze_seq_info->nextseqframe != 0;
}

/* Whether `sequence` was made of a relative number is not known: the smaller distance is right. */
uint32_t mqttscope_tcp_from_start(const struct tcp_analysis *tcp, enum mqttscope_tcp_side side,
                                  uint32_t sequence)
{
    const tcp_flow_t *flow = flow_of(tcp, side);

    if (flow == NULL)
        return 0;
    const uint32_t distance = sequence - flow->base_seq - 1;
    return MIN(distance, distance - flow->base_seq);
}
