#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: what mqttscope prints, and where, and how it exits.

    test_cli.py MQTTSCOPE SOURCE-FOLDER [-v] [TestClass[.test]]
"""
import glob
import gzip
import lzma
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "captures"))
import pcapng  # noqa: E402
from mqtt_pcap import CLIENT, DISCONNECT, SERVER, Capture, connack, connect, packet, publish, session, string

MQTTSCOPE, SOURCE = sys.argv[1:3]
FLEET = os.path.join(SOURCE, "captures", "fleet.pcapng")
CAPTURES = sorted(glob.glob(os.path.join(SOURCE, "captures", "*.pcap*")))


def run(*arguments, stdin=b"", env=None, **more):
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            environment[name] = os.environ[name]
    environment.update(env or {})
    return subprocess.run([MQTTSCOPE, *arguments], input=stdin, env=environment,
                          stdout=more.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, timeout=120, **more)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
        return path

    def good(self, *arguments, status=0, **more):
        """Runs, and expects silence on standard error."""
        done = run(*arguments, **more)
        self.assertEqual(done.stderr, b"")
        self.assertEqual(done.returncode, status)
        return done.stdout.decode()

    def bad(self, *arguments, says, **more):
        """Runs, and expects one line on standard error and status 2."""
        done = run(*arguments, **more)
        error = done.stderr.decode()
        self.assertRegex(error, r"\Amqttscope: [^\n]+\n\Z")
        self.assertRegex(error, says)
        self.assertEqual(done.returncode, 2)
        return (done.stdout or b"").decode()

    def report(self, *arguments, **more):
        return json.loads(self.good("--json", "-", *arguments, **more))


class Information(Case):
    def test_version(self):
        for option in ("-V", "--version"):
            self.assertRegex(self.good(option), r"\Amqttscope \d+\.\d+\.\d+\n\Z")

    def test_rules(self):
        lines = self.good("--rules").splitlines()
        self.assertGreater(len(lines), 100)
        ids = set()
        for line in lines:
            identifier, severity, scope, v311, v5, title = line.split("\t")
            self.assertRegex(identifier, r"\A[a-z0-9][a-z0-9.-]*\Z")
            self.assertIn(severity, ("error", "warning", "note"))
            self.assertIn(scope, ("packet", "connection", "session"))
            for statement in (v311 + " " + v5).split():
                self.assertRegex(statement, r"\AMQTT-[\d.]+-\d+(/[a-zA-Z_0-9]+)*\Z")
            self.assertTrue(title)
            ids.add(identifier)
        self.assertEqual(len(ids), len(lines))
        row = [line for line in lines if line.startswith("publish-qos-3\t")]
        self.assertEqual(row, ["publish-qos-3\terror\tpacket\tMQTT-3.3.1-4\tMQTT-3.3.1-4\tPUBLISH has QoS 3"])

    def test_explain_every_rule(self):
        for line in self.good("--rules").splitlines():
            identifier, severity, *_, title = line.split("\t")
            text = self.good("--explain", identifier)
            self.assertIn(identifier, text.splitlines()[0])
            self.assertIn(severity, text.splitlines()[0])
            self.assertIn(title, " ".join(text.split()))
            first = text.splitlines()[0]
            alone = "when it ends" in first or "by the analyzer alone" in first
            where = "the report names" if alone else 'mqttscope.rule == "%s"' % identifier
            self.assertIn(where, text)

    def test_explain_every_diagnosis(self):
        lines = self.good("--diagnoses").splitlines()
        self.assertGreater(len(lines), 25)
        for line in lines:
            identifier, severity, title = line.split("\t")
            text = self.good("--explain", identifier)
            self.assertEqual(text.splitlines()[0], "%s (%s, a diagnosis)" % (identifier, severity))
            self.assertIn(title, " ".join(text.split()))
            self.assertIn("What to do:", text)
            self.assertLessEqual(max(map(len, text.splitlines())), 80)


    def test_explain_every_excuse(self):
        with open(os.path.join(SOURCE, "audit", "excuses.def"), encoding="utf-8") as file:
            excuses = re.findall(r'(?m)^AUDIT_EXCUSE\(\w+, "([^"]+)", "([^"]+)"\)', file.read())
        self.assertGreater(len(excuses), 10)
        for word, help_text in excuses:
            text = self.good("--explain", word)
            self.assertEqual(text.splitlines()[0], word + " (an excuse of deliveries)")
            self.assertIn(help_text, " ".join(text.split()))


class Usage(Case):
    def test_no_capture(self):
        self.bad(says="no capture given")

    def test_unknown_options(self):
        self.bad("--jsn", "x", FLEET, says="unknown option '--jsn'; did you mean '--json'")
        self.bad("--zzzzzzz", FLEET, says="unknown option '--zzzzzzz' ")
        self.bad("-Z", FLEET, says="unknown option '-Z'")
        self.bad("-qZ", FLEET, says="unknown option '-Z'")

    def test_missing_arguments(self):
        for option in ("--json", "-f", "--only"):
            self.bad(FLEET, option, says="option '%s' needs an argument" % option)

    def test_needless_argument(self):
        self.bad("--rules=x", says="option '--rules' takes no argument")

    def test_abbreviations(self):
        self.assertEqual(self.good("--vers"), self.good("--version"))
        self.bad("--ver", says="option '--ver' is ambiguous")

    def test_wrong_arguments(self):
        self.bad("--fail-on", "fatal", FLEET, says="--fail-on takes error, warning or note, not 'fatal'")
        self.bad("--color", "blue", FLEET, says="--color takes auto, always or never, not 'blue'")
        for topic in ("a/#/b", "a+", "#a", "x" * 65536):
            self.bad("--topic", topic, FLEET, says="--topic takes a topic filter")
        for port in ("1883", "tcp.port==0", "tcp.port==65536", "tcp.port==", "tcp.port==1883,http", "udp.port==1883",
                     "tcp.port==+5", "tcp.port==99999999999999999999"):
            self.bad("-d", port, FLEET, says="-d takes tcp.port==N")

    def test_memory(self):
        for size in ("1M", "1048576", "2G", "3000000K"):
            self.assertEqual(self.good("--memory", size, FLEET), self.good(FLEET))
        for size in ("1", "1023K", "1T", "1MB", "-1G", "G", " 1G", "99999999999999999999", "17179869184G"):
            self.bad("--memory", size, FLEET, says="--memory takes a size")

    def test_unknown_rules(self):
        self.bad("--only", "publish-qos-4", FLEET, says="no rule 'publish-qos-4'; did you mean 'publish-qos-3'")
        self.bad("--only", "publish-qos-3,", FLEET, says="no rule ''")
        self.bad("--explain", "queud", says="no rule 'queud'; did you mean 'queued'")
        self.bad("--explain", "posion-message", says="did you mean 'poison-message'")
        self.bad("--only", "queued", FLEET, says="no rule 'queued' ")
        self.bad("--explain", "what", says="no rule 'what' ")
        self.bad("--explain", "x" * 5000, says="no rule")

    def test_messages_show_no_controls(self):
        error = run("--\033[2J").stderr
        self.assertNotIn(b"\033", error)

    def test_input_twice(self):
        self.bad("-i", "lo", FLEET, says="interface")
        self.bad("-i", "lo", "-i", "eth0", says="one interface")
        self.bad("-", "-", says="standard input")

    def test_options_behind_captures(self):
        self.assertEqual(self.good(FLEET, "-q"), self.good("-q", FLEET))
        self.assertEqual(self.good("-r", FLEET), self.good(FLEET))
        self.assertEqual(self.good("--", FLEET), self.good(FLEET))


class BadInput(Case):
    def test_missing_file(self):
        path = self.path("missing.pcap")
        self.assertEqual(self.bad(path, says="missing.pcap: No such file or directory"), "")

    def test_directory(self):
        self.bad(self.folder, says="directory")

    def test_empty_file(self):
        self.bad(self.path("empty.pcap", b""), says="empty.pcap: .*empty")

    def test_no_capture_file(self):
        self.bad(self.path("text.pcap", b"This is no capture.\n" * 50), says="text.pcap: ")
        self.bad("-", stdin=b"nor is this, on standard input", says="mqttscope: (-|standard input): ")

    def test_compressed(self):
        """Compressed or not, by a name that says nothing, or from a pipe: the same report."""
        with open(FLEET, "rb") as file:
            content = file.read()
        plain = self.report(self.path("x", content))
        for pack in (gzip.compress, lzma.compress):
            self.assertEqual(self.report(self.path("x", pack(content))), plain)
        piped = json.loads(self.good("--json", "-", "-", stdin=gzip.compress(content)))
        self.assertEqual(piped["totals"], plain["totals"])
        self.assertEqual(piped["findings"], plain["findings"])

    def test_compressed_and_cut(self):
        with open(FLEET, "rb") as file:
            packed = gzip.compress(file.read())
        path = self.path("cut.gz", packed[:len(packed) // 2])
        report = json.loads(self.bad("--json", "-", path, says="cut.gz: the compressed data ends in the middle"))
        self.assertEqual(report["capture"]["limits"][0]["kind"], "truncated-file")
        self.assertGreater(report["totals"]["connections"], 0)

    def test_unsupported_link_type(self):
        self.bad(self.path("can.pcap", Capture(link_type=227).bytes()), says="link")

    def test_no_permission(self):
        if os.getuid() == 0:
            self.skipTest("root may read everything")
        path = self.path("secret.pcap", Capture().bytes())
        os.chmod(path, 0)
        self.bad(path, says="Permission denied")

    def test_wrong_filter(self):
        self.bad("-f", "tcp prot 1883", FLEET, says="mqttscope: ")

    def test_missing_interface(self):
        self.bad("-i", "no-such-if0", says="no-such-if0")

    def test_hostile_name(self):
        error = run(self.path("a\033[31mb\nc.pcap")).stderr
        self.assertNotIn(b"\033", error)
        self.assertEqual(error.count(b"\n"), 1)

    def test_truncated_file(self):
        capture = Capture()
        for number in range(3):
            capture.talk(session("client-%d" % number))
        content = capture.bytes()
        whole = self.report(self.path("whole.pcap", content))
        self.assertEqual(whole["totals"]["connections"], 3)
        self.assertEqual(whole["capture"]["limits"], [])
        for lost in (1, 17, 41):
            path = self.path("cut.pcap", content[:-lost])
            text = self.bad(path, says="cut.pcap: ")
            self.assertIn("3 connections", text)
            self.assertIn("truncated-file", text)
            report = json.loads(self.bad("--json", "-", path, says="cut.pcap: "))
            self.assertEqual(report["capture"]["limits"][0]["kind"], "truncated-file")
            self.assertIn("problem", report["capture"]["files"][0])

    def test_many_truncations(self):
        capture = Capture()
        capture.talk(session("x", messages=[publish("t", b"hello", 0x32, 1)]))
        content = capture.bytes()
        for length in range(24, len(content), 7):
            done = run(self.path("cut.pcap", content[:length]))
            self.assertIn(done.returncode, (0, 2))
            self.assertEqual(done.stderr.count(b"\n"), done.returncode // 2)

    def test_snap_length(self):
        """Segments that were cut are counted where they carry MQTT, on whatever port, and nowhere else."""
        for port, counted in ((1883, 1), (4321, 1)):
            capture = Capture()
            capture.talk(session("cut", messages=[publish("topic", b"x" * 100)]), server_port=port)
            capture.talk([(CLIENT, b"SSH-2.0-" + b"x" * 100)], server_port=22)
            capture.records = [(time_, data[:60], length) for time_, data, length in capture.records]
            report = self.report(self.path("cut.pcap", capture.bytes()))
            limits = {limit["kind"]: limit for limit in report["capture"]["limits"]}
            self.assertEqual(limits["snap-length"]["count"], counted)
            self.assertEqual(limits["snap-length"]["bytes"], 40 + len(publish("topic", b"x" * 100)) - 60)
            self.assertEqual(report["topics"][0]["published_bytes"], 100)
            self.assertEqual(report["findings"], [])

    def test_one_of_several(self):
        text = self.bad(self.path("missing.pcap"), FLEET, says="missing.pcap")
        self.assertIn("8 clients", text)
        report = json.loads(self.bad("--json", "-", FLEET, self.path("missing.pcap"), says="missing.pcap"))
        self.assertEqual(report["capture"]["limits"][0]["kind"], "unreadable-file")
        self.assertEqual(report["totals"]["clients"], 8)

    def test_no_mqtt(self):
        capture = Capture()
        capture.talk([(CLIENT, b"GET / HTTP/1.1\r\n\r\n"), (SERVER, b"HTTP/1.1 200 OK\r\n\r\n")], server_port=80)
        path = self.path("web.pcap", capture.bytes())
        self.assertEqual(self.good("-q", path), "web.pcap: no MQTT in 6 packets\n")
        report = self.report(path)
        self.assertEqual(report["connections"], [])
        self.assertEqual(report["capture"]["packets"], 6)

    def test_no_packets(self):
        path = self.path("none.pcap", Capture().bytes())
        self.assertEqual(self.good(path), "none.pcap: no MQTT in 0 packets\n")
        self.assertIsNone(self.report(path)["capture"]["first_time"])


class Output(Case):
    def test_closed_standard_output(self):
        for arguments in ((FLEET,), ("--json", "-", FLEET), ("--rules",), ("--help",)):
            done = subprocess.run(["sh", "-c", '"$@" >&-', "sh", MQTTSCOPE, *arguments], stderr=subprocess.PIPE)
            self.assertRegex(done.stderr.decode(), r"\Amqttscope: standard output: [^\n]+\n\Z")
            self.assertEqual(done.returncode, 2)

    def test_closed_standard_streams_harm_no_file(self):
        path = self.path("report.json")
        done = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", MQTTSCOPE, "--json", path, FLEET])
        self.assertEqual(done.returncode, 2)
        with open(path, encoding="utf-8") as file:
            json.load(file)

    def test_full_disk(self):
        with open("/dev/full", "wb") as full:
            self.bad(FLEET, stdout=full, says="standard output: No space left on device")
        self.bad("-q", "--json", "/dev/full", FLEET, says="/dev/full: No space left on device")

    def test_broken_pipe(self):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            self.bad(FLEET, stdout=pipe, says="standard output: Broken pipe")

    def test_json_file(self):
        path = self.path("report.json", b"old")
        text = self.good("--json", path, FLEET)
        self.assertIn("8 clients", text)
        self.assertEqual(os.listdir(self.folder), ["report.json"])
        with open(path, encoding="utf-8") as file:
            self.assertEqual(json.load(file), self.report(FLEET))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o666 & ~umask())

    def test_json_file_that_fails(self):
        self.bad("--json", self.path("no/folder.json"), FLEET, says="no/folder.json: No such file or directory")
        self.bad("--json", self.folder, FLEET, says="[Dd]irectory")

    def test_json_to_pipe(self):
        path = self.path("fifo")
        os.mkfifo(path)
        with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
            self.good("-q", "--json", path, FLEET)
            self.assertEqual(json.loads(cat.communicate()[0])["totals"]["clients"], 8)
        self.assertEqual(os.listdir(self.folder), ["fifo"])

    def test_json_on_standard_output_replaces_text(self):
        self.assertTrue(self.good("--json", "-", FLEET).startswith("{\n"))

    def test_several_outputs(self):
        """Any number in one pass; standard output can be only one of them."""
        paths = [self.path("a.json"), self.path("b.json")]
        text = self.good("--json", paths[0], "--json", paths[1], FLEET)
        self.assertIn("8 clients", text)
        for path in paths:
            with open(path, encoding="utf-8") as file:
                self.assertEqual(json.load(file), self.report(FLEET))
        self.bad("--json", "-", "--json", "-", FLEET, says="two outputs can't both be standard output")
        self.bad("--json", "x", "--json", "x", FLEET, says="two outputs can't both be x")
        self.bad("--json", "x", "--json", "./x", FLEET, says="two outputs can't both be ./x")
        self.bad(*(word for number in range(9) for word in ("--json", str(number))), FLEET, says="no more than 7")

    def test_links(self):
        """What a link leads to is replaced, and the link stays; /dev/stdout is no link to be replaced."""
        target, link = self.path("target.json", b"old"), self.path("link.json")
        os.symlink("target.json", link)
        self.good("--json", link, FLEET)
        self.assertTrue(os.path.islink(link))
        with open(target, encoding="utf-8") as file:
            self.assertEqual(json.load(file), self.report(FLEET))
        with open(self.path("out"), "wb") as out:
            run("-q", "--json", "/dev/stdout", FLEET, stdout=out)
        self.assertTrue(os.path.exists("/dev/stdout"))
        with open(self.path("out"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), self.report(FLEET))

    def test_bad_input_writes_no_json(self):
        path = self.path("report.json", b"old")
        self.bad("--json", path, self.path("missing.pcap"), says="missing")
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"old")

    def test_same_twice(self):
        self.assertEqual(self.good(FLEET), self.good(FLEET))
        self.assertEqual(self.good("--json", "-", FLEET), self.good("--json", "-", FLEET))

    def test_standard_input(self):
        with open(FLEET, "rb") as file:
            content = file.read()
        text = self.good("-", stdin=content)
        self.assertTrue(text.startswith("standard input: 8 clients"))
        self.assertEqual(text.splitlines()[1:], self.good(FLEET).splitlines()[1:])

    def test_no_color_in_a_pipe(self):
        self.assertNotIn("\033", self.good(FLEET))
        self.assertNotIn("\033", self.good("--color=never", FLEET))
        self.assertIn("\033", self.good("--color=always", FLEET))
        self.assertIn("\033", self.good("--color=always", FLEET, env={"NO_COLOR": "1"}))

    def test_color_changes_nothing_else(self):
        colored = self.good("--color=always", "-v", FLEET)
        self.assertEqual(re.sub("\033\\[[0-9;]*m", "", colored), self.good("-v", FLEET))

    def terminal(self):
        try:
            return pty.openpty()
        except OSError as error:
            return self.skipTest("no terminal is to be had here: %s" % error)

    def on_terminal(self, *arguments, **env):
        leader, follower = self.terminal()
        try:
            process = subprocess.Popen([MQTTSCOPE, *arguments], stdout=follower, env={**os.environ, **env})
            os.close(follower)
            text = b""
            while True:
                try:
                    more = os.read(leader, 65536)
                except OSError:
                    break
                if not more:
                    break
                text += more
            self.assertEqual(process.wait(), 0)
            return text.decode()
        finally:
            os.close(leader)

    def test_color_on_a_terminal(self):
        self.assertIn("\033[", self.on_terminal(FLEET, TERM="xterm", NO_COLOR=""))
        self.assertNotIn("\033[", self.on_terminal(FLEET, TERM="xterm", NO_COLOR="1"))
        self.assertNotIn("\033[", self.on_terminal(FLEET, TERM="dumb", NO_COLOR=""))

    def test_progress(self):
        """On a terminal, after a second, on a line that goes away at the end."""
        capture = Capture()
        for _ in range(20000):
            capture.frame(b"\x45")
        content = capture.bytes()
        leader, follower = self.terminal()
        with subprocess.Popen([MQTTSCOPE, "-q", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=follower) as process:
            os.close(follower)
            process.stdin.write(content[:len(content) // 2])
            process.stdin.flush()
            time.sleep(1.2)
            process.stdin.write(content[len(content) // 2:])
            process.stdin.close()
            shown = os.read(leader, 65536).decode()
            process.stdout.read()
        while True:
            try:
                shown += os.read(leader, 65536).decode()
            except OSError:
                break
        os.close(leader)
        self.assertRegex(shown, r"\A\rstandard input: [\d,]+ packets, [\d,]+ packets/s\033\[K")
        self.assertTrue(shown.endswith("\r\033[K"))
        self.assertNotIn("\n", shown)

    def test_interrupted(self):
        """What came until an interrupt is reported."""
        capture = Capture()
        capture.talk(session("early"))
        for number in (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen([MQTTSCOPE, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE) as process:
                process.stdin.write(capture.bytes())
                process.stdin.flush()
                time.sleep(0.5)
                process.send_signal(number)
                time.sleep(0.2)
                process.stdin.close()
                self.assertIn(b"1 connection, 3 control packets", process.stdout.read())
                self.assertEqual(process.stderr.read(), b"")
                self.assertEqual(process.wait(), 0)

    def test_live(self):
        with subprocess.Popen([MQTTSCOPE, "-i", "lo", "-f", "tcp port 1"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            time.sleep(1)
            if process.poll() is not None:
                error = process.stderr.read().decode()
                self.assertRegex(error, r"\Amqttscope: lo: [^\n]+\n\Z")
                self.skipTest("not allowed to capture")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.stdout.read(), b"lo: no MQTT in 0 packets\n")
            self.assertEqual(process.wait(), 0)

    def test_quiet_and_verbose(self):
        quiet, usual, verbose = self.good("-q", FLEET), self.good(FLEET), self.good("-v", FLEET)
        self.assertNotIn("Handshakes", quiet)
        self.assertIn("qos-2-without-pubrel", quiet)
        self.assertIn("Handshakes", usual)
        self.assertLess(len(quiet), len(usual))
        self.assertLessEqual(len(usual), len(verbose))

    def test_width(self):
        """No line is wider than the terminal."""
        for path in CAPTURES:
            for width, detail in ((80, "--quiet"), (80, "--color=never"), (80, "-v"), (100, "-v"), (120, "-v")):
                done = run(detail, path, env={"COLUMNS": str(width)})
                for line in done.stdout.decode().splitlines():
                    self.assertLessEqual(len(line), width, (os.path.basename(path), detail, line))

    def test_columns(self):
        self.assertEqual(self.good(FLEET), self.good(FLEET, env={"COLUMNS": "100"}))
        for columns in ("", "0", "-1", "x", "99999999"):
            self.assertEqual(self.good(FLEET), self.good(FLEET, env={"COLUMNS": columns}))
        self.assertGreater(max(map(len, self.good(FLEET).splitlines())), 80)

    def test_sections(self):
        """The verdict, what is the matter, what was found, the worst first; then the tables."""
        text = self.good("-v", FLEET)
        sections = ["fleet.pcapng: ", "\nWhat is the matter\n", "\nWhat was found\n", "\nwarning keep-alive-closed", "\nnote ",
                    "\nConnections ", "\nSessions", "\nHandshakes", "\nTopics\n", "\nDeliveries\n"]
        places = [text.index(section) for section in sections]
        self.assertEqual(places, sorted(places))

    def test_rows_that_are_left_out(self):
        capture = Capture()
        for number in range(60):
            capture.talk(session("client-%02d" % number, messages=[publish("topic/%02d" % number),
                                                                   publish("bad", b"", 0x36, 1)]))
        path = self.path("many.pcap", capture.bytes())
        usual, verbose = self.good(path), self.good("-v", path)
        self.assertIn("publish-qos-3 x 60", usual)
        self.assertIn("and 55 more (-v lists all)", usual)
        self.assertIn("clients: client-00, client-01, client-02, client-03, client-04, client-05 and 54 more", usual)
        self.assertIn("and 35 more (-v lists all)", usual)
        self.assertNotIn("more (-v", verbose)
        for number in range(60):
            self.assertIn("client-%02d" % number, verbose)
            self.assertIn("topic/%02d" % number, verbose)


class Anything:
    """Equals all."""

    def __eq__(self, other):
        return True


ANYTHING = Anything()


def deliveries():
    """A subscriber with QoS 1, and a publisher. Of three messages on plant/1/speed the second never comes, the one on
    plant/2/speed comes twice, that on plant/2/state takes a quarter of a second."""
    capture = Capture()
    sub, pub = capture.open(), capture.open()

    def says(connection, side, data):
        capture.segment(connection, side, 0x18, data)

    def from_publisher(topic, payload, identifier):
        says(pub, CLIENT, publish(topic, payload, 0x32, identifier))
        says(pub, SERVER, packet(0x40, bytes([0, identifier])))

    def to_subscriber(topic, payload, identifier):
        says(sub, SERVER, publish(topic, payload, 0x32, identifier))
        says(sub, CLIENT, packet(0x40, bytes([0, identifier])))

    for connection, name in ((sub, "sub"), (pub, "pub")):
        says(connection, CLIENT, connect(name))
        says(connection, SERVER, connack())
    says(sub, CLIENT, packet(0x82, b"\0\1" + string("plant/#") + b"\1"))
    says(sub, SERVER, packet(0x90, b"\0\1\1"))
    for number in (1, 2, 3):
        from_publisher("plant/1/speed", b"%d" % number, number)
        if number != 2:
            to_subscriber("plant/1/speed", b"%d" % number, number)
    from_publisher("plant/2/speed", b"once", 4)
    to_subscriber("plant/2/speed", b"once", 4)
    to_subscriber("plant/2/speed", b"once", 5)
    from_publisher("plant/2/state", b"slow", 5)
    capture.time += 250_000_000
    to_subscriber("plant/2/state", b"slow", 6)
    says(pub, CLIENT, DISCONNECT)
    capture.close(pub)
    capture.close(sub)
    return capture


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


class Deliveries(Case):
    """A subscriber, a publisher, and what is between them."""

    def setUp(self):
        super().setUp()
        self.capture = self.path("deliveries.pcap", deliveries().bytes())

    def test_rows(self):
        report = self.report(self.capture)
        validate(report)
        both = report["deliveries"]
        counts = sorted([row["topic"], row["client_id"], row["publishers"], row["expected"], row["delivered"], row["lost"],
                         row["dropped_qos_0"]] for row in both["rows"])
        self.assertEqual(counts, [["plant/1/speed", "sub", 1, 3, 2, 1, 0], ["plant/2/speed", "sub", 1, 1, 1, 0, 0],
                                  ["plant/2/state", "sub", 1, 1, 1, 0, 0]])
        self.assertEqual(both["rows"][0]["topic"], "plant/1/speed")
        self.assertEqual({"expected": 5, "delivered": 4, "lost": 1, "excused": {}},
                         {key: both["totals"][key] for key in ("expected", "delivered", "lost", "excused")})
        self.assertEqual([slow["latency_us"] for slow in both["slowest"]], [250002, 2, 2, 2])
        slow = both["slowest"][0]
        self.assertEqual((slow["topic"], slow["client_id"]), ("plant/2/state", "sub"))
        self.assertLess(slow["publication_frame"], slow["frame"])

    def test_text(self):
        text = self.good(self.capture)
        self.assertIn("\nDeliveries\n", text)
        self.assertIn(" 4 of 5 expected deliveries came; p50 2 us, p95 250 ms, p99 250 ms, max 250 ms; 1 lost",
                      " ".join(text.split()))
        self.assertRegex(text, r"(?m)^ +frame \d+  \S+ s  stream 0  sub  plant/1/speed  published in frame \d+")
        self.assertNotIn("The slowest", text)
        self.assertNotIn("Deliveries", self.good("-q", self.capture))
        self.assertIn("The slowest deliveries\n", self.good("-v", self.capture))


class Selection(Case):
    def test_fail_on(self):
        clean, noted = Capture(), Capture()
        clean.talk(session())
        noted.talk(session()[:-1])
        clean, noted = self.path("clean.pcap", clean.bytes()), self.path("noted.pcap", noted.bytes())
        malformed = os.path.join(SOURCE, "captures", "malformed-v5.pcapng")
        self.assertEqual(self.report(noted)["totals"]["findings"], {"error": 0, "warning": 0, "note": 1})
        for path, severity, status in ((clean, "note", 0), (noted, "note", 1), (noted, "warning", 0),
                                       (FLEET, "note", 1), (FLEET, "warning", 1), (FLEET, "error", 0),
                                       (malformed, "error", 1), (malformed, "note", 1)):
            self.good("--fail-on", severity, path, status=status)
        poisoned = os.path.join(SOURCE, "captures", "poison-message.pcapng")  # its findings are notes
        self.assertEqual(self.report(poisoned)["totals"]["findings"]["error"], 0)
        self.good("--fail-on", "error", poisoned, status=1)

    def test_trouble_is_worse_than_fail_on(self):
        self.bad("--fail-on", "note", FLEET, self.path("missing.pcap"), says="missing")

    def test_only(self):
        report = self.report("--only", "client-taken-over,keep-alive-late", FLEET)
        self.assertEqual({finding["rule"] for finding in report["findings"]}, {"client-taken-over", "keep-alive-late"})
        self.assertEqual(sum(report["totals"]["findings"].values()), len(report["findings"]))
        self.assertEqual(report["totals"]["clients"], 8)
        self.good("--only", "publish-qos-3", "--fail-on", "note", FLEET, status=0)
        self.good("--only", "keep-alive-late", "--fail-on", "note", FLEET, status=1)
        for only, ids in (("keep-alive-late", []), ("two-devices-one-id", ["two-devices-one-id"]), ("poison-message", [])):
            report = self.report("--only", only, FLEET)
            self.assertEqual([diagnosis["id"] for diagnosis in report["diagnoses"]], ids)

    def test_client(self):
        report = self.report("--client", "gateway-3", FLEET)
        self.assertEqual({connection["client_id"] for connection in report["connections"]}, {"gateway-3"})
        self.assertEqual(len(report["connections"]), 5)
        self.assertEqual(report["totals"]["connections"], 5)
        self.assertEqual(report["totals"]["control_packets"]["CONNECT"]["client"], 5)
        self.assertEqual([session["client_id"] for session in report["sessions"]], ["gateway-3"])
        self.assertEqual({finding["client_id"] for finding in report["findings"]}, {"gateway-3"})
        self.assertIn("nothing of this client", self.good("--client", "nobody", FLEET).splitlines()[0])

    def test_topic(self):
        """What is about other topics is left out, and so are findings that are about none."""
        path = self.path("deliveries.pcap", deliveries().bytes())
        whole = self.report(path)
        self.assertEqual({f["rule"]: f.get("topic") for f in whole["findings"]},
                         {"delivery-lost": "plant/1/speed", "delivered-twice-qos-1": "plant/2/speed",
                          "closed-without-disconnect": None})
        for topic, topics, rules in (("plant/1/speed", ["plant/1/speed"], ["delivery-lost"]),
                                     ("plant/+/speed", ["plant/1/speed", "plant/2/speed"],
                                      ["delivery-lost", "delivered-twice-qos-1"]),
                                     ("#", ["plant/1/speed", "plant/2/speed", "plant/2/state"],
                                      ["delivery-lost", "delivered-twice-qos-1"]),
                                     ("plant/+/state", ["plant/2/state"], []), ("plant", [], [])):
            report = self.report("--topic", topic, path)
            self.assertEqual(sorted(f["rule"] for f in report["findings"]), sorted(rules), topic)
            self.assertEqual(sorted(rule["rule"] for rule in report["rules"]), sorted(rules), topic)
            self.assertEqual(sorted(row["topic"] for row in report["topics"]), topics, topic)
            self.assertEqual(sorted(row["topic"] for row in report["deliveries"]["rows"]), topics, topic)
            self.assertEqual(sum(row["expected"] for row in report["deliveries"]["rows"]),
                             report["deliveries"]["totals"]["expected"])
            self.assertEqual(report["connections"], [dict(c, findings=ANYTHING) for c in whole["connections"]])
        self.assertEqual(self.report("--topic", "#", "--no-deliveries", path)["findings"], [])
        self.good("--topic", "plant/2/#", "--fail-on", "error", path, status=0)
        self.good("--topic", "plant/1/#", "--fail-on", "error", path, status=1)

    def test_no_deliveries(self):
        path = self.path("deliveries.pcap", deliveries().bytes())
        report = self.report("--no-deliveries", path)
        self.assertEqual([f["rule"] for f in report["findings"]], ["closed-without-disconnect"])
        self.assertEqual((report["deliveries"]["rows"], report["deliveries"]["slowest"]), ([], []))
        self.assertEqual(report["deliveries"]["totals"]["expected"], 0)
        self.assertNotIn("Deliveries", self.good("--no-deliveries", path))
        self.assertEqual(report["topics"], self.report(path)["topics"])

    def test_filter(self):
        report = self.report("-f", "tcp port 60811", FLEET)
        self.assertEqual([c["client_id"] for c in report["connections"]], ["thermo-1"])
        finding = next(f for f in report["findings"] if f["rule"] == "keep-alive-closed")
        whole = next(f for f in self.report(FLEET)["findings"] if f["rule"] == "keep-alive-closed")
        self.assertEqual(finding["frame"], whole["frame"])

    def test_decode_as(self):
        capture = Capture()
        connection = capture.open(12345)
        capture.records.clear()
        for number in range(1, 5):
            capture.segment(connection, CLIENT, 0x18, publish("t/%d" % number, b"x", 0x32, number))
            capture.segment(connection, SERVER, 0x18, packet(0x40, number.to_bytes(2, "big")))
        path = self.path("odd.pcap", capture.bytes())
        self.assertEqual(self.report(path)["totals"]["connections"], 0)
        for option in ("tcp.port==12345", "tcp.port==12345,mqtt"):
            report = self.report("-d", option, path)
            self.assertEqual(report["totals"]["control_packets"]["PUBLISH"], {"client": 4, "server": 0})
            self.assertIn("mid-connection", [limit["kind"] for limit in report["capture"]["limits"]])

    def test_broker(self):
        """A client comes by two listeners: nobody knows whether its session is one, unless it is said."""
        def once(clean, present):
            flags = bytes([4, 0x02 if clean else 0])
            return [(CLIENT, packet(0x10, b"\0\4MQTT" + flags + b"\0\x3c\0\1c")),
                    (SERVER, packet(0x20, bytes([present, 0]))), (CLIENT, DISCONNECT)]
        capture = Capture()
        capture.talk(once(True, 0))
        capture.talk(once(False, 0), 8883)
        capture.talk(once(False, 1))
        path = self.path("listeners.pcap", capture.bytes())

        def told(*options):
            report = self.report(*options, path)
            return ([f["rule"] for f in report["findings"]], [s["server"]["port"] for s in report["sessions"]],
                    {limit["kind"]: limit.get("hint") for limit in report["capture"]["limits"]})
        pair = "10.0.0.2:1883,10.0.0.2:8883"
        self.assertEqual(told(), ([], [1883, 8883], {"shared-client-identifiers": "--broker " + pair}))
        self.assertEqual(told("--broker", pair), ([], [1883], {}))
        self.assertEqual(told("--broker", "10.0.0.2"), ([], [0], {}))
        self.assertEqual(told("--broker", "10.0.0.2:1883", "--broker", "10.0.0.2:8883"),
                         (["session-present-without-state"], [1883, 8883], {}))
        self.bad("--broker", "", path, says="'--broker' needs an argument that is not empty")
        for wrong in ("broker.example", "10.0.0.2:0", "10.0.0.2:65536", "10.0.0.2,", "[10.0.0.2]:1", "[::1",
                      "10.0.0.2,10.0.0.2"):
            result = run("--broker", wrong, path)
            self.assertEqual((result.returncode, result.stdout), (2, b""), wrong)
            self.assertRegex(result.stderr, rb"^mqttscope: --broker .*\n$")

    def test_first_bytes_missing(self):
        """The CONNECT is not in the capture, though the SYN is: nobody is blamed for it."""
        capture = Capture()
        capture.talk(session("unseen", messages=[publish("t/%d" % n, b"x", 0x32, n) for n in (1, 2, 3)]))
        capture.talk([(SERVER, packet(0x40, b"\0\1"))])
        del capture.records[2]
        report = self.report(self.path("missing.pcap", capture.bytes()))
        self.assertEqual(report["totals"]["control_packets"]["PUBLISH"], {"client": 3, "server": 0})
        self.assertIn("gap", [limit["kind"] for limit in report["capture"]["limits"]])
        self.assertNotIn("first-packet-not-connect", [f["rule"] for f in report["findings"] if f["tcp_stream"] == 0])

    def test_begun_and_no_more(self):
        """One byte of a CONNECT is all that ever comes."""
        capture = Capture()
        capture.talk([(CLIENT, b"\x10")])
        report = self.report(self.path("byte.pcap", capture.bytes()))
        self.assertEqual(report["totals"]["connections"], 1)
        self.assertEqual([limit["kind"] for limit in report["capture"]["limits"]],
                         ["unknown-version", "unfinished-packet"])

    def test_memory_that_runs_out(self):
        """What has no room is a limit, and what is known is still told."""
        capture = Capture()
        for number in range(3000):
            connection = capture.open()
            capture.segment(connection, CLIENT, 0x18, connect("client-%04d" % number))
            capture.segment(connection, SERVER, 0x18, connack())
        path = self.path("many.pcap", capture.bytes())
        whole, little = self.report(path), self.report("--memory", "1M", path)
        self.assertEqual(whole["capture"]["limits"], [])
        self.assertEqual(whole["totals"]["connections"], 3000)
        # Connections give way to newer ones; the few that could not be made at all are counted.
        limits = {limit["kind"]: limit["count"] for limit in little["capture"]["limits"]}
        self.assertGreater(little["totals"]["connections"], 1000)
        self.assertGreaterEqual(little["totals"]["connections"] + limits["no-memory"], 3000)

    def test_recognized_on_any_port(self):
        capture = Capture()
        connection = capture.open(4321)
        for byte in b"".join(data for side, data in session("slow") if side == CLIENT)[:-2]:
            capture.segment(connection, CLIENT, 0x18, bytes([byte]))
        report = self.report(self.path("odd.pcap", capture.bytes()))
        self.assertEqual([c["client_id"] for c in report["connections"]], ["slow"])


class Tls(Case):
    """captures/tls.pcapng carries its secrets; here they are beside it, or missing."""

    CAPTURE = os.path.join(SOURCE, "captures", "tls.pcapng")

    def setUp(self):
        super().setUp()
        with open(self.CAPTURE, "rb") as file:
            blocks = list(pcapng.blocks(file.read()))
        self.secrets = b"".join(body[8:8 + int.from_bytes(body[4:8], "little")]
                                for kind, body in blocks if kind == pcapng.SECRETS)
        self.bare = self.path("bare.pcapng", b"".join(pcapng.block(kind, body) for kind, body in blocks
                                                      if kind != pcapng.SECRETS))

    def limits(self, report):
        return {limit["kind"]: limit["count"] for limit in report["capture"]["limits"]}

    def test_secrets_beside_it(self):
        within = self.report(self.CAPTURE)
        beside = self.report("--keylog", self.path("keys.log", self.secrets), self.bare)
        self.assertEqual(within["totals"]["connections"], 3)
        self.assertEqual({c["transport"] for c in within["connections"]}, {"tls"})
        for key in ("totals", "connections", "sessions", "findings", "topics", "deliveries"):
            self.assertEqual(beside[key], within[key])
        self.assertEqual(self.limits(beside), {})

    def test_secrets_in_two_logs(self):
        lines = self.secrets.splitlines(keepends=True)
        logs = [self.path("even.log", b"".join(lines[::2])), self.path("odd.log", b"".join(lines[1::2]))]
        report = self.report("--keylog", logs[0], "--keylog", logs[1], self.bare)
        self.assertEqual(report["totals"]["connections"], 3)

    def test_none(self):
        report = self.report(self.bare)
        self.assertEqual(report["totals"]["connections"], 0)
        self.assertEqual(self.limits(report), {"tls": 3})

    def test_of_some_connections(self):
        kept = [line for line in self.secrets.splitlines(keepends=True) if line.startswith(b"CLIENT_RANDOM")]
        report = self.report("--keylog", self.path("keys.log", b"".join(kept)), self.bare)
        self.assertEqual([c["client_id"] for c in report["connections"]], ["tls-1-2"])
        self.assertEqual(self.limits(report), {"tls-secret": 2})

    def test_wrong(self):
        wrong = re.sub(rb"[0-9a-f]{6}(?=\s*\n)", b"000000", self.secrets)
        report = self.report("--keylog", self.path("keys.log", wrong), self.bare)
        self.assertEqual(report["totals"]["connections"], 0)
        self.assertEqual(self.limits(report), {"tls-broken": 3})

    def test_no_key_log(self):
        self.bad("--keylog", self.path("missing.log"), self.bare, says="missing.log: No such file or directory")
        self.bad("--keylog", self.folder, self.bare, says="is a directory")
        self.bad("--keylog", self.path("key.pem", b"-----BEGIN PRIVATE KEY-----\n"), self.bare,
                 says="key.pem: no secrets of TLS in it")


class SeveralFiles(Case):
    def test_as_one(self):
        capture = Capture()
        capture.talk(session("one", messages=[publish("bad", b"", 0x36, 1)]))
        capture.talk(session("two", messages=[publish("bad", b"", 0x36, 1)]))
        whole = self.report(self.path("whole.pcap", capture.bytes()))
        frames = [finding["frame"] for finding in whole["findings"]]
        for cut in range(1, len(capture.records)):
            halves = []
            for name, records in (("a.pcap", capture.records[:cut]), ("b.pcap", capture.records[cut:])):
                half = Capture()
                half.records = records
                halves.append(self.path(name, half.bytes()))
            report = self.report(*halves)
            self.assertEqual(self.report(*reversed(halves)), report)
            self.assertEqual(report["totals"], whole["totals"])
            self.assertEqual(report["connections"], whole["connections"])
            self.assertEqual([finding["frame"] for finding in report["findings"]], frames)
            for finding in report["findings"]:
                second = finding["frame"] > cut
                self.assertEqual(finding["file"], halves[second])
                self.assertEqual(finding["file_frame"], finding["frame"] - cut * second)
                self.assertEqual(finding["display_filter"], "frame.number == %d" % finding["file_frame"])
            text = self.good(*halves)
            self.assertIn("a.pcap and 1 more: 2 clients", text)

    def test_pipes(self):
        """What a shell makes of <(command): read once, in the order given."""
        capture = Capture()
        capture.talk(session("one"))
        capture.talk(session("two"))
        whole = self.report(self.path("whole.pcap", capture.bytes()))
        half = len(capture.records) // 2
        paths = []
        for name, records in (("a", capture.records[:half]), ("b", capture.records[half:])):
            part = Capture()
            part.records = records
            paths.append(os.path.join(self.folder, name))
            os.mkfifo(paths[-1])
            threading.Thread(target=self.feed, args=(paths[-1], part.bytes()), daemon=True).start()
        self.assertEqual(self.report(*paths)["totals"], whole["totals"])

    @staticmethod
    def feed(path, content):
        with open(path, "wb") as pipe:
            pipe.write(content)

    def test_order_where_some_cannot_be_read(self):
        """A file without a packet keeps its place, behind the one that was named before it."""
        first, second = Capture(), Capture()
        first.talk(session("one"))
        second.time = first.time
        second.talk(session("two"))
        paths = [self.path("late.pcap", second.bytes()), self.path("none.pcap", Capture().bytes()),
                 self.path("missing.pcap"), self.path("early.pcap", first.bytes())]
        report = json.loads(self.bad("--json", "-", *paths, says="missing.pcap: No such file"))
        self.assertEqual([os.path.basename(file["name"]) for file in report["capture"]["files"]],
                         ["early.pcap", "late.pcap", "none.pcap", "missing.pcap"])


HOSTILE = [b"\x1b[31mred\x1b[0m", b"\x1b]0;title\x07", b"<script>alert(1)</script>", b"quote\"back\\slash",
           b"\xff\xfe\xc3(", b"line\nbreak\r\ttab", "\u202egnp.exe".encode(), "c1\u009b31m".encode(), b"\x00nul",
           "gr\u00fc\u00dfe \u4f60\u597d".encode(), b"x" * 3000, "\u2028sep\ufeffbom".encode(), b"%s%n%d"]


class Hostile(Case):
    def captured(self):
        capture = Capture()
        for number, text in enumerate(HOSTILE):
            messages = [publish(text, text), publish(text, b"", 0x36, 1), packet(0xF0)]
            capture.talk(session(text, messages=messages, user=text, password=b"hunter2-%d" % number))
        return self.path("hostile.pcap", capture.bytes())

    def test_text(self):
        for arguments in (("-v",), (), ("-q",)):
            text = self.good(*arguments, self.captured())
            for character in text:
                self.assertTrue(character == "\n" or character.isprintable(), repr(character))
            self.assertNotIn("\u202e", text)
        text = self.good("-v", self.captured())
        for shown in (r"\x1b[31mred\x1b[0m", r"\xff\xfe\xc3(", r"line\nbreak\r\ttab", r"\u{202e}gnp.exe", r"\u{9b}31m",
                      r"\x00nul", "gr\u00fc\u00dfe \u4f60\u597d", r'quote"back\\slash', "%s%n%d"):
            self.assertIn(shown, text)

    def test_json(self):
        raw = run("--json", "-", self.captured()).stdout
        report = json.loads(raw.decode("utf-8"))
        for byte in raw:
            self.assertTrue(byte == 10 or byte >= 32)
        self.assertNotIn(b"\xc2\x9b", raw)
        by_id = [connection for connection in report["connections"]]
        for text, connection in zip(HOSTILE, by_id):
            expected = text[:512].decode("utf-8", "replace")
            self.assertEqual(connection["client_id"].count("\ufffd") > 0, "\ufffd" in expected)
            if "\ufffd" in expected:
                self.assertEqual(connection["client_id_hex"], text.hex())
            else:
                self.assertEqual(connection["client_id"], expected)
                self.assertNotIn("client_id_hex", connection)
            if len(text) > 512:
                self.assertEqual(connection["client_id_length"], len(text))
        validate(report)

    def test_no_secrets(self):
        path = self.captured()
        for arguments in (("-v",), ("--json", "-")):
            self.assertNotIn("hunter2", self.good(*arguments, path))


def strict(schema):
    """The schema, with keys that it does not name forbidden: reports hold what is described."""
    if isinstance(schema, list):
        return [strict(element) for element in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") is not None or "allOf" in schema:
        result.setdefault("unevaluatedProperties", False)
    return result


def load_schema():
    with open(os.path.join(SOURCE, "docs", "report.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    strictly = strict(schema)
    return jsonschema.Draft202012Validator(schema), jsonschema.Draft202012Validator(strictly)


SCHEMAS = load_schema()


def validate(report):
    for validator in SCHEMAS:
        validator.validate(report)


class Schema(Case):
    @classmethod
    def setUpClass(cls):
        cls.reports = {os.path.basename(path): json.loads(run("--json", "-", path).stdout) for path in CAPTURES}

    def test_captures(self):
        self.assertGreater(len(self.reports), 20)
        for name, report in self.reports.items():
            with self.subTest(name):
                validate(report)

    def test_it_can_fail(self):
        report = self.report(FLEET)
        for spoil in (lambda r: r.pop("totals"), lambda r: r["connections"][0].update(end_cause="tired"),
                      lambda r: r["findings"][0].update(time="yesterday"), lambda r: r.update(schema="other")):
            spoiled = json.loads(json.dumps(report))
            spoil(spoiled)
            with self.assertRaises(jsonschema.ValidationError):
                SCHEMAS[0].validate(spoiled)
        spoiled = json.loads(json.dumps(report))
        spoiled["connections"][0]["undescribed"] = 1
        with self.assertRaises(jsonschema.ValidationError):
            SCHEMAS[1].validate(spoiled)

    def test_sums(self):
        for name, report in self.reports.items():
            with self.subTest(name):
                totals = report["totals"]
                self.assertEqual(totals["connections"], len(report["connections"]))
                self.assertEqual(totals["sessions"], len(report["sessions"]))
                self.assertEqual(sum(totals["versions"].values()), totals["connections"])
                self.assertEqual(sum(totals["end_causes"].values()), totals["connections"])
                self.assertEqual(sum(totals["findings"].values()), len(report["findings"]))
                self.assertEqual(sum(rule["count"] for rule in report["rules"]), len(report["findings"]))
                for kind, both in totals["control_packets"].items():
                    for role in both:
                        parts = [c["control_packets"].get(kind, {}).get(role, 0) for c in report["connections"]]
                        self.assertEqual(sum(parts), both[role])
                published = sum(topic["published"] for topic in report["topics"])
                self.assertEqual(published + report["other_topics"]["published"], report["deliveries"]["published"])
                frames = [finding["frame"] or 0 for finding in report["findings"]]
                self.assertEqual(frames, sorted(frames))

    def test_handshakes_balance(self):
        for name, report in self.reports.items():
            for connection in report["connections"]:
                for direction in connection["qos"].values():
                    for h in direction.values():
                        with self.subTest(name, connection=connection["id"]):
                            done = h["completed"] + h["refused"] + h["incomplete"] + h["open"] + h["unknown"]
                            self.assertEqual(done, h["started"] + h["resumed"])


class Fleet(Case):
    """What MANIFEST says of fleet.pcapng."""

    def setUp(self):
        super().setUp()
        self.fleet = self.report(FLEET)

    def connections(self, client):
        return [c for c in self.fleet["connections"] if c["client_id"] == client]

    def test_keep_alive(self):
        first, second = self.connections("thermo-1")
        self.assertEqual((first["end_cause"], second["end_cause"]), ("keep-alive", "client-disconnect"))
        self.assertEqual(first["keep_alive"]["requested"], 2)
        self.assertEqual(first["keep_alive"]["max_idle"], 5)

    def test_takeovers(self):
        ends = [c["end_cause"] for c in self.connections("gateway-3")]
        self.assertEqual(ends, ["taken-over"] * 4 + ["client-disconnect"])
        session = next(s for s in self.fleet["sessions"] if s["client_id"] == "gateway-3")
        self.assertEqual((session["connection_count"], session["taken_over"]), (5, 4))
        self.assertEqual(len(session["connections"]), 5)

    def test_resumed_handshake(self):
        first, second = self.connections("valve-7")
        broken = first["qos"]["server_to_client"]["2"]
        self.assertEqual((broken["started"], broken["incomplete"]), (1, 1))
        resumed = second["qos"]["server_to_client"]["2"]
        self.assertEqual((resumed["started"], resumed["resumed"], resumed["completed"]), (0, 1, 1))
        self.assertTrue(second["session_present"])

    def test_stuck_handshake(self):
        meter, = self.connections("meter-9")
        stuck = meter["qos"]["client_to_server"]["2"]
        self.assertEqual(stuck["awaiting"], {"PUBREC": 0, "PUBREL": 1, "PUBCOMP": 0})
        finding, = [f for f in self.fleet["findings"] if f["client_id"] == "meter-9"]
        self.assertEqual(finding["rule"], "qos-2-without-pubrel")

    def test_refused(self):
        intruder, = self.connections("intruder")
        self.assertEqual((intruder["end_cause"], intruder["connack_reason"]), ("refused", 5))
        self.assertNotIn("intruder", [s["client_id"] for s in self.fleet["sessions"]])

    def test_statements_follow_the_version(self):
        finding = next(f for f in self.fleet["findings"] if f["rule"] == "client-taken-over")
        self.assertEqual(finding["version"], "3.1.1")
        self.assertEqual(finding["statements"], [])
        finding = next(f for f in self.fleet["findings"] if f["rule"] == "qos-2-without-pubrel")
        self.assertEqual((finding["version"], finding["statements"]), ("3.1.1", ["MQTT-4.3.3-1"]))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
