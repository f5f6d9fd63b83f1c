# SPDX-License-Identifier: GPL-2.0-or-later
"""A stage for two-sided MQTT: control packets byte by byte over TCP, with acknowledgements as they would be.

It shares nothing with the encoders of the other tests, so that a mistake in one does not hide in both.
"""
import struct

C, S = 0, 1
START = 1_731_000_000_000_000_000


def utf8(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">H", len(raw)) + raw


def vbi(number):
    out = b""
    while True:
        number, low = number >> 7, number & 127
        out += bytes([low | (128 if number else 0)])
        if not number:
            return out


def frame(first, body):
    return bytes([first]) + vbi(len(body)) + body


def props(v, p):
    return (vbi(len(p)) + p) if v == 5 else b""


def number_property(identifier, layout):
    return lambda number: bytes([identifier]) + struct.pack(layout, number)


def text_property(identifier):
    return lambda text: bytes([identifier]) + utf8(text)


payloadformat = number_property(0x01, ">B")
messageexpiry = number_property(0x02, ">I")
contenttype = text_property(0x03)
responsetopic = text_property(0x08)
correlation = text_property(0x09)
expiry = number_property(0x11, ">I")
assigned = text_property(0x12)
keepalive = number_property(0x13, ">H")
willdelay = number_property(0x18, ">I")
method = text_property(0x15)
authdata = text_property(0x16)
problem = number_property(0x17, ">B")
respinfo = text_property(0x1A)
reason = text_property(0x1F)
recvmax = number_property(0x21, ">H")
aliasmax = number_property(0x22, ">H")
alias = number_property(0x23, ">H")
maxqos = number_property(0x24, ">B")
retainok = number_property(0x25, ">B")
maxsize = number_property(0x27, ">I")


def uprop(key, value):
    return b"\x26" + utf8(key) + utf8(value)


def subscriptionid(number):
    return b"\x0b" + vbi(number)


def connect(v, cid="dut", clean=1, ka=60, p=b"", will=None, flags=None, level=None, name="MQTT"):
    """will: (topic, payload, qos, retain[, properties])"""
    f = clean << 1
    body = b""
    if will:
        f |= 4 | will[2] << 3 | will[3] << 5
        body = props(v, will[4] if len(will) > 4 else b"") + utf8(will[0]) + utf8(will[1])
    head = utf8(name) + bytes([level or v, f if flags is None else f | flags]) + struct.pack(">H", ka)
    return frame(0x10, head + props(v, p) + utf8(cid) + body)


def connack(v, code=0, sp=0, p=b""):
    return frame(0x20, bytes([sp, code]) + props(v, p))


def publish(v, topic, payload=b"x", qos=0, id=None, dup=0, retain=0, p=b""):
    return frame(0x30 | dup << 3 | qos << 1 | retain,
                 utf8(topic) + (struct.pack(">H", id) if qos else b"") + props(v, p) + payload)


def ack(v, type, id, code=0, p=b""):
    body = struct.pack(">H", id)
    if v == 5 and (code or p):
        body += bytes([code]) + (props(v, p) if p else b"")
    return frame(type << 4 | (2 if type == 6 else 0), body)


def puback(v, id, code=0, p=b""):
    return ack(v, 4, id, code, p)


def pubrec(v, id, code=0, p=b""):
    return ack(v, 5, id, code, p)


def pubrel(v, id, code=0, p=b""):
    return ack(v, 6, id, code, p)


def pubcomp(v, id, code=0, p=b""):
    return ack(v, 7, id, code, p)


def subscribe(v, id, *filters, p=b""):
    """filters: (filter, options)"""
    return frame(0x82, struct.pack(">H", id) + props(v, p) + b"".join(utf8(f) + bytes([o]) for f, o in filters))


def suback(v, id, *codes, p=b""):
    return frame(0x90, struct.pack(">H", id) + props(v, p) + bytes(codes))


def unsubscribe(v, id, *filters):
    return frame(0xA2, struct.pack(">H", id) + props(v, b"") + b"".join(map(utf8, filters)))


def unsuback(v, id, *codes):
    return frame(0xB0, struct.pack(">H", id) + (props(v, b"") + bytes(codes) if v == 5 else b""))


PING, PONG = b"\xc0\0", b"\xd0\0"


def disconnect(v, code=0, p=b""):
    return frame(0xE0, (bytes([code]) + (props(v, p) if p else b"")) if v == 5 and (code or p) else b"")


def auth(v, code, p):
    return frame(0xF0, bytes([code]) + props(v, p))


def capture(records, snap=262144):
    """A capture file of raw IP packets: (time, bytes) each."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snap, 101)]
    for time, data in records:
        out.append(struct.pack("<IIII", time // 10**9, time % 10**9, len(data[:snap]), len(data)) + data[:snap])
    return b"".join(out)


class Stage:
    def __init__(self, v, server_port=1883):
        self.v, self.time, self.records, self.port = v, START, [], 50000
        self.server_port = server_port
        self.gap = 1_300_000
        self.conn = None

    # ---- TCP
    def segment(self, side, flags, data=b"", unread=False):
        c = self.conn
        now = self.time
        acked = c["acked"][side] if unread else c["next"][1 - side]
        c["acked"][side] = acked
        ends = [(c["client"], c["port"]), (c["server"], c["sport"])]
        (a, ap), (b, bp) = ends if side == C else ends[::-1]
        tcp = struct.pack(">HHIIBBHHH", ap, bp, c["next"][side], acked, 0x50, flags, 64000, 0, 0) + data
        length = 20 + len(tcp)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, 0, 0x4000, 64, 6, 0, bytes(a), bytes(b))
        self.records.append((now, ip + tcp))
        c["next"][side] += len(data) + (1 if flags & 3 else 0)
        self.time += self.gap
        return len(self.records)

    def open(self, client=(10, 9, 0, 7), server=(10, 9, 0, 1)):
        self.port += 1
        self.conn = {"client": client, "port": self.port, "server": server, "sport": self.server_port,
                     "next": [7_000_000, 9_000_000], "acked": [0, 0]}
        self.segment(C, 0x02)
        self.segment(S, 0x12)
        self.segment(C, 0x10)
        return self.conn

    def use(self, conn):
        self.conn = conn

    def send(self, side, *packets, unread=False):
        """One segment for each packet."""
        for data in packets:
            number = self.segment(side, 0x18, data, unread=unread)
        return number

    def c(self, *packets, **kw):
        return self.send(C, *packets, **kw)

    def s(self, *packets, **kw):
        return self.send(S, *packets, **kw)

    def wait(self, seconds):
        self.time += int(seconds * 1e9)

    def fin(self, side):
        self.segment(side, 0x11)
        self.segment(1 - side, 0x11)
        self.segment(side, 0x10)

    def rst(self, side):
        self.segment(side, 0x14)

    def login(self, p=b"", ack=b"", sp=0, **kw):
        self.open()
        self.c(connect(self.v, p=p, **kw))
        self.s(connack(self.v, p=ack, sp=sp))

    def bye(self):
        self.c(disconnect(self.v))
        self.fin(C)

    # ---- lawful neighbours, with other identifiers
    def neighbours(self, n):
        v = self.v
        for i in range(n):
            conn = self.open()
            self.c(connect(v, cid="n%d" % i, ka=300))
            self.s(connack(v))
            self.c(subscribe(v, 1, ("n/%d/#" % i, 1)))
            self.s(suback(v, 1, 1))
            self.c(publish(v, "n/%d/a" % i, b"hello", 2, 9))
            self.s(publish(v, "n/%d/a" % i, b"hello", 1, 1))
            self.s(pubrec(v, 9))
            self.c(puback(v, 1))
            self.c(pubrel(v, 9))
            self.s(pubcomp(v, 9))
            self.c(PING)
            self.s(PONG)
            self.c(disconnect(v))
            self.fin(C)

    def bytes(self):
        return capture(self.records)
