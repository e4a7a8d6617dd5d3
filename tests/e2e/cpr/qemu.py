# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the dpdk-ivshmem authors
"""The QEMU processes of the CPR test, controlled by QMP. They run in the current
directory, which contains the disk of the guest, sockets and logs."""

import glob
import os
import socket
import subprocess

from guest import Failure, require
from vm import LIMIT, Qmp, until

RAM_SIZE = "32M"
RAM_FILE = f"memory-backend-file,mem-path=ram,id=ram,size={RAM_SIZE},share=on"
RAM_MEMFD = f"memory-backend-memfd,id=ram,size={RAM_SIZE},share=on"
DEVICE = "ivshmem,id=iv0,file=shared,addr=6"  # guest.S contains the address
LISTENING = "00010000"  # flags in /proc/net/unix


def listens(path):
    """Whether there is a listening UNIX socket with that path."""
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
        sockets = [line.split() for line in file]
    return any(s[3] == LISTENING and s[7:] == [path] for s in sockets)


def logs():
    """What all QEMUs have printed."""
    texts = []
    for name in sorted(glob.glob("*.log")):
        with open(name, encoding="utf-8", errors="replace") as file:
            texts += [f"{name}: {line.rstrip()}" for line in file]
    return texts


class Qemu:
    """One process; NAME.log contains its output."""

    program = None  # path
    running = []

    def __init__(self, name, ram, *arguments, device=DEVICE):
        self.name = name
        self.qmp = None
        command = self.command(name, ram, *arguments, device=device)
        with open(f"{name}.log", "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self.running.append(self)

    @classmethod
    def command(cls, name, ram, *arguments, device=DEVICE):
        """The command line of a QEMU with the QMP socket NAME.qmp."""
        return [
            *(cls.program, "-nodefaults", "-no-user-config", "-display", "none"),
            *("-machine", "pc,memory-backend=ram,aux-ram-share=on", "-accel", "tcg"),
            *("-m", RAM_SIZE, "-object", ram, "-drive", "file=boot,format=raw,if=ide"),
            *("-qmp", f"unix:{name}.qmp,server=on,wait=off"),
            *(*arguments, "-device", device),
        ]

    def command_line(self):
        """What the process executes at the moment."""
        with open(f"/proc/{self.process.pid}/cmdline", "rb") as file:
            return [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]

    def require_alive(self):
        status = self.process.poll()
        require(status is None, f"QEMU '{self.name}' has exited with status {status}")

    # ---- QMP ----

    def connect(self, name=None):
        """Wait for the socket NAME.qmp."""
        path = f"{name or self.name}.qmp"
        self.close()
        self.qmp = until(f"QEMU accepts a connection to {path}", lambda: self._connect(path))
        return self

    def _connect(self, path):
        self.require_alive()
        try:
            return Qmp(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    def execute(self, command, **arguments):
        return self.qmp.execute(command, **arguments)

    def modes(self):
        """All modes of migration; those before 10.2 lack cpr-exec."""
        enums = [set(e.get("values", ())) for e in self.execute("query-qmp-schema")]
        return next(values for values in enums if "cpr-reboot" in values)

    def set_mode(self, mode):
        """Set the mode of the next migration."""
        self.execute("migrate-set-parameters", mode=mode)

    def ignore_shared(self):
        """Leave RAM in its file, which cpr-reboot would copy into the state."""
        capability = {"capability": "x-ignore-shared", "state": True}
        self.execute("migrate-set-capabilities", capabilities=[capability])

    def wait_status(self, status):
        """Wait until query-status returns it, or a migration fails."""
        until(f"QEMU '{self.name}' is {status}", lambda: self._has_status(status))

    def _has_status(self, status):
        self.require_alive()
        migration = self.execute("query-migrate")
        if migration.get("status") == "failed":
            raise Failure(f"migration failed: {migration.get('error-desc')}")
        return self.execute("query-status")["status"] == status

    # ---- end ----

    def close(self):
        if self.qmp:
            self.qmp.close()
            self.qmp = None

    def quit(self):
        self.execute("quit")
        status = self.process.wait(LIMIT)
        require(status == 0, f"QEMU '{self.name}' exits with status {status}")
        self.kill()

    def kill(self):
        """Kill the process unless it has exited."""
        self.process.kill()
        self.process.wait()
        self.close()
        self.running.remove(self)


class Server:
    """The part of an interrupt server without which QEMU does not create the device."""

    VERSION, PEER_ID = 0, 0

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.bind(path)
        self.socket.listen()
        self.client = None

    def accept(self):
        self.client = self.socket.accept()[0]
        for number in self.VERSION, self.PEER_ID:
            self.client.sendall(number.to_bytes(8, "little"))
