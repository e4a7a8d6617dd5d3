#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A host program ends and starts again while a VM runs: the guest learns of it,
# gets the new device by unplug and plug, and goes on without a reboot. With kill
# -9 and with an orderly end; with ordinary pages and with hugepages.
#
# For the functions that are called by way of check and until_true, and for what
# the guest is to expand:
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=tests/e2e/restart/lib.sh
. "$ROOT/tests/e2e/restart/lib.sh"

PACKETS=2000 # that restart_guest.c sends

# share_more: from now on the VM has an older generation.
share_more() {
    child_signal USR1 "$HOST_PID"
    until_true 20 says "life$LIFE" "more is shared"
}

# ---- guest --------------------------------------------------------------------

guest_works() { prints "life $LIFE: $PACKETS packets there and back" "$GUEST -- work"; }

told_stale() { prints "is stale: its host has exited" "$GUEST --file-prefix other -- work"; }

# sees STATE: a person in the guest, who asks what is shared.
sees() { prints " $1 " "dpdk-ivshmem list"; }

# guest_stays: a program of the guest that stays; returns when it has worked.
guest_stays() {
    LOOKS=0
    in_guest "{ $GUEST -- stay; echo exit status \$?; } >/tmp/stay 2>&1 &"
    until_true "$BOOT_LIMIT" stay_prints "life $LIFE: $PACKETS packets there and back"
}

stay_prints() { in_guest 'cat /tmp/stay' && [[ $OUTPUT == *"$1"* ]]; }

# guest_looks NUMBER: what stays sees all objects of that life, unchanged.
guest_looks() {
    LOOKS=$((LOOKS + 1))
    in_guest 'kill -USR1 $(pidof restart-guest)'
    until_true 20 stay_prints "look $LOOKS: life $1" || { echo "# $OUTPUT"; return 1; }
}

guest_ends() {
    in_guest 'kill $(pidof restart-guest)'
    until_true 20 stay_prints "exit status 0" || { echo "# $OUTPUT"; return 1; }
}

# ---- what is checked ------------------------------------------------------------

# check_restart SIGNAL HOW MEMORY-ARGUMENTS...: from the life that is to the next.
check_restart() {
    local signal=$1 how=$2 before=$LIFE unplug
    shift 2
    unplug=$(line device_del)
    check "a program of the guest uses the objects $how" guest_stays
    check "the host shares one more, in a generation that the VM has not" share_more
    end_life "$signal"
    check "the host is gone: the program goes on with its pages" guest_looks "$before"
    [ "$signal" = KILL ] || check "the guest sees at once that they are stale" sees closing
    start_life $((before + 1)) "$@"
    check "the host is back, with all objects at the same addresses" same_addresses "$before" "$LIFE"
    check "the program of the guest goes on with its pages" guest_looks "$before"
    check "the guest sees that they are stale" sees closing
    check "another program of the guest is told so" told_stale
    check "the program of the guest ends in order" guest_ends
    check "the line that the dead host has printed unplugs its device" qmp "$unplug"
    check "the line of the new one plugs that" plug
    check "the guest sees that it is ready" sees ready
    check "the guest works with the new life's objects, in both directions" guest_works
    check "it has not been booted again" has_not_rebooted
}

# check_lives MEMORY-ARGUMENTS...
check_lives() {
    local files
    echo "# the host program's memory: $*"
    start_life $((LIFE + 1)) "$@"
    files=$(hugepage_files)
    check "the line that the host prints plugs the device" plug
    check_restart KILL "before kill -9" "$@"
    check_restart TERM "before an orderly end" "$@"
    check "the line that the host prints unplugs the device" qmp "$(line device_del)"
    end_life TERM
    check "the metadata files are gone" [ -z "$(ls -A "$RTE_IVSHMEM_DIR")" ]
    check "QEMU has let go of the memory" until_true 20 not maps_shared_memory
    # The EAL leaves the files of its last start for its next one.
    [ -z "$HUGE_DIR" ] || check "of all lives, only the last one's hugepage files are left" \
        [ "$(hugepage_files)" = "$files" ]
}

# QEMU maps what is unplugged a little longer.
maps_shared_memory() { grep -q "$RUN/\(metadata\|hugepages\)\|/memfd:" "/proc/$VM_PID/maps"; }

hugepage_files() { [ -z "$HUGE_DIR" ] || ls "$HUGE_DIR"; }

check_hugepages() {
    have_hugepages || { skip "with hugepages" "$NO_HUGEPAGES"; return; }
    # Twice what a life has: QEMU still maps the one before.
    hugepages_begin 64
    check_lives -m 32 --huge-dir "$HUGE_DIR"
}

make_image "$PROGRAMS/tests/restart-guest" >&2
mkdir -p "$RTE_IVSHMEM_DIR"
start_hotplug_vm "$IMAGE"
in_guest 'cat /proc/sys/kernel/random/boot_id'
BOOT_ID=$OUTPUT
LIFE=0
check_lives --no-huge -m 16
check_hugepages
stop "$VM_PID"
drain
done_testing
