# SPDX-License-Identifier: BSD-3-Clause
"""The benchmarks, one a module: its first line of documentation is the title.

NEEDS says what ./build.sh builds before: "library", "qemu", "guest". In a name,
`-` stands for the `_` of the module's.

def measure(run, result): see harness/run.py and harness/result.py. Contestants
alternate: rounds outside, contestants inside.
"""
