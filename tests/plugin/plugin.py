#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What only the plugin can get wrong: fields, passes, clicks, preferences, transports.

    plugin.py CHECK --tshark RUN-TSHARK [CAPTURE...]

Each check below is a function named check_*; its text says what it holds.
"""

import argparse
import collections
import fnmatch
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import faces  # noqa: E402
from packets import Packets  # noqa: E402
from sharkd import Sharkd  # noqa: E402

# Wireshark 4.0 delivers nothing more of a side behind a hole if it is told to put segments in order,
# and takes a segment that the snap length cut for a hole.
AS_THEY_COME = ["-o", "tcp.reassemble_out_of_order:FALSE"]

STATE_FIELDS = [
    "mqttscope.client", "mqttscope.sender", "mqttscope.version", "mqttscope.topic",
    "mqttscope.response_to", "mqttscope.rtt", "mqttscope.handshake_time", "mqttscope.first_sent_in",
    "mqttscope.since_client", "mqttscope.in_flight", "mqttscope.keep_alive", "mqttscope.rule",
    "mqttscope.severity", "mqttscope.statement", "mqttscope.skipped", "mqttscope.continued",
    "mqttscope.stale", "mqttscope.fragment",
]  # fmt: skip
SHOWN_FIELDS = ["_ws.col.Protocol", "_ws.col.Info", "_ws.expert.message", "mqtt.msgtype", "mqtt.msg"]


def merged(folder):
    """All captures as one file, which takes one start of tshark; those with secrets, which would be
    lost, by themselves."""
    secret = [c for c in faces.captures() if "tls" in c]
    others = [faces.capture_path(c) for c in faces.captures() if c not in secret]
    together = pathlib.Path(folder) / "all.pcapng"
    subprocess.run(["mergecap", "-a", "-w", together, *others], cwd=faces.TREE, check=True)
    return [str(together), *secret]


KINDS = {
    "NONE": "FT_NONE", "UINT8": "FT_UINT8", "UINT16": "FT_UINT16", "UINT32": "FT_UINT32",
    "VARIABLE32": "FT_UINT32", "VARIABLE64": "FT_UINT64", "BOOLEAN": "FT_BOOLEAN",
    "STRING": "FT_STRING", "UINT_STRING": "FT_UINT_STRING", "BYTES": "FT_BYTES",
}  # fmt: skip


def registered_fields():
    """(abbreviation, type) of what the plugin registers. tshark -G lists a name once, with the type of
    whoever came first, so it is the tables that have to tell."""
    rows = 0
    for table in ("mqtt/facts/fields.def", "mqtt/facts/properties.def", "plugin/made.def"):
        text = (faces.TREE / table).read_text()
        rows += len(re.findall(r"^(?:MQTT_FIELD|MQTT_PROPERTY|MADE)\(\w", text, re.M))
        for name, kind in re.findall(r'"(mqtt(?:scope)?\.[\w.]+)",\s*(\w+),', text):
            rows -= 1
            yield name, KINDS.get(kind, kind)
    if rows != 0:
        raise faces.Failed("the tables have rows that this does not understand")


def check_types(face, _):
    """Fields that share an abbreviation with Wireshark's own have its type; none of its fields is
    lost, and all of ours are there."""
    builtin = face.field_types("mqtt.", builtin=True)
    if len(builtin) < 70:
        yield f"the built-in dissector has {len(builtin)} fields: is it there?"
    listed = face.field_types("mqtt")
    for name, kind in registered_fields():
        if builtin.get(name, kind) != kind:
            yield f"{name} is {kind}, where the built-in dissector has {builtin[name]}"
        if listed.get(name) != builtin.get(name, kind):
            yield f"{name} is listed as {listed.get(name)}"
    for name in builtin.keys() - listed.keys():
        yield f"{name} is gone"


def layers(node):
    """All our protocol items of a packet, wherever they stand."""
    for child in node.iter("proto"):
        if child.get("name") == "mqtt" and child.get("hide") != "yes":
            yield child


def leaves(node):
    """(first byte, one behind the last) of items without visible parts."""
    for child in node:
        if child.get("hide") == "yes" or int(child.get("size", "0")) == 0:
            continue
        parts = list(leaves(child))
        if parts:
            yield from parts
        else:
            yield int(child.get("pos")), int(child.get("pos")) + int(child.get("size"))


def holes(layer):
    """Bytes of a layer that no item covers."""
    at, end = int(layer.get("pos")), int(layer.get("pos")) + int(layer.get("size"))
    for first, behind in sorted(leaves(layer)):
        if first > at:
            yield at, first
        at = max(at, behind)
    if at < end:
        yield at, end


def dissected(face, capture, *options):
    """(frame number, packet) from PDML."""
    text = face.tshark(capture, "-T", "pdml", "-J", "frame mqtt mqttscope", *options)
    for packet in ElementTree.fromstring(text.encode(errors="replace")).iter("packet"):
        number = packet.find("proto[@name='frame']/field[@name='frame.number']")
        yield int(number.get("show")), packet


def check_coverage(face, chosen):
    """Every byte of every control packet belongs to an item below its protocol line."""
    packets = 0
    for capture in chosen:
        for frame, packet in dissected(face, capture):
            for layer in layers(packet):
                packets += 1
                for first, behind in holes(layer):
                    yield f"{capture}, frame {frame}: bytes {first} to {behind - 1} are not drawn"
    if packets == 0:
        yield "no control packet was seen"


def kept_back(face, capture):
    """Frames whose bytes Wireshark's TCP gives to nobody in later passes, and calls a part of another."""
    rows = face.fields(capture, ["frame.number"], "tcp.reassembled_in && !mqtt", more=["-2"])
    return {row["frame.number"][0] for row in rows}


def without_ends(row, ends):
    """A row without what only the end tells: the rules, and where the Info column names them. Severities,
    statements and expert items of a frame with such a rule are not compared."""
    said = row["mqttscope.rule"]
    rest = [rule for rule in said if rule not in ends]
    row = {**row, "mqttscope.rule": rest}
    row["_ws.col.Info"] = [re.sub(r" \[[^]]*\]$", "", text) for text in row["_ws.col.Info"]]
    if len(rest) != len(said):
        row["ended"] = True
    return row


def same_but_for_ends(once, twice):
    """Whether two rows are the same, one of the first pass and one of the second."""
    loose = ("mqttscope.severity", "mqttscope.statement", "_ws.expert.message", "ended")
    keys = [key for key in once if key not in loose or not twice.get("ended")]
    return all(once[key] == twice[key] for key in keys)


def passes_differ(face, capture, without=()):
    """What is not the same on the first pass and with -2, and how many frames were seen. Frames `without`
    may be absent from later passes, unless they complete a control packet."""
    names = ["frame.number", *SHOWN_FIELDS, *STATE_FIELDS]
    ends = faces.rules_of_the_analyzer(("END",))
    once = face.fields(capture, names, "mqtt")
    once = [row for row in once if row["mqtt.msgtype"] or row["frame.number"][0] not in without]
    twice = [without_ends(row, ends) for row in face.fields(capture, names, "mqtt", more=["-2"])]
    once = [without_ends(row, set()) for row in once]
    pairs = [(a, b) for a, b in zip(once, twice) if not same_but_for_ends(a, b)]
    if len(once) != len(twice):
        pairs.append((len(once), len(twice)))
    return [f"{capture}: first pass and second differ: {pairs[0]}"] if pairs else [], len(once)


def check_passes(face, chosen):
    """With -2, which draws everything a second time, all is as on the first pass. (Only response_in
    differs, and what only the end tells: a first pass can't know that.)"""
    seen = 0
    results = faces.for_each_capture(lambda capture: passes_differ(face, capture), chosen)
    for problems, count in results.values():
        seen += count
        yield from problems
    if seen == 0:
        yield "no frame was seen"


def disordered(packets, chance):
    """Numbers of packets: some change places, come twice, or don't come."""
    order = list(range(len(packets.packets)))
    for here in range(len(order) - 1):
        if chance.random() < 0.1:
            there = min(here + chance.randrange(1, 4), len(order) - 1)
            order[here], order[there] = order[there], order[here]
    return [n for n in order for _ in range(chance.choices((1, 2, 0), (20, 1, 1))[0])]


def check_disorder(face, chosen):
    """The same where packets change places, come twice or don't come: in later passes Wireshark knows more
    than it did then (where a side's numbers begin, whose bytes these are), and it makes no difference. That is
    so where TCP puts segments in order: else it does not hand over all that it did on the first pass. Since
    4.6 there are segments that it hands over once although it does: of a start that came late, say."""
    once_only = face.wireshark >= (4, 6)
    packets = Packets((faces.TREE / chosen[0]).read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "disorder.pcapng"
        for number in range(4):
            path.write_bytes(packets.in_order(disordered(packets, random.Random(number))))
            without = kept_back(face, path) if once_only else ()
            problems, count = passes_differ(face, path, without)
            yield from (f"{number}: {problem}" for problem in problems)
            if count < 1000:
                yield f"{number}: {count} frames were seen"


def check_order(face, chosen):
    """A frame is drawn the same whenever it is clicked on, also after the capture is opened again."""
    drawn = 0
    for capture in chosen:
        sharkd = Sharkd(face.run_tshark, capture)
        numbers = list(range(1, sharkd.ask("status")["frames"] + 1))
        in_order = {number: sharkd.frame(number) for number in numbers}
        drawn += sum(bool(tree) for tree, _ in in_order.values())
        for why in ("what was drawn before", "the capture that was open before"):
            random.Random(1883).shuffle(numbers)
            for number in numbers:
                if sharkd.frame(number) != in_order[number]:
                    yield f"{capture}, frame {number} depends on {why}"
            sharkd.load(capture)
        sharkd.close()
    if drawn == 0:
        yield "no frame of ours was drawn"


def frames(face, capture, display_filter, *options):
    """The numbers of the frames that a filter selects."""
    text = face.tshark(capture, "-T", "fields", "-e", "frame.number", "-Y", display_filter, *options)
    return [int(number) for number in text.split()]


def check_preferences(face, _):
    """Ways out: our preference that hands MQTT back, disabling the protocol; and other ports. (beside.py has more.)"""
    capture = "qos-flows-v5.pcapng"
    builtin = face.tshark(capture, "-O", "mqtt", builtin=True)
    back = face.tshark(capture, "-O", "mqtt", "-o", "mqttscope.hand_back:TRUE")
    if back != builtin:
        yield "handed back, the tree is not the built-in dissector's"
    if "MQ Telemetry Transport" not in builtin:
        yield "the built-in dissector says nothing"
    if face.tshark(capture, "-O", "mqtt", "--disable-protocol", "mqttscope") != builtin:
        yield "where the protocol is disabled, the tree is not the built-in dissector's"
    if frames(face, capture, "mqttscope") != frames(face, capture, "mqtt"):
        yield "mqtt and mqttscope don't select the same frames"
    odd = "odd-port.pcapng"
    found = frames(face, odd, "mqttscope")
    if not found:
        yield "the heuristic finds nothing on an odd port"
        return
    quiet = ["--disable-heuristic", "mqttscope_tcp"]
    if frames(face, odd, "mqttscope", *quiet):
        yield "the disabled heuristic draws"
    ports = face.fields(odd, ["tcp.dstport"], "mqtt.msgtype == 1")[0]["tcp.dstport"][0]
    if frames(face, odd, "mqttscope", *quiet, "-o", f"mqttscope.tcp.port:{ports}") != found:
        yield "the port preference does not do what the heuristic does"
    if frames(face, "not-mqtt.pcapng", "mqttscope && !(tcp.port == 1883)"):
        yield "the heuristic takes what is not MQTT"


# Capture, and the client identifiers that have to come out of it.
TRANSPORTS = {
    "tls.pcapng": {"tls-1-2", "tls-1-3", "js-visit"},
    "websocket.pcapng": {"js-flow-v4", "js-flow-v5", "paho-ws"},
    "websocket-tls.pcapng": {"js-flow-v4", "js-flow-v5"},
    "websocket-frames.pcapng": {"frames", "text", "no-protocol"},
}

# The server does not answer a client that offers no sub-protocol.
UNANSWERED = {"websocket-frames.pcapng": 1}


def check_transports(face, _):
    """TLS with embedded secrets and WebSocket: every client's handshakes come through, without a
    malformed packet."""
    for capture, clients in TRANSPORTS.items():
        rows = face.fields(capture, ["mqttscope.client", "mqttscope.sender", "mqtt.msgtype"], "mqtt")
        seen = {name for row in rows for name in row["mqttscope.client"]}
        if not clients <= seen:
            yield f"{capture}: no packets of {sorted(clients - seen)}"
        types = collections.Counter(t for row in rows for t in row["mqtt.msgtype"])
        answered = types["1"] - UNANSWERED.get(capture, 0)
        if answered != types["2"] or types["8"] != types["9"] or types["3"] == 0:
            yield f"{capture}: CONNECT, CONNACK, SUBSCRIBE, SUBACK, PUBLISH don't add up: {types}"
        if frames(face, capture, "_ws.malformed"):
            yield f"{capture}: malformed packets"


def check_rules(face, chosen):
    """Each finding has its rule, severity and statements in the same order, and its expert item can be
    filtered by the rule's own name."""
    text = (faces.TREE / "mqtt" / "facts" / "rules.def").read_text()
    rules = dict(re.findall(r'^MQTT_RULE\(\w+,\s*"([^"]+)",\s*(\w+),', text, re.M))
    names = ["mqttscope.rule", "mqttscope.severity", "mqttscope.statement"]
    names += [f"mqttscope.rule.{rule}" for rule in rules]
    seen = set()
    results = faces.for_each_capture(
        lambda capture: face.fields(capture, ["frame.number", *names], "mqttscope.rule"), chosen
    )
    for capture, rows in results.items():
        for row in rows:
            where = f"{capture}, frame {row['frame.number'][0]}"
            said = row["mqttscope.rule"]
            seen.update(said)
            severities = [rules[rule].lower() for rule in said]
            if row["mqttscope.severity"] != severities:
                yield f"{where}: severities {row['mqttscope.severity']}, not {severities}"
            for rule in rules:
                if len(row[f"mqttscope.rule.{rule}"]) != said.count(rule):
                    yield f"{where}: expert items of {rule} don't match mqttscope.rule"
    if not seen:
        yield "no finding was seen"


def check_snaplen(face, chosen):
    """What the snap length cut is said to be cut, never malformed, and framing goes on. No cut makes
    the dissector reach for bytes that are not there."""
    whole, cut = "fleet.pcapng", "snaplen-96.pcapng"
    with tempfile.TemporaryDirectory() as folder:
        shorter = str(pathlib.Path(folder) / "shorter.pcapng")
        for length in range(58, 100, 3):
            source = faces.capture_path(chosen[0])
            subprocess.run(["editcap", "-s", str(length), source, shorter], cwd=faces.TREE, check=True)
            reached = frames(face, shorter, "mqtt && _ws.short", *AS_THEY_COME)
            if reached:
                yield f"cut to {length} bytes, frames {reached[:5]} are drawn beyond their end"
    if frames(face, cut, "_ws.malformed || mqttscope.skipped", *AS_THEY_COME):
        yield "a cut packet is malformed, or sync is lost"
    if not frames(face, cut, "mqttscope.cut", *AS_THEY_COME):
        yield "no packet is said to be cut"
    types = [
        [row["mqtt.msgtype"] for row in face.fields(c, ["mqtt.msgtype"], "mqtt", more=AS_THEY_COME)]
        for c in (whole, cut)
    ]
    if types[0] != types[1]:
        yield "other control packets than without the snap length"


def check_gaps(face, _):
    """Segments that the capture lacks: said with the next packet, and decoding goes on."""
    capture = "lost-segments.pcapng"
    if not frames(face, capture, "mqttscope.gap", *AS_THEY_COME):
        yield "no gap is said"
    if frames(face, capture, "_ws.malformed", *AS_THEY_COME):
        yield "a gap makes packets malformed"
    lost = {"DISCONNECT": 14, "PUBCOMP": 7}
    for name, number in lost.items():
        if not frames(face, capture, f"mqtt.msgtype == {number}", *AS_THEY_COME):
            yield f"no {name} is decoded behind the gaps"


def main():
    """Runs one check."""
    checks = {n.removeprefix("check_"): f for n, f in globals().items() if n.startswith("check_")}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("check", choices=sorted(checks))
    parser.add_argument("--tshark", required=True, help="run-tshark of the build tree")
    parser.add_argument("captures", nargs="*", help="names or patterns; all, as one, if none is given")
    given = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as folder:
        chosen = [c for c in faces.captures() if any(fnmatch.fnmatch(c, p) for p in given.captures)]
        if not given.captures:
            chosen = merged(folder)
        problems = list(checks[given.check](faces.Faces(None, given.tshark), chosen))
    faces.conclude(problems, f"{given.check}: fine")


if __name__ == "__main__":
    main()
