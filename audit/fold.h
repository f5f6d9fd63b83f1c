/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report (model.h) as a fold over events (event.h).
 *
 *     fold = audit_fold_new(&options);
 *     audit_recorder_attach(recorder, audit_fold_sink(fold));
 *     ...                                      all events
 *     report = audit_fold_finish(fold);
 *
 * Reports merge exactly: events that are shared out among several folds, a connection to one of
 * them, and merged in any order and grouping, make the same report to the byte. Counts add,
 * latencies are counted in buckets that add, and what a bound leaves out does not depend on the
 * order: of connections and findings the first of the capture are listed; of topics, deliveries and
 * sessions, which every part knows only a part of, a sample by a hash of their names, whose counts
 * are whole.
 *
 * Memory depends on what is open and on the bounds below; never on the length of the capture. A
 * connection that is closed takes 1.5 to 2.5 kB, a session as much as its name and 0.2 kB, or 0.5
 * kB where its client came back, a topic its name and 0.1 kB, a topic of one subscriber both names
 * and 0.5 kB, a finding 0.1 kB: all bounds together 520 MB, where every name is as long as it can
 * be. What a bound leaves out is a limit in the report.
 */
#ifndef MQTTSCOPE_AUDIT_FOLD_H
#define MQTTSCOPE_AUDIT_FOLD_H

#include "audit/event.h"
#include "audit/model.h"

struct audit_fold;

struct audit_fold_options {
    bool one_client;          /* the events are of one client alone */
    uint32_t max_connections; /* listed; 0 stands for 100,000 */
    uint32_t max_sessions;    /* 100,000 */
    uint32_t max_findings;    /* 100,000; the counts a rule stay exact */
    uint32_t max_topics;      /* 10,000 */
    const bool *diagnoses;    /* which are looked for, AUDIT_DIAGNOSES of them, copied; NULL: all */
    uint32_t max_deliveries;  /* 10,000 pairs of a topic and a subscriber */
};

/* `options` may be NULL. */
struct audit_fold *audit_fold_new(const struct audit_fold_options *options);

/* Frees the report too. Connections must have been closed. NULL is allowed. */
void audit_fold_free(struct audit_fold *fold);

/* What another sink has found out about edge nodes of Sparkplug, for the report; lives as long as
 * that. */
void audit_fold_sparkplug(struct audit_fold *fold, const GPtrArray *nodes);

/* The events are of a span of the capture: its ends as they were given; MQTT_NO_TIME: not given. */
void audit_fold_span(struct audit_fold *fold, int64_t from, int64_t to);

/* To be attached to a recorder; belongs to the fold. */
struct audit_sink *audit_fold_sink(struct audit_fold *fold);

/* Moves all that `from` holds into `into`, and frees `from`. Both must have the same options, no
 * open connection, and no connection in common. */
void audit_fold_merge(struct audit_fold *into, struct audit_fold *from);

/* Brings everything into its order, which depends on the capture alone. The report lives as long as
 * the fold; after further events or a merge, call it again. */
const struct audit_report *audit_fold_finish(struct audit_fold *fold);

#endif
