# SPDX-License-Identifier: GPL-2.0-or-later
"""The list of scenes, and what most of them begin with.

A scene is a function of a World. @broken names the rules that it breaks, and the broker's own log has to
agree; @lawful ones break none. besides: rules of other sections that are raised with reason.
"""
import zlib
from dataclasses import dataclass

from broker import Broker
from client import Client
from world import World

SCENES = []


@dataclass
class Scene:
    name: str
    version: int
    rules: tuple
    besides: tuple
    play: object

    def played(self):
        world = World(self.version, zlib.crc32(self.name.encode()))
        self.play(world)
        world.run(1.0)
        world.settle()
        return world


def broken(*rules, v=(4, 5), besides=()):
    def register(play):
        for version in v if isinstance(v, tuple) else (v,):
            SCENES.append(Scene(play.__name__.replace("_", " "), version, rules, besides, play))
        return play
    return register


def lawful(v=(4, 5), besides=()):
    return broken(v=v, besides=besides)


def clients(w, *names, broker=None, **ways):
    """Connected clients of one broker, and nothing else."""
    broker = broker or Broker(w, **ways)
    return [Client(w, name, broker).connect() for name in names]


def pair(w, *filters, qos=1, clean=1, options=None, **ways):
    """A publisher, and a subscriber that has these filters."""
    broker = Broker(w, **ways)
    pub = Client(w, "pub", broker).connect()
    sub = Client(w, "sub", broker).connect(clean=clean)
    if filters:
        sub.subscribe(*filters, qos=qos, **(options or {}))
    return pub, sub


def feed(w, pub, topic, seconds, every=0.5, qos=1, **props):
    """Unique messages at a constant pace."""
    until, n = w.now + int(seconds * 1e9), 0
    while w.now < until:
        n += 1
        pub.publish(topic, b"%s %d" % (topic.encode(), n), qos, **props)
        w.run(max(0, every - w.pace))


def series(w, pub, topic, count, qos=1, **more):
    for n in range(count):
        pub.publish(topic, b"%d" % n, qos, **more)


def load():
    import faulty, faulty_kept, lawful_ends, lawful_scenes, shared  # noqa: E401, F401
    return SCENES
