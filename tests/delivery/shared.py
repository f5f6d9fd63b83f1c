# SPDX-License-Identifier: GPL-2.0-or-later
"""Shared subscriptions: each message to one member, wrongly and rightly."""
from broker import Broker
from client import Client
from scenes import broken, clients, feed, lawful, series


def group(w, names, qos=1, **ways):
    pub, *members = clients(w, "pub", *names, **ways)
    for member in members:
        member.subscribe("$share/g/t/#", qos=qos)
    return [pub, *members]


@broken("shared-delivered-to-two", v=5)
def both_members_get_it(w):
    pub, one, two = group(w, ("one", "two"))
    w.fault("share-two", payload=b"2")
    series(w, pub, "t/1", 5)


@broken("delivery-lost", v=5)
def neither_member_gets_it(w):
    pub, one, two = group(w, ("one", "two"))
    series(w, pub, "t/1", 4)
    w.fault("share-drop", payload=b"lost")
    pub.publish("t/1", b"lost", 1)
    feed(w, pub, "t/1", 14)


@broken("shared-delivered-above-granted-qos", v=5)
def member_gets_more_than_it_was_granted(w):
    pub, one, two = group(w, ("one", "two"), qos=0)
    w.fault("share-above", payload=b"2")
    series(w, pub, "t/1", 5, 1)


@broken("shared-qos-2-to-another-client", v=5)
def begun_at_qos_2_and_given_to_another(w):
    pub, one, two = group(w, ("one", "two"), qos=2)
    one.slow = two.slow = True
    w.fault("share-qos-2")
    pub.publish("t/1", b"begun", 2)
    holder = one if one.got else two
    holder.drop()
    (one if holder is two else two).release()
    series(w, pub, "t/1", 3, 2)


@broken("shared-delivered-after-rejection", v=5)
def rejected_and_given_to_another(w):
    pub, one, two = group(w, ("one", "two"))
    one.reject["t/1"] = two.reject["t/1"] = 0x97
    w.fault("share-rejected", payload=b"0")
    series(w, pub, "t/1", 1)
    one.reject, two.reject = {}, {}
    series(w, pub, "t/1", 3)


# ---- lawful
@lawful(v=5)
def shared_in_turn(w):
    pub, one, two = group(w, ("one", "two"), qos=2)
    one.subscribe("t/1", qos=1)
    for qos in (0, 1, 2):
        series(w, pub, "t/1", 5, qos)
    feed(w, pub, "t/2", 12)


@lawful(v=5)
def shared_with_members_offline(w):
    broker = Broker(w)
    pub, one = clients(w, "pub", "one", broker=broker)
    two = Client(w, "two", broker).connect(clean=0)
    for member in (one, two):
        member.subscribe("$share/g/t/#", qos=1)
    two.drop()
    series(w, pub, "t/1", 4)
    one.drop()
    series(w, pub, "t/1", 4)
    w.run(3)
    two.again()
    feed(w, pub, "t/1", 12)


@lawful(v=5)
def shared_by_two_groups_and_one_alone(w):
    pub, one, two, three = group(w, ("one", "two", "three"), qos=1)
    two.subscribe("$share/h/t/#", qos=1)
    three.subscribe("t/#", qos=1)
    series(w, pub, "t/1", 9)
    feed(w, pub, "t/1", 12)


@lawful(v=5)
def shared_qos_1_moved_to_another_member(w):
    pub, one, two = group(w, ("one", "two"), qos=1, share_move=True)
    one.slow = True
    series(w, pub, "t/1", 4)
    one.drop()
    feed(w, pub, "t/1", 12)


@lawful(v=5)
def shared_qos_2_finished_by_its_own_client(w):
    pub, one, two = group(w, ("one", "two"), qos=2)
    one.connect(clean=0)
    one.subscribe("$share/g/t/#", qos=2)
    one.slow = True
    series(w, pub, "t/1", 4, 2)
    one.drop()
    w.run(2)
    one.slow = False
    one.again()
    feed(w, pub, "t/1", 12)


@lawful(v=5)
def shared_and_rejected(w):
    pub, one, two = group(w, ("one", "two"), qos=1)
    one.reject["t/1"] = 0x97
    series(w, pub, "t/1", 4)
    feed(w, pub, "t/2", 12)
