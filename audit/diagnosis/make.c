/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making a diagnosis, and the words for what it is about: see private.h. */
#include "audit/diagnosis/private.h"

#include <string.h>

#include "audit/report/escape.h"
#include "audit/strings.h"

#define NAME_WIDTH 40

static void evidence_clear(gpointer element)
{
    struct audit_evidence *evidence = element;
    g_free(evidence->text);
}

void audit_diagnosis_free(struct audit_diagnosis *diagnosis)
{
    g_free(diagnosis->title);
    g_ptr_array_free(diagnosis->clients, TRUE);
    g_ptr_array_free(diagnosis->servers, TRUE);
    g_array_free(diagnosis->evidence, TRUE);
    g_free(diagnosis);
}

struct audit_diagnosis *diagnosis_add(struct diagnosing *diagnosing, bool sure)
{
    struct audit_diagnosis *diagnosis = g_new0(struct audit_diagnosis, 1);
    diagnosis->id = (uint16_t)diagnosing->id;
    diagnosis->severity = audit_diagnosis_info(diagnosing->id)->severity;
    diagnosis->sure = sure;
    diagnosis->since = INT64_MAX;
    diagnosis->until = INT64_MIN;
    diagnosis->title = g_strdup(audit_diagnosis_info(diagnosing->id)->title);
    diagnosis->clients = g_ptr_array_new();
    diagnosis->servers = g_ptr_array_new();
    diagnosis->evidence = g_array_new(FALSE, TRUE, sizeof(struct audit_evidence));
    g_array_set_clear_func(diagnosis->evidence, evidence_clear);
    g_ptr_array_add(diagnosing->found, diagnosis);
    return diagnosis;
}

struct audit_diagnosis *diagnosis_of(struct diagnosing *diagnosing, const char *key, bool sure)
{
    if (diagnosing->of_key == NULL)
        diagnosing->of_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    struct audit_diagnosis *diagnosis = g_hash_table_lookup(diagnosing->of_key, key);
    if (diagnosis == NULL) {
        diagnosis = diagnosis_add(diagnosing, sure);
        g_hash_table_insert(diagnosing->of_key, g_strdup(key), diagnosis);
    }
    return diagnosis;
}

struct audit_diagnosis *diagnosis_of_server(struct diagnosing *diagnosing,
                                            const struct audit_connection *connection, bool sure)
{
    char key[FORMAT_SIZE];
    struct audit_diagnosis *diagnosis =
        diagnosis_of(diagnosing, format_endpoint(key, broker_of(connection)), sure);
    diagnosis_server(diagnosis, broker_of(connection));
    return diagnosis;
}

void diagnosis_title(struct audit_diagnosis *diagnosis, const char *format, ...)
{
    va_list arguments;
    g_free(diagnosis->title);
    va_start(arguments, format);
    diagnosis->title = g_strdup_vprintf(format, arguments);
    va_end(arguments);
}

void diagnosis_client(struct audit_diagnosis *diagnosis, const struct audit_string *client)
{
    if (client == NULL || diagnosis->clients->len >= CLIENTS_MAX)
        return;
    for (unsigned i = 0; i < diagnosis->clients->len; i++)
        if (audit_string_equal(g_ptr_array_index(diagnosis->clients, i), client))
            return;
    g_ptr_array_add(diagnosis->clients, (gpointer)(uintptr_t)client);
}

void diagnosis_server(struct audit_diagnosis *diagnosis, const struct audit_endpoint *server)
{
    if (diagnosis->servers->len >= SERVERS_MAX)
        return;
    for (unsigned i = 0; i < diagnosis->servers->len; i++)
        if (audit_endpoint_equal(g_ptr_array_index(diagnosis->servers, i), server))
            return;
    g_ptr_array_add(diagnosis->servers, (gpointer)(uintptr_t)server);
}

void diagnosis_about(struct audit_diagnosis *diagnosis, const struct audit_connection *connection)
{
    diagnosis_client(diagnosis, connection->client_identifier);
    diagnosis_server(diagnosis, broker_of(connection));
}

void diagnosis_drop(struct diagnosing *diagnosing)
{
    audit_diagnosis_free(g_ptr_array_steal_index(diagnosing->found, diagnosing->found->len - 1));
}

void diagnosis_keep_patterns(struct diagnosing *diagnosing, uint64_t least)
{
    for (unsigned i = diagnosing->found->len; i-- > 0;) {
        struct audit_diagnosis *diagnosis = g_ptr_array_index(diagnosing->found, i);
        if (diagnosis->count < least)
            audit_diagnosis_free(g_ptr_array_steal_index(diagnosing->found, i));
    }
}

void diagnosis_spans(struct audit_diagnosis *diagnosis, int64_t time)
{
    diagnosis->since = MIN(diagnosis->since, time);
    diagnosis->until = MAX(diagnosis->until, time);
}

void diagnosis_evidence(struct audit_diagnosis *diagnosis, uint64_t frame, int64_t stream,
                        int64_t time, const char *format, ...)
{
    va_list arguments;
    diagnosis->count++;
    diagnosis_spans(diagnosis, time);
    if (diagnosis->evidence->len >= EVIDENCE_MAX)
        return;
    va_start(arguments, format);
    const struct audit_evidence evidence = {.frame = frame,
                                            .stream = stream,
                                            .time = time,
                                            .text = g_strdup_vprintf(format, arguments)};
    va_end(arguments);
    g_array_append_val(diagnosis->evidence, evidence);
}

/* ---- Words ---- */

char *client_words(const struct audit_string *client)
{
    if (client == NULL)
        return g_strdup("a client");
    char *name = escape_string(client);
    escape_cut(name, NAME_WIDTH);
    return name;
}

const char *client_key(char key[static FORMAT_SIZE], const struct audit_string *client)
{
    const uint64_t rank =
        client != NULL ? audit_rank((struct mqtt_slice){client->bytes, client->length}) : 0;
    g_snprintf(key, FORMAT_SIZE, "%016" G_GINT64_MODIFIER "x", rank);
    return key;
}

const struct audit_endpoint *broker_of(const struct audit_connection *connection)
{
    return connection->broker != NULL ? connection->broker
                                      : &connection->endpoints[1 - connection->facts.client];
}

const char *end_words(unsigned cause)
{
    static const char *const words[MQTT_END_CAUSES] = {
        [MQTT_END_OPEN] = "it is still open",
        [MQTT_END_CLIENT_DISCONNECT] = "the client disconnects",
        [MQTT_END_SERVER_DISCONNECT] = "the server sends DISCONNECT",
        [MQTT_END_REFUSED] = "the server refuses it",
        [MQTT_END_KEEP_ALIVE] = "the keep alive runs out",
        [MQTT_END_TAKEN_OVER] = "another connection takes over",
        [MQTT_END_PROTOCOL_ERROR] = "it is closed after a violation",
        [MQTT_END_CLIENT_CLOSED] = "the client closes it",
        [MQTT_END_SERVER_CLOSED] = "the server closes it",
        [MQTT_END_CLIENT_RESET] = "the client resets it",
        [MQTT_END_SERVER_RESET] = "the server resets it",
        [MQTT_END_REPLACED] = "its ports are used again",
        [MQTT_END_TIMED_OUT] = "nobody answers any more",
    };
    return words[cause];
}

const char *end_of_many(unsigned cause)
{
    static const char *const words[MQTT_END_CAUSES] = {
        [MQTT_END_OPEN] = "are still open",
        [MQTT_END_CLIENT_DISCONNECT] = "were ended by the client's DISCONNECT",
        [MQTT_END_SERVER_DISCONNECT] = "were ended by the server's DISCONNECT",
        [MQTT_END_REFUSED] = "were refused",
        [MQTT_END_KEEP_ALIVE] = "ended because the keep alive ran out",
        [MQTT_END_TAKEN_OVER] = "were taken over",
        [MQTT_END_PROTOCOL_ERROR] = "were closed after a violation",
        [MQTT_END_CLIENT_CLOSED] = "were closed by the client",
        [MQTT_END_SERVER_CLOSED] = "were closed by the server",
        [MQTT_END_CLIENT_RESET] = "were reset by the client",
        [MQTT_END_SERVER_RESET] = "were reset by the server",
        [MQTT_END_REPLACED] = "were replaced by a new one from the same port",
        [MQTT_END_TIMED_OUT] = "ended in silence",
    };
    return words[cause];
}

unsigned ended_by(const struct audit_connection *connection)
{
    const uint8_t client = connection->facts.client;
    switch (connection->facts.end_cause) {
    case MQTT_END_CLIENT_CLOSED:
    case MQTT_END_CLIENT_RESET: return client;
    case MQTT_END_SERVER_DISCONNECT:
    case MQTT_END_SERVER_CLOSED:
    case MQTT_END_SERVER_RESET: return 1u - client;
    default: return 2;
    }
}

const struct audit_mark *last_mark(const struct audit_connection *connection)
{
    const struct audit_mark *last = connection->signs.last;
    return last[0].frame > last[1].frame ? &last[0] : &last[1];
}

const struct audit_topic *topic_by_rank(struct diagnosing *diagnosing, uint64_t rank)
{
    const GPtrArray *topics = diagnosing->report->topics;
    if (diagnosing->topics == NULL) {
        diagnosing->topics = g_hash_table_new(g_int64_hash, g_int64_equal);
        for (unsigned i = 0; i < topics->len; i++) {
            struct audit_topic *topic = g_ptr_array_index(topics, i);
            g_hash_table_insert(diagnosing->topics, &topic->rank, topic);
        }
    }
    return g_hash_table_lookup(diagnosing->topics, &rank);
}

void spread_add(struct spread *spread, int64_t value)
{
    spread->least = spread->count == 0 ? value : MIN(spread->least, value);
    spread->most = spread->count == 0 ? value : MAX(spread->most, value);
    spread->count++;
}

bool spread_is_constant(const struct spread *spread)
{
    return spread->count > 0 && spread->least > 0 &&
           spread->most - spread->least <= spread->most / 100 * CONSTANT_PERCENT;
}
