#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# In the guest of tests/e2e/eal_arguments.sh: one program after the other, each
# with other arguments of the EAL. "host" and "far" are names of metadata.

# address DEVICE: of the first PCI device 1af4:DEVICE.
address() {
    for device in /sys/bus/pci/devices/*; do
        [ "$(cat "$device/vendor" "$device/device" | tr -d '\n')" != "0x1af40x$1" ] ||
            { basename "$device"; return; }
    done
}

# run EAL-ARGUMENTS... -- WHAT...
run() {
    echo "[guest] $*"
    calls-guest --log-level lib.eal:warning -d librte_ivshmem.so -d librte_mempool_ring.so \
        -d librte_mempool_stack.so -d librte_bus_pci.so "$@"
    echo "[guest] exit status $?"
}

# all EAL-ARGUMENTS...: with these, all is found and works.
all() { run "$@" -- use host use far own mine; }

# none EAL-ARGUMENTS...: with these, nothing of a host is there.
none() { run "$@" -- absent host absent far own mine; }

mkdir -p /var/run
OURS=$(address 1110) OTHER=$(address 1000)
echo "ours: $OURS, another: $OTHER"

# Not one argument; Linux has reserved hugepages.
all
all -m 32
all -m 32 --in-memory
all -m 32 --in-memory --single-file-segments
all -m 32 --single-file-segments
all -m 32 --legacy-mem
all -m 32 --match-allocations
all -m 32 --huge-unlink
all -m 32 --iova-mode pa
all -m 32 --iova-mode va
all -m 32 --base-virtaddr 0x4000000000
all -m 32 --base-virtaddr 0x200000000000
all -m 32 --file-prefix other
all --no-huge -m 16
all --no-huge -m 16 --lcores 5@0,7@1
all --no-huge -m 16 --main-lcore 1
all --no-huge -m 16 --no-telemetry
all --no-huge -m 16 -b "$OTHER"
run -m 32 -- use host use far secondary host secondary far
run -m 32 --legacy-mem -- use host secondary host
run --no-huge -m 16 -a "$OURS" -- use far absent host own mine
run --no-huge -m 16 -b "$OURS" -- absent far use host own mine
none --no-huge -m 16 -a "$OTHER"
none --no-huge -m 16 --no-pci
run --no-huge -m 16 -- free host free far free-readonly host own mine
run --no-huge -m 16 -- across host across far
for how in return exit cleanup rte_exit; do
    run --no-huge -m 16 -- end host $how
done
