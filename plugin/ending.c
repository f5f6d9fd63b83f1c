/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Closes all connections behind the last frame; see ending.h. */
#include "plugin/ending.h"

#include "mqtt/facts/time.h"
#include "mqtt/state/session.h"
#include "plugin/conversation.h"
#include "plugin/findings.h"

static struct {
    bool done;
    struct mqttscope_seen complete; /* the last frame of the capture whose end was told last */
} ending;

/* ---- One connection ---- */

/* How the transport ended, or that it did not. */
struct end {
    struct mqttscope_conversation *conversation;
    enum mqtt_close how;
    struct mqtt_place place;
};

static int64_t nanoseconds(const nstime_t *time)
{
    return mqtt_time(time->secs, time->nsecs);
}

static struct end end_of(struct mqttscope_conversation *conversation, int64_t capture_end)
{
    struct end end = {.conversation = conversation,
                      .how = MQTT_CLOSE_CAPTURE_END,
                      .place = {.time = capture_end, .acknowledged = UINT64_MAX}};
    struct mqttscope_tcp_end tcp;

    if (conversation->tcp == NULL || !mqttscope_tcp_end(conversation->tcp, &tcp))
        return end;
    end.how = tcp.reset ? MQTT_CLOSE_RST : MQTT_CLOSE_FIN;
    end.place.side = tcp.flow == conversation->tcp_flow ? 0 : 1;
    end.place.frame = tcp.frame;
    end.place.time = nanoseconds(&tcp.time);
    return end;
}

static int by_time(const void *a, const void *b)
{
    const struct end *x = a, *y = b;

    if (x->place.time != y->place.time)
        return x->place.time < y->place.time ? -1 : 1;
    return x->conversation->frame < y->conversation->frame ? -1 : 1;
}

/* ---- Records ---- */

static bool has_finding(const struct mqttscope_record *record, unsigned rule)
{
    for (uint32_t i = 0; record->findings != NULL && i < record->findings->count; i++) {
        if (record->findings->list[i].rule == rule)
            return true;
    }
    return false;
}

static bool is_named(const struct mqttscope_record *record,
                     const struct mqttscope_conversation *conversation,
                     const struct mqtt_finding *finding)
{
    return record->kind == RECORD_PACKET && record->client->owner == conversation &&
           (record->sender == finding->sender || record->sender == MQTT_SENDER_UNKNOWN) &&
           (finding->packet_type == 0 || record->type == finding->packet_type);
}

/* The control packet that the finding names: of several in the frame one without an answer that it
 * was not said of yet, else the last one. */
static struct mqttscope_record *record_named(const struct mqttscope_conversation *conversation,
                                             const struct mqtt_finding *finding)
{
    struct mqttscope_record *found = NULL;

    for (struct mqttscope_record *record = mqttscope_records_of((uint32_t)finding->frame);
         record != NULL; record = record->next) {
        if (!is_named(record, conversation, finding))
            continue;
        if (record->unanswered && !has_finding(record, finding->rule))
            return record;
        found = record;
    }
    return found;
}

static struct mqttscope_record *record_of(const struct mqtt_leg *leg)
{
    return (struct mqttscope_record *)(uintptr_t)leg->token;
}

/* The leg of a handshake that came in that frame; NULL if none did. */
static const struct mqtt_leg *leg_in(const struct mqtt_handshake *handshake, uint64_t frame)
{
    if (handshake->again.frame == frame)
        return &handshake->again;
    for (unsigned i = MQTT_LEGS; i-- > 0;) {
        if (handshake->legs[i].frame == frame)
            return &handshake->legs[i];
    }
    return NULL;
}

static void tell(const struct mqttscope_conversation *conversation,
                 const struct mqtt_handshake *handshake, const struct mqtt_finding *finding)
{
    const struct mqtt_leg *leg = handshake != NULL ? leg_in(handshake, finding->frame) : NULL;
    struct mqttscope_record *record = NULL;

    if (leg != NULL && leg->token != 0)
        record = record_of(leg);
    else if (conversation != NULL)
        record = record_named(conversation, finding);
    if (record != NULL)
        mqttscope_findings_add(record, finding);
}

/* ---- What got no answer ---- */

/* Nothing of the side that had to answer was lost to the capture since, and there was time. */
static bool is_unanswered(const struct end *end, const struct mqtt_leg *leg, unsigned answering)
{
    const struct mqtt_doubt *doubt = &end->conversation->connection->sides[answering].doubt;

    return leg->token != 0 && !doubt->open && doubt->frame < leg->frame &&
           (end->how != MQTT_CLOSE_CAPTURE_END ||
            mqtt_elapsed(end->place.time, leg->time) >= MQTT_OPEN_GRACE);
}

static void mark(const struct end *end, const struct mqtt_leg *leg, unsigned answering)
{
    if (is_unanswered(end, leg, answering))
        record_of(leg)->unanswered = true;
}

static const struct mqtt_leg *last_leg(const struct mqtt_handshake *handshake)
{
    return handshake->again.frame != 0 ? &handshake->again : &handshake->legs[handshake->stage - 1];
}

static void end_handshakes(const struct end *end, uint8_t side)
{
    const struct mqtt_connection *connection = end->conversation->connection;
    const struct mqtt_handshake *handshake;
    struct mqtt_finding finding;
    uint32_t cursor = 0;

    while ((handshake = mqtt_connection_next_open(connection, side, &cursor)) != NULL) {
        const bool sent_by_beginner = handshake->stage != 2;
        if (!mqtt_handshake_handed_on(connection, handshake))
            mark(end, last_leg(handshake), sent_by_beginner ? 1u - side : side);
        if (mqtt_handshake_open_finding(connection, handshake, end->place.time, end->how, &finding))
            tell(end->conversation, handshake, &finding);
    }
}

static void end_requests(const struct end *end)
{
    const struct mqtt_connection *connection = end->conversation->connection;
    const unsigned server = 1u - connection->client;

    for (uint32_t i = 0; i < connection->ping.waiting_count; i++)
        mark(end, &connection->ping.waiting[i].leg, server);
    if (connection->connect.frame != 0 && connection->connack.frame == 0)
        mark(end, &connection->connect, server);
}

static void end_connection(struct end *end)
{
    struct mqtt_connection *connection = end->conversation->connection;
    struct mqtt_step step;

    end->place.began = end->conversation->sides[connection->client].packet_began;
    for (uint8_t side = 0; side < 2; side++)
        end_handshakes(end, side);
    end_requests(end);
    mqtt_connection_close(connection, &end->place, end->how, &step);
    for (uint32_t i = 0; i < step.finding_count; i++)
        tell(end->conversation, NULL, &step.findings[i]);
}

/* ---- All of them ---- */

/* Handshakes of clients that were offline at the end. */
static void end_sessions(const struct mqtt_sessions *sessions, int64_t time)
{
    const struct mqtt_handshake *handshake;
    struct mqtt_finding finding;

    for (const struct mqtt_session *session = mqtt_sessions_next(sessions, NULL); session != NULL;
         session = mqtt_sessions_next(sessions, session)) {
        for (unsigned i = 0; i < 2; i++) {
            uint32_t cursor = 0;
            while ((handshake = mqtt_inflight_next(&session->inflight[i], &cursor)) != NULL) {
                if (!mqtt_session_open_finding(session, handshake, i == 0, time, &finding))
                    continue;
                if (last_leg(handshake)->token != 0)
                    record_of(last_leg(handshake))->unanswered = true;
                tell(NULL, handshake, &finding);
            }
        }
    }
}

/* When the capture ended, as far as anything was heard of these connections. */
static int64_t capture_end(const struct mqttscope_conversation *first)
{
    int64_t end = mqttscope_last_seen().time;

    for (const struct mqttscope_conversation *c = first; c != NULL; c = c->next) {
        if (c->tcp == NULL)
            continue;
        const nstime_t last = mqttscope_tcp_last(c->tcp);
        end = MAX(end, nanoseconds(&last));
    }
    return end;
}

static void end_all(void)
{
    struct mqttscope_conversation *first = mqttscope_conversations();
    uint32_t count = 0;

    if (ending.done || first == NULL)
        return;
    ending.done = true;
    ending.complete = mqttscope_last_seen();
    const int64_t time = capture_end(first);
    for (struct mqttscope_conversation *c = first; c != NULL; c = c->next)
        count++;
    struct end *ends = g_new(struct end, count);
    count = 0;
    for (struct mqttscope_conversation *c = first; c != NULL; c = c->next)
        ends[count++] = end_of(c, time);
    qsort(ends, count, sizeof(ends[0]), by_time);
    for (uint32_t i = 0; i < count; i++)
        end_connection(&ends[i]);
    g_free(ends);
    end_sessions(first->connection->sessions, time);
}

void mqttscope_ending_look(void)
{
    const struct mqttscope_seen last = mqttscope_last_seen();

    if (!ending.done && last.frame != 0 && last.frame == ending.complete.frame &&
        last.time == ending.complete.time)
        end_all();
}

void mqttscope_ending_cleanup(void)
{
    ending.done = false;
}

void mqttscope_ending_register(void)
{
    register_postseq_cleanup_routine(end_all);
}
