# SPDX-License-Identifier: BSD-3-Clause
"""Rings and mempools of one process, used by another one.

One process makes the rings and puts numbered items into them, on the first core. On the
second core a consumer takes them and checks each. Three consumers take turns on the same
rings, so that only their way to them differs: a thread of that process (*two threads*), a
DPDK secondary process (*primary and secondary*), and a primary process of its own that has
attached the rings by the metadata file, as a guest does by the PCI device (*ivshmem*). Who
does not measure sleeps. Rows are the objects per call (`rte_ring_enqueue_bulk()`,
`rte_ring_dequeue_bulk()`); rings have 4,096 slots, as in DPDK's own test. The MP/MC ring has
one producer and one consumer here as well: its figure is that of the safer kind of ring
without contention.

Mempools: the same three get objects from a pool and put them back, alone, on the second
core; all objects are counted and looked at after each sample. An attached process has
per-lcore caches of its own, in private pages.

The three alternate every few milliseconds, and the sample of a round is the median of 6 to
18 such pieces, so that all have had the same machine: how fast two cores exchange cache
lines may change by a factor while a benchmark runs, above all in a VM, whose processors
move. The processes are started anew after some rounds, for the physical pages of a start
matter.
"""
import collections
import contextlib
import os
import statistics

from harness.conversation import Conversation

NEEDS = ("library",)

THREAD, SECONDARY, IVSHMEM = "two threads", "primary and secondary", "ivshmem"
BURSTS = (1, 8, 32, 256)
RINGS = {"sp_sc": "SP/SC ring", "mp_mc": "MP/MC ring"}
POOLS = {"cached": "mempool with per-lcore caches", "uncached": "mempool without caches"}
LEAST = 0.98        # of two threads
PIECE = 0.005       # seconds
ROUNDS_OF_A_START = 5
HUGEPAGES = 32      # of 2 MiB


def start(run, role, lcores, arguments):
    """bench-rings in one of its roles."""
    process = Conversation(run, [run.program("bench-rings"), "--no-pci", "--no-telemetry",
                                 "--log-level", "lib.eal:warning", "--lcores", lcores, *arguments,
                                 "--", role])
    process.expect("ready")
    return process


@contextlib.contextmanager
def processes(run, huge):
    """(host, {contestant: the process that consumes}), until the end of the block."""
    first, second = run.cores
    memory = ["--huge-dir", huge, "-m", "48"] if huge else ["--no-huge", "-m", "32"]
    metadata = os.path.join(run.environment["RTE_IVSHMEM_DIR"], "rings")
    # Only an attached process has caches of its own, so ids must differ.
    host = start(run, "host", f"0@{first},1@{second}", ["--file-prefix", "rings", *memory])
    consumers = {THREAD: host}
    if huge:
        consumers[SECONDARY] = start(run, "peer", f"2@{second}", [
            "--file-prefix", "rings", "--proc-type", "secondary"])
    consumers[IVSHMEM] = start(run, "peer", f"3@{second}", [
        "--file-prefix", "attached", "--no-huge", "-m", "32", "-a", f"ivshmem0,file={metadata}"])
    yield host, consumers
    for process in reversed(consumers.values()):
        process.end()


def use_ring(host, consumer, ring, burst, count):
    """Seconds."""
    consumer.tell("consume", ring, burst, count)
    consumer.expect("consuming")
    host.tell("produce", ring, burst, count)
    return float(consumer.hear())


def use_pool(_, consumer, pool, burst, count):
    consumer.tell("exchange", pool, burst, count)
    return float(consumer.hear())


Case = collections.namedtuple("Case", "use name title burst")
CASES = [Case(use, name, title, burst) for use, names in ((use_ring, RINGS), (use_pool, POOLS))
         for name, title in names.items() for burst in BURSTS]


def pieces_of(case):
    """Of a sample. What varies more has more: each burst of one waits for the other core."""
    if case.use is use_pool:
        return 6
    return 18 if case.burst == 1 else 12


def calibrate(host, consumers):
    """{case: how many objects a piece should have}; all are warm then."""
    counts = {}
    for case in CASES:
        count = 1 << 17
        seconds = [case.use(host, consumer, case.name, case.burst, count)
                   for consumer in consumers.values()]
        wanted = count * PIECE / statistics.median(seconds)
        counts[case] = max(1, round(wanted / BURSTS[-1])) * BURSTS[-1]
    return counts


def measure_case(host, consumers, case, count):
    """{contestant: objects a second}"""
    pieces = {contestant: [] for contestant in consumers}
    order = list(consumers)
    for _ in range(pieces_of(case)):
        for contestant in order:
            seconds = case.use(host, consumers[contestant], case.name, case.burst, count)
            pieces[contestant].append(count / seconds)
        order.append(order.pop(0))      # each comes first as often
    return {contestant: statistics.median(rates) for contestant, rates in pieces.items()}


def measure(run, result):
    tables = {title: result.table(title, unit="M objects/s", row="burst", reference=THREAD)
              for title in [*RINGS.values(), *POOLS.values()]}
    with run.hugepages(HUGEPAGES) as huge, contextlib.ExitStack() as running:
        if huge is None:
            result.skip(SECONDARY, "it needs hugepages, and none could be had")
        for number in run.rounds(full=40, quick=2):
            if number % ROUNDS_OF_A_START == 0:
                running.close()
                host, consumers = running.enter_context(processes(run, huge))
                counts = calibrate(host, consumers)
            for case in CASES:
                for contestant, rate in measure_case(host, consumers, case, counts[case]).items():
                    tables[case.title].add(case.burst, contestant, rate / 1e6)
    for title in RINGS.values():
        for burst in BURSTS:
            result.ratio_goal(f"{title}, burst {burst}: {IVSHMEM} to {THREAD}",
                              tables[title].ratios(burst, IVSHMEM, THREAD), least=LEAST)
