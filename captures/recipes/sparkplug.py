# SPDX-License-Identifier: GPL-2.0-or-later
"""Sparkplug B: edge nodes with devices, and a host that asks for a rebirth."""

import json

from rawclient import varint
from recipes import capture

INT64, BOOLEAN, DOUBLE = 4, 11, 10
NOW = 1764028800000  # what payloads say in milliseconds; the same in each making


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def metric(name=None, value=0, alias=None, kind=INT64):
    """A metric; without a data type, as data has it, if kind is None."""
    data = block(1, name.encode()) if name else b""
    data += number(2, alias) if alias is not None else b""
    data += number(3, NOW)
    data += number(4, kind) if kind is not None else b""
    return block(2, data + number(14 if kind == BOOLEAN else 11, value))


def payload(seq, *metrics):
    return number(1, NOW) + b"".join(metrics) + (number(3, seq) if seq is not None else b"")


class Node:
    """An edge node on paho, as Sparkplug wants it; what is to be wrong, the recipe makes so."""

    def __init__(self, stage, name, devices=()):
        self.stage, self.name, self.devices = stage, name, devices
        self.bdseq, self.seq = -1, 0
        self.client = None

    def topic(self, kind, device=None):
        return "/".join(filter(None, ["spBv1.0", "plant", kind, self.name, device]))

    def send(self, kind, *metrics, device=None, qos=0, retain=False):
        self.stage.publish(
            self.client, self.topic(kind, device), payload(self.seq, *metrics), qos, retain
        )
        self.seq = (self.seq + 1) % 256

    def death(self):
        return block(2, block(1, b"bdSeq") + number(3, NOW) + number(4, INT64) + number(11, self.bdseq))

    def connect(self, will=True, counts=True):
        self.bdseq += counts
        self.client = self.stage.paho(self.name)
        if will:
            self.client.will_set(self.topic("NDEATH"), self.death(), 1, False)
        self.stage.connect(self.client)
        self.stage.subscribe(self.client, self.topic("NCMD"), 1)

    def birth(self):
        self.seq = 0
        self.send(
            "NBIRTH",
            metric("bdSeq", self.bdseq),
            metric("Node Control/Rebirth", 0, kind=BOOLEAN),
            metric("uptime", 1, alias=1),
        )
        for number_of, device in enumerate(self.devices):
            self.send("DBIRTH", metric("speed", 7, alias=10 + number_of), device=device)

    def leave(self):
        self.stage.publish(self.client, self.topic("NDEATH"), self.death(), 1)
        self.stage.disconnect(self.client)


def state(online):
    return json.dumps({"online": online, "timestamp": NOW})


@capture("sparkplug.pcapng")
def sparkplug(stage):
    """Sparkplug B with mosquitto: a host, a node that does everything right, and three that do not."""
    stage.broker()
    stage.sniff()
    host = stage.paho("host")
    host.will_set("spBv1.0/STATE/scada", state(False), 1, True)
    stage.connect(host)
    stage.subscribe(host, [("spBv1.0/plant/#", 0), ("spBv1.0/STATE/scada", 1)])
    stage.publish(host, "spBv1.0/STATE/scada", state(True), 1, True)

    press = Node(stage, "press", ("arm", "belt"))
    press.connect()
    press.birth()
    for value in range(3):
        press.send("DDATA", metric(alias=10, value=value, kind=None), device="arm")
    press.send("NDATA", metric(alias=1, value=2, kind=None))
    stage.publish(
        host, press.topic("NCMD"), payload(None, metric("Node Control/Rebirth", 1, kind=BOOLEAN))
    )
    stage.pump(lambda: len(press.client.received) == 1, "the command")
    press.birth()
    press.send("DDEATH", device="belt")
    press.send("DDATA", metric(alias=10, value=9, kind=None), device="arm")
    press.leave()
    press.connect()
    press.birth()
    stage.drop(press.client)  # the broker publishes the will
    stage.pump(seconds=0.3)
    stage.find.append(
        "press: two connections, with a rebirth on the first; the second ends without DISCONNECT. No "
        "finding but notes."
    )

    mixer = Node(stage, "mixer", ("valve",))
    mixer.connect()
    mixer.birth()
    mixer.seq += 1
    mixer.send("NDATA", metric(alias=1, value=2, kind=None))
    mixer.send("DDATA", metric(alias=99, value=2, kind=None), device="valve")
    mixer.send("DDATA", metric("level", 2, kind=None), device="tank")
    mixer.send("NDATA", metric(alias=1, value=2, kind=None), retain=True)
    stage.drop(mixer.client)
    stage.pump(seconds=0.3)
    mixer.connect(counts=False)
    mixer.birth()
    stage.disconnect(mixer.client)
    stage.find.append(
        "mixer: its sequence number skips one, alias 99 is in no birth, device tank has no DBIRTH, "
        "an NDATA is retained; it connects again with bdSeq 0, and sends DISCONNECT without NDEATH."
    )

    oven = Node(stage, "oven")
    oven.connect(will=False)
    oven.send("NDATA", metric("heat", 1, kind=None))
    oven.birth()
    stage.publish(oven.client, oven.topic("NDATA"), json.dumps({"heat": 2}))
    stage.publish(oven.client, "spBv1.0/plant/DDATA/oven", payload(1))
    oven.leave()
    stage.find.append(
        "oven: no will, data before NBIRTH, JSON where protobuf belongs, DDATA without a device."
    )

    lamp = Node(stage, "lamp")
    lamp.connect()
    lamp.bdseq = 7
    lamp.birth()
    lamp.bdseq = 0
    lamp.leave()
    stage.find.append("lamp: bdSeq of NBIRTH is 7, that of its will 0.")

    stage.publish(host, "spBv1.0/STATE/scada", state(False), 1, False)
    stage.find.append("host: its last STATE is not retained.")
    stage.disconnect(host)
