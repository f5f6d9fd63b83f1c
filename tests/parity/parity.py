#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""On every capture, plugin and analyzer say the same: two reassemblers, one truth.

Compared are
  findings   (frame, rule), each as often as it is said, but for rules that the analyzer alone
             can know
  streams    which TCP streams carry MQTT, by Wireshark's numbers
  clients    the client identifier of each stream
  packets    how many control packets of each type each side of a stream sent

Where the two differ for a good reason, the file `differences` says which capture, which of the four,
and why. A line there that is no longer needed fails the test as well.
"""

import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import faces  # noqa: E402

DIFFERENCES = pathlib.Path(__file__).with_name("differences")

FIELDS = [
    "frame.number", "tcp.stream", "tcp.srcport", "mqtt.msgtype", "mqttscope.client",
    "mqttscope.sender", "mqttscope.rule",
]  # fmt: skip


def plugin_says(face, capture):
    """findings, streams, clients, packets from the tree."""
    findings = collections.Counter()
    packets = collections.Counter()
    ports = {}
    clients = {}
    for row in face.fields(capture, FIELDS, "mqtt.msgtype || mqttscope.rule"):
        frame = int(row["frame.number"][0])
        stream = int(row["tcp.stream"][0])
        port = int(row["tcp.srcport"][0])
        findings.update((frame, rule) for rule in row["mqttscope.rule"])
        packets.update((stream, port, faces.PACKET_TYPES[int(t)]) for t in row["mqtt.msgtype"])
        ports.setdefault(stream, set()).add(port)
        if row["mqttscope.client"]:
            clients[stream] = row["mqttscope.client"][-1]
    return {
        "findings": findings,
        "streams": sorted(ports),
        "clients": clients,
        "packets": packets,
    }


def analyzer_says(face, capture):
    """The same from the JSON report."""
    report = face.report(capture)
    findings = collections.Counter((f["frame"], f["rule"]) for f in report["findings"])
    packets = collections.Counter()
    streams = set()
    clients = {}
    for connection in report["connections"]:
        stream = connection["tcp_stream"]
        for packet_type, sent in connection["control_packets"].items():
            for side in ("client", "server"):
                packets[stream, connection[side]["port"], packet_type] += sent[side]
        if connection["control_packets"]:
            streams.add(stream)
        if connection["client_id"]:
            clients[stream] = connection["client_id"]
    return {
        "findings": findings,
        "streams": sorted(streams),
        "clients": clients,
        "packets": +packets,
    }


def only_in(this, other):
    """What a counter, a dictionary or a list has that the other has not."""
    if isinstance(this, collections.Counter):
        return sorted((this - other).items())
    if isinstance(this, dict):
        return sorted((k, v) for k, v in this.items() if other.get(k) != v)
    return [item for item in this if item not in other]


def compare(face, capture, alone):
    """The differences of one capture: what is compared, and a text about it."""
    plugin, analyzer = plugin_says(face, capture), analyzer_says(face, capture)
    for said in (plugin, analyzer):
        said["findings"] = collections.Counter(
            {key: count for key, count in said["findings"].items() if key[1] not in alone}
        )
    found = {}
    for what in plugin:
        if plugin[what] == analyzer[what]:
            continue
        found[what] = (
            f"  only the plugin:   {only_in(plugin[what], analyzer[what])}\n"
            f"  only the analyzer: {only_in(analyzer[what], plugin[what])}"
        )
    counts = sum(analyzer["findings"].values()), sum(analyzer["packets"].values())
    return found, counts


def main():
    """Compares all captures and holds the differences against the list."""
    _, face, chosen = faces.arguments(__doc__.splitlines()[0])
    alone = faces.rules_of_the_analyzer()
    results = faces.for_each_capture(lambda capture: compare(face, capture, alone), chosen)
    listed = {(c, what): why for c, what, why in faces.read_differences(DIFFERENCES, 3)}
    problems = []
    for capture, (found, _) in results.items():
        for what, text in found.items():
            if (capture, what) not in listed:
                problems.append(f"{capture}: {what} differ\n{text}")
        for other, what in listed:
            if other == capture and what not in found:
                problems.append(f"{capture}: {what} agree: take the line out of {DIFFERENCES.name}")
    for capture, what in listed:
        if capture not in faces.captures():
            problems.append(f"{DIFFERENCES.name} names {capture}, which is no capture")
    findings = sum(counts[0] for _, counts in results.values())
    packets = sum(counts[1] for _, counts in results.values())
    faces.conclude(
        problems,
        f"{len(results)} captures: {findings} findings and {packets} control packets agree, "
        f"but for {len(listed)} listed differences",
    )


if __name__ == "__main__":
    main()
