/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strangers' bytes as the inside of a JSON string. */
#ifndef MQTTSCOPE_AUDIT_REPORT_JSON_ESCAPE_H
#define MQTTSCOPE_AUDIT_REPORT_JSON_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most bytes that a byte can become. */
#define JSON_ESCAPE_MAX 6

/* Writes `length` bytes to `out`, which has room for JSON_ESCAPE_MAX times as many. What comes out
 * is valid UTF-8: each byte that is not part of well-formed UTF-8 becomes U+FFFD, and *clean says
 * whether there was none. Controls (C0, DEL and C1, which a terminal would act on), U+2028 and
 * U+2029, which some take for the end of a line, and what JSON itself needs are escaped. Returns
 * the end. */
char *json_escape(char *out, const uint8_t *bytes, size_t length, bool *clean);

#endif
