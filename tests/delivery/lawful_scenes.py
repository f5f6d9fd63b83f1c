# SPDX-License-Identifier: GPL-2.0-or-later
"""A broker that is right, in ways that look wrong: live messages on connections that last."""
from broker import Broker
from client import Client
from scenes import clients, feed, lawful, pair, series

FILTERS = (dict(filter="a/#", qos=1), dict(filter="a/b", qos=2), dict(filter="+/b", qos=0))


# ---- overlapping subscriptions
@lawful()
def overlapping_served_once(w):
    pub, sub = pair(w, *FILTERS, overlap="one")
    for qos in (0, 1, 2):
        series(w, pub, "a/b", 3, qos)
    feed(w, pub, "a/b", 12, qos=2)


@lawful()
def overlapping_served_once_each(w):
    pub, sub = pair(w, *FILTERS, overlap="each")
    for qos in (0, 1, 2):
        series(w, pub, "a/b", 3, qos)
    feed(w, pub, "a/b", 12, qos=2)


@lawful(v=5)
def overlapping_with_identifiers(w):
    for n, overlap in enumerate(("one", "each")):
        pub, one = clients(w, f"pub{n}", f"sub{n}", broker=Broker(w, (10, 9, 0, 10 + n), overlap=overlap))
        for subid, name in ((1, "a/#"), (2, "a/+"), (268435455, "#")):
            one.subscribe(name, qos=1, subid=subid)
        one.subscribe("a/b", qos=2)
        series(w, pub, "a/b", 4, 2)


@lawful()
def overlapping_and_equal_payloads(w):
    pub, sub = pair(w, *FILTERS, overlap="each")
    for payload in (b"ON", b"ON", b"", b"ON", b"", b""):
        pub.publish("a/b", payload, 2)
    w.run(12)


@lawful()
def equal_and_empty_payloads_of_two_publishers(w):
    pub, other, sub = clients(w, "pub", "other", "sub")
    sub.subscribe("state/#", qos=2)
    for n in range(20):
        (pub, other)[n % 2].publish("state/1", (b"ON", b"OFF", b"")[n % 3], n % 3)
    feed(w, pub, "state/2", 12)


@lawful()
def equal_payloads_in_a_burst(w):
    pub, sub = pair(w, "s", qos=2, latency=lambda: 0.05)
    w.pace = 0.0005
    for n in range(40):
        pub.publish("s", b"ON" if n % 4 else b"OFF", 1 + n % 2)
    w.run(12)


# ---- publications
@lawful(v=5, besides=("publish-refused",))
def publications_refused(w):
    pub, sub = pair(w, "t", qos=2, verdict=lambda m: 0x87 if m.payload == b"no" else 0x10)
    for qos in (1, 2):
        series(w, pub, "t", 2, qos)
        pub.publish("t", b"no", qos)
    feed(w, pub, "t", 14, qos=2)


@lawful(besides=("qos-1-unfinished", "qos-2-without-pubrec"))
def publications_never_acknowledged(w):
    pub, sub = pair(w, "t/#", qos=2)
    pub.broker.allow = lambda m, session: m.payload != b"unheard"
    w.fault("mute", times=2, payload=b"unheard")
    pub.publish("t/1", b"unheard", 1)
    pub.publish("t/2", b"unheard", 2)
    feed(w, pub, "t/3", 14, qos=2)


@lawful(besides=("qos-1-unfinished",))
def forwarded_and_never_acknowledged(w):
    pub, sub = pair(w, "t")
    w.fault("mute", payload=b"1")
    series(w, pub, "t", 4)
    w.run(12)


@lawful(v=5)
def too_large_for_the_subscriber(w):
    pub, sub = pair(w)
    sub.connect(maxsize=64)
    sub.subscribe("t", qos=2)
    for n in range(6):
        pub.publish("t", b"%d" % n * (1 + 99 * (n % 2)), 1 + n % 2)
    feed(w, pub, "t", 12, qos=1)


@lawful(v=5)
def expired_before_it_could_be_sent(w):
    pub, sub = pair(w, "t", qos=1, clean=0)
    sub.drop()
    series(w, pub, "t", 3, expiry=2)
    series(w, pub, "t", 3, expiry=600)
    w.run(10)
    sub.again()
    feed(w, pub, "t", 12, expiry=60)


@lawful(v=5)
def expiry_reduced_by_the_time_of_waiting(w):
    pub, sub = pair(w, "t", qos=2, clean=0)
    sub.disconnect()
    for n in range(4):
        pub.publish("t", b"%d" % n, 2, expiry=100 + n)
        w.run(7.3)
    sub.again()
    series(w, pub, "t", 3, 2, expiry=1)


@lawful()
def resent_by_the_publisher_after_a_break(w):
    pub, sub = pair(w, "t", qos=2)
    pub.connect(clean=0)
    for qos in (1, 2):
        w.fault("mute", payload=b"unanswered")
        pub.publish("t", b"unanswered", qos)
        pub.drop()
        w.run(2)
        pub.again()
        series(w, pub, "t", 2, qos)
    feed(w, pub, "t", 12, qos=2)


@lawful()
def resent_by_the_publisher_and_forwarded_again_at_qos_1(w):
    pub, sub = pair(w, "t", qos=2, dup_again=True)
    pub.connect(clean=0)
    w.fault("mute", payload=b"unanswered")
    pub.publish("t", b"unanswered", 1)
    pub.drop()
    w.run(2)
    pub.again()
    series(w, pub, "t", 3, 1)


@lawful(v=4)
def resent_with_dup_on_the_same_connection(w):
    pub, sub = pair(w, "t", qos=2)
    for qos in (1, 2):
        w.fault("mute", payload=b"unanswered")
        pub.publish("t", b"unanswered", qos)
        w.run(6)
        pid = next(iter(pub.out))
        pub.resend(pub.conn, pid)
        w.run(1)
        series(w, pub, "t", 2, qos)
    feed(w, pub, "t", 12)


@lawful()
def qos_2_forwarded_at_pubrel(w):
    pub, sub = pair(w, "t", qos=2, early=False)
    pub.rtt = 1.5
    series(w, pub, "t", 4, 2)
    w.run(5)
    pub.rtt = 0.002
    series(w, pub, "t", 4, 2)
    feed(w, pub, "t", 12, qos=1)


@lawful()
def qos_2_never_released(w):
    pub, sub = pair(w, "t", qos=2, early=False)
    pub.connect(clean=0)
    series(w, pub, "t", 2, 2)
    pub.slow = True
    pub.publish("t", b"not released", 2)
    pub.drop()
    other, = clients(w, "other", broker=pub.broker)
    feed(w, other, "t", 14, qos=2)


@lawful()
def acknowledged_first_and_forwarded_late(w):
    pub, sub = pair(w, "t", qos=2, ack_first=True, latency=lambda: 4.0)
    for n in range(12):
        pub.publish("t", b"%d" % n, n % 3)
        w.run(0.7)
    w.run(8)


@lawful(v=5)
def topic_aliases_both_ways(w):
    pub, sub = pair(w)
    sub.connect(aliasmax=2)
    sub.subscribe("t/#", qos=1)
    for n in range(12):
        pub.publish(f"t/{n % 3}", b"%d" % n, n % 2, alias=1 + n % 3)
    feed(w, pub, "t/1", 12)


@lawful()
def qos_0_dropped(w):
    pub, sub = pair(w, "t/#", qos=1, lose_0=0.5)
    for n in range(40):
        pub.publish(f"t/{n % 2}", b"%d" % (n // 3), 0)
    feed(w, pub, "t/2", 12)


@lawful()
def properties_and_versions_mixed(w):
    broker = Broker(w)
    old, new = Client(w, "old", broker, 4).connect(), Client(w, "new", broker, 5).connect()
    more = dict(content="a/b", format=1, response="r", correlation=b"1", expiry=60, user=[("a", "1"), ("a", "1")])
    for client in (old, new):
        client.subscribe("t", qos=2)
    for n in range(6):
        (old, new)[n % 2].publish("t", b"%d" % (n // 2), n % 3, **more)
    feed(w, new, "t", 12, **more)


# ---- subscriptions
@lawful()
def subscribed_again_with_other_qos_during_traffic(w):
    pub, sub = pair(w, "t", qos=0, latency=lambda: 0.03)
    w.pace = 0.01
    for n in range(30):
        pub.publish("t", b"%d" % n, n % 3)
        if n % 5 == 0:
            sub.subscribe("t", qos=n // 5 % 3)
    w.run(12)


@lawful()
def unsubscribed_with_messages_under_way(w):
    pub, sub = pair(w, "t", qos=1, window=1)
    sub.slow = True
    series(w, pub, "t", 6)
    sub.unsubscribe("t")
    for _ in range(8):
        sub.release(1, fast=False)
    sub.release()
    feed(w, pub, "t", 12)


@lawful()
def unsubscribed_and_the_queue_dropped(w):
    pub, sub = pair(w, "t", "u", qos=2, window=2, drop_queued=True)
    sub.slow = True
    series(w, pub, "t", 6, 2)
    sub.unsubscribe("t")
    sub.release()
    feed(w, pub, "u", 14, qos=2)


@lawful()
def unsubscribed_from_one_of_two_that_match(w):
    pub, sub = pair(w, "t/#", "t/1", qos=1)
    series(w, pub, "t/1", 2)
    sub.unsubscribe("t/1")
    w.run(3)
    series(w, pub, "t/1", 3)


@lawful()
def unsubscribed_just_when_it_was_published(w):
    pub, sub = pair(w, "t", qos=1, latency=lambda: 0.08)
    w.pace = 0.01
    series(w, pub, "t", 5)
    sub.unsubscribe("t")
    series(w, pub, "t", 5)
    w.run(12)


@lawful()
def wildcards(w):
    pub, sub = pair(w, "+/+", "/#", "a/b/c/#", "#", qos=1, overlap="each")
    for topic in ("a/b", "/", "/x", "a/b/c", "a/b/c/d/e", "x", "a//", "$own/a", "a b/ü"):
        pub.publish(topic, b"1", 1)
    feed(w, pub, "$own/a", 6)
    feed(w, pub, "x", 12)


@lawful()
def dollar_topics_named(w):
    pub, sub = pair(w, "$own/#", "$SYS/+/load", qos=1)
    series(w, pub, "$own/a", 3)
    pub.broker.outside("$SYS/one/load", b"0.5")
    w.run(2)


@lawful()
def subscribed_while_published(w):
    """Between SUBSCRIBE and what follows SUBACK both are right."""
    pub, sub = pair(w, latency=lambda: 0.02)
    w.pace = 0
    for n in range(10):
        pub.publish("t", b"%d" % n, 1)
        if n == 4:
            sub.subscribe("t", qos=1)
    w.run(12)


@lawful(v=5)
def no_local(w):
    pub, sub = pair(w, "t", qos=1)
    pub.subscribe(dict(filter="t", qos=2, nl=1))
    sub.subscribe(dict(filter="t", qos=2, nl=1))
    for n in range(6):
        (pub, sub)[n % 2].publish("t", b"%d" % (n // 2), 2)
    feed(w, pub, "t", 12, qos=1)


@lawful(v=5)
def no_local_and_another_subscription_that_matches(w):
    pub, = clients(w, "pub")
    pub.subscribe(dict(filter="t", qos=2, nl=1), dict(filter="#", qos=1))
    series(w, pub, "t", 4, 2)
    feed(w, pub, "t", 12, qos=1)


@lawful(v=5)
def retain_as_published(w):
    pub, sub = pair(w, dict(filter="t", qos=1, rap=1))
    plain, = clients(w, "plain", broker=pub.broker)
    plain.subscribe("t", qos=1)
    for n in range(6):
        pub.publish("t", b"%d" % n, 1, retain=n % 2)
    feed(w, pub, "t", 12, retain=1)


# ---- windows and queues
@lawful(v=5)
def slow_with_receive_maximum(w):
    pub, sub = pair(w)
    sub.connect(recvmax=2)
    sub.subscribe("t", "u", qos=1)
    sub.slow = True
    series(w, pub, "t", 8)
    for n in range(24):
        pub.publish("u", b"%d" % n, 0)
        w.run(1)
    sub.release()
    for _ in range(5):
        sub.release()
    w.run(12)


@lawful()
def slow_with_a_window_of_the_server(w):
    pub, sub = pair(w, "t", qos=2, window=4)
    sub.rtt = 1.1
    series(w, pub, "t", 30, 2)
    w.run(30)


@lawful()
def slow_until_the_capture_ends(w):
    pub, sub = pair(w, "t", "u", qos=1, window=3)
    sub.slow = True
    series(w, pub, "t", 8)
    w.run(15)


@lawful()
def capture_ends_with_messages_under_way(w):
    pub, sub = pair(w, "t", "u", qos=2, latency=lambda: 3.0)
    series(w, pub, "u", 2, 2)
    w.run(4)
    series(w, pub, "t", 3, 2)


@lawful()
def qos_0_overtakes_what_waits_for_the_window(w):
    pub, sub = pair(w, "t", qos=1, window=1, pass_0=True)
    sub.rtt = 0.7
    for n in range(24):
        pub.publish("t", b"%d" % n, n % 2)
        w.run(0.2)
    w.run(20)


@lawful()
def publishers_on_nodes_of_different_speed(w):
    pub, other, sub = clients(w, "pub", "other", "sub", lag=lambda m: 0.3 if m.owner == "pub" else 0)
    sub.subscribe("t", qos=2)
    for n in range(10):
        pub.publish("t", b"ON" if n % 2 else b"slow %d" % n, 1)
        other.publish("t", b"ON" if n % 2 else b"fast %d" % n, 1)
    feed(w, pub, "t", 12, qos=2)


@lawful()
def acknowledged_and_looked_at_later(w):
    """Subscriptions that come or go in between, and retained messages, are those of that later moment."""
    pub, sub = pair(w, "other", lag=lambda m: 0.15 if m.topic != "other" else 0)
    w.pace = 0.05
    for n in range(8):
        pub.publish("t", b"%d" % n, 1, retain=n % 2)
        (sub.unsubscribe if n % 4 == 2 else sub.subscribe)("t")
        pub.publish("t", b"+%d" % n, 2)
    feed(w, pub, "other", 14)


# ---- others
@lawful()
def messages_from_outside(w):
    pub, sub = pair(w, "t/#", "$SYS/#", qos=1)
    for n in range(12):
        pub.broker.outside("t/1", b"ON" if n % 2 else b"bridged %d" % n, n % 2)
        pub.broker.outside("$SYS/load", b"0.%d" % n)
        pub.publish("t/2", b"%d" % n, 1)
        w.run(1)


@lawful()
def two_brokers_with_the_same_clients_and_topics(w):
    sides = []
    for n in range(2):
        broker = Broker(w, (10, 9, 0, 30 + n), overlap=("one", "each")[n])
        sides.append(clients(w, "pub", "sub", broker=broker))
    sides[0][1].subscribe("t", qos=2)
    sides[1][1].subscribe("t/#", "t", qos=1)
    for n in range(8):
        for pub, _ in sides[:1 + n % 2]:
            pub.publish("t", b"ON", 2)
    feed(w, sides[0][0], "t", 12)
    sides[1][1].unsubscribe("t/#")
    feed(w, sides[1][0], "t", 12)


@lawful()
def bridge_between_two_brokers(w):
    one, two = Broker(w, (10, 9, 0, 40)), Broker(w, (10, 9, 0, 41))
    pub, far = clients(w, "pub", "bridge-in", broker=one)
    near, sub = clients(w, "bridge-out", "sub", broker=two)
    far.subscribe("t/#", qos=1)
    sub.subscribe("t/#", qos=1)
    for n in range(30):
        pub.publish("t/1", b"%d" % (n % 3), 1)
        topic, payload, qos, _ = far.got[-1]
        near.publish(topic, payload, qos)
        w.run(0.4)


@lawful(v=4)
def shared_subscriptions_before_5(w):
    pub, one, two = clients(w, "pub", "one", "two")
    one.subscribe("$share/g/t/#", qos=1)
    two.subscribe("$share/g/t/#", qos=1)
    feed(w, pub, "t/1", 12)
