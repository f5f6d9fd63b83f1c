/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the lines of --ndjson hold, for people and for validators, from audit/events.def,
 * audit/event_keys.def and, for the end of a connection, audit/columns.def. */
#include <stdio.h>

#include "audit/event.h"
#include "docs/generate_report.h"

/* Objects that are no event; masks go on behind the events. */
enum object {
    OBJECT_session_finding,
    OBJECT_expired_session,
    OBJECT_will,
    OBJECT_publication,
    OBJECT_leg,
    OBJECT_filter,
    OBJECT_waiting,
    OBJECT_unfinished,
    OBJECTS
};

#define EVENT(id) (UINT32_C(1) << AUDIT_EVENT_##id)
#define OF(object) (UINT32_C(1) << (AUDIT_EVENTS + OBJECT_##object))
#define EVENTS_OF_CONNECTIONS                                                                      \
    (EVENT(OPENED) | EVENT(IDENTIFIED) | EVENT(CLOSED) | EVENTS_OF_SESSIONS | EVENT(SUBSCRIBED) |  \
     EVENT(UNSUBSCRIBED) | EVENT(PUBLISHED) | EVENT(DELIVERED) | EVENT(HANDSHAKE_DONE) |           \
     EVENT(HANDSHAKE_GIVEN_UP) | EVENT(PING) | EVENT(FINDING))
#define EVENTS_OF_SESSIONS                                                                         \
    (EVENT(SESSION_BEGAN) | EVENT(SESSION_RESUMED) | EVENT(SESSION_TAKEN_OVER) |                   \
     EVENT(SESSION_ENDED) | EVENT(SESSION_OFFLINE) | EVENT(SESSION_EXPIRED))
#define EVENTS_OF_EXPIRED (EVENT(SESSION_EXPIRED) | OF(expired_session))

_Static_assert(AUDIT_EVENTS + OBJECTS <= 32, "masks have a bit for each");

enum presence { ALWAYS, NULLABLE, OPTIONAL };
enum type {
    TYPE_COUNT,
    TYPE_ID,
    TYPE_BOOL,
    TYPE_TIME,
    TYPE_TEXT,
    TYPE_STRING,
    TYPE_WORD,
    TYPE_OBJECT,
    TYPE_LIST,
    TYPE_CODES,
    TYPE_TEXTS
};

#define COUNT TYPE_COUNT, NULL
#define ID TYPE_ID, NULL
#define BOOL TYPE_BOOL, NULL
#define TIME TYPE_TIME, NULL
#define TEXT TYPE_TEXT, NULL
#define TEXTS TYPE_TEXTS, NULL
#define CODES TYPE_CODES, NULL
#define STRING TYPE_STRING, NULL
#define WORD(vocabulary) TYPE_WORD, #vocabulary
#define OBJECT(object) TYPE_OBJECT, #object
#define LIST(object) TYPE_LIST, #object

static const struct key {
    uint32_t of;
    const char *key;
    enum type type;
    const char *named; /* the vocabulary, or the object */
    enum presence presence;
    const char *help;
} keys[] = {
#define AUDIT_EVENT_KEY(events, key, ...) {events, #key, __VA_ARGS__},
#include "audit/event_keys.def"
};

#define KEYS (sizeof keys / sizeof keys[0])

/* What the end of a connection leaves out of the report's row: other events say it. So does what is
 * told of deliveries. */
static const char *const without[] = {"id",         "tcp_stream", "version",  "client_id",
                                      "latency_us", "rtt_us",     "findings", NULL};
static const char *const without_latency[] = {"latency_us", NULL};

/* ---- The schema ---- */

static void reference(struct json_writer *json, const char *name)
{
    char text[64];
    snprintf(text, sizeof text, "#/$defs/%s", name);
    json_text(json, "$ref", text);
}

static void items(struct json_writer *json, const struct key *key)
{
    json_text(json, "type", "array");
    json_object_begin(json, "items");
    if (key->type == TYPE_LIST) {
        reference(json, key->named);
    } else if (key->type == TYPE_CODES) {
        json_text(json, "type", "integer");
        json_unsigned(json, "minimum", 0);
        json_unsigned(json, "maximum", UINT8_MAX);
    } else {
        json_text(json, "type", "string");
    }
    json_object_end(json);
}

static void value(struct json_writer *json, const struct key *key)
{
    switch (key->type) {
    case TYPE_COUNT:
    case TYPE_ID:
        json_text(json, "type", "integer");
        json_unsigned(json, "minimum", key->type == TYPE_ID);
        break;
    case TYPE_BOOL: json_text(json, "type", "boolean"); break;
    case TYPE_TIME: reference(json, "time"); break;
    case TYPE_TEXT:
    case TYPE_STRING: json_text(json, "type", "string"); break;
    case TYPE_WORD:
    case TYPE_OBJECT: reference(json, key->named); break;
    default: items(json, key); break;
    }
}

static void property(struct json_writer *json, const struct key *key)
{
    const bool nullable =
        key->presence == NULLABLE || (key->type == TYPE_OBJECT && key->presence == OPTIONAL);
    json_object_begin(json, key->key);
    json_text(json, "description", key->help);
    if (nullable) {
        json_array_begin(json, "oneOf");
        json_object_begin(json, NULL);
        json_text(json, "type", "null");
        json_object_end(json);
        json_object_begin(json, NULL);
        value(json, key);
        json_object_end(json);
        json_array_end(json);
    } else {
        value(json, key);
    }
    json_object_end(json);
    if (key->type == TYPE_STRING)
        report_further_keys(json, key->key);
}

static void object(struct json_writer *json, uint32_t of)
{
    json_text(json, "type", "object");
    json_array_begin(json, "required");
    for (size_t i = 0; i < KEYS; i++)
        if ((keys[i].of & of) != 0 && keys[i].presence != OPTIONAL)
            json_text(json, NULL, keys[i].key);
    if (of == EVENT(CLOSED))
        report_row_required(json, AUDIT_ROW_connection, without);
    if (of == EVENT(DIAGNOSIS))
        report_row_required(json, AUDIT_ROW_diagnosis, NULL);
    if (of == EVENT(DELIVERIES))
        report_row_required(json, AUDIT_ROW_delivery, without_latency);
    json_array_end(json);
    json_object_begin(json, "properties");
    for (size_t i = 0; i < KEYS; i++)
        if ((keys[i].of & of) != 0)
            property(json, &keys[i]);
    if (of == EVENT(CLOSED))
        report_row_properties(json, AUDIT_ROW_connection, without);
    if (of == EVENT(DIAGNOSIS))
        report_row_properties(json, AUDIT_ROW_diagnosis, NULL);
    if (of == EVENT(DELIVERIES))
        report_row_properties(json, AUDIT_ROW_delivery, without_latency);
    json_object_end(json);
}

/* Rows of the report have some of the same names. */
static const char *event_name(char text[static 64], unsigned kind)
{
    snprintf(text, 64, "event-%s", audit_event_info((enum audit_event_kind)kind)->name);
    return text;
}

static const char *const object_names[OBJECTS] = {
    "session_finding", "expired_session", "will",      "publication", "leg",
    "filter",          "waiting",         "unfinished"};

static void definitions(struct json_writer *json)
{
    static const char *const handshakes[] = {"connect", "subscribe", "unsubscribe", "qos-1",
                                             "qos-2"};
    static const struct report_part parts[] = {{AUDIT_ROW_connection, without},
                                               {AUDIT_ROW_diagnosis, NULL}};
    report_definitions(json, parts, 2);
    json_object_begin(json, "word_handshake");
    json_array_begin(json, "enum");
    for (size_t i = 0; i < sizeof handshakes / sizeof handshakes[0]; i++)
        json_text(json, NULL, handshakes[i]);
    json_array_end(json);
    json_object_end(json);
    json_object_begin(json, "word_past");
    json_array_begin(json, "enum");
    for (unsigned past = MQTT_PAST_UNKNOWN + 1; past < MQTT_PASTS; past++)
        json_text(json, NULL, audit_past_name(past));
    json_array_end(json);
    json_object_end(json);
    for (unsigned i = 0; i < AUDIT_EVENTS + OBJECTS; i++) {
        char text[64];
        const char *name = i < AUDIT_EVENTS ? event_name(text, i) : object_names[i - AUDIT_EVENTS];
        json_object_begin(json, name);
        if (i < AUDIT_EVENTS)
            json_text(json, "description", audit_event_info((enum audit_event_kind)i)->help);
        object(json, UINT32_C(1) << i);
        json_object_end(json);
    }
}

static void common_text(struct json_writer *json, const char *key, const char *help,
                        const char *type)
{
    json_object_begin(json, key);
    json_text(json, "description", help);
    json_text(json, "type", type);
    json_object_end(json);
}

static void common_integer(struct json_writer *json, const char *key, const char *help,
                           bool nullable, uint64_t least)
{
    json_object_begin(json, key);
    json_text(json, "description", help);
    json_array_begin(json, "type");
    json_text(json, NULL, "integer");
    if (nullable)
        json_text(json, NULL, "null");
    json_array_end(json);
    json_unsigned(json, "minimum", least);
    json_object_end(json);
}

static void common(struct json_writer *json)
{
    json_object_begin(json, "properties");
    json_object_begin(json, "timestamp");
    json_text(json, "description", "Of the frame, in UTC; null: no frame came before.");
    json_array_begin(json, "oneOf");
    json_object_begin(json, NULL);
    json_text(json, "type", "null");
    json_object_end(json);
    json_object_begin(json, NULL);
    reference(json, "time");
    json_object_end(json);
    json_array_end(json);
    json_object_end(json);
    json_object_begin(json, "event_type");
    json_array_begin(json, "enum");
    for (unsigned kind = 0; kind < AUDIT_EVENTS; kind++)
        json_text(json, NULL, audit_event_info((enum audit_event_kind)kind)->name);
    json_array_end(json);
    json_object_end(json);
    common_integer(json, "frame",
                   "The frame that shows it, counted over all files; what the end of the capture "
                   "tells has the last one of MQTT. Never falls.",
                   true, 1);
    common_integer(json, "ordinal", "Counts the events of one frame.", false, 0);
    common_integer(json, "tcp_stream", "Wireshark's tcp.stream; null: not over TCP.", true, 0);
    common_text(json, "src_ip", "Who sent the packet that shows it.", "string");
    common_integer(json, "src_port", "Its TCP port.", false, 0);
    common_text(json, "dest_ip", "The other end.", "string");
    common_integer(json, "dest_port", "Its TCP port.", false, 0);
    json_object_begin(json, "proto");
    json_text(json, "const", "TCP");
    json_object_end(json);
    common_text(json, "community_id",
                "Community ID of the connection, version 1, seed 0: as Suricata and Zeek have it.",
                "string");
    json_object_begin(json, "mqtt");
    json_text(json, "type", "object");
    json_object_end(json);
    json_object_end(json);
}

/* Which event has which "mqtt". */
static void choices(struct json_writer *json)
{
    json_array_begin(json, "oneOf");
    for (unsigned i = 0; i < AUDIT_EVENTS + 2; i++) {
        /* These two come with a connection, and without. */
        const bool of_session = i >= AUDIT_EVENTS;
        const unsigned kind = !of_session         ? i
                              : i == AUDIT_EVENTS ? AUDIT_EVENT_FINDING
                                                  : AUDIT_EVENT_SESSION_EXPIRED;
        const bool of_connection =
            !of_session && (UINT32_C(1) << kind & (EVENTS_OF_CONNECTIONS)) != 0;
        json_object_begin(json, NULL);
        if (of_connection) {
            json_array_begin(json, "required");
            json_text(json, NULL, "tcp_stream");
            json_text(json, NULL, "src_ip");
            json_text(json, NULL, "src_port");
            json_text(json, NULL, "dest_ip");
            json_text(json, NULL, "dest_port");
            json_text(json, NULL, "proto");
            json_array_end(json);
        }
        json_object_begin(json, "properties");
        json_object_begin(json, "event_type");
        json_text(json, "const", audit_event_info((enum audit_event_kind)kind)->name);
        json_object_end(json);
        if (!of_connection)
            json_bool(json, "tcp_stream", false);
        json_object_begin(json, "mqtt");
        char text[64];
        reference(json, of_session ? object_names[i - AUDIT_EVENTS] : event_name(text, kind));
        json_object_end(json);
        json_object_end(json);
        json_object_end(json);
    }
    json_array_end(json);
}

void events_schema(void)
{
    static const char *const required[] = {"timestamp", "event_type", "frame", "ordinal", "mqtt"};
    struct json_writer json = {.file = stdout};
    json_object_begin(&json, NULL);
    json_text(&json, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_text(&json, "title", "mqttscope events");
    json_text(
        &json, "description",
        "A line of what mqttscope --ndjson writes; events.md says the same to people. Readers "
        "ignore keys and event types that they don't know: they may be added.");
    json_text(&json, "type", "object");
    json_array_begin(&json, "required");
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
        json_text(&json, NULL, required[i]);
    json_array_end(&json);
    common(&json);
    choices(&json);
    json_object_begin(&json, "$defs");
    definitions(&json);
    json_object_end(&json);
    json_object_end(&json);
}

/* ---- The page ---- */

static void print_type(const struct key *key)
{
    static const char *const words[] = {
        [TYPE_COUNT] = "number",        [TYPE_ID] = "number",
        [TYPE_BOOL] = "true or false",  [TYPE_TIME] = "time",
        [TYPE_TEXT] = "text",           [TYPE_STRING] = "string from the wire",
        [TYPE_WORD] = "word",           [TYPE_OBJECT] = "",
        [TYPE_LIST] = "list of ",       [TYPE_CODES] = "list of numbers",
        [TYPE_TEXTS] = "list of texts",
    };
    printf("%s", words[key->type]);
    if (key->type == TYPE_OBJECT || key->type == TYPE_LIST)
        printf("[%s](#%s)", key->named, key->named);
    if (key->presence == NULLABLE)
        printf(", or null");
    if (key->presence == OPTIONAL)
        printf("; may be left out");
}

static void print_keys(uint32_t of)
{
    printf("\n| Key | Kind | What it is |\n|---|---|---|\n");
    for (size_t i = 0; i < KEYS; i++) {
        if ((keys[i].of & of) == 0 || keys[i].of == (EVENTS_OF_CONNECTIONS))
            continue;
        printf("| `%s` | ", keys[i].key);
        print_type(&keys[i]);
        printf(" | %s |\n", keys[i].help);
    }
}

void events_page(void)
{
    printf(
        "# Events\n\n"
        "<!-- Generated from audit/events.def and audit/event_keys.def by scripts/docs. Change it "
        "there. -->\n\n"
        "`mqttscope --ndjson FILE` writes every event as one JSON object a line, in the order of "
        "the capture.\n"
        "`events.schema.json` says the same to a validator. Readers ignore keys and event types "
        "that they don't know.\n\n"
        "The outer keys are those that other sensors use, so that lines can be joined with "
        "theirs:\n\n"
        "| Key | What it is |\n|---|---|\n"
        "| `timestamp` | of the frame: RFC 3339 in UTC with nanoseconds; null: no frame came "
        "before |\n"
        "| `event_type` | which event: below |\n"
        "| `frame` | the frame that shows it, counted over all files; what the end of the capture "
        "tells has the last one of MQTT |\n"
        "| `ordinal` | counts the events of one frame from 0 |\n"
        "| `tcp_stream` | Wireshark's `tcp.stream` |\n"
        "| `src_ip`, `src_port`, `dest_ip`, `dest_port`, `proto` | who sent the packet that shows "
        "it, and to whom |\n"
        "| `community_id` | [Community ID](https://github.com/corelight/community-id-spec) of the "
        "connection, version 1, seed 0: as Suricata and Zeek have it |\n"
        "| `mqtt` | what happened |\n\n"
        "Those from `tcp_stream` to `community_id` stand in what is about a connection. All of "
        "these have in `mqtt`:\n\n"
        "| Key | Kind | What it is |\n|---|---|---|\n");
    for (size_t i = 0; i < KEYS; i++)
        if (keys[i].of == (EVENTS_OF_CONNECTIONS)) {
            printf("| `%s` | ", keys[i].key);
            print_type(&keys[i]);
            printf(" | %s |\n", keys[i].help);
        }
    printf(
        "\nStrings from the wire are as in the [report](report.md). The last events are the end of "
        "the file,\n"
        "what only that could tell, and the diagnoses. To get a report's counts from the lines: "
        "those of a "
        "connection stand in\n"
        "`connection-closed`; `limit` says what came since the last one of its kind.\n");
    for (unsigned kind = 0; kind < AUDIT_EVENTS; kind++) {
        const struct audit_event_info *info = audit_event_info((enum audit_event_kind)kind);
        printf("\n## %s\n\n%s\n", info->name, info->help);
        if (kind == AUDIT_EVENT_CLOSED)
            printf("\nThe keys of the report's [connection](report.md#connection), but for its "
                   "findings and latencies,\nwhich events of their own say.\n");
        else if (kind == AUDIT_EVENT_DIAGNOSIS)
            printf("\nThe keys of the report's [diagnosis](report.md#diagnosis).\n");
        else if (kind == AUDIT_EVENT_DELIVERIES)
            printf(
                "\nThe keys of the report's [delivery](report.md#delivery), but for its latency: "
                "`delivered` has that\nof each. Several may come of one topic and client: they "
                "add up.\n");
        else
            print_keys(UINT32_C(1) << kind);
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        printf("\n## %s\n", object_names[i]);
        if (i == OBJECT_session_finding)
            printf("\nA finding about no connection: of what waits in the session of a client that "
                   "did "
                   "not come back,\nor of a delivery, where the connection is closed.\n");
        if (i == OBJECT_expired_session)
            printf("\nA session-expired that is known when the capture ends: it is about no "
                   "connection.\n");
        print_keys(UINT32_C(1) << (AUDIT_EVENTS + i));
    }
}
