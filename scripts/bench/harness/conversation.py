# SPDX-License-Identifier: BSD-3-Clause
"""A program that takes commands on its standard input and answers in lines."""
import os
import subprocess

from harness.run import Failure


class Conversation:
    """With one program, which ends when its standard input does."""

    def __init__(self, run, argv, **options):
        self._name = os.path.basename(argv[0])
        self._process = run.start(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  **options)

    def tell(self, *words):
        try:
            print(*words, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise self._ended() from None

    def hear(self):
        """Its next line."""
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        return line.rstrip("\n")

    def expect(self, word):
        """What follows that word in the next line, which must begin with it."""
        line = self.hear()
        first, _, rest = line.partition(" ")
        if first != word:
            raise Failure(f"{self._name} says '{line}', not '{word}'")
        return rest

    def ask_to_end(self):
        """Without waiting; end() waits."""
        self._process.stdin.close()

    def end(self):
        """The program must end, and without an error."""
        self.ask_to_end()
        try:
            status = self._process.wait(30)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self._name} does not end: see the log") from None
        if status != 0:
            raise Failure(f"{self._name} has ended with status {status}: see the log")
        self._process.stdout.close()

    def _ended(self):
        return Failure(f"{self._name} (process {self._process.pid}) has ended: see the log")
