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

/* Whom one of them is about, by name: the first ones. */
#define CLIENTS_MAX 1000u
#define SERVERS_MAX 100u

/* ---- Who is connected ---- */

/* Two devices: takeovers of which each is by the other one. A B A B has three, and its first A
 * comes back, and so does B. */
#define TWINS_TAKEOVERS 3u

/* Nothing tells the two apart: more of them in a row, and the loser is back within this time, which
 * no device that lost its network and was not noticed is, time after time. */
#define TWINS_BLIND_TAKEOVERS 4u
#define TWINS_BLIND_RETURN (60 * MQTT_SECOND)

/* So many in a row need no rhythm. */
#define TWINS_BLIND_MANY 10u

/* More devices than two may share an identifier: so many of those that lost are remembered. */
#define TWINS_MOST 8u

/* A stale connection: its client sent nothing on it for so long. Below, it may have been there. */
#define STALE_SILENCE MQTT_SECOND

/* Guessing: so many refusals of one address, of so many different user names and passwords, and
 * each tried twice at the most. People mistype three times. */
#define TRIES_LEAST 10u
#define TRIES_DIFFERENT 5u

/* A loop: so many connections, of which so many ended alike. */
#define LOOP_CONNECTIONS 5u
#define LOOP_ENDS 4u

/* More clients at one server in the same loop are told of together. */
#define LOOPS_APART 3u

/* Rarer than that, nobody calls it a loop: it may be once a day. */
#define LOOP_PERIOD (15 * 60 * MQTT_SECOND)

/* ---- Ends ---- */

/* So many of a hundred have to be alike: a pattern that fits some of the ends explains none. */
#define MOST_PERCENT 80u

/* Silence: shorter ones belong to the rhythm of applications; no box forgets so soon. */
#define IDLE_LEAST (5 * MQTT_SECOND)
#define IDLE_ENDS 4u

/* Where the age is constant too, it may be a server that closes what says nothing: none of the
 * known boxes forgets within this time. */
#define IDLE_BLIND_LEAST (30 * MQTT_SECOND)

/* A box that forgets without a word: the silences that it forgives end well before those that it
 * does not. Timers of applications repeat themselves to within less. */
#define FORGETS_PERCENT 10

/* Ages: below, connections are short for reasons of their own. Ends within AGE_APART are one event,
 * as a restart of the server is. */
#define AGE_LEAST (30 * MQTT_SECOND)
#define AGE_ENDS 4u
#define AGE_APART (10 * MQTT_SECOND)

/* The end follows from the last packet, if it comes so soon after it. */
#define KILLED_WITHIN (5 * MQTT_SECOND)

/* Messages of one session that are looked at: a session that many different ones end is not
 * poisoned by one. */
#define KILLERS_MAX 100u

/* Nobody limits packets to less. */
#define OVERSIZE_LEAST 1024u

/* ---- Silence ---- */

/* The server was sending, and not only once. */
#define STARVED_PACKETS 3u

#define NEEDLESS_LEAST 20u

/* TCP sends again after 0.2 s, then after twice the time each: three say that it is no loss, but
 * for those that follow each other at once. */
#define HALF_OPEN_RETRIES 3u
#define HALF_OPEN_SILENCE (MQTT_SECOND)

/* A server that nobody acknowledges sends again within this time (RFC 6298 begins with a second,
 * and doubles it once). */
#define ACKNOWLEDGED_WITHIN (3 * MQTT_SECOND)

/* ---- How fast, in microseconds ---- */

/* Below that a median says little. */
#define SLOW_SAMPLES 20u

/* What a receiver adds: the timers of delayed acknowledgements end at 200 ms, and a LAN or a disk
 * that is merely not quick stays far below. */
#define SLOW_RECEIVER 250000u

/* So much of a hundred is most of it. */
#define SLOW_PERCENT 80u

/* A round trip of TCP has the other side's delayed acknowledgement in it, which has to come within
 * half a second (RFC 1122, 4.2.3.2): more is the way. */
#define SLOW_TRIP 500000u

/* ---- Many at once ---- */

/* So many clients that were there before, within such a time: no coincidence. */
#define STORM_CLIENTS 10u
#define STORM_WIDTH (2 * MQTT_SECOND)

/* A server that answers after less is slow, and does not stand still; it answers all that waited at
 * once, so within STALL_WIDTH. */
#define STALL_LEAST MQTT_SECOND
#define STALL_WIDTH MQTT_SECOND
#define STALLS_MAX 1000u
#define STALL_SAMPLES 5u

/* ---- In flight ---- */

/* Servers that have a limit of their own have one of 10 (NanoMQ: 32, mosquitto: 20, EMQX: 32) or
 * more. */
#define WINDOW_LEAST 10u

/* Handlers may take some seconds; a client that sends other packets meanwhile is alive. */
#define STALLED_LEAST (10 * MQTT_SECOND)
#define STALLED_ALIVE 2u

#define CONSUMER_AGE (10 * MQTT_SECOND)
#define CONSUMER_DELIVERIES 20u

/* A window is closed for a moment when a burst comes: so long, and so much of a hundred of the
 * time, is no moment. */
#define CONSUMER_SHUT MQTT_SECOND
#define CONSUMER_SHUT_PERCENT 10

/* Timers of delayed acknowledgements, in microseconds, with what the machines add to them. */
#define DELAYED_ACK_LINUX 39500, 44500
#define DELAYED_ACK_OTHER 199000, 221000

/* The same in round trips of TCP, which are known to within an eighth. */
#define DELAYED_TRIP_LINUX 36000, 46000
#define DELAYED_TRIP_OTHER 196000, 230000

#define PLATEAU_LEAST 20u
#define PLATEAU_PERCENT 33u
#define PLATEAU_NEAR_PERCENT 10u
#define PLATEAU_FAST_PERCENT 5u

/* ---- Retained messages ---- */

/* The same number by chance is likely for a few, and not for many. */
#define CUT_OFF_LEAST 20u

/* A circle turns fast; ten turns are none that a timer makes. */
#define CIRCLE_LEAST 10u
#define CIRCLE_PERIOD MQTT_SECOND

/* Looked at, of each of which all connections are gone through. */
#define CIRCLES_MAX 1000u

/* ---- The capture ---- */

#define MIRROR_SEGMENTS 100u
#define MIRROR_PERCENT 45u

#endif
