# SPDX-License-Identifier: BSD-3-Clause
"""Plugs device ivshmem into a running guest and unplugs it.

usage: hotplug.py VM (acpi | pciehp) COMMAND ARGUMENT...

VM is the folder of a running VM: sockets "qmp" and "agent", the process id in
"pid", and QEMU's trace of KVM's memory slots in "trace"; VM.log is its console.
The second word says who handles hot plug in the guest. A command exits with 0 if
everything was as it has to be:

  remember           note what QEMU has: descriptors, mappings, RAM blocks, and
                     with KVM memory slots
  nothing-left       it has the same again, and nothing of our files
  cycles N PORT...   N rounds: plug into all ports, use, unplug from all
  stopped PORT       unplug while the VM is stopped, then let it go on
  ignored PORT       unplug while the guest does not listen, then once more
  reset PORT         unplug while the guest does not listen, reset the VM, and
                     use a device in the restarted guest
  mapped PORT        unplug while a process of the guest uses the memory
  unplaced PORT      plug in a BAR that the port has no room for

What it prints are comments of TAP.
"""

import json
import os
import re
import sys
import time
from array import array
from collections import Counter

from vm import LIMIT, Failure, Guest, Process, Qmp, Refused, until

BAR_SIZE = 64 << 20
# Chunks: name of the file, offset in it, size, place in the BAR. A file has
# parts that belong to no chunk, and there is a hole in the BAR.
CHUNKS = [
    ("a", 0x10000, 0x10000, 0),
    ("b", 0, 0x4000, 0x10000),
    ("a", 0x4000, 0x8000, 0x3000000),
]
FILE_SIZE = 0x28000
HOLES = [0x14000, 0x1000000, BAR_SIZE - 64]
ANSWER = 1 << 40  # what the guest writes differs by this from what it reads
HOLE_BYTES = 64  # to look at: each access leaves the guest

READY = "guest_agent: ready"
SILENCE = 1.0  # seconds without the event that must not come
MAPS_NOISE = 16  # threads of QEMU come and go, with their stacks


def require(holds, text):
    if not holds:
        raise Failure(text)


class Files:
    """The files of one device, and what they have to contain."""

    def __init__(self, folder, port):
        self.paths = {name: os.path.join(folder, f"{port}.{name}") for name in "ab"}
        for path in self.paths.values():
            with open(path, "ab") as file:
                file.truncate(FILE_SIZE)

    def chunks(self):
        return [
            {"file": self.paths[name], "offset": offset, "size": size, "at": at}
            for name, offset, size, at in CHUNKS
        ]

    def contents(self, first):
        """Of each file, when chunk i counts up from first + i * 2**32."""
        contents = {name: bytearray(FILE_SIZE) for name in self.paths}
        for i, (name, offset, size, _) in enumerate(CHUNKS):
            start = first + (i << 32)
            words = array("Q", range(start, start + size // 8))
            contents[name][offset : offset + size] = words.tobytes()
        return contents

    def write(self, first):
        for name, content in self.contents(first).items():
            with open(self.paths[name], "r+b") as file:
                file.write(content)

    def check(self, first):
        for name, content in self.contents(first).items():
            with open(self.paths[name], "rb") as file:
                require(file.read() == content, f"file {name} is not as the guest wrote it")


class Acpi:
    """Hot plug by ACPI, which both machines have by default."""

    EVENT = "/sys/firmware/acpi/interrupts/gpe01"
    UNPLUGS_ON_RESET = True

    def ignore(self, vm, _port):
        vm.guest.ask("write", self.EVENT, "disable")

    def listen(self, vm, _port):
        vm.guest.ask("write", self.EVENT, "enable")


class Pciehp:
    """Hot plug by the root port itself: pciehp is Linux' driver for that."""

    DRIVER = "/sys/bus/pci_express/drivers/pciehp"
    UNPLUGS_ON_RESET = False

    def ignore(self, vm, port):
        vm.guest.ask("write", f"{self.DRIVER}/unbind", f"{vm.address(port)}:pcie004")

    def listen(self, vm, port):
        vm.guest.ask("write", f"{self.DRIVER}/bind", f"{vm.address(port)}:pcie004")


class Vm:
    """A running VM: both connections and the process."""

    def __init__(self, folder, kind):
        self.folder = os.path.abspath(folder)
        self.kind = {"acpi": Acpi, "pciehp": Pciehp}[kind]()
        os.chdir(self.folder)  # the path of a socket has at most 107 bytes
        with open("pid", encoding="ascii") as file:
            self.process = Process(int(file.read()))
        self.qmp = Qmp("qmp")
        self.guest = Guest("agent")

    def close(self):
        self.qmp.close()
        self.guest.close()

    def boots(self):
        """How often the guest has reported that it has booted."""
        with open(f"{self.folder}.log", encoding="utf-8", errors="replace") as file:
            return file.read().count(READY)

    def address(self, device):
        """Where the guest finds a device with that id."""
        buses = self.qmp.execute("query-pci")
        devices = [found for bus in buses for found in bus["devices"]]
        while devices:
            found = devices.pop()
            if found["qdev_id"] == device:
                return f"0000:{found['bus']:02x}:{found['slot']:02x}.{found['function']}"
            devices += found.get("pci_bridge", {}).get("devices", [])
        raise Failure(f"query-pci knows no {device}")

    def census(self):
        blocks = self.qmp.execute("x-query-ramblock")["human-readable-text"]
        return {
            "descriptors": self.process.descriptors(),
            "RAM blocks": [" ".join(line.split()) for line in blocks.splitlines()],
            "mappings": len(self.process.maps()),
            "memory slots": len(self.memory_slots()),
        }

    def memory_slots(self):
        """Those of KVM in use, by what QEMU has told KVM so far."""
        slots = set()
        if not os.path.exists("trace"):
            return slots
        with open("trace", encoding="ascii") as file:
            for slot, size in re.findall(r"(AddrSpace#\d+ Slot#\d+) .* size=(\w+)", file.read()):
                (slots.discard if int(size, 0) == 0 else slots.add)(slot)
        return slots


class Device:
    """One ivshmem device in one port, and what the guest does with it."""

    def __init__(self, vm, port):
        self.vm = vm
        self.port = port
        self.id = f"in-{port}"
        self.files = Files(vm.folder, port)
        self.address = None  # of the device in the guest
        self.place = 0  # of its BAR 2

    def plug(self):
        chunks = self.files.chunks()
        self.vm.qmp.execute(
            "device_add", driver="ivshmem", id=self.id, bus=self.port, chunks=chunks
        )

    def wait_plugged(self):
        """Until the guest knows it; the size of its BAR 2 there."""
        self.address = self.vm.address(self.id)
        start, end = self.vm.guest.ask("plugged", self.address)[:2]
        self.place = int(start, 0)
        return int(end, 0) - self.place + 1 if self.place else 0

    def plug_and_map(self):
        self.plug()
        self.map()

    def map(self):
        size = self.wait_plugged()
        require(size == BAR_SIZE, f"BAR 2 has {size:#x} bytes in the guest")
        self.vm.guest.ask("map", self.address)

    def use(self, first):
        """The guest reads what the host writes, and the other way round."""
        ask = self.vm.guest.ask
        self.files.write(first)
        for i, (_, _, size, at) in enumerate(CHUNKS):
            ask("expect", at, size, first + (i << 32))
        for at in HOLES:
            ask("zero", at, HOLE_BYTES)
        first += ANSWER
        for i, (_, _, size, at) in enumerate(CHUNKS):
            ask("fill", at, size, first + (i << 32))
        self.files.check(first)

    def unmap(self):
        self.vm.guest.ask("unmap")

    def unplug(self):
        self.vm.qmp.execute("device_del", id=self.id)

    def unplug_again(self):
        """Harmless, whether QEMU takes or refuses it; what it said."""
        try:
            self.unplug()
        except Refused as reply:
            return str(reply)
        return "accepted"

    def deleted(self, limit):
        return self.vm.qmp.event("DEVICE_DELETED", limit, device=self.id) is not None

    def wait_deleted(self):
        require(self.deleted(LIMIT), f"{self.id} has not been deleted")

    def wait_gone(self):
        self.wait_deleted()
        self.vm.guest.ask("gone", self.address)

    def require_still_there(self):
        require(not self.deleted(SILENCE), f"{self.id} was deleted without the guest")
        require(self.vm.process.maps_of(self.files.paths.values()), "QEMU has let go of the files")


# ---- commands ------------------------------------------------------------------


def remember(vm):
    with open("before.json", "w", encoding="ascii") as file:
        json.dump(vm.census(), file)


def excess(vm, before):
    """What QEMU has now and did not have before, as a text."""
    now = vm.census()
    found = [line.split(None, 5)[-1] for line in vm.process.maps_of([vm.folder])]
    for kind in "descriptors", "RAM blocks":
        more, less = Counter(now[kind]), Counter(before[kind])
        found += [f"{kind}: {name}" for name in more - less]
        found += [f"{kind}: no more {name}" for name in less - more]
    for kind, noise in ("mappings", MAPS_NOISE), ("memory slots", 0):
        if now[kind] > before[kind] + noise:
            found.append(f"{now[kind]} {kind}, before {before[kind]}")
    return ", ".join(found)


def nothing_left(vm):
    """QEMU frees an unplugged device after a while only, by RCU."""
    with open("before.json", encoding="ascii") as file:
        before = json.load(file)
    try:
        until("nothing is left", lambda: not excess(vm, before))
    except Failure as failure:
        raise Failure(f"{failure}: {excess(vm, before)}") from None
    say(f"before: {summary(before)}")
    say(f"now: {summary(vm.census())}")


def summary(census):
    counts = {k: v if isinstance(v, int) else len(v) for k, v in census.items()}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def cycles(vm, count, *ports):
    devices = [Device(vm, port) for port in ports]
    start = time.monotonic()
    for i in range(int(count)):
        try:
            one_round(devices, i + 1)
        except Failure as failure:
            raise Failure(f"round {i + 1}: {failure}") from None
    seconds = time.monotonic() - start
    say(f"{int(count) * len(ports)} times in {seconds:.1f} s")


def one_round(devices, number):
    for device in devices:
        device.plug()
    for i, device in enumerate(devices):
        device.map()
        device.use((number << 48) + (i << 41))
        device.unmap()
    for device in devices:
        device.unplug()
    for device in devices:
        device.wait_gone()


def stopped(vm, port):
    device = Device(vm, port)
    device.plug_and_map()
    device.unmap()
    vm.qmp.execute("stop")
    try:
        device.unplug()
        say(f"a second device_del: {device.unplug_again()}")
        device.require_still_there()
        device.files.write(0x600D << 48)
        xp = vm.qmp.execute("human-monitor-command", command_line=f"xp /1gx {device.place:#x}")
        require(int(xp.split()[1], 0) == 0x600D << 48, f"the BAR shows {xp}")
    finally:
        vm.qmp.execute("cont")
    device.wait_gone()


def ignored_device(vm, port):
    """A device that the guest uses, and whose unplug it has not noticed."""
    device = Device(vm, port)
    device.plug_and_map()
    vm.kind.ignore(vm, port)
    device.unplug()
    say(f"a second device_del: {device.unplug_again()}")
    device.require_still_there()
    device.use(0xCAFE << 48)
    return device


def ignored(vm, port):
    device = ignored_device(vm, port)
    device.unmap()
    vm.kind.listen(vm, port)
    until("QEMU deletes the device", lambda: delete_or_retry(device))
    vm.guest.ask("gone", device.address)


def delete_or_retry(device):
    """A request that nobody heard may be lost, or heard late."""
    device.unplug_again()
    return device.deleted(SILENCE)


def reset(vm, port):
    device = ignored_device(vm, port)
    restart(vm)
    if vm.kind.UNPLUGS_ON_RESET:
        device.wait_deleted()
        device.plug()
    else:  # the port forgets the request, and the guest finds the device
        device.require_still_there()
    device.map()
    device.use(0xBEEF << 48)
    device.unmap()
    device.unplug()
    device.wait_gone()


def restart(vm):
    """The VM has been started to end where others restart."""
    boots = vm.boots()
    vm.qmp.execute("set-action", reboot="reset")
    vm.qmp.execute("system_reset")
    until("the guest boots again", lambda: vm.boots() > boots)
    vm.qmp.execute("set-action", reboot="shutdown")


def mapped(vm, port):
    device = Device(vm, port)
    device.plug_and_map()
    device.use(0xF00D << 48)
    device.unplug()
    device.wait_gone()
    for _, _, _, at in CHUNKS:
        look_into_nothing(vm, at)
    device.files.check((0xF00D << 48) + ANSWER)
    until("QEMU lets go of the files", lambda: not vm.process.maps_of([vm.folder]))
    another(vm, port)


def look_into_nothing(vm, at):
    """What the process may see: nothing there, or the kernel's signal for that."""
    try:
        word = int(vm.guest.ask("peek", at)[0], 0)
        require(word in (0, 2**64 - 1), f"at {at:#x} the process reads {word:#x}")
        vm.guest.ask("poke", at, 1)
        say(f"at {at:#x} the process reads {word:#x}")
    except Failure as failure:
        require(str(failure).endswith("SIGBUS"), str(failure))
        say(f"at {at:#x} the process gets SIGBUS")


def another(vm, port):
    """While the process still has the old mapping, then for itself."""
    device = Device(vm, port)
    device.plug()
    device.wait_plugged()
    device.unmap()
    vm.guest.ask("map", device.address)
    device.use(0xFEED << 48)
    device.unmap()
    device.unplug()
    device.wait_gone()


def unplaced(vm, port):
    device = Device(vm, port)
    device.plug()
    require(device.wait_plugged() == 0, "the guest has found a place for BAR 2")
    device.unplug()
    device.wait_gone()


COMMANDS = {
    "remember": remember,
    "nothing-left": nothing_left,
    "cycles": cycles,
    "stopped": stopped,
    "ignored": ignored,
    "reset": reset,
    "mapped": mapped,
    "unplaced": unplaced,
}


def say(text):
    print(f"# {text}", flush=True)


def main(folder, kind, command, *arguments):
    vm = Vm(folder, kind)
    try:
        COMMANDS[command](vm, *arguments)
    except (Failure, OSError) as failure:
        say(f"{command}: {failure}")
        return 1
    finally:
        vm.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
