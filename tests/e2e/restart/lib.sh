# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For the tests in which a host program, restart_host.c, dies and comes back while
# a VM runs, and the VM's devices are plugged by QMP. Needs lib.sh.
#
# For what the scripts use, and for what the guest is to expand:
# shellcheck disable=SC2016,SC2034

IMAGE=$RUN/guest.img
VM=$RUN/vm
PORT=/dev/ttyS1

# make_image FILE...: a guest with these programs, our plugin and tool.
make_image() {
    local file add=()
    for file in "$@"; do add+=(--add "$file"); done
    "$ROOT/scripts/guest-image" "${add[@]}" \
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

has_not_rebooted() {
    in_guest 'cat /proc/sys/kernel/random/boot_id' && [ "$OUTPUT" = "$BOOT_ID" ]
}
