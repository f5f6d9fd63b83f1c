# SPDX-License-Identifier: GPL-2.0-or-later
"""A broker that is wrong about what it keeps: retained messages and wills."""
from client import Client, Will
from scenes import broken, clients, feed, pair


# ---- retained
def kept(w, qos=1, **ways):
    """A retained message is there; the subscriber has another subscription, so that it is served with something."""
    pub, sub = pair(w, "other", **ways)
    pub.publish("k", b"kept", qos, retain=1)
    w.run(1)
    return pub, sub


@broken("retained-without-retain", v=4)
def retained_message_without_the_flag(w):
    pub, sub = kept(w)
    w.fault("retained-flagless")
    sub.subscribe("k", qos=1)
    feed(w, pub, "other", 2)


@broken("retained-missing")
def retained_message_missing(w):
    pub, sub = kept(w)
    w.fault("retained-missing")
    sub.subscribe("k", qos=1)
    feed(w, pub, "other", 14)


@broken("retained-missing")
def retained_message_of_a_wildcard_missing(w):
    pub, sub = kept(w, qos=2)
    pub.publish("k2", b"kept too", 1, retain=1)
    w.fault("retained-missing", topic="k")
    sub.subscribe("#", qos=2)
    feed(w, pub, "other", 14)


@broken("retained-missing-for-new-subscription", v=5)
def retained_message_missing_for_a_new_one_with_retain_handling_1(w):
    pub, sub = kept(w)
    w.fault("retained-missing")
    sub.subscribe("k", qos=1, rh=1)
    feed(w, pub, "other", 14)


@broken("retained-missing-on-resubscribe")
def retained_message_missing_when_subscribed_again(w):
    pub, sub = kept(w)
    sub.subscribe("k", qos=1)
    w.run(1)
    w.fault("retained-missing")
    sub.subscribe("k", qos=1)
    feed(w, pub, "other", 14)


@broken("retained-stale")
def retained_message_that_was_replaced(w):
    pub, sub = kept(w)
    pub.publish("k", b"newer", 1, retain=1)
    w.run(1)
    w.fault("retained-stale")
    sub.subscribe("k", qos=1)
    feed(w, pub, "other", 2)


@broken("retained-stale")
def retained_message_of_qos_1_though_qos_0_replaced_it(w):
    pub, sub = kept(w)
    pub.publish("k", b"newer", 0, retain=1)
    w.run(1)
    w.fault("retained-stale")
    sub.subscribe("k", qos=1)
    feed(w, pub, "other", 2)


@broken("retained-after-clear")
def retained_message_that_was_removed(w):
    pub, sub = kept(w)
    pub.publish("k", b"", 1, retain=1)
    w.run(1)
    w.fault("retained-cleared")
    sub.subscribe("k", qos=1)
    feed(w, pub, "other", 2)


@broken("retained-empty")
def empty_message_as_a_retained_one(w):
    pub, sub = kept(w)
    pub.publish("k", b"", 1, retain=1)
    w.run(1)
    w.fault("retained-empty")
    sub.subscribe("k", qos=1)
    feed(w, pub, "other", 2)


@broken("retained-from-ordinary-message")
def ordinary_message_kept(w):
    pub, sub = pair(w, "other")
    w.fault("retain-ordinary")
    pub.publish("k", b"plain", 1)
    w.run(1)
    sub.subscribe("k", qos=1)
    feed(w, pub, "other", 2)


@broken("retained-from-ordinary-message")
def ordinary_message_kept_in_place_of_a_retained_one(w):
    pub, sub = kept(w)
    w.fault("retain-ordinary")
    pub.publish("k", b"plain", 1)
    w.run(1)
    sub.subscribe("k", qos=1)
    feed(w, pub, "other", 2)


@broken("retained-twice")
def retained_message_twice(w):
    pub, sub = kept(w)
    w.fault("retained-twice")
    sub.subscribe("k", qos=1)
    feed(w, pub, "other", 2)


@broken("retained-to-existing-subscription", v=5)
def retained_message_for_an_old_one_with_retain_handling_1(w):
    pub, sub = kept(w)
    sub.subscribe("k", qos=1, rh=1)
    w.run(1)
    w.fault("retained-unasked")
    sub.subscribe("k", qos=1, rh=1)
    feed(w, pub, "other", 2)


@broken("retained-not-asked-for", v=5)
def retained_message_with_retain_handling_2(w):
    pub, sub = kept(w)
    w.fault("retained-unasked")
    sub.subscribe("k", qos=1, rh=2)
    feed(w, pub, "other", 2)


# ---- wills
def watched(w, will, expiry=None, clean=1, filter="will/#", **ways):
    pub, watcher = clients(w, "pub", "watcher", **ways)
    watcher.subscribe(filter, "other", qos=2)
    owner = Client(w, "owner", pub.broker).connect(clean=clean, expiry=expiry, will=will)
    w.run(1)
    return pub, watcher, owner


@broken("will-after-disconnect")
def will_though_disconnected(w):
    pub, watcher, owner = watched(w, Will("will/owner"))
    w.fault("will-after-disconnect")
    owner.disconnect()
    feed(w, pub, "other", 2)


@broken("will-not-published")
def will_that_never_comes(w):
    pub, watcher, owner = watched(w, Will("will/owner"))
    w.fault("will-dropped")
    owner.drop()
    feed(w, pub, "other", 14)


@broken("will-not-published")
def will_that_never_comes_after_keep_alive(w):
    pub, watcher, owner = watched(w, Will("will/owner", qos=2))
    owner.connect(ka=4, will=Will("will/owner", qos=2))
    w.run(1)
    w.fault("will-dropped")
    owner.vanish()
    feed(w, pub, "other", 24)


@broken("will-published-twice")
def will_twice(w):
    pub, watcher, owner = watched(w, Will("will/owner"))
    w.fault("will-twice")
    owner.drop()
    feed(w, pub, "other", 2)


@broken("will-before-delay", v=5)
def will_at_once_in_spite_of_its_delay(w):
    pub, watcher, owner = watched(w, Will("will/owner", delay=30), expiry=600, clean=0)
    w.fault("will-early")
    owner.drop()
    feed(w, pub, "other", 8)


@broken("will-in-spite-of-reconnect", v=5)
def will_though_its_client_came_back(w):
    pub, watcher, owner = watched(w, Will("will/owner", delay=6), expiry=600, clean=0)
    w.fault("will-reconnect")
    owner.drop()
    w.run(2)
    owner.again(will=Will("will/other")) # the same will again might be what comes
    feed(w, pub, "other", 8)


@broken("will-retained-unasked")
def will_kept_though_not_retained(w):
    pub, watcher, owner = watched(w, Will("will/owner"))
    w.fault("will-retained")
    owner.drop()
    w.run(2)
    late, = clients(w, "late", broker=pub.broker)
    late.subscribe("will/#", qos=1)
    feed(w, pub, "other", 2)


@broken("will-not-retained")
def will_not_kept_though_retained(w):
    pub, watcher, owner = watched(w, Will("will/owner", retain=1))
    w.fault("will-unretained")
    owner.drop()
    w.run(2)
    late, = clients(w, "late", broker=pub.broker)
    late.subscribe("will/#", "other", qos=1)
    feed(w, pub, "other", 14)


@broken("will-user-properties-reordered", v=5)
def user_properties_of_a_will_turned_round(w):
    pub, watcher, owner = watched(w, Will("will/owner", user=[("a", "1"), ("b", "2"), ("a", "3")]))
    w.fault("reorder")
    owner.drop()
    feed(w, pub, "other", 2)
