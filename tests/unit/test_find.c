/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/recorder_find.c: what a sink finds is told right behind the event that it found it with. */
#include "suite.h"
#include "transcript.h"

#include "audit/fold.h"
#include "audit/recorder.h"
#include "mqtt/facts/tables.h"
#include "mqtt/state/connection.h"

#define OPEN_MAX 4

/* Finds something with every PUBLISHED and CLOSED, and writes down what it is told. */
struct finder {
    struct audit_recorder *recorder;
    struct audit_open *open[OPEN_MAX];
    GString *told;
    unsigned at_once; /* findings an event */
    bool follows;     /* finds another one with each first finding of its own */
};

static void find(struct finder *finder, const struct audit_event *event, enum mqtt_rule rule)
{
    const struct mqtt_finding finding = {
        .rule = (uint16_t)rule,
        .version = event->flow->version,
        .sender = MQTT_SENDER_CLIENT,
        .side = event->side,
        .field = MQTT_FIELDS,
        .time = event->time,
        .frame = event->frame,
    };
    audit_recorder_find(finder->recorder, event->flow, &finding);
}

static void note(GString *told, const struct audit_event *event)
{
    g_string_append_printf(told, "%d.%u %s", (int)event->frame, event->ordinal,
                           audit_event_info(event->kind)->name);
    if (event->kind == AUDIT_EVENT_FINDING)
        g_string_append_printf(told, " %s",
                               mqtt_rule_info((enum mqtt_rule)event->finding.what->rule)->id);
    if (event->kind == AUDIT_EVENT_FINDING && event->flow == NULL)
        g_string_append_printf(told, " of %.*s at %u", (int)event->finding.client_identifier.length,
                               (const char *)event->finding.client_identifier.data,
                               event->finding.server->port);
    if (event->flow != NULL && event->flow->gaps[0] + event->flow->gaps[1] > 0)
        g_string_append_printf(told, " gaps %u/%u", event->flow->gaps[0], event->flow->gaps[1]);
    g_string_append_c(told, '\n');
}

static void finder_event(void *user, const struct audit_event *event)
{
    struct finder *finder = user;
    const bool own = event->kind == AUDIT_EVENT_FINDING &&
                     event->finding.what->rule == MQTT_RULE_WILL_TWICE && event->flow != NULL;
    if (event->kind == AUDIT_EVENT_PUBLISHED || event->kind == AUDIT_EVENT_CLOSED)
        for (unsigned i = 0; i < finder->at_once; i++)
            find(finder, event, MQTT_RULE_WILL_TWICE);
    if (own && finder->follows)
        find(finder, event, MQTT_RULE_WILL_BEFORE_DELAY);
    note(finder->told, event);
}

static void note_event(void *user, const struct audit_event *event)
{
    note(user, event);
}

/* ---- Hearing a transcript ---- */

static void heard_opened(void *user, unsigned number, const struct mqtt_connection_start *start,
                         const struct mqtt_connection *connection)
{
    (void)connection;
    struct finder *finder = user;
    const struct audit_opening opening = {
        .stream = number,
        .carrier = "tcp",
        .endpoints = {{{192, 0, 2, 1}, 40000, 4}, {{192, 0, 2, 2}, 1883, 4}},
        .start_seen = start->start_seen,
        .time = start->time,
        .frame = start->frame,
    };
    finder->open[number] = audit_connection_opened(finder->recorder, &opening);
}

static void heard_packet(void *user, unsigned number, const struct mqtt_place *place,
                         const struct mqtt_packet *packet, const struct mqtt_step *step)
{
    struct finder *finder = user;
    audit_connection_step(finder->recorder, finder->open[number], place, packet, step);
}

static void heard_over(void *user, unsigned number, struct mqtt_connection *connection,
                       const struct mqtt_place *place)
{
    struct finder *finder = user;
    audit_connection_over(finder->recorder, finder->open[number], connection, place);
}

static void heard_close(void *user, unsigned number, struct mqtt_connection *connection,
                        const struct mqtt_place *place, int how, struct mqtt_step *step)
{
    struct finder *finder = user;
    audit_connection_closed(finder->recorder, finder->open[number], connection, place,
                            (enum mqtt_close)how, step);
}

static void heard_end(void *user, const struct mqtt_sessions *sessions, int64_t time)
{
    struct finder *finder = user;
    audit_sessions_ended(finder->recorder, sessions, time);
}

/* What the finder is told; a sink before it and the fold behind it hear the same. */
static void tells(struct finder *finder, const struct audit_recorder_options *options,
                  const char *text, const char *expected)
{
    GString *before = g_string_new(NULL);
    struct audit_fold *fold = audit_fold_new(NULL);
    struct audit_sink first = {.event = note_event, .user = before};
    struct audit_sink second = {.event = finder_event, .user = finder};
    const struct transcript_ear ear = {.user = finder,
                                       .opened = heard_opened,
                                       .packet = heard_packet,
                                       .over = heard_over,
                                       .close = heard_close,
                                       .end = heard_end};
    finder->told = g_string_new(NULL);
    finder->recorder = audit_recorder_new(options);
    audit_recorder_attach(finder->recorder, &first);
    audit_recorder_attach(finder->recorder, &second);
    audit_recorder_attach(finder->recorder, audit_fold_sink(fold));
    transcript_heard(text, &ear, NULL);
    audit_recorder_end(finder->recorder);
    ck_assert_str_eq(finder->told->str, expected);
    ck_assert_str_eq(before->str, expected);
    audit_fold_finish(fold);
    audit_fold_free(fold);
    audit_recorder_free(finder->recorder);
    g_string_free(finder->told, TRUE);
    g_string_free(before, TRUE);
}

/* ---- The tests ---- */

#define SCENE                                                                                      \
    "connection port=1883\n"                                                                       \
    "C CONNECT 3.1.1 a clean\n"                                                                    \
    "S CONNACK\n"                                                                                  \
    "C PUBLISH 1 t id=1\n"                                                                         \
    "S PUBACK 1\n"                                                                                 \
    "C DISCONNECT\n"                                                                               \
    "close C fin\n"

START_TEST(a_finding_comes_right_behind_its_event)
{
    struct finder finder = {.at_once = 1};
    tells(&finder, NULL, SCENE,
          "1.0 connection-opened\n"
          "2.0 connection-identified\n"
          "3.0 session-began\n"
          "3.1 handshake-done\n"
          "4.0 published\n"
          "4.1 finding will-published-twice\n"
          "5.0 handshake-done\n"
          "7.0 session-ended\n"
          "7.1 connection-closed\n"
          "7.2 finding will-published-twice of a at 1883\n");
}
END_TEST

START_TEST(several_come_in_their_order)
{
    struct finder finder = {.at_once = 2, .follows = true};
    tells(&finder, NULL, SCENE,
          "1.0 connection-opened\n"
          "2.0 connection-identified\n"
          "3.0 session-began\n"
          "3.1 handshake-done\n"
          "4.0 published\n"
          "4.1 finding will-published-twice\n"
          "4.2 finding will-published-twice\n"
          "4.3 finding will-before-delay\n"
          "4.4 finding will-before-delay\n"
          "5.0 handshake-done\n"
          "7.0 session-ended\n"
          "7.1 connection-closed\n"
          "7.2 finding will-published-twice of a at 1883\n"
          "7.3 finding will-published-twice of a at 1883\n");
}
END_TEST

START_TEST(unwanted_rules_are_left_out)
{
    bool rules[MQTT_RULES] = {false};
    struct finder finder = {.at_once = 2, .follows = true};
    rules[MQTT_RULE_WILL_TWICE] = true;
    tells(&finder, &(struct audit_recorder_options){.rules = rules}, SCENE,
          "1.0 connection-opened\n"
          "2.0 connection-identified\n"
          "3.0 session-began\n"
          "3.1 handshake-done\n"
          "4.0 published\n"
          "4.1 finding will-published-twice\n"
          "4.2 finding will-published-twice\n"
          "5.0 handshake-done\n"
          "7.0 session-ended\n"
          "7.1 connection-closed\n"
          "7.2 finding will-published-twice of a at 1883\n"
          "7.3 finding will-published-twice of a at 1883\n");
}
END_TEST

START_TEST(one_client_alone)
{
    struct finder finder = {.at_once = 1};
    const struct audit_recorder_options other = {.client_identifier = {(const uint8_t *)"b", 1}};
    const struct audit_recorder_options same = {.client_identifier = {(const uint8_t *)"a", 1}};
    tells(&finder, &other, SCENE, "");
    tells(&finder, &same, SCENE,
          "2.0 connection-opened\n"
          "2.1 connection-identified\n"
          "3.0 session-began\n"
          "3.1 handshake-done\n"
          "4.0 published\n"
          "4.1 finding will-published-twice\n"
          "5.0 handshake-done\n"
          "7.0 session-ended\n"
          "7.1 connection-closed\n"
          "7.2 finding will-published-twice of a at 1883\n");
}
END_TEST

START_TEST(gaps_are_counted_by_side)
{
    struct finder finder = {0};
    tells(&finder, NULL,
          "connection\n"
          "C CONNECT 3.1.1 a clean\n"
          "S CONNACK\n"
          "C PUBLISH 0 t\n"
          "gap C\n"
          "C PUBLISH 0 t\n"
          "gap S\n"
          "S PUBLISH 0 t\n"
          "gap C\n"
          "close C fin\n",
          "1.0 connection-opened\n"
          "2.0 connection-identified\n"
          "3.0 session-began\n"
          "3.1 handshake-done\n"
          "4.0 published\n"
          "6.0 published gaps 1/0\n"
          "8.0 delivered gaps 1/1\n"
          "10.0 session-ended gaps 2/1\n"
          "10.1 connection-closed gaps 2/1\n");
}
END_TEST

SUITE("find", TEST(a_finding_comes_right_behind_its_event), TEST(several_come_in_their_order),
      TEST(unwanted_rules_are_left_out), TEST(one_client_alone), TEST(gaps_are_counted_by_side))
