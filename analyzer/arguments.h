/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands behind options, read into `options` or where a pointer leads. All of these are false
 * after one line on standard error.
 */
#ifndef MQTTSCOPE_ANALYZER_ARGUMENTS_H
#define MQTTSCOPE_ANALYZER_ARGUMENTS_H

#include "analyzer/options.h"

/* The line: printf()'s arguments, whatever was typed. Always false. */
bool complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* "posion-message": a rule, a diagnosis or an excuse, for --explain. */
bool parse_explained(struct options *options, const char *id);

/* "publish-qos-3,poison-message": rules and diagnoses, for --only. */
bool parse_rules(struct options *options, const char *list);

/* "error": an enum mqtt_severity. */
bool parse_severity(const char *name, unsigned *severity);

bool parse_color(const char *name, enum color_mode *mode);

/* "tcp.port==N", and ",mqtt" behind it as tshark has it. */
bool parse_decode_as(struct options *options, const char *text);

/* "192.0.2.1:1883,192.0.2.2" */
bool parse_broker(struct options *options, const char *text);

/* "512M": bytes. Less than a mebibyte is too little to begin with. */
bool parse_size(const char *text, uint64_t *size);

/* A topic filter, which stays with the caller. */
bool parse_topic(const char *text, const char **filter);

/* A time or an offset: see span.h. `option` is named in the complaint. */
bool parse_moment(const char *option, const char *text, struct moment *moment);

#endif
