/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strings from the wire, kept once each: a report names the same few client identifiers and topics
 * again and again.
 */
#ifndef MQTTSCOPE_AUDIT_STRINGS_H
#define MQTTSCOPE_AUDIT_STRINGS_H

#include "audit/model.h"

/* A hash that strangers can't foresee, so that they can't fill one bucket of a table. */
uint64_t audit_hash(struct mqtt_slice slice);

/* What a look-up in a table of strings needs: points into `slice`, nothing is copied. */
struct audit_string audit_string_view(struct mqtt_slice slice);

/* A copy in one block, for g_free(). */
struct audit_string *audit_string_copy(const struct audit_string *view);

/* For GHashTable: keys are struct audit_string. Two strings are the same if all that is kept of
 * them, their whole lengths and their hashes are. */
guint audit_string_hash(gconstpointer string);
gboolean audit_string_equal(gconstpointer a, gconstpointer b);

/* A set of strings; audit_strings_free() frees them all. */
GHashTable *audit_strings_new(void);

/* The member of `set` that equals `view`; a copy is added if there is none. */
const struct audit_string *audit_strings_get(GHashTable *set, const struct audit_string *view);

#endif
