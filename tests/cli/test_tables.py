#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--sqlite: the tables say what the report and the events say; the questions of docs/sqlite.md have their answers.

    test_tables.py MQTTSCOPE SOURCE-FOLDER [-v] [TestClass[.test]]
"""
import json
import os
import re
import resource
import signal
import sqlite3
import sys
import unittest

from mqtt_pcap import Capture, publish, session
from test_cli import CAPTURES, FLEET, SOURCE, Case, run

EVENTS = ("handshakes", "pings", "publications", "deliveries", "subscriptions")


class TableCase(Case):
    def database(self, *arguments):
        path = self.path("report.db")
        if os.path.exists(path):
            os.unlink(path)
        self.good("-q", "--sqlite", path, *arguments)
        base = sqlite3.connect(path)
        self.addCleanup(base.close)
        base.row_factory = sqlite3.Row
        return base

    def rows(self, base, table):
        return [dict(row) for row in base.execute(f"SELECT * FROM {table}")]

    def events(self, *arguments):
        return [json.loads(line) for line in self.good("--ndjson", "-", *arguments).splitlines()]


def plain(value):
    """What SQL can't hold as text, for it has a NUL."""
    return value.decode() if isinstance(value, bytes) else value


def small_files():
    """The disk is full at 100 kB; SIGXFSZ would end the program."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))


def nanoseconds(base, text):
    """RFC 3339 with nanoseconds, by SQLite's own calendar."""
    return int(base.execute("SELECT strftime('%s', ?)", (text[:19],)).fetchone()[0]) * 10**9 + int(text[20:29])


class Sqlite(TableCase):
    def test_sound(self):
        """Of every capture: the database is sound, and nobody points at what is not there."""
        for capture in CAPTURES:
            with self.subTest(capture=os.path.basename(capture)):
                base = self.database(capture)
                self.assertEqual(base.execute("PRAGMA integrity_check").fetchone()[0], "ok")
                self.assertEqual(base.execute("PRAGMA foreign_key_check").fetchall(), [])

    def test_names_need_no_quotes(self):
        """No column is a keyword of SQL; each has its help in the dictionary; each view can be read."""
        base = self.database(FLEET)
        for name, kind in base.execute("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')").fetchall():
            columns = [row["name"] for row in base.execute(f"PRAGMA table_info({name})")]
            base.execute(f"SELECT {', '.join(columns)} FROM {name}").fetchall()
            for column in columns:
                self.assertRegex(column, r"\A[a-z][a-z0-9_]*\Z")
                if kind == "table" and name != "dictionary":
                    found = base.execute("SELECT help FROM dictionary WHERE table_name = ? AND column_name = ?",
                                         (name, column)).fetchall()
                    self.assertEqual(len(found), 1, (name, column))
                    self.assertTrue(found[0]["help"])

    def test_report(self):
        """What both have, the report says too: every capture, every row."""
        for capture in CAPTURES:
            with self.subTest(capture=os.path.basename(capture)):
                base, report = self.database(capture), self.report(capture)
                lists = {"connections": report["connections"], "sessions": report["sessions"],
                         "findings": report["findings"], "diagnoses": report["diagnoses"], "topics": report["topics"],
                         "rules": report["rules"], "limits": report["capture"]["limits"],
                         "captures": report["capture"]["files"], "routes": report["deliveries"]["rows"],
                         "sparkplug_nodes": report.get("sparkplug", {"nodes": []})["nodes"]}
                for table, expected in lists.items():
                    rows = self.rows(base, table)
                    self.assertEqual(len(rows), len(expected), table)
                    for row, other in zip(rows, expected):
                        self.compare(base, table, row, other)
                self.assertEqual([tuple(row) for row in base.execute("SELECT * FROM session_connections")],
                                 [(number, connection) for number, one in enumerate(report["sessions"], 1)
                                  for connection in one["connections"]])
                self.assertEqual(base.execute("SELECT count(*) FROM evidence").fetchone()[0],
                                 sum(len(one["evidence"]) for one in report["diagnoses"]))

    def compare(self, base, table, row, other):
        compared = 0
        for key, value in other.items():
            name = {"start": "start_time", "end": "end_time", "since": "since_time", "until": "until_time",
                    "last_end": "last_end_time", "group": "group_id", "node": "node_id"}.get(key, key)
            if name not in row or f"{key}_hex" in other or f"{key}_length" in other:
                continue
            if isinstance(value, (dict, list)):
                value, row[name] = json.dumps(value, sort_keys=True), json.dumps(json.loads(row[name]), sort_keys=True)
            elif name.endswith("time") and value is not None:
                value = nanoseconds(base, value)
            self.assertEqual(plain(row[name]), value, (table, name))
            compared += 1
        self.assertGreater(compared, 2)

    def test_events(self):
        """A row an event, whatever the report is about."""
        for arguments in [[capture] for capture in CAPTURES] + [["--client", "thermo-1", FLEET], ["--from", "2", FLEET]]:
            with self.subTest(arguments=arguments):
                base, told = self.database(*arguments), self.events(*arguments)
                self.handshakes(base, [e for e in told if e["event_type"].startswith("handshake-")])
                self.messages(base, "publications", [e for e in told if e["event_type"] == "published"])
                self.messages(base, "deliveries", [e for e in told if e["event_type"] == "delivered"])
                pings = [(e["mqtt"]["connection"], e["mqtt"]["request_frame"], e["frame"], e["mqtt"]["rtt_us"])
                         for e in told if e["event_type"] == "ping"]
                self.assertEqual([tuple(row) for row in base.execute(
                    "SELECT connection, request_frame, frame, rtt_us FROM pings")], pings)
                filters = [(e["mqtt"]["connection"], e["event_type"].replace("d", ""), one.get("qos"), code)
                           for e in told if e["event_type"] in ("subscribed", "unsubscribed")
                           for one, code in zip(e["mqtt"]["filters"],
                                                e["mqtt"]["reason_codes"] + [None] * len(e["mqtt"]["filters"]))]
                self.assertEqual([tuple(row) for row in base.execute(
                    "SELECT connection, action, qos, reason_code FROM subscriptions")], filters)
                opened = {e["mqtt"]["connection"]: e["tcp_stream"] for e in told
                          if e["event_type"] == "connection-opened"}
                self.assertEqual(dict(map(tuple, base.execute("SELECT id, tcp_stream FROM connections"))), opened)

    def handshakes(self, base, events):
        rows = self.rows(base, "handshakes")
        self.assertEqual(len(rows), len(events))
        for row, event in zip(rows, events):
            mqtt = event["mqtt"]
            done = event["event_type"] == "handshake-done"
            self.assertEqual(row["outcome"], ("refused" if mqtt["refused"] else "done") if done else "given-up")
            self.assertEqual(row["reason_code"], mqtt["reason_code"] if done else None)
            for key, otherwise in (("connection", None), ("handshake", None), ("direction", None), ("resends", 0),
                                   ("packet_identifier", None), ("resumed", 0), ("awaits", None), ("took_us", None)):
                self.assertEqual(row[key], mqtt.get(key, otherwise), key)
            self.assertEqual([row[f"leg_{i}_frame"] for i in range(1, 5) if row[f"leg_{i}_frame"] is not None],
                             [leg["frame"] for leg in mqtt["legs"]])
            self.assertEqual([row[f"leg_{i}_time"] for i in range(1, 5) if row[f"leg_{i}_time"] is not None],
                             [nanoseconds(base, leg["time"]) for leg in mqtt["legs"]])

    def messages(self, base, table, events):
        rows = self.rows(base, table)
        self.assertEqual(len(rows), len(events))
        for row, event in zip(rows, events):
            mqtt = event["mqtt"]
            self.assertEqual((row["frame"], row["time"]), (event["frame"], nanoseconds(base, event["timestamp"])))
            if "topic_hex" not in mqtt and "topic_length" not in mqtt:
                self.assertEqual(plain(row["topic"]), mqtt["topic"] or None)
            for key, otherwise in (("connection", None), ("qos", None), ("retain", None), ("dup", None),
                                   ("packet_identifier", None), ("payload_length", None), ("topic_from_alias", 0),
                                   ("resend_of", None)):
                self.assertEqual(row[key], mqtt.get(key, otherwise), key)
            if table == "deliveries":
                match = mqtt.get("publication", {})
                self.assertEqual((row["publication_frame"], row["latency_us"], row["late"]),
                                 (match.get("frame"), match.get("latency_us"), match.get("late")))

    def test_any_bytes(self):
        """Text where SQL can hold it as text; else the bytes; a long name is cut."""
        capture = Capture()
        topics = (b"plain", b"\xff\xfe", b"a\0b", "é'; DROP TABLE topics; --".encode(), b"x" * 600)
        capture.talk(session(messages=[publish(topic, b"1") for topic in topics]))
        base = self.database(self.path("any.pcap", capture.bytes()))
        self.assertEqual([row[0] for row in base.execute("SELECT topic FROM publications")],
                         ["plain", b"\xff\xfe", b"a\0b", "é'; DROP TABLE topics; --", "x" * 512])
        self.assertEqual(base.execute("SELECT count(*) FROM topics WHERE topic IN (SELECT topic FROM publications)")
                         .fetchone()[0], 5)

    def test_standard_output(self):
        path, out = self.path("report.db"), self.path("out.db")
        self.good("-q", "--sqlite", path, FLEET)
        with open(out, "wb") as file:
            run("--sqlite", "-", FLEET, stdout=file)
        dumps = []
        for name in (path, out):
            base = sqlite3.connect(name)
            dumps.append(list(base.iterdump()))
            base.close()
        self.assertEqual(*dumps)
        self.assertGreater(len(dumps[0]), 100)

    def test_files(self):
        """Whole or not at all, and nothing beside it."""
        path = self.path("report.db", b"old")
        self.good("-q", "--sqlite", path, FLEET)
        self.assertEqual(os.listdir(self.folder), ["report.db"])
        with open(path, "rb") as file:
            whole = file.read()
        self.assertEqual(whole[:15], b"SQLite format 3")
        self.bad("--sqlite", path, self.path("missing.pcap"), says="missing")
        with open(path, "rb") as file:
            self.assertEqual(file.read(), whole)
        self.assertEqual(os.listdir(self.folder), ["report.db"])
        self.bad("-q", "--sqlite", self.path("no/folder.db"), FLEET, says="no/folder.db: No such file or directory")
        self.bad("-q", "--sqlite", "/dev/full", FLEET, says="/dev/full: No space left on device")

    def test_names_of_files(self):
        """None of them is taken for what SQLite makes of such names."""
        for name in (":memory:", "file:x?mode=memory", "a'b;c"):
            self.good("-q", "--sqlite", name, FLEET, cwd=self.folder)
            base = sqlite3.connect(os.path.join(self.folder, name))
            self.assertEqual(base.execute("SELECT count(*) FROM connections").fetchone()[0], 15)
            base.close()

    def test_full_disk(self):
        """A database that does not fit leaves nothing behind."""
        done = run("-q", "--sqlite", self.path("report.db"), FLEET, preexec_fn=small_files)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr.decode(), r"\Amqttscope: [^\n]*report\.db: [^\n]+\n\Z")
        self.assertEqual(os.listdir(self.folder), [])


class Questions(TableCase):
    def test_questions(self):
        """Fifteen, each with the answer that docs/sqlite.md shows."""
        with open(os.path.join(SOURCE, "docs", "sqlite.md"), encoding="utf-8") as file:
            found = re.findall(r"^## \d+\. [^\n]+\n\n`([^`]+)`\n\n```sql\n(.*?)```\n```\n(.*?)```$", file.read(),
                               re.M | re.S)
        self.assertEqual(len(found), 15)
        for capture, question, answer in found:
            with self.subTest(question=question):
                cursor = self.database(os.path.join(SOURCE, capture)).execute(question)
                lines = [" | ".join(column[0] for column in cursor.description)]
                lines += [" | ".join("" if value is None else str(value) for value in row) for row in cursor]
                self.assertEqual("\n".join(lines) + "\n", answer)
                self.assertGreater(len(lines), 1)


if __name__ == "__main__":
    unittest.main(argv=["test_tables.py", *sys.argv[3:]])
