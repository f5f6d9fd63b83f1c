/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream of bytes that may be compressed, recognised by its first bytes and not by its name, so
 * that it works on a pipe as well: gzip (RFC 1952), zstd (RFC 8878), LZ4 frames, xz. Several
 * compressed parts behind each other are one stream, as the tools of these formats have it.
 */
#ifndef MQTTSCOPE_ANALYZER_UNPACK_H
#define MQTTSCOPE_ANALYZER_UNPACK_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct unpack; /* what the stream is read from */

/* A stream that gives what `descriptor` holds, decompressed where it is compressed. The stream owns
 * the descriptor, and fclose() closes both and frees *unpack. Blocks until the first bytes are
 * there, or a signal's handler has set *stopped (which may be NULL). NULL, with errno, if they
 * can't be read or memory is lacking; the descriptor is closed then. */
FILE *unpack_open(int descriptor, const volatile sig_atomic_t *stopped, struct unpack **unpack);

/* "gzip", "zstd", "lz4" or "xz"; NULL where the stream is as it came. */
const char *unpack_format(const struct unpack *unpack);

/* Why reading failed, or the stream ended before the compressed data did; NULL where neither
 * happened. To be asked when the stream has ended. */
const char *unpack_problem(const struct unpack *unpack);

/* Bytes taken from the descriptor so far. */
uint64_t unpack_taken(const struct unpack *unpack);

/* Makes a read that waits for the descriptor, and all that follow, find the end of the stream. May
 * be called from a signal handler. */
void unpack_stop(struct unpack *unpack);

#endif
