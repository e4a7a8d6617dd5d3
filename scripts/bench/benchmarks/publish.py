# SPDX-License-Identifier: BSD-3-Clause
"""Publishing objects, beside DPDK's time to create them.

DPDK creates N objects; the library adds them all to new metadata and produces
the device string. "First metadata" is the first that a process publishes, which
has to set up the library as well; "another metadata" is a second one with the
same objects. Each sample is a process of its own, with --no-huge, and its times
are those of the processor, so that a busy machine disturbs less.

DPDK 22.11 has 2,560 memzones at most, of which a ring takes one and a pool
three. Where the library was built on Debian 13 (./build.sh test does that),
DPDK 24.11 is given more. A ring or pool is listed with its memzones, and is
counted once here.

DPDK compares the name of each new memzone with those of all others: its time
grows with the square of their number.

Goals: the library takes at most 0.1 of DPDK's time, and at most 2.2 times as
long for twice as many. What DPDK cannot make in such numbers (rings in one
memzone, which it does not list) or does not do at all (metadata files) is
judged by its growth alone.
"""
import os

NEEDS = ("library",)

MOST_RATIO = 0.1
MOST_GROWTH = 2.2

DPDK = "DPDK creates"
FIRST = "first metadata"
ANOTHER = "another metadata"

# Title: kind, how, numbers, numbers of --quick
KINDS = {
    "rings": ("rings", None, (10, 100, 1000, 2400), (10, 100, 1000)),
    "memzones": ("memzones", None, (10, 100, 1000, 2400), (10, 100, 1000)),
    "pools": ("pools", None, (10, 100, 800), (10, 100)),
    "rings, each shared when it is made":
        ("rings", "turn", (10, 100, 1000, 2400), (10, 100)),
    "rings in one memzone":
        ("rings in a memzone", None, (10, 100, 1000, 10000, 100000), (10, 100, 1000)),
    "metadata files with 10 rings each": ("rings", "files", (10, 100, 1000), (10, 100)),
}
WITHOUT_RATIO = ("rings in one memzone", "metadata files with 10 rings each")

ON_DEBIAN_13 = {
    "rings, DPDK 24.11": ("rings", None, (10, 100, 1000, 10000), (100, 1000)),
    "memzones, DPDK 24.11": ("memzones", None, (10, 100, 1000, 10000), (100, 1000)),
}
MANY = 10000    # from so many on, DPDK's square takes a second and more


def programs(run):
    """{title: the command before KIND N}"""
    limit = ["sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh"]
    here = limit + [run.program("bench-publish")]
    debian = [os.path.join(run.root, "scripts", "debian-root"), "run", "/build/bench/bench-publish"]
    return {**{title: here for title in KINDS}, **{title: debian for title in ON_DEBIAN_13}}


def kinds(run, result):
    if os.path.exists(os.path.join(run.build, "dpdk-ivshmem-debian-13", "bench", "bench-publish")):
        return {**KINDS, **ON_DEBIAN_13}
    result.skip("more than 2,560 memzones, with DPDK 24.11",
                "the library has not been built on Debian 13: ./build.sh test")
    return KINDS


def numbers(run, kind):
    return kind[3] if run.quick else kind[2]


def sample(run, command, kind, count, table):
    how = [] if kind[1] is None else [kind[1]]
    times = run.output([*command, kind[0], str(count), *how]).split()
    for contestant, time in zip((DPDK, FIRST, ANOTHER), times):
        table.add(count, contestant, float(time))


def judge(result, title, table):
    if title not in WITHOUT_RATIO:
        for row in table.rows():
            result.goal(f"{row} {title}: {FIRST} to DPDK", table.ratio(row, FIRST, DPDK),
                        most=MOST_RATIO)
    result.goal(f"{title}: growth per doubling", table.growth(FIRST), most=MOST_GROWTH)


def measure(run, result):
    commands = programs(run)
    cases = kinds(run, result)
    tables = {title: result.table(title, unit="µs", row="number", reference=DPDK,
                                  better="lower", plot="lines", log=True) for title in cases}
    for number in run.rounds(full=7, quick=3):
        for title, kind in cases.items():
            for count in numbers(run, kind):
                if number < 3 or count < MANY:
                    run.progress(f"round {number + 1}: {count} {title}")
                    sample(run, commands[title], kind, count, tables[title])
    for title, table in tables.items():
        judge(result, title, table)
    result.note("DPDK needs minutes to make 100,000 memzones or rings (hence no such row): for that "
                "number see the rings in one memzone.")
    result.note("A metadata costs some 40 system calls, whatever it holds: its folder is locked and "
                "looked through, and two generations of its file are written, locked and renamed. "
                "The first one in a process costs four times as much: it starts the EAL's alarms, "
                "for the heartbeat, and touches code and memory for the first time. DPDK makes ten "
                "objects in less time than the kernel needs for one new file, so few objects "
                "cannot reach the ratio.")
    result.note("An object costs more in new memory than in instructions: page faults are a third "
                "of the time in the first metadata, and few in another one.")
