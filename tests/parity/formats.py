#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripts that read tshark's output find with the plugin what they found with the built-in dissector.

On every capture `-T pdml`, `-T json`, `-T ek`, frame.protocols and `-z io,phs` are compared, frame by frame: whatever
the built-in shows of MQTT the plugin shows under the same name, at the same place in the tree, with the same value
(PDML: at the same bytes). What it shows besides is listed in `formats-differences`, and what differs is too, with the
reason why ours is right. Differences of values that `oracle-differences` lists (oracle.py, which compares `-T fields`)
are not listed again. A line that is no longer true fails the test.
"""

import collections
import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import faces  # noqa: E402
import oracle  # noqa: E402

DIFFERENCES = pathlib.Path(__file__).with_name("formats-differences")

# What tshark itself puts into a tree: expert items say what our rules say in other words.
OF_WIRESHARK = ("_ws.", "_ws_", "filtered")


def is_of_wireshark(name):
    """Whether it is no field of a dissector."""
    return name == "" or name.startswith(OF_WIRESHARK)


# ---- Each format: {frame: [(path, value), ...]} of what belongs to MQTT ----


def pdml_entries(node, path):
    """The fields below a node of PDML."""
    for child in node.findall("field"):
        name = child.get("name", "")
        if is_of_wireshark(name):
            continue
        here = (*path, name)
        yield here, tuple(child.get(key) for key in ("show", "value", "unmaskedvalue", "pos", "size"))
        yield from pdml_entries(child, here)


def read_pdml(text):
    """The fields of each frame, and the layers of each frame."""
    fields, layers = {}, {}
    for packet in ElementTree.fromstring(text.encode(errors="replace")).iter("packet"):
        frame = packet.find("proto[@name='frame']")
        number = int(frame.find("field[@name='frame.number']").get("show"))
        protocols = frame.find("field[@name='frame.protocols']").get("show").split(":")
        shown = [proto.get("name") for proto in packet.findall("proto")]
        layers[number] = [(("frame.protocols", name), "") for name in protocols]
        layers[number] += [(("proto", name), "") for name in shown if not is_of_wireshark(name)]
        found = [entry for proto in packet.findall("proto[@name='mqtt']") for entry in pdml_entries(proto, ())]
        if found:
            fields[number] = found
    return fields, layers


def json_entries(tree, path):
    """The leaves of a JSON object, whose keys may come again and again."""
    for key, value in tree:
        if is_of_wireshark(key):
            continue
        here = (*path, key.removesuffix("_tree"))
        if isinstance(value, list) and all(isinstance(pair, tuple) for pair in value):
            yield from json_entries(value, here)
        else:
            yield here, str(value)


def member(tree, *keys):
    """What stands behind keys, one inside the other; of each the first."""
    for key in keys:
        tree = next(value for name, value in tree if name == key)
    return tree


def read_json(text):
    """The fields of each frame."""
    found = {}
    for packet in json.loads(text, object_pairs_hook=list):
        layers = member(packet, "_source", "layers")
        number = int(member(layers, "frame", "frame.number"))
        mqtt = [value for key, value in layers if key == "mqtt"]
        # Several layers of one name are an array.
        objects = [o for value in mqtt for o in (value if value and isinstance(value[0], list) else [value])]
        entries = [entry for tree in objects for entry in json_entries(tree, ())]
        if entries:
            found[number] = entries
    return found


def read_ek(text):
    """The same. All fields of a layer stand beside each other here."""
    found = {}
    for line in text.splitlines():
        layers = json.loads(line).get("layers")
        if layers is None or "mqtt" not in layers:
            continue
        number = int(layers["frame"]["frame_frame_number"])
        objects = layers["mqtt"] if isinstance(layers["mqtt"], list) else [layers["mqtt"]]
        found[number] = [
            ((key,), str(one))
            for tree in objects
            for key, value in tree.items()
            if not is_of_wireshark(key)
            for one in (value if isinstance(value, list) else [value])
        ]
    return found


def read_hierarchy(text):
    """The lines of -z io,phs, which indents a protocol inside another one by two."""
    entries, path = [], []
    for line in text.splitlines():
        name, _, counts = line.strip().partition(" ")
        if "frames:" in counts:
            path[(len(line) - len(line.lstrip())) // 2 :] = [name]
            entries.append((tuple(path), counts.strip()))
    return entries


# ---- Comparison ----


def everything(face, capture, builtin):
    """{format: {frame: entries}} of one of the two; what is said of all frames is frame 0's."""
    more = oracle.DECODE_AS if builtin else []
    text = face.tshark(capture, *more, "-T", "pdml", "-z", "io,phs", builtin=builtin)
    pdml, _, hierarchy = text.partition("</pdml>")
    fields, layers = read_pdml(pdml + "</pdml>")
    only = ["-Y", "mqtt", *more]
    return {
        "pdml": fields,
        "layers": {number: entries for number, entries in layers.items() if number in fields},
        "json": read_json(face.tshark(capture, "-T", "json", *only, builtin=builtin)),
        "ek": read_ek(face.tshark(capture, "-T", "ek", *only, builtin=builtin)),
        "phs": {0: read_hierarchy(hierarchy)},
    }


def differences(theirs, ours):
    """(name, what) of a frame: their entries that are not among ours, and names that come more often in ours."""
    left = collections.Counter(ours)
    for path, value in theirs:
        if left[path, value] > 0:
            left[path, value] -= 1
        else:
            others = [v for p, v in ours if p == path]
            yield path[-1], f"{'/'.join(path)} = {value}, plugin {others[:3]}"
    counts = collections.Counter(path[-1] for path, _ in ours)
    counts.subtract(path[-1] for path, _ in theirs)
    for name, count in counts.items():
        if count > 0:
            yield f"+{name}", f"{count} more"


def compare(face, capture):
    """{(format, name): {frame: what}} where the two differ, and how many entries were looked at."""
    theirs = everything(face, capture, builtin=True)
    ours = everything(face, capture, builtin=False)
    found = collections.defaultdict(dict)
    seen = collections.Counter()
    for kind, frames in theirs.items():
        for frame in sorted(frames.keys() & ours[kind].keys()):
            seen[kind] += len(frames[frame])
            for name, what in differences(frames[frame], ours[kind][frame]):
                found[kind, name].setdefault(frame, what)
    return found, seen


class Listed(oracle.Listed):
    """A line of the list: oracle.py's, with the formats that it is about."""

    def __init__(self, captures, formats, fields, frames, reason):
        super().__init__(captures, fields, frames, reason)
        self.formats = formats.split()

    def covers_in(self, kind, capture, name, frame):
        """Whether the line expects this difference."""
        return ("*" in self.formats or kind in self.formats) and self.covers(capture, name, frame)


def field_of(name, fields):
    """A name as -T fields has it: -T ek puts the layer before it."""
    return fields.get(name.lstrip("+"), name.lstrip("+"))


def main():
    """Compares all captures."""
    _, face, chosen = faces.arguments(__doc__.splitlines()[0])
    names = face.field_types("mqtt", builtin=False)
    fields = {"mqtt_" + name.replace(".", "_"): name for name in names}
    results = faces.for_each_capture(lambda capture: compare(face, capture), chosen)
    listed = [Listed(*columns) for columns in faces.read_differences(DIFFERENCES, 5)]
    listed = [line for line in listed if line.is_about(face.wireshark)]
    values = [oracle.Listed(*columns) for columns in faces.read_differences(oracle.DIFFERENCES, 4)]
    values = [line for line in values if line.is_about(face.wireshark)]
    problems = []
    seen = collections.Counter()
    for capture, (found, count) in results.items():
        seen.update(count)
        for (kind, name), by_frame in found.items():
            field = field_of(name, fields)
            sign = "+" if name.startswith("+") else ""
            left = {
                frame: what
                for frame, what in by_frame.items()
                if not any([line.covers(capture, field, frame) for line in values])
                and not any([line.covers_in(kind, capture, sign + field, frame) for line in listed])
            }
            if left:
                frames = " ".join(map(str, sorted(left)))
                frame = min(left)
                problems.append(f"{capture}: {kind}: {sign}{field} differs in frames {frames[:150]}: {left[frame]}")
    problems += [
        f"{DIFFERENCES.name}: no {' '.join(line.formats)} difference of {' '.join(line.fields)} in "
        f"{' '.join(line.captures)}, frames {line.unused()}: shorten the line ({line.reason})"
        for line in listed
        if chosen == faces.captures() and line.unused()
    ]
    if not all(seen[kind] for kind in ("pdml", "layers", "json", "ek", "phs")):
        problems.append(f"nothing was compared: {seen}")
    faces.conclude(problems, f"{len(results)} captures: {dict(seen)} entries of the built-in are the plugin's too")


if __name__ == "__main__":
    main()
