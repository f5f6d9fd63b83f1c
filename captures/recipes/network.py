# SPDX-License-Identifier: GPL-2.0-or-later
"""What the network and the broker's process do to connections; and what is not MQTT at all."""

import contextlib
import ctypes
import os
import signal
import socket
import time
import urllib.request

from rawclient import PING, PINGRESP, PUBACK, PUBLISH, SUBACK, Connection, ack, publish, subscribe
from recipes import capture
from recipes.transports import two_namespaces
from stage import V311, V5, listening, wait_for

HERE_ADDRESS = "192.0.2.1/24"


@contextlib.contextmanager
def inside(process):
    """What is opened in this block belongs to the network namespace of that process."""
    setns = ctypes.CDLL(None, use_errno=True).setns
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    other = os.open("/proc/%d/ns/net" % process.pid, os.O_RDONLY)
    try:
        if setns(other, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        yield
    finally:
        setns(own, 0)
        os.close(own)
        os.close(other)


@capture("broker-stalls.pcapng")
def broker_stalls(stage):
    """3.1.1 and 5.0: the broker's process is stopped for four seconds, so that a PINGREQ and a QoS
    1 PUBLISH wait; one client goes on after that, one has dropped its connection meanwhile and
    resumes its session, with what was never acknowledged."""
    broker = stage.broker()
    stage.sniff()
    patient = stage.paho("patient", V5)
    stage.connect(patient, keep_alive=20)
    pinger = Connection(stage)
    pinger.open(4, "pinger")
    hasty = stage.paho("hasty", V311, clean=False)
    stage.connect(hasty)
    broker.send_signal(signal.SIGSTOP)
    mid = patient.publish("stall/a", "waits", 1).mid
    pinger.send(PING)
    hasty.publish("stall/b", "sent twice", 1)
    stage.pump(seconds=1)
    stage.drop(hasty)
    stage.pump(seconds=3)
    broker.send_signal(signal.SIGCONT)
    stage.pump(lambda: mid in patient.acked, "the late PUBACK")
    pinger.expect(PINGRESP)
    stage.pump(seconds=0.3)
    stage.connect(hasty)
    stage.pump(lambda: len(hasty.acked) == 1, "the PUBACK of the redelivery")
    pinger.close()
    stage.disconnect(hasty)
    stage.disconnect(patient)
    stage.find.append(
        "patient (5.0): PUBACK about 4 s after its PUBLISH; pinger (3.1.1): "
        "PINGRESP about 4 s after PINGREQ; hasty (3.1.1, clean session 0): its "
        "first connection ends without DISCONNECT, and the PUBACK comes three "
        "seconds after the client's FIN and is answered by RST; on its second "
        "connection, with session present 1, it sends the PUBLISH again with DUP 1"
    )


@capture("broker-ends.pcapng")
def broker_ends(stage):
    """3.1.1 and 5.0: the broker's process is terminated (SIGTERM), started again, and killed
    (SIGKILL); each time one client of each version is connected."""
    broker = stage.broker()
    stage.sniff()
    for how, name in ((signal.SIGTERM, "terminated"), (signal.SIGKILL, "killed")):
        clients = [
            stage.paho("%s-%s" % (name, suffix), version)
            for version, suffix in ((V311, "v311"), (V5, "v5"))
        ]
        for client in clients:
            stage.connect(client)
            stage.publish(client, "ends/" + name, "still there", 1)
        broker.send_signal(how)
        broker.wait()
        stage.pump(
            lambda: not any(client.socket() for client in stage.clients), "both connections end"
        )
        stage.clients.clear()
        if how == signal.SIGTERM:
            broker = stage.broker()
    stage.find.append(
        "all four connections are closed by the server (FIN) without a control "
        "packet: mosquitto 2.0.11 sends no DISCONNECT 0x8B when it is terminated; "
        "the clients' sessions are over"
    )


@capture("link-cut.pcapng")
def link_cut(stage):
    """3.1.1 between two hosts (veth), captured on the client's side: the server cannot be reached
    for 1.5 s while a QoS 1 PUBLISH is under way, which TCP sends again; then it cannot be reached
    any more, and the client's TCP gives up after three seconds."""
    stage.broker()
    peer = two_namespaces(stage)
    stage.sniff(interface="right", namespace_of=peer)
    with inside(peer):
        client = Connection(stage, host="192.0.2.1")
    client.open(4, "cut-off")
    client.send(publish(4, "cut/a", "first", 1, 1))
    client.expect(PUBACK)
    # Without its address the server's host takes nothing in, while the wire stays up.
    stage.run("ip", "address", "del", HERE_ADDRESS, "dev", "left")
    client.send(publish(4, "cut/a", "second", 1, 2))
    time.sleep(1.5)
    stage.run("ip", "address", "add", HERE_ADDRESS, "dev", "left")
    client.expect(PUBACK, seconds=5)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000)
    stage.run("ip", "address", "del", HERE_ADDRESS, "dev", "left")
    client.send(publish(4, "cut/a", "third", 1, 3))
    while not client.closed:
        client.receive(1)
    client.socket.close()
    stage.find.append(
        "cut-off: PUBACK for identifier 2 comes after some two seconds and several "
        "TCP retransmissions, which are no redelivery: the PUBLISH counts once; "
        "identifier 3 is never acknowledged, and the connection ends with "
        "retransmissions that nobody answers, without FIN or RST"
    )


@capture("slow-consumer.pcapng")
def slow_consumer(stage):
    """5.0: a subscriber with a small receive buffer does not read for two seconds while 60 QoS 1
    messages of 1,000 bytes come: its TCP window closes (zero window); then it reads and
    acknowledges everything."""
    stage.broker("max_inflight_messages 100\nmax_queued_messages 0\n")
    stage.sniff()
    slow = Connection(stage, receive_buffer=4096)
    slow.open(5, "slow", props=b"\x21\x00\x64")
    slow.send(subscribe(5, [("slow/#", 1)]))
    slow.expect(SUBACK)
    fast = Connection(stage)
    fast.open(5, "fast")
    for identifier in range(1, 61):
        fast.send(publish(5, "slow/x", "%-1000d" % identifier, 1, identifier))
        fast.expect(PUBACK)
    time.sleep(2)
    for _ in range(60):
        body = slow.expect(PUBLISH, seconds=5)
        slow.send(ack(PUBACK, int.from_bytes(body[8:10], "big")))
    slow.reaction(5, 0.3)
    fast.close()
    slow.close()
    stage.find.append(
        "no finding but notes; slow: zero window, and up to 60 PUBLISH in flight "
        "for two seconds and more"
    )


@capture("port-reuse.pcapng")
def port_reuse(stage):
    """3.1.1 and 5.0: three connections from the same client port one after another, the first two
    ended by RST: three TCP streams with equal addresses and ports."""
    stage.broker()
    stage.sniff()
    for level, client_id in ((4, "first"), (5, "second"), (4, "third")):
        connection = Connection(stage, source_port=40000)
        connection.open(level, client_id)
        connection.send(publish(level, "reuse/" + client_id, "hello", 1, 1))
        connection.expect(PUBACK)
        if client_id == "third":
            connection.close()
        else:
            connection.reset()
        time.sleep(0.1)
        stage.find.append(
            "stream %d (%s): a connection of its own, %s"
            % (connection.stream, client_id, "5.0" if level == 5 else "3.1.1")
        )


@capture("not-mqtt.pcapng")
def not_mqtt(stage):
    """Traffic that is not MQTT: HTTP on port 8080, arbitrary bytes on port 7777, an HTTP request
    sent to the broker's port 1883, and a connection to port 1883 on which nothing is said."""
    stage.broker()
    stage.spawn("/usr/bin/python3", "-m", "http.server", "8080", "--directory", stage.scratch)
    wait_for(lambda: listening(8080), "the HTTP server")
    listener = socket.create_server(("127.0.0.1", 7777))
    with open(os.path.join(stage.scratch, "page"), "w") as out:
        out.write("nothing to see here\n" * 50)
    stage.sniff()
    stage.uses("python3 http.server")
    for path in ("page", "absent"):
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen("http://127.0.0.1:8080/" + path).read()
    noise = Connection(stage, port=7777)
    other, _ = listener.accept()
    for n in range(
        6
    ):  # bytes that look like fixed headers and lead nowhere, but start with no CONNECT
        noise.send(bytes((n * 37 + i * i) & 0xFF for i in range(1, 200)), pause=0.01)
        other.sendall(bytes((n * 91 + i * 7) & 0xFF for i in range(1, 100)))
    noise.close(politely=False)
    other.close()
    lost = Connection(stage)
    lost.send(b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n")
    reaction = lost.reaction(4)
    lost.close(politely=False)
    mute = Connection(stage)
    time.sleep(0.2)
    mute.close(politely=False)
    stage.find.append(
        "ports 8080 and 7777 are not taken for MQTT; the HTTP request on port 1883 "
        "is not MQTT either (%s); the silent connection on port 1883 has no "
        "control packet" % reaction
    )
