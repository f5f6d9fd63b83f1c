#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The tools of Wireshark's menus, as tshark has them, against what the fields of the same frames say.

    tools.py CHECK --tshark RUN-TSHARK

Each check below is a function named check_*; its text says what it holds.
"""

import collections
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import faces  # noqa: E402
from mqtt_pcap import CLIENT, DISCONNECT, SERVER, Capture, connack, connect, publish  # noqa: E402

CAPTURES = ["fleet.pcapng", "qos-faults-v5.pcapng", "websocket.pcapng", "protocol-errors-v311.pcapng"]


def written(folder, *exchanges):
    """The path of a capture with these connections, each a list of what the client sends."""
    capture = Capture()
    for hello, *sent in exchanges:
        capture.talk([(CLIENT, hello), (SERVER, connack()), *((CLIENT, s) for s in sent), (CLIENT, DISCONNECT)])
    path = pathlib.Path(folder) / "tools.pcap"
    path.write_bytes(capture.bytes())
    return str(path)


def tree(face, capture, name):
    """The nodes of a statistics tree: (depth, name, count, average, least, most); the first is the top."""
    lines = face.tshark(capture, "-q", "-z", f"{name},tree").splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("Topic / Item"))
    columns = [lines[at].index(title) for title in ("Count", "Average", "Min Val", "Max Val", "Rate")]
    nodes = []
    for line in lines[at + 2 :]:
        if not line.strip() or line.startswith("---"):
            break
        title = line[: columns[0]].rstrip()
        values = [line[a:b].strip() for a, b in zip(columns, columns[1:])]
        nodes.append((len(title) - len(title.lstrip()), title.strip(), int(values[0]), *values[1:]))
    return nodes


def counts(nodes, depth):
    """How often each name is counted at this depth."""
    found = collections.Counter()
    for node in nodes:
        if node[0] == depth:
            found[node[1]] += node[2]
    return found


def values(face, capture, field, display_filter="mqtt"):
    """How often the field has each of its values, over all frames."""
    rows = face.fields(capture, [field], display_filter)
    return collections.Counter(value for row in rows for value in row[field])


def differ(what, found, wanted):
    if found != wanted:
        yield f"{what}: {found} instead of {wanted}"


def check_trees(face, _folder):
    """Packet types, clients, rules and in flight are counted as the fields of all packets are."""
    for capture in CAPTURES:
        types = values(face, capture, "mqtt.msgtype")
        wanted = collections.Counter({faces.PACKET_TYPES[int(t)]: n for t, n in types.items()})
        nodes = tree(face, capture, "mqttscope_packets")
        yield from differ(f"{capture}: types", counts(nodes, 1), wanted)
        yield from differ(f"{capture}: packets", nodes[0][2], sum(wanted.values()))

        clients = counts(tree(face, capture, "mqttscope_clients"), 1)
        clients.pop("(unknown)", None)
        yield from differ(f"{capture}: clients", clients, values(face, capture, "mqttscope.client"))

        rules = values(face, capture, "mqttscope.rule")
        yield from differ(f"{capture}: rules", counts(tree(face, capture, "mqttscope_findings"), 2), rules)

        publishes = tree(face, capture, "mqttscope_topics")[0][2]
        yield from differ(f"{capture}: PUBLISH", publishes, wanted["PUBLISH"])

        flying = values(face, capture, "mqttscope.in_flight", "mqtt.qos > 0")
        top = tree(face, capture, "mqttscope_in_flight")[0]
        if flying:
            yield from differ(f"{capture}: most in flight", top[5], max(flying, key=int))
    if not values(face, "qos-faults-v5.pcapng", "mqttscope.rule"):
        yield "no capture has findings"


def check_topics(face, folder):
    """Topics are counted by name and QoS, those of an alias by the topic that it stands for; reason codes by
    packet, with their names."""
    path = written(folder, (connect("c"), publish("a") + publish("b/c", b"", 0x32, 1), publish("a")))
    nodes = [node[:3] for node in tree(face, path, "mqttscope_topics")]
    wanted = [(0, "PUBLISH by topic", 3), (1, "a", 2), (2, "QoS 0", 2), (1, "b/c", 1), (2, "QoS 1", 1)]
    yield from differ("topics", nodes, wanted)
    nodes = tree(face, path, "mqttscope_reasons")
    yield from differ("codes", counts(nodes, 2), {"0x00 Connection accepted": 1})
    resolved = counts(tree(face, "topic-alias-v5.pcapng", "mqttscope_topics"), 1)
    names = values(face, "topic-alias-v5.pcapng", "mqttscope.topic")
    if not names or any(resolved[name] < count for name, count in names.items()):
        yield f"aliases: {resolved} lacks some of {names}"


def check_bounds(face, folder):
    """A thousand topics have a line each, further ones are counted together; a topic may be named as the tree's
    own nodes are, and long ones are cut."""
    topics = [f"t/{n}" for n in range(1100)]
    path = written(folder, (connect("c"), *(publish(t) for t in [*topics, "t/0"])))
    found = counts(tree(face, path, "mqttscope_topics"), 1)
    if len(found) != 1001 or found["(others)"] != 100 or found["t/0"] != 2 or sum(found.values()) != 1101:
        yield f"{len(found)} topics, {found['(others)']} others, {sum(found.values())} in sum"
    path = written(folder, (connect("c"), publish("PUBLISH by topic") + publish("x" * 5000) + publish("a")))
    nodes = tree(face, path, "mqttscope_topics")
    found = counts(nodes, 1)
    wanted = {"PUBLISH by topic": 1, "x" * 200 + "...": 1, "a": 1}
    if nodes[0][2] != 3 or found != wanted:
        yield f"hostile names: {nodes[0]} and {found}"


def response_times(face, capture):
    """Rows of -z mqttscope,srt: (index, calls, sum of the times)."""
    text = face.tshark(capture, "-q", "-z", "mqttscope,srt")
    row = re.compile(r"^\s+(\d+)\s+.*?\s+(\d+)(?:\s+\d+\.\d+){3}\s+(\d+\.\d+)$", re.M)
    return [(int(i), int(n), float(t)) for i, n, t in row.findall(text)]


def check_times(face, folder):
    """Each response and its time is in the tables, and each whole handshake; without one they are empty."""
    for capture in CAPTURES:
        rows = response_times(face, capture)
        for name, chosen in (("rtt", lambda i: i < 16), ("handshake_time", lambda i: i == 16)):
            wanted = values(face, capture, f"mqttscope.{name}")
            calls = sum(n for i, n, _ in rows if chosen(i))
            total = sum(t for i, _, t in rows if chosen(i))
            yield from differ(f"{capture}: {name}", calls, sum(wanted.values()))
            if abs(total - sum(float(v) * n for v, n in wanted.items())) > 1e-4:
                yield f"{capture}: {name}: {total} s in sum"
    path = written(folder, (connect("c"), publish("a")))
    yield from differ("rows", [i for i, _, _ in response_times(face, path)], [2])


LINE = re.compile(r"^\t?\d+\.\d{6} frame (\d+) (<-|->) (\w+)", re.M)


def check_follow(face, _folder):
    """Following a connection has a line for each of its control packets, with frame, direction and type."""
    for capture, stream in (("fleet.pcapng", 0), ("qos-faults-v5.pcapng", 2), ("websocket.pcapng", 0)):
        said = LINE.findall(face.tshark(capture, "-q", "-z", f"follow,mqttscope,ascii,{stream}"))
        rows = face.fields(capture, ["frame.number", "mqtt.msgtype", "mqttscope.sender"], f"tcp.stream == {stream} && mqtt")
        wanted = [
            (row["frame.number"][0], "->" if sender == "client" else "<-", faces.PACKET_TYPES[int(kind)])
            for row in rows
            for kind, sender in zip(row["mqtt.msgtype"], row["mqttscope.sender"], strict=True)
        ]
        if not wanted:
            yield f"{capture}: stream {stream} has no control packet"
        yield from differ(capture, said, wanted)


def check_flow(face, _folder):
    """The flow graph has a step for each control packet, in their order. (Between two ports of one address Wireshark
    complains to stderr, in its own graphs too.)"""
    for capture in ("two-hosts.pcapng", "websocket.pcapng"):
        text = face.tshark(capture, "-q", "-z", "flow,mqttscope,standard")
        found = re.findall(r"^\|\d+\.\d+ *\| *\|? *([A-Z]+)", text, re.M)
        rows = face.fields(capture, ["mqtt.msgtype"], "mqtt")
        wanted = [faces.PACKET_TYPES[int(kind)] for row in rows for kind in row["mqtt.msgtype"]]
        yield from differ(f"{capture}: steps", found, wanted)


def exported(face, folder, capture):
    """What --export-objects writes, by name."""
    target = folder / "objects"
    target.mkdir()
    target.chmod(0o777)
    folder.chmod(0o777)
    face.tshark(capture, "-q", "--export-objects", f"mqtt,{target}")
    found = {path.name: path.read_bytes() for path in target.iterdir()}
    for path in target.iterdir():
        path.unlink()
    target.rmdir()
    return found


def check_export(face, folder):
    """Each payload is a file, named by its topic; no topic names a file elsewhere, and empty payloads are none."""
    capture = "fleet.pcapng"
    payloads = values(face, capture, "mqtt.msg", "mqtt.msgtype == 3")
    payloads.pop("", None)
    found = collections.Counter(data.hex() for data in exported(face, folder, capture).values())
    yield from differ(f"{capture}: number", sum(found.values()), sum(payloads.values()))
    yield from differ(capture, set(found), {p.replace(":", "") for p in payloads})

    sent = [publish("../../etc/passwd", b"1"), publish(".hidden", b'{"a":1}'), publish("a b", b"\0"), publish("e")]
    path = written(folder, (connect("c"), b"".join(sent)))
    frame = face.fields(path, ["frame.number"], "mqtt.msgtype == 3")[0]["frame.number"][0]
    wanted = {
        f"______etc_passwd_{frame}.txt": b"1",
        f"_hidden_{frame}-2.json": b'{"a":1}',
        f"a_b_{frame}-3.bin": b"\0",
    }
    found = exported(face, folder, path)
    yield from differ("hostile topics", found, wanted)


QUESTION = re.compile(r"^\| ([^|]+\?) \| `((?:[^`])+)` \| `([^`]+)` \| (\d+) \|$", re.M)


def check_page(face, _folder):
    """The filters of docs/wireshark.md select as many frames as it says; none of them selects all of MQTT."""
    questions = QUESTION.findall((faces.TREE / "docs" / "wireshark.md").read_text())
    if len(questions) != 20:
        yield f"docs/wireshark.md has {len(questions)} questions that this can read"
    for _question, chosen, capture, count in questions:
        frames = [len(face.tshark(capture, "-2", "-Y", f).splitlines()) for f in (chosen, "mqtt")]
        if frames[0] != int(count) or not 0 < frames[0] < frames[1]:
            yield f"{capture}: {chosen}: {frames[0]} of {frames[1]} frames instead of {count}"


def check_credentials(face, folder):
    """User names of CONNECT are among the credentials, with frame and client; a CONNECT without one is not."""
    path = written(folder, (connect("c1", user="al", password="secret"),), (connect("c2"),))
    text = face.tshark(path, "-q", "-z", "credentials")
    frame = face.fields(path, ["frame.number"], "mqtt.username")[0]["frame.number"][0]
    rows = [line.split() for line in text.splitlines() if "MQTT" in line]
    yield from differ("rows", rows, [[frame, "MQTT", "al", "client", "c1"]])
    if "secret" in text:
        yield "the password is shown"


if __name__ == "__main__":
    faces.run_check(globals())
