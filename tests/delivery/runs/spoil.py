#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a run's broker do wrong, byte for byte in its packets, and asks whether mqttscope says so.

    spoil.py --mqttscope PROGRAM [--each N] [--seed N] RUN.pcapng...

For each kind of wrong, N deliveries are altered where they stand, without a byte more or less; what is expected is a
finding of one of the kind's rules with the same client and frame, which the whole run does not have. Silence is
lawful where there is room for doubt, so this counts and does not fail.
"""

import argparse
import collections
import dataclasses
import pathlib
import random
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
import importlib.machinery  # noqa: E402
import importlib.util  # noqa: E402

import wire as wires  # noqa: E402
from wire import PUBACK, PUBLISH  # noqa: E402

sys.path.insert(0, str(HERE.parent.parent / "damage"))
import frames  # noqa: E402

loader = importlib.machinery.SourceFileLoader("check_runs", str(HERE / "check-runs"))
check_runs = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_runs", loader))
loader.exec_module(check_runs)


class Spoiler:
    def __init__(self, wire, chance):
        self.wire, self.chance = wire, chance
        self.data = {}  # frame: its new bytes
        self.expected = []  # (kind, rules, client, frames that may be named)
        self.published = collections.defaultdict(list)
        for p in wire.packets:
            if p.kind == PUBLISH and p.up:
                self.published[p.topic, p.payload].append(p)
        self.acknowledged = {(p.connection, p.identifier, p.frame): p for p in wire.packets if p.kind == PUBACK and p.up}
        self.alone = [p for p in wire.packets if p.kind == PUBLISH and not p.up and self.is_alone(p)]
        self.touched = set()  # (client, publisher, topic): one wrong each

    def is_alone(self, p):
        """The only packet of its frame, and of a publication that there was once."""
        return (p.first == p.frame and len(self.wire.by_frame[p.frame]) == 1 and not p.dup and not p.retain
                and len(self.published[p.topic, p.payload]) == 1 and 0 < len(p.payload) < 200
                and not p.client.startswith("share"))

    def body(self, p):
        return self.wire.frames[p.frame - 1].tcp.body

    def take(self, p):
        key = p.client, self.published[p.topic, p.payload][0].client, p.topic
        if key in self.touched or p.frame in self.data:
            return False
        self.touched.add(key)
        return True

    def write(self, p, change):
        frame = self.wire.frames[p.frame - 1]
        data = bytearray(frame.data)
        change(data, frame.tcp.body, frame.tcp.end)
        self.data[p.frame] = bytes(data)

    def expect(self, kind, rules, p, *more):
        self.expected.append((kind, rules, p.client, {p.frame, self.published[p.topic, p.payload][0].frame, *more}))

    # ---- the kinds

    def lost(self, p):
        """PUBLISH and its PUBACK become PINGRESP and PINGREQ."""
        frame = self.wire.frames[p.frame - 1]
        answer = next((a for (c, i, f), a in self.acknowledged.items()
                       if c == p.connection and i == p.identifier and p.frame < f < p.frame + 2000), None)
        if p.qos != 1 or frame.tcp.size % 2 or not answer or len(self.wire.by_frame[answer.frame]) != 1:
            return
        if self.wire.frames[answer.frame - 1].tcp.size == 4 and self.take(p):
            self.write(p, lambda data, at, end: data.__setitem__(slice(at, end), b"\xd0\0" * ((end - at) // 2)))
            self.write(answer, lambda data, at, end: data.__setitem__(slice(at, end), b"\xc0\0\xc0\0"))
            self.expect("lost", {"delivery-lost", "queued-delivery-lost"}, p)

    def retain(self, p):
        if self.take(p):
            self.write(p, lambda data, at, end: data.__setitem__(at, data[at] | 1))
            self.expect("retain", {"retain-set-on-live-message", "retain-not-as-published", "retained-from-ordinary-message"}, p)

    def topic(self, p):
        if p.topic.startswith("plant/") and not p.client.startswith("everything") and self.take(p):
            name = p.topic.encode()
            self.write(p, lambda data, at, end: data.__setitem__(data.index(name, at), ord("x")))
            self.expect("topic", {"delivered-without-subscription"}, p)

    def next_of(self, p):
        """The next delivery alone in its frame, of the same client, publisher, topic and QoS, and as long."""
        origin = self.published[p.topic, p.payload][0]
        for q in self.alone:
            if q.frame > p.frame and q.connection == p.connection and q.topic == p.topic and q.qos == p.qos:
                of = self.published[q.topic, q.payload][0]
                if of.client == origin.client and of.qos == origin.qos and len(q.payload) == len(p.payload):
                    return q
        return None

    def payload(self, p, payload):
        raw = payload.encode("latin-1")
        self.write(p, lambda data, at, end: data.__setitem__(slice(end - len(raw), end), raw))

    def twice(self, p):
        q = self.next_of(p)
        if q and self.take(p):
            self.payload(q, p.payload)
            self.expect("twice", {"delivered-twice-qos-%d" % q.qos, "delivered-out-of-order"}, p, q.frame)

    def swap(self, p):
        q = self.next_of(p)
        if q and self.take(p):
            self.payload(p, q.payload)
            self.payload(q, p.payload)
            self.expect("swap", {"delivered-out-of-order"}, p, q.frame)

    def altered(self, p):
        if self.take(p):
            self.payload(p, "?" + p.payload[1:])
            self.expect("altered", {"delivered-payload-altered", "delivery-lost"}, p)

    def spoil(self, each):
        kinds = (self.lost, self.retain, self.topic, self.twice, self.swap, self.altered)
        for kind in kinds:
            before = len(self.expected)
            for p in self.chance.sample(self.alone, len(self.alone)):
                if len(self.expected) - before >= each:
                    break
                kind(p)
        return [dataclasses.replace(f, data=self.data.get(n, f.data)) for n, f in enumerate(self.wire.frames, 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mqttscope", required=True)
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("runs", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    rules = set(check_runs.delivery_rules())
    for run in arguments.runs:
        wire = wires.Wire(run)
        spoiler = Spoiler(wire, random.Random(arguments.seed))
        spoiled = spoiler.spoil(arguments.each)
        before, _ = check_runs.findings_of(arguments.mqttscope, run, rules)
        known = {(f["rule"], f["client"], f["frame"]) for f in before}
        with tempfile.NamedTemporaryFile(suffix=".pcap") as target:
            frames.write(pathlib.Path(target.name), wire.link, spoiled)
            found, _ = check_runs.findings_of(arguments.mqttscope, target.name, rules)
        new = [f for f in found if (f["rule"], f["client"], f["frame"]) not in known]
        count, explained = collections.Counter(), set()
        for kind, wanted, client, places in spoiler.expected:
            hits = [i for i, f in enumerate(new) if f["rule"] in wanted and f["client"] == client
                    and places & {f["frame"], *f["frames"]}]
            explained.update(i for i, f in enumerate(new) if f["client"] == client and places & {f["frame"], *f["frames"]})
            count[kind, bool(hits)] += 1
        print("%-18s %s" % (run.stem, ", ".join(
            "%s %d of %d" % (kind, count[kind, True], count[kind, True] + count[kind, False])
            for kind in dict.fromkeys(kind for kind, *_ in spoiler.expected))))
        for i, f in enumerate(new):
            if i not in explained:
                print("    besides: %s, frame %s, %s: %s" % (f["rule"], f["frame"], f["client"], f["text"]))


if __name__ == "__main__":
    main()
