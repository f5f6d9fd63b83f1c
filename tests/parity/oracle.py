#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where Wireshark's own dissector decodes correctly, the plugin's mirrored fields have its values.

On every capture each field of the built-in is compared frame by frame: all its values, in order. Frames
that only one of the two takes for MQTT count as a field of their own, "(frame)". Where ours differ and
are right, the file `oracle-differences` says for which field, in which frames of which capture, and
why. A line there that is no longer true fails the test as well.
"""

import fnmatch
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import faces  # noqa: E402

DIFFERENCES = pathlib.Path(__file__).with_name("oracle-differences")

# Ports of the captures that the built-in has to be told about.
DECODE_AS = ["-d", "tcp.port==1884,mqtt", "-d", "tcp.port==18831,mqtt"]

ONE_ALONE = "(frame)"


def values_by_frame(face, capture, names, builtin):
    """{frame: {field: values}} of all frames that are MQTT."""
    rows = face.fields(
        capture,
        ["frame.number", *names],
        "mqtt",
        builtin=builtin,
        more=DECODE_AS if builtin else (),
    )
    return {int(row.pop("frame.number")[0]): row for row in rows}


def compare(face, capture, names):
    """{field: {frame: (theirs, ours)}} where the two differ, and how many values agree."""
    theirs = values_by_frame(face, capture, names, builtin=True)
    ours = values_by_frame(face, capture, names, builtin=False)
    found = {}
    equal = 0
    for frame in sorted(theirs.keys() ^ ours.keys()):
        found.setdefault(ONE_ALONE, {})[frame] = (
            "decodes it" if frame in theirs else "does not",
            "decodes it" if frame in ours else "does not",
        )
    for frame in sorted(theirs.keys() & ours.keys()):
        for name in names:
            pair = theirs[frame][name], ours[frame][name]
            if pair[0] != pair[1]:
                found.setdefault(name, {})[frame] = pair
            else:
                equal += len(pair[0])
    return found, equal


def frames_of(text):
    """{4, 7, 8, 9} of "4 7-9"; None of "*", which is all frames."""
    if text == "*":
        return None
    frames = set()
    for part in text.split():
        first, _, last = part.partition("-")
        frames.update(range(int(first), int(last or first) + 1))
    return frames


class Listed:
    """One line of the list: patterns of captures and fields, frames, a reason."""

    def __init__(self, captures, fields, frames, reason):
        words = captures.split()
        self.versions = [word.strip("()") for word in words if word.startswith("(")]
        self.captures = [word for word in words if not word.startswith("(")]
        self.fields, self.reason = fields.split(), reason
        self.frames = frames_of(frames)
        self.seen = set()

    def is_about(self, version):
        """Whether the line counts with this version of Wireshark."""
        return not self.versions or ".".join(map(str, version)) in self.versions

    def covers(self, capture, field, frame):
        """Whether the line expects this difference; remembers which of its frames were there."""
        if not any(fnmatch.fnmatchcase(capture, p) for p in self.captures):
            return False
        if not any(fnmatch.fnmatchcase(field, p) for p in self.fields):
            return False
        if self.frames is not None and frame not in self.frames:
            return False
        self.seen.add(frame)
        return True

    def unused(self):
        """What of the line no difference needed; empty if all was."""
        if self.frames is None:
            return "" if self.seen else "*"
        return " ".join(str(f) for f in sorted(self.frames - self.seen))


def uncovered(results, listed):
    """A text for each field of each capture with differences that no line covers."""
    for capture, (found, _) in results.items():
        for field, by_frame in found.items():
            left = {
                frame: pair
                for frame, pair in by_frame.items()
                if not any([line.covers(capture, field, frame) for line in listed])
            }
            if left:
                examples = "".join(
                    f"\n  frame {frame}: built-in {pair[0]}, plugin {pair[1]}"
                    for frame, pair in list(left.items())[:4]
                )
                frames = " ".join(map(str, left))
                yield f"{capture}: {field} differs in {len(left)} frames: {frames}{examples}"


def main():
    """Compares all captures and holds the differences against the list."""
    _, face, chosen = faces.arguments(__doc__.splitlines()[0])
    names = sorted(face.field_types("mqtt.", builtin=True))
    problems = []
    results = faces.for_each_capture(lambda capture: compare(face, capture, names), chosen)
    listed = [Listed(*columns) for columns in faces.read_differences(DIFFERENCES, 4)]
    listed = [line for line in listed if line.is_about(face.wireshark)]
    problems += uncovered(results, listed)
    for line in listed:
        if chosen == faces.captures() and line.unused():
            problems.append(
                f"{DIFFERENCES.name}: no difference of {' '.join(line.fields)} in "
                f"{' '.join(line.captures)}, frames {line.unused()}: shorten the line ({line.reason})"
            )
    equal = sum(count for _, count in results.values())
    different = sum(len(f) for found, _ in results.values() for f in found.values())
    faces.conclude(
        problems,
        f"{len(results)} captures, {len(names)} fields: {equal} values agree; fields of frames that "
        f"differ as listed: {different}",
    )


if __name__ == "__main__":
    main()
