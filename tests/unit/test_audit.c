/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/: what connections add up to, the bounds, and that merging makes the same report as one
 * pass. */
#include "suite.h"

#include "audit/fold.h"
#include "audit/recorder.h"
#include "audit/report/json.h"
#include "audit/report/text.h"
#include "mqtt/state/session.h"
#include "mqtt/wire/stream.h"

#include <stdio.h>
#include <string.h>

enum { CLIENT, SERVER };

/* One packet of a conversation. */
struct line {
    unsigned side;
    const char *bytes;
    size_t length;
};

#define SAYS(side, text)                                                                           \
    {                                                                                              \
        (side), (text), sizeof(text) - 1                                                           \
    }

#define CONNECT(id) SAYS(CLIENT, "\x10\x0d\0\4MQTT\4\2\0\x3c\0\1" id)
#define CONNACK SAYS(SERVER, "\x20\2\0\0")
#define PUBLISH_1(topic) SAYS(CLIENT, "\x32\x06\0\1" topic "\0\1x")
#define PUBACK SAYS(SERVER, "\x40\2\0\1")
#define DELIVER(topic) SAYS(SERVER, "\x31\x05\0\1" topic "yz")
#define QOS_3 SAYS(CLIENT, "\x36\x05\0\1t\0\7")
#define DISCONNECT SAYS(CLIENT, "\xe0\0")

static const struct line clean[] = {CONNECT("a"), CONNACK,        PUBLISH_1("t"), PUBACK,
                                    DELIVER("u"), PUBLISH_1("u"), PUBACK,         DISCONNECT};
static const struct line again[] = {CONNECT("a"), CONNACK, PUBLISH_1("v"), PUBACK, DISCONNECT};
static const struct line wrong[] = {CONNECT("b"), CONNACK, PUBLISH_1("t"), QOS_3, QOS_3};
static const struct line open_end[] = {CONNECT("c"), CONNACK, PUBLISH_1("t")};
static const struct line refused[] = {CONNECT("d"), SAYS(SERVER, "\x20\2\0\5")};
static const struct line unanswered[] = {CONNECT("e"), CONNACK, SAYS(CLIENT, "\xc0\0")};

static const struct conversation {
    const struct line *lines;
    size_t count;
    enum mqtt_close how;
} conversations[] = {
#define CONVERSATION(lines, how)                                                                   \
    {                                                                                              \
        (lines), sizeof(lines) / sizeof((lines)[0]), (how)                                         \
    }
    CONVERSATION(clean, MQTT_CLOSE_FIN),         CONVERSATION(wrong, MQTT_CLOSE_RST),
    CONVERSATION(again, MQTT_CLOSE_FIN),         CONVERSATION(open_end, MQTT_CLOSE_CAPTURE_END),
    CONVERSATION(refused, MQTT_CLOSE_FIN),       CONVERSATION(unanswered, MQTT_CLOSE_FIN),
    CONVERSATION(open_end, MQTT_CLOSE_FIN),      CONVERSATION(wrong, MQTT_CLOSE_FIN),
    CONVERSATION(clean, MQTT_CLOSE_CAPTURE_END),
};
#define CONVERSATIONS (sizeof conversations / sizeof conversations[0])

static struct mqtt_place place_of(size_t number, size_t line, unsigned side)
{
    return (struct mqtt_place){
        .time = (int64_t)(number * 1000 + line * (line + number)) * 1000000,
        .frame = number * 100 + line + 1,
        .token = number,
        .side = (uint8_t)side,
    };
}

/* A recorder and the fold that hears it. */
struct audit {
    struct audit_recorder *recorder;
    struct audit_fold *fold;
};

static struct audit *audit_new(const struct audit_recorder_options *what,
                               const struct audit_fold_options *bounds)
{
    struct audit *audit = g_new(struct audit, 1);
    audit->recorder = audit_recorder_new(what);
    audit->fold = audit_fold_new(bounds);
    audit_recorder_attach(audit->recorder, audit_fold_sink(audit->fold));
    return audit;
}

static void audit_free(struct audit *audit)
{
    audit_fold_free(audit->fold);
    audit_recorder_free(audit->recorder);
    g_free(audit);
}

static const struct audit_report *audit_finish(struct audit *audit)
{
    audit_recorder_end(audit->recorder);
    return audit_fold_finish(audit->fold);
}

static void audit_merge(struct audit *into, struct audit *from)
{
    audit_recorder_end(from->recorder);
    audit_fold_merge(into->fold, from->fold);
    audit_recorder_free(from->recorder);
    g_free(from);
}

/* Feeds a conversation as the n-th connection of a capture. */
static void converse(struct audit *audit, struct mqtt_sessions *sessions,
                     const struct conversation *conversation, size_t number)
{
    struct mqtt_step step;
    struct mqtt_place place = place_of(number, 0, CLIENT);
    const struct mqtt_connection_start start = {
        .time = place.time,
        .frame = place.frame,
        .endpoints = {{{192, 0, 2, 1}, (uint16_t)(40000 + number), 4},
                      {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}, 1883, 6}},
        .start_seen = true,
    };
    const struct audit_opening opening = {
        .stream = (int64_t)number,
        .carrier = "tcp",
        .endpoints = {start.endpoints[0], start.endpoints[1]},
        .start_seen = true,
        .time = place.time,
        .frame = place.frame,
    };
    struct mqtt_connection *connection = mqtt_connection_new(sessions, &start);
    struct audit_open *open = audit_connection_opened(audit->recorder, &opening);
    for (size_t i = 0; i < conversation->count; i++) {
        const struct line *line = &conversation->lines[i];
        const uint8_t *bytes = (const uint8_t *)line->bytes;
        struct mqtt_packet packet;
        place = place_of(number, i, line->side);
        const struct mqtt_bytes all = {bytes, line->length, line->length};
        ck_assert_int_ne(mqtt_connection_packet(connection, &place, &all, NULL, &packet, &step),
                         MQTT_NEED_MORE);
        audit_connection_step(audit->recorder, open, &place, &packet, &step);
    }
    place = place_of(number, conversation->count, CLIENT);
    place.time += MQTT_CLOSE_GRACE; /* no answer is under way any more */
    audit_connection_closed(audit->recorder, open, connection, &place, conversation->how, &step);
    mqtt_connection_free(connection);
}

/* One of the table, with sessions of its own. */
static void hold(struct audit *audit, size_t number)
{
    struct mqtt_sessions *sessions = mqtt_sessions_new(&(struct mqtt_sessions_options){0});
    converse(audit, sessions, &conversations[number % CONVERSATIONS], number);
    audit_sessions_ended(audit->recorder, sessions, place_of(number, 10, CLIENT).time);
    mqtt_sessions_free(sessions);
}

static char *json_of(struct audit *audit)
{
    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    report_json(audit_finish(audit), file);
    fclose(file);
    return text;
}

static struct audit *bounded_audit_of(size_t first, size_t end,
                                      const struct audit_fold_options *bounds)
{
    struct audit *audit = audit_new(NULL, bounds);
    for (size_t i = first; i < end; i++)
        hold(audit, i);
    return audit;
}

static struct audit *audit_of(size_t first, size_t end)
{
    return bounded_audit_of(first, end, NULL);
}

#define MANY (3 * CONVERSATIONS)

START_TEST(totals_add_up)
{
    struct audit *audit = audit_of(0, CONVERSATIONS);
    const struct audit_report *report = audit_finish(audit);
    const struct audit_totals *totals = &report->totals;
    ck_assert_uint_eq(totals->connections, CONVERSATIONS);
    ck_assert_uint_eq(report->connections->len, CONVERSATIONS);
    ck_assert_uint_eq(totals->clients, 5);
    ck_assert_uint_eq(totals->sessions, 4); /* d was refused */
    ck_assert_uint_eq(totals->packets[AUDIT_CLIENT][MQTT_CONNECT], CONVERSATIONS);
    ck_assert_uint_eq(totals->packets[AUDIT_SERVER][MQTT_CONNACK], CONVERSATIONS);
    ck_assert_uint_eq(totals->packets[AUDIT_SERVER][MQTT_PUBLISH], 2);

    const struct audit_handshakes *qos_1 = &totals->handshakes[AUDIT_CLIENT][MQTT_HANDSHAKE_QOS_1];
    ck_assert_uint_eq(qos_1->count.started, 9);
    ck_assert_uint_eq(qos_1->count.completed, 5);
    ck_assert_uint_eq(qos_1->count.open, 1);
    ck_assert_uint_eq(qos_1->count.incomplete, 3);
    ck_assert_uint_eq(qos_1->count.stage[1], 4);
    ck_assert_uint_eq(audit_handshakes_latency(qos_1).count, 5);
    ck_assert_uint_eq(totals->handshakes[AUDIT_CLIENT][MQTT_HANDSHAKE_PING].count.incomplete, 1);
    ck_assert_uint_eq(totals->handshakes[AUDIT_CLIENT][MQTT_HANDSHAKE_CONNECT].count.refused, 1);
    ck_assert_uint_eq(totals->findings_by_rule[MQTT_RULE_PUBLISH_QOS_3], 4);
    ck_assert_uint_eq(totals->findings_by_rule[MQTT_RULE_PINGREQ_UNANSWERED], 1);

    /* t: clean twice, wrong twice, open_end twice; QoS 3 is no delivery at all */
    const struct audit_topic *topic = audit_report_topic(report, 0);
    ck_assert_uint_eq(topic->name->length, 1);
    ck_assert_uint_eq(topic->published, 6);
    ck_assert_uint_eq(topic->published_bytes, 6);
    const struct audit_topic *delivered = audit_report_topic(report, 1);
    ck_assert_uint_eq(delivered->delivered, 2);
    ck_assert_uint_eq(delivered->retained, 2);
    ck_assert_uint_eq(delivered->delivered_bytes, 4);
    audit_free(audit);
}
END_TEST

START_TEST(sessions_link_their_connections)
{
    struct audit *audit = audit_of(0, MANY);
    const struct audit_report *report = audit_finish(audit);
    const struct audit_session *session = audit_report_session(report, 0);
    uint64_t count = 0, last = 0;
    for (const struct audit_connection *connection = session->first; connection != NULL;
         connection = connection->next_of_session) {
        ck_assert_ptr_eq(connection->session, session);
        ck_assert_uint_gt(connection->id, last);
        last = connection->id;
        count++;
    }
    ck_assert_uint_eq(count, session->connections);
    ck_assert_uint_eq(count, 9);
    audit_free(audit);
}
END_TEST

START_TEST(order_does_not_matter)
{
    struct audit *forwards = audit_of(0, MANY), *backwards = audit_new(NULL, NULL);
    for (size_t i = MANY; i-- > 0;)
        hold(backwards, i);
    char *expected = json_of(forwards), *got = json_of(backwards);
    ck_assert_str_eq(got, expected);
    free(expected);
    free(got);
    audit_free(forwards);
    audit_free(backwards);
}
END_TEST

static const size_t cuts[][2] = {{0, 0}, {0, 5}, {1, 2}, {7, 7}, {9, 18}, {13, MANY}, {MANY, MANY}};

static void check_merging(size_t first, size_t second, const struct audit_fold_options *bounds)
{
    struct audit *whole = bounded_audit_of(0, MANY, bounds);
    char *expected = json_of(whole);
    audit_free(whole);

    for (unsigned grouping = 0; grouping < 3; grouping++) {
        struct audit *a = bounded_audit_of(0, first, bounds),
                     *b = bounded_audit_of(first, second, bounds),
                     *c = bounded_audit_of(second, MANY, bounds), *all;
        switch (grouping) {
        case 0: /* (a + b) + c */
            audit_merge(a, b);
            audit_merge(a, c);
            all = a;
            break;
        case 1: /* a + (b + c) */
            audit_merge(b, c);
            audit_merge(a, b);
            all = a;
            break;
        default: /* c + (a + b), the parts finished before */
            audit_finish(b);
            audit_finish(c);
            audit_merge(a, b);
            audit_finish(a);
            audit_merge(c, a);
            all = c;
            break;
        }
        char *got = json_of(all);
        ck_assert_str_eq(got, expected);
        free(got);
        audit_free(all);
    }
    free(expected);
}

START_TEST(merging_makes_the_same_report)
{
    static const struct audit_fold_options tiny = {
        .max_connections = 3, .max_sessions = 2, .max_findings = 5, .max_topics = 1};
    check_merging(cuts[_i][0], cuts[_i][1], NULL);
    check_merging(cuts[_i][0], cuts[_i][1], &tiny);
}
END_TEST

static uint64_t limit_of(const struct audit_report *report, enum audit_limit_kind kind)
{
    return report->capture.limits[kind].count;
}

START_TEST(bounds_leave_the_totals_whole)
{
    const struct audit_fold_options options = {
        .max_connections = 4, .max_sessions = 2, .max_findings = 3, .max_topics = 1};
    struct audit *bounded = audit_new(NULL, &options), *free_one = audit_of(0, MANY);
    for (size_t i = 0; i < MANY; i++)
        hold(bounded, i);
    const struct audit_report *report = audit_finish(bounded), *whole = audit_finish(free_one);

    ck_assert_uint_eq(report->connections->len, 4);
    ck_assert_uint_eq(limit_of(report, AUDIT_LIMIT_CONNECTIONS), MANY - 4);
    ck_assert_uint_eq(report->sessions->len, 2);
    ck_assert_uint_gt(limit_of(report, AUDIT_LIMIT_SESSIONS), 0);
    ck_assert_uint_eq(report->findings->len, 3);
    ck_assert_uint_eq(limit_of(report, AUDIT_LIMIT_FINDINGS), whole->findings->len - 3);
    ck_assert_uint_eq(report->topics->len, 1);
    ck_assert_uint_eq(limit_of(report, AUDIT_LIMIT_TOPICS),
                      report->other_topics.published + report->other_topics.delivered);

    const struct audit_totals *a = &report->totals, *b = &whole->totals;
    ck_assert_uint_eq(a->connections, b->connections);
    ck_assert_mem_eq(a->packets, b->packets, sizeof a->packets);
    ck_assert_mem_eq(a->findings, b->findings, sizeof a->findings);
    ck_assert_mem_eq(a->findings_by_rule, b->findings_by_rule, sizeof a->findings_by_rule);
    ck_assert_uint_eq(a->publishes.published, b->publishes.published);
    audit_free(bounded);
    audit_free(free_one);
}
END_TEST

START_TEST(bounded_reports_merge_within_the_bounds)
{
    const struct audit_fold_options options = {
        .max_connections = 4, .max_sessions = 2, .max_findings = 3, .max_topics = 1};
    struct audit *into = audit_new(NULL, &options), *from = audit_new(NULL, &options);
    for (size_t i = 0; i < CONVERSATIONS; i++)
        hold(into, i);
    for (size_t i = CONVERSATIONS; i < MANY; i++)
        hold(from, i);
    audit_merge(into, from);
    const struct audit_report *report = audit_finish(into);
    ck_assert_uint_eq(report->connections->len, 4);
    ck_assert_uint_eq(report->sessions->len, 2);
    ck_assert_uint_eq(report->findings->len, 3);
    ck_assert_uint_eq(report->topics->len, 1);
    ck_assert_uint_eq(report->totals.connections, MANY);
    ck_assert_uint_eq(limit_of(report, AUDIT_LIMIT_CONNECTIONS), MANY - 4);
    char *json = json_of(into); /* reads whatever is listed */
    free(json);
    audit_free(into);
}
END_TEST

START_TEST(one_rule_alone)
{
    bool rules[MQTT_RULES] = {[MQTT_RULE_PUBLISH_QOS_3] = true};
    const struct audit_recorder_options options = {.rules = rules};
    struct audit *audit = audit_new(&options, NULL);
    for (size_t i = 0; i < CONVERSATIONS; i++)
        hold(audit, i);
    const struct audit_report *report = audit_finish(audit);
    ck_assert_uint_eq(report->findings->len, 4);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(audit_report_finding(report, i)->what.rule, MQTT_RULE_PUBLISH_QOS_3);
    ck_assert_uint_eq(report->totals.connections, CONVERSATIONS);
    audit_free(audit);
}
END_TEST

START_TEST(one_client_alone)
{
    const struct audit_recorder_options options = {.client_identifier = {(const uint8_t *)"b", 1}};
    struct audit *audit = audit_new(&options, NULL);
    for (size_t i = 0; i < CONVERSATIONS; i++)
        hold(audit, i);
    const struct audit_report *report = audit_finish(audit);
    ck_assert_uint_eq(report->totals.connections, 2);
    ck_assert_uint_eq(report->totals.packets[AUDIT_CLIENT][MQTT_CONNECT], 2);
    ck_assert_uint_eq(report->totals.publishes.published, 2);
    ck_assert_uint_eq(report->totals.findings_by_rule[MQTT_RULE_PUBLISH_QOS_3], 4);
    ck_assert_uint_eq(report->totals.findings_by_rule[MQTT_RULE_PINGREQ_UNANSWERED], 0);
    audit_free(audit);
}
END_TEST

/* A client that wants its session kept leaves, and does not come back: that its PUBLISH was never
 * acknowledged is known only at the end of the capture, and belongs to the connection that it was
 * on, listed or not. */
static const struct line left_alone[] = {SAYS(CLIENT, "\x10\x0d\0\4MQTT\4\0\0\x3c\0\1k"), CONNACK,
                                         PUBLISH_1("t"), DISCONNECT};
static const struct line came_back[] = {SAYS(CLIENT, "\x10\x0d\0\4MQTT\4\0\0\x3c\0\1k"),
                                        SAYS(SERVER, "\x20\2\1\0"), DISCONNECT};

static const bool all_listed[] = {true, false};

START_TEST(what_waits_in_a_session_belongs_to_a_connection)
{
    static const struct conversation first = CONVERSATION(left_alone, MQTT_CLOSE_FIN);
    static const struct conversation second = CONVERSATION(came_back, MQTT_CLOSE_FIN);
    const struct audit_fold_options options = {.max_connections = all_listed[_i] ? 0 : 1};
    struct audit *audit = audit_new(NULL, &options);
    struct mqtt_sessions *sessions = mqtt_sessions_new(&(struct mqtt_sessions_options){0});
    if (!all_listed[_i]) /* an earlier one takes the only place */
        hold(audit, 0);
    converse(audit, sessions, &first, 20);
    converse(audit, sessions, &second, 21);
    audit_sessions_ended(audit->recorder, sessions, INT64_C(100000000000));
    mqtt_sessions_free(sessions);

    const struct audit_report *report = audit_finish(audit);
    ck_assert_ptr_eq(audit_finish(audit), report); /* counts nothing twice */
    const struct audit_finding *finding = audit_report_finding(report, report->findings->len - 1);
    ck_assert_uint_eq(finding->what.rule, MQTT_RULE_WAITS_IN_SESSION);
    ck_assert_uint_eq(finding->party->client_identifier->bytes[0], 'k');
    ck_assert_uint_eq(report->totals.findings_by_rule[MQTT_RULE_WAITS_IN_SESSION], 1);
    if (all_listed[_i]) {
        const struct audit_connection *connection = audit_report_connection(report, 0);
        ck_assert_ptr_eq(finding->party->connection, connection);
        ck_assert_int_eq(finding->party->stream, 20);
        ck_assert_uint_eq(connection->findings[MQTT_ERROR] + connection->findings[MQTT_WARNING] +
                              connection->findings[MQTT_NOTE],
                          1);
    } else {
        ck_assert_ptr_null(finding->party->connection);
        ck_assert_int_eq(finding->party->stream, -1);
    }
    audit_free(audit);
}
END_TEST

START_TEST(frames_belong_to_files)
{
    struct audit *audit = audit_new(NULL, NULL);
    const struct audit_file_end ends[] = {
        {.packets = 10, .bytes = 1000}, {.problem = "why"}, {.packets = 5, .bytes = 500}};
    audit_file_begin(audit->recorder, "one", 0);
    audit_file_end(audit->recorder, &ends[0]);
    audit_file_begin(audit->recorder, "empty", 10);
    audit_file_end(audit->recorder, &ends[1]);
    audit_file_begin(audit->recorder, "two", 10);
    audit_file_end(audit->recorder, &ends[2]);
    const struct audit_report *report = audit_finish(audit);
    uint64_t number = 0;
    ck_assert_ptr_null(audit_locate(report, 0, &number));
    ck_assert_str_eq(audit_locate(report, 1, &number)->name, "one");
    ck_assert_uint_eq(number, 1);
    ck_assert_str_eq(audit_locate(report, 10, &number)->name, "one");
    ck_assert_uint_eq(number, 10);
    ck_assert_str_eq(audit_locate(report, 11, &number)->name, "two");
    ck_assert_uint_eq(number, 1);
    ck_assert_uint_eq(report->capture.packets, 15);
    audit_free(audit);
}
END_TEST

START_TEST(every_detail_and_width_is_written)
{
    struct audit *audit = audit_of(0, MANY);
    const struct audit_report *report = audit_finish(audit);
    for (unsigned detail = REPORT_QUIET; detail <= REPORT_VERBOSE; detail++)
        for (unsigned width = 0; width < 200; width += 17) {
            const struct report_text_options options = {
                .detail = (enum report_detail)detail, .color = width % 2 == 1, .width = width};
            char *text;
            size_t length;
            FILE *file = open_memstream(&text, &length);
            report_text(report, &options, file);
            fclose(file);
            ck_assert_ptr_nonnull(strstr(text, "publish-qos-3"));
            ck_assert_int_eq(strstr(text, "Handshakes") != NULL, detail != REPORT_QUIET);
            ck_assert_int_eq(strchr(text, '\033') != NULL, options.color);
            free(text);
        }
    audit_free(audit);
}
END_TEST

SUITE("audit", TEST(totals_add_up), TEST(sessions_link_their_connections),
      TEST(order_does_not_matter), TABLE(merging_makes_the_same_report, cuts),
      TEST(bounds_leave_the_totals_whole), TEST(bounded_reports_merge_within_the_bounds),
      TEST(one_rule_alone), TEST(one_client_alone),
      TABLE(what_waits_in_a_session_belongs_to_a_connection, all_listed),
      TEST(frames_belong_to_files), TEST(every_detail_and_width_is_written))
