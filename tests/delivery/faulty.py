# SPDX-License-Identifier: GPL-2.0-or-later
"""A broker that is wrong about live messages: lost, twice, uncalled for, changed, never served."""
from scenes import broken, clients, feed, pair, series


# ---- lost
@broken("delivery-lost")
def lost_and_a_later_one_came(w):
    pub, sub = pair(w, "t")
    series(w, pub, "t", 3)
    w.fault("drop", payload=b"lost")
    pub.publish("t", b"lost")
    series(w, pub, "t", 3)


@broken("delivery-lost")
def lost_at_qos_2_and_a_later_one_came(w):
    pub, sub = pair(w, "t/#", qos=2)
    series(w, pub, "t/a", 2, 2)
    w.fault("drop", payload=b"lost")
    pub.publish("t/a", b"lost", 2)
    series(w, pub, "t/a", 2, 2)


@broken("delivery-lost")
def lost_and_ten_seconds_of_other_topics(w):
    pub, sub = pair(w, "#")
    w.fault("drop", topic="once")
    pub.publish("once", b"lost")
    feed(w, pub, "other", 14)


@broken("delivery-lost")
def lost_to_one_of_two_subscribers(w):
    pub, one, two = clients(w, "pub", "one", "two")
    one.subscribe("t", qos=1)
    two.subscribe("t", qos=1)
    w.fault("drop", payload=b"lost", client="two")
    pub.publish("t", b"lost")
    feed(w, pub, "t", 12)


@broken("delivery-lost")
def lost_and_another_publisher_goes_on(w):
    pub, other, sub = clients(w, "pub", "other", "sub")
    sub.subscribe("t/+", qos=2)
    w.fault("drop", owner="pub")
    pub.publish("t/1", b"lost", 1)
    feed(w, other, "t/2", 14, qos=2)


@broken("delivery-lost")
def one_of_three_equal_payloads_lost(w):
    pub, sub = pair(w, "state")
    pub.publish("state", b"ON")
    w.fault("drop")
    pub.publish("state", b"ON")
    pub.publish("state", b"ON")
    feed(w, pub, "state", 14)


@broken("delivery-lost")
def lost_with_topic_alias(w):
    pub, sub = pair(w, "t")
    w.fault("drop", payload=b"lost")
    pub.publish("t", b"1", 1, alias=3 if w.v == 5 else None)
    pub.publish("t", b"lost", 1, alias=3 if w.v == 5 else None)
    pub.publish("t", b"2", 1, alias=3 if w.v == 5 else None)


@broken("queued-delivery-lost")
def queued_message_lost(w):
    pub, sub = pair(w, "t", clean=0)
    sub.drop()
    w.run(3)
    w.fault("drop", payload=b"1")
    series(w, pub, "t", 3)
    w.run(2)
    sub.again()
    series(w, pub, "t", 3)


@broken("queued-delivery-lost")
def queue_forgotten_over_a_disconnect(w):
    pub, sub = pair(w, "t", qos=2, clean=0)
    series(w, pub, "t", 2, 2)
    sub.disconnect()
    w.run(20)
    w.fault("drop", times=1)
    pub.publish("t", b"waits", 2)
    w.run(5)
    sub.again()
    w.run(1)
    feed(w, pub, "t", 14, qos=2)


# ---- twice
@broken("delivered-twice-qos-2")
def twice_at_qos_2(w):
    pub, sub = pair(w, "t", qos=2)
    series(w, pub, "t", 2, 2)
    w.fault("twice", payload=b"same")
    pub.publish("t", b"same", 2)
    series(w, pub, "t", 2, 2)


@broken("delivered-twice-qos-2")
def forwarded_again_when_the_publisher_resends(w):
    pub, sub = pair(w, "t", qos=2)
    pub.connect(clean=0)
    w.fault("mute", payload=b"dup")
    pub.publish("t", b"dup", 2)
    pub.drop()
    w.run(1)
    w.fault("forward-again", topic="t")
    pub.again()
    series(w, pub, "t", 2, 2)


@broken("delivered-twice-qos-1")
def twice_at_qos_1(w):
    pub, sub = pair(w, "t")
    w.fault("twice", payload=b"same")
    pub.publish("t", b"same", 1)
    series(w, pub, "t", 2)


@broken("delivered-twice-qos-1")
def twice_and_ten_seconds_more(w):
    pub, sub = pair(w, "a/#", qos=1)
    w.fault("twice", payload=b"same")
    pub.publish("a/b", b"same", 2)
    feed(w, pub, "a/c", 12)


@broken("delivered-twice-qos-0")
def twice_at_qos_0(w):
    pub, sub = pair(w, "t", qos=0)
    w.fault("twice", payload=b"same")
    pub.publish("t", b"same", 0)
    series(w, pub, "t", 2, 0)


@broken("delivered-twice-qos-0")
def twice_at_granted_qos_0(w):
    pub, sub = pair(w, "+/t", qos=0)
    w.fault("twice", payload=b"same")
    pub.publish("a/t", b"same", 1)
    series(w, pub, "a/t", 2, 1)


@broken("delivered-twice-qos-1")
def equal_payloads_and_one_too_many(w):
    pub, sub = pair(w, "state")
    pub.publish("state", b"ON")
    w.fault("twice")
    for _ in range(3):
        pub.publish("state", b"ON")
    w.run(2)


# ---- uncalled for
@broken("delivered-without-subscription")
def to_a_client_that_subscribed_to_something_else(w):
    pub, sub = pair(w, "a/+")
    w.fault("stray", client="sub")
    pub.publish("a/b/c", b"stray", 1)
    pub.publish("a/b", b"wanted", 1)


@broken("delivered-without-subscription")
def case_taken_for_the_same(w):
    pub, sub = pair(w, "State", qos=0)
    w.fault("stray", client="sub")
    pub.publish("state", b"1", 0)


@broken("delivered-without-subscription")
def session_that_began_anew_gets_what_the_old_one_wanted(w):
    pub, sub = pair(w, "t", clean=0)
    sub.disconnect()
    sub.connect(clean=1)
    w.run(3)
    w.fault("stray", client="sub")
    pub.publish("t", b"1", 1)


@broken("dollar-topic-to-wildcard")
def dollar_topic_to_hash(w):
    pub, sub = pair(w, "#", qos=0)
    pub.publish("plain", b"1", 0)
    w.fault("dollar", client="sub")
    pub.publish("$internal/x", b"1", 0)


@broken("dollar-topic-to-wildcard")
def dollar_topic_to_plus(w):
    pub, sub = pair(w, "+/load")
    w.fault("dollar", client="sub")
    pub.publish("$internal/load", b"0.5", 1)


@broken("delivered-after-unsubscribe")
def after_unsuback(w):
    pub, sub = pair(w, "t", "u")
    series(w, pub, "t", 2)
    sub.unsubscribe("t")
    w.run(2)
    w.fault("unsubscribed", client="sub")
    pub.publish("t", b"late", 1)
    pub.publish("u", b"1", 1)


@broken("delivered-after-unsubscribe")
def long_after_unsuback_at_qos_0(w):
    pub, sub = pair(w, "t/#", qos=0)
    series(w, pub, "t/1", 2, 0)
    sub.unsubscribe("t/#")
    w.run(30)
    w.fault("unsubscribed", client="sub")
    pub.publish("t/1", b"late", 0)


# ---- QoS
@broken("delivered-above-granted-qos")
def qos_1_where_0_was_granted(w):
    pub, sub = pair(w, "t", qos=0)
    w.fault("above-granted", payload=b"1")
    series(w, pub, "t", 3, 1)


@broken("delivered-above-granted-qos")
def qos_2_where_1_was_granted(w):
    pub, sub = pair(w, "t", qos=2, max_granted=1)
    w.fault("above-granted", payload=b"1")
    series(w, pub, "t", 3, 2)


@broken("delivered-qos-raised")
def qos_0_raised_to_1(w):
    pub, sub = pair(w, "t", qos=2)
    w.fault("raise", payload=b"1")
    series(w, pub, "t", 3, 0)


@broken("delivered-qos-raised")
def every_qos_1_raised_to_2(w):
    pub, sub = pair(w, "t", qos=2)
    w.fault("raise", times=9)
    series(w, pub, "t", 3, 1)


@broken("delivered-qos-lowered")
def qos_1_lowered_to_0(w):
    pub, sub = pair(w, "t", qos=1)
    w.fault("lower", payload=b"1")
    series(w, pub, "t", 3, 1)


@broken("delivered-qos-lowered")
def qos_2_lowered_to_1(w):
    pub, sub = pair(w, "t", qos=2)
    w.fault("lower", payload=b"1")
    series(w, pub, "t", 3, 2)


@broken("overlapping-qos-lowered")
def overlapping_and_the_lower_qos(w):
    pub, sub = pair(w, dict(filter="a/#", qos=0), dict(filter="a/b", qos=2))
    w.fault("lower", payload=b"1")
    series(w, pub, "a/b", 3, 2)


# ---- options of 5.0
@broken("no-local-ignored", v=5)
def own_message_in_spite_of_no_local(w):
    pub, sub = pair(w, "t")
    pub.subscribe("t", qos=1, nl=1)
    w.fault("no-local", client="pub")
    series(w, pub, "t", 2)


@broken("retain-set-on-live-message")
def retain_passed_on_to_an_existing_subscription(w):
    pub, sub = pair(w, "t")
    w.fault("retain-live")
    pub.publish("t", b"1", 1, retain=1)
    pub.publish("t", b"2", 1, retain=1)


@broken("retain-not-as-published", v=5)
def retain_as_published_ignored(w):
    pub, sub = pair(w, "t", options=dict(rap=1))
    pub.publish("t", b"1", 1, retain=1)
    w.fault("rap")
    pub.publish("t", b"2", 1, retain=1)
    pub.publish("t", b"3", 1, retain=0)


@broken("subscription-identifier-not-sent", v=5)
def subscription_identifier_missing(w):
    pub, sub = pair(w, "t", options=dict(subid=7))
    w.fault("subid-missing", payload=b"1")
    series(w, pub, "t", 3)


@broken("subscription-identifiers-incomplete", v=5)
def one_of_two_subscription_identifiers_missing(w):
    pub, sub = pair(w)
    sub.subscribe("a/#", qos=1, subid=7)
    sub.subscribe("a/+", qos=1, subid=300000)
    w.fault("subid-incomplete", payload=b"1")
    series(w, pub, "a/b", 3)


@broken("subscription-identifier-of-no-match", v=5)
def subscription_identifier_of_nobody(w):
    pub, sub = pair(w, "t", options=dict(subid=7))
    w.fault("subid-wrong", payload=b"1")
    series(w, pub, "t", 3)


@broken("subscription-identifier-of-no-match", v=5)
def subscription_identifier_though_none_was_given(w):
    pub, sub = pair(w, "t")
    w.fault("subid-stray", payload=b"1")
    series(w, pub, "t", 3)


# ---- order and content
@broken("delivered-out-of-order")
def two_swapped(w):
    pub, sub = pair(w, "t")
    w.fault("swap", payload=b"1")
    series(w, pub, "t", 5)


@broken("delivered-out-of-order")
def two_swapped_at_qos_2_and_seconds_between(w):
    pub, sub = pair(w, "#", qos=2)
    pub.publish("t", b"0", 2)
    w.fault("swap", topic="t")
    pub.publish("t", b"1", 2)
    pub.publish("u", b"1", 2)
    w.run(1)
    pub.publish("t", b"2", 2)
    feed(w, pub, "t", 4, qos=2)


@broken("message-expiry-not-reduced", v=5)
def expiry_not_reduced_while_offline(w):
    pub, sub = pair(w, "t", clean=0)
    sub.drop()
    w.fault("expiry-kept", payload=b"1")
    series(w, pub, "t", 3, expiry=600)
    w.run(30)
    sub.again()


@broken("delivered-after-expiry", v=5)
def delivered_though_expired(w):
    pub, sub = pair(w, "t", clean=0)
    sub.drop()
    w.fault("expired", payload=b"1")
    series(w, pub, "t", 3, expiry=5)
    w.run(30)
    sub.again()


@broken("delivered-property-altered", v=5)
def content_type_altered(w):
    pub, sub = pair(w, "t")
    w.fault("alter-content", payload=b"1")
    series(w, pub, "t", 3, content="text/plain", format=1)


@broken("delivered-property-altered", v=5)
def response_topic_dropped(w):
    pub, sub = pair(w, "t")
    w.fault("strip-response", payload=b"1")
    series(w, pub, "t", 3, response="reply/1", correlation=b"\0\1")


@broken("delivered-property-altered", v=5)
def correlation_data_altered(w):
    pub, sub = pair(w, "t", qos=2)
    w.fault("alter-correlation", payload=b"1")
    series(w, pub, "t", 3, 2, response="reply/1", correlation=b"\0\1")


@broken("delivered-property-altered", v=5)
def payload_format_dropped_at_qos_0(w):
    pub, sub = pair(w, "t")
    w.fault("strip-format", payload=b"1")
    series(w, pub, "t", 3, 0, format=1)


@broken("user-properties-reordered", v=5)
def user_properties_turned_round(w):
    pub, sub = pair(w, "t")
    w.fault("reorder", payload=b"1")
    series(w, pub, "t", 3, user=[("a", "1"), ("b", "2"), ("a", "3")])


@broken("delivered-payload-altered")
def payload_altered_between_neighbours(w):
    pub, sub = pair(w, "t")
    w.fault("payload", payload=b"reading 1")
    for n in range(4):
        pub.publish("t", b"reading %d" % n, 1)


# ---- never served
@broken("subscription-never-served")
def granted_and_never_served(w):
    pub, sub = pair(w, "secret/#", "open")
    w.fault("blind", times=99, topic="secret/a")
    for n in range(8):
        pub.publish("secret/a", b"%d" % n, 1)
        pub.publish("open", b"%d" % n, 1)
        w.run(2)


@broken("subscription-never-served")
def never_served_and_nothing_else_either(w):
    pub, sub = pair(w, "secret")
    w.fault("blind", times=99, topic="secret")
    feed(w, pub, "secret", 40, every=4)
