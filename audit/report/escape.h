/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strangers' text on a terminal. What a terminal would act on, or show as nothing or in another
 * order, is written as an escape: \n, \t, \\, \xHH for bytes and \u{HEX} for characters.
 */
#ifndef MQTTSCOPE_AUDIT_REPORT_ESCAPE_H
#define MQTTSCOPE_AUDIT_REPORT_ESCAPE_H

#include "audit/model.h"

/* Appends bytes as printable UTF-8. Nothing is lost: different bytes give different text. */
void escape_append(GString *text, const uint8_t *bytes, size_t length);

/* The whole string as printable text, for g_free(); "..." at its end if the report does not hold
 * all of it. */
char *escape_string(const struct audit_string *string);

/* The same for a file name or an argument. */
char *escape_text(const char *text);

/* How many columns a printable text takes on a terminal. */
unsigned escape_width(const char *text);

/* Cuts a printable text so that it takes at most `width` columns (at least 4), "..." included. */
void escape_cut(char *text, unsigned width);

#endif
