# SPDX-License-Identifier: BSD-3-Clause
"""QEMU's start, with an ivshmem device of many chunks.

Time from starting QEMU to its exit. Chunks are 64 KiB and taken from the file backwards, so
that no two of them merge into one mapping; *holes* means that every second 64 KiB of the BAR
is empty. The plain form of the chunks cannot make such holes, and 100,000 chunks exceed what
Linux takes as one argument; a layout file can do both. It is measured without holes as well,
to tell the cost of reading it from that of holes. Beside them: no device at all, and
ivshmem-plain on one file of the same size.

What a device costs is a sample of QEMU with it, less the sample without any device of the
same round. The limit for it is what the kernel needs for the mappings and for taking them
down at exit: *bare mmap calls* is a C program that makes the same mappings and does nothing
else, less the same program without a mapping. A chunk is a mapping, and a hole is another.
The same in processor time, of all threads and the kernel, varies less where others work.

Memory slots are the RAM sections of the guest's address space. 100,000 chunks need as many
mappings: as root, `vm.max_map_count` is raised for the time of the run.
"""
import contextlib
import os
import re
import resource
import subprocess
import time

from harness.run import Failure

NEEDS = ("qemu", "library")

CHUNK = 64 * 1024
COUNTS = (1, 64, 512, 4096, 100000)
MANY = 10000                # chunks, from which on a sample takes half a second
COSTLY = 512                # chunks, from which on their cost stands out
MOST_ARGUMENT = 128 * 1024  # bytes, less one
MOST = 15                   # ms that 4,096 chunks may cost
MOST_GROWTH = 1.5           # cost of a chunk among 100,000 to that among 4,096
MAP_LIMIT = "/proc/sys/vm/max_map_count"
SLOT = 4

NONE, PLAIN = "no device", "ivshmem-plain"
TEXT, LAYOUT, HOLES = "no holes, plain form", "no holes, layout file", "holes, layout file"
DEVICES = (PLAIN, TEXT, LAYOUT, HOLES)
BARE = {"bare mmap calls, no holes": "chunks", "bare mmap calls, holes": "holes"}
LIMIT = {TEXT: "bare mmap calls, no holes", LAYOUT: "bare mmap calls, no holes",
         HOLES: "bare mmap calls, holes"}


def row(count):
    return f"{count:,}"


def bare(count):
    return BARE if count >= COSTLY else {}


def set_map_limit(value):
    with open(MAP_LIMIT, "w", encoding="ascii") as file:
        file.write(str(value))


@contextlib.contextmanager
def map_limit(wanted):
    """Raises vm.max_map_count while it lasts; gives what there is."""
    with open(MAP_LIMIT, encoding="ascii") as file:
        before = int(file.read())
    raised = before < wanted and os.geteuid() == 0
    if raised:
        set_map_limit(wanted)
    try:
        yield wanted if raised else before
    finally:
        if raised:
            set_map_limit(before)


def plain_form(path, count):
    offsets = ":".join(hex((count - i - 1) * CHUNK) for i in range(count))
    return f"ivshmem,addr={SLOT},file={path},offset={offsets},size=" + ":".join(["64K"] * count)


def write_layout(layout, path, count, step):
    with open(layout, "w", encoding="utf-8") as file:
        for i in range(count):
            print(f"offset={(count - i - 1) * CHUNK} size={CHUNK} at={i * step} file={path}",
                  file=file)


def arguments(folder, count, kind):
    """QEMU's for one contestant, None if there is no such; makes its files."""
    path = os.path.join(folder, f"memory-{count}")
    layout = os.path.join(folder, f"layout-{count}-{DEVICES.index(kind)}")
    if kind == PLAIN:           # whose BAR is as large as its memory, hence a power of two
        size = 1 << (count * CHUNK - 1).bit_length()
        return ["-object", f"memory-backend-file,id=mem,mem-path={path}-plain,size={size},share=on",
                "-device", f"ivshmem-plain,addr={SLOT},memdev=mem"]
    if kind == TEXT:
        text = plain_form(path, count)
        return ["-device", text] if len(text) < MOST_ARGUMENT else None
    write_layout(layout, path, count, CHUNK * (2 if kind == HOLES else 1))
    return ["-device", f"ivshmem,addr={SLOT},layout={layout}"]


def commands_of(run, counts):
    """{count: {contestant: command}} of what is timed, with their files."""
    qemu = [os.path.join(run.build, "qemu", "qemu-system-x86_64"), "-S", "-nodefaults",
            "-no-user-config", "-display", "none", "-accel", "tcg", "-monitor", "stdio"]
    commands = {}
    for count in counts:
        path = os.path.join(run.folder, f"memory-{count}")
        with open(path, "ab") as file:
            file.truncate(count * CHUNK)
        devices = {kind: arguments(run.folder, count, kind) for kind in DEVICES}
        commands[count] = {NONE: qemu, **{kind: qemu + device for kind, device in devices.items()
                                          if device is not None}}
        for name, kind in bare(count).items():
            for mappings in (0, count):
                commands[count][name, mappings] = [run.program("bench-mmap"), path,
                                                   str(mappings), kind]
    return commands


def processor_time():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def spend(command, monitor="quit\n"):
    """((ms from start to exit, ms of processor time), output)."""
    start, used = time.monotonic(), processor_time()
    done = subprocess.run(command, input=monitor, capture_output=True, text=True, check=False)
    spent = (time.monotonic() - start) * 1000, (processor_time() - used) * 1000
    if done.returncode != 0 or done.stderr:
        raise Failure(f"{os.path.basename(command[0])} has failed: {done.stderr}")
    return spent, done.stdout


def measure_round(commands, times, costs):
    """A sample of each contestant; costs are two tables, as spend() gives two times."""
    for count, contestants in commands.items():
        spent = {name: spend(command)[0] for name, command in contestants.items()}
        for name in (NONE, *DEVICES):
            if name in spent:
                times.add(row(count), name, spent[name][0])
        pairs = [(name, name, NONE) for name in LIMIT if name in spent and count >= COSTLY]
        pairs += [(name, (name, count), (name, 0)) for name in bare(count)]
        for i, table in enumerate(costs):
            for name, full, empty in pairs:
                table.add(row(count), name, spent[full][i] - spent[empty][i])


def count_memory(command):
    """(memory slots, RAM blocks) of a machine whose BAR 2 is where nothing else is."""
    write = "o /w 0xcf8 {:#x}\no /w 0xcfc {:#x}\n"
    config = 0x80000000 | SLOT << 11
    monitor = "".join(write.format(config | register, value) for register, value in
                      ((0x18, 0), (0x1c, 0x40), (0x04, 2)))
    _, text = spend(command, monitor + "info ramblock\ninfo mtree -f\nquit\n")
    blocks = re.findall(r"0x[0-9a-f]{16} 0x[0-9a-f]{16}  ?r[ow]", text)
    view = text[text.index(' AS "memory"'):]
    view = view[:view.index("FlatView", 1)] if "FlatView" in view else view
    return len(re.findall(r"(?:ram|rom)\): ", view)), len(blocks)


def measure_memory(commands, slots, blocks):
    for count, contestants in commands.items():
        without = count_memory(contestants[NONE])
        for name in DEVICES:
            if name in contestants:
                counted = count_memory(contestants[name])
                slots.add(row(count), name, counted[0] - without[0])
                blocks.add(row(count), name, counted[1] - without[1])


def goals(result, costs):
    def cost(count, name):
        return costs.median(row(count), name)

    for title, name in (("no holes", TEXT), ("a hole behind each", HOLES)):
        result.goal(f"4,096 chunks, {title}: ms over no device", cost(4096, name), most=MOST)
    for name in (LAYOUT, HOLES):
        few, many = cost(4096, name), cost(100000, name)
        growth = many / 100000 / (few / 4096) if few and many else None
        result.goal(f"linear growth, {name}: cost of one of 100,000 chunks to one of 4,096",
                    growth, most=MOST_GROWTH)


def notes(result, used):
    for name, limit in LIMIT.items():
        ours, least = used.median(row(4096), name), used.median(row(4096), limit)
        result.note(f"4,096 chunks, {name}: the kernel's share, as the bare calls show it, is "
                    f"{least:.1f} of {ours:.1f} ms of processor time.")


def measure(run, result):
    with map_limit(4 * max(COUNTS)) as limit:
        counts = [count for count in COUNTS if 2 * count < limit]
        if len(counts) < len(COUNTS):
            result.skip("100,000 chunks",
                        f"vm.max_map_count is {limit}, and only root may raise it")
        commands = commands_of(run, counts)
        result.skip("100,000 chunks in the plain form", "Linux takes no argument of 128 KiB")
        times = result.table("start to exit", unit="ms", row="chunks of 64 KiB", better="lower",
                             plot="lines", log=True)
        costs = [result.table(title, unit="ms", row="chunks of 64 KiB", better="lower",
                              plot="lines", log=True)
                 for title in ("cost of the device", "cost of the device in processor time")]
        slots = result.table("memory slots of the device", unit="slots", row="chunks of 64 KiB",
                             better="lower", plot=None)
        blocks = result.table("RAM blocks of the device", unit="blocks", row="chunks of 64 KiB",
                              better="lower", plot=None)
        measure_memory(commands, slots, blocks)     # which warms up as well
        few = {count: commands[count] for count in counts if count < MANY}
        for number in run.rounds(full=25, quick=4):
            measure_round(few if number % 4 else commands, times, costs)
    goals(result, costs[0])
    notes(result, costs[1])
