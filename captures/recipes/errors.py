# SPDX-License-Identifier: GPL-2.0-or-later
"""Well-formed control packets at the wrong moment: violations that only the connection's state
shows."""

import time

from rawclient import (
    AUTH,
    CONNACK,
    PING,
    PINGRESP,
    PUBACK,
    PUBCOMP,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBACK,
    UNSUBACK,
    Connection,
    ack,
    connect,
    packet,
    properties,
    publish,
    subscribe,
    text,
    u16,
    u8,
    unsubscribe,
)
from recipes import capture
from recipes.malformed import delivered, play, pubrec_exchange, report


def common(level):
    """Errors of both versions, each after an accepted CONNECT."""
    none = properties(level, b"")
    return [
        (
            "second-connect",
            [connect(level, "second-connect")],
            "a second CONNECT on the connection",
        ),
        (
            "puback-unknown",
            [ack(PUBACK, 77)],
            "PUBACK for packet identifier 77, which the server " "never used",
        ),
        (
            "pubrec-unknown",
            [ack(PUBREC, 77)],
            "PUBREC for packet identifier 77, which the server " "never used",
        ),
        (
            "pubrel-unknown",
            [ack(PUBREL, 77)],
            "PUBREL for packet identifier 77, which was never " "published",
        ),
        (
            "pubcomp-unknown",
            [ack(PUBCOMP, 77)],
            "PUBCOMP for packet identifier 77, which the " "server never used",
        ),
        (
            "puback-for-qos-2",
            delivered(level, 2) + [ack(PUBACK, 1)],
            "PUBACK for a QoS 2 PUBLISH (server's identifier 1)",
        ),
        (
            "pubrec-for-qos-1",
            delivered(level, 1) + [ack(PUBREC, 1)],
            "PUBREC for a QoS 1 PUBLISH (server's identifier 1)",
        ),
        (
            "id-in-flight-qos-2",
            pubrec_exchange(level) + [publish(level, "other", "y", 2, 7)],
            "a new QoS 2 PUBLISH takes packet identifier 7 while the first one's handshake waits "
            "for PUBREL",
        ),
        (
            "id-in-flight-qos-1",
            [publish(level, "one", "x", 1, 8) + publish(level, "other", "y", 1, 8)],
            "two QoS 1 PUBLISH with packet identifier 8 in one segment: the second is sent before "
            "the first's PUBACK",
        ),
        (
            "id-in-flight-subscribe",
            pubrec_exchange(level) + [subscribe(level, [("t", 0)], 7)],
            "SUBSCRIBE takes packet identifier 7 while a QoS 2 PUBLISH holds it",
        ),
        (
            "dup-first-send",
            [publish(level, "t", "x", 1, 3, dup=True)],
            "DUP 1 on a first QoS 1 PUBLISH",
        ),
        (
            "dup-first-send-qos-2",
            [
                publish(level, "t", "x", 2, 3, dup=True),
                lambda c: c.expect(PUBREC) and ack(PUBREL, 3),
            ],
            "DUP 1 on a first QoS 2 PUBLISH",
        ),
        ("connack-from-client", [packet(CONNACK, 0, b"\0\0" + none)], "the client sends CONNACK"),
        (
            "suback-from-client",
            [packet(SUBACK, 0, u16(1) + none + b"\0")],
            "the client sends SUBACK",
        ),
        (
            "unsuback-from-client",
            [packet(UNSUBACK, 0, u16(1) + (none + b"\0" if level == 5 else b""))],
            "the client sends UNSUBACK",
        ),
        ("pingresp-from-client", [packet(PINGRESP, 0, b"")], "the client sends PINGRESP"),
        (
            "after-disconnect",
            [packet(14, 0, b"") + publish(level, "t", "x", 1, 4)],
            "QoS 1 PUBLISH after DISCONNECT, in the same segment",
        ),
        (
            "not-acknowledged",
            delivered(level, 1),
            "the server's QoS 1 PUBLISH is never " "acknowledged: the client disconnects instead",
        ),
        (
            "double-puback",
            delivered(level, 1) + [ack(PUBACK, 1) * 2],
            "PUBACK for the server's identifier 1 twice",
        ),
        (
            "unordered-pubacks",
            two_deliveries(level) + [ack(PUBACK, 2) + ack(PUBACK, 1)],
            "PUBACKs in the order 2, 1 for what arrived in the order 1, 2",
        ),
        (
            "good",
            delivered(level, 1) + [ack(PUBACK, 1), unsubscribe(level, ["echo/1"], 2), PING],
            "nothing is wrong here",
        ),
    ]


def two_deliveries(level):
    def wait(connection):
        seen = 0
        while seen < 2:
            first, _ = connection.receive(2)
            seen += first >> 4 == PUBLISH

    return [
        subscribe(level, [("pair", 1)]),
        publish(level, "pair", "a", 1, 2) + publish(level, "pair", "b", 1, 3),
        wait,
    ]


def without_connect(stage, level):
    for what, data in (
        ("PUBLISH", publish(level, "t", "x")),
        ("PINGREQ", PING),
        ("SUBSCRIBE", subscribe(level, [("t", 0)])),
    ):
        connection = Connection(stage)
        connection.send(data)
        report(
            stage,
            connection,
            "no client id",
            "the first control packet is %s" % what,
            connection.reaction(level, 0.25),
        )
        connection.close(politely=False)
    connection = Connection(stage)
    connection.send(connect(level, "early-publisher") + publish(level, "t", "early", 1, 1))
    connection.expect(CONNACK)
    report(
        stage,
        connection,
        "early-publisher",
        "a PUBLISH right behind CONNECT, before CONNACK: allowed, no finding",
        connection.reaction(level, 0.25),
    )
    connection.close()


@capture("protocol-errors-v311.pcapng")
def protocol_errors_v311(stage):
    """MQTT 3.1.1: well-formed control packets at the wrong moment, one violation a connection; the
    client identifier names it. The first three connections have no CONNECT, which the server closes
    without an answer."""
    stage.broker()
    stage.sniff()
    without_connect(stage, 4)
    play(stage, 4, common(4))


@capture("protocol-errors-v5.pcapng")
def protocol_errors_v5(stage):
    """MQTT 5.0: well-formed control packets at the wrong moment, one violation a connection; the
    client identifier names it. The first three connections have no CONNECT, and their version can
    only be guessed."""
    stage.broker()
    stage.sniff()
    without_connect(stage, 5)
    play(
        stage,
        5,
        common(5)
        + [
            (
                "auth-without-method",
                [packet(AUTH, 0, u8(0x19) + properties(5, b"\x15" + text("m")))],
                "AUTH (re-authenticate) although CONNECT had no Authentication Method",
            ),
            (
                "alias-unknown",
                [publish(5, "", "x", props=b"\x23" + u16(3))],
                "PUBLISH with an empty topic name and topic alias 3, which was never set",
            ),
        ],
    )


@capture("limits-v5.pcapng")
def limits_v5(stage):
    """MQTT 5.0 against a broker that announces Receive Maximum 3, Maximum Packet Size 200, Maximum
    QoS 1, Retain Available 0, Topic Alias Maximum 2 and Server Keep Alive 30: one client a limit
    exceeds it; the client identifier names it."""
    stage.broker(
        "max_inflight_messages 3\nmax_packet_size 200\nmax_qos 1\nretain_available false\n"
        "max_topic_alias 2\nmax_keepalive 30\n"
    )
    stage.sniff()
    alias = b"\x23"
    play(
        stage,
        5,
        [
            (
                "within",
                [
                    publish(5, "a", "x", 1, 1, props=alias + u16(2)),
                    publish(5, "", "y", 1, 2, props=alias + u16(2)),
                    publish(5, "a", "z" * 180),
                ],
                "nothing is wrong here: alias 2, and a control " "packet of 187 bytes",
            ),
            (
                "alias-above-maximum",
                [publish(5, "a", "x", props=alias + u16(3))],
                "topic alias 3; the maximum is 2",
            ),
            (
                "packet-too-large",
                [publish(5, "a", "z" * 300)],
                "a control packet of 307 bytes; the " "maximum is 200",
            ),
            ("qos-above-maximum", [publish(5, "a", "x", 2, 1)], "QoS 2 PUBLISH; Maximum QoS is 1"),
            (
                "retain-unavailable",
                [publish(5, "a", "x", retain=True)],
                "PUBLISH with RETAIN 1; Retain Available is 0",
            ),
            (
                "subscribe-qos-2",
                [subscribe(5, [("a", 2)])],
                "SUBSCRIBE with QoS 2, which a server with Maximum QoS 1 still has to accept "
                "(here it grants 1)",
            ),
        ],
    )
    stage.find.append(
        "every CONNECT asks for keep alive 60 and gets Server Keep Alive 30: the "
        "effective keep alive is 30"
    )


@capture("receive-maximum-v5.pcapng")
def receive_maximum_v5(stage):
    """MQTT 5.0, Receive Maximum 3 in both directions: a client that keeps five QoS 2 handshakes
    open at once, and one that announces Receive Maximum 2 and subscribes to six QoS 1 messages,
    which mosquitto 2.0.11 does not heed after the first two."""
    stage.broker("max_inflight_messages 3\n")
    stage.sniff()
    greedy = Connection(stage)
    greedy.open(5, "greedy")
    for identifier in range(1, 6):
        greedy.send(publish(5, "a", "%d" % identifier, 2, identifier), pause=0.02)
    report(
        stage,
        greedy,
        "greedy",
        "five QoS 2 PUBLISH without PUBREL where the server's "
        "Receive Maximum is 3: the fourth exceeds it (and is "
        "refused), and so does the fifth",
        greedy.reaction(5),
    )
    greedy.close()

    patient = Connection(stage)
    patient.open(5, "patient", props=b"\x21" + u16(2))
    patient.send(subscribe(5, [("flow", 1)]))
    patient.expect(SUBACK)
    source = Connection(stage)
    source.open(5, "source")
    for identifier in range(1, 7):
        source.send(publish(5, "flow", "%d" % identifier, 1, identifier))
        source.expect(PUBACK)
    waiting, seen, most = [], 0, 0
    while seen < 6:
        found = patient.receive(0.3)
        if found:
            topic_length = int.from_bytes(found[1][:2], "big")
            waiting.append(int.from_bytes(found[1][2 + topic_length : 4 + topic_length], "big"))
            most = max(most, len(waiting))
            seen += 1
        else:
            patient.send(b"".join(ack(PUBACK, i) for i in waiting))
            waiting = []
    patient.send(b"".join(ack(PUBACK, i) for i in waiting))
    patient.reaction(5, 0.2)
    stage.find.append(
        "stream %d (patient): announces Receive Maximum 2 and acknowledges only "
        "after 0.3 s of silence; the server has up to %d PUBLISH outstanding: it "
        "exceeds the client's Receive Maximum with identifiers 5 and 6" % (patient.stream, most)
    )
    source.close()
    patient.close()


@capture("qos-faults-v311.pcapng")
def qos_faults_v311(stage):
    """MQTT 3.1.1: handshakes that go wrong on the client's side, as a subscriber and as a
    publisher; the client identifier names the fault. \"feeder\" is the well-behaved publisher."""
    qos_faults(stage, 4)


@capture("qos-faults-v5.pcapng")
def qos_faults_v5(stage):
    """MQTT 5.0: handshakes that go wrong on the client's side, as a subscriber and as a publisher;
    the client identifier names the fault. \"feeder\" is the well-behaved publisher."""
    qos_faults(stage, 5)


def qos_faults(stage, level):
    stage.broker()
    stage.sniff()
    feeder = Connection(stage)
    feeder.open(level, "feeder")
    given = [0]

    def feed(qos):
        given[0] += 1
        feeder.send(publish(level, "feed/%d" % qos, "message %d" % given[0], qos, given[0]))
        if qos == 1:
            feeder.expect(PUBACK)
        if qos == 2:
            feeder.expect(PUBREC)
            feeder.send(ack(PUBREL, given[0]))
            feeder.expect(PUBCOMP)

    def subscriber(client_id, qos):
        connection = Connection(stage)
        connection.open(level, client_id)
        connection.send(subscribe(level, [("feed/%d" % qos, qos)]))
        connection.expect(SUBACK)
        feed(qos)
        return connection, connection.expect(PUBLISH)

    def done(connection, what):
        report(stage, connection, connection.client_id, what, connection.reaction(level, 0.25))
        connection.close()

    def sub_case(client_id, qos):
        connection, _ = subscriber(client_id, qos)
        connection.client_id = client_id
        return connection

    def pub_case(client_id):
        connection = Connection(stage)
        connection.open(level, client_id)
        connection.client_id = client_id
        return connection

    c = sub_case("no-puback", 1)
    done(c, "never answers the server's QoS 1 PUBLISH (identifier 1) with PUBACK")
    c = sub_case("slow-puback", 1)
    time.sleep(1.5)
    c.send(ack(PUBACK, 1))
    done(c, "sends PUBACK 1.5 s after the PUBLISH: slow, yet complete")
    c = sub_case("no-pubrec", 2)
    done(c, "never answers the server's QoS 2 PUBLISH (identifier 1) with PUBREC")
    c = sub_case("no-pubcomp", 2)
    c.send(ack(PUBREC, 1))
    c.expect(PUBREL)
    done(c, "never answers the server's PUBREL (identifier 1) with PUBCOMP")
    c = sub_case("slow-qos-2", 2)
    time.sleep(0.7)
    c.send(ack(PUBREC, 1))
    c.expect(PUBREL)
    time.sleep(0.9)
    c.send(ack(PUBCOMP, 1))
    done(c, "PUBREC after 0.7 s and PUBCOMP 0.9 s after PUBREL: slow, yet complete")
    c = sub_case("pubcomp-too-early", 2)
    c.send(ack(PUBCOMP, 1))
    done(c, "answers the server's QoS 2 PUBLISH (identifier 1) with PUBCOMP instead of PUBREC")

    c = pub_case("no-pubrel")
    c.send(publish(level, "t", "x", 2, 5))
    c.expect(PUBREC)
    done(c, "never answers PUBREC (identifier 5) with PUBREL, and disconnects")
    c = pub_case("publish-after-pubrel")
    c.send(publish(level, "t", "x", 2, 5))
    c.expect(PUBREC)
    c.send(ack(PUBREL, 5) + publish(level, "t", "x", 2, 5, dup=True))
    done(
        c,
        "sends the PUBLISH (identifier 5, DUP 1) again behind its PUBREL, in the same "
        "segment, so before PUBCOMP; the server takes it for a new message, and its "
        "handshake stays without PUBREL",
    )
    c = pub_case("resend-live-qos-1")
    c.send(publish(level, "t", "x", 1, 6) + publish(level, "t", "x", 1, 6, dup=True))
    done(
        c,
        "sends a QoS 1 PUBLISH (identifier 6) again with DUP 1 on the same connection, "
        "before any PUBACK" + (": 5.0 forbids that" if level == 5 else ": 3.1.1 allows that"),
    )
    c = pub_case("resend-live-qos-2")
    c.send(publish(level, "t", "x", 2, 7))
    c.expect(PUBREC)
    c.send(publish(level, "t", "x", 2, 7, dup=True))
    c.expect(PUBREC)
    c.send(ack(PUBREL, 7))
    done(
        c,
        "sends a QoS 2 PUBLISH (identifier 7) again with DUP 1 on the same connection, after "
        "PUBREC and before PUBREL"
        + (": 5.0 forbids that" if level == 5 else ": 3.1.1 allows that"),
    )
    c = pub_case("resend-no-dup")
    c.send(publish(level, "t", "same", 2, 8))
    c.expect(PUBREC)
    c.send(publish(level, "t", "same", 2, 8))
    c.expect(PUBREC)
    c.send(ack(PUBREL, 8))
    done(
        c,
        "sends the same QoS 2 PUBLISH (identifier 8, same topic and payload) again with DUP "
        "0: a redelivery without DUP",
    )
    c = pub_case("pubrel-twice")
    c.send(publish(level, "t", "x", 2, 9))
    c.expect(PUBREC)
    c.send(ack(PUBREL, 9))
    c.expect(PUBCOMP)
    c.send(ack(PUBREL, 9))
    done(c, "sends PUBREL (identifier 9) again after PUBCOMP")
    c = pub_case("pubrels-unordered")
    c.send(publish(level, "t", "x", 2, 1), publish(level, "t", "y", 2, 2))
    c.expect(PUBREC)
    c.expect(PUBREC)
    c.send(ack(PUBREL, 2) + ack(PUBREL, 1))
    done(c, "sends PUBRELs in the order 2, 1 for PUBRECs that came in the order 1, 2")
    if level == 5:
        c = sub_case("pubrec-refuses", 2)
        c.send(ack(PUBREC, 1, 0x97))
        done(
            c,
            "refuses the server's QoS 2 PUBLISH with PUBREC 0x97 (quota exceeded): the "
            "handshake ends there, no finding",
        )
        c = pub_case("id-free-after-error")
        c.send(ack(PUBREL, 99, 0x92))
        done(c, "PUBREL with 0x92 for the unknown identifier 99")
    feeder.close()
