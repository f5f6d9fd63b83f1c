# SPDX-License-Identifier: GPL-2.0-or-later
"""The store of retained messages, and what a new subscription gets of it."""
from dataclasses import replace

from model import Copy, matches
from routing import about
from world import Truth


class Retained:
    def store(self, m):
        """3.3.1.3. blame: the rule that is broken when this is delivered as a retained message."""
        if not m.retain:
            name = "will-retained" if m.will else "retain-ordinary"
            if not m.payload or not (m.qos or self.keep_retained_0) or \
                    not self.w.fires(name, topic=m.topic, owner=m.owner, payload=m.payload, message=m):
                return
            m = replace(m, truth=None, blame="will-retained-unasked" if m.will else "retained-from-ordinary-message")
        elif m.will and self.w.fires("will-unretained", topic=m.topic, owner=m.owner, message=m):
            self.withheld[m.topic] = m
            return
        if m.topic in self.retained:
            self.history.setdefault(m.topic, []).append(self.retained.pop(m.topic))
        self.withheld.pop(m.topic, None)
        if m.payload and (m.qos or self.keep_retained_0):
            self.retained[m.topic] = m

    def kept_for(self, session, sub, new):
        """Copies that are due to a SUBSCRIBE, with what faults make of them."""
        if sub.share():
            return []
        due, w = [], self.w
        asked = sub.rh == 0 or (sub.rh == 1 and new)
        for topic in sorted({*self.retained, *self.history, *self.withheld}):
            if not matches(sub.filter, topic):
                continue
            m = self.retained.get(topic)
            if m and m.left(w.now) is not None and m.left(w.now) <= 0:
                m = None
            if not self.allow(m or self.history.get(topic, [None])[-1], session):
                continue
            if topic in self.withheld and asked:
                will = self.withheld[topic]
                sub.missing.append(w.log("will-not-retained", will.owner, sub.frame, session.stream,
                                         others=(will.frame,)))
            due += self.kept(session, sub, new, topic, m) if asked else self.unasked(session, sub, m)
        return due

    def copy(self, sub, m, *rules, client=None):
        copy = Copy(m, min(m.qos, sub.qos), 1, (sub.subid,) if sub.subid else ())
        if rules:
            copy.truths.append(Truth(rules, client))
        return copy

    def kept(self, session, sub, new, topic, m):
        """One topic's, where it is asked for."""
        w, cid, past = self.w, session.cid, self.history.get(topic, [])
        if not m:
            return self.cleared(session, sub, topic, past)
        what = about(m, session)
        if m.owner == cid and sub.nl:
            return []
        if m.blame:
            return [self.copy(sub, m, m.blame, client=m.owner if m.will else cid)]
        if min(m.qos, sub.qos) and w.fires("retained-missing", **what):
            rule = "retained-missing" if new and sub.rh == 0 else \
                "retained-missing-for-new-subscription" if new else "retained-missing-on-resubscribe"
            sub.missing.append(w.log(rule, cid, m.frame, session.stream, others=(sub.frame,)))
            return []
        if past and not past[-1].blame and past[-1].payload != m.payload and w.fires("retained-stale", **what):
            return [self.copy(sub, past[-1], "retained-stale", client=cid)]
        copy = self.copy(sub, m)
        if w.fires("retained-twice", **what):
            return [copy, self.copy(sub, m, "retained-twice", client=cid)]
        if w.fires("retained-flagless", **what):
            copy.retain = 0
            copy.truths.append(Truth(("retained-without-retain",), cid))
        return [copy]

    def cleared(self, session, sub, topic, past):
        if not past or past[-1].blame or topic in self.retained:
            return []
        what = about(past[-1], session)
        if self.w.fires("retained-cleared", **what):
            return [self.copy(sub, past[-1], "retained-after-clear", client=session.cid)]
        if self.w.fires("retained-empty", **what):
            return [self.copy(sub, replace(past[-1], payload=b""), "retained-empty", "retained-after-clear",
                              client=session.cid)]
        return []

    def unasked(self, session, sub, m):
        if not m or not self.w.fires("retained-unasked", **about(m, session)):
            return []
        rule = "retained-not-asked-for" if sub.rh == 2 else "retained-to-existing-subscription"
        return [self.copy(sub, m, rule, client=session.cid)]


__all__ = ["Retained"]
