#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--from and --to: what is said of a span of a capture is what is said of it in the whole.

    test_span.py MQTTSCOPE SOURCE-FOLDER [-v] [TestClass[.test]]
"""
import calendar
import glob
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from mqtt_pcap import CLIENT, SERVER, START, Capture, connack, connect, packet, publish, session

MQTTSCOPE, SOURCE = sys.argv[1:3]
CAPTURES = sorted(glob.glob(os.path.join(SOURCE, "captures", "*.pcap*")))
SECOND = 10**9


def nanoseconds(text):
    """Of a time as reports have it."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) * SECOND + int(text[20:29])


def run(*arguments, stdin=b""):
    return subprocess.run([MQTTSCOPE, *arguments], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def good(self, *arguments, **more):
        done = run(*arguments, **more)
        self.assertEqual((done.stderr, done.returncode), (b"", 0))
        return done.stdout.decode()

    def bad(self, *arguments, says):
        done = run(*arguments)
        self.assertRegex(done.stderr.decode(), r"\Amqttscope: [^\n]+\n\Z")
        self.assertIn(says, done.stderr.decode())
        self.assertEqual((done.stdout, done.returncode), (b"", 2))

    def report(self, *arguments):
        return json.loads(self.good("--json", "-", *arguments))


def three_clients():
    """A client a second, each with a PUBLISH that has QoS 3."""
    capture = Capture()
    for number in range(3):
        capture.time = START + number * SECOND
        capture.talk(session("client-%d" % number, messages=[publish("bad", b"", 0x36, 1)]))
    return capture


class Words(Case):
    """START is 2023-11-14T22:13:20Z."""

    def setUp(self):
        super().setUp()
        self.capture = self.path("three.pcap", three_clients().bytes())

    def clients(self, *arguments):
        return [connection["client_id"][-1] for connection in self.report(*arguments, self.capture)["connections"]]

    def test_offsets(self):
        for when in ("1", "1s", "1.0", "1000ms", "0.9s99ms", "0h0m1s", "1000000us", "999ms1000000ns", "0.00028h"):
            self.assertEqual(self.clients("--from", when), ["1", "2"] if when != "0.00028h" else ["2"], when)
        self.assertEqual(self.clients("--from", "0"), ["0", "1", "2"])
        self.assertEqual(self.clients("--to", "1.5"), ["0", "1"])
        self.assertEqual(self.clients("--from", "500ms", "--to", "1m"), ["1", "2"])

    def test_times(self):
        for when in ("2023-11-14T22:13:21Z", "2023-11-14T22:13:21.000Z", "2023-11-14t22:13:21z",
                     "2023-11-15T00:13:21+02:00", "2023-11-14T20:43:21.000000000-01:30"):
            self.assertEqual(self.clients("--from", when), ["1", "2"], when)
        self.assertEqual(self.clients("--from", "2023-11-14T22:13:21.0001Z"), ["2"])
        self.assertEqual(self.clients("--from", "1970-01-01T00:00:00Z", "--to", "2023-11-14T22:13:21.5Z"), ["0", "1"])
        self.assertEqual(self.clients("--from", "2023-11-14T22:13:21Z", "--to", "1.5"), ["1"])

    def test_both_ends_belong_to_it(self):
        self.assertEqual(self.report("--from", "1", "--to", "1", self.capture)["capture"]["packets"],
                         self.report("--to", "999999999ns", self.capture)["capture"]["packets"] + 1)

    def test_wrong_words(self):
        for option in ("--from", "--to"):
            self.bad(option + "=", self.capture, says="needs an argument that is not empty")
            for when in ("x", "-5", "+5", "1x", "1s1m", "1m1m", "1.", ".5", "1.s", " 1", "1 ", "1s5", "1e3",
                         "99999999999", "9999999999h", "2023-11-14", "2023-11-14T22:13:21", "2023-13-01T00:00:00Z",
                         "2023-02-29T00:00:00Z", "2023-11-14T24:00:00Z", "2023-11-14T22:13:21+2", "1500-01-01T00:00:00Z",
                         "2023-11-14T22:13:21.Z", "9999-01-01T00:00:00Z", "2023-11-14T22:13:21Zulu", "1\033[2J"):
                self.bad(option + "=" + when, self.capture, says=option + " takes a time")

    def test_empty_spans(self):
        self.bad("--from", "2", "--to", "1", self.capture, says="--to is before --from")
        self.bad("--from", "2", "--to", "2023-11-14T22:13:21Z", self.capture, says="--to is before --from")
        self.bad("--from", "3", self.capture, says="no packet between --from and --to: those read are from 2023-11-14T22:13:20.0")
        self.bad("--from", "1.2", "--to", "1.4", self.capture, says="no packet between")
        self.bad("--to", "2023-11-14T22:13:19Z", self.capture, says="no packet before --to")

    def test_what_is_wrong_writes_no_file(self):
        target = self.path("report.json", b"old")
        self.bad("--from", "3", "--json", target, self.capture, says="no packet")
        with open(target, "rb") as file:
            self.assertEqual(file.read(), b"old")

    def test_text(self):
        text = self.good("--from", "1", "--to", "1.5", "-q", self.capture)
        self.assertIn("only what happened from +1.000 s (2023-11-14T22:13:21.000000000Z) to +1.500 s",
                      " ".join(text.split()))
        self.assertIn("client-1", text)
        self.assertNotIn("client-0", text)
        self.assertNotIn("only what happened", self.good(self.capture))

    def test_json(self):
        capture = self.report("--from", "1", "--to", "1.5", self.capture)["capture"]
        self.assertEqual((capture["from"], capture["to"]), ("2023-11-14T22:13:21.000000000Z", "2023-11-14T22:13:21.500000000Z"))
        self.assertFalse({"from", "to"} & set(self.report(self.capture)["capture"]))


class State(Case):
    """A subscriber connects, subscribes with QoS 1 and falls silent; a publisher publishes twice, the second time in the
    span; each is delivered, the first one a second late."""

    def setUp(self):
        super().setUp()
        capture = Capture()
        sub, pub = capture.open(), capture.open()

        def says(connection, side, data):
            capture.segment(connection, side, 0x18, data)

        says(sub, CLIENT, connect("sub"))
        says(sub, SERVER, connack())
        says(sub, CLIENT, packet(0x82, b"\0\1\0\1t\1"))
        says(sub, SERVER, packet(0x90, b"\0\1\1"))
        says(pub, CLIENT, connect("pub"))
        says(pub, SERVER, connack())
        for number in (1, 2, 3):
            says(pub, CLIENT, publish("t", b"%d" % number, 0x32, number))
            says(pub, SERVER, packet(0x40, bytes([0, number])))
            if number == 2:
                capture.time = START + 5 * SECOND
                says(sub, SERVER, publish("t", b"2", 0x32, 2))
            elif number == 1:
                says(sub, SERVER, publish("t", b"1", 0x32, 1))
            else:
                says(sub, SERVER, publish("t", b"3", 0x32, 3))
            says(sub, CLIENT, packet(0x40, bytes([0, number])))
        capture.close(pub)
        capture.close(sub)
        self.capture = self.path("state.pcap", capture.bytes())

    def test_names_from_before(self):
        """Who is who was said before the span."""
        report = self.report("--from", "3", self.capture)
        self.assertEqual([connection["client_id"] for connection in report["connections"]], ["sub", "pub"])
        self.assertEqual({connection["version"] for connection in report["connections"]}, {"3.1.1"})
        self.assertEqual(report["capture"]["limits"], [])

    def test_deliveries(self):
        """Due are the one that was due by then and the one of the span."""
        rows = self.report("--from", "3", self.capture)["deliveries"]["rows"]
        self.assertEqual([(row["client_id"], row["expected"], row["delivered"]) for row in rows], [("sub", 2, 2)])
        rows = self.report(self.capture)["deliveries"]["rows"]
        self.assertEqual([(row["client_id"], row["expected"], row["delivered"]) for row in rows], [("sub", 3, 3)])

    def test_topics(self):
        topics = self.report("--from", "3", self.capture)["topics"]
        self.assertEqual([(topic["topic"], topic["published"], topic["delivered"]) for topic in topics], [("t", 1, 2)])

    def test_events(self):
        events = [json.loads(line) for line in self.good("--ndjson", "-", "--from", "3", self.capture).splitlines()]
        kinds = [event["event_type"] for event in events]
        self.assertEqual(kinds.count("connection-opened"), 2)
        self.assertEqual(kinds.count("connection-closed"), 2)
        self.assertEqual((kinds.count("published"), kinds.count("delivered")), (1, 2))
        for event in events:
            if "frame" in event and event["event_type"] not in ("file-begin", "limit"):
                self.assertGreaterEqual(nanoseconds(event["timestamp"][:19] + "." + event["timestamp"][20:29]),
                                        START + 3 * SECOND)
        first = [event for event in events if event.get("mqtt", {}).get("client_id") == "sub"]
        self.assertEqual(first[0]["event_type"], "connection-opened")
        self.assertEqual(len({(event["frame"], event["ordinal"]) for event in events}), len(events))

    def test_several_files(self):
        """What is behind --to is in no file that follows."""
        later = Capture()
        later.ports = 50000
        later.time = START + 10 * SECOND
        later.talk(session("later"))
        later = self.path("later.pcap", later.bytes())
        def names(*span):
            return {row["client_id"] for row in self.report(*span, self.capture, later)["connections"]}
        self.assertEqual(names("--to", "8"), {"sub", "pub"})
        self.assertEqual(names("--from", "8"), {"later"})
        self.assertEqual(names("--from", "3"), {"sub", "pub", "later"})


def cut(content, to):
    """A pcap file of this order of bytes without the packets later than `to`."""
    assert content[:4] == struct.pack("<I", 0xA1B23C4D)
    out, at = content[:24], 24
    while at < len(content):
        seconds, rest, length = struct.unpack_from("<III", content, at)
        if seconds * SECOND + rest > to:
            break
        out += content[at:at + 16 + length]
        at += 16 + length
    return out


class Captures(Case):
    """All captures, from several moments on, and up to them."""

    @staticmethod
    def alike(findings):
        """But for their connections' numbers in the report."""
        return [{key: value for key, value in finding.items() if key != "connection"} for finding in findings]

    def spans(self):
        for path in CAPTURES:
            whole = self.report(path)
            begins, ends = whole["capture"]["first_time"], whole["capture"]["last_time"]
            if begins is not None and "clock-step" not in path:  # its first packet is the latest
                begins, ends = nanoseconds(begins), nanoseconds(ends)
                for part in (0, 3, 5, 8):
                    yield path, whole, begins, (ends - begins) * part // 10

    def test_from(self):
        """The same findings, no more diagnoses, and sums that hold."""
        some = 0
        for path, whole, begins, offset in self.spans():
            with self.subTest(os.path.basename(path), offset=offset):
                report = self.report("--from", "%dns" % offset, path)
                expected = [row for row in whole["findings"] if nanoseconds(row["time"]) >= begins + offset]
                self.assertEqual(self.alike(report["findings"]), self.alike(expected))
                self.assertLessEqual({row["id"] for row in report["diagnoses"]}, {row["id"] for row in whole["diagnoses"]})
                some += len(expected) if offset > 0 else 0
                totals = report["deliveries"]["totals"]
                self.assertEqual(totals["expected"],
                                 sum(totals[key] for key in ("delivered", "lost", "dropped_qos_0", "pending"))
                                 + sum(totals["excused"].values()))
                if offset == 0:
                    del report["capture"]["from"]
                    self.assertEqual(report, whole)
        self.assertGreater(some, 100)

    def test_to(self):
        """The same as of a file that ends there: also of one whose frames are these."""
        capture = three_clients().bytes()
        for offset in (0, 5000, SECOND, SECOND + 4000):
            path = self.path("whole.pcap", capture)
            report = self.report("--to", "%dns" % offset, path)
            del report["capture"]["to"]
            other = self.report(self.path("whole.pcap", cut(capture, START + offset)))
            self.assertEqual(report, other)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
