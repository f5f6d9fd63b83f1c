/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of audit/ share: the report in the making, and the tables that find things in it.
 */
#ifndef MQTTSCOPE_AUDIT_PRIVATE_H
#define MQTTSCOPE_AUDIT_PRIVATE_H

#include "audit/audit.h"
#include "audit/strings.h"

struct audit_bounds {
    uint32_t connections, sessions, findings, topics;
};

struct audit {
    struct audit_report report;
    struct audit_bounds bounds;
    bool rules[MQTT_RULES];
    struct mqtt_slice only_client; /* owned; length 0: all */
    GHashTable *strings;           /* client identifiers */
    GHashTable *sessions;          /* struct audit_session, by client identifier and server */
    GHashTable *topics;            /* struct audit_string (the key is its member `name`'s) -> struct
                                      audit_topic */
    GHashTable *sessions_of;       /* const struct mqtt_session * -> struct audit_session * */
    uint64_t findings_kept;        /* in the report, and with connections that are open */
};

/* A connection that is not closed yet. */
struct audit_open {
    struct audit_connection *record;
    bool start_seen;
    bool identified;                   /* the client identifier was looked at */
    bool wanted;                       /* as far as known: of the client that was asked for */
    const struct audit_string *client; /* the record's client identifier */
    struct audit_topic *last_topic[2]; /* by sending side: most publish to one topic */
    GArray *findings;                  /* struct audit_finding; NULL: none */
    uint64_t finding_order;
};

/* What a side did so far with handshakes of a kind; made if there was nothing. */
struct audit_handshakes *audit_open_handshakes(struct audit_open *open, unsigned side,
                                               unsigned kind);

/* Counts where a handshake that is met at its end began, if that was not counted as it happened:
 * true if it began and ran on this connection, so that the time between tells something. */
bool audit_count_beginning(const struct audit_open *open, struct audit_handshakes *entry,
                           const struct mqtt_handshake *handshake);

/* Keeps a finding with the connection, or counts it if there is no room; and those of a step. */
void audit_keep_finding(struct audit *audit, struct audit_open *open,
                        const struct mqtt_finding *finding);
void audit_keep_findings(struct audit *audit, struct audit_open *open,
                         const struct mqtt_step *step);

/* The listed topic of this name, made if there is room; else NULL. */
struct audit_topic *audit_topic_get(struct audit *audit, const struct audit_string *name);

/* The session that `like` names by its client identifier and server; made if there is room; else
 * NULL. */
struct audit_session *audit_session_get(struct audit *audit, const struct audit_session *like);

/* A client identifier, interned; NULL if it is empty, or there is no room. */
const struct audit_string *audit_client_get(struct audit *audit, const struct audit_string *name);

void audit_topic_add(struct audit_topic *into, const struct audit_topic *from);
void audit_handshakes_add(struct audit_handshakes *into, const struct audit_handshakes *from);

/* Fills the latency from the times. */
void audit_handshakes_measure(struct audit_handshakes *handshakes);

/* Frees the times; all else stays. */
void audit_handshakes_clear(struct audit_handshakes *handshakes);
void audit_connection_free(struct audit_connection *connection);

#endif
