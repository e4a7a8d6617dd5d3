# SPDX-License-Identifier: BSD-3-Clause
"""Instruction counts of hot paths: runs bench-instructions in callgrind.

Three numbers for each path, per operation:
  own    instructions of the program, in which the library is linked: the library's
         code, what DPDK's headers put into it, and the loop that calls it
  calls  calls from there into DPDK's libraries and the C library
  all    instructions with those of the libraries; functions has them one by one

own and calls are the same wherever the same sources are built with the same
toolchain. all depends on the libraries' files, the processor and the kernel too.
"""
import collections
import glob
import os
import re
import shutil
import subprocess

from harness.run import Failure, failed

Path = collections.namedtuple("Path", "name operations own calls all functions")

# What is called for the first time does not cost more.
ENVIRONMENT = {"LC_ALL": "C", "LD_BIND_NOW": "1"}
LIMIT = 120     # seconds


class Unavailable(Exception):
    """It cannot be counted here; the text says why."""


def check_available(program):
    if shutil.which("valgrind") is None:
        raise Unavailable("no valgrind")
    if not os.path.exists(program):
        raise Unavailable(f"no {os.path.basename(program)}: build the library where "
                          "valgrind/callgrind.h is installed")


def toolchain(program):
    """What own and calls depend on, besides the sources."""
    return subprocess.run([program, "toolchain"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.strip()


def measure(program, folder):
    """[Path] of all; callgrind's files are left in the folder."""
    metadata = os.path.join(folder, "metadata")
    os.makedirs(metadata)
    environment = {**os.environ, **ENVIRONMENT, "RTE_IVSHMEM_DIR": metadata}
    host = _profiles(program, "host", folder, environment)
    with subprocess.Popen([program, "share"], env=environment, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdout.readline() != "ready\n":
            raise Failure("bench-instructions share has not begun to share")
        guest = _profiles(program, "guest", folder, environment)
    return [_read(file, program) for file in host + guest]


def _profiles(program, command, folder, environment):
    """The files of one command of the program, in its order."""
    out = os.path.join(folder, command)
    argv = [*_without_random_addresses(), "valgrind", "--quiet", "--tool=callgrind",
            "--instr-atstart=no", "--collect-atstart=no", f"--callgrind-out-file={out}",
            program, command]
    done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=LIMIT, check=False)
    if done.returncode != 0:
        raise Failure(failed(argv, done.returncode, done.stdout))
    return sorted(glob.glob(out + ".*"), key=lambda file: int(file.rpartition(".")[2]))


def _without_random_addresses():
    """Hashes depend on addresses; a container may forbid setarch."""
    argv = ["setarch", "--addr-no-randomize"]
    allowed = subprocess.run([*argv, "true"], stderr=subprocess.DEVNULL, check=False)
    return argv if allowed.returncode == 0 else []


def _read(profile, program):
    with open(profile, encoding="utf-8") as file:
        trigger = next(line for line in file if line.startswith("desc: Trigger:"))
        name, operations = trigger.rpartition(": ")[2].split("|")
        functions, calls = _parse(file, os.path.realpath(program))
    operations = int(operations)
    own = sum(cost for (library, _), cost in functions.items() if not library)
    return Path(name, operations, own / operations, calls / operations,
                sum(functions.values()) / operations, functions)


def _parse(lines, program):
    """({(library, "" for the program; function): instructions}, calls into libraries).

    A line without "=" has the cost of a line of the function; after "calls=", that of
    the calls, which the called function has as well.
    """
    names, place = {}, {}   # "(1)" stands for the name that was given with it
    functions, calls, called = collections.Counter(), 0, False
    for line in lines:
        key, _, value = line.rstrip("\n").partition("=")
        if key in ("ob", "fn", "cob", "cfn"):
            number, _, name = value.partition(" ")
            name = names.setdefault((key[-2:], number), name)
            place[key] = "" if name == program else name
        elif key == "calls":
            calls += int(value.split()[0]) if not place["ob"] and place.get("cob") else 0
            place.pop("cob", None)
            called = True
        elif re.match(r"[0-9+*-]", key):
            if not called:
                functions[place["ob"], place["fn"]] += int(key.split()[-1])
            called = False
    return functions, calls
