#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What no capture of ours holds, made byte by byte: frames with more in them than other dissectors bear, dates
that overflow, copies in ICMP messages, packets and findings without end.

    made.py CHECK --tshark RUN-TSHARK

Each check below is a function named check_*; its text says what it holds.
"""

import json
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import faces  # noqa: E402
from mqtt_pcap import (  # noqa: E402
    CLIENT, DISCONNECT, SERVER, Capture, connack, connect, packet, publish, string,
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
    capture.segment(connection, CLIENT, 0x18, DISCONNECT)
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


def check_payloads(face, folder):
    """Each of a thousand JSON payloads in one frame is shown as JSON, in every way to look at it."""
    path = folder / "made.pcap"
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


def check_websocket(face, folder):
    """A thousand WebSocket frames in one segment, each a call of our dissector, are all shown."""
    path = folder / "made.pcap"
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


def check_verdicts(face, folder):
    """What payloads do to Wireshark changes no verdict: behind such a frame everything is as it was sent."""
    path = folder / "made.pcap"
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


SECOND = 10**9
YEAR_3000 = 32_503_680_000 * SECOND


def block(kind, body):
    """A pcapng block."""
    body += b"\0" * (-len(body) % 4)
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def in_whole_seconds(capture):
    """The capture as pcapng whose clock counts seconds: it can tell dates that are far away."""
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack("<HHI", capture.link_type, 0, 0) + struct.pack("<HHB3xHH", 9, 1, 0, 0, 0))
    for time, data, wire_length in capture.records:
        seconds = time // SECOND
        head = struct.pack("<IIIII", 0, seconds >> 32, seconds & 0xFFFFFFFF, len(data), wire_length)
        out += block(6, head + data)
    return out


def check_dates(face, folder):
    """Dates that a number of nanoseconds can't tell: times are long, not negative, and nobody is blamed."""
    path = folder / "made.pcap"
    capture = Capture()
    connection = capture.open()
    capture.segment(connection, CLIENT, 0x18, connect("late", keep_alive=0))
    capture.time = YEAR_3000
    capture.segment(connection, SERVER, 0x18, connack())
    capture.segment(connection, CLIENT, 0x18, publish("t", b"1", 0x32, 1))
    capture.time = 2 * YEAR_3000
    capture.segment(connection, SERVER, 0x18, puback(1))
    path.write_bytes(in_whole_seconds(capture))
    names = ["mqttscope.rtt", "mqttscope.since_client", "mqttscope.rule"]
    rows = face.fields(path, names, "mqtt")
    times = [float(time) for row in rows for name in names[:2] for time in row[name]]
    if len(rows) != 4 or len(times) != 5 or min(times) < 0 or max(times) < 200 * 365 * 86400:
        yield f"{rows}"
    yield from (f"{row}" for row in rows if row["mqttscope.rule"])


def check_clock(face, folder):
    """A clock that is set back: times are negative, and are shown."""
    path = folder / "made.pcap"
    capture = Capture()
    connection = capture.open()
    capture.segment(connection, CLIENT, 0x18, connect("back"))
    capture.segment(connection, SERVER, 0x18, connack())
    capture.segment(connection, CLIENT, 0x18, publish("t", b"1", 0x34, 1))
    capture.time -= 2 * SECOND
    for side, first_byte in ((SERVER, 0x50), (CLIENT, 0x62), (SERVER, 0x70)):
        capture.segment(connection, side, 0x18, packet(first_byte, b"\0\1"))
    path.write_bytes(capture.bytes())
    names = ["mqttscope.since_client", "mqttscope.rtt", "mqttscope.handshake_time"]
    rows = face.fields(path, names, "mqtt.msgtype in {5, 6, 7}")
    seen = [[float(row[name][0]) < 0 if row[name] else None for name in names] for row in rows]
    if seen != [[True, True, None], [True, False, None], [False, False, True]]:
        yield f"negative are {seen}: {rows}"


def check_copies(face, folder):
    """What an ICMP message quotes was not sent again, over TCP and over WebSocket."""
    path = folder / "made.pcap"
    for port, wrap, hello in ((1883, bytes, []), (8080, in_websocket, [UPGRADE, UPGRADED])):
        capture = Capture()
        connection = capture.open(port)
        for side, data in enumerate(hello):
            capture.segment(connection, side, 0x18, data)
        capture.segment(connection, CLIENT, 0x18, wrap(connect("once")))
        quoted = capture.records[-1][1]
        icmp = struct.pack(">BBHI", 3, 1, 0, 0) + quoted
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(icmp), 0, 0, 64, 1, 0)
        capture.frame(head + bytes([10, 0, 0, 2, 10, 0, 0, 1]) + icmp)
        capture.segment(connection, SERVER, 0x18, wrap(connack()))
        path.write_bytes(capture.bytes())
        for more in ([], ["-2"]):
            rows = face.fields(path, ["frame.number", "mqtt.msgtype", "mqttscope.rule"], "mqtt", more=more)
            seen = [row["mqtt.msgtype"] for row in rows]
            if seen != [["1"], ["2"]] or any(row["mqttscope.rule"] for row in rows):
                yield f"port {port} {more}: {rows}"


def in_segments(capture, connection, side, data):
    """Sends much."""
    for start in range(0, len(data), 60_000):
        capture.segment(connection, side, 0x18, data[start : start + 60_000])


def check_long(face, folder):
    """A packet with more fields than anybody reads is drawn as far as there is room, and says so."""
    path = folder / "made.pcap"
    capture = Capture()
    connection = capture.open()
    capture.segment(connection, CLIENT, 0x18, connect("long"))
    capture.segment(connection, SERVER, 0x18, connack())
    in_segments(capture, connection, SERVER, packet(0x90, b"\0\1" + bytes(300_000)))
    capture.segment(connection, CLIENT, 0x18, DISCONNECT)
    path.write_bytes(capture.bytes())
    rows = face.fields(path, ["mqtt.msgtype", "mqttscope.more_fields", "_ws.malformed"], "mqtt")
    if [row["mqtt.msgtype"] for row in rows] != [["1"], ["2"], ["9"], ["14"]]:
        yield f"control packets are missing: {rows}"
    said = [bool(row["mqttscope.more_fields"]) for row in rows]
    if said != [False, False, True, False] or any(row["_ws.malformed"] for row in rows):
        yield f"more fields are said to be there: {said}"


def check_findings(face, folder):
    """Findings without end: a million are kept, and from there on it is said that there are more."""
    path = folder / "made.pcap"
    capture = Capture()
    connection = capture.open()
    bad = packet(0x82, b"\0\1" + (string("a/#b") + b"\xfc") * 6)
    frames = 90
    capture.segment(connection, CLIENT, 0x18, connect("bad"))
    capture.segment(connection, SERVER, 0x18, connack())
    for _ in range(frames):
        capture.segment(connection, CLIENT, 0x18, bad * 1000)
    path.write_bytes(capture.bytes())
    first = 5
    rows = face.fields(path, ["mqttscope.rule"], f"frame.number in {{{first}, {first + 1}}}")
    kept, each = (len(row["mqttscope.rule"]) for row in rows)
    full = first
    while kept <= 1_000_000:
        kept += each
        full += 1
    text = face.tshark(path, "-T", "fields", "-e", "frame.number", "-Y", "mqttscope.more_findings")
    said = [int(number) for number in text.split()]
    if said == [] or said != list(range(full, first + frames)):
        yield f"from frame {full} on there are more than a million; it is said in {said}"


if __name__ == "__main__":
    faces.run_check(globals())
