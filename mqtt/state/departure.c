/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See departure.h. */
#include "mqtt/state/departure.h"

#include "mqtt/facts/time.h"
#include "mqtt/state/doubt.h"

/* ---- What is left ---- */

int64_t time_over(const struct mqtt_connection *c)
{
    int64_t time = c->over;
    if (c->closed && (time == MQTT_NO_TIME || c->end.time < time))
        time = c->end.time;
    for (unsigned side = 0; side < 2; side++) {
        const struct mqtt_leg *disconnect = &c->sides[side].disconnect;
        if (disconnect->frame != 0 && (time == MQTT_NO_TIME || disconnect->time < time))
            time = disconnect->time;
    }
    return time;
}

static void count_one(uint16_t *count)
{
    if (*count != UINT16_MAX)
        (*count)++;
}

bool count_waiting(const struct mqtt_connection *c, struct mqtt_waiting waiting[2])
{
    waiting[0] = waiting[1] = (struct mqtt_waiting){0};
    if (c->connect.frame == 0 || lost_since(c, 1))
        return false;
    for (unsigned side = 0; side < 2; side++) {
        struct mqtt_waiting *of = &waiting[side == c->client ? 0 : 1];
        uint32_t cursor = 0;
        const struct mqtt_handshake *entry;
        while ((entry = mqtt_inflight_next(&c->sides[side].inflight, &cursor)) != NULL)
            if (is_publish(entry))
                count_one(entry->stage > 1 ? &of->release : &of->publish);
    }
    return true;
}

void mark_owed(struct mqtt_session *session)
{
    const bool owed = session->kept && session->counted;
    for (unsigned i = 0; i < 2; i++)
        for (uint32_t slot = 0; slot < session->inflight[i].capacity; slot++)
            session->inflight[i].slots[slot].owed = owed;
}

/* ---- What is found ---- */

void note_sent_again(struct mqtt_handshake *again, const struct mqtt_handshake *stored)
{
    const bool another = again->fingerprint != 0 && stored->fingerprint != 0 &&
                         again->fingerprint != stored->fingerprint;
    again->owed = stored->owed && again->kind == stored->kind && !another;
}

void note_connect(struct observation *o)
{
    const struct mqtt_connection *c = o->connection;
    struct mqtt_session *session = c->claim->session;
    if (session->named != MQTT_NO_TIME)
        o->step->since_connect = mqtt_elapsed(c->connect.time, session->named);
    session->named = c->connect.time;
}

/* Offline for as long as the client allowed; not known where the clock was set back. */
static bool outlived(const struct mqtt_session *session, int64_t offline)
{
    return session->expiry != UINT32_MAX && offline != MQTT_NO_TIME &&
           offline >= mqtt_time(session->expiry, 0);
}

/* What was there, of which nothing is left: the server says so, or the client wants it so. Certain
 * only if the last connection was seen as a whole, and no other one may have been in between. */
static enum mqtt_session_past past_of_new(const struct mqtt_connection *c, int64_t offline,
                                          bool kept)
{
    const struct mqtt_session *session = c->claim->session;
    if (!session->agreed || !session_undisturbed(session) || session->unanswered > 1)
        return MQTT_PAST_UNKNOWN;
    if (!session->kept)
        return MQTT_PAST_ENDED;
    if (outlived(session, offline))
        return MQTT_PAST_EXPIRED;
    if (c->clean_start)
        return MQTT_PAST_CLEARED;
    return kept && c->version != MQTT_VERSION_3_1 ? MQTT_PAST_LOST : MQTT_PAST_UNKNOWN;
}

void note_entry(struct observation *o, bool crossed, bool kept)
{
    const struct mqtt_connection *c = o->connection;
    const struct mqtt_session *session = c->claim->session;
    struct mqtt_entry *entry = &o->step->entry;
    *entry = (struct mqtt_entry){.past = MQTT_PAST_FIRST, .offline = MQTT_NO_TIME};
    if (session->connections == 0)
        return;
    entry->counted = session->counted;
    entry->expiry = session->expiry;
    entry->waiting[0] = session->waiting[0];
    entry->waiting[1] = session->waiting[1];
    if (c->takes_over != 0 || crossed) {
        entry->past = MQTT_PAST_LIVE;
        return;
    }
    if (session->left != MQTT_NO_TIME) {
        const int64_t offline = mqtt_elapsed(c->connect.time, session->left);
        entry->was_offline = true;
        entry->offline = offline >= 0 ? offline : MQTT_NO_TIME;
    }
    entry->past =
        (uint8_t)(o->step->session == MQTT_SESSION_RESUMED ? MQTT_PAST_KEPT
                                                           : past_of_new(c, entry->offline, kept));
}
