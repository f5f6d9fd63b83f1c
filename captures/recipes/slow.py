# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is slow, and who is gone: receivers, networks, and the ways to them."""

import fcntl
import heapq
import os
import select
import struct
import threading
import time

from rawclient import PING, PINGRESP, PUBACK, PUBLISH, SUBACK, Connection, ack, publish, subscribe
from recipes import capture
from recipes.network import inside
from recipes.transports import two_namespaces


@capture("slow-client.pcapng")
def slow_client(stage):
    """3.1.1: of two subscribers one works for 350 ms on each of 24 messages before it acknowledges it, the
    other one acknowledges at once."""
    stage.broker()
    stage.sniff()
    slow, brisk = Connection(stage), Connection(stage)
    for client, name in ((slow, "slow"), (brisk, "brisk")):
        client.open(4, name)
        client.send(subscribe(4, [("work/#", 1)]))
        client.expect(SUBACK)
    sender = Connection(stage)
    sender.open(4, "sender")
    for n in range(1, 25):
        sender.send(publish(4, "work/x", "%d" % n, 1, n))
        sender.expect(PUBACK)
        brisk.expect(PUBLISH)
        brisk.send(ack(PUBACK, n))
        slow.expect(PUBLISH)
        time.sleep(0.35)
        slow.send(ack(PUBACK, n))
    for client in (slow, brisk, sender):
        client.close()
    stage.find.append("slow: PUBACK 350 ms after each of 24 deliveries, long after TCP acknowledged them")
    stage.find.append("brisk: gets the same messages: no finding")


class Wire:
    """A network between two namespaces (a TUN device in each) that takes `delay` seconds each way for the
    packets of one address, and none for others."""

    def __init__(self, peer, address, delay):
        self.address, self.delay = bytes(map(int, address.split("."))), delay
        self.ends = [self.device("here")]
        with inside(peer):
            self.ends.append(self.device("there"))

    def start(self):
        """Once both ends are up."""
        threading.Thread(target=self.carry, daemon=True).start()

    @staticmethod
    def device(name):
        end = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(end, 0x400454CA, struct.pack("16sH", name.encode(), 0x1001))  # TUN, no header
        return end

    def carry(self):
        waiting, number = [], 0
        while True:
            pause = max(waiting[0][0] - time.monotonic(), 0) if waiting else 1
            for end in select.select(self.ends, [], [], pause)[0]:
                data = os.read(end, 65536)
                slow = self.address in (data[12:16], data[16:20])
                due = time.monotonic() + (self.delay if slow else 0)
                heapq.heappush(waiting, (due, number, self.ends[end == self.ends[0]], data))
                number += 1
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, data = heapq.heappop(waiting)
                os.write(end, data)


@capture("slow-network.pcapng")
def slow_network(stage):
    """3.1.1, captured on the clients' side: the way to the broker takes 300 ms in each direction for the
    client far, and next to nothing for near; both publish 22 messages with QoS 1."""
    peer = stage.spawn("unshare", "--net", "sleep", "120")
    time.sleep(0.5)
    wire = Wire(peer, "192.0.2.3", 0.3)
    there = ("nsenter", "-t", str(peer.pid), "-n")
    for prefix, device, addresses in (
        ((), "here", ("192.0.2.1/24",)),
        (there, "there", ("192.0.2.2/24", "192.0.2.3/24")),
    ):
        for address in addresses:
            stage.run(*prefix, "ip", "address", "add", address, "dev", device)
        stage.run(*prefix, "ip", "link", "set", device, "up")
    wire.start()
    stage.broker()
    stage.sniff(interface="there", namespace_of=peer)
    with inside(peer):
        far = Connection(stage, host="192.0.2.1", source="192.0.2.3")
        near = Connection(stage, host="192.0.2.1", source="192.0.2.2")
    far.open(4, "far")
    near.open(4, "near")
    for n in range(1, 23):
        for client, name in ((far, "far"), (near, "near")):
            client.send(publish(4, "from/" + name, "%d" % n, 1, n))
        for client in (near, far):
            client.expect(PUBACK)
    far.close()
    near.close()
    time.sleep(1)
    stage.find.append("far: 22 handshakes of 600 ms, which are round trips of TCP; near: no finding")


@capture("half-open.pcapng")
def half_open(stage):
    """3.1.1 between two hosts (veth), captured on the clients' side: the way back to three of five clients is
    lost, and what they publish is sent again by TCP without an answer; for a fourth one it is lost for a
    second only."""
    stage.broker()
    peer = two_namespaces(stage)
    there = ("nsenter", "-t", str(peer.pid), "-n")
    for n in range(11, 16):
        stage.run(*there, "ip", "address", "add", "192.0.2.%d/24" % n, "dev", "right")
    stage.sniff(interface="right", namespace_of=peer)
    clients = {}
    for n, name in enumerate(("lost-1", "lost-2", "lost-3", "hiccup", "stays")):
        with inside(peer):
            clients[name] = Connection(stage, host="192.0.2.1", source="192.0.2.%d" % (11 + n))
        clients[name].open(4, name)
        clients[name].send(publish(4, "seen/" + name, "first", 1, 1))
        clients[name].expect(PUBACK)
    for n in range(11, 15):
        stage.run("ip", "route", "add", "blackhole", "192.0.2.%d/32" % n)
    for name, client in clients.items():
        client.send(publish(4, "seen/" + name, "second", 1, 2))
    clients["stays"].expect(PUBACK)
    time.sleep(1)
    stage.run("ip", "route", "del", "blackhole", "192.0.2.14/32")
    clients["hiccup"].expect(PUBACK, seconds=4)
    for _ in range(4):
        for name in ("hiccup", "stays"):
            clients[name].send(PING)
            clients[name].expect(PINGRESP)
        time.sleep(0.8)
    clients["hiccup"].close()
    clients["stays"].close()
    stage.stop_sniffing()
    stage.find.append("lost-1 to lost-3: identifier 2 is sent again by TCP four times or more, without an answer")
    stage.find.append("hiccup: identifier 2 is sent again by TCP, and answered; stays: nothing is the matter")
