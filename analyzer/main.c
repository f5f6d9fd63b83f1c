/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mqttscope: reads captures, and reports what MQTT did in them. */
#include "analyzer/inform.h"
#include "analyzer/keylog.h"
#include "analyzer/marks.h"
#include "analyzer/options.h"
#include "analyzer/order.h"
#include "analyzer/output.h"
#include "analyzer/pipeline.h"
#include "audit/fold.h"
#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "audit/sparkplug/sparkplug.h"
#include "mqtt/facts/time.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* How old a file gets that is refreshed. */
#define REFRESH_US (5 * G_TIME_SPAN_SECOND)

enum status { STATUS_DONE = 0, STATUS_FAIL_ON = 1, STATUS_TROUBLE = 2 };

static struct pipeline *interruptible; /* for the signal handler */

/* What is read until somebody interrupts it is reported then; a second signal ends the program, and
 * nothing of it stays. */
static void interrupt(int signal_number)
{
    if (!pipeline_stopped(interruptible)) {
        pipeline_interrupt(interruptible);
        return;
    }
    output_unlink_all();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void catch_signals(struct pipeline *pipeline)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = interrupt};
    interruptible = pipeline;
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaction(signals[i], &action, NULL);
}

/* A standard stream that is closed must not become the number of a file that is opened later: what
 * is meant for the one would be written to the other. */
static void hold_standard_streams(void)
{
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (fcntl(descriptor, F_GETFD) == -1) {
            /* Opened the wrong way round: its use still fails, as it would have. */
            int held = open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY);
            if (held != descriptor)
                abort();
        }
}

static bool wants_color(enum color_mode mode)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    if (mode != COLOR_AUTO)
        return mode == COLOR_ALWAYS;
    if ((no_color != NULL && *no_color != '\0') ||
        (terminal != NULL && strcmp(terminal, "dumb") == 0))
        return false;
    return isatty(STDOUT_FILENO) != 0;
}

/* COLUMNS, where somebody has exported it; else as the terminal says. 0: neither does. */
static unsigned terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    guint64 width;
    if (columns != NULL && g_ascii_string_to_unsigned(columns, 10, 1, UINT16_MAX, &width, NULL))
        return (unsigned)width;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

static struct report_text_options text_options(const struct options *options)
{
    return (struct report_text_options){
        .detail = options->detail,
        .color = wants_color(options->color),
        .width = terminal_width(),
    };
}

static void complain(const char *line)
{
    char *printable = escape_text(line);
    fprintf(stderr, "mqttscope: %s\n", printable);
    g_free(printable);
}

/* ---- Reading ---- */

static bool read_all(struct pipeline *pipeline, const struct options *options)
{
    char error[SOURCE_ERROR_SIZE];
    bool whole = true;
    catch_signals(pipeline);
    if (options->interface != NULL) {
        if (!pipeline_read_interface(pipeline, options->interface, error)) {
            complain(error);
            whole = false;
        }
    }
    order_by_time(options->files);
    for (unsigned i = 0; i < options->files->len && !pipeline_stopped(pipeline); i++) {
        const char *path = g_ptr_array_index(options->files, i);
        if (!pipeline_read_file(pipeline, path, error)) {
            complain(error);
            whole = false;
        }
    }
    return whole;
}

/* ---- Reporting ---- */

static bool fails(const struct audit_report *report, unsigned fail_on)
{
    for (unsigned severity = fail_on; severity <= MQTT_ERROR; severity++)
        if (report->totals.findings[severity] > 0 || report->totals.diagnoses[severity] > 0)
            return true;
    return false;
}

/* Nothing of a capture could be opened: a report would be about nothing. */
static bool nothing_read(const struct audit_report *report)
{
    for (unsigned i = 0; i < report->capture.files->len; i++)
        if (audit_report_file(report, i)->problem == NULL)
            return false;
    return report->capture.packets == 0;
}

/* Who asks for a span in which no packet is has probably mistyped it. */
static bool check_span(const struct pipeline *pipeline, const struct audit_report *report)
{
    const struct audit_capture *capture = &report->capture;
    char first[FORMAT_SIZE], last[FORMAT_SIZE], line[3 * FORMAT_SIZE];
    int64_t from, to;
    const bool begun = pipeline_span(pipeline, &from, &to);
    if (begun || (from == MQTT_NO_TIME && to == MQTT_NO_TIME))
        return true; /* or there are no packets at all */
    if (from != MQTT_NO_TIME && to != MQTT_NO_TIME && from > to)
        complain("--to is before --from: nothing is between them");
    else if (!capture->has_times) {
        g_snprintf(line, sizeof line, "no packet before --to, which is %s", format_time(first, to));
        complain(line);
    } else {
        g_snprintf(line, sizeof line,
                   "no packet between --from and --to: those read are from %s to %s",
                   format_time(first, capture->first_time), format_time(last, capture->last_time));
        complain(line);
    }
    return false;
}

/* Everything that one report takes. */
struct run {
    struct mqtt_brokers brokers;
    struct audit_recorder *recorder;
    struct audit_fold *fold;
    struct sparkplug *sparkplug;
    struct keylog *keylog;
    struct pipeline *pipeline;
    struct outputs *outputs;
    GArray *streams;     /* tcp.stream of each frame, for --extract; NULL: not wanted */
    int64_t refresh_due; /* monotonic microseconds */
};

static void stop_reading(void *user)
{
    const struct run *run = user;
    pipeline_stop(run->pipeline);
}

/* While a capture goes on. */
static void refresh(void *user)
{
    struct run *run = user;
    if (run->outputs == NULL || g_get_monotonic_time() < run->refresh_due)
        return;
    if (run->refresh_due != 0)
        outputs_refresh(run->outputs);
    run->refresh_due = g_get_monotonic_time() + REFRESH_US;
}

static bool is_live(const struct options *options)
{
    for (unsigned i = 0; i < options->files->len; i++)
        if (strcmp(g_ptr_array_index(options->files, i), "-") == 0)
            return true;
    return options->interface != NULL;
}

static void sparkplug_finds(void *user, const struct audit_flow *flow,
                            const struct mqtt_finding *finding)
{
    const struct run *run = user;
    audit_recorder_find(run->recorder, flow, finding);
}

static void attach_sparkplug(struct run *run)
{
    const struct sparkplug_options options = {.found = sparkplug_finds, .user = run};
    run->sparkplug = sparkplug_new(&options);
    audit_recorder_attach(run->recorder, sparkplug_sink(run->sparkplug));
    audit_fold_sparkplug(run->fold, sparkplug_nodes(run->sparkplug));
}

static bool read_keylogs(struct keylog *keylog, const struct options *options)
{
    char error[SOURCE_ERROR_SIZE];
    for (unsigned i = 0; i < options->keylogs->len; i++)
        if (!keylog_read(keylog, g_ptr_array_index(options->keylogs, i), error, sizeof error)) {
            complain(error);
            return false;
        }
    return true;
}

static bool run_begin(struct run *run, const struct options *options)
{
    const char *client = options->client != NULL ? options->client : "";
    const char *topic = options->topic != NULL ? options->topic : "";
    run->brokers = (struct mqtt_brokers){
        (const struct mqtt_broker_endpoint *)(const void *)options->brokers->data,
        options->brokers->len};
    const struct audit_recorder_options recorder_options = {
        .rules = options->only ? options->rules : NULL,
        .client_identifier = {(const uint8_t *)client, (uint32_t)strlen(client)},
        .topic_filter = {(const uint8_t *)topic, (uint32_t)strlen(topic)},
        .deliveries = !options->no_deliveries,
        .brokers = &run->brokers,
        .delivery_memory = options->memory / 8,
        .span = options->span.from.kind != MOMENT_NONE,
    };
    if (options->extract != NULL)
        run->streams = g_array_new(FALSE, FALSE, sizeof(int64_t));
    const struct audit_fold_options fold_options = {
        .one_client = options->client != NULL,
        .diagnoses = options->only ? options->diagnoses : NULL,
    };
    run->keylog = keylog_new();
    if (run->keylog == NULL) {
        complain("not enough memory");
        return false;
    }
    const struct pipeline_options pipeline_options = {
        .filter = options->filter,
        .ports = (const uint16_t *)(const void *)options->ports->data,
        .port_count = options->ports->len,
        .brokers = run->brokers,
        .memory = options->memory,
        .span = options->span,
        .keylog = run->keylog,
        .progress = true,
        .streams = run->streams,
        .tick = is_live(options) ? refresh : NULL,
        .user = run,
    };
    const struct outputs_options outputs_options = {
        .requests = (const struct output_request *)(const void *)options->outputs->data,
        .count = options->outputs->len,
        .text = text_options(options),
        .stdout_taken =
            g_strcmp0(options->annotate, "-") == 0 || g_strcmp0(options->write, "-") == 0,
        .fails_from = options->fail_on == FAIL_ON_NOTHING ? MQTT_WARNING : options->fail_on,
        .failed = stop_reading,
        .user = run,
    };
    run->recorder = audit_recorder_new(&recorder_options);
    run->fold = audit_fold_new(&fold_options);
    audit_recorder_attach(run->recorder, audit_fold_sink(run->fold));
    attach_sparkplug(run);
    if (!read_keylogs(run->keylog, options))
        return false;
    run->pipeline = pipeline_new(run->recorder, &pipeline_options);
    if (run->pipeline == NULL) {
        complain("not enough memory");
        return false;
    }
    run->outputs = outputs_new(&outputs_options, run->recorder);
    return run->outputs != NULL;
}

static void run_free(struct run *run)
{
    pipeline_free(run->pipeline);
    keylog_free(run->keylog);
    audit_fold_free(run->fold);
    sparkplug_free(run->sparkplug);
    audit_recorder_free(run->recorder);
    if (run->streams != NULL)
        g_array_free(run->streams, TRUE);
}

/* The captures that were read, once more. */
static bool write_captures(const struct run *run, const struct options *options,
                           const struct audit_report *report)
{
    bool written = true;
    if (options->annotate != NULL)
        written = marks_annotate(report, options->annotate);
    if (options->extract != NULL)
        written &= marks_extract(report, options->extract, run->streams, options->write);
    return written;
}

static enum status report(const struct options *options)
{
    struct run run = {0};
    enum status status = STATUS_DONE;
    if (!run_begin(&run, options)) {
        run_free(&run);
        return STATUS_TROUBLE;
    }
    if (!read_all(run.pipeline, options))
        status = STATUS_TROUBLE;
    pipeline_finish(run.pipeline);
    audit_limit(run.recorder, AUDIT_LIMIT_SPARKPLUG, sparkplug_left_out(run.sparkplug), 0);
    int64_t from, to;
    pipeline_span(run.pipeline, &from, &to);
    audit_fold_span(run.fold, from, to);
    const struct audit_report *result = audit_fold_finish(run.fold);
    bool reports = !nothing_read(result);
    if (!check_span(run.pipeline, result)) {
        status = STATUS_TROUBLE;
        reports = false;
    }
    if (!outputs_finish(run.outputs, reports ? result : NULL))
        status = STATUS_TROUBLE;
    if (reports && !write_captures(&run, options, result))
        status = STATUS_TROUBLE;
    if (status == STATUS_DONE && fails(result, options->fail_on))
        status = STATUS_FAIL_ON;
    run_free(&run);
    return status;
}

static enum status inform_status(const struct options *options)
{
    const struct report_text_options how = text_options(options);
    return inform(options, &how) ? STATUS_DONE : STATUS_TROUBLE;
}

int main(int argc, char **argv)
{
    struct options options;
    enum status status = STATUS_TROUBLE;
    hold_standard_streams();
    signal(SIGPIPE, SIG_IGN); /* a reader that left is an error of writing, which is reported */
    if (options_parse(&options, argc, argv))
        status = options.action == ACTION_REPORT ? report(&options) : inform_status(&options);
    options_clear(&options);
    return (int)status;
}
