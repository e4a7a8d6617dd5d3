# SPDX-License-Identifier: BSD-3-Clause
"""Does one thing with a running VM.

usage: vm_do.py VM plug LINE     the QMP command device_add, as it was printed
       vm_do.py VM unplug LINE   device_del; returns when the device is deleted
       vm_do.py VM guest COMMAND what it prints in the guest, on one line

VM is the folder of its sockets "qmp" and "agent". Exit status 0 if all went well.
"""

import json
import os
import sys

from vm import Failure, Guest, Qmp


def plug(line):
    qmp = Qmp("qmp")
    qmp.run(line)
    qmp.close()


def unplug(line):
    qmp = Qmp("qmp")
    qmp.run(line)
    device = json.loads(line)["arguments"]["id"]
    if qmp.event("DEVICE_DELETED", device=device) is None:
        raise Failure(f"{device} has not been deleted")
    qmp.close()


def guest(command):
    shell = Guest("agent")
    print(" ".join(shell.ask(command)))
    shell.close()


def main(folder, name, argument):
    os.chdir(folder)  # the path of a socket has at most 107 bytes
    try:
        {"plug": plug, "unplug": unplug, "guest": guest}[name](argument)
    except (Failure, OSError) as failure:
        print(failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
