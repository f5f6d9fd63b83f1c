#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of --html, as a file: what is in it, without a browser (tests/web has one).

    test_html.py MQTTSCOPE SOURCE-FOLDER [-v] [TestClass[.test]]
"""
import base64
import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

from mqtt_pcap import CLIENT, SERVER, Capture, connack, connect, packet, publish

MQTTSCOPE, SOURCE = sys.argv[1:3]
CAPTURES = sorted(glob.glob(os.path.join(SOURCE, "captures", "*.pcap*")))
PAGE = re.compile(r'\A(.*<script type="application/json" id="data">)(.*?)(</script>\n<script>(.*)</script>\n</body>.*)\Z', re.S)


def run(*arguments):
    done = subprocess.run([MQTTSCOPE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    if done.returncode not in (0, 2):
        raise AssertionError(done.stderr.decode())
    return done.stdout.decode()


def data_of(*arguments):
    return json.loads(PAGE.match(run("--html", "-", *arguments)).group(2))


def values(column, rows):
    """A column's numbers, as audit/report/columnar.h says."""
    if "values" in column:
        return column["values"]
    if "steps" in column:
        total, made = 0, []
        for step in column["steps"]:
            total += step
            made.append(total)
        return made
    made = [column["most"] if "most" in column else column["all"]] * rows
    row = 0
    for distance, value in zip(column.get("at", ()), column.get("is", ())):
        row += distance
        made[row] = value
    return made


class Table:
    def __init__(self, data, name):
        table = data["tables"].get(name, {"rows": 0, "of": 0, "columns": []})
        self.words, self.rows, self.of = data["words"], table["rows"], table["of"]
        self.columns = {column["key"]: (column["kind"], values(column, self.rows)) for column in table["columns"]}
        for _, numbers in self.columns.values():
            assert len(numbers) == self.rows

    def get(self, key, row):
        if key not in self.columns:
            return None
        kind, numbers = self.columns[key]
        value = numbers[row]
        if value is None:
            return None
        if kind == "word":
            return self.words[value]
        if kind == "bool":
            return value != 0
        if kind == "text":
            text, number = self.words[value], 0
            while "\1" in text:
                text = text.replace("\1", str(self.columns[f"{key}#{number}"][1][row]), 1)
                number += 1
            return text
        return value


def flat(row, path=""):
    """{path: value} of an object of the report in JSON, as far as tables have it."""
    made = {}
    for key, value in row.items():
        at = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            made.update(flat(value, at))
        elif not isinstance(value, list):
            made[at] = value
    return made


class Data(unittest.TestCase):
    def test_tables_say_what_the_json_says(self):
        compared = 0
        for capture in CAPTURES:
            report, data = json.loads(run("--json", "-", capture)), data_of(capture)
            for name, rows in (("connections", report["connections"]), ("sessions", report["sessions"]),
                               ("findings", report["findings"]), ("topics", report["topics"]),
                               ("deliveries", report["deliveries"]["rows"])):
                table = Table(data, name)
                self.assertEqual(table.rows, len(rows), (capture, name))
                for i, row in enumerate(rows):
                    for key, value in flat(row).items():
                        kind = table.columns.get(key, ("",))[0]
                        if kind == "time" or key.endswith(("_hex", "_length")) or key in ("title", "assertions") or \
                                key.startswith("real_client"):
                            continue
                        shown = table.get(key, i)
                        if isinstance(value, str) and not (value.isascii() and value.isprintable() and "\\" not in value):
                            continue
                        self.assertEqual(shown, value, (capture, name, i, key))
                        compared += 1
            self.assertEqual(data["totals"], report["totals"], capture)
            self.assertEqual(data["diagnoses"], report["diagnoses"], capture)
            self.assertEqual(data["capture"], report["capture"], capture)
        self.assertGreater(compared, 50000)

    def test_statements_and_times(self):
        report, data = json.loads(run("--json", "-", CAPTURES[0])), data_of(CAPTURES[0])
        table = Table(data, "findings")
        for i, finding in enumerate(report["findings"]):
            self.assertEqual(table.get("statements", i) or "", " ".join(finding["statements"]))
        fleet = os.path.join(SOURCE, "captures", "fleet.pcapng")
        table = Table(data_of(fleet), "findings")
        self.assertEqual([table.get("time", i) for i in range(3)], [310192, 562436, 814176])

    def test_ladders(self):
        data = data_of(os.path.join(SOURCE, "captures", "fleet.pcapng"))
        ladder = next(each for each in data["ladders"] if each["rule"] == "qos-2-without-pubrel")
        names = [(data["words"][rung[2]], "server" if rung[3] else "client", rung[4], rung[5]) for rung in ladder["rungs"]]
        self.assertEqual(names, [("CONNECT", "client", 0, 0), ("CONNACK", "server", 0, 195),
                                 ("PUBLISH", "client", 1, 0), ("PUBREC", "server", 1, 199)])
        self.assertEqual((ladder["frame"], ladder["end_cause"]), (200, "open"))

    def test_ladders_are_bounded(self):
        capture = Capture()
        capture.talk([(CLIENT, connect("c")), (SERVER, connack())] + 500 * [(SERVER, packet(0x40, b"\x00\x07"))])  # of nothing
        data = self.made(capture)
        self.assertEqual(len(data["ladders"]), data["ladders_a_rule"])
        self.assertEqual(data["ladders_left_out"] + len(data["ladders"]), Table(data, "findings").rows)
        self.assertGreater(Table(data, "findings").rows, 400)
        for ladder in data["ladders"]:
            self.assertLessEqual(len(ladder["rungs"]), 40)

    def test_activity_adds_up(self):
        for name in ("fleet", "reconnect-storm", "slow-consumer", "clock-step"):
            path = os.path.join(SOURCE, "captures", f"{name}.pcapng")
            report, data = json.loads(run("--json", "-", path)), data_of(path)
            activity = data["activity"]
            self.assertEqual(sum(activity["published"]) + sum(activity["delivered"]),
                             sum(each["control_packets"].get("PUBLISH", {}).get(side, 0)
                                 for each in report["connections"] for side in ("client", "server")), name)
            self.assertEqual(sum(activity["errors"]), report["totals"]["findings"]["error"], name)
            self.assertEqual(sum(activity["warnings"]), report["totals"]["findings"]["warning"], name)
            self.assertEqual(sum(activity["ends"]), report["totals"]["connections"], name)
            self.assertLessEqual(len(activity["open"]), 512)

    def test_handshakes_are_the_slowest(self):
        path = os.path.join(SOURCE, "captures", "slow-consumer.pcapng")
        report, data = json.loads(run("--json", "-", path)), data_of(path)
        for number in ("1", "2"):
            for direction, by_server in (("client_to_server", False), ("server_to_client", True)):
                latency = report["totals"]["handshakes"][direction][number]["latency_us"]
                took = [each["took"] for each in data["handshakes"]
                        if each["what"] == f"QoS {number}" and each["by_server"] == by_server and "took" in each]
                if latency is None:
                    self.assertEqual(took, [])
                    continue
                self.assertEqual(len(took), min(latency["count"], data["handshakes_a_kind"]))
                self.assertEqual(took, sorted(took, reverse=True))
                self.assertEqual(took[0], latency["max"])

    def made(self, capture, *more):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.pcap")
            with open(path, "wb") as file:
                file.write(capture.bytes())
            return data_of(path, *more)


class Hostile(unittest.TestCase):
    NASTY = [b"</script><script>alert(1)</script>", b"<!--<script>", b"\xe2\x80\xa8\xe2\x80\xae", b"${alert(1)}", b"\"'><img src=x onerror=alert(1)>"]

    def test_strings_end_no_script(self):
        for nasty in self.NASTY:
            capture = Capture()
            capture.talk([(CLIENT, connect(nasty)), (SERVER, connack()), (CLIENT, publish(b"t/" + nasty, b"x"))])
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "x.pcap")
                with open(path, "wb") as file:
                    file.write(capture.bytes())
                page = run("--html", "-", path)
            text = PAGE.match(page).group(2)
            self.assertNotIn("<", text)
            self.assertNotIn("\u2028", text)
            words = json.loads(text)["words"]
            self.assertTrue(any("alert" in word or "script" in word or "u{202e}" in word for word in words), nasty)


class Page(unittest.TestCase):
    def test_policy(self):
        with open(os.path.join(SOURCE, "audit", "report", "page.html"), encoding="utf-8", newline="") as file:
            page = file.read()
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page).group(1)
        self.assertTrue(policy.startswith("default-src 'none';"))
        self.assertNotIn("unsafe", policy)
        for name, text in (("script", PAGE.match(page).group(4)), ("style", re.search(r"<style>(.*?)</style>", page, re.S).group(1))):
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            self.assertIn(f"{name}-src 'sha256-{digest}'", policy)
        for name in ("uplot", "tabulator-tables", "lit", "lit-html"):
            self.assertRegex(page, rf"\n{name} \d+\.\d+\.\d+\n")
        self.assertGreaterEqual(page.count("Permission is hereby granted") + page.count("Redistribution and use"), 4)

    def test_page_is_whole_around_the_data(self):
        with open(os.path.join(SOURCE, "audit", "report", "page.html"), encoding="utf-8", newline="") as file:
            before, after = file.read().split('{"mqttscope":"data"}')
        written = run("--html", "-", CAPTURES[0])
        self.assertTrue(written.startswith(before))
        self.assertTrue(written.endswith(after))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
