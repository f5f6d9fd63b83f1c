/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages that the server keeps: floods of them, commands among them, and states that stay wrong;
 * and those that bridges send round. */
#include "audit/diagnosis/private.h"

#include <string.h>

static const struct audit_connection *at(const GPtrArray *connections, unsigned i)
{
    return (const struct audit_connection *)g_ptr_array_index(connections, i);
}

/* ---- Floods ---- */

static void tell_burst(struct audit_diagnosis *diagnosis, const struct audit_connection *connection)
{
    const struct audit_span *burst = &connection->signs.burst;
    char *name = client_words(connection->client_identifier);
    char lasted[FORMAT_SIZE];
    diagnosis_about(diagnosis, connection);
    diagnosis_evidence(diagnosis, burst->frame, connection->stream, burst->since,
                       "%u retained messages for a SUBSCRIBE of %s, in %s", burst->count, name,
                       format_duration(lasted, mqtt_elapsed(burst->until, burst->since)));
    g_free(name);
}

void diagnose_retained_flood(struct diagnosing *diagnosing)
{
    const GPtrArray *connections = diagnosing->report->connections;
    for (unsigned i = 0; i < connections->len; i++) {
        const struct audit_connection *connection = at(connections, i);
        if (connection->signs.floods == 0)
            continue;
        struct audit_diagnosis *diagnosis = diagnosis_of_server(diagnosing, connection, true);
        tell_burst(diagnosis, connection);
        diagnosis->count += connection->signs.floods - 1;
    }
    diagnosis_keep_patterns(diagnosing, PATTERN_LEAST);
    for (unsigned i = 0; i < diagnosing->found->len; i++) {
        struct audit_diagnosis *diagnosis = g_ptr_array_index(diagnosing->found, i);
        diagnosis_title(diagnosis, "Subscriptions bring floods of retained messages: %u times",
                        (unsigned)diagnosis->count);
    }
}

static bool is_cut_off(const struct audit_connection *connection)
{
    return connection->signs.burst.count >= CUT_OFF_LEAST && is_whole(connection);
}

/* Those that stop at the same number at one server, where somebody else got more. */
void diagnose_retained_cut_off(struct diagnosing *diagnosing)
{
    const GPtrArray *connections = diagnosing->report->connections;
    GHashTable *most = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    char server[FORMAT_SIZE];
    for (unsigned i = 0; i < connections->len; i++) {
        const uint32_t count = at(connections, i)->signs.burst.count;
        format_endpoint(server, broker_of(at(connections, i)));
        if (count > GPOINTER_TO_UINT(g_hash_table_lookup(most, server)))
            g_hash_table_insert(most, g_strdup(server), GUINT_TO_POINTER(count));
    }
    for (unsigned i = 0; i < connections->len; i++) {
        const struct audit_connection *connection = at(connections, i);
        format_endpoint(server, broker_of(connection));
        if (!is_cut_off(connection) ||
            GPOINTER_TO_UINT(g_hash_table_lookup(most, server)) <= connection->signs.burst.count)
            continue;
        char *key = g_strdup_printf("%s %u", server, connection->signs.burst.count);
        struct audit_diagnosis *diagnosis = diagnosis_of(diagnosing, key, false);
        tell_burst(diagnosis, connection);
        diagnosis_title(diagnosis, "Retained messages stop at %u for %u clients",
                        connection->signs.burst.count, diagnosis->clients->len);
        g_free(key);
    }
    for (unsigned i = diagnosing->found->len; i-- > 0;) {
        struct audit_diagnosis *diagnosis = g_ptr_array_index(diagnosing->found, i);
        if (diagnosis->clients->len < PATTERN_LEAST)
            audit_diagnosis_free(g_ptr_array_steal_index(diagnosing->found, i));
    }
    g_hash_table_destroy(most);
}

/* ---- Commands ---- */

/* A level of the topic says that it is about something to be done. */
static bool is_command(const struct audit_string *topic)
{
    static const char *const words[] = {"cmd",    "command", "commands", "cmnd", "set",
                                        "reboot", "restart", "reset",    "open", "unlock",
                                        "update", "action",  "trigger",  "rpc",  NULL};
    char *text = g_strndup((const char *)topic->bytes, topic->length);
    char **levels = g_strsplit(text, "/", -1);
    bool found = false;
    for (char **level = levels; *level != NULL && !found; level++)
        for (const char *const *word = words; *word != NULL && !found; word++)
            found = g_ascii_strcasecmp(*level, *word) == 0;
    g_strfreev(levels);
    g_free(text);
    return found;
}

static const struct audit_kept *kept_again(const struct audit_connection *connection,
                                           const struct audit_kept *kept)
{
    for (unsigned i = 0; i < AUDIT_KEPT; i++) {
        const struct audit_kept *other = &connection->signs.kept[i];
        if (other->frame != 0 && other->topic == kept->topic &&
            other->fingerprint == kept->fingerprint)
            return other;
    }
    return NULL;
}

static void look_at_command(struct diagnosing *diagnosing, const struct audit_session *session,
                            const struct audit_kept *kept)
{
    const struct audit_topic *topic = topic_by_rank(diagnosing, kept->topic);
    if (kept->frame == 0 || topic == NULL || !is_command(topic->name))
        return;
    struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, false);
    char *on = client_words(topic->name), *name = client_words(session->client_identifier);
    const struct audit_connection *connection = session->first;
    for (; connection != NULL; connection = connection->next_of_session) {
        const struct audit_kept *again = kept_again(connection, kept);
        if (again == NULL)
            continue;
        diagnosis_about(diagnosis, connection);
        diagnosis_evidence(diagnosis, again->frame, connection->stream, connection->start_time,
                           "delivered with RETAIN on %s", on);
    }
    diagnosis_title(diagnosis,
                    "The command on %s is retained: %s gets it again with each of %u connections",
                    on, name, (unsigned)diagnosis->count);
    g_free(on);
    g_free(name);
}

/* The messages of a client's first connection that had any. */
void diagnose_retained_commands(struct diagnosing *diagnosing)
{
    for (unsigned i = 0; i < diagnosing->report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(diagnosing->report, i);
        const struct audit_connection *connection = session->first;
        while (connection != NULL && connection->signs.kept[0].frame == 0)
            connection = connection->next_of_session;
        for (unsigned j = 0; connection != NULL && j < AUDIT_KEPT; j++)
            look_at_command(diagnosing, session, &connection->signs.kept[j]);
    }
    diagnosis_keep_patterns(diagnosing, PATTERN_LEAST);
}

/* ---- Will and birth ---- */

/* The client says on the topic of its will that it is there, but not in the way the will is kept.
 */
static bool is_uneven(const struct audit_connection *connection)
{
    const struct audit_signs *signs = &connection->signs;
    return signs->will_topic != 0 && signs->births[!signs->will_retain] > 0 &&
           signs->births[signs->will_retain] == 0 && is_whole(connection);
}

void diagnose_will_not_cleared(struct diagnosing *diagnosing)
{
    const GPtrArray *connections = diagnosing->report->connections;
    for (unsigned i = 0; i < connections->len; i++) {
        const struct audit_connection *connection = at(connections, i);
        const bool retained = connection->signs.will_retain;
        char server[FORMAT_SIZE];
        if (!is_uneven(connection))
            continue;
        char *key =
            g_strdup_printf("%d %s", retained, format_endpoint(server, broker_of(connection)));
        struct audit_diagnosis *diagnosis = diagnosis_of(diagnosing, key, true);
        char *name = client_words(connection->client_identifier);
        g_free(key);
        diagnosis_about(diagnosis, connection);
        diagnosis->sure &= connection->signs.births[!retained] == 1; /* more is no birth message */
        diagnosis_evidence(diagnosis, connection->signs.birth_frames[!retained], connection->stream,
                           connection->start_time,
                           "%s publishes %s RETAIN on the topic of its will, "
                           "which has it%s",
                           name, retained ? "without" : "with", retained ? "" : " not");
        diagnosis_title(diagnosis, retained
                                       ? "Devices that were lost once are shown as offline for "
                                         "ever: the will is retained, the birth message is not"
                                       : "Devices that are lost are shown as online: the birth "
                                         "message is retained, the will is not");
        g_free(name);
    }
    diagnosis_keep_patterns(diagnosing, PATTERN_LEAST);
}

/* ---- Circles ---- */

static bool repeats(const struct audit_connection *connection, unsigned side)
{
    const struct audit_span *repeated = &connection->signs.repeated[side];
    return connection->facts.bridge && repeated->count >= CIRCLE_LEAST &&
           mqtt_elapsed(repeated->until, repeated->since) <= repeated->count * CIRCLE_PERIOD;
}

static void look_at_circle(struct diagnosing *diagnosing, const struct audit_connection *connection,
                           unsigned side)
{
    const struct audit_span *repeated = &connection->signs.repeated[side];
    const struct audit_topic *topic =
        topic_by_rank(diagnosing, connection->signs.repeated_topic[side]);
    if (topic == NULL || topic->published - topic->by_bridges >= repeated->count / 2)
        return;
    char key[FORMAT_SIZE];
    g_snprintf(key, sizeof key, "%" G_GUINT64_FORMAT, topic->rank);
    struct audit_diagnosis *diagnosis = diagnosis_of(diagnosing, key, true);
    char *on = client_words(topic->name), *name = client_words(connection->client_identifier);
    diagnosis_about(diagnosis, connection);
    diagnosis_evidence(diagnosis, repeated->frame, connection->stream, repeated->since,
                       "the same message %u times in a row %s the bridge %s", repeated->count,
                       side == connection->facts.client ? "from" : "to", name);
    diagnosis_spans(diagnosis, repeated->until);
    diagnosis_title(diagnosis, "A message on %s goes round in a circle of bridges", on);
    g_free(on);
    g_free(name);
}

/* One message circulates if it was published less often than it is seen. */
void diagnose_bridge_loop(struct diagnosing *diagnosing)
{
    const GPtrArray *connections = diagnosing->report->connections;
    unsigned looked = 0;
    for (unsigned i = 0; i < connections->len && looked < CIRCLES_MAX; i++)
        for (unsigned side = 0; side < 2; side++)
            if (repeats(at(connections, i), side)) {
                look_at_circle(diagnosing, at(connections, i), side);
                looked++;
            }
    diagnosis_keep_patterns(diagnosing, 2); /* there and back */
}
