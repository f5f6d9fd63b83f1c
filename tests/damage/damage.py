#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Damage makes no finding: what a capture lacks or repeats is held against nobody, nor is its order.

Every capture is damaged in many ways. No error and no warning about what remains may be one that the
whole capture does not have, for the same rule, client and direction, no more often. What changes nothing
of what was said (repetitions, other segments, keep-alive probes) has to leave all of them, too.

The file `differences` lists what no observer could know, and why.

    damage.py --mqttscope PROGRAM [--seeds N] [--first SEED] [CAPTURE...]

With more seeds it takes as long as wanted; CAPTURE is a name in captures/, or a path.
"""

import argparse
import collections
import dataclasses
import fnmatch
import json
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import faces  # noqa: E402
import frames  # noqa: E402

DIFFERENCES = pathlib.Path(__file__).with_name("differences")
HOUR = 3600 * 10**9
MOMENT = 50 * 10**6
SNAP_LENGTHS = (60, 68, 74, 80, 88, 96, 104, 120, 160, 256)


# ---- Damage: each takes all frames and a source of chance, and returns what remains ----


def loss(all_frames, chance):
    """One to five of a hundred, whatever they carry."""
    share = chance.uniform(0.01, 0.05)
    return [f for f in all_frames if chance.random() >= share]


def burst(all_frames, chance):
    """Some frames in a row."""
    begin = chance.randrange(len(all_frames))
    return all_frames[:begin] + all_frames[begin + chance.randint(2, 12) :]


def swaps(all_frames, chance):
    """Frames change places with one of the next, of the same moment; the times stay."""
    out = list(all_frames)
    for i in range(len(out) - 1):
        if chance.random() < 0.05:
            k = min(len(out) - 1, i + chance.randint(1, 3))
            a, b = out[i], out[k]
            if abs(b.time - a.time) > MOMENT:
                continue
            out[i] = dataclasses.replace(b, time=a.time)
            out[k] = dataclasses.replace(a, time=b.time)
    return out


def sides(all_frames):
    """Which flows come from the side that sent the first SYN or, without one, from the higher port."""
    from_client = {}
    for f in all_frames:
        if f.tcp is None or f.tcp.flow in from_client:
            continue
        client = f.tcp.flow[0][1] > f.tcp.flow[1][1]
        if f.tcp.flags & frames.SYN:
            client = not f.tcp.flags & frames.ACK
        from_client[f.tcp.flow] = client
        from_client[f.tcp.flow[::-1]] = not client
    return from_client


def late_side(all_frames, chance):
    """A tap that sees one direction some milliseconds later than the other."""
    from_client = sides(all_frames)
    late, delay = chance.random() < 0.5, chance.choice([10**5, 10**6, 10**7])
    moved = [
        dataclasses.replace(f, time=f.time + delay)
        if f.tcp is not None and from_client[f.tcp.flow] is late
        else f
        for f in all_frames
    ]
    return sorted(moved, key=lambda f: f.time)


def one_direction(client):
    def keep(all_frames, _chance):
        from_client = sides(all_frames)
        return [f for f in all_frames if f.tcp is not None and from_client[f.tcp.flow] is client]

    return keep


def begins_later(all_frames, chance):
    return all_frames[chance.randrange(len(all_frames)) :]


def ends_earlier(all_frames, chance):
    return all_frames[: chance.randrange(1, len(all_frames) + 1)]


def without(test):
    def keep(all_frames, _chance):
        return [f for f in all_frames if f.tcp is None or not test(f.tcp)]

    return keep


def snapped(all_frames, chance):
    length = chance.choice(SNAP_LENGTHS)
    return [dataclasses.replace(f, data=f.data[:length]) for f in all_frames]


def clock_step(all_frames, chance):
    """From some frame on the clock is an hour ahead or behind, for all connections."""
    begin = chance.randrange(len(all_frames))
    step = chance.choice([HOUR, -HOUR])
    return all_frames[:begin] + [
        dataclasses.replace(f, time=f.time + step) for f in all_frames[begin:]
    ]


def clock_shift(all_frames, chance):
    """The whole capture at another time."""
    step = chance.choice([HOUR, -HOUR])
    return [dataclasses.replace(f, time=f.time + step) for f in all_frames]


# ---- What changes nothing ----


def duplicates(all_frames, chance):
    """One to five of a hundred come twice, the second time a little later."""
    share, out = chance.uniform(0.01, 0.05), []
    waiting = []
    for f in all_frames:
        out.append(f)
        out += [dataclasses.replace(w, time=f.time) for due, w in waiting if due <= len(out)]
        waiting = [(due, w) for due, w in waiting if due > len(out)]
        if chance.random() < share:
            waiting.append((len(out) + chance.randrange(3), f))
    return out


def single_bytes(all_frames, chance):
    """Some of the segments come byte by byte, all of them if the capture is small."""
    share = min(1.0, 3000 / (1 + sum(f.tcp.size for f in all_frames if f.tcp is not None)))
    out = []
    for f in all_frames:
        if f.tcp is None or not f.tcp.is_data or f.tcp.size > 2000 or chance.random() >= share:
            out.append(f)
            continue
        payload = f.data[f.tcp.body : f.tcp.end]
        for i, value in enumerate(payload):
            out.append(frames.with_payload(f, bytes([value]), f.tcp.sequence + i, frames.ACK))
    return out


def coalesced(all_frames, _chance):
    """Data that follows data of the same direction joins it, if nothing stands in between."""
    out = []
    for f in all_frames:
        last = out[-1] if out else None
        if (
            f.tcp is not None
            and f.tcp.is_data
            and last is not None
            and last.tcp is not None
            and last.tcp.is_data
            and last.tcp.flow == f.tcp.flow
            and last.tcp.acknowledgement == f.tcp.acknowledgement
            and last.tcp.sequence + last.tcp.size == f.tcp.sequence
            and last.tcp.size + f.tcp.size < 30000
        ):
            payload = last.data[last.tcp.body : last.tcp.end] + f.data[f.tcp.body : f.tcp.end]
            joined = frames.with_payload(last, payload, last.tcp.sequence, last.tcp.flags)
            out[-1] = dataclasses.replace(joined, time=f.time)
        else:
            out.append(f)
    return out


def probes(all_frames, chance):
    """Keep-alive probes, with and without their byte of old data."""
    out = []
    for f in all_frames:
        out.append(f)
        if f.tcp is not None and f.tcp.is_data and chance.random() < 0.2:
            probe = bytes([chance.randrange(256)]) if chance.random() < 0.5 else b""
            behind = f.tcp.sequence + f.tcp.size - 1
            out.append(frames.with_payload(f, probe, behind, frames.ACK))
    return out


def unchanged(all_frames, _chance):
    return all_frames


DAMAGE = {
    "loss": loss,
    "burst": burst,
    "swaps": swaps,
    "late-side": late_side,
    "from-client": one_direction(True),
    "from-server": one_direction(False),
    "begins-later": begins_later,
    "ends-earlier": ends_earlier,
    "no-syn": without(lambda s: s.flags & frames.SYN),
    "no-fin": without(lambda s: s.flags & (frames.FIN | frames.RST) and s.size == 0),
    "no-ack": without(lambda s: s.is_pure_ack),
    "snapped": snapped,
    "clock-step": clock_step,
    "clock-shift": clock_shift,
}
HARMLESS = {
    "unchanged": unchanged,
    "duplicates": duplicates,
    "single-bytes": single_bytes,
    "coalesced": coalesced,
    "probes": probes,
}
# Chance has no part in these: one time does.
ONCE = {"from-client", "from-server", "no-syn", "no-fin", "no-ack", "unchanged", "coalesced"}


# ---- What is said ----


def findings(report):
    """The errors and warnings: (rule, direction, client's port, client identifier)."""
    ports = {c["tcp_stream"]: c["client"]["port"] for c in report["connections"]}
    return [
        (f["rule"], f["direction"], ports.get(f["tcp_stream"]), f["client_id"])
        for f in report["findings"]
        if f["severity"] != "note"
    ]


def missing(these, those):
    """Which of these findings have no partner among those. The client is known by its port, or by its
    identifier, and who spoke may be open: a part of a capture may lack what tells it."""
    left = collections.defaultdict(list)
    for rule, *row in those:
        left[rule].append(row)
    alone = []
    for rule, direction, port, client in these:
        for row in left[rule]:
            same = (port is not None and row[1] == port) or (client is not None and row[2] == client)
            if same and (direction == row[0] or None in (direction, row[0])):
                left[rule].remove(row)
                break
        else:
            alone.append((rule, direction, port, client))
    return alone


class Auditor:
    """Runs mqttscope."""

    def __init__(self, program):
        self.program = program

    def findings(self, path):
        done = subprocess.run(
            [self.program, "--json", "-", path], capture_output=True, timeout=300, check=False
        )
        if done.returncode not in (0, 2):
            raise faces.Failed(f"{path}: status {done.returncode}: {done.stderr.decode()}")
        return findings(json.loads(done.stdout))


def check(auditor, capture, seeds, keep):
    """[(damage, seed, what differs)] of one capture, and how many damaged ones there were."""
    path = faces.TREE / "captures" / capture if "/" not in capture else pathlib.Path(capture)
    whole = frames.read(path)
    if whole is None:
        return [], 0
    link, all_frames = whole
    said = auditor.findings(path)
    found, done = [], 0
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder) / "damaged.pcap"
        for seed in seeds:
            for name, function in (DAMAGE | HARMLESS).items():
                if name in ONCE and seed != seeds[0]:
                    continue
                chance = random.Random(f"{path.name} {name} {seed}")
                frames.write(target, link, function(all_frames, chance))
                now = auditor.findings(target)
                done += 1
                differs = [("new", *row) for row in missing(now, said)]
                if name in HARMLESS:
                    differs += [("gone", *row) for row in missing(said, now)]
                found += [(name, seed, row) for row in differs]
                if differs and keep:
                    kept = pathlib.Path(keep) / f"{path.name}.{name}.{seed}.pcap"
                    kept.write_bytes(target.read_bytes())
    return found, done


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mqttscope", required=True, help="the command-line program")
    parser.add_argument("--seeds", type=int, default=1, help="how often chance is asked (1)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--keep", help="a folder for the damaged captures that differ")
    parser.add_argument("captures", nargs="*", help="names, patterns or paths; all if none is given")
    given = parser.parse_args()
    chosen = [c for c in given.captures if "/" in c]
    names = [c for c in given.captures if "/" not in c]
    if names or not chosen:
        chosen += [
            c for c in faces.captures() if not names or any(fnmatch.fnmatch(c, n) for n in names)
        ]
    return given, chosen


def is_listed(row, *found):
    """Whether a line of the list is about this capture, damage and rule."""
    return all(
        any(fnmatch.fnmatchcase(what, pattern) for pattern in patterns.split(","))
        for what, patterns in zip(found, row[:3], strict=True)
    )


def main():
    """Damages all captures and holds what is new against the list."""
    given, chosen = arguments()
    auditor = Auditor(given.mqttscope)
    seeds = range(given.first, given.first + given.seeds)
    results = faces.for_each_capture(
        lambda capture: check(auditor, capture, seeds, given.keep), chosen
    )
    listed = faces.read_differences(DIFFERENCES, 4)
    problems = []
    for capture, (found, _) in results.items():
        for name, seed, (what, rule, direction, port, client) in found:
            if not any(is_listed(row, capture, name, rule) for row in listed):
                problems.append(
                    f"{capture}, {name}, seed {seed}: {what}: {rule}, {direction}, "
                    f"port {port}, client {client}"
                )
    count = sum(done for _, done in results.values())
    faces.conclude(problems, f"{count} damaged captures say nothing new")


if __name__ == "__main__":
    main()
