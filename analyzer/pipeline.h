/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From captures to the recorder: every packet goes through link, network and TCP layer to the
 * control packets in it. */
#ifndef MQTTSCOPE_ANALYZER_PIPELINE_H
#define MQTTSCOPE_ANALYZER_PIPELINE_H

#include <glib.h>

#include "analyzer/input/source.h"
#include "analyzer/span.h"
#include "audit/recorder.h"
#include "mqtt/state/broker.h"

struct pipeline;
struct keylog;

struct pipeline_options {
    const char *filter;    /* BPF expression; NULL: none */
    const uint16_t *ports; /* TCP ports that carry MQTT, besides 1883 */
    size_t port_count;
    struct mqtt_brokers brokers; /* what was declared to be one broker */
    uint64_t memory;             /* bytes that what traffic can make grow may take; 0: 1 GiB */
    struct span span; /* of the packets that the report is about; those before it are read, those
                         behind it are not */
    struct keylog *keylog;    /* takes in what the captures have of secrets, and decrypts with them;
                                 lives longer than the pipeline */
    void (*tick)(void *user); /* called often while reading, if only for want of packets; NULL */
    void *user;
    GArray *streams; /* int64_t: is given the tcp.stream of each frame, from frame 1 on; -1: it has
                        none. NULL: nobody asks */
    bool progress;   /* say on standard error how far it is, where it takes longer than a second */
};

/* The recorder and what the options point to live longer. NULL without memory. */
struct pipeline *pipeline_new(struct audit_recorder *audit, const struct pipeline_options *options);

/* Reads a capture file ("-": standard input), as a continuation of those before. False if it could
 * not be read to its end: `error` (SOURCE_ERROR_SIZE bytes) says why, and all packets before that
 * count. */
bool pipeline_read_file(struct pipeline *pipeline, const char *path,
                        char error[static SOURCE_ERROR_SIZE]);

/* Captures from an interface until pipeline_stop() is called. */
bool pipeline_read_interface(struct pipeline *pipeline, const char *name,
                             char error[static SOURCE_ERROR_SIZE]);

/* The span as times, MQTT_NO_TIME where an end was not given: true if any packet is in it. Before
 * the first packet was read, and without a span, false. */
bool pipeline_span(const struct pipeline *pipeline, int64_t *from, int64_t *to);

/* Ends what is being read, as if nothing followed. May be called from a signal handler. */
void pipeline_stop(struct pipeline *pipeline);

/* The same for somebody who interrupts: a file that was not read to its end says so. */
void pipeline_interrupt(struct pipeline *pipeline);

/* Whether one of them was called. */
bool pipeline_stopped(const struct pipeline *pipeline);

/* All has been read: closes what is open. */
void pipeline_finish(struct pipeline *pipeline);

/* NULL is allowed. */
void pipeline_free(struct pipeline *pipeline);

#endif
