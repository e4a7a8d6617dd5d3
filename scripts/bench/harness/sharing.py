# SPDX-License-Identifier: BSD-3-Clause
"""A host that shares N objects of a kind (dpdk-ivshmem/bench/kinds.h)."""
import contextlib

from harness.conversation import Conversation


@contextlib.contextmanager
def host(run, kind, count):
    """What bench-share prints, a dictionary of texts, while the host lives."""
    sharer = Conversation(run, [run.program("bench-share"), kind, str(count)])
    told = {}
    while "file" not in told:       # the last one
        word, _, rest = sharer.hear().partition(" ")
        told[word] = rest
    yield told
    sharer.end()
