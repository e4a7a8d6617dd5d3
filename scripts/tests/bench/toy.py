# SPDX-License-Identifier: BSD-3-Clause
"""A toy.

For scripts/tests/bench.sh: figures that the environment gives.
"""
import os
import time

NEEDS = ("library", "guest")


def measure(run, result):
    lines = result.table("lines", unit="M/s", row="burst", reference="first", plot="lines")
    bars = result.table("bars", unit="ms", row="size", better="lower", log=True)
    result.table("printed", unit="us", row="what")
    speed = float(os.environ["TOY_SPEED"])
    for number in run.rounds(full=5, quick=3):
        for burst in (1, 32):
            lines.add(burst, "first", 10 + number / 10)
            lines.add(burst, "second", burst * speed + number / 10)
        bars.add("64 bytes", "first", 1.5)
        time.sleep(0.3)
    run.samples(["sh", "-c", "echo 'sample|printed|one|sh|7'; echo 'note|a note'; echo junk"],
                result)
    sleeper = run.start(["sleep", "600"], core=run.cores[1])
    print("sleeper", sleeper.pid)
    result.goal("second to first", lines.ratio(32, "second", "first"), least=2)
    result.goal("what nobody measured", lines.ratio(2, "second", "first"), most=2)
    result.skip("third", "there is none")
    if os.environ.get("TOY_FAILS"):
        run.samples(["sh", "-c", "echo 'sample|printed|two|sh|8'; echo 'it broke'; exit 3"], result)
