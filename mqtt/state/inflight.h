/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handshakes in flight by packet identifier: a hash table whose buckets are chains of slots.
 * Senders count their identifiers up, so the low bits of the identifier are a good hash; and since
 * there are only 65,536 identifiers, nobody can choose them so that a chain gets longer than 256:
 * as many share the low bits of a table with 256 buckets. Private to mqtt/state/.
 */
#ifndef MQTT_INFLIGHT_H
#define MQTT_INFLIGHT_H

#include "mqtt/state/handshake.h"

/* NULL if nothing with this identifier is in flight. Valid until the next add or remove. */
struct mqtt_handshake *inflight_find(const struct mqtt_inflight *table, uint16_t identifier);

/* Adds an entry that is not there yet: zeroed but for its identifier and `kind`. NULL if there is
 * no memory. */
struct mqtt_handshake *inflight_add(struct mqtt_inflight *table, uint16_t identifier,
                                    enum mqtt_handshake_kind kind);

/* Removes an entry that inflight_find() or inflight_add() returned, and frees its list. */
void inflight_remove(struct mqtt_inflight *table, struct mqtt_handshake *entry);

/* Removes all, and gives the memory back; what the table is charged to stays. */
void inflight_clear(struct mqtt_inflight *table);

/* Adds a copy of an entry that is not there yet, without its list. False without memory. */
bool inflight_copy(struct mqtt_inflight *table, const struct mqtt_handshake *entry);

/* Moves all entries of `from` into the empty `to`. */
void inflight_move(struct mqtt_inflight *to, struct mqtt_inflight *from);

/* The last packet seen of a handshake. */
const struct mqtt_leg *handshake_last_leg(const struct mqtt_handshake *handshake);

#endif
