/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parts of a capture, counted apart and put together in any order and grouping, make the report of
 * the whole to the byte: every capture of captures/, its connections dealt out to up to five folds
 * in many ways, with the usual bounds and with tiny ones.
 */
#include "suite.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/pipeline.h"
#include "audit/fold.h"
#include "audit/report/json.h"

#define PARTS 5u
#define DEALS 5u /* ways to deal connections out; the first one: all to one part */

static const struct audit_fold_options bounds[] = {
    {0},
    {.max_connections = 3,
     .max_sessions = 2,
     .max_findings = 5,
     .max_topics = 2,
     .max_deliveries = 2},
    {.max_connections = 1,
     .max_sessions = 1,
     .max_findings = 1,
     .max_topics = 1,
     .max_deliveries = 1},
    {.max_connections = 7,
     .max_sessions = 100,
     .max_findings = 2,
     .max_topics = 5,
     .max_deliveries = 4},
};

/* One way to deal out events: a fold for each part. */
struct deal {
    unsigned how;
    struct audit_fold *parts[PARTS];
};

static unsigned part_of(const struct deal *deal, const struct audit_event *event)
{
    const uint64_t number = event->flow != NULL ? event->flow->number : 0;
    if (deal->how == 0 || event->kind == AUDIT_EVENT_FILE_BEGIN ||
        event->kind == AUDIT_EVENT_FILE_END)
        return deal->how % PARTS;
    if (event->flow == NULL) /* what is about no connection may go anywhere */
        return (unsigned)(event->frame + event->ordinal + deal->how) % PARTS;
    switch (deal->how) {
    case 1: return (unsigned)number % PARTS;       /* in turn */
    case 2: return number > 2 ? 1 : 4;             /* the first ones apart */
    case 3: return (unsigned)(number / 2) % PARTS; /* in pairs */
    default: return (unsigned)(number * number / 3 + number) % PARTS;
    }
}

static void deal_event(void *user, const struct audit_event *event)
{
    struct deal *deal = user;
    struct audit_sink *sink = audit_fold_sink(deal->parts[part_of(deal, event)]);
    sink->event(sink->user, event);
}

/* Reads a capture once, and deals it out in every way. */
static void deal_out(const char *path, const struct audit_fold_options *options,
                     struct deal deals[DEALS])
{
    char error[SOURCE_ERROR_SIZE];
    const struct audit_recorder_options following = {.deliveries = true};
    struct audit_recorder *recorder = audit_recorder_new(&following);
    const struct pipeline_options none = {0};
    for (unsigned how = 0; how < DEALS; how++) {
        struct audit_sink sink = {.event = deal_event, .user = &deals[how]};
        audit_recorder_attach(recorder, &sink);
        deals[how].how = how;
        for (unsigned part = 0; part < PARTS; part++) {
            deals[how].parts[part] = audit_fold_new(options);
            audit_fold_sink(deals[how].parts[part])->slot = sink.slot;
        }
    }
    struct pipeline *pipeline = pipeline_new(recorder, &none);
    ck_assert_ptr_nonnull(pipeline);
    pipeline_read_file(pipeline, path, error);
    pipeline_finish(pipeline);
    pipeline_free(pipeline);
    audit_recorder_free(recorder);
}

static char *json_of(struct audit_fold *fold)
{
    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    report_json(audit_fold_finish(fold), file);
    fclose(file);
    return text;
}

/* Merges the parts in one of many orders and groupings, some finished before; frees them all but
 * the one that is returned. */
static struct audit_fold *merge(struct deal *deal, unsigned order)
{
    static const unsigned orders[][PARTS] = {
        {0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}, {3, 4, 0, 2, 1}, {1, 4, 2, 0, 3}};
    const unsigned *turn = orders[order % 5];
    struct audit_fold *p[PARTS];
    for (unsigned i = 0; i < PARTS; i++)
        p[i] = deal->parts[turn[i]];
    if (order % 3 == 1)
        audit_fold_finish(p[2]);
    if (order % 2 == 0) { /* (((a + b) + c) + d) + e */
        for (unsigned i = 1; i < PARTS; i++) {
            if (order % 3 == 2)
                audit_fold_finish(p[0]);
            audit_fold_merge(p[0], p[i]);
        }
    } else { /* (a + b) + (c + (d + e)) */
        audit_fold_merge(p[3], p[4]);
        audit_fold_merge(p[2], p[3]);
        audit_fold_merge(p[0], p[1]);
        audit_fold_merge(p[0], p[2]);
    }
    return p[0];
}

/* One capture, its parts put together in as many orders as there are deals. */
static void check_capture(const char *path, size_t b, unsigned order)
{
    struct deal deals[DEALS];
    char *expected = NULL;
    deal_out(path, &bounds[b], deals);
    for (unsigned how = 0; how < DEALS; how++) {
        struct audit_fold *fold = merge(&deals[how], order + how);
        char *got = json_of(fold);
        if (expected == NULL)
            expected = g_strdup(got);
        ck_assert_msg(strcmp(got, expected) == 0, "%s, bounds %zu, deal %u", path, b, how);
        free(got);
        audit_fold_free(fold);
    }
    g_free(expected);
}

START_TEST(any_cut_makes_the_same_report)
{
    GDir *folder = g_dir_open(CAPTURES, 0, NULL);
    const char *name;
    unsigned count = 0;
    ck_assert_ptr_nonnull(folder);
    while ((name = g_dir_read_name(folder)) != NULL) {
        if (strstr(name, ".pcap") == NULL)
            continue;
        char *path = g_build_filename(CAPTURES, name, NULL);
        check_capture(path, (size_t)_i, count++);
        g_free(path);
    }
    g_dir_close(folder);
    ck_assert_uint_gt(count, 20);
}
END_TEST

/* The bounds bite, and say so; the totals stay those of the whole. */
START_TEST(bounds_leave_the_totals_whole)
{
    struct deal plain[DEALS], bounded[DEALS];
    struct audit_fold *folds[2] = {NULL, NULL};
    deal_out(CAPTURES "/fleet.pcapng", &bounds[0], plain);
    deal_out(CAPTURES "/fleet.pcapng", &bounds[1], bounded);
    for (unsigned how = 0; how < DEALS; how++) {
        audit_fold_free(folds[0]);
        audit_fold_free(folds[1]);
        folds[0] = merge(&plain[how], how);
        folds[1] = merge(&bounded[how], how);
    }
    const struct audit_report *whole = audit_fold_finish(folds[0]);
    const struct audit_report *tiny = audit_fold_finish(folds[1]);
    const struct audit_totals *a = &whole->totals, *b = &tiny->totals;
    const struct audit_limit *limits = tiny->capture.limits;
    ck_assert_uint_gt(whole->connections->len, 3);
    ck_assert_uint_eq(tiny->connections->len, 3);
    ck_assert_uint_eq(tiny->sessions->len, 2);
    ck_assert_uint_eq(tiny->findings->len, 5);
    ck_assert_uint_eq(tiny->topics->len, 2);
    ck_assert_uint_eq(limits[AUDIT_LIMIT_CONNECTIONS].count, a->connections - 3);
    ck_assert_uint_eq(limits[AUDIT_LIMIT_FINDINGS].count, whole->findings->len - 5);
    ck_assert_uint_gt(limits[AUDIT_LIMIT_SESSIONS].count, 0);
    ck_assert_uint_gt(limits[AUDIT_LIMIT_TOPICS].count, 0);
    ck_assert_uint_eq(a->connections, b->connections);
    ck_assert_mem_eq(a->packets, b->packets, sizeof a->packets);
    ck_assert_mem_eq(a->findings_by_rule, b->findings_by_rule, sizeof a->findings_by_rule);
    ck_assert_uint_eq(a->publishes.published, b->publishes.published);
    ck_assert_uint_gt(whole->deliveries->len, 2);
    ck_assert_uint_eq(tiny->deliveries->len, 2);
    ck_assert_uint_gt(limits[AUDIT_LIMIT_DELIVERIES].count, 0);
    ck_assert_mem_eq(&a->deliveries, &b->deliveries, sizeof a->deliveries);
    ck_assert_uint_eq(a->delivery_times.count, b->delivery_times.count);
    /* The first of each are listed. */
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(audit_report_connection(tiny, i)->start_frame,
                          audit_report_connection(whole, i)->start_frame);
    for (unsigned i = 0; i < 5; i++)
        ck_assert_uint_eq(audit_report_finding(tiny, i)->what.frame,
                          audit_report_finding(whole, i)->what.frame);
    audit_fold_free(folds[0]);
    audit_fold_free(folds[1]);
}
END_TEST

SUITE("merge", TABLE(any_cut_makes_the_same_report, bounds), TEST(bounds_leave_the_totals_whole))
