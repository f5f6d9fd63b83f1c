#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong is seen at once: the Info column, the lines of the tree, and what later passes add to them.

    seen.py CHECK --tshark RUN-TSHARK [--mqttscope MQTTSCOPE]

Each check below is a function named check_*; its text says what it holds.
"""

import os
import pathlib
import re
import shutil
import struct
import subprocess
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


def made(folder):
    """Two clients. One is answered; the other is not: of three PUBLISH packets in one segment the second, a
    SUBSCRIBE, and the second of two PINGREQ packets."""
    capture = Capture()
    good, bad = capture.open(), capture.open()
    three = b"".join(publish("t", b"x", 0x32, n) for n in (1, 2, 3))
    subscribe = packet(0x82, b"\0\x09" + string("a/1") + b"\0" + string("b") + b"\1")
    for connection, name, missing in ((good, "good", ()), (bad, "bad", (2, 9))):
        capture.segment(connection, CLIENT, 0x18, connect(name))
        capture.segment(connection, SERVER, 0x18, connack())
        capture.segment(connection, CLIENT, 0x18, three)
        capture.segment(connection, CLIENT, 0x18, subscribe)
        answers = [acknowledge(0x40, n) for n in (1, 2, 3) if n not in missing]
        if 9 not in missing:
            answers.append(packet(0x90, b"\0\x09\0\x80"))
        capture.segment(connection, SERVER, 0x18, b"".join(answers))
        capture.segment(connection, CLIENT, 0x18, PINGREQ * 2)
        capture.segment(connection, SERVER, 0x18, PINGRESP * (1 if missing else 2))
    capture.time += 10 * 10**9
    for connection in (good, bad):
        capture.segment(connection, CLIENT, 0x18, PINGREQ)
        capture.segment(connection, SERVER, 0x18, PINGRESP)
        capture.segment(connection, CLIENT, 0x18, DISCONNECT)
        capture.close(connection)
    return written(folder, capture)


def check_ends(face, folder):
    """What only the end tells stands on the packet that it names, in later passes: of several in a frame on the
    right one. What was answered stays without."""
    path = made(folder)
    text = face.tshark(path, "-2", "-O", "mqtt", "-Y", "mqtt")
    marked, row = [], ""
    for line in text.splitlines():
        if line.startswith("MQ Telemetry Transport, "):
            row = line.removeprefix("MQ Telemetry Transport, ")
        if line.strip() == "[No answer came]":
            marked.append(row)
    wanted = [
        "PUBLISH t, QoS 1, id 2, 1 byte: x [qos-1-unfinished]",
        "SUBSCRIBE a/1 (QoS 0), b (QoS 1), id 9 [subscribe-unanswered]",
    ]
    if marked[:2] != wanted or any(not row.startswith("PINGREQ") for row in marked[2:]) or len(marked) > 3:
        yield f"without an answer are {marked}, not {wanted} and one PINGREQ"
    rows = face.fields(path, ["mqttscope.client", "mqttscope.rule"], "mqttscope.unanswered", more=["-2"])
    if len(rows) != 3 or any(set(row["mqttscope.client"]) != {"bad"} for row in rows):
        yield f"mqttscope.unanswered finds {rows}"
    if face.fields(path, ["frame.number"], "mqttscope.rule.qos-1-unfinished", more=["-2"]) == []:
        yield "the expert item of the rule is not there"
    if face.fields(path, ["frame.number"], "mqttscope.unanswered"):
        yield "the first pass knows the end"


# What the dissector can't know of the end: when TCP began to send in vain, which frame a RST or another message was.
NOT_ALIKE = {
    "broker-stalls.pcapng", "protocol-errors-v311.pcapng", "protocol-errors-v5.pcapng", "websocket-frames.pcapng",
}  # fmt: skip


def ended(face, capture, rules):
    """(frame, rule) of both that only the end tells."""
    analyzer = [(f["frame"], f["rule"]) for f in face.report(capture)["findings"] if f["rule"] in rules]
    plugin = [
        (int(row["frame.number"][0]), rule)
        for row in face.fields(capture, ["frame.number", "mqttscope.rule"], "mqttscope.rule", more=["-2"])
        for rule in row["mqttscope.rule"]
        if rule in rules
    ]
    return sorted(analyzer), sorted(plugin)


def check_parity(face, _):
    """With -2 the filter of the analyzer's report leads to a marked packet for the rules of the end, too."""
    rules = faces.rules_of_the_analyzer(("END",))
    count = 0
    for capture, (analyzer, plugin) in faces.for_each_capture(lambda c: ended(face, c, rules)).items():
        count += len(plugin)
        if (analyzer != plugin) != (capture in NOT_ALIKE):
            yield f"{capture}: the analyzer says {analyzer}, the plugin {plugin}"
    if count < 80:
        yield f"only {count} findings were seen"


def check_filters(face, folder):
    """Codes of SUBACK and UNSUBACK stand beside their topic filters."""
    path = made(folder)
    rows = face.fields(path, ["_ws.col.Info", "mqttscope.topic_filter"], "mqtt.msgtype == 9")
    if [row["mqttscope.topic_filter"] for row in rows] != [["a/1", "b"]]:
        yield f"the topic filters are {rows}"
    if "SUBACK a/1: Granted QoS 0, b: Failure, id 9, client good" not in "".join(rows[0]["_ws.col.Info"]):
        yield f"the column has {rows[0]['_ws.col.Info']}"
    tree = face.tshark(path, "-O", "mqtt", "-Y", "mqtt.msgtype == 9")
    if not re.search(r"Return Code: .*, topic filter a/1\n.*Return Code: .*, topic filter b\n", tree):
        yield f"the tree has\n{tree}"


# tshark -V with the plugin may have so many times the lines of the built-in's.
LINES_MAX = 1.15


def check_lines(face, _):
    """What was worked out takes few lines, and stands in one subtree of its packet."""

    def lines(capture):
        ours, builtin = (len(face.tshark(capture, "-V", builtin=b).splitlines()) for b in (False, True))
        return ours / builtin, face.tshark(capture, "-O", "mqtt", "-Y", "mqtt")

    clean = ["qos-flows-v311.pcapng", "qos-flows-v5.pcapng", "many-packets-a-segment.pcapng", "bridge-loop.pcapng"]
    for capture, (ratio, tree) in faces.for_each_capture(lines, clean).items():
        print(f"{capture}: {ratio:.3f}")
        if ratio > LINES_MAX:
            yield f"{capture}: {ratio:.3f} times the lines of the built-in dissector"
        audits = re.findall(r"^    \[(.*)\]$", tree, re.M)
        if len(audits) < 10 or not all(audit.startswith("MQTT Audit: sent by ") for audit in audits):
            yield f"{capture}: something worked out stands outside of its subtree"


PROFILE = faces.TREE / "plugin" / "profile" / "MQTT"


def expressions():
    """(kind, display filter) of the profile's colours and buttons."""
    for line in (PROFILE / "colorfilters").read_text().splitlines():
        if line.startswith("@"):
            yield "colour", line.split("@")[2]
    for line in (PROFILE / "dfilter_buttons").read_text().splitlines():
        yield "button", re.findall(r'"([^"]*)"', line)[2].replace(r"\x22", '"')


def check_profile(face, folder):
    """The profile's columns are there, TCP puts segments in order, and all its filters find what they are for."""
    shutil.copytree(PROFILE, folder / "profiles" / "MQTT")
    os.environ["WIRESHARK_CONFIG_DIR"] = str(folder)
    capture = faces.capture_path("qos-faults-v5.pcapng")
    command = [face.run_tshark, "-C", "MQTT", "-n", "-r", capture, "-Y", "mqtt", "-T", "tabs"]
    lines = [line.split("\t") for line in face._run(command).decode().splitlines()]
    publish_row = next((line for line in lines if "PUBLISH" in line), [])
    if publish_row[5:11] != ["feeder", "client", "PUBLISH", "feed/1", "At least once", "1"]:
        yield f"the columns of a PUBLISH are {publish_row}"
    if not any(re.fullmatch(r"0\.\d+", line[11]) for line in lines):
        yield f"no round trip is in a column of {lines[:3]}"
    late = ["-Y", "mqtt.msgtype", "-T", "fields", "-e", "frame.number"]
    disorder = [face.run_tshark, "-n", "-r", faces.capture_path("reordered.pcapng"), *late]
    if len(face._run([*disorder, "-C", "MQTT"])) <= len(face._run(disorder)):
        yield "with the profile no more of what came out of order is decoded"
    seen = [kind for kind, _ in expressions()]
    if seen.count("colour") < 6 or seen.count("button") < 6:
        yield f"the profile has {seen}"
    everything = pathlib.Path(folder) / "all.pcapng"
    some = ["qos-faults-v5.pcapng", "keep-alive-v5.pcapng", "fleet.pcapng", "link-cut.pcapng"]
    subprocess.run(["mergecap", "-a", "-w", everything, *map(faces.capture_path, some)], cwd=faces.TREE, check=True)
    # One run counts the frames and bytes of all of them.
    chosen = [expression for _, expression in expressions()]
    table = face.tshark(str(everything), "-2", "-q", "-z", "io,stat,0," + ",".join(chosen))
    row = next((line for line in table.splitlines() if "<>" in line), "")
    frames = re.findall(r"\d+", row.partition("<>")[2].partition("|")[2])[::2]
    if len(frames) != len(chosen):
        yield f"tshark does not take all of {chosen}: {table}"
    yield from (f"{text}: nothing is found" for text, count in zip(chosen, frames) if count == "0")


if __name__ == "__main__":
    faces.run_check(globals())
