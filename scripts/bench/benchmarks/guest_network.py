# SPDX-License-Identifier: BSD-3-Clause
"""Packets and messages between host and guest, beside what a user would use instead.

One guest has all paths, and they take turns. bench-network-host and, in the guest,
bench-network-guest send and receive with the same loop of `rte_eth_tx_burst()` and
`rte_eth_rx_burst()`, 32 packets at a time; only the port differs:

- *ivshmem*: a port made of two shared rings, with packets from a shared pool. With a return
  ring the receiver gives buffers back to the sender, else it frees them to the pool.
- *vhost-user*: virtio-net, with DPDK's vhost driver on the host, its virtio driver (by UIO,
  without an IOMMU) in the guest, and a pool on each side.

*TCP* and *vsock* are sockets of the kernels, where each message is a write of its own. Every
packet and message has words of its own; the receiver checks number, order, length, and the
first and the last word or all of them.

Then the same sender sends to an unmodified `dpdk-testpmd` in the guest, which receives from
both kinds of port (`--forward-mode=rxonly`); it has to have counted all.
"""
import os

NEEDS = ("qemu", "library", "guest")
RETURN = "ivshmem, return ring"
PACKED = "vhost-user, packed ring"
PAGES = 448     # of 2 MiB: the guest's memory, and the host program's


def script(run, folder):
    rounds, milliseconds = (2, 50) if run.quick else (8, 200)
    # A network of its own for the tap device, which only root can make.
    own_network = ["unshare", "--net"] if os.geteuid() == 0 else []
    return own_network + [os.path.join(run.root, "scripts", "bench", "vm", "network.sh"),
                          str(rounds), str(milliseconds), *map(str, run.cores),
                          *([folder] if folder else [])]


def measure(run, result):
    if not os.access("/dev/vhost-vsock", os.W_OK):
        result.skip("vsock between host and guest", "there is no /dev/vhost-vsock; "
                    "vsock_loopback, with both ends in the guest, stands in")
    if os.geteuid() != 0:
        result.skip("TCP over virtio-net", "only root can give the guest a network")
    tables = {way: [result.table(f"{way}, {words}", unit="M/s", row="bytes",
                                 reference=PACKED, log=True)
                    for words in ("first and last word", "all words")]
              for way in ("Guest to host", "Host to guest")}
    result.table("Bytes, all words", unit="GB/s", row="", reference=PACKED, log=True)
    testpmd = result.table("Host to testpmd in the guest", unit="M/s", row="bytes",
                           reference=PACKED)
    with run.hugepages(PAGES) as folder:
        if folder is None:
            result.note("no hugepages: the memory of host and guest is in ordinary pages")
        run.samples(script(run, folder), result)
    for way, (ends, _) in tables.items():
        for size in (64, 1500):
            result.goal(f"{way.lower()}, {size} bytes, ivshmem to the best of vhost-user",
                        best_ratio(ends, size), least=1.0)
    result.goal("testpmd receives 64 bytes, ivshmem to vhost-user",
                testpmd.ratio(64, "ivshmem, net_ring", PACKED), least=1.0)
    result.note("bytes are in packets of 1,500 through ports, and in writes of 64 KiB through "
                "sockets")
    if run.accel == "tcg":
        result.note("under emulation most of the time is the guest's own work on each packet, "
                    "while vhost copies at the host's full speed: the ratios are not those "
                    "of KVM")


def best_ratio(table, size):
    ratios = [table.ratio(size, RETURN, peer) for peer in (PACKED, "vhost-user, split ring")]
    return min(ratios) if None not in ratios else None
