/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A violation or observation, ready to be shown. */
#ifndef MQTT_FINDING_H
#define MQTT_FINDING_H

#include <stddef.h>

#include "mqtt/facts/terms.h"

struct mqtt_finding {
    uint16_t rule;       /* enum mqtt_rule */
    uint8_t version;     /* enum mqtt_version of the connection */
    uint8_t sender;      /* enum mqtt_sender of the packet that it names */
    uint8_t packet_type; /* enum mqtt_packet_type; 0 if it names none */
    uint8_t side;
    uint8_t qos;     /* of the packet: a PUBLISH with QoS 1 or 2; else 0 */
    uint8_t awaits;  /* see struct mqtt_circumstances */
    uint16_t field;  /* enum mqtt_field; MQTT_FIELDS if it names none */
    uint32_t offset; /* of the bytes concerned inside the packet */
    uint32_t length;
    int64_t time; /* nanoseconds since 1970-01-01 UTC */
    uint64_t frame;
    uint64_t values[2]; /* for the {0} and {1} of the rule's detail */
};

/* Writes the finding's detail with its values into `text` (`size` bytes, always terminated if size
 * is not 0). Returns the length that it needs, like snprintf. Contains printable ASCII alone. */
size_t mqtt_finding_detail(const struct mqtt_finding *finding, char *text, size_t size);

/* Who did wrong; UNKNOWN if nobody did: the finding is no error, and no statement was broken. */
enum mqtt_sender mqtt_finding_blames(const struct mqtt_finding *finding);

/* Walks the statements that were broken, like mqtt_statement_next(). */
bool mqtt_finding_statement_next(const struct mqtt_finding *finding, const char **cursor,
                                 const char **statement, size_t *length);

/* Whether this one of the rule's statements was, which mqtt_statement_next() has set. */
bool mqtt_finding_breaks(const struct mqtt_finding *finding, const char *statement);

#endif
