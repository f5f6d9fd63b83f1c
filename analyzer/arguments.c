/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands behind options: see arguments.h. */
#include "analyzer/arguments.h"

#include "analyzer/brokers.h"
#include "analyzer/suggest.h"
#include "audit/report/escape.h"
#include "mqtt/wire/topic.h"

#include <string.h>

bool complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    char *printable = escape_text(line);
    fprintf(stderr, "mqttscope: %s\n", printable);
    g_free(printable);
    g_free(line);
    return false;
}

/* The i-th word that stands for a rule, a diagnosis or an excuse; NULL behind the last one. */
static const char *known_id(unsigned i)
{
    if (i < MQTT_RULES)
        return mqtt_rule_info((enum mqtt_rule)i)->id;
    if (i < MQTT_RULES + AUDIT_DIAGNOSES)
        return audit_diagnosis_info(i - MQTT_RULES)->id;
    return audit_excuse_name(i - MQTT_RULES - AUDIT_DIAGNOSES);
}

static const char *known_of(void *user, unsigned i)
{
    const bool *excuses = user;
    return i < MQTT_RULES + AUDIT_DIAGNOSES || *excuses ? known_id(i) : NULL;
}

/* `excuses`: they are ids here, too. */
static bool unknown_id(const char *id, bool excuses)
{
    const unsigned changes = (unsigned)MIN(strlen(id), 256) / 3;
    const char *nearest = suggest(id, changes, known_of, &excuses);
    if (nearest != NULL)
        return complain("no rule '%s'; did you mean '%s'?", id, nearest);
    return complain("no rule '%s' (--rules and --diagnoses list them)", id);
}

/* Sets the rule, or MQTT_RULE_NONE and the diagnosis. */
static bool parse_rule(const char *id, enum mqtt_rule *rule, enum audit_diagnosis_id *diagnosis)
{
    *rule = mqtt_rule_by_id(id);
    *diagnosis = audit_diagnosis_by_id(id);
    if (*rule != MQTT_RULE_NONE || *diagnosis != AUDIT_DIAGNOSES)
        return true;
    return unknown_id(id, false);
}

bool parse_explained(struct options *options, const char *id)
{
    options->explain = mqtt_rule_by_id(id);
    options->explain_diagnosis = audit_diagnosis_by_id(id);
    options->explain_excuse = audit_excuse_by_name(id);
    return options->explain != MQTT_RULE_NONE || options->explain_diagnosis != AUDIT_DIAGNOSES ||
           options->explain_excuse != AUDIT_EXCUSES || unknown_id(id, true);
}

bool parse_rules(struct options *options, const char *list)
{
    bool valid = true;
    char **ids = g_strsplit(list, ",", -1);
    for (char **id = ids; valid && *id != NULL; id++) {
        enum mqtt_rule rule;
        enum audit_diagnosis_id diagnosis;
        valid = parse_rule(*id, &rule, &diagnosis);
        if (valid && rule != MQTT_RULE_NONE)
            options->rules[rule] = true;
        else if (valid)
            options->diagnoses[diagnosis] = true;
    }
    g_strfreev(ids);
    options->only = true;
    return valid;
}

bool parse_severity(const char *name, unsigned *severity)
{
    for (unsigned i = MQTT_NOTE; i <= MQTT_ERROR; i++)
        if (strcmp(name, mqtt_severity_name(i)) == 0) {
            *severity = i;
            return true;
        }
    return complain("--fail-on takes error, warning or note, not '%s'", name);
}

bool parse_color(const char *name, enum color_mode *mode)
{
    static const char *const names[] = {"auto", "always", "never"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (strcmp(name, names[i]) == 0) {
            *mode = (enum color_mode)i;
            return true;
        }
    return complain("--color takes auto, always or never, not '%s'", name);
}

/* "tcp.port==N", and ",mqtt" behind it as tshark has it. */
bool parse_decode_as(struct options *options, const char *text)
{
    static const char prefix[] = "tcp.port==";
    const char *number = text + strlen(prefix);
    char *end;
    if (strncmp(text, prefix, strlen(prefix)) == 0 && g_ascii_isdigit(*number)) {
        guint64 value = g_ascii_strtoull(number, &end, 10);
        if (value > 0 && value <= UINT16_MAX && (*end == '\0' || strcmp(end, ",mqtt") == 0)) {
            uint16_t port = (uint16_t)value;
            g_array_append_val(options->ports, port);
            return true;
        }
    }
    return complain("-d takes tcp.port==N with N from 1 to 65535, not '%s'", text);
}

bool parse_broker(struct options *options, const char *text)
{
    char *wrong = brokers_parse(options->brokers, text);
    if (wrong == NULL)
        return true;
    complain("%s", wrong);
    g_free(wrong);
    return false;
}

/* "512M": bytes. Less than a mebibyte is too little to begin with. */
bool parse_size(const char *text, uint64_t *size)
{
    static const char suffixes[] = "KMG";
    char *end;
    if (g_ascii_isdigit(*text)) {
        guint64 number = g_ascii_strtoull(text, &end, 10);
        const char *suffix = *end != '\0' ? strchr(suffixes, *end) : NULL;
        const unsigned shift = suffix != NULL ? 10 * (unsigned)(suffix - suffixes + 1) : 0;
        if (end[suffix != NULL] == '\0' && number <= UINT64_MAX >> 1 >> shift &&
            number << shift >= 1u << 20) {
            *size = number << shift;
            return true;
        }
    }
    return complain("--memory takes a size of at least 1M, such as 512M or 2G, not '%s'", text);
}

bool parse_topic(const char *text, const char **filter)
{
    const size_t length = strlen(text);
    size_t offset;
    *filter = text;
    if (length <= UINT16_MAX &&
        mqtt_filter_check((struct mqtt_slice){(const uint8_t *)text, (uint32_t)length}, false,
                          &offset) == MQTT_RULE_NONE)
        return true;
    return complain("--topic takes a topic filter, such as plant/# or plant/+/speed, not '%s'",
                    text);
}

bool parse_moment(const char *option, const char *text, struct moment *moment)
{
    if (moment_parse(text, moment))
        return true;
    return complain("%s takes a time, such as 2026-11-22T09:46:20Z, or an offset from the first "
                    "packet, such as 90, 1m30s or 500ms, not '%s'",
                    option, text);
}
