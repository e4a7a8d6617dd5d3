# SPDX-License-Identifier: BSD-3-Clause
"""Gives one QMP command, and prints when it was sent, by the clock CLOCK_MONOTONIC.

usage: timed_qmp.py SOCKET LINE
"""

import os
import sys
import time

from vm import Failure, Qmp


def main(path, line):
    os.chdir(os.path.dirname(path))  # the path of a socket has at most 107 bytes
    qmp = Qmp(os.path.basename(path))
    try:
        sent = time.monotonic()
        qmp.run(line)
    except Failure as failure:
        print(failure)
        return 1
    finally:
        qmp.close()
    print(f"{sent:.6f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
