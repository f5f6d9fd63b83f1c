/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who asks for a report, and where it goes; see report.h. */
#define MQTTSCOPE_REPORT /* this file is built with it alone */
#include "plugin/tools/report.h"

#include <epan/funnel.h>
#include <epan/tap.h>
#include <wsutil/report_message.h>

#include <glib/gstdio.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugin/tools/audit.h"

#define OPTION "mqttscope,report"
#define MENU "MQTT/Report"
#define TITLE "MQTT: report"

struct report;

/* Wireshark tells listeners apart by what they are registered with. */
struct listener {
    struct report *report;
};

/* What Wireshark's text window shows without folding lines once more. */
enum { WINDOW_COLUMNS = 70 };

struct report {
    const struct report_format *format;
    char *path; /* NULL: `file` is somebody else's */
    FILE *file; /* NULL: it is not open */
    struct mqttscope_audit *audit;
    bool finished; /* it is written */
    struct listener segments, packets, frames;
    unsigned width; /* columns that lines of text have; 0: the usual ones */
};

/* ---- Where it goes ---- */

static bool open_file(struct report *report)
{
    if (report->file == NULL)
        report->file = g_fopen(report->path, "wb");
    if (report->file == NULL)
        report_failure("mqttscope: can't write %s: %s", report->path, g_strerror(errno));
    return report->file != NULL;
}

static void close_file(struct report *report, int error)
{
    if (error == 0 && (fflush(report->file) != 0 || ferror(report->file) != 0))
        error = errno;

    if (error != 0)
        report_failure("mqttscope: can't write %s: %s",
                       report->path != NULL ? report->path : "standard output", g_strerror(error));
    if (report->path == NULL)
        return;
    fclose(report->file);
    report->file = NULL;
}

/* ---- What taps bring ---- */

/* The audit begins with the first frame. NULL if there is nothing to tell, any more or at all. */
static struct mqttscope_audit *audit_of(struct report *report)
{
    if (report->audit == NULL && !report->finished && open_file(report))
        report->audit =
            mqttscope_audit_new(report->format, report->file, report->path, report->width);
    if (report->audit == NULL)
        report->finished = true;
    return report->finished ? NULL : report->audit;
}

static tap_packet_status on_segment(void *user, packet_info *pinfo, epan_dissect_t *edt,
                                    const void *data, tap_flags_t flags)
{
    const struct listener *listener = user;
    struct mqttscope_audit *audit = audit_of(listener->report);
    struct mqttscope_tapped_segment segment;

    (void)edt;
    (void)flags;
    if (audit == NULL)
        return TAP_PACKET_DONT_REDRAW;
    mqttscope_tcp_tapped(data, &segment);
    mqttscope_audit_segment(audit, pinfo, &segment);
    return TAP_PACKET_REDRAW;
}

static tap_packet_status on_packets(void *user, packet_info *pinfo, epan_dissect_t *edt,
                                    const void *data, tap_flags_t flags)
{
    const struct listener *listener = user;
    struct mqttscope_audit *audit = audit_of(listener->report);

    (void)pinfo;
    (void)edt;
    (void)flags;
    if (audit == NULL)
        return TAP_PACKET_DONT_REDRAW;
    mqttscope_audit_packets(audit, data);
    return TAP_PACKET_REDRAW;
}

/* The frame's own tap comes behind those of all that is in it. */
static tap_packet_status on_frame(void *user, packet_info *pinfo, epan_dissect_t *edt,
                                  const void *data, tap_flags_t flags)
{
    const struct listener *listener = user;
    struct mqttscope_audit *audit = audit_of(listener->report);

    (void)edt;
    (void)flags;
    (void)data;
    if (audit == NULL)
        return TAP_PACKET_DONT_REDRAW;
    mqttscope_audit_frame(audit, pinfo);
    return TAP_PACKET_REDRAW;
}

/* The capture is read anew. */
static void on_reset(void *user)
{
    struct report *report = ((const struct listener *)user)->report;

    mqttscope_audit_free(report->audit);
    report->audit = NULL;
    report->finished = false;
}

/* All frames were there: once, however often it is to be drawn. */
static void on_draw(void *user)
{
    struct report *report = ((const struct listener *)user)->report;
    struct mqttscope_audit *audit = audit_of(report);

    if (audit == NULL)
        return;
    const int error = mqttscope_audit_finish(audit);

    report->finished = true;
    close_file(report, error);
}

static void report_free(struct report *report)
{
    mqttscope_audit_free(report->audit);
    if (report->path != NULL && report->file != NULL)
        fclose(report->file);
    g_free(report->path);
    g_free(report);
}

/* Of the last of the listeners: Wireshark goes on to forget the capture. */
static void on_finish(void *user)
{
    report_free(((const struct listener *)user)->report);
}

/* ---- Who asks ---- */

static GString *listen(struct report *report, tap_finish_cb finish)
{
    GString *problem;

    report->segments.report = report->packets.report = report->frames.report = report;
    problem = register_tap_listener(MQTTSCOPE_TCP_TAP, &report->segments, NULL, TL_REQUIRES_NOTHING,
                                    NULL, on_segment, NULL, NULL);
    if (problem == NULL)
        problem = register_tap_listener(MQTTSCOPE_TAP, &report->packets, NULL, TL_REQUIRES_NOTHING,
                                        NULL, on_packets, NULL, NULL);
    if (problem == NULL)
        problem = register_tap_listener("frame", &report->frames, NULL, TL_REQUIRES_NOTHING,
                                        on_reset, on_frame, on_draw, finish);
    return problem;
}

static void stop_listening(struct report *report)
{
    remove_tap_listener(&report->segments);
    remove_tap_listener(&report->packets);
    remove_tap_listener(&report->frames);
}

/* Ends the program, as all options do that make no sense. */
G_GNUC_NORETURN static void refuse(const char *why, const char *what)
{
    report_failure("mqttscope: %s: %s", why, what);
    exit(1);
}

/* The text report has no option in the table; formats of several files are the analyzer's. */
static const struct report_format *find_format(const char *name)
{
    if (strcmp(name, "text") == 0)
        return &report_formats[REPORT_TEXT];
    for (unsigned i = 0; i < REPORT_FORMATS; i++) {
        const struct report_format *format = &report_formats[i];
        if (format->option != NULL && format->file_name == NULL &&
            strcmp(format->option, name) == 0)
            return format;
    }
    return NULL;
}

/* `argument` is all of the option, FORMAT and FILE behind its name. */
static void ask(const char *argument, void *user)
{
    struct report *report = g_new0(struct report, 1);
    char **words = g_strsplit(argument + strlen(OPTION), ",", 3);
    const unsigned count = g_strv_length(words);
    const char *name = count > 1 && *words[1] != '\0' ? words[1] : "text";

    (void)user;
    if (count > 0 && *words[0] != '\0')
        refuse("there is no such statistic", argument);
    report->format = find_format(name);
    if (report->format == NULL)
        refuse("no report has this format", name);
    if (count > 2 && *words[2] != '\0' && strcmp(words[2], "-") != 0)
        report->path = g_strdup(words[2]);
    else
        report->file = stdout;
    if (report->path != NULL && !open_file(report))
        exit(1);
    g_strfreev(words);
    GString *problem = listen(report, on_finish);
    if (problem != NULL)
        refuse("nobody tells of packets", problem->str);
}

/* The same for versions that want to be told: who comes back has begun. */
static bool ask_and_tell(const char *argument, void *user)
{
    ask(argument, user);
    return true;
}

/* ---- Wireshark's menu ---- */

static char *read_all(FILE *file)
{
    GString *text = g_string_new(NULL);
    char part[4096];
    size_t length;

    rewind(file);
    while ((length = fread(part, 1, sizeof(part), file)) > 0)
        g_string_append_len(text, part, (gssize)length);
    return g_string_free(text, FALSE);
}

static void show(const funnel_ops_t *ops, const char *text)
{
    funnel_text_window_t *window = ops->new_text_window(ops->ops_id, TITLE);

    ops->set_text(window, text);
    ops->set_editable(window, FALSE);
}

/* The frames are dissected once more, in their order, and this listens. */
static void choose(gpointer user)
{
    const funnel_ops_t *ops = funnel_get_funnel_ops();
    FILE *file = tmpfile();
    struct report *report = g_new0(struct report, 1);

    (void)user;
    if (ops == NULL || ops->new_text_window == NULL || ops->retap_packets == NULL || file == NULL) {
        report_failure("mqttscope: the report can't be shown here");
    } else {
        report->format = &report_formats[REPORT_TEXT];
        report->file = file;
        report->width = WINDOW_COLUMNS;
        GString *problem = listen(report, NULL);
        if (problem == NULL) {
            ops->retap_packets(ops->ops_id);
            on_draw(&report->frames);
        } else {
            report_failure("mqttscope: %s", problem->str);
            g_string_free(problem, TRUE);
        }
        stop_listening(report);
        char *text = read_all(file);
        show(ops, text);
        g_free(text);
    }
    report_free(report);
    if (file != NULL)
        fclose(file);
}

void mqttscope_report_register(void)
{
    static stat_tap_ui option = {
        .group = REGISTER_STAT_GROUP_GENERIC,
        .title = NULL,
        .cli_string = OPTION,
        .tap_init_cb = STAT_TAP_INIT(ask, ask_and_tell),
    };

    register_stat_tap_ui(&option, NULL);
    funnel_register_menu(MENU, REGISTER_TOOLS_GROUP_UNSORTED, choose, NULL, NULL, FALSE);
}
