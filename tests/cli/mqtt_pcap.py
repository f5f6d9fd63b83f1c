# SPDX-License-Identifier: GPL-2.0-or-later
"""Small captures made byte by byte, for tests that need what no real client sends."""
import struct

CLIENT, SERVER = 0, 1
START = 1_700_000_000_000_000_000


def string(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(value)) + value


def packet(first_byte, body=b""):
    length, rest = bytearray(), len(body)
    while True:
        rest, digit = rest >> 7, rest & 0x7F
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return bytes([first_byte]) + bytes(length) + body


def connect(client_id, keep_alive=60, user=None, password=None):
    flags = 0x02 | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    body = string("MQTT") + bytes([4, flags]) + struct.pack(">H", keep_alive) + string(client_id)
    for field in (user, password):
        if field is not None:
            body += string(field)
    return packet(0x10, body)


def connack(code=0):
    return packet(0x20, bytes([0, code]))


def connect_5(client_id, expiry=0, clean_start=False, keep_alive=60):
    properties = b"\x11" + struct.pack(">I", expiry) if expiry else b""
    return packet(0x10, string("MQTT") + bytes([5, 0x02 if clean_start else 0]) + struct.pack(">H", keep_alive)
                  + bytes([len(properties)]) + properties + string(client_id))


def connack_5(session_present=False, code=0):
    return packet(0x20, bytes([session_present, code, 0]))


def publish(topic, payload=b"", first_byte=0x30, identifier=None):
    body = string(topic)
    if identifier is not None:
        body += struct.pack(">H", identifier)
    return packet(first_byte, body + payload)


DISCONNECT = packet(0xE0)


class Capture:
    """TCP over IPv4 over raw IP, a microsecond a packet unless told."""

    def __init__(self, link_type=101):
        self.link_type = link_type
        self.records = []
        self.time = START
        self.ports = 40000

    def frame(self, data, wire_length=None):
        self.records.append((self.time, data, wire_length or len(data)))
        self.time += 1000

    def segment(self, connection, side, flags, payload=b"", window=0xFFFF):
        source, destination = ("10.0.0.1", "10.0.0.2")[::1 if side == CLIENT else -1]
        ports = (connection["port"], connection["server_port"])[::1 if side == CLIENT else -1]
        tcp = struct.pack(">HHIIBBHHH", *ports, connection["next"][side], connection["next"][1 - side],
                          0x50, flags, window, 0, 0) + payload
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0,
                         bytes(map(int, source.split("."))), bytes(map(int, destination.split("."))))
        connection["next"][side] += len(payload) + (1 if flags & 0x03 else 0)
        self.frame(ip + tcp)

    def open(self, server_port=1883):
        self.ports += 1
        connection = {"port": self.ports, "server_port": server_port, "next": [1000, 5000]}
        self.segment(connection, CLIENT, 0x02)
        self.segment(connection, SERVER, 0x12)
        return connection

    def close(self, connection):
        self.segment(connection, CLIENT, 0x11)
        self.segment(connection, SERVER, 0x11)

    def talk(self, exchange, server_port=1883):
        """One connection: a list of (side, bytes)."""
        connection = self.open(server_port)
        for side, data in exchange:
            self.segment(connection, side, 0x18, data)
        self.close(connection)

    def bytes(self):
        out = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, self.link_type)
        for time, data, wire_length in self.records:
            out += struct.pack("<IIII", time // 10**9, time % 10**9, len(data), wire_length) + data
        return out


def session(client_id="client", *, messages=(), user=None, password=None):
    """A well-behaved connection."""
    return [(CLIENT, connect(client_id, user=user, password=password)), (SERVER, connack()),
            *[(CLIENT, message) for message in messages], (CLIENT, DISCONNECT)]
