# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong in the field, again and again: for the diagnoses, each with something lawful beside it
that looks alike."""

import os
import select
import socket
import struct
import threading
import time

from rawclient import (
    PING,
    PINGRESP,
    PUBACK,
    PUBLISH,
    SUBACK,
    Connection,
    ack,
    connect,
    publish,
    subscribe,
    text,
    will,
)
from recipes import capture
from stage import V311


@capture("two-devices.pcapng")
def two_devices(stage):
    """3.1.1: two devices, 127.0.0.2 and 127.0.0.3, have one client identifier and throw each other off
    six times; a third one, 127.0.0.4, loses its network three times and comes back before the broker has
    noticed; a fourth one reconnects four times as it should."""
    stage.broker()
    stage.sniff()
    twins = [stage.paho("gateway", V311) for _ in range(2)]
    for turn in range(7):
        twin = twins[turn % 2]
        stage.connect(twin, bind_address="127.0.0.%d" % (2 + turn % 2))
        stage.publish(twin, "plant/gateway", "turn %d" % turn, 1)
        stage.pump(seconds=0.3)
    for _ in range(4):
        roamer = stage.paho("roamer", V311)
        stage.connect(roamer, bind_address="127.0.0.4")
        stage.publish(roamer, "plant/roamer", "here", 1)
        stage.mute(roamer)
        stage.pump(seconds=1.2)
    for _ in range(4):
        tidy = stage.paho("tidy", V311)
        stage.connect(tidy, bind_address="127.0.0.5")
        stage.publish(tidy, "plant/tidy", "here", 1)
        stage.disconnect(tidy)
    stage.find.append("gateway: six takeovers, which alternate between two addresses")
    stage.find.append("roamer: three takeovers by the same address after 1.2 s of silence")
    stage.find.append("tidy: four connections, each ended by DISCONNECT: no finding")


class Relay:
    """A box in between that forgets connections on which nothing was sent for `idle` seconds, and resets
    both sides."""

    def __init__(self, port, to, idle):
        self.idle, self.to = idle, to
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.to))
            threading.Thread(target=self.carry, args=(client, server), daemon=True).start()

    def carry(self, client, server):
        ends = {client: server, server: client}
        while True:
            readable, _, _ = select.select(list(ends), [], [], self.idle)
            if not readable:
                for end in ends:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            data = {end: end.recv(65536) for end in readable}
            if not readable or not all(data.values()):
                break
            for end, received in data.items():
                ends[end].sendall(received)
        for end in ends:
            end.close()


@capture("middlebox-idle.pcapng")
def middlebox_idle(stage):
    """3.1.1: a box between clients and broker resets connections on which nothing was sent for six
    seconds; of six clients five are silent for that long, at different ages, and the sixth pings."""
    stage.broker(port=1884)
    Relay(1883, 1884, 6)
    stage.sniff(extra=("-f", "tcp port 1883"))
    meters = []
    for n in range(5):
        meter = Connection(stage)
        meter.open(4, "meter-%d" % n, keep_alive=300)
        meters.append(meter)
    pinger = Connection(stage)
    pinger.open(4, "pinger", keep_alive=3)
    for n in range(10):
        for late, meter in enumerate(meters):
            if n <= 2 * late:
                meter.send(publish(4, "meter/%d" % late, "%d" % n, 1, n + 1))
                meter.expect(PUBACK)
        pinger.send(PING)
        pinger.expect(PINGRESP)
        time.sleep(0.8)
    for meter in meters:
        while not meter.closed:
            meter.receive(0.2)
            pinger.send(PING)
            pinger.expect(PINGRESP)
        meter.socket.close()
    pinger.close()
    stage.find.append(
        "meter-0 to meter-4: reset from the server's side after 6 s of silence, their keep alive is 300 s; "
        "pinger: no finding"
    )


@capture("poison-message.pcapng")
def poison_message(stage):
    """3.1.1: a client crashes (RST) whenever it gets a certain QoS 1 message, which the broker sends
    again on each of its next connections; another client takes the same message, and crashes for
    reasons of its own."""
    stage.broker()
    stage.sniff()
    robust = Connection(stage)
    robust.open(4, "robust")
    robust.send(subscribe(4, [("plant/firmware", 1)]))
    robust.expect(SUBACK)
    valve = Connection(stage)
    valve.open(4, "valve", clean=False)
    valve.send(subscribe(4, [("plant/firmware", 1)]))
    valve.expect(SUBACK)
    sender = Connection(stage)
    sender.open(4, "sender")
    for n, payload in enumerate(("version 1", "version 2, with a bad length")):
        sender.send(publish(4, "plant/firmware", payload, 1, n + 1))
        sender.expect(PUBACK)
        robust.expect(PUBLISH)
        robust.send(ack(PUBACK, n + 1))
        valve.expect(PUBLISH)
        if n == 0:
            valve.send(ack(PUBACK, 1))
    for _ in range(3):
        valve.reset()
        time.sleep(0.3)
        valve = Connection(stage)
        valve.open(4, "valve", clean=False)
        valve.expect(PUBLISH)
    valve.reset()
    robust.reset()
    sender.close()
    stage.find.append(
        "valve: each of its four connections is reset right after the same PUBLISH; on the last three it "
        "comes again with DUP 1"
    )
    stage.find.append("robust: is reset once, later, and nothing is the matter with it")


@capture("in-flight-stalled.pcapng")
def in_flight_stalled(stage):
    """3.1.1: a subscriber acknowledges five messages and then no more for 12 s, but goes on pinging: the
    broker stops at its twenty messages in flight; another subscriber gets all forty."""
    stage.broker()
    stage.sniff()
    stuck, well = Connection(stage), Connection(stage)
    for client, name in ((stuck, "stuck"), (well, "well")):
        client.open(4, name)
        client.send(subscribe(4, [("flow/#", 1)]))
        client.expect(SUBACK)
    sender = Connection(stage)
    sender.open(4, "sender")
    for n in range(1, 41):
        sender.send(publish(4, "flow/x", "%d" % n, 1, n))
        sender.expect(PUBACK)
        well.expect(PUBLISH)
        well.send(ack(PUBACK, n))
        if n <= 5:
            stuck.expect(PUBLISH)
            stuck.send(ack(PUBACK, n))
    for _ in range(12):
        time.sleep(1)
        stuck.send(PING)
    stuck.close()
    well.close()
    sender.close()
    stage.find.append(
        "stuck: 20 deliveries in flight, no acknowledgement for 12 s, 12 PINGREQ meanwhile; well: no finding"
    )


@capture("guessed-password.pcapng")
def guessed_password(stage):
    """3.1.1: 127.0.0.9 tries twelve passwords and is let in with the thirteenth; 127.0.0.8 has an old
    password and tries it twelve times."""
    passwords = os.path.join(stage.scratch, "passwords")
    stage.run("mosquitto_passwd", "-b", "-c", passwords, "operator", "secret12")
    stage.broker("allow_anonymous false\npassword_file %s\n" % passwords)
    stage.sniff()
    for n in range(13):
        for source, name, word in (
            ("127.0.0.9", "guess-%d" % n, "secret%d" % n),
            ("127.0.0.8", "outdated", "secret0"),
        ):
            client = Connection(stage, source=source)
            client.send(connect(4, name, flags=0xC0, payload=text("operator") + text(word)))
            client.receive(2)
            client.close(politely=word == "secret12")
    stage.find.append("127.0.0.9: twelve CONNACK 0x05 for different passwords, then 0x00")
    stage.find.append("127.0.0.8 (outdated): thirteen CONNACK 0x05 for the same one: a reconnect loop")


@capture("stale-states.pcapng")
def stale_states(stage):
    """3.1.1: three devices have a retained will on status/NAME, and publish that they are online without
    RETAIN; a fourth one does it right. A retained command makes a door open with each of its
    connections."""
    stage.broker()
    stage.sniff()
    for n in range(4):
        name = "device-%d" % n
        device = Connection(stage)
        device.open(4, name, flags=0x24, payload=will(4, "status/" + name, "offline"))
        device.send(publish(4, "status/" + name, "online", 0, retain=n == 3))
        time.sleep(0.1)
        device.reset()
    stage.mosquitto("mosquitto_pub", "-t", "door/1/cmd", "-m", "open", "-r", "-i", "panel")
    stage.mosquitto("mosquitto_pub", "-t", "door/1/state", "-m", "shut", "-r", "-i", "panel")
    for _ in range(3):
        door = Connection(stage)
        door.open(4, "door-1")
        door.send(subscribe(4, [("door/1/#", 0)]))
        door.reaction(4, 0.3)
        door.close()
    stage.find.append(
        "device-0 to device-2: will with Will Retain, online without RETAIN; device-3: both with it"
    )
    stage.find.append("door-1: gets door/1/cmd with RETAIN on each of three connections")


@capture("bridge-loop.pcapng")
def bridge_loop(stage):
    """Two brokers with a bridge to each other, each in both directions: one message goes round between
    them for ever, of which the capture has the first 250 frames."""
    both = (
        "connection %s\naddress 127.0.0.1:%d\ntopic # both 0\nbridge_protocol_version mqttv311\n"
        "remote_clientid %s\nlocal_clientid %s-here\nnotifications false\nrestart_timeout 1\n"
    )
    stage.broker(both % ("to-west", 1884, "east", "east"), port=1883, name="east")
    stage.broker(both % ("to-east", 1883, "west", "west"), port=1884, name="west")
    stage.sniff(extra=("-c", "250"))
    time.sleep(5)
    stage.mosquitto("mosquitto_pub", "-t", "plant/alarm", "-m", "on", "-i", "sensor")
    time.sleep(1)
    stage.find.append("plant/alarm: published once, and delivered on both bridges again and again")


@capture("reconnect-storm.pcapng")
def reconnect_storm(stage):
    """3.1.1: the broker is killed and started three times; each time twelve devices come back 1.5 s after
    their connection ended, all at the same moment; a thirteenth one stays away."""
    broker = stage.broker()
    stage.sniff()
    away = Connection(stage)
    away.open(4, "away")
    devices = []
    for turn in range(4):
        for n in range(12):
            device = Connection(stage)
            device.open(4, "device-%02d" % n)
            devices.append(device)
        if turn == 3:
            break
        time.sleep(0.5)
        broker.kill()
        broker.wait()
        for device in devices:
            device.receive(1)
            device.socket.close()
        devices.clear()
        broker = stage.broker()
        time.sleep(1.5)
    for device in devices:
        device.close()
    away.socket.close()
    stage.find.append("device-00 to device-11: three bursts of twelve CONNECT, with a constant time between")


@capture("keep-alive-starved.pcapng")
def keep_alive_starved(stage):
    """3.1.1: a client with a keep alive of 2 s receives a QoS 0 message twice a second and never pings; the
    broker ends its connection three times. Another one with the same keep alive gets the same messages,
    and pings."""
    stage.broker()
    stage.sniff()
    sender, well = Connection(stage), Connection(stage)
    sender.open(4, "sender", keep_alive=0)
    well.open(4, "well", keep_alive=2)
    well.send(subscribe(4, [("ticks", 0)]))
    well.expect(SUBACK)
    for _ in range(3):
        listener = Connection(stage)
        listener.open(4, "listener", keep_alive=2)
        listener.send(subscribe(4, [("ticks", 0)]))
        listener.expect(SUBACK)
        while not listener.closed:
            sender.send(publish(4, "ticks", "tick"))
            well.expect(PUBLISH)
            well.send(PING)
            well.expect(PINGRESP)
            listener.receive(0.3)
            time.sleep(0.5)
        listener.socket.close()
    sender.close()
    well.close()
    stage.find.append("listener: closed by the broker three times for its silence, while it receives; well: no finding")


@capture("silent-acl.pcapng")
def silent_acl(stage):
    """3.1.1: the broker lets everybody subscribe, and checks each delivery against its list of rights: of two
    subscribers with the same filters one may read plant/# and the other one may not."""
    rights = os.path.join(stage.scratch, "rights")
    with open(rights, "w") as file:
        file.write("user writer\ntopic write plant/#\n\nuser reader\ntopic read plant/#\n\nuser blind\n")
        file.write("topic read other/#\n")
    stage.broker("acl_file %s\n" % rights)
    stage.sniff()
    clients = {}
    for name in ("writer", "reader", "blind"):
        clients[name] = Connection(stage)
        clients[name].open(4, name, flags=0x80, payload=text(name))
    for name in ("reader", "blind"):
        clients[name].send(subscribe(4, [("plant/#", 1)]))
        clients[name].expect(SUBACK)
    for n in range(1, 7):
        clients["writer"].send(publish(4, "plant/%d" % (n % 2), "value %d" % n, 1, n))
        clients["writer"].expect(PUBACK)
        clients["reader"].expect(PUBLISH)
        clients["reader"].send(ack(PUBACK, n))
    for _ in range(12):
        time.sleep(1)
        for client in clients.values():
            client.send(PING)
            client.expect(PINGRESP)
    for client in clients.values():
        client.close()
    stage.find.append("blind: granted plant/# with QoS 1, and gets none of six messages, which reader gets")


@capture("offline-queue.pcapng")
def offline_queue(stage):
    """3.1.1: two subscribers with Clean Session 0 go away while six QoS 1 messages are published; one comes
    back as it was and gets them, the other one comes back with Clean Session 1."""
    stage.broker()
    stage.sniff()
    for name in ("keeps", "clears"):
        client = Connection(stage)
        client.open(4, name, clean=False)
        client.send(subscribe(4, [("orders/#", 1)]))
        client.expect(SUBACK)
        client.close()
    sender = Connection(stage)
    sender.open(4, "sender")
    for n in range(1, 7):
        sender.send(publish(4, "orders/new", "order %d" % n, 1, n))
        sender.expect(PUBACK)
    keeps, clears = Connection(stage), Connection(stage)
    keeps.open(4, "keeps", clean=False)
    for n in range(1, 7):
        keeps.expect(PUBLISH)
        keeps.send(ack(PUBACK, n))
    clears.open(4, "clears", clean=True)
    clears.send(subscribe(4, [("orders/#", 1)]))
    clears.expect(SUBACK)
    sender.send(publish(4, "orders/new", "order 7", 1, 7))
    sender.expect(PUBACK)
    for client in (keeps, clears):
        body = client.expect(PUBLISH)
        client.send(packet_ack(body))
        client.close()
    sender.close()
    stage.find.append("keeps: Session Present 1, and orders 1 to 6 come late; clears: they are gone")


def packet_ack(body):
    """The PUBACK of a PUBLISH of 3.1.1."""
    at = 2 + int.from_bytes(body[:2], "big")
    return ack(PUBACK, int.from_bytes(body[at : at + 2], "big"))


@capture("oversize.pcapng")
def oversize(stage):
    """3.1.1: the broker takes packets of up to 2000 bytes (max_packet_size); three clients publish larger
    ones and are thrown off, the others' of up to 1900 bytes pass."""
    stage.broker("max_packet_size 2000\n")
    stage.sniff()
    for n, size in enumerate((1000, 1900, 2400, 2800, 3600)):
        client = Connection(stage)
        client.open(4, "camera-%d" % n)
        client.send(publish(4, "picture/%d" % n, "x" * size, 1, 1))
        if size < 2000:
            client.expect(PUBACK)
            client.close()
        else:
            while not client.closed:
                client.receive(1)
            client.socket.close()
    stage.find.append(
        "camera-2 to camera-4: closed by the broker right after packets of 2.4 kB and more; camera-0 and "
        "camera-1: no finding"
    )
