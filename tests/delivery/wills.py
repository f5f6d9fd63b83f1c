# SPDX-License-Identifier: GPL-2.0-or-later
"""Wills: when they are published, and when not."""
from model import Message
from world import Truth


class Wills:
    def will_message(self, session, will, frame, end):
        props = dict(will.props) if session.version == 5 else {}
        m = Message(will.topic, will.payload, will.qos, will.retain, props, session.cid, frame, self.w.now, True,
                    session.version)
        m.end = end
        return m

    def leave_will(self, session, conn, clean):
        will, session.will = session.will, None
        if not will:
            return
        m = self.will_message(session, will, session.will_frame, conn.end_frame)
        what = dict(owner=session.cid, client=session.cid, topic=m.topic, message=m, session=session)
        if clean:
            if self.w.fires("will-after-disconnect", **what):
                self.publish_will(m, "will-after-disconnect")
            return
        delay = min(will.delay or 0, session.expiry) if session.version == 5 else 0
        if not delay:
            self.due_will(m, what)
        elif self.w.fires("will-early", **what):
            self.publish_will(m, "will-before-delay")
        else:
            session.pending = m
            self.w.after(delay, lambda: self.late_will(session, m, what))

    def late_will(self, session, m, what):
        if session.pending is m or getattr(m, "undead", False):
            session.pending = None if session.pending is m else session.pending
            if getattr(m, "undead", False):
                self.publish_will(m, "will-in-spite-of-reconnect")
            else:
                self.due_will(m, what)

    def resume_will(self, session, frame):
        """A new connection of the session: the will that waits is off (3.1.3-9)."""
        m, session.pending = session.pending, None
        if m and self.w.fires("will-reconnect", owner=session.cid, client=session.cid, topic=m.topic, message=m,
                              session=session):
            m.undead = True

    def session_over(self, session):
        """The end of the session publishes a will that waits."""
        m, session.pending = session.pending, None
        if m:
            self.due_will(m, dict(owner=session.cid, client=session.cid, topic=m.topic, message=m, session=session))

    def due_will(self, m, what):
        if self.w.fires("will-dropped", **what):
            self.w.log("will-not-published", m.owner, m.frame, what["session"].stream,
                       others=range(m.end - 1, m.end + 4))
            return
        self.publish_will(m)
        if self.w.fires("will-twice", **what):
            self.w.after(0.05, lambda: self.publish_will(m, "will-published-twice"))

    def publish_will(self, m, *rules):
        """All copies of it share one truth."""
        m.time, m.truth = self.w.now, Truth(rules, m.owner, many=True) if rules else None
        self.w.published.setdefault((self, *m.key()), []).append(m.frame)
        self.forward(m)


__all__ = ["Wills"]
