/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long the client was silent, against its keep alive (3.1.2.10). */
#include "mqtt/state/silence.h"

bool silent_beyond(const struct mqtt_connection *c, int64_t silence, unsigned halves)
{
    const int64_t half = (int64_t)c->keep_alive.effective * MQTT_SECOND / 2;
    return half != 0 && silence > half * halves;
}

/* A packet that took several segments may have begun long before it was complete, and silence ends
 * where a packet begins. */
#define ONE_SEGMENT 1200u

/* What a server may take to notice, and its FIN to get here: nanoseconds. */
#define EXPIRY_SLACK MQTT_SECOND

/* Of the late packets of a connection only the first is a finding; the counts have them all. */
void observe_silence(struct observation *o)
{
    struct mqtt_connection *c = o->connection;
    const struct mqtt_leg *last = &c->sides[c->client].last;
    if (last->frame == 0)
        return;
    const int64_t silence = mqtt_elapsed(o->place->time, last->time);
    o->step->since_client = silence;
    if (o->sender != MQTT_SENDER_CLIENT)
        return;
    if (silence > c->keep_alive.longest_silence) {
        c->keep_alive.longest_silence = silence;
        c->keep_alive.longest_silence_frame = o->place->frame;
    }
    if (!silent_beyond(c, silence, 2) || o->packet->length > ONE_SEGMENT || c->closed ||
        o->to->disconnect.frame != 0)
        return;
    if (silent_beyond(c, mqtt_elapsed(silence, EXPIRY_SLACK), 3)) {
        c->keep_alive.expired++;
        raise_finding(o, MQTT_RULE_KEEP_ALIVE_EXPIRED, MQTT_FIELDS, mqtt_milliseconds(silence),
                      c->keep_alive.effective);
    } else if (c->keep_alive.late++ == 0) {
        raise_finding(o, MQTT_RULE_KEEP_ALIVE_LATE, MQTT_FIELDS, mqtt_milliseconds(silence),
                      c->keep_alive.effective);
    }
}
