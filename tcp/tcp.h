/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP as somebody sees it who only listens: segments in, two ordered streams of bytes a flow out.
 *
 * Nothing is known about the ends but what they sent, so every rule here rests on that alone:
 *
 *   - The bytes of a side come out once and in order, the first copy of each wins, and a segment
 * that arrives in order is passed as it lies in the caller's packet. Others are copied, held, and
 * delivered with the frame that fills the hole.
 *   - A hole becomes a gap when the other side acknowledges past it in a packet captured after the
 *     data that is held behind it; or when the hold is full (sooner where the other side is not in
 *     the capture); or when the flow ends.
 *   - A side whose SYN was not captured starts where its first payload starts, or where the SYN/ACK
 * of the other side says. What came before is not a gap: it was never in the capture.
 *   - A flow has Wireshark's number (tcp.stream): from 0, in the order in which conversations first
 * appear.
 *
 * The order of callbacks of a flow is
 *
 *     opened ( data | gap | ended )* closed
 *
 * and every flow that was opened is closed, by tcp_finish() if by nothing else. `now` is the packet
 * being read, or the flow's own last segment where a flow is brought to its end by something else
 * than its own packets.
 */
#ifndef MQTTSCOPE_TCP_TCP_H
#define MQTTSCOPE_TCP_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcp/packet.h"

/* When something was seen. What is delivered late carries the moment of its delivery. */
struct tcp_moment {
    uint64_t frame;
    int64_t time_ns;
};

/* How a side, or a flow, came to its end. */
enum tcp_end {
    TCP_END_NONE,
    TCP_END_FIN, /* the side sent FIN and all bytes before it were delivered; the flow: both sides
                    did */
    TCP_END_RST, /* the side sent RST */
    TCP_END_REUSED,  /* flow only: a new connection took the same addresses and ports */
    TCP_END_EVICTED, /* flow only: the table was full, and this one had to go */
    TCP_END_CAPTURE, /* flow only: the capture ended first */
};

#define TCP_SIDE_UNKNOWN (-1)

/* One direction of a flow: what this side sent. */
struct tcp_side {
    struct ip_address address;
    uint16_t port;
    bool syn_seen;                 /* its SYN or SYN/ACK was captured */
    enum tcp_end end;              /* FIN or RST, when it came; RST replaces FIN */
    struct tcp_moment ended;       /* when; meaningful where `end` is not NONE */
    uint64_t segments;             /* segments of this side, with payload or not */
    uint64_t retransmitted;        /* segments that brought nothing new */
    uint64_t retransmitted_bytes;  /* payload that was sent before */
    uint64_t timeouts;             /* of those segments: nothing had been sent for 200 ms or more */
    uint64_t fast_retransmissions; /* of those: three acknowledgements had said nothing new */
    uint64_t duplicate_acknowledgements; /* segments of this side without payload that acknowledge
                                            what was acknowledged, while more was under way */
    uint32_t longest_run; /* how often the same bytes were sent again, at the most, before anything
                             new was acknowledged */
    int64_t longest_run_ns;     /* from the first of these times to the last, nanoseconds */
    uint32_t last_run;          /* in closed(): the same of the run that goes on, if one does */
    int64_t last_run_ns;        /* ... from its first time to what was sent last */
    uint64_t out_of_order;      /* segments that had to be held */
    uint64_t zero_window;       /* segments that advertised a window of zero (RST excluded) */
    uint64_t zero_window_spans; /* times that the window went to zero */
    int64_t zero_window_ns;     /* for how long in sum, nanoseconds; in closed(): one that never
                                   opened until the flow's last segment */
    int64_t longest_zero_window_ns;
    uint64_t acknowledged_unseen; /* how often the other side acknowledged bytes of this one before
                                    the capture showed them, if it ever did */
    bool awaited; /* by the layer above, which sets these two: when the other side has acknowledged
                   */
    uint32_t awaits;       /* ... so many bytes (modulo 2^32) of this one, gaps included */
    uint64_t acknowledges; /* in data(): bytes of the other side, gaps included, that this one had
                              acknowledged when it sent these; UINT64_MAX: not known */
    bool late; /* in data(): the other side acknowledged some of these bytes in an earlier packet of
                  the capture, and may have answered them there */
    int64_t unread_since; /* in closed(): what this side sent from this time on, nanoseconds, did
                             not get to the other one: it was sent again, and never acknowledged.
                             INT64_MAX: not known of anything */
    uint64_t gaps;        /* holes given up */
    uint64_t gap_bytes;   /* bytes in them */
    uint64_t bytes;       /* payload delivered, as reported on the wire; without gaps */
    uint64_t bytes_not_captured; /* of those, what the snap length cut off */
};

/* A TCP connection as far as the capture shows it. Read-only for the layers above, but for `user`,
 * what is awaited and, through tcp_ignore(), `ignored`. Valid from opened()
 * until closed() returns. */
struct tcp_flow {
    void *user;      /* the layer above's own; NULL at first */
    uint32_t stream; /* Wireshark's tcp.stream */
    uint32_t tunnel; /* that the packets have come through (packet.h) */
    uint8_t ip_version;
    bool ignored;
    int8_t initiator; /* the side that sent the SYN without ACK (or received the SYN/ACK), else
                       * TCP_SIDE_UNKNOWN */
    struct tcp_side side[2]; /* side 0 sent the first captured segment */
    struct tcp_moment first; /* the first segment */
    struct tcp_moment last;  /* the latest segment */
};

struct mqtt_memory;

/* What the layer above does with a flow. No callback may be NULL. A callback must not call this
 * module back, but for tcp_ignore() on its own flow. */
struct tcp_handler {
    /* The first segment of a flow. Most flows of a port scan or a SYN flood never carry a byte:
     * allocate at the first data(), not here. */
    void (*opened)(void *context, struct tcp_flow *flow, const struct tcp_moment *now);

    /* The next `bytes.reported` (> 0) bytes that `side` sent. With bytes.captured < bytes.reported
     * the rest was cut off by the snap length; the stream goes on behind it. The bytes live until
     * the callback returns. */
    void (*data)(void *context, struct tcp_flow *flow, unsigned side, const struct tcp_moment *now,
                 struct slice bytes);

    /* The next `count` (> 0) bytes that `side` sent are not in the capture. */
    void (*gap)(void *context, struct tcp_flow *flow, unsigned side, const struct tcp_moment *now,
                uint64_t count);

    /* `side` ended its half with TCP_END_FIN (nothing more will come from it), or the connection
     * with TCP_END_RST (but what was under way at that time may still come as data(), from either
     * side). FIN comes at most once a side, RST at most once a flow, and after RST no FIN. */
    void (*ended)(void *context, struct tcp_flow *flow, unsigned side, const struct tcp_moment *now,
                  enum tcp_end end);

    /* Nothing more will come of this flow; release `user`. `how` is FIN (both sides), RST, REUSED,
     * EVICTED or CAPTURE; an RST is reported some seconds of capture time after ended(), for the
     * sake of what was under way. */
    void (*closed)(void *context, struct tcp_flow *flow, const struct tcp_moment *now,
                   enum tcp_end how);

    /* The other side acknowledged what is awaited of `side`, or shows a round trip: it has
     * acknowledged `position` bytes (modulo 2^32) so far, gaps included. Comes behind the data() of
     * the same segment, if any: what is delivered before it answers without having said more.
     * `round_trip` is from the segment of `side` to this one, nanoseconds, as seen from the place
     * of the capture; negative: not known. May be NULL. */
    void (*acknowledged)(void *context, struct tcp_flow *flow, unsigned side,
                         const struct tcp_moment *now, uint32_t position, int64_t round_trip);
};

/* The bounds of all tables. Zero means the default. */
struct tcp_options {
    uint32_t max_flows;  /* flows kept, open or not yet closed; 262144 */
    uint32_t max_silent; /* of those, flows that have not carried payload yet; 65536 */
    uint32_t max_closed; /* closed flows remembered, so that late segments open no new one; 16384 */
    uint32_t max_held_segments; /* held for one side; 2048 */
    uint32_t max_held_bytes;    /* held for one side; 4 MiB */
    uint64_t max_held_total;    /* held for all flows; 32 MiB */
    uint64_t seed;              /* keys the hash table; choose it at random (0 does that) */
    struct mqtt_memory *memory; /* of flows and of what is held for them, besides those bounds; it
                                 * outlives them. NULL: the bounds are all */
};

/* What the whole capture showed. Counts of events; those that say that a bound bit are marked. */
struct tcp_counters {
    uint64_t segments; /* TCP segments whose flow could be told */
    uint64_t payload;  /* of those, with payload */
    uint64_t flows;    /* conversations, as Wireshark counts them */
    uint64_t retransmitted;
    uint64_t out_of_order;
    uint64_t gaps;
    uint64_t gap_bytes;
    uint64_t keep_alive; /* keep-alive probes: no byte or one, just before what is expected next */
    uint64_t not_captured;  /* payload bytes that the snap length cut off */
    uint64_t truncated;     /* segments cut inside the TCP header */
    uint64_t malformed;     /* segments whose header length cannot be */
    uint64_t beyond_window; /* segments further ahead, or longer, than any window: left out */
    uint64_t after_close;   /* segments with payload of a flow already closed: left out */
    uint64_t after_fin;     /* payload bytes behind the FIN of their own side: left out */
    uint64_t no_memory; /* bound: segments left out because there was no memory for their flow */
    uint64_t hold_full; /* bound: holes given up because too much was held */
    uint64_t evicted;   /* bound: open flows closed because the table was full */
    /* bound: flows closed within the last minute and no longer remembered. A late segment of one of
     * them would open a flow, and the numbers from there on differ from Wireshark's. */
    uint64_t forgotten;
};

/* A segment whose headers somebody else has read. */
struct tcp_segment {
    struct ip_packet packet; /* whose payload is the segment's own, without the TCP header */
    uint16_t source_port;
    uint16_t destination_port;
    uint32_t sequence;
    uint32_t acknowledgement;
    uint32_t window; /* scaled or not, but all of a side's alike */
    uint8_t flags;   /* the header's last eight */
    bool numbered; /* whoever read it has told the conversations apart, and this is one of them: */
    uint32_t stream; /* ... its tcp.stream */
};

enum tcp_result {
    TCP_OK,
    TCP_TRUNCATED, /* the capture ends inside the TCP header */
    TCP_MALFORMED, /* the header length is below 20, or above the segment's */
};

struct tcp; /* all flows of a capture */

/* Returns NULL without memory. `options` may be NULL; `handler` is copied, `context` is passed to
 * every callback. */
struct tcp *tcp_new(const struct tcp_options *options, const struct tcp_handler *handler,
                    void *context);

/* Takes one packet whose protocol is TCP and makes the callbacks that follow from it. Packets come
 * in the order of the capture; time may step backwards. */
enum tcp_result tcp_packet(struct tcp *tcp, const struct tcp_moment *now,
                           const struct ip_packet *packet);

/* The same for one that is decoded. Either all segments of a capture are numbered, or none. */
void tcp_segment(struct tcp *tcp, const struct tcp_moment *now, const struct tcp_segment *segment);

/* Wireshark's tcp.stream of the packet that tcp_packet() took last; -1: it has none. */
int64_t tcp_last_stream(const struct tcp *tcp);

/* The flow of these addresses and ports, and which side of it sends from `source`; NULL if there is
 * none, or it is closed. Of `segment`, nothing else is looked at. */
struct tcp_flow *tcp_find(const struct tcp *tcp, const struct tcp_segment *segment, unsigned *side);

/* No byte of this flow is wanted any more: data(), gap() and ended() stay away, nothing is held. It
 * is still numbered, and closed() still comes. May be called from within callbacks. */
void tcp_ignore(struct tcp *tcp, struct tcp_flow *flow);

/* The capture ended: delivers what is held (behind gaps) and closes every flow, in the order of
 * their numbers. */
void tcp_finish(struct tcp *tcp);

/* Lives as long as `tcp`. */
const struct tcp_counters *tcp_counters(const struct tcp *tcp);

/* Flows that are open now. */
uint32_t tcp_open_flows(const struct tcp *tcp);

/* Frees everything; makes no callbacks: call tcp_finish() before, if they are wanted. NULL is
 * allowed. */
void tcp_free(struct tcp *tcp);

#endif
