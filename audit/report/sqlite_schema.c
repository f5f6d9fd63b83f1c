/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Indexes, and views that answer what is asked most: made when all rows are there. Half of the time
 * that a database takes is that of its indexes: whoever asks for topics again and again makes one.
 */
#include "audit/report/sqlite.h"

#include <glib.h>

static const char *const statements[] = {
    "CREATE INDEX handshakes_connection ON handshakes(connection)",
    "CREATE INDEX handshakes_unfinished ON handshakes(awaits) WHERE awaits IS NOT NULL",
    "CREATE INDEX pings_connection ON pings(connection)",
    "CREATE INDEX publications_frame ON publications(frame)",
    "CREATE INDEX deliveries_frame ON deliveries(frame)",
    "CREATE INDEX deliveries_publication ON deliveries(publication_frame) "
    "WHERE publication_frame IS NOT NULL",
    "CREATE INDEX subscriptions_connection ON subscriptions(connection)",
    "CREATE INDEX connections_client ON connections(client_id)",
    "CREATE INDEX sessions_client ON sessions(client_id)",
    "CREATE INDEX session_connections_session ON session_connections(session)",
    "CREATE INDEX session_connections_connection ON session_connections(connection)",
    "CREATE INDEX findings_rule ON findings(rule)",
    "CREATE INDEX findings_client ON findings(client_id)",
    "CREATE INDEX findings_connection ON findings(connection)",
    "CREATE INDEX evidence_diagnosis ON evidence(diagnosis)",

    /* Whose handshake it is, and, of PUBLISH, about what: a frame may hold several packets. */
    "CREATE VIEW client_handshakes AS SELECT c.client_id, c.server_address, c.server_port, "
    "c.tcp_stream, CASE WHEN h.handshake NOT IN ('qos-1', 'qos-2') THEN NULL "
    "WHEN h.direction = 'client_to_server' THEN (SELECT p.topic FROM publications p "
    "WHERE p.frame = h.leg_1_frame AND p.packet_identifier = h.packet_identifier LIMIT 1) "
    "ELSE (SELECT d.topic FROM deliveries d "
    "WHERE d.frame = h.leg_1_frame AND d.packet_identifier = h.packet_identifier LIMIT 1) "
    "END AS topic, h.* FROM handshakes h LEFT JOIN connections c ON c.id = h.connection",

    "CREATE VIEW unanswered AS SELECT client_id, handshake, direction, topic, packet_identifier, "
    "awaits, leg_1_frame, tcp_stream FROM client_handshakes WHERE outcome = 'given-up'",

    /* Microseconds by kind and who began it; nearest rank. */
    "CREATE VIEW handshake_times AS SELECT handshake, direction, count(*) AS count, "
    "min(took_us) AS min_us, max(CASE WHEN rank <= (total + 1) / 2 THEN took_us END) AS p50_us, "
    "max(CASE WHEN rank <= (total * 95 + 99) / 100 THEN took_us END) AS p95_us, "
    "max(CASE WHEN rank <= (total * 99 + 99) / 100 THEN took_us END) AS p99_us, "
    "max(took_us) AS max_us FROM (SELECT handshake, direction, took_us, "
    "row_number() OVER (PARTITION BY handshake, direction ORDER BY took_us) AS rank, "
    "count(*) OVER (PARTITION BY handshake, direction) AS total "
    "FROM handshakes WHERE took_us IS NOT NULL) GROUP BY handshake, direction",

    /* From publisher to subscriber: all publications of a frame are of one connection. */
    "CREATE VIEW message_paths AS SELECT (SELECT pc.client_id FROM publications p "
    "JOIN connections pc ON pc.id = p.connection WHERE p.frame = d.publication_frame LIMIT 1) "
    "AS publisher, dc.client_id AS subscriber, d.topic, d.qos, d.latency_us, d.late, "
    "d.publication_frame, d.frame AS delivery_frame, d.time "
    "FROM deliveries d LEFT JOIN connections dc ON dc.id = d.connection",

    "CREATE VIEW clients AS SELECT c.client_id, count(*) AS connections, "
    "sum(c.findings_error) AS errors, sum(c.findings_warning) AS warnings, "
    "sum(c.findings_note) AS notes, min(c.start_time) AS first_time, "
    "max(c.end_time) AS last_time, sum(c.bytes_client) AS bytes_sent, "
    "sum(c.bytes_server) AS bytes_received FROM connections c GROUP BY c.client_id",

    "CREATE VIEW findings_by_client AS SELECT client_id, rule, severity, count(*) AS count, "
    "min(frame) AS first_frame FROM findings GROUP BY client_id, rule",

    /* From the end of a connection to the next one of the same session, in microseconds. */
    "CREATE VIEW reconnects AS SELECT s.client_id, c.id AS connection, c.start_time, c.end_cause, "
    "(c.start_time - lag(c.end_time) OVER w) / 1000 AS offline_us, "
    "(c.start_time - lag(c.start_time) OVER w) / 1000 AS interval_us, "
    "lag(c.end_cause) OVER w AS previous_end FROM session_connections x "
    "JOIN sessions s ON s.number = x.session JOIN connections c ON c.id = x.connection "
    "WINDOW w AS (PARTITION BY x.session ORDER BY c.start_time, c.id)",

    /* What is subscribed when the capture ends, or the connection did. */
    "CREATE VIEW last_subscriptions AS SELECT c.client_id, s.filter, s.qos, s.reason_code, "
    "s.connection, max(s.frame) AS frame FROM subscriptions s "
    "LEFT JOIN connections c ON c.id = s.connection GROUP BY s.connection, s.filter "
    "HAVING s.action = 'subscribe' AND (s.reason_code IS NULL OR s.reason_code < 128)",
};

const char *sqlite_schema(unsigned i)
{
    return i < G_N_ELEMENTS(statements) ? statements[i] : NULL;
}
