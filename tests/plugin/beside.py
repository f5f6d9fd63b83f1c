#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin beside Wireshark's own dissector: its ports, its preferences, its remarks, and the way back to it; and what
the plugin's own preferences do.

    beside.py CHECK --tshark RUN-TSHARK

Each check below is a function named check_*; its text says what it holds.
"""

import os
import pathlib
import re
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import faces  # noqa: E402
from mqtt_pcap import (  # noqa: E402
    CLIENT, SERVER, Capture, connack, connect, packet, publish, string,
)  # fmt: skip
from sharkd import Sharkd  # noqa: E402

QUIET = ["--disable-heuristic", "mqttscope_tcp"]  # so that ports alone lead to a dissector
NOBODY, BUILTIN, OURS = "nobody", "the built-in", "the plugin"


def who(face, path, *options):
    """Who dissects the MQTT of a capture."""
    rows = face.fields(path, ["mqtt.msgtype", "mqttscope.version"], "mqtt", more=options)
    if not rows:
        return NOBODY
    return OURS if all(row["mqttscope.version"] for row in rows) else BUILTIN


def on_port(path, port):
    """A CONNECT and its answer on that port."""
    capture = Capture()
    connection = capture.open(port)
    capture.segment(connection, CLIENT, 0x18, connect("port"))
    capture.segment(connection, SERVER, 0x18, connack())
    path.write_bytes(capture.bytes())
    return path


def preference(name, value):
    return ["-o", f"{name}:{value}"]


PORT_CASES = [
    # port, options, who
    (1883, [], OURS),
    (1883, ["-d", "tcp.port==1883,mqtt"], BUILTIN),
    (1883, ["--disable-protocol", "mqttscope"], BUILTIN),
    (1883, ["--disable-protocol", "mqtt"], NOBODY),
    (1883, preference("mqttscope.hand_back", "TRUE"), BUILTIN),
    (1883, preference("mqtt.tcp.port", "1883,4711"), OURS),
    (4711, preference("mqtt.tcp.port", "1883,4711"), OURS),
    (4711, preference("mqtt.tcp.port", "4711"), OURS),
    (1883, preference("mqtt.tcp.port", "4711"), NOBODY),
    (4711, [*preference("mqtt.tcp.port", "4711"), "--disable-protocol", "mqttscope"], BUILTIN),
    (4711, [], NOBODY),
    (4711, preference("mqttscope.tcp.port", "4711"), OURS),
    (1883, preference("mqttscope.tcp.port", "4711"), OURS),
    (4711, [*preference("mqttscope.tcp.port", "4711"), "--disable-protocol", "mqttscope"], NOBODY),
    (4711, ["-d", "tcp.port==4711,mqttscope"], OURS),
    (4711, ["-d", "tcp.port==4711,mqtt"], BUILTIN),
]  # fmt: skip


def check_ports(face, folder):
    """Ports that the preferences of either name lead to the plugin; "Decode As" and disabling lead back."""
    for port, options, wanted in PORT_CASES:
        found = who(face, on_port(folder / "port.pcap", port), *options, *QUIET)
        if found != wanted:
            yield f"port {port} with {options}: {found}, not {wanted}"


def check_file(face, folder):
    """The same for the preferences that a user has saved, which Wireshark reads before anything else."""
    profile = folder / "profile"
    profile.mkdir()
    (profile / "preferences").write_text("mqtt.tcp.port: 1883,4711\nmqtt.default_version: MQTT v5.0\n")
    os.chmod(folder, 0o755)
    os.environ["WIRESHARK_CONFIG_DIR"] = str(profile)
    try:
        for port in (1883, 4711):
            found = who(face, on_port(folder / "port.pcap", port), *QUIET)
            if found != OURS:
                yield f"port {port}: {found}"
    finally:
        del os.environ["WIRESHARK_CONFIG_DIR"]


def who_clicks(sharkd, path):
    """Who dissects a CONNECT in a program that goes on."""
    sharkd.load(path)
    connects = [sharkd.frame(number)[0] for number in range(1, sharkd.ask("status")["frames"] + 1)]
    labels = [tree[0]["l"] for tree in connects if tree]
    if not labels:
        return NOBODY
    return OURS if ", client port" in labels[0] else BUILTIN


LIVE_CASES = [
    # preference, value, who at 1883, who at 4711
    (None, None, OURS, NOBODY),
    ("mqtt.tcp.port", "1883,4711", OURS, OURS),
    ("mqtt.tcp.port", "4711", NOBODY, OURS),
    ("mqtt.tcp.port", "1883", OURS, NOBODY),
    ("mqttscope.tcp.port", "4711", OURS, OURS),
    ("mqttscope.hand_back", "TRUE", BUILTIN, BUILTIN),
    ("mqttscope.hand_back", "FALSE", OURS, OURS),
    ("mqtt.tcp.port", "1883,4711", OURS, OURS),
    ("mqttscope.tcp.port", "", OURS, OURS),
    ("mqttscope.tcp.port", "4711", OURS, OURS),
    ("mqtt.tcp.port", "1883", OURS, OURS),
    ("mqttscope.tcp.port", "", OURS, NOBODY),
]


def check_live(face, folder):
    """The ports follow preferences that change while the program runs."""
    paths = [on_port(folder / f"{port}.pcap", port) for port in (1883, 4711)]
    os.chmod(folder, 0o755)
    sharkd = Sharkd(face.run_tshark, paths[0])
    sharkd.ask("setconf", name="mqttscope.everywhere", value="FALSE")
    for name, value, *wanted in LIVE_CASES:
        if name is not None:
            sharkd.ask("setconf", name=name, value=value)
        found = [who_clicks(sharkd, path) for path in paths]
        if found != wanted:
            yield f"after {name} became {value}: {found}, not {wanted}"
    sharkd.close()


def check_tls(face, _):
    """MQTT over TLS is ours on the ports of the preference, and goes back, too."""
    capture = "tls.pcapng"
    cases = [
        (["--disable-protocol", "mqttscope"], BUILTIN),
        (preference("mqttscope.hand_back", "TRUE"), BUILTIN),
        (preference("mqttscope.tls.port", "8884"), BUILTIN),
        (preference("mqttscope.tls.port", "8883-8884"), OURS),
        ([], OURS),
    ]
    for options, wanted in cases:
        found = who(face, capture, *options)
        if found != wanted:
            yield f"with {options}: {found}, not {wanted}"


def check_everywhere(face, _):
    """The preference turns off what looks for MQTT on any port, over TCP and over WebSocket."""
    off = preference("mqttscope.everywhere", "FALSE")
    for capture, wanted in (("odd-port.pcapng", NOBODY), ("fleet.pcapng", OURS)):
        if who(face, capture) != OURS:
            yield f"{capture}: {who(face, capture)} with the default"
        if who(face, capture, *off) != wanted:
            yield f"{capture}: {who(face, capture, *off)} without the search"
    clients = [
        {name for row in face.fields("websocket-frames.pcapng", ["mqtt.clientid"], "mqtt", more=more)
         for name in row["mqtt.clientid"]}
        for more in ([], off)
    ]  # fmt: skip
    if clients[0] - clients[1] != {"no-protocol"}:
        yield f"websocket-frames.pcapng: clients {clients}"


def mid_connection(path):
    """PUBLISH packets of a connection that began before the capture, that read in 3.1.1 and in 5.0."""
    capture = Capture()
    connection = capture.open()
    capture.records = []  # whatever made it open
    for number in range(3):
        capture.segment(connection, CLIENT, 0x18, publish("t", b"\0" + b"%d" % number))
    path.write_bytes(capture.bytes())
    return path


def check_version(face, folder):
    """The version of a connection without a CONNECT: ours, else the built-in's, until the packets prove better; a CONNECT
    tells by itself."""
    path = mid_connection(folder / "mid.pcap")
    cases = [
        ([], "5.0"),
        (preference("mqttscope.default_version", "3.1.1"), "3.1.1"),
        (preference("mqttscope.default_version", "3.1"), "3.1"),
        (preference("mqtt.default_version", "MQTT v3.1.1"), "3.1.1"),
        (preference("mqtt.default_version", "MQTT v3.1"), "3.1"),
        ([*preference("mqtt.default_version", "MQTT v3.1"), *preference("mqttscope.default_version", "5.0")], "5.0"),
    ]
    for options, wanted in cases:
        for more in ([], ["-2"]):
            rows = face.fields(path, ["mqttscope.version", "mqtt.properties"], "mqtt", more=[*options, *more])
            if [row["mqttscope.version"] for row in rows] != [[wanted]] * 3:
                yield f"{options} {more}: {rows}, not {wanted}"
    # What contradicts it.
    for capture, known in (("mid-connection.pcapng", None), ("fleet.pcapng", True)):
        names = ["frame.number", "mqttscope.version", "mqttscope.rule"]
        plain = face.fields(capture, names, "mqtt")
        for version in ("3.1.1", "5.0"):
            told = face.fields(capture, names, "mqtt", more=preference("mqttscope.default_version", version))
            if known and told != plain:
                yield f"{capture}: {version} changes what a CONNECT tells"
            if {v for row in plain for v in row["mqttscope.version"]} != {
                v for row in told for v in row["mqttscope.version"]
            }:
                yield f"{capture}: with {version} other versions are found"


def check_text(face, folder):
    """"Show Message as text" shows payloads and wills as text, whatever they are; both fields match as before."""
    capture = Capture()
    connection = capture.open()
    capture.segment(connection, CLIENT, 0x18, connect("text"))
    capture.segment(connection, CLIENT, 0x18, publish("t", b"plain"))
    capture.segment(connection, CLIENT, 0x18, publish("t", b"\x01\x02"))
    path = folder / "text.pcap"
    path.write_bytes(capture.bytes())
    for options, shown in (([], [True, True]), (preference("mqtt.show_msg_as_text", "TRUE"), [False, True])):
        lines = face.tshark(path, "-V", "-Y", 'mqtt.msg_text == "plain" && mqtt.msg == 70:6c:61:69:6e', *options)
        found = [re.search(text, lines) is not None for text in (r"\n +Payload: ", r"\n +Payload as text: plain")]
        if found != shown:
            yield f"{options}: bytes and text are shown: {found}"
    rows = face.fields(path, ["mqtt.msg_text"], "mqtt.msgtype == 3", more=preference("mqtt.show_msg_as_text", "TRUE"))
    if [len(row["mqtt.msg_text"]) for row in rows] != [1, 1]:
        yield f"as text: {rows}"


# The built-in takes 5.0's properties for topic filters: without the CONNECT it does not know them.
MISREAD = {("protocol-errors-v5.pcapng", "16")}
REMARKS = ["mqtt.unknown_version", "mqtt.illegal_topic_length", "mqtt.unknown_topic_alias"]


def remarks_of(face, capture, builtin):
    """{remark: frames}"""
    return {
        name: [
            row["frame.number"][0]
            for row in face.fields(capture, ["frame.number"], name, builtin=builtin)
            if name != "mqtt.illegal_topic_length" or (capture, row["frame.number"][0]) not in MISREAD
        ]
        for name in REMARKS
    }


def check_remarks(face, _):
    """What the built-in remarks is found under its names."""
    seen = set()
    captures = ["mid-connection.pcapng", "protocol-errors-v5.pcapng", "malformed-v311.pcapng", "fleet.pcapng",
                "malformed-connect.pcapng", "topic-alias-v5.pcapng", "server-faults-v5.pcapng"]  # fmt: skip
    for capture in captures:
        theirs, ours = (remarks_of(face, capture, builtin) for builtin in (True, False))
        seen.update(name for name, frames in theirs.items() if frames)
        for name in REMARKS:
            if theirs[name] != ours[name]:
                yield f"{capture}: {name} in frames {theirs[name]}, plugin {ours[name]}"
    if seen != set(REMARKS):
        yield f"only {seen} was seen"
    told = preference("mqtt.default_version", "MQTT v3.1.1")
    if face.fields("mid-connection.pcapng", ["frame.number"], REMARKS[0], more=told):
        yield "a version that the preference tells is called unknown"


def properties(data):
    return bytes([len(data)]) + data


def check_name(face, _):
    """The filter "mqttscope" finds what "mqtt" finds, and the plugin's own name is in no output that does not ask for it."""
    capture = "fleet.pcapng"
    names = ["frame.number"]
    for more in ([], ["-2"]):
        if face.fields(capture, names, "mqttscope", more=more) != face.fields(capture, names, "mqtt", more=more):
            yield f"{more}: other frames than with mqtt"
    if not face.fields(capture, names, "mqttscope"):
        yield "mqttscope finds nothing"
    for kind in ("json", "ek", "pdml"):
        text = face.tshark(capture, "-T", kind, "-Y", "mqtt")
        if re.search(r'"mqttscope"|protocols"[^"]*"[^"]*:mqttscope', text):
            yield f"{kind} names mqttscope"


def check_empty(face, folder):
    """Findings on fields of no bytes are shown, and end nothing: at the field, with what follows behind it."""
    capture = Capture()
    connection = capture.open()
    head = string("MQTT") + bytes([5, 2, 0, 60])
    capture.segment(connection, CLIENT, 0x18, packet(0x10, head + properties(b"\x16\0\0") + string("e")))
    twice = string("t") + properties(b"\x09\0\0\x09\0\0") + b"x"
    capture.segment(connection, CLIENT, 0x18, packet(0x30, twice))
    capture.segment(connection, CLIENT, 0x18, packet(0x30, string("t") + properties(b"\x08\0\0") + b"y"))
    path = folder / "empty.pcap"
    path.write_bytes(capture.bytes())
    rows = face.fields(path, ["mqttscope.rule", "mqtt.clientid", "mqtt.msg", "_ws.malformed"], "mqtt")
    wanted = [
        (["authentication-data-alone"], ["e"], []),
        (["property-repeated"], [], ["78"]),
        (["topic-empty"], [], ["79"]),
    ]
    if [(row["mqttscope.rule"], row["mqtt.clientid"], row["mqtt.msg"]) for row in rows] != wanted:
        yield f"{rows}"
    yield from (f"{row} is malformed" for row in rows if row["_ws.malformed"])
    lines = [line for line in face.tshark(path, "-V").splitlines() if line.strip()]
    places = [lines[n - 1].strip().split(":")[0] for n, line in enumerate(lines) if "[Expert Info (Error/Prot" in line]
    if places != ["Authentication Data", "Correlation Data", "Response Topic"]:
        yield f"the findings stand at {places}"
    numbers = [n for n, line in enumerate(lines) if "Correlation Data: <" in line]
    if len(numbers) != 2 or "Expert" not in lines[numbers[1] + 1]:
        yield "the second of two is the one that is too many"


def check_muted(face, _):
    """Muted rules are not shown, the others are; a name that is none is said."""
    capture = "qos-faults-v5.pcapng"
    names = ["frame.number", "mqttscope.rule"]
    plain = face.fields(capture, names, "mqttscope.rule")
    rules = sorted({rule for row in plain for rule in row["mqttscope.rule"]})
    muted = rules[: len(rules) // 2]
    for text in (" ".join(muted), ",".join(muted), f" {', '.join(muted)} "):
        rows = face.fields(capture, names, "mqttscope.rule", more=preference("mqttscope.muted_rules", text))
        left = [
            (row["frame.number"], [rule for rule in row["mqttscope.rule"] if rule not in muted]) for row in plain
        ]
        if [(row["frame.number"], row["mqttscope.rule"]) for row in rows] != [pair for pair in left if pair[1]]:
            yield f"{text}: {rows}"
    filters = " || ".join(f"mqttscope.rule.{rule}" for rule in muted)
    if face.fields(capture, names, filters, more=preference("mqttscope.muted_rules", " ".join(muted))):
        yield "a muted rule has expert items"
    command = [face.run_tshark, "-r", faces.capture_path(capture), "-c", "1"]
    for text, said in (("topic-empty no-such-rule", True), ("topic-empty", False)):
        more = preference("mqttscope.muted_rules", text)
        done = subprocess.run([*command, *more], cwd=faces.TREE, capture_output=True, text=True, check=True)
        if ("no-such-rule" in done.stderr) != said:
            yield f"{text}: {done.stderr}"


def check_tolerance(face, folder):
    """A client that is later than its keep alive is blamed only for what exceeds the tolerance."""
    capture = Capture()
    connection = capture.open()
    capture.segment(connection, CLIENT, 0x18, connect("late", keep_alive=10))
    capture.segment(connection, SERVER, 0x18, connack())
    for seconds in (12, 20):
        capture.time += seconds * 10**9
        capture.segment(connection, CLIENT, 0x18, publish("t", struct.pack(">I", seconds)))
    path = folder / "late.pcap"
    path.write_bytes(capture.bytes())
    cases = [(0, ["late", "broken"]), (1000, ["late", "broken"]), (3000, ["broken"]), (6000, ["late"]), (11000, [])]
    for tolerance, wanted in cases:
        more = preference("mqttscope.keep_alive_tolerance", tolerance)
        rows = face.fields(path, ["mqttscope.rule"], "mqttscope.rule", more=more)
        found = [rule.removeprefix("keep-alive-") for row in rows for rule in row["mqttscope.rule"]]
        if found != wanted:
            yield f"tolerance of {tolerance} ms: {found}, not {wanted}"


def check_tooltips(face, _):
    """Each preference says what it does."""
    command = [face.run_tshark, "-G", "currentprefs"]
    text = subprocess.run(command, cwd=faces.TREE, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"((?:^# .*\n)+)^#?(mqttscope\.[\w.]+):", text, re.M)
    wanted = {"tcp.port", "tls.port", "hand_back", "everywhere", "default_version", "muted_rules",
              "keep_alive_tolerance"}  # fmt: skip
    missing = wanted - {name.removeprefix("mqttscope.") for _, name in found}
    if missing:
        yield f"no preferences: {missing}"
    yield from (f"{name} says only: {comment}" for comment, name in found if len(comment) < 80)


if __name__ == "__main__":
    faces.run_check(globals())
