/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files, formats and the events that go to them: see outputs.h. */
#include "analyzer/outputs.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/output.h"
#include "audit/report/escape.h"

/* One request: a file, or a folder of them. */
struct item {
    const struct report_format *format;
    const char *path;
    struct outputs *outputs;
    struct output *files;
    char **names; /* of files */
    unsigned count;
    bool made;    /* the folder is ours */
    void *writer; /* NULL: not open */
};

struct outputs {
    struct outputs_options options;
    struct item *items;
    unsigned count;
};

static bool make_folder(struct item *item)
{
    item->made = mkdir(item->path, 0777) == 0;
    if (item->made || errno == EEXIST) /* a file of this name fails when files are made in it */
        return true;
    char *name = escape_text(item->path);
    fprintf(stderr, "mqttscope: %s: %s\n", name, g_strerror(errno));
    g_free(name);
    return false;
}

/* Closes the first `count` files as if nothing had been written. */
static void discard_files(struct item *item, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        output_discard(&item->files[i]);
    if (item->made)
        rmdir(item->path);
}

static bool open_files(struct item *item)
{
    const struct report_format *format = item->format;
    if (format->file_name != NULL && !make_folder(item))
        return false;
    for (unsigned i = 0; i < item->count; i++) {
        item->names[i] = format->file_name != NULL
                             ? g_build_filename(item->path, format->file_name(i), NULL)
                             : g_strdup(item->path);
        if (!output_open(&item->files[i], item->names[i])) {
            discard_files(item, i);
            return false;
        }
    }
    return true;
}

static bool open_item(struct item *item, unsigned slot)
{
    struct report_options options = {
        .text = item->outputs->options.text,
        .slot = slot,
        .fails_from = item->outputs->options.fails_from,
    };
    if (!open_files(item))
        return false;
    FILE **files = g_new(FILE *, item->count);
    for (unsigned i = 0; i < item->count; i++)
        files[i] = item->files[i].file;
    options.at_once = output_is_live(&item->files[0]);
    options.path = item->files[0].temporary;
    options.error = &item->files[0].error;
    options.files = files;
    item->writer = item->format->open(files[0], &options);
    g_free(files);
    return true;
}

static bool has_failed(struct item *item)
{
    bool failed = false;
    for (unsigned i = 0; i < item->count; i++)
        failed |= output_failed(&item->files[i]);
    return failed;
}

/* Nobody reads on what can't be written: a reader that left ends a live capture. The writer hears
 * of the rest all the same, since it keeps something for each connection that is open. */
static void item_event(void *user, const struct audit_event *event)
{
    struct item *item = user;
    const bool failed_before = item->files[0].error != 0;
    item->format->event(item->writer, event);
    if (G_UNLIKELY(has_failed(item)) && !failed_before && item->outputs->options.failed != NULL)
        item->outputs->options.failed(item->outputs->options.user);
}

static void discard(struct outputs *outputs)
{
    for (unsigned i = 0; i < outputs->count; i++) {
        struct item *item = &outputs->items[i];
        if (item->writer != NULL) {
            item->format->finish(item->writer, NULL);
            discard_files(item, item->count);
        }
        g_free(item->files);
        g_strfreev(item->names);
    }
    g_free(outputs->items);
    g_free(outputs);
}

static void add_item(struct outputs *outputs, enum report_format_id id, const char *path)
{
    const struct report_format *format = &report_formats[id];
    unsigned count = 1;
    while (format->file_name != NULL && format->file_name(count) != NULL)
        count++;
    outputs->items[outputs->count++] = (struct item){.format = format,
                                                     .path = path,
                                                     .outputs = outputs,
                                                     .files = g_new0(struct output, count),
                                                     .names = g_new0(char *, count + 1),
                                                     .count = count};
}

struct outputs *outputs_new(const struct outputs_options *options, struct audit_recorder *recorder)
{
    struct outputs *outputs = g_new0(struct outputs, 1);
    bool stdout_taken = options->stdout_taken;
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

void outputs_refresh(struct outputs *outputs)
{
    for (unsigned i = 0; i < outputs->count; i++) {
        const struct item *item = &outputs->items[i];
        struct output output;
        if (item->format->refresh == NULL || item->writer == NULL ||
            item->files[0].temporary == NULL || !output_open(&output, item->path))
            continue;
        item->format->refresh(item->writer, output.file);
        output_close(&output);
    }
}

static bool finish_item(struct item *item, const struct audit_report *report)
{
    if (item->writer == NULL && !open_item(item, 0))
        return false;
    item->format->finish(item->writer, report);
    item->writer = NULL;
    for (unsigned i = 0; i < item->count; i++)
        if (!output_close(&item->files[i])) {
            for (unsigned rest = i + 1; rest < item->count; rest++)
                output_discard(&item->files[rest]);
            return false;
        }
    return true;
}

bool outputs_finish(struct outputs *outputs, const struct audit_report *report)
{
    bool written = true;
    for (unsigned i = 0; report != NULL && i < outputs->count; i++)
        written &= finish_item(&outputs->items[i], report);
    discard(outputs);
    return written;
}
