/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A run of bytes that a capture may hold only the beginning of.
 *
 * A capture with a snap length keeps the first bytes of each packet. Every layer therefore passes
 * two lengths upwards: what is there (`captured`) and what was on the wire (`reported`). Being cut
 * is not being wrong: no layer takes captured < reported for an error.
 */
#ifndef MQTTSCOPE_TCP_SLICE_H
#define MQTTSCOPE_TCP_SLICE_H

#include <stdint.h>

struct slice {
    const uint8_t *data; /* `captured` bytes, owned by somebody else */
    uint32_t captured;   /* bytes that can be read at `data`; never more than `reported` */
    uint32_t reported;   /* bytes that were on the wire */
};

/* Drops the first `count` bytes of the wire, as many of them as were captured included. A count
 * above `reported` leaves an empty slice. */
static inline struct slice slice_skip(struct slice slice, uint32_t count)
{
    uint32_t captured = count < slice.captured ? count : slice.captured;
    uint32_t reported = count < slice.reported ? count : slice.reported;
    return (struct slice){slice.data + captured, slice.captured - captured,
                          slice.reported - reported};
}

/* Keeps at most the first `count` bytes of the wire. */
static inline struct slice slice_limit(struct slice slice, uint32_t count)
{
    return (struct slice){slice.data, count < slice.captured ? count : slice.captured,
                          count < slice.reported ? count : slice.reported};
}

/* Big-endian reads of bytes that the caller has checked to be captured. */
static inline uint16_t read_u16(const uint8_t *bytes)
{
    return (uint16_t)((unsigned)bytes[0] << 8 | bytes[1]);
}

static inline uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)read_u16(bytes) << 16 | read_u16(bytes + 2);
}

#endif
