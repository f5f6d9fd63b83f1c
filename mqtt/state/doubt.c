/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See doubt.h. */
#include "mqtt/state/doubt.h"

#include <string.h>

#include "mqtt/facts/time.h"
#include "mqtt/state/session.h"

static bool is_lossless(const struct mqtt_connection *c)
{
    return c->sides[0].doubt.clock == 0 && c->sides[1].doubt.clock == 0;
}

static void forget_proof(struct mqtt_side_state *state)
{
    if (state->proven != NULL)
        memset(state->proven, 0, MQTT_PROVEN_BYTES);
    state->outstanding = 0;
    state->acked_order[0] = state->acked_order[1] = state->released_order = 0;
}

/* Counts of what is in flight, and comparisons with what was, begin anew: for both sides, since a
 * handshake takes packets of both. */
static void begin_era(struct mqtt_connection *c)
{
    c->era++;
    forget_proof(&c->sides[0]);
    forget_proof(&c->sides[1]);
    c->ping.proven = false;
    c->ping.displaced = 0;
}

void doubt_side(struct mqtt_connection *c, unsigned side, int64_t time, uint64_t frame)
{
    c->sides[side].doubt = (struct mqtt_doubt){false, c->clock, time, frame};
    c->sides[side].doubts++;
    begin_era(c);
    /* If the CONNACK is among what was lost, nothing else will tell of what it said. */
    if (c->connect.frame == 0 || c->connack.frame != 0)
        return;
    c->keep_alive.in_doubt = c->expiry_in_doubt = c->version == MQTT_VERSION_5_0;
    if (!c->session_settled) {
        doubt_session(c);
        c->session_settled = true;
    }
}

void doubt_side_until_seen(struct mqtt_connection *c, unsigned side, int64_t time, uint64_t frame)
{
    doubt_side(c, side, time, frame);
    c->sides[side].doubt.open = true;
}

void side_seen(struct mqtt_connection *c, unsigned side, int64_t time)
{
    struct mqtt_doubt *doubt = &c->sides[side].doubt;
    if (!doubt->open)
        return;
    doubt->open = false;
    doubt->clock = c->clock - 1; /* this step is the first behind it */
    doubt->time = time;
    begin_era(c);
}

void doubt_session(struct mqtt_connection *c)
{
    c->session_doubt = c->clock;
}

/* Nobody else has the session, or may have it. A CONNACK that is lost leaves a claim NAMED. */
static bool has_session(const struct mqtt_claim *claim)
{
    switch (claim->state) {
    case MQTT_CLAIM_NAMED:
        return claim->session->unanswered == 1 && claim->session->connections == claim->connections;
    case MQTT_CLAIM_CONTESTED:
    case MQTT_CLAIM_TAKEN_OVER:
    case MQTT_CLAIM_DISPLACED: return false;
    default: return true;
    }
}

static bool is_followed(const struct mqtt_connection *c)
{
    return c->connect.frame != 0 && !c->unclaimed && (c->claim == NULL || has_session(c->claim));
}

bool nothing_lost(const struct mqtt_connection *c)
{
    return c->connect.frame != 0 && !c->unclaimed && is_lossless(c);
}

bool connection_whole(const struct mqtt_connection *c)
{
    return is_followed(c) && is_lossless(c);
}

bool history_whole(const struct mqtt_connection *c)
{
    return connection_whole(c) && c->session_settled && c->session_doubt == 0;
}

bool lost_since(const struct mqtt_connection *c, uint64_t clock)
{
    const struct mqtt_doubt *a = &c->sides[0].doubt, *b = &c->sides[1].doubt;
    return a->open || b->open || clock <= a->clock || clock <= b->clock;
}

bool seen_since(const struct mqtt_connection *c, uint64_t clock)
{
    return is_followed(c) && !lost_since(c, clock);
}

bool handshake_known(const struct mqtt_connection *c, const struct mqtt_handshake *handshake)
{
    if (!seen_since(c, handshake->began))
        return false;
    return !is_publish(handshake) || (c->session_settled && handshake->began > c->session_doubt);
}

static bool in_plain_sight(const struct mqtt_side_state *state, uint16_t identifier)
{
    return state->proven != NULL && (state->proven[identifier / 8] >> identifier % 8 & 1) != 0;
}

bool identifier_known(const struct mqtt_connection *c, unsigned side, uint16_t identifier,
                      enum mqtt_handshake_kind kind)
{
    const bool of_session = kind == MQTT_HANDSHAKE_QOS_1 || kind == MQTT_HANDSHAKE_QOS_2;
    if (!is_followed(c) || (of_session && !c->session_settled))
        return false;
    if (is_lossless(c) && (!of_session || c->session_doubt == 0))
        return true;
    return in_plain_sight(&c->sides[side], identifier);
}

bool long_after_doubt(const struct mqtt_connection *c, uint64_t clock, int64_t time)
{
    for (unsigned side = 0; side < 2; side++) {
        const struct mqtt_doubt *doubt = &c->sides[side].doubt;
        if (doubt->clock != 0 && (doubt->open || clock <= doubt->clock ||
                                  mqtt_elapsed(time, doubt->time) < MQTT_DOUBT_TIME))
            return false;
    }
    return true;
}

void prove_identifier(struct mqtt_connection *c, unsigned side,
                      const struct mqtt_handshake *handshake)
{
    struct mqtt_side_state *state = &c->sides[side];
    if (is_lossless(c) && c->session_doubt == 0)
        return; /* they are all known */
    if (!handshake_known(c, handshake) ||
        !long_after_doubt(c, handshake->began, handshake->legs[0].time))
        return;
    if (state->proven == NULL)
        state->proven = mqtt_memory_new(c->memory, MQTT_MEMORY_IN_FLIGHT, MQTT_PROVEN_BYTES);
    if (state->proven != NULL)
        state->proven[handshake->packet_identifier / 8] |=
            (uint8_t)(1u << handshake->packet_identifier % 8);
}
