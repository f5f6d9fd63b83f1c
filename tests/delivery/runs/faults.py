#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run's broker really did wrong, from the whole capture: what mqttscope may say, and what it could say.

    faults.py RUN.pcapng

It looks only where there is no doubt: at payloads that were published once in the run, and at what needs no
publication. Each line: what, how often, and the first cases with their frames.
"""

import bisect
import collections
import pathlib
import sys

sys.dont_write_bytecode = True
import wire as wires  # noqa: E402
from wire import CONNACK, CONNECT, DISCONNECT, PUBACK, PUBLISH, PUBREC, SUBSCRIBE  # noqa: E402

SECOND = 10**9
NO_LOCAL, AS_PUBLISHED = 4, 8
EXPIRY, SESSION_EXPIRY, MAXIMUM_PACKET_SIZE = 0x02, 0x11, 0x27


class Sessions:
    """The connections of each client, with the time of their ends and whether the session stays."""

    def __init__(self, wire):
        self.of = collections.defaultdict(list)  # client: [(first frame, connection)]
        self.stays, self.begin, self.ended, self.limit = {}, {}, {}, {}
        for p in wire.packets:
            c = wire.connections[p.connection - 1]
            if p.kind == CONNECT:
                self.limit[c.number] = dict(p.properties).get(MAXIMUM_PACKET_SIZE, 1 << 30)
                self.stays[c.number] = bool(dict(p.properties).get(SESSION_EXPIRY)) if c.level == 5 else not c.clean
            elif p.kind == CONNACK and not p.codes[0]:
                self.of[c.client].append((p.frame, c))
                self.begin[c.number] = p.time
            self.ended[c.number] = wire.frames[c.last - 1].time

    def at(self, client, frame):
        """(the last connection that began before, the next one); None where there is none"""
        rows = self.of[client]
        i = bisect.bisect_right(rows, frame, key=lambda row: row[0])
        return rows[i - 1][1] if i else None, rows[i][1] if i < len(rows) else None


class Faults:
    def __init__(self, wire):
        self.wire = wire
        self.sessions = Sessions(wire)
        self.subscriptions = wires.Subscriptions(wire)
        self.found = collections.defaultdict(list)
        self.published, self.delivered = collections.defaultdict(list), collections.defaultdict(list)
        accepted, waiting = set(), {}
        for p in wire.packets:
            if p.kind == PUBLISH and p.up:
                if not p.dup:
                    self.published[p.topic, p.payload].append(p)
                waiting[p.connection, p.identifier] = p
            elif p.kind == PUBLISH:
                self.delivered[p.topic, p.payload].append(p)
            elif not p.up and p.kind in (PUBACK, PUBREC) and not (p.codes and p.codes[0] >= 0x80):
                accepted.add(id(waiting.get((p.connection, p.identifier))))
        wills = {c.will[:2] for c in wire.connections if c.will}
        self.once = [rows[0] for key, rows in self.published.items() if len(rows) == 1 and key not in wills and key[1]]
        self.accepted = [p for p in self.once if p.qos and id(p) in accepted]
        self.last_frame = len(wire.frames)

    def say(self, what, text):
        self.found[what].append(text)

    def subs(self, client, frame, topic):
        return self.subscriptions.at(client, frame, topic)

    def lost(self):
        clients = list(self.subscriptions.changes)
        for p in self.accepted:
            got = {d.client for d in self.delivered[p.topic, p.payload]}
            groups = collections.defaultdict(set)
            for client in clients:
                subs = self.subs(client, p.frame, p.topic)
                for name in subs:
                    if name.startswith("$share/") and subs[name].sure:
                        groups[name].add((client, subs[name].qos))
                subs = {n: s for n, s in subs.items() if s.sure and not n.startswith("$share/")
                        and not (s.options & NO_LOCAL and p.level == 5 and client == p.client)}
                qos = min(p.qos, max((s.qos for s in subs.values()), default=0))
                if qos and client not in got:
                    self.lost_by(client, p, qos)
            for name, members in groups.items():
                clients_of = {client for client, _ in members}
                count = collections.Counter(d.client for d in self.delivered[p.topic, p.payload]
                                            if not d.dup and not d.retain and d.client in clients_of)
                alone = [c for c in count if not any(not n.startswith("$share/") or n != name
                                                     for n in self.subs(c, p.frame, p.topic))]
                if not count and all(qos for _, qos in members):
                    self.say("lost to a whole group", "%s, PUBLISH %d" % (name, p.frame))
                elif len(alone) > 1:
                    self.say("to two of a group", "%s, PUBLISH %d, to %s" % (name, p.frame, alone))

    def lost_by(self, client, p, qos):
        before, after = self.sessions.at(client, p.frame)
        if not before:
            return
        ended = self.sessions.ended[before.number]
        online = before.last > p.frame and not (before.disconnected and before.disconnected < p.frame)
        where = "%s: %r in frame %d, QoS %d, connection %d-%d" % (client, p.payload[:30], p.frame, qos, before.first, before.last)
        if ":" in p.payload and int(p.payload.split(":")[0]) > self.sessions.limit[before.number]:
            self.say("(never came, larger than Maximum Packet Size)", where)
        elif dict(p.properties).get(EXPIRY):
            self.say("(never came, has an expiry)", where)
        elif online and ended - p.time > 10 * SECOND:
            self.say("lost, online", where)
        elif online and not self.sessions.stays[before.number]:
            self.say("(never came, connection ended within 10 s)", where)
        elif not self.sessions.stays[before.number]:
            self.say("(never came, session over)", where)
        elif not after or not after.present:
            self.say("(never came, session did not come back)", where)
        elif self.sessions.ended[after.number] - self.sessions.begin[after.number] < 2 * SECOND:
            self.say("(never came, next connection is short)", where)
        else:
            self.say("lost, queued", where + ", came back in %d" % after.first)

    def twice(self):
        for p in self.once:
            by_client = collections.defaultdict(list)
            for d in self.delivered[p.topic, p.payload]:
                if not d.retain:
                    by_client[d.client].append(d)
            for client, rows in by_client.items():
                new = [d for d in rows if not d.dup]
                allowed = max(1, len(self.subs(client, p.frame, p.topic)), len(self.subs(client, new[-1].frame if new else 0, p.topic)))
                if len(new) > allowed:
                    across = len({d.connection for d in new}) > 1
                    self.say("twice at QoS %d%s" % (new[-1].qos, ", on another connection" if across else ""),
                             "%s: PUBLISH %d, delivered in %s (identifiers %s)" % (
                                 client, p.frame, [d.frame for d in new], [d.identifier for d in new]))
                elif len(new) > 1 and len(new) < allowed:
                    self.say("(some copies of several subscriptions)", "%s: PUBLISH %d, %s" % (client, p.frame, [d.frame for d in new]))

    def each_delivery(self):
        once = {(p.topic, p.payload): p for p in self.once}
        for d in self.wire.packets:
            if d.kind != PUBLISH or d.up or not d.client:  # connected before the capture began
                continue
            subs = self.subs(d.client, d.frame, d.topic)
            if not subs and not d.dup:
                self.say("no subscription", "%s: %s in frame %d" % (d.client, d.topic, d.frame))
            elif subs and d.qos > max(s.qos for s in subs.values()):
                self.say("above granted", "%s: frame %d" % (d.client, d.frame))
            if d.retain and not d.payload and not any(s.options & AS_PUBLISHED for s in subs.values() if d.level == 5):
                self.say("retained and empty", "%s: frame %d" % (d.client, d.frame))
            p = once.get((d.topic, d.payload))
            if not p or not subs:
                continue
            if d.frame < p.frame:
                self.say("delivered before it was published", "%s: PUBLISH %d, delivered %d" % (d.client, p.frame, d.frame))
            if d.qos > p.qos:
                self.say("QoS raised", "%s: PUBLISH %d, delivered %d" % (d.client, p.frame, d.frame))
            # Without a change of the table since the publication, and not because of a new subscription.
            sure = all(s.sure for s in subs.values()) and subs == self.subs(d.client, p.frame, d.topic) and not d.retain
            due = {min(p.qos, s.qos) for s in subs.values()}
            if sure and d.qos < min(due):
                self.say("QoS lowered", "%s: PUBLISH %d (QoS %d), delivered %d (QoS %d), granted %s" % (
                    d.client, p.frame, p.qos, d.frame, d.qos, {n: s.qos for n, s in subs.items()}))
            elif sure and max(e.qos for e in self.delivered[d.topic, d.payload] if e.client == d.client) < max(due):
                self.say("overlapping: not the highest QoS", "%s: PUBLISH %d, delivered %d with %d, due %s" % (
                    d.client, p.frame, d.frame, d.qos, due))
            if d.retain and all(s.sure and s.frame < p.frame and not s.options & AS_PUBLISHED for s in subs.values()) \
                    and not self.asked_since(d, p):
                self.say("RETAIN on a live message", "%s: PUBLISH %d, delivered %d" % (d.client, p.frame, d.frame))
            if d.retain and not p.retain:
                self.say("retained, but was not", "%s: PUBLISH %d, delivered %d" % (d.client, p.frame, d.frame))
            if d.client == p.client and d.level == 5 and sure and all(s.options & NO_LOCAL for s in subs.values()):
                self.say("No Local ignored", "%s: PUBLISH %d, delivered %d" % (d.client, p.frame, d.frame))
            self.passed_on(d, p, subs)

    def asked_since(self, d, p):
        return any(q.kind == SUBSCRIBE and q.client == d.client and p.frame < q.frame < d.frame for q in self.wire.packets[
            max(0, self.index(d) - 20000) : self.index(d)])

    def index(self, p):
        if not hasattr(self, "order"):
            self.order = {id(q): i for i, q in enumerate(self.wire.packets)}
        return self.order[id(p)]

    def passed_on(self, d, p, subs):
        if d.level != 5:
            return
        ids = {s.identifier for s in subs.values() if s.identifier}
        have = {v for k, v in d.properties if k == wires.SUBSCRIPTION_IDENTIFIER}
        if have - ids:
            self.say("identifier of no match", "%s: frame %d has %s, subscriptions have %s" % (d.client, d.frame, have, ids))
        elif ids and not have and all(s.identifier for s in subs.values()):
            self.say("no identifier", "%s: frame %d, subscriptions have %s" % (d.client, d.frame, ids))
        elif have < ids and len([e for e in self.delivered[d.topic, d.payload] if e.client == d.client and not e.dup]) == 1:
            self.say("identifiers incomplete", "%s: frame %d has %s, subscriptions have %s" % (d.client, d.frame, have, ids))
        if p.level != 5:
            return
        for identifier in (0x01, 0x03, 0x08, 0x09):
            if dict(p.properties).get(identifier) != dict(d.properties).get(identifier):
                self.say("property altered", "%s: PUBLISH %d, delivered %d, property 0x%02x" % (d.client, p.frame, d.frame, identifier))
        mine, theirs = ([v for k, v in q.properties if k == wires.USER_PROPERTY] for q in (p, d))
        if mine != theirs:
            self.say("user properties reordered" if sorted(mine) == sorted(theirs) else "user properties altered",
                     "%s: PUBLISH %d, delivered %d" % (d.client, p.frame, d.frame))
        given, left, waited = dict(p.properties).get(EXPIRY), dict(d.properties).get(EXPIRY), (d.time - p.time) / SECOND
        if given and not d.dup:
            if waited > given + 1:
                self.say("delivered after expiry", "%s: PUBLISH %d, delivered %d, %.1f s of %d" % (d.client, p.frame, d.frame, waited, given))
            if left is None or left > given - waited + 1.5:
                self.say("expiry not reduced", "%s: PUBLISH %d, delivered %d, waited %.1f s of %d, left %s" % (
                    d.client, p.frame, d.frame, waited, given, left))

    def order_of_delivery(self):
        once = {(p.topic, p.payload): p for p in self.once}
        last = {}
        for d in self.wire.packets:
            if d.kind != PUBLISH or d.up or d.dup or d.retain or (d.topic, d.payload) not in once:
                continue
            p = once[d.topic, d.payload]
            key = d.connection, p.client, p.topic, p.qos, d.qos
            q, e = last.get(key, (None, None))
            if q and self.index(q) > self.index(p) and len(self.subs(d.client, d.frame, d.topic)) < 2:
                self.say("out of order", "%s: PUBLISH %d delivered in %d, after PUBLISH %d in %d" % (
                    d.client, p.frame, d.frame, q.frame, e.frame))
            else:
                last[key] = p, d

    def wills(self):
        for c in self.wire.connections:
            if not c.will:
                continue
            topic, payload, *_ = c.will
            if c.disconnected:
                continue
            came = [d for d in self.delivered[topic, payload] if d.frame > c.last and not d.retain]
            if not came and self.last_frame - c.last > 100 and c.will[4].get(0x18, 0) == 0:
                self.say("will never published", "%s: connection %d-%d" % (c.client, c.first, c.last))

    def run(self):
        self.lost()
        self.twice()
        self.each_delivery()
        self.order_of_delivery()
        self.wills()
        for what, rows in sorted(self.found.items()):
            print("%6d  %s" % (len(rows), what))
            for row in rows[:3]:
                print("          " + row)


def main():
    wire = wires.Wire(sys.argv[1])
    print("%s: %d frames, %d deliveries" % (pathlib.Path(sys.argv[1]).stem, len(wire.frames), sum(
        p.kind == PUBLISH and not p.up for p in wire.packets)))
    Faults(wire).run()


if __name__ == "__main__":
    main()
