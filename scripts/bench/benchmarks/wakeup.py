# SPDX-License-Identifier: BSD-3-Clause
"""Round trips of who sleeps, beside polling, vsock and ping.

A program in a guest asks, and is answered, one question at a time; contestants take turns:

- *doorbell, both are woken*: a process of the host answers through a ring, and both sides
  sleep. The answer is held until the guest sleeps, and that time is subtracted.
- *doorbell, answered at once*: the same without holding: mostly the guest is not asleep yet,
  and is not rung.
- *polled by both sides*: the same rings without sleeping.
- *vsock_loopback in the guest*: a stream with both ends in the guest, by the kernel's
  loopback: it needs no `/dev/vhost-vsock`, and has no VM exit.
- *ping over virtio-net*: ICMP; the kernel of the host answers.

What answers on the host is on the first core, the VM on the second. The rows of the first
table are all round trips of the run; percentiles are those of each round.
"""
import os
import statistics

NEEDS = ("qemu", "library", "guest")
PERCENTILES = (50, 90, 99)
DOORBELL = "doorbell, both are woken"


def percentiles(samples):
    """{"90th": value}"""
    cuts = statistics.quantiles(samples, n=100, method="inclusive")
    return {f"{number}th": cuts[number - 1] for number in PERCENTILES}


def measure(run, result):
    if os.geteuid() != 0:
        result.skip("all", "only root can give the guest a network")
        return
    rounds, samples = (2, 50) if run.quick else (10, 200)
    trips = result.table("Round trip", unit="us", row="round trips", reference=DOORBELL,
                         better="lower", log=True)
    run.samples(["unshare", "--net", os.path.join(run.root, "scripts", "bench", "vm", "wakeup.sh"),
                 str(rounds), str(samples), *map(str, run.cores)], result)
    table = result.table("Percentiles", unit="us", row="percentile", reference=DOORBELL,
                         better="lower", log=True)
    for contestant in trips.contestants():
        times = trips.of("all", contestant)
        for first in range(0, len(times), samples):
            for row, value in percentiles(times[first:first + samples]).items():
                table.add(row, contestant, value)
