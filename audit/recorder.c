/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recorder itself: its sinks, its files and its limits. */
#include "audit/recorder_private.h"

static struct mqtt_slice copy_of(struct mqtt_slice slice)
{
    return (struct mqtt_slice){slice.length > 0 ? g_memdup2(slice.data, slice.length) : NULL,
                               slice.length};
}

struct audit_recorder *audit_recorder_new(const struct audit_recorder_options *options)
{
    const struct audit_recorder_options none = {0};
    if (options == NULL)
        options = &none;
    struct audit_recorder *recorder = g_new0(struct audit_recorder, 1);
    for (unsigned i = 0; i < MQTT_RULES; i++)
        recorder->rules[i] = options->rules == NULL || options->rules[i];
    recorder->only_client = copy_of(options->client_identifier);
    recorder->topic_filter = copy_of(options->topic_filter);
    recorder->span_frame = options->span ? UINT64_MAX : 0;
    audit_follow_deliveries(recorder, options);
    return recorder;
}

void audit_recorder_free(struct audit_recorder *recorder)
{
    if (recorder == NULL)
        return;
    audit_deliveries_free(recorder->deliveries);
    if (recorder->found != NULL)
        g_array_free(recorder->found, TRUE);
    g_free((gpointer)(uintptr_t)recorder->only_client.data);
    g_free((gpointer)(uintptr_t)recorder->topic_filter.data);
    g_free(recorder);
}

void audit_recorder_attach(struct audit_recorder *recorder, struct audit_sink *sink)
{
    g_assert(recorder->sink_count < AUDIT_SINKS && recorder->flows == 0);
    sink->slot = recorder->sink_count;
    recorder->sinks[recorder->sink_count++] = *sink;
}

void audit_tell_file(struct audit_recorder *recorder)
{
    struct audit_event event;
    event.kind = AUDIT_EVENT_FILE_BEGIN;
    event.flow = NULL;
    event.side = 0;
    event.file_begin = (struct audit_file_begin){
        .name = recorder->file,
        .first_frame = recorder->file_first_frame,
        .index = recorder->files++,
    };
    recorder->file = NULL;
    audit_tell(recorder, &event);
}

/* ---- Files and limits ---- */

void audit_file_begin(struct audit_recorder *recorder, const char *name, uint64_t frames_before)
{
    recorder->file = name;
    recorder->file_first_frame = frames_before + 1;
}

static void tell_limit(struct audit_recorder *recorder, enum audit_limit_kind kind)
{
    struct audit_event event;
    event.kind = AUDIT_EVENT_LIMIT;
    event.flow = NULL;
    event.side = 0;
    event.limit = recorder->limits[kind];
    recorder->limits[kind].count = 0;
    recorder->limits[kind].bytes = 0;
    recorder->limits[kind].frame = 0;
    recorder->limit_told[kind] = true;
    audit_tell(recorder, &event);
}

void audit_limit(struct audit_recorder *recorder, enum audit_limit_kind kind, uint64_t count,
                 uint64_t bytes)
{
    struct audit_limit_event *limit = &recorder->limits[kind];
    if (count == 0 && bytes == 0)
        return;
    limit->kind = kind;
    limit->count += count;
    limit->bytes += bytes;
    if (!recorder->limit_told[kind])
        tell_limit(recorder, kind);
}

void audit_limit_hint(struct audit_recorder *recorder, enum audit_limit_kind kind, uint64_t count,
                      const char *hint, uint64_t frame)
{
    recorder->limits[kind].hint = hint;
    recorder->limits[kind].hint_frame = frame;
    audit_limit(recorder, kind, count, 0);
    recorder->limits[kind].hint = NULL; /* what is told later says it no more */
}

void audit_limit_brokers(struct audit_recorder *recorder, enum audit_limit_kind kind,
                         uint64_t count, const struct mqtt_endpoint ends[2], uint64_t frame)
{
    GString *hint = g_string_new("--broker ");
    for (unsigned i = 0; i < 2; i++) {
        struct audit_endpoint end;
        audit_endpoint_text(&end, &ends[i]);
        g_string_append_printf(hint, strchr(end.address, ':') != NULL ? "%s[%s]:%u" : "%s%s:%u",
                               i != 0 ? "," : "", end.address, end.port);
    }
    audit_limit_hint(recorder, kind, count, hint->str, frame);
    g_string_free(hint, TRUE);
}

void audit_limit_connection(struct audit_recorder *recorder, enum audit_limit_kind kind,
                            int64_t stream, uint64_t frame)
{
    struct audit_limit_event *limit = &recorder->limits[kind];
    if (limit->frame == 0 || frame < limit->frame) {
        limit->frame = frame;
        limit->stream = stream;
    }
    audit_limit(recorder, kind, 1, 0);
}

static void tell_limits(struct audit_recorder *recorder)
{
    for (unsigned kind = 0; kind < AUDIT_LIMITS; kind++) {
        if (recorder->limits[kind].count > 0 || recorder->limits[kind].bytes > 0)
            tell_limit(recorder, (enum audit_limit_kind)kind);
        recorder->limit_told[kind] = false;
    }
}

void audit_file_end(struct audit_recorder *recorder, const struct audit_file_end *result)
{
    struct audit_event event;
    tell_limits(recorder);
    event.kind = AUDIT_EVENT_FILE_END;
    event.flow = NULL;
    event.side = 0;
    event.file_end = *result;
    audit_tell(recorder, &event);
}

void audit_recorder_end(struct audit_recorder *recorder)
{
    if (recorder->deliveries != NULL)
        audit_deliveries_end(recorder->deliveries, recorder->time);
    audit_flush_found(recorder);
    tell_limits(recorder);
}
