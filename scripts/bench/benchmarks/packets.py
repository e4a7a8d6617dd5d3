# SPDX-License-Identifier: BSD-3-Clause
"""Packets between two processes.

A producer fills packets, a consumer in another process checks each: its number, its
length, and either the first 64 bytes (header) or all of it (payload). None may be lost
or doubled: the producer offers again what the peer does not take. All contestants use
the same loops; only how a burst moves differs. They fetch a burst ahead, so that the bytes
of the next one come from the other core meanwhile, and write the lengths of a packet only
where the buffer has others: a buffer that came back mostly has the right ones, and what is
not written stays in the caches of both cores.

- ivshmem, return ring: shared pool and rings; the consumer sends the buffers back through
  a second ring, and the producer fills them again.
- ivshmem, consumer frees: it frees them into the shared pool, with a cache on each side.
- net_ring: the same pool and rings as an ethdev of DPDK's driver net_ring, the consumer
  frees. It is a way to use our memory, not a peer: between processes that share nothing
  net_ring has no rings to be attached to.
- memif, and vhost-user with virtio-user: ethdevs, which copy. Each in both directions, as
  one side does most of the work, and with the options that were fastest.

Goals are judged against the fastest peer in each row.
"""
import statistics

from benchmarks import _pairs

NEEDS = ("library",)

HEADER = 64
SIZES = (64, 256, 1500, 9000)
BURSTS = (32, 64, 256)
OURS = "ivshmem, return ring"
TABLES = {"header": "Header touched, bursts of 32", "payload": "Payload touched, bursts of 32"}
BY_BURST = "64 bytes, by burst"


def commands(port, size, touched, burst, milliseconds):
    job = f"{port} {size} {touched} {burst} 5000 {milliseconds * 1000}"
    return f"send {job}", f"receive {job}"


def sample(contestant, size, touched, burst, milliseconds):
    """Millions of packets per second."""
    _, answer = _pairs.ask(contestant.of(size),
                           *commands(contestant.port, size, touched, burst, milliseconds))
    return float(answer[0]) / 1e6


def measure_round(contestants, milliseconds, header, payload, by_burst):
    for size in SIZES:
        for contestant in contestants:
            rate = sample(contestant, size, HEADER, 32, milliseconds)
            header.add(size, contestant.name, rate)
            if size == HEADER:
                by_burst.add(32, contestant.name, rate)
            else:
                payload.add(size, contestant.name,
                            sample(contestant, size, size, 32, milliseconds))
    for burst in BURSTS[1:]:
        for contestant in contestants:
            by_burst.add(burst, contestant.name,
                         sample(contestant, HEADER, HEADER, burst, milliseconds))


def best_peer(table, row, contestants):
    peers = [contestant.name for contestant in contestants if contestant.peer]
    return max(peers, key=lambda name: table.median(row, name) or 0, default=None)


def judge(result, table, row, least, contestants):
    peer = best_peer(table, row, contestants)
    seen = table.ratio(row, OURS, peer) if peer else None
    result.goal(f"{row} bytes, header: {OURS} to the fastest peer ({peer or 'none ran'})", seen,
                least=least)


def of_rounds(table, row, contestant, numbers):
    return statistics.median(table.of(row, contestant)[number] for number in numbers)


def note_states(result, table, row, contestants):
    """The rounds in which ours was nearer to its best, and those nearer to its worst."""
    ours = table.of(row, OURS)
    middle = (min(ours) + max(ours)) / 2
    peers = [contestant.name for contestant in contestants if contestant.peer]
    for word, fast in (("fast", True), ("slow", False)):
        numbers = [number for number, rate in enumerate(ours) if (rate > middle) == fast]
        if not numbers or not peers:
            continue
        peer = max(peers, key=lambda name, of=numbers: of_rounds(table, row, name, of))
        ratios = table.ratios(row, OURS, peer)
        result.note(f"{row} bytes, header, the {len(numbers)} rounds in which ours was {word}: "
                    f"{of_rounds(table, row, OURS, numbers):.1f} M/s, the fastest peer ({peer}) "
                    f"{of_rounds(table, row, peer, numbers):.1f}, ratio "
                    f"{statistics.median(ratios[number] for number in numbers):.2f}.")


def measure(run, result):
    tables = [result.table(title, unit="M packets/s", row="bytes", reference=OURS)
              for title in TABLES.values()]
    by_burst = result.table(BY_BURST, unit="M packets/s", row="burst", reference=OURS)
    with _pairs.contestants(run, result, _pairs.PACKETS, jumbo=True) as contestants:
        for _ in run.rounds(full=25, quick=2):
            measure_round(contestants, 10 if run.quick else 40, *tables, by_burst)
        judge(result, tables[0], 64, 2.5, contestants)
        judge(result, tables[0], 1500, 5, contestants)
        for size in (64, 1500):
            note_states(result, tables[0], size, contestants)
