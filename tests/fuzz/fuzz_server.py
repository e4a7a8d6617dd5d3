# SPDX-License-Identifier: BSD-3-Clause
"""A server of ivshmem interrupts, as docs/specs/ivshmem-spec.rst has it, or worse."""
import collections
import contextlib
import os
import socket
import struct

# What the server sends: a number, and with it a descriptor of that kind or None.
Message = collections.namedtuple("Message", "value descriptor")
# "early" messages are there when the device is made, which waits for two. At the
# end the last one is cut, and the connection closed, or not.
Script = collections.namedtuple("Script", "messages early cut closes")

BAD_VALUES = (-2, -1, 1, 65535, 65536, 1 << 31, 1 << 32, (1 << 63) - 1, -1 << 63)
KINDS = ("eventfd", "memfd", "file", "socket", None)


def sound_script(rng, vectors):
    me = rng.randrange(4)
    messages = [Message(0, None), Message(me, None)]
    if rng.random() < .8:
        messages.append(Message(-1, "memfd"))
    peers = rng.sample(range(6), rng.randrange(4)) + [me]
    for peer in peers:
        messages += [Message(peer, "eventfd")] * vectors
    for peer in rng.sample(peers[:-1], rng.randint(0, len(peers) - 1)):
        messages.append(Message(peer, None))
    return Script(messages, rng.randint(2, len(messages)), 0, rng.random() < .3)


def damage_script(rng, script):
    """No descriptor comes with the first two: ivshmem-pci.c in QEMU 10.2 leaks it."""
    messages = list(script.messages)
    for _ in range(rng.randint(1, 3)):
        where = rng.randrange(len(messages))
        kind = rng.randrange(4)
        if where < 2:
            messages[where] = Message(rng.choice(BAD_VALUES), None)
        elif kind == 0:
            messages[where] = Message(rng.choice(BAD_VALUES), rng.choice(KINDS))
        elif kind == 1:
            messages.insert(where, Message(rng.choice(BAD_VALUES), rng.choice(KINDS)))
        elif kind == 2:
            messages[where:where] = [rng.choice(messages)] * rng.choice((1, 2, 40))
        else:
            messages = messages[:where + 1]
    cut = rng.choice((0, 0, rng.randint(1, 7)))
    closes = bool(cut) or len(messages) < 2 or rng.random() < .3
    return Script(messages, len(messages) if cut else rng.randint(2, max(2, len(messages))),
                  cut, closes)


def open_descriptor(kind):
    if kind == "eventfd":
        return os.eventfd(0)
    if kind == "memfd":
        descriptor = os.memfd_create("ivshmem-server")
        os.truncate(descriptor, 4096)
        return descriptor
    if kind == "file":
        return os.open("/dev/null", os.O_RDONLY)
    one, other = socket.socketpair()
    other.close()
    return one.detach()


class Server:
    """What a character device of QEMU is connected to."""

    def __init__(self, qemu, path, script):
        self.qemu = qemu
        self.script = script
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            qemu.succeed("chardev-add", {"id": "server", "backend": {"type": "socket", "data": {
                "addr": {"type": "unix", "data": {"path": path}}, "server": False}}})
            self.connection, _ = listener.accept()
        self.connection.setblocking(False)
        os.unlink(path)
        self._send(script.messages[:script.early])
        if script.closes and script.early >= len(script.messages):
            self.connection.close()

    def go_on(self):
        """What comes when the device is there."""
        self._send(self.script.messages[self.script.early:])
        if self.script.closes:
            self.connection.close()

    def _send(self, messages):
        for message in messages:
            text = struct.pack("<q", message.value)
            if self.script.cut and message is self.script.messages[-1]:
                text = text[:self.script.cut]
            descriptors = [open_descriptor(message.descriptor)] if message.descriptor else []
            with contextlib.suppress(OSError):      # QEMU may not listen
                socket.send_fds(self.connection, [text], descriptors)
            for descriptor in descriptors:
                os.close(descriptor)

    def remove(self):
        """Once the device is gone."""
        self.connection.close()
        self.qemu.wait_for(lambda: "return" in self.qemu.execute("chardev-remove",
                                                                 {"id": "server"}),
                           "the character device is in use")
