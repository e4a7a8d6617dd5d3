# SPDX-License-Identifier: BSD-3-Clause
"""Round trip of one packet between two processes.

A packet of 64 bytes is written, sent, checked by the other process, sent back by it, and
checked again, while nothing else is under way; both processes poll. Each sample is a
percentile of as many round trips as the notes say, one after the other, timed by the
processor's time stamp counter.

- ivshmem ring: only a number through a ring, and back through another one.
- ivshmem packet: a packet of the shared pool through the same rings.
- net_ring: the same through an ethdev over these rings.
- memif, and vhost-user with virtio-user: ethdevs, which copy in one direction or both.
"""
from benchmarks import _pairs

NEEDS = ("library",)

PERCENTILES = ("median", "99 %", "99.9 %")


def sample(contestant, count):
    """Nanoseconds, for each of the percentiles."""
    what = f"{contestant.port} {contestant.ping} {count}"
    answer, _ = _pairs.ask(contestant.of(64), f"ping {what}", f"pong {what}")
    return [float(word) for word in answer]


def measure(run, result):
    count = 5000 if run.quick else 50000
    table = result.table("Round trip", unit="ns", row="percentile", better="lower",
                         reference="ivshmem packet", log=True)
    result.note(f"{count:,} round trips for each sample, after 1,000 that do not count.")
    with _pairs.contestants(run, result, _pairs.LATENCY) as contestants:
        for _ in run.rounds(full=15, quick=3):
            for contestant in contestants:
                for row, number in zip(PERCENTILES, sample(contestant, count)):
                    table.add(row, contestant.name, number)
