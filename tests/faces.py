# SPDX-License-Identifier: GPL-2.0-or-later
"""The two faces and the captures, for the tests that compare: what each says about a file."""

import argparse
import concurrent.futures
import fnmatch
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent

# With its defaults Wireshark 4.0 does not put segments in order.
IN_ORDER = ["-o", "tcp.reassemble_out_of_order:TRUE"]

PACKET_TYPES = [
    "reserved", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP",
    "SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH",
]  # fmt: skip

# tshark's when a capture ends early or is damaged: 2, and from 4.6 on what is wrong with it.
TSHARK_STATUSES = (0, 2, 14)

# Between the values that one field has in one frame; no topic holds it.
UNIT_SEPARATOR = "\x1f"


class Failed(Exception):
    """A face did not do its work; the text says which and how."""


class Faces:
    """Runs the programs that the command line names."""

    def __init__(self, mqttscope, tshark):
        self.mqttscope = mqttscope
        self.run_tshark = tshark

    @functools.cached_property
    def wireshark(self):
        """Major and minor version of tshark."""
        text = self._run([self.run_tshark, "--builtin", "--version"]).decode()
        return tuple(int(n) for n in re.search(r"(\d+)\.(\d+)\.\d", text).groups())

    @staticmethod
    def _run(command, accepted=(0,)):
        done = subprocess.run(command, cwd=TREE, capture_output=True, timeout=300, check=False)
        if done.returncode not in accepted:
            raise Failed(
                f"{' '.join(map(str, command))}: status {done.returncode}\n"
                f"{done.stderr.decode(errors='replace')}"
            )
        return done.stdout

    def json_text(self, capture):
        """The JSON report as it is written. A capture that ends early (status 2) has one too."""
        return self._run([self.mqttscope, "--json", "-", capture_path(capture)], (0, 2)).decode()

    def report(self, capture):
        """The JSON report, read."""
        return json.loads(self.json_text(capture))

    def text(self, capture, *options):
        """The text report."""
        return self._run([self.mqttscope, *options, capture_path(capture)], (0, 2)).decode()

    def tshark(self, capture, *options, builtin=False):
        """What tshark prints, with the plugin, or with the built-in dissector alone."""
        which = ["--builtin"] if builtin else []
        command = [self.run_tshark, *which, "-n", "-r", capture_path(capture), *IN_ORDER, *options]
        return self._run(command, TSHARK_STATUSES).decode(errors="surrogateescape")

    def fields(self, capture, names, display_filter=None, *, builtin=False, more=()):
        """A dictionary a frame that the filter selects: each name, and the list of its values."""
        options = [*more, "-T", "fields", "-E", f"aggregator={UNIT_SEPARATOR}", "-E", "occurrence=a"]
        for name in names:
            options += ["-e", name]
        if display_filter:
            options += ["-Y", display_filter]
        rows = []
        for line in self.tshark(capture, *options, builtin=builtin).splitlines():
            values = line.split("\t")
            rows.append(
                {
                    name: value.split(UNIT_SEPARATOR) if value else []
                    for name, value in zip(names, values, strict=True)
                }
            )
        return rows

    def field_types(self, prefix, builtin=False):
        """Field names that begin so, and their types, as `tshark -G fields` has them."""
        which = ["--builtin"] if builtin else []
        found = {}
        for line in self._run([self.run_tshark, *which, "-G", "fields"]).decode().splitlines():
            columns = line.split("\t")
            if columns[0] == "F" and columns[2].startswith(prefix):
                found[columns[2]] = columns[3]
        return found


def capture_path(capture):
    """Captures are named without their folder; other files as they are."""
    return f"captures/{capture}" if "/" not in str(capture) else str(capture)


def captures():
    """The names of all captures."""
    return sorted(p.name for p in (TREE / "captures").iterdir() if p.suffix in (".pcap", ".pcapng"))


def rules_of_the_analyzer(kinds=("END", "ALONE")):
    """The rules that the plugin cannot know: END and ALONE in mqtt/facts/rules.def."""
    text = (TREE / "mqtt" / "facts" / "rules.def").read_text()
    row = re.compile(r'^MQTT_RULE\(\w+,\s*"([^"]+)",\s*\w+,\s*\w+,\s*(NOW|END|ALONE),', re.M)
    rows = row.findall(text)
    if len(rows) != len(re.findall(r"^MQTT_RULE\(", text, re.M)):
        raise Failed("mqtt/facts/rules.def has rows that this does not understand")
    return {rule for rule, when in rows if when in kinds}


def read_differences(path, columns):
    """Lines of tab-separated columns, the last of them the reason; # begins a comment."""
    lines = []
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        if line.strip() == "" or line.startswith("#"):
            continue
        parts = re.split(r"\t+", line, columns - 1)
        if len(parts) != columns or not parts[-1].strip():
            raise Failed(f"{path}:{number}: {columns} columns are wanted, with a reason at the end")
        lines.append(parts)
    return lines


def for_each_capture(function, names=None):
    """Calls function(capture) for all captures, several at a time; what it returns, by capture."""
    names = captures() if names is None else names
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(names, pool.map(function, names)))


def arguments(description):
    """The command line that these tests share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--mqttscope", help="the command-line program")
    parser.add_argument("--tshark", help="run-tshark of the build tree")
    parser.add_argument("captures", nargs="*", help="names or patterns; all if none is given")
    given = parser.parse_args()
    chosen = captures()
    if given.captures:
        chosen = [c for c in chosen if any(fnmatch.fnmatch(c, p) for p in given.captures)]
        if not chosen:
            parser.error("no capture has such a name")
    return given, Faces(given.mqttscope, given.tshark), chosen


def conclude(problems, summary):
    """Prints the problems, then one line; ends the program."""
    for problem in problems:
        print(problem)
    print(summary if not problems else f"{len(problems)} problems")
    sys.exit(1 if problems else 0)


def run_check(script):
    """Runs the check that the command line names: a function check_... of the script's globals, which takes the
    faces and a folder of its own."""
    checks = {n.removeprefix("check_"): f for n, f in script.items() if n.startswith("check_")}
    parser = argparse.ArgumentParser(description=script["__doc__"].splitlines()[0])
    parser.add_argument("check", choices=sorted(checks))
    parser.add_argument("--tshark", required=True, help="run-tshark of the build tree")
    parser.add_argument("--mqttscope", help="the command-line program")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        problems = list(checks[given.check](Faces(given.mqttscope, given.tshark), pathlib.Path(folder)))
    conclude(problems, f"{given.check}: fine")
