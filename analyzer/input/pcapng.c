/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks of pcapng; see pcapng.h. Section numbers below are those of the draft. */

#include "analyzer/input/pcapng.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/input/pcapng_format.h"
#include "mqtt/facts/time.h"

enum {
    BLOCK_MAX = 1 << 24,      /* of one that is looked into */
    INTERFACES_MAX = 1 << 16, /* of a file: each is remembered */
    MICROSECONDS = 6,         /* the default resolution, as a power of ten */
    BINARY_RESOLUTION = 0x80,
};

struct interface {
    int link_type;
    uint32_t snap_length; /* 0: none */
    uint64_t units;       /* a second */
    int64_t offset;       /* seconds, to add */
};

struct pcapng {
    FILE *file;
    pcapng_secrets_function secrets;
    void *user;
    bool swapped;
    struct interface *interfaces;
    uint32_t interface_count, interface_room;
    uint32_t section_begins; /* the first interface of this section */
    uint8_t *block;
    uint32_t room;
    char error[128];
};

struct pcapng *pcapng_new(FILE *file, pcapng_secrets_function secrets, void *user)
{
    struct pcapng *pcapng = calloc(1, sizeof *pcapng);

    if (pcapng != NULL) {
        pcapng->file = file;
        pcapng->secrets = secrets;
        pcapng->user = user;
    }
    return pcapng;
}

void pcapng_free(struct pcapng *pcapng)
{
    if (pcapng == NULL)
        return;
    free(pcapng->interfaces);
    free(pcapng->block);
    free(pcapng);
}

const char *pcapng_error(const struct pcapng *pcapng)
{
    return pcapng->error;
}

__attribute__((format(printf, 3, 4))) static enum pcapng_result
say(struct pcapng *pcapng, enum pcapng_result result, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(pcapng->error, sizeof pcapng->error, format, arguments);
    va_end(arguments);
    return result;
}

/* ---- Numbers ---- */

static uint16_t u16(const struct pcapng *pcapng, const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof value);
    return pcapng->swapped ? __builtin_bswap16(value) : value;
}

static uint32_t u32(const struct pcapng *pcapng, const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return pcapng->swapped ? __builtin_bswap32(value) : value;
}

static uint64_t u64(const struct pcapng *pcapng, const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return pcapng->swapped ? __builtin_bswap64(value) : value;
}

/* ---- Bytes of the file ---- */

static enum pcapng_result cut(struct pcapng *pcapng)
{
    return say(pcapng, PCAPNG_CUT, "truncated: it ends in the middle of a block");
}

static bool read_bytes(struct pcapng *pcapng, void *to, size_t length)
{
    return fread(to, 1, length, pcapng->file) == length;
}

static bool pass_over(struct pcapng *pcapng, uint32_t length)
{
    uint8_t scratch[4096];

    while (length > 0) {
        const uint32_t part = length < sizeof scratch ? length : (uint32_t)sizeof scratch;
        if (!read_bytes(pcapng, scratch, part))
            return false;
        length -= part;
    }
    return true;
}

static bool make_room(struct pcapng *pcapng, uint32_t length)
{
    uint32_t room = pcapng->room != 0 ? pcapng->room : UINT32_C(1) << 17;

    if (length <= pcapng->room)
        return true;
    while (room < length)
        room *= 2;
    uint8_t *block = realloc(pcapng->block, room);
    if (block == NULL)
        return false;
    pcapng->block = block;
    pcapng->room = room;
    return true;
}

/* ---- Sections and interfaces ---- */

/* The byte order comes behind the length that is written in it. */
static enum pcapng_result read_section(struct pcapng *pcapng, const uint8_t start[static 8],
                                       uint32_t *length)
{
    uint32_t order;

    if (!read_bytes(pcapng, &order, sizeof order))
        return cut(pcapng);
    if (order != ORDER_MAGIC && order != __builtin_bswap32(ORDER_MAGIC))
        return say(pcapng, PCAPNG_BROKEN, "a section header without a byte order");
    pcapng->swapped = order != ORDER_MAGIC;
    pcapng->section_begins = pcapng->interface_count;
    *length = u32(pcapng, start + 4);
    return PCAPNG_PACKET;
}

/* Units a second; 0 if they are more than anybody can count. */
static uint64_t units_of(uint8_t resolution)
{
    enum { POWER_OF_TEN_MAX = 19, POWER_OF_TWO_MAX = 63 };
    const unsigned power = resolution & (BINARY_RESOLUTION - 1U);
    uint64_t units = 1;

    if (resolution & BINARY_RESOLUTION)
        return power <= POWER_OF_TWO_MAX ? UINT64_C(1) << power : 0;
    if (power > POWER_OF_TEN_MAX)
        return 0;
    for (unsigned i = 0; i < power; i++)
        units *= 10;
    return units;
}

static void read_options(struct pcapng *pcapng, const uint8_t *at, uint32_t left,
                         struct interface *interface)
{
    while (left >= 4) {
        const uint16_t code = u16(pcapng, at);
        const uint32_t length = u16(pcapng, at + 2);
        const uint32_t padded = 4 + ((length + 3) & ~UINT32_C(3));

        if (code == OPTION_END || length > left - 4)
            return;
        if (code == OPTION_TIME_RESOLUTION && length == 1)
            interface->units = units_of(at[4]);
        if (code == OPTION_TIME_OFFSET && length == 8)
            interface->offset = (int64_t)u64(pcapng, at + 4);
        if (padded >= left)
            return;
        at += padded;
        left -= padded;
    }
}

/* | link type (2) | reserved (2) | snap length (4) | options | */
static enum pcapng_result read_interface(struct pcapng *pcapng, uint32_t length)
{
    struct interface interface = {.units = units_of(MICROSECONDS)};

    if (length < 8)
        return say(pcapng, PCAPNG_BROKEN, "an interface block of %u bytes", length);
    if (pcapng->interface_count == INTERFACES_MAX)
        return say(pcapng, PCAPNG_BROKEN, "more than %d interfaces", INTERFACES_MAX);
    interface.link_type = u16(pcapng, pcapng->block);
    interface.snap_length = u32(pcapng, pcapng->block + 4);
    read_options(pcapng, pcapng->block + 8, length - 8, &interface);
    if (interface.units == 0)
        return say(pcapng, PCAPNG_BROKEN, "an interface with a time resolution beyond all clocks");
    if (pcapng->interface_count == pcapng->interface_room) {
        const uint32_t room = pcapng->interface_room != 0 ? 2 * pcapng->interface_room : 8;
        struct interface *interfaces =
            realloc(pcapng->interfaces, room * sizeof *pcapng->interfaces);
        if (interfaces == NULL)
            return PCAPNG_NO_ROOM;
        pcapng->interfaces = interfaces;
        pcapng->interface_room = room;
    }
    pcapng->interfaces[pcapng->interface_count++] = interface;
    return PCAPNG_PACKET;
}

/* ---- Packets ---- */

static int64_t time_of(const struct interface *interface, uint64_t time)
{
    const uint64_t whole = time / interface->units;
    const uint64_t part = time % interface->units;
    const uint64_t second = (uint64_t)MQTT_SECOND;
    const int64_t nanoseconds =
        interface->units <= UINT64_MAX / second
            ? (int64_t)(part * second / interface->units)
            : (int64_t)((unsigned __int128)part * second / interface->units);

    /* Wireshark adds seconds of 64 bits with a sign; what overflows there does so here. */
    return mqtt_time((int64_t)(whole + (uint64_t)interface->offset), nanoseconds);
}

static enum pcapng_result give(struct pcapng *pcapng, uint32_t number, uint32_t captured,
                               uint32_t reported, uint32_t header, uint32_t length,
                               struct pcapng_packet *packet, const struct interface **interface)
{
    if (number >= pcapng->interface_count - pcapng->section_begins)
        return say(pcapng, PCAPNG_BROKEN, "a packet of interface %u, which nothing describes",
                   number);
    if (captured > length - header)
        return say(pcapng, PCAPNG_BROKEN, "a packet of %u bytes in a block of %u", captured,
                   length + BLOCK_EDGES);
    packet->interface = pcapng->section_begins + number;
    *interface = &pcapng->interfaces[packet->interface];
    packet->link_type = (*interface)->link_type;
    packet->bytes = (struct slice){pcapng->block + header, captured, reported};
    return PCAPNG_PACKET;
}

/* | interface (4) | time, high (4) | low (4) | captured (4) | on the wire (4) | bytes | …
 * Of the old block the interface has 16 bits, with a count of drops in the other 16. */
static enum pcapng_result read_packet(struct pcapng *pcapng, uint32_t type, uint32_t length,
                                      struct pcapng_packet *packet)
{
    enum { HEADER = 20 };
    const uint8_t *block = pcapng->block;
    const struct interface *interface;

    if (length < HEADER)
        return say(pcapng, PCAPNG_BROKEN, "a packet block of %u bytes", length + BLOCK_EDGES);
    const uint32_t number = type == BLOCK_PACKET ? u32(pcapng, block) : u16(pcapng, block);
    const enum pcapng_result result =
        give(pcapng, number, u32(pcapng, block + 12), u32(pcapng, block + 16), HEADER, length,
             packet, &interface);
    if (result == PCAPNG_PACKET)
        packet->time_ns =
            time_of(interface, (uint64_t)u32(pcapng, block + 4) << 32 | u32(pcapng, block + 8));
    return result;
}

/* | on the wire (4) | bytes |: of interface 0, as long as the block and the snap length have it */
static enum pcapng_result read_simple_packet(struct pcapng *pcapng, uint32_t length,
                                             struct pcapng_packet *packet)
{
    enum { HEADER = 4 };
    const struct interface *interface;

    if (length < HEADER)
        return say(pcapng, PCAPNG_BROKEN, "a packet block of %u bytes", length + BLOCK_EDGES);
    const uint32_t reported = u32(pcapng, pcapng->block);
    const enum pcapng_result result =
        give(pcapng, 0, reported < length - HEADER ? reported : length - HEADER, reported, HEADER,
             length, packet, &interface);
    if (result != PCAPNG_PACKET)
        return result;
    if (interface->snap_length != 0 && packet->bytes.captured > interface->snap_length)
        packet->bytes.captured = interface->snap_length;
    packet->time_ns = 0;
    return PCAPNG_PACKET;
}

/* | kind (4) | length (4) | bytes | */
static enum pcapng_result read_secrets(struct pcapng *pcapng, uint32_t length)
{
    enum { HEADER = 8 };

    if (length < HEADER || u32(pcapng, pcapng->block + 4) > length - HEADER)
        return say(pcapng, PCAPNG_BROKEN, "a secrets block that ends before its secrets do");
    if (pcapng->secrets != NULL)
        pcapng->secrets(pcapng->user, u32(pcapng, pcapng->block), pcapng->block + HEADER,
                        u32(pcapng, pcapng->block + 4));
    return PCAPNG_PACKET;
}

/* ---- Blocks ---- */

static bool is_looked_into(uint32_t type)
{
    return type == BLOCK_INTERFACE || type == BLOCK_PACKET || type == BLOCK_SIMPLE_PACKET ||
           type == BLOCK_OLD_PACKET || type == BLOCK_SECRETS;
}

/* Type and length of the next block, and of a section its byte order. `consumed` of it is read. */
static enum pcapng_result read_start(struct pcapng *pcapng, uint32_t *type, uint32_t *length,
                                     uint32_t *consumed)
{
    uint8_t start[8];
    const size_t got = fread(start, 1, sizeof start, pcapng->file);

    if (got == 0)
        return PCAPNG_END;
    if (got < sizeof start)
        return cut(pcapng);
    *consumed = sizeof start;
    *type = u32(pcapng, start);
    *length = u32(pcapng, start + 4);
    if (*type == BLOCK_SECTION) { /* reads the same both ways */
        const enum pcapng_result result = read_section(pcapng, start, length);
        if (result != PCAPNG_PACKET)
            return result;
        *consumed += 4;
    }
    if (*length < BLOCK_EDGES + (*consumed - 8) || *length % 4 != 0)
        return say(pcapng, PCAPNG_BROKEN, "a block of %u bytes", *length);
    return PCAPNG_PACKET;
}

/* What is behind the start of a block: into `block`, or nowhere. */
static enum pcapng_result read_rest(struct pcapng *pcapng, uint32_t type, uint32_t length,
                                    uint32_t rest)
{
    enum { TRAILER = 4 };
    uint8_t trailer[TRAILER];

    if (!is_looked_into(type)) {
        if (!pass_over(pcapng, rest - TRAILER) || !read_bytes(pcapng, trailer, TRAILER))
            return cut(pcapng);
    } else {
        if (length > BLOCK_MAX)
            return say(pcapng, PCAPNG_BROKEN, "a block of %u bytes", length);
        if (!make_room(pcapng, rest))
            return PCAPNG_NO_ROOM;
        if (!read_bytes(pcapng, pcapng->block, rest))
            return cut(pcapng);
        memcpy(trailer, pcapng->block + rest - TRAILER, TRAILER);
    }
    if (u32(pcapng, trailer) != length)
        return say(pcapng, PCAPNG_BROKEN, "a block of %u bytes that ends with another length",
                   length);
    return PCAPNG_PACKET;
}

enum pcapng_result pcapng_begin(struct pcapng *pcapng)
{
    uint32_t type, length, consumed;
    enum pcapng_result result = read_start(pcapng, &type, &length, &consumed);

    if (result == PCAPNG_PACKET && type != BLOCK_SECTION)
        return say(pcapng, PCAPNG_BROKEN, "not a pcap or pcapng file");
    if (result == PCAPNG_PACKET)
        result = read_rest(pcapng, type, length, length - consumed);
    return result;
}

enum pcapng_result pcapng_next(struct pcapng *pcapng, struct pcapng_packet *packet)
{
    for (;;) {
        uint32_t type, length, consumed;
        enum pcapng_result result = read_start(pcapng, &type, &length, &consumed);
        if (result == PCAPNG_PACKET)
            result = read_rest(pcapng, type, length, length - consumed);
        if (result != PCAPNG_PACKET)
            return result;
        const uint32_t body = length - BLOCK_EDGES;
        switch (type) {
        case BLOCK_PACKET:
        case BLOCK_OLD_PACKET: return read_packet(pcapng, type, body, packet);
        case BLOCK_SIMPLE_PACKET: return read_simple_packet(pcapng, body, packet);
        case BLOCK_INTERFACE: result = read_interface(pcapng, body); break;
        case BLOCK_SECRETS: result = read_secrets(pcapng, body); break;
        default: break;
        }
        if (result != PCAPNG_PACKET)
            return result;
    }
}
