/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection comes and goes. */
#include "mqtt/state/connection.h"

#include "mqtt/state/aliases.h"
#include "mqtt/state/claim.h"
#include "mqtt/state/inflight.h"
#include "mqtt/state/observation.h"

struct mqtt_connection *mqtt_connection_new(struct mqtt_sessions *sessions,
                                            const struct mqtt_connection_start *start)
{
    struct mqtt_connection *c = mqtt_memory_new(start->memory, MQTT_MEMORY_CONNECTIONS, sizeof *c);
    if (c == NULL) {
        if (sessions != NULL)
            sessions->strangers++;
        return NULL;
    }
    c->user = start->user;
    c->sessions = sessions;
    c->memory = start->memory;
    c->endpoints[0] = start->endpoints[0];
    c->endpoints[1] = start->endpoints[1];
    c->clock = c->era = 1;
    c->start_seen = start->start_seen;
    c->client = start->client & 1;
    if (start->start_seen) {
        set_client(c, c->client); /* who sends the SYN is the client */
    } else if (start->version != MQTT_VERSION_UNKNOWN) {
        c->version = start->version;
        c->version_inferred = true;
    }
    c->upgrade = start->upgrade;
    c->first = (struct mqtt_leg){start->time, start->frame, 0};
    c->over = MQTT_NO_TIME;
    /* What holds until CONNECT and CONNACK say otherwise: 5.0, 3.1.2.11 and 3.2.2.3. */
    c->request_problem_information = true;
    c->maximum_qos = 2;
    c->retain_available = true;
    c->wildcard_available = true;
    c->subscription_identifier_available = true;
    c->shared_available = true;
    for (unsigned side = 0; side < 2; side++) {
        c->sides[side].receive_maximum = UINT16_MAX;
        c->sides[side].unread_since = INT64_MAX;
        c->sides[side].inflight.memory = start->memory;
        c->sides[side].discarded.memory = start->memory;
    }
    return c;
}

static void free_slice(struct mqtt_memory *memory, struct mqtt_slice slice)
{
    mqtt_memory_free(memory, (void *)(uintptr_t)slice.data, slice.length);
}

void mqtt_connection_free(struct mqtt_connection *c)
{
    if (c == NULL)
        return;
    release_claim(c);
    for (unsigned side = 0; side < 2; side++) {
        struct mqtt_side_state *state = &c->sides[side];
        inflight_clear(&state->inflight);
        inflight_clear(&state->discarded);
        aliases_free(c->memory, state);
        mqtt_memory_free(c->memory, state->owed, state->owed_capacity * sizeof *state->owed);
        mqtt_memory_free(c->memory, state->proven, MQTT_PROVEN_BYTES);
    }
    free_slice(c->memory, c->client_identifier);
    free_slice(c->memory, c->authentication_method);
    free_slice(c->memory, c->answered);
    mqtt_memory_free(c->memory, c, sizeof *c);
}

const struct mqtt_handshake *mqtt_connection_next_open(const struct mqtt_connection *connection,
                                                       uint8_t side, uint32_t *cursor)
{
    return mqtt_inflight_next(&connection->sides[side].inflight, cursor);
}

void mqtt_connection_unread(struct mqtt_connection *c, uint8_t side, int64_t time)
{
    c->sides[side & 1].unread_since = time;
}
