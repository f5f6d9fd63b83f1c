#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames that hold more than other dissectors bear, made byte by byte: all of each is shown, and nothing that
becomes of it while it is drawn changes a verdict.

    crowded.py CHECK --tshark RUN-TSHARK

Each check below is a function named check_*; its text says what it holds.
"""

import argparse
import json
import pathlib
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import faces  # noqa: E402
from mqtt_pcap import (  # noqa: E402
    CLIENT, DISCONNECT, SERVER, Capture, connack, connect, packet, publish,
)  # fmt: skip
from sharkd import Sharkd  # noqa: E402

CROWD = 1000


def reading(number):
    """A payload that tells which it is."""
    return b'{"reading": %d}' % number


def puback(identifier):
    return packet(0x40, struct.pack(">H", identifier))


def crowd():
    """A client sends a thousand PUBLISH packets with JSON in one segment, the last of them but for its end, which
    comes behind. Everything is acknowledged, and more follows: nobody breaks a rule."""
    capture = Capture()
    connection = capture.open()
    first = b"".join(publish("t", reading(n), 0x32, n) for n in range(1, CROWD + 1))
    capture.segment(connection, CLIENT, 0x18, connect("crowd"))
    capture.segment(connection, SERVER, 0x18, connack())
    capture.segment(connection, CLIENT, 0x18, first[:-5])
    capture.segment(connection, CLIENT, 0x18, first[-5:] + publish("t", reading(1), 0x32, CROWD + 1))
    for start in range(1, CROWD + 2, 100):
        acknowledged = range(start, min(start + 100, CROWD + 2))
        capture.segment(connection, SERVER, 0x18, b"".join(map(puback, acknowledged)))
    capture.segment(connection, CLIENT, 0x18, publish("t", reading(2), 0x32, 1))
    capture.segment(connection, SERVER, 0x18, puback(1))
    capture.close(connection)
    return capture, 5


def numbers_of(tree):
    """All values of json.value.number in what -T json or -T ek says."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key in ("json.value.number", "json_json_value_number"):
                yield from map(int, value if isinstance(value, list) else [value])
            else:
                yield from numbers_of(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from numbers_of(value)


def pairs(found):
    """JSON objects with a key that comes again and again, as -T json writes them."""
    together = {}
    for key, value in found:
        together.setdefault(key, []).append(value)
    return together


def seen_in(face, path, frame):
    """{output mode: numbers of the payloads that it shows of a frame}"""
    only = ["-Y", f"frame.number == {frame}"]

    def lines(text):
        return [int(line.split(":")[1]) for line in text.splitlines() if "Number value" in line]

    yield "-V", lines(face.tshark(path, "-V", *only))
    yield "-2 -V", lines(face.tshark(path, "-2", "-V", *only))
    fields = face.fields(path, ["json.value.number"], only[1])
    yield "-T fields", [int(n) for n in fields[0]["json.value.number"]]
    text = face.tshark(path, "-T", "json", *only)
    yield "-T json", list(numbers_of(json.loads(text, object_pairs_hook=pairs)))
    text = face.tshark(path, "-T", "ek", *only)
    yield "-T ek", list(numbers_of([json.loads(line) for line in text.splitlines() if line]))
    sharkd = Sharkd(face.run_tshark, path)
    clicked = sharkd.ask("frame", frame=frame, proto=True)["tree"]
    yield "a click", lines("\n".join(labels(clicked)))
    sharkd.close()


def labels(tree):
    """The text of all items of sharkd's tree."""
    for item in tree:
        yield item["l"]
        yield from labels(item.get("n", []))


def check_payloads(face, path):
    """Each of a thousand JSON payloads in one frame is shown as JSON, in every way to look at it."""
    capture, frame = crowd()
    path.write_bytes(capture.bytes())
    for mode, numbers in seen_in(face, path, frame):
        if numbers != list(range(1, CROWD)):
            yield f"{mode}: {len(numbers)} payloads, up to {max(numbers, default=0)}"
    # Where there is no room for payloads, their control packets are all there.
    names = ["mqtt.msgtype", "json.value.number"]
    tight = ["-o", "gui.max_tree_depth:15"]
    row = face.fields(path, names, f"frame.number == {frame}", more=tight)[0]
    if len(row["mqtt.msgtype"]) != CROWD - 1 or row["json.value.number"] == []:
        yield f"with little room: {len(row['mqtt.msgtype'])} control packets"
    bugs = face.fields(path, ["frame.number"], "_ws.malformed || mqttscope.cut")
    yield from (f"frame {row['frame.number'][0]} is malformed" for row in bugs)


UPGRADE = b"GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + (
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
)
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + (
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
)


def in_websocket(data):
    """One binary WebSocket frame."""
    return b"\x82" + bytes([len(data)]) + data


def check_websocket(face, path):
    """A thousand WebSocket frames in one segment, each a call of our dissector, are all shown."""
    capture = Capture()
    connection = capture.open(8080)
    publishes = [publish("t", reading(n), 0x30) for n in range(CROWD)]
    capture.segment(connection, CLIENT, 0x18, UPGRADE)
    capture.segment(connection, SERVER, 0x18, UPGRADED)
    capture.segment(connection, CLIENT, 0x18, in_websocket(connect("crowd")))
    capture.segment(connection, SERVER, 0x18, in_websocket(connack()))
    capture.segment(connection, CLIENT, 0x18, b"".join(map(in_websocket, publishes)))
    capture.segment(connection, CLIENT, 0x18, in_websocket(DISCONNECT))
    path.write_bytes(capture.bytes())
    for more in ([], ["-2"]):
        rows = face.fields(path, ["mqtt.msgtype", "json.value.number", "mqttscope.rule"], "mqtt", more=more)
        counts = [(len(row["mqtt.msgtype"]), len(row["json.value.number"])) for row in rows]
        if counts != [(1, 0), (1, 0), (CROWD, CROWD), (1, 0)]:
            yield f"{more}: control packets and JSON payloads a frame: {counts}"
        yield from (f"{more}: {row['mqttscope.rule']}" for row in rows if row["mqttscope.rule"])


def check_verdicts(face, path):
    """What payloads do to Wireshark changes no verdict: behind such a frame everything is as it was sent."""
    capture, frame = crowd()
    path.write_bytes(capture.bytes())
    names = ["frame.number", "mqttscope.rule", "mqttscope.gap", "mqttscope.skipped", "mqttscope.continued"]
    # With little room for layers, tree and items, drawing ends early in many places.
    for limits in ([], ["gui.max_tree_depth:15"], ["gui.max_tree_items:500"], ["gui.max_tree_items:5000"]):
        options = [word for limit in limits for word in ("-o", limit)]
        for more in ([], ["-2"]):
            rows = face.fields(path, [*names, "json.value.number"], "mqtt", more=[*options, *more])
            wrong = [row for row in rows if any(row[name] for name in names[1:])]
            yield from (f"{limits} {more}: {row}" for row in wrong)
            if len(rows) < 10:
                yield f"{limits} {more}: frames are missing: {rows}"


def main():
    """Runs one check."""
    checks = {n.removeprefix("check_"): f for n, f in globals().items() if n.startswith("check_")}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("check", choices=sorted(checks))
    parser.add_argument("--tshark", required=True, help="run-tshark of the build tree")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "made.pcap"
        problems = list(checks[given.check](faces.Faces(None, given.tshark), path))
    faces.conclude(problems, f"{given.check}: fine")


if __name__ == "__main__":
    main()
