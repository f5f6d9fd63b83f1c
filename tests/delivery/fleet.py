# SPDX-License-Identifier: GPL-2.0-or-later
"""A random fleet on a model broker or two. Even seeds are lawful; odd ones have faults, at a low rate."""
import random

from broker import Broker
from client import Client, Will
from model import matches
from world import World

# What slow clients, and a server that forgets an acknowledgement, leave unfinished.
BESIDES = ("qos-1-unfinished", "qos-2-without-pubrec", "qos-2-without-pubrel", "qos-2-without-pubcomp")
STATES = (b"ON", b"OFF", b"", b"ON")
SECOND = 10**9

# How often a fault happens where it may.
RATES = {
    "drop": 0.01, "twice": 0.01, "swap": 0.01, "stray": 0.0005, "dollar": 0.02, "unsubscribed": 0.02,
    "no-local": 0.02, "above-granted": 0.01, "raise": 0.005, "lower": 0.01, "retain-live": 0.01, "rap": 0.02,
    "subid-missing": 0.02, "subid-incomplete": 0.05, "subid-wrong": 0.02, "subid-stray": 0.002,
    "expiry-kept": 0.05, "expired": 0.05, "reorder": 0.05, "alter-content": 0.02, "strip-response": 0.02,
    "alter-correlation": 0.02, "alter-user": 0.02, "payload": 0.01, "share-two": 0.03, "share-above": 0.03,
    "share-drop": 0.01, "share-qos-2": 0.5, "share-rejected": 0.5, "retained-missing": 0.05, "retained-stale": 0.05,
    "retained-cleared": 0.1, "retained-empty": 0.1, "retain-ordinary": 0.003, "retained-twice": 0.05,
    "retained-flagless": 0.05, "retained-unasked": 0.1, "will-after-disconnect": 0.2, "will-dropped": 0.2,
    "will-twice": 0.2, "will-early": 0.5, "will-reconnect": 0.5, "will-retained": 0.2, "will-unretained": 0.3,
    "forward-again": 0.3,
}


class FleetWorld(World):
    """Faults come by chance, and only where the specification leaves no doubt that they are some."""
    def __init__(self, seed, faulty):
        super().__init__(5, seed, pace=0)
        self.chance = random.Random(seed * 7 + 1) if faulty else None

    def fires(self, name, **what):
        if name == "mute":
            return self.random.random() < 0.005 and what["payload"] != b""
        rate = RATES.get(name, 0)
        return bool(self.chance and rate and self.chance.random() < rate / 3 and self.clear(name, **what))

    def clear(self, name, message=None, session=None, subs=(), **_):
        if message is None:
            return True
        if message.owner is None:
            return False
        if name in ("drop", "twice", "lower", "raise", "above-granted", "swap", "payload", "rap", "retain-live"):
            if message.will or len(subs) != 1 or self.now - subs[0].made < 2 * SECOND:
                return False
        if name in ("swap", "payload") and (not unique(message) or session.queue or session.inflight):
            return False
        if name == "payload" and (not message.qos or not subs[0].qos):
            return False
        if name == "retain-live" and not message.retain:
            return False
        if name == "unsubscribed":
            return all(self.now - sub.gone > 2 * SECOND for f, sub in session.removed.items()
                       if matches(f, message.topic))
        if name in ("will-dropped", "will-twice") and message.retain:
            return False
        if name == "retained-flagless":
            return session.version < 5 and sum(matches(f, message.topic) for f in session.subs) == 1
        return True


def unique(message):
    return b"#" in message.payload


class Fleet:
    def __init__(self, seed, faulty):
        self.w = FleetWorld(seed, faulty)
        self.r, self.faulty, self.counter = random.Random(seed), faulty, 0
        r = self.r
        self.brokers = [self.broker(n) for n in range(r.choice((1, 1, 1, 2)))]
        names = [f"c{n}" for n in range(r.randint(4, 14))]
        self.clients = [self.client(name, broker) for broker in self.brokers for name in names]
        self.states = [f"state/{n}" for n in range(r.randint(1, 4))]
        self.values = [f"val/{n}/{k}" for n in range(r.randint(1, 3)) for k in ("t", "h")]
        self.topics = self.states + self.values + ["$own/t"]
        for client in self.clients:
            self.w.after(r.uniform(0, 3), lambda client=client: self.come(client))

    def broker(self, n):
        r = self.r
        delays = r.choice((None, 0.003, 0.05, 0.4))
        ways = dict(overlap=r.choice(("one", "each")), early=r.random() < 0.5, ack_first=r.random() < 0.5,
                    retained_first=r.random() < 0.3, window=r.choice((1, 3, 20, 100)), queue_0=r.random() < 0.3,
                    lose_0=r.choice((0, 0, 0.1)), dup_again=r.random() < 0.5, drop_queued=r.random() < 0.3,
                    share_move=r.random() < 0.5, keep_retained_0=r.random() < 0.7, max_granted=r.choice((1, 2, 2)))
        ways["pass_0"] = r.random() < 0.3
        if r.random() < 0.3:
            ways["lag"] = lambda m: 0.2 if m.owner in ("c1", "c2", "c3") and not m.will else 0
        if delays:
            ways["latency"] = lambda: r.uniform(0.2, 1.8) * delays
        broker = Broker(self.w, (10, 9, 0, 1 + n), **ways)
        broker.verdict = lambda m: 0x87 if m.payload.endswith(b"7") else 0
        return broker

    def client(self, name, broker):
        r = self.r
        client = Client(self.w, name, broker, r.choice((4, 5, 5)))
        client.rtt = r.choice((0.001, 0.02, 0.15))
        client.keeps, client.pace_s = r.random() < 0.5, r.choice((0.5, 2, 6))
        client.life = r.choice((8, 40, 400))
        client.limits = dict(recvmax=r.choice((None, None, 1, 5)), maxsize=r.choice((None, None, 90)),
                             aliasmax=r.choice((None, 3))) if client.v == 5 else {}
        client.will = None
        if r.random() < 0.5:
            delay = r.choice((None, 3, 20)) if client.v == 5 else None
            user = [("a", "1"), ("b", name), ("a", "2")] if client.v == 5 else []
            client.will = Will(f"will/{name}", b"gone", r.randint(0, 2), r.randint(0, 1), delay, user=user)
        return client

    # ---- what clients do
    def come(self, client):
        r = self.r
        if client.conn and client.conn.open and not client.dead:
            return
        client.slow, client.dead = False, False
        clean = 0 if client.keeps and r.random() < 0.9 else 1
        client.connect(clean=clean, expiry=r.choice((5, 60, 600)) if not clean else 0, will=client.will,
                       ka=r.choice((5, 30, 60)), **client.limits)
        if clean or r.random() < 0.3:
            for _ in range(r.randint(1, 3)):
                self.subscribe(client)
        conn = client.conn
        self.w.after(r.expovariate(1 / client.life), lambda: self.leave(client, conn))
        self.w.after(r.expovariate(1 / client.pace_s), lambda: self.act(client, conn))

    def gone(self, client, conn):
        if conn.open and conn is client.conn and not client.dead:
            return False
        if not conn.open and conn is client.conn:
            self.w.after(self.r.choice((0.5, 3, 15)) * self.r.random(), lambda: self.come(client))
        return True

    def leave(self, client, conn):
        r = self.r
        if self.gone(client, conn):
            return
        kind = r.random()
        if kind < 0.4:
            client.drop(r.choice(("rst", "fin")))
        elif kind < 0.75:
            client.disconnect(4 if client.v == 5 and r.random() < 0.2 else 0)
        elif kind < 0.85:
            client.vanish()
        self.w.after(r.choice((0.3, 4, 20)) * r.random(), lambda: self.come(client))

    def act(self, client, conn):
        r = self.r
        if self.gone(client, conn):
            return
        kind = r.random()
        if kind < 0.86:
            self.publish(client)
        elif kind < 0.93:
            self.subscribe(client)
        elif kind < 0.96:
            filters = list(client.broker.sessions[client.cid].subs)
            if filters:
                client.unsubscribe(r.choice(filters))
        elif kind < 0.98 and not client.slow:
            client.slow = True
            self.w.after(r.uniform(0.5, 12), lambda: conn.open and conn is client.conn and client.release())
        self.w.after(r.expovariate(1 / client.pace_s), lambda: self.act(client, conn))

    def publish(self, client):
        r = self.r
        topic = r.choice(self.topics)
        self.counter += 1
        payload = r.choice(STATES) if topic in self.states else b"#%d" % self.counter
        if r.random() < 0.05:
            payload += b"#%d" % self.counter + b"." * 100
        props = {}
        if r.random() < 0.3:
            props = dict(content="text/plain", response=f"r/{client.cid}", correlation=b"\1%d" % self.counter,
                         user=[("k", "1"), ("l", "2"), ("k", "0")])
        if r.random() < 0.3:
            props["expiry"] = r.choice((1, 4, 300))
        alias = r.randint(1, 5) if client.v == 5 and r.random() < 0.2 else None
        client.publish(topic, payload, r.randint(0, 2), retain=int(r.random() < 0.2), alias=alias, **props)
        if r.random() < 0.02:
            payload = r.choice(STATES + (b"#out %d" % self.counter,))
            client.broker.outside(r.choice(self.topics), payload, r.randint(0, 2))

    def subscribe(self, client):
        r = self.r
        filters = []
        for _ in range(1 if self.faulty else r.choice((1, 1, 2))):
            levels = r.choice([*self.topics, "will/c1", "will/c2"]).split("/")
            kind = r.random()
            if kind < 0.3:
                levels = [*levels[:-1], "#"]
            elif kind < 0.5:
                levels[r.randrange(len(levels))] = "+"
            elif kind < 0.56:
                levels = ["#"]
            if client.v == 5 and r.random() < 0.12:
                filters.append(dict(filter="$share/g/" + "/".join(levels), qos=r.randint(0, 2)))
                continue
            filters.append(dict(filter="/".join(levels), qos=r.randint(0, 2), nl=int(r.random() < 0.2),
                                rap=int(r.random() < 0.2), rh=r.choice((0, 0, 1, 2))))
        client.subscribe(*filters, subid=r.choice((None, None, r.randint(1, 400))))


def play(seed, seconds=None):
    faulty = seed % 2 == 1
    fleet = Fleet(seed, faulty)
    fleet.w.run(seconds or fleet.r.choice((20, 40, 100)))
    fleet.w.settle()
    return fleet.w
