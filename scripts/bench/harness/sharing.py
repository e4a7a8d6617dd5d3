# SPDX-License-Identifier: BSD-3-Clause
"""A host that shares N objects of a kind (dpdk-ivshmem/bench/kinds.h)."""
import contextlib
import os
import subprocess

from harness.run import Failure, end


@contextlib.contextmanager
def host(run, kind, count):
    """What bench-share prints, a dictionary of texts, while the host lives."""
    process = run.start([run.program("bench-share"), kind, str(count)],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        env=dict(os.environ, RTE_IVSHMEM_DIR=run.folder))
    told = {}
    try:
        for line in process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            told[word] = rest
            if word == "file":      # the last one
                break
        else:
            raise Failure(f"bench-share {kind} {count} has failed: see the log")
        yield told
        process.stdin.close()
        process.wait()
    finally:
        end(process)
