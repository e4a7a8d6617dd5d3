# SPDX-License-Identifier: BSD-3-Clause
"""Pairs of bench-packets, which exchange packets: for packets and latency.

Each pair is started once, and sleeps while it is not its turn. A contestant is a
pair and a port of it; bench_packets.c says which ports there are.
"""
import contextlib
import os
from collections import namedtuple

from harness.conversation import Conversation

# Producer and consumer: arguments of the EAL, and the role behind "--". `first` is the
# side that waits for the other one; `huge`: it needs hugepages.
Pair = namedtuple("Pair", "producer consumer first huge")
PRODUCER, CONSUMER = 0, 1

# For packets of up to 1,500 bytes, and of 9,000: mbufs that hold them, so that nobody has
# to make segments. MiB of memory for each process, and what memif is told.
SMALL = {"room": 2048, "memory": 32}
JUMBO = {"room": 9216, "memory": 64}

NODES = 8       # of NUMA, that a limit is for

SOCKET = "{folder}/socket"


def _memif(client, zero_copy):
    """The client's memory is used by both; zero-copy saves its copies, not the server's."""
    common = f"id=0,bsize={{room}},socket={SOCKET},socket-abstract=no"
    own = [f"--vdev=net_memif0,role=client,{common}" + (",zero-copy=yes" if zero_copy else ""),
           "--", "ethdev"]
    other = [f"--vdev=net_memif0,role=server,{common}", "--", "ethdev"]
    if client == PRODUCER:
        return Pair(own, other, CONSUMER, zero_copy)
    return Pair(other, own, PRODUCER, zero_copy)


def _vhost(virtio, options):
    """net_vhost copies, in both directions."""
    host = [f"--vdev=net_vhost0,iface={SOCKET},queues=1", "--", "ethdev"]
    user = [f"--vdev=net_virtio_user0,path={SOCKET},queues=1,{options}", "--", "ethdev"]
    if virtio == PRODUCER:
        return Pair(user, host, CONSUMER, True)
    return Pair(host, user, PRODUCER, True)


SPLIT = "queue_size=1024,mrg_rxbuf=0,in_order=1"
PACKED = "queue_size=1024,packed_vq=1,mrg_rxbuf=0,in_order=1"
PAIRS = {
    "ivshmem": Pair(["--", "share"], ["-a", "ivshmem0,file={folder}/packets", "--", "attach"],
                    PRODUCER, False),
    "memif": _memif(PRODUCER, False),
    "memif-back": _memif(CONSUMER, False),
    "memif-zero": _memif(PRODUCER, True),
    "memif-zero-back": _memif(CONSUMER, True),
    "split": _vhost(PRODUCER, SPLIT),
    "split-back": _vhost(CONSUMER, SPLIT),
    "packed": _vhost(PRODUCER, PACKED),
    "packed-back": _vhost(CONSUMER, PACKED),
}

# name, pair, port of bench-packets, what is sent there and back, is it a peer?
Spec = namedtuple("Spec", "name pair port ping peer")


def _peer(name, pair):
    return Spec(name, pair, "ethdev", "packet", True)


PACKETS = (
    Spec("ivshmem, return ring", "ivshmem", "return", "packet", False),
    Spec("ivshmem, consumer frees", "ivshmem", "free", "packet", False),
    Spec("net_ring", "ivshmem", "ethdev", "packet", False),
    _peer("memif, client sends", "memif"),
    _peer("memif, server sends", "memif-back"),
    _peer("memif zero-copy, client sends", "memif-zero"),
    _peer("memif zero-copy, server sends", "memif-zero-back"),
    _peer("virtio-user to vhost-user, split", "split"),
    _peer("vhost-user to virtio-user, split", "split-back"),
    _peer("virtio-user to vhost-user, packed", "packed"),
    _peer("vhost-user to virtio-user, packed", "packed-back"),
)
# There and back: the direction does not matter.
LATENCY = (
    Spec("ivshmem ring", "ivshmem", "return", "number", False),
    Spec("ivshmem packet", "ivshmem", "return", "packet", False),
    Spec("net_ring", "ivshmem", "ethdev", "packet", False),
    _peer("memif", "memif"),
    _peer("memif zero-copy", "memif-zero"),
    _peer("vhost-user, split", "split"),
    _peer("vhost-user, packed", "packed"),
)


class Contestant:
    """A Spec with its processes: those for small packets, those for jumbo ones."""

    def __init__(self, spec, small, jumbo):
        self.name, self.port, self.ping, self.peer = spec.name, spec.port, spec.ping, spec.peer
        self._small, self._jumbo = small, jumbo

    def of(self, size):
        return self._small if size <= 1500 else self._jumbo


def _argv(run, name, side, arguments, memory, huge):
    # The first one's memory lies where the EAL of the other one does not want its own.
    base = ["--base-virtaddr", "0x4000000000"] if side == PRODUCER else []
    where = ["--no-huge"]
    if huge:    # without a limit the EAL takes more, also pages that others wait for
        where = ["--in-memory", "--single-file-segments",
                 "--socket-limit", ",".join([str(memory)] * NODES)]
    return [run.program("bench-packets"), *where, "-m", str(memory), *base, "--no-pci",
            "--no-telemetry", "--lcores", f"0@{run.cores[side]}",
            "--file-prefix", f"bench-{os.getpid()}-{name}-{side}",
            "--log-level", "lib.eal:warning", *arguments]


def _start_pair(run, name, pair, kind, huge):
    """[producer, consumer], ready for commands."""
    name = f"{name}-{kind['room']}"
    folder = os.path.join(run.folder, name)
    os.mkdir(folder, 0o700)
    environment = {**run.environment, "RTE_IVSHMEM_DIR": folder}
    processes = [None, None]
    for side in (pair.first, 1 - pair.first):
        words = [word.format(folder=folder, room=kind["room"]) for word in pair[side]]
        argv = _argv(run, name, side, [*words, f"room={kind['room']}"], kind["memory"], huge)
        print(*argv, file=run.log, flush=True)
        processes[side] = Conversation(run, argv, env=environment)
        processes[side].expect("started")
    for process in processes:
        process.expect("ready")
    return processes


def _end_pair(processes):
    for process in processes:
        process.ask_to_end()
    for process in processes:
        process.end()


def ask(processes, producer, consumer):
    """(the producer's answer, the consumer's): words, to a command for each."""
    for process, command in zip(reversed(processes), (consumer, producer)):
        process.tell(command)
    return tuple(process.expect("good").split() for process in processes)


def _runnable(specs, result, huge):
    for spec in specs:
        if PAIRS[spec.pair].huge and not huge:
            result.skip(spec.name, "it needs hugepages, and only root can reserve them")
        else:
            yield spec


def _devices(specs):
    """The device strings, which the notes name: others would have to guess."""
    for pair in dict.fromkeys(spec.pair for spec in specs if spec.peer):
        names = [spec.name for spec in specs if spec.pair == pair]
        words = [word for side in PAIRS[pair][:2] for word in side if word.startswith("--vdev")]
        yield f"{names[0]}: `{' '.join(words)}`".format(folder="DIR", room="2048")


@contextlib.contextmanager
def contestants(run, result, specs, jumbo=False):
    """All that can run here, started; those that cannot are said to be skipped."""
    kinds = [SMALL, JUMBO] if jumbo else [SMALL]
    names = dict.fromkeys(spec.pair for spec in specs)
    pages = 2 * len(names) * sum(kind["memory"] // 2 for kind in kinds)
    with run.hugepages(pages) as folder:
        huge = folder is not None
        if not huge:
            result.note("Without hugepages: all here ran with --no-huge, on pages of 4 KiB.")
        specs = list(_runnable(specs, result, huge))
        started = {}
        for name in dict.fromkeys(spec.pair for spec in specs):
            run.progress(f"starts {name}")
            started[name] = [_start_pair(run, name, PAIRS[name], kind, huge) for kind in kinds]
        for text in _devices(specs):
            result.note(text)
        yield [Contestant(spec, started[spec.pair][0], started[spec.pair][-1]) for spec in specs]
        for pairs in started.values():
            for processes in pairs:
                _end_pair(processes)
