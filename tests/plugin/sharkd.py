# SPDX-License-Identifier: GPL-2.0-or-later
"""Wireshark without windows: what a click shows."""

import json
import os
import subprocess

import faces


class Sharkd:
    """A Wireshark without windows: draws the frames that it is asked for."""

    def __init__(self, run_tshark, capture):
        self.process = subprocess.Popen(
            [run_tshark, "-"],
            cwd=faces.TREE,
            env=os.environ | {"TSHARK": "sharkd"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.ask("setconf", name="tcp.reassemble_out_of_order", value="TRUE")
        self.load(capture)

    def load(self, capture):
        """Closes what is open and opens a capture."""
        self.ask("load", file=str(faces.TREE / faces.capture_path(capture)))

    def ask(self, method, **parameters):
        """The result of one request."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "result" not in answer:
            raise faces.Failed(f"sharkd: {answer}")
        return answer["result"]

    def frame(self, number):
        """Our part of a frame's tree, and its line."""
        drawn = self.ask("frame", frame=number, proto=True, columns=True)
        return [n for n in drawn["tree"] if n.get("f") == "mqtt"], drawn.get("col")

    def close(self):
        """Ends the program; the context of the capture is freed before."""
        self.process.stdin.close()
        if self.process.wait(60) != 0:
            raise faces.Failed("sharkd failed at its end")
