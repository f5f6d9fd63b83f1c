#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`tshark -z mqttscope,report` is the analyzer's report, to the byte but for the name of the file.

On every capture. The file `report-differences` lists what Wireshark sees more of, and why. Then what the
analyzer can't do:

  passes    one pass or two, with or without a tree, to standard output or to a file: the same
  formats   text and events, too
  opened    of TLS the same streams, clients, control packets and findings as in the tree; without the keys it is the analyzer's
            report again
  tunnel    inside of GRE, and in fragments of IP, it is that of the frames without it
  refused   what can't be done ends with one line
"""

import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "captures"))
import faces  # noqa: E402
import parity  # noqa: E402
import pcapng  # noqa: E402

DIFFERENCES = pathlib.Path(__file__).with_name("report-differences")
NAME = "capture"
TLS = ("tls.pcapng", "websocket-tls.pcapng")


def of_tshark(face, capture, kind="json", *options):
    """What tshark's report says."""
    argument = f"mqttscope,report,{kind}" if kind else "mqttscope,report"
    return face.tshark(capture, "-q", "-z", argument, *options)


def of_analyzer(face, capture):
    """What the analyzer's says, with the name that tshark's has for any file."""
    return re.sub(r'(\[\{"name": )"[^"]*"', rf'\1"{NAME}"', face.json_text(capture), count=1)


def different(one, other):
    """The first keys of what is not equal."""
    one, other = json.loads(one), json.loads(other)
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


def check_captures(face, chosen):
    """Every capture, against the list."""
    listed = {c: (set(keys.split()), why) for c, keys, why in faces.read_differences(DIFFERENCES, 3)}

    def compare(capture):
        one, other = of_analyzer(face, capture), of_tshark(face, capture)
        if one == other:
            return []
        return different(one, other) or ["layout"]

    for capture, keys in faces.for_each_capture(compare, chosen).items():
        wanted, _ = listed.get(capture, (set(), ""))
        if set(keys) != wanted:
            yield f"{capture}: {keys} differ, listed are {sorted(wanted)}"
    for capture in listed:
        if capture not in faces.captures():
            yield f"{DIFFERENCES.name} names {capture}, which is no capture"


def check_passes(face, folder):
    """However tshark comes by it."""
    for capture in ("fleet.pcapng", "tls.pcapng", "reordered.pcapng"):
        once = of_tshark(face, capture)
        if of_tshark(face, capture, "json", "-2") != once:
            yield f"{capture}: two passes say something else"
        if of_tshark(face, capture, "json", "-o", "tcp.reassemble_out_of_order:FALSE") != once:
            yield f"{capture}: it depends on the order in which TCP hands segments over"
        path = folder / "report.json"
        face.tshark(capture, "-V", "-z", f"mqttscope,report,json,{path}")
        if path.read_text() != once:
            yield f"{capture}: the file says something else"


def check_formats(face, _):
    """Text, and the stream of events."""
    for capture in ("fleet.pcapng", "sparkplug.pcapng", "websocket.pcapng"):
        name = faces.capture_path(capture)
        text = face.text(capture).replace(f"{capture}: ", f"{NAME}: ", 1)
        if "".join(of_tshark(face, capture, None).split()) != "".join(text.split()):
            yield f"{capture}: the text differs"
        events = face.text(capture, "--ndjson", "-").replace(f'"{name}"', f'"{NAME}"')
        if of_tshark(face, capture, "ndjson") != events:
            yield f"{capture}: the events differ"


class Opened:
    """The analyzer's face, whose report is tshark's."""

    def __init__(self, face):
        self.face = face

    def report(self, capture):
        """Of the same capture."""
        return json.loads(of_tshark(self.face, capture))


def check_opened(face, folder):
    """TLS, with the keys and without."""
    alone = faces.rules_of_the_analyzer()
    for capture in TLS:
        tree, report = parity.plugin_says(face, capture), parity.analyzer_says(Opened(face), capture)
        report["findings"] = {k: n for k, n in report["findings"].items() if k[1] not in alone}
        if sum(tree["packets"].values()) < 40:
            yield f"{capture}: tshark does not open it"
        for what, said in tree.items():
            if said != report[what]:
                yield f"{capture}: {what} are {said} in the tree, {report[what]} in the report"
        ends = [c["end_cause"] for c in Opened(face).report(capture)["connections"]]
        if set(ends) != {"client-disconnect"}:
            yield f"{capture}: the connections end by {ends}"
        shut = folder / capture
        blocks = pcapng.blocks((faces.TREE / faces.capture_path(capture)).read_bytes())
        shut.write_bytes(b"".join(pcapng.block(k, body) for k, body in blocks if k != pcapng.SECRETS))
        if of_tshark(face, shut) != of_analyzer(face, shut):
            yield f"{capture}, without its keys: {different(of_tshark(face, shut), of_analyzer(face, shut))} differ"


def ip_header(protocol, payload, identification=0, fragment=0):
    """An IPv4 header, without a checksum, and what it carries."""
    return struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identification, fragment, 64, protocol, 0,
        bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]),
    ) + payload  # fmt: skip


def in_gre(packets):
    """Each frame of Ethernet inside of GRE (RFC 2784) over IPv4."""
    for packet in packets:
        packet[1] = packet[1][:12] + b"\x08\x00" + ip_header(47, b"\0\0\x65\x58" + packet[1])
    return packets


def in_fragments(packets):
    """The same, each in two fragments: the first one is put in front of it."""
    made = []
    for number, (header, packet) in enumerate(in_gre(packets), 1):
        inner = packet[34:]
        cut = len(inner) // 16 * 8
        for fragment, part in ((0x2000, inner[:cut]), (cut // 8, inner[cut:])):
            made.append([header, packet[:14] + ip_header(47, part, number & 0xFFFF, fragment)])
    return made


def without(report, *keys):
    """A report without what frames show of themselves."""
    if isinstance(report, dict):
        return {k: without(v, *keys) for k, v in report.items() if k not in keys}
    if isinstance(report, list):
        return [without(item, *keys) for item in report]
    return report


def check_tunnel(face, folder):
    """What the analyzer can't look into."""
    source = faces.TREE / faces.capture_path("fleet.pcapng")
    plain = json.loads(of_analyzer(face, "fleet.pcapng"))
    plain_totals = plain["totals"]
    for name, change, keys in (
        ("gre", in_gre, ("bytes",)),
        ("fragments", in_fragments, ("frame", "start_frame", "end_frame", "max_idle_frame", "publication_frame",
                                     "display_filter", "packets", "bytes", "evidence", "text")),
    ):  # fmt: skip
        made = folder / f"{name}.pcapng"
        pcapng.edit(source, made, change)
        report = json.loads(of_tshark(face, made, "json", "-o", "ip.defragment:TRUE"))
        if report["totals"] != plain_totals:
            yield f"{name}: the totals differ"
        one, other = without(report, *keys), without(plain, *keys)
        differing = [k for k in one if one[k] != other[k]]
        if differing:
            yield f"{name}: {differing} differ"


def check_refused(face, _):
    """One line, and tshark's status for options that make no sense."""
    for argument in ("mqttscope,reports", "mqttscope,report,xml", "mqttscope,report,csv,x", "mqttscope,report,json,/nowhere/x"):
        done = subprocess.run(
            [face.run_tshark, "-q", "-r", faces.capture_path("fleet.pcapng"), "-z", argument],
            cwd=faces.TREE, capture_output=True, text=True, check=False,
        )  # fmt: skip
        lines = done.stderr.splitlines()
        if done.returncode != 1 or len(lines) != 1 or "mqttscope: " not in lines[0] or done.stdout:
            yield f"{argument}: status {done.returncode}, {lines}"


def main():
    """All of it."""
    _, face, chosen = faces.arguments(__doc__.splitlines()[0])
    problems = list(check_captures(face, chosen))
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)  # tshark is run by somebody else
        for check in (check_passes, check_formats, check_opened, check_tunnel, check_refused):
            problems += check(face, pathlib.Path(folder))
    faces.conclude(problems, f"{len(chosen)} captures: both reports are one")


if __name__ == "__main__":
    main()
