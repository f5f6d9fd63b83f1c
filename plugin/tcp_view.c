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

unsigned mqttscope_tcp_flow(const struct tcp_analysis *tcp, enum mqttscope_tcp_side side)
{
    return flow_of(tcp, side) == &tcp->flow2 ? 1 : 0;
}

/* When this flow last acknowledged something; NULL where sequence numbers are not analysed. */
static const nstime_t *last_time(const tcp_flow_t *flow)
{
    return flow->tcp_analyze_seq_info != NULL ? &flow->tcp_analyze_seq_info->lastacktime : NULL;
}

/* Nothing keeps the frame of a RST. It is the last that its sender had to say, or nearly so. */
static void find_reset(const struct tcp_analysis *tcp, struct mqttscope_tcp_end *end)
{
    const nstime_t *times[2] = {last_time(&tcp->flow1), last_time(&tcp->flow2)};

    end->reset = true;
    end->frame = 0;
    end->time = tcp->ts_prev;
    end->flow = mqttscope_tcp_flow(tcp, TCP_SENDER);
    if (times[0] == NULL || times[1] == NULL)
        return;
    end->flow = nstime_cmp(times[0], times[1]) >= 0 ? 0 : 1;
    end->time = *times[end->flow];
}

nstime_t mqttscope_tcp_last(const struct tcp_analysis *tcp)
{
    return tcp->ts_prev;
}

/* A FIN has the highest sequence number that its side sends. */
static nstime_t fin_time(const struct tcp_analysis *tcp, unsigned flow)
{
    const tcp_flow_t *from = flow == 0 ? &tcp->flow1 : &tcp->flow2;

    return from->tcp_analyze_seq_info != NULL ? from->tcp_analyze_seq_info->nextseqtime
                                              : tcp->ts_prev;
}

/* Whose FIN came first. The frames that are known are those of FINs that were sent again, too, and
 * are not known of each. */
static unsigned first_to_close(const struct tcp_analysis *tcp)
{
    const uint32_t fins[2] = {tcp->flow1.fin, tcp->flow2.fin};

    if (tcp->flow1.closing_initiator != tcp->flow2.closing_initiator)
        return tcp->flow2.closing_initiator ? 1 : 0;
    return fins[1] == 0 || (fins[0] != 0 && fins[0] < fins[1]) ? 0 : 1;
}

bool mqttscope_tcp_end(const struct tcp_analysis *tcp, struct mqttscope_tcp_end *end)
{
    if (!mqttscope_tcp_ended(tcp))
        return false;
    if (!has_seen(tcp, COMPLETENESS_FIN)) {
        find_reset(tcp, end);
        return true;
    }
    end->reset = false;
    end->flow = first_to_close(tcp);
    end->frame = end->flow == 0 ? tcp->flow1.fin : tcp->flow2.fin;
    end->time = fin_time(tcp, end->flow);
    return true;
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

/* What the tap brings. Its structure is declared in no header. */
struct followed {
    tvbuff_t *payload;
    const struct tcpheader *header;
    const struct tcp_analysis *connection;
};

void mqttscope_tcp_tapped(const void *data, struct mqttscope_tapped_segment *segment)
{
    const struct followed *followed = data;
    const struct tcpheader *header = followed->header;

    *segment = (struct mqttscope_tapped_segment){
        .source = &header->ip_src,
        .destination = &header->ip_dst,
        .source_port = header->th_sport,
        .destination_port = header->th_dport,
        .stream = header->th_stream,
        .sequence = header->th_rawseq,
        .acknowledgement = header->th_rawack,
        .window = header->th_win,
        .flags = (uint8_t)header->th_flags,
        .payload = followed->payload,
        .length = header->th_seglen,
    };
}

conversation_t *mqttscope_tcp_tapped_conversation(const packet_info *pinfo,
                                                  const struct mqttscope_tapped_segment *segment)
{
    return find_conversation(pinfo->num, segment->source, segment->destination, CONVERSATION_TCP,
                             segment->source_port, segment->destination_port, 0);
}

bool mqttscope_tcp_stream(packet_info *pinfo, uint32_t *stream)
{
    conversation_t *base = find_conversation_pinfo(pinfo, 0);
    const struct tcp_analysis *tcp = base != NULL ? mqttscope_tcp_connection(pinfo, base) : NULL;

    if (tcp == NULL)
        return false;
    *stream = tcp->stream;
    return true;
}

uint32_t mqttscope_tcp_streams(void)
{
    return get_tcp_stream_count();
}
