/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report's tables: connections, handshakes, topics; and the limits. */
#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "audit/report/table.h"
#include "audit/report/text_private.h"
#include "mqtt/facts/time.h"

#include <string.h>

#define INDENT TEXT_INDENT
#define USUAL_CONNECTIONS 25
#define USUAL_TOPICS 10

/* ---- Connections ---- */

static const struct audit_endpoint *server_of(const struct audit_connection *connection)
{
    return &connection->endpoints[1 - connection->facts.client];
}

const struct audit_endpoint *text_only_server(const struct audit_report *report)
{
    const struct audit_endpoint *server = NULL;
    for (unsigned i = 0; i < report->connections->len; i++) {
        const struct audit_endpoint *other = server_of(audit_report_connection(report, i));
        if (server != NULL &&
            (server->port != other->port || strcmp(server->address, other->address) != 0))
            return NULL;
        server = other;
    }
    return server;
}

static int worse(uint64_t a, uint64_t b)
{
    return (a < b) - (a > b);
}

/* Those with findings first, as far as there is no room for all. */
static gint by_findings(gconstpointer a, gconstpointer b)
{
    const struct audit_connection *x = *(const struct audit_connection *const *)a;
    const struct audit_connection *y = *(const struct audit_connection *const *)b;
    for (unsigned severity = 3; severity-- > 0;)
        if (x->findings[severity] != y->findings[severity])
            return worse(x->findings[severity], y->findings[severity]);
    return (x->id > y->id) - (x->id < y->id);
}

static gint by_id(gconstpointer a, gconstpointer b)
{
    const struct audit_connection *x = *(const struct audit_connection *const *)a;
    const struct audit_connection *y = *(const struct audit_connection *const *)b;
    return (x->id > y->id) - (x->id < y->id);
}

static uint64_t packets_of(const struct audit_connection *connection)
{
    uint64_t sum = 0;
    for (unsigned side = 0; side < 2; side++)
        for (unsigned type = 0; type < MQTT_PACKET_TYPES; type++)
            sum += connection->facts.packets[side][type];
    return sum;
}

static void add_keep_alive(struct table *table, const struct audit_connection *connection)
{
    char idle[FORMAT_SIZE];
    if (!connection->facts.keep_alive.known) {
        table_add(table, "?");
        table_add(table, "");
        return;
    }
    if (connection->facts.keep_alive.effective_s == 0)
        table_add(table, "off");
    else
        table_addf(table, "%u s", (unsigned)connection->facts.keep_alive.effective_s);
    table_add(table, format_duration(idle, connection->facts.keep_alive.max_idle_ns));
}

/* "2 errors", "1 warning": the worst of them alone. */
static void add_worst(struct table *table, const uint64_t findings[3])
{
    for (unsigned severity = 3; severity-- > 0;) {
        if (findings[severity] == 0)
            continue;
        GString *cell = g_string_new(NULL);
        format_plural(cell, findings[severity], mqtt_severity_name(severity));
        table_add(table, cell->str);
        g_string_free(cell, TRUE);
        return;
    }
    table_add(table, "");
}

const char *text_end_words(unsigned cause)
{
    static const char *const words[MQTT_END_CAUSES] = {
        [MQTT_END_OPEN] = "open",
        [MQTT_END_CLIENT_DISCONNECT] = "disconnect",
        [MQTT_END_SERVER_DISCONNECT] = "by server",
        [MQTT_END_REFUSED] = "refused",
        [MQTT_END_KEEP_ALIVE] = "keep alive",
        [MQTT_END_TAKEN_OVER] = "taken over",
        [MQTT_END_PROTOCOL_ERROR] = "protocol error",
        [MQTT_END_CLIENT_CLOSED] = "client FIN",
        [MQTT_END_SERVER_CLOSED] = "server FIN",
        [MQTT_END_CLIENT_RESET] = "client RST",
        [MQTT_END_SERVER_RESET] = "server RST",
        [MQTT_END_REPLACED] = "replaced",
        [MQTT_END_TIMED_OUT] = "timed out",
    };
    return words[cause];
}

static void add_connection(const struct text *text, struct table *table,
                           const struct audit_connection *connection, bool show_server)
{
    char buffer[FORMAT_SIZE];
    if (connection->stream >= 0)
        table_addf(table, "%" G_GINT64_FORMAT, connection->stream);
    else
        table_addf(table, "#%" G_GUINT64_FORMAT, connection->id);
    char *client = connection->client_identifier != NULL
                       ? escape_string(connection->client_identifier)
                       : g_strdup(connection->facts.connect_seen ? "(empty)" : "?");
    table_add(table, client);
    g_free(client);
    table_add(table, connection->facts.version == MQTT_VERSION_UNKNOWN
                         ? "?"
                         : mqtt_version_name(connection->facts.version));
    const char *address = connection->endpoints[connection->facts.client].address;
    if (connection->real_client.address[0] != '\0')
        table_addf(table, "%s via %s", connection->real_client.address, address);
    else
        table_add(table, address);
    table_add(table, show_server ? format_endpoint(buffer, server_of(connection)) : "");
    table_add(table, strcmp(connection->carrier, "tcp") == 0 ? "" : connection->carrier);
    table_add(table, text_offset(text, buffer, connection->start_time) + 1);
    /* A clock that steps back leaves no duration. */
    const int64_t lasted = mqtt_elapsed(connection->facts.end_time, connection->start_time);
    table_add(table, lasted >= 0 ? format_duration(buffer, lasted) : "?");
    table_add(table, format_count(buffer, packets_of(connection)));
    add_keep_alive(table, connection);
    table_add(table, text_end_words(connection->facts.end_cause));
    add_worst(table, connection->findings);
}

static uint64_t retransmitted(const struct audit_connection *connection)
{
    return connection->facts.transport[0].retransmitted +
           connection->facts.transport[1].retransmitted;
}

static uint64_t zero_windows(const struct audit_connection *connection)
{
    return connection->facts.transport[0].zero_window + connection->facts.transport[1].zero_window;
}

/* "TCP: 9 segments sent again, most on stream 0; ...": the link may be to blame, or a receiver that
 * does not keep up. */
static void append_trouble(GString *line, const struct audit_report *report, const char *noun,
                           const char *what,
                           uint64_t (*count)(const struct audit_connection *connection))
{
    const struct audit_connection *most = NULL;
    uint64_t sum = 0;
    for (unsigned i = 0; i < report->connections->len; i++) {
        const struct audit_connection *connection = audit_report_connection(report, i);
        sum += count(connection);
        if (count(connection) > 0 && (most == NULL || count(connection) > count(most)))
            most = connection;
    }
    if (most == NULL)
        return;
    g_string_append(line, line->len == 0 ? "TCP: " : "; ");
    format_plural(line, sum, noun);
    g_string_append_printf(line, " %s", what);
    if (most->stream >= 0)
        g_string_append_printf(line, ", %s on stream %" G_GINT64_FORMAT,
                               count(most) == sum ? "all" : "most", most->stream);
}

static void write_trouble(const struct text *text)
{
    GString *line = g_string_new(NULL);
    append_trouble(line, text->report, "segment", "sent again", retransmitted);
    append_trouble(line, text->report, "segment", "with a full receive window", zero_windows);
    if (line->len > 0)
        text_wrap(text, INDENT, line->str);
    g_string_free(line, TRUE);
}

/* Whether it is not seen by its address whose connection one is. */
static bool is_proxied(const struct audit_report *report)
{
    for (unsigned i = 0; i < report->connections->len; i++)
        if (audit_report_connection(report, i)->real_client.address[0] != '\0')
            return true;
    return false;
}

void text_connections(const struct text *text)
{
    const struct table_column columns[] = {
        {.title = "stream", .right = true},
        {.title = "client", .flexible = true},
        {.title = "MQTT"},
        {.title = "from", .drop = is_proxied(text->report) ? 1 : 5},
        {.title = "to"},
        {.title = "over", .drop = 2},
        {.title = "at s", .right = true, .drop = 6},
        {.title = "lasted", .right = true},
        {.title = "packets", .right = true, .drop = 7},
        {.title = "alive", .right = true, .drop = 3},
        {.title = "idle", .right = true, .drop = 4},
        {.title = "end"},
        {.title = "findings"},
    };
    const GPtrArray *all = text->report->connections;
    unsigned rows = text_rows(text, all->len, USUAL_CONNECTIONS);
    if (rows == 0)
        return;

    GPtrArray *shown = g_ptr_array_sized_new(all->len);
    for (unsigned i = 0; i < all->len; i++)
        g_ptr_array_add(shown, g_ptr_array_index(all, i));
    if (rows < all->len) {
        g_ptr_array_sort(shown, by_findings);
        g_ptr_array_set_size(shown, (gint)rows);
        g_ptr_array_sort(shown, by_id);
    }

    char endpoint[FORMAT_SIZE];
    const struct audit_endpoint *server = text_only_server(text->report);
    if (server != NULL)
        text_heading(text, "Connections to ", format_endpoint(endpoint, server));
    else
        text_heading(text, "Connections", "");
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    for (unsigned i = 0; i < rows; i++)
        add_connection(text, table, g_ptr_array_index(shown, i), server == NULL);
    text_table(text, table);
    text_more(text, INDENT, text->report->totals.connections - rows);
    write_trouble(text);
    g_ptr_array_free(shown, TRUE);
}

/* ---- Handshakes ---- */

const struct text_handshake text_handshake_rows[TEXT_HANDSHAKES] = {
    {"", MQTT_HANDSHAKE_CONNECT, AUDIT_CLIENT},
    {"", MQTT_HANDSHAKE_SUBSCRIBE, AUDIT_CLIENT},
    {"", MQTT_HANDSHAKE_UNSUBSCRIBE, AUDIT_CLIENT},
    {"", MQTT_HANDSHAKE_PING, AUDIT_CLIENT},
    {"to server", MQTT_HANDSHAKE_QOS_1, AUDIT_CLIENT},
    {"to client", MQTT_HANDSHAKE_QOS_1, AUDIT_SERVER},
    {"to server", MQTT_HANDSHAKE_QOS_2, AUDIT_CLIENT},
    {"to client", MQTT_HANDSHAKE_QOS_2, AUDIT_SERVER},
};

static const struct audit_handshakes *handshakes_of(const struct text *text,
                                                    const struct text_handshake *row)
{
    return &text->report->totals.handshakes[row->role][row->kind];
}

static uint64_t unfinished(const struct audit_handshakes *handshakes)
{
    return handshakes->count.incomplete + handshakes->count.open + handshakes->count.unknown;
}

static void add_latency(struct table *table, const struct audit_latency *latency)
{
    const uint64_t values[] = {latency->p50, latency->p95, latency->p99, latency->max};
    char buffer[FORMAT_SIZE];
    for (unsigned i = 0; i < G_N_ELEMENTS(values); i++)
        table_add(table, latency->count > 0 ? format_microseconds(buffer, values[i]) : "-");
}

/* "1 QoS 2 handshake to server awaits PUBREL" */
static void append_awaiting(GString *line, const struct text_handshake *row, uint64_t count,
                            unsigned stage)
{
    char number[FORMAT_SIZE];
    g_string_append_printf(line, "%s%s %s handshake%s%s%s await%s %s", line->len > 0 ? "; " : "",
                           format_count(number, count), mqtt_handshake_kind_name(row->kind),
                           count == 1 ? "" : "s", row->direction[0] != '\0' ? " " : "",
                           row->direction, count == 1 ? "s" : "",
                           mqtt_packet_type_name(mqtt_handshake_leg_type(row->kind, stage)));
}

static void write_unfinished(const struct text *text)
{
    GString *line = g_string_new(NULL);
    for (unsigned i = 0; i < TEXT_HANDSHAKES; i++) {
        const struct text_handshake *row = &text_handshake_rows[i];
        const struct audit_handshakes *handshakes = handshakes_of(text, row);
        for (unsigned stage = 1; stage < MQTT_LEGS; stage++)
            if (handshakes->count.stage[stage] > 0)
                append_awaiting(line, row, handshakes->count.stage[stage], stage);
    }
    if (line->len > 0)
        text_wrap(text, INDENT, line->str);
    g_string_free(line, TRUE);
}

void text_handshakes(const struct text *text)
{
    static const struct table_column columns[] = {
        {.title = ""},
        {.title = ""},
        {.title = "begun", .right = true},
        {.title = "resumed", .right = true, .drop = 3},
        {.title = "done", .right = true},
        {.title = "refused", .right = true},
        {.title = "unfinished", .right = true},
        {.title = "resent", .right = true, .drop = 2},
        {.title = "p50", .right = true},
        {.title = "p95", .right = true, .drop = 1},
        {.title = "p99", .right = true, .drop = 4},
        {.title = "max", .right = true},
    };
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    bool any = false;
    for (unsigned i = 0; i < TEXT_HANDSHAKES; i++) {
        const struct text_handshake *row = &text_handshake_rows[i];
        const struct audit_handshakes *handshakes = handshakes_of(text, row);
        if (handshakes->count.started + handshakes->count.resumed == 0)
            continue;
        any = true;
        table_add(table, mqtt_handshake_kind_name(row->kind));
        table_add(table, row->direction);
        text_add_count(table, handshakes->count.started);
        text_add_count(table, handshakes->count.resumed);
        text_add_count(table, handshakes->count.completed);
        text_add_count(table, handshakes->count.refused);
        text_add_count(table, unfinished(handshakes));
        text_add_count(table, handshakes->count.retransmitted);
        const struct audit_latency latency = audit_handshakes_latency(handshakes);
        add_latency(table, &latency);
    }
    if (!any) {
        table_free(table);
        return;
    }
    text_heading(text, "Handshakes, and how long they took", "");
    text_table(text, table);
    write_unfinished(text);
}

/* ---- Topics ---- */

static void add_topic(struct table *table, const char *name, const struct audit_topic *topic)
{
    char buffer[FORMAT_SIZE];
    text_add_count(table, topic->published);
    text_add_count(table, topic->delivered);
    text_add_count(table, topic->retained);
    table_add(table, format_bytes(buffer, topic->published_bytes + topic->delivered_bytes));
    for (unsigned qos = 0; qos < G_N_ELEMENTS(topic->qos); qos++)
        text_add_count(table, topic->qos[qos]);
    table_add(table, name);
}

void text_topics(const struct text *text)
{
    static const struct table_column columns[] = {
        {.title = "published", .right = true}, {.title = "delivered", .right = true},
        {.title = "retained", .right = true},  {.title = "payload", .right = true, .drop = 1},
        {.title = "QoS 0", .right = true},     {.title = "QoS 1", .right = true},
        {.title = "QoS 2", .right = true},     {.title = "topic", .flexible = true},
    };
    const struct audit_report *report = text->report;
    unsigned rows = text_rows(text, report->topics->len, USUAL_TOPICS);
    if (rows == 0)
        return;
    char number[FORMAT_SIZE];
    if (rows < report->topics->len)
        text_heading(text, "Topics, the busiest of ", format_count(number, report->topics->len));
    else
        text_heading(text, "Topics", "");
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    for (unsigned i = 0; i < rows; i++) {
        const struct audit_topic *topic = audit_report_topic(report, i);
        char *name = escape_string(topic->name);
        add_topic(table, name, topic);
        g_free(name);
    }
    if (report->other_topics.published + report->other_topics.delivered > 0)
        add_topic(table, "(others)", &report->other_topics);
    text_table(text, table);
    text_more(text, INDENT, report->topics->len - rows);
}

/* ---- What the capture lacks ---- */

void text_limits(const struct text *text)
{
    const struct audit_capture *capture = &text->report->capture;
    bool any = false;
    for (unsigned i = 0; i < AUDIT_LIMITS; i++) {
        const struct audit_limit *limit = &capture->limits[i];
        const struct audit_limit_info *info = audit_limit_info((enum audit_limit_kind)i);
        char number[FORMAT_SIZE];
        if (limit->count == 0)
            continue;
        if (!any)
            text_heading(text, "Limits of this report", "");
        any = true;
        GString *line = g_string_new(NULL);
        g_string_append_printf(line, "%s (%s): %s", info->kind, format_count(number, limit->count),
                               info->counted);
        if (limit->bytes > 0)
            g_string_append_printf(line, ", %s bytes", format_count(number, limit->bytes));
        if (limit->frame > 0)
            g_string_append_printf(
                line, " (the first: tcp.stream %" G_GINT64_FORMAT ", frame %" G_GUINT64_FORMAT ")",
                limit->stream, limit->frame);
        g_string_append_printf(line, "; %s", info->consequence);
        if (limit->hint != NULL)
            g_string_append_printf(line, ": %s", limit->hint);
        text_wrap(text, INDENT, line->str);
        g_string_free(line, TRUE);
    }
}
