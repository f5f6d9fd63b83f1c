# SPDX-License-Identifier: GPL-2.0-or-later
"""One violation a connection: control packets that are wrong in themselves."""

from rawclient import (
    CONNECT,
    DISCONNECT,
    PINGREQ,
    PUBACK,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBSCRIBE,
    UNSUBSCRIBE,
    AUTH,
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
    u8,
    u16,
    u32,
    unsubscribe,
    varint,
    will,
)
from recipes import capture

PADDED_ZERO = b"\x80\x00"  # zero as a variable byte integer of two bytes
BAD_TEXT = b"bad/\xff\xfe"
SURROGATE = b"bad/\xed\xa0\x80"
OVERLONG = b"bad/\xc0\xaf"
WITH_NUL = b"bad/\0nul"


def report(stage, connection, who, what, reaction):
    stage.find.append("stream %d (%s): %s; %s" % (connection.stream, who, what, reaction))


def play(stage, level, cases):
    """Each case is (client id, control packets to send after CONNACK, what is wrong). A step that
    is a function is called with the connection and returns the bytes, if any."""
    for client_id, steps, what in cases:
        connection = Connection(stage)
        connection.open(level, client_id)
        for step in steps:
            data = step(connection) if callable(step) else step
            if data:
                connection.send(data)
        report(stage, connection, client_id, what, connection.reaction(level, 0.25))
        connection.close()


def delivered(level, qos):
    """Steps that make the server send a QoS 1 or 2 PUBLISH to this very client, and wait for it."""
    return [
        subscribe(level, [("echo/%d" % qos, qos)]),
        publish(level, "echo/%d" % qos, "hello", qos, 9),
    ] + [lambda c: settle(c, qos)]


def settle(connection, qos):
    """Reads until the server's own PUBLISH is there; completes our QoS 2 handshake on the way."""
    for _ in range(6):
        found = connection.receive(2)
        assert found, "the server's PUBLISH did not come"
        kind = found[0] >> 4
        if kind == PUBREC:
            connection.send(ack(PUBREL, 9))
        if kind == PUBLISH:
            return


def pubrec_exchange(level):
    """A QoS 2 publication up to its PUBREC."""

    def wait(connection):
        connection.expect(PUBREC)

    return [publish(level, "two", "x", 2, 7), wait]


def common(level):
    """What is malformed in 3.1.1 and in 5.0 alike."""

    def sub(name, options=0, **rest):
        return subscribe(level, [(name, options)], **rest)

    no_properties = properties(level, b"")
    return [
        ("flags-pingreq", [packet(PINGREQ, 1, b"")], "PINGREQ with reserved flags 0001"),
        (
            "flags-subscribe",
            [sub("a", flags=0)],
            "SUBSCRIBE with reserved flags 0000 instead of " "0010",
        ),
        (
            "flags-unsubscribe",
            [unsubscribe(level, ["a"], flags=0)],
            "UNSUBSCRIBE with reserved flags 0000 instead of 0010",
        ),
        (
            "flags-pubrel",
            pubrec_exchange(level) + [ack(PUBREL, 7, flags=0)],
            "PUBREL with reserved flags 0000 instead of 0010",
        ),
        (
            "flags-puback",
            delivered(level, 1) + [ack(PUBACK, 1, flags=4)],
            "PUBACK with reserved flags 0100",
        ),
        ("flags-disconnect", [packet(DISCONNECT, 1, b"")], "DISCONNECT with reserved flags 0001"),
        (
            "qos-3",
            [packet(PUBLISH, 6, text("t") + u16(1) + no_properties + b"x")],
            "PUBLISH with both QoS bits set",
        ),
        ("dup-qos-0", [publish(level, "t", "x", dup=True)], "PUBLISH with DUP 1 and QoS 0"),
        (
            "id-0-publish",
            [publish(level, "t", "x", 1, 0)],
            "QoS 1 PUBLISH with packet identifier " "0",
        ),
        ("id-0-subscribe", [sub("t", identifier=0)], "SUBSCRIBE with packet identifier 0"),
        (
            "id-0-unsubscribe",
            [unsubscribe(level, ["t"], 0)],
            "UNSUBSCRIBE with packet identifier 0",
        ),
        ("wildcard-plus", [publish(level, "a/+/b", "x")], "PUBLISH whose topic name holds +"),
        ("wildcard-hash", [publish(level, "a/#", "x")], "PUBLISH whose topic name holds #"),
        (
            "topic-bad-utf8",
            [publish(level, BAD_TEXT, "x")],
            "PUBLISH whose topic name holds " "bytes FF FE",
        ),
        (
            "topic-surrogate",
            [publish(level, SURROGATE, "x")],
            "PUBLISH whose topic name holds a surrogate (U+D800)",
        ),
        (
            "topic-overlong",
            [publish(level, OVERLONG, "x")],
            "PUBLISH whose topic name holds an " "overlong form of /",
        ),
        ("topic-nul", [publish(level, WITH_NUL, "x")], "PUBLISH whose topic name holds U+0000"),
        (
            "topic-control",
            [publish(level, b"bell/\x07", "x")],
            "PUBLISH whose topic name holds the control character U+0007: should not be there, yet "
            "is not malformed",
        ),
        (
            "topic-empty",
            [publish(level, "", "x")],
            "PUBLISH with an empty topic name" + (" and no topic alias" if level == 5 else ""),
        ),
        (
            "topic-cut",
            [packet(PUBLISH, 0, u16(50) + b"short")],
            "PUBLISH whose topic name is longer than the packet",
        ),
        (
            "subscribe-empty",
            [packet(SUBSCRIBE, 2, u16(1) + no_properties)],
            "SUBSCRIBE without a topic filter",
        ),
        (
            "unsubscribe-empty",
            [packet(UNSUBSCRIBE, 2, u16(1) + no_properties)],
            "UNSUBSCRIBE without a topic filter",
        ),
        ("subscribe-qos-3", [sub("t", 3)], "SUBSCRIBE that asks for QoS 3"),
        (
            "subscribe-reserved",
            [sub("t", 0xC0 if level == 5 else 0x10)],
            "SUBSCRIBE with reserved bits set in the "
            + ("subscription options" if level == 5 else "requested QoS"),
        ),
        (
            "subscribe-cut",
            [packet(SUBSCRIBE, 2, u16(1) + no_properties + text("t"))],
            "SUBSCRIBE that ends after the topic filter, without its "
            + ("options" if level == 5 else "requested QoS"),
        ),
        ("filter-hash-inside", [sub("a/#/b")], "topic filter a/#/b: # is not the last level"),
        ("filter-hash-glued", [sub("a#")], "topic filter a#: # does not fill its level"),
        ("filter-plus-glued", [sub("a+/b")], "topic filter a+/b: + does not fill its level"),
        ("filter-empty", [sub("")], "SUBSCRIBE with an empty topic filter"),
        ("filter-bad-utf8", [sub(BAD_TEXT)], "SUBSCRIBE whose topic filter holds bytes FF FE"),
        ("filter-nul", [sub(WITH_NUL)], "SUBSCRIBE whose topic filter holds U+0000"),
        (
            "unsubscribe-bad-utf8",
            [unsubscribe(level, [BAD_TEXT])],
            "UNSUBSCRIBE whose topic filter holds bytes FF FE",
        ),
        ("length-five-bytes", [b"\x30\x80\x80\x80\x80\x01"], "Remaining Length of five bytes"),
        (
            "length-not-minimal",
            [b"\xc0" + PADDED_ZERO],
            "PINGREQ whose Remaining Length 0 takes "
            "two bytes" + ("" if level == 5 else " (3.1.1 has no numbered statement against it)"),
        ),
        ("type-0", [b"\x00\x00"], "control packet type 0, which is reserved"),
        (
            "pingreq-body",
            [packet(PINGREQ, 0, b"\x01")],
            "PINGREQ with a byte after its fixed " "header",
        ),
        (
            "puback-cut",
            [packet(PUBACK, 0, b"\x00")],
            "PUBACK of one byte: its packet identifier " "is cut",
        ),
    ]


@capture("malformed-v311.pcapng")
def malformed_v311(stage):
    """MQTT 3.1.1: malformed control packets, one a connection, each after an accepted CONNECT whose
    client identifier names the violation. What has no DISCONNECT from the client was closed by the
    server."""
    stage.broker()
    stage.sniff()
    play(
        stage,
        4,
        common(4)
        + [
            ("type-15", [b"\xf0\x00"], "control packet type 15, which is reserved in 3.1.1"),
            (
                "puback-long",
                delivered(4, 1) + [packet(PUBACK, 0, u16(1) + b"\0")],
                "PUBACK of three bytes",
            ),
            (
                "disconnect-body",
                [packet(DISCONNECT, 0, b"\0")],
                "DISCONNECT with a byte after its " "fixed header",
            ),
        ],
    )


def number(identifier, value):
    """A property whose value is one byte."""
    return u8(identifier) + u8(value)


@capture("malformed-v5.pcapng")
def malformed_v5(stage):
    """MQTT 5.0: malformed control packets and properties, one a connection, each after an accepted
    CONNECT whose client identifier names the violation. What has no DISCONNECT from the client was
    closed by the server."""
    stage.broker()
    stage.sniff()
    play(stage, 5, common(5))


@capture("malformed-properties-v5.pcapng")
def malformed_properties_v5(stage):
    """MQTT 5.0: violations in properties, reason codes and subscription options, one a connection,
    each after an accepted CONNECT whose client identifier names the violation. What has no
    DISCONNECT from the client was closed by the server."""
    stage.broker()
    stage.sniff()
    content = b"\x03" + text("text/plain")

    def pub(props):
        return publish(5, "t", "x", props=props)

    def sub(name="t", options=0, props=b""):
        return subscribe(5, [(name, options)], props=props)

    play(
        stage,
        5,
        [
            ("alias-0", [pub(b"\x23" + u16(0))], "PUBLISH with topic alias 0"),
            (
                "alias-twice",
                [pub((b"\x23" + u16(1)) * 2)],
                "PUBLISH with two Topic Alias properties",
            ),
            ("content-type-twice", [pub(content * 2)], "PUBLISH with two Content Type properties"),
            (
                "property-not-allowed",
                [pub(b"\x13" + u16(60))],
                "PUBLISH with a Server Keep Alive " "property",
            ),
            (
                "property-unknown",
                [pub(b"\x7f\x00")],
                "PUBLISH with the unknown property identifier " "0x7F",
            ),
            (
                "property-id-not-minimal",
                [pub(b"\x83\x00" + text("text/plain"))],
                "PUBLISH whose property identifier 3 takes two bytes",
            ),
            (
                "property-length-past-end",
                [packet(PUBLISH, 0, text("t") + varint(100) + b"\x01\x00")],
                "PUBLISH whose property length goes past the end of the packet",
            ),
            (
                "property-cut",
                [packet(PUBLISH, 0, text("t") + varint(3) + b"\x02\0\0" + b"x")],
                "PUBLISH whose Message Expiry Interval goes past the end of the properties",
            ),
            (
                "property-length-not-minimal",
                [packet(PUBLISH, 0, text("t") + PADDED_ZERO + b"x")],
                "PUBLISH whose property length 0 takes two bytes",
            ),
            ("payload-format-2", [pub(number(1, 2))], "PUBLISH with Payload Format Indicator 2"),
            (
                "payload-not-utf8",
                [publish(5, "t", b"\xff\xfe", props=number(1, 1))],
                "PUBLISH with Payload Format Indicator 1 whose payload FF FE is not UTF-8",
            ),
            (
                "response-topic-wildcard",
                [pub(b"\x08" + text("a/#"))],
                "PUBLISH whose Response Topic holds #",
            ),
            (
                "response-topic-bad-utf8",
                [pub(b"\x08" + text(BAD_TEXT))],
                "PUBLISH whose Response Topic holds bytes FF FE",
            ),
            (
                "content-type-bad-utf8",
                [pub(b"\x03" + text(BAD_TEXT))],
                "PUBLISH whose Content Type holds bytes FF FE",
            ),
            (
                "user-property-bad-utf8",
                [pub(pair(b"\xff", "v"))],
                "PUBLISH with a User Property whose name is the byte FF",
            ),
            (
                "publish-subscription-id",
                [pub(b"\x0b\x05")],
                "a client's PUBLISH with a Subscription " "Identifier",
            ),
            (
                "subscription-id-0",
                [sub(props=b"\x0b\x00")],
                "SUBSCRIBE with Subscription Identifier 0",
            ),
            (
                "subscription-id-twice",
                [sub(props=b"\x0b\x01\x0b\x02")],
                "SUBSCRIBE with two Subscription Identifiers",
            ),
            (
                "subscription-id-not-minimal",
                [sub(props=b"\x0b\x81\x00")],
                "SUBSCRIBE whose Subscription Identifier 1 takes two bytes",
            ),
            ("retain-handling-3", [sub(options=0x30)], "SUBSCRIBE with Retain Handling 3"),
            (
                "shared-no-local",
                [sub("$share/group/t", 4)],
                "SUBSCRIBE with No Local on a shared " "subscription",
            ),
            (
                "share-name-empty",
                [sub("$share//t")],
                "topic filter $share//t: the share name is empty",
            ),
            (
                "share-no-filter",
                [sub("$share/group")],
                "topic filter $share/group: no filter after " "the share name",
            ),
            (
                "share-name-wildcard",
                [sub("$share/gr+up/t")],
                "topic filter $share/gr+up/t: + in the " "share name",
            ),
            (
                "puback-reason",
                delivered(5, 1) + [ack(PUBACK, 1, 0x55)],
                "PUBACK with the undefined reason code 0x55",
            ),
            (
                "pubrec-reason",
                delivered(5, 2) + [ack(PUBREC, 1, 0x01)],
                "PUBREC with reason code 0x01, which is not one of PUBREC's (and the PUBREL that "
                "follows is not answered)",
            ),
            (
                "pubrel-reason",
                pubrec_exchange(5) + [ack(PUBREL, 7, 0x10)],
                "PUBREL with reason code 0x10, which is not one of PUBREL's",
            ),
            (
                "puback-property",
                delivered(5, 1) + [ack(PUBACK, 1, 0, content)],
                "PUBACK with a Content Type property",
            ),
            (
                "puback-reason-string-twice",
                delivered(5, 1) + [ack(PUBACK, 1, 0, (b"\x1f" + text("ok")) * 2)],
                "PUBACK with two Reason String properties",
            ),
            (
                "disconnect-reason",
                [disconnect(0x02)],
                "DISCONNECT with the undefined reason code 0x02",
            ),
            (
                "disconnect-server-reason",
                [disconnect(0x8B)],
                "a client's DISCONNECT with reason code 0x8B (server shutting down), which only a "
                "server sends",
            ),
            (
                "disconnect-server-reference",
                [disconnect(0x00, b"\x1c" + text("elsewhere"))],
                "a client's DISCONNECT with a Server Reference, which only a server sends",
            ),
            (
                "disconnect-expiry",
                [disconnect(0x00, b"\x11" + u32(60))],
                "DISCONNECT sets Session Expiry Interval 60 although CONNECT had none (0)",
            ),
            (
                "auth-no-method",
                [packet(AUTH, 0, u8(0x19) + varint(0))],
                "AUTH without Authentication Method",
            ),
            (
                "auth-reason",
                [packet(AUTH, 0, u8(0x01) + properties(5, b"\x15" + text("m")))],
                "AUTH with the undefined reason code 0x01, and without a method in CONNECT",
            ),
            (
                "auth-flags",
                [packet(AUTH, 1, u8(0x18) + properties(5, b"\x15" + text("m")))],
                "AUTH with reserved flags 0001, and without a method in CONNECT",
            ),
        ],
    )


@capture("malformed-connect.pcapng")
def malformed_connect(stage):
    """CONNECT packets that are malformed or refused, one a connection, in 3.1, 3.1.1 and 5.0. The
    client identifier names the violation where there is one."""
    stage.broker()
    stage.sniff()
    w = 0x04  # the will flag
    cases = []
    for level in (4, 5):
        v = "3.1.1" if level == 4 else "5.0"

        def con(client_id, level=level, **rest):
            return connect(level, client_id, **rest)

        wrong = text("will") + text("gone")
        cases += [
            (
                v,
                "reserved-flag",
                con("reserved-flag", flags=1),
                "reserved bit of the connect flags set",
            ),
            (
                v,
                "fixed-header-flags",
                b"\x11" + con("fixed-header-flags")[1:],
                "CONNECT with reserved flags 0001",
            ),
            (
                v,
                "will-qos-no-will",
                con("will-qos-no-will", flags=0x08),
                "will flag 0 with will QoS 1",
            ),
            (
                v,
                "will-retain-no-will",
                con("will-retain-no-will", flags=0x20),
                "will flag 0 with will retain 1",
            ),
            (
                v,
                "will-qos-3",
                con("will-qos-3", flags=w | 0x18, payload=will(level, "will", "gone")),
                "will QoS 3",
            ),
            (
                v,
                "will-topic-wildcard",
                con("will-topic-wildcard", flags=w, payload=will(level, "will/#", "gone")),
                "will topic holds #",
            ),
            (
                v,
                "will-topic-empty",
                con("will-topic-empty", flags=w, payload=will(level, "", "gone")),
                "will topic is empty",
            ),
            (
                v,
                "will-topic-bad-utf8",
                con("will-topic-bad-utf8", flags=w, payload=will(level, BAD_TEXT, "gone")),
                "will topic holds bytes FF FE",
            ),
            (
                v,
                "user-bad-utf8",
                con("user-bad-utf8", flags=0x80, payload=text(BAD_TEXT)),
                "user name holds bytes FF FE",
            ),
            (
                v,
                "user-missing",
                con("user-missing", flags=0x80),
                "user name flag 1, but the packet ends before the user name",
            ),
            (
                v,
                "password-missing",
                con("password-missing", flags=0xC0, payload=text("user")),
                "password flag 1, but the packet ends before the password",
            ),
            (
                v,
                "password-no-user",
                con("password-no-user", flags=0x40, payload=text("secret")),
                "password without user name"
                + (", which only 5.0 allows" if level == 4 else ": allowed in 5.0, no finding"),
            ),
            (
                v,
                "trailing-bytes",
                con("trailing-bytes", payload=wrong),
                "bytes after the last field",
            ),
            (v, "client id holds FF", con(b"id-\xff"), "client identifier holds the byte FF"),
            (v, "client id holds NUL", con(b"id-\0nul"), "client identifier holds U+0000"),
            (v, "protocol-name", con("protocol-name", name="MQTX"), "protocol name MQTX"),
        ]
    cases += [
        (
            "3.1.1",
            "empty client id",
            connect(4, "", clean=False),
            "empty client identifier with clean session 0: CONNACK 0x02",
        ),
        (
            "3.1",
            "empty client id",
            connect(3, ""),
            "empty client identifier, which 3.1 does not " "allow: CONNACK 0x02",
        ),
        (
            "3.1",
            "long client id",
            connect(3, "a-client-identifier-of-36-characters"),
            "client identifier of 36 characters; 3.1 allows 23",
        ),
        (
            "3.1.1",
            "no level",
            packet(CONNECT, 0, text("MQTT")),
            "CONNECT ends after the protocol name",
        ),
        ("level 9", "level-9", connect(9, "level-9"), "unsupported protocol level 9"),
        (
            "level 4",
            "isdp-level-4",
            connect(4, "isdp-level-4", name="MQIsdp"),
            "protocol name MQIsdp with level 4",
        ),
        (
            "level 3",
            "mqtt-level-3",
            connect(3, "mqtt-level-3", name="MQTT"),
            "protocol name MQTT with level 3",
        ),
    ]

    def con5(client_id, what, props=b"", **rest):
        cases.append(("5.0", client_id, connect(5, client_id, props=props, **rest), what))

    con5("expiry-twice", "two Session Expiry Intervals", (b"\x11" + u32(9)) * 2)
    con5("receive-maximum-0", "Receive Maximum 0", b"\x21" + u16(0))
    con5("packet-size-0", "Maximum Packet Size 0", b"\x27" + u32(0))
    con5("response-information-2", "Request Response Information 2", number(0x19, 2))
    con5("problem-information-2", "Request Problem Information 2", number(0x17, 2))
    con5(
        "auth-data-alone",
        "Authentication Data without Authentication Method",
        b"\x16" + text("data"),
    )
    con5("connect-not-allowed", "Topic Alias property in CONNECT", b"\x23" + u16(1))
    con5("connect-unknown", "unknown property identifier 0x7F", b"\x7f\x00")
    con5(
        "will-not-allowed",
        "Topic Alias property among the will properties",
        flags=w,
        payload=will(5, "will", "gone", b"\x23" + u16(1)),
    )
    con5(
        "will-delay-twice",
        "two Will Delay Intervals",
        flags=w,
        payload=will(5, "will", "gone", (b"\x18" + u32(1)) * 2),
    )
    con5(
        "will-format-2",
        "will Payload Format Indicator 2",
        flags=w,
        payload=will(5, "will", "gone", number(1, 2)),
    )
    con5(
        "will-response-wildcard",
        "will Response Topic holds +",
        flags=w,
        payload=will(5, "will", "gone", b"\x08" + text("a/+")),
    )
    for version, name, data, what in cases:
        connection = Connection(stage)
        connection.send(data)
        report(
            stage,
            connection,
            name + ", " + version,
            what,
            connection.reaction(5 if version == "5.0" else 4, 0.25),
        )
        connection.close()
