# SPDX-License-Identifier: GPL-2.0-or-later
"""Another view of a run's capture: all control packets, with nothing of mqttscope in it.

It knows whole captures of loopback alone: what is missing is not looked for, and nothing is bounded.
"""

import collections
import dataclasses
import hashlib
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "damage"))
import frames  # noqa: E402

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(8, 16)
# 5.0's properties by what their values look like.
ONE, TWO, FOUR = {0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A}, {0x13, 0x21, 0x22, 0x23}, {0x02, 0x11, 0x18, 0x27}
SUBSCRIPTION_IDENTIFIER, USER_PROPERTY, TOPIC_ALIAS = 0x0B, 0x26, 0x23
Sub = collections.namedtuple("Sub", "qos options identifier frame sure")


def shown(payload):
    """As the clients' logs name a payload."""
    if len(payload) <= 200:
        return payload.decode("latin-1")
    return "%d:%s" % (len(payload), hashlib.sha1(payload).hexdigest()[:16])


def number(data, at):
    value, shift = 0, 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def string(data, at):
    length = struct.unpack_from(">H", data, at)[0]
    return bytes(data[at + 2 : at + 2 + length]), at + 2 + length


def properties(data, at):
    """([(identifier, value)], where they end)"""
    length, at = number(data, at)
    end, found = at + length, []
    while at < end:
        identifier = data[at]
        at += 1
        if identifier in ONE:
            value, at = data[at], at + 1
        elif identifier in TWO:
            value, at = struct.unpack_from(">H", data, at)[0], at + 2
        elif identifier in FOUR:
            value, at = struct.unpack_from(">I", data, at)[0], at + 4
        elif identifier == SUBSCRIPTION_IDENTIFIER:
            value, at = number(data, at)
        elif identifier == USER_PROPERTY:
            name, at = string(data, at)
            value, at = string(data, at)
            value = (name, value)
        else:
            value, at = string(data, at)
        found.append((identifier, value))
    return found, end


@dataclasses.dataclass
class Packet:
    connection: int
    up: bool  # from the client
    kind: int
    flags: int
    first: int  # frames of its first and last byte
    frame: int
    time: int
    body: bytes
    client: str = ""
    level: int = 0
    topic: str = ""
    payload: str = ""
    identifier: int = 0
    properties: list = dataclasses.field(default_factory=list)
    filters: list = dataclasses.field(default_factory=list)  # SUBSCRIBE: (filter, options); UNSUBSCRIBE: filter
    codes: bytes = b""

    @property
    def qos(self):
        return self.flags >> 1 & 3

    @property
    def retain(self):
        return self.flags & 1

    @property
    def dup(self):
        return self.flags >> 3 & 1


class Half:
    """One direction of a connection: its bytes in order, and which frame brought which."""

    def __init__(self):
        self.next = None
        self.buffer = bytearray()
        self.marks = collections.deque()  # (bytes up to here of the buffer's total, frame, time)
        self.total = self.taken = 0
        self.early = {}

    def add(self, sequence, data, frame, time):
        if self.next is None:
            self.next = sequence
        self.early.setdefault(sequence, (data, frame, time))
        while True:
            ready = [s for s in self.early if (s - self.next) & 0xFFFFFFFF == 0 or (self.next - s) & 0xFFFFFFFF < 1 << 30]
            if not ready:
                return
            for s in sorted(ready, key=lambda s: (s - self.next + (1 << 31)) & 0xFFFFFFFF):
                piece, f, t = self.early.pop(s)
                piece = piece[(self.next - s) & 0xFFFFFFFF :]
                if piece:
                    self.buffer += piece
                    self.total += len(piece)
                    self.marks.append((self.total, f, t))
                    self.next = (self.next + len(piece)) & 0xFFFFFFFF

    def packets(self):
        while len(self.buffer) >= 2:
            try:
                length, at = number(self.buffer, 1)
            except IndexError:
                return
            if len(self.buffer) < at + length:
                return
            while self.marks[0][0] <= self.taken:
                self.marks.popleft()
            first = self.marks[0][1]
            self.taken += at + length
            while self.marks[0][0] < self.taken:
                self.marks.popleft()
            yield self.buffer[0], bytes(self.buffer[at : at + length]), first, self.marks[0][1], self.marks[0][2]
            del self.buffer[: at + length]


@dataclasses.dataclass
class Connection:
    number: int
    flow: tuple
    client: str = ""
    level: int = 0
    clean: bool = True
    present: "int | None" = None
    first: int = 0
    last: int = 0
    disconnected: int = 0
    will: "tuple | None" = None


class Wire:
    def __init__(self, path, ports=(1883, 1884)):
        self.link, self.frames = frames.read(pathlib.Path(path))
        self.ports = ports
        self.connections = []
        self.packets = []
        self.by_frame = collections.defaultdict(list)
        self._read()

    def _read(self):
        now = {}  # flow from the client: [Connection, its half, the server's half, aliases]
        for place, frame in enumerate(self.frames, 1):
            s = frame.tcp
            if s is None:
                continue
            up = s.flow[1][1] in self.ports
            flow = s.flow if up else s.flow[::-1]
            if up and s.flags & frames.SYN or flow not in now:
                connection = Connection(len(self.connections) + 1, flow, first=place)
                self.connections.append(connection)
                now[flow] = [connection, Half(), Half(), {}]
            connection, *halves, aliases = now[flow]
            connection.last = place
            half = halves[0 if up else 1]
            if s.flags & frames.SYN:
                half.next = (s.sequence + 1) & 0xFFFFFFFF
            if s.size:
                half.add(s.sequence, frame.data[s.body : s.end], place, frame.time)
                for first_byte, body, first, last, time in half.packets():
                    p = Packet(connection.number, up, first_byte >> 4, first_byte & 15, first, last, time, body)
                    self._decode(connection, p, aliases)
                    self.packets.append(p)
                    for at in {first, last}:
                        self.by_frame[at].append(p)

    def _decode(self, connection, p, aliases):
        body = p.body
        if p.kind == CONNECT:
            _, at = string(body, 0)
            connection.level, flags = body[at], body[at + 1]
            connection.clean = bool(flags & 2)
            at += 4
            if connection.level == 5:
                p.properties, at = properties(body, at)
            name, at = string(body, at)
            connection.client = name.decode("utf-8", "replace")
            if flags & 4:
                will_properties = []
                if connection.level == 5:
                    will_properties, at = properties(body, at)
                topic, at = string(body, at)
                payload, at = string(body, at)
                connection.will = (topic.decode(), shown(payload), flags >> 3 & 3, flags >> 5 & 1, dict(will_properties))
        p.client, p.level = connection.client, connection.level
        five = p.level == 5
        if p.kind == CONNACK:
            connection.present, p.codes = body[0] & 1, body[1:2]
        elif p.kind == DISCONNECT and p.up:
            connection.disconnected = p.frame
        elif p.kind == PUBLISH:
            topic, at = string(body, 0)
            if p.qos:
                p.identifier, at = struct.unpack_from(">H", body, at)[0], at + 2
            if five:
                p.properties, at = properties(body, at)
                alias = dict(p.properties).get(TOPIC_ALIAS)
                if alias:
                    topic = aliases.setdefault((p.up, alias), topic) if not topic else topic
                    aliases[p.up, alias] = topic
            p.topic, p.payload = topic.decode("utf-8", "replace"), shown(body[at:])
        elif p.kind not in (PINGREQ, PINGRESP, DISCONNECT, AUTH):
            p.identifier, at = struct.unpack_from(">H", body, 0)[0], 2
            if p.kind in (SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK) and five:
                p.properties, at = properties(body, at)
            if p.kind in (SUBACK, UNSUBACK) or len(body) > at and p.kind in (PUBACK, PUBREC, PUBREL, PUBCOMP):
                p.codes = body[at:]
            while p.kind in (SUBSCRIBE, UNSUBSCRIBE) and at < len(body):
                name, at = string(body, at)
                if p.kind == SUBSCRIBE:
                    p.filters.append((name.decode(), body[at]))
                    at += 1
                else:
                    p.filters.append(name.decode())
        p.body = b""


def matches(topic_filter, topic):
    """Of the filter behind $share/NAME/, too."""
    if topic_filter.startswith("$share/"):
        topic_filter = topic_filter.split("/", 2)[2]
    want, have = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and want[0] in "#+":
        return False
    for place, level in enumerate(want):
        if level == "#":
            return True
        if place >= len(have) or level not in ("+", have[place]):
            return False
    return len(want) == len(have)


class Subscriptions:
    """What a client was subscribed to, frame by frame: from SUBSCRIBE to UNSUBACK, sure from SUBACK to UNSUBSCRIBE."""

    def __init__(self, wire):
        self.changes = collections.defaultdict(list)  # client: [(frame, {filter: Sub})]
        asked, table = {}, collections.defaultdict(dict)
        for p in wire.packets:
            key = p.connection, p.identifier
            subs = table[p.client]
            if p.kind == CONNACK and not p.codes[0]:
                if not wire.connections[p.connection - 1].present:
                    subs.clear()
            elif p.kind == SUBSCRIBE:
                asked[key] = p
                identifier = dict(p.properties).get(SUBSCRIPTION_IDENTIFIER)
                for name, options in p.filters:
                    subs.setdefault(name, Sub(options & 3, options, identifier, p.frame, False))
            elif p.kind == SUBACK and key in asked:
                s = asked.pop(key)
                for (name, options), code in zip(s.filters, p.codes):
                    identifier = dict(s.properties).get(SUBSCRIPTION_IDENTIFIER)
                    if code < 3:
                        subs[name] = Sub(code, options, identifier, p.frame, True)
                    elif name in subs and not subs[name].sure:
                        del subs[name]
            elif p.kind == UNSUBSCRIBE:
                asked[key] = p
                for name in p.filters:
                    if name in subs:
                        subs[name] = subs[name]._replace(sure=False)
            elif p.kind == UNSUBACK and key in asked:
                for name in asked.pop(key).filters:
                    subs.pop(name, None)
            else:
                continue
            self.changes[p.client].append((p.frame, dict(subs)))

    def at(self, client, frame, topic):
        """{filter: Sub} that match the topic just before the frame."""
        found = {}
        for at, subs in self.changes[client]:
            if at > frame:
                break
            found = subs
        return {name: s for name, s in found.items() if matches(name, topic)}
