# SPDX-License-Identifier: GPL-2.0-or-later
"""A model broker: right by the specification, wrong where a fault is ordered, and then it says so.

Packets come as calls from client.py, which wrote them to the wire before. Nothing here reads a capture.
"""
from model import FOREVER, Message, Session, Subscription, encoded, matches
from retained import Retained
from routing import Routing
from wills import Wills
from world import S, wire


class Broker(Routing, Retained, Wills):
    def __init__(self, world, address=(10, 9, 0, 1), port=1883, **ways):
        """ways: see the attributes below."""
        self.w, self.address, self.port = world, address, port
        self.overlap = "one"         # or "each": a copy for each matching subscription
        self.early = True            # QoS 2 is forwarded at PUBLISH, not at PUBREL
        self.ack_first = False       # the publisher is answered before subscribers are served
        self.retained_first = False  # retained messages before SUBACK
        self.window = 100            # QoS 1 and 2 in flight to a client
        self.queue_0 = False         # QoS 0 waits for clients that are offline
        self.lose_0 = 0.0            # share of QoS 0 copies that are dropped, as is allowed
        self.latency = None          # returns seconds until a copy leaves; None: at once
        self.dup_again = False       # a QoS 1 PUBLISH that comes again is forwarded again
        self.drop_queued = False     # UNSUBSCRIBE drops what waits
        self.share_move = False      # unfinished QoS 1 of a shared subscription goes to another member
        self.keep_retained_0 = True  # retained messages of QoS 0 are stored
        self.pass_0 = False          # QoS 0 overtakes what waits for the window
        self.lag = lambda message: 0  # seconds until a message is looked at, although it is acknowledged
        self.max_granted = 2
        self.alias_maximum = 10
        self.verdict = lambda message: 0   # reason code of PUBACK and PUBREC
        self.allow = lambda message, session: True
        for name, value in ways.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        self.sessions = {}
        self.retained, self.history, self.withheld = {}, {}, {}    # by topic: kept; kept before; should be kept
        self.turns, self.waiting = {}, {}
        world.brokers.append(self)

    # ---- connections
    def on_connect(self, conn, frame, clean, expiry, will, ka, recvmax, maxsize, aliasmax):
        old = self.sessions.get(conn.client.cid)
        if old and old.conn:
            self.kick(old.conn, 0x8E)
            old = self.sessions.get(conn.client.cid)
        if clean and old:
            self.end(old)
            old = None
        session = old or Session(conn.client.cid, conn.v, expiry)
        self.sessions[session.cid] = session
        self.resume_will(session, frame)
        session.version, session.expiry, session.conn, conn.session = conn.v, expiry, conn, session
        session.stream, session.ends = conn.stream, session.ends + 1
        session.will, session.will_frame = will, frame
        conn.recvmax, conn.maxsize, conn.aliasmax, conn.aliases = recvmax, maxsize, aliasmax, {}
        conn.connect_frame = frame
        limits = wire.aliasmax(self.alias_maximum) if conn.v == 5 and self.alias_maximum else b""
        conn.write(S, wire.connack(conn.v, 0, 1 if old else 0, limits))
        conn.client.on_connack(conn, bool(old))
        if ka:
            self.watch(conn, ka)
        self.redeliver(session)
        self.serve_waiting(session)
        self.pump(session)

    def watch(self, conn, ka):
        def look():
            if not conn.open:
                return
            due = conn.heard + int(1.5e9 * ka)
            if self.w.now >= due:
                self.kick(conn, 0x8D)
            else:
                self.w.at(due - self.w.now, look)
        self.w.after(1.5 * ka, look)

    def kick(self, conn, code):
        """The server ends the connection."""
        if conn.v == 5 and not conn.client.dead:
            conn.write(S, wire.disconnect(5, code))
        conn.end_frame = conn.close(S)
        self.on_close(conn, clean=False)

    def restart(self):
        for session in list(self.sessions.values()):
            if session.conn:
                self.kick(session.conn, 0x8B)

    def on_close(self, conn, clean):
        session = conn.session
        if not session or session.conn is not conn:
            return
        session.conn, session.ends = None, session.ends + 1
        self.unhold(session)
        if not self.queue_0:
            session.queue = [copy for copy in session.queue if copy.qos or copy.due]
        self.share_left(session)
        self.leave_will(session, conn, clean)
        if not session.expiry:
            self.end(session)
        elif session.expiry < FOREVER:
            token = session.ends
            self.w.after(session.expiry, lambda: session.ends == token and self.end(session))

    def end(self, session):
        session.ends += 1
        if self.sessions.get(session.cid) is session:
            del self.sessions[session.cid]
        self.forget_groups()
        self.session_over(session)

    def on_ping(self, conn):
        conn.write(S, wire.PONG)

    # ---- publications
    def on_publish(self, conn, frame, topic, payload, qos, pid, dup, retain, props):
        session = conn.session
        m = Message(topic, payload, qos, retain, dict(props), session.cid, frame, self.w.now, version=conn.v)
        code = self.verdict(m) if conn.v == 5 else 0
        if qos == 2 and pid in session.inbound:
            if self.w.fires("forward-again", client=session.cid, topic=topic):
                self.forward(session.inbound[pid], again=True)
            self.answer(conn, m, wire.pubrec, pid, 0)
            return
        again = qos == 1 and dup and session.recent_is(pid, m)
        if not again:
            self.w.published.setdefault((self, *m.key()), []).append(frame)
            session.recent[pid] = m
        wanted = code < 0x80 and (not again or self.dup_again)
        now = wanted and (qos < 2 or self.early)
        if qos == 2 and code < 0x80:
            session.inbound[pid] = m
        if now and not self.ack_first:
            self.forward(m)
        if qos:
            self.answer(conn, m, wire.puback if qos == 1 else wire.pubrec, pid, code)
        if now and self.ack_first:
            self.forward(m)

    def answer(self, conn, m, packet, pid, code):
        if conn.open and not self.w.fires("mute", owner=m.owner, topic=m.topic, payload=m.payload):
            conn.write(S, packet(conn.v, pid, code))
            if packet is wire.puback:
                conn.client.on_puback(conn, pid)
            else:
                conn.client.on_pubrec(conn, pid, code)

    def on_pubrel(self, conn, pid):
        m = conn.session.inbound.pop(pid, None)
        if m and not self.early and not self.ack_first:
            self.forward(m)
        if conn.open:
            conn.write(S, wire.pubcomp(conn.v, pid))
            conn.client.on_pubcomp(conn, pid)
        if m and not self.early and self.ack_first:
            self.forward(m)

    def outside(self, topic, payload=b"x", qos=0, retain=0, **props):
        """A message that no client in the capture published."""
        self.forward(Message(topic, payload, qos, retain, props, None, 0, self.w.now))
        self.w.step()

    def forward(self, m, again=False):
        lag = self.lag(m)
        if lag:
            self.w.after(lag, lambda: self.process(m, again))
        else:
            self.process(m, again)

    def process(self, m, again):
        if not again:
            self.store(m)
        self.route(m, again)

    # ---- subscriptions
    def subscriptions(self, subs, subid, version):
        return [Subscription(s["filter"], s["qos"], *(s.get(k, 0) if version == 5 else 0 for k in ("nl", "rap", "rh")),
                             subid if version == 5 else None) for s in subs]

    def on_subscribe(self, conn, frame, pid, subs):
        session, fresh = conn.session, []
        for sub in subs:
            sub.frame, sub.made, sub.qos = frame, self.w.now, min(sub.qos, self.max_granted)
            fresh.append(sub.filter not in session.subs)
            session.subs[sub.filter] = sub
            session.removed.pop(sub.filter, None)
        due = [copy for sub, new in zip(subs, fresh) for copy in self.kept_for(session, sub, new)]
        if self.retained_first:
            session.queue += due
            self.pump(session)
        answer = conn.write(S, wire.suback(conn.v, pid, *[sub.qos for sub in subs]))
        for sub in subs:
            sub.answer = answer
            for truth in sub.missing:
                truth.others += (answer,)
        if not self.retained_first:
            session.queue += due
            self.soon(session)
        self.serve_waiting(session)

    def on_unsubscribe(self, conn, pid, filters):
        session, codes = conn.session, []
        for name in filters:
            sub = session.subs.pop(name, None)
            codes.append(0 if sub else 0x11)
            if sub:
                session.removed[name] = sub
                sub.gone = self.w.now
        if self.drop_queued:
            session.queue = [copy for copy in session.queue if copy.shared or
                             any(matches(name, copy.message.topic) for name in session.subs)]
        self.forget_groups()
        conn.write(S, wire.unsuback(conn.v, pid, *codes))

    # ---- what clients answer
    def on_puback(self, conn, pid, code):
        copy = conn.session.inflight.pop(pid, (None,))[0]
        self.rejected(conn.session, copy, code)
        self.pump(conn.session)

    def on_pubrec(self, conn, pid, code):
        session = conn.session
        if pid not in session.inflight:
            return
        copy = session.inflight[pid][0]
        if code >= 0x80:
            del session.inflight[pid]
            self.rejected(session, copy, code)
            self.pump(session)
            return
        session.inflight[pid] = (copy, True)
        conn.write(S, wire.pubrel(conn.v, pid))
        conn.client.on_pubrel(conn, pid)

    def on_pubcomp(self, conn, pid, code):
        conn.session.inflight.pop(pid, None)
        self.pump(conn.session)

    # ---- what clients get
    def redeliver(self, session):
        """In the order in which it was sent (4.6)."""
        conn = session.conn
        for pid, (copy, released) in list(session.inflight.items()):
            if released:
                conn.write(S, wire.pubrel(conn.v, pid))
                conn.client.on_pubrel(conn, pid)
            else:
                self.transmit(session, copy, pid, dup=1)

    def soon(self, session):
        if not self.latency:
            self.pump(session)
        elif not session.pumping:
            session.pumping = True

            def later():
                session.pumping = False
                self.pump(session)
            self.w.after(self.latency(), later)

    def pump(self, session):
        while session.queue and session.conn and session.conn.open:
            full = len(session.inflight) >= min(self.window, session.conn.recvmax)
            ready = (n for n, copy in enumerate(session.queue) if not (full and copy.qos))
            n = next(ready, None) if self.pass_0 or not (full and session.queue[0].qos) else None
            if n is None:
                break
            copy = session.queue.pop(n)
            left = copy.message.left(self.w.now) if session.version == 5 or copy.message.version == 5 else None
            if left is not None and left <= 0 and copy.expiry != "late":
                continue
            self.transmit(session, copy, session.identifier() if copy.qos else None)

    def transmit(self, session, copy, pid, dup=0):
        conn, m = session.conn, copy.message
        p = copy.props if copy.props is not None else m.props
        payload = m.payload if copy.payload is None else copy.payload
        name, alias = m.topic, None
        if conn.aliasmax and not dup:
            name, alias = self.alias(conn, m.topic)
        body = b"" if conn.v < 5 else encoded(p, copy.subids, alias, self.expiry(copy))
        data = wire.publish(conn.v, name, payload, copy.qos, pid, dup, copy.retain, body)
        if len(data) > conn.maxsize:
            if alias and name:
                del conn.aliases[name]
            return
        if pid:
            session.inflight[pid] = (copy, False)
        frame = conn.write(S, data)
        if not dup:
            self.record(session, copy, payload, frame)
        conn.client.on_publish(conn, m.topic, payload, copy.qos, pid, copy.retain)

    def alias(self, conn, topic):
        if topic in conn.aliases:
            return "", conn.aliases[topic]
        if len(conn.aliases) < conn.aliasmax:
            conn.aliases[topic] = len(conn.aliases) + 1
            return topic, conn.aliases[topic]
        return topic, None

    def expiry(self, copy):
        left = copy.message.left(self.w.now)
        if left is None:
            return None
        return copy.message.props["expiry"] if copy.expiry == "kept" else max(left, 1)

    def record(self, session, copy, payload, frame):
        """The truth about a copy that was faulty, now that it has a frame."""
        key = (self, session.cid, copy.message.topic, payload)
        self.w.delivered.setdefault(key, []).append(frame)
        for truth in (t for t in copy.truths if copy.true(t, self.w.now)):
            truth.say(self.w, frame, session.stream, key)


__all__ = ["Broker"]
