# SPDX-License-Identifier: BSD-3-Clause
"""A QEMU process that is driven by QMP and by QEMU's own test protocol."""
import contextlib
import json
import os
import re
import resource
import socket
import subprocess
import time

COMMON = ["-machine", "pc", "-accel", "qtest", "-m", "64M", "-nodefaults", "-no-user-config",
          "-display", "none"]
DEADLINE = 60       # seconds; what takes longer hangs
MEMORY = 8 << 30    # bytes that QEMU may take before something is wrong
REPORT = re.compile(r"Sanitizer|runtime error:|^SUMMARY:", re.M)
NOISE = re.compile(r"^==\d+==WARNING: ASan doesn't fully support makecontext.*$", re.M)
SANITIZER_STATUS = 99


class Failure(Exception):
    """QEMU did what it must not do."""


def is_sanitized(program):
    with open(program, "rb") as file:
        return b"__asan_init" in file.read()


def environment():
    """Every report ends QEMU with a status of its own."""
    status = f"exitcode={SANITIZER_STATUS}"
    address = f"{status}:detect_leaks=1:quarantine_size_mb=64:hard_rss_limit_mb={MEMORY >> 20}"
    return dict(os.environ, ASAN_OPTIONS=address, LSAN_OPTIONS=status,
                UBSAN_OPTIONS=f"{status}:halt_on_error=1:print_stacktrace=1")


def limits(sanitized):
    """To be called in the child. ASan reserves terabytes, so that it limits itself."""
    def apply():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if not sanitized:
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    return apply


def check_end(status, errors, allowed):
    """Fails unless QEMU ended with an allowed status and without a report."""
    if REPORT.search(errors):
        raise Failure(f"sanitizer report:\n{errors}")
    if status not in allowed:
        what = f"signal {-status}" if status < 0 else f"exit status {status}"
        raise Failure(f"QEMU ended with {what}:\n{errors}")


class Line:
    """Our end of a connection, for lines of text."""

    def __init__(self, ours):
        self.ours = ours
        self.file = ours.makefile("rb")

    def send(self, text):
        """What cannot be sent is not answered, which the reader notices."""
        with contextlib.suppress(ConnectionError):
            self.ours.sendall(text)

    def receive(self):
        """Empty at the end."""
        with contextlib.suppress(ConnectionError):
            return self.file.readline()
        return b""

    def close(self):
        self.file.close()
        self.ours.close()


class Qemu:
    """A machine without a running guest."""

    def __init__(self, program, sanitized, stderr_path):
        self.stderr_path = stderr_path
        self.events = []
        self.serial = 0
        pairs = [socket.socketpair() for _ in ("qmp", "qtest")]
        qmp, qtest = (theirs.fileno() for _, theirs in pairs)
        with open(stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                [program, *COMMON,
                 "-chardev", f"socket,id=qmp,fd={qmp}", "-mon", "chardev=qmp,mode=control",
                 "-chardev", f"socket,id=qtest,fd={qtest}", "-qtest", "chardev:qtest",
                 "-qtest-log", "none"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
                pass_fds=(qmp, qtest), env=environment(), preexec_fn=limits(sanitized))
        for ours, theirs in pairs:
            ours.settimeout(DEADLINE)
            theirs.close()
        self.qmp_line, self.qtest_line = (Line(ours) for ours, _ in pairs)

    # ---- QMP -----------------------------------------------------------------

    def greet(self):
        self._read_message()
        self.succeed("qmp_capabilities")

    def _receive(self, line):
        try:
            text = line.receive()
        except TimeoutError:
            raise Failure(f"QEMU hangs: no answer for {DEADLINE} s") from None
        if not text:
            self.process.wait(DEADLINE)
            check_end(self.process.returncode, self.errors(), ())
        return text

    def _read_message(self):
        line = self._receive(self.qmp_line)
        try:
            return json.loads(line)
        except ValueError:
            raise Failure(f"QMP: not JSON: {line!r}") from None

    def execute(self, command, arguments=None):
        """The reply, checked: {"return": ...} or {"error": {"class", "desc"}}."""
        self.serial += 1
        message = {"execute": command, "id": self.serial}
        if arguments:
            message["arguments"] = arguments
        text = json.dumps(message, ensure_ascii=False) + "\n"
        # A command that is no JSON is answered without id; the second one ends the wait.
        fence = json.dumps({"execute": "query-name", "id": -self.serial}) + "\n"
        self.qmp_line.send((text + fence).encode("utf-8", "surrogateescape"))
        replies = []
        while not replies or replies[-1].get("id") != -self.serial:
            reply = self._read_message()
            (self.events if "event" in reply else replies).append(reply)
        return self._checked(replies[:-1])

    def _checked(self, replies):
        if len(replies) != 1:
            raise Failure(f"QMP: not one reply: {replies}")
        reply = replies[0]
        error = reply.get("error")
        if ("return" in reply) == (error is not None) or (error is not None and not (
                isinstance(error.get("desc"), str) and error["desc"].strip()
                and error.get("class") in ("GenericError", "DeviceNotFound", "CommandNotFound"))):
            raise Failure(f"QMP: malformed reply: {reply}")
        return reply

    def succeed(self, command, arguments=None):
        reply = self.execute(command, arguments)
        if "error" in reply:
            raise Failure(f"QMP: {command} {arguments}: {reply['error']['desc']}")
        return reply["return"]

    def hmp(self, line):
        return self.succeed("human-monitor-command", {"command-line": line})

    def unplug(self, name):
        """There is no guest that would agree to it; a reset does."""
        self.events.clear()
        self.succeed("device_del", {"id": name})
        self.succeed("system_reset")
        self.wait_for(lambda: any(e["event"] == "DEVICE_DELETED" and e["data"].get("device") == name
                                  for e in self.events), f"{name} is plugged in")

    def wait_for(self, condition, otherwise):
        """Some things happen when no thread can be looking any more."""
        limit = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > limit:
                raise Failure(f"{otherwise} {DEADLINE} s later")
            self.succeed("query-name")

    # ---- QEMU's test protocol --------------------------------------------------

    def qtest(self, *words):
        """The number that a command such as "readq 0x0" answers with, or 0."""
        text = " ".join(w if isinstance(w, str) else hex(w) for w in words)
        self.qtest_line.send(text.encode() + b"\n")
        reply = self._receive(self.qtest_line).split()
        if not reply or reply[0] != b"OK":
            raise Failure(f"qtest: {words}: {reply}")
        return int(reply[1], 0) if len(reply) > 1 else 0

    def config_write(self, slot, register, value):
        self.qtest("outl", 0xcf8, 1 << 31 | slot << 11 | register)
        self.qtest("outl", 0xcfc, value & 0xffffffff)

    # ---- the process -----------------------------------------------------------

    def proc(self, name):
        return f"/proc/{self.process.pid}/{name}"

    def maps(self):
        with open(self.proc("maps"), encoding="utf-8", errors="surrogateescape") as file:
            return file.read()

    def descriptors(self):
        return len(os.listdir(self.proc("fd")))

    def mib(self, field):
        """VmRSS, what it takes now, or VmHWM, the most that it took."""
        with open(self.proc("status"), encoding="utf-8") as file:
            return int(re.search(rf"^{field}:\s+(\d+)", file.read(), re.M)[1]) >> 10

    def errors(self):
        with open(self.stderr_path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()[-6000:]

    def quit(self):
        """Fails unless QEMU ends by itself, with status 0 and no report."""
        try:
            self.qmp_line.send(b'{"execute": "quit"}\n')
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise Failure(f"QEMU does not quit\n{self.errors()}") from None
        check_end(self.process.returncode, self.errors(), (0,))

    def close(self):
        """Ends the process, however it is."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.qmp_line.close()
        self.qtest_line.close()


def start_and_quit(program, sanitized, device):
    """Starts QEMU with -device, to quit at once. Returns its error message or None."""
    try:
        done = subprocess.run([program, *COMMON, "-monitor", "stdio", "-device", device],
                              input=b"quit\n", capture_output=True, check=False,
                              timeout=DEADLINE, env=environment(), preexec_fn=limits(sanitized))
    except subprocess.TimeoutExpired:
        raise Failure(f"QEMU hangs: it runs for more than {DEADLINE} s") from None
    errors = NOISE.sub("", done.stderr.decode("utf-8", "replace")).strip()
    check_end(done.returncode, errors, (0, 1))
    if done.returncode == 1 and not errors:
        raise Failure("exit status 1 without an error message")
    return errors if done.returncode else None
