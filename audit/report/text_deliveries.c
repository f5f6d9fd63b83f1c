/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report's deliveries: what became of messages between publishers and subscribers. */
#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "audit/report/table.h"
#include "audit/report/text_private.h"
#include "mqtt/facts/time.h"

#define USUAL_DELIVERIES 8

/* ---- All of them ---- */

/* "; 3 lost", where there are any. */
static void append_count(GString *line, const char *between, uint64_t count, const char *what)
{
    char number[FORMAT_SIZE];
    if (count > 0)
        g_string_append_printf(line, "%s%s %s", between, format_count(number, count), what);
}

/* "; p50 830 us, p95 1.20 ms, p99 1.31 ms, max 1.31 ms" */
static void append_latency(GString *line, const struct audit_latency *latency)
{
    const struct {
        const char *name;
        uint64_t microseconds;
    } parts[] = {{"; p50", latency->p50},
                 {", p95", latency->p95},
                 {", p99", latency->p99},
                 {", max", latency->max}};
    char buffer[FORMAT_SIZE];
    for (unsigned i = 0; i < G_N_ELEMENTS(parts) && latency->count > 0; i++)
        g_string_append_printf(line, "%s %s", parts[i].name,
                               format_microseconds(buffer, parts[i].microseconds));
}

/* "; excused: 12 offline, 1 queued" */
static void append_excused(GString *line, const struct audit_delivery_counts *counts)
{
    const char *between = "; excused: ";
    for (unsigned i = 0; i < AUDIT_EXCUSES; i++) {
        append_count(line, between, counts->excused[i], audit_excuse_name(i));
        if (counts->excused[i] > 0)
            between = ", ";
    }
}

/* "24 of 25 expected deliveries came, 3 of them after the client's return" */
static void append_came(GString *line, const struct audit_delivery_counts *counts)
{
    char came[FORMAT_SIZE], due[FORMAT_SIZE];
    if (counts->expected == 0) {
        g_string_append(line, "no deliveries were expected");
        return;
    }
    g_string_append_printf(line, "%s of %s expected deliveries came",
                           format_count(came, counts->delivered),
                           format_count(due, counts->expected));
    append_count(line, ", ", counts->late, "of them after the client's return");
}

static void append_failures(GString *line, const struct audit_delivery_counts *counts)
{
    append_count(line, "; ", counts->lost, "lost");
    append_count(line, counts->lost > 0 ? ", " : "; ", counts->twice, "twice");
    append_count(line, "; ", counts->dropped_qos_0, "dropped at QoS 0");
    append_count(line, "; ", counts->pending, "may still come");
    append_excused(line, counts);
}

/* What came without being expected is no failure. */
static void append_others(GString *line, const struct audit_delivery_counts *counts)
{
    append_count(line, "; ", counts->retained,
                 counts->retained == 1 ? "retained message" : "retained messages");
    append_count(line, "; ", counts->unknown, "came whose publication is not in the capture");
}

static void write_totals(const struct text *text)
{
    const struct audit_totals *totals = &text->report->totals;
    const struct audit_latency latency = audit_histogram_latency(&totals->delivery_times);
    GString *line = g_string_new(NULL);
    append_came(line, &totals->deliveries);
    append_latency(line, &latency);
    append_failures(line, &totals->deliveries);
    append_others(line, &totals->deliveries);
    text_wrap(text, TEXT_INDENT, line->str);
    g_string_free(line, TRUE);
}

/* ---- By topic and subscriber ---- */

/* The broker of all rows, or NULL if there are several. */
static const struct audit_endpoint *only_broker(const struct audit_report *report)
{
    const struct audit_endpoint *broker = NULL;
    for (unsigned i = 0; i < report->deliveries->len; i++) {
        const struct audit_endpoint *other = &audit_report_delivery(report, i)->broker;
        if (broker != NULL && !audit_endpoint_equal(broker, other))
            return NULL;
        broker = other;
    }
    return broker;
}

static void add_name(struct table *table, const struct audit_string *name)
{
    char *printable = name != NULL ? escape_string(name) : g_strdup("?");
    table_add(table, printable);
    g_free(printable);
}

static void add_times(struct table *table, const struct audit_latency *latency)
{
    const uint64_t values[] = {latency->p50, latency->p95, latency->max};
    char buffer[FORMAT_SIZE];
    for (unsigned i = 0; i < G_N_ELEMENTS(values); i++)
        table_add(table, latency->count > 0 ? format_microseconds(buffer, values[i]) : "-");
}

static void add_delivery(struct table *table, const struct audit_delivery *delivery,
                         bool show_broker)
{
    const struct audit_delivery_counts *counts = &delivery->counts;
    const uint64_t values[] = {
        counts->expected,      counts->delivered, counts->lost,    counts->twice,
        counts->dropped_qos_0, counts->late,      counts->pending, audit_delivery_excused(counts),
        counts->retained,      counts->unknown,
    };
    char endpoint[FORMAT_SIZE];
    for (unsigned i = 0; i < G_N_ELEMENTS(values); i++)
        text_add_count(table, values[i]);
    add_times(table, &delivery->latency);
    table_add(table, show_broker ? format_endpoint(endpoint, &delivery->broker) : "");
    add_name(table, delivery->client_identifier);
    add_name(table, delivery->topic);
}

static void write_rows(const struct text *text, unsigned rows)
{
    static const struct table_column columns[] = {
        {.title = "due", .right = true},
        {.title = "came", .right = true},
        {.title = "lost", .right = true},
        {.title = "twice", .right = true},
        {.title = "dropped", .right = true},
        {.title = "late", .right = true, .drop = 3},
        {.title = "pending", .right = true, .drop = 6},
        {.title = "excused", .right = true, .drop = 2},
        {.title = "retained", .right = true, .drop = 5},
        {.title = "unknown", .right = true, .drop = 4},
        {.title = "p50", .right = true, .drop = 7},
        {.title = "p95", .right = true},
        {.title = "max", .right = true, .drop = 8},
        {.title = "broker", .drop = 1},
        {.title = "client", .flexible = true},
        {.title = "topic", .flexible = true},
    };
    const bool show_broker = only_broker(text->report) == NULL;
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    for (unsigned i = 0; i < rows; i++)
        add_delivery(table, audit_report_delivery(text->report, i), show_broker);
    text_table(text, table);
    text_more(text, TEXT_INDENT, text->report->deliveries->len - rows);
}

/* ---- The slowest ---- */

static void add_frame(const struct text *text, struct table *table, uint64_t frame)
{
    uint64_t number;
    const struct audit_file *file = audit_locate(text->report, frame, &number);
    if (file == NULL || text->report->capture.files->len == 1) {
        table_addf(table, "frame %" G_GUINT64_FORMAT, frame);
        return;
    }
    char *base = g_path_get_basename(file->name);
    char *name = escape_text(base);
    table_addf(table, "%s frame %" G_GUINT64_FORMAT, name, number);
    g_free(name);
    g_free(base);
}

static void write_slowest(const struct text *text)
{
    static const struct table_column columns[] = {
        {.title = "took", .right = true},      {.title = "published", .right = true},
        {.title = "delivered", .right = true}, {.title = "client", .flexible = true},
        {.title = "topic", .flexible = true},
    };
    char buffer[FORMAT_SIZE];
    if (text->report->slowest->len == 0 || text->detail != REPORT_VERBOSE)
        return;
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    for (unsigned i = 0; i < text->report->slowest->len; i++) {
        const struct audit_slow_delivery *slow = audit_report_slow_delivery(text->report, i);
        table_add(table, format_microseconds(buffer, mqtt_microseconds(slow->took)));
        add_frame(text, table, slow->published);
        add_frame(text, table, slow->frame);
        add_name(table, slow->client_identifier.length > 0 ? &slow->client_identifier : NULL);
        add_name(table, &slow->topic);
    }
    text_heading(text, "The slowest deliveries", "");
    text_table(text, table);
}

void text_deliveries(const struct text *text)
{
    const GPtrArray *all = text->report->deliveries;
    const unsigned rows = text_rows(text, all->len, USUAL_DELIVERIES);
    char number[FORMAT_SIZE];
    if (rows == 0)
        return;
    if (rows < all->len)
        text_heading(text, "Deliveries, the worst of ", format_count(number, all->len));
    else
        text_heading(text, "Deliveries", "");
    write_totals(text);
    write_rows(text, rows);
    write_slowest(text);
}

void report_explain_excuse(unsigned excuse, const struct report_text_options *options, FILE *file)
{
    const struct text text = {
        .color = options->color,
        .width = options->width == 0 ? 80 : CLAMP(options->width, 60u, 100u),
        .file = file,
    };
    char *reason =
        g_strdup_printf("Why nothing is said of a delivery that was due and did not come: %s.",
                        audit_excuse_help(excuse));
    fprintf(file, "%s%s%s (an excuse of deliveries)\n", text_on(&text, TEXT_HEADING),
            audit_excuse_name(excuse), text_off(&text));
    text_wrap(&text, TEXT_INDENT, reason);
    fputc('\n', file);
    text_wrap(&text, TEXT_INDENT,
              "Such deliveries are counted under this word, below Deliveries in the text and in "
              "excused in JSON; they are no findings, since they may not be anybody's fault.");
    g_free(reason);
}
