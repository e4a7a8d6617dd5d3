# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the dpdk-ivshmem authors
"""Replaces QEMU under a running guest, with the memory of device ivshmem in place.

usage: cpr.py QEMU DIRECTORY

QEMU is the path of the program, and DIRECTORY is where temporary directories are
created. The output is TAP. The module vm is that of the hotplug tests.
"""

import os
import signal
import subprocess
import sys
import tempfile

from guest import Failure, Shared, build_boot_sector, require
from qemu import DEVICE, RAM_FILE, RAM_MEMFD, Qemu, Server, listens, logs
from vm import Refused, until

REFUSAL = (
    "device 'iv0' (ivshmem) shares memory with processes on this host and cannot be "
    "migrated or saved: unplug it first (device_del), and plug one in afterwards"
)
OR_CPR = ", or use a CPR mode on this host"
STATE = "file:state"


class Skip(Exception):
    """The QEMU under test lacks what the case needs."""


def set_mode_or_skip(qemu, mode):
    if mode not in qemu.modes():
        raise Skip(f"this QEMU has no migration mode {mode}")
    qemu.set_mode(mode)


def channels(**paths):
    """Paths of UNIX sockets, as the command migrate expects them."""
    return [
        {"channel-type": name, "addr": {"transport": "socket", "type": "unix", "path": path}}
        for name, path in paths.items()
    ]


def require_refused(qemu, message, **arguments):
    """QEMU refuses to migrate, for that reason."""
    try:
        qemu.execute("migrate", **arguments)
    except Refused as reply:
        require(str(reply) == message, f"refused with: {reply}")
    else:
        raise Failure("migration was not refused")


# ---- cases -----------------------------------------------------------------------


def refuse_normal(shared):
    qemu = Qemu("qemu", RAM_FILE).connect()
    shared.wait_running()
    require_refused(qemu, REFUSAL + OR_CPR, uri=STATE)
    shared.check()
    qemu.quit()


def reboot(shared):
    """The state is in a file while no QEMU runs; a command waits for the guest."""
    old = Qemu("old", RAM_FILE).connect()
    shared.wait_running()
    set_mode_or_skip(old, "cpr-reboot")
    old.ignore_shared()
    old.execute("migrate", uri=STATE)
    old.wait_status("postmigrate")
    old.quit()
    command = shared.post_command()
    new = Qemu("new", RAM_FILE, "-incoming", "defer").connect()
    new.set_mode("cpr-reboot")
    new.ignore_shared()
    new.execute("migrate-incoming", uri=STATE)
    new.wait_status("running")
    shared.wait_answer(command)
    shared.check()
    new.quit()


def transfer(shared):
    """The old QEMU sends the descriptors of RAM to the new one. Until then, the new
    one has no QMP. The names of the sockets are unique, for listens()."""
    main, cpr = f"{os.getpid()}.main", f"{os.getpid()}.cpr"
    incoming = f"cpr,addr.transport=socket,addr.type=unix,addr.path={cpr}"
    old = Qemu("old", RAM_MEMFD).connect()
    shared.wait_running()
    set_mode_or_skip(old, "cpr-transfer")
    new = Qemu("new", RAM_MEMFD, "-incoming", f"unix:{main}", "-incoming", incoming)
    until("the new QEMU listens", lambda: new.require_alive() or listens(cpr))
    old.execute("migrate", channels=channels(main=main, cpr=cpr))
    old.wait_status("postmigrate")
    old.quit()
    new.connect().wait_status("running")
    shared.check()
    new.quit()


def execute(shared):
    """The process of the old QEMU executes the new one."""
    qemu = Qemu("old", RAM_MEMFD).connect()
    shared.wait_running()
    set_mode_or_skip(qemu, "cpr-exec")
    new = Qemu.command("new", RAM_MEMFD, "-incoming", STATE)
    qemu.execute("migrate-set-parameters", cpr_exec_command=new)
    qemu.execute("migrate", uri=STATE)
    until("QEMU is replaced", lambda: qemu.require_alive() or qemu.command_line() == new)
    qemu.connect("new").wait_status("running")
    shared.check()
    qemu.quit()


def refuse_with_server(shared):
    """The new QEMU would get another ID than the one that the guest knows."""
    chardev = ["-chardev", "socket,id=server,path=server"]
    server = Server("server")
    qemu = Qemu("qemu", RAM_MEMFD, *chardev, device=f"{DEVICE},chardev=server")
    server.accept()
    qemu.connect()
    shared.wait_running()
    for mode in "normal", "cpr-reboot":
        qemu.set_mode(mode)
        require_refused(qemu, REFUSAL, uri=STATE)
    qemu.set_mode("cpr-transfer")
    require_refused(qemu, REFUSAL, channels=channels(main="main", cpr="cpr"))
    if "cpr-exec" in qemu.modes():
        qemu.set_mode("cpr-exec")
        qemu.execute("migrate-set-parameters", cpr_exec_command=["false"])
        require_refused(qemu, REFUSAL, uri=STATE)
    shared.check()
    qemu.quit()


CASES = [
    ("normal mode is refused with a message that names the alternatives", refuse_normal),
    ("cpr-reboot: the guest continues, with its RAM and the shared memory intact", reboot),
    ("cpr-transfer: the guest continues, with its RAM and the shared memory intact", transfer),
    ("cpr-exec: the guest continues, with its RAM and the shared memory intact", execute),
    ("with an interrupt server, the CPR modes are refused as well", refuse_with_server),
]


# ---- TAP -------------------------------------------------------------------------


def run_case(case, parent):
    """Run it in a new directory, and leave no process."""
    with tempfile.TemporaryDirectory(dir=parent, prefix="cpr-") as directory:
        os.chdir(directory)
        try:
            build_boot_sector("boot")
            case(Shared("shared"))
        except (Failure, OSError, subprocess.SubprocessError) as failure:
            raise Failure("\n".join([str(failure), *logs()])) from failure
        finally:
            for qemu in list(Qemu.running):
                qemu.kill()
            os.chdir(parent)


def result_of(case, parent):
    """The words around the name in the line of TAP, and comments."""
    try:
        run_case(case, parent)
    except Skip as skip:
        return "ok", f" # SKIP {skip}", []
    except Failure as failure:
        return "not ok", "", str(failure).splitlines()
    return "ok", "", []


def main(program, parent):
    for number in signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    Qemu.program = program
    failed = 0
    for number, (name, case) in enumerate(CASES, 1):
        result, rest, comments = result_of(case, parent)
        failed += result != "ok"
        print(f"{result} {number} - {name}{rest}", *comments, sep="\n# ", flush=True)
    print(f"1..{len(CASES)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
