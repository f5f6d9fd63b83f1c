/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report's tables for those who ask for all: what TCP tells, and how connections differ.
 */
#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "audit/report/text_private.h"
#include "mqtt/facts/time.h"

/* ---- TCP, by connection and sender ---- */

static void add_duration(struct table *table, bool known, uint64_t microseconds)
{
    char buffer[FORMAT_SIZE];
    table_add(table, known ? format_microseconds(buffer, microseconds) : "-");
}

static void add_round_trips(struct table *table, const struct audit_packed_histogram *packed)
{
    struct audit_histogram times = {0};
    audit_histogram_merge_packed(&times, packed);
    add_duration(table, packed != NULL, times.minimum);
    add_duration(table, packed != NULL, audit_histogram_percentile(&times, 50));
    add_duration(table, packed != NULL, times.maximum);
    audit_histogram_clear(&times);
}

static void add_sender(struct table *table, const struct audit_connection *connection,
                       enum audit_role role)
{
    const unsigned client = connection->facts.client;
    const unsigned side = role == AUDIT_CLIENT ? client : 1 - client;
    const struct audit_transport *of = &connection->facts.transport[side];
    char buffer[FORMAT_SIZE];
    if (role != AUDIT_CLIENT)
        table_add(table, "");
    else if (connection->stream >= 0)
        table_addf(table, "%" G_GINT64_FORMAT, connection->stream);
    else
        table_addf(table, "#%" G_GUINT64_FORMAT, connection->id);
    char *name = connection->client_identifier != NULL && role == AUDIT_CLIENT
                     ? escape_string(connection->client_identifier)
                     : g_strdup(role == AUDIT_CLIENT ? "?" : "");
    table_add(table, name);
    g_free(name);
    table_add(table, role == AUDIT_CLIENT ? "client" : "server");
    text_add_count(table, of->segments);
    add_round_trips(table, connection->round_trips[side]);
    text_add_count(table, of->retransmitted);
    table_add(table,
              of->retransmitted_bytes > 0 ? format_bytes(buffer, of->retransmitted_bytes) : "-");
    text_add_count(table, of->timeouts);
    text_add_count(table, of->fast_retransmissions);
    text_add_count(table, of->longest_run);
    text_add_count(table, of->zero_window_spans);
    add_duration(table, of->zero_window_spans > 0, mqtt_microseconds(of->longest_zero_window_ns));
    text_add_count(table, of->gaps);
}

void text_transport(const struct text *text)
{
    static const struct table_column columns[] = {
        {.title = "stream", .right = true},
        {.title = "client", .flexible = true},
        {.title = "sender"},
        {.title = "segments", .right = true, .drop = 7},
        {.title = "RTT min", .right = true},
        {.title = "p50", .right = true, .drop = 3},
        {.title = "max", .right = true, .drop = 4},
        {.title = "resent", .right = true},
        {.title = "bytes", .right = true, .drop = 6},
        {.title = "timeouts", .right = true},
        {.title = "fast", .right = true, .drop = 5},
        {.title = "in a row", .right = true, .drop = 2},
        {.title = "full", .right = true},
        {.title = "longest", .right = true, .drop = 1},
        {.title = "gaps", .right = true},
    };
    const struct audit_report *report = text->report;
    if (text->detail != REPORT_VERBOSE || report->connections->len == 0)
        return;
    text_heading(text, "TCP: round trips, what was sent again, full receive windows", "");
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    for (unsigned i = 0; i < report->connections->len; i++) {
        add_sender(table, audit_report_connection(report, i), AUDIT_CLIENT);
        add_sender(table, audit_report_connection(report, i), AUDIT_SERVER);
    }
    text_table(text, table);
}

/* ---- Handshakes, in parts ---- */

static void add_times(struct table *table, const struct audit_histogram *times)
{
    static const struct audit_histogram none;
    if (times == NULL)
        times = &none;
    add_duration(table, times->count > 0, audit_histogram_percentile(times, 50));
    add_duration(table, times->count > 0, audit_histogram_percentile(times, 95));
    add_duration(table, times->count > 0, times->maximum);
}

static void add_parts(struct table *table, const struct text_handshake *row,
                      const struct audit_parts *parts, unsigned answer)
{
    table_add(table, mqtt_handshake_kind_name(row->kind));
    table_add(table, row->direction);
    table_add(table, mqtt_packet_type_name(mqtt_handshake_leg_type(row->kind, answer)));
    text_add_count(table, parts->split);
    text_add_count(table, parts->unsplit);
    add_times(table, parts->wires);
    add_times(table, parts->receivers);
}

void text_parts(const struct text *text)
{
    static const struct table_column columns[] = {
        {.title = ""},
        {.title = ""},
        {.title = "until"},
        {.title = "split", .right = true},
        {.title = "not", .right = true, .drop = 2},
        {.title = "wire p50", .right = true},
        {.title = "p95", .right = true, .drop = 3},
        {.title = "max", .right = true, .drop = 1},
        {.title = "receiver p50", .right = true},
        {.title = "p95", .right = true, .drop = 3},
        {.title = "max", .right = true, .drop = 1},
    };
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    bool any = false;
    for (unsigned i = 0; text->detail == REPORT_VERBOSE && i < TEXT_HANDSHAKES; i++) {
        const struct text_handshake *row = &text_handshake_rows[i];
        const struct audit_parts *parts =
            text->report->totals.handshakes[row->role][row->kind].parts;
        for (unsigned part = 0; part < 2 && parts != NULL; part++) {
            if (part == 1 && row->kind != MQTT_HANDSHAKE_QOS_2)
                continue;
            if (parts[part].split + parts[part].unsplit == 0)
                continue;
            add_parts(table, row, &parts[part], 2 * part + 1);
            any = true;
        }
    }
    if (!any) {
        table_free(table);
        return;
    }
    text_heading(text, "Of that, until TCP acknowledged the request, and the receiver behind it",
                 "");
    text_table(text, table);
}

/* ---- How connections differ ---- */

static const struct {
    const char *title;
    uint64_t end; /* microseconds */
} spans[] = {
    {"<1 ms", 1000},       {"<10 ms", 10000},    {"<100 ms", 100000},    {"<1 s", 1000000},
    {"<10 s", 10000000},   {"<1 min", 60000000}, {"<10 min", 600000000}, {"<1 h", 3600000000},
    {"<1 d", 86400000000}, {"more", UINT64_MAX},
};

static void add_histogram(struct table *table, const char *name, const char *of,
                          const struct audit_histogram *histogram)
{
    uint64_t before = 0;
    if (histogram->count == 0)
        return;
    table_add(table, name);
    table_add(table, of);
    for (unsigned i = 0; i < G_N_ELEMENTS(spans); i++) {
        const uint64_t below = spans[i].end == UINT64_MAX
                                   ? histogram->count
                                   : audit_histogram_below(histogram, spans[i].end);
        text_add_count(table, below - before);
        before = below;
    }
    add_duration(table, true, audit_histogram_percentile(histogram, 50));
    add_duration(table, true, histogram->maximum);
}

void text_histograms(const struct text *text)
{
    const struct audit_histograms *of = &text->report->totals.histograms;
    struct table_column columns[G_N_ELEMENTS(spans) + 4] = {{.title = ""}, {.title = ""}};
    if (text->detail != REPORT_VERBOSE || text->report->totals.connections == 0)
        return;
    for (unsigned i = 0; i < G_N_ELEMENTS(spans); i++)
        columns[i + 2] = (struct table_column){.title = spans[i].title, .right = true};
    columns[G_N_ELEMENTS(spans) + 2] =
        (struct table_column){.title = "p50", .right = true, .drop = 2};
    columns[G_N_ELEMENTS(spans) + 3] =
        (struct table_column){.title = "max", .right = true, .drop = 1};
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    add_histogram(table, "lasted", "", &of->lifetimes);
    add_histogram(table, "connected again", "", &of->intervals);
    add_histogram(table, "longest silence", "", &of->silences);
    for (unsigned cause = 0; cause < MQTT_END_CAUSES; cause++)
        add_histogram(table, "idle at the end", text_end_words(cause), &of->idle[cause]);
    add_histogram(table, "round trip", "client", &of->round_trips[AUDIT_CLIENT]);
    add_histogram(table, "round trip", "server", &of->round_trips[AUDIT_SERVER]);
    text_heading(text, "How many were how long", "");
    text_table(text, table);
}
