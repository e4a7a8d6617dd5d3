# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the dpdk-ivshmem authors
"""The guest of the CPR test, seen from the host: its boot sector, which is made of
guest.S, and the file that is BAR 2 of its device."""

import mmap
import os
import subprocess

from vm import Failure, until

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "guest.S")
SIZE = 64 << 10  # bytes of the file
# 64-bit words of the file, as in guest.S; all others contain a pattern.
COUNTER, STARTS, MISMATCHES, COMMAND, ANSWER = range(5)
USED_WORDS = 5
STEPS = 1000  # of the counter, as a proof that the guest runs


def require(holds, text):
    if not holds:
        raise Failure(text)


def build_boot_sector(path):
    flags = ["-m32", "-nostdlib", "-static", "-Wl,-Ttext=0x7c00,--oformat=binary,--build-id=none"]
    subprocess.run([os.environ.get("CC", "cc"), *flags, "-o", path, SOURCE], check=True)


def pattern(number):
    """The content of a word that the guest does not use."""
    return number * 0x9E3779B97F4A7C15 % 2**64


class Shared:
    """The file. A view of 64-bit words reads and writes each word at once."""

    def __init__(self, path):
        with open(path, "w+b") as file:
            file.truncate(SIZE)
            self.words = memoryview(mmap.mmap(file.fileno(), SIZE)).cast("Q")
        self.unused = range(USED_WORDS, len(self.words))
        for number in self.unused:
            self.words[number] = pattern(number)
        self.last = 0  # value of the counter

    def counter(self):
        """Its value, which must never decrease."""
        value = self.words[COUNTER]
        require(value >= self.last, f"the counter is {value} after {self.last}")
        self.last = value
        return value

    def wait_running(self):
        """Wait until the guest has counted further."""
        wanted = self.counter() + STEPS
        until(f"the counter reaches {wanted}", lambda: self.counter() >= wanted)

    def post_command(self):
        """Give the guest a new command, and return it."""
        self.words[COMMAND] += 1
        return self.words[COMMAND]

    def wait_answer(self, command):
        until(f"the guest answers command {command}", lambda: self.words[ANSWER] == command)

    def check(self):
        """The guest runs, was never restarted, and all memory is intact."""
        self.wait_running()
        self.wait_answer(self.post_command())
        starts, mismatches = self.words[STARTS], self.words[MISMATCHES]
        require(starts == 1, f"the guest has started {starts} times")
        require(mismatches == 0, f"CPU, RAM and BAR did not agree {mismatches} times")
        for number in self.unused:
            require(self.words[number] == pattern(number), f"word {number} has changed")
