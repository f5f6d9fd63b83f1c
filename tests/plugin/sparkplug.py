#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sparkplug B in Wireshark: metrics with their names, data types and values, by births where aliases stand for them.

    sparkplug.py CHECK --tshark RUN-TSHARK

Each check below is a function named check_*; its text says what it holds.
"""

import pathlib
import struct
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import faces  # noqa: E402
from mqtt_pcap import CLIENT, DISCONNECT, SERVER, Capture, connack, connect, packet, publish, string  # noqa: E402
from sharkd import Sharkd  # noqa: E402

PREFIX = "mqttscope.sparkplug."

# Field numbers of a metric
NAME, ALIAS, TIME, DATATYPE, HISTORICAL, TRANSIENT, NULL = range(1, 8)
INT, LONG, FLOAT, DOUBLE, BOOLEAN, STRING, BYTES, DATASET = range(10, 18)


def varint(number):
    """As protobuf writes it."""
    digits = bytearray()
    while True:
        number, digit = number >> 7, number & 0x7F
        digits.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(digits)


def field(number, value):
    """A field: an integer, four or eight bytes of a float (as ("f", x) or ("d", x)), or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, tuple):
        kind, value = value
        return varint(number << 3 | (5 if kind == "f" else 1)) + struct.pack("<" + kind, value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def metric(**fields):
    """A metric's bytes: metric(name="a", int=5)."""
    numbers = {
        "name": NAME, "alias": ALIAS, "time": TIME, "datatype": DATATYPE, "historical": HISTORICAL,
        "transient": TRANSIENT, "null": NULL, "int": INT, "long": LONG, "float": FLOAT, "double": DOUBLE,
        "boolean": BOOLEAN, "string": STRING, "bytes": BYTES, "dataset": DATASET,
    }  # fmt: skip
    return b"".join(field(numbers[key], value) for key, value in fields.items())


def payload(*metrics, time=1_700_000_000_000, seq=0):
    """A payload of these metrics."""
    return field(1, time) + b"".join(field(2, one) for one in metrics) + field(3, seq)


def talk(capture, data, server=b"", client="edge"):
    """A connection whose client sends these packets, a frame each, and gets those."""
    exchange = [(CLIENT, connect(client)), (SERVER, connack())]
    exchange += [(CLIENT, one) for one in data] + ([(SERVER, server)] if server else [])
    capture.talk([*exchange, (CLIENT, DISCONNECT)])


def written(folder, *data, server=b""):
    """The path of a capture with one such connection."""
    capture = Capture()
    talk(capture, data, server)
    path = pathlib.Path(folder) / "sparkplug.pcap"
    path.write_bytes(capture.bytes())
    return str(path)


# A metric, its data type, value and number in the fields
VALUES = [
    (metric(name="i8", datatype=1, int=0xFB), "1", "-5", "-5"),
    (metric(name="i16", datatype=2, int=0xFFFFFFFB), "2", "-5", "-5"),
    (metric(name="i32", datatype=3, int=0xFFFFFFFB), "3", "-5", "-5"),
    (metric(name="i64", datatype=4, long=2**64 - 5), "4", "-5", "-5"),
    (metric(name="u32", datatype=7, int=0xFFFFFFFB), "7", "4294967291", "4294967291"),
    (metric(name="u64", datatype=8, long=2**53), "8", "9007199254740992", "9007199254740992"),
    (metric(name="f", datatype=9, float=("f", 21.5)), "9", "21.5", "21.5"),
    (metric(name="d", datatype=10, double=("d", -0.25)), "10", "-0.25", "-0.25"),
    (metric(name="b", datatype=11, boolean=1), "11", "true", "1"),
    (metric(name="s", datatype=12, string="21 \u00b0C"), "12", "21 \u00b0C", None),
    (metric(name="t", datatype=13, long=1_700_000_000_000), "13", "2023-11-14T22:13:20.000Z", "1700000000000"),
    (metric(name="x", datatype=17, bytes=b"\1\2"), "17", "0102", None),
    (metric(name="set", datatype=16, dataset=b"\1\2\3"), "16", "data set, 3 bytes", None),
    (metric(name="n", datatype=9, null=1), "9", None, None),
    (metric(name="never", datatype=13, long=2**64 - 1), "13", str(2**64 - 1), "18446744073709551616"),
]  # fmt: skip


def check_values(face, folder):
    """Values are shown as their data types say, and compare as numbers where they are some."""
    path = written(folder, *(publish("spBv1.0/g/NDATA/n", payload(one)) for one, *_ in VALUES))
    names = [PREFIX + name for name in ("datatype", "value", "number", "is_null")]
    rows = face.fields(path, names, "mqttscope.sparkplug")
    if len(rows) != len(VALUES):
        yield f"{len(rows)} messages"
    for (_, datatype, value, number), row in zip(VALUES, rows, strict=True):
        found = [row[name][0] if row[name] else None for name in names[:3]]
        if found[:2] != [datatype, value] or (found[2] is None) != (number is None):
            yield f"{found} instead of {[datatype, value, number]}"
        if number is not None and abs(float(found[2]) / float(number) - 1) > 1e-12:
            yield f"{found[2]} is not {number}"
    if [row[PREFIX + "is_null"] for row in rows if row[PREFIX + "is_null"]] not in ([["1"]], [["True"]]):
        yield "is_null"
    if len(face.fields(path, names, "mqttscope.sparkplug.number > 21 && mqttscope.sparkplug.number < 22")) != 1:
        yield "no comparison of numbers"
    text = face.tshark(path, "-O", "mqtt", "-Y", 'mqttscope.sparkplug.name == "f"')
    for line in (
        "    Sparkplug B, NDATA g/n, seq 0, 1 metric",
        "        Metric: f = 21.5",
        "            Data type: Float (9)",
        "        [Group: g]",
    ):
        if line not in text.splitlines():
            yield f"no line {line!r} in {text}"


def birth(kind, *pairs, device=None, seq=0):
    """A birth whose metrics have these names and aliases."""
    topic = f"spBv1.0/g/{kind}/n" + (f"/{device}" if device else "")
    return publish(topic, payload(*(metric(name=n, alias=a, datatype=3, int=1) for n, a in pairs), seq=seq))


def data(alias, device=None, group="g"):
    """Data of one metric that is named by its alias."""
    kind = "DDATA" if device else "NDATA"
    topic = f"spBv1.0/{group}/{kind}/n" + (f"/{device}" if device else "")
    return publish(topic, payload(metric(alias=alias, int=0xFFFFFFFF)))


# What a node sends, and the name of its metric as far as it is known
STORY = [
    (data(1), None),
    (birth("NBIRTH", ("node/a", 1), ("node/b", 2)), ...),
    (data(1), "node/a"),
    (data(2), "node/b"),
    (data(3), None),
    (data(1, group="other"), None),
    (data(7, "d"), None),
    (birth("DBIRTH", ("dev/a", 7), device="d"), ...),
    (data(7, "d"), "dev/a"),
    (data(7, "e"), None),
    (data(1, "d"), "node/a"),
    (birth("NBIRTH", ("node/z", 1)) + data(1) + birth("NBIRTH", ("node/y", 1)) + data(1), ["node/z", "node/y"]),
    (data(2), None),
    (data(7, "d"), None),
    (birth("NBIRTH", ("node/y", 1)), ...),
    (data(1), "node/y"),
]  # fmt: skip


def named_by_alias(row):
    """Names of metrics that are not births'."""
    kinds, names = row[PREFIX + "type"], row[PREFIX + "name"]
    if "NBIRTH" in kinds or "DBIRTH" in kinds:
        return ... if len(kinds) == 1 else names[1::2]
    return names[0] if names else None


def check_aliases(face, folder):
    """An alias is named by the births before it and no others: on every pass, and in whatever order frames are
    looked at; a subscriber's data by the publisher's births where it has none; its data type is the birth's."""
    path = written(folder, *(one for one, _ in STORY))
    names = ["frame.number", *(PREFIX + name for name in ("type", "name", "value"))]
    wanted = [name for _, name in STORY]
    for more in ([], ["-2"]):
        rows = face.fields(path, names, "mqttscope.sparkplug", more=more)
        found = [named_by_alias(row) for row in rows]
        if found != wanted:
            yield f"{more}: {found}\ninstead of {wanted}"
    values = [row[PREFIX + "value"] for row in rows if named_by_alias(row) == "node/a"]
    if values != [["-1"], ["-1"]]:
        yield f"without the data type: {values}"
    sharkd = Sharkd(face.run_tshark, path)
    for row in reversed(rows):
        text = str(sharkd.frame(int(row["frame.number"][0])))
        if not all(f"Name: {name}'" in text for name in row[PREFIX + "name"] if len(row[PREFIX + "name"]) == 1 and
                   named_by_alias(row) is not ...):  # fmt: skip
            yield f"a click on frame {row['frame.number']}: {text}"
    sharkd.close()
    capture = Capture()
    talk(capture, [birth("NBIRTH", ("node/a", 1))])
    talk(capture, [], server=data(1), client="late")
    file = folder / "two.pcap"
    file.write_bytes(capture.bytes())
    found = [named_by_alias(row) for row in face.fields(str(file), names, "mqttscope.sparkplug")]
    if found != [..., "node/a"]:
        yield f"a subscriber: {found}"


def check_real(face, _):
    """In the capture of real nodes, each metric of each message has a name or an alias, and wills are shown, too."""
    names = ["frame.number", *(PREFIX + name for name in ("type", "metric", "name", "alias"))]
    rows = face.fields("sparkplug.pcapng", names, "mqttscope.sparkplug")
    if not any(row[PREFIX + "type"] == ["NDEATH"] and row["frame.number"] == ["17"] for row in rows):
        yield "no will"
    for row in rows:
        if len(row[PREFIX + "metric"]) > len(row[PREFIX + "name"]) + len(row[PREFIX + "alias"]):
            yield f"{row}"
    if len(rows) < 40:
        yield f"{len(rows)} frames"
    off = ["-o", "mqttscope.payload_sparkplug:FALSE"]
    if face.fields("sparkplug.pcapng", names, "mqttscope.sparkplug", more=off):
        yield "turned off"


# Without Wireshark's own dissectors for the same bytes, which call some of them malformed
ALONE = ["-o", "mqttscope.payload_heuristics:FALSE"]


def packed(inside):
    """A payload that is compressed, as Sparkplug has it."""
    return field(4, "SPBV1.0_COMPRESSED") + field(5, inside)


def check_hostile(face, folder):
    """What strangers send ends nothing: the packets behind it are there, and nothing is malformed."""
    one = metric(name="a", alias=1, int=1)
    messages = [
        payload(one)[:-1], b"\xff" * 30, b"\x12\xff\xff\xff\xff\x0f", field(2, b"\x0a\xff"), b"\0", b"\x0b\x0c",
        payload(metric(name=b"\xff\xfe\x1b[31m", alias=2**64 - 1, int=2**64 - 1), time=2**64 - 1, seq=2**64 - 1),
        payload(*[metric(alias=2**63, datatype=2**32 - 1, string=b"\x00\x80")] * 5),
        field(2, b"") * 20000, packed(zlib.compress(payload(one))), packed(b"\x78\x9cxx"),
        packed(zlib.compress(b"\0" * (9 << 20))), packed(zlib.compress(packed(zlib.compress(packed(b""))))),
    ]  # fmt: skip
    kinds = ["NBIRTH/n", "NDATA/n", "DBIRTH/n/d", "DDATA/n/d"]
    frames = [publish(f"spBv1.0/g/{kind}", data) + publish("end", b"x") for data in messages for kind in kinds]
    path = written(folder, *frames)
    rows = face.fields(path, ["mqtt.topic", "_ws.malformed"], 'mqtt.topic == "end"', more=["-2", *ALONE])
    if len(rows) != len(frames) or any(row["_ws.malformed"] for row in rows):
        yield f"{len(rows)} of {len(frames)}"
    text = face.tshark(path, "-V", *ALONE)
    if "\x1b" in text or "more metrics are not drawn" not in text:
        yield "escapes, or no limit"
    if text.count("        Metric: a = 1\n") < 4:
        yield "what is compressed is not shown"


if __name__ == "__main__":
    faces.run_check(globals())
