/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions in audit/: the life of a client across its connections, as transcripts whose numbers are
 * worked out by hand: a packet takes a millisecond, and each line that is no `+` takes a frame. */
#include "suite.h"
#include "transcript.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "audit/fold.h"
#include "audit/recorder.h"
#include "audit/report/json.h"
#include "mqtt/facts/time.h"

/* How many folds share the events out, besides the one that hears them all. */
#define PARTS 3

struct hearing {
    struct audit_recorder *recorder;
    struct audit_open *open[8];
    struct audit_fold *whole, *parts[PARTS];
    bool roams;
    GString *events; /* a line for each about a session */
};

/* ---- What is heard ---- */

static void heard_opened(void *user, unsigned number, const struct mqtt_connection_start *start,
                         const struct mqtt_connection *connection)
{
    (void)connection;
    struct hearing *hearing = user;
    struct audit_opening opening = {
        .stream = number,
        .carrier = "tcp",
        .endpoints = {start->endpoints[0], start->endpoints[1]},
        .start_seen = start->start_seen,
        .time = start->time,
        .frame = start->frame,
    };
    opening.endpoints[0] = (struct mqtt_endpoint){.address = {192, 0, 2, 1}, .family = 4};
    if (hearing->roams)
        opening.endpoints[0].address[3] = (uint8_t)(1 + number / 2);
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
    const struct audit_file_end end = {.packets = 1, .first = TRANSCRIPT_START, .last = time};
    audit_sessions_ended(hearing->recorder, sessions, time);
    audit_file_end(hearing->recorder, &end);
}

/* ---- What is told ---- */

static void append_waiting(GString *line, const struct audit_session_event *session)
{
    if (!session->counted) {
        g_string_append(line, " ?");
        return;
    }
    g_string_append_printf(line, " %u+%u/%u+%u", session->waiting[0].publish,
                           session->waiting[0].release, session->waiting[1].publish,
                           session->waiting[1].release);
}

/* "9 session-resumed offline 10001 2+0/0+0": the frame, what was before, milliseconds offline, and
 * what waited: PUBLISH + PUBREL of the client / of the server. */
static void note_event(void *user, const struct audit_event *event)
{
    GString *events = user;
    const struct audit_session_event *session = &event->session;
    const bool comes =
        event->kind == AUDIT_EVENT_SESSION_BEGAN || event->kind == AUDIT_EVENT_SESSION_RESUMED;
    if (event->kind < AUDIT_EVENT_SESSION_BEGAN || event->kind > AUDIT_EVENT_SESSION_EXPIRED)
        return;
    g_string_append_printf(events, "%d %s", (int)event->frame, audit_event_info(event->kind)->name);
    if (comes)
        g_string_append_printf(
            events, " %s",
            audit_past_name(session->past) != NULL ? audit_past_name(session->past) : "?");
    if (session->offline != MQTT_NO_TIME)
        g_string_append_printf(events, " %d", (int)(session->offline / 1000000));
    if (event->kind != AUDIT_EVENT_SESSION_TAKEN_OVER && event->kind != AUDIT_EVENT_SESSION_ENDED)
        append_waiting(events, session);
    g_string_append_c(events, '\n');
}

/* A connection to one of the parts; what is about none, anywhere. */
static void deal_event(void *user, const struct audit_event *event)
{
    struct hearing *hearing = user;
    const uint64_t number = event->flow != NULL ? event->flow->number : event->ordinal;
    struct audit_sink *sink = audit_fold_sink(hearing->parts[number % PARTS]);
    if (event->kind == AUDIT_EVENT_FILE_BEGIN || event->kind == AUDIT_EVENT_FILE_END)
        sink = audit_fold_sink(hearing->parts[0]);
    sink->event(sink->user, event);
}

/* `roams`: the client comes from another address with every second connection. */
static struct hearing *hear_run(const char *text, bool roams, struct transcript_run *run)
{
    struct hearing *hearing = g_new0(struct hearing, 1);
    const struct transcript_ear ear = {
        .user = hearing,
        .opened = heard_opened,
        .packet = heard_packet,
        .over = heard_over,
        .close = heard_close,
        .end = heard_end,
    };
    hearing->roams = roams;
    hearing->recorder = audit_recorder_new(NULL);
    hearing->events = g_string_new(NULL);
    hearing->whole = audit_fold_new(NULL);
    struct audit_sink events = {.event = note_event, .user = hearing->events};
    struct audit_sink deal = {.event = deal_event, .user = hearing};
    audit_recorder_attach(hearing->recorder, audit_fold_sink(hearing->whole));
    audit_recorder_attach(hearing->recorder, &events);
    audit_recorder_attach(hearing->recorder, &deal);
    for (unsigned i = 0; i < PARTS; i++) {
        hearing->parts[i] = audit_fold_new(NULL);
        audit_fold_sink(hearing->parts[i])->slot = deal.slot;
    }
    audit_file_begin(hearing->recorder, "scene", 0);
    transcript_heard(text, &ear, run);
    audit_recorder_end(hearing->recorder);
    return hearing;
}

static struct hearing *hear(const char *text)
{
    return hear_run(text, false, NULL);
}

static void hearing_free(struct hearing *hearing)
{
    audit_fold_free(hearing->whole);
    audit_recorder_free(hearing->recorder);
    g_string_free(hearing->events, TRUE);
    g_free(hearing);
}

static void free_all(struct hearing *hearing)
{
    for (unsigned i = 0; i < PARTS; i++)
        audit_fold_free(hearing->parts[i]);
    hearing_free(hearing);
}

/* ---- What it adds up to ---- */

static void append_owed(GString *text, const char *whose, const struct audit_owed *owed)
{
    const struct audit_carried *carried = &owed->carried;
    ck_assert_uint_eq(carried->resumed, carried->met + carried->silent + carried->unknown);
    g_string_append_printf(
        text,
        "%s: %u+%u owed, %u resumed, %u resent, %u finished, %u silent, %u unknown, %u dropped\n",
        whose, owed->publish, owed->release, carried->resumed, carried->resent, carried->finished,
        carried->silent, carried->unknown, owed->dropped);
}

static int milliseconds(int64_t nanoseconds)
{
    return (int)(nanoseconds / 1000000);
}

/* The only session of a report, in words. */
static char *life_in_words(const struct audit_report *report)
{
    static const struct audit_session_life none = {.shortest_interval = INT64_MAX};
    GString *text = g_string_new(NULL);
    ck_assert_uint_eq(report->sessions->len, 1);
    const struct audit_session *session = audit_report_session(report, 0);
    const struct audit_session_life *life = session->life != NULL ? session->life : &none;
    const char *state = audit_session_state_name(audit_session_state(session));
    g_string_append_printf(
        text,
        "%u came, %u accepted, %u new, %u resumed, %u taken over, %u lost, %u expired, "
        "%u cleared, %u ended\n",
        (unsigned)session->connections, (unsigned)session->accepted, session->began,
        (unsigned)session->resumed, (unsigned)session->taken_over, life->past[MQTT_PAST_LOST],
        life->past[MQTT_PAST_EXPIRED] + life->expired_at_end, life->past[MQTT_PAST_CLEARED],
        life->past[MQTT_PAST_ENDED]);
    g_string_append_printf(text, "online %d in %u, offline %d in %u but %u, longest %d",
                           milliseconds(session->online), session->measured,
                           milliseconds(life->offline), life->offline_spans, life->offline_unknown,
                           milliseconds(life->longest_offline));
    if (life->intervals > 0)
        g_string_append_printf(text, ", every %d, at least %d",
                               milliseconds(life->interval) / (int)life->intervals,
                               milliseconds(life->shortest_interval));
    g_string_append_printf(text, "\nends %u known, %u not; %s\n", life->counted, life->uncounted,
                           state != NULL ? state : "?");
    append_owed(text, "client", &life->owed[AUDIT_CLIENT]);
    append_owed(text, "server", &life->owed[AUDIT_SERVER]);
    return g_string_free(text, FALSE);
}

#define NOTHING_OWED                                                                               \
    "client: 0+0 owed, 0 resumed, 0 resent, 0 finished, 0 silent, 0 unknown, 0 dropped\n"          \
    "server: 0+0 owed, 0 resumed, 0 resent, 0 finished, 0 silent, 0 unknown, 0 dropped\n"

static const struct scene {
    const char *text;
    const char *events;
    const char *life;
} scenes[] = {
    /* 5.0: two publishes are owed, and one of them is sent again; then the session expires, and is
     * taken over. Online 1003 + 2003 + 1003 + 1002 ms. */
    {"connection a\n"                         /* frame 1, 0 ms */
     "C CONNECT 5.0 dev ka=60 {110000003c}\n" /* 1 ms */
     "S CONNACK\n"                            /* frame 3 */
     "C PUBLISH 1 t id=1\n"                   /* 3 ms */
     "C PUBLISH 2 t id=2\n"                   /* 4 ms */
     "+1\n"                                   /* 1004 ms */
     "close C rst\n"                          /* frame 6 */
     "+10\n"                                  /* 11004 ms */
     "connection b\n"                         /* frame 7 */
     "C CONNECT 5.0 dev ka=60 {110000003c}\n" /* 11005 ms */
     "S CONNACK sp\n"                         /* frame 9 */
     "C PUBLISH 1 t id=1 dup\n"               /* 11007 ms */
     "S PUBACK 1\n"                           /* frame 11 */
     "+2\n"                                   /* 13008 ms */
     "close C fin\n"                          /* frame 12 */
     "+100\n"                                 /* 113008 ms */
     "connection c\n"                         /* frame 13 */
     "C CONNECT 5.0 dev ka=60 {110000003c}\n" /* 113009 ms */
     "S CONNACK\n"                            /* frame 15 */
     "+1\n"                                   /* 114010 ms */
     "connection d\n"                         /* frame 16 */
     "C CONNECT 5.0 dev ka=60 {110000003c}\n" /* 114011 ms */
     "S CONNACK sp\n"                         /* frame 18, 114012 ms */
     "use c\n"                                /**/
     "close S fin\n"                          /* frame 19 */
     "use d\n"                                /**/
     "+1\n"                                   /* 115012 ms */
     "C DISCONNECT\n"                         /* frame 20, 115013 ms */
     "close C fin\n",                         /* frame 21 */
     "3 session-began first ?\n"
     "6 session-offline 2+0/0+0\n"
     "9 session-resumed offline 10001 2+0/0+0\n"
     "12 session-offline 1+0/0+0\n"
     "15 session-expired 100001 1+0/0+0\n"
     "15 session-began expired 100001 1+0/0+0\n"
     "18 session-taken-over\n"
     "18 session-resumed taken-over 0+0/0+0\n"
     "21 session-offline 0+0/0+0\n",
     "4 came, 4 accepted, 2 new, 2 resumed, 1 taken over, 0 lost, 1 expired, 0 cleared, 0 ended\n"
     "online 5011 in 4, offline 110002 in 2 but 0, longest 100001, every 38003, at least 1002\n"
     "ends 4 known, 0 not; offline\n"
     "client: 3+0 owed, 2 resumed, 1 resent, 1 finished, 1 silent, 0 unknown, 1 dropped\n"
     "server: 0+0 owed, 0 resumed, 0 resent, 0 finished, 0 silent, 0 unknown, 0 dropped\n"},
    /* 3.1.1: a PUBREL and a delivery are owed; the first comes, and the server loses the session
     * with the second. Then the clock is set back while the client is offline. The first connection
     * is seen to end, and closed only when the second one is there. */
    {"connection a\n"              /* frame 1, 0 ms */
     "C CONNECT 3.1.1 dev ka=60\n" /* 1 ms */
     "S CONNACK\n"                 /* frame 3 */
     "C PUBLISH 2 t id=1\n"        /**/
     "S PUBREC 1\n"                /**/
     "S PUBLISH 1 u id=7\n"        /* 5 ms */
     "over C\n"                    /* frame 7 */
     "+10\n"                       /* 10005 ms */
     "connection b\n"              /* frame 8 */
     "C CONNECT 3.1.1 dev ka=60\n" /* 10006 ms */
     "S CONNACK sp\n"              /* frame 10 */
     "C PUBREL 1\n"                /**/
     "S PUBCOMP 1\n"               /* frame 12, 10009 ms */
     "use a\n"                     /**/
     "close C rst\n"               /* frame 13 */
     "use b\n"                     /**/
     "close S fin\n"               /* frame 14 */
     "+5\n"                        /* 15009 ms */
     "connection c\n"              /* frame 15 */
     "C CONNECT 3.1.1 dev ka=60\n" /* 15010 ms */
     "S CONNACK\n"                 /* frame 17, 15011 ms */
     "close C fin\n"               /* frame 18 */
     "+-100\n"                     /* -84989 ms */
     "connection d\n"              /* frame 19 */
     "C CONNECT 3.1.1 dev ka=60\n" /* -84988 ms */
     "S CONNACK sp\n"              /* frame 21 */
     "C DISCONNECT\n"              /* -84986 ms */
     "close C fin\n",              /* frame 23 */
     "3 session-began first ?\n"
     "7 session-offline 0+1/1+0\n"
     "10 session-resumed offline 10001 0+1/1+0\n"
     "14 session-offline 0+0/1+0\n"
     "17 session-began lost 5001 0+0/1+0\n"
     "18 session-offline 0+0/0+0\n"
     "21 session-resumed offline 0+0/0+0\n"
     "23 session-offline 0+0/0+0\n",
     "4 came, 4 accepted, 2 new, 2 resumed, 0 taken over, 1 lost, 0 expired, 0 cleared, 0 ended\n"
     "online 10 in 4, offline 15002 in 3 but 1, longest 10001, every 7504, at least 5004\n"
     "ends 4 known, 0 not; offline\n"
     "client: 0+1 owed, 1 resumed, 1 resent, 1 finished, 0 silent, 0 unknown, 0 dropped\n"
     "server: 2+0 owed, 1 resumed, 0 resent, 0 finished, 1 silent, 0 unknown, 1 dropped\n"},
    /* 5.0: nobody comes back, and 5 s have passed for certain. */
    {"connection a\n"
     "C CONNECT 5.0 dev ka=60 {1100000005}\n"
     "S CONNACK\n"
     "S PUBLISH 1 t id=1\n"
     "C DISCONNECT\n"
     "close C fin\n"
     "+8\n",
     "3 session-began first ?\n"
     "6 session-offline 0+0/1+0\n"
     "6 session-expired 8000 0+0/1+0\n",
     "1 came, 1 accepted, 1 new, 0 resumed, 0 taken over, 0 lost, 1 expired, 0 cleared, 0 ended\n"
     "online 3 in 1, offline 0 in 0 but 0, longest 0\n"
     "ends 1 known, 0 not; expired\n"
     "client: 0+0 owed, 0 resumed, 0 resent, 0 finished, 0 silent, 0 unknown, 0 dropped\n"
     "server: 1+0 owed, 0 resumed, 0 resent, 0 finished, 0 silent, 0 unknown, 1 dropped\n"},
    /* ... but the clock is set back: it may have it still. */
    {"connection a\n"
     "C CONNECT 5.0 dev ka=60 {1100000005}\n"
     "S CONNACK\n"
     "S PUBLISH 1 t id=1\n"
     "C DISCONNECT\n"
     "close C fin\n"
     "+-8\n",
     "3 session-began first ?\n"
     "6 session-offline 0+0/1+0\n",
     "1 came, 1 accepted, 1 new, 0 resumed, 0 taken over, 0 lost, 0 expired, 0 cleared, 0 ended\n"
     "online 3 in 1, offline 0 in 0 but 0, longest 0\n"
     "ends 1 known, 0 not; offline\n"
     "client: 0+0 owed, 0 resumed, 0 resent, 0 finished, 0 silent, 0 unknown, 0 dropped\n"
     "server: 1+0 owed, 0 resumed, 0 resent, 0 finished, 0 silent, 0 unknown, 0 dropped\n"},
    /* Back before the expiry, and the server has nothing: the clock was not set back, so it is
     * lost. */
    {"connection a\n"
     "C CONNECT 5.0 dev {110000003c}\n"
     "S CONNACK\n"
     "C DISCONNECT\n"
     "close C fin\n"
     "+3\n"
     "connection b\n"
     "C CONNECT 5.0 dev {110000003c}\n"
     "S CONNACK\n",
     "3 session-began first ?\n"
     "5 session-offline 0+0/0+0\n"
     "8 session-began lost 3001 0+0/0+0\n",
     "2 came, 2 accepted, 2 new, 0 resumed, 0 taken over, 1 lost, 0 expired, 0 cleared, 0 ended\n"
     "online 3 in 2, offline 3001 in 1 but 0, longest 3001, every 3003, at least 3003\n"
     "ends 1 known, 0 not; online\n" NOTHING_OWED},
    /* ... and if it was, nobody knows how long it was. */
    {"connection a\n"
     "C CONNECT 5.0 dev {110000003c}\n"
     "S CONNACK\n"
     "C DISCONNECT\n"
     "close C fin\n"
     "+-3\n"
     "connection b\n"
     "C CONNECT 5.0 dev {110000003c}\n"
     "S CONNACK\n",
     "3 session-began first ?\n"
     "5 session-offline 0+0/0+0\n"
     "8 session-began ? 0+0/0+0\n",
     "2 came, 2 accepted, 2 new, 0 resumed, 0 taken over, 0 lost, 0 expired, 0 cleared, 0 ended\n"
     "online 3 in 2, offline 0 in 1 but 1, longest 0\n"
     "ends 1 known, 0 not; online\n" NOTHING_OWED},
    /* The client gives up what the server keeps; then it wants nothing kept. */
    {"connection a\n"
     "C CONNECT 3.1.1 dev\n"
     "S CONNACK\n"
     "C PUBLISH 1 t id=1\n"
     "close C fin\n"
     "+1\n"
     "connection b\n"
     "C CONNECT 3.1.1 dev clean\n"
     "S CONNACK\n"
     "C PUBLISH 1 t id=1\n"
     "close C fin\n"
     "+1\n"
     "connection c\n"
     "C CONNECT 3.1.1 dev clean\n"
     "S CONNACK\n"
     "close C fin\n",
     "3 session-began first ?\n"
     "5 session-offline 1+0/0+0\n"
     "8 session-began cleared 1001 1+0/0+0\n"
     "10 session-ended\n"
     "13 session-began ended 1001 0+0/0+0\n"
     "14 session-ended\n",
     "3 came, 3 accepted, 3 new, 0 resumed, 0 taken over, 0 lost, 0 expired, 1 cleared, 1 ended\n"
     "online 5 in 3, offline 2002 in 2 but 0, longest 1001, every 1003, at least 1003\n"
     "ends 1 known, 0 not; ended\n"
     "client: 1+0 owed, 0 resumed, 0 resent, 0 finished, 0 silent, 0 unknown, 1 dropped\n"
     "server: 0+0 owed, 0 resumed, 0 resent, 0 finished, 0 silent, 0 unknown, 0 dropped\n"},
    /* Bytes are missing: what looks unfinished may be done, so nothing is counted. */
    {"connection a\n"
     "C CONNECT 3.1.1 dev\n"
     "S CONNACK\n"
     "C PUBLISH 1 t id=1\n"
     "gap S\n"
     "close C fin\n"
     "+1\n"
     "connection b\n"
     "C CONNECT 3.1.1 dev\n"
     "S CONNACK sp\n",
     "3 session-began first ?\n"
     "6 session-offline ?\n"
     "9 session-resumed offline 1001 ?\n",
     "2 came, 2 accepted, 1 new, 1 resumed, 0 taken over, 0 lost, 0 expired, 0 cleared, 0 ended\n"
     "online 3 in 2, offline 1001 in 1 but 0, longest 1001, every 1003, at least 1003\n"
     "ends 0 known, 1 not; online\n" NOTHING_OWED},
    /* It comes again before CONNACK, or the capture ends before it can. */
    {"connection a\n"
     "C CONNECT 3.1.1 dev\n"
     "S CONNACK\n"
     "C PUBLISH 1 t id=1\n"
     "C PUBLISH 1 t id=2\n"
     "close C fin\n"
     "+1\n"
     "connection b\n"
     "C CONNECT 3.1.1 dev\n"
     "C PUBLISH 1 t id=1 dup\n"
     "S CONNACK sp\n"
     "S PUBACK 1\n",
     "3 session-began first ?\n"
     "6 session-offline 2+0/0+0\n"
     "10 session-resumed offline 1001 2+0/0+0\n",
     "2 came, 2 accepted, 1 new, 1 resumed, 0 taken over, 0 lost, 0 expired, 0 cleared, 0 ended\n"
     "online 6 in 2, offline 1001 in 1 but 0, longest 1001, every 1004, at least 1004\n"
     "ends 1 known, 0 not; online\n"
     "client: 2+0 owed, 2 resumed, 1 resent, 1 finished, 0 silent, 1 unknown, 0 dropped\n"
     "server: 0+0 owed, 0 resumed, 0 resent, 0 finished, 0 silent, 0 unknown, 0 dropped\n"},
    /* Resumed from before the capture; 3.1 says nothing; who is refused changes nothing. */
    {"connection a\n"
     "C CONNECT 3.1.1 dev\n"
     "S CONNACK sp\n"
     "close C fin\n"
     "+1\n"
     "connection b\n"
     "C CONNECT 3.1.1 dev\n"
     "S CONNACK code=5\n"
     "close S fin\n"
     "+1\n"
     "connection c\n"
     "C CONNECT 3.1 dev\n"
     "S CONNACK\n",
     "3 session-resumed first ?\n"
     "4 session-offline 0+0/0+0\n"
     "11 session-began ? 2003 0+0/0+0\n",
     "3 came, 2 accepted, 0 new, 1 resumed, 0 taken over, 0 lost, 0 expired, 0 cleared, 0 ended\n"
     "online 2 in 2, offline 2003 in 1 but 0, longest 2003, every 1002, at least 1002\n"
     "ends 1 known, 0 not; online\n" NOTHING_OWED},
};

START_TEST(a_life_is_told)
{
    const struct scene *scene = &scenes[_i];
    struct hearing *hearing = hear(scene->text);
    ck_assert_str_eq(hearing->events->str, scene->events);
    char *life = life_in_words(audit_fold_finish(hearing->whole));
    ck_assert_str_eq(life, scene->life);
    g_free(life);
    free_all(hearing);
}
END_TEST

static char *json_of(struct audit_fold *fold)
{
    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    report_json(audit_fold_finish(fold), file);
    fclose(file);
    return text;
}

/* Whichever part has which connection, and in whatever order they are put together. */
START_TEST(parts_make_the_same_life)
{
    static const unsigned orders[][PARTS] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
    for (unsigned i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct hearing *hearing = hear(scenes[_i].text);
        struct audit_fold *sum = hearing->parts[orders[i][0]];
        audit_fold_merge(sum, hearing->parts[orders[i][1]]);
        audit_fold_merge(sum, hearing->parts[orders[i][2]]);
        char *expected = json_of(hearing->whole), *got = json_of(sum);
        ck_assert_str_eq(got, expected);
        free(expected);
        free(got);
        audit_fold_free(sum);
        hearing_free(hearing);
    }
}
END_TEST

/* The four connections of the first scene: two from one address, two from another. */
START_TEST(a_client_roams)
{
    struct hearing *hearing = hear_run(scenes[0].text, true, NULL);
    char *report = json_of(hearing->whole);
    ck_assert_ptr_nonnull(strstr(report, "\"address\": \"192.0.2.2\""));
    ck_assert_ptr_nonnull(strstr(report, "\"addresses\": 2,"));
    ck_assert_ptr_nonnull(strstr(report,
                                 "\"end_causes\": {\"client-disconnect\": 1, \"taken-over\": 1, "
                                 "\"client-closed\": 1, \"client-reset\": 1}"));
    free(report);
    free_all(hearing);
}
END_TEST

/* What would be a fault of somebody. */
static unsigned blame(struct hearing *hearing)
{
    const struct audit_report *report = audit_fold_finish(hearing->whole);
    unsigned count = 0;
    for (unsigned i = 0; i < report->sessions->len; i++) {
        const struct audit_session_life *life = audit_report_session(report, i)->life;
        if (life == NULL)
            continue;
        count += life->past[MQTT_PAST_LOST] + life->past[MQTT_PAST_EXPIRED] + life->expired_at_end;
        for (unsigned role = 0; role < AUDIT_ROLES; role++) {
            const struct audit_carried *carried = &life->owed[role].carried;
            ck_assert_uint_eq(carried->resumed, carried->met + carried->silent + carried->unknown);
            count += carried->silent;
        }
    }
    return count;
}

/* Where the n-th allocation fails, for every n, nothing is said to be lost that was not. */
START_TEST(without_memory)
{
    struct transcript_run whole = {.start = TRANSCRIPT_START};
    struct hearing *hearing = hear_run(scenes[_i].text, false, &whole);
    const unsigned most = blame(hearing);
    free_all(hearing);
    for (uint64_t n = 1; n <= whole.allocations; n++) {
        struct transcript_run run = {.start = TRANSCRIPT_START, .failing = n};
        hearing = hear_run(scenes[_i].text, false, &run);
        ck_assert_uint_le(blame(hearing), most);
        free_all(hearing);
    }
}
END_TEST

/* The sanitizers watch the arithmetic. */
START_TEST(at_the_ends_of_time)
{
    static const int64_t starts[] = {INT64_MIN, INT64_MIN + 1,          -1,
                                     0,         INT64_MAX - 1000000000, INT64_MAX};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        struct transcript_run run = {.start = starts[i]};
        struct hearing *hearing = hear_run(scenes[_i].text, false, &run);
        char *report = json_of(hearing->whole);
        ck_assert_ptr_nonnull(report);
        free(report);
        free_all(hearing);
    }
}
END_TEST

SUITE("sessions", TABLE(a_life_is_told, scenes), TABLE(parts_make_the_same_life, scenes),
      TEST(a_client_roams), TABLE(without_memory, scenes), TABLE(at_the_ends_of_time, scenes))
