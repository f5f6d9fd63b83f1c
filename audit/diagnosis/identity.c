/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takeovers: two devices under one client identifier, or one that comes back. */
#include "audit/diagnosis/private.h"

#include <string.h>

/* Whether the same device may have made both connections: all that a device as a rule keeps from
 * one connection to the next is the same. */
static bool same_device(const struct audit_connection *a, const struct audit_connection *b)
{
    const struct audit_facts *x = &a->facts, *y = &b->facts;
    return strcmp(client_of(a)->address, client_of(b)->address) == 0 && x->version == y->version &&
           x->keep_alive.requested_s == y->keep_alive.requested_s && x->has_will == y->has_will &&
           x->clean_start == y->clean_start;
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
    unsigned by_other;    /* by another device than the one that lost */
    unsigned returns;     /* the loser before the last is the winner */
    unsigned in_a_row;    /* by what looks like the same device, and soon after each other */
    struct spread rhythm; /* between two of those in a row */
};

static bool takes_over(const struct audit_connection *old, const struct audit_connection *new)
{
    return new != NULL && old->facts.taken_over;
}

static void look_at_takeovers(const struct audit_session *session, struct takeovers *seen)
{
    const struct audit_connection *before = NULL, *old = next_accepted(session->first), *new;
    unsigned row = 0;
    struct spread rhythm = {0};
    *seen = (struct takeovers){0};
    for (; old != NULL && (new = after(old)) != NULL; before = old, old = new) {
        const bool known = takes_over(old, new);
        const bool twice = known && before != NULL && takes_over(before, old);
        seen->count += known;
        seen->by_other += known && !same_device(old, new);
        seen->returns += twice && !same_device(old, new) && same_device(before, new);
        const int64_t away =
            before != NULL ? mqtt_elapsed(new->start_time, before->facts.end_time) : 0;
        row =
            known && same_device(old, new) && (!twice || away <= TWINS_BLIND_RETURN) ? row + 1 : 0;
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

/* One takes it from the other, as often as not; or nothing tells them apart, and the rhythm is that
 * of a timer. */
static bool are_twins(const struct takeovers *seen, bool *sure)
{
    *sure = seen->by_other >= TWINS_TAKEOVERS && seen->returns >= TWINS_TAKEOVERS - 1;
    return *sure || (seen->in_a_row >= TWINS_BLIND_TAKEOVERS && seen->rhythm.least > 0 &&
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
