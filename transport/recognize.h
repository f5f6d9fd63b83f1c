/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the first bytes of a TCP stream say it carries. */
#ifndef MQTTSCOPE_TRANSPORT_RECOGNIZE_H
#define MQTTSCOPE_TRANSPORT_RECOGNIZE_H

#include <stddef.h>
#include <stdint.h>

#include "mqtt/wire/preamble.h"

enum recognized {
    RECOGNIZED_NOTHING, /* none of the following */
    RECOGNIZED_MAYBE,   /* more bytes are needed to tell */
    RECOGNIZED_MQTT,    /* a CONNECT packet of 3.1, 3.1.1 or 5.0 (or what claims to be one) */
    RECOGNIZED_GET,     /* an HTTP request by GET, which may open a WebSocket */
    RECOGNIZED_TLS,     /* a TLS record (RFC 8446, 5.1) */
    RECOGNIZED_FOREIGN, /* another protocol by its name */
};

/* As many bytes settle every case. */
#define RECOGNIZE_BYTES MQTT_FOREIGN_BYTES

/* Judges the first `length` bytes that the side sent which spoke first. *which is set for GET, TLS
 * and FOREIGN. */
enum recognized recognize(const uint8_t *bytes, size_t length, enum mqtt_foreign *which);

#endif
