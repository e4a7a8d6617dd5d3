# SPDX-License-Identifier: BSD-3-Clause
"""BAR 2 in a guest, beside the guest's own memory.

In one guest, in turn, the same work on 32 MiB of
  the guest's own memory, in hugepages of 2 MiB and in pages of 4 KiB;
  BAR 2 through sysfs (resource2: uncached-minus, entries of 4 KiB);
  BAR 2 through the kernel module ivshmem_wb (write-back), with entries of 4 KiB and
  of 2 MiB.
The work: stores and loads of 8 bytes, over 1 and 16 MiB; objects through a ring that
many may use, in bursts; objects of 2,176 bytes, as many as fit, got from a pool without
caches, written to and put back, in bursts. What is loaded and taken is checked.

Emulation (TCG) honours no memory types, and its TLB has entries of 4 KiB for pages of
any size; only when an entry is missing has it more to read where pages are small. KVM
on AMD honours them.
"""
import os

NEEDS = ("library", "qemu", "guest")

OWN_2M, OWN_4K = "guest memory, 2 MiB", "guest memory, 4 KiB"
SYSFS = "BAR 2, resource2"
MODULE_4K, MODULE_2M = "BAR 2, ivshmem_wb, 4 KiB", "BAR 2, ivshmem_wb, 2 MiB"
HUGEPAGES = 16      # of 2 MiB


def measure(run, result):
    for title, unit, row in (("8-byte stores", "GB/s", "MiB"), ("8-byte loads", "GB/s", "MiB"),
                             ("Ring", "M objects/s", "burst"), ("Pool", "M objects/s", "burst")):
        result.table(title, unit=unit, row=row, reference=OWN_2M)
    script = os.path.join(run.root, "scripts", "bench", "vm", "memory.sh")
    with run.hugepages(HUGEPAGES) as folder:
        if folder is None:
            result.note("BAR 2 is in pages of 4 KiB of the host, as no hugepages could be had, "
                        "and the guest's own memory in large ones: what uses many pages, such as "
                        "a pool, is slower on BAR 2 for that reason alone.")
        run.samples([script, "5" if run.quick else "40", str(run.cores[1]),
                     folder or run.folder], result)
    result.note(f"The VM runs under {run.accel}.")
    for title in ("Ring", "Pool"):
        for bar, own in ((SYSFS, OWN_4K), (MODULE_4K, OWN_4K), (MODULE_2M, OWN_2M)):
            result.ratio_goal(f"{title.lower()} at burst 32, {bar} to {own}",
                              result.table(title).ratios(32, bar, own), least=0.98)
