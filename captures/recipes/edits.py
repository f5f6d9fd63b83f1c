# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures that are made from another one: what a sniffer or a network does to traffic, in measured
doses."""

import struct

import pcapng
from recipes import capture

ETHERNET = 14  # length of the header
RAW_IP, NULL_LOOPBACK = 101, 0


def edited(stage, source, change, link_type=None):
    stage.used.append("captures/pcapng.py")
    pcapng.edit(source, stage.output, change, link_type)


@capture("mid-connection.pcapng", made_from="fleet.pcapng")
def mid_connection(stage, source):
    """The fleet from its 70th frame on: the connections of dashboard, legacy-plc and thermo-1 have
    no handshake and no CONNECT, so their version is to be inferred and their client identifiers are
    unknown."""
    stage.uses("editcap")
    stage.run("editcap", "-r", source, stage.output, "70-1000000")
    stage.find.append(
        "what began before is a limit (start in mid-connection), and no finding "
        "may rest on what was not captured: an acknowledgement, a topic or a "
        "subscription of before"
    )


@capture("snaplen-96.pcapng", made_from="fleet.pcapng")
def snaplen_96(stage, source):
    """The fleet cut to 96 bytes a frame, as a snap length does: 30 bytes of TCP payload are left of
    each segment."""
    stage.uses("editcap")
    stage.run("editcap", "-s", "96", source, stage.output)
    stage.find.append(
        "the limit snap length, with the number of frames cut; longer control "
        "packets are TRUNCATED, never malformed; the framing is not lost, since "
        "the reported lengths are known"
    )


def segments_with_data(packets):
    """Indices of TCP segments that carry data, in Ethernet and IPv4 as on loopback."""
    found = []
    for index, (_, data) in enumerate(packets):
        ip = 14
        total = int.from_bytes(data[ip + 2 : ip + 4], "big")
        tcp = ip + (data[ip] & 15) * 4
        if data[12:14] == b"\x08\x00" and total - (tcp - ip) - (data[tcp + 12] >> 4) * 4 > 0:
            found.append(index)
    return found


def ports(data):
    tcp = 14 + (data[14] & 15) * 4
    return int.from_bytes(data[tcp : tcp + 2], "big"), int.from_bytes(
        data[tcp + 2 : tcp + 4], "big"
    )


@capture("lost-segments.pcapng", made_from="qos-flows-v311.pcapng")
def lost_segments(stage, source):
    """qos-flows-v311 without every ninth segment that carries data, as a sniffer loses them: both
    ends did get them."""
    lost = []

    def change(packets):
        lost.extend(segments_with_data(packets)[8::9])
        return [p for i, p in enumerate(packets) if i not in lost]

    edited(stage, source, change)
    stage.find.append(
        "%d gaps (the limit says so, with the bytes); no finding may come from "
        "what was lost: frames %s of qos-flows-v311"
        % (len(lost), ", ".join(str(i + 1) for i in lost))
    )


@capture("reordered.pcapng", made_from="split-packets.pcapng")
def reordered(stage, source):
    """split-packets with segments out of order (pairs that follow each other in one direction, with
    no data of the other direction in between: the second comes just before the first) and with
    every fifth segment that carries data seen twice (a retransmission, two frames later); time
    stamps stay in order."""
    counts = {}

    def change(packets):
        times = [pcapng.time_of(p) for p in packets]
        data = segments_with_data(packets)
        order = list(range(len(packets)))
        last, pairs = {}, []
        for index in data:
            source_port, target_port = ports(packets[index][1])
            connection = frozenset((source_port, target_port))
            before = last.get(connection)
            if before and before[1] == source_port:
                pairs.append((before[0], index))
                last[connection] = None  # a segment is exchanged once
            else:
                last[connection] = (index, source_port)
        for first, second in pairs[
            ::2
        ]:  # the second comes just before the first, and so before its acknowledgement
            order.remove(second)
            order.insert(order.index(first), second)
        copies = set(data[4::5])
        sequence, pending = [], []
        for place, index in enumerate(order):
            sequence.append((times[place], index))
            while pending and pending[0][0] <= place:
                sequence.append((times[place] + 1000, pending.pop(0)[1]))
            if index in copies:
                pending.append((place + 2, index))
        sequence += [(times[-1] + 1000, copy) for _, copy in pending]
        counts["pairs"], counts["copies"] = len(pairs[::2]), len(copies)
        out = []
        for stamp, index in sequence:
            packet_copy = list(packets[index])
            pcapng.set_time(packet_copy, stamp)
            out.append(packet_copy)
        return out

    edited(stage, source, change)
    stage.find.append(
        "%d reordered pairs and %d retransmissions, which TCP puts right: the same "
        "control packets, handshakes and findings as in split-packets"
        % (counts["pairs"], counts["copies"])
    )


# ---- TCP segments in Ethernet and IPv4 without options


def tcp_at(data):
    return ETHERNET + (data[ETHERNET] & 15) * 4


def payload_at(data):
    return tcp_at(data) + (data[tcp_at(data) + 12] >> 4) * 4


def sequence(data, offset=4):
    """The sequence number; at offset 8 the acknowledgement number."""
    return struct.unpack_from(">I", data, tcp_at(data) + offset)[0]


def with_sequence(data, number, offset=4):
    at = tcp_at(data) + offset
    return data[:at] + struct.pack(">I", number & 0xFFFFFFFF) + data[at + 4 :]


def with_payload(data, payload):
    """The segment with another payload; the IPv4 length and header checksum follow, as on a real
    wire."""
    head = bytearray(data[: payload_at(data)])
    struct.pack_into(">H", head, ETHERNET + 2, len(head) - ETHERNET + len(payload))
    struct.pack_into(">H", head, ETHERNET + 10, 0)
    total = sum(struct.unpack_from(">10H", head, ETHERNET))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into(">H", head, ETHERNET + 10, ~total & 0xFFFF)
    return bytes(head) + payload


@capture("overlapping-segments.pcapng", made_from="split-packets.pcapng")
def overlapping_segments(stage, source):
    """split-packets with segments that overlap: of pairs that follow each other in one direction,
    the second starts with the last bytes of the first, or is followed by a retransmission of both
    in one segment. All copies of a byte are equal."""
    counts = [0, 0]

    def change(packets):
        out, last = [], {}
        data = set(segments_with_data(packets))
        for index, (header, frame) in enumerate(packets):
            out.append([header, frame])
            if index not in data:
                continue
            source_port, target_port = ports(frame)
            before = last.get((source_port, target_port))
            last.pop((target_port, source_port), None)
            last[(source_port, target_port)] = frame
            if before is None or sequence(before) + len(before) - payload_at(before) != sequence(
                frame
            ):
                continue
            first, second = before[payload_at(before) :], frame[payload_at(frame) :]
            turn = sum(counts) % 2
            if turn == 0:
                tail = first[-10:]
                out[-1] = [
                    header,
                    with_payload(with_sequence(frame, sequence(frame) - len(tail)), tail + second),
                ]
            elif len(first) + len(second) < 1000:
                again = [
                    header,
                    with_payload(with_sequence(frame, sequence(before)), first + second),
                ]
                pcapng.set_time(again, pcapng.time_of(again) + 1000)
                out.append(again)
            else:
                continue
            counts[turn] += 1
        return out

    edited(stage, source, change)
    stage.find.append(
        "%d segments that start with bytes seen before, %d retransmissions that "
        "cover two segments: the same control packets, handshakes and findings as "
        "in split-packets" % tuple(counts)
    )


@capture("sequence-wrap.pcapng", made_from="split-packets.pcapng")
def sequence_wrap(stage, source):
    """split-packets with other initial sequence numbers, so that they pass 2^32 in the middle of
    each connection, in both directions (the TCP checksums do not follow)."""

    def change(packets):
        shift = {}
        for packet in packets:
            way = ports(packet[1])
            if packet[1][tcp_at(packet[1]) + 13] & 2:  # SYN
                shift[way] = 0xFFFFFFFF - (7000 if way[1] == 1883 else 11000) - sequence(packet[1])
        for packet in packets:
            way = ports(packet[1])
            packet[1] = with_sequence(packet[1], sequence(packet[1]) + shift[way])
            if packet[1][tcp_at(packet[1]) + 13] & 16:  # ACK
                packet[1] = with_sequence(packet[1], sequence(packet[1], 8) + shift[way[::-1]], 8)
        return packets

    edited(stage, source, change)
    stage.find.append("the same control packets, handshakes and findings as in split-packets")


@capture("one-direction.pcapng", made_from="qos-flows-v311.pcapng")
def one_direction(stage, source):
    """qos-flows-v311 with the frames from clients to the server only, as a mirror port brings that
    was set up for one direction."""
    edited(stage, source, lambda packets: [p for p in packets if ports(p[1])[1] == 1883])
    stage.find.append(
        "the limit one direction, for all four connections; nothing is said about "
        "answers that cannot be seen (CONNACK, SUBACK, PUBACK, PINGRESP), and "
        "client's acknowledgements of unseen PUBLISH are no findings"
    )


@capture("clock-step.pcapng", made_from="qos-flows-v311.pcapng")
def clock_step(stage, source):
    """qos-flows-v311 whose clock goes back by five seconds before frame 50, in the middle of two
    connections."""

    def change(packets):
        for packet in packets[49:]:
            pcapng.set_time(packet, pcapng.time_of(packet) - 5_000_000_000)
        return packets

    edited(stage, source, change)
    stage.find.append(
        "the limit clock going backwards, once; otherwise the findings of "
        "qos-flows-v311, with no negative duration"
    )


def full_segments(packets):
    """Indices of the segments of 1,448 bytes, in two-hosts those of the PUBLISH of 5,000 bytes,
    from and to a client."""
    return [
        i
        for i in segments_with_data(packets)
        if len(packets[i][1]) - payload_at(packets[i][1]) == 1448
    ]


@capture("mid-packet.pcapng", made_from="two-hosts.pcapng")
def mid_packet(stage, source):
    """two-hosts from the second segment of the PUBLISH of 5,000 bytes on: the capture starts in the
    middle of a control packet of far-pub's second connection."""
    edited(stage, source, lambda packets: packets[full_segments(packets)[1] :])
    stage.find.append(
        "the limit start in mid-connection for far-sub (5.0, nothing but PUBLISH "
        "and its answers is seen, so the version can only be guessed) and for "
        "far-pub's second connection, whose rest of a PUBLISH is skipped (digits, "
        "of which 0 to 9 look like first bytes of PUBLISH, so that a careless "
        "reader finds control packets where there are none); the QoS 2 handshake "
        "that it began is seen from PUBREC on, which is no finding"
    )


@capture("lost-in-payload.pcapng", made_from="two-hosts.pcapng")
def lost_in_payload(stage, source):
    """two-hosts without the second of the four segments that carry the PUBLISH of 5,000 bytes from
    far-pub: the gap lies within its payload."""
    edited(
        stage,
        source,
        lambda packets: [p for i, p in enumerate(packets) if i != full_segments(packets)[1]],
    )
    stage.find.append(
        "one gap of 1,448 bytes inside a payload: the framing is kept, the PUBLISH "
        "counts with its length, its payload cannot be compared with what far-sub "
        "gets; otherwise the findings of two-hosts"
    )


# ---- other layers below, and another file format


@capture("nanoseconds.pcap", made_from="port-reuse.pcapng")
def nanoseconds(stage, source):
    """port-reuse as a classic pcap file with time stamps in nanoseconds."""
    stage.uses("editcap")
    stage.run("editcap", "-F", "nsecpcap", source, stage.output)
    stage.find.append("the same findings, with the same times, as port-reuse")


@capture("vlan.pcapng", made_from="two-hosts.pcapng")
def vlan(stage, source):
    """two-hosts with an 802.1Q tag (VLAN 5) in every frame, and an 802.1ad tag (VLAN 100) before it
    from the second half of the capture on."""

    def change(packets):
        for index, packet in enumerate(packets):
            tags = b"\x81\x00\x00\x05"
            if index >= len(packets) // 2:
                tags = b"\x88\xa8\x00\x64" + tags
            packet[1] = packet[1][:12] + tags + packet[1][12:]
        return packets

    edited(stage, source, change)
    stage.find.append("the same findings as two-hosts")


@capture("raw-ip.pcapng", made_from="ipv6.pcapng")
def raw_ip(stage, source):
    """ipv6 without its Ethernet headers: link type RAW."""

    def change(packets):
        return [[header, data[ETHERNET:]] for header, data in packets]

    edited(stage, source, change, RAW_IP)
    stage.find.append("the same findings as ipv6")


@capture("null-loopback.pcapng", made_from="port-reuse.pcapng")
def null_loopback(stage, source):
    """port-reuse with the four-byte header of BSD loopback interfaces (AF_INET, little-endian)
    instead of Ethernet: link type NULL."""

    def change(packets):
        return [[header, b"\x02\0\0\0" + data[ETHERNET:]] for header, data in packets]

    edited(stage, source, change, NULL_LOOPBACK)
    stage.find.append("the same findings as port-reuse")


@capture("ipv6-extension-headers.pcapng", made_from="ipv6.pcapng")
def ipv6_extension_headers(stage, source):
    """ipv6 with a Hop-by-Hop Options and a Destination Options header (padding only) before TCP in
    every packet."""

    def change(packets):
        for packet in packets:
            data = packet[1]
            fixed = bytearray(data[ETHERNET : ETHERNET + 40])
            struct.pack_into(">H", fixed, 4, struct.unpack_from(">H", fixed, 4)[0] + 16)
            fixed[6] = 0  # next: Hop-by-Hop Options
            options = bytes((60, 0, 1, 4, 0, 0, 0, 0))  # next: Destination Options
            options += bytes((6, 0, 1, 4, 0, 0, 0, 0))  # next: TCP
            packet[1] = data[:ETHERNET] + bytes(fixed) + options + data[ETHERNET + 40 :]
        return packets

    edited(stage, source, change)
    stage.find.append("the same findings as ipv6")
