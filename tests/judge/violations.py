# SPDX-License-Identifier: GPL-2.0-or-later
"""One violation a scene, in one version or both: what is broken, by whom, and in which frame.

A scene returns the frame that shows it, or None where it is known only later.
"""
from stage import *
SCENES = []

def broken(name, ids4, ids5, side):
    """ids: alternatives separated by |; None: not in this version."""

    def deco(f):
        for version, ids in ((4, ids4), (5, ids5)):
            if ids is not None:
                SCENES.append((name, version, ids.split('|'), side, f))
        return f
    return deco

def peer_closes(st):
    if st.v == 5:
        st.s(disconnect(5, 130))
    st.fin(S)

@broken('first packet is PUBLISH', '3.1.0-1', '3.1.0-1', C)
def _(st):
    st.open()
    f = st.c(publish(st.v, 'a/b'))
    st.fin(S)
    return f

@broken('second CONNECT', '3.1.0-2', '3.1.0-2', C)
def _(st):
    st.login()
    f = st.c(connect(st.v))
    peer_closes(st)
    return f

@broken('server begins with PUBLISH', '3.2.0-1', '3.2.0-1', S)
def _(st):
    st.open()
    st.c(connect(st.v))
    f = st.s(publish(st.v, 'a'))
    st.s(connack(st.v))
    st.bye()
    return f

@broken('second CONNACK', None, '3.2.0-2', S)
def _(st):
    st.login()
    f = st.s(connack(st.v))
    st.fin(C)
    return f

@broken('CONNACK before CONNECT', '3.2.0-1|', '3.2.0-1|', S)
def _(st):
    st.open()
    f = st.s(connack(st.v))
    st.wait(1)
    st.c(connect(st.v))
    st.fin(S)
    return f

@broken("packet after client's DISCONNECT", '3.14.4-2', '3.14.4-1', C)
def _(st):
    st.login()
    st.c(disconnect(st.v))
    f = st.c(PING)
    st.fin(S)
    return f

@broken("packet after server's DISCONNECT", None, '3.14.4-1', S)
def _(st):
    st.login()
    st.s(disconnect(5, 139))
    f = st.s(publish(5, 'a'))
    st.fin(S)
    return f

@broken('client does not close after DISCONNECT', '3.14.4-1', '3.14.4-2', C)
def _(st):
    st.login()
    st.c(disconnect(st.v))
    old = st.conn
    st.wait(40)
    st.neighbours(1)
    st.wait(60)
    st.neighbours(1)
    return None

@broken('server goes on after refusal', '3.1.4-5|3.2.2-5', '3.1.4-6|3.2.2-7', S)
def _(st):
    st.open()
    st.c(connect(st.v))
    st.s(connack(st.v, 5 if st.v == 4 else 135))
    st.c(subscribe(st.v, 3, ('a', 0)))
    f = st.s(suback(st.v, 3, 0))
    st.fin(C)
    return f

@broken('server does not close after refusal', '3.2.2-5', '3.2.2-7|4.13.2-1', S)
def _(st):
    st.open()
    st.c(connect(st.v))
    st.s(connack(st.v, 5 if st.v == 4 else 135))
    st.wait(60)
    st.fin(C)
    return None

@broken('server DISCONNECT before CONNACK', None, '3.14.0-1', S)
def _(st):
    st.open()
    st.c(connect(5))
    f = st.s(disconnect(5, 137))
    st.fin(S)
    return f

@broken('empty id, not clean, accepted', '3.1.3-8', None, S)
def _(st):
    st.open()
    st.c(connect(4, cid='', clean=0))
    f = st.s(connack(4))
    st.wait(2)
    st.bye()
    return None

@broken('level 9 accepted', '3.1.2-2', '3.1.2-2', S)
def _(st):
    st.open()
    st.c(connect(st.v, level=9))
    f = st.s(connack(st.v))
    st.wait(2)
    st.c(PING)
    st.s(PONG)
    st.fin(C)
    return None

@broken('level 9 refused with another code', '3.1.2-2', None, S)
def _(st):
    st.open()
    st.c(connect(4, level=9))
    f = st.s(connack(4, 2))
    st.fin(S)
    return f

@broken('reserved connect flag, accepted', '3.1.2-3|3.1.4-1', '3.1.2-3|3.1.4-1', S)
def _(st):
    st.open()
    st.c(connect(st.v, flags=1))
    f = st.s(connack(st.v))
    st.wait(2)
    st.c(PING)
    st.s(PONG)
    st.bye()
    return None

@broken('a plain client identifier refused', '3.1.3-5', '3.1.3-5', S)
def _(st):
    st.open()
    st.c(connect(st.v, cid='Sensor42'))
    f = st.s(connack(st.v, 2 if st.v == 4 else 133))
    st.fin(S)
    return f

@broken('session present after clean start', '3.2.2-1', '3.2.2-2', S)
def _(st):
    st.open()
    st.c(connect(st.v))
    f = st.s(connack(st.v, sp=1))
    st.bye()
    return f

@broken('session present without state', '3.2.2-3', '3.2.2-3', S)
def _(st):
    st.login()
    st.bye()
    st.wait(3)
    st.open()
    st.c(connect(st.v, clean=0))
    f = st.s(connack(st.v, sp=1))
    st.bye()
    return f

@broken('session lost', '3.2.2-2', '3.2.2-3', S)
def _(st):
    p = expiry(3600) if st.v == 5 else b''
    st.login(clean=0, p=p)
    st.bye()
    st.wait(3)
    st.open()
    st.c(connect(st.v, clean=0, p=p))
    f = st.s(connack(st.v))
    st.bye()
    return f

@broken('expired session present', None, '3.2.2-3', S)
def _(st):
    st.login(clean=0, p=expiry(5))
    st.bye()
    st.wait(120)
    st.open()
    st.c(connect(5, clean=0, p=expiry(5)))
    f = st.s(connack(5, sp=1))
    st.bye()
    return f

@broken('no identifier assigned', None, '3.2.2-16', S)
def _(st):
    st.open()
    st.c(connect(5, cid=''))
    f = st.s(connack(5))
    st.bye()
    return f

@broken('one assigned identifier twice', None, '3.2.2-16', S)
def _(st):
    st.open()
    st.c(connect(5, cid=''))
    st.s(connack(5, p=assigned('auto-1')))
    st.open()
    st.c(connect(5, cid=''))
    f = st.s(connack(5, p=assigned('auto-1')))
    return f

@broken('will above maximum QoS accepted', None, '3.2.2-12', S)
def _(st):
    st.open()
    st.c(connect(5, will=('w', 'gone', 2, 0)))
    f = st.s(connack(5, p=maxqos(1)))
    st.bye()
    return f

@broken('retained will accepted without retain', None, '3.2.2-13', S)
def _(st):
    st.open()
    st.c(connect(5, will=('w', 'gone', 0, 1)))
    f = st.s(connack(5, p=retainok(0)))
    st.bye()
    return f

@broken('response information unasked', None, '3.1.2-28', S)
def _(st):
    st.open()
    st.c(connect(5))
    f = st.s(connack(5, p=respinfo('r/')))
    st.bye()
    return f

@broken('reason string unwanted', None, '3.1.2-29', S)
def _(st):
    st.login(p=problem(0))
    st.c(publish(5, 'a', b'x', 1, 3))
    f = st.s(puback(5, 3, 16, reason('nobody')))
    st.bye()
    return f

@broken('client AUTH without method', None, '4.12.0-7', C)
def _(st):
    st.login()
    f = st.c(auth(5, 25, method('m')))
    peer_closes(st)
    return f

@broken('server AUTH without method', None, '4.12.0-6', S)
def _(st):
    st.open()
    st.c(connect(5))
    f = st.s(auth(5, 24, method('m')))
    st.fin(C)
    return f

@broken('server AUTH with another code', None, '4.12.0-2', S)
def _(st):
    st.open()
    st.c(connect(5, p=method('m')))
    f = st.s(auth(5, 0, method('m')))
    st.fin(C)
    return f

@broken('client AUTH with another code', None, '4.12.0-3', C)
def _(st):
    st.open()
    st.c(connect(5, p=method('m')))
    st.s(auth(5, 24, method('m')))
    f = st.c(auth(5, 25, method('m')))
    st.s(connack(5, 130))
    st.fin(S)
    return f

@broken('method changes', None, '4.12.0-5', C)
def _(st):
    st.open()
    st.c(connect(5, p=method('m')))
    st.s(auth(5, 24, method('m')))
    f = st.c(auth(5, 24, method('n')))
    st.s(connack(5, 130))
    st.fin(S)
    return f

@broken('re-authentication with another method', None, '4.12.1-1', C)
def _(st):
    st.open()
    st.c(connect(5, p=method('m')))
    st.s(connack(5, p=method('m')))
    f = st.c(auth(5, 25, method('n')))
    peer_closes(st)
    return f

@broken('SUBSCRIBE while authenticating', None, '3.1.2-30', C)
def _(st):
    st.open()
    st.c(connect(5, p=method('m')))
    st.s(auth(5, 24, method('m')))
    f = st.c(subscribe(5, 1, ('a', 0)))
    st.s(connack(5, 130))
    st.fin(S)
    return f

@broken('no method in CONNACK', None, '4.12.0-5', S)
def _(st):
    st.open()
    st.c(connect(5, p=method('m')))
    f = st.s(connack(5))
    st.bye()
    return f

@broken('takeover, old connection served on', '3.1.4-2', '3.1.4-3', S)
def _(st):
    st.login()
    old = st.conn
    st.c(subscribe(st.v, 1, ('a', 0)))
    st.s(suback(st.v, 1, 0))
    st.wait(2)
    st.login()
    new = st.conn
    st.wait(5)
    st.use(old)
    st.c(publish(st.v, 'q', b'1', 1, 5))
    st.s(puback(st.v, 5))
    st.wait(5)
    st.c(PING)
    st.s(PONG)
    st.wait(9)
    st.bye()
    st.use(new)
    st.bye()
    return None

@broken('takeover without 0x8E', None, '3.1.4-3', S)
def _(st):
    st.login()
    old = st.conn
    st.wait(2)
    st.login()
    new = st.conn
    st.use(old)
    st.fin(S)
    st.use(new)
    st.wait(1)
    st.bye()
    return None

@broken('served on after 1.5x, packet comes late', '3.1.2-24', '3.1.2-22', S)
def _(st):
    st.login(ka=4)
    st.wait(12)
    st.c(PING)
    f = st.s(PONG)
    st.bye()
    return f

@broken('served on after 1.5x, capture ends', '3.1.2-24', '3.1.2-22', S)
def _(st):
    st.login(ka=4)
    st.c(subscribe(st.v, 1, ('a', 0)))
    st.s(suback(st.v, 1, 0))
    for i in range(8):
        st.wait(4)
        st.s(publish(st.v, 'a', b'%d' % i))
        st.segment(C, 16)
    return None

@broken('served on after 1.5x, client closes', '3.1.2-24', '3.1.2-22', S)
def _(st):
    st.login(ka=4)
    st.c(subscribe(st.v, 1, ('a', 0)))
    st.s(suback(st.v, 1, 0))
    for i in range(8):
        st.wait(4)
        st.s(publish(st.v, 'a', b'%d' % i))
        st.segment(C, 16)
    st.fin(C)
    return None

@broken('server keep alive not enforced', None, '3.1.2-22|3.2.2-22|3.2.2-21|3.1.2-21', S)
def _(st):
    st.login(ka=600, ack=keepalive(4))
    st.wait(30)
    st.c(PING)
    f = st.s(PONG)
    st.bye()
    return f

def q(side):
    return (lambda st: (st.c, st.s)) if side == C else lambda st: (st.s, st.c)
for side, who in ((C, 'client'), (S, 'server')):
    other = 1 - side

    def make(side=side, other=other, who=who):
        send = lambda st, x, **k: st.send(side, x, **k)
        reply = lambda st, x, **k: st.send(other, x, **k)

        @broken('PUBACK missing, %s publishes' % who, '4.3.2-2', '4.3.2-4', other)
        def _(st):
            st.login()
            send(st, publish(st.v, 'a', b'1', 1, 21))
            st.wait(20)
            st.c(PING)
            st.s(PONG)
            st.wait(20)
            st.bye()
            return None

        @broken('PUBREC missing, %s publishes' % who, '4.3.3-2', '4.3.3-8', other)
        def _(st):
            st.login()
            send(st, publish(st.v, 'a', b'1', 2, 21))
            st.wait(20)
            st.c(PING)
            st.s(PONG)
            st.wait(20)
            st.bye()
            return None

        @broken('PUBREL missing, %s publishes' % who, '4.3.3-1', '4.3.3-4', side)
        def _(st):
            st.login()
            send(st, publish(st.v, 'a', b'1', 2, 21))
            reply(st, pubrec(st.v, 21))
            st.wait(20)
            st.c(PING)
            st.s(PONG)
            st.wait(20)
            st.bye()
            return None

        @broken('PUBCOMP missing, %s publishes' % who, '4.3.3-2', '4.3.3-11', other)
        def _(st):
            st.login()
            send(st, publish(st.v, 'a', b'1', 2, 21))
            reply(st, pubrec(st.v, 21))
            send(st, pubrel(st.v, 21))
            st.wait(20)
            st.c(PING)
            st.s(PONG)
            st.wait(20)
            st.bye()
            return None

        @broken(
            'identifier reused in flight by %s' % who,
            '2.3.1-2' if side == C else '2.3.1-4',
            '2.2.1-3' if side == C else '2.2.1-4',
            side,
        )
        def _(st):
            st.login()
            send(st, publish(st.v, 'a', b'1', 1, 8))
            f = send(st, publish(st.v, 'b', b'2', 1, 8))
            reply(st, puback(st.v, 8))
            reply(st, puback(st.v, 8))
            st.bye()
            return f

        @broken('PUBACK of nothing, from the other of %s' % who, '2.3.1-6', '2.2.1-5', other)
        def _(st):
            st.login()
            f = reply(st, puback(st.v, 77))
            st.wait(1)
            st.fin(side)
            return f

        @broken('QoS 2 answered with PUBACK, %s publishes' % who, '3.3.4-1|4.3.3-2', '3.3.4-1|4.3.3-8', other)
        def _(st):
            st.login()
            send(st, publish(st.v, 'a', b'1', 2, 8))
            f = reply(st, puback(st.v, 8))
            st.fin(side)
            return f

        @broken('QoS 1 answered with PUBREC, %s publishes' % who, '3.3.4-1|4.3.2-2', '3.3.4-1|4.3.2-4', other)
        def _(st):
            st.login()
            send(st, publish(st.v, 'a', b'1', 1, 8))
            f = reply(st, pubrec(st.v, 8))
            st.fin(side)
            return f

        @broken('PUBLISH again after PUBREL by %s' % who, '4.3.3-1', '4.3.3-6', side)
        def _(st):
            st.login()
            send(st, publish(st.v, 'a', b'1', 2, 8))
            reply(st, pubrec(st.v, 8))
            send(st, pubrel(st.v, 8))
            f = send(st, publish(st.v, 'a', b'1', 2, 8, dup=1))
            reply(st, pubcomp(st.v, 8))
            st.fin(other)
            return f

        @broken('PUBREL after a refusing PUBREC by %s' % who, None, '4.3.3-4|4.3.3-9', side)
        def _(st):
            st.login()
            send(st, publish(5, 'a', b'1', 2, 8))
            reply(st, pubrec(5, 8, 135))
            f = send(st, pubrel(5, 8))
            reply(st, pubcomp(5, 8, 146))
            st.bye()
            return f

        @broken('DUP on the first send by %s' % who, '4.3.2-1', '4.3.2-2', side)
        def _(st):
            st.login()
            f = send(st, publish(st.v, 'a', b'1', 1, 8, dup=1))
            reply(st, puback(st.v, 8))
            st.bye()
            return f

        @broken('resent while connected by %s' % who, None, '4.4.0-1', side)
        def _(st):
            st.login()
            send(st, publish(5, 'a', b'1', 1, 8))
            st.wait(20)
            f = send(st, publish(5, 'a', b'1', 1, 8, dup=1))
            reply(st, puback(5, 8))
            reply(st, puback(5, 8))
            st.bye()
            return f

        def stored(st):
            return dict(clean=0, p=expiry(3600) if st.v == 5 else b'')

        @broken('resent without DUP by %s' % who, '3.3.1-1', '3.3.1-1', side)
        def _(st):
            st.login(**stored(st))
            send(st, publish(st.v, 'a', b'1', 1, 8))
            st.rst(C)
            st.wait(2)
            st.login(sp=1, **stored(st))
            f = send(st, publish(st.v, 'a', b'1', 1, 8))
            reply(st, puback(st.v, 8))
            st.bye()
            return f

        @broken('PUBLISH not resent by %s' % who, '4.4.0-1', '4.4.0-1', side)
        def _(st):
            st.login(**stored(st))
            send(st, publish(st.v, 'a', b'1', 1, 8))
            st.wait(1)
            st.rst(C)
            st.wait(2)
            st.login(sp=1, **stored(st))
            st.wait(5)
            for i in range(5):
                send(st, publish(st.v, 'a', b'n%d' % i, 1, 100 + i))
                reply(st, puback(st.v, 100 + i))
                st.wait(15)
                st.c(PING)
                st.s(PONG)
            st.bye()
            return None

        @broken('PUBREL not resent by %s' % who, '4.4.0-1', '4.4.0-1', side)
        def _(st):
            st.login(**stored(st))
            send(st, publish(st.v, 'a', b'1', 2, 8))
            reply(st, pubrec(st.v, 8))
            send(st, pubrel(st.v, 8))
            st.wait(1)
            st.rst(C)
            st.wait(2)
            st.login(sp=1, **stored(st))
            st.wait(5)
            for i in range(5):
                send(st, publish(st.v, 'a', b'n%d' % i, 1, 100 + i))
                reply(st, puback(st.v, 100 + i))
                st.wait(15)
                st.c(PING)
                st.s(PONG)
            st.bye()
            return None

        @broken('resent in another order by %s' % who, '4.6.0-1|4.6.0-6', '4.6.0-1|4.6.0-5|4.6.0-6', side)
        def _(st):
            st.login(**stored(st))
            send(st, publish(st.v, 'a', b'1', 1, 8))
            send(st, publish(st.v, 'a', b'2', 1, 9))
            send(st, publish(st.v, 'a', b'3', 1, 10))
            st.wait(1)
            st.rst(C)
            st.wait(2)
            st.login(sp=1, **stored(st))
            send(st, publish(st.v, 'a', b'3', 1, 10, dup=1))
            send(st, publish(st.v, 'a', b'1', 1, 8, dup=1))
            send(st, publish(st.v, 'a', b'2', 1, 9, dup=1))
            for i in (10, 8, 9):
                reply(st, puback(st.v, i))
            st.bye()
            return None

        @broken(
            'resent as another message by %s' % who,
            '2.3.1-2|2.3.1-3|2.3.1-4|3.3.1-1|4.3.2-1|4.4.0-1',
            '2.2.1-3|2.2.1-4|3.3.1-1|4.3.2-1|4.4.0-1',
            side,
        )
        def _(st):
            st.login(**stored(st))
            send(st, publish(st.v, 'a', b'temperature=20', 1, 8))
            st.wait(1)
            st.rst(C)
            st.wait(2)
            st.login(sp=1, **stored(st))
            f = send(st, publish(st.v, 'zz/other', b'humidity', 1, 8, dup=1))
            reply(st, puback(st.v, 8))
            st.wait(20)
            st.bye()
            return f
    make()

@broken('PUBACKs out of order by client', '4.6.0-2', '4.6.0-2', C)
def _(st):
    st.login()
    st.s(publish(st.v, 'a', b'1', 1, 5), publish(st.v, 'a', b'2', 1, 6))
    st.c(puback(st.v, 6))
    st.c(puback(st.v, 5))
    st.bye()
    return None

@broken('PUBRECs out of order by client', '4.6.0-3', '4.6.0-3', C)
def _(st):
    st.login()
    st.s(publish(st.v, 'a', b'1', 2, 5), publish(st.v, 'a', b'2', 2, 6))
    st.c(pubrec(st.v, 6))
    st.c(pubrec(st.v, 5))
    st.s(pubrel(st.v, 6), pubrel(st.v, 5))
    st.c(pubcomp(st.v, 6), pubcomp(st.v, 5))
    st.bye()
    return None

@broken('PUBRELs out of order by client', '4.6.0-4', '4.6.0-4', C)
def _(st):
    st.login()
    st.c(publish(st.v, 'a', b'1', 2, 5), publish(st.v, 'a', b'2', 2, 6))
    st.s(pubrec(st.v, 5), pubrec(st.v, 6))
    st.c(pubrel(st.v, 6), pubrel(st.v, 5))
    st.s(pubcomp(st.v, 6), pubcomp(st.v, 5))
    st.bye()
    return None

@broken('receive maximum exceeded by client', None, '3.3.4-7|4.9.0-2', C)
def _(st):
    st.login(ack=recvmax(2))
    st.c(publish(5, 'a', b'1', 1, 1), publish(5, 'a', b'2', 1, 2))
    f = st.c(publish(5, 'a', b'3', 1, 3))
    st.s(disconnect(5, 147))
    st.fin(S)
    return f

@broken('receive maximum exceeded by server', None, '3.3.4-9|4.9.0-2', S)
def _(st):
    st.login(p=recvmax(1))
    st.s(publish(5, 'a', b'1', 1, 1))
    f = st.s(publish(5, 'a', b'2', 1, 2))
    st.c(disconnect(5, 147))
    st.fin(C)
    return f

@broken('packet too large from client', None, '3.2.2-15', C)
def _(st):
    st.login(ack=maxsize(40))
    f = st.c(publish(5, 'a', b'x' * 60))
    st.s(disconnect(5, 149))
    st.fin(S)
    return f

@broken('packet too large from server', None, '3.1.2-24', S)
def _(st):
    st.login(p=maxsize(40))
    f = st.s(publish(5, 'a', b'x' * 60))
    st.c(disconnect(5, 149))
    st.fin(C)
    return f

@broken('PUBACK too large for its reason string', None, '3.4.2-2', S)
def _(st):
    st.login(p=maxsize(30))
    st.c(publish(5, 'a', b'x', 1, 4))
    f = st.s(puback(5, 4, 16, reason('no matching subscribers at all')))
    st.c(disconnect(5, 149))
    st.fin(C)
    return f

@broken('SUBACK too large for its user property', None, '3.9.2-2', S)
def _(st):
    st.login(p=maxsize(30))
    st.c(subscribe(5, 4, ('a', 0)))
    f = st.s(suback(5, 4, 0, p=uprop('why', 'because of a long story')))
    st.c(disconnect(5, 149))
    st.fin(C)
    return f

@broken("alias above client's maximum", None, '3.3.2-11|3.1.2-26', S)
def _(st):
    st.login(p=aliasmax(3))
    f = st.s(publish(5, 'a', p=alias(4)))
    st.c(disconnect(5, 148))
    st.fin(C)
    return f

@broken("alias above server's maximum", None, '3.3.2-9|3.2.2-17', C)
def _(st):
    st.login(ack=aliasmax(3))
    f = st.c(publish(5, 'a', p=alias(4)))
    st.s(disconnect(5, 148))
    st.fin(S)
    return f

@broken('alias though none is allowed', None, '3.2.2-18', C)
def _(st):
    st.login()
    f = st.c(publish(5, 'a', p=alias(1)))
    st.s(disconnect(5, 148))
    st.fin(S)
    return f

@broken('alias kept over a reconnect', None, '3.3.2-7', C)
def _(st):
    st.login(ack=aliasmax(9))
    st.c(publish(5, 'a', p=alias(1)))
    st.bye()
    st.login(ack=aliasmax(9))
    f = st.c(publish(5, '', p=alias(1)))
    st.s(disconnect(5, 130))
    st.fin(S)
    return f

@broken('QoS above maximum', None, '3.2.2-11', C)
def _(st):
    st.login(ack=maxqos(1))
    f = st.c(publish(5, 'a', b'1', 2, 1))
    st.s(disconnect(5, 155))
    st.fin(S)
    return f

@broken('RETAIN though not available', None, '3.2.2-14', C)
def _(st):
    st.login(ack=retainok(0))
    f = st.c(publish(5, 'a', b'1', retain=1))
    st.s(disconnect(5, 154))
    st.fin(S)
    return f

@broken('SUBACK of nothing', '2.3.1-7|3.8.4-2', '2.2.1-6|3.8.4-2', S)
def _(st):
    st.login()
    f = st.s(suback(st.v, 9, 0))
    st.fin(C)
    return f

@broken('UNSUBACK of nothing', '2.3.1-7|3.10.4-4', '2.2.1-6|3.10.4-5', S)
def _(st):
    st.login()
    f = st.s(unsuback(st.v, 9, 0))
    st.fin(C)
    return f

@broken('SUBACK with too few codes', '3.8.4-5|3.9.3-1', '3.8.4-6|3.9.3-1', S)
def _(st):
    st.login()
    st.c(subscribe(st.v, 9, ('a', 0), ('b', 1)))
    f = st.s(suback(st.v, 9, 0))
    st.bye()
    return f

@broken('UNSUBACK with too many codes', None, '3.11.3-1', S)
def _(st):
    st.login()
    st.c(unsubscribe(5, 9, 'a'))
    f = st.s(unsuback(5, 9, 17, 17))
    st.bye()
    return f
for what, request, i4, i5 in (
    ('SUBSCRIBE', lambda v: subscribe(v, 3, ('a', 0)), '3.8.4-1', '3.8.4-1'),
    ('UNSUBSCRIBE', lambda v: unsubscribe(v, 3, 'a'), '3.10.4-4|3.10.4-5', '3.10.4-4'),
    ('PINGREQ', lambda v: PING, '3.12.4-1', '3.12.4-1'),
):

    def make2(what=what, request=request, i4=i4, i5=i5):

        @broken(what + ' unanswered', i4, i5, S)
        def _(st):
            st.login()
            st.c(request(st.v))
            st.wait(30)
            st.c(publish(st.v, 'z', b'', 1, 1))
            st.s(puback(st.v, 1))
            st.wait(30)
            st.bye()
            return None
    make2()

@broken('SUBSCRIBE for QoS 2 refused for it', None, '3.2.2-10', S)
def _(st):
    st.login(ack=maxqos(0))
    st.c(subscribe(5, 3, ('a', 2)))
    f = st.s(suback(5, 3, 128))
    st.bye()
    return f

@broken('malformed SUBSCRIBE answered and gone on', '4.8.0-1|3.8.1-1|2.2.2-2', '4.13.1-1|3.8.1-1', S)
def _(st):
    st.login()
    bad = bytearray(subscribe(st.v, 4, ('a', 0)))
    bad[0] = 128
    st.c(bytes(bad))
    st.s(suback(st.v, 4, 0))
    st.wait(3)
    st.c(PING)
    st.s(PONG)
    st.wait(9)
    st.bye()
    return None

@broken('second CONNECT, and served on', '4.8.0-1|3.1.0-2', '4.13.1-1|3.1.0-2', S)
def _(st):
    st.login()
    st.c(connect(st.v))
    st.wait(3)
    st.c(PING)
    st.s(PONG)
    st.wait(9)
    st.c(PING)
    st.s(PONG)
    st.bye()
    return None

@broken('empty topic filter, and served on', '4.8.0-1', '4.13.1-1', S)
def _(st):
    st.login()
    st.c(subscribe(st.v, 4, ('', 0)))
    st.s(suback(st.v, 4, 0))
    st.wait(3)
    st.c(PING)
    st.s(PONG)
    st.wait(9)
    st.bye()
    return None

@broken('wildcard in topic name, and served on', '4.8.0-1', '4.13.1-1', S)
def _(st):
    st.login()
    st.c(publish(st.v, 'a/#', b'', 1, 7))
    st.s(puback(st.v, 7))
    st.wait(3)
    st.c(PING)
    st.s(PONG)
    st.wait(9)
    st.bye()
    return None

@broken('DISCONNECT with an error, and no close', None, '4.13.2-1|3.14.4-2', S)
def _(st):
    st.login()
    st.s(disconnect(5, 129))
    st.wait(60)
    st.neighbours(1)
    st.wait(60)
    st.neighbours(1)
    return None

@broken('NUL in a topic', '1.5.3-2|4.7.3-2', '1.5.4-2|4.7.3-2', C)
def _(st):
    st.login()
    f = st.c(publish(st.v, b'a\x00b'))
    peer_closes(st)
    return f

@broken('surrogate in a topic', '1.5.3-1', '1.5.4-1', C)
def _(st):
    st.login()
    f = st.c(publish(st.v, b'a\xed\xa0\x80'))
    peer_closes(st)
    return f
