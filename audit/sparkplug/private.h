/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the Sparkplug audit share. Private to audit/sparkplug/. */
#ifndef MQTTSCOPE_AUDIT_SPARKPLUG_PRIVATE_H
#define MQTTSCOPE_AUDIT_SPARKPLUG_PRIVATE_H

#include "audit/sparkplug/payload.h"
#include "audit/sparkplug/sparkplug.h"
#include "audit/sparkplug/topic.h"

struct sparkplug {
    struct sparkplug_options options;
    struct audit_sink sink;
    GHashTable *table;         /* struct node, by server, group and node */
    GPtrArray *nodes;          /* struct audit_sparkplug_node, the same */
    uint32_t devices, aliases; /* in all tables of edges */
    uint64_t left_out;
};

/* An edge node of the report, and what one connection leaves for the next. */
struct node {
    struct audit_sparkplug_node row; /* first */
    uint64_t hash;
    bool bdseq_known;
    uint64_t bdseq;       /* of the last CONNECT */
    uint64_t bdseq_frame; /* of that */
};

enum birth {
    UNBORN,
    BORN,
    BIRTH_UNKNOWN, /* the capture may lack it, or that it is missing was said */
};

/* What an edge node does on one connection. */
struct edge {
    struct audit_string *group, *name; /* owned */
    struct node *node;                 /* NULL: there was no room */
    uint32_t gaps;                     /* of the client's side, when it was last looked at */
    enum birth birth;
    uint64_t birth_frame;       /* of the last NBIRTH; 0: none */
    uint64_t first_birth_frame; /* 0: none */
    int64_t first_birth_time;
    bool seq_known;
    uint8_t seq;            /* the last one */
    bool dead;              /* NDEATH was published since the last NBIRTH */
    GHashTable *devices;    /* struct audit_string -> struct device */
    GPtrArray *owners;      /* struct device by number, from 1; at 0 the node */
    bool devices_known;     /* no birth of a device since NBIRTH is missing in the table */
    GHashTable *aliases;    /* uint64_t -> struct alias */
    bool aliases_known;     /* no alias of a birth since NBIRTH is missing in the table */
    uint64_t rebirth_frame; /* of the command that asks for it; 0: none does */
    int64_t rebirth_time;
};

/* What CONNECT says of the client. */
struct will {
    bool present;
    bool ndeath;                       /* its topic is some node's */
    struct audit_string *group, *name; /* then: whose; owned */
    bool bdseq_known;
    uint64_t bdseq;
};

/* A client that has to do with Sparkplug; flow->state. */
struct client {
    bool connect_seen; /* CONNECT was, as a whole */
    bool will_told;    /* that the will is missing */
    struct will will;
    struct edge *edge; /* NULL: it has published nothing of one */
};

/* States that need no memory. */
extern struct client sparkplug_without_will; /* its CONNECT has no will, and nothing else */
extern struct client sparkplug_relay;        /* it passes on what others have sent */

/* One message of Sparkplug and what it is judged by. */
struct message {
    struct sparkplug *sparkplug;
    const struct audit_event *event;
    struct sparkplug_topic topic;
    const Sparkplug__Payload *payload; /* NULL: not read */
};

static inline bool is_birth(enum sparkplug_type type)
{
    return type == SPARKPLUG_NBIRTH || type == SPARKPLUG_DBIRTH;
}

/* Tells of a finding that names the packet of the event. */
void sparkplug_found(const struct sparkplug *sparkplug, const struct audit_event *event,
                     enum mqtt_rule rule, uint64_t a, uint64_t b);

/* The node of this name at the server of the event's connection; NULL: there is no room. */
struct node *sparkplug_node(struct sparkplug *sparkplug, const struct audit_event *event,
                            struct mqtt_slice group, struct mqtt_slice name);

/* Makes and frees what one connection knows of its edge node; what it publishes; what it is sent.
 */
struct edge *sparkplug_edge_new(const struct message *message, bool from_start);
void sparkplug_edge_free(struct sparkplug *sparkplug, struct edge *edge);
void sparkplug_edge_forget(struct edge *edge);
void sparkplug_edge_publishes(const struct message *message, struct edge *edge,
                              const struct will *will);
void sparkplug_edge_is_told(const struct message *message, struct edge *edge);

/* What holds of every payload with metrics. */
void sparkplug_check_payload(const struct message *message);

/* What holds of every NDEATH: a published one, or a will. */
void sparkplug_check_ndeath(const struct sparkplug *sparkplug, const struct audit_event *event,
                            const Sparkplug__Payload *payload);

/* The bdSeq of a payload; false: it has none. */
bool sparkplug_bdseq(const Sparkplug__Payload *payload, uint64_t *value);

#endif
