# SPDX-License-Identifier: BSD-3-Clause
"""Runs a command in a guest and prints what it printed, on one line.

usage: in_guest.py SOCKET COMMAND

SOCKET leads to guest.sh. Exit status 0 if the command's was.
"""

import os
import sys

from vm import Failure, Guest


def main(path, command):
    os.chdir(os.path.dirname(path))  # the path of a socket has at most 107 bytes
    shell = Guest(os.path.basename(path))
    try:
        print(" ".join(shell.ask(command)))
    except Failure as failure:
        print(failure)
        return 1
    finally:
        shell.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
