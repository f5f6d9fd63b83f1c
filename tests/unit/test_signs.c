/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/signs: what a connection shows that no event tells, as transcripts whose numbers are worked
 * out by hand (a packet takes a millisecond), from the recorder to the row of the connection. */
#include "suite.h"
#include "transcript.h"

#include <stdio.h>
#include <string.h>

#include "audit/fold.h"
#include "audit/recorder.h"
#include "audit/strings.h"

struct hearing {
    struct audit_recorder *recorder;
    struct audit_open *open[4];
    struct audit_fold *fold;
};

static void heard_opened(void *user, unsigned number, const struct mqtt_connection_start *start,
                         const struct mqtt_connection *connection)
{
    (void)connection;
    struct hearing *hearing = user;
    const struct audit_opening opening = {
        .stream = number,
        .carrier = "tcp",
        .endpoints = {start->endpoints[0], start->endpoints[1]},
        .start_seen = start->start_seen,
        .time = start->time,
        .frame = start->frame,
    };
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

static int milliseconds(int64_t nanoseconds)
{
    return (int)(nanoseconds / 1000000);
}

static void append_span(GString *text, const char *name, const struct audit_span *span)
{
    if (span->frame != 0)
        g_string_append_printf(text, "%s %d ms %u from frame %d\n", name,
                               milliseconds(span->until - span->since), span->count,
                               (int)span->frame);
}

static void append_count(GString *text, const char *name, uint64_t count)
{
    if (count > 0)
        g_string_append_printf(text, "%s %d\n", name, (int)count);
}

/* The signs of the first connection that are not zero. Client is side 0. */
static char *signs_in_words(const struct audit_report *report)
{
    const struct audit_signs *signs = &audit_report_connection(report, 0)->signs;
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "last %s %s\n", mqtt_packet_type_name(signs->last[0].type),
                           mqtt_packet_type_name(signs->last[1].type));
    append_span(text, "waited", &signs->waited);
    append_span(text, "unanswered", &signs->unanswered);
    append_span(text, "unheard", &signs->unheard);
    append_span(text, "stalled", &signs->stalled);
    append_count(text, "alive", signs->stalled_alive);
    if (signs->stalled.frame != 0)
        append_count(text, "last delivery after",
                     (uint64_t)milliseconds(signs->stalled_last - signs->stalled.since));
    if (signs->pending.frame != 0)
        g_string_append_printf(text, "pending %d%s\n", (int)signs->pending.frame,
                               signs->pending.topic ==
                                       audit_rank((struct mqtt_slice){(const uint8_t *)"t", 1})
                                   ? " on t"
                                   : "");
    append_span(text, "burst", &signs->burst);
    append_span(text, "from client", &signs->repeated[0]);
    append_span(text, "from server", &signs->repeated[1]);
    append_count(text, "survived", (uint64_t)milliseconds(signs->survived));
    append_count(text, "tail", (uint64_t)milliseconds(signs->tail_silence));
    append_count(text, "in flight", signs->most_in_flight);
    append_count(text, "needless", signs->needless);
    append_count(text, "born", signs->births[0]);
    append_count(text, "born retained", signs->births[1]);
    append_count(text, "passed to server", signs->largest_passed[0]);
    return g_string_free(text, FALSE);
}

static const struct {
    const char *transcript;
    const char *signs;
} scenes[] = {
    /* A request waits for 4 s: the server's first packet ends that, whatever it answers. */
    {"connection a\nC CONNECT 3.1.1 dev ka=60\nS CONNACK\n"
     "C PUBLISH 1 t id=1\n+4\nS PUBACK 1\nC PINGREQ\n",
     "last PINGREQ PUBACK\nwaited 4001 ms 0 from frame 4\nunanswered 0 ms 0 from frame 6\n"
     "survived 4001\ntail 1\nneedless 1\npassed to server 17\n"},
    /* A silence that both survived, and one behind which only the client sent. */
    {"connection a\nC CONNECT 3.1.1 dev ka=60\nS CONNACK\n"
     "+10\nC PINGREQ\nS PINGRESP\n+20\nC PINGREQ\nC PINGREQ\n",
     "last PINGREQ PINGRESP\nwaited 1 ms 0 from frame 2\nunanswered 1 ms 0 from frame 6\n"
     "survived 10001\ntail 20001\nneedless 1\npassed to server 17\n"},
    /* Two deliveries are in flight for 9 s; pings go on. */
    {"connection a\nC CONNECT 3.1.1 dev ka=60\nS CONNACK\n"
     "S PUBLISH 1 t id=1\nS PUBLISH 1 t id=2 says=y\n+5\nC PINGREQ\n+4\nC PUBACK 1\nC PUBACK 2\n",
     "last PUBACK PUBLISH\nwaited 1 ms 0 from frame 2\nunanswered 4002 ms 0 from frame 6\n"
     "stalled 9003 ms 2 from frame 4\nalive 1\nlast delivery after 1\nsurvived 1\ntail 5001\nin "
     "flight 2\nneedless 1\n"
     "passed to server 17\n"},
    /* Of two deliveries the first is not acknowledged. */
    {"connection a\nC CONNECT 3.1.1 dev ka=60\nS CONNACK\n"
     "S PUBLISH 1 t id=1\nS PUBLISH 1 u id=2 says=y\nC PUBACK 2\n",
     "last PUBACK PUBLISH\nwaited 1 ms 0 from frame 2\n"
     "stalled 2 ms 2 from frame 4\nlast delivery after 1\npending 4 on t\n"
     "survived 1\ntail 1\nin flight 2\npassed to server 17\n"},
    /* ... and is what comes last. */
    {"connection a\nC CONNECT 3.1.1 dev ka=60\nS CONNACK\n"
     "S PUBLISH 1 u id=1\nC PUBACK 1\nS PUBLISH 1 t id=2\n",
     "last PUBACK PUBLISH\nwaited 1 ms 0 from frame 2\nunheard 0 ms 1 from frame 6\n"
     "stalled 1 ms 1 from frame 4\npending 6 on t\n"
     "survived 1\ntail 1\nin flight 1\npassed to server 17\n"},
    /* DISCONNECT says that a packet came, and not that it was taken. */
    {"connection a\nC CONNECT 5.0 dev ka=60\nS CONNACK\nC PUBLISH 0 t says=01234567890123456789\n"
     "S DISCONNECT 0x95\n",
     "last PUBLISH DISCONNECT\nwaited 1 ms 0 from frame 2\nunheard 0 ms 1 from frame 5\n"
     "survived 1\ntail 1\npassed to server 18\n"},
    /* The same message three times from the server, and another one. */
    {"connection a\nC CONNECT 3.1.1 dev ka=60\nS CONNACK\n"
     "S PUBLISH 0 t\nS PUBLISH 0 t\nS PUBLISH 0 t\nS PUBLISH 0 t says=y\n",
     "last CONNECT PUBLISH\nwaited 1 ms 0 from frame 2\nunheard 4 ms 5 from frame 3\n"
     "from server 2 ms 3 from frame 4\ntail 1\npassed to server 17\n"},
    /* Retained messages behind a SUBSCRIBE; what comes without RETAIN is none. */
    {"connection a\nC CONNECT 3.1.1 dev ka=60\nS CONNACK\nC SUBSCRIBE 1 t:0\nS SUBACK 1 0\n"
     "S PUBLISH 0 t retain\nS PUBLISH 0 u retain\nS PUBLISH 0 t\n",
     "last SUBSCRIBE PUBLISH\nwaited 1 ms 0 from frame 2\nunheard 3 ms 4 from frame 5\n"
     "burst 1 ms 2 from frame 4\nsurvived 1\ntail 1\npassed to server 17\n"},
};

START_TEST(signs_of_a_scene)
{
    struct hearing hearing = {0};
    const struct transcript_ear ear = {.user = &hearing,
                                       .opened = heard_opened,
                                       .packet = heard_packet,
                                       .over = heard_over,
                                       .close = heard_close,
                                       .end = heard_end};
    hearing.recorder = audit_recorder_new(NULL);
    hearing.fold = audit_fold_new(NULL);
    audit_recorder_attach(hearing.recorder, audit_fold_sink(hearing.fold));
    audit_file_begin(hearing.recorder, "scene", 0);
    transcript_heard(scenes[_i].transcript, &ear, NULL);
    audit_recorder_end(hearing.recorder);
    char *words = signs_in_words(audit_fold_finish(hearing.fold));
    ck_assert_str_eq(words, scenes[_i].signs);
    g_free(words);
    audit_fold_free(hearing.fold);
    audit_recorder_free(hearing.recorder);
}
END_TEST

SUITE("signs", TABLE(signs_of_a_scene, scenes))
