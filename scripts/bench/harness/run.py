# SPDX-License-Identifier: BSD-3-Clause
"""What a benchmark is given to run with."""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

from harness.activity import Activity

SAY_EVERY = 10.0    # seconds, where the output is no terminal


class Failure(Exception):
    """A benchmark cannot go on; the text is for the user."""


class Run:
    """One benchmark's run. Use it in a `with`: then all that was started ends."""

    def __init__(self, name, root, cores, quick, log):
        self.name = name
        self.root = root
        self.build = os.path.join(root, "build")
        self.cores = cores
        self.quick = quick
        self.log = log              # a file for what programs say
        self.activity = Activity()
        self.folder = None
        self.environment = None     # for programs: their files stay in that directory
        self._accel = None
        self._started = time.monotonic()
        self._said = 0.0
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        self.folder = tempfile.mkdtemp(dir="/dev/shm", prefix="ivshmem-bench-")
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.environment = {**os.environ, "RTE_IVSHMEM_DIR": self._own("metadata"),
                            "RUNTIME_DIRECTORY": self._own("runtime")}
        return self

    def _own(self, name):
        path = os.path.join(self.folder, name)
        os.mkdir(path, 0o700)
        return path

    def __exit__(self, *_):
        self.activity.piece()
        self._stack.close()
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)

    @property
    def accel(self):
        """What QEMU runs guests with here: "tcg" or "kvm"."""
        if self._accel is None:
            self._accel = self.output([os.path.join(self.root, "scripts", "accel")]).strip()
        return self._accel

    def program(self, name):
        """The path of a program of dpdk-ivshmem/bench."""
        path = os.path.join(self.build, "dpdk-ivshmem", "bench", name)
        if not os.path.exists(path):
            raise Failure(f"no {path}: ./build.sh build library")
        return path

    def progress(self, text):
        seconds = time.monotonic() - self._started
        line = f"{seconds:5.1f} s  {self.name}: {text}"
        if sys.stderr.isatty():
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif seconds - self._said >= SAY_EVERY:
            self._said = seconds
            print(line, file=sys.stderr, flush=True)

    def rounds(self, full, quick):
        """The numbers of the rounds, from 0 on."""
        count = quick if self.quick else full
        for number in range(count):
            self.progress(f"round {number + 1} of {count}")
            yield number
            self.activity.piece()

    def output(self, argv, **options):
        """What a program prints on its standard output; Failure if it fails."""
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, env=self.environment, **options)
        self.log.write(done.stderr)
        if done.returncode != 0:
            raise Failure(failed(argv, done.returncode, done.stdout + done.stderr))
        return done.stdout

    def start(self, argv, core=None, **options):
        """A Popen, killed at the end of the benchmark if it still runs."""
        if core is not None:
            argv = ["taskset", "--cpu-list", str(core), *argv]
        options.setdefault("stderr", self.log)
        options.setdefault("env", self.environment)
        process = subprocess.Popen(argv, text=True, **options)
        self._stack.callback(end, process)
        return process

    def samples(self, argv, result, **options):
        """Runs a program that prints samples, as they come.

        sample|TABLE|ROW|CONTESTANT|NUMBER and note|TEXT are for the result, other
        lines for the log.
        """
        options.setdefault("stderr", subprocess.STDOUT)
        process = self.start(argv, stdout=subprocess.PIPE, **options)
        last, count = [], 0
        for line in process.stdout:
            if _take(line.rstrip("\n"), result):
                count += 1
                self.progress(f"{count} samples")
            else:
                self.log.write(line)
                last = last[-20:] + [line]
        if process.wait() != 0:
            raise Failure(failed(argv, process.returncode, "".join(last)))
        if count == 0:
            raise Failure(f"{os.path.basename(argv[0])} has printed no sample\n" + "".join(last))

    @contextlib.contextmanager
    def hugepages(self, count, size="2M"):
        """The folder of a hugetlbfs with so many free pages; None if there can be none."""
        script = [os.path.join(self.root, "scripts", "hugepages"),
                  "--name", f"bench-{os.getpid()}-{size}", "--size", size]
        folder = tempfile.mkdtemp(dir=self.folder, prefix="huge-")
        steps = (["reserve", str(count)], ["mount", folder])
        try:
            there = all(self._quiet(script + step) for step in steps)
            yield folder if there else None
        finally:
            shutil.rmtree(folder, ignore_errors=True)   # its files hold pages
            self._quiet(script + ["release"])

    def _quiet(self, argv):
        self.log.flush()
        return subprocess.run(argv, stdout=self.log, stderr=self.log, check=False).returncode == 0


def failed(argv, status, text):
    tail = "\n".join(text.rstrip().split("\n")[-20:])
    return f"{os.path.basename(argv[0])} has failed (exit status {status}):\n{tail}"


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _take(line, result):
    """Was that line for the result?"""
    word, _, rest = line.rstrip("\r").partition("|")
    if word == "note":
        result.note(rest)
        return True
    fields = rest.split("|")
    if word != "sample" or len(fields) != 4:
        return False
    table, row, contestant, number = fields
    result.table(table).add(row, contestant, float(number))
    return True
