# SPDX-License-Identifier: GPL-2.0-or-later
"""The stage on which a recipe plays: a broker, a sniffer, and paho clients driven by hand.

A recipe runs as root in a network namespace of its own in which only the loopback interface is up,
so everything on the wire belongs to the recipe.
"""

import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

import paho.mqtt.client as paho

import pcapng

HERE = os.path.dirname(os.path.abspath(__file__))
V31, V311, V5 = paho.MQTTv31, paho.MQTTv311, paho.MQTTv5


class Failure(Exception):
    """What the recipe promised did not happen: no capture is written."""


def wait_for(condition, what, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure("timed out: " + what)
        time.sleep(0.01)


def listening(port):
    """Reads the kernel's table instead of connecting, since a probe could end up in the capture."""
    wanted = ":%04X" % port
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            for line in lines:
                column = line.split()
                if column[1].endswith(wanted) and column[3] == "0A":
                    return True
    return False


class Stage:
    def __init__(self, output):
        self.output = output
        self.scratch = tempfile.mkdtemp(prefix="mqttscope-")
        self.processes = []
        self.clients = []
        self.sniffer = None
        self.raw_capture = os.path.join(self.scratch, "raw.pcapng")
        self.find = []  # what an auditor should find, for the MANIFEST
        self.used = []  # programs that took part, for the MANIFEST
        self.streams = 0  # TCP connections opened so far by rawclient.Connection

    # ---- the broker

    def broker(self, settings="", port=1883, name="broker", listener=True):
        """Starts mosquitto; `settings` are lines of mosquitto.conf."""
        path = os.path.join(self.scratch, name + ".conf")
        with open(path, "w") as conf:
            conf.write(
                "user root\nallow_anonymous true\nlog_dest file %s\nlog_type all\n"
                % os.path.join(self.scratch, name + ".log")
            )
            if listener:
                conf.write("listener %d\n" % port)
            conf.write(settings)
        process = self.spawn("mosquitto", "-c", path)
        wait_for(lambda: listening(port), "mosquitto listens on port %d" % port)
        self.uses("mosquitto")
        return process

    # ---- the sniffer

    def sniff(self, interface="lo", program="dumpcap", extra=(), namespace_of=None):
        """Starts the capture and returns once it runs."""
        if program == "dumpcap":
            command = [
                "dumpcap",
                "-q",
                "-i",
                interface,
                "-B",
                "16",
                "-f",
                "tcp",
                "-w",
                self.raw_capture,
                *extra,
            ]
            ready = b"File: "
        else:
            command = [
                "tcpdump",
                "-Z",
                "root",
                "-i",
                interface,
                "--immediate-mode",
                "-U",
                "-s",
                "0",
                "-B",
                "16384",
                "-w",
                self.raw_capture,
                *extra,
                "tcp",
            ]
            ready = b"listening on"
        if namespace_of:
            command = ["nsenter", "-t", str(namespace_of.pid), "-n", *command]
        self.sniffer = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.sniffer_said = b""
        os.set_blocking(self.sniffer.stderr.fileno(), False)

        def is_ready():
            self.sniffer_said += self.sniffer.stderr.read() or b""
            return ready in self.sniffer_said

        wait_for(is_ready, "%s captures" % program)
        # The message comes just before the first read of the ring.
        time.sleep(0.1)
        self.uses(program)

    def stop_sniffing(self):
        """Ends the capture; fails unless the kernel says that nothing was dropped."""
        time.sleep(0.7)  # the kernel hands a partly filled block over after at most 250 ms
        self.sniffer.send_signal(signal.SIGINT)
        os.set_blocking(self.sniffer.stderr.fileno(), True)
        said = (self.sniffer_said + self.sniffer.stderr.read()).decode()
        self.sniffer.wait()
        dropped = re.search(r"received/dropped on interface .*: \d+/(\d+)", said) or re.search(
            r"(\d+) packets? dropped by kernel", said
        )
        if not dropped or int(dropped.group(1)) != 0:
            raise Failure("the sniffer lost packets, or did not say: " + said)
        self.sniffer = None

    # ---- other programs

    def uses(self, program):
        if program not in self.used:
            self.used.append(program)

    def spawn(self, *command, **options):
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen(command, **options)
        self.processes.append(process)
        return process

    def run(self, *command, seconds=10, status=0, **options):
        """Runs a client to its end; `status` None takes any exit status."""
        process = self.spawn(*command, **options)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failure("did not end: " + " ".join(command)) from None
        if status is not None and code != status:
            raise Failure("exit status %d: %s" % (code, " ".join(command)))

    def mosquitto(self, program, *arguments, **options):
        """mosquitto_pub, _sub or _rr to its end."""
        self.uses(program)
        self.run(program, *arguments, **options)

    def mosquitto_start(self, program, *arguments, settle=0.3):
        """The same in the background, connected and subscribed when this returns."""
        self.uses(program)
        process = self.spawn(program, *arguments)
        time.sleep(settle)
        return process

    def mqtt_js(self, role, *arguments, node=()):
        """MQTT.js in one of the roles of client.js, in the background."""
        self.uses("MQTT.js")
        command = ("node", *node, os.path.join(HERE, "client.js"), role, *arguments)
        # Node's warning about --tls-keylog is no news here.
        return self.spawn(*command, stderr=None, env={**os.environ, "NODE_NO_WARNINGS": "1"})

    # ---- paho clients, moved only by pump() so that a recipe can also let one go silent

    def paho(self, client_id, version=V311, clean=True, **options):
        self.uses("paho-mqtt")
        if version == V5:
            client = paho.Client(client_id, protocol=V5, **options)
        else:
            client = paho.Client(client_id, clean_session=clean, protocol=version, **options)
        client.received = []
        client.acked = []
        client.answer = None
        client.granted = 0
        client.removed = 0

        def on_connect(_client, _data, flags, code, *rest):
            client.answer = (int(code) if isinstance(code, int) else code.value, flags)
            client.connack_properties = rest[0] if rest else None

        client.on_connect = on_connect
        client.on_message = lambda _c, _d, message: client.received.append(message)
        client.on_publish = lambda _c, _d, mid: client.acked.append(mid)

        def count(name):
            def callback(*_rest):
                setattr(client, name, getattr(client, name) + 1)

            return callback

        client.on_subscribe = count("granted")
        client.on_unsubscribe = count("removed")
        return client

    def connect(self, client, host="127.0.0.1", port=1883, keep_alive=60, **options):
        """Connects and waits for the CONNACK; the code is in client.answer."""
        client.answer = None
        client.connect(host, port, keepalive=keep_alive, **options)
        if client not in self.clients:
            self.clients.append(client)
        self.pump(lambda: client.answer is not None, "CONNACK")

    def subscribe(self, client, *arguments, **options):
        before = client.granted
        client.subscribe(*arguments, **options)
        self.pump(lambda: client.granted > before, "SUBACK")

    def unsubscribe(self, client, *arguments, **options):
        before = client.removed
        client.unsubscribe(*arguments, **options)
        self.pump(lambda: client.removed > before, "UNSUBACK")

    def publish(self, client, *arguments, **options):
        """Publishes and waits until the handshake is complete."""
        mid = client.publish(*arguments, **options).mid
        self.pump(lambda: mid in client.acked, "publication complete")
        client.acked.remove(mid)

    def disconnect(self, client, *arguments, **options):
        client.disconnect(*arguments, **options)
        self.pump(lambda: client.socket() is None, "closed")
        self.clients.remove(client)

    def drop(self, client):
        """Closes the TCP connection without a DISCONNECT."""
        client._sock_close()
        if client in self.clients:
            self.clients.remove(client)

    def mute(self, client):
        """The client neither reads nor pings any more, and keeps the TCP connection."""
        self.clients.remove(client)

    def pump(self, until=None, what="the awaited event", seconds=5.0):
        """Moves every client until the condition holds; without one, for `seconds`."""
        end = time.monotonic() + seconds
        while not (until and until()):
            left = end - time.monotonic()
            if left <= 0:
                if until:
                    raise Failure("timed out: " + what)
                return
            sockets = {c.socket(): c for c in self.clients if c.socket()}
            readable, writable, _ = select.select(
                list(sockets),
                [s for s, c in sockets.items() if c.want_write()],
                [],
                min(left, 0.02),
            )
            for s in writable:
                sockets[s].loop_write()
            for s in readable:
                sockets[s].loop_read()
            for c in list(self.clients):
                if c.socket():
                    c.loop_misc()

    # ---- the end

    def finish(self):
        """Stops everything and puts the capture where it belongs."""
        if self.sniffer:
            self.stop_sniffing()
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                process.wait()
        if self.output.endswith(".pcap"):
            os.replace(self.raw_capture, self.output)
        else:
            pcapng.tidy(self.raw_capture, self.output)

    def abandon(self):
        for process in self.processes + ([self.sniffer] if self.sniffer else []):
            if process.poll() is None:
                process.kill()
        print("what was used is left in", self.scratch, file=sys.stderr)
