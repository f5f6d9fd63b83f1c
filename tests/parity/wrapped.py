#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tunnels, tags, link types, fragments and compression change nothing in a report.

Every capture is made again in each of these clothes; the report has to be equal but for what the clothes
show: bytes, and where packets become several frames, the numbers of frames.
"""

import gzip
import lzma
import pathlib
import re
import struct
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "damage"), str(HERE.parent.parent / "captures")]
import derived  # noqa: E402
import faces  # noqa: E402
import frames as capture_frames  # noqa: E402
import pcapng  # noqa: E402

# Where frames are cut in two, what counts and names frames differs.
NUMBERED = derived.CLOTHES | {"packets", "display_filter"}
FRAME = re.compile(r"frames? [0-9]+(?:, [0-9]+)*(?: and [0-9]+)?")
MACS = b"\2\0\0\0\0\1\2\0\0\0\0\2"
WLAN = b"\0\0" + MACS + b"\2\0\0\0\0\3\0\0"
SNAP = b"\xaa\xaa\3\0\0\0"
MTU_MAX = 65000  # what outer headers can say the length of


def ethertype(ip):
    """Of a packet, which may be cut."""
    return 0x86DD if ip[:1] and ip[0] >> 4 == 6 else 0x0800


def u16(*values):
    """Numbers of 16 bits."""
    return struct.pack(f">{len(values)}H", *values)


def ipv4(protocol, length, *, identification=0, fragment=0):
    """A header before `length` bytes."""
    total = length + 20 if length + 20 < 65536 else 0
    head = struct.pack(">BBHHHBBH", 0x45, 0, total, identification, fragment, 64, protocol, 0)
    return head + bytes([192, 0, 2, 1, 192, 0, 2, 2])


def ipv6(following, length):
    """A header before `length` bytes."""
    size = length if length < 65536 else 0
    return struct.pack(">IHBB", 6 << 28, size, following, 64) + bytes(15) + b"\1" + bytes(15) + b"\2"


def udp(port, length):
    """A header before `length` bytes."""
    return u16(40000, port, length + 8 if length + 8 < 65536 else 0, 0)


def over_ip(protocol, header, length):
    """An Ethernet frame of IPv4 with this between the header and `length` bytes."""
    return MACS + u16(0x0800) + ipv4(protocol, len(header) + length) + header


def over_udp(port, header, length):
    """The same of UDP."""
    return over_ip(17, udp(port, len(header) + length) + header, length)


# name: (link type, what stands before a packet of IP of `length` bytes)
CLOTHES = {
    "qinq": (1, lambda ip, n: MACS + u16(0x88A8, 5, 0x8100, 6, ethertype(ip))),
    "snap": (1, lambda ip, n: MACS + u16(min(n + 8, 1500)) + SNAP + u16(ethertype(ip))),
    "mpls": (1, lambda ip, n: MACS + u16(0x8847) + b"\0\1\0\x40\0\2\1\x40"),
    "pseudowire": (1, lambda ip, n: MACS + u16(0x8847) + b"\0\2\1\x40\0\0\0\0" + MACS + u16(ethertype(ip))),
    "pppoe": (1, lambda ip, n: MACS + u16(0x8864, 0x1100, 1, n + 2, 0x57 if ethertype(ip) == 0x86DD else 0x21)),
    "cooked": (113, lambda ip, n: u16(0, 1, 6) + bytes(8) + u16(ethertype(ip))),
    "cooked-2": (276, lambda ip, n: u16(ethertype(ip)) + bytes(18)),
    "ppp": (9, lambda ip, n: b"\xff\3" + u16(0x57 if ethertype(ip) == 0x86DD else 0x21)),
    "wlan": (105, lambda ip, n: b"\x88\1" + WLAN + b"\0\0" + SNAP + u16(ethertype(ip))),
    "radiotap": (
        127,
        lambda ip, n: b"\0\0\x09\0\2\0\0\0\x20\x88\2" + WLAN + b"\0\0pp" + SNAP + u16(ethertype(ip)),
    ),
    "aggregate": (105, lambda ip, n: b"\x88\1" + WLAN + b"\x80\0" + MACS + u16(n + 8) + SNAP + u16(ethertype(ip))),
    "gre": (1, lambda ip, n: over_ip(47, u16(0x3000, ethertype(ip)) + b"key.seq.", n)),
    "erspan-2": (1, lambda ip, n: over_ip(47, u16(0x1000, 0x88BE) + bytes(12) + MACS + u16(ethertype(ip)), n)),
    "erspan-3": (
        1,
        lambda ip, n: over_ip(47, u16(0x1000, 0x22EB) + bytes(15) + b"\1" + bytes(8) + MACS + u16(ethertype(ip)), n),
    ),
    "ip-in-ip": (1, lambda ip, n: over_ip(41 if ethertype(ip) == 0x86DD else 4, b"", n)),
    "ip-in-ipv6": (1, lambda ip, n: MACS + u16(0x86DD) + ipv6(41 if ethertype(ip) == 0x86DD else 4, n)),
    "vxlan": (1, lambda ip, n: over_udp(4789, b"\x08\0\0\0\0\0\7\0" + MACS + u16(ethertype(ip)), n)),
    "geneve": (1, lambda ip, n: over_udp(6081, b"\1\0" + u16(ethertype(ip)) + b"\0\0\7\0opt.", n)),
    "gtp-u": (1, lambda ip, n: over_udp(2152, b"\x34\xff" + u16(0) + b"\0\0\0\7\0\0\0\x85\1\0\0\0", n)),
    "nested": (
        1,
        lambda ip, n: MACS
        + b"\x81\0\0\5"
        + over_ip(47, u16(0, 0x6558) + over_udp(4789, b"\x08\0\0\0\0\0\7\0" + MACS + u16(ethertype(ip)), n), 42 + n)[12:],
    ),
}
NOTHING = {9: b"\xc0\x21", 105: b"\x80\0", 127: b"\0\0\x08\0\0\0\0\0\x80\0"}  # and zeros elsewhere


def packet_of(link, data):
    """The IP packet of a frame, or None."""
    at = capture_frames.HEADER_LENGTHS[link]
    if link == 1:
        while data[at - 2 : at] in (b"\x81\0", b"\x88\xa8"):
            at += 4
        if data[at - 2 : at] not in (b"\x08\0", b"\x86\xdd"):
            return None
    return data[at:] if len(data) > at else None


def dress(link, frames, clothes):
    """Each frame in these clothes, one for one."""
    new_link, header = CLOTHES[clothes]
    for f in frames:
        ip = packet_of(link, f.data)
        if ip is None:
            dressed, length = NOTHING.get(new_link, bytes(60)), 60
        else:
            size = f.length - (len(f.data) - len(ip))
            if clothes == "pppoe" and size > MTU_MAX or clothes == "aggregate" and size > MTU_MAX:
                before = MACS + u16(ethertype(ip)) if new_link == 1 else b"\x08\1" + WLAN + SNAP + u16(ethertype(ip))
            else:
                before = header(ip, size)
            dressed, length = before + ip, len(before) + size
        yield capture_frames.Frame(f.time, dressed, max(length, len(dressed)))


def fragment(link, frames):
    """Packets of IPv4 in pieces of 64 bytes, the last one first; what else there is as it is."""
    for number, f in enumerate(frames):
        ip = packet_of(link, f.data)
        whole = f.tcp is not None and len(f.data) == f.length
        if not whole or ip[0] >> 4 != 4:
            yield f
            continue
        head = len(f.data) - len(ip)
        length = (ip[0] & 15) * 4
        end = struct.unpack_from(">H", ip, 2)[0] or len(ip)
        payload = ip[length:end]
        starts = list(range(0, len(payload), 64))
        starts = starts[::-1] if number % 2 else starts
        for start in starts:
            more = 0x2000 if start + 64 < len(payload) else 0
            piece = bytearray(ip[:length]) + payload[start : start + 64]
            struct.pack_into(">HHH", piece, 2, len(piece), number & 0xFFFF, start // 8 | more)
            data = f.data[:head] + bytes(piece)
            yield capture_frames.Frame(f.time, data, len(data))


def mixed(path, link, frames):
    """A pcapng file of two interfaces: Ethernet's every second frame is without its link header."""

    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    resolution = struct.pack("<HHB3xI", 9, 1, 9, 0)
    out = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    out += [block(1, struct.pack("<HHI", kind, 0, 0) + resolution) for kind in (link, 101)]
    for number, f in enumerate(frames):
        ip = packet_of(link, f.data)
        bare = number % 2 and ip is not None
        data = ip if bare else f.data
        length = f.length - (len(f.data) - len(data))
        head = struct.pack("<IIIII", int(bare), f.time >> 32, f.time & 0xFFFFFFFF, len(data), length)
        out.append(block(6, head + data))
    path.write_bytes(b"".join(out))


def has_secrets(path):
    """Whether it carries what decrypts it, which the clothes would lack."""
    data = path.read_bytes()
    return data[:4] == b"\x0a\x0d\x0d\x0a" and any(kind == pcapng.SECRETS for kind, _ in pcapng.blocks(data))


def made(folder, capture):
    """(name, path, keys that may differ) of everything that is made of a capture."""
    if has_secrets(faces.TREE / "captures" / capture):
        return
    read = capture_frames.read(faces.TREE / "captures" / capture)
    if read is None or read[0] not in capture_frames.HEADER_LENGTHS:
        return
    link, frames = read
    for clothes, (new_link, _) in CLOTHES.items():
        path = folder / f"{clothes}.pcap"
        capture_frames.write(path, new_link, list(dress(link, frames, clothes)))
        yield clothes, path, derived.CLOTHES
    path = folder / "fragments.pcap"
    capture_frames.write(path, link, list(fragment(link, frames)))
    yield "fragments", path, NUMBERED
    path = folder / "mixed.pcapng"
    mixed(path, link, frames)
    yield "mixed", path, derived.CLOTHES
    plain = (faces.TREE / "captures" / capture).read_bytes()
    for name, pack in (("gzip", gzip.compress), ("xz", lambda data: lzma.compress(data, preset=0))):
        path = folder / name
        path.write_bytes(pack(plain))
        yield name, path, derived.CLOTHES


def leaves(report, keys):
    """What the report says, by path; without the numbers of frames, where `keys` says so."""
    found = derived.without(report, keys)
    if keys is not NUMBERED:
        return found
    return {
        path: FRAME.sub("frame", value) if isinstance(value, str) else value
        for path, value in found.items()
        if not path.endswith("frame")
    }


def compare(face, capture):
    """A line for each leaf that differs."""
    problems = []
    source = face.report(capture)
    with tempfile.TemporaryDirectory() as folder:
        for name, path, keys in made(pathlib.Path(folder), capture):
            theirs = leaves(source, keys)
            ours = leaves(face.report(path), keys)
            different = [p for p in sorted(ours.keys() | theirs.keys()) if ours.get(p) != theirs.get(p)]
            problems += [
                f"{capture} in {name}: {p} is {ours.get(p)}, not {theirs.get(p)}" for p in different[:5]
            ]
            if len(different) > 5:
                problems.append(f"{capture} in {name}: and {len(different) - 5} more")
    return problems


def main():
    """Compares each capture with itself in other clothes."""
    _, face, chosen = faces.arguments(__doc__.splitlines()[0])
    results = faces.for_each_capture(lambda capture: compare(face, capture), chosen)
    problems = [line for lines in results.values() for line in lines]
    faces.conclude(problems, f"{len(chosen)} captures say the same in {len(CLOTHES) + 4} clothes")


if __name__ == "__main__":
    main()
