/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP (RFC 9293) seen from outside. The flows are in flows.c, what came early in hold.c; here is
 * what a segment does to a flow.
 *
 * Sequence numbers wrap, so they are only ever compared by their distance to what the side is
 * expected to send next.
 */
#include "tcp/tcp.h"

#include <stdlib.h>
#include <string.h>

#include "mqtt/facts/time.h"
#include "tcp/flows.h"

enum {
    FLAG_FIN = 0x01,
    FLAG_SYN = 0x02,
    FLAG_RST = 0x04,
    FLAG_ACK = 0x10,
};

enum {
    /* All fields that are read lie in these; options may be cut off. Wireshark needs as many to
     * tell a conversation, so the numbering agrees on captures that are cut even here. */
    NEEDED_HEADER_SIZE = 16,
    MIN_HEADER_SIZE = 20,
};

enum {
    DEFAULT_MAX_FLOWS = 262144,
    DEFAULT_MAX_SILENT = 65536,
    DEFAULT_MAX_CLOSED = 16384,
    DEFAULT_MAX_HELD_SEGMENTS = 2048,
    DEFAULT_MAX_HELD_BYTES = 4 << 20,
    DEFAULT_MAX_HELD_TOTAL = 32 << 20,
};

/* RFC 7323, section 2.3: no segment is further ahead than this. */
#define MAX_WINDOW (UINT32_C(1) << 30)

/* Segments held for a side whose other side is not in the capture. */
#define ONE_SIDED_HELD_SEGMENTS 64u

/* What was under way when an RST was sent arrives within a round trip or two. */
#define RESET_LINGER (5 * MQTT_SECOND)

/* How long a closed connection may still show segments, on Linux. */
#define TIME_WAIT (60 * MQTT_SECOND)

struct tcp {
    struct tcp_options options;
    struct tcp_handler handler;
    void *context;
    struct tcp_counters counters;
    struct flows flows;
    uint64_t held_total; /* memory in all holds */
    int64_t last_stream; /* of the packet that was taken last; -1: none */
};

/* A segment on its way through. */
struct segment {
    const struct tcp_moment *now;
    struct flow *flow;
    unsigned side; /* who sent it */
    uint8_t flags;
    uint32_t sequence;
    uint32_t acknowledgement;
    uint32_t window;
    struct slice payload;
};

static bool is_first_syn(const struct segment *segment)
{
    return (segment->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
}

/* ---- Delivery ---- */

static bool wanted(const struct flow *flow)
{
    return !flow->face.ignored && flow->state != FLOW_CLOSED;
}

static void drop_hold(struct tcp *tcp, struct hold *hold)
{
    tcp->held_total -= hold->bytes;
    hold_clear(hold, tcp->options.memory);
}

/* Passes on what comes next of a side. */
static void deliver(struct tcp *tcp, struct flow *flow, unsigned side, const struct tcp_moment *now,
                    struct slice bytes)
{
    if (flow->state == FLOW_SILENT)
        flows_move(&tcp->flows, flow, FLOW_SPOKEN);
    uint32_t missing = bytes.reported - bytes.captured;
    struct half *half = &flow->half[side];
    const uint32_t acknowledged = half->acked - half->next; /* of these bytes, or wrapped */
    flow->face.side[side].late = half->acked_seen && acknowledged > 0 && acknowledged <= MAX_WINDOW;
    unread_sent(&half->unread, half->next, now->time_ns);
    half->next += bytes.reported;
    flow->face.side[side].bytes += bytes.reported;
    flow->face.side[side].bytes_not_captured += missing;
    tcp->counters.not_captured += missing;
    tcp->handler.data(tcp->context, &flow->face, side, now, bytes);
}

/* Gives up the bytes before `sequence`. */
static void skip_to(struct tcp *tcp, struct flow *flow, unsigned side, const struct tcp_moment *now,
                    uint32_t sequence)
{
    uint32_t count = sequence - flow->half[side].next;
    if (count == 0)
        return;
    flow->half[side].next = sequence;
    path_untimed(&flow->half[side].path);
    flow->face.side[side].gaps++;
    flow->face.side[side].gap_bytes += count;
    tcp->counters.gaps++;
    tcp->counters.gap_bytes += count;
    tcp->handler.gap(tcp->context, &flow->face, side, now, count);
}

/* Delivers what is held up to the next hole, or everything if the callback loses interest: then
 * nothing is. */
static void drain(struct tcp *tcp, struct flow *flow, unsigned side, const struct tcp_moment *now)
{
    struct half *half = &flow->half[side];
    while (half->hold.first != NULL) {
        uint32_t behind = half->next - half->hold.first->sequence;
        if (behind > MAX_WINDOW)
            return; /* it is ahead: the distance wrapped */
        uint32_t memory = half->hold.bytes;
        struct held *held = hold_take(&half->hold);
        tcp->held_total -= memory - half->hold.bytes;
        struct slice bytes =
            slice_skip((struct slice){held->bytes, held->captured, held->reported}, behind);
        if (bytes.reported > 0)
            deliver(tcp, flow, side, now, bytes);
        held_free(held, tcp->options.memory);
    }
}

/* Where the hole in front of a side's stream ends, if there is one: at the first byte held, or at
 * the FIN. */
static bool hole_end(const struct half *half, uint32_t *end)
{
    if (!half->started)
        return false;
    *end = half->hold.first != NULL ? half->hold.first->sequence : half->fin;
    return half->hold.first != NULL || (half->fin_seen && half->fin != half->next);
}

/* The side's FIN is reached when all bytes before it are delivered or given up. */
static void check_fin(struct tcp *tcp, struct flow *flow, unsigned side,
                      const struct tcp_moment *now)
{
    struct half *half = &flow->half[side];
    struct tcp_side *face = &flow->face.side[side];
    if (!half->fin_seen || half->next != half->fin || face->end != TCP_END_NONE ||
        flow->state == FLOW_RESET || !wanted(flow))
        return;
    face->end = TCP_END_FIN;
    face->ended = *now;
    tcp->handler.ended(tcp->context, &flow->face, side, now, TCP_END_FIN);
}

/* Gives up the first hole of a side and delivers what lies behind it. */
static void give_up_hole(struct tcp *tcp, struct flow *flow, unsigned side,
                         const struct tcp_moment *now)
{
    uint32_t end;
    if (!wanted(flow) || !hole_end(&flow->half[side], &end))
        return;
    skip_to(tcp, flow, side, now, end);
    drain(tcp, flow, side, now);
    check_fin(tcp, flow, side, now);
}

/* ---- Flows come and go ---- */

/* Nothing more comes of this flow: what is held goes out, and the layer above is told. It stays in
 * the table. */
static void close_flow(struct tcp *tcp, struct flow *flow, const struct tcp_moment *now,
                       enum tcp_end how)
{
    for (unsigned side = 0; side < 2; side++) {
        uint32_t end;
        while (wanted(flow) && hole_end(&flow->half[side], &end))
            give_up_hole(tcp, flow, side, now);
        drop_hold(tcp, &flow->half[side].hold);
    }
    if (flow->state == FLOW_RESET)
        how = TCP_END_RST;
    flows_move(&tcp->flows, flow, FLOW_CLOSED);
    for (unsigned side = 0; side < 2; side++) {
        struct half *half = &flow->half[side];
        flow->face.side[side].unread_since = unread_since(&half->unread);
        path_closed(&half->path, &flow->face.side[side]);
        if (half->path.shut)
            path_opened(&half->path, &flow->face.side[side], flow->face.last.time_ns);
    }
    tcp->handler.closed(tcp->context, &flow->face, now, how);
    flow->face.user = NULL;
}

/* Closed flows beyond `keep` of them. Late segments are not to be expected after TIME-WAIT. */
static void forget_closed(struct tcp *tcp, int64_t time_ns, uint32_t keep)
{
    struct flow_list *closed = &tcp->flows.lists[FLOW_CLOSED];
    while (closed->count > keep) {
        tcp->counters.forgotten +=
            mqtt_elapsed(time_ns, closed->head->face.last.time_ns) <= TIME_WAIT;
        flows_remove(&tcp->flows, closed->head);
    }
}

/* Gives up the quietest flow of a state. */
static void evict(struct tcp *tcp, enum flow_state state)
{
    struct flow *flow = flows_quietest(&tcp->flows, state);
    struct tcp_moment last = flow->face.last;
    tcp->counters.evicted++;
    close_flow(tcp, flow, &last, TCP_END_EVICTED);
    flows_remove(&tcp->flows, flow);
}

/* Gives up the open flow that matters least. */
static void evict_any(struct tcp *tcp)
{
    const struct flow_list *lists = tcp->flows.lists;
    evict(tcp, lists[FLOW_RESET].count > 0    ? FLOW_RESET
               : lists[FLOW_SILENT].count > 0 ? FLOW_SILENT
                                              : FLOW_SPOKEN);
}

/* Makes room for one more flow: those that matter least go first. */
static void make_room(struct tcp *tcp, int64_t time_ns)
{
    forget_closed(tcp, time_ns, tcp->options.max_closed);
    if (tcp->flows.lists[FLOW_SILENT].count >= tcp->options.max_silent)
        evict(tcp, FLOW_SILENT);
    if (tcp_open_flows(tcp) >= tcp->options.max_flows)
        evict_any(tcp);
}

/* Adds a flow; where there is no memory for it, in the place of one that matters less. */
static struct flow *add_flow(struct tcp *tcp, uint64_t hash, int64_t time_ns)
{
    struct flow *flow = flows_add(&tcp->flows, hash);
    const uint32_t closed = tcp->flows.lists[FLOW_CLOSED].count;
    if (flow != NULL || tcp->flows.count == 0)
        return flow;
    if (closed > 0)
        forget_closed(tcp, time_ns, closed - 1);
    else
        evict_any(tcp);
    return flows_add(&tcp->flows, hash);
}

/* Flows that were reset long enough ago. */
static void close_lingering(struct tcp *tcp, int64_t time_ns)
{
    struct flow *flow;
    while ((flow = tcp->flows.lists[FLOW_RESET].head) != NULL &&
           mqtt_elapsed(time_ns, flow->face.last.time_ns) > RESET_LINGER) {
        struct tcp_moment last = flow->face.last;
        close_flow(tcp, flow, &last, TCP_END_RST);
    }
}

static struct flow *open_flow(struct tcp *tcp, uint64_t hash, const struct tcp_moment *now,
                              const struct tcp_segment *from, uint32_t stream)
{
    make_room(tcp, now->time_ns);
    struct flow *flow = add_flow(tcp, hash, now->time_ns);
    if (flow == NULL)
        return NULL;
    struct tcp_flow *face = &flow->face;
    face->stream = stream;
    face->ip_version = from->packet.version;
    face->tunnel = from->packet.tunnel;
    face->initiator = TCP_SIDE_UNKNOWN;
    face->side[0].address = from->packet.source;
    face->side[0].port = from->source_port;
    face->side[1].address = from->packet.destination;
    face->side[1].port = from->destination_port;
    face->first = face->last = *now;
    face->side[0].acknowledges = face->side[1].acknowledges = UINT64_MAX;
    tcp->handler.opened(tcp->context, face, now);
    return flow;
}

/* Wireshark's rule (4.0): a SYN starts a new conversation on known addresses and ports when its
 * sequence number is not where this side is known to begin. */
static bool starts_conversation(const struct flow *flow, const struct segment *segment)
{
    const struct half *half = &flow->half[segment->side];
    return is_first_syn(segment) && half->based && half->base != segment->sequence;
}

/* A SYN that was refused and is tried again (Windows does): Wireshark's conversation goes on, but
 * it is a connection of its own. */
static bool tries_again(const struct flow *flow, const struct segment *segment)
{
    return is_first_syn(segment) && flow->state == FLOW_RESET && flow->face.side[0].bytes == 0 &&
           flow->face.side[1].bytes == 0;
}

static void keep_bases(struct flow *flow, const struct half *own, const struct half *other)
{
    flow->half[0].based = own->based;
    flow->half[0].base = own->base;
    flow->half[1].based = other->based;
    flow->half[1].base = other->base;
}

/* Whether it belongs to another conversation than the known one: as whoever numbers them says. */
static bool is_another(const struct flow *known, const struct segment *segment,
                       const struct tcp_segment *from)
{
    return from->numbered ? from->stream != known->face.stream
                          : starts_conversation(known, segment);
}

/* Finds or opens the flow of a segment. */
static bool find_flow(struct tcp *tcp, const struct tcp_segment *from, struct segment *segment)
{
    uint64_t hash =
        flows_hash(&tcp->flows, &from->packet, from->source_port, from->destination_port);
    struct flow *known = flows_find(&tcp->flows, hash, &from->packet, from->source_port,
                                    from->destination_port, &segment->side);
    bool conversation = known == NULL || is_another(known, segment, from);
    if (!conversation && !tries_again(known, segment)) {
        segment->flow = known;
        return true;
    }
    uint32_t stream = known != NULL ? known->face.stream : 0;
    if (conversation)
        stream = (uint32_t)tcp->counters.flows++;
    if (from->numbered)
        stream = from->stream;
    struct half own = {0}, other = {0};
    if (!conversation) {
        own = known->half[segment->side];
        other = known->half[!segment->side];
    }
    if (known != NULL) {
        struct tcp_moment last = known->face.last;
        if (known->state != FLOW_CLOSED)
            close_flow(tcp, known, &last, TCP_END_REUSED);
        flows_remove(&tcp->flows, known);
    }
    segment->flow = open_flow(tcp, hash, segment->now, from, stream);
    segment->side = 0;
    if (segment->flow != NULL)
        keep_bases(segment->flow, &own, &other);
    return segment->flow != NULL;
}

/* ---- What a segment does ---- */

/* Where Wireshark takes the streams to begin, which decides whether a later SYN is a repetition. */
static void note_base(const struct segment *segment)
{
    struct half *own = &segment->flow->half[segment->side];
    struct half *other = &segment->flow->half[!segment->side];
    bool syn = segment->flags & FLAG_SYN;
    /* A later SYN/ACK moves the base; a later SYN makes a new conversation. */
    if (!own->based || (syn && segment->flags & FLAG_ACK)) {
        own->base = segment->sequence - (syn ? 0 : 1);
        own->based = true;
    }
    if (!other->based && segment->flags & FLAG_ACK) {
        other->base = segment->acknowledgement - 1;
        other->based = true;
    }
}

static void start(struct half *half, uint32_t next)
{
    half->next = next;
    half->started = true;
}

static void take_syn(struct flow *flow, const struct segment *segment)
{
    struct half *own = &flow->half[segment->side];
    struct half *other = &flow->half[!segment->side];
    struct tcp_side *face = &flow->face.side[segment->side];
    bool answers = segment->flags & FLAG_ACK;
    if (flow->face.initiator == TCP_SIDE_UNKNOWN)
        flow->face.initiator = (int8_t)(answers ? !segment->side : segment->side);
    face->syn_seen = true;
    /* A SYN that differs from the first is an old duplicate, unless nothing has followed yet. */
    if (!own->started || (face->bytes == 0 && own->hold.first == NULL && !own->fin_seen))
        start(own, segment->sequence + 1);
    if (answers && !other->started)
        start(other, segment->acknowledgement);
}

/* A keep-alive probe repeats at most one byte, the last one sent, or garbage in its place (RFC
 * 9293, section 3.8.4). */
static bool is_keep_alive(const struct half *half, const struct segment *segment)
{
    if (segment->payload.reported > 1 || !(segment->flags & FLAG_ACK) ||
        segment->flags & (FLAG_SYN | FLAG_FIN | FLAG_RST))
        return false;
    if (half->started)
        return half->next - segment->sequence == 1;
    return segment->payload.reported == 1 && half->acked_seen &&
           half->acked - segment->sequence == 1;
}

/* RFC 5681, section 2: it says the same as before, the window included, though bytes are under way.
 */
static void note_duplicate(struct flow *flow, const struct segment *segment)
{
    const struct half *own = &flow->half[segment->side];
    struct half *other = &flow->half[!segment->side];
    const uint32_t under_way = other->next - segment->acknowledgement;
    if (segment->payload.reported > 0 || segment->flags != FLAG_ACK ||
        segment->acknowledgement != other->acked || !other->started || under_way == 0 ||
        under_way > MAX_WINDOW || segment->window != own->path.window ||
        is_keep_alive(own, segment))
        return;
    flow->face.side[segment->side].duplicate_acknowledgements++;
    if (other->path.duplicates < UINT8_MAX)
        other->path.duplicates++;
}

/* An acknowledgement shows that the other side's bytes before it arrived, so a hole among them is
 * the capture's. Returns whether it says anything new. */
static bool take_acknowledgement(struct tcp *tcp, struct segment *segment)
{
    struct flow *flow = segment->flow;
    struct half *other = &flow->half[!segment->side];
    uint32_t end;
    while (hole_end(other, &end) && segment->acknowledgement - end <= MAX_WINDOW && wanted(flow))
        give_up_hole(tcp, flow, !segment->side, segment->now);
    /* One that was overtaken on its way here takes nothing back. */
    const bool news = !other->acked_seen || other->acked - segment->acknowledgement > MAX_WINDOW;
    if (news) {
        other->acked = segment->acknowledgement;
        unread_acknowledged(&other->unread, segment->acknowledgement, other->next);
    } else {
        note_duplicate(flow, segment);
    }
    other->acked_seen = true;
    /* A FIN counts as one byte. */
    const uint32_t ahead = segment->acknowledgement - other->next;
    if (news && other->started && ahead > (other->fin_seen ? 1 : 0) && ahead <= MAX_WINDOW)
        flow->face.side[!segment->side].acknowledged_unseen++;
    return news;
}

/* Says what an acknowledgement that is news means to the layer above. */
static void tell_acknowledged(struct tcp *tcp, const struct segment *segment)
{
    struct flow *flow = segment->flow;
    const unsigned side = !segment->side;
    struct half *half = &flow->half[side];
    const struct tcp_side *face = &flow->face.side[side];
    const int64_t round_trip =
        path_acknowledged(&half->path, segment->acknowledgement, segment->now->time_ns);
    const uint32_t there = (uint32_t)(face->bytes + face->gap_bytes);
    const uint32_t behind = half->next - segment->acknowledgement;
    /* A FIN, and what was not captured, lies behind all bytes. */
    const uint32_t position = behind <= MAX_WINDOW ? there - behind : there;
    const bool reached = face->awaited && (int32_t)(position - face->awaits) >= 0;
    if ((reached || round_trip >= 0) && tcp->handler.acknowledged != NULL && wanted(flow))
        tcp->handler.acknowledged(tcp->context, &flow->face, side, segment->now, position,
                                  round_trip);
}

/* What a side sends behind its own FIN is no part of the stream. */
static struct slice cut_at_fin(struct tcp *tcp, const struct half *half, uint32_t sequence,
                               struct slice payload)
{
    uint32_t room = half->fin - sequence;
    if (!half->fin_seen || (room <= MAX_WINDOW && room >= payload.reported))
        return payload;
    if (room > MAX_WINDOW)
        room = 0;
    tcp->counters.after_fin += payload.reported - room;
    return slice_limit(payload, room);
}

/* Whether a segment may be held. Where the other side is not in the capture no acknowledgement will
 * tell what is lost, so wait for no more than reordering and a quick retransmission take. */
static bool hold_has_room(const struct tcp *tcp, const struct flow *flow, unsigned side,
                          uint32_t captured)
{
    const struct hold *hold = &flow->half[side].hold;
    uint64_t memory = sizeof(struct held) + captured;
    uint32_t segments = tcp->options.max_held_segments;
    if (flow->face.side[!side].segments == 0 && segments > ONE_SIDED_HELD_SEGMENTS)
        segments = ONE_SIDED_HELD_SEGMENTS;
    return hold->segments < segments && hold->bytes + memory <= tcp->options.max_held_bytes &&
           tcp->held_total + memory <= tcp->options.max_held_total;
}

/* Copies what came early. Returns false where there was no room for it. */
static bool hold_payload(struct tcp *tcp, struct segment *segment, uint32_t sequence,
                         struct slice payload)
{
    struct half *half = &segment->flow->half[segment->side];
    if (!hold_has_room(tcp, segment->flow, segment->side, payload.captured))
        return false;
    uint32_t before = half->hold.bytes;
    enum hold_result result =
        hold_add(&half->hold, tcp->options.memory, half->next, sequence, payload);
    tcp->held_total += half->hold.bytes - before;
    if (result == HOLD_NO_MEMORY)
        return false;
    struct tcp_side *face = &segment->flow->face.side[segment->side];
    ++*(result == HOLD_NEW ? &face->out_of_order : &face->retransmitted);
    if (result == HOLD_NEW)
        half->path.sent_at = segment->now->time_ns;
    else
        face->retransmitted_bytes += payload.reported;
    ++*(result == HOLD_NEW ? &tcp->counters.out_of_order : &tcp->counters.retransmitted);
    return true;
}

/* How many bytes of the other side, from its first one on, this segment acknowledges;
 * UINT64_MAX: that is not known. */
static uint64_t acknowledged_bytes(const struct segment *segment)
{
    const struct half *other = &segment->flow->half[!segment->side];
    const struct tcp_side *face = &segment->flow->face.side[!segment->side];
    const uint64_t there = face->bytes + face->gap_bytes;
    const uint32_t behind = other->next - segment->acknowledgement;
    const bool in_range = other->started && behind <= MAX_WINDOW && behind <= there;
    return segment->flags & FLAG_ACK && in_range ? there - behind : UINT64_MAX;
}

/* The first `count` bytes of a segment were delivered before; `whole`: there are no others. */
static void take_known(struct tcp *tcp, struct segment *segment, uint32_t count, bool whole)
{
    struct flow *flow = segment->flow;
    struct half *half = &flow->half[segment->side];
    struct tcp_side *face = &flow->face.side[segment->side];
    const uint32_t acked = segment->sequence - half->acked; /* wraps where that is behind it */
    face->retransmitted_bytes += count;
    path_untimed(&half->path);
    if (!whole)
        return;
    unread_sent_again(&half->unread, segment->sequence);
    if (!half->acked_seen || acked <= MAX_WINDOW)
        path_sent_again(&half->path, face, segment->sequence, segment->now->time_ns,
                        flow->half[!segment->side].path.shut);
    face->retransmitted++;
    tcp->counters.retransmitted++;
}

/* Delivers what comes next in order. A segment is timed if it fills no hole, and nobody has
 * acknowledged it before. */
static void take_next(struct tcp *tcp, struct segment *segment, struct slice payload)
{
    struct flow *flow = segment->flow;
    struct half *half = &flow->half[segment->side];
    struct tcp_side *face = &flow->face.side[segment->side];
    const int64_t now = segment->now->time_ns;
    face->acknowledges = acknowledged_bytes(segment);
    deliver(tcp, flow, segment->side, segment->now, payload);
    face->acknowledges = UINT64_MAX;
    half->path.sent_at = now;
    if (path_free(&half->path, now) && half->hold.first == NULL && !face->late &&
        segment->payload.reported == payload.reported)
        path_time(&half->path, half->next, now);
    drain(tcp, flow, segment->side, segment->now);
}

/* Brings the payload of a segment in: passed on, held, or known already. */
static void take_payload(struct tcp *tcp, struct segment *segment)
{
    struct flow *flow = segment->flow;
    struct half *half = &flow->half[segment->side];
    uint32_t sequence = segment->sequence;
    struct slice payload = cut_at_fin(tcp, half, sequence, segment->payload);
    if (!half->started)
        start(half, sequence);

    while (payload.reported > 0 && wanted(flow)) {
        uint32_t ahead = sequence - half->next;
        if (ahead > INT32_MAX) {
            uint32_t known = half->next - sequence;
            take_known(tcp, segment, known < payload.reported ? known : payload.reported,
                       known >= payload.reported);
            if (known >= payload.reported)
                return;
            payload = slice_skip(payload, known);
            sequence = half->next;
            ahead = 0;
        }
        if (ahead == 0) {
            take_next(tcp, segment, payload);
            return;
        }
        if (ahead > MAX_WINDOW) {
            tcp->counters.beyond_window++;
            return;
        }
        if (hold_payload(tcp, segment, sequence, payload))
            return;
        /* No room: the hole before the first byte at hand will not be filled. */
        tcp->counters.hold_full++;
        uint32_t end = sequence;
        if (half->hold.first != NULL && half->hold.first->sequence - half->next < ahead)
            end = half->hold.first->sequence;
        skip_to(tcp, flow, segment->side, segment->now, end);
        drain(tcp, flow, segment->side, segment->now);
    }
}

/* A FIN counts as one byte behind the payload. */
static void take_fin(struct segment *segment)
{
    struct half *half = &segment->flow->half[segment->side];
    uint32_t fin = segment->sequence + segment->payload.reported;
    if (!half->started)
        start(half, fin);
    /* One that lies before bytes already seen is no FIN of this stream. */
    uint32_t seen = half->hold.last != NULL ? half->hold.last->sequence + half->hold.last->reported
                                            : half->next;
    if (half->fin_seen || fin - seen > MAX_WINDOW)
        return;
    half->fin = fin;
    half->fin_seen = true;
}

static void take_reset(struct tcp *tcp, struct segment *segment)
{
    struct flow *flow = segment->flow;
    struct tcp_side *face = &flow->face.side[segment->side];
    if (flow->state == FLOW_RESET)
        return;
    flows_move(&tcp->flows, flow, FLOW_RESET);
    face->end = TCP_END_RST;
    face->ended = *segment->now;
    if (!flow->face.ignored)
        tcp->handler.ended(tcp->context, &flow->face, segment->side, segment->now, TCP_END_RST);
}

/* Of a flow that nobody wants only the end matters. */
static void take_ignored(struct segment *segment)
{
    struct tcp_side *face = &segment->flow->face.side[segment->side];
    if (segment->flags & FLAG_FIN && face->end == TCP_END_NONE) {
        face->end = TCP_END_FIN;
        face->ended = *segment->now;
    }
}

static void take_bytes(struct tcp *tcp, struct segment *segment)
{
    struct half *half = &segment->flow->half[segment->side];
    if (is_keep_alive(half, segment)) {
        tcp->counters.keep_alive++;
        if (!half->started)
            start(half, segment->sequence + 1);
    } else if (segment->payload.reported > 0) {
        take_payload(tcp, segment);
    }
}

static void take_wanted(struct tcp *tcp, struct segment *segment)
{
    struct flow *flow = segment->flow;
    struct half *other = &flow->half[!segment->side];
    if (segment->flags & FLAG_SYN) {
        take_syn(flow, segment);
        segment->sequence++; /* the SYN itself */
    }
    const bool news = segment->flags & FLAG_ACK && take_acknowledgement(tcp, segment);
    if (segment->flags & FLAG_RST)
        return; /* its payload, if any, is a message for people (RFC 9293, section 3.5.3) */
    take_bytes(tcp, segment);
    if (news && (path_news(&other->path) || flow->face.side[!segment->side].awaited))
        tell_acknowledged(tcp, segment);
    if (segment->flags & FLAG_FIN)
        take_fin(segment);
    check_fin(tcp, flow, segment->side, segment->now);
}

/* Late segments of a closed flow: repetitions mostly. */
static void take_closed(struct tcp *tcp, struct segment *segment)
{
    struct half *half = &segment->flow->half[segment->side];
    uint32_t behind = half->next - segment->sequence;
    if (segment->payload.reported == 0 || segment->flow->face.ignored)
        return;
    if (half->started && behind <= MAX_WINDOW && segment->payload.reported <= behind) {
        segment->flow->face.side[segment->side].retransmitted++;
        segment->flow->face.side[segment->side].retransmitted_bytes += segment->payload.reported;
        tcp->counters.retransmitted++;
    } else {
        tcp->counters.after_close++;
    }
}

static bool both_ended(const struct flow *flow)
{
    return flow->face.side[0].end == TCP_END_FIN && flow->face.side[1].end == TCP_END_FIN;
}

static void take(struct tcp *tcp, struct segment *segment)
{
    struct flow *flow = segment->flow;
    struct tcp_side *face = &flow->face.side[segment->side];
    bool reset = segment->flags & FLAG_RST;
    face->segments++;
    flow->face.last = *segment->now;

    if (flow->state == FLOW_CLOSED) {
        take_closed(tcp, segment);
        return;
    }
    if (!reset)
        path_window(&flow->half[segment->side].path, face, segment->window, segment->now->time_ns);
    if (flow->face.ignored)
        take_ignored(segment);
    else
        take_wanted(tcp, segment);
    flow->half[segment->side].path.window = segment->window;
    if (reset)
        take_reset(tcp, segment);
    else if (flow->state == FLOW_RESET)
        flows_move(&tcp->flows, flow, FLOW_RESET); /* still under way: wait on */
    else if (both_ended(flow))
        close_flow(tcp, flow, segment->now, TCP_END_FIN);
}

/* Finds the flow of a segment. False without memory. */
static bool begin(struct tcp *tcp, const struct tcp_moment *now, const struct tcp_segment *from,
                  struct segment *segment)
{
    *segment = (struct segment){
        .now = now,
        .sequence = from->sequence,
        .acknowledgement = from->acknowledgement,
        .flags = from->flags,
        .window = from->window,
        .payload = from->packet.payload,
    };
    close_lingering(tcp, now->time_ns);
    if (find_flow(tcp, from, segment)) {
        tcp->last_stream = segment->flow->face.stream;
        return true;
    }
    tcp->counters.no_memory++;
    return false;
}

/* Distances are told apart by their size, so the end of a segment has to be one that can be. Only a
 * frame whose length on the wire is wrong, and whose IP header has none, is longer. */
static void take_if_possible(struct tcp *tcp, struct segment *segment)
{
    if (segment->payload.reported > MAX_WINDOW) {
        tcp->counters.beyond_window++;
        return;
    }
    tcp->counters.segments++;
    tcp->counters.payload += segment->payload.reported > 0;
    take(tcp, segment);
}

/* RFC 9293, section 3.1:
 *
 *     | source port (2) | destination port (2) | sequence (4) | acknowledgement (4) |
 *     | header length (4 bits), flags (12 bits) | window (2) | checksum (2) | urgent (2) | options
 * | payload
 */
enum tcp_result tcp_packet(struct tcp *tcp, const struct tcp_moment *now,
                           const struct ip_packet *packet)
{
    struct slice bytes = packet->payload;
    tcp->last_stream = -1;
    if (bytes.captured < NEEDED_HEADER_SIZE) {
        bool cut = bytes.captured < bytes.reported;
        ++*(cut ? &tcp->counters.truncated : &tcp->counters.malformed);
        return cut ? TCP_TRUNCATED : TCP_MALFORMED;
    }
    const struct tcp_segment from = {
        .packet = *packet,
        .source_port = read_u16(bytes.data),
        .destination_port = read_u16(bytes.data + 2),
        .sequence = read_u32(bytes.data + 4),
        .acknowledgement = read_u32(bytes.data + 8),
        .flags = bytes.data[13],
        .window = read_u16(bytes.data + 14),
    };
    struct segment segment;
    if (!begin(tcp, now, &from, &segment))
        return TCP_OK;
    uint32_t header_length = (bytes.data[12] >> 4) * 4u;
    if (header_length <= bytes.reported)
        note_base(&segment);
    if (header_length < MIN_HEADER_SIZE || header_length > bytes.reported) {
        tcp->counters.malformed++;
        return TCP_MALFORMED;
    }
    segment.payload = slice_skip(bytes, header_length);
    take_if_possible(tcp, &segment);
    return TCP_OK;
}

int64_t tcp_last_stream(const struct tcp *tcp)
{
    return tcp->last_stream;
}

void tcp_segment(struct tcp *tcp, const struct tcp_moment *now, const struct tcp_segment *segment)
{
    struct segment way;
    if (!begin(tcp, now, segment, &way))
        return;
    note_base(&way);
    take_if_possible(tcp, &way);
}

struct tcp_flow *tcp_find(const struct tcp *tcp, const struct tcp_segment *segment, unsigned *side)
{
    uint64_t hash =
        flows_hash(&tcp->flows, &segment->packet, segment->source_port, segment->destination_port);
    struct flow *flow = flows_find(&tcp->flows, hash, &segment->packet, segment->source_port,
                                   segment->destination_port, side);
    return flow != NULL && flow->state != FLOW_CLOSED ? &flow->face : NULL;
}

/* ---- The whole ---- */

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

struct tcp *tcp_new(const struct tcp_options *options, const struct tcp_handler *handler,
                    void *context)
{
    struct tcp *tcp = calloc(1, sizeof *tcp);
    if (tcp == NULL)
        return NULL;
    struct tcp_options *o = &tcp->options;
    if (options != NULL)
        *o = *options;
    o->max_flows = or_default(o->max_flows, DEFAULT_MAX_FLOWS);
    o->max_silent = or_default(o->max_silent, DEFAULT_MAX_SILENT);
    o->max_closed = or_default(o->max_closed, DEFAULT_MAX_CLOSED);
    o->max_held_segments = or_default(o->max_held_segments, DEFAULT_MAX_HELD_SEGMENTS);
    o->max_held_bytes = or_default(o->max_held_bytes, DEFAULT_MAX_HELD_BYTES);
    if (o->max_held_total == 0)
        o->max_held_total = DEFAULT_MAX_HELD_TOTAL;
    tcp->handler = *handler;
    tcp->context = context;
    if (!flows_init(&tcp->flows, o->seed, o->memory)) {
        free(tcp);
        return NULL;
    }
    return tcp;
}

void tcp_ignore(struct tcp *tcp, struct tcp_flow *flow)
{
    struct flow *whole = (struct flow *)flow;
    flow->ignored = true;
    drop_hold(tcp, &whole->half[0].hold);
    drop_hold(tcp, &whole->half[1].hold);
}

static int by_stream(const void *left, const void *right)
{
    const struct flow *a = *(struct flow *const *)left;
    const struct flow *b = *(struct flow *const *)right;
    return (a->face.stream > b->face.stream) - (a->face.stream < b->face.stream);
}

static void close_at_end(struct tcp *tcp, struct flow *flow)
{
    struct tcp_moment last = flow->face.last;
    close_flow(tcp, flow, &last, TCP_END_CAPTURE);
}

void tcp_finish(struct tcp *tcp)
{
    uint32_t count = tcp_open_flows(tcp);
    struct flow **open = malloc((count ? count : 1) * sizeof(struct flow *));
    uint32_t filled = 0;
    for (int state = 0; state < FLOW_CLOSED; state++)
        for (struct flow *flow = tcp->flows.lists[state].head; flow != NULL && open != NULL;
             flow = flow->next)
            open[filled++] = flow;
    if (open != NULL)
        qsort(open, filled, sizeof(struct flow *), by_stream);
    for (uint32_t i = 0; i < filled; i++)
        close_at_end(tcp, open[i]);
    free(open);
    /* Without memory to sort them they are closed all the same. */
    for (int state = 0; state < FLOW_CLOSED; state++)
        while (tcp->flows.lists[state].head != NULL)
            close_at_end(tcp, tcp->flows.lists[state].head);
}

const struct tcp_counters *tcp_counters(const struct tcp *tcp)
{
    return &tcp->counters;
}

uint32_t tcp_open_flows(const struct tcp *tcp)
{
    return tcp->flows.count - tcp->flows.lists[FLOW_CLOSED].count;
}

void tcp_free(struct tcp *tcp)
{
    if (tcp == NULL)
        return;
    flows_clear(&tcp->flows);
    free(tcp);
}
