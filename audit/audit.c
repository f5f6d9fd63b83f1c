/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit itself: its tables, its files and its limits. */
#include "audit/private.h"

#include <string.h>

static const struct audit_limit_info limit_infos[AUDIT_LIMITS] = {
#define AUDIT_LIMIT(id, kind, counted, consequence)                                                \
    [AUDIT_LIMIT_##id] = {kind, counted, consequence},
#include "audit/limits.def"
#undef AUDIT_LIMIT
};

const struct audit_limit_info *audit_limit_info(enum audit_limit_kind kind)
{
    return &limit_infos[kind];
}

static guint session_hash(gconstpointer key)
{
    const struct audit_session *session = key;
    return (guint)session->client_identifier->hash ^ g_str_hash(session->server.address) ^
           session->server.port;
}

static gboolean session_equal(gconstpointer a, gconstpointer b)
{
    const struct audit_session *x = a, *y = b;
    return x->client_identifier == y->client_identifier && x->server.port == y->server.port &&
           strcmp(x->server.address, y->server.address) == 0;
}

static void file_clear(gpointer element)
{
    struct audit_file *file = element;
    g_free(file->name);
    g_free(file->problem);
}

void audit_connection_free(struct audit_connection *connection)
{
    for (unsigned side = 0; side < 2; side++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++) {
            if (connection->handshakes[side][kind] != NULL)
                audit_handshakes_clear(connection->handshakes[side][kind]);
            g_free(connection->handshakes[side][kind]);
        }
    g_free(connection);
}

static void topic_free(gpointer element)
{
    struct audit_topic *topic = element;
    /* The name was made here, and nothing in the report changes it. */
    g_free((gpointer)(uintptr_t)topic->name);
    g_free(topic);
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

struct audit *audit_new(const struct audit_options *options)
{
    const struct audit_options none = {0};
    if (options == NULL)
        options = &none;

    struct audit *audit = g_new0(struct audit, 1);
    audit->bounds = (struct audit_bounds){
        .connections = or_default(options->max_connections, 100000),
        .sessions = or_default(options->max_sessions, 100000),
        .findings = or_default(options->max_findings, 100000),
        .topics = or_default(options->max_topics, 10000),
    };
    for (unsigned i = 0; i < MQTT_RULES; i++)
        audit->rules[i] = options->rules == NULL || options->rules[i];
    struct mqtt_slice client = options->client_identifier;
    if (client.length > 0)
        audit->only_client =
            (struct mqtt_slice){g_memdup2(client.data, client.length), client.length};

    audit->strings = audit_strings_new();
    audit->sessions = g_hash_table_new(session_hash, session_equal);
    audit->sessions_of = g_hash_table_new(NULL, NULL);
    audit->topics = g_hash_table_new(audit_string_hash, audit_string_equal);

    struct audit_report *report = &audit->report;
    report->one_client = client.length > 0;
    report->capture.files = g_array_new(FALSE, TRUE, sizeof(struct audit_file));
    g_array_set_clear_func(report->capture.files, file_clear);
    report->connections =
        g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))audit_connection_free);
    report->sessions = g_ptr_array_new_with_free_func(g_free);
    report->findings = g_array_new(FALSE, TRUE, sizeof(struct audit_finding));
    report->topics = g_ptr_array_new_with_free_func(topic_free);
    return audit;
}

void audit_free(struct audit *audit)
{
    if (audit == NULL)
        return;
    struct audit_report *report = &audit->report;
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            audit_handshakes_clear(&report->totals.handshakes[role][kind]);
    g_hash_table_destroy(audit->topics);
    g_hash_table_destroy(audit->sessions_of);
    g_hash_table_destroy(audit->sessions);
    g_ptr_array_free(report->topics, TRUE);
    g_array_free(report->findings, TRUE);
    g_ptr_array_free(report->sessions, TRUE);
    g_ptr_array_free(report->connections, TRUE);
    g_array_free(report->capture.files, TRUE);
    g_hash_table_destroy(audit->strings);
    g_free((gpointer)(uintptr_t)audit->only_client.data);
    g_free(audit);
}

void audit_file_begin(struct audit *audit, const char *name, uint64_t frames_before)
{
    struct audit_file file = {.name = g_strdup(name), .first_frame = frames_before + 1};
    g_array_append_val(audit->report.capture.files, file);
}

void audit_file_end(struct audit *audit, uint64_t packets, uint64_t bytes, const char *problem)
{
    struct audit_capture *capture = &audit->report.capture;
    struct audit_file *file =
        &g_array_index(capture->files, struct audit_file, capture->files->len - 1);
    file->packets = packets;
    file->problem = g_strdup(problem);
    capture->packets += packets;
    capture->bytes += bytes;
}

void audit_capture_times(struct audit *audit, int64_t first, int64_t last)
{
    struct audit_capture *capture = &audit->report.capture;
    if (!capture->has_times || first < capture->first_time)
        capture->first_time = first;
    if (!capture->has_times || last > capture->last_time)
        capture->last_time = last;
    capture->has_times = true;
}

void audit_limit(struct audit *audit, enum audit_limit_kind kind, uint64_t count, uint64_t bytes)
{
    audit->report.capture.limits[kind].count += count;
    audit->report.capture.limits[kind].bytes += bytes;
}

struct audit_topic *audit_topic_get(struct audit *audit, const struct audit_string *name)
{
    struct audit_topic *topic = g_hash_table_lookup(audit->topics, name);
    if (topic != NULL || audit->report.topics->len >= audit->bounds.topics)
        return topic;
    topic = g_new0(struct audit_topic, 1);
    struct audit_string *copy = audit_string_copy(name);
    topic->name = copy;
    g_ptr_array_add(audit->report.topics, topic);
    g_hash_table_insert(audit->topics, copy, topic);
    return topic;
}

struct audit_session *audit_session_get(struct audit *audit, const struct audit_session *like)
{
    struct audit_session *session = g_hash_table_lookup(audit->sessions, like);
    if (session != NULL || audit->report.sessions->len >= audit->bounds.sessions)
        return session;
    session = g_new0(struct audit_session, 1);
    session->client_identifier = like->client_identifier;
    session->server = like->server;
    session->order = UINT64_MAX;
    g_ptr_array_add(audit->report.sessions, session);
    g_hash_table_add(audit->sessions, session);
    return session;
}

const struct audit_string *audit_client_get(struct audit *audit, const struct audit_string *name)
{
    if (name->length == 0)
        return NULL;
    /* Connections and findings beyond their bounds need no names. */
    if (g_hash_table_size(audit->strings) >= audit->bounds.connections + audit->bounds.findings)
        return NULL;
    return audit_strings_get(audit->strings, name);
}

const struct audit_file *audit_locate(const struct audit_report *report, uint64_t frame,
                                      uint64_t *number)
{
    const GArray *files = report->capture.files;
    for (unsigned i = files->len; frame > 0 && i-- > 0;) {
        const struct audit_file *file = audit_report_file(report, i);
        if (file->first_frame <= frame) {
            *number = frame - file->first_frame + 1;
            return file;
        }
    }
    return NULL;
}
