/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which publication a delivery is of; and what a row remembers of its last ones. */
#include "audit/delivery/world.h"

struct stream *stream_of(struct row *row, uint64_t publisher, uint8_t qos)
{
    for (unsigned i = 0; i < STREAMS; i++)
        if (row->streams[i].publisher == publisher && row->streams[i].qos == qos)
            return &row->streams[i];
    return NULL;
}

/* What the delivery says of its expiry can be said of that publication. */
static bool may_be_left(const struct delivery *of, const struct publication *publication)
{
    const struct mqtt_properties *properties = &of->packet->properties;
    const int64_t waited = mqtt_elapsed(of->place->time, publication->time) / MQTT_SECOND;
    if (publication->expires && waited > (int64_t)publication->cargo->expiry_s)
        return false;
    if (of->packet->version != MQTT_VERSION_5_0)
        return true;
    if (!mqtt_has_property(properties, MQTT_PROPERTY_MESSAGE_EXPIRY_INTERVAL))
        return !publication->expires || waited + 2 >= (int64_t)publication->cargo->expiry_s;
    return publication->expires &&
           properties->message_expiry_interval <= publication->cargo->expiry_s;
}

/* Without the leeway: what has expired is not sent, and what expires says so, in 5.0. */
static bool is_left(const struct delivery *of, const struct publication *publication)
{
    const bool says =
        of->packet->version != MQTT_VERSION_5_0 ||
        mqtt_has_property(&of->packet->properties, MQTT_PROPERTY_MESSAGE_EXPIRY_INTERVAL) ==
            publication->expires;
    return says && (!publication->expires ||
                    mqtt_elapsed(of->place->time, publication->time) / MQTT_SECOND <
                        (int64_t)publication->cargo->expiry_s);
}

/* How well the delivery would fit. Of publications that are alike, one with another QoS, other
 * properties or an expiry that has passed is another message, as a rule; of those that fit, one is
 * likely that is owed, by a subscription that never ended, and keeps its publisher's order. */
#define BEST_FIT 127u

static unsigned fit(const struct delivery *of, struct row *row, const struct expectation *e)
{
    const struct publication *publication = e->publication;
    const uint8_t qos = of->packet->publish.qos;
    const struct stream *stream = stream_of(row, publication->publisher_number, publication->qos);
    unsigned fits = qos >= e->qos_low && qos <= e->qos_high ? 64 : 0;
    fits += may_be_left(of, publication) ? 32 : 0;
    fits += is_left(of, publication) ? 16 : 0;
    /* Many servers pass on a QoS 2 message only when it is released. */
    fits += publication->qos < 2 || publication->state == PUBLICATION_ACCEPTED ||
                    (publication->forwards > 0 && !publication->alike)
                ? 8
                : 0;
    fits += e->served ? 0 : 4;
    fits += e->owed && (publication->number > e->row->client->unsubscribed ||
                        still_subscribed(of->d, e))
                ? 2
                : 0;
    fits += stream == NULL || stream->number < publication->number ? 1 : 0;
    return fits;
}

/* The one that fits best, the earliest of several. */
struct expectation *choose(const struct delivery *of, struct row *row)
{
    struct expectation *found[LOOKED_AT], *best = row->first;
    unsigned most = 0;
    if (best != NULL && best->fingerprint == of->fingerprint && fit(of, row, best) == BEST_FIT)
        return best;
    const unsigned count = expectations_like(of->d, row, of->fingerprint, found, LOOKED_AT);
    best = NULL;
    for (unsigned i = 0; i < count && most < BEST_FIT; i++) {
        const unsigned fits = fit(of, row, found[i]);
        if (best == NULL || fits > most) {
            best = found[i];
            most = fits;
        }
    }
    return best;
}

static struct served served_by(const struct delivery *of, uint64_t number)
{
    return (struct served){
        .number = number,
        .frame = of->place->frame,
        .link = of->link->number,
        .time = of->place->time,
        .payload_length = of->packet->publish.payload_length,
        .packet_identifier = of->packet->packet_identifier,
        .qos = of->packet->publish.qos,
        .unsure = of->besides,
    };
}

void row_remember(struct row *row, const struct delivery *of, uint64_t number)
{
    row->last_time = of->place->time;
    row->served[row->served_next++ % REMEMBERED] = served_by(of, number);
}

void row_remember_stranger(struct row *row, const struct delivery *of)
{
    row->last_time = of->place->time;
    row->strangers[row->strangers_next++ % STRANGERS] = served_by(of, 0);
}

struct served *row_remembered(struct row *row, uint64_t number)
{
    for (unsigned i = 0; i < REMEMBERED; i++)
        if (row->served[i].frame != 0 && row->served[i].number == number)
            return &row->served[i];
    return NULL;
}

unsigned row_times_remembered(const struct row *row, uint64_t number)
{
    unsigned times = 0;
    for (unsigned i = 0; i < REMEMBERED; i++)
        times += row->served[i].frame != 0 && row->served[i].number == number;
    return times;
}

/* One more like it: it may be for another publication that it was not matched with. */
void note_surplus(const struct delivery *of, struct row *row)
{
    row_likeness(row, of->fingerprint, true)->surplus++;
}

/* No other expectation of the row would fit as well, now or before. */
bool is_alone(const struct delivery *of, struct row *row, const struct expectation *e)
{
    struct expectation *found[LOOKED_AT];
    const unsigned count = expectations_like(of->d, row, of->fingerprint, found, LOOKED_AT);
    for (unsigned i = 0; i < count; i++)
        if (found[i] != e && !found[i]->served && fit(of, row, found[i]) >= fit(of, row, e))
            row_likeness(row, of->fingerprint, true)->ambiguous = true;
    return row_likeness(row, of->fingerprint, false) == NULL;
}
