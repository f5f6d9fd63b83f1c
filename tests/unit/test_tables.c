/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mqtt/facts/tables.h: the look-ups, and what every row of the .def files has to hold to. */
#include "suite.h"

#include "mqtt/facts/tables.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- Names ---- */

static const char *const type_names[] = {
    "reserved", "CONNECT",  "CONNACK",    "PUBLISH", "PUBACK",      "PUBREC",
    "PUBREL",   "PUBCOMP",  "SUBSCRIBE",  "SUBACK",  "UNSUBSCRIBE", "UNSUBACK",
    "PINGREQ",  "PINGRESP", "DISCONNECT", "AUTH",
};

START_TEST(packet_types_have_names)
{
    ck_assert_str_eq(mqtt_packet_type_name((unsigned)_i), type_names[_i]);
}
END_TEST

START_TEST(small_enumerations_have_names)
{
    ck_assert_str_eq(mqtt_packet_type_name(16), "reserved");
    ck_assert_str_eq(mqtt_version_name(MQTT_VERSION_3_1), "3.1");
    ck_assert_str_eq(mqtt_version_name(MQTT_VERSION_3_1_1), "3.1.1");
    ck_assert_str_eq(mqtt_version_name(MQTT_VERSION_5_0), "5.0");
    ck_assert_str_eq(mqtt_version_name(MQTT_VERSION_UNKNOWN), "unknown");
    ck_assert_str_eq(mqtt_version_name(6), "unknown");
    ck_assert_str_eq(mqtt_severity_name(MQTT_NOTE), "note");
    ck_assert_str_eq(mqtt_severity_name(MQTT_WARNING), "warning");
    ck_assert_str_eq(mqtt_severity_name(MQTT_ERROR), "error");
    ck_assert_str_eq(mqtt_scope_name(MQTT_SCOPE_PACKET), "packet");
    ck_assert_str_eq(mqtt_scope_name(MQTT_SCOPE_CONNECTION), "connection");
    ck_assert_str_eq(mqtt_scope_name(MQTT_SCOPE_SESSION), "session");
}
END_TEST

/* 5.0: table 2-6; 3.1.1: tables 3.1 and 3.9.3. One code can mean different things. */
static const struct reason_name_row {
    enum mqtt_version version;
    enum mqtt_packet_type type;
    uint8_t code;
    const char *name; /* NULL: not defined there */
} reason_names[] = {
    {MQTT_VERSION_5_0, MQTT_CONNACK, 0x00, "Success"},
    {MQTT_VERSION_5_0, MQTT_DISCONNECT, 0x00, "Normal disconnection"},
    {MQTT_VERSION_5_0, MQTT_SUBACK, 0x00, "Granted QoS 0"},
    {MQTT_VERSION_5_0, MQTT_SUBACK, 0x02, "Granted QoS 2"},
    {MQTT_VERSION_5_0, MQTT_DISCONNECT, 0x04, "Disconnect with Will Message"},
    {MQTT_VERSION_5_0, MQTT_CONNACK, 0x04, NULL},
    {MQTT_VERSION_5_0, MQTT_PUBACK, 0x10, "No matching subscribers"},
    {MQTT_VERSION_5_0, MQTT_UNSUBACK, 0x11, "No subscription existed"},
    {MQTT_VERSION_5_0, MQTT_AUTH, 0x18, "Continue authentication"},
    {MQTT_VERSION_5_0, MQTT_AUTH, 0x19, "Re-authenticate"},
    {MQTT_VERSION_5_0, MQTT_CONNACK, 0x8a, "Banned"},
    {MQTT_VERSION_5_0, MQTT_PUBREL, 0x92, "Packet Identifier not found"},
    {MQTT_VERSION_5_0, MQTT_PUBACK, 0x92, NULL},
    {MQTT_VERSION_5_0, MQTT_DISCONNECT, 0xa2, "Wildcard Subscriptions not supported"},
    {MQTT_VERSION_5_0, MQTT_PINGREQ, 0x00, NULL},
    {MQTT_VERSION_3_1_1, MQTT_CONNACK, 0, "Connection accepted"},
    {MQTT_VERSION_3_1_1, MQTT_CONNACK, 5, "Refused: not authorized"},
    {MQTT_VERSION_3_1_1, MQTT_CONNACK, 6, NULL},
    {MQTT_VERSION_3_1, MQTT_CONNACK, 2, "Refused: identifier rejected"},
    {MQTT_VERSION_3_1_1, MQTT_SUBACK, 0x80, "Failure"},
    {MQTT_VERSION_3_1_1, MQTT_SUBACK, 0x87, NULL},
    {MQTT_VERSION_3_1_1, MQTT_PUBACK, 0, NULL},
};

START_TEST(reason_codes_have_names)
{
    const struct reason_name_row *row = &reason_names[_i];
    const char *name = mqtt_reason_name(row->version, row->type, row->code);
    if (row->name == NULL)
        ck_assert_ptr_null(name);
    else
        ck_assert_str_eq(name, row->name);
}
END_TEST

START_TEST(senders_have_reason_codes_of_their_own)
{
    ck_assert(mqtt_reason_allowed(MQTT_DISCONNECT, 0x04, MQTT_SENDER_CLIENT));
    ck_assert(!mqtt_reason_allowed(MQTT_DISCONNECT, 0x04, MQTT_SENDER_SERVER));
    ck_assert(!mqtt_reason_allowed(MQTT_DISCONNECT, 0x8e, MQTT_SENDER_CLIENT));
    ck_assert(mqtt_reason_allowed(MQTT_DISCONNECT, 0x8e, MQTT_SENDER_SERVER));
    ck_assert(mqtt_reason_allowed(MQTT_DISCONNECT, 0x8e, MQTT_SENDER_UNKNOWN));
    ck_assert(!mqtt_reason_allowed(MQTT_DISCONNECT, 0x01, MQTT_SENDER_UNKNOWN));
}
END_TEST

/* ---- Properties ---- */

START_TEST(properties_are_found_by_their_number)
{
    unsigned found = 0;
    for (uint32_t number = 0; number < 300; number++) {
        const enum mqtt_property property = mqtt_property_by_number(number);
        if (property == MQTT_PROPERTIES)
            continue;
        ck_assert_uint_eq(mqtt_property_info(property)->number, number);
        found++;
    }
    ck_assert_uint_eq(found, 27);
    ck_assert_uint_eq(found, MQTT_PROPERTIES);
    ck_assert_int_eq(mqtt_property_by_number(UINT32_MAX), MQTT_PROPERTIES);
}
END_TEST

START_TEST(property_rows_are_sound)
{
    for (unsigned i = 0; i < MQTT_PROPERTIES; i++) {
        const struct mqtt_property_info *info = mqtt_property_info((enum mqtt_property)i);
        const struct mqtt_field_info *field =
            mqtt_field_info((enum mqtt_field)(MQTT_FIELD_PROPERTY_PAYLOAD_FORMAT_INDICATOR + i));
        ck_assert_uint_ne(info->packets, 0);
        ck_assert_uint_eq(info->repeatable & ~(unsigned)info->packets, 0);
        ck_assert_uint_le(info->minimum, info->maximum);
        ck_assert_str_eq(field->name, info->name);
        ck_assert(field->variable == (info->type == MQTT_TYPE_VARIABLE));
    }
}
END_TEST

/* ---- Fields ---- */

START_TEST(field_rows_are_sound)
{
    for (unsigned i = 0; i < MQTT_FIELDS; i++) {
        const struct mqtt_field_info *info = mqtt_field_info((enum mqtt_field)i);
        ck_assert_uint_gt(strlen(info->name), 0);
        ck_assert_msg(strlen(info->help) > 0, "%s", info->id);
        ck_assert_msg(strncmp(info->abbreviation, "mqtt.", 5) == 0, "%s", info->id);
        ck_assert_msg(strspn(info->abbreviation, "abcdefghijklmnopqrstuvwxyz0123456789_.") ==
                          strlen(info->abbreviation),
                      "%s", info->id);
        /* 3.1 leaves a whole byte unused. */
        const bool whole_byte = i == MQTT_FIELD_CONNACK_UNUSED;
        ck_assert_msg(info->kind != MQTT_KIND_BOOLEAN || (info->mask == 0) == whole_byte, "%s",
                      info->id);
        ck_assert_msg(info->mask == 0 || info->kind == MQTT_KIND_BOOLEAN ||
                          info->kind == MQTT_KIND_UINT8,
                      "%s", info->id);
        const bool number = info->kind >= MQTT_KIND_UINT8 && info->kind <= MQTT_KIND_UINT64;
        ck_assert_msg(number == (info->display != MQTT_DISPLAY_NONE), "%s", info->id);
        ck_assert_msg(info->values == NULL || number, "%s", info->id);
    }
}
END_TEST

/* A filter on an abbreviation means one thing, whichever row it comes from. */
START_TEST(shared_abbreviations_have_one_kind)
{
    for (unsigned i = 0; i < MQTT_FIELDS; i++) {
        const struct mqtt_field_info *a = mqtt_field_info((enum mqtt_field)i);
        for (unsigned j = 0; j < i; j++) {
            const struct mqtt_field_info *b = mqtt_field_info((enum mqtt_field)j);
            const bool other_bits = a->mask != b->mask && i != MQTT_FIELD_CONNACK_UNUSED &&
                                    j != MQTT_FIELD_CONNACK_UNUSED;
            if (strcmp(a->abbreviation, b->abbreviation) == 0)
                ck_assert_msg(a->kind == b->kind && !other_bits, "%s, %s", a->id, b->id);
        }
    }
}
END_TEST

/* Numbers that no byte can have fill the rows of codes that a packet does not know. */
START_TEST(value_tables_have_no_number_twice)
{
    for (unsigned i = 0; i < MQTT_FIELDS; i++) {
        const struct mqtt_value *values = mqtt_field_info((enum mqtt_field)i)->values;
        for (size_t j = 0; values != NULL && values[j].name != NULL; j++)
            for (size_t k = 0; k < j; k++)
                ck_assert_msg(values[j].value > 0xff || values[j].value != values[k].value,
                              "%s: %u", mqtt_field_info((enum mqtt_field)i)->id, values[j].value);
    }
}
END_TEST

/* ---- Rules ---- */

START_TEST(rules_are_found_by_their_id)
{
    for (unsigned i = 0; i < MQTT_RULES; i++) {
        const char *id = mqtt_rule_info((enum mqtt_rule)i)->id;
        ck_assert_msg(strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(id), "%s", id);
        ck_assert_msg(mqtt_rule_by_id(id) == (enum mqtt_rule)i, "%s stands twice", id);
    }
    ck_assert_int_eq(mqtt_rule_by_id("no-such-rule"), MQTT_RULE_NONE);
    ck_assert_int_eq(mqtt_rule_by_id(""), MQTT_RULE_NONE);
}
END_TEST

/* Details have no places but {0} and {1}, with an x or a u at most. */
static bool places_are_sound(const char *detail)
{
    for (const char *at = detail; *at != '\0'; at++) {
        if (*at == '}')
            return false;
        if (*at != '{')
            continue;
        const size_t closing = at[2] == 'x' || at[2] == 'u' ? 3 : 2;
        if ((at[1] != '0' && at[1] != '1') || at[closing] != '}')
            return false;
        at += closing;
    }
    return true;
}

START_TEST(rule_rows_are_sound)
{
    for (unsigned i = 0; i < MQTT_RULES; i++) {
        const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)i);
        const size_t title = strlen(info->title);
        ck_assert_uint_le(info->severity, MQTT_ERROR);
        ck_assert_uint_le(info->scope, MQTT_SCOPE_SESSION);
        ck_assert_msg(title > 0 && title <= 90 && info->title[title - 1] != '.', "%s", info->id);
        ck_assert_msg(strlen(info->explanation) > 0 &&
                          info->explanation[strlen(info->explanation) - 1] == '.',
                      "%s", info->id);
        ck_assert_msg(places_are_sound(info->detail), "%s: %s", info->id, info->detail);
        ck_assert_msg(info->scope != MQTT_SCOPE_PACKET || !info->at_end, "%s", info->id);
    }
}
END_TEST

/* ---- Statements ---- */

/* "MQTT-3.1.2-24" */
static bool is_statement(const char *text, size_t length)
{
    unsigned a, b, c, d;
    int end = 0;
    char copy[32];
    if (length >= sizeof(copy))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return sscanf(copy, "MQTT-%u.%u.%u-%u%n", &a, &b, &c, &d, &end) == 4 && (size_t)end == length &&
           a >= 1 && a <= 6 && d >= 1;
}

static size_t count_statements(enum mqtt_rule rule, enum mqtt_version version,
                               enum mqtt_sender sender)
{
    const char *cursor = NULL;
    const char *statement;
    size_t length;
    size_t count = 0;
    while (mqtt_statement_next(rule, version, sender, &cursor, &statement, &length)) {
        ck_assert_msg(is_statement(statement, length), "%s: %.*s", mqtt_rule_info(rule)->id,
                      (int)length, statement);
        count++;
    }
    return count;
}

START_TEST(statements_are_well_formed)
{
    for (unsigned i = 0; i < MQTT_RULES; i++) {
        const enum mqtt_rule rule = (enum mqtt_rule)i;
        for (unsigned version = MQTT_VERSION_3_1; version <= MQTT_VERSION_5_0; version++) {
            const enum mqtt_version v = (enum mqtt_version)version;
            const size_t all = count_statements(rule, v, MQTT_SENDER_UNKNOWN);
            const size_t client = count_statements(rule, v, MQTT_SENDER_CLIENT);
            const size_t server = count_statements(rule, v, MQTT_SENDER_SERVER);
            ck_assert(client <= all && server <= all && client + server >= all);
            if (v == MQTT_VERSION_3_1)
                ck_assert_uint_eq(all, 0);
        }
    }
}
END_TEST

static void assert_only(enum mqtt_sender sender, const char *expected)
{
    const char *cursor = NULL;
    const char *statement;
    size_t length;
    ck_assert(mqtt_statement_next(MQTT_RULE_PACKET_IDENTIFIER_ZERO, MQTT_VERSION_5_0, sender,
                                  &cursor, &statement, &length));
    ck_assert(strlen(expected) == length && memcmp(statement, expected, length) == 0);
    ck_assert(!mqtt_statement_next(MQTT_RULE_PACKET_IDENTIFIER_ZERO, MQTT_VERSION_5_0, sender,
                                   &cursor, &statement, &length));
    /* the end stays the end */
    ck_assert(!mqtt_statement_next(MQTT_RULE_PACKET_IDENTIFIER_ZERO, MQTT_VERSION_5_0, sender,
                                   &cursor, &statement, &length));
}

START_TEST(statements_depend_on_the_sender)
{
    assert_only(MQTT_SENDER_CLIENT, "MQTT-2.2.1-3");
    assert_only(MQTT_SENDER_SERVER, "MQTT-2.2.1-4");
    ck_assert_uint_eq(
        count_statements(MQTT_RULE_PACKET_IDENTIFIER_ZERO, MQTT_VERSION_5_0, MQTT_SENDER_UNKNOWN),
        2);
}
END_TEST

/* A column has no statement twice, and its words are known ones: each applies somewhere. */
static void assert_column(enum mqtt_rule rule, enum mqtt_version version)
{
    const char *seen[64];
    size_t lengths[64];
    size_t count = 0;
    const struct mqtt_rule_info *info = mqtt_rule_info(rule);
    const char *column =
        version == MQTT_VERSION_5_0 ? info->statements_5_0 : info->statements_3_1_1;
    size_t words = column[0] != '\0';
    for (const char *at = column; (at = strchr(at, ' ')) != NULL; at++)
        words++;
    const char *cursor = NULL;
    const char *statement;
    size_t length;
    while (mqtt_statement_next(rule, version, MQTT_SENDER_UNKNOWN, &cursor, &statement, &length)) {
        for (size_t i = 0; i < count; i++)
            ck_assert_msg(lengths[i] != length || memcmp(seen[i], statement, length) != 0,
                          "%s: %.*s", info->id, (int)length, statement);
        ck_assert_uint_lt(count, 64);
        seen[count] = statement;
        lengths[count++] = length;
    }
    ck_assert_msg(count == words, "%s: a word of \"%s\" is not known", info->id, column);
}

START_TEST(columns_of_statements_are_sound)
{
    for (unsigned rule = 0; rule < MQTT_RULES; rule++) {
        assert_column((enum mqtt_rule)rule, MQTT_VERSION_3_1_1);
        assert_column((enum mqtt_rule)rule, MQTT_VERSION_5_0);
    }
}
END_TEST

static const struct circumstance_row {
    const char *statement; /* as in rules.def */
    struct mqtt_circumstances in;
    bool applies;
} circumstance_rows[] = {
    {"MQTT-1.0.0-1", {.field = MQTT_FIELDS}, true},
    {"MQTT-1.0.0-1/c", {.sender = MQTT_SENDER_CLIENT}, true},
    {"MQTT-1.0.0-1/c", {.sender = MQTT_SENDER_SERVER}, false},
    {"MQTT-1.0.0-1/c MQTT-1.0.0-2/s", {.sender = MQTT_SENDER_SERVER}, false},
    {"MQTT-1.0.0-1/PUBACK", {.packet_type = MQTT_PUBACK}, true},
    {"MQTT-1.0.0-1/PUBACK", {.packet_type = MQTT_PUBREC}, false},
    {"MQTT-1.0.0-1/PUBACK", {.packet_type = 0}, true},
    {"MQTT-1.0.0-1/PUBACK/PUBREC", {.packet_type = MQTT_PUBREC}, true},
    {"MQTT-1.0.0-1/PUBACK/c", {.packet_type = MQTT_PUBACK, .sender = MQTT_SENDER_SERVER}, false},
    {"MQTT-1.0.0-1/c/PUBACK", {.packet_type = MQTT_PUBACK, .sender = MQTT_SENDER_CLIENT}, true},
    {"MQTT-1.0.0-1/c/PUBACK", {.packet_type = MQTT_PUBREC, .sender = MQTT_SENDER_CLIENT}, false},
    {"MQTT-1.0.0-1/QOS_1", {.qos = 1}, true},
    {"MQTT-1.0.0-1/QOS_1", {.qos = 2}, false},
    {"MQTT-1.0.0-1/AWAITS_PUBACK", {.awaits = MQTT_PUBACK}, true},
    {"MQTT-1.0.0-1/AWAITS_PUBACK", {.awaits = MQTT_PUBREC}, false},
    {"MQTT-1.0.0-1/AWAITS_PUBACK", {.packet_type = MQTT_PUBREC}, true},
    {"MQTT-1.0.0-1/REASON_STRING", {.field = MQTT_FIELD_PROPERTY_REASON_STRING}, true},
    {"MQTT-1.0.0-1/REASON_STRING", {.field = MQTT_FIELD_PROPERTY_USER_PROPERTY}, false},
    {"MQTT-1.0.0-1/REASON_STRING", {.field = MQTT_FIELD_PROPERTIES}, true},
    {"MQTT-1.0.0-1/REASON_STRING", {.field = MQTT_FIELDS}, true},
    {"MQTT-1.0.0-1/REASON_STRING", {.field = MQTT_FIELD_REMAINING_LENGTH}, false},
    {"MQTT-1.0.0-1/reason", {.field = MQTT_FIELDS}, false},
};

START_TEST(statements_depend_on_circumstances)
{
    const struct circumstance_row *row = &circumstance_rows[_i];
    ck_assert_msg(mqtt_statement_applies(row->statement, &row->in) == row->applies, "row %d: %s",
                  _i, row->statement);
}
END_TEST

static const struct {
    enum mqtt_rule rule;
    enum mqtt_sender client_sent, server_sent;
} blame_rows[] = {
    {MQTT_RULE_SECOND_CONNECT, MQTT_SENDER_CLIENT, MQTT_SENDER_SERVER},
    {MQTT_RULE_QOS_1_UNFINISHED, MQTT_SENDER_SERVER, MQTT_SENDER_CLIENT},
    {MQTT_RULE_PINGREQ_UNANSWERED, MQTT_SENDER_SERVER, MQTT_SENDER_SERVER},
    {MQTT_RULE_KEEP_ALIVE_TIMEOUT, MQTT_SENDER_CLIENT, MQTT_SENDER_CLIENT},
};

START_TEST(rules_blame_who_broke_them)
{
    const enum mqtt_rule rule = blame_rows[_i].rule;
    ck_assert_int_eq(mqtt_rule_blames(rule, MQTT_SENDER_CLIENT), blame_rows[_i].client_sent);
    ck_assert_int_eq(mqtt_rule_blames(rule, MQTT_SENDER_SERVER), blame_rows[_i].server_sent);
    if (blame_rows[_i].client_sent != blame_rows[_i].server_sent)
        ck_assert_int_eq(mqtt_rule_blames(rule, MQTT_SENDER_UNKNOWN), MQTT_SENDER_UNKNOWN);
}
END_TEST

SUITE("tables", TABLE(packet_types_have_names, type_names), TEST(small_enumerations_have_names),
      TABLE(reason_codes_have_names, reason_names), TEST(senders_have_reason_codes_of_their_own),
      TEST(properties_are_found_by_their_number), TEST(property_rows_are_sound),
      TEST(field_rows_are_sound), TEST(shared_abbreviations_have_one_kind),
      TEST(value_tables_have_no_number_twice), TEST(rules_are_found_by_their_id),
      TEST(rule_rows_are_sound), TEST(statements_are_well_formed),
      TEST(statements_depend_on_the_sender), TEST(columns_of_statements_are_sound),
      TABLE(statements_depend_on_circumstances, circumstance_rows),
      TABLE(rules_blame_who_broke_them, blame_rows))
