#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The formats that other programs read: SARIF, JUnit, Prometheus.

    test_machines.py MQTTSCOPE SOURCE-FOLDER [-v] [TestClass[.test]]
"""
import glob
import json
import os
import re
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree

import jsonschema

from mqtt_pcap import Capture, connack, connect, publish, session
from test_cli import CAPTURES, FLEET, HOSTILE, MQTTSCOPE, Case, run

MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["error", "warning", "note"]}
LOCATION = {"type": "object", "required": ["uri"], "additionalProperties": False,
            "properties": {"uri": {"type": "string", "format": "uri-reference",
                                   "pattern": r"^(file:///)?[A-Za-z0-9._~/%-]+$"},
                           "index": {"type": "integer", "minimum": 0}}}


def closed(required, **properties):
    """An object of these keys and no others: SARIF has no others there, or we write none."""
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


# What of SARIF 2.1.0 we write, as its sections 3.13 to 3.58 have it.
SARIF = closed(["version", "runs"], **{"$schema": {"type": "string"}, "version": {"const": "2.1.0"}}, runs={
    "type": "array", "minItems": 1, "maxItems": 1, "items": closed(
        ["tool", "results"],
        tool=closed(["driver"], driver=closed(
            ["name"], name={"const": "mqttscope"}, version={"type": "string"}, semanticVersion={"type": "string"},
            rules={"type": "array", "uniqueItems": True, "items": closed(
                ["id"], id={"type": "string", "pattern": "^[a-z0-9.-]+$"}, shortDescription=MESSAGE, fullDescription=MESSAGE,
                help=MESSAGE, defaultConfiguration=closed(["level"], level=LEVEL),
                properties=closed([], tags={"type": "array", "items": {"type": "string"}, "uniqueItems": True}))})),
        invocations={"type": "array", "items": closed(
            ["executionSuccessful"], executionSuccessful={"type": "boolean"},
            toolExecutionNotifications={"type": "array", "items": closed(["message"], level=LEVEL, message=MESSAGE)})},
        artifacts={"type": "array", "uniqueItems": True, "items": closed([], location=LOCATION)},
        results={"type": "array", "items": closed(
            ["message", "ruleId"], ruleId={"type": "string"}, ruleIndex={"type": "integer", "minimum": 0}, level=LEVEL,
            message=MESSAGE,
            locations={"type": "array", "items": closed(
                [], physicalLocation=closed(["artifactLocation"], artifactLocation=LOCATION),
                logicalLocations={"type": "array", "minItems": 1, "items": closed(
                    [], name={"type": "string"}, kind={"type": "string"})})},
            partialFingerprints={"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}},
            properties={"type": "object"})})})


def sarif(case, *arguments, **more):
    log = json.loads(case.good("--sarif", "-", *arguments, **more))
    jsonschema.validate(log, SARIF)
    return log["runs"][0]


def fingerprints(part):
    return sorted(result["partialFingerprints"]["mqttscope/v1"] for result in part["results"])


class Sarif(Case):
    def test_captures(self):
        """Of every capture: valid, and as many results as the report has findings and diagnoses."""
        for path in CAPTURES:
            with self.subTest(os.path.basename(path)):
                log = json.loads(run("--sarif", "-", path).stdout)
                jsonschema.validate(log, SARIF)
                part = log["runs"][0]
                report = json.loads(run("--json", "-", path).stdout)
                self.assertEqual([result["ruleId"] for result in part["results"]],
                                 [row["id"] for row in report["diagnoses"]] + [row["rule"] for row in report["findings"]])
                rules = [rule["id"] for rule in part["tool"]["driver"]["rules"]]
                self.assertEqual(set(rules), {result["ruleId"] for result in part["results"]})
                for result in part["results"]:
                    self.assertEqual(rules[result["ruleIndex"]], result["ruleId"])
                marks = fingerprints(part)
                self.assertEqual(len(marks), len(set(marks)))

    def faulty(self, before, clients=("a", "b")):
        capture = Capture()
        for number in range(before):
            capture.talk(session("healthy-%d" % number))
        for name in clients:
            capture.talk(session(name, messages=[publish("t", b"", 0x36, 1), publish("t", b"", 0x36, 2)]))
        return self.path("faulty-%d-%d.pcap" % (before, len(clients)), capture.bytes())

    def test_fingerprints(self):
        """The same trouble in other frames has the same ones; another client, or once more, has others."""
        early, late = sarif(self, self.faulty(0)), sarif(self, self.faulty(5))
        self.assertNotEqual([result["properties"]["frame"] for result in early["results"]],
                            [result["properties"]["frame"] for result in late["results"]])
        self.assertEqual(fingerprints(early), fingerprints(late))
        self.assertGreaterEqual(len(set(fingerprints(early))), 4)
        one = set(fingerprints(sarif(self, self.faulty(0, ("a",)))))
        self.assertLess(one, set(fingerprints(early)))

    def test_trouble(self):
        """A file that ends early is said, and so is a limit."""
        with open(self.faulty(1), "rb") as file:
            content = file.read()
        path = self.path("cut off.pcap", content[:-9])
        log = json.loads(self.bad("--sarif", "-", path, says="cut off.pcap"))
        jsonschema.validate(log, SARIF)
        invocation = log["runs"][0]["invocations"][0]
        self.assertFalse(invocation["executionSuccessful"])
        self.assertEqual([entry["level"] for entry in invocation["toolExecutionNotifications"]], ["error", "note"])
        self.assertTrue(log["runs"][0]["artifacts"][0]["location"]["uri"].startswith("file:///"))
        self.assertIn("cut%20off.pcap", log["runs"][0]["artifacts"][0]["location"]["uri"])
        self.assertTrue(sarif(self, self.faulty(1))["invocations"][0]["executionSuccessful"])


def hostile(case):
    capture = Capture()
    for text in HOSTILE:
        capture.talk(session(text, messages=[publish(text, text), publish(text, b"", 0x36, 1)], user=text))
    return case.path("hostile]]>&.pcap", capture.bytes())


class Junit(Case):
    def suites(self, *arguments, status=0):
        root = ElementTree.fromstring(self.good("--junit", "-", *arguments, status=status))
        self.assertEqual(root.tag, "testsuites")
        sums = {"tests": 0, "failures": 0, "errors": 0}
        for suite in root:
            counts = {"tests": len(suite), "failures": len(suite.findall("*/failure")), "errors": len(suite.findall("*/error"))}
            for key, count in counts.items():
                self.assertEqual(int(suite.get(key)), count)
                sums[key] += count
        for key, count in sums.items():
            self.assertEqual(int(root.get(key)), count)
        return {test.get("name"): test for suite in root for test in suite}

    def test_every_rule_is_a_test(self):
        tests = self.suites(FLEET)
        for option in ("--rules", "--diagnoses"):
            for line in self.good(option).splitlines():
                self.assertIn(line.split("\t")[0], tests)

    def failed(self, *arguments, **more):
        return {name for name, test in self.suites(*arguments, **more).items() if test.find("failure") is not None}

    def test_failures(self):
        """As --fail-on has it: without it, warnings and worse."""
        report = self.report(FLEET)
        found = [(row["rule"], row["severity"]) for row in report["rules"]] + \
                [(row["id"], row["severity"]) for row in report["diagnoses"]]
        serious = {name for name, severity in found if severity != "note"}
        everything = {name for name, _ in found}
        self.assertLess(serious, everything)
        self.assertEqual(self.failed(FLEET), serious)
        self.assertEqual(self.failed("--fail-on", "note", FLEET, status=1), everything)
        self.assertEqual(self.failed("--fail-on", "error", FLEET), set())
        test = self.suites(FLEET)["keep-alive-late"]
        self.assertIn("frame ", test.find("system-out").text)

    def test_unread(self):
        done = run("--junit", "-", FLEET, self.path("missing.pcap"))
        root = ElementTree.fromstring(done.stdout)
        self.assertEqual((done.returncode, root.get("errors")), (2, "1"))

    def test_hostile(self):
        text = self.good("--junit", "-", hostile(self))
        ElementTree.fromstring(text)
        for character in text:
            self.assertTrue(character == "\n" or character.isprintable(), repr(character))


NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(r"(%s)(?:\{(.*)\})? (-?[0-9.]+)\Z" % NAME)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\n]|\\\\["\\\\n])*)"(?:,|\Z)')


def parse(text):
    """Prometheus' text format 0.0.4, strictly, and as promtool would have it: {(name, labels): value}."""
    samples, types, family = {}, {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert re.fullmatch(NAME, family) and family not in types, line
            assert len(line.split(" ", 3)[3]) > 5, line
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and kind in ("counter", "gauge", "histogram"), line
            assert (kind == "counter") == name.endswith("_total"), line
            types[name] = kind
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name, labels = match[1], match[2] or ""
        pairs, at = [], 0
        while at < len(labels):
            label = LABEL.match(labels, at)
            assert label, line
            pairs.append((label[1], label[2]))
            at = label.end()
        assert len(dict(pairs)) == len(pairs), line
        base = re.sub(r"_(bucket|sum|count)\Z", "", name) if types[family] == "histogram" else name
        assert base == family, line
        key = (name, tuple(sorted(pairs)))
        assert key not in samples, line
        samples[key] = float(match[3])
    for name, kind in types.items():
        if kind == "histogram":
            check_histogram(name, samples)
    return samples


def check_histogram(name, samples):
    """Buckets grow, and end with all."""
    series = {}
    for (sample, labels), value in samples.items():
        if sample == name + "_bucket":
            rest = tuple(pair for pair in labels if pair[0] != "le")
            series.setdefault(rest, []).append((float(dict(labels)["le"]), value))
    for labels, buckets in series.items():
        assert buckets == sorted(buckets), (name, labels)
        assert [value for _, value in buckets] == sorted(value for _, value in buckets), (name, labels)
        assert buckets[-1] == (float("inf"), samples[(name + "_count", labels)]), (name, labels)
        assert (name + "_sum", labels) in samples


class Metrics(Case):
    def of(self, *arguments):
        return parse(self.good("--metrics", "-", *arguments))

    def value(self, samples, name, **labels):
        return samples[("mqttscope_" + name, tuple(sorted(labels.items())))]

    def test_parser_can_fail(self):
        good = "# HELP a_total helpful\n# TYPE a_total counter\na_total{b=\"c\"} 1\n"
        self.assertEqual(parse(good), {("a_total", (("b", "c"),)): 1})
        for bad in (good[:-1], good.replace("a_total{", "b_total{"), good + "a_total{b=\"c\"} 2\n", good.replace("\"c\"", "c"),
                    good.replace(" 1", ""), good.replace("counter", "gauge")):
            with self.assertRaises((AssertionError, KeyError)):
                parse(bad)

    def test_captures(self):
        """Valid of every capture, and equal to the report where both count the same."""
        for path in CAPTURES:
            with self.subTest(os.path.basename(path)):
                samples = parse(run("--metrics", "-", path).stdout.decode())
                report = json.loads(run("--json", "-", path).stdout)
                totals = report["totals"]
                self.assertEqual(self.value(samples, "connections_total"), totals["connections"])
                self.assertEqual(self.value(samples, "connections_open"), 0)
                self.assertEqual(self.value(samples, "capture_packets_total"), report["capture"]["packets"])
                for row in report["rules"]:
                    self.assertEqual(self.value(samples, "findings_total", rule=row["rule"], severity=row["severity"]),
                                     row["count"])
                self.assertEqual(sum(value for (name, _), value in samples.items() if name == "mqttscope_findings_total"),
                                 sum(row["count"] for row in report["rules"]))
                self.assertEqual(sum(value for (name, _), value in samples.items() if name == "mqttscope_diagnoses"),
                                 len(report["diagnoses"]))
                for limit in report["capture"]["limits"]:
                    self.assertEqual(self.value(samples, "limits_total", kind=limit["kind"]), limit["count"])
                self.assertEqual(self.value(samples, "deliveries_total", outcome="lost"), report["deliveries"]["totals"]["lost"])

    def test_no_client_is_named(self):
        """No label depends on what clients send."""
        samples = self.of(hostile(self))
        for _, labels in samples:
            for name, value in labels:
                self.assertIn(name, ("version", "kind", "cause", "sender", "type", "event", "qos", "begun_by", "outcome", "reason",
                                     "rule", "severity", "diagnosis", "le"))
                self.assertRegex(value, r"\A[A-Za-z0-9+. -]*\Z")

    def test_live(self):
        """While a pipe is open the file is there, whole, and goes on counting; and nothing else is left behind."""
        path = self.path("metrics.prom")
        first, second = Capture(), Capture()
        first.talk(session("early"))
        second.talk(session("late"))
        with subprocess.Popen([MQTTSCOPE, "-q", "--metrics", path, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdin.write(first.bytes())
            process.stdin.flush()
            packet = second.bytes()[24:]
            deadline = time.time() + 60
            while not os.path.exists(path) and time.time() < deadline:
                time.sleep(0.5)
                process.stdin.write(packet)
                process.stdin.flush()
            with open(path, encoding="utf-8") as file:
                between = parse(file.read())
            process.stdin.close()
            process.stdout.read()
        with open(path, encoding="utf-8") as file:
            last = parse(file.read())
        self.assertEqual(os.listdir(self.folder), ["metrics.prom"])
        self.assertGreaterEqual(self.value(between, "connections_total"), 1)
        self.assertGreater(self.value(last, "capture_packets_total"), 0)
        self.assertEqual(self.value(between, "capture_packets_total"), 0) # of files that ended


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
