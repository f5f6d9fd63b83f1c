/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time that passed in the capture alone: its clock was set, or it paused. Nothing in a packet says
 * so. But where several clients that have to speak are silent at once, for much longer than any of
 * them may be, nothing else is heard meanwhile, and none of their connections ends, it is the clock
 * and not all of them: note_time() in silence.h finds that out. What is judged by time leaves it
 * out. Private to mqtt/state/.
 */
#ifndef MQTT_JUMP_H
#define MQTT_JUMP_H

#include "mqtt/state/session.h"

/* mqtt_elapsed(later, earlier), without the jumps in between. */
int64_t steady_elapsed(const struct mqtt_sessions *sessions, int64_t later, int64_t earlier);

#endif
