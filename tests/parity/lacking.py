#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a capture lacks makes no finding: of a part of a capture nothing is said that the whole does not show.

Every capture is cut by snap lengths, loses frames, begins later, ends earlier, and is left with one
direction. Each finding about what remains has to be one about the whole: the same rule, for the same client
port, no more often. (The frame can be another one: where a segment is missing, what came behind it waits.)
Only segments with data are lost: of a SYN, a FIN or an RST nothing else tells.

The file `lacking-differences` lists what is right all the same, and why.
"""

import collections
import fnmatch
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import faces  # noqa: E402
from packets import Packets  # noqa: E402

DIFFERENCES = pathlib.Path(__file__).with_name("lacking-differences")
SNAP_LENGTHS = (68, 75, 83, 90, 97, 110, 140)


def findings(report):
    """Counts (rule, client port)."""
    ports = {c["tcp_stream"]: c["client"]["port"] for c in report["connections"]}
    return collections.Counter(
        (f["rule"], ports.get(f["tcp_stream"])) for f in report["findings"]
    )


def parts(capture, rows, servers):
    """(name, frames that remain) of what is left of a capture. `rows` are of all its frames."""
    everything = [int(row["frame.number"][0]) for row in rows]
    for number in range(6):
        chance = random.Random(f"{capture} {number}")
        share = chance.choice([0.02, 0.05, 0.2])
        lost = {
            int(row["frame.number"][0])
            for row in rows
            if row["tcp.len"] not in ([], ["0"])
            and row["tcp.flags"] in (["0x0010"], ["0x0018"])
            and chance.random() < share
        }
        yield f"loss-{number}", [f for f in everything if f not in lost]
    chance = random.Random(capture)
    for _ in range(4):
        begin = chance.choice(everything)
        yield f"from-{begin}", [f for f in everything if f >= begin]
    for _ in range(2):
        end = chance.choice(everything)
        yield f"to-{end}", [f for f in everything if f <= end]
    for name, wanted in (("to-server", True), ("from-server", False)):
        yield (
            name,
            [
                int(row["frame.number"][0])
                for row in rows
                if (row["tcp.dstport"] != [] and int(row["tcp.dstport"][0]) in servers) is wanted
            ],
        )


def check(face, capture):
    """[(part, rule, port)] and how many parts there were."""
    path = faces.TREE / "captures" / capture
    packets = Packets(path.read_bytes())
    report = face.report(capture)
    servers = {c["server"]["port"] for c in report["connections"]}
    whole = findings(report)
    columns = ["frame.number", "tcp.len", "tcp.flags", "tcp.dstport"]
    rows = face.fields(capture, columns, builtin=True)
    found = []
    done = 0

    def compare(part, target):
        nonlocal done
        done += 1
        found.extend((part, *what) for what in findings(face.report(target)) - whole)

    with tempfile.TemporaryDirectory() as name:
        target = pathlib.Path(name) / capture
        for part, frames in parts(capture, rows, servers):
            target.write_bytes(packets.in_order([f - 1 for f in frames]))
            compare(part, target)
        for length in SNAP_LENGTHS:
            command = ["editcap", "-s", str(length), path, target]
            # It does not write files that hold secrets.
            if subprocess.run(command, check=False, capture_output=True).returncode == 0:
                compare(f"snap-{length}", target)
    return found, done


def main():
    """Checks all captures."""
    _, face, chosen = faces.arguments(__doc__.splitlines()[0])
    results = faces.for_each_capture(lambda capture: check(face, capture), chosen)
    listed = {
        (capture, part, rule): why
        for capture, part, rule, why in faces.read_differences(DIFFERENCES, 4)
    }
    used = set()
    problems = []
    for capture, (found, _) in results.items():
        for part, rule, port in found:
            lines = [
                key
                for key in listed
                if fnmatch.fnmatchcase(capture, key[0])
                and fnmatch.fnmatchcase(part, key[1])
                and rule == key[2]
            ]
            used.update(lines)
            if not lines:
                problems.append(
                    f"{capture}, {part}: {rule} of port {port}, which the whole does not show"
                )
    if chosen == faces.captures():
        problems += [f"{DIFFERENCES.name}: needless: {key}" for key in listed if key not in used]
    count = sum(done for _, done in results.values())
    faces.conclude(problems, f"{count} parts of {len(results)} captures show nothing else than these")


if __name__ == "__main__":
    main()
