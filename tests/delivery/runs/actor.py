#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""actor.py PLAN: a paho client that lives by its plan (JSON, see fleet.py) and writes down what it sees.

What it wrote stays in the log even if the process is killed: each event is a write of its own.
"""

import hashlib
import json
import os
import random
import sys
import time

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions


def shown(payload):
    """Short payloads as they are, large ones as length and digest; wire.py names them the same way."""
    if len(payload) <= 200:
        return payload.decode("latin-1")
    return "%d:%s" % (len(payload), hashlib.sha1(payload).hexdigest()[:16])


class Actor:
    def __init__(self, plan):
        self.plan = plan
        self.log = os.open(plan["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.random = random.Random(plan["seed"])
        self.count = 0
        self.five = plan["level"] == 5
        self.client = self.make_client()

    def note(self, event, **values):
        line = {"t": time.time_ns(), "c": self.plan["id"], "e": event, **values}
        os.write(self.log, (json.dumps(line) + "\n").encode())

    def make_client(self):
        plan = self.plan
        if self.five:
            client = paho.Client(plan["id"], protocol=paho.MQTTv5)
        else:
            client = paho.Client(plan["id"], clean_session=plan["clean"], protocol=paho.MQTTv311)
        client.on_connect = self.on_connect
        client.on_disconnect = lambda *rest: self.note("closed", code=str(rest[2]))
        client.on_message = self.on_message
        client.on_publish = lambda _c, _d, mid: self.note("acked", mid=mid)
        client.on_subscribe = self.on_subscribe
        client.on_unsubscribe = lambda _c, _d, mid, *rest: self.note("unsubscribed", mid=mid)
        if plan.get("user"):
            client.username_pw_set(plan["user"], plan["password"])
        will = plan.get("will")
        if will:
            properties = None
            if self.five:
                properties = Properties(PacketTypes.WILLMESSAGE)
                properties.WillDelayInterval = will["delay"]
            client.will_set(will["topic"], will["payload"], will["qos"], will["retain"], properties)
        client.reconnect_delay_set(1, 2)
        return client

    def connect(self):
        plan = self.plan
        if self.five:
            properties = Properties(PacketTypes.CONNECT)
            if plan["expiry"]:
                properties.SessionExpiryInterval = plan["expiry"]
            for key, name in (("receive_maximum", "ReceiveMaximum"), ("max_packet", "MaximumPacketSize")):
                if plan.get(key):
                    setattr(properties, name, plan[key])
            self.client.connect("127.0.0.1", plan["port"], plan["keep_alive"],
                                clean_start=plan["clean"], properties=properties)
        else:
            self.client.connect("127.0.0.1", plan["port"], plan["keep_alive"])

    def on_connect(self, _client, _data, flags, code, *_rest):
        self.note("connected", present=flags["session present"], code=str(code))
        for sub in self.plan["subs"]:
            self.subscribe(sub)

    def subscribe(self, sub):
        if self.five:
            properties = None
            if sub.get("id"):
                properties = Properties(PacketTypes.SUBSCRIBE)
                properties.SubscriptionIdentifier = sub["id"]
            options = SubscribeOptions(sub["qos"], bool(sub.get("nl")), bool(sub.get("rap")), sub.get("rh", 0))
            _, mid = self.client.subscribe(sub["filter"], options=options, properties=properties)
        else:
            _, mid = self.client.subscribe(sub["filter"], sub["qos"])
        self.note("subscribe", mid=mid, filter=sub["filter"], qos=sub["qos"])

    def on_subscribe(self, _client, _data, mid, granted, *_rest):
        codes = [getattr(code, "value", code) for code in granted]
        self.note("subscribed", mid=mid, codes=codes)

    def on_message(self, _client, _data, m):
        self.note("got", topic=m.topic, p=shown(m.payload), qos=m.qos, retain=int(m.retain), dup=int(m.dup))
        if self.plan.get("slow"):
            time.sleep(self.plan["slow"] / 1000)

    def payload(self, kind):
        if kind == "equal":
            return self.random.choice((b"ON", b"OFF"))
        if kind == "empty":
            return b""
        own = b"%s %d %d" % (self.plan["id"].encode(), self.plan["life_number"], self.count)
        return own + b"." * (100000 - len(own)) if kind == "large" else own

    def publish(self, pub):
        self.count += 1
        topic, qos = self.random.choice(pub["topics"]), self.random.choice(pub["qos"])
        payload = self.payload(self.random.choice(pub["kinds"]))
        retain = self.random.random() < pub["retain"]
        properties = None
        if self.five and (pub.get("expiry") or pub.get("properties")):
            properties = Properties(PacketTypes.PUBLISH)
            if pub.get("expiry"):
                properties.MessageExpiryInterval = self.random.choice(pub["expiry"])
            if pub.get("properties"):
                properties.ContentType = "text/plain"
                properties.UserProperty = [("b", "1"), ("a", "2"), ("b", "3")]
        # Written first: it may be on the wire before the call returns.
        self.note("publish", n=self.count, topic=topic, p=shown(payload), qos=qos, retain=int(retain))
        info = self.client.publish(topic, payload, qos, retain, properties=properties)
        self.note("mid", n=self.count, mid=info.mid)

    def live(self):
        plan = self.plan
        self.connect()
        self.client.loop_start()
        pub, flips, born = plan.get("pub"), 0, time.time()
        next_flip = time.time() + plan["flip"] if plan.get("flip") else None
        while time.time() < plan["end"]:
            if plan.get("life") and time.time() - born > plan["life"]:
                break
            if pub and time.time() < plan["last_publish"] and self.client.is_connected():
                for _ in range(pub.get("burst", 1)):
                    self.publish(pub)
                time.sleep(self.random.uniform(0.5, 1.5) * pub.get("burst", 1) / pub["rate"])
            else:
                time.sleep(0.05)
            if next_flip and time.time() > next_flip and self.client.is_connected():
                sub = plan["subs"][-1]
                if flips % 2 == 0 and not plan.get("resubscribe_only"):
                    _, mid = self.client.unsubscribe(sub["filter"])
                    self.note("unsubscribe", mid=mid, filter=sub["filter"])
                else:
                    self.subscribe(sub)
                flips += 1
                next_flip = time.time() + plan["flip"] * self.random.uniform(0.5, 1.5)
        self.note("disconnect")
        self.client.disconnect()
        self.client.loop_stop()


with open(sys.argv[1], encoding="utf-8") as plan_file:
    Actor(json.load(plan_file)).live()
