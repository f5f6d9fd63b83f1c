/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What births of Sparkplug B say that aliases stand for. Births are kept in the order of the
 * capture, on the first pass; whoever asks, on whatever pass, hears what was true at his place.
 */
#ifndef MQTTSCOPE_PLUGIN_SPARKPLUG_BIRTHS_H
#define MQTTSCOPE_PLUGIN_SPARKPLUG_BIRTHS_H

#include "audit/sparkplug/topic.h"
#include "plugin/compat.h"

/* Where something stands: the frame, and which of its control packets it is. */
struct sparkplug_place {
    uint32_t frame;
    uint32_t number;
};

struct sparkplug_name {
    uint64_t alias;
    const char *name;  /* UTF-8 */
    uint32_t datatype; /* 0: not said */
};

/* Whose birth it is: an edge node of a broker, or its device, on the way to the broker or from it.
 */
struct sparkplug_origin {
    wmem_allocator_t *pool; /* for what lives as long as the call */
    const address *server;
    bool from_server;
    const struct sparkplug_topic *topic;
};

/* The first pass: `payload` is that of an NBIRTH or DBIRTH. What its aliases stand for is kept
 * until the capture file is closed, as far as there is room. */
void sparkplug_births_learn(const struct sparkplug_origin *origin, struct mqtt_slice payload,
                            struct sparkplug_place place);

/* What counts for a message of this origin: the last birth of its device, if that came behind the
 * last one of the node, and the last one of the node. NULL is none. */
struct sparkplug_births {
    const struct sparkplug_birth *device;
    const struct sparkplug_birth *node;
};

/* Those that went the same way, or else the other way: who subscribes late gets data alone. */
struct sparkplug_births sparkplug_births_at(const struct sparkplug_origin *origin,
                                            struct sparkplug_place place);

/* NULL: nobody knows the alias. */
const struct sparkplug_name *sparkplug_births_name(const struct sparkplug_births *births,
                                                   uint64_t alias);

/* Forgets all; Wireshark frees the memory with the capture file. */
void sparkplug_births_cleanup(void);

#endif
