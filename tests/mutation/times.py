#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Times that no clock has: eight packets whose times jump between the ends of what a file can claim.

A pcapng file whose if_tsresol is 0 counts 64 bits of seconds, which is beyond any 64 bits of nanoseconds. Each
file has the times of one pair in turn, so every wait and every silence is as long as it can be, or negative.
"""

import argparse
import itertools
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import faces  # noqa: E402

SYN, ACK, FIN = 2, 16, 1
CLIENT, SERVER = 0, 1

# Seconds since 1970, as 64 bits of two's complement.
TIMES = {
    "1970": 0,
    "now": 1700000000,
    "the last second before 2262-04-11": 9223372036,
    "2262-04-11": 9223372037,
    "the last that a file can claim": 2**63 - 1,
    "one second before 1970": -1,
    "1677-09-21": -9223372036,
    "1677-09-20": -9223372038,
    "the first that a file can claim": -(2**63),
}


def text(value):
    """A UTF-8 string of MQTT."""
    return struct.pack(">H", len(value)) + value.encode()


def packet(first, body):
    """A control packet."""
    return bytes([first, len(body)]) + body


CONNECT = packet(0x10, text("MQTT") + b"\4\2\0\x3c" + text("sensor"))
CONNECT_AGAIN = packet(0x10, text("MQTT") + b"\4\0\0\x3c" + text("sensor"))
CONNACK, CONNACK_PRESENT = packet(0x20, b"\0\0"), packet(0x20, b"\1\0")
CONNECT_5 = packet(0x10, text("MQTT") + b"\5\0\0\x3c\5\x11\0\0\x0e\x10" + text("sensor"))
CONNACK_5, CONNACK_5_PRESENT = packet(0x20, b"\0\0\0"), packet(0x20, b"\1\0\0")
PUBLISH = packet(0x32, text("a/b") + b"\0\1hello")
PUBLISH_5 = packet(0x32, text("a/b") + b"\0\1\0hello")
PUBACK = packet(0x40, b"\0\1")
EXACTLY_ONCE, PUBREC = packet(0x34, text("a/b") + b"\0\2hello"), packet(0x50, b"\0\2")
SUBSCRIBE = packet(0x82, b"\0\3" + text("a/#") + b"\1")
PINGREQ, PINGRESP = packet(0xC0, b""), packet(0xD0, b"")

# Eight packets each: the connection, who sends, TCP flags, payload.
SCENES = {
    "a connection": [
        (0, CLIENT, SYN, b""),
        (0, SERVER, SYN | ACK, b""),
        (0, CLIENT, ACK, CONNECT),
        (0, SERVER, ACK, CONNACK),
        (0, CLIENT, ACK, PUBLISH),
        (0, SERVER, ACK, PUBACK),
        (0, CLIENT, ACK, PINGREQ),
        (0, SERVER, ACK, PINGRESP),
    ],
    "nothing is answered": [
        (0, CLIENT, ACK, CONNECT),
        (0, SERVER, ACK, CONNACK),
        (0, CLIENT, ACK, PUBLISH),
        (0, CLIENT, ACK, EXACTLY_ONCE),
        (0, SERVER, ACK, PUBREC),
        (0, CLIENT, ACK, SUBSCRIBE),
        (0, CLIENT, ACK, PINGREQ),
        (0, SERVER, ACK | FIN, b""),
    ],
    "a session that ends and goes on": [
        (0, CLIENT, SYN, b""),
        (0, SERVER, SYN | ACK, b""),
        (0, CLIENT, ACK, CONNECT_5),
        (0, SERVER, ACK | FIN, CONNACK_5),
        (1, CLIENT, SYN, b""),
        (1, SERVER, SYN | ACK, b""),
        (1, CLIENT, ACK, CONNECT_5),
        (1, SERVER, ACK, CONNACK_5_PRESENT),
    ],
    "a session that ends and is lost": [
        (0, CLIENT, SYN, b""),
        (0, SERVER, SYN | ACK, b""),
        (0, CLIENT, ACK, CONNECT_5),
        (0, SERVER, ACK | FIN, CONNACK_5),
        (1, CLIENT, SYN, b""),
        (1, SERVER, SYN | ACK, b""),
        (1, CLIENT, ACK, CONNECT_5),
        (1, SERVER, ACK, CONNACK_5),
    ],
    "a session that goes on": [
        (0, CLIENT, SYN, b""),
        (0, CLIENT, ACK, CONNECT_5),
        (0, SERVER, ACK, CONNACK_5),
        (0, CLIENT, ACK | FIN, PUBLISH_5),
        (1, CLIENT, SYN, b""),
        (1, CLIENT, ACK, CONNECT_5),
        (1, SERVER, ACK, CONNACK_5_PRESENT),
        (1, CLIENT, ACK, PUBLISH_5),
    ],
    "a client taken over": [
        (0, CLIENT, ACK, CONNECT_AGAIN),
        (0, SERVER, ACK, CONNACK),
        (0, CLIENT, ACK, EXACTLY_ONCE),
        (1, CLIENT, ACK, CONNECT_AGAIN),
        (1, SERVER, ACK, CONNACK_PRESENT),
        (1, CLIENT, ACK, EXACTLY_ONCE),
        (0, CLIENT, ACK, PINGREQ),
        (1, CLIENT, ACK, PINGREQ),
    ],
}


def block(kind, body):
    """A block of pcapng."""
    body += b"\0" * (-len(body) % 4)
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def option(code, value):
    """An option of pcapng."""
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def segment(port, side, flags, sequence, payload):
    """An IPv4 packet with a segment between a client's port and 1883."""
    ports = (port, 1883) if side == CLIENT else (1883, port)
    hosts = (1, 2) if side == CLIENT else (2, 1)
    tcp = struct.pack(">HHIIBBHHH", *ports, sequence, 0, 5 << 4, flags, 1000, 0, 0) + payload
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0)
    return head + b"".join(bytes([10, 0, 0, host]) for host in hosts) + tcp


def packets(scene, times, first_port):
    """The packet blocks of a scene: (8 of them), with the times in turn."""
    following = {}
    for (connection, side, flags, payload), seconds in zip(scene, itertools.cycle(times)):
        sequence = following.get((connection, side), 100)
        data = segment(first_port + connection, side, flags, sequence, payload)
        following[connection, side] = sequence + len(payload) + bool(flags & (SYN | FIN))
        ticks = seconds % 2**64
        head = struct.pack("<IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
        yield block(6, head + data)


def capture(blocks):
    """A pcapng file of raw IP whose ticks are seconds."""
    start = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    return start + block(1, struct.pack("<HHI", 101, 0, 0) + option(9, b"\0")) + b"".join(blocks)


def check_analyzer(given, path, what):
    """What is wrong with the reports of one file."""
    for options in (["--json", "-"], ["-v"]):
        done = subprocess.run(
            [given.mqttscope, *options, path], capture_output=True, timeout=60, check=False
        )
        if done.returncode != 0 or done.stderr:
            yield f"{what}: {options[0]}: status {done.returncode}, {done.stderr.decode()[:2000]}"
        elif options[0] == "--json" and json.loads(done.stdout)["capture"]["packets"] != 8:
            yield f"{what}: not 8 packets"


def check_tshark(given, path):
    """What is wrong with the plugin's answer to all of them."""
    done = subprocess.run(
        [given.tshark, "-n", "-r", path, "-O", "mqtt"],
        capture_output=True,
        timeout=300,
        check=False,
    )
    said = done.stderr + done.stdout
    if done.returncode != 0 or b"Sanitizer" in said or b"runtime error" in said:
        yield f"tshark: status {done.returncode}, {done.stderr.decode()[:2000]}"


def main():
    """Checks every scene with every pair of times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mqttscope", required=True, help="the command-line program")
    parser.add_argument("--tshark", help="run-tshark of the build tree")
    given = parser.parse_args()
    problems, everything, files = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o755)
        path = pathlib.Path(folder) / "times.pcapng"
        for (name, scene), pair in itertools.product(
            SCENES.items(), itertools.permutations(TIMES, 2)
        ):
            times = [TIMES[time] for time in pair]
            path.write_bytes(capture(packets(scene, times, 10000)))
            problems += check_analyzer(given, path, f"{name}, {' and '.join(pair)} in turn")
            everything += packets(scene, times, 10000 + 2 * files)
            files += 1
        if given.tshark:
            path.write_bytes(capture(everything))
            problems += check_tshark(given, path)
    faces.conclude(problems, f"{files} files with times of no clock: all are reported")


if __name__ == "__main__":
    main()
