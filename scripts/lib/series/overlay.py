# SPDX-License-Identifier: BSD-3-Clause
"""The overlay: files that the series adds to QEMU, as ordinary files here.

    qemu/PATH          is PATH in QEMU
    tests/qtest/NAME   is the same path in QEMU
"""

from .common import ROOT

# Ours, not QEMU's.
NOT_UPSTREAM = {"qemu/SOURCES", "qemu/README.md", "tests/qtest/README.md"}
LEAVINGS = ("~", ".orig", ".rej", ".swp", ".bak")


def overlay_place(path):
    """Where the overlay holds a file of QEMU."""
    return ROOT / path if path.startswith("tests/qtest/") else ROOT / "qemu" / path


def overlay_files():
    """{path in QEMU: file here}"""
    result = {}
    for top, strip in (("qemu", ROOT / "qemu"), ("tests/qtest", ROOT)):
        for file in sorted((ROOT / top).rglob("*")):
            ours = str(file.relative_to(ROOT))
            if not file.is_file() or ours in NOT_UPSTREAM:
                continue
            if file.name.startswith(".") or file.name.endswith(LEAVINGS):
                continue
            result[str(file.relative_to(strip))] = file
    return result
