# SPDX-License-Identifier: GPL-2.0-or-later
"""What 5.0 brought: properties, topic aliases, subscription options, shared subscriptions, request
and response; and the bridge."""

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCodes
from paho.mqtt.subscribeoptions import SubscribeOptions

from recipes import capture
from stage import V5


def properties(packet_type, **values):
    found = Properties(packet_type)
    for name, value in values.items():
        setattr(found, name, value)
    return found


def finish_node(stage, process):
    """Waits for MQTT.js, moving the paho clients meanwhile."""
    stage.pump(lambda: process.poll() is not None, "MQTT.js ends", seconds=20)
    if process.returncode != 0:
        raise AssertionError("client.js failed: exit status %d" % process.returncode)


@capture("properties-v5.pcapng")
def properties_v5(stage):
    """MQTT 5.0: every property that a client sends in CONNECT, in the will, PUBLISH, SUBSCRIBE,
    UNSUBSCRIBE and DISCONNECT, by paho; the same by MQTT.js in brief; and what mosquitto puts into
    CONNACK and PUBACK."""
    stage.broker("max_keepalive 60\nmax_packet_size 10000\nmax_inflight_messages 10\n")
    stage.sniff()
    watcher = stage.paho("watcher", V5)
    stage.connect(watcher, clean_start=True)
    stage.subscribe(
        watcher,
        "all/#",
        options=SubscribeOptions(qos=2),
        properties=properties(
            PacketTypes.SUBSCRIBE,
            SubscriptionIdentifier=268435455,
            UserProperty=[("a", "1"), ("a", "2")],
        ),
    )
    client = stage.paho("everything", V5)
    client.will_set(
        "all/will",
        "gone",
        1,
        False,
        properties(
            PacketTypes.WILLMESSAGE,
            WillDelayInterval=5,
            PayloadFormatIndicator=1,
            MessageExpiryInterval=60,
            ContentType="text/plain",
            ResponseTopic="all/answer",
            CorrelationData=b"\0\1\2\xff",
            UserProperty=[("will", "yes")],
        ),
    )
    stage.connect(
        client,
        keep_alive=120,
        clean_start=True,
        properties=properties(
            PacketTypes.CONNECT,
            SessionExpiryInterval=120,
            ReceiveMaximum=20,
            MaximumPacketSize=100000,
            TopicAliasMaximum=5,
            RequestResponseInformation=1,
            RequestProblemInformation=1,
            UserProperty=[("name", "value"), ("näme", "välue €")],
        ),
    )
    stage.publish(
        client,
        "all/nobody",
        "x",
        1,
        properties=properties(PacketTypes.PUBLISH, UserProperty=("only", "one")),
    )
    stage.publish(
        client,
        "all/properties",
        '{"on": true}',
        2,
        properties=properties(
            PacketTypes.PUBLISH,
            PayloadFormatIndicator=1,
            MessageExpiryInterval=3600,
            ContentType="application/json",
            ResponseTopic="all/answer",
            CorrelationData=b"\xde\xad\xbe\xef",
            TopicAlias=1,
            UserProperty=[("name", "value"), ("empty", "")],
        ),
    )
    stage.publish(client, "nobody/listens", "x", 1)
    stage.unsubscribe(
        client,
        "all/none",
        properties=properties(PacketTypes.UNSUBSCRIBE, UserProperty=[("why", "test")]),
    )
    stage.pump(lambda: len(watcher.received) == 2, "two deliveries")
    stage.pump(seconds=0.2)
    stage.disconnect(
        client,
        reasoncode=ReasonCodes(PacketTypes.DISCONNECT, "Normal disconnection"),
        properties=properties(
            PacketTypes.DISCONNECT,
            SessionExpiryInterval=1,
            ReasonString="done",
            UserProperty=[("bye", "now")],
        ),
    )
    finish_node(stage, stage.mqtt_js("properties"))
    stage.disconnect(watcher)
    stage.find.append(
        "no finding but notes; PUBACK 0x10 (no matching subscribers) for nobody/listens and one "
        "UNSUBACK 0x11 (no subscription existed); Server Keep Alive 60 for the client that asked "
        "for 120"
    )


@capture("topic-alias-v5.pcapng")
def topic_alias_v5(stage):
    """MQTT 5.0: topic aliases from clients to the server, set, used and set anew, by paho and by
    MQTT.js (which assigns them on its own). mosquitto 2.0.11 sends none to clients, although one
    announces a Topic Alias Maximum: for those see server-alias-v5."""
    stage.broker("max_topic_alias 4\n")
    stage.sniff()
    watcher = stage.paho("watcher", V5)
    stage.connect(
        watcher, clean_start=True, properties=properties(PacketTypes.CONNECT, TopicAliasMaximum=10)
    )
    stage.subscribe(watcher, "long/#", qos=1)
    client = stage.paho("aliases", V5)
    stage.connect(client, clean_start=True)

    def send(topic, alias, payload, qos=1):
        stage.publish(
            client,
            topic,
            payload,
            qos,
            properties=properties(PacketTypes.PUBLISH, TopicAlias=alias),
        )

    # paho refuses an empty topic name, whatever the alias: the later uses are MQTT.js's.
    send("long/topic/name/one", 1, "sets 1")
    send("long/topic/name/two", 2, "sets 2", 2)
    send("long/topic/name/three", 1, "sets 1 anew", 0)
    finish_node(stage, stage.mqtt_js("aliases"))
    stage.pump(lambda: len(watcher.received) == 13, "every delivery")
    stage.pump(seconds=0.2)
    stage.disconnect(client)
    stage.disconnect(watcher)
    stage.find.append(
        "no finding but notes; aliases (paho): alias 1 is set to long/topic/name/one, then to "
        "long/topic/name/three; js-aliases (MQTT.js): a PUBLISH with an empty topic name "
        "resolves to the topic that its alias was last set to"
    )


@capture("subscription-options-v5.pcapng")
def subscription_options_v5(stage):
    """MQTT 5.0: No Local, Retain As Published, Retain Handling 0, 1 and 2, overlapping
    subscriptions with Subscription Identifiers, and a shared subscription with two members."""
    stage.broker()
    stage.sniff()
    client = stage.paho("options", V5)
    stage.connect(client, clean_start=True)
    stage.publish(client, "kept/a", "retained", 1, True)

    def sub(who, topic_filter, identifier=None, **options):
        more = (
            {"properties": properties(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=identifier)}
            if identifier
            else {}
        )
        stage.subscribe(who, topic_filter, options=SubscribeOptions(**options), **more)

    sub(client, "kept/#", 11, qos=1, noLocal=True, retainAsPublished=True, retainHandling=0)
    stage.pump(lambda: len(client.received) == 1, "the retained message")
    sub(client, "kept/#", 11, qos=1, noLocal=True, retainAsPublished=True, retainHandling=1)
    sub(client, "kept/a", 12, qos=1, noLocal=True, retainHandling=2)
    stage.publish(client, "kept/a", "own message", 1, True)
    other = stage.paho("other", V5)
    stage.connect(other, clean_start=True)
    stage.publish(other, "kept/a", "from other", 1, True)
    members = [stage.paho("member-%d" % n, V5) for n in (1, 2)]
    for member in members:
        stage.connect(member, clean_start=True)
        sub(member, "$share/crew/jobs/#", qos=1)
    for n in range(4):
        stage.publish(other, "jobs/%d" % n, "job %d" % n, 1)
    stage.pump(lambda: sum(len(m.received) for m in members) == 4, "four jobs")
    stage.pump(seconds=0.2)
    got = [m.payload.decode() for m in client.received]
    for who in (client, other, *members):
        stage.disconnect(who)
    stage.find.append(
        "options: its own message never comes back (No Local); it receives, in this order: %s; "
        "the retained one comes once, for the first SUBSCRIBE only" % ", ".join(got)
    )
    stage.find.append(
        "member-1 and member-2 share jobs/#: %d and %d of four messages"
        % tuple(len(m.received) for m in members)
    )


@capture("request-response-v5.pcapng")
def request_response_v5(stage):
    """MQTT 5.0: mosquitto_rr asks with Response Topic and Correlation Data, and a paho client
    answers; then mosquitto_pub and mosquitto_sub with properties given on the command line."""
    stage.broker()
    stage.sniff()
    server = stage.paho("responder", V5)
    stage.connect(server, clean_start=True)
    stage.subscribe(server, "ask/time", qos=1)
    asking = stage.mosquitto_start(
        "mosquitto_rr",
        "-V",
        "5",
        "-i",
        "asker",
        "-t",
        "ask/time",
        "-e",
        "answer/asker",
        "-m",
        "now?",
        "-q",
        "1",
        "-D",
        "publish",
        "correlation-data",
        "7",
        settle=0,
    )
    stage.pump(lambda: server.received, "the request")
    request = server.received[0].properties
    stage.publish(
        server,
        request.ResponseTopic,
        "noon",
        1,
        properties=properties(PacketTypes.PUBLISH, CorrelationData=request.CorrelationData),
    )
    stage.pump(lambda: asking.poll() is not None, "mosquitto_rr ends")
    listening = stage.mosquitto_start(
        "mosquitto_sub",
        "-V",
        "5",
        "-i",
        "sub-5",
        "-t",
        "tool/#",
        "-q",
        "2",
        "-C",
        "2",
        "-D",
        "subscribe",
        "subscription-identifier",
        "9",
        "-D",
        "connect",
        "receive-maximum",
        "5",
        "-x",
        "30",
    )
    publication = (
        "mosquitto_pub",
        "-V",
        "5",
        "-i",
        "pub-5",
        "-t",
        "tool/a",
        "-q",
        "1",
        "-D",
        "publish",
    )
    stage.mosquitto(*publication, "message-expiry-interval", "20", "-m", "expires")
    stage.mosquitto(
        *publication,
        "content-type",
        "text/plain",
        "-m",
        "typed",
        "-D",
        "connect",
        "session-expiry-interval",
        "5",
        "-D",
        "disconnect",
        "session-expiry-interval",
        "6"
    )
    listening.wait(5)
    stage.disconnect(server)
    stage.find.append("no finding but notes; asker's Correlation Data comes back on answer/asker")


@capture("bridge.pcapng")
def bridge(stage):
    """Two mosquitto brokers joined by a bridge in 3.1.1 and one in 3.1 (protocol levels 0x84 and
    0x83: the top bit says bridge), on ports 1883 and 1884, with a publisher on the one and a
    subscriber on the other."""
    stage.broker(port=1883, name="centre")
    stage.sniff()
    common = (
        "address 127.0.0.1:1883",
        "cleansession false",
        "notifications true",
        "start_type automatic",
        "restart_timeout 1",
    )
    first = ("connection up-v311", "remote_clientid edge-v311", "bridge_protocol_version mqttv311")
    second = ("connection up-v31", "remote_clientid edge-v31", "bridge_protocol_version mqttv31")
    lines = (*first, *common, "topic up/# out 2", "topic down/# in 1")
    lines += (*second, *common, "topic old/# both 1")
    stage.broker("\n".join(lines) + "\n", port=1884, name="edge")
    stage.pump(seconds=1.5)
    listener = stage.paho("listener")
    stage.connect(listener)
    stage.subscribe(listener, [("up/#", 2), ("old/#", 1)])
    source = stage.paho("source")
    stage.connect(source, port=1884)
    stage.publish(source, "up/level", "1", 2)
    stage.publish(source, "up/level", "2", 1)
    stage.publish(source, "old/level", "3", 1)
    stage.subscribe(source, "down/#", 1)
    stage.publish(listener, "down/valve", "open", 1)
    stage.pump(
        lambda: len(listener.received) == 3 and len(source.received) == 1, "the bridged messages"
    )
    stage.pump(seconds=0.3)
    stage.disconnect(source)
    stage.disconnect(listener)
    stage.find.append(
        "edge-v311 and edge-v31 are the brokers' own connections (levels 0x84 and 0x83), with "
        "notifications on $SYS/broker/connection/.../state as retained wills; no finding but "
        "notes"
    )
