# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes beyond one connection: sessions, wills, retained messages, keep alive, takeovers,
refusals."""

import os

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCodes

from rawclient import (
    PING,
    Connection,
    connect,
    publish,
    text,
)
from recipes import capture
from stage import V31, V311, V5


def connect_properties(**values):
    found = Properties(PacketTypes.CONNECT)
    for name, value in values.items():
        setattr(found, name, value)
    return found


class Lasting:
    """A paho client whose session outlives its connections, in either version."""

    def __init__(self, stage, client_id, version):
        self.stage = stage
        self.version = version
        self.client = stage.paho(client_id, version, clean=False)

    def connect(self, keep_alive=60):
        if self.version == V5:
            self.stage.connect(
                self.client,
                keep_alive=keep_alive,
                clean_start=False,
                properties=connect_properties(SessionExpiryInterval=600),
            )
        else:
            self.stage.connect(self.client, keep_alive=keep_alive)
        return self.client

    def rest(self):
        """Stops reading and writing, but stays connected."""
        self.stage.mute(self.client)

    def drop(self):
        self.stage.drop(self.client)
        self.stage.pump(seconds=0.15)


def resume(stage, version):
    stage.broker()
    stage.sniff()
    feeder = stage.paho("feeder", version)
    stage.connect(feeder)

    receiver = Lasting(stage, "receiver", version)
    client = receiver.connect()
    stage.subscribe(client, [("to/one", 1), ("to/two", 2)])
    receiver.rest()
    stage.publish(feeder, "to/one", "first", 1)
    stage.publish(feeder, "to/two", "second", 2)
    stage.publish(feeder, "to/one", "third", 1)
    stage.pump(seconds=0.2)
    receiver.drop()  # three PUBLISH arrived, none was acknowledged
    stage.publish(feeder, "to/one", "while away", 1)
    receiver.connect()
    stage.pump(lambda: len(client.received) == 4, "three redeliveries and what was missed")
    stage.pump(seconds=0.2)
    receiver.rest()
    stage.publish(feeder, "to/two", "fifth", 2)
    stage.pump(seconds=0.2)
    client.loop_read()  # PUBREC goes out; PUBREL comes in and stays unread
    stage.pump(seconds=0.2)
    receiver.drop()
    receiver.connect()
    stage.pump(lambda: len(client.received) == 5, "the message at its PUBREL")
    stage.pump(seconds=0.2)
    stage.disconnect(client)
    stage.find.append(
        "receiver, first connection: three server PUBLISH (QoS 1, 2, 1) without an "
        "acknowledgement; it ends without DISCONNECT. Second connection: session "
        "present 1; the three come again with DUP 1, the same identifiers and the "
        "same order, then a new one with DUP 0; later a QoS 2 PUBLISH gets as far "
        "as PUBREL, and the connection ends without DISCONNECT. Third connection: "
        "session present 1; the server sends PUBREL again, PUBCOMP ends the "
        "handshake"
    )

    sender = Lasting(stage, "sender", version)
    client = sender.connect()
    for topic, qos in (("from/one", 1), ("from/two", 2)):
        client.publish(topic, "unacknowledged", qos)
    sender.rest()  # PUBACK and PUBREC stay unread
    stage.pump(seconds=0.2)
    sender.drop()
    sender.connect()
    stage.pump(lambda: len(client.acked) == 2, "both handshakes end")
    sender.rest()
    client.publish("from/two", "to the second stage", 2)
    stage.pump(seconds=0.2)
    client.loop_read()  # takes PUBREC and sends PUBREL; PUBCOMP stays unread
    stage.pump(seconds=0.2)
    sender.drop()
    sender.connect()
    stage.pump(lambda: len(client.acked) == 3, "the handshake ends from its PUBREL")
    stage.pump(seconds=0.1)
    stage.disconnect(client)
    stage.disconnect(feeder)
    stage.find.append(
        "sender, first connection: a QoS 1 and a QoS 2 PUBLISH, whose PUBACK and "
        "PUBREC the server sends but the client never reads; it ends without "
        "DISCONNECT. Second connection: session present 1; both PUBLISH come again "
        "with DUP 1 and are completed; a third handshake gets as far as PUBREL "
        "(the server sends PUBCOMP). Third connection: the client sends PUBREL "
        "again and the server PUBCOMP"
    )


@capture("session-resume-v311.pcapng")
def session_resume_v311(stage):
    """MQTT 3.1.1, clean session 0: connections that end without DISCONNECT in the middle of QoS 1
    and QoS 2 handshakes in both directions, and the redeliveries with DUP 1 after each resumption,
    PUBREL included."""
    resume(stage, V311)


@capture("session-resume-v5.pcapng")
def session_resume_v5(stage):
    """MQTT 5.0, Clean Start 0 and Session Expiry Interval 600: connections that end without
    DISCONNECT in the middle of QoS 1 and QoS 2 handshakes in both directions, and the redeliveries
    with DUP 1 after each resumption, PUBREL included."""
    resume(stage, V5)


@capture("session-resume-faults.pcapng")
def session_resume_faults(stage):
    """Sessions that are resumed badly by the client (3.1.1): it does not send its unacknowledged
    PUBLISH again, sends it without DUP, or in the wrong order; and in 5.0 a topic alias that is
    carried over a reconnection."""
    stage.broker("max_topic_alias 10\n")
    stage.sniff()
    for client_id, resent, what in (
        ("forgets", [], "does not send them again"),
        (
            "without-dup",
            [publish(4, "t", "one", 2, 1), publish(4, "t", "two", 2, 2)],
            "sends both again with DUP 0",
        ),
        (
            "swaps",
            [publish(4, "t", "two", 2, 2, dup=True), publish(4, "t", "one", 2, 1, dup=True)],
            "sends both again with DUP 1, in the order 2, 1",
        ),
    ):
        first = Connection(stage)
        first.open(4, client_id, clean=False)
        first.send(publish(4, "t", "one", 2, 1), publish(4, "t", "two", 2, 2), pause=0.05)
        first.close(politely=False)
        second = Connection(stage)
        present = second.open(4, client_id, clean=False)[0]
        second.send(*resent)
        reaction = second.reaction(4)
        second.close()
        stage.find.append(
            "streams %d and %d (%s, 3.1.1): two QoS 2 PUBLISH (identifiers 1, 2), "
            "then a resumption with session present %d: %s; on the second "
            "connection %s, and DISCONNECT follows with the handshakes open"
            % (first.stream, second.stream, client_id, present, what, reaction)
        )
    alias = b"\x23\0\1"
    first = Connection(stage)
    first.open(5, "carries-alias", clean=False, props=b"\x11\0\0\1\0")
    first.send(publish(5, "t", "x", props=alias), publish(5, "", "y", props=alias), pause=0.05)
    first.close(politely=False)
    second = Connection(stage)
    second.open(5, "carries-alias", clean=False, props=b"\x11\0\0\1\0")
    second.send(publish(5, "", "z", props=alias))
    stage.find.append(
        "streams %d and %d (carries-alias, 5.0): alias 1 is set and used on the "
        "first connection, and used on the second without being set: %s"
        % (first.stream, second.stream, second.reaction(5))
    )
    second.close()


@capture("wills-v311.pcapng")
def wills_v311(stage):
    """MQTT 3.1.1: wills at QoS 0, 1 (retained) and 2, published after connections that end without
    DISCONNECT, and one that a DISCONNECT cancels."""
    stage.broker()
    stage.sniff()
    watcher = stage.paho("watcher", V311)
    stage.connect(watcher)
    stage.subscribe(watcher, "wills/#", 2)
    for qos, retain in ((0, False), (1, True), (2, False)):
        client = stage.paho("dies-%d" % qos, V311)
        client.will_set("wills/dies-%d" % qos, "gone", qos, retain)
        stage.connect(client)
        stage.pump(seconds=0.1)
        stage.drop(client)
        stage.pump(lambda: len(watcher.received) == qos + 1, "the will")
        stage.find.append(
            "dies-%d: closes without DISCONNECT; its will wills/dies-%d (QoS %d%s) "
            "goes to watcher" % (qos, qos, qos, ", retained" if retain else "")
        )
    client = stage.paho("leaves", V311)
    client.will_set("wills/leaves", "gone", 1)
    stage.connect(client)
    stage.disconnect(client)
    stage.pump(seconds=0.3)
    stage.find.append("leaves: DISCONNECT cancels its will, and no PUBLISH to wills/leaves follows")
    late = stage.paho("late", V311)
    stage.connect(late)
    stage.subscribe(late, "wills/#", 1)
    stage.pump(lambda: len(late.received) == 1, "the retained will")
    stage.find.append("late: gets the retained will of dies-1 with RETAIN 1 on its subscription")
    stage.pump(seconds=0.1)
    stage.disconnect(late)
    stage.disconnect(watcher)


@capture("wills-v5.pcapng")
def wills_v5(stage):
    """MQTT 5.0: a will with every will property and a delay of one second, a delayed will that a
    quick reconnection cancels, a will that DISCONNECT 0x00 cancels, and one that DISCONNECT 0x04
    (with will message) publishes."""
    stage.broker()
    stage.sniff()
    watcher = stage.paho("watcher", V5)
    stage.connect(watcher, clean_start=True)
    stage.subscribe(watcher, "wills/#", qos=2)

    def mortal(client_id, delay, expiry=60, **more):
        client = stage.paho(client_id, V5)
        properties = Properties(PacketTypes.WILLMESSAGE)
        properties.WillDelayInterval = delay
        for name, value in more.items():
            setattr(properties, name, value)
        client.will_set("wills/" + client_id, "gone", 1, False, properties)
        stage.connect(
            client, clean_start=False, properties=connect_properties(SessionExpiryInterval=expiry)
        )
        return client

    client = mortal(
        "delayed",
        1,
        PayloadFormatIndicator=1,
        MessageExpiryInterval=300,
        ContentType="text/plain",
        ResponseTopic="wills/answer",
        CorrelationData=b"\x01\x02\x03\x04",
        UserProperty=[("why", "test"), ("why", "twice")],
    )
    stage.drop(client)
    stage.pump(lambda: watcher.received, "the delayed will", seconds=10)
    stage.find.append(
        "delayed: closes without DISCONNECT; its will, with all seven will "
        "properties, reaches watcher no sooner than one second later"
    )
    client = mortal("comes-back", 3)
    stage.drop(client)
    stage.pump(seconds=0.3)
    stage.connect(
        client, clean_start=False, properties=connect_properties(SessionExpiryInterval=60)
    )
    stage.find.append(
        "comes-back: closes without DISCONNECT and reconnects within its Will "
        "Delay Interval: no will is published for that, nor after the DISCONNECT "
        "that ends the second connection"
    )
    client_2 = mortal("leaves", 0)
    stage.disconnect(client_2)
    stage.find.append("leaves: DISCONNECT 0x00 cancels its will")
    client_3 = mortal("parts", 0)
    stage.disconnect(
        client_3, reasoncode=ReasonCodes(PacketTypes.DISCONNECT, "Disconnect with will message")
    )
    stage.pump(lambda: len(watcher.received) == 2, "the will of parts")
    stage.find.append("parts: DISCONNECT 0x04: its will is published although it disconnected")
    stage.pump(seconds=4)
    stage.disconnect(client)
    stage.disconnect(watcher)


@capture("retained.pcapng")
def retained(stage):
    """Retained messages: set at QoS 0 and 1, replaced, delivered on SUBSCRIBE with RETAIN 1,
    delivered to an established subscription with RETAIN 0, and cleared by an empty payload; first
    in 3.1.1, then in 5.0."""
    stage.broker()
    stage.sniff()
    for version, name in ((V311, "v311"), (V5, "v5")):
        writer, early, late = (
            stage.paho(who + "-" + name, version) for who in ("writer", "early", "late")
        )
        topic = "state/%s/" % name
        for client in (writer, early):
            stage.connect(client)
        stage.subscribe(early, topic + "#", 1)
        stage.publish(writer, topic + "lamp", "off", 0, True)
        stage.publish(writer, topic + "lamp", "on", 1, True)
        stage.publish(writer, topic + "door", "shut", 1, True)
        stage.publish(writer, topic + "bell", "rings", 1, False)
        stage.publish(writer, topic + "gone", "soon", 1, True)
        stage.publish(writer, topic + "gone", "", 1, True)
        stage.pump(lambda: len(early.received) == 6, "six deliveries")
        stage.connect(late)
        stage.subscribe(late, topic + "#", 1)
        stage.pump(lambda: len(late.received) == 2, "two retained messages")
        stage.subscribe(late, topic + "#", 1)
        stage.pump(
            lambda: len(late.received) == 4,
            "the same again, since the subscription was " "replaced",
        )
        stage.pump(seconds=0.2)
        for client in (late, early, writer):
            stage.disconnect(client)
        stage.find.append(
            "late-%s: two retained messages (lamp=on, door=shut) with RETAIN 1 "
            "after its SUBSCRIBE, and the same two after it subscribes to the same "
            "filter again; early-%s: six deliveries with RETAIN 0, one of them the "
            "empty one that clears gone" % (name, name)
        )


@capture("keep-alive-v311.pcapng")
def keep_alive_v311(stage):
    """MQTT 3.1.1, keep alive 2 s: a client that pings in time, one that falls silent and is closed
    by the server, one that is late (silent between 1.0 and 1.5 times), one that publishes so often
    that it needs no ping, and one with keep alive 0 that is silent for as long as the capture
    lasts."""
    keep_alive(stage, 4, V311)


@capture("keep-alive-v5.pcapng")
def keep_alive_v5(stage):
    """MQTT 5.0, keep alive 2 s: a client that pings in time, one that falls silent and is closed by
    the server (without the DISCONNECT 0x8D that 5.0 has for it), one that is late (silent between
    1.0 and 1.5 times), one that publishes so often that it needs no ping, and one with keep alive 0
    that is silent for as long as the capture lasts."""
    keep_alive(stage, 5, V5)


def keep_alive(stage, level, version):
    stage.broker()
    stage.sniff()
    pinger = stage.paho("pings", version)
    stage.connect(pinger, keep_alive=2)
    busy = stage.paho("busy", version)
    stage.connect(busy, keep_alive=2)
    silent = stage.paho("silent", version)
    stage.connect(silent, keep_alive=2)
    stage.mute(silent)
    forever = stage.paho("no-keep-alive", version)
    stage.connect(forever, keep_alive=0)
    stage.mute(forever)
    late = Connection(stage)
    late.open(level, "late", keep_alive=2)
    for turn in range(13):
        stage.pump(seconds=0.6)
        stage.publish(busy, "beat", "%d" % turn, 0)
        if turn in (3, 7, 11):
            late.send(PING)
    stage.find.extend(
        [
            "pings: PINGREQ every 2 s, each answered",
            "busy: publishes every 0.6 s at QoS 0; paho pings all the same when nothing came in "
            "for a keep alive: pings that are not needed",
            "silent: nothing after CONNECT; the server closes the connection without a word some "
            "5 s later (mosquitto looks only every few seconds, so later than 1.5 x 2 s)",
            "late: PINGREQ every 2.4 s with keep alive 2: beyond 1.0 and within 1.5 times, a "
            "note at most",
            "no-keep-alive: keep alive 0, so its silence is no finding",
        ]
    )
    late.close()
    for client in (pinger, busy):
        stage.disconnect(client)
    stage.keep = (silent, forever)


@capture("server-keep-alive-v5.pcapng")
def server_keep_alive_v5(stage):
    """MQTT 5.0 against a broker with max_keepalive 10: CONNECT asks for 30, CONNACK says Server
    Keep Alive 10. One client obeys, one goes on with its own value and is closed."""
    stage.broker("max_keepalive 10\n")
    stage.sniff()
    obeys = stage.paho("obeys", V5)
    stage.connect(obeys, keep_alive=30)
    ignores = stage.paho("ignores", V5)
    stage.connect(ignores, keep_alive=30)
    # paho 1.6 keeps the value of its CONNECT: the obedient client is moved to the server's by hand.
    obeys._keepalive = obeys.connack_properties.ServerKeepAlive
    stage.pump(
        lambda: ignores.socket() is None, "the server closes the client that ignores it", seconds=25
    )
    stage.clients.remove(ignores)
    stage.disconnect(obeys)
    stage.find.append(
        "obeys: requested 30, effective 10, PINGREQ every 10 s; ignores: requested "
        "30, effective 10, silent until the server closes the connection, without "
        "a DISCONNECT, some 17 s after the CONNECT"
    )


@capture("takeover.pcapng")
def takeover(stage):
    """A second connection with the same client identifier in 3.1.1, in 5.0, and in 5.0 after 3.1.1,
    and a reconnect loop of two clients with one identifier, five turns long. mosquitto 2.0.11 sends
    no DISCONNECT 0x8E in 5.0."""
    stage.broker()
    stage.sniff()

    def replace(former_version, newer_version, client_id):
        former = stage.paho(client_id, former_version)
        stage.connect(former)
        newer = stage.paho(client_id, newer_version)
        stage.connect(newer)
        stage.pump(lambda: former.socket() is None, "the former connection is closed")
        stage.clients.remove(former)
        stage.disconnect(newer)
        stage.find.append(
            "%s: the second connection takes the session over; the server closes "
            "the first without a word" % client_id
        )

    replace(V311, V311, "twin-v311")
    replace(V5, V5, "twin-v5")
    replace(V311, V5, "twin-mixed")
    twins = [stage.paho("loop", V5), stage.paho("loop", V5)]
    stage.connect(twins[0])
    for turn in range(5):
        former, newer = twins[turn % 2], twins[(turn + 1) % 2]
        stage.pump(seconds=0.2)
        stage.connect(newer)
        stage.pump(lambda: former.socket() is None, "the former connection is closed")
    for client in twins:
        if client.socket():
            stage.disconnect(client)
    stage.find.append(
        "loop (5.0): six connections, each of the first five taken over by the "
        "next one 0.2 s later: a reconnect loop"
    )


@capture("refusals.pcapng")
def refusals(stage):
    """CONNECT refused: bad password, unknown user, no user name at all, an enhanced authentication
    method that the broker does not have (5.0), an empty client identifier with clean session 0
    (3.1.1), protocol level 6; in 3.1, 3.1.1 and 5.0. Then an accepted CONNECT with user name and
    password, and a broker-assigned client identifier in 5.0."""
    passwords = os.path.join(stage.scratch, "passwords")
    stage.run("mosquitto_passwd", "-b", "-c", passwords, "alice", "right")
    stage.broker("allow_anonymous false\npassword_file %s\n" % passwords)
    stage.sniff()
    for version, name in ((V31, "v31"), (V311, "v311"), (V5, "v5")):
        for user, password, who in (
            ("alice", "wrong", "bad-password"),
            ("mallory", "right", "unknown-user"),
            (None, None, "nameless"),
        ):
            client = stage.paho("%s-%s" % (who, name), version)
            if user:
                client.username_pw_set(user, password)
            stage.connect(client)
            if client in stage.clients:
                stage.clients.remove(client)
            stage.drop(client)
            stage.find.append(
                "%s-%s: CONNACK %s, then closed by the server"
                % (who, name, "0x%02x" % client.answer[0])
            )
    for data, who in (
        (
            connect(
                5,
                "enhanced",
                props=b"\x15" + text("SCRAM-SHA-1") + b"\x16" + text("n,,n=alice"),
                flags=0,
            ),
            "enhanced, 5.0, Authentication Method SCRAM-SHA-1",
        ),
        (
            connect(4, "", clean=False, flags=0xC0, payload=text("alice") + text("right")),
            "empty client identifier with clean session 0, 3.1.1",
        ),
        (
            connect(6, "level-6", flags=0xC0, payload=text("alice") + text("right")),
            "level-6, protocol level 6",
        ),
    ):
        connection = Connection(stage)
        connection.send(data)
        stage.find.append("%s: %s" % (who, connection.reaction(5 if "5.0" in who else 4)))
        connection.close()
    for version, client_id in ((V311, "welcome"), (V5, "")):
        client = stage.paho(client_id, version)
        client.username_pw_set("alice", "right")
        stage.connect(client)
        stage.disconnect(client)
    stage.find.append(
        "welcome (3.1.1) and a client with an empty identifier (5.0, CONNACK has "
        "Assigned Client Identifier): accepted; their passwords cross in clear "
        "text, as those of the refused ones do"
    )
