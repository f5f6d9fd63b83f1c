/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report's findings, by rule, the worst first; and the explanation of a rule. */
#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "audit/report/table.h"
#include "audit/report/text_private.h"
#include "audit/sparkplug/assertions.h"
#include "audit/strings.h"

#include <string.h>

#define INDENT 2
#define USUAL_ROWS 5
#define QUIET_ROWS 3
#define CLIENT_WIDTH 28
#define FILTER_FRAMES 12
#define NAMED_CLIENTS 6

/* The findings of each rule, in the order of the capture. */
struct groups {
    GPtrArray *of[MQTT_RULES]; /* const struct audit_finding *; NULL: none listed */
};

static void groups_fill(struct groups *groups, const struct audit_report *report)
{
    *groups = (struct groups){0};
    for (unsigned i = 0; i < report->findings->len; i++) {
        const struct audit_finding *finding = audit_report_finding(report, i);
        GPtrArray **group = &groups->of[finding->what.rule];
        if (*group == NULL)
            *group = g_ptr_array_new();
        g_ptr_array_add(*group, (gpointer)(uintptr_t)finding);
    }
}

static void groups_clear(struct groups *groups)
{
    for (unsigned rule = 0; rule < MQTT_RULES; rule++)
        if (groups->of[rule] != NULL)
            g_ptr_array_free(groups->of[rule], TRUE);
}

static const struct audit_finding *finding_at(const GPtrArray *group, unsigned i)
{
    return (const struct audit_finding *)g_ptr_array_index(group, i);
}

static void append_statement(GString *line, const char *statement, size_t length)
{
    g_string_append_printf(line, "%s%.*s", line->len > 0 ? " " : "", (int)length, statement);
}

/* Appends the statements that a rule stands for in a version, whoever sent the packet; each of them
 * once. */
static void append_statements(GString *line, enum mqtt_rule rule, enum mqtt_version version)
{
    const char *cursor = NULL, *statement;
    size_t length;
    while (mqtt_statement_next(rule, version, MQTT_SENDER_UNKNOWN, &cursor, &statement, &length))
        append_statement(line, statement, length);
}

static bool group_breaks(const GPtrArray *group, enum mqtt_version version, const char *statement)
{
    for (unsigned i = 0; i < group->len; i++) {
        const struct mqtt_finding *what = &finding_at(group, i)->what;
        if (what->version == version && mqtt_finding_breaks(what, statement))
            return true;
    }
    return false;
}

/* The statements that the findings of a group broke: "3.1.1 MQTT-3.1.2-24; 5.0 MQTT-3.1.2-22". */
static char *group_statements(const GPtrArray *group, enum mqtt_rule rule)
{
    GString *all = g_string_new(NULL);
    for (unsigned version = MQTT_VERSION_UNKNOWN + 1; version <= MQTT_VERSION_5_0; version++) {
        const char *cursor = NULL, *statement;
        size_t length;
        GString *line = g_string_new(NULL);
        while (mqtt_statement_next(rule, (enum mqtt_version)version, MQTT_SENDER_UNKNOWN, &cursor,
                                   &statement, &length))
            if (group_breaks(group, (enum mqtt_version)version, statement))
                append_statement(line, statement, length);
        if (line->len > 0)
            g_string_append_printf(all, "%s%s %s", all->len > 0 ? "; " : "",
                                   mqtt_version_name(version), line->str);
        g_string_free(line, TRUE);
    }
    return g_string_free(all, FALSE);
}

/* "by the client", if all findings of a group blame the same; "" if not, or nobody. */
static const char *group_blame(const GPtrArray *group)
{
    enum mqtt_sender all = MQTT_SENDER_UNKNOWN;
    for (unsigned i = 0; i < group->len; i++) {
        const enum mqtt_sender who = mqtt_finding_blames(&finding_at(group, i)->what);
        if (i > 0 && who != all)
            return "";
        all = who;
    }
    if (all == MQTT_SENDER_UNKNOWN)
        return "";
    return all == MQTT_SENDER_CLIENT ? "by the client" : "by the server";
}

static char *client_name(const struct audit_finding *finding)
{
    char endpoint[FORMAT_SIZE];
    if (finding->party->client_identifier != NULL)
        return escape_string(finding->party->client_identifier);
    if (finding->party->connection == NULL)
        return g_strdup("");
    return g_strdup(format_endpoint(
        endpoint,
        &finding->party->connection->endpoints[finding->party->connection->facts.client]));
}

static void add_row(const struct text *text, struct table *table,
                    const struct audit_finding *finding)
{
    char offset[FORMAT_SIZE];
    uint64_t number;
    const struct audit_file *file = audit_locate(text->report, finding->what.frame, &number);
    if (file == NULL) {
        table_add(table, "");
    } else if (text->report->capture.files->len > 1) {
        char *base = g_path_get_basename(file->name);
        char *name = escape_text(base);
        table_addf(table, "%s frame %" G_GUINT64_FORMAT, name, number);
        g_free(name);
        g_free(base);
    } else {
        table_addf(table, "frame %" G_GUINT64_FORMAT, number);
    }
    table_addf(table, "%s s", text_offset(text, offset, finding->what.time));
    if (finding->party->stream >= 0)
        table_addf(table, "stream %" G_GINT64_FORMAT, finding->party->stream);
    else
        table_add(table, "");
    char *client = client_name(finding);
    table_add(table, client);
    g_free(client);
    char *topic = finding->topic != NULL ? escape_string(finding->topic) : g_strdup("");
    table_add(table, topic);
    g_free(topic);
    GString *detail = g_string_new(NULL);
    format_detail(detail, text->report, &finding->what);
    table_add(table, detail->str);
    g_string_free(detail, TRUE);
}

static void write_rows(const struct text *text, const GPtrArray *group, unsigned rows)
{
    static const struct table_column columns[] = {
        {.right = true},    {.right = true},    {.right = false},
        {.flexible = true}, {.flexible = true}, {.wraps = true},
    };
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    for (unsigned i = 0; i < rows; i++)
        add_row(text, table, finding_at(group, i));
    table_write(table, text->file, 2 * INDENT, text->width, "", "");
    table_free(table);
}

/* Whose findings these are, if the rows don't show all of them. */
static void write_clients(const struct text *text, const GPtrArray *group)
{
    GHashTable *seen = g_hash_table_new(audit_string_hash, audit_string_equal);
    GString *line = g_string_new("clients:");
    unsigned named = 0;
    for (unsigned i = 0; i < group->len; i++) {
        const struct audit_string *client = finding_at(group, i)->party->client_identifier;
        if (client == NULL || !g_hash_table_add(seen, (gpointer)(uintptr_t)client) ||
            named == NAMED_CLIENTS)
            continue;
        char *name = escape_string(client);
        escape_cut(name, CLIENT_WIDTH);
        g_string_append_printf(line, "%s %s", named > 0 ? "," : "", name);
        g_free(name);
        named++;
    }
    unsigned more = g_hash_table_size(seen) - named;
    if (more > 0)
        g_string_append_printf(line, " and %u more", more);
    if (named > 0)
        text_wrap(text, 2 * INDENT, line->str);
    g_string_free(line, TRUE);
    g_hash_table_destroy(seen);
}

/* The frames of a group as Wireshark counts them, "17, 33", each of them once. False if they are
 * too many to be named, or not of one file. */
static bool append_frames(GString *line, const struct audit_report *report, const GPtrArray *group,
                          const struct audit_file **file)
{
    unsigned count = 0;
    uint64_t last = 0;
    *file = NULL;
    for (unsigned i = 0; i < group->len; i++) {
        uint64_t number;
        const struct audit_file *of =
            audit_locate(report, finding_at(group, i)->what.frame, &number);
        if (of == NULL || (*file == of && number == last))
            continue;
        if ((*file != NULL && *file != of) || count == FILTER_FRAMES)
            return false;
        g_string_append_printf(line, "%s%" G_GUINT64_FORMAT, count > 0 ? ", " : "", number);
        *file = of;
        last = number;
        count++;
    }
    return count > 0;
}

/* What shows these frames in Wireshark: their numbers if they are few, and need no plugin; else the
 * rule, unless the plugin does not know it. */
static char *group_filter(const struct audit_report *report, const GPtrArray *group,
                          enum mqtt_rule rule)
{
    GString *line = g_string_new(NULL), *frames = g_string_new(NULL);
    const struct audit_file *file;
    const bool few = append_frames(frames, report, group, &file);
    if (!few && mqtt_rule_info(rule)->analyzer_alone)
        g_string_printf(line, "the frames above (-v lists all)");
    else if (!few)
        g_string_printf(line, "mqttscope.rule == \"%s\" (with the plugin)",
                        mqtt_rule_info(rule)->id);
    else if (strchr(frames->str, ',') != NULL)
        g_string_printf(line, "frame.number in {%s}", frames->str);
    else
        g_string_printf(line, "frame.number == %s", frames->str);
    g_string_free(frames, TRUE);
    return g_string_free(line, FALSE);
}

static void write_group(const struct text *text, enum mqtt_rule rule, const GPtrArray *group)
{
    const struct mqtt_rule_info *info = mqtt_rule_info(rule);
    char number[FORMAT_SIZE];
    uint64_t count = text->report->totals.findings_by_rule[rule];
    char *times = count > 1 ? g_strdup_printf(" x %s", format_count(number, count)) : g_strdup("");
    fprintf(text->file, "\n%s%s%s %s%s%s%s:", text_on(text, text_severity(info->severity)),
            mqtt_severity_name(info->severity), text_off(text), text_on(text, TEXT_HEADING),
            info->id, text_off(text), times);
    if (strlen(mqtt_severity_name(info->severity)) + strlen(info->id) + strlen(times) +
            strlen(info->title) + strlen(" : ") <=
        text->width) {
        fprintf(text->file, " %s\n", info->title);
    } else {
        fputc('\n', text->file);
        text_wrap(text, INDENT, info->title);
    }
    g_free(times);
    if (group == NULL)
        return;

    char *statements = group_statements(group, rule);
    const char *blame = group_blame(group);
    if (statements[0] != '\0' || blame[0] != '\0') {
        char *line = g_strdup_printf("%s%s%s", statements,
                                     statements[0] != '\0' && blame[0] != '\0' ? ", " : "", blame);
        fputs(text_on(text, TEXT_FAINT), text->file);
        text_wrap(text, 2 * INDENT, line);
        fputs(text_off(text), text->file);
        g_free(line);
    }
    g_free(statements);

    unsigned rows =
        text_rows(text, group->len, text->detail == REPORT_QUIET ? QUIET_ROWS : USUAL_ROWS);
    write_rows(text, group, rows);
    if (count > rows) {
        text_more(text, 2 * INDENT, count - rows);
        write_clients(text, group);
    }
    char *filter = group_filter(text->report, group, rule);
    fprintf(text->file, "%*s%sWireshark: %s%s\n", 2 * INDENT, "", text_on(text, TEXT_FAINT), filter,
            text_off(text));
    g_free(filter);
}

void text_findings(const struct text *text)
{
    struct groups groups;
    groups_fill(&groups, text->report);
    for (unsigned severity = 3; severity-- > 0;)
        for (unsigned rule = 0; rule < MQTT_RULES; rule++)
            if (mqtt_rule_info((enum mqtt_rule)rule)->severity == severity &&
                text->report->totals.findings_by_rule[rule] > 0)
                write_group(text, (enum mqtt_rule)rule, groups.of[rule]);
    groups_clear(&groups);
}

static void explain_statements(const struct text *text, enum mqtt_rule rule,
                               enum mqtt_version version)
{
    GString *line = g_string_new(NULL);
    append_statements(line, rule, version);
    fprintf(text->file, "  MQTT %-6s %s\n", mqtt_version_name(version),
            line->len > 0 ? line->str : "no numbered statement");
    g_string_free(line, TRUE);
}

void report_explain(enum mqtt_rule rule, const struct report_text_options *options, FILE *file)
{
    const struct mqtt_rule_info *info = mqtt_rule_info(rule);
    const struct text text = {
        .color = options->color,
        .width = options->width == 0 ? 80 : CLAMP(options->width, 60u, 100u),
        .file = file,
    };
    fprintf(file, "%s%s%s (%s%s%s, seen in one %s%s)\n", text_on(&text, TEXT_HEADING), info->id,
            text_off(&text), text_on(&text, text_severity(info->severity)),
            mqtt_severity_name(info->severity), text_off(&text), mqtt_scope_name(info->scope),
            info->at_end           ? ", when it ends"
            : info->analyzer_alone ? ", by the analyzer alone"
                                   : "");
    text_wrap(&text, 2, info->title);
    fputc('\n', file);
    text_wrap(&text, 2, info->explanation);
    fputc('\n', file);
    if (sparkplug_assertions(rule) != NULL) {
        fputs("  Sparkplug 3.0\n", file);
        text_wrap(&text, 4, sparkplug_assertions(rule));
    } else {
        explain_statements(&text, rule, MQTT_VERSION_3_1_1);
        explain_statements(&text, rule, MQTT_VERSION_5_0);
    }
    fputc('\n', file);
    if (info->analyzer_alone)
        text_wrap(
            &text, 2,
            info->at_end
                ? "Wireshark, which shows packet by packet, can't say this: the report names "
                  "the frames."
                : "Wireshark, which does not tell its dissectors of MQTT what it takes, can't "
                  "say this: the report names the frames.");
    else
        fprintf(file, "  Wireshark, with the plugin: mqttscope.rule == \"%s\"\n", info->id);
}
