/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data frames of IEEE 802.11 (2020, clause 9.2 and 9.3.2), in the clear, with or without the header
 * of radiotap.org before them. What the radio encrypts is said to be so.
 */
#define _DEFAULT_SOURCE /* pcap.h uses u_char and the like */

#include "analyzer/input/layer_headers.h"

#include <pcap/pcap.h>

enum {
    ADDRESS = 6,
    HEADER = 24,     /* frame control, duration, three addresses, sequence */
    QOS_CONTROL = 2, /* in QoS data frames */
    HT_CONTROL = 4,  /* in those, where the order bit is set */
    TYPE = 0x0c,     /* of frame control's first byte */
    TYPE_DATA = 0x08,
    WITHOUT_DATA = 0x40, /* bits of the subtype */
    IS_QOS = 0x80,
    TO_AND_FROM = 0x03, /* of its second byte: four addresses */
    RETRIES_MORE = 0x04,
    PROTECTED = 0x40,
    ORDER = 0x80,
    AGGREGATE = 0x80, /* of QoS control's first byte: several MSDUs in one */
};

enum {
    RADIOTAP_HEADER = 8,
    RADIOTAP_TIME = 1 << 0,
    RADIOTAP_FLAGS = 1 << 1,
    RADIOTAP_MORE = 0x80,   /* of the highest byte: another word of bits follows */
    RADIOTAP_PADDED = 0x20, /* of the flags: the header of 802.11 is padded to 4 bytes */
};

static uint16_t little_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static enum layer_result data_frame(struct layer *layer, bool padded)
{
    const uint8_t *frame = layer->bytes.data;
    uint32_t length = HEADER;
    bool aggregate = false;

    if (layer->bytes.captured < 2)
        return layer_short(layer, 2);
    if ((frame[0] & TYPE) != TYPE_DATA || frame[0] & WITHOUT_DATA || frame[1] & RETRIES_MORE)
        return LAYER_OTHER;
    if ((frame[1] & TO_AND_FROM) == TO_AND_FROM)
        length += ADDRESS;
    if (frame[0] & IS_QOS) {
        if (layer->bytes.captured <= length)
            return layer_short(layer, length + 1);
        aggregate = (frame[length] & AGGREGATE) != 0;
        length += frame[1] & ORDER ? QOS_CONTROL + HT_CONTROL : (uint32_t)QOS_CONTROL;
    }
    if (padded)
        length = (length + 3) & ~UINT32_C(3);
    if (frame[1] & PROTECTED)
        return LAYER_ENCRYPTED;
    return layer_next(layer, length, aggregate ? LAYER_MSDUS : LAYER_LLC, 0);
}

enum layer_result wlan_frame(struct layer *layer)
{
    return data_frame(layer, false);
}

/* Where the flags stand, if there are any: behind the words of bits, and behind the time, which
 * stands at a multiple of 8. 0: there are none. */
static uint32_t flags_offset(const uint8_t *header, uint32_t length)
{
    uint32_t offset = RADIOTAP_HEADER;

    if ((header[4] & RADIOTAP_FLAGS) == 0)
        return 0;
    for (uint32_t word = 4; header[word + 3] & RADIOTAP_MORE; word += 4) {
        offset += 4;
        if (offset > length)
            return 0;
    }
    if (header[4] & RADIOTAP_TIME)
        offset = ((offset + 7) & ~UINT32_C(7)) + 8;
    return offset < length ? offset : 0;
}

/* | version (1) | (1) | length (2) | bits of what follows (4, or more) | ..., little-endian */
enum layer_result wlan_radiotap(struct layer *layer)
{
    const uint8_t *header = layer->bytes.data;

    if (layer->bytes.captured < RADIOTAP_HEADER)
        return layer_short(layer, RADIOTAP_HEADER);
    const uint32_t length = little_u16(header + 2);
    if (length < RADIOTAP_HEADER || length > layer->bytes.reported)
        return LAYER_BROKEN;
    if (length > layer->bytes.captured)
        return LAYER_CUT;
    const uint32_t flags = flags_offset(header, length);
    const bool padded = flags != 0 && header[flags] & RADIOTAP_PADDED;
    layer->bytes = slice_skip(layer->bytes, length);
    return data_frame(layer, padded);
}

/* | destination (6) | source (6) | length (2) | LLC ... | padding to 4 bytes |, once or more */
enum layer_result wlan_msdus(struct layer *layer)
{
    enum { SUBFRAME = 14 };

    if (layer->bytes.captured < SUBFRAME)
        return layer->bytes.reported < SUBFRAME ? LAYER_OTHER : LAYER_CUT;
    const uint32_t length = SUBFRAME + (uint32_t)read_u16(layer->bytes.data + 12);
    layer->after = slice_skip(layer->bytes, (length + 3) & ~UINT32_C(3));
    layer->bytes = slice_limit(layer->bytes, length);
    return layer_next(layer, SUBFRAME, LAYER_LLC, 0);
}
