/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets under assembly, in a list from the oldest to the newest; see fragments.h. */
#include "analyzer/input/fragments.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/input/layer_headers.h"
#include "mqtt/facts/time.h"

enum {
    PAYLOAD_MAX = 65535, /* of IPv4 with its header, so that no piece of more is one */
    UNIT = 8,            /* all pieces but the last are multiples of it */
    UNITS = (PAYLOAD_MAX + UNIT) / UNIT,
};

struct assembly {
    struct ip_packet head; /* whose addresses, tunnel and protocol are the packet's */
    uint32_t identification;
    bool used;
    bool has_first; /* its protocol is known */
    int64_t began;  /* time of the first piece that came */
    uint64_t age;   /* which of the assemblies began first */
    uint32_t pieces;
    uint32_t bytes;    /* in them */
    uint32_t length;   /* of the payload; 0: the last piece has not come */
    uint32_t have;     /* units that have come */
    uint32_t captured; /* no byte from here on was captured; PAYLOAD_MAX + 1: all were */
    uint8_t *payload;  /* PAYLOAD_MAX + UNIT bytes */
    uint8_t came[(UNITS + 7) / 8]; /* a bit a unit */
};

struct fragments {
    struct assembly assemblies[FRAGMENTS_PACKETS_MAX];
    uint64_t begun;
    uint32_t used;
    uint64_t missing_pieces, missing_bytes;
    struct assembly *complete; /* its payload was handed out; to be cleared at the next call */
};

struct fragments *fragments_new(void)
{
    return calloc(1, sizeof(struct fragments));
}

void fragments_free(struct fragments *fragments)
{
    if (fragments == NULL)
        return;
    for (unsigned i = 0; i < FRAGMENTS_PACKETS_MAX; i++)
        free(fragments->assemblies[i].payload);
    free(fragments);
}

static void clear(struct fragments *fragments, struct assembly *assembly)
{
    free(assembly->payload);
    *assembly = (struct assembly){0};
    fragments->used--;
}

/* Whether there may be TCP in it. Of UDP the first piece tells, by the port of a tunnel. */
static bool matters(const struct assembly *assembly)
{
    enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PORTS = 4 };

    if (assembly->head.protocol == PROTOCOL_UDP)
        return assembly->has_first && assembly->captured >= PORTS &&
               tunnel_udp(read_u16(assembly->payload + 2)) != NULL;
    return assembly->head.protocol == PROTOCOL_TCP ||
           tunnel_protocol(assembly->head.protocol) != NULL;
}

static void give_up(struct fragments *fragments, struct assembly *assembly)
{
    if (matters(assembly)) {
        fragments->missing_pieces += assembly->pieces;
        fragments->missing_bytes += assembly->bytes;
    }
    clear(fragments, assembly);
}

/* A piece on its way in. */
struct arrival {
    const struct ip_packet *packet;
    const struct ip_piece *piece;
    int64_t time_ns;
};

static bool is_of(const struct assembly *assembly, const struct arrival *arrival)
{
    const struct ip_packet *head = &assembly->head;
    const struct ip_packet *packet = arrival->packet;

    /* IPv6 leaves the protocol out of it, and so pieces that do not name it find theirs. */
    return assembly->used && assembly->identification == arrival->piece->identification &&
           head->version == packet->version && head->tunnel == packet->tunnel &&
           (head->version == 6 || head->protocol == packet->protocol) &&
           memcmp(&head->source, &packet->source, sizeof head->source) == 0 &&
           memcmp(&head->destination, &packet->destination, sizeof head->destination) == 0;
}

static void expire(struct fragments *fragments, int64_t now)
{
    for (unsigned i = 0; i < FRAGMENTS_PACKETS_MAX && fragments->used > 0; i++) {
        struct assembly *assembly = &fragments->assemblies[i];
        if (assembly->used &&
            mqtt_elapsed(now, assembly->began) > FRAGMENTS_LIFETIME_S * MQTT_SECOND)
            give_up(fragments, assembly);
    }
}

static struct assembly *find(struct fragments *fragments, const struct arrival *arrival)
{
    for (unsigned i = 0; i < FRAGMENTS_PACKETS_MAX; i++)
        if (is_of(&fragments->assemblies[i], arrival))
            return &fragments->assemblies[i];
    return NULL;
}

static struct assembly *oldest_or_unused(struct fragments *fragments)
{
    struct assembly *oldest = NULL;

    for (unsigned i = 0; i < FRAGMENTS_PACKETS_MAX; i++) {
        struct assembly *assembly = &fragments->assemblies[i];
        if (!assembly->used)
            return assembly;
        if (oldest == NULL || assembly->age < oldest->age)
            oldest = assembly;
    }
    give_up(fragments, oldest);
    return oldest;
}

static struct assembly *begin(struct fragments *fragments, const struct arrival *arrival)
{
    uint8_t *payload = malloc(PAYLOAD_MAX + UNIT);
    if (payload == NULL)
        return NULL;
    struct assembly *assembly = oldest_or_unused(fragments);
    *assembly = (struct assembly){
        .head = *arrival->packet,
        .identification = arrival->piece->identification,
        .used = true,
        .began = arrival->time_ns,
        .age = fragments->begun++,
        .captured = PAYLOAD_MAX + 1,
        .payload = payload,
    };
    fragments->used++;
    return assembly;
}

/* What of the piece is new, unit by unit. */
static void copy(struct assembly *assembly, const struct arrival *arrival)
{
    const struct slice bytes = arrival->packet->payload;

    for (uint32_t at = 0; at < bytes.reported; at += UNIT) {
        const uint32_t unit = (arrival->piece->offset + at) / UNIT;
        if (assembly->came[unit / 8] >> unit % 8 & 1)
            continue;
        assembly->came[unit / 8] |= (uint8_t)(1U << unit % 8);
        assembly->have++;
        const uint32_t here = bytes.captured > at ? bytes.captured - at : 0;
        memcpy(assembly->payload + arrival->piece->offset + at, bytes.data + at,
               here < UNIT ? here : UNIT);
    }
    if (bytes.captured < bytes.reported &&
        arrival->piece->offset + bytes.captured < assembly->captured)
        assembly->captured = arrival->piece->offset + bytes.captured;
}

/* A piece that no packet can have: beyond its end, or not a multiple of 8 bytes in the middle. */
static bool is_possible(const struct assembly *assembly, const struct arrival *arrival)
{
    const uint32_t length = arrival->packet->payload.reported;
    const uint32_t end = arrival->piece->offset + length;

    if (length == 0 || end > PAYLOAD_MAX || (arrival->piece->more && length % UNIT != 0))
        return false;
    if (assembly != NULL && assembly->length != 0 &&
        (end > assembly->length || (arrival->piece->more && end == assembly->length) ||
         (!arrival->piece->more && end != assembly->length)))
        return false;
    return true;
}

static bool is_complete(const struct assembly *assembly)
{
    return assembly->length != 0 && assembly->has_first &&
           assembly->have == (assembly->length + UNIT - 1) / UNIT;
}

bool fragments_add(struct fragments *fragments, int64_t time_ns, const struct ip_piece *piece,
                   struct ip_packet *packet)
{
    const struct arrival arrival = {packet, piece, time_ns};
    const uint32_t length = packet->payload.reported;

    if (fragments->complete != NULL)
        clear(fragments, fragments->complete);
    fragments->complete = NULL;
    expire(fragments, time_ns);
    struct assembly *assembly = find(fragments, &arrival);
    if (!is_possible(assembly, &arrival) ||
        (assembly == NULL && (assembly = begin(fragments, &arrival)) == NULL)) {
        const struct assembly alone = {.head = *packet};
        if (matters(&alone)) {
            fragments->missing_pieces++;
            fragments->missing_bytes += length;
        }
        return false;
    }
    assembly->pieces++;
    assembly->bytes += length;
    if (piece->offset == 0) {
        assembly->has_first = true;
        assembly->head.protocol = packet->protocol;
    }
    if (!piece->more)
        assembly->length = piece->offset + length;
    copy(assembly, &arrival);
    if (!is_complete(assembly))
        return false;
    *packet = assembly->head;
    packet->payload = (struct slice){assembly->payload,
                                     assembly->captured < assembly->length ? assembly->captured
                                                                           : assembly->length,
                                     assembly->length};
    fragments->complete = assembly;
    return true;
}

void fragments_missing(const struct fragments *fragments, uint64_t *pieces, uint64_t *bytes)
{
    *pieces = fragments->missing_pieces;
    *bytes = fragments->missing_bytes;
    for (unsigned i = 0; i < FRAGMENTS_PACKETS_MAX; i++) {
        const struct assembly *assembly = &fragments->assemblies[i];
        if (!assembly->used || assembly == fragments->complete || !matters(assembly))
            continue;
        *pieces += assembly->pieces;
        *bytes += assembly->bytes;
    }
}
