#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the broker's own log says was wrong, against what mqttscope says.

    judge.py MQTTSCOPE [--scene NAME] [--fleet FROM-TO] [--cut] [--keep FOLDER] [--verbose] [--from FOLDER]

Without --fleet, plays all scenes; with it, those seeds. A truth is found if a finding names one of its
rules (in scenes the first), its client and one of its frames; what else is said of deliveries is false, and so is any other
error or warning that no scene announces. The status is 1 if anything is false, or missed in a scene.
"""
import argparse
import collections
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
RULES_DEF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../mqtt/facts/rules.def")

# What happened, and is nobody's fault.
OBSERVATIONS = {"client-taken-over", "keep-alive-closed", "keep-alive-timeout", "disconnected-with-error",
                "publish-refused"}


def delivery_rules():
    with open(RULES_DEF) as file:
        text = file.read()
    section = text[text.index("/* ---- Deliveries"):text.index("/* ---- Sparkplug")]
    return [line.split('"')[1] for line in section.splitlines() if line.startswith("MQTT_RULE(")]


RULES = delivery_rules()


class Verdict:
    def __init__(self):
        self.found, self.missed, self.false, self.besides, self.streams = [], [], [], [], []


def findings(tool, path):
    run = subprocess.run([tool, "--json", "-", path], capture_output=True, check=False)
    if run.returncode:
        sys.exit(f"{path}: {tool} ends with {run.returncode}: {run.stderr.decode(errors='replace')[-500:]}")
    return json.loads(run.stdout)["findings"]


def judged(world, told, besides=(), frames=None, strict=False):
    """Each finding stands for one truth, exact ones first. frames: old numbers by new ones, of a cut.

    strict: only the first rule of a truth finds it. Its other rules may be said as well.
    """
    verdict, open_truths = Verdict(), list(world.truth)
    said, said_of = [], {}
    for finding in told:
        if frames is not None:
            finding = {**finding, "frame": frames.get(finding["frame"])}
        if finding["rule"] in RULES:
            said.append(finding)
        elif finding["severity"] != "note" and finding["rule"] not in OBSERVATIONS and finding["rule"] not in besides:
            verdict.besides.append(finding)
    for exact in (True, False):
        for finding in list(said):
            truth = next((t for t in open_truths if t.names(finding) and
                          (not strict or t.rules[0] == finding["rule"]) and
                          (not exact or t.frame == finding["frame"])), None)
            if truth:
                open_truths.remove(truth)
                said.remove(finding)
                verdict.found.append(truth)
                said_of[id(truth)] = finding["rule"]
                elsewhere = truth.stream != finding["tcp_stream"] and not truth.rules[0].startswith("will-")
                if elsewhere and frames is None:
                    verdict.streams.append((truth, finding))
    verdict.missed = open_truths
    verdict.false = [f for f in said if not any(
        t.names(f) and (t.many or said_of.get(id(t), f["rule"]) != f["rule"]) for t in world.truth)]
    return verdict


def write(folder, name, data):
    path = os.path.join(folder, "".join(c if c.isalnum() else "-" for c in name) + ".pcap")
    with open(path, "wb") as file:
        file.write(data)
    return path


def show(name, verdict, quiet=False):
    for truth in () if quiet else verdict.missed:
        print(f"{name}: missed {truth.rules[0]}, {truth.client}, frame {truth.frame}")
    for finding in verdict.false:
        print(f"{name}: FALSE {finding['rule']}, {finding['client_id']}, frame {finding['frame']}: {finding['text']}")
    for finding in verdict.besides:
        print(f"{name}: BESIDES {finding['rule']}, {finding['client_id']}, frame {finding['frame']}: {finding['text']}")
    for truth, finding in verdict.streams:
        print(f"{name}: stream {finding['tcp_stream']}, not {truth.stream}: {finding['rule']}, frame {truth.frame}")


class Table:
    def __init__(self):
        self.found, self.missed, self.false = (collections.Counter() for _ in range(3))
        self.besides = 0

    def add(self, verdict):
        self.found.update(t.rules[0] for t in verdict.found)
        self.missed.update(t.rules[0] for t in verdict.missed)
        self.false.update(f["rule"] for f in verdict.false)
        self.besides += len(verdict.besides)

    def print(self, title):
        print(f"\n{title:42} found missed false")
        for rule in RULES:
            if self.found[rule] or self.missed[rule] or self.false[rule]:
                print(f"{rule:42} {self.found[rule]:5} {self.missed[rule]:6} {self.false[rule]:5}")
        print(f"{'in all':42} {self.found.total():5} {self.missed.total():6} {self.false.total():5}"
              f"   other findings: {self.besides}")


def check_scene(scene, world):
    """A scene whose fault did not happen, or not as announced, proves nothing."""
    logged = {truth.rules[0] for truth in world.truth}
    if logged != set(scene.rules) or any(fault[1] for fault in world.faults if fault[1] < 5):
        sys.exit(f"{scene.name} {scene.version}: announced {sorted(scene.rules)}, logged {sorted(logged)}, "
                 f"faults {world.faults}")


def check_coverage(tool, scenes):
    """Each rule has a faulty scene in each version that numbers a statement for it, or in any if none does."""
    listed = subprocess.run([tool, "--rules"], capture_output=True, check=True, text=True).stdout
    broken = {(rule, scene.version) for scene in scenes for rule in scene.rules}
    for rule, _, _, old, new, _ in (line.split("\t") for line in listed.splitlines()):
        versions = [v for v, statements in ((4, old), (5, new)) if statements.strip("- ")] or [4, 5]
        if rule in RULES and not any((rule, v) in broken for v in versions):
            sys.exit(f"no scene breaks {rule}")
        for version in versions if old.strip("- ") or new.strip("- ") else ():
            if rule in RULES and (rule, version) not in broken:
                sys.exit(f"no scene breaks {rule} in version {version}")


def play_scenes(given, folder, scenes):
    table, lawful = Table(), 0
    for scene in scenes:
        world = scene.played()
        check_scene(scene, world)
        name = f"{scene.name} {scene.version}"
        verdict = judged(world, findings(given.mqttscope, write(folder, name, world.bytes())), scene.besides,
                         strict=True)
        show(name, verdict)
        table.add(verdict)
        lawful += not scene.rules
    table.print(f"{len(scenes) - lawful} faulty and {lawful} lawful scenes")
    return bool(table.missed or table.false or table.besides)


def play_fleets(given, folder, seeds, fleet):
    import cut
    table, cuts = Table(), collections.defaultdict(Table)
    for seed in seeds:
        world = fleet.play(seed)
        name = f"fleet {seed}"
        path = write(folder, name, world.bytes())
        verdict = judged(world, findings(given.mqttscope, path), fleet.BESIDES)
        show(name, verdict, not given.verbose)
        table.add(verdict)
        for kind, data, frames in cut.cuts(world, seed) if given.cut else ():
            part = f"{name} without {kind}"
            told = findings(given.mqttscope, write(folder, part, data))
            verdict = judged(world, told, fleet.BESIDES, frames)
            show(part, verdict, True)
            cuts[kind.split(":")[0]].add(verdict)
    table.print(f"{len(seeds)} fleets")
    for kind, part in cuts.items():
        part.print(f"without {kind}")
    return bool(table.false or table.besides or any(c.false or c.besides for c in cuts.values()))


def module(name, folder):
    """scenes or fleet, from here or from another folder that builds on these."""
    if not folder:
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location("other_" + name, os.path.join(folder, name + ".py"))
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mqttscope")
    parser.add_argument("--scene", help="only scenes whose name contains this")
    parser.add_argument("--fleet", help="seeds of fleets to play in place of scenes: FROM-TO; odd ones are faulty")
    parser.add_argument("--cut", action="store_true", help="take parts away from the fleets, too")
    parser.add_argument("--keep", help="write the captures to this folder")
    parser.add_argument("--verbose", action="store_true", help="list what is missed in fleets")
    parser.add_argument("--from", dest="source", help="take scenes.py and fleet.py from this folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = given.keep or folder
        if given.fleet:
            low, _, high = given.fleet.partition("-")
            return play_fleets(given, folder, range(int(low), int(high or low) + 1), module("fleet", given.source))
        every = module("scenes", given.source).load()
        wanted = [s for s in every if not given.scene or given.scene in f"{s.name} {s.version}"]
        if not given.source:
            check_coverage(given.mqttscope, every)
        return play_scenes(given, folder, wanted)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(1 if main() else 0)
