/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compressed payloads: what is in them, as far as the capture's author can be trusted with memory.
 */
#ifndef MQTTSCOPE_PLUGIN_UNPACK_H
#define MQTTSCOPE_PLUGIN_UNPACK_H

#include "plugin/compat.h"

enum mqttscope_packing {
    PACKING_AUTOMATIC, /* what begins like gzip or Zstandard is that; zlib has no such sign */
    PACKING_NONE,
    PACKING_ZLIB, /* gzip, zlib, or deflate without a header */
    PACKING_ZSTD,
};

/* Bytes that one payload may grow to, and all payloads of one frame together. */
#define MQTTSCOPE_UNPACKED_MAX (8u << 20)
#define MQTTSCOPE_UNPACKED_FRAME_MAX (32u << 20)

/* What these bytes begin like; PACKING_NONE: like neither gzip nor Zstandard. */
enum mqttscope_packing mqttscope_packing_of(const uint8_t *data, size_t length);

/* Unpacks a stream that is there as a whole, PACKING_ZLIB or PACKING_ZSTD. Returns the bytes, of
 * g_malloc(), and their number, at least one; or NULL, and *problem says in a few words why. */
uint8_t *mqttscope_unpack(enum mqttscope_packing packing, const uint8_t *data, size_t length,
                          size_t limit, size_t *unpacked, const char **problem);

#endif
