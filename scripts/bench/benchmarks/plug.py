# SPDX-License-Identifier: BSD-3-Clause
"""From QMP's device_add to the first message.

A program of a guest that was running before attaches the device by itself, finds the ring
and sends. The host's program looks at the clock when the message comes. Then the device is
detached and unplugged, and all that again. The guest has one CPU, for with several QEMU's
emulation may fail when devices are plugged; nothing is pinned.
"""
import os

NEEDS = ("qemu", "library", "guest")


def measure(run, result):
    result.table("device_add to first message", unit="ms", row="", better="lower")
    count = 3 if run.quick else 20
    run.samples([os.path.join(run.root, "tests", "e2e", "plug_at_run_time.sh"),
                 "--measure", str(count)], result)
