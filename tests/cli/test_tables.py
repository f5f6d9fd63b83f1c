#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--sqlite and --csv: the tables say what the report and the events say; the questions of docs/sqlite.md have their answers.

    test_tables.py MQTTSCOPE SOURCE-FOLDER [-v] [TestClass[.test]]
"""
import csv
import json
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import unittest

from mqtt_pcap import Capture, publish, session
from test_cli import CAPTURES, FLEET, MQTTSCOPE, SOURCE, Case, run

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


def small_files(size=100000):
    """The disk is full at this size; SIGXFSZ would end the program."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


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


class Csv(TableCase):
    def tables(self, *arguments):
        """{table: rows as dictionaries}"""
        folder = self.path("csv")
        self.good("-q", "--csv", folder, *arguments)
        tables = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
                tables[name[:-4]] = list(csv.DictReader(file, strict=True))
        return tables

    def test_same_tables(self):
        """File by file, row by row, field by field what the database has."""
        for capture in CAPTURES:
            with self.subTest(capture=os.path.basename(capture)):
                base, tables = self.database(capture), self.tables(capture)
                names = [name for name, in map(tuple, base.execute(
                    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name != 'dictionary'"))]
                self.assertEqual(sorted(tables), sorted(names))
                for name in names:
                    rows = self.rows(base, name)
                    self.assertEqual(len(rows), len(tables[name]), name)
                    for row, fields in zip(rows, tables[name]):
                        self.assertEqual(list(row), list(fields))
                        for key, value in row.items():
                            self.assertTrue(self.same(base, key, value, fields[key]), (name, key, value, fields[key]))

    def same(self, base, key, value, field):
        if value is None:
            return field == ""
        if key.endswith("time"):
            return nanoseconds(base, field) == value
        if field in ("true", "false"):
            return value == (field == "true")
        if isinstance(value, bytes) or "\\" in field:
            return field.isprintable()
        return str(value) == re.sub("^( *)'", r"\1", field)

    def test_fields(self):
        """What a spreadsheet would run, or a reader of lines would trip over."""
        topics = {"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", " =1": "' =1", "'x": "''x",
                  "\uff1d1": "'\uff1d1", "\t=1": "\\t=1", "\r\n=1": "\\r\\n=1", "a,b": "a,b", 'a"b': 'a"b',
                  "a=b": "a=b", "plain": "plain", " blank ": " blank ", b"\xff": "\\xff", "a\\b": "a\\\\b"}
        capture = Capture()
        capture.talk(session(messages=[publish(topic, b"1") for topic in topics]))
        path = self.path("any.pcap", capture.bytes())
        self.assertEqual([row["topic"] for row in self.tables(path)["publications"]], list(topics.values()))
        with open(os.path.join(self.path("csv"), "publications.csv"), "rb") as file:
            lines = file.read().split(b"\r\n")
        self.assertEqual(len(lines), 1 + len(topics) + 1)
        self.assertEqual(lines[-1], b"")
        self.assertTrue(lines[0].startswith(b"connection,frame,time,topic,"))
        self.assertIn(b',"a,b",', lines[10])
        self.assertIn(b',"a""b",', lines[11])
        self.assertFalse(any(b"\r" in line or b"\n" in line for line in lines))

    def test_folder(self):
        """It is made if it is not there; what else is in it stays; a failure leaves nothing behind."""
        folder = self.path("csv")
        self.bad("--csv", folder, self.path("missing.pcap"), says="missing")
        self.assertEqual(os.listdir(self.folder), [])
        os.mkdir(folder)
        for name in ("mine.csv", "topics.csv"):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(b"old")
        self.bad("--csv", folder, self.path("missing.pcap"), says="missing")
        self.assertEqual(sorted(os.listdir(folder)), ["mine.csv", "topics.csv"])
        self.good("-q", "--csv", folder, FLEET)
        with open(os.path.join(folder, "mine.csv"), "rb") as file:
            self.assertEqual(file.read(), b"old")
        with open(os.path.join(folder, "topics.csv"), "rb") as file:
            self.assertNotEqual(file.read(), b"old")
        self.bad("-q", "--csv", self.path("no/folder"), FLEET, says="no/folder: No such file or directory")
        self.bad("-q", "--csv", self.path("file", b""), FLEET, says="file/[a-z]+.csv: Not a directory")
        self.bad("--csv", "-", FLEET, says="--csv takes a folder")

    def test_full_disk(self):
        done = run("-q", "--csv", self.path("csv"), "--sqlite", self.path("x.db"), FLEET,
                   preexec_fn=lambda: small_files(2000))
        self.assertEqual(done.returncode, 2)
        self.assertIn("csv/", done.stderr.decode())
        self.assertFalse([name for name in os.listdir(self.path("csv")) if not name.endswith(".csv")])


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


class Recipes(TableCase):
    def test_jq(self):
        """Those of docs/recipes.md that need nothing but a shell and jq."""
        with open(os.path.join(SOURCE, "docs", "recipes.md"), encoding="utf-8") as file:
            recipes = re.findall(r"^```sh\n(.*?)```$", file.read(), re.M | re.S)
        answers = []
        for recipe in recipes:
            if "clickhouse" in recipe:
                continue
            for name, path in (("-i eth0", FLEET), ("captures/fleet.pcapng", FLEET), ("mqttscope --", MQTTSCOPE + " --")):
                recipe = recipe.replace(name, path, 1) if path not in recipe else recipe
            answers.append(subprocess.run(["sh", "-ec", recipe], check=True, stdout=subprocess.PIPE, text=True).stdout)
        self.assertEqual(len(answers), 2)
        self.assertEqual(answers[0], "")  # there is no error in this capture
        self.assertEqual(answers[1].split("\n", maxsplit=1)[0].split(), ["4", "gateway-3", "client-taken-over"])


if __name__ == "__main__":
    unittest.main(argv=["test_tables.py", *sys.argv[3:]])
