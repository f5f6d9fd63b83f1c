/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers for people: see format.h. */
#include "audit/report/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)

const char *format_time(char text[static FORMAT_SIZE], int64_t time_ns)
{
    int64_t seconds = time_ns / SECOND, rest = time_ns % SECOND;
    if (rest < 0) {
        seconds--;
        rest += SECOND;
    }
    struct tm tm;
    time_t when = (time_t)seconds;
    if (gmtime_r(&when, &tm) == NULL)
        tm = (struct tm){.tm_year = 70, .tm_mday = 1};
    size_t length = strftime(text, FORMAT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + length, FORMAT_SIZE - length, ".%09" PRId64 "Z", rest);
    return text;
}

/* Two neighbouring units: "1 min 40 s". */
static void two_units(char text[static FORMAT_SIZE], const char *sign, uint64_t value,
                      uint64_t unit, const char *large, const char *small)
{
    snprintf(text, FORMAT_SIZE, "%s%" PRIu64 " %s %02" PRIu64 " %s", sign, value / unit, large,
             value % unit, small);
}

/* Thousandths of a unit, at least one of it, in three digits: "1.23 s", "12.3 s", "123 ms". */
static void three_digits(char text[static FORMAT_SIZE], const char *sign, uint64_t thousandths,
                         const char *unit)
{
    unsigned decimals = thousandths < 10000 ? 2 : thousandths < 100000 ? 1 : 0;
    uint64_t divisor = decimals == 2 ? 10 : decimals == 1 ? 100 : 1000;
    uint64_t value = thousandths / divisor, one = 1000 / divisor;
    if (decimals == 0)
        snprintf(text, FORMAT_SIZE, "%s%" PRIu64 " %s", sign, value, unit);
    else
        snprintf(text, FORMAT_SIZE, "%s%" PRIu64 ".%0*" PRIu64 " %s", sign, value / one,
                 (int)decimals, value % one, unit);
}

const char *format_duration(char text[static FORMAT_SIZE], int64_t nanoseconds)
{
    const char *sign = nanoseconds < 0 ? "-" : "";
    uint64_t ns = nanoseconds < 0 ? -(uint64_t)nanoseconds : (uint64_t)nanoseconds;
    uint64_t us = ns / 1000, s = us / 1000000;
    if (us < 1000)
        snprintf(text, FORMAT_SIZE, "%s%" PRIu64 " us", sign, us);
    else if (us < 1000000)
        three_digits(text, sign, us, "ms");
    else if (s < 60)
        three_digits(text, sign, us / 1000, "s");
    else if (s < 3600)
        two_units(text, sign, s, 60, "min", "s");
    else if (s < 86400)
        two_units(text, sign, s / 60, 60, "h", "min");
    else
        two_units(text, sign, s / 3600, 24, "d", "h");
    return text;
}

const char *format_microseconds(char text[static FORMAT_SIZE], uint64_t microseconds)
{
    return format_duration(text, microseconds > INT64_MAX / 1000 ? INT64_MAX
                                                                 : (int64_t)microseconds * 1000);
}

const char *format_count(char text[static FORMAT_SIZE], uint64_t count)
{
    char digits[FORMAT_SIZE];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count), out = 0;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[out++] = ',';
        text[out++] = digits[i];
    }
    text[out] = '\0';
    return text;
}

const char *format_bytes(char text[static FORMAT_SIZE], uint64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        snprintf(text, FORMAT_SIZE, "%" PRIu64 " B", bytes);
        return text;
    }
    unsigned unit = 0;
    uint64_t tenths = bytes / 100;
    for (; tenths >= 10000; unit++)
        tenths /= 1000;
    snprintf(text, FORMAT_SIZE, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
             units[unit]);
    return text;
}

const char *format_role(unsigned sender)
{
    if (sender == MQTT_SENDER_CLIENT)
        return "client";
    return sender == MQTT_SENDER_SERVER ? "server" : NULL;
}

const char *format_handshake(unsigned kind)
{
    static const char *const words[MQTT_HANDSHAKE_KINDS] = {
        [MQTT_HANDSHAKE_QOS_1] = "qos-1",         [MQTT_HANDSHAKE_QOS_2] = "qos-2",
        [MQTT_HANDSHAKE_SUBSCRIBE] = "subscribe", [MQTT_HANDSHAKE_UNSUBSCRIBE] = "unsubscribe",
        [MQTT_HANDSHAKE_CONNECT] = "connect",     [MQTT_HANDSHAKE_PING] = "ping",
    };
    return words[kind];
}

const char *format_endpoint(char text[static FORMAT_SIZE], const struct audit_endpoint *endpoint)
{
    bool bracket = strchr(endpoint->address, ':') != NULL;
    if (endpoint->port == 0) /* all ports of the address */
        snprintf(text, FORMAT_SIZE, "%s", endpoint->address);
    else
        snprintf(text, FORMAT_SIZE, "%s%s%s:%u", bracket ? "[" : "", endpoint->address,
                 bracket ? "]" : "", (unsigned)endpoint->port);
    return text;
}

void format_plural(GString *text, uint64_t count, const char *noun)
{
    char number[FORMAT_SIZE];
    g_string_append_printf(text, "%s %s%s", format_count(number, count), noun,
                           count == 1 ? "" : "s");
}

/* A frame in a finding's detail: its number in the finding's file, if it is there. */
static uint64_t frame_beside(const struct audit_report *report, uint64_t frame, uint64_t beside)
{
    uint64_t number, other;
    const struct audit_file *file = audit_locate(report, frame, &number);
    return file != NULL && file == audit_locate(report, beside, &other) ? number : frame;
}

/* Whether `text` has `word` in it, small and capital letters taken for the same. */
static bool mentions(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (; *text != '\0'; text++)
        if (g_ascii_strncasecmp(text, word, length) == 0)
            return true;
    return false;
}

/* The name of the reason code or packet type that a detail has as its first number; NULL if it has
 * neither, or the specification does not define it. */
static const char *name_of_number(const struct mqtt_finding *what, const char *detail)
{
    uint64_t number = what->values[0];
    if (number > UINT8_MAX)
        return NULL;
    if (strstr(detail, "code is {0x}") != NULL || strstr(detail, "code {0x}") != NULL)
        return mqtt_reason_name((enum mqtt_version)what->version,
                                (enum mqtt_packet_type)what->packet_type, (uint8_t)number);
    if (strstr(detail, "has type {0}") != NULL && number > 0 && number < MQTT_PACKET_TYPES)
        return mqtt_packet_type_name((unsigned)number);
    return NULL;
}

void format_detail(GString *text, const struct audit_report *report,
                   const struct mqtt_finding *finding)
{
    static const char *const frames[] = {"frame {0}", "frame {1}"};
    struct mqtt_finding what = *finding;
    const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)what.rule);
    for (unsigned i = 0; report != NULL && i < G_N_ELEMENTS(frames); i++)
        if (strstr(info->detail, frames[i]) != NULL)
            what.values[i] = frame_beside(report, what.values[i], what.frame);

    if (what.field < MQTT_FIELDS && info->scope == MQTT_SCOPE_PACKET) {
        const char *field = mqtt_field_info((enum mqtt_field)what.field)->name;
        if (!mentions(info->title, field) && !mentions(info->detail, field))
            g_string_append_printf(text, "%s: ", field);
    }
    char detail[512];
    mqtt_finding_detail(&what, detail, sizeof detail);
    g_string_append(text, detail);
    const char *name = name_of_number(&what, info->detail);
    if (name != NULL)
        g_string_append_printf(text, " (%s)", name);
}

void format_filter(GString *text, const struct audit_report *report,
                   const struct audit_finding *finding)
{
    uint64_t number;
    if (audit_locate(report, finding->what.frame, &number) != NULL)
        g_string_append_printf(text, "frame.number == %" PRIu64, number);
    else
        g_string_append_printf(text, "tcp.stream == %" PRId64, finding->party->stream);
}

/* Where Wireshark shows a frame of a diagnosis; 0 if that is not in `*file`, which is set by the
 * first one. */
static uint64_t number_in_file(const struct audit_report *report, uint64_t frame,
                               const struct audit_file **file)
{
    uint64_t number = frame;
    const struct audit_file *of = report != NULL ? audit_locate(report, frame, &number) : NULL;
    if (frame == 0 || (report != NULL && of == NULL) || (*file != NULL && *file != of))
        return 0;
    *file = of;
    return number;
}

bool format_diagnosis_filter(GString *text, const struct audit_report *report,
                             const struct audit_diagnosis *diagnosis)
{
    const struct audit_file *file = NULL;
    GString *frames = g_string_new(NULL);
    unsigned count = 0;
    for (unsigned i = 0; i < diagnosis->evidence->len; i++) {
        const struct audit_evidence *evidence =
            &g_array_index(diagnosis->evidence, struct audit_evidence, i);
        const uint64_t number = number_in_file(report, evidence->frame, &file);
        if (number != 0)
            g_string_append_printf(frames, "%s%" PRIu64, count++ > 0 ? ", " : "", number);
    }
    if (count == 1)
        g_string_append_printf(text, "frame.number == %s", frames->str);
    else if (count > 1)
        g_string_append_printf(text, "frame.number in {%s}", frames->str);
    g_string_free(frames, TRUE);
    return count > 0;
}
