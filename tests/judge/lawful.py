# SPDX-License-Identifier: GPL-2.0-or-later
"""What is odd, and lawful."""
from stage import *

LAWFUL = []

def ok(*versions):

    def deco(f):
        for version in versions or (4, 5):
            LAWFUL.append((f.__name__.replace('_', ' '), version, f))
        return f
    return deco

def keep(st, seconds=3600):
    return dict(clean=0, p=expiry(seconds) if st.v == 5 else b'')

@ok()
def puback_lost_with_the_connection_then_resent(st):
    st.login(**keep(st))
    st.c(publish(st.v, 'a', b'1', 1, 8))
    st.s(puback(st.v, 8))
    st.rst(C)
    st.wait(1)
    st.login(sp=1, **keep(st))
    st.c(publish(st.v, 'a', b'1', 1, 8, dup=1))
    st.s(puback(st.v, 8))
    st.bye()

@ok()
def puback_arrived_with_the_connection_and_not_resent(st):
    st.login(**keep(st))
    st.c(publish(st.v, 'a', b'1', 1, 8))
    st.s(puback(st.v, 8))
    st.rst(C)
    st.wait(1)
    st.login(sp=1, **keep(st))
    st.wait(20)
    st.c(publish(st.v, 'a', b'2', 1, 9))
    st.s(puback(st.v, 9))
    st.wait(20)
    st.bye()

@ok()
def server_resends_in_order_among_new(st):
    st.login(**keep(st))
    st.c(subscribe(st.v, 1, ('#', 2)))
    st.s(suback(st.v, 1, 2))
    for i in (3, 4, 5):
        st.s(publish(st.v, 't', b'%d' % i, 2, i))
    st.c(pubrec(st.v, 3))
    st.rst(C)
    st.wait(2)
    st.login(sp=1, **keep(st))
    st.s(pubrel(st.v, 3))
    st.s(publish(st.v, 't', b'4', 2, 4, dup=1))
    st.s(publish(st.v, 't', b'5', 2, 5, dup=1))
    st.s(publish(st.v, 't', b'6', 2, 6))
    st.c(pubcomp(st.v, 3))
    for i in (4, 5, 6):
        st.c(pubrec(st.v, i))
        st.s(pubrel(st.v, i))
        st.c(pubcomp(st.v, i))
    st.bye()

@ok()
def client_disconnects_before_it_could_resend(st):
    st.login(**keep(st))
    st.c(publish(st.v, 'a', b'1', 1, 8))
    st.rst(C)
    st.wait(1)
    st.login(sp=1, **keep(st))
    st.bye()
    st.wait(2)
    st.login(sp=1, **keep(st))
    st.c(publish(st.v, 'a', b'1', 1, 8, dup=1))
    st.s(puback(st.v, 8))
    st.bye()

@ok()
def session_began_anew_so_nothing_is_resent(st):
    st.login(**keep(st))
    st.c(publish(st.v, 'a', b'1', 1, 8))
    st.rst(C)
    st.wait(1)
    st.login(clean=1)
    st.wait(20)
    st.c(publish(st.v, 'b', b'2', 1, 9))
    st.s(puback(st.v, 9))
    st.bye()

@ok()
def identifier_reused_right_after_its_ack(st):
    st.login()
    for i in range(20):
        st.c(publish(st.v, 'a', b'%d' % i, 1, 1))
        st.s(puback(st.v, 1))
    st.bye()

@ok()
def same_identifiers_both_ways(st):
    st.login()
    st.c(subscribe(st.v, 1, ('a', 2)))
    st.s(publish(st.v, 'a', b'r', 1, 1, retain=1))
    st.s(suback(st.v, 1, 2))
    st.c(puback(st.v, 1))
    st.c(publish(st.v, 'a', b'x', 2, 2))
    st.s(publish(st.v, 'a', b'x', 2, 2))
    st.s(pubrec(st.v, 2))
    st.c(pubrec(st.v, 2))
    st.c(pubrel(st.v, 2))
    st.s(pubrel(st.v, 2))
    st.s(pubcomp(st.v, 2))
    st.c(pubcomp(st.v, 2))
    st.bye()

@ok()
def takeover_done_well(st):
    st.login()
    old = st.conn
    st.wait(2)
    st.open()
    new = st.conn
    st.c(connect(st.v))
    st.use(old)
    if st.v == 5:
        st.s(disconnect(5, 142))
    st.fin(S)
    st.use(new)
    st.s(connack(st.v))
    st.bye()

@ok()
def takeover_connack_first(st):
    st.login()
    old = st.conn
    st.wait(2)
    st.login()
    new = st.conn
    st.use(old)
    if st.v == 5:
        st.s(disconnect(5, 142))
    st.fin(S)
    st.use(new)
    st.bye()

@ok()
def takeover_of_a_dead_peer_that_never_answers(st):
    st.login(ka=60)
    old = st.conn
    st.wait(2)
    st.login()
    new = st.conn
    st.use(old)
    if st.v == 5:
        st.s(disconnect(5, 142))
    st.segment(S, 17)
    st.use(new)
    st.wait(30)
    st.bye()

@ok()
def keep_alive_at_one_and_a_half(st):
    st.login(ka=4)
    for i in range(5):
        st.wait(5.9)
        st.c(PING)
        st.s(PONG)
    st.bye()

@ok()
def silent_client_is_closed_in_time(st):
    st.login(ka=4)
    st.wait(6.1)
    if st.v == 5:
        st.s(disconnect(5, 141))
    st.fin(S)

@ok()
def silent_client_whose_network_is_gone(st):
    st.login(ka=4)
    st.wait(300)

@ok()
def keep_alive_zero(st):
    st.login(ka=0)
    st.wait(4000)
    st.c(publish(st.v, 'a'))
    st.wait(4000)
    st.bye()

@ok(5)
def server_keep_alive_longer(st):
    st.login(ka=4, ack=keepalive(60))
    st.wait(50)
    st.c(PING)
    st.s(PONG)
    st.bye()

@ok()
def pipelined_before_connack(st):
    st.open()
    st.c(connect(st.v), subscribe(st.v, 1, ('a', 0)), publish(st.v, 'a', b'1', 1, 2), PING, unread=True)
    st.s(connack(st.v), suback(st.v, 1, 0), puback(st.v, 2), PONG)
    st.bye()

@ok()
def refused_and_closed_by_client(st):
    st.open()
    st.c(connect(st.v))
    st.s(connack(st.v, 4 if st.v == 4 else 134))
    st.fin(C)

@ok()
def pipelined_then_refused(st):
    st.open()
    st.c(connect(st.v), subscribe(st.v, 1, ('a', 0)), publish(st.v, 'a', b'1', 1, 2), unread=True)
    st.s(connack(st.v, 4 if st.v == 4 else 134))
    st.fin(S)

@ok(5)
def limits_met_exactly(st):
    st.login(p=recvmax(2) + aliasmax(2), ack=recvmax(2) + aliasmax(65535) + maxqos(1))
    st.c(publish(5, 'a', b'1', 1, 1, p=alias(65535)), publish(5, '', b'2', 1, 2, p=alias(65535)))
    st.s(puback(5, 1))
    st.c(publish(5, '', b'3', 1, 1, p=alias(65535)))
    st.s(puback(5, 2), puback(5, 1))
    st.s(publish(5, 'q', b'1', 2, 1, p=alias(2)), publish(5, '', b'2', 1, 9, p=alias(2)))
    st.c(pubrec(5, 1, 16))
    st.c(puback(5, 9))
    st.s(pubrel(5, 1))
    st.c(pubcomp(5, 1))
    st.bye()

@ok(5)
def quota_comes_back_with_an_error(st):
    st.login(ack=recvmax(1))
    st.c(publish(5, 'a', b'1', 2, 1))
    st.s(pubrec(5, 1, 151))
    st.c(publish(5, 'a', b'2', 2, 1))
    st.s(pubrec(5, 1))
    st.c(pubrel(5, 1))
    st.s(pubcomp(5, 1))
    st.bye()

@ok(5)
def authentication_and_again(st):
    m = method('SCRAM')
    st.open()
    st.c(connect(5, p=m + authdata('n')))
    st.s(auth(5, 24, m + authdata('c')))
    st.c(auth(5, 24, m + authdata('r')))
    st.s(connack(5, p=m + authdata('v')))
    st.c(publish(5, 'a', b'1', 1, 1))
    st.c(auth(5, 25, m + authdata('n')))
    st.s(puback(5, 1))
    st.s(auth(5, 24, m))
    st.c(publish(5, 'a', b'2', 1, 2))
    st.c(auth(5, 24, m))
    st.s(puback(5, 2))
    st.s(auth(5, 0, m))
    st.bye()

@ok(5)
def failed_reauthentication_ends(st):
    m = method('X')
    st.open()
    st.c(connect(5, p=m))
    st.s(connack(5, p=m))
    st.c(auth(5, 25, m))
    st.s(disconnect(5, 135))
    st.fin(S)

@ok(5)
def refused_with_reason_and_server_reference(st):
    st.open()
    st.c(connect(5))
    st.s(connack(5, 157, p=b'\x1c' + utf8('other:1883')))
    st.fin(S)

@ok(5)
def expiry_changed_at_disconnect(st):
    st.login(clean=0, p=expiry(100))
    st.c(disconnect(5, 0, expiry(0)))
    st.fin(C)
    st.wait(1)
    st.login(clean=0)
    st.bye()

@ok(5)
def expired_in_between(st):
    st.login(clean=0, p=expiry(3))
    st.bye()
    st.wait(30)
    st.login(clean=0)
    st.bye()

@ok()
def suback_refuses_one_of_two(st):
    st.login()
    st.c(subscribe(st.v, 1, ('a', 1), ('$SYS/#', 2)))
    st.s(suback(st.v, 1, 0, 128))
    st.bye()

@ok()
def acknowledgements_cross_the_clients_disconnect(st):
    st.login()
    st.c(publish(st.v, 'a', b'1', 1, 1))
    st.c(publish(st.v, 'a', b'1', 2, 2))
    st.c(disconnect(st.v))
    st.s(puback(st.v, 1), pubrec(st.v, 2), unread=True)
    st.fin(C)

@ok()
def server_dies(st):
    st.login(ka=600)
    st.c(publish(st.v, 'a', b'1', 1, 1))
    st.c(subscribe(st.v, 2, ('a', 0)))
    st.c(PING)
    st.rst(S)

@ok()
def half_a_packet_then_rst(st):
    st.login()
    st.c(publish(st.v, 'a', b'1' * 90)[:40])
    st.rst(C)

@ok()
def capture_ends_in_every_handshake(st):
    st.login()
    st.c(publish(st.v, 'a', b'1', 1, 1), publish(st.v, 'a', b'1', 2, 2))
    st.s(publish(st.v, 'b', b'1', 2, 1))
    st.c(subscribe(st.v, 7, ('a', 0)), PING)

@ok()
def unsubscribe_what_never_was(st):
    st.login()
    st.c(unsubscribe(st.v, 1, 'never'))
    st.s(unsuback(st.v, 1, 17))
    st.bye()

@ok()
def empty_identifier(st):
    st.open()
    st.c(connect(st.v, cid=''))
    st.s(connack(st.v, p=assigned('auto-9')))
    st.bye()

@ok(5)
def server_shuts_down(st):
    st.login()
    st.c(publish(5, 'a', b'1', 1, 1))
    st.s(disconnect(5, 139))
    st.c(PING, unread=True)
    st.fin(S)

@ok()
def many_pings_at_once(st):
    st.login()
    st.c(*[PING] * 30)
    st.s(*[PONG] * 30)
    st.bye()

@ok()
def big_identifiers_wrap(st):
    st.login()
    for i in (65534, 65535, 1, 2):
        st.c(publish(st.v, 'a', b'%d' % i, 2, i))
    for i in (65534, 65535, 1, 2):
        st.s(pubrec(st.v, i))
    for i in (65534, 65535, 1, 2):
        st.c(pubrel(st.v, i))
    for i in (2, 1, 65535, 65534):
        st.s(pubcomp(st.v, i))
    st.bye()
