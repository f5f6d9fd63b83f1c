/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The blocks of a pcapng file (draft-ietf-opsawg-pcapng), read one after the other from a stream:
 * several sections of any byte order, interfaces of different link types, time resolutions and
 * offsets, decryption secrets. Blocks that say nothing of packets are passed over.
 *
 * libpcap reads pcapng as well, but refuses a file whose interfaces have different link types,
 * which is what captures from "any two interfaces" have.
 */
#ifndef MQTTSCOPE_ANALYZER_PCAPNG_H
#define MQTTSCOPE_ANALYZER_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tcp/slice.h"

/* The first byte of a file, in either byte order; no pcap file begins with it. */
#define PCAPNG_FIRST_BYTE 0x0a

struct pcapng;

struct pcapng_packet {
    int link_type;      /* LINKTYPE_ as the file says it */
    uint32_t interface; /* from 0, over all sections of the file */
    int64_t time_ns; /* since 1970, saturated; 0 where the block has none (Simple Packet Block) */
    struct slice bytes; /* `reported` as the file says it, which may be less than `captured` */
};

/* A kind of secret, as the file says it (0x544c534b: a TLS key log), and its bytes, which are valid
 * during the call. */
typedef void (*pcapng_secrets_function)(void *user, uint32_t kind, const uint8_t *data,
                                        uint32_t length);

#define PCAPNG_SECRETS_TLS UINT32_C(0x544c534b)

enum pcapng_result {
    PCAPNG_PACKET,
    PCAPNG_END,     /* behind a whole block */
    PCAPNG_CUT,     /* in the middle of a block */
    PCAPNG_BROKEN,  /* the next block makes no sense; pcapng_error() says why */
    PCAPNG_NO_ROOM, /* memory */
};

/* Reads `file` from where it stands, which it does not own. `secrets` may be NULL. NULL without
 * memory. */
struct pcapng *pcapng_new(FILE *file, pcapng_secrets_function secrets, void *user);

/* Reads the header of the first section: PCAPNG_PACKET, or what is wrong with it. To be called
 * once, before pcapng_next(). */
enum pcapng_result pcapng_begin(struct pcapng *pcapng);

/* The next packet; its bytes are valid until the next call. */
enum pcapng_result pcapng_next(struct pcapng *pcapng, struct pcapng_packet *packet);

/* What was wrong, after PCAPNG_CUT and PCAPNG_BROKEN. */
const char *pcapng_error(const struct pcapng *pcapng);

/* NULL is allowed. */
void pcapng_free(struct pcapng *pcapng);

#endif
