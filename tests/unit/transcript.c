/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs transcripts; see transcript.h. */
#include "transcript.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mqtt/facts/tables.h"
#include "mqtt/state/connection.h"
#include "mqtt/state/session.h"

#define CONNECTIONS 8
#define WORDS 24

struct bytes {
    uint8_t data[4096];
    size_t length;
};

struct player {
    struct transcript_run *run;       /* NULL: every line has to hold */
    const struct transcript_ear *ear; /* NULL: nobody listens */
    struct mqtt_memory memory;
    struct mqtt_sessions *sessions;
    struct mqtt_broker_endpoint endpoints[8]; /* that were declared */
    struct mqtt_connection *connections[CONNECTIONS];
    char names[CONNECTIONS][16];
    bool five[CONNECTIONS];
    bool ended[CONNECTIONS];       /* a FIN was seen */
    uint64_t sent[CONNECTIONS][2]; /* bytes, by side */
    unsigned count, current;
    int64_t time;
    uint64_t frame;
    unsigned line;
    char expected[MQTT_STEP_FINDINGS_MAX][64];
    unsigned expected_count;
    char found[64][64]; /* of the last action */
    unsigned found_count;
    struct mqtt_step step;
};

/* ---- Building control packets ---- */

static void put(struct bytes *b, const void *data, size_t length)
{
    ck_assert_uint_le(b->length + length, sizeof b->data);
    memcpy(b->data + b->length, data, length);
    b->length += length;
}

static void put8(struct bytes *b, unsigned value)
{
    const uint8_t byte = (uint8_t)value;
    put(b, &byte, 1);
}

static void put16(struct bytes *b, unsigned value)
{
    put8(b, value >> 8 & 0xff);
    put8(b, value & 0xff);
}

static void put_text(struct bytes *b, const char *text)
{
    put16(b, (unsigned)strlen(text));
    put(b, text, strlen(text));
}

static void put_hex(struct bytes *b, const char *hex)
{
    unsigned value;
    for (; *hex != '\0' && *hex != '}'; hex++) {
        if (*hex == ' ')
            continue;
        ck_assert_int_eq(sscanf(hex, "%2x", &value), 1);
        put8(b, value);
        hex++;
    }
}

struct words {
    char *word[WORDS];
    unsigned count;
    const char *properties; /* what stood in { } */
};

static const char *argument(const struct words *w, const char *key)
{
    for (unsigned i = 1; i < w->count; i++) {
        if (strncmp(w->word[i], key, strlen(key)) == 0)
            return w->word[i] + strlen(key);
    }
    return NULL;
}

static bool flag(const struct words *w, const char *word)
{
    for (unsigned i = 2; i < w->count; i++) {
        if (strcmp(w->word[i], word) == 0)
            return true;
    }
    return false;
}

static unsigned number(const char *text)
{
    return text != NULL ? (unsigned)strtoul(text, NULL, 0) : 0;
}

/* Properties where the version has them. */
static void put_properties(struct bytes *b, const struct words *w, bool five)
{
    struct bytes block = {.length = 0};
    if (!five)
        return;
    if (w->properties != NULL)
        put_hex(&block, w->properties);
    ck_assert_uint_lt(block.length, 128);
    put8(b, (unsigned)block.length);
    put(b, block.data, block.length);
}

static void put_will(struct bytes *b, const struct words *w, bool five)
{
    const char *properties = argument(w, "will-properties=");
    const char *says = argument(w, "will-says=");
    if (five) {
        put8(b, properties != NULL ? (unsigned)strlen(properties) / 2 : 0);
        put_hex(b, properties != NULL ? properties : "");
    }
    put_text(b, "will");
    put_text(b, says != NULL ? says : "gone");
}

/* CONNECT VERSION ID [clean] [ka=SECONDS] [will=QOS] [will-retain] [will-says=TEXT]
 * [will-properties=HEX] [user=NAME] [password=TEXT] [bridge]; ID "-" is empty, as is what ends in
 * its = */
static void build_connect(struct bytes *b, const struct words *w, bool five)
{
    const char *version = w->word[2];
    const char *will = argument(w, "will=");
    const char *user = argument(w, "user="), *password = argument(w, "password=");
    const bool old = strcmp(version, "3.1") == 0;
    unsigned flags = flag(w, "clean") ? 2u : 0u;
    if (will != NULL)
        flags |= 4u | number(will) << 3 | (flag(w, "will-retain") ? 0x20u : 0u);
    flags |= (user != NULL ? 0x80u : 0u) | (password != NULL ? 0x40u : 0u);
    put_text(b, old ? "MQIsdp" : "MQTT");
    put8(b, (old ? 3u : five ? 5u : 4u) | (flag(w, "bridge") ? 0x80u : 0u));
    put8(b, flags);
    put16(b, number(argument(w, "ka=")));
    put_properties(b, w, five);
    put_text(b, strcmp(w->word[3], "-") == 0 ? "" : w->word[3]);
    if (will != NULL)
        put_will(b, w, five);
    if (user != NULL)
        put_text(b, user);
    if (password != NULL)
        put_text(b, password);
}

/* PUBLISH QOS TOPIC [id=N] [dup] [retain] [says=TEXT]; TOPIC "-" is empty; the payload is "x", or
 * TEXT */
static unsigned build_publish(struct bytes *b, const struct words *w, bool five)
{
    const unsigned qos = number(w->word[2]);
    put_text(b, strcmp(w->word[3], "-") == 0 ? "" : w->word[3]);
    if (qos != 0)
        put16(b, number(argument(w, "id=")));
    put_properties(b, w, five);
    const char *says = argument(w, "says=");
    put(b, says != NULL ? says : "x", says != NULL ? strlen(says) : 1);
    return qos << 1 | (flag(w, "dup") ? 8u : 0u) | (flag(w, "retain") ? 1u : 0u);
}

/* SUBSCRIBE N FILTER:QOS... / UNSUBSCRIBE N FILTER... */
static void build_filters(struct bytes *b, const struct words *w, bool five, bool options)
{
    put16(b, number(w->word[2]));
    put_properties(b, w, five);
    for (unsigned i = 3; i < w->count; i++) {
        char *colon = options ? strrchr(w->word[i], ':') : NULL;
        if (colon != NULL)
            *colon = '\0';
        put_text(b, w->word[i]);
        if (colon != NULL)
            put8(b, number(colon + 1));
    }
}

/* PUBACK N [CODE], SUBACK N CODE..., UNSUBACK N [CODE...] */
static void build_answer(struct bytes *b, const struct words *w, bool five, bool codes)
{
    put16(b, number(w->word[2]));
    if (codes)
        put_properties(b, w, five);
    for (unsigned i = 3; i < w->count; i++)
        put8(b, number(w->word[i]));
    if (!codes && w->count > 3)
        put_properties(b, w, five);
}

static unsigned type_number(const char *name)
{
    for (unsigned type = 1; type < MQTT_PACKET_TYPES; type++) {
        if (strcmp(mqtt_packet_type_name(type), name) == 0)
            return type;
    }
    ck_abort_msg("no control packet %s", name);
    return 0;
}

static void build(struct bytes *packet, const struct words *w, bool five)
{
    struct bytes b = {.length = 0};
    packet->length = 0;
    if (strcmp(w->word[1], "RAW") == 0) {
        put_hex(packet, w->properties);
        return;
    }
    const unsigned type = type_number(w->word[1]);
    unsigned flags =
        type == MQTT_PUBREL || type == MQTT_SUBSCRIBE || type == MQTT_UNSUBSCRIBE ? 2u : 0u;
    switch (type) {
    case MQTT_CONNECT: build_connect(&b, w, five); break;
    case MQTT_CONNACK: /* CONNACK [sp] [code=N] */
        put8(&b, flag(w, "sp") ? 1 : 0);
        put8(&b, number(argument(w, "code=")));
        put_properties(&b, w, five);
        break;
    case MQTT_PUBLISH: flags = build_publish(&b, w, five); break;
    case MQTT_SUBSCRIBE: build_filters(&b, w, five, true); break;
    case MQTT_UNSUBSCRIBE: build_filters(&b, w, five, false); break;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK: build_answer(&b, w, five, true); break;
    case MQTT_DISCONNECT: /* DISCONNECT [CODE] */
    case MQTT_AUTH:
        if (w->count > 2) {
            put8(&b, number(w->word[2]));
            put_properties(&b, w, five);
        }
        break;
    case MQTT_PINGREQ:
    case MQTT_PINGRESP: break;
    default: build_answer(&b, w, five, false); break;
    }
    ck_assert_uint_lt(b.length, 16384);
    put8(packet, type << 4 | flags);
    if (b.length < 128) {
        put8(packet, (unsigned)b.length);
    } else {
        put8(packet, (unsigned)(b.length & 0x7f) | 0x80);
        put8(packet, (unsigned)(b.length >> 7));
    }
    put(packet, b.data, b.length);
}

/* ---- Playing ---- */

/* Towards the end of all time, if the run begins there. A clock may be set back, too. */
static void pass_time(struct player *p, int64_t nanoseconds)
{
    if (nanoseconds > 0 ? p->time > INT64_MAX - nanoseconds : p->time < INT64_MIN - nanoseconds)
        p->time = nanoseconds > 0 ? INT64_MAX : INT64_MIN;
    else
        p->time += nanoseconds;
}

static struct mqtt_connection *current(struct player *p)
{
    ck_assert_msg(p->count != 0, "line %u: no connection yet", p->line);
    return p->connections[p->current];
}

static void note_findings(struct player *p)
{
    p->found_count = 0;
    for (uint32_t i = 0; i < p->step.finding_count; i++) {
        const struct mqtt_finding *f = &p->step.findings[i];
        char detail[256];
        ck_assert_uint_lt(mqtt_finding_detail(f, detail, sizeof detail), sizeof detail);
        ck_assert_ptr_null(strchr(detail, '{'));
        snprintf(p->found[p->found_count++], sizeof p->found[0], "%s",
                 mqtt_rule_info((enum mqtt_rule)f->rule)->id);
    }
}

/* Compares what was found with what the lines below the action expected. */
static void settle(struct player *p, unsigned line)
{
    if (p->run != NULL && p->ear == NULL) {
        for (unsigned i = 0; i < p->found_count; i++)
            p->run->found[mqtt_rule_by_id(p->found[i])]++;
        p->found_count = p->expected_count = 0;
        return;
    }
    if (p->ear != NULL)
        p->found_count = p->expected_count = 0;
    for (unsigned i = 0; i < p->expected_count; i++) {
        unsigned j = 0;
        while (j < p->found_count && strcmp(p->found[j], p->expected[i]) != 0)
            j++;
        ck_assert_msg(j < p->found_count, "line %u: %s was not raised", line, p->expected[i]);
        p->found_count--;
        memmove(p->found[j], p->found[p->found_count], sizeof p->found[0]);
    }
    ck_assert_msg(p->found_count == 0, "line %u: %s was raised", line, p->found[0]);
    p->expected_count = 0;
}

static void declare(struct player *p, const struct words *w)
{
    struct mqtt_brokers *brokers = &p->sessions->options.brokers;
    brokers->endpoints = p->endpoints;
    for (unsigned i = 1; i < w->count; i++)
        for (char *at = w->word[i]; *at != '\0'; at += *at == ',') {
            ck_assert_uint_lt(brokers->count, 8);
            p->endpoints[brokers->count++] = (struct mqtt_broker_endpoint){
                {.family = 4, .port = (uint16_t)strtoul(at, &at, 10)}, i};
        }
}

static uint8_t subprotocol(const char *name)
{
    if (name == NULL || strcmp(name, "none") == 0)
        return MQTT_SUBPROTOCOL_NONE;
    if (strcmp(name, "mqtt") == 0)
        return MQTT_SUBPROTOCOL_MQTT;
    return strcmp(name, "mqttv3.1") == 0 ? MQTT_SUBPROTOCOL_MQTTV31 : MQTT_SUBPROTOCOL_OTHER;
}

/* offers=mqtt,chat selects=chat: a WebSocket; without one of them the capture lacks it. */
static struct mqtt_upgrade upgrade(struct player *p, const struct words *w)
{
    const char *offers = argument(w, "offers=");
    const char *selects = argument(w, "selects=");
    struct mqtt_upgrade upgrade = {.selected = subprotocol(selects)};
    if (offers != NULL) {
        upgrade.request = (struct mqtt_leg){p->time, ++p->frame, 0};
        upgrade.offers_mqttv31 = strstr(offers, "mqttv3.1") != NULL;
        upgrade.offers_mqtt = strcmp(offers, "mqtt") == 0 || strstr(offers, "mqtt,") != NULL;
    }
    if (selects != NULL)
        upgrade.response = (struct mqtt_leg){p->time, ++p->frame, 0};
    return upgrade;
}

static void start(struct player *p, const struct words *w)
{
    const char *port = argument(w, "port=");
    const bool mid = flag(w, "mid") || (w->count > 1 && strcmp(w->word[1], "mid") == 0);
    ck_assert_uint_lt(p->count, CONNECTIONS);
    struct mqtt_connection_start s = {.time = p->time,
                                      .frame = ++p->frame,
                                      .memory = &p->memory,
                                      .endpoints = {{.family = 4, .port = 40000}, {.family = 4}},
                                      .upgrade = upgrade(p, w),
                                      .start_seen = !mid,
                                      .client = 0};
    if (port != NULL)
        s.endpoints[1].port = (uint16_t)number(port);
    p->connections[p->count] = mqtt_connection_new(p->sessions, &s);
    if (p->ear != NULL && p->connections[p->count] != NULL)
        p->ear->opened(p->ear->user, p->count, &s, p->connections[p->count]);
    snprintf(p->names[p->count], sizeof p->names[0], "%s", w->count > 1 ? w->word[1] : "");
    p->current = p->count++;
}

static void send_packet(struct player *p, const struct words *w)
{
    struct mqtt_connection *c = current(p);
    struct bytes bytes;
    struct mqtt_packet packet;
    if (strcmp(w->word[1], "CONNECT") == 0)
        p->five[p->current] = strcmp(w->word[2], "5.0") == 0;
    if (strcmp(w->word[1], "RAW") == 0 && flag(w, "v5"))
        p->five[p->current] = true;
    const char *early = argument(w, "began=-");
    build(&bytes, w, p->five[p->current] || (w->count > 2 && flag(w, "v5")));
    pass_time(p, 1000000);
    const struct mqtt_place place = {
        .time = p->time,
        .frame = ++p->frame,
        .token = p->frame,
        .side = w->word[0][0] == 'S',
        .began = early != NULL ? p->time - (int64_t)(strtod(early, NULL) * 1e9) : 0,
        .position = p->sent[p->current][w->word[0][0] == 'S'] += bytes.length,
        .acknowledged = flag(w, "unread") ? 0
                        : flag(w, "read") ? p->sent[p->current][w->word[0][0] != 'S']
                                          : UINT64_MAX,
        .text_frame = flag(w, "text") ? p->frame : 0};
    const struct mqtt_bytes all = {bytes.data, bytes.length, bytes.length};
    const enum mqtt_outcome outcome =
        mqtt_connection_packet(c, &place, &all, NULL, &packet, &p->step);
    ck_assert_msg(outcome == MQTT_OK || outcome == MQTT_MALFORMED, "line %u: outcome %d", p->line,
                  (int)outcome);
    note_findings(p);
    if (p->ear != NULL)
        p->ear->packet(p->ear->user, p->current, &place, &packet, &p->step);
}

static void add_open_findings(struct player *p, enum mqtt_close how)
{
    struct mqtt_connection *c = current(p);
    for (uint8_t side = 0; side < 2; side++) {
        uint32_t cursor = 0;
        const struct mqtt_handshake *open;
        while ((open = mqtt_connection_next_open(c, side, &cursor)) != NULL) {
            struct mqtt_finding finding;
            if (mqtt_handshake_open_finding(c, open, p->time, how, &finding))
                snprintf(p->found[p->found_count++], sizeof p->found[0], "%s",
                         mqtt_rule_info((enum mqtt_rule)finding.rule)->id);
        }
    }
}

static void add_session_findings(struct player *p)
{
    const struct mqtt_session *s = NULL;
    while ((s = mqtt_sessions_next(p->sessions, s)) != NULL) {
        for (unsigned i = 0; i < 2; i++) {
            uint32_t cursor = 0;
            const struct mqtt_handshake *open;
            struct mqtt_finding finding;
            while ((open = mqtt_inflight_next(&s->inflight[i], &cursor)) != NULL) {
                if (mqtt_session_open_finding(s, open, i == 0, p->time, &finding))
                    snprintf(p->found[p->found_count++], sizeof p->found[0], "%s",
                             mqtt_rule_info((enum mqtt_rule)finding.rule)->id);
            }
        }
    }
}

static void close_current(struct player *p, const struct words *w, uint8_t side,
                          enum mqtt_close how)
{
    const char *early = argument(w, "began=-");
    const struct mqtt_place place = {
        .time = p->time,
        .frame = ++p->frame,
        .side = side,
        .began = early != NULL ? p->time - (int64_t)(strtod(early, NULL) * 1e9) : 0};
    unsigned kept = p->found_count = 0;
    add_open_findings(p, how);
    kept = p->found_count;
    if (p->ear != NULL)
        p->ear->close(p->ear->user, p->current, current(p), &place, (int)how, &p->step);
    else
        mqtt_connection_close(current(p), &place, how, &p->step);
    for (uint32_t i = 0; i < p->step.finding_count; i++)
        snprintf(p->found[kept++], sizeof p->found[0], "%s",
                 mqtt_rule_info((enum mqtt_rule)p->step.findings[i].rule)->id);
    p->found_count = kept;
}

static void over(struct player *p, uint8_t side)
{
    const struct mqtt_place place = {.time = p->time, .frame = ++p->frame, .side = side};
    if (p->ear != NULL)
        p->ear->over(p->ear->user, p->current, current(p), &place);
    else
        mqtt_connection_over(current(p), p->time);
}

/* The end of the capture: of the current connection, and of the sessions that nobody resumed. */
static void end_capture(struct player *p, const struct words *w)
{
    p->found_count = 0;
    if (current(p) != NULL && !current(p)->closed)
        close_current(p, w, 0, MQTT_CLOSE_CAPTURE_END);
    add_session_findings(p);
}

static bool slice_is(struct mqtt_slice slice, const char *text)
{
    return slice.length == strlen(text) &&
           (slice.length == 0 || memcmp(slice.data, text, slice.length) == 0);
}

/* cause WORD, topic NAME, client NAME, answers (a packet), alone, rtt MS, resend, done KIND,
 * in-flight N, version V, effective SECONDS, client-side N */
static void expect(struct player *p, const struct words *w)
{
    const struct mqtt_connection *c = current(p);
    const char *what = w->word[1];
    char value[64] = "";
    bool holds = false;
    for (unsigned i = 2; i < w->count; i++) {
        const size_t used = strlen(value);
        snprintf(value + used, sizeof value - used, "%s%s", i > 2 ? " " : "", w->word[i]);
    }
    if (strcmp(what, "cause") == 0)
        holds = strcmp(mqtt_end_cause_name(c->end_cause), value) == 0;
    else if (strcmp(what, "topic") == 0)
        holds = slice_is(p->step.topic, value);
    else if (strcmp(what, "client") == 0)
        holds = slice_is(p->step.client_identifier, value);
    else if (strcmp(what, "answers") == 0)
        holds = p->step.request.frame != 0;
    else if (strcmp(what, "alone") == 0)
        holds = p->step.request.frame == 0;
    else if (strcmp(what, "rtt") == 0)
        holds = p->step.since_request == (int64_t)number(value) * 1000000;
    else if (strcmp(what, "resend") == 0)
        holds = p->step.resend && p->step.first.frame != 0;
    else if (strcmp(what, "done") == 0)
        holds = p->step.has_handshake &&
                strcmp(mqtt_handshake_kind_name(p->step.handshake.kind), value) == 0;
    else if (strcmp(what, "in-flight") == 0)
        holds = p->step.in_flight == number(value);
    else if (strcmp(what, "version") == 0)
        holds = strcmp(mqtt_version_name(p->step.version), value) == 0;
    else if (strcmp(what, "effective") == 0)
        holds = c->keep_alive.effective == number(value);
    else if (strcmp(what, "client-side") == 0)
        holds = c->client_known && c->client == number(value);
    ck_assert_msg(holds, "line %u: not so: %s %s", p->line, what, value);
}

static void use(struct player *p, const char *name)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (strcmp(p->names[i], name) == 0) {
            p->current = i;
            return;
        }
    }
    ck_abort_msg("line %u: no connection %s", p->line, name);
}

static void lose(struct player *p, bool server)
{
    const struct mqtt_place place = {.time = p->time, .frame = ++p->frame, .side = server};
    mqtt_connection_gap(current(p), &place);
}

static enum mqtt_close how_closed(const char *word)
{
    return strcmp(word, "rst") == 0         ? MQTT_CLOSE_RST
           : strcmp(word, "reused") == 0    ? MQTT_CLOSE_REUSED
           : strcmp(word, "timed-out") == 0 ? MQTT_CLOSE_TIMED_OUT
                                            : MQTT_CLOSE_FIN;
}

static void act(struct player *p, const struct words *w)
{
    const char *word = w->word[0];
    p->found_count = 0;
    const bool anywhere = strcmp(word, "connection") == 0 || strcmp(word, "brokers") == 0 ||
                          strcmp(word, "use") == 0 || word[0] == '+';
    if (!anywhere && current(p) == NULL)
        return; /* there was no memory for it */
    if (strcmp(word, "connection") == 0)
        start(p, w);
    else if (strcmp(word, "brokers") == 0)
        declare(p, w);
    else if (strcmp(word, "use") == 0)
        use(p, w->word[1]);
    else if (word[0] == '+')
        pass_time(p, (int64_t)(strtod(word + 1, NULL) * 1e9));
    else if (strcmp(word, "gap") == 0)
        lose(p, w->word[1][0] == 'S');
    else if (strcmp(word, "unread") == 0)
        mqtt_connection_unread(current(p), w->word[1][0] == 'S', p->time);
    else if (strcmp(word, "over") == 0)
        over(p, w->word[1][0] == 'S');
    else if (strcmp(word, "close") == 0)
        close_current(p, w, w->word[1][0] == 'S', how_closed(w->word[2]));
    else if (strcmp(word, "fin") == 0)
        p->ended[p->current] = true;
    else if (strcmp(word, "end") == 0)
        end_capture(p, w);
    else if (strcmp(word, "C") == 0 || strcmp(word, "S") == 0)
        send_packet(p, w);
    else
        ck_abort_msg("line %u: %s?", p->line, word);
}

static void split(char *line, struct words *w)
{
    char *open = strchr(line, '{');
    *w = (struct words){.count = 0};
    if (open != NULL) {
        w->properties = open + 1;
        *open = '\0';
    }
    for (char *word = strtok(line, " "); word != NULL && w->count < WORDS; word = strtok(NULL, " "))
        w->word[w->count++] = word;
}

/* Fails the run's allocation. */
static void *reallocate(void *user, void *block, size_t size)
{
    struct transcript_run *run = user;
    return ++run->allocations == run->failing ? NULL : realloc(block, size);
}

/* Who listens hears of the end of all that is open. */
static void end_heard(struct player *p)
{
    const struct words none = {.count = 0};
    for (p->current = 0; p->current < p->count; p->current++)
        if (current(p) != NULL && !current(p)->closed)
            close_current(p, &none, 0, MQTT_CLOSE_CAPTURE_END);
    p->ear->end(p->ear->user, p->sessions, p->time);
}

static bool transport_ended(const struct mqtt_connection *connection, void *user)
{
    const struct player *p = user;
    for (unsigned i = 0; i < p->count; i++) {
        if (p->connections[i] == connection)
            return p->ended[i];
    }
    return false;
}

static void play(const char *text, struct transcript_run *run, const struct transcript_ear *ear)
{
    struct player *p = calloc(1, sizeof *p);
    p->run = run;
    p->ear = ear;
    p->memory = (struct mqtt_memory){.reallocate = run != NULL ? reallocate : NULL, .user = run};
    char *copy = strdup(text);
    char *next = copy;
    unsigned action_line = 0;
    p->sessions = mqtt_sessions_new(&(struct mqtt_sessions_options){
        .memory = &p->memory, .transport_ended = transport_ended, .user = p});
    p->time = run != NULL ? run->start : TRANSCRIPT_START;
    while (next != NULL) {
        struct words w;
        char *line = next;
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        p->line++;
        split(line, &w);
        if (w.count == 0)
            continue;
        if (strcmp(w.word[0], "!") == 0) {
            snprintf(p->expected[p->expected_count++], sizeof p->expected[0], "%s", w.word[1]);
        } else if (strcmp(w.word[0], "?") == 0) {
            if (run == NULL)
                expect(p, &w);
        } else {
            settle(p, action_line);
            act(p, &w);
            action_line = p->line;
        }
    }
    settle(p, action_line);
    if (ear != NULL)
        end_heard(p);
    for (unsigned i = 0; i < p->count; i++)
        mqtt_connection_free(p->connections[i]);
    mqtt_sessions_free(p->sessions);
    ck_assert_uint_eq(p->memory.used, 0);
    free(copy);
    free(p);
}

void transcript(const char *text)
{
    play(text, NULL, NULL);
}

void transcript_run(const char *text, struct transcript_run *run)
{
    play(text, run, NULL);
}

void transcript_heard(const char *text, const struct transcript_ear *ear,
                      struct transcript_run *run)
{
    play(text, run, ear);
}
