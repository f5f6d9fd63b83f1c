/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A BPF program a link type; see filter.h. */
#define _DEFAULT_SOURCE /* pcap.h uses u_char */

#include "analyzer/input/filter.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LINK_TYPES_MAX = 32, /* more kinds of link than a file of real captures has */
    SNAP_LENGTH = 262144,
};

struct filter {
    const char *expression;
    size_t count;
    struct {
        int link_type;
        struct bpf_program program;
    } programs[LINK_TYPES_MAX];
};

struct filter *filter_new(const char *expression)
{
    struct filter *filter = calloc(1, sizeof *filter);

    if (filter != NULL)
        filter->expression = expression;
    return filter;
}

struct bpf_program *filter_program(struct filter *filter, int link_type)
{
    for (size_t i = 0; i < filter->count; i++)
        if (filter->programs[i].link_type == link_type)
            return &filter->programs[i].program;
    return NULL;
}

bool filter_compile(struct filter *filter, int link_type, char *error, size_t error_size)
{
    if (filter_program(filter, link_type) != NULL)
        return true;
    if (filter->count == LINK_TYPES_MAX) {
        snprintf(error, error_size, "filter: more than %d link types", LINK_TYPES_MAX);
        return false;
    }
    pcap_t *dead = pcap_open_dead(link_type, SNAP_LENGTH);
    if (dead == NULL) {
        snprintf(error, error_size, "out of memory");
        return false;
    }
    const bool compiled = pcap_compile(dead, &filter->programs[filter->count].program,
                                       filter->expression, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (compiled)
        filter->programs[filter->count++].link_type = link_type;
    else
        snprintf(error, error_size, "filter: %s", pcap_geterr(dead));
    pcap_close(dead);
    return compiled;
}

bool filter_passes(struct filter *filter, int link_type, struct slice frame)
{
    const struct bpf_program *program = filter_program(filter, link_type);
    const struct pcap_pkthdr header = {.caplen = frame.captured, .len = frame.reported};

    return program != NULL && pcap_offline_filter(program, &header, frame.data) != 0;
}

void filter_free(struct filter *filter)
{
    if (filter == NULL)
        return;
    for (size_t i = 0; i < filter->count; i++)
        pcap_freecode(&filter->programs[i].program);
    free(filter);
}
