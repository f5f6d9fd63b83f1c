/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What audit.c, finish.c and merge.c share: the report, and the tables that find things in it. */
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
