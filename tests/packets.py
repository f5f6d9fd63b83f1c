# SPDX-License-Identifier: GPL-2.0-or-later
"""The packets of a capture file as places in it: enough to damage, reorder and leave them out."""

import struct

SECTION, ENHANCED = 0x0A0D0D0A, 6


class Packets:
    """Little-endian pcapng and pcap files, as those in captures/ are."""

    def __init__(self, data):
        self.data = bytearray(data)
        self.pieces = []  # (start, end) of all blocks or records
        self.packets = []  # (index in pieces, start of the bytes, how many)
        if struct.unpack_from("<I", data)[0] == SECTION:
            self._read_pcapng()
        else:
            self._read_pcap()

    def _read_pcapng(self):
        at = 0
        while at < len(self.data):
            kind, length = struct.unpack_from("<II", self.data, at)
            if kind == ENHANCED:
                captured = struct.unpack_from("<I", self.data, at + 20)[0]
                self.packets.append((len(self.pieces), at + 28, captured))
            self.pieces.append((at, at + length))
            at += length

    def _read_pcap(self):
        self.pieces.append((0, 24))
        at = 24
        while at < len(self.data):
            captured = struct.unpack_from("<I", self.data, at + 8)[0]
            self.packets.append((len(self.pieces), at + 16, captured))
            self.pieces.append((at, at + 16 + captured))
            at += 16 + captured

    def in_order(self, order):
        """The file with its packets in another order, or with some of them alone."""
        pieces = [bytes(self.data[start:end]) for start, end in self.pieces]
        places = {place for place, _, _ in self.packets}
        first = min(places)
        before = [piece for i, piece in enumerate(pieces[:first])]
        after = [piece for i, piece in enumerate(pieces) if i > first and i not in places]
        return b"".join(before + [pieces[self.packets[i][0]] for i in order] + after)

