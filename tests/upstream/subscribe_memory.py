#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What tshark keeps of each topic filter in a SUBSCRIBE, and of each in an UNSUBSCRIBE:

    subscribe_memory.py TSHARK...            a program and its arguments, such as run-tshark --builtin

Two captures are made that differ in the control packets alone: 2000 of them, each with one topic filter
of 30,000 bytes. Prints how many bytes of memory tshark takes more for the first, for each control packet.
"""

import pathlib
import struct
import subprocess
import sys
import tempfile

COUNT, LENGTH = 2000, 30000
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 101)  # raw IP


def remaining_length(value):
    """As MQTT writes it."""
    out = bytearray()
    while True:
        value, digit = value >> 7, value & 0x7F
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)


def control_packet(first, body):
    """A fixed header and what follows."""
    return bytes([first]) + remaining_length(len(body)) + body


def capture(first, options):
    """A connection whose client sends CONNECT and then COUNT control packets, a segment each."""
    out, sequence = bytearray(PCAP_HEADER), 1000
    body = struct.pack(">HH", 1, LENGTH) + b"x" * LENGTH + options
    connect = control_packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c")
    for number, data in enumerate([connect] + [control_packet(first, body)] * COUNT):
        tcp = struct.pack(">HHIIBBHHH", 50000, 1883, sequence, 1, 0x50, 0x18, 65535, 0, 0) + data
        ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, 0x0A000001, 0x0A000002)
        out += struct.pack("<IIII", number, 0, len(ip + tcp), len(ip + tcp)) + ip + tcp
        sequence += len(data)
    return out


def memory(command, path):
    """The most memory that it took, in bytes, and how many control packets it saw."""
    measured = (
        "import resource, subprocess, sys; out = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True);"
        "print(out.stdout.decode().count('\\n'), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    arguments = [*command, "-n", "-r", path, "-Y", "mqtt.msgtype in {8, 10}", "-T", "fields", "-e", "frame.number"]
    done = subprocess.run(
        [sys.executable, "-c", measured, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    seen, kibibytes = map(int, done.stdout.split())
    if seen != COUNT:
        sys.exit(f"{seen} of {COUNT} control packets were seen")
    return kibibytes * 1024


def main():
    """Measures both."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o755)
        taken = []
        for first, options in ((0x82, b"\x01"), (0xA2, b"")):
            path = pathlib.Path(folder) / "capture.pcap"
            path.write_bytes(capture(first, options))
            taken.append(memory(sys.argv[1:], path))
    print(f"SUBSCRIBE: {(taken[0] - taken[1]) // COUNT} bytes more for each than UNSUBSCRIBE, of a filter of {LENGTH}")


if __name__ == "__main__":
    main()
