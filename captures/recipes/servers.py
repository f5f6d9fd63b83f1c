# SPDX-License-Identifier: GPL-2.0-or-later
"""Both ends are ours: what mosquitto 2.0.11 never sends, right or wrong, as transcripts of one
connection each."""

import socket
import time

from rawclient import (
    AUTH,
    CONNACK,
    DISCONNECT,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBCOMP,
    PUBREC,
    PUBREL,
    SUBACK,
    UNSUBACK,
    Connection,
    ack,
    connect,
    disconnect,
    packet,
    pair,
    properties,
    publish,
    subscribe,
    text,
    u16,
    u32,
    u8,
    unsubscribe,
)
from recipes import capture

TO_SERVER, TO_CLIENT = "c", "s"


def c(*packets):
    """The client sends these control packets, in one segment."""
    return TO_SERVER, b"".join(packets)


def s(*packets):
    """The server sends these control packets, in one segment."""
    return TO_CLIENT, b"".join(packets)


def connack(level, code=0, present=0, props=b""):
    return packet(CONNACK, 0, u8(present) + u8(code) + properties(level, props))


def suback(level, identifier, *codes, props=b""):
    return packet(SUBACK, 0, u16(identifier) + properties(level, props) + bytes(codes))


def unsuback(level, identifier, *codes):
    return packet(
        UNSUBACK,
        0,
        u16(identifier) + (properties(level, b"") + bytes(codes) if level == 5 else b""),
    )


PONG = packet(PINGRESP, 0, b"")


def act(stage, transcripts):
    """Each transcript is (client id, steps, what an auditor should find); the last step's sender
    closes first."""
    listener = socket.create_server(("127.0.0.1", 1883))
    for client_id, steps, what in transcripts:
        client = Connection(stage)
        server, _ = listener.accept()
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ends = {TO_SERVER: (client.socket, server), TO_CLIENT: (server, client.socket)}
        # Longer than an answer may be under way, so that it is missing and not late.
        patience = 0.3 if "never" in what or "stays open" in what else 0
        for step, (direction, data) in enumerate(steps):
            if step == len(steps) - 1:
                time.sleep(patience)
            sender, receiver = ends[direction]
            sender.sendall(data)
            left = len(data)
            while left:  # nothing stays unread, so that the end is a FIN and no RST
                left -= len(receiver.recv(left))
            time.sleep(0.005)
        first, second = (
            (client.socket, server) if steps[-1][0] == TO_SERVER else (server, client.socket)
        )
        for end in (first, second):
            end.close()
            time.sleep(0.01)
        stage.find.append("stream %d (%s): %s" % (client.stream, client_id, what))
    listener.close()


def faults(level):
    """A server's violations in both versions. Every transcript that can ends with the client's
    DISCONNECT."""
    bye = c(packet(DISCONNECT, 0, b""))

    def case(client_id, *rest):
        *steps, what = rest
        start = c(connect(level, client_id)), s(connack(level))
        return client_id, [*start, *steps, bye], what

    sub = c(subscribe(level, [("a/b", 1)]))
    granted = s(suback(level, 1, 1))
    unknown = 0x55
    return [
        (
            "publish-before-connack",
            [
                c(connect(level, "publish-before-connack")),
                s(publish(level, "a", "x")),
                s(connack(level)),
                bye,
            ],
            "the server sends PUBLISH before CONNACK, and the client has no subscription",
        ),
        (
            "clean-yet-present",
            [c(connect(level, "clean-yet-present")), s(connack(level, present=1)), bye],
            "session present 1 although clean session (Clean Start) is 1",
        ),
        (
            "never-seen-yet-present",
            [
                c(connect(level, "never-seen-yet-present", clean=False)),
                s(connack(level, present=1)),
                bye,
            ],
            "session present 1 for a client identifier that this capture sees for the first time: "
            "cannot be judged, no finding",
        ),
        (
            "refused-yet-present",
            [
                c(connect(level, "refused-yet-present", clean=False)),
                s(connack(level, 5 if level < 5 else 0x87, 1)),
            ],
            "a refusal with session present 1",
        ),
        (
            "refused-yet-served",
            [
                c(connect(level, "refused-yet-served")),
                s(connack(level, 5 if level < 5 else 0x87)),
                sub,
                granted,
                bye,
            ],
            "a refusal after which the server goes on and answers SUBSCRIBE",
        ),
        (
            "connack-reserved",
            [c(connect(level, "connack-reserved")), s(connack(level, present=0x10)), bye],
            "reserved bit 4 of the CONNACK flags is set",
        ),
        (
            "connack-code",
            [c(connect(level, "connack-code")), s(connack(level, unknown))],
            "CONNACK with the undefined code 0x55",
        ),
        case("second-connack", s(connack(level)), "a second CONNACK"),
        case("suback-missing", sub, "SUBSCRIBE (identifier 1) is never answered"),
        case(
            "suback-other-id",
            sub,
            s(suback(level, 2, 1)),
            "SUBACK for identifier 2, which no SUBSCRIBE has; identifier 1 stays open",
        ),
        case(
            "suback-too-few",
            c(subscribe(level, [("a", 0), ("b", 1)])),
            s(suback(level, 1, 0)),
            "SUBACK with one code for two filters",
        ),
        case("suback-code", sub, s(suback(level, 1, 0x03)), "SUBACK with the undefined code 0x03"),
        case(
            "suback-failure",
            sub,
            s(suback(level, 1, 0x80)),
            "SUBACK with failure 0x80: the subscription is refused",
        ),
        case(
            "suback-lower",
            c(subscribe(level, [("a", 2)])),
            s(suback(level, 1, 0)),
            "QoS 0 granted where 2 was asked for: allowed, a note",
        ),
        case(
            "unsuback-missing",
            c(unsubscribe(level, ["a"])),
            "UNSUBSCRIBE (identifier 1) is never answered",
        ),
        case("ping-unanswered", c(packet(PINGREQ, 0, b"")), "PINGREQ is never answered"),
        case(
            "puback-missing",
            c(publish(level, "a", "x", 1, 4)),
            "the client's QoS 1 PUBLISH (identifier 4) is never acknowledged",
        ),
        case(
            "pubrec-missing",
            c(publish(level, "a", "x", 2, 4)),
            "the client's QoS 2 PUBLISH (identifier 4) never gets PUBREC",
        ),
        case(
            "pubcomp-missing",
            c(publish(level, "a", "x", 2, 4)),
            s(ack(PUBREC, 4)),
            c(ack(PUBREL, 4)),
            "the client's PUBREL (identifier 4) never gets PUBCOMP",
        ),
        case(
            "puback-unknown",
            s(ack(PUBACK, 9)),
            "PUBACK for identifier 9, which the client " "never used",
        ),
        case(
            "foreign-topic",
            sub,
            granted,
            s(publish(level, "other", "x")),
            "a PUBLISH to other, which matches none of the filters (a/b)",
        ),
        case(
            "above-granted",
            c(subscribe(level, [("a", 0)])),
            s(suback(level, 1, 0)),
            s(publish(level, "a", "x", 1, 1)),
            c(ack(PUBACK, 1)),
            "a QoS 1 PUBLISH on a subscription granted QoS 0",
        ),
        case(
            "server-id-0",
            sub,
            granted,
            s(publish(level, "a/b", "x", 1, 0)),
            "a QoS 1 PUBLISH with packet identifier 0",
        ),
        case(
            "server-id-in-flight",
            sub,
            granted,
            s(publish(level, "a/b", "x", 1, 3)),
            s(publish(level, "a/b", "y", 1, 3)),
            c(ack(PUBACK, 3), ack(PUBACK, 3)),
            "the server uses identifier 3 for a second " "PUBLISH before the first one's PUBACK",
        ),
        case(
            "both-use-1",
            sub,
            granted,
            c(publish(level, "c", "x", 2, 1)),
            s(publish(level, "a/b", "y", 2, 1)),
            s(ack(PUBREC, 1)),
            c(ack(PUBREC, 1)),
            c(ack(PUBREL, 1)),
            s(ack(PUBREL, 1)),
            s(ack(PUBCOMP, 1)),
            c(ack(PUBCOMP, 1)),
            "client and server use identifier 1 at the same time, each in its own direction: no "
            "finding",
        ),
        case("server-pingreq", s(packet(PINGREQ, 0, b"")), "the server sends PINGREQ"),
        case("server-subscribe", s(subscribe(level, [("a", 0)])), "the server sends SUBSCRIBE"),
        case(
            "server-wildcard",
            sub,
            granted,
            s(publish(level, "a/#", "x")),
            "the server's PUBLISH has # in its topic name (and matches no filter)",
        ),
        case("pingresp-unasked", s(PONG), "PINGRESP without PINGREQ"),
    ]


@capture("server-faults-v311.pcapng")
def server_faults_v311(stage):
    """MQTT 3.1.1 with a scripted server (both ends are rawclient): one violation of the server a
    connection, named by the client identifier."""
    stage.sniff()
    act(
        stage,
        faults(4)
        + [
            (
                "server-disconnect",
                [c(connect(4, "server-disconnect")), s(connack(4)), s(packet(DISCONNECT, 0, b""))],
                "the server sends DISCONNECT, which in 3.1.1 only a client may",
            ),
        ],
    )


@capture("server-faults-v5.pcapng")
def server_faults_v5(stage):
    """MQTT 5.0 with a scripted server (both ends are rawclient): one violation of the server a
    connection, named by the client identifier."""
    stage.sniff()
    bye = c(packet(DISCONNECT, 0, b""))

    def case(client_id, *rest, props=b"", server_props=b""):
        *steps, what = rest
        return (
            client_id,
            [c(connect(5, client_id, props=props)), s(connack(5, props=server_props)), *steps, bye],
            what,
        )

    alias = b"\x23"
    sub, granted = c(subscribe(5, [("a/b", 1)])), s(suback(5, 1, 1))
    three = s(*(publish(5, "a/b", "%d" % n, 1, n) for n in (1, 2, 3)))
    acks = c(*(ack(PUBACK, n) for n in (1, 2, 3)))
    act(
        stage,
        faults(5)
        + [
            case(
                "alias-above-maximum",
                sub,
                granted,
                s(publish(5, "a/b", "x", props=alias + u16(3))),
                props=b"\x22" + u16(2),
                *["the server uses topic alias 3; the client's maximum is 2"]
            ),
            case(
                "alias-without-maximum",
                sub,
                granted,
                s(publish(5, "a/b", "x", props=alias + u16(1))),
                "the server uses a topic alias although the client announced no Topic Alias "
                "Maximum",
            ),
            case(
                "alias-unknown",
                sub,
                granted,
                s(publish(5, "", "x", props=alias + u16(2))),
                props=b"\x22" + u16(2),
                *["the server uses topic alias 2 without having set it"]
            ),
            case(
                "receive-maximum",
                sub,
                granted,
                three,
                acks,
                props=b"\x21" + u16(2),
                *["three QoS 1 PUBLISH outstanding; the client's Receive Maximum is 2"]
            ),
            case(
                "packet-too-large",
                sub,
                granted,
                s(publish(5, "a/b", "x" * 100)),
                props=b"\x27" + u32(60),
                *["a control packet of 108 bytes; the client's Maximum Packet Size is 60"]
            ),
            case(
                "response-information",
                props=b"\x19\0",
                server_props=b"\x1a" + text("info"),
                *["Response Information in CONNACK although the client asked for none"]
            ),
            case(
                "problem-information",
                sub,
                s(suback(5, 1, 0x87, props=b"\x1f" + text("no"))),
                props=b"\x17\0",
                *["a Reason String in SUBACK although Request Problem Information is 0"]
            ),
            case(
                "auth-unasked",
                s(packet(AUTH, 0, u8(0x18) + properties(5, b"\x15" + text("m")))),
                "the server sends AUTH although CONNECT had no Authentication Method",
            ),
            case(
                "unsuback-code",
                c(unsubscribe(5, ["a"])),
                s(unsuback(5, 1, 0x01)),
                "UNSUBACK with the undefined code 0x01",
            ),
            case(
                "unsuback-too-many",
                c(unsubscribe(5, ["a"])),
                s(unsuback(5, 1, 0, 0)),
                "UNSUBACK with two codes for one filter",
            ),
            case(
                "connack-not-allowed",
                server_props=b"\x23" + u16(1),
                *["Topic Alias property in CONNACK"]
            ),
            case(
                "connack-maximum-qos-2",
                server_props=b"\x24\x02",
                *["Maximum QoS 2 in CONNACK: 0 and 1 alone are legal"]
            ),
            case(
                "subscription-id-foreign",
                sub,
                granted,
                s(publish(5, "a/b", "x", props=b"\x0b\x00")),
                "the server's PUBLISH has Subscription Identifier 0",
            ),
            (
                "no-assigned-id",
                [c(connect(5, "")), s(connack(5)), bye],
                "empty client identifier, and CONNACK without Assigned Client Identifier",
            ),
            (
                "disconnect-with-expiry",
                [
                    c(connect(5, "disconnect-with-expiry")),
                    s(connack(5)),
                    s(disconnect(0x8B, b"\x11" + u32(5))),
                ],
                "the server's DISCONNECT (0x8B) has a Session Expiry Interval",
            ),
            (
                "disconnect-0x04",
                [c(connect(5, "disconnect-0x04")), s(connack(5)), s(disconnect(0x04))],
                "the server's DISCONNECT has reason code 0x04 (with will message), which only a "
                "client sends",
            ),
            (
                "disconnect-before-connack",
                [c(connect(5, "disconnect-before-connack")), s(disconnect(0x87))],
                "the server sends DISCONNECT before CONNACK",
            ),
            (
                "sends-after-disconnect",
                [
                    c(connect(5, "sends-after-disconnect")),
                    s(connack(5)),
                    s(disconnect(0x8B), publish(5, "a", "x")),
                ],
                "the server sends PUBLISH after its DISCONNECT, and the client has no subscription",
            ),
        ],
    )


@capture("server-alias-v5.pcapng")
def server_alias_v5(stage):
    """MQTT 5.0 with a scripted server (both ends are rawclient), nothing wrong: topic aliases in
    both directions with the same numbers for different topics, and set anew."""
    stage.sniff()

    def numbered(topic, payload, number, qos=0, identifier=1):
        return publish(5, topic, payload, qos, identifier, props=b"\x23" + u16(number))

    act(
        stage,
        [
            (
                "aliases",
                [
                    c(connect(5, "aliases", props=b"\x22" + u16(5))),
                    s(connack(5, props=b"\x22" + u16(5))),
                    c(subscribe(5, [("down/#", 1)])),
                    s(suback(5, 1, 1)),
                    c(numbered("up/one", "up 1", 1)),
                    s(numbered("down/one", "down 1", 1)),
                    c(numbered("", "up 1 again", 1)),
                    s(numbered("", "down 1 again", 1)),
                    c(
                        numbered("up/two", "up 2", 2),
                        numbered("", "up 1 and 2", 1),
                        numbered("", "up 2 and 1", 2),
                    ),
                    s(numbered("down/new", "down 1 anew", 1, 1, 7)),
                    c(ack(PUBACK, 7)),
                    s(numbered("", "down/new by alias", 1, 1, 8)),
                    c(ack(PUBACK, 8)),
                    c(numbered("", "up/one still", 1, 1, 3)),
                    s(ack(PUBACK, 3)),
                    c(packet(DISCONNECT, 0, b"")),
                ],
                "no finding but notes; client's alias 1 is up/one throughout and alias 2 is "
                "up/two; server's alias 1 is down/one for two PUBLISH, then down/new for two",
            )
        ],
    )


@capture("server-v5.pcapng")
def server_v5(stage):
    """MQTT 5.0 with a scripted server (both ends are rawclient), nothing wrong: enhanced
    authentication and re-authentication by AUTH, every CONNACK property, reason strings, server
    references, and DISCONNECT by the server for keep-alive timeout, takeover, shutdown and an
    administrative action."""
    stage.sniff()
    bye = c(packet(DISCONNECT, 0, b""))
    method = b"\x15" + text("CHALLENGE")

    def auth(code, data):
        return packet(AUTH, 0, u8(code) + properties(5, method + b"\x16" + text(data)))

    everything = (
        b"\x11"
        + u32(100)
        + b"\x21"
        + u16(8)
        + b"\x24\x01"
        + b"\x25\x00"
        + b"\x27"
        + u32(1000)
        + b"\x12"
        + text("auto-1")
        + b"\x22"
        + u16(3)
        + b"\x1f"
        + text("welcome")
        + pair("a", "b")
        + b"\x28\x00"
        + b"\x29\x00"
        + b"\x2a\x00"
        + b"\x13"
        + u16(30)
        + b"\x1a"
        + text("answers/")
        + b"\x1c"
        + text("other.example:1883")
    )
    scripts = [
        (
            "enhanced",
            [
                c(connect(5, "enhanced", props=method + b"\x16" + text("first"))),
                s(auth(0x18, "challenge")),
                c(auth(0x18, "response")),
                s(connack(5, props=method + b"\x16" + text("final"))),
                c(auth(0x19, "again")),
                s(auth(0x18, "challenge 2")),
                c(auth(0x18, "response 2")),
                s(auth(0x00, "done")),
                bye,
            ],
            "authentication by CHALLENGE in CONNECT, AUTH, AUTH, CONNACK; then re-authentication, "
            "which ends with AUTH 0x00",
        ),
        (
            "no client id",
            [c(connect(5, "", props=b"\x19\x01")), s(connack(5, props=everything)), bye],
            "CONNACK with all 15 properties that fit; the client is auto-1 from there on, its keep "
            "alive 30",
        ),
        (
            "refused",
            [
                c(connect(5, "refused")),
                s(
                    connack(
                        5,
                        0x9D,
                        props=b"\x1c" + text("other.example:1883") + b"\x1f" + text("moved"),
                    )
                ),
            ],
            "CONNACK 0x9D (server moved) with Server Reference",
        ),
        (
            "reasons",
            [
                c(connect(5, "reasons")),
                s(connack(5)),
                c(subscribe(5, [("a", 2), ("b", 1)])),
                s(suback(5, 1, 2, 0x87, props=b"\x1f" + text("b is not for you") + pair("k", "v"))),
                c(publish(5, "x", "1", 1, 2)),
                s(ack(PUBACK, 2, 0x10, b"\x1f" + text("nobody"))),
                c(publish(5, "y", "2", 2, 3)),
                s(ack(PUBREC, 3, 0x97, b"\x1f" + text("quota"))),
                s(publish(5, "a", "3", 2, 1)),
                c(ack(PUBREC, 1, 0x00)),
                s(ack(PUBREL, 1, 0x00, b"")),
                c(ack(PUBCOMP, 1, 0x00)),
                c(unsubscribe(5, ["a", "zz"], 4)),
                s(unsuback(5, 4, 0x00, 0x11)),
                bye,
            ],
            "SUBACK 0x87 for b, PUBACK 0x10, PUBREC 0x97 that ends the handshake, UNSUBACK 0x11 "
            "for zz",
        ),
        (
            "sleeper",
            [c(connect(5, "sleeper", keep_alive=1)), s(connack(5)), s(disconnect(0x8D))],
            "DISCONNECT 0x8D (keep alive timeout) from the server, in this script long before the "
            "time is up",
        ),
        (
            "twin",
            [
                c(connect(5, "twin")),
                s(connack(5)),
                s(disconnect(0x8E, b"\x1f" + text("taken over"))),
            ],
            "DISCONNECT 0x8E (session taken over) from the server",
        ),
        (
            "shutdown",
            [
                c(connect(5, "shutdown")),
                s(connack(5)),
                s(disconnect(0x8B, b"\x1c" + text("other.example") + pair("k", "v"))),
            ],
            "DISCONNECT 0x8B (server shutting down) with Server Reference",
        ),
        (
            "kicked",
            [c(connect(5, "kicked")), s(connack(5)), s(disconnect(0x98))],
            "DISCONNECT 0x98 (administrative action)",
        ),
    ]
    act(stage, scripts)
