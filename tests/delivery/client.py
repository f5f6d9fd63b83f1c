# SPDX-License-Identifier: GPL-2.0-or-later
"""A scripted client: says what it is told to, and answers by itself, a round trip later."""
from model import FOREVER, encoded
from world import C, Connection, wire


class Will:
    def __init__(self, topic, payload=b"gone", qos=1, retain=0, delay=None, **props):
        self.topic, self.payload, self.qos, self.retain = topic, payload, qos, retain
        self.delay, self.props = delay, props

    def tuple(self):
        extra = wire.willdelay(self.delay) if self.delay is not None else b""
        return (self.topic, self.payload, self.qos, self.retain,
                extra + encoded(self.props, expiry=self.props.get("expiry")))


class Client:
    def __init__(self, world, cid, broker, version=None, address=None):
        self.w, self.cid, self.broker, self.v = world, cid, broker, version or world.v
        world.clients.append(self)
        n = len(world.clients)
        self.address = address or (10, 20, n // 200, n % 200 + 1)
        self.rtt, self.busy, self.slow, self.dead = 0.002, 0, False, False
        self.conn, self.held, self.out, self.requests = None, [], {}, set()
        self.reject, self.next_id, self.got, self.aliases = {}, 0, [], {}
        self.how = {}

    # ---- connection
    def connect(self, clean=1, expiry=None, will=None, ka=60, recvmax=None, maxsize=None, aliasmax=None):
        """expiry: None is 0 where clean, else for ever; before 5.0 clean alone counts."""
        self.how = dict(clean=clean, expiry=expiry, will=will, ka=ka, recvmax=recvmax, maxsize=maxsize,
                        aliasmax=aliasmax)
        expiry = (0 if clean else 3600) if expiry is None else expiry
        p = b""
        if self.v == 5:
            p += wire.expiry(expiry) if expiry else b""
            p += wire.recvmax(recvmax) if recvmax else b""
            p += wire.aliasmax(aliasmax) if aliasmax else b""
            p += wire.maxsize(maxsize) if maxsize else b""
        self.dead, self.aliases = False, {}
        self.held, self.requests = [], set()
        self.conn = conn = Connection(self.w, self, self.broker)
        frame = conn.write(C, wire.connect(self.v, self.cid, clean, ka, p, will.tuple() if will else None))
        self.ka, self.sent = ka, self.w.now
        if ka:
            self.w.after(ka / 4, lambda: self.ping(conn))
        self.broker.on_connect(conn, frame, clean, FOREVER if self.v < 5 and not clean else expiry, will, ka,
                               recvmax or 65535, maxsize or 1 << 28, aliasmax or 0)
        self.w.step()
        return self

    def again(self, **changed):
        """Connects as the last time, going on with the session."""
        return self.connect(**{**self.how, "clean": 0, **changed})

    def on_connack(self, conn, present):
        if not present:
            self.out = {}
        for pid in list(self.out):
            self.react(conn, lambda pid=pid: self.resend(conn, pid))

    def resend(self, conn, pid):
        if pid not in self.out:
            return
        sent = self.out[pid]
        if sent["released"]:
            self.write(wire.pubrel(self.v, pid))
            self.broker.on_pubrel(conn, pid)
        else:
            frame = self.write(wire.publish(self.v, sent["topic"], sent["payload"], sent["qos"], pid, 1,
                                            sent["retain"], self.properties(sent["props"])))
            self.broker.on_publish(conn, frame, pid=pid, dup=1, **{k: sent[k] for k in
                                   ("topic", "payload", "qos", "retain", "props")})

    def ping(self, conn):
        if conn is not self.conn or not conn.open or self.dead:
            return
        if self.w.now - self.sent >= self.ka * 0.45e9:
            self.write(wire.PING)
            self.broker.on_ping(conn)
        self.w.after(self.ka / 4, lambda: self.ping(conn))

    def disconnect(self, code=0):
        self.write(wire.disconnect(self.v, code))
        self.conn.end_frame = len(self.w.stage.records)
        self.conn.close(C)
        self.broker.on_close(self.conn, clean=code != 4)
        self.w.step()

    def drop(self, how="rst"):
        """The connection ends without a word."""
        self.conn.end_frame = self.conn.close(C, how)
        self.broker.on_close(self.conn, clean=False)
        self.w.step()

    def vanish(self):
        """Nothing comes any more, not even TCP."""
        self.dead = True

    # ---- packets
    def write(self, data):
        self.sent = self.conn.heard = self.w.now
        return self.conn.write(C, data)

    def identifier(self):
        while True:
            self.next_id = self.next_id % 65535 + 1
            if self.next_id not in self.out and self.next_id not in self.requests:
                return self.next_id

    def subscribe(self, *filters, qos=1, subid=None, **options):
        """filters: names, or Subscription options as dicts with "filter"."""
        subs = [dict({"qos": qos, **options}, filter=f) if isinstance(f, str) else {"qos": qos, **options, **f}
                for f in filters]
        made = self.broker.subscriptions(subs, subid, self.v)
        pid = self.identifier()
        p = wire.subscriptionid(subid) if subid and self.v == 5 else b""
        frame = self.write(wire.subscribe(self.v, pid, *[(s.filter, s.options(self.v)) for s in made], p=p))
        self.broker.on_subscribe(self.conn, frame, pid, made)
        self.w.step()
        return self

    def unsubscribe(self, *filters):
        pid = self.identifier()
        self.write(wire.unsubscribe(self.v, pid, *filters))
        self.broker.on_unsubscribe(self.conn, pid, filters)
        self.w.step()
        return self

    def properties(self, p, alias=None):
        return encoded(p, alias=alias, expiry=p.get("expiry"))

    def publish(self, topic, payload=b"x", qos=1, retain=0, alias=None, **props):
        props = props if self.v == 5 else {}
        pid = self.identifier() if qos else None
        name = topic
        if alias:
            name = "" if self.aliases.get(alias) == topic else topic
            self.aliases[alias] = topic
        if qos:
            self.out[pid] = dict(topic=topic, payload=payload, qos=qos, retain=retain, props=props, released=False)
        frame = self.write(wire.publish(self.v, name, payload, qos, pid, 0, retain, self.properties(props, alias)))
        self.broker.on_publish(self.conn, frame, topic, payload, qos, pid, 0, retain, props)
        self.w.step()
        return frame

    # ---- reactions
    def react(self, conn, call):
        def now():
            if conn is not self.conn or not conn.open or self.dead:
                return
            if self.slow:
                self.held.append(now)
            else:
                call()
        time = max(self.w.now + int(self.rtt * 1e9), self.busy)
        self.busy = time
        self.w.at(time - self.w.now, now)

    def release(self, count=None, fast=True):
        """What was held back is answered now."""
        held, self.held = (self.held, []) if count is None else (self.held[:count], self.held[count:])
        slow, self.slow = self.slow, False
        for call in held:
            call()
        self.slow = slow and not fast
        self.w.step()

    def on_publish(self, conn, topic, payload, qos, pid, retain):
        self.got.append((topic, payload, qos, retain))
        if qos == 1:
            self.react(conn, lambda: self.answer(conn, wire.puback, pid, self.reject.get(topic, 0), "on_puback"))
        elif qos == 2:
            self.react(conn, lambda: self.answer(conn, wire.pubrec, pid, self.reject.get(topic, 0), "on_pubrec"))

    def answer(self, conn, packet, pid, code, told):
        self.write(packet(self.v, pid, code if self.v == 5 else 0))
        getattr(self.broker, told)(conn, pid, code)

    def on_puback(self, conn, pid):
        self.out.pop(pid, None)

    def on_pubrec(self, conn, pid, code):
        if code >= 0x80:
            self.out.pop(pid, None)
        elif pid in self.out:
            self.out[pid]["released"] = True
            self.react(conn, lambda: self.release_identifier(conn, pid))

    def release_identifier(self, conn, pid):
        self.write(wire.pubrel(self.v, pid))
        self.broker.on_pubrel(conn, pid)

    def on_pubrel(self, conn, pid):
        self.react(conn, lambda: self.answer(conn, wire.pubcomp, pid, 0, "on_pubcomp"))

    def on_pubcomp(self, conn, pid):
        self.out.pop(pid, None)


__all__ = ["Client", "Will"]
