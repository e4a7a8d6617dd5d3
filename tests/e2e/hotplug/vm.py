# SPDX-License-Identifier: BSD-3-Clause
"""The two connections to a running VM, QMP and the agent in the guest, and what
the host's kernel says about the QEMU process."""

import json
import os
import re
import socket
import time

LIMIT = 60  # seconds; far more than anything here takes on a busy machine


class Failure(Exception):
    """Something is not as it has to be."""


class Refused(Failure):
    """An error reply of QEMU."""


def until(what, condition, limit=LIMIT):
    """Wait until condition() holds, and return what it returned."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"not within {limit} s: {what}")
        time.sleep(0.01)


class Lines:
    """A UNIX socket that carries lines."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.connect(path)
        self.received = b""

    def send(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def receive(self, deadline):
        while b"\n" not in self.received:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            data = self.socket.recv(65536)
            if not data:
                raise Failure("QEMU has closed the connection")
            self.received += data
        line, self.received = self.received.split(b"\n", 1)
        return line.decode(errors="replace").strip()

    def close(self):
        self.socket.close()


class Qmp:
    """QEMU's monitor."""

    def __init__(self, path):
        self.lines = Lines(path)
        self.events = []
        self._receive(time.monotonic() + LIMIT)
        self.execute("qmp_capabilities")

    def _receive(self, deadline):
        return json.loads(self.lines.receive(deadline))

    def execute(self, command, **arguments):
        names = {name.replace("_", "-"): value for name, value in arguments.items()}
        return self.run(json.dumps({"execute": command, "arguments": names}))

    def run(self, line):
        """A command as it is written."""
        self.lines.send(line)
        while True:
            message = self._receive(time.monotonic() + LIMIT)
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise Refused(message["error"]["desc"])
            else:
                return message["return"]

    def event(self, name, limit=LIMIT, **data):
        """The next event of that name with that data, gone by or to come; None
        if there is none within the limit."""
        deadline = time.monotonic() + limit
        while True:
            for event in self.events:
                found = event.get("data", {})
                if event["event"] == name and data.items() <= found.items():
                    self.events.remove(event)
                    return event
            try:
                message = self._receive(deadline)
            except socket.timeout:
                return None
            if "event" in message:
                self.events.append(message)

    def close(self):
        self.lines.close()


class Guest:
    """The agent in the guest: guest_agent.c says what it understands."""

    def __init__(self, path):
        self.lines = Lines(path)
        # other numbers than an earlier connection, whose answers may come late
        self.number = os.getpid() << 16

    def ask(self, *words):
        """The words of the answer; Failure if the answer is an error."""
        self.number += 1
        command = " ".join(str(word) for word in words)
        self.lines.send(f"{self.number} {command}")
        deadline = time.monotonic() + LIMIT
        try:
            while True:
                answer = self.lines.receive(deadline).split()
                if answer and answer[0] == str(self.number):
                    break
        except socket.timeout:
            raise Failure(f"the guest does not answer: {command}") from None
        if answer[1] != "ok":
            raise Failure(f"guest, {command}: {' '.join(answer[2:])}")
        return answer[2:]

    def close(self):
        self.lines.close()


class Process:
    """QEMU as the host's kernel sees it."""

    def __init__(self, pid):
        self.folder = f"/proc/{pid}"

    def maps(self):
        with open(f"{self.folder}/maps", encoding="utf-8") as file:
            return file.read().splitlines()

    def maps_of(self, paths):
        return [line for line in self.maps() if any(path in line for path in paths)]

    def descriptors(self):
        """What they refer to, without the numbers of sockets and pipes."""
        found = []
        for name in os.listdir(f"{self.folder}/fd"):
            try:
                target = os.readlink(f"{self.folder}/fd/{name}")
            except FileNotFoundError:  # closed in the meantime
                continue
            found.append(re.sub(r":\[\d+\]$", "", target))
        return sorted(found)
