/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's silence. Private to mqtt/state/. */
#ifndef MQTT_SILENCE_H
#define MQTT_SILENCE_H

#include "mqtt/state/observation.h"
#include "mqtt/state/session.h"

/* Measures the time since the client's last packet, at each packet of either side. */
void observe_silence(struct observation *o);

/* Whether a silence (nanoseconds) is longer than so many halves of the keep alive: 2 for the keep
 * alive itself, 3 for what a server has to allow (3.1.2-24; 5.0: 3.1.2-22). */
bool silent_beyond(const struct mqtt_connection *c, int64_t silence, unsigned halves);

/* So long a packet of the server may be under way from before what the client sent last:
 * nanoseconds. */
#define ANSWER_TIME MQTT_SECOND

/* Raises a finding if a silence of the client of `silence` nanoseconds that broke the keep alive
 * would have been none by its own: it goes by that one, and not by the server's (5.0: 3.1.2-21,
 * 3.2.2-21). */
void check_server_keep_alive(struct observation *o, int64_t silence);

/* Whether the server served on in a silence that lasts until the connection's end, and for which it
 * had to close: it sent something more than MQTT_OPEN_GRACE after that, and again later; or `open`:
 * the connection is known to have stayed open behind it, until `end`. What was under way for long
 * comes all at once, with the close behind it. */
bool served_in_silence(const struct mqtt_connection *c, int64_t end, bool open);

/* To be called where keep_alive.broken_by is set, when the packet was taken in. Raises a finding if
 * the server goes on with a client that came back after a silence for which it had to close: it
 * answers what came then, or sends something more than a second later. That the client sent
 * something does not show that the server was still there. */
void check_kept(struct observation *o);

/* A jump is longer than this: nanoseconds. Shorter silences are what keep alives are about. */
#define JUMP_TIME (60 * MQTT_SECOND)

/* Whether that was one: more than JUMP_TIME has passed between the last two times, or less than
 * nothing. */
void look_for_jump(struct mqtt_sessions *sessions, int64_t time);

/* A packet of the connection came, or its end, at this time: looks whether the capture's clock has
 * jumped since the last one of all (jump.h). To be called before anything is judged by that time.
 */
static inline void note_time(const struct mqtt_connection *c, int64_t time)
{
    struct mqtt_sessions *sessions = c->sessions;
    if (sessions == NULL)
        return;
    if ((uint64_t)time - (uint64_t)sessions->last_time > (uint64_t)JUMP_TIME)
        look_for_jump(sessions, time);
    sessions->last_time = time;
}

/* The client has sent its CONNECT, and nothing but AUTH has come back: while it waits it need not
 * speak. */
bool awaits_connack(const struct mqtt_connection *c);

#endif
