#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What TCP tells, from segments to the report.

    test_transport.py MQTTSCOPE
"""
import json
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
from mqtt_pcap import CLIENT, DISCONNECT, SERVER, Capture, connack, connect, packet, publish  # noqa: E402

MQTTSCOPE = sys.argv.pop(1)
PUBLISH_1 = publish("t", b"x", 0x32, 1)
PUBLISH_2 = publish("t", b"x", 0x34, 1)
PUBACK, PUBREC, PUBREL, PUBCOMP = (packet(first, b"\0\1") for first in (0x40, 0x50, 0x62, 0x70))


class Talk:
    """A connection that is established; each step comes so many milliseconds after the one before."""

    def __init__(self):
        self.capture = Capture()
        self.connection = self.capture.open()
        self.send(CLIENT, connect("c"), 0)
        self.send(SERVER, connack(), 5)

    def send(self, side, data=b"", after=1):
        self.capture.time += after * 1_000_000 - 1000
        self.capture.segment(self.connection, side, 0x18 if data else 0x10, data)

    def lose(self, side, data):
        self.connection["next"][side] += len(data)

    def report(self, *options):
        self.send(CLIENT, DISCONNECT)
        self.capture.close(self.connection)
        done = subprocess.run([MQTTSCOPE, *options, "--json", "-", "-"], input=self.capture.bytes(),
                              stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def parts(self, direction, qos, key="parts"):
        """(split, unsplit, wire, receiver) in the row of the connection, which the totals agree with."""
        report = self.report()
        found = report["connections"][0]["qos"][direction][qos].get(key)
        total = report["totals"]["handshakes"][direction][qos].get(key)
        if found is None:
            return None
        for name in found:
            assert found[name] == total[name]
        return tuple(found[name] for name in ("split", "unsplit", "wire_mean_us", "receiver_mean_us"))


class Parts(unittest.TestCase):
    def test_acknowledged_by_itself(self):
        talk = Talk()
        talk.send(CLIENT, PUBLISH_1)
        talk.send(SERVER, after=20)
        talk.send(SERVER, PUBACK, after=300)
        self.assertEqual(talk.parts("client_to_server", "1"), (1, 0, 20000, 300000))

    def test_with_the_answer(self):
        talk = Talk()
        talk.send(CLIENT, PUBLISH_1)
        talk.send(SERVER, PUBACK, after=300)
        self.assertEqual(talk.parts("client_to_server", "1"), (0, 1, None, None))

    def test_with_something_else(self):
        talk = Talk()
        talk.send(CLIENT, PUBLISH_1)
        talk.send(SERVER, publish("u"), after=20)
        talk.send(SERVER, PUBACK, after=300)
        self.assertEqual(talk.parts("client_to_server", "1"), (1, 0, 20000, 300000))

    def test_with_the_first_bytes_of_the_answer(self):
        talk = Talk()
        talk.send(CLIENT, PUBLISH_1)
        talk.send(SERVER, PUBACK[:2], after=20)
        talk.send(SERVER, PUBACK[2:], after=300)
        self.assertEqual(talk.parts("client_to_server", "1"), (0, 1, None, None))

    def test_qos_2(self):
        talk = Talk()
        talk.send(SERVER, PUBLISH_2)
        talk.send(CLIENT, after=7)
        talk.send(CLIENT, PUBREC, after=30)
        talk.send(SERVER, PUBREL, after=9)
        talk.send(CLIENT, after=8)
        talk.send(CLIENT, PUBCOMP, after=40)
        self.assertEqual(talk.parts("server_to_client", "2"), (1, 0, 7000, 30000))
        self.assertEqual(talk.parts("server_to_client", "2", "release_parts"), (1, 0, 8000, 40000))

    def test_qos_2_half(self):
        talk = Talk()
        talk.send(SERVER, PUBLISH_2)
        talk.send(CLIENT, PUBREC, after=30)
        talk.send(SERVER, PUBREL, after=9)
        talk.send(CLIENT, after=8)
        talk.send(CLIENT, PUBCOMP, after=40)
        self.assertEqual(talk.parts("server_to_client", "2"), (0, 1, None, None))
        self.assertEqual(talk.parts("server_to_client", "2", "release_parts"), (1, 0, 8000, 40000))

    def test_a_hole_is_no_sample(self):
        talk = Talk()
        talk.send(CLIENT, PUBLISH_1)
        talk.send(SERVER, after=20)
        talk.lose(SERVER, publish("u"))
        talk.send(SERVER, PUBACK, after=300)
        talk.send(CLIENT)
        self.assertIsNone(talk.parts("client_to_server", "1"))

    def test_sent_again_by_mqtt_is_no_sample(self):
        talk = Talk()
        talk.send(CLIENT, PUBLISH_1)
        talk.send(SERVER, after=20)
        talk.send(CLIENT, publish("t", b"x", 0x3A, 1), after=300)
        talk.send(SERVER, PUBACK, after=300)
        self.assertIsNone(talk.parts("client_to_server", "1"))

    def test_a_clock_that_steps_back(self):
        talk = Talk()
        talk.send(CLIENT, PUBLISH_1)
        talk.send(SERVER, after=-20)
        talk.send(SERVER, PUBACK, after=300)
        self.assertEqual(talk.parts("client_to_server", "1"), (0, 1, None, None))

    def test_requests(self):
        talk = Talk()
        talk.send(CLIENT, packet(0x82, b"\0\2\0\1t\0"), after=50)
        talk.send(SERVER, after=3)
        talk.send(SERVER, packet(0x90, b"\0\2\0"), after=30)
        talk.send(CLIENT, packet(0xC0))
        talk.send(SERVER, after=4)
        talk.send(SERVER, packet(0xD0), after=20)
        report = talk.report()
        connection = report["connections"][0]
        self.assertEqual(connection["subscribe"]["parts"]["wire_max_us"], 3000)
        self.assertEqual(connection["subscribe"]["parts"]["receiver_max_us"], 30000)
        self.assertEqual(connection["ping"]["parts"]["wire_mean_us"], 4000)
        self.assertEqual(connection["connect"]["parts"]["unsplit"], 1)
        self.assertNotIn("parts", connection["unsubscribe"])
        self.assertEqual(report["totals"]["handshakes"]["ping"]["parts"]["receiver_us"]["p50"], 20000)


class Deliveries(unittest.TestCase):
    """A message that never comes while others of its publisher do, and whether the subscriber's window was shut."""

    def rows(self, shut):
        talk = Talk()
        capture, publisher = talk.capture, talk.connection
        subscriber = capture.open()

        def say(connection, side, data=b"", **more):
            capture.time += 999_000
            capture.segment(connection, side, 0x18 if data else 0x10, data, **more)

        say(subscriber, CLIENT, connect("sub"))
        say(subscriber, SERVER, connack())
        say(subscriber, CLIENT, packet(0x82, b"\0\x09\0\1t\1"))
        say(subscriber, SERVER, packet(0x90, b"\0\x09\1"))
        for n in range(1, 20):
            identifier, payload = bytes([0, n]), b"message %d" % n
            say(publisher, CLIENT, publish("t", payload, 0x32, n))
            say(publisher, SERVER, packet(0x40, identifier))
            if n == 3:
                if shut:
                    say(subscriber, CLIENT, window=0)
                    say(subscriber, CLIENT)
                continue
            say(subscriber, SERVER, publish("t", payload, 0x32, n))
            say(subscriber, CLIENT, packet(0x40, identifier))
            capture.time += 1_000_000_000
        report = talk.report()
        return [f["rule"] for f in report["findings"]], report["deliveries"]["rows"]

    def test_lost(self):
        rules, (row,) = self.rows(shut=False)
        self.assertEqual(rules, ["delivery-lost"])
        self.assertEqual((row["delivered"], row["lost"]), (18, 1))

    def test_while_the_window_was_zero(self):
        rules, (row,) = self.rows(shut=True)
        self.assertEqual(rules, [])
        self.assertEqual((row["delivered"], row["lost"], row["excused"]), (18, 0, {"queued": 1}))


class Listeners(unittest.TestCase):
    """What is published at one port and delivered at another."""

    def report(self, *options, payload=b"the same message", port=11883):
        talk = Talk()
        subscriber = talk.capture.open(port)

        def say(side, data):
            talk.capture.time += 999_000
            talk.capture.segment(subscriber, side, 0x18, data)

        say(CLIENT, connect("sub"))
        say(SERVER, connack())
        say(CLIENT, packet(0x82, b"\0\x09\0\1t\1"))
        say(SERVER, packet(0x90, b"\0\x09\1"))
        talk.send(CLIENT, publish("t", b"the same message", 0x32, 1))
        talk.send(SERVER, PUBACK)
        say(SERVER, publish("t", payload, 0x32, 1))
        say(CLIENT, PUBACK)
        return talk.report(*options)

    def limits(self, *options, **more):
        return [limit for limit in self.report(*options, **more)["capture"]["limits"] if limit["kind"] == "shared-messages"]

    def test_two_ports(self):
        (limit,) = self.limits()
        self.assertEqual((limit["count"], limit["hint"]), (1, "--broker 10.0.0.2:11883,10.0.0.2:1883"))

    def test_another_message(self):
        self.assertEqual(self.limits(payload=b"another message"), [])

    def test_a_payload_that_many_send(self):
        self.assertEqual(self.limits(payload=b"ON"), [])

    def test_one_port(self):
        self.assertEqual(self.limits(port=1883), [])

    def test_one_broker(self):
        report = self.report("--broker", "10.0.0.2:11883,10.0.0.2:1883")
        self.assertEqual([limit for limit in report["capture"]["limits"] if limit["kind"] == "shared-messages"], [])
        self.assertEqual(report["deliveries"]["totals"]["delivered"], 1)


class Histograms(unittest.TestCase):
    def test_one_connection(self):
        talk = Talk()
        talk.send(SERVER, publish("t"), after=4000)
        histograms = (report := talk.report())["totals"]["histograms"]
        idle = histograms["idle_at_end_us"]
        self.assertEqual(list(idle), ["client-disconnect"])
        self.assertEqual(idle["client-disconnect"]["max"], 4006000)
        self.assertEqual(histograms["lifetimes_us"]["count"], 1)
        self.assertEqual(histograms["silences_us"]["max"], 4006000)
        self.assertEqual(histograms["reconnect_intervals_us"]["count"], 0)
        self.assertEqual(histograms["lifetimes_us"]["buckets"],
                         [{"from_us": 2097152, "below_us": 4194304, "count": 1}])
        self.assertEqual(histograms["client_round_trips_us"]["max"], 5000)
        self.assertEqual(report["connections"][0]["tcp"]["client"]["round_trip_us"]["max"], 5000)

    def test_again(self):
        talk = Talk()
        talk.capture.close(talk.connection)
        talk.capture.time += 3_000_000_000
        talk.connection = talk.capture.open()
        talk.send(CLIENT, connect("c"))
        talk.send(SERVER, connack())
        intervals = talk.report()["totals"]["histograms"]["reconnect_intervals_us"]
        self.assertEqual(intervals["count"], 1)
        self.assertAlmostEqual(intervals["max"], 3006000, delta=1000)


if __name__ == "__main__":
    unittest.main()
