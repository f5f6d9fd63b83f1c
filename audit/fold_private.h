/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the fold share: the report in the making, and what finds things in it. Private
 * to audit/. */
#ifndef MQTTSCOPE_AUDIT_FOLD_PRIVATE_H
#define MQTTSCOPE_AUDIT_FOLD_PRIVATE_H

#include "audit/fold.h"
#include "audit/lowest.h"
#include "audit/strings.h"

/* Most PUBLISH packets are about a few topics: these are found without the table. */
#define RECENT_TOPICS 1024

struct audit_fold {
    struct audit_report report;
    struct audit_sink sink;
    struct audit_lowest connections, sessions, findings, topics; /* the report's lists */
    struct audit_lowest deliveries, slowest;                     /* the same */
    GHashTable *session_table; /* struct audit_session, by client identifier and server */
    GHashTable *topic_table; /* struct audit_string (the member `name` of) -> struct audit_topic */
    struct audit_topic unnamed;  /* PUBLISH packets whose topic is not known */
    struct audit_topic left_out; /* of topics that are not listed */
    struct audit_party *closed;  /* of the connection that was closed last; NULL: none was */
    uint64_t closed_number;
    GHashTable *delivery_table; /* struct audit_delivery, by topic, client, broker and group */
    struct audit_slow_delivery *spare; /* for the next one; NULL: none yet */
    int64_t slow_from; /* nanoseconds that a delivery has to take to be among the slowest */
    uint64_t sessions_left_out;                /* connections of sessions that are not listed */
    bool *diagnoses;                           /* which are looked for; NULL: all */
    struct audit_topic *recent[RECENT_TOPICS]; /* by recent_slot(); NULL: none */
};

/* The topic of this name; NULL if it is not among those that are listed. */
struct audit_topic *audit_fold_topic(struct audit_fold *fold, struct mqtt_slice name);

/* Adds the counts of a topic, or puts it into the list; frees it, or keeps it. */
void audit_fold_add_topic(struct audit_fold *fold, struct audit_topic *topic);

/* Adds the counts of a session to the listed one with its client identifier and server, or lists a
 * copy of it if there is room. */
void audit_fold_add_session(struct audit_fold *fold, const struct audit_session *session);

/* The listed session with this client identifier and server, or NULL. */
struct audit_session *audit_fold_session(struct audit_fold *fold, const struct audit_string *client,
                                         const struct audit_endpoint *server);

/* Deliveries: fold_deliveries.c. What was counted of a topic and a subscriber; what a delivery was
 * matched with; all of another fold; the order and the latencies of the report. */
void audit_fold_deliveries_init(struct audit_fold *fold, const struct audit_fold_options *options);
void audit_fold_deliveries(struct audit_fold *fold, const struct audit_delivery_row *row);
void audit_fold_match(struct audit_fold *fold, const struct audit_event *event);
void audit_fold_merge_deliveries(struct audit_fold *into, struct audit_fold *from);
void audit_fold_finish_deliveries(struct audit_fold *fold);
void audit_fold_deliveries_free(struct audit_fold *fold);

/* What a connection that is closed adds to its session; and that a session has expired whose client
 * did not come back. */
void audit_fold_stay(struct audit_fold *fold, const struct audit_connection *record,
                     const struct audit_event *event);
void audit_fold_expired(struct audit_fold *fold, const struct audit_event *event);

void audit_session_free(struct audit_session *session);

/* The endpoint that stands for the broker of a connection that is closed. */
const struct audit_endpoint *audit_connection_broker(const struct audit_connection *connection);

/* Lists a connection that is closed, or a finding, as long as it is among the first; frees what has
 * no room. */
void audit_fold_list_connection(struct audit_fold *fold, struct audit_connection *connection);
void audit_fold_list_finding(struct audit_fold *fold, struct audit_finding *finding);

/* More of a limit; the example and the hint with the lowest frames stay. */
void audit_add_limit(struct audit_limit *into, const struct audit_limit *more);

/* The capture has these times too. */
void audit_fold_times(struct audit_fold *fold, int64_t first, int64_t last);

/* Takes back a reference, and frees what nobody refers to. */
void audit_party_release(struct audit_party *party);

void audit_connection_free(struct audit_connection *connection);

/* `times` of the sum; those of `from` may be packed. */
void audit_handshakes_add(struct audit_handshakes *into, const struct audit_handshakes *from,
                          unsigned kind);
void audit_handshakes_clear(struct audit_handshakes *handshakes, unsigned kind);

/* How many requests with answers a handshake of a kind has. */
static inline unsigned audit_handshake_parts(unsigned kind)
{
    return kind == MQTT_HANDSHAKE_QOS_2 ? 2 : 1;
}

void audit_parts_add(struct audit_parts *into, const struct audit_parts *from);
void audit_histograms_merge(struct audit_histograms *into, const struct audit_histograms *from);
void audit_histograms_clear(struct audit_histograms *histograms);
void audit_topic_add(struct audit_topic *into, const struct audit_topic *from);

/* The orders of the report. */
int audit_connection_order(const void *a, const void *b);
int audit_finding_order(const void *a, const void *b);
int audit_session_order(const void *a, const void *b);
int audit_topic_order(const void *a, const void *b);

#endif
