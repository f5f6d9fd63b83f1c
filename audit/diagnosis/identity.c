/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takeovers: two devices under one client identifier, or one that comes back. */
#include "audit/diagnosis/private.h"

#include <string.h>

static bool same_address(const struct audit_connection *a, const struct audit_connection *b)
{
    return strcmp(client_of(a)->address, client_of(b)->address) == 0;
}

/* Whether the same device may have made both connections: all that a device as a rule keeps from
 * one connection to the next is the same. Clean Start is not: some start clean once. */
static bool same_device(const struct audit_connection *a, const struct audit_connection *b)
{
    const struct audit_facts *x = &a->facts, *y = &b->facts;
    return same_address(a, b) && x->version == y->version &&
           x->keep_alive.requested_s == y->keep_alive.requested_s && x->has_will == y->has_will &&
           a->signs.user_name == b->signs.user_name && a->signs.will_topic == b->signs.will_topic;
}

/* The next one of the session that the server accepted, and whose CONNECT is here. */
static const struct audit_connection *next_accepted(const struct audit_connection *connection)
{
    while (connection != NULL && !(connection->facts.accepted && connection->facts.connect_seen))
        connection = connection->next_of_session;
    return connection;
}

static const struct audit_connection *after(const struct audit_connection *connection)
{
    return next_accepted(connection->next_of_session);
}

/* The takeovers of a session. */
struct takeovers {
    unsigned count;
    unsigned by_address;  /* from another address than that of the one that lost */
    unsigned by_other;    /* by another device than the one that lost */
    unsigned returns;     /* the loser before the last is the winner */
    unsigned in_a_row;    /* by what looks like the same device, and soon after each other */
    struct spread rhythm; /* between two of those in a row */
};

static bool takes_over(const struct audit_connection *old, const struct audit_connection *new)
{
    return new != NULL && old->facts.taken_over;
}

/* The device is one of those that were thrown off a moment ago, but for the one that is now. */
static bool comes_back(const struct audit_connection *const *losers,
                       const struct audit_connection *new)
{
    for (unsigned i = 0; i < TWINS_MOST && losers[i] != NULL; i++)
        if (same_device(losers[i], new) &&
            mqtt_elapsed(new->start_time, losers[i]->start_time) <= TWINS_BLIND_RETURN)
            return true;
    return false;
}

static void look_at_takeovers(const struct audit_session *session, struct takeovers *seen)
{
    const struct audit_connection *before = NULL, *old = next_accepted(session->first), *new;
    const struct audit_connection *losers[TWINS_MOST] = {NULL}; /* the last one first */
    unsigned row = 0;
    struct spread rhythm = {0};
    *seen = (struct takeovers){0};
    for (; old != NULL && (new = after(old)) != NULL; before = old, old = new) {
        const bool known = takes_over(old, new);
        const bool twice = known && before != NULL && takes_over(before, old);
        seen->count += known;
        seen->by_address += known && !same_address(old, new);
        seen->by_other += known && !same_device(old, new);
        seen->returns += twice && !same_device(old, new) &&
                         (same_device(before, new) || comes_back(losers, new));
        /* `before` lost when `old` began: its own end may be seen much later. */
        const int64_t away = mqtt_elapsed(new->start_time, old->start_time);
        const bool was_there = talks_to_nobody(old) != 1u - old->facts.client;
        row = known && was_there && same_device(old, new) && (!twice || away <= TWINS_BLIND_RETURN)
                  ? row + 1
                  : 0;
        memmove(losers + 1, losers, sizeof losers - sizeof *losers);
        losers[0] = known ? old : NULL;
        if (row == 0)
            rhythm = (struct spread){0};
        else
            spread_add(&rhythm, mqtt_elapsed(new->start_time, old->start_time));
        if (row > seen->in_a_row) {
            seen->in_a_row = row;
            seen->rhythm = rhythm;
        }
    }
}

/* One takes it from the other, and that one from it. From two addresses it is sure; behind one, the
 * two have to be told apart by what they ask for each time, for a program may change that. Or
 * nothing tells them apart, and the rhythm is that of a timer. */
static bool are_twins(const struct takeovers *seen, bool *sure)
{
    const bool alternate =
        seen->by_other >= TWINS_TAKEOVERS && seen->returns >= TWINS_TAKEOVERS - 1;
    *sure = alternate && seen->by_address >= TWINS_TAKEOVERS;
    return *sure || (alternate && seen->returns + 1 >= seen->count) ||
           seen->in_a_row >= TWINS_BLIND_MANY ||
           (seen->in_a_row >= TWINS_BLIND_TAKEOVERS && seen->rhythm.least > 0 &&
            seen->rhythm.most / 2 <= seen->rhythm.least);
}

static void tell_takeovers(struct audit_diagnosis *diagnosis, const struct audit_session *session)
{
    char new_end[FORMAT_SIZE], old_end[FORMAT_SIZE], age[FORMAT_SIZE];
    const struct audit_connection *old = next_accepted(session->first), *new;
    for (; old != NULL && (new = after(old)) != NULL; old = new)
        if (takes_over(old, new))
            diagnosis_evidence(
                diagnosis, new->start_frame, new->stream, new->start_time,
                "%s takes over from %s, which was connected for %s",
                format_endpoint(new_end, client_of(new)), format_endpoint(old_end, client_of(old)),
                format_duration(age, mqtt_elapsed(new->start_time, old->start_time)));
}

void diagnose_two_devices_one_id(struct diagnosing *diagnosing)
{
    for (unsigned i = 0; i < diagnosing->report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(diagnosing->report, i);
        struct takeovers seen;
        bool sure;
        if (session->taken_over < TWINS_TAKEOVERS)
            continue;
        look_at_takeovers(session, &seen);
        if (!are_twins(&seen, &sure))
            continue;
        struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, sure);
        char *name = client_words(session->client_identifier);
        diagnosis_client(diagnosis, session->client_identifier);
        diagnosis_server(diagnosis, &session->server);
        tell_takeovers(diagnosis, session);
        char every[FORMAT_SIZE];
        const int64_t all = mqtt_elapsed(diagnosis->until, diagnosis->since);
        diagnosis_title(diagnosis,
                        "Two devices %suse the client identifier %s and throw each other off: %u "
                        "times, every %s",
                        sure ? "" : "seem to ", name, seen.count,
                        format_duration(every, all / MAX(1, (int64_t)seen.count - 1)));
        g_free(name);
    }
}

/* The client was silent on the old connection, and is the same. */
static bool was_stale(const struct audit_connection *old, const struct audit_connection *new)
{
    const struct audit_mark *last = &old->signs.last[old->facts.client];
    return takes_over(old, new) && same_device(old, new) && is_whole(old) && last->frame != 0 &&
           mqtt_elapsed(new->start_time, last->time) >= STALE_SILENCE;
}

static void tell_stale(struct diagnosing *diagnosing, const struct audit_session *session)
{
    const struct audit_connection *old = next_accepted(session->first), *new;
    for (; old != NULL && (new = after(old)) != NULL; old = new) {
        char silent[FORMAT_SIZE];
        if (!was_stale(old, new))
            continue;
        struct audit_diagnosis *diagnosis = diagnosis_of_server(diagnosing, new, true);
        char *name = client_words(new->client_identifier);
        diagnosis_client(diagnosis, new->client_identifier);
        diagnosis_evidence(
            diagnosis, new->start_frame, new->stream, new->start_time,
            "%s is back %s after its last packet on the old connection", name,
            format_duration(
                silent, mqtt_elapsed(new->start_time, old->signs.last[old->facts.client].time)));
        g_free(name);
    }
}

/* One a server: what each of its clients did. */
void diagnose_own_stale_session(struct diagnosing *diagnosing)
{
    for (unsigned i = 0; i < diagnosing->report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(diagnosing->report, i);
        struct takeovers seen;
        bool sure;
        if (session->taken_over == 0)
            continue;
        look_at_takeovers(session, &seen);
        if (!are_twins(&seen, &sure) && seen.by_other == 0)
            tell_stale(diagnosing, session);
    }
    diagnosis_keep_patterns(diagnosing, PATTERN_LEAST);
    for (unsigned i = 0; i < diagnosing->found->len; i++) {
        struct audit_diagnosis *diagnosis = g_ptr_array_index(diagnosing->found, i);
        diagnosis_title(diagnosis,
                        "Devices lose their connection, and come back before the server has "
                        "noticed: %u times",
                        (unsigned)diagnosis->count);
    }
}

/* ---- Somebody who tries ---- */

/* The attempts of one address at one server. */
struct attempts {
    GPtrArray *refused; /* const struct audit_connection *, in the order of the capture */
    GHashTable *pairs;  /* what was tried: user name, password, client identifier */
    const struct audit_connection *accepted; /* the first one after LEAST refusals; NULL: none */
};

static bool is_about_credentials(const struct audit_facts *facts)
{
    const uint8_t code = facts->connack_reason;
    return facts->refused && facts->connect_seen &&
           (facts->version == MQTT_VERSION_5_0 ? code == 0x86 || code == 0x87
                                               : code == 4 || code == 5);
}

static void attempts_free(gpointer data)
{
    struct attempts *attempts = data;
    g_ptr_array_free(attempts->refused, TRUE);
    g_hash_table_destroy(attempts->pairs);
    g_free(attempts);
}

static struct attempts *attempts_of(GHashTable *all, const struct audit_connection *connection)
{
    char server[FORMAT_SIZE];
    char *key = g_strdup_printf("%s %s", client_of(connection)->address,
                                format_endpoint(server, broker_of(connection)));
    struct attempts *attempts = g_hash_table_lookup(all, key);
    if (attempts != NULL) {
        g_free(key);
        return attempts;
    }
    attempts = g_new0(struct attempts, 1);
    attempts->refused = g_ptr_array_new();
    attempts->pairs = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    g_hash_table_insert(all, key, attempts);
    return attempts;
}

static void note_attempt(struct attempts *attempts, const struct audit_connection *connection)
{
    const struct audit_signs *signs = &connection->signs;
    if (is_about_credentials(&connection->facts)) {
        const gint64 tried = (gint64)(signs->user_name * 31 + signs->password);
        g_hash_table_add(attempts->pairs, g_memdup2(&tried, sizeof tried));
        g_ptr_array_add(attempts->refused, (gpointer)(uintptr_t)connection);
    } else if (connection->facts.accepted && attempts->accepted == NULL &&
               attempts->refused->len >= TRIES_LEAST && signs->password != 0) {
        attempts->accepted = connection;
    }
}

/* A device with an old password tries the same again and again; who guesses, tries something new.
 */
static bool is_guessing(const struct attempts *attempts)
{
    const unsigned pairs = g_hash_table_size(attempts->pairs);
    return attempts->refused->len >= TRIES_LEAST && pairs >= TRIES_DIFFERENT &&
           pairs >= attempts->refused->len / 2;
}

static void tell_attempts(struct diagnosing *diagnosing, const struct attempts *attempts)
{
    struct audit_diagnosis *diagnosis = diagnosis_add(diagnosing, true);
    const struct audit_connection *first = g_ptr_array_index(attempts->refused, 0);
    const struct audit_connection *success = attempts->accepted;
    if (success != NULL) {
        char *name = client_words(success->client_identifier);
        diagnosis_client(diagnosis, success->client_identifier);
        diagnosis_evidence(diagnosis, success->start_frame, success->stream, success->start_time,
                           "accepted after %u refusals: %s", attempts->refused->len, name);
        g_free(name);
    }
    for (unsigned i = 0; i < attempts->refused->len; i++) {
        const struct audit_connection *connection = g_ptr_array_index(attempts->refused, i);
        char *name = client_words(connection->client_identifier);
        diagnosis_about(diagnosis, connection);
        diagnosis_evidence(diagnosis, connection->start_frame, connection->stream,
                           connection->start_time, "%s is refused with 0x%02x", name,
                           connection->facts.connack_reason);
        g_free(name);
    }
    diagnosis_title(diagnosis, "%s tries passwords: %u refusals, %u different credentials%s",
                    client_of(first)->address, attempts->refused->len,
                    g_hash_table_size(attempts->pairs), success != NULL ? ", then accepted" : "");
}

void diagnose_brute_force(struct diagnosing *diagnosing)
{
    const GPtrArray *connections = diagnosing->report->connections;
    GHashTable *all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, attempts_free);
    for (unsigned i = 0; i < connections->len; i++) {
        const struct audit_connection *connection = g_ptr_array_index(connections, i);
        note_attempt(attempts_of(all, connection), connection);
    }
    GHashTableIter iterator;
    gpointer attempts;
    g_hash_table_iter_init(&iterator, all); /* their order is that of the table of diagnoses */
    while (g_hash_table_iter_next(&iterator, NULL, &attempts))
        if (is_guessing(attempts))
            tell_attempts(diagnosing, attempts);
    g_hash_table_destroy(all);
}
