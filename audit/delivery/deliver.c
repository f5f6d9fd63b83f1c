/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server's PUBLISH: which publication it delivers, and whether it may. */
#include "audit/delivery/world.h"

/* ---- Findings ---- */

struct mqtt_finding delivery_finding(const struct delivery *of, enum mqtt_rule rule, uint64_t first,
                                     uint64_t second)
{
    return (struct mqtt_finding){
        .rule = (uint16_t)rule,
        .version = of->packet->version,
        .sender = MQTT_SENDER_SERVER,
        .packet_type = MQTT_PUBLISH,
        .side = of->place->side,
        .qos = of->packet->publish.qos,
        .field = MQTT_FIELDS,
        .time = of->place->time,
        .frame = of->place->frame,
        .values = {first, second},
    };
}

void delivery_raise(const struct delivery *of, enum mqtt_rule rule, uint64_t first, uint64_t second)
{
    const struct mqtt_finding finding = delivery_finding(of, rule, first, second);
    tell_finding(of->d, of->client, of->topic->name, &finding);
}

/* Several publications like it are known. */
static bool is_repeated(const struct delivery *of)
{
    const struct publication *first = publication_find(of->d, of->topic, of->fingerprint, NULL);
    return first != NULL && first->alike;
}

void delivery_hold(const struct delivery *of, enum mqtt_rule rule, uint64_t first, uint64_t second,
                   enum held_kind kind, uint64_t number, int64_t since)
{
    const struct mqtt_finding finding = delivery_finding(of, rule, first, second);
    hold(of->d, kind, of->client, of->topic, &finding, number, since,
         of->packet->publish.payload_length, is_repeated(of));
}

/* ---- What is known ---- */

bool delivery_is_stable(const struct delivery *of, uint64_t number)
{
    const struct match *matched = of->matched;
    if (!is_whole(of->client) || matched == NULL || matched->sure == 0 || matched->maybe != 0 ||
        of->topic->unfollowed || of->client->group_count != 0)
        return false;
    for (uint32_t i = matched->from; i < matched->from + matched->count; i++) {
        const struct subscription *each = of->topic->subscriptions[i];
        if (each->state == SUBSCRIPTION_GONE ? each->gone_after >= number
                                             : each->asked_after >= number || each->since >= number)
            return false;
    }
    return true;
}

bool is_only(const struct audit_deliveries *d, const struct publication *publication)
{
    const struct topic *topic = publication->topic;
    (void)d;
    if (publication->alike || topic->blind)
        return false;
    for (const struct will *will = topic->wills; will != NULL; will = will->next)
        if (will->fingerprint == publication->fingerprint && will->publication != publication)
            return false;
    for (uint32_t i = 0; i < topic->kept_count; i++)
        if (topic->kept[i].fingerprint == publication->fingerprint &&
            topic->kept[i].number != publication->number)
            return false;
    return true;
}

bool is_sole(const struct audit_deliveries *d, const struct publication *publication)
{
    const struct publication *at = NULL;
    for (unsigned i = 0; publication->alike && i < LOOKED_AT; i++) {
        at = publication_find(d, publication->topic, publication->fingerprint, at);
        if (at == NULL)
            return !publication->topic->blind;
        if (at->publisher_number != publication->publisher_number || at->qos != publication->qos)
            return false;
    }
    return !publication->alike && !publication->topic->blind;
}

/* ---- RETAIN on what was published just now (5.0: 3.3.1-13) ---- */

static void check_retain_as_published(const struct delivery *of,
                                      const struct publication *publication)
{
    const bool retain = of->packet->publish.retain;
    const struct subscription *asks = NULL;
    if (of->packet->version != MQTT_VERSION_5_0 || will_of(publication) != NULL ||
        !delivery_is_stable(of, publication->number))
        return;
    for (uint32_t i = 0; i < of->matched->count; i++) {
        const struct subscription *each = of->topic->subscriptions[of->matched->from + i];
        if (each->state == SUBSCRIPTION_SURE && !each->retain_as_published)
            return;
        if (each->state == SUBSCRIPTION_SURE)
            asks = each;
    }
    if (asks != NULL && retain != publication->retain)
        delivery_hold(of, MQTT_RULE_RETAIN_NOT_AS_PUBLISHED, publication->frame, asks->asked.frame,
                      HELD_OTHER, publication->number, publication->time);
}

/* ---- It is served ---- */

static void count_latency(const struct delivery *of, struct row *row, const struct expectation *e,
                          struct audit_match *match)
{
    match->known = true;
    match->frame = e->publication->frame;
    match->took = mqtt_elapsed(of->place->time, e->publication->time);
    /* When a will was published is not known, where it came before its connection's end. */
    if (e->publication->doubtful && will_of(e->publication) != NULL) {
        match->late = true;
        return;
    }
    match->late = e->queued || (!row->client->group && e->entries != row->client->entries);
    if (match->late) {
        row->counts.late++;
        return;
    }
    if (match->took < 0)
        return;
    row_add_time(row, mqtt_microseconds(match->took));
}

/* 4.6.0-5, -6. */
static void check_order(const struct delivery *of, const struct expectation *e)
{
    if (overtaken_in(e) == 0 || e->notes->overtaken_link != of->link->number || of->repeated ||
        !of->only || !e->notes->overtaken_surely || of->client->group_count != 0)
        return;
    delivery_hold(of, MQTT_RULE_DELIVERED_OUT_OF_ORDER, e->publication->frame, e->notes->overtaken,
                  HELD_OTHER, e->publication->number, e->publication->time);
}

static void note_stream(struct row *row, const struct publication *publication)
{
    struct stream *stream = stream_of(row, publication->publisher_number, publication->qos);
    if (stream == NULL) {
        stream = &row->streams[0];
        for (unsigned i = 1; i < STREAMS; i++)
            if (row->streams[i].number < stream->number)
                stream = &row->streams[i];
        *stream =
            (struct stream){.publisher = publication->publisher_number, .qos = publication->qos};
    }
    if (stream->number >= publication->number)
        return;
    stream->number = publication->number;
}

/* What was in doubt is not any more, if it was published after that. */
static void note_served(const struct delivery *of, const struct publication *publication)
{
    if (of->matched == NULL)
        return;
    struct subscription *unsure = NULL;
    for (uint32_t i = 0; i < of->matched->count; i++) {
        struct subscription *each = of->topic->subscriptions[of->matched->from + i];
        if (each->state == SUBSCRIPTION_GONE)
            continue;
        if (each->state == SUBSCRIPTION_SURE && each->unsure)
            unsure = each;
    }
    if (unsure == NULL || of->matched->sure != 0 || of->matched->maybe != 1 ||
        (of->client->hole != MQTT_NO_TIME && publication->time <= of->client->hole))
        return;
    unsure->unsure = false;
    unsure->since = of->d->publication_numbers;
    of->topic->broker->generation++;
}

static void note_forwarded(const struct publication *publication)
{
    struct topic *topic = publication->topic;
    if (!topic_forwards(topic, publication->publisher_number))
        topic->forwarded[topic->forwarded_next++ % G_N_ELEMENTS(topic->forwarded)] =
            publication->publisher_number;
}

/* Nothing else can have waited for the client, or have been lost to the capture, since then. */
static bool is_known_since(const struct client *client, const struct publication *publication)
{
    return client->session_frame != 0 &&
           (client->hole == MQTT_NO_TIME || client->hole < publication->time);
}

void serve(struct delivery *of, struct expectation *e, struct audit_match *match)
{
    struct publication *publication = e->publication;
    struct row *row = e->row;
    struct client *client = row->client;
    const bool first = !e->served;
    if (!first)
        note_surplus(of, row);
    of->only = is_only(of->d, publication);
    of->sole = of->only || is_sole(of->d, publication);
    of->certain = of->only || (of->sole && is_alone(of, row, e));
    if (!e->owed && first)
        row->counts.expected++; /* it was not promised, and is as good as if it had been */
    if (first) {
        row->counts.delivered++;
        count_latency(of, row, e, match);
    } else {
        match->known = true;
        match->frame = publication->frame;
        match->took = mqtt_elapsed(of->place->time, publication->time);
        match->late = true;
    }
    check_order(of, e);
    check_qos(of, e);
    /* Of publications that are alike, the oldest was routed by what the client had asked for then.
     */
    const struct publication *oldest =
        of->only ? publication
                 : publication_find(of->d, publication->topic, publication->fingerprint, NULL);
    if (of->packet->version == MQTT_VERSION_5_0 && !of->repeated && !client->group &&
        delivery_is_stable(of, oldest->number))
        check_identifiers(of, oldest);
    if (of->only && !of->repeated && is_known_since(of->client, publication)) {
        check_contents(of, publication);
        check_retain_as_published(of, publication);
    }
    if (first && e->copies > 1)
        expectation_notes(of->d, e)->first_time = of->place->time;
    if (e->copies > 1 || (e->notes != NULL && e->notes->first_frame != 0))
        note_low(of, e);
    expectation_list(e, e->copies > 1 ? LIST_EXTRA : LIST_NONE);
    e->owed = false;
    e->served = true;
    e->copies_served = (uint8_t)MIN(e->copies_served + 1, UINT8_MAX);
    e->suspended = false;
    if (e->copies > 0)
        e->copies--;
    publication->forwards = (uint8_t)MIN(publication->forwards + 1, UINT8_MAX);
    if (publication->retain && publication->forwards == 1)
        retained_forwarded(publication);
    row->forwarded++;
    client->shared_served += client->group;
    row_remember(row, of, publication->number);
    if (overtaken_in(e) != 0 && e->notes->overtaken_link == of->link->number)
        client->broker->reorders = true;
    if (first)
        note_forwarded(publication);
    if (first && publication->publisher_number != 0 && !client->group && of->sole) {
        overtake(of, row, publication);
        note_stream(row, publication);
    }
    if (MIN(of->packet->publish.qos, publication->qos) > 0 &&
        publication->number > client->newest) {
        client->newest = publication->number;
        client->newest_time = of->place->time;
    }
    note_served(of, publication);
    if (e->copies == 0) {
        judge_copies(of->d, e);
        expectation_free(of->d, e);
    }
}

/* ---- All of it ---- */

/* Several of its groups share such messages: for which of them it gets one, nobody knows. */
static bool shares_elsewhere(const struct delivery *of)
{
    unsigned matching = 0;
    for (uint32_t i = 0; i < of->client->group_count; i++)
        matching += topic_match_of(of->topic, of->client->groups[i]) != NULL;
    return matching > 1;
}

static bool serve_group(struct delivery *of, struct audit_match *match)
{
    of->besides |= of->client->group_count > 1 && shares_elsewhere(of);
    for (uint32_t i = 0; i < of->client->group_count; i++) {
        struct client *group = of->client->groups[i];
        struct row *row = row_of(of->d, of->topic, group, false);
        struct expectation *e = row != NULL ? choose(of, row) : NULL;
        if (e == NULL || e->served)
            continue;
        check_shared_granted(of, group);
        serve(of, e, match);
        judge_client(of->d, group);
        return true;
    }
    return false;
}

/* What came with RETAIN, and is no news. */
static bool is_kept_message(const struct delivery *of)
{
    return of->packet->publish.retain && retained_delivered(of);
}

/* Whoever published it: the subscriptions that it may be for are served. */
static void note_matched(const struct delivery *of)
{
    for (uint32_t i = 0; of->matched != NULL && i < of->matched->count; i++)
        of->topic->subscriptions[of->matched->from + i]->served++;
}

static void take(struct delivery *of, struct audit_match *match)
{
    struct row *row = row_of(of->d, of->topic, of->client, false);
    struct expectation *e = row != NULL ? choose(of, row) : NULL;
    if (check_subscribed(of) && e == NULL)
        return;
    check_above_granted(of);
    if (is_kept_message(of))
        return;
    note_matched(of);
    const bool has_own = e != NULL && (e->owed || !e->served);
    of->besides = e != NULL && !has_own;
    if (has_own)
        serve(of, e, match);
    else if (serve_group(of, match))
        return;
    else if (e != NULL)
        serve(of, e, match);
    else if (!will_delivered(of, match))
        take_extra(of, row);
}

/* Brokers have windows as small as one message; while that is full, the rest waits. Nothing waited
 * for a client that had acknowledged all, and then heard nothing for a while. */
static void note_idle(struct client *client, const struct audit_delivery_link *link,
                      const struct mqtt_place *place, const struct mqtt_packet *packet)
{
    const struct mqtt_connection *c = link->connection;
    const struct mqtt_leg *last = &c->sides[c->client].last;
    const uint32_t outstanding = c->sides[place->side].outstanding; /* this one included */
    if (outstanding <= (packet->publish.qos > 0 ? 1 : 0) && last->frame != 0 &&
        mqtt_elapsed(place->time, last->time) > IDLE)
        client->idle = place->time;
}

void deliver(struct audit_deliveries *d, struct audit_delivery_link *link,
             const struct mqtt_place *place, const struct mqtt_packet *packet,
             const struct mqtt_step *step, struct audit_match *match)
{
    struct client *client = link->client;
    if (client == NULL || step->resend)
        return;
    note_idle(client, link, place, packet);
    client->served = place->time;
    if (client_is_full(client))
        client->blocked = place->time;
    client->server_side = place->side;
    if (step->topic.length == 0) {
        client->hole = place->time; /* it may be any message */
        return;
    }
    struct delivery of = {
        .d = d, .link = link, .place = place, .packet = packet, .step = step, .client = client};
    of.topic = topic_of(d, client->broker, step->topic, true);
    if (of.topic == NULL) {
        client->hole = place->time;
        return;
    }
    if (packet->captured != packet->length) {
        of.topic->blind = true;
        client->hole = of.topic->kept_doubt = place->time;
        return;
    }
    of.fingerprint = fingerprint_of(d, packet->publish.payload);
    /* What comes on a connection that another one has taken the session from is of before that. */
    of.repeated = packet->publish.dup || client->link != link;
    topic_match(d, of.topic);
    of.matched = topic_match_of(of.topic, client);
    take(&of, match);
    judge_client(d, client);
}
