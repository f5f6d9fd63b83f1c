# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of our own for what no real client sends: it writes what it is given, right or wrong.

The builders make correct control packets of one protocol level unless they are told otherwise; a
recipe breaks them on purpose.
"""

import socket
import struct
import time

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(8, 16)
NAMES = (
    "- CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK "
    "PINGREQ PINGRESP DISCONNECT AUTH"
).split()


# ---- control packets


def u8(value):
    return struct.pack(">B", value)


def u16(value):
    return struct.pack(">H", value)


def u32(value):
    return struct.pack(">I", value)


def varint(value, width=0):
    """A variable byte integer; `width` pads it to more bytes than it needs."""
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        more = value or len(out) + 1 < width
        out.append(low | (0x80 if more else 0))
        if not more:
            return bytes(out)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return u16(len(value)) + value


def packet(kind, flags, body):
    return u8(kind << 4 | flags) + varint(len(body)) + body


def properties(level, data):
    """The property section, which only 5.0 has."""
    return varint(len(data)) + data if level == 5 else b""


def pair(name, value):
    """User Property"""
    return b"\x26" + text(name) + text(value)


def connect(
    level, client_id, clean=True, keep_alive=60, flags=0, props=b"", payload=b"", name=None
):
    """`payload` is what follows the client identifier, and `flags` says so."""
    name = name if name is not None else ("MQIsdp" if level == 3 else "MQTT")
    return packet(
        CONNECT,
        0,
        text(name)
        + u8(level)
        + u8(flags | (2 if clean else 0))
        + u16(keep_alive)
        + properties(level, props)
        + text(client_id)
        + payload,
    )


def will(level, topic, message, props=b""):
    """The payload of a CONNECT that carries flags 0x04 (QoS 0 will)."""
    return properties(level, props) + text(topic) + text(message)


def publish(level, topic, payload=b"", qos=0, identifier=1, dup=False, retain=False, props=b""):
    body = text(topic) + (u16(identifier) if qos else b"") + properties(level, props)
    body += payload.encode() if isinstance(payload, str) else payload
    return packet(PUBLISH, (8 if dup else 0) | qos << 1 | (1 if retain else 0), body)


def ack(kind, identifier, reason=None, props=None, level=5, flags=None):
    """PUBACK, PUBREC, PUBREL, PUBCOMP"""
    body = u16(identifier)
    if reason is not None:
        body += u8(reason) + (properties(level, props) if props is not None else b"")
    return packet(kind, (2 if kind == PUBREL else 0) if flags is None else flags, body)


def subscribe(level, filters, identifier=1, props=b"", flags=2):
    """`filters` is a list of (topic filter, options)"""
    body = b"".join(text(f) + u8(options) for f, options in filters)
    return packet(SUBSCRIBE, flags, u16(identifier) + properties(level, props) + body)


def unsubscribe(level, filters, identifier=1, props=b"", flags=2):
    return packet(
        UNSUBSCRIBE,
        flags,
        u16(identifier) + properties(level, props) + b"".join(map(text, filters)),
    )


def disconnect(reason=None, props=None):
    body = (
        b"" if reason is None else u8(reason) + (properties(5, props) if props is not None else b"")
    )
    return packet(DISCONNECT, 0, body)


PING = packet(PINGREQ, 0, b"")


# ---- a connection


class Connection:
    """A TCP connection; `stream` is its number in the capture, counted from 0 as Wireshark does."""

    def __init__(self, stage, port=1883, host="127.0.0.1", receive_buffer=0, source_port=0, source=""):
        stage.uses("rawclient")
        self.stream = stage.streams
        stage.streams += 1
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source_port or source:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind((source, source_port))
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.closed = None

    def send(self, *packets, pause=0.0):
        """One segment an argument."""
        for data in packets:
            try:
                self.socket.sendall(data)
            except OSError:
                self.closed = "reset"
                return
            time.sleep(pause)

    def receive(self, seconds=0.4):
        """The next control packet as (first byte, body), or None when there is none in time or the
        end."""
        end = time.monotonic() + seconds
        while True:
            whole = self.cut()
            if whole or self.closed:
                return whole
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                return None
            except OSError:
                self.closed = "reset"
                return None
            if not data:
                self.closed = "closed"
                return None
            self.buffer += data

    def cut(self):
        length, at = 0, 1
        while at < len(self.buffer):
            byte = self.buffer[at]
            length |= (byte & 0x7F) << 7 * (at - 1)
            at += 1
            if not byte & 0x80:
                if len(self.buffer) < at + length:
                    return None
                first, body = self.buffer[0], self.buffer[at : at + length]
                self.buffer = self.buffer[at + length :]
                return first, body
        return None

    def expect(self, kind, seconds=2.0):
        """The body of the next control packet of this type; others on the way are an error."""
        found = self.receive(seconds)
        if not found or found[0] >> 4 != kind:
            raise AssertionError("wanted %s, got %.60r (%s)" % (NAMES[kind], found, self.closed))
        return found[1]

    def open(self, level, client_id, **options):
        self.send(connect(level, client_id, **options))
        return self.expect(CONNACK)

    def reaction(self, level, seconds=0.4):
        """What the server does from here on, in words for the MANIFEST."""
        said = []
        while True:
            found = self.receive(seconds)
            if not found:
                break
            first, body = found
            name = NAMES[first >> 4]
            if first >> 4 == DISCONNECT and body:
                name += " 0x%02x" % body[0]
            elif first >> 4 == CONNACK and len(body) > 1:
                name += " code 0x%02x" % body[1]
            elif first >> 4 in (PUBACK, PUBREC, PUBCOMP, PUBREL) and len(body) > 2:
                name += " 0x%02x" % body[2]
            elif first >> 4 == SUBACK:
                name += " " + " ".join("0x%02x" % b for b in body[2 if level < 5 else 3 :])
            said.append(name)
        answer = "the server sends " + ", ".join(said) if said else "the server sends nothing"
        return answer + (" and closes" if self.closed else " and keeps the connection")

    def close(self, politely=True):
        if politely and not self.closed:
            self.send(packet(DISCONNECT, 0, b""))
        self.socket.close()
        time.sleep(0.02)  # so that the next connection comes after the last FIN

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        time.sleep(0.02)


class WebSocket(Connection):
    """A WebSocket connection after its handshake. The key and the masks are fixed, so that captures
    differ less."""

    def __init__(self, stage, port, protocol="mqtt"):
        super().__init__(stage, port)
        offer = "Sec-WebSocket-Protocol: %s\r\n" % protocol if protocol else ""
        request = (
            "GET /mqtt HTTP/1.1\r\n"
            "Host: 127.0.0.1:%d\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Key: bXF0dHNjb3BlIGNhcHR1cg==\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "%s\r\n" % (port, offer)
        )
        self.send(request.encode())
        self.heard(b"\r\n\r\n")

    @staticmethod
    def frame(data, opcode=2, final=True):
        mask = b"\x12\x34\x56\x78"
        head = u8((0x80 if final else 0) | opcode)
        head += u8(0x80 | len(data)) if len(data) < 126 else u8(0xFE) + u16(len(data))
        return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))

    def receive_bytes(self, seconds):
        """Whatever the server sends within this time."""
        end = time.monotonic() + seconds
        got = b""
        while not self.closed and time.monotonic() < end:
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                break
            except OSError:
                data = b""
            got += data
            if not data:
                self.closed = "closed"
        return got

    def heard(self, wanted, seconds=3):
        """Waits until the server has sent these bytes."""
        got = b""
        end = time.monotonic() + seconds
        while wanted not in got:
            got += self.receive_bytes(0.05)
            if self.closed or time.monotonic() > end:
                raise AssertionError("did not hear %.30r, but %.60r" % (wanted, got))
