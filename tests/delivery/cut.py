# SPDX-License-Identifier: GPL-2.0-or-later
"""The same capture, with parts taken away."""
import random

from world import wire


def cuts(world, seed):
    """(kind, capture, old frame numbers by new ones); what is before ":" names the kind."""
    r, records = random.Random(seed), world.stage.records
    seen = sorted({c.address for c in world.clients})

    def keep(kind, wanted, snap=1 << 18):
        kept = [(n, record) for n, record in enumerate(records, 1) if wanted(n, record[1])]
        return kind, wire.capture([record for _, record in kept], snap), {i: n for i, (n, _) in enumerate(kept, 1)}

    for address in r.sample(seen, min(2, len(seen))):
        raw, name = bytes(address), ".".join(map(str, address))
        yield keep(f"a client: {name}", lambda n, p: raw not in (p[12:16], p[16:20]))
        yield keep(f"what a client sends: {name}", lambda n, p: p[12:16] != raw)
        yield keep(f"what a client gets: {name}", lambda n, p: p[16:20] != raw)
    third = len(records) // 3
    yield keep("the first third", lambda n, p: n > third)
    yield keep("the last third", lambda n, p: n <= 2 * third)
    yield keep("1 % of the frames", lambda n, p: r.random() >= 0.01)
    snap = r.choice((54, 70, 96))
    yield keep(f"what is beyond: {snap} bytes", lambda n, p: True, snap)
