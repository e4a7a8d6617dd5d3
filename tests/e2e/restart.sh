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

IMAGE=$RUN/restart.img
VM=$RUN/vm
PORT=/dev/ttyS1
PACKETS=2000 # that restart_guest.c sends
GUEST="restart-guest --no-huge -m 16 --no-telemetry --lcores 64@0 --log-level lib.eal:warning $GUEST_PLUGINS"

make_image() {
    "$ROOT/scripts/guest-image" --add "$PROGRAMS/tests/restart-guest" \
        --add "$PLUGIN:/usr/lib/librte_ivshmem.so" \
        --add "$(mempool_ring_plugin):/usr/lib/librte_mempool_ring.so" \
        --add "$PROGRAMS/tools/dpdk-ivshmem" \
        --add "$ROOT/tests/e2e/restart/guest.sh:/usr/bin/guest.sh" --output "$IMAGE"
}

start_vm() {
    mkdir "$VM"
    # In its folder, so that the paths of its sockets are short.
    start vm env -C "$VM" "$ROOT/scripts/launch" --initrd "$IMAGE" --accel "$ACCEL" \
        --append "$HOTPLUG_KERNEL -- sh /usr/bin/guest.sh $PORT" -- \
        -smp "$HOTPLUG_CPUS,maxcpus=2" -qmp unix:qmp,server=on,wait=off \
        -chardev socket,id=agent,path=agent,server=on,wait=off -serial chardev:agent
    VM_PID=$PID
    until_true "$BOOT_LIMIT" says vm "guest.sh: ready" ||
        die "the guest has not booted" "$(tail -n 3 "$RUN/vm.log")"
}

says() { grep -qF -- "$2" "$RUN/$1.log"; }

# qmp LINE: as the host program has printed it.
qmp() { "$ROOT/scripts/qmp" "$VM/qmp" "$1"; }

# in_guest COMMAND: OUTPUT is what it printed, on one line, or how it failed.
in_guest() {
    OUTPUT=$(PYTHONPATH=$ROOT/tests/e2e/hotplug "$PYTHON" -B \
        "$ROOT/tests/e2e/restart/in_guest.py" "$VM/agent" "$1")
}

# ---- host ---------------------------------------------------------------------

# start_life NUMBER MEMORY-ARGUMENTS...: sets HOST_PID and LIFE, its number.
start_life() {
    LIFE=$1
    shift
    start "life$LIFE" "$PROGRAMS/tests/restart-host" "$@" --no-pci --no-telemetry \
        --lcores "0@$(allowed_cpus)" --file-prefix "$FILE_PREFIX" \
        --log-level lib.eal:warning -- restart "$LIFE"
    HOST_PID=$PID
    until_true 20 life_begun || true
    says "life$LIFE" "life $LIFE is shared" ||
        die "the host program does not start" "$(tail -n 3 "$RUN/life$LIFE.log")"
}

life_begun() { says "life$LIFE" "life $LIFE is shared" || ended "$HOST_PID"; }

# end_life SIGNAL: the host program ends by that.
end_life() {
    kill "-$1" "$HOST_PID"
    wait "$HOST_PID" 2>/dev/null || true
}

# share_more: from now on the VM has an older generation.
share_more() {
    kill -USR1 "$HOST_PID"
    until_true 20 says "life$LIFE" "more is shared"
}

# line COMMAND: what the host program printed for QMP.
line() { grep -m 1 -F "\"execute\":\"$1\"" "$RUN/life$LIFE.log"; }

# addresses NUMBER: of all that is shared, as the dump tells; not the names of files,
# which differ in each life.
addresses() {
    awk '/^(memzone|ring|mempool|part) / || / at host address / { print }' "$RUN/life$1.log"
}

same_addresses() {
    local first
    first=$(addresses "$1")
    [ -n "$first" ] && [ "$first" = "$(addresses "$2")" ]
}

# ---- device -------------------------------------------------------------------

# plug: and wait until the guest has its BAR 2.
plug() {
    qmp "$(line device_add)" && until_true "$BOOT_LIMIT" in_guest \
        'for d in /sys/bus/pci/devices/*; do grep -q 0x1110 $d/device && ls $d/resource2 && break; done'
}

# ---- guest --------------------------------------------------------------------

# prints TEXT COMMAND: the command of the guest prints that, and how it ends.
prints() {
    in_guest "$2" || true
    [[ $OUTPUT == *"$1"* ]] || { echo "# $OUTPUT"; return 1; }
}

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

has_not_rebooted() {
    in_guest 'cat /proc/sys/kernel/random/boot_id' && [ "$OUTPUT" = "$BOOT_ID" ]
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
    if [ "$(id -u)" -ne 0 ] || [ ! -d /sys/kernel/mm/hugepages/hugepages-2048kB ]; then
        TESTS=$((TESTS + 1))
        echo "ok $TESTS - with hugepages # SKIP reserving them needs root, and a kernel that has them"
        return
    fi
    # Twice what a life has: QEMU still maps the one before.
    hugepages_begin 64
    check_lives -m 32 --huge-dir "$HUGE_DIR"
}

make_image >&2
mkdir -p "$RTE_IVSHMEM_DIR"
start_vm
in_guest 'cat /proc/sys/kernel/random/boot_id'
BOOT_ID=$OUTPUT
LIFE=0
check_lives --no-huge -m 16
check_hugepages
stop "$VM_PID"
drain
done_testing
