#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Link types, extension headers, file formats, and what TCP puts right, change nothing in a report.

captures/MANIFEST says of some captures that they hold what another one holds, in other clothes. Their
reports have to be equal but for what those clothes show: frames, bytes and counts of TCP segments, and,
where segments were moved or repeated, times.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import faces  # noqa: E402

# capture: (made from, keys that differ)
CLOTHES = {"files", "bytes", "generator"}
MOVED = CLOTHES | {
    "packets", "frame", "start_frame", "end_frame", "max_idle_frame", "display_filter", "tcp", "time",
    "start", "end", "first_time", "last_time", "latency_us", "rtt_us", "max_idle", "max_idle_us",
    "histograms", "parts", "release_parts", "slowest", "rows",
}  # fmt: skip
DERIVED = {
    "ipv6-extension-headers.pcapng": ("ipv6.pcapng", CLOTHES),
    "nanoseconds.pcap": ("port-reuse.pcapng", CLOTHES),
    "null-loopback.pcapng": ("port-reuse.pcapng", CLOTHES),
    "overlapping-segments.pcapng": ("split-packets.pcapng", MOVED),
    "raw-ip.pcapng": ("ipv6.pcapng", CLOTHES),
    "reordered.pcapng": ("split-packets.pcapng", MOVED),
    "sequence-wrap.pcapng": ("split-packets.pcapng", CLOTHES),
    "vlan.pcapng": ("two-hosts.pcapng", CLOTHES),
}


def without(value, keys, path=""):
    """The value without these keys, as {path: leaf}. Control packets' bytes stay."""
    if isinstance(value, dict):
        leaves = {}
        for key, inner in value.items():
            if key in keys and not (key == "bytes" and path.startswith("/connections")):
                continue
            leaves.update(without(inner, keys, f"{path}/{key}"))
        return leaves
    if isinstance(value, list):
        leaves = {f"{path}/length": len(value)}
        for number, inner in enumerate(value):
            leaves.update(without(inner, keys, f"{path}/{number}"))
        return leaves
    return {path: value}


def compare(face, capture):
    """A line for each leaf that differs."""
    source, keys = DERIVED[capture]
    ours = without(face.report(capture), keys)
    theirs = without(face.report(source), keys)
    return [
        f"{capture}: {path} is {ours.get(path)}, in {source} {theirs.get(path)}"
        for path in sorted(ours.keys() | theirs.keys())
        if ours.get(path) != theirs.get(path)
    ]


def main():
    """Compares each with what it was made from."""
    _, face, chosen = faces.arguments(__doc__.splitlines()[0])
    chosen = [capture for capture in chosen if capture in DERIVED]
    results = faces.for_each_capture(lambda capture: compare(face, capture), chosen)
    problems = [line for lines in results.values() for line in lines]
    faces.conclude(problems, f"{len(chosen)} captures say the same as what they were made from")


if __name__ == "__main__":
    main()
