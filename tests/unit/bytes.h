/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growing byte buffers and repeatable random numbers, for tests that make control packets. */
#ifndef MQTTSCOPE_TESTS_UNIT_BYTES_H
#define MQTTSCOPE_TESTS_UNIT_BYTES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    uint8_t *data;
    size_t length;
    size_t capacity;
};

static inline void bytes_add(struct bytes *bytes, const void *data, size_t length)
{
    if (bytes->length + length > bytes->capacity) {
        bytes->capacity = 2 * (bytes->length + length);
        bytes->data = realloc(bytes->data, bytes->capacity);
        if (bytes->data == NULL)
            abort();
    }
    if (length != 0)
        memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

static inline void bytes_u8(struct bytes *bytes, unsigned value)
{
    const uint8_t byte = (uint8_t)value;
    bytes_add(bytes, &byte, 1);
}

static inline void bytes_u16(struct bytes *bytes, unsigned value)
{
    bytes_u8(bytes, value >> 8);
    bytes_u8(bytes, value);
}

/* 3.1.1: 2.2.3; 5.0: 1.5.5. */
static inline void bytes_variable(struct bytes *bytes, uint32_t value)
{
    for (; value >= 0x80; value >>= 7)
        bytes_u8(bytes, (value & 0x7f) | 0x80);
    bytes_u8(bytes, value);
}

static inline void bytes_text(struct bytes *bytes, const char *text)
{
    bytes_u16(bytes, (unsigned)strlen(text));
    bytes_add(bytes, text, strlen(text));
}

/* A copy in a buffer of exactly this size, so that AddressSanitizer sees reads past its end. The
 * caller frees it. */
static inline uint8_t *bytes_exact(const uint8_t *data, size_t length)
{
    uint8_t *copy = calloc(1, length + (length == 0));
    if (copy == NULL)
        abort();
    if (length != 0)
        memcpy(copy, data, length);
    return copy;
}

/* xorshift64*: the same numbers on every machine. `*state` is not 0. */
static inline uint32_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * UINT64_C(2685821657736338717) >> 32);
}

static inline uint32_t random_below(uint64_t *state, uint32_t limit)
{
    return random_next(state) % limit;
}

#endif
