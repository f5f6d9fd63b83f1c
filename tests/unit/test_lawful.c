/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Legal but odd: scenes in which nobody does anything wrong, and nothing may be said against
 * anybody. What is told all the same are events (a refusal, a takeover) and notes; which, is a list
 * below.
 *
 * See transcript.h for the language; here a line may end in a semicolon, too.
 */
#include <stdio.h>
#include <string.h>

#include "suite.h"
#include "transcript.h"

#include "mqtt/facts/tables.h"

struct scene {
    const char *name;
    const char *text;
};

#define V0 "C CONNECT 3.1.1 a clean; S CONNACK;" /* no keep alive */
#define V3 "C CONNECT 3.1.1 a clean ka=60; S CONNACK;"
#define V5 "C CONNECT 5.0 a clean ka=60; S CONNACK;"
#define VA "C CONNECT 5.0 a clean ka=60 " M "; S CONNACK " M ";"
#define P3 "C CONNECT 3.1.1 a ka=60; S CONNACK;" /* a session that persists, of each version */
#define P5 "C CONNECT 5.0 a ka=60 {11 00000e10}; S CONNACK;"
#define R3 "C CONNECT 3.1.1 a ka=60; S CONNACK sp;" /* ... and is resumed */
#define R5 "C CONNECT 5.0 a ka=60 {11 00000e10}; S CONNACK sp;"
#define BYE "C DISCONNECT; close C fin;"
#define GONE "! closed-without-disconnect;"
#define LONG                                                                                       \
    "a-level/another-level/a-third-level/a-fourth-level/a-fifth-level/a-sixth-level/"              \
    "a-seventh-level"
#define HEX124                                                                                     \
    "30303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030" \
    "30303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030" \
    "3030303030303030303030303030303030303030303030303030303030303030"
#define M "{15 0001 6d}"
#define MD "{15 0001 6d 16 0002 00ff}"

static const struct scene scenes[] = {
#define LAWFUL(name, text) {name, text},
#include "lawful/authentication.def"
#include "lawful/capture.def"
#include "lawful/connect.def"
#include "lawful/ending.def"
#include "lawful/keepalive.def"
#include "lawful/properties.def"
#include "lawful/qos.def"
#include "lawful/requests.def"
#include "lawful/session.def"
#include "lawful/versions.def"
};

/* What is no error and no note, and may be said of a scene here: it happened, and its cause may be
 * nobody's fault. */
static const enum mqtt_rule events[] = {
    MQTT_RULE_CONNECT_REFUSED,         MQTT_RULE_CLIENT_TAKEN_OVER, MQTT_RULE_PUBLISH_REFUSED,
    MQTT_RULE_DISCONNECTED_WITH_ERROR, MQTT_RULE_SUBSCRIBE_REFUSED, MQTT_RULE_KEEP_ALIVE_CLOSED,
};

static bool may_be_told(enum mqtt_rule rule)
{
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        if (events[i] == rule)
            return true;
    }
    return mqtt_rule_info(rule)->severity == MQTT_NOTE;
}

/* The scene as lines; the caller frees it. */
static char *lines_of(const struct scene *scene)
{
    char *lines = strdup(scene->text);
    ck_assert_ptr_nonnull(lines);
    for (char *end = lines; (end = strchr(end, ';')) != NULL;)
        *end = '\n';
    return lines;
}

START_TEST(scene)
{
    char *lines = lines_of(&scenes[_i]);
    transcript(lines);
    free(lines);
}
END_TEST

/* A scene may not expect what would blame somebody. */
START_TEST(blames_nobody)
{
    struct transcript_run run = {.start = TRANSCRIPT_START};
    char *lines = lines_of(&scenes[_i]);
    transcript_run(lines, &run);
    free(lines);
    for (unsigned rule = 0; rule < MQTT_RULES; rule++)
        ck_assert_msg(run.found[rule] == 0 || may_be_told((enum mqtt_rule)rule), "%s: %s",
                      scenes[_i].name, mqtt_rule_info((enum mqtt_rule)rule)->id);
}
END_TEST

/* ... nor may lack of memory make it. */
START_TEST(without_memory)
{
    struct transcript_run whole = {.start = TRANSCRIPT_START};
    char *lines = lines_of(&scenes[_i]);
    transcript_run(lines, &whole);
    for (uint64_t n = 1; n <= whole.allocations; n++) {
        struct transcript_run run = {.start = TRANSCRIPT_START, .failing = n};
        transcript_run(lines, &run);
        for (unsigned rule = 0; rule < MQTT_RULES; rule++)
            ck_assert_msg(run.found[rule] <= whole.found[rule], "%s: allocation %u fails: %s",
                          scenes[_i].name, (unsigned)n, mqtt_rule_info((enum mqtt_rule)rule)->id);
    }
    free(lines);
}
END_TEST

START_TEST(no_scene_twice)
{
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(scenes[i].text, scenes[k].text);
    }
}
END_TEST

SUITE("lawful", TABLE(scene, scenes), TABLE(blames_nobody, scenes), TABLE(without_memory, scenes),
      TEST(no_scene_twice))
