#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what both faces say about every capture with the golden files beside this.

For each capture there are
  CAPTURE.txt      the text report
  CAPTURE.json     the JSON report
  CAPTURE.packets  a line for each frame that is MQTT in tshark: frame, TCP stream, Info column, and what
                   was worked out: the request that it answers, where it was first sent, rules broken
  CAPTURE.tree     for a few, the whole tree of the protocol

The last two hold what Wireshark 4.0 prints. Newer versions word some things that are none of ours in
another way; there, both sides are compared without them (see unworded).

`accept` writes them anew, with 4.0. What it writes is what the programs say, right or wrong: read the difference
against captures/MANIFEST and the specification before it is committed.
"""

import difflib
import json
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))
import faces  # noqa: E402

# Whose trees are kept: all control packets of 5.0, every property, aliases, QoS faults with their links,
# malformed packets, several control packets a frame.
TREES = {
    "fleet.pcapng",
    "malformed-connect.pcapng",
    "properties-v5.pcapng",
    "qos-faults-v5.pcapng",
    "server-alias-v5.pcapng",
    "server-v5.pcapng",
}

COLUMNS = [
    "frame.number", "tcp.stream", "_ws.col.Info", "mqttscope.response_to",
    "mqttscope.first_sent_in", "mqttscope.rule",
]  # fmt: skip

OURS = "mqtt || mqttscope"

# Whose words the files hold.
WIRESHARK = (4, 0)

UNITS = {"": 9, "milli": 6, "micro": 3, "nano": 0}


def text_report(face, capture):
    """As on a terminal of the usual width, without colours."""
    return face.text(capture)


def json_report(face, capture):
    """As it is, but for the program's own version."""
    report = face.json_text(capture)
    version = json.loads(report)["generator"]
    return report.replace(json.dumps(version), '"mqttscope"', 1)


def nanoseconds(match):
    """A relative time without its unit, which differs: 0.0016 seconds, 1.6 milliseconds."""
    whole, fraction, unit = match.groups(default="")
    digits = UNITS[unit]
    return f"{int(whole + fraction[:digits].ljust(digits, '0'))} ns"


def unworded(text):
    """Without what each version of Wireshark words in its own way: the remarks that TCP puts before our
    Info column, the unit of relative times, the escape of a DEL."""
    text = re.sub(r"\t(?:\[TCP [^]]*\] ?)+", "\t", text)
    text = re.sub(r"\b(\d+)(?:\.(\d+))? (milli|micro|nano|)seconds?\b", nanoseconds, text)
    return text.replace("\\x7F", "\\177")


def packets(face, capture):
    """A line a frame; what was worked out follows in brackets."""
    lines = []
    for row in face.fields(capture, COLUMNS, OURS):
        frame, stream, info, requests, first, rules = (row[name] for name in COLUMNS)
        # Newer ones escape the backslash of an escape.
        text = "".join(info) if face.wireshark == WIRESHARK else "".join(info).replace("\\\\", "\\")
        notes = [f"answers {' '.join(requests)}"] if requests else []
        notes += [f"first sent in {' '.join(first)}"] if first else []
        notes += [f"rules {' '.join(rules)}"] if rules else []
        note = f"  [{'; '.join(notes)}]" if notes else ""
        lines.append(f"{frame[0]}\t{stream[0]}\t{text}{note}\n")
    return "".join(lines)


def tree(face, capture):
    """The protocol's part of the tree of each frame, under the frame's number."""
    lines = []
    ours = False
    for line in face.tshark(capture, "-Y", OURS, "-O", "mqtt").splitlines():
        if line.startswith("Frame "):
            lines.append(f"\n{line.split(':', 1)[0]}\n")
        if line and not line[0].isspace():
            ours = line.startswith("MQ Telemetry Transport")
        if ours and line:
            lines.append(f"{line}\n")
    return "".join(lines).lstrip("\n")


def made(face, capture):
    """{file name: content} of what belongs to one capture."""
    stem = capture.rsplit(".", 1)[0]
    files = {}
    if face.mqttscope:
        files[f"{stem}.txt"] = text_report(face, capture)
        files[f"{stem}.json"] = json_report(face, capture)
    if face.run_tshark:
        files[f"{stem}.packets"] = packets(face, capture)
        if capture in TREES:
            files[f"{stem}.tree"] = tree(face, capture)
    return files


def differences(face, files):
    """A unified difference for each file that is not what was accepted."""
    for name, content in files.items():
        path = FOLDER / name
        accepted = path.read_text(errors="surrogateescape") if path.exists() else ""
        if is_from_wireshark(name) and face.wireshark != WIRESHARK:
            accepted, content = unworded(accepted), unworded(content)
        if content != accepted:
            yield "".join(
                difflib.unified_diff(
                    accepted.splitlines(keepends=True),
                    content.splitlines(keepends=True),
                    f"tests/golden/{name}",
                    f"{name}, now",
                    n=0,
                )
            )


def is_from_wireshark(name):
    """Whether the file is the plugin's."""
    return name.endswith((".packets", ".tree"))


def golden_files():
    """What is accepted."""
    return {p.name for p in FOLDER.iterdir() if p.suffix in (".txt", ".json", ".packets", ".tree")} - {
        "CMakeLists.txt"
    }


def main():
    """Compares."""
    _, face, chosen = faces.arguments(__doc__.splitlines()[0])
    results = faces.for_each_capture(lambda capture: made(face, capture), chosen)
    problems = [text for files in results.values() for text in differences(face, files)]
    stems = {capture.rsplit(".", 1)[0] for capture in faces.captures()}
    problems += [
        f"tests/golden/{name} belongs to no capture"
        for name in sorted(golden_files())
        if name.rsplit(".", 1)[0] not in stems
    ]
    count = sum(len(files) for files in results.values())
    faces.conclude(problems, f"{len(results)} captures: {count} golden files are as accepted")


if __name__ == "__main__":
    main()
