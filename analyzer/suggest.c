/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See suggest.h. */
#include "analyzer/suggest.h"

#include <glib.h>
#include <string.h>

#define LONGEST 64

/* How many letters have to be changed, added or left out to make `b` from `a` (Levenshtein). */
static unsigned distance(const char *a, const char *b)
{
    size_t length = strlen(b);
    unsigned *row = g_new(unsigned, length + 1);
    for (size_t j = 0; j <= length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < length; j++) {
            unsigned cost = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = MIN(cost, MIN(diagonal, row[j]) + 1);
        }
    }
    unsigned answer = row[length];
    g_free(row);
    return answer;
}

const char *suggest(const char *typed, unsigned changes, suggest_word word, void *user)
{
    const char *best = NULL, *candidate;
    unsigned least = changes + 1;
    if (strlen(typed) > LONGEST)
        return NULL;
    for (unsigned i = 0; (candidate = word(user, i)) != NULL; i++) {
        unsigned away = distance(typed, candidate);
        if (away < least) {
            least = away;
            best = candidate;
        }
    }
    return best;
}
