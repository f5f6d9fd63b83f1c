# SPDX-License-Identifier: GPL-2.0-or-later
"""The capture for demonstrations: a small plant on a bad day."""

import os

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from recipes import capture
from stage import V31, V311, V5


@capture("fleet.pcapng")
def fleet(stage):
    """A small plant on a bad day: one broker and eight client ids over 3.1, 3.1.1 and 5.0, with
    retained states and wills, a device whose keep alive expires and that comes back, two gateways
    that share one client id, a QoS 2 handshake that is resumed, one that gets stuck, a session that
    is resumed, and a refused password."""
    passwords = os.path.join(stage.scratch, "passwords")
    stage.run("mosquitto_passwd", "-b", "-c", passwords, "operator", "open-sesame")
    stage.broker("password_file %s\n" % passwords)
    stage.sniff()

    dashboard = stage.paho("dashboard", V5)
    dashboard.username_pw_set("operator", "open-sesame")
    stage.connect(dashboard, keep_alive=5, clean_start=True)
    numbered = Properties(PacketTypes.SUBSCRIBE)
    numbered.SubscriptionIdentifier = 7
    stage.subscribe(dashboard, "plant/#", options=SubscribeOptions(qos=2), properties=numbered)

    historian = ("-V", "mqttv311", "-i", "historian", "-c", "-t", "plant/+/temperature", "-q", "1")
    first_visit = stage.mosquitto_start("mosquitto_sub", *historian, "-C", "2")

    plc = stage.paho("legacy-plc", V31)
    stage.connect(plc, keep_alive=30)
    stage.publish(plc, "plant/line-1/speed", "120", 0)

    thermo = join_thermo(stage)
    stage.publish(thermo, "plant/thermo-1/temperature", "20.0", 1)
    stage.publish(thermo, "plant/thermo-1/temperature", "20.5", 1)
    first_visit.wait(5)
    stage.publish(plc, "plant/line-1/speed", "121", 0)
    stage.publish(thermo, "plant/thermo-1/temperature", "21.0", 1)
    stage.publish(thermo, "plant/thermo-1/temperature", "21.5", 1)

    # thermo-1 hangs: the broker closes it after 1.5 times its keep alive, and sends its will.
    stage.mute(thermo)
    stage.find.append(
        "thermo-1 (3.1.1, keep alive 2 s) falls silent without DISCONNECT: the "
        "server closes the connection, some 5 s after its last packet (mosquitto "
        "looks only every few seconds), and its will plant/thermo-1/status=offline "
        "(retained, QoS 1) goes to dashboard; its second connection ends with "
        "DISCONNECT"
    )

    gateways(stage)
    valve(stage, dashboard)
    meter(stage)

    stage.mosquitto(
        "mosquitto_pub",
        "-V",
        "mqttv311",
        "-i",
        "intruder",
        "-u",
        "operator",
        "-P",
        "guess",
        "-t",
        "plant/line-1/stop",
        "-m",
        "now",
        status=None,
    )
    stage.find.append(
        "intruder (3.1.1): CONNACK return code 5 (not authorized), then the server "
        "closes; its password, like dashboard's, crosses in clear text"
    )

    stage.pump(
        lambda: any(m.payload == b"offline" for m in dashboard.received), "the will of thermo-1"
    )
    stage.pump(seconds=0.5)
    thermo = join_thermo(stage)
    stage.publish(thermo, "plant/thermo-1/temperature", "22.0", 1)
    second_visit = stage.mosquitto_start("mosquitto_sub", *historian, "-C", "4")
    stage.publish(thermo, "plant/thermo-1/temperature", "22.5", 1)
    second_visit.wait(5)
    stage.find.append(
        "historian (3.1.1, clean session 0): its second connection has session "
        "present 1 and gets the two temperatures that it missed (21.0, 21.5 and "
        "22.0), before its SUBSCRIBE is answered, and then 22.5"
    )
    stage.publish(plc, "plant/line-1/speed", "118", 0)
    stage.pump(seconds=5.5)  # dashboard pings
    for client in (thermo, plc, dashboard):
        stage.disconnect(client)


def join_thermo(stage):
    thermo = stage.paho("thermo-1", V311, clean=True)
    thermo.will_set("plant/thermo-1/status", "offline", 1, True)
    stage.connect(thermo, keep_alive=2)
    stage.publish(thermo, "plant/thermo-1/status", "online", 1, True)
    return thermo


def gateways(stage):
    """Two devices were given one client id: each connects again as soon as the other took its
    session."""
    twins = []
    for zone in ("north", "south"):
        twin = stage.paho("gateway-3", V311, clean=True)
        twin.zone = zone
        twins.append(twin)
    stage.connect(twins[0], keep_alive=20)
    for turn in range(4):
        newcomer, former = twins[(turn + 1) % 2], twins[turn % 2]
        stage.pump(seconds=0.25)
        stage.connect(newcomer, keep_alive=20)
        stage.pump(lambda: former.socket() is None, "the former gateway is closed")
        stage.publish(newcomer, "plant/%s/link" % newcomer.zone, "up %d" % turn, 1)
    stage.clients.remove(twins[1])
    stage.disconnect(twins[0])
    stage.find.append(
        "gateway-3 (3.1.1): five connections with one client id, each of the first "
        "four closed by the server when the next CONNECT arrives: four takeovers, "
        "a reconnect loop"
    )


def valve(stage, dashboard):
    """A QoS 2 command; its receiver is cut off between PUBREC and PUBREL, and resumes."""
    lasting = Properties(PacketTypes.CONNECT)
    lasting.SessionExpiryInterval = 300
    device = stage.paho("valve-7", V5)
    stage.connect(device, keep_alive=30, clean_start=True, properties=lasting)
    stage.subscribe(device, "command/valve-7", qos=2)
    stage.clients.remove(device)
    stage.publish(dashboard, "command/valve-7", "close", 2)
    stage.pump(seconds=0.2)
    device.loop_read()  # takes the PUBLISH and answers PUBREC; the PUBREL stays unread
    stage.pump(seconds=0.2)
    stage.drop(device)
    stage.pump(seconds=0.4)
    stage.connect(device, keep_alive=30, clean_start=False, properties=lasting)
    stage.pump(lambda: device.received, "the command after the resumption")
    stage.pump(seconds=0.1)
    stage.publish(device, "plant/valve-7/state", "closed", 1)
    stage.disconnect(device)
    stage.find.append(
        "valve-7 (5.0): server-to-client QoS 2 handshake on command/valve-7 broken "
        "off after PUBREC; the connection ends without DISCONNECT; the second one "
        "has session present 1, and there the server sends PUBREL again and "
        "PUBCOMP ends the handshake, which spans two connections"
    )


def meter(stage):
    """A QoS 2 publication whose sender never answers PUBREC."""
    device = stage.paho("meter-9", V311)
    stage.connect(device, keep_alive=60)
    device.publish("plant/meter-9/energy", "1415 kWh", 2)
    stage.mute(device)
    stage.find.append(
        "meter-9 (3.1.1): its QoS 2 PUBLISH gets PUBREC, but no PUBREL follows "
        "until the capture ends: stuck at PUBREL, and dashboard never gets the "
        "message"
    )
    stage.meter = device  # keeps the socket open to the end
