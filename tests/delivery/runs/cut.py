#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes parts of a run's capture away, as a bad place to capture from would.

    cut.py CAPTURE OUT.pcap HOW [ARGUMENT...]

HOW: client ID            all connections of a client identifier
     direction ID up|down what a client sent, or was sent
     start FRACTION       all before; `end FRACTION`: all behind
     loss SEED            a hundredth of the frames
     points SEED          two capture points: every frame again 50 us later, and half of the copies lost
     late                 two capture points, the second one whole, and its clock 3 ms behind
     snap LENGTH          what is behind the snap length
"""

import dataclasses
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "damage"))
import frames  # noqa: E402
import wire  # noqa: E402

MICROSECOND = 1000


def flows_of(all_frames, client_id, ports=(1883, 1884)):
    """The frames' places that belong to a client: {place: whether it sent it}"""
    mine, now, waiting = {}, {}, {}
    for place, frame in enumerate(all_frames):
        s = frame.tcp
        if s is None:
            continue
        up = s.flow[1][1] in ports
        flow = s.flow if up else s.flow[::-1]
        if up and s.flags & frames.SYN:
            now.pop(flow, None)
            waiting[flow] = []
        if flow not in now:
            waiting.setdefault(flow, []).append((place, up))
            if up and s.size:
                now[flow] = connect_of(frame.data[s.body : s.end]) == client_id
                if now[flow]:
                    mine.update(waiting[flow])
                del waiting[flow]
        elif now[flow]:
            mine[place] = up
    return mine


def connect_of(data):
    """The client identifier of the CONNECT that a segment begins with."""
    connection = wire.Connection(0, ())
    try:
        _, at = wire.number(data, 1)
        p = wire.Packet(0, True, data[0] >> 4, 0, 0, 0, 0, data[at:])
        if p.kind == wire.CONNECT:
            # A will may reach into the next segment; the client identifier does not.
            wire.Wire._decode(None, connection, p, {})
    except (IndexError, wire.struct.error, UnicodeDecodeError):
        pass
    return connection.client


def client(all_frames, client_id):
    mine = flows_of(all_frames, client_id)
    return [(i, f) for i, f in enumerate(all_frames) if i not in mine]


def direction(all_frames, client_id, way):
    mine = flows_of(all_frames, client_id)
    return [(i, f) for i, f in enumerate(all_frames) if mine.get(i) != (way == "up")]


def start(all_frames, fraction):
    rows = list(enumerate(all_frames))
    return rows[int(len(rows) * float(fraction)) :]


def end(all_frames, fraction):
    rows = list(enumerate(all_frames))
    return rows[: int(len(rows) * float(fraction))]


def loss(all_frames, seed):
    chance = random.Random(int(seed))
    return [(i, f) for i, f in enumerate(all_frames) if chance.random() >= 0.01]


def again(all_frames, share, delay, chance):
    rows = list(enumerate(all_frames))
    copies = [(i, dataclasses.replace(f, time=f.time + delay)) for i, f in rows if chance.random() < share]
    return sorted(rows + copies, key=lambda row: row[1].time)


def points(all_frames, seed):
    return again(all_frames, 0.5, 50 * MICROSECOND, random.Random(int(seed)))


def late(all_frames):
    return again(all_frames, 2, 3000 * MICROSECOND, random.Random(0))


def snap(all_frames, length):
    return [(i, dataclasses.replace(f, data=f.data[: int(length)])) for i, f in enumerate(all_frames)]


HOW = {f.__name__: f for f in (client, direction, start, end, loss, points, late, snap)}


def cut(link, all_frames, target, how, *arguments):
    """Writes the rest, and returns the place (from 1) in the whole capture of each frame that is left."""
    rows = HOW[how](all_frames, *arguments)
    frames.write(pathlib.Path(target), link, [f for _, f in rows])
    return [i + 1 for i, _ in rows]


def main():
    if len(sys.argv) < 4 or sys.argv[3] not in HOW:
        sys.exit(__doc__)
    link, all_frames = frames.read(pathlib.Path(sys.argv[1]))
    left = cut(link, all_frames, *sys.argv[2:])
    print("%d of %d frames" % (len(left), len(all_frames)))


if __name__ == "__main__":
    main()
