/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A capture file written again as pcapng, with comments, and all of it or some packets only. Blocks
 * of a pcapng file stay as they are (interfaces, time resolutions, names, secrets, comments that
 * are there); a pcap file becomes a section of its own, with its time resolution and snap length.
 */
#ifndef MQTTSCOPE_ANALYZER_REWRITE_H
#define MQTTSCOPE_ANALYZER_REWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct rewrite_options {
    uint64_t frames_before; /* frames of the files that were written before this one */
    const char *comment;    /* of the file's first section; NULL: none */
    /* The i-th comment of a frame; NULL behind the last one. */
    const char *(*comment_of)(void *user, uint64_t frame, unsigned i);
    bool (*wanted)(void *user, uint64_t frame); /* NULL: every frame */
    void *user;
};

/* Reads `path`, to its end or to where it can't be read on, and writes to `out`, whose errors are
 * ferror()'s. False, with "NAME: reason" in `error`, if it can't be opened. */
bool rewrite_capture(const char *path, const struct rewrite_options *options, FILE *out,
                     char *error, size_t error_size);

#endif
