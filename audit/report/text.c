/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report: its order, its verdict, and what its parts share. */
#include "audit/report/text_private.h"

#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "mqtt/facts/time.h"

#include <string.h>

#define USUAL_WIDTH 100u
#define LEAST_WIDTH 60u
#define MOST_WIDTH 160u

const char *text_on(const struct text *text, enum text_style style)
{
    static const char *const codes[] = {
        [TEXT_PLAIN] = "",           [TEXT_HEADING] = "\033[1m", [TEXT_ERROR] = "\033[1;31m",
        [TEXT_WARNING] = "\033[33m", [TEXT_NOTE] = "\033[36m",   [TEXT_FAINT] = "\033[2m",
    };
    return text->color ? codes[style] : "";
}

const char *text_off(const struct text *text)
{
    return text->color ? "\033[0m" : "";
}

enum text_style text_severity(unsigned severity)
{
    switch (severity) {
    case MQTT_ERROR: return TEXT_ERROR;
    case MQTT_WARNING: return TEXT_WARNING;
    default: return TEXT_NOTE;
    }
}

void text_heading(const struct text *text, const char *heading, const char *of)
{
    fprintf(text->file, "\n%s%s%s%s\n", text_on(text, TEXT_HEADING), heading, of, text_off(text));
}

void text_wrap(const struct text *text, unsigned indent, const char *words)
{
    char **list = g_strsplit(words, " ", -1);
    unsigned column = 0;
    for (char **word = list; *word != NULL; word++) {
        unsigned width = escape_width(*word);
        if (column > 0 && column + 1 + width > text->width) {
            fputc('\n', text->file);
            column = 0;
        }
        fprintf(text->file, "%*s%s", column == 0 ? (int)indent : 1, "", *word);
        column += width + (column == 0 ? indent : 1);
    }
    fputc('\n', text->file);
    g_strfreev(list);
}

unsigned text_rows(const struct text *text, unsigned total, unsigned usual)
{
    return text->detail == REPORT_VERBOSE ? total : MIN(total, usual);
}

void text_more(const struct text *text, unsigned indent, uint64_t hidden)
{
    char number[FORMAT_SIZE];
    if (hidden > 0)
        fprintf(text->file, "%*s%sand %s more (-v lists all)%s\n", (int)indent, "",
                text_on(text, TEXT_FAINT), format_count(number, hidden), text_off(text));
}

void text_table(const struct text *text, struct table *table)
{
    table_write(table, text->file, TEXT_INDENT, text->width, text_on(text, TEXT_FAINT),
                text_off(text));
    table_free(table);
}

void text_add_count(struct table *table, uint64_t count)
{
    char buffer[FORMAT_SIZE];
    table_add(table, count != 0 ? format_count(buffer, count) : "-");
}

const char *text_offset(const struct text *text, char buffer[static FORMAT_SIZE], int64_t time_ns)
{
    int64_t since = mqtt_elapsed(time_ns, text->report->capture.first_time);
    uint64_t ns = since < 0 ? -(uint64_t)since : (uint64_t)since;
    g_snprintf(buffer, FORMAT_SIZE, "%c%" G_GUINT64_FORMAT ".%03u", since < 0 ? '-' : '+',
               ns / 1000000000, (unsigned)(ns / 1000000 % 1000));
    return buffer;
}

static void append_name(GString *line, const struct audit_capture *capture)
{
    if (capture->files->len == 0)
        return;
    const struct audit_file *file = &g_array_index(capture->files, struct audit_file, 0);
    char *base = g_path_get_basename(file->name);
    char *name = escape_text(strcmp(file->name, "-") == 0 ? "standard input" : base);
    g_string_append(line, name);
    if (capture->files->len > 1)
        g_string_append_printf(line, " and %u more", capture->files->len - 1);
    g_string_append(line, ": ");
    g_free(name);
    g_free(base);
}

static uint64_t all_packets(const struct audit_totals *totals)
{
    uint64_t sum = 0;
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        for (unsigned type = 0; type < MQTT_PACKET_TYPES; type++)
            sum += totals->packets[role][type];
    return sum;
}

/* "3 errors, 5 warnings" */
static void append_counts(GString *line, const uint64_t findings[3])
{
    bool any = false;
    for (unsigned severity = 3; severity-- > 0;) {
        if (findings[severity] == 0)
            continue;
        g_string_append(line, any ? ", " : "");
        format_plural(line, findings[severity], mqtt_severity_name(severity));
        any = true;
    }
    if (!any)
        g_string_append(line, "no findings");
}

/* "2 diagnoses, ": what the findings are the signs of. */
static void append_diagnoses(GString *line, const uint64_t diagnoses[3])
{
    const uint64_t count = diagnoses[0] + diagnoses[1] + diagnoses[2];
    char number[FORMAT_SIZE];
    if (count > 0)
        g_string_append_printf(line, "%s diagnos%s, ", format_count(number, count),
                               count == 1 ? "is" : "es");
}

static enum text_style worst(const struct audit_totals *totals)
{
    for (unsigned severity = 3; severity-- > 0;)
        if (totals->findings[severity] > 0 || totals->diagnoses[severity] > 0)
            return text_severity(severity);
    return TEXT_HEADING;
}

static void write_verdict(const struct text *text)
{
    const struct audit_report *report = text->report;
    const struct audit_totals *totals = &report->totals;
    const struct audit_capture *capture = &report->capture;
    char lasted[FORMAT_SIZE];
    format_duration(lasted,
                    capture->has_times ? mqtt_elapsed(capture->last_time, capture->first_time) : 0);

    GString *line = g_string_new(NULL);
    append_name(line, capture);
    if (totals->connections == 0) {
        g_string_append(line, report->one_client ? "nothing of this client in " : "no MQTT in ");
        format_plural(line, capture->packets, "packet");
        fprintf(text->file, "%s\n", line->str);
        g_string_free(line, TRUE);
        return;
    }
    format_plural(line, totals->clients, "client");
    g_string_append(line, ", ");
    format_plural(line, totals->connections, "connection");
    g_string_append(line, ", ");
    format_plural(line, all_packets(totals), "control packet");
    g_string_append_printf(line, " in %s: ", lasted);

    GString *counts = g_string_new(NULL);
    append_diagnoses(counts, totals->diagnoses);
    append_counts(counts, totals->findings);
    if (escape_width(line->str) + counts->len <= text->width) {
        fputs(line->str, text->file);
    } else {
        g_string_truncate(line, line->len - 1);
        text_wrap(text, 0, line->str);
        fprintf(text->file, "%*s", TEXT_INDENT, "");
    }
    fprintf(text->file, "%s%s%s\n", text_on(text, worst(totals)), counts->str, text_off(text));
    g_string_free(counts, TRUE);
    g_string_free(line, TRUE);
}

/* When it was, to compare with logs of the same time. */
static void write_times(const struct text *text)
{
    const struct audit_capture *capture = &text->report->capture;
    char first[FORMAT_SIZE], last[FORMAT_SIZE];
    if (capture->has_times)
        fprintf(text->file, "%sfrom %s to %s%s\n", text_on(text, TEXT_FAINT),
                format_time(first, capture->first_time), format_time(last, capture->last_time),
                text_off(text));
}

/* "+2.000 s (2026-11-22T09:46:21.312075741Z)" */
static void append_end(const struct text *text, GString *line, const char *word, int64_t time)
{
    char offset[FORMAT_SIZE], absolute[FORMAT_SIZE];
    if (time != MQTT_NO_TIME)
        g_string_append_printf(line, " %s %s s (%s)", word, text_offset(text, offset, time),
                               format_time(absolute, time));
}

/* What was asked for: nobody shall take a part for the whole. */
static void write_span(const struct text *text)
{
    const struct audit_capture *capture = &text->report->capture;
    GString *line = g_string_new("only what happened");
    append_end(text, line, "from", capture->from);
    append_end(text, line, "to", capture->to);
    if (capture->from != MQTT_NO_TIME)
        g_string_append(line, "; connections are counted from their start");
    if (capture->from != MQTT_NO_TIME || capture->to != MQTT_NO_TIME)
        text_wrap(text, 0, line->str);
    g_string_free(line, TRUE);
}

/* What to bear in mind while reading on. */
static void write_limits(const struct text *text)
{
    GString *line = g_string_new(NULL);
    for (unsigned i = 0; i < AUDIT_LIMITS; i++)
        if (text->report->capture.limits[i].count > 0)
            g_string_append_printf(line, "%s %s",
                                   line->len > 0 ? "," : "limits, explained at the end:",
                                   audit_limit_info((enum audit_limit_kind)i)->kind);
    if (line->len > 0)
        text_wrap(text, 0, line->str);
    g_string_free(line, TRUE);
}

void report_text(const struct audit_report *report, const struct report_text_options *options,
                 FILE *file)
{
    const struct text text = {
        .report = report,
        .detail = options->detail,
        .color = options->color,
        .width = options->width == 0 ? USUAL_WIDTH : CLAMP(options->width, LEAST_WIDTH, MOST_WIDTH),
        .file = file,
    };
    write_verdict(&text);
    if (options->detail != REPORT_QUIET)
        write_times(&text);
    write_span(&text);
    if (report->totals.connections > 0)
        write_limits(&text);
    text_diagnoses(&text);
    text_findings(&text);
    if (options->detail != REPORT_QUIET) {
        text_connections(&text);
        text_sessions(&text);
        text_handshakes(&text);
        text_parts(&text);
        text_transport(&text);
        text_histograms(&text);
        text_topics(&text);
        text_deliveries(&text);
        text_sparkplug(&text);
    }
    text_limits(&text);
}
