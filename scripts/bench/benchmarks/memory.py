# SPDX-License-Identifier: BSD-3-Clause
"""Memory per object and per chunk.

What N shared objects take, beside themselves: on the host the memory of the
library (malloc), the metadata file, and the pages that guests see, which are
whole pages; in a process that attaches them its heap (malloc, and DPDK's), its
resident pages, those of the shared objects that it looked at among them, and
its page tables; in QEMU resident pages and page tables, with -S, before a guest
has touched any.

The attaching process runs on the host, with the code that runs in a guest. All
with --no-huge: pages of 4 KiB. The slope, what one more object takes, is that
between the two largest numbers.
"""
import subprocess

import psutil

from harness.run import end
from harness.sharing import host

NEEDS = ("library", "qemu")

MOST_GROWTH = 2.2
LARGE = 1000    # growth is judged from here on: what is there once weighs more below

# Title: kind, numbers, numbers of --quick
KINDS = {
    "rings": ("rings", (10, 100, 1000, 2000), (10, 1000, 2000)),
    "rings in one memzone": ("rings in a memzone", (10, 100, 1000, 10000), (10, 1000, 2000)),
    "chunks (one pool)": ("pool in pieces", (10, 100, 1000, 10000), (10, 1000, 2000)),
}
HOST = {"heap": "host: library", "metadata": "host: metadata file", "shared": "host: shared pages"}
PEER = {"heap": "peer: malloc", "resident": "peer: resident", "tables": "peer: page tables"}
QEMU = {"resident": "QEMU: resident", "tables": "QEMU: page tables"}


def status_of(pid):
    """Bytes that are resident and in page tables, and the number of mappings."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file if ":" in line)
    return {"resident": int(fields["VmRSS"].split()[0]) * 1024,
            "tables": int(fields["VmPTE"].split()[0]) * 1024,
            "mappings": len(psutil.Process(pid).memory_maps(grouped=False))}


def qemu_status(run, device):
    """Of a QEMU that has just started, with that device or none."""
    process = run.start([f"{run.build}/qemu/qemu-system-x86_64", "-S", "-nodefaults",
                         "-no-user-config", "-display", "none", "-accel", "tcg", "-monitor",
                         "stdio", *device], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write("info status\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith("VM status"):
            break
    status = status_of(process.pid)
    end(process)
    return status


def words(text):
    """{word: number} of lines."""
    return {word: int(number) for word, number in (line.split() for line in text.splitlines())}


def sample(run, kind, count, table, mappings):
    bare = qemu_status(run, [])
    with host(run, kind, count) as told:
        for word, contestant in HOST.items():
            table.add(count, contestant, int(told[word]))
        peer = words(run.output([run.program("bench-attach"), "memory", told["file"]]))
        for word, contestant in PEER.items():
            table.add(count, contestant, peer[word])
        with_device = qemu_status(run, told["device"].split())
        for word, contestant in QEMU.items():
            table.add(count, contestant, with_device[word] - bare[word])
        mappings.add(count, "chunks", int(told["chunks"]))
        mappings.add(count, "peer", peer["mappings"])
        mappings.add(count, "QEMU", with_device["mappings"] - bare["mappings"])


def slope(table, contestant):
    *_, less, more = table.rows()
    return (table.median(more, contestant) - table.median(less, contestant)) / \
        (int(more) - int(less))


def judge(result, title, table, slopes):
    for contestant in table.contestants():
        slopes.add(title, contestant, slope(table, contestant))
    for contestant in (HOST["heap"], HOST["metadata"], PEER["heap"]):
        large = [row for row in table.rows() if int(row) >= LARGE]
        grown = table.median(large[-1], contestant) / table.median(large[0], contestant)
        times = int(large[-1]) / int(large[0])
        result.goal(f"{title}, {contestant}: {times:g} times as many", grown / times,
                    most=MOST_GROWTH / 2)


def measure(run, result):
    slopes = result.table("One more takes", unit="bytes", row="of", better="lower")
    tables = {title: (result.table(title, unit="bytes", row="number", better="lower",
                                   plot="lines", log=True),
                      result.table(f"{title}: mappings", unit="mappings", row="number",
                                   better="lower", plot=None)) for title in KINDS}
    for number in run.rounds(full=3, quick=1):
        for title, (kind, full, quick) in KINDS.items():
            for count in quick if run.quick else full:
                run.progress(f"round {number + 1}: {count} {title}")
                sample(run, kind, count, *tables[title])
    for title, (table, _) in tables.items():
        judge(result, title, table, slopes)
    result.note("Besides what grows, the library counts the users of each page that the EAL could "
                "have: 4 bytes a page of each kind of memory that something is shared of.")
