# SPDX-License-Identifier: GPL-2.0-or-later
"""The frames of a capture, with TCP's parts of them in reach: to repeat, reorder, cut and split."""

import dataclasses
import struct

SECTION, INTERFACE, ENHANCED = 0x0A0D0D0A, 1, 6
IF_TSRESOL = 9
NANOSECONDS = 0xA1B23C4D
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
HEADER_LENGTHS = {0: 4, 1: 14, 101: 0, 113: 16, 276: 20}  # link types: where IP begins


@dataclasses.dataclass
class Frame:
    """A frame; `tcp` is None where it carries no TCP that can be reached."""

    time: int  # nanoseconds
    data: bytes
    length: int  # on the wire
    tcp: "Segment | None" = None


@dataclasses.dataclass
class Segment:
    """Where what stands in its frame, and what that says."""

    ip: int
    at: int  # the TCP header
    body: int  # the payload
    end: int
    flow: tuple  # source and destination: address and port each
    flags: int
    sequence: int
    acknowledgement: int

    @property
    def size(self):
        return self.end - self.body

    @property
    def is_data(self):
        """Nothing but data and its acknowledgement."""
        return self.size > 0 and self.flags & (SYN | FIN | RST) == 0

    @property
    def is_pure_ack(self):
        return self.size == 0 and self.flags & (SYN | FIN | RST) == 0


def segment_of(link, data, length):
    """The TCP segment in a frame, if all of it was captured and nothing unusual is around it."""
    at = HEADER_LENGTHS.get(link)
    if at is None or len(data) < max(at + 40, 1) or len(data) != length:
        return None
    version = data[at] >> 4
    if link == 1 and struct.unpack_from(">H", data, 12)[0] not in (0x0800, 0x86DD):
        return None
    if version == 4 and data[at + 9] == 6 and struct.unpack_from(">H", data, at + 6)[0] & 0x3FFF == 0:
        tcp, end = at + (data[at] & 15) * 4, at + struct.unpack_from(">H", data, at + 2)[0]
        addresses = data[at + 12 : at + 16], data[at + 16 : at + 20]
    elif version == 6 and data[at + 6] == 6:
        tcp, end = at + 40, at + 40 + struct.unpack_from(">H", data, at + 4)[0]
        addresses = data[at + 8 : at + 24], data[at + 24 : at + 40]
    else:
        return None
    if end > len(data) or tcp + 20 > end:
        return None
    ports = struct.unpack_from(">HH", data, tcp)
    sequence, acknowledgement, offset, flags = struct.unpack_from(">IIBB", data, tcp + 4)
    body = tcp + (offset >> 4) * 4
    flow = (addresses[0], ports[0]), (addresses[1], ports[1])
    return Segment(at, tcp, body, end, flow, flags, sequence, acknowledgement)


def with_payload(frame, payload, sequence, flags):
    """The frame with another payload, at its place in the stream."""
    s = frame.tcp
    data = bytearray(frame.data[: s.body] + payload)
    struct.pack_into(">I", data, s.at + 4, sequence & 0xFFFFFFFF)
    data[s.at + 13] = flags
    if data[s.ip] >> 4 == 4:
        struct.pack_into(">H", data, s.ip + 2, len(data) - s.ip)
    else:
        struct.pack_into(">H", data, s.ip + 4, len(data) - s.ip - 40)
    new = dataclasses.replace(
        s, end=len(data), flags=flags, sequence=sequence & 0xFFFFFFFF
    )
    return Frame(frame.time, bytes(data), len(data), new)


def _units(options):
    """Nanoseconds a unit of an interface's time stamps."""
    at = 0
    while at + 4 <= len(options):
        code, length = struct.unpack_from("<HH", options, at)
        if code == IF_TSRESOL and options[at + 4] < 10:
            return 10 ** (9 - options[at + 4])
        if code == 0:
            break
        at += 4 + (length + 3) // 4 * 4
    return 1000


def _read_pcapng(data):
    interfaces, at = [], 0
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == INTERFACE:
            interfaces.append(
                (struct.unpack_from("<H", data, at + 8)[0], _units(data[at + 16 : at + length - 4]))
            )
        elif kind == ENHANCED:
            number, high, low, captured, reported = struct.unpack_from("<IIIII", data, at + 8)
            link, unit = interfaces[number]
            bytes_ = bytes(data[at + 28 : at + 28 + captured])
            yield link, (high << 32 | low) * unit, bytes_, reported
        at += length


def _read_pcap(data):
    magic, link = struct.unpack_from("<I", data)[0], struct.unpack_from("<I", data, 20)[0]
    unit, at = (1 if magic == NANOSECONDS else 1000), 24
    while at + 16 <= len(data):
        seconds, fraction, captured, reported = struct.unpack_from("<IIII", data, at)
        bytes_ = bytes(data[at + 16 : at + 16 + captured])
        yield link, seconds * 10**9 + fraction * unit, bytes_, reported
        at += 16 + captured


def read(path):
    """(link type, frames). None where the capture has several link types, or is none of ours."""
    data = path.read_bytes()
    pcapng = struct.unpack_from("<I", data)[0] == SECTION
    rows = list((_read_pcapng if pcapng else _read_pcap)(data))
    links = {link for link, *_ in rows}
    if len(links) != 1:
        return None
    link = links.pop()
    return link, [Frame(t, d, n, segment_of(link, d, n)) for _, t, d, n in rows]


def write(path, link, frames):
    """A pcap file with nanoseconds."""
    out = [struct.pack("<IHHiIII", NANOSECONDS, 2, 4, 0, 0, 262144, link)]
    for f in frames:
        seconds, fraction = divmod(f.time, 10**9)
        out.append(struct.pack("<IIII", seconds, fraction, len(f.data), f.length) + f.data)
    path.write_bytes(b"".join(out))
