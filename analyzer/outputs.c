/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files, formats and the events that go to them: see outputs.h. */
#include "analyzer/outputs.h"

#include <glib.h>
#include <string.h>

#include "analyzer/output.h"

/* One request. */
struct item {
    const struct report_format *format;
    const char *path;
    struct outputs *outputs;
    struct output output;
    void *writer; /* NULL: not open */
};

struct outputs {
    struct outputs_options options;
    struct item *items;
    unsigned count;
};

static bool open_item(struct item *item, unsigned slot)
{
    struct report_options options = {.text = item->outputs->options.text, .slot = slot};
    if (!output_open(&item->output, item->path))
        return false;
    options.at_once = output_is_live(&item->output);
    options.path = item->output.temporary;
    options.error = &item->output.error;
    item->writer = item->format->open(item->output.file, &options);
    return true;
}

/* Nobody reads on what can't be written: a reader that left ends a live capture. The writer hears
 * of the rest all the same, since it keeps something for each connection that is open. */
static void item_event(void *user, const struct audit_event *event)
{
    struct item *item = user;
    const bool failed_before = item->output.error != 0;
    item->format->event(item->writer, event);
    if (G_UNLIKELY(output_failed(&item->output)) && !failed_before &&
        item->outputs->options.failed != NULL)
        item->outputs->options.failed(item->outputs->options.user);
}

static void discard(struct outputs *outputs)
{
    for (unsigned i = 0; i < outputs->count; i++) {
        struct item *item = &outputs->items[i];
        if (item->writer == NULL)
            continue;
        item->format->finish(item->writer, NULL);
        output_discard(&item->output);
    }
    g_free(outputs->items);
    g_free(outputs);
}

static void add_item(struct outputs *outputs, enum report_format_id format, const char *path)
{
    outputs->items[outputs->count++] =
        (struct item){.format = &report_formats[format], .path = path, .outputs = outputs};
}

struct outputs *outputs_new(const struct outputs_options *options, struct audit_recorder *recorder)
{
    struct outputs *outputs = g_new0(struct outputs, 1);
    bool stdout_taken = false;
    outputs->options = *options;
    outputs->items = g_new0(struct item, options->count + 1);
    for (unsigned i = 0; i < options->count; i++)
        stdout_taken |= strcmp(options->requests[i].path, "-") == 0;
    if (!stdout_taken)
        add_item(outputs, REPORT_TEXT, "-");
    for (unsigned i = 0; i < options->count; i++)
        add_item(outputs, options->requests[i].format, options->requests[i].path);

    for (unsigned i = 0; i < outputs->count; i++) {
        struct item *item = &outputs->items[i];
        if (item->format->event == NULL)
            continue;
        struct audit_sink sink = {.event = item_event, .user = item};
        audit_recorder_attach(recorder, &sink);
        if (!open_item(item, sink.slot)) {
            discard(outputs);
            return NULL;
        }
    }
    return outputs;
}

static bool finish_item(struct item *item, const struct audit_report *report)
{
    if (item->writer == NULL && !open_item(item, 0))
        return false;
    item->format->finish(item->writer, report);
    item->writer = NULL;
    return output_close(&item->output);
}

bool outputs_finish(struct outputs *outputs, const struct audit_report *report)
{
    bool written = true;
    for (unsigned i = 0; report != NULL && i < outputs->count; i++)
        written &= finish_item(&outputs->items[i], report);
    discard(outputs);
    return written;
}
