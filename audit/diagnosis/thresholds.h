/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The numbers that decide, each with its reason. All of them are on the careful side: three
 * occurrences are a pattern, two are not; what a healthy system does, must not reach them. Private
 * to audit/diagnosis/.
 */
#ifndef MQTTSCOPE_AUDIT_DIAGNOSIS_THRESHOLDS_H
#define MQTTSCOPE_AUDIT_DIAGNOSIS_THRESHOLDS_H

#include "mqtt/facts/time.h"

/* ---- All of them ---- */

/* Two may be a coincidence. */
#define PATTERN_LEAST 3u

/* Timers are exact to much less, what people or networks do is not. */
#define CONSTANT_PERCENT 5

/* Diagnoses of one kind that are listed: a report is read by people. */
#define LISTED_MAX 100u

/* Evidence that is listed with one of them; the rest is counted. */
#define EVIDENCE_MAX 20u

/* ---- Who is connected ---- */

/* Two devices: takeovers of which each is by the other one. A B A B has three, and its first A
 * comes back, and so does B. */
#define TWINS_TAKEOVERS 3u

/* Nothing tells the two apart: more of them in a row, and the loser is back within this time, which
 * no device that lost its network and was not noticed is, time after time. */
#define TWINS_BLIND_TAKEOVERS 4u
#define TWINS_BLIND_RETURN (60 * MQTT_SECOND)

/* A stale connection: its client sent nothing on it for so long. Below, it may have been there. */
#define STALE_SILENCE MQTT_SECOND

/* A loop: so many connections, of which so many ended alike. */
#define LOOP_CONNECTIONS 5u
#define LOOP_ENDS 4u

/* Rarer than that, nobody calls it a loop: it may be once a day. */
#define LOOP_PERIOD (15 * 60 * MQTT_SECOND)

#endif
