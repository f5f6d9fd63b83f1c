/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deliveries, from transcripts: what is said of a publication and of the sessions that are to get
 * it, and of its lawful twin nothing. tests/delivery/ has a scene for each rule and version as a
 * capture; here are the turns that the tables behind it take, and what happens where there is no
 * room.
 */
#include "suite.h"

#include "audit/recorder.h"
#include "transcript.h"

#include <glib.h>
#include <string.h>

#define MAX_CONNECTIONS 64

struct hearing {
    struct audit_recorder *recorder;
    struct audit_open *open[MAX_CONNECTIONS];
    GString *found; /* "delivery-lost sub t\n", a line a finding: rule, client, topic */
    struct audit_delivery_counts counts;
    uint64_t limits, published, by_bridges;
};

static void heard_opened(void *user, unsigned number, const struct mqtt_connection_start *start,
                         const struct mqtt_connection *connection)
{
    struct hearing *hearing = user;
    const struct audit_opening opening = {
        .stream = number,
        .carrier = "tcp",
        .endpoints = {start->endpoints[0], start->endpoints[1]},
        .client = start->client,
        .start_seen = start->start_seen,
        .time = start->time,
        .frame = start->frame,
        .connection = connection,
    };
    ck_assert_uint_lt(number, MAX_CONNECTIONS);
    hearing->open[number] = audit_connection_opened(hearing->recorder, &opening);
}

static void heard_packet(void *user, unsigned number, const struct mqtt_place *place,
                         const struct mqtt_packet *packet, const struct mqtt_step *step)
{
    struct hearing *hearing = user;
    audit_connection_step(hearing->recorder, hearing->open[number], place, packet, step);
}

static void heard_over(void *user, unsigned number, struct mqtt_connection *connection,
                       const struct mqtt_place *place)
{
    struct hearing *hearing = user;
    audit_connection_over(hearing->recorder, hearing->open[number], connection, place);
}

static void heard_close(void *user, unsigned number, struct mqtt_connection *connection,
                        const struct mqtt_place *place, int how, struct mqtt_step *step)
{
    struct hearing *hearing = user;
    audit_connection_closed(hearing->recorder, hearing->open[number], connection, place,
                            (enum mqtt_close)how, step);
}

static void heard_end(void *user, const struct mqtt_sessions *sessions, int64_t time)
{
    struct hearing *hearing = user;
    audit_sessions_ended(hearing->recorder, sessions, time);
}

static bool is_of_deliveries(unsigned rule)
{
    return rule >= MQTT_RULE_DELIVERY_LOST && rule <= MQTT_RULE_SUBSCRIPTION_NEVER_SERVED;
}

static void note_finding(GString *found, const struct audit_event *event)
{
    const struct audit_finding_event *finding = &event->finding;
    const struct mqtt_slice client =
        event->flow != NULL ? event->flow->client_identifier : finding->client_identifier;
    if (!is_of_deliveries(finding->what->rule))
        return;
    g_string_append_printf(
        found, "%s %.*s %.*s\n", mqtt_rule_info((enum mqtt_rule)finding->what->rule)->id,
        (int)client.length, client.data, (int)finding->topic.length, finding->topic.data);
}

static void note_counts(struct audit_delivery_counts *into,
                        const struct audit_delivery_counts *more)
{
    into->expected += more->expected;
    into->delivered += more->delivered;
    into->late += more->late;
    into->lost += more->lost;
    into->dropped_qos_0 += more->dropped_qos_0;
    into->pending += more->pending;
    into->twice += more->twice;
    into->unknown += more->unknown;
    into->retained += more->retained;
    into->gone += more->gone;
    for (unsigned i = 0; i < AUDIT_EXCUSES; i++)
        into->excused[i] += more->excused[i];
}

static void note_event(void *user, const struct audit_event *event)
{
    struct hearing *hearing = user;
    if (event->kind == AUDIT_EVENT_FINDING)
        note_finding(hearing->found, event);
    if (event->kind == AUDIT_EVENT_DELIVERIES)
        note_counts(&hearing->counts, &event->deliveries.counts);
    if (event->kind == AUDIT_EVENT_PUBLISHED) {
        hearing->published++;
        hearing->by_bridges += event->message.by_bridge;
    }
    if (event->kind == AUDIT_EVENT_LIMIT)
        hearing->limits += event->limit.count;
}

static struct hearing hear(const char *text, uint64_t memory)
{
    struct hearing hearing = {.found = g_string_new(NULL)};
    const struct transcript_ear ear = {
        .user = &hearing,
        .opened = heard_opened,
        .packet = heard_packet,
        .over = heard_over,
        .close = heard_close,
        .end = heard_end,
    };
    const struct audit_recorder_options options = {.deliveries = true, .delivery_memory = memory};
    struct audit_sink sink = {.event = note_event, .user = &hearing};
    hearing.recorder = audit_recorder_new(&options);
    audit_recorder_attach(hearing.recorder, &sink);
    transcript_heard(text, &ear, NULL);
    audit_recorder_end(hearing.recorder);
    audit_recorder_free(hearing.recorder);
    return hearing;
}

/* Everything that was expected came to something. */
static void assert_sums(const struct audit_delivery_counts *counts)
{
    uint64_t sum = counts->delivered + counts->lost + counts->dropped_qos_0 + counts->pending;
    for (unsigned i = 0; i < AUDIT_EXCUSES; i++)
        sum += counts->excused[i];
    ck_assert_uint_eq(counts->expected, sum);
}

/* ---- Scenes ---- */

#define PAIR(level, options)                                                                       \
    "connection sub\nC CONNECT " level " sub clean\nS CONNACK\n"                                   \
    "C SUBSCRIBE 1 t/#:" options "\nS SUBACK 1 1\n"                                                \
    "connection pub\nC CONNECT " level " pub clean\nS CONNACK\n"
#define PUBLISHES(id, what) "use pub\nC PUBLISH 1 t/a id=" id " says=" what "\nS PUBACK " id "\n"
#define GETS(id, what) "use sub\nS PUBLISH 1 t/a id=" id " says=" what "\nC PUBACK " id "\n"

static const struct scene {
    const char *name;
    const char *text;
    const char *found;
} scenes[] = {
    {"all come",
     PAIR("3.1.1", "1") PUBLISHES("1", "one") GETS("1", "one") PUBLISHES("2", "two")
         GETS("2", "two"),
     ""},
    {"one of three does not",
     PAIR("3.1.1", "1") PUBLISHES("1", "one") GETS("1", "one") PUBLISHES("2", "two")
         PUBLISHES("3", "three") GETS("2", "three"),
     "delivery-lost sub t/a\n"},
    {"the server never acknowledged it",
     PAIR("3.1.1", "1") PUBLISHES("1", "one")
         GETS("1", "one") "use pub\nC PUBLISH 1 t/a id=2 says=two\n" PUBLISHES("3", "three")
             GETS("2", "three"),
     ""},
    {"the server refused it",
     PAIR("5.0", "1") PUBLISHES("1", "one")
         GETS("1", "one") "use pub\nC PUBLISH 1 t/a id=2 says=two\nS PUBACK 2 0x87\n" PUBLISHES(
             "3", "three") GETS("2", "three"),
     ""},
    {"bytes that the capture lacks",
     PAIR("3.1.1", "1") PUBLISHES("1", "one") GETS("1", "one")
         PUBLISHES("2", "two") "use sub\ngap S\n" PUBLISHES("3", "three") GETS("2", "three"),
     ""},
    {"equal payloads are counted",
     PAIR("3.1.1", "1") PUBLISHES("1", "ON") GETS("1", "ON") PUBLISHES("2", "ON") GETS("2", "ON")
         PUBLISHES("3", "ON") GETS("3", "ON"),
     ""},
    {"one comes twice",
     PAIR("3.1.1", "1") PUBLISHES("1", "reading-1") GETS("1", "reading-1") GETS("2", "reading-1")
         PUBLISHES("2", "reading-2") GETS("3", "reading-2"),
     "delivered-twice-qos-1 sub t/a\n"},
    {"sent twice by its publisher",
     PAIR("3.1.1", "1") "use pub\nC PUBLISH 1 t/a id=1 says=reading-1\n"
                        "C PUBLISH 1 t/a id=1 dup says=reading-1\nS PUBACK 1\nS PUBACK 1\n" GETS(
                            "1", "reading-1") GETS("2", "reading-1"),
     ""},
    {"a publisher that the capture does not show",
     PAIR("3.1.1", "1") PUBLISHES("1", "ON") GETS("1", "ON") GETS("2", "elsewhere") GETS("3", "ON"),
     ""},
    {"the other way round",
     PAIR("3.1.1", "1") PUBLISHES("1", "one") PUBLISHES("2", "two") GETS("1", "two")
         GETS("2", "one"),
     "delivered-out-of-order sub t/a\n"},
    {"of two publishers each has its own order",
     PAIR("3.1.1", "1") "connection other\nC CONNECT 3.1.1 other clean\nS CONNACK\n"
                        "use pub\nC PUBLISH 1 t/a id=1 says=one\nS PUBACK 1\n"
                        "use other\nC PUBLISH 1 t/a id=1 says=two\nS PUBACK 1\n" GETS("1", "two")
                            GETS("2", "one"),
     ""},
    {"a topic that nobody asked for", PAIR("3.1.1", "1") "use sub\nS PUBLISH 0 u says=x\n",
     "delivered-without-subscription sub u\n"},
    {"asked for, and not answered yet",
     PAIR("3.1.1", "1") "use sub\nC SUBSCRIBE 2 u:0\nS PUBLISH 0 u says=x\nS SUBACK 2 0\n", ""},
    {"more than was granted",
     PAIR("3.1.1", "1") "use sub\nS PUBLISH 2 t/a id=7 says=x\nC PUBREC 7\nS PUBREL 7\n"
                        "C PUBCOMP 7\n",
     "delivered-above-granted-qos sub t/a\n"},
    {"its own, in spite of No Local",
     "connection own\nC CONNECT 5.0 own clean\nS CONNACK\nC SUBSCRIBE 1 t:5\nS SUBACK 1 1\n"
     "C PUBLISH 1 t id=1 says=mine\nS PUBACK 1\nS PUBLISH 1 t id=1 says=mine\nC PUBACK 1\n",
     "no-local-ignored own t\n"},
    {"its own",
     "connection own\nC CONNECT 5.0 own clean\nS CONNACK\nC SUBSCRIBE 1 t:1\nS SUBACK 1 1\n"
     "C PUBLISH 1 t id=1 says=mine\nS PUBACK 1\nS PUBLISH 1 t id=1 says=mine\nC PUBACK 1\n",
     ""},
    {"a will after DISCONNECT",
     PAIR("3.1.1", "1") "use sub\nC SUBSCRIBE 2 will:0\nS SUBACK 2 0\n"
                        "connection gone\nC CONNECT 3.1.1 gone clean will=0\nS CONNACK\n"
                        "C DISCONNECT\nclose C fin\nuse sub\nS PUBLISH 0 will says=gone\n",
     "will-after-disconnect gone will\n"},
    {"a will without DISCONNECT",
     PAIR("3.1.1", "1") "use sub\nC SUBSCRIBE 2 will:0\nS SUBACK 2 0\n"
                        "connection gone\nC CONNECT 3.1.1 gone clean will=0\nS CONNACK\n"
                        "close C rst\nuse sub\nS PUBLISH 0 will says=gone\n",
     ""},
};

START_TEST(scene)
{
    struct hearing hearing = hear(scenes[_i].text, 0);
    ck_assert_msg(strcmp(hearing.found->str, scenes[_i].found) == 0, "%s: found '%s', not '%s'",
                  scenes[_i].name, hearing.found->str, scenes[_i].found);
    assert_sums(&hearing.counts);
    g_string_free(hearing.found, TRUE);
}
END_TEST

/* With hardly any memory less is said, and nothing else. */
START_TEST(without_room)
{
    for (uint64_t memory = 1; memory < 64 * 1024; memory += 1 + memory / 4) {
        struct hearing hearing = hear(scenes[_i].text, memory);
        char **lines = g_strsplit(hearing.found->str, "\n", -1);
        for (char **at = lines; *at != NULL; at++)
            ck_assert_msg(strstr(scenes[_i].found, *at) != NULL, "%s, %d bytes: %s",
                          scenes[_i].name, (int)memory, *at);
        g_strfreev(lines);
        assert_sums(&hearing.counts);
        g_string_free(hearing.found, TRUE);
    }
}
END_TEST

/* What a session that ended was to get is gone; of one that is away it waits still. */
START_TEST(gone_with_their_session)
{
    static const struct {
        const char *back;
        unsigned gone;
    } ends[] = {
        {"", 0},
        {"connection again\nC CONNECT 3.1.1 sub\nS CONNACK sp\n", 0},
        {"connection again\nC CONNECT 3.1.1 sub\nS CONNACK\n", 2},
        {"connection again\nC CONNECT 3.1.1 sub clean\nS CONNACK\n", 2},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++) {
        char *text = g_strconcat("connection sub\nC CONNECT 3.1.1 sub\nS CONNACK\n"
                                 "C SUBSCRIBE 1 t/#:1\nS SUBACK 1 1\nC DISCONNECT\nclose C fin\n"
                                 "connection pub\nC CONNECT 3.1.1 pub clean\nS CONNACK\n",
                                 PUBLISHES("1", "a") PUBLISHES("2", "b"), ends[i].back, NULL);
        struct hearing hearing = hear(text, 0);
        ck_assert_str_eq(hearing.found->str, "");
        ck_assert_uint_eq(hearing.counts.expected, 2);
        ck_assert_msg(hearing.counts.gone == ends[i].gone, "%u: %d are gone", i,
                      (int)hearing.counts.gone);
        g_string_free(hearing.found, TRUE);
        g_free(text);
    }
}
END_TEST

/* What bridges publish is told apart. */
START_TEST(of_bridges)
{
    struct hearing hearing = hear("connection a\nC CONNECT 3.1.1 a bridge\nS CONNACK\n"
                                  "C PUBLISH 0 t\nC PUBLISH 0 t says=y\n"
                                  "connection b\nC CONNECT 3.1.1 b\nS CONNACK\nC PUBLISH 0 t\n",
                                  0);
    ck_assert_uint_eq(hearing.published, 3);
    ck_assert_uint_eq(hearing.by_bridges, 2);
    g_string_free(hearing.found, TRUE);
}
END_TEST

SUITE("delivery", TABLE(scene, scenes), TABLE(without_room, scenes), TEST(gone_with_their_session),
      TEST(of_bridges))
