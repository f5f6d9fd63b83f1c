/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See jump.h. */
#include "mqtt/state/jump.h"

#include "mqtt/facts/time.h"

int64_t steady_elapsed(const struct mqtt_sessions *sessions, int64_t later, int64_t earlier)
{
    int64_t elapsed = mqtt_elapsed(later, earlier);
    if (sessions == NULL || sessions->jump_count == 0)
        return elapsed;
    for (unsigned i = 0; i < MQTT_JUMPS_MAX && i < sessions->jump_count; i++) {
        const struct mqtt_jump *jump = &sessions->jumps[i];
        if (earlier <= jump->from && later >= jump->to)
            elapsed = mqtt_elapsed(elapsed, mqtt_elapsed(jump->to, jump->from));
    }
    return elapsed;
}
