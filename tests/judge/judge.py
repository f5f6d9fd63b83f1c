#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How many of these violations are found, and is anything said of what is lawful?

    judge.py MQTTSCOPE [--keep FOLDER]

Each scene is a capture of its own, among lawful neighbours: 167 with one violation, 61 with none. A
violation counts as found if a finding of its frame cites one of its statements and blames its side. Prints
what was missed, what was said besides, and the counts; the status is 1 if that is not as expected.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import lawful
import violations
from stage import S, Stage

# What happened, and is nobody's fault: these may stand beside any violation, and in lawful scenes.
OBSERVATIONS = {
    "client-taken-over", "connect-refused", "disconnected-with-error", "keep-alive-closed", "keep-alive-timeout",
    "publish-refused", "subscribe-refused",
}

# Violations by the letter that nobody can be blamed for, with the reason.
UNCERTAIN = {
    ("SUBSCRIBE for QoS 2 refused for it", 5): "reason code 0x80 does not say that it was for the QoS",
    ("empty topic filter, and served on", 5): "no sentence of 5.0 calls it a protocol error",
    ("wildcard in topic name, and served on", 5): "no sentence of 5.0 calls it a protocol error",
}

# What one violation makes true besides.
CONSEQUENCES = {
    "client-identifier-empty", "connect-reserved-flag", "keep-alive-broken", "packet-identifier-not-found",
    "protocol-level-unknown", "second-connect", "server-keep-alive-ignored", "subscribe-flags", "topic-empty",
    "topic-name-wildcard",
}


def staged(version, scene):
    stage = Stage(version)
    stage.neighbours(2)
    stage.wait(1)
    frame = scene(stage)
    stage.wait(3)
    stage.neighbours(2)
    return stage, frame


def findings(tool, folder, name, stage):
    path = os.path.join(folder, "".join(c if c.isalnum() else "-" for c in name) + ".pcap")
    with open(path, "wb") as file:
        file.write(stage.bytes())
    run = subprocess.run([tool, "--json", "-", path], capture_output=True, check=True)
    return [f for f in json.loads(run.stdout)["findings"] if f["severity"] != "note"]


def is_it(finding, ids, side, frame):
    cited = {statement.removeprefix("MQTT-") for statement in finding["statements"]}
    named = cited & set(ids) or ("" in ids and finding["severity"] == "error")
    return named and finding["blames"] == ("server" if side == S else "client") and frame in (None, finding["frame"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mqttscope")
    parser.add_argument("--keep", help="write the captures to this folder")
    given = parser.parse_args()
    wrong = found = uncertain = false = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = given.keep or folder
        for name, version, ids, side, scene in violations.SCENES:
            stage, frame = staged(version, scene)
            told = findings(given.mqttscope, folder, f"{name} {version}", stage)
            hit = any(is_it(f, ids, side, frame) for f in told)
            found += hit
            uncertain += not hit and (name, version) in UNCERTAIN
            if hit == ((name, version) in UNCERTAIN):
                wrong += 1
                print(f"{version} {name}: {'found after all' if hit else 'missed'}")
            for finding in told:
                if finding["rule"] not in OBSERVATIONS | CONSEQUENCES and not is_it(finding, ids, side, frame):
                    false += 1
                    print(f"{version} {name}: {finding['rule']} besides, frame {finding['frame']}")
        for name, version, scene in lawful.LAWFUL:
            stage, _ = staged(version, scene)
            for finding in findings(given.mqttscope, folder, f"lawful {name} {version}", stage):
                if finding["rule"] not in OBSERVATIONS:
                    false += 1
                    print(f"{version} {name}: {finding['rule']}, frame {finding['frame']}")
    print(f"{len(violations.SCENES)} violations: {found} found, {uncertain} that nobody can be blamed for, "
          f"{wrong} wrong; "
          f"{len(lawful.LAWFUL)} lawful scenes; {false} false findings")
    sys.exit(1 if wrong or false else 0)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
