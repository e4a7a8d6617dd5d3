#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: plug_at_run_time.sh [--measure N]
#
# Devices come and go while a program of the guest runs: it attaches them by itself
# or by a call, detaches them, and is told when its host dies, comes back, or when
# the device is pulled out under it. --measure: only the time from device_add to
# the first message, N times, for the benchmark plug.
#
# For the functions that are called by way of check and until_true, and for what
# the guest is to expand:
# shellcheck disable=SC2016,SC2119,SC2120,SC2317
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=tests/e2e/restart/lib.sh
. "$ROOT/tests/e2e/restart/lib.sh"

CYCLES=20
SILENT=3000 # milliseconds, RTE_IVSHMEM_SILENT_MS
# Linked with our library, so without it as a plugin; and away from the addresses of
# the host program, which has the default ones.
GUEST="plug-guest --no-huge -m 16 --no-telemetry --base-virtaddr 0x10000000000 \
--log-level lib.eal:warning -d librte_mempool_ring.so"
HOST=(--no-huge -m 16)

milliseconds() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }

# ---- the program that stays ------------------------------------------------------

LINES_READ=0 # of what it has printed

start_program() {
    in_guest "{ $GUEST --lcores 64@0 -- monitor & echo \$! >/tmp/pid; wait \$!; echo exit status \$?; } >/tmp/out 2>&1 &"
    tells "monitoring"
}

# new_lines: OUTPUT is what it has printed since the line that was waited for last.
new_lines() { in_guest "tail -n +$((LINES_READ + 1)) /tmp/out | sed 's/\$/;/'"; }

has_new_line() {
    new_lines || return 1
    [[ $OUTPUT == *"$1"* ]]
}

# tells TEXT: it prints that in a line behind those that were waited for before.
tells() {
    until_true "$BOOT_LIMIT" has_new_line "$1" || { echo "# not '$1': $OUTPUT"; return 1; }
    in_guest "awk -v from=$LINES_READ 'NR > from && index(\$0, \"$1\") { print NR; exit }' /tmp/out"
    LINES_READ=$OUTPUT
}

# tells_not TEXT: nor after some looks of the monitor.
tells_not() {
    sleep 1
    ! has_new_line "$1" || { echo "# $OUTPUT"; return 1; }
}

signal() { in_guest "kill -$1 \$(cat /tmp/pid)"; }

attaches() { tells "event attached " && tells "life $LIFE: 200 packets there and back"; }

nothing_left() { tells "left: 0 mappings of devices"; }

# ---- devices ---------------------------------------------------------------------

# add [ID]: the line of the life that is, perhaps with another id; ADDED is when.
add() {
    local text
    text=$(line device_add)
    ADDED=$(PYTHONPATH=$ROOT/tests/e2e/hotplug "$PYTHON" -B "$ROOT/tests/e2e/plug/timed_qmp.py" \
        "$VM/qmp" "${text//ivshmem-restart/${1:-ivshmem-restart}}") || { echo "# $ADDED"; return 1; }
}

# del [ID]
del() {
    local text
    text=$(line device_del)
    qmp "${text//ivshmem-restart/${1:-ivshmem-restart}}"
}

# first_packet NUMBER: that many guests have begun to send to this life.
first_packet() { [ "$(grep -c "^first packet at" "$RUN/life$LIFE.log")" -ge "$1" ]; }

# one_cycle NUMBER: of this life; adds to TIMES, in milliseconds.
one_cycle() {
    local at
    add && until_true "$BOOT_LIMIT" first_packet "$1" || return 1
    at=$(sed -n 's/^first packet at //p' "$RUN/life$LIFE.log" | sed -n "$1p")
    TIMES+=("$(awk -v from="$ADDED" -v to="$at" 'BEGIN { printf "%.1f", (to - from) * 1000 }')")
    attaches && signal USR2 && tells "event detached" && nothing_left && del
}

# cycles NUMBER: from the count of first packets that there are.
cycles() {
    local i before
    before=$(grep -c "^first packet at" "$RUN/life$LIFE.log" || true)
    TIMES=()
    for ((i = 1; i <= $1; i++)); do
        one_cycle $((before + i)) || { echo "# cycle $i"; return 1; }
    done
}

print_times() {
    printf '%s\n' "${TIMES[@]}" | sort -n | awk -v accel="$ACCEL" '
        { all[NR] = $1 }
        END {
            median = NR % 2 ? all[(NR + 1) / 2] : (all[NR / 2] + all[NR / 2 + 1]) / 2
            printf "# device_add to first message: median %.1f ms of %d (%.1f to %.1f), %s\n",
                   median, NR, all[1], all[NR], accel
        }'
}

# The last count of all mappings that it printed.
all_mappings() {
    in_guest "sed -n 's/^left: .*, \([0-9]*\) in all.*/\1/p' /tmp/out | tail -n 1"
    echo "$OUTPUT"
}

called() {
    in_guest 'grep -v ^ivshmem: /tmp/call'
    [[ $OUTPUT == *"$1"* ]]
}

# ---- what is checked ---------------------------------------------------------------

check_plug() {
    in_guest "mkfifo /tmp/fifo; \
        $GUEST --lcores 65@0 --file-prefix other -- call /tmp/fifo >/tmp/call 2>&1 &"
    check "nothing is attached by itself before there is something" tells_not "event"
    check "the device is plugged" add
    check "the program finds it" tells "event found 0000:"
    check "and attaches it, and exchanges packets" attaches
    # It started before the device came.
    in_guest 'basename $(dirname $(grep -l 0x1110 /sys/bus/pci/devices/*/device)) >/tmp/fifo'
    check "another program attaches it by a call, with the same result" \
        until_true "$BOOT_LIMIT" called "life 1: 200 packets there and back left: 0 mappings of devices"
    signal USR2
    check "the program detaches it" tells "event detached"
    check "which leaves no mapping behind" nothing_left
    check "and it is not attached again" tells_not "event attached"
    check "the device is unplugged" del
}

check_surprise() {
    add
    check "plugged again, it is attached again" attaches
    check "it is unplugged although it is attached" del
    check "the program is told that it is gone" tells "live to gone"
    check "it is detached by itself" tells "event detached"
    check "which leaves no mapping behind" nothing_left
    add
    attaches
    signal USR1
    check "the program holds it" tells "held: good"
    check "it is unplugged once more" del
    check "the program is told so" tells "live to gone"
    check "and keeps it while it holds it" tells_not "event detached"
    add
    check "the same device in the same place does not pass for the old one" tells "event returned"
    check "and is not attached meanwhile" tells_not "event attached"
    signal USR1
    check "when the program releases the old one, that goes" nothing_left
    check "and the new one is attached" attaches
}

check_host() {
    local killed took
    killed=$(milliseconds)
    end_life KILL
    check "after kill -9 of the host the program is told that it is silent" tells "live to silent"
    took=$(($(milliseconds) - killed))
    # A busy machine and a look through a serial port come on top.
    check "in about the time that is promised: $took ms" \
        [ "$took" -ge $((SILENT - 500)) ] && [ "$took" -le $((SILENT + 5000)) ]
    start_life 2 "${HOST[@]}"
    check "the host is back, with all at the same addresses" same_addresses 1 2
    check "the program is told that the old one will not come back" tells "silent to closing"
    check "the new device is plugged beside the old one" add ivshmem-new
    check "the program is told that its host has returned" tells "event returned"
    check "the old one is detached" nothing_left
    check "and the new one attached" attaches
    check "the old device is unplugged" del
    check "which is no news to the program" tells_not "event"
    signal USR2
    tells "event detached"
    nothing_left
    check "so is the new one" del ivshmem-new
}

check_cycles() {
    local before
    before=$(all_mappings)
    check "$CYCLES times: plug, attach, packets, detach, unplug" cycles "$CYCLES"
    check "there are as many mappings as before: $before" [ "$(all_mappings)" = "$before" ]
    print_times
}

check_end() {
    check "the guest has not been booted again" has_not_rebooted
    signal TERM
    check "the program ends in order" tells "exit status 0"
    end_life TERM
}

# measure NUMBER: a line each, for scripts/bench.
measure() {
    cycles "$1" || die "a cycle failed" "$(tail -n 3 "$RUN/vm.log")"
    printf 'sample|device_add to first message|attached by itself|ivshmem|%s\n' "${TIMES[@]}"
}

make_image "$PROGRAMS/tests/plug-guest" >&2
mkdir -p "$RTE_IVSHMEM_DIR"
start_life 1 "${HOST[@]}"
start_hotplug_vm "$IMAGE"
in_guest 'cat /proc/sys/kernel/random/boot_id'
BOOT_ID=$OUTPUT
start_program
if [ "${1:-}" = --measure ]; then
    measure "${2:-20}"
    end_life TERM
    stop "$VM_PID"
    drain
    exit 0
fi
check_plug
check_surprise
check_host
check_cycles
check_end
stop "$VM_PID"
drain
done_testing
