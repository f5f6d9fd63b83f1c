/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Getters and tables out of audit/columns.def: see rows.h. */
#include "audit/report/rows.h"

#include "audit/diagnosis/diagnoses.h"
#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "audit/sparkplug/assertions.h"
#include "mqtt/facts/time.h"

/* ---- What the expressions of columns.def use ---- */

static const struct audit_both *both(struct audit_value *v, uint64_t client, uint64_t server)
{
    v->room.both = (struct audit_both){{client, server}};
    return &v->room.both;
}

static const struct audit_some_handshakes *
some(struct audit_value *v, const struct audit_handshakes *const of[MQTT_HANDSHAKE_KINDS],
     unsigned kind)
{
    const struct audit_some_handshakes chosen = {of[kind], kind};
    v->room.some = chosen;
    return &v->room.some;
}

/* By role, and nowhere NULL. */
static const struct audit_directions *connection_handshakes(struct audit_value *v,
                                                            const struct audit_connection *r)
{
    static const struct audit_handshakes none;
    for (unsigned side = 0; side < 2; side++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            v->room.directions.by[audit_role(r, side)].of[kind] =
                r->handshakes[side][kind] != NULL ? r->handshakes[side][kind] : &none;
    return &v->room.directions;
}

static const struct audit_some_handshakes *pings(struct audit_value *v,
                                                 const struct audit_connection *r)
{
    return some(v, connection_handshakes(v, r)->by[AUDIT_CLIENT].of, MQTT_HANDSHAKE_PING);
}

static const struct audit_directions *total_handshakes(struct audit_value *v,
                                                       const struct audit_totals *r)
{
    for (unsigned role = 0; role < AUDIT_ROLES; role++)
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            v->room.directions.by[role].of[kind] = &r->handshakes[role][kind];
    return &v->room.directions;
}

static const struct audit_latency *latency_of(struct audit_value *v,
                                              const struct audit_handshakes *handshakes)
{
    v->room.latency = audit_handshakes_latency(handshakes);
    return v->room.latency.count > 0 ? &v->room.latency : NULL;
}

static const struct audit_latency *histogram_latency(struct audit_value *v,
                                                     const struct audit_histogram *histogram)
{
    if (histogram == NULL)
        return NULL;
    v->room.latency = audit_histogram_latency(histogram);
    return &v->room.latency;
}

static const struct audit_parts *parts_of(const struct audit_handshakes *handshakes, unsigned i)
{
    return handshakes->parts != NULL ? &handshakes->parts[i] : NULL;
}

static const struct audit_some_transport *
transport_of(struct audit_value *v, const struct audit_connection *r, unsigned side)
{
    v->room.transport =
        (struct audit_some_transport){&r->facts.transport[side], r->round_trips[side]};
    return &v->room.transport;
}

static const struct audit_round_trip *round_trip_of(struct audit_value *v,
                                                    const struct audit_packed_histogram *packed)
{
    struct audit_histogram times = {0};
    audit_histogram_merge_packed(&times, packed);
    v->room.round_trip = (struct audit_round_trip){times.minimum, audit_histogram_latency(&times)};
    audit_histogram_clear(&times);
    return packed != NULL ? &v->room.round_trip : NULL;
}

static const struct audit_latency *delivery_latency(struct audit_value *v,
                                                    const struct audit_totals *r)
{
    v->room.latency = audit_histogram_latency(&r->delivery_times);
    return v->room.latency.count > 0 ? &v->room.latency : NULL;
}

static uint64_t idle_ns(const struct audit_connection *r)
{
    return (uint64_t)MAX(r->facts.keep_alive.max_idle_ns, 0);
}

static const struct mqtt_rule_info *rule_of(const struct audit_finding *r)
{
    return mqtt_rule_info((enum mqtt_rule)r->what.rule);
}

/* The plugin can't wait for the end: those rules' findings have filters of their own. */
static const char *rule_filter(struct audit_value *v, const struct audit_rule_row *r)
{
    if (r->info->analyzer_alone)
        return NULL;
    g_string_printf(v->text, "mqttscope.rule == \"%s\"", r->info->id);
    return v->text->str;
}

/* ---- Of sessions ---- */

/* What one connection alone left: nothing. */
static const struct audit_session_life *life_of(const struct audit_session *r)
{
    static const struct audit_session_life none = {.shortest_interval = INT64_MAX};
    return r->life != NULL ? r->life : &none;
}

/* Ends of connections behind which the server keeps the session, and whether it is known what was
 * unfinished. */
static uint64_t ends_of(const struct audit_session *r, bool known)
{
    if (r->life != NULL)
        return known ? r->life->counted : r->life->uncounted;
    return r->last.departed && r->last.kept && r->last.counted == known;
}

static const struct audit_session_life *owed_of(const struct audit_session *r)
{
    return ends_of(r, true) > 0 ? life_of(r) : NULL;
}

static uint64_t waiting_of(const struct audit_owed *r)
{
    const uint64_t left = (uint64_t)r->publish + r->release;
    const uint64_t gone = (uint64_t)r->carried.resumed + r->dropped;
    return left > gone ? left - gone : 0;
}

static unsigned addresses_of(const struct audit_session *r)
{
    unsigned count = 0;
    while (r->life != NULL && count < AUDIT_ADDRESSES && r->life->addresses[count] != 0)
        count++;
    return MAX(count, 1);
}

static const char *address_of(struct audit_value *v, const struct audit_session *r)
{
    audit_endpoint_text(&v->room.endpoint, &r->last.client);
    return v->room.endpoint.address;
}

static uint64_t offline_of(const struct audit_session *r, int64_t nanoseconds)
{
    const struct audit_session_life *life = life_of(r);
    return life->offline_spans > life->offline_unknown ? mqtt_microseconds(nanoseconds)
                                                       : AUDIT_NONE;
}

static uint64_t interval_of(const struct audit_session *r, int64_t nanoseconds, uint32_t count)
{
    return life_of(r)->intervals > 0 ? mqtt_microseconds(nanoseconds) / count : AUDIT_NONE;
}

static uint64_t reconnect_rate(const struct audit_report *report, const struct audit_session *r)
{
    const uint64_t rate = audit_session_rate(report, r);
    return rate != UINT64_MAX ? rate : AUDIT_NONE;
}

static const char *session_state(const struct audit_session *r)
{
    return audit_session_state_name(audit_session_state(r));
}

/* Which file has the frame, where there are several. */
static const struct audit_file *locate(const struct audit_value *v, const struct audit_finding *r,
                                       uint64_t *number)
{
    if (v->report->capture.files->len <= 1)
        return NULL;
    return audit_locate(v->report, r->what.frame, number);
}

static const char *file_of(const struct audit_value *v, const struct audit_finding *r)
{
    uint64_t number;
    const struct audit_file *file = locate(v, r, &number);
    return file != NULL ? file->name : NULL;
}

static uint64_t file_frame_of(const struct audit_value *v, const struct audit_finding *r)
{
    uint64_t number;
    return locate(v, r, &number) != NULL ? number : AUDIT_NONE;
}

static const char *const directions[AUDIT_ROLES] = {"client_to_server", "server_to_client"};

static const char *direction_of(const struct mqtt_finding *what)
{
    if (what->sender == MQTT_SENDER_UNKNOWN)
        return NULL;
    return directions[what->sender == MQTT_SENDER_CLIENT ? AUDIT_CLIENT : AUDIT_SERVER];
}

static const char *blamed_of(const struct mqtt_finding *what)
{
    return format_role(mqtt_finding_blames(what));
}

static const char *text_of(struct audit_value *v, const struct audit_finding *r)
{
    g_string_truncate(v->text, 0);
    format_detail(v->text, v->report, &r->what);
    return v->text->str;
}

static const char *filter_of(struct audit_value *v, const struct audit_finding *r)
{
    g_string_truncate(v->text, 0);
    format_filter(v->text, v->report, r);
    return v->text->str;
}

static const struct audit_diagnosis_info *diagnosis_info(const struct audit_diagnosis *r)
{
    return audit_diagnosis_info(r->id);
}

static const char *diagnosis_filter(struct audit_value *v, const struct audit_diagnosis *r)
{
    g_string_truncate(v->text, 0);
    return format_diagnosis_filter(v->text, v->report, r) ? v->text->str : NULL;
}

/* ---- Lists and maps ---- */

/* What a handshake of QoS 1 or 2 that is not done awaits, by its stage. */
static bool next_awaiting(struct audit_value *v, const struct audit_some_handshakes *r)
{
    const unsigned stage = ++v->next;
    const unsigned type = mqtt_handshake_leg_type(r->kind, stage);
    if (type == 0 || (r->kind != MQTT_HANDSHAKE_QOS_1 && r->kind != MQTT_HANDSHAKE_QOS_2))
        return false; /* all others await the one answer there is */
    v->key = mqtt_packet_type_name(type);
    v->number = r->of->count.stage[stage];
    return true;
}

static bool next_qos(struct audit_value *v, const struct audit_topic *r)
{
    if (v->next >= G_N_ELEMENTS(r->qos))
        return false;
    v->number = r->qos[v->next++];
    return true;
}

/* The next one that is not 0. */
static bool next_count(struct audit_value *v, const uint64_t *counts, unsigned count,
                       enum audit_unit words)
{
    while (v->next < count && counts[v->next] == 0)
        v->next++;
    if (v->next >= count)
        return false;
    v->key = words == AUDIT_UNIT_VERSION ? mqtt_version_name(v->next) : audit_word(words, v->next);
    v->number = counts[v->next++];
    return true;
}

static bool next_version(struct audit_value *v, const struct audit_totals *r)
{
    return next_count(v, r->by_version, G_N_ELEMENTS(r->by_version), AUDIT_UNIT_VERSION);
}

static bool next_end_cause(struct audit_value *v, const struct audit_totals *r)
{
    return next_count(v, r->by_end_cause, G_N_ELEMENTS(r->by_end_cause), AUDIT_UNIT_END_CAUSE);
}

static bool next_excuse(struct audit_value *v, const struct audit_delivery_counts *r)
{
    return next_count(v, r->excused, AUDIT_EXCUSES, AUDIT_UNIT_EXCUSE);
}

static bool take_type(struct audit_value *v, uint64_t client, uint64_t server)
{
    v->key = mqtt_packet_type_name(v->next++);
    v->row = both(v, client, server);
    return true;
}

static bool next_total_type(struct audit_value *v, const struct audit_totals *r)
{
    for (; v->next < MQTT_PACKET_TYPES; v->next++) {
        const uint64_t client = r->packets[AUDIT_CLIENT][v->next];
        const uint64_t server = r->packets[AUDIT_SERVER][v->next];
        if (client > 0 || server > 0)
            return take_type(v, client, server);
    }
    return false;
}

static bool next_type(struct audit_value *v, const struct audit_connection *r)
{
    for (; v->next < MQTT_PACKET_TYPES; v->next++) {
        const uint64_t client = r->facts.packets[r->facts.client][v->next];
        const uint64_t server = r->facts.packets[1 - r->facts.client][v->next];
        if (client > 0 || server > 0)
            return take_type(v, client, server);
    }
    return false;
}

static bool next_bucket(struct audit_value *v, const struct audit_histogram *r)
{
    uint64_t count = 0;
    while (v->next < AUDIT_HISTOGRAM_OCTAVES && (count = audit_histogram_octave(r, v->next)) == 0)
        v->next++;
    if (v->next >= AUDIT_HISTOGRAM_OCTAVES)
        return false;
    const unsigned octave = v->next++;
    v->room.bucket = (struct audit_bucket){octave > 0 ? audit_histogram_octave_end(octave - 1) : 0,
                                           audit_histogram_octave_end(octave), count};
    v->row = &v->room.bucket;
    return true;
}

static bool next_idle(struct audit_value *v, const struct audit_histograms *r)
{
    while (v->next < MQTT_END_CAUSES && r->idle[v->next].count == 0)
        v->next++;
    if (v->next >= MQTT_END_CAUSES)
        return false;
    v->key = audit_word(AUDIT_UNIT_END_CAUSE, v->next);
    v->row = &r->idle[v->next++];
    return true;
}

static bool next_file(struct audit_value *v, const struct audit_capture *r)
{
    if (v->next >= r->files->len)
        return false;
    v->row = &g_array_index(r->files, struct audit_file, v->next++);
    return true;
}

static bool next_limit(struct audit_value *v, const struct audit_capture *r)
{
    while (v->next < AUDIT_LIMITS && r->limits[v->next].count == 0)
        v->next++;
    if (v->next >= AUDIT_LIMITS)
        return false;
    v->room.limit = (struct audit_limit_row){audit_limit_info((enum audit_limit_kind)v->next),
                                             &r->limits[v->next]};
    v->row = &v->room.limit;
    v->next++;
    return true;
}

static bool next_rule(struct audit_value *v, const struct audit_report *r)
{
    const uint64_t *counts = r->totals.findings_by_rule;
    while (v->next < MQTT_RULES && counts[v->next] == 0)
        v->next++;
    if (v->next >= MQTT_RULES)
        return false;
    v->room.rule =
        (struct audit_rule_row){mqtt_rule_info((enum mqtt_rule)v->next), counts[v->next]};
    v->row = &v->room.rule;
    v->next++;
    return true;
}

static bool next_of(struct audit_value *v, const GPtrArray *rows)
{
    if (v->next >= rows->len)
        return false;
    v->row = g_ptr_array_index(rows, v->next++);
    return true;
}

static bool next_connection(struct audit_value *v, const struct audit_report *r)
{
    return next_of(v, r->connections);
}

static bool next_finding(struct audit_value *v, const struct audit_report *r)
{
    return next_of(v, r->findings);
}

static bool next_diagnosis(struct audit_value *v, const struct audit_report *r)
{
    return next_of(v, r->diagnoses);
}

static bool next_diagnosed_client(struct audit_value *v, const struct audit_diagnosis *r)
{
    if (v->next >= r->clients->len)
        return false;
    char *name = escape_string(g_ptr_array_index(r->clients, v->next++));
    g_string_assign(v->text, name);
    g_free(name);
    v->word = v->text->str;
    return true;
}

static bool next_diagnosed_server(struct audit_value *v, const struct audit_diagnosis *r)
{
    char text[FORMAT_SIZE];
    if (v->next >= r->servers->len)
        return false;
    g_string_assign(v->text, format_endpoint(text, g_ptr_array_index(r->servers, v->next++)));
    v->word = v->text->str;
    return true;
}

static bool next_evidence(struct audit_value *v, const struct audit_diagnosis *r)
{
    if (v->next >= r->evidence->len)
        return false;
    v->row = &g_array_index(r->evidence, struct audit_evidence, v->next++);
    return true;
}

static bool next_topic(struct audit_value *v, const struct audit_report *r)
{
    return next_of(v, r->topics);
}

static bool next_sparkplug_node(struct audit_value *v, const struct audit_report *r)
{
    return next_of(v, r->sparkplug);
}

static const struct audit_report *sparkplug_of(const struct audit_report *r)
{
    return r->sparkplug != NULL && r->sparkplug->len > 0 ? r : NULL;
}

static bool next_delivery(struct audit_value *v, const struct audit_report *r)
{
    return next_of(v, r->deliveries);
}

static bool next_slow_delivery(struct audit_value *v, const struct audit_report *r)
{
    return next_of(v, r->slowest);
}

/* A client that no server accepted has no session. */
static bool next_session(struct audit_value *v, const struct audit_report *r)
{
    while (v->next < r->sessions->len && audit_report_session(r, v->next)->accepted == 0)
        v->next++;
    return next_of(v, r->sessions);
}

static bool next_connection_id(struct audit_value *v, const struct audit_session *r)
{
    const struct audit_connection *last = v->cursor;
    const struct audit_connection *connection = last == NULL ? r->first : last->next_of_session;
    if (connection == NULL)
        return false;
    v->cursor = connection;
    v->number = connection->id;
    return true;
}

static bool next_session_cause(struct audit_value *v, const struct audit_session *r)
{
    const unsigned only = r->last.end_cause;
    while (v->next < MQTT_END_CAUSES &&
           (r->life != NULL ? r->life->end_causes[v->next] == 0 : v->next != only))
        v->next++;
    if (v->next >= MQTT_END_CAUSES)
        return false;
    v->key = mqtt_end_cause_name(v->next);
    v->number = r->life != NULL ? r->life->end_causes[v->next] : 1;
    v->next++;
    return true;
}

static bool next_statement(struct audit_value *v, const struct audit_finding *r)
{
    const struct mqtt_finding *what = &r->what;
    const char *cursor = v->cursor, *statement;
    size_t length;
    if (!mqtt_finding_statement_next(what, &cursor, &statement, &length))
        return false;
    v->cursor = cursor;
    g_string_truncate(v->text, 0);
    g_string_append_len(v->text, statement, (gssize)length);
    v->word = v->text->str;
    return true;
}

/* ---- The getters: a function a column ---- */

#define AUDIT_GET_COUNT(x) ((v->number = (uint64_t)(x)) != AUDIT_NONE)
#define AUDIT_GET_ID(x) AUDIT_GET_COUNT(x)
#define AUDIT_GET_BOOL(x) AUDIT_GET_COUNT(x)
#define AUDIT_GET_FRAME(x) ((v->number = (x)) != 0)
#define AUDIT_GET_STREAM(x) ((v->integer = (x)) >= 0)
#define AUDIT_GET_WORD(x) ((v->word = (x)) != NULL)
#define AUDIT_GET_TEXT(x) AUDIT_GET_WORD(x)
#define AUDIT_GET_NAME(x) AUDIT_GET_WORD(x)
#define AUDIT_GET_STRING(x) ((v->string = (x)) != NULL)
#define AUDIT_GET_TIME(x) (v->integer = (x), true)
#define AUDIT_GET_ROW(x) ((v->row = (x)) != NULL)

#define AUDIT_ROW(row, type, help) typedef type type_of_##row;
#define AUDIT_ANY(row, key, shape, kind, unit, nested, presence, help, ...)                        \
    static bool get_##row##_##key(struct audit_value *v, const void *of)                           \
    {                                                                                              \
        const type_of_##row *r = of;                                                               \
        (void)r;                                                                                   \
        return __VA_ARGS__;                                                                        \
    }
#include "audit/columns.def"
#undef AUDIT_ANY

/* ---- The tables ---- */

static const struct audit_column columns[] = {
#define AUDIT_ANY(row, key, shape, kind, unit, nested, presence, help, ...)                        \
    {AUDIT_ROW_##row,  AUDIT_##shape, AUDIT_##kind, AUDIT_UNIT_##unit, AUDIT_ROW_##nested,         \
     AUDIT_##presence, #key,          help,         get_##row##_##key},
#include "audit/columns.def"
#undef AUDIT_ANY
};

/* Which row has which columns. */
enum first_column {
#define AUDIT_ROW(row, type, help) FIRST_##row, BEFORE_##row = FIRST_##row - 1,
#define AUDIT_ANY(row, key, ...) COLUMN_##row##_##key,
#include "audit/columns.def"
#undef AUDIT_ANY
    COLUMNS,
};

static const struct {
    const char *name;
    const char *help;
    unsigned first;
} rows[AUDIT_ROW_KINDS] = {
#define AUDIT_ROW(row, type, help) [AUDIT_ROW_##row] = {#row, help, FIRST_##row},
#define AUDIT_ANY(...)
#include "audit/columns.def"
#undef AUDIT_ANY
};

struct audit_row_info audit_row_info(enum audit_row_kind kind)
{
    const unsigned end = kind + 1 < AUDIT_ROW_KINDS ? rows[kind + 1].first : COLUMNS;
    return (struct audit_row_info){rows[kind].name, rows[kind].help, &columns[rows[kind].first],
                                   end - rows[kind].first};
}

/* ---- Words ---- */

static const char *from_table(unsigned i, unsigned count, const char *(*name)(unsigned))
{
    return i < count ? name(i) : NULL;
}

static const char *version_word(unsigned i)
{
    static const enum mqtt_version versions[] = {MQTT_VERSION_3_1, MQTT_VERSION_3_1_1,
                                                 MQTT_VERSION_5_0, MQTT_VERSION_UNKNOWN};
    return i < G_N_ELEMENTS(versions) ? mqtt_version_name(versions[i]) : NULL;
}

const char *audit_word(enum audit_unit vocabulary, unsigned i)
{
    static const char *const transports[] = {"tcp", "tls", "websocket"};
    switch (vocabulary) {
    case AUDIT_UNIT_VERSION: return version_word(i);
    case AUDIT_UNIT_SEVERITY: return from_table(i, 3, mqtt_severity_name);
    case AUDIT_UNIT_PACKET_TYPE: return from_table(i, MQTT_PACKET_TYPES, mqtt_packet_type_name);
    case AUDIT_UNIT_END_CAUSE: return from_table(i, MQTT_END_CAUSES, mqtt_end_cause_name);
    case AUDIT_UNIT_DIRECTION: return i < AUDIT_ROLES ? directions[i] : NULL;
    case AUDIT_UNIT_ROLE:
        return i < AUDIT_ROLES ? format_role(i == 0 ? MQTT_SENDER_CLIENT : MQTT_SENDER_SERVER)
                               : NULL;
    case AUDIT_UNIT_TRANSPORT: return i < G_N_ELEMENTS(transports) ? transports[i] : NULL;
    case AUDIT_UNIT_LIMIT:
        return i < AUDIT_LIMITS ? audit_limit_info((enum audit_limit_kind)i)->kind : NULL;
    case AUDIT_UNIT_RULE: return i < MQTT_RULES ? mqtt_rule_info((enum mqtt_rule)i)->id : NULL;
    case AUDIT_UNIT_DIAGNOSIS: return i < AUDIT_DIAGNOSES ? audit_diagnosis_info(i)->id : NULL;
    case AUDIT_UNIT_SESSION_STATE:
        return i + 1 < AUDIT_SESSION_STATES
                   ? audit_session_state_name((enum audit_session_state)(i + 1))
                   : NULL;
    case AUDIT_UNIT_EXCUSE: return audit_excuse_name(i);
    case AUDIT_UNIT_SCHEMA: return i == 0 ? AUDIT_REPORT_SCHEMA : NULL;
    default: return NULL;
    }
}

const char *audit_unit_name(enum audit_unit unit)
{
    switch (unit) {
    case AUDIT_UNIT_BYTES: return "bytes";
    case AUDIT_UNIT_SECONDS: return "s";
    case AUDIT_UNIT_MICROSECONDS: return "us";
    default: return NULL;
    }
}
