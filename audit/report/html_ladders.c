/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control packets around a finding, as a page draws them: see html_private.h. A connection
 * keeps its last few; a finding copies them, and takes what comes right after.
 */
#include "audit/report/html_private.h"

#include <string.h>

#include "audit/report/escape.h"

#define KEPT 14u      /* packets that a connection keeps */
#define AFTER 6u      /* packets behind a finding */
#define RUNGS_MAX 40u /* of a ladder */
#define GROWING 8u    /* ladders that a connection adds to at a time */
#define A_RULE 8u     /* ladders */
#define LADDERS_MAX 600u
#define CONNECTIONS_MAX 32768u /* that keep packets at a time */
#define TOPIC_SIZE 40u

/* A control packet. */
struct rung {
    int64_t time;
    uint64_t frame;
    uint64_t answers; /* frame of what it answers; 0: nothing */
    uint16_t packet_identifier;
    uint8_t type; /* enum mqtt_packet_type */
    uint8_t from_server, qos, dup, retain;
    uint8_t topic_length;
    bool topic_cut;
    uint8_t topic[TOPIC_SIZE];
};

struct ladder {
    uint16_t rule;
    uint64_t frame;
    int64_t stream;
    uint64_t last; /* frame up to which it takes all */
    unsigned after;
    bool ended; /* the connection did, before or with the last rung */
    int64_t end_time;
    uint8_t end_cause;
    GArray *rungs; /* struct rung */
};

struct html_rungs {
    struct rung kept[KEPT];
    unsigned count; /* of all */
    unsigned growing;
    struct ladder *ladders[GROWING];
};

struct html_ladders {
    GPtrArray *ladders; /* struct ladder, owned */
    uint32_t by_rule[MQTT_RULES];
    uint32_t connections;
    uint64_t left_out; /* findings */
};

static void free_ladder(gpointer ladder)
{
    g_array_free(((struct ladder *)ladder)->rungs, TRUE);
    g_free(ladder);
}

struct html_ladders *html_ladders_new(void)
{
    struct html_ladders *ladders = g_new0(struct html_ladders, 1);
    ladders->ladders = g_ptr_array_new_with_free_func(free_ladder);
    return ladders;
}

void html_ladders_free(struct html_ladders *ladders)
{
    g_ptr_array_free(ladders->ladders, TRUE);
    g_free(ladders);
}

/* ---- Rungs ---- */

static bool same_packet(const struct rung *a, const struct rung *b)
{
    return a->frame == b->frame && a->type == b->type && a->from_server == b->from_server &&
           a->packet_identifier == b->packet_identifier;
}

static bool in_ladder(const struct ladder *ladder, const struct rung *rung, uint64_t answers)
{
    for (guint i = 0; i < ladder->rungs->len; i++) {
        const struct rung *other = &g_array_index(ladder->rungs, struct rung, i);
        if (rung != NULL ? same_packet(other, rung) : other->frame == answers)
            return true;
    }
    return false;
}

/* A ladder takes what follows it for a while, and later answers to what stands in it. */
static void grow(struct ladder *ladder, const struct rung *rung)
{
    const bool inside = rung->frame <= ladder->last;
    if (ladder->rungs->len >= RUNGS_MAX || in_ladder(ladder, rung, 0))
        return;
    if (!inside && ladder->after == 0 &&
        (rung->answers == 0 || !in_ladder(ladder, NULL, rung->answers)))
        return;
    if (!inside && ladder->after > 0) {
        ladder->after--;
        ladder->last = rung->frame;
    }
    g_array_append_vals(ladder->rungs, rung, 1);
}

static void add_rung(struct html_rungs *rungs, const struct rung *rung)
{
    if (rung->frame == 0)
        return;
    rungs->kept[rungs->count++ % KEPT] = *rung;
    for (unsigned i = 0; i < rungs->growing; i++)
        grow(rungs->ladders[i], rung);
}

static void add_message(struct html_rungs *rungs, const struct audit_event *event)
{
    const struct audit_message *message = &event->message;
    struct rung rung = {
        .time = event->time,
        .frame = event->frame,
        .packet_identifier = message->packet_identifier,
        .type = MQTT_PUBLISH,
        .from_server = event->kind == AUDIT_EVENT_DELIVERED,
        .qos = message->qos,
        .dup = message->dup,
        .retain = message->retain,
        .topic_length = (uint8_t)MIN(message->topic.length, TOPIC_SIZE),
        .topic_cut = message->topic.length > TOPIC_SIZE,
    };
    if (rung.topic_length > 0)
        memcpy(rung.topic, message->topic.data, rung.topic_length);
    add_rung(rungs, &rung);
}

/* The packets of a handshake from leg `first` on: each answers the one before. */
static void add_legs(struct html_rungs *rungs, const struct audit_event *event, unsigned first)
{
    const struct mqtt_handshake *handshake = event->handshake.handshake;
    const bool by_server = handshake->side != event->flow->client;
    for (unsigned leg = first; leg < handshake->stage && leg < MQTT_LEGS; leg++) {
        const struct rung rung = {
            .time = handshake->legs[leg].time,
            .frame = handshake->legs[leg].frame,
            .answers = leg > 0 ? handshake->legs[leg - 1].frame : 0,
            .packet_identifier = handshake->packet_identifier,
            .type = (uint8_t)mqtt_handshake_leg_type(handshake->kind, leg),
            .from_server = by_server != (leg % 2 == 1),
        };
        add_rung(rungs, &rung);
    }
}

static bool is_publish(const struct mqtt_handshake *handshake)
{
    return handshake->kind == MQTT_HANDSHAKE_QOS_1 || handshake->kind == MQTT_HANDSHAKE_QOS_2;
}

static void add_connect(struct html_rungs *rungs, const struct audit_event *event)
{
    const struct rung rung = {.time = event->time, .frame = event->frame, .type = MQTT_CONNECT};
    if (event->identified.connect)
        add_rung(rungs, &rung);
}

/* ---- Ladders ---- */

static void add_finding(struct html_ladders *ladders, const struct audit_event *event,
                        struct html_rungs *rungs)
{
    const struct mqtt_finding *what = event->finding.what;
    if (rungs == NULL || what->frame == 0 || ladders->by_rule[what->rule] >= A_RULE ||
        ladders->ladders->len >= LADDERS_MAX || rungs->growing >= GROWING) {
        ladders->left_out++;
        return;
    }
    struct ladder *ladder = g_new(struct ladder, 1);
    *ladder = (struct ladder){
        .rule = what->rule,
        .frame = what->frame,
        .stream = event->flow->stream,
        .last = event->frame,
        .after = AFTER,
        .rungs = g_array_new(FALSE, FALSE, sizeof(struct rung)),
    };
    const unsigned kept = MIN(rungs->count, KEPT);
    for (unsigned i = rungs->count - kept; i < rungs->count; i++)
        grow(ladder, &rungs->kept[i % KEPT]);
    rungs->ladders[rungs->growing++] = ladder;
    ladders->by_rule[what->rule]++;
    g_ptr_array_add(ladders->ladders, ladder);
}

/* Ladders that have all that they want make room for others. */
static void let_go(struct html_rungs *rungs)
{
    unsigned left = 0;
    for (unsigned i = 0; i < rungs->growing; i++)
        if (rungs->ladders[i]->after > 0 && rungs->ladders[i]->rungs->len < RUNGS_MAX)
            rungs->ladders[left++] = rungs->ladders[i];
    if (rungs->growing == GROWING)
        rungs->growing = left;
}

static void close_connection(struct html_ladders *ladders, const struct audit_event *event,
                             struct html_rungs **rungs)
{
    for (unsigned i = 0; i < (*rungs)->growing; i++) {
        struct ladder *ladder = (*rungs)->ladders[i];
        ladder->ended = ladder->after > 0;
        ladder->end_time = event->closed.facts->end_time;
        ladder->end_cause = event->closed.facts->end_cause;
    }
    g_free(*rungs);
    *rungs = NULL;
    ladders->connections--;
}

/* Only control packets make a connection worth keeping. */
static struct html_rungs *rungs_of(struct html_ladders *ladders, struct html_rungs **rungs)
{
    if (*rungs == NULL && ladders->connections < CONNECTIONS_MAX) {
        *rungs = g_new0(struct html_rungs, 1);
        ladders->connections++;
    }
    return *rungs;
}

void html_ladders_take(struct html_ladders *ladders, const struct audit_event *event,
                       struct html_rungs **rungs)
{
    struct html_rungs *own = NULL;
    if (event->kind == AUDIT_EVENT_FINDING) {
        if (rungs != NULL && *rungs != NULL)
            let_go(*rungs);
        add_finding(ladders, event, rungs != NULL ? *rungs : NULL);
        return;
    }
    if (rungs == NULL)
        return;
    if (event->kind == AUDIT_EVENT_CLOSED) {
        if (*rungs != NULL)
            close_connection(ladders, event, rungs);
        return;
    }
    if (event->kind != AUDIT_EVENT_OPENED)
        own = rungs_of(ladders, rungs);
    if (own == NULL)
        return;
    switch (event->kind) {
    case AUDIT_EVENT_IDENTIFIED: add_connect(own, event); break;
    case AUDIT_EVENT_PUBLISHED:
    case AUDIT_EVENT_DELIVERED: add_message(own, event); break;
    case AUDIT_EVENT_HANDSHAKE_DONE:
        add_legs(own, event, is_publish(event->handshake.handshake) ? 1 : 0);
        break;
    case AUDIT_EVENT_HANDSHAKE_GIVEN_UP:
    case AUDIT_EVENT_PING: add_legs(own, event, 0); break;
    default: break;
    }
}

/* ---- Writing ---- */

static gint by_place(gconstpointer a, gconstpointer b)
{
    const struct rung *one = a, *other = b;
    if (one->frame != other->frame)
        return one->frame < other->frame ? -1 : 1;
    return 0;
}

/* A list instead of an object, for there are many: web/src/ladder.js names its parts. */
static void write_rung(const struct rung *rung, const struct html_data *data)
{
    const struct audit_string topic = {rung->topic, rung->topic_length,
                                       rung->topic_length + rung->topic_cut, 0};
    json_array_begin(data->json, NULL);
    json_signed(data->json, NULL, html_time(data, rung->time));
    json_unsigned(data->json, NULL, rung->frame);
    json_unsigned(data->json, NULL, columnar_word(data->words, mqtt_packet_type_name(rung->type)));
    json_unsigned(data->json, NULL, rung->from_server);
    json_unsigned(data->json, NULL, rung->packet_identifier);
    json_unsigned(data->json, NULL, rung->answers);
    if (rung->type == MQTT_PUBLISH) {
        char *text = escape_string(&topic);
        json_unsigned(data->json, NULL, rung->qos);
        json_unsigned(data->json, NULL, rung->dup + 2u * rung->retain);
        json_unsigned(data->json, NULL, columnar_word(data->words, text));
        g_free(text);
    }
    json_array_end(data->json);
}

static void write_ladder(struct ladder *ladder, const struct html_data *data)
{
    json_object_begin(data->json, NULL);
    json_text(data->json, "rule", mqtt_rule_info((enum mqtt_rule)ladder->rule)->id);
    json_unsigned(data->json, "frame", ladder->frame);
    json_signed(data->json, "stream", ladder->stream);
    if (ladder->ended) {
        json_signed(data->json, "ended", html_time(data, ladder->end_time));
        json_text(data->json, "end_cause", audit_word(AUDIT_UNIT_END_CAUSE, ladder->end_cause));
    }
    g_array_sort(ladder->rungs, by_place);
    json_array_begin(data->json, "rungs");
    for (guint i = 0; i < ladder->rungs->len; i++)
        write_rung(&g_array_index(ladder->rungs, struct rung, i), data);
    json_array_end(data->json);
    json_object_end(data->json);
}

void html_ladders_write(const struct html_ladders *ladders, const struct html_data *data)
{
    json_array_begin(data->json, "ladders");
    for (guint i = 0; i < ladders->ladders->len; i++)
        write_ladder(g_ptr_array_index(ladders->ladders, i), data);
    json_array_end(data->json);
    json_unsigned(data->json, "ladders_left_out", ladders->left_out);
    json_unsigned(data->json, "ladders_a_rule", A_RULE);
}
