/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of TCP flows: found by addresses and ports in either direction, and kept in one list
 * for each state in which a flow can be given up for another reason. Private to tcp/.
 */
#ifndef MQTTSCOPE_TCP_FLOWS_H
#define MQTTSCOPE_TCP_FLOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp/hold.h"
#include "tcp/path.h"
#include "tcp/tcp.h"
#include "tcp/unread.h"

enum flow_state {
    FLOW_SILENT, /* open, no payload yet: all that a port scan or a SYN flood makes */
    FLOW_SPOKEN, /* open, with payload */
    FLOW_RESET,  /* an RST was seen; what was under way may still come */
    FLOW_CLOSED, /* closed() was called; kept so that late segments find it */
    FLOW_STATES
};

/* What reassembly keeps of one direction. */
struct half {
    uint32_t next;  /* sequence number of the next byte to deliver; valid if `started` */
    uint32_t base;  /* what Wireshark takes for the initial sequence number; valid if `based` */
    uint32_t fin;   /* sequence number of the FIN; valid if `fin_seen` */
    uint32_t acked; /* the latest acknowledgement that the other side sent; valid if `acked_seen` */
    bool started;
    bool based;
    bool fin_seen;
    bool acked_seen;
    struct hold hold; /* what came early */
    struct unread unread;
    struct path path; /* to the other side */
};

struct flow {
    struct tcp_flow face; /* first, so that a pointer to it is one to the flow */
    struct half half[2];
    enum flow_state state;
    uint64_t hash;
    uint64_t queued_frame; /* the flow's last frame when it was put at the end of its list */
    struct flow *chain;    /* the next in the same bucket */
    struct flow *previous; /* in the list of its state */
    struct flow *next;
};

struct flow_list {
    struct flow *head; /* the one that was put there first */
    struct flow *tail;
    uint32_t count;
};

struct flow_slab;

struct flows {
    struct flow **buckets;
    uint32_t bucket_mask; /* their number, a power of two, less one */
    uint32_t count;       /* flows in all lists */
    struct flow_list lists[FLOW_STATES];
    struct flow *unused; /* linked by `chain` */
    struct flow_slab *slabs;
    struct mqtt_memory *memory; /* of flows and of what they hold; may be NULL */
    uint64_t keys[6];           /* of the hash */
};

/* Returns false without memory. A seed of 0 stands for a random one. */
bool flows_init(struct flows *flows, uint64_t seed, struct mqtt_memory *memory);

void flows_clear(struct flows *flows);

/* The hash of a packet's addresses and ports; the same for both directions. */
uint64_t flows_hash(const struct flows *flows, const struct ip_packet *packet, uint16_t source_port,
                    uint16_t destination_port);

/* Finds the flow of a packet and which side sent it; NULL where there is none. */
struct flow *flows_find(const struct flows *flows, uint64_t hash, const struct ip_packet *packet,
                        uint16_t source_port, uint16_t destination_port, unsigned *side);

/* Adds a flow, zeroed but for hash and state (FLOW_SILENT). Returns NULL without memory. */
struct flow *flows_add(struct flows *flows, uint64_t hash);

/* Puts a flow at the end of a list. */
void flows_move(struct flows *flows, struct flow *flow, enum flow_state state);

/* Frees a flow and what it holds. */
void flows_remove(struct flows *flows, struct flow *flow);

/* The flow of a list that has been quiet for longest, near enough; NULL where the list is empty.
 * Puts those that have been active since they were queued at the end again, so that no packet has
 * to. */
struct flow *flows_quietest(struct flows *flows, enum flow_state state);

#endif
