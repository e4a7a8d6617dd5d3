# SPDX-License-Identifier: BSD-3-Clause
"""Devices ivshmem with many chunks and holes, in a VM that has other devices.

usage: neighbours.py VM COMMAND ARGUMENT...

VM is the folder of the VM, as for hotplug.py. A command exits with 0 if
everything was as it has to be:

  create NAME CHUNKS     before it starts: files NAME.memory, and NAME.layout for
                         property "layout"
  use NAME CHUNKS        the guest finds what it has to find in device NAME
  plug DEVICES CHUNKS    plug in that many devices, so that all are there at a
                         time, use them, unplug them
  phase NEXT             tell guest.sh

What it prints are comments of TAP.
"""

import os
import sys

from hotplug import Failure, Vm, require, say

PAGE = 4096
# Chunks are each third page of the BAR, and each second of the file, so that
# neither merges two of them. The last cannot be written by the guest.
BAR_STEP = 3 * PAGE
FILE_STEP = 2 * PAGE
WORD = 8
ANSWER = 1 << 40  # what the guest writes differs by this from what it reads


class ManyChunks:
    """One device, named as its files."""

    def __init__(self, folder, name, count):
        self.name = name
        self.count = count
        self.memory = os.path.join(folder, f"{name}.memory")
        self.layout = os.path.join(folder, f"{name}.layout")

    def create(self):
        with open(self.memory, "wb") as file:
            file.truncate(self.count * FILE_STEP)
            for i in range(self.count):
                file.seek(i * FILE_STEP)
                file.write(self.word(i).to_bytes(WORD, "little"))
        with open(self.layout, "w", encoding="utf-8") as file:
            for i in range(self.count):
                readonly = "on" if i == self.count - 1 else "off"
                print(f"offset={i * FILE_STEP} size={PAGE} at={i * BAR_STEP} readonly={readonly} "
                      f"file={self.memory}", file=file)

    def word(self, chunk):
        """The first word of a chunk, as the host writes it."""
        return (self.count << 24) + chunk

    def found(self, chunk):
        """The same as it is in the file."""
        with open(self.memory, "rb") as file:
            file.seek(chunk * FILE_STEP)
            return int.from_bytes(file.read(WORD), "little")

    def use(self, vm):
        """Some chunks and holes: each command takes a while."""
        ask = vm.guest.ask
        address = vm.address(self.name)
        ask("plugged", address)
        ask("map", address)
        last = self.count - 1
        for chunk in 0, self.count // 2, last:
            at = chunk * BAR_STEP
            ask("expect", at, WORD, self.word(chunk))
            ask("zero", at + PAGE, WORD)
            ask("poke", at, self.word(chunk) + ANSWER)
            change = 0 if chunk == last else ANSWER
            require(self.found(chunk) == self.word(chunk) + change, f"chunk {chunk}: file")
        ask("unmap")


def create(folder, name, count):
    ManyChunks(folder, name, int(count)).create()


def use(folder, name, count):
    vm = Vm(folder, "acpi")
    ManyChunks(vm.folder, name, int(count)).use(vm)


def plug(folder, number, count):
    vm = Vm(folder, "acpi")
    devices = [ManyChunks(vm.folder, f"in{i}", int(count)) for i in range(int(number))]
    addresses = []
    for device in devices:
        device.create()
        vm.qmp.execute("device_add", driver="ivshmem", id=device.name, layout=device.layout)
        addresses.append(vm.address(device.name))
    for device in devices:
        device.use(vm)
    for device in devices:
        vm.qmp.execute("device_del", id=device.name)
    for device, address in zip(devices, addresses):
        deleted = vm.qmp.event("DEVICE_DELETED", device=device.name)
        require(deleted is not None, f"{device.name} has not been deleted")
        vm.guest.ask("gone", address)


def phase(folder, following):
    Vm(folder, "acpi").guest.ask("write", "/run/phase", following)


COMMANDS = {"create": create, "use": use, "plug": plug, "phase": phase}


def main(folder, command, *arguments):
    try:
        COMMANDS[command](os.path.abspath(folder), *arguments)
    except (Failure, OSError) as failure:
        say(f"{command}: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
