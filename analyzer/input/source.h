/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where packets come from: a capture file (pcap or pcapng, compressed or not), standard input, or a
 * network interface. It numbers the packets, gives nanoseconds, and says in one line what went
 * wrong.
 *
 *     struct source *source = source_open_file("x.pcapng", &options, error, sizeof error);
 *     while ((result = source_next(source, &packet)) == SOURCE_PACKET)
 *         ...
 *     source_close(source);
 */
#ifndef MQTTSCOPE_ANALYZER_SOURCE_H
#define MQTTSCOPE_ANALYZER_SOURCE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcp/slice.h"

/* Long enough for every message of this module; longer ones (long file names) are cut. */
#define SOURCE_ERROR_SIZE 512

struct source; /* one open source */

/* Secrets that decrypt what follows (a Decryption Secrets Block of pcapng): their kind as the file
 * says it, and their bytes, valid during the call. */
typedef void (*source_secrets_function)(void *user, uint32_t kind, const uint8_t *data,
                                        uint32_t length);

struct source_options {
    const char *filter;     /* a BPF expression (pcap-filter(7)), or NULL for everything */
    uint64_t frames_before; /* frames of the files read before this one; 0 for the first */
    const volatile sig_atomic_t *stopped; /* set by a signal's handler to end an opening that waits
                                           * for its first bytes; NULL: nobody does */
    source_secrets_function secrets;      /* hears of secrets in the file; NULL: nobody does */
    void *user;
};

struct source_packet {
    uint64_t frame;  /* from 1, over all files as if they were one; in a file it counts the frames
                      * that the  filter left out too, so that it stays Wireshark's frame.number */
    int64_t time_ns; /* nanoseconds since 1970-01-01T00:00:00Z, saturated at the ends of the type */
    struct slice
        bytes;     /* the frame from its link header on; valid until the next call on this source */
    int link_type; /* a DLT_ value of libpcap; in a pcapng file it may be one that layer.h does not
                    * know, and differ from packet to packet */
};

enum source_result {
    SOURCE_PACKET, /* *packet is filled */
    SOURCE_END,    /* the file ended where a record ended, or source_stop() was called */
    SOURCE_IDLE, /* live only: nothing arrived for a while; call again. Not every system says so */
    SOURCE_TRUNCATED, /* the file ends in the middle of a record, or its next record makes no sense:
                       * all packets so far stay valid, nothing follows; source_error() says which
                       */
    SOURCE_ERROR,     /* the file or the interface could not be read on; source_error() says why */
};

/* Opens a capture file for reading; `path` "-" is standard input. Returns NULL where it cannot be
 * opened, is a directory, empty, no pcap or pcapng file, is a pcap file with a link type that
 * layer.h does not know, or the filter does not compile: `error` then holds "NAME: reason" without
 * a line feed. `options` may be NULL. A pcapng file tells its link types packet by packet: one
 * without a packet of a link type that layer.h knows ends with SOURCE_ERROR. */
struct source *source_open_file(const char *path, const struct source_options *options, char *error,
                                size_t error_size);

/* Starts to capture from a network interface. Same result as source_open_file(). */
struct source *source_open_interface(const char *name, const struct source_options *options,
                                     char *error, size_t error_size);

/* Fetches the next packet. After any result other than SOURCE_PACKET and SOURCE_IDLE the same
 * result comes again. */
enum source_result source_next(struct source *source, struct source_packet *packet);

/* "NAME: reason" after SOURCE_TRUNCATED or SOURCE_ERROR, else "". Lives as long as the source. */
const char *source_error(const struct source *source);

/* Frames read so far, those that the filter left out included, plus `frames_before`. */
uint64_t source_frames(const struct source *source);

/* How far the reading is, in bytes of the file (compressed ones, where it is compressed). `size` is
 * 0 where it is not known (a pipe, an interface). Costs a system call: ask now and then, not for
 * every packet. */
void source_progress(const struct source *source, uint64_t *offset, uint64_t *size);

/* Packets that the kernel or the interface dropped because reading was too slow; 0 for files. */
uint64_t source_dropped(const struct source *source);

/* Makes source_next() return SOURCE_END soon. May be called from a signal handler. */
void source_stop(struct source *source);

/* Closes and frees; NULL is allowed. */
void source_close(struct source *source);

#endif
