/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of html_events.h, a file each. Private to audit/report/. */
#ifndef MQTTSCOPE_AUDIT_REPORT_HTML_PRIVATE_H
#define MQTTSCOPE_AUDIT_REPORT_HTML_PRIVATE_H

#include "audit/report/html_events.h"
#include "mqtt/facts/time.h"

/* Where a page's data goes. */
struct html_data {
    struct json_writer *json;
    struct columnar_words *words;
    int64_t base; /* times are written as microseconds from here */
};

static inline int64_t html_time(const struct html_data *data, int64_t time)
{
    return mqtt_elapsed(time, data->base) / 1000;
}

/* ---- html_activity.c: how busy it was, in equal parts of the time ---- */

/* Parts get longer by doubling as time goes on: there are between half of these and all of them. */
#define HTML_PARTS 512u

struct html_activity {
    struct html_part {
        uint32_t published, delivered, connects, ends;
        uint32_t findings[3];  /* by enum mqtt_severity */
        uint32_t in_flight[2]; /* the most at a time; [0] begun by clients */
        uint32_t open;         /* connections, the most at a time */
    } parts[HTML_PARTS];
    uint64_t length; /* of a part, nanoseconds */
    int64_t since;
    unsigned current;
    bool begun;
    uint32_t in_flight[2], open; /* now */
};

void html_activity_take(struct html_activity *activity, const struct audit_event *event,
                        uint32_t in_flight[2]);
void html_activity_write(const struct html_activity *activity, const struct html_data *data);

/* ---- html_ladders.c: the control packets around findings ---- */

struct html_ladders;
struct html_rungs; /* of a connection: its last control packets, and the ladders that still grow */

struct html_ladders *html_ladders_new(void);
void html_ladders_free(struct html_ladders *ladders);

/* `*rungs` is NULL at the beginning and after CLOSED; events without a flow have none (NULL). */
void html_ladders_take(struct html_ladders *ladders, const struct audit_event *event,
                       struct html_rungs **rungs);
void html_ladders_write(const struct html_ladders *ladders, const struct html_data *data);

/* ---- html_samples.c: the slowest handshakes, those that were never finished, publishers ---- */

struct html_samples;

struct html_samples *html_samples_new(void);
void html_samples_free(struct html_samples *samples);
void html_samples_take(struct html_samples *samples, const struct audit_event *event);
void html_samples_write(const struct html_samples *samples, const struct html_data *data);

#endif
