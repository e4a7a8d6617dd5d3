#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# VMs that share with each other: a pair while the host program is stopped, a
# chain of three in which one VM is killed and another takes its place, and a
# pair with hugepages. Rates are printed and not tested.
#
# For the functions that are called by way of check and until_true:
# shellcheck disable=SC2317
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

MESSAGES=20000
PACKETS=20000
BOOT_LIMIT=180 # seconds; several VMs start at once
PATIENCE=180   # seconds without progress
VMS=           # how many there are
VM_PIDS=()     # by number

# share_vms NUMBER MEMORY-ARGUMENTS...
share_vms() {
    VMS=$1 VM_PIDS=()
    shift
    start_host "$@" -- --vms "$VMS" --messages "$MESSAGES" --packets "$PACKETS" \
        --wait $((BOOT_LIMIT * VMS)) --timeout "$PATIENCE"
    wait_for_device "$DEVICE_FILE.vm$VMS" ||
        die "the host program has not printed device strings" "$(tail -n 3 "$RUN/host.log")"
}

# boot_as NAME NUMBER [OPTION...]: what it prints is in RUN/NAME.log.
boot_as() {
    local name=$1 number=$2
    shift
    start_guest_as "$name" "$(vm_command "$@" --timeout "$PATIENCE")" --accel "$ACCEL" \
        --memory 256 --device "$DEVICE_FILE.vm$number"
    VM_PIDS[number]=$VM_PID
}

# boot_vm NUMBER [OPTION...]
boot_vm() { boot_as "vm$1" "$@"; }

not_yet_lost() { until_true "$BOOT_LIMIT" "$@" || die "this has not come: $*" "$(tail -n 3 "$RUN"/*.log)"; }

vms_end() {
    local pid
    for pid in "${VM_PIDS[@]}"; do
        until_true $((BOOT_LIMIT + PATIENCE)) ended "$pid" || stop "$pid"
    done
}

# check_vm NAME: all that passed there was good.
check_vm() {
    check "$1 checked all messages without error" \
        grep -q "^checked $(grouped "$MESSAGES") messages .*, errors: 0\$" "$RUN/$1.log"
    check "$1 checked all packets without error" \
        grep -q "^checked $(grouped "$PACKETS") packets .*, errors: 0\$" "$RUN/$1.log"
    check "the program of $1 exits with 0" says "$1" "[guest] exit status 0"
    sed -n 's/^checked/# & of/p' "$RUN/$1.log" | sed "s/of/ by $1:/"
}

# check_host: at the end of the host program; all logs are complete then.
check_host() {
    host_ends
    check "the host program finds that all have checked everything" \
        host_says "all passed, errors: 0"
    check "the pool is whole" host_says "4095 of 4095 packet buffers are back in the pool"
    check "the host program exits with 0" host_exits 0
    grep -E '^  (checked|messages|packets) ' "$RUN/host.log" | sed 's/^/#/'
}

# process_is STATE PID
process_is() { [ "$(sed 's/.*) //' "/proc/$2/stat" | cut -d ' ' -f 1)" = "$1" ]; }

# ---- a pair, in an order of its own, and the host program stopped ---------------

check_pair_alone() {
    share_vms 2 --no-huge -m 64
    boot_vm 2
    not_yet_lost says vm2 "waiting for vm1"
    child_signal STOP "$HOST_PID"
    until_true 20 process_is T "$HOST_PID"
    boot_vm 1
    vms_end
    check "the host program has been stopped while two VMs did everything" process_is T "$HOST_PID"
    child_signal CONT "$HOST_PID"
    check_host
    check_vm vm1
    check_vm vm2
}

# ---- a chain, and a VM that is killed -----------------------------------------

# The tool's drawing of what a VM's BAR shows.
shows() { "$PROGRAMS/tools/dpdk-ivshmem" dump "$1" | grep -q "$2"; }
also_shows() { "$PROGRAMS/tools/dpdk-ivshmem" audit "$1" | grep -q "$2"; }

check_chain() {
    share_vms 3 --no-huge -m 64
    check "VM 1 has the ring to VM 2 in its metadata" shows demo-vm1 demo_to_vm2
    check "and not the one between VM 2 and VM 3" not shows demo-vm1 demo_to_vm3
    check "nor the memory of that" not also_shows demo-vm1 demo_to_vm3
    # So slowly that VM 2 can be killed in the midst.
    boot_vm 1 --pause 20
    boot_vm 2
    boot_vm 3
    not_yet_lost grep -q '^packets ' "$RUN/vm2.log"
    end_by KILL "${VM_PIDS[2]}"
    check "VM 2 was killed in the midst" not says vm2 "checked"
    boot_as vm2-again 2 --resume
    vms_end
    check_host
    check "the new VM 2 goes on where the killed one was" \
        grep -q "^going on behind $MESSAGES messages and [1-9][0-9]* packets" "$RUN/vm2-again.log"
    check "rte_ring_lookup() in VM 1 does not find the ring between VM 2 and VM 3" \
        says vm1 "demo_to_vm3, to vm3, is not shared with this VM"
    check_vm vm1
    check_vm vm2-again
    check_vm vm3
    check "the host program has seen two lives of VM 2" host_says "vm2 was killed once, and went on"
}

# ---- hugepages -----------------------------------------------------------------

check_hugepages() {
    have_hugepages || { skip "with hugepages" "$NO_HUGEPAGES"; return; }
    hugepages_begin 64
    share_vms 2 -m 64 --huge-dir "$HUGE_DIR"
    check "the device string names files of hugetlbfs" host_says ":$HUGE_DIR/"
    boot_vm 1
    boot_vm 2
    vms_end
    check_host
    check_vm vm1
    check_vm vm2
}

check_pair_alone
MESSAGES=2000
check_chain
MESSAGES=20000
check_hugepages
done_testing
