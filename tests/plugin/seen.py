#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong is seen at once: the Info column, the lines of the tree, and what later passes add to them.

    seen.py CHECK --tshark RUN-TSHARK [--mqttscope MQTTSCOPE]

Each check below is a function named check_*; its text says what it holds.
"""

import pathlib
import re
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import faces  # noqa: E402
from mqtt_pcap import (  # noqa: E402
    CLIENT, DISCONNECT, SERVER, Capture, connack, connect, packet, publish, string,
)  # fmt: skip

PINGREQ, PINGRESP = packet(0xC0), packet(0xD0)


def acknowledge(first_byte, identifier):
    """PUBACK, PUBREC, PUBREL or PUBCOMP."""
    return packet(first_byte, struct.pack(">H", identifier))


def written(folder, capture):
    """The path of a capture made here."""
    path = pathlib.Path(folder) / "seen.pcap"
    path.write_bytes(capture.bytes())
    return str(path)


def info_of(face, folder, *exchange):
    """The Info column of each frame of one connection with data in it."""
    capture = Capture()
    capture.talk(exchange)
    rows = face.fields(written(folder, capture), ["_ws.col.Info"], "mqtt")
    return ["".join(row["_ws.col.Info"]) for row in rows]


# What one segment of the client "c" says, and how the column has it.
SEGMENTS = [
    (publish("lot/0") * 60, "PUBLISH lot/0 ×60, QoS 0, client c"),
    (publish("a/b/1") + publish("a/b/2"), "PUBLISH a/b/… ×2, QoS 0, client c"),
    (publish("a/b/1") + publish("a/b/2") + publish("a/c"), "PUBLISH a/… ×3, QoS 0, client c"),
    (publish("a") + publish("b") + publish("b"), "PUBLISH a, … ×3, QoS 0, client c"),
    (publish("t") + publish("t", b"", 0x31), "PUBLISH t, QoS 0 | PUBLISH t, QoS 0, RETAIN, client c"),
    (PINGREQ * 3, "PINGREQ ×3, client c"),
    (PINGREQ, "PINGREQ, client c"),
    (publish("t", b"", 0x32, 1) + publish("t", b"", 0x32, 2), "PUBLISH t ×2, QoS 1, id 1 to 2, client c"),
    (publish("t", b"", 0x32, 9) + publish("t", b"", 0x32, 4), "PUBLISH t ×2, QoS 1, id 9 … 4, client c"),
    (packet(0x82, b"\0\1" + string("a/1") + b"\0" + string("b") + b"\1"),
     "SUBSCRIBE a/1 (QoS 0), b (QoS 1), id 1, client c"),
    # Two sorts in turn are said in turn, and no more than ten of them.
    ((PINGREQ + publish("t")) * 6, "PINGREQ | PUBLISH t, QoS 0 | " * 4 + "PINGREQ | PUBLISH t, QoS 0, client c | 2 more"),
    # What is wrong comes last, each rule once.
    (publish("t", b"", 0x38), "PUBLISH t, QoS 0, DUP, client c [publish-dup-qos-0]"),
    (publish("t", b"", 0x38) * 3, "PUBLISH t ×3, QoS 0, DUP, client c [publish-dup-qos-0 ×3]"),
    (publish("t/#") + publish("t/#", b"", 0x38),
     "PUBLISH t/#, QoS 0 | PUBLISH t/#, QoS 0, DUP, client c [topic-name-wildcard ×2, publish-dup-qos-0]"),
]  # fmt: skip


def check_info(face, folder):
    """The Info column: the topic first, packets of one kind together, the client once, findings at the end."""
    for data, expected in SEGMENTS:
        lines = info_of(face, folder, (CLIENT, connect("c")), (SERVER, connack()), (CLIENT, data), (CLIENT, DISCONNECT))
        wanted = [
            "CONNECT, client c, MQTT 3.1.1, keep alive 60 s, clean session",
            "CONNACK, Connection accepted, client c",
            expected,
            "DISCONNECT, client c",
        ]
        if lines != wanted:
            yield f"the column has\n  {lines}\ninstead of\n  {wanted}"


def rows_of(text):
    """The protocol lines of MQTT."""
    return [line for line in text.splitlines() if line.startswith("MQ Telemetry Transport")]


def check_rows(face, folder):
    """The packets of a frame are told apart by their lines: by how the payload begins where it is text, by its
    length where it is none, and by what is wrong with them."""
    capture = Capture()
    data = [
        publish("t", b"21.5"), publish("t", "4 \u00b0C".encode()), publish("t", b"\0\1\2"), publish("t"),
        publish("t", b"x" * 39 + "\u00b0y".encode()), publish("t/#", b"1"),
    ]  # fmt: skip
    capture.talk([(CLIENT, connect("c")), (SERVER, connack()), (CLIENT, b"".join(data)), (CLIENT, DISCONNECT)])
    lines = rows_of(face.tshark(written(folder, capture), "-O", "mqtt", "-Y", "mqtt.msgtype == 3"))
    rest = ["4 bytes: 21.5", "5 bytes: 4 °C", "3 bytes", "0 bytes", f"42 bytes: {'x' * 39}…"]
    wanted = [f"MQ Telemetry Transport, PUBLISH t, QoS 0, {r}" for r in rest]
    wanted += ["MQ Telemetry Transport, PUBLISH t/#, QoS 0, 1 byte: 1 [topic-name-wildcard]"]
    if lines != wanted:
        yield f"the lines are\n  {lines}\ninstead of\n  {wanted}"


if __name__ == "__main__":
    faces.run_check(globals())
