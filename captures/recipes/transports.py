# SPDX-License-Identifier: GPL-2.0-or-later
"""How the bytes travel: WebSocket, TLS, other ports, IPv6, other link types, and the shapes that
TCP gives to control packets."""

import os
import ssl


from rawclient import (
    PING,
    PINGRESP,
    PUBACK,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBACK,
    Connection,
    WebSocket,
    ack,
    connect,
    packet,
    publish,
    subscribe,
)
from recipes import capture
from recipes.features import finish_node
from stage import V311, V5, listening, wait_for


def short_visit(stage, name="visitor", host="127.0.0.1", port=1883, version=V311):
    """One client that publishes to itself at each QoS."""
    client = stage.paho(name, version)
    stage.connect(client, host=host, port=port)
    stage.subscribe(client, "visit/#", qos=2)
    for qos in (0, 1, 2):
        stage.publish(client, "visit/%d" % qos, "hello %d" % qos, qos)
    stage.pump(lambda: len(client.received) == 3, "three deliveries")
    stage.pump(seconds=0.1)
    stage.disconnect(client)


def web_broker(stage, port, settings=""):
    """mosquitto 2.0.11 does not start with WebSocket alone, so it listens on 1883 as well."""
    stage.broker("listener %d\nprotocol websockets\n%s" % (port, settings))
    wait_for(lambda: listening(port), "mosquitto listens on port %d" % port)


@capture("websocket.pcapng")
def websocket(stage):
    """MQTT over WebSocket on port 9001, by MQTT.js in 3.1.1 and then in 5.0, and by paho in 3.1.1:
    QoS 0 to 2 both ways, one PUBLISH of 9,000 bytes spread over frames, and a burst of six PUBLISH.
    """
    web_broker(stage, 9001)
    stage.sniff()
    finish_node(stage, stage.mqtt_js("flow", "ws://127.0.0.1:9001/mqtt"))
    client = stage.paho("paho-ws", V311, transport="websockets")
    stage.connect(client, port=9001)
    stage.subscribe(client, "ws/#", qos=2)
    for qos in (0, 1, 2):
        stage.publish(client, "ws/%d" % qos, "hello %d" % qos, qos)
    stage.pump(lambda: len(client.received) == 3, "three deliveries")
    stage.pump(seconds=0.1)
    stage.disconnect(client)
    stage.find.append(
        "no finding but notes; transport WebSocket on all three connections; "
        "js-flow-v4 (3.1.1), js-flow-v5 (5.0), paho-ws (3.1.1)"
    )


def certificate(stage):
    key, crt = (os.path.join(stage.scratch, name) for name in ("key.pem", "cert.pem"))
    stage.run(
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "3650",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout",
        key,
        "-out",
        crt,
    )
    return "certfile %s\nkeyfile %s\n" % (crt, key), crt


def embed_secrets(stage, *key_logs):
    """Puts the TLS secrets into the capture, so that it needs no key log beside it."""
    log = os.path.join(stage.scratch, "all-keys.log")
    with open(log, "w") as out:
        for name in key_logs:
            with open(name) as part:
                # The client random tells the connections apart; comments say what wrote the file.
                out.writelines(line for line in part if not line.startswith("#"))
    stage.uses("editcap")
    stage.stop_sniffing()
    with_keys = stage.raw_capture + ".keys"
    stage.run("editcap", "--inject-secrets", "tls," + log, stage.raw_capture, with_keys)
    os.replace(with_keys, stage.raw_capture)


@capture("websocket-frames.pcapng")
def websocket_frames(stage):
    """MQTT 3.1.1 over WebSocket on port 9001 in frames that no client library makes: several
    control packets in one frame, one in continuation frames with a WebSocket ping in between, one
    byte a frame, one frame in several segments; then a text frame, which MQTT forbids, and a client
    that offers no sub-protocol."""
    web_broker(stage, 9001)
    stage.sniff()
    good = WebSocket(stage, 9001)
    good.send(
        good.frame(
            connect(4, "frames")
            + subscribe(4, [("frames/#", 0)])
            + publish(4, "frames/a", "three in one frame")
        )
    )
    good.heard(b"three in one frame")
    whole = publish(4, "frames/b", "continuation frames")
    good.send(
        good.frame(whole[:1], final=False),
        good.frame(whole[1:9], opcode=0, final=False),
        good.frame(b"ping", opcode=9),
        good.frame(whole[9:], opcode=0),
        pause=0.02,
    )
    good.heard(b"continuation frames")
    for byte in publish(4, "frames/c", "byte by byte"):
        good.send(good.frame(bytes([byte])), pause=0.002)
    good.heard(b"byte by byte")
    long = good.frame(publish(4, "frames/d", "in segments " * 30))
    good.send(long[:3], long[3:100], long[100:], pause=0.02)
    good.heard(b"in segments " * 30)
    good.send(good.frame(packet(14, 0, b"")), good.frame(b"\x03\xe8", opcode=8), pause=0.05)
    good.close(politely=False)
    stage.find.append(
        "stream %d (frames): no finding but notes; four PUBLISH from the client "
        "and four to it" % good.stream
    )
    for bad, options, what in (
        ("text", {}, "CONNECT in a text frame (websocket-text-frame)"),
        (
            "no-protocol",
            {"protocol": None},
            "no sub-protocol is offered (websocket-protocol-not-offered)",
        ),
    ):
        other = WebSocket(stage, 9001, **options)
        other.send(other.frame(connect(4, bad), opcode=1 if bad == "text" else 2))
        answer = other.receive_bytes(0.5)
        if not other.closed and bad != "text":
            other.send(other.frame(packet(14, 0, b"")))
        other.close(politely=False)
        stage.find.append(
            "stream %d (%s): %s; the server sends %s and %s"
            % (
                other.stream,
                bad,
                what,
                "%d bytes" % len(answer) if answer else "nothing",
                "closes" if other.closed else "keeps the connection",
            )
        )


@capture("tls.pcapng")
def tls(stage):
    """MQTT over TLS on port 8883, with the secrets embedded (Decryption Secrets Block): paho in
    3.1.1 over TLS 1.2, paho in 5.0 over TLS 1.3, and MQTT.js in 5.0 over TLS 1.3 with ALPN mqtt
    offered."""
    lines, crt = certificate(stage)
    stage.broker(lines, port=8883)
    stage.sniff()
    log = os.path.join(stage.scratch, "paho-keys.log")
    for name, version, tls_version in (
        ("tls-1-2", V311, ssl.TLSVersion.TLSv1_2),
        ("tls-1-3", V5, ssl.TLSVersion.TLSv1_3),
    ):
        context = ssl.create_default_context(cafile=crt)
        context.minimum_version = context.maximum_version = tls_version
        context.keylog_filename = log
        client = stage.paho(name, version)
        client.tls_set_context(context)
        stage.connect(client, host="localhost", port=8883)
        stage.subscribe(client, "tls/#", qos=2)
        for qos in (0, 1, 2):
            stage.publish(client, "tls/%d" % qos, "secret %d" % qos, qos)
        stage.pump(lambda: len(client.received) == 3, "three deliveries")
        stage.pump(seconds=0.1)
        stage.disconnect(client)
    node_log = os.path.join(stage.scratch, "node-keys.log")
    finish_node(
        stage, stage.mqtt_js("visit", "mqtts://localhost:8883", node=("--tls-keylog=" + node_log,))
    )
    embed_secrets(stage, log, node_log)
    stage.find.append(
        "without the secrets: three TLS connections that cannot be read, which is "
        "a limit and no finding; with them: tls-1-2 (3.1.1), tls-1-3 (5.0), "
        "js-visit (5.0), no finding but notes"
    )


@capture("websocket-tls.pcapng")
def websocket_tls(stage):
    """MQTT over WebSocket over TLS 1.3 on port 8884, by MQTT.js in 3.1.1 and in 5.0, with the
    secrets embedded."""
    lines, _crt = certificate(stage)
    web_broker(stage, 8884, lines)
    stage.sniff()
    log = os.path.join(stage.scratch, "node-keys.log")
    finish_node(
        stage, stage.mqtt_js("flow", "wss://localhost:8884/mqtt", node=("--tls-keylog=" + log,))
    )
    embed_secrets(stage, log)
    stage.find.append(
        "without the secrets: two TLS connections that cannot be read; with them: "
        "js-flow-v4 (3.1.1) and js-flow-v5 (5.0) over WebSocket, no finding but "
        "notes"
    )


@capture("odd-port.pcapng")
def odd_port(stage):
    """MQTT on port 18831, which nothing but the bytes tells: 3.1.1 and 5.0."""
    stage.broker(port=18831)
    stage.sniff()
    short_visit(stage, "odd-v311", port=18831)
    short_visit(stage, "odd-v5", port=18831, version=V5)
    stage.find.append(
        "no finding but notes; both connections are recognised as MQTT, the server "
        "being port 18831"
    )


@capture("ipv6.pcapng")
def ipv6(stage):
    """MQTT 3.1.1 and 5.0 over IPv6 (::1)."""
    stage.broker()
    stage.sniff()
    short_visit(stage, "six-v311", host="::1")
    short_visit(stage, "six-v5", host="::1", version=V5)
    stage.find.append("no finding but notes; addresses ::1")


@capture("linux-cooked-v1.pcap")
def linux_cooked_v1(stage):
    """MQTT 3.1.1 captured on every interface at once, in classic pcap: link type LINUX_SLL."""
    cooked(stage, "LINUX_SLL")


@capture("linux-cooked-v2.pcap")
def linux_cooked_v2(stage):
    """MQTT 3.1.1 captured on every interface at once, in classic pcap: link type LINUX_SLL2."""
    cooked(stage, "LINUX_SLL2")


def cooked(stage, link_type):
    stage.broker()
    stage.sniff(interface="any", program="tcpdump", extra=("-y", link_type))
    short_visit(stage, "cooked")
    stage.find.append("no finding but notes; link type %s" % link_type)


def two_namespaces(stage):
    """A second namespace over a veth pair: 192.0.2.1 on interface left is here, 192.0.2.2 on right
    is there. Returns a process that lives in it."""
    peer = stage.spawn("unshare", "--net", "sleep", "120")
    wait_for(
        lambda: os.readlink("/proc/%d/ns/net" % peer.pid) != os.readlink("/proc/self/ns/net"),
        "the second namespace",
    )
    inside = ("nsenter", "-t", str(peer.pid), "-n")
    stage.run(
        "ip",
        "link",
        "add",
        "left",
        "address",
        "02:00:00:00:00:01",
        "type",
        "veth",
        "peer",
        "name",
        "right",
        "address",
        "02:00:00:00:00:02",
    )
    stage.run("ip", "link", "set", "right", "netns", str(peer.pid))
    for end, name, address in (((), "left", "192.0.2.1/24"), (inside, "right", "192.0.2.2/24")):
        # One segment at a time, as on a real cable.
        stage.run(*end, "ip", "link", "set", name, "up", "gso_max_segs", "1")
        stage.run(*end, "ip", "address", "add", address, "dev", name)
    return peer


@capture("two-hosts.pcapng")
def two_hosts(stage):
    """MQTT 5.0 and 3.1.1 between two network namespaces over a veth pair: addresses 192.0.2.1
    (server) and 192.0.2.2, fixed Ethernet addresses, and a segment size of 1,448 bytes."""
    stage.broker()
    peer = two_namespaces(stage)
    inside = ("nsenter", "-t", str(peer.pid), "-n")
    stage.sniff(interface="left")
    stage.uses("mosquitto_sub")
    listening = stage.spawn(
        *inside,
        "mosquitto_sub",
        "-h",
        "192.0.2.1",
        "-V",
        "5",
        "-i",
        "far-sub",
        "-t",
        "far/#",
        "-q",
        "1",
        "-C",
        "3"
    )
    stage.pump(seconds=0.4)
    big = os.path.join(stage.scratch, "big")
    with open(big, "w") as out:
        out.write("0123456789" * 500)
    for arguments in (
        ("-V", "5", "-q", "1", "-m", "small"),
        ("-V", "mqttv311", "-q", "2", "-f", big),
        ("-V", "5", "-q", "0", "-m", "end"),
    ):
        stage.uses("mosquitto_pub")
        stage.run(
            *inside, "mosquitto_pub", "-h", "192.0.2.1", "-i", "far-pub", "-t", "far/x", *arguments
        )
    listening.wait(5)
    stage.find.append(
        "no finding but notes; the PUBLISH of 5,000 bytes spans segments; far-pub "
        "connects three times, each after the end of its former connection, so "
        "there is no takeover"
    )


@capture("large-payload.pcap")
def large_payload(stage):
    """MQTT 3.1.1 and 5.0, classic pcap: PUBLISH with payloads of 200,000 bytes (QoS 1, from the
    client only), and of 20,000 bytes (QoS 2) there and back: many segments a control packet."""
    stage.broker()
    stage.sniff(program="tcpdump")
    client = stage.paho("large-v311", V311)
    stage.connect(client)
    stage.subscribe(client, "back/#", 2)
    stage.publish(client, "large/there", "0123456789" * 20000, 1)
    stage.publish(client, "back/again", "abcdefghij" * 2000, 2)
    stage.pump(lambda: len(client.received) == 1, "the large message")
    stage.pump(seconds=0.2)
    stage.disconnect(client)
    short_visit(stage, "after-v5", version=V5)
    stage.find.append("no finding but notes; a PUBLISH of 200,000 bytes payload from large-v311")


@capture("many-packets-a-segment.pcapng")
def many_packets(stage):
    """MQTT 5.0: a hundred QoS 0 PUBLISH, fifty QoS 1 PUBLISH and their PUBACKs, and twenty PINGREQ,
    each lot in one segment (loopback carries segments of up to 64 KB); the server answers in fewer
    segments than control packets."""
    stage.broker("max_inflight_messages 100\nset_tcp_nodelay false\n")
    stage.sniff()
    reader = Connection(stage)
    reader.open(5, "reader", props=b"\x21\0\x64")
    reader.send(subscribe(5, [("lot/#", 1)]))
    reader.expect(SUBACK)
    writer = Connection(stage)
    writer.open(5, "writer")
    writer.send(b"".join(publish(5, "lot/0", "number %d" % n) for n in range(100)))
    for _ in range(100):
        reader.expect(PUBLISH)
    writer.send(b"".join(publish(5, "lot/1", "number %d" % n, 1, n + 1) for n in range(50)))
    waiting = []
    for _ in range(50):
        body = reader.expect(PUBLISH)
        waiting.append(int.from_bytes(body[7:9], "big"))
        writer.expect(PUBACK)
    reader.send(b"".join(ack(PUBACK, identifier) for identifier in waiting))
    writer.send(PING * 20)
    for _ in range(20):
        writer.expect(PINGRESP)
    writer.close()
    reader.close()
    stage.find.append(
        "no finding but notes: 150 PUBLISH from writer and as many to reader, 50 "
        "PUBACK each way, 20 PINGREQ and PINGRESP"
    )


@capture("split-packets.pcapng")
def split_packets(stage):
    """MQTT 3.1.1 and 5.0: control packets cut at awkward places by segments that are sent apart:
    within the fixed header, between the bytes of the Remaining Length, within the topic length, one
    byte a segment, and the end of one with the start of the next."""
    stage.broker()
    stage.sniff()
    for level, name in ((4, "split-v311"), (5, "split-v5")):
        connection = Connection(stage)

        def cut(data, *places):
            ends = (*places, len(data))
            connection.send(*(data[a:b] for a, b in zip((0, *places), ends)), pause=0.02)

        cut(connect(level, name), 1, 2, 5, 12)
        connection.expect(2)
        cut(subscribe(level, [("split/#", 1)]), 1, 3)
        connection.expect(SUBACK)
        large = publish(
            level, "split/large", "x" * 20000, 1, 1
        )  # a Remaining Length of three bytes
        cut(large, 1, 2, 3, 4, 5, 6, 30, 10000)
        while connection.receive(2)[0] >> 4 != PUBLISH:
            pass  # the PUBACK may come first or second
        connection.send(ack(PUBACK, 1))
        one, two = publish(level, "split/two", "y" * 200, 2, 2), publish(
            level, "split/one", "z", 1, 3
        )
        cut(one + two, 1, 2, len(one) - 1, len(one) + 1, len(one) + 2)
        while connection.receive(2)[0] >> 4 != PUBREC:
            pass  # the PUBACK of the large one may be still on its way
        cut(ack(PUBREL, 2), 1, 2, 3)
        for byte in PING:
            connection.send(bytes([byte]), pause=0.02)
        left = []
        while True:
            found = connection.receive(0.4)
            if not found:
                break
            if found[0] >> 4 == PUBLISH:
                size = int.from_bytes(found[1][:2], "big")
                left.append(int.from_bytes(found[1][2 + size : 4 + size], "big"))
        connection.send(b"".join(ack(PUBACK, identifier) for identifier in left))
        connection.close()
        stage.find.append("stream %d (%s): no finding but notes" % (connection.stream, name))
