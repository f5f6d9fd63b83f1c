/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two-way transcripts: a test of the connection is a text that says who sent what when, and what
 * the observer has to say about it. A line each:
 *
 *     connection [NAME] [mid]       begins a connection; with `mid` its start was not captured
 *     use NAME                      goes on with an earlier one
 *     C TYPE ...  S TYPE ...        the client, the server sends a control packet (see build())
 *     +SECONDS                      time passes
 *     gap C | gap S                 bytes of that direction are missing
 *     close C fin | close S rst ... the transport ends; `end` is the end of the capture
 *     ! RULE                        the last line raises this finding; what is not listed may not
 * come ? WORD [VALUE]                the last line has this result: see expect()
 *
 * Packets of one connection have the version of its CONNECT. {HEX} holds properties, without their
 * length.
 */
#ifndef MQTTSCOPE_TESTS_UNIT_TRANSCRIPT_H
#define MQTTSCOPE_TESTS_UNIT_TRANSCRIPT_H

/* Runs one transcript; fails the test at the first line that does not hold. */
void transcript(const char *text);

#endif
