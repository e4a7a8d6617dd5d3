# SPDX-License-Identifier: BSD-3-Clause
"""Instructions of hot paths.

callgrind counts what the processor is told to do, which does not depend on how
busy the machine is. "own" are those of the library, of what DPDK's headers put
into a program, and of the loop around that; they are the same in each run, and
scripts/bench/instructions-check fails when they rise. "with libraries" adds what
that calls in DPDK's libraries and in the C library, which chooses its functions
by the processor. The kernel's instructions, and its time, are in neither.

What moves objects is executed by a process that is attached natively, both sides
of an exchange in turn; nothing waits, so these are the least that an object
costs. scripts/bench/profile shows where in a path they are.
"""
from harness import callgrind

NEEDS = ("library",)


def measure(run, result):
    counts = result.table("Instructions", unit="instructions per operation", row="path",
                          better="lower", plot=None)
    calls = result.table("Calls into libraries", unit="calls per operation", row="path",
                         better="lower", plot=None)
    program = run.program("bench-instructions")
    try:
        callgrind.check_available(program)
    except callgrind.Unavailable as reason:
        result.skip("instructions", str(reason))
        return
    run.progress("in callgrind")
    for path in callgrind.measure(program, run.folder):
        counts.add(path.name, "own", path.own)
        counts.add(path.name, "with libraries", path.all)
        calls.add(path.name, "calls", path.calls)
    result.note(f"Built with {callgrind.toolchain(program)}.")
