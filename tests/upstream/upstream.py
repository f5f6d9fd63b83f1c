#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds docs/upstream.md: its commands print what it says, with the Wireshark that is here.

    upstream.py RUN-TSHARK

A line "On 4.0, 4.4 and 4.6:" names the versions of the indented block that follows it: a command, and what
it prints. `| grep` stands for what it does."""

import pathlib
import re
import shlex
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import faces  # noqa: E402

BLOCK = re.compile(r"^On ([0-9., and]+):\n\n((?:    .*\n)+)", re.MULTILINE)


def printed(run_tshark, command):
    """What a command of the page prints, without the plugin."""
    first, _, filtered = command.partition(" | grep ")
    words = shlex.split(first)
    assert words[0] == "tshark", command
    done = subprocess.run(
        [run_tshark, "--builtin", *words[1:]], cwd=faces.TREE, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    if filtered:
        lines = [line for line in lines if re.search(shlex.split(filtered)[0], line)]
    return lines


def main():
    """Runs what is about this version."""
    run_tshark = sys.argv[1]
    here = ".".join(map(str, faces.Faces(None, run_tshark).wireshark))
    blocks = BLOCK.findall((faces.TREE / "docs" / "upstream.md").read_text())
    problems, tried = [], 0
    for versions, block in blocks:
        if here not in re.findall(r"\d\.\d+", versions):
            continue
        tried += 1
        command, *said = [line[4:] for line in block.splitlines()]
        if (found := printed(run_tshark, command.removeprefix("$ "))) != said:
            problems.append("\n".join([command, "prints", *found, "and not", *said]))
    if here in ("4.0", "4.4", "4.6") and tried < 6:
        problems.append(f"{tried} of {len(blocks)} commands are about {here}")
    faces.conclude(problems, f"{tried} commands print on {here} what docs/upstream.md says")


if __name__ == "__main__":
    main()
