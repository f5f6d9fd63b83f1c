# SPDX-License-Identifier: GPL-2.0-or-later
"""A clock, a wire, clients and brokers on it, the faults that are ordered, and the truth about those that happened."""
import heapq
import os
import random
import sys
from dataclasses import dataclass

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "judge"))
import stage as wire  # noqa: E402
from stage import C, S  # noqa: E402

DELAYED_ACK = 40_000_000


@dataclass
class Truth:
    rules: tuple         # any of them will do; the first says it best
    client: str
    frame: int = 0       # 0: it has not happened yet
    stream: int = -1     # Wireshark's, of the subscriber's connection
    others: tuple = ()   # frames that name the same thing as well
    clients: tuple = ()  # others that it may be said of: members of a shared subscription
    many: bool = False   # it may be said once for each delivery: wills
    key: tuple = None    # what makes other frames equal: see World.settle()

    def say(self, world, frame, stream, key=None):
        if self.frame:
            self.others += (frame,)
            return self
        self.frame, self.stream, self.key = frame, stream, key
        world.truth.append(self)
        return self

    def frames(self):
        return {self.frame, *self.others}

    def names(self, finding):
        return finding["rule"] in self.rules and finding["client_id"] in (self.client, *self.clients) and \
            finding["frame"] in self.frames()


class Connection:
    """One TCP connection; the wire's state of it is in raw."""
    def __init__(self, world, client, broker):
        self.w, self.client, self.broker = world, client, broker
        self.stream, world.streams = world.streams, world.streams + 1
        world.stage.gap = world.gap
        self.raw = world.stage.open(client.address, broker.address)
        self.raw["sport"] = broker.port
        self.v, self.open, self.session = client.v, True, None
        self.waiting = [False, False]
        self.heard = world.now

    def write(self, side, data):
        self.w.stage.use(self.raw)
        number = self.w.stage.send(side, data)
        if not self.waiting[side]:
            self.waiting[side] = True
            self.w.at(DELAYED_ACK, lambda: self.acknowledge(side))
        return number

    def acknowledge(self, side):
        """TCP's own acknowledgement, where nothing else carried it."""
        self.waiting[side] = False
        silent = self.client.dead if side == S else False
        if self.open and not silent and self.raw["acked"][1 - side] < self.raw["next"][side]:
            self.w.stage.use(self.raw)
            self.w.stage.segment(1 - side, 0x10)

    def close(self, side, how="fin"):
        """Returns the number of the first frame of the end."""
        first = len(self.w.stage.records) + 1
        self.open = False
        self.w.stage.use(self.raw)
        if how == "rst":
            self.w.stage.rst(side)
        elif self.client.dead:
            self.w.stage.segment(side, 0x11)
        else:
            self.w.stage.fin(side)
        return first


class World:
    def __init__(self, version=5, seed=0, pace=0.02):
        self.v, self.pace, self.gap, self.streams = version, pace, 60_000, 0
        self.random = random.Random(seed)
        self.stage = wire.Stage(version)
        self.events, self.count = [], 0
        self.brokers, self.clients, self.faults, self.truth = [], [], [], []
        self.published = {}     # (broker, topic, payload) -> frames
        self.delivered = {}     # (broker, client id, topic, payload) -> frames

    # ---- time
    @property
    def now(self):
        return self.stage.time

    def at(self, nanoseconds, call):
        self.count += 1
        heapq.heappush(self.events, (self.now + int(nanoseconds), self.count, call))

    def after(self, seconds, call):
        self.at(seconds * 1e9, call)

    def run(self, seconds):
        until = self.now + int(seconds * 1e9)
        while self.events and self.events[0][0] <= until:
            time, _, call = heapq.heappop(self.events)
            self.stage.time = max(self.now, time)
            call()
        self.stage.time = max(self.now, until)

    wait = run

    def step(self):
        if self.pace:
            self.run(self.pace)

    def forget(self):
        """The capture begins here."""
        self.stage.records.clear()
        self.published.clear()
        self.delivered.clear()
        self.streams = 0

    # ---- faults
    def fault(self, name, times=1, **where):
        """The broker does wrong the next `times` that it decides this, for what is named."""
        self.faults.append([name, times, where])

    def fires(self, name, **what):
        for fault in self.faults:
            if fault[0] == name and fault[1] > 0 and all(what.get(k) == v for k, v in fault[2].items()):
                fault[1] -= 1
                return True
        return False

    def log(self, rule, client, frame, stream, key=None, **more):
        return Truth((rule,), client, **more).say(self, frame, stream, key)

    def settle(self):
        """Of equal messages nobody can tell which one is missing, or came twice."""
        for truth in self.truth:
            if truth.rules[0].endswith("-lost"):
                truth.others += tuple(self.published.get(truth.key, ()))
            elif truth.rules[0].startswith("delivered-twice"):
                truth.others += tuple(self.delivered.get(truth.key, ()))

    def bytes(self):
        return self.stage.bytes()


__all__ = ["C", "S", "Connection", "Truth", "World", "wire"]
