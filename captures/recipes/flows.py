# SPDX-License-Identifier: GPL-2.0-or-later
"""Well-behaved clients: nothing here breaks a rule."""

from recipes import capture
from stage import V31, V311, V5


def both_ways(stage, version, name):
    """One paho client that goes through every request, and a second one to talk to."""
    subscriber = stage.paho("subscriber-" + name, version)
    stage.connect(subscriber, keep_alive=60)
    stage.subscribe(subscriber, [("sensors/+/temperature", 2), ("alerts/#", 1), ("log", 0)])
    publisher = stage.paho("publisher-" + name, version)
    stage.connect(publisher, keep_alive=2)
    for qos in (0, 1, 2):
        stage.publish(publisher, "sensors/kitchen/temperature", b"21.%d" % qos, qos)
        stage.publish(publisher, "alerts/door", b"open %d" % qos, qos)
        stage.publish(publisher, "log", b"line %d" % qos, qos)
    stage.pump(lambda: len(subscriber.received) == 9, "nine deliveries")
    stage.pump(seconds=3.2)  # long enough for the publisher to ping
    stage.unsubscribe(subscriber, ["alerts/#", "log"])
    stage.publish(publisher, "alerts/door", b"nobody hears this", 1)
    stage.publish(publisher, "sensors/hall/temperature", b"19.5", 2)
    stage.pump(lambda: len(subscriber.received) == 10, "one more delivery")
    stage.pump(seconds=0.2)
    stage.disconnect(publisher)
    stage.disconnect(subscriber)


@capture("qos-flows-v31.pcapng")
def qos_flows_v31(stage):
    """MQTT 3.1 (MQIsdp, level 3): two clients connect, subscribe to three filters with QoS 2, 1 and
    0, publish with QoS 0, 1 and 2, receive, unsubscribe, ping and disconnect."""
    stage.broker()
    stage.sniff()
    both_ways(stage, V31, "v31")
    stage.find.append(
        "no finding but notes; version 3.1 on both connections; 10 deliveries of " "11 publications"
    )


@capture("qos-flows-v311.pcapng")
def qos_flows_v311(stage):
    """MQTT 3.1.1: the same flows as qos-flows-v31 by paho, then mosquitto_sub and mosquitto_pub
    with QoS 2, the latter publishing five lines in one connection."""
    stage.broker()
    stage.sniff()
    both_ways(stage, V311, "v311")
    tools(stage, "mqttv311")
    stage.find.append("no finding but notes; version 3.1.1 on all four connections")


@capture("qos-flows-v5.pcapng")
def qos_flows_v5(stage):
    """MQTT 5.0: the same flows as qos-flows-v31 by paho, then mosquitto_sub and mosquitto_pub with
    QoS 2, the latter publishing five lines in one connection."""
    stage.broker()
    stage.sniff()
    both_ways(stage, V5, "v5")
    tools(stage, "mqttv5")
    stage.find.append("no finding but notes; version 5.0 on all four connections")


def tools(stage, version):
    subscriber = stage.mosquitto_start(
        "mosquitto_sub", "-V", version, "-i", "sub-tool", "-t", "lines/#", "-q", "2", "-C", "5"
    )
    stage.mosquitto(
        "sh",
        "-c",
        "printf '1\\n2\\n3\\n4\\n5\\n' | mosquitto_pub -V %s -i pub-tool "
        "-t lines/a -q 2 -l" % version,
    )
    stage.used.remove("sh")
    stage.uses("mosquitto_pub")
    subscriber.wait(5)
