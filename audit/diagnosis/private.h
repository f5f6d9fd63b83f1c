/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the diagnoses share: making one, and looking at a report. Private to audit/diagnosis/. */
#ifndef MQTTSCOPE_AUDIT_DIAGNOSIS_PRIVATE_H
#define MQTTSCOPE_AUDIT_DIAGNOSIS_PRIVATE_H

#include "audit/diagnosis/diagnoses.h"
#include "audit/diagnosis/thresholds.h"
#include "audit/report/format.h"
#include "mqtt/facts/time.h"

/* The looking for one diagnosis. */
struct diagnosing {
    const struct audit_report *report;
    unsigned id;
    GPtrArray *found;   /* struct audit_diagnosis */
    GHashTable *topics; /* struct audit_topic, by rank; NULL: nobody asked yet */
    GHashTable *of_key; /* char * -> one of them; NULL: none yet */
};

/* A function each, named after the row. */
#define AUDIT_DIAGNOSIS(id, ...) void diagnose_##id(struct diagnosing *diagnosing);
#include "audit/diagnoses.def"
#undef AUDIT_DIAGNOSIS

void audit_diagnosis_free(struct audit_diagnosis *diagnosis);

/* One more, of no client and no server yet, with the title of its row. */
struct audit_diagnosis *diagnosis_add(struct diagnosing *diagnosing, bool sure);

/* The one that was added under this key; a new one, if there is none. */
struct audit_diagnosis *diagnosis_of(struct diagnosing *diagnosing, const char *key, bool sure);

/* The same under the server of a connection: one a server. */
struct audit_diagnosis *diagnosis_of_server(struct diagnosing *diagnosing,
                                            const struct audit_connection *connection, bool sure);

/* The line that says it, in place of the row's title. */
void diagnosis_title(struct audit_diagnosis *diagnosis, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

/* Whom it is about, each once, in the order in which they come. NULL is nobody. */
void diagnosis_client(struct audit_diagnosis *diagnosis, const struct audit_string *client);
void diagnosis_server(struct audit_diagnosis *diagnosis, const struct audit_endpoint *server);

/* Client and server of a connection. */
void diagnosis_about(struct audit_diagnosis *diagnosis, const struct audit_connection *connection);

/* One more that shows it: counted, and listed as long as there is room. Frame 0, stream -1: none.
 */
void diagnosis_evidence(struct audit_diagnosis *diagnosis, uint64_t frame, int64_t stream,
                        int64_t time, const char *format, ...) G_GNUC_PRINTF(5, 6);

/* Takes the last one back; and all those that have happened less than `least` times. */
void diagnosis_drop(struct diagnosing *diagnosing);
void diagnosis_keep_patterns(struct diagnosing *diagnosing, uint64_t least);

/* The time that it spans has this one in it. */
void diagnosis_spans(struct audit_diagnosis *diagnosis, int64_t time);

/* ---- Looking at connections ---- */

/* Nothing is missing of what it carried. */
static inline bool is_whole(const struct audit_connection *connection)
{
    const struct audit_transport *transport = connection->facts.transport;
    return connection->facts.connect_seen && transport[0].gaps == 0 && transport[1].gaps == 0;
}

static inline int64_t age_of(const struct audit_connection *connection)
{
    return mqtt_elapsed(connection->facts.end_time, connection->start_time);
}

/* The side that ended it without a word of MQTT, or by DISCONNECT of a server; 2: neither, or not
 * known. */
unsigned ended_by(const struct audit_connection *connection);

/* The side that sends again what nobody acknowledges until the end, while nothing comes from the
 * other one; 2: neither does. */
unsigned talks_to_nobody(const struct audit_connection *connection);

/* A part of middlebox-idle: boxes that forget connections without a word. */
void diagnose_forgetful_box(struct diagnosing *diagnosing);

/* The last packet of either side. */
const struct audit_mark *last_mark(const struct audit_connection *connection);

/* A topic of the report by its rank; NULL: it is not listed. */
const struct audit_topic *topic_by_rank(struct diagnosing *diagnosing, uint64_t rank);

/* A client identifier as printable text, cut to fit a line, for g_free(). NULL: "a client". */
char *client_words(const struct audit_string *client);

/* The same as a key, for diagnosis_of(): its words may be cut. Written to `key`. */
const char *client_key(char key[static FORMAT_SIZE], const struct audit_string *client);

/* The endpoint that stands for its broker. */
const struct audit_endpoint *broker_of(const struct audit_connection *connection);

static inline const struct audit_endpoint *client_of(const struct audit_connection *connection)
{
    return connection->real_client.address[0] != '\0'
               ? &connection->real_client
               : &connection->endpoints[connection->facts.client];
}

/* How a connection ended: "the server closes it"; and what many have in common: "were closed by the
 * server". `cause`: enum mqtt_end_cause. */
const char *end_words(unsigned cause);
const char *end_of_many(unsigned cause);

/* The lowest and the highest of times that are compared. */
struct spread {
    uint32_t count;
    int64_t least, most;
};

void spread_add(struct spread *spread, int64_t value);

/* Whether all of them are the same to within CONSTANT_PERCENT of the highest. */
bool spread_is_constant(const struct spread *spread);

#endif
