/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands before MQTT on a connection, or instead of it: the PROXY protocol's header of a load
 * balancer, and other protocols on MQTT's port. The first bytes of a side are judged, so these
 * functions are of use only where the capture shows the connection's start.
 */
#ifndef MQTT_PREAMBLE_H
#define MQTT_PREAMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mqtt/wire/decode.h"

/* A header of the PROXY protocol (HAProxy's proxy-protocol.txt): the first bytes that the side
 * sends which opened the connection, and never repeated. */
struct mqtt_proxy_header {
    uint32_t length;     /* of the whole header, 15 to 65,551 bytes; 0: not known yet */
    uint8_t version;     /* 1 or 2 */
    bool has_client;     /* it names the client: the rest is valid */
    uint8_t family;      /* 4 or 6 */
    uint8_t address[16]; /* of the client; bytes that IPv4 does not need are zero */
    uint16_t port;
};

/* So many bytes settle whether it is one, and who the client is. */
#define MQTT_PROXY_BYTES 107u

/* Reads the header that `available` bytes begin with.
 *
 * MQTT_OK: it is one; what of header->length is not available is to be passed over.
 * MQTT_NEED_MORE: it may be one, as far as the bytes go; header->length is set as soon as version 2
 * tells it.
 * MQTT_MALFORMED: it is none, or one that the specification has the receiver refuse: a version 1
 * line that does not end within 107 bytes or cannot be read, or a version 2 header with an unknown
 * command or kind of address, or too short for the addresses it announces.
 *
 * LOCAL (a health check by the proxy itself), UNKNOWN, AF_UNSPEC and AF_UNIX name no client. */
enum mqtt_outcome mqtt_proxy_header(const uint8_t *data, size_t available,
                                    struct mqtt_proxy_header *header);

enum mqtt_foreign {
    MQTT_FOREIGN_NONE,
    MQTT_FOREIGN_TLS,
    MQTT_FOREIGN_HTTP,
    MQTT_FOREIGN_SSH,
    MQTT_FOREIGN_AMQP,
    MQTT_FOREIGN_REDIS,
    MQTT_FOREIGN_NATS,
    MQTT_FOREIGN_STOMP,
    MQTT_FOREIGN_MAIL,      /* SMTP or FTP */
    MQTT_FOREIGN_WEBSOCKET, /* see mqtt_resembles_websocket() */
    MQTT_FOREIGNS,
};

/* So many bytes settle which it is. */
#define MQTT_FOREIGN_BYTES 16u

/* Whether the first bytes of a side are those of a known protocol that is not MQTT. MQTT_OK: they
 * are, and *which says of which one. MQTT_NEED_MORE: they may be, as far as they go.
 * MQTT_MALFORMED: they are not. */
enum mqtt_outcome mqtt_begins_foreign(const uint8_t *data, size_t available,
                                      enum mqtt_foreign *which);

/* Whether the first `captured` bytes of what a side sends, which seem to be a control packet of
 * `length` bytes (or, where its Remaining Length has no end, are five bytes of one), can have been
 * meant as MQTT: a CONNECT or CONNACK, however wrong, or any other control packet that is
 * well-formed. What else comes first is no broken MQTT but none at all. */
bool mqtt_may_come_first(const uint8_t *data, size_t captured, uint32_t length);

/* Where a connection's start is not in the capture: whether a segment is one binary WebSocket frame
 * (RFC 6455, 5.2) with nothing in it but well-formed control packets. Whoever looks for control
 * packets finds those in it, and takes the next frame's header for one. */
bool mqtt_resembles_websocket(const uint8_t *segment, size_t length);

#endif
