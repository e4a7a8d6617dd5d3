# SPDX-License-Identifier: BSD-3-Clause
"""Pairs of bench-packets, which exchange packets: for packets and latency.

Each pair is started once, and sleeps while it is not its turn. A contestant is a
pair with a port of it; bench_packets.c says which ports there are.
"""
import os

from harness.run import Failure

HUGEPAGES = 32      # of 2 MiB, for a process


def _eal(run, name, core, huge):
    memory = ["--in-memory", "--single-file-segments"] if huge else ["--no-huge"]
    return [run.program("bench-packets"), *memory, "-m", str(HUGEPAGES * 2), "--no-pci",
            "--no-telemetry", "--lcores", f"0@{core}", "--file-prefix", f"bench-{os.getpid()}-{name}",
            "--log-level", "lib.eal:warning"]


def _start(run, name, arguments, folder, side, huge):
    environment = dict(os.environ, RTE_IVSHMEM_DIR=folder, XDG_RUNTIME_DIR=folder)
    # The host's memory lies where the peer's EAL does not want its own.
    base = ["--base-virtaddr", "0x4000000000"] if side == 0 else []
    argv = _eal(run, f"{name}-{side}", run.cores[side], huge) + base + arguments
    run.log.write(" ".join(argv) + "\n")
    run.log.flush()
    return run.start(argv, stdin=-1, stdout=-1, env=environment)    # -1: a pipe


def _expect(process, word):
    """The rest of the line that begins with this word."""
    for line in process.stdout:
        words = line.split()
        if words and words[0] == word:
            return words[1:]
    raise Failure(f"bench-packets (process {process.pid}) has ended; the log has its last words")


def start_pair(run, name, producer, consumer, setup=(), first="producer", huge=True):
    """[producer, consumer], ready for commands.

    Producer and consumer: arguments of the EAL, and the role behind "--"; {folder}
    in them is a folder of this pair.
    """
    folder = os.path.join(run.folder, name)
    os.mkdir(folder, 0o700)
    pair = [None, None]
    order = (0, 1) if first == "producer" else (1, 0)
    for side in order:
        words = [word.format(folder=folder) for word in (producer, consumer)[side]]
        pair[side] = _start(run, name, [*words, *setup], folder, side, huge)
        if side == order[0]:
            _expect(pair[side], "started")
    for process in pair:
        _expect(process, "ready")
    return pair


def ask(pair, producer, consumer):
    """(what the producer answers, the consumer's answer): words, to a command for each."""
    for process, command in zip(reversed(pair), (consumer, producer)):
        process.stdin.write(command + "\n")
        process.stdin.flush()
    return tuple(_expect(process, "good") for process in pair)


def end_pair(pair):
    for process in pair:
        process.stdin.close()
    for process in pair:
        if process.wait(10) != 0:
            raise Failure(f"bench-packets has ended with status {process.returncode}")
