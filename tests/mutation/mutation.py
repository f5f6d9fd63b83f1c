#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Damaged captures through both faces: no crash, no sanitizer's report, no hang, bounded memory.

Each round damages every capture in four ways, from a seed that the round's number gives:
  bits       editcap -E: about one byte in fifty has another value
  order      packets change places with others nearby
  payload    only bytes of the TCP payload change, rarely, so that most framing survives
  cut        the file ends anywhere
The analyzer reads each of them alone; tshark reads those of a round in one go, one capture after the
other, since its start takes longer than all of them.

One round is the test. MQTTSCOPE_MUTATION_SECONDS=600 goes on for so long, from the round after the
last one of MQTTSCOPE_MUTATION_ROUND (1) on. What goes wrong is kept in the folder --keep.
"""

import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import faces  # noqa: E402
from packets import Packets  # noqa: E402

TIMEOUT = 120  # seconds: only a hang takes so long
MEMORY = 1536 * 1024  # KiB at the peak, sanitizers included

TROUBLE = re.compile(rb"Sanitizer|runtime error:|Dissector bug|ERROR:")
DISSECTOR_BUG = re.compile(rb"Dissector bug, protocol \S+, in packet \d+: \./epan/[^\n]*")

# ---- Damage ----


def damage_order(data, chance):
    """Every packet moves by a few places."""
    packets = Packets(data)
    count = len(packets.packets)
    order = sorted(range(count), key=lambda i: i + chance.uniform(0, 4))
    return packets.in_order(order)


def damage_payload(data, chance):
    """About one packet in three has one byte changed behind its first 66 (Ethernet, IPv4, TCP)."""
    packets = Packets(data)
    for _, start, captured in packets.packets:
        if captured > 66 and chance.random() < 0.33:
            at = start + chance.randrange(66, captured)
            packets.data[at] = chance.choice([0x00, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    return bytes(packets.data)


def damage_bits(data, chance):
    """One byte in fifty has another value."""
    packets = Packets(data)
    for _, start, captured in packets.packets:
        for at in range(start, start + captured):
            if chance.random() < 0.02:
                packets.data[at] = chance.randrange(256)
    return bytes(packets.data)


def damage_cut(data, chance):
    """The file ends anywhere behind its first bytes."""
    return data[: chance.randrange(25, len(data))]


def damage(folder, capture, seed):
    """Writes the damaged files of one capture; {way: path}."""
    source = faces.TREE / "captures" / capture
    data = source.read_bytes()
    made = {}
    for way, change in (
        ("order", damage_order),
        ("payload", damage_payload),
        ("cut", damage_cut),
    ):
        made[way] = folder / f"{seed}-{way}-{capture}"
        made[way].write_bytes(change(data, random.Random(f"{seed} {way} {capture}")))
    made["bits"] = folder / f"{seed}-bits-{capture}"
    # editcap does not write a file that holds secrets.
    command = ["editcap", "-E", "0.02", "--seed", str(seed), source, made["bits"]]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        made["bits"].write_bytes(damage_bits(data, random.Random(f"{seed} bits {capture}")))
    return made


# ---- Both faces ----


def limited():
    """The address space of a sanitizer is enormous: the peak is measured instead."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command, environment=None):
    """Runs it to its end: status, output, errors, peak memory in KiB. Status None: it hung."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            command, stdout=output, stderr=errors, preexec_fn=limited, env=environment
        ) as process:
            deadline = time.monotonic() + TIMEOUT
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    break
                if time.monotonic() > deadline:
                    process.kill()
                    os.wait4(process.pid, 0)
                    process.returncode = -9
                    return None, b"", b"", 0
                time.sleep(0.02)
            process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        return process.returncode, output.read(), errors.read(), usage.ru_maxrss


def without(messages, result):
    """The result as if these messages about bugs were not in it; the output shows them otherwise."""
    status, output, errors, memory = result
    for message in messages:
        errors = errors.replace(message, b"")
        text = message.split(b": ", 1)[1]
        output = re.sub(rb"\[Dissector bug, protocol \S+: " + re.escape(text), b"", output)
    return status, output, errors, memory


class Checker:
    """Runs the faces on damaged files and collects what goes wrong."""

    def __init__(self, given):
        self.given = given
        self.runs = 0
        self.peak = {"mqttscope": 0, "tshark": 0}
        self.problems = []

    def _judge(self, face, path, result, allowed):
        status, output, errors, memory = result
        self.runs += 1
        self.peak[face] = max(self.peak[face], memory)
        wrong = []
        if status is None:
            wrong.append(f"did not end within {TIMEOUT} s")
        elif status not in allowed:
            wrong.append(f"status {status}")
        if memory > MEMORY:
            wrong.append(f"{memory} KiB of memory")
        found = TROUBLE.search(errors) or TROUBLE.search(output)
        if found:
            start = max(0, found.start() - 200)
            wrong.append(found.string[start : found.end() + 2000].decode(errors="replace"))
        if face == "mqttscope" and status == 2 and errors.count(b"\n") != 1:
            wrong.append(f"status 2 with other than one line: {errors[:500]}")
        if face == "mqttscope" and status == 0 and errors:
            wrong.append(f"status 0, and yet: {errors[:500]}")
        if wrong:
            kept = pathlib.Path(self.given.keep)
            kept.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, kept)
            self.problems.append(f"{face} on {kept / path.name}: {'; '.join(wrong)}")

    def analyzer(self, path):
        """Both reports."""
        if self.given.mqttscope:
            command = [self.given.mqttscope, "-v", "--json", os.devnull, path]
            self._judge("mqttscope", path, run(command), (0, 2))

    def plugin(self, path):
        """The whole tree, in two passes, in and out of order."""
        if not self.given.tshark:
            return
        # Pools of tshark's own hide small overruns from a sanitizer; without them it is slow, so
        # one run of the two goes without.
        for pools, options in (
            ("simple", ["-2", *faces.IN_ORDER]),
            ("block", ["-o", "tcp.check_checksum:TRUE"]),
        ):
            environment = dict(os.environ, WIRESHARK_DEBUG_WMEM_OVERRIDE=pools)
            more = ["-n", "-r", path, *options, "-O", "mqtt,mqttscope"]
            result = run([self.given.tshark, *more], environment)
            bugs = set(DISSECTOR_BUG.findall(result[2]))
            if bugs:
                # Wireshark's own dissectors have some too; those show without the plugin.
                others = run([self.given.tshark, "--builtin", *more], environment)[2]
                result = without(bugs & set(DISSECTOR_BUG.findall(others)), result)
            self._judge("tshark", path, result, faces.TSHARK_STATUSES)


def one_round(checker, pool, seed):
    """Damages and runs all captures once."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        made = list(pool.map(lambda capture: damage(folder, capture, seed), faces.captures()))
        list(pool.map(checker.analyzer, [path for files in made for path in files.values()]))
        merged = []
        for way in ("bits", "order", "payload"):
            for half in (0, 1):
                path = folder / f"{seed}-{way}-{half}.pcapng"
                parts = [files[way] for files in made][half::2]
                subprocess.run(
                    ["mergecap", "-a", "-w", path, *parts], check=True, capture_output=True
                )
                merged.append(path)
        list(pool.map(checker.plugin, merged))


def main():
    """One round, or as many as the environment gives time for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mqttscope", help="the command-line program")
    parser.add_argument("--tshark", help="run-tshark of the build tree")
    parser.add_argument("--keep", required=True, help="folder for captures that brought trouble")
    checker = Checker(parser.parse_args())
    seconds = float(os.environ.get("MQTTSCOPE_MUTATION_SECONDS", "0"))
    seed = int(os.environ.get("MQTTSCOPE_MUTATION_ROUND", "1"))
    begun = time.monotonic()
    rounds = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        while rounds == 0 or time.monotonic() - begun < seconds:
            one_round(checker, pool, seed + rounds)
            rounds += 1
    peaks = ", ".join(f"{face} {kib // 1024} MiB" for face, kib in checker.peak.items())
    faces.conclude(
        checker.problems, f"{rounds} rounds, {checker.runs} runs; peak memory: {peaks}"
    )


if __name__ == "__main__":
    main()
