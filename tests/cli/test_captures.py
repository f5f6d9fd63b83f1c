#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures that are written again (--annotate, --extract), and runs that are interrupted.

    test_captures.py MQTTSCOPE SOURCE-FOLDER [-v] [TestClass[.test]]
"""
import gzip
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import unittest

from mqtt_pcap import Capture, publish, session
from test_cli import CAPTURES, FLEET, MQTTSCOPE, SOURCE, Case, run


def blocks(content):
    """(byte order, type, body) of each block of a pcapng file, whose lengths have to be right."""
    order, at = "<", 0
    while at < len(content):
        if content[at:at + 4] == b"\n\r\r\n":
            order = "<" if content[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        kind, length = struct.unpack_from(order + "II", content, at)
        assert struct.unpack_from(order + "I", content, at + length - 4) == (length,), at
        yield order, kind, content[at + 8:at + length - 4]
        at += length
    assert at == len(content)


def options(order, text):
    """(code, value) of each option up to the end, which has to be there."""
    found, at = [], 0
    while at < len(text):
        code, length = struct.unpack_from(order + "HH", text, at)
        if code == 0:
            assert at + 4 == len(text)
            return found
        found.append((code, text[at + 4:at + 4 + length]))
        at += 4 + length + -length % 4
    assert not text
    return found


def comments(found):
    return [value.decode() for code, value in found if code == 1]


def read_pcapng(content):
    """Its packets: ((link type, time in units, units a second as written, length, bytes), comments, other options)."""
    interfaces, packets = [], []
    for order, kind, body in blocks(content):
        if kind == 0x0A0D0D0A:
            interfaces = []
        elif kind == 1:
            known = dict(options(order, body[8:]))
            interfaces.append((struct.unpack_from(order + "H", body)[0], known.get(9, b"\6"), known.get(14)))
        elif kind in (2, 6):
            number, high, low, captured, length = struct.unpack_from(order + ("H2x" if kind == 2 else "I") + "IIII", body)
            found = options(order, body[20 + captured + -captured % 4:])
            packets.append(((interfaces[number], high << 32 | low, length, body[20:20 + captured]), comments(found),
                            [option for option in found if option[0] != 1]))
        elif kind == 3:
            length, = struct.unpack_from(order + "I", body)
            packets.append(((interfaces[0], 0, length, body[4:4 + length]), [], []))
    return packets


def read_pcap(content):
    """The same of a pcap file."""
    order = "<" if content[0] in (0xD4, 0x4D) else ">"
    nano = content[0] in (0x4D, 0xA1) and 0x4D in content[:4]
    link, = struct.unpack_from(order + "I", content, 20)
    interface, packets, at = ((link & 0xFFFF, b"\x09" if nano else b"\6", None)), [], 24
    while at < len(content):
        seconds, part, captured, length = struct.unpack_from(order + "IIII", content, at)
        packets.append(((interface, seconds * (10 ** 9 if nano else 10 ** 6) + part, length,
                         content[at + 16:at + 16 + captured]), [], []))
        at += 16 + captured
    return packets


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    return read_pcapng(content) if content[0] == 0x0A else read_pcap(content)


def section_comment(path):
    with open(path, "rb") as file:
        order, _, body = next(blocks(file.read()))
    return comments(options(order, body[16:]))


def annotated_frames(report):
    """Which frames have something to be said of them."""
    frames = {finding["frame"] for finding in report["findings"]}
    for diagnosis in report["diagnoses"]:
        frames |= {evidence["frame"] for evidence in diagnosis["evidence"] if evidence.get("frame")}
    return frames


class Annotate(Case):
    def annotate(self, *arguments):
        path = self.path("out.pcapng")
        self.good("-q", "--annotate", path, *arguments)
        return path

    def test_captures(self):
        """Every packet as it was, with its options; comments where the report names a frame, and nowhere else."""
        some = 0
        for path in CAPTURES:
            with self.subTest(os.path.basename(path)):
                out = self.path("out.pcapng")
                run("-q", "--annotate", out, path)
                before, after = read(path), read(out)
                self.assertEqual([packet[0] for packet in before], [packet[0] for packet in after])
                self.assertEqual([packet[2] for packet in before], [packet[2] for packet in after])
                report = json.loads(run("--json", "-", path).stdout)
                added = {number for number, (old, new) in enumerate(zip(before, after), 1) if len(new[1]) > len(old[1])}
                self.assertEqual(added, annotated_frames(report))
                some += len(added)
                for finding in report["findings"]:
                    self.assertTrue(any("[%s %s] " % (finding["severity"], finding["rule"]) in comment
                                        for comment in after[finding["frame"] - 1][1]))
                verdict = section_comment(out)[0]
                self.assertTrue(verdict.startswith(os.path.basename(path) + ": "))
                for diagnosis in report["diagnoses"]:
                    self.assertIn(diagnosis["id"], verdict)
        self.assertGreater(some, 100)

    def test_several_and_compressed(self):
        first, second = CAPTURES[0], FLEET
        packed = self.path("second.pcapng.gz")
        with open(second, "rb") as file, gzip.open(packed, "wb") as zipped:
            zipped.write(file.read())
        both = read(self.annotate(first, packed))
        apart = [packet[0] for path in (first, second) for packet in read(path)]
        self.assertEqual(sorted(map(repr, (packet[0] for packet in both))), sorted(map(repr, apart)))
        self.assertEqual(sum(len(row[1]) for row in both),
                         sum(len(row[1]) for path in (first, second) for row in read(self.annotate(path))))

    def big_endian(self, simple):
        """A section of the other byte order, with a comment that is there already, or with Simple Packet Blocks."""
        def block(kind, body):
            return struct.pack(">II", kind, len(body) + 12) + body + struct.pack(">I", len(body) + 12)
        capture = Capture()
        capture.talk(session("big", messages=[publish("t", b"", 0x36, 1)]))
        content = block(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, 12345)) + block(1, struct.pack(">HHI", capture.link_type, 0, 0))
        for number, (moment, data, length) in enumerate(capture.records):
            padded = data + bytes(-len(data) % 4)
            if simple:
                content += block(3, struct.pack(">I", length) + padded)
                continue
            note = struct.pack(">HH4sHH", 1, 4, b"mine", 0, 0) if number == 3 else b""
            content += block(6, struct.pack(">IIIII", 0, 0, number, len(data), length) + padded + note)
        return self.path("big.pcapng", content)

    def test_other_byte_order(self):
        path = self.big_endian(False)
        before, after = read(path), read(self.annotate(path))
        self.assertEqual([packet[0] for packet in before], [packet[0] for packet in after])
        self.assertEqual(after[3][1][-1], "mine")
        self.assertTrue(any("publish-qos-3" in comment for packet in after for comment in packet[1]))

    def test_simple_packets(self):
        path = self.big_endian(True)
        before, after = read(path), read(self.annotate(path))
        self.assertEqual([packet[0][2:] for packet in before], [packet[0][2:] for packet in after])
        self.assertTrue(any("publish-qos-3" in comment for packet in after for comment in packet[1]))

    def test_wireshark(self):
        """tshark reads it, and shows what we wrote."""
        if shutil.which("tshark") is None:
            self.skipTest("tshark is not installed")
        out = self.annotate(FLEET)
        done = subprocess.run(["tshark", "-r", out, "-Y", "frame.comment contains \"client-taken-over\"", "-T", "fields",
                               "-e", "frame.number"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
        frames = [finding["frame"] for finding in self.report(FLEET)["findings"] if finding["rule"] == "client-taken-over"]
        self.assertEqual(sorted(map(int, done.stdout.split())), sorted(frames))
        self.assertEqual(self.report(out)["findings"], self.report(FLEET)["findings"])

    def test_cut(self):
        """What is whole of a file that ends early."""
        with open(FLEET, "rb") as file:
            content = file.read()
        path, out = self.path("cut.pcapng", content[:len(content) // 2 + 1]), self.path("out.pcapng")
        self.bad("-q", "--annotate", out, path, says="cut.pcapng: truncated")
        report = json.loads(run("--json", "-", path).stdout)
        self.assertGreater(report["capture"]["packets"], 50)
        self.assertEqual([row[0] for row in read(out)], [row[0] for row in read(FLEET)][:report["capture"]["packets"]])

    def test_refused(self):
        out = self.path("out.pcapng")
        self.bad("--annotate", out, "-", says="--annotate reads a capture twice: it can't be standard input")
        self.bad("--annotate", out, "-i", "lo", says="can't be an interface")
        self.bad("--annotate", out, "--json", out, FLEET, says="two outputs")
        shutil.copy(FLEET, out)
        self.bad("--annotate", out, out, says="is read")
        self.assertEqual(read(out), read(FLEET))
        self.assertEqual(os.listdir(self.folder), ["out.pcapng"])

    def test_standard_output(self):
        content = run("--annotate", "-", FLEET).stdout
        self.assertEqual(len(read_pcapng(content)), len(read(FLEET)))


class Extract(Case):
    def test_clients(self):
        """All packets of the client's connections, as tshark tells conversations apart, and no others."""
        if shutil.which("tshark") is None:
            self.skipTest("tshark is not installed")
        for path in (FLEET, os.path.join(SOURCE, "captures", "port-reuse.pcapng")):
            done = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "tcp.stream"], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, check=True)
            streams = done.stdout.decode().split("\n")
            report, packets = self.report(path), read(path)
            clients = {row["client_id"] for row in report["connections"] if row["client_id"]}
            self.assertGreaterEqual(len(clients), 3)
            for client in clients:
                own = {str(row["tcp_stream"]) for row in report["connections"] if row["client_id"] == client}
                out = self.path("out.pcapng")
                self.good("-q", "--extract", client, "-w", out, path)
                after = read(out)
                self.assertEqual([packet[0] for packet in after],
                                 [packet[0] for packet, stream in zip(packets, streams) if stream in own])
                said = sum(1 for finding in report["findings"] if streams[finding["frame"] - 1] in own)
                self.assertGreaterEqual(sum(len(packet[1]) for packet in after), said)

    def test_refused(self):
        out = self.path("out.pcapng")
        self.bad("-q", "--extract", "nobody", "-w", out, FLEET, says="no connection of a client 'nobody'")
        self.assertEqual(os.listdir(self.folder), [])
        self.bad("--extract", "gateway-3", FLEET, says="--extract needs -w")
        self.bad("-w", out, FLEET, says="-w needs --extract")
        self.bad("--extract", "gateway-3", "-w", out, "-", says="standard input")


class Interrupted(Case):
    def setUp(self):
        super().setUp()
        capture = Capture()
        capture.talk(session("early"))
        start = capture.bytes()
        for _ in range(1000):
            capture.frame(b"\x45")
        once = capture.bytes()
        self.big = self.path("big.pcap")
        with open(self.big, "wb") as file:
            file.write(once)
            for _ in range(20000):
                file.write(once[len(start):])

    def interrupt(self, *arguments, signals=(signal.SIGINT,)):
        out = self.path("out.ndjson")
        with subprocess.Popen([MQTTSCOPE, *arguments, "--ndjson", out, self.big], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            while not any(name.startswith("out.ndjson.") for name in os.listdir(self.folder)):
                time.sleep(0.01)
            time.sleep(0.1)
            for number in signals:
                process.send_signal(number)
            output, error = process.communicate()
        return process.returncode, output.decode(), error.decode()

    def test_file(self):
        """What was read is reported, the file says that it is not all, and nothing else is left."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            status, output, error = self.interrupt("--json", "-", signals=(number,))
            self.assertEqual((status, error), (2, "mqttscope: %s: interrupted\n" % self.big))
            report = json.loads(output)
            self.assertEqual(report["totals"]["connections"], 1)
            self.assertIn("interrupted", report["capture"]["files"][0]["problem"])
            self.assertLess(report["capture"]["packets"], 20000000)
            self.assertEqual(sorted(os.listdir(self.folder)), ["big.pcap", "out.ndjson"])

    def test_twice(self):
        """Who does not want to wait for the report leaves nothing behind, either."""
        statuses = set()
        for _ in range(5):
            statuses.add(self.interrupt(signals=(signal.SIGINT, signal.SIGTERM))[0])
            self.assertLessEqual(set(os.listdir(self.folder)), {"big.pcap", "out.ndjson"})
        self.assertLessEqual(statuses, {2, -signal.SIGINT, -signal.SIGTERM})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
