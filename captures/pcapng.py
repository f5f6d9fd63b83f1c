# SPDX-License-Identifier: GPL-2.0-or-later
"""Just enough of pcapng to tidy a capture that dumpcap wrote, and to edit its list of packets."""

import struct

SECTION, INTERFACE, STATISTICS, ENHANCED, SECRETS = 0x0A0D0D0A, 1, 5, 6, 10
COMMENT, APPLICATION, IF_NAME, IF_OS, IF_FILTER = 1, 4, 2, 12, 11


def blocks(data):
    """Yields (type, body) of each block; little-endian files only, as this machine writes them."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        yield kind, data[at + 8 : at + length - 4]
        at += length


def block(kind, body):
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def options(data):
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from("<HH", data, at)
        if code == 0:
            return
        yield code, data[at + 4 : at + 4 + length]
        at += 4 + (length + 3) // 4 * 4


def pack_options(pairs):
    out = b""
    for code, value in pairs:
        out += struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)
    return out + bytes(4) if out else b""


def tidy(source, target):
    """Drops what describes the machine (hardware, system), and states the licence in a comment."""
    with open(source, "rb") as file:
        data = file.read()
    with open(target, "wb") as out:
        for kind, body in blocks(data):
            if kind == SECTION:
                # The length of the section is written as unknown, since the options change it.
                body = body[:8] + b"\xff" * 8 + pack_options([(COMMENT, b"CC0-1.0")])
            elif kind == INTERFACE:
                kept = [o for o in options(body[8:]) if o[0] not in (IF_OS, IF_FILTER)]
                body = body[:8] + pack_options(kept)
            out.write(block(kind, body))


def edit(source, target, change, link_type=None):
    """Replaces the list of packet blocks by change(list); an item is [header bytes, packet bytes].
    Where a packet was made longer or shorter, its lengths follow."""
    with open(source, "rb") as file:
        everything = list(blocks(file.read()))
    packets = []
    for kind, body in everything:
        if kind == ENHANCED:
            captured = struct.unpack_from("<I", body, 12)[0]
            packets.append([body[:20], body[20 : 20 + captured]])
    packets = change(packets)
    with open(target, "wb") as out:
        for kind, body in everything:
            if kind == INTERFACE and link_type is not None:
                body = struct.pack("<H", link_type) + body[2:]
            if kind not in (ENHANCED, STATISTICS):
                out.write(block(kind, body))
        for header, packet in packets:
            captured, original = struct.unpack_from("<II", header, 12)
            header = header[:12] + struct.pack(
                "<II", len(packet), original + len(packet) - captured
            )
            out.write(block(ENHANCED, header + packet + bytes(-len(packet) % 4)))


def time_of(packet):
    high, low = struct.unpack_from("<II", packet[0], 4)
    return high << 32 | low


def set_time(packet, ticks):
    packet[0] = packet[0][:4] + struct.pack("<II", ticks >> 32, ticks & 0xFFFFFFFF) + packet[0][12:]
