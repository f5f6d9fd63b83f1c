/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop over all packets: see pipeline.h. */
#include "analyzer/pipeline.h"

#include <glib.h>

#include "analyzer/input/unwrap.h"
#include "analyzer/keylog.h"
#include "analyzer/progress.h"
#include "mqtt/facts/time.h"
#include "transport/transport.h"

#include <signal.h>
#include <string.h>

#define PACKETS_A_TICK 256

struct pipeline {
    struct audit_recorder *audit;
    struct pipeline_options options;
    struct transport *transport;
    struct unwrap *unwrap;
    struct tcp_moment now;          /* of the packet that is unwrapped */
    struct source *volatile source; /* the one being read */
    volatile sig_atomic_t stopped;
    volatile sig_atomic_t interrupted;
    uint64_t frames;   /* of the files before */
    int64_t last_time; /* of the latest packet; valid if any was read */
    bool any_packet;
    int64_t from, to; /* the span, once a packet was read; MQTT_NO_TIME: not given */
    bool span_begun;  /* a packet of it was read */
    bool span_over;   /* a packet behind it was */
};

/* What one file or interface brought. */
struct reading {
    uint64_t packets;
    uint64_t bytes;
    int64_t earliest, latest;
};

/* Frames that were left out before this one have none. */
static void note_stream(GArray *streams, uint64_t frame, int64_t stream)
{
    const int64_t none = -1;
    while (streams->len + 1 < frame)
        g_array_append_val(streams, none);
    if (streams->len < frame)
        g_array_append_val(streams, stream);
}

static void take_segment(struct pipeline *pipeline, const struct ip_packet *packet)
{
    switch (transport_packet(pipeline->transport, &pipeline->now, packet)) {
    case TCP_OK: break;
    case TCP_TRUNCATED: audit_limit(pipeline->audit, AUDIT_LIMIT_CUT_HEADER, 1, 0); break;
    case TCP_MALFORMED: audit_limit(pipeline->audit, AUDIT_LIMIT_BROKEN_HEADER, 1, 0); break;
    }
    if (pipeline->options.streams != NULL)
        note_stream(pipeline->options.streams, pipeline->now.frame,
                    transport_last_stream(pipeline->transport));
}

static void take_unwrapped(void *user, enum unwrap_result result, const struct ip_packet *packet)
{
    struct pipeline *pipeline = user;

    switch (result) {
    case UNWRAP_TCP: take_segment(pipeline, packet); break;
    case UNWRAP_OTHER: break;
    case UNWRAP_CUT: audit_limit(pipeline->audit, AUDIT_LIMIT_CUT_HEADER, 1, 0); break;
    case UNWRAP_BROKEN: audit_limit(pipeline->audit, AUDIT_LIMIT_BROKEN_HEADER, 1, 0); break;
    case UNWRAP_ENCRYPTED: audit_limit(pipeline->audit, AUDIT_LIMIT_LINK_ENCRYPTED, 1, 0); break;
    case UNWRAP_DEEP: audit_limit(pipeline->audit, AUDIT_LIMIT_NESTED, 1, 0); break;
    case UNWRAP_UNKNOWN_LINK: audit_limit(pipeline->audit, AUDIT_LIMIT_LINK_TYPE, 1, 0); break;
    }
}

struct pipeline *pipeline_new(struct audit_recorder *audit, const struct pipeline_options *options)
{
    const struct transport_options of_transport = {
        .ports = options->ports,
        .port_count = options->port_count,
        .brokers = options->brokers,
        .memory = options->memory,
        .tls = options->keylog != NULL ? keylog_tls(options->keylog) : NULL,
    };
    struct transport *transport = transport_new(audit, &of_transport);
    struct pipeline *pipeline = g_new0(struct pipeline, 1);
    struct unwrap *unwrap = unwrap_new(take_unwrapped, pipeline);
    if (transport == NULL || unwrap == NULL) {
        transport_free(transport);
        unwrap_free(unwrap);
        g_free(pipeline);
        return NULL;
    }
    pipeline->audit = audit;
    pipeline->options = *options;
    pipeline->transport = transport;
    pipeline->unwrap = unwrap;
    pipeline->from = pipeline->to = MQTT_NO_TIME;
    return pipeline;
}

static void take_times(struct pipeline *pipeline, struct reading *reading, int64_t time)
{
    if (pipeline->any_packet && time < pipeline->last_time)
        audit_limit(pipeline->audit, AUDIT_LIMIT_CLOCK_BACKWARDS, 1, 0);
    pipeline->any_packet = true;
    pipeline->last_time = time;
    if (reading->packets == 0 || time < reading->earliest)
        reading->earliest = time;
    if (reading->packets == 0 || time > reading->latest)
        reading->latest = time;
}

static void take_packet(struct pipeline *pipeline, const struct source_packet *packet)
{
    pipeline->now = (struct tcp_moment){packet->frame, packet->time_ns};
    unwrap_frame(pipeline->unwrap, packet->link_type, packet->time_ns, packet->bytes);
}

/* ---- The span ---- */

static void resolve_span(struct pipeline *pipeline, int64_t first)
{
    const struct span *span = &pipeline->options.span;
    if (span->from.kind != MOMENT_NONE)
        pipeline->from = moment_time(&span->from, first);
    if (span->to.kind != MOMENT_NONE)
        pipeline->to = moment_time(&span->to, first);
}

/* False: this packet is behind the span, and so is all that follows. */
static bool enter_span(struct pipeline *pipeline, const struct source_packet *packet)
{
    if (!pipeline->any_packet)
        resolve_span(pipeline, packet->time_ns);
    if (pipeline->to != MQTT_NO_TIME && packet->time_ns > pipeline->to) {
        pipeline->span_over = true;
        return false;
    }
    if (!pipeline->span_begun &&
        (pipeline->from == MQTT_NO_TIME || packet->time_ns >= pipeline->from)) {
        pipeline->span_begun = true;
        if (pipeline->from != MQTT_NO_TIME)
            audit_span_begins(pipeline->audit, packet->frame, packet->time_ns);
    }
    return true;
}

bool pipeline_span(const struct pipeline *pipeline, int64_t *from, int64_t *to)
{
    *from = pipeline->from;
    *to = pipeline->to;
    return pipeline->span_begun;
}

/* ---- Reading ---- */

static void tick(const struct pipeline *pipeline, struct progress *progress,
                 const struct source *source, uint64_t packets)
{
    progress_tick(progress, source, packets);
    if (pipeline->options.tick != NULL)
        pipeline->options.tick(pipeline->options.user);
}

/* Reads until nothing more comes. */
static enum source_result read_packets(struct pipeline *pipeline, struct source *source,
                                       struct progress *progress, struct reading *reading)
{
    struct source_packet packet;
    for (;;) {
        enum source_result result = source_next(source, &packet);
        if (result == SOURCE_IDLE) {
            tick(pipeline, progress, source, reading->packets);
            continue;
        }
        if (result != SOURCE_PACKET)
            return result;
        if (!enter_span(pipeline, &packet))
            return SOURCE_END;
        take_times(pipeline, reading, packet.time_ns);
        reading->packets++;
        reading->bytes += packet.bytes.reported;
        take_packet(pipeline, &packet);
        /* Where somebody waits for the present state, packets may come hours apart. */
        if (pipeline->options.tick != NULL || reading->packets % PACKETS_A_TICK == 0)
            tick(pipeline, progress, source, reading->packets);
    }
}

/* It has an end that was not reached: an interface and a pipe have none. */
static bool is_file(const struct source *source)
{
    uint64_t offset, size;
    source_progress(source, &offset, &size);
    return size > 0;
}

/* Takes everything from an open source, and closes it; NULL is one that could not be opened, with
 * the reason in `error`. */
static bool read_source(struct pipeline *pipeline, struct source *source, const char *name,
                        char error[static SOURCE_ERROR_SIZE])
{
    struct reading reading = {0};
    enum source_result result = SOURCE_ERROR;
    bool interrupted = false;
    audit_file_begin(pipeline->audit, name, pipeline->frames);
    if (source != NULL) {
        struct progress progress;
        pipeline->source = source;
        if (pipeline->stopped) /* between two files, or while this one was opened */
            source_stop(source);
        progress_begin(&progress, name, pipeline->options.progress);
        result = read_packets(pipeline, source, &progress, &reading);
        progress_end(&progress);
        pipeline->source = NULL;
        g_strlcpy(error, source_error(source), SOURCE_ERROR_SIZE);
        if (result == SOURCE_END && pipeline->interrupted && is_file(source)) {
            g_snprintf(error, SOURCE_ERROR_SIZE, "%.400s: interrupted", name);
            interrupted = true;
        }
        pipeline->frames = source_frames(source);
        audit_limit(pipeline->audit, AUDIT_LIMIT_DROPPED, source_dropped(source), 0);
        source_close(source);
    }
    if (result == SOURCE_TRUNCATED)
        audit_limit(pipeline->audit, AUDIT_LIMIT_TRUNCATED_FILE, 1, 0);
    if (result == SOURCE_ERROR)
        audit_limit(pipeline->audit, AUDIT_LIMIT_UNREADABLE_FILE, 1, 0);
    const struct audit_file_end end = {
        .packets = reading.packets,
        .bytes = reading.bytes,
        .first = reading.earliest,
        .last = reading.latest,
        .problem = result == SOURCE_END && !interrupted ? NULL : error,
    };
    audit_file_end(pipeline->audit, &end);
    return end.problem == NULL;
}

static struct source_options options_of_source(const struct pipeline *pipeline)
{
    return (struct source_options){
        .filter = pipeline->options.filter,
        .frames_before = pipeline->frames,
        .stopped = &pipeline->stopped,
        .secrets = pipeline->options.keylog != NULL ? keylog_take : NULL,
        .user = pipeline->options.keylog,
    };
}

bool pipeline_read_file(struct pipeline *pipeline, const char *path,
                        char error[static SOURCE_ERROR_SIZE])
{
    const struct source_options options = options_of_source(pipeline);
    if (pipeline->span_over)
        return true;
    struct source *source = source_open_file(path, &options, error, SOURCE_ERROR_SIZE);
    return read_source(pipeline, source, path, error);
}

bool pipeline_read_interface(struct pipeline *pipeline, const char *name,
                             char error[static SOURCE_ERROR_SIZE])
{
    const struct source_options options = options_of_source(pipeline);
    struct source *source = source_open_interface(name, &options, error, SOURCE_ERROR_SIZE);
    return read_source(pipeline, source, name, error);
}

void pipeline_stop(struct pipeline *pipeline)
{
    pipeline->stopped = 1;
    if (pipeline->source != NULL)
        source_stop(pipeline->source);
}

void pipeline_interrupt(struct pipeline *pipeline)
{
    pipeline->interrupted = 1;
    pipeline_stop(pipeline);
}

bool pipeline_stopped(const struct pipeline *pipeline)
{
    return pipeline->stopped != 0;
}

void pipeline_finish(struct pipeline *pipeline)
{
    uint64_t pieces, bytes;
    unwrap_missing(pipeline->unwrap, &pieces, &bytes);
    audit_limit(pipeline->audit, AUDIT_LIMIT_IP_FRAGMENTS, pieces, bytes);
    transport_finish(pipeline->transport);
    audit_recorder_end(pipeline->audit);
}

void pipeline_free(struct pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    unwrap_free(pipeline->unwrap);
    transport_free(pipeline->transport);
    g_free(pipeline);
}
