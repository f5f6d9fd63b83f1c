/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings from the wire: hashes, copies, and keys of tables. */
#ifndef MQTTSCOPE_AUDIT_STRINGS_H
#define MQTTSCOPE_AUDIT_STRINGS_H

#include "audit/model.h"
#include "mqtt/wire/packet.h"

/* A hash that strangers can't foresee, so that they can't fill one bucket of a table; and the same
 * over more parts, going on from the hash of those before. Differs from run to run. */
uint64_t audit_hash(struct mqtt_slice slice);
uint64_t audit_hash_more(uint64_t hash, struct mqtt_slice slice);

/* Where something stands in an order that is fair, and the same everywhere: a hash without a
 * secret. For tables that keep a part of what there is, not for look-ups. */
uint64_t audit_rank(struct mqtt_slice slice);
uint64_t audit_rank_more(uint64_t rank, struct mqtt_slice slice);

/* What a look-up in a table of strings needs: points into `slice`, nothing is copied. */
struct audit_string audit_string_view(struct mqtt_slice slice);

/* A copy in one block, for g_free(). */
struct audit_string *audit_string_copy(const struct audit_string *view);

/* For GHashTable: keys are struct audit_string. Two strings are the same if all that is kept of
 * them, their whole lengths and their hashes are. */
guint audit_string_hash(gconstpointer string);
gboolean audit_string_equal(gconstpointer a, gconstpointer b);

/* By their bytes, then by their whole lengths, like strcmp(). */
int audit_string_order(const struct audit_string *a, const struct audit_string *b);

#endif
