# SPDX-License-Identifier: GPL-2.0-or-later
"""A broker that is right, in ways that look wrong: connections that end, sessions, retained messages, wills."""
from client import Client, Will
from faulty_kept import kept, watched
from scenes import clients, feed, lawful, pair, series


# ---- sessions
@lawful()
def redelivered_to_a_resumed_subscriber(w):
    pub, sub = pair(w, "t", qos=2, clean=0)
    sub.slow = True
    for qos in (1, 2, 2, 1):
        series(w, pub, "t", 2, qos)
    sub.drop()
    w.run(2)
    sub.slow = False
    sub.again()
    feed(w, pub, "t", 12, qos=2)


@lawful()
def redelivered_after_pubrec(w):
    pub, sub = pair(w, "t", qos=2, clean=0)
    sub.slow = True
    series(w, pub, "t", 3, 2)
    sub.release(2, fast=False)
    sub.drop()
    w.run(2)
    sub.slow = False
    sub.again()
    feed(w, pub, "t", 12, qos=1)


@lawful()
def offline_and_served_late(w):
    pub, sub = pair(w, "t", "s", qos=2, clean=0)
    sub.disconnect()
    for n in range(9):
        pub.publish("t", b"%d" % n, n % 3)
        pub.publish("s", b"ON", 1)
        w.run(4)
    sub.again()
    feed(w, pub, "t", 12, qos=2)


@lawful()
def offline_and_never_back(w):
    pub, sub = pair(w, "t", qos=1, clean=0)
    other, = clients(w, "other", broker=pub.broker)
    other.subscribe("#", qos=1)
    sub.drop()
    feed(w, pub, "t", 20)


@lawful()
def offline_qos_0_queued(w):
    pub, sub = pair(w, "t", qos=0, clean=0, queue_0=True)
    sub.disconnect()
    series(w, pub, "t", 4, 0)
    w.run(3)
    sub.again()
    feed(w, pub, "t", 12, qos=0)


@lawful()
def clean_session_that_drops_everything(w):
    pub, sub = pair(w, "t", qos=1, clean=0)
    sub.drop()
    series(w, pub, "t", 4)
    sub.connect(clean=1)
    sub.subscribe("t", qos=1)
    feed(w, pub, "t", 12)


@lawful(v=5)
def session_that_expired(w):
    pub, sub = pair(w)
    sub.connect(clean=0, expiry=5)
    sub.subscribe("t", qos=1)
    sub.drop()
    w.run(2)
    series(w, pub, "t", 3)
    w.run(12)
    sub.connect(clean=0, expiry=5)
    sub.subscribe("t", qos=1)
    feed(w, pub, "t", 12)


@lawful()
def leaving_in_the_middle(w):
    pub, sub = pair(w, "t", qos=2, latency=lambda: 0.2)
    w.pace = 0.03
    for n in range(20):
        pub.publish("t", b"%d" % n, 1 + n % 2)
        if n == 9:
            sub.drop("fin")
    other, = clients(w, "other", broker=pub.broker)
    other.subscribe("t", qos=1)
    feed(w, pub, "t", 12)


@lawful()
def vanished_and_found_out_later(w):
    pub, sub = pair(w)
    sub.connect(clean=0, ka=4)
    sub.subscribe("t", qos=1)
    w.run(1)
    sub.vanish()
    feed(w, pub, "t", 14)
    sub.again()
    feed(w, pub, "t", 12)


@lawful()
def taken_over_by_the_same_client(w):
    pub, sub = pair(w, "t", qos=2, clean=0)
    sub.slow = True
    series(w, pub, "t", 3, 2)
    sub.slow = False
    sub.again()
    series(w, pub, "t", 3, 2)
    sub.again()
    feed(w, pub, "t", 12, qos=1)


@lawful()
def taken_over_from_another_address(w):
    pub, sub = pair(w, "t", qos=1)
    twin = Client(w, "sub", pub.broker)
    for n in range(4):
        (twin, sub)[n % 2].connect()
        (twin, sub)[n % 2].subscribe("t", qos=1)
        series(w, pub, "t", 3)
    feed(w, pub, "t", 12)


@lawful()
def publisher_gone_right_after_publishing(w):
    pub, sub = pair(w, "t", qos=1, latency=lambda: 0.5)
    w.pace = 0.001
    series(w, pub, "t", 3)
    pub.disconnect()
    w.run(2)
    pub.connect()
    feed(w, pub, "t", 12)


@lawful()
def server_restarts_and_keeps_all(w):
    pub, sub = pair(w, "t", qos=1, clean=0)
    pub.connect(clean=0)
    series(w, pub, "t", 3)
    pub.broker.restart()
    w.run(3)
    pub.again()
    series(w, pub, "t", 3)
    sub.again()
    feed(w, pub, "t", 12)


@lawful()
def subscriptions_of_a_resumed_session_still_hold(w):
    pub, sub = pair(w, "t", "u/#", qos=1, clean=0)
    sub.disconnect()
    w.run(1)
    sub.again()
    sub.unsubscribe("t")
    sub.drop()
    sub.again()
    for topic in ("u/1", "t", "u/2"):
        feed(w, pub, topic, 5)


@lawful()
def session_from_before_the_capture(w):
    pub, sub = pair(w, "t", qos=1, clean=0)
    series(w, pub, "t", 3)
    sub.disconnect()
    pub.disconnect()
    w.forget()
    pub.connect()
    sub.again()
    feed(w, pub, "t", 12)


# ---- retained
@lawful()
def retained_on_every_subscribe(w):
    pub, sub = kept(w)
    for _ in range(4):
        sub.subscribe("k", qos=1)
        w.run(2)
    sub.unsubscribe("k")
    sub.subscribe("k", "#", qos=2)
    feed(w, pub, "other", 12)


@lawful()
def retained_before_suback(w):
    pub, sub = kept(w, retained_first=True)
    for _ in range(3):
        sub.subscribe("k", "+", qos=1)
        feed(w, pub, "other", 4)
    w.run(10)


@lawful()
def retained_replaced_and_removed(w):
    pub, sub = kept(w)
    for payload in (b"a", b"b", b"", b"", b"c"):
        pub.publish("k", payload, 1, retain=1)
        w.run(1)
        sub.subscribe("k", qos=2)
        w.run(1)
    feed(w, pub, "other", 12)


@lawful()
def retained_by_whom_it_was_released_last(w):
    slow, pub, sub = clients(w, "slow", "pub", "sub", early=False)
    slow.slow = True
    slow.publish("k", b"begun first", 2, retain=1)
    pub.publish("k", b"", 1, retain=1)
    w.run(1)
    slow.release()
    w.run(1)
    sub.subscribe("k", qos=2)
    w.run(1)
    slow.publish("k", b"", 2, retain=1)
    pub.publish("k", b"kept, then removed", 1, retain=1)
    w.run(1)
    slow.release()
    w.run(1)
    sub.subscribe("k", qos=2)
    feed(w, pub, "other", 12)


@lawful()
def retained_published_to_a_subscription_that_exists(w):
    pub, sub = pair(w, "k", qos=1)
    for payload in (b"a", b"a", b"", b"b"):
        pub.publish("k", payload, 1, retain=1)
    feed(w, pub, "k", 12, qos=1, retain=1)


@lawful()
def retained_of_qos_0_not_kept(w):
    pub, sub = kept(w, qos=0, keep_retained_0=False)
    sub.subscribe("k", qos=1)
    feed(w, pub, "other", 14)


@lawful()
def retained_and_published_in_the_same_moment(w):
    pub, sub = pair(w, "other", latency=lambda: 0.05)
    w.pace = 0
    for n in range(6):
        pub.publish("k", b"%d" % n, 1, retain=1)
        sub.subscribe("k", qos=1)
        pub.publish("k", b"plain %d" % n, 1)
    w.run(12)


@lawful(v=5)
def retain_handling(w):
    pub, sub = kept(w)
    for rh in (1, 1, 2, 0, 1):
        sub.subscribe("k", qos=1, rh=rh)
        w.run(12)
    sub.unsubscribe("k")
    sub.subscribe("k", qos=1, rh=2)
    feed(w, pub, "other", 12)


@lawful(v=5)
def retained_that_expired(w):
    pub, sub = pair(w, "other")
    pub.publish("k", b"kept", 1, retain=1, expiry=3)
    w.run(6)
    sub.subscribe("k", qos=1)
    feed(w, pub, "other", 14)


@lawful(v=5)
def retained_too_large(w):
    pub, sub = pair(w)
    pub.publish("k", b"x" * 500, 1, retain=1)
    sub.connect(maxsize=100)
    sub.subscribe("k", "other", qos=1)
    feed(w, pub, "other", 14)


@lawful(v=5)
def retained_with_retain_as_published_and_expiry(w):
    pub, sub = pair(w, "other")
    pub.publish("k", b"kept", 2, retain=1, expiry=300, user=[("a", "1"), ("b", "2")])
    w.run(20)
    sub.subscribe("k", qos=2, rap=1, subid=5)
    feed(w, pub, "other", 12)


@lawful()
def retained_to_a_client_that_leaves_at_once(w):
    pub, sub = pair(w, "other", clean=0)
    pub.publish("k", b"kept", 1, retain=1)
    pub.broker.latency = lambda: 1.0
    w.pace = 0.1
    sub.subscribe("k", qos=1)
    sub.connect(clean=1)
    w.run(12)


@lawful()
def subscription_to_what_nobody_publishes(w):
    pub, sub = pair(w, "nothing", "t", qos=1)
    feed(w, pub, "t", 20, every=2)


# ---- wills
@lawful()
def will_cancelled_by_disconnect(w):
    pub, watcher, owner = watched(w, Will("will/owner"))
    owner.disconnect()
    feed(w, pub, "other", 14)


@lawful()
def will_published_and_not_retained(w):
    pub, watcher, owner = watched(w, Will("will/owner", qos=2))
    owner.drop()
    w.run(1)
    late, = clients(w, "late", broker=pub.broker)
    late.subscribe("will/#", "other", qos=1)
    feed(w, pub, "other", 14)


@lawful()
def will_retained(w):
    pub, watcher, owner = watched(w, Will("will/owner", retain=1))
    owner.drop()
    w.run(1)
    late, = clients(w, "late", broker=pub.broker)
    late.subscribe("will/#", "other", qos=1)
    feed(w, pub, "other", 14)


@lawful()
def will_after_keep_alive(w):
    pub, watcher, owner = watched(w, Will("other/1"), filter="other/1")
    owner.connect(ka=4, will=Will("will/owner", qos=0))
    watcher.subscribe("will/owner")
    w.run(1)
    owner.vanish()
    feed(w, pub, "other", 20)


@lawful()
def will_of_every_connection(w):
    pub, watcher, owner = watched(w, Will("will/owner"))
    for _ in range(4):
        owner.drop()
        w.run(1)
        owner.connect(will=Will("will/owner"))
    feed(w, pub, "other", 12)


@lawful()
def will_like_what_its_client_publishes(w):
    pub, watcher, owner = watched(w, Will("will/owner", b"offline"))
    for _ in range(3):
        owner.publish("will/owner", b"offline", 1)
        owner.publish("will/owner", b"online", 1)
        owner.drop()
        owner.connect(will=Will("will/owner", b"offline"))
    owner.publish("will/owner", b"offline", 1)
    owner.disconnect()
    feed(w, pub, "other", 12)


@lawful()
def will_taken_over(w):
    pub, watcher, owner = watched(w, Will("will/owner"))
    owner.connect(will=Will("will/owner"))
    feed(w, pub, "other", 12)


@lawful()
def will_that_nobody_wants(w):
    pub, watcher, owner = watched(w, Will("elsewhere"))
    owner.drop()
    feed(w, pub, "other", 14)


@lawful(v=5)
def will_with_disconnect_04(w):
    pub, watcher, owner = watched(w, Will("will/owner"))
    owner.disconnect(4)
    feed(w, pub, "other", 12)


@lawful(v=5)
def will_delayed(w):
    pub, watcher, owner = watched(w, Will("will/owner", delay=5, user=[("b", "1"), ("a", "2")]), expiry=60, clean=0)
    owner.drop()
    feed(w, pub, "other", 20)


@lawful(v=5)
def will_delay_cut_short_by_session_expiry(w):
    pub, watcher, owner = watched(w, Will("will/owner", delay=60), expiry=4, clean=0)
    owner.drop()
    feed(w, pub, "other", 16)


@lawful(v=5)
def will_delay_cut_short_by_a_clean_start(w):
    pub, watcher, owner = watched(w, Will("will/owner", delay=60), expiry=600, clean=0)
    owner.drop()
    w.run(3)
    owner.connect(clean=1)
    feed(w, pub, "other", 16)


@lawful(v=5)
def will_cancelled_by_coming_back(w):
    pub, watcher, owner = watched(w, Will("will/owner", delay=8), expiry=600, clean=0)
    owner.drop()
    w.run(3)
    owner.again()
    feed(w, pub, "other", 16)


@lawful(v=5)
def will_delay_not_over_when_the_capture_ends(w):
    pub, watcher, owner = watched(w, Will("will/owner", delay=600), expiry=6000, clean=0)
    owner.drop()
    feed(w, pub, "other", 14)
