/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line a control packet, in parts: for the Info column, which puts those of a frame together,
 * and for the protocol line of the tree. */
#ifndef MQTTSCOPE_PLUGIN_SUMMARY_H
#define MQTTSCOPE_PLUGIN_SUMMARY_H

#include "mqtt/wire/decode.h"
#include "plugin/records.h"

/* What the capture holds is escaped in all of it. */
struct mqttscope_summary {
    const char *type;    /* "PUBLISH"; of what is no control packet, all that is said */
    const char *subject; /* topic name or topic filters; NULL: there are none */
    const char *details; /* ", QoS 1, DUP"; may be empty */
    const char *client;  /* client identifier; NULL: not known, or among the details */
    bool has_identifier;
    uint16_t identifier; /* packet identifier, valid if the member above is set */
};

/* Fills the summary of a packet; its texts live in `pool`. */
void mqttscope_summarize(struct mqttscope_summary *summary, wmem_allocator_t *pool,
                         enum mqtt_outcome outcome, const struct mqtt_packet *packet,
                         const struct mqttscope_record *record);

/* "PUBLISH plant/1/temperature, QoS 1, id 7, 4 bytes: 21.5 [publish-qos-3]": what tells the packet
 * from others of its frame. The text lives in `pool`. */
const char *mqttscope_packet_line(wmem_allocator_t *pool, enum mqtt_outcome outcome,
                                  const struct mqtt_packet *packet,
                                  const struct mqttscope_record *record);

/* Signs of the lines, in UTF-8. */
#define MQTTSCOPE_TIMES "\xc3\x97"
#define MQTTSCOPE_ELLIPSIS "\xe2\x80\xa6"

/* So many rules are named in a line; further ones are counted. */
#define MQTTSCOPE_RULES_NAMED 4

/* The rules of a line, each once and how often it is broken. All zero is none. */
struct mqttscope_broken {
    uint16_t rules[MQTTSCOPE_RULES_NAMED]; /* enum mqtt_rule */
    uint32_t counts[MQTTSCOPE_RULES_NAMED];
    unsigned named;
    uint32_t others; /* findings of further rules */
};

/* Adds the findings of a record; `findings` may be NULL. */
void mqttscope_broken_add(struct mqttscope_broken *broken,
                          const struct mqttscope_findings *findings);

/* Appends " [publish-qos-3, packet-identifier-zero ×2]"; nothing where no rule is broken. */
void mqttscope_broken_append(const struct mqttscope_broken *broken, wmem_strbuf_t *text);

#endif
