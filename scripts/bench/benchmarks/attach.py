# SPDX-License-Identifier: BSD-3-Clause
"""Attaching what a host shares, beside the bare mmap() calls.

A host shares N objects. Another process on the host attaches them while it runs
(rte_ivshmem_attach() with the metadata file): it reads and checks the metadata,
maps each chunk at the host's address, and lets lookups find the objects. That
is the code which runs in a guest, but for who answers the page faults.

The reference is mmap() of the same chunks at the same addresses with files that
are open already, and nothing else: no metadata, no checks, no object is found.
Where objects outnumber chunks, that says little, and the time that DPDK needs to
make as many objects itself is the better comparison: attaching spares a program
that. Each memzone that lookups find is one of DPDK's own in the attaching
process: making it costs the same search by name.

Each sample is a process of its own, with --no-huge; its times are those of the
processor. The line that the library logs for each device is switched off: the
EAL sends it to the system's log as well, which takes longer than all the rest
with few objects. Goals: at most twice the bare mmap() where there is a chunk for each
object; growth per doubling at most 2.2, where DPDK's own is not the square.
"""
from harness.sharing import host

NEEDS = ("library",)

MOST_RATIO = 2
MOST_GROWTH = 2.2
ENOUGH = 100    # chunks: the metadata of fewer is most of the time

MMAP = "bare mmap()"
ATTACH = "attach"
CREATE = "DPDK creates"

# Title: kind, numbers, numbers of --quick
KINDS = {
    "one pool in N chunks": ("pool in pieces", (1, 10, 100, 1000, 10000), (1, 10, 100, 1000)),
    "N rings in one chunk, one memzone":
        ("rings in a memzone", (1, 10, 100, 1000, 10000), (1, 10, 100, 1000)),
    "N rings in one chunk, a memzone each": ("rings", (1, 10, 100, 1000, 2000), (1, 10, 100)),
}
CHUNKS = "one pool in N chunks"
OBJECTS = "N rings in one chunk, one memzone"


def sample(run, kind, count, table):
    program = run.program("bench-attach")
    with host(run, kind, count) as told:
        for contestant, arguments in ((MMAP, ["mmap", told["file"]]),
                                      (ATTACH, ["attach", told["file"]]),
                                      (CREATE, ["create", kind, str(count)])):
            table.add(count, contestant, run.output([program, *arguments]))


def measure(run, result):
    tables = {title: result.table(title, unit="µs", row="N", reference=MMAP, better="lower",
                                  plot="lines", log=True) for title in KINDS}
    for number in run.rounds(full=7, quick=2):
        for title, (kind, full, quick) in KINDS.items():
            for count in quick if run.quick else full:
                run.progress(f"round {number + 1}: {title}, N = {count}")
                sample(run, kind, count, tables[title])
    for row in tables[CHUNKS].rows():
        if int(row) >= ENOUGH:
            result.goal(f"{row} chunks: attach to bare mmap()",
                        tables[CHUNKS].ratio(row, ATTACH, MMAP), most=MOST_RATIO)
    for title in (CHUNKS, OBJECTS):
        result.goal(f"{title}: growth per doubling", tables[title].growth(ATTACH),
                    most=MOST_GROWTH)
    result.note(f"No ratio is judged below {ENOUGH} chunks, where one or a few mmap() calls take "
                "less time than opening the metadata: the table tells the difference.")
    result.note("Rings with a memzone each: DPDK compares the name of a new memzone with those of "
                "all others, here as where the host creates them; that is the growth seen.")
