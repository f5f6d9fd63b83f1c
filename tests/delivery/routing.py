# SPDX-License-Identifier: GPL-2.0-or-later
"""Who gets a message, how often, and with what: the decisions of a broker that faults bend."""
from model import Copy, matches
from world import Truth

HOLD = 2.0      # seconds that a copy waits to be overtaken, when it is to be


def about(m, s, subs=()):
    """What a fault may ask for before it happens."""
    return dict(client=s.cid, topic=m.topic, payload=m.payload, owner=m.owner, qos=m.qos, message=m, session=s,
                subs=subs)


class Routing:
    def route(self, m, again=False):
        for session in list(self.sessions.values()):
            plain = [sub for sub in session.subs.values() if not sub.share()]
            subs = [sub for sub in plain if matches(sub.filter, m.topic)]
            wanted = [sub for sub in subs if not (sub.nl and m.owner == session.cid)]
            if not self.allow(m, session):
                continue
            if wanted:
                self.offer(session, m, wanted, again)
            else:
                self.uncalled(session, m, subs, plain)
        self.route_shared(m)

    def uncalled(self, session, m, local, plain):
        """Nothing is due to this session, unless a fault has it so."""
        w, what = self.w, about(m, session)
        if not session.conn:
            return
        gone = [sub for name, sub in session.removed.items() if matches(name, m.topic)]
        if local:
            if w.fires("no-local", **what):
                self.push(session, Copy(m, min(m.qos, local[0].qos)), "no-local-ignored")
        elif any(matches(sub.filter, m.topic, dollar=True) for sub in plain):
            if w.fires("dollar", **what):
                self.push(session, Copy(m, 0), "dollar-topic-to-wildcard")
        elif gone:
            if w.fires("unsubscribed", **what):
                self.push(session, Copy(m, min(m.qos, gone[0].qos)), "delivered-after-unsubscribe")
        elif w.fires("stray", **what):
            self.push(session, Copy(m, m.qos), "delivered-without-subscription")

    def push(self, session, copy, *rules, client=None):
        if rules:
            copy.truths.append(Truth(rules, client or session.cid))
        session.queue.append(copy)
        self.soon(session)

    # ---- one session
    def copies(self, m, subs):
        if self.overlap == "each":
            return [Copy(m, min(m.qos, sub.qos), m.retain if sub.rap else 0, (sub.subid,) if sub.subid else ())
                    for sub in subs]
        rap = any(sub.rap for sub in subs)
        return [Copy(m, min(m.qos, max(sub.qos for sub in subs)), m.retain if rap else 0,
                     tuple(sub.subid for sub in subs if sub.subid))]

    def offer(self, session, m, subs, again=False):
        copies, w = self.copies(m, subs), self.w
        for copy in copies if m.truth else ():
            copy.truths.append(m.truth)
        what = about(m, session, subs)
        if again:
            for copy in copies:
                copy.truths.append(Truth((f"delivered-twice-qos-{copy.qos}",), session.cid))
        if self.blind(session, m, subs, what):
            return
        qos = max(copy.qos for copy in copies)
        if qos and not m.will and w.fires("drop", **what):
            rule = "delivery-lost" if session.conn else "queued-delivery-lost"
            w.log(rule, session.cid, m.frame, session.stream, (self, *m.key()))
            return
        if not session.conn:
            copies = [copy for copy in copies if copy.qos or self.queue_0]
        copies = [copy for copy in copies if copy.qos or w.random.random() >= self.lose_0]
        if copies and w.fires("twice", **what):
            second = Copy(m, copies[0].qos, copies[0].retain, copies[0].subids)
            if not m.will:
                second.truths.append(Truth((f"delivered-twice-qos-{second.qos}",), session.cid))
            copies.append(second)
        elif len(copies) == 1 and session.conn and not session.held and w.fires("swap", **what):
            self.hold(session, copies[0])
            return
        if copies and len(copies) == 1:
            self.bend(session, m, subs, copies[0], what)
        session.queue += copies
        if copies:
            self.soon(session)
            self.overtaken(session, m)

    def blind(self, session, m, subs, what):
        """A subscription that is granted and never served: one truth, with its third message."""
        if len(subs) != 1 or not self.w.fires("blind", **what):
            return False
        sub = subs[0]
        sub.skipped += (m.frame,)
        if len(sub.skipped) == 3:
            truth = Truth(("subscription-never-served",), session.cid, others=(sub.answer, *sub.skipped))
            truth.say(self.w, sub.frame, session.stream)
            sub.truth = truth
        elif len(sub.skipped) > 3:
            sub.truth.others += (m.frame,)
        return True

    def bend(self, session, m, subs, copy, what):
        """What may be wrong with one copy. One fault a copy."""
        w, sub = self.w, subs[0]
        granted = max(s.qos for s in subs)

        def wrong(name, *rules, **changed):
            if not w.fires(name, **what):
                return False
            for key, value in changed.items():
                setattr(copy, key, value)
            copy.truths.append(Truth(rules, m.owner if rules[0].startswith("will-") else session.cid))
            return True
        if granted < 2 and m.qos > granted and wrong("above-granted", "delivered-above-granted-qos", qos=granted + 1):
            return
        if granted > m.qos and wrong("raise", "delivered-qos-raised", qos=m.qos + 1):
            return
        lowered = "delivered-qos-lowered" if len(subs) == 1 else "overlapping-qos-lowered"
        if copy.qos and wrong("lower", lowered, qos=copy.qos - 1, due=copy.qos):
            return
        if session.conn and not any(s.rap for s in subs) and \
                wrong("retain-live", "retain-set-on-live-message", *(() if m.retain else
                      ("retained-from-ordinary-message",)), retain=1):
            return
        if len(subs) == 1 and sub.rap and wrong("rap", "retain-not-as-published", *(() if m.retain else
                                                ("retained-from-ordinary-message",)), retain=1 - m.retain):
            return
        if session.version == 5:
            if self.bend_5(m, subs, copy, wrong):
                return
        if m.payload and wrong("payload", "delivered-payload-altered", payload=m.payload[:-1] + b"\x7e"):
            copy.truths[-1].others = (m.frame,)

    def bend_5(self, m, subs, copy, wrong):
        ids, user = copy.subids, m.props.get("user", [])
        if len(ids) == 1 and len(subs) == 1 and wrong("subid-missing", "subscription-identifier-not-sent", subids=()):
            return True
        if len(ids) > 1 and wrong("subid-incomplete", "subscription-identifiers-incomplete", subids=ids[:1]):
            return True
        if len(subs) == 1 and ids and wrong("subid-wrong", "subscription-identifier-of-no-match",
                                            "subscription-identifier-not-sent", subids=(ids[0] + 9999,)):
            return True
        if len(subs) == 1 and not ids and wrong("subid-stray", "subscription-identifier-of-no-match", subids=(7777,)):
            return True
        if "expiry" in m.props and (wrong("expiry-kept", "message-expiry-not-reduced", expiry="kept") or
                                    wrong("expired", "delivered-after-expiry", expiry="late")):
            return True
        reordered = "will-user-properties-reordered" if m.will else "user-properties-reordered"
        if len(set(user)) > 1 and list(reversed(user)) != user and \
                wrong("reorder", reordered, props={**m.props, "user": list(reversed(user))}):
            return True
        for name, other in (("content", "other/type"), ("response", "other/reply"), ("correlation", b"\0other"),
                            ("format", None), ("user", [*user, ("x-trace", "1")])):
            if name in m.props and wrong("alter-" + name, "delivered-property-altered", props={**m.props, name: other}
                                         if other else {k: v for k, v in m.props.items() if k != name}):
                return True
            if name in m.props and wrong("strip-" + name, "delivered-property-altered",
                                         props={k: v for k, v in m.props.items() if k != name}):
                return True
        return False

    # ---- order
    def hold(self, session, copy):
        session.held = copy
        self.w.after(HOLD, lambda: session.held is copy and self.unhold(session))

    def unhold(self, session):
        """It is not overtaken: late is no fault."""
        copy, session.held = session.held, None
        if copy:
            session.queue.insert(0, copy)
            self.pump(session)

    def overtaken(self, session, m):
        held = session.held
        if held and (held.message.owner, held.message.topic, held.message.qos) == (m.owner, m.topic, m.qos):
            session.held = None
            self.push(session, held, "delivered-out-of-order")

    # ---- shared subscriptions
    def members(self, share):
        return [s for s in self.sessions.values() for sub in s.subs.values() if sub.share() == share]

    def shared(self, session, share):
        return next(sub for sub in session.subs.values() if sub.share() == share)

    def route_shared(self, m):
        shares = {sub.share() for s in self.sessions.values() for sub in s.subs.values() if sub.share()}
        for share in sorted(shares):
            if not matches(share[1], m.topic):
                continue
            members = self.members(share)
            ready = [s for s in members if s.conn]
            if not ready:
                if m.qos:
                    self.waiting.setdefault(share, []).append(m)
                continue
            turn = self.turns[share] = self.turns.get(share, -1) + 1
            chosen = ready[turn % len(ready)]
            if self.w.fires("share-drop", **about(m, chosen)) and min(m.qos, self.shared(chosen, share).qos):
                self.w.log("delivery-lost", chosen.cid, m.frame, chosen.stream, (self, *m.key()),
                           clients=tuple(s.cid for s in members))
                continue
            self.give(chosen, m, share)
            others = [s for s in ready if s is not chosen]
            if others and self.w.fires("share-two", **about(m, chosen)):
                self.give(others[0], m, share, "shared-delivered-to-two")

    def give(self, session, m, share, *rules):
        sub = self.shared(session, share)
        copy = Copy(m, min(m.qos, sub.qos), m.retain if sub.rap else 0, (sub.subid,) if sub.subid else (), share)
        if m.truth:
            copy.truths.append(m.truth)
        if sub.qos < m.qos and self.w.fires("share-above", **about(m, session)):
            copy.qos, rules = sub.qos + 1, ("shared-delivered-above-granted-qos",)
        self.push(session, copy, *rules)

    def serve_waiting(self, session):
        """Messages that waited for the first member of a shared subscription that is there."""
        for sub in list(session.subs.values()):
            for m in self.waiting.pop(sub.share(), []) if sub.share() else []:
                self.give(session, m, sub.share())

    def forget_groups(self):
        """Nothing waits for a group that has no members."""
        self.waiting = {share: messages for share, messages in self.waiting.items() if self.members(share)}

    def share_left(self, session):
        """What a member leaves unfinished stays its own, at QoS 2; at QoS 1 another one may have it."""
        for pid, (copy, released) in list(session.inflight.items()):
            others = [s for s in self.members(copy.shared) if s.conn] if copy.shared else []
            if not others or released:
                continue
            if copy.qos == 2 and self.w.fires("share-qos-2", **about(copy.message, session)):
                self.give(others[0], copy.message, copy.shared, "shared-qos-2-to-another-client",
                          "shared-delivered-to-two")
            elif copy.qos == 1 and self.share_move:
                del session.inflight[pid]
                self.give(others[0], copy.message, copy.shared)

    def rejected(self, session, copy, code):
        if not copy or code < 0x80 or not copy.shared:
            return
        others = [s for s in self.members(copy.shared) if s.conn and s is not session]
        if others and self.w.fires("share-rejected", **about(copy.message, session)):
            self.give(others[0], copy.message, copy.shared, "shared-delivered-after-rejection",
                      "shared-delivered-to-two")


__all__ = ["Routing", "about"]
