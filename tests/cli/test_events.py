#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--ndjson: what its lines hold, where and when they come, and that they add up to the report.

    test_events.py MQTTSCOPE SOURCE-FOLDER [-v] [TestClass[.test]]
"""
import base64
import collections
import hashlib
import ipaddress
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

import jsonschema

from mqtt_pcap import (CLIENT, DISCONNECT, SERVER, Capture, connack, connack_5, connect, connect_5, packet, publish,
                       session)
from test_cli import CAPTURES, FLEET, deliveries, HOSTILE, MQTTSCOPE, SOURCE, Case, run, strict


def load_schema():
    with open(os.path.join(SOURCE, "docs", "events.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    strictly = strict(schema)
    # The branches of the choice say only what differs.
    for branch in strictly["oneOf"]:
        branch.pop("unevaluatedProperties", None)
    strictly["properties"]["mqtt"].pop("unevaluatedProperties", None)
    return [jsonschema.Draft202012Validator(one) for one in (schema, strictly)]


SCHEMAS = load_schema()


def validate(event):
    for validator in SCHEMAS:
        validator.validate(event)


def lines(text):
    """The events in what was written."""
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def community_id(source, source_port, destination, destination_port):
    """As its specification has it, computed anew."""
    ends = sorted((ipaddress.ip_address(address).packed, port)
                  for address, port in ((source, source_port), (destination, destination_port)))
    data = struct.pack("!H", 0) + ends[0][0] + ends[1][0] + struct.pack("!BBHH", 6, 0, ends[0][1], ends[1][1])
    return "1:" + base64.b64encode(hashlib.sha1(data).digest()).decode()


class EventCase(Case):
    def events(self, *arguments, **more):
        return lines(self.good("--ndjson", "-", *arguments, **more))

    def of(self, events, kind):
        return [event for event in events if event["event_type"] == kind]


def seconds(count):
    return count * 10**9


def publish_5(topic, identifier, dup=False):
    """QoS 1, without properties."""
    return publish(topic, b"\0x", 0x3A if dup else 0x32, identifier)


def lives():
    """Two clients and their sessions of 30 seconds: one comes back within them and once more after them, the other
    never."""
    capture = Capture()
    capture.talk([(CLIENT, connect_5("stays-away", 30)), (SERVER, connack_5()), (SERVER, publish_5("u", 3)),
                  (CLIENT, DISCONNECT)])
    capture.talk([(CLIENT, connect_5("returns", 30)), (SERVER, connack_5()), (CLIENT, publish_5("t", 7)),
                  (CLIENT, publish_5("t", 8))])
    capture.time += seconds(10)
    capture.talk([(CLIENT, connect_5("returns", 30)), (SERVER, connack_5(True)), (CLIENT, publish_5("t", 7, dup=True)),
                  (SERVER, packet(0x40, b"\0\7"))])
    capture.time += seconds(40)
    capture.talk([(CLIENT, connect_5("returns", 30)), (SERVER, connack_5())])
    return capture


class Events(EventCase):
    def test_schema(self):
        kinds = set()
        for path, data in [*((path, None) for path in CAPTURES), ("-", lives().bytes())]:
            for event in self.events(path, stdin=data):
                with self.subTest(os.path.basename(path), event=event["event_type"], frame=event["frame"]):
                    validate(event)
                kinds.add(event["event_type"])
        self.assertEqual(kinds, set(SCHEMAS[0].schema["properties"]["event_type"]["enum"]))

    def test_schema_can_fail(self):
        events = self.events(FLEET)
        published = self.of(events, "published")[0]
        for spoil in (lambda e: e.pop("timestamp"), lambda e: e.update(event_type="published!"),
                      lambda e: e["mqtt"].pop("topic"), lambda e: e["mqtt"].update(qos="1"), lambda e: e.pop("src_ip"),
                      lambda e: e["mqtt"].update(connection=0), lambda e: e.update(event_type="delivered", proto="UDP")):
            spoiled = json.loads(json.dumps(published))
            spoil(spoiled)
            with self.assertRaises(jsonschema.ValidationError):
                SCHEMAS[0].validate(spoiled)
        for add in (lambda e: e.update(undescribed=1), lambda e: e["mqtt"].update(undescribed=1)):
            spoiled = json.loads(json.dumps(published))
            add(spoiled)
            SCHEMAS[0].validate(spoiled)
            with self.assertRaises(jsonschema.ValidationError):
                SCHEMAS[1].validate(spoiled)

    def test_order(self):
        """Frames never fall, ordinals count within a frame, and a connection's events lie between its first and last."""
        for path in CAPTURES:
            last = (0, -1)
            life = {}
            for event in self.events(path):
                place = (event["frame"] or 0, event["ordinal"])
                self.assertIn(place, ((last[0], last[1] + 1), (place[0], 0)), path)
                self.assertGreater(place, last, path)
                last = place
                number = event["mqtt"].get("connection")
                if number is None:
                    continue
                kind = event["event_type"]
                self.assertEqual(life.get(number, "none") == "none", kind == "connection-opened", path)
                self.assertNotEqual(life.get(number), "connection-closed", path)
                life[number] = kind
            self.assertLessEqual(set(life.values()), {"connection-closed"}, path)

    def test_community_id(self):
        # The first vector of the specification itself.
        self.assertEqual(community_id("128.232.110.120", 34855, "66.35.250.204", 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=")
        for path in CAPTURES:
            for event in self.events(path):
                if "src_ip" in event:
                    expected = community_id(event["src_ip"], event["src_port"], event["dest_ip"], event["dest_port"])
                    self.assertEqual(event["community_id"], expected, path)

    def test_fleet(self):
        """What MANIFEST says of fleet.pcapng, as a pipeline would ask for it."""
        events = self.events(FLEET)
        takeovers = [e["mqtt"]["client_id"] for e in self.of(events, "session-taken-over")]
        self.assertEqual(takeovers, ["gateway-3"] * 4)
        given_up = {e["mqtt"]["client_id"]: e["mqtt"]["awaits"] for e in self.of(events, "handshake-given-up")}
        self.assertEqual(given_up, {"valve-7": "PUBCOMP", "meter-9": "PUBREL"})
        resumed = [e["mqtt"]["client_id"] for e in self.of(events, "session-resumed")]
        self.assertIn("valve-7", resumed)
        subscribed = self.of(events, "subscribed")[0]["mqtt"]
        self.assertEqual([f["filter"] for f in subscribed["filters"]], ["plant/#"])
        self.assertEqual(subscribed["reason_codes"], [2])
        refused = [e for e in self.of(events, "handshake-done") if e["mqtt"]["refused"]]
        self.assertEqual([(e["mqtt"]["client_id"], e["mqtt"]["reason_code"]) for e in refused], [("intruder", 5)])

    def test_lives(self):
        """Two PUBLISH are owed, one comes again; the session expires with the other one, and one of nobody's."""
        path = self.path("lives.pcap", lives().bytes())
        told = [(e["event_type"], e["mqtt"]["client_id"], e["mqtt"].get("after"), e["mqtt"].get("offline_us"),
                 [e["mqtt"]["waiting"][way]["publish"] for way in ("client_to_server", "server_to_client")]
                 if e["mqtt"].get("waiting") else None)
                for e in self.events(path) if e["event_type"].startswith("session-")]
        self.assertEqual(told, [
            ("session-began", "stays-away", "first", None, None),
            ("session-offline", "stays-away", None, None, [0, 1]),
            ("session-began", "returns", "first", None, None),
            ("session-offline", "returns", None, None, [2, 0]),
            ("session-resumed", "returns", "offline", 10000004, [2, 0]),
            ("session-offline", "returns", None, None, [1, 0]),
            ("session-expired", "returns", None, 40000004, [1, 0]),
            ("session-began", "returns", "expired", 40000004, [1, 0]),
            ("session-offline", "returns", None, None, [0, 0]),
            ("session-expired", "stays-away", None, 50000024, [0, 1]),
        ])
        report = json.loads(self.good("--json", "-", path))
        away, returns = report["sessions"]
        self.assertEqual((away["state"], away["expired"], away["owed"]["server_to_client"]["dropped"]), ("expired", 1, 1))
        self.assertEqual((returns["state"], returns["expired"], returns["resumed"], returns["began"]), ("offline", 1, 1, 2))
        self.assertEqual((returns["offline_spans"], returns["offline_us"], returns["longest_offline_us"]),
                         (2, 50000008, 40000004))
        self.assertEqual(returns["end_causes"], {"client-closed": 3})
        self.assertEqual({key: count for key, count in returns["owed"]["client_to_server"].items() if count},
                         {"publish": 3, "resumed": 2, "resent": 1, "finished": 1, "not_resent": 1, "dropped": 1})

    def test_legs(self):
        """A QoS 2 handshake names its four packets, and took from the first to the last."""
        events = self.events(FLEET)
        done = [e["mqtt"] for e in self.of(events, "handshake-done")
                if e["mqtt"]["handshake"] == "qos-2" and e["mqtt"]["took_us"] is not None]
        self.assertTrue(done)
        for handshake in done:
            self.assertEqual([leg["packet"] for leg in handshake["legs"]], ["PUBLISH", "PUBREC", "PUBREL", "PUBCOMP"])
            nanoseconds = [int(leg["time"][20:29]) + 10**9 * int(leg["time"][17:19]) for leg in handshake["legs"]]
            self.assertEqual((nanoseconds[3] - nanoseconds[0]) % (60 * 10**9) // 1000, handshake["took_us"])

    def test_deliveries(self):
        """A delivery names its publication, and the counts of a topic and a client come at the end."""
        events = self.events(self.path("deliveries.pcap", deliveries().bytes()))
        published = {(e["mqtt"]["topic"], e["mqtt"]["packet_identifier"]): e["frame"] for e in self.of(events, "published")}
        told = [(e["mqtt"]["topic"], e["mqtt"].get("publication")) for e in self.of(events, "delivered")]
        quick = {"latency_us": 2, "late": False}
        self.assertEqual(told, [
            ("plant/1/speed", {"frame": published["plant/1/speed", 1], **quick}),
            ("plant/1/speed", {"frame": published["plant/1/speed", 3], **quick}),
            ("plant/2/speed", {"frame": published["plant/2/speed", 4], **quick}),
            ("plant/2/speed", None),
            ("plant/2/state", {"frame": published["plant/2/state", 5], "latency_us": 250002, "late": False}),
        ])
        rows = {}
        for row in (e["mqtt"] for e in self.of(events, "deliveries")):  # they add up
            whole = rows.setdefault(row["topic"], {**row, "expected": 0, "lost": 0, "twice": 0})
            for key in ("expected", "lost", "twice"):
                whole[key] += row[key]
        self.assertEqual({topic: (row["client_id"], row["expected"], row["lost"], row["twice"]) for topic, row in rows.items()},
                         {"plant/1/speed": ("sub", 3, 1, 0), "plant/2/speed": ("sub", 1, 0, 1), "plant/2/state": ("sub", 1, 0, 0)})
        self.assertEqual(rows["plant/2/state"]["broker"], {"address": "10.0.0.2", "port": 1883})
        self.assertEqual({e["mqtt"]["rule"]: e["mqtt"].get("topic") for e in self.of(events, "finding")},
                         {"delivery-lost": "plant/1/speed", "delivered-twice-qos-1": "plant/2/speed",
                          "closed-without-disconnect": None})

    def test_topic(self):
        """--topic leaves out what is about other topics, and findings that are about none."""
        events = self.events("--topic", "plant/1/#", self.path("deliveries.pcap", deliveries().bytes()))
        for kind in ("published", "delivered", "deliveries", "finding"):
            self.assertEqual({e["mqtt"].get("topic") for e in self.of(events, kind)}, {"plant/1/speed"}, kind)
        self.assertEqual(len(self.of(events, "connection-closed")), 2)

    def test_hostile(self):
        capture = Capture()
        for text in HOSTILE:
            capture.talk(session(text, messages=[publish(text, text), publish(text, b"", 0x36, 1)], user=text,
                                 password=b"hunter2"))
        done = run("--ndjson", "-", self.path("hostile.pcap", capture.bytes()))
        raw = done.stdout
        for byte in raw:
            self.assertTrue(byte == 10 or byte >= 32)
        self.assertNotIn(b"\xc2\x9b", raw)
        self.assertNotIn(b"hunter2", raw)
        events = lines(raw.decode("utf-8"))
        published = self.of(events, "published")
        self.assertEqual(len(published), len(HOSTILE))
        for text, event in zip(HOSTILE, published):
            validate(event)
            for key in ("topic", "client_id"):
                expected = text[:512].decode("utf-8", "replace")
                if "\ufffd" in expected:
                    self.assertEqual(event["mqtt"][key + "_hex"], text[:512].hex())
                else:
                    self.assertEqual(event["mqtt"][key], expected)
                    self.assertNotIn(key + "_hex", event["mqtt"])
                self.assertEqual(event["mqtt"].get(key + "_length"), len(text) if len(text) > 512 else None)

    def test_times(self):
        """Dates of every kind, a line each."""
        for nanoseconds, text in ((0, "1970-01-01T00:00:00.000000000Z"), (951782399_999999999, "2000-02-28T23:59:59.999999999Z"),
                                  (951782400_000000000, "2000-02-29T00:00:00.000000000Z"), (1709251199_5, "1970-01-01T00:00:17.092511995Z"),
                                  (4102444800_000000001, "2100-01-01T00:00:00.000000001Z")):
            capture = Capture()
            capture.time = nanoseconds
            capture.talk(session())
            capture.records = [(nanoseconds, data, length) for _, data, length in capture.records]
            times = {event["timestamp"] for event in self.events(self.path("time.pcap", capture.bytes()))}
            self.assertEqual(times, {text})

    def test_unreadable(self):
        """What can't be opened has no time, and leaves no file behind."""
        missing = self.path("missing.pcap")
        text = self.bad("--ndjson", "-", missing, says="missing.pcap")
        events = lines(text)
        self.assertEqual([e["event_type"] for e in events], ["file-begin", "limit", "file-end"])
        for event in events:
            validate(event)
            self.assertIsNone(event["timestamp"])
        path = self.path("events.ndjson", b"old")
        self.bad("--ndjson", path, missing, says="missing.pcap")
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"old")
        self.assertEqual(os.listdir(self.folder), ["events.ndjson"])

    def test_several_files(self):
        capture = Capture()
        capture.talk(session("one"))
        capture.talk(session("two"))
        halves = []
        for name, records in (("a.pcap", capture.records[:8]), ("b.pcap", capture.records[8:])):
            half = Capture()
            half.records = records
            halves.append(self.path(name, half.bytes()))
        events = self.events(*halves)
        begins = self.of(events, "file-begin")
        self.assertEqual([(e["mqtt"]["file"], e["mqtt"]["first_frame"]) for e in begins], list(zip(halves, (1, 9))))
        self.assertEqual([e["mqtt"]["packets"] for e in self.of(events, "file-end")], [8, len(capture.records) - 8])

    def test_selection(self):
        everything = self.events(FLEET)
        events = self.events("--client", "gateway-3", FLEET)
        self.assertEqual({e["mqtt"]["client_id"] for e in events if "connection" in e["mqtt"]}, {"gateway-3"})
        wanted = [e for e in everything if e["mqtt"].get("client_id") == "gateway-3"]
        # That a connection was opened is told when its client is known.
        self.assertEqual([e["event_type"] for e in events if "connection" in e["mqtt"]
                          and e["event_type"] != "connection-opened"], [e["event_type"] for e in wanted])
        self.assertEqual(len(self.of(events, "connection-opened")), 5)
        only = self.events("--only", "client-taken-over", FLEET)
        self.assertEqual({e["mqtt"]["rule"] for e in self.of(only, "finding")}, {"client-taken-over"})

    def test_finding_before_the_name(self):
        """With --client, what was found before the client identifier was known is not lost."""
        capture = Capture()
        body = bytes([5, 2]) + struct.pack(">H", 60) + b"\0" + b"\0\0"
        empty = packet(0x10, struct.pack(">H", 4) + b"MQTT" + body)
        assigned = packet(0x20, b"\0\0" + bytes([8]) + b"\x12" + struct.pack(">H", 5) + b"given")
        capture.talk([(CLIENT, publish("t", b"", 0x30)), (CLIENT, empty), (SERVER, assigned)])
        path = self.path("late.pcap", capture.bytes())
        whole = [e["mqtt"]["rule"] for e in self.of(self.events(path), "finding")]
        self.assertIn("first-packet-not-connect", whole)
        alone = self.events("--client", "given", path)
        self.assertEqual([e["mqtt"]["rule"] for e in self.of(alone, "finding")], whole)
        self.assertEqual(self.of(alone, "connection-identified")[0]["mqtt"]["client_id"], "given")
        self.assertEqual(self.of(self.events("--client", "other", path), "finding"), [])


class Where(EventCase):
    def test_file(self):
        """A file appears when it is whole, beside the text report."""
        path = self.path("events.ndjson")
        text = self.good("--ndjson", path, FLEET)
        self.assertIn("8 clients", text)
        self.assertEqual(os.listdir(self.folder), ["events.ndjson"])
        with open(path, encoding="utf-8") as file:
            self.assertEqual(lines(file.read()), self.events(FLEET))

    def test_both_formats(self):
        path = self.path("report.json")
        events = self.events("--json", path, FLEET)
        self.assertEqual(events, self.events(FLEET))
        with open(path, encoding="utf-8") as file:
            self.assertEqual(json.load(file), self.report(FLEET))

    def test_that_fails(self):
        """It is told before anything is read."""
        self.assertEqual(self.bad("--ndjson", self.path("no/folder"), FLEET, says="no/folder: No such file"), "")
        self.bad("--ndjson", "/dev/full", FLEET, says="/dev/full: No space left on device")
        with open("/dev/full", "wb") as full:
            self.bad("--ndjson", "-", FLEET, stdout=full, says="standard output: No space left on device")

    def content(self):
        """A capture that has come as far as the first of two PUBLISH packets, and all of it."""
        capture = Capture()
        capture.talk(session("client", messages=[publish("a", b"1"), publish("b", b"2")]))
        whole, records = capture.bytes(), capture.records
        capture.records = records[:5]
        return capture.bytes(), whole

    def test_at_once(self):
        """Lines come while the capture is still being written, through pipes of every kind."""
        early, whole = self.content()
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        for target in ("-", "/dev/stdout", fifo):
            with subprocess.Popen([MQTTSCOPE, "-q", "--ndjson", target, "-"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE) as process:
                output = open(fifo, "rb") if target == fifo else process.stdout
                process.stdin.write(early)
                process.stdin.flush()
                seen = []
                while not seen or seen[-1]["event_type"] != "published":
                    seen.append(json.loads(output.readline()))
                self.assertEqual(seen[-1]["mqtt"]["topic"], "a")
                self.assertIsNone(process.poll())
                process.stdin.write(whole[len(early):])
                process.stdin.close()
                rest = lines(output.read().decode())
                self.assertIn("b", [e["mqtt"].get("topic") for e in rest])
                self.assertEqual(process.wait(), 0)
                if target == fifo:
                    output.close()

    def test_not_at_once(self):
        """A file is not there before it is whole."""
        early, whole = self.content()
        path = self.path("events.ndjson")
        with subprocess.Popen([MQTTSCOPE, "-q", "--ndjson", path, "-"], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL) as process:
            process.stdin.write(early)
            process.stdin.flush()
            time.sleep(0.5)
            self.assertFalse(os.path.exists(path))
            process.stdin.write(whole[len(early):])
            process.stdin.close()
            self.assertEqual(process.wait(), 0)
        self.assertTrue(os.path.exists(path))

    def test_reader_leaves(self):
        """Then nobody reads on, though the capture goes on for ever."""
        early, _ = self.content()
        reader, writer = os.pipe()
        with subprocess.Popen([MQTTSCOPE, "--ndjson", "-", "-"], stdin=reader, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            os.close(reader)
            os.write(writer, early)
            process.stdout.readline()
            process.stdout.close()
            capture = Capture()
            capture.talk(session("more"))
            with self.assertRaises(BrokenPipeError):
                for _ in range(10000):
                    os.write(writer, capture.bytes()[24:])
                    time.sleep(0.001)
            os.close(writer)
            self.assertRegex(process.stderr.read().decode(), r"\Amqttscope: standard output: Broken pipe\n\Z")
            self.assertEqual(process.wait(), 2)

    def test_live(self):
        """From an interface: an event is on its way while the connection is still open."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with subprocess.Popen([MQTTSCOPE, "-i", "lo", "-f", "tcp port %d" % port, "--ndjson", "-"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                time.sleep(1)
                if process.poll() is not None:
                    self.skipTest("not allowed to capture")
                guard = threading.Timer(30, process.kill)
                guard.start()
                client = socket.create_connection(("127.0.0.1", port))
                other, _ = server.accept()
                client.sendall(connect("live"))
                other.recv(100)
                other.sendall(connack())
                client.recv(100)
                client.sendall(publish("now", b"x"))
                seen = []
                for line in process.stdout:
                    seen.append(json.loads(line))
                    if seen[-1]["event_type"] == "published":
                        break
                self.assertEqual(seen[-1]["mqtt"]["topic"], "now")
                client.close()
                other.close()
                process.send_signal(signal.SIGINT)
                self.assertIn("connection-closed", [e["event_type"] for e in lines(process.stdout.read().decode())])
                self.assertEqual(process.wait(), 0)
                guard.cancel()


def name_of(row, key="client_id"):
    """A string from the wire as what tells it from others."""
    return row.get(key + "_hex", row.get(key)), row.get(key + "_length")


def add(into, counts):
    for key, value in counts.items():
        if isinstance(value, dict):
            add(into.setdefault(key, {}), value)
        elif isinstance(value, int):
            into[key] = into.get(key, 0) + value


# What adds up of the messages of one topic to one client.
COUNTS = ("expected", "delivered", "lost", "twice", "dropped_qos_0", "late", "pending", "unknown", "retained", "excused")


class Fold:
    """The report's totals, made of lines."""

    def __init__(self, events):
        self.totals = collections.defaultdict(dict)
        self.totals["connections"] = 0
        self.rules, self.severities, self.limits = collections.Counter(), collections.Counter(), {}
        self.clients, self.accepted, self.topics, self.latencies = set(), set(), {}, {}
        self.packets, self.bytes, self.times = 0, 0, []
        self.deliveries, self.slowest = {}, []
        for event in events:
            kind = event["event_type"].replace("-", "_").replace("deliveries", "row")
            getattr(self, kind, lambda event: None)(event["mqtt"])

    def file_end(self, what):
        self.packets += what["packets"]
        self.bytes += what["bytes"]
        self.times += [what[key] for key in ("first_time", "last_time") if key in what]

    def limit(self, what):
        add(self.limits.setdefault(what["limit"], {}), {"count": what["count"], "bytes": what["bytes"]})

    def finding(self, what):
        self.rules[what["rule"]] += 1
        self.severities[what["severity"]] += 1

    def latency(self, direction, kind, microseconds):
        if microseconds is not None:
            self.latencies.setdefault((direction, kind), []).append(microseconds)

    def handshake_done(self, what):
        if not what["refused"]:
            self.latency(what["direction"], what["handshake"], what["took_us"])

    def ping(self, what):
        self.latency("client_to_server", "ping", what["rtt_us"])

    def message(self, what, by):
        if "resend_of" in what:
            return
        row = self.topics.setdefault(name_of(what, "topic"), collections.Counter())
        row[by] += 1
        row[by + "_bytes"] += what["payload_length"]
        row["retained"] += by == "delivered" and what["retain"]
        row["qos-%d" % what["qos"]] += 1

    def published(self, what):
        self.message(what, "published")

    def delivered(self, what):
        self.message(what, "delivered")
        if what.get("publication", {}).get("latency_us") is not None:
            self.slowest.append(what["publication"]["latency_us"])

    def row(self, what):
        name = name_of(what, "topic"), name_of(what), what["broker"]["address"], what["broker"]["port"], what.get("shared")
        counts = {key: what[key] for key in COUNTS}
        add(self.deliveries.setdefault(name, {}), counts)

    def connection_closed(self, what):
        totals = self.totals
        totals["connections"] += 1
        add(totals["versions"], {what["version"]: 1})
        add(totals["end_causes"], {what["end_cause"]: 1})
        add(totals["control_packets"], what["control_packets"])
        add(totals["bytes"], what["bytes"])
        handshakes = {**what["qos"], **{kind: what[kind] for kind in ("connect", "subscribe", "unsubscribe")}}
        add(totals["handshakes"], handshakes)
        if "client_id" in what:
            client = (name_of(what), what["server"]["address"], what["server"]["port"])
            self.clients.add(client)
            if what["end_cause"] != "refused":
                self.accepted.add(client)


class Totals(EventCase):
    """Folding the lines of a capture gives its report."""

    def check(self, path):
        report, fold = self.report(path), Fold(self.events(path))
        totals = report["totals"]
        for key in ("connections", "versions", "end_causes", "control_packets"):
            self.assertEqual(fold.totals[key] or {}, totals[key] or {}, key)
        self.assertEqual(fold.totals["bytes"] or {"client": 0, "server": 0}, totals["bytes"])
        self.assertEqual((len(fold.clients), len(fold.accepted)), (totals["clients"], totals["sessions"]))
        self.assertEqual({k: fold.severities[k] for k in ("error", "warning", "note")}, totals["findings"])
        self.assertEqual(dict(fold.rules), {rule["rule"]: rule["count"] for rule in report["rules"]})
        self.assertEqual({kind: limit["count"] for kind, limit in fold.limits.items()},
                         {limit["kind"]: limit["count"] for limit in report["capture"]["limits"]})
        self.assertEqual({kind: limit["bytes"] for kind, limit in fold.limits.items()},
                         {limit["kind"]: limit.get("bytes", 0) for limit in report["capture"]["limits"]})
        self.assertEqual((fold.packets, fold.bytes), (report["capture"]["packets"], report["capture"]["bytes"]))
        self.assertEqual(min(fold.times, default=None), report["capture"]["first_time"])
        self.assertEqual(max(fold.times, default=None), report["capture"]["last_time"])
        self.check_handshakes(fold, totals["handshakes"])
        self.check_topics(fold, report)
        self.check_deliveries(fold, report["deliveries"])

    def check_deliveries(self, fold, deliveries):
        again = Fold([])
        for row in deliveries["rows"]:
            again.row(row)
        self.assertEqual(again.deliveries, fold.deliveries)
        self.assertEqual(len(again.deliveries), len(deliveries["rows"]))
        sums = {}
        for counts in fold.deliveries.values():
            add(sums, counts)
            missing = counts["lost"] + counts["dropped_qos_0"] + counts["pending"] + sum(counts["excused"].values())
            self.assertEqual(counts["expected"], counts["delivered"] + missing)
        for key in COUNTS if sums else ():
            self.assertEqual(sums[key], deliveries["totals"][key], key)
        self.assertEqual([slow["latency_us"] for slow in deliveries["slowest"]], sorted(fold.slowest, reverse=True)[:20])
        if fold.slowest:
            latency = deliveries["totals"]["latency_us"]
            self.assertEqual((latency["count"], latency["max"]), (len(fold.slowest), max(fold.slowest)))

    def check_handshakes(self, fold, handshakes):
        rows = {("client_to_server", kind): handshakes[kind] for kind in ("connect", "subscribe", "unsubscribe", "ping")}
        for direction in ("client_to_server", "server_to_client"):
            for qos in ("1", "2"):
                rows[direction, "qos-" + qos] = handshakes[direction][qos]
                if fold.totals["connections"]:
                    counts = dict(handshakes[direction][qos])
                    for key in ("latency_us", "parts", "release_parts"):  # what TCP tells is no event
                        counts.pop(key, None)
                    self.assertEqual(fold.totals["handshakes"][direction][qos], counts)
        for key, row in rows.items():
            times = sorted(fold.latencies.get(key, []))
            if not times:
                self.assertIsNone(row["latency_us"], key)
                continue
            self.assertEqual((row["latency_us"]["count"], row["latency_us"]["max"]), (len(times), times[-1]), key)
            for percent in (50, 95, 99):
                exact = times[(len(times) * percent + 99) // 100 - 1]
                self.assertLessEqual(abs(row["latency_us"]["p%d" % percent] - exact) * 64, exact, key)

    def check_topics(self, fold, report):
        unnamed = fold.topics.pop(("", None), collections.Counter())
        rows = {name_of(topic, "topic"): topic for topic in report["topics"]}
        self.assertEqual(set(rows), set(fold.topics))
        for name, row in [*rows.items(), (None, report["other_topics"])]:
            counts = fold.topics[name] if name is not None else unnamed
            for key in ("published", "delivered", "retained", "published_bytes", "delivered_bytes"):
                self.assertEqual(counts[key], row[key], (name, key))
            self.assertEqual([counts["qos-%d" % qos] for qos in range(3)], row["qos"], name)

    def test_captures(self):
        self.assertGreater(len(CAPTURES), 20)
        for path in CAPTURES:
            with self.subTest(os.path.basename(path)):
                self.check(path)

    def test_limits_of_many_packets(self):
        """One a packet: the first is told at once, the others when the file ends."""
        capture = Capture()
        capture.talk(session("cut", messages=[publish("topic", b"x" * 100)] * 50))
        capture.records = [(time_, data[:80], length) for time_, data, length in capture.records]
        path = self.path("cut.pcap", capture.bytes())
        self.check(path)
        told = [e["mqtt"]["count"] for e in self.of(self.events(path), "limit") if e["mqtt"]["limit"] == "snap-length"]
        self.assertEqual(told, [1, 49])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
