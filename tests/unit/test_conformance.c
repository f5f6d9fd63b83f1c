/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every normative statement of the two specifications is accounted for: statements.def has them
 * all, and says the truth about which ones have rules. And a finding names those that it broke.
 */
#include "suite.h"

#include "mqtt/facts/statements.h"
#include "mqtt/state/connection.h"
#include "notation.h"

#include <stdio.h>

/* ---- The table ---- */

/* How the specifications number them, taken from their appendices: section, first, last. Between
 * those no number is left out. */
struct run {
    const char *section;
    unsigned first;
    unsigned last;
};

static const struct run runs_3_1_1[] = {
    {"1.5.3", 1, 3},  {"2.2.2", 1, 2},  {"2.3.1", 1, 7},  {"3.1.0", 1, 2},  {"3.1.2", 1, 24},
    {"3.1.3", 1, 11}, {"3.1.4", 1, 5},  {"3.2.0", 1, 1},  {"3.2.2", 1, 6},  {"3.3.1", 1, 12},
    {"3.3.2", 1, 3},  {"3.3.4", 1, 1},  {"3.3.5", 1, 2},  {"3.6.1", 1, 1},  {"3.8.1", 1, 1},
    {"3.8.3", 1, 4},  {"3.8.4", 1, 6},  {"3.9.3", 1, 2},  {"3.10.1", 1, 1}, {"3.10.3", 1, 2},
    {"3.10.4", 1, 6}, {"3.12.4", 1, 1}, {"3.14.1", 1, 1}, {"3.14.4", 1, 3}, {"4.1.0", 1, 2},
    {"4.3.1", 1, 1},  {"4.3.2", 1, 2},  {"4.3.3", 1, 2},  {"4.4.0", 1, 1},  {"4.5.0", 1, 2},
    {"4.6.0", 1, 6},  {"4.7.1", 1, 3},  {"4.7.2", 1, 1},  {"4.7.3", 1, 4},  {"4.8.0", 1, 2},
    {"6.0.0", 1, 4},  {"7.0.0", 1, 2},  {"7.1.1", 1, 1},  {"7.1.2", 1, 1},
};
static const struct run runs_5_0[] = {
    {"1.5.4", 1, 3},  {"1.5.5", 1, 1},  {"1.5.7", 1, 1},  {"2.1.3", 1, 1},  {"2.2.1", 2, 6},
    {"2.2.2", 1, 1},  {"3.1.0", 1, 2},  {"3.1.2", 1, 30}, {"3.1.3", 1, 12}, {"3.1.4", 1, 6},
    {"3.2.0", 1, 2},  {"3.2.2", 1, 22}, {"3.3.1", 1, 13}, {"3.3.2", 1, 20}, {"3.3.4", 1, 10},
    {"3.4.2", 1, 3},  {"3.5.2", 1, 3},  {"3.6.1", 1, 1},  {"3.6.2", 1, 3},  {"3.7.2", 1, 3},
    {"3.8.1", 1, 1},  {"3.8.3", 1, 5},  {"3.8.4", 1, 8},  {"3.9.2", 1, 2},  {"3.9.3", 1, 2},
    {"3.10.1", 1, 1}, {"3.10.3", 1, 2}, {"3.10.4", 1, 6}, {"3.11.2", 1, 2}, {"3.11.3", 1, 2},
    {"3.12.4", 1, 1}, {"3.14.0", 1, 1}, {"3.14.1", 1, 1}, {"3.14.2", 1, 4}, {"3.14.4", 1, 3},
    {"3.15.1", 1, 1}, {"3.15.2", 1, 3}, {"4.1.0", 1, 2},  {"4.2.0", 1, 1},  {"4.3.1", 1, 1},
    {"4.3.2", 1, 5},  {"4.3.3", 1, 13}, {"4.4.0", 1, 2},  {"4.5.0", 1, 2},  {"4.6.0", 1, 6},
    {"4.7.0", 1, 1},  {"4.7.1", 1, 2},  {"4.7.2", 1, 1},  {"4.7.3", 1, 4},  {"4.8.2", 1, 6},
    {"4.9.0", 1, 3},  {"4.12.0", 1, 7}, {"4.12.1", 1, 2}, {"4.13.1", 1, 1}, {"4.13.2", 1, 1},
    {"6.0.0", 1, 4},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Holds the rows of one version, from *index on, against its numbering. */
static unsigned assert_rows(unsigned *index, enum mqtt_version version, const struct run *runs,
                            size_t count)
{
    unsigned rows = 0;
    for (size_t i = 0; i < count; i++) {
        for (unsigned number = runs[i].first; number <= runs[i].last; number++, rows++) {
            const struct mqtt_statement *row = mqtt_statement((*index)++);
            char id[32];
            snprintf(id, sizeof id, "MQTT-%s-%u", runs[i].section, number);
            ck_assert_msg(row != NULL, "%s of %s is missing", id, mqtt_version_name(version));
            ck_assert_msg(row->version == version && strcmp(row->id, id) == 0,
                          "%s of %s stands where %s of %s should", row->id,
                          mqtt_version_name(row->version), id, mqtt_version_name(version));
        }
    }
    return rows;
}

/* In order and without gaps: so there is none twice either. */
START_TEST(every_statement_has_a_row)
{
    unsigned index = 0;
    ck_assert_uint_eq(assert_rows(&index, MQTT_VERSION_3_1_1, runs_3_1_1, COUNT(runs_3_1_1)), 141);
    ck_assert_uint_eq(assert_rows(&index, MQTT_VERSION_5_0, runs_5_0, COUNT(runs_5_0)), 251);
    ck_assert_ptr_null(mqtt_statement(index));
}
END_TEST

START_TEST(rows_say_the_truth_about_rules)
{
    const struct mqtt_statement *row;
    for (unsigned i = 0; (row = mqtt_statement(i)) != NULL; i++) {
        unsigned cursor = 0;
        const enum mqtt_rule rule = mqtt_statement_rule(row, &cursor);
        const bool cited = rule != MQTT_RULE_NONE;
        ck_assert_msg(cited == (row->why == MQTT_WHY_RULES), "%s of %s: %s%s", row->id,
                      mqtt_version_name(row->version),
                      cited ? "RULES it should say, for it is cited by " : "no rule cites it",
                      cited ? mqtt_rule_info(rule)->id : "");
    }
}
END_TEST

START_TEST(rows_are_sound)
{
    const struct mqtt_statement *row;
    for (unsigned i = 0; (row = mqtt_statement(i)) != NULL; i++) {
        ck_assert_uint_le(row->scope, MQTT_SCOPE_NOTHING);
        ck_assert_msg(strlen(row->says) > 0 && row->says[strlen(row->says) - 1] != '.', "%s",
                      row->id);
        ck_assert_msg((row->reason != NULL) == (row->why == MQTT_WHY_UNSEEN), "%s", row->id);
        ck_assert_msg(row->reason == NULL || strlen(row->reason) > 0, "%s", row->id);
        /* What asks nothing of the wire can't be seen on it. */
        ck_assert_msg(row->scope != MQTT_SCOPE_NOTHING || row->why == MQTT_WHY_UNSEEN, "%s",
                      row->id);
    }
}
END_TEST

static const struct mqtt_statement *find(enum mqtt_version version, const char *id, size_t length)
{
    const struct mqtt_statement *row;
    for (unsigned i = 0; (row = mqtt_statement(i)) != NULL; i++)
        if (row->version == version && strlen(row->id) == length &&
            memcmp(row->id, id, length) == 0)
            return row;
    return NULL;
}

START_TEST(rules_cite_statements_that_exist)
{
    static const enum mqtt_version versions[] = {MQTT_VERSION_3_1_1, MQTT_VERSION_5_0};
    for (unsigned rule = 0; rule < MQTT_RULES; rule++)
        for (size_t v = 0; v < COUNT(versions); v++) {
            const char *cursor = NULL;
            const char *id;
            size_t length;
            while (mqtt_statement_next((enum mqtt_rule)rule, versions[v], MQTT_SENDER_UNKNOWN,
                                       &cursor, &id, &length))
                ck_assert_msg(find(versions[v], id, length) != NULL, "%s: %.*s is none of %s",
                              mqtt_rule_info((enum mqtt_rule)rule)->id, (int)length, id,
                              mqtt_version_name(versions[v]));
        }
}
END_TEST

/* What a reason refers to ("breaks MQTT-3.2.0-1") exists and has rules, or will. */
START_TEST(reasons_refer_to_statements_that_exist)
{
    const struct mqtt_statement *row;
    for (unsigned i = 0; (row = mqtt_statement(i)) != NULL; i++) {
        const char *at = row->reason;
        while (at != NULL && (at = strstr(at, "MQTT-")) != NULL) {
            const size_t length = strspn(at, "MQT-.0123456789");
            const struct mqtt_statement *other = find((enum mqtt_version)row->version, at, length);
            ck_assert_msg(other != NULL && other->why != MQTT_WHY_UNSEEN, "%s: %.*s", row->id,
                          (int)length, at);
            at += length;
        }
    }
}
END_TEST

/* ---- What a finding broke ---- */

/* Packets as in notation.h, "C" or "S" before each; the last one raises the rule. */
static const struct scene {
    const char *statements; /* that the finding names, in the order of rules.def */
    enum mqtt_rule rule;
    const char *packets[8];
} scenes[] = {
#define CONNECT_3_1_1 "C 10 ~ ['MQTT'] 04 02 003C ['id']"
#define CONNACK_3_1_1 "S 20 02 00 00"
#define CONNECT_5_0 "C 10 ~ ['MQTT'] 05 02 003C <> ['id']"
#define CONNECT_MAXIMUM_16 "C 10 ~ ['MQTT'] 05 02 003C <27 00000010> ['id']"
#define CONNECT_MAXIMUM_30 "C 10 ~ ['MQTT'] 05 02 003C <27 0000001E> ['id']"
#define CONNECT_AUTH "C 10 ~ ['MQTT'] 05 02 003C <15 ['m']> ['id']"
#define CONNACK_5_0 "S 20 ~ 00 00 <>"
#define CONNACK_MAXIMUM_16 "S 20 ~ 00 00 <27 00000010>"
    {"MQTT-3.2.2-15",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_5_0, CONNACK_MAXIMUM_16, "C 30 ~ ['topic'] <26 ['key'] ['value']>"}},
    {"MQTT-3.1.2-24",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_MAXIMUM_16, CONNACK_5_0, "S 30 ~ ['topic'] <> 'a long payload'"}},
    {"MQTT-3.1.2-24 MQTT-3.2.2-19",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_MAXIMUM_16, "S 20 ~ 00 00 <1F ['a long reason']>"}},
    {"MQTT-3.1.2-24 MQTT-3.2.2-20",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_MAXIMUM_16, "S 20 ~ 00 00 <26 ['key'] ['value']>"}},
    {"MQTT-3.1.2-24",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED, /* however short its reason */
     {CONNECT_MAXIMUM_16, "S 20 ~ 00 00 <12 ['an assigned identifier'] 1F ['r']>"}},
    {"MQTT-3.1.2-24 MQTT-3.4.2-2",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_MAXIMUM_16, CONNACK_5_0, "C 32 ~ ['t'] 0001 <>",
      "S 40 ~ 0001 10 <1F ['nobody is there']>"}},
    /* Each of them fits without the other. */
    {"MQTT-3.1.2-24 MQTT-3.4.2-2 MQTT-3.4.2-3",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_MAXIMUM_30, CONNACK_5_0, "C 32 ~ ['t'] 0001 <>",
      "S 40 ~ 0001 10 <1F ['twelve bytes'] 26 ['key'] ['value']>"}},
    /* The reason string alone would have fitted; the user property does not. */
    {"MQTT-3.1.2-24 MQTT-3.5.2-3",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_MAXIMUM_16, CONNACK_5_0, "C 34 ~ ['t'] 0001 <>",
      "S 50 ~ 0001 10 <1F ['r'] 26 ['key'] ['value']>"}},
    /* Neither of them fits, with or without the other. */
    {"MQTT-3.1.2-24 MQTT-3.5.2-2 MQTT-3.5.2-3",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_MAXIMUM_16, CONNACK_5_0, "C 34 ~ ['t'] 0001 <>",
      "S 50 ~ 0001 10 <1F ['a long reason'] 26 ['key'] ['value!']>"}},
    {"MQTT-3.2.2-15 MQTT-3.4.2-3",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_5_0, CONNACK_MAXIMUM_16, "S 32 ~ ['t'] 0001 <>",
      "C 40 ~ 0001 00 <26 ['key'] ['value'] 26 [] []>"}},
    {"MQTT-3.2.2-15 MQTT-3.6.2-2",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_5_0, CONNACK_MAXIMUM_16, "C 34 ~ ['t'] 0001 <>", "S 50 02 0001",
      "C 62 ~ 0001 00 <1F ['a long reason']>"}},
    {"MQTT-3.2.2-15 MQTT-3.7.2-3",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_5_0, CONNACK_MAXIMUM_16, "S 34 ~ ['t'] 0001 <>", "C 50 02 0001", "S 62 02 0001",
      "C 70 ~ 0001 00 <26 ['key'] ['value']>"}},
    {"MQTT-3.1.2-24 MQTT-3.9.2-1",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_MAXIMUM_16, CONNACK_5_0, "C 82 ~ 0001 <> ['t'] 00",
      "S 90 ~ 0001 <1F ['a long reason']> 00"}},
    {"MQTT-3.1.2-24 MQTT-3.11.2-2",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_MAXIMUM_16, CONNACK_5_0, "C A2 ~ 0001 <> ['t']",
      "S B0 ~ 0001 <26 ['key'] ['value']> 00"}},
    {"MQTT-3.1.2-24 MQTT-3.14.2-3",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_MAXIMUM_16, CONNACK_5_0, "S E0 ~ 00 <1F ['a long reason']>"}},
    {"MQTT-3.2.2-15 MQTT-3.14.2-4",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {CONNECT_5_0, CONNACK_MAXIMUM_16, "C E0 ~ 00 <26 ['key'] ['value']>"}},
    {"MQTT-3.1.2-24 MQTT-3.15.2-2",
     MQTT_RULE_MAXIMUM_PACKET_SIZE_EXCEEDED,
     {"C 10 ~ ['MQTT'] 05 02 003C <27 00000010 15 ['m']> ['id']",
      "S F0 ~ 18 <15 ['m'] 1F ['a long reason']>"}},

    {"MQTT-2.3.1-2 MQTT-2.3.1-3 MQTT-4.3.2-1",
     MQTT_RULE_PACKET_IDENTIFIER_IN_USE,
     {CONNECT_3_1_1, CONNACK_3_1_1, "C 34 ~ ['t'] 0001 'a'", "C 32 ~ ['t'] 0001 'b'"}},
    {"MQTT-2.3.1-4 MQTT-4.3.3-1",
     MQTT_RULE_PACKET_IDENTIFIER_IN_USE,
     {CONNECT_3_1_1, CONNACK_3_1_1, "S 32 ~ ['t'] 0001 'a'", "S 34 ~ ['t'] 0001 'b'"}},
    {"MQTT-2.3.1-2 MQTT-2.3.1-3",
     MQTT_RULE_PACKET_IDENTIFIER_IN_USE,
     {CONNECT_3_1_1, CONNACK_3_1_1, "C 32 ~ ['t'] 0001 'a'", "C 82 ~ 0001 ['t'] 00"}},
    {"MQTT-2.2.1-3 MQTT-4.3.2-1 MQTT-4.3.2-3",
     MQTT_RULE_PACKET_IDENTIFIER_IN_USE,
     {CONNECT_5_0, CONNACK_5_0, "C 32 ~ ['t'] 0001 <> 'a'", "C 32 ~ ['t'] 0001 <> 'b'"}},
    {"MQTT-2.2.1-3 MQTT-4.3.2-1",
     MQTT_RULE_PACKET_IDENTIFIER_IN_USE,
     {CONNECT_5_0, CONNACK_5_0, "C 82 ~ 0001 <> ['t'] 00", "C 32 ~ ['t'] 0001 <> 'b'"}},
    {"MQTT-2.2.1-4 MQTT-4.3.3-1 MQTT-4.3.3-3",
     MQTT_RULE_PACKET_IDENTIFIER_IN_USE,
     {CONNECT_5_0, CONNACK_5_0, "S 34 ~ ['t'] 0001 <> 'a'", "S 34 ~ ['t'] 0001 <> 'b'"}},
    {"MQTT-2.2.1-3 MQTT-4.3.2-1 MQTT-4.3.3-5",
     MQTT_RULE_PACKET_IDENTIFIER_IN_USE,
     {CONNECT_5_0, CONNACK_5_0, "C 34 ~ ['t'] 0001 <> 'a'", "S 50 02 0001", "C 62 02 0001",
      "C 32 ~ ['t'] 0001 <> 'b'"}},
    {"MQTT-2.2.1-3 MQTT-4.3.3-3",
     MQTT_RULE_PACKET_IDENTIFIER_IN_USE,
     {CONNECT_5_0, CONNACK_5_0, "C 34 ~ ['t'] 0001 <> 'a'", "C A2 ~ 0001 <> ['t']"}},

    {"MQTT-4.3.2-1",
     MQTT_RULE_DUP_ON_FIRST_SEND,
     {CONNECT_3_1_1, CONNACK_3_1_1, "C 3A ~ ['t'] 0001"}},
    {"MQTT-3.3.1-3 MQTT-4.3.3-1",
     MQTT_RULE_DUP_ON_FIRST_SEND,
     {CONNECT_3_1_1, CONNACK_3_1_1, "S 3C ~ ['t'] 0001"}},
    {"MQTT-3.3.1-3 MQTT-4.3.2-2",
     MQTT_RULE_DUP_ON_FIRST_SEND,
     {CONNECT_5_0, CONNACK_5_0, "S 3A ~ ['t'] 0001 <>"}},
    {"MQTT-4.3.3-2",
     MQTT_RULE_DUP_ON_FIRST_SEND,
     {CONNECT_5_0, CONNACK_5_0, "C 3C ~ ['t'] 0001 <>"}},

    {"MQTT-3.3.4-1 MQTT-4.3.2-2",
     MQTT_RULE_ACKNOWLEDGEMENT_WRONG,
     {CONNECT_3_1_1, CONNACK_3_1_1, "C 32 ~ ['t'] 0001", "S 50 02 0001"}},
    {"MQTT-3.3.4-1 MQTT-4.3.3-2 MQTT-4.5.0-2",
     MQTT_RULE_ACKNOWLEDGEMENT_WRONG,
     {CONNECT_3_1_1, CONNACK_3_1_1, "S 34 ~ ['t'] 0001", "C 40 02 0001"}},
    {"MQTT-2.3.1-6",
     MQTT_RULE_ACKNOWLEDGEMENT_WRONG,
     {CONNECT_3_1_1, CONNACK_3_1_1, "C 82 ~ 0001 ['t'] 00", "S 40 02 0001"}},
    {"MQTT-3.3.4-1 MQTT-4.3.2-4 MQTT-4.5.0-2",
     MQTT_RULE_ACKNOWLEDGEMENT_WRONG,
     {CONNECT_5_0, CONNACK_5_0, "S 32 ~ ['t'] 0001 <>", "C 50 02 0001"}},
    {"MQTT-3.3.4-1 MQTT-4.3.3-8",
     MQTT_RULE_ACKNOWLEDGEMENT_WRONG,
     {CONNECT_5_0, CONNACK_5_0, "C 34 ~ ['t'] 0001 <>", "S 40 02 0001"}},
    {"MQTT-4.3.3-11",
     MQTT_RULE_ACKNOWLEDGEMENT_WRONG,
     {CONNECT_5_0, CONNACK_5_0, "C 34 ~ ['t'] 0001 <>", "S 50 02 0001", "C 62 02 0001",
      "S 40 02 0001"}},
    {"",
     MQTT_RULE_ACKNOWLEDGEMENT_WRONG,
     {CONNECT_5_0, CONNACK_5_0, "C 32 ~ ['t'] 0001 <>", "C 62 02 0001"}},

    {"MQTT-4.12.0-5",
     MQTT_RULE_AUTH_METHOD_CHANGED,
     {CONNECT_AUTH, "S F0 ~ 18 <15 ['m']>", "C F0 ~ 18 <15 ['n']>"}},
    {"MQTT-4.12.0-5", MQTT_RULE_AUTH_METHOD_CHANGED, {CONNECT_AUTH, CONNACK_5_0}},
    {"MQTT-4.12.0-5 MQTT-4.12.1-1",
     MQTT_RULE_AUTH_METHOD_CHANGED,
     {CONNECT_AUTH, "S 20 ~ 00 00 <15 ['m']>", "C F0 ~ 19 <15 ['n']>"}},
    {"MQTT-4.12.0-5",
     MQTT_RULE_AUTH_METHOD_CHANGED,
     {CONNECT_AUTH, "S 20 ~ 00 00 <15 ['m']>", "C F0 ~ 19 <15 ['m']>", "S F0 ~ 18 <15 ['n']>"}},

    {"MQTT-4.3.3-1",
     MQTT_RULE_QOS_2_OUT_OF_STEP,
     {CONNECT_3_1_1, CONNACK_3_1_1, "C 34 ~ ['t'] 0001", "C 62 02 0001"}},
    {"MQTT-4.3.3-2",
     MQTT_RULE_QOS_2_OUT_OF_STEP,
     {CONNECT_3_1_1, CONNACK_3_1_1, "C 34 ~ ['t'] 0001", "S 70 02 0001"}},
    {"MQTT-4.3.3-3",
     MQTT_RULE_QOS_2_OUT_OF_STEP,
     {CONNECT_5_0, CONNACK_5_0, "C 34 ~ ['t'] 0001 <>", "C 62 02 0001"}},
    {"MQTT-4.3.3-11",
     MQTT_RULE_QOS_2_OUT_OF_STEP,
     {CONNECT_5_0, CONNACK_5_0, "C 34 ~ ['t'] 0001 <>", "S 50 02 0001", "S 70 02 0001"}},
    {"MQTT-4.3.3-8",
     MQTT_RULE_QOS_2_OUT_OF_STEP,
     {CONNECT_5_0, CONNACK_5_0, "C 34 ~ ['t'] 0001 <>", "S 50 02 0001", "S 50 02 0001"}},
};

static void send_packet(struct mqtt_connection *c, const char *text, struct mqtt_place *place,
                        struct mqtt_step *step)
{
    struct bytes bytes = notation(text + 1);
    const struct mqtt_bytes all = {bytes.data, bytes.length, bytes.length};
    struct mqtt_packet packet;
    place->time += INT64_C(10000000000); /* nothing has crossed */
    place->frame++;
    place->side = text[0] == 'S';
    place->acknowledged = UINT64_MAX;
    ck_assert_msg(mqtt_connection_packet(c, place, &all, NULL, &packet, step) == MQTT_OK, "%s",
                  text);
    free(bytes.data);
}

START_TEST(findings_name_what_they_broke)
{
    const struct scene *scene = &scenes[_i];
    const struct mqtt_connection_start start = {.frame = 1, .start_seen = true};
    struct mqtt_connection *c = mqtt_connection_new(NULL, &start);
    struct mqtt_place place = {.frame = 1};
    struct mqtt_step step;
    for (size_t i = 0; i < COUNT(scene->packets) && scene->packets[i] != NULL; i++)
        send_packet(c, scene->packets[i], &place, &step);
    ck_assert_msg(step.finding_count >= 1, "nothing was raised");
    const struct mqtt_finding *finding = &step.findings[0];
    while (finding->rule != scene->rule && finding + 1 < step.findings + step.finding_count)
        finding++;
    ck_assert_msg(finding->rule == scene->rule, "%s",
                  mqtt_rule_info((enum mqtt_rule)finding->rule)->id);

    char named[256] = "";
    const char *cursor = NULL;
    const char *statement;
    size_t length;
    while (mqtt_finding_statement_next(finding, &cursor, &statement, &length)) {
        ck_assert(mqtt_finding_breaks(finding, statement));
        const size_t at = strlen(named);
        snprintf(named + at, sizeof named - at, "%s%.*s", at > 0 ? " " : "", (int)length,
                 statement);
    }
    ck_assert_str_eq(named, scene->statements);
    mqtt_connection_free(c);
}
END_TEST

SUITE("conformance", TEST(every_statement_has_a_row), TEST(rows_say_the_truth_about_rules),
      TEST(rows_are_sound), TEST(rules_cite_statements_that_exist),
      TEST(reasons_refer_to_statements_that_exist), TABLE(findings_name_what_they_broke, scenes))
