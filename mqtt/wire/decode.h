/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grammar of MQTT 3.1, 3.1.1 and 5.0 control packets, and what one packet by itself can
 * violate. Functions here keep no state and touch nothing but their arguments.
 */
#ifndef MQTT_DECODE_H
#define MQTT_DECODE_H

#include "mqtt/wire/packet.h"
#include "mqtt/wire/trace.h"

/* What became of the bytes. A violation that leaves the structure readable is a finding in the
 * view, never an outcome. */
enum mqtt_outcome {
    MQTT_OK,        /* the view is complete */
    MQTT_NEED_MORE, /* the stream has not brought the whole packet yet; the view is not valid */
    MQTT_TRUNCATED, /* the capture cut it (captured < reported); the view holds what was there */
    MQTT_MALFORMED, /* the structure breaks at malformed_offset; the view holds what came before */
};

/* What the connection knows when a packet arrives. With MQTT_VERSION_UNKNOWN a packet is read as
 * 3.1.1; CONNECT names its own version. With MQTT_SENDER_UNKNOWN the rules that depend on the
 * sender are left out. */
struct mqtt_context {
    enum mqtt_version version;
    enum mqtt_sender sender;
};

/* Reads the fixed header (3.1.1: 2.2; 5.0: 2.1). On MQTT_OK *header_length (2 to 5) and *length
 * (the whole packet in bytes, at most 268,435,460) are set. MQTT_NEED_MORE: the Remaining Length is
 * not all there. MQTT_MALFORMED: it has more than four bytes, so that the packet's end is not
 * known. */
enum mqtt_outcome mqtt_fixed_header(const uint8_t *data, size_t available, uint32_t *header_length,
                                    uint32_t *length);

/* Whether a stream that begins with these bytes begins with a CONNECT, by type, Remaining Length
 * and protocol name; flags and protocol level may be wrong. MQTT_OK: it does. MQTT_NEED_MORE: it
 * may, as far as they go. MQTT_MALFORMED: it does not. At most 13 bytes settle it. */
enum mqtt_outcome mqtt_begins_connect(const uint8_t *data, size_t available);

/* Decodes the control packet that starts at data[0]. `captured` bytes may be read; `reported` says
 * how many of the stream's bytes those stand for (>= captured; more than captured where a snap
 * length or a holding limit cut the packet). Bytes after the packet are not looked at.
 * After MQTT_MALFORMED, packet->length is still the distance to the next packet, or 0 if the fixed
 * header itself is broken. The view's slices live as long as `data`. */
enum mqtt_outcome mqtt_decode(const uint8_t *data, size_t captured, size_t reported,
                              const struct mqtt_context *context, struct mqtt_packet *packet);

/* The same, and fills `trace` with a span a field. The view is equal to mqtt_decode()'s. */
enum mqtt_outcome mqtt_decode_traced(const uint8_t *data, size_t captured, size_t reported,
                                     const struct mqtt_context *context, struct mqtt_packet *packet,
                                     struct mqtt_trace *trace);

/* One topic filter of SUBSCRIBE or UNSUBSCRIBE. `options` is SUBSCRIBE's byte after the filter
 * (5.0: subscription options; before: the requested QoS), 0 for UNSUBSCRIBE. */
struct mqtt_filter {
    struct mqtt_slice filter;
    uint8_t options;
};

/* Takes the next filter off the front of *list, which starts as a copy of mqtt_filters.list. `type`
 * is the packet's type. False at the end, or where the list is cut short. */
bool mqtt_filter_next(struct mqtt_slice *list, enum mqtt_packet_type type,
                      struct mqtt_filter *filter);

/* One property of a block. `number` is set for the integer types, `text` for strings and binary
 * data, `text` and `value` for a pair. */
struct mqtt_property_value {
    enum mqtt_property property;
    uint32_t number;
    struct mqtt_slice text;
    struct mqtt_slice value;
};

/* Takes the next property off the front of *block, which starts as a copy of
 * mqtt_properties.block. False at the end, or at the first property that can't be read. */
bool mqtt_property_next(struct mqtt_slice *block, struct mqtt_property_value *value);

/* Something of the packet is wrong in the version that it was read in, which speaks for another
 * one, or against its being a packet. Characters that are only discouraged don't
 * (1.5.3; 5.0: 1.5.4). */
bool mqtt_reads_wrong(const struct mqtt_packet *packet);

/* Whether a packet that mqtt_decode() returned this outcome for was read to its end and reads
 * right. One that the capture cut counts if it is a PUBLISH whose topic name is there. */
bool mqtt_reads_cleanly(enum mqtt_outcome outcome, const struct mqtt_packet *packet);

/* In which versions a packet reads cleanly: breaks no MUST, whoever sent it. A set of
 * the bits below; 3.1 can't be told from 3.1.1 by anything but CONNECT. */
#define MQTT_READS_AS_3_1_1 1u
#define MQTT_READS_AS_5_0 2u
unsigned mqtt_readable_versions(const uint8_t *data, size_t captured, size_t reported);

/* Which version a packet of a connection whose CONNECT was not captured belongs to, as far as its
 * bytes tell: the only one it reads cleanly in; UNKNOWN if both or none. */
enum mqtt_version mqtt_infer_version(const uint8_t *data, size_t captured, size_t reported);

#endif
