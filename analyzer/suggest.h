/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which word was probably meant. */
#ifndef MQTTSCOPE_ANALYZER_SUGGEST_H
#define MQTTSCOPE_ANALYZER_SUGGEST_H

/* The i-th word that there is; NULL behind the last one. */
typedef const char *(*suggest_word)(void *user, unsigned i);

/* The word that takes the fewest changes to make of `typed`, at most `changes` of them; the first
 * of several. NULL if none is as near, or if nobody types such a long one. */
const char *suggest(const char *typed, unsigned changes, suggest_word word, void *user);

#endif
