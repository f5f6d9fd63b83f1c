/* SPDX-License-Identifier: GPL-2.0-or-later */
/* First bytes: see preamble.h. */
#include "mqtt/wire/preamble.h"

#include <string.h>

#include "mqtt/facts/tables.h"

/* ---- PROXY protocol, version 1: a line of text ---- */

/* What is left of the line. */
struct text {
    const char *at;
    const char *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take(struct text *text, const char *word)
{
    const size_t length = strlen(word);
    if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0)
        return false;
    text->at += length;
    return true;
}

/* A decimal number without sign or leading zeros. */
static bool take_number(struct text *text, unsigned most, unsigned *number)
{
    const char *const start = text->at;
    *number = 0;
    while (text->at < text->end && is_digit(*text->at) && *number <= most)
        *number = *number * 10 + (unsigned)(*text->at++ - '0');
    return text->at > start && (*start != '0' || text->at == start + 1) && *number <= most;
}

static bool take_ipv4(struct text *text, uint8_t *address)
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned byte;
        if ((i > 0 && !take(text, ".")) || !take_number(text, UINT8_MAX, &byte))
            return false;
        address[i] = (uint8_t)byte;
    }
    return true;
}

static int hexadecimal(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Up to four hexadecimal digits. */
static bool take_group(struct text *text, uint8_t *group)
{
    const char *const start = text->at;
    unsigned value = 0;
    while (text->at < text->end && text->at < start + 4 && hexadecimal(*text->at) >= 0)
        value = value << 4 | (unsigned)hexadecimal(*text->at++);
    group[0] = (uint8_t)(value >> 8);
    group[1] = (uint8_t)value;
    return text->at > start;
}

#define NO_GAP 17u

/* RFC 4291, 2.2: groups of 16 bits, "::" once for groups of zeros, the last two perhaps as IPv4.
 * `filled` counts the bytes before and behind the "::", which stands at `gap`. */
static bool take_ipv6(struct text *text, uint8_t *address)
{
    uint8_t bytes[16] = {0};
    unsigned filled = 0;
    unsigned gap = NO_GAP;
    if (take(text, "::"))
        gap = 0;
    while (filled < 16 && text->at < text->end && *text->at != ' ') {
        struct text as_ipv4 = *text;
        if (filled <= 12 && take_ipv4(&as_ipv4, bytes + filled)) {
            *text = as_ipv4;
            filled += 4;
            break;
        }
        if (!take_group(text, bytes + filled))
            return false;
        filled += 2;
        if (gap == NO_GAP && take(text, "::"))
            gap = filled;
        else if (!take(text, ":"))
            break;
        else if (text->at == text->end || *text->at == ' ')
            return false;
    }
    if (gap == NO_GAP ? filled != 16 : filled > 14)
        return false;
    if (gap > filled)
        gap = filled;
    memset(address, 0, 16);
    memcpy(address, bytes, gap);
    memcpy(address + 16 - (filled - gap), bytes + gap, filled - gap);
    return true;
}

/* "203.0.113.9 192.0.2.1 56324 1883": both addresses, both ports. */
static bool take_addresses(struct text *text, struct mqtt_proxy_header *header, uint8_t family)
{
    bool (*const take_address)(struct text *, uint8_t *) = family == 4 ? take_ipv4 : take_ipv6;
    uint8_t server[16];
    unsigned port;
    unsigned server_port;
    if (!take_address(text, header->address) || !take(text, " ") || !take_address(text, server) ||
        !take(text, " ") || !take_number(text, UINT16_MAX, &port) || !take(text, " ") ||
        !take_number(text, UINT16_MAX, &server_port))
        return false;
    header->has_client = true;
    header->family = family;
    header->port = (uint16_t)port;
    return text->at == text->end;
}

static bool read_line(struct text *text, struct mqtt_proxy_header *header)
{
    if (take(text, "TCP4 "))
        return take_addresses(text, header, 4);
    if (take(text, "TCP6 "))
        return take_addresses(text, header, 6);
    /* What else stands in the line is to be ignored. */
    return take(text, "UNKNOWN") && (text->at == text->end || *text->at == ' ');
}

static enum mqtt_outcome version_1(const uint8_t *data, size_t available,
                                   struct mqtt_proxy_header *header)
{
    static const char start[] = {'P', 'R', 'O', 'X', 'Y', ' '};
    const size_t common = available < sizeof start ? available : sizeof start;
    if (memcmp(data, start, common) != 0)
        return MQTT_MALFORMED;
    const size_t most = available < MQTT_PROXY_BYTES ? available : MQTT_PROXY_BYTES;
    const uint8_t *const end = memchr(data, '\r', most);
    if (end == NULL)
        return most < MQTT_PROXY_BYTES ? MQTT_NEED_MORE : MQTT_MALFORMED;
    struct text text = {(const char *)data + sizeof start, (const char *)end};
    const size_t line = (size_t)(end - data);
    if (line < sizeof start || line + 2 > MQTT_PROXY_BYTES || !read_line(&text, header))
        return MQTT_MALFORMED;
    if (line + 1 == available)
        return MQTT_NEED_MORE;
    if (end[1] != '\n')
        return MQTT_MALFORMED;
    header->version = 1;
    header->length = (uint32_t)line + 2;
    return MQTT_OK;
}

/* ---- Version 2: signature (12) | version, command (1) | family, transport (1) | length (2) |
 * addresses and more (length) ---- */

enum {
    V2_START = 16,
    V2_LOCAL = 0x20,
    V2_PROXY = 0x21,
    V2_IPV4 = 1,
    V2_IPV6 = 2,
    V2_UNIX = 3,
    V2_DATAGRAM = 2, /* the highest transport */
};

/* The bytes that both addresses and ports take. */
static uint32_t addresses_length(unsigned family)
{
    static const uint32_t lengths[] = {[0] = 0, [V2_IPV4] = 12, [V2_IPV6] = 36, [V2_UNIX] = 216};
    return lengths[family];
}

/* Source address, destination address, source port, destination port. */
static void read_addresses(const uint8_t *data, unsigned family, struct mqtt_proxy_header *header)
{
    const size_t size = family == V2_IPV4 ? 4 : 16;
    header->has_client = true;
    header->family = family == V2_IPV4 ? 4 : 6;
    memcpy(header->address, data, size);
    header->port = (uint16_t)(data[2 * size] << 8 | data[2 * size + 1]);
}

static enum mqtt_outcome version_2(const uint8_t *data, size_t available,
                                   struct mqtt_proxy_header *header)
{
    static const uint8_t signature[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                        0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
    const size_t common = available < sizeof signature ? available : sizeof signature;
    if (memcmp(data, signature, common) != 0)
        return MQTT_MALFORMED;
    if (available > 12 && data[12] != V2_LOCAL && data[12] != V2_PROXY)
        return MQTT_MALFORMED;
    if (available > 13 && (data[13] >> 4 > V2_UNIX || (data[13] & 0x0f) > V2_DATAGRAM))
        return MQTT_MALFORMED;
    if (available < V2_START)
        return MQTT_NEED_MORE;
    const unsigned family = data[13] >> 4;
    const uint32_t length = (uint32_t)(data[14] << 8 | data[15]);
    const bool names = data[12] == V2_PROXY && family != 0 && (data[13] & 0x0f) != 0;
    if (names && length < addresses_length(family))
        return MQTT_MALFORMED;
    header->version = 2;
    header->length = V2_START + length;
    if (!names || family == V2_UNIX)
        return MQTT_OK;
    if (available < V2_START + addresses_length(family))
        return MQTT_NEED_MORE;
    read_addresses(data + V2_START, family, header);
    return MQTT_OK;
}

enum mqtt_outcome mqtt_proxy_header(const uint8_t *data, size_t available,
                                    struct mqtt_proxy_header *header)
{
    *header = (struct mqtt_proxy_header){0};
    if (available == 0)
        return MQTT_NEED_MORE;
    return data[0] == 'P' ? version_1(data, available, header) : version_2(data, available, header);
}

/* ---- Other protocols ---- */

/* Content type 20 to 23, then version 3.0 to 3.4 (RFC 8446, 5.1). */
static enum mqtt_outcome begins_tls(const uint8_t *data, size_t available)
{
    if (data[0] < 0x14 || data[0] > 0x17 || (available > 1 && data[1] != 3) ||
        (available > 2 && data[2] > 4))
        return MQTT_MALFORMED;
    return available > 2 ? MQTT_OK : MQTT_NEED_MORE;
}

static enum mqtt_outcome begins_like(const uint8_t *data, size_t available, const char *beginning)
{
    for (size_t i = 0; beginning[i] != '\0'; i++) {
        if (i == available)
            return MQTT_NEED_MORE;
        if (beginning[i] == '#' ? !is_digit((char)data[i]) : data[i] != (uint8_t)beginning[i])
            return MQTT_MALFORMED;
    }
    return MQTT_OK;
}

enum mqtt_outcome mqtt_begins_foreign(const uint8_t *data, size_t available,
                                      enum mqtt_foreign *which)
{
    static const struct {
        enum mqtt_foreign which;
        const char *beginning;
    } rows[] = {
#define MQTT_FOREIGN(id, beginning) {MQTT_FOREIGN_##id, beginning},
#include "mqtt/facts/foreign.def"
#undef MQTT_FOREIGN
    };
    if (available == 0)
        return MQTT_NEED_MORE;
    enum mqtt_outcome outcome = begins_tls(data, available);
    *which = outcome == MQTT_OK ? MQTT_FOREIGN_TLS : MQTT_FOREIGN_NONE;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && outcome == MQTT_MALFORMED; i++) {
        outcome = begins_like(data, available, rows[i].beginning);
        if (outcome == MQTT_OK)
            *which = rows[i].which;
    }
    return outcome;
}

/* ---- WebSocket ---- */

enum {
    BINARY_FRAME = 0x82, /* FIN, and the opcode */
    MASKED = 0x80,
    LENGTH_16 = 126, /* the length is in the next two bytes */
    MASK_SIZE = 4,
};

/* Longer frames are not looked at: control packets that matter here are short. */
#define FRAME_MAX 1024u

/* Whether control packets in the sender's and the connection's unknown version fill these bytes. */
static bool are_packets(const uint8_t *data, size_t length)
{
    uint32_t header_length;
    uint32_t packet_length;
    for (size_t at = 0; at < length; at += packet_length) {
        if (mqtt_fixed_header(data + at, length - at, &header_length, &packet_length) != MQTT_OK ||
            packet_length > length - at ||
            mqtt_readable_versions(data + at, packet_length, packet_length) == 0)
            return false;
    }
    return length > 0;
}

bool mqtt_resembles_websocket(const uint8_t *segment, size_t length)
{
    uint8_t payload[FRAME_MAX];
    static const uint8_t no_mask[MASK_SIZE];
    if (length < 2 || segment[0] != BINARY_FRAME)
        return false;
    const bool masked = (segment[1] & MASKED) != 0;
    const size_t extended = (segment[1] & ~MASKED) == LENGTH_16 ? 2 : 0;
    const size_t header = 2 + extended + (masked ? MASK_SIZE : 0);
    if (length < header || length - header > FRAME_MAX)
        return false;
    const size_t claimed =
        extended != 0 ? (size_t)segment[2] << 8 | segment[3] : (size_t)(segment[1] & ~MASKED);
    if (claimed != length - header)
        return false;
    const uint8_t *const mask = masked ? segment + header - MASK_SIZE : no_mask;
    for (size_t i = 0; i < claimed; i++)
        payload[i] = segment[header + i] ^ mask[i % MASK_SIZE];
    return are_packets(payload, claimed);
}

/* ---- The first control packet ---- */

/* Names of protocols are shorter; a client may still get its own wrong. */
#define NAME_MAX 32u

/* Type 1, and behind the Remaining Length something that was meant as a protocol name. */
static bool resembles_connect(const uint8_t *data, size_t captured, uint32_t length)
{
    uint32_t header_length;
    uint32_t whole;
    if (data[0] >> 4 != MQTT_CONNECT)
        return false;
    const enum mqtt_outcome header = mqtt_fixed_header(data, captured, &header_length, &whole);
    if (header == MQTT_NEED_MORE)
        return data[0] == 0x10;   /* the capture cuts it */
    if (header == MQTT_MALFORMED) /* no end of the Remaining Length: it was padded, or is -1 */
        return data[0] == 0x10 && (data[2] == 0x80 || data[2] == 0xff) && data[3] == data[2] &&
               data[4] == data[2];
    const uint8_t *const name = data + header_length;
    const size_t left = captured - header_length;
    if (left >= 4 && name[2] == 'M' && name[3] == 'Q')
        return true;
    if (data[0] != 0x10)
        return false;
    if (left < 2)
        return length - header_length < 2 || captured < length;
    const unsigned name_length = (unsigned)name[0] << 8 | name[1];
    return name_length <= NAME_MAX && name_length + 2 <= length - header_length;
}

/* Type 2, and behind the Remaining Length flags that say at most that a session is present. A
 * server comes first where the capture has its direction alone, or sees it earlier than the other.
 */
static bool resembles_connack(const uint8_t *data, size_t captured, uint32_t length)
{
    uint32_t header_length;
    uint32_t whole;
    if (data[0] != 0x20 || mqtt_fixed_header(data, captured, &header_length, &whole) != MQTT_OK)
        return false;
    const uint32_t left = length - header_length;
    return left == 2 || (left > 2 && (captured == header_length || data[header_length] <= 1));
}

bool mqtt_may_come_first(const uint8_t *data, size_t captured, uint32_t length)
{
    enum mqtt_foreign which;
    if (captured == 0 || mqtt_begins_foreign(data, captured, &which) == MQTT_OK)
        return false;
    if (resembles_connect(data, captured, length) || resembles_connack(data, captured, length))
        return true;
    return mqtt_readable_versions(data, captured, length) != 0;
}
