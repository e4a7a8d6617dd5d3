#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For the benchmark guest-exchange: the host program, two VMs and a process of the host,
# with one device; prints the host program's samples.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../.." && pwd)
# shellcheck source=scripts/lib/common.sh
. "$ROOT/scripts/lib/common.sh"
# shellcheck source=scripts/lib/exchange.sh
. "$ROOT/scripts/lib/exchange.sh"
# shellcheck source=scripts/bench/vm/lib.sh
. "$ROOT/scripts/bench/vm/lib.sh"

BENCH=$PROGRAMS/bench
PARTS=(host vm1 vm2 process)
VM_MEMORY=256 # MiB

usage() {
    cat <<'END'
usage: scripts/bench/vm/exchange.sh ROUNDS MILLISECONDS CORE CORE [HUGE-DIR]

ROUNDS rounds of samples, each of about so many MILLISECONDS. The host program and the
second VM run on the first CORE, the first VM and the process on the other one: of any
two that exchange, each has its own. The shared memory is in HUGE-DIR, a hugetlbfs, or in
ordinary pages.
END
}

make_image() {
    make_guest_image # sets PLUGIN_FILES and ACCEL, too
    GUEST_IMAGE=$BUILD/guest/exchange.img
    "$ROOT/scripts/guest-image" --add "$BENCH/bench-exchange-peer" "${PLUGIN_FILES[@]}" \
        --module "$("$ROOT/scripts/guest-module")" --output "$GUEST_IMAGE"
}

# eal CORE: options that all programs have, on that core.
eal() { echo "--no-telemetry --log-level lib.eal:warning --lcores 0@$1"; }

# run_host CORE: its samples go to standard output.
run_host() {
    local memory=(--no-huge -m 64)
    [ -z "$HUGETLBFS" ] || memory=(-m 64 --huge-dir "$HUGETLBFS")
    mkdir -p "$RTE_IVSHMEM_DIR"
    # shellcheck disable=SC2046  # words
    "$BENCH/bench-exchange-host" "${memory[@]}" --no-pci $(eal "$1") \
        --file-prefix "$FILE_PREFIX" -- "$DEVICE_FILE" "$ROUNDS" "$MILLISECONDS" \
        2>"$RUN/host.log" &
    HOST_PID=$!
    STARTED+=("$HOST_PID")
    # shellcheck disable=SC2119  # without its argument
    wait_for_device || fail "${PARTS[@]}"
}

# run_vm STATION CORE
run_vm() {
    VM_RUNNER=(taskset --cpu-list "$2")
    start_guest_as "vm$1" "bench-exchange-peer --no-huge -m 16 $(eal 0) $GUEST_PLUGINS -- $1" \
        --accel "$ACCEL" --memory "$VM_MEMORY" --device "$DEVICE_FILE" \
        -- -smp "1,maxcpus=2"
}

# run_process STATION CORE
run_process() {
    # shellcheck disable=SC2046  # words
    start process env LD_LIBRARY_PATH="$(dirname "$PLUGIN")" "$BENCH/bench-exchange-peer" \
        --no-huge -m 16 --no-pci $(eal "$2") --file-prefix "$FILE_PREFIX-process" \
        -d "$(basename "$PLUGIN")" -a "ivshmem0,file=$RTE_IVSHMEM_DIR/exchange" -- "$1"
}

main() {
    [ $# -ge 4 ] || { usage >&2; exit 2; }
    ROUNDS=$1 MILLISECONDS=$2
    make_image
    exchange_begin
    HUGETLBFS=${5:-}
    run_host "$3"
    run_vm 1 "$4"
    run_vm 2 "$3"
    run_process 3 "$4"
    # Without looking now and then, which would disturb. Whoever ends first, the host
    # program is the next to end.
    wait -n "${STARTED[@]}" || fail "${PARTS[@]}"
    until_true 10 ended "$HOST_PID" || fail "${PARTS[@]}"
    status_of "$HOST_PID"
    [ "$STATUS" = 0 ] || fail "${PARTS[@]}"
}

main "$@"
