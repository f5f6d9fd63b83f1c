/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The normative statements of 3.1.1 and 5.0, and which rules find them broken. All strings are
 * static and never NULL unless said. */
#ifndef MQTT_STATEMENTS_H
#define MQTT_STATEMENTS_H

#include "mqtt/facts/tables.h"

/* What is done about a statement: see statements.def. */
enum mqtt_why { MQTT_WHY_RULES, MQTT_WHY_PENDING, MQTT_WHY_UNSEEN };

struct mqtt_statement {
    uint8_t version;    /* enum mqtt_version: 3.1.1 or 5.0 */
    uint8_t scope;      /* enum mqtt_scope */
    uint8_t why;        /* enum mqtt_why */
    const char *id;     /* "MQTT-3.1.2-24"; what it means depends on the version */
    const char *says;   /* in words of our own */
    const char *reason; /* why nobody can see it; NULL unless UNSEEN */
};

/* The statements in the order of statements.def: those of 3.1.1, then those of 5.0. NULL from the
 * number of statements on. */
const struct mqtt_statement *mqtt_statement(unsigned index);

/* Walks the rules that cite the statement. Start with *cursor == 0; MQTT_RULE_NONE at the end. */
enum mqtt_rule mqtt_statement_rule(const struct mqtt_statement *statement, unsigned *cursor);

#endif
