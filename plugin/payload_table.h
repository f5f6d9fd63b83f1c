/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What users want payloads to be dissected as, by topic: our table of topic filters, and the table
 * "Message Decoding" of Wireshark's own dissector. */
#ifndef MQTTSCOPE_PLUGIN_PAYLOAD_TABLE_H
#define MQTTSCOPE_PLUGIN_PAYLOAD_TABLE_H

#include "plugin/unpack.h"

struct mqttscope_wish {
    enum mqttscope_packing packing;
    const char *name;          /* the dissector's; NULL: as if there were no wish */
    dissector_handle_t handle; /* NULL as well */
};

/* Registers our table: called once, from the protocol's registration. */
void mqttscope_payload_table_register(module_t *module);

/* Finds the table of Wireshark's own dissector: called once, when all are registered. */
void mqttscope_payload_table_handoff(void);

/* The first row for this topic name, of our table or else of the other one. `topic` is UTF-8; names
 * live in `pool`. False: there is none. */
bool mqttscope_payload_wish(wmem_allocator_t *pool, const char *topic, struct mqttscope_wish *wish);

#endif
