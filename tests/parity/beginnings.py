#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a connection begins with: a PROXY protocol header, another protocol, nothing at all, or MQTT gone wrong.

The scenes below are made into one capture, a connection each, and both faces read it: with the segments as
they are written here, and a byte a segment. The report has to say of each connection what its scene
expects, and the plugin the same as the report.
"""

import collections
import ipaddress
import json
import pathlib
import random
import struct
import sys
import tempfile

import jsonschema

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import faces  # noqa: E402
import parity  # noqa: E402

SYN, FIN, PSH, ACK = 2, 1, 8, 16
FIRST_PORT = 40001

CONNECT = bytes.fromhex("100d00044d5154540402003c000163")
CONNECT_5 = bytes.fromhex("100e00044d5154540502003c00000163")
CONNACK = bytes.fromhex("20020000")
PINGREQ, PINGRESP, DISCONNECT = bytes.fromhex("c000"), bytes.fromhex("d000"), bytes.fromhex("e000")
PUBLISH = bytes.fromhex("30040001") + b"tx"
ROUND = [("C", CONNECT), ("S", CONNACK), ("C", PINGREQ), ("S", PINGRESP), ("C", DISCONNECT)]
PACKETS = {"CONNECT": 1, "CONNACK": 1, "PINGREQ": 1, "PINGRESP": 1, "DISCONNECT": 1}

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 203.0.113.9 192.0.2.1 56324 1883\r\n"


def v2(command, family, body):
    """A header of version 2."""
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack(">H", len(body)) + body


def v2_ip(source, target, port, more=b""):
    """One that names a client over TCP."""
    addresses = [ipaddress.ip_address(a) for a in (source, target)]
    family = 0x11 if addresses[0].version == 4 else 0x21
    body = b"".join(a.packed for a in addresses) + struct.pack(">HH", port, 1883)
    return v2(1, family, body + more)


# What is asked: control packets, rules but those known at the end, the limit that names it,
# the client behind the proxy.
Expected = collections.namedtuple("Expected", "packets rules limit client", defaults=((), None, None))
Scene = collections.namedtuple("Scene", "name steps expected syn port", defaults=(True, 1883))

ANY = object()  # some rules: which, is for other tests


def mqtt(name, steps, rules=(), client=None, packets=None):
    """A scene that is MQTT; `packets` are those of a short life if nothing else is said."""
    return Scene(name, steps, Expected(PACKETS if packets is None else packets, rules, None, client))


def proxied(name, header, client=None):
    """That life behind a header of its own, and one in the same segment."""
    first = [("C", header), *ROUND]
    joined = [("C", header + CONNECT), *ROUND[1:]]
    return [mqtt(name, first, (), client), mqtt(f"{name}, in one", joined, (), client)]


def foreign(name, limit, *steps, syn=True):
    """A scene that is no MQTT."""
    return Scene(name, list(steps), Expected({}, (), limit), syn)


def random_bytes(number, length):
    """The same on every run."""
    return bytes(random.Random(number).randrange(256) for _ in range(length))


def proxy_scenes():
    """The PROXY protocol."""
    yield from proxied("v1", V1, "203.0.113.9:56324")
    yield from proxied("v1, IPv6", b"PROXY TCP6 2001:db8::9 ::1 65535 1883\r\n", "2001:db8::9:65535")
    yield from proxied("v1, unknown", b"PROXY UNKNOWN\r\n")
    yield from proxied("v1, unknown and more", b"PROXY UNKNOWN ffff:: ffff:: 1 2\r\n")
    yield from proxied("v2", v2_ip("203.0.113.9", "192.0.2.1", 56324), "203.0.113.9:56324")
    yield from proxied("v2, IPv6", v2_ip("2001:db8::9", "2001:db8::1", 7), "2001:db8::9:7")
    more = b"\x20\x01\x2c" + bytes(300)
    yield from proxied("v2, with more", v2_ip("203.0.113.9", "192.0.2.1", 1, more), "203.0.113.9:1")
    yield from proxied("v2, local", v2(0, 0, b""))
    yield from proxied("v2, local with addresses", v2(0, 0x11, bytes(12)))
    yield from proxied("v2, Unix", v2(1, 0x31, bytes(216)))
    yield from proxied("v2, unspecified", v2(1, 0, b"what"))
    long = v2_ip("203.0.113.9", "192.0.2.1", 2, bytes(4000)) + CONNECT
    pieces = [("C", long[at:end]) for at, end in ((0, 20), (20, 1500), (1500, 3000), (3000, None))]
    yield mqtt("v2, over segments", [*pieces, *ROUND[1:]], client="203.0.113.9:2")
    wrong = b"PROXY TCP4 203.0.113.999 192.0.2.1 1 2\r\n"
    yield foreign("v1, wrong", "not-mqtt", ("C", wrong + CONNECT))
    yield foreign("v1, without end", "not-mqtt", ("C", b"PROXY TCP4 " + b"1" * 140))
    yield foreign("v2, unknown command", "not-mqtt", ("C", v2(2, 0x11, bytes(12)) + CONNECT))
    yield foreign("v2, too short", "not-mqtt", ("C", v2(1, 0x11, bytes(11)) + CONNECT))
    yield foreign("a proxy that is alone", "not-mqtt", ("C", V1))
    yield foreign("HTTP behind a proxy", "not-mqtt-http", ("C", V1), ("C", b"POST / HTTP/1.1\r\n\r\n"))
    yield foreign("twice", "not-mqtt", ("C", V1 + V1 + CONNECT))
    yield mqtt(
        "PUBLISH behind a proxy",
        [("C", V1), ("C", PUBLISH)],
        ["first-packet-not-connect"],
        "203.0.113.9:56324",
        {"PUBLISH": 1},
    )
    yield mqtt("a proxy's line by the server", [("S", V1), ("C", CONNECT)], packets={"CONNECT": 1})


def foreign_scenes():
    """Other protocols, and no protocol."""
    get, answer = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nhello"
    yield foreign("HTTP", "not-mqtt-http", ("C", get), ("S", answer))
    post = b"POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"
    yield foreign("HTTP POST", "not-mqtt-http", ("C", post))
    yield foreign("HTTP, one side", "not-mqtt-http", ("S", b"HTTP/1.0 400 Bad Request\r\n\r\n"))
    yield foreign("HTTP/2", "not-mqtt-http", ("C", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
    ssh = [("S", b"SSH-2.0-OpenSSH_9.2\r\n"), ("C", b"SSH-2.0-x\r\n"), ("C", random_bytes(1, 300))]
    yield foreign("SSH", "not-mqtt-ssh", *ssh)
    start = b"\x01\0\0\0\0\x01\xed\0\x0a\0\x0a"
    yield foreign("AMQP", "not-mqtt-amqp", ("C", b"AMQP\0\0\x09\x01"), ("S", start))
    yield foreign("Redis", "not-mqtt-redis", ("C", b"*1\r\n$4\r\nPING\r\n"), ("S", b"+PONG\r\n"))
    yield foreign("Redis, inline", "not-mqtt-redis", ("C", b"PING\r\n"), ("S", b"+PONG\r\n"))
    connect = b'CONNECT {"b":2}\r\nPING\r\n'
    yield foreign("NATS", "not-mqtt-nats", ("S", b'INFO {"a":1}\r\n'), ("C", connect))
    yield foreign("STOMP", "not-mqtt-stomp", ("C", b"CONNECT\naccept-version:1.2\n\n\0"))
    mail = [("S", b"220 mail ESMTP\r\n"), ("C", b"EHLO me\r\n"), ("S", b"250 ok\r\n")]
    yield foreign("SMTP", "not-mqtt-mail", *mail)
    yield foreign("FTP", "not-mqtt-mail", ("S", b"220-hello\r\n220 you\r\n"), ("C", b"USER a\r\n"))
    hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
    yield foreign("TLS", "tls", ("C", hello), ("S", b"\x15\x03\x03\0\2\2\x28"))
    yield foreign("zeros", "not-mqtt", ("C", bytes(200)), ("S", bytes(20)))
    yield foreign("ones", "not-mqtt", ("C", b"\xff" * 200))
    yield foreign("a question", "not-mqtt", ("C", b"hello?\r\n"), ("S", b"what?\r\n"), ("C", b"bye\r\n"))
    yield foreign("numbers", "not-mqtt", ("C", b"0123456789\n" * 20), ("S", b"42\n"))
    yield foreign("a server that greets", "not-mqtt", ("S", b"* OK ready\r\n"), ("C", b"a LOGIN x y\r\n"))
    yield foreign("an empty line", "not-mqtt", ("C", b"\r\n"), ("C", b"\r\n"))
    yield foreign("one byte", "not-mqtt", ("C", b"\0"))
    yield foreign("PostgreSQL", "not-mqtt", ("C", struct.pack(">II", 8, 80877103)), ("S", b"N"))
    greeting = b"\x4a\0\0\0\x0a8.0.33\0" + random_bytes(2, 62)
    yield foreign("MySQL", "not-mqtt", ("S", greeting), ("C", random_bytes(3, 60)))
    query = bytes.fromhex("001c1234010000010000000000000161016200000100010000")
    yield foreign("DNS", "not-mqtt", ("C", query))
    yield foreign("SOCKS", "not-mqtt", ("C", b"\x05\x01\x00"), ("S", b"\x05\x00"))
    yield foreign("a Modbus request", "not-mqtt", ("C", bytes.fromhex("000100000006010300000002")))
    for number in range(60):
        yield foreign(
            f"random {number}",
            "not-mqtt",
            ("C" if number % 3 else "S", random_bytes(number, 5 + 7 * number)),
            ("S" if number % 3 else "C", random_bytes(100 + number, 90)),
        )
    # Without its beginning, nobody knows what it is until something is found.
    for number in range(30):
        yield foreign(
            f"random {number}, from the middle",
            "not-mqtt",
            ("C", random_bytes(200 + number, 400)),
            ("S", random_bytes(300 + number, 300)),
            syn=False,
        )
    zeros = [("C", bytes(200)), ("S", bytes(200))]
    yield foreign("zeros, from the middle", "not-mqtt", *zeros, syn=False)
    ftp = [("C", b"USER x\r\n"), ("S", b"331 ok\r\n")]
    yield foreign("FTP, from the middle", "not-mqtt-mail", *ftp, syn=False)
    http = [("S", b"HTTP/1.1 200 OK\r\n\r\nabc"), ("C", b"POST / HT")]
    yield foreign("HTTP, from the middle", "not-mqtt-http", *http, syn=False)


def broken_scenes():
    """MQTT that begins wrongly keeps what is to be said of it."""
    first = ["first-packet-not-connect"]
    subscribe = bytes.fromhex("8206000100016100")
    yield mqtt("PUBLISH first", [("C", PUBLISH)], first, packets={"PUBLISH": 1})
    pings = {"PINGREQ": 1, "PINGRESP": 1}
    yield mqtt("PINGREQ first", [("C", PINGREQ), ("S", PINGRESP)], ANY, packets=pings)
    yield mqtt("SUBSCRIBE first", [("C", subscribe)], first, packets={"SUBSCRIBE": 1})
    for name, data in (
        ("of nothing", b"\x10\0"),
        ("with flags", b"\x12" + CONNECT[1:]),
        ("with another name", CONNECT.replace(b"MQTT", b"MQTX")),
        ("without a name", b"\x10\x0a\0\0\4\2\0\x3c\0\2ab"),
        ("whose name is cut", b"\x10\x05\0\4MQT"),
        ("with a length the wrong way round", CONNECT.replace(b"\0\4", b"\4\0", 1)),
        ("whose length never ends", b"\x10\xff\xff\xff\xff\x01\0\4MQTT"),
    ):
        yield mqtt(f"a CONNECT {name}", [("C", data)], ANY, packets={"CONNECT": 1})
    yield mqtt("a life in 5.0", [("C", CONNECT_5), ("S", b"\x20\x03\0\0\0"), *ROUND[2:]])
    yield mqtt("CONNACK alone", [("S", CONNACK)], ["connack-before-connect"], packets={"CONNACK": 1})
    yield mqtt(
        "zeros behind a CONNECT",
        [("C", CONNECT), ("S", CONNACK), ("C", b"\0\0")],
        ["packet-type-reserved"],
        packets={"CONNECT": 1, "CONNACK": 1, "reserved": 1},
    )


def upgrade(offered, selected, status="101 Switching Protocols"):
    """The HTTP handshake of a WebSocket."""
    request = [
        "GET /mqtt HTTP/1.1", "Host: b", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
    ]  # fmt: skip
    switched = ["Upgrade: websocket", "Connection: Upgrade"]
    answer = [f"HTTP/1.1 {status}", *(switched if status[0] == "1" else ["Content-Length: 0"])]
    if offered:
        request.append(f"Sec-WebSocket-Protocol: {offered}")
    if selected:
        answer.append(f"Sec-WebSocket-Protocol: {selected}")
    return [(s, "\r\n".join([*head, "", ""]).encode()) for s, head in (("C", request), ("S", answer))]


def frame(side, data, opcode=2):
    """A WebSocket frame; masked with zeros."""
    length = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
    if side == "C":
        length = bytes([length[0] | 0x80]) + length[1:] + bytes(4)
    return side, bytes([0x80 | opcode]) + length + data


def web(name, handshake, rules=(), life=ROUND, packets=None, client=None):
    """MQTT in a WebSocket."""
    steps = [*handshake, *[frame(side, data) for side, data in life]]
    return mqtt(name, steps, rules, client, packets)


def websocket_scenes():
    """Sub-protocols, offered and selected. All but the first are on a port where nothing is expected."""
    not_offered = ["websocket-protocol-not-offered"]
    not_selected = ["websocket-protocol-not-selected"]
    text, opened = ["websocket-text-frame"], {"CONNECT": 1, "CONNACK": 1}
    old = bytes.fromhex("100f00064d51497364700302003c000163")
    life_3_1 = [("C", old), *ROUND[1:]]
    scenes = [
        web("mqtt", upgrade("mqtt", "mqtt")),
        web("mqtt among others", upgrade("mqttv3.1, MQTT , x", "mqtt")),
        web("none", upgrade(None, None), not_offered),
        web("another alone", upgrade("chat", "chat"), not_offered),
        web("another alone, none selected", upgrade("chat", None), not_offered),
        web("mqttv3.1 with 3.1", upgrade("mqttv3.1", "mqttv3.1"), life=life_3_1),
        web("none with 3.1", upgrade(None, None), life=life_3_1),
        web("mqttv3.1 with 3.1.1", upgrade("mqttv3.1", "mqttv3.1"), not_offered),
        web("both, the old one selected", upgrade("mqtt, mqttv3.1", "mqttv3.1")),
        web("none selected", upgrade("mqtt", None), not_selected),
        web("another selected", upgrade("mqtt, chat", "chat"), not_selected),
        web("the old one selected unasked", upgrade("mqtt", "mqttv3.1"), not_selected),
        web("asked again", [*upgrade(None, None, "400 Bad Request"), *upgrade("mqtt", "mqtt")]),
    ]
    chat = [frame("C", b'{"type":"hello"}', 1), frame("S", b'{"type":"hi"}', 1)]
    noise = [frame("C", random_bytes(5, 40)), frame("S", random_bytes(6, 40))]
    good = upgrade("mqtt", "mqtt")
    by_client = [*good, frame("C", CONNECT, 1), frame("S", CONNACK)]
    by_both = [*good, frame("C", CONNECT, 1), frame("S", CONNACK, 1), frame("C", DISCONNECT, 1)]
    scenes += [
        mqtt("text", by_client, text, packets=opened),
        mqtt("text both ways", by_both, text * 2, packets={**opened, "DISCONNECT": 1}),
        foreign("chat", None, *upgrade("chat", "chat"), *chat),
        foreign("chat without a name", None, *upgrade(None, None), *chat),
        foreign("binary chat", None, *upgrade(None, None), *noise),
        *proxied("CONNECT behind a proxy", V1, "203.0.113.9:56324"),
        foreign("HTTP", None, ("C", b"POST / HTTP/1.1\r\n\r\n")),
        foreign("noise", None, ("C", random_bytes(7, 100))),
        foreign("PUBLISH", None, ("C", PUBLISH)),
    ]
    yield web("on MQTT's own port", upgrade("mqtt", "mqtt"))
    yield web("on MQTT's own port, none", upgrade(None, None), not_offered)
    yield foreign("chat on MQTT's port", "not-mqtt-http", *upgrade("chat", "chat"), *chat)
    for side, packet in (("S", PINGRESP), ("S", CONNACK + PUBLISH), ("C", PINGREQ), ("C", PUBLISH * 30)):
        later = [frame(side, packet), frame("S", PUBLISH * 3), frame("C", PINGREQ)]
        name = f"from the middle, {len(packet)} bytes"
        yield foreign(name, "websocket-middle", *later, syn=False)
    subscribe, answer = bytes.fromhex("8209400200046162636400"), bytes.fromhex("9003400200")
    life = [("C", subscribe), ("S", answer)]
    yield mqtt("SUBSCRIBE in the middle", life, packets={"SUBSCRIBE": 1, "SUBACK": 1})._replace(syn=False)
    request, answer = upgrade("mqtt", "mqtt")
    yield web("behind a proxy", [("C", V1 + request[1]), answer], client="203.0.113.9:56324")
    for scene in scenes:
        yield scene._replace(name=f"port 8083, {scene.name}", port=8083)


def tcp(scene, port, bytewise):
    """The frames of a scene: (time in microseconds, bytes)."""
    ends = {"C": ("10.0.0.2", port), "S": ("10.0.0.1", scene.port)}
    next_number = {"C": 1000, "S": 5000}

    def segment(side, flags, data=b""):
        other = "S" if side == "C" else "C"
        header = struct.pack(
            ">HHIIBBHHH", ends[side][1], ends[other][1], next_number[side],
            next_number[other] if flags & ACK else 0, 0x50, flags, 65000, 0, 0,
        )  # fmt: skip
        ip = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0,
            *(ipaddress.ip_address(ends[s][0]).packed for s in (side, other)),
        )  # fmt: skip
        next_number[side] = next_number[side] + len(data) + bool(flags & (SYN | FIN))
        return ip + header + data

    if scene.syn:
        yield segment("C", SYN)
        yield segment("S", SYN | ACK)
        yield segment("C", ACK)
    for side, data in scene.steps:
        # Elsewhere Wireshark recognizes what begins in one piece alone.
        whole = scene.port != 1883 and data.startswith((b"GET ", b"HTTP", b"PROXY", b"\x10"))
        whole = whole or not scene.syn and data[0] in (0x82, 0x90)
        size = 1 if bytewise and not whole else len(data)
        for at in range(0, len(data), size):
            yield segment(side, PSH | ACK, data[at : at + size])
    yield segment("C", FIN | ACK)
    yield segment("S", FIN | ACK)
    yield segment("C", ACK)


def write(path, scenes, bytewise):
    """All scenes one after the other, as raw IP."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)]
    time = 1_700_000_000_000_000
    for number, scene in enumerate(scenes):
        for packet in tcp(scene, FIRST_PORT + number, bytewise):
            seconds, rest = divmod(time, 1_000_000)
            out.append(struct.pack("<IIII", seconds, rest, len(packet), len(packet)) + packet)
            time += 1000
    path.write_bytes(b"".join(out))


def said_of(connection, findings, at_end):
    """What the report says of one connection, as Expected has it."""
    packets = {t: sent["client"] + sent["server"] for t, sent in connection["control_packets"].items()}
    real = connection.get("real_client")
    rules = sorted(r for r in findings[connection["id"]] if r not in at_end)
    return packets, rules, f"{real['address']}:{real['port']}" if real else None


def judge(scenes, report, at_end):
    """A line for each scene of which the report says something else."""
    findings = collections.defaultdict(list)
    for finding in report["findings"]:
        findings[finding["connection"]].append(finding["rule"])
    connections = {c["client"]["port"]: c for c in report["connections"]}
    for number, scene in enumerate(scenes):
        connection = connections.get(FIRST_PORT + number)
        if connection is None:
            if scene.expected.packets:
                yield f"{scene.name}: no connection"
            continue
        packets, rules, client = said_of(connection, findings, at_end)
        expected = scene.expected
        right = bool(rules) if expected.rules is ANY else rules == sorted(expected.rules)
        if (packets, right, client) != (expected.packets, True, expected.client):
            yield f"{scene.name}: {packets}, {rules}, client {client}"


def judge_limits(scenes, report):
    """The same of the limits that name what is not MQTT: their counts, and their examples."""
    wanted = collections.Counter(s.expected.limit for s in scenes if s.expected.limit)
    limits = {limit["kind"]: limit for limit in report["capture"]["limits"]}
    named = {kind: limits[kind] for kind in limits if kind.startswith(("not-mqtt", "tls", "websocket"))}
    counts = {kind: limit["count"] for kind, limit in named.items()}
    if counts != wanted:
        yield f"limits: {counts}, expected {dict(wanted)}"
    for kind, limit in named.items():
        first = next(n for n, s in enumerate(scenes) if s.expected.limit == kind)
        if limit["tcp_stream"] != first:
            yield f"limits: {kind} has stream {limit['tcp_stream']} as example, not {first}"


def invalid(face, path, report):
    """What the schemas of docs/ do not allow: of the keys that these scenes alone bring about, too."""
    events = [json.loads(line) for line in face.text(path, "--ndjson", "-").splitlines()]
    for name, values in (("report", [report]), ("events", events)):
        schema = json.loads((faces.TREE / "docs" / f"{name}.schema.json").read_text())
        validator = jsonschema.validators.validator_for(schema)(schema)
        for value in values:
            yield from (f"{name}: {error.message}" for error in validator.iter_errors(value))


def main():
    """Writes the captures, and asks both faces."""
    _, face, _ = faces.arguments(__doc__.splitlines()[0])
    # What both faces leave alone Wireshark's own heuristic may take, and 4.4 numbers another stream for it.
    if face.wireshark > (4, 0):
        faces.IN_ORDER += ("--disable-heuristic", "proxy_tcp")
    alone = faces.rules_of_the_analyzer()
    at_end = faces.rules_of_the_analyzer(("END",))
    scenes = [*proxy_scenes(), *foreign_scenes(), *broken_scenes(), *websocket_scenes()]
    problems = []
    with tempfile.TemporaryDirectory() as name:
        for bytewise in (False, True):
            path = pathlib.Path(name) / ("bytes.pcap" if bytewise else "whole.pcap")
            write(path, scenes, bytewise)
            path.parent.chmod(0o755)
            report = face.report(path)
            found = [*judge(scenes, report, at_end), *judge_limits(scenes, report)]
            found += invalid(face, path, report)
            differing, _ = parity.compare(face, path, alone)
            found += [f"the faces differ in {what}\n{text}" for what, text in differing.items()]
            problems += [f"{path.name}: {line}" for line in found]
    faces.conclude(problems, f"{len(scenes)} connections begin as they should, in both faces")


if __name__ == "__main__":
    main()
