/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times, durations and numbers as people read them, and the names that reports share. */
#ifndef MQTTSCOPE_AUDIT_REPORT_FORMAT_H
#define MQTTSCOPE_AUDIT_REPORT_FORMAT_H

#include "audit/model.h"

/* Large enough for everything that is written here. */
#define FORMAT_SIZE 64

/* "2024-05-01T12:00:00.123456789Z": RFC 3339. All of these return `text`. */
const char *format_time(char text[static FORMAT_SIZE], int64_t time_ns);

/* "0 us", "830 us", "12.4 ms", "1.20 s", "1 min 40 s", "2 h 05 min", "3 d 04 h"; a minus sign
 * before it where the clock stepped back. */
const char *format_duration(char text[static FORMAT_SIZE], int64_t nanoseconds);

/* The same from microseconds. */
const char *format_microseconds(char text[static FORMAT_SIZE], uint64_t microseconds);

/* "1,234,567" */
const char *format_count(char text[static FORMAT_SIZE], uint64_t count);

/* "0 B", "812 B", "1.2 kB", "3.4 MB": powers of 1000. */
const char *format_bytes(char text[static FORMAT_SIZE], uint64_t bytes);

/* enum mqtt_sender as "client" or "server"; NULL: neither. */
const char *format_role(unsigned sender);

/* A kind of handshake as a stable word: "connect", "qos-1", ... */
const char *format_handshake(unsigned kind);

/* "192.0.2.1:1883", "[2001:db8::1]:1883" */
const char *format_endpoint(char text[static FORMAT_SIZE], const struct audit_endpoint *endpoint);

/* "1 error", "12 errors": `noun` takes an s. */
void format_plural(GString *text, uint64_t count, const char *noun);

/* What happened, in words: the field concerned where the rule does not name it, and the detail,
 * whose frames are numbered as in their file where that is the finding's own. `report` NULL: they
 * are counted over all files. */
void format_detail(GString *text, const struct audit_report *report,
                   const struct mqtt_finding *finding);

/* The display filter that shows the frames of one finding in Wireshark: "frame.number == 17", or
 * the connection where no frame shows it. */
void format_filter(GString *text, const struct audit_report *report,
                   const struct audit_finding *finding);

/* The display filter that shows the evidence of a diagnosis, that of the first file which has any
 * of it: "frame.number in {17, 33}". False if no frame shows it. `report` NULL: frames are counted
 * over all files. */
bool format_diagnosis_filter(GString *text, const struct audit_report *report,
                             const struct audit_diagnosis *diagnosis);

#endif
