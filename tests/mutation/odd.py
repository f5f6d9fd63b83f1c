#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Capture files that contradict themselves: what could be read is reported, and one line says what not.

Each is captures/fleet.pcapng or captures/nanoseconds.pcap with a few bytes changed. tests/cli has the files
that end early, and what is no capture at all.
"""

import argparse
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import faces  # noqa: E402
from packets import Packets  # noqa: E402

MIDDLE = 20  # the packet that is changed


def changed(name, change):
    """The capture with `change(data, place of the packet's block or record, of its bytes)` applied."""
    packets = Packets((faces.TREE / "captures" / name).read_bytes())
    piece, start, captured = packets.packets[MIDDLE]
    return bytes(change(packets.data, packets.pieces[piece][0], start, captured))


def put(data, at, value):
    """A 32-bit number in place."""
    struct.pack_into("<I", data, at, value)
    return data


def empty_packet(data, block, start, captured):
    """An Enhanced Packet Block without a byte of packet, in front of the one there is."""
    head = bytearray(data[block:start])
    put(put(put(head, 4, 32), 20, 0), 24, 0)
    return data[:block] + head + struct.pack("<I", 32) + data[block:]


def endless_segment(data, block, start, captured):
    """4 GB on the wire, no length in the IP header, and a sequence number ahead: a segment all around them.
    It is that of the CONNECT, three records on."""
    for _ in range(3):
        block = start + captured
        start, captured = block + 16, struct.unpack_from("<I", data, block + 8)[0]
    struct.pack_into(">H", data, start + 14 + 2, 0)
    sequence = struct.unpack_from(">I", data, start + 14 + 20 + 4)[0] + (1 << 29)
    struct.pack_into(">I", data, start + 14 + 20 + 4, sequence & 0xFFFFFFFF)
    return put(data, block + 12, 0xFFFFFFF0)


# What is wrong, the file, and how many packets are readable: None for all of them.
FILES = {
    "a block of length 0": ("fleet.pcapng", lambda d, b, s, c: put(d, b + 4, 0), MIDDLE),
    "a block of odd length": ("fleet.pcapng", lambda d, b, s, c: put(d, b + 4, 37), MIDDLE),
    "a block of 4 GB": ("fleet.pcapng", lambda d, b, s, c: put(d, b + 4, 0xFFFFFFFC), MIDDLE),
    "two lengths of one block": (
        "fleet.pcapng",
        lambda d, b, s, c: put(d, b + struct.unpack_from("<I", d, b + 4)[0] - 4, 44),
        MIDDLE,
    ),
    "more captured than the block holds": (
        "fleet.pcapng",
        lambda d, b, s, c: put(d, b + 20, c + 1000),
        MIDDLE,
    ),
    "an interface that is not there": ("fleet.pcapng", lambda d, b, s, c: put(d, b + 8, 9), MIDDLE),
    "a packet without bytes": ("fleet.pcapng", empty_packet, None),
    "4 GB captured, classic": (
        "nanoseconds.pcap",
        lambda d, b, s, c: put(d, b + 8, 0xFFFFFFF0),
        MIDDLE,
    ),
    "fewer bytes on the wire than captured": (
        "nanoseconds.pcap",
        lambda d, b, s, c: put(d, b + 12, 3),
        None,
    ),
    "4 GB on the wire, and IP agrees": ("nanoseconds.pcap", endless_segment, None),
    "4 GB on the wire": ("nanoseconds.pcap", lambda d, b, s, c: put(d, b + 12, 0xFFFFFFF0), None),
}


def check(given, what, folder):
    """What is wrong with both faces' answers to one file."""
    name, change, readable = FILES[what]
    path = pathlib.Path(folder) / name
    path.write_bytes(changed(name, change))
    done = subprocess.run(
        [given.mqttscope, "--json", "-", path], capture_output=True, timeout=60, check=False
    )
    expected = 0 if readable is None else 2
    if done.returncode != expected or done.stderr.count(b"\n") != (1 if expected else 0):
        yield f"{what}: mqttscope: status {done.returncode}, {done.stderr.decode()!r}"
        return
    packets = json.loads(done.stdout)["capture"]["packets"]
    if readable is not None and packets != readable:
        yield f"{what}: mqttscope: {packets} packets, not {readable}"
    if given.tshark:
        done = subprocess.run(
            [given.tshark, "-n", "-r", path, "-O", "mqtt"],
            capture_output=True,
            timeout=120,
            check=False,
        )
        if done.returncode not in faces.TSHARK_STATUSES or b"Sanitizer" in done.stderr + done.stdout:
            yield f"{what}: tshark: status {done.returncode}, {done.stderr.decode()}"


def main():
    """Checks all files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mqttscope", required=True, help="the command-line program")
    parser.add_argument("--tshark", help="run-tshark of the build tree")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o755)
        problems = [problem for what in FILES for problem in check(given, what, folder)]
    faces.conclude(problems, f"{len(FILES)} odd files: what could be read is reported")


if __name__ == "__main__":
    main()
