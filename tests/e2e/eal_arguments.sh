#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The EAL's arguments in a guest: what works without our library works with it.
# Two hosts share, one at the EAL's default address, where the guest's programs
# would have their own memory, and one elsewhere. dpdk-ivshmem/tests has more
# arguments, with processes in place of VMs.
#
# For the functions that are called by way of check and until_true:
# shellcheck disable=SC2317
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

BOOT_LIMIT=240 # some thirty programs
HUGEPAGES=40   # in the guest
IMAGE=$RUN/arguments.img
GUEST_SCRIPT=$ROOT/tests/e2e/arguments/guest.sh

# start_calls_host NAME EAL-ARGUMENTS... -- MORE: writes RUN/NAME.device.
start_calls_host() {
    local name=$1 input
    shift
    mkfifo "$RUN/$name.in"
    # Open for both, so that it waits for lines and none is lost.
    # shellcheck disable=SC2034
    exec {input}<>"$RUN/$name.in"
    # shellcheck disable=SC2016
    start "$name" sh -c 'exec "$@" <"$0"' "$RUN/$name.in" "$PROGRAMS/tests/calls-host" \
        --no-huge -m 32 --no-pci --no-telemetry --lcores "0@$(allowed_cpus),1@$(allowed_cpus)" \
        --file-prefix "$FILE_PREFIX$name" --log-level lib.eal:warning "$@"
    until_true 30 grep -q '^ready' "$RUN/$name.log" || die "no host $name: $(cat "$RUN/$name.log")"
    "$PROGRAMS/tools/dpdk-ivshmem" device --form=json "$name" >"$RUN/$name.device"
}

# whole NAME: a host says that its objects are.
whole() {
    echo check >"$RUN/$1.in"
    until_true 20 grep -Eq '^(whole|damaged)' "$RUN/$1.log"
    ! grep '^damaged' "$RUN/$1.log"
}

make_image() {
    local ring
    ring=$(mempool_ring_plugin)
    "$ROOT/scripts/guest-image" --add "$PROGRAMS/tests/calls-guest" "${PLUGIN_FILES[@]}" \
        --add "${ring/mempool_ring/mempool_stack}:/usr/lib/librte_mempool_stack.so" \
        --add "${ring/mempool_ring/bus_pci}:/usr/lib/librte_bus_pci.so" \
        --add "$GUEST_SCRIPT:/init.sh" --output "$IMAGE"
}

# One check for each program that the guest has run.
check_programs() {
    local number=0 line
    while IFS= read -r line; do
        number=$((number + 1))
        check "${line#\[guest\] }" guest_exits "$number" 0
    done < <(grep '^\[guest\] ' "$RUN/guest.log" | grep -v 'exit status')
    check "all of the guest's programs have run ($number)" [ "$number" -ge 30 ]
}

# number_of PATTERN: of the program whose command line it matches.
number_of() {
    grep '^\[guest\] ' "$RUN/guest.log" | grep -v 'exit status' | grep -n -e "$1" | head -n 1 | cut -d: -f1
}

make_image
mkdir -p "$RTE_IVSHMEM_DIR"
start_calls_host host -- host no-fields
start_calls_host far --base-virtaddr 0x200000000000 -- far no-fields
start guest "$ROOT/scripts/launch" --initrd "$IMAGE" --memory 768 --accel "$ACCEL" \
    --append "hugepages=$HUGEPAGES" --device "$RUN/far.device" --device "$RUN/host.device" -- \
    -smp 2 -device virtio-net-pci
VM_PID=$PID
until_true "$BOOT_LIMIT" ended "$VM_PID" || stop "$VM_PID"
status_of "$VM_PID"

check_programs
check "--no-pci: the guest is told that this is why" \
    guest_says "$(number_of --no-pci)" "left alone because of the command line: --no-pci"
check "-a of another device: it is told what to add" \
    guest_says "$(number_of '-a .* absent host absent far')" "add -a 0000:"
check "the first host's objects are whole, and all mbufs are there" whole host
check "the second one's as well" whole far
done_testing
