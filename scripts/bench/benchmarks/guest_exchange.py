# SPDX-License-Identifier: BSD-3-Clause
"""Messages and packets between host and VM, and between VMs.

A host program, two VMs and a process of the host have the same device, and find
the same objects in it. Two of them exchange at a time, each alone on its core;
the others sleep. Whoever exchanges, the host program stops the time, from the
moment when it lets both begin until both have checked their last item.

Messages are words: the source puts bursts into a ring; the sink takes them,
checks each and puts its answer into a second ring; the source checks all answers.
Packets are mbufs with 64 bytes, of the usual room of 2 KiB: the source writes all
64 bytes, the sink checks all of them and the length. With a return ring the sink
puts the buffers into a second ring, and the source checks that each of its own is
back, and uses it again. Otherwise the sink frees them to the shared pool, from which
the source allocates; after each sample all are counted in the pool.

"host to process" is the same program without a VM: the process attaches the device
as a guest does. What the others are slower is the virtual machine's part.
"""
import os

NEEDS = ("library", "qemu", "guest")

MESSAGES = "Messages there and back"
RETURN = "64-byte mbufs, return ring"
FREE = "64-byte mbufs, freed by the consumer"
SLOTS = MESSAGES + ", burst 32, by size of the rings"
TRAVELLING = RETURN + ", burst 32, by mbufs under way"

HUGEPAGES = 32      # of 2 MiB


def measure(run, result):
    for title, unit, row in ((MESSAGES, "M round trips/s", "burst"),
                             (RETURN, "M packets/s", "burst"),
                             (FREE, "M packets/s", "burst"),
                             (SLOTS, "M round trips/s", "slots"),
                             (TRAVELLING, "M packets/s", "mbufs")):
        result.table(title, unit=unit, row=row, reference="host to process", log=True)
    rounds, milliseconds = (2, 40) if run.quick else (15, 80)
    script = os.path.join(run.root, "scripts", "bench", "vm", "exchange.sh")
    with run.hugepages(HUGEPAGES) as folder:
        if folder is None:
            result.note("The shared memory is in pages of 4 KiB: no hugepages here.")
        run.samples([script, str(rounds), str(milliseconds), *map(str, run.cores),
                     *([folder] if folder else [])], result)
    result.note(f"VMs run under {run.accel}.")
    if run.accel == "tcg":
        result.note("Under TCG, QEMU's emulation, each instruction of a guest costs several of the "
                    "host, and each page that is not in the emulator's TLB some hundred. The TLB "
                    "is brought to the size of the pool before each sample.")
    add_goals(result)


def add_goals(result):
    for pair in ("host to VM", "VM to host", "VM to VM"):
        for title, unit, least in ((MESSAGES, "ring round trips", 40),
                                   (RETURN, "64-byte mbufs, return ring", 5),
                                   (FREE, "64-byte mbufs, freed by the consumer", 5)):
            result.goal(f"million checked {unit} a second, burst 256, {pair}",
                        result.table(title).median(256, pair), least=least)
