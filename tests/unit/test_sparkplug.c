/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/sparkplug/: for each rule the scene that raises it, and beside it the lawful twin. A scene
 * is a text, a line each:
 *
 *     connection [mid]          begins one; with `mid` its start was not captured
 *     use N                     goes on with the N-th connection, from 0
 *     CONNECT [will] ...        the client's; `will` makes the rest of the line the NDEATH that is
 *                               its will, `will=TOPIC` on another topic; wq=QOS, wr: its
 * flags; 5.0, bridge, cut (the capture lacks the end) TYPE[/DEVICE] ...         it publishes on
 * spBv1.0/g/TYPE/n[/DEVICE] S TYPE ...                the server delivers PUBLISH TOPIC ... it
 * publishes on this topic +SECONDS | gap            time passes; bytes of the client are missing
 *     DISCONNECT | close | end  the client's; its FIN; the end of the capture
 *     ! RULE                    the last line raises this finding, and no other
 *
 * Words of a payload: seq=N, bd=N (the metric bdSeq), m=NAME[@ALIAS], a=ALIAS (a metric without
 * name), reb, reb! (Node Control/Rebirth, false and true); -ts, -type: without time stamp, data
 * types; gz: compressed; raw={HEX}: these bytes; half: the capture has the first half. Of the
 * packet: node=N, q=QOS, r (RETAIN), dup.
 */
#include "suite.h"

#include "audit/fold.h"
#include "audit/recorder.h"
#include "audit/report/json.h"
#include "audit/report/text.h"
#include "audit/sparkplug/assertions.h"
#include "audit/sparkplug/sparkplug.h"
#include "mqtt/state/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 6

struct stage {
    struct audit_recorder *recorder;
    struct audit_fold *fold;
    struct sparkplug *sparkplug;
    struct mqtt_sessions *sessions;
    struct mqtt_connection *connections[CONNECTIONS_MAX];
    struct audit_open *open[CONNECTIONS_MAX];
    bool closed[CONNECTIONS_MAX];
    bool version_5[CONNECTIONS_MAX];
    unsigned count, now;
    int64_t time;
    uint64_t frame;
    GString *found; /* "! RULE" of the last line */
    bool every[MQTT_RULES];
};

static bool all_found[MQTT_RULES];

static void note(void *user, const struct audit_event *event)
{
    struct stage *stage = user;
    if (event->kind != AUDIT_EVENT_FINDING)
        return;
    const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)event->finding.what->rule);
    if (strncmp(info->id, "sparkplug-", 10) != 0)
        return;
    all_found[event->finding.what->rule] = true;
    ck_assert_int_eq(mqtt_finding_blames(event->finding.what),
                     info->severity == MQTT_ERROR ? MQTT_SENDER_CLIENT : MQTT_SENDER_UNKNOWN);
    ck_assert_uint_ne(event->finding.what->frame, 0);
    g_string_append_printf(stage->found, "! %s\n", info->id);
}

static void finds(void *user, const struct audit_flow *flow, const struct mqtt_finding *finding)
{
    struct stage *stage = user;
    audit_recorder_find(stage->recorder, flow, finding);
}

/* ---- Bytes ---- */

static void put_varint(GByteArray *bytes, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        g_byte_array_append(bytes, (const guint8[]){(guint8)(value | 0x80)}, 1);
    g_byte_array_append(bytes, (const guint8[]){(guint8)value}, 1);
}

static void put_number(GByteArray *bytes, unsigned field, uint64_t value)
{
    put_varint(bytes, field << 3);
    put_varint(bytes, value);
}

static void put_bytes(GByteArray *bytes, unsigned field, const void *data, size_t length)
{
    put_varint(bytes, field << 3 | 2);
    put_varint(bytes, length);
    g_byte_array_append(bytes, data, (guint)length);
}

struct metric {
    const char *name; /* NULL: none */
    int64_t alias;    /* negative: none */
    unsigned field;   /* of the value */
    uint64_t value;
};

static void put_metric(GByteArray *payload, const struct metric *metric, bool typed)
{
    GByteArray *bytes = g_byte_array_new();
    if (metric->name != NULL)
        put_bytes(bytes, 1, metric->name, strlen(metric->name));
    if (metric->alias >= 0)
        put_number(bytes, 2, (uint64_t)metric->alias);
    put_number(bytes, 3, 1700000000000);
    if (typed)
        put_number(bytes, 4, metric->field == 14 ? 11 : 4);
    put_number(bytes, metric->field, metric->value);
    put_bytes(payload, 2, bytes->data, bytes->len);
    g_byte_array_free(bytes, TRUE);
}

static void put_hex(GByteArray *bytes, const char *hex)
{
    for (; g_ascii_isxdigit(hex[0]) && g_ascii_isxdigit(hex[1]); hex += 2) {
        const guint8 byte =
            (guint8)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
        g_byte_array_append(bytes, &byte, 1);
    }
}

/* The value of a word "KEY=VALUE"; NULL if it is another one. */
static const char *value_of(const char *word, const char *key)
{
    const size_t length = strlen(key);
    return strncmp(word, key, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static bool has(char **words, const char *word)
{
    return g_strv_contains((const gchar *const *)words, word);
}

static void put_word(GByteArray *payload, const char *word, bool typed)
{
    const char *value;
    if ((value = value_of(word, "seq")) != NULL)
        put_number(payload, 3, g_ascii_strtoull(value, NULL, 10));
    else if ((value = value_of(word, "bd")) != NULL)
        put_metric(payload, &(struct metric){"bdSeq", -1, 11, g_ascii_strtoull(value, NULL, 10)},
                   true);
    else if ((value = value_of(word, "a")) != NULL)
        put_metric(payload, &(struct metric){NULL, atoi(value), 11, 1}, typed);
    else if (strcmp(word, "reb") == 0 || strcmp(word, "reb!") == 0)
        put_metric(payload, &(struct metric){"Node Control/Rebirth", -1, 14, word[3] == '!'},
                   typed);
    else if (strcmp(word, "gz") == 0)
        put_bytes(payload, 4, "SPBV1.0_COMPRESSED", 18);
    else if ((value = value_of(word, "raw")) != NULL)
        put_hex(payload, value);
    else if ((value = value_of(word, "m")) != NULL) {
        char **parts = g_strsplit(value, "@", 2);
        put_metric(payload,
                   &(struct metric){parts[0], parts[1] != NULL ? atoi(parts[1]) : -1, 11, 1},
                   typed);
        g_strfreev(parts);
    }
}

static GByteArray *payload_of(char **words, bool timed)
{
    GByteArray *payload = g_byte_array_new();
    bool raw = false;
    for (char **word = words; *word != NULL; word++)
        raw |= value_of(*word, "raw") != NULL;
    if (timed && !raw && !has(words, "-ts"))
        put_number(payload, 1, 1700000000000);
    for (char **word = words; *word != NULL; word++)
        put_word(payload, *word, !has(words, "-type"));
    return payload;
}

static void put_string(GByteArray *bytes, const void *data, size_t length)
{
    const guint8 prefix[] = {(guint8)(length >> 8), (guint8)length};
    g_byte_array_append(bytes, prefix, 2);
    g_byte_array_append(bytes, data, (guint)length);
}

static GByteArray *packet_of(uint8_t first, const GByteArray *rest)
{
    GByteArray *packet = g_byte_array_new();
    g_byte_array_append(packet, &first, 1);
    put_varint(packet, rest->len);
    g_byte_array_append(packet, rest->data, rest->len);
    return packet;
}

static const char *word_value(char **words, const char *key, const char *otherwise)
{
    for (; *words != NULL; words++)
        if (value_of(*words, key) != NULL)
            return value_of(*words, key);
    return otherwise;
}

static GByteArray *connect_of(char **words)
{
    const bool version_5 = has(words, "5.0");
    const char *topic = word_value(words, "will", has(words, "will") ? "spBv1.0/g/NDEATH/n" : NULL);
    const unsigned qos = (unsigned)atoi(word_value(words, "wq", "1"));
    const guint8 head[] = {
        (guint8)((version_5 ? 5 : 4) | (has(words, "bridge") ? 0x80 : 0)),
        (guint8)(2 | (topic != NULL ? 4 | qos << 3 | (has(words, "wr") ? 0x20 : 0) : 0)), 0, 0};
    GByteArray *rest = g_byte_array_new();
    put_string(rest, "MQTT", 4);
    g_byte_array_append(rest, head, sizeof head);
    if (version_5)
        g_byte_array_append(rest, (const guint8[]){0}, 1);
    put_string(rest, "client", 6);
    if (topic != NULL) {
        GByteArray *payload = payload_of(words, false);
        if (version_5)
            g_byte_array_append(rest, (const guint8[]){0}, 1);
        put_string(rest, topic, strlen(topic));
        put_string(rest, payload->data, payload->len);
        g_byte_array_free(payload, TRUE);
    }
    GByteArray *packet = packet_of(0x10, rest);
    g_byte_array_free(rest, TRUE);
    return packet;
}

static GByteArray *publish_of(const char *topic, char **words, bool version_5)
{
    const unsigned qos = (unsigned)atoi(word_value(words, "q", "0"));
    GByteArray *rest = g_byte_array_new(), *payload = payload_of(words, true);
    put_string(rest, topic, strlen(topic));
    if (qos > 0)
        g_byte_array_append(rest, (const guint8[]){0, 7}, 2);
    if (version_5)
        g_byte_array_append(rest, (const guint8[]){0}, 1);
    g_byte_array_append(rest, payload->data, payload->len);
    GByteArray *packet = packet_of(
        (uint8_t)(0x30 | qos << 1 | (has(words, "r") ? 1u : 0) | (has(words, "dup") ? 8u : 0)),
        rest);
    g_byte_array_free(rest, TRUE);
    g_byte_array_free(payload, TRUE);
    return packet;
}

/* ---- Playing ---- */

static struct mqtt_place place_of(struct stage *stage, unsigned side)
{
    stage->frame++;
    stage->time += 1000000;
    return (struct mqtt_place){.time = stage->time,
                               .frame = stage->frame,
                               .side = (uint8_t)side,
                               .acknowledged = UINT64_MAX};
}

static void play_connection(struct stage *stage, bool mid)
{
    const struct mqtt_place place = place_of(stage, 0);
    const struct mqtt_connection_start start = {
        .time = place.time,
        .frame = place.frame,
        .endpoints = {{{192, 0, 2, 1}, (uint16_t)(40000 + stage->count), 4},
                      {{192, 0, 2, 2}, 1883, 4}},
        .start_seen = !mid,
    };
    const struct audit_opening opening = {
        .stream = stage->count,
        .carrier = "tcp",
        .endpoints = {start.endpoints[0], start.endpoints[1]},
        .start_seen = !mid,
        .time = place.time,
        .frame = place.frame,
    };
    ck_assert_uint_lt(stage->count, CONNECTIONS_MAX);
    stage->now = stage->count++;
    stage->connections[stage->now] = mqtt_connection_new(stage->sessions, &start);
    stage->open[stage->now] = audit_connection_opened(stage->recorder, &opening);
}

/* Takes the array. */
static void play_packet(struct stage *stage, unsigned side, GByteArray *bytes, size_t captured)
{
    struct mqtt_packet packet;
    struct mqtt_step step;
    const struct mqtt_place place = place_of(stage, side);
    uint8_t *exact = g_memdup2(bytes->data, captured);
    const struct mqtt_bytes all = {exact, captured, bytes->len};
    ck_assert_int_ne(
        mqtt_connection_packet(stage->connections[stage->now], &place, &all, NULL, &packet, &step),
        MQTT_NEED_MORE);
    audit_connection_step(stage->recorder, stage->open[stage->now], &place, &packet, &step);
    g_free(exact);
    g_byte_array_free(bytes, TRUE);
}

static void play_bytes(struct stage *stage, unsigned side, const char *bytes, size_t length)
{
    GByteArray *array = g_byte_array_new();
    g_byte_array_append(array, (const guint8 *)bytes, (guint)length);
    play_packet(stage, side, array, length);
}

static void play_close(struct stage *stage, unsigned number, enum mqtt_close how)
{
    struct mqtt_step step;
    const struct mqtt_place place = place_of(stage, 0);
    if (stage->closed[number])
        return;
    stage->closed[number] = true;
    audit_connection_closed(stage->recorder, stage->open[number], stage->connections[number],
                            &place, how, &step);
    mqtt_connection_free(stage->connections[number]);
}

static void play_publish(struct stage *stage, unsigned side, const char *type, char **words)
{
    const char *device = strchr(type, '/');
    char *topic = g_strdup_printf("spBv1.0/g/%.*s/%s%s", (int)strcspn(type, "/"), type,
                                  word_value(words, "node", "n"), device != NULL ? device : "");
    GByteArray *packet = publish_of(strcmp(type, "PUBLISH") == 0 ? words[0] : topic, words,
                                    stage->version_5[stage->now]);
    play_packet(stage, side, packet,
                has(words, "half") ? packet->len - packet->len / 4 : packet->len);
    g_free(topic);
}

static void play_connect(struct stage *stage, char **words)
{
    const bool version_5 = has(words, "5.0");
    GByteArray *packet = connect_of(words);
    stage->version_5[stage->now] = version_5;
    play_packet(stage, 0, packet, has(words, "cut") ? packet->len - 3 : packet->len);
    if (version_5)
        play_bytes(stage, 1, "\x20\3\0\0\0", 5);
    else
        play_bytes(stage, 1, "\x20\2\0\0", 4);
}

static void play(struct stage *stage, char **words)
{
    const char *what = words[0];
    if (strcmp(what, "connection") == 0)
        play_connection(stage, has(words, "mid"));
    else if (strcmp(what, "use") == 0)
        stage->now = (unsigned)atoi(words[1]);
    else if (what[0] == '+')
        stage->time += atoi(what + 1) * INT64_C(1000000000);
    else if (strcmp(what, "gap") == 0) {
        const struct mqtt_place place = place_of(stage, 0);
        mqtt_connection_gap(stage->connections[stage->now], &place);
    } else if (strcmp(what, "DISCONNECT") == 0)
        play_bytes(stage, 0, "\xe0\0", 2);
    else if (strcmp(what, "close") == 0)
        play_close(stage, stage->now, MQTT_CLOSE_FIN);
    else if (strcmp(what, "end") == 0)
        play_close(stage, stage->now, MQTT_CLOSE_CAPTURE_END);
    else if (strcmp(what, "CONNECT") == 0)
        play_connect(stage, words + 1);
    else if (strcmp(what, "S") == 0)
        play_publish(stage, 1, words[1], words + 2);
    else
        play_publish(stage, 0, what, words + 1);
}

static struct stage *stage_new(const struct sparkplug_options *bounds)
{
    struct stage *stage = g_new0(struct stage, 1);
    struct audit_sink listener = {.event = note, .user = stage};
    struct sparkplug_options options = *bounds;
    options.found = finds;
    options.user = stage;
    stage->time = INT64_C(1700000000000000000);
    stage->found = g_string_new(NULL);
    stage->recorder = audit_recorder_new(NULL);
    stage->fold = audit_fold_new(NULL);
    stage->sparkplug = sparkplug_new(&options);
    stage->sessions = mqtt_sessions_new(&(struct mqtt_sessions_options){0});
    audit_recorder_attach(stage->recorder, audit_fold_sink(stage->fold));
    audit_recorder_attach(stage->recorder, sparkplug_sink(stage->sparkplug));
    audit_recorder_attach(stage->recorder, &listener);
    audit_fold_sparkplug(stage->fold, sparkplug_nodes(stage->sparkplug));
    return stage;
}

static void stage_free(struct stage *stage)
{
    audit_fold_free(stage->fold);
    sparkplug_free(stage->sparkplug);
    audit_recorder_free(stage->recorder);
    mqtt_sessions_free(stage->sessions);
    g_string_free(stage->found, TRUE);
    g_free(stage);
}

/* Plays a scene to its end; each line finds what stands behind it. */
static struct stage *stage_play(const char *text, const struct sparkplug_options *bounds)
{
    struct stage *stage = stage_new(bounds);
    char **lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL && **line != '\0';) {
        GString *expected = g_string_new(NULL);
        char *played = *line;
        char **words = g_strsplit(played, " ", -1);
        g_string_truncate(stage->found, 0);
        play(stage, words);
        for (line++; *line != NULL && **line == '!'; line++)
            g_string_append_printf(expected, "%s\n", *line);
        ck_assert_msg(strcmp(expected->str, stage->found->str) == 0,
                      "%s\nbehind %s: expected\n%sfound\n%s", text, played, expected->str,
                      stage->found->str);
        g_strfreev(words);
        g_string_free(expected, TRUE);
    }
    g_strfreev(lines);
    g_string_truncate(stage->found, 0);
    for (unsigned i = 0; i < stage->count; i++)
        play_close(stage, i, MQTT_CLOSE_CAPTURE_END);
    ck_assert_msg(stage->found->len == 0, "%s\nat the end: %s", text, stage->found->str);
    return stage;
}

/* ---- Scenes ---- */

#define BEGIN "connection\nCONNECT will bd=0\n"
#define NBIRTH "NBIRTH seq=0 bd=0 reb m=a@1\n"
#define BORN BEGIN NBIRTH

static const char *const scenes[] = {
    /* A life as it should be. */
    BORN "DBIRTH/d seq=1 m=x@2\nNDATA seq=2 a=1\nDDATA/d seq=3 a=2\nDDEATH/d seq=4\n"
         "DBIRTH/d seq=5 m=x@2\nNDEATH bd=0 -ts q=1\nDISCONNECT\nclose\n"
         "connection\nCONNECT will bd=1\nNBIRTH seq=0 bd=1 reb\nclose\n"
         "connection\nCONNECT will bd=2\nNBIRTH seq=0 bd=2 reb\nclose\n",
    /* Other topics are nobody's business, and what a mid-connection start hides. */
    "connection\nCONNECT\nPUBLISH spBv1.0x/g raw=00\nPUBLISH spBv1 raw=00\nPUBLISH a/b raw=00\n"
    "close\n",
    "connection mid\nNDATA seq=7 a=1\nNDATA seq=8 a=9\nDDATA/d seq=9 a=3\nclose\n",

    /* Topics. */
    "connection\nCONNECT\nPUBLISH spBv1.0/g/NDATA/n/d seq=0\n! sparkplug-topic\n"
    "PUBLISH spBv1.0/g/DDATA/n seq=0\n! sparkplug-topic\n"
    "PUBLISH spBv1.0/g/OTHER/n seq=0\n! sparkplug-topic\n"
    "PUBLISH spBv1.0//NDATA/n seq=0\n! sparkplug-topic\n"
    "PUBLISH spBv1.0/g/NDATA/ seq=0\n! sparkplug-topic\n"
    "PUBLISH spBv1.0/g/DDATA/n/d/e seq=0\n! sparkplug-topic\n"
    "PUBLISH spBv1.0/STATE seq=0\n! sparkplug-topic\n",
    "connection\nCONNECT will=spBv1.0/g/NDEATH bd=0\n! sparkplug-topic\n",

    /* Payloads. */
    BORN "NDATA raw=7b7d\n! sparkplug-payload-malformed\nNDATA seq=77 a=1\n",
    BORN "NDATA raw=\n! sparkplug-timestamp-missing\n! sparkplug-seq-missing\n",
    BORN "NDATA seq=1 -ts a=1\n! sparkplug-timestamp-missing\nNDATA seq=2 a=1\n",
    BORN "NDATA gz\nNDATA seq=9 a=1\n", /* what is compressed is not read */
    BORN "NDATA seq=1 m=aaaaaaaaaaaaaaaaaaaaaaaa half\nNDATA seq=9 a=1\n",

    /* QoS and RETAIN. */
    BORN "NDATA seq=1 a=1 q=1\n! sparkplug-qos-retain\nNDATA seq=2 a=1 r\n! sparkplug-qos-retain\n"
         "NDATA seq=3 a=1\n",
    BORN "NDATA seq=1 a=1 q=1\n! sparkplug-qos-retain\nNDATA seq=1 a=1 q=1 dup\nNDATA seq=2 a=1\n",
    "connection\nCONNECT will=spBv1.0/STATE/h wr raw=7b7d\n"
    "PUBLISH spBv1.0/STATE/h raw=7b7d q=1 r\nPUBLISH spBv1.0/STATE/h raw=7b7d q=1\n"
    "! sparkplug-state-qos-retain\nPUBLISH spBv1.0/STATE/h raw=7b7d r\n"
    "! sparkplug-state-qos-retain\nNCMD reb!\nDCMD/d m=x q=1\n! sparkplug-qos-retain\n",
    "connection\nCONNECT will=spBv1.0/STATE/h raw=7b7d\n! sparkplug-state-qos-retain\n",

    /* Wills: a node without its own, and who passes on what others send. */
    "connection\nCONNECT\n" NBIRTH "NDATA seq=1 a=1\nclose\n! sparkplug-will-missing\n",
    "connection\nCONNECT will=other bd=0\n" NBIRTH "close\n! sparkplug-will-missing\n",
    "connection\nCONNECT will=spBv1.0/g/NDEATH/m bd=0\n" NBIRTH "close\n! sparkplug-will-missing\n",
    "connection\nCONNECT\n" NBIRTH "NBIRTH node=m seq=0 bd=0 reb\nNDATA seq=9\nclose\n",
    "connection\nCONNECT bridge\n" NBIRTH "NDATA seq=9\nclose\n",
    "connection mid\n" NBIRTH "close\n",
    "connection\nCONNECT\nNCMD reb!\nclose\n",
    "connection\nCONNECT will bd=0 wq=0\n! sparkplug-will-qos-retain\n",
    "connection\nCONNECT will bd=0 wr\n! sparkplug-will-qos-retain\n",
    "connection\nCONNECT will raw=7b7d\n! sparkplug-payload-malformed\n",
    "connection\nCONNECT will bd=0 cut\n" NBIRTH "close\n",
    "connection\nCONNECT will\n! sparkplug-ndeath-bdseq-missing\n",
    "connection\nCONNECT will bd=0 seq=0\n! sparkplug-ndeath-seq\n",
    "connection\nCONNECT will bd=0 m=x\n! sparkplug-ndeath-metrics\n",
    BORN "NDEATH -ts seq=1 bd=0 m=x\n! sparkplug-ndeath-seq\n! sparkplug-ndeath-metrics\n",

    /* bdSeq. */
    BORN "close\nconnection\nCONNECT will bd=0\n! sparkplug-bdseq-repeated\n",
    BORN "close\nconnection\nCONNECT will bd=5\n! sparkplug-bdseq-skipped\nclose\n"
         "connection\nCONNECT will bd=0\n", /* a node that restarts */
    "connection\nCONNECT will bd=255\nclose\nconnection\nCONNECT will bd=0\n",
    BORN "close\nconnection\nCONNECT will=spBv1.0/g/NDEATH/m bd=0\n",
    BEGIN "NBIRTH seq=0 reb\n! sparkplug-nbirth-bdseq-missing\n",
    BEGIN "NBIRTH seq=0 bd=1 reb\n! sparkplug-bdseq-mismatch\n",
    BORN "NBIRTH seq=0 bd=1 reb\n! sparkplug-bdseq-mismatch\n",
    BORN "NDEATH -ts bd=1\n! sparkplug-bdseq-mismatch\n",

    /* seq. */
    BEGIN "NBIRTH seq=3 bd=0 reb\n! sparkplug-nbirth-seq\nNDATA seq=4\n",
    BEGIN "NBIRTH bd=0 reb\n! sparkplug-seq-missing\n",
    BORN "NDATA a=1\n! sparkplug-seq-missing\nNDATA seq=9 a=1\nNDATA seq=10 a=1\n",
    BORN "NDATA seq=256 a=1\n! sparkplug-seq-too-large\nNDATA seq=1 a=1\n",
    BORN "NDATA seq=2 a=1\n! sparkplug-seq-gap\nNDATA seq=3 a=1\nNDATA seq=3 a=1\n"
         "! sparkplug-seq-gap\n",
    BORN "gap\nNDATA seq=2 a=1\nNDATA seq=3 a=1\nNDATA seq=5 a=1\n! sparkplug-seq-gap\n",
    "connection mid\nNDATA seq=255\nNDATA seq=0\nNDATA seq=2\n! sparkplug-seq-gap\n",

    /* Births. */
    BEGIN "NDATA seq=0 a=1\n! sparkplug-before-nbirth\nNDATA seq=1 a=1\n" NBIRTH,
    BEGIN "gap\nNDATA seq=0 a=1\n",
    BEGIN "DBIRTH/d seq=0 m=x@2\n! sparkplug-before-nbirth\n",
    BORN "NDEATH -ts bd=0\nNDATA seq=1\n! sparkplug-before-nbirth\n",
    BORN "DDATA/d seq=1\n! sparkplug-before-dbirth\nDDATA/d seq=2\nDDATA/e seq=3\n"
         "! sparkplug-before-dbirth\n",
    BORN "gap\nDDATA/d seq=1\n",
    BORN "DBIRTH/d seq=1 m=x@2\nDDEATH/d seq=2\nDDATA/d seq=3 a=2\n! sparkplug-before-dbirth\n",
    BORN "DBIRTH/d seq=1 m=x@2\n" NBIRTH "DDATA/d seq=1 m=x\n! sparkplug-before-dbirth\n",
    BEGIN "NBIRTH seq=0 bd=0 reb half\nDDATA/d seq=1\n! sparkplug-before-dbirth\n",

    /* Metrics. */
    BEGIN "NBIRTH seq=0 bd=0 reb a=1\n! sparkplug-metric-unnamed\n",
    BORN "NDATA raw=0801180112021805\n! sparkplug-metric-unnamed\n",
    BEGIN "NBIRTH seq=0 bd=0 reb m=a -type\n! sparkplug-datatype-missing\nNDATA seq=1 m=a -type\n",
    BEGIN "NBIRTH seq=0 bd=0 reb m=a@1 m=b@1\n! sparkplug-alias-not-unique\n",
    BORN "DBIRTH/d seq=1 m=x@1\n! sparkplug-alias-not-unique\n",
    BORN "DBIRTH/d seq=1 m=x@2\nDBIRTH/d seq=2 m=x@2\nDBIRTH/e seq=3 m=x@2\n"
         "! sparkplug-alias-not-unique\n",
    BORN "gap\nDBIRTH/d seq=1 m=x@2\nDBIRTH/e seq=2 m=x@3\n",
    BORN NBIRTH,
    BORN "NDATA seq=1 a=2\n! sparkplug-alias-unknown\nNDATA seq=2 a=2\nNDATA seq=3 m=b@7\n",
    BORN "gap\nNDATA seq=1 a=2\n",
    BEGIN "NBIRTH gz\nNDATA seq=1 a=2\n",
    BORN
    "DBIRTH/d seq=1 m=x@2\nDBIRTH/d seq=2 m=y@3\nDDATA/d seq=3 a=2\n! sparkplug-alias-unknown\n",

    /* Rebirth. */
    BEGIN "NBIRTH seq=0 bd=0\n! sparkplug-rebirth-metric-missing\n",
    BORN "S NCMD reb!\n+11\nNDATA seq=1 a=1\n! sparkplug-rebirth-ignored\nNDATA seq=2 a=1\n",
    BORN "S NCMD reb!\n+9\nNDATA seq=1 a=1\n" NBIRTH "+11\nNDATA seq=1 a=1\n",
    BORN "S NCMD reb\n+11\nNDATA seq=1 a=1\n",
    BORN "S NCMD node=m reb!\n+11\nNDATA seq=1 a=1\n",
    BORN "S NCMD reb!\ngap\n+11\nNDATA seq=1 a=1\n",

    /* The end. */
    BORN "DISCONNECT\nclose\n! sparkplug-ndeath-not-sent\n",
    BORN "NDEATH -ts bd=0 q=1\nDISCONNECT\nclose\n",
    BORN "gap\nDISCONNECT\nclose\n",
    BORN "close\n",
    "connection\nCONNECT will bd=0 5.0\n" NBIRTH "DISCONNECT\nclose\n",
    BEGIN "DISCONNECT\nclose\n",
};

START_TEST(scene)
{
    stage_free(stage_play(scenes[_i], &(struct sparkplug_options){0}));
}
END_TEST

/* Every rule of Sparkplug is raised by one of the scenes, and stands for an assertion. */
START_TEST(every_rule_has_a_scene)
{
    unsigned count = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(scenes); i++)
        stage_free(stage_play(scenes[i], &(struct sparkplug_options){0}));
    for (unsigned rule = 0; rule < MQTT_RULES; rule++) {
        const char *id = mqtt_rule_info((enum mqtt_rule)rule)->id;
        const bool ours = g_str_has_prefix(id, "sparkplug-");
        const char *assertions = sparkplug_assertions((enum mqtt_rule)rule);
        ck_assert_int_eq(ours, assertions != NULL);
        if (!ours)
            continue;
        count++;
        ck_assert_msg(all_found[rule], "%s is raised by no scene", id);
        ck_assert(g_str_has_prefix(assertions, "tck-id-"));
    }
    ck_assert_uint_gt(count, 0);
}
END_TEST

/* ---- The report ---- */

START_TEST(nodes_are_counted)
{
    struct stage *stage = stage_play(
        BORN "DBIRTH/d seq=1 m=x@2\nDBIRTH/e seq=2 m=x@3\n" NBIRTH
             "NDATA seq=2 a=1\n! sparkplug-seq-gap\nclose\n"
             "connection\nCONNECT will=spBv1.0/g/NDEATH/other bd=0\n"
             "NBIRTH node=other seq=0 bd=0 reb\nNDEATH node=other -ts bd=0\nDISCONNECT\nclose\n",
        &(struct sparkplug_options){0});
    const GPtrArray *nodes = sparkplug_nodes(stage->sparkplug);
    ck_assert_uint_eq(nodes->len, 2);
    const struct audit_sparkplug_node *first = g_ptr_array_index(nodes, 0);
    const struct audit_sparkplug_node *second = g_ptr_array_index(nodes, 1);
    ck_assert_uint_eq(first->births, 2);
    ck_assert_uint_eq(first->rebirths, 1);
    ck_assert_uint_eq(first->deaths, 1); /* by the will */
    ck_assert_uint_eq(first->devices, 2);
    ck_assert_uint_eq(first->seq_gaps, 1);
    ck_assert_uint_eq(second->births, 1);
    ck_assert_uint_eq(second->deaths, 1); /* by itself */
    ck_assert_uint_eq(second->rebirths + second->devices + second->seq_gaps, 0);

    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    audit_recorder_end(stage->recorder);
    const struct audit_report *report = audit_fold_finish(stage->fold);
    report_json(report, file);
    report_text(report, &(struct report_text_options){.detail = REPORT_VERBOSE}, file);
    fclose(file);
    ck_assert_ptr_nonnull(strstr(text, "\"seq_gaps\": 1"));
    ck_assert_ptr_nonnull(strstr(text, "tck-id-payloads-sequence-num-incrementing"));
    ck_assert_ptr_nonnull(strstr(text, "Sparkplug B, edge nodes"));
    free(text);
    stage_free(stage);
}
END_TEST

/* What is told of a connection that is closed is its finding all the same, and where nobody knows
 * whose it is, too. */
START_TEST(the_last_findings_have_their_connection)
{
    static const char *const ends[] = {BORN "DISCONNECT\nclose\n! sparkplug-ndeath-not-sent\n",
                                       "connection mid\n" NBIRTH
                                       "DISCONNECT\nclose\n! sparkplug-ndeath-not-sent\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        struct stage *stage = stage_play(ends[i], &(struct sparkplug_options){0});
        audit_recorder_end(stage->recorder);
        const struct audit_report *report = audit_fold_finish(stage->fold);
        const struct audit_connection *connection = audit_report_connection(report, 0);
        bool found = false;
        for (unsigned n = 0; n < report->findings->len; n++) {
            const struct audit_finding *finding = audit_report_finding(report, n);
            if (finding->what.rule != MQTT_RULE_SPARKPLUG_NDEATH_NOT_SENT)
                continue;
            found = true;
            ck_assert_ptr_eq(finding->party->connection, connection);
            ck_assert_int_eq(finding->party->stream, 0);
        }
        ck_assert(found);
        ck_assert_uint_eq(connection->findings[MQTT_ERROR], 1);
        stage_free(stage);
    }
}
END_TEST

START_TEST(nothing_is_said_where_there_are_none)
{
    struct stage *stage = stage_play("connection\nCONNECT\nPUBLISH a/b raw=00\nclose\n",
                                     &(struct sparkplug_options){0});
    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    audit_recorder_end(stage->recorder);
    const struct audit_report *report = audit_fold_finish(stage->fold);
    report_json(report, file);
    report_text(report, &(struct report_text_options){.detail = REPORT_VERBOSE}, file);
    fclose(file);
    ck_assert_ptr_null(strstr(text, "sparkplug"));
    ck_assert_ptr_null(strstr(text, "Sparkplug"));
    free(text);
    stage_free(stage);
}
END_TEST

/* ---- Bounds ---- */

/* What finds no room is counted, and not judged. */
START_TEST(tables_are_bounded)
{
    const struct sparkplug_options bounds = {.max_nodes = 1, .max_devices = 1, .max_aliases = 2};
    struct stage *stage = stage_play(
        BORN "DBIRTH/d seq=1 m=x@2\nDBIRTH/e seq=2 m=y@3\nDDATA/f seq=3 a=9\nDDATA/e seq=4 a=3\n"
             "NBIRTH seq=0 bd=0 reb m=a@1 m=b@2 m=c@3\nNDATA seq=1 a=3\nclose\n"
             "connection\nCONNECT will=spBv1.0/h/NDEATH/n bd=0\n",
        &bounds);
    ck_assert_uint_eq(sparkplug_nodes(stage->sparkplug)->len, 1);
    ck_assert_uint_ge(sparkplug_left_out(stage->sparkplug), 5);
    stage_free(stage);

    /* With room, the same is judged. */
    stage = stage_play(BORN "DBIRTH/d seq=1 m=x@2\nDDATA/f seq=2 a=9\n! sparkplug-before-dbirth\n"
                            "! sparkplug-alias-unknown\n",
                       &(struct sparkplug_options){0});
    ck_assert_uint_eq(sparkplug_left_out(stage->sparkplug), 0);
    stage_free(stage);
}
END_TEST

/* A payload of nothing but empty metrics takes up to 16 MiB, and no more; it is not called wrong.
 */
START_TEST(payloads_are_bounded)
{
    for (unsigned size = 1000; size <= 1000000; size *= 1000) {
        GString *text = g_string_new(BORN "NDATA raw=");
        for (unsigned i = 0; i < size; i++)
            g_string_append(text, "1200");
        g_string_append_c(text, '\n');
        if (size < 10000)
            g_string_append(text, "! sparkplug-timestamp-missing\n! sparkplug-metric-unnamed\n"
                                  "! sparkplug-seq-missing\n");
        stage_free(stage_play(text->str, &(struct sparkplug_options){0}));
        g_string_free(text, TRUE);
    }
}
END_TEST

SUITE("sparkplug", TABLE(scene, scenes), TEST(every_rule_has_a_scene), TEST(nodes_are_counted),
      TEST(the_last_findings_have_their_connection), TEST(nothing_is_said_where_there_are_none),
      TEST(tables_are_bounded), TEST(payloads_are_bounded))
