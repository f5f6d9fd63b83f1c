/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Well-formed UTF-8 as MQTT wants it: 3.1.1 section 1.5.3, 5.0 section 1.5.4, RFC 3629. */
#ifndef MQTT_UTF8_H
#define MQTT_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Offset of the first byte that is not part of a well-formed sequence (overlong forms, surrogates,
 * code points above U+10FFFF and cut sequences are not), or `length` if all is well. NUL is
 * well-formed here; MQTT forbids it by a rule of its own. */
size_t mqtt_utf8_check(const uint8_t *data, size_t length);

/* What strings should not hold (the same sections): control characters, U+0001 to U+001F and U+007F
 * to U+009F; and what is no character, U+FDD0 to U+FDEF and the last two code points of each plane.
 */
enum mqtt_discouraged { MQTT_CONTROL_CHARACTER, MQTT_NON_CHARACTER, MQTT_DISCOURAGED };

/* Offset of the first code point of that kind in well-formed UTF-8, and which it is in *point;
 * `length` if there is none. */
size_t mqtt_utf8_discouraged(const uint8_t *data, size_t length, enum mqtt_discouraged kind,
                             uint32_t *point);

#endif
