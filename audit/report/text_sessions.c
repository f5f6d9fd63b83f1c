/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report's table of sessions: how often clients came, how long they were away, and what
 * became of what waited for them. */
#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "audit/report/text_private.h"
#include "mqtt/facts/time.h"

#include <string.h>

#define USUAL_SESSIONS 10
#define TIMELINE 50

static const struct audit_session_life *life_of(const struct audit_session *session)
{
    static const struct audit_session_life none;
    return session->life != NULL ? session->life : &none;
}

/* ---- Which, and in which order ---- */

static uint64_t owed(const struct audit_session *session)
{
    const struct audit_owed *of = life_of(session)->owed;
    return (uint64_t)of[0].publish + of[0].release + of[1].publish + of[1].release;
}

static uint64_t resent(const struct audit_session *session)
{
    const struct audit_owed *of = life_of(session)->owed;
    return (uint64_t)of[0].carried.resent + of[1].carried.resent;
}

/* What waited, and never came again. */
static uint64_t gone(const struct audit_session *session)
{
    const struct audit_owed *of = life_of(session)->owed;
    return (uint64_t)of[0].carried.silent + of[0].dropped + of[1].carried.silent + of[1].dropped;
}

static uint64_t expired(const struct audit_session *session)
{
    return (uint64_t)life_of(session)->past[MQTT_PAST_EXPIRED] + life_of(session)->expired_at_end;
}

/* One connection, and nothing to say about it that the table of connections does not say. */
static bool is_plain(const struct audit_session *session)
{
    return session->connections < 2 && session->resumed == 0 && owed(session) == 0 &&
           expired(session) == 0;
}

static int more_first(uint64_t a, uint64_t b)
{
    return (a < b) - (a > b);
}

/* Sessions and messages that are gone first, then those that come back most often. */
static gint by_trouble(gconstpointer a, gconstpointer b)
{
    const struct audit_session *x = *(const struct audit_session *const *)a;
    const struct audit_session *y = *(const struct audit_session *const *)b;
    int order = more_first(life_of(x)->past[MQTT_PAST_LOST], life_of(y)->past[MQTT_PAST_LOST]);
    if (order == 0)
        order = more_first(gone(x), gone(y));
    if (order == 0)
        order = more_first(expired(x), expired(y));
    if (order == 0)
        order = more_first(x->taken_over, y->taken_over);
    if (order == 0)
        order = more_first(x->connections, y->connections);
    if (order == 0)
        order = more_first(y->order, x->order);
    return order != 0 ? order : more_first(y->rank, x->rank);
}

/* ---- The table ---- */

static void add_client(struct table *table, const struct audit_session *session)
{
    char *client = escape_string(session->client_identifier);
    table_add(table, client);
    g_free(client);
}

static void add_duration(struct table *table, bool known, int64_t nanoseconds)
{
    char buffer[FORMAT_SIZE];
    table_add(table, known ? format_duration(buffer, nanoseconds) : "-");
}

/* "online", "offline 2 h 05 min" */
static void add_state(const struct text *text, struct table *table,
                      const struct audit_session *session)
{
    char buffer[FORMAT_SIZE];
    const enum audit_session_state state = audit_session_state(session);
    const int64_t since = mqtt_elapsed(text->report->capture.last_time, session->last.end_time);
    if (state == AUDIT_SESSION_OFFLINE && since >= 0)
        table_addf(table, "offline %s", format_duration(buffer, since));
    else
        table_add(table, state != AUDIT_SESSION_UNKNOWN ? audit_session_state_name(state) : "?");
}

/* Reconnects an hour; 0 where less than a minute says nothing of an hour. */
static uint64_t rate_of(const struct text *text, const struct audit_session *session)
{
    const int64_t observed = mqtt_elapsed(text->report->capture.last_time, session->first_time);
    const uint64_t rate = audit_session_rate(text->report, session);
    return observed >= 60 * MQTT_SECOND && rate != UINT64_MAX ? rate : 0;
}

static void add_session(const struct text *text, struct table *table,
                        const struct audit_session *session, bool show_server)
{
    char buffer[FORMAT_SIZE];
    const struct audit_session_life *life = life_of(session);
    const bool measured = life->offline_spans > life->offline_unknown;
    const uint64_t rate = rate_of(text, session);
    add_client(table, session);
    table_add(table, show_server ? format_endpoint(buffer, &session->server) : "");
    table_add(table, format_count(buffer, session->connections));
    text_add_count(table, rate);
    add_duration(table, life->intervals > 0, life->shortest_interval);
    add_duration(table, measured, life->offline);
    add_duration(table, measured && life->offline_spans > 1, life->longest_offline);
    text_add_count(table, session->began);
    text_add_count(table, session->resumed);
    text_add_count(table, session->taken_over);
    text_add_count(table, life->past[MQTT_PAST_LOST]);
    text_add_count(table, expired(session));
    text_add_count(table, owed(session));
    text_add_count(table, resent(session));
    text_add_count(table, gone(session));
    add_state(text, table, session);
}

static void write_sessions(const struct text *text, const GPtrArray *shown, unsigned rows)
{
    static const struct table_column columns[] = {
        {.title = "client", .flexible = true},
        {.title = "server"},
        {.title = "came", .right = true},
        {.title = "per h", .right = true, .drop = 6},
        {.title = "least gap", .right = true, .drop = 8},
        {.title = "offline", .right = true, .drop = 4},
        {.title = "longest", .right = true, .drop = 7},
        {.title = "new", .right = true},
        {.title = "resumed", .right = true},
        {.title = "taken over", .right = true, .drop = 1},
        {.title = "lost", .right = true},
        {.title = "expired", .right = true, .drop = 3},
        {.title = "owed", .right = true},
        {.title = "resent", .right = true, .drop = 5},
        {.title = "never", .right = true, .drop = 2},
        {.title = "at the end"},
    };
    const bool show_server = text_only_server(text->report) == NULL;
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    for (unsigned i = 0; i < rows; i++)
        add_session(text, table, g_ptr_array_index(shown, i), show_server);
    text_table(text, table);
}

/* ---- When they were there ---- */

/* Which of the bar's places a time falls into. */
static unsigned place_of(const struct audit_capture *capture, int64_t time)
{
    const int64_t whole = mqtt_elapsed(capture->last_time, capture->first_time);
    const int64_t since = mqtt_elapsed(time, capture->first_time);
    if (since <= 0 || whole <= 0)
        return 0;
    return MIN((unsigned)((double)since / (double)whole * TIMELINE), TIMELINE - 1);
}

/* A sign for each fiftieth of the capture: online for some of it, or not. */
static void add_bar(const struct text *text, struct table *table,
                    const struct audit_session *session)
{
    const struct audit_capture *capture = &text->report->capture;
    char bar[TIMELINE + 1];
    unsigned begun = TIMELINE;
    memset(bar, ' ', TIMELINE);
    bar[TIMELINE] = '\0';
    for (const struct audit_connection *connection = session->first; connection != NULL;
         connection = connection->next_of_session) {
        const unsigned from = place_of(capture, connection->start_time);
        const unsigned to = place_of(capture, connection->facts.end_time);
        begun = MIN(begun, from);
        for (unsigned i = from; i <= to && !connection->facts.refused; i++)
            bar[i] = '=';
    }
    for (unsigned i = begun; i < TIMELINE; i++)
        if (bar[i] == ' ')
            bar[i] = '.';
    table_addf(table, "|%s|", bar);
}

static void write_timelines(const struct text *text, const GPtrArray *shown, unsigned rows)
{
    static const struct table_column columns[] = {{.title = NULL, .flexible = true},
                                                  {.title = NULL}};
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    unsigned count = 0;
    for (unsigned i = 0; i < rows; i++) {
        const struct audit_session *session = g_ptr_array_index(shown, i);
        if (session->connections < 2)
            continue;
        add_client(table, session);
        add_bar(text, table, session);
        count++;
    }
    if (count == 0) {
        table_free(table);
        return;
    }
    text_heading(text, "When they were connected, from the start of the capture to its end", "");
    text_table(text, table);
}

void text_sessions(const struct text *text)
{
    const struct audit_report *report = text->report;
    GPtrArray *shown = g_ptr_array_new();
    for (unsigned i = 0; i < report->sessions->len; i++) {
        const struct audit_session *session = audit_report_session(report, i);
        if (!is_plain(session))
            g_ptr_array_add(shown, g_ptr_array_index(report->sessions, i));
    }
    const unsigned rows = text_rows(text, shown->len, USUAL_SESSIONS);
    if (rows > 0) {
        g_ptr_array_sort(shown, by_trouble);
        text_heading(text, "Sessions: clients that came back, or left something unfinished", "");
        write_sessions(text, shown, rows);
        text_more(text, TEXT_INDENT, shown->len - rows);
        if (text->detail == REPORT_VERBOSE)
            write_timelines(text, shown, rows);
    }
    g_ptr_array_free(shown, TRUE);
}
