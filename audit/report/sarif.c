/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SARIF 2.1.0: see sarif.h. Sections named below are the standard's. */
#include "audit/report/sarif.h"

#include <inttypes.h>
#include <string.h>

#include "audit/diagnosis/diagnoses.h"
#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "audit/report/json_writer.h"
#include "audit/report/sentences.h"

#define SCHEMA                                                                                     \
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#define FINGERPRINT "mqttscope/v1"

struct sarif {
    struct json_writer json;
    const struct audit_report *report;
    int rules[MQTT_RULES + AUDIT_DIAGNOSES]; /* place among those that are listed; -1: it is not */
    GHashTable *seen; /* rule and client -> how many results they have so far */
    GString *text;
};

/* A text that is made, as `key`, which is cleared then. */
static void put_text(struct sarif *sarif, const char *key)
{
    json_bytes(&sarif->json, key, (const uint8_t *)sarif->text->str, sarif->text->len);
    g_string_truncate(sarif->text, 0);
}

/* A multiformat message (3.12) or a message (3.11) of plain text. */
static void put_message(struct sarif *sarif, const char *key, const char *text)
{
    json_object_begin(&sarif->json, key);
    json_text(&sarif->json, "text", text);
    json_object_end(&sarif->json);
}

/* ---- Rules (3.49): those that have results ---- */

struct rule {
    const char *id, *title, *explanation, *help;
    unsigned severity;
};

static struct rule rule_at(unsigned i)
{
    if (i < MQTT_RULES) {
        const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)i);
        return (struct rule){info->id, info->title, info->explanation, info->explanation,
                             info->severity};
    }
    const struct audit_diagnosis_info *info = audit_diagnosis_info(i - MQTT_RULES);
    return (struct rule){info->id, info->title, info->explanation, info->advice, info->severity};
}

static void put_tags(struct sarif *sarif, unsigned i)
{
    struct json_writer *json = &sarif->json;
    json_array_begin(json, "tags");
    json_text(json, NULL, i < MQTT_RULES ? "finding" : "diagnosis");
    if (i < MQTT_RULES)
        json_text(json, NULL, mqtt_scope_name(mqtt_rule_info((enum mqtt_rule)i)->scope));
    json_array_end(json);
}

static void put_rule(struct sarif *sarif, unsigned i)
{
    struct json_writer *json = &sarif->json;
    const struct rule rule = rule_at(i);
    json_object_begin(json, NULL);
    json_text(json, "id", rule.id);
    put_message(sarif, "shortDescription", rule.title);
    put_message(sarif, "fullDescription", rule.explanation);
    put_message(sarif, "help", rule.help);
    json_object_begin(json, "defaultConfiguration");
    json_text(json, "level", mqtt_severity_name(rule.severity));
    json_object_end(json);
    json_object_begin(json, "properties");
    put_tags(sarif, i);
    json_object_end(json);
    json_object_end(json);
}

static void find_rules(struct sarif *sarif)
{
    const struct audit_report *report = sarif->report;
    bool any[MQTT_RULES + AUDIT_DIAGNOSES] = {false};
    int count = 0;
    for (unsigned i = 0; i < report->findings->len; i++)
        any[audit_report_finding(report, i)->what.rule] = true;
    for (unsigned i = 0; i < report->diagnoses->len; i++)
        any[MQTT_RULES + audit_report_diagnosis(report, i)->id] = true;
    for (unsigned i = 0; i < G_N_ELEMENTS(any); i++)
        sarif->rules[i] = any[i] ? count++ : -1;
}

static void put_tool(struct sarif *sarif)
{
    struct json_writer *json = &sarif->json;
    json_object_begin(json, "tool");
    json_object_begin(json, "driver");
    json_text(json, "name", "mqttscope");
    json_text(json, "version", MQTTSCOPE_VERSION);
    json_text(json, "semanticVersion", MQTTSCOPE_VERSION);
    json_array_begin(json, "rules");
    for (unsigned i = 0; i < G_N_ELEMENTS(sarif->rules); i++)
        if (sarif->rules[i] >= 0)
            put_rule(sarif, i);
    json_array_end(json);
    json_object_end(json);
    json_object_end(json);
}

/* ---- What was read ---- */

/* A URI reference (3.4.3): a path, with all else escaped. */
static void put_location(struct sarif *sarif, const char *key, const char *name, int64_t index)
{
    const bool absolute = g_path_is_absolute(name);
    char *path = g_uri_escape_string(strcmp(name, "-") == 0 ? "standard input" : name, "/", FALSE);
    g_string_printf(sarif->text, "%s%s", absolute ? "file://" : "", path);
    g_free(path);
    json_object_begin(&sarif->json, key);
    put_text(sarif, "uri");
    if (index >= 0)
        json_signed(&sarif->json, "index", index);
    json_object_end(&sarif->json);
}

static void put_artifacts(struct sarif *sarif)
{
    json_array_begin(&sarif->json, "artifacts");
    for (unsigned i = 0; i < sarif->report->capture.files->len; i++) {
        json_object_begin(&sarif->json, NULL);
        put_location(sarif, "location", audit_report_file(sarif->report, i)->name, -1);
        json_object_end(&sarif->json);
    }
    json_array_end(&sarif->json);
}

/* Notifications (3.58): files that were not read to their end, and what the capture lacks. */
static void put_notification(struct sarif *sarif, const char *level)
{
    json_object_begin(&sarif->json, NULL);
    json_text(&sarif->json, "level", level);
    json_object_begin(&sarif->json, "message");
    put_text(sarif, "text");
    json_object_end(&sarif->json);
    json_object_end(&sarif->json);
}

static bool put_problems(struct sarif *sarif)
{
    bool whole = true;
    for (unsigned i = 0; i < sarif->report->capture.files->len; i++) {
        const struct audit_file *file = audit_report_file(sarif->report, i);
        if (file->problem == NULL)
            continue;
        whole = false;
        g_string_assign(sarif->text, file->problem);
        put_notification(sarif, "error");
    }
    return whole;
}

static void put_limits(struct sarif *sarif)
{
    for (unsigned kind = 0; kind < AUDIT_LIMITS; kind++) {
        const struct audit_limit *limit = &sarif->report->capture.limits[kind];
        const struct audit_limit_info *info = audit_limit_info((enum audit_limit_kind)kind);
        if (limit->count == 0)
            continue;
        g_string_printf(sarif->text, "%s: %" PRIu64 " %s; %s", info->kind, limit->count,
                        info->counted, info->consequence);
        put_notification(sarif, "note");
    }
}

static void put_invocation(struct sarif *sarif)
{
    struct json_writer *json = &sarif->json;
    json_array_begin(json, "invocations");
    json_object_begin(json, NULL);
    json_array_begin(json, "toolExecutionNotifications");
    const bool whole = put_problems(sarif);
    put_limits(sarif);
    json_array_end(json);
    json_bool(json, "executionSuccessful", whole);
    json_object_end(json);
    json_array_end(json);
}

/* ---- Results (3.27) ---- */

/* SHA-256 of rule, client and how many results these two had before. */
static void put_fingerprint(struct sarif *sarif, const char *rule, const GString *client)
{
    GString *key = g_string_new(rule);
    char occurrence[24];
    g_string_append_c(key, '\n');
    g_string_append_len(key, client->str, (gssize)client->len);
    const guint before = GPOINTER_TO_UINT(g_hash_table_lookup(sarif->seen, key->str));
    g_hash_table_insert(sarif->seen, g_strdup(key->str), GUINT_TO_POINTER(before + 1));
    g_snprintf(occurrence, sizeof occurrence, "\n%u", before);
    g_string_append(key, occurrence);
    char *hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)key->str, key->len);
    json_object_begin(&sarif->json, "partialFingerprints");
    json_text(&sarif->json, FINGERPRINT, hash);
    json_object_end(&sarif->json);
    g_free(hash);
    g_string_free(key, TRUE);
}

static void begin_result(struct sarif *sarif, unsigned rule, unsigned severity)
{
    json_object_begin(&sarif->json, NULL);
    json_text(&sarif->json, "ruleId", rule_at(rule).id);
    json_signed(&sarif->json, "ruleIndex", sarif->rules[rule]);
    json_text(&sarif->json, "level", mqtt_severity_name(severity));
}

/* Where it is (3.28): the capture, and whose it is. SARIF has no frames; they are properties. */
static void put_locations(struct sarif *sarif, const struct audit_file *file, const GString *client)
{
    struct json_writer *json = &sarif->json;
    const struct audit_report *report = sarif->report;
    if (file == NULL && report->capture.files->len > 0)
        file = audit_report_file(report, 0);
    json_array_begin(json, "locations");
    json_object_begin(json, NULL);
    if (file != NULL) {
        json_object_begin(json, "physicalLocation");
        put_location(sarif, "artifactLocation", file->name, file - audit_report_file(report, 0));
        json_object_end(json);
    }
    if (client->len > 0) {
        json_array_begin(json, "logicalLocations");
        json_object_begin(json, NULL);
        json_text(json, "name", client->str);
        json_text(json, "kind", "client");
        json_object_end(json);
        json_array_end(json);
    }
    json_object_end(json);
    json_array_end(json);
}

static void put_finding(struct sarif *sarif, const struct audit_finding *finding)
{
    struct json_writer *json = &sarif->json;
    const struct audit_report *report = sarif->report;
    GString *client = g_string_new(NULL);
    char time[FORMAT_SIZE];
    uint64_t number = 0;
    const struct audit_file *file = audit_locate(report, finding->what.frame, &number);
    sentence_client(client, finding);
    begin_result(sarif, finding->what.rule,
                 mqtt_rule_info((enum mqtt_rule)finding->what.rule)->severity);
    json_object_begin(json, "message");
    sentence_of_finding(sarif->text, report, finding);
    put_text(sarif, "text");
    json_object_end(json);
    put_locations(sarif, file, client);
    put_fingerprint(sarif, rule_at(finding->what.rule).id, client);
    json_object_begin(json, "properties");
    if (file != NULL)
        json_unsigned(json, "frame", number);
    if (finding->party->stream >= 0)
        json_signed(json, "tcp_stream", finding->party->stream);
    json_text(json, "time", format_time(time, finding->what.time));
    format_filter(sarif->text, report, finding);
    put_text(sarif, "display_filter");
    json_object_end(json);
    json_object_end(json);
    g_string_free(client, TRUE);
}

static void put_diagnosis(struct sarif *sarif, const struct audit_diagnosis *diagnosis)
{
    struct json_writer *json = &sarif->json;
    GString *clients = g_string_new(NULL);
    for (unsigned i = 0; i < diagnosis->clients->len; i++) {
        const struct audit_string *name = g_ptr_array_index(diagnosis->clients, i);
        g_string_append(clients, i > 0 ? ", " : "");
        escape_append(clients, name->bytes, name->length);
    }
    begin_result(sarif, MQTT_RULES + diagnosis->id, diagnosis->severity);
    json_object_begin(json, "message");
    g_string_assign(sarif->text, diagnosis->title);
    put_text(sarif, "text");
    json_object_end(json);
    put_locations(sarif, NULL, clients);
    put_fingerprint(sarif, audit_diagnosis_info(diagnosis->id)->id, clients);
    json_object_begin(json, "properties");
    json_bool(json, "sure", diagnosis->sure);
    json_unsigned(json, "count", diagnosis->count);
    if (format_diagnosis_filter(sarif->text, sarif->report, diagnosis))
        put_text(sarif, "display_filter");
    g_string_truncate(sarif->text, 0);
    json_object_end(json);
    json_object_end(json);
    g_string_free(clients, TRUE);
}

static void put_results(struct sarif *sarif)
{
    const struct audit_report *report = sarif->report;
    json_array_begin(&sarif->json, "results");
    for (unsigned i = 0; i < report->diagnoses->len; i++)
        put_diagnosis(sarif, audit_report_diagnosis(report, i));
    for (unsigned i = 0; i < report->findings->len; i++)
        put_finding(sarif, audit_report_finding(report, i));
    json_array_end(&sarif->json);
}

void report_sarif(const struct audit_report *report, FILE *file)
{
    struct sarif sarif = {
        .json = {.file = file},
        .report = report,
        .seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .text = g_string_new(NULL),
    };
    find_rules(&sarif);
    json_object_begin(&sarif.json, NULL);
    json_text(&sarif.json, "$schema", SCHEMA);
    json_text(&sarif.json, "version", "2.1.0");
    json_array_begin(&sarif.json, "runs");
    json_object_begin(&sarif.json, NULL);
    put_tool(&sarif);
    put_invocation(&sarif);
    put_artifacts(&sarif);
    put_results(&sarif);
    json_object_end(&sarif.json);
    json_array_end(&sarif.json);
    json_object_end(&sarif.json);
    g_hash_table_destroy(sarif.seen);
    g_string_free(sarif.text, TRUE);
}
