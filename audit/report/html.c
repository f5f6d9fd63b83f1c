/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page's data: see html.h. web/src/data.js reads it. */
#include "audit/report/html.h"

#include <string.h>

#include "audit/report/columnar.h"
#include "audit/report/format.h"
#include "audit/report/html_events.h"
#include "audit/report/json.h"

/* What a browser shows without making people wait; the report in JSON has the rest. */
#define CONNECTIONS_MAX 20000u
#define SESSIONS_MAX 20000u
#define FINDINGS_MAX 100000u
#define TOPICS_MAX 10000u
#define DELIVERIES_MAX 10000u

/* The page as bytes, made from page.html at build time; the data comes between them. */
extern const unsigned char report_page[];
extern const size_t report_page_size;

static const char place[] = "{\"mqttscope\":\"data\"}";

struct html {
    FILE *file;
    struct html_events *events;
};

struct html *html_new(FILE *file, unsigned slot)
{
    struct html *html = g_new(struct html, 1);
    *html = (struct html){.file = file, .events = html_events_new(slot)};
    return html;
}

void html_event(struct html *html, const struct audit_event *event)
{
    html_events_take(html->events, event);
}

void html_free(struct html *html)
{
    html_events_free(html->events);
    g_free(html);
}

/* ---- Small parts, as the report in JSON has them ---- */

static void write_row(struct json_writer *json, const struct audit_report *report, const char *key,
                      enum audit_row_kind kind, const void *row)
{
    json_object_begin(json, key);
    report_json_row(json, report, kind, row, NULL);
    json_object_end(json);
}

static void write_diagnoses(struct json_writer *json, const struct audit_report *report)
{
    json_array_begin(json, "diagnoses");
    for (guint i = 0; i < report->diagnoses->len; i++)
        write_row(json, report, NULL, AUDIT_ROW_diagnosis, g_ptr_array_index(report->diagnoses, i));
    json_array_end(json);
}

static void write_rules(struct json_writer *json, const struct audit_report *report)
{
    json_array_begin(json, "rules");
    for (unsigned rule = 0; rule < MQTT_RULES; rule++) {
        const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)rule);
        const struct audit_rule_row row = {info, report->totals.findings_by_rule[rule]};
        if (row.count == 0)
            continue;
        json_object_begin(json, NULL);
        report_json_row(json, report, AUDIT_ROW_rule, &row, NULL);
        json_text(json, "explanation", info->explanation);
        json_text(json, "scope", mqtt_scope_name(info->scope));
        json_bool(json, "at_end", info->at_end);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_slowest(struct json_writer *json, const struct audit_report *report)
{
    json_array_begin(json, "slowest");
    for (guint i = 0; i < report->slowest->len; i++)
        write_row(json, report, NULL, AUDIT_ROW_slow_delivery,
                  g_ptr_array_index(report->slowest, i));
    json_array_end(json);
}

static void write_excuses(struct json_writer *json)
{
    json_object_begin(json, "excuses");
    for (unsigned excuse = 0; excuse < AUDIT_EXCUSES; excuse++)
        json_text(json, audit_excuse_name(excuse), audit_excuse_help(excuse));
    json_object_end(json);
}

/* Histograms of handshakes by kind and beginner, and of deliveries. */
static void write_times(struct json_writer *json, const struct audit_report *report)
{
    static const char *const directions[AUDIT_ROLES] = {"client_to_server", "server_to_client"};
    json_array_begin(json, "times");
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++) {
            const struct audit_handshakes *handshakes = &report->totals.handshakes[role][kind];
            if (handshakes->times == NULL || handshakes->times->count == 0)
                continue;
            json_object_begin(json, NULL);
            json_text(json, "what", mqtt_handshake_kind_name(kind));
            json_text(json, "direction", directions[role]);
            write_row(json, report, "histogram", AUDIT_ROW_histogram, handshakes->times);
            if (handshakes->parts != NULL)
                write_row(json, report, "parts", AUDIT_ROW_parts, handshakes->parts);
            json_object_end(json);
        }
    if (report->totals.delivery_times.count > 0) {
        json_object_begin(json, NULL);
        json_text(json, "what", "delivery");
        json_text(json, "direction", "publisher_to_subscriber");
        write_row(json, report, "histogram", AUDIT_ROW_histogram, &report->totals.delivery_times);
        json_object_end(json);
    }
    json_array_end(json);
}

/* ---- Tables ---- */

/* Client identifiers that a server accepted, as in the report in JSON. */
static GPtrArray *accepted_sessions(const struct audit_report *report)
{
    GPtrArray *accepted = g_ptr_array_new();
    for (guint i = 0; i < report->sessions->len; i++)
        if (audit_report_session(report, i)->accepted > 0)
            g_ptr_array_add(accepted, g_ptr_array_index(report->sessions, i));
    return accepted;
}

static void write_tables(struct json_writer *json, const struct audit_report *report,
                         struct columnar_words *words)
{
    static const char *const connection[] = {"real_client", NULL};
    static const char *const session[] = {"connections", NULL};
    static const char *const finding[] = {"title", "assertions", NULL};
    GPtrArray *sessions = accepted_sessions(report);
    const struct columnar_table tables[] = {
        {"connections", AUDIT_ROW_connection, report->connections, CONNECTIONS_MAX, connection},
        {"sessions", AUDIT_ROW_session, sessions, SESSIONS_MAX, session},
        {"findings", AUDIT_ROW_finding, report->findings, FINDINGS_MAX, finding},
        {"topics", AUDIT_ROW_topic, report->topics, TOPICS_MAX, NULL},
        {"deliveries", AUDIT_ROW_delivery, report->deliveries, DELIVERIES_MAX, NULL},
        {"sparkplug", AUDIT_ROW_sparkplug_node, report->sparkplug, TOPICS_MAX, NULL},
    };
    json_object_begin(json, "tables");
    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++)
        if (tables[i].rows != NULL)
            columnar_write(&tables[i], report, words, json);
    json_object_end(json);
    g_ptr_array_free(sessions, TRUE);
}

static void write_data(const struct html *html, const struct audit_report *report)
{
    struct json_writer json = {.file = html->file, .compact = true, .in_html = true};
    struct columnar_words *words = columnar_words_new();
    const int64_t base = report->capture.has_times ? report->capture.first_time : 0;
    char time[FORMAT_SIZE];
    json_object_begin(&json, NULL);
    json_text(&json, "generator", "mqttscope " MQTTSCOPE_VERSION);
    json_text(&json, "base", format_time(time, base));
    write_row(&json, report, "capture", AUDIT_ROW_capture, &report->capture);
    write_row(&json, report, "totals", AUDIT_ROW_totals, &report->totals);
    write_diagnoses(&json, report);
    write_rules(&json, report);
    write_row(&json, report, "delivery_totals", AUDIT_ROW_delivery_totals, &report->totals);
    write_slowest(&json, report);
    write_excuses(&json);
    write_times(&json, report);
    write_tables(&json, report, words);
    html_events_write(html->events, words, base, &json);
    columnar_words_write(words, &json, "words");
    json_object_end(&json);
    columnar_words_free(words);
}

void html_report(struct html *html, const struct audit_report *report)
{
    const unsigned char *end = report_page + report_page_size, *at = report_page;
    while ((size_t)(end - at) > strlen(place) && memcmp(at, place, strlen(place)) != 0)
        at++;
    fwrite(report_page, 1, (size_t)(at - report_page), html->file);
    write_data(html, report);
    at += strlen(place);
    fwrite(at, 1, (size_t)(end - at), html->file);
}
