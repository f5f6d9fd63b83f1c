# SPDX-License-Identifier: GPL-2.0-or-later
"""Is a finding about a delivery true? By the clients' logs and by wire.py, which see the run as a whole.

Each judgement is (TRUE, FALSE or UNKNOWN, why). FALSE means that the run itself speaks against the finding.
"""

import collections
import json
import re

import wire as wires
from wire import CONNACK, CONNECT, PUBLISH, SUBSCRIBE, UNSUBACK, Subscriptions

TRUE, FALSE, UNKNOWN = "true", "false", "not known"
SECOND = 10**9


class Logs:
    """What the clients wrote: how often each got what, and how often it was published."""

    def __init__(self, folder):
        self.got = collections.Counter()  # (client, topic, payload)
        self.published = collections.Counter()  # (topic, payload)
        self.clients = set()
        for path in folder.glob("*.log"):
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    event = json.loads(line)
                except ValueError:
                    continue  # cut off by a kill
                if event["e"] == "got":
                    self.got[event["c"], event["topic"], event["p"]] += 1
                    self.clients.add(event["c"])
                elif event["e"] == "publish":
                    self.published[event["topic"], event["p"]] += 1


class Judge:
    def __init__(self, wire, logs):
        self.wire, self.logs = wire, logs
        self.subscriptions = Subscriptions(wire)
        self.publications = collections.defaultdict(list)  # (topic, payload): clients' PUBLISH
        self.deliveries = collections.defaultdict(list)  # (client, topic, payload): servers' PUBLISH
        self.subscribes = collections.defaultdict(list)  # client: SUBSCRIBE
        for p in wire.packets:
            if p.kind == PUBLISH and p.up:
                self.publications[p.topic, p.payload].append(p)
            elif p.kind == PUBLISH:
                self.deliveries[p.client, p.topic, p.payload].append(p)
            elif p.kind == SUBSCRIBE:
                self.subscribes[p.client].append(p)
        self.wills = collections.Counter(c.will[:2] for c in wire.connections if c.will)

    def __call__(self, finding):
        """`finding` has the whole capture's frames: rule, client, frame, and frames, those that its text names."""
        judge = getattr(self, "judge_" + finding["rule"].replace("-", "_"), None)
        return judge(finding) if judge else (UNKNOWN, "no judge for this rule")

    # ---- what a finding speaks of

    def published_at(self, finding):
        """The client's PUBLISH in the frame that the text names first, or in the finding's own."""
        for frame in [*finding["frames"][:1], finding["frame"]]:
            found = [p for p in self.wire.by_frame[frame] if p.kind == PUBLISH and p.up]
            named = [p for p in found if "'%s'" % p.topic in finding["text"] or p.topic in finding["text"]]
            if found:
                return named or found
        return []

    def delivered_at(self, finding):
        found = [p for p in self.wire.by_frame[finding["frame"]]
                 if p.kind == PUBLISH and not p.up and p.client == finding["client"]]
        return [p for p in found if p.topic in finding["text"]] or found

    def copies(self, p):
        """How many publications there were of its key, resends and wills' left aside."""
        return len([q for q in self.publications[p.topic, p.payload] if not q.dup])

    # ---- lost

    def judge_delivery_lost(self, finding):
        client, verdicts = finding["client"], []
        for p in self.published_at(finding):
            got, seen = self.logs.got[client, p.topic, p.payload], self.deliveries[client, p.topic, p.payload]
            live = [d for d in seen if not d.dup and d.frame > p.frame]
            if self.copies(p) == 1:
                if got or seen:
                    verdicts.append((FALSE, "%r got %d times, on the wire in %s" % (p.payload, got, [d.frame for d in seen][:3])))
                else:
                    verdicts.append((TRUE, "%r was never received" % p.payload))
                continue
            later = [q for q in self.publications[p.topic, p.payload] if not q.dup and q.frame >= p.frame]
            if len(live) >= len(later):
                verdicts.append((FALSE, "%r: %d published from there on, %d delivered" % (p.payload, len(later), len(live))))
            else:
                verdicts.append((UNKNOWN, "%r: %d published from there on, %d delivered" % (p.payload, len(later), len(live))))
        return best(verdicts)

    judge_queued_delivery_lost = judge_delivery_lost

    # ---- twice

    def judge_delivered_twice(self, finding):
        verdicts = []
        for d in self.delivered_at(finding):
            seen = [e for e in self.deliveries[d.client, d.topic, d.payload] if not e.dup and not e.retain]
            published = self.copies(d) + self.wills[d.topic, d.payload]
            subs = max(1, len(self.subscriptions.at(d.client, d.frame, d.topic)))
            before = [e.frame for e in seen if e.frame < d.frame]
            what = "%r: %d published, %d delivered (before: %s), %d subscriptions" % (
                d.payload, published, len(seen), before[-2:], subs)
            if len(seen) > published * subs:
                verdicts.append((TRUE, what))
            elif published == 1 or len(seen) <= published:
                verdicts.append((FALSE, what))
            else:
                verdicts.append((UNKNOWN, what))
        return best(verdicts)

    judge_delivered_twice_qos_0 = judge_delivered_twice_qos_1 = judge_delivered_twice_qos_2 = judge_delivered_twice

    # ---- subscriptions

    def judge_delivered_without_subscription(self, finding):
        verdicts = []
        for d in self.delivered_at(finding):
            subs = self.subscriptions.at(d.client, d.frame, d.topic)
            verdicts.append((FALSE, "subscribed: %s" % subs) if subs else (TRUE, "nothing matches %s" % d.topic))
        return best(verdicts)

    judge_dollar_topic_to_wildcard = judge_delivered_without_subscription

    def judge_delivered_after_unsubscribe(self, finding):
        verdict, why = self.judge_delivered_without_subscription(finding)
        if verdict != TRUE:
            return verdict, why
        removed = [p.frame for p in self.wire.packets
                   if p.kind == UNSUBACK and p.client == finding["client"] and p.frame < finding["frame"]]
        for d in self.delivered_at(finding):
            for p in self.publications[d.topic, d.payload]:
                if removed and removed[-1] < p.frame < d.frame:
                    return TRUE, "UNSUBACK %d, PUBLISH %d, delivered %d" % (removed[-1], p.frame, d.frame)
        return FALSE, "published before the last UNSUBACK (%s)" % removed[-1:]

    def judge_delivered_above_granted_qos(self, finding):
        verdicts = []
        for d in self.delivered_at(finding):
            granted = [s.qos for s in self.subscriptions.at(d.client, d.frame, d.topic).values()]
            what = "QoS %d, granted %s" % (d.qos, granted)
            verdicts.append((TRUE if granted and d.qos > max(granted) else FALSE, what))
        return best(verdicts)

    judge_shared_delivered_above_granted_qos = judge_delivered_above_granted_qos

    def judge_qos(self, finding, wrong):
        verdicts = []
        for d in self.delivered_at(finding):
            subs = [s.qos for s in self.subscriptions.at(d.client, d.frame, d.topic).values()]
            origins = {p.qos for p in self.publications[d.topic, d.payload] if p.frame < d.frame}
            lawful = {min(o, s) for o in origins for s in subs}
            what = "QoS %d, published with %s, granted %s" % (d.qos, origins, subs)
            if len(origins) == 1:
                verdicts.append((TRUE if wrong(d.qos, lawful) else FALSE, what))
            else:
                verdicts.append((TRUE if lawful and wrong(d.qos, lawful) else UNKNOWN, what))
        return best(verdicts)

    def judge_delivered_qos_raised(self, finding):
        return self.judge_qos(finding, lambda qos, lawful: qos > max(lawful, default=2))

    def judge_delivered_qos_lowered(self, finding):
        return self.judge_qos(finding, lambda qos, lawful: qos < min(lawful, default=0))

    def judge_overlapping_qos_lowered(self, finding):
        """One copy for several subscriptions, none of the copies with the highest QoS that is due."""
        verdicts = []
        for d in self.delivered_at(finding):
            granted = [s.qos for s in self.subscriptions.at(d.client, d.frame, d.topic).values()]
            origins = [p for f in finding["frames"][:1] for p in self.wire.by_frame[f]
                       if p.kind == PUBLISH and p.up and (p.topic, p.payload) == (d.topic, d.payload)]
            for p in origins:
                copies = [e.qos for e in self.deliveries[d.client, d.topic, d.payload] if e.frame > p.frame and not e.retain]
                what = "QoS %d, published with %d, granted %s" % (d.qos, p.qos, granted)
                due = min(p.qos, max(granted, default=0))
                if len(granted) < 2 or d.qos >= due or self.copies(p) == 1 and max(copies, default=0) >= due:
                    verdicts.append((FALSE, what))
                else:
                    verdicts.append((TRUE if self.copies(p) == 1 else UNKNOWN, what))
        return best(verdicts)

    def judge_no_local_ignored(self, finding):
        for d in self.delivered_at(finding):
            subs = self.subscriptions.at(d.client, d.frame, d.topic)
            own = {p.client for p in self.publications[d.topic, d.payload]} == {d.client}
            if subs and all(s.options & 4 for s in subs.values()) and own:
                return TRUE, "published by itself alone"
        return FALSE, "published by others too, or a subscription without No Local"

    # ---- retained

    def judge_retain_set_on_live_message(self, finding):
        verdicts = []
        for d in self.delivered_at(finding):
            moments = [p for p in self.subscribes[d.client] if p.frame < d.frame and d.time - p.time < 2 * SECOND
                       and any(wires.matches(name, d.topic) for name, _ in p.filters)]
            what = "last SUBSCRIBE in the two seconds before: %s" % [p.frame for p in moments[-1:]]
            verdicts.append((FALSE if not d.retain else UNKNOWN if moments else TRUE, what))
        return best(verdicts)

    def judge_retained_missing(self, finding):
        subscribe = [p for p in self.wire.by_frame[finding["frames"][-1]] if p.kind == SUBSCRIBE and p.client == finding["client"]]
        for p in self.published_at(finding):
            for s in subscribe:
                seen = [d.frame for d in self.deliveries[finding["client"], p.topic, p.payload] if d.retain and d.frame > s.frame]
                later = [q.frame for q in self.wire.packets if q.kind == PUBLISH and q.up and q.retain
                         and q.topic == p.topic and p.frame < q.frame < s.frame]
                if later:
                    return FALSE, "replaced in frame %d, before SUBSCRIBE in %d" % (later[0], s.frame)
                connection = self.wire.connections[s.connection - 1]
                came = [at for at in seen if at <= connection.last]
                if came:
                    return FALSE, "came in frame %d" % came[0]
                return TRUE, "never came on connection of SUBSCRIBE %d" % s.frame
        return UNKNOWN, "its frames hold no such packets"

    judge_retained_missing_for_new_subscription = judge_retained_missing
    judge_retained_missing_on_resubscribe = judge_retained_missing
    judge_will_not_retained = judge_retained_missing

    def judge_retained_stale(self, finding):
        for d in self.delivered_at(finding):
            sets = [p for p in self.wire.packets if p.kind == PUBLISH and p.up and p.retain and p.topic == d.topic and p.frame < d.frame]
            if sets and sets[-1].payload == d.payload:
                return FALSE, "it is the last one published (frame %d)" % sets[-1].frame
        return UNKNOWN, "not the last one published"

    judge_retained_after_clear = judge_retained_stale

    # ---- order

    def judge_delivered_out_of_order(self, finding):
        later_at = finding["frames"][-1]
        for d in self.delivered_at(finding):
            for p in self.publications[d.topic, d.payload]:
                for e in self.wire.by_frame[later_at]:
                    if e.kind != PUBLISH or e.up or e.client != d.client or e.topic != d.topic:
                        continue
                    for q in self.publications[e.topic, e.payload]:
                        if (q is not p and e is not d and finding["frames"][0] in (p.first, p.frame)
                                and q.client == p.client and q.qos == p.qos and q.frame >= p.frame and e.frame <= d.frame
                                and self.copies(p) == self.copies(q) == 1 and e.connection == d.connection):
                            return TRUE, "%r of frame %d after %r of %d" % (p.payload, p.frame, q.payload, q.frame)
        return UNKNOWN, "equal payloads, or other publishers"

    # ---- wills

    def judge_will_not_published(self, finding):
        owner = [c for c in self.wire.connections if c.client == finding["client"] and c.will
                 and any(c.first <= f <= c.last for f in [finding["frame"], *finding["frames"]])]
        for c in owner:
            if c.disconnected:
                return FALSE, "DISCONNECT in frame %d" % c.disconnected
            seen = [d.frame for key, rows in self.deliveries.items() if key[1:] == c.will[:2]
                    for d in rows if d.frame > c.last and not d.retain]
            if seen:
                return UNKNOWN, "such a message came in frame %d, the connection ended in %d" % (min(seen), c.last)
            return TRUE, "nobody ever got it"
        return UNKNOWN, "its frames hold no such connection"


def best(verdicts):
    """Frames may hold several packets that could be meant: the finding is true if it is of one of them."""
    for wanted in (TRUE, UNKNOWN, FALSE):
        for verdict, why in verdicts:
            if verdict == wanted:
                return verdict, why
    return UNKNOWN, "its frames hold no such packets"


def frames_in(text):
    return [int(n) for n in re.findall(r"frame (\d+)", text)]
