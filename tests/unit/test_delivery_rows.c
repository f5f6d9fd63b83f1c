/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deliveries in the report: rows that add up and merge, the slowest, what of it is shown. The
 * events are made by hand. */
#include "suite.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/fold.h"
#include "audit/report/json.h"
#include "audit/report/text.h"

#define MS INT64_C(1000000)

static struct mqtt_slice slice_of(const char *text)
{
    return (struct mqtt_slice){(const uint8_t *)text, (uint32_t)strlen(text)};
}

static void tell(struct audit_fold *fold, const struct audit_event *event)
{
    struct audit_sink *sink = audit_fold_sink(fold);
    sink->event(sink->user, event);
}

static const struct audit_endpoint brokers[] = {{"192.0.2.1", 1883}, {"2001:db8::1", 1883}};

static void tell_row(struct audit_fold *fold, const struct audit_delivery_row *row)
{
    const struct audit_event event = {.kind = AUDIT_EVENT_DELIVERIES, .deliveries = *row};
    tell(fold, &event);
}

/* A row with the topic, the client and as many lost as it says, and one latency. */
static void tell_counts(struct audit_fold *fold, const char *topic, const char *client,
                        const struct audit_delivery_counts *counts, uint64_t microseconds)
{
    struct audit_histogram times = {0};
    audit_histogram_add(&times, microseconds);
    const struct audit_delivery_row row = {
        .topic = slice_of(topic),
        .client_identifier = slice_of(client),
        .server = &brokers[0],
        .publishers = 1,
        .counts = *counts,
        .times = microseconds != 0 ? &times : NULL,
    };
    tell_row(fold, &row);
    audit_histogram_clear(&times);
}

static void tell_match(struct audit_fold *fold, uint64_t frame, uint32_t ordinal,
                       const struct audit_match *match)
{
    const struct audit_flow flow = {.client_identifier = slice_of("client")};
    const struct audit_event event = {
        .kind = AUDIT_EVENT_DELIVERED,
        .frame = frame,
        .ordinal = ordinal,
        .flow = &flow,
        .message = {.topic = slice_of("topic"), .match = *match},
    };
    tell(fold, &event);
}

static char *json_of(const struct audit_report *report)
{
    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    report_json(report, file);
    fclose(file);
    return text;
}

static char *text_of(const struct audit_report *report, enum report_detail detail, unsigned width)
{
    char *text;
    size_t length;
    const struct report_text_options options = {.detail = detail, .width = width};
    FILE *file = open_memstream(&text, &length);
    report_text(report, &options, file);
    fclose(file);
    return text;
}

/* ---- Rows ---- */

START_TEST(the_same_names_are_one_row)
{
    struct audit_fold *fold = audit_fold_new(NULL);
    const struct audit_delivery_counts first = {
        .expected = 7, .delivered = 5, .lost = 1, .excused = {[AUDIT_EXCUSE_OFFLINE] = 1}};
    const struct audit_delivery_counts second = {
        .expected = 2, .delivered = 2, .late = 1, .twice = 3, .retained = 4, .unknown = 5};
    tell_counts(fold, "t", "c", &first, 100);
    tell_counts(fold, "t", "c", &second, 300);
    const struct audit_report *report = audit_fold_finish(fold);
    ck_assert_uint_eq(report->deliveries->len, 1);
    const struct audit_delivery *row = audit_report_delivery(report, 0);
    const struct audit_delivery_counts sum = {.expected = 9,
                                              .delivered = 7,
                                              .late = 1,
                                              .lost = 1,
                                              .twice = 3,
                                              .unknown = 5,
                                              .retained = 4,
                                              .excused = {[AUDIT_EXCUSE_OFFLINE] = 1}};
    ck_assert_mem_eq(&row->counts, &sum, sizeof sum);
    ck_assert_mem_eq(&report->totals.deliveries, &sum, sizeof sum);
    ck_assert_uint_eq(row->latency.count, 2);
    ck_assert_uint_eq(row->latency.max, 300);
    ck_assert_uint_eq(report->totals.delivery_times.count, 2);
    ck_assert_uint_eq(report->capture.limits[AUDIT_LIMIT_DELIVERIES].count, 0);
    audit_fold_free(fold);
}
END_TEST

/* Each of these differs from the first in one thing. */
static const struct {
    const char *topic, *client;
    unsigned broker;
    bool group;
} names[] = {
    {"t", "c", 0, false}, {"u", "c", 0, false}, {"t", "d", 0, false}, {"t", "", 0, false},
    {"t", "c", 1, false}, {"t", "c", 0, true},  {"tc", "", 0, false},
};

START_TEST(other_names_are_another_row)
{
    struct audit_fold *fold = audit_fold_new(NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        for (unsigned times = 0; times < 2; times++) {
            const struct audit_delivery_row row = {
                .topic = slice_of(names[i].topic),
                .client_identifier = slice_of(names[i].client),
                .server = &brokers[names[i].broker],
                .group = names[i].group,
                .publishers = 2 - times,
                .counts = {.expected = 1, .delivered = 1},
            };
            tell_row(fold, &row);
        }
    const struct audit_report *report = audit_fold_finish(fold);
    ck_assert_uint_eq(report->deliveries->len, G_N_ELEMENTS(names));
    for (unsigned i = 0; i < report->deliveries->len; i++) {
        ck_assert_uint_eq(audit_report_delivery(report, i)->counts.expected, 2);
        ck_assert_uint_eq(audit_report_delivery(report, i)->publishers, 2);
    }
    audit_fold_free(fold);
}
END_TEST

START_TEST(the_worst_come_first)
{
    struct audit_fold *fold = audit_fold_new(NULL);
    const struct audit_delivery_counts lost = {.expected = 2, .lost = 2};
    const struct audit_delivery_counts lost_one = {.expected = 9, .delivered = 8, .lost = 1};
    const struct audit_delivery_counts twice = {.expected = 1, .delivered = 1, .twice = 9};
    const struct audit_delivery_counts dropped = {.expected = 5, .dropped_qos_0 = 5};
    const struct audit_delivery_counts fine = {.expected = 1, .delivered = 1};
    tell_counts(fold, "6-fast", "c", &fine, 10);
    tell_counts(fold, "5-slow", "c", &fine, 900000);
    tell_counts(fold, "4-dropped", "c", &dropped, 0);
    tell_counts(fold, "3-twice", "c", &twice, 10);
    tell_counts(fold, "2-lost-one", "c", &lost_one, 900000);
    tell_counts(fold, "1-lost", "c", &lost, 0);
    const struct audit_report *report = audit_fold_finish(fold);
    for (unsigned i = 0; i < 6; i++)
        ck_assert_uint_eq(audit_report_delivery(report, i)->topic->bytes[0], '1' + i);
    audit_fold_free(fold);
}
END_TEST

/* ---- The slowest ---- */

START_TEST(the_slowest_are_kept)
{
    struct audit_fold *fold = audit_fold_new(NULL);
    /* 1 to 50 ms, in an order of its own, and some that took as long as another. */
    for (unsigned i = 0; i < 50; i++)
        for (uint32_t ordinal = 0; ordinal < 2; ordinal++)
            tell_match(fold, 100 + i, ordinal,
                       &(struct audit_match){
                           .known = true, .frame = 50 + i, .took = (1 + i * 37 % 50) * MS});
    /* These are no latencies. */
    tell_match(fold, 900, 0, &(struct audit_match){.known = false, .took = 90 * MS});
    tell_match(fold, 901, 0, &(struct audit_match){.known = true, .late = true, .took = 90 * MS});
    tell_match(fold, 902, 0, &(struct audit_match){.known = true, .took = -90 * MS});
    const struct audit_report *report = audit_fold_finish(fold);
    ck_assert_uint_eq(report->slowest->len, AUDIT_SLOWEST);
    for (unsigned i = 0; i < AUDIT_SLOWEST; i++) {
        const struct audit_slow_delivery *slow = audit_report_slow_delivery(report, i);
        ck_assert_int_eq(slow->took, (50 - i / 2) * MS);
        ck_assert_uint_eq(slow->ordinal, i % 2);
        ck_assert_uint_eq(slow->published, slow->frame - 50);
        ck_assert_mem_eq(slow->topic.bytes, "topic", 5);
        ck_assert_mem_eq(slow->client_identifier.bytes, "client", 6);
    }
    /* It goes on after the report. */
    tell_match(fold, 903, 0, &(struct audit_match){.known = true, .frame = 1, .took = 60 * MS});
    tell_match(fold, 904, 0, &(struct audit_match){.known = true, .frame = 1, .took = 1 * MS});
    report = audit_fold_finish(fold);
    ck_assert_uint_eq(report->slowest->len, AUDIT_SLOWEST);
    ck_assert_int_eq(audit_report_slow_delivery(report, 0)->took, 60 * MS);
    ck_assert_int_eq(audit_report_slow_delivery(report, 1)->took, 50 * MS);
    ck_assert_uint_eq(audit_report_slow_delivery(report, AUDIT_SLOWEST - 1)->ordinal, 0);
    audit_fold_free(fold);
}
END_TEST

/* ---- Merging ---- */

#define PARTS 4u
#define EVENTS 600u

/* The i-th of many events: few names for many, some of them long, and every kind of count. */
static void tell_made(struct audit_fold *fold, unsigned i)
{
    static char name[600];
    const unsigned topic = i * 7919 % 40, client = i % 5;
    struct audit_histogram times = {0};
    if (i % 3 == 0) {
        tell_match(
            fold, 1 + i / 2, i % 2,
            &(struct audit_match){.known = true, .frame = 1, .took = (int64_t)(i * 31 % 60) * MS});
        return;
    }
    memset(name, 'x', sizeof name);
    name[0] = (char)('A' + topic);
    audit_histogram_add(&times, i * 104729 % 100000);
    struct audit_delivery_row row = {
        .topic = {(const uint8_t *)name, topic % 4 == 0 ? 600 : 1 + topic},
        .client_identifier = {(const uint8_t *)"client", client},
        .server = &brokers[i % 2],
        .group = client == 4,
        .publishers = i % 6,
        .counts = {.expected = i, .lost = i % 2, .twice = i % 3, .unknown = i % 4},
        .times = i % 5 == 0 ? NULL : &times,
    };
    row.counts.excused[i % AUDIT_EXCUSES] = i;
    tell_row(fold, &row);
    audit_histogram_clear(&times);
}

static const struct {
    uint32_t most;
    unsigned deal;
} deals[] = {{0, 1}, {0, 2}, {0, 3}, {7, 1}, {7, 2}, {7, 3}, {1, 1}, {1, 2}, {1, 3}};

static unsigned part_of(unsigned deal, unsigned i)
{
    switch (deal) {
    case 1: return i % PARTS;
    case 2: return i * PARTS / EVENTS;
    default: return i * i / 3 % PARTS;
    }
}

START_TEST(any_cut_makes_the_same_report)
{
    const struct audit_fold_options options = {.max_deliveries = deals[_i].most};
    struct audit_fold *whole = audit_fold_new(&options);
    for (unsigned i = 0; i < EVENTS; i++)
        tell_made(whole, i);
    char *expected = json_of(audit_fold_finish(whole));
    for (unsigned order = 0; order < 3; order++) {
        struct audit_fold *parts[PARTS];
        for (unsigned part = 0; part < PARTS; part++)
            parts[part] = audit_fold_new(&options);
        for (unsigned i = EVENTS; i-- > 0;)
            tell_made(parts[part_of(deals[_i].deal, i)], i);
        if (order == 2)
            audit_fold_finish(parts[2]);
        if (order == 0) { /* ((0 + 1) + 2) + 3 */
            for (unsigned part = 1; part < PARTS; part++)
                audit_fold_merge(parts[0], parts[part]);
        } else { /* 0 + (3 + (2 + 1)) */
            audit_fold_merge(parts[2], parts[1]);
            audit_fold_merge(parts[3], parts[2]);
            audit_fold_merge(parts[0], parts[3]);
        }
        char *got = json_of(audit_fold_finish(parts[0]));
        ck_assert_str_eq(got, expected);
        free(got);
        audit_fold_free(parts[0]);
    }
    free(expected);
    audit_fold_free(whole);
}
END_TEST

START_TEST(what_has_no_room_counts)
{
    const struct audit_fold_options options = {.max_deliveries = 7};
    struct audit_fold *bounded = audit_fold_new(&options), *whole = audit_fold_new(NULL);
    for (unsigned i = 0; i < EVENTS; i++) {
        tell_made(bounded, i);
        tell_made(whole, i);
    }
    const struct audit_report *all = audit_fold_finish(whole), *some = audit_fold_finish(bounded);
    uint64_t listed = 0;
    ck_assert_uint_gt(all->deliveries->len, 7);
    ck_assert_uint_eq(some->deliveries->len, 7);
    ck_assert_mem_eq(&all->totals.deliveries, &some->totals.deliveries,
                     sizeof all->totals.deliveries);
    for (unsigned i = 0; i < 7; i++)
        listed += audit_delivery_messages(&audit_report_delivery(some, i)->counts);
    ck_assert_uint_gt(listed, 0);
    ck_assert_uint_eq(some->capture.limits[AUDIT_LIMIT_DELIVERIES].count,
                      audit_delivery_messages(&all->totals.deliveries) - listed);
    ck_assert_uint_eq(all->capture.limits[AUDIT_LIMIT_DELIVERIES].count, 0);
    audit_fold_free(bounded);
    audit_fold_free(whole);
}
END_TEST

/* ---- What is shown ---- */

START_TEST(totals_in_words)
{
    struct audit_fold *fold = audit_fold_new(NULL);
    const struct audit_delivery_counts counts = {
        .expected = 1204,
        .delivered = 1180,
        .late = 2,
        .lost = 3,
        .twice = 1,
        .dropped_qos_0 = 4,
        .pending = 5,
        .unknown = 6,
        .retained = 7,
        .excused = {[AUDIT_EXCUSE_OFFLINE] = 11, [AUDIT_EXCUSE_QUEUED] = 1},
    };
    tell_counts(fold, "a\033b", "sub", &counts, 830);
    char *text = text_of(audit_fold_finish(fold), REPORT_NORMAL, 160);

    ck_assert_ptr_nonnull(
        strstr(text, "\nDeliveries\n"
                     "  1,180 of 1,204 expected deliveries came, 2 of them after the client's "
                     "return; p50 830 us, p95 830 us, p99 830 us, max 830 us; 3 lost, 1 twice; 4 "
                     "dropped at\n"
                     "  QoS 0; 5 may still come; excused: 11 offline, 1 queued; 7 retained "
                     "messages; 6 came whose publication is not in the capture\n"));
    ck_assert_ptr_nonnull(strstr(text, "sub     a\\x1bb\n"));
    ck_assert_ptr_null(strchr(text, '\033'));
    free(text);
    text = text_of(audit_fold_finish(fold), REPORT_QUIET, 160);
    ck_assert_ptr_null(strstr(text, "Deliveries"));
    free(text);
    audit_fold_free(fold);
}
END_TEST

START_TEST(nothing_is_no_section)
{
    struct audit_fold *fold = audit_fold_new(NULL);
    char *text = text_of(audit_fold_finish(fold), REPORT_VERBOSE, 0);
    ck_assert_ptr_null(strstr(text, "eliveries"));
    free(text);
    audit_fold_free(fold);
}
END_TEST

START_TEST(nothing_expected_is_said)
{
    struct audit_fold *fold = audit_fold_new(NULL);
    const struct audit_delivery_counts counts = {.unknown = 1, .retained = 1};
    tell_counts(fold, "t", "c", &counts, 0);
    char *text = text_of(audit_fold_finish(fold), REPORT_NORMAL, 160);

    ck_assert_ptr_nonnull(strstr(text, "no deliveries were expected; 1 retained message; 1 came "
                                       "whose publication is not in the capture\n"));
    free(text);
    audit_fold_free(fold);
}
END_TEST

/* ---- Findings ---- */

static const struct {
    const char *topic;
    const char *shown; /* in a report of 60 columns */
    int64_t stream;
} findings[] = {
    {"plant/line-1", "  plant/line-1  ", 7},
    {"a\033[2Jb\n", "  a\\x1b[2Jb\\n  ", -1},
    {"a/topic/of/more/letters/than/there/is/room/for", "  a/topic/of/...  ", 7},
};

START_TEST(findings_name_their_topic)
{
    struct audit_fold *fold = audit_fold_new(NULL), *other = audit_fold_new(NULL);
    const struct mqtt_finding what = {.rule = MQTT_RULE_DELIVERY_LOST,
                                      .frame = 5,
                                      .packet_type = MQTT_PUBLISH,
                                      .field = MQTT_FIELDS};
    const struct audit_event event = {
        .kind = AUDIT_EVENT_FINDING,
        .finding = {.what = &what,
                    .client_identifier = slice_of("a-subscriber-with-a-name"),
                    .server = &brokers[0],
                    .stream = findings[_i].stream,
                    .topic = slice_of(findings[_i].topic)},
    };
    tell(other, &event);
    audit_fold_merge(fold, other);
    const struct audit_report *report = audit_fold_finish(fold);
    ck_assert_ptr_eq(audit_fold_finish(fold), report);
    const struct audit_finding *finding = audit_report_finding(report, 0);
    ck_assert_uint_eq(finding->topic->length, strlen(findings[_i].topic));
    ck_assert_mem_eq(finding->topic->bytes, findings[_i].topic, finding->topic->length);
    ck_assert_int_eq(finding->party->stream, findings[_i].stream);
    char *text = text_of(report, REPORT_QUIET, 60), *json = json_of(report);
    ck_assert_msg(strstr(text, findings[_i].shown) != NULL, "%s", text);
    ck_assert_ptr_null(strchr(text, '\033'));
    ck_assert_ptr_nonnull(strstr(json, "\"topic\": \""));
    ck_assert_int_eq(strstr(json, "\"tcp_stream\": 7") != NULL, findings[_i].stream == 7);
    free(text);
    free(json);
    audit_fold_free(fold);
}
END_TEST

START_TEST(findings_about_none_have_none)
{
    struct audit_fold *fold = audit_fold_new(NULL);
    const struct mqtt_finding what = {
        .rule = MQTT_RULE_WAITS_IN_SESSION, .packet_type = MQTT_PUBLISH, .field = MQTT_FIELDS};
    const struct audit_event event = {
        .kind = AUDIT_EVENT_FINDING,
        .finding = {.what = &what, .server = &brokers[0], .stream = -1},
    };
    tell(fold, &event);
    const struct audit_report *report = audit_fold_finish(fold);
    ck_assert_ptr_null(audit_report_finding(report, 0)->topic);
    ck_assert_ptr_null(audit_report_finding(report, 0)->party->client_identifier);
    char *json = json_of(report);
    ck_assert_ptr_null(strstr(json, "\"topic\": \""));
    free(json);
    audit_fold_free(fold);
}
END_TEST

static unsigned longest_line(const char *text)
{
    size_t longest = 0;
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        longest = MAX(longest, strcspn(line, "\n"));
    return (unsigned)longest;
}

/* Many rows with long names and large numbers stay within a terminal, and -v shows them all. */
START_TEST(rows_fit_a_terminal)
{
    struct audit_fold *fold = audit_fold_new(NULL);
    for (unsigned i = 0; i < 20; i++) {
        const struct audit_delivery_counts counts = {.expected = 100000 + i,
                                                     .delivered = 99000,
                                                     .lost = 900 + i,
                                                     .twice = i,
                                                     .dropped_qos_0 = 7,
                                                     .late = 12,
                                                     .pending = 3,
                                                     .unknown = 1234567,
                                                     .retained = 12345};
        char topic[200];
        g_snprintf(topic, sizeof topic, "plant/%0150u", i);
        tell_counts(fold, topic, "a-client-with-a-name-that-goes-on-and-on-and-on-for-ever",
                    &counts, 123456 + i);
    }
    tell_match(fold, 7, 0, &(struct audit_match){.known = true, .frame = 3, .took = 5 * MS});
    const struct audit_report *report = audit_fold_finish(fold);
    for (unsigned width = 80; width <= 160; width += 20) {
        char *text = text_of(report, REPORT_NORMAL, width);
        ck_assert_uint_le(longest_line(text), width);
        ck_assert_ptr_nonnull(strstr(text, "Deliveries, the worst of 20\n"));
        ck_assert_ptr_nonnull(strstr(text, "  and 12 more (-v lists all)\n"));
        ck_assert_ptr_null(strstr(text, "The slowest"));
        free(text);
    }
    char *text = text_of(report, REPORT_VERBOSE, 80);
    ck_assert_uint_le(longest_line(text), 80);
    ck_assert_ptr_nonnull(strstr(text, "\nDeliveries\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nThe slowest deliveries\n"
                                       "     took  published  delivered  client  topic\n"
                                       "  5.00 ms    frame 3    frame 7  client  topic\n"));
    free(text);
    audit_fold_free(fold);
}
END_TEST

SUITE("delivery_rows", TEST(the_same_names_are_one_row), TEST(other_names_are_another_row),
      TEST(the_worst_come_first), TEST(the_slowest_are_kept),
      TABLE(any_cut_makes_the_same_report, deals), TEST(what_has_no_room_counts),
      TEST(totals_in_words), TEST(nothing_is_no_section), TEST(nothing_expected_is_said),
      TABLE(findings_name_their_topic, findings), TEST(findings_about_none_have_none),
      TEST(rows_fit_a_terminal))
