/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long the client was silent, against its keep alive (3.1.2.10). */
#include "mqtt/state/silence.h"

#include "mqtt/state/claim.h"
#include "mqtt/state/jump.h"

bool silent_beyond(const struct mqtt_connection *c, int64_t silence, unsigned halves)
{
    if (c->keep_alive.in_doubt)
        return false;
    const int64_t half = (int64_t)c->keep_alive.effective * MQTT_SECOND / 2;
    return half != 0 && silence > half * halves;
}

/* What a server may take to notice, and its FIN to get here: nanoseconds. */
#define EXPIRY_SLACK MQTT_SECOND

/* From when on the silence counts: not before the CONNACK. Until then clients wait for it (with
 * extended authentication they may send no PINGREQ at all: 4.12), and do not know of a Server Keep
 * Alive. */
static int64_t told_at(const struct mqtt_connection *c, const struct mqtt_leg *last)
{
    const bool told_late = c->connack.frame != 0 && c->connack.time > last->time;
    return told_late ? c->connack.time : last->time;
}

/* How much of the time from `last` on a keep alive is held against. */
static int64_t judged_silence(const struct mqtt_connection *c, const struct mqtt_leg *last,
                              int64_t now)
{
    const int64_t silence = steady_elapsed(c->sessions, now, told_at(c, last));
    return c->sessions != NULL ? mqtt_elapsed(silence, c->sessions->options.keep_alive_tolerance)
                               : silence;
}

/* What was sent once may have been under way for long; then its close is close behind it. */
#define SERVED_TIME (2 * MQTT_SECOND)

/* Whether the silence behind `last` is over for good at `now`, whatever its server took to notice.
 */
static bool surely_expired(const struct mqtt_connection *c, const struct mqtt_leg *last,
                           int64_t now)
{
    return silent_beyond(c, mqtt_elapsed(judged_silence(c, last, now), MQTT_OPEN_GRACE), 3);
}

static void note_served(struct mqtt_connection *c, const struct mqtt_leg *last, int64_t now)
{
    if (c->keep_alive.served_after == last->frame || !surely_expired(c, last, now))
        return;
    c->keep_alive.served = now;
    c->keep_alive.served_after = last->frame;
}

bool served_in_silence(const struct mqtt_connection *c, int64_t end, bool open)
{
    const struct mqtt_leg *client = &c->sides[c->client].last;
    const struct mqtt_leg *server = &c->sides[1 - c->client].last;
    if (client->frame == 0 || c->keep_alive.served_after != client->frame ||
        !surely_expired(c, client, server->time))
        return false;
    return mqtt_elapsed(server->time, c->keep_alive.served) >= SERVED_TIME ||
           (open && mqtt_elapsed(end, server->time) >= SERVED_TIME);
}

bool awaits_connack(const struct mqtt_connection *c)
{
    const struct mqtt_side_state *server = &c->sides[1 - c->client];
    return c->connect.frame != 0 && server->packets == server->packets_by_type[MQTT_AUTH];
}

void check_server_keep_alive(struct observation *o, int64_t silence)
{
    const struct mqtt_connection *c = o->connection;
    const int64_t own = (int64_t)c->keep_alive.requested * MQTT_SECOND;
    if (c->keep_alive.effective == c->keep_alive.requested || (own != 0 && silence > own))
        return;
    raise_finding(o, MQTT_RULE_SERVER_KEEP_ALIVE_IGNORED, MQTT_FIELDS, mqtt_milliseconds(silence),
                  c->keep_alive.effective);
}

void check_kept(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    const struct mqtt_leg *by = &c->keep_alive.broken_by;
    const bool answers = o->step->request.frame != 0 && o->step->request.frame >= by->frame;
    if (o->sender != MQTT_SENDER_SERVER || o->packet->type == MQTT_DISCONNECT ||
        (!answers && steady_elapsed(c->sessions, o->place->time, by->time) <= ANSWER_TIME))
        return;
    raise_finding(o, MQTT_RULE_KEEP_ALIVE_EXPIRED, MQTT_FIELDS,
                  mqtt_milliseconds(c->keep_alive.broken), c->keep_alive.effective);
    c->keep_alive.broken_by.frame = 0;
}

/* Of those that come up to half a keep alive too late only a connection's first is a finding:
 * healthy clients are a little late now and then. The counts have them all. */
void observe_silence(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    const struct mqtt_leg *last = &c->sides[c->client].last;
    if (last->frame == 0)
        return;
    /* It ends where a packet begins, however long that takes to come whole. */
    const int64_t began = o->place->began != 0 ? o->place->began : o->place->time;
    const int64_t silence = mqtt_elapsed(began, last->time);
    o->step->since_client = silence;
    if (o->sender != MQTT_SENDER_CLIENT) {
        if (silence > MQTT_OPEN_GRACE)
            note_served(c, last, o->place->time);
        return;
    }
    c->keep_alive.last_silence = silence;
    if (silence > c->keep_alive.longest_silence) {
        c->keep_alive.longest_silence = silence;
        c->keep_alive.longest_silence_frame = o->place->frame;
    }
    if (!silent_beyond(c, silence, 2)) /* what is judged is not longer */
        return;
    const int64_t judged = judged_silence(c, last, began);
    /* Who has closed keeps nobody: what the client sends after that comes too late. */
    if (!silent_beyond(c, judged, 2) || awaits_connack(c) || o->to->disconnect.frame != 0 ||
        transport_over(c))
        return;
    const bool broken = silent_beyond(c, mqtt_elapsed(judged, EXPIRY_SLACK), 3);
    if (!broken) {
        if (c->keep_alive.late++ == 0)
            raise_finding(o, MQTT_RULE_KEEP_ALIVE_LATE, MQTT_FIELDS, mqtt_milliseconds(silence),
                          c->keep_alive.effective);
        return;
    }
    c->keep_alive.expired++;
    raise_finding(o, MQTT_RULE_KEEP_ALIVE_BROKEN, MQTT_FIELDS, mqtt_milliseconds(silence),
                  c->keep_alive.effective);
    c->keep_alive.broken = silence;
    c->keep_alive.broken_by = place_leg(o->place);
    c->watched = true;
    check_server_keep_alive(o, judged);
}

/* ---- When nobody is heard of ---- */

/* So many clients are silent at once, at the least. */
#define SILENT_CLIENTS 2u

/* Sessions that are looked at, the newest first. */
#define SESSIONS_LOOKED_AT 64u

/* Its client had to speak within that time, and its server to end the connection. */
static bool had_to_end(const struct mqtt_connection *c, int64_t gap)
{
    return c->keep_alive.known && silent_beyond(c, gap, 3) && !connection_over(c);
}

static bool has_jumped(const struct mqtt_sessions *sessions, int64_t gap)
{
    /* One that could not be followed may have been the second. */
    const unsigned enough = sessions->strangers != 0 ? 1 : SILENT_CLIENTS;
    unsigned silent = 0, looked_at = 0;
    for (const struct mqtt_session *s = sessions->newest; s != NULL && silent < enough;
         s = s->older) {
        if (looked_at++ == SESSIONS_LOOKED_AT)
            break;
        silent += s->holder != NULL && had_to_end(s->holder->connection, gap);
    }
    return silent == enough;
}

void look_for_jump(struct mqtt_sessions *sessions, int64_t time)
{
    const bool first = !sessions->any_time;
    const int64_t last = sessions->last_time, gap = mqtt_elapsed(time, last);
    sessions->any_time = true;
    if (!first && gap > JUMP_TIME && has_jumped(sessions, gap))
        sessions->jumps[sessions->jump_count++ % MQTT_JUMPS_MAX] = (struct mqtt_jump){last, time};
}
