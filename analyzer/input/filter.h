/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A capture filter (pcap-filter(7)) over frames of several link types: it compiles to another
 * program for each.
 */
#ifndef MQTTSCOPE_ANALYZER_FILTER_H
#define MQTTSCOPE_ANALYZER_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "tcp/slice.h"

struct bpf_program; /* of libpcap */
struct filter;

/* `expression` has to live as long as the filter. NULL without memory. */
struct filter *filter_new(const char *expression);

/* Compiles the filter for frames of a link type (DLT_), unless it is already. False if it can't be:
 * `error` says why. */
bool filter_compile(struct filter *filter, int link_type, char *error, size_t error_size);

/* The program for a link type; NULL where there is none. */
struct bpf_program *filter_program(struct filter *filter, int link_type);

/* Whether a frame passes. False for a link type that filter_compile() did not take. */
bool filter_passes(struct filter *filter, int link_type, struct slice frame);

/* NULL is allowed. */
void filter_free(struct filter *filter);

#endif
